/* bench growth: what a certificate costs as the store grows. Fills a home's store as a night's run does (claims asked for by device and
 * key, then certificate, claims and audit record, committed in changes of 250) and looks at every step; at the end real batches are
 * issued in turn there and in a home that is new. */
#include "batch_job.h"
#include "bench.h"
#include "bench_home.h"
#include "bound.h"
#include "curve.h"
#include "fill.h"
#include "process.h"
#include "report.h"

#include "base/base_i.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define COUNT         10000000
#define STEPS         100
#define BATCH_CSRS    50000
#define PAIRS         5 /* of batches, one in the home that was filled and one in a new one */
#define BOUND_SECONDS 1.0
#define LOOKS         5000
#define ONE_MORES     50    /* commits of one certificate at each step */
#define RATE_BAR      0.8   /* of the rate in a new home */
#define START_BAR     100.0 /* ms */
#define FIND_BAR      1.0   /* ms */

struct step {
    double stored, rate, processor_us, one_more_ms, octets;
};

/* In shared memory: the stages leave their figures here. */
struct growth {
    char home[220], empty[220]; /* the one that is filled, and a new one to hold it against */
    uint64_t count, filled;     /* by fill, without the real batches */
    struct step steps[STEPS];
    size_t step_count;
    double find_device_ms[2], find_serial_ms[2]; /* mean, the slowest of 100 */
    double store_ms, service_ms;                 /* start-up */
    double certificates, octets;
};

