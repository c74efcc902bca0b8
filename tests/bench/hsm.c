/* bench hsm: a batch with the DCA's key in SoftHSM2, and its signatures beside what a bare C_Sign loop makes of the same token on as many
 * threads in the same run; and how soon a token that was away signs again. */
#include "batch_job.h"
#include "bench.h"
#include "bench_home.h"
#include "process.h"
#include "report.h"

#include "base/base_i.h"
#include "pki/key_i.h"
#include "pki/p256_i.h"
#include "pki/pkcs11_i.h"

#include <smki/service.h>

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CSRS         20000
#define ROUNDS       3   /* of each way, in turn: the clock moves */
#define ROUND        2.0 /* s */
#define TOGETHER     32  /* as a run signs */
#define ABSENCES     5
#define ABSENCE      1500000 /* us */
#define RATIO_BAR    0.85
#define RECOVERY_BAR 2.0 /* s */
#define THREADS_MAX  64

static const char *const places[] = {"/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so",
                                     "/usr/local/lib/softhsm/libsofthsm2.so"};

/* What is measured, in shared memory. */
struct figures {
    double bare, bare_one, bare_verified, many, single; /* signatures a second */
    double recovery_mean, recovery_most, recovery_hang; /* s */
};

struct hsm_bench {
    struct bench_home home;
    struct batch_job *job;
    const char *module;
    unsigned workers;
    char pin_source[260], control[240];
    char uri[SMKI_KEY_URI_SIZE];
    struct figures *figures;
};

/* ---- a token of its own ---- */

static int token_make(struct hsm_bench *bench, struct smki_error *err)
{
    char path[240], text[600];
    int size, rc;

    bench_home_file(&bench->home, path, "tokens");
    (void)mkdir(path, 0700);
    size = snprintf(text, sizeof(text), "directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n", path);
    bench_home_file(&bench->home, path, "softhsm2.conf");
    if ((rc = file_write(path, BYTES(text, (size_t)size), 0600, err)) != 0)
        return rc;
    setenv("SOFTHSM2_CONF", path, 1);
    bench_home_file(&bench->home, path, "pin");
    snprintf(bench->pin_source, sizeof(bench->pin_source), "file:%s", path);
    bench_home_file(&bench->home, bench->control, "control");
    setenv("SMKI_SHIM_CONTROL", bench->control, 1);
    if ((rc = file_write(path, BYTES("4321\n", 5), 0600, err)) != 0)
        return rc;
    if (system("softhsm2-util --init-token --free --label bench --so-pin 12345678 --pin 4321 >/dev/null 2>&1") != 0)
        return smki_fail(err, SMKI_TOKEN_MISSING, "softhsm2-util made no token: is softhsm2 installed?");
    return 0;
}

/* A home whose CAs' keys are on it; as many sessions as workers. */
static int found(void *context, struct smki_error *err)
{
    const struct hsm_bench *bench = context;
    const struct smki_service_options options = {.token = "bench", .pkcs11_module = bench->module, .pin_source = bench->pin_source};

    return bench_home_found_with(bench->home.path, 1, &options, err);
}

static struct smki_pkcs11 settings_of(const struct hsm_bench *bench, const char *module)
{
    return (struct smki_pkcs11){.module = module, .pin_source = bench->pin_source, .sessions = bench->workers};
}

/* ---- the bound: a bare loop ---- */

struct bare {
    struct pkcs11_module *module;
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE key;
    const uint8_t *point; /* NULL: nothing is verified */
    double until;
    uint64_t done;
    CK_RV rv;
};

static void *bare_main(void *argument)
{
    struct bare *bare = argument;
    CK_FUNCTION_LIST *calls = pkcs11_calls(bare->module);
    uint8_t digest[SHA256_SIZE] = {0}, raw[64], der[P256_SIGNATURE_MAX_SIZE];
    size_t size;

    while (bare->rv == CKR_OK && seconds_now() < bare->until) {
        CK_MECHANISM mechanism = {.mechanism = CKM_ECDSA};
        CK_ULONG length = sizeof(raw);
        struct p256_signature signature;

        if ((bare->rv = calls->C_SignInit(bare->session, &mechanism, bare->key)) == CKR_OK)
            bare->rv = calls->C_Sign(bare->session, digest, sizeof(digest), raw, &length);
        if (bare->rv == CKR_OK && bare->point != NULL) {
            memcpy(signature.r, raw, 32);
            memcpy(signature.s, raw + 32, 32);
            p256_signature_write(der, &size, &signature);
            if (p256()->verify(bare->point, digest, BYTES(der, size)) != 0)
                bare->rv = CKR_SIGNATURE_INVALID;
        }
        bare->done++;
    }
    return NULL;
}

