/* smki-token list, status. */
#include "token/tool.h"

static const char *state_word(const struct smki_token_facts *facts)
{
    return !facts->initialised                            ? "not initialised"
           : !facts->pin_set                              ? "no PIN yet"
           : facts->transport || facts->pin_to_be_changed ? "PIN must be changed"
                                                          : "ready";
}

static void token_row(struct table *table, const struct smki_token_facts *facts)
{
    table_add(table, "%llu", (unsigned long long)facts->slot);
    table_add(table, "%s", facts->initialised ? facts->label : "-");
    table_add(table, "%s", facts->serial[0] != '\0' ? facts->serial : "-");
    table_add(table, "%s", facts->model);
    table_add(table, "%s", facts->manufacturer);
    table_add(table, "%s", facts->initialised ? smki_token_tries_word(facts) : "-");
    table_add(table, "%s", state_word(facts));
}

static int tokens_walk(struct call *call, struct table *table, struct json_list *list)
{
    struct smki_token_module *module;
    struct smki_token_facts facts;
    int rc = token_module_take(call, &module);

    for (size_t n = 0; rc == 0 && (rc = smki_token_at(module, n, &facts, &call->err)) == 0; n++) {
        if (!call->json)
            token_row(table, &facts);
        else
            rc = json_list_add(list, call, smki_token_json(&facts));
    }
    smki_token_module_close(module);
    return rc == SMKI_NOT_FOUND ? 0 : rc;
}

static int token_list(struct call *call)
{
    static const char *const headings[] = {">SLOT", "LABEL", "SERIAL", "MODEL", "MANUFACTURER", "TRIES", "STATE", NULL};

    return table_list(call, headings, tokens_walk, "no token is in");
}

/* ---- status ---- */

static const char *tries_words(const struct smki_token_facts *facts)
{
    return !facts->pin_set        ? "no PIN is set yet"
           : facts->pin_locked    ? "none: the PIN is locked, 'smki-token unblock' with the SO PIN opens it"
           : facts->pin_final_try ? "ONE: after another wrong PIN the token is locked"
           : facts->pin_count_low ? "fewer than all: a wrong PIN was given since the last right one"
                                  : "all";
}

static void entry_facts(const struct smki_token_entry *entry)
{
    char text[SMKI_TIME_TEXT_SIZE], serial[2 * 20 + 1];
    struct smki_certificate certificate;

    if (entry->has_private)
        fact_print("key", "%s, RSA %llu, %s", entry->label, (unsigned long long)entry->bits,
                   entry->never_extractable && entry->always_sensitive ? "never off the token" : "NOT BOUND to the token");
    else if (entry->has_public)
        fact_print("key", "%s, RSA %llu (its private half is seen with the PIN)", entry->label, (unsigned long long)entry->bits);
    if (!entry->has_certificate)
        return;
    if (smki_certificate_read(&certificate, (struct smki_bytes){entry->certificate, entry->certificate_size}, NULL) != 0) {
        fact_print("certificate", "%s, which cannot be read", entry->label);
        return;
    }
    fact_print("certificate", "%s, until %s, serial %s", certificate.subject_fields.common_name, time_words(certificate.not_after, text),
               smki_serial_text(&certificate.serial, serial));
}

static int entries_print(struct call *call, struct reach *reach)
{
    struct smki_token_entry entry;
    size_t n = 0;
    int rc;

    for (; (rc = smki_token_entry_at(reach->token, n, &entry, &call->err)) == 0; n++)
        entry_facts(&entry);
    if (rc == SMKI_NOT_FOUND && n == 0)
        fact_print("key", "none that is seen%s", call_has(call, "pin-file") ? "" : " without the PIN");
    return rc == SMKI_NOT_FOUND ? 0 : rc;
}

static int status_json(struct call *call, struct reach *reach)
{
    cJSON *json = smki_token_json(&reach->facts), *entries = json != NULL ? cJSON_AddArrayToObject(json, "entries") : NULL, *one;
    struct smki_token_entry entry;
    int rc = 0;

    for (size_t n = 0; entries != NULL && reach->token != NULL && (rc = smki_token_entry_at(reach->token, n, &entry, &call->err)) == 0; n++)
        if ((one = smki_token_entry_json(&entry)) == NULL || !cJSON_AddItemToArray(entries, one))
            entries = NULL;
    if (rc != 0 && rc != SMKI_NOT_FOUND) {
        cJSON_Delete(json);
        return rc;
    }
    if (entries == NULL) {
        cJSON_Delete(json);
        json = NULL;
    }
    return json_print(call, json);
}

static void facts_print(const struct smki_token_facts *facts)
{
    fact_print("token", "%s", facts->initialised ? facts->label : "not initialised");
    fact_print("slot", "%llu", (unsigned long long)facts->slot);
    fact_print("serial", "%s", facts->serial);
    fact_print("model", "%s, %s", facts->model, facts->manufacturer);
    if (!facts->initialised)
        return;
    fact_print("tries of the PIN", "%s", tries_words(facts));
    if (facts->so_pin_locked || facts->so_pin_final_try)
        fact_print("tries of the SO PIN", "%s", facts->so_pin_locked ? "none: it is locked for good" : "ONE");
    if (facts->transport || facts->pin_to_be_changed)
        fact_print("PIN", "must be changed: 'smki-token pin'");
}

static int token_status(struct call *call)
{
    struct reach reach;
    int rc = reach_find(call, &reach);

    if (rc == 0 && reach.facts.initialised) {
        reach_end(&reach);
        rc = call_has(call, "pin-file") ? reach_login(call, &reach) : reach_open(call, &reach);
    }
    if (rc == 0 && call->json)
        rc = status_json(call, &reach);
    else if (rc == 0) {
        facts_print(&reach.facts);
        rc = reach.token != NULL ? entries_print(call, &reach) : 0;
    }
    reach_end(&reach);
    return rc;
}

static const struct command_value list_options[] = {
    {"module", VALUE_FILE, 0, NULL, "the PKCS#11 module; without: SMKI_TOKEN_MODULE, else all that p11-kit is configured with", NULL}, {0}};
static const struct command_value status_options[] = {
    TOKEN_OPTIONS,
    {"pin-file", VALUE_TEXT, 0, "FILE", "the PIN, to see private keys too: a file with mode 0600, or credential:NAME", NULL},
    {0}};

const struct command look_commands[] = {
    {"list", "List the tokens that are in", COMMAND_JSON, list_options, NULL,
     "TRIES is what PKCS#11 tells of the tries left for the PIN: full, low (a wrong one was given), final try, locked.\n", token_list},
    {"status", "Show a token: its PIN's tries, its keys and certificates", COMMAND_JSON, status_options, NULL, NULL, token_status},
    {0},
};
