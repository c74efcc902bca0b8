/* The pipeline of a run. A chunk goes through its slot: claimed, loaded, read and verified in pieces, decided, signed in pieces, stored.
 * Workers take pieces of the oldest chunk that has one; the committing thread puts whatever waits for it into one change, so that a commit
 * serves all: certificates of one chunk, decisions of another, claims of a third. While it waits for the disk the workers go on with other
 * chunks. */
#include "batch/work_i.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOOK_AGAIN_US 50000  /* with nothing to claim: others may die, batches may come */
#define KEY_AGAIN_US  250000 /* between two tries of a key that is away */
#define SLOTS_MIN     4      /* one being read, one being decided, one being signed, one being stored */
#define SLOTS_MAX     64

enum slot_state {
    SLOT_FREE,
    SLOT_CLAIMED, /* to be loaded */
    SLOT_LOADING,
    SLOT_READING, /* pieces are given to workers */
    SLOT_READ,    /* to be decided */
    SLOT_SIGNING, /* pieces are given to workers */
    SLOT_CLOSING,
    SLOT_SIGNED, /* to be stored */
    SLOT_GIVEN,  /* being given back */
};

struct slot {
    enum slot_state state;
    struct chunk_work *work;
    uint64_t turn;         /* in the order of the claims */
    size_t pieces, handed; /* of the step in hand: in all, given to workers */
    unsigned out;          /* pieces that workers have now */
    int code;              /* the first failure of a piece */
    struct smki_error error;
};

struct pipeline {
    struct pipeline_setup setup;
    struct work_setup work;
    struct claim_request request; /* the committing thread's */
    unsigned slot_count;
    pthread_t committer, *workers;
    unsigned worker_count;

    pthread_mutex_t lock;       /* guards all below, and the slots; a work is its step's */
    pthread_cond_t for_workers; /* a piece may be there */
    pthread_cond_t for_committer;
    pthread_cond_t for_caller;
    struct slot slots[SLOTS_MAX];
    uint64_t turns;
    enum claim_outcome outcome; /* of the last claim */
    int64_t claim_again;        /* monotonic: not before, unless something else is committed */
    uint64_t kicks;             /* how often something has happened that a claim may not have seen */
    bool preparing, ending, over;
    uint64_t unprepared[CLAIM_MAX_ASIDE];
    size_t unprepared_count;
    uint64_t aside[CLAIM_MAX_ASIDE]; /* batches in trouble that this run leaves alone */
    size_t aside_count;
    struct smki_run_progress done;
    int64_t first_claim;
    int64_t away_since; /* the CA's key cannot be used: its chunks stay decided, and wait; 0: it can */
    int64_t key_again;  /* not before is it tried again */
    struct smki_error away;
    int code; /* the first failure */
    struct smki_error error;
};

int64_t monotonic(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * SMKI_SECOND + now.tv_nsec / 1000;
}

/* The lock is held. */
static void wait_until(struct pipeline *pipeline, pthread_cond_t *condition, int64_t until)
{
    const struct timespec time = {.tv_sec = (time_t)(until / SMKI_SECOND), .tv_nsec = (long)(until % SMKI_SECOND) * 1000};

    pthread_cond_timedwait(condition, &pipeline->lock, &time);
}

/* ---- failures; the lock is held ---- */

static void fail_locked(struct pipeline *pipeline, int code, const struct smki_error *why)
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

/* What has happened may change what can be claimed. */
static void kick(struct pipeline *pipeline)
{
    pipeline->kicks++;
    pipeline->claim_again = 0;
    pthread_cond_signal(&pipeline->for_committer);
}

/* It comes to nothing: either it took longer than the lease, and somebody else has it, or the night closed or paused before it was decided,
 * or it failed. Nothing of it was stored. */
static void slot_drop(struct pipeline *pipeline, struct slot *slot, int code, struct smki_error *why)
{
    slot->state = SLOT_FREE;
    if (code != SMKI_LEASE_LOST && code != SMKI_OUTSIDE_WINDOW && !put_aside(pipeline, slot->work->claim.batch, code, why))
        fail_locked(pipeline, code, why);
    kick(pipeline);
}

/* ---- workers; the lock is held but where a step is done ---- */

static void slot_step(struct pipeline *pipeline, struct slot *slot, enum slot_state state, size_t pieces)
{
    slot->state = state;
    slot->pieces = pieces;
    slot->handed = 0;
    if (state == SLOT_READ || state == SLOT_SIGNED)
        pthread_cond_signal(&pipeline->for_committer);
    else
        pthread_cond_broadcast(&pipeline->for_workers);
}

