/* A single request on its way to a certificate. Its ticket is durable from the reservation of the serial until the certificate is stored,
 * so that a power cut in between leaves neither a signature without a record nor a request without a fate: what is found afterwards is
 * signed under the same serial and becomes the same certificate (RFC 6979; RSA PKCS#1 v1.5 has no nonce). */
#ifndef SMKI_TICKET_I_H
#define SMKI_TICKET_I_H

#include "ra/service_i.h"

struct ticket {
    uint64_t number; /* the transaction */
    enum smki_profile profile;
    enum smki_ca_name ca;
    uint64_t party;
    struct smki_time not_before;
    uint8_t serial[SMKI_SERIAL_SIZE];
    struct smki_bytes csr;
    enum smki_interface interface; /* IKI: what the credential is for, and who holds it */
    uint64_t officer, renews;
};

SMKI_MUST_USE int ticket_put(struct store_change *change, struct ticket *ticket,
                             struct smki_error *err); /* gives the number when it has none */
/* Its span points into the view. NOT_FOUND, err untouched: it has been finished. */
SMKI_MUST_USE int ticket_get(struct store_view *view, uint64_t number, struct ticket *ticket, struct smki_error *err);
SMKI_MUST_USE int ticket_remove(struct store_change *change, uint64_t number, struct smki_error *err);
/* The open ones: appends their numbers (uint64_t) to out. */
SMKI_MUST_USE int tickets_open(struct store_view *view, struct smki_buffer *out, struct smki_error *err);

/* smki_service_issue for a request that was given its transaction's number before: it is recorded under that. *recorded: it is; false, what
 * it failed for left nothing in the audit log. */
SMKI_MUST_USE int transaction_issue(struct smki_service *service, const struct smki_actor *actor, enum smki_profile profile,
                                    uint64_t transaction, struct smki_bytes csr, struct smki_stored_certificate *out, bool *recorded,
                                    struct smki_error *err);

/* What comes before the decision on a request, in the same change: gives the number of its transaction, and may end it there (*goes_on
 * false): then what was changed so far stands, and nothing is decided. Called again when the change is made again. */
struct admission {
    int (*function)(struct store_change *change, void *argument, uint64_t *transaction, bool *goes_on, struct smki_error *err);
    void *argument;
};
/* transaction_issue with that: one durable write before the signature and one after it. When it was ended there: 0, and `out` is empty. */
SMKI_MUST_USE int admitted_issue(struct smki_service *service, const struct smki_actor *actor, enum smki_profile profile,
                                 const struct admission *admission, struct smki_bytes csr, struct smki_stored_certificate *out,
                                 bool *recorded, struct smki_error *err);
/* smki_service_issue for a Device CSR, with how the portal's quota saw it: flagged, when it was let in only because the rule is observed.
 */
SMKI_MUST_USE int quota_issue(struct smki_service *service, const struct smki_actor *actor, struct smki_bytes csr,
                              struct smki_stored_certificate *out, struct smki_verdict *verdict, struct smki_error *err);
/* Reads a request as issuing does: smki_csr_read, and what the configuration says of trailers. Its signature is smki_csr_verify's. */
SMKI_MUST_USE int request_read(struct smki_csr *csr, const struct smki_service *service, enum smki_profile profile, struct smki_bytes der,
                               struct smki_error *err);
/* Records that a request which could not even be read was refused, and returns `code` with its words; or the failure to record it. */
SMKI_MUST_USE int refused_unread(struct smki_service *service, const struct smki_actor *actor, enum smki_profile profile, int code,
                                 const char *text, struct smki_error *err);

#endif