static double processor_now(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* ---- a home that an earlier bench filled: a file beside it says how far ---- */

static void filled_file(const struct growth *growth, char out[240])
{
    snprintf(out, 240, "%.220s-filled", growth->home);
}

static int filled_write(const struct growth *growth, struct smki_error *err)
{
    char path[240], text[40];

    filled_file(growth, path);
    snprintf(text, sizeof(text), "%" PRIu64 "\n", growth->filled);
    return file_write(path, BYTES(text, strlen(text)), 0600, err);
}

/* Goes on with the home that is there, or makes one. */
static int home_take(struct growth *growth, struct batch_job *job, struct smki_error *err)
{
    char path[240];
    FILE *file;

    filled_file(growth, path);
    if ((file = fopen(path, "r")) == NULL)
        return bench_home_found(growth->home, 1, err);
    if (fscanf(file, "%" SCNu64, &growth->filled) != 1)
        growth->filled = 0;
    fclose(file);
    job->first_device += growth->filled; /* each device once */
    return growth->filled < growth->count
               ? 0
               : smki_fail(err, SMKI_INVALID_ARGUMENT, "%s holds %" PRIu64 " certificates already: give a larger --count", growth->home,
                           growth->filled);
}

/* ---- filling, a step at a time ---- */

/* The middle of what some certificates take that are committed each by itself. */
static int one_more(struct fill *fill, double *ms, struct smki_error *err)
{
    double each[ONE_MORES];

    for (size_t i = 0; i < ONE_MORES; i++) {
        const double start = seconds_now();
        int rc = fill_add_one(fill, err);

        if (rc != 0)
            return rc;
        each[i] = (seconds_now() - start) * 1e3;
    }
    qsort(each, ONE_MORES, sizeof(each[0]), double_order);
    *ms = each[ONE_MORES / 2];
    return 0;
}

static int step_fill(struct fill *fill, struct step *step, uint64_t count, struct smki_error *err)
{
    const double start = seconds_now(), used = processor_now();
    const uint64_t before = fill->done;
    struct smki_store_statistics statistics;
    double done;
    int rc = fill_add(fill, count, err);

    if (rc != 0)
        return rc;
    done = (double)(fill->done - before);
    step->rate = done / (seconds_now() - start);
    step->processor_us = (processor_now() - used) / done * 1e6;
    if ((rc = one_more(fill, &step->one_more_ms, err)) != 0 || (rc = smki_store_statistics(fill->store, &statistics, err)) != 0)
        return rc;
    step->stored = (double)statistics.certificates;
    step->octets = (double)statistics.file_size / (double)statistics.certificates;
    return 0;
}

static int fill_stage(void *context, struct smki_error *err)
{
    struct growth *growth = context;
    const uint64_t each = (growth->count - growth->filled) / STEPS + 1;
    struct smki_service *service;
    struct progress progress;
    struct fill fill;
    int rc = smki_service_open(&service, growth->home, NULL, err);

    if (rc != 0)
        return rc;
    fill = (struct fill){.store = smki_service_store(service), .done = growth->filled};
    progress_start(&progress, "certificates stored");
    while (rc == 0 && fill.done < growth->count && growth->step_count < STEPS) {
        if ((rc = step_fill(&fill, &growth->steps[growth->step_count], each, err)) == 0)
            growth->step_count++;
        growth->filled = fill.done;
        progress_show(&progress, fill.done, growth->count, -1);
    }
    progress_end(&progress);
    smki_service_close(service);
    return rc != 0 ? rc : filled_write(growth, err);
}

/* ---- start-up and finding ---- */

static int start_stage(void *context, struct smki_error *err)
{
    struct growth *growth = context;
    struct smki_store_statistics statistics;
    struct smki_service *service;
    struct smki_store *store;
    char folder[240];
    double start = seconds_now();
    int rc;

    snprintf(folder, sizeof(folder), "%s/" SMKI_HOME_STORE, growth->home);
    if ((rc = smki_store_open(&store, folder, NULL, err)) != 0)
        return rc;
    growth->store_ms = (seconds_now() - start) * 1e3;
    rc = smki_store_statistics(store, &statistics, err);
    smki_store_close(store);
    growth->certificates = (double)statistics.certificates;
    growth->octets = (double)statistics.file_size;
    start = seconds_now();
    if (rc != 0 || (rc = smki_service_open(&service, growth->home, NULL, err)) != 0)
        return rc;
    growth->service_ms = (seconds_now() - start) * 1e3;
    smki_service_close(service);
    return 0;
}

static int look(struct smki_service *service, uint64_t number, double *device_ms, double *serial_ms, struct smki_error *err)
{
    const struct smki_device_id id = fill_device(number);
    struct smki_stored_certificate certificate;
    struct smki_serial serial = {0};
    double start = seconds_now();
    int rc = smki_service_device_certificate(service, &id, &serial, &certificate, err);

    *device_ms = (seconds_now() - start) * 1e3;
    start = seconds_now();
    if (rc == 0)
        rc = smki_service_certificate(service, &serial, &certificate, err);
    *serial_ms = (seconds_now() - start) * 1e3;
    return rc;
}

/* The mean, and the slowest of each hundred. */
static void looks_judge(double *looks, double out[2])
{
    double sum = 0;

    for (size_t i = 0; i < LOOKS; i++)
        sum += looks[i];
    qsort(looks, LOOKS, sizeof(looks[0]), double_order);
    out[0] = sum / LOOKS;
    out[1] = looks[LOOKS - 1 - LOOKS / 100];
}

static int find_stage(void *context, struct smki_error *err)
{
    static double device[LOOKS], serial[LOOKS];
    struct growth *growth = context;
    struct smki_service *service;
    int rc = smki_service_open(&service, growth->home, NULL, err);

    if (rc != 0)
        return rc;
    for (uint64_t i = 0; i < LOOKS && rc == 0; i++)
        rc = look(service, fill_mix(i) % growth->filled, &device[i], &serial[i], err);
    smki_service_close(service);
    looks_judge(device, growth->find_device_ms);
    looks_judge(serial, growth->find_serial_ms);
    return rc;
}

/* ---- real batches: in the home that was filled and in a new one, in turn, since the machine's clock moves ---- */

struct issued {
    struct bound bound;
    double rate, processor_us;
};

struct pair {
    struct issued empty, full;
};

static int batch_issue(struct issued *out, struct batch_job *job, const char *home, struct smki_error *err)
{
    struct bound before, after;
    struct stage stage;
    int rc;

    snprintf(job->home, sizeof(job->home), "%s", home);
    if ((rc = stage_run(NULL, batch_job_submit, job, err)) != 0 || (rc = bound_measure(&before, job->workers, BOUND_SECONDS, err)) != 0 ||
        (rc = stage_run(&stage, batch_job_run, job, err)) != 0 || (rc = bound_measure(&after, job->workers, BOUND_SECONDS, err)) != 0)
        return rc;
    if (job->granted != job->csrs)
        return smki_fail(err, SMKI_INTERNAL, "%s: %" PRIu64 " of a batch of %zu were granted: its rate would tell nothing", home,
                         job->granted, job->csrs);
    out->bound = bound_mean(&before, &after);
    out->rate = (double)job->csrs / job->working;
    out->processor_us = stage.processor / (double)job->csrs * 1e6;
    return 0;
}

static int pair_issue(struct pair *out, struct batch_job *job, const struct growth *growth, bool full_first, struct smki_error *err)
{
    int rc = stage_run(NULL, batch_job_document, job, err);

    for (unsigned turn = 0; turn < 2 && rc == 0; turn++) {
        const bool full = (turn == 0) == full_first;

        rc = batch_issue(full ? &out->full : &out->empty, job, full ? growth->home : growth->empty, err);
    }
    job->first_device += job->csrs;
    return rc;
}

static double pair_ratio(const struct pair *pair)
{
    return pair->full.rate / pair->empty.rate;
}

static int pair_order(const void *a, const void *b)
{
    return double_order(&(double){pair_ratio(a)}, &(double){pair_ratio(b)});
}

/* From the least ratio to the greatest. The first batch in a new home is not counted: its files are only being made. */
static int pairs_issue(struct pair pairs[PAIRS], struct batch_job *job, const struct growth *growth, struct smki_error *err)
{
    int rc = bench_home_found(growth->empty, 1, err);

    if (rc == 0)
        rc = pair_issue(&pairs[0], job, growth, false, err);
    for (size_t i = 0; i < PAIRS && rc == 0; i++)
        rc = pair_issue(&pairs[i], job, growth, i % 2 != 0, err);
    if (rc != 0)
        return rc;
    bench_tree_remove(growth->empty);
    qsort(pairs, PAIRS, sizeof(pairs[0]), pair_order);
    return 0;
}

static void report_issued(struct report *report, const char *title, const struct issued *issued)
{
    report_row(report, "issued", title);
    report_figure(report, "per_second", issued->rate, "/s", "issued");
    report_figure(report, "bound_per_second", issued->bound.per_second, "/s", "the provider alone");
    report_figure(report, "ratio", issued->rate / issued->bound.per_second, "", "ratio");
    report_figure(report, "processor_us", issued->processor_us, "us", "processor each");
    report_row_end(report);
}

/* ---- the report ---- */

static void report_steps(struct report *report, const struct growth *growth)
{
    const struct step *first = &growth->steps[0], *last = &growth->steps[growth->step_count - 1];

    for (size_t i = 0; i<growth->step_count; i += growth->step_count> 10 ? growth->step_count / 10 : 1) {
        char title[60];

        snprintf(title, sizeof(title), "%.0f stored", growth->steps[i].stored);
        report_row(report, "steps", title);
        report_figure(report, "records_per_second", growth->steps[i].rate, "/s", "records alone");
        report_figure(report, "records_processor_us", growth->steps[i].processor_us, "us", "processor each");
        report_figure(report, "one_more_ms", growth->steps[i].one_more_ms, "ms", "one more, committed by itself");
        report_figure(report, "octets", growth->steps[i].octets, "", "octets a certificate");
        report_row_end(report);
    }
    report_figure(report, "records_ratio", last->rate / first->rate, "", "records alone, without arithmetic: end against start");
    report_figure(report, "one_more_first_ms", first->one_more_ms, "ms", "one more, committed by itself: at the start");
    report_figure(report, "one_more_last_ms", last->one_more_ms, "ms", "one more, committed by itself: at the end");
}

static void report_pairs(struct report *report, const struct pair pairs[PAIRS])
{
    for (size_t i = 0; i < PAIRS; i++) {
        report_issued(report, "a batch in a new home", &pairs[i].empty);
        report_issued(report, "the same in the one that was filled", &pairs[i].full);
    }
    report_bar(report, "rate_ratio", pair_ratio(&pairs[PAIRS / 2]), "", AT_LEAST, RATE_BAR,
               "rate of a batch in the full store, of that in a new one, the middle of five pairs");
    report_figure(report, "rate_ratio_least", pair_ratio(&pairs[0]), "", "the least of them");
    report_figure(report, "rate_ratio_most", pair_ratio(&pairs[PAIRS - 1]), "", "the greatest of them");
}

static void report_end(struct report *report, const struct growth *growth)
{
    report_figure(report, "octets_per_certificate", growth->octets / growth->certificates, "", "octets a certificate, with all records");
    report_bar(report, "store_start_ms", growth->store_ms, "ms", BELOW, START_BAR, "start-up of the store");
    report_bar(report, "service_start_ms", growth->service_ms, "ms", BELOW, START_BAR, "start-up of the service");
    report_bar(report, "find_serial_ms", growth->find_serial_ms[0], "ms", BELOW, FIND_BAR, "find by serial, mean");
    report_figure(report, "find_serial_p99_ms", growth->find_serial_ms[1], "ms", "find by serial, p99");
    report_bar(report, "find_device_ms", growth->find_device_ms[0], "ms", BELOW, FIND_BAR, "find by Device ID, mean");
    report_figure(report, "find_device_p99_ms", growth->find_device_ms[1], "ms", "find by Device ID, p99");
}

static int draw(const struct growth *growth, const char *path, struct smki_error *err)
{
    static double stored[STEPS], rate[STEPS], one_more_ms[STEPS], octets[STEPS];
    const struct panel panels[] = {{.x_words = "certificates stored",
                                    .y_words = "records a second, no arithmetic",
                                    .curves = {{"claims, record, certificate", stored, rate, growth->step_count}},
                                    .count = 1},
                                   {.x_words = "certificates stored",
                                    .y_words = "ms",
                                    .curves = {{"one more, committed by itself", stored, one_more_ms, growth->step_count}},
                                    .count = 1},
                                   {.x_words = "certificates stored",
                                    .y_words = "octets a certificate",
                                    .curves = {{"the store's file", stored, octets, growth->step_count}},
                                    .count = 1}};

    for (size_t i = 0; i < growth->step_count; i++) {
        stored[i] = growth->steps[i].stored;
        rate[i] = growth->steps[i].rate;
        one_more_ms[i] = growth->steps[i].one_more_ms;
        octets[i] = growth->steps[i].octets;
    }
    return curve_write(path, "What a store costs as it grows", panels, ARRAY_COUNT(panels), err);
}

static int measure(struct growth *growth, struct batch_job *job, struct report *report, struct call *call)
{
    struct smki_error *err = &call->err;
    struct pair pairs[PAIRS];
    int rc;

    if ((rc = home_take(growth, job, err)) != 0 || (rc = stage_run(NULL, fill_stage, growth, err)) != 0)
        return rc;
    report_steps(report, growth);
    if ((rc = stage_run(NULL, start_stage, growth, err)) != 0 || (rc = stage_run(NULL, find_stage, growth, err)) != 0 ||
        (rc = pairs_issue(pairs, job, growth, err)) != 0)
        return rc;
    report_pairs(report, pairs);
    report_end(report, growth);
    return call_has(call, "svg") ? draw(growth, call_text(call, "svg"), err) : 0;
}

static int growth_run(struct call *call)
{
    struct growth *growth = stage_memory(sizeof(*growth));
    struct bench_home home = {0};
    struct batch_job *job;
    struct report *report;
    uint64_t count = COUNT;
    char file[240];
    int rc;

    if (!bench_number(call, "count", 1000, UINT64_C(1000000000), &count))
        return EXIT_USAGE;
    if (growth == NULL)
        return call_fail(call, SMKI_NO_MEMORY, NULL);
    if ((rc = bench_home_begin(&home, call, "folder")) == 0) {
        bench_home_file(&home, file, "batch.xml");
        memcpy(growth->home, home.path, sizeof(growth->home));
        snprintf(growth->empty, sizeof(growth->empty), "%s/new-%d", home.folder, (int)getpid());
        growth->count = count;
        job = batch_job_new(home.path, file, SMKI_BATCH_XML, BATCH_CSRS);
        report = job != NULL ? report_open(call, "0 to %" PRIu64 " certificates stored", count) : NULL;
        if (report != NULL)
            job->workers = bench_cores();
        rc = report != NULL ? measure(growth, job, report, call) : SMKI_NO_MEMORY;
        rc = bench_close(report, call, rc);
    }
    bench_home_end(&home);
    return rc;
}

static const struct command_value options[] = {
    {"count", VALUE_NUMBER, 0, "N", "certificates in the end; 10000000 by default", NULL},
    {"folder", VALUE_FOLDER, 0, NULL, "a folder to work in, which stays; one that an earlier bench filled is filled further", NULL},
    BENCH_SVG,
    {0}};

const struct command growth_commands[] = {
    {.name = "growth",
     .text = "A store that grows to 10 million certificates",
     .flags = COMMAND_JSON,
     .options = options,
     .more = "Fills a store, and issues batches of 50,000 in turn there and in a new home, each beside the provider alone.\n"
             "Bars: rate in the full store at least 80 % of that in the new one; start-up in less than 100 ms; found in less than 1 ms.\n",
     .run = growth_run},
    {0}};
