/* A Party's demand against its limits (interfaces.md 10), for a page. */
#include "batch/batch_i.h"
#include "demand/demand_i.h"
#include "ra/portal_i.h"

#define MILLISECOND (SMKI_SECOND / 1000)
#define PARTS       24 /* of the window: hours, as the spec has it */

struct demand {
    struct smki_service *service;
    struct store_view *view;
    const struct smki_demand_limits *limits;
    uint64_t party;
    struct smki_time at;
    struct smki_agreement agreement; /* of the rule at hand; limit 0: none in force */
};

static const char *mode_word(enum smki_rule_mode mode)
{
    static const char *const words[] = {
        [SMKI_RULE_ENFORCE] = "enforce", [SMKI_RULE_OBSERVE] = "observe", [SMKI_RULE_OFF] = "off", [SMKI_RULE_SMOOTH] = "smooth"};

    return words[mode];
}

/* What every rule has. `own`: the limit without an agreement; `limit`: with it. */
static bool rule_tell(cJSON *object, const struct demand *demand, enum smki_rule rule, uint64_t own, uint64_t limit, uint64_t used,
                      const struct smki_allowance *left)
{
    const struct smki_time reset = {.us = left->reset > 0 ? demand->at.us + left->reset : 0};
    const bool lifted = demand->agreement.limit != 0 && limit != own;

    return page_text(object, "rule", smki_agreement_rule_word(rule)) && page_text(object, "mode", mode_word(demand->limits->mode[rule])) &&
           page_number(object, "limit", limit) && page_number(object, "ownLimit", own) &&
           (lifted ? page_item(object, "agreement", smki_agreement_json(&demand->agreement)) : page_text(object, "agreement", NULL)) &&
           page_number(object, "used", used) && page_number(object, "remaining", left->remaining) &&
           smki_json_time(object, "resetAt", reset);
}

static int agreement_look(struct demand *demand, enum smki_rule rule, struct smki_error *err)
{
    return agreements_in_force(&demand->service->agreements, demand->view, demand->party, rule, demand->at, &demand->agreement, err);
}

/* ---- windows ---- */

static bool parts_tell(cJSON *array, const struct demand *demand, const struct smki_window *window)
{
    const int64_t length = demand->limits->portal_window / PARTS, begin = demand->at.us - length * PARTS;
    uint64_t counts[PARTS] = {0};

    for (size_t i = 0; i < window->count; i++) { /* one exactly a window old has left: the parts are (from, to] */
        const int64_t part = (window->events[i].at.us - begin - 1) / length;

        if (window->events[i].at.us > begin)
            counts[part < PARTS ? part : PARTS - 1] += window->events[i].count;
    }
    for (int i = 0; i < PARTS; i++) {
        cJSON *part = cJSON_CreateObject();

        if (array == NULL || part == NULL || !cJSON_AddItemToArray(array, part)) {
            cJSON_Delete(part);
            return false;
        }
        if (!smki_json_time(part, "from", (struct smki_time){.us = begin + i * length}) ||
            !smki_json_time(part, "to", (struct smki_time){.us = begin + (i + 1) * length}) || !page_number(part, "count", counts[i]))
            return false;
    }
    return true;
}

static bool window_tell(cJSON *object, const struct demand *demand, enum smki_rule rule, struct smki_window *window)
{
    const bool batch = rule == SMKI_RULE_PORTAL_BATCH;
    const uint64_t own = batch ? demand->limits->portal_batch_csrs : demand->limits->portal_adhoc_csrs;
    struct smki_time room = {0};
    struct smki_allowance left;

    if (batch)
        smki_allowance_portal_batch(&left, demand->limits, window, demand->agreement.limit, demand->at);
    else
        smki_allowance_portal_adhoc(&left, demand->limits, window, demand->agreement.limit, demand->at);
    if (window->count > 0)
        room = time_plus(window->events[window->count - 1].at, demand->limits->portal_window);
    return rule_tell(object, demand, rule, own, quota_lifted((uint32_t)own, demand->agreement.limit),
                     smki_window_sum(window, demand->at, demand->limits->portal_window), &left) &&
           page_text(object, "unit", "CSRs") && smki_json_time(object, "roomAt", room) &&
           parts_tell(cJSON_AddArrayToObject(object, "hours"), demand, window);
}

