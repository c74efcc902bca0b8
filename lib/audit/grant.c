/* The certificates against the digests of their records.
 *
 * A csr-decide says which serial was granted; the record that the certificate was made (chunk-issue for those of a chunk, certificate-issue
 * for one that came alone) has the SHA-256 of what was made. Between the two stand the open grants, which are few: the CSRs of the chunks
 * and single requests in flight when the log was here, and what crashes left. */
#include "audit/audit_i.h"

#include <stdio.h>
#include <string.h>

struct grant {
    uint64_t sequence;
    uint64_t batch; /* 0: the CSR came alone */
    uint32_t index; /* its place in the batch */
    uint8_t serial[SMKI_SERIAL_SIZE];
};

void grants_finish(struct grants *grants)
{
    smki_buffer_finish(&grants->open);
}

static struct grant *grants_at(const struct grants *grants)
{
    return (struct grant *)(void *)grants->open.at;
}

static size_t grants_count(const struct grants *grants)
{
    return grants->open.size / sizeof(struct grant);
}

static int grant_open(struct grants *grants, const struct smki_audit_record *record, struct smki_error *err)
{
    struct grant grant = {.sequence = record->sequence, .batch = record->index != 0 ? record->subject : 0, .index = record->index};

    if (record->outcome != 0 || record->serial.size != SMKI_SERIAL_SIZE)
        return 0;
    memcpy(grant.serial, record->serial.octet, SMKI_SERIAL_SIZE);
    return smki_buffer_append(&grants->open, &grant, sizeof(grant), err);
}

static bool is_of(const struct grant *grant, const struct smki_audit_record *record)
{
    if (record->index != 0)
        return grant->batch == record->subject && grant->index == record->index;
    return record->serial.size == SMKI_SERIAL_SIZE && memcmp(grant->serial, record->serial.octet, SMKI_SERIAL_SIZE) == 0;
}

/* The grant of the CSR that the record is about is settled. Its serial goes to *record when that has none. */
static void grant_close(struct grants *grants, struct smki_audit_record *record)
{
    struct grant *grant = grants_at(grants);
    size_t count = grants_count(grants);

    for (size_t i = count; i-- > 0;) { /* what is settled was granted not long ago */
        if (!is_of(&grant[i], record))
            continue;
        if (record->serial.size == 0) {
            record->serial.size = SMKI_SERIAL_SIZE;
            memcpy(record->serial.octet, grant[i].serial, SMKI_SERIAL_SIZE);
        }
        memmove(&grant[i], &grant[i + 1], (count - i - 1) * sizeof(*grant));
        grants->open.size -= sizeof(*grant);
        return;
    }
}

/* ---- one certificate ---- */

/* What a record of the right act says in place of its digest counts as a change: no release wrote another form. */
static int certificate_issue_check(struct grants *grants, struct store_view *view, struct smki_audit_record *record, struct smki_error *err)
{
    static const char before[] = ", sha256 ";
    const size_t tail = sizeof(before) - 1 + (size_t)(2 * SHA256_SIZE), size = strlen(record->detail);
    const char *end = record->detail + (size > tail ? size - tail : 0);
    struct store_certificate certificate;
    uint8_t digest[SHA256_SIZE];
    char hex[2 * SHA256_SIZE + 1], serial[2 * 20 + 1];
    int rc;

    smki_serial_text(&record->serial, serial);
    if (record->serial.size != SMKI_SERIAL_SIZE || size <= tail || strncmp(end, before, sizeof(before) - 1) != 0)
        return smki_fail(err, SMKI_AUDIT_BROKEN, "record %llu: it has no digest of the certificate %s",
                         (unsigned long long)record->sequence, serial);
    grant_close(grants, record);
    if ((rc = store_certificate_find(view, record->serial.octet, &certificate, NULL)) == SMKI_NOT_FOUND)
        return 0; /* ledger.c says so */
    if (rc != 0 && rc != SMKI_STORE_CORRUPT)
        return smki_fail(err, rc, "reading the certificate of record %llu", (unsigned long long)record->sequence);
    if (rc == 0)
        sha256(digest, certificate.der.at, certificate.der.size);
    if (rc == 0 && strcmp(end + sizeof(before) - 1, hex_encode(hex, digest, sizeof(digest))) == 0)
        return 0;
    return smki_fail(err, SMKI_AUDIT_BROKEN, "record %llu: the certificate %s in the store is not the one that was made",
                     (unsigned long long)record->sequence, serial);
}

/* ---- the certificates of a chunk ---- */

/* A chunk-issue record, and what the store has for it. */
struct chunk_issue {
    const struct smki_audit_record *record;
    unsigned chunk, first, last, certificates;
    char hex[2 * SHA256_SIZE + 1];

    unsigned found;
    uint32_t index; /* of the last one found */
    struct sha256_stream stream;
};

/* The form that smki/audit.h tells, and no other: what was read is written again and must be the same. */
static bool chunk_issue_read(struct chunk_issue *issue, const struct smki_audit_record *record)
{
    char again[SMKI_AUDIT_DETAIL_SIZE];

    *issue = (struct chunk_issue){.record = record};
    if (sscanf(record->detail, "chunk %9u: CSRs %9u to %9u, %9u certificates, sha256 %64[0-9a-f]", &issue->chunk, &issue->first,
               &issue->last, &issue->certificates, issue->hex) != 5)
        return false;
    snprintf(again, sizeof(again), "chunk %u: CSRs %u to %u, %u certificates, sha256 %s", issue->chunk, issue->first, issue->last,
             issue->certificates, issue->hex);
    return strcmp(again, record->detail) == 0 && strlen(issue->hex) == sizeof(issue->hex) - 1 && issue->first == record->index &&
           issue->first != 0 && issue->first <= issue->last;
}

