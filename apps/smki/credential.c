/* smki credential ...: the IKI certificates by which people and systems get in. */
#include "smki/smki_i.h"

#include <string.h>

/* The words of the table, and the short ones that the portal's parts are called by. */
static int interface_take(struct call *call, enum smki_interface *out)
{
    static const char *const words[] = {"adhoc", "batch", "portal-organisation", "portal-device"};
    const char *word = call_text(call, "interface");

    if (strcmp(word, "portal-org") == 0)
        word = words[2];
    if (!smki_credential_interface_find(word, out))
        return call_unknown(call, "interface", word, words, COUNT_OF(words));
    return 0;
}

/* From the request of --csr to the certificate of --out; prints the number. */
static int credential_make(struct call *call, struct smki_credential *credential)
{
    struct smki_stored_certificate stored;
    struct smki_buffer csr = {0};
    int rc;

    if ((rc = der_take(&csr, call_text(call, "csr"), &call->err)) == 0)
        rc = smki_service_credential_issue(call->service, &call->actor, (struct smki_bytes){csr.at, csr.size}, credential, &stored,
                                           &call->err);
    smki_buffer_finish(&csr);
    if (rc != 0)
        return rc;
    printf("%" PRIu64 "\n", credential->number);
    if (call_has(call, "out"))
        rc = issued_put(call_text(call, "out"), &stored, &call->err);
    return rc;
}

static int credential_issue(struct call *call)
{
    struct smki_credential credential = {.party = call_number(call, "party"), .officer = call_number(call, "officer")};
    int rc = interface_take(call, &credential.interface);

    return rc == 0 ? credential_make(call, &credential) : rc;
}

/* For the same Party, officer and interface; the old one is named in it. */
static int credential_renew(struct call *call)
{
    struct smki_credential old, credential;
    int rc = smki_credential_find(smki_service_store(call->service), value_number(call_operand(call, 0)), &old, &call->err);

    if (rc != 0)
        return rc;
    credential = (struct smki_credential){.party = old.party, .officer = old.officer, .interface = old.interface, .renews = old.number};
    return credential_make(call, &credential);
}

static int state_set(struct call *call, enum smki_credential_state state)
{
    return smki_credential_set_state(smki_service_store(call->service), &call->actor, value_number(call_operand(call, 0)), state,
                                     &call->err);
}

static int credential_suspend(struct call *call)
{
    return state_set(call, SMKI_CREDENTIAL_SUSPENDED);
}

static int credential_resume(struct call *call)
{
    return state_set(call, SMKI_CREDENTIAL_ACTIVE);
}

static int credential_revoke(struct call *call)
{
    return state_set(call, SMKI_CREDENTIAL_REVOKED);
}

/* ---- list, show ---- */

static void credential_row(struct table *table, const struct smki_credential *credential)
{
    char text[SMKI_TIME_TEXT_SIZE];

    table_add(table, "%" PRIu64, credential->number);
    table_add(table, "%" PRIu64, credential->party);
    if (credential->officer != 0)
        table_add(table, "%" PRIu64, credential->officer);
    else
        table_add(table, "system");
    table_add(table, "%s", smki_credential_interface_word(credential->interface));
    table_add(table, "%s", smki_credential_state_word(credential->state));
    table_add(table, "%s", credential->common_name);
    table_add(table, "%s", time_words(credential->expires_at, text));
}

static int credentials_walk(struct call *call, struct table *table, struct json_list *list)
{
    struct smki_credential credential = {0};
    uint64_t party = call_number(call, "party");
    int rc;

    while ((rc = smki_credential_next(smki_service_store(call->service), credential.number, &credential, &call->err)) == 0) {
        if (party != 0 && credential.party != party)
            continue;
        if (!call->json)
            credential_row(table, &credential);
        else if ((rc = json_list_add(list, call, smki_credential_json(&credential))) != 0)
            break;
    }
    return rc == SMKI_NOT_FOUND ? 0 : rc;
}

static int credential_list(struct call *call)
{
    static const char *const headings[] = {">N", ">PARTY", ">OFFICER", "INTERFACE", "STATE", "COMMON NAME", "EXPIRES", NULL};
    struct table table;
    struct json_list list;
    int rc;

    table_start(&table, headings);
    if (call->json)
        json_list_start(&list);
    rc = credentials_walk(call, &table, &list);
    if (call->json)
        json_list_end(&list);
    else if (rc == 0)
        return table_print(&table, call, "no credentials; 'smki credential issue' makes one");
    table_finish(&table);
    return rc;
}

