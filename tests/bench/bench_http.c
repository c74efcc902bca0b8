/* bench_http: the servers beside nginx with the same suites, certificates and client verification, and beside the arithmetic of mbedTLS, in
 * one run on the same cores. With --soak: hours of mixed load, and what the server's memory does. */
#include "arithmetic.h"
#include "http_load.h"
#include "http_world.h"
#include "process.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEEP_ALIVE_BAR 0.5  /* of nginx's rate */
#define IDLE_BAR       64.0 /* MiB with 1,000 idle connections */

struct plan {
    double seconds, soak;
    bool json, no_nginx;
};

struct figures {
    struct load_result keep[2], full[2], resumed[2];                   /* ours, nginx's */
    double keep_processor[2], full_processor[2], resumed_processor[2]; /* us of the server for one */
    struct arithmetic arithmetic;
    double idle_mib, idle_stood, start_mib;
};

static struct world world;

static void measure(struct load_result *out, double *processor, enum load_kind kind, bool ours, unsigned connections, double seconds)
{
    const struct load_identity identity = {world.certificate, world.key};
    const struct load load = {.kind = kind,
                              .port = ours ? world.port : world.nginx_port,
                              .connections = connections,
                              .threads = 2,
                              .seconds = seconds,
                              .identities = &identity,
                              .identity_count = 1};
    const double before = world_processor(ours ? world.server : world.nginx);

    if (!load_run_told(&load, ours ? "serve_test" : "nginx", out))
        exit(1);
    *processor = (world_processor(ours ? world.server : world.nginx) - before) * 1e6 / (double)out->done;
}

/* Ours and nginx's turn about: what else the machine does hits both. */
static void measure_both(struct load_result out[2], double processor[2], enum load_kind kind, unsigned connections, const struct plan *plan)
{
    measure(&out[0], &processor[0], kind, true, connections, plan->seconds);
    if (!plan->no_nginx)
        measure(&out[1], &processor[1], kind, false, connections, plan->seconds);
}

static void idle_look(void *context)
{
    struct figures *figures = context;

    sleep(4); /* so that they are idle, and not only just done with */
    figures->idle_mib = process_mib(world.server);
    figures->idle_stood = metric_of(world.admin, "smki_connections ");
}

static void measure_idle(struct figures *figures)
{
    const struct load_identity identity = {world.certificate, world.key};
    const struct load load = {.kind = LOAD_IDLE,
                              .port = world.port,
                              .connections = 1000,
                              .threads = 2,
                              .seconds = 60,
                              .identities = &identity,
                              .identity_count = 1,
                              .idle = idle_look,
                              .context = figures};
    struct load_result result;

    (void)!load_run(&load, &result);
}

static const char *verdict(bool holds)
{
    return holds ? "holds" : "MISSED";
}

static void row(const char *name, const struct load_result out[2], const double processor[2])
{
    printf("%-34s ours %9.0f /s  p50 %6.2f p99 %6.2f ms  %7.0f us of processor   nginx %9.0f /s  p50 %6.2f p99 %6.2f ms  %7.0f us\n", name,
           load_rate(&out[0]), out[0].p50, out[0].p99, processor[0], out[1].seconds > 0 ? load_rate(&out[1]) : 0, out[1].p50, out[1].p99,
           processor[1]);
}

static void print_text(const struct figures *figures, const struct plan *plan)
{
    const double keep = plan->no_nginx ? 0 : load_rate(&figures->keep[0]) / load_rate(&figures->keep[1]);
    const double bound = figures->arithmetic.handshake;
    const double full = bound / figures->full_processor[0], resumed = load_rate(&figures->resumed[0]) / load_rate(&figures->full[0]);

    row("keep-alive, 64 connections", figures->keep, figures->keep_processor);
    row("full handshake and request, 16", figures->full, figures->full_processor);
    row("resumed and request, 32", figures->resumed, figures->resumed_processor);
    printf("mbedTLS alone, one thread: RSA private %.0f us, RSA public %.0f us, X25519 pair and secret %.0f us: %.0f us a handshake\n",
           figures->arithmetic.rsa_private, figures->arithmetic.rsa_public, figures->arithmetic.ecdhe, bound);
    printf("keep-alive, of nginx               %.2f   bar %.2f  %s\n", keep, KEEP_ALIVE_BAR, verdict(keep >= KEEP_ALIVE_BAR));
    printf("full handshakes, of the arithmetic %.2f   bar %.2f  %s\n", full, FULL_BAR, verdict(full >= FULL_BAR));
    printf("resumed, times full                %.1f   bar %.1f  %s\n", resumed, RESUMED_BAR, verdict(resumed >= RESUMED_BAR));
    printf("1,000 idle connections (%.0f stood)  %.1f MiB  bar %.0f  %s (%.1f MiB at the start)\n", figures->idle_stood, figures->idle_mib,
           IDLE_BAR, verdict(figures->idle_mib < IDLE_BAR && figures->idle_stood >= 1000), figures->start_mib);
}

