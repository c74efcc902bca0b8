/* smki agreement ...: what was agreed of extra load (CoCo 3). */
#include "smki/smki_i.h"

#include <smki/notice.h>

#include <string.h>

static const char *const rule_words[] = {"portal-batch", "portal-adhoc", "adhoc-pace", "batch-one", NULL};

/* The rule of demand that an agreement for an interface lifts (interfaces.md 10). */
static const char *const interface_words[] = {"adhoc", "batch", "portal-adhoc", "portal-batch", NULL};
static const enum smki_rule interface_rules[] = {SMKI_RULE_ADHOC_PACE, SMKI_RULE_BATCH_ONE, SMKI_RULE_PORTAL_ADHOC, SMKI_RULE_PORTAL_BATCH};

/* By --interface, or its other name --rule. */
static int rule_take(struct call *call, enum smki_rule *out)
{
    const char *word = call_text(call, "interface");

    if ((word == NULL) == !call_has(call, "rule"))
        return call_usage(call, "what it is about: give --interface, or --rule");
    if (word == NULL)
        return smki_agreement_rule_find(call_text(call, "rule"), out)
                   ? 0
                   : call_usage(call, "--rule: '%s' is not known", call_text(call, "rule"));
    for (size_t i = 0; interface_words[i] != NULL; i++)
        if (strcmp(interface_words[i], word) == 0)
            *out = interface_rules[i];
    return 0;
}

static int agreement_add(struct call *call)
{
    const struct smki_config *config = smki_service_config(call->service);
    struct smki_agreement agreement = {.party = call_number(call, "party"),
                                       .limit = call_number(call, "limit"),
                                       .from = call_time(call, "from"),
                                       .to = call_time(call, "to"),
                                       .notified_at = call_time(call, "notified"),
                                       .short_notice = call_has(call, "short-notice")};
    int rc = rule_take(call, &agreement.rule);

    if (rc == 0 && (rc = smki_agreement_add(smki_service_store(call->service), &call->actor, &config->limits, &agreement, &call->err)) == 0)
        printf("%" PRIu64 "\n", agreement.number);
    return rc;
}

static const char *unit_word(enum smki_rule rule)
{
    return rule == SMKI_RULE_ADHOC_PACE ? " ms" : rule == SMKI_RULE_BATCH_ONE ? " at once" : "";
}

static void agreement_row(struct table *table, const struct smki_agreement *agreement)
{
    char text[SMKI_TIME_TEXT_SIZE];

    table_add(table, "%" PRIu64, agreement->number);
    table_add(table, "%" PRIu64, agreement->party);
    table_add(table, "%s", smki_agreement_rule_word(agreement->rule));
    table_add(table, "%" PRIu64 "%s", agreement->limit, unit_word(agreement->rule));
    table_add(table, "%s", time_words(agreement->from, text));
    table_add(table, "%s", time_words(agreement->to, text));
    table_add(table, "%s%s", time_words(agreement->notified_at, text), agreement->short_notice ? " (short notice)" : "");
}

static int agreements_walk(struct call *call, struct table *table, struct json_list *list)
{
    struct smki_agreement agreement = {0};
    uint64_t party = call_number(call, "party");
    int rc;

    while ((rc = smki_agreement_next(smki_service_store(call->service), agreement.number, &agreement, &call->err)) == 0) {
        if (party != 0 && agreement.party != party)
            continue;
        if (!call->json)
            agreement_row(table, &agreement);
        else if ((rc = json_list_add(list, call, smki_agreement_json(&agreement))) != 0)
            break;
    }
    return rc == SMKI_NOT_FOUND ? 0 : rc;
}

static int agreement_list(struct call *call)
{
    static const char *const headings[] = {">N", ">PARTY", "RULE", ">LIMIT", "FROM", "TO", "NOTIFIED", NULL};

    return table_list(call, headings, agreements_walk, "no agreements; 'smki agreement add' records one");
}

/* ---- notices: what Parties announced on the portal ---- */

static void notice_row(struct table *table, const struct smki_demand_notice *notice)
{
    char text[SMKI_TIME_TEXT_SIZE];

    table_add(table, "%" PRIu64, notice->number);
    table_add(table, "%s", smki_notice_state_word(notice->state));
    table_add(table, "%" PRIu64, notice->party);
    table_add(table, "%s", smki_agreement_rule_word(notice->rule));
    table_add(table, "%" PRIu64, notice->expected);
    table_add(table, "%s", time_words(notice->from, text));
    table_add(table, "%s", time_words(notice->to, text));
    table_add(table, "%s%s", time_words(notice->notified_at, text), notice->short_notice ? " (short notice)" : "");
    if (notice->agreement != 0)
        table_add(table, "%" PRIu64, notice->agreement);
    else
        table_add(table, "-");
    table_add(table, "%s", notice->state == SMKI_NOTICE_DECLINED ? notice->reason : notice->text);
}

