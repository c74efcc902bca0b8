/* Who may come in: asked on every request, so that what was revoked a moment ago is refused now. */
#include "serve/request_i.h"

#include <smki/maintenance.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUSY_FACTOR 64 /* jobs that may wait for each thread of the pool */

struct record {
    struct job job;
    struct smki_service *service;
    enum smki_interface interface;
    enum smki_network network;
    int code;
    char peer[ADDRESS_TEXT_SIZE];
    char text[200];
    size_t size;
    uint8_t certificate[];
};

static void record_run(struct job *job)
{
    struct record *record = (struct record *)job;
    const struct smki_bytes certificate = {record->certificate, record->size};

    (void)!smki_access_refused(record->service, certificate, record->interface, record->network, record->peer, record->code, record->text,
                               NULL);
    free(record);
}

void access_record(struct serve *serve, const struct serve_site *site, struct smki_bytes certificate, const char *peer, int code,
                   const char *text)
{
    struct record *record = calloc(1, sizeof(*record) + certificate.size);

    if (record == NULL || pool_queued(serve->pool) > BUSY_FACTOR * pool_threads(serve->pool)) { /* a flood: it is counted in the metrics */
        free(record);
        return;
    }
    record->job.run = record_run;
    record->service = serve->service;
    record->interface = site->interface;
    record->network = site->network;
    record->code = code;
    record->size = certificate.size;
    snprintf(record->peer, sizeof(record->peer), "%s", peer);
    snprintf(record->text, sizeof(record->text), "%s", text);
    if (certificate.size > 0)
        memcpy(record->certificate, certificate.at, certificate.size);
    pool_submit(serve->pool, &record->job);
}

static void maintenance_check(struct serve_request *request)
{
    struct smki_service *service = request->worker->serve->service;
    struct smki_maintenance maintenance;
    struct smki_error err = {0};
    char seconds[32], until[SMKI_TIME_TEXT_SIZE];
    int64_t left;
    int rc = smki_maintenance_now(service, &maintenance, &err);

    if (rc == SMKI_NOT_FOUND)
        return;
    if (rc == 0) {
        left = (maintenance.to.us - smki_service_now(service).us + SMKI_SECOND - 1) / SMKI_SECOND;
        snprintf(seconds, sizeof(seconds), "%lld", (long long)(left > 1 ? left : 1));
        serve_header_add(request, "Retry-After", seconds);
        rc = SMKI_MAINTENANCE;
        smki_time_text_people(maintenance.to, until);
        if (snprintf(err.text, sizeof(err.text), "%s; until %s", maintenance.text, until) >= (int)sizeof(err.text))
            snprintf(err.text, sizeof(err.text), "%s", maintenance.text); /* which leaves no room */
    }
    request_refuse(request, rc, err.text);
}

void access_check(struct serve_request *request)
{
    const struct serve_site *site = &request->site->face;
    const struct serve *serve = request->worker->serve;
    struct smki_error err = {0};
    int rc;

    if (site->client_certificates && (rc = smki_iki_authenticate(serve->service, serve_certificate(request), site->interface, site->network,
                                                                 &request->identity, &err)) != 0) {
        request->of_access = smki_access_is_refusal(rc);
        request_refuse(request, rc, err.text);
        return;
    }
    request->identified = site->client_certificates;
    maintenance_check(request);
    if (request->refusal == 0 && (request->connection->over_bound || pool_queued(serve->pool) > BUSY_FACTOR * pool_threads(serve->pool))) {
        serve_header_add(request, "Retry-After", "1");
        request_refuse(request, SMKI_HTTP_BUSY, request->connection->over_bound ? "too many connections with this certificate" : NULL);
    }
}
