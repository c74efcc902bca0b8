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
/* Takes one record into account. AUDIT_BROKEN when it speaks of a certificate that should be there and is not. */
SMKI_MUST_USE int ledger_add(struct ledger *ledger, struct store_view *view, const struct smki_audit_record *record,
                             struct smki_error *err);
/* In the view that showed the last record: nothing is left over on either side. *bad gets the sequence of the record concerned, or 0. */
SMKI_MUST_USE int ledger_end(struct ledger *ledger, struct store_view *view, uint64_t *bad, struct smki_error *err);

#endif
