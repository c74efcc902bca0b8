/* Audit records, chained: each is stored with the SHA-256 of the hash before it and its own octets. The head says where the chain ends; it
 * is signed once a commit, and every so many records such a signed head is kept as a checkpoint. */
#include "store/engine_i.h"

#include <string.h>

#define RECORD_LAYOUT 1
#define RECORD_MAX_SIZE                                                                                                                    \
    (1 + 8 + 8 + 2 + 2 + SMKI_ACTOR_NAME_SIZE + 8 + 8 + 1 + 1 + 8 + 8 + 4 + 4 + SMKI_DEVICE_ID_SIZE + 2 + SMKI_SERIAL_SIZE + 4 + 2 +       \
     SMKI_AUDIT_DETAIL_SIZE)
#define HEAD_LAYOUT   1
#define HEAD_MAX_SIZE (1 + 8 + 8 + SHA256_SIZE + 2 + 512) /* SMKI_SIGNATURE_MAX_SIZE is the pki room's word */

static const struct smki_bytes head_key = {.at = (const uint8_t *)"head", .size = 4};

/* ---- a record ---- */

static void record_write(struct writer *writer, const struct smki_audit_record *record)
{
    const struct smki_actor *actor = &record->actor;

    write_u8(writer, RECORD_LAYOUT);
    write_u64(writer, record->sequence);
    write_u64(writer, (uint64_t)record->time.us);
    write_u16(writer, (uint16_t)record->act);
    write_sized16(writer, BYTES(actor->name, strnlen(actor->name, sizeof(actor->name) - 1)));
    write_u64(writer, actor->party);
    write_u64(writer, actor->credential);
    write_u8(writer, (uint8_t)actor->interface);
    write_u8(writer, (uint8_t)actor->network);
    write_u64(writer, record->party);
    write_u64(writer, record->subject);
    write_u32(writer, record->index);
    write_u32(writer, (uint32_t)record->outcome);
    write_bytes(writer, record->device_id.octet, SMKI_DEVICE_ID_SIZE);
    write_sized16(writer, BYTES(record->serial.octet, record->serial.size));
    write_sized16(writer, BYTES(record->detail, strnlen(record->detail, sizeof(record->detail) - 1)));
}

static void record_read_actor(struct smki_actor *actor, struct cursor *cursor)
{
    cursor_text(cursor, actor->name, sizeof(actor->name));
    actor->party = cursor_u64(cursor);
    actor->credential = cursor_u64(cursor);
    actor->interface = cursor_u8(cursor);
    actor->network = cursor_u8(cursor);
}

static void record_read_ids(struct smki_audit_record *out, struct cursor *cursor)
{
    struct smki_bytes id = cursor_take(cursor, SMKI_DEVICE_ID_SIZE);
    struct smki_bytes serial = cursor_sized16(cursor);

    if (serial.size > sizeof(out->serial.octet))
        cursor->failed = true;
    if (cursor->failed)
        return;
    memcpy(out->device_id.octet, id.at, SMKI_DEVICE_ID_SIZE);
    if (serial.size != 0)
        memcpy(out->serial.octet, serial.at, serial.size);
    out->serial.size = (uint8_t)serial.size;
}

static int record_read(struct smki_audit_record *out, struct smki_bytes octets, struct smki_error *err)
{
    struct cursor cursor = cursor_of(octets);
    int rc;

    if ((rc = layout_check(&cursor, RECORD_LAYOUT, "an audit record", err)) != 0)
        return rc;
    *out = (struct smki_audit_record){.sequence = cursor_u64(&cursor)};
    out->time.us = (int64_t)cursor_u64(&cursor);
    out->act = cursor_u16(&cursor);
    record_read_actor(&out->actor, &cursor);
    out->party = cursor_u64(&cursor);
    out->subject = cursor_u64(&cursor);
    out->index = cursor_u32(&cursor);
    out->outcome = (int)(int32_t)cursor_u32(&cursor);
    record_read_ids(out, &cursor);
    cursor_text(&cursor, out->detail, sizeof(out->detail));
    return cursor_close(&cursor, "an audit record", err);
}

