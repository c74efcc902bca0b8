/* What the servers share: TLS by mbedTLS, HTTP/1.1 by libmicrohttpd, who may come in, metrics, reload. A program says which sites it has
 * (listeners, hosts, routes) and what its routes answer; all else happens in here.
 *
 * Threads. serve_run stays in the main thread (signals, reload); one worker a core owns the connections; what a route does (`open`, `feed`,
 * `answer`, `close`), `refuse` and the `read` of a stream run in a pool thread and may block: never two of one request at once. A `quick`
 * route's `answer` runs in the worker itself.
 */
#ifndef SERVE_SERVE_H
#define SERVE_SERVE_H

#include <smki/access.h>
#include <smki/demand.h>

struct serve;
struct serve_request;
struct serve_site;

/* ---- routes ---- */

struct serve_outcome {
    int code;
    struct smki_error err;
};

struct serve_route {
    const char *method;     /* "POST" */
    const char *path;       /* whole; may be configured at run time, so filled in by the program. A segment that is "*" stands for any one:
                             * "/batches/" "*" "/report.txt"; the first route that fits has the request, so put it behind the exact ones */
    uint64_t body_max;      /* octets; more is refused with 413, before it is read where its length is declared */
    const char *media_type; /* what the body must be ("application/xml", parameters apart), else 415; NULL: no body, or any */
    /* `answer` never blocks and needs no pool thread; such a route has neither `open` nor `feed` nor `close`. */
    bool quick;
    /* A GET that is answered for HEAD too, like GET without the body: RFC 9110 9.3.2 leaves no room for what a GET of the route else brings
     * about. false: HEAD is refused (405). */
    bool head;
    /* The head is there and access was granted. Returns 0, or the code of a refusal, which the site's `refuse` answers. May be NULL. */
    int (*open)(struct serve_request *request, struct smki_error *err);
    /* The body, piece by piece, as it comes; NULL: it is collected and is there in `answer` (serve_body). The same returns; after a refusal
     * the rest of the body is dropped and the refusal answered. */
    int (*feed)(struct serve_request *request, struct smki_bytes bytes, struct smki_error *err);
    /* The body is complete. Must call one of serve_reply...; or returns a code for `refuse`. */
    int (*answer)(struct serve_request *request, struct smki_error *err);
    /* Instead of `answer`: for all requests of routes with the same function here that wait for their answers, at most 32 in one call; what
     * `answer` would return goes into outcomes[i]. Such a route has no `feed`. Few threads are at it at a time. */
    void (*answers)(struct serve_request *const requests[], struct serve_outcome outcomes[], size_t count);
    /* The end, called once access was granted to a request of this route (so also after a refusal of `open` or `feed`), before the next
     * request of the connection is looked at. `delivered`: the whole answer was written and the peer has taken it (all of it acknowledged);
     * never for HEAD. Headers and query are gone by then. May be NULL. */
    void (*close)(struct serve_request *request, bool delivered);
    /* Frees the context (serve_context_set) when the request is over, in the worker: it must not block. For a route whose end needs no more
     * than that, `close` costs a thread of the pool. May be NULL. */
    void (*forget)(void *context);
    const void *context; /* the program's own: serve_route_of(request)->context */
};

/* ---- sites: what answers under one host name at one address ---- */

struct serve_site {
    const char *name;    /* "adhoc": for logs and metrics; the same site has the same name at a reload */
    const char *address; /* "127.0.0.1:8443", "[::1]:8443"; several sites may name the same one: SNI tells them apart */
    const char *host;    /* NULL or "": any; else the server name asked for, and the Host of each request (421 otherwise) */
    enum smki_interface interface;
    enum smki_network network;
    bool client_certificates; /* required, and authenticated on every request; false: one-way TLS */
    const struct serve_route *routes;
    size_t route_count;
    /* Writes the answer for a refusal in the site's own format with serve_reply: by any code of the list (its http_status is the default).
     * Called for the refusals of routes, and for those of serve itself: HTTP_PATH, HTTP_METHOD (Allow is set already), HTTP_MEDIA_TYPE,
     * TOO_LARGE, HTTP_HOST, HTTP_MALFORMED, HTTP_SLOW, HTTP_BUSY, MAINTENANCE (both with Retry-After set already), and those of access,
     * with their true code: what the outside is told of them must be the same for all. `request` has no route where none matched, and where
     * the request could not be read neither method ("") nor path (""). Must not fail; runs in a pool thread, may block. When it writes no
     * reply, an empty one with the code's http_status goes out. */
    void (*refuse)(struct serve_request *request, int code, const char *text);
    void *context; /* the program's own: serve_site_of(request)->context */
};

/* ---- a request ---- */

