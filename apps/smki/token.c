/* smki aro issue-token: an officer's token in one go. Key on the token, request, IKICA certificate, certificate on the token, record,
 * transport PIN.
 *
 * While it is made the token has a PIN that nobody knows, thrown away at the end: the transport PIN, which the officer must change, is set
 * last, by the SO PIN. So a token that was not finished is one that nobody can use, and a credential that was issued for it is revoked
 * again. */
#include "smki/generate_i.h"

#include <smki/role.h>
#include <smki/token.h>

#include <mbedtls/platform_util.h>

#include <string.h>
#include <unistd.h>

struct issue {
    struct call *call;
    struct smki_officer officer;
    struct smki_party party;
    struct smki_credential credential;
    char unit[SMKI_ROLE_TEXT_SIZE], label[SMKI_TOKEN_ENTRY_LABEL_SIZE];
    struct smki_token_module *module;
    struct smki_token_facts facts;
    struct smki_token *token;
    struct smki_token_entry entry;
    bool is_touched, has_key, is_key_left, is_issued;
    struct smki_stored_certificate stored;
    char so_room[SMKI_PIN_SIZE], pin[SMKI_TRANSPORT_PIN_DIGITS + 1], passing[SMKI_TRANSPORT_PIN_DIGITS + 1];
    const char *so_pin; /* NULL: given on the reader */
};

/* ---- before anything is touched ---- */

static int officer_take(struct issue *issue)
{
    struct call *call = issue->call;
    const uint64_t number = value_number(call_operand(call, 0));
    struct smki_store *store = smki_service_store(call->service);
    int rc;

    if ((rc = smki_officer_find(store, number, &issue->officer, &call->err)) != 0 ||
        (rc = smki_party_find(store, issue->officer.party, &issue->party, &call->err)) != 0)
        return rc;
    if (issue->officer.state != SMKI_OFFICER_VERIFIED)
        return call_fail(call, SMKI_OFFICER_STATE,
                         "officer %" PRIu64 " is %s; a token is for a verified officer: 'smki aro verify %" PRIu64 "'", number,
                         smki_officer_state_word(issue->officer.state), number);
    if (issue->party.barred)
        return call_fail(call, SMKI_PARTY_BARRED, "Party %" PRIu64 " is barred and gets no credentials", issue->party.number);
    issue->credential.party = issue->party.number;
    issue->credential.officer = number;
    return 0;
}

/* What smki_service_credential_issue would refuse when the token is initialised already. */
static int unit_check(struct issue *issue)
{
    const struct smki_role *role = smki_role_find_text(issue->unit);

    for (size_t i = 0; role != NULL && i < issue->party.role_count; i++)
        if (issue->party.roles[i] == role->code)
            return 0;
    return call_fail(issue->call, SMKI_ROLE_NOT_OWN,
                     "Party %" PRIu64 " does not hold the Remote Party Role %s; see 'smki party show %" PRIu64 "'", issue->party.number,
                     issue->unit, issue->party.number);
}

static int portal_take(struct issue *issue)
{
    struct call *call = issue->call;
    int rc = interface_take(call, &issue->credential.interface);

    if (rc != 0)
        return rc;
    if (issue->credential.interface != SMKI_INTERFACE_PORTAL_ORGANISATION && issue->credential.interface != SMKI_INTERFACE_PORTAL_DEVICE)
        return call_usage(call, "an officer's token is for portal-org or portal-device; systems have no tokens ('smki credential issue')");
    snprintf(issue->label, sizeof(issue->label), "SMKI %s", smki_credential_interface_word(issue->credential.interface));
    return (rc = role_take(call, &issue->party, issue->unit)) == 0 ? unit_check(issue) : rc;
}

