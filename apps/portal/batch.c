/* Batches: sent as a stream, looked at, their results fetched. */
#include "portal/portal_i.h"

#include <smki/batch.h>

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIST_MOST      50 /* batches in one answer */
#define LIST_ETAG_SIZE 20

/* ---- as the pages see one ---- */

static struct smki_time release_of(const struct smki_service *service, const struct smki_batch *batch)
{
    return batch->released_at.us != 0 ? batch->released_at : smki_night_release(&smki_service_config(service)->limits, batch->accepted_at);
}

static bool is_released(const struct smki_service *service, const struct smki_batch *batch)
{
    return batch->released_at.us != 0 || smki_service_now(service).us >= release_of(service, batch).us;
}

static bool text_add(cJSON *json, const struct smki_batch *batch)
{
    char sha256[65];

    for (size_t i = 0; i < sizeof(batch->sha256); i++)
        snprintf(sha256 + 2 * i, 3, "%02x", batch->sha256[i]);
    return json_add_text(json, "name", batch->name) && json_add_text(json, "ref", batch->ref) &&
           json_add_text(json, "form", batch->form == SMKI_BATCH_ZIP ? "zip" : "xml") &&
           json_add_text(json, "interface", smki_interface_word(batch->interface)) && json_add_text(json, "sha256", sha256) &&
           json_add_text(json, "reason", batch->reason);
}

static bool counts_add(cJSON *json, const struct smki_batch *batch)
{
    return json_add_number(json, "csrs", batch->csrs) && json_add_number(json, "processed", batch->processed) &&
           json_add_number(json, "granted", batch->granted) && json_add_number(json, "refused", batch->refused) &&
           json_add_number(json, "size", batch->size) && cJSON_AddBoolToObject(json, "overQuota", batch->over_quota) != NULL &&
           cJSON_AddBoolToObject(json, "expired", batch->expired) != NULL;
}

static bool times_add(cJSON *json, const struct telling *telling)
{
    const struct smki_batch *batch = &telling->batch;
    const struct smki_time due = {batch->over_quota ? 0 : batch->due_at.us}; /* behind all due work nothing is promised */

    return smki_json_time(json, "acceptedAt", batch->accepted_at) && smki_json_time(json, "dueAt", due) &&
           smki_json_time(json, "completedAt", batch->completed_at) && smki_json_time(json, "releasedAt", telling->releases) &&
           smki_json_time(json, "expiresAt", telling->expires) && cJSON_AddBoolToObject(json, "released", telling->released) != NULL;
}

static bool turn_add(cJSON *json, const struct turn *turn)
{
    return json_add_number_if(json, "place", turn->place) &&
           (turn->place != 0 ? json_add_number(json, "csrsBefore", turn->before) : cJSON_AddNullToObject(json, "csrsBefore") != NULL) &&
           smki_json_time(json, "startsAt", turn->starts) && smki_json_time(json, "finishesAt", turn->finishes) &&
           cJSON_AddBoolToObject(json, "atRisk", turn->at_risk) != NULL;
}

/* Where a result is fetched and what it is called; null while there is none. */
static bool result_add(cJSON *json, const struct smki_batch *batch, bool ready, enum smki_result_format format, const char *name,
                       const char *file)
{
    char path[64], key[32], called[SMKI_BATCH_FILE_SIZE];

    snprintf(path, sizeof(path), "/api/batches/%llu/%s", (unsigned long long)batch->id, file);
    snprintf(key, sizeof(key), "%sName", name);
    return json_add_text(json, name, ready ? path : NULL) && smki_batch_result_name(batch, format, called, NULL) == 0 &&
           json_add_text(json, key, called);
}

static cJSON *telling_json(const struct telling *telling)
{
    const struct smki_batch *batch = &telling->batch;
    const bool ready = telling->shown == SMKI_STATE_COMPLETED && !batch->expired;
    cJSON *json = cJSON_CreateObject();
    bool ok = json_add_number(json, "id", batch->id) && json_add_text(json, "status", smki_batch_state_word(telling->shown)) &&
              text_add(json, batch) && counts_add(json, batch) && times_add(json, telling) && turn_add(json, &telling->turn) &&
              result_add(json, batch, ready, SMKI_RESULT_ZIP, "response", "response.zip") &&
              result_add(json, batch, ready, SMKI_RESULT_TXT, "report", "report.txt");

    return json_whole(json, ok);
}

