/* IKI credentials: each bound to one Party and one interface (interfaces.md 3).
 *
 * A CN is in use while a credential with it is active or suspended and not expired. The name STORE_NAME_CREDENTIAL_CN leads to the newest
 * credential with that CN, and `renews` from there to the older ones, since a renewed credential stays good until it expires or is revoked.
 */
#include "registry/document_i.h"

#include <string.h>

#define CN_KEY_SIZE (8 + 1 + 256) /* Party, interface, CN */

cJSON *smki_credential_json(const struct smki_credential *credential)
{
    cJSON *object = cJSON_CreateObject();
    const char *interface = smki_credential_interface_word(credential->interface), *state = smki_credential_state_word(credential->state);
    char serial[2 * 20 + 1];
    bool ok = interface != NULL && state != NULL && json_number(object, "number", credential->number) &&
              json_number(object, "party", credential->party) && json_number(object, "officer", credential->officer) &&
              json_text(object, "interface", interface) && json_text(object, "state", state) &&
              json_text(object, "common_name", credential->common_name) &&
              json_text(object, "serial", smki_serial_text(&credential->serial, serial)) &&
              json_hex(object, "sha256", BYTES(credential->sha256, sizeof(credential->sha256))) &&
              json_time(object, "issued_at", credential->issued_at) && json_time(object, "expires_at", credential->expires_at) &&
              json_time(object, "changed_at", credential->changed_at) && json_number(object, "renews", credential->renews);

    return json_complete(object, ok);
}

/* Reads an opened document, and closes it. */
static int credential_read(struct document *document, struct smki_credential *out, struct smki_error *err)
{
    *out = (struct smki_credential){.number = document->number};
    out->party = document_number(document, "party");
    out->officer = document_number(document, "officer");
    if (!smki_credential_interface_find(document_word(document, "interface"), &out->interface))
        document_bad(document, "interface");
    if (!smki_credential_state_find(document_word(document, "state"), &out->state))
        document_bad(document, "state");
    document_text(document, "common_name", out->common_name, sizeof(out->common_name));
    if (smki_serial_parse(&out->serial, document_word(document, "serial"), NULL) != 0)
        document_bad(document, "serial");
    document_hex(document, "sha256", out->sha256, sizeof(out->sha256));
    out->issued_at = document_time(document, "issued_at");
    out->expires_at = document_time(document, "expires_at");
    out->changed_at = document_time(document, "changed_at");
    out->renews = document_number(document, "renews");
    return document_close(document, err);
}

static int credential_get(struct store_view *view, uint64_t number, struct smki_credential *out, struct smki_error *err)
{
    static struct recall known = RECALL_OF(struct smki_credential);
    struct document document;
    struct smki_bytes json;
    int rc = store_document_get(view, STORE_CREDENTIAL, number, &json, err);

    if (rc == SMKI_NOT_FOUND)
        return smki_fail(err, SMKI_NOT_FOUND, "there is no credential %llu", (unsigned long long)number);
    if (rc != 0 || recall_find(&known, number, json, out))
        return rc;
    if ((rc = document_open_json(&document, json, number, "credential", err)) != 0 || (rc = credential_read(&document, out, err)) != 0)
        return rc;
    recall_keep(&known, number, json, out);
    return 0;
}

static int credential_next(struct store_view *view, uint64_t number, struct smki_credential *out, struct smki_error *err)
{
    struct document document;
    int rc = document_open_next(&document, view, STORE_CREDENTIAL, &number, "credential", err);

    return rc != 0 ? rc : credential_read(&document, out, err);
}

static int credential_put(struct store_change *change, const struct smki_credential *credential, struct smki_error *err)
{
    return document_put(change, STORE_CREDENTIAL, credential->number, smki_credential_json(credential), err);
}

int smki_credential_find(struct smki_store *store, uint64_t number, struct smki_credential *out, struct smki_error *err)
{
    struct store_view *view;
    int rc;

    if ((rc = store_view_begin(store, &view, err)) != 0)
        return rc;
    rc = credential_get(view, number, out, err);
    store_view_end(view);
    return rc;
}

int credential_of_certificate(struct store_view *view, const uint8_t sha256[SHA256_SIZE], struct smki_credential *out,
                              struct smki_error *err)
{
    uint64_t number;
    int rc = store_name_find(view, STORE_NAME_CREDENTIAL, BYTES(sha256, SHA256_SIZE), &number, err);

    return rc != 0 ? rc : credential_get(view, number, out, err);
}

