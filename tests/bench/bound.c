/* See bound.h. */
#include "bound.h"
#include "process.h"
#include "requests.h"

#include "base/base_i.h"
#include "pki/p256_i.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define KEYS 64

struct sample {
    uint8_t point[SMKI_P256_POINT_SIZE], digest[SHA256_SIZE];
    struct smki_bytes signature;
};

struct share {
    const struct sample *samples;
    const struct p256_private *key;
    double until, processor;
    uint64_t done;
    bool failed;
};

static double thread_processor(void)
{
    struct timespec used;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static void *share_main(void *argument)
{
    struct share *share = argument;
    const double used = thread_processor();
    uint8_t signature[P256_SIGNATURE_MAX_SIZE];
    size_t size;

    while (!share->failed && seconds_now() < share->until) {
        const struct sample *sample = &share->samples[share->done % KEYS];

        share->failed = p256()->verify(sample->point, sample->digest, sample->signature) != 0 ||
                        p256()->sign(share->key, signature, &size, sample->digest) != 0;
        share->done++;
    }
    share->processor = thread_processor() - used;
    return NULL;
}

static int samples_read(struct sample *samples, const struct request *requests, struct smki_error *err)
{
    for (size_t i = 0; i < KEYS; i++) {
        struct smki_csr csr;
        int rc = smki_csr_read(&csr, SMKI_PROFILE_DEVICE, BYTES(requests[i].der, requests[i].size), err);

        if (rc != 0)
            return rc;
        memcpy(samples[i].point, csr.point, sizeof(csr.point));
        sha256(samples[i].digest, csr.info.at, csr.info.size);
        samples[i].signature = csr.signature;
    }
    return 0;
}

/* *processor: seconds of all threads. */
static int shares_run(struct share *shares, unsigned workers, uint64_t *done, double *processor, struct smki_error *err)
{
    pthread_t *threads = calloc(workers, sizeof(*threads));
    unsigned started = 0;
    bool right = threads != NULL;

    *done = 0;
    *processor = 0;
    while (right && started < workers && pthread_create(&threads[started], NULL, share_main, &shares[started]) == 0)
        started++;
    for (unsigned i = 0; i < started; i++) {
        pthread_join(threads[i], NULL);
        *done += shares[i].done;
        *processor += shares[i].processor;
        right = right && !shares[i].failed;
    }
    free(threads);
    return right && started == workers ? 0 : smki_fail(err, SMKI_INTERNAL, "the provider's bound could not be measured");
}

int bound_measure(struct bound *out, unsigned workers, double seconds, struct smki_error *err)
{
    struct share *shares = calloc(workers, sizeof(*shares));
    struct request *requests = requests_make(KEYS, 1);
    struct p256_private *key = NULL;
    struct sample samples[KEYS];
    uint8_t scalar[P256_SCALAR_SIZE];
    double processor = 0;
    uint64_t done = 0;
    int rc;

    if (shares == NULL || requests == NULL)
        rc = smki_fail(err, SMKI_NO_MEMORY, NULL);
    else if ((rc = samples_read(samples, requests, err)) == 0 && (rc = p256_scalar_generate(scalar, &smki_random_system)) == 0 &&
             (rc = p256()->private_open(&key, scalar)) == 0) {
        for (unsigned i = 0; i < workers; i++)
            shares[i] = (struct share){.samples = samples, .key = key, .until = seconds_now() + seconds};
        rc = shares_run(shares, workers, &done, &processor, err);
    }
    if (rc == 0) {
        out->per_second = (double)done / seconds;
        out->processor_us = processor / (double)done * 1e6;
    }
    p256()->private_close(key);
    free(requests);
    free(shares);
    return rc;
}

struct bound bound_mean(const struct bound *before, const struct bound *after)
{
    return (struct bound){.per_second = (before->per_second + after->per_second) / 2,
                          .processor_us = (before->processor_us + after->processor_us) / 2};
}