/* Its results are gone, or go with the next look at the house: who asks is told that they are. */
static bool is_expired(const struct smki_service *service, const struct smki_batch *batch)
{
    const struct smki_time expires = smki_batch_expires(service, batch);

    return batch->expired || (expires.us != 0 && smki_service_now(service).us >= expires.us);
}

static void telling_fill(struct telling *out, const struct smki_service *service, const struct smki_batch *batch, const struct turn *turn)
{
    memset(out, 0, sizeof(*out)); /* the octets between the members too: they are compared */
    out->batch = *batch;
    out->batch.expired = is_expired(service, batch);
    out->turn = *turn;
    out->releases = release_of(service, batch);
    out->released = batch->released_at.us != 0 || smki_service_now(service).us >= out->releases.us;
    /* "processed and not yet made available" is PROCESSING (interfaces.md 6, 12.1) */
    out->shown = batch->state == SMKI_STATE_COMPLETED && !out->released ? SMKI_STATE_PROCESSING : batch->state;
    out->expires.us = batch->state == SMKI_STATE_COMPLETED ? smki_batch_expires(service, batch).us : 0;
}

static cJSON *batch_json(struct serve_request *request, const struct smki_batch *batch, const struct turn *turn)
{
    const struct smki_service *service = serve_service(request);
    struct portal *portal = portal_of(request);
    struct telling telling;
    cJSON *json;

    telling_fill(&telling, service, batch, turn);
    if ((json = told_find(portal, &telling)) == NULL && (json = telling_json(&telling)) != NULL)
        told_keep(portal, &telling, json);
    return json;
}

static int batch_push(struct serve_request *request, cJSON *array, const struct smki_batch *batch, struct smki_error *err)
{
    struct turn turn = {0};
    int rc = smki_batch_state_is_final(batch->state) ? 0 : turn_of(request, batch->id, &turn, err);

    if (rc != 0)
        return rc;
    return json_push(array, batch_json(request, batch, &turn)) ? 0 : SMKI_NO_MEMORY;
}

/* ---- looking ---- */

/* Nothing that was accepted longer ago than this before the time that results are kept for can have some: batches are run within days. */
#define RUN_WITHIN (366 * SMKI_DAY)

int batch_list(struct serve_request *request, cJSON *object, uint64_t before, bool kept, size_t most, bool *more, struct smki_error *err)
{
    const struct smki_service *service = serve_service(request);
    const int64_t back = smki_service_config(service)->limits.result_retention + RUN_WITHIN;
    const int64_t since = kept ? smki_service_now(service).us - back : INT64_MIN;
    const uint64_t party = serve_identity(request)->actor.party;
    cJSON *array = cJSON_AddArrayToObject(object, "batches");
    struct smki_batch batch = {.id = before};
    size_t count = 0;
    int rc = array != NULL ? 0 : SMKI_NO_MEMORY;

    *more = false;
    while (rc == 0 && (rc = smki_batch_of_party_before(serve_service(request), party, batch.id, &batch, err)) == 0 &&
           batch.accepted_at.us >= since) {
        if (kept && is_expired(service, &batch))
            continue;
        if ((*more = count == most))
            break;
        rc = batch_push(request, array, &batch, err);
        count++;
    }
    return rc == SMKI_NOT_FOUND ? 0 : rc;
}

/* Of a list as it is told, so that a page which looks again and again is sent it when it has changed (RFC 9110 8.8.3). Empty: out of
 * memory. */
static void list_etag(char out[LIST_ETAG_SIZE], const cJSON *batches, bool more)
{
    uint64_t print = UINT64_C(0xcbf29ce484222325) + more; /* FNV-1a: nobody gains by making two lists of his own the same */
    char *text = cJSON_PrintUnformatted(batches);

    out[0] = '\0';
    for (const char *at = text; at != NULL && *at != '\0'; at++)
        print = (print ^ (uint8_t)*at) * UINT64_C(0x100000001b3);
    if (text != NULL)
        snprintf(out, LIST_ETAG_SIZE, "\"%016llx\"", (unsigned long long)print);
    cJSON_free(text);
}

