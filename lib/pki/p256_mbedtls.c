/* P-256 by mbedTLS.
 *
 * mbedTLS keeps its table of multiples of G in the group, made by the first multiplication: a quarter of the cost of a verification when it
 * is made anew each time. So one group is made once for all threads, with its table, and only read after that: from then on mbedTLS writes
 * nothing into a group (ecp_mul_comb takes grp->T as it finds it). */
#include "base/mbedtls_compat_i.h"

#include "pki/der_write_i.h"
#include "pki/p256_i.h"

#include <mbedtls/ecdsa.h>
#include <mbedtls/ecp.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SCALAR_SIZE 32

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

/* ECDSA-Sig-Value ::= SEQUENCE { r INTEGER, s INTEGER }; mbedTLS holds both to 1..n-1. */
static int read_signature(mbedtls_mpi *r, mbedtls_mpi *s, struct smki_bytes signature)
{
    struct der outer = der_of(signature), inside;
    struct smki_bytes r_octets, s_octets;

    if (!der_enter(&outer, DER_SEQUENCE, &inside) || !der_done(&outer) || !der_positive(&inside, &r_octets) ||
        !der_positive(&inside, &s_octets) || !der_done(&inside) || r_octets.size > SCALAR_SIZE || s_octets.size > SCALAR_SIZE)
        return SMKI_SIGNATURE_INVALID;
    if (mbedtls_mpi_read_binary(r, r_octets.at, r_octets.size) != 0 || mbedtls_mpi_read_binary(s, s_octets.at, s_octets.size) != 0)
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

static int private_open(struct p256_private **out, const uint8_t scalar[SCALAR_SIZE])
{
    mbedtls_ecp_group *curve = group();
    struct p256_private *key = calloc(1, sizeof *key);

    *out = NULL;
    if (key == NULL || curve == NULL) {
        free(key);
        return SMKI_NO_MEMORY;
    }
    mbedtls_mpi_init(&key->scalar);
    if (mbedtls_mpi_read_binary(&key->scalar, scalar, SCALAR_SIZE) != 0) {
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

/* INTEGER of 1..n-1: no leading zero octets but the one that keeps it positive. */
static int put_scalar(struct der_writer *writer, const mbedtls_mpi *scalar)
{
    uint8_t octets[1 + SCALAR_SIZE] = {0};
    size_t first = 0;

    if (mbedtls_mpi_write_binary(scalar, octets + 1, SCALAR_SIZE) != 0)
        return SMKI_NO_MEMORY;
    while (first < SCALAR_SIZE && octets[first] == 0 && (octets[first + 1] & 0x80) == 0)
        first++;
    der_put_element(writer, DER_INTEGER, BYTES(octets + first, sizeof octets - first));
    return 0;
}

static int write_signature(uint8_t out[72], size_t *size, const mbedtls_mpi *r, const mbedtls_mpi *s)
{
    uint8_t room[72];
    struct der_writer writer = der_writer_of(room, sizeof room);
    const uint8_t *end = writer.at;
    struct smki_bytes written;

    if (put_scalar(&writer, s) != 0 || put_scalar(&writer, r) != 0)
        return SMKI_NO_MEMORY;
    der_wrap(&writer, end, DER_SEQUENCE);
    written = der_written(&writer);
    memcpy(out, written.at, written.size);
    *size = written.size;
    return 0;
}

static int sign(const struct p256_private *key, uint8_t out[72], size_t *size, const uint8_t digest[SHA256_SIZE])
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

const struct p256_provider p256_mbedtls = {
    .name = "mbedtls",
    .verify = verify,
    .private_open = private_open,
    .private_close = private_close,
    .sign = sign,
};

int p256_public_of(uint8_t point[SMKI_P256_POINT_SIZE], const uint8_t scalar[SCALAR_SIZE])
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

int p256_scalar_generate(uint8_t scalar[SCALAR_SIZE], const struct smki_random *random)
{
    mbedtls_ecp_group *curve = group();
    mbedtls_mpi chosen;
    int rc;

    if (curve == NULL)
        return SMKI_NO_MEMORY;
    mbedtls_mpi_init(&chosen);
    rc = mbedtls_ecp_gen_privkey(curve, &chosen, blinding, (void *)(uintptr_t)random);
    if (rc == 0)
        rc = mbedtls_mpi_write_binary(&chosen, scalar, SCALAR_SIZE);
    mbedtls_mpi_free(&chosen);
    if (rc == MBEDTLS_ERR_MPI_ALLOC_FAILED)
        return SMKI_NO_MEMORY;
    return rc == 0 ? 0 : SMKI_RANDOM;
}
