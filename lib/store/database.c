/* The databases of the environment, and their rows. */
#include "store/engine_i.h"

#include <string.h>

/* Numbers in keys are big endian, so that LMDB's order of octets is the order of numbers. */
static const char *const database_names[DB_COUNT] = {
    [DB_META] = "meta",                         /* "format": u32; "head": the end of the audit chain (record.c) */
    [DB_NUMBERS] = "numbers",                   /* u8 counter -> u64 last number given (number.c) */
    [DB_DOCUMENTS] = "documents",               /* u8 kind, u64 number -> JSON */
    [DB_NAMES] = "names",                       /* u8 kind, name -> u64 number */
    [DB_DEVICES] = "devices",                   /* Device ID -> device.c */
    [DB_CLAIMS] = "claims",                     /* Device ID, serial -> claim.c */
    [DB_KEY_PRINTS] = "key-prints",             /* path -> a run of prints: print.c (since format 3) */
    [DB_CERTIFICATES + 0] = "certificates-oca", /* serial -> certificate.c; one database a CA, so that each grows at its end */
    [DB_CERTIFICATES + 1] = "certificates-dca",
    [DB_CERTIFICATES + 2] = "certificates-ikica",
    [DB_CERTIFICATES + 3] = "certificates-oca-root",
    [DB_CERTIFICATES + 4] = "certificates-dca-root",
    [DB_REVOKED] = "revoked",             /* u8 CA, serial -> nothing */
    [DB_BATCHES] = "batches",             /* u64 -> batch.c */
    [DB_BATCHES_OPEN] = "batches-open",   /* u64 -> nothing: those whose state is not final (since format 2) */
    [DB_CHUNKS] = "chunks",               /* u64 batch, u32 chunk, u8 part -> the batch room's own octets */
    [DB_DEMAND] = "demand",               /* u64 party, u32 rule -> the demand room's own octets */
    [DB_VALUES] = "values",               /* name -> the caller's own octets */
    [DB_RECORDS] = "records",             /* u64 sequence -> record.c */
    [DB_CHECKPOINTS] = "checkpoints",     /* u64 sequence -> a head that was signed and is kept */
    [DB_PICKUP] = "pickup",               /* u64 party, serial -> pickup.c (this and the next two since format 5) */
    [DB_PARTY_BATCHES] = "batches-party", /* u64 party, u64 batch -> nothing */
    [DB_ORGANISATIONS] = "organisations", /* EUI-64, serial -> nothing: certificates of the OCA */
};

static const struct smki_bytes format_key = {.at = (const uint8_t *)"format", .size = 6};

static MDB_val val_of(struct smki_bytes bytes)
{
    return (MDB_val){.mv_data = (void *)(uintptr_t)bytes.at, .mv_size = bytes.size};
}

static struct smki_bytes bytes_of(MDB_val val)
{
    return BYTES(val.mv_data, val.mv_size);
}

struct smki_bytes key_u64(struct number_key *key, uint64_t number)
{
    struct writer writer = writer_of(key->octet, sizeof(key->octet));

    write_u64(&writer, number);
    return BYTES(key->octet, writer_size(&writer));
}

int layout_check(struct cursor *cursor, uint8_t newest, const char *what, struct smki_error *err)
{
    uint8_t layout = cursor_u8(cursor);

    if (layout == 0 || layout > newest)
        return smki_fail(err, SMKI_STORE_CORRUPT, "%s: layout %u, this version knows 1 to %u", what, layout, newest);
    return 0;
}

/* ---- opening ---- */

static int databases_in(struct smki_store *store, MDB_txn *txn, unsigned flags)
{
    int rc = 0;

    for (size_t i = 0; i < DB_COUNT && rc == 0; i++)
        rc = mdb_dbi_open(txn, database_names[i], flags, &store->database[i]);
    return rc;
}

/* A store of a newer version stays as it is. */
static int format_read(const struct smki_store *store, MDB_txn *txn, MDB_dbi meta, uint32_t *format, struct smki_error *err)
{
    MDB_val key = val_of(format_key), value;
    struct cursor cursor;
    int rc = mdb_get(txn, meta, &key, &value);

    if (rc != 0)
        return lmdb_fail(store, err, rc, "reading the format");
    cursor = cursor_of(bytes_of(value));
    *format = cursor_u32(&cursor);
    if (*format > STORE_FORMAT)
        return smki_fail(err, SMKI_STORE_VERSION, "%s: the store has format %u, this version knows up to %d; use the version that wrote it",
                         store->folder, *format, STORE_FORMAT);
    return cursor_close(&cursor, "the store's format", err);
}

