/* Reading certificates (RFC 5280 4.1), one function an element. */
#include "pki/der_i.h"
#include "pki/key_i.h"
#include "pki/name_i.h"
#include "pki/oid_i.h"
#include "pki/p256_i.h"

#include <smki/certificate.h>

#include <string.h>

#define VERSION_3      2
#define SERIAL_MAX     20 /* octets (RFC 5280 4.1.2.2) */
#define EXTENSIONS_MAX 32 /* for telling repeated ones; real certificates have 6 at most */

static int malformed(struct smki_error *err, const char *what)
{
    return smki_fail(err, SMKI_CERTIFICATE_MALFORMED, "%s is not well-formed DER (RFC 5280 4.1, X.690)", what);
}

/* ---- extensions: each reads its own value; false when it is not what RFC 5280 4.2.1 says ---- */

static bool read_key_usage(struct smki_certificate *out, struct smki_bytes value)
{
    struct der der = der_of(value);
    struct smki_bytes bits;
    uint8_t unused;

    if (!der_bits(&der, &bits, &unused) || !der_done(&der) || bits.size > 2)
        return false;
    out->key_usage = bits.size != 0 ? bits.at[0] : 0;
    return true;
}

static bool read_basic_constraints(struct smki_certificate *out, struct smki_bytes value)
{
    struct der der = der_of(value), inside;

    if (!der_enter(&der, DER_SEQUENCE, &inside) || !der_done(&der))
        return false;
    if (der_next_is(&inside, DER_BOOLEAN) && !der_boolean(&inside, &out->is_ca))
        return false;
    if (der_next_is(&inside, DER_INTEGER) && !der_small(&inside, &out->path_length))
        return false;
    return der_done(&inside);
}

static bool read_subject_key_id(struct smki_certificate *out, struct smki_bytes value)
{
    struct der der = der_of(value);

    return der_take(&der, DER_OCTET_STRING, &out->subject_key_id) && der_done(&der);
}

static bool read_authority_key_id(struct smki_certificate *out, struct smki_bytes value)
{
    struct der der = der_of(value), inside;

    if (!der_well_formed(value) || !der_enter(&der, DER_SEQUENCE, &inside) || !der_done(&der))
        return false;
    return !der_next_is(&inside, DER_CONTEXT | 0) || der_take(&inside, DER_CONTEXT | 0, &out->authority_key_id);
}

/* HardwareModuleName inside an otherName (RFC 4108 5); false when it is another name or has no 8 octets. */
static bool read_device_id(struct smki_certificate *out, struct der other)
{
    struct der explicit, hardware;
    struct smki_bytes type, hardware_type, serial;

    if (!der_oid(&other, &type) || !bytes_equal(type, oid_hardware_module_name) ||
        !der_enter(&other, DER_CONTEXT_CONSTRUCTED | 0, &explicit) || !der_enter(&explicit, DER_SEQUENCE, &hardware) ||
        !der_oid(&hardware, &hardware_type) || !der_take(&hardware, DER_OCTET_STRING, &serial) || serial.size != SMKI_DEVICE_ID_SIZE)
        return false;
    memcpy(out->device_id.octet, serial.at, SMKI_DEVICE_ID_SIZE);
    return true;
}

static bool read_subject_alt_name(struct smki_certificate *out, struct smki_bytes value)
{
    struct der der = der_of(value), names;
    struct smki_bytes name;
    uint8_t tag;

    out->subject_alt_name = value;
    if (!der_well_formed(value) || !der_enter(&der, DER_SEQUENCE, &names) || !der_done(&der))
        return false;
    while (!der_done(&names)) {
        if (!der_any(&names, &tag, &name))
            return false;
        if (tag == (DER_CONTEXT_CONSTRUCTED | 0) && !out->has_device_id)
            out->has_device_id = read_device_id(out, der_of(name));
    }
    return true;
}

static bool read_policies(struct smki_certificate *out, struct smki_bytes value)
{
    struct der der = der_of(value), policies, policy;

    return der_well_formed(value) && der_enter(&der, DER_SEQUENCE, &policies) && der_done(&der) &&
           der_enter(&policies, DER_SEQUENCE, &policy) && der_oid(&policy, &out->policy);
}

