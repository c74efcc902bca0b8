/* smki aro ...: the people who act for Parties. */
#include "smki/smki_i.h"

#include <string.h>

static int aro_nominate(struct call *call)
{
    struct smki_officer officer = {.party = call_number(call, "party")};
    const char *name = call_text(call, "name"), *email = call_text(call, "email");
    int rc;

    if (strlen(name) >= sizeof(officer.name) || strlen(email) >= sizeof(officer.email))
        return call_usage(call, "--name and --email have at most %zu octets", sizeof(officer.name) - 1);
    snprintf(officer.name, sizeof(officer.name), "%s", name);
    snprintf(officer.email, sizeof(officer.email), "%s", email);
    if ((rc = smki_officer_nominate(smki_service_store(call->service), &call->actor, &officer, &call->err)) == 0)
        printf("%" PRIu64 "\n", officer.number);
    return rc;
}

static int state_set(struct call *call, enum smki_officer_state state)
{
    return smki_officer_set_state(smki_service_store(call->service), &call->actor, value_number(call_operand(call, 0)), state, &call->err);
}

static int aro_verify(struct call *call)
{
    return state_set(call, SMKI_OFFICER_VERIFIED);
}

static int aro_bar(struct call *call)
{
    return state_set(call, SMKI_OFFICER_BARRED);
}

static int aro_readmit(struct call *call)
{
    return state_set(call, SMKI_OFFICER_NOMINATED);
}

static void officer_row(struct table *table, const struct smki_officer *officer)
{
    table_add(table, "%" PRIu64, officer->number);
    table_add(table, "%" PRIu64, officer->party);
    table_add(table, "%s", officer->name);
    table_add(table, "%s", officer->email);
    table_add(table, "%s", smki_officer_state_word(officer->state));
}

/* The officers, or those of --party; as rows or JSON. */
static int officers_walk(struct call *call, struct table *table, struct json_list *list)
{
    struct smki_officer officer = {0};
    uint64_t party = call_number(call, "party");
    int rc;

    while ((rc = smki_officer_next(smki_service_store(call->service), officer.number, &officer, &call->err)) == 0) {
        if (party != 0 && officer.party != party)
            continue;
        if (!call->json)
            officer_row(table, &officer);
        else if ((rc = json_list_add(list, call, smki_officer_json(&officer))) != 0)
            break;
    }
    return rc == SMKI_NOT_FOUND ? 0 : rc;
}

static int aro_list(struct call *call)
{
    static const char *const headings[] = {">N", ">PARTY", "NAME", "E-MAIL", "STATE", NULL};

    return table_list(call, headings, officers_walk, "no officers; 'smki aro nominate' records one");
}

static int aro_show(struct call *call)
{
    char text[SMKI_TIME_TEXT_SIZE];
    struct smki_officer officer;
    int rc = smki_officer_find(smki_service_store(call->service), value_number(call_operand(call, 0)), &officer, &call->err);

    if (rc != 0)
        return rc;
    if (call->json)
        return json_print(call, smki_officer_json(&officer));
    fact_print("officer", "%" PRIu64, officer.number);
    fact_print("Party", "%" PRIu64, officer.party);
    fact_print("name", "%s", officer.name);
    fact_print("e-mail", "%s", officer.email);
    fact_print("state", "%s", smki_officer_state_word(officer.state));
    fact_print("nominated", "%s", time_words(officer.nominated_at, text));
    fact_print("verified", "%s", time_words(officer.verified_at, text));
    fact_print("barred", "%s", time_words(officer.barred_at, text));
    return 0;
}

static const struct command_value nominate_options[] = {
    {"party", VALUE_NUMBER, REQUIRED, NULL, "the Party that nominates", NULL},
    {"name", VALUE_TEXT, REQUIRED, "NAME", "the person's name", NULL},
    {"email", VALUE_TEXT, REQUIRED, "ADDRESS", "where to reach them", NULL},
    {0},
};
static const struct command_value list_options[] = {{"party", VALUE_NUMBER, 0, NULL, "only those of this Party", NULL}, {0}};

const struct command officer_commands[] = {
    {"aro nominate", "Record whom a Party nominates; prints the officer's number alone on a line", COMMAND_HOME, nominate_options, NULL,
     NULL, aro_nominate},
    {"aro verify", "The officer's identity has been verified", COMMAND_HOME, NULL, number_operand, NULL, aro_verify},
    {"aro bar", "Bar an officer; suspends their credentials", COMMAND_HOME, NULL, number_operand, NULL, aro_bar},
    {"aro readmit", "A barred officer is nominated again, to be verified anew", COMMAND_HOME, NULL, number_operand, NULL, aro_readmit},
    {"aro list", "List the officers", COMMAND_HOME | COMMAND_JSON, list_options, NULL, NULL, aro_list},
    {"aro show", "Show one officer", COMMAND_HOME | COMMAND_JSON, NULL, number_operand, NULL, aro_show},
    {0},
};