/* A row is the record's octets and the hash. */
static int record_look(struct store_view *view, uint64_t sequence, struct smki_bytes *octets, const uint8_t **hash, struct smki_error *err)
{
    struct number_key key;
    struct smki_bytes row;
    int rc = row_get(view, DB_RECORDS, key_u64(&key, sequence), &row, err);

    *hash = NULL;
    if (rc == SMKI_NOT_FOUND)
        return smki_fail(err, rc, "there is no audit record %llu", (unsigned long long)sequence);
    if (rc != 0)
        return rc;
    if (row.size < SHA256_SIZE)
        return smki_fail(err, SMKI_STORE_CORRUPT, "audit record %llu has %zu octets", (unsigned long long)sequence, row.size);
    *octets = BYTES(row.at, row.size - SHA256_SIZE);
    *hash = row.at + octets->size;
    return 0;
}

int store_record_raw(struct store_view *view, uint64_t sequence, struct smki_bytes *out, struct smki_error *err)
{
    const uint8_t *hash;

    return record_look(view, sequence, out, &hash, err);
}

int store_record_get(struct store_view *view, uint64_t sequence, struct smki_audit_record *out, struct smki_error *err)
{
    struct smki_bytes octets;
    const uint8_t *hash;
    int rc;

    if ((rc = record_look(view, sequence, &octets, &hash, err)) != 0 || (rc = record_read(out, octets, err)) != 0)
        return rc;
    memcpy(out->hash, hash, SHA256_SIZE);
    return 0;
}

/* ---- heads ---- */

static int head_parse(struct store_checkpoint *out, struct smki_bytes value, struct smki_error *err)
{
    struct cursor cursor = cursor_of(value);
    struct smki_bytes hash;
    int rc;

    if ((rc = layout_check(&cursor, HEAD_LAYOUT, "a head of the audit log", err)) != 0)
        return rc;
    *out = (struct store_checkpoint){.sequence = cursor_u64(&cursor)};
    out->time.us = (int64_t)cursor_u64(&cursor);
    hash = cursor_take(&cursor, SHA256_SIZE);
    out->signature = cursor_sized16(&cursor);
    if ((rc = cursor_close(&cursor, "a head of the audit log", err)) == 0)
        memcpy(out->hash, hash.at, SHA256_SIZE);
    return rc;
}

/* A change knows its head better than the row, which is written when the change is closed. */
static int head_of_change(const struct store_change *change, struct store_checkpoint *out)
{
    *out = (struct store_checkpoint){.sequence = change->head.sequence, .time = change->head.time};
    memcpy(out->hash, change->head.hash, SHA256_SIZE);
    return out->sequence == 0 ? SMKI_NOT_FOUND : 0;
}

int store_head(struct store_view *view, struct store_checkpoint *out, struct smki_error *err)
{
    struct smki_bytes value;
    int rc;

    if (view->change != NULL && view->change->recorded)
        return head_of_change(view->change, out);
    rc = row_get(view, DB_META, head_key, &value, err);
    return rc != 0 ? rc : head_parse(out, value, err);
}

static int head_read(struct store_change *change, struct smki_error *err)
{
    struct store_checkpoint head;
    int rc;

    if (change->head_read)
        return 0;
    rc = store_head(&change->view, &head, err);
    if (rc != 0 && rc != SMKI_NOT_FOUND)
        return rc;
    change->head = (struct head){0};
    if (rc == 0) {
        change->head = (struct head){.sequence = head.sequence, .time = head.time};
        memcpy(change->head.hash, head.hash, SHA256_SIZE);
    }
    change->head_read = true;
    return 0;
}

/* ---- appending ---- */

