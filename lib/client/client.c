/* A client: opening and closing, waiting, and waiting out what may pass. */
#include "client/client_i.h"

#include <curl/curl.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ADHOC_PATH  "/1.0/PortalCSR/DeviceCertificateSigningRequest" /* interfaces.md 5 */
#define BATCH_PATH  "/1.0/PortalCSRBatch"                            /* interfaces.md 6 */
#define PAUSE_FIRST (1 * SMKI_SECOND)
#define PAUSE_MOST  (5 * SMKI_MINUTE)
#define SLICE       (200 * SMKI_SECOND / 1000) /* of a sleep: so long a signal may go unnoticed */

/* ---- time and chance ---- */

struct smki_time client_now(const struct smki_client *client)
{
    return client->clock.now(client->clock.context);
}

bool client_stopped(const struct smki_client *client)
{
    return client->options.stop != NULL && *client->options.stop != 0;
}

int64_t client_chance(const struct smki_client *client, int64_t limit)
{
    uint64_t number = 0;

    if (limit <= 0 || client->random.fill(client->random.context, &number, sizeof(number)) != 0)
        return 0;
    return (int64_t)(number % (uint64_t)limit);
}

/* ---- telling and waiting ---- */

static void tell(const struct smki_client *client, struct smki_client_progress progress)
{
    if (client->options.progress != NULL)
        client->options.progress(client->options.progress_context, &progress);
}

void client_tell(const struct smki_client *client, enum smki_client_phase phase, uint64_t done, uint64_t all)
{
    tell(client, (struct smki_client_progress){.phase = phase, .done = done, .all = all, .why = ""});
}

static void sleep_for(int64_t us)
{
    const struct timespec time = {.tv_sec = (time_t)(us / SMKI_SECOND), .tv_nsec = (long)(us % SMKI_SECOND) * 1000};

    nanosleep(&time, NULL);
}

int client_wait(struct smki_client *client, struct smki_time until, const char *why, struct smki_error *err)
{
    const struct smki_client_progress progress = {.phase = SMKI_CLIENT_WAITING, .until = until, .why = why};
    int rc;

    tell(client, progress);
    if (client->options.wait != NULL) {
        rc = client->options.wait(client->options.wait_context, until);
        return rc == 0 ? 0 : smki_fail(err, rc, NULL);
    }
    for (int64_t left; (left = until.us - client_now(client).us) > 0;) {
        if (client_stopped(client))
            return smki_fail(err, SMKI_INTERRUPTED, NULL);
        sleep_for(left < SLICE ? left : SLICE);
        tell(client, progress);
    }
    return 0;
}

/* Half of the pause and up to all of it, so that clients that were turned away together do not come back together. */
static int64_t trouble_pause(struct smki_client *client, struct trouble *trouble)
{
    int64_t pause = trouble->pause == 0 ? PAUSE_FIRST : trouble->pause;

    trouble->pause = pause * 2 < PAUSE_MOST ? pause * 2 : PAUSE_MOST;
    return pause / 2 + client_chance(client, pause / 2 + 1);
}

int trouble_wait(struct smki_client *client, struct trouble *trouble, int64_t asked, int64_t patience, int rc, struct smki_error *why)
{
    const struct smki_time now = client_now(client);
    struct smki_time until = now;
    char when[SMKI_TIME_TEXT_SIZE], text[SMKI_ERROR_TEXT_SIZE];
    struct smki_error interrupted;

    if (trouble->since.us == 0)
        trouble->since = now;
    until.us += asked >= 0 ? asked + client_chance(client, SMKI_SECOND) : trouble_pause(client, trouble);
    if (until.us - trouble->since.us > patience) {
        memcpy(text, why->text, sizeof(text));
        if (asked > 0)
            return smki_fail(why, rc, "%.400s; come back at %s", text, smki_time_text_people(until, when));
        return smki_fail(why, rc, "%.400s; given up, having tried since %s", text, smki_time_text_people(trouble->since, when));
    }
    if (client_wait(client, until, why->text, &interrupted) != 0) {
        *why = interrupted;
        return interrupted.code;
    }
    return 0;
}

/* ---- life and death ---- */

static void options_take(struct smki_client *client, const struct smki_client_options *options)
{
    client->config = *options->config;
    client->options = *options;
    client->clock = options->clock != NULL ? *options->clock : smki_clock_system;
    client->random = options->random != NULL ? *options->random : smki_random_system;
    client->limits = options->limits != NULL ? *options->limits : smki_demand_defaults;
    client->options.config = &client->config;
    client->options.clock = &client->clock;
    client->options.random = &client->random;
    client->options.limits = &client->limits;
}

static int adhoc_open(struct smki_client *client, struct smki_error *err)
{
    int rc;

    if (client->config.adhoc.url[0] == '\0')
        return 0;
    if ((rc = http_url(client->adhoc_url, client->config.adhoc.url, ADHOC_PATH, err)) != 0)
        return rc;
    return http_open(&client->adhoc, client, &client->config.adhoc, "ad hoc", err);
}

static int batch_open(struct smki_client *client, struct smki_error *err)
{
    char url[SMKI_CLIENT_TEXT_SIZE];
    int rc;

    if (client->config.batch.url[0] == '\0')
        return 0;
    if ((rc = http_url(url, client->config.batch.url, BATCH_PATH, err)) != 0 ||
        (rc = path_join(client->submit_url, sizeof(client->submit_url), url, "SubmitCSRBatch", err)) != 0 ||
        (rc = path_join(client->result_url, sizeof(client->result_url), url, "CSRBatchResult", err)) != 0)
        return rc;
    return http_open(&client->batch, client, &client->config.batch, "batch", err);
}

static int services_open(struct smki_client *client, struct smki_error *err)
{
    const bool any = client->config.adhoc.url[0] != '\0' || client->config.batch.url[0] != '\0';
    int rc;

    if (!any)
        return 0;
    if (client->config.server_ca[0] == '\0')
        return smki_fail(err, SMKI_CONFIG_INVALID,
                         "name the CAs that may certify the server (--ca); for a public one that is /etc/ssl/certs/ca-certificates.crt");
    if ((rc = adhoc_open(client, err)) != 0)
        return rc;
    return batch_open(client, err);
}

int smki_client_open(struct smki_client **out, const struct smki_client_options *options, struct smki_error *err)
{
    struct smki_client *client = calloc(1, sizeof(*client));
    int rc;

    *out = NULL;
    if (client == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(client);
        return smki_fail(err, SMKI_INTERNAL, "libcurl cannot be used");
    }
    options_take(client, options);
    if (client->config.chain[0] == '\0')
        rc = smki_fail(err, SMKI_CONFIG_INVALID,
                       "name the chain of the CAs that issue Device Certificates (--chain): what comes is held against it");
    else if ((rc = chain_read(&client->chain, client->config.chain, err)) == 0)
        rc = services_open(client, err);
    if (rc != 0) {
        smki_client_close(client);
        return rc;
    }
    *out = client;
    return 0;
}

void smki_client_close(struct smki_client *client)
{
    if (client == NULL)
        return;
    http_close(client->adhoc);
    http_close(client->batch);
    chain_finish(&client->chain);
    curl_global_cleanup();
    free(client);
}

int smki_client_check(struct smki_client *client, const struct smki_csr *csr, struct smki_bytes certificate, struct smki_error *err)
{
    struct expected expected;

    expected_of(&expected, csr);
    return chain_check(&client->chain, &expected, certificate, err);
}
