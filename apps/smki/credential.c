/* smki credential ...: the IKI certificates by which people and systems get in. */
#include "smki/generate_i.h"

#include <mbedtls/platform_util.h>

#include <string.h>

/* The short words that the portal's parts are called by, and the table's own. */
int interface_take(struct call *call, enum smki_interface *out)
{
    static const char *const words[] = {"adhoc", "batch", "portal-org", "portal-device"};
    const char *word = call_text(call, "interface");

    if (strcmp(word, words[2]) == 0)
        word = "portal-organisation";
    if (!smki_credential_interface_find(word, out))
        return call_unknown(call, "interface", word, words, COUNT_OF(words));
    return 0;
}

/* For the portal, whose credentials are officers': without --officer the Party's verified one, where there is one only. */
static int officer_take(struct call *call, struct smki_credential *credential)
{
    struct smki_officer each = {0}, only = {0};
    unsigned count = 0;
    int rc;

    if (credential->officer != 0 ||
        (credential->interface != SMKI_INTERFACE_PORTAL_ORGANISATION && credential->interface != SMKI_INTERFACE_PORTAL_DEVICE))
        return 0;
    while ((rc = smki_officer_next(smki_service_store(call->service), each.number, &each, &call->err)) == 0) {
        if (each.party != credential->party || each.state != SMKI_OFFICER_VERIFIED)
            continue;
        only = each;
        count++;
    }
    if (rc != SMKI_NOT_FOUND)
        return rc;
    if (count == 0)
        return call_fail(call, SMKI_OFFICER_STATE,
                         "a credential for the portal is an officer's, and Party %" PRIu64
                         " has none that is verified: see 'smki aro list', "
                         "'smki aro nominate --party %" PRIu64 "' and 'smki aro verify', then give --officer",
                         credential->party, credential->party);
    if (count > 1)
        return call_usage(call, "Party %" PRIu64 " has %u verified officers: say which by --officer (see 'smki aro list')",
                          credential->party, count);
    credential->officer = only.number;
    fprintf(stderr, "for officer %" PRIu64 ", %s, the only verified one of Party %" PRIu64 "\n", only.number, only.name, only.party);
    return 0;
}

/* ---- which one ---- */

#define NUMBER_DIGITS 19 /* at most: a longer operand is a serial number, of which ours have 32 digits */

/* By its number, or by the serial number of its certificate. */
static int credential_take(struct call *call, struct smki_credential *out)
{
    const char *text = call_operand(call, 0);
    struct smki_store *store = smki_service_store(call->service);
    size_t size = strlen(text);
    struct smki_serial serial;
    struct smki_error why;

    if (size <= NUMBER_DIGITS && strspn(text, "0123456789") == size)
        return smki_credential_find(store, value_number(text), out, &call->err);
    if (smki_serial_parse(&serial, text, &why) != 0)
        return call_usage(call, "SERIAL: %s; or give the credential's number", why.text);
    return smki_credential_of_serial(store, &serial, out, &call->err);
}

/* ---- issue, renew ---- */

static int request_issue(struct call *call, struct smki_buffer *csr, struct smki_credential *credential,
                         struct smki_stored_certificate *stored)
{
    return smki_service_credential_issue(call->service, &call->actor, (struct smki_bytes){csr->at, csr->size}, credential, stored,
                                         &call->err);
}

/* `generated`: with its files; NULL: it came by a request. */
static int credential_print(struct call *call, const struct smki_credential *credential, const struct generated *generated)
{
    cJSON *json;

    if (!call->json) {
        printf("%" PRIu64 "\n", credential->number);
        if (generated != NULL)
            generate_tell(call, generated);
        return 0;
    }
    json = smki_credential_json(credential);
    if (json != NULL && generated != NULL && !generate_fill(json, generated)) {
        cJSON_Delete(json);
        json = NULL;
    }
    return json_print(call, json);
}

/* From the request of --csr to the certificate of --out. */
static int credential_make(struct call *call, struct smki_credential *credential)
{
    struct smki_stored_certificate stored;
    struct smki_buffer csr = {0};
    int rc;

    if ((rc = der_take(&csr, call_text(call, "csr"), &call->err)) == 0)
        rc = request_issue(call, &csr, credential, &stored);
    smki_buffer_finish(&csr);
    if (rc == 0 && (rc = credential_print(call, credential, NULL)) == 0 && call_has(call, "out"))
        rc = issued_put(call_text(call, "out"), &stored, &call->err);
    return rc;
}

