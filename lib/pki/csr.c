/* Reading requests (RFC 2986):
 *
 *   CertificationRequest ::= SEQUENCE { info CertificationRequestInfo, signatureAlgorithm AlgorithmIdentifier, signature BIT STRING }
 *   CertificationRequestInfo ::= SEQUENCE { version INTEGER, subject Name, subjectPKInfo SubjectPublicKeyInfo, attributes [0] SET OF
 * Attribute }
 *
 * One function an element, called in its order. What the three profiles differ in is the table below. Nothing here allocates, and nothing
 * is written but *csr and, on a refusal, *err. */
#include "pki/der_i.h"
#include "pki/key_i.h"
#include "pki/name_i.h"
#include "pki/oid_i.h"
#include "pki/p256_i.h"

#include <smki/csr.h>

#include <string.h>

#define CSR_TRAILER_SIZE 4 /* octets that real meters add after the request */
#define IKI_RSA_OCTETS   256

struct csr_profile {
    const char *word;
    const char *rule;
    const struct smki_bytes *key_algorithm;
    const struct smki_bytes *signature_algorithm;
    uint8_t usages; /* bits that keyUsage may be one of */
    bool usage_critical;
    bool wants_alt_name;
    int (*read_subject)(struct smki_csr *csr, struct smki_bytes name, struct smki_error *err);
    int (*read_key)(struct smki_csr *csr, struct der *spki, struct smki_error *err);
};

static int read_subject_device(struct smki_csr *csr, struct smki_bytes name, struct smki_error *err);
static int read_subject_organisation(struct smki_csr *csr, struct smki_bytes name, struct smki_error *err);
static int read_subject_iki(struct smki_csr *csr, struct smki_bytes name, struct smki_error *err);
static int read_key_p256(struct smki_csr *csr, struct der *spki, struct smki_error *err);
static int read_key_rsa(struct smki_csr *csr, struct der *spki, struct smki_error *err);

static const struct csr_profile profiles[] = {
    [SMKI_PROFILE_DEVICE] = {"device", "IDS App. F", &oid_ec_public_key, &oid_ecdsa_sha256, SMKI_DIGITAL_SIGNATURE | SMKI_KEY_AGREEMENT,
                             false, true, read_subject_device, read_key_p256},
    [SMKI_PROFILE_ORGANISATION] = {"organisation", "IDS App. D", &oid_ec_public_key, &oid_ecdsa_sha256,
                                   SMKI_DIGITAL_SIGNATURE | SMKI_KEY_AGREEMENT, false, false, read_subject_organisation, read_key_p256},
    [SMKI_PROFILE_IKI] = {"iki", "IDS App. G", &oid_rsa, &oid_rsa_sha256, SMKI_DIGITAL_SIGNATURE, true, false, read_subject_iki,
                          read_key_rsa},
};

static int malformed(struct smki_error *err, const char *what)
{
    return smki_fail(err, SMKI_CSR_MALFORMED, "%s is not well-formed DER (RFC 2986 4.1, X.690)", what);
}

/* ---- subject ---- */

static int read_subject_device(struct smki_csr *csr, struct smki_bytes name, struct smki_error *err)
{
    struct der der = der_of(name), inside;

    (void)csr;
    if (!der_enter(&der, DER_SEQUENCE, &inside) || !der_well_formed(name))
        return malformed(err, "the subject");
    if (!der_done(&inside))
        return smki_fail(err, SMKI_CSR_SUBJECT, "the subject is not empty, a device's must be (GBCS 12, IDS App. F)");
    return 0;
}

static bool is_hexadecimal(char digit)
{
    return (digit >= '0' && digit <= '9') || (digit >= 'A' && digit <= 'F') || (digit >= 'a' && digit <= 'f');
}

/* OU = the Remote Party Role code as two hexadecimal digits (GBCS 12). */
static int check_unit(const struct smki_subject *subject, const char *rule, struct smki_error *err)
{
    const char *unit = subject->unit;

    if (unit[0] == '\0')
        return smki_fail(err, SMKI_CSR_SUBJECT, "the subject has no OU, it must hold the Remote Party Role code (%s)", rule);
    if (!is_hexadecimal(unit[0]) || !is_hexadecimal(unit[1]) || unit[2] != '\0')
        return smki_fail(err, SMKI_CSR_SUBJECT, "OU is \"%.40s\", it must be the Remote Party Role code as two hexadecimal digits (%s)",
                         unit, rule);
    return 0;
}

