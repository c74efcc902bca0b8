/* What a certificate costs as the store grows: asks for claims on device and key, then adds certificates with their claims and audit
 * records, in changes of 250, as a night's run does, and prints the rate of every 100,000; then how long finding and opening take.
 *
 *   bench_growth [--count N] [--folder DIR]    a line a step, then one line of JSON
 *
 * DIR is empty, or what an earlier run filled, which then goes on to N; without it a folder is made in /tmp and removed at the end. */
#include "fill.h"

#include "pki/p256_i.h"

#include <errno.h>
#include <ftw.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define STEP  UINT64_C(100000)
#define LOOKS 20000

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static long resident_kib(void)
{
    char line[256];
    long size = 0;
    FILE *file = fopen("/proc/self/status", "re");

    while (file != NULL && fgets(line, sizeof(line), file) != NULL)
        if (strncmp(line, "VmHWM:", 6) == 0)
            size = strtol(line + 6, NULL, 10);
    if (file != NULL)
        fclose(file);
    return size;
}

/* Seconds that this process had a processor: what others on the machine do does not count. */
static double processor(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* What the arithmetic of one CSR takes (verify its signature, sign its certificate), measured for so many seconds; 0: it cannot be had. */
static double provider_us(double seconds)
{
    uint8_t scalar[32], point[SMKI_P256_POINT_SIZE], digest[SHA256_SIZE] = {1}, signature[72];
    struct p256_private *key = NULL;
    double start, used = 0;
    size_t size, rounds = 0;

    if (p256_scalar_generate(scalar, &smki_random_system) != 0 || p256_public_of(point, scalar) != 0 ||
        p256()->private_open(&key, scalar) != 0)
        return 0;
    start = processor();
    while (used < seconds) {
        if (p256()->sign(key, signature, &size, digest) != 0 || p256()->verify(point, digest, BYTES(signature, size)) != 0)
            break;
        rounds++;
        used = processor() - start;
    }
    p256()->private_close(key);
    return rounds > 0 ? used / (double)rounds * 1e6 : 0;
}

struct pace {
    double per_second;
    double processor_us;  /* a certificate */
    double arithmetic_us; /* verify and sign, right after: tells how fast the machine was just then */
};

static int fill_all(struct fill *fill, uint64_t count, struct pace *first, struct pace *last, struct smki_error *err)
{
    int rc = 0;

    *first = *last = (struct pace){0};
    while (fill->done < count) {
        double start = now(), used = processor();
        if ((rc = fill_add(fill, STEP, err)) != 0)
            return rc;
        *last = (struct pace){.per_second = (double)STEP / (now() - start), .processor_us = (processor() - used) / (double)STEP * 1e6};
        last->arithmetic_us = provider_us(0.1);
        if (first->per_second == 0)
            *first = *last;
        printf("%10" PRIu64 " certificates  %8.0f a second  %6.2f us of processor each (verify and sign: %4.0f us)  %6ld KiB resident\n",
               fill->done, last->per_second, last->processor_us, last->arithmetic_us, resident_kib());
        fflush(stdout);
    }
    return 0;
}

static bool keep(void *context, const struct store_claim *claim)
{
    *(struct store_claim *)context = *claim;
    return true;
}

static int look(struct fill *fill, uint64_t number, double *device_time, double *serial_time, struct smki_error *err)
{
    struct smki_device_id id = fill_device(number);
    struct store_certificate certificate;
    struct store_claim claim = {0};
    struct store_view *view;
    double start = now(), between;
    size_t count;
    int rc;

    if ((rc = store_view_begin(fill->store, &view, err)) != 0)
        return rc;
    rc = store_claims_of_device(view, &id, &count, keep, &claim, err);
    between = now();
    if (rc == 0)
        rc = store_certificate_find(view, claim.serial, &certificate, err);
    *device_time += between - start;
    *serial_time += now() - between;
    store_view_end(view);
    return rc;
}

static int find(struct fill *fill, double *device_us, double *serial_us, struct smki_error *err)
{
    double device = 0, serial = 0;
    int rc;

    for (uint64_t i = 0; i < LOOKS; i++)
        if ((rc = look(fill, fill_mix(i) % fill->done, &device, &serial, err)) != 0)
            return rc;
    *device_us = device / LOOKS * 1e6;
    *serial_us = serial / LOOKS * 1e6;
    return 0;
}

static int reopen(struct fill *fill, const char *folder, double *ms, struct smki_error *err)
{
    double start;
    int rc;

    smki_store_close(fill->store);
    start = now();
    rc = smki_store_open(&fill->store, folder, NULL, err);
    *ms = (now() - start) * 1e3;
    return rc;
}

/* Opens the store in the folder, or makes one there. */
static int fill_open(struct fill *fill, const char *folder, struct smki_error *err)
{
    struct smki_store_statistics statistics;
    int rc = smki_store_open(&fill->store, folder, NULL, err);

    if (rc == SMKI_STORE_MISSING && (rc = smki_store_create(folder, err)) == 0)
        rc = smki_store_open(&fill->store, folder, NULL, err);
    if (rc != 0 || (rc = smki_store_statistics(fill->store, &statistics, err)) != 0)
        return rc;
    fill->done = statistics.certificates;
    return 0;
}

static int measure(struct fill *fill, const char *folder, uint64_t count, struct smki_error *err)
{
    struct smki_store_statistics statistics;
    struct pace first, last;
    double device_us, serial_us, open_ms, whole;
    int rc;

    if ((rc = fill_open(fill, folder, err)) != 0 || (rc = fill_all(fill, count, &first, &last, err)) != 0 ||
        (rc = find(fill, &device_us, &serial_us, err)) != 0 || (rc = reopen(fill, folder, &open_ms, err)) != 0 ||
        (rc = smki_store_statistics(fill->store, &statistics, err)) != 0)
        return rc;
    whole = (1 + first.processor_us / first.arithmetic_us) / (1 + last.processor_us / last.arithmetic_us);
    printf("one CSR in all, verify and sign (%s) and its records, at first against the end: %.3f\n", p256()->name, whole);
    printf("{\"certificates\":%" PRIu64 ",\"first_per_second\":%.0f,\"last_per_second\":%.0f,\"first_processor_us\":%.2f,"
           "\"last_processor_us\":%.2f,\"bytes_per_certificate\":%.0f,\"find_by_device_us\":%.2f,\"find_by_serial_us\":%.2f,"
           "\"open_ms\":%.2f,\"resident_kib\":%ld,\"first_arithmetic_us\":%.1f,\"last_arithmetic_us\":%.1f,\"ratio\":%.4f}\n",
           statistics.certificates, first.per_second, last.per_second, first.processor_us, last.processor_us,
           (double)statistics.file_size / (double)statistics.certificates, device_us, serial_us, open_ms, resident_kib(),
           first.arithmetic_us, last.arithmetic_us, whole);
    return 0;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"count", required_argument, NULL, 'c'}, {"folder", required_argument, NULL, 'f'}, {0}};
    char own[] = "/tmp/smki-bench-XXXXXX";
    const char *folder = NULL;
    uint64_t count = 1000000;
    struct fill fill = {0};
    struct smki_error err = {0};
    int option, rc;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'c')
            count = strtoull(optarg, NULL, 10);
        else if (option == 'f')
            folder = optarg;
        else
            return 2;
    }
    if (folder == NULL && (folder = mkdtemp(own)) == NULL) {
        fprintf(stderr, "bench_growth: %s: %s\n", own, strerror(errno));
        return 1;
    }
    if ((rc = measure(&fill, folder, count, &err)) != 0)
        fprintf(stderr, "bench_growth: %s\n", err.text);
    smki_store_close(fill.store);
    if (folder == own)
        nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    return rc == 0 ? 0 : 1;
}
