/* Where private keys live, and what they do: sign a digest, give the public key. */
#ifndef SMKI_KEY_H
#define SMKI_KEY_H

#include <smki/csr.h>

#define SMKI_SIGNATURE_MAX_SIZE 512 /* octets: RSA 4096; ECDSA P-256 in DER takes at most 72 */

enum smki_key_type { SMKI_KEY_P256, SMKI_KEY_RSA };

/* A private key, wherever it is. Opaque; made by smki_key_open_file, smki_key_generate or smki_key_open_token. Signing is thread-safe. */
struct smki_key;

/* Gives the passphrase of an encrypted key file: writes at most `capacity` octets into out, returns how many, or negative for none. */
typedef int (*smki_passphrase_fn)(void *context, char *out, size_t capacity);

/* Opens a PKCS#8 private key file (PEM or DER, P-256 or RSA of at least 2048 bits). Refused when group or others can read the file
 * (KEY_PERMISSIONS). `passphrase` may be NULL. Errors: KEY_UNREADABLE, KEY_PERMISSIONS, KEY_PASSPHRASE, KEY_TYPE. */
SMKI_API SMKI_MUST_USE int smki_key_open_file(struct smki_key **out, const char *path, smki_passphrase_fn passphrase, void *context,
                                              struct smki_error *err);
/* Makes a new key in memory: P-256, or RSA of 2048 bits. */
SMKI_API SMKI_MUST_USE int smki_key_generate(struct smki_key **out, enum smki_key_type type, const struct smki_random *random,
                                             struct smki_error *err);
/* Writes PKCS#8 PEM, mode 0600, never over an existing file; encrypted (PBES2, PBKDF2-HMAC-SHA256 or what mbedTLS reads back) when passphrase is not NULL
 * and that is possible, else KEY_TYPE. */
SMKI_API SMKI_MUST_USE int smki_key_save(const struct smki_key *key, const char *path, const char *passphrase, struct smki_error *err);
#define SMKI_PKCS11_TIMEOUT (5 * SMKI_SECOND) /* us; where it is not configured */

/* How keys on tokens are reached, for what a URI leaves out. */
struct smki_pkcs11 {
    const char *module;     /* path of the PKCS#11 module; NULL or "": every URI names its own */
    const char *pin_source; /* a path, "file:PATH" or "credential:NAME" (of the service manager); NULL or "": `pin` is asked */
    const char *folder;     /* that a relative path is below; NULL: the current one */
    unsigned sessions;      /* signatures under way at once; 0: one */
    int64_t timeout;        /* us that a signature may take; 0: SMKI_PKCS11_TIMEOUT */
    smki_passphrase_fn pin;
    void *pin_context;
};

/* Opens a private key in an HSM or on a token by its pkcs11: URI (RFC 7512), whose public half is `spki`. Reads the URI, asks for the PIN
 * where that has no source, and does not touch the token: a token that is away, or comes back, is met when something is signed. Each session
 * first proves the key by a signature that is verified under `spki`. Signing waits for the token no longer than the timeout, also when the
 * module hangs (CA_KEY_UNAVAILABLE); a session that died, and a token that went away and came back, are found again by themselves; a PIN that
 * the token has refused is not tried again. Not for forked processes. Errors: TOKEN_URI, TOKEN_PIN, TOKEN_MODULE (built without PKCS#11). */
SMKI_API SMKI_MUST_USE int smki_key_open_token(struct smki_key **out, const char *uri, const struct smki_pkcs11 *settings, struct smki_bytes spki,
                                               struct smki_error *err);

/* ---- making and keeping keys on tokens; these wait for the token as long as it takes ---- */

#define SMKI_KEY_URI_SIZE 1024 /* octets with NUL */

/* Makes a key pair on the token that `wanted` names by token= (or serial=) and object=: P-256, or RSA of 2048 bits; never to be taken off it
 * (sensitive, not extractable: read back and checked, and the key destroyed when the token made another), for signing only. Its public half
 * as SubjectPublicKeyInfo into spki, its URI with its id into uri. Errors: ALREADY_EXISTS (a private key of that name), TOKEN_*. */
SMKI_API SMKI_MUST_USE int smki_key_make_token(struct smki_buffer *spki, char uri[SMKI_KEY_URI_SIZE], enum smki_key_type type, const char *wanted,
                                               const struct smki_pkcs11 *settings, const struct smki_random *random, struct smki_error *err);
/* Writes a key out of a file to the token, with the same attributes (but that it was made elsewhere). `dry_run`: everything but that.
 * Errors: as above, and KEY_TYPE for a key on a token. */
SMKI_API SMKI_MUST_USE int smki_key_import_token(char uri[SMKI_KEY_URI_SIZE], const struct smki_key *key, const char *wanted, bool dry_run,
                                                 const struct smki_pkcs11 *settings, const struct smki_random *random, struct smki_error *err);
/* Destroys both halves, for good. */
SMKI_API SMKI_MUST_USE int smki_key_destroy_token(const char *uri, const struct smki_pkcs11 *settings, struct smki_error *err);

/* What a token says of itself. */
struct smki_key_token {
    char label[32 + 1], serial[16 + 1], manufacturer[32 + 1], model[16 + 1], hardware[8], firmware[8];
    uint64_t sessions, sessions_max; /* open over all processes, and at most; 0: it does not say */
    bool pin_count_low, pin_final_try, pin_locked, pin_to_be_changed;
};
/* Without logging in. Errors: TOKEN_*. */
SMKI_API SMKI_MUST_USE int smki_key_token_look(struct smki_key_token *out, const char *uri, const struct smki_pkcs11 *settings, struct smki_error *err);

SMKI_API void smki_key_close(struct smki_key *key);

SMKI_API enum smki_key_type smki_key_type(const struct smki_key *key);
/* SubjectPublicKeyInfo, DER; lives as long as the key. */
SMKI_API struct smki_bytes smki_key_public(const struct smki_key *key);
/* Signs a SHA-256 digest: ECDSA in DER, deterministic (RFC 6979) for keys in files; or RSA PKCS#1 v1.5 with SHA-256. Errors: CA_KEY_UNAVAILABLE. */
SMKI_API SMKI_MUST_USE int smki_key_sign(const struct smki_key *key, uint8_t out[SMKI_SIGNATURE_MAX_SIZE], size_t *size, const uint8_t digest[32],
                                         struct smki_error *err);
/* The same of many: all signed, or none is to be used. */
SMKI_API SMKI_MUST_USE int smki_key_sign_many(const struct smki_key *key, size_t count, uint8_t digests[][32],
                                              uint8_t out[][SMKI_SIGNATURE_MAX_SIZE], size_t sizes[], struct smki_error *err);
/* Signs something and verifies it: can the key be used? CA_KEY_UNAVAILABLE; KEY_MISMATCH. */
SMKI_API SMKI_MUST_USE int smki_key_prove(const struct smki_key *key, struct smki_error *err);
/* Signatures that its token has made since the key was opened, as far as it has answered; 0 for a key in a file. */
SMKI_API uint64_t smki_key_signatures(const struct smki_key *key);
SMKI_API bool smki_key_on_token(const struct smki_key *key);
/* How many signatures are best asked for at once: 1 for keys in files. */
SMKI_API size_t smki_key_together(const struct smki_key *key);
/* Key identifier by RFC 5280 4.2.1.2 method 2 of a SubjectPublicKeyInfo: 0100 and the low 60 bits of SHA-1 of the key bits. */
SMKI_API SMKI_MUST_USE int smki_key_id(uint8_t out[8], struct smki_bytes spki, struct smki_error *err);

#endif
