#include "pki/profile_i.h"

#include "pki/oid_i.h"

#include <smki/role.h>

#include <string.h>

/* ---- names ---- */

static void put_attribute(struct der_writer *writer, struct smki_bytes type, uint8_t tag, struct smki_bytes value)
{
    const uint8_t *end = writer->at;

    der_put_element(writer, tag, value);
    der_put_element(writer, DER_OID, type);
    der_wrap(writer, end, DER_SEQUENCE);
    der_wrap(writer, end, DER_SET); /* one attribute an RDN */
}

static struct smki_bytes text_bytes(const char *text)
{
    return BYTES(text, strlen(text));
}

void write_ca_name(struct der_writer *writer, const char *unit, const char *common_name)
{
    const uint8_t *end = writer->at;

    put_attribute(writer, oid_common_name, DER_PRINTABLE_STRING, text_bytes(common_name));
    if (unit != NULL)
        put_attribute(writer, oid_unit, DER_PRINTABLE_STRING, text_bytes(unit));
    der_wrap(writer, end, DER_SEQUENCE);
}

static void subject_empty(struct der_writer *writer, const struct plan *plan)
{
    (void)plan;
    der_put_element(writer, DER_SEQUENCE, BYTES(NULL, 0));
}

/* CN, OU, uniqueIdentifier, whatever their order and types in the request (GBCS 12). */
static void subject_organisation(struct der_writer *writer, const struct plan *plan)
{
    const uint8_t *end = writer->at;
    const struct smki_subject *subject = &plan->csr->subject;
    uint8_t eui[1 + SMKI_DEVICE_ID_SIZE] = {0}; /* no unused bits, then the octets */
    char unit[SMKI_ROLE_TEXT_SIZE] = {0};

    memcpy(eui + 1, subject->eui.octet, SMKI_DEVICE_ID_SIZE);
    for (size_t i = 0; i < 2 && subject->unit[i] != '\0'; i++)
        unit[i] = (char)(subject->unit[i] >= 'a' && subject->unit[i] <= 'f' ? subject->unit[i] - 'a' + 'A' : subject->unit[i]);
    put_attribute(writer, oid_unique_identifier, DER_BIT_STRING, BYTES(eui, sizeof eui));
    put_attribute(writer, oid_unit, DER_UTF8_STRING, text_bytes(unit));
    if (subject->common_name[0] != '\0')
        put_attribute(writer, oid_common_name, DER_UTF8_STRING, text_bytes(subject->common_name));
    der_wrap(writer, end, DER_SEQUENCE);
}

/* The request's own, octet for octet: CertificationRequestInfo is version, subject, ... (RFC 2986 4.1). */
static void subject_of_request(struct der_writer *writer, const struct plan *plan)
{
    struct der outside = der_of(plan->csr->info), info;
    struct smki_bytes version, name;

    if (der_enter(&outside, DER_SEQUENCE, &info) && der_take(&info, DER_INTEGER, &version) && der_take_whole(&info, DER_SEQUENCE, &name))
        der_put(writer, name);
    else
        writer->failed = true;
}

static void subject_ca(struct der_writer *writer, const struct plan *plan)
{
    write_ca_name(writer, plan->unit, plan->common_name);
}

/* ---- extension values ---- */

static void key_usage(struct der_writer *writer, const struct plan *plan)
{
    der_put_named_bits(writer, plan->key_usage);
}

static void subject_key_id(struct der_writer *writer, const struct plan *plan)
{
    der_put_element(writer, DER_OCTET_STRING, BYTES(plan->key_id, sizeof plan->key_id));
}

static void subject_alt_name(struct der_writer *writer, const struct plan *plan)
{
    der_put(writer, plan->csr->subject_alt_name);
}

static void policies(struct der_writer *writer, const struct plan *plan)
{
    const uint8_t *end = writer->at;

    der_put_element(writer, DER_OID, plan->issuer->policy);
    der_wrap(writer, end, DER_SEQUENCE);
    der_wrap(writer, end, DER_SEQUENCE);
}

