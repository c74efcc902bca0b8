/* The night as a picture: what it has done, what it will do, and where a Party's batches stand in it (interfaces.md 10). */
#include "batch/batch_i.h"
#include "ra/portal_i.h"

#include <stdlib.h>
#include <string.h>

#define SLOT        (30 * SMKI_MINUTE)
#define SLOTS_MAX   48 /* a night has 22, 24 or 26; a configured one at most a day */
#define DONE_LAYOUT 1
#define DONE_NAME   "night.done"

/* ---- what a night has done: CSRs with a fate, by half hours; one value, of the newest night ---- */

struct done {
    struct smki_time opens;
    uint32_t slots[SLOTS_MAX];
};

static int done_get(struct store_view *view, struct smki_time opens, struct done *out, struct smki_error *err)
{
    struct smki_bytes stored;
    struct cursor cursor;
    int rc = store_value_get(view, DONE_NAME, &stored, err);

    *out = (struct done){.opens = opens};
    if (rc != 0)
        return rc == SMKI_NOT_FOUND ? 0 : rc;
    cursor = cursor_of(stored);
    if (cursor_u8(&cursor) != DONE_LAYOUT)
        cursor.failed = true;
    out->opens.us = (int64_t)cursor_u64(&cursor);
    for (size_t i = 0; i < SLOTS_MAX; i++)
        out->slots[i] = cursor_u32(&cursor);
    rc = cursor_close(&cursor, "what the night has done", err);
    if (rc == 0 && out->opens.us != opens.us) /* another night's */
        *out = (struct done){.opens = opens};
    return rc;
}

static int done_put(struct store_change *change, const struct done *done, struct smki_error *err)
{
    uint8_t octets[1 + 8 + 4 * SLOTS_MAX];
    struct writer writer = writer_of(octets, sizeof(octets));

    write_u8(&writer, DONE_LAYOUT);
    write_u64(&writer, (uint64_t)done->opens.us);
    for (size_t i = 0; i < SLOTS_MAX; i++)
        write_u32(&writer, done->slots[i]);
    return store_value_put(change, DONE_NAME, BYTES(octets, writer_size(&writer)), err);
}

int night_done_add(struct store_change *change, const struct smki_service *service, uint32_t csrs, struct smki_error *err)
{
    const struct smki_time now = store_change_time(change);
    const struct smki_night night = smki_night_at(&smki_service_config(service)->limits, now);
    struct done done;
    int64_t slot;
    int rc;

    if (now.us < night.opens.us) /* by day: where the window is not kept, or by the operator's word */
        return 0;
    if ((rc = done_get(store_change_view(change), night.opens, &done, err)) != 0)
        return rc;
    slot = (now.us - night.opens.us) / SLOT;
    done.slots[slot < SLOTS_MAX ? slot : SLOTS_MAX - 1] += csrs;
    return done_put(change, &done, err);
}

/* ---- what it will do ---- */

struct picture {
    struct smki_service *service;
    struct store_view *view;
    uint64_t party;
    struct smki_time at;
    struct smki_night night;
    struct smki_plan_item *items;
    size_t count, slot_count;
    double rate;
    struct done done;
    uint64_t waiting, accepted; /* CSRs: of all, and of these by this night */
    double planned[SLOTS_MAX];
};

static struct smki_time slot_from(const struct picture *picture, size_t slot)
{
    return (struct smki_time){.us = picture->night.opens.us + (int64_t)slot * SLOT};
}

static struct smki_time slot_to(const struct picture *picture, size_t slot)
{
    const struct smki_time to = slot_from(picture, slot + 1);

    return to.us < picture->night.closes.us ? to : picture->night.closes;
}

