/* The night run: worker threads that claim chunks and work them off, and the calling thread that prepares batches, reports progress and
 * ends the run. */
#include "batch/batch_i.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOOK_AGAIN_US 50000     /* a worker with nothing to claim looks again: others may die, batches may come */
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
    int64_t started; /* monotonic, us */
    struct smki_time house_kept;

    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t changed;
    uint64_t turns;                  /* handed out, in the order of the claims */
    uint64_t undecided[WORKERS_MAX]; /* each worker's turn, while its chunk is claimed and not decided; 0: none */
    unsigned places;                 /* of `undecided`, given to workers */
    unsigned active;                 /* worker threads that have not ended */
    unsigned idle;                   /* of these, with nothing to claim */
    bool closed;                     /* the last claim found the window closed */
    bool paused;                     /* the last claim found the night paused by Planned Maintenance */
    bool others;                     /* the last claim found what is left in others' hands */
    bool ending;
    uint64_t aside[CLAIM_MAX_ASIDE]; /* batches in trouble that this run leaves alone */
    size_t aside_count;
    struct smki_run_progress progress;
    int code; /* the first failure */
    struct smki_error error;
};

static int64_t monotonic(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * SMKI_SECOND + now.tv_nsec / 1000;
}

/* Waits on `changed` for at most `us`; the lock is held. */
static void wait_for_change(struct run *run, int64_t us)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)(us % SMKI_SECOND) * 1000;
    until.tv_sec += (time_t)(us / SMKI_SECOND) + until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_cond_timedwait(&run->changed, &run->lock, &until);
}

/* ---- workers ---- */

struct claim_job {
    struct run *run;
    unsigned place; /* in run->undecided */
    struct claim_request request;
    struct claim claim;
    enum claim_outcome outcome;
};

/* Inside the claiming change, so that turns come in the order of the claims; one that runs again keeps its turn. */
static void turn_take(struct claim_job *job)
{
    pthread_mutex_lock(&job->run->lock);
    if (job->run->undecided[job->place] == 0)
        job->run->undecided[job->place] = ++job->run->turns;
    pthread_mutex_unlock(&job->run->lock);
}

static bool somebody_is_before(const struct claim_job *job)
{
    const struct run *run = job->run;

    for (unsigned i = 0; i < run->places; i++)
        if (run->undecided[i] != 0 && run->undecided[i] < run->undecided[job->place])
            return true;
    return false;
}

static void turn_wait(void *context)
{
    struct claim_job *job = context;

    pthread_mutex_lock(&job->run->lock);
    while (somebody_is_before(job))
        pthread_cond_wait(&job->run->changed, &job->run->lock);
    pthread_mutex_unlock(&job->run->lock);
}

static void turn_end(void *context)
{
    struct claim_job *job = context;

    pthread_mutex_lock(&job->run->lock);
    job->run->undecided[job->place] = 0;
    pthread_cond_broadcast(&job->run->changed);
    pthread_mutex_unlock(&job->run->lock);
}

static int claim_change(struct store_change *change, void *argument, struct smki_error *err)
{
    struct claim_job *job = argument;

    turn_take(job);
    return claim_next(change, &job->request, &job->claim, &job->outcome, err);
}

static void fail_run(struct run *run, int code, const struct smki_error *why)
{
    pthread_mutex_lock(&run->lock);
    if (run->code == 0) {
        run->code = code;
        run->error = *why;
    }
    run->ending = true;
    pthread_cond_broadcast(&run->changed);
    pthread_mutex_unlock(&run->lock);
}

bool is_of_one_batch(int code)
{
    static const int codes[] = {SMKI_STORE_CORRUPT, SMKI_INTERNAL,       SMKI_PARTY_UNKNOWN, SMKI_NOT_FOUND,
                                SMKI_TRUNCATED,     SMKI_ZIP_INVALID,    SMKI_XML_INVALID,   SMKI_XML_DTD,
                                SMKI_XML_VERSION,   SMKI_BATCH_TOO_MANY, SMKI_TOO_LARGE};

    for (size_t i = 0; i < ARRAY_COUNT(codes); i++)
        if (codes[i] == code)
            return true;
    return false;
}

/* A chunk that cannot be worked on is the trouble of its batch: this run leaves the batch alone and tells of it; the others go on. */
static int put_aside(struct run *run, uint64_t batch, int code, struct smki_error *why)
{
    int rc = code;

    pthread_mutex_lock(&run->lock);
    if (is_of_one_batch(code) && run->aside_count < CLAIM_MAX_ASIDE) {
        run->aside[run->aside_count++] = batch;
        smki_error_prefix(why, "batch %llu is put aside", (unsigned long long)batch);
        run->progress.trouble = *why;
        rc = 0;
    }
    pthread_mutex_unlock(&run->lock);
    return rc;
}

static void look_aside(struct run *run, struct claim_request *request)
{
    pthread_mutex_lock(&run->lock);
    memcpy(request->aside, run->aside, sizeof(run->aside));
    request->aside_count = run->aside_count;
    pthread_mutex_unlock(&run->lock);
}

