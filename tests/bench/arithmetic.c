/* See arithmetic.h. */
#include "arithmetic.h"

#include "serve/mbedtls_compat_i.h"

#include <mbedtls/ecdh.h>
#include <mbedtls/gcm.h>
#include <mbedtls/rsa.h>

#include <stdlib.h>
#include <time.h>

#define RECORD_MAX 16384 /* octets of a TLS record */
#define RECORDS    20000

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time); /* others on the machine do not count */
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static mbedtls_ctr_drbg_context drbg;
static mbedtls_entropy_context entropy;

static double ecdhe_once(int count)
{
    const double started = now();

    for (int i = 0; i < count; i++) {
        mbedtls_ecp_group group;
        mbedtls_mpi d, z;
        mbedtls_ecp_point q;

        mbedtls_ecp_group_init(&group);
        mbedtls_mpi_init(&d);
        mbedtls_mpi_init(&z);
        mbedtls_ecp_point_init(&q);
        if (mbedtls_ecp_group_load(&group, MBEDTLS_ECP_DP_CURVE25519) != 0 ||
            mbedtls_ecdh_gen_public(&group, &d, &q, mbedtls_ctr_drbg_random, &drbg) != 0 ||
            mbedtls_ecdh_compute_shared(&group, &z, &q, &d, mbedtls_ctr_drbg_random, &drbg) != 0)
            abort();
        mbedtls_ecp_group_free(&group);
        mbedtls_mpi_free(&d);
        mbedtls_mpi_free(&z);
        mbedtls_ecp_point_free(&q);
    }
    return (now() - started) * 1e6 / count;
}

static double private_once(mbedtls_rsa_context *rsa, int count)
{
    uint8_t in[256] = {0}, out[256];
    const double started = now();

    for (int i = 0; i < count; i++) {
        in[255] = (uint8_t)i;
        if (mbedtls_rsa_private(rsa, mbedtls_ctr_drbg_random, &drbg, in, out) != 0)
            abort();
    }
    return (now() - started) * 1e6 / count;
}

static double public_once(mbedtls_rsa_context *rsa, int count)
{
    uint8_t in[256] = {0}, out[256];
    const double started = now();

    for (int i = 0; i < count; i++) {
        in[255] = (uint8_t)i;
        if (mbedtls_rsa_public(rsa, in, out) != 0)
            abort();
    }
    return (now() - started) * 1e6 / count;
}

void arithmetic_measure(struct arithmetic *out, const char *key_file)
{
    mbedtls_pk_context key;

    mbedtls_pk_init(&key);
    mbedtls_ctr_drbg_init(&drbg);
    mbedtls_entropy_init(&entropy);
    if (mbedtls_ctr_drbg_seed(&drbg, mbedtls_entropy_func, &entropy, NULL, 0) != 0 ||
        mbedtls_pk_parse_keyfile(&key, key_file, NULL, mbedtls_ctr_drbg_random, &drbg) != 0)
        abort();
    (void)private_once(mbedtls_pk_rsa(key), 50); /* warm */
    out->rsa_private = private_once(mbedtls_pk_rsa(key), 500);
    out->rsa_public = public_once(mbedtls_pk_rsa(key), 2000);
    out->ecdhe = ecdhe_once(500);
    out->handshake = out->rsa_private + 2 * out->rsa_public + out->ecdhe;
    mbedtls_pk_free(&key);
}

double arithmetic_record(size_t size, bool opened)
{
    static uint8_t in[RECORD_MAX], out[RECORD_MAX];
    const uint8_t key[32] = {1}, nonce[12] = {2};
    uint8_t tag[16];
    mbedtls_gcm_context gcm;
    double started;

    size = size < RECORD_MAX ? size : RECORD_MAX;
    mbedtls_gcm_init(&gcm);
    if (mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, key, 256) != 0 ||
        mbedtls_gcm_crypt_and_tag(&gcm, MBEDTLS_GCM_ENCRYPT, size, nonce, 12, NULL, 0, in, out, sizeof(tag), tag) != 0)
        abort();
    started = now();
    for (int i = 0; i < RECORDS; i++)
        if ((opened ? mbedtls_gcm_auth_decrypt(&gcm, size, nonce, 12, NULL, 0, tag, sizeof(tag), out, in)
                    : mbedtls_gcm_crypt_and_tag(&gcm, MBEDTLS_GCM_ENCRYPT, size, nonce, 12, NULL, 0, in, out, sizeof(tag), tag)) != 0)
            abort();
    mbedtls_gcm_free(&gcm);
    return (now() - started) * 1e6 / RECORDS;
}