static const struct {
    const struct smki_bytes *oid;
    const char *word;
    bool (*read)(struct smki_certificate *out, struct smki_bytes value);
} known[] = {
    {&oid_key_usage, "keyUsage", read_key_usage},
    {&oid_basic_constraints, "basicConstraints", read_basic_constraints},
    {&oid_subject_key_id, "subjectKeyIdentifier", read_subject_key_id},
    {&oid_authority_key_id, "authorityKeyIdentifier", read_authority_key_id},
    {&oid_subject_alt_name, "subjectAltName", read_subject_alt_name},
    {&oid_certificate_policies, "certificatePolicies", read_policies},
};

static int take_extension(struct smki_certificate *out, struct smki_bytes oid, struct smki_bytes value, struct smki_error *err)
{
    for (size_t i = 0; i < ARRAY_COUNT(known); i++) {
        if (bytes_equal(oid, *known[i].oid) && !known[i].read(out, value))
            return smki_fail(err, SMKI_CERTIFICATE_MALFORMED, "the value of the extension %s is not well-formed (RFC 5280 4.2.1)",
                             known[i].word);
    }
    return 0;
}

/* A certificate has no extension twice (RFC 5280 4.2). `seen` holds those before. */
static int check_single(struct smki_bytes seen[EXTENSIONS_MAX], size_t *count, struct smki_bytes oid, struct smki_error *err)
{
    char text[OID_TEXT_SIZE];

    for (size_t i = 0; i < *count; i++) {
        if (bytes_equal(seen[i], oid))
            return smki_fail(err, SMKI_CERTIFICATE_MALFORMED, "the extension %s stands there twice (RFC 5280 4.2)", oid_text(oid, text));
    }
    if (*count == EXTENSIONS_MAX)
        return smki_fail(err, SMKI_CERTIFICATE_MALFORMED, "more than %d extensions", EXTENSIONS_MAX);
    seen[(*count)++] = oid;
    return 0;
}

static int read_extension(struct smki_certificate *out, struct der *extensions, struct smki_bytes *oid, struct smki_error *err)
{
    struct der extension;
    struct smki_bytes value;
    bool critical;

    if (!der_enter(extensions, DER_SEQUENCE, &extension) || !der_oid(&extension, oid) ||
        (der_next_is(&extension, DER_BOOLEAN) && !der_boolean(&extension, &critical)) || !der_take(&extension, DER_OCTET_STRING, &value) ||
        !der_done(&extension))
        return malformed(err, "an extension");
    return take_extension(out, *oid, value, err);
}

static int read_extensions(struct smki_certificate *out, struct der *tbs, struct smki_error *err)
{
    struct smki_bytes seen[EXTENSIONS_MAX], oid;
    struct der outer, extensions;
    size_t count = 0;
    int rc;

    if (der_done(tbs))
        return 0;
    if (!der_enter(tbs, DER_CONTEXT_CONSTRUCTED | 3, &outer) || !der_done(tbs) || !der_take(&outer, DER_SEQUENCE, &out->extensions) ||
        !der_done(&outer) || out->extensions.size == 0)
        return malformed(err, "what follows the public key");
    extensions = der_of(out->extensions);
    while (!der_done(&extensions)) {
        if ((rc = read_extension(out, &extensions, &oid, err)) != 0 || (rc = check_single(seen, &count, oid, err)) != 0)
            return rc;
    }
    return 0;
}

/* ---- TBSCertificate ---- */

static int read_version(struct der *tbs, struct smki_error *err)
{
    struct der inside;
    int version;

    if (!der_enter(tbs, DER_CONTEXT_CONSTRUCTED | 0, &inside) || !der_small(&inside, &version) || !der_done(&inside) ||
        version != VERSION_3)
        return smki_fail(err, SMKI_CERTIFICATE_MALFORMED, "the certificate is not of version 3 (RFC 5280 4.1.2.1)");
    return 0;
}

