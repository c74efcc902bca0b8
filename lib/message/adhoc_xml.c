/* DeviceCertificateSigningRequest in, DeviceCertificateSigningResponse out (adhoc-1.0.xsd, IDS App. B). */
#include "message/answer_xml_i.h"

#include <string.h>

#define REF_MAX 32 /* characters: ClientRef */

/* ---- in ---- */

struct taking {
    struct smki_buffer *csr;
    int *csr_code;
};

static int take_csr(void *context, const struct batch_request *request, struct smki_error *err)
{
    struct taking *taking = context;

    *taking->csr_code = request->decode_code;
    return smki_buffer_append(taking->csr, request->der.at, request->der.size, err);
}

int adhoc_xml_read(char ref[SMKI_ADHOC_REF_SIZE], struct smki_buffer *csr, int *csr_code, struct smki_bytes document,
                   struct smki_error *err)
{
    static const struct batch_limits limits = {.max_csrs = 1, .max_upload = SMKI_ADHOC_MAX_DOCUMENT};
    struct taking taking = {.csr = csr, .csr_code = csr_code};
    struct request_xml_reader *reader;
    int rc;

    ref[0] = '\0';
    *csr_code = 0;
    if ((rc = request_xml_open(&reader, &request_form_adhoc, &limits, take_csr, &taking, err)) != 0)
        return rc;
    rc = request_xml_feed(reader, document, true, err);
    snprintf(ref, SMKI_ADHOC_REF_SIZE, "%s", request_xml_ref(reader));
    request_xml_close(reader);
    return rc;
}

/* ---- out ---- */

/* The refusal as this answer may show it. What failed inside us is the operator's to read, in the log: the Party gets one code for the CA,
 * which says that resubmission may help, one for the rest, and of what passes by itself its own. There is no INELIGIBLE, which is to be no
 * subscriber for this device. */
static struct smki_refusal shown(int code)
{
    struct smki_refusal refusal = *smki_refusal_find(code);

    if (answer_is_inner(code))
        return *smki_refusal_find(answer_told(code, refusal.status == SMKI_STATUS_CA_ERROR ? SMKI_CA_KEY_UNAVAILABLE : SMKI_INTERNAL));
    if (refusal.status == SMKI_STATUS_INELIGIBLE) {
        refusal.status = SMKI_STATUS_WORKFLOW_ERROR;
        refusal.wire_code = smki_refusal_find(SMKI_NOT_SUBSCRIBER)->wire_code;
    }
    return refusal;
}

static void write_outcome(struct xml_writer *writer, const struct adhoc_response *response)
{
    const struct smki_refusal refusal = shown(response->code);

    if (response->code != 0) {
        xml_element(writer, "Status", smki_status_word(refusal.status));
        answer_error(writer, &refusal, answer_is_inner(response->code) ? NULL : response->text);
        return;
    }
    xml_element(writer, "Status", smki_status_word(SMKI_STATUS_SUCCESS));
    xml_raw(writer, "<Certificate>");
    xml_base64(writer, response->certificate);
    xml_raw(writer, "</Certificate>");
}

int adhoc_xml_response(struct smki_buffer *out, const struct adhoc_response *response, struct smki_error *err)
{
    static const char root[] = "DeviceCertificateSigningResponse";
    struct xml_writer writer;
    int rc;

    if (response->transaction == 0)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "an answer has a TransactionId above 0");
    if ((rc = xml_open(&writer, sink_to_buffer, out, err)) != 0)
        return rc;
    answer_start(&writer, root, response->ref, REF_MAX, response->build);
    xml_raw(&writer, "<TransactionId>");
    xml_number(&writer, response->transaction);
    xml_raw(&writer, "</TransactionId>");
    write_outcome(&writer, response);
    xml_raw(&writer, "\n");
    answer_end(&writer, root);
    return xml_close(&writer);
}
