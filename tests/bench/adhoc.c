/* bench adhoc: the ad hoc web service through mutual TLS with keep-alive: 1 to 64 connections that ask one after another, and 200 requests
 * a second that come whether or not answers do. Every request is one of its own, made before. */
#include "arithmetic.h"
#include "bench.h"
#include "bound.h"
#include "curve.h"
#include "process.h"
#include "report.h"
#include "requests.h"
#include "web_world.h"

#include "base/base_i.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define DEVICES       20000
#define STEPS         7 /* 1, 2, 4 ... 64 connections */
#define PACED_RATE    200
#define PACED_SECONDS 10
#define PACED_CLIENTS 64
#define FIRST_GUESS   1000.0 /* requests a second, before any was measured */
#define BOUND_SECONDS 3.0
#define RATIO_BAR     0.6
#define P99_BAR       10.0 /* ms, at 200 requests a second */

/* The requests of one step, taken by all threads of the load. */
struct pool {
    struct request *requests;
    size_t count;
    atomic_size_t next;
    atomic_size_t octets; /* of what was sent */
};

struct step {
    struct load_result load;
    double server_us, commits; /* for one certificate */
    double request_octets, answer_octets;
};

struct adhoc {
    struct web_world world;
    struct step steps[STEPS], paced;
    struct bound bound;
    double seconds, tls_us, pace_observed;
};

static size_t request_write(void *context, char *out, size_t capacity)
{
    struct pool *pool = context;
    const size_t number = atomic_fetch_add(&pool->next, 1);
    char text[2 * REQUEST_MAX], document[LOAD_REQUEST_MAX - 400];
    const struct request *request;
    int body, size;

    if (number >= pool->count)
        return 0;
    request = &pool->requests[number];
    base64_encode(text, request->der, request->size);
    body = snprintf(document, sizeof(document),
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<DeviceCertificateSigningRequest ID=\"r%zu\"><Version>1.0</Version>"
                    "<CertificateSigningRequest>%.*s</CertificateSigningRequest></DeviceCertificateSigningRequest>\n",
                    number, (int)base64_encoded_size(request->size), text);
    size = snprintf(out, capacity,
                    "POST /1.0/PortalCSR/DeviceCertificateSigningRequest HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                    "application/xml\r\nContent-Length: %d\r\n\r\n%s",
                    body, document);
    atomic_fetch_add(&pool->octets, (size_t)size);
    return (size_t)size;
}

/* One step: `count` requests are made for it, and as many are sent as the time allows. */
static int step_measure(struct adhoc *adhoc, struct step *step, struct load *load, size_t count, struct call *call)
{
    struct web_world *world = &adhoc->world;
    struct pool pool = {.count = count, .requests = requests_make_in_turn(count, world->first_device, world->devices)};
    uint64_t commits;
    double processor;
    size_t sent;
    bool done;

    if (pool.requests == NULL)
        return call_fail(call, SMKI_INTERNAL, "the requests could not be made");
    load->context = &pool;
    commits = web_world_commits(world);
    processor = process_processor(world->server);
    done = load_run_told(load, "smki-webservice", &step->load);
    free(pool.requests);
    if (!done || step->load.failed > step->load.done / 100) {
        world->home.stays = true;
        return call_fail(call, SMKI_IO, "%llu of %llu requests got no certificate; the server's words are in %s/server.log",
                         (unsigned long long)step->load.failed, (unsigned long long)(step->load.done + step->load.failed),
                         world->home.folder);
    }
    step->server_us = (process_processor(world->server) - processor) * 1e6 / (double)step->load.done;
    sent = atomic_load(&pool.next); /* with those whose answers were not waited for */
    step->commits = (double)(web_world_commits(world) - commits) / (double)step->load.done;
    step->request_octets = (double)atomic_load(&pool.octets) / (double)(sent < count ? sent : count);
    step->answer_octets = (double)step->load.octets / (double)step->load.done;
    return 0;
}

