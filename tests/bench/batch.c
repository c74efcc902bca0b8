/* bench batch: one batch through intake, run and result with everything on (lint, records, audit, durable commits), beside what the P-256
 * provider alone can do on the same cores in the same run. Each stage is a process of its own, so that its resident memory can be told. */
#include "batch_job.h"
#include "bench.h"
#include "bench_home.h"
#include "bound.h"
#include "curve.h"
#include "fill.h"
#include "process.h"
#include "report.h"

#include "message/message_i.h"

#include <errno.h>
#include <math.h>
#include <unistd.h>

#define BOUND_SECONDS 4.0
#define MEMORY_BAR    64.0 /* MiB resident while taking in and while processing */
#define RATIO_BAR     0.85 /* of the provider's bound */
#define RESULT_BAR    1.0  /* s, XML and zip */
#define PARSER_BAR    100  /* MB of XML a second, in the parser stage */
#define FEED_SIZE     65536
#define PARSER_ROUNDS 5

/* The quickest reading: by the clock, and of the processor, which others on the machine do not lengthen. */
struct parsing {
    double seconds, processor;
};

struct batch_bench {
    struct bench_home home;
    struct batch_job *job;
    uint64_t stored;        /* certificates that the store holds before */
    uint64_t chunk;         /* CSRs; 0: as configured */
    struct parsing *parsed; /* in shared memory */
};

/* ---- stages of its own ---- */

static int chunk_configure(const struct batch_bench *bench, struct smki_error *err)
{
    char path[240], text[60];
    const int size = snprintf(text, sizeof(text), "{\"batch.chunk\": %llu}\n", (unsigned long long)bench->chunk);

    bench_home_file(&bench->home, path, "home/%s", SMKI_HOME_CONFIG);
    return file_write(path, BYTES(text, (size_t)size), 0600, err);
}

static int found(void *context, struct smki_error *err)
{
    const struct batch_bench *bench = context;
    struct smki_service *service;
    int rc = bench_home_found(bench->home.path, 1, err);

    if (rc == 0 && bench->chunk != 0)
        rc = chunk_configure(bench, err);
    if (rc != 0 || bench->stored == 0 || (rc = smki_service_open(&service, bench->home.path, NULL, err)) != 0)
        return rc;
    rc = fill_add(&(struct fill){.store = smki_service_store(service)}, bench->stored, err);
    smki_service_close(service);
    return rc;
}

static int count_one(void *context, const struct batch_request *request, struct smki_error *err)
{
    (void)request;
    (void)err;
    ++*(size_t *)context;
    return 0;
}

static int parse_once(struct smki_bytes document, size_t *count, struct smki_error *err)
{
    static const struct batch_limits limits = {.max_csrs = SMKI_BATCH_MAX_CSRS, .max_upload = UINT64_C(1) << 32};
    struct request_xml_reader *reader;
    int rc = request_xml_open(&reader, &request_form_batch, &limits, count_one, count, err);

    if (rc != 0)
        return rc;
    for (size_t at = 0; at < document.size && rc == 0; at += FEED_SIZE) {
        const size_t size = document.size - at < FEED_SIZE ? document.size - at : FEED_SIZE;

        rc = request_xml_feed(reader, BYTES(document.at + at, size), at + size == document.size, err);
    }
    request_xml_close(reader);
    return rc;
}

/* The reader alone, over the document in memory, in pieces as they come off a file or the wire; the quickest of some rounds. */
static int parse(void *context, struct smki_error *err)
{
    const struct batch_bench *bench = context;
    struct smki_buffer document = {0};
    int rc = file_read(&document, bench->job->file, SIZE_MAX / 2, err);

    *bench->parsed = (struct parsing){INFINITY, INFINITY};
    for (int i = 0; i < PARSER_ROUNDS && rc == 0; i++) {
        const double start = seconds_now(), used = process_processor(getpid());
        size_t count = 0;

        if ((rc = parse_once(BYTES(document.at, document.size), &count, err)) == 0 && count != bench->job->csrs)
            rc = smki_fail(err, SMKI_INTERNAL, "%zu CSRs were read of %zu", count, bench->job->csrs);
        bench->parsed->seconds = fmin(bench->parsed->seconds, seconds_now() - start);
        bench->parsed->processor = fmin(bench->parsed->processor, process_processor(getpid()) - used);
    }
    smki_buffer_finish(&document);
    return rc;
}