/* How many of the item's CSRs this night is expected to do. The expectation gives a night no more than its capacity (smki_plan_order). */
static uint64_t share_of(const struct picture *picture, const struct smki_plan_item *item)
{
    const uint64_t capacity = smki_service_config(picture->service)->limits.night_capacity;
    const uint64_t room = picture->accepted < capacity ? capacity - picture->accepted : 0;
    double share;

    if (item->starts.us >= picture->night.closes.us || item->finishes.us <= picture->night.opens.us)
        return 0;
    if (item->finishes.us <= picture->night.closes.us)
        return item->remaining;
    share = picture->rate / (double)SMKI_SECOND * (double)(picture->night.closes.us - item->starts.us);
    if (share > (double)item->remaining)
        share = (double)item->remaining;
    return share < (double)room ? (uint64_t)share : room;
}

/* Spreads it evenly from where it starts to where it ends, or the night does. */
static void spread(struct picture *picture, const struct smki_plan_item *item, uint64_t share)
{
    const int64_t from = item->starts.us > picture->night.opens.us ? item->starts.us : picture->night.opens.us;
    const int64_t to = item->finishes.us < picture->night.closes.us ? item->finishes.us : picture->night.closes.us;

    for (size_t i = 0; i < picture->slot_count && share > 0; i++) {
        const int64_t begin = slot_from(picture, i).us > from ? slot_from(picture, i).us : from;
        const int64_t end = slot_to(picture, i).us < to ? slot_to(picture, i).us : to;

        if (to <= from)
            picture->planned[i] += from >= slot_from(picture, i).us && from < slot_to(picture, i).us ? (double)share : 0;
        else if (end > begin)
            picture->planned[i] += (double)share * (double)(end - begin) / (double)(to - from);
    }
}

/* Everything in one view: smki_batch_plan reads in the same. */
static int picture_take(struct picture *picture, struct smki_error *err)
{
    const int64_t length = picture->night.closes.us - picture->night.opens.us;
    int rc;

    picture->slot_count = (size_t)((length + SLOT - 1) / SLOT) < SLOTS_MAX ? (size_t)((length + SLOT - 1) / SLOT) : SLOTS_MAX;
    if ((rc = smki_batch_plan(picture->service, picture->at, &picture->items, &picture->count, &picture->rate, err)) != 0 ||
        (rc = done_get(picture->view, picture->night.opens, &picture->done, err)) != 0)
        return rc;
    for (size_t i = 0; i < picture->count; i++) {
        const uint64_t share = share_of(picture, &picture->items[i]);

        spread(picture, &picture->items[i], share);
        picture->waiting += picture->items[i].remaining;
        picture->accepted += share;
    }
    return 0;
}

/* ---- told ---- */

static cJSON *array_object(cJSON *array)
{
    cJSON *object = cJSON_CreateObject();

    if (array != NULL && object != NULL && cJSON_AddItemToArray(array, object))
        return object;
    cJSON_Delete(object);
    return NULL;
}

/* Whole CSRs whose sum is that of the parts. */
static bool slots_tell(cJSON *array, const struct picture *picture)
{
    double sum = 0;
    uint64_t told = 0;

    for (size_t i = 0; i < picture->slot_count; i++) {
        cJSON *object = array_object(array);
        uint64_t until;

        sum += picture->planned[i];
        until = (uint64_t)(sum + 0.5);
        if (object == NULL || !smki_json_time(object, "from", slot_from(picture, i)) ||
            !smki_json_time(object, "to", slot_to(picture, i)) || !page_number(object, "planned", until - told) ||
            !page_number(object, "done", picture->done.slots[i]))
            return false;
        told = until;
    }
    return array != NULL;
}

static const char *class_word(enum smki_plan_class class)
{
    static const char *const words[] = {[SMKI_PLAN_DUE] = "due", [SMKI_PLAN_EARLY] = "early", [SMKI_PLAN_OVER_QUOTA] = "over-quota"};

    return words[class];
}

