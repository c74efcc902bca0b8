/* Bytes that grow, bytes read within bounds, bytes written within bounds. */
#include "base/base_i.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* ---- buffer ---- */

#define BUFFER_FIRST 256 /* octets: the first allocation; doubled from there */

int buffer_reserve(struct smki_buffer *buffer, size_t more, struct smki_error *err)
{
    size_t needed, capacity = buffer->capacity != 0 ? buffer->capacity : BUFFER_FIRST;
    uint8_t *at;

    if (!size_add(&needed, buffer->size, more) || (buffer->max != 0 && needed > buffer->max))
        return smki_fail(err, SMKI_TOO_LARGE, "more than %zu octets, which is the limit here", buffer->max != 0 ? buffer->max : SIZE_MAX);
    if (needed <= buffer->capacity)
        return 0;
    while (capacity < needed)
        if (!size_mul(&capacity, capacity, (size_t)2))
            capacity = needed;
    if ((at = realloc(buffer->at, capacity)) == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, "out of memory: %zu octets wanted", capacity);
    buffer->at = at;
    buffer->capacity = capacity;
    return 0;
}

int smki_buffer_append(struct smki_buffer *buffer, const void *at, size_t size, struct smki_error *err)
{
    int rc;

    if ((rc = buffer_reserve(buffer, size, err)) != 0)
        return rc;
    if (size != 0)
        memcpy(buffer->at + buffer->size, at, size);
    buffer->size += size;
    return 0;
}

/* By way of a text of its own: vsnprintf closes with a NUL, which is not content and does not count towards `max`. */
SMKI_PRINTF(4, 0)
static int buffer_vprintf(struct smki_buffer *buffer, struct smki_error *err, size_t size, const char *format, va_list arguments)
{
    char small[256];
    char *text = small;
    int rc;

    if (size >= sizeof(small) && (text = malloc(size + 1)) == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    vsnprintf(text, size + 1, format, arguments);
    rc = smki_buffer_append(buffer, text, size, err);
    if (text != small)
        free(text);
    return rc;
}

int smki_buffer_printf(struct smki_buffer *buffer, struct smki_error *err, const char *format, ...)
{
    va_list arguments;
    int size, rc;

    va_start(arguments, format);
    size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (size < 0)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "a text could not be formatted");
    va_start(arguments, format);
    rc = buffer_vprintf(buffer, err, (size_t)size, format, arguments);
    va_end(arguments);
    return rc;
}

void smki_buffer_finish(struct smki_buffer *buffer)
{
    if (buffer == NULL)
        return;
    free(buffer->at);
    *buffer = (struct smki_buffer){.max = buffer->max};
}

/* ---- cursor ---- */

struct cursor cursor_of(struct smki_bytes bytes)
{
    return (struct cursor){.at = bytes.at, .end = bytes.size != 0 ? bytes.at + bytes.size : bytes.at};
}

size_t cursor_left(const struct cursor *cursor)
{
    return cursor->failed || cursor->at == cursor->end ? 0 : (size_t)(cursor->end - cursor->at);
}

struct smki_bytes cursor_take(struct cursor *cursor, size_t size)
{
    struct smki_bytes taken = {.at = cursor->at, .size = size};

    if (size > cursor_left(cursor))
        cursor->failed = true;
    if (cursor->failed)
        return (struct smki_bytes){0};
    if (size != 0)
        cursor->at += size;
    return taken;
}

static uint64_t cursor_number(struct cursor *cursor, size_t size)
{
    struct smki_bytes bytes = cursor_take(cursor, size);
    uint64_t value = 0;

    for (size_t i = 0; i < bytes.size; i++)
        value = value << 8 | bytes.at[i];
    return value;
}

uint8_t cursor_u8(struct cursor *cursor)
{
    return (uint8_t)cursor_number(cursor, 1);
}

uint16_t cursor_u16(struct cursor *cursor)
{
    return (uint16_t)cursor_number(cursor, 2);
}

uint32_t cursor_u32(struct cursor *cursor)
{
    return (uint32_t)cursor_number(cursor, 4);
}

uint64_t cursor_u64(struct cursor *cursor)
{
    return cursor_number(cursor, 8);
}

struct smki_bytes cursor_sized16(struct cursor *cursor)
{
    return cursor_take(cursor, cursor_u16(cursor));
}

void cursor_text(struct cursor *cursor, char *out, size_t size)
{
    struct smki_bytes text = cursor_sized16(cursor);

    out[0] = '\0';
    if (text.size >= size || (text.size != 0 && memchr(text.at, '\0', text.size) != NULL))
        cursor->failed = true;
    if (cursor->failed || text.size == 0)
        return;
    memcpy(out, text.at, text.size);
    out[text.size] = '\0';
}

int cursor_close(const struct cursor *cursor, const char *what, struct smki_error *err)
{
    if (cursor->failed)
        return smki_fail(err, SMKI_STORE_CORRUPT, "%s ends before it should; restore a backup and report it", what);
    if (cursor->at != cursor->end)
        return smki_fail(err, SMKI_STORE_CORRUPT, "%s has %zu octets too many; restore a backup and report it", what, cursor_left(cursor));
    return 0;
}

/* ---- writer ---- */

struct writer writer_of(void *at, size_t size)
{
    return (struct writer){.start = at, .at = at, .end = size != 0 ? (uint8_t *)at + size : at};
}

size_t writer_size(const struct writer *writer)
{
    return writer->at == writer->start ? 0 : (size_t)(writer->at - writer->start);
}

void write_bytes(struct writer *writer, const void *at, size_t size)
{
    if (size == 0)
        return;
    if (writer->at == writer->end || size > (size_t)(writer->end - writer->at))
        writer->failed = true;
    if (writer->failed)
        return;
    memcpy(writer->at, at, size);
    writer->at += size;
}

static void write_number(struct writer *writer, uint64_t value, size_t size)
{
    uint8_t octets[8];

    for (size_t i = 0; i < size; i++)
        octets[i] = (uint8_t)(value >> 8 * (size - 1 - i));
    write_bytes(writer, octets, size);
}

void write_u8(struct writer *writer, uint8_t value)
{
    write_number(writer, value, 1);
}

void write_u16(struct writer *writer, uint16_t value)
{
    write_number(writer, value, 2);
}

void write_u32(struct writer *writer, uint32_t value)
{
    write_number(writer, value, 4);
}

void write_u64(struct writer *writer, uint64_t value)
{
    write_number(writer, value, 8);
}

void write_sized16(struct writer *writer, struct smki_bytes bytes)
{
    if (bytes.size > UINT16_MAX) {
        writer->failed = true;
        return;
    }
    write_u16(writer, (uint16_t)bytes.size);
    write_bytes(writer, bytes.at, bytes.size);
}
