/* bench handshake: full and resumed TLS handshakes with smki-webservice, one request each, beside what mbedTLS's arithmetic takes. */
#include "arithmetic.h"
#include "bench.h"
#include "curve.h"
#include "process.h"
#include "report.h"
#include "web_world.h"

#include <string.h>

#define FULL_CONNECTIONS    16
#define RESUMED_CONNECTIONS 32

struct handshakes {
    struct load_result load;
    double processor_us; /* of the server for one */
};

static int measure_kind(struct handshakes *out, const struct web_world *world, enum load_kind kind, unsigned connections, double seconds,
                        struct call *call)
{
    const struct load load = {.kind = kind,
                              .port = world->port,
                              .connections = connections,
                              .threads = 2,
                              .seconds = seconds,
                              .identities = world->identities,
                              .identity_count = 1,
                              .target = "/",
                              .status = "404"};
    const double before = process_processor(world->server);

    if (!load_run_told(&load, "smki-webservice", &out->load))
        return call_fail(call, SMKI_IO, "no handshake was done with smki-webservice");
    out->processor_us = (process_processor(world->server) - before) * 1e6 / (double)out->load.done;
    return 0;
}

static void report_kind(struct report *report, const char *name, const struct handshakes *shakes)
{
    report_row(report, "handshakes", name);
    report_figure(report, "per_second", load_rate(&shakes->load), "/s", "done");
    report_figure(report, "p50_ms", shakes->load.p50, "ms", "p50");
    report_figure(report, "p99_ms", shakes->load.p99, "ms", "p99");
    report_figure(report, "server_processor_us", shakes->processor_us, "us", "the server's processor");
    report_figure(report, "client_processor_us", shakes->load.processor * 1e6 / (double)shakes->load.done, "us", "the client's");
    report_figure(report, "resumed", (double)shakes->load.resumed / (double)shakes->load.done, "", "share resumed");
    report_row_end(report);
}

static int measure(const struct web_world *world, struct report *report, struct call *call, double seconds)
{
    struct handshakes full, resumed;
    struct arithmetic arithmetic;
    struct pillar pillars[3];
    double bound;
    int rc;

    arithmetic_measure(&arithmetic, world->server_key);
    if ((rc = measure_kind(&full, world, LOAD_FULL, FULL_CONNECTIONS, seconds, call)) != 0 ||
        (rc = measure_kind(&resumed, world, LOAD_RESUMED, RESUMED_CONNECTIONS, seconds, call)) != 0)
        return rc;
    bound = bench_cores() / arithmetic.handshake * 1e6;
    report_figure(report, "rsa_private_us", arithmetic.rsa_private, "us", "mbedTLS, one RSA-2048 private operation");
    report_figure(report, "rsa_public_us", arithmetic.rsa_public, "us", "mbedTLS, one RSA-2048 public operation");
    report_figure(report, "ecdhe_us", arithmetic.ecdhe, "us", "mbedTLS, one X25519 pair and secret");
    report_figure(report, "bound_us", arithmetic.handshake, "us", "bound of a full one: 1 private, 2 public, 1 X25519");
    report_kind(report, "full, with a request", &full);
    report_kind(report, "resumed, with a request", &resumed);
    report_figure(report, "full_throughput_ratio", load_rate(&full.load) / bound, "", "full ones a second, of the bound on all cores");
    report_bar(report, "full_ratio", arithmetic.handshake / full.processor_us, "", AT_LEAST, FULL_BAR,
               "full: arithmetic of the server's processor");
    report_bar(report, "resumed_ratio", load_rate(&resumed.load) / load_rate(&full.load), "", AT_LEAST, RESUMED_BAR,
               "resumed ones a second, times full ones");
    pillars[0] = (struct pillar){"the arithmetic of full handshakes", bound, false};
    pillars[1] = (struct pillar){"full handshake, one request", load_rate(&full.load), true};
    pillars[2] = (struct pillar){"resumed, one request", load_rate(&resumed.load), true};
    return call_has(call, "svg") ? pillars_write(call_text(call, "svg"), "Mutual TLS with smki-webservice", "a second", pillars,
                                                 COUNT_OF(pillars), &call->err)
                                 : 0;
}

static int handshake_run(struct call *call)
{
    struct web_world world = {.parties = 1};
    struct report *report;
    uint64_t seconds = 5;
    int rc;

    if (!bench_number(call, "seconds", 1, 3600, &seconds))
        return EXIT_USAGE;
    if ((rc = web_world_open(&world, call)) == 0) {
        report = report_open(call, "%d full at a time, then %d resumed", FULL_CONNECTIONS, RESUMED_CONNECTIONS);
        rc = report != NULL ? measure(&world, report, call, (double)seconds) : SMKI_NO_MEMORY;
        rc = bench_close(report, call, rc);
    }
    web_world_close(&world);
    return rc;
}

static const struct command_value options[] = {
    {"seconds", VALUE_COUNT, 0, "N", "for each kind; 5 by default", NULL}, BENCH_FOLDER, BENCH_SVG, {0}};

const struct command handshake_commands[] = {
    {.name = "handshake",
     .text = "TLS handshakes with the web service, full and resumed",
     .flags = COMMAND_JSON,
     .options = options,
     .more =
         "The bound of a full handshake is mbedTLS's arithmetic for it, as processor time; held against it is the server's processor time\n"
         "for a handshake with its request, so that the client on the same cores does not count.\n"
         "Bars: at least 80 % of the arithmetic; resumed ones at least five times as many.\n",
     .run = handshake_run},
    {0}};
