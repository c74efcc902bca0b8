#include "message/answer_xml_i.h"

#include "message/text_i.h"

#include <string.h>

static void write_ref(struct xml_writer *writer, const char *ref, size_t ref_max)
{
    size_t length = ref != NULL ? text_length(ref, strlen(ref)) : 0;

    if (length < 1 || length > ref_max)
        return;
    xml_raw(writer, " ID=\"");
    xml_text(writer, ref);
    xml_raw(writer, "\"");
}

void answer_start(struct xml_writer *writer, const char *root, const char *ref, size_t ref_max, const char *build)
{
    xml_raw(writer, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<");
    xml_raw(writer, root);
    write_ref(writer, ref, ref_max);
    xml_raw(writer, ">\n");
    xml_element(writer, "Version", "1.0");
    xml_element(writer, "Build", build);
}

void answer_error(struct xml_writer *writer, const struct smki_refusal *refusal, const char *text)
{
    xml_raw(writer, "<Error>");
    xml_element(writer, "ErrorCode", refusal->wire_code);
    xml_element(writer, "ErrorText", text != NULL && text[0] != '\0' ? text : refusal->text);
    xml_raw(writer, "</Error>");
}

void answer_end(struct xml_writer *writer, const char *root)
{
    xml_raw(writer, "</");
    xml_raw(writer, root);
    xml_raw(writer, ">\n");
}

/* ---- words ---- */

#define OUR_OWN_UNTIL 399 /* numbers of the list: general, keys, store, home; what follows is about Parties, demand, batches, HTTP */

/* What is wrong with a document or a request is the Party's to mend, whatever its number. */
static bool is_for_the_party(const struct smki_refusal *refusal)
{
    switch (refusal->status) {
    case SMKI_STATUS_FORMAT_ERROR:
    case SMKI_STATUS_CSR_ERROR:
    case SMKI_STATUS_INELIGIBLE:
    case SMKI_STATUS_UNKNOWN_DEVICE:
    case SMKI_STATUS_ISSUANCE_ANOMALY:
        return true;
    case SMKI_STATUS_WORKFLOW_ERROR:
        return -refusal->code > OUR_OWN_UNTIL && refusal->http_status != 500;
    default:
        return false;
    }
}

bool answer_is_inner(int code)
{
    return code != 0 && !is_for_the_party(smki_refusal_find(code));
}

int answer_told(int code, int general)
{
    return answer_is_inner(code) && smki_refusal_find(code)->http_status != 503 ? general : code;
}

const char *answer_words(int code, const char *text)
{
    const struct smki_refusal *refusal = smki_refusal_find(code);

    return text != NULL && text[0] != '\0' && is_for_the_party(refusal) ? text : refusal->text;
}
