/* bench night: the Code's whole night, 375,000 CSRs of several Parties as XML and zip by both ways in, in one run that keeps its window.
 * The service's clock is moved: submissions at noon, the run from 20:00 on. */
#include "batch_job.h"
#include "bench.h"
#include "bench_home.h"
#include "bound.h"
#include "process.h"
#include "report.h"

#include "base/base_i.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CSRS          375000 /* CoCo 3: a night */
#define BATCHES       24
#define PARTIES       6
#define BOUND_SECONDS 4.0
#define TIME_BAR      30.0  /* s, first claim to last commit */
#define MEMORY_BAR    128.0 /* MiB */

/* How large each batch is beside the others, over and over; the first is the largest. By default one Party gets over the portal's quota. */
static const unsigned sizes[] = {6, 1, 2, 1, 3, 1, 1, 2};

struct night {
    struct bench_home home;
    struct batch_job *job; /* used for each batch in turn, then for the run */
    size_t csrs;
    unsigned batches, parties;
    const char *keep; /* the folder of the requests; NULL: they are made, and not kept */
    struct smki_time noon, evening;
    double submit_seconds, megabytes;
    unsigned over_quota;
};

static unsigned size_sum(unsigned batches)
{
    unsigned sum = 0;

    for (unsigned i = 0; i < batches; i++)
        sum += sizes[i % ARRAY_COUNT(sizes)];
    return sum;
}

/* CSRs before batch `number`, from 0; of a night of the whole: what is left over goes to the last. */
static size_t csrs_before(const struct night *night, unsigned number)
{
    return (size_t)((uint64_t)night->csrs * size_sum(number) / size_sum(night->batches));
}

/* Batch `number` of the night: whose, how large, in which form. */
static void batch_choose(struct night *night, unsigned number)
{
    struct batch_job *job = night->job;

    job->form = (number + number / ARRAY_COUNT(sizes)) % 2 == 0 ? SMKI_BATCH_XML : SMKI_BATCH_ZIP;
    job->party = number / 2 % night->parties + 1;
    job->csrs = csrs_before(night, number + 1) - csrs_before(night, number);
    job->first_device = UINT64_C(0x90b3d51f40000000) + csrs_before(night, number);
    snprintf(job->file, sizeof(job->file), "%.160s/night-%zu-%u-of-%u.%s", night->keep != NULL ? night->keep : night->home.folder,
             night->csrs, number + 1, night->batches, job->form == SMKI_BATCH_XML ? "xml" : "zip");
}

/* Makes the batch, unless it was kept from an earlier night. */
static int batch_make(struct night *night, struct smki_error *err)
{
    return access(night->job->file, R_OK) == 0 ? 0 : stage_run(NULL, batch_job_document, night->job, err);
}

static int batch_submit(struct night *night, struct smki_error *err)
{
    int rc = stage_run(NULL, batch_job_submit, night->job, err);

    if (rc != 0)
        return rc;
    night->submit_seconds += night->job->seconds;
    night->over_quota += night->job->over_quota;
    if (night->keep == NULL)
        unlink(night->job->file);
    return 0;
}

static int batches_submit(struct night *night, struct smki_error *err)
{
    struct progress progress;
    int rc = 0;

    progress_start(&progress, "CSRs made and submitted");
    for (unsigned i = 0; i < night->batches && rc == 0; i++) {
        batch_choose(night, i);
        if ((rc = batch_make(night, err)) == 0)
            rc = batch_submit(night, err);
        progress_show(&progress, csrs_before(night, i + 1), night->csrs, -1);
    }
    progress_end(&progress);
    return rc;
}

static void report_run(const struct night *night, struct report *report, const struct bound *bound, const struct stage *stage)
{
    const struct batch_job *job = night->job;
    const double span = job->working, count = (double)night->csrs;

    report_figure(report, "bound_per_second", bound->per_second, "/s", "bound: the provider alone, verify + sign");
    report_bar(report, "night_seconds", span, "s", BELOW, TIME_BAR, "from first claim to last commit");
    report_figure(report, "night_per_second", count / span, "/s", "issued");
    report_figure(report, "ratio", count / span / bound->per_second, "", "of the bound");
    report_figure(report, "run_seconds", job->seconds, "s", "the whole run, from the start to the last record");
    report_figure(report, "run_ratio", count / job->seconds / bound->per_second, "", "the whole run, of the bound");
    report_figure(report, "granted", (double)job->granted, "", "granted");
    report_figure(report, "refused", (double)job->refused, "", "refused");
    report_figure(report, "bound_processor_us", bound->processor_us, "us", "processor for one CSR: the provider");
    report_figure(report, "run_processor_us", stage->processor / count * 1e6, "us", "processor for one CSR: the whole run");
    report_bar(report, "resident_mib", stage->resident_mib, "MiB", BELOW, MEMORY_BAR, "resident, the most of the whole run");
}

