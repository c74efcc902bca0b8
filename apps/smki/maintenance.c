/* smki maintenance ...: Planned Maintenance, the only excuse for an interface being away (CoCo 2). */
#include "smki/smki_i.h"

#include <smki/maintenance.h>

#include <string.h>

/* What --from, --to, --text and --pause-night say. */
static int maintenance_take(struct call *call, struct smki_maintenance *maintenance)
{
    const char *text = call_text(call, "text");

    maintenance->from = call_time(call, "from");
    maintenance->to = call_time(call, "to");
    maintenance->pause_night = call_has(call, "pause-night");
    if (text != NULL && strlen(text) >= sizeof(maintenance->text))
        return call_usage(call, "--text: at most %zu octets", sizeof(maintenance->text) - 1);
    if (text != NULL)
        snprintf(maintenance->text, sizeof(maintenance->text), "%s", text);
    return 0;
}

static int maintenance_plan(struct call *call)
{
    struct smki_maintenance maintenance = {0};
    int rc = maintenance_take(call, &maintenance);

    if (rc == 0 && (rc = smki_maintenance_plan(call->service, &call->actor, &maintenance, &call->err)) == 0)
        printf("%" PRIu64 "\n", maintenance.number);
    return rc;
}

static const char *state_word(const struct smki_maintenance *maintenance, struct smki_time now)
{
    const int64_t began = maintenance->started_at.us != 0 ? maintenance->started_at.us : maintenance->from.us;

    if (maintenance->ended_at.us != 0)
        return maintenance->ended_at.us < began ? "called off" : "over";
    if (now.us >= maintenance->to.us)
        return "over";
    return now.us >= began ? "on" : "planned";
}

/* The one that was announced and has not begun, where there is one only. */
static int announced_take(struct call *call, struct smki_maintenance *out)
{
    const struct smki_time now = smki_service_now(call->service);
    struct smki_maintenance each = {0};
    unsigned count = 0;
    int rc;

    while ((rc = smki_maintenance_next(call->service, each.number, &each, &call->err)) == 0) {
        if (strcmp(state_word(&each, now), "planned") != 0)
            continue;
        out->number = each.number;
        count++;
    }
    if (rc != SMKI_NOT_FOUND)
        return rc;
    if (count == 1)
        return 0;
    return call_usage(call, count == 0 ? "none is announced: give --to and --text for one that was not"
                                       : "several are announced (see 'smki maintenance list'): give N, or --to and --text for another");
}

/* An announced one by its number or as the only one, or one that nobody announced by --to and --text. */
static int maintenance_start(struct call *call)
{
    struct smki_maintenance maintenance = {.number = value_number(call_operand(call, 0))};
    int rc;

    if (maintenance.number != 0 && call->value_count > 0)
        return call_usage(call, "--to, --text and --pause-night are of one that was not announced: give them, or N");
    if (maintenance.number == 0 && call->value_count > 0 && (!call_has(call, "to") || !call_has(call, "text")))
        return call_usage(call, "one that was not announced takes --to and --text both");
    if (maintenance.number == 0 && call->value_count == 0 && (rc = announced_take(call, &maintenance)) != 0)
        return rc;
    if ((rc = maintenance_take(call, &maintenance)) == 0 &&
        (rc = smki_maintenance_start(call->service, &call->actor, &maintenance, &call->err)) == 0)
        printf("%" PRIu64 "\n", maintenance.number);
    return rc;
}

static int maintenance_end(struct call *call)
{
    return smki_maintenance_end(call->service, &call->actor, value_number(call_operand(call, 0)), &call->err);
}

/* ---- list ---- */

static void maintenance_row(struct table *table, const struct smki_maintenance *maintenance, struct smki_time now)
{
    const bool early = maintenance->started_at.us != 0, cut = maintenance->ended_at.us != 0;
    char text[SMKI_TIME_TEXT_SIZE];

    table_add(table, "%" PRIu64, maintenance->number);
    table_add(table, "%s", state_word(maintenance, now));
    table_add(table, "%s", time_words(early ? maintenance->started_at : maintenance->from, text));
    table_add(table, "%s", time_words(cut ? maintenance->ended_at : maintenance->to, text));
    table_add(table, "%s", maintenance->pause_night ? "pauses" : "goes on");
    table_add(table, "%s", maintenance->text);
}