/* Before any other database is touched. */
static int format_find(const struct smki_store *store, MDB_txn *txn, uint32_t *format, struct smki_error *err)
{
    MDB_dbi meta;
    int rc = mdb_dbi_open(txn, database_names[DB_META], 0, &meta);

    if (rc == MDB_NOTFOUND)
        return smki_fail(err, SMKI_STORE_MISSING, "%s: making the store was broken off before it was one; make it again with 'smki init'",
                         store->folder);
    return rc != 0 ? lmdb_fail(store, err, rc, "reading the format") : format_read(store, txn, meta, format, err);
}

static int databases_open_with(struct smki_store *store, unsigned transaction_flags, unsigned open_flags, uint32_t *format, bool *missing,
                               struct smki_error *err)
{
    MDB_txn *txn;
    int rc;

    *missing = false;
    if ((rc = transaction_begin(store, transaction_flags, &txn, err)) != 0)
        return rc;
    if ((rc = format_find(store, txn, format, err)) == 0) {
        rc = databases_in(store, txn, open_flags);
        *missing = rc == MDB_NOTFOUND;
        if (rc != 0 || (rc = mdb_txn_commit(txn)) != 0)
            rc = lmdb_fail(store, err, rc, "opening the databases");
        else
            txn = NULL;
    }
    mdb_txn_abort(txn);
    gate_leave(store);
    return rc;
}

int databases_open(struct smki_store *store, uint32_t *format, struct smki_error *err)
{
    bool missing;
    int rc = databases_open_with(store, MDB_RDONLY, 0, format, &missing, err);

    if (missing) /* an older format */
        rc = databases_open_with(store, 0, MDB_CREATE, format, &missing, err);
    return rc;
}

static int databases_fill(struct smki_store *store, MDB_txn *txn, struct smki_error *err)
{
    uint8_t format[4] = {0, 0, 0, STORE_FORMAT};
    MDB_val key = val_of(format_key), value = val_of(BYTES(format, sizeof(format)));
    MDB_stat root;
    int rc;

    if ((rc = mdb_env_stat(store->env, &root)) == 0 && root.ms_entries != 0)
        return smki_fail(err, SMKI_STORE_NOT_EMPTY, "%s: there is a store here already", store->folder);
    if (rc != 0 || (rc = databases_in(store, txn, MDB_CREATE)) != 0 ||
        (rc = mdb_put(txn, store->database[DB_META], &key, &value, MDB_NOOVERWRITE)) != 0)
        return lmdb_fail(store, err, rc, "making the databases");
    return 0;
}

int databases_create(struct smki_store *store, struct smki_error *err)
{
    MDB_txn *txn;
    int rc;

    if ((rc = transaction_begin(store, 0, &txn, err)) != 0)
        return rc;
    if ((rc = databases_fill(store, txn, err)) != 0)
        mdb_txn_abort(txn);
    else if ((rc = mdb_txn_commit(txn)) != 0)
        rc = lmdb_fail(store, err, rc, "making the databases");
    gate_leave(store);
    return rc;
}

int format_get(struct store_view *view, uint32_t *format, struct smki_error *err)
{
    return format_read(view->store, view->txn, view->store->database[DB_META], format, err);
}

int format_put(struct store_change *change, uint32_t format, struct smki_error *err)
{
    uint8_t octets[4];
    struct writer writer = writer_of(octets, sizeof(octets));

    write_u32(&writer, format);
    return row_put(change, DB_META, format_key, BYTES(octets, sizeof(octets)), err);
}

int database_count(struct store_view *view, enum database database, uint64_t *rows, struct smki_error *err)
{
    MDB_stat stat;
    int rc = mdb_stat(view->txn, view->store->database[database], &stat);

    if (rc != 0)
        return lmdb_fail(view->store, err, rc, "counting rows");
    *rows = stat.ms_entries;
    return 0;
}

/* ---- reading ---- */

int row_get(struct store_view *view, enum database database, struct smki_bytes key, struct smki_bytes *value, struct smki_error *err)
{
    MDB_val at = val_of(key), found;
    int rc = mdb_get(view->txn, view->store->database[database], &at, &found);

    resident_touch(view->store);
    if (rc == MDB_NOTFOUND)
        return SMKI_NOT_FOUND;
    if (rc != 0)
        return lmdb_fail(view->store, err, rc, "reading a row");
    *value = bytes_of(found);
    return 0;
}

/* What is left of a walk with a cursor: closes it and hands out the row. */
static int row_found(struct store_view *view, MDB_cursor *cursor, int rc, MDB_val key, MDB_val value, struct smki_bytes *key_out,
                     struct smki_bytes *value_out, struct smki_error *err)
{
    mdb_cursor_close(cursor);
    resident_touch(view->store);
    if (rc == MDB_NOTFOUND)
        return SMKI_NOT_FOUND;
    if (rc != 0)
        return lmdb_fail(view->store, err, rc, "reading the next row");
    *key_out = bytes_of(key);
    if (value_out != NULL)
        *value_out = bytes_of(value);
    return 0;
}

