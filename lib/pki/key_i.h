/* Where a private key lives: a seam. A home is a few functions over a struct that begins with struct smki_key. */
#ifndef SMKI_KEY_I_H
#define SMKI_KEY_I_H

#include "base/base_i.h"

#include <smki/key.h>

#define SPKI_P256_SIZE 91  /* SubjectPublicKeyInfo of an uncompressed P-256 point: always so many octets */
#define SPKI_MAX_SIZE  600 /* RSA 4096 takes 550 */

struct key_home {
    const char *name; /* "file", "token" */
    size_t together;  /* signatures that are best asked for at once; 0: one */
    /* Signs a SHA-256 digest, as smki_key_sign says. Thread-safe. */
    int (*sign)(const struct smki_key *key, uint8_t out[SMKI_SIGNATURE_MAX_SIZE], size_t *size, const uint8_t digest[32],
                struct smki_error *err);
    /* Many of them, all or none; NULL: one after the other. */
    int (*sign_many)(const struct smki_key *key, size_t count, uint8_t digests[][32], uint8_t out[][SMKI_SIGNATURE_MAX_SIZE],
                     size_t sizes[], struct smki_error *err);
    /* As smki_key_save; NULL for homes that never give a key out. */
    int (*save)(const struct smki_key *key, const char *path, const char *passphrase, struct smki_error *err);
    /* Wipes and frees. */
    void (*close)(struct smki_key *key);
};

struct smki_key {
    const struct key_home *home;
    enum smki_key_type type;
    uint8_t point[SMKI_P256_POINT_SIZE]; /* P-256 only */
    uint8_t spki[SPKI_MAX_SIZE];
    size_t spki_size;
};

struct mbedtls_pk_context;
/* The key as mbedTLS has it, for what only mbedTLS writes; not locked: for a key that nobody else signs with yet. NULL: it is no RSA key,
 * or lives elsewhere. */
struct mbedtls_pk_context *key_file_rsa(const struct smki_key *key);

/* Does the key live in a file, or in memory? */
bool key_is_in_file(const struct smki_key *key);
/* The secret of a P-256 key in a file; the caller wipes it. */
void key_file_scalar(const struct smki_key *key, uint8_t out[32]);

/* SubjectPublicKeyInfo of a P-256 point. */
void spki_of_point(uint8_t out[SPKI_P256_SIZE], const uint8_t point[SMKI_P256_POINT_SIZE]);
/* The point in a P-256 SubjectPublicKeyInfo; false when it is of another kind or form (compressed, another curve). Not checked against the
 * curve. */
bool spki_point(uint8_t out[SMKI_P256_POINT_SIZE], struct smki_bytes spki);
/* Verifies RSA PKCS#1 v1.5 with SHA-256 under an RSA SubjectPublicKeyInfo of 2048 to 4096 bits. SIGNATURE_INVALID, KEY_TYPE or NO_MEMORY.
 */
SMKI_MUST_USE int rsa_verify(struct smki_bytes spki, const uint8_t digest[32], struct smki_bytes signature);
/* Verifies a signature over a SHA-256 digest under any key we know: P-256 by p256(), else RSA. SIGNATURE_INVALID, P256_POINT, KEY_TYPE or
 * NO_MEMORY. */
SMKI_MUST_USE int spki_verify(struct smki_bytes spki, const uint8_t digest[32], struct smki_bytes signature);

#endif