static int bare_open(struct bare *bare, const struct hsm_bench *bench, struct smki_error *err)
{
    const struct smki_pkcs11 settings = settings_of(bench, bench->module);
    struct pkcs11_uri uri;
    struct pkcs11_pin pin;
    CK_SLOT_ID slot;
    CK_RV rv;
    int rc;

    if ((rc = pkcs11_uri_complete(&uri, bench->uri, &settings, err)) != 0 ||
        (rc = pkcs11_module_open(&bare->module, uri.module, err)) != 0 ||
        (rc = pkcs11_token_find(bare->module, &uri, &slot, NULL, err)) != 0 || (rc = pkcs11_pin_read(&pin, uri.pin_source, NULL, err)) != 0)
        return rc;
    if ((rv = pkcs11_calls(bare->module)->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &bare->session)) != CKR_OK)
        return pkcs11_fail(err, 0, rv, "opening a session");
    if ((rc = pkcs11_login(bare->module, bare->session, CKU_USER, &pin, false, err)) != 0)
        return rc;
    return pkcs11_object_find(bare->module, bare->session, CKO_PRIVATE_KEY, &uri, &bare->key, err);
}

static int bare_run(const struct hsm_bench *bench, unsigned count, const uint8_t *point, double *rate, struct smki_error *err)
{
    struct bare bares[THREADS_MAX] = {{0}};
    pthread_t threads[THREADS_MAX];
    uint64_t done = 0;
    CK_RV rv = CKR_OK;
    double start;
    int rc = 0;

    for (unsigned i = 0; i < count && rc == 0; i++)
        rc = bare_open(&bares[i], bench, err);
    start = seconds_now();
    for (unsigned i = 0; i < count && rc == 0; i++) {
        bares[i].point = point;
        bares[i].until = start + ROUND;
        if (pthread_create(&threads[i], NULL, bare_main, &bares[i]) != 0)
            rc = smki_fail(err, SMKI_NO_MEMORY, NULL);
    }
    for (unsigned i = 0; i < count && rc == 0; i++) {
        pthread_join(threads[i], NULL);
        done += bares[i].done;
        rv = bares[i].rv != CKR_OK ? bares[i].rv : rv;
    }
    *rate += (double)done / (seconds_now() - start) / ROUNDS;
    for (unsigned i = 0; i < count; i++) {
        if (bares[i].session != 0)
            pkcs11_calls(bares[i].module)->C_CloseSession(bares[i].session);
        pkcs11_module_close(bares[i].module);
    }
    return rc != 0 || rv == CKR_OK ? rc : pkcs11_fail(err, 0, rv, "the bare loop");
}

/* ---- the same through the key ---- */

struct through {
    const struct smki_key *key;
    size_t together;
    double until;
    uint64_t done;
    int rc;
    struct smki_error err;
};

static void *through_main(void *argument)
{
    struct through *through = argument;
    uint8_t digests[TOGETHER][SHA256_SIZE] = {{0}}, signatures[TOGETHER][SMKI_SIGNATURE_MAX_SIZE];
    size_t sizes[TOGETHER];

    while (through->rc == 0 && seconds_now() < through->until) {
        through->rc = smki_key_sign_many(through->key, through->together, digests, signatures, sizes, &through->err);
        through->done += through->together;
    }
    return NULL;
}

static int through_run(const struct hsm_bench *bench, const struct smki_key *key, size_t together, double *rate, struct smki_error *err)
{
    struct through throughs[THREADS_MAX] = {{0}};
    pthread_t threads[THREADS_MAX];
    uint64_t done = 0;
    double start = seconds_now();
    unsigned started = 0;
    int rc = 0;

    for (; started < bench->workers; started++) {
        throughs[started] = (struct through){.key = key, .together = together, .until = start + ROUND};
        if (pthread_create(&threads[started], NULL, through_main, &throughs[started]) != 0)
            break;
    }
    for (unsigned i = 0; i < started; i++) {
        pthread_join(threads[i], NULL);
        done += throughs[i].done;
        if (throughs[i].rc != 0)
            rc = smki_fail(err, throughs[i].rc, "%s", throughs[i].err.text);
    }
    *rate += (double)done / (seconds_now() - start) / ROUNDS;
    return rc;
}

/* ---- a token that was away ---- */

static int tell(const struct hsm_bench *bench, const char *text, struct smki_error *err)
{
    return file_write(bench->control, BYTES(text, strlen(text)), 0600, err);
}

static int sign_once(const struct smki_key *key, struct smki_error *err)
{
    uint8_t signature[SMKI_SIGNATURE_MAX_SIZE];
    const uint8_t digest[SHA256_SIZE] = {0};
    size_t size;

    return smki_key_sign(key, signature, &size, digest, err);
}