int credential_stands(struct store_view *view, uint64_t number, struct smki_error *err)
{
    struct smki_credential credential;
    int rc;

    if (number == 0)
        return 0;
    if ((rc = credential_get(view, number, &credential, err)) == SMKI_NOT_FOUND)
        return smki_fail(err, SMKI_IKI_UNREGISTERED, "there is no credential %llu", (unsigned long long)number);
    if (rc != 0 || credential.state == SMKI_CREDENTIAL_ACTIVE)
        return rc;
    return smki_fail(err, credential.state == SMKI_CREDENTIAL_REVOKED ? SMKI_IKI_REVOKED : SMKI_IKI_SUSPENDED,
                     "credential %llu (\"%s\") of Party %llu is %s", (unsigned long long)number, credential.common_name,
                     (unsigned long long)credential.party, smki_credential_state_word(credential.state));
}

int smki_credential_of_certificate(struct smki_store *store, const uint8_t sha256[32], struct smki_credential *out, struct smki_error *err)
{
    struct store_view *view;
    int rc;

    if ((rc = store_view_begin(store, &view, err)) != 0)
        return rc;
    if ((rc = credential_of_certificate(view, sha256, out, err)) == SMKI_NOT_FOUND)
        rc = smki_fail(err, SMKI_NOT_FOUND, "this certificate is not that of a credential registered here");
    store_view_end(view);
    return rc;
}

/* Our IKICA's serial numbers, as the store has them; false: too long to be one. */
static bool serial_octets(uint8_t out[SMKI_SERIAL_SIZE], const struct smki_serial *serial)
{
    if (serial->size > SMKI_SERIAL_SIZE)
        return false;
    memset(out, 0, SMKI_SERIAL_SIZE);
    memcpy(out + SMKI_SERIAL_SIZE - serial->size, serial->octet, serial->size);
    return true;
}

static int credential_of_serial(struct store_view *view, const struct smki_serial *serial, struct smki_credential *out,
                                struct smki_error *err)
{
    struct store_certificate stored;
    uint8_t octets[SMKI_SERIAL_SIZE], digest[SHA256_SIZE];
    char text[2 * 20 + 1];
    uint64_t number;
    int rc = serial_octets(octets, serial) ? store_certificate_find(view, octets, &stored, NULL) : SMKI_NOT_FOUND;

    if (rc == SMKI_NOT_FOUND)
        return smki_fail(err, rc, "there is no certificate with the serial number %s; see 'smki credential list'",
                         serial_shown(serial, text));
    if (rc != 0)
        return smki_fail(err, rc, NULL);
    sha256(digest, stored.der.at, stored.der.size);
    if ((rc = store_name_find(view, STORE_NAME_CREDENTIAL, BYTES(digest, sizeof digest), &number, err)) == SMKI_NOT_FOUND)
        return smki_fail(err, rc, "certificate %s is not that of a credential; 'smki cert show' shows it", smki_serial_text(serial, text));
    return rc != 0 ? rc : credential_get(view, number, out, err);
}

int smki_credential_of_serial(struct smki_store *store, const struct smki_serial *serial, struct smki_credential *out,
                              struct smki_error *err)
{
    struct store_view *view;
    int rc;

    if ((rc = store_view_begin(store, &view, err)) != 0)
        return rc;
    rc = credential_of_serial(view, serial, out, err);
    store_view_end(view);
    return rc;
}

int smki_credential_next(struct smki_store *store, uint64_t number, struct smki_credential *out, struct smki_error *err)
{
    struct store_view *view;
    int rc;

    if ((rc = store_view_begin(store, &view, err)) != 0)
        return rc;
    rc = credential_next(view, number, out, err);
    store_view_end(view);
    return rc;
}

/* ---- registering ---- */

static bool is_portal(enum smki_interface interface)
{
    return interface == SMKI_INTERFACE_PORTAL_ORGANISATION || interface == SMKI_INTERFACE_PORTAL_DEVICE;
}

/* The officer is verified, and of this Party. */
static int officer_allows(struct store_view *view, const struct smki_credential *credential, struct smki_error *err)
{
    struct smki_officer officer;
    int rc;

    if (credential->officer == 0)
        return 0;
    if ((rc = officer_get(view, credential->officer, &officer, err)) != 0)
        return rc;
    if (officer.party != credential->party)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "officer %llu is not one of Party %llu", (unsigned long long)officer.number,
                         (unsigned long long)credential->party);
    if (officer.state != SMKI_OFFICER_VERIFIED)
        return smki_fail(err, SMKI_OFFICER_STATE, "officer %llu is %s; a credential needs a verified officer (RAPP)",
                         (unsigned long long)officer.number, smki_officer_state_word(officer.state));
    return 0;
}

