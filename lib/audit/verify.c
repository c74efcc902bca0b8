/* Reading the whole log against what was signed. The log may grow meanwhile: it is read in pages, and what has to agree at one moment (the
 * head, the number of certificates) is looked at in the page that shows the last record. */
#include "audit/audit_i.h"

#include <string.h>

struct verify {
    struct head_verifier *verifier; /* NULL: signatures are not looked at */
    struct ledger *ledger;
    struct smki_audit_report *report;
    uint64_t next;             /* the sequence to read next */
    uint64_t last_checkpoint;  /* checkpoints up to this one are seen */
    uint8_t hash[SHA256_SIZE]; /* of the record before `next` */
    struct smki_time time;     /* of that record */
    bool ended;
};

static int broken(struct verify *verify, uint64_t sequence, const char *what, struct smki_error *err)
{
    verify->report->first_bad = sequence;
    return smki_fail(err, SMKI_AUDIT_BROKEN, "record %llu: %s", (unsigned long long)sequence, what);
}

/* What cannot be taken apart was changed; a disk that fails is another matter. */
static int unreadable(struct verify *verify, uint64_t sequence, int rc, const char *what, struct smki_error *err)
{
    return rc == SMKI_STORE_CORRUPT ? broken(verify, sequence, what, err) : rc;
}

static int head_check(struct verify *verify, const struct store_checkpoint *head, const char *what, struct smki_error *err)
{
    if (memcmp(head->hash, verify->hash, SHA256_SIZE) != 0 || head->time.us != verify->time.us)
        return broken(verify, head->sequence, what, err);
    if (verify->verifier != NULL && !head_verifies(verify->verifier, head))
        return broken(verify, head->sequence, what, err);
    return 0;
}

/* A checkpoint is looked at right after its record. */
static int checkpoint_check(struct verify *verify, struct store_view *view, uint64_t sequence, struct smki_error *err)
{
    struct store_checkpoint checkpoint;
    uint64_t at = verify->last_checkpoint;
    int rc = store_checkpoint_next(view, &at, &checkpoint, err);

    if (rc == SMKI_NOT_FOUND || at > sequence)
        return 0;
    if (rc != 0)
        return unreadable(verify, sequence, rc, "the checkpoint kept of it cannot be read", err);
    if (checkpoint.sequence != at)
        return broken(verify, at, "the checkpoint kept of it is of another record", err);
    verify->last_checkpoint = at;
    verify->report->checkpoints++;
    return head_check(verify, &checkpoint, "it is not the record that the checkpoint signed, or the checkpoint was changed", err);
}

static int record_check(struct verify *verify, struct store_view *view, struct smki_error *err)
{
    struct smki_audit_record record;
    struct sha256_stream stream;
    struct smki_bytes octets;
    int rc;

    if ((rc = store_record_get(view, verify->next, &record, err)) == SMKI_NOT_FOUND)
        return broken(verify, verify->next, "it is missing", err);
    if (rc != 0 || (rc = store_record_raw(view, verify->next, &octets, err)) != 0)
        return unreadable(verify, verify->next, rc, "it cannot be read", err);
    if (record.sequence != verify->next)
        return broken(verify, verify->next, "another record stands in its place", err);
    sha256_start(&stream);
    sha256_add(&stream, verify->hash, SHA256_SIZE);
    sha256_add(&stream, octets.at, octets.size);
    sha256_end(&stream, verify->hash);
    if (memcmp(verify->hash, record.hash, SHA256_SIZE) != 0)
        return broken(verify, verify->next, "its hash is not that of the record before and of itself", err);
    verify->time = record.time;
    if ((rc = checkpoint_check(verify, view, verify->next, err)) != 0)
        return rc;
    if ((rc = ledger_add(verify->ledger, view, &record, err)) != 0)
        verify->report->first_bad = rc == SMKI_AUDIT_BROKEN ? verify->next : 0;
    return rc;
}

/* Nothing stands after the head: neither records nor checkpoints. */
static int end_check(struct verify *verify, struct store_view *view, const struct store_checkpoint *head, struct smki_error *err)
{
    struct store_checkpoint checkpoint;
    struct smki_audit_record record;
    uint64_t after = verify->last_checkpoint, bad;
    int rc;

    if (head->sequence != 0 && (rc = head_check(verify, head, "the signed head of the log is not of this record", err)) != 0)
        return rc;
    if (store_record_get(view, verify->next, &record, NULL) != SMKI_NOT_FOUND)
        return broken(verify, verify->next, "it stands after the signed head of the log", err);
    if (store_checkpoint_next(view, &after, &checkpoint, NULL) != SMKI_NOT_FOUND)
        return broken(verify, verify->next, "it is missing: a checkpoint was signed over a later one", err);
    if ((rc = ledger_end(verify->ledger, view, &bad, err)) == SMKI_AUDIT_BROKEN)
        verify->report->first_bad = bad != 0 ? bad : verify->next;
    verify->ended = true;
    return rc;
}

static int page_check(struct verify *verify, struct store_view *view, uint64_t *all, struct smki_error *err)
{
    struct store_checkpoint head = {0};
    int rc = store_head(view, &head, err);

    if (rc != 0 && rc != SMKI_NOT_FOUND)
        return unreadable(verify, verify->next, rc, "the head of the log cannot be read", err);
    *all = head.sequence;
    for (uint64_t i = 0; i < AUDIT_PAGE && verify->next <= head.sequence; i++, verify->next++) {
        if ((rc = record_check(verify, view, err)) != 0)
            return rc;
        verify->report->records++;
    }
    return verify->next > head.sequence ? end_check(verify, view, &head, err) : 0;
}

static int verify_run(struct verify *verify, struct smki_store *store, bool (*progress)(void *, uint64_t, uint64_t), void *context,
                      struct smki_error *err)
{
    struct store_view *view;
    uint64_t all = 0;
    int rc;

    while (!verify->ended) {
        if ((rc = store_view_begin(store, &view, err)) != 0)
            return rc;
        rc = page_check(verify, view, &all, err);
        store_view_end(view);
        if (rc != 0)
            return rc;
        if (progress != NULL && !progress(context, verify->report->records, all))
            return smki_fail(err, SMKI_INTERRUPTED, NULL);
    }
    return 0;
}

int smki_audit_verify(struct smki_audit_report *report, struct smki_store *store, struct smki_bytes public_key,
                      bool (*progress)(void *context, uint64_t done, uint64_t all), void *context, struct smki_error *err)
{
    struct verify verify = {.report = report, .next = 1};
    struct smki_error own = {0};
    int rc;

    *report = (struct smki_audit_report){0};
    if (err == NULL)
        err = &own;
    if ((public_key.size == 0 || (rc = head_verifier_open(&verify.verifier, public_key, err)) == 0) &&
        (rc = ledger_open(&verify.ledger, err)) == 0)
        rc = verify_run(&verify, store, progress, context, err);
    if (rc == SMKI_AUDIT_BROKEN)
        snprintf(report->text, sizeof(report->text), "%s", err->text);
    ledger_close(verify.ledger);
    head_verifier_close(verify.verifier);
    return rc;
}
