/* Batches, and the list of those that are not at their end. */
#include "store/engine_i.h"

#include <string.h>

#define BATCH_LAYOUT   1
#define BATCH_MAX_SIZE (1 + 4 * 8 + 6 * 8 + 9 * 4 + 32 + 8 + 3 * (2 + SMKI_BATCH_FILE_SIZE) + 2 + SMKI_BATCH_REF_SIZE)

/* interfaces.md 6: nothing comes after these. */
static bool state_is_last(enum smki_batch_state state)
{
    return state == SMKI_STATE_REJECTED || state == SMKI_STATE_COMPLETED || state == SMKI_STATE_TAMPERED;
}

static void write_text(struct writer *writer, const char *text, size_t size)
{
    write_sized16(writer, BYTES(text, strnlen(text, size - 1)));
}

static void batch_write(struct writer *writer, const struct smki_batch *batch)
{
    write_u8(writer, BATCH_LAYOUT);
    write_u64(writer, batch->party);
    write_u8(writer, (uint8_t)batch->state);
    write_u8(writer, (uint8_t)batch->form);
    write_u8(writer, (uint8_t)batch->interface);
    write_u64(writer, (uint64_t)batch->accepted_at.us);
    write_u64(writer, (uint64_t)batch->due_at.us);
    write_u64(writer, (uint64_t)batch->completed_at.us);
    write_u64(writer, (uint64_t)batch->released_at.us);
    write_u64(writer, (uint64_t)batch->retrieved_at.us);
    write_u64(writer, (uint64_t)batch->last_poll_at.us);
    write_u8(writer, batch->over_quota);
    write_u8(writer, batch->approved);
    write_u8(writer, batch->expired);
    write_u32(writer, batch->csrs);
    write_u32(writer, batch->chunk_size);
    write_u32(writer, batch->chunks);
    write_u32(writer, batch->next_chunk);
    write_u32(writer, batch->chunks_done);
    write_u32(writer, batch->processed);
    write_u32(writer, batch->granted);
    write_u32(writer, batch->refused);
    write_bytes(writer, batch->sha256, sizeof(batch->sha256));
    write_u64(writer, batch->size);
    write_text(writer, batch->file, sizeof(batch->file));
    write_text(writer, batch->name, sizeof(batch->name));
    write_text(writer, batch->ref, sizeof(batch->ref));
    write_text(writer, batch->reason, sizeof(batch->reason));
}

static void batch_read_counts(struct smki_batch *out, struct cursor *cursor)
{
    out->csrs = cursor_u32(cursor);
    out->chunk_size = cursor_u32(cursor);
    out->chunks = cursor_u32(cursor);
    out->next_chunk = cursor_u32(cursor);
    out->chunks_done = cursor_u32(cursor);
    out->processed = cursor_u32(cursor);
    out->granted = cursor_u32(cursor);
    out->refused = cursor_u32(cursor);
}

static void batch_read_times(struct smki_batch *out, struct cursor *cursor)
{
    out->accepted_at.us = (int64_t)cursor_u64(cursor);
    out->due_at.us = (int64_t)cursor_u64(cursor);
    out->completed_at.us = (int64_t)cursor_u64(cursor);
    out->released_at.us = (int64_t)cursor_u64(cursor);
    out->retrieved_at.us = (int64_t)cursor_u64(cursor);
    out->last_poll_at.us = (int64_t)cursor_u64(cursor);
}

static int batch_read(struct smki_batch *out, uint64_t id, struct smki_bytes value, struct smki_error *err)
{
    struct cursor cursor = cursor_of(value);
    struct smki_bytes hash;
    int rc;

    if ((rc = layout_check(&cursor, BATCH_LAYOUT, "a batch", err)) != 0)
        return rc;
    *out = (struct smki_batch){.id = id};
    out->party = cursor_u64(&cursor);
    out->state = cursor_u8(&cursor);
    out->form = cursor_u8(&cursor);
    out->interface = cursor_u8(&cursor);
    batch_read_times(out, &cursor);
    out->over_quota = cursor_u8(&cursor) != 0;
    out->approved = cursor_u8(&cursor) != 0;
    out->expired = cursor_u8(&cursor) != 0;
    batch_read_counts(out, &cursor);
    hash = cursor_take(&cursor, sizeof(out->sha256));
    if (hash.at != NULL)
        memcpy(out->sha256, hash.at, sizeof(out->sha256));
    out->size = cursor_u64(&cursor);
    cursor_text(&cursor, out->file, sizeof(out->file));
    cursor_text(&cursor, out->name, sizeof(out->name));
    cursor_text(&cursor, out->ref, sizeof(out->ref));
    cursor_text(&cursor, out->reason, sizeof(out->reason));
    return cursor_close(&cursor, "a batch", err);
}

int store_batch_get(struct store_view *view, uint64_t id, struct smki_batch *out, struct smki_error *err)
{
    struct number_key key;
    struct smki_bytes value;
    int rc = row_get(view, DB_BATCHES, key_u64(&key, id), &value, err);

    if (rc == SMKI_NOT_FOUND)
        return smki_fail(err, SMKI_BATCH_UNKNOWN, "there is no batch %llu", (unsigned long long)id);
    return rc != 0 ? rc : batch_read(out, id, value, err);
}

int store_batch_put(struct store_change *change, const struct smki_batch *batch, struct smki_error *err)
{
    uint8_t octets[BATCH_MAX_SIZE];
    struct writer writer = writer_of(octets, sizeof(octets));
    struct number_key key;
    struct smki_bytes row = key_u64(&key, batch->id);
    int rc;

    batch_write(&writer, batch);
    if (writer.failed)
        return smki_fail(err, SMKI_INTERNAL, "batch %llu does not fit its row", (unsigned long long)batch->id);
    if ((rc = row_put(change, DB_BATCHES, row, BYTES(octets, writer_size(&writer)), err)) != 0 ||
        (rc = party_batch_note(change, batch->party, batch->id, err)) != 0)
        return rc;
    if (!state_is_last(batch->state))
        return row_put(change, DB_BATCHES_OPEN, row, (struct smki_bytes){0}, err);
    rc = row_remove(change, DB_BATCHES_OPEN, row, err);
    return rc == SMKI_NOT_FOUND ? 0 : rc;
}

static int batch_id_after(struct store_view *view, enum database database, uint64_t *id, struct smki_error *err)
{
    struct number_key after;
    struct smki_bytes key;
    struct cursor cursor;
    int rc = row_after(view, database, key_u64(&after, *id), &key, NULL, err);

    if (rc != 0)
        return rc;
    cursor = cursor_of(key);
    *id = cursor_u64(&cursor);
    return cursor_close(&cursor, "the key of a batch", err);
}

int store_batch_next(struct store_view *view, uint64_t *id, struct smki_batch *out, struct smki_error *err)
{
    int rc = batch_id_after(view, DB_BATCHES, id, err);

    return rc != 0 ? rc : store_batch_get(view, *id, out, err);
}

int store_batch_open_next(struct store_view *view, uint64_t *id, struct smki_batch *out, struct smki_error *err)
{
    int rc = batch_id_after(view, DB_BATCHES_OPEN, id, err);

    return rc != 0 ? rc : store_batch_get(view, *id, out, err);
}
