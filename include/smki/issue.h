/* Certificates are made in two steps: prepare gives a draft (the to-be-signed octets, linted), issue consumes it. There is no other way to
 * a CA's key. */
#ifndef SMKI_ISSUE_H
#define SMKI_ISSUE_H

#include <smki/certificate.h>
#include <smki/key.h>
#include <smki/lint.h>

#define SMKI_TBS_MAX_SIZE 4096 /* octets */

/* The issuing CA as the drafts see it: its certificate and key, and what is configured for it. Opened by smki_ca_open; read-only after,
 * thread-safe. */
struct smki_ca;

struct smki_ca_options {
    const char *certificate_path; /* PEM */
    const char *key_path;         /* PKCS#8, or a pkcs11: URI (smki_key_open_token); NULL: a CA that can be read and verified against, but not sign */
    const char *policy_oid;       /* dotted; NULL: the CA certificate's own policy */
    smki_passphrase_fn passphrase;
    void *passphrase_context;
    const struct smki_pkcs11 *pkcs11; /* for a pkcs11: URI; NULL: it says all itself */
};

/* Errors: IO..., CERTIFICATE_MALFORMED, KEY_*, KEY_MISMATCH (by a signature made and verified; a key on a token proves itself when it is first used),
 * TOKEN_URI, TOKEN_PIN. */
SMKI_API SMKI_MUST_USE int smki_ca_open(struct smki_ca **out, const struct smki_ca_options *options, struct smki_error *err);
SMKI_API void smki_ca_close(struct smki_ca *ca);
SMKI_API const struct smki_certificate *smki_ca_certificate(const struct smki_ca *ca);
SMKI_API const struct smki_key *smki_ca_key(const struct smki_ca *ca); /* NULL when it has none */

/* To-be-signed octets and what became of them. Plain memory, no allocation: reuse one a thread. */
struct smki_draft {
    const struct smki_ca *ca;
    enum smki_profile profile;
    struct smki_serial serial;
    uint8_t tbs[SMKI_TBS_MAX_SIZE];
    size_t tbs_size;
    uint8_t linted_digest[32]; /* SHA-256 of what lint passed; what is signed must equal it */
    uint8_t state;             /* empty, linted, spent: private to draft.c */
};

/* Builds the certificate that `csr` asks for under `ca` (interfaces.md 7; GBCS 12), and runs every lint rule of the profile on it.
 * Issuer and policy come from the ca, not_before from the caller (device, IKI: as given; organisation: 00:00:00 UTC of its day).
 * The csr's signature must have been verified by the caller. Errors: LINT_FAILED with the rule's name; nothing can be issued then.
 * No heap, thread-safe. */
SMKI_API SMKI_MUST_USE int smki_prepare(struct smki_draft *draft, const struct smki_ca *ca, const struct smki_csr *csr,
                                        const struct smki_serial *serial, struct smki_time not_before, struct smki_error *err);

/* How far smki_issue goes to prove the CA's own signature. What is signed is always compared with what lint passed. */
enum smki_proof {
    SMKI_PROOF_DIGEST,    /* the linted digest is what went to the key */
    SMKI_PROOF_SIGNATURE, /* and the signature is verified under the CA's public key */
};

/* Signs the draft and writes the certificate's DER into out. Consumes the draft whether or not it succeeds: a draft signs once.
 * The serial must have been reserved in the same store. Errors: DRAFT_NOT_LINTED, CA_KEY_UNAVAILABLE, CA_SIGNATURE_MISMATCH. Thread-safe.
 */
SMKI_API SMKI_MUST_USE int smki_issue(uint8_t out[SMKI_CERTIFICATE_MAX_SIZE], size_t *size, struct smki_draft *draft, enum smki_proof proof,
                                      struct smki_error *err);

/* One of many that are issued together: what smki_issue takes, and returns. */
struct smki_issuing {
    struct smki_draft *draft;
    enum smki_proof proof;
    uint8_t *out; /* SMKI_CERTIFICATE_MAX_SIZE octets */
    size_t size;
    struct smki_error error; /* code 0: issued */
};
#define SMKI_ISSUE_TOGETHER 32
/* The same for many drafts of one CA, with one call of its key: what a key on a token needs to be fast. Every draft is spent; what is wrong with one is
 * in its `error` and no other's. Returns only what all have in common, CA_KEY_UNAVAILABLE or NO_MEMORY: none is issued then. At most
 * SMKI_ISSUE_TOGETHER at once (INVALID_ARGUMENT). Thread-safe. */
SMKI_API SMKI_MUST_USE int smki_issue_many(struct smki_issuing issuings[], size_t count, struct smki_error *err);

/* ---- making the CAs of a test PKI (smki init) ---- */

enum smki_ca_kind {
    SMKI_CA_ROOT,    /* P-256, OU=00, signs itself */
    SMKI_CA_ISSUING, /* P-256, OU=07, signed by a root */
    SMKI_CA_IKI,     /* RSA, OU=07, signs itself: its certificates are for TLS clients */
};

struct smki_ca_request {
    enum smki_ca_kind kind;
    const char *common_name;      /* at most 4 characters (GBCS 12) */
    bool common_name_alone;       /* leave OU out, as the real issuing DCA's name does (CN=E357) */
    const char *policy_oid;       /* dotted */
    const struct smki_key *key;   /* its own */
    const struct smki_ca *issuer; /* NULL: self-signed */
    struct smki_serial serial;
    struct smki_time not_before; /* 50 years for roots (and the self-signed IKICA), 25 for issuing CAs */
};

/* A CA certificate by interfaces.md 7, linted and signed; DER into out. Errors: INVALID_ARGUMENT, KEY_TYPE, ENCODING_INVALID (policy),
 * LINT_FAILED, CA_KEY_UNAVAILABLE, CA_SIGNATURE_MISMATCH. */
SMKI_API SMKI_MUST_USE int smki_ca_certificate_make(uint8_t out[SMKI_CERTIFICATE_MAX_SIZE], size_t *size,
                                                    const struct smki_ca_request *request, struct smki_error *err);

/* ---- CRLs (RFC 5280 5) ---- */

struct smki_crl_entry {
    struct smki_serial serial;
    struct smki_time revoked_at;
    uint8_t reason; /* RFC 5280 5.3.1; 0: unspecified, left out */
};

/* A v2 CRL of the ca with its number and authorityKeyIdentifier, appended to out as DER. Entries in any order.
 * Errors: INVALID_ARGUMENT, CA_KEY_UNAVAILABLE, CA_SIGNATURE_MISMATCH, TOO_LARGE, NO_MEMORY. */
SMKI_API SMKI_MUST_USE int smki_crl_make(struct smki_buffer *out, const struct smki_ca *ca, uint64_t number, struct smki_time this_update,
                                         struct smki_time next_update, const struct smki_crl_entry *entries, size_t count,
                                         struct smki_error *err);

#endif
