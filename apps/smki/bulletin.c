/* smki bulletin ...: what the operator tells everybody on the portal. */
#include "smki/smki_i.h"

#include <smki/bulletin.h>

static int bulletin_add(struct call *call)
{
    struct smki_bulletin bulletin = {.from = call_time(call, "from"), .to = call_time(call, "to")};
    int rc = text_take(call, "text", bulletin.text, sizeof(bulletin.text));

    if (rc == 0 && (rc = smki_bulletin_add(call->service, &call->actor, &bulletin, &call->err)) == 0)
        printf("%" PRIu64 "\n", bulletin.number);
    return rc;
}

static int bulletin_remove(struct call *call)
{
    return smki_bulletin_remove(call->service, &call->actor, value_number(call_operand(call, 0)), &call->err);
}

/* ---- list ---- */

static const char *state_word(const struct smki_bulletin *bulletin, struct smki_time now)
{
    if (bulletin->taken_down_at.us != 0)
        return "taken down";
    return smki_bulletin_is_shown(bulletin, now) ? "shown" : now.us < bulletin->from.us ? "to come" : "over";
}

static void bulletin_row(struct table *table, const struct smki_bulletin *bulletin, struct smki_time now)
{
    char text[SMKI_TIME_TEXT_SIZE];

    table_add(table, "%" PRIu64, bulletin->number);
    table_add(table, "%s", state_word(bulletin, now));
    table_add(table, "%s", time_words(bulletin->from, text));
    table_add(table, "%s", bulletin->to.us != 0 ? time_words(bulletin->to, text) : "no end");
    table_add(table, "%s", bulletin->text);
}

static cJSON *bulletin_json(const struct smki_bulletin *bulletin, struct smki_time now)
{
    cJSON *json = smki_bulletin_json(bulletin);

    if (json != NULL && cJSON_AddStringToObject(json, "state", state_word(bulletin, now)) != NULL)
        return json;
    cJSON_Delete(json);
    return NULL;
}

static int bulletins_walk(struct call *call, struct table *table, struct json_list *list)
{
    const struct smki_time now = smki_service_now(call->service);
    struct smki_bulletin bulletin = {.number = 0};
    int rc;

    while ((rc = smki_bulletin_next(call->service, bulletin.number, &bulletin, &call->err)) == 0) {
        if (!call->json)
            bulletin_row(table, &bulletin, now);
        else if ((rc = json_list_add(list, call, bulletin_json(&bulletin, now))) != 0)
            break;
    }
    return rc == SMKI_NOT_FOUND ? 0 : rc;
}

static int bulletin_list(struct call *call)
{
    static const char *const headings[] = {">N", "STATE", "FROM", "TO", "TEXT", NULL};

    return table_list(call, headings, bulletins_walk, "no bulletins; 'smki bulletin add' puts one up");
}

static const struct command_value add_options[] = {
    {"text", VALUE_TEXT, REQUIRED, "TEXT", "what people are told", NULL},
    {"from", VALUE_TIME, 0, NULL, "when it is first shown, UK time: 2026-12-01 or 2026-12-01T10:00; without: now", NULL},
    {"to", VALUE_TIME, 0, NULL, "when it is shown no more; without: until it is taken down", NULL},
    {0},
};

const struct command bulletin_commands[] = {
    {"bulletin add", "Put up a notice on the portal; prints its number alone on a line", COMMAND_HOME, add_options, NULL,
     "Everybody reads it on the portal's page of notices; 'smki maintenance plan' announces Planned Maintenance.\n\n"
     "Example:\n"
     "  smki bulletin add --text 'The Service Desk is closed on 25 and 26 December.' --to 2026-12-27\n",
     bulletin_add},
    {"bulletin list", "List what was put up, and what is shown", COMMAND_HOME | COMMAND_JSON, NULL, NULL, NULL, bulletin_list},
    {"bulletin remove", "Take a notice down", COMMAND_HOME, NULL, number_operand, NULL, bulletin_remove},
    {0},
};
