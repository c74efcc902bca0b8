/* P-256 by mbedTLS.
 *
 * mbedTLS keeps its table of multiples of G in the group, made by the first multiplication: a quarter of the cost of a verification when it
 * is made anew each time. So one group is made once for all threads, with its table, and only read after that: from then on mbedTLS writes
 * nothing into a group (ecp_mul_comb takes grp->T as it finds it). */
#include "base/mbedtls_compat_i.h"

#include "pki/p256_i.h"

#include <mbedtls/ecdsa.h>
#include <mbedtls/ecp.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct p256_private {
    mbedtls_mpi scalar;
};

static pthread_once_t group_once = PTHREAD_ONCE_INIT;
static mbedtls_ecp_group shared_group;
static bool group_made;

/* For mbedTLS's blinding: `context` is a struct smki_random. */
static int blinding(void *context, unsigned char *out, size_t size)
{
    const struct smki_random *random = context;

    return random->fill(random->context, out, size) == 0 ? 0 : MBEDTLS_ERR_ECP_RANDOM_FAILED;
}

static void *system_random(void)
{
    return (void *)(uintptr_t)&smki_random_system;
}

static void make_group(void)
{
    mbedtls_mpi two;
    mbedtls_ecp_point doubled;

    mbedtls_ecp_group_init(&shared_group);
    mbedtls_mpi_init(&two);
    mbedtls_ecp_point_init(&doubled);
    group_made = mbedtls_ecp_group_load(&shared_group, MBEDTLS_ECP_DP_SECP256R1) == 0 && mbedtls_mpi_lset(&two, 2) == 0 &&
                 mbedtls_ecp_mul(&shared_group, &doubled, &two, &shared_group.G, blinding, system_random()) == 0;
    mbedtls_ecp_point_free(&doubled);
    mbedtls_mpi_free(&two);
}

/* NULL when there was no memory for it. */
static mbedtls_ecp_group *group(void)
{
    pthread_once(&group_once, make_group);
    return group_made ? &shared_group : NULL;
}

/* mbedTLS holds both to 1..n-1. */
static int read_signature(mbedtls_mpi *r, mbedtls_mpi *s, struct smki_bytes signature)
{
    struct p256_signature octets;

    if (!p256_signature_read(&octets, signature))
        return SMKI_SIGNATURE_INVALID;
    if (mbedtls_mpi_read_binary(r, octets.r, sizeof octets.r) != 0 || mbedtls_mpi_read_binary(s, octets.s, sizeof octets.s) != 0)
        return SMKI_NO_MEMORY;
    return 0;
}

static int read_point(mbedtls_ecp_point *out, mbedtls_ecp_group *curve, const uint8_t point[SMKI_P256_POINT_SIZE])
{
    int rc = point[0] == 0x04 ? mbedtls_ecp_point_read_binary(curve, out, point, SMKI_P256_POINT_SIZE) : MBEDTLS_ERR_ECP_BAD_INPUT_DATA;

    if (rc == 0)
        rc = mbedtls_ecp_check_pubkey(curve, out);
    if (rc == MBEDTLS_ERR_MPI_ALLOC_FAILED)
        return SMKI_NO_MEMORY;
    return rc == 0 ? 0 : SMKI_P256_POINT;
}

static int verdict(int rc)
{
    if (rc == MBEDTLS_ERR_MPI_ALLOC_FAILED || rc == MBEDTLS_ERR_ECP_ALLOC_FAILED)
        return SMKI_NO_MEMORY;
    return rc == 0 ? 0 : SMKI_SIGNATURE_INVALID;
}

static int verify(const uint8_t point[SMKI_P256_POINT_SIZE], const uint8_t digest[SHA256_SIZE], struct smki_bytes signature)
{
    mbedtls_ecp_group *curve = group();
    mbedtls_ecp_point public_point;
    mbedtls_mpi r, s;
    int rc;

    if (curve == NULL)
        return SMKI_NO_MEMORY;
    mbedtls_ecp_point_init(&public_point);
    mbedtls_mpi_init(&r);
    mbedtls_mpi_init(&s);
    if ((rc = read_point(&public_point, curve, point)) == 0 && (rc = read_signature(&r, &s, signature)) == 0)
        rc = verdict(mbedtls_ecdsa_verify(curve, digest, SHA256_SIZE, &public_point, &r, &s));
    mbedtls_mpi_free(&s);
    mbedtls_mpi_free(&r);
    mbedtls_ecp_point_free(&public_point);
    return rc;
}

