/* Importing an inventory: the file is read twice, first to check every row, then to store them in chunks. Its hash says whether it was the
 * same file. */
#include "registry/inventory_i.h"

#include <smki/smki.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- columns and cells ---- */

static const char *const names[] = {
    [COLUMN_DEVICE_ID] = "device_id",
    [COLUMN_TYPE] = "type",
    [COLUMN_STATUS] = "status",
    [COLUMN_IMPORT_SUPPLIER] = "import_supplier",
    [COLUMN_GAS_SUPPLIER] = "gas_supplier",
    [COLUMN_CERTIFICATE_LIMIT] = "certificate_limit",
};

/* The words of eligibility.md for the same columns. */
static const struct {
    const char *name;
    enum inventory_column column;
} other_names[] = {{"device-type", COLUMN_TYPE}, {"smi-status", COLUMN_STATUS}};

const char *inventory_column_name(enum inventory_column column)
{
    return names[column];
}

static bool column_known(enum inventory_column *out, const char *name)
{
    char word[32];

    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        *out = (enum inventory_column)i;
        snprintf(word, sizeof(word), "%s", names[i]);
        for (char *c = word; *c != '\0'; c++)
            *c = *c == '_' ? '-' : *c;
        if (word_same(name, word))
            return true;
    }
    for (size_t i = 0; i < ARRAY_COUNT(other_names); i++) {
        *out = other_names[i].column;
        if (word_same(name, other_names[i].name))
            return true;
    }
    return false;
}

int inventory_column_find(enum inventory_column *out, const char *name, struct smki_error *err)
{
    const char *nearest;

    if (column_known(out, name))
        return 0;
    nearest = nearest_word(name, names, ARRAY_COUNT(names));
    if (nearest != NULL)
        return smki_fail(err, SMKI_INVENTORY_INVALID, "there is no column \"%.64s\"; did you mean %s?", name, nearest);
    return smki_fail(err, SMKI_INVENTORY_INVALID,
                     "there is no column \"%.64s\"; there are device_id, type, status, import_supplier, gas_supplier, "
                     "certificate_limit",
                     name);
}

/* Digits only, at most NUMBER_MAX. */
static bool whole_number(uint64_t *out, const char *text)
{
    *out = 0;
    for (const char *c = text; *c != '\0'; c++) {
        if (*c < '0' || *c > '9' || *out > NUMBER_MAX / 10 - 1)
            return false;
        *out = *out * 10 + (uint64_t)(*c - '0');
    }
    return text[0] != '\0';
}

/* A Party's number, or one of its EUI-64s: those have 16 digits, or hyphens. */
static int supplier_cell(struct inventory *inventory, uint64_t *out, const char *text, struct smki_error *err)
{
    struct smki_device_id eui;
    struct smki_bytes json;
    int rc;

    if (strlen(text) >= 2 * SMKI_DEVICE_ID_SIZE && smki_device_id_parse(&eui, text, NULL) == 0)
        return party_number_of_eui(inventory->view, &eui, out, err);
    if (!whole_number(out, text) || *out == 0)
        return smki_fail(err, SMKI_INVENTORY_INVALID, "\"%.64s\" is neither a Party's number nor an EUI-64", text);
    rc = store_document_get(inventory->view, STORE_PARTY, *out, &json, err);
    if (rc == SMKI_NOT_FOUND)
        return smki_fail(err, SMKI_PARTY_UNKNOWN, "there is no Party %s", text);
    return rc;
}

static int type_cell(enum smki_device_type *out, const char *text, struct smki_error *err)
{
    static const char *const words[] = {"ESME", "GSME", "CHF", "GPF", "HCALCS", "PPMID", "type2", "unknown"};
    const char *nearest;

    if (smki_device_type_find(text, out))
        return 0;
    nearest = nearest_word(text, words, ARRAY_COUNT(words));
    return smki_fail(err, SMKI_INVENTORY_INVALID,
                     "there is no device type \"%.64s\"%s%s%s; there are ESME, GSME, CHF, GPF, HCALCS, PPMID, type2, unknown", text,
                     nearest != NULL ? " (did you mean " : "", nearest != NULL ? nearest : "", nearest != NULL ? "?)" : "");
}

static int status_cell(enum smki_smi_status *out, const char *text, struct smki_error *err)
{
    const char *words[SMKI_SMI_WITHDRAWN + 1], *nearest;

    if (smki_smi_status_find(text, out))
        return 0;
    for (size_t i = 0; i < ARRAY_COUNT(words); i++)
        words[i] = smki_smi_status_word((enum smki_smi_status)i);
    if ((nearest = nearest_word(text, words, ARRAY_COUNT(words))) != NULL)
        return smki_fail(err, SMKI_INVENTORY_INVALID, "there is no SMI status \"%.64s\"; did you mean %s?", text, nearest);
    return smki_fail(err, SMKI_INVENTORY_INVALID,
                     "there is no SMI status \"%.64s\"; there are unknown, pending, whitelisted, "
                     "installed-not-commissioned, commissioned, suspended, recovery, recovered, decommissioned, "
                     "withdrawn",
                     text);
}