/* From the moment when it is back to the first signature; asked for every 20 ms all the time, as a run and a web service would. */
static int absence(const struct hsm_bench *bench, const struct smki_key *key, const char *how, double *seconds, struct smki_error *err)
{
    struct smki_error why = {0};
    double end, back;
    int rc = tell(bench, how, err);

    for (end = seconds_now() + ABSENCE / 1e6; rc == 0 && seconds_now() < end; usleep(20000))
        if (sign_once(key, &why) == 0 && seconds_now() > end - ABSENCE / 2e6)
            rc = smki_fail(err, SMKI_INTERNAL, "the token was not away");
    if (rc != 0 || (rc = tell(bench, "", err)) != 0)
        return rc;
    for (back = seconds_now(); sign_once(key, &why) != 0; usleep(20000))
        if (seconds_now() - back > 30)
            return smki_fail(err, SMKI_CA_KEY_UNAVAILABLE, "30 s after it was back: %s", why.text);
    *seconds = seconds_now() - back;
    return 0;
}

static int measure_absences(const struct hsm_bench *bench, struct smki_bytes spki, struct smki_error *err)
{
    struct smki_pkcs11 settings = settings_of(bench, HSM_SHIM);
    struct figures *figures = bench->figures;
    struct smki_key *key;
    int rc;

    settings.timeout = SMKI_SECOND;
    if ((rc = tell(bench, "", err)) != 0 || (rc = smki_key_open_token(&key, bench->uri, &settings, spki, err)) != 0)
        return rc;
    rc = sign_once(key, err);
    for (int i = 0; i < ABSENCES && rc == 0; i++) {
        double seconds = 0;

        rc = absence(bench, key, "hide\n", &seconds, err);
        figures->recovery_mean += seconds / ABSENCES;
        figures->recovery_most = fmax(figures->recovery_most, seconds);
    }
    if (rc == 0)
        rc = absence(bench, key, "hang C_Sign\n", &figures->recovery_hang, err);
    smki_key_close(key);
    return rc;
}

/* ---- all of it, in a process of its own: a module is not used after a fork ---- */

static int signing_measure(const struct hsm_bench *bench, const struct smki_ca *ca, struct smki_error *err)
{
    const struct smki_pkcs11 settings = settings_of(bench, bench->module);
    const struct smki_bytes spki = smki_key_public(smki_ca_key(ca));
    struct figures *figures = bench->figures;
    uint8_t point[SMKI_P256_POINT_SIZE];
    struct smki_key *key;
    int rc;

    if (!spki_point(point, spki) || (rc = smki_key_open_token(&key, bench->uri, &settings, spki, err)) != 0)
        return smki_fail(err, SMKI_KEY_TYPE, NULL);
    rc = sign_once(key, err);
    for (int i = 0; i < ROUNDS && rc == 0; i++)
        if ((rc = bare_run(bench, 1, NULL, &figures->bare_one, err)) == 0 &&
            (rc = bare_run(bench, bench->workers, NULL, &figures->bare, err)) == 0 &&
            (rc = through_run(bench, key, TOGETHER, &figures->many, err)) == 0 &&
            (rc = through_run(bench, key, 1, &figures->single, err)) == 0)
            rc = bare_run(bench, bench->workers, point, &figures->bare_verified, err);
    smki_key_close(key);
    return rc != 0 ? rc : measure_absences(bench, spki, err);
}

static int measure_all(void *context, struct smki_error *err)
{
    struct hsm_bench *bench = context;
    struct smki_service *service;
    const struct smki_ca *ca;
    int rc = smki_service_open(&service, bench->home.path, NULL, err);

    if (rc != 0)
        return rc;
    if ((rc = smki_service_ca_key(service, SMKI_DCA, bench->uri, sizeof(bench->uri), err)) == 0 &&
        (rc = smki_service_ca(service, SMKI_DCA, &ca, err)) == 0)
        rc = signing_measure(bench, ca, err);
    smki_service_close(service);
    return rc;
}