/* The same of the CN. */
static int name_check(struct issue *issue)
{
    struct call *call = issue->call;
    const struct smki_time now = smki_service_now(call->service);
    struct smki_credential each = {0};
    int rc;

    while ((rc = smki_credential_next(smki_service_store(call->service), each.number, &each, &call->err)) == 0)
        if (each.party == issue->party.number && each.interface == issue->credential.interface && each.state != SMKI_CREDENTIAL_REVOKED &&
            each.expires_at.us > now.us && strcmp(each.common_name, issue->officer.name) == 0)
            return each.officer == issue->officer.number
                       ? call_fail(call, SMKI_CREDENTIAL_NAME_TAKEN,
                                   "officer %" PRIu64 " has credential %" PRIu64
                                   " for %s; when its token is lost or replaced: 'smki credential revoke %" PRIu64 "', then this again",
                                   issue->officer.number, each.number, smki_credential_interface_word(each.interface), each.number)
                       : call_fail(call, SMKI_CREDENTIAL_NAME_TAKEN,
                                   "the CN \"%s\" is in use by credential %" PRIu64 " for %s of officer %" PRIu64
                                   ", who is called the same; nominate one of them under a name that tells them apart",
                                   each.common_name, each.number, smki_credential_interface_word(each.interface), each.officer);
    return rc == SMKI_NOT_FOUND ? 0 : rc;
}

/* Not the token that the CAs' keys are on: neither would they survive it, nor the CAs without its PIN. */
static int ca_check(struct issue *issue)
{
    struct call *call = issue->call;
    char key[SMKI_KEY_URI_SIZE];
    int rc;

    for (int name = 1; name <= SMKI_CA_COUNT; name++) {
        if ((rc = smki_service_ca_key(call->service, (enum smki_ca_name)name, key, sizeof(key), &call->err)) != 0)
            return rc;
        if (issue->facts.initialised && smki_token_is_named(&issue->facts, key))
            return call_fail(call, SMKI_INVALID_ARGUMENT,
                             "token \"%s\" (serial %s) has the key of the %s on it, so it is no officer's: take another one",
                             issue->facts.label, issue->facts.serial, smki_ca_word((enum smki_ca_name)name));
    }
    return 0;
}

/* Can its certificate be signed? Asked before anything is done to the token. */
static int signer_check(struct issue *issue)
{
    struct call *call = issue->call;
    const struct smki_ca *ca;
    struct smki_error why;
    int rc = smki_service_ca(call->service, SMKI_IKICA, &ca, &call->err);

    if (rc == 0)
        rc = smki_key_prove(smki_ca_key(ca), &call->err);
    why = call->err;
    return rc == 0 ? 0 : call_fail(call, rc, "nothing was done to the token, since its certificate could not be signed: %s", why.text);
}

/* One to be initialised; with --keep one that stays as it is. */
static int token_choose(struct issue *issue)
{
    struct call *call = issue->call;
    const bool keep = call_has(call, "keep");
    int rc;

    if (!keep && !call_has(call, "label"))
        return call_usage(call, "--label is missing (what the token is called from now on), or --keep (it stays as it is)");
    if (keep && call_has(call, "label"))
        return call_usage(call, "--label goes with a token that is initialised: --keep leaves it as it is");
    if (keep && !call_has(call, "token") && !call_has(call, "serial") &&
        !call_has(call, "slot")) /* the only one may be that of the CAs' keys */
        return call_usage(call, "--keep goes with --token, --serial or --slot: its PIN is set anew");
    if ((rc = token_module_take(call, &issue->module)) != 0 || (rc = token_take(call, issue->module, !keep, &issue->facts)) != 0)
        return rc;
    if ((rc = ca_check(issue)) != 0)
        return rc;
    if (keep && !issue->facts.initialised)
        return call_fail(call, SMKI_TOKEN_MISSING, "the token is not initialised: give --label instead of --keep");
    return keep ? 0 : token_loss_allow(call, issue->module, &issue->facts);
}

static int pins_take(struct issue *issue)
{
    struct call *call = issue->call;
    const bool blank = !issue->facts.initialised;
    char question[96];
    int rc;

    snprintf(question, sizeof(question), "%sSO PIN of token \"%s\"", blank ? "New " : "",
             blank ? call_text(call, "label") : issue->facts.label);
    if ((rc = pin_take(call, "so-pin-file", question, blank, &issue->facts, issue->so_room, &issue->so_pin)) == 0 &&
        (rc = smki_pin_make(issue->pin, &smki_random_system, &call->err)) == 0)
        rc = smki_pin_make(issue->passing, &smki_random_system, &call->err);
    return rc;
}

