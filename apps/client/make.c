/* smki-client make-csr: keys and CSRs for testers, any number of them. */
#include "client/client.h"

#include <smki/lint.h>
#include <smki/role.h>

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HARDWARE_TYPE "1.2.826.0.1.8641679.1.2.1"
#define FIRST         "90-B3-D5-1F-30-01-00-01"
#define NAME_SIZE     32

#define THREADS_MAX 64

struct maker {
    struct call *call;
    const char *folder, *keys; /* NULL: none are written */
    const char *hardware_type;
    char unit[SMKI_ROLE_TEXT_SIZE]; /* the role of Organisation CSRs; "": they are a device's */
    uint64_t first;                 /* device */
    size_t usages[2], usage_count;
    struct smki_pack *xml, *zip;
    bool quiet;
    uint64_t all;
    pthread_mutex_t lock; /* of what follows, and of the packs */
    pthread_cond_t turn;  /* `done` has grown, or it failed */
    struct progress progress;
    uint64_t taken, done;
    int rc;
};

struct made {
    char name[NAME_SIZE];
    uint8_t der[SMKI_CSR_MAX_SIZE];
    size_t size;
};

static const struct {
    const char *suffix;
    enum smki_key_usage usage;
} usages[] = {{"ds", SMKI_DIGITAL_SIGNATURE}, {"ka", SMKI_KEY_AGREEMENT}};

/* ---- device IDs ---- */

static uint64_t number_of(const struct smki_device_id *device)
{
    uint64_t number = 0;

    for (size_t i = 0; i < SMKI_DEVICE_ID_SIZE; i++)
        number = number << 8 | device->octet[i];
    return number;
}

static struct smki_device_id device_of(uint64_t number)
{
    struct smki_device_id device;

    for (size_t i = SMKI_DEVICE_ID_SIZE; i > 0; i--, number >>= 8)
        device.octet[i - 1] = (uint8_t)number;
    return device;
}

/* ---- one CSR ---- */

static int made_fail(struct smki_error *err, int code, const char *what, const char *detail)
{
    err->code = code;
    snprintf(err->text, sizeof(err->text), "%s%s%.300s", what, detail[0] != '\0' ? ": " : "", detail);
    return code;
}

/* What is handed to testers satisfies every rule; a mistake here must not look like one of theirs. */
static int judge(const struct maker *maker, struct smki_bytes der, struct smki_error *err)
{
    const enum smki_lint_subject kind = maker->unit[0] != '\0' ? SMKI_LINT_ORGANISATION_CSR : SMKI_LINT_DEVICE_CSR;
    struct smki_lint_report *report = malloc(sizeof(*report));
    int rc;

    if (report == NULL)
        return made_fail(err, SMKI_NO_MEMORY, smki_refusal_find(SMKI_NO_MEMORY)->text, "");
    if ((rc = smki_lint(report, kind, der, NULL, err)) == 0 && report->errors > 0)
        rc = made_fail(err, SMKI_LINT_FAILED, report->findings[0].rule->name, report->findings[0].detail);
    free(report);
    return rc;
}

static int file_write_in(const struct maker *maker, const char *name, struct smki_bytes der, struct smki_error *err)
{
    char path[PATH_SIZE];
    struct smki_buffer pem = {0};
    int rc = smki_pem_encode(&pem, "CERTIFICATE REQUEST", der, err);

    snprintf(path, sizeof(path), "%.4000s/%s.csr", maker->folder, name);
    if (rc == 0)
        rc = file_put(path, (struct smki_bytes){pem.at, pem.size}, err);
    smki_buffer_finish(&pem);
    return rc;
}

static int files_write(const struct maker *maker, const struct made *made, const struct smki_key *key, struct smki_error *err)
{
    char path[PATH_SIZE];
    int rc = 0;

    if (maker->keys != NULL) {
        snprintf(path, sizeof(path), "%.4000s/%s.key", maker->keys, made->name);
        rc = smki_key_save(key, path, NULL, err);
    }
    if (rc == 0 && maker->folder != NULL)
        rc = file_write_in(maker, made->name, (struct smki_bytes){made->der, made->size}, err);
    return rc;
}

static int make_one(const struct maker *maker, uint64_t index, struct made *made, struct smki_error *err)
{
    const size_t usage = maker->usages[index % maker->usage_count];
    const struct smki_device_id device = device_of(maker->first + index / maker->usage_count);
    const struct smki_csr_wish wish = {.profile = maker->unit[0] != '\0' ? SMKI_PROFILE_ORGANISATION : SMKI_PROFILE_DEVICE,
                                       .unit = maker->unit,
                                       .id = device,
                                       .hardware_type = maker->hardware_type,
                                       .key_usage = usages[usage].usage};
    struct smki_key *key = NULL;
    int rc;

    snprintf(made->name, sizeof(made->name), "%016" PRIX64 "-%s", number_of(&device), usages[usage].suffix);
    if ((rc = smki_key_generate(&key, SMKI_KEY_P256, &smki_random_system, err)) == 0 &&
        (rc = smki_csr_make(made->der, &made->size, &wish, key, err)) == 0 &&
        (rc = judge(maker, (struct smki_bytes){made->der, made->size}, err)) == 0)
        rc = files_write(maker, made, key, err);
    smki_key_close(key);
    return rc;
}

