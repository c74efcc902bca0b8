/* CSRBatchResult and SubmitCSRBatchStatus out (batch-1.0.xsd, IDS App. E). Whatever comes in, what goes out is valid by the schema. */
#include "message/answer_xml_i.h"
#include "message/text_i.h"

#include <stdlib.h>
#include <string.h>

#define REF_MAX     256 /* characters: BatchRef */
#define CSR_REF_MAX 100 /* characters: EntryRef */

/* The BatchStatus words of the schema. */
const char *const message_state_words[SMKI_STATE_TAMPERED + 1] = {
    [SMKI_STATE_PENDING] = "PENDING",     [SMKI_STATE_REJECTED] = "REJECTED",     [SMKI_STATE_PARSING] = "PARSING",
    [SMKI_STATE_QUEUED] = "QUEUED",       [SMKI_STATE_PROCESSING] = "PROCESSING", [SMKI_STATE_PAUSED] = "PAUSED",
    [SMKI_STATE_COMPLETED] = "COMPLETED", [SMKI_STATE_TAMPERED] = "TAMPERED",
};

/* The BatchStatus of a query or submission that failed: the schema has these two words. */
static const char *failure_word(const struct smki_refusal *refusal)
{
    return smki_status_word(refusal->status == SMKI_STATUS_FORMAT_ERROR ? SMKI_STATUS_FORMAT_ERROR : SMKI_STATUS_WORKFLOW_ERROR);
}

/* ---- parts ---- */

static void start_document(struct xml_writer *writer, const char *root, const char *ref, const char *build, const char *state)
{
    answer_start(writer, root, ref, REF_MAX, build);
    xml_element(writer, "BatchStatus", state);
    xml_raw(writer, "\n");
}

static void write_batch_id(struct xml_writer *writer, uint64_t batch_id)
{
    xml_raw(writer, "<BatchId>");
    xml_number(writer, batch_id);
    xml_raw(writer, "</BatchId>\n");
}

/* ---- one CSR's fate ---- */

/* The refusal as DeviceCertificate may show it: its Status has no FORMAT_ERROR (which of one CSR is a CSR_ERROR) and no UNKNOWN_DEVICE. */
static struct smki_refusal refusal_of_csr(int code)
{
    struct smki_refusal refusal = *smki_refusal_find(code);

    if (refusal.status == SMKI_STATUS_FORMAT_ERROR) {
        refusal.status = SMKI_STATUS_CSR_ERROR;
        refusal.wire_code = smki_refusal_find(SMKI_CSR_TEXT_INVALID)->wire_code;
    } else if (refusal.status == SMKI_STATUS_UNKNOWN_DEVICE) {
        refusal.status = SMKI_STATUS_WORKFLOW_ERROR;
        refusal.wire_code = smki_refusal_find(SMKI_INTERNAL)->wire_code;
    }
    return refusal;
}

/* File names of a zip need not be XML names. "entry-17" cannot meet another one, as file names end in .csr. */
static void write_csr_ref(struct xml_writer *writer, const struct batch_result *result)
{
    size_t size = strlen(result->ref);

    xml_raw(writer, "<DeviceCertificate ID=\"");
    if (text_is_ncname(result->ref, size) && text_length(result->ref, size) <= CSR_REF_MAX) {
        xml_text(writer, result->ref);
    } else {
        xml_raw(writer, "entry-");
        xml_number(writer, result->index);
    }
    xml_raw(writer, "\">");
}

static void write_result(struct xml_writer *writer, const struct batch_result *result)
{
    write_csr_ref(writer, result);
    if (result->code == 0) {
        xml_element(writer, "Status", smki_status_word(SMKI_STATUS_SUCCESS));
        xml_raw(writer, "<Certificate>");
        xml_base64(writer, result->certificate);
        xml_raw(writer, "</Certificate>");
    } else {
        struct smki_refusal refusal = refusal_of_csr(result->code);
        xml_element(writer, "Status", smki_status_word(refusal.status));
        answer_error(writer, &refusal, result->text);
    }
    xml_raw(writer, "</DeviceCertificate>\n");
}

/* ---- a completed batch, pulled ---- */

struct batch_xml_stream {
    const struct smki_batch *batch;
    const char *build;
    batch_result_fn next;
    void *next_context;
    struct xml_writer writer; /* into `ready` */
    struct smki_buffer ready; /* one step's octets: the head, one CSR's fate, or the end */
    size_t taken;             /* of them */
    enum { HEAD, FATES, ENDED } stage;
    int rc; /* the first failure, with its words */
    struct smki_error error;
};

