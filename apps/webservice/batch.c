/* The batch web service on HTTP (IDS App. E; interfaces.md 6): POST a batch, GET what has become of it. */
#include "webservice/web_i.h"

#include <smki/batch.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- submit: the document goes through as it comes ---- */

/* RateLimit of the turns: as the verdict counted them, and this one, if it was let in. */
static void answer_turns(struct serve_request *request, bool taken, const struct smki_verdict *verdict)
{
    const uint64_t used = verdict->used + taken;
    const struct smki_allowance left = {
        .limit = verdict->limit, .remaining = used < verdict->limit ? verdict->limit - used : 0, .reset = SMKI_SECOND};

    answer_allowance(request, &left);
}

static int submit_open(struct serve_request *request, struct smki_error *err)
{
    struct smki_submission *submission;
    struct smki_verdict verdict = {0};
    int rc = smki_submission_open_turn(&submission, serve_service(request), &serve_identity(request)->actor, SMKI_BATCH_XML, NULL, &verdict,
                                       err);

    if (rc == 0)
        serve_context_set(request, submission);
    if (rc == 0)
        serve_count_observed(serve_of(request), SMKI_RULE_BATCH_ONE, &verdict);
    else if (rc == SMKI_RATE_BATCH_BUSY)
        answer_retry_after(request, verdict.retry_at);
    answer_turns(request, rc == 0, &verdict);
    return rc;
}

static int submit_feed(struct serve_request *request, struct smki_bytes bytes, struct smki_error *err)
{
    return smki_submission_feed(serve_context(request), bytes, err);
}

static int submit_answer(struct serve_request *request, struct smki_error *err)
{
    struct smki_submission *submission = serve_context(request);
    struct smki_buffer xml = {0};
    struct smki_batch batch;
    int rc = smki_submission_finish(submission, &batch, NULL, err);

    if (rc == 0)
        rc = smki_batch_submit_answer(&xml, batch.ref, batch.id, 0, NULL, err);
    if (rc == 0)
        return answer_xml(request, &xml, 0);
    smki_buffer_finish(&xml);
    return rc;
}

/* The answer is out: the Party's next submission may come (interfaces.md 10). */
static void submit_close(struct serve_request *request, bool delivered)
{
    (void)delivered; /* a batch that was accepted stays accepted */
    smki_submission_close(serve_context(request));
}

/* ---- poll and retrieve: one GET does both ---- */

struct retrieval {
    struct smki_poll poll;
    struct smki_result_stream *stream; /* NULL: the answer carries no results */
};

/* The number of a batch as our answers write it, once: digits alone, the first of them not 0. Anything else is the number of no batch: 0.
 */
static uint64_t batch_number(const struct serve_request *request)
{
    size_t count;
    const char *text = serve_query(request, "BatchId", &count);
    uint64_t id;

    if (text == NULL || count != 1 || text[0] == '0' || strspn(text, "0123456789") != strlen(text))
        return 0;
    errno = 0;
    id = strtoull(text, NULL, 10);
    return errno == 0 ? id : 0;
}

static int64_t result_read(void *context, void *at, size_t capacity)
{
    struct retrieval *retrieval = context;
    size_t size;

    return smki_result_read(retrieval->stream, at, capacity, &size, NULL) == 0 ? (int64_t)size : -1;
}

static int poll_reply(struct serve_request *request, const struct smki_poll *poll, int code, const char *text, struct smki_error *err)
{
    struct smki_buffer xml = {0};
    int rc = smki_batch_poll_answer(&xml, poll, code, text, err);

    if (rc == 0) {
        answer_allowance(request, &poll->left);
        if (code != 0 && poll->verdict.code == code)
            answer_retry_after(request, poll->verdict.retry_at);
        else if (code != 0)
            answer_retry_of(request, code);
        return answer_xml(request, &xml, code);
    }
    smki_buffer_finish(&xml);
    return rc;
}

