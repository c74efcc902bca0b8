/* How the answers of both services look in HTTP. */
#include "webservice/web_i.h"

#include <inttypes.h>
#include <stdio.h>

#define RETRY_SECONDS 5 /* until a service that cannot just now is asked again */

/* What HTTP itself has to say, and not the document. */
static bool is_http(int code)
{
    return code == SMKI_TOO_LARGE || (code <= SMKI_HTTP_PATH && code >= SMKI_HTTP_VERSION);
}

int answer_status(const struct serve_request *request, int code)
{
    const int status = code == 0 ? 200 : smki_refusal_find(code)->http_status;

    if (smki_access_is_refusal(code))
        return 403;
    if (status == 429)
        return smki_service_config(serve_service(request))->http_status_compat ? 200 : 429;
    return status == 403 || status == 503 || is_http(code) ? status : 200;
}

static void number_header(struct serve_request *request, const char *name, uint64_t number)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRIu64, number);
    serve_header_add(request, name, text);
}

/* Whole seconds, rounded up. */
static uint64_t seconds(int64_t us)
{
    return (uint64_t)(us / SMKI_SECOND) + (us % SMKI_SECOND > 0);
}

void answer_retry_after(struct serve_request *request, struct smki_time at)
{
    const int64_t wait = at.us == INT64_MAX ? 0 : at.us - smki_service_now(serve_service(request)).us;

    if (wait > 0)
        number_header(request, "Retry-After", seconds(wait));
}

void answer_retry_of(struct serve_request *request, int code)
{
    if (code == SMKI_MAINTENANCE || code == SMKI_HTTP_BUSY) /* the server layer has told its own */
        return;
    if (smki_refusal_find(code)->http_status == 503)
        number_header(request, "Retry-After", RETRY_SECONDS);
}

void answer_allowance(struct serve_request *request, const struct smki_allowance *left)
{
    if (left->limit == 0)
        return;
    number_header(request, "RateLimit-Limit", left->limit);
    number_header(request, "RateLimit-Remaining", left->remaining);
    if (left->reset != INT64_MAX) /* never */
        number_header(request, "RateLimit-Reset", seconds(left->reset));
}

int answer_code(int code)
{
    return smki_access_is_refusal(code) ? SMKI_IKI_UNREGISTERED : code;
}

const char *answer_text(int code, const char *text)
{
    if (smki_access_is_refusal(code))
        return "access refused";
    return text != NULL && text[0] != '\0' ? text : smki_refusal_find(code)->text;
}

int answer_xml(struct serve_request *request, struct smki_buffer *xml, int code)
{
    const char *media_type = XML_MEDIA_TYPE;
    char label[128];

    snprintf(label, sizeof(label), "service=\"%s\",code=\"%s\"", serve_site_of(request)->name,
             code == 0 ? "" : smki_refusal_find(code)->wire_code);
    serve_count(serve_of(request), "smki_answers_total", label, 1);
    if (code == SMKI_MAINTENANCE) {
        serve_header_add(request, "Vary", "Accept");
        media_type = notice_write(xml, request);
    }
    return serve_reply(request, answer_status(request, code), media_type, xml);
}
