/* The night run: its beginning and end, and what the calling thread does meanwhile: it prepares batches and reports progress. */
#include "batch/batch_i.h"

#include <stdlib.h>
#include <unistd.h>

#define PROGRESS_US   250000    /* between two calls of the progress function */
#define LOOK_US       2000000   /* between two looks at what waits, and for new batches when watching */
#define KEEP_HOUSE_US SMKI_HOUR /* between two looks, when watching, for what is past its time or was left behind */
#define RATE_MIN_CSRS 1000      /* a smaller run says nothing about the next one's rate */
#define WORKERS_MAX   256

struct run {
    struct smki_service *service;
    const struct smki_actor *actor;
    const struct smki_run_options *options;
    struct runner runner;
    struct pipeline *pipeline;
    struct pipeline_look look; /* the last */
    int64_t started, ended;    /* monotonic, us; 0: not yet */
    struct smki_time house_kept;
    uint64_t waiting;          /* CSRs, when last looked at, and those of this run until then */
    struct smki_error trouble; /* of the last look for work */
};

static bool stop_is_wished(const struct run *run)
{
    return run->options->stop != NULL && *run->options->stop != 0;
}

/* ---- the calling thread ---- */

static int count_waiting(struct run *run, uint64_t *waiting, struct smki_error *err)
{
    struct smki_plan_item *items;
    size_t count;
    double rate;
    int rc = smki_batch_plan(run->service, smki_service_now(run->service), &items, &count, &rate, err);

    if (rc != 0)
        return rc;
    *waiting = 0;
    for (size_t i = 0; i < count; i++)
        *waiting += items[i].remaining;
    free(items);
    return 0;
}

/* What other runners have done meanwhile no longer waits for this one. */
static int look_at_waiting(struct run *run, struct smki_error *err)
{
    uint64_t waiting = 0;
    int rc = count_waiting(run, &waiting, err);

    if (rc == 0)
        run->waiting = waiting + run->look.done.processed;
    return rc;
}

static void report(struct run *run);

static bool on_prepared(void *context, uint64_t batch, int code)
{
    struct run *run = context;

    if (run->pipeline == NULL)
        return true;
    pipeline_prepared(run->pipeline, batch, code);
    report(run);
    return !run->look.ending;
}

/* A batch that cannot be prepared is a trouble to be told of, and no reason to leave everybody else's work. */
static int look_for_work(struct run *run, struct smki_error *err)
{
    const struct prepare_told told = {.each = on_prepared, .context = run};
    struct smki_error trouble = {0};

    trouble.code = batches_prepare(run->service, run->actor, &told, &trouble);
    run->trouble = trouble;
    return look_at_waiting(run, err);
}

/* What is past its time, what killed processes left behind, and requests that a power cut left without their certificate. */
static int keep_house(struct run *run, struct smki_error *err)
{
    int rc;

    run->house_kept = smki_service_now(run->service);
    if ((rc = batches_expire(run->service, run->actor, err)) != 0 || (rc = leftovers_remove(run->service, err)) != 0 ||
        (rc = smki_desk_forget(run->service, run->actor, NULL, err)) != 0)
        return rc;
    return smki_service_recover(run->service, run->actor, err);
}

/* At what waits; when watching for new batches too, and now and then at the house. */
static void look_again(struct run *run)
{
    struct smki_error err = {0};
    int rc = 0;

    if (run->options->watch && smki_service_now(run->service).us - run->house_kept.us >= KEEP_HOUSE_US)
        rc = keep_house(run, &err);
    if (rc == 0)
        rc = run->options->watch ? look_for_work(run, &err) : look_at_waiting(run, &err);
    if (rc != 0)
        pipeline_fail(run->pipeline, rc, &err);
}

static struct smki_run_progress progress_of(const struct run *run)
{
    struct smki_run_progress progress = run->look.done;
    const int64_t now = run->ended != 0 ? run->ended : monotonic();

    progress.waiting = run->waiting;
    progress.seconds = (double)(now - run->started) / (double)SMKI_SECOND;
    progress.working = run->look.first_claim != 0 ? (double)(now - run->look.first_claim) / (double)SMKI_SECOND : 0;
    progress.rate = progress.working > 0 ? (double)progress.processed / progress.working : 0;
    progress.paused = run->look.resting;
    if (run->trouble.code != 0)
        progress.trouble = run->trouble;
    if (run->look.away.code != 0)
        progress.trouble = run->look.away;
    return progress;
}

static void report(struct run *run)
{
    struct smki_run_progress progress;

    pipeline_look(run->pipeline, &run->look);
    progress = progress_of(run);
    if (run->options->progress != NULL)
        run->options->progress(run->options->context, &progress);
}

/* Until it is over: progress, and when watching, a look for new batches now and then. */
static void supervise(struct run *run)
{
    int64_t looked = monotonic();
    bool over;

    do {
        report(run);
        if (!run->look.ending && monotonic() - looked >= LOOK_US) {
            look_again(run);
            looked = monotonic();
        }
        over = pipeline_wait(run->pipeline, PROGRESS_US);
    } while (!over);
    run->ended = monotonic();
    report(run);
}

/* What is prepared is worked on at once. */
static void prepare(struct run *run)
{
    struct smki_error err = {0};
    int rc = look_at_waiting(run, &err);

    if (rc == 0)
        rc = look_for_work(run, &err);
    if (rc != 0)
        pipeline_fail(run->pipeline, rc, &err);
    pipeline_preparing(run->pipeline, false);
}

static unsigned worker_count(const struct run *run)
{
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned workers = run->options->workers != 0 ? run->options->workers : smki_service_config(run->service)->runner_workers;

    if (workers == 0)
        workers = cores > 0 ? (unsigned)cores : 1;
    return workers < WORKERS_MAX ? workers : WORKERS_MAX;
}