static int limit_cell(uint32_t *out, const char *text, struct smki_error *err)
{
    uint64_t value;

    if (!whole_number(&value, text) || value == 0 || value > UINT32_MAX)
        return smki_fail(err, SMKI_INVENTORY_INVALID, "\"%.64s\" is not a number of certificates (1 to %u; empty: the default)", text,
                         UINT32_MAX);
    *out = (uint32_t)value;
    return 0;
}

int inventory_cell(struct inventory *inventory, struct inventory_row *row, enum inventory_column column, const char *text,
                   struct smki_error *err)
{
    row->given |= 1u << column;
    if (column == COLUMN_DEVICE_ID)
        return smki_device_id_parse(&row->device.id, text, err);
    if (text[0] == '\0')
        return 0; /* not known; the row began as zeroes */
    switch (column) {
    case COLUMN_TYPE:
        return type_cell(&row->device.type, text, err);
    case COLUMN_STATUS:
        return status_cell(&row->device.status, text, err);
    case COLUMN_IMPORT_SUPPLIER:
        return supplier_cell(inventory, &row->device.import_supplier, text, err);
    case COLUMN_GAS_SUPPLIER:
        return supplier_cell(inventory, &row->device.gas_supplier, text, err);
    default:
        return limit_cell(&row->device.certificate_limit, text, err);
    }
}

/* ---- storing ---- */

struct chunk_change {
    const struct inventory *inventory;
    uint64_t added, changed, same;
};

/* The device as recorded, with what the row says of it in place. */
static void overlay(struct smki_device *device, const struct inventory_row *row)
{
    if ((row->given & 1u << COLUMN_TYPE) != 0)
        device->type = row->device.type;
    if ((row->given & 1u << COLUMN_STATUS) != 0)
        device->status = row->device.status;
    if ((row->given & 1u << COLUMN_IMPORT_SUPPLIER) != 0)
        device->import_supplier = row->device.import_supplier;
    if ((row->given & 1u << COLUMN_GAS_SUPPLIER) != 0)
        device->gas_supplier = row->device.gas_supplier;
    if ((row->given & 1u << COLUMN_CERTIFICATE_LIMIT) != 0)
        device->certificate_limit = row->device.certificate_limit;
}

static bool same_device(const struct smki_device *a, const struct smki_device *b)
{
    return a->type == b->type && a->status == b->status && a->import_supplier == b->import_supplier && a->gas_supplier == b->gas_supplier &&
           a->certificate_limit == b->certificate_limit;
}

static int row_store(struct store_change *change, struct chunk_change *chunk, const struct inventory_row *row, struct smki_error *err)
{
    struct smki_device old, device;
    int rc = store_device_get(store_change_view(change), &row->device.id, &old, err);
    bool known = rc == 0;

    if (rc != 0 && rc != SMKI_NOT_FOUND)
        return rc;
    device = known ? old : (struct smki_device){.id = row->device.id};
    overlay(&device, row);
    if (known && same_device(&old, &device)) {
        chunk->same++;
        return 0;
    }
    *(known ? &chunk->changed : &chunk->added) += 1;
    if ((rc = store_device_put(change, &device, err)) != 0)
        return rc;
    if (device.certificate_limit == (known ? old.certificate_limit : 0))
        return 0;
    return limit_record(change, chunk->inventory->actor, &device.id, known ? old.certificate_limit : 0, device.certificate_limit, err);
}

static int chunk_store(struct store_change *change, void *argument, struct smki_error *err)
{
    struct chunk_change *chunk = argument;
    const struct inventory *inventory = chunk->inventory;
    struct phrase phrase = {0};
    int rc;

    chunk->added = chunk->changed = chunk->same = 0;
    for (size_t i = 0; i < inventory->count; i++) {
        if ((rc = row_store(change, chunk, &inventory->rows[i], err)) != 0)
            return rc;
    }
    if (chunk->added + chunk->changed == 0)
        return 0;
    phrase_add(&phrase, "%.80s lines %llu to %llu", inventory->name, (unsigned long long)inventory->first_line,
               (unsigned long long)inventory->last_line);
    phrase_add(&phrase, "%llu added, %llu changed, %llu the same", (unsigned long long)chunk->added, (unsigned long long)chunk->changed,
               (unsigned long long)chunk->same);
    return record_act(change, inventory->actor, SMKI_ACT_DEVICE_IMPORT, 0, 0, phrase.text, err);
}

/* Stores the rows in hand. The view ends first: a change that waits for the map to grow must not wait for this thread's view. */
static int inventory_flush(struct inventory *inventory, struct smki_error *err)
{
    struct chunk_change chunk = {.inventory = inventory};
    int rc;

    store_view_end(inventory->view);
    inventory->view = NULL;
    if (inventory->count != 0 && (rc = store_change(inventory->store, chunk_store, &chunk, err)) != 0)
        return rc;
    inventory->report.added += chunk.added;
    inventory->report.changed += chunk.changed;
    inventory->report.same += chunk.same;
    inventory->count = 0;
    inventory->view_rows = 0;
    return store_view_begin(inventory->store, &inventory->view, err);
}

