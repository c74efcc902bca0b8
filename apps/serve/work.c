/* What of a request is done in the pool, and what follows when it comes back. */
#include "serve/request_i.h"

static void refuse_run(struct serve_request *request)
{
    const struct serve_site *site = &request->site->face;

    bool recorded = false;

    reply_forget(request);
    if (site->refuse != NULL)
        site->refuse(request, request->refusal, request->refusal_text);
    if (request->of_access) /* after the answer was made, whose number it takes, and before it leaves */
        (void)!smki_access_refused_as(serve_service(request), serve_certificate(request), site->interface, site->network,
                                      serve_peer(request), request->refusal, request->refusal_text, request->transaction, &recorded, NULL);
    if (!recorded && request->transaction != 0)
        serve_refusal_tell(request, request->transaction, request->refusal, request->refusal_text);
    if (!request->replied)
        serve_reply(request, smki_refusal_find(request->refusal)->http_status, "text/plain", &(struct smki_buffer){0});
}

static int feed_run(struct serve_request *request, struct smki_buffer *octets, struct smki_error *err)
{
    int rc = octets->size == 0 ? 0 : request->route->feed(request, (struct smki_bytes){octets->at, octets->size}, err);

    smki_buffer_finish(octets);
    return rc;
}

/* Somebody was let in, and something is to be done for them: once a request. What cannot be written comes with the next. */
static void use_note(struct serve_request *request)
{
    if (request->identified && !request->noted)
        (void)!smki_credential_use(serve_service(request), &request->identity, serve_peer(request), NULL);
    request->noted = true;
}

/* What `answer` returned, and what follows from it. */
static void answer_end(struct serve_request *request, int rc, const struct smki_error *err)
{
    if (rc == REQUEST_WAITS)
        return;
    if (rc != 0 || !request->replied) {
        request_refuse(request, rc != 0 ? rc : SMKI_INTERNAL, err->text);
        refuse_run(request);
    }
    if (request->stream != NULL)
        stream_fill(request->stream);
}

static void answer_run(struct serve_request *request)
{
    struct smki_error err = {0};
    int rc = 0;

    if (request->route->feed != NULL)
        rc = feed_run(request, &request->body, &err);
    if (rc == 0)
        rc = request->route->answer(request, &err);
    answer_end(request, rc, &err);
}

static void answer_begin(struct serve_request *request)
{
    use_note(request);
    request->outcome = (struct smki_error){0};
    request->wait_until = (struct smki_time){0};
}

static void work_run(struct job *job)
{
    struct serve_request *request = (struct serve_request *)job;
    struct smki_error err = {0};
    int rc = 0;

    request->outcome = (struct smki_error){0};
    switch (request->kind) {
    case JOB_OPEN:
        use_note(request);
        rc = request->route->open(request, &err);
        break;
    case JOB_FEED:
        rc = feed_run(request, &request->feeding, &err);
        break;
    case JOB_ANSWER:
        answer_begin(request);
        answer_run(request);
        break;
    case JOB_REFUSE:
        refuse_run(request);
        break;
    case JOB_READ:
        stream_fill(request->stream);
        break;
    case JOB_CLOSE:
        request->route->close(request, request->delivered);
        break;
    }
    if (rc != 0) {
        request->outcome = err;
        request->outcome.code = rc;
    }
    request->next = NULL;
    worker_return(request->worker, request);
}

/* ---- several as one ---- */

/* Those of one worker go back to it at once: it is woken once. A request that went back may be gone. */
static void return_all(struct serve_request *const *requests, size_t count)
{
    struct worker *workers[POOL_SHARED_MAX];

    for (size_t i = 0; i < count; i++)
        workers[i] = requests[i]->worker;
    for (size_t i = 0; i < count; i++) {
        struct worker *worker = workers[i];
        struct serve_request *list = NULL;

        for (size_t j = i; j < count && worker != NULL; j++) {
            if (workers[j] != worker)
                continue;
            requests[j]->next = list;
            list = requests[j];
            workers[j] = NULL;
        }
        if (list != NULL)
            worker_return(worker, list);
    }
}