static int run_pipeline(struct run *run, struct smki_error *err)
{
    const struct pipeline_setup setup = {.service = run->service,
                                         .runner = &run->runner,
                                         .actor = run->actor,
                                         .workers = worker_count(run),
                                         .watch = run->options->watch,
                                         .ignore_window = run->options->ignore_window,
                                         .stop = run->options->stop};
    struct smki_error looking = {0};
    int rc = pipeline_start(&run->pipeline, &setup, err);

    if (rc != 0) { /* such as a CA's key that is away: batches are approved and parsed all the same */
        (void)look_for_work(run, &looking);
        return rc;
    }
    prepare(run);
    supervise(run);
    return pipeline_end(run->pipeline, &run->look, err);
}

/* ---- beginning and end ---- */

static int run_record_change(struct store_change *change, void *argument, struct smki_error *err)
{
    struct smki_audit_record *record = argument;

    record->time.us = 0;
    return store_record(change, record, err);
}

static int record_run(struct run *run, enum smki_act act, int outcome, const char *text, struct smki_error *err)
{
    struct smki_audit_record record = {.act = act, .actor = *run->actor, .outcome = outcome};

    snprintf(record.detail, sizeof(record.detail), "%s", text);
    return store_change(run->service->store, run_record_change, &record, err);
}

static int keep_rate_change(struct store_change *change, void *argument, struct smki_error *err)
{
    return store_value_put(change, "run.rate", BYTES(argument, sizeof(double)), err);
}

static int run_begins(struct run *run, struct smki_error *err)
{
    const struct smki_demand_limits *limits = &smki_service_config(run->service)->limits;
    char text[64];
    int rc;

    if ((rc = keep_house(run, err)) != 0)
        return rc;
    if (run->options->ignore_window &&
        (rc = record_run(run, SMKI_ACT_OVERRIDE, 0, "--ignore-window: a run outside of its window", err)) != 0)
        return rc;
    if (limits->mode[SMKI_RULE_WINDOW] == SMKI_RULE_OBSERVE && !run->options->ignore_window &&
        !smki_night_is_open(limits, smki_service_now(run->service)) &&
        (rc = record_run(run, SMKI_ACT_DEMAND_OBSERVED, SMKI_OUTSIDE_WINDOW, "a run outside of its window, which is only observed", err)) !=
            0)
        return rc;
    snprintf(text, sizeof(text), "begins with %u workers", worker_count(run));
    return record_run(run, SMKI_ACT_RUN, 0, text, err);
}

static int run_ends(struct run *run, int code, struct smki_error *err)
{
    struct smki_run_progress progress = progress_of(run);
    char text[160];
    int rc;

    snprintf(text, sizeof(text), "ends: %llu CSRs, %llu granted, %llu refused, %llu batches completed",
             (unsigned long long)progress.processed, (unsigned long long)progress.granted, (unsigned long long)progress.refused,
             (unsigned long long)progress.batches_completed);
    if ((rc = key_use_record(run->service, run->actor, err)) != 0 || (rc = record_run(run, SMKI_ACT_RUN, code, text, err)) != 0)
        return rc;
    if (progress.processed >= RATE_MIN_CSRS && !run->options->watch)
        return store_change(run->service->store, keep_rate_change, &progress.rate, err);
    return 0;
}

/* Why a run that does not stay leaves work behind. */
static int what_waits(const struct run *run, struct smki_error *err)
{
    const struct smki_demand_limits *limits = &smki_service_config(run->service)->limits;

    if (run->look.paused)
        return smki_fail(err, SMKI_MAINTENANCE,
                         "Planned Maintenance pauses the night and CSRs wait; use --watch to wait for its end, or 'smki maintenance end'");
    if (run->look.closed)
        return smki_fail(err, SMKI_OUTSIDE_WINDOW,
                         "the processing window (%02u:%02u to %02u:%02u UK time) is closed and CSRs wait; use --watch to wait for it, or "
                         "--ignore-window",
                         limits->night_start / 60, limits->night_start % 60, limits->night_end / 60, limits->night_end % 60);
    return 0;
}

static int run_whole(struct run *run, struct smki_error *err)
{
    struct smki_error ending = {0}, trouble;
    int rc = run_begins(run, err), end_rc;

    if (rc == 0)
        rc = run_pipeline(run, err);
    if (rc == 0 && stop_is_wished(run))
        rc = smki_fail(err, SMKI_INTERRUPTED, NULL);
    if (rc == 0 && !run->options->watch && (trouble = progress_of(run).trouble).code != 0)
        rc = smki_fail(err, trouble.code, "%s", trouble.text);
    if (rc == 0 && !run->options->watch)
        rc = what_waits(run, err);
    if ((end_rc = run_ends(run, rc, &ending)) != 0 && rc == 0)
        rc = smki_fail(err, end_rc, "%s", ending.text);
    return rc;
}

int smki_batch_run(struct smki_service *service, const struct smki_actor *actor, const struct smki_run_options *options,
                   struct smki_run_progress *summary, struct smki_error *err)
{
    struct run run = {.service = service, .actor = actor, .options = options, .started = monotonic()};
    int rc;

    if ((rc = runner_start(&run.runner, service, err)) == 0) {
        store_resident_let(service->store, STORE_RESIDENT_RUN);
        rc = run_whole(&run, err);
        store_resident_let(service->store, STORE_RESIDENT);
        runner_end(&run.runner);
    }
    if (summary != NULL)
        *summary = progress_of(&run);
    return rc;
}