/* While the key is away nothing is signed but for a try now and then; a run that ends tries once more and gives up. */
static bool key_rests(const struct pipeline *pipeline)
{
    return pipeline->away_since != 0 && !pipeline->ending && monotonic() < pipeline->key_again;
}

static bool has_piece(const struct pipeline *pipeline, const struct slot *slot)
{
    if (slot->state == SLOT_SIGNING && key_rests(pipeline))
        return false;
    switch (slot->state) {
    case SLOT_CLAIMED:
    case SLOT_READING:
    case SLOT_SIGNING:
        return slot->code == 0 && slot->handed < slot->pieces;
    default:
        return false;
    }
}

/* The oldest chunk with something to do. */
static struct slot *slot_to_work(struct pipeline *pipeline)
{
    struct slot *oldest = NULL;

    for (unsigned i = 0; i < pipeline->slot_count; i++) {
        struct slot *slot = &pipeline->slots[i];
        if (has_piece(pipeline, slot) && (oldest == NULL || slot->turn < oldest->turn))
            oldest = slot;
    }
    return oldest;
}

static int piece_do(struct slot *slot, enum slot_state state, size_t piece, struct smki_error *err)
{
    switch (state) {
    case SLOT_LOADING:
        return work_load(slot->work, err);
    case SLOT_READING:
        return work_read(slot->work, piece, err);
    case SLOT_SIGNING:
        return work_sign(slot->work, piece, err);
    default:
        return smki_fail(err, SMKI_INTERNAL, "a chunk without a step to do");
    }
}

/* A key on a token comes back by itself; how long that is waited for is configured. */
static bool waits_for_key(struct pipeline *pipeline, const struct slot *slot)
{
    const int64_t patience = smki_service_config(pipeline->setup.service)->pkcs11_patience;

    if (slot->state != SLOT_SIGNING || slot->code != SMKI_CA_KEY_UNAVAILABLE || pipeline->ending ||
        !smki_key_on_token(smki_ca_key(pipeline->work.ca)))
        return false;
    return pipeline->setup.watch || pipeline->away_since == 0 || monotonic() - pipeline->away_since < patience;
}

/* What was signed of the chunk stays signed. */
static void slot_rest(struct pipeline *pipeline, struct slot *slot)
{
    const int64_t now = monotonic();

    if (pipeline->away_since == 0)
        pipeline->away_since = now;
    pipeline->key_again = now + KEY_AGAIN_US;
    pipeline->away = slot->error;
    smki_error_prefix(&pipeline->away, "the night is paused, and goes on when the CA's key can be used again");
    slot->code = 0;
    slot_step(pipeline, slot, SLOT_SIGNING, pieces_of(slot->work->count));
}

/* All pieces of its step are done. */
static void slot_advance(struct pipeline *pipeline, struct slot *slot)
{
    const size_t pieces = pieces_of(slot->work->count);

    if (slot->code != 0 && waits_for_key(pipeline, slot)) {
        slot_rest(pipeline, slot);
    } else if (slot->code != 0) {
        slot_drop(pipeline, slot, slot->code, &slot->error);
    } else if (slot->state == SLOT_LOADING) {
        slot_step(pipeline, slot, SLOT_READING, pieces);
    } else if (slot->state == SLOT_READING && slot->work->outcome.stage == 0) {
        slot_step(pipeline, slot, SLOT_READ, 0);
    } else if (slot->state == SLOT_READING) { /* decided before */
        slot_step(pipeline, slot, SLOT_SIGNING, pieces);
    } else {
        slot->state = SLOT_CLOSING;
        pthread_mutex_unlock(&pipeline->lock);
        work_close(slot->work);
        pthread_mutex_lock(&pipeline->lock);
        slot_step(pipeline, slot, SLOT_SIGNED, 0);
    }
}

static void piece_work(struct pipeline *pipeline, struct slot *slot)
{
    const size_t piece = slot->handed++;
    struct smki_error err = {0};
    enum slot_state state;
    int rc;

    if (slot->state == SLOT_CLAIMED)
        slot->state = SLOT_LOADING;
    state = slot->state;
    slot->out++;
    pthread_mutex_unlock(&pipeline->lock);
    rc = piece_do(slot, state, piece, &err);
    pthread_mutex_lock(&pipeline->lock);
    slot->out--;
    if (rc == 0 && state == SLOT_SIGNING && pipeline->away_since != 0) {
        pipeline->away_since = 0;
        pthread_cond_broadcast(&pipeline->for_workers);
    }
    if (rc != 0 && slot->code == 0) {
        slot->code = rc;
        slot->error = err;
    }
    if (slot->out == 0 && (slot->code != 0 || slot->handed == slot->pieces))
        slot_advance(pipeline, slot);
}