static int credential_check(struct store_view *view, const struct smki_credential *credential, struct smki_error *err)
{
    struct smki_party party;
    int rc;

    if (smki_credential_interface_word(credential->interface) == NULL)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "a credential serves portal-organisation, portal-device, adhoc or batch, not \"%s\"",
                         smki_interface_word(credential->interface));
    if (is_portal(credential->interface) && credential->officer == 0)
        return smki_fail(err, SMKI_INVALID_ARGUMENT,
                         "a credential for the portal is an officer's: name one that is verified (interfaces.md 3)");
    if (!is_portal(credential->interface) && credential->officer != 0)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "a credential for a web service is a system's, not an officer's (interfaces.md 3)");
    if (credential->serial.size == 0 || credential->serial.size > SMKI_SERIAL_SIZE)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "a credential's serial number has 1 to %d octets", SMKI_SERIAL_SIZE);
    if ((rc = text_check(credential->common_name, sizeof(credential->common_name), "CN", err)) != 0)
        return rc;
    if ((rc = party_get(view, credential->party, &party, err)) != 0)
        return rc;
    if (party.barred)
        return smki_fail(err, SMKI_PARTY_BARRED, "Party %llu is barred and gets no credentials", (unsigned long long)party.number);
    return officer_allows(view, credential, err);
}

static struct smki_bytes cn_key(uint8_t out[CN_KEY_SIZE], const struct smki_credential *credential)
{
    struct writer writer = writer_of(out, CN_KEY_SIZE);

    write_u64(&writer, credential->party);
    write_u8(&writer, (uint8_t)credential->interface);
    write_bytes(&writer, credential->common_name, strlen(credential->common_name));
    return BYTES(out, writer_size(&writer));
}

static bool in_use(const struct smki_credential *credential, struct smki_time now)
{
    bool expired = credential->expires_at.us != 0 && credential->expires_at.us <= now.us;

    return credential->state != SMKI_CREDENTIAL_REVOKED && !expired;
}

/* The CN is free, or in use only by the credential that this one renews and those before it. */
static int cn_check(struct store_change *change, const struct smki_credential *credential, struct smki_bytes key, struct smki_error *err)
{
    struct smki_credential holder = {0};
    uint64_t number;
    int rc = store_name_find(store_change_view(change), STORE_NAME_CREDENTIAL_CN, key, &number, err);

    if (rc != 0)
        return rc == SMKI_NOT_FOUND ? 0 : rc;
    for (; number != 0 && number != credential->renews; number = holder.renews) {
        if ((rc = credential_get(store_change_view(change), number, &holder, err)) != 0)
            return rc;
        if (in_use(&holder, store_change_time(change)))
            return smki_fail(err, SMKI_CREDENTIAL_NAME_TAKEN,
                             "the CN \"%s\" is in use by credential %llu of Party %llu for %s; revoke or renew that, or choose another CN",
                             holder.common_name, (unsigned long long)holder.number, (unsigned long long)holder.party,
                             smki_interface_word(holder.interface));
    }
    return 0;
}

static int renewal_check(struct store_view *view, const struct smki_credential *credential, struct smki_error *err)
{
    struct smki_credential old;
    int rc;

    if (credential->renews == 0)
        return 0;
    if ((rc = credential_get(view, credential->renews, &old, err)) != 0)
        return rc;
    if (old.state == SMKI_CREDENTIAL_REVOKED)
        return smki_fail(err, SMKI_CREDENTIAL_STATE, "credential %llu is revoked and cannot be renewed; issue a new one",
                         (unsigned long long)old.number);
    if (old.state == SMKI_CREDENTIAL_SUSPENDED) /* its renewal would be active: a way around the suspension */
        return smki_fail(err, SMKI_CREDENTIAL_STATE, "credential %llu is suspended and cannot be renewed; make it active first",
                         (unsigned long long)old.number);
    if (old.party != credential->party || old.interface != credential->interface || old.officer != credential->officer ||
        strcmp(old.common_name, credential->common_name) != 0)
        return smki_fail(err, SMKI_INVALID_ARGUMENT,
                         "a renewal keeps Party, interface, officer and CN of credential %llu (CN \"%s\"); for another, issue a new one",
                         (unsigned long long)old.number, old.common_name);
    return 0;
}

