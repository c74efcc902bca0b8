/* P-256 by OpenSSL's libcrypto, an order of magnitude faster than mbedTLS.
 *
 * By its EC and ECDSA functions and not by EVP: EVP fetches its methods under locks and takes keys in encoded (tests/bench/README.md has
 * the table of what was measured). They are marked as old since 3.0, and are there in all of 3.x.
 *
 * OpenSSL 3.0 has no deterministic signatures, so the nonce is made here by RFC 6979 with mbedTLS's HMAC_DRBG (which is that RFC's 3.2),
 * and handed to ECDSA_do_sign_ex. k is secret: k * G by EC_POINT_mul, which takes the same time for each k, 1/k by Fermat with
 * BN_mod_exp_mont_consttime. */
#define OPENSSL_API_COMPAT 10100
#define OPENSSL_SUPPRESS_DEPRECATED

#include "base/mbedtls_compat_i.h"

#include "pki/p256_i.h"

#include <mbedtls/hmac_drbg.h>
#include <mbedtls/platform_util.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <openssl/sha.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct p256_private {
    EC_KEY *key;
    uint8_t scalar[P256_SCALAR_SIZE];
};

/* ---- what all threads share, and only read ---- */

static pthread_once_t shared_once = PTHREAD_ONCE_INIT;
static pthread_key_t scratch_key;
static struct {
    EC_GROUP *group;
    BIGNUM *order, *order_less_2;
    BIGNUM *prime_less_order;
    BN_MONT_CTX *montgomery; /* of the order */
    BN_MONT_CTX *field;      /* the same of the prime */
    bool made;
} shared;

/* ---- what each thread has ---- */

#define LANES 32

/* One of many verifications. */
struct lane {
    bool in; /* point, r and s are what they must be */
    EC_POINT *point;
    BIGNUM *r;
    BIGNUM *s;      /* in Montgomery's form, modulo n */
    BIGNUM *before; /* the product of all s before it, in that form */
};

struct scratch {
    struct lane lanes[LANES]; /* made with the first many */
    BIGNUM *product, *u1, *u2, *z;
    BN_CTX *bn;
    EC_KEY *key;         /* the public key of a verification */
    EC_POINT *point;     /* of the curve */
    ECDSA_SIG *rs;       /* the signature of a verification */
    BIGNUM *r, *s;       /* these are rs's own */
    BIGNUM *k, *inverse; /* of a signature; wiped after it */
};

static void scratch_free(void *argument)
{
    struct scratch *scratch = argument;

    for (size_t i = 0; i < LANES; i++) {
        EC_POINT_free(scratch->lanes[i].point);
        BN_free(scratch->lanes[i].r);
        BN_free(scratch->lanes[i].s);
        BN_free(scratch->lanes[i].before);
    }
    BN_free(scratch->product);
    BN_free(scratch->u1);
    BN_free(scratch->u2);
    BN_free(scratch->z);
    ECDSA_SIG_free(scratch->rs); /* and r and s */
    EC_POINT_free(scratch->point);
    EC_KEY_free(scratch->key);
    BN_clear_free(scratch->k);
    BN_clear_free(scratch->inverse);
    BN_CTX_free(scratch->bn);
    free(scratch);
}

static void make_shared(void)
{
    BN_CTX *bn = BN_CTX_new();
    BIGNUM *prime = BN_new();

    shared.group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    shared.order = BN_new();
    shared.order_less_2 = BN_new();
    shared.prime_less_order = BN_new();
    shared.montgomery = BN_MONT_CTX_new();
    shared.field = BN_MONT_CTX_new();
    shared.made = bn != NULL && prime != NULL && shared.prime_less_order != NULL && shared.field != NULL && shared.group != NULL &&
                  shared.order != NULL && shared.order_less_2 != NULL && shared.montgomery != NULL &&
                  EC_GROUP_get_order(shared.group, shared.order, bn) == 1 && BN_copy(shared.order_less_2, shared.order) != NULL &&
                  BN_sub_word(shared.order_less_2, 2) == 1 && BN_MONT_CTX_set(shared.montgomery, shared.order, bn) == 1 &&
                  EC_GROUP_get_curve(shared.group, prime, NULL, NULL, bn) == 1 &&
                  BN_sub(shared.prime_less_order, prime, shared.order) == 1 && BN_MONT_CTX_set(shared.field, prime, bn) == 1 &&
                  pthread_key_create(&scratch_key, scratch_free) == 0;
    BN_free(prime);
    BN_CTX_free(bn);
}