static int list_reply(struct serve_request *request, cJSON *json, bool more)
{
    const char *known = serve_header(request, "If-None-Match");
    char etag[LIST_ETAG_SIZE];

    list_etag(etag, cJSON_GetObjectItem(json, "batches"), more);
    if (etag[0] != '\0')
        serve_header_add(request, "ETag", etag);
    if (etag[0] != '\0' && known != NULL && strcmp(known, etag) == 0) {
        cJSON_Delete(json);
        answer_headers(request, false);
        return serve_reply(request, 304, NULL, &(struct smki_buffer){0});
    }
    return answer_json(request, 200,
                       json_whole(json, cJSON_AddBoolToObject(json, "more", more) != NULL &&
                                            smki_json_time(json, "now", smki_service_now(serve_service(request)))));
}

int batch_list_answer(struct serve_request *request, struct smki_error *err)
{
    const char *before = serve_query(request, "before", NULL);
    cJSON *json = cJSON_CreateObject();
    bool more;
    int rc = batch_list(request, json, before != NULL ? path_number(before, "") : 0, false, LIST_MOST, &more, err);

    if (rc == 0)
        return list_reply(request, json, more);
    cJSON_Delete(json);
    return rc;
}

/* Another Party's batch is answered exactly as one that does not exist. */
static int batch_find(struct serve_request *request, uint64_t id, struct smki_batch *out, struct smki_error *err)
{
    return smki_batch_find_as(serve_service(request), &serve_identity(request)->actor, id, out, err);
}

int batch_answer(struct serve_request *request, struct smki_error *err)
{
    struct smki_batch batch;
    struct turn turn = {0};
    int rc = batch_find(request, path_number(path_last(request), ""), &batch, err);

    if (rc == 0 && !smki_batch_state_is_final(batch.state))
        rc = turn_of(request, batch.id, &turn, err);
    if (rc != 0)
        return rc;
    return answer_json(request, 200, batch_json(request, &batch, &turn));
}

/* ---- sending ---- */

int batch_upload_open(struct serve_request *request, struct smki_error *err)
{
    const char *name = serve_query(request, "name", NULL);
    struct smki_submission *submission;
    int rc = smki_submission_open(&submission, serve_service(request), &serve_identity(request)->actor, SMKI_BATCH_ZIP,
                                  name != NULL ? name : "", err);

    if (rc == 0)
        serve_context_set(request, submission);
    return rc;
}

int batch_upload_feed(struct serve_request *request, struct smki_bytes bytes, struct smki_error *err)
{
    return smki_submission_feed(serve_context(request), bytes, err);
}

int batch_upload_answer(struct serve_request *request, struct smki_error *err)
{
    struct smki_verdict verdict = {0};
    struct smki_batch batch;
    struct turn turn = {0};
    cJSON *json, *said;
    bool ok;
    int rc = smki_submission_finish(serve_context(request), &batch, &verdict, err);

    if (rc != 0)
        return rc;
    serve_count_observed(serve_of(request), SMKI_RULE_PORTAL_BATCH, &verdict);
    turns_stale(portal_of(request));
    (void)!turn_of(request, batch.id, &turn, NULL); /* it is accepted, whatever is known of its turn */
    json = cJSON_CreateObject();
    said = cJSON_AddObjectToObject(json, "verdict");
    ok = cJSON_AddBoolToObject(said, "overQuota", batch.over_quota) != NULL && json_add_text(said, "text", verdict.text) &&
         json_add(json, "batch", batch_json(request, &batch, &turn));
    return answer_json(request, 201, json_whole(json, ok));
}

void batch_upload_close(struct serve_request *request, bool delivered)
{
    (void)delivered; /* a batch that was accepted stays accepted */
    smki_submission_close(serve_context(request));
    malloc_trim(0); /* the directory of a zip of 50,000 is 20 MiB, in thousands of pieces: each thread would keep its own for the next */
}

/* ---- results ---- */

uint64_t batch_of_path(const struct serve_request *request)
{
    static const char before[] = "/api/batches/";
    const char *path = serve_path(request), *number = path + sizeof(before) - 1;

    return strncmp(path, before, sizeof(before) - 1) == 0 ? path_number(number, number + strspn(number, "0123456789")) : 0;
}

