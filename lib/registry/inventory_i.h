/* An inventory being imported. The two readers (CSV, JSON) give it rows, cell by cell; it checks the cells, and in the second pass stores
 * the rows. */
#ifndef SMKI_INVENTORY_I_H
#define SMKI_INVENTORY_I_H

#include "registry/document_i.h"

enum inventory_column {
    COLUMN_DEVICE_ID,
    COLUMN_TYPE,
    COLUMN_STATUS,
    COLUMN_IMPORT_SUPPLIER,
    COLUMN_GAS_SUPPLIER,
    COLUMN_CERTIFICATE_LIMIT,
    COLUMN_COUNT,
};

/* One device as the file tells it. `given` has a bit for each column that is there: what is not is left as it is recorded. */
struct inventory_row {
    struct smki_device device;
    unsigned given;
};

struct inventory {
    struct smki_store *store;
    const struct smki_actor *actor;
    const char *path, *name;     /* name: its last part, for the audit log */
    bool storing;                /* the second pass */
    struct store_view *view;     /* looks Parties up; renewed now and then, since views must be short */
    uint64_t view_rows;          /* seen through this view */
    uint8_t sha256[SHA256_SIZE]; /* of the file as the first pass read it */
    struct inventory_row *rows;  /* SMKI_IMPORT_CHUNK of them */
    size_t count;
    uint64_t first_line, last_line; /* of the rows in hand */
    struct smki_import_report report;
};

/* The column with this name (any case, '-' and ' ' for '_'; "device_type" and "smi_status" too). INVENTORY_INVALID with the nearest name.
 */
SMKI_MUST_USE int inventory_column_find(enum inventory_column *out, const char *name, struct smki_error *err);
const char *inventory_column_name(enum inventory_column column);
/* Reads one cell into the row. "": not known. Errors say what is right; the caller adds where. */
SMKI_MUST_USE int inventory_cell(struct inventory *inventory, struct inventory_row *row, enum inventory_column column, const char *text,
                                 struct smki_error *err);
/* Takes a complete row that began at this line: checks it, and in the second pass stores it when its chunk is full. */
SMKI_MUST_USE int inventory_take(struct inventory *inventory, const struct inventory_row *row, uint64_t line, struct smki_error *err);

/* The readers: read the whole file once, and hash it. */
SMKI_MUST_USE int inventory_read_csv(struct inventory *inventory, FILE *file, uint8_t sha256[SHA256_SIZE], struct smki_error *err);
SMKI_MUST_USE int inventory_read_json(struct inventory *inventory, FILE *file, uint8_t sha256[SHA256_SIZE], struct smki_error *err);

#endif
