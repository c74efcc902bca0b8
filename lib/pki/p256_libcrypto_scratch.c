/* What p256_libcrypto needs at hand: made once for the process, and once for each thread. */
#include "pki/p256_libcrypto_i.h"

#include <openssl/err.h>
#include <openssl/obj_mac.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

/* ---- what all threads share, and only read ---- */

struct p256_shared p256_shared;

static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool made; /* what is in p256_shared is whole */
static pthread_key_t scratch_key;

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

static void shared_free(struct p256_shared *shared)
{
    EC_GROUP_free(shared->group);
    BN_free(shared->order);
    BN_free(shared->order_less_2);
    BN_free(shared->prime_less_order);
    BN_MONT_CTX_free(shared->montgomery);
    BN_MONT_CTX_free(shared->field);
}

static bool shared_fill(struct p256_shared *shared, BIGNUM *prime, BN_CTX *bn)
{
    return EC_GROUP_get_order(shared->group, shared->order, bn) == 1 && BN_copy(shared->order_less_2, shared->order) != NULL &&
           BN_sub_word(shared->order_less_2, 2) == 1 && BN_MONT_CTX_set(shared->montgomery, shared->order, bn) == 1 &&
           EC_GROUP_get_curve(shared->group, prime, NULL, NULL, bn) == 1 && BN_sub(shared->prime_less_order, prime, shared->order) == 1 &&
           BN_MONT_CTX_set(shared->field, prime, bn) == 1;
}

static bool shared_make(void)
{
    struct p256_shared shared = {.group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1),
                                 .order = BN_new(),
                                 .order_less_2 = BN_new(),
                                 .prime_less_order = BN_new(),
                                 .montgomery = BN_MONT_CTX_new(),
                                 .field = BN_MONT_CTX_new()};
    BN_CTX *bn = BN_CTX_new();
    BIGNUM *prime = BN_new();
    const bool ok = bn != NULL && prime != NULL && shared.group != NULL && shared.order != NULL && shared.order_less_2 != NULL &&
                    shared.prime_less_order != NULL && shared.montgomery != NULL && shared.field != NULL &&
                    shared_fill(&shared, prime, bn) && pthread_key_create(&scratch_key, scratch_free) == 0;

    BN_free(prime);
    BN_CTX_free(bn);
    if (ok)
        p256_shared = shared;
    else
        shared_free(&shared);
    return ok;
}

/* Tried again when there was no memory for it. */
static bool shared_have(void)
{
    if (atomic_load_explicit(&made, memory_order_acquire))
        return true;
    pthread_mutex_lock(&making);
    if (!atomic_load(&made))
        atomic_store_explicit(&made, shared_make(), memory_order_release);
    pthread_mutex_unlock(&making);
    return atomic_load(&made);
}

/* ---- what each thread has ---- */

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

struct scratch *scratch_of_thread(void)
{
    struct scratch *scratch;

    if (!shared_have())
        return NULL;
    if ((scratch = pthread_getspecific(scratch_key)) != NULL)
        return scratch;
    if ((scratch = calloc(1, sizeof(*scratch))) == NULL)
        return NULL;
    scratch->bn = BN_CTX_new();
    scratch->key = EC_KEY_new();
    scratch->point = EC_POINT_new(p256_shared.group);
    scratch->k = BN_secure_new();
    scratch->inverse = BN_secure_new();
    if (!rs_make(scratch) || scratch->bn == NULL || scratch->key == NULL || scratch->point == NULL || scratch->k == NULL ||
        scratch->inverse == NULL || EC_KEY_set_group(scratch->key, p256_shared.group) != 1 ||
        pthread_setspecific(scratch_key, scratch) != 0) {
        scratch_free(scratch);
        return NULL;
    }
    BN_set_flags(scratch->k, BN_FLG_CONSTTIME);
    BN_set_flags(scratch->inverse, BN_FLG_CONSTTIME);
    return scratch;
}

int without_errors(int rc)
{
    ERR_pop_to_mark();
    return rc;
}

/* ---- reading ---- */

bool scalar_in_range(const BIGNUM *scalar)
{
    return !BN_is_zero(scalar) && BN_cmp(scalar, p256_shared.order) < 0;
}

/* EC_POINT_oct2point sees to what the point must be. */
int read_point(struct scratch *scratch, EC_POINT *out, const uint8_t point[SMKI_P256_POINT_SIZE])
{
    int reason;

    if (point[0] != POINT_CONVERSION_UNCOMPRESSED)
        return SMKI_P256_POINT;
    if (EC_POINT_oct2point(p256_shared.group, out, point, SMKI_P256_POINT_SIZE, scratch->bn) == 1)
        return 0;
    reason = ERR_GET_REASON(ERR_peek_last_error()); /* any other is not the point's fault */
    return reason == EC_R_INVALID_ENCODING || reason == EC_R_POINT_IS_NOT_ON_CURVE ? SMKI_P256_POINT : SMKI_NO_MEMORY;
}
