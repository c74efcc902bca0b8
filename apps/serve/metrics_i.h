/* What is counted, and its text for Prometheus (text format 0.0.4). Thread-safe. */
#ifndef SERVE_METRICS_I_H
#define SERVE_METRICS_I_H

#include <smki/base.h>

#include <pthread.h>
#include <stdatomic.h>

#define METRICS_SITES   32
#define METRICS_BUCKETS 15

/* Why a handshake came to nothing. */
#define HANDSHAKE_REFUSALS(X)                                                                                                              \
    X(NO_CERTIFICATE, "no_certificate")                                                                                                    \
    X(FOREIGN, "foreign_certificate")                                                                                                      \
    X(DATES, "certificate_dates")                                                                                                          \
    X(VERSION, "version")                                                                                                                  \
    X(SUITE, "suite")                                                                                                                      \
    X(NAME, "server_name")                                                                                                                 \
    X(SLOW, "slow")                                                                                                                        \
    X(CLOSED, "closed_by_peer")                                                                                                            \
    X(OTHER, "other")

enum handshake_refusal {
#define SERVE_X(name, word) HANDSHAKE_##name,
    HANDSHAKE_REFUSALS(SERVE_X)
#undef SERVE_X
        HANDSHAKE_REFUSAL_COUNT
};

/* Which deadline cut a connection. */
#define DEADLINES(X)                                                                                                                       \
    X(IDLE, "idle")                                                                                                                        \
    X(HEAD, "head")                                                                                                                        \
    X(BODY, "body")                                                                                                                        \
    X(REPLY, "reply")

enum deadline {
#define SERVE_X(name, word) DEADLINE_##name,
    DEADLINES(SERVE_X)
#undef SERVE_X
        DEADLINE_COUNT
};

struct metrics_site {
    char name[32];
    atomic_uint_fast64_t status[500]; /* by HTTP status - 100 */
    atomic_uint_fast64_t bucket[METRICS_BUCKETS + 1];
    atomic_uint_fast64_t duration; /* us, sum */
};

struct named_count;
struct named_gauge;

struct metrics {
    atomic_uint_fast64_t accepted, refused_total, refused_peer, refused_certificate;
    atomic_uint_fast64_t handshakes_full, handshakes_resumed, handshakes_refused[HANDSHAKE_REFUSAL_COUNT];
    atomic_uint_fast64_t cut[DEADLINE_COUNT];
    atomic_uint_fast64_t octets_in, octets_out;
    atomic_uint_fast64_t reloads, reloads_failed;
    atomic_uint open, suspended;
    int64_t started; /* s since the epoch */
    atomic_uint sites;
    struct metrics_site site[METRICS_SITES];
    pthread_mutex_t lock; /* of what follows */
    struct named_count *counts;
    struct named_gauge *gauges;
};

void metrics_init(struct metrics *metrics);
void metrics_finish(struct metrics *metrics);
/* The place of the site with this name, a new one when there is none. */
struct metrics_site *metrics_site(struct metrics *metrics, const char *name);
void metrics_request(struct metrics_site *site, unsigned status, int64_t duration);
void metrics_count(struct metrics *metrics, const char *name, const char *label, uint64_t more);
void metrics_count_help(struct metrics *metrics, const char *name, const char *help);
void metrics_gauge(struct metrics *metrics, const char *name, const char *help, double (*value)(void *context), void *context);
/* Appends the program's own counters and gauges; all of the rest is in metrics_text.c. */
SMKI_MUST_USE int metrics_named_text(struct metrics *metrics, struct smki_buffer *out, struct smki_error *err);
SMKI_MUST_USE int metrics_text(struct metrics *metrics, struct smki_buffer *out, struct smki_error *err);

extern const double metrics_bounds[METRICS_BUCKETS]; /* s */

#endif
