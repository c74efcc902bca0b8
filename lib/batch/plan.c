/* The plan: what the night takes in which order (interfaces.md 10), from the open batches. */
#include "batch/batch_i.h"

#include <stdlib.h>
#include <string.h>

static bool is_open(const struct smki_batch *batch, bool unparsed)
{
    switch (batch->state) {
    case SMKI_STATE_QUEUED:
    case SMKI_STATE_PROCESSING:
    case SMKI_STATE_PAUSED:
        return true;
    case SMKI_STATE_PENDING:
    case SMKI_STATE_PARSING:
        return unparsed;
    default:
        return false;
    }
}

bool batch_may_run(const struct smki_batch *batch)
{
    return is_open(batch, false);
}

static int items_add(struct smki_plan_item **items, size_t *count, const struct smki_batch *batch, struct smki_error *err)
{
    if ((*count & (*count - 1)) == 0) { /* full at every power of two */
        const size_t capacity = *count == 0 ? 1 : 2 * *count;
        struct smki_plan_item *grown = reallocarray(*items, capacity, sizeof(**items));

        if (grown == NULL)
            return smki_fail(err, SMKI_NO_MEMORY, NULL);
        *items = grown;
    }
    (*items)[(*count)++] = (struct smki_plan_item){
        .batch = batch->id,
        .party = batch->party,
        .accepted = batch->accepted_at,
        .due = batch->due_at,
        .remaining = batch->csrs - batch->processed,
        .over_quota = batch->over_quota,
    };
    return 0;
}

int plan_read(struct store_view *view, const struct smki_service *service, struct smki_time now, double rate, bool unparsed,
              struct smki_plan_item **items, size_t *count, struct smki_error *err)
{
    struct smki_batch batch;
    uint64_t id = 0;
    int rc;

    *items = NULL;
    *count = 0;
    while ((rc = store_batch_open_next(view, &id, &batch, err)) == 0) {
        if (!is_open(&batch, unparsed))
            continue;
        if ((rc = items_add(items, count, &batch, err)) != 0)
            break;
    }
    if (rc != SMKI_NOT_FOUND) {
        free(*items);
        *items = NULL;
        *count = 0;
        return rc;
    }
    smki_plan_order(*items, *count, &smki_service_config(service)->limits, now, rate);
    return 0;
}

/* The rate of the last run of some size, kept by the runner; 0 when there was none. */
static double known_rate(struct store_view *view)
{
    struct smki_bytes stored;
    double rate = 0;

    if (store_value_get(view, "run.rate", &stored, NULL) == 0 && stored.size == sizeof(rate))
        memcpy(&rate, stored.at, sizeof(rate));
    return rate;
}

int smki_batch_plan(struct smki_service *service, struct smki_time at, struct smki_plan_item **items, size_t *count, double *rate,
                    struct smki_error *err)
{
    const struct smki_demand_limits *limits = &smki_service_config(service)->limits;
    const struct smki_night night = smki_night_at(limits, at);
    struct store_view *view;
    int rc;

    if ((rc = store_view_begin(service->store, &view, err)) != 0)
        return rc;
    *rate = known_rate(view);
    rc = plan_read(view, service, at, *rate, true, items, count, err);
    store_view_end(view);
    if (*rate <= 0)
        *rate = (double)limits->night_capacity / ((double)(night.closes.us - night.opens.us) / (double)SMKI_SECOND);
    return rc;
}
