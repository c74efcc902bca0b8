/* The ledger: every certificate in the store has a record that names its serial, and every record that says so has its certificate.
 *
 * Kept while the log is read: the time-ordered halves (smki.h: unique in a store) of the serials whose certificates were found, eight
 * octets each, and the granted CSRs whose certificates are not there. At the end the distinct halves are as many as there are certificates,
 * or some certificate has no record; and what is still missing belongs to batches that are not completed, or to a single request that was
 * cut off before it was signed. That the certificates are the ones that were made is for grant.c. */
#include "audit/audit_i.h"

#include <stdlib.h>
#include <string.h>

struct missing {
    uint64_t sequence;
    uint64_t batch; /* 0: the CSR came alone */
    uint8_t serial[SMKI_SERIAL_SIZE];
};

struct ledger {
    struct smki_buffer found;   /* of uint64_t */
    struct smki_buffer missing; /* of struct missing */
    struct grants grants;
};

int ledger_open(struct ledger **out, struct smki_error *err)
{
    *out = calloc(1, sizeof(**out));
    return *out != NULL ? 0 : smki_fail(err, SMKI_NO_MEMORY, NULL);
}

void ledger_close(struct ledger *ledger)
{
    if (ledger == NULL)
        return;
    smki_buffer_finish(&ledger->found);
    smki_buffer_finish(&ledger->missing);
    grants_finish(&ledger->grants);
    free(ledger);
}

/* What a record says of the certificate with its serial. */
enum claim { CLAIM_NONE, CLAIM_IS_THERE, CLAIM_WILL_BE_THERE, CLAIM_NEVER };

static enum claim claim_of(const struct smki_audit_record *record)
{
    static const struct {
        enum smki_act act;
        enum claim claim;
    } claims[] = {
        {SMKI_ACT_INIT, CLAIM_IS_THERE},
        {SMKI_ACT_CREDENTIAL_ISSUE, CLAIM_IS_THERE},
        {SMKI_ACT_CERTIFICATE_ISSUE, CLAIM_IS_THERE},
        {SMKI_ACT_CSR_DECIDE, CLAIM_WILL_BE_THERE},
        {SMKI_ACT_CSR_VOID, CLAIM_NEVER},
    };

    if (record->serial.size != SMKI_SERIAL_SIZE)
        return CLAIM_NONE;
    for (size_t i = 0; i < ARRAY_COUNT(claims); i++)
        if (claims[i].act == record->act)
            return claims[i].claim == CLAIM_NEVER || record->outcome == 0 ? claims[i].claim : CLAIM_NONE;
    return CLAIM_NONE;
}

/* 0, or NOT_FOUND with err untouched. */
static int certificate_is_there(struct store_view *view, const uint8_t serial[SMKI_SERIAL_SIZE])
{
    struct store_certificate certificate;

    return store_certificate_find(view, serial, &certificate, NULL);
}

static void missing_remove(struct ledger *ledger, const uint8_t serial[SMKI_SERIAL_SIZE])
{
    struct missing *missing = (struct missing *)(void *)ledger->missing.at;
    size_t count = ledger->missing.size / sizeof(*missing);

    for (size_t i = count; i-- > 0;) { /* what goes void was granted not long ago */
        if (memcmp(missing[i].serial, serial, SMKI_SERIAL_SIZE) != 0)
            continue;
        missing[i] = missing[count - 1];
        ledger->missing.size -= sizeof(*missing);
        return;
    }
}

static int found_add(struct ledger *ledger, const uint8_t serial[SMKI_SERIAL_SIZE], struct smki_error *err)
{
    struct cursor cursor = cursor_of(BYTES(serial, SMKI_SERIAL_SIZE));
    uint64_t half = cursor_u64(&cursor);

    return smki_buffer_append(&ledger->found, &half, sizeof(half), err);
}

static int missing_add(struct ledger *ledger, const struct smki_audit_record *record, struct smki_error *err)
{
    struct missing missing = {.sequence = record->sequence, .batch = record->index != 0 ? record->subject : 0};

    memcpy(missing.serial, record->serial.octet, SMKI_SERIAL_SIZE);
    return smki_buffer_append(&ledger->missing, &missing, sizeof(missing), err);
}

static int ledger_fail(const struct smki_audit_record *record, const char *what, struct smki_error *err)
{
    char serial[2 * 20 + 1];

    return smki_fail(err, SMKI_AUDIT_BROKEN, "record %llu: %s certificate %s%s", (unsigned long long)record->sequence,
                     smki_act_word(record->act), smki_serial_text(&record->serial, serial), what);
}