static void print_json(const struct figures *figures)
{
    printf(
        "{\"keep_alive\": {\"ours\": %.0f, \"nginx\": %.0f, \"bar\": %.2f}, \"full\": {\"ours\": %.1f, \"nginx\": %.1f, \"ours_us\": %.0f, "
        "\"arithmetic_us\": %.0f, \"bar\": %.2f}, \"resumed\": {\"ours\": %.0f, \"nginx\": %.0f, \"bar\": %.1f}, \"idle\": {\"mib\": %.1f, "
        "\"connections\": %.0f, \"bar\": %.0f}}\n",
        load_rate(&figures->keep[0]), figures->keep[1].seconds > 0 ? load_rate(&figures->keep[1]) : 0, KEEP_ALIVE_BAR,
        load_rate(&figures->full[0]), figures->full[1].seconds > 0 ? load_rate(&figures->full[1]) : 0, figures->full_processor[0],
        figures->arithmetic.handshake, FULL_BAR, load_rate(&figures->resumed[0]),
        figures->resumed[1].seconds > 0 ? load_rate(&figures->resumed[1]) : 0, RESUMED_BAR, figures->idle_mib, figures->idle_stood,
        IDLE_BAR);
}

static void bench(const struct plan *plan)
{
    struct figures figures = {.start_mib = process_mib(world.server)};

    arithmetic_measure(&figures.arithmetic, world.server_key);
    measure_both(figures.keep, figures.keep_processor, LOAD_KEEP_ALIVE, 64, plan);
    measure_both(figures.full, figures.full_processor, LOAD_FULL, 16, plan);
    measure_both(figures.resumed, figures.resumed_processor, LOAD_RESUMED, 32, plan);
    measure_idle(&figures);
    if (plan->json)
        print_json(&figures);
    else
        print_text(&figures, plan);
}

/* Twelve times in the soak: what was done, and what the server's memory is. */
static void soak(const struct plan *plan)
{
    const double slice = plan->soak / 12 > 1 ? plan->soak / 12 : 1;
    struct load_result result;
    double processor;

    for (int i = 0; i < 12; i++) {
        measure(&result, &processor, LOAD_MIXED, true, 32, slice);
        printf("%6.0f s  %8llu requests  %llu failed  %.1f MiB resident  %u descriptors\n", (i + 1) * slice,
               (unsigned long long)result.done, (unsigned long long)result.failed, process_mib(world.server),
               process_descriptors(world.server));
        fflush(stdout);
    }
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"seconds", 1, NULL, 's'}, {"soak", 1, NULL, 'k'}, {"json", 0, NULL, 'j'}, {"no-nginx", 0, NULL, 'n'}, {0}};
    struct plan plan = {.seconds = 5};
    int option;

    signal(SIGPIPE, SIG_IGN);

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        plan.seconds = option == 's' ? atof(optarg) : plan.seconds;
        plan.soak = option == 'k' ? atof(optarg) : plan.soak;
        plan.json = plan.json || option == 'j';
        plan.no_nginx = plan.no_nginx || option == 'n';
        if (option == '?') {
            fprintf(stderr, "usage: bench_http [--seconds N] [--soak SECONDS] [--json] [--no-nginx]\n");
            return 2;
        }
    }
    plan.no_nginx = plan.no_nginx || plan.soak > 0;
    if (!world_open(&world, !plan.no_nginx))
        return 1;
    if (plan.soak > 0)
        soak(&plan);
    else
        bench(&plan);
    return world_close(&world) ? 0 : 1;
}
