/* bench_portal: the bars of the SMKI Portal, each beside a bound that was measured in the same run: the first page from a cold start, what
 * the landing page weighs, a batch of 50,000 by upload, 200 officers who have their batches open while a night runs, and resident memory.
 */
#include "officers.h"
#include "portal_world.h"
#include "process.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define FIRST_BAR    100.0 /* ms until the first page is there */
#define WEIGHT_BAR   60000 /* octets over the wire */
#define UPLOAD_BAR   5.0   /* s */
#define OFFICERS_BAR 10.0  /* % of one core */
#define MEMORY_BAR   64.0  /* MiB */

#define STARTS  21
#define UPLOADS 3
#define BARE    "/css/smki.css" /* what bare answers are measured with */

struct start {
    double accepts, handshake, page, processor; /* ms since the fork; of the portal until then */
};

struct figures {
    struct start first, worst; /* the median start, by its page; the slowest */
    double bare_start;         /* ms: the program says its version and ends */
    struct browser_page page;
    uint64_t tls_in, tls_out;
    double upload[UPLOADS], upload_processor[UPLOADS], bare_upload, bare_upload_processor; /* s */
    double zip_mb;
    struct officers_result open, night, quiet, bare;
    bool night_ran; /* all the time */
    double start_mib, upload_mib, resident_mib, anonymous_mib, file_mib, peak_mib, wait_mib;
    unsigned standing;
    double load;
};

struct plan {
    unsigned officers, csrs;
    double seconds;
    bool json;
};

static struct portal_world world;
static struct figures figures;

static void fail(const char *what)
{
    fprintf(stderr, "bench_portal: %s\n", what);
    if (world.portal > 0)
        (void)portal_world_stop(&world);
    portal_world_remove(&world);
    exit(1);
}

/* ---- the first page ---- */

static void start_once(struct start *out)
{
    struct browser browser = {.context = world.nobody, .port = world.landing};
    struct browser_page page = {0};
    const double began = seconds_now();
    bool there = portal_world_launch(&world);

    while (there && !browser_connect(&browser)) { /* refused until it listens; the first that is not is this one */
        there = seconds_now() - began < 10;
        usleep(200);
    }
    out->accepts = (browser.connected_at - began) * 1e3;
    out->handshake = (seconds_now() - began) * 1e3;
    if (!there || !browser_load(&browser, "/", "/api/public", &page) || page.failed != 0)
        fail("the landing page did not come");
    out->page = (seconds_now() - began) * 1e3;
    out->processor = process_processor(world.portal) * 1e3;
    browser_finish(&browser);
    if (!portal_world_stop(&world))
        fail("the portal did not end well");
}

static int start_order(const void *a, const void *b)
{
    const double left = ((const struct start *)a)->page, right = ((const struct start *)b)->page;

    return (left > right) - (left < right);
}

static double bare_start(void)
{
    char *const arguments[] = {(char[]){"/bin/sh"}, (char[]){"-c"}, (char[]){"exec " PORTAL_PROGRAM " --version >/dev/null"}, NULL};
    double best = 1e9;

    for (int i = 0; i < STARTS; i++) {
        const double began = seconds_now();
        const pid_t pid = process_start(arguments);
        double took;

        waitpid(pid, NULL, 0);
        took = (seconds_now() - began) * 1e3;
        best = took < best ? took : best;
    }
    return best;
}

static void measure_first(void)
{
    struct start starts[STARTS];

    start_once(&starts[0]); /* the files into memory */
    for (int i = 0; i < STARTS; i++)
        start_once(&starts[i]);
    qsort(starts, STARTS, sizeof(starts[0]), start_order);
    figures.first = starts[STARTS / 2];
    figures.worst = starts[STARTS - 1];
    figures.bare_start = bare_start();
}

/* ---- its weight ---- */

static void measure_weight(void)
{
    struct browser browser = {.context = world.nobody, .port = world.landing};

    if (!browser_load(&browser, "/", "/api/public", &figures.page) || figures.page.failed != 0)
        fail("the landing page did not come");
    figures.tls_in = browser_octets_in(&browser);
    figures.tls_out = browser_octets_out(&browser);
    browser_finish(&browser);
}