int inventory_take(struct inventory *inventory, const struct inventory_row *row, uint64_t line, struct smki_error *err)
{
    if ((row->given & 1u << COLUMN_DEVICE_ID) == 0)
        return smki_fail(err, SMKI_INVENTORY_INVALID, "device_id is missing");
    if (inventory->storing) {
        if (inventory->count == 0)
            inventory->first_line = line;
        inventory->rows[inventory->count++] = *row;
        inventory->last_line = line;
    }
    inventory->report.lines++;
    return ++inventory->view_rows == SMKI_IMPORT_CHUNK ? inventory_flush(inventory, err) : 0;
}

/* ---- the two passes ---- */

static int inventory_pass(struct inventory *inventory, FILE *file, uint8_t sha256[SHA256_SIZE], struct smki_error *err)
{
    const char *dot = strrchr(inventory->name, '.');
    bool json = dot != NULL && strcasecmp(dot, ".json") == 0;
    int rc;

    inventory->report = (struct smki_import_report){0};
    inventory->count = 0;
    inventory->view_rows = 0;
    if (fseeko(file, 0, SEEK_SET) != 0)
        return smki_fail_errno(err, errno, "cannot read %s twice", inventory->path);
    if ((rc = store_view_begin(inventory->store, &inventory->view, err)) != 0)
        return rc;
    rc = json ? inventory_read_json(inventory, file, sha256, err) : inventory_read_csv(inventory, file, sha256, err);
    if (rc == 0)
        rc = inventory_flush(inventory, err);
    store_view_end(inventory->view);
    inventory->view = NULL;
    return rc;
}

/* The last record of an import: what it came to, also when that was nothing. */
static int import_record(struct store_change *change, void *argument, struct smki_error *err)
{
    const struct inventory *inventory = argument;
    char hash[2 * SHA256_SIZE + 1];
    struct phrase phrase = {0};

    phrase_add(&phrase, "%.80s: %llu devices", inventory->name, (unsigned long long)inventory->report.lines);
    phrase_add(&phrase, "%llu added, %llu changed, %llu the same", (unsigned long long)inventory->report.added,
               (unsigned long long)inventory->report.changed, (unsigned long long)inventory->report.same);
    phrase_add(&phrase, "SHA-256 %s", hex_encode(hash, inventory->sha256, sizeof(inventory->sha256)));
    return record_act(change, inventory->actor, SMKI_ACT_DEVICE_IMPORT, 0, 0, phrase.text, err);
}

static int inventory_passes(struct inventory *inventory, FILE *file, struct smki_error *err)
{
    uint8_t sha256[SHA256_SIZE];
    int rc;

    if ((rc = inventory_pass(inventory, file, inventory->sha256, err)) != 0)
        return rc;
    inventory->storing = true;
    if ((rc = inventory_pass(inventory, file, sha256, err)) != 0)
        return rc;
    if (memcmp(sha256, inventory->sha256, sizeof(sha256)) != 0)
        return smki_fail(err, SMKI_INVENTORY_INVALID, "the file was changed while it was imported; part of it is stored, import it again");
    return store_change(inventory->store, import_record, inventory, err);
}

static FILE *inventory_open(const char *path, struct smki_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not make the open wait */
    struct stat status;
    FILE *file;

    if (fd < 0 || fstat(fd, &status) != 0) {
        (void)smki_fail_errno(err, errno, "cannot open %s", path);
    } else if (!S_ISREG(status.st_mode)) {
        (void)smki_fail(err, SMKI_INVENTORY_INVALID, "%s is no ordinary file; an inventory is read twice", path);
    } else if ((file = fdopen(fd, "rb")) != NULL) {
        return file;
    } else {
        (void)smki_fail_errno(err, errno, "cannot read %s", path);
    }
    if (fd >= 0)
        close(fd);
    return NULL;
}

int smki_device_import(struct smki_store *store, const struct smki_actor *actor, const char *path, struct smki_import_report *report,
                       struct smki_error *err)
{
    struct smki_error own = {0}; /* the code is needed when the caller gives none */
    struct inventory inventory = {.store = store, .actor = actor, .path = path};
    FILE *file = inventory_open(path, &own);
    int rc = own.code;

    inventory.name = strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path;
    if (file != NULL) {
        inventory.rows = calloc(SMKI_IMPORT_CHUNK, sizeof(*inventory.rows));
        rc = inventory.rows != NULL ? inventory_passes(&inventory, file, &own) : smki_fail(&own, SMKI_NO_MEMORY, NULL);
        fclose(file);
    }
    free(inventory.rows);
    if (rc == 0)
        *report = inventory.report;
    else if (err != NULL)
        *err = own;
    return rc;
}