/* The certificate leads to the credential. One certificate is never two credentials. */
static int certificate_name(struct store_change *change, const struct smki_credential *credential, struct smki_error *err)
{
    struct smki_bytes key = BYTES(credential->sha256, sizeof(credential->sha256));
    uint64_t other;
    int rc = store_name_find(store_change_view(change), STORE_NAME_CREDENTIAL, key, &other, err);

    if (rc == 0)
        return smki_fail(err, SMKI_ALREADY_EXISTS, "this certificate is that of credential %llu", (unsigned long long)other);
    return rc != SMKI_NOT_FOUND ? rc : store_name_put(change, STORE_NAME_CREDENTIAL, key, credential->number, err);
}

static int record_credential(struct store_change *change, const struct smki_actor *actor, enum smki_act act,
                             const struct smki_credential *credential, const char *detail, struct smki_error *err)
{
    struct smki_audit_record record = {
        .act = act, .actor = *actor, .party = credential->party, .subject = credential->number, .serial = credential->serial};

    memcpy(record.detail, detail, strnlen(detail, sizeof(record.detail) - 1));
    return store_record(change, &record, err);
}

int credential_admit(struct store_change *change, const struct smki_credential *credential, struct smki_error *err)
{
    uint8_t at[CN_KEY_SIZE];
    int rc;

    if ((rc = credential_check(store_change_view(change), credential, err)) != 0 ||
        (rc = renewal_check(store_change_view(change), credential, err)) != 0)
        return rc;
    return cn_check(change, credential, cn_key(at, credential), err);
}

int credential_add(struct store_change *change, const struct smki_actor *actor, struct smki_credential *credential, struct smki_error *err)
{
    uint8_t at[CN_KEY_SIZE];
    struct smki_bytes key;
    struct phrase phrase = {0};
    int rc;

    if ((rc = credential_admit(change, credential, err)) != 0)
        return rc;
    key = cn_key(at, credential);
    if ((rc = store_next_number(change, STORE_COUNT_CREDENTIAL, &credential->number, err)) != 0)
        return rc;
    credential->state = SMKI_CREDENTIAL_ACTIVE;
    credential->changed_at = store_change_time(change);
    if ((rc = certificate_name(change, credential, err)) != 0)
        return rc;
    if ((rc = store_name_put(change, STORE_NAME_CREDENTIAL_CN, key, credential->number, err)) != 0)
        return rc;
    if ((rc = credential_put(change, credential, err)) != 0)
        return rc;
    phrase_add(&phrase, "%s", smki_interface_word(credential->interface));
    if (credential->renews != 0)
        phrase_add(&phrase, "renews %llu", (unsigned long long)credential->renews);
    if (credential->officer != 0)
        phrase_add(&phrase, "officer %llu", (unsigned long long)credential->officer);
    phrase_add(&phrase, "CN %s", credential->common_name);
    return record_credential(change, actor, SMKI_ACT_CREDENTIAL_ISSUE, credential, phrase.text, err);
}

/* ---- moves ---- */

static const bool moves[][SMKI_CREDENTIAL_REVOKED + 1] = {
    [SMKI_CREDENTIAL_ACTIVE] = {[SMKI_CREDENTIAL_SUSPENDED] = true, [SMKI_CREDENTIAL_REVOKED] = true},
    [SMKI_CREDENTIAL_SUSPENDED] = {[SMKI_CREDENTIAL_ACTIVE] = true, [SMKI_CREDENTIAL_REVOKED] = true},
    [SMKI_CREDENTIAL_REVOKED] = {false}, /* final */
};

struct credential_move {
    const struct smki_actor *actor;
    uint64_t number;
    enum smki_credential_state state;
};

static int certificate_revoke(struct store_change *change, const struct smki_actor *actor, const struct smki_credential *credential,
                              struct smki_error *err)
{
    uint8_t serial[SMKI_SERIAL_SIZE];
    int rc;

    if (!serial_octets(serial, &credential->serial)) /* our IKICA gives no longer ones, see credential_check */
        return smki_fail(err, SMKI_STORE_CORRUPT, "credential %llu has a serial number of %u octets",
                         (unsigned long long)credential->number, credential->serial.size);
    rc = store_certificate_revoke(change, STORE_CA_IKICA, serial, store_change_time(change), 0 /* unspecified, RFC 5280 5.3.1 */, err);
    if (rc != 0 && rc != SMKI_ALREADY_EXISTS) /* the operator may have revoked the certificate first */
        return smki_error_prefix(err, "revoking the certificate of credential %llu", (unsigned long long)credential->number), rc;
    return record_credential(change, actor, SMKI_ACT_CERTIFICATE_REVOKE, credential, "the credential is revoked", err);
}

static int credential_enter(struct store_change *change, const struct smki_actor *actor, struct smki_credential *credential,
                            enum smki_credential_state state, const char *why, struct smki_error *err)
{
    struct phrase phrase = {0};
    int rc;