/* ---- uploads ---- */

static bool token_get(struct browser *browser, char out[100])
{
    const char *at;

    if (!browser_get(browser, "/api/session") || (at = strstr(browser->body, "\"token\":\"")) == NULL)
        return false;
    snprintf(out, 100, "%.64s", at + 9);
    return true;
}

static bool upload_once(const struct portal_officer *officer, const char *zip, size_t size, double *seconds)
{
    struct browser browser = {.context = officer->context, .port = world.device, .from = officer->from};
    char token[100], headers[400];
    bool accepted;
    double began;

    if (!token_get(&browser, token))
        return false;
    snprintf(headers, sizeof(headers), "Content-Type: application/zip\r\nOrigin: https://localhost:%d\r\nX-SMKI-Token: %s\r\n",
             world.device, token);
    began = seconds_now();
    accepted =
        browser_ask(&browser,
                    &(struct browser_request){
                        .method = "POST", .path = "/api/batches?name=great.zip", .headers = headers, .body = zip, .body_size = size}) &&
        browser.status == 201;
    *seconds = seconds_now() - began;
    if (!accepted)
        fprintf(stderr, "bench_portal: %d %.300s\n", browser.status, browser.body != NULL ? browser.body : "");
    browser_finish(&browser);
    return accepted;
}

static void measure_uploads(void)
{
    size_t size = 0;
    char *zip = portal_world_zip(&world, &size);

    figures.zip_mb = (double)size / 1e6;
    for (int i = 0; i < UPLOADS; i++) {
        const double used = process_processor(world.portal);

        if (zip == NULL || !upload_once(&world.officers[i % (int)world.officer_count], zip, size, &figures.upload[i]))
            fail("the batch was not accepted");
        figures.upload_processor[i] = process_processor(world.portal) - used;
    }
    free(zip);
    figures.bare_upload = portal_world_bare_upload(&world, &figures.bare_upload_processor);
}

static double median_of_three(const double of[UPLOADS])
{
    const double most = of[0] > of[1] ? of[0] : of[1], least = of[0] > of[1] ? of[1] : of[0];

    return of[2] > most ? most : of[2] < least ? least : of[2];
}

/* ---- officers, and memory ---- */

static void memory_look(const struct officers *officers)
{
    figures.resident_mib = process_mib(world.portal);
    figures.anonymous_mib = process_status_mib(world.portal, "RssAnon");
    figures.file_mib = process_status_mib(world.portal, "RssFile");
    figures.peak_mib = process_status_mib(world.portal, "VmHWM");
    figures.standing = officers_standing(officers);
}

static void measure_officers(const struct plan *plan)
{
    struct officers *officers = NULL;
    pid_t night;

    if (!officers_open(&officers, &world, &figures.open))
        fail("the batches page did not come");
    measure_uploads(); /* while they stand: this is what memory is to be looked at after */
    sleep(2);
    figures.upload_mib = process_mib(world.portal);
    (void)officers_look(officers, plan->seconds / 2, NULL, &figures.quiet);
    night = portal_world_night(&world);
    (void)officers_look(officers, plan->seconds, NULL, &figures.night);
    figures.night_ran = waitpid(night, NULL, WNOHANG) == 0;
    if (figures.night_ran)
        (void)process_end(night);
    (void)officers_look(officers, plan->seconds / 3, BARE, &figures.bare);
    sleep(2);
    memory_look(officers);
    officers_close(officers);
}

/* ---- the report ---- */

static double percent(const struct officers_result *result)
{
    return result->seconds > 0 ? 100 * result->processor / result->seconds : 0;
}

static double each_us(const struct officers_result *result)
{
    return result->asked > 0 ? 1e6 * result->processor / (double)result->asked : 0;
}

/* By night or by day: by day a page may be asked for more often, when batches wait for approval. */
static double officers_percent(void)
{
    return percent(&figures.night) > percent(&figures.quiet) ? percent(&figures.night) : percent(&figures.quiet);
}

