/* smki cert ... */
#include "smki/smki_i.h"

#include <errno.h>
#include <string.h>

/* ---- words ---- */

const char *usage_words(uint16_t key_usage, char out[USAGE_TEXT_SIZE])
{
    static const struct {
        uint16_t bit;
        const char *word;
    } bits[] = {
        {0x80, "digitalSignature"}, {0x40, "nonRepudiation"}, {0x20, "keyEncipherment"}, {0x10, "dataEncipherment"},
        {0x08, "keyAgreement"},     {0x04, "keyCertSign"},    {0x02, "cRLSign"},
    };
    size_t length = 0;

    snprintf(out, USAGE_TEXT_SIZE, "none");
    for (size_t i = 0; i < COUNT_OF(bits); i++)
        if ((key_usage & bits[i].bit) != 0)
            length += (size_t)snprintf(out + length, USAGE_TEXT_SIZE - length, "%s%s", length > 0 ? ", " : "", bits[i].word);
    return out;
}

static void attribute_append(char out[SUBJECT_TEXT_SIZE], const char *name, const char *value)
{
    size_t length = strlen(out);

    if (value[0] != '\0')
        snprintf(out + length, SUBJECT_TEXT_SIZE - length, "%s%s=%s", length > 0 ? ", " : "", name, value);
}

const char *subject_words(const struct smki_subject *subject, char out[SUBJECT_TEXT_SIZE])
{
    char eui[SMKI_DEVICE_ID_TEXT_SIZE];

    out[0] = '\0';
    attribute_append(out, "O", subject->organisation);
    attribute_append(out, "CN", subject->common_name);
    attribute_append(out, "OU", subject->unit);
    if (subject->has_eui)
        attribute_append(out, "uniqueIdentifier", smki_device_id_text(&subject->eui, eui));
    if (out[0] == '\0')
        snprintf(out, SUBJECT_TEXT_SIZE, "(empty)");
    return out;
}

static const struct reason {
    const char *word;
    uint8_t code; /* RFC 5280 5.3.1 */
} reasons[] = {
    {"unspecified", 0}, {"key-compromise", 1},         {"ca-compromise", 2},       {"affiliation-changed", 3},
    {"superseded", 4},  {"cessation-of-operation", 5}, {"privilege-withdrawn", 9},
};
static const char *const reason_list[] = {"unspecified", "key-compromise",         "ca-compromise",       "affiliation-changed",
                                          "superseded",  "cessation-of-operation", "privilege-withdrawn", NULL};

static const char *reason_word(uint8_t code)
{
    for (size_t i = 0; i < COUNT_OF(reasons); i++)
        if (reasons[i].code == code)
            return reasons[i].word;
    return "other";
}

static uint8_t reason_code(const char *word)
{
    for (size_t i = 0; i < COUNT_OF(reasons); i++)
        if (strcmp(reasons[i].word, word) == 0)
            return reasons[i].code;
    return 0;
}

/* ---- JSON ---- */

static bool hex_add(cJSON *json, const char *name, struct smki_bytes bytes)
{
    char text[2 * 64 + 1] = "";

    for (size_t i = 0; i < bytes.size && i < 64; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes.at[i]);
    return cJSON_AddStringToObject(json, name, text) != NULL;
}

static bool text_add_if(cJSON *json, const char *name, const char *text)
{
    return text[0] == '\0' || cJSON_AddStringToObject(json, name, text) != NULL;
}

static bool subject_fill(cJSON *json, const struct smki_certificate *certificate)
{
    const struct smki_subject *subject = &certificate->subject_fields;
    char eui[SMKI_DEVICE_ID_TEXT_SIZE];

    if (certificate->has_device_id && !text_add_if(json, "device_id", smki_device_id_text(&certificate->device_id, eui)))
        return false;
    return text_add_if(json, "organisation", subject->organisation) && text_add_if(json, "common_name", subject->common_name) &&
           text_add_if(json, "organisational_unit", subject->unit) &&
           (!subject->has_eui || text_add_if(json, "eui", smki_device_id_text(&subject->eui, eui)));
}

