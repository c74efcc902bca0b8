#include "requests.h"

#include "base/base_i.h"
#include "pki/p256_i.h"

#ifdef SMKI_LIBCRYPTO
#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#endif

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define THREADS_MAX 64

struct mould {
    uint8_t info[REQUEST_MAX];
    size_t size, point, device; /* where the public key and the Device ID stand in it */
};

struct share {
    const struct mould *mould;
    struct request *requests;
    size_t from, to;
    uint64_t first, devices;
    bool failed;
};

/* The public point of a scalar, which mbedTLS takes thirty times as long for. */
#ifdef SMKI_LIBCRYPTO
static bool public_of(uint8_t point[SMKI_P256_POINT_SIZE], const uint8_t scalar[P256_SCALAR_SIZE])
{
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    EC_POINT *at = group != NULL ? EC_POINT_new(group) : NULL;
    BIGNUM *k = BN_bin2bn(scalar, P256_SCALAR_SIZE, NULL);
    bool made = at != NULL && k != NULL && EC_POINT_mul(group, at, k, NULL, NULL, NULL) == 1 &&
                EC_POINT_point2oct(group, at, POINT_CONVERSION_UNCOMPRESSED, point, SMKI_P256_POINT_SIZE, NULL) == SMKI_P256_POINT_SIZE;

    BN_clear_free(k);
    EC_POINT_free(at);
    EC_GROUP_free(group);
    return made;
}
#else
static bool public_of(uint8_t point[SMKI_P256_POINT_SIZE], const uint8_t scalar[P256_SCALAR_SIZE])
{
    return p256_public_of(point, scalar) == 0;
}
#endif

static size_t place_of(const uint8_t *in, size_t size, const void *what, size_t what_size)
{
    const uint8_t *at = memmem(in, size, what, what_size);

    return at != NULL ? (size_t)(at - in) : SIZE_MAX;
}

static bool mould_read(struct mould *mould)
{
    struct smki_buffer file = {0};
    struct smki_error err = {0};
    struct smki_csr csr;
    bool read = file_read(&file, TEST_DATA "/zaz1/device-00db1234567890a0.csr.der", REQUEST_MAX, &err) == 0 &&
                smki_csr_read(&csr, SMKI_PROFILE_DEVICE, (struct smki_bytes){file.at, file.size}, &err) == 0;

    if (read) {
        mould->size = csr.info.size;
        memcpy(mould->info, csr.info.at, csr.info.size);
        mould->point = place_of(mould->info, mould->size, csr.point, sizeof(csr.point));
        mould->device = place_of(mould->info, mould->size, csr.device_id.octet, sizeof(csr.device_id.octet));
    } else {
        fprintf(stderr, "bench: %s\n", err.text);
    }
    smki_buffer_finish(&file);
    return read && mould->point != SIZE_MAX && mould->device != SIZE_MAX;
}

/* SEQUENCE { info, ecdsa-with-SHA256, BIT STRING }: every length but the outer one fits one octet. */
static void request_close(struct request *request, const uint8_t *info, size_t info_size, const uint8_t *signature, size_t size)
{
    static const uint8_t algorithm[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
    const size_t body = info_size + sizeof(algorithm) + 3 + size;
    struct writer writer = writer_of(request->der, sizeof(request->der));

    write_u16(&writer, 0x3082);
    write_u16(&writer, (uint16_t)body);
    write_bytes(&writer, info, info_size);
    write_bytes(&writer, algorithm, sizeof(algorithm));
    write_u8(&writer, 0x03);
    write_u8(&writer, (uint8_t)(size + 1));
    write_u8(&writer, 0);
    write_bytes(&writer, signature, size);
    request->size = (uint16_t)writer_size(&writer);
}

static bool request_make(const struct mould *mould, struct request *request, uint64_t device, const uint8_t scalar[32])
{
    struct writer id;
    uint8_t info[REQUEST_MAX], digest[SHA256_SIZE], signature[72];
    struct p256_private *key = NULL;
    size_t size;
    bool made;

    memcpy(info, mould->info, mould->size);
    id = writer_of(info + mould->device, SMKI_DEVICE_ID_SIZE);
    write_u64(&id, device);
    if (!public_of(info + mould->point, scalar) || p256()->private_open(&key, scalar) != 0)
        return false;
    sha256(digest, info, mould->size);
    made = p256()->sign(key, signature, &size, digest) == 0;
    p256()->private_close(key);
    if (made)
        request_close(request, info, mould->size, signature, size);
    return made;
}

static void *share_make(void *argument)
{
    struct share *share = argument;
    uint8_t scalar[32];

    for (size_t i = share->from; i < share->to && !share->failed; i++)
        share->failed = p256_scalar_generate(scalar, &smki_random_system) != 0 ||
                        !request_make(share->mould, &share->requests[i], share->first + i % share->devices, scalar);
    return NULL;
}

/* By so many threads; false: one of them failed. */
static bool shares_make(struct share *shares, size_t threads)
{
    pthread_t ids[THREADS_MAX];
    size_t started = 0;
    bool made = true;

    while (started < threads && pthread_create(&ids[started], NULL, share_make, &shares[started]) == 0)
        started++;
    for (size_t i = 0; i < started; i++) {
        pthread_join(ids[i], NULL);
        made = made && !shares[i].failed;
    }
    return made && started == threads;
}

struct request *requests_make_in_turn(size_t count, uint64_t first, uint64_t devices)
{
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    const size_t threads = cores < 1 ? 1 : cores > THREADS_MAX ? THREADS_MAX : (size_t)cores;
    struct request *requests = calloc(count, sizeof(*requests));
    struct share shares[THREADS_MAX];
    struct mould mould;

    if (requests == NULL || !mould_read(&mould)) {
        free(requests);
        return NULL;
    }
    for (size_t i = 0; i < threads; i++)
        shares[i] = (struct share){&mould, requests, count * i / threads, count * (i + 1) / threads, first, devices, false};
    if (!shares_make(shares, threads)) {
        free(requests);
        return NULL;
    }
    return requests;
}

struct request *requests_make(size_t count, uint64_t first)
{
    return requests_make_in_turn(count, first, count);
}

struct request *requests_make_twins(uint64_t first)
{
    struct request *requests = calloc(2, sizeof(*requests));
    uint8_t scalar[32];
    struct mould mould;

    if (requests != NULL && mould_read(&mould) && p256_scalar_generate(scalar, &smki_random_system) == 0 &&
        request_make(&mould, &requests[0], first, scalar) && request_make(&mould, &requests[1], first + 1, scalar))
        return requests;
    free(requests);
    return NULL;
}

struct request *requests_make_of_one(size_t count, uint64_t device)
{
    struct request *requests = calloc(count, sizeof(*requests));
    uint8_t scalar[32];
    struct mould mould;
    bool made = requests != NULL && mould_read(&mould);

    for (size_t i = 0; i < count && made; i++)
        made = p256_scalar_generate(scalar, &smki_random_system) == 0 && request_make(&mould, &requests[i], device, scalar);
    if (made)
        return requests;
    free(requests);
    return NULL;
}
