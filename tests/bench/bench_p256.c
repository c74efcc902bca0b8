/* bench_p256: what the ways to P-256 cost that OpenSSL offers, beside mbedTLS and the providers of this build: one verification under a key
 * never seen before, one signature, and how two threads share the work. */
#include "base/base_i.h"
#include "pki/p256_i.h"

#include <cjson/cJSON.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

#include <getopt.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define KEYS     64 /* taken in turn, as a batch has a key of its own in each request */
#define TOGETHER 32 /* divides KEYS */

static struct sample {
    uint8_t scalar[P256_SCALAR_SIZE], point[SMKI_P256_POINT_SIZE], spki[91], digest[32], signature[P256_SIGNATURE_MAX_SIZE];
    size_t signature_size;
} samples[KEYS];

static const struct p256_provider *provider;
static struct p256_private *private_key;
static EVP_PKEY *evp_private;

/* ---- the ways ---- */

static bool provider_verify(const struct sample *s)
{
    return provider->verify(s->point, s->digest, BYTES(s->signature, s->signature_size)) == 0;
}

/* The samples from this one on. */
static bool provider_verify_many(const struct sample *s)
{
    struct p256_verification verifications[TOGETHER];
    bool right = true;

    for (size_t i = 0; i < TOGETHER; i++) {
        verifications[i] = (struct p256_verification){.point = s[i].point, .signature = BYTES(s[i].signature, s[i].signature_size)};
        memcpy(verifications[i].digest, s[i].digest, sizeof(s[i].digest));
    }
    provider->verify_many(verifications, TOGETHER);
    for (size_t i = 0; i < TOGETHER; i++)
        right = right && verifications[i].code == 0;
    return right;
}

static bool provider_sign(const struct sample *s)
{
    uint8_t out[P256_SIGNATURE_MAX_SIZE];
    size_t size;

    return provider->sign(private_key, out, &size, s->digest) == 0;
}

static bool evp_verify(EVP_PKEY *key, const struct sample *s)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
    bool right = context != NULL && EVP_PKEY_verify_init(context) == 1 &&
                 EVP_PKEY_verify(context, s->signature, s->signature_size, s->digest, sizeof(s->digest)) == 1;

    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(key);
    return right;
}

static bool evp_decoded_verify(const struct sample *s)
{
    const unsigned char *at = s->spki;

    return evp_verify(d2i_PUBKEY(NULL, &at, sizeof(s->spki)), s);
}

static bool evp_fromdata_verify(const struct sample *s)
{
    OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)(uintptr_t) "P-256", 0),
                               OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)(uintptr_t)s->point, sizeof(s->point)),
                               OSSL_PARAM_END};
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    EVP_PKEY *key = NULL;
    bool made =
        context != NULL && EVP_PKEY_fromdata_init(context) == 1 && EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters) == 1;

    EVP_PKEY_CTX_free(context);
    return made && evp_verify(key, s);
}

/* Not deterministic in 3.0: for the comparison of costs only. */
static bool evp_sign(const struct sample *s)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(evp_private, NULL);
    uint8_t out[P256_SIGNATURE_MAX_SIZE];
    size_t size = sizeof(out);
    bool right =
        context != NULL && EVP_PKEY_sign_init(context) == 1 && EVP_PKEY_sign(context, out, &size, s->digest, sizeof(s->digest)) == 1;

    EVP_PKEY_CTX_free(context);
    return right;
}

static const struct way {
    const char *name, *provider; /* provider: NULL for OpenSSL's own interfaces */
    bool (*verify)(const struct sample *), (*sign)(const struct sample *);
    bool many; /* verify takes TOGETHER of them */
} ways[] = {
    {"mbedTLS", "mbedtls", provider_verify, provider_sign},
    {"EVP, a key decoded for each", NULL, evp_decoded_verify, evp_sign},
    {"EVP, a key by EVP_PKEY_fromdata for each", NULL, evp_fromdata_verify, evp_sign},
    {"EC and ECDSA functions (the provider)", "libcrypto", provider_verify, provider_sign},
    {"the same, 32 verified together", "libcrypto", provider_verify_many, provider_sign, true},
};

/* ---- measuring ---- */

