/* The workers of a pipeline: each takes a piece of the oldest chunk that has one. The lock is held but where a step is done. */
#include "batch/pipeline_i.h"

#define KEY_AGAIN_US 250000 /* between two tries of a key that is away */

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
    if (rc == 0 && state == SLOT_SIGNING && slot->work->pieces[piece].used_key && pipeline->away_since != 0) {
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

void *pipeline_worker(void *argument)
{
    struct pipeline *pipeline = argument;

    pthread_mutex_lock(&pipeline->lock);
    while (!pipeline->over) {
        struct slot *slot = slot_to_work(pipeline);

        if (slot != NULL)
            piece_work(pipeline, slot);
        else if (key_rests(pipeline))
            pipeline_sleep(pipeline, &pipeline->for_workers, pipeline->key_again);
        else
            pthread_cond_wait(&pipeline->for_workers, &pipeline->lock);
    }
    pthread_mutex_unlock(&pipeline->lock);
    return NULL;
}