/* The disk's bound of an intake: the same octets written and synced, nothing else. */
static int write_bare(const struct batch_bench *bench, double *seconds, struct smki_error *err)
{
    struct smki_buffer document = {0};
    char path[240];
    double start;
    int rc = file_read(&document, bench->job->file, SIZE_MAX / 2, err);

    bench_home_file(&bench->home, path, "bare");
    start = seconds_now();
    if (rc == 0)
        rc = file_write(path, BYTES(document.at, document.size), 0600, err);
    *seconds = seconds_now() - start;
    smki_buffer_finish(&document);
    return rc;
}

/* ---- what is measured, in its order ---- */

static int measure_intake(struct batch_bench *bench, struct report *report, struct smki_error *err)
{
    const double megabytes = bench->job->megabytes;
    struct stage stage;
    double bare;
    int rc;

    if ((rc = stage_run(NULL, parse, bench, err)) != 0 || (rc = write_bare(bench, &bare, err)) != 0 ||
        (rc = stage_run(&stage, batch_job_submit, bench->job, err)) != 0)
        return rc;
    report_figure(report, "document_mb", megabytes, "MB", "the document, XML");
    report_bar(report, "parser_mb_per_second", megabytes / bench->parsed->seconds, "MB/s", AT_LEAST, PARSER_BAR,
               "parser alone, from memory");
    report_figure(report, "parser_mb_per_processor_second", megabytes / bench->parsed->processor, "MB/s", "the same, by processor time");
    report_figure(report, "intake_seconds", bench->job->seconds, "s", "whole intake, until accepted");
    report_figure(report, "intake_mb_per_second", megabytes / bench->job->seconds, "MB/s", "whole intake, of XML");
    report_figure(report, "bare_write_seconds", bare, "s", "the disk's bound: the same octets, written and synced");
    report_bar(report, "intake_resident_mib", stage.resident_mib, "MiB", BELOW, MEMORY_BAR, "resident while taking in");
    return 0;
}

static void report_run(const struct batch_bench *bench, struct report *report, const struct bound *bound, const struct stage *stage)
{
    const struct batch_job *job = bench->job;
    const double rate = (double)job->csrs / job->working, whole = (double)job->csrs / job->seconds,
                 processor = stage->processor / (double)job->csrs * 1e6;

    report_figure(report, "bound_per_second", bound->per_second, "/s", "bound: the provider alone, verify + sign");
    report_figure(report, "run_per_second", rate, "/s", "run, everything on");
    report_figure(report, "working_seconds", job->working, "s", "from first claim to last commit");
    report_figure(report, "run_seconds", job->seconds, "s", "the whole run, with cutting the upload into chunks");
    report_figure(report, "granted", (double)job->granted, "", "granted");
    report_figure(report, "refused", (double)job->refused, "", "refused");
    report_bar(report, "ratio", rate / bound->per_second, "", AT_LEAST, RATIO_BAR, "of the bound, from first claim to last commit");
    report_figure(report, "whole_ratio", whole / bound->per_second, "", "of the bound, the whole run");
    report_figure(report, "bound_processor_us", bound->processor_us, "us", "processor for one CSR: the provider");
    report_figure(report, "run_processor_us", processor, "us", "processor for one CSR: the run");
    report_figure(report, "processor_ratio", bound->processor_us / processor, "", "provider's share of the run's processor");
    report_bar(report, "run_resident_mib", stage->resident_mib, "MiB", BELOW, MEMORY_BAR, "resident during the run");
}

static int measure_run(struct batch_bench *bench, struct report *report, struct bound *bound, struct smki_error *err)
{
    struct bound before, after;
    struct stage stage;
    int rc;

    if ((rc = bound_measure(&before, bench->job->workers, BOUND_SECONDS, err)) != 0 ||
        (rc = stage_run(&stage, batch_job_run, bench->job, err)) != 0 ||
        (rc = bound_measure(&after, bench->job->workers, BOUND_SECONDS, err)) != 0)
        return rc;
    *bound = bound_mean(&before, &after);
    report_run(bench, report, bound, &stage);
    return 0;
}

static int measure_results(struct batch_bench *bench, struct report *report, struct smki_error *err)
{
    static const struct {
        const char *name, *key;
        stage_fn write;
        bool barred;
    } forms[] = {{"result, XML", "result_xml_seconds", batch_job_result_xml, true},
                 {"result, zip", "result_zip_seconds", batch_job_result_zip, true},
                 {"result, txt", "result_txt_seconds", batch_job_result_txt, false}};

    for (size_t i = 0; i < ARRAY_COUNT(forms); i++) {
        struct stage stage;
        int rc = stage_run(&stage, forms[i].write, bench->job, err);

        if (rc != 0)
            return rc;
        report_row(report, "results", forms[i].name);
        if (forms[i].barred)
            report_bar(report, forms[i].key, bench->job->seconds, "s", BELOW, RESULT_BAR, "written in");
        else
            report_figure(report, forms[i].key, bench->job->seconds, "s", "written in");
        report_figure(report, "mb", bench->job->megabytes, "MB", "size");
        report_figure(report, "resident_mib", stage.resident_mib, "MiB", "resident");
        report_row_end(report);
    }
    return 0;
}

