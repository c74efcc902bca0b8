/* Rules about the extensions of certificates, and about the values that requests share with them. */
#include "pki/lint_i.h"

#include "pki/oid_i.h"

#include <string.h>

/* ---- which, in what order, how critical ---- */

static const struct profile_extension *row_of(const struct profile *profile, struct smki_bytes oid)
{
    for (size_t i = 0; i < profile->extension_count; i++) {
        if (bytes_equal(*profile->extensions[i].oid, oid))
            return &profile->extensions[i];
    }
    return NULL;
}

bool lint_extensions_are_the_profiles(const struct lint_view *view, char detail[256])
{
    const struct profile *profile = profile_of(view->subject);
    char text[OID_TEXT_SIZE];

    for (size_t i = 0; i < profile->extension_count; i++) {
        if (lint_extension_find(view, *profile->extensions[i].oid) == NULL)
            return lint_found(detail, "%s is missing", oid_text(*profile->extensions[i].oid, text));
    }
    for (size_t i = 0; i < view->extension_count; i++) {
        const struct lint_extension *extension = &view->extensions[i];

        if (row_of(profile, extension->oid) == NULL)
            return lint_found(detail, "%s does not belong there", oid_text(extension->oid, text));
        if (lint_extension_find(view, extension->oid) != extension)
            return lint_found(detail, "%s stands there twice", oid_text(extension->oid, text));
    }
    return true;
}

bool lint_extensions_are_in_order(const struct lint_view *view, char detail[256])
{
    const struct profile *profile = profile_of(view->subject);
    const struct profile_extension *last = NULL;
    char text[OID_TEXT_SIZE];

    for (size_t i = 0; i < view->extension_count; i++) {
        const struct profile_extension *row = row_of(profile, view->extensions[i].oid);

        if (row == NULL)
            continue;
        if (last != NULL && row < last)
            return lint_found(detail, "%s stands too late", oid_text(*row->oid, text));
        last = row;
    }
    return true;
}

bool lint_criticality_is_the_profiles(const struct lint_view *view, char detail[256])
{
    const struct profile *profile = profile_of(view->subject);
    char text[OID_TEXT_SIZE];

    for (size_t i = 0; i < view->extension_count; i++) {
        const struct profile_extension *row = row_of(profile, view->extensions[i].oid);

        if (row != NULL && row->critical != view->extensions[i].critical)
            return lint_found(detail, "%s is %scritical", oid_text(*row->oid, text), row->critical ? "not " : "");
    }
    return true;
}

/* ---- keyUsage ---- */

/* The named bits of keyUsage's first octet; false when there is none, it has more octets, or is not the shortest form (X.690 11.2.2). */
static bool key_usage_bits(const struct lint_view *view, uint8_t *bits, char detail[256])
{
    const struct lint_extension *extension = lint_extension_find(view, oid_key_usage);
    struct smki_bytes octets;
    struct der der;
    uint8_t unused;

    if (extension == NULL)
        return lint_found(detail, "there is no keyUsage");
    der = der_of(extension->value);
    if (!der_bits(&der, &octets, &unused) || !der_done(&der) || octets.size > 1)
        return lint_found(detail, "keyUsage is not a BIT STRING of one octet");
    if (octets.size == 1 && (octets.at[0] & 1u << unused) == 0)
        return lint_found(detail, "keyUsage keeps trailing zero bits");
    *bits = octets.size == 1 ? octets.at[0] : 0;
    return true;
}

bool lint_key_usage_is_one_bit(const struct lint_view *view, char detail[256])
{
    uint8_t bits;

    if (!key_usage_bits(view, &bits, detail))
        return false;
    return bits == SMKI_DIGITAL_SIGNATURE || bits == SMKI_KEY_AGREEMENT ||
           lint_found(detail, "its bits are %02X, 80 or 08 is allowed", bits);
}

bool lint_iki_key_usage_is_digital_signature(const struct lint_view *view, char detail[256])
{
    uint8_t bits;

    if (!key_usage_bits(view, &bits, detail))
        return false;
    return bits == SMKI_DIGITAL_SIGNATURE || lint_found(detail, "its bits are %02X, 80 is asked for", bits);
}

bool lint_ca_key_usage_is_signing(const struct lint_view *view, char detail[256])
{
    uint8_t bits;

    if (!key_usage_bits(view, &bits, detail))
        return false;
    return bits == KEY_USAGE_CERT_AND_CRL_SIGN || lint_found(detail, "its bits are %02X, 06 is asked for", bits);
}

/* ---- key identifiers ---- */

/* The octets of subjectKeyIdentifier, or of authorityKeyIdentifier when that has nothing else. */
static bool subject_key_id(const struct lint_view *view, struct smki_bytes *id)
{
    const struct lint_extension *extension = lint_extension_find(view, oid_subject_key_id);
    struct der der = der_of(extension != NULL ? extension->value : BYTES(NULL, 0));

    return der_take(&der, DER_OCTET_STRING, id) && der_done(&der);
}

static bool authority_key_id(const struct lint_view *view, struct smki_bytes *id)
{
    const struct lint_extension *extension = lint_extension_find(view, oid_authority_key_id);
    struct der der = der_of(extension != NULL ? extension->value : BYTES(NULL, 0)), inside;

    return der_enter(&der, DER_SEQUENCE, &inside) && der_done(&der) && der_take(&inside, DER_CONTEXT | 0, id) && der_done(&inside);
}

