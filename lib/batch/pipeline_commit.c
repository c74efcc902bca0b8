/* The committing thread of a pipeline: whatever waits for it goes into one change. */
#include "batch/pipeline_i.h"

#include <string.h>

#define LOOK_AGAIN_US 50000 /* with nothing to claim: others may die, batches may come */

/* What goes into one change. */
struct commit {
    struct pipeline *pipeline;
    struct slot *store[SLOTS_MAX], *decide[SLOTS_MAX]; /* in the order of their claims */
    struct slot *give[SLOTS_MAX];                      /* claimed and not begun: given back, since the run ends */
    struct slot *renew[SLOTS_MAX];                     /* in hand for so long that their leases are renewed */
    size_t store_count, decide_count, give_count, renew_count;
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

/* What is another's by now is found to be when it is decided or stored. */
static int renew(struct store_change *change, const struct pipeline *pipeline, const struct slot *slot, struct smki_error *err)
{
    int rc = claim_renew(change, pipeline->setup.service, &slot->work->claim, pipeline->setup.runner, err);

    return rc == SMKI_LEASE_LOST ? 0 : rc;
}

/* May run again from the start. */
static int commit_change(struct store_change *change, void *argument, struct smki_error *err)
{
    struct commit *commit = argument;
    int rc = 0;

    for (size_t i = 0; i < commit->renew_count && rc == 0; i++)
        rc = renew(change, commit->pipeline, commit->renew[i], err);
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

static void slot_give(struct commit *commit, struct slot *slot)
{
    slot->state = SLOT_GIVEN;
    commit->give[commit->give_count++] = slot;
}

/* A slow key may have a chunk for longer than its lease. */
static bool is_due_for_renewal(const struct pipeline *pipeline, const struct slot *slot)
{
    return monotonic() - slot->leased > smki_service_config(pipeline->setup.service)->runner_lease / 3;
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
        else if (slot->state == SLOT_CLAIMED && pipeline_is_ending(pipeline))
            slot_give(commit, slot);
        else
            before = before || is_undecided(slot);
        if (slot->state != SLOT_SIGNED && slot->state != SLOT_GIVEN && is_due_for_renewal(pipeline, slot))
            commit->renew[commit->renew_count++] = slot;
    }
    in_hand -= (unsigned)commit->store_count;
    request->preparing = pipeline->preparing;
    memcpy(request->unprepared, pipeline->unprepared, sizeof(request->unprepared));
    request->unprepared_count = pipeline->unprepared_count;
    if (!pipeline_is_ending(pipeline) && (commit->store_count + commit->decide_count != 0 || monotonic() >= pipeline->claim_again))
        commit->claims_wanted = pipeline->slot_count - in_hand;
    memcpy(request->aside, pipeline->aside, sizeof(request->aside));
    request->aside_count = pipeline->aside_count;
    return commit->store_count + commit->decide_count + commit->give_count + commit->renew_count + commit->claims_wanted != 0;
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
        slot->leased = monotonic();
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
        key_use_stored(pipeline->setup.service, SMKI_DCA, commit->store[i]->work->tally.granted);
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
    for (size_t i = 0; i < commit->renew_count; i++)
        commit->renew[i]->leased = monotonic();
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
    pipeline_fail_locked(pipeline, code, why);
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

void *pipeline_committer(void *argument)
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
        } else if (pipeline_is_ending(pipeline) && slots_in_hand(pipeline) == 0) {
            pipeline->over = true;
        } else {
            pipeline_sleep(pipeline, &pipeline->for_committer, monotonic() + LOOK_AGAIN_US);
        }
    }
    pthread_cond_broadcast(&pipeline->for_workers);
    pthread_cond_signal(&pipeline->for_caller);
    pthread_mutex_unlock(&pipeline->lock);
    return NULL;
}
