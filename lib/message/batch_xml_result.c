/* CSRBatchResult and SubmitCSRBatchStatus out (batch-1.0.xsd, IDS App. E). Whatever comes in, what goes out is valid by the schema. */
#include "message/text_i.h"
#include "message/xml_writer_i.h"

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

static void write_error(struct xml_writer *writer, const struct smki_refusal *refusal, const char *text)
{
    xml_raw(writer, "<Error>");
    xml_element(writer, "ErrorCode", refusal->wire_code);
    xml_element(writer, "ErrorText", text != NULL && text[0] != '\0' ? text : refusal->text);
    xml_raw(writer, "</Error>");
}

/* An ID that the schema would not let stand is left out, as the schema allows. */
static void write_ref(struct xml_writer *writer, const char *ref)
{
    size_t length = ref != NULL ? text_length(ref, strlen(ref)) : 0;

    if (length < 1 || length > REF_MAX)
        return;
    xml_raw(writer, " ID=\"");
    xml_text(writer, ref);
    xml_raw(writer, "\"");
}

static void start_document(struct xml_writer *writer, const char *root, const char *ref, const char *build, const char *state)
{
    xml_raw(writer, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<");
    xml_raw(writer, root);
    write_ref(writer, ref);
    xml_raw(writer, ">\n");
    xml_element(writer, "Version", "1.0");
    xml_element(writer, "Build", build);
    xml_element(writer, "BatchStatus", state);
    xml_raw(writer, "\n");
}

static void write_batch_id(struct xml_writer *writer, uint64_t batch_id)
{
    xml_raw(writer, "<BatchId>");
    xml_number(writer, batch_id);
    xml_raw(writer, "</BatchId>\n");
}

static int end_document(struct xml_writer *writer, const char *root)
{
    xml_raw(writer, "</");
    xml_raw(writer, root);
    xml_raw(writer, ">\n");
    return xml_close(writer);
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
        write_error(writer, &refusal, result->text);
    }
    xml_raw(writer, "</DeviceCertificate>\n");
}

static int write_results(struct xml_writer *writer, batch_result_fn next, void *context, struct smki_error *err)
{
    struct batch_result result;
    int rc = 0;

    while (writer->rc == 0 && (rc = next(context, &result, err)) == 0)
        write_result(writer, &result);
    return rc == SMKI_NOT_FOUND ? 0 : rc;
}

/* ---- documents ---- */

int batch_xml_result(const struct smki_batch *batch, const char *build, batch_result_fn next, void *next_context, message_sink_fn sink,
                     void *sink_context, struct smki_error *err)
{
    struct xml_writer writer;
    int rc;

    if ((rc = xml_open(&writer, sink, sink_context, err)) != 0)
        return rc;
    start_document(&writer, "CSRBatchResult", batch->ref, build, message_state_words[SMKI_STATE_COMPLETED]);
    write_batch_id(&writer, batch->id);
    if ((rc = write_results(&writer, next, next_context, err)) != 0) {
        xml_drop(&writer);
        return rc;
    }
    return end_document(&writer, "CSRBatchResult");
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
        write_error(&writer, refusal, text);
    else if (batch_id != 0)
        write_batch_id(&writer, batch_id);
    return end_document(&writer, root);
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