void write_authority_key_id(struct der_writer *writer, struct smki_bytes key_id)
{
    const uint8_t *end = writer->at;

    der_put_element(writer, DER_CONTEXT | 0, key_id);
    der_wrap(writer, end, DER_SEQUENCE);
}

static void authority_key_id(struct der_writer *writer, const struct plan *plan)
{
    write_authority_key_id(writer, plan->issuer->key_id);
}

static void client_auth(struct der_writer *writer, const struct plan *plan)
{
    const uint8_t *end = writer->at;

    (void)plan;
    der_put_element(writer, DER_OID, oid_client_auth);
    der_wrap(writer, end, DER_SEQUENCE);
}

static void is_ca(struct der_writer *writer, const struct plan *plan)
{
    static const uint8_t value[] = {0x30, 0x03, 0x01, 0x01, 0xff}; /* cA TRUE */

    (void)plan;
    der_put(writer, BYTES(value, sizeof value));
}

static void is_last_ca(struct der_writer *writer, const struct plan *plan)
{
    static const uint8_t value[] = {0x30, 0x06, 0x01, 0x01, 0xff, 0x02, 0x01, 0x00}; /* cA TRUE, pathLenConstraint 0 */

    (void)plan;
    der_put(writer, BYTES(value, sizeof value));
}

/* ---- the tables ---- */

#define CRITICAL     true
#define NOT_CRITICAL false
#define COMMON       true
#define OWN          false

static const struct profile profiles[] = {
    {
        .subject = SMKI_LINT_DEVICE_CERTIFICATE,
        .years = 0,
        .write_subject = subject_empty,
        .extension_count = 5,
        .extensions =
            {
                {&oid_key_usage, CRITICAL, COMMON, key_usage},
                {&oid_subject_key_id, NOT_CRITICAL, OWN, subject_key_id},
                {&oid_subject_alt_name, CRITICAL, OWN, subject_alt_name},
                {&oid_certificate_policies, CRITICAL, COMMON, policies},
                {&oid_authority_key_id, NOT_CRITICAL, COMMON, authority_key_id},
            },
    },
    {
        .subject = SMKI_LINT_ORGANISATION_CERTIFICATE,
        .years = 10,
        .whole_days = true,
        .write_subject = subject_organisation,
        .extension_count = 4,
        .extensions =
            {
                {&oid_key_usage, CRITICAL, COMMON, key_usage},
                {&oid_subject_key_id, NOT_CRITICAL, OWN, subject_key_id},
                {&oid_certificate_policies, CRITICAL, COMMON, policies},
                {&oid_authority_key_id, NOT_CRITICAL, COMMON, authority_key_id},
            },
    },
    /* The policies of IKI certificates are not critical: mbedTLS refuses a peer's critical policy other than anyPolicy. */
    {
        .subject = SMKI_LINT_IKI_CERTIFICATE,
        .years = IKI_VALIDITY_YEARS,
        .write_subject = subject_of_request,
        .extension_count = 5,
        .extensions =
            {
                {&oid_key_usage, CRITICAL, COMMON, key_usage},
                {&oid_subject_key_id, NOT_CRITICAL, OWN, subject_key_id},
                {&oid_authority_key_id, NOT_CRITICAL, COMMON, authority_key_id},
                {&oid_extended_key_usage, NOT_CRITICAL, COMMON, client_auth},
                {&oid_certificate_policies, NOT_CRITICAL, COMMON, policies},
            },
    },
    {
        .subject = SMKI_LINT_ISSUING_CA,
        .years = 25,
        .whole_days = true,
        .write_subject = subject_ca,
        .extension_count = 5,
        .extensions =
            {
                {&oid_key_usage, CRITICAL, COMMON, key_usage},
                {&oid_basic_constraints, CRITICAL, COMMON, is_last_ca},
                {&oid_certificate_policies, CRITICAL, COMMON, policies},
                {&oid_subject_key_id, NOT_CRITICAL, OWN, subject_key_id},
                {&oid_authority_key_id, NOT_CRITICAL, COMMON, authority_key_id},
            },
    },
    {
        .subject = SMKI_LINT_ROOT_CA,
        .years = 50,
        .whole_days = true,
        .write_subject = subject_ca,
        .extension_count = 4,
        .extensions =
            {
                {&oid_key_usage, CRITICAL, COMMON, key_usage},
                {&oid_basic_constraints, CRITICAL, COMMON, is_ca},
                {&oid_certificate_policies, CRITICAL, COMMON, policies},
                {&oid_subject_key_id, NOT_CRITICAL, OWN, subject_key_id},
            },
    },
    {
        .subject = SMKI_LINT_IKI_CA,
        .years = 50,
        .whole_days = true,
        .write_subject = subject_ca,
        .extension_count = 4,
        .extensions =
            {
                {&oid_key_usage, CRITICAL, COMMON, key_usage},
                {&oid_basic_constraints, CRITICAL, COMMON, is_last_ca},
                {&oid_certificate_policies, NOT_CRITICAL, COMMON, policies},
                {&oid_subject_key_id, NOT_CRITICAL, OWN, subject_key_id},
            },
    },
};