/* ---- all of them: by threads, and put into the packs in their order ---- */

static int pack_put(const struct maker *maker, const struct made *made, struct smki_error *err)
{
    const struct smki_bytes der = {made->der, made->size};
    char id[NAME_SIZE + 8];
    int rc = 0;

    snprintf(id, sizeof(id), "meter-%s", made->name);
    if (maker->xml != NULL)
        rc = smki_pack_add(maker->xml, id, der, err);
    if (rc == 0 && maker->zip != NULL)
        rc = smki_pack_add(maker->zip, made->name, der, err);
    return rc;
}

/* The next one to be made; false: there is none. */
static bool index_take(struct maker *maker, uint64_t *index)
{
    bool more;

    pthread_mutex_lock(&maker->lock);
    more = maker->rc == 0 && stop_wished == 0 && maker->taken < maker->all;
    if (more)
        *index = maker->taken++;
    pthread_mutex_unlock(&maker->lock);
    return more;
}

/* When its turn has come. The first failure ends it for all. */
static void deliver(struct maker *maker, uint64_t index, const struct made *made, int rc, struct smki_error *err)
{
    pthread_mutex_lock(&maker->lock);
    while (maker->done != index && maker->rc == 0)
        pthread_cond_wait(&maker->turn, &maker->lock);
    if (maker->rc == 0) {
        maker->rc = rc != 0 ? rc : pack_put(maker, made, err);
        if (maker->rc != 0)
            maker->call->err = *err;
        else
            maker->done++;
        if (!maker->quiet)
            progress_show(&maker->progress, maker->done, maker->all, -1);
    }
    pthread_cond_broadcast(&maker->turn);
    pthread_mutex_unlock(&maker->lock);
}

static void *thread_run(void *context)
{
    struct maker *maker = context;
    struct made made;
    uint64_t index;

    while (index_take(maker, &index)) {
        struct smki_error err = {0};
        const int rc = make_one(maker, index, &made, &err);

        deliver(maker, index, &made, rc, &err);
    }
    return NULL;
}

/* As many threads as there are processors, this one among them; fewer where no more can be had. */
static int make_all(struct maker *maker)
{
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    pthread_t threads[THREADS_MAX];
    size_t count = 0;

    while (count < THREADS_MAX && (long)count + 1 < processors && count + 1 < maker->all &&
           pthread_create(&threads[count], NULL, thread_run, maker) == 0)
        count++;
    thread_run(maker);
    while (count > 0)
        pthread_join(threads[--count], NULL);
    if (maker->rc == 0 && maker->done < maker->all)
        return call_fail(maker->call, SMKI_INTERRUPTED, NULL);
    return maker->rc;
}

static bool is_wanted(const struct call *call, size_t usage)
{
    const char *word = call_text(call, "usage");

    return word == NULL || strcmp(word, "both") == 0 || strcmp(word, usages[usage].suffix) == 0;
}

static int places_open(struct maker *maker)
{
    struct call *call = maker->call;
    const char *ref = call_has(call, "id") ? call_text(call, "id") : "make-csr";
    int rc = 0;

    if (maker->folder != NULL && (rc = folder_make(call, maker->folder)) != 0)
        return rc;
    if (maker->keys != NULL && (rc = folder_make(call, maker->keys)) != 0)
        return rc;
    if (call_has(call, "xml") && (rc = smki_pack_open(&maker->xml, call_text(call, "xml"), SMKI_BATCH_XML, ref, &call->err)) != 0)
        return rc;
    if (call_has(call, "zip") && (rc = smki_pack_open(&maker->zip, call_text(call, "zip"), SMKI_BATCH_ZIP, ref, &call->err)) != 0)
        return rc;
    return 0;
}

static int places_finish(struct maker *maker)
{
    int rc = maker->xml != NULL ? smki_pack_finish(maker->xml, &maker->call->err) : 0;

    if (rc == 0 && maker->zip != NULL)
        rc = smki_pack_finish(maker->zip, &maker->call->err);
    return rc;
}

static int told(const struct maker *maker)
{
    struct call *call = maker->call;
    cJSON *json;

    if (!call->json) {
        fact_print("made", "%" PRIu64 " CSRs", maker->done);
        return 0;
    }
    if ((json = cJSON_CreateObject()) != NULL && !json_add_number(json, "csrs", maker->done)) {
        cJSON_Delete(json);
        json = NULL;
    }
    return json_print(call, json);
}

