/* P-256 by OpenSSL's libcrypto, an order of magnitude faster than mbedTLS.
 *
 * By its EC and ECDSA functions and not by EVP: EVP fetches its methods under locks and takes keys in encoded (tests/bench/README.md has
 * the table of what was measured). They are marked as old since 3.0, and are there in all of 3.x.
 *
 * OpenSSL 3.0 has no deterministic signatures, so the nonce is made here by RFC 6979 with mbedTLS's HMAC_DRBG (which is that RFC's 3.2),
 * and handed to ECDSA_do_sign_ex. k is secret: k * G by EC_POINT_mul, which takes the same time for each k, 1/k by Fermat with
 * BN_mod_exp_mont_consttime. */
#include "base/mbedtls_compat_i.h"

#include "pki/p256_libcrypto_i.h"

#include <mbedtls/hmac_drbg.h>
#include <mbedtls/platform_util.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/sha.h>

#include <stdlib.h>
#include <string.h>

struct p256_private {
    EC_KEY *key;
    uint8_t scalar[P256_SCALAR_SIZE];
};

/* ---- verifying ---- */

static int verify_marked(struct scratch *scratch, const uint8_t point[SMKI_P256_POINT_SIZE], const uint8_t digest[32],
                         struct smki_bytes signature)
{
    struct p256_signature octets;
    int rc = read_point(scratch, scratch->point, point), right;

    if (rc != 0)
        return rc;
    if (EC_KEY_set_public_key(scratch->key, scratch->point) != 1)
        return SMKI_NO_MEMORY;
    if (!p256_signature_read(&octets, signature))
        return SMKI_SIGNATURE_INVALID;
    if (BN_bin2bn(octets.r, sizeof(octets.r), scratch->r) == NULL || BN_bin2bn(octets.s, sizeof(octets.s), scratch->s) == NULL)
        return SMKI_NO_MEMORY;
    if (!scalar_in_range(scratch->r) || !scalar_in_range(scratch->s))
        return SMKI_SIGNATURE_INVALID;
    right = ECDSA_do_verify(digest, 32, scratch->rs, scratch->key);
    if (right < 0) /* the sum is no point, or there was no memory: which, its errors do not say reliably */
        return libcrypto_verify_one(scratch, point, digest, signature);
    return right == 1 ? 0 : SMKI_SIGNATURE_INVALID;
}

static int verify(const uint8_t point[SMKI_P256_POINT_SIZE], const uint8_t digest[32], struct smki_bytes signature)
{
    struct scratch *scratch = scratch_of_thread();

    if (scratch == NULL)
        return SMKI_NO_MEMORY;
    ERR_set_mark();
    return without_errors(verify_marked(scratch, point, digest, signature));
}

/* ---- private keys ---- */

static void private_close(struct p256_private *key)
{
    if (key == NULL)
        return;
    EC_KEY_free(key->key); /* wipes */
    mbedtls_platform_zeroize(key, sizeof(*key));
    free(key);
}

static int key_fill(struct p256_private *key, struct scratch *scratch)
{
    BIGNUM *scalar = scratch->k;
    int rc = SMKI_NO_MEMORY;

    key->key = EC_KEY_new();
    if (key->key == NULL || EC_KEY_set_group(key->key, p256_shared.group) != 1 ||
        BN_bin2bn(key->scalar, sizeof(key->scalar), scalar) == NULL)
        goto end;
    rc = SMKI_KEY_UNREADABLE;
    if (scalar_in_range(scalar))
        rc = EC_KEY_set_private_key(key->key, scalar) == 1 ? 0 : SMKI_NO_MEMORY;
end:
    BN_clear(scalar);
    return rc;
}

static int private_open(struct p256_private **out, const uint8_t scalar[P256_SCALAR_SIZE])
{
    struct scratch *scratch = scratch_of_thread();
    struct p256_private *key = calloc(1, sizeof(*key));
    int rc = SMKI_NO_MEMORY;

    *out = NULL;
    if (key == NULL)
        return SMKI_NO_MEMORY;
    memcpy(key->scalar, scalar, sizeof(key->scalar));
    if (scratch != NULL) {
        ERR_set_mark();
        rc = without_errors(key_fill(key, scratch));
    }
    if (rc != 0) {
        private_close(key);
        return rc;
    }
    *out = key;
    return 0;
}

/* ---- signing ---- */

/* RFC 6979 3.2 b to g: HMAC_DRBG, seeded with the private key and the digest modulo n (bits2octets). */
static bool nonces_begin(mbedtls_hmac_drbg_context *nonces, const struct p256_private *key, const uint8_t digest[32],
                         struct scratch *scratch)
{
    uint8_t seed[2 * P256_SCALAR_SIZE];
    BIGNUM *reduced = scratch->inverse;
    bool ok;

