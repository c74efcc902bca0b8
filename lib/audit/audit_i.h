/* What the files of the audit room share. */
#ifndef SMKI_AUDIT_I_H
#define SMKI_AUDIT_I_H

#include "store/store_i.h"

#include <smki/audit.h>

#define AUDIT_PAGE 1000 /* records a view: long enough to be cheap, short enough not to keep old pages from being used again */

/* SHA-256 of what is signed for a head: see smki/audit.h. */
void head_digest(uint8_t digest[SHA256_SIZE], uint64_t sequence, const uint8_t hash[SHA256_SIZE]);

/* A public key that signatures of heads are held against. */
struct head_verifier;
SMKI_MUST_USE int head_verifier_open(struct head_verifier **out, struct smki_bytes spki, struct smki_error *err);
bool head_verifies(struct head_verifier *verifier, const struct store_checkpoint *head);
void head_verifier_close(struct head_verifier *verifier);

/* The certificates of the store against the records that name them: ledger.c. */
struct ledger;
SMKI_MUST_USE int ledger_open(struct ledger **out, struct smki_error *err);
void ledger_close(struct ledger *ledger);
/* Takes one record into account. AUDIT_BROKEN when it speaks of a certificate that should be there and is not, or is another. */
SMKI_MUST_USE int ledger_add(struct ledger *ledger, struct store_view *view, const struct smki_audit_record *record,
                             struct smki_error *err);
/* In the view that showed the last record: nothing is left over on either side. *bad gets the sequence of the record concerned, or 0. */
SMKI_MUST_USE int ledger_end(struct ledger *ledger, struct store_view *view, uint64_t *bad, struct smki_error *err);

/* The granted CSRs whose certificates no record with a digest has accounted for yet: few, those in flight. Holds the certificates against
 * the digests of their records: grant.c. */
struct grants {
    struct smki_buffer open; /* of struct grant, in the order of the log */
};
void grants_finish(struct grants *grants);
/* Takes one record into account. A csr-void of a batch names its CSR alone: *record gets the serial that was granted. AUDIT_BROKEN when the
 * certificates that a chunk-issue or certificate-issue speaks of are not those of its digest. */
SMKI_MUST_USE int grants_add(struct grants *grants, struct store_view *view, struct smki_audit_record *record, struct smki_error *err);
/* In the view that showed the last record: no certificate is there before the record of its digest. *bad gets the sequence of its grant. */
SMKI_MUST_USE int grants_end(const struct grants *grants, struct store_view *view, uint64_t *bad, struct smki_error *err);

#endif
