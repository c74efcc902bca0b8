/* The metrics of the server itself as text. */
#include "serve/metrics_i.h"

#include <stdio.h>

static const char *const handshake_words[] = {
#define SERVE_X(name, word) word,
    HANDSHAKE_REFUSALS(SERVE_X)
#undef SERVE_X
};

static const char *const deadline_words[] = {
#define SERVE_X(name, word) word,
    DEADLINES(SERVE_X)
#undef SERVE_X
};

static unsigned long long load(const atomic_uint_fast64_t *value)
{
    return atomic_load_explicit(value, memory_order_relaxed);
}

static int head(struct smki_buffer *out, const char *name, const char *type, const char *help, struct smki_error *err)
{
    return smki_buffer_printf(out, err, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static int connections_text(const struct metrics *metrics, struct smki_buffer *out, struct smki_error *err)
{
    int rc;

    if ((rc = head(out, "smki_connections", "gauge", "Open TLS connections.", err)) != 0 ||
        (rc = smki_buffer_printf(out, err, "smki_connections %u\n", atomic_load(&metrics->open))) != 0 ||
        (rc = head(out, "smki_connections_accepted_total", "counter", "Connections that were let in.", err)) != 0 ||
        (rc = smki_buffer_printf(out, err, "smki_connections_accepted_total %llu\n", load(&metrics->accepted))) != 0 ||
        (rc = head(out, "smki_connections_refused_total", "counter", "Connections beyond a bound, by which.", err)) != 0)
        return rc;
    return smki_buffer_printf(out, err,
                              "smki_connections_refused_total{bound=\"all\"} %llu\nsmki_connections_refused_total{bound=\"peer\"} %llu\n"
                              "smki_connections_refused_total{bound=\"certificate\"} %llu\n",
                              load(&metrics->refused_total), load(&metrics->refused_peer), load(&metrics->refused_certificate));
}

static int handshakes_text(const struct metrics *metrics, struct smki_buffer *out, struct smki_error *err)
{
    int rc;

    if ((rc = head(out, "smki_handshakes_total", "counter", "TLS handshakes that led to a session.", err)) != 0 ||
        (rc = smki_buffer_printf(out, err, "smki_handshakes_total{kind=\"full\"} %llu\nsmki_handshakes_total{kind=\"resumed\"} %llu\n",
                                 load(&metrics->handshakes_full), load(&metrics->handshakes_resumed))) != 0 ||
        (rc = head(out, "smki_handshakes_refused_total", "counter", "TLS handshakes that came to nothing, by reason.", err)) != 0)
        return rc;
    for (size_t i = 0; rc == 0 && i < HANDSHAKE_REFUSAL_COUNT; i++)
        rc = smki_buffer_printf(out, err, "smki_handshakes_refused_total{reason=\"%s\"} %llu\n", handshake_words[i],
                                load(&metrics->handshakes_refused[i]));
    return rc;
}

static int traffic_text(const struct metrics *metrics, struct smki_buffer *out, struct smki_error *err)
{
    int rc;

    if ((rc = head(out, "smki_received_bytes_total", "counter", "Octets of requests, before encryption.", err)) != 0 ||
        (rc = smki_buffer_printf(out, err, "smki_received_bytes_total %llu\n", load(&metrics->octets_in))) != 0 ||
        (rc = head(out, "smki_sent_bytes_total", "counter", "Octets of replies, before encryption.", err)) != 0 ||
        (rc = smki_buffer_printf(out, err, "smki_sent_bytes_total %llu\n", load(&metrics->octets_out))) != 0 ||
        (rc = head(out, "smki_requests_suspended", "gauge", "Requests that wait for a pool thread, for its work, or for their time.",
                   err)) != 0 ||
        (rc = smki_buffer_printf(out, err, "smki_requests_suspended %u\n", atomic_load(&metrics->suspended))) != 0 ||
        (rc = head(out, "smki_deadline_cuts_total", "counter", "Connections cut because they were too slow, by what for.", err)) != 0)
        return rc;
    for (size_t i = 0; rc == 0 && i < DEADLINE_COUNT; i++)
        rc = smki_buffer_printf(out, err, "smki_deadline_cuts_total{phase=\"%s\"} %llu\n", deadline_words[i], load(&metrics->cut[i]));
    return rc;
}

static int statuses_text(const struct metrics_site *site, struct smki_buffer *out, struct smki_error *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < sizeof(site->status) / sizeof(site->status[0]); i++) {
        if (load(&site->status[i]) != 0)
            rc = smki_buffer_printf(out, err, "smki_requests_total{site=\"%s\",status=\"%zu\"} %llu\n", site->name, i + 100,
                                    load(&site->status[i]));
    }
    return rc;
}

static int durations_text(const struct metrics_site *site, struct smki_buffer *out, struct smki_error *err)
{
    unsigned long long sum = 0;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < METRICS_BUCKETS; i++) {
        sum += load(&site->bucket[i]);
        rc = smki_buffer_printf(out, err, "smki_request_duration_seconds_bucket{site=\"%s\",le=\"%g\"} %llu\n", site->name,
                                metrics_bounds[i], sum);
    }
    sum += load(&site->bucket[METRICS_BUCKETS]);
    return rc != 0 ? rc
                   : smki_buffer_printf(
                         out, err,
                         "smki_request_duration_seconds_bucket{site=\"%s\",le=\"+Inf\"} %llu\n"
                         "smki_request_duration_seconds_sum{site=\"%s\"} %.6f\nsmki_request_duration_seconds_count{site=\"%s\"} %llu\n",
                         site->name, sum, site->name, (double)load(&site->duration) / 1e6, site->name, sum);
}

static int requests_text(const struct metrics *metrics, struct smki_buffer *out, struct smki_error *err)
{
    const unsigned sites = atomic_load(&metrics->sites);
    int rc = head(out, "smki_requests_total", "counter", "Requests answered, by site and HTTP status.", err);

    for (unsigned i = 0; rc == 0 && i < sites; i++)
        rc = statuses_text(&metrics->site[i], out, err);
    if (rc == 0)
        rc = head(out, "smki_request_duration_seconds", "histogram", "From the whole head of a request to the last octet of its reply.",
                  err);
    for (unsigned i = 0; rc == 0 && i < sites; i++)
        rc = durations_text(&metrics->site[i], out, err);
    return rc;
}

int metrics_text(struct metrics *metrics, struct smki_buffer *out, struct smki_error *err)
{
    int rc;

    if ((rc = connections_text(metrics, out, err)) != 0 || (rc = handshakes_text(metrics, out, err)) != 0 ||
        (rc = requests_text(metrics, out, err)) != 0 || (rc = traffic_text(metrics, out, err)) != 0 ||
        (rc = head(out, "smki_reloads_total", "counter", "Reloads by SIGHUP, by what came of them.", err)) != 0 ||
        (rc = smki_buffer_printf(out, err, "smki_reloads_total{result=\"done\"} %llu\nsmki_reloads_total{result=\"refused\"} %llu\n",
                                 load(&metrics->reloads), load(&metrics->reloads_failed))) != 0 ||
        (rc = head(out, "smki_start_time_seconds", "gauge", "When the program was started, since the epoch.", err)) != 0 ||
        (rc = smki_buffer_printf(out, err, "smki_start_time_seconds %lld\n", (long long)metrics->started)) != 0)
        return rc;
    return metrics_named_text(metrics, out, err);
}