static int measure_run(struct night *night, struct report *report, struct bound *bound, struct smki_error *err)
{
    struct bound before, after;
    struct stage stage;
    int rc;

    night->job->clock = night->evening;
    if ((rc = bound_measure(&before, night->job->workers, BOUND_SECONDS, err)) != 0 ||
        (rc = stage_run(&stage, batch_job_run, night->job, err)) != 0 ||
        (rc = bound_measure(&after, night->job->workers, BOUND_SECONDS, err)) != 0)
        return rc;
    *bound = bound_mean(&before, &after);
    report_run(night, report, bound, &stage);
    if (night->job->granted + night->job->refused != night->csrs)
        return smki_fail(err, SMKI_INTERNAL, "%llu CSRs got their fate, of %zu",
                         (unsigned long long)(night->job->granted + night->job->refused), night->csrs);
    return 0;
}

static int measure(struct night *night, struct report *report, struct call *call)
{
    const char *svg = call_text(call, "svg");
    struct bound bound;
    char title[100];
    int rc;

    if ((rc = bench_home_found(night->home.path, night->parties, &call->err)) != 0 || (rc = batches_submit(night, &call->err)) != 0)
        return rc;
    report_figure(report, "submit_seconds", night->submit_seconds, "s", "all submissions, until accepted");
    report_figure(report, "over_quota", night->over_quota, "", "batches over the portal's quota, which go last");
    if ((rc = measure_run(night, report, &bound, &call->err)) != 0)
        return rc;
    snprintf(title, sizeof(title), "A night of %zu CSRs in %u batches", night->csrs, night->batches);
    return svg != NULL ? batch_job_draw(night->job, svg, title, bound.per_second, &call->err) : 0;
}

static int night_begin(struct night *night, struct call *call)
{
    const struct smki_time now = smki_clock_system.now(smki_clock_system.context);
    int rc = bench_home_begin(&night->home, call, "folder");

    if (rc != 0)
        return rc;
    /* tomorrow: the home is made now */
    night->noon = smki_time_uk_at(now, 1, 12, 0);
    night->evening = smki_time_uk_at(now, 1, 20, 0);
    if ((night->job = batch_job_new(night->home.path, "", SMKI_BATCH_XML, 0)) == NULL)
        return call_fail(call, SMKI_NO_MEMORY, NULL);
    night->job->by_interface = night->job->in_window = true;
    night->job->clock = night->noon;
    return 0;
}

static int night_run(struct call *call)
{
    uint64_t csrs = CSRS, batches = BATCHES, parties = PARTIES, workers = bench_cores();
    struct report *report;
    struct night night = {.keep = call_text(call, "keep")};
    int rc;

    if (!bench_number(call, "batches", 1, 1000, &batches) || !bench_number(call, "csrs", batches * 4, 10000000, &csrs) ||
        !bench_number(call, "parties", 1, 1000, &parties) || !bench_number(call, "workers", 1, 256, &workers))
        return EXIT_USAGE;
    night.csrs = csrs;
    night.batches = (unsigned)batches;
    night.parties = (unsigned)parties;
    if (csrs * sizes[0] / size_sum(night.batches) > SMKI_BATCH_MAX_CSRS)
        return call_usage(call, "a batch holds at most %d CSRs: give more --batches", SMKI_BATCH_MAX_CSRS);
    if ((rc = night_begin(&night, call)) == 0) {
        night.job->workers = (unsigned)workers;
        report = report_open(call, "%zu CSRs in %u batches of %u Parties, half XML and half zip, %u workers", night.csrs, night.batches,
                             night.parties, (unsigned)workers);
        rc = report != NULL ? measure(&night, report, call) : SMKI_NO_MEMORY;
        rc = bench_close(report, call, rc);
    }
    bench_home_end(&night.home);
    return rc;
}

static const struct command_value options[] = {
    {"csrs", VALUE_COUNT, 0, "N", "of the whole night; 375000 by default", NULL},
    {"batches", VALUE_COUNT, 0, "N", "24 by default, of mixed sizes", NULL},
    {"parties", VALUE_COUNT, 0, "N", "6 by default", NULL},
    {"workers", VALUE_COUNT, 0, "N", "threads of the run; one a core by default", NULL},
    {"keep", VALUE_FOLDER, 0, NULL, "an existing folder: the requests are kept there, and taken from there the next time", NULL},
    BENCH_FOLDER,
    BENCH_SVG,
    {0}};

const struct command night_commands[] = {
    {.name = "night",
     .text = "A whole night: 375,000 CSRs of several Parties",
     .flags = COMMAND_JSON,
     .options = options,
     .more = "XML comes by the batch web service, zip by the portal with its quota; the demand rules and the window are kept.\n"
             "Bars: less than 30 s from first claim to last commit, less than 128 MiB resident. The bound is the P-256 provider alone.\n",
     .run = night_run},
    {0}};