    memcpy(seed, key->scalar, P256_SCALAR_SIZE);
    ok = BN_bin2bn(digest, 32, reduced) != NULL &&
         (BN_cmp(reduced, p256_shared.order) < 0 || BN_sub(reduced, reduced, p256_shared.order) == 1) &&
         BN_bn2binpad(reduced, seed + P256_SCALAR_SIZE, P256_SCALAR_SIZE) == P256_SCALAR_SIZE &&
         mbedtls_hmac_drbg_seed_buf(nonces, mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), seed, sizeof(seed)) == 0;
    mbedtls_platform_zeroize(seed, sizeof(seed));
    return ok;
}

/* 3.2 h: the next nonce of 1..n-1. Asking again is rarer than one in 2^32. */
static bool nonce_next(mbedtls_hmac_drbg_context *nonces, struct scratch *scratch)
{
    uint8_t octets[P256_SCALAR_SIZE];
    bool ok;

    do
        ok = mbedtls_hmac_drbg_random(nonces, octets, sizeof(octets)) == 0 && BN_bin2bn(octets, sizeof(octets), scratch->k) != NULL;
    while (ok && !scalar_in_range(scratch->k));
    mbedtls_platform_zeroize(octets, sizeof(octets));
    return ok;
}

/* r = (k * G).x mod n into scratch->r, 1/k into scratch->inverse. */
static bool nonce_use(struct scratch *scratch)
{
    return EC_POINT_mul(p256_shared.group, scratch->point, scratch->k, NULL, NULL, scratch->bn) == 1 &&
           EC_POINT_get_affine_coordinates(p256_shared.group, scratch->point, scratch->r, NULL, scratch->bn) == 1 &&
           BN_nnmod(scratch->r, scratch->r, p256_shared.order, scratch->bn) == 1 &&
           BN_mod_exp_mont_consttime(scratch->inverse, scratch->k, p256_shared.order_less_2, p256_shared.order, scratch->bn,
                                     p256_shared.montgomery) == 1;
}

static bool signature_write(uint8_t out[P256_SIGNATURE_MAX_SIZE], size_t *size, const ECDSA_SIG *signature)
{
    struct p256_signature octets;

    if (BN_bn2binpad(ECDSA_SIG_get0_r(signature), octets.r, sizeof(octets.r)) != (int)sizeof(octets.r) ||
        BN_bn2binpad(ECDSA_SIG_get0_s(signature), octets.s, sizeof(octets.s)) != (int)sizeof(octets.s))
        return false;
    p256_signature_write(out, size, &octets);
    return true;
}

static int sign_marked(const struct p256_private *key, struct scratch *scratch, mbedtls_hmac_drbg_context *nonces,
                       uint8_t out[P256_SIGNATURE_MAX_SIZE], size_t *size, const uint8_t digest[32])
{
    ECDSA_SIG *signature = NULL;
    int rc = SMKI_NO_MEMORY;

    if (!nonces_begin(nonces, key, digest, scratch))
        return SMKI_NO_MEMORY;
    do { /* r or s of zero, never seen by anybody, wants another nonce */
        if (!nonce_next(nonces, scratch) || !nonce_use(scratch))
            return SMKI_NO_MEMORY;
        if (!BN_is_zero(scratch->r))
            signature = ECDSA_do_sign_ex(digest, 32, scratch->inverse, scratch->r, key->key);
    } while (signature == NULL && (BN_is_zero(scratch->r) || ERR_GET_REASON(ERR_peek_last_error()) == EC_R_NEED_NEW_SETUP_VALUES));
    if (signature != NULL && signature_write(out, size, signature))
        rc = 0;
    ECDSA_SIG_free(signature);
    return rc;
}

static int sign(const struct p256_private *key, uint8_t out[P256_SIGNATURE_MAX_SIZE], size_t *size, const uint8_t digest[32])
{
    struct scratch *scratch = scratch_of_thread();
    mbedtls_hmac_drbg_context nonces;
    int rc;

    if (scratch == NULL)
        return SMKI_NO_MEMORY;
    mbedtls_hmac_drbg_init(&nonces);
    ERR_set_mark();
    rc = without_errors(sign_marked(key, scratch, &nonces, out, size, digest));
    mbedtls_hmac_drbg_free(&nonces);
    BN_clear(scratch->k);
    BN_clear(scratch->inverse);
    return rc;
}

/* Not by SHA256(), which fetches its method anew each time. These fail never. */
static void digest(uint8_t out[32], const void *at, size_t size)
{
    SHA256_CTX hash;

    (void)SHA256_Init(&hash);
    (void)SHA256_Update(&hash, at, size);
    (void)SHA256_Final(out, &hash);
}

const struct p256_provider p256_libcrypto = {
    .name = "libcrypto",
    .verify = verify,
    .verify_many = libcrypto_verify_many,
    .private_open = private_open,
    .private_close = private_close,
    .sign = sign,
    .digest = digest,
};