static int read_subject_organisation(struct smki_csr *csr, struct smki_bytes name, struct smki_error *err)
{
    const char *rule = profiles[SMKI_PROFILE_ORGANISATION].rule;
    int rc;

    if ((rc = name_read_request(&csr->subject, name, err)) != 0 || (rc = check_unit(&csr->subject, rule, err)) != 0)
        return rc;
    if (!csr->subject.has_eui)
        return smki_fail(err, SMKI_CSR_SUBJECT, "the subject has no uniqueIdentifier (2.5.4.45), it must hold the EUI-64 (%s)", rule);
    if (csr->subject.organisation[0] != '\0')
        return smki_fail(err, SMKI_CSR_SUBJECT, "the subject has an O (\"%.60s\"): only CN, OU and uniqueIdentifier may stand there (%s)",
                         csr->subject.organisation, rule);
    return 0;
}

static int read_subject_iki(struct smki_csr *csr, struct smki_bytes name, struct smki_error *err)
{
    const char *rule = profiles[SMKI_PROFILE_IKI].rule;
    int rc;

    if ((rc = name_read_request(&csr->subject, name, err)) != 0 || (rc = check_unit(&csr->subject, rule, err)) != 0)
        return rc;
    if (csr->subject.organisation[0] == '\0')
        return smki_fail(err, SMKI_CSR_SUBJECT, "the subject has no O, it must hold the organisation's trading name (%s)", rule);
    if (csr->subject.common_name[0] == '\0')
        return smki_fail(err, SMKI_CSR_SUBJECT, "the subject has no CN, it must hold the system's unique name (%s)", rule);
    if (csr->subject.has_eui)
        return smki_fail(err, SMKI_CSR_SUBJECT, "the subject has a uniqueIdentifier: only O, OU and CN may stand there (%s)", rule);
    return 0;
}

/* ---- public key ---- */

/* The AlgorithmIdentifier's OID is read; what is left of it is parameters. */
static int read_key_p256(struct smki_csr *csr, struct der *spki, struct smki_error *err)
{
    struct der algorithm;
    struct smki_bytes oid, curve, point;
    char text[OID_TEXT_SIZE];

    if (!der_enter(spki, DER_SEQUENCE, &algorithm) || !der_oid(&algorithm, &oid))
        return malformed(err, "the public key's algorithm");
    if (!der_next_is(&algorithm, DER_OID))
        return smki_fail(err, SMKI_CSR_KEY, "the key names no curve: P-256 by its OID is required (RFC 5480 2.1.1, GBCS 12)");
    if (!der_oid(&algorithm, &curve) || !der_done(&algorithm))
        return malformed(err, "the public key's curve");
    if (!bytes_equal(curve, oid_p256))
        return smki_fail(err, SMKI_CSR_KEY, "the key is on the curve %s, P-256 is required (GBCS 12)", oid_text(curve, text));
    if (!der_bit_octets(spki, &point))
        return malformed(err, "the public key's BIT STRING");
    if (point.size != SMKI_P256_POINT_SIZE || point.at[0] != 0x04)
        return smki_fail(
            err, SMKI_CSR_KEY,
            "the public key has %zu octets and begins with %02X: an uncompressed point of 65 octets, 04 x y, is required (GBCS 12)",
            point.size, point.size != 0 ? point.at[0] : 0);
    memcpy(csr->point, point.at, SMKI_P256_POINT_SIZE);
    return 0;
}