/* Until when it is refused in words. */
static int early_refuse(struct serve_request *request, const struct smki_batch *batch)
{
    const struct smki_time release = release_of(serve_service(request), batch);
    char text[SMKI_TIME_TEXT_PAGE_SIZE], words[128];

    snprintf(words, sizeof(words), "the results of batch %llu are released at %s", (unsigned long long)batch->id,
             smki_time_text_page(release, text));
    return answer_refusal(request, SMKI_NOT_RELEASED, words, release) == 0 ? ANSWERED : SMKI_NO_MEMORY;
}

static int result_ready(struct serve_request *request, uint64_t id, struct smki_batch *batch, struct smki_error *err)
{
    const struct smki_service *service = serve_service(request);
    int rc = batch_find(request, id, batch, err);

    if (rc != 0)
        return rc;
    if (is_expired(service, batch))
        return SMKI_RESULT_EXPIRED;
    if (!is_released(service, batch))
        return early_refuse(request, batch);
    return batch->state == SMKI_STATE_COMPLETED ? 0 : SMKI_BATCH_NOT_COMPLETED;
}

/* A result on its way, from when it was asked for. */
struct fetching {
    struct file file; /* fd -1: not there */
    uint64_t batch, party, size;
    enum smki_result_format format;
    struct smki_time give_up; /* when it has waited long enough for others of its Party */
    bool entered;             /* among the makers */
};
#define WAIT_MS 100 /* until it is looked again whether the Party may have another one made */
#define WAIT_S  10  /* before it is told to come back */

static struct fetching *fetching_of(struct serve_request *request)
{
    struct fetching *fetching = serve_context(request);

    if (fetching != NULL || (fetching = calloc(1, sizeof(*fetching))) == NULL)
        return fetching;
    fetching->file.fd = -1;
    fetching->batch = batch_of_path(request);
    fetching->party = serve_identity(request)->actor.party;
    fetching->format = strcmp(path_last(request), "response.zip") == 0 ? SMKI_RESULT_ZIP : SMKI_RESULT_TXT;
    fetching->give_up.us = smki_service_now(serve_service(request)).us + WAIT_S * SMKI_SECOND;
    serve_context_set(request, fetching);
    return fetching;
}

/* Holds no thread meanwhile. */
static int turn_wait(struct serve_request *request, const struct fetching *fetching)
{
    const struct smki_time now = smki_service_now(serve_service(request));

    if (now.us < fetching->give_up.us)
        return serve_wait(request, (struct smki_time){now.us + WAIT_MS * (SMKI_SECOND / 1000)});
    return answer_refusal(request, SMKI_HTTP_BUSY, "other results of your Party are being made or fetched; try again in a moment",
                          (struct smki_time){now.us + WAIT_S * SMKI_SECOND});
}

static int result_make(struct serve_request *request, struct fetching *fetching, struct smki_error *err)
{
    int rc = smki_batch_result_open(serve_service(request), &serve_identity(request)->actor, fetching->batch, fetching->format,
                                    &fetching->file.fd, &fetching->size, err);

    maker_made(portal_of(request), fetching->party);
    return rc;
}

int batch_result_answer(struct serve_request *request, struct smki_error *err)
{
    struct fetching *fetching = fetching_of(request);
    char name[SMKI_BATCH_FILE_SIZE];
    struct smki_batch batch;
    int rc = fetching != NULL ? result_ready(request, fetching->batch, &batch, err) : SMKI_NO_MEMORY;

    if (rc == ANSWERED)
        return 0;
    if (rc != 0 || (rc = smki_batch_result_name(&batch, fetching->format, name, err)) != 0)
        return rc;
    if (!(fetching->entered = maker_enter(portal_of(request), fetching->party)))
        return turn_wait(request, fetching);
    if ((rc = result_make(request, fetching, err)) != 0)
        return rc;
    return file_send(request, &fetching->file, fetching->size,
                     fetching->format == SMKI_RESULT_ZIP ? "application/zip" : "text/plain;charset=UTF-8", name);
}

void batch_result_close(struct serve_request *request, bool delivered)
{
    struct fetching *fetching = serve_context(request);

    if (fetching == NULL)
        return;
    if (fetching->file.fd >= 0) {
        close(fetching->file.fd);
        if (delivered && smki_batch_result_taken(serve_service(request), &serve_identity(request)->actor, fetching->batch, NULL) != 0)
            serve_count(serve_of(request), "smki_retrievals_unrecorded_total", NULL, 1);
    }
    if (fetching->entered)
        maker_leave(portal_of(request), fetching->party);
    free(fetching);
}
