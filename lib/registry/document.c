#include "registry/document_i.h"

#include <string.h>

/* ---- writing ---- */

bool json_number(cJSON *object, const char *name, uint64_t value)
{
    return cJSON_AddNumberToObject(object, name, (double)value) != NULL;
}

bool json_known(cJSON *object, const char *name, uint64_t value)
{
    return value != 0 ? json_number(object, name, value) : cJSON_AddNullToObject(object, name) != NULL;
}

bool json_text(cJSON *object, const char *name, const char *text)
{
    return cJSON_AddStringToObject(object, name, text) != NULL;
}

bool json_bool(cJSON *object, const char *name, bool value)
{
    return cJSON_AddBoolToObject(object, name, value) != NULL;
}

bool json_time(cJSON *object, const char *name, struct smki_time time)
{
    char text[SMKI_TIME_TEXT_SIZE];

    if (time.us == 0)
        return cJSON_AddNullToObject(object, name) != NULL;
    if (!time_is_writable(time)) /* what cannot be read back is not written */
        return false;
    return json_text(object, name, smki_time_text_utc(time, text));
}

bool json_hex(cJSON *object, const char *name, struct smki_bytes bytes)
{
    char text[2 * SHA256_SIZE + 1];

    if (bytes.size > SHA256_SIZE)
        return false;
    return json_text(object, name, hex_encode(text, bytes.at, bytes.size));
}

cJSON *json_complete(cJSON *object, bool complete)
{
    if (complete)
        return object;
    cJSON_Delete(object);
    return NULL;
}

int document_put(struct store_change *change, enum store_kind kind, uint64_t number, cJSON *object, struct smki_error *err)
{
    char *text = NULL;
    int rc;

    if (json_number(object, "layout", DOCUMENT_LAYOUT))
        text = cJSON_PrintUnformatted(object);
    cJSON_Delete(object);
    if (text == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    rc = store_document_put(change, kind, number, BYTES(text, strlen(text)), err);
    cJSON_free(text);
    return rc;
}

/* ---- reading ---- */

bool json_whole(const cJSON *item, uint64_t *out)
{
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0 && item->valuedouble <= (double)NUMBER_MAX))
        return false;
    *out = (uint64_t)item->valuedouble;
    return (double)*out == item->valuedouble;
}

static const cJSON *member(struct document *document, const char *name)
{
    const cJSON *found = cJSON_GetObjectItemCaseSensitive(document->root, name);

    if (found == NULL)
        document_bad(document, name);
    return found;
}

void document_bad(struct document *document, const char *name)
{
    if (document->bad == NULL)
        document->bad = name;
}

/* cJSON notes where each reading failed in one place for all threads, also when it is asked not to tell (cJSON_GetErrorPtr): nobody here asks
 * for it, so that two threads write it at once does no harm. */
static int document_parse(struct document *out, struct smki_bytes json, struct smki_error *err)
{
    cJSON *root = cJSON_ParseWithLength((const char *)json.at, json.size);
    const cJSON *layout = cJSON_GetObjectItemCaseSensitive(root, "layout");

    if (!cJSON_IsObject(root) || !cJSON_IsNumber(layout)) {
        cJSON_Delete(root);
        return smki_fail(err, SMKI_STORE_CORRUPT, "the document of %s %llu in the store cannot be read; restore a backup and report it",
                         out->noun, (unsigned long long)out->number);
    }
    if (layout->valuedouble > DOCUMENT_LAYOUT) {
        int rc =
            smki_fail(err, SMKI_STORE_VERSION, "%s %llu was written by a newer version (layout %.0f, this one knows %d); use that version",
                      out->noun, (unsigned long long)out->number, layout->valuedouble, DOCUMENT_LAYOUT);
        cJSON_Delete(root);
        return rc;
    }
    out->root = root;
    return 0;
}

int document_open_json(struct document *out, struct smki_bytes json, uint64_t number, const char *noun, struct smki_error *err)
{
    *out = (struct document){.noun = noun, .number = number};
    return document_parse(out, json, err);
}

int document_open(struct document *out, struct store_view *view, enum store_kind kind, uint64_t number, const char *noun,
                  struct smki_error *err)
{
    struct smki_bytes json;
    int rc = store_document_get(view, kind, number, &json, err);

    if (rc == SMKI_NOT_FOUND)
        return smki_fail(err, SMKI_NOT_FOUND, "there is no %s %llu", noun, (unsigned long long)number);
    return rc != 0 ? rc : document_open_json(out, json, number, noun, err);
}

int document_open_next(struct document *out, struct store_view *view, enum store_kind kind, uint64_t *number, const char *noun,
                       struct smki_error *err)
{
    struct smki_bytes json;
    uint64_t after = *number;
    int rc = store_document_next(view, kind, number, &json, err);

    *out = (struct document){.noun = noun, .number = *number};
    if (rc == SMKI_NOT_FOUND)
        return smki_fail(err, SMKI_NOT_FOUND, "there is no %s after %llu", noun, (unsigned long long)after);
    return rc != 0 ? rc : document_parse(out, json, err);
}

uint64_t document_number(struct document *document, const char *name)
{
    uint64_t value = 0;

    if (!json_whole(member(document, name), &value))
        document_bad(document, name);
    return value;
}

uint64_t document_known(struct document *document, const char *name)
{
    return cJSON_IsNull(member(document, name)) ? 0 : document_number(document, name);
}

bool document_bool(struct document *document, const char *name)
{
    const cJSON *found = member(document, name);

    if (!cJSON_IsBool(found))
        document_bad(document, name);
    return cJSON_IsTrue(found) != 0;
}

const char *document_word(struct document *document, const char *name)
{
    const cJSON *found = member(document, name);

    if (cJSON_IsString(found))
        return found->valuestring;
    document_bad(document, name);
    return "";
}

void document_text(struct document *document, const char *name, char *out, size_t size)
{
    const char *text = document_word(document, name);
    size_t length = strlen(text);

    if (length >= size) {
        document_bad(document, name);
        length = 0;
    }
    memcpy(out, text, length);
    out[length] = '\0';
}

struct smki_time document_time(struct document *document, const char *name)
{
    struct smki_time time = {0};

    if (cJSON_IsNull(member(document, name)))
        return time;
    if (smki_time_parse(&time, document_word(document, name), NULL) != 0)
        document_bad(document, name);
    return time;
}

void document_hex(struct document *document, const char *name, uint8_t *out, size_t size)
{
    const char *text = document_word(document, name);

    if (hex_decode(out, size, text, strlen(text), NULL) != 0)
        document_bad(document, name);
}

const cJSON *document_array(struct document *document, const char *name)
{
    const cJSON *found = member(document, name);

    if (cJSON_IsArray(found))
        return found;
    document_bad(document, name);
    return NULL;
}

int document_close(struct document *document, struct smki_error *err)
{
    cJSON_Delete(document->root);
    document->root = NULL;
    if (document->bad == NULL)
        return 0;
    return smki_fail(err, SMKI_STORE_CORRUPT,
                     "%s %llu in the store: \"%s\" is missing or not what it should be; restore a backup and report it", document->noun,
                     (unsigned long long)document->number, document->bad);
}