/* RSAPublicKey ::= SEQUENCE { modulus, publicExponent }: 2048 bits, an odd exponent of at least 3 (RFC 8017 3.1). */
static int check_rsa_key(struct smki_bytes key, struct smki_error *err)
{
    struct der outer = der_of(key), inside;
    struct smki_bytes modulus, exponent;

    if (!der_enter(&outer, DER_SEQUENCE, &inside) || !der_done(&outer) || !der_positive(&inside, &modulus) ||
        !der_positive(&inside, &exponent) || !der_done(&inside))
        return malformed(err, "the RSA public key");
    if (modulus.size != IKI_RSA_OCTETS || (modulus.at[0] & 0x80) == 0)
        return smki_fail(err, SMKI_CSR_KEY,
                         "the RSA modulus has %zu octets and begins with %02X: exactly 2048 bits are required (IDS App. G)", modulus.size,
                         modulus.at[0]);
    if (exponent.size > 8 || (exponent.at[exponent.size - 1] & 1) == 0 || (exponent.size == 1 && exponent.at[0] < 3))
        return smki_fail(err, SMKI_CSR_KEY, "the RSA public exponent must be odd, at least 3 and at most 64 bits (RFC 8017 3.1)");
    return 0;
}

static int read_key_rsa(struct smki_csr *csr, struct der *spki, struct smki_error *err)
{
    struct der algorithm;
    struct smki_bytes oid, null, key;

    (void)csr;
    if (!der_enter(spki, DER_SEQUENCE, &algorithm) || !der_oid(&algorithm, &oid) || !der_take(&algorithm, DER_NULL, &null) ||
        null.size != 0 || !der_done(&algorithm))
        return malformed(err, "the public key's algorithm");
    if (!der_bit_octets(spki, &key))
        return malformed(err, "the public key's BIT STRING");
    return check_rsa_key(key, err);
}

static int read_spki(struct smki_csr *csr, struct der *info, struct smki_error *err)
{
    const struct csr_profile *profile = &profiles[csr->profile];
    struct der inside, ahead, algorithm, outer;
    struct smki_bytes oid;
    char found[OID_TEXT_SIZE], wanted[OID_TEXT_SIZE];
    int rc;

    if (!der_take_whole(info, DER_SEQUENCE, &csr->spki))
        return malformed(err, "the public key");
    outer = der_of(csr->spki);
    if (!der_enter(&outer, DER_SEQUENCE, &inside))
        return malformed(err, "the public key");
    ahead = inside;
    if (!der_enter(&ahead, DER_SEQUENCE, &algorithm) || !der_oid(&algorithm, &oid))
        return malformed(err, "the public key's algorithm");
    if (!bytes_equal(oid, *profile->key_algorithm))
        return smki_fail(err, SMKI_CSR_OID, "the public key's algorithm is %s, %s is required (%s)", oid_text(oid, found),
                         oid_text(*profile->key_algorithm, wanted), profile->rule);
    if ((rc = profile->read_key(csr, &inside, err)) != 0)
        return rc;
    return der_done(&inside) ? 0 : malformed(err, "what follows the public key inside its SEQUENCE");
}

/* ---- requested extensions ---- */

/* What has been met so far: each of these stands in a request at most once. */
struct met {
    bool extension_request, key_usage, subject_alt_name;
};

static int count_bits(unsigned value)
{
    int count = 0;

    for (; value != 0; value &= value - 1)
        count++;
    return count;
}

/* A named bit list in DER ends with a bit that is set (X.690 11.2.2): for our two usages 03 02 07 80 and 03 02 03 08. */
static bool named_bits_minimal(struct smki_bytes bits, uint8_t unused)
{
    return bits.size == 0 || (bits.at[bits.size - 1] >> unused & 1) != 0;
}

static int read_key_usage(struct smki_csr *csr, struct smki_bytes value, bool critical, struct smki_error *err)
{
    const struct csr_profile *profile = &profiles[csr->profile];
    const char *allowed = profile->usages == SMKI_DIGITAL_SIGNATURE ? "digitalSignature" : "digitalSignature, keyAgreement";
    struct der der = der_of(value);
    struct smki_bytes bits;
    uint8_t unused;
    int count = 0;

    if (!der_bits(&der, &bits, &unused) || !der_done(&der) || !named_bits_minimal(bits, unused))
        return malformed(err, "keyUsage");
    for (size_t i = 0; i < bits.size; i++)
        count += count_bits(bits.at[i]);
    if (count != 1)
        return smki_fail(err, SMKI_CSR_KEY_USAGE, "keyUsage has %d bits set, %s allows exactly one of %s", count, profile->rule, allowed);
    if (bits.size != 1 || (bits.at[0] & profile->usages) == 0)
        return smki_fail(err, SMKI_CSR_KEY_USAGE, "keyUsage has bit %zu set, %s allows exactly one of %s", 8 * bits.size - 1 - unused,
                         profile->rule, allowed);
    if (profile->usage_critical && !critical)
        return smki_fail(err, SMKI_CSR_KEY_USAGE, "keyUsage is not critical, %s asks for it to be", profile->rule);
    csr->key_usage = (enum smki_key_usage)bits.at[0];
    return 0;
}

