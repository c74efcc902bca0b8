#include "portal_world.h"

#include "document.h"
#include "party.h"
#include "process.h"
#include "requests.h"

#include "base/base_i.h"
#include "message/message_i.h"

#include <smki/key.h>
#include <smki/service.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DONE_BATCHES    30 /* of each Party, of earlier nights: what the list goes back to */
#define WAITING_BATCHES 3  /* of each Party */
#define BATCH_CSRS      20
#define FIRST_DEVICE    UINT64_C(0x90b3d51f30020000)

static bool fail(const char *what, const struct smki_error *err)
{
    fprintf(stderr, "bench_portal: %s: %s\n", what, err->text);
    return false;
}

/* ---- Parties and officers ---- */

static int officer_verify(struct smki_service *service, unsigned party, unsigned index, uint64_t *number, struct smki_error *err)
{
    struct smki_officer officer = {.party = party + 1};
    int rc;

    snprintf(officer.name, sizeof(officer.name), "Officer %u", index + 1);
    snprintf(officer.email, sizeof(officer.email), "officer.%u@example.org", index + 1);
    if ((rc = smki_officer_nominate(smki_service_store(service), &bench_actor, &officer, err)) != 0)
        return rc;
    *number = officer.number;
    return smki_officer_set_state(smki_service_store(service), &bench_actor, officer.number, SMKI_OFFICER_VERIFIED, err);
}

static int officer_make(struct portal_world *world, struct smki_service *service, const struct smki_key *key, const char *key_file,
                        unsigned index, struct smki_error *err)
{
    struct portal_officer *officer = &world->officers[index];
    struct smki_stored_certificate certificate;
    uint64_t number;
    char name[32];
    int rc;

    snprintf(name, sizeof(name), "Officer %u", index + 1);
    officer->party = index % WORLD_PARTIES;
    snprintf(officer->from, sizeof(officer->from), "127.0.%u.%u", 1 + index / 250, 1 + index % 250);
    if ((rc = officer_verify(service, officer->party, index, &number, err)) != 0 ||
        (rc = bench_credential_issue(service, key, officer->party + 1, SMKI_INTERFACE_PORTAL_DEVICE, number, name, &certificate, err)) != 0)
        return rc;
    officer->context = browser_context(certificate.der, certificate.size, key_file);
    return officer->context != NULL ? 0 : SMKI_INTERNAL;
}

static int officers_make(struct portal_world *world, struct smki_service *service, struct smki_error *err)
{
    struct smki_key *key = NULL;
    char file[160];
    int rc;

    snprintf(file, sizeof(file), "%s/key.pem", world->folder);
    rc = bench_key_make(&key, file, err);
    for (unsigned i = 0; i < WORLD_PARTIES && rc == 0; i++)
        rc = bench_party_add(service, i + 1, err);
    for (unsigned i = 0; i < world->officer_count && rc == 0; i++)
        rc = officer_make(world, service, key, file, i, err);
    smki_key_close(key);
    return rc;
}

/* ---- batches ---- */

static int batch_add(struct portal_world *world, struct smki_service *service, uint64_t party, const struct request *requests,
                     struct smki_error *err)
{
    struct smki_actor actor = bench_actor;
    struct smki_batch batch;
    char path[160];
    int rc;

    actor.party = party;
    snprintf(path, sizeof(path), "%s/meters.zip", world->folder);
    if ((rc = document_make(path, SMKI_BATCH_ZIP, requests, BATCH_CSRS, err)) != 0)
        return rc;
    return smki_batch_submit_file(service, &actor, path, &batch, NULL, err);
}

static int batches_add(struct portal_world *world, struct smki_service *service, unsigned count, const struct request *requests,
                       struct smki_error *err)
{
    int rc = 0;

    for (unsigned i = 0; i < count * WORLD_PARTIES && rc == 0; i++)
        rc = batch_add(world, service, i % WORLD_PARTIES + 1, requests + i * BATCH_CSRS, err);
    return rc;
}

static int batches_make(struct portal_world *world, struct smki_service *service, struct smki_error *err)
{
    const unsigned done = DONE_BATCHES * WORLD_PARTIES * BATCH_CSRS, waiting = WAITING_BATCHES * WORLD_PARTIES * BATCH_CSRS;
    const struct smki_run_options options = {.ignore_window = true};
    struct request *requests = requests_make(done + waiting, FIRST_DEVICE);
    struct smki_run_progress progress;
    int rc = requests != NULL ? batches_add(world, service, DONE_BATCHES, requests, err) : SMKI_NO_MEMORY;

    if (rc == 0)
        rc = smki_batch_run(service, &bench_actor, &options, &progress, err);
    if (rc == 0)
        rc = batches_add(world, service, WAITING_BATCHES, requests + done, err);
    free(requests);
    return rc;
}

static int great_zip_make(struct portal_world *world, unsigned csrs, struct smki_error *err)
{
    struct request *requests = requests_make(csrs, FIRST_DEVICE + 0x100000);
    int rc = requests != NULL ? document_make(world->zip, SMKI_BATCH_ZIP, requests, csrs, err) : SMKI_NO_MEMORY;

    free(requests);
    return rc;
}

/* ---- the home ---- */

