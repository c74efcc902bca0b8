/* Verifying many signatures together.
 *
 * FIPS 186-5 6.4.2: with w = 1/s, is the x of (e w) G + (r w) Q equal to r modulo n? Division is what takes longest beside the
 * multiplication of points, and one inverse does for many: that of the product of all s, from which each one's follows by multiplying. All
 * s are of 1..n-1 and n is a prime, so no s can spoil the product, and whatever else is wrong with a lane is its own. Nor is the sum
 * divided by its Z: x = X / Z^2 is r modulo n when X is r Z^2, or (r + n) Z^2 if r + n is below p. Nothing here is secret. */
#include "pki/p256_libcrypto_i.h"

#include <openssl/err.h>

#include <string.h>

static bool lanes_make(struct scratch *scratch)
{
    bool ok = true;

    if (scratch->u2 != NULL)
        return true;
    for (size_t i = 0; i < LANES && ok; i++) {
        struct lane *lane = &scratch->lanes[i];
        ok = (lane->point != NULL || (lane->point = EC_POINT_new(p256_shared.group)) != NULL) &&
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
    return BN_to_montgomery(lane->s, lane->s, p256_shared.montgomery, scratch->bn) == 1 ? 0 : SMKI_NO_MEMORY;
}

/* The inverse of the product of all s, in Montgomery's form, into scratch->product. */
static bool lanes_invert(struct scratch *scratch, size_t count)
{
    BIGNUM *product = scratch->product;
    bool ok = BN_one(product) == 1 && BN_to_montgomery(product, product, p256_shared.montgomery, scratch->bn) == 1;

    for (size_t i = 0; i < count && ok; i++)
        if (scratch->lanes[i].in)
            ok = BN_copy(scratch->lanes[i].before, product) != NULL &&
                 BN_mod_mul_montgomery(product, product, scratch->lanes[i].s, p256_shared.montgomery, scratch->bn) == 1;
    return ok && BN_from_montgomery(product, product, p256_shared.montgomery, scratch->bn) == 1 &&
           BN_mod_inverse(product, product, p256_shared.order, scratch->bn) != NULL &&
           BN_to_montgomery(product, product, p256_shared.montgomery, scratch->bn) == 1;
}

/* The last lane whose s is in the product: its own inverse, and the product is without it. */
static bool lane_inverse(struct lane *lane, struct scratch *scratch)
{
    return BN_mod_mul_montgomery(scratch->inverse, scratch->product, lane->before, p256_shared.montgomery, scratch->bn) == 1 &&
           BN_mod_mul_montgomery(scratch->product, scratch->product, lane->s, p256_shared.montgomery, scratch->bn) == 1;
}

/* *same: is X that many times Z^2? scratch->z holds Z^2 in Montgomery's form. */
static bool x_is(struct scratch *scratch, const BIGNUM *x, const BIGNUM *candidate, bool *same)
{
    BIGNUM *product = scratch->u2;
    const bool ok = BN_mod_mul_montgomery(product, scratch->z, candidate, p256_shared.field, scratch->bn) == 1;

    *same = ok && BN_cmp(product, x) == 0;
    return ok;
}

/* *same: is the sum's x equal to the lane's r modulo n? */
static bool sum_is(const struct lane *lane, struct scratch *scratch, bool *same)
{
    BIGNUM *x = scratch->k, *z = scratch->z;

    if (EC_POINT_get_Jprojective_coordinates_GFp(p256_shared.group, scratch->point, x, NULL, z, scratch->bn) != 1 ||
        BN_to_montgomery(z, z, p256_shared.field, scratch->bn) != 1 ||
        BN_mod_mul_montgomery(z, z, z, p256_shared.field, scratch->bn) != 1 || !x_is(scratch, x, lane->r, same))
        return false;
    if (*same || BN_cmp(lane->r, p256_shared.prime_less_order) >= 0)
        return true;
    return BN_add(scratch->u1, lane->r, p256_shared.order) == 1 && x_is(scratch, x, scratch->u1, same);
}

static int lane_verify(struct lane *lane, struct scratch *scratch, const uint8_t digest[32])
{
    BIGNUM *e = scratch->k;
    bool same;

    if (BN_bin2bn(digest, 32, e) != NULL && (BN_cmp(e, p256_shared.order) < 0 || BN_sub(e, e, p256_shared.order) == 1) &&
        BN_mod_mul_montgomery(scratch->u1, scratch->inverse, e, p256_shared.montgomery, scratch->bn) == 1 &&
        BN_mod_mul_montgomery(scratch->u2, scratch->inverse, lane->r, p256_shared.montgomery, scratch->bn) == 1 &&
        EC_POINT_mul(p256_shared.group, scratch->point, scratch->u1, lane->point, scratch->u2, scratch->bn) == 1) {
        if (EC_POINT_is_at_infinity(p256_shared.group, scratch->point))
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

int libcrypto_verify_one(struct scratch *scratch, const uint8_t *point, const uint8_t digest[32], struct smki_bytes signature)
{
    struct p256_verification verification = {.point = point, .signature = signature};

    memcpy(verification.digest, digest, sizeof(verification.digest));
    if (!lanes_make(scratch))
        return SMKI_NO_MEMORY;
    verify_lanes(scratch, &verification, 1);
    return verification.code;
}

void libcrypto_verify_many(struct p256_verification *verifications, size_t count)
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