int store_record(struct store_change *change, struct smki_audit_record *record, struct smki_error *err)
{
    uint8_t octets[RECORD_MAX_SIZE], *at;
    struct writer writer = writer_of(octets, sizeof(octets));
    struct sha256_stream stream;
    struct number_key key;
    int rc;

    if (record->serial.size > sizeof(record->serial.octet))
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "a serial of %u octets", record->serial.size);
    if ((rc = head_read(change, err)) != 0)
        return rc;
    record->sequence = change->head.sequence + 1;
    if (record->time.us == 0)
        record->time = change->now;
    record->actor.name[sizeof(record->actor.name) - 1] = record->detail[sizeof(record->detail) - 1] = '\0';
    text_tidy(record->actor.name); /* whoever wrote it may have cut it: the export is UTF-8 */
    text_tidy(record->detail);
    record_write(&writer, record);
    if (writer.failed)
        return smki_fail(err, SMKI_INTERNAL, "an audit record does not fit its row");
    sha256_start(&stream);
    sha256_add(&stream, change->head.hash, SHA256_SIZE);
    sha256_add(&stream, octets, writer_size(&writer));
    sha256_end(&stream, record->hash);
    rc = row_append(change, DB_RECORDS, key_u64(&key, record->sequence), writer_size(&writer) + SHA256_SIZE, &at, err);
    if (rc == SMKI_ALREADY_EXISTS)
        return smki_fail(err, SMKI_STORE_CORRUPT, "the audit log goes on after its head; run 'smki audit verify'");
    if (rc != 0)
        return rc;
    memcpy(at, octets, writer_size(&writer));
    memcpy(at + writer_size(&writer), record->hash, SHA256_SIZE);
    change->head.sequence = record->sequence;
    change->head.time = record->time;
    memcpy(change->head.hash, record->hash, SHA256_SIZE);
    change->recorded = true;
    return 0;
}

/* ---- signing ---- */

void store_sign_head_with(struct smki_store *store, store_sign_fn sign, void *context, uint64_t interval)
{
    pthread_mutex_lock(&store->queue);
    store->sign = sign;
    store->sign_context = context;
    store->sign_interval = interval;
    pthread_mutex_unlock(&store->queue);
}

static int checkpoint_is_due(struct store_change *change, uint64_t interval, bool *due, struct smki_error *err)
{
    struct smki_bytes key;
    struct cursor cursor;
    uint64_t last = 0;
    int rc = row_last(&change->view, DB_CHECKPOINTS, &key, NULL, err);

    if (rc != 0 && rc != SMKI_NOT_FOUND)
        return rc;
    if (rc == 0) {
        cursor = cursor_of(key);
        last = cursor_u64(&cursor);
    }
    *due = interval != 0 && change->head.sequence - last >= interval;
    return 0;
}

static int head_put(struct store_change *change, struct smki_bytes signature, bool keep, struct smki_error *err)
{
    uint8_t octets[HEAD_MAX_SIZE];
    struct writer writer = writer_of(octets, sizeof(octets));
    struct number_key key;
    int rc;

    write_u8(&writer, HEAD_LAYOUT);
    write_u64(&writer, change->head.sequence);
    write_u64(&writer, (uint64_t)change->head.time.us);
    write_bytes(&writer, change->head.hash, SHA256_SIZE);
    write_sized16(&writer, signature);
    if (writer.failed)
        return smki_fail(err, SMKI_INTERNAL, "a signature of %zu octets does not fit the head of the audit log", signature.size);
    rc = row_put(change, DB_META, head_key, BYTES(octets, writer_size(&writer)), err);
    if (rc == 0 && keep)
        rc = row_put(change, DB_CHECKPOINTS, key_u64(&key, change->head.sequence), BYTES(octets, writer_size(&writer)), err);
    return rc;
}

int head_close(struct store_change *change, store_sign_fn sign, void *context, uint64_t interval, struct smki_error *err)
{
    struct smki_buffer signature = {0};
    bool keep = false;
    int rc = 0;

    if (!change->recorded)
        return 0;
    if (sign != NULL && ((rc = sign(context, change->head.sequence, change->head.hash, &signature, err)) != 0 ||
                         (rc = checkpoint_is_due(change, interval, &keep, err)) != 0))
        goto out;
    rc = head_put(change, BYTES(signature.at, signature.size), keep, err);
out:
    smki_buffer_finish(&signature);
    return rc;
}

int store_checkpoint_next(struct store_view *view, uint64_t *sequence, struct store_checkpoint *out, struct smki_error *err)
{
    struct number_key after;
    struct smki_bytes key, value;
    struct cursor cursor;
    int rc = row_after(view, DB_CHECKPOINTS, key_u64(&after, *sequence), &key, &value, err);

    if (rc != 0)
        return rc;
    cursor = cursor_of(key);
    *sequence = cursor_u64(&cursor);
    if ((rc = cursor_close(&cursor, "the key of a checkpoint", err)) != 0)
        return rc;
    return head_parse(out, value, err);
}