struct smki_service *serve_service(const struct serve_request *request);
/* Both are serve's copies, with all texts, and live as long as the request. */
const struct serve_site *serve_site_of(const struct serve_request *request);
const struct serve_route *serve_route_of(const struct serve_request *request); /* NULL: none matched */
const char *serve_method(const struct serve_request *request);
const char *serve_path(const struct serve_request *request);                     /* decoded, without the query */
const char *serve_header(const struct serve_request *request, const char *name); /* NULL: not there */
/* The decoded value of a query argument, NULL: not there; *count (may be NULL) how often it is there. "" where it has no value, or one with
 * a NUL in it. */
const char *serve_query(const struct serve_request *request, const char *name, size_t *count);
struct smki_bytes serve_body(const struct serve_request *request);
/* There once access was granted, for refusals too (those of serve itself included); NULL before, and on one-way sites. */
const struct smki_identity *serve_identity(const struct serve_request *request);
struct smki_bytes serve_certificate(const struct serve_request *request); /* DER; empty on one-way sites */
const char *serve_peer(const struct serve_request *request);              /* "127.0.0.1" */
/* The same for all requests of one TLS session, resumed or not; nobody can guess it. */
const uint8_t *serve_session(const struct serve_request *request, size_t *size);
void *serve_context(const struct serve_request *request);
void serve_context_set(struct serve_request *request, void *context);
/* Holds the request until `at`, and no longer than it was until then when this is called, without holding a thread: `answer` is then called
 * again (returns its own return value to give back). */
int serve_wait(struct serve_request *request, struct smki_time at);

/* ---- the reply ---- */

/* Before the reply. One of the same name, in any case, is replaced. */
void serve_header_add(struct serve_request *request, const char *name, const char *value);
/* Takes the buffer (its memory is serve's from here on, and *body is empty). A second reply replaces the first. Returns 0. */
int serve_reply(struct serve_request *request, int status, const char *media_type, struct smki_buffer *body);
/* A body read piece by piece: `size` -1: not known (chunked). read: octets written, 0 at the end, negative: broken off (the connection ends
 * so that the peer knows). It has its context only: the request may be ending meanwhile. `context` must live until the route's `close`. */
typedef int64_t (*serve_read_fn)(void *context, void *at, size_t capacity);
int serve_reply_stream(struct serve_request *request, int status, const char *media_type, int64_t size, serve_read_fn read, void *context);

/* ---- the log: standard error ---- */

/* For `refuse`: its answer has this TransactionId, which is on no record. The record of a refusal of access takes it; where none is written
 * it is told on standard error. */
void serve_refusal_number(struct serve_request *request, uint64_t transaction);
/* A line about a refusal that no record has, for the TransactionId that the peer was given. At most 60 lines a minute; how many were left
 * out is told then. Thread-safe. */
void serve_refusal_tell(const struct serve_request *request, uint64_t transaction, int code, const char *text);

/* ---- metrics: /metrics on the admin listener, Prometheus text ---- */

/* Adds to the counter `name` with at most one label ("status=\"SUCCESS\"", NULL: none). Cheap, thread-safe. Names begin with "smki_" and
 * end in "_total". */
void serve_count(struct serve *serve, const char *name, const char *label, uint64_t more);
/* Counts what a rule of demand that is only observed let in: smki_demand_observed_total{rule="poll"}; the words are those of the
 * configuration. Nothing where the verdict is another. */
void serve_count_observed(struct serve *serve, enum smki_rule rule, const struct smki_verdict *verdict);
/* The rule will be asked by this program: its counter is there from the start, at 0. For `started`. */
void serve_count_rule(struct serve *serve, enum smki_rule rule);
/* What the counter counts, for people; may be called before or after its first count. */
void serve_count_help(struct serve *serve, const char *name, const char *help);
struct serve *serve_of(const struct serve_request *request);
/* A value asked for when the metrics are read, in the admin thread. */
void serve_gauge(struct serve *serve, const char *name, const char *help, double (*value)(void *context), void *context);

/* ---- running ---- */

struct serve_options {
    const char *program; /* "smki-webservice" */
    struct smki_service *service;
    /* Fills the sites, by the home's configuration file as it is now; called at the start and at each reload. What it hangs into the sites
     * is copied when it returns (routes and texts too), so it may be static; `config` lives as long as the sites. */
    int (*sites)(void *context, const struct smki_config *config, struct serve_site *sites, size_t capacity, size_t *count,
                 struct smki_error *err);
    /* Called once before the first connection: the place for serve_gauge and serve_count_help. May be NULL. */
    void (*started)(void *context, struct serve *serve);
    void *context;
    const char *listen_admin; /* where health and metrics are, whatever the configuration says; NULL: that */
    /* Where they are by a configuration; NULL: admin.listen. */
    const char *(*admin)(const struct smki_config *config);
};
#define SERVE_SITES_MAX 16

/* Opens, answers until SIGTERM or SIGINT, then finishes what is in flight (a second signal ends it at once). SIGHUP reads the configuration
 * file and the certificates again: all or nothing, said on standard error. What has not ended some seconds after it was cut is not waited
 * for: then the process ends here, with 1. 0, or what failed. */
SMKI_MUST_USE int serve_run(const struct serve_options *options, struct smki_error *err);

#endif