static int window_rule(cJSON *object, const struct demand *demand, enum smki_rule rule, struct smki_error *err)
{
    struct smki_window window;
    int rc = demand_window_get(demand->view, demand->party, rule, &window, err);

    if (rc != 0)
        return rc;
    if (!window_tell(object, demand, rule, &window))
        rc = smki_fail(err, SMKI_NO_MEMORY, NULL);
    smki_window_finish(&window);
    return rc;
}

/* ---- pace and turns ---- */

static int pace_rule(cJSON *object, const struct demand *demand, struct smki_error *err)
{
    const uint64_t most = (uint64_t)(SMKI_DAY / MILLISECOND);
    const int64_t agreed = (int64_t)(demand->agreement.limit < most ? demand->agreement.limit : most) * MILLISECOND;
    const struct smki_demand_limits *limits = demand->limits;
    struct smki_allowance left;
    struct smki_time last, slot;
    int rc = demand_last_get(demand->view, demand->party, SMKI_RULE_ADHOC_PACE, &last, err);

    if (rc != 0)
        return rc;
    smki_allowance_adhoc_pace(&left, limits, last, agreed, demand->at);
    slot = pace_slot(limits, last, agreed, demand->at);
    if (!rule_tell(object, demand, SMKI_RULE_ADHOC_PACE, (uint64_t)(pace_at(limits, demand->at, 0) / MILLISECOND),
                   (uint64_t)(pace_at(limits, demand->at, agreed) / MILLISECOND), slot.us > demand->at.us, &left) ||
        !page_text(object, "unit", "ms between two") || !smki_json_time(object, "lastAt", last) ||
        !smki_json_time(object, "nextAt", slot.us > demand->at.us ? slot : (struct smki_time){0}))
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    return 0;
}

static int turn_rule(cJSON *object, const struct demand *demand, struct smki_error *err)
{
    struct smki_allowance left;
    uint64_t under_way;
    int rc = submission_turns_taken(demand->service, demand->party, &under_way, err);

    if (rc != 0)
        return rc;
    smki_allowance_batch_one(&left, demand->limits, under_way, demand->agreement.limit);
    if (!rule_tell(object, demand, SMKI_RULE_BATCH_ONE, submissions_at_once(0), submissions_at_once(demand->agreement.limit), under_way,
                   &left) ||
        !page_text(object, "unit", "submissions at once"))
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    return 0;
}

/* ---- all of them ---- */

static int rule_add(cJSON *array, struct demand *demand, enum smki_rule rule, struct smki_error *err)
{
    cJSON *object = cJSON_CreateObject();
    int rc;

    if (array == NULL || object == NULL || !cJSON_AddItemToArray(array, object)) {
        cJSON_Delete(object);
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    }
    if ((rc = agreement_look(demand, rule, err)) != 0)
        return rc;
    if (rule == SMKI_RULE_ADHOC_PACE)
        return pace_rule(object, demand, err);
    return rule == SMKI_RULE_BATCH_ONE ? turn_rule(object, demand, err) : window_rule(object, demand, rule, err);
}

static int rules_tell(cJSON *object, struct demand *demand, struct smki_error *err)
{
    static const enum smki_rule rules[] = {SMKI_RULE_PORTAL_BATCH, SMKI_RULE_PORTAL_ADHOC, SMKI_RULE_ADHOC_PACE, SMKI_RULE_BATCH_ONE};
    cJSON *array;
    int rc = 0;

    if (object == NULL || !smki_json_time(object, "at", demand->at) || (array = cJSON_AddArrayToObject(object, "rules")) == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    for (size_t i = 0; i < ARRAY_COUNT(rules) && rc == 0; i++)
        rc = rule_add(array, demand, rules[i], err);
    return rc;
}

int smki_demand_json(struct cJSON **out, struct smki_service *service, uint64_t party, struct smki_time at, struct smki_error *err)
{
    struct demand demand = {.service = service, .limits = &smki_service_config(service)->limits, .party = party, .at = at};
    cJSON *object;
    int rc;

    *out = NULL;
    if ((rc = store_view_begin(service->store, &demand.view, err)) != 0)
        return rc;
    object = cJSON_CreateObject();
    if ((rc = rules_tell(object, &demand, err)) == 0)
        *out = object;
    else
        cJSON_Delete(object);
    store_view_end(demand.view);
    return rc;
}
