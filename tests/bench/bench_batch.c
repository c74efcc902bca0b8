/* bench_batch: one batch through intake, run and result with everything on (lint, records, audit, durable commits), beside what the P-256
 * provider alone can do on the same cores in the same run. Each stage is a process of its own, so that its resident memory can be told. */
#include "fill.h"
#include "requests.h"

#include "base/base_i.h"
#include "pki/p256_i.h"

#include <smki/service.h>
#include <smki/smki.h>

#include <cjson/cJSON.h>

#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BOUND_SECONDS  4.0
#define RUN_MEMORY_BAR 64.0 /* MiB resident while taking in and while processing */
#define RATIO_BAR      0.85 /* of the provider's bound */

struct figures {
    double run_processor, bound_processor; /* us of processor for one CSR: what others on the machine do does not count */
    double document_mb, submit_seconds, run_seconds, bound_before, bound_after;
    double result_seconds[3], result_mb[3];
    long submit_kib, run_kib, result_kib[3];
    uint64_t granted, refused;
};

struct plan {
    size_t csrs;
    uint64_t stored; /* certificates that the store holds before */
    unsigned workers;
    char folder[200], home[220], xml[220];
    bool json;
};

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void fail(const char *what, const struct smki_error *err)
{
    fprintf(stderr, "bench_batch: %s: %s\n", what, err != NULL ? err->text : strerror(errno));
    _exit(1);
}

/* ---- the bound: verify + sign, nothing else ---- */

struct bound_share {
    const struct request *request;
    const struct p256_private *key;
    double until;
    uint64_t done;
};

static void *bound_main(void *argument)
{
    struct bound_share *share = argument;
    uint8_t digest[SHA256_SIZE], signature[72];
    struct smki_csr csr;
    size_t size;

    if (smki_csr_read(&csr, SMKI_PROFILE_DEVICE, BYTES(share->request->der, share->request->size), NULL) != 0)
        return NULL;
    sha256(digest, csr.info.at, csr.info.size);
    while (now() < share->until) {
        if (p256()->verify(csr.point, digest, csr.signature) != 0)
            return NULL;
        if (p256()->sign(share->key, signature, &size, digest) != 0)
            return NULL;
        share->done++;
    }
    return NULL;
}

