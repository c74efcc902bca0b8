/* Planned Maintenance (CoCo 2; interfaces.md 2): notices in the store. One is on by itself from its `from` to its `to`, or as the operator
 * began and ended it. */
#include "registry/document_i.h"

#include <string.h>

#define STAMP_VALUE "maintenance" /* how often a notice was written */
#define STAMP_SIZE  8

cJSON *smki_maintenance_json(const struct smki_maintenance *maintenance)
{
    cJSON *object = cJSON_CreateObject();
    bool ok = json_number(object, "number", maintenance->number) && json_time(object, "from", maintenance->from) &&
              json_time(object, "to", maintenance->to) && json_time(object, "started_at", maintenance->started_at) &&
              json_time(object, "ended_at", maintenance->ended_at) && json_bool(object, "pause_night", maintenance->pause_night) &&
              json_text(object, "text", maintenance->text);

    return json_complete(object, ok);
}

/* Reads an opened document, and closes it. */
static int maintenance_read(struct document *document, struct smki_maintenance *out, struct smki_error *err)
{
    *out = (struct smki_maintenance){.number = document->number};
    out->from = document_time(document, "from");
    out->to = document_time(document, "to");
    out->started_at = document_time(document, "started_at");
    out->ended_at = document_time(document, "ended_at");
    out->pause_night = document_bool(document, "pause_night");
    document_text(document, "text", out->text, sizeof(out->text));
    return document_close(document, err);
}

static int maintenance_get(struct store_view *view, uint64_t number, struct smki_maintenance *out, struct smki_error *err)
{
    struct document document;
    int rc = document_open(&document, view, STORE_NOTICE, number, "maintenance", err);

    return rc != 0 ? rc : maintenance_read(&document, out, err);
}

int maintenance_next(struct store_view *view, uint64_t number, struct smki_maintenance *out, struct smki_error *err)
{
    struct document document;
    int rc = document_open_next(&document, view, STORE_NOTICE, &number, "maintenance", err);

    return rc != 0 ? rc : maintenance_read(&document, out, err);
}

/* ---- on and over ---- */

static bool is_over(const struct smki_maintenance *maintenance, struct smki_time now)
{
    return maintenance->ended_at.us != 0 || now.us >= maintenance->to.us;
}

static bool is_on(const struct smki_maintenance *maintenance, struct smki_time now)
{
    const bool begun = maintenance->started_at.us != 0 && maintenance->started_at.us <= now.us;

    return !is_over(maintenance, now) && (begun || maintenance->from.us <= now.us);
}

void maintenance_pick(struct smki_maintenance *best, const struct smki_maintenance *maintenance, struct smki_time now)
{
    const bool pauses = best->pause_night || maintenance->pause_night;

    if (!is_on(maintenance, now))
        return;
    if (best->number == 0 || maintenance->to.us > best->to.us)
        *best = *maintenance;
    best->pause_night = pauses;
}

int maintenance_at(struct store_view *view, struct smki_time now, struct smki_maintenance *out, struct smki_error *err)
{
    struct smki_maintenance one = {.number = 0};
    struct smki_error why = {0};
    int rc;

    *out = (struct smki_maintenance){.number = 0};
    while ((rc = maintenance_next(view, one.number, &one, &why)) == 0)
        maintenance_pick(out, &one, now);
    if (rc != SMKI_NOT_FOUND)
        return smki_fail(err, rc, "%s", why.text);
    return out->number != 0 ? 0 : SMKI_NOT_FOUND;
}

int maintenance_stamp(struct store_view *view, uint64_t *out, struct smki_error *err)
{
    struct smki_bytes stored;
    struct cursor cursor;
    int rc = store_value_get(view, STAMP_VALUE, &stored, err);

    *out = 0;
    if (rc != 0)
        return rc == SMKI_NOT_FOUND ? 0 : rc;
    cursor = cursor_of(stored);
    *out = cursor_u64(&cursor);
    return cursor_close(&cursor, "the stamp of the notices of maintenance", err);
}

