/* smki party ... */
#include "smki/smki_i.h"

#include <smki/role.h>

#include <stdlib.h>
#include <string.h>

const struct command_value number_operand[] = {{"N", VALUE_NUMBER, REQUIRED, NULL, "its number", NULL}, {0}};

/* ---- words of options ---- */

static int role_unknown(struct call *call, const char *word)
{
    const char *names[64];
    size_t count;
    const struct smki_role *roles = smki_role_list(&count);

    count = count < COUNT_OF(names) ? count : COUNT_OF(names);
    for (size_t i = 0; i < count; i++)
        names[i] = roles[i].name;
    return call_unknown(call, "Remote Party Role", word, names, count);
}

static bool is_none(const struct call *call, const char *option)
{
    const char *first = call_text_at(call, option, 0);

    return first != NULL && strcmp(first, "none") == 0 && call_text_at(call, option, 1) == NULL;
}

/* Names or codes of the role table. What the Party had is replaced. */
static int roles_take(struct call *call, struct smki_party *party)
{
    const char *word;

    if (!call_has(call, "role"))
        return 0;
    party->role_count = 0;
    for (size_t n = 0; !is_none(call, "role") && (word = call_text_at(call, "role", n)) != NULL; n++) {
        const struct smki_role *role = smki_role_find_name(word);
        if (role == NULL)
            role = smki_role_find_text(word);
        if (role == NULL)
            return role_unknown(call, word);
        if (party->role_count == SMKI_PARTY_MAX_ROLES)
            return call_usage(call, "a Party has at most %d Remote Party Roles", SMKI_PARTY_MAX_ROLES);
        party->roles[party->role_count++] = role->code;
    }
    return 0;
}

static int user_roles_take(struct call *call, struct smki_party *party)
{
    static const char *const words[] = {"import-supplier", "gas-supplier", "dcc", "other"};
    enum smki_user_role role;
    const char *word;

    if (!call_has(call, "user-role"))
        return 0;
    party->user_roles = 0;
    for (size_t n = 0; !is_none(call, "user-role") && (word = call_text_at(call, "user-role", n)) != NULL; n++) {
        if (!smki_user_role_find(word, &role))
            return call_unknown(call, "user role", word, words, COUNT_OF(words));
        party->user_roles |= role;
    }
    return 0;
}

static int subscriber_take(struct call *call, struct smki_party *party)
{
    static const char *const words[] = {"device", "organisation"};
    enum smki_subscriber subscriber;
    const char *word;

    if (!call_has(call, "subscriber"))
        return 0;
    party->subscriber = 0;
    for (size_t n = 0; !is_none(call, "subscriber") && (word = call_text_at(call, "subscriber", n)) != NULL; n++) {
        if (!smki_subscriber_find(word, &subscriber))
            return call_unknown(call, "kind of Authorised Subscriber", word, words, COUNT_OF(words));
        party->subscriber |= subscriber;
    }
    return 0;
}

static int euis_take(struct call *call, struct smki_party *party)
{
    const char *word;

    if (!call_has(call, "eui"))
        return 0;
    party->eui_count = 0;
    for (size_t n = 0; (word = call_text_at(call, "eui", n)) != NULL; n++) {
        if (party->eui_count == SMKI_PARTY_MAX_EUIS)
            return call_usage(call, "a Party has at most %d EUI-64s", SMKI_PARTY_MAX_EUIS);
        party->euis[party->eui_count++] = value_eui(word);
    }
    return 0;
}

/* What the options say, over what the Party was. */
static int party_take(struct call *call, struct smki_party *party)
{
    const char *name = call_text(call, "name"), *gateway = call_text(call, "gateway-only");
    int rc;

    if (name != NULL && strlen(name) >= sizeof(party->name))
        return call_usage(call, "--name: at most %zu octets", sizeof(party->name) - 1);
    if (name != NULL)
        snprintf(party->name, sizeof(party->name), "%s", name);
    if (gateway != NULL)
        party->gateway_only = strcmp(gateway, "yes") == 0;
    if ((rc = euis_take(call, party)) != 0 || (rc = roles_take(call, party)) != 0 || (rc = user_roles_take(call, party)) != 0)
        return rc;
    return subscriber_take(call, party);
}

/* ---- add, update, bar ---- */

static int party_add(struct call *call)
{
    struct smki_party party = {0};
    int rc = party_take(call, &party);

    if (rc == 0 && (rc = smki_party_add(smki_service_store(call->service), &call->actor, &party, &call->err)) == 0)
        printf("%" PRIu64 "\n", party.number);
    return rc;
}

