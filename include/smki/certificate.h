/* Reading X.509 certificates (RFC 5280), verifying them against their issuer, and writing them as PEM. */
#ifndef SMKI_CERTIFICATE_H
#define SMKI_CERTIFICATE_H

#include <smki/csr.h>

#define SMKI_CERTIFICATE_MAX_SIZE 8192 /* octets of DER; device certificates have about 440 */

/* A certificate that has been read. Reading accepts every well-formed v3 certificate, of our profiles or not; smki_lint judges.
 * Spans point into the bytes given, which must outlive it. An absent extension has an empty span. */
struct smki_certificate {
    struct smki_bytes der;
    struct smki_bytes tbs; /* TBSCertificate: what the signature covers */
    struct smki_serial serial;
    struct smki_bytes issuer;  /* Name, DER */
    struct smki_bytes subject; /* Name, DER */
    struct smki_subject subject_fields;
    struct smki_time not_before, not_after; /* 9999-12-31T23:59:59Z for "no end" */
    struct smki_bytes spki;
    uint8_t point[SMKI_P256_POINT_SIZE]; /* zero when the key is not an uncompressed P-256 point */
    bool is_p256, is_rsa;
    struct smki_bytes signature_algorithm; /* OID contents */
    struct smki_bytes signature;
    uint16_t key_usage; /* the first octet of the BIT STRING in the low byte (0x80 digitalSignature .. 0x04 keyCertSign, 0x02 cRLSign); 0: absent */
    bool is_ca;
    int path_length; /* -1: none given */
    struct smki_bytes subject_key_id, authority_key_id; /* key identifiers' octets */
    struct smki_bytes subject_alt_name;                 /* extension value */
    struct smki_bytes policy;                           /* first policy OID's contents */
    struct smki_bytes extensions;                       /* the SEQUENCE OF Extension's contents, for smki_lint */
    struct smki_device_id device_id;                    /* from a hardwareModuleName */
    bool has_device_id;
};

/* Reads one certificate in DER. Errors: CERTIFICATE_MALFORMED, naming what. Thread-safe. */
SMKI_API SMKI_MUST_USE int smki_certificate_read(struct smki_certificate *out, struct smki_bytes der, struct smki_error *err);
/* Does `issuer`'s key verify this certificate's signature, and does its subject equal the issuer name? SIGNATURE_INVALID if not. */
SMKI_API SMKI_MUST_USE int smki_certificate_verify(const struct smki_certificate *certificate, const struct smki_certificate *issuer,
                                                   struct smki_error *err);
/* A PEM file's or bare base64 or DER file's bytes to DER; `label` gets "CERTIFICATE", "CERTIFICATE REQUEST" ..., or "" when there was no header.
 * Appends to out. Errors: ENCODING_INVALID, TOO_LARGE. */
SMKI_API SMKI_MUST_USE int smki_pem_decode(struct smki_buffer *out, char label[64], struct smki_bytes file, struct smki_error *err);
/* PEM with lines of 64, appended to out. */
SMKI_API SMKI_MUST_USE int smki_pem_encode(struct smki_buffer *out, const char *label, struct smki_bytes der, struct smki_error *err);

#endif