/* The serial of the record against the certificates there are. */
static int presence_check(struct ledger *ledger, struct store_view *view, const struct smki_audit_record *record, struct smki_error *err)
{
    enum claim claim = claim_of(record);
    int there;

    if (claim == CLAIM_NONE)
        return 0;
    there = certificate_is_there(view, record->serial.octet);
    if (there == SMKI_STORE_CORRUPT)
        return ledger_fail(record, " can no longer be read", err);
    if (there != 0 && there != SMKI_NOT_FOUND)
        return smki_fail(err, there, "reading the certificate of record %llu", (unsigned long long)record->sequence);
    if (claim == CLAIM_NEVER) {
        missing_remove(ledger, record->serial.octet);
        return there == 0 ? ledger_fail(record, " is in the store, though the log says it was never made", err) : 0;
    }
    if (there == 0)
        return found_add(ledger, record->serial.octet, err);
    if (claim == CLAIM_IS_THERE)
        return ledger_fail(record, " is not in the store", err);
    return missing_add(ledger, record, err);
}

/* What the log says is revoked is revoked in the store, or it would not be on the next CRL. */
static int revocation_check(struct store_view *view, const struct smki_audit_record *record, struct smki_error *err)
{
    struct store_certificate certificate;
    int rc;

    if (record->act != SMKI_ACT_CERTIFICATE_REVOKE || record->outcome != 0)
        return 0;
    rc = store_certificate_find(view, record->serial.octet, &certificate, NULL);
    if (rc != 0 || certificate.revoked_at.us == 0)
        return ledger_fail(record, " is revoked by the log, and not in the store", err);
    return 0;
}

int ledger_add(struct ledger *ledger, struct store_view *view, const struct smki_audit_record *record, struct smki_error *err)
{
    struct smki_audit_record named = *record;
    int rc = grants_add(&ledger->grants, view, &named, err);

    if (rc != 0 || (rc = revocation_check(view, record, err)) != 0)
        return rc;
    return presence_check(ledger, view, &named, err);
}

/* ---- the end ---- */

static int compare_halves(const void *a, const void *b)
{
    const uint64_t *left = a, *right = b;

    return (*left > *right) - (*left < *right);
}

static uint64_t distinct_halves(struct ledger *ledger)
{
    uint64_t *half = (uint64_t *)(void *)ledger->found.at;
    size_t count = ledger->found.size / sizeof(*half);
    uint64_t distinct = count != 0;

    if (count == 0)
        return 0;
    qsort(half, count, sizeof(*half), compare_halves);
    for (size_t i = 1; i < count; i++)
        distinct += half[i] != half[i - 1];
    return distinct;
}

/* What was missing when its record was read may have been made since. */
static int missing_settle(struct ledger *ledger, struct store_view *view, const struct missing *missing, struct smki_error *err)
{
    char serial[2 * SMKI_SERIAL_SIZE + 1];
    struct smki_batch batch;
    int rc;

    if ((rc = certificate_is_there(view, missing->serial)) == 0)
        return found_add(ledger, missing->serial, err);
    if (rc != SMKI_NOT_FOUND)
        return smki_fail(err, rc, "reading the certificate of record %llu", (unsigned long long)missing->sequence);
    if (missing->batch == 0)
        return 0;
    if ((rc = store_batch_get(view, missing->batch, &batch, err)) != 0 && rc != SMKI_BATCH_UNKNOWN)
        return rc;
    if (rc == 0 && batch.state != SMKI_STATE_COMPLETED)
        return 0;
    return smki_fail(err, SMKI_AUDIT_BROKEN, "record %llu: the certificate %s granted in batch %llu is not in the store",
                     (unsigned long long)missing->sequence, hex_encode(serial, missing->serial, SMKI_SERIAL_SIZE),
                     (unsigned long long)missing->batch);
}

static int certificates_all(struct store_view *view, uint64_t *all, struct smki_error *err)
{
    uint64_t count;
    int rc;

    *all = 0;
    for (enum store_ca ca = STORE_CA_OCA; ca <= STORE_CA_DCA_ROOT; ca++) {
        if ((rc = store_certificate_count(view, ca, &count, err)) != 0)
            return rc;
        *all += count;
    }
    return 0;
}

int ledger_end(struct ledger *ledger, struct store_view *view, uint64_t *bad, struct smki_error *err)
{
    const struct missing *missing = (const struct missing *)(const void *)ledger->missing.at;
    uint64_t certificates, recorded;
    int rc;

    for (size_t i = 0; i < ledger->missing.size / sizeof(*missing); i++) {
        *bad = missing[i].sequence;
        if ((rc = missing_settle(ledger, view, &missing[i], err)) != 0)
            return rc;
    }
    if ((rc = grants_end(&ledger->grants, view, bad, err)) != 0)
        return rc;
    *bad = 0;
    if ((rc = certificates_all(view, &certificates, err)) != 0)
        return rc;
    if ((recorded = distinct_halves(ledger)) != certificates)
        return smki_fail(err, SMKI_AUDIT_BROKEN, "the store holds %llu certificates, the log has records of %llu",
                         (unsigned long long)certificates, (unsigned long long)recorded);
    return 0;
}