static bool config_write(const struct portal_world *world)
{
    char path[160];
    FILE *file;

    snprintf(path, sizeof(path), "%s/smki.json", world->home);
    if ((file = fopen(path, "w")) == NULL)
        return false;
    fprintf(file,
            "{\"portal.landing.listen\": \"127.0.0.1:%d\", \"portal.device.listen\": \"127.0.0.1:%d\", \"portal.admin_listen\": "
            "\"127.0.0.1:%d\",\n",
            world->landing, world->device, world->admin);
    fprintf(file, " \"portal.organisation.listen\": \"127.0.0.1:%d\", \"portal.organisation_internet.listen\": \"127.0.0.1:%d\",\n",
            free_port(), free_port());
    fprintf(file, " \"portal.device_internet.listen\": \"127.0.0.1:%d\", \"portal.download.listen\": \"127.0.0.1:%d\",\n", free_port(),
            free_port());
    fprintf(file, " \"portal.operator\": \"Example DCC\", \"portal.desk\": \"desk@example.org\"}\n");
    return fclose(file) == 0;
}

bool portal_world_make(struct portal_world *world, unsigned officers, unsigned csrs)
{
    struct smki_service *service = NULL;
    struct smki_error err = {0};
    int rc;

    snprintf(world->folder, sizeof(world->folder), "%s/smki-bench-XXXXXX", getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
    if (mkdtemp(world->folder) == NULL)
        return false;
    snprintf(world->home, sizeof(world->home), "%s/home", world->folder);
    snprintf(world->log, sizeof(world->log), "%s/log", world->folder);
    snprintf(world->zip, sizeof(world->zip), "%s/great.zip", world->folder);
    world->officer_count = officers;
    world->officers = calloc(officers, sizeof(*world->officers));
    world->nobody = browser_context(NULL, 0, NULL);
    world->landing = free_port();
    world->device = free_port();
    world->admin = free_port();
    if ((rc = smki_service_create(world->home, NULL, &err)) != 0 || !config_write(world) ||
        (rc = smki_service_open(&service, world->home, NULL, &err)) != 0)
        return fail("the home", &err);
    if ((rc = officers_make(world, service, &err)) == 0 && (rc = batches_make(world, service, &err)) == 0)
        rc = great_zip_make(world, csrs, &err);
    smki_service_close(service);
    return rc == 0 || fail("the home", &err);
}

void portal_world_remove(struct portal_world *world)
{
    char command[160];

    for (unsigned i = 0; world->officers != NULL && i < world->officer_count; i++)
        SSL_CTX_free(world->officers[i].context);
    SSL_CTX_free(world->nobody);
    free(world->officers);
    snprintf(command, sizeof(command), "rm -rf %s", world->folder);
    (void)!system(command);
}

/* ---- the programs ---- */

bool portal_world_launch(struct portal_world *world)
{
    char *const arguments[] = {(char[]){PORTAL_PROGRAM}, (char[]){"--home"}, world->home, (char[]){"--www"}, (char[]){PORTAL_PAGES}, NULL};

    world->portal = process_start_told(arguments, world->log);
    return world->portal > 0;
}

bool portal_world_start(struct portal_world *world)
{
    struct browser browser = {.context = world->nobody, .port = world->landing};
    bool ready = portal_world_launch(world);

    for (int i = 0; ready && !browser_connect(&browser); i++) {
        usleep(10000);
        ready = i < 1000 && waitpid(world->portal, NULL, WNOHANG) == 0;
    }
    browser_finish(&browser);
    if (!ready)
        fprintf(stderr, "bench_portal: the portal did not start\n");
    return ready;
}

bool portal_world_stop(struct portal_world *world)
{
    return process_end(world->portal);
}

pid_t portal_world_night(struct portal_world *world)
{
    char *const arguments[] = {(char[]){BATCH_PROGRAM}, (char[]){"--home"},          world->home,         (char[]){"run"},
                               (char[]){"--once"},      (char[]){"--ignore-window"}, (char[]){"--quiet"}, NULL};

    return process_start_told(arguments, world->log);
}

/* ---- the bound of an upload ---- */

char *portal_world_zip(const struct portal_world *world, size_t *size)
{
    struct smki_buffer file = {0};

    if (file_read(&file, world->zip, 1u << 30, NULL) != 0)
        return NULL;
    *size = file.size;
    return (char *)file.at;
}

static int take_nothing(void *context, const struct batch_request *request, struct smki_error *err)
{
    (void)context, (void)request, (void)err;
    return 0;
}

static bool write_durably(const char *path, const char *octets, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && write(fd, octets, size) == (ssize_t)size && fsync(fd) == 0;

    if (fd >= 0)
        close(fd);
    return ok;
}

double portal_world_bare_upload(const struct portal_world *world, double *processor)
{
    const struct batch_limits limits = {.max_csrs = 50000, .max_upload = 1u << 30};
    char path[160];
    size_t size = 0;
    char *octets = portal_world_zip(world, &size);
    const double began = seconds_now(), used = process_processor(getpid());
    bool ok;

    snprintf(path, sizeof(path), "%s/bare.zip", world->folder);
    ok = octets != NULL && write_durably(path, octets, size) && batch_zip_read(path, &limits, take_nothing, NULL, NULL) == 0;
    *processor = process_processor(getpid()) - used;
    unlink(path);
    free(octets);
    return ok ? seconds_now() - began : 0;
}