static void count_chunk(struct run *run, const struct claim *claim, const struct chunk_tally *tally)
{
    pthread_mutex_lock(&run->lock);
    run->progress.processed += tally->processed;
    run->progress.granted += tally->granted;
    run->progress.refused += tally->refused;
    run->progress.batches_completed += tally->batch_completed;
    run->progress.batch = claim->batch;
    for (size_t i = 0; i < SMKI_RUN_REFUSALS && tally->refusals[i].code != 0; i++)
        refusals_add(run->progress.refusals, tally->refusals[i].code, tally->refusals[i].count);
    pthread_mutex_unlock(&run->lock);
}

/* Nothing to claim just now: wait for the others, or be the one who notices that nothing will come. True when the worker should end. */
static bool worker_rests(struct run *run, enum claim_outcome outcome)
{
    bool ends;

    pthread_mutex_lock(&run->lock);
    run->idle++;
    run->closed = outcome == CLAIM_CLOSED;
    run->paused = outcome == CLAIM_PAUSED;
    run->others = outcome == CLAIM_OTHERS;
    /* while a worker of ours is busy its chunk counts among "others"; once all rest, what is left belongs to other runners */
    if (!run->options->watch && outcome == CLAIM_NONE)
        run->ending = true;
    if (!run->options->watch && (run->closed || run->paused) &&
        run->idle == run->active) /* the last one to rest has paused what was worked on */
        run->ending = true;
    if (run->ending)
        pthread_cond_broadcast(&run->changed);
    else
        wait_for_change(run, LOOK_AGAIN_US);
    ends = run->ending;
    run->idle--;
    pthread_mutex_unlock(&run->lock);
    return ends;
}

static bool run_is_ending(struct run *run)
{
    bool ending;

    if (run->options->stop != NULL && *run->options->stop != 0)
        return true;
    pthread_mutex_lock(&run->lock);
    ending = run->ending;
    pthread_mutex_unlock(&run->lock);
    return ending;
}

static int work_once(struct run *run, struct worker *worker, struct claim_job *job, bool *ends, struct smki_error *err)
{
    const struct turn turn = {.wait = turn_wait, .end = turn_end, .context = job};
    struct chunk_tally tally;
    int rc;

    look_aside(run, &job->request);
    rc = store_change(run->service->store, claim_change, job, err);
    if (rc != 0 || job->outcome != CLAIM_TAKEN) {
        turn_end(job);
        if (rc == 0)
            *ends = worker_rests(run, job->outcome);
        return rc;
    }
    rc = worker_run(worker, &job->claim, &turn, &tally, err);
    turn_end(job);
    /* it took longer than the lease, and somebody else has it; or the night closed or paused before it was decided: nothing of ours was
     * stored */
    if (rc == SMKI_LEASE_LOST || rc == SMKI_OUTSIDE_WINDOW)
        return 0;
    if (rc != 0)
        return put_aside(run, job->claim.batch, rc, err);
    count_chunk(run, &job->claim, &tally);
    return 0;
}

static unsigned place_take(struct run *run)
{
    unsigned place;

    pthread_mutex_lock(&run->lock);
    place = run->places++;
    pthread_mutex_unlock(&run->lock);
    return place;
}

static void *worker_main(void *argument)
{
    struct run *run = argument;
    struct worker *worker = NULL;
    struct claim_job job = {
        .run = run,
        .place = place_take(run),
        .request = {.service = run->service, .runner = &run->runner, .actor = run->actor, .ignore_window = run->options->ignore_window}};
    struct smki_error err = {0};
    bool ends = false;
    int rc = worker_create(&worker, run->service, &job.request, &err);

    while (rc == 0 && !ends && !run_is_ending(run))
        rc = work_once(run, worker, &job, &ends, &err);
    if (rc != 0)
        fail_run(run, rc, &err);
    worker_destroy(worker);
    pthread_mutex_lock(&run->lock);
    run->active--;
    pthread_cond_broadcast(&run->changed);
    pthread_mutex_unlock(&run->lock);
    return NULL;
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

    if (rc != 0)
        return rc;
    pthread_mutex_lock(&run->lock);
    run->progress.waiting = waiting + run->progress.processed;
    pthread_mutex_unlock(&run->lock);
    return 0;
}

/* A batch that cannot be prepared is a trouble to be told of, and no reason to leave everybody else's work. */
static int look_for_work(struct run *run, struct smki_error *err)
{
    struct smki_error trouble = {0};

    trouble.code = batches_prepare(run->service, run->actor, &trouble);
    pthread_mutex_lock(&run->lock);
    if (trouble.code != 0 || run->aside_count == 0)
        run->progress.trouble = trouble;
    pthread_mutex_unlock(&run->lock);
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
        fail_run(run, rc, &err);
}

