/* Where private keys live, and what they do: sign a digest, give the public key. */
#ifndef SMKI_KEY_H
#define SMKI_KEY_H

#include <smki/csr.h>

#define SMKI_SIGNATURE_MAX_SIZE 512 /* octets: RSA 4096; ECDSA P-256 in DER takes at most 72 */

enum smki_key_type { SMKI_KEY_P256, SMKI_KEY_RSA };

/* A private key, wherever it is. Opaque; made by smki_key_open_file, smki_key_generate or, later, a token. Signing is thread-safe. */
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
SMKI_API void smki_key_close(struct smki_key *key);

SMKI_API enum smki_key_type smki_key_type(const struct smki_key *key);
/* SubjectPublicKeyInfo, DER; lives as long as the key. */
SMKI_API struct smki_bytes smki_key_public(const struct smki_key *key);
/* Signs a SHA-256 digest: ECDSA in DER, deterministic (RFC 6979) for keys in files; or RSA PKCS#1 v1.5 with SHA-256. Errors: CA_KEY_UNAVAILABLE. */
SMKI_API SMKI_MUST_USE int smki_key_sign(const struct smki_key *key, uint8_t out[SMKI_SIGNATURE_MAX_SIZE], size_t *size, const uint8_t digest[32],
                                         struct smki_error *err);
/* Key identifier by RFC 5280 4.2.1.2 method 2 of a SubjectPublicKeyInfo: 0100 and the low 60 bits of SHA-1 of the key bits. */
SMKI_API SMKI_MUST_USE int smki_key_id(uint8_t out[8], struct smki_bytes spki, struct smki_error *err);

#endif