static int role_take(struct maker *maker, bool packed)
{
    const char *word = call_text(maker->call, "role");
    const struct smki_role *role = smki_role_find_name(word);

    if (role == NULL)
        role = smki_role_find_text(word);
    if (role == NULL)
        return call_usage(maker->call, "--role: \"%s\" is no Remote Party Role; say supplier, network-operator, 02 ...", word);
    if (packed)
        return call_usage(maker->call, "batches are of Device CSRs: --role goes with --out");
    if (!call_has(maker->call, "first"))
        return call_usage(maker->call, "--role: say whose CSRs with --first EUI-64");
    smki_role_text(role->code, maker->unit);
    return 0;
}

static int make_run(struct call *call)
{
    const bool packed = call_has(call, "xml") || call_has(call, "zip");
    const uint64_t count = call_has(call, "count") ? call_number(call, "count") : 1;
    struct smki_device_id first = value_eui(call_has(call, "first") ? call_text(call, "first") : FIRST);
    struct maker maker = {
        .call = call, .folder = call_text(call, "out"), .keys = call_text(call, "keys"), .quiet = call_has(call, "quiet")};
    int rc;

    maker.hardware_type = call_has(call, "hardware-type") ? call_text(call, "hardware-type") : HARDWARE_TYPE;
    maker.first = number_of(&first);
    if (call_has(call, "role") && (rc = role_take(&maker, packed)) != 0)
        return rc;
    for (size_t usage = 0; usage < COUNT_OF(usages); usage++)
        if (is_wanted(call, usage))
            maker.usages[maker.usage_count++] = usage;

    if (maker.folder == NULL && !packed)
        return call_usage(call, "say where the CSRs go: --out DIR, --xml FILE or --zip FILE");
    if (count == 0 || count - 1 > UINT64_MAX - number_of(&first))
        return call_usage(call, "--count: 1 or more, and no Device ID beyond FF-FF-FF-FF-FF-FF-FF-FF");
    maker.all = count * maker.usage_count;
    if (packed && maker.all > SMKI_BATCH_MAX_CSRS)
        return call_usage(call, "%" PRIu64 " CSRs are more than the %d of a batch: make several", maker.all, SMKI_BATCH_MAX_CSRS);
    if (maker.keys == NULL && maker.folder != NULL)
        maker.keys = maker.folder;
    pthread_mutex_init(&maker.lock, NULL);
    pthread_cond_init(&maker.turn, NULL);
    stop_catch();
    progress_start(&maker.progress, "CSRs");
    if ((rc = places_open(&maker)) == 0 && (rc = make_all(&maker)) == 0)
        rc = places_finish(&maker);
    progress_end(&maker.progress);
    smki_pack_close(maker.xml);
    smki_pack_close(maker.zip);
    pthread_cond_destroy(&maker.turn);
    pthread_mutex_destroy(&maker.lock);
    return rc == 0 ? told(&maker) : rc;
}

static const char *const usage_words[] = {"both", "ds", "ka", NULL};

static const struct command_value options[] = {
    {"count", VALUE_COUNT, 0, "N", "devices; without it one", NULL},
    {"first", VALUE_EUI, 0, NULL, "the first Device ID, from which they count up; without it " FIRST, NULL},
    {"usage", VALUE_WORD, 0, "both|ds|ka", "digitalSignature, keyAgreement, or a CSR for each (without it)", usage_words},
    {"hardware-type", VALUE_TEXT, 0, "OID", "hwType; without it " HARDWARE_TYPE, NULL},
    {"role", VALUE_TEXT, 0, "WORD", "Organisation CSRs of this Remote Party Role, for the EUI-64 of --first: supplier, 02 ...", NULL},
    {"out", VALUE_FOLDER, 0, NULL, "the CSRs as PEM files, and their keys unless --keys says otherwise", NULL},
    {"xml", VALUE_FILE, 0, NULL, "the CSRs as one SubmitCSRBatch document", NULL},
    {"zip", VALUE_FILE, 0, NULL, "the CSRs as one zip of .csr files", NULL},
    {"keys", VALUE_FOLDER, 0, NULL, "the private keys; without it, and without --out, they are forgotten", NULL},
    {"id", VALUE_TEXT, 0, "TEXT", "the ID of the SubmitCSRBatch document", NULL},
    {"quiet", VALUE_FLAG, 0, NULL, "no progress", NULL},
    {0},
};

const struct command make_commands[] = {
    {
        .name = "make-csr",
        .text = "Make keys and CSRs for tests: of devices, or with --role of an organisation",
        .flags = COMMAND_JSON,
        .options = options,
        .more = "Each CSR has a P-256 key of its own and satisfies every rule of the profile. Files are called <Device ID>-ds.csr and "
                "-ka.csr,\n"
                "keys .key (PKCS#8, mode 0600, never over an existing file).\n"
                "\n"
                "  smki-client make-csr --count 10 --out meters\n"
                "  smki-client make-csr --count 25000 --first 90-B3-D5-1F-30-02-00-00 --xml batch.xml\n"
                "  smki-client make-csr --role supplier --first 90-B3-D5-1F-30-00-00-01 --out organisation\n",
        .run = make_run,
    },
    {0},
};