static struct load load_of(const struct adhoc *adhoc, unsigned connections)
{
    return (struct load){.kind = LOAD_KEEP_ALIVE,
                         .port = adhoc->world.port,
                         .connections = connections,
                         .threads = connections < 2 ? 1 : 2,
                         .seconds = adhoc->seconds,
                         .identities = adhoc->world.identities,
                         .identity_count = adhoc->world.parties,
                         .next = request_write,
                         .expected = "<Status>SUCCESS</Status>"};
}

/* ---- the report ---- */

static void report_step(struct report *report, const char *list, const char *title, unsigned connections, const struct step *step)
{
    report_row(report, list, title);
    report_figure(report, "connections", connections, "", "connections");
    report_figure(report, "per_second", load_rate(&step->load), "/s", "issued");
    report_figure(report, "p50_ms", step->load.p50, "ms", "p50");
    report_figure(report, "p99_ms", step->load.p99, "ms", "p99");
    report_figure(report, "max_ms", step->load.max, "ms", "max");
    report_figure(report, "commits", step->commits, "", "commits each");
    report_figure(report, "server_processor_us", step->server_us, "us", "server's processor each");
    report_figure(report, "client_processor_us", step->load.processor * 1e6 / (double)step->load.done, "us", "client's");
    report_figure(report, "failed", (double)step->load.failed, "", "failed");
    report_row_end(report);
}

/* cores / (verify + sign + the TLS record in + the TLS record out): the provider as it shares the cores, AES-256-GCM of mbedTLS. */
static double bound_rate(const struct adhoc *adhoc)
{
    const double cores = bench_cores();

    return cores * 1e6 / (cores / adhoc->bound.per_second * 1e6 + adhoc->tls_us);
}

static void report_bound(struct report *report, const struct adhoc *adhoc)
{
    const struct step *most = &adhoc->steps[STEPS - 1];
    const double bound = bound_rate(adhoc), own = adhoc->bound.processor_us + adhoc->tls_us;
    const double client_us = most->load.processor * 1e6 / (double)most->load.done;

    report_figure(report, "provider_per_second", adhoc->bound.per_second, "/s", "the provider alone, verify + sign");
    report_figure(report, "request_octets", most->request_octets, "", "octets of a request, HTTP and XML");
    report_figure(report, "answer_octets", most->answer_octets, "", "octets of an answer");
    report_figure(report, "tls_us", adhoc->tls_us, "us", "mbedTLS, AES-256-GCM of one record in and one out");
    report_figure(report, "bound_per_second", bound, "/s", "bound: cores / (verify + sign + those two records)");
    report_bar(report, "throughput_ratio", load_rate(&most->load) / bound, "", AT_LEAST, RATIO_BAR,
               "throughput at 64 connections, of the bound");
    report_figure(report, "processor_ratio", own / most->server_us, "", "that arithmetic, of the server's processor for one");
    report_figure(report, "client_share", client_us / (client_us + most->server_us), "",
                  "the client's share of the processor used, on the same cores");
    report_figure(report, "pace_observed", adhoc->pace_observed, "",
                  "requests beyond the pace of 1 ms a Party: counted, recorded, not refused");
    report_bar(report, "paced_p99_ms", adhoc->paced.load.p99, "ms", BELOW, P99_BAR,
               "p99 at 200 requests a second, from when they were due");
}

static int draw(const struct adhoc *adhoc, const char *path, struct smki_error *err)
{
    double connections[STEPS], rate[STEPS], p50[STEPS], p99[STEPS];
    const struct panel panels[] = {{.x_words = "connections, each asking one request after another",
                                    .y_words = "certificates a second",
                                    .steps = true,
                                    .line = bound_rate(adhoc),
                                    .line_words = "cores / (verify + sign + TLS records)",
                                    .curves = {{"issued", connections, rate, STEPS}},
                                    .count = 1},
                                   {.x_words = "connections",
                                    .y_words = "ms of a request",
                                    .steps = true,
                                    .curves = {{"p50", connections, p50, STEPS}, {"p99", connections, p99, STEPS}},
                                    .count = 2}};

    for (unsigned i = 0; i < STEPS; i++) {
        connections[i] = 1u << i;
        rate[i] = load_rate(&adhoc->steps[i].load);
        p50[i] = adhoc->steps[i].load.p50;
        p99[i] = adhoc->steps[i].load.p99;
    }
    return curve_write(path, "The ad hoc web service over mutual TLS", panels, COUNT_OF(panels), err);
}