/* The file first: a token whose PIN cannot be given to anybody is not begun. */
static int pin_keep(struct issue *issue)
{
    struct call *call = issue->call;
    char line[SMKI_TRANSPORT_PIN_DIGITS + 2];
    int rc;

    if (!call_has(call, "pin-out"))
        return 0;
    snprintf(line, sizeof(line), "%s\n", issue->pin);
    rc = file_put_new(call_text(call, "pin-out"), (struct smki_bytes){(const uint8_t *)line, strlen(line)}, 0600, &call->err);
    mbedtls_platform_zeroize(line, sizeof(line));
    return rc;
}

/* ---- the token ---- */

/* Modules that know of a PIN that must be changed may want that of the passing one too. */
static int passing_login(struct issue *issue)
{
    struct call *call = issue->call;
    char another[SMKI_TRANSPORT_PIN_DIGITS + 1];
    int rc = smki_token_login(issue->token, issue->passing, &call->err);

    if (rc != SMKI_TOKEN_PIN_EXPIRED)
        return rc;
    if ((rc = smki_pin_make(another, &smki_random_system, &call->err)) == 0 &&
        (rc = smki_token_change_pin(issue->token, issue->passing, another, &call->err)) == 0)
        rc = smki_token_login(issue->token, another, &call->err);
    mbedtls_platform_zeroize(another, sizeof(another));
    return rc;
}

/* Public halves are seen without a PIN: nothing is touched for what would be refused. */
static int place_check(struct issue *issue)
{
    struct call *call = issue->call;
    struct smki_token_entry each;
    int rc;

    for (size_t n = 0; (rc = smki_token_entry_at(issue->token, n, &each, &call->err)) == 0; n++)
        if (strcmp(each.label, issue->label) == 0)
            return call_fail(call, SMKI_ALREADY_EXISTS,
                             "token \"%s\" has a key labelled \"%s\" already; with --label instead of --keep all of it is made anew",
                             issue->facts.label, issue->label);
    return rc == SMKI_NOT_FOUND ? 0 : rc;
}

static int keep_prepare(struct issue *issue)
{
    struct call *call = issue->call;
    int rc;

    if ((rc = smki_token_open(&issue->token, issue->module, issue->facts.slot, &call->err)) == 0 && (rc = place_check(issue)) == 0)
        rc = smki_token_unblock(issue->token, issue->so_pin, issue->passing, false, &call->err);
    issue->is_touched = rc == 0;
    return rc;
}

static int blank_prepare(struct issue *issue)
{
    struct call *call = issue->call;
    int rc = smki_token_initialise(issue->module, issue->facts.slot, issue->so_pin, call_text(call, "label"), issue->passing, &issue->facts,
                                   &call->err);

    issue->is_touched = rc == 0;
    return rc == 0 ? smki_token_open(&issue->token, issue->module, issue->facts.slot, &call->err) : rc;
}

static int token_prepare(struct issue *issue)
{
    const int rc = call_has(issue->call, "keep") ? keep_prepare(issue) : blank_prepare(issue);

    return rc == 0 ? passing_login(issue) : rc;
}

static int key_make(struct issue *issue)
{
    const int rc = smki_token_key_make(issue->token, issue->label, &issue->entry, &issue->call->err);

    issue->has_key = rc == 0;
    return rc;
}

static int request_make(struct issue *issue, uint8_t der[SMKI_CSR_MAX_SIZE], size_t *size)
{
    struct call *call = issue->call;
    const struct smki_csr_wish wish = {.profile = SMKI_PROFILE_IKI,
                                       .organisation = issue->party.name,
                                       .unit = issue->unit,
                                       .common_name = issue->officer.name,
                                       .key_usage = SMKI_DIGITAL_SIGNATURE};
    struct smki_key *key;
    int rc = smki_token_key_open(&key, issue->token, &issue->entry, &call->err);

    if (rc != 0)
        return rc;
    rc = smki_csr_make(der, size, &wish, key, &call->err);
    smki_key_close(key);
    return rc;
}