static const char *verdict(bool holds)
{
    return holds ? "holds" : "MISSED";
}

static void looks_print(const char *name, const struct officers_result *result)
{
    printf("  %-28s %7.2f %% of a core  %6llu answers in %4.0f s  %6.0f us each  %6.0f octets  p50 %6.2f p99 %6.2f ms  %llu new  %llu "
           "known  %llu "
           "failed\n",
           name, percent(result), (unsigned long long)result->asked, result->seconds, each_us(result), result->octets, result->p50,
           result->p99, (unsigned long long)result->changed, (unsigned long long)result->known, (unsigned long long)result->failed);
}

static void print_text(const struct plan *plan)
{
    const double upload = median_of_three(figures.upload);
    const uint64_t http = figures.page.heads + figures.page.bodies, wire = figures.tls_in + figures.tls_out;

    printf("load of the machine before: %.2f\n", figures.load);
    printf("first page from a cold start     %7.1f ms   bar %.0f  %s\n", figures.first.page, FIRST_BAR,
           verdict(figures.first.page < FIRST_BAR));
    printf("  median of %d: it listens after %.1f ms, handshake done %.1f ms, page whole %.1f ms, processor %.1f ms; slowest %.1f ms\n",
           STARTS, figures.first.accepts, figures.first.handshake, figures.first.page, figures.first.processor, figures.worst.page);
    printf("  of it the program's own beginning and end (--version): %.1f ms, so %.1f times\n", figures.bare_start,
           figures.first.page / figures.bare_start);
    printf("landing page over the wire       %7llu octets   bar %d  %s\n", (unsigned long long)wire, WEIGHT_BAR,
           verdict(wire < WEIGHT_BAR));
    printf("  %u answers: heads %llu, bodies %llu, together %llu; requests %llu; TLS %llu in, %llu out, with its handshake\n",
           figures.page.answers, (unsigned long long)figures.page.heads, (unsigned long long)figures.page.bodies, (unsigned long long)http,
           (unsigned long long)figures.page.requests, (unsigned long long)figures.tls_in, (unsigned long long)figures.tls_out);
    printf("%6u CSRs, zip of %5.1f MB      %7.2f s    bar %.0f  %s\n", plan->csrs, figures.zip_mb, upload, UPLOAD_BAR,
           verdict(upload < UPLOAD_BAR));
    printf("  %.2f, %.2f, %.2f s; processor of the portal %.2f s; bare durable write and check %.2f s (processor %.2f): %.2f times\n",
           figures.upload[0], figures.upload[1], figures.upload[2], median_of_three(figures.upload_processor), figures.bare_upload,
           figures.bare_upload_processor, upload / figures.bare_upload);
    printf("%3u officers, batches open       %7.2f %% of a core   bar %.0f  %s\n", plan->officers, officers_percent(), OFFICERS_BAR,
           verdict(officers_percent() < OFFICERS_BAR));
    looks_print("while a night runs", &figures.night);
    looks_print("by day", &figures.quiet);
    looks_print("bare answers (" BARE ")", &figures.bare);
    printf("  a look is %.1f times a bare answer; %u connections, %u resumed; opening the page: %.1f ms of processor each\n",
           each_us(&figures.night) / each_us(&figures.bare), figures.night.connections, figures.night.resumed,
           1e3 * figures.open.processor / plan->officers);
    if (!figures.night_ran)
        printf("  (the night ended before the %.0f s were over)\n", plan->seconds);
    printf("resident with %3u connections    %7.1f MiB  bar %.0f  %s\n", figures.standing, figures.resident_mib, MEMORY_BAR,
           verdict(figures.resident_mib < MEMORY_BAR && figures.standing >= plan->officers));
    printf("  %.1f MiB its own, %.1f MiB of files; after the uploads %.1f, at the start %.1f, the most ever %.1f MiB\n",
           figures.anonymous_mib, figures.file_mib, figures.upload_mib, figures.start_mib, figures.peak_mib);
}

