/* smki desk ...: what was reported to the Service Desk. */
#include "smki/smki_i.h"

#include <smki/desk.h>

#include <string.h>

static const char *state_word(const struct smki_desk_entry *entry)
{
    return entry->closed_at.us != 0 ? "closed" : "open";
}

static const char *sent_word(const struct smki_desk_entry *entry)
{
    return entry->sent_at.us != 0 ? "sent" : entry->attempts != 0 ? "failed" : "-";
}

static void desk_row(struct table *table, const struct smki_desk_entry *entry)
{
    char text[SMKI_TIME_TEXT_SIZE];

    table_add(table, "%" PRIu64, entry->number);
    table_add(table, "%s", state_word(entry));
    table_add(table, "%s", time_words(entry->received_at, text));
    if (entry->party != 0)
        table_add(table, "%" PRIu64, entry->party);
    else
        table_add(table, "-");
    table_add(table, "%s", sent_word(entry));
    table_add(table, "%s", entry->name);
    table_add(table, "%s", entry->contact);
    table_add(table, "%.60s", entry->text);
}

/* Those that are open; all with --all. */
static int desk_walk(struct call *call, struct table *table, struct json_list *list)
{
    struct smki_desk_entry entry = {.number = 0};
    int rc;

    while ((rc = smki_desk_next(call->service, entry.number, &entry, &call->err)) == 0) {
        if (entry.closed_at.us != 0 && !call_has(call, "all"))
            continue;
        if (!call->json)
            desk_row(table, &entry);
        else if ((rc = json_list_add(list, call, smki_desk_json(&entry))) != 0)
            break;
    }
    return rc == SMKI_NOT_FOUND ? 0 : rc;
}

static int desk_show_all(struct call *call)
{
    static const char *const headings[] = {">N", "STATE", "RECEIVED", ">PARTY", "WEBHOOK", "NAME", "CONTACT", "TEXT", NULL};

    return table_list(call, headings, desk_walk,
                      call_has(call, "all") ? "no reports" : "no open reports; --all lists those that are closed too");
}

/* The list is printed whether the webhook answers or not. */
static int desk_list(struct call *call)
{
    struct smki_error why = {0};
    uint64_t sent = 0;
    int rc, tried = 0;

    if (call_has(call, "retry")) {
        tried = smki_desk_send_due(call->service, &sent, &why);
        if (sent > 0)
            call_note(call, "%" PRIu64 " %s sent by the webhook", sent, sent == 1 ? "report was" : "reports were");
    }
    if ((rc = desk_show_all(call)) != 0 || tried == 0)
        return rc;
    return call_fail(call, tried, "%s", why.text);
}

static int desk_show(struct call *call)
{
    struct smki_desk_entry entry;
    char text[SMKI_TIME_TEXT_SIZE];
    int rc = smki_desk_find(call->service, value_number(call_operand(call, 0)), &entry, &call->err);

    if (rc != 0)
        return rc;
    if (call->json)
        return json_print(call, smki_desk_json(&entry));
    fact_print("report", "%" PRIu64, entry.number);
    fact_print("state", "%s", state_word(&entry));
    fact_print("received", "%s", time_words(entry.received_at, text));
    fact_print("name", "%s", entry.name);
    fact_print("contact", "%s", entry.contact);
    if (entry.party != 0)
        fact_print("Party", "%" PRIu64, entry.party);
    if (entry.officer != 0)
        fact_print("officer", "%" PRIu64, entry.officer);
    if (entry.credential != 0)
        fact_print("came by", "%s, credential %" PRIu64, smki_interface_word(entry.interface), entry.credential);
    fact_print("network", "%s", smki_network_word(entry.network));
    if (entry.peer[0] != '\0')
        fact_print("address", "%s", entry.peer);
    fact_print("webhook", "%s%s%s", sent_word(&entry), entry.failure[0] != '\0' ? ": " : "", entry.failure);
    fact_print("closed", "%s", time_words(entry.closed_at, text));
    for (const char *line = entry.text, *end; line != NULL; line = end != NULL ? end + 1 : NULL) {
        end = strchr(line, '\n');
        fact_print(line == entry.text ? "text" : "", "%.*s", end != NULL ? (int)(end - line) : (int)strlen(line), line);
    }
    return 0;
}

static int desk_close(struct call *call)
{
    return smki_desk_close(call->service, &call->actor, value_number(call_operand(call, 0)), &call->err);
}

static const struct command_value list_options[] = {
    {"all", VALUE_FLAG, 0, NULL, "those that are closed too", NULL},
    {"retry", VALUE_FLAG, 0, NULL, "first send by the webhook what was not sent", NULL},
    {0},
};

const struct command desk_commands[] = {
    {"desk list", "List the open reports", COMMAND_HOME | COMMAND_JSON, list_options, NULL,
     "Reports come by the form on the portal. With desk.webhook in the configuration the portal sends each on as JSON.\n", desk_list},
    {"desk show", "Show one report whole", COMMAND_HOME | COMMAND_JSON, NULL, number_operand, NULL, desk_show},
    {"desk close", "A report is dealt with", COMMAND_HOME, NULL, number_operand, NULL, desk_close},
    {0},
};
