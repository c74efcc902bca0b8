/* Writes XML in order, through one buffer to a sink. The first failure stays: later calls do nothing, xml_close gives it. */
#ifndef SMKI_MESSAGE_XML_WRITER_I_H
#define SMKI_MESSAGE_XML_WRITER_I_H

#include "message/message_i.h"

#define XML_WRITER_BUFFER_SIZE ((size_t)64 * 1024)

struct xml_writer {
    message_sink_fn sink;
    void *context;
    struct smki_error *err;
    int rc;
    size_t size;
    uint8_t *buffer; /* XML_WRITER_BUFFER_SIZE octets */
};

SMKI_MUST_USE int xml_open(struct xml_writer *writer, message_sink_fn sink, void *context, struct smki_error *err);
/* Markup and words of our own, as they stand. */
void xml_raw(struct xml_writer *writer, const char *text);
void xml_number(struct xml_writer *writer, uint64_t number);
/* Anything: escaped for content and attributes alike; what no XML may hold (control characters, broken UTF-8) becomes '?'. */
void xml_text(struct xml_writer *writer, const char *text);
/* <name>text</name> */
void xml_element(struct xml_writer *writer, const char *name, const char *text);
void xml_base64(struct xml_writer *writer, struct smki_bytes bytes);
/* Hands what was written so far to the sink. */
SMKI_MUST_USE int xml_flush(struct xml_writer *writer);
/* Hands the rest to the sink and frees the buffer. */
SMKI_MUST_USE int xml_close(struct xml_writer *writer);

/* Frees the buffer and hands nothing on: for a document that failed half way. */
void xml_drop(struct xml_writer *writer);

/* A sink that appends to a struct smki_buffer. */
int sink_to_buffer(void *buffer, struct smki_bytes bytes, struct smki_error *err);

#endif