static int refuse_alt_name(const char *found, struct smki_error *err)
{
    return smki_fail(
        err, SMKI_CSR_SUBJECT_ALT_NAME,
        "subjectAltName %s: it must be one otherName hardwareModuleName (1.3.6.1.5.5.7.8.4) with the 8 octets of the Device ID as "
        "hwSerialNum (IDS App. F, RFC 4108 5)",
        found);
}

/* HardwareModuleName ::= SEQUENCE { hwType OBJECT IDENTIFIER, hwSerialNum OCTET STRING } */
static int read_hardware_name(struct smki_csr *csr, struct der *hardware, struct smki_error *err)
{
    struct smki_bytes serial;
    char found[64];

    if (!der_oid(hardware, &csr->hardware_type) || !der_take(hardware, DER_OCTET_STRING, &serial) || !der_done(hardware))
        return refuse_alt_name("holds something else than hwType and hwSerialNum", err);
    if (serial.size != SMKI_DEVICE_ID_SIZE) {
        snprintf(found, sizeof found, "has an hwSerialNum of %zu octets", serial.size);
        return refuse_alt_name(found, err);
    }
    memcpy(csr->device_id.octet, serial.at, SMKI_DEVICE_ID_SIZE);
    return 0;
}

/* GeneralNames with one otherName [0] { type-id, [0] EXPLICIT value } (RFC 5280 4.2.1.6). */
static int read_alt_name(struct smki_csr *csr, struct smki_bytes value, struct smki_error *err)
{
    struct der outer = der_of(value), names, other, explicit, hardware;
    struct smki_bytes type;

    if (!der_well_formed(value) || !der_enter(&outer, DER_SEQUENCE, &names) || !der_done(&outer))
        return malformed(err, "subjectAltName");
    if (!der_next_is(&names, DER_CONTEXT_CONSTRUCTED | 0) || !der_enter(&names, DER_CONTEXT_CONSTRUCTED | 0, &other))
        return refuse_alt_name(der_done(&names) ? "is empty" : "holds a name of another kind", err);
    if (!der_done(&names))
        return refuse_alt_name("holds more than one name", err);
    if (!der_oid(&other, &type) || !bytes_equal(type, oid_hardware_module_name))
        return refuse_alt_name("holds an otherName of another type", err);
    if (!der_enter(&other, DER_CONTEXT_CONSTRUCTED | 0, &explicit) || !der_done(&other) || !der_enter(&explicit, DER_SEQUENCE, &hardware) ||
        !der_done(&explicit))
        return refuse_alt_name("holds a hardwareModuleName of another form", err);
    csr->subject_alt_name = value;
    return read_hardware_name(csr, &hardware, err);
}

static int refuse_twice(const char *what, struct smki_error *err)
{
    return smki_fail(err, SMKI_CSR_EXTENSIONS, "%s is requested twice, it may stand in a request once (RFC 5280 4.2)", what);
}

/* Other extensions than these are left alone: a CSR's extensions are read for their values and never copied (interfaces.md 7). */
static int take_extension(struct smki_csr *csr, struct met *met, struct smki_bytes oid, bool critical, struct smki_bytes value,
                          struct smki_error *err)
{
    if (bytes_equal(oid, oid_key_usage)) {
        if (met->key_usage)
            return refuse_twice("keyUsage", err);
        met->key_usage = true;
        return read_key_usage(csr, value, critical, err);
    }
    if (bytes_equal(oid, oid_subject_alt_name)) {
        if (met->subject_alt_name)
            return refuse_twice("subjectAltName", err);
        met->subject_alt_name = true;
        return profiles[csr->profile].wants_alt_name ? read_alt_name(csr, value, err) : 0;
    }
    return 0;
}

