/* Retention: results are kept for their 30 days (interfaces.md 4, 6), the certificates for ever. */
#include "batch/batch_i.h"

#include <errno.h>
#include <unistd.h>

/* All parts of one chunk; *any: there was one. */
static int chunk_remove(struct store_change *change, const struct smki_batch *batch, uint32_t chunk, bool *any, struct smki_error *err)
{
    *any = false;
    for (int part = STORE_CHUNK_REQUESTS; part <= STORE_CHUNK_DECISIONS; part++) {
        const int rc = store_chunk_remove(change, batch->id, chunk, (enum store_chunk_part)part, err);

        if (rc != 0 && rc != SMKI_NOT_FOUND)
            return rc;
        *any = *any || rc == 0;
    }
    return 0;
}

int chunks_remove(struct store_change *change, const struct smki_batch *batch, struct smki_error *err)
{
    bool any = true;
    int rc = 0;

    /* an attempt at parsing that was broken off leaves chunks that the batch does not count: on until there are none */
    for (uint32_t chunk = 0; rc == 0 && (chunk < batch->chunks || any); chunk++)
        rc = chunk_remove(change, batch, chunk, &any, err);
    return rc;
}

struct smki_time smki_batch_expires(const struct smki_service *service, const struct smki_batch *batch)
{
    const struct smki_demand_limits *limits = &smki_service_config(service)->limits;
    const struct smki_time release = smki_night_release(limits, batch->accepted_at);
    const int64_t from = batch->released_at.us > release.us ? batch->released_at.us : release.us;
    const int64_t since = batch->completed_at.us > from ? batch->completed_at.us : from;

    return (struct smki_time){smki_batch_state_is_final(batch->state) ? since + limits->result_retention : 0};
}

bool batch_has_expired(const struct smki_service *service, const struct smki_batch *batch)
{
    return batch->expired ||
           (smki_batch_state_is_final(batch->state) && smki_service_now(service).us >= smki_batch_expires(service, batch).us);
}

struct expiry {
    const struct smki_service *service;
    const struct smki_actor *actor;
    struct smki_batch batch;
};

/* Looks again: the operator may have released the batch since. */
static int expiry_change(struct store_change *change, void *argument, struct smki_error *err)
{
    struct expiry *expiry = argument;
    struct smki_batch *batch = &expiry->batch;
    struct smki_audit_record record = {.act = SMKI_ACT_BATCH_STATE, .actor = *expiry->actor};
    int rc = store_batch_get(store_change_view(change), batch->id, batch, err);

    if (rc != 0 || batch->expired || !batch_has_expired(expiry->service, batch))
        return rc;
    if ((rc = chunks_remove(change, batch, err)) != 0)
        return rc;
    batch->expired = true;
    record.party = batch->party;
    record.subject = batch->id;
    snprintf(record.detail, sizeof(record.detail), "results kept for their time and removed; the certificates stay");
    if ((rc = store_batch_put(change, batch, err)) != 0)
        return rc;
    return store_record(change, &record, err);
}

static int expire(struct expiry *expiry, struct smki_service *service, struct smki_error *err)
{
    char path[PATH_MAX];
    int rc = store_change(service->store, expiry_change, expiry, err);

    if (rc != 0 || !expiry->batch.expired)
        return rc;
    if ((rc = home_path_in(service, path, SMKI_HOME_BATCHES, expiry->batch.file, err)) != 0)
        return rc;
    return unlink(path) != 0 && errno != ENOENT ? smki_fail_errno(err, errno, "%s", path) : 0;
}

int batches_expire(struct smki_service *service, const struct smki_actor *actor, struct smki_error *err)
{
    struct expiry expiry = {.service = service, .actor = actor};
    int rc;

    while ((rc = smki_batch_next(service, expiry.batch.id, &expiry.batch, err)) == 0)
        if (!expiry.batch.expired && batch_has_expired(service, &expiry.batch) && (rc = expire(&expiry, service, err)) != 0)
            return rc;
    return rc == SMKI_NOT_FOUND ? 0 : rc;
}