static int certificate_issue(struct issue *issue)
{
    struct call *call = issue->call;
    uint8_t der[SMKI_CSR_MAX_SIZE];
    size_t size;
    int rc = request_make(issue, der, &size);

    if (rc != 0)
        return rc;
    rc = smki_service_credential_issue(call->service, &call->actor, (struct smki_bytes){der, size}, &issue->credential, &issue->stored,
                                       &call->err);
    issue->is_issued = rc == 0;
    return rc;
}

static int token_finish(struct issue *issue)
{
    struct call *call = issue->call;
    int rc;

    if ((rc = smki_token_certificate_put(issue->token, (struct smki_bytes){issue->stored.der, issue->stored.size}, &issue->entry,
                                         &call->err)) != 0 ||
        (rc = smki_token_unblock(issue->token, issue->so_pin, issue->pin, true, &call->err)) != 0)
        return rc;
    return smki_credential_on_token(smki_service_store(call->service), &call->actor, issue->credential.number, issue->facts.serial,
                                    issue->facts.label, &call->err);
}

/* ---- nothing is half issued ---- */

/* Puts what is left, and what to do, behind why it failed. */
static void left_say(struct issue *issue, const char *left)
{
    struct smki_error *err = &issue->call->err;
    const size_t used = strlen(err->text);

    snprintf(err->text + used, sizeof(err->text) - used, "%s%s", used != 0 ? "; " : "", left);
}

static void undo(struct issue *issue)
{
    struct call *call = issue->call;
    struct smki_error why = {0};
    char left[160];

    if (call_has(call, "pin-out"))
        unlink(call_text(call, "pin-out"));
    if (issue->is_issued) {
        if (smki_credential_set_state(smki_service_store(call->service), &call->actor, issue->credential.number, SMKI_CREDENTIAL_REVOKED,
                                      &why) == 0)
            snprintf(left, sizeof(left), "credential %" PRIu64 " was issued and is revoked again", issue->credential.number);
        else
            snprintf(left, sizeof(left), "credential %" PRIu64 " WAS ISSUED AND COULD NOT BE REVOKED: 'smki credential revoke %" PRIu64 "'",
                     issue->credential.number, issue->credential.number);
        left_say(issue, left);
    }
    if (issue->has_key && issue->token != NULL &&
        (smki_token_login(issue->token, issue->passing, NULL) != 0 || smki_token_entry_remove(issue->token, &issue->entry, NULL) != 0)) {
        left_say(issue, "its key is left on the token");
        issue->is_key_left = true;
    }
    if (issue->is_touched && call_has(call, "keep"))
        left_say(issue, issue->is_key_left
                            ? "the token's PIN is one that nobody knows, 'smki-token unblock' sets it anew"
                            : "the token's PIN is one that nobody knows: repeat this, or set it anew by 'smki-token unblock'");
    else if (issue->is_touched)
        left_say(issue, "the token's PIN is one that nobody knows: repeat this, with --yes");
}

/* ---- what is said ---- */

static cJSON *issue_json(const struct issue *issue)
{
    cJSON *json = smki_credential_json(&issue->credential), *token = json != NULL ? cJSON_AddObjectToObject(json, "token") : NULL;

    if (token != NULL && cJSON_AddStringToObject(token, "serial", issue->facts.serial) != NULL &&
        cJSON_AddStringToObject(token, "label", issue->facts.label) != NULL &&
        (call_has(issue->call, "pin-out") || cJSON_AddStringToObject(json, "transport_pin", issue->pin) != NULL))
        return json;
    cJSON_Delete(json);
    return NULL;
}