/* Extension ::= SEQUENCE { extnID, critical BOOLEAN DEFAULT FALSE, extnValue OCTET STRING }; DER leaves a default out (X.690 11.5). */
static int read_extension(struct smki_csr *csr, struct met *met, struct der *extensions, struct smki_error *err)
{
    struct der extension;
    struct smki_bytes oid, value;
    bool critical = false;

    if (!der_enter(extensions, DER_SEQUENCE, &extension) || !der_oid(&extension, &oid))
        return malformed(err, "a requested extension");
    if (der_next_is(&extension, DER_BOOLEAN) && (!der_boolean(&extension, &critical) || !critical))
        return malformed(err, "a requested extension's criticality");
    if (!der_take(&extension, DER_OCTET_STRING, &value) || !der_done(&extension))
        return malformed(err, "a requested extension's value");
    return take_extension(csr, met, oid, critical, value, err);
}

/* The attribute's SET holds exactly one Extensions (RFC 2985 5.4.2). */
static int read_extension_request(struct smki_csr *csr, struct met *met, struct der *values, struct smki_error *err)
{
    struct der extensions;
    int rc;

    if (met->extension_request)
        return refuse_twice("extensionRequest", err);
    met->extension_request = true;
    if (!der_enter(values, DER_SEQUENCE, &extensions) || der_done(&extensions))
        return malformed(err, "extensionRequest");
    if (!der_done(values))
        return smki_fail(err, SMKI_CSR_EXTENSIONS, "extensionRequest holds more than one value, one is allowed (RFC 2985 5.4.2)");
    while (!der_done(&extensions)) {
        if ((rc = read_extension(csr, met, &extensions, err)) != 0)
            return rc;
    }
    return 0;
}

/* Attribute ::= SEQUENCE { type, values SET SIZE (1..MAX) OF ANY }; others than extensionRequest are left alone. */
static int read_attribute(struct smki_csr *csr, struct met *met, struct der *attributes, struct smki_error *err)
{
    struct der attribute, values;
    struct smki_bytes type, set;

    if (!der_enter(attributes, DER_SEQUENCE, &attribute) || !der_oid(&attribute, &type) || !der_take(&attribute, DER_SET, &set) ||
        !der_done(&attribute) || set.size == 0)
        return malformed(err, "an attribute");
    values = der_of(set);
    if (bytes_equal(type, oid_extension_request))
        return read_extension_request(csr, met, &values, err);
    return der_well_formed(set) ? 0 : malformed(err, "an attribute's value");
}

static int check_met(const struct smki_csr *csr, const struct met *met, struct smki_error *err)
{
    const struct csr_profile *profile = &profiles[csr->profile];

    if (!met->extension_request)
        return smki_fail(err, SMKI_CSR_EXTENSIONS, "there is no extensionRequest (1.2.840.113549.1.9.14); %s asks for one", profile->rule);
    if (!met->key_usage)
        return smki_fail(err, SMKI_CSR_KEY_USAGE, "no keyUsage is requested; %s asks for one", profile->rule);
    if (profile->wants_alt_name && !met->subject_alt_name)
        return refuse_alt_name("is not requested", err);
    return 0;
}

static int read_attributes(struct smki_csr *csr, struct der *info, struct smki_error *err)
{
    struct der attributes;
    struct met met = {0};
    int rc;

    if (!der_enter(info, DER_CONTEXT_CONSTRUCTED | 0, &attributes) || !der_done(info))
        return malformed(err, "the attributes ([0])");
    while (!der_done(&attributes)) {
        if ((rc = read_attribute(csr, &met, &attributes, err)) != 0)
            return rc;
    }
    return check_met(csr, &met, err);
}

/* ---- the request ---- */

static int read_info(struct smki_csr *csr, struct smki_error *err)
{
    struct der outer = der_of(csr->info), info;
    struct smki_bytes version, subject;
    int rc;

    if (!der_enter(&outer, DER_SEQUENCE, &info) || !der_integer(&info, &version))
        return malformed(err, "the request's version");
    if (version.size != 1 || version.at[0] != 0)
        return smki_fail(err, SMKI_CSR_VERSION, "the request's version is %s%02X, it must be 0 (RFC 2986 4.1)",
                         version.size > 1 ? "..." : "", version.at[version.size - 1]);
    if (!der_take_whole(&info, DER_SEQUENCE, &subject))
        return malformed(err, "the subject");
    if ((rc = profiles[csr->profile].read_subject(csr, subject, err)) != 0 || (rc = read_spki(csr, &info, err)) != 0)
        return rc;
    return read_attributes(csr, &info, err);
}

