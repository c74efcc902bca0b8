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

#endif