/* ---- changing ---- */

struct maintenance_change {
    const struct smki_actor *actor;
    const struct smki_maintenance *asked; /* a change may run again from the start */
    struct smki_maintenance maintenance;
};

static int maintenance_put(struct store_change *change, const struct smki_maintenance *maintenance, struct smki_error *err)
{
    uint8_t octets[STAMP_SIZE];
    struct writer writer = writer_of(octets, sizeof(octets));
    uint64_t stamp;
    int rc = maintenance_stamp(store_change_view(change), &stamp, err);

    if (rc != 0)
        return rc;
    write_u64(&writer, stamp + 1);
    if ((rc = store_value_put(change, STAMP_VALUE, BYTES(octets, sizeof(octets)), err)) != 0)
        return rc;
    return document_put(change, STORE_NOTICE, maintenance->number, smki_maintenance_json(maintenance), err);
}

static int record_maintenance(struct store_change *change, const struct smki_actor *actor, const struct smki_maintenance *maintenance,
                              const char *what, struct smki_error *err)
{
    char from[SMKI_TIME_TEXT_SIZE], to[SMKI_TIME_TEXT_SIZE];
    struct phrase phrase = {0};

    phrase_add(&phrase, "%s", what);
    phrase_add(&phrase, "from %s to %s", smki_time_text_uk(maintenance->from, from), smki_time_text_uk(maintenance->to, to));
    if (maintenance->pause_night)
        phrase_add(&phrase, "batches pause");
    phrase_add(&phrase, "%s", maintenance->text);
    return record_act(change, actor, SMKI_ACT_MAINTENANCE, 0, maintenance->number, phrase.text, err);
}

static int maintenance_check(const struct smki_maintenance *maintenance, struct smki_time now, struct smki_error *err)
{
    char from[SMKI_TIME_TEXT_SIZE], to[SMKI_TIME_TEXT_SIZE];

    if (maintenance->to.us <= maintenance->from.us)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "a maintenance ends after it begins; this is from %s to %s",
                         smki_time_text_people(maintenance->from, from), smki_time_text_people(maintenance->to, to));
    if (maintenance->to.us <= now.us)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "a maintenance that ends at %s would be over already",
                         smki_time_text_people(maintenance->to, to));
    return text_check(maintenance->text, sizeof(maintenance->text), "text", err);
}

static int maintenance_add(struct store_change *change, struct smki_maintenance *maintenance, struct smki_error *err)
{
    int rc;

    if ((rc = maintenance_check(maintenance, store_change_time(change), err)) != 0 ||
        (rc = store_next_number(change, STORE_COUNT_NOTICE, &maintenance->number, err)) != 0)
        return rc;
    return maintenance_put(change, maintenance, err);
}

static int plan_change(struct store_change *change, void *argument, struct smki_error *err)
{
    struct maintenance_change *plan = argument;
    struct smki_maintenance *maintenance = &plan->maintenance;
    int rc;

    *maintenance = *plan->asked;
    if (maintenance->from.us == 0)
        maintenance->from = store_change_time(change);
    if ((rc = maintenance_add(change, maintenance, err)) != 0)
        return rc;
    return record_maintenance(change, plan->actor, maintenance, "announced", err);
}

/* Two at once would be one that the operator cannot end. */
static int none_is_on(struct store_change *change, struct smki_error *err)
{
    struct smki_maintenance on;
    char to[SMKI_TIME_TEXT_SIZE];
    int rc = maintenance_at(store_change_view(change), store_change_time(change), &on, err);

    if (rc != 0)
        return rc == SMKI_NOT_FOUND ? 0 : rc;
    return smki_fail(err, SMKI_MAINTENANCE_STATE, "maintenance %llu is on, until %s", (unsigned long long)on.number,
                     smki_time_text_people(on.to, to));
}