static bool expectation_tell(cJSON *object, const struct smki_plan_item *item)
{
    const struct smki_time due = {item->over_quota ? 0 : item->due.us}; /* behind all due work nothing is promised */

    return smki_json_time(object, "dueAt", due) && smki_json_time(object, "startsAt", item->starts) &&
           smki_json_time(object, "finishesAt", item->finishes) && page_bool(object, "atRisk", item->at_risk) &&
           page_bool(object, "overQuota", item->over_quota);
}

static bool batch_tell(cJSON *object, const struct smki_batch *batch, const struct smki_plan_item *item, size_t place, uint64_t ahead)
{
    return object != NULL && page_number(object, "id", batch->id) && page_text(object, "name", batch->name) &&
           page_text(object, "ref", batch->ref) && page_text(object, "status", smki_batch_state_word(batch->state)) &&
           page_number(object, "place", place) && page_number(object, "ahead", ahead) && page_number(object, "csrs", batch->csrs) &&
           page_number(object, "processed", batch->processed) && page_number(object, "remaining", item->remaining) &&
           smki_json_time(object, "acceptedAt", batch->accepted_at) && page_text(object, "class", class_word(item->class)) &&
           expectation_tell(object, item);
}

/* The Party's own, in turn; of the others only how many there are. */
static int batches_tell(cJSON *array, const struct picture *picture, struct smki_error *err)
{
    uint64_t ahead = 0;

    for (size_t i = 0; i < picture->count; i++) {
        const struct smki_plan_item *item = &picture->items[i];
        struct smki_batch batch;
        int rc;

        if (item->party == picture->party) {
            if ((rc = store_batch_get(picture->view, item->batch, &batch, err)) != 0)
                return rc;
            if (!batch_tell(array_object(array), &batch, item, i + 1, ahead))
                return smki_fail(err, SMKI_NO_MEMORY, NULL);
        }
        ahead += item->remaining;
    }
    return array != NULL ? 0 : smki_fail(err, SMKI_NO_MEMORY, NULL);
}

static bool sums_tell(cJSON *object, const struct picture *picture)
{
    const uint64_t capacity = smki_service_config(picture->service)->limits.night_capacity;
    uint64_t done = 0, used;

    for (size_t i = 0; i < SLOTS_MAX; i++)
        done += picture->done.slots[i];
    used = done + picture->accepted;
    return page_number(object, "capacity", capacity) && page_number(object, "waiting", picture->waiting) &&
           page_number(object, "accepted", picture->accepted) && page_number(object, "done", done) &&
           page_number(object, "room", used < capacity ? capacity - used : 0) &&
           cJSON_AddNumberToObject(object, "rate", picture->rate) != NULL && page_number(object, "batchesInAll", picture->count);
}

static int picture_tell(cJSON **out, const struct picture *picture, struct smki_error *err)
{
    const struct smki_night *night = &picture->night;
    cJSON *object = cJSON_CreateObject();
    const bool ok = object != NULL && smki_json_time(object, "opens", night->opens) && smki_json_time(object, "closes", night->closes) &&
                    page_bool(object, "open", picture->at.us >= night->opens.us) &&
                    page_number(object, "minutes", (uint64_t)((night->closes.us - night->opens.us) / SMKI_MINUTE)) &&
                    sums_tell(object, picture) && slots_tell(cJSON_AddArrayToObject(object, "slots"), picture);
    int rc = page_complete(out, object, ok, err);

    if (rc == 0 && (rc = batches_tell(cJSON_AddArrayToObject(*out, "batches"), picture, err)) != 0) {
        cJSON_Delete(*out);
        *out = NULL;
    }
    return rc;
}

int smki_night_json(struct cJSON **out, struct smki_service *service, uint64_t party, struct smki_time at, struct smki_error *err)
{
    struct picture picture = {
        .service = service, .party = party, .at = at, .night = smki_night_at(&smki_service_config(service)->limits, at)};
    int rc;

    *out = NULL;
    if ((rc = store_view_begin(service->store, &picture.view, err)) != 0)
        return rc;
    if ((rc = picture_take(&picture, err)) == 0)
        rc = picture_tell(out, &picture, err);
    free(picture.items);
    store_view_end(picture.view);
    return rc;
}