static int notices_walk(struct call *call, struct table *table, struct json_list *list)
{
    struct smki_demand_notice notice = {.number = 0};
    int rc;

    while ((rc = smki_notice_next(call->service, call_number(call, "party"), notice.number, &notice, &call->err)) == 0) {
        if (notice.state != SMKI_NOTICE_ANNOUNCED && !call_has(call, "all"))
            continue;
        if (!call->json)
            notice_row(table, &notice);
        else if ((rc = json_list_add(list, call, smki_notice_json(&notice))) != 0)
            break;
    }
    return rc == SMKI_NOT_FOUND ? 0 : rc;
}

static int agreement_notices(struct call *call)
{
    static const char *const headings[] = {">N",       "STATE",      ">PARTY", "RULE", ">CSRS IN 24 H", "FROM", "TO",
                                           "NOTIFIED", ">AGREEMENT", "TEXT",   NULL};

    return table_list(call, headings, notices_walk,
                      call_has(call, "all") ? "no notices" : "no notices wait; --all lists those that were decided too");
}

static int agreement_approve(struct call *call)
{
    struct smki_agreement agreement;
    int rc = smki_notice_approve(call->service, &call->actor, value_number(call_operand(call, 0)), call_number(call, "limit"),
                                 call_has(call, "short-notice"), &agreement, &call->err);

    if (rc == 0)
        printf("%" PRIu64 "\n", agreement.number);
    return rc;
}

static int agreement_decline(struct call *call)
{
    return smki_notice_decline(call->service, &call->actor, value_number(call_operand(call, 0)), call_text(call, "reason"), &call->err);
}

static const struct command_value add_options[] = {
    {"party", VALUE_NUMBER, REQUIRED, NULL, "the Party", NULL},
    {"interface", VALUE_WORD, 0, "WORD", "adhoc, batch, portal-adhoc or portal-batch", interface_words},
    {"rule", VALUE_WORD, 0, "RULE", "the same by the rule that is lifted: adhoc-pace, batch-one, portal-adhoc or portal-batch", rule_words},
    {"limit", VALUE_NUMBER, REQUIRED, NULL,
     "adhoc: milliseconds between two CSRs; batch: submissions at once; portal-adhoc, portal-batch: CSRs in any 24 hours", NULL},
    {"from", VALUE_TIME, REQUIRED, NULL, "when it begins, UK time: 2026-12-01 or 2026-12-01T20:00", NULL},
    {"to", VALUE_TIME, REQUIRED, NULL, "when it ends", NULL},
    {"notified", VALUE_TIME, 0, NULL, "when the Party told of it; without: now", NULL},
    {"short-notice", VALUE_FLAG, 0, NULL, "record it although the notice is shorter than seven days", NULL},
    {0},
};
static const struct command_value list_options[] = {{"party", VALUE_NUMBER, 0, NULL, "only those of this Party", NULL}, {0}};

static const struct command_value notices_options[] = {
    {"party", VALUE_NUMBER, 0, NULL, "only those of this Party", NULL},
    {"all", VALUE_FLAG, 0, NULL, "those that were decided too", NULL},
    {0},
};
static const struct command_value approve_options[] = {
    {"limit", VALUE_NUMBER, REQUIRED, NULL, "as that of 'smki agreement add'", NULL},
    {"short-notice", VALUE_FLAG, 0, NULL, "although the Party told less than seven days ahead", NULL},
    {0},
};
static const struct command_value decline_options[] = {{"reason", VALUE_TEXT, REQUIRED, "TEXT", "one line that the Party reads", NULL},
                                                       {0}};

const struct command agreement_commands[] = {
    {"agreement add", "Record a demand agreement; prints its number alone on a line", COMMAND_HOME, add_options, NULL,
     "An agreement lifts a limit and never lowers it: fewer milliseconds, more of all else. It needs seven days' notice.\n\n"
     "Examples:\n"
     "  smki agreement add --party 1 --interface portal-batch --limit 150000 --from 2025-12-08 --to 2030-12-08 --notified 2025-11-03\n"
     "  smki agreement add --party 1 --interface adhoc --limit 200 --from 2025-12-08 --to 2030-12-08 --notified 2025-11-03\n",
     agreement_add},
    {"agreement list", "List the demand agreements", COMMAND_HOME | COMMAND_JSON, list_options, NULL, NULL, agreement_list},
    {"agreement notices", "List what Parties announced on the portal and nobody decided yet", COMMAND_HOME | COMMAND_JSON, notices_options,
     NULL, NULL, agreement_notices},
    {"agreement approve", "Make an agreement of a notice; prints the agreement's number alone on a line", COMMAND_HOME, approve_options,
     number_operand,
     "Party, rule, dates and the date of the notice are those of the notice.\n\nExample:\n  smki agreement approve 3 --limit 150000\n",
     agreement_approve},
    {"agreement decline", "Decline a notice", COMMAND_HOME, decline_options, number_operand, NULL, agreement_decline},
    {0},
};