bool lint_subject_key_id_is_the_keys(const struct lint_view *view, char detail[256])
{
    struct smki_bytes id;
    uint8_t wanted[KEY_ID_SIZE];
    char text[2 * KEY_ID_SIZE + 1];

    if (!subject_key_id(view, &id))
        return lint_found(detail, "there is none, or it is not an OCTET STRING");
    if (smki_key_id(wanted, view->spki, NULL) != 0)
        return lint_found(detail, "the key has a form that none can be made of");
    if (!bytes_equal(id, BYTES(wanted, sizeof wanted)))
        return lint_found(detail, "it has %zu octets, for this key it is %s", id.size, hex_encode(text, wanted, sizeof wanted));
    return true;
}

bool lint_authority_key_id_is_8_octets(const struct lint_view *view, char detail[256])
{
    struct smki_bytes id;

    if (!authority_key_id(view, &id))
        return lint_found(detail, "there is none, or it is not a keyIdentifier alone");
    return id.size == KEY_ID_SIZE || lint_found(detail, "it has %zu octets", id.size);
}

bool lint_authority_key_id_is_the_issuers(const struct lint_view *view, char detail[256])
{
    struct smki_bytes id;

    if (view->issued_by == NULL || !authority_key_id(view, &id) || bytes_equal(id, view->issued_by->subject_key_id))
        return true;
    return lint_found(detail, "it is of another key");
}

/* ---- the others ---- */

/* SEQUENCE { [0] { type-id, [0] { SEQUENCE { hwType, hwSerialNum } } } } (RFC 5280 4.2.1.6, RFC 4108 5) */
static bool hardware_module_name(struct smki_bytes value, struct smki_bytes *serial)
{
    struct der file = der_of(value), names, other, wrapped, hardware;
    struct smki_bytes type, hardware_type;

    return der_enter(&file, DER_SEQUENCE, &names) && der_done(&file) && der_enter(&names, DER_CONTEXT_CONSTRUCTED | 0, &other) &&
           der_done(&names) && der_oid(&other, &type) && bytes_equal(type, oid_hardware_module_name) &&
           der_enter(&other, DER_CONTEXT_CONSTRUCTED | 0, &wrapped) && der_done(&other) && der_enter(&wrapped, DER_SEQUENCE, &hardware) &&
           der_done(&wrapped) && der_oid(&hardware, &hardware_type) && der_take(&hardware, DER_OCTET_STRING, serial) && der_done(&hardware);
}

bool lint_subject_alt_name_is_a_device(const struct lint_view *view, char detail[256])
{
    const struct lint_extension *extension = lint_extension_find(view, oid_subject_alt_name);
    struct smki_bytes serial;

    if (extension == NULL)
        return lint_found(detail, "there is no subjectAltName");
    if (!hardware_module_name(extension->value, &serial))
        return lint_found(detail, "it is not one hardwareModuleName");
    return serial.size == SMKI_DEVICE_ID_SIZE || lint_found(detail, "hwSerialNum has %zu octets", serial.size);
}

bool lint_policies_are_one_oid(const struct lint_view *view, char detail[256])
{
    const struct lint_extension *extension = lint_extension_find(view, oid_certificate_policies);
    struct der file = der_of(extension != NULL ? extension->value : BYTES(NULL, 0)), policies, policy;
    struct smki_bytes oid;

    if (!der_enter(&file, DER_SEQUENCE, &policies) || !der_done(&file) || !der_enter(&policies, DER_SEQUENCE, &policy) ||
        !der_oid(&policy, &oid))
        return lint_found(detail, "there are none, or not well-formed ones");
    if (!der_done(&policies))
        return lint_found(detail, "there is more than one policy");
    return der_done(&policy) || lint_found(detail, "the policy has qualifiers");
}

static bool extension_is(const struct lint_view *view, struct smki_bytes oid, struct smki_bytes wanted)
{
    const struct lint_extension *extension = lint_extension_find(view, oid);

    return extension != NULL && bytes_equal(extension->value, wanted);
}

bool lint_issuing_ca_is_the_last_ca(const struct lint_view *view, char detail[256])
{
    static const uint8_t wanted[] = {0x30, 0x06, 0x01, 0x01, 0xff, 0x02, 0x01, 0x00};

    return extension_is(view, oid_basic_constraints, BYTES(wanted, sizeof wanted)) ||
           lint_found(detail, "basicConstraints is missing, or says something else");
}

bool lint_root_has_no_path_length(const struct lint_view *view, char detail[256])
{
    static const uint8_t wanted[] = {0x30, 0x03, 0x01, 0x01, 0xff};

    return extension_is(view, oid_basic_constraints, BYTES(wanted, sizeof wanted)) ||
           lint_found(detail, "basicConstraints is missing, or says something else");
}

bool lint_extended_key_usage_is_client_auth(const struct lint_view *view, char detail[256])
{
    const struct lint_extension *extension = lint_extension_find(view, oid_extended_key_usage);
    struct der file = der_of(extension != NULL ? extension->value : BYTES(NULL, 0)), purposes;
    struct smki_bytes oid;

    if (!der_enter(&file, DER_SEQUENCE, &purposes) || !der_oid(&purposes, &oid))
        return lint_found(detail, "there is none, or not a well-formed one");
    if (!bytes_equal(oid, oid_client_auth) || !der_done(&purposes))
        return lint_found(detail, "it has another purpose");
    return true;
}