static bool rs_make(struct scratch *scratch)
{
    BIGNUM *r = BN_new(), *s = BN_new();

    scratch->rs = ECDSA_SIG_new();
    if (r == NULL || s == NULL || scratch->rs == NULL || ECDSA_SIG_set0(scratch->rs, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        return false;
    }
    scratch->r = r;
    scratch->s = s;
    return true;
}

/* NULL when there was no memory for it. */
static struct scratch *scratch_of_thread(void)
{
    struct scratch *scratch;

    pthread_once(&shared_once, make_shared);
    if (!shared.made)
        return NULL;
    if ((scratch = pthread_getspecific(scratch_key)) != NULL)
        return scratch;
    if ((scratch = calloc(1, sizeof(*scratch))) == NULL)
        return NULL;
    scratch->bn = BN_CTX_new();
    scratch->key = EC_KEY_new();
    scratch->point = EC_POINT_new(shared.group);
    scratch->k = BN_secure_new();
    scratch->inverse = BN_secure_new();
    if (!rs_make(scratch) || scratch->bn == NULL || scratch->key == NULL || scratch->point == NULL || scratch->k == NULL ||
        scratch->inverse == NULL || EC_KEY_set_group(scratch->key, shared.group) != 1 || pthread_setspecific(scratch_key, scratch) != 0) {
        scratch_free(scratch);
        return NULL;
    }
    BN_set_flags(scratch->k, BN_FLG_CONSTTIME);
    BN_set_flags(scratch->inverse, BN_FLG_CONSTTIME);
    return scratch;
}

/* OpenSSL keeps a list of errors for each thread, which belongs to the program that embeds us: what is put there meanwhile is taken off. */
static int without_errors(int rc)
{
    ERR_pop_to_mark();
    return rc;
}

/* ---- verifying ---- */

static bool scalar_in_range(const BIGNUM *scalar)
{
    return !BN_is_zero(scalar) && BN_cmp(scalar, shared.order) < 0;
}

/* The form is uncompressed, the coordinates are below p, the point is on the curve: EC_POINT_oct2point sees to it. */
static int read_point(struct scratch *scratch, EC_POINT *out, const uint8_t point[SMKI_P256_POINT_SIZE])
{
    int reason;

    if (point[0] != POINT_CONVERSION_UNCOMPRESSED)
        return SMKI_P256_POINT;
    if (EC_POINT_oct2point(shared.group, out, point, SMKI_P256_POINT_SIZE, scratch->bn) == 1)
        return 0;
    reason = ERR_GET_REASON(ERR_peek_last_error()); /* any other is not the point's fault */
    return reason == EC_R_INVALID_ENCODING || reason == EC_R_POINT_IS_NOT_ON_CURVE ? SMKI_P256_POINT : SMKI_NO_MEMORY;
}

static int verify_one(struct scratch *scratch, const uint8_t *point, const uint8_t digest[32], struct smki_bytes signature);

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
        return verify_one(scratch, point, digest, signature);
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

/* ---- verifying many ----
 *
 * FIPS 186-5 6.4.2: with w = 1/s, is the x of (e w) G + (r w) Q equal to r modulo n? Division is what takes longest beside the
 * multiplication of points, and one inverse does for many: that of the product of all s, from which each one's follows by multiplying. All
 * s are of 1..n-1 and n is a prime, so no s can spoil the product, and whatever else is wrong with a lane is its own. Nor is the sum
 * divided by its Z: x = X / Z^2 is r modulo n when X is r Z^2, or (r + n) Z^2 if r + n is below p. Nothing here is secret. */

static bool lanes_make(struct scratch *scratch)
{
    bool ok = true;

    if (scratch->u2 != NULL)
        return true;
    for (size_t i = 0; i < LANES && ok; i++) {
        struct lane *lane = &scratch->lanes[i];
        ok = (lane->point != NULL || (lane->point = EC_POINT_new(shared.group)) != NULL) &&
             (lane->r != NULL || (lane->r = BN_new()) != NULL) && (lane->s != NULL || (lane->s = BN_new()) != NULL) &&
             (lane->before != NULL || (lane->before = BN_new()) != NULL);
    }
    return ok && (scratch->product != NULL || (scratch->product = BN_new()) != NULL) &&
           (scratch->u1 != NULL || (scratch->u1 = BN_new()) != NULL) && (scratch->z != NULL || (scratch->z = BN_new()) != NULL) &&
           (scratch->u2 = BN_new()) != NULL;
}

static int lane_read(struct lane *lane, struct scratch *scratch, const struct p256_verification *verification)
{
    struct p256_signature octets;
    int rc = read_point(scratch, lane->point, verification->point);

    if (rc != 0)
        return rc;
    if (!p256_signature_read(&octets, verification->signature))
        return SMKI_SIGNATURE_INVALID;
    if (BN_bin2bn(octets.r, sizeof(octets.r), lane->r) == NULL || BN_bin2bn(octets.s, sizeof(octets.s), lane->s) == NULL)
        return SMKI_NO_MEMORY;
    if (!scalar_in_range(lane->r) || !scalar_in_range(lane->s))
        return SMKI_SIGNATURE_INVALID;
    return BN_to_montgomery(lane->s, lane->s, shared.montgomery, scratch->bn) == 1 ? 0 : SMKI_NO_MEMORY;
}

/* The inverse of the product of all s, in Montgomery's form, into scratch->product. */
static bool lanes_invert(struct scratch *scratch, size_t count)
{
    BIGNUM *product = scratch->product;
    bool ok = BN_one(product) == 1 && BN_to_montgomery(product, product, shared.montgomery, scratch->bn) == 1;

    for (size_t i = 0; i < count && ok; i++)
        if (scratch->lanes[i].in)
            ok = BN_copy(scratch->lanes[i].before, product) != NULL &&
                 BN_mod_mul_montgomery(product, product, scratch->lanes[i].s, shared.montgomery, scratch->bn) == 1;
    return ok && BN_from_montgomery(product, product, shared.montgomery, scratch->bn) == 1 &&
           BN_mod_inverse(product, product, shared.order, scratch->bn) != NULL &&
           BN_to_montgomery(product, product, shared.montgomery, scratch->bn) == 1;
}

/* The last lane whose s is in the product: its own inverse, and the product is without it. */
static bool lane_inverse(struct lane *lane, struct scratch *scratch)
{
    return BN_mod_mul_montgomery(scratch->inverse, scratch->product, lane->before, shared.montgomery, scratch->bn) == 1 &&
           BN_mod_mul_montgomery(scratch->product, scratch->product, lane->s, shared.montgomery, scratch->bn) == 1;
}

/* *same: is X that many times Z^2? scratch->z holds Z^2 in Montgomery's form. */
static bool x_is(struct scratch *scratch, const BIGNUM *x, const BIGNUM *candidate, bool *same)
{
    BIGNUM *product = scratch->u2;
    const bool ok = BN_mod_mul_montgomery(product, scratch->z, candidate, shared.field, scratch->bn) == 1;

    *same = ok && BN_cmp(product, x) == 0;
    return ok;
}

/* *same: is the sum's x equal to the lane's r modulo n? */
static bool sum_is(const struct lane *lane, struct scratch *scratch, bool *same)
{
    BIGNUM *x = scratch->k, *z = scratch->z;

    if (EC_POINT_get_Jprojective_coordinates_GFp(shared.group, scratch->point, x, NULL, z, scratch->bn) != 1 ||
        BN_to_montgomery(z, z, shared.field, scratch->bn) != 1 || BN_mod_mul_montgomery(z, z, z, shared.field, scratch->bn) != 1 ||
        !x_is(scratch, x, lane->r, same))
        return false;
    if (*same || BN_cmp(lane->r, shared.prime_less_order) >= 0)
        return true;
    return BN_add(scratch->u1, lane->r, shared.order) == 1 && x_is(scratch, x, scratch->u1, same);
}

static int lane_verify(struct lane *lane, struct scratch *scratch, const uint8_t digest[32])
{
    BIGNUM *e = scratch->k;
    bool same;

    if (BN_bin2bn(digest, 32, e) != NULL && (BN_cmp(e, shared.order) < 0 || BN_sub(e, e, shared.order) == 1) &&
        BN_mod_mul_montgomery(scratch->u1, scratch->inverse, e, shared.montgomery, scratch->bn) == 1 &&
        BN_mod_mul_montgomery(scratch->u2, scratch->inverse, lane->r, shared.montgomery, scratch->bn) == 1 &&
        EC_POINT_mul(shared.group, scratch->point, scratch->u1, lane->point, scratch->u2, scratch->bn) == 1) {
        if (EC_POINT_is_at_infinity(shared.group, scratch->point))
            return SMKI_SIGNATURE_INVALID;
        if (sum_is(lane, scratch, &same))
            return same ? 0 : SMKI_SIGNATURE_INVALID;
    }
    return SMKI_NO_MEMORY;
}

static void verify_lanes(struct scratch *scratch, struct p256_verification *verifications, size_t count)
{
    bool inverted;

    for (size_t i = 0; i < count; i++) {
        verifications[i].code = lane_read(&scratch->lanes[i], scratch, &verifications[i]);
        scratch->lanes[i].in = verifications[i].code == 0;
    }
    inverted = lanes_invert(scratch, count);
    for (size_t i = count; i-- > 0;) {
        struct lane *lane = &scratch->lanes[i];

        if (!lane->in)
            continue;
        inverted = inverted && lane_inverse(lane, scratch);
        verifications[i].code = inverted ? lane_verify(lane, scratch, verifications[i].digest) : SMKI_NO_MEMORY;
    }
}

static int verify_one(struct scratch *scratch, const uint8_t *point, const uint8_t digest[32], struct smki_bytes signature)
{
    struct p256_verification verification = {.point = point, .signature = signature};

    memcpy(verification.digest, digest, sizeof(verification.digest));
    if (!lanes_make(scratch))
        return SMKI_NO_MEMORY;
    verify_lanes(scratch, &verification, 1);
    return verification.code;
}

static void verify_many(struct p256_verification *verifications, size_t count)
{
    struct scratch *scratch = scratch_of_thread();
    const bool made = scratch != NULL && lanes_make(scratch);

    for (size_t done = 0; done < count;) {
        const size_t part = count - done < LANES ? count - done : LANES;

        ERR_set_mark();
        if (made)
            verify_lanes(scratch, verifications + done, part);
        for (size_t i = 0; i < part && !made; i++)
            verifications[done + i].code = SMKI_NO_MEMORY;
        done += (size_t)without_errors((int)part);
    }
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
    if (key->key == NULL || EC_KEY_set_group(key->key, shared.group) != 1 || BN_bin2bn(key->scalar, sizeof(key->scalar), scalar) == NULL)
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
    ok = BN_bin2bn(digest, 32, reduced) != NULL && (BN_cmp(reduced, shared.order) < 0 || BN_sub(reduced, reduced, shared.order) == 1) &&
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
    return EC_POINT_mul(shared.group, scratch->point, scratch->k, NULL, NULL, scratch->bn) == 1 &&
           EC_POINT_get_affine_coordinates(shared.group, scratch->point, scratch->r, NULL, scratch->bn) == 1 &&
           BN_nnmod(scratch->r, scratch->r, shared.order, scratch->bn) == 1 &&
           BN_mod_exp_mont_consttime(scratch->inverse, scratch->k, shared.order_less_2, shared.order, scratch->bn, shared.montgomery) == 1;
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
    .verify_many = verify_many,
    .private_open = private_open,
    .private_close = private_close,
    .sign = sign,
    .digest = digest,
};
