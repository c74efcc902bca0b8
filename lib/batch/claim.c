/* Claims: which chunk a runner works on, and until when nobody else may take it over. */
#include "batch/batch_i.h"

#include "registry/registry_i.h"

#include <stdlib.h>
#include <string.h>

#define LEASE_LAYOUT     1
#define LEASE_GIVEN_BACK 0 /* its `until`: anybody's */
#define LEASE_SIZE       (1 + 8 + RUNNER_ID_SIZE)

struct lease {
    struct smki_time until;
    uint8_t runner[RUNNER_ID_SIZE];
};

static int lease_get(struct store_view *view, const struct claim *claim, struct lease *lease, struct smki_error *err)
{
    struct smki_bytes stored, id;
    struct cursor cursor;
    int rc = store_chunk_get(view, claim->batch, claim->chunk, STORE_CHUNK_LEASE, &stored, err);

    if (rc != 0)
        return rc;
    cursor = cursor_of(stored);
    if (cursor_u8(&cursor) != LEASE_LAYOUT)
        cursor.failed = true;
    lease->until.us = (int64_t)cursor_u64(&cursor);
    id = cursor_take(&cursor, RUNNER_ID_SIZE);
    if (id.size == RUNNER_ID_SIZE)
        memcpy(lease->runner, id.at, RUNNER_ID_SIZE);
    return cursor_close(&cursor, "the lease of a chunk", err);
}

static int lease_put(struct store_change *change, const struct runner *runner, const struct claim *claim, int64_t until,
                     struct smki_error *err)
{
    uint8_t lease[LEASE_SIZE];
    struct writer writer = writer_of(lease, sizeof(lease));

    write_u8(&writer, LEASE_LAYOUT);
    write_u64(&writer, (uint64_t)until);
    write_bytes(&writer, runner->id, RUNNER_ID_SIZE);
    return store_chunk_put(change, claim->batch, claim->chunk, STORE_CHUNK_LEASE, BYTES(lease, writer_size(&writer)), err);
}

int claim_check(struct store_view *view, const struct claim *claim, const struct runner *runner, struct smki_error *err)
{
    struct lease lease;
    int rc = lease_get(view, claim, &lease, err);

    if (rc == SMKI_NOT_FOUND || (rc == 0 && memcmp(lease.runner, runner->id, RUNNER_ID_SIZE) != 0))
        return smki_fail(err, SMKI_LEASE_LOST, NULL);
    return rc;
}

static int lease_begin(struct store_change *change, const struct smki_service *service, const struct runner *runner,
                       const struct claim *claim, struct smki_error *err)
{
    return lease_put(change, runner, claim, store_change_time(change).us + smki_service_config(service)->runner_lease, err);
}

/* May this handed-out chunk be taken over? Not when it is done, nor while its runner lives and its lease holds. Our own leases are our
 * other threads'. */
static int chunk_is_orphan(struct store_change *change, const struct claim_request *request, const struct claim *claim, bool *orphan,
                           struct smki_error *err)
{
    struct lease lease;
    int rc = lease_get(store_change_view(change), claim, &lease, err);

    *orphan = false;
    if (rc == SMKI_NOT_FOUND)
        return 0; /* done: the lease went with the last change */
    if (rc != 0)
        return rc;
    if (lease.until.us != LEASE_GIVEN_BACK && memcmp(lease.runner, request->runner->id, RUNNER_ID_SIZE) == 0)
        return 0;
    *orphan = lease.until.us <= store_change_time(change).us || !runner_lives(request->service, lease.runner);
    return 0;
}

/* The first chunk of the batch that is free: one never handed out, or else one whose runner is gone. */
static int batch_claim(struct store_change *change, const struct claim_request *request, struct smki_batch *batch, struct claim *claim,
                       bool *taken, struct smki_error *err)
{
    bool orphan = false;
    int rc;

    *taken = false;
    claim->batch = batch->id;
    if (batch->next_chunk < batch->chunks) {
        claim->chunk = batch->next_chunk++;
    } else {
        for (claim->chunk = 0; claim->chunk < batch->chunks; claim->chunk++) {
            if ((rc = chunk_is_orphan(change, request, claim, &orphan, err)) != 0)
                return rc;
            if (orphan)
                break;
        }
        if (!orphan)
            return 0;
    }
    *taken = true;
    if (batch->state != SMKI_STATE_PROCESSING)
        rc = batch_move_recorded(change, batch, BATCH_CLAIMED, SMKI_ACT_BATCH_STATE, request->actor, err);
    else
        rc = store_batch_put(change, batch, err);
    return rc != 0 ? rc : lease_begin(change, request->service, request->runner, claim, err);
}

int claim_renew(struct store_change *change, const struct smki_service *service, const struct claim *claim, const struct runner *runner,
                struct smki_error *err)
{
    int rc = claim_check(store_change_view(change), claim, runner, err);

    return rc != 0 ? rc : lease_begin(change, service, runner, claim, err);
}