static int issue_print(struct issue *issue)
{
    struct call *call = issue->call;

    if (call->json)
        return json_print(call, issue_json(issue));
    printf("%" PRIu64 "\n", issue->credential.number);
    if (call_has(call, "pin-out"))
        call_note(call, "token \"%s\" (serial %s) is for %s; its transport PIN, which must be changed, is in %s", issue->facts.label,
                  issue->facts.serial, issue->officer.name, call_text(call, "pin-out"));
    else
        call_note(call, "token \"%s\" (serial %s) is for %s; its transport PIN, which must be changed, shown this once: %s",
                  issue->facts.label, issue->facts.serial, issue->officer.name, issue->pin);
    return 0;
}

static int issue_make(struct issue *issue)
{
    int rc = pin_keep(issue);

    if (rc != 0)
        return rc;
    if ((rc = token_prepare(issue)) == 0 && (rc = key_make(issue)) == 0 && (rc = certificate_issue(issue)) == 0)
        rc = token_finish(issue);
    if (rc != 0)
        undo(issue);
    return rc;
}

static int token_issue(struct call *call)
{
    struct issue issue = {.call = call};
    int rc;

    if (call->json && call_has(call, "dry-run"))
        return call_usage(call, "--dry-run prints words, no JSON");
    if ((rc = officer_take(&issue)) == 0 && (rc = portal_take(&issue)) == 0 && (rc = name_check(&issue)) == 0 &&
        (rc = token_choose(&issue)) == 0) {
        if (call_has(call, "dry-run"))
            printf("%s, officer %" PRIu64 " of Party %" PRIu64 ", would get a credential for %s on it\n", issue.officer.name,
                   issue.officer.number, issue.party.number, smki_credential_interface_word(issue.credential.interface));
        else if ((rc = signer_check(&issue)) == 0 && (rc = pins_take(&issue)) == 0 && (rc = issue_make(&issue)) == 0)
            rc = issue_print(&issue);
    }
    smki_token_close(issue.token);
    smki_token_module_close(issue.module);
    mbedtls_platform_zeroize(issue.so_room, sizeof(issue.so_room));
    mbedtls_platform_zeroize(issue.pin, sizeof(issue.pin));
    mbedtls_platform_zeroize(issue.passing, sizeof(issue.passing));
    return rc;
}

static const struct command_value issue_options[] = {
    {"interface", VALUE_TEXT, REQUIRED, "WORD", "the part of the portal that it opens: portal-org or portal-device", NULL},
    {"label", VALUE_TEXT, 0, "LABEL", "initialise the token, which is called so from then on: at most 32 octets", NULL},
    {"keep", VALUE_FLAG, 0, NULL, "instead of --label: take an initialised token as it is, with what is on it", NULL},
    {"role", VALUE_TEXT, 0, "ROLE", "the OU, one of the Party's roles; without: the only one", NULL},
    {"so-pin-file", VALUE_TEXT, 0, "FILE", "the security officer's PIN: a file with mode 0600, or credential:NAME; without: asked for",
     NULL},
    {"pin-out", VALUE_FILE, 0, NULL, "a new file with mode 0600 for the transport PIN; without: it is shown once", NULL},
    TOKEN_OPTIONS,
    {"yes", VALUE_FLAG, 0, NULL, "do not ask whether what is on the token may be lost", NULL},
    {"dry-run", VALUE_FLAG, 0, NULL, "say what would be done and lost, and do nothing", NULL},
    {0},
};

const struct command token_commands[] = {
    {"aro issue-token", "Issue an officer's token in one go; prints the credential's number", COMMAND_HOME | COMMAND_JSON, issue_options,
     number_operand,
     "Initialises the token, makes the key on it, has its request certified by the IKICA, puts the certificate on it, records\n"
     "that, and sets a transport PIN of 8 digits that the officer must change by 'smki-token pin' before anything else. The SO PIN\n"
     "stays the RA's: 'smki-token unblock' needs it. When something fails on the way, the credential is revoked again.\n\n"
     "Example:\n"
     "  smki aro issue-token 1 --interface portal-device --label 'Ann Other' --so-pin-file so.pin --pin-out ann.pin\n",
     token_issue},
    {0},
};