static int credential_pem(struct call *call, const struct smki_credential *credential)
{
    struct smki_stored_certificate stored;
    int rc = smki_service_certificate(call->service, &credential->serial, &stored, &call->err);

    return rc == 0 ? pem_put(NULL, "CERTIFICATE", (struct smki_bytes){stored.der, stored.size}, &call->err) : rc;
}

static int credential_show(struct call *call)
{
    char text[SMKI_TIME_TEXT_SIZE], serial[2 * 20 + 1];
    struct smki_credential credential;
    int rc = smki_credential_find(smki_service_store(call->service), value_number(call_operand(call, 0)), &credential, &call->err);

    if (rc != 0)
        return rc;
    if (call->json)
        return json_print(call, smki_credential_json(&credential));
    if (call_has(call, "pem"))
        return credential_pem(call, &credential);
    fact_print("credential", "%" PRIu64, credential.number);
    fact_print("Party", "%" PRIu64, credential.party);
    if (credential.officer != 0)
        fact_print("officer", "%" PRIu64, credential.officer);
    fact_print("interface", "%s", smki_credential_interface_word(credential.interface));
    fact_print("state", "%s", smki_credential_state_word(credential.state));
    fact_print("common name", "%s", credential.common_name);
    fact_print("serial", "%s", smki_serial_text(&credential.serial, serial));
    fact_print("issued", "%s", time_words(credential.issued_at, text));
    fact_print("expires", "%s", time_words(credential.expires_at, text));
    fact_print("changed", "%s", time_words(credential.changed_at, text));
    if (credential.renews != 0)
        fact_print("renews", "%" PRIu64, credential.renews);
    return 0;
}

static const struct command_value issue_options[] = {
    {"party", VALUE_NUMBER, REQUIRED, NULL, "the Party it is for", NULL},
    {"interface", VALUE_TEXT, REQUIRED, "WORD", "adhoc, batch, portal-organisation or portal-device", NULL},
    {"csr", VALUE_FILE, REQUIRED, NULL, "the request: RSA 2048, PEM, DER or bare base64", NULL},
    {"officer", VALUE_NUMBER, 0, NULL, "the officer it is for; without: a system's", NULL},
    {"out", VALUE_FILE, 0, NULL, "where the certificate goes, as PEM; later: 'credential show N --pem'", NULL},
    {0},
};
static const struct command_value renew_options[] = {
    {"csr", VALUE_FILE, REQUIRED, NULL, "the new request", NULL},
    {"out", VALUE_FILE, 0, NULL, "where the certificate goes, as PEM", NULL},
    {0},
};
static const struct command_value list_options[] = {{"party", VALUE_NUMBER, 0, NULL, "only those of this Party", NULL}, {0}};
static const struct command_value show_options[] = {{"pem", VALUE_FLAG, 0, NULL, "print the certificate as PEM", NULL}, {0}};

const struct command credential_commands[] = {
    {"credential issue", "Issue an IKI credential; prints its number alone on a line", COMMAND_HOME, issue_options, NULL,
     "Web services (adhoc, batch) take systems' credentials, the portal takes officers'. The officer must be verified.\n\n"
     "Example:\n"
     "  smki credential issue --party 1 --interface batch --csr system.csr --out system.pem\n",
     credential_issue},
    {"credential list", "List the credentials", COMMAND_HOME | COMMAND_JSON, list_options, NULL, NULL, credential_list},
    {"credential show", "Show one credential", COMMAND_HOME | COMMAND_JSON, show_options, number_operand, NULL, credential_show},
    {"credential suspend", "Suspend a credential until it is resumed", COMMAND_HOME, NULL, number_operand, NULL, credential_suspend},
    {"credential resume", "Let a suspended credential in again", COMMAND_HOME, NULL, number_operand, NULL, credential_resume},
    {"credential revoke", "Revoke a credential for good; its certificate comes on the next CRL", COMMAND_HOME, NULL, number_operand, NULL,
     credential_revoke},
    {"credential renew", "Issue the credential that replaces this one; prints its number", COMMAND_HOME, renew_options, number_operand,
     NULL, credential_renew},
    {0},
};
