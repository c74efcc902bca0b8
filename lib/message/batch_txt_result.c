/* The portal's report (interfaces.md 4): see batch_txt_result in message_i.h for its form. */
#include "message/message_i.h"

#include <string.h>

#define LINES_SIZE ((size_t)64 * 1024) /* octets handed to the sink at once */

/* The report has four words for what the XML says in six. */
static const char *report_word(int code)
{
    if (code == 0)
        return "success";
    switch (smki_refusal_find(code)->status) {
    case SMKI_STATUS_ISSUANCE_ANOMALY:
        return "anomaly";
    case SMKI_STATUS_INELIGIBLE:
        return "ineligible";
    default:
        return "error";
    }
}

static int append(struct smki_buffer *line, const char *text, struct smki_error *err)
{
    return smki_buffer_append(line, text, strlen(text), err);
}

/* Quoted, with quotes doubled, only where a comma or quote asks for it (RFC 4180 2). A line break would make two records of one. */
static int append_field(struct smki_buffer *line, const char *text, struct smki_error *err)
{
    bool quote = strpbrk(text, ",\"") != NULL;
    int rc = quote ? append(line, "\"", err) : 0;

    for (; rc == 0 && *text != '\0'; text++) {
        char shown = (char)((uint8_t)*text < 0x20 || *text == 0x7f ? ' ' : *text);
        rc = append(line, shown == '"' ? "\"\"" : (char[]){shown, '\0'}, err);
    }
    return rc == 0 && quote ? append(line, "\"", err) : rc;
}

static int append_fields(struct smki_buffer *line, const char *const *fields, size_t count, struct smki_error *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = append_field(line, fields[i], err);
        if (rc == 0)
            rc = append(line, i + 1 < count ? "," : "\r\n", err);
    }
    return rc;
}

/* XML's CSRs have an ID and no file; a zip's have a file, and their number for an identifier. */
static int append_record(struct smki_buffer *line, const struct smki_batch *batch, const struct batch_result *result,
                         struct smki_error *err)
{
    const struct smki_refusal *refusal = smki_refusal_find(result->code);
    bool zip = batch->form == SMKI_BATCH_ZIP;
    const char *words = result->text != NULL && result->text[0] != '\0' ? result->text : refusal->text;
    char number[16];
    const char *const fields[] = {
        zip ? number : result->ref,     zip ? result->ref : "", report_word(result->code), result->code != 0 ? refusal->wire_code : "",
        result->code != 0 ? words : "",
    };

    snprintf(number, sizeof(number), "%u", (unsigned)result->index);
    return append_fields(line, fields, ARRAY_COUNT(fields), err);
}

static int hand_over(struct smki_buffer *lines, message_sink_fn sink, void *context, struct smki_error *err)
{
    struct smki_bytes bytes = BYTES(lines->at, lines->size);

    lines->size = 0;
    return bytes.size != 0 ? sink(context, bytes, err) : 0;
}

int batch_txt_result(const struct smki_batch *batch, batch_result_fn next, void *next_context, message_sink_fn sink, void *sink_context,
                     struct smki_error *err)
{
    struct smki_buffer lines = {0};
    struct batch_result result;
    int rc = 0;

    while (rc == 0 && (rc = next(next_context, &result, err)) == 0) {
        rc = append_record(&lines, batch, &result, err);
        if (rc == 0 && lines.size >= LINES_SIZE)
            rc = hand_over(&lines, sink, sink_context, err);
        if (rc != 0)
            goto out;
    }
    if (rc == SMKI_NOT_FOUND)
        rc = hand_over(&lines, sink, sink_context, err);
out:
    smki_buffer_finish(&lines);
    return rc;
}
