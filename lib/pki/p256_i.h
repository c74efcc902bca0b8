/* Who does the arithmetic on P-256: a seam, so that a faster provider can stand beside mbedTLS. */
#ifndef SMKI_P256_I_H
#define SMKI_P256_I_H

#include "base/base_i.h"

#include <smki/csr.h>

struct p256_private; /* a provider's private key */

struct p256_provider {
    const char *name;
    /* Verifies a DER ECDSA-Sig-Value over a SHA-256 digest. Strict DER, 1 <= r, s < n; the point must be on the curve.
     * Returns 0, SMKI_SIGNATURE_INVALID, SMKI_P256_POINT, or SMKI_NO_MEMORY. */
    int (*verify)(const uint8_t point[SMKI_P256_POINT_SIZE], const uint8_t digest[32], struct smki_bytes signature);
    /* The scalar is big endian, 1..n-1. SMKI_KEY_UNREADABLE when it is not, SMKI_NO_MEMORY. */
    int (*private_open)(struct p256_private **out, const uint8_t scalar[32]);
    void (*private_close)(struct p256_private *key);
    /* Deterministic ECDSA (RFC 6979, SHA-256), DER into out (at most 72 octets). Thread-safe on one key, without a lock that serialises
     * signers. */
    int (*sign)(const struct p256_private *key, uint8_t out[72], size_t *size, const uint8_t digest[32]);
};

extern const struct p256_provider p256_mbedtls;

/* The public point of a private scalar (1..n-1). SMKI_KEY_UNREADABLE when the scalar is out of range, SMKI_NO_MEMORY, SMKI_RANDOM. */
SMKI_MUST_USE int p256_public_of(uint8_t point[SMKI_P256_POINT_SIZE], const uint8_t scalar[32]);
/* A new private scalar. SMKI_RANDOM, SMKI_NO_MEMORY. */
SMKI_MUST_USE int p256_scalar_generate(uint8_t scalar[32], const struct smki_random *random);

/* The provider in force. */
const struct p256_provider *p256(void);

#endif