static void *worker_main(void *argument)
{
    struct pipeline *pipeline = argument;

    pthread_mutex_lock(&pipeline->lock);
    while (!pipeline->over) {
        struct slot *slot = slot_to_work(pipeline);

        if (slot != NULL)
            piece_work(pipeline, slot);
        else if (key_rests(pipeline))
            wait_until(pipeline, &pipeline->for_workers, pipeline->key_again);
        else
            pthread_cond_wait(&pipeline->for_workers, &pipeline->lock);
    }
    pthread_mutex_unlock(&pipeline->lock);
    return NULL;
}

/* ---- the committing thread ---- */

/* What goes into one change. */
struct commit {
    struct pipeline *pipeline;
    struct slot *store[SLOTS_MAX], *decide[SLOTS_MAX]; /* in the order of their claims */
    struct slot *give[SLOTS_MAX];                      /* claimed and not begun: given back, since the run ends */
    size_t store_count, decide_count, give_count;
    uint64_t kicks; /* when it was gathered */
    size_t claims_wanted, claims;
    struct claim claim[SLOTS_MAX];
    enum claim_outcome outcome;
};

static int commit_claims(struct commit *commit, struct store_change *change, struct smki_error *err)
{
    int rc = 0;

    commit->outcome = CLAIM_TAKEN;
    for (commit->claims = 0; rc == 0 && commit->claims < commit->claims_wanted && commit->outcome == CLAIM_TAKEN;
         commit->claims += rc == 0 && commit->outcome == CLAIM_TAKEN)
        rc = claim_next(change, &commit->pipeline->request, &commit->claim[commit->claims], &commit->outcome, err);
    return rc;
}

/* Unless somebody else has it already. */
static int give_back(struct store_change *change, const struct claim *claim, const struct runner *runner, struct smki_error *err)
{
    int rc = claim_check(store_change_view(change), claim, runner, NULL);

    if (rc == SMKI_LEASE_LOST)
        return 0;
    return rc != 0 ? smki_fail(err, rc, NULL) : claim_give_back(change, claim, runner, err);
}

/* May run again from the start. */
static int commit_change(struct store_change *change, void *argument, struct smki_error *err)
{
    struct commit *commit = argument;
    int rc = 0;

    for (size_t i = 0; i < commit->store_count && rc == 0; i++)
        rc = work_store(commit->store[i]->work, change, err);
    for (size_t i = 0; i < commit->decide_count && rc == 0; i++)
        rc = work_decide(commit->decide[i]->work, change, err);
    for (size_t i = 0; i < commit->give_count && rc == 0; i++)
        rc = give_back(change, &commit->give[i]->work->claim, commit->pipeline->setup.runner, err);
    return rc != 0 ? rc : commit_claims(commit, change, err);
}

/* ---- its gathering and its outcome; the lock is held ---- */

static bool is_undecided(const struct slot *slot)
{
    return slot->state >= SLOT_CLAIMED && slot->state <= SLOT_READ;
}

/* The slot that comes next in the order of the claims after `turn`; NULL after the last. */
static struct slot *slot_after(struct pipeline *pipeline, uint64_t turn)
{
    struct slot *next = NULL;

    for (unsigned i = 0; i < pipeline->slot_count; i++) {
        struct slot *slot = &pipeline->slots[i];
        if (slot->state != SLOT_FREE && slot->turn > turn && (next == NULL || slot->turn < next->turn))
            next = slot;
    }
    return next;
}

static unsigned slots_in_hand(const struct pipeline *pipeline)
{
    unsigned count = 0;

    for (unsigned i = 0; i < pipeline->slot_count; i++)
        count += pipeline->slots[i].state != SLOT_FREE;
    return count;
}

static bool run_is_ending(struct pipeline *pipeline)
{
    if (pipeline->setup.stop != NULL && *pipeline->setup.stop != 0)
        pipeline->ending = true;
    return pipeline->ending;
}

static void slot_give(struct commit *commit, struct slot *slot)
{
    slot->state = SLOT_GIVEN;
    commit->give[commit->give_count++] = slot;
}

