/* One request on its way to a certificate, as the files that work on it share it: issue.c (one alone, with a ticket), together.c (many,
 * with one durable write), issue_policy.c, issue_quota.c and issue_store.c (the steps). */
#ifndef SMKI_ISSUE_I_H
#define SMKI_ISSUE_I_H

#include "ra/ticket_i.h"

struct issuing {
    struct smki_service *service;
    const struct smki_actor *actor;
    uint64_t transaction; /* the number given before; 0: the ticket gets one */
    struct smki_csr csr;
    struct ticket ticket;
    uint8_t chance[8];
    struct smki_credential *credential; /* IKI */
    struct smki_stored_certificate *out;
    int refusal; /* of policy: recorded, not a failure of the store */
    struct smki_error why;
    uint64_t agreed;                   /* the portal's quota by an agreement in force; 0: none */
    struct smki_verdict verdict;       /* of that quota */
    struct octet_hold hold;            /* ad hoc and portal: while this is at its ticket */
    uint64_t twin;                     /* the open ticket, of somebody who is at it, that this request is a duplicate of; 0: none */
    bool twin_seen;                    /* it was finished: ask no more */
    bool stored;                       /* what was signed here: not when the ticket was finished elsewhere */
    bool recorded;                     /* the decision: the transaction's number is in the audit log */
    const struct admission *admission; /* NULL: none */
    bool ended;                        /* by it: nothing is decided */
};

/* ---- issue_policy.c: 0, a refusal, or a failure of the store (is_store_failure tells) ---- */
SMKI_MUST_USE int request_decide(struct issuing *issuing, struct store_change *change, struct smki_error *err);
/* The same of a Device's, which needs no change. */
SMKI_MUST_USE int device_request_decide(const struct issuing *issuing, struct store_view *view, struct smki_error *err);
bool is_store_failure(int code);
/* The admission's word, if there is one: the transaction's number, and whether it ends there (issuing->ended). */
SMKI_MUST_USE int admission_ask(struct issuing *issuing, struct store_change *change, struct smki_error *err);

/* ---- issue.c ---- */
/* Is there an open ticket that makes this request a duplicate? */
SMKI_MUST_USE int twin_is_open(const struct issuing *issuing, struct store_view *view, bool *open, struct smki_error *err);

/* ---- issue_quota.c ---- */
/* issuing->agreed, read outside the change: agreements are documents, of which there may be many. */
SMKI_MUST_USE int quota_ask(struct issuing *issuing, struct smki_error *err);
/* issuing->refusal, when the request would be granted but for the Party's quota. */
SMKI_MUST_USE int quota_take(struct issuing *issuing, struct store_change *change, struct smki_error *err);
/* What was granted came to nothing. */
SMKI_MUST_USE int quota_give_back(const struct ticket *ticket, struct store_change *change, struct smki_error *err);

/* ---- issue_store.c: inside a change ---- */
SMKI_MUST_USE int issue_record(const struct issuing *issuing, struct store_change *change, enum smki_act act, int outcome,
                               const char *detail, struct smki_error *err);
/* The device's key is claimed with the grant, so that no other request can be granted the same before this one is signed. */
SMKI_MUST_USE int issue_claim(const struct issuing *issuing, struct store_change *change, struct smki_error *err);
/* What was signed, with where it is found and its record. */
SMKI_MUST_USE int issue_store(struct issuing *issuing, struct store_change *change, struct smki_error *err);

#endif