static void answers_run(struct serve_request *const *requests, size_t count)
{
    struct serve_outcome outcomes[POOL_SHARED_MAX];

    for (size_t i = 0; i < count; i++) {
        answer_begin(requests[i]);
        outcomes[i] = (struct serve_outcome){.code = SMKI_INTERNAL};
    }
    requests[0]->route->answers(requests, outcomes, count);
    for (size_t i = 0; i < count; i++)
        answer_end(requests[i], outcomes[i].code, &outcomes[i].err);
    return_all(requests, count);
}

void work_shared(struct job *list)
{
    struct serve_request *requests[POOL_SHARED_MAX];
    size_t count = 0;

    for (struct job *job = list, *next; job != NULL; job = next) {
        next = job->next;
        requests[count++] = (struct serve_request *)job;
        if (next == NULL || ((struct serve_request *)next)->route->answers != requests[0]->route->answers) {
            answers_run(requests, count);
            count = 0;
        }
    }
}

void work_submit(struct serve_request *request, enum request_job kind)
{
    request->job.run = work_run;
    request->kind = kind;
    request->in_pool = true;
    atomic_fetch_add(&request->worker->serve->metrics.suspended, 1);
    if (kind == JOB_ANSWER && request->route->answers != NULL)
        pool_share(request->worker->serve->pool, &request->job);
    else
        pool_submit(request->worker->serve->pool, &request->job);
}

static void wait_begin(struct serve_request *request)
{
    const int64_t left = request->wait_until.us - smki_service_now(request->worker->serve->service).us;

    request->wait_ticks = ticks_now() + (left > 0 ? left : 0);
    request->next = request->worker->waiting;
    request->worker->waiting = request;
}

static int64_t wait_left(const struct serve_request *request, struct smki_time now, int64_t ticks)
{
    const int64_t by_clock = request->wait_until.us - now.us, by_ticks = request->wait_ticks - ticks;

    return by_clock < by_ticks ? by_clock : by_ticks;
}

int64_t work_waiting(struct worker *worker)
{
    const bool at_once = atomic_load(&worker->serve->stopping);
    struct smki_time now;
    int64_t soonest = -1, ticks;

    if (worker->waiting == NULL)
        return -1;
    now = smki_service_now(worker->serve->service);
    ticks = ticks_now();
    for (struct serve_request **at = &worker->waiting; *at != NULL;) {
        struct serve_request *request = *at;
        const int64_t left = wait_left(request, now, ticks);

        if (at_once || left <= 0) {
            *at = request->next;
            work_submit(request, JOB_ANSWER);
            continue;
        }
        if (soonest < 0 || left < soonest)
            soonest = left;
        at = &request->next;
    }
    return soonest;
}

void work_returned(struct serve_request *request)
{
    struct connection *connection = request->connection;
    struct worker *worker = request->worker;

    request->in_pool = false;
    if (request->outcome.code != 0)
        request_refuse(request, request->outcome.code, request->outcome.text);
    atomic_fetch_sub(&worker->serve->metrics.suspended, 1);
    if (request->kind == JOB_CLOSE) {
        if (connection->request == request)
            front_next(connection);
        request_free(request);
        return;
    }
    if (request->kind == JOB_ANSWER && request->wait_until.us != 0 && !request->replied) {
        wait_begin(request);
        return;
    }
    if (request->stream != NULL && (request->kind == JOB_READ || request->kind == JOB_ANSWER))
        stream_filled(request);
    if (request->suspended && request->library != NULL) {
        request->suspended = false;
        worker->library_due = true;
        MHD_resume_connection(request->library);
    }
    if (request->over)
        stage_over(request, request->completed);
}