static int not_over(const struct smki_maintenance *maintenance, struct smki_time now, struct smki_error *err)
{
    char at[SMKI_TIME_TEXT_SIZE];

    if (!is_over(maintenance, now))
        return 0;
    return smki_fail(err, SMKI_MAINTENANCE_STATE, "maintenance %llu is over since %s", (unsigned long long)maintenance->number,
                     smki_time_text_people(maintenance->ended_at.us != 0 ? maintenance->ended_at : maintenance->to, at));
}

static int start_change(struct store_change *change, void *argument, struct smki_error *err)
{
    struct maintenance_change *start = argument;
    struct smki_maintenance *maintenance = &start->maintenance;
    const struct smki_time now = store_change_time(change);
    const bool announced = start->asked->number != 0;
    int rc;

    *maintenance = *start->asked;
    if (announced && ((rc = maintenance_get(store_change_view(change), maintenance->number, maintenance, err)) != 0 ||
                      (rc = not_over(maintenance, now, err)) != 0))
        return rc;
    if ((rc = none_is_on(change, err)) != 0)
        return rc;
    maintenance->started_at = now;
    maintenance->ended_at.us = 0;
    if (!announced)
        maintenance->from = now;
    rc = announced ? maintenance_put(change, maintenance, err) : maintenance_add(change, maintenance, err);
    return rc != 0 ? rc : record_maintenance(change, start->actor, maintenance, announced ? "begun early" : "begun", err);
}

static int end_one(struct store_change *change, const struct smki_actor *actor, struct smki_maintenance *maintenance,
                   struct smki_error *err)
{
    const bool on = is_on(maintenance, store_change_time(change));
    int rc;

    maintenance->ended_at = store_change_time(change);
    if ((rc = maintenance_put(change, maintenance, err)) != 0)
        return rc;
    return record_maintenance(change, actor, maintenance, on ? "ended" : "called off", err);
}

/* Announced times may overlap: all that are on end. */
static int end_all(struct store_change *change, const struct smki_actor *actor, struct smki_error *err)
{
    struct smki_maintenance one = {.number = 0};
    bool any = false;
    int rc;

    while ((rc = maintenance_next(store_change_view(change), one.number, &one, err)) == 0) {
        if (!is_on(&one, store_change_time(change)))
            continue;
        any = true;
        if ((rc = end_one(change, actor, &one, err)) != 0)
            return rc;
    }
    if (rc != SMKI_NOT_FOUND)
        return rc;
    return any ? 0 : smki_fail(err, SMKI_MAINTENANCE_STATE, "no maintenance is on");
}

static int end_change(struct store_change *change, void *argument, struct smki_error *err)
{
    const struct maintenance_change *end = argument;
    struct smki_maintenance maintenance;
    int rc;

    if (end->asked->number == 0)
        return end_all(change, end->actor, err);
    if ((rc = maintenance_get(store_change_view(change), end->asked->number, &maintenance, err)) != 0 ||
        (rc = not_over(&maintenance, store_change_time(change), err)) != 0)
        return rc;
    return end_one(change, end->actor, &maintenance, err);
}

static int run_change(struct smki_store *store, store_change_fn function, const struct smki_actor *actor,
                      struct smki_maintenance *maintenance, struct smki_error *err)
{
    struct maintenance_change change = {.actor = actor, .asked = maintenance};
    int rc = store_change(store, function, &change, err);

    if (rc == 0)
        *maintenance = change.maintenance;
    return rc;
}

int maintenance_plan(struct smki_store *store, const struct smki_actor *actor, struct smki_maintenance *maintenance, struct smki_error *err)
{
    maintenance->started_at.us = maintenance->ended_at.us = 0;
    return run_change(store, plan_change, actor, maintenance, err);
}

int maintenance_start(struct smki_store *store, const struct smki_actor *actor, struct smki_maintenance *maintenance,
                      struct smki_error *err)
{
    return run_change(store, start_change, actor, maintenance, err);
}

int maintenance_end(struct smki_store *store, const struct smki_actor *actor, uint64_t number, struct smki_error *err)
{
    struct smki_maintenance maintenance = {.number = number};

    return run_change(store, end_change, actor, &maintenance, err);
}