static void report(struct run *run)
{
    struct smki_run_progress progress;

    pthread_mutex_lock(&run->lock);
    run->progress.seconds = (double)(monotonic() - run->started) / (double)SMKI_SECOND;
    run->progress.rate = run->progress.seconds > 0 ? (double)run->progress.processed / run->progress.seconds : 0;
    run->progress.paused = run->active > 0 && run->idle == run->active;
    progress = run->progress;
    pthread_mutex_unlock(&run->lock);
    if (run->options->progress != NULL)
        run->options->progress(run->options->context, &progress);
}

/* Until the workers have ended: progress, and when watching, a look for new batches now and then. */
static void supervise(struct run *run)
{
    int64_t prepared = monotonic();
    bool working = true;

    while (working) {
        report(run);
        if (!run_is_ending(run) && monotonic() - prepared >= LOOK_US) {
            look_again(run);
            prepared = monotonic();
        }
        pthread_mutex_lock(&run->lock);
        if (run->active > 0)
            wait_for_change(run, PROGRESS_US);
        working = run->active > 0;
        pthread_mutex_unlock(&run->lock);
    }
    report(run);
}

static unsigned worker_count(const struct run *run)
{
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned workers = run->options->workers != 0 ? run->options->workers : smki_service_config(run->service)->runner_workers;

    if (workers == 0)
        workers = cores > 0 ? (unsigned)cores : 1;
    return workers < WORKERS_MAX ? workers : WORKERS_MAX;
}

static int start_workers(struct run *run, pthread_t *threads, unsigned wanted, unsigned *started, struct smki_error *err)
{
    for (*started = 0; *started < wanted; (*started)++) {
        int errnum;

        pthread_mutex_lock(&run->lock);
        run->active++;
        pthread_mutex_unlock(&run->lock);
        errnum = pthread_create(&threads[*started], NULL, worker_main, run);
        if (errnum != 0) {
            pthread_mutex_lock(&run->lock);
            run->active--;
            run->ending = *started == 0;
            pthread_mutex_unlock(&run->lock);
            return *started > 0 ? 0 : smki_fail_errno(err, errnum, "no worker thread can be started");
        }
    }
    return 0;
}

static int run_workers(struct run *run, struct smki_error *err)
{
    pthread_t threads[WORKERS_MAX];
    unsigned started;
    int rc = start_workers(run, threads, worker_count(run), &started, err);

    if (rc == 0)
        supervise(run);
    for (unsigned i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    if (rc == 0 && run->code != 0) {
        rc = run->code;
        if (err != NULL)
            *err = run->error;
    }
    return rc;
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
    if ((rc = record_run(run, SMKI_ACT_RUN, 0, text, err)) != 0)
        return rc;
    return look_for_work(run, err);
}

static int run_ends(struct run *run, int code, struct smki_error *err)
{
    const struct smki_run_progress *progress = &run->progress;
    double rate = progress->rate;
    char text[160];
    int rc;

    snprintf(text, sizeof(text), "ends: %llu CSRs, %llu granted, %llu refused, %llu batches completed",
             (unsigned long long)progress->processed, (unsigned long long)progress->granted, (unsigned long long)progress->refused,
             (unsigned long long)progress->batches_completed);
    if ((rc = record_run(run, SMKI_ACT_RUN, code, text, err)) != 0)
        return rc;
    if (progress->processed >= RATE_MIN_CSRS && !run->options->watch)
        return store_change(run->service->store, keep_rate_change, &rate, err);
    return 0;
}

/* Why a run that does not stay leaves work behind. */
static int what_waits(const struct run *run, struct smki_error *err)
{
    const struct smki_demand_limits *limits = &smki_service_config(run->service)->limits;

    if (run->paused)
        return smki_fail(err, SMKI_MAINTENANCE,
                         "Planned Maintenance pauses the night and CSRs wait; use --watch to wait for its end, or 'smki maintenance end'");
    if (run->closed)
        return smki_fail(err, SMKI_OUTSIDE_WINDOW,
                         "the processing window (%02u:%02u to %02u:%02u UK time) is closed and CSRs wait; use --watch to wait for it, or "
                         "--ignore-window",
                         limits->night_start / 60, limits->night_start % 60, limits->night_end / 60, limits->night_end % 60);
    return 0;
}

static int run_whole(struct run *run, struct smki_error *err)
{
    struct smki_error ending = {0};
    int rc = run_begins(run, err), end_rc;

    if (rc == 0)
        rc = run_workers(run, err);
    if (rc == 0 && run->options->stop != NULL && *run->options->stop != 0)
        rc = smki_fail(err, SMKI_INTERRUPTED, NULL);
    if (rc == 0 && !run->options->watch && run->progress.trouble.code != 0)
        rc = smki_fail(err, run->progress.trouble.code, "%s", run->progress.trouble.text);
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
    pthread_condattr_t attributes;
    int rc;

    pthread_mutex_init(&run.lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&run.changed, &attributes);
    pthread_condattr_destroy(&attributes);
    if ((rc = runner_start(&run.runner, service, err)) == 0) {
        rc = run_whole(&run, err);
        runner_end(&run.runner);
    }
    if (summary != NULL)
        *summary = run.progress;
    pthread_cond_destroy(&run.changed);
    pthread_mutex_destroy(&run.lock);
    return rc;
}