static void private_close(struct p256_private *key)
{
    if (key == NULL)
        return;
    mbedtls_mpi_free(&key->scalar); /* wipes */
    free(key);
}

static int private_open(struct p256_private **out, const uint8_t scalar[P256_SCALAR_SIZE])
{
    mbedtls_ecp_group *curve = group();
    struct p256_private *key = calloc(1, sizeof *key);

    *out = NULL;
    if (key == NULL || curve == NULL) {
        free(key);
        return SMKI_NO_MEMORY;
    }
    mbedtls_mpi_init(&key->scalar);
    if (mbedtls_mpi_read_binary(&key->scalar, scalar, P256_SCALAR_SIZE) != 0) {
        private_close(key);
        return SMKI_NO_MEMORY;
    }
    if (mbedtls_ecp_check_privkey(curve, &key->scalar) != 0) {
        private_close(key);
        return SMKI_KEY_UNREADABLE;
    }
    *out = key;
    return 0;
}

static int write_signature(uint8_t out[P256_SIGNATURE_MAX_SIZE], size_t *size, const mbedtls_mpi *r, const mbedtls_mpi *s)
{
    struct p256_signature octets;

    if (mbedtls_mpi_write_binary(r, octets.r, sizeof octets.r) != 0 || mbedtls_mpi_write_binary(s, octets.s, sizeof octets.s) != 0)
        return SMKI_NO_MEMORY;
    p256_signature_write(out, size, &octets);
    return 0;
}

static int sign(const struct p256_private *key, uint8_t out[P256_SIGNATURE_MAX_SIZE], size_t *size, const uint8_t digest[SHA256_SIZE])
{
    mbedtls_mpi r, s;
    int rc;

    mbedtls_mpi_init(&r);
    mbedtls_mpi_init(&s);
    rc = mbedtls_ecdsa_sign_det_ext(group(), &r, &s, &key->scalar, digest, SHA256_SIZE, MBEDTLS_MD_SHA256, blinding, system_random());
    if (rc == 0)
        rc = write_signature(out, size, &r, &s);
    mbedtls_mpi_free(&s);
    mbedtls_mpi_free(&r);
    if (rc == MBEDTLS_ERR_ECP_RANDOM_FAILED)
        return SMKI_RANDOM;
    return rc == 0 ? 0 : SMKI_NO_MEMORY;
}

static void verify_many(struct p256_verification *verifications, size_t count)
{
    for (size_t i = 0; i < count; i++)
        verifications[i].code = verify(verifications[i].point, verifications[i].digest, verifications[i].signature);
}

const struct p256_provider p256_mbedtls = {
    .name = "mbedtls",
    .verify = verify,
    .verify_many = verify_many,
    .private_open = private_open,
    .private_close = private_close,
    .sign = sign,
    .digest = sha256,
};

int p256_public_of(uint8_t point[SMKI_P256_POINT_SIZE], const uint8_t scalar[P256_SCALAR_SIZE])
{
    struct p256_private *key;
    mbedtls_ecp_point public_point;
    size_t size;
    int rc;

    if ((rc = private_open(&key, scalar)) != 0)
        return rc;
    mbedtls_ecp_point_init(&public_point);
    rc = mbedtls_ecp_mul(group(), &public_point, &key->scalar, &shared_group.G, blinding, system_random());
    if (rc == 0)
        rc = mbedtls_ecp_point_write_binary(group(), &public_point, MBEDTLS_ECP_PF_UNCOMPRESSED, &size, point, SMKI_P256_POINT_SIZE);
    mbedtls_ecp_point_free(&public_point);
    private_close(key);
    if (rc == MBEDTLS_ERR_ECP_RANDOM_FAILED)
        return SMKI_RANDOM;
    return rc == 0 ? 0 : SMKI_NO_MEMORY;
}

int p256_scalar_generate(uint8_t scalar[P256_SCALAR_SIZE], const struct smki_random *random)
{
    mbedtls_ecp_group *curve = group();
    mbedtls_mpi chosen;
    int rc;

    if (curve == NULL)
        return SMKI_NO_MEMORY;
    mbedtls_mpi_init(&chosen);
    rc = mbedtls_ecp_gen_privkey(curve, &chosen, blinding, (void *)(uintptr_t)random);
    if (rc == 0)
        rc = mbedtls_mpi_write_binary(&chosen, scalar, P256_SCALAR_SIZE);
    mbedtls_mpi_free(&chosen);
    if (rc == MBEDTLS_ERR_MPI_ALLOC_FAILED)
        return SMKI_NO_MEMORY;
    return rc == 0 ? 0 : SMKI_RANDOM;
}