/* False: nothing waits for a change. */
static bool commit_gather(struct commit *commit, struct pipeline *pipeline)
{
    struct claim_request *request = &pipeline->request;
    unsigned in_hand = slots_in_hand(pipeline);
    bool before = false; /* somebody before is not read yet */

    *commit = (struct commit){.pipeline = pipeline, .outcome = pipeline->outcome, .kicks = pipeline->kicks};
    for (struct slot *slot = slot_after(pipeline, 0); slot != NULL; slot = slot_after(pipeline, slot->turn)) {
        if (slot->state == SLOT_SIGNED)
            commit->store[commit->store_count++] = slot;
        else if (slot->state == SLOT_READ && !before)
            commit->decide[commit->decide_count++] = slot;
        else if (slot->state == SLOT_CLAIMED && run_is_ending(pipeline))
            slot_give(commit, slot);
        else
            before = before || is_undecided(slot);
    }
    in_hand -= (unsigned)commit->store_count;
    request->preparing = pipeline->preparing;
    memcpy(request->unprepared, pipeline->unprepared, sizeof(request->unprepared));
    request->unprepared_count = pipeline->unprepared_count;
    if (!run_is_ending(pipeline) && (commit->store_count + commit->decide_count != 0 || monotonic() >= pipeline->claim_again))
        commit->claims_wanted = pipeline->slot_count - in_hand;
    memcpy(request->aside, pipeline->aside, sizeof(request->aside));
    request->aside_count = pipeline->aside_count;
    return commit->store_count + commit->decide_count + commit->give_count + commit->claims_wanted != 0;
}

static void count_chunk(struct pipeline *pipeline, const struct chunk_work *work)
{
    const struct chunk_tally *tally = &work->tally;
    struct smki_run_progress *done = &pipeline->done;

    done->processed += tally->processed;
    done->granted += tally->granted;
    done->refused += tally->refused;
    done->batches_completed += tally->batch_completed;
    done->batch = work->claim.batch;
    for (size_t i = 0; i < SMKI_RUN_REFUSALS && tally->refusals[i].code != 0; i++)
        refusals_add(done->refusals, tally->refusals[i].code, tally->refusals[i].count);
}

static struct slot *slot_free(struct pipeline *pipeline)
{
    unsigned i = 0;

    while (pipeline->slots[i].state != SLOT_FREE)
        i++;
    return &pipeline->slots[i];
}

static void take_claims(struct commit *commit, struct pipeline *pipeline)
{
    for (size_t i = 0; i < commit->claims; i++) {
        struct slot *slot = slot_free(pipeline);

        slot->work->claim = commit->claim[i];
        slot->turn = ++pipeline->turns;
        slot->code = 0;
        slot_step(pipeline, slot, SLOT_CLAIMED, 1);
    }
    if (commit->claims != 0 && pipeline->first_claim == 0)
        pipeline->first_claim = monotonic();
    if (commit->claims_wanted == 0)
        return;
    pipeline->outcome = commit->outcome;
    if (commit->outcome == CLAIM_TAKEN || commit->kicks != pipeline->kicks)
        return;
    pipeline->claim_again = monotonic() + LOOK_AGAIN_US;
    if (commit->outcome == CLAIM_OTHERS || pipeline->setup.watch || pipeline->preparing || slots_in_hand(pipeline) != 0)
        return;
    pipeline->ending = true; /* nothing waits, or the night closed or paused and the last one has paused what was worked on */
}

static void commit_done(struct commit *commit, struct pipeline *pipeline)
{
    struct smki_error none = {0};

    for (size_t i = 0; i < commit->store_count; i++) {
        count_chunk(pipeline, commit->store[i]->work);
        commit->store[i]->state = SLOT_FREE;
    }
    for (size_t i = 0; i < commit->decide_count; i++) {
        struct slot *slot = commit->decide[i];

        if (slot->work->given_back)
            slot_drop(pipeline, slot, SMKI_OUTSIDE_WINDOW, &none);
        else
            slot_step(pipeline, slot, SLOT_SIGNING, pieces_of(slot->work->count));
    }
    for (size_t i = 0; i < commit->give_count; i++)
        commit->give[i]->state = SLOT_FREE;
    take_claims(commit, pipeline);
}

/* ---- it does them ---- */

static int commit_try(struct commit *commit, struct smki_error *err)
{
    struct pipeline *pipeline = commit->pipeline;
    int rc = store_change(pipeline->setup.service->store, commit_change, commit, err);

    if (rc == 0) {
        pthread_mutex_lock(&pipeline->lock);
        commit_done(commit, pipeline);
        pthread_mutex_unlock(&pipeline->lock);
    }
    return rc;
}