static void looks_json(const char *name, const struct officers_result *result)
{
    printf("\"%s\": {\"percent\": %.3f, \"asked\": %llu, \"failed\": %llu, \"changed\": %llu, \"known\": %llu, \"us\": %.1f, \"octets\": "
           "%.0f, "
           "\"p50_ms\": %.2f, \"p99_ms\": %.2f}",
           name, percent(result), (unsigned long long)result->asked, (unsigned long long)result->failed,
           (unsigned long long)result->changed, (unsigned long long)result->known, each_us(result), result->octets, result->p50,
           result->p99);
}

static void print_json(const struct plan *plan)
{
    printf("{\"load\": %.2f, \"first\": {\"ms\": %.2f, \"listens_ms\": %.2f, \"handshake_ms\": %.2f, \"processor_ms\": %.2f, \"worst_ms\": "
           "%.2f, \"bare_ms\": %.2f, "
           "\"bar\": %.0f},\n",
           figures.load, figures.first.page, figures.first.accepts, figures.first.handshake, figures.first.processor, figures.worst.page,
           figures.bare_start, FIRST_BAR);
    printf(" \"landing\": {\"octets\": %llu, \"answers\": %u, \"heads\": %llu, \"bodies\": %llu, \"bar\": %d},\n",
           (unsigned long long)(figures.tls_in + figures.tls_out), figures.page.answers, (unsigned long long)figures.page.heads,
           (unsigned long long)figures.page.bodies, WEIGHT_BAR);
    printf(" \"upload\": {\"csrs\": %u, \"mb\": %.1f, \"seconds\": %.3f, \"processor\": %.3f, \"bare\": %.3f, \"bar\": %.1f},\n",
           plan->csrs, figures.zip_mb, median_of_three(figures.upload), median_of_three(figures.upload_processor), figures.bare_upload,
           UPLOAD_BAR);
    printf(" \"officers\": {\"count\": %u, ", plan->officers);
    looks_json("night", &figures.night);
    printf(",\n  ");
    looks_json("day", &figures.quiet);
    printf(",\n  ");
    looks_json("bare", &figures.bare);
    printf(",\n  \"connections\": %u, \"resumed\": %u, \"open_ms\": %.2f, \"bar\": %.0f},\n", figures.night.connections,
           figures.night.resumed, 1e3 * figures.open.processor / plan->officers, OFFICERS_BAR);
    printf(" \"memory\": {\"mib\": %.1f, \"anonymous\": %.1f, \"file\": %.1f, \"peak\": %.1f, \"connections\": %u, \"bar\": %.0f}}\n",
           figures.resident_mib, figures.anonymous_mib, figures.file_mib, figures.peak_mib, figures.standing, MEMORY_BAR);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"seconds", 1, NULL, 's'}, {"officers", 1, NULL, 'o'}, {"csrs", 1, NULL, 'c'}, {"json", 0, NULL, 'j'}, {0}};
    struct plan plan = {.seconds = 60, .officers = 200, .csrs = 50000};
    bool ended;
    int option;

    signal(SIGPIPE, SIG_IGN);
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        plan.seconds = option == 's' ? atof(optarg) : plan.seconds;
        plan.officers = option == 'o' ? (unsigned)atoi(optarg) : plan.officers;
        plan.csrs = option == 'c' ? (unsigned)atoi(optarg) : plan.csrs;
        plan.json = plan.json || option == 'j';
        if (option == '?') {
            fprintf(stderr, "usage: bench_portal [--seconds N] [--officers N] [--csrs N] [--json]\n");
            return 2;
        }
    }
    if (getloadavg(&figures.load, 1) != 1)
        figures.load = -1;
    if (!portal_world_make(&world, plan.officers, plan.csrs))
        fail("no home to measure");
    measure_first();
    if (!portal_world_start(&world))
        fail("no portal to measure");
    measure_weight();
    figures.start_mib = process_mib(world.portal);
    measure_officers(&plan);
    ended = portal_world_stop(&world);
    if (plan.json)
        print_json(&plan);
    else
        print_text(&plan);
    portal_world_remove(&world);
    return ended ? 0 : 1;
}