int batch_job_draw(const struct batch_job *job, const char *path, const char *title, double bound, struct smki_error *err)
{
    static double seconds[JOB_MOMENTS], rate[JOB_MOMENTS];
    const struct panel panel = {.x_words = "time of the run, s",
                                .y_words = "certificates a second",
                                .line = bound,
                                .line_words = "the provider alone",
                                .curves = {{"issued, everything on", seconds, rate, batch_job_rate(job, seconds, rate)}},
                                .count = 1};

    return curve_write(path, title, &panel, 1, err);
}

static int measure(struct batch_bench *bench, struct report *report, struct call *call)
{
    const char *svg = call_text(call, "svg");
    struct smki_error *err = &call->err;
    struct bound bound;
    char title[100];
    int rc;

    call_note(call, "making %zu requests%s", bench->job->csrs, bench->stored > 0 ? ", and filling the store" : "");
    if ((rc = stage_run(NULL, batch_job_document, bench->job, err)) != 0 || (rc = stage_run(NULL, found, bench, err)) != 0 ||
        (rc = measure_intake(bench, report, err)) != 0 || (rc = measure_run(bench, report, &bound, err)) != 0 ||
        (rc = measure_results(bench, report, err)) != 0)
        return rc;
    snprintf(title, sizeof(title), "A batch of %zu CSRs", bench->job->csrs);
    return svg != NULL ? batch_job_draw(bench->job, svg, title, bound.per_second, err) : 0;
}

static int batch_bench_begin(struct batch_bench *bench, struct call *call, size_t csrs, unsigned workers)
{
    char file[240];
    int rc = bench_home_begin(&bench->home, call, "folder");

    if (rc != 0)
        return rc;
    bench_home_file(&bench->home, file, "batch.xml");
    bench->job = batch_job_new(bench->home.path, file, SMKI_BATCH_XML, csrs);
    bench->parsed = stage_memory(sizeof(*bench->parsed));
    if (bench->job == NULL || bench->parsed == NULL)
        return call_fail(call, SMKI_NO_MEMORY, NULL);
    bench->job->workers = workers;
    return 0;
}

static int batch_bench_run(struct call *call)
{
    struct batch_bench bench = {.stored = call_number(call, "stored")};
    uint64_t csrs = SMKI_BATCH_MAX_CSRS, workers = bench_cores();
    struct report *report;
    int rc;

    if ((call_text(call, "chunk") != NULL && !bench_number(call, "chunk", 1, 5000, &bench.chunk)) ||
        !bench_number(call, "csrs", 1, SMKI_BATCH_MAX_CSRS, &csrs) || !bench_number(call, "workers", 1, 256, &workers))
        return EXIT_USAGE;
    rc = batch_bench_begin(&bench, call, csrs, (unsigned)workers);
    if (rc == 0) {
        report = report_open(call, "a batch of %u CSRs, %u workers, %llu certificates stored before", (unsigned)csrs, (unsigned)workers,
                             (unsigned long long)bench.stored);
        rc = report != NULL ? measure(&bench, report, call) : SMKI_NO_MEMORY;
        rc = bench_close(report, call, rc);
    }
    bench_home_end(&bench.home);
    return rc;
}

static const struct command_value options[] = {
    {"csrs", VALUE_COUNT, 0, "N", "in the batch; 50000 by default, and at most", NULL},
    {"workers", VALUE_COUNT, 0, "N", "threads of the run; one a core by default", NULL},
    {"stored", VALUE_NUMBER, 0, "N", "certificates that the store holds before; 0 by default", NULL},
    {"chunk", VALUE_COUNT, 0, "N", "CSRs a chunk; as configured (batch.chunk) by default", NULL},
    BENCH_FOLDER,
    BENCH_SVG,
    {0}};

const struct command batch_commands[] = {
    {.name = "batch",
     .text = "One batch of 50,000: intake, run, results",
     .flags = COMMAND_JSON,
     .options = options,
     .more = "The bound is what the P-256 provider alone does on as many threads: verify one signature, make one.\n"
             "Bars: run at least 85 % of the bound; parser at least 100 MB/s of XML; results as XML and zip in less than 1 s each.\n",
     .run = batch_bench_run},
    {0}};