static double clock_of(clockid_t clock)
{
    struct timespec time;

    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

struct share {
    bool (*act)(const struct sample *), (*second)(const struct sample *); /* second may be NULL */
    size_t together;                                                      /* samples that `act` takes */
    double seconds, processor;                                            /* in: how long; out: of processor */
    uint64_t done;
    bool failed;
};

static void *share_main(void *argument)
{
    struct share *share = argument;
    const double start = clock_of(CLOCK_THREAD_CPUTIME_ID), until = clock_of(CLOCK_MONOTONIC) + share->seconds;

    while (!share->failed && clock_of(CLOCK_MONOTONIC) < until) {
        const struct sample *s = &samples[share->done % KEYS];

        share->failed = !share->act(s);
        for (size_t i = 0; i < share->together && share->second != NULL && !share->failed; i++)
            share->failed = !share->second(&s[i]);
        share->done += share->together;
    }
    share->processor = clock_of(CLOCK_THREAD_CPUTIME_ID) - start;
    return NULL;
}

/* us of processor for one; with `threads` at once: also how many a second by the clock. */
static double measure(bool (*act)(const struct sample *), bool (*second)(const struct sample *), size_t together, double seconds,
                      unsigned threads, double *rate)
{
    struct share shares[64];
    pthread_t ids[64];
    double processor = 0, done = 0;

    for (unsigned i = 0; i < threads; i++) {
        shares[i] = (struct share){.act = act, .second = second, .together = together, .seconds = seconds};
        pthread_create(&ids[i], NULL, share_main, &shares[i]);
    }
    for (unsigned i = 0; i < threads; i++) {
        pthread_join(ids[i], NULL);
        processor += shares[i].processor;
        done += (double)shares[i].done;
        if (shares[i].failed) {
            fprintf(stderr, "bench_p256: an operation failed\n");
            exit(1);
        }
    }
    if (rate != NULL)
        *rate = done / seconds;
    return processor / done * 1e6;
}

static bool samples_make(void)
{
    for (size_t i = 0; i < KEYS; i++) {
        static const uint8_t head[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
                                       0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00};
        struct sample *s = &samples[i];
        struct p256_private *key;
        bool made;

        sha256(s->digest, &i, sizeof(i));
        if (p256_scalar_generate(s->scalar, &smki_random_system) != 0 || p256_public_of(s->point, s->scalar) != 0 ||
            p256_mbedtls.private_open(&key, s->scalar) != 0)
            return false;
        made = p256_mbedtls.sign(key, s->signature, &s->signature_size, s->digest) == 0;
        p256_mbedtls.private_close(key);
        if (!made)
            return false;
        memcpy(s->spki, head, sizeof(head));
        memcpy(s->spki + sizeof(head), s->point, sizeof(s->point));
    }
    return true;
}

static bool way_begin(const struct way *way)
{
    provider = NULL;
    for (size_t i = 0; way->provider != NULL && p256_providers[i] != NULL; i++)
        if (strcmp(p256_providers[i]->name, way->provider) == 0)
            provider = p256_providers[i];
    return way->provider == NULL || (provider != NULL && provider->private_open(&private_key, samples[0].scalar) == 0);
}

static void way_measure(const struct way *way, double seconds, cJSON *list)
{
    const unsigned threads = (unsigned)sysconf(_SC_NPROCESSORS_ONLN) < 64 ? (unsigned)sysconf(_SC_NPROCESSORS_ONLN) : 64;
    const size_t together = way->many ? TOGETHER : 1;
    double verify, sign, rate;

    if (!way_begin(way))
        return;
    verify = measure(way->verify, NULL, together, seconds, 1, NULL);
    sign = measure(way->sign, NULL, 1, seconds, 1, NULL);
    (void)measure(way->verify, way->sign, together, seconds, threads, &rate);
    if (list != NULL) {
        cJSON *object = cJSON_CreateObject();

        cJSON_AddStringToObject(object, "way", way->name);
        cJSON_AddNumberToObject(object, "verify_us", verify);
        cJSON_AddNumberToObject(object, "sign_us", sign);
        cJSON_AddNumberToObject(object, "threads", threads);
        cJSON_AddNumberToObject(object, "both_per_second", rate);
        cJSON_AddItemToArray(list, object);
    } else {
        printf("%-42s %9.1f us %9.1f us %10.0f /s on %u threads, %.2f of what one would give each\n", way->name, verify, sign, rate,
               threads, rate * (verify + sign) / 1e6 / threads);
    }
    if (provider != NULL)
        provider->private_close(private_key);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"seconds", required_argument, NULL, 's'}, {"json", no_argument, NULL, 'j'}, {NULL, 0, NULL, 0}};
    double seconds = 2;
    cJSON *list = NULL;
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 's')
            seconds = strtod(optarg, NULL);
        else if (option == 'j')
            list = cJSON_CreateArray();
        if (option == '?' || !(seconds > 0)) {
            fprintf(stderr, "usage: bench_p256 [--seconds S] [--json]\n");
            return 2;
        }
    }
    if (!samples_make() || (evp_private = EVP_EC_gen("P-256")) == NULL)
        return 1;
    if (list == NULL)
        printf("%s\n%-42s %12s %12s %10s\n", OpenSSL_version(OPENSSL_VERSION), "P-256", "verify", "sign", "both");
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
        way_measure(&ways[i], seconds, list);
    if (list != NULL) {
        char *text = cJSON_Print(list);

        puts(text != NULL ? text : "[]");
        cJSON_free(text);
        cJSON_Delete(list);
    }
    EVP_PKEY_free(evp_private);
    return 0;
}