/* ecdsa-with-SHA256 has no parameters (RFC 5758 3.2), sha256WithRSAEncryption has NULL (RFC 4055 5). */
static int read_signature(struct smki_csr *csr, struct der *request, struct smki_error *err)
{
    const struct csr_profile *profile = &profiles[csr->profile];
    struct der algorithm;
    struct smki_bytes oid, null;
    char found[OID_TEXT_SIZE], wanted[OID_TEXT_SIZE];
    bool parameters_good;

    if (!der_enter(request, DER_SEQUENCE, &algorithm) || !der_oid(&algorithm, &oid))
        return malformed(err, "the signature's algorithm");
    if (!bytes_equal(oid, *profile->signature_algorithm))
        return smki_fail(err, SMKI_CSR_OID, "the signature's algorithm is %s, %s is required (%s)", oid_text(oid, found),
                         oid_text(*profile->signature_algorithm, wanted), profile->rule);
    parameters_good = csr->profile != SMKI_PROFILE_IKI || (der_take(&algorithm, DER_NULL, &null) && null.size == 0);
    if (!parameters_good || !der_done(&algorithm))
        return smki_fail(err, SMKI_CSR_SIGNATURE_ALGORITHM,
                         "the signature's algorithm has parameters that do not belong to %s (RFC 5758 3.2, RFC 4055 5)",
                         oid_text(oid, found));
    return der_bit_octets(request, &csr->signature) ? 0 : malformed(err, "the signature's BIT STRING");
}

static int take_request(struct smki_csr *csr, struct smki_bytes der, struct smki_error *err)
{
    struct der reader = der_of(der);

    if (der.size > SMKI_CSR_MAX_SIZE)
        return smki_fail(err, SMKI_CSR_TOO_LARGE, "the request has %zu octets, %d is the most", der.size, SMKI_CSR_MAX_SIZE);
    if (!der_take_whole(&reader, DER_SEQUENCE, &csr->der))
        return smki_fail(err, SMKI_CSR_MALFORMED,
                         "the %zu octets are not one SEQUENCE in DER: cut short, or something else than a request (RFC 2986 4.2)",
                         der.size);
    csr->trailer = der.size - csr->der.size;
    if (csr->trailer != 0 && csr->trailer != CSR_TRAILER_SIZE)
        return smki_fail(err, SMKI_CSR_MALFORMED, "%zu octet%s the request, which has %zu: take %s away (RFC 2986 4.2)", csr->trailer,
                         csr->trailer == 1 ? " follows" : "s follow", csr->der.size, csr->trailer == 1 ? "it" : "them");
    return 0;
}

int smki_csr_read(struct smki_csr *csr, enum smki_profile profile, struct smki_bytes der, struct smki_error *err)
{
    struct der outer, request;
    int rc;

    *csr = (struct smki_csr){.profile = profile};
    if ((unsigned)profile >= ARRAY_COUNT(profiles))
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "there is no request profile %d", (int)profile);
    if ((rc = take_request(csr, der, err)) != 0)
        return rc;
    outer = der_of(csr->der);
    if (!der_enter(&outer, DER_SEQUENCE, &request) || !der_take_whole(&request, DER_SEQUENCE, &csr->info))
        return malformed(err, "the CertificationRequestInfo");
    if ((rc = read_info(csr, err)) != 0 || (rc = read_signature(csr, &request, err)) != 0)
        return rc;
    return der_done(&request) ? 0 : malformed(err, "what follows the signature inside the request");
}

/* ---- guessing ---- */

static bool has_eui(struct smki_bytes name)
{
    struct name_walk walk = name_walk_of(name);
    struct name_attribute attribute;

    while (name_walk_next(&walk, &attribute)) {
        if (bytes_equal(attribute.type, oid_unique_identifier))
            return true;
    }
    return false;
}

