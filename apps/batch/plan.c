/* smki-batch plan: what the night would run, in which order, and when it should be done. */
#include "batch/commands.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *const class_words[] = {[SMKI_PLAN_DUE] = "due", [SMKI_PLAN_EARLY] = "early", [SMKI_PLAN_OVER_QUOTA] = "over quota"};
#define CLASSES COUNT_OF(class_words)

struct night_plan {
    struct smki_time at;
    struct smki_night night;
    uint32_t capacity;
    struct smki_plan_item *items;
    size_t count;
    double rate;            /* CSRs a second */
    bool measured;          /* the rate is the last run's */
    uint64_t csrs[CLASSES]; /* by class */
    size_t at_risk;         /* batches */
};

/* A date alone is the night that begins on that day, not the one that ends on it. */
static struct smki_time plan_moment(const struct call *call)
{
    const char *text = call_text(call, "at");
    const unsigned start = smki_service_config(call->service)->limits.night_start; /* minutes */

    if (text == NULL)
        return smki_service_now(call->service);
    if (strlen(text) != sizeof("2026-11-23") - 1)
        return call_time(call, "at");
    return smki_time_uk_at(call_time(call, "at"), 0, (int)(start / 60), (int)(start % 60));
}

static int plan_make(struct night_plan *plan, struct call *call)
{
    const struct smki_demand_limits *limits = &smki_service_config(call->service)->limits;
    double hours;
    int rc;

    *plan = (struct night_plan){.at = plan_moment(call), .capacity = limits->night_capacity};
    plan->night = smki_night_at(limits, plan->at);
    if ((rc = smki_batch_plan(call->service, plan->at, &plan->items, &plan->count, &plan->rate, &call->err)) != 0)
        return rc;
    /* smki_batch_plan falls back on exactly this */
    hours = (double)(plan->night.closes.us - plan->night.opens.us) / (double)SMKI_SECOND;
    plan->measured = plan->rate < (double)limits->night_capacity / hours || plan->rate > (double)limits->night_capacity / hours;
    for (size_t i = 0; i < plan->count; i++) {
        plan->csrs[plan->items[i].class] += plan->items[i].remaining;
        plan->at_risk += plan->items[i].at_risk;
    }
    return 0;
}

static uint64_t plan_total(const struct night_plan *plan)
{
    return plan->csrs[SMKI_PLAN_DUE] + plan->csrs[SMKI_PLAN_EARLY] + plan->csrs[SMKI_PLAN_OVER_QUOTA];
}

static bool is_never(struct smki_time time)
{
    return time.us == INT64_MAX;
}

/* A batch that somebody takes off the list meanwhile is shown without its state. */
static const char *state_word(struct call *call, uint64_t id)
{
    struct smki_batch batch;

    return smki_batch_find(call->service, id, &batch, NULL) == 0 ? smki_batch_state_word(batch.state) : "";
}

/* ---- for programs ---- */

static bool item_time(cJSON *object, const char *name, struct smki_time time)
{
    return is_never(time) ? cJSON_AddNullToObject(object, name) != NULL : json_add_time(object, name, time);
}

static cJSON *item_json(struct call *call, const struct smki_plan_item *item)
{
    static const char *const words[] = {[SMKI_PLAN_DUE] = "due", [SMKI_PLAN_EARLY] = "early", [SMKI_PLAN_OVER_QUOTA] = "over-quota"};
    cJSON *object = cJSON_CreateObject();

    if (json_add_number(object, "batch", item->batch) && json_add_number(object, "party", item->party) &&
        json_add_number(object, "csrs", item->remaining) && cJSON_AddStringToObject(object, "class", words[item->class]) != NULL &&
        cJSON_AddStringToObject(object, "status", state_word(call, item->batch)) != NULL &&
        json_add_time(object, "accepted_at", item->accepted) && json_add_time(object, "due_at", item->due) &&
        item_time(object, "starts_at", item->starts) && item_time(object, "finishes_at", item->finishes) &&
        cJSON_AddBoolToObject(object, "at_risk", item->at_risk) != NULL)
        return object;
    cJSON_Delete(object);
    return NULL;
}

static bool add_head(cJSON *object, const struct night_plan *plan)
{
    return json_add_time(object, "at", plan->at) && json_add_time(object, "night_opens_at", plan->night.opens) &&
           json_add_time(object, "night_closes_at", plan->night.closes) && json_add_number(object, "capacity", plan->capacity) &&
           cJSON_AddNumberToObject(object, "rate", plan->rate) != NULL &&
           cJSON_AddStringToObject(object, "rate_source", plan->measured ? "last-run" : "capacity") != NULL &&
           json_add_number(object, "csrs", plan_total(plan)) && json_add_number(object, "csrs_due", plan->csrs[SMKI_PLAN_DUE]) &&
           json_add_number(object, "csrs_early", plan->csrs[SMKI_PLAN_EARLY]) &&
           json_add_number(object, "csrs_over_quota", plan->csrs[SMKI_PLAN_OVER_QUOTA]) &&
           json_add_number(object, "at_risk", plan->at_risk);
}

static int print_json(struct call *call, const struct night_plan *plan)
{
    cJSON *object = cJSON_CreateObject(), *array;
    bool whole = add_head(object, plan) && (array = cJSON_AddArrayToObject(object, "batches")) != NULL;

    for (size_t i = 0; whole && i < plan->count; i++) {
        cJSON *item = item_json(call, &plan->items[i]);
        whole = item != NULL && cJSON_AddItemToArray(array, item);
    }
    if (!whole) {
        cJSON_Delete(object);
        object = NULL;
    }
    return json_print(call, object);
}