/* From nothing to the files of --generate. */
static int credential_generate(struct call *call, struct smki_credential *credential)
{
    struct generated generated = {0};
    struct smki_stored_certificate stored;
    struct smki_buffer csr = {0};
    int rc = generate_request(call, &generated, credential, &csr);

    if (rc == 0 && (rc = request_issue(call, &csr, credential, &stored)) != 0)
        generate_undo(call, &generated);
    smki_buffer_finish(&csr);
    if (rc == 0 && (rc = generate_files(call, &generated, &stored)) == 0)
        rc = credential_print(call, credential, &generated);
    mbedtls_platform_zeroize(generated.password, sizeof(generated.password));
    return rc;
}

static int credential_issue(struct call *call)
{
    struct smki_credential credential = {.party = call_number(call, "party"), .officer = call_number(call, "officer")};
    const bool generate = call_has(call, "generate");
    int rc = interface_take(call, &credential.interface);

    if (rc != 0)
        return rc;
    if (generate == call_has(call, "csr"))
        return call_usage(call, "give --csr (a request that its owner made) or --generate (for development), %s",
                          generate ? "not both" : "one of them");
    if (generate && call_has(call, "out"))
        return call_usage(call, "--out goes with --csr: --generate names its files itself");
    if (!generate && (call_has(call, "name") || call_has(call, "role")))
        return call_usage(call, "--name and --role go with --generate: a request says them itself");
    if ((rc = officer_take(call, &credential)) != 0)
        return rc;
    return generate ? credential_generate(call, &credential) : credential_make(call, &credential);
}

/* For the same Party, officer and interface; the old one is named in it. */
static int credential_renew(struct call *call)
{
    struct smki_credential old, credential;
    int rc = credential_take(call, &old);

    if (rc != 0)
        return rc;
    credential = (struct smki_credential){.party = old.party, .officer = old.officer, .interface = old.interface, .renews = old.number};
    return credential_make(call, &credential);
}

static int state_set(struct call *call, enum smki_credential_state state)
{
    struct smki_credential credential;
    int rc = credential_take(call, &credential);

    return rc != 0 ? rc : smki_credential_set_state(smki_service_store(call->service), &call->actor, credential.number, state, &call->err);
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
    char text[SMKI_TIME_TEXT_SIZE], serial[2 * 20 + 1];

    table_add(table, "%" PRIu64, credential->number);
    table_add(table, "%" PRIu64, credential->party);
    if (credential->officer != 0)
        table_add(table, "%" PRIu64, credential->officer);
    else
        table_add(table, "system");
    table_add(table, "%s", smki_credential_interface_word(credential->interface));
    table_add(table, "%s", smki_credential_state_word(credential->state));
    table_add(table, "%s", credential->common_name);
    table_add(table, "%s", time_words(credential->changed_at, text));
    table_add(table, "%s", time_words(credential->expires_at, text));
    table_add(table, "%s", smki_serial_text(&credential->serial, serial));
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
    static const char *const headings[] = {">N",          ">PARTY",  ">OFFICER", "INTERFACE", "STATE",
                                           "COMMON NAME", "CHANGED", "EXPIRES",  "SERIAL",    NULL};

    return table_list(call, headings, credentials_walk, "no credentials; 'smki credential issue' makes one");
}

static int credential_pem(struct call *call, const struct smki_credential *credential)
{
    struct smki_stored_certificate stored;
    int rc = smki_service_certificate(call->service, &credential->serial, &stored, &call->err);

    return rc == 0 ? pem_put(NULL, "CERTIFICATE", (struct smki_bytes){stored.der, stored.size}, &call->err) : rc;
}

/* Who made it what it is, and how: from the audit log. */
static bool last_change(struct call *call, const struct smki_credential *credential, struct smki_audit_record *out)
{
    return record_at(call, credential->changed_at, SMKI_ACT_CREDENTIAL_UPDATE, credential->number, out) == 0 ||
           record_at(call, credential->changed_at, SMKI_ACT_CREDENTIAL_ISSUE, credential->number, out) == 0;
}

static int credential_show_json(struct call *call, const struct smki_credential *credential)
{
    cJSON *json = smki_credential_json(credential);
    struct smki_audit_record change;

    if (json != NULL && last_change(call, credential, &change) &&
        (cJSON_AddStringToObject(json, "changed_by", change.actor.name) == NULL ||
         cJSON_AddStringToObject(json, "change", change.detail) == NULL)) {
        cJSON_Delete(json);
        json = NULL;
    }
    return json_print(call, json);
}

