#include "message/xml_writer_i.h"

#include "message/text_i.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

int xml_open(struct xml_writer *writer, message_sink_fn sink, void *context, struct smki_error *err)
{
    *writer = (struct xml_writer){.sink = sink, .context = context, .err = err};
    writer->buffer = malloc(XML_WRITER_BUFFER_SIZE);
    return writer->buffer != NULL ? 0 : smki_fail(err, SMKI_NO_MEMORY, NULL);
}

static void flush(struct xml_writer *writer)
{
    if (writer->rc == 0 && writer->size != 0)
        writer->rc = writer->sink(writer->context, BYTES(writer->buffer, writer->size), writer->err);
    writer->size = 0;
}

static void put(struct xml_writer *writer, const char *at, size_t size)
{
    while (size != 0) {
        size_t room = XML_WRITER_BUFFER_SIZE - writer->size;
        size_t part = size < room ? size : room;
        memcpy(writer->buffer + writer->size, at, part);
        writer->size += part;
        at += part;
        size -= part;
        if (writer->size == XML_WRITER_BUFFER_SIZE)
            flush(writer);
    }
}

void xml_raw(struct xml_writer *writer, const char *text)
{
    put(writer, text, strlen(text));
}

void xml_number(struct xml_writer *writer, uint64_t number)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRIu64, number);
    xml_raw(writer, text);
}

/* What stands for the character; NULL: itself. Tab and line ends are written so that attribute values keep them (XML 1.0 3.3.3). */
static const char *reference(uint32_t character)
{
    switch (character) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\t':
        return "&#9;";
    case '\n':
        return "&#10;";
    case '\r':
        return "&#13;";
    default:
        return text_is_xml_char(character) ? NULL : "?";
    }
}

void xml_text(struct xml_writer *writer, const char *text)
{
    const char *end = text + strlen(text);

    while (text < end) {
        const char *start = text;
        const char *instead = reference(text_next(&text, end));
        if (instead != NULL)
            xml_raw(writer, instead);
        else
            put(writer, start, (size_t)(text - start));
    }
}

void xml_element(struct xml_writer *writer, const char *name, const char *text)
{
    xml_raw(writer, "<");
    xml_raw(writer, name);
    xml_raw(writer, ">");
    xml_text(writer, text);
    xml_raw(writer, "</");
    xml_raw(writer, name);
    xml_raw(writer, ">");
}

void xml_base64(struct xml_writer *writer, struct smki_bytes bytes)
{
    char text[1024];
    const size_t most = sizeof(text) / 4 * 3;

    while (bytes.size != 0) {
        size_t part = bytes.size < most ? bytes.size : most;
        base64_encode(text, bytes.at, part);
        put(writer, text, base64_encoded_size(part));
        bytes.at += part;
        bytes.size -= part;
    }
}

int xml_flush(struct xml_writer *writer)
{
    flush(writer);
    return writer->rc;
}

int xml_close(struct xml_writer *writer)
{
    flush(writer);
    free(writer->buffer);
    writer->buffer = NULL;
    return writer->rc;
}

void xml_drop(struct xml_writer *writer)
{
    free(writer->buffer);
    writer->buffer = NULL;
}

int sink_to_buffer(void *buffer, struct smki_bytes bytes, struct smki_error *err)
{
    return smki_buffer_append(buffer, bytes.at, bytes.size, err);
}
