/* The states of a batch and the moves between them (interfaces.md 6), as a table. */
#include "batch/batch_i.h"

#include <string.h>

static const struct {
    enum smki_batch_state from;
    enum batch_event event;
    enum smki_batch_state to;
} moves[] = {
    {SMKI_STATE_PENDING, BATCH_APPROVE, SMKI_STATE_PARSING},
    {SMKI_STATE_PENDING, BATCH_REJECT, SMKI_STATE_REJECTED},
    {SMKI_STATE_PARSING, BATCH_PARSED, SMKI_STATE_QUEUED},
    {SMKI_STATE_PARSING, BATCH_FOUND_TAMPERED, SMKI_STATE_TAMPERED},
    {SMKI_STATE_PARSING, BATCH_REJECT, SMKI_STATE_REJECTED},
    {SMKI_STATE_QUEUED, BATCH_CLAIMED, SMKI_STATE_PROCESSING},
    {SMKI_STATE_PROCESSING, BATCH_CLAIMED, SMKI_STATE_PROCESSING},
    {SMKI_STATE_PAUSED, BATCH_CLAIMED, SMKI_STATE_PROCESSING},
    {SMKI_STATE_PROCESSING, BATCH_WINDOW_CLOSED, SMKI_STATE_PAUSED},
    {SMKI_STATE_PROCESSING, BATCH_LAST_CHUNK_DONE, SMKI_STATE_COMPLETED},
    {SMKI_STATE_PAUSED, BATCH_LAST_CHUNK_DONE, SMKI_STATE_COMPLETED}, /* the chunk in hand when the window closed */
};

static const char *const words[] = {
    [SMKI_STATE_PENDING] = "PENDING",     [SMKI_STATE_REJECTED] = "REJECTED",     [SMKI_STATE_PARSING] = "PARSING",
    [SMKI_STATE_QUEUED] = "QUEUED",       [SMKI_STATE_PROCESSING] = "PROCESSING", [SMKI_STATE_PAUSED] = "PAUSED",
    [SMKI_STATE_COMPLETED] = "COMPLETED", [SMKI_STATE_TAMPERED] = "TAMPERED",
};

const char *smki_batch_state_word(enum smki_batch_state state)
{
    return (size_t)state < ARRAY_COUNT(words) && words[state] != NULL ? words[state] : "UNKNOWN";
}

bool smki_batch_state_is_final(enum smki_batch_state state)
{
    return state == SMKI_STATE_REJECTED || state == SMKI_STATE_COMPLETED || state == SMKI_STATE_TAMPERED;
}

int batch_move(struct smki_batch *batch, enum batch_event event, struct smki_error *err)
{
    static const char *const verbs[] = {"approved", "rejected", "parsed", "found tampered with", "worked on", "paused", "completed"};

    for (size_t i = 0; i < ARRAY_COUNT(moves); i++)
        if (moves[i].from == batch->state && moves[i].event == event) {
            batch->state = moves[i].to;
            return 0;
        }
    return smki_fail(err, SMKI_BATCH_STATE, "batch %llu is %s and cannot be %s", (unsigned long long)batch->id,
                     smki_batch_state_word(batch->state), verbs[event]);
}

int batch_move_recorded(struct store_change *change, struct smki_batch *batch, enum batch_event event, enum smki_act act,
                        const struct smki_actor *actor, struct smki_error *err)
{
    struct smki_audit_record record = {.act = act, .actor = *actor, .party = batch->party, .subject = batch->id};
    const enum smki_batch_state before = batch->state;
    int rc = batch_move(batch, event, err);

    if (rc != 0)
        return rc;
    snprintf(record.detail, sizeof(record.detail), "%s to %s%s%.*s", smki_batch_state_word(before), smki_batch_state_word(batch->state),
             batch->reason[0] != '\0' ? ": " : "", (int)sizeof(record.detail) - 40, batch->reason);
    if (batch->state == SMKI_STATE_TAMPERED)
        record.outcome = SMKI_BATCH_TAMPERED;
    if ((rc = store_batch_put(change, batch, err)) != 0)
        return rc;
    return store_record(change, &record, err);
}
