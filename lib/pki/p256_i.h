/* Who does the arithmetic on P-256: a seam. Every provider gives the same answers, octet for octet; they differ in speed. */
#ifndef SMKI_P256_I_H
#define SMKI_P256_I_H

#include "base/base_i.h"

#include <smki/csr.h>
#include <smki/p256.h>

#define P256_SCALAR_SIZE        32
#define P256_SIGNATURE_MAX_SIZE 72 /* octets of an ECDSA-Sig-Value */

struct p256_private; /* a provider's private key */

/* One signature of many that are verified together. */
struct p256_verification {
    const uint8_t *point; /* SMKI_P256_POINT_SIZE octets */
    uint8_t digest[32];
    struct smki_bytes signature;
    int code; /* out: what `verify` returns for it */
};

struct p256_provider {
    const char *name;
    /* Verifies a DER ECDSA-Sig-Value over a SHA-256 digest. Strict DER, 1 <= r, s < n; the point must be on the curve.
     * Returns 0, SMKI_SIGNATURE_INVALID, SMKI_P256_POINT, or SMKI_NO_MEMORY. */
    int (*verify)(const uint8_t point[SMKI_P256_POINT_SIZE], const uint8_t digest[32], struct smki_bytes signature);
    /* The same of each of many, whatever the others are: what can be shared between them is done once. */
    void (*verify_many)(struct p256_verification *verifications, size_t count);
    /* The scalar is big endian, 1..n-1. SMKI_KEY_UNREADABLE when it is not, SMKI_NO_MEMORY. */
    int (*private_open)(struct p256_private **out, const uint8_t scalar[P256_SCALAR_SIZE]);
    void (*private_close)(struct p256_private *key);
    /* Deterministic ECDSA (RFC 6979, SHA-256), DER into out. Thread-safe on one key, without a lock that serialises signers. */
    int (*sign)(const struct p256_private *key, uint8_t out[P256_SIGNATURE_MAX_SIZE], size_t *size, const uint8_t digest[32]);
    /* The SHA-256 of ecdsa-with-SHA256 (RFC 5758 3.2): of what is signed, or said to be. */
    void (*digest)(uint8_t out[32], const void *at, size_t size);
};

extern const struct p256_provider p256_mbedtls;
#ifdef SMKI_LIBCRYPTO
extern const struct p256_provider p256_libcrypto;
#endif

/* Every provider of this build, the fastest first; NULL ends the list. */
extern const struct p256_provider *const p256_providers[];

/* The provider in force. A private key is of the provider that opened it. */
const struct p256_provider *p256(void);

/* The public point of a private scalar (1..n-1). SMKI_KEY_UNREADABLE when the scalar is out of range, SMKI_NO_MEMORY, SMKI_RANDOM. */
SMKI_MUST_USE int p256_public_of(uint8_t point[SMKI_P256_POINT_SIZE], const uint8_t scalar[P256_SCALAR_SIZE]);
/* A new private scalar. SMKI_RANDOM, SMKI_NO_MEMORY. */
SMKI_MUST_USE int p256_scalar_generate(uint8_t scalar[P256_SCALAR_SIZE], const struct smki_random *random);

/* An ECDSA-Sig-Value's two numbers, big endian. */
struct p256_signature {
    uint8_t r[P256_SCALAR_SIZE], s[P256_SCALAR_SIZE];
};

/* False when it is not strict DER of two positive INTEGERs of at most 32 octets; whether they are below n is the provider's to say. */
bool p256_signature_read(struct p256_signature *out, struct smki_bytes signature);
/* r and s are of 1..n-1. */
void p256_signature_write(uint8_t out[P256_SIGNATURE_MAX_SIZE], size_t *size, const struct p256_signature *signature);

#endif
