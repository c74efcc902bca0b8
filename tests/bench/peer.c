/* See peer.h. */
#include "peer.h"
#include "peer_http.h"
#include "process.h"
#include "requests.h"

#include "base/base_i.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define EACH_MAX    500 /* certificates of a peer that needs a process for each: its rate does not change */
#define PARTS_MAX   16
#define CONNECTIONS 16 /* to cfssl serve */

extern char **environ;

/* ---- the folder ---- */

static int text_write(const char *path, const char *text, struct smki_error *err)
{
    FILE *file = fopen(path, "w");
    int rc = file != NULL && fputs(text, file) >= 0 ? 0 : smki_fail_errno(err, errno, "%s", path);

    return file == NULL || fclose(file) == 0 ? rc : smki_fail_errno(err, errno, "%s", path);
}

static int request_put(size_t number, const struct request *request, struct smki_error *err)
{
    char path[40], text[2 * REQUEST_MAX], pem[3 * REQUEST_MAX];
    const int size = (int)base64_encoded_size(request->size);
    int at;

    base64_encode(text, request->der, request->size);
    at = snprintf(pem, sizeof(pem), "-----BEGIN CERTIFICATE REQUEST-----\n");
    for (int i = 0; i < size; i += 64)
        at += snprintf(pem + at, sizeof(pem) - (size_t)at, "%.*s\n", size - i < 64 ? size - i : 64, text + i);
    snprintf(pem + at, sizeof(pem) - (size_t)at, "-----END CERTIFICATE REQUEST-----\n");
    snprintf(path, sizeof(path), "%zu.csr", number);
    return text_write(path, pem, err);
}

static int ca_make(struct smki_error *err)
{
    if (system("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ca.key 2>/dev/null && "
               "openssl req -x509 -new -key ca.key -subj '/CN=Peer CA' -days 3650 -out ca.pem && "
               "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null -subj '/CN=meter 1' "
               "-outform DER -out plain.der 2>/dev/null") != 0)
        return smki_fail(err, SMKI_IO, "the peers' CA could not be made: is openssl installed?");
    return 0;
}

static int settings_write(struct smki_error *err)
{
    int rc = text_write("template", "honor_crq_extensions\nexpiration_days = 3650\n", err);

    return rc != 0
               ? rc
               : text_write("cfssl.json", "{\"signing\":{\"default\":{\"usages\":[\"digital signature\"],\"expiry\":\"87600h\"}}}", err);
}

int peer_work_begin(struct peer_work *work, const struct request *requests, struct smki_error *err)
{
    int rc;

    strcpy(work->memory, "/dev/shm/smki.bench-XXXXXX");
    if (mkdtemp(work->memory) == NULL)
        work->memory[0] = '\0';
    if ((mkdir(work->disk, 0700) != 0 && errno != EEXIST) || chdir(work->disk) != 0)
        return smki_fail_errno(err, errno, "%s", work->disk);
    rc = ca_make(err);
    if (rc == 0)
        rc = settings_write(err);
    for (size_t i = 0; i < work->count && rc == 0; i++)
        rc = request_put(i + 1, &requests[i], err);
    return rc;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status, (void)kind, (void)walk;
    return remove(path);
}