static cJSON *maintenance_json(const struct smki_maintenance *maintenance, struct smki_time now)
{
    cJSON *json = smki_maintenance_json(maintenance);

    if (json != NULL && cJSON_AddStringToObject(json, "state", state_word(maintenance, now)) != NULL)
        return json;
    cJSON_Delete(json);
    return NULL;
}

static int maintenances_walk(struct call *call, struct table *table, struct json_list *list)
{
    const struct smki_time now = smki_service_now(call->service);
    struct smki_maintenance maintenance = {0};
    int rc;

    while ((rc = smki_maintenance_next(call->service, maintenance.number, &maintenance, &call->err)) == 0) {
        if (!call->json)
            maintenance_row(table, &maintenance, now);
        else if ((rc = json_list_add(list, call, maintenance_json(&maintenance, now))) != 0)
            break;
    }
    return rc == SMKI_NOT_FOUND ? 0 : rc;
}

static int maintenance_list(struct call *call)
{
    static const char *const headings[] = {">N", "STATE", "FROM", "TO", "NIGHT", "TEXT", NULL};

    return table_list(call, headings, maintenances_walk, "no maintenance; 'smki maintenance plan' announces one");
}

/* ---- the table ---- */

#define TEXT_TEXT  "what people are told"
#define PAUSE_TEXT "batch runners stop at their next chunk until it is over; without: the night goes on"

static const struct command_value plan_options[] = {
    {"from", VALUE_TIME, REQUIRED, NULL, "when it begins, UK time: 2026-12-01T10:00", NULL},
    {"to", VALUE_TIME, REQUIRED, NULL, "when it is over", NULL},
    {"text", VALUE_TEXT, REQUIRED, "TEXT", TEXT_TEXT, NULL},
    {"pause-night", VALUE_FLAG, 0, NULL, PAUSE_TEXT, NULL},
    {0},
};
static const struct command_value start_options[] = {
    {"to", VALUE_TIME, 0, NULL, "when it will be over", NULL},
    {"text", VALUE_TEXT, 0, "TEXT", TEXT_TEXT, NULL},
    {"pause-night", VALUE_FLAG, 0, NULL, PAUSE_TEXT, NULL},
    {0},
};
static const struct command_value start_operands[] = {
    {"N", VALUE_NUMBER, 0, NULL, "an announced one, before its time; without, and without --to: the only one", NULL}, {0}};
static const struct command_value end_operands[] = {{"N", VALUE_NUMBER, 0, NULL, "its number; without: what is on", NULL}, {0}};

const struct command maintenance_commands[] = {
    {"maintenance plan", "Announce Planned Maintenance; prints its number alone on a line", COMMAND_HOME, plan_options, NULL,
     "From --from to --to every interface answers 503 with a Retry-After, in the client's own format; what is in flight is\n"
     "finished. It begins and ends by itself.\n\n"
     "Example:\n"
     "  smki maintenance plan --from 2026-12-01T10:00 --to 2026-12-01T12:00 --text 'Disks are replaced'\n",
     maintenance_plan},
    {"maintenance start", "Begin maintenance now: an announced one before its time, or one that nobody announced; prints its number",
     COMMAND_HOME, start_options, start_operands,
     "Example:\n"
     "  smki maintenance start --to 2026-12-01T12:00 --text 'A disk has failed'\n",
     maintenance_start},
    {"maintenance end", "End maintenance before its time, or call off what was announced", COMMAND_HOME, NULL, end_operands, NULL,
     maintenance_end},
    {"maintenance list", "List what was announced, and what is on", COMMAND_HOME | COMMAND_JSON, NULL, NULL, NULL, maintenance_list},
    {0},
};
