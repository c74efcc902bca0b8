/* The ad hoc web service on HTTP (IDS App. B; interfaces.md 5): POST one document, get one back. */
#include "webservice/web_i.h"

#include <smki/adhoc.h>

#include <stdlib.h>

/* A request under way. */
struct adhoc_call {
    struct smki_adhoc adhoc;
};

static int reply(struct serve_request *request, struct smki_adhoc *adhoc, int code)
{
    answer_allowance(request, &adhoc->left);
    if (adhoc->verdict.code != 0 && adhoc->verdict.code == code)
        answer_retry_after(request, adhoc->verdict.retry_at);
    else if (code != 0)
        answer_retry_of(request, code);
    return answer_xml(request, &adhoc->xml, code);
}

/* Of an answer whose number is not in the audit log, the server's log has a line. */
static void unrecorded_tell(const struct serve_request *request, const struct smki_adhoc *adhoc, int code)
{
    if ((adhoc->transaction & SMKI_ADHOC_UNRECORDED) != 0)
        serve_refusal_tell(request, adhoc->transaction, code, smki_refusal_find(code)->text);
}

/* Who is no longer let in is told what everybody is who is not. */
static int finish(struct serve_request *request, struct adhoc_call *call, int code)
{
    if (smki_access_is_refusal(code) || call->adhoc.xml.size == 0)
        return code;
    unrecorded_tell(request, &call->adhoc, code);
    return reply(request, &call->adhoc, code);
}

/* Its code, or what serve_wait gave. */
static int answered(struct serve_request *request, struct adhoc_call *call, const struct smki_adhoc_asked *asked)
{
    if (!asked->waited) {
        serve_count_observed(serve_of(request), SMKI_RULE_ADHOC_PACE, &call->adhoc.verdict);
        if (asked->code == 0 && call->adhoc.xml.size == 0)
            return serve_wait(request, call->adhoc.not_before);
    }
    return finish(request, call, asked->code);
}

/* A request comes again when the slot has come that it waits for (the pace, smooth). False: there is no memory for it. */
static bool ask(struct serve_request *request, struct smki_adhoc_asked *asked)
{
    struct adhoc_call *call = serve_context(request);

    *asked = (struct smki_adhoc_asked){.identity = serve_identity(request), .document = serve_body(request), .waited = call != NULL};
    if (call == NULL)
        serve_context_set(request, call = calloc(1, sizeof(*call)));
    asked->adhoc = call != NULL ? &call->adhoc : NULL;
    return call != NULL;
}

static void answers(struct serve_request *const requests[], struct serve_outcome outcomes[], size_t count)
{
    struct smki_adhoc_asked *asked = malloc(count * sizeof(*asked));
    size_t *of = malloc(count * sizeof(*of)), asking = 0;

    for (size_t i = 0; i < count; i++) {
        outcomes[i].code = SMKI_NO_MEMORY;
        if (asked != NULL && of != NULL && ask(requests[i], &asked[asking]))
            of[asking++] = i;
    }
    if (asking > 0)
        smki_adhoc_requests(asked, asking, serve_service(requests[0]));
    for (size_t i = 0; i < asking; i++) {
        outcomes[of[i]].code = answered(requests[of[i]], serve_context(requests[of[i]]), &asked[i]);
        outcomes[of[i]].err = asked[i].err;
    }
    free(of);
    free(asked);
}

static int answer(struct serve_request *request, struct smki_error *err)
{
    struct serve_outcome outcome;

    answers(&request, &outcome, 1);
    *err = outcome.err;
    return outcome.code;
}

static void forget(void *context) /* what was issued is on record, whether it was delivered or not */
{
    struct adhoc_call *call = context;

    smki_adhoc_finish(&call->adhoc);
    free(call);
}

static void refuse(struct serve_request *request, int code, const char *text)
{
    struct smki_adhoc adhoc = {0};
    const int told = answer_code(code);

    if (smki_adhoc_refuse(&adhoc, serve_service(request), serve_identity(request), told, answer_text(code, text), NULL) == 0) {
        if ((adhoc.transaction & SMKI_ADHOC_UNRECORDED) != 0)
            serve_refusal_number(request, adhoc.transaction);
        reply(request, &adhoc, told);
    }
    smki_adhoc_finish(&adhoc);
}

void adhoc_site(struct serve_site *site, struct serve_route routes[ADHOC_ROUTES], const struct smki_config *config)
{
    routes[0] = (struct serve_route){.method = "POST",
                                     .path = config->web_adhoc_path,
                                     .body_max = SMKI_ADHOC_MAX_DOCUMENT,
                                     .media_type = "application/xml",
                                     .answer = answer,
                                     .answers = smki_adhoc_shares(config) ? answers : NULL,
                                     .forget = forget};
    *site = (struct serve_site){.name = "adhoc",
                                .address = config->web_adhoc.listen,
                                .host = config->web_adhoc.host[0] != '\0' ? config->web_adhoc.host : NULL,
                                .interface = SMKI_INTERFACE_ADHOC,
                                .network = config->web_adhoc.network,
                                .client_certificates = true,
                                .routes = routes,
                                .route_count = ADHOC_ROUTES,
                                .refuse = refuse};
}
