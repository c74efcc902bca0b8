/* Documents of the registry under their numbers, and the names that lead to numbers. */
#include "store/engine_i.h"

#include <string.h>

static struct smki_bytes document_key(struct number_key *key, enum store_kind kind, uint64_t number)
{
    struct writer writer = writer_of(key->octet, sizeof(key->octet));

    write_u8(&writer, (uint8_t)kind);
    write_u64(&writer, number);
    return BYTES(key->octet, writer_size(&writer));
}

int store_document_get(struct store_view *view, enum store_kind kind, uint64_t number, struct smki_bytes *out, struct smki_error *err)
{
    struct number_key key;
    int rc = row_get(view, DB_DOCUMENTS, document_key(&key, kind, number), out, err);

    return rc == SMKI_NOT_FOUND ? smki_fail(err, rc, "there is no number %llu", (unsigned long long)number) : rc;
}

int store_document_put(struct store_change *change, enum store_kind kind, uint64_t number, struct smki_bytes json, struct smki_error *err)
{
    struct number_key key;

    return row_put(change, DB_DOCUMENTS, document_key(&key, kind, number), json, err);
}

int store_document_remove(struct store_change *change, enum store_kind kind, uint64_t number, struct smki_error *err)
{
    struct number_key key;

    return row_remove(change, DB_DOCUMENTS, document_key(&key, kind, number), err);
}

int store_document_next(struct store_view *view, enum store_kind kind, uint64_t *number, struct smki_bytes *out, struct smki_error *err)
{
    struct number_key after;
    struct smki_bytes found;
    struct cursor cursor;
    int rc = row_after(view, DB_DOCUMENTS, document_key(&after, kind, *number), &found, out, err);

    if (rc != 0)
        return rc;
    cursor = cursor_of(found);
    if (cursor_u8(&cursor) != kind)
        return SMKI_NOT_FOUND;
    *number = cursor_u64(&cursor);
    return cursor_close(&cursor, "the key of a document", err);
}

/* ---- names ---- */

struct name_key {
    uint8_t octet[STORE_KEY_MAX];
};

static int name_key(struct name_key *key, enum store_name name, struct smki_bytes text, struct smki_bytes *out, struct smki_error *err)
{
    struct writer writer = writer_of(key->octet, sizeof(key->octet));

    write_u8(&writer, (uint8_t)name);
    write_bytes(&writer, text.at, text.size);
    if (writer.failed)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "a name of %zu octets, it may have %d", text.size, STORE_KEY_MAX - 1);
    *out = BYTES(key->octet, writer_size(&writer));
    return 0;
}

int store_name_find(struct store_view *view, enum store_name name, struct smki_bytes key, uint64_t *number, struct smki_error *err)
{
    struct smki_bytes row, value;
    struct name_key octets;
    struct cursor cursor;
    int rc;

    if ((rc = name_key(&octets, name, key, &row, err)) != 0 || (rc = row_get(view, DB_NAMES, row, &value, err)) != 0)
        return rc;
    cursor = cursor_of(value);
    *number = cursor_u64(&cursor);
    return cursor_close(&cursor, "what a name leads to", err);
}

int store_name_put(struct store_change *change, enum store_name name, struct smki_bytes key, uint64_t number, struct smki_error *err)
{
    struct number_key value;
    struct name_key octets;
    struct smki_bytes row;
    int rc = name_key(&octets, name, key, &row, err);

    return rc != 0 ? rc : row_put(change, DB_NAMES, row, key_u64(&value, number), err);
}

int store_name_remove(struct store_change *change, enum store_name name, struct smki_bytes key, struct smki_error *err)
{
    struct name_key octets;
    struct smki_bytes row;
    int rc;

    if ((rc = name_key(&octets, name, key, &row, err)) != 0)
        return rc;
    rc = row_remove(change, DB_NAMES, row, err);
    return rc == SMKI_NOT_FOUND ? smki_fail(err, rc, "there is no such name to remove") : rc;
}
