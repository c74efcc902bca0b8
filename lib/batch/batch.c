/* Looking at batches, and releasing them. */
#include "batch/batch_i.h"

#include <cjson/cJSON.h>

#include <string.h>

int smki_batch_find(struct smki_service *service, uint64_t id, struct smki_batch *out, struct smki_error *err)
{
    struct store_view *view;
    int rc = store_view_begin(service->store, &view, err);

    if (rc != 0)
        return rc;
    rc = store_batch_get(view, id, out, err);
    store_view_end(view);
    return rc;
}

int smki_batch_next(struct smki_service *service, uint64_t id, struct smki_batch *out, struct smki_error *err)
{
    struct store_view *view;
    int rc = store_view_begin(service->store, &view, err);

    if (rc != 0)
        return rc;
    rc = store_batch_next(view, &id, out, err);
    store_view_end(view);
    return rc;
}

int smki_batch_find_as(struct smki_service *service, const struct smki_actor *actor, uint64_t id, struct smki_batch *out,
                       struct smki_error *err)
{
    int rc = smki_batch_find(service, id, out, err);

    if (rc == 0 && actor->party != 0 && actor->party != out->party)
        return smki_fail(err, SMKI_BATCH_UNKNOWN, "there is no batch %llu", (unsigned long long)id);
    return rc;
}

int smki_batch_of_party_before(struct smki_service *service, uint64_t party, uint64_t id, struct smki_batch *out, struct smki_error *err)
{
    struct store_view *view;
    int rc = store_view_begin(service->store, &view, err);

    if (rc != 0)
        return rc;
    rc = store_batch_of_party_before(view, party, id, out, err);
    store_view_end(view);
    return rc;
}

/* ---- release ---- */

struct release {
    uint64_t id;
    const struct smki_actor *actor;
};

static int release_change(struct store_change *change, void *argument, struct smki_error *err)
{
    const struct release *release = argument;
    struct smki_audit_record record = {.act = SMKI_ACT_OVERRIDE, .actor = *release->actor, .subject = release->id};
    struct smki_batch batch;
    int rc = store_batch_get(store_change_view(change), release->id, &batch, err);

    if (rc != 0)
        return rc;
    if (release->actor->party != 0)
        return smki_fail(err, SMKI_PERMISSION, "only the operator releases a batch");
    if (batch.state != SMKI_STATE_COMPLETED)
        return smki_fail(err, SMKI_BATCH_NOT_COMPLETED, "batch %llu is %s; only a COMPLETED one is released", (unsigned long long)batch.id,
                         smki_batch_state_word(batch.state));
    batch.released_at = store_change_time(change);
    batch.retrieved_at.us = 0;
    record.party = batch.party;
    snprintf(record.detail, sizeof(record.detail), "released for retrieval");
    if ((rc = store_batch_put(change, &batch, err)) != 0)
        return rc;
    return store_record(change, &record, err);
}

int smki_batch_release(struct smki_service *service, const struct smki_actor *actor, uint64_t id, struct smki_error *err)
{
    struct release release = {.id = id, .actor = actor};

    return store_change(service->store, release_change, &release, err);
}

/* ---- JSON ---- */

static void add_time(cJSON *object, const char *name, struct smki_time time)
{
    char text[SMKI_TIME_TEXT_SIZE];

    if (time.us == 0)
        cJSON_AddNullToObject(object, name);
    else
        cJSON_AddStringToObject(object, name, smki_time_text_utc(time, text));
}

static void add_counts(cJSON *object, const struct smki_batch *batch)
{
    cJSON_AddNumberToObject(object, "csrs", batch->csrs);
    cJSON_AddNumberToObject(object, "processed", batch->processed);
    cJSON_AddNumberToObject(object, "granted", batch->granted);
    cJSON_AddNumberToObject(object, "refused", batch->refused);
    cJSON_AddNumberToObject(object, "chunks", batch->chunks);
    cJSON_AddNumberToObject(object, "chunks_done", batch->chunks_done);
}

struct cJSON *smki_batch_json(const struct smki_batch *batch)
{
    cJSON *object = cJSON_CreateObject();
    char hex[2 * SHA256_SIZE + 1];

    if (object == NULL)
        return NULL;
    cJSON_AddNumberToObject(object, "id", (double)batch->id);
    cJSON_AddNumberToObject(object, "party", (double)batch->party);
    cJSON_AddStringToObject(object, "status", smki_batch_state_word(batch->state));
    cJSON_AddStringToObject(object, "form", batch->form == SMKI_BATCH_ZIP ? "zip" : "xml");
    cJSON_AddStringToObject(object, "interface", smki_interface_word(batch->interface));
    cJSON_AddStringToObject(object, "name", batch->name);
    cJSON_AddStringToObject(object, "ref", batch->ref);
    add_counts(object, batch);
    add_time(object, "accepted_at", batch->accepted_at);
    add_time(object, "due_at", batch->due_at);
    add_time(object, "completed_at", batch->completed_at);
    add_time(object, "released_at", batch->released_at);
    add_time(object, "retrieved_at", batch->retrieved_at);
    cJSON_AddBoolToObject(object, "over_quota", batch->over_quota);
    cJSON_AddBoolToObject(object, "expired", batch->expired);
    cJSON_AddNumberToObject(object, "size", (double)batch->size);
    cJSON_AddStringToObject(object, "sha256", hex_encode(hex, batch->sha256, SHA256_SIZE));
    cJSON_AddStringToObject(object, "reason", batch->reason);
    return object;
}