void peer_work_end(struct peer_work *work)
{
    if (work->memory[0] != '\0')
        nftw(work->memory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

int peer_is_installed(const struct peer *peer)
{
    char command[100];

    snprintf(command, sizeof(command), "command -v %s >/dev/null 2>&1", peer->program);
    return system(command) == 0;
}

/* ---- processes ---- */

/* Quietly; -1: it could not be started. */
static pid_t quiet_start(char *const *arguments)
{
    posix_spawn_file_actions_t actions;
    pid_t pid = -1;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    if (posix_spawnp(&pid, arguments[0], &actions, NULL, arguments, environ) != 0)
        pid = -1;
    posix_spawn_file_actions_destroy(&actions);
    return pid;
}

static bool ended_well(pid_t pid)
{
    int status = 1;

    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

/* ---- openssl ca: a process and a database for each part of the requests ---- */

static int database_make(const char *folder, char config[100], struct smki_error *err)
{
    char path[100], text[1000];
    int rc;

    snprintf(path, sizeof(path), "%.80s/new", folder);
    if (mkdir(folder, 0700) != 0 || mkdir(path, 0700) != 0)
        return smki_fail_errno(err, errno, "%s", path);
    snprintf(path, sizeof(path), "%.80s/index.txt", folder);
    if ((rc = text_write(path, "", err)) != 0)
        return rc;
    snprintf(path, sizeof(path), "%.80s/serial", folder);
    if ((rc = text_write(path, "01\n", err)) != 0)
        return rc;
    snprintf(config, 100, "%.80s/ca.cnf", folder);
    snprintf(text, sizeof(text),
             "[ca]\ndefault_ca = peer\n[peer]\ndatabase = %.80s/index.txt\nserial = %.80s/serial\nnew_certs_dir = %.80s/new\n"
             "certificate = ca.pem\nprivate_key = ca.key\ndefault_md = sha256\ndefault_days = 3650\nunique_subject = no\n"
             "copy_extensions = copy\npolicy = any\n[any]\ncommonName = optional\n",
             folder, folder, folder);
    return text_write(config, text, err);
}

static size_t database_count(const char *folder)
{
    char path[100], line[400];
    size_t count = 0;
    FILE *file;

    snprintf(path, sizeof(path), "%.80s/index.txt", folder);
    file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL)
        count++;
    if (file != NULL)
        fclose(file);
    return count;
}

struct part {
    char folder[80], config[100];
    char (*names)[32];
    char **arguments;
    pid_t pid;
};

static int part_begin(struct part *part, size_t from, size_t to, struct smki_error *err)
{
    char *const head[] = {(char[]){"openssl"}, (char[]){"ca"},   (char[]){"-batch"},    (char[]){"-notext"}, (char[]){"-config"},
                          part->config,        (char[]){"-out"}, (char[]){"/dev/null"}, (char[]){"-infiles"}};
    int rc = database_make(part->folder, part->config, err);

    if (rc != 0)
        return rc;
    part->names = calloc(to - from, sizeof(*part->names));
    part->arguments = calloc(ARRAY_COUNT(head) + to - from + 1, sizeof(*part->arguments));
    if (part->names == NULL || part->arguments == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    for (size_t i = 0; i < ARRAY_COUNT(head); i++)
        if ((part->arguments[i] = strdup(head[i])) == NULL)
            return smki_fail(err, SMKI_NO_MEMORY, NULL);
    for (size_t i = from; i < to; i++) {
        snprintf(part->names[i - from], sizeof(part->names[0]), "%zu.csr", i + 1);
        part->arguments[ARRAY_COUNT(head) + i - from] = part->names[i - from];
    }
    return 0;
}

static void part_end(struct part *part)
{
    for (size_t i = 0; part->arguments != NULL && i < 9; i++)
        free(part->arguments[i]);
    free(part->arguments);
    free(part->names);
    if (part->folder[0] != '\0')
        nftw(part->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void parts_run(struct part *parts, unsigned count, struct peer_result *out)
{
    const double start = seconds_now();

    for (unsigned i = 0; i < count; i++)
        parts[i].pid = quiet_start(parts[i].arguments);
    for (unsigned i = 0; i < count; i++)
        (void)ended_well(parts[i].pid);
    out->seconds = seconds_now() - start;
    for (unsigned i = 0; i < count; i++)
        out->done += database_count(parts[i].folder);
}

static int openssl_ca_run(const struct peer *peer, const struct peer_work *work, struct peer_result *out, struct smki_error *err)
{
    const unsigned count = peer->parts != 0 ? peer->parts : work->cores < PARTS_MAX ? work->cores : PARTS_MAX;
    struct part parts[PARTS_MAX] = {0};
    int rc = 0;

    if (peer->in_memory && work->memory[0] == '\0')
        return smki_fail(err, SMKI_IO, "/dev/shm cannot be written to");
    for (unsigned i = 0; i < count && rc == 0; i++) {
        snprintf(parts[i].folder, sizeof(parts[i].folder), "%s/ca-%u", peer->in_memory ? work->memory : ".", i);
        rc = part_begin(&parts[i], work->count * i / count, work->count * (i + 1) / count, err);
    }
    if (rc == 0)
        parts_run(parts, count, out);
    for (unsigned i = 0; i < count; i++)
        part_end(&parts[i]);
    return rc;
}

/* ---- a process a certificate, on all cores ---- */

struct each {
    const char *const *arguments;
    size_t count;
    atomic_size_t next, done;
};

static bool each_one(const struct each *each, size_t number)
{
    char in[40], out[40], *arguments[32] = {0};

    snprintf(in, sizeof(in), "%zu.csr", number + 1);
    snprintf(out, sizeof(out), "%zu.crt", number + 1);
    for (size_t i = 0; each->arguments[i] != NULL; i++) {
        const char *word = each->arguments[i];

        arguments[i] = strcmp(word, "IN") == 0 ? in : strcmp(word, "OUT") == 0 ? out : (char *)(uintptr_t)word;
    }
    return ended_well(quiet_start(arguments));
}

static void *each_main(void *context)
{
    struct each *each = context;
    size_t number;

    while ((number = atomic_fetch_add(&each->next, 1)) < each->count)
        if (each_one(each, number))
            atomic_fetch_add(&each->done, 1);
    return NULL;
}

static int each_run(const struct peer *peer, const struct peer_work *work, struct peer_result *out, struct smki_error *err)
{
    struct each each = {.arguments = peer->each, .count = work->count < EACH_MAX ? work->count : EACH_MAX};
    const unsigned threads = work->cores < PARTS_MAX ? work->cores : PARTS_MAX;
    const double start = seconds_now();
    pthread_t ids[PARTS_MAX];
    unsigned started = 0;

    (void)err;
    while (started < threads && pthread_create(&ids[started], NULL, each_main, &each) == 0)
        started++;
    for (unsigned i = 0; i < started; i++)
        pthread_join(ids[i], NULL);
    out->seconds = seconds_now() - start;
    out->done = atomic_load(&each.done);
    return 0;
}

/* ---- cfssl serve ---- */

static int cfssl_run(const struct peer *peer, const struct peer_work *work, struct peer_result *out, struct smki_error *err)
{
    char port[20];
    char *arguments[] = {(char[]){"cfssl"},     (char[]){"serve"},   (char[]){"-address"},
                         (char[]){"127.0.0.1"}, (char[]){"-port"},   port,
                         (char[]){"-ca"},       (char[]){"ca.pem"},  (char[]){"-ca-key"},
                         (char[]){"ca.key"},    (char[]){"-config"}, (char[]){"cfssl.json"},
                         (char[]){"-loglevel"}, (char[]){"3"},       NULL};
    const int number = free_port();
    pid_t server;
    int rc;

    (void)peer;
    snprintf(port, sizeof(port), "%d", number);
    server = quiet_start(arguments);
    rc = server > 0 && port_answers(number) ? peer_http_run(number, CONNECTIONS, work->count, out, err)
                                            : smki_fail(err, SMKI_IO, "cfssl serve did not start");
    if (server > 0)
        (void)process_end(server);
    return rc;
}

/* ---- the table ---- */

static const char *const certtool_words[] = {"certtool",
                                             "--generate-certificate",
                                             "--load-request",
                                             "IN",
                                             "--load-ca-certificate",
                                             "ca.pem",
                                             "--load-ca-privkey",
                                             "ca.key",
                                             "--template",
                                             "template",
                                             "--outfile",
                                             "OUT",
                                             NULL};
static const char *const pki_words[] = {"pki",     "--issue", "--type",     "pkcs10", "--in",      "plain.der", "--cacert", "ca.pem",
                                        "--cakey", "ca.key",  "--lifetime", "3650",   "--outform", "pem",       NULL};

const struct peer peers[] = {
    {.name = "openssl ca, a process a core, in memory", .program = "openssl", .package = "openssl", .run = openssl_ca_run, .in_memory = 1},
    {.name = "openssl ca, a process a core, on disk", .program = "openssl", .package = "openssl", .run = openssl_ca_run},
    {.name = "openssl ca, one process, in memory",
     .program = "openssl",
     .package = "openssl",
     .run = openssl_ca_run,
     .parts = 1,
     .in_memory = 1},
    {.name = "openssl ca, one process, on disk", .program = "openssl", .package = "openssl", .run = openssl_ca_run, .parts = 1},
    {.name = "cfssl serve",
     .program = "cfssl",
     .package = "golang-cfssl",
     .run = cfssl_run,
     .note = "stores nothing, and leaves the hardware module name of the request out"},
    {.name = "GnuTLS certtool",
     .program = "certtool",
     .package = "gnutls-bin",
     .run = each_run,
     .each = certtool_words,
     .note = "a process a certificate; stores nothing but the file"},
    {.name = "strongSwan pki",
     .program = "pki",
     .package = "strongswan-pki libstrongswan-standard-plugins",
     .run = each_run,
     .each = pki_words,
     .note = "refuses these requests (no subject, otherName): one with a subject is taken over and over; a process a "
             "certificate; stores nothing"},
    {0}};