static void credential_facts(struct call *call, const struct smki_credential *credential)
{
    char text[SMKI_TIME_TEXT_SIZE], serial[2 * 20 + 1];
    struct smki_audit_record change;

    fact_print("credential", "%" PRIu64, credential->number);
    fact_print("Party", "%" PRIu64, credential->party);
    if (credential->officer != 0)
        fact_print("officer", "%" PRIu64, credential->officer);
    fact_print("interface", "%s", smki_credential_interface_word(credential->interface));
    fact_print("state", "%s", smki_credential_state_word(credential->state));
    fact_print("common name", "%s", credential->common_name);
    fact_print("serial", "%s", smki_serial_text(&credential->serial, serial));
    fact_print("issued", "%s", time_words(credential->issued_at, text));
    fact_print("expires", "%s", time_words(credential->expires_at, text));
    fact_print("changed", "%s", time_words(credential->changed_at, text));
    if (last_change(call, credential, &change))
        fact_print("last change", "%s, by %s", change.act == SMKI_ACT_CREDENTIAL_ISSUE ? "issued" : change.detail, change.actor.name);
    if (credential->renews != 0)
        fact_print("renews", "%" PRIu64, credential->renews);
}

static int credential_show(struct call *call)
{
    struct smki_credential credential;
    int rc = credential_take(call, &credential);

    if (rc != 0)
        return rc;
    if (call->json)
        return credential_show_json(call, &credential);
    if (call_has(call, "pem"))
        return credential_pem(call, &credential);
    credential_facts(call, &credential);
    return 0;
}

static const struct command_value credential_operand[] = {
    {"SERIAL", VALUE_TEXT, REQUIRED, NULL, "its certificate's serial number, in hexadecimal; or the credential's number", NULL}, {0}};
static const struct command_value issue_options[] = {
    {"party", VALUE_NUMBER, REQUIRED, NULL, "the Party it is for", NULL},
    {"interface", VALUE_TEXT, REQUIRED, "WORD", "adhoc, batch, portal-org or portal-device", NULL},
    {"csr", VALUE_FILE, 0, NULL, "the request: RSA 2048, PEM, DER or bare base64", NULL},
    {"out", VALUE_FILE, 0, NULL, "where the certificate goes, as PEM; later: 'credential show N --pem'", NULL},
    {"officer", VALUE_NUMBER, 0, NULL, "the officer it is for; portal, without: the Party's only verified one", NULL},
    {"generate", VALUE_FOLDER, 0, NULL,
     "instead of --csr, for development: make the key too, and key.pem, cert.pem, chain.pem, bundle.p12 there", NULL},
    {"name", VALUE_TEXT, 0, "NAME", "with --generate: the CN, what the system is called; without: the officer's name", NULL},
    {"role", VALUE_TEXT, 0, "ROLE", "with --generate: the OU, one of the Party's roles; without: the only one", NULL},
    {0},
};
static const struct command_value renew_options[] = {
    {"csr", VALUE_FILE, REQUIRED, NULL, "the new request", NULL},
    {"out", VALUE_FILE, 0, NULL, "where the certificate goes, as PEM", NULL},
    {0},
};
static const struct command_value list_options[] = {{"party", VALUE_NUMBER, 0, NULL, "only those of this Party", NULL}, {0}};
static const struct command_value show_options[] = {{"pem", VALUE_FLAG, 0, NULL, "print the certificate as PEM", NULL}, {0}};

#define OPERAND_TEXT                                                                                                                       \
    "An operand of up to 19 decimal digits is a credential's number; all others are serial numbers in hexadecimal, with or\n"              \
    "without colons, as openssl and 'credential list' show them.\n"

const struct command credential_commands[] = {
    {"credential issue", "Issue an IKI credential; prints its number alone on a line", COMMAND_HOME | COMMAND_JSON, issue_options, NULL,
     "Web services (adhoc, batch) take systems' credentials, the portal takes officers'. The officer must be verified.\n"
     "What --generate makes is for development, since its key was known to others than its owner. Nothing is written over;\n"
     "the password of bundle.p12 is shown once, on standard error (with --json: in the object).\n\n"
     "Examples:\n"
     "  smki credential issue --party 1 --interface batch --csr system.csr --out system.pem\n"
     "  smki credential issue --party 1 --interface adhoc --name 'System 1' --generate system-1\n",
     credential_issue},
    {"credential list", "List the credentials", COMMAND_HOME | COMMAND_JSON, list_options, NULL, NULL, credential_list},
    {"credential show", "Show one credential, and who changed it last", COMMAND_HOME | COMMAND_JSON, show_options, credential_operand,
     OPERAND_TEXT, credential_show},
    {"credential suspend", "Suspend a credential until it is resumed; its very next request is refused", COMMAND_HOME, NULL,
     credential_operand, OPERAND_TEXT, credential_suspend},
    {"credential resume", "Let a suspended credential in again", COMMAND_HOME, NULL, credential_operand, OPERAND_TEXT, credential_resume},
    {"credential revoke", "Revoke a credential for good; its certificate comes on the next CRL", COMMAND_HOME, NULL, credential_operand,
     OPERAND_TEXT, credential_revoke},
    {"credential renew", "Issue the credential that replaces this one; prints its number", COMMAND_HOME | COMMAND_JSON, renew_options,
     credential_operand, OPERAND_TEXT, credential_renew},
    {0},
};