/* ---- for people ---- */

/* "2026-11-23 20:00 GMT"; a part of a minute counts as a whole one, so that an expectation is never shown too early. */
static const char *minute_words(struct smki_time time, bool up, char out[SMKI_TIME_TEXT_SIZE])
{
    const struct smki_time minute = {(time.us + (up && !is_never(time) ? SMKI_MINUTE - 1 : 0)) / SMKI_MINUTE * SMKI_MINUTE};
    const struct smki_civil uk = smki_time_to_uk(minute);

    if (is_never(time))
        snprintf(out, SMKI_TIME_TEXT_SIZE, "not in sight");
    else
        snprintf(out, SMKI_TIME_TEXT_SIZE, "%04d-%02u-%02u %02u:%02u %s", (int)uk.year, uk.month, uk.day, uk.hour, uk.minute,
                 smki_time_is_bst(minute) ? "BST" : "GMT");
    return out;
}

static void item_row(struct table *table, struct call *call, size_t position, const struct smki_plan_item *item)
{
    const bool pending = strcmp(state_word(call, item->batch), smki_batch_state_word(SMKI_STATE_PENDING)) == 0 &&
                         !smki_service_config(call->service)->approve_automatically;
    char text[SMKI_TIME_TEXT_SIZE];

    table_add(table, "%zu", position);
    table_add(table, "%" PRIu64, item->batch);
    table_add(table, "%" PRIu64, item->party);
    table_add(table, "%" PRIu32, item->remaining);
    table_add(table, "%s", class_words[item->class]);
    table_add(table, "%s", minute_words(item->accepted, false, text));
    table_add(table, "%s", item->class == SMKI_PLAN_OVER_QUOTA ? "as practicable" : minute_words(item->due, false, text));
    table_add(table, "%s", minute_words(item->starts, false, text));
    table_add(table, "%s", minute_words(item->finishes, true, text));
    table_add(table, "%s%s%s", item->at_risk ? "AT RISK" : "", item->at_risk && pending ? ", " : "", pending ? "awaits approval" : "");
}

static void print_totals(const struct night_plan *plan)
{
    const uint64_t due = plan->csrs[SMKI_PLAN_DUE];

    printf("\n");
    fact_print("waiting", "%" PRIu64 " CSRs in %zu %s: %" PRIu64 " due, %" PRIu64 " early, %" PRIu64 " over quota", plan_total(plan),
               plan->count, plan->count == 1 ? "batch" : "batches", due, plan->csrs[SMKI_PLAN_EARLY], plan->csrs[SMKI_PLAN_OVER_QUOTA]);
    if (due <= plan->capacity)
        fact_print("capacity", "%" PRIu32 " CSRs a night; due work takes %.1f %% of it, %" PRIu64 " are left", plan->capacity,
                   plan->capacity > 0 ? (double)due * 100 / plan->capacity : 0, plan->capacity - due);
    else
        fact_print("capacity", "%" PRIu32 " CSRs a night; due work is %" PRIu64 " MORE than that", plan->capacity, due - plan->capacity);
    fact_print("rate", "%.1f CSRs a second, %s", plan->rate,
               plan->measured ? "measured in the last run"
                              : "the capacity spread over the night: no run of 1,000 CSRs or more was measured yet");
    fact_print("deadlines at risk", "%zu", plan->at_risk);
}

static int print_table(struct call *call, const struct night_plan *plan)
{
    static const char *const headings[] = {">#",  ">batch", ">Party",      ">CSRs", "class", "accepted",
                                           "due", "starts", "finishes by", "",      NULL};
    char opens[SMKI_TIME_TEXT_SIZE], closes[SMKI_TIME_TEXT_SIZE];
    struct table table;
    int rc;

    printf("Night of %s to %s\n\n", minute_words(plan->night.opens, false, opens), minute_words(plan->night.closes, false, closes));
    table_start(&table, headings);
    for (size_t i = 0; i < plan->count; i++)
        item_row(&table, call, i + 1, &plan->items[i]);
    if ((rc = table_print(&table, call, "Nothing waits.")) == 0 && plan->count > 0)
        print_totals(plan);
    return rc;
}

static int plan_run(struct call *call)
{
    struct night_plan plan;
    int rc = plan_make(&plan, call);

    if (rc != 0)
        return rc;
    rc = call->json ? print_json(call, &plan) : print_table(call, &plan);
    free(plan.items);
    return rc;
}

static const struct command_value options[] = {
    {"at", VALUE_TIME, 0, "TIME",
     "the plan of the night of this moment, as 2026-11-23T20:00 (UK time), or that begins on this day; now when not given", NULL},
    {0},
};

const struct command plan_commands[] = {
    {
        .name = "plan",
        .text = "Show what would run in which order, when each is due and expected to finish",
        .flags = COMMAND_HOME | COMMAND_JSON,
        .options = options,
        .more = "Order: what is due by the end of the night, then what is due later and runs early, then work over the portal's quota; "
                "each in turn,\n"
                "first accepted, first processed. Times are UK civil time; with --json they are UTC. 'AT RISK' marks what is expected to "
                "miss its deadline.\n",
        .run = plan_run,
    },
    {0},
};