static int read_serial(struct smki_serial *out, struct der *tbs, struct smki_error *err)
{
    struct smki_bytes serial;

    if (!der_integer(tbs, &serial))
        return malformed(err, "the serial number");
    if (serial.size > SERIAL_MAX)
        return smki_fail(err, SMKI_CERTIFICATE_MALFORMED, "the serial number has %zu octets, %d are the most (RFC 5280 4.1.2.2)",
                         serial.size, SERIAL_MAX);
    memcpy(out->octet, serial.at, serial.size);
    out->size = (uint8_t)serial.size;
    return 0;
}

static int read_validity(struct smki_certificate *out, struct der *tbs, struct smki_error *err)
{
    struct der validity;

    if (!der_enter(tbs, DER_SEQUENCE, &validity) || !der_time(&validity, &out->not_before) || !der_time(&validity, &out->not_after) ||
        !der_done(&validity))
        return smki_fail(err, SMKI_CERTIFICATE_MALFORMED, "the validity is not two times of the calendar in UTC (RFC 5280 4.1.2.5)");
    return 0;
}

static int read_spki(struct smki_certificate *out, struct der *tbs, struct smki_error *err)
{
    struct der outer, inside, algorithm;
    struct smki_bytes oid, key;

    if (!der_take_whole(tbs, DER_SEQUENCE, &out->spki) || !der_well_formed(out->spki))
        return malformed(err, "the public key");
    outer = der_of(out->spki);
    if (!der_enter(&outer, DER_SEQUENCE, &inside) || !der_enter(&inside, DER_SEQUENCE, &algorithm) || !der_oid(&algorithm, &oid) ||
        !der_bit_octets(&inside, &key) || !der_done(&inside))
        return malformed(err, "the public key");
    out->is_rsa = bytes_equal(oid, oid_rsa);
    out->is_p256 = spki_point(out->point, out->spki);
    return 0;
}

/* issuerUniqueID [1] and subjectUniqueID [2]: IMPLICIT BIT STRINGs that nobody uses (RFC 5280 4.1.2.8). */
static void skip_unique_ids(struct der *tbs)
{
    struct smki_bytes skipped;

    for (uint8_t tag = DER_CONTEXT | 1; tag <= (DER_CONTEXT | 2); tag++) {
        if (der_next_is(tbs, tag))
            (void)der_take(tbs, tag, &skipped);
    }
}

static int read_tbs(struct smki_certificate *out, struct smki_bytes *algorithm, struct smki_error *err)
{
    struct der outer = der_of(out->tbs), tbs;
    struct smki_subject issuer;
    int rc;

    if (!der_enter(&outer, DER_SEQUENCE, &tbs))
        return malformed(err, "TBSCertificate");
    if ((rc = read_version(&tbs, err)) != 0 || (rc = read_serial(&out->serial, &tbs, err)) != 0)
        return rc;
    if (!der_take_whole(&tbs, DER_SEQUENCE, algorithm) || !der_take_whole(&tbs, DER_SEQUENCE, &out->issuer))
        return malformed(err, "the signature algorithm or issuer inside TBSCertificate");
    if ((rc = name_read(&issuer, out->issuer, err)) != 0 || (rc = read_validity(out, &tbs, err)) != 0)
        return rc;
    if (!der_take_whole(&tbs, DER_SEQUENCE, &out->subject))
        return malformed(err, "the subject");
    if ((rc = name_read(&out->subject_fields, out->subject, err)) != 0 || (rc = read_spki(out, &tbs, err)) != 0)
        return rc;
    skip_unique_ids(&tbs);
    return read_extensions(out, &tbs, err);
}

/* ---- the certificate ---- */