int row_after(struct store_view *view, enum database database, struct smki_bytes after, struct smki_bytes *key, struct smki_bytes *value,
              struct smki_error *err)
{
    MDB_val at = val_of(after), found = {0};
    MDB_cursor *cursor = NULL;
    int rc = mdb_cursor_open(view->txn, view->store->database[database], &cursor);

    if (rc == 0)
        rc = mdb_cursor_get(cursor, &at, &found, after.size == 0 ? MDB_FIRST : MDB_SET_RANGE);
    if (rc == 0 && after.size != 0 && at.mv_size == after.size && memcmp(at.mv_data, after.at, after.size) == 0)
        rc = mdb_cursor_get(cursor, &at, &found, MDB_NEXT);
    return row_found(view, cursor, rc, at, found, key, value, err);
}

int row_before(struct store_view *view, enum database database, struct smki_bytes before, struct smki_bytes *key, struct smki_bytes *value,
               struct smki_error *err)
{
    MDB_val at = val_of(before), found = {0};
    MDB_cursor *cursor = NULL;
    int rc = mdb_cursor_open(view->txn, view->store->database[database], &cursor);

    if (rc == 0) {
        rc = mdb_cursor_get(cursor, &at, &found, MDB_SET_RANGE);
        rc = mdb_cursor_get(cursor, &at, &found, rc == 0 ? MDB_PREV : MDB_LAST);
    }
    return row_found(view, cursor, rc, at, found, key, value, err);
}

int row_last(struct store_view *view, enum database database, struct smki_bytes *key, struct smki_bytes *value, struct smki_error *err)
{
    MDB_cursor *cursor = NULL;
    MDB_val at = {0}, found = {0};
    int rc = mdb_cursor_open(view->txn, view->store->database[database], &cursor);

    if (rc == 0)
        rc = mdb_cursor_get(cursor, &at, &found, MDB_LAST);
    return row_found(view, cursor, rc, at, found, key, value, err);
}

/* ---- writing ---- */

/* After a failure of LMDB the transaction is not to be trusted, whatever the change makes of the code. */
static int change_fail(struct store_change *change, struct smki_error *err, int rc, const char *what)
{
    int code = lmdb_fail(change->view.store, err, rc, what);

    if (rc == MDB_MAP_FULL)
        change->full = true;
    if (change->failed == 0)
        change->failed = code;
    return code;
}

static int row_write(struct store_change *change, enum database database, struct smki_bytes key, MDB_val *value, unsigned flags,
                     struct smki_error *err)
{
    MDB_val at = val_of(key);
    int rc;

    if (key.size == 0 || key.size > STORE_KEY_MAX)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "a key of %zu octets, it must have 1 to %d", key.size, STORE_KEY_MAX);
    rc = mdb_put(change->view.txn, change->view.store->database[database], &at, value, flags);
    resident_touch(change->view.store);
    return rc == 0 ? 0 : change_fail(change, err, rc, "writing a row");
}

int row_put(struct store_change *change, enum database database, struct smki_bytes key, struct smki_bytes value, struct smki_error *err)
{
    MDB_val put = val_of(value);

    return row_write(change, database, key, &put, 0, err);
}

int row_reserve(struct store_change *change, enum database database, struct smki_bytes key, size_t size, uint8_t **at,
                struct smki_error *err)
{
    MDB_val put = {.mv_size = size};
    int rc = row_write(change, database, key, &put, MDB_RESERVE, err);

    *at = put.mv_data;
    return rc;
}

int row_append(struct store_change *change, enum database database, struct smki_bytes key, size_t size, uint8_t **at,
               struct smki_error *err)
{
    MDB_dbi dbi = change->view.store->database[database];
    MDB_val put_key = val_of(key), put = {.mv_size = size};
    int rc = mdb_put(change->view.txn, dbi, &put_key, &put, MDB_APPEND | MDB_RESERVE);

    if (rc == MDB_KEYEXIST) { /* not greater than the last one */
        put = (MDB_val){.mv_size = size};
        rc = mdb_put(change->view.txn, dbi, &put_key, &put, MDB_NOOVERWRITE | MDB_RESERVE);
    }
    resident_touch(change->view.store);
    if (rc == MDB_KEYEXIST)
        return SMKI_ALREADY_EXISTS;
    if (rc != 0)
        return change_fail(change, err, rc, "adding a row");
    *at = put.mv_data;
    return 0;
}

int row_remove(struct store_change *change, enum database database, struct smki_bytes key, struct smki_error *err)
{
    MDB_val at = val_of(key);
    int rc = mdb_del(change->view.txn, change->view.store->database[database], &at, NULL);

    resident_touch(change->view.store);
    if (rc == MDB_NOTFOUND)
        return SMKI_NOT_FOUND;
    return rc == 0 ? 0 : change_fail(change, err, rc, "removing a row");
}
