/* What the files of p256_libcrypto share: what all threads only read, and what each thread has. */
#ifndef SMKI_P256_LIBCRYPTO_I_H
#define SMKI_P256_LIBCRYPTO_I_H

#ifndef OPENSSL_SUPPRESS_DEPRECATED /* the EC and ECDSA functions: see p256_libcrypto.c */
#define OPENSSL_API_COMPAT 10100
#define OPENSSL_SUPPRESS_DEPRECATED
#endif

#include "pki/p256_i.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>

struct p256_shared {
    EC_GROUP *group;
    BIGNUM *order, *order_less_2;
    BIGNUM *prime_less_order;
    BN_MONT_CTX *montgomery; /* of the order */
    BN_MONT_CTX *field;      /* the same of the prime */
};
extern struct p256_shared p256_shared; /* there once scratch_of_thread has given one */

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

/* NULL when there was no memory for it. */
struct scratch *scratch_of_thread(void);
/* OpenSSL keeps a list of errors for each thread, which belongs to the program that embeds us: what was put there since ERR_set_mark is
 * taken off. Returns rc. */
int without_errors(int rc);

bool scalar_in_range(const BIGNUM *scalar);
/* The form is uncompressed, the coordinates are below p, the point is on the curve. P256_POINT or NO_MEMORY. */
int read_point(struct scratch *scratch, EC_POINT *out, const uint8_t point[SMKI_P256_POINT_SIZE]);

/* ---- p256_libcrypto_many.c ---- */
void libcrypto_verify_many(struct p256_verification *verifications, size_t count);
/* As one of many. */
int libcrypto_verify_one(struct scratch *scratch, const uint8_t *point, const uint8_t digest[32], struct smki_bytes signature);

#endif