static int party_update(struct call *call)
{
    struct smki_store *store = smki_service_store(call->service);
    struct smki_party party;
    int rc;

    if (call->value_count == 0)
        return call_usage(call, "nothing to change was given");
    if ((rc = smki_party_find(store, value_number(call_operand(call, 0)), &party, &call->err)) != 0 || (rc = party_take(call, &party)) != 0)
        return rc;
    return smki_party_update(store, &call->actor, &party, &call->err);
}

static int barred_set(struct call *call, bool barred)
{
    struct smki_store *store = smki_service_store(call->service);
    struct smki_party party;
    int rc;

    if ((rc = smki_party_find(store, value_number(call_operand(call, 0)), &party, &call->err)) != 0)
        return rc;
    party.barred = barred;
    return smki_party_update(store, &call->actor, &party, &call->err);
}

static int party_bar(struct call *call)
{
    return barred_set(call, true);
}

static int party_unbar(struct call *call)
{
    return barred_set(call, false);
}

/* ---- list, show ---- */

#define WORDS_SIZE 512

static void word_append(char out[WORDS_SIZE], const char *word)
{
    size_t length = strlen(out);

    snprintf(out + length, WORDS_SIZE - length, "%s%s", length > 0 ? ", " : "", word);
}

static const char *role_words(const struct smki_party *party, char out[WORDS_SIZE])
{
    char code[SMKI_ROLE_TEXT_SIZE];

    out[0] = '\0';
    for (size_t i = 0; i < party->role_count; i++) {
        const struct smki_role *role = smki_role_find(party->roles[i]);
        word_append(out, role != NULL ? role->name : smki_role_text(party->roles[i], code));
    }
    return out;
}

static const char *user_role_words(const struct smki_party *party, char out[WORDS_SIZE])
{
    out[0] = '\0';
    for (unsigned bit = SMKI_USER_IMPORT_SUPPLIER; bit <= SMKI_USER_OTHER; bit <<= 1)
        if ((party->user_roles & bit) != 0)
            word_append(out, smki_user_role_word((enum smki_user_role)bit));
    return out;
}

static const char *subscriber_words(const struct smki_party *party, char out[WORDS_SIZE])
{
    out[0] = '\0';
    for (unsigned bit = SMKI_SUBSCRIBER_DEVICE; bit <= SMKI_SUBSCRIBER_ORGANISATION; bit <<= 1)
        if ((party->subscriber & bit) != 0)
            word_append(out, smki_subscriber_word((enum smki_subscriber)bit));
    return out;
}

static void party_row(struct table *table, const struct smki_party *party)
{
    char eui[SMKI_DEVICE_ID_TEXT_SIZE] = "", words[WORDS_SIZE];

    if (party->eui_count > 0)
        smki_device_id_text(&party->euis[0], eui);
    table_add(table, "%" PRIu64, party->number);
    table_add(table, "%s", party->name);
    if (party->eui_count > 1)
        table_add(table, "%s and %zu more", eui, party->eui_count - 1);
    else
        table_add(table, "%s", eui);
    table_add(table, "%s", role_words(party, words));
    table_add(table, "%s", user_role_words(party, words));
    table_add(table, "%s", subscriber_words(party, words));
    table_add(table, "%s", party->barred ? "barred" : "active");
}

static int party_list_json(struct call *call)
{
    struct smki_party party = {0};
    struct json_list list;
    int rc;

    json_list_start(&list);
    while ((rc = smki_party_next(smki_service_store(call->service), party.number, &party, &call->err)) == 0)
        if ((rc = json_list_add(&list, call, smki_party_json(&party))) != 0)
            break;
    json_list_end(&list);
    return rc == SMKI_NOT_FOUND ? 0 : rc;
}

static int party_list(struct call *call)
{
    static const char *const headings[] = {">N", "NAME", "EUI-64", "ROLES", "USER ROLES", "SUBSCRIBER", "STATE", NULL};
    struct smki_party party = {0};
    struct table table;
    int rc;

    if (call->json)
        return party_list_json(call);
    table_start(&table, headings);
    while ((rc = smki_party_next(smki_service_store(call->service), party.number, &party, &call->err)) == 0)
        party_row(&table, &party);
    if (rc == SMKI_NOT_FOUND)
        return table_print(&table, call, "no Parties yet; 'smki party add' registers one");
    table_finish(&table);
    return rc;
}

