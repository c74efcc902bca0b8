/* What the rules of lint look at, and the table of the rules. */
#ifndef SMKI_LINT_I_H
#define SMKI_LINT_I_H

#include "pki/profile_i.h"

#include <smki/lint.h>

#define LINT_EXTENSIONS_MAX 16 /* in one certificate or request; our profiles have at most 6 */

struct lint_extension {
    struct smki_bytes oid, value; /* contents octets; what is inside the OCTET STRING */
    bool critical;
    bool default_written; /* critical FALSE was spelled out */
};

struct lint_time {
    uint8_t tag;
    struct smki_time at;
    bool good; /* in one of RFC 5280's forms */
};

/* A certificate, a draft or a request, taken apart without judging it. What a kind does not have is empty. */
struct lint_view {
    enum smki_lint_subject subject;
    const struct smki_certificate *issued_by; /* NULL: not known */
    bool is_draft;                            /* there is no signature yet, and the key's owner has proven it */
    struct smki_bytes whole;                  /* the outermost element */
    size_t tail;                              /* octets behind it */
    struct smki_bytes body;                   /* what is signed, with its tag */
    int version;                              /* as written: 0 is v1 */
    struct smki_bytes serial;
    struct smki_bytes inner_algorithm; /* AlgorithmIdentifiers, whole */
    struct smki_bytes issuer, name;    /* Names, whole */
    struct lint_time not_before, not_after;
    struct smki_bytes spki;
    bool has_unique_ids;                   /* issuerUniqueID or subjectUniqueID */
    size_t attributes, foreign_attributes; /* of a request: in all, and others than extensionRequest */
    size_t extension_count;
    struct lint_extension extensions[LINT_EXTENSIONS_MAX];
    struct smki_bytes algorithm, signature;
};

/* Take one apart. NULL, or what could not be read as strict DER of its type. */
const char *lint_view_certificate(struct lint_view *view, struct smki_bytes der);
const char *lint_view_draft(struct lint_view *view, struct smki_bytes tbs);
const char *lint_view_request(struct lint_view *view, struct smki_bytes der);

/* The extension with this OID, or NULL. */
const struct lint_extension *lint_extension_find(const struct lint_view *view, struct smki_bytes oid);
bool lint_is_request(enum smki_lint_subject subject);
bool lint_is_self_signed(enum smki_lint_subject subject);
/* Writes what was found; returns false, so that a rule ends with it. */
bool lint_found(char detail[256], const char *format, ...) SMKI_PRINTF(2, 3);

/* Runs every ERROR rule of `subject` that can be judged without a signature over a TBSCertificate. Errors: LINT_FAILED with rule and
 * finding. */
SMKI_MUST_USE int lint_draft(enum smki_lint_subject subject, struct smki_bytes tbs, const struct smki_certificate *issued_by,
                             struct smki_error *err);

/* ---- the rules ---- */

#define L(subject)        (1u << SMKI_LINT_##subject)
#define LINT_P256_CSRS    (L(DEVICE_CSR) | L(ORGANISATION_CSR))
#define LINT_CSRS         (LINT_P256_CSRS | L(IKI_CSR))
#define LINT_P256_LEAFS   (L(DEVICE_CERTIFICATE) | L(ORGANISATION_CERTIFICATE))
#define LINT_LEAFS        (LINT_P256_LEAFS | L(IKI_CERTIFICATE))
#define LINT_P256_CAS     (L(ISSUING_CA) | L(ROOT_CA))
#define LINT_CAS          (LINT_P256_CAS | L(IKI_CA))
#define LINT_P256_CERTS   (LINT_P256_LEAFS | LINT_P256_CAS)
#define LINT_CERTS        (LINT_LEAFS | LINT_CAS)
#define LINT_DEVICE       (L(DEVICE_CSR) | L(DEVICE_CERTIFICATE))
#define LINT_ORGANISATION (L(ORGANISATION_CSR) | L(ORGANISATION_CERTIFICATE))
#define LINT_IKI          (L(IKI_CSR) | L(IKI_CERTIFICATE))

enum lint_when {
    ALWAYS,
    ON_FILES, /* not on drafts: about the signature, or proven for a draft by the request's verified signature */
};