int batch_xml_stream_open(struct batch_xml_stream **out, const struct smki_batch *batch, const char *build, batch_result_fn next,
                          void *next_context, struct smki_error *err)
{
    struct batch_xml_stream *stream = calloc(1, sizeof(*stream));
    int rc;

    *out = NULL;
    if (stream == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    stream->batch = batch;
    stream->build = build;
    stream->next = next;
    stream->next_context = next_context;
    if ((rc = xml_open(&stream->writer, sink_to_buffer, &stream->ready, err)) != 0) {
        free(stream);
        return rc;
    }
    stream->writer.err = &stream->error;
    *out = stream;
    return 0;
}

static int write_fate_or_end(struct batch_xml_stream *stream)
{
    struct batch_result result;
    int rc = stream->next(stream->next_context, &result, &stream->error);

    if (rc == 0) {
        write_result(&stream->writer, &result);
    } else if (rc == SMKI_NOT_FOUND) {
        answer_end(&stream->writer, "CSRBatchResult");
        stream->stage = ENDED;
        rc = 0;
    }
    return rc;
}

/* Makes the next octets ready. */
static int step(struct batch_xml_stream *stream)
{
    int rc = 0;

    stream->ready.size = stream->taken = 0;
    if (stream->stage == HEAD) {
        start_document(&stream->writer, "CSRBatchResult", stream->batch->ref, stream->build, message_state_words[SMKI_STATE_COMPLETED]);
        write_batch_id(&stream->writer, stream->batch->id);
        stream->stage = FATES;
    } else {
        rc = write_fate_or_end(stream);
    }
    return rc != 0 ? rc : xml_flush(&stream->writer);
}

static size_t take(struct batch_xml_stream *stream, void *at, size_t capacity)
{
    size_t part = stream->ready.size - stream->taken;

    part = part < capacity ? part : capacity;
    if (part != 0)
        memcpy(at, stream->ready.at + stream->taken, part);
    stream->taken += part;
    return part;
}

int batch_xml_stream_read(struct batch_xml_stream *stream, void *at, size_t capacity, size_t *size, struct smki_error *err)
{
    uint8_t *to = at;

    *size = 0;
    while (stream->rc == 0 && (*size += take(stream, to + *size, capacity - *size)) < capacity && stream->stage != ENDED)
        stream->rc = step(stream);
    return stream->rc != 0 ? smki_fail(err, stream->rc, "%s", stream->error.text) : 0;
}

void batch_xml_stream_close(struct batch_xml_stream *stream)
{
    if (stream == NULL)
        return;
    xml_drop(&stream->writer);
    smki_buffer_finish(&stream->ready);
    free(stream);
}

/* ---- documents ---- */

#define PIECE_SIZE ((size_t)64 * 1024) /* octets given to the sink at once */

static int push_pieces(struct batch_xml_stream *stream, message_sink_fn sink, void *sink_context, struct smki_error *err)
{
    uint8_t *piece = malloc(PIECE_SIZE);
    size_t size = PIECE_SIZE;
    int rc = piece == NULL ? smki_fail(err, SMKI_NO_MEMORY, NULL) : 0;

    while (rc == 0 && size == PIECE_SIZE)
        if ((rc = batch_xml_stream_read(stream, piece, PIECE_SIZE, &size, err)) == 0 && size != 0)
            rc = sink(sink_context, BYTES(piece, size), err);
    free(piece);
    return rc;
}

int batch_xml_result(const struct smki_batch *batch, const char *build, batch_result_fn next, void *next_context, message_sink_fn sink,
                     void *sink_context, struct smki_error *err)
{
    struct batch_xml_stream *stream;
    int rc = batch_xml_stream_open(&stream, batch, build, next, next_context, err);

    if (rc != 0)
        return rc;
    rc = push_pieces(stream, sink, sink_context, err);
    batch_xml_stream_close(stream);
    return rc;
}

/* Either document without results: its state and BatchId (0: none), or an error. */
static int write_status(struct smki_buffer *out, const char *root, const char *ref, const char *build, const char *state, uint64_t batch_id,
                        int code, const char *text, struct smki_error *err)
{
    const struct smki_refusal *refusal = smki_refusal_find(code);
    struct xml_writer writer;
    int rc;

    if ((rc = xml_open(&writer, sink_to_buffer, out, err)) != 0)
        return rc;
    start_document(&writer, root, ref, build, code != 0 ? failure_word(refusal) : state);
    if (code != 0)
        answer_error(&writer, refusal, text);
    else if (batch_id != 0)
        write_batch_id(&writer, batch_id);
    answer_end(&writer, root);
    return xml_close(&writer);
}

int batch_xml_result_status(struct smki_buffer *out, const char *ref, const char *build, uint64_t batch_id, enum smki_batch_state state,
                            int code, const char *text, struct smki_error *err)
{
    if (code == 0 && ((size_t)state > SMKI_STATE_TAMPERED || message_state_words[state] == NULL))
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "%d is no state of a batch", (int)state);
    return write_status(out, "CSRBatchResult", ref, build, message_state_words[code == 0 ? state : SMKI_STATE_PENDING], batch_id, code, text, err);
}

int batch_xml_submit_status(struct smki_buffer *out, const char *ref, const char *build, uint64_t batch_id, int code, const char *text,
                            struct smki_error *err)
{
    if (code == 0 && batch_id == 0)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "an accepted batch has a BatchId above 0");
    return write_status(out, "SubmitCSRBatchStatus", ref, build, message_state_words[SMKI_STATE_PENDING], batch_id, code, text, err);
}
