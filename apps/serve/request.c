/* Requests: made, ended, asked. */
#include "serve/request_i.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct serve_request *request_create(struct worker *worker, struct connection *connection, const char *uri)
{
    struct serve_request *request = calloc(1, sizeof(*request));
    const size_t path = strcspn(uri, "?");
    const char *host = uri[0] != '/' ? strstr(uri, "://") : NULL;

    if (request == NULL)
        return NULL;
    request->worker = worker;
    request->connection = connection;
    request->side = connection->side;
    request->site = connection->peer.site;
    request->started = worker->now;
    for (size_t i = 0; i + 2 < path; i++) /* decoded it would end the text */
        request->bad_path = request->bad_path || memcmp(uri + i, "%00", 3) == 0;
    if (host != NULL) /* decoded it might end the host */
        request->bad_path = request->bad_path || memchr(host + 3, '%', strcspn(host + 3, "/?")) != NULL;
    connection_hold(connection);
    worker->requests++;
    return request;
}

void request_free(struct serve_request *request)
{
    if (request->context != NULL && request->route != NULL && request->route->forget != NULL)
        request->route->forget(request->context);
    reply_forget(request);
    for (size_t i = 0; i < request->header_count; i++) {
        free(request->headers[i].name);
        free(request->headers[i].value);
    }
    smki_buffer_finish(&request->body);
    smki_buffer_finish(&request->feeding);
    free(request->method);
    free(request->path);
    request->worker->requests--;
    connection_release(request->connection);
    free(request);
}

bool request_wants_end(const struct serve_request *request)
{
    return request->granted && request->route != NULL && request->route->close != NULL;
}

void request_end(struct serve_request *request, bool delivered)
{
    struct connection *connection = request->connection;

    request->delivered = delivered && request->completed && strcmp(serve_method(request), "HEAD") != 0;
    if (request->status != 0)
        metrics_request(request->site->metrics, (unsigned)request->status, request->worker->now - request->started);
    if (request_wants_end(request)) {
        work_submit(request, JOB_CLOSE);
        return;
    }
    if (connection->request == request)
        front_next(connection);
    request_free(request);
}

void request_bequeath(const struct serve_request *request)
{
    struct connection *connection = request->connection;
    struct bequest *bequest = connection->bequest == NULL ? calloc(1, sizeof(*bequest)) : NULL;

    if (bequest == NULL)
        return;
    bequest->method = strdup(serve_method(request));
    bequest->path = strdup(serve_path(request));
    bequest->identified = request->identified;
    bequest->identity = request->identity;
    connection->bequest = bequest;
}

void request_inherit(struct serve_request *request)
{
    struct bequest *bequest = request->connection->bequest;

    if (bequest == NULL)
        return;
    request->method = bequest->method;
    request->path = bequest->path;
    request->identified = bequest->identified;
    request->identity = bequest->identity;
    free(bequest);
    request->connection->bequest = NULL;
}

void bequest_free(struct bequest *bequest)
{
    if (bequest == NULL)
        return;
    free(bequest->method);
    free(bequest->path);
    free(bequest);
}

int request_refuse(struct serve_request *request, int code, const char *text)
{
    if (request->refusal != 0)
        return request->refusal;
    request->refusal = code;
    if (text == NULL || text[0] == '\0')
        text = smki_refusal_find(code)->text;
    strncpy(request->refusal_text, text, sizeof(request->refusal_text) - 1);
    return code;
}

/* ---- serve.h ---- */

struct serve *serve_of(const struct serve_request *request)
{
    return request->worker->serve;
}

struct smki_service *serve_service(const struct serve_request *request)
{
    return request->worker->serve->service;
}

const struct serve_site *serve_site_of(const struct serve_request *request)
{
    return &request->site->face;
}

const struct serve_route *serve_route_of(const struct serve_request *request)
{
    return request->route;
}

const char *serve_method(const struct serve_request *request)
{
    return request->method != NULL ? request->method : "";
}

