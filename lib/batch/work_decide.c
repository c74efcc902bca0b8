/* Decide and reserve: one change for a chunk. */
#include "batch/work_i.h"

#include "registry/registry_i.h"

#include <string.h>

static int decide_one(struct chunk_work *work, struct store_change *change, size_t i, uint64_t half, struct smki_error *err)
{
    struct decision *decision = &work->outcome.decisions[i];
    const struct device_question question = {.party = &work->party,
                                             .csr = &work->csrs[i],
                                             .claim = &work->claims[i],
                                             .config = smki_service_config(work->setup->service),
                                             .eligibility = true};
    struct smki_error why = {0};
    int rc = work->party.barred ? smki_fail(&why, SMKI_PARTY_BARRED, NULL) : device_decide(store_change_view(change), &question, &why);

    if (rc != 0) {
        if (rc != SMKI_PARTY_BARRED && !device_is_refusal(rc))
            return smki_fail(err, rc, "%s", why.text);
        decision_refuse(decision, rc, why.text);
        return 0;
    }
    decision->code = 0;
    decision->text[0] = '\0';
    serial_compose(decision->serial, half, work->chance[i]);
    memcpy(work->claims[i].serial, decision->serial, SMKI_SERIAL_SIZE);
    return store_claim_add(change, &work->claims[i], err);
}

int decision_record(const struct chunk_work *work, struct store_change *change, size_t i, enum smki_act act, struct smki_error *err)
{
    const struct decision *decision = &work->outcome.decisions[i];
    struct smki_audit_record record = {
        .act = act,
        .actor = *work->setup->actor,
        .party = work->party.number,
        .subject = work->claim.batch,
        .index = work->requests[i].index,
        .outcome = decision->code,
        .device_id = work->csrs[i].device_id,
    };

    if (decision->code == 0 || act == SMKI_ACT_CSR_VOID)
        record.serial = serial_of(decision->serial);
    snprintf(record.detail, sizeof(record.detail), "%.*s", (int)sizeof(record.detail) - 1, work->requests[i].ref);
    return store_record(change, &record, err);
}

/* A chunk is decided once: a lease that went to another runner and came back to another thread of ours must not have it decided again. */
static int undecided_check(const struct chunk_work *work, struct store_change *change, struct smki_error *err)
{
    struct smki_bytes stored;
    int rc = store_chunk_get(store_change_view(change), work->claim.batch, work->claim.chunk, STORE_CHUNK_DECISIONS, &stored, err);

    return rc == SMKI_NOT_FOUND ? 0 : rc != 0 ? rc : smki_fail(err, SMKI_LEASE_LOST, NULL);
}

/* May run again from the start: what reading said stays, what policy says is overwritten. */
int work_decide(struct chunk_work *work, struct store_change *change, struct smki_error *err)
{
    enum claim_outcome night;
    uint64_t half;
    int rc;

    if ((rc = claim_check(store_change_view(change), &work->claim, work->setup->runner, err)) != 0 ||
        (rc = undecided_check(work, change, err)) != 0)
        return rc;
    if ((rc = night_look(change, work->setup->service, work->setup->ignore_window, &night, err)) != 0)
        return rc;
    work->given_back = night != CLAIM_TAKEN;
    if (work->given_back)
        return claim_give_back(change, &work->claim, work->setup->runner, err);
    if ((rc = party_get(store_change_view(change), work->party.number, &work->party, err)) != 0 ||
        (rc = store_reserve_serials(change, work->count, &half, err)) != 0)
        return rc;
    work->outcome.not_before.us = store_change_time(change).us / SMKI_SECOND * SMKI_SECOND;
    for (size_t i = 0; i < work->count; i++) {
        if (work->readable[i] && (rc = decide_one(work, change, i, half + i, err)) != 0)
            return rc;
        if ((rc = decision_record(work, change, i, SMKI_ACT_CSR_DECIDE, err)) != 0)
            return rc;
    }
    work->outcome.stage = CHUNK_DECIDED;
    if ((rc = chunk_decisions_write(&work->scratch, &work->outcome, err)) != 0)
        return rc;
    return store_chunk_put(change, work->claim.batch, work->claim.chunk, STORE_CHUNK_DECISIONS,
                           (struct smki_bytes){work->scratch.at, work->scratch.size}, err);
}