int smki_csr_guess_profile(enum smki_profile *profile, struct smki_bytes der, struct smki_error *err)
{
    struct smki_csr csr = {0};
    struct der outer, request, info, spki, algorithm;
    struct smki_bytes version, subject, oid;
    int rc;

    if ((rc = take_request(&csr, der, err)) != 0)
        return rc;
    outer = der_of(csr.der);
    if (!der_enter(&outer, DER_SEQUENCE, &request) || !der_enter(&request, DER_SEQUENCE, &info) || !der_integer(&info, &version) ||
        !der_take_whole(&info, DER_SEQUENCE, &subject) || !der_enter(&info, DER_SEQUENCE, &spki) ||
        !der_enter(&spki, DER_SEQUENCE, &algorithm) || !der_oid(&algorithm, &oid))
        return malformed(err, "the CertificationRequestInfo");
    if (has_eui(subject))
        *profile = SMKI_PROFILE_ORGANISATION;
    else if (subject.size == 2)
        *profile = SMKI_PROFILE_DEVICE;
    else
        *profile = bytes_equal(oid, oid_rsa) ? SMKI_PROFILE_IKI : SMKI_PROFILE_ORGANISATION;
    return 0;
}

/* ---- proof of possession ---- */

/* What a provider's answer says of a request. */
static int verdict(int rc, struct smki_error *err)
{
    switch (rc) {
    case 0:
        return 0;
    case SMKI_SIGNATURE_INVALID:
        return smki_fail(err, SMKI_CSR_SIGNATURE,
                         "the request's own signature does not verify under the key in it: sign it with that key (RFC 2986 4.2)");
    case SMKI_P256_POINT:
        return smki_fail(err, rc, "the public key is not a point of P-256 (SEC 1 3.2.2)");
    case SMKI_KEY_TYPE:
        return smki_fail(err, SMKI_CSR_KEY, "the public key cannot be used: RSA of 2048 to 4096 bits is required (IDS App. G)");
    default:
        return smki_fail(err, rc, NULL);
    }
}

int smki_csr_verify(const struct smki_csr *csr, struct smki_error *err)
{
    uint8_t digest[SHA256_SIZE];

    p256()->digest(digest, csr->info.at, csr->info.size);
    if (csr->profile == SMKI_PROFILE_IKI)
        return verdict(rsa_verify(csr->spki, digest, csr->signature), err);
    return verdict(p256()->verify(csr->point, digest, csr->signature), err);
}

#define MANY 32 /* verified together */

static void verify_together(const struct smki_csr *const csrs[], size_t count, int codes[])
{
    struct p256_verification verifications[MANY];

    for (size_t i = 0; i < count; i++) {
        verifications[i] = (struct p256_verification){.point = csrs[i]->point, .signature = csrs[i]->signature};
        p256()->digest(verifications[i].digest, csrs[i]->info.at, csrs[i]->info.size);
    }
    p256()->verify_many(verifications, count);
    for (size_t i = 0; i < count; i++)
        codes[i] = verdict(verifications[i].code, NULL);
}

void smki_csr_verify_many(const struct smki_csr *const csrs[], size_t count, int codes[])
{
    const struct smki_csr *curve[MANY]; /* those on P-256 */
    size_t at[MANY], waiting = 0;
    int found[MANY];

    for (size_t i = 0; i < count; i++) {
        if (csrs[i]->profile == SMKI_PROFILE_IKI) {
            codes[i] = smki_csr_verify(csrs[i], NULL);
        } else {
            at[waiting] = i;
            curve[waiting++] = csrs[i];
        }
        if (waiting != 0 && (waiting == MANY || i + 1 == count)) {
            verify_together(curve, waiting, found);
            while (waiting > 0) {
                waiting--;
                codes[at[waiting]] = found[waiting];
            }
        }
    }
}

/* ---- words ---- */

const char *smki_key_usage_word(enum smki_key_usage usage)
{
    if (usage == SMKI_DIGITAL_SIGNATURE)
        return "digitalSignature";
    return usage == SMKI_KEY_AGREEMENT ? "keyAgreement" : "none";
}

const char *smki_profile_word(enum smki_profile profile)
{
    return (unsigned)profile < ARRAY_COUNT(profiles) ? profiles[profile].word : "unknown";
}