/* ---- a batch that is not there yet ---- */

struct forecast {
    struct smki_service *service;
    uint64_t party;
    struct smki_time at;
    struct smki_plan_item item;
    struct smki_verdict verdict;
    struct smki_allowance left;
};

static int quota_look(struct forecast *forecast, struct store_view *view, struct smki_error *err)
{
    const struct smki_demand_limits *limits = &smki_service_config(forecast->service)->limits;
    struct smki_window window;
    uint64_t agreed;
    int rc;

    if ((rc = agreements_limit(&forecast->service->agreements, view, forecast->party, SMKI_RULE_PORTAL_BATCH, forecast->at, &agreed,
                               err)) != 0 ||
        (rc = demand_window_get(view, forecast->party, SMKI_RULE_PORTAL_BATCH, &window, err)) != 0)
        return rc;
    smki_demand_portal_batch(&forecast->verdict, limits, &window, agreed, forecast->at, forecast->item.remaining);
    smki_allowance_portal_batch(&forecast->left, limits, &window, agreed, forecast->at);
    forecast->item.over_quota = forecast->verdict.behind;
    smki_window_finish(&window);
    return 0;
}

/* The plan with the batch in it, last in its turn. */
static int plan_look(struct forecast *forecast, struct smki_error *err)
{
    struct smki_plan_item *items, *more;
    size_t count;
    double rate;
    int rc = smki_batch_plan(forecast->service, forecast->at, &items, &count, &rate, err);

    if (rc != 0)
        return rc;
    if ((more = reallocarray(items, count + 1, sizeof(*items))) == NULL) {
        free(items);
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    }
    more[count] = forecast->item;
    smki_plan_order(more, count + 1, &smki_service_config(forecast->service)->limits, forecast->at, rate);
    for (size_t i = 0; i <= count; i++)
        if (more[i].batch == forecast->item.batch)
            forecast->item = more[i];
    free(more);
    return 0;
}

static int forecast_tell(cJSON **out, const struct forecast *forecast, struct smki_error *err)
{
    const struct smki_config *config = smki_service_config(forecast->service);
    const struct smki_allowance *left = &forecast->left;
    const uint64_t csrs = forecast->item.remaining;
    const struct smki_time reset = {.us = left->reset > 0 ? forecast->at.us + left->reset : 0};
    cJSON *object = cJSON_CreateObject();
    const bool ok = object != NULL && page_number(object, "csrs", csrs) && page_bool(object, "tooMany", csrs > config->batch_max_csrs) &&
                    expectation_tell(object, &forecast->item) &&
                    page_bool(object, "tonight", forecast->item.finishes.us <= smki_night_at(&config->limits, forecast->at).closes.us) &&
                    page_number(object, "limit", left->limit) && page_number(object, "left", left->remaining) &&
                    page_number(object, "leftAfter", csrs < left->remaining ? left->remaining - csrs : 0) &&
                    smki_json_time(object, "resetAt", reset);

    return page_complete(out, object, ok, err);
}

int smki_forecast_json(struct cJSON **out, struct smki_service *service, uint64_t party, uint32_t csrs, struct smki_time at,
                       struct smki_error *err)
{
    struct forecast forecast = {.service = service, .party = party, .at = at};
    struct store_view *view;
    int rc;

    *out = NULL;
    forecast.item = (struct smki_plan_item){.batch = UINT64_MAX,
                                            .party = party,
                                            .accepted = at,
                                            .due = smki_night_due(&smki_service_config(service)->limits, at),
                                            .remaining = csrs};
    if ((rc = store_view_begin(service->store, &view, err)) != 0)
        return rc;
    if ((rc = quota_look(&forecast, view, err)) == 0)
        rc = plan_look(&forecast, err);
    store_view_end(view);
    return rc != 0 ? rc : forecast_tell(out, &forecast, err);
}