const char *serve_path(const struct serve_request *request)
{
    return request->path != NULL ? request->path : "";
}

const char *serve_header(const struct serve_request *request, const char *name)
{
    if (request->library == NULL || request->stand_in)
        return NULL;
    return MHD_lookup_connection_value(request->library, MHD_HEADER_KIND, name);
}

struct query {
    const char *name, *value;
    size_t count;
};

/* A value with a NUL in it is no text: shown as the text before it, it would be taken for another. */
static enum MHD_Result query_each(void *context, enum MHD_ValueKind kind, const char *name, size_t name_size, const char *value,
                                  size_t value_size)
{
    struct query *query = context;

    (void)kind;
    if (name_size == strlen(query->name) && memcmp(name, query->name, name_size) == 0 && query->count++ == 0)
        query->value = value != NULL && memchr(value, '\0', value_size) == NULL ? value : "";
    return MHD_YES;
}

const char *serve_query(const struct serve_request *request, const char *name, size_t *count)
{
    struct query query = {.name = name};

    if (request->library != NULL && !request->stand_in)
        MHD_get_connection_values_n(request->library, MHD_GET_ARGUMENT_KIND, query_each, &query);
    if (count != NULL)
        *count = query.count;
    return query.value;
}

struct smki_bytes serve_body(const struct serve_request *request)
{
    return (struct smki_bytes){request->body.at, request->body.size};
}

const struct smki_identity *serve_identity(const struct serve_request *request)
{
    return request->identified ? &request->identity : NULL;
}

struct smki_bytes serve_certificate(const struct serve_request *request)
{
    return (struct smki_bytes){request->connection->certificate.at, request->connection->certificate.size};
}

const char *serve_peer(const struct serve_request *request)
{
    return request->connection->host;
}

const uint8_t *serve_session(const struct serve_request *request, size_t *size)
{
    *size = sizeof(request->connection->session);
    return request->connection->session;
}

void *serve_context(const struct serve_request *request)
{
    return request->context;
}

void serve_context_set(struct serve_request *request, void *context)
{
    request->context = context;
}

void serve_refusal_number(struct serve_request *request, uint64_t transaction)
{
    request->transaction = transaction;
}

int serve_wait(struct serve_request *request, struct smki_time at)
{
    request->wait_until = at;
    return REQUEST_WAITS;
}

void serve_count(struct serve *serve, const char *name, const char *label, uint64_t more)
{
    metrics_count(&serve->metrics, name, label, more);
}

static void observed_add(struct serve *serve, enum smki_rule rule, uint64_t more)
{
    static const char *const words[SMKI_RULE_COUNT + 1] = {[SMKI_RULE_PORTAL_BATCH] = "portal_batch",
                                                           [SMKI_RULE_PORTAL_ADHOC] = "portal_adhoc",
                                                           [SMKI_RULE_ADHOC_PACE] = "adhoc_pace",
                                                           [SMKI_RULE_BATCH_ONE] = "batch_one",
                                                           [SMKI_RULE_POLL] = "poll",
                                                           [SMKI_RULE_WINDOW] = "night"};
    char label[40];

    snprintf(label, sizeof(label), "rule=\"%s\"", words[rule]);
    serve_count(serve, "smki_demand_observed_total", label, more);
}

void serve_count_observed(struct serve *serve, enum smki_rule rule, const struct smki_verdict *verdict)
{
    if (verdict->flagged && !verdict->behind)
        observed_add(serve, rule, 1);
}

void serve_count_rule(struct serve *serve, enum smki_rule rule)
{
    serve_count_help(serve, "smki_demand_observed_total", "What was let in beyond a rule of demand that is only observed, by rule.");
    observed_add(serve, rule, 0);
}

void serve_count_help(struct serve *serve, const char *name, const char *help)
{
    metrics_count_help(&serve->metrics, name, help);
}

void serve_gauge(struct serve *serve, const char *name, const char *help, double (*value)(void *context), void *context)
{
    metrics_gauge(&serve->metrics, name, help, value, context);
}