static double processor_of(int who)
{
    struct rusage usage;

    getrusage(who, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static double bound_measure(const struct request *request, unsigned workers, double *processor_us)
{
    struct bound_share *shares = calloc(workers, sizeof(*shares));
    pthread_t *threads = calloc(workers, sizeof(*threads));
    struct p256_private *key = NULL;
    uint8_t scalar[32];
    const double start = now(), used = processor_of(RUSAGE_SELF);
    double seconds, done = 0;

    if (shares == NULL || threads == NULL || p256_scalar_generate(scalar, &smki_random_system) != 0 ||
        p256()->private_open(&key, scalar) != 0)
        fail("the bound", NULL);
    for (unsigned i = 0; i < workers; i++) {
        shares[i] = (struct bound_share){.request = request, .key = key, .until = start + BOUND_SECONDS};
        pthread_create(&threads[i], NULL, bound_main, &shares[i]);
    }
    for (unsigned i = 0; i < workers; i++) {
        pthread_join(threads[i], NULL);
        done += (double)shares[i].done;
    }
    seconds = now() - start;
    *processor_us = (processor_of(RUSAGE_SELF) - used) / done * 1e6;
    p256()->private_close(key);
    free(shares);
    free(threads);
    return done / seconds;
}

/* ---- stages, each in a child ---- */

struct shared {
    double seconds;
    uint64_t granted, refused, batch;
    double size;
};
static struct shared *shared; /* between this process and its children */

static const struct smki_actor bench_actor = {.name = "bench", .interface = SMKI_INTERFACE_OPERATOR};

static struct smki_service *home_open(const struct plan *plan)
{
    struct smki_service *service;
    struct smki_error err = {0};

    if (smki_service_open(&service, plan->home, NULL, &err) != 0)
        fail("open", &err);
    return service;
}

static void stage_found(const struct plan *plan, int unused)
{
    struct smki_party party = {.name = "Bench Meters",
                               .eui_count = 1,
                               .roles = {2},
                               .role_count = 1,
                               .user_roles = SMKI_USER_IMPORT_SUPPLIER,
                               .subscriber = SMKI_SUBSCRIBER_DEVICE,
                               .euis = {{{0x90, 0xb3, 0xd5, 0x1f, 0x30, 1, 0, 0}}}};
    struct smki_service *service;
    struct smki_error err = {0};

    (void)unused;
    if (smki_service_create(plan->home, NULL, &err) != 0)
        fail("init", &err);
    service = home_open(plan);
    if (smki_party_add(smki_service_store(service), &bench_actor, &party, &err) != 0)
        fail("party", &err);
    if (fill_add(&(struct fill){.store = smki_service_store(service)}, plan->stored, &err) != 0)
        fail("filling the store", &err);
    smki_service_close(service);
}

static void stage_submit(const struct plan *plan, int unused)
{
    struct smki_service *service = home_open(plan);
    struct smki_actor actor = bench_actor;
    struct smki_batch batch;
    struct smki_error err = {0};
    const double start = now();

    (void)unused;
    actor.party = 1;
    if (smki_batch_submit_file(service, &actor, plan->xml, &batch, NULL, &err) != 0)
        fail("submit", &err);
    shared->seconds = now() - start;
    shared->batch = batch.id;
    smki_service_close(service);
}

static void stage_run(const struct plan *plan, int unused)
{
    struct smki_service *service = home_open(plan);
    const struct smki_run_options options = {.ignore_window = true, .workers = plan->workers};
    struct smki_run_progress progress;
    struct smki_error err = {0};
    const double start = now();

    (void)unused;
    if (smki_batch_run(service, &bench_actor, &options, &progress, &err) != 0)
        fail("run", &err);
    shared->seconds = now() - start;
    shared->granted = progress.granted;
    shared->refused = progress.refused;
    smki_service_close(service);
}

static void stage_result(const struct plan *plan, int format)
{
    struct smki_service *service = home_open(plan);
    struct smki_error err = {0};
    struct stat status;
    char path[240];
    const double start = now();

    snprintf(path, sizeof(path), "%s/result.%d", plan->folder, format);
    if (smki_batch_result(service, &bench_actor, shared->batch, (enum smki_result_format)format, path, true, &err) != 0)
        fail("result", &err);
    shared->seconds = now() - start;
    if (stat(path, &status) != 0)
        fail(path, NULL);
    shared->size = (double)status.st_size / 1e6;
    smki_service_close(service);
}

/* Runs a stage in a child and gives its largest resident size in KiB. */
static long stage(const struct plan *plan, void (*run)(const struct plan *, int), int argument)
{
    const pid_t child = fork();
    struct rusage usage;
    int status;

    if (child == 0) {
        run(plan, argument);
        _exit(0);
    }
    if (child < 0 || wait4(child, &status, 0, &usage) != child || status != 0)
        exit(1);
    return usage.ru_maxrss;
}

/* ---- the document ---- */

static void stage_document(const struct plan *plan, int unused)
{
    struct request *requests = requests_make(plan->csrs, UINT64_C(0x90b3d51f30020000));
    FILE *file = fopen(plan->xml, "w");
    char text[2 * REQUEST_MAX];

    (void)unused;
    if (requests == NULL || file == NULL)
        fail(plan->xml, NULL);
    fprintf(file, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<SubmitCSRBatch ID=\"bench\"><Version>1.0</Version>\n");
    for (size_t i = 0; i < plan->csrs; i++) {
        base64_encode(text, requests[i].der, requests[i].size);
        fprintf(file, "<DeviceCSR ID=\"meter-%06zu\">%.*s</DeviceCSR>\n", i + 1, (int)base64_encoded_size(requests[i].size), text);
    }
    fprintf(file, "</SubmitCSRBatch>\n");
    shared->size = (double)ftell(file) / 1e6;
    if (fclose(file) != 0)
        fail(plan->xml, NULL);
}

/* ---- the report ---- */

static void report(const struct plan *plan, const struct figures *f, double bound, double ratio)
{
    static const char *const words[] = {"xml", "zip", "txt"};

    printf("batch of %zu CSRs, %u workers, %llu certificates stored before, libsmki %s\n", plan->csrs, plan->workers,
           (unsigned long long)plan->stored, smki_version());
    printf("  provider alone (%s, verify + sign)  %8.0f /s   (before %.0f, after %.0f)\n", p256()->name, bound, f->bound_before,
           f->bound_after);
    printf("  run, everything on                     %8.0f /s   %.2f s, %llu granted, %llu refused\n", (double)plan->csrs / f->run_seconds,
           f->run_seconds, (unsigned long long)f->granted, (unsigned long long)f->refused);
    printf("  ratio                                  %8.3f      bar %.2f: %s\n", ratio, RATIO_BAR, ratio >= RATIO_BAR ? "met" : "MISSED");
    printf("  processor for one CSR: provider %.0f us, run %.0f us; ratio %.3f\n", f->bound_processor, f->run_processor,
           f->bound_processor / f->run_processor);
    printf("  intake    %6.2f s for %.1f MB of XML (%.0f MB/s), resident %.1f MiB, bar %.0f: %s\n", f->submit_seconds, f->document_mb,
           f->document_mb / f->submit_seconds, (double)f->submit_kib / 1024, RUN_MEMORY_BAR,
           (double)f->submit_kib / 1024 <= RUN_MEMORY_BAR ? "met" : "MISSED");
    printf("  run       resident %.1f MiB, bar %.0f: %s\n", (double)f->run_kib / 1024, RUN_MEMORY_BAR,
           (double)f->run_kib / 1024 <= RUN_MEMORY_BAR ? "met" : "MISSED");
    for (int i = 0; i < 3; i++)
        printf("  result %s %5.2f s, %.1f MB, resident %.1f MiB\n", words[i], f->result_seconds[i], f->result_mb[i],
               (double)f->result_kib[i] / 1024);
}

static void report_json(const struct plan *plan, const struct figures *f, double bound, double ratio)
{
    static const char *const words[] = {"result_xml", "result_zip", "result_txt"};
    cJSON *object = cJSON_CreateObject();
    char *text;

    cJSON_AddNumberToObject(object, "csrs", (double)plan->csrs);
    cJSON_AddNumberToObject(object, "stored", (double)plan->stored);
    cJSON_AddNumberToObject(object, "workers", plan->workers);
    cJSON_AddStringToObject(object, "provider", p256()->name);
    cJSON_AddNumberToObject(object, "provider_per_second", bound);
    cJSON_AddNumberToObject(object, "run_seconds", f->run_seconds);
    cJSON_AddNumberToObject(object, "run_per_second", (double)plan->csrs / f->run_seconds);
    cJSON_AddNumberToObject(object, "ratio", ratio);
    cJSON_AddNumberToObject(object, "provider_processor_us", f->bound_processor);
    cJSON_AddNumberToObject(object, "run_processor_us", f->run_processor);
    cJSON_AddNumberToObject(object, "intake_seconds", f->submit_seconds);
    cJSON_AddNumberToObject(object, "intake_mb", f->document_mb);
    cJSON_AddNumberToObject(object, "intake_resident_mib", (double)f->submit_kib / 1024);
    cJSON_AddNumberToObject(object, "run_resident_mib", (double)f->run_kib / 1024);
    for (int i = 0; i < 3; i++) {
        cJSON *result = cJSON_AddObjectToObject(object, words[i]);

        cJSON_AddNumberToObject(result, "seconds", f->result_seconds[i]);
        cJSON_AddNumberToObject(result, "mb", f->result_mb[i]);
        cJSON_AddNumberToObject(result, "resident_mib", (double)f->result_kib[i] / 1024);
    }
    text = cJSON_Print(object);
    puts(text != NULL ? text : "{}");
    cJSON_free(text);
    cJSON_Delete(object);
}

static void measure(struct plan *plan)
{
    struct request *request;
    struct figures f = {0};
    double bound, first_us, second_us, used;

    stage(plan, stage_document, 0);
    f.document_mb = shared->size;
    if ((request = requests_make(1, 1)) == NULL)
        exit(1);
    stage(plan, stage_found, 0);
    f.submit_kib = stage(plan, stage_submit, 0);
    f.submit_seconds = shared->seconds;
    f.bound_before = bound_measure(request, plan->workers, &first_us);
    used = processor_of(RUSAGE_CHILDREN);
    f.run_kib = stage(plan, stage_run, 0);
    f.run_processor = (processor_of(RUSAGE_CHILDREN) - used) / (double)plan->csrs * 1e6;
    f.run_seconds = shared->seconds;
    f.granted = shared->granted;
    f.refused = shared->refused;
    f.bound_after = bound_measure(request, plan->workers, &second_us);
    f.bound_processor = (first_us + second_us) / 2;
    for (int i = 0; i < 3; i++) {
        f.result_kib[i] = stage(plan, stage_result, i);
        f.result_seconds[i] = shared->seconds;
        f.result_mb[i] = shared->size;
    }
    bound = (f.bound_before + f.bound_after) / 2;
    (plan->json ? report_json : report)(plan, &f, bound, (double)plan->csrs / f.run_seconds / bound);
    free(request);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"csrs", required_argument, NULL, 'n'},
                                            {"workers", required_argument, NULL, 'w'},
                                            {"stored", required_argument, NULL, 's'},
                                            {"folder", required_argument, NULL, 'f'},
                                            {"json", no_argument, NULL, 'j'},
                                            {NULL, 0, NULL, 0}};
    struct plan plan = {
        .csrs = SMKI_BATCH_MAX_CSRS, .workers = (unsigned)sysconf(_SC_NPROCESSORS_ONLN), .folder = "/var/tmp/smki-bench-XXXXXX"};
    bool given = false;
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
        switch (option) {
        case 'n':
            plan.csrs = strtoul(optarg, NULL, 10);
            break;
        case 'w':
            plan.workers = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 's':
            plan.stored = strtoull(optarg, NULL, 10);
            break;
        case 'f':
            given = true;
            snprintf(plan.folder, sizeof(plan.folder), "%s", optarg);
            break;
        case 'j':
            plan.json = true;
            break;
        default:
            fprintf(stderr, "usage: bench_batch [--csrs N] [--workers N] [--stored N] [--folder NEW_FOLDER] [--json]\n");
            return 2;
        }
    if (plan.csrs < 1 || plan.csrs > SMKI_BATCH_MAX_CSRS || plan.workers < 1 || plan.workers > 256 ||
        (given ? mkdir(plan.folder, 0700) != 0 : mkdtemp(plan.folder) == NULL)) {
        fprintf(stderr, "bench_batch: %s: %s\n", plan.folder, errno != 0 ? strerror(errno) : "1 to 50000 CSRs, 1 to 256 workers");
        return 2;
    }
    snprintf(plan.home, sizeof(plan.home), "%s/home", plan.folder);
    snprintf(plan.xml, sizeof(plan.xml), "%s/batch.xml", plan.folder);
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return 1;
    measure(&plan);
    if (!given)
        fprintf(stderr, "the folder is left for a look: %s\n", plan.folder);
    return 0;
}
