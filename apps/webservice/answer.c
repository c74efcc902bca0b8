/* How the answers of both services look in HTTP. */
#include "webservice/web_i.h"

#include <inttypes.h>
#include <stdio.h>

static bool is_access(int code)
{
    return (code <= SMKI_IKI_MISSING && code >= SMKI_IKI_NETWORK) || code == SMKI_PARTY_BARRED || code == SMKI_OFFICER_STATE;
}

int answer_status(const struct serve_request *request, int code)
{
    const int status = code == 0 ? 200 : smki_refusal_find(code)->http_status;

    if (is_access(code))
        return 403;
    if (status == 429)
        return smki_service_config(serve_service(request))->http_status_compat ? 200 : 429;
    return status >= 500 && status != 503 ? 200 : status;
}

void answer_retry_after(struct serve_request *request, struct smki_time at)
{
    const int64_t wait = at.us == INT64_MAX ? 0 : at.us - smki_service_now(serve_service(request)).us;
    char text[24];

    if (wait <= 0)
        return;
    snprintf(text, sizeof(text), "%" PRId64, (wait + SMKI_SECOND - 1) / SMKI_SECOND);
    serve_header_add(request, "Retry-After", text);
}

void answer_retry_of(struct serve_request *request, int code)
{
    if (smki_refusal_find(code)->http_status == 503 && code != SMKI_MAINTENANCE)
        serve_header_add(request, "Retry-After", "5");
}

static void number_header(struct serve_request *request, const char *name, uint64_t number)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRIu64, number);
    serve_header_add(request, name, text);
}

void answer_allowance(struct serve_request *request, const struct smki_allowance *left)
{
    if (left->limit == 0)
        return;
    number_header(request, "RateLimit-Limit", left->limit);
    number_header(request, "RateLimit-Remaining", left->remaining);
    number_header(request, "RateLimit-Reset", (uint64_t)((left->reset + SMKI_SECOND - 1) / SMKI_SECOND));
}

const char *answer_text(int code, const char *text)
{
    if (is_access(code))
        return "access refused";
    return text != NULL && text[0] != '\0' ? text : smki_refusal_find(code)->text;
}

int answer_xml(struct serve_request *request, struct smki_buffer *xml, int code)
{
    char label[128];

    snprintf(label, sizeof(label), "service=\"%s\",code=\"%s\"", serve_site_of(request)->name,
             code == 0 ? "" : smki_refusal_find(code)->wire_code);
    serve_count(serve_of(request), "smki_answers_total", label, 1);
    return serve_reply(request, answer_status(request, code), XML_MEDIA_TYPE, xml);
}