static int party_show(struct call *call)
{
    char text[SMKI_TIME_TEXT_SIZE], eui[SMKI_DEVICE_ID_TEXT_SIZE], words[WORDS_SIZE];
    struct smki_party party;
    int rc = smki_party_find(smki_service_store(call->service), value_number(call_operand(call, 0)), &party, &call->err);

    if (rc != 0)
        return rc;
    if (call->json)
        return json_print(call, smki_party_json(&party));
    fact_print("Party", "%" PRIu64 "%s", party.number, party.barred ? " (barred)" : "");
    fact_print("name", "%s", party.name);
    for (size_t i = 0; i < party.eui_count; i++)
        fact_print(i == 0 ? "EUI-64" : "", "%s", smki_device_id_text(&party.euis[i], eui));
    fact_print("roles", "%s", role_words(&party, words));
    fact_print("user roles", "%s", user_role_words(&party, words));
    fact_print("subscriber", "%s", subscriber_words(&party, words));
    fact_print("networks", "%s", party.gateway_only ? "Gateway only" : "Gateway and Internet");
    fact_print("registered", "%s", time_words(party.added_at, text));
    return 0;
}

/* ---- the table ---- */

static const char *const yes_no[] = {"yes", "no", NULL};

#define NAME_TEXT       "its trading name"
#define EUI_TEXT        "an EUI-64 of the Party"
#define ROLE_TEXT       "a Remote Party Role, by name or code: supplier, 02, network-operator"
#define USER_ROLE_TEXT  "import-supplier, gas-supplier, dcc or other"
#define SUBSCRIBER_TEXT "Authorised Subscriber for: device, organisation"
#define GATEWAY_TEXT    "let in by the DCC Gateway only"

static const struct command_value add_options[] = {
    {"name", VALUE_TEXT, REQUIRED, "NAME", NAME_TEXT, NULL},
    {"eui", VALUE_EUI, REQUIRED | MANY | COMMAS, NULL, EUI_TEXT, NULL},
    {"role", VALUE_TEXT, MANY | COMMAS, "ROLE", ROLE_TEXT, NULL},
    {"user-role", VALUE_TEXT, MANY | COMMAS, "ROLE", USER_ROLE_TEXT, NULL},
    {"subscriber", VALUE_TEXT, MANY | COMMAS, "KIND", SUBSCRIBER_TEXT, NULL},
    {"gateway-only", VALUE_WORD, 0, "yes|no", GATEWAY_TEXT, yes_no},
    {0},
};

static const struct command_value update_options[] = {
    {"name", VALUE_TEXT, 0, "NAME", NAME_TEXT, NULL},
    {"eui", VALUE_EUI, MANY | COMMAS, NULL, EUI_TEXT, NULL},
    {"role", VALUE_TEXT, MANY | COMMAS, "ROLE", ROLE_TEXT, NULL},
    {"user-role", VALUE_TEXT, MANY | COMMAS, "ROLE", USER_ROLE_TEXT, NULL},
    {"subscriber", VALUE_TEXT, MANY | COMMAS, "KIND", SUBSCRIBER_TEXT, NULL},
    {"gateway-only", VALUE_WORD, 0, "yes|no", GATEWAY_TEXT, yes_no},
    {0},
};

const struct command party_commands[] = {
    {"party add", "Register a Party; prints its number alone on a line", COMMAND_HOME, add_options, NULL,
     "Example:\n"
     "  smki party add --name 'Example Energy' --eui 90-B3-D5-1F-30-00-00-01 --role supplier \\\n"
     "      --user-role import-supplier --subscriber device,organisation\n",
     party_add},
    {"party list", "List the Parties", COMMAND_HOME | COMMAND_JSON, NULL, NULL, NULL, party_list},
    {"party show", "Show one Party", COMMAND_HOME | COMMAND_JSON, NULL, number_operand, NULL, party_show},
    {"party update", "Change what is recorded of a Party", COMMAND_HOME, update_options, number_operand,
     "What is not given stays. A list that is given (--eui, --role, --user-role, --subscriber) replaces the old one;\n"
     "'none' empties the last three.\n",
     party_update},
    {"party bar", "Bar a Party: nothing of it is let in", COMMAND_HOME, NULL, number_operand, NULL, party_bar},
    {"party unbar", "Let a barred Party in again", COMMAND_HOME, NULL, number_operand, NULL, party_unbar},
    {0},
};
