/* The work on one chunk: read and verify, decide and reserve, sign, store. Nothing is signed before the change that reserved its serial is
 * durable, and a chunk found decided (its runner died) is signed again as decided, never decided again. */
#include "batch/batch_i.h"

#include "registry/registry_i.h"

#include <stdlib.h>
#include <string.h>

struct worker {
    struct smki_service *service;
    const struct runner *runner;
    const struct smki_actor *actor;
    bool ignore_window;
    const struct smki_ca *ca;
    uint64_t signatures; /* made by this worker: every n-th is verified */

    /* the chunk in hand */
    const struct claim *claim;
    struct smki_party party;
    struct smki_buffer stored; /* its requests; chunk_request.der and csr spans point in here */
    size_t count, capacity;
    struct chunk_request *requests;
    struct smki_csr *csrs;
    bool *readable; /* well formed, and its signature verifies */
    struct chunk_decisions outcome;
    uint8_t (*chance)[8];
    struct smki_buffer certificates; /* DER, one after the other */
    size_t *certificate_sizes;       /* 0: none */
    struct smki_buffer scratch;
    struct smki_draft draft;
    bool given_back; /* the night closed or paused before it was decided */
    struct chunk_tally tally;
};

static void worker_free_rooms(struct worker *worker)
{
    free(worker->requests);
    free(worker->csrs);
    free(worker->readable);
    free(worker->outcome.decisions);
    free(worker->chance);
    free(worker->certificate_sizes);
    worker->requests = NULL;
    worker->csrs = NULL;
    worker->readable = NULL;
    worker->outcome.decisions = NULL;
    worker->chance = NULL;
    worker->certificate_sizes = NULL;
    worker->capacity = 0;
}