static bool certificate_fill(cJSON *json, const struct smki_stored_certificate *stored, const struct smki_certificate *certificate)
{
    char serial[2 * 20 + 1], usage[USAGE_TEXT_SIZE];
    bool revoked = stored->revoked_at.us != 0;

    return text_add_if(json, "serial", smki_serial_text(&certificate->serial, serial)) &&
           text_add_if(json, "ca", smki_ca_word(stored->ca)) && subject_fill(json, certificate) &&
           text_add_if(json, "key_usage", usage_words(certificate->key_usage, usage)) &&
           json_add_time(json, "not_before", certificate->not_before) && json_add_time(json, "not_after", certificate->not_after) &&
           json_add_time(json, "issued_at", stored->issued_at) && text_add_if(json, "state", revoked ? "revoked" : "valid") &&
           json_add_time(json, "revoked_at", stored->revoked_at) &&
           text_add_if(json, "reason", revoked ? reason_word(stored->reason) : "") && json_add_number_if(json, "party", stored->party) &&
           json_add_number_if(json, "batch", stored->batch) && json_add_number_if(json, "index", stored->index) &&
           hex_add(json, "subject_key_id", certificate->subject_key_id) && hex_add(json, "authority_key_id", certificate->authority_key_id);
}

cJSON *certificate_json(const struct smki_stored_certificate *stored, const struct smki_certificate *certificate)
{
    cJSON *json = cJSON_CreateObject();

    if (json != NULL && certificate_fill(json, stored, certificate))
        return json;
    cJSON_Delete(json);
    return NULL;
}

/* ---- show ---- */

static void facts_print(struct call *call, const struct smki_stored_certificate *stored, const struct smki_certificate *certificate)
{
    char text[SMKI_TIME_TEXT_SIZE], words[SUBJECT_TEXT_SIZE], serial[2 * 20 + 1], id[SMKI_DEVICE_ID_TEXT_SIZE];
    struct smki_ca *ca = NULL;

    fact_print("serial", "%s", smki_serial_text(&certificate->serial, serial));
    if (ca_look(&ca, call->service, stored->ca, NULL) == 0)
        fact_print("issuer", "%s (%s)", smki_ca_word(stored->ca), subject_words(&smki_ca_certificate(ca)->subject_fields, words));
    smki_ca_close(ca);
    fact_print("subject", "%s", subject_words(&certificate->subject_fields, words));
    if (certificate->has_device_id)
        fact_print("device", "%s", smki_device_id_text(&certificate->device_id, id));
    fact_print("key usage", "%s", usage_words(certificate->key_usage, words));
    fact_print("valid from", "%s", time_words(certificate->not_before, text));
    fact_print("valid to", "%s", time_words(certificate->not_after, text));
    fact_print("issued", "%s", time_words(stored->issued_at, text));
    if (stored->party != 0)
        fact_print("Party", "%" PRIu64, stored->party);
    if (stored->batch != 0)
        fact_print("batch", "%" PRIu64 ", CSR %" PRIu32, stored->batch, stored->index);
    if (stored->revoked_at.us != 0)
        fact_print("revoked", "%s (%s)", time_words(stored->revoked_at, text), reason_word(stored->reason));
}

static int cert_show(struct call *call)
{
    struct smki_serial serial = value_serial(call_operand(call, 0));
    struct smki_stored_certificate stored;
    struct smki_certificate certificate;
    struct smki_bytes der;
    int rc;

    if (call_has(call, "pem") + call_has(call, "der") + call->json > 1)
        return call_usage(call, "only one of --pem, --der and --json can be given");
    if ((rc = smki_service_certificate(call->service, &serial, &stored, &call->err)) != 0)
        return rc;
    der = (struct smki_bytes){stored.der, stored.size};
    if (call_has(call, "pem"))
        return pem_put(NULL, "CERTIFICATE", der, &call->err);
    if (call_has(call, "der"))
        return file_put(NULL, der, &call->err);
    if ((rc = smki_certificate_read(&certificate, der, &call->err)) != 0)
        return rc;
    if (call->json)
        return json_print(call, certificate_json(&stored, &certificate));
    facts_print(call, &stored, &certificate);
    return 0;
}

/* ---- issue, revoke ---- */

int issued_unwritten(const struct smki_stored_certificate *issued, const struct smki_error *why, struct smki_error *err)
{
    struct smki_certificate certificate;
    char serial[2 * 20 + 1];

    if (smki_certificate_read(&certificate, (struct smki_bytes){issued->der, issued->size}, err) != 0)
        return err->code;
    err->code = SMKI_IO; /* not DISK_FULL, whose advice is to repeat: that would ask for a second certificate */
    snprintf(err->text, sizeof(err->text), "the certificate is issued but not written (%.200s); have it by 'smki cert show %s --pem'",
             why->text, smki_serial_text(&certificate.serial, serial));
    return SMKI_IO;
}

int issued_put(const char *path, const struct smki_stored_certificate *issued, struct smki_error *err)
{
    struct smki_error why = {0};
    int rc = pem_put(path, "CERTIFICATE", (struct smki_bytes){issued->der, issued->size}, &why);

    if (rc == 0 && path == NULL && fflush(stdout) != 0)
        snprintf(why.text, sizeof(why.text), "standard output: %s", strerror(errno));
    else if (rc == 0)
        return 0;
    return issued_unwritten(issued, &why, err);
}