static int result_answer(struct serve_request *request, struct smki_error *err)
{
    struct retrieval *retrieval = calloc(1, sizeof(*retrieval));
    const struct smki_actor *actor = &serve_identity(request)->actor;
    struct smki_error why = {0};
    int rc;

    if (retrieval == NULL)
        return SMKI_NO_MEMORY;
    serve_context_set(request, retrieval);
    if ((rc = smki_batch_poll(serve_service(request), actor, batch_number(request), &retrieval->poll, &why)) != 0)
        return poll_reply(request, &retrieval->poll, rc, why.text, err);
    serve_count_observed(serve_of(request), SMKI_RULE_POLL, &retrieval->poll.verdict);
    if (!retrieval->poll.deliver)
        return poll_reply(request, &retrieval->poll, 0, NULL, err);
    if ((rc = smki_result_open(&retrieval->stream, serve_service(request), actor, &retrieval->poll.batch, err)) != 0)
        return rc;
    answer_allowance(request, &retrieval->poll.left);
    serve_count(serve_of(request), "smki_results_total", NULL, 1);
    return serve_reply_stream(request, 200, XML_MEDIA_TYPE, -1, result_read, retrieval);
}

/* A retrieval counts when the peer has all of it; a broken one may be repeated (interfaces.md 10). */
static void result_close(struct serve_request *request, bool delivered)
{
    struct retrieval *retrieval = serve_context(request);

    if (retrieval == NULL)
        return;
    if (retrieval->stream != NULL && delivered &&
        smki_batch_retrieved(serve_service(request), &serve_identity(request)->actor, retrieval->poll.batch.id, NULL) != 0)
        serve_count(serve_of(request), "smki_retrievals_unrecorded_total", NULL, 1);
    smki_result_close(retrieval->stream);
    free(retrieval);
}

/* ---- refusals ---- */

/* Whose answer it is: that of the address asked for; of an unknown one, CSRBatchResult. */
static bool is_submission(const struct serve_request *request)
{
    const struct serve_site *site = serve_site_of(request);
    const char *path = serve_path(request);

    return path != NULL && strcmp(path, site->routes[0].path) == 0;
}

static void refuse(struct serve_request *request, int code, const char *text)
{
    const struct serve_route *route = serve_route_of(request);
    const struct smki_poll none = {0};
    struct smki_buffer xml = {0};
    const char *ref = "";
    int rc;

    if (route != NULL && route->answer == submit_answer && serve_context(request) != NULL)
        ref = smki_submission_ref(serve_context(request));
    text = answer_text(code, text);
    code = answer_code(code);
    answer_retry_of(request, code);
    rc = is_submission(request) ? smki_batch_submit_answer(&xml, ref, 0, code, text, NULL)
                                : smki_batch_poll_answer(&xml, &none, code, text, NULL);
    if (rc != 0) /* no memory for it: no half of a document either */
        smki_buffer_finish(&xml);
    answer_xml(request, &xml, code);
}

void batch_site(struct serve_site *site, struct serve_route routes[BATCH_ROUTES], const struct smki_config *config)
{
    routes[0] = (struct serve_route){.method = "POST",
                                     .path = config->web_batch_submit_path,
                                     .body_max = config->batch_max_upload,
                                     .media_type = "application/xml",
                                     .open = submit_open,
                                     .feed = submit_feed,
                                     .answer = submit_answer,
                                     .close = submit_close};
    routes[1] =
        (struct serve_route){.method = "GET", .path = config->web_batch_result_path, .answer = result_answer, .close = result_close};
    *site = (struct serve_site){.name = "batch",
                                .address = config->web_batch.listen,
                                .host = config->web_batch.host[0] != '\0' ? config->web_batch.host : NULL,
                                .interface = SMKI_INTERFACE_BATCH,
                                .network = config->web_batch.network,
                                .client_certificates = true,
                                .routes = routes,
                                .route_count = BATCH_ROUTES,
                                .refuse = refuse};
}