static int worker_make_room(struct worker *worker, size_t capacity, struct smki_error *err)
{
    if (capacity <= worker->capacity)
        return 0;
    worker_free_rooms(worker);
    worker->requests = calloc(capacity, sizeof(*worker->requests));
    worker->csrs = calloc(capacity, sizeof(*worker->csrs));
    worker->readable = calloc(capacity, sizeof(*worker->readable));
    worker->outcome.decisions = calloc(capacity, sizeof(*worker->outcome.decisions));
    worker->chance = calloc(capacity, sizeof(*worker->chance));
    worker->certificate_sizes = calloc(capacity, sizeof(*worker->certificate_sizes));
    if (worker->requests == NULL || worker->csrs == NULL || worker->readable == NULL || worker->outcome.decisions == NULL ||
        worker->chance == NULL || worker->certificate_sizes == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    worker->capacity = capacity;
    return 0;
}

int worker_create(struct worker **out, struct smki_service *service, const struct claim_request *request, struct smki_error *err)
{
    struct worker *worker = calloc(1, sizeof(*worker));
    int rc;

    *out = NULL;
    if (worker == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    worker->service = service;
    worker->runner = request->runner;
    worker->actor = request->actor;
    worker->ignore_window = request->ignore_window;
    if ((rc = smki_service_ca(service, SMKI_DCA, &worker->ca, err)) != 0) {
        worker_destroy(worker);
        return rc;
    }
    *out = worker;
    return 0;
}

void worker_destroy(struct worker *worker)
{
    if (worker == NULL)
        return;
    worker_free_rooms(worker);
    smki_buffer_finish(&worker->stored);
    smki_buffer_finish(&worker->certificates);
    smki_buffer_finish(&worker->scratch);
    free(worker);
}

/* ---- load ---- */

static int load_stored(struct worker *worker, struct store_view *view, struct smki_error *err)
{
    const struct claim *claim = worker->claim;
    struct smki_batch batch;
    struct smki_bytes stored;
    int rc;

    if ((rc = store_batch_get(view, claim->batch, &batch, err)) != 0 || (rc = worker_make_room(worker, batch.chunk_size, err)) != 0)
        return rc;
    worker->party.number = batch.party;
    if ((rc = store_chunk_get(view, claim->batch, claim->chunk, STORE_CHUNK_REQUESTS, &stored, err)) != 0)
        return rc == SMKI_NOT_FOUND ? smki_fail(err, SMKI_STORE_CORRUPT, "chunk %u has no requests", claim->chunk) : rc;
    worker->stored.size = 0;
    if ((rc = smki_buffer_append(&worker->stored, stored.at, stored.size, err)) != 0)
        return rc;
    worker->outcome.stage = 0;
    rc = store_chunk_get(view, claim->batch, claim->chunk, STORE_CHUNK_DECISIONS, &stored, err);
    if (rc == 0)
        return chunk_decisions_read(&worker->outcome, worker->capacity, stored, err);
    return rc == SMKI_NOT_FOUND ? 0 : rc;
}

static int load_requests(struct worker *worker, struct smki_error *err)
{
    struct chunk_reader reader;
    int rc = chunk_requests_open(&reader, (struct smki_bytes){worker->stored.at, worker->stored.size}, err);

    for (worker->count = 0; rc == 0; worker->count += rc == 0) {
        struct chunk_request beyond;

        rc = chunk_requests_next(&reader, worker->count < worker->capacity ? &worker->requests[worker->count] : &beyond, err);
        if (rc == 0 && worker->count == worker->capacity)
            rc = smki_fail(err, SMKI_STORE_CORRUPT, "a chunk holds more requests than its size");
    }
    if (rc != SMKI_NOT_FOUND)
        return rc;
    if (worker->outcome.stage != 0 && worker->outcome.count != worker->count)
        return smki_fail(err, SMKI_STORE_CORRUPT, "a chunk has %zu requests and %zu decisions", worker->count, worker->outcome.count);
    worker->outcome.count = worker->count;
    return 0;
}

static int load(struct worker *worker, struct smki_error *err)
{
    struct store_view *view;
    int rc;

    if ((rc = store_view_begin(worker->service->store, &view, err)) != 0)
        return rc;
    rc = load_stored(worker, view, err);
    store_view_end(view);
    return rc != 0 ? rc : load_requests(worker, err);
}

/* ---- read and verify: knows no policy ---- */

static void refuse(struct decision *decision, int code, const char *text)
{
    memset(decision->serial, 0, sizeof(decision->serial));
    decision->code = code;
    snprintf(decision->text, sizeof(decision->text), "%.*s", (int)sizeof(decision->text) - 1, text);
}

static int read_request(const struct worker *worker, struct smki_csr *csr, const struct chunk_request *request, struct smki_error *err)
{
    int rc;

    *csr = (struct smki_csr){0};
    if (request->decode_code != 0)
        return smki_fail(err, request->decode_code, NULL);
    if ((rc = smki_csr_read(csr, SMKI_PROFILE_DEVICE, request->der, err)) != 0)
        return rc;
    if (csr->trailer != 0 && !smki_service_config(worker->service)->csr_trailer)
        return smki_fail(err, SMKI_CSR_MALFORMED, "%zu octet%s the request", csr->trailer, csr->trailer == 1 ? " follows" : "s follow");
    return 0;
}

/* Not about the CSR: what would be a fate only because memory ran out or the key could not be had just now must not become one. */
static bool is_passing(int code)
{
    static const int codes[] = {SMKI_NO_MEMORY,      SMKI_RANDOM,          SMKI_IO,
                                SMKI_DISK_FULL,      SMKI_PERMISSION,      SMKI_CA_KEY_UNAVAILABLE,
                                SMKI_KEY_UNREADABLE, SMKI_KEY_PERMISSIONS, SMKI_KEY_PASSPHRASE};

    for (size_t i = 0; i < ARRAY_COUNT(codes); i++)
        if (codes[i] == code)
            return true;
    return false;
}

static int read_all(struct worker *worker, struct smki_error *err)
{
    for (size_t i = 0; i < worker->count; i++) {
        struct smki_error why = {0};
        int rc = read_request(worker, &worker->csrs[i], &worker->requests[i], &why);

        if (rc == 0)
            rc = smki_csr_verify(&worker->csrs[i], &why);
        if (is_passing(rc))
            return smki_fail(err, rc, "%s", why.text);
        worker->readable[i] = rc == 0;
        if (rc != 0)
            refuse(&worker->outcome.decisions[i], rc, why.text);
    }
    return 0;
}

/* The same for a chunk that was decided before: what was granted then is read again for signing. */
static int read_granted(struct worker *worker, struct smki_error *err)
{
    for (size_t i = 0; i < worker->count; i++) {
        if (worker->outcome.decisions[i].code != 0)
            continue;
        if (smki_csr_read(&worker->csrs[i], SMKI_PROFILE_DEVICE, worker->requests[i].der, NULL) !=
            0) /* no policy: that was asked when it was granted */
            return smki_fail(err, SMKI_STORE_CORRUPT, "CSR %u was granted and can no longer be read", worker->requests[i].index);
    }
    return 0;
}

/* ---- decide and reserve: one change ---- */

static int decide_one(struct worker *worker, struct store_change *change, size_t i, uint64_t half, struct smki_error *err)
{
    struct decision *decision = &worker->outcome.decisions[i];
    const struct device_question question = {
        .party = &worker->party, .csr = &worker->csrs[i], .config = smki_service_config(worker->service), .eligibility = true};
    struct smki_error why = {0};
    struct store_claim claim;
    int rc = worker->party.barred ? smki_fail(&why, SMKI_PARTY_BARRED, NULL) : device_decide(store_change_view(change), &question, &why);

    if (rc != 0) {
        if (rc != SMKI_PARTY_BARRED && !device_is_refusal(rc))
            return smki_fail(err, rc, "%s", why.text);
        refuse(decision, rc, why.text);
        return 0;
    }
    decision->code = 0;
    decision->text[0] = '\0';
    serial_compose(decision->serial, half, worker->chance[i]);
    claim = device_claim(&worker->csrs[i], decision->serial);
    return store_claim_add(change, &claim, err);
}

static int record_decision(struct worker *worker, struct store_change *change, size_t i, enum smki_act act, struct smki_error *err)
{
    const struct decision *decision = &worker->outcome.decisions[i];
    struct smki_audit_record record = {
        .act = act,
        .actor = *worker->actor,
        .party = worker->party.number,
        .subject = worker->claim->batch,
        .index = worker->requests[i].index,
        .outcome = decision->code,
        .device_id = worker->csrs[i].device_id,
    };

    if (decision->code == 0 || act == SMKI_ACT_CSR_VOID)
        record.serial = serial_of(decision->serial);
    snprintf(record.detail, sizeof(record.detail), "%.*s", (int)sizeof(record.detail) - 1, worker->requests[i].ref);
    return store_record(change, &record, err);
}

/* A chunk is decided once: a lease that went to another runner and came back to another thread of ours must not have it decided again. */
static int undecided_check(const struct worker *worker, struct store_change *change, struct smki_error *err)
{
    struct smki_bytes stored;
    int rc = store_chunk_get(store_change_view(change), worker->claim->batch, worker->claim->chunk, STORE_CHUNK_DECISIONS, &stored, err);

    return rc == SMKI_NOT_FOUND ? 0 : rc != 0 ? rc : smki_fail(err, SMKI_LEASE_LOST, NULL);
}

/* May run again from the start (see store_i.h): what reading said stays, what policy says is overwritten. */
static int decide_change(struct store_change *change, void *argument, struct smki_error *err)
{
    struct worker *worker = argument;
    enum claim_outcome night;
    uint64_t half;
    int rc;

    if ((rc = claim_check(store_change_view(change), worker->claim, worker->runner, err)) != 0 ||
        (rc = undecided_check(worker, change, err)) != 0)
        return rc;
    if ((rc = night_look(change, worker->service, worker->ignore_window, &night, err)) != 0)
        return rc;
    worker->given_back = night != CLAIM_TAKEN;
    if (worker->given_back)
        return claim_give_back(change, worker->claim, worker->runner, err);
    if ((rc = party_get(store_change_view(change), worker->party.number, &worker->party, err)) != 0 ||
        (rc = store_reserve_serials(change, worker->count, &half, err)) != 0)
        return rc;
    worker->outcome.not_before.us = store_change_time(change).us / SMKI_SECOND * SMKI_SECOND;
    for (size_t i = 0; i < worker->count; i++) {
        if (worker->readable[i] && (rc = decide_one(worker, change, i, half + i, err)) != 0)
            return rc;
        if ((rc = record_decision(worker, change, i, SMKI_ACT_CSR_DECIDE, err)) != 0)
            return rc;
    }
    worker->outcome.stage = CHUNK_DECIDED;
    if ((rc = chunk_decisions_write(&worker->scratch, &worker->outcome, err)) != 0)
        return rc;
    return store_chunk_put(change, worker->claim->batch, worker->claim->chunk, STORE_CHUNK_DECISIONS,
                           (struct smki_bytes){worker->scratch.at, worker->scratch.size}, err);
}

static int decide(struct worker *worker, struct smki_error *err)
{
    const struct smki_random *random = &worker->service->random;
    int rc = random->fill(random->context, worker->chance, worker->count * sizeof(*worker->chance));

    if (rc != 0)
        return smki_fail(err, rc, NULL);
    return store_change(worker->service->store, decide_change, worker, err);
}

/* ---- sign ---- */

static int sign_one(struct worker *worker, size_t i, uint8_t out[SMKI_CERTIFICATE_MAX_SIZE], size_t *size, struct smki_error *err)
{
    const struct smki_serial serial = serial_of(worker->outcome.decisions[i].serial);
    const bool proven = worker->signatures++ % smki_service_config(worker->service)->proof_every == 0;
    int rc = smki_prepare(&worker->draft, worker->ca, &worker->csrs[i], &serial, worker->outcome.not_before, err);

    return rc != 0 ? rc : smki_issue(out, size, &worker->draft, proven ? SMKI_PROOF_SIGNATURE : SMKI_PROOF_DIGEST, err);
}

static int sign_all(struct worker *worker, struct smki_error *err)
{
    uint8_t certificate[SMKI_CERTIFICATE_MAX_SIZE];
    int rc = 0;

    worker->certificates.size = 0;
    for (size_t i = 0; i < worker->count; i++) {
        struct decision *decision = &worker->outcome.decisions[i];
        struct smki_error why = {0};
        size_t size = 0;

        worker->certificate_sizes[i] = 0;
        if (decision->code != 0)
            continue;
        rc = sign_one(worker, i, certificate, &size, &why);
        if (is_passing(rc)) /* the chunk stays decided, and is taken up again */
            return smki_fail(err, rc, "%s", why.text);
        if (rc != 0) {
            decision->code = rc; /* the serial stays: it is void, and recorded as that */
            snprintf(decision->text, sizeof(decision->text), "%.*s", (int)sizeof(decision->text) - 1, why.text);
            continue;
        }
        if ((rc = smki_buffer_append(&worker->certificates, certificate, size, err)) != 0)
            return rc;
        worker->certificate_sizes[i] = size;
    }
    return 0;
}

/* ---- store: one change ---- */

static int store_one(struct worker *worker, struct store_change *change, size_t i, size_t offset, struct smki_error *err)
{
    const struct decision *decision = &worker->outcome.decisions[i];
    struct store_certificate certificate = {
        .ca = STORE_CA_DCA,
        .der = {worker->certificates.at + offset, worker->certificate_sizes[i]},
        .party = worker->party.number,
        .batch = worker->claim->batch,
        .index = worker->requests[i].index,
        .issued_at = worker->outcome.not_before,
    };

    memcpy(certificate.serial, decision->serial, SMKI_SERIAL_SIZE);
    return store_certificate_add(change, &certificate, err);
}

/* A granted CSR whose signing failed: its key may be asked for again, and its serial is on record as void. */
static int void_one(struct worker *worker, struct store_change *change, size_t i, struct smki_error *err)
{
    struct decision *decision = &worker->outcome.decisions[i];
    const struct store_claim claim = device_claim(&worker->csrs[i], decision->serial);
    int rc = store_claim_remove(change, &claim, err);

    if (rc != 0 && rc != SMKI_NOT_FOUND)
        return rc;
    return record_decision(worker, change, i, SMKI_ACT_CSR_VOID, err);
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

static int store_certificates(struct worker *worker, struct store_change *change, struct smki_error *err)
{
    size_t offset = 0;
    int rc = 0;

    worker->tally = (struct chunk_tally){.processed = (uint32_t)worker->count};
    for (size_t i = 0; i < worker->count && rc == 0; i++) {
        const struct decision *decision = &worker->outcome.decisions[i];

        if (decision->code == 0)
            rc = store_one(worker, change, i, offset, err);
        else if (has_serial(decision))
            rc = void_one(worker, change, i, err);
        offset += worker->certificate_sizes[i];
        worker->tally.granted += decision->code == 0;
        worker->tally.refused += decision->code != 0;
        if (decision->code != 0)
            refusals_add(worker->tally.refusals, decision->code, 1);
    }
    return rc;
}

/* One record for the chunk: which CSRs, how many certificates, and the SHA-256 over these in their order (smki/audit.h). Each one's serial
 * is in its CSR's own record. */
static int record_chunk(struct worker *worker, struct store_change *change, struct smki_error *err)
{
    const uint32_t first = worker->requests[0].index, last = worker->requests[worker->count - 1].index; /* no chunk is empty */
    struct smki_audit_record record = {.act = SMKI_ACT_CHUNK_ISSUE,
                                       .actor = *worker->actor,
                                       .party = worker->party.number,
                                       .subject = worker->claim->batch,
                                       .index = first};
    uint8_t digest[SHA256_SIZE];
    char hex[2 * SHA256_SIZE + 1];

    sha256(digest, worker->certificates.at, worker->certificates.size);
    snprintf(record.detail, sizeof(record.detail), "chunk %u: CSRs %u to %u, %u certificates, sha256 %s", worker->claim->chunk, first, last,
             worker->tally.granted, hex_encode(hex, digest, sizeof(digest)));
    return store_record(change, &record, err);
}

static int count_chunk(struct worker *worker, struct store_change *change, struct smki_error *err)
{
    struct smki_batch batch;
    int rc = store_batch_get(store_change_view(change), worker->claim->batch, &batch, err);

    if (rc != 0 || (rc = night_done_add(change, worker->service, worker->tally.processed, err)) != 0)
        return rc;
    batch.chunks_done++;
    batch.processed += worker->tally.processed;
    batch.granted += worker->tally.granted;
    batch.refused += worker->tally.refused;
    if (batch.chunks_done < batch.chunks)
        return store_batch_put(change, &batch, err);
    worker->tally.batch_completed = true;
    batch.completed_at = store_change_time(change);
    return batch_move_recorded(change, &batch, BATCH_LAST_CHUNK_DONE, SMKI_ACT_BATCH_STATE, worker->actor, err);
}

static int finish_change(struct store_change *change, void *argument, struct smki_error *err)
{
    struct worker *worker = argument;
    const struct claim *claim = worker->claim;
    struct smki_bytes decisions;
    int rc;

    if ((rc = claim_check(store_change_view(change), claim, worker->runner, err)) != 0 ||
        (rc = store_certificates(worker, change, err)) != 0)
        return rc;
    worker->outcome.stage = CHUNK_DONE;
    if ((rc = chunk_decisions_write(&worker->scratch, &worker->outcome, err)) != 0)
        return rc;
    decisions = (struct smki_bytes){worker->scratch.at, worker->scratch.size};
    if ((rc = store_chunk_put(change, claim->batch, claim->chunk, STORE_CHUNK_DECISIONS, decisions, err)) != 0 ||
        (rc = store_chunk_remove(change, claim->batch, claim->chunk, STORE_CHUNK_LEASE, err)) != 0 ||
        (rc = record_chunk(worker, change, err)) != 0)
        return rc;
    return count_chunk(worker, change, err);
}

int worker_run(struct worker *worker, const struct claim *claim, const struct turn *turn, struct chunk_tally *tally, struct smki_error *err)
{
    int rc;

    worker->claim = claim;
    if ((rc = load(worker, err)) != 0)
        return rc;
    worker->given_back = false;
    if (worker->outcome.stage == 0) {
        if ((rc = read_all(worker, err)) == 0) {
            turn->wait(turn->context);
            rc = decide(worker, err);
        }
    } else {
        rc = read_granted(worker, err);
    }
    turn->end(turn->context);
    if (rc == 0 && worker->given_back)
        rc = smki_fail(err, SMKI_OUTSIDE_WINDOW, NULL);
    if (rc != 0)
        return rc;
    if ((rc = sign_all(worker, err)) != 0 || (rc = store_change(worker->service->store, finish_change, worker, err)) != 0)
        return rc;
    *tally = worker->tally;
    return 0;
}