    phrase_add(&phrase, "%s -> %s%s", smki_credential_state_word(credential->state), smki_credential_state_word(state), why);
    phrase_add(&phrase, "CN %s", credential->common_name);
    credential->state = state;
    credential->changed_at = store_change_time(change);
    if ((rc = credential_put(change, credential, err)) != 0)
        return rc;
    return record_credential(change, actor, SMKI_ACT_CREDENTIAL_UPDATE, credential, phrase.text, err);
}

static int credential_move(struct store_change *change, void *argument, struct smki_error *err)
{
    const struct credential_move *move = argument;
    struct smki_credential credential;
    int rc;

    if ((rc = credential_get(store_change_view(change), move->number, &credential, err)) != 0)
        return rc;
    if (!moves[credential.state][move->state])
        return smki_fail(err, SMKI_CREDENTIAL_STATE, "credential %llu is %s and cannot become %s", (unsigned long long)credential.number,
                         smki_credential_state_word(credential.state), smki_credential_state_word(move->state));
    if (move->state == SMKI_CREDENTIAL_ACTIVE && (rc = officer_allows(store_change_view(change), &credential, err)) != 0)
        return rc;
    if (move->state == SMKI_CREDENTIAL_REVOKED && (rc = certificate_revoke(change, move->actor, &credential, err)) != 0)
        return rc;
    return credential_enter(change, move->actor, &credential, move->state, "", err);
}

int credential_certificate_revoked(struct store_change *change, const struct smki_actor *actor, const uint8_t sha256[SHA256_SIZE],
                                   struct smki_error *err)
{
    struct smki_credential credential;
    uint64_t number;
    int rc = store_name_find(store_change_view(change), STORE_NAME_CREDENTIAL, BYTES(sha256, SHA256_SIZE), &number, err);

    if (rc != 0)
        return rc == SMKI_NOT_FOUND ? 0 : rc;
    if ((rc = credential_get(store_change_view(change), number, &credential, err)) != 0)
        return rc;
    if (credential.state == SMKI_CREDENTIAL_REVOKED)
        return 0;
    return credential_enter(change, actor, &credential, SMKI_CREDENTIAL_REVOKED, " (its certificate is revoked)", err);
}

int smki_credential_set_state(struct smki_store *store, const struct smki_actor *actor, uint64_t number, enum smki_credential_state state,
                              struct smki_error *err)
{
    struct credential_move move = {.actor = actor, .number = number, .state = state};

    if (smki_credential_state_word(state) == NULL)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "a credential is active, suspended or revoked; %d is none of these", (int)state);
    return store_change(store, credential_move, &move, err);
}

/* ---- tokens ---- */

struct on_token {
    const struct smki_actor *actor;
    uint64_t number;
    const char *serial, *label;
};

static int token_note(struct store_change *change, void *argument, struct smki_error *err)
{
    const struct on_token *token = argument;
    struct smki_credential credential;
    struct phrase phrase = {0};
    int rc = credential_get(store_change_view(change), token->number, &credential, err);

    if (rc != 0)
        return rc;
    if (credential.officer == 0)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "credential %llu is a system's, and tokens are officers'", (unsigned long long)credential.number);
    phrase_add(&phrase, "token serial %s", token->serial);
    phrase_add(&phrase, "label %s", token->label);
    phrase_add(&phrase, "officer %llu", (unsigned long long)credential.officer);
    phrase_add(&phrase, "CN %s", credential.common_name);
    return record_credential(change, token->actor, SMKI_ACT_TOKEN, &credential, phrase.text, err);
}

int smki_credential_on_token(struct smki_store *store, const struct smki_actor *actor, uint64_t number, const char *serial, const char *label,
                             struct smki_error *err)
{
    struct on_token token = {.actor = actor, .number = number, .serial = serial, .label = label};

    return store_change(store, token_note, &token, err);
}

int credentials_suspend(struct store_change *change, const struct smki_actor *actor, uint64_t officer, struct smki_error *err)
{
    struct smki_credential credential = {0};
    int rc;

    while ((rc = credential_next(store_change_view(change), credential.number, &credential, err)) == 0) {
        if (credential.officer != officer || credential.state != SMKI_CREDENTIAL_ACTIVE)
            continue;
        if ((rc = credential_enter(change, actor, &credential, SMKI_CREDENTIAL_SUSPENDED, " (the officer is barred)", err)) != 0)
            return rc;
    }
    return rc == SMKI_NOT_FOUND ? 0 : rc;
}
