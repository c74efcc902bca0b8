/* The object identifiers that SMKI speaks of, as contents octets. */
#ifndef SMKI_OID_I_H
#define SMKI_OID_I_H

#include "base/base_i.h"

#define OID_MAX_SIZE  64  /* octets of contents that oid_parse makes */
#define OID_TEXT_SIZE 160 /* dotted text, NUL and "..." when longer */

extern const struct smki_bytes oid_common_name;          /* 2.5.4.3 */
extern const struct smki_bytes oid_organisation;         /* 2.5.4.10 */
extern const struct smki_bytes oid_unit;                 /* 2.5.4.11 */
extern const struct smki_bytes oid_unique_identifier;    /* 2.5.4.45 */
extern const struct smki_bytes oid_subject_key_id;       /* 2.5.29.14 */
extern const struct smki_bytes oid_key_usage;            /* 2.5.29.15 */
extern const struct smki_bytes oid_subject_alt_name;     /* 2.5.29.17 */
extern const struct smki_bytes oid_basic_constraints;    /* 2.5.29.19 */
extern const struct smki_bytes oid_crl_number;           /* 2.5.29.20 */
extern const struct smki_bytes oid_crl_reason;           /* 2.5.29.21 */
extern const struct smki_bytes oid_certificate_policies; /* 2.5.29.32 */
extern const struct smki_bytes oid_authority_key_id;     /* 2.5.29.35 */
extern const struct smki_bytes oid_extended_key_usage;   /* 2.5.29.37 */
extern const struct smki_bytes oid_server_auth;          /* 1.3.6.1.5.5.7.3.1 */
extern const struct smki_bytes oid_client_auth;          /* 1.3.6.1.5.5.7.3.2 */
extern const struct smki_bytes oid_hardware_module_name; /* 1.3.6.1.5.5.7.8.4 (RFC 4108) */
extern const struct smki_bytes oid_extension_request;    /* 1.2.840.113549.1.9.14 */
extern const struct smki_bytes oid_ec_public_key;        /* 1.2.840.10045.2.1 */
extern const struct smki_bytes oid_p256;                 /* 1.2.840.10045.3.1.7 */
extern const struct smki_bytes oid_ecdsa_sha256;         /* 1.2.840.10045.4.3.2 */
extern const struct smki_bytes oid_rsa;                  /* 1.2.840.113549.1.1.1 */
extern const struct smki_bytes oid_rsa_sha256;           /* 1.2.840.113549.1.1.11 */

/* "1.2.826.0.1.8641679.1.2.1.4" to contents octets, at most OID_MAX_SIZE. Errors: ENCODING_INVALID. */
SMKI_MUST_USE int oid_parse(uint8_t out[OID_MAX_SIZE], size_t *size, const char *dotted, struct smki_error *err);
/* Contents octets to dotted text, with the name after it in brackets when it is one of the above. Returns out. */
const char *oid_text(struct smki_bytes contents, char out[OID_TEXT_SIZE]);
/* The same without the name. */
const char *oid_dotted(struct smki_bytes contents, char out[OID_TEXT_SIZE]);

#endif