static int chunk_fail(const struct chunk_issue *issue, const char *what, struct smki_error *err)
{
    return smki_fail(err, SMKI_AUDIT_BROKEN, "record %llu: chunk %u of batch %llu (CSRs %u to %u, %u certificates): %s",
                     (unsigned long long)issue->record->sequence, issue->chunk, (unsigned long long)issue->record->subject, issue->first,
                     issue->last, issue->certificates, what);
}

static int chunk_certificate_add(struct chunk_issue *issue, struct store_view *view, const struct grant *grant, struct smki_error *err)
{
    struct store_certificate certificate;
    char serial[2 * SMKI_SERIAL_SIZE + 1], what[80 + sizeof(serial)];
    int rc = store_certificate_find(view, grant->serial, &certificate, NULL);

    if (rc == SMKI_NOT_FOUND || rc == SMKI_STORE_CORRUPT) {
        snprintf(what, sizeof(what), "the certificate %s of CSR %u %s", hex_encode(serial, grant->serial, SMKI_SERIAL_SIZE), grant->index,
                 rc == SMKI_NOT_FOUND ? "is not in the store" : "can no longer be read");
        return chunk_fail(issue, what, err);
    }
    if (rc != 0)
        return smki_fail(err, rc, "reading the certificates of record %llu", (unsigned long long)issue->record->sequence);
    if (grant->index <= issue->index)
        return chunk_fail(issue, "a CSR was granted twice, or before its forerunner", err);
    issue->index = grant->index;
    issue->found++;
    sha256_add(&issue->stream, certificate.der.at, certificate.der.size);
    return 0;
}

/* Those of the chunk leave the list and are hashed; the others stay in their order. */
static int chunk_certificates_take(struct grants *grants, struct store_view *view, struct chunk_issue *issue, struct smki_error *err)
{
    struct grant *grant = grants_at(grants);
    size_t count = grants_count(grants), kept = 0;
    int rc;

    for (size_t i = 0; i < count; i++) {
        if (grant[i].batch != issue->record->subject || grant[i].index < issue->first || grant[i].index > issue->last)
            grant[kept++] = grant[i];
        else if ((rc = chunk_certificate_add(issue, view, &grant[i], err)) != 0)
            return rc;
    }
    grants->open.size = kept * sizeof(*grant);
    return 0;
}

static int chunk_issue_check(struct grants *grants, struct store_view *view, const struct smki_audit_record *record, struct smki_error *err)
{
    struct chunk_issue issue;
    uint8_t digest[SHA256_SIZE];
    char hex[2 * SHA256_SIZE + 1];
    int rc;

    if (!chunk_issue_read(&issue, record))
        return smki_fail(err, SMKI_AUDIT_BROKEN, "record %llu: it has no digest of the certificates of its chunk",
                         (unsigned long long)record->sequence);
    sha256_start(&issue.stream);
    rc = chunk_certificates_take(grants, view, &issue, err);
    sha256_end(&issue.stream, digest);
    if (rc != 0)
        return rc;
    if (issue.found != issue.certificates)
        return chunk_fail(&issue, "the log granted another number of them", err);
    if (strcmp(hex_encode(hex, digest, sizeof(digest)), issue.hex) != 0)
        return chunk_fail(&issue, "the certificates in the store are not those that were made", err);
    return 0;
}

/* ---- the log ---- */

int grants_add(struct grants *grants, struct store_view *view, struct smki_audit_record *record, struct smki_error *err)
{
    switch (record->act) {
    case SMKI_ACT_CSR_DECIDE:
        return grant_open(grants, record, err);
    case SMKI_ACT_CSR_VOID:
        grant_close(grants, record);
        return 0;
    case SMKI_ACT_CERTIFICATE_ISSUE:
        return certificate_issue_check(grants, view, record, err);
    case SMKI_ACT_CHUNK_ISSUE:
        return chunk_issue_check(grants, view, record, err);
    default:
        return 0;
    }
}

int grants_end(const struct grants *grants, struct store_view *view, uint64_t *bad, struct smki_error *err)
{
    const struct grant *grant = grants_at(grants);
    struct store_certificate certificate;
    char serial[2 * SMKI_SERIAL_SIZE + 1];

    for (size_t i = 0; i < grants_count(grants); i++) {
        int rc = store_certificate_find(view, grant[i].serial, &certificate, NULL);

        *bad = grant[i].sequence;
        if (rc == 0 || rc == SMKI_STORE_CORRUPT)
            return smki_fail(err, SMKI_AUDIT_BROKEN,
                             "record %llu: the certificate %s is in the store, but no record says that it was made, and which it is",
                             (unsigned long long)grant[i].sequence, hex_encode(serial, grant[i].serial, SMKI_SERIAL_SIZE));
        if (rc != SMKI_NOT_FOUND)
            return smki_fail(err, rc, "reading the certificate of record %llu", (unsigned long long)grant[i].sequence);
    }
    *bad = 0;
    return 0;
}
