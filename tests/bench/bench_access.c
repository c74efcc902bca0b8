/* What it costs to know who comes: the authentication of one request, while the store stays as it is and while it changes.
 *
 *   bench_access IKI-CSR.der [THREADS]      the request's O is "Bench", its OU 02
 *
 * Makes a home below TMPDIR or /tmp and removes it. Prints one line a case. */
#include "base/base_i.h"

#include <smki/access.h>
#include <smki/maintenance.h>
#include <smki/service.h>

#include <ftw.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CALLS   200000
#define COMMITS 500
#define THREADS 64

static char home[512];
static struct smki_service *service;
static const struct smki_actor bench = {.name = "bench", .interface = SMKI_INTERFACE_OPERATOR};
static struct smki_stored_certificate certificate;

static void must(int rc, const struct smki_error *err)
{
    if (rc == 0)
        return;
    fprintf(stderr, "bench: %s\n", err->text);
    exit(1);
}

static double now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int unlink_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

static void home_make(const char *csr_path)
{
    struct smki_party party = {
        .name = "Bench", .roles = {2}, .role_count = 1, .user_roles = SMKI_USER_OTHER, .subscriber = SMKI_SUBSCRIBER_DEVICE};
    struct smki_credential credential = {.interface = SMKI_INTERFACE_BATCH};
    struct smki_buffer csr = {0};
    struct smki_error err = {0};

    snprintf(home, sizeof(home), "%s/smki-bench-XXXXXX", getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
    if (mkdtemp(home) == NULL)
        exit(1);
    must(smki_service_create(home, NULL, &err), &err);
    must(smki_service_open(&service, home, NULL, &err), &err);
    must(smki_party_add(smki_service_store(service), &bench, &party, &err), &err);
    must(file_read(&csr, csr_path, 65536, &err), &err);
    credential.party = party.number;
    must(smki_service_credential_issue(service, &bench, BYTES(csr.at, csr.size), &credential, &certificate, &err), &err);
    smki_buffer_finish(&csr);
}

static void authenticate(void)
{
    struct smki_identity identity;
    struct smki_error err = {0};

    must(smki_iki_authenticate(service, BYTES(certificate.der, certificate.size), SMKI_INTERFACE_BATCH, SMKI_NETWORK_GATEWAY, &identity,
                               &err),
         &err);
}

static void *authenticate_many(void *argument)
{
    (void)argument;
    for (int i = 0; i < CALLS; i++)
        authenticate();
    return NULL;
}

static void bench_unchanged(unsigned count)
{
    pthread_t threads[THREADS];
    double start = now_us();

    for (unsigned i = 0; i < count; i++)
        pthread_create(&threads[i], NULL, authenticate_many, NULL);
    for (unsigned i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    printf("store unchanged, %2u thread%s: %6.2f us a request, %9.0f requests a second\n", count, count == 1 ? " " : "s",
           (now_us() - start) / CALLS, (double)count * CALLS / (now_us() - start) * 1e6);
}

/* A commit before each: what the store says is read again, and no signature is verified. */
static void bench_changed(void)
{
    struct smki_error err = {0};
    double all = 0;

    for (int i = 0; i < COMMITS; i++) {
        double start;

        must(smki_device_set_limit(smki_service_store(service), &bench, &(struct smki_device_id){{1}}, (uint32_t)(100 + i), &err), &err);
        start = now_us();
        authenticate();
        all += now_us() - start;
    }
    printf("store changed before each:   %6.2f us a request\n", all / COMMITS);
}

static void bench_maintenance(void)
{
    struct smki_maintenance maintenance;
    double start = now_us();

    for (int i = 0; i < CALLS; i++)
        if (smki_maintenance_now(service, &maintenance, NULL) != SMKI_NOT_FOUND)
            exit(1);
    printf("maintenance asked for:       %6.2f us\n", (now_us() - start) / CALLS);
}

int main(int argc, char **argv)
{
    const unsigned threads = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 4;
    uint8_t digest[SHA256_SIZE];
    double start;

    if (argc < 2 || threads < 1 || threads > THREADS) {
        fprintf(stderr, "usage: bench_access IKI-CSR.der [THREADS, at most %d]\n", THREADS);
        return 2;
    }
    home_make(argv[1]);
    start = now_us();
    authenticate();
    printf("the first time:              %6.2f us, with the IKICA read and a signature verified\n", now_us() - start);
    start = now_us();
    for (int i = 0; i < CALLS; i++)
        sha256(digest, certificate.der, certificate.size);
    printf("of these, SHA-256 takes:     %6.2f us for the %zu octets of the certificate\n", (now_us() - start) / CALLS, certificate.size);
    bench_unchanged(1);
    bench_unchanged(threads);
    bench_changed();
    bench_maintenance();
    smki_service_close(service);
    return nftw(home, unlink_one, 16, FTW_DEPTH | FTW_PHYS);
}
