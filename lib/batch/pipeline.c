/* The pipeline of a run. A chunk goes through its slot: claimed, loaded, read and verified in pieces, decided, signed in pieces, stored.
 * Workers take pieces of the oldest chunk that has one; the committing thread puts whatever waits for it into one change, so that a commit
 * serves all: certificates of one chunk, decisions of another, claims of a third. While it waits for the disk the workers go on with other
 * chunks. */

#include "batch/pipeline_i.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SLOTS_MIN 4 /* one being read, one being decided, one being signed, one being stored */

int64_t monotonic(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * SMKI_SECOND + now.tv_nsec / 1000;
}

void pipeline_sleep(struct pipeline *pipeline, pthread_cond_t *condition, int64_t until)
{
    const struct timespec time = {.tv_sec = (time_t)(until / SMKI_SECOND), .tv_nsec = (long)(until % SMKI_SECOND) * 1000};

    pthread_cond_timedwait(condition, &pipeline->lock, &time);
}

/* ---- failures; the lock is held ---- */

void pipeline_fail_locked(struct pipeline *pipeline, int code, const struct smki_error *why)
{
    if (pipeline->code == 0) {
        pipeline->code = code;
        pipeline->error = *why;
    }
    pipeline->ending = true;
    pthread_cond_signal(&pipeline->for_committer);
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
static bool put_aside(struct pipeline *pipeline, uint64_t batch, int code, struct smki_error *why)
{
    size_t i = 0;

    while (i < pipeline->aside_count && pipeline->aside[i] != batch)
        i++;
    if (!is_of_one_batch(code) || i == CLAIM_MAX_ASIDE)
        return false;
    if (i < pipeline->aside_count) /* for another of its chunks */
        return true;
    pipeline->aside[pipeline->aside_count++] = batch;
    smki_error_prefix(why, "batch %llu is put aside", (unsigned long long)batch);
    pipeline->done.trouble = *why;
    return true;
}

void pipeline_kick(struct pipeline *pipeline)
{
    pipeline->kicks++;
    pipeline->claim_again = 0;
    pthread_cond_signal(&pipeline->for_committer);
}

void slot_drop(struct pipeline *pipeline, struct slot *slot, int code, struct smki_error *why)
{
    slot->state = SLOT_FREE;
    if (code != SMKI_LEASE_LOST && code != SMKI_OUTSIDE_WINDOW && !put_aside(pipeline, slot->work->claim.batch, code, why))
        pipeline_fail_locked(pipeline, code, why);
    pipeline_kick(pipeline);
}

/* ---- slots; the lock is held ---- */

void slot_step(struct pipeline *pipeline, struct slot *slot, enum slot_state state, size_t pieces)
{
    slot->state = state;
    slot->pieces = pieces;
    slot->handed = 0;
    if (state == SLOT_READ || state == SLOT_SIGNED)
        pthread_cond_signal(&pipeline->for_committer);
    else
        pthread_cond_broadcast(&pipeline->for_workers);
}

unsigned slots_in_hand(const struct pipeline *pipeline)
{
    unsigned count = 0;

    for (unsigned i = 0; i < pipeline->slot_count; i++)
        count += pipeline->slots[i].state != SLOT_FREE;
    return count;
}

bool pipeline_is_ending(struct pipeline *pipeline)
{
    if (pipeline->setup.stop != NULL && *pipeline->setup.stop != 0)
        pipeline->ending = true;
    return pipeline->ending;
}

/* ---- beginning and end ---- */

static void conditions_make(struct pipeline *pipeline)
{
    pthread_cond_t *const conditions[] = {&pipeline->for_workers, &pipeline->for_committer, &pipeline->for_caller};
    pthread_condattr_t attributes;

    pthread_mutex_init(&pipeline->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    for (size_t i = 0; i < ARRAY_COUNT(conditions); i++)
        pthread_cond_init(conditions[i], &attributes);
    pthread_condattr_destroy(&attributes);
}

static int pipeline_make(struct pipeline *pipeline, const struct pipeline_setup *setup, struct smki_error *err)
{
    int rc;

    pipeline->setup = *setup;
    pipeline->work = (struct work_setup){
        .service = setup->service, .runner = setup->runner, .actor = setup->actor, .ignore_window = setup->ignore_window};
    pipeline->request = (struct claim_request){
        .service = setup->service, .runner = setup->runner, .actor = setup->actor, .ignore_window = setup->ignore_window};
    pipeline->preparing = true;
    conditions_make(pipeline);
    pipeline->slot_count = SLOTS_MIN + setup->workers / 8;
    if (pipeline->slot_count > SLOTS_MAX)
        pipeline->slot_count = SLOTS_MAX;
    if ((rc = smki_service_ca(setup->service, SMKI_DCA, &pipeline->work.ca, err)) != 0)
        return rc;
    for (unsigned i = 0; i < pipeline->slot_count; i++)
        if ((rc = work_create(&pipeline->slots[i].work, &pipeline->work, err)) != 0)
            return rc;
    pipeline->workers = calloc(setup->workers, sizeof(*pipeline->workers));
    return pipeline->workers != NULL ? 0 : smki_fail(err, SMKI_NO_MEMORY, NULL);
}

static void pipeline_free(struct pipeline *pipeline)
{
    for (unsigned i = 0; i < pipeline->slot_count; i++)
        work_destroy(pipeline->slots[i].work);
    pthread_cond_destroy(&pipeline->for_workers);
    pthread_cond_destroy(&pipeline->for_committer);
    pthread_cond_destroy(&pipeline->for_caller);
    pthread_mutex_destroy(&pipeline->lock);
    free(pipeline->workers);
    free(pipeline);
}

static void workers_join(struct pipeline *pipeline)
{
    for (unsigned i = 0; i < pipeline->worker_count; i++)
        pthread_join(pipeline->workers[i], NULL);
}

/* With fewer workers than wanted the work is done all the same. */
static int threads_start(struct pipeline *pipeline, struct smki_error *err)
{
    int errnum = 0;

    while (pipeline->worker_count < pipeline->setup.workers && errnum == 0) {
        errnum = pthread_create(&pipeline->workers[pipeline->worker_count], NULL, pipeline_worker, pipeline);
        pipeline->worker_count += errnum == 0;
    }
    if (pipeline->worker_count != 0 && (errnum = pthread_create(&pipeline->committer, NULL, pipeline_committer, pipeline)) == 0)
        return 0;
    pthread_mutex_lock(&pipeline->lock);
    pipeline->over = true;
    pthread_cond_broadcast(&pipeline->for_workers);
    pthread_mutex_unlock(&pipeline->lock);
    workers_join(pipeline);
    return smki_fail_errno(err, errnum, "no worker thread can be started");
}

int pipeline_start(struct pipeline **out, const struct pipeline_setup *setup, struct smki_error *err)
{
    struct pipeline *pipeline = calloc(1, sizeof(*pipeline));
    int rc;

    *out = NULL;
    if (pipeline == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    if ((rc = pipeline_make(pipeline, setup, err)) != 0 || (rc = threads_start(pipeline, err)) != 0) {
        pipeline_free(pipeline);
        return rc;
    }
    *out = pipeline;
    return 0;
}

void pipeline_preparing(struct pipeline *pipeline, bool preparing)
{
    pthread_mutex_lock(&pipeline->lock);
    pipeline->preparing = preparing;
    pipeline_kick(pipeline);
    pthread_mutex_unlock(&pipeline->lock);
}

void pipeline_prepared(struct pipeline *pipeline, uint64_t batch, int code)
{
    pthread_mutex_lock(&pipeline->lock);
    if (code != 0 && pipeline->preparing) {
        if (pipeline->unprepared_count < CLAIM_MAX_ASIDE)
            pipeline->unprepared[pipeline->unprepared_count++] = batch;
        else
            pipeline->preparing = false; /* with so many in trouble the others wait for none */
    }
    pipeline_kick(pipeline);
    pthread_mutex_unlock(&pipeline->lock);
}

bool pipeline_wait(struct pipeline *pipeline, int64_t us)
{
    const int64_t until = monotonic() + us;
    bool over;

    pthread_mutex_lock(&pipeline->lock);
    while (!pipeline->over && monotonic() < until)
        pipeline_sleep(pipeline, &pipeline->for_caller, until);
    over = pipeline->over;
    pthread_mutex_unlock(&pipeline->lock);
    return over;
}

void pipeline_look(struct pipeline *pipeline, struct pipeline_look *look)
{
    pthread_mutex_lock(&pipeline->lock);
    look->done = pipeline->done;
    look->first_claim = pipeline->first_claim;
    look->ending = pipeline_is_ending(pipeline);
    look->resting = slots_in_hand(pipeline) == 0 && pipeline->outcome != CLAIM_TAKEN && !pipeline->over;
    look->closed = pipeline->outcome == CLAIM_CLOSED;
    look->paused = pipeline->outcome == CLAIM_PAUSED;
    look->away = pipeline->away_since != 0 ? pipeline->away : (struct smki_error){0};
    pthread_mutex_unlock(&pipeline->lock);
}

void pipeline_fail(struct pipeline *pipeline, int code, const struct smki_error *why)
{
    pthread_mutex_lock(&pipeline->lock);
    pipeline_fail_locked(pipeline, code, why);
    pthread_mutex_unlock(&pipeline->lock);
}

int pipeline_end(struct pipeline *pipeline, struct pipeline_look *last, struct smki_error *err)
{
    int rc;

    pthread_mutex_lock(&pipeline->lock);
    pipeline->ending = true;
    pthread_cond_signal(&pipeline->for_committer);
    pthread_mutex_unlock(&pipeline->lock);
    pthread_join(pipeline->committer, NULL);
    workers_join(pipeline);
    pipeline_look(pipeline, last);
    rc = pipeline->code;
    if (rc != 0 && err != NULL)
        *err = pipeline->error;
    pipeline_free(pipeline);
    return rc;
}
