/* A chunk in hand, outside of the store's changes: its memory; read and verify; sign. Nothing is signed before the change that reserved its
 * serial is durable, and a chunk found decided (its runner died) is signed again as decided, never decided again. */
#include "batch/work_i.h"

#include <stdlib.h>
#include <string.h>

/* ---- memory ---- */

size_t pieces_of(size_t csrs)
{
    return (csrs + WORK_PIECE - 1) / WORK_PIECE;
}

static void free_rooms(struct chunk_work *work)
{
    for (size_t i = 0; work->pieces != NULL && i < pieces_of(work->capacity); i++)
        smki_buffer_finish(&work->pieces[i].certificates);
    free(work->requests);
    free(work->csrs);
    free(work->claims);
    free(work->readable);
    free(work->outcome.decisions);
    free(work->chance);
    free(work->certificate_sizes);
    free(work->pieces);
    work->requests = NULL;
    work->csrs = NULL;
    work->claims = NULL;
    work->readable = NULL;
    work->outcome.decisions = NULL;
    work->chance = NULL;
    work->certificate_sizes = NULL;
    work->pieces = NULL;
    work->capacity = 0;
}

static int make_room(struct chunk_work *work, size_t capacity, struct smki_error *err)
{
    if (capacity <= work->capacity)
        return 0;
    free_rooms(work);
    work->requests = calloc(capacity, sizeof(*work->requests));
    work->csrs = calloc(capacity, sizeof(*work->csrs));
    work->claims = calloc(capacity, sizeof(*work->claims));
    work->readable = calloc(capacity, sizeof(*work->readable));
    work->outcome.decisions = calloc(capacity, sizeof(*work->outcome.decisions));
    work->chance = calloc(capacity, sizeof(*work->chance));
    work->certificate_sizes = calloc(capacity, sizeof(*work->certificate_sizes));
    work->pieces = calloc(pieces_of(capacity), sizeof(*work->pieces));
    if (work->requests == NULL || work->csrs == NULL || work->claims == NULL || work->readable == NULL || work->outcome.decisions == NULL ||
        work->chance == NULL || work->certificate_sizes == NULL || work->pieces == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    work->capacity = capacity;
    return 0;
}

int work_create(struct chunk_work **out, struct work_setup *setup, struct smki_error *err)
{
    struct chunk_work *work = calloc(1, sizeof(*work));

    *out = work;
    if (work == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    work->setup = setup;
    return 0;
}

void work_destroy(struct chunk_work *work)
{
    if (work == NULL)
        return;
    free_rooms(work);
    smki_buffer_finish(&work->stored);
    smki_buffer_finish(&work->scratch);
    free(work);
}

struct range piece_range(const struct chunk_work *work, size_t piece)
{
    const size_t first = piece * WORK_PIECE, end = first + WORK_PIECE;

    return (struct range){first, end < work->count ? end : work->count};
}

/* ---- load ---- */

static int load_stored(struct chunk_work *work, struct store_view *view, struct smki_error *err)
{
    const struct claim *claim = &work->claim;
    struct smki_batch batch;
    struct smki_bytes stored;
    int rc;

    if ((rc = store_batch_get(view, claim->batch, &batch, err)) != 0 || (rc = make_room(work, batch.chunk_size, err)) != 0)
        return rc;
    work->party.number = batch.party;
    if ((rc = store_chunk_get(view, claim->batch, claim->chunk, STORE_CHUNK_REQUESTS, &stored, err)) != 0)
        return rc == SMKI_NOT_FOUND ? smki_fail(err, SMKI_STORE_CORRUPT, "chunk %u has no requests", claim->chunk) : rc;
    work->stored.size = 0;
    if ((rc = smki_buffer_append(&work->stored, stored.at, stored.size, err)) != 0)
        return rc;
    work->outcome.stage = 0;
    rc = store_chunk_get(view, claim->batch, claim->chunk, STORE_CHUNK_DECISIONS, &stored, err);
    if (rc == 0)
        return chunk_decisions_read(&work->outcome, work->capacity, stored, err);
    return rc == SMKI_NOT_FOUND ? 0 : rc;
}

static int load_requests(struct chunk_work *work, struct smki_error *err)
{
    struct chunk_reader reader;
    int rc = chunk_requests_open(&reader, (struct smki_bytes){work->stored.at, work->stored.size}, err);

    for (work->count = 0; rc == 0; work->count += rc == 0) {
        struct chunk_request beyond;

        rc = chunk_requests_next(&reader, work->count < work->capacity ? &work->requests[work->count] : &beyond, err);
        if (rc == 0 && work->count == work->capacity)
            rc = smki_fail(err, SMKI_STORE_CORRUPT, "a chunk holds more requests than its size");
    }
    if (rc != SMKI_NOT_FOUND)
        return rc;
    if (work->count == 0)
        return smki_fail(err, SMKI_STORE_CORRUPT, "chunk %u holds no request", work->claim.chunk);
    if (work->outcome.stage != 0 && work->outcome.count != work->count)
        return smki_fail(err, SMKI_STORE_CORRUPT, "a chunk has %zu requests and %zu decisions", work->count, work->outcome.count);
    work->outcome.count = work->count;
    return 0;
}

int work_load(struct chunk_work *work, struct smki_error *err)
{
    const struct smki_random *random = &work->setup->service->random;
    struct store_view *view;
    int rc;

    if ((rc = store_view_begin(work->setup->service->store, &view, err)) != 0)
        return rc;
    rc = load_stored(work, view, err);
    store_view_end(view);
    if (rc != 0 || (rc = load_requests(work, err)) != 0)
        return rc;
    work->given_back = false;
    for (size_t piece = 0; piece < pieces_of(work->count); piece++)
        work->pieces[piece].is_signed = false;
    return random->fill(random->context, work->chance, work->count * sizeof(*work->chance)) == 0 ? 0 : smki_fail(err, SMKI_RANDOM, NULL);
}

/* ---- read and verify: knows no policy ---- */

void decision_refuse(struct decision *decision, int code, const char *text)
{
    memset(decision->serial, 0, sizeof(decision->serial));
    decision->code = code;
    snprintf(decision->text, sizeof(decision->text), "%.*s", (int)sizeof(decision->text) - 1, text);
}

static int read_request(const struct chunk_work *work, struct smki_csr *csr, const struct chunk_request *request, struct smki_error *err)
{
    int rc;

    *csr = (struct smki_csr){0};
    if (request->decode_code != 0)
        return smki_fail(err, request->decode_code, NULL);
    if ((rc = smki_csr_read(csr, SMKI_PROFILE_DEVICE, request->der, err)) != 0)
        return rc;
    if (csr->trailer != 0 && !smki_service_config(work->setup->service)->csr_trailer)
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

/* The fate of a CSR that cannot be read, or whose signature does not verify. */
static int read_failed(struct chunk_work *work, size_t i, int code, const struct smki_error *why, struct smki_error *err)
{
    if (is_passing(code))
        return smki_fail(err, code, "%s", why->text);
    work->readable[i] = false;
    decision_refuse(&work->outcome.decisions[i], code, why->text);
    return 0;
}

static int verify_failed(struct chunk_work *work, size_t i, struct smki_error *err)
{
    struct smki_error why = {0};
    int code = smki_csr_verify(&work->csrs[i], &why); /* once more and by itself: that decides, and has the words */

    return code == 0 ? 0 : read_failed(work, i, code, &why, err);
}

static int read_fresh(struct chunk_work *work, struct range range, struct smki_error *err)
{
    const struct smki_csr *csrs[WORK_PIECE] = {NULL};
    size_t at[WORK_PIECE], count = 0;
    int codes[WORK_PIECE], rc = 0;

    for (size_t i = range.first; i < range.end && rc == 0; i++) {
        struct smki_error why = {0};
        int code = read_request(work, &work->csrs[i], &work->requests[i], &why);

        work->readable[i] = code == 0;
        if (code != 0) {
            rc = read_failed(work, i, code, &why, err);
        } else {
            at[count] = i;
            csrs[count++] = &work->csrs[i];
        }
    }
    if (rc != 0)
        return rc;
    smki_csr_verify_many(csrs, count, codes);
    for (size_t i = 0; i < count && rc == 0; i++)
        if (codes[i] != 0)
            rc = verify_failed(work, at[i], err);
    return rc;
}

/* The same of a chunk that was decided before: what was granted then is read again for signing. No policy: that was asked when it was
 * granted. */
static int read_granted(struct chunk_work *work, struct range range, struct smki_error *err)
{
    for (size_t i = range.first; i < range.end; i++) {
        work->readable[i] = work->outcome.decisions[i].code == 0;
        if (work->readable[i] && smki_csr_read(&work->csrs[i], SMKI_PROFILE_DEVICE, work->requests[i].der, NULL) != 0)
            return smki_fail(err, SMKI_STORE_CORRUPT, "CSR %u was granted and can no longer be read", work->requests[i].index);
    }
    return 0;
}

int work_read(struct chunk_work *work, size_t piece, struct smki_error *err)
{
    const struct range range = piece_range(work, piece);
    int rc = work->outcome.stage == 0 ? read_fresh(work, range, err) : read_granted(work, range, err);

    for (size_t i = range.first; i < range.end && rc == 0; i++) {
        if (work->readable[i])
            work->claims[i] = device_claim(&work->csrs[i], (const uint8_t[SMKI_SERIAL_SIZE]){0});
    }
    return rc;
}

/* ---- sign ---- */

/* Some CSRs of a piece, which are signed with one call of the key. */
struct signing {
    struct chunk_work *work;
    struct piece *piece;
    struct smki_buffer *certificates;
    size_t at[SMKI_ISSUE_TOGETHER], count;
    struct smki_draft drafts[SMKI_ISSUE_TOGETHER];
    struct smki_issuing issuings[SMKI_ISSUE_TOGETHER];
    uint8_t out[SMKI_ISSUE_TOGETHER][SMKI_CERTIFICATE_MAX_SIZE];
};

/* The serial stays: it is void, and recorded as that. */
static void decision_void(struct decision *decision, int code, const char *text)
{
    decision->code = code;
    snprintf(decision->text, sizeof(decision->text), "%.*s", (int)sizeof(decision->text) - 1, text);
}

static int signing_take(struct signing *signing, size_t i, struct smki_error *err)
{
    struct chunk_work *work = signing->work;
    struct decision *decision = &work->outcome.decisions[i];
    const struct smki_serial serial = serial_of(decision->serial);
    const uint32_t proof_every = smki_service_config(work->setup->service)->proof_every;
    const bool proven = atomic_fetch_add(&work->setup->signatures, 1) % proof_every == 0;
    const size_t n = signing->count;
    struct smki_error why = {0};
    int rc = smki_prepare(&signing->drafts[n], work->setup->ca, &work->csrs[i], &serial, work->outcome.not_before, &why);

    if (is_passing(rc))
        return smki_fail(err, rc, "%s", why.text);
    if (rc != 0) {
        decision_void(decision, rc, why.text);
        return 0;
    }
    signing->issuings[n].draft = &signing->drafts[n];
    signing->issuings[n].proof = proven ? SMKI_PROOF_SIGNATURE : SMKI_PROOF_DIGEST;
    signing->issuings[n].out = signing->out[n];
    signing->at[signing->count++] = i;
    return 0;
}

static int signing_keep(struct signing *signing, size_t n, struct smki_error *err)
{
    const struct smki_issuing *issuing = &signing->issuings[n];
    struct chunk_work *work = signing->work;
    int rc;

    if (is_passing(issuing->error.code)) /* the chunk stays decided, and is taken up again */
        return smki_fail(err, issuing->error.code, "%s", issuing->error.text);
    if (issuing->error.code != 0) {
        decision_void(&work->outcome.decisions[signing->at[n]], issuing->error.code, issuing->error.text);
        return 0;
    }
    if ((rc = smki_buffer_append(signing->certificates, issuing->out, issuing->size, err)) == 0)
        work->certificate_sizes[signing->at[n]] = (uint16_t)issuing->size;
    return rc;
}

/* Signs what was taken so far. */
static int signing_do(struct signing *signing, struct smki_error *err)
{
    int rc = smki_issue_many(signing->issuings, signing->count, err);

    signing->piece->used_key = signing->piece->used_key || (rc == 0 && signing->count != 0);
    for (size_t n = 0; n < signing->count && rc == 0; n++)
        rc = signing_keep(signing, n, err);
    signing->count = 0;
    return rc;
}

/* A piece that is signed stays signed when another one of the chunk has to wait for the key. */
int work_sign(struct chunk_work *work, size_t piece, struct smki_error *err)
{
    const struct range range = piece_range(work, piece);
    const size_t together = smki_key_together(smki_ca_key(work->setup->ca));
    struct signing signing; /* large: only what is used of it is touched */
    int rc = 0;

    work->pieces[piece].used_key = false;
    if (work->pieces[piece].is_signed)
        return 0;
    signing.work = work;
    signing.piece = &work->pieces[piece];
    signing.certificates = &work->pieces[piece].certificates;
    signing.certificates->size = 0;
    signing.count = 0;
    for (size_t i = range.first; i < range.end && rc == 0; i++) {
        work->certificate_sizes[i] = 0;
        if (work->outcome.decisions[i].code == 0)
            rc = signing_take(&signing, i, err);
        if (rc == 0 && signing.count == together)
            rc = signing_do(&signing, err);
    }
    if (rc == 0)
        rc = signing_do(&signing, err);
    work->pieces[piece].is_signed = rc == 0;
    return rc;
}

void work_close(struct chunk_work *work)
{
    struct sha256_stream stream;

    sha256_start(&stream);
    for (size_t piece = 0; piece < pieces_of(work->count); piece++)
        sha256_add(&stream, work->pieces[piece].certificates.at, work->pieces[piece].certificates.size);
    sha256_end(&stream, work->certificates_digest);
}
