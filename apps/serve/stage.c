/* A request's stages, as the library calls: once with the head, then with each piece of the body, then at its end; and again after each
 * time that it was suspended. */
#include "serve/request_i.h"

#include <stdlib.h>
#include <string.h>

static bool is_active(const struct serve_request *request)
{
    const struct connection *connection = request->connection;

    return connection->state == CONNECTION_OPEN && connection->side != NULL && connection->side == request->side;
}

static void suspend(struct serve_request *request)
{
    request->suspended = true;
    MHD_suspend_connection(request->library);
}

static void go(struct serve_request *request, enum request_stage stage, enum request_job job)
{
    request->stage = stage;
    suspend(request);
    work_submit(request, job);
}

/* ---- the head ---- */

static void stand_in_begin(struct serve_request *request)
{
    request->stand_in = true;
    request->last = true;
    request_inherit(request);
    request_refuse(request, request->connection->refusal, request->connection->refusal_text);
}

static enum MHD_Result head_begin(struct serve_request *request, const char *path, const char *method, const char *version)
{
    struct connection *connection = request->connection;
    bool has_body;

    if (!is_active(request))
        return MHD_NO;
    connection->request = request;
    if (connection->refusal != 0) {
        stand_in_begin(request);
    } else {
        request->method = strdup(method);
        request->path = strdup(path);
        if (request->method == NULL || request->path == NULL)
            return MHD_NO;
        head_check(request, version);
    }
    has_body = request->chunked || request->declared != 0 || request->refusal == SMKI_HTTP_MALFORMED; /* then nobody knows */
    if (connection->gate.state == GATE_WAIT)
        gate_body(&connection->gate, request->refusal != 0 ? 0 : request->chunked ? GATE_ENDLESS : request->declared);
    request->last = request->last || request->chunked || (request->refusal != 0 && has_body);
    request->stage = STAGE_BODY;
    if (request->refusal != 0 && has_body)
        go(request, STAGE_ANSWER, JOB_REFUSE); /* without reading it */
    else if (request->refusal == 0 && request->route->open != NULL)
        go(request, STAGE_OPENING, JOB_OPEN);
    return MHD_YES;
}

static enum MHD_Result opened(struct serve_request *request)
{
    request->stage = STAGE_BODY;
    if (request->refusal != 0 && (request->chunked || request->declared != 0)) {
        if (is_active(request))
            gate_body(&request->connection->gate, 0);
        request->last = true;
        go(request, STAGE_ANSWER, JOB_REFUSE);
    }
    return MHD_YES;
}

/* ---- the body ---- */

static enum MHD_Result body_more(struct serve_request *request, const char *octets, size_t *size)
{
    const struct serve_route *route = request->route;

    if (request->received + *size > (route != NULL ? route->body_max : 0)) { /* only chunked ones come so far */
        request->connection->refuse_next = is_active(request) ? SMKI_TOO_LARGE : 0;
        connection_touch(request->connection);
        return MHD_NO;
    }
    if (request->refusal == 0 && route->feed != NULL && request->body.size + *size > REQUEST_FEED_SIZE) {
        request->feeding = request->body;
        request->body = (struct smki_buffer){0};
        go(request, STAGE_BODY, JOB_FEED); /* called again with these octets; the library must not end what `feed` may ask about */
        return MHD_YES;
    }
    if (request->refusal == 0 && smki_buffer_append(&request->body, octets, *size, NULL) != 0)
        return MHD_NO;
    request->received += *size;
    *size = 0;
    return MHD_YES;
}

static enum MHD_Result quick_answer(struct serve_request *request)
{
    struct smki_error err = {0};
    int rc = request->route->answer(request, &err);

    if (rc == 0 && request->replied)
        return reply_queue(request) ? MHD_YES : MHD_NO;
    request_refuse(request, rc != 0 ? rc : SMKI_INTERNAL, err.text);
    go(request, STAGE_ANSWER, JOB_REFUSE);
    return MHD_YES;
}

static enum MHD_Result body_end(struct serve_request *request)
{
    if (request->refusal != 0)
        go(request, STAGE_ANSWER, JOB_REFUSE);
    else if (request->route->quick)
        return quick_answer(request);
    else
        go(request, STAGE_ANSWER, JOB_ANSWER);
    return MHD_YES;
}

enum MHD_Result stage_call(struct serve_request *request, const char *path, const char *method, const char *version, const char *octets,
                           size_t *size)
{
    switch (request->stage) {
    case STAGE_BEGIN:
        return head_begin(request, path, method, version);
    case STAGE_OPENING:
        return opened(request);
    case STAGE_BODY:
        return *size > 0 ? body_more(request, octets, size) : body_end(request);
    case STAGE_ANSWER:
        return reply_queue(request) ? MHD_YES : MHD_NO;
    case STAGE_REPLY:
        break;
    }
    return MHD_YES;
}

/* ---- the end ---- */

void stage_over(struct serve_request *request, bool completed)
{
    struct connection *connection = request->connection;

    if (request->library != NULL)
        request->completed = completed && request->stage == STAGE_REPLY;
    request->library = NULL;
    request->over = true;
    if (request->in_pool)
        return; /* work_returned calls again */
    if (!is_active(request) || connection->request != request) {
        request_end(request, false);
        return;
    }
    if (!request->completed && !connection->reply_expected) { /* the library gave up: it cannot be read */
        request_bequeath(request);
        connection->request = NULL;
        connection->refuse_next = connection->refuse_next != 0 ? connection->refuse_next : SMKI_HTTP_MALFORMED;
        connection_touch(connection);
        request_end(request, false);
        return;
    }
    connection->last = connection->last || !request->completed;
    connection->finished = request;
    connection->down_ready = true;
    connection_touch(connection);
}