static void report_all(const struct hsm_bench *bench, struct report *report, const struct stage *run)
{
    const struct figures *figures = bench->figures;
    const struct batch_job *job = bench->job;
    const double rate = (double)job->csrs / job->working;

    report_figure(report, "bare_per_second", figures->bare, "/s", "bound: a bare C_Sign loop on as many threads");
    report_figure(report, "bare_one_per_second", figures->bare_one, "/s", "the same on one thread: how well the module takes more");
    report_figure(report, "many_per_second", figures->many, "/s", "signed through the key, 32 at a time, as a run does");
    report_bar(report, "ratio", figures->many / figures->bare, "", AT_LEAST, RATIO_BAR, "of the bare loop");
    report_figure(report, "single_per_second", figures->single, "/s", "signed one by one");
    report_figure(report, "single_ratio", figures->single / figures->bare, "", "of the bare loop");
    report_figure(report, "bare_verified_per_second", figures->bare_verified, "/s", "bare: one verification, one C_Sign");
    report_figure(report, "run_per_second", rate, "/s", "run, everything on, from first claim to last commit");
    report_figure(report, "run_ratio", rate / figures->bare_verified, "", "of verification and C_Sign");
    report_figure(report, "granted", (double)job->granted, "", "granted");
    report_figure(report, "run_processor_us", run->processor / (double)job->csrs * 1e6, "us", "processor for one CSR");
    report_figure(report, "run_resident_mib", run->resident_mib, "MiB", "resident during the run");
    report_figure(report, "recovery_mean_seconds", figures->recovery_mean, "s", "from a token's return to a signature, mean");
    report_bar(report, "recovery_seconds", figures->recovery_most, "s", BELOW, RECOVERY_BAR, "the most of five");
    report_bar(report, "recovery_hang_seconds", figures->recovery_hang, "s", BELOW, RECOVERY_BAR, "after a module that hung");
}

static int measure(struct hsm_bench *bench, struct report *report, struct call *call)
{
    struct smki_error *err = &call->err;
    struct stage run;
    int rc;

    call_note(call, "making %zu requests", bench->job->csrs);
    if ((rc = token_make(bench, err)) != 0 || (rc = stage_run(NULL, batch_job_document, bench->job, err)) != 0 ||
        (rc = stage_run(NULL, found, bench, err)) != 0 || (rc = stage_run(NULL, batch_job_submit, bench->job, err)) != 0 ||
        (rc = stage_run(&run, batch_job_run, bench->job, err)) != 0 || (rc = stage_run(NULL, measure_all, bench, err)) != 0)
        return rc;
    report_all(bench, report, &run);
    return 0;
}

static const char *module_find(const struct call *call)
{
    if (call_has(call, "module"))
        return call_text(call, "module");
    for (size_t i = 0; i < ARRAY_COUNT(places); i++)
        if (access(places[i], R_OK) == 0)
            return places[i];
    return NULL;
}

static int hsm_bench_begin(struct hsm_bench *bench, struct call *call, size_t csrs)
{
    char file[240];
    int rc;

    if ((bench->module = module_find(call)) == NULL)
        return call_fail(call, SMKI_TOKEN_MODULE, "libsofthsm2.so is not where it usually is: install softhsm2, or name it with --module");
    if ((rc = bench_home_begin(&bench->home, call, "folder")) != 0)
        return rc;
    bench_home_file(&bench->home, file, "batch.xml");
    bench->job = batch_job_new(bench->home.path, file, SMKI_BATCH_XML, csrs);
    bench->figures = stage_memory(sizeof(*bench->figures));
    if (bench->job == NULL || bench->figures == NULL)
        return call_fail(call, SMKI_NO_MEMORY, NULL);
    bench->job->workers = bench->workers;
    return 0;
}

static int hsm_bench_run(struct call *call)
{
    uint64_t csrs = CSRS, workers = 2;
    struct hsm_bench bench = {0};
    struct report *report;
    int rc;

    if (!bench_number(call, "csrs", 1, SMKI_BATCH_MAX_CSRS, &csrs) || !bench_number(call, "workers", 1, THREADS_MAX, &workers))
        return EXIT_USAGE;
    bench.workers = (unsigned)workers;
    if ((rc = hsm_bench_begin(&bench, call, csrs)) == 0) {
        report = report_open(call, "a batch of %u CSRs with the DCA's key in SoftHSM2, %u workers", (unsigned)csrs, bench.workers);
        rc = report != NULL ? measure(&bench, report, call) : SMKI_NO_MEMORY;
        rc = bench_close(report, call, rc);
    }
    bench_home_end(&bench.home);
    return rc;
}

static const struct command_value options[] = {{"csrs", VALUE_COUNT, 0, "N", "in the batch; 20000 by default", NULL},
                                               {"workers", VALUE_COUNT, 0, "N", "threads, and sessions; 2 by default", NULL},
                                               {"module", VALUE_FILE, 0, NULL, "libsofthsm2.so, where it is not where it usually is", NULL},
                                               BENCH_FOLDER,
                                               {0}};

const struct command hsm_commands[] = {
    {.name = "hsm",
     .text = "CA keys in an HSM: a batch and signatures through SoftHSM2, recovery",
     .flags = COMMAND_JSON,
     .options = options,
     .more = "Bars: signatures through the key at least 85 % of a bare C_Sign loop on as many threads; a signature less than 2 s after a\n"
             "token is back that was away, or a module answers that hung.\n",
     .run = hsm_bench_run},
    {0}};