static int cert_issue(struct call *call)
{
    enum smki_profile profile = strcmp(call_text(call, "profile"), "device") == 0 ? SMKI_PROFILE_DEVICE : SMKI_PROFILE_ORGANISATION;
    struct smki_stored_certificate stored;
    struct smki_buffer csr = {0};
    int rc;

    call->actor.party = call_number(call, "party");
    if ((rc = der_take(&csr, call_operand(call, 0), &call->err)) == 0)
        rc = smki_service_issue(call->service, &call->actor, profile, (struct smki_bytes){csr.at, csr.size}, &stored, &call->err);
    smki_buffer_finish(&csr);
    return rc == 0 ? issued_put(call_text(call, "out"), &stored, &call->err) : rc;
}

/* True when the operator means it; else *rc is what to return. */
static bool revocation_meant(struct call *call, const char *serial, int *rc)
{
    *rc = 0;
    if (call_has(call, "yes"))
        return true;
    if (call_confirm("Revoke %s for good (%s)?", serial, call_text(call, "reason")))
        return true;
    *rc = call_usage(call, "nothing was revoked: answer y on a terminal, or give --yes");
    return false;
}

static int cert_revoke(struct call *call)
{
    struct smki_serial serial = value_serial(call_operand(call, 0));
    const char *reason = call_text(call, "reason");
    struct smki_stored_certificate stored;
    char text[2 * 20 + 1];
    int rc;

    if ((rc = smki_service_certificate(call->service, &serial, &stored, &call->err)) != 0)
        return rc;
    smki_serial_text(&serial, text);
    if (stored.revoked_at.us != 0)
        return call_fail(call, SMKI_ALREADY_EXISTS, "certificate %s is revoked already", text);
    if (call_has(call, "dry-run")) {
        printf("%s of %s would be revoked: %s\n", text, smki_ca_word(stored.ca), reason);
        return 0;
    }
    if (!revocation_meant(call, text, &rc))
        return rc;
    if ((rc = smki_service_revoke(call->service, &call->actor, &serial, reason_code(reason), &call->err)) == 0)
        printf("%s is revoked; 'smki ca crl %s' makes the CRL that lists it\n", text, smki_ca_word(stored.ca));
    return rc;
}

/* ---- the table ---- */

static const char *const profile_words[] = {"device", "organisation", NULL};
static const struct command_value serial_operands[] = {{"SERIAL", VALUE_SERIAL, REQUIRED, NULL, "its serial number, in hexadecimal", NULL},
                                                       {0}};
static const struct command_value file_operands[] = {
    {"FILE", VALUE_FILE, REQUIRED, NULL, "the request: PEM, DER or bare base64; -: standard input", NULL}, {0}};
static const struct command_value show_options[] = {
    {"pem", VALUE_FLAG, 0, NULL, "print it as PEM", NULL},
    {"der", VALUE_FLAG, 0, NULL, "print it as DER", NULL},
    {0},
};
static const struct command_value revoke_options[] = {
    {"reason", VALUE_WORD, REQUIRED, "WORD", "why", reason_list},
    {"yes", VALUE_FLAG, 0, NULL, "do not ask", NULL},
    {"dry-run", VALUE_FLAG, 0, NULL, "say what would be done, and do nothing", NULL},
    {0},
};
static const struct command_value issue_options[] = {
    {"profile", VALUE_WORD, REQUIRED, "device|organisation", "what the request is for", profile_words},
    {"party", VALUE_NUMBER, REQUIRED, NULL, "the Party it is for", NULL},
    {"out", VALUE_FILE, 0, NULL, "where the certificate goes, as PEM; without: standard output", NULL},
    {0},
};

const struct command certificate_commands[] = {
    {"cert show", "Show a certificate", COMMAND_HOME | COMMAND_JSON, show_options, serial_operands, NULL, cert_show},
    {"cert issue", "Issue one Device or Organisation Certificate at once", COMMAND_HOME, issue_options, file_operands,
     "The request is judged as one that came by the portal: format, signature, eligibility, duplicates, the device's limit.\n\n"
     "Example:\n"
     "  smki cert issue --profile organisation --party 1 --out example.pem example.csr\n",
     cert_issue},
    {"cert revoke", "Revoke a certificate; it comes on the next CRL", COMMAND_HOME, revoke_options, serial_operands,
     "Reasons (RFC 5280 5.3.1): unspecified, key-compromise, ca-compromise, affiliation-changed, superseded,\n"
     "cessation-of-operation, privilege-withdrawn.\n",
     cert_revoke},
    {0},
};