int claim_give_back(struct store_change *change, const struct claim *claim, const struct runner *runner, struct smki_error *err)
{
    return lease_put(change, runner, claim, LEASE_GIVEN_BACK, err);
}

static bool window_is_open(const struct smki_service *service, bool ignore_window, struct smki_time now)
{
    const struct smki_demand_limits *limits = &smki_service_config(service)->limits;

    return ignore_window || limits->mode[SMKI_RULE_WINDOW] != SMKI_RULE_ENFORCE || smki_night_is_open(limits, now);
}

int night_look(struct store_change *change, const struct smki_service *service, bool ignore_window, enum claim_outcome *outcome,
               struct smki_error *err)
{
    const struct smki_time now = store_change_time(change);
    struct smki_maintenance maintenance;
    int rc = maintenance_at(store_change_view(change), now, &maintenance, err);

    if (rc != 0 && rc != SMKI_NOT_FOUND)
        return rc;
    if (rc == 0 && maintenance.pause_night)
        *outcome = CLAIM_PAUSED;
    else
        *outcome = window_is_open(service, ignore_window, now) ? CLAIM_TAKEN : CLAIM_CLOSED;
    return 0;
}

/* Is a living runner at work on a chunk of it? */
static int batch_is_worked_on(struct store_change *change, const struct claim_request *request, const struct smki_batch *batch,
                              bool *worked, struct smki_error *err)
{
    struct claim claim = {.batch = batch->id};
    struct lease lease;
    int rc = 0;

    *worked = false;
    for (; claim.chunk < batch->next_chunk && !*worked && (rc == 0 || rc == SMKI_NOT_FOUND); claim.chunk++)
        if ((rc = lease_get(store_change_view(change), &claim, &lease, err)) == 0)
            *worked = lease.until.us > store_change_time(change).us && runner_lives(request->service, lease.runner);
    return rc == SMKI_NOT_FOUND ? 0 : rc;
}

/* Will it be prepared in a moment? One that the Registration Authority has not approved yet is not waited for. */
static bool is_being_prepared(const struct claim_request *request, const struct smki_batch *batch)
{
    for (size_t i = 0; i < request->unprepared_count; i++)
        if (request->unprepared[i] == batch->id)
            return false;
    return batch->state == SMKI_STATE_PARSING ||
           (batch->state == SMKI_STATE_PENDING && smki_service_config(request->service)->approve_automatically);
}

/* The night has closed or pauses: what was being worked on waits. Not while somebody still works on it, by an operator's override.
 */
static int pause_batch(struct store_change *change, const struct claim_request *request, uint64_t id, struct smki_error *err)
{
    struct smki_batch batch;
    bool worked;
    int rc = store_batch_get(store_change_view(change), id, &batch, err);

    if (rc != 0 || batch.state != SMKI_STATE_PROCESSING)
        return rc;
    if ((rc = batch_is_worked_on(change, request, &batch, &worked, err)) != 0 || worked)
        return rc;
    return batch_move_recorded(change, &batch, BATCH_WINDOW_CLOSED, SMKI_ACT_BATCH_STATE, request->actor, err);
}

static bool is_aside(const struct claim_request *request, uint64_t batch)
{
    for (size_t i = 0; i < request->aside_count; i++)
        if (request->aside[i] == batch)
            return true;
    return false;
}

static int claim_in_order(struct store_change *change, const struct claim_request *request, const struct smki_plan_item *items,
                          size_t count, struct claim *claim, enum claim_outcome *outcome, struct smki_error *err)
{
    enum claim_outcome night;
    struct smki_batch batch;
    bool taken;
    int rc = night_look(change, request->service, request->ignore_window, &night, err);

    if (rc != 0)
        return rc;
    *outcome = CLAIM_NONE;
    for (size_t i = 0; i < count; i++) {
        if (is_aside(request, items[i].batch))
            continue;
        if ((rc = store_batch_get(store_change_view(change), items[i].batch, &batch, err)) != 0)
            return rc;
        if (!batch_may_run(&batch) && !is_being_prepared(request, &batch)) /* not approved, or it cannot be prepared */
            continue;
        *outcome = night == CLAIM_TAKEN ? CLAIM_OTHERS : night;
        if (night != CLAIM_TAKEN) {
            if ((rc = pause_batch(change, request, items[i].batch, err)) != 0)
                return rc;
            continue;
        }
        if (!batch_may_run(&batch))
            return 0;
        if ((rc = batch_claim(change, request, &batch, claim, &taken, err)) != 0)
            return rc;
        if (taken) {
            *outcome = CLAIM_TAKEN;
            return 0;
        }
    }
    return 0;
}

int claim_next(struct store_change *change, const struct claim_request *request, struct claim *claim, enum claim_outcome *outcome,
               struct smki_error *err)
{
    struct smki_plan_item *items = NULL;
    size_t count = 0;
    int rc = plan_read(store_change_view(change), request->service, store_change_time(change), 0, request->preparing, &items, &count, err);

    if (rc == 0)
        rc = claim_in_order(change, request, items, count, claim, outcome, err);
    free(items);
    return rc;
}
