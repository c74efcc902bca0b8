/* The way of a draft through the room: build (profile tables), lint, sign, close. */
#ifndef SMKI_DRAFT_I_H
#define SMKI_DRAFT_I_H

#include "pki/draft_template_i.h"

#include <smki/issue.h>

/* A draft is built, linted once and spent once: smki_draft.state. */
enum draft_state {
    DRAFT_EMPTY,
    DRAFT_LINTED,
    DRAFT_SPENT,
};

struct smki_ca {
    struct smki_buffer der;
    struct smki_certificate certificate; /* its spans point into der */
    struct smki_key *key;                /* NULL: cannot sign */
    uint8_t policy[64];                  /* contents octets of the OID its certificates state */
    struct draft_issuer issuer;          /* its spans point into der and policy */
    struct draft_template templates[DRAFT_TEMPLATES];
};

/* Two parts of it: the signature's algorithm and the issuer, and the extension of the profile's row. */
void write_issuer(struct der_writer *writer, const struct plan *plan);
void write_extension(struct der_writer *writer, const struct plan *plan, size_t row);
/* Writes the TBSCertificate of a plan. Errors: TOO_LARGE. */
SMKI_MUST_USE int draft_write(uint8_t tbs[SMKI_TBS_MAX_SIZE], size_t *size, const struct plan *plan, struct smki_error *err);
/* Plans and writes the certificate that `csr` asks for, from an issuer that need not have a key. The draft cannot be signed yet. */
SMKI_MUST_USE int draft_build(struct smki_draft *draft, const struct draft_issuer *issuer, const struct smki_csr *csr,
                              const struct smki_serial *serial, struct smki_time not_before, struct smki_error *err);

/* SEQUENCE { tbs, algorithm, signature }: certificates (RFC 5280 4.1) and CRLs (5.1). */
void write_signed(struct der_writer *writer, struct smki_bytes tbs, enum smki_key_type type, struct smki_bytes signature);
/* The finished certificate into out; what it holds is compared with tbs. Errors: TOO_LARGE, CA_SIGNATURE_MISMATCH. */
SMKI_MUST_USE int certificate_close(uint8_t out[SMKI_CERTIFICATE_MAX_SIZE], size_t *size, struct smki_bytes tbs, enum smki_key_type type,
                                    struct smki_bytes signature, struct smki_error *err);

#endif
