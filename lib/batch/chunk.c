/* Chunks as stored: the requests as cut by the parser, and the decisions on them. */
#include "batch/batch_i.h"

#include <string.h>

#define REQUESTS_LAYOUT  1
#define DECISIONS_LAYOUT 1

static int append_sized(struct smki_buffer *out, const void *at, size_t size, struct smki_error *err)
{
    uint8_t head[2];
    struct writer writer = writer_of(head, sizeof(head));
    int rc;

    if (size > UINT16_MAX)
        return smki_fail(err, SMKI_TOO_LARGE, "%zu octets in one field of a chunk", size);
    write_u16(&writer, (uint16_t)size);
    if ((rc = smki_buffer_append(out, head, sizeof(head), err)) != 0)
        return rc;
    return smki_buffer_append(out, at, size, err);
}

int chunk_requests_start(struct smki_buffer *out, struct smki_error *err)
{
    out->size = 0;
    return smki_buffer_append(out, &(uint8_t){REQUESTS_LAYOUT}, 1, err);
}

int chunk_requests_add(struct smki_buffer *out, const struct batch_request *request, struct smki_error *err)
{
    uint8_t head[6];
    struct writer writer = writer_of(head, sizeof(head));
    int rc;

    write_u32(&writer, request->index);
    write_u16(&writer, (uint16_t)-request->decode_code);
    if ((rc = smki_buffer_append(out, head, sizeof(head), err)) != 0 ||
        (rc = append_sized(out, request->ref, strlen(request->ref), err)) != 0)
        return rc;
    return append_sized(out, request->der.at, request->der.size, err);
}

int chunk_requests_open(struct chunk_reader *reader, struct smki_bytes stored, struct smki_error *err)
{
    reader->cursor = cursor_of(stored);
    if (cursor_u8(&reader->cursor) != REQUESTS_LAYOUT)
        return smki_fail(err, SMKI_STORE_CORRUPT, "a chunk's requests are in a layout this version does not know");
    return 0;
}

int chunk_requests_next(struct chunk_reader *reader, struct chunk_request *request, struct smki_error *err)
{
    if (cursor_left(&reader->cursor) == 0)
        return SMKI_NOT_FOUND;
    request->index = cursor_u32(&reader->cursor);
    request->decode_code = -(int)cursor_u16(&reader->cursor);
    cursor_text(&reader->cursor, request->ref, sizeof(request->ref));
    request->der = cursor_sized16(&reader->cursor);
    return reader->cursor.failed ? smki_fail(err, SMKI_STORE_CORRUPT, "a chunk's requests end in the middle of one") : 0;
}

static int append_decision(struct smki_buffer *out, const struct decision *decision, struct smki_error *err)
{
    uint8_t head[2 + SMKI_SERIAL_SIZE];
    struct writer writer = writer_of(head, sizeof(head));
    int rc;

    write_u16(&writer, (uint16_t)-decision->code);
    write_bytes(&writer, decision->serial, SMKI_SERIAL_SIZE);
    if ((rc = smki_buffer_append(out, head, sizeof(head), err)) != 0)
        return rc;
    return append_sized(out, decision->text, decision->code != 0 ? strlen(decision->text) : 0, err);
}

int chunk_decisions_write(struct smki_buffer *out, const struct chunk_decisions *decisions, struct smki_error *err)
{
    uint8_t head[1 + 1 + 8 + 4];
    struct writer writer = writer_of(head, sizeof(head));
    int rc;

    out->size = 0;
    write_u8(&writer, DECISIONS_LAYOUT);
    write_u8(&writer, (uint8_t)decisions->stage);
    write_u64(&writer, (uint64_t)decisions->not_before.us);
    write_u32(&writer, (uint32_t)decisions->count);
    if ((rc = smki_buffer_append(out, head, sizeof(head), err)) != 0)
        return rc;
    for (size_t i = 0; i < decisions->count; i++)
        if ((rc = append_decision(out, &decisions->decisions[i], err)) != 0)
            return rc;
    return 0;
}

static struct cursor decisions_head(struct chunk_decisions *out, struct smki_bytes stored)
{
    struct cursor cursor = cursor_of(stored);

    if (cursor_u8(&cursor) != DECISIONS_LAYOUT)
        cursor.failed = true;
    out->stage = (enum chunk_stage)cursor_u8(&cursor);
    out->not_before.us = (int64_t)cursor_u64(&cursor);
    out->count = cursor_u32(&cursor);
    return cursor;
}

int chunk_decisions_read(struct chunk_decisions *out, size_t capacity, struct smki_bytes stored, struct smki_error *err)
{
    struct cursor cursor = decisions_head(out, stored);

    if (cursor.failed || out->count > capacity)
        return smki_fail(err, SMKI_STORE_CORRUPT, "a chunk's decisions are not as they were written");
    for (size_t i = 0; i < out->count; i++) {
        struct decision *decision = &out->decisions[i];
        struct smki_bytes serial;

        decision->code = -(int)cursor_u16(&cursor);
        serial = cursor_take(&cursor, SMKI_SERIAL_SIZE);
        if (serial.size == SMKI_SERIAL_SIZE)
            memcpy(decision->serial, serial.at, SMKI_SERIAL_SIZE);
        cursor_text(&cursor, decision->text, sizeof(decision->text));
    }
    return cursor_close(&cursor, "a chunk's decisions", err);
}

int chunk_stage_read(enum chunk_stage *out, struct smki_bytes stored, struct smki_error *err)
{
    struct chunk_decisions decisions;
    struct cursor cursor = decisions_head(&decisions, stored);

    *out = decisions.stage;
    return cursor.failed ? smki_fail(err, SMKI_STORE_CORRUPT, "a chunk's decisions are not as they were written") : 0;
}
