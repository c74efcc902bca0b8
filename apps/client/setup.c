/* From the command line to a client; what it tells while it works; small things about files. */
#include "client/client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define CSR_FILE_MAX ((size_t)64 * 1024)

struct smki_client_access *access_adhoc(struct smki_client_config *config)
{
    return &config->adhoc;
}

struct smki_client_access *access_batch(struct smki_client_config *config)
{
    return &config->batch;
}

/* ---- configuration ---- */

static int text_set(struct call *call, char out[SMKI_CLIENT_TEXT_SIZE], const char *option)
{
    const char *text = call_text(call, option);

    if (text != NULL && snprintf(out, SMKI_CLIENT_TEXT_SIZE, "%s", text) >= SMKI_CLIENT_TEXT_SIZE)
        return call_fail(call, SMKI_TOO_LARGE, "--%s is longer than %d octets", option, SMKI_CLIENT_TEXT_SIZE - 1);
    return 0;
}

/* The options of one service; the other is not used by this command and needs no credentials. */
static int access_set(struct call *call, struct smki_client_config *config, struct smki_client_access *access)
{
    const char *url = access == &config->adhoc ? "url-adhoc" : "url-batch";
    int rc;

    (access == &config->adhoc ? &config->batch : &config->adhoc)->url[0] = '\0';
    if ((rc = text_set(call, access->url, url)) != 0 || (rc = text_set(call, access->certificate, "cert")) != 0 ||
        (rc = text_set(call, access->key, "key")) != 0 || (rc = text_set(call, access->passphrase_file, "passphrase-file")) != 0)
        return rc;
    if (access->url[0] == '\0')
        return call_usage(call, "the service's URL is missing (--%s, or --config)", url);
    return 0;
}

/* mkdir -p of the folder that the file lies in. */
static void parents_make(const char *path)
{
    char part[PATH_SIZE];

    for (const char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
        (void)mkdir(part, 0700); /* one that cannot be made is told of when the file cannot */
    }
}

static void state_default(char out[SMKI_CLIENT_TEXT_SIZE])
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

    if (state != NULL && state[0] == '/')
        snprintf(out, SMKI_CLIENT_TEXT_SIZE, "%.900s/smki-client/state.json", state);
    else if (home != NULL && home[0] == '/')
        snprintf(out, SMKI_CLIENT_TEXT_SIZE, "%.900s/.local/state/smki-client/state.json", home);
    else
        return;
    parents_make(out);
}

static int config_make(struct call *call, struct smki_client_config *config,
                       struct smki_client_access *(*service)(struct smki_client_config *config))
{
    int rc;

    if (call_has(call, "config") && (rc = smki_client_config_read(config, call_text(call, "config"), &call->err)) != 0)
        return rc;
    if (service != NULL && (rc = access_set(call, config, service(config))) != 0)
        return rc;
    if ((rc = text_set(call, config->server_ca, "ca")) != 0 || (rc = text_set(call, config->chain, "chain")) != 0 ||
        (rc = text_set(call, config->state, "state")) != 0 || (rc = text_set(call, config->proxy, "proxy")) != 0)
        return rc;
    if (call_has(call, "pace"))
        config->pace = (int64_t)call_number(call, "pace") * (SMKI_SECOND / 1000);
    if (call_has(call, "patience"))
        config->patience = (int64_t)call_number(call, "patience") * SMKI_MINUTE + 1;
    if (config->state[0] == '\0')
        state_default(config->state);
    return 0;
}

/* ---- what is told meanwhile ---- */

void session_hush(struct session *session)
{
    if (!session->showing)
        return;
    if (session->phase == SMKI_CLIENT_WAITING)
        fputs("\r\033[K", stderr);
    else
        progress_end(&session->progress);
    session->showing = false;
}

/* On a terminal the line counts down in its place; else there is one for each time that is waited for. Short waits are not worth a word. */
static void tell_waiting(struct session *session, const struct smki_client_progress *progress)
{
    const int64_t left = progress->until.us - smki_clock_system.now(smki_clock_system.context).us;
    char when[SMKI_TIME_TEXT_SIZE], duration[DURATION_TEXT_SIZE];

    if (session->progress.terminal && left > 0) {
        fprintf(stderr, "\rwaits until %s, %s left: %.60s\033[K", smki_time_text_people(progress->until, when),
                duration_words((double)left / (double)SMKI_SECOND, duration), progress->why);
        session->showing = true;
    } else if (!session->progress.terminal && left > 10 * SMKI_SECOND && progress->until.us != session->told.us) {
        fprintf(stderr, "%s: waits until %s: %s\n", session->call->program->name, smki_time_text_people(progress->until, when),
                progress->why);
    }
    session->told = progress->until;
}

static void on_progress(void *context, const struct smki_client_progress *progress)
{
    static const char *const nouns[] = {"", "octets sent", "octets received", "certificates checked"};
    struct session *session = context;

    if (progress->phase != session->phase)
        session_hush(session);
    session->phase = progress->phase;
    if (progress->phase == SMKI_CLIENT_WAITING) {
        tell_waiting(session, progress);
        return;
    }
    if (progress->all == 0)
        return;
    if (!session->showing)
        progress_start(&session->progress, nouns[progress->phase]);
    session->showing = true;
    progress_show(&session->progress, progress->done, progress->all, -1);
}

/* ---- the client ---- */

int session_open(struct session *session, struct call *call, struct smki_client_access *(*service)(struct smki_client_config *config))
{
    const struct smki_client_access *access;
    struct smki_client_options options = {.config = &session->config, .passphrase = passphrase_ask, .stop = &stop_wished};
    int rc;

    *session = (struct session){.call = call, .phase = SMKI_CLIENT_WAITING};
    progress_start(&session->progress, "");
    if ((rc = config_make(call, &session->config, service)) != 0)
        return rc;
    if (service == NULL)
        session->config.adhoc.url[0] = session->config.batch.url[0] = '\0';
    access = service != NULL ? service(&session->config) : NULL;
    options.passphrase_context = access != NULL ? (void *)(uintptr_t)access->key : NULL;
    if (!call_has(call, "quiet")) {
        options.progress = on_progress;
        options.progress_context = session;
    }
    stop_catch();
    return smki_client_open(&session->client, &options, &call->err);
}

void session_close(struct session *session)
{
    session_hush(session);
    smki_client_close(session->client);
    session->client = NULL;
}

/* ---- files ---- */

void stem_of(char out[PATH_SIZE], const char *path, const char *extension)
{
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
    size_t size = strlen(name), end = strlen(extension);

    if (size > end && strcasecmp(name + size - end, extension) == 0)
        size -= end;
    snprintf(out, PATH_SIZE, "%.*s", (int)size, name);
}

int folder_make(struct call *call, const char *path)
{
    if (mkdir(path, 0777) == 0 || errno == EEXIST)
        return 0;
    return call_fail(call, SMKI_IO, "the folder %s cannot be made: %s", path, strerror(errno));
}

int csr_take(struct smki_buffer *der, const char *path, struct smki_error *err)
{
    struct smki_buffer file = {0};
    char label[64];
    int rc = file_take(&file, path, CSR_FILE_MAX, err);

    if (rc == 0)
        rc = smki_pem_decode(der, label, (struct smki_bytes){file.at, file.size}, err);
    smki_buffer_finish(&file);
    return rc;
}
