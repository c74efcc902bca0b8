/* Inventories as JSON: an array of objects. The elements go through cJSON one at a time, so that memory is the file's text and one element.
 */
#include "registry/inventory_i.h"

#include <string.h>

/* The text of the file, closed by NUL (cJSON before 1.7.18 looks one octet past an object that ends early, CVE-2023-53154), and where the
 * reader stands. */
struct json_reading {
    struct inventory *inventory;
    const char *at, *end; /* end: the NUL */
    uint64_t line, element;
};

static int refuse(struct json_reading *reading, const char *text, struct smki_error *err)
{
    return smki_fail(err, SMKI_INVENTORY_INVALID, "line %llu: %s", (unsigned long long)reading->line, text);
}

/* Moves to `at`, counting the lines on the way. */
static void move_to(struct json_reading *reading, const char *at)
{
    for (; reading->at < at; reading->at++)
        reading->line += *reading->at == '\n';
}

/* Takes `mark` when it is the next character but for white space (RFC 8259 2). */
static bool take(struct json_reading *reading, char mark)
{
    move_to(reading, reading->at + strspn(reading->at, " \t\r\n"));
    if (*reading->at != mark || reading->at == reading->end)
        return false;
    reading->at++;
    return true;
}

/* A member's value as the text of a cell. */
static int cell_text(const cJSON *item, char *number, size_t size, const char **out, struct smki_error *err)
{
    uint64_t value;

    *out = number;
    if (cJSON_IsNull(item))
        *number = '\0';
    else if (cJSON_IsString(item))
        *out = item->valuestring;
    else if (json_whole(item, &value))
        snprintf(number, size, "%llu", (unsigned long long)value);
    else
        return smki_fail(err, SMKI_INVENTORY_INVALID, "the value must be text, a whole number or null");
    return 0;
}

static int member(struct json_reading *reading, struct inventory_row *row, const cJSON *item, struct smki_error *err)
{
    enum inventory_column column;
    const char *text;
    char number[24];
    int rc;

    if ((rc = inventory_column_find(&column, item->string, err)) != 0)
        return smki_error_prefix(err, "line %llu, element %llu", (unsigned long long)reading->line, (unsigned long long)reading->element);
    if ((row->given & 1u << column) != 0)
        rc = smki_fail(err, SMKI_INVENTORY_INVALID, "it is there twice");
    else if ((rc = cell_text(item, number, sizeof(number), &text, err)) == 0)
        rc = inventory_cell(reading->inventory, row, column, text, err);
    if (rc != 0)
        smki_error_prefix(err, "line %llu, element %llu, %s", (unsigned long long)reading->line, (unsigned long long)reading->element,
                          inventory_column_name(column));
    return rc;
}

/* One element of the array; `reading` stands at its line. */
static int element(struct json_reading *reading, const cJSON *object, struct smki_error *err)
{
    struct inventory_row row = {0};
    const cJSON *item;
    int rc;

    reading->element++;
    if (!cJSON_IsObject(object))
        return refuse(reading, "an inventory is an array of objects; this element is none", err);
    cJSON_ArrayForEach(item, object)
    {
        if ((rc = member(reading, &row, item, err)) != 0)
            return rc;
    }
    if ((rc = inventory_take(reading->inventory, &row, reading->line, err)) != 0)
        smki_error_prefix(err, "line %llu, element %llu", (unsigned long long)reading->line, (unsigned long long)reading->element);
    return rc;
}

static int next_element(struct json_reading *reading, struct smki_error *err)
{
    const char *end = NULL;
    cJSON *object;
    int rc;

    move_to(reading, reading->at + strspn(reading->at, " \t\r\n"));
    object = cJSON_ParseWithLengthOpts(reading->at, (size_t)(reading->end - reading->at) + 1, &end, false);
    if (object == NULL) {
        move_to(reading, end);
        return refuse(reading, "not JSON (RFC 8259)", err);
    }
    rc = element(reading, object, err);
    cJSON_Delete(object);
    move_to(reading, end);
    return rc;
}

static int read_array(struct json_reading *reading, struct smki_error *err)
{
    int rc;

    if (!take(reading, '['))
        return refuse(reading, "an inventory is an array of objects: [{\"device_id\": ...}, ...]", err);
    if (!take(reading, ']')) {
        do {
            if ((rc = next_element(reading, err)) != 0)
                return rc;
        } while (take(reading, ','));
        if (!take(reading, ']'))
            return refuse(reading, "after an element there is a comma or the array's end", err);
    }
    (void)take(reading, '\0');
    return reading->at == reading->end ? 0 : refuse(reading, "something stands after the array", err);
}

static int read_text(struct smki_buffer *text, FILE *file, const char *path, struct smki_error *err)
{
    char block[16384];
    size_t size;
    int rc;

    while ((size = fread(block, 1, sizeof(block), file)) != 0) {
        if (size > SMKI_IMPORT_MAX_JSON - text->size)
            return smki_fail(err, SMKI_TOO_LARGE, "%s is larger than %u MiB; import so many devices as CSV", path,
                             SMKI_IMPORT_MAX_JSON >> 20);
        if ((rc = smki_buffer_append(text, block, size, err)) != 0)
            return rc;
    }
    if (ferror(file))
        return smki_fail(err, SMKI_IO, "cannot read %s", path);
    return smki_buffer_append(text, "", 1, err);
}

int inventory_read_json(struct inventory *inventory, FILE *file, uint8_t sha256_out[SHA256_SIZE], struct smki_error *err)
{
    struct json_reading reading = {.inventory = inventory, .line = 1};
    struct smki_buffer text = {0};
    int rc = read_text(&text, file, inventory->path, err);

    if (rc == 0) {
        sha256(sha256_out, text.at, text.size - 1);
        reading.at = (const char *)text.at;
        reading.end = reading.at + text.size - 1;
        if (text.size > 3 && memcmp(text.at, "\xef\xbb\xbf", 3) == 0)
            reading.at += 3; /* a byte order mark */
        rc = read_array(&reading, err);
    }
    smki_buffer_finish(&text);
    return rc;
}