/* ---- what is measured, in its order ---- */

static int measure_steps(struct adhoc *adhoc, struct report *report, struct call *call)
{
    double guess = FIRST_GUESS;
    char title[60];

    for (unsigned i = 0; i < STEPS; i++) {
        struct load load = load_of(adhoc, 1u << i);
        int rc = step_measure(adhoc, &adhoc->steps[i], &load, (size_t)(guess * adhoc->seconds * 2.2) + 1000, call);

        if (rc != 0)
            return rc;
        guess = load_rate(&adhoc->steps[i].load);
        snprintf(title, sizeof(title), "%u connections", 1u << i);
        report_step(report, "steps", title, 1u << i, &adhoc->steps[i]);
    }
    return 0;
}

static int measure_paced(struct adhoc *adhoc, struct report *report, struct call *call)
{
    struct load load = load_of(adhoc, PACED_CLIENTS);
    int rc;

    load.rate = PACED_RATE;
    load.seconds = PACED_SECONDS;
    if ((rc = step_measure(adhoc, &adhoc->paced, &load, PACED_RATE * PACED_SECONDS * 2, call)) == 0)
        report_step(report, "paced", "200 a second, at random", PACED_CLIENTS, &adhoc->paced);
    return rc;
}

static int measure(struct adhoc *adhoc, struct report *report, struct call *call)
{
    struct bound before, after;
    int rc;

    if ((rc = bound_measure(&before, bench_cores(), BOUND_SECONDS, &call->err)) != 0 || (rc = measure_paced(adhoc, report, call)) != 0 ||
        (rc = measure_steps(adhoc, report, call)) != 0 || (rc = bound_measure(&after, bench_cores(), BOUND_SECONDS, &call->err)) != 0)
        return rc;
    adhoc->bound = bound_mean(&before, &after);
    adhoc->pace_observed = metric_of(adhoc->world.admin, "smki_demand_observed_total{rule=\"adhoc_pace\"} ");
    adhoc->tls_us = arithmetic_record((size_t)adhoc->steps[STEPS - 1].request_octets, true) +
                    arithmetic_record((size_t)adhoc->steps[STEPS - 1].answer_octets, false);
    report_bound(report, adhoc);
    return call_has(call, "svg") ? draw(adhoc, call_text(call, "svg"), &call->err) : 0;
}

static int adhoc_run(struct call *call)
{
    static struct adhoc adhoc = {.world = {.parties = WEB_PARTIES_MAX, .devices = DEVICES}};
    struct report *report;
    uint64_t seconds = 3;
    int rc;

    if (!bench_number(call, "seconds", 1, 60, &seconds))
        return EXIT_USAGE;
    adhoc.seconds = (double)seconds;
    call_note(call, "making %d Parties with a credential each, and %d devices with a certificate", WEB_PARTIES_MAX, DEVICES);
    if ((rc = web_world_open(&adhoc.world, call)) == 0) {
        report = report_open(call, "smki-webservice over mutual TLS, %d Parties, %d devices", WEB_PARTIES_MAX, DEVICES);
        rc = report != NULL ? measure(&adhoc, report, call) : SMKI_NO_MEMORY;
        rc = bench_close(report, call, rc);
    }
    web_world_close(&adhoc.world);
    return rc;
}

static const struct command_value options[] = {
    {"seconds", VALUE_COUNT, 0, "N", "for each number of connections; 3 by default", NULL}, BENCH_FOLDER, BENCH_SVG, {0}};

const struct command adhoc_commands[] = {
    {.name = "adhoc",
     .text = "The ad hoc web service over mutual TLS, 1 to 64 connections",
     .flags = COMMAND_JSON,
     .options = options,
     .more =
         "The bound is cores / (one verification + one signature + the AES-256-GCM of the request's and the answer's TLS record), each\n"
         "measured in the same run. Handshake, HTTP, XML, lint, records and the disk are not in it, and the client uses the same cores.\n"
         "Bars: p99 below 10 ms at 200 requests a second; throughput at 64 connections at least 60 % of the bound.\n",
     .run = adhoc_run},
    {0}};