/* The algorithm stands inside TBSCertificate too, and the two are the same (RFC 5280 4.1.1.2). */
static int read_signature(struct smki_certificate *out, struct der *certificate, struct smki_bytes inner, struct smki_error *err)
{
    struct smki_bytes whole;
    struct der outer, algorithm;

    if (!der_take_whole(certificate, DER_SEQUENCE, &whole) || !der_well_formed(whole))
        return malformed(err, "the signature's algorithm");
    if (!bytes_equal(whole, inner))
        return smki_fail(err, SMKI_CERTIFICATE_MALFORMED,
                         "the signature's algorithm differs inside and outside of TBSCertificate (RFC 5280 4.1.1.2)");
    outer = der_of(whole);
    if (!der_enter(&outer, DER_SEQUENCE, &algorithm) || !der_oid(&algorithm, &out->signature_algorithm))
        return malformed(err, "the signature's algorithm");
    if (!der_bit_octets(certificate, &out->signature) || !der_done(certificate))
        return malformed(err, "the signature");
    return 0;
}

int smki_certificate_read(struct smki_certificate *out, struct smki_bytes der, struct smki_error *err)
{
    struct der outer = der_of(der), certificate;
    struct smki_bytes algorithm;
    int rc;

    *out = (struct smki_certificate){.der = der, .path_length = -1};
    if (der.size > SMKI_CERTIFICATE_MAX_SIZE)
        return smki_fail(err, SMKI_CERTIFICATE_MALFORMED, "the certificate has %zu octets, %d are the most", der.size,
                         SMKI_CERTIFICATE_MAX_SIZE);
    if (!der_enter(&outer, DER_SEQUENCE, &certificate))
        return smki_fail(err, SMKI_CERTIFICATE_MALFORMED,
                         "the %zu octets are not one SEQUENCE in DER: cut short, or something else than a certificate", der.size);
    if (!der_done(&outer))
        return smki_fail(err, SMKI_CERTIFICATE_MALFORMED, "%zu octet%s the certificate", (size_t)(outer.end - outer.at),
                         outer.end - outer.at == 1 ? " follows" : "s follow");
    if (!der_take_whole(&certificate, DER_SEQUENCE, &out->tbs))
        return malformed(err, "TBSCertificate");
    if ((rc = read_tbs(out, &algorithm, err)) != 0)
        return rc;
    return read_signature(out, &certificate, algorithm, err);
}

static int check_algorithm(const struct smki_certificate *certificate, const struct smki_certificate *issuer, struct smki_error *err)
{
    char text[OID_TEXT_SIZE];
    const struct smki_bytes *wanted = issuer->is_p256 ? &oid_ecdsa_sha256 : &oid_rsa_sha256;

    if (!issuer->is_p256 && !issuer->is_rsa)
        return smki_fail(err, SMKI_SIGNATURE_INVALID, "the issuer's key is neither P-256 nor RSA: this signature cannot be verified");
    if (!bytes_equal(certificate->signature_algorithm, *wanted))
        return smki_fail(err, SMKI_SIGNATURE_INVALID, "the certificate is signed with %s, the issuer's key makes %s signatures",
                         oid_text(certificate->signature_algorithm, text),
                         issuer->is_p256 ? "ecdsa-with-SHA256" : "sha256WithRSAEncryption");
    return 0;
}

int smki_certificate_verify(const struct smki_certificate *certificate, const struct smki_certificate *issuer, struct smki_error *err)
{
    uint8_t digest[SHA256_SIZE];
    int rc;

    if (!bytes_equal(certificate->issuer, issuer->subject))
        return smki_fail(err, SMKI_SIGNATURE_INVALID, "the certificate's issuer name is not the subject of the CA certificate given");
    if ((rc = check_algorithm(certificate, issuer, err)) != 0)
        return rc;
    p256()->digest(digest, certificate->tbs.at, certificate->tbs.size);
    rc = spki_verify(issuer->spki, digest, certificate->signature);
    if (rc == SMKI_NO_MEMORY)
        return smki_fail(err, rc, NULL);
    if (rc == SMKI_P256_POINT || rc == SMKI_KEY_TYPE)
        return smki_fail(err, SMKI_SIGNATURE_INVALID, "the issuer's public key cannot be used");
    return rc == 0 ? 0 : smki_fail(err, SMKI_SIGNATURE_INVALID, "the certificate's signature does not verify under the issuer's key");
}