const struct profile *profile_of(enum smki_lint_subject subject)
{
    for (size_t i = 0; i < ARRAY_COUNT(profiles); i++) {
        if (profiles[i].subject == subject)
            return &profiles[i];
    }
    return NULL;
}

enum smki_lint_subject profile_certificate(enum smki_profile profile)
{
    switch (profile) {
    case SMKI_PROFILE_ORGANISATION:
        return SMKI_LINT_ORGANISATION_CERTIFICATE;
    case SMKI_PROFILE_IKI:
        return SMKI_LINT_IKI_CERTIFICATE;
    case SMKI_PROFILE_DEVICE:
    default:
        return SMKI_LINT_DEVICE_CERTIFICATE;
    }
}

/* The anniversary of 29 February is 1 March. */
static struct smki_time years_later(struct smki_time time, int years)
{
    struct smki_civil utc = smki_time_to_utc(time);
    const int days = utc.day - 1;

    utc.day = 1;
    utc.year += years;
    return (struct smki_time){smki_time_from_utc(&utc).us + days * SMKI_DAY};
}

void profile_validity(const struct profile *profile, struct smki_time moment, struct smki_time *not_before, struct smki_time *not_after)
{
    static const struct smki_civil no_end = {.year = 9999, .month = 12, .day = 31, .hour = 23, .minute = 59, .second = 59};
    struct smki_civil utc = smki_time_to_utc(moment);

    utc.microsecond = 0;
    if (profile->whole_days)
        utc.hour = utc.minute = utc.second = 0;
    *not_before = smki_time_from_utc(&utc);
    *not_after = smki_time_from_utc(&no_end);
    if (profile->years != 0)
        not_after->us = years_later(*not_before, profile->years).us - SMKI_SECOND;
}

/* ---- what certificates and CRLs share ---- */

struct smki_bytes signature_algorithm_of(enum smki_key_type type)
{
    static const uint8_t ecdsa[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86,
                                    0x48, 0xce, 0x3d, 0x04, 0x03, 0x02}; /* RFC 5758 3.2: no parameters */
    static const uint8_t rsa[] = {0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                  0xf7, 0x0d, 0x01, 0x01, 0x0b, 0x05, 0x00}; /* RFC 4055 5: parameters NULL */

    return type == SMKI_KEY_RSA ? BYTES(rsa, sizeof rsa) : BYTES(ecdsa, sizeof ecdsa);
}

void wrap_extension(struct der_writer *writer, const uint8_t *end, struct smki_bytes oid, bool critical)
{
    static const uint8_t yes = 0xff;

    der_wrap(writer, end, DER_OCTET_STRING);
    if (critical)
        der_put_element(writer, DER_BOOLEAN, BYTES(&yes, 1));
    der_put_element(writer, DER_OID, oid);
    der_wrap(writer, end, DER_SEQUENCE);
}