static void commit_alone(struct commit *alone, struct slot *slot)
{
    struct pipeline *pipeline = alone->pipeline;
    struct smki_error err = {0};
    int rc = commit_try(alone, &err);

    if (rc == 0)
        return;
    pthread_mutex_lock(&pipeline->lock);
    slot_drop(pipeline, slot, rc, &err);
    pthread_mutex_unlock(&pipeline->lock);
}

static void fail_claims(struct pipeline *pipeline, int code, const struct smki_error *why)
{
    pthread_mutex_lock(&pipeline->lock);
    fail_locked(pipeline, code, why);
    pthread_mutex_unlock(&pipeline->lock);
}

/* One part has failed, and with it all: each by itself, so that the failure is found to be whose it is. Claims come with the next change.
 */
static void commit_apart(const struct commit *commit, int code, const struct smki_error *why)
{
    struct pipeline *pipeline = commit->pipeline;

    if (commit->store_count + commit->decide_count + commit->give_count == 0)
        fail_claims(pipeline, code, why);
    for (size_t i = 0; i < commit->store_count; i++)
        commit_alone(&(struct commit){.pipeline = pipeline, .store = {commit->store[i]}, .store_count = 1}, commit->store[i]);
    for (size_t i = 0; i < commit->decide_count; i++)
        commit_alone(&(struct commit){.pipeline = pipeline, .decide = {commit->decide[i]}, .decide_count = 1}, commit->decide[i]);
    for (size_t i = 0; i < commit->give_count; i++)
        commit_alone(&(struct commit){.pipeline = pipeline, .give = {commit->give[i]}, .give_count = 1}, commit->give[i]);
}

static void *committer_main(void *argument)
{
    struct pipeline *pipeline = argument;
    struct smki_error err;
    struct commit commit;
    int rc;

    pthread_mutex_lock(&pipeline->lock);
    while (!pipeline->over) {
        if (commit_gather(&commit, pipeline)) {
            pthread_mutex_unlock(&pipeline->lock);
            err = (struct smki_error){0};
            if ((rc = commit_try(&commit, &err)) != 0)
                commit_apart(&commit, rc, &err);
            pthread_mutex_lock(&pipeline->lock);
        } else if (run_is_ending(pipeline) && slots_in_hand(pipeline) == 0) {
            pipeline->over = true;
        } else {
            wait_until(pipeline, &pipeline->for_committer, monotonic() + LOOK_AGAIN_US);
        }
    }
    pthread_cond_broadcast(&pipeline->for_workers);
    pthread_cond_signal(&pipeline->for_caller);
    pthread_mutex_unlock(&pipeline->lock);
    return NULL;
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
        errnum = pthread_create(&pipeline->workers[pipeline->worker_count], NULL, worker_main, pipeline);
        pipeline->worker_count += errnum == 0;
    }
    if (pipeline->worker_count != 0 && (errnum = pthread_create(&pipeline->committer, NULL, committer_main, pipeline)) == 0)
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
    kick(pipeline);
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
    kick(pipeline);
    pthread_mutex_unlock(&pipeline->lock);
}

bool pipeline_wait(struct pipeline *pipeline, int64_t us)
{
    const int64_t until = monotonic() + us;
    bool over;

    pthread_mutex_lock(&pipeline->lock);
    while (!pipeline->over && monotonic() < until)
        wait_until(pipeline, &pipeline->for_caller, until);
    over = pipeline->over;
    pthread_mutex_unlock(&pipeline->lock);
    return over;
}

void pipeline_look(struct pipeline *pipeline, struct pipeline_look *look)
{
    pthread_mutex_lock(&pipeline->lock);
    look->done = pipeline->done;
    look->first_claim = pipeline->first_claim;
    look->ending = run_is_ending(pipeline);
    look->resting = slots_in_hand(pipeline) == 0 && pipeline->outcome != CLAIM_TAKEN && !pipeline->over;
    look->closed = pipeline->outcome == CLAIM_CLOSED;
    look->paused = pipeline->outcome == CLAIM_PAUSED;
    look->away = pipeline->away_since != 0 ? pipeline->away : (struct smki_error){0};
    pthread_mutex_unlock(&pipeline->lock);
}

void pipeline_fail(struct pipeline *pipeline, int code, const struct smki_error *why)
{
    pthread_mutex_lock(&pipeline->lock);
    fail_locked(pipeline, code, why);
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
