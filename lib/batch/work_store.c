/* Certificates, their record, and the batch's counts: one change for a chunk. */
#include "batch/work_i.h"

#include <string.h>

static int store_one(struct chunk_work *work, struct store_change *change, size_t i, const uint8_t *der, struct smki_error *err)
{
    const struct decision *decision = &work->outcome.decisions[i];
    struct store_certificate certificate = {
        .ca = STORE_CA_DCA,
        .der = {der, work->certificate_sizes[i]},
        .party = work->party.number,
        .batch = work->claim.batch,
        .index = work->requests[i].index,
        .issued_at = work->outcome.not_before,
    };

    memcpy(certificate.serial, decision->serial, SMKI_SERIAL_SIZE);
    return store_certificate_add(change, &certificate, err);
}

/* A granted CSR whose signing failed: its key may be asked for again, and its serial is on record as void. */
static int void_one(struct chunk_work *work, struct store_change *change, size_t i, struct smki_error *err)
{
    struct store_claim claim = work->claims[i];
    int rc;

    memcpy(claim.serial, work->outcome.decisions[i].serial, SMKI_SERIAL_SIZE);
    rc = store_claim_remove(change, &claim, err);
    if (rc != 0 && rc != SMKI_NOT_FOUND)
        return rc;
    return decision_record(work, change, i, SMKI_ACT_CSR_VOID, err);
}

static bool has_serial(const struct decision *decision)
{
    static const uint8_t none[SMKI_SERIAL_SIZE];

    return memcmp(decision->serial, none, sizeof(none)) != 0;
}

void refusals_add(struct smki_refusal_count counts[SMKI_RUN_REFUSALS], int code, uint64_t count)
{
    for (size_t i = 0; i < SMKI_RUN_REFUSALS; i++)
        if (counts[i].code == code || counts[i].code == 0) {
            counts[i].code = code;
            counts[i].count += count;
            return;
        }
}

static int store_piece(struct chunk_work *work, struct store_change *change, size_t piece, struct smki_error *err)
{
    const struct range range = piece_range(work, piece);
    const uint8_t *der = work->pieces[piece].certificates.at;
    int rc = 0;

    for (size_t i = range.first; i < range.end && rc == 0; i++) {
        const struct decision *decision = &work->outcome.decisions[i];

        if (decision->code == 0)
            rc = store_one(work, change, i, der, err);
        else if (has_serial(decision))
            rc = void_one(work, change, i, err);
        if (work->certificate_sizes[i] != 0)
            der += work->certificate_sizes[i];
        work->tally.granted += decision->code == 0;
        work->tally.refused += decision->code != 0;
        if (decision->code != 0)
            refusals_add(work->tally.refusals, decision->code, 1);
    }
    return rc;
}

static int store_certificates(struct chunk_work *work, struct store_change *change, struct smki_error *err)
{
    int rc = 0;

    work->tally = (struct chunk_tally){.processed = (uint32_t)work->count};
    for (size_t piece = 0; piece < pieces_of(work->count) && rc == 0; piece++)
        rc = store_piece(work, change, piece, err);
    return rc;
}

/* One record for the chunk: which CSRs, how many certificates, and the SHA-256 over these in their order (smki/audit.h). Each one's serial
 * is in its CSR's own record. */
static int record_chunk(struct chunk_work *work, struct store_change *change, struct smki_error *err)
{
    const uint32_t first = work->requests[0].index, last = work->requests[work->count - 1].index; /* no chunk is empty */
    struct smki_audit_record record = {.act = SMKI_ACT_CHUNK_ISSUE,
                                       .actor = *work->setup->actor,
                                       .party = work->party.number,
                                       .subject = work->claim.batch,
                                       .index = first};
    char hex[2 * SHA256_SIZE + 1];

    snprintf(record.detail, sizeof(record.detail), "chunk %u: CSRs %u to %u, %u certificates, sha256 %s", work->claim.chunk, first, last,
             work->tally.granted, hex_encode(hex, work->certificates_digest, SHA256_SIZE));
    return store_record(change, &record, err);
}

static int count_chunk(struct chunk_work *work, struct store_change *change, struct smki_error *err)
{
    struct smki_batch batch;
    int rc = store_batch_get(store_change_view(change), work->claim.batch, &batch, err);

    if (rc != 0 || (rc = night_done_add(change, work->setup->service, work->tally.processed, err)) != 0)
        return rc;
    batch.chunks_done++;
    batch.processed += work->tally.processed;
    batch.granted += work->tally.granted;
    batch.refused += work->tally.refused;
    if (batch.chunks_done < batch.chunks)
        return store_batch_put(change, &batch, err);
    if (batch.processed != batch.csrs) /* such as one that two runners have cut into chunks of different sizes */
        return smki_fail(err, SMKI_STORE_CORRUPT, "its chunks hold %u CSRs of %u", batch.processed, batch.csrs);
    work->tally.batch_completed = true;
    batch.completed_at = store_change_time(change);
    return batch_move_recorded(change, &batch, BATCH_LAST_CHUNK_DONE, SMKI_ACT_BATCH_STATE, work->setup->actor, err);
}

int work_store(struct chunk_work *work, struct store_change *change, struct smki_error *err)
{
    const struct claim *claim = &work->claim;
    struct smki_bytes decisions;
    int rc;

    if ((rc = claim_check(store_change_view(change), claim, work->setup->runner, err)) != 0 ||
        (rc = store_certificates(work, change, err)) != 0)
        return rc;
    work->outcome.stage = CHUNK_DONE;
    if ((rc = chunk_decisions_write(&work->scratch, &work->outcome, err)) != 0)
        return rc;
    decisions = (struct smki_bytes){work->scratch.at, work->scratch.size};
    if ((rc = store_chunk_put(change, claim->batch, claim->chunk, STORE_CHUNK_DECISIONS, decisions, err)) != 0 ||
        (rc = store_chunk_remove(change, claim->batch, claim->chunk, STORE_CHUNK_LEASE, err)) != 0 ||
        (rc = record_chunk(work, change, err)) != 0)
        return rc;
    return count_chunk(work, change, err);
}