/* X(name, severity, when, subjects, citation, text) */
#define LINT_RULES(X)                                                                                                                      \
    /* the file as a whole */                                                                                                              \
    X(is_strict_der, ERROR, ALWAYS, LINT_CSRS | LINT_CERTS, "X.690; RFC 5280 4.1; RFC 2986 4",                                             \
      "the file is one certificate or request in DER, all the way down")                                                                   \
    X(nothing_follows, ERROR, ON_FILES, LINT_CERTS | LINT_CSRS, "X.690 8.1", "no octets follow the certificate or request")                \
    X(request_has_no_tail, NOTICE, ON_FILES, LINT_CSRS, "RFC 2986 4", "no four octets follow the request, as real meters add")             \
    X(default_criticality_is_left_out, ERROR, ALWAYS, LINT_CSRS | LINT_CERTS, "X.690 11.5; RFC 5280 4.1",                                  \
      "an extension's criticality is not written when it is FALSE")                                                                        \
    /* fields */                                                                                                                           \
    X(certificate_version_is_3, ERROR, ALWAYS, LINT_CERTS, "GBCS 12; RFC 5280 4.1.2.1", "the certificate's version is 3")                  \
    X(request_version_is_0, ERROR, ALWAYS, LINT_CSRS, "IDS App. D, F, G; RFC 2986 4.1", "the request's version is 0")                      \
    X(serial_is_positive, ERROR, ALWAYS, LINT_CERTS, "GBCS 12; RFC 5280 4.1.2.2", "the serial number is positive")                         \
    X(serial_is_at_most_16_octets, ERROR, ALWAYS, LINT_CERTS, "GBCS 12", "the serial number has at most 16 octets")                        \
    X(serial_has_room_for_64_bits, NOTICE, ALWAYS, LINT_CERTS, "CP 7.1", "the serial number can hold 64 unpredictable bits")               \
    X(no_unique_identifiers, ERROR, ALWAYS, LINT_CERTS, "GBCS 12; RFC 5280 4.1.2.8", "there is no issuerUniqueID and no subjectUniqueID")  \
    X(validity_is_in_its_form, ERROR, ALWAYS, LINT_CERTS, "RFC 5280 4.1.2.5",                                                              \
      "dates through 2049 are UTCTime, later ones GeneralizedTime")                                                                        \
    X(validity_runs_forward, ERROR, ALWAYS, LINT_CERTS, "RFC 5280 4.1.2.5", "notAfter comes after notBefore")                              \
    X(device_validity_has_no_end, ERROR, ALWAYS, L(DEVICE_CERTIFICATE), "GBCS 12; RFC 5280 4.1.2.5", "notAfter is 99991231235959Z")        \
    X(validity_is_whole_years, ERROR, ALWAYS, L(ORGANISATION_CERTIFICATE) | LINT_CAS, "GBCS 12",                                           \
      "valid from 00:00:00 to 23:59:59 of the day before the 10th (organisation), 25th (issuing CA) or 50th (root) anniversary")           \
    /* names */                                                                                                                            \
    X(issuer_is_an_issuing_ca, ERROR, ALWAYS, LINT_LEAFS, "GBCS 12", "the issuer is OU=07 and CN, or CN alone, PrintableString each")      \
    X(issuer_is_a_root, ERROR, ALWAYS, L(ISSUING_CA), "GBCS 12", "the issuer is OU=00 and CN, PrintableString each")                       \
    X(issuer_is_the_subject, ERROR, ALWAYS, L(ROOT_CA) | L(IKI_CA), "GBCS 12; RFC 5280 3.2", "the issuer is the subject")                  \
    X(issuer_is_the_one_given, ERROR, ALWAYS, LINT_CERTS, "RFC 5280 4.1.2.4", "the issuer is the subject of the issuer's certificate")     \
    X(ca_names_are_at_most_4_characters, ERROR, ALWAYS, LINT_CERTS, "GBCS 12", "a CA's common name has 1 to 4 characters")                 \
    X(ca_subject_is_its_role, ERROR, ALWAYS, LINT_CAS, "GBCS 12",                                                                          \
      "the subject is OU (00 for roots, 07 for issuing CAs) and CN, or an issuing CA's CN alone, PrintableString each")                    \
    X(device_subject_is_empty, ERROR, ALWAYS, LINT_DEVICE, "GBCS 12; IDS App. F", "the subject is empty")                                  \
    X(organisation_subject_is_in_order, ERROR, ALWAYS, L(ORGANISATION_CERTIFICATE), "GBCS 12",                                             \
      "the subject is CN (optional), OU, uniqueIdentifier, one attribute an RDN")                                                          \
    X(organisation_subject_is_utf8, ERROR, ALWAYS, L(ORGANISATION_CERTIFICATE), "GBCS 12", "CN and OU are UTF8String")                     \
    X(organisation_request_names_itself, ERROR, ALWAYS, L(ORGANISATION_CSR), "IDS App. D",                                                 \
      "the subject has OU and uniqueIdentifier, perhaps CN, nothing else and none twice")                                                  \
    X(organisation_role_is_two_digits, ERROR, ALWAYS, LINT_ORGANISATION, "GBCS 12; IDS App. D",                                            \
      "OU is two hexadecimal digits, upper case in certificates")                                                                          \
    X(organisation_role_is_in_the_table, NOTICE, ALWAYS, LINT_ORGANISATION, "GBCS 12", "OU is a Remote Party Role code of the table")      \
    X(organisation_eui_has_64_bits, ERROR, ALWAYS, LINT_ORGANISATION, "GBCS 12; IDS App. D",                                               \
      "uniqueIdentifier is a BIT STRING of 8 octets without unused bits")                                                                  \
    X(iki_subject_names_a_system, ERROR, ALWAYS, LINT_IKI, "IDS App. G", "the subject is O, OU and CN, each once, in any order")           \
    /* keys */                                                                                                                             \
    X(key_is_on_p256, ERROR, ALWAYS, LINT_P256_CSRS | LINT_P256_CERTS, "GBCS 12; RFC 5480 2.1.1",                                          \
      "the key is an elliptic curve key of the named curve P-256")                                                                         \
    X(key_is_uncompressed, ERROR, ALWAYS, LINT_P256_CSRS | LINT_P256_CERTS, "GBCS 12; RFC 5480 2.2", "the point has the form 04 x y")      \
    X(key_is_a_point_of_the_curve, ERROR, ON_FILES, LINT_P256_CSRS | LINT_P256_CERTS, "SEC 1 3.2.2", "the point is on the curve")          \
    X(key_is_rsa_2048, ERROR, ALWAYS, LINT_IKI | L(IKI_CA), "IDS App. G; RFC 3279 2.3.1",                                                  \
      "the key is RSA of 2048 bits (the IKICA's: at least) with an odd exponent of 3 or more")                                             \
    /* extensions */                                                                                                                       \
    X(extensions_are_the_profiles, ERROR, ALWAYS, LINT_CERTS, "GBCS 12", "the extensions are exactly those of the profile, each once")     \
    X(extensions_are_in_order, ERROR, ALWAYS, LINT_CERTS, "GBCS 12", "the extensions stand in the profile's order")                        \
    X(criticality_is_the_profiles, ERROR, ALWAYS, LINT_CERTS, "GBCS 12; RFC 5280 4.2",                                                     \
      "an extension is critical where the profile says so")                                                                                \
    X(key_usage_is_one_bit, ERROR, ALWAYS, LINT_P256_CSRS | LINT_P256_LEAFS, "GBCS 12; IDS App. D, F; RFC 5280 4.2.1.3",                   \
      "keyUsage is exactly one of digitalSignature, keyAgreement")                                                                         \
    X(iki_key_usage_is_digital_signature, ERROR, ALWAYS, LINT_IKI, "IDS App. G; RFC 5280 4.2.1.3", "keyUsage is digitalSignature alone")   \
    X(ca_key_usage_is_signing, ERROR, ALWAYS, LINT_CAS, "GBCS 12; RFC 5280 4.2.1.3", "keyUsage is keyCertSign and cRLSign, nothing else")  \
    X(subject_key_id_is_the_keys, ERROR, ALWAYS, LINT_CERTS, "GBCS 12; RFC 5280 4.2.1.2 method 2",                                         \
      "subjectKeyIdentifier is 0100 and the low 60 bits of the key's SHA-1, in 8 octets")                                                  \
    X(authority_key_id_is_8_octets, ERROR, ALWAYS, LINT_LEAFS | L(ISSUING_CA), "GBCS 12; RFC 5280 4.2.1.1",                                \
      "authorityKeyIdentifier is a keyIdentifier of 8 octets alone")                                                                       \
    X(authority_key_id_is_the_issuers, ERROR, ALWAYS, LINT_LEAFS | L(ISSUING_CA), "RFC 5280 4.2.1.1",                                      \
      "authorityKeyIdentifier is the subjectKeyIdentifier of the issuer's certificate")                                                    \
    X(subject_alt_name_is_a_device, ERROR, ALWAYS, LINT_DEVICE, "GBCS 12; IDS App. F; RFC 4108 5",                                         \
      "subjectAltName is one hardwareModuleName with the 8 octets of the Device ID")                                                       \
    X(policies_are_one_oid, ERROR, ALWAYS, LINT_CERTS, "GBCS 12; RFC 5280 4.2.1.4", "certificatePolicies is one OID without qualifiers")   \
    X(issuing_ca_is_the_last_ca, ERROR, ALWAYS, L(ISSUING_CA) | L(IKI_CA), "GBCS 12; RFC 5280 4.2.1.9",                                    \
      "basicConstraints is cA TRUE with pathLenConstraint 0")                                                                              \
    X(root_has_no_path_length, ERROR, ALWAYS, L(ROOT_CA), "GBCS 12; RFC 5280 4.2.1.9", "basicConstraints is cA TRUE alone")                \
    X(extended_key_usage_is_client_auth, ERROR, ALWAYS, L(IKI_CERTIFICATE), "IDS App. G; RFC 5280 4.2.1.12",                               \
      "extendedKeyUsage is id-kp-clientAuth alone")                                                                                        \
    /* requests */                                                                                                                         \
    X(request_has_one_extension_request, ERROR, ALWAYS, LINT_CSRS, "IDS App. D, F, G; RFC 2985 5.4.2",                                     \
      "the attributes hold one extensionRequest with one value")                                                                           \
    X(request_extensions_stand_once, ERROR, ALWAYS, LINT_CSRS, "RFC 5280 4.2", "no extension is requested twice")                          \
    X(request_asks_for_nothing_else, NOTICE, ALWAYS, LINT_CSRS, "IDS App. D, F, G",                                                        \
      "attributes and extensions beside those of the profile are left alone, never copied")                                                \
    X(request_key_usage_is_critical, NOTICE, ALWAYS, LINT_P256_CSRS, "RFC 5280 4.2.1.3", "keyUsage is requested as critical")              \
    X(iki_request_key_usage_is_critical, ERROR, ALWAYS, L(IKI_CSR), "IDS App. G", "keyUsage is requested as critical")                     \
    /* signatures */                                                                                                                       \
    X(signature_algorithm_is_ecdsa_sha256, ERROR, ALWAYS, LINT_P256_CSRS | LINT_P256_CERTS, "GBCS 12; RFC 5758 3.2",                       \
      "the signature algorithm is ecdsa-with-SHA256 without parameters")                                                                   \
    X(signature_algorithm_is_rsa_sha256, ERROR, ALWAYS, LINT_IKI | L(IKI_CA), "IDS App. G; RFC 4055 5",                                    \
      "the signature algorithm is sha256WithRSAEncryption with NULL parameters")                                                           \
    X(signature_algorithms_agree, ERROR, ON_FILES, LINT_CERTS, "RFC 5280 4.1.1.2", "the algorithm inside and outside is the same")         \
    X(signature_is_two_numbers, ERROR, ON_FILES, LINT_P256_CSRS | LINT_P256_CERTS, "RFC 3279 2.2.3; SEC 1 4.1.4",                          \
      "the signature is r and s in DER, each from 1 to n-1")                                                                               \
    X(signature_is_the_issuers, ERROR, ON_FILES, LINT_CERTS, "RFC 5280 6.1.3", "the signature verifies under the issuer's key")            \
    X(request_is_signed_by_its_key, ERROR, ON_FILES, LINT_CSRS, "RFC 2986 4.2", "the request's own signature verifies")

typedef bool lint_check(const struct lint_view *view, char detail[256]);

#define LINT_DECLARE(name, severity, when, subjects, citation, text) lint_check lint_##name;
LINT_RULES(LINT_DECLARE)
#undef LINT_DECLARE

#endif
