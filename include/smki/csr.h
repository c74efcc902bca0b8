/* Reading certificate signing requests: PKCS#10 (RFC 2986) as IDS App. D, F and G ask for them.
 * Reading knows no policy: it says what a request is, not whether it may be granted. */
#ifndef SMKI_CSR_H
#define SMKI_CSR_H

#include <smki/base.h>

#define SMKI_CSR_MAX_SIZE 8192    /* octets of DER; real device requests have under 300, RSA ones under 1,200 */
#define SMKI_P256_POINT_SIZE 65   /* uncompressed: 04, x, y (SEC 1 2.3.3) */
#define SMKI_NAME_TEXT_SIZE 256   /* a subject's text attributes, with NUL */

enum smki_key_usage {
    SMKI_KEY_USAGE_NONE = 0,
    SMKI_DIGITAL_SIGNATURE = 0x80, /* the bit as it stands in the BIT STRING's first octet (RFC 5280 4.2.1.3) */
    SMKI_KEY_AGREEMENT = 0x08,
};

enum smki_profile {
    SMKI_PROFILE_DEVICE,       /* GBCS 12, IDS App. F */
    SMKI_PROFILE_ORGANISATION, /* GBCS 12, IDS App. D */
    SMKI_PROFILE_IKI,          /* IDS App. G */
};

/* A subject, by its attributes. Text is UTF-8, "" when absent. */
struct smki_subject {
    char common_name[SMKI_NAME_TEXT_SIZE];
    char organisation[SMKI_NAME_TEXT_SIZE];
    char unit[SMKI_NAME_TEXT_SIZE]; /* OU: for Remote Parties the role as two hexadecimal digits, as written */
    struct smki_device_id eui;      /* uniqueIdentifier */
    bool has_eui;
    uint8_t count; /* attributes in all; 0: the empty subject */
};

/* A request that has been read. The spans point into the bytes that were given to smki_csr_read, which must outlive it. */
struct smki_csr {
    enum smki_profile profile;
    struct smki_bytes der;                    /* the request, exactly */
    struct smki_bytes info;                   /* CertificationRequestInfo: what its signature covers */
    struct smki_bytes spki;                   /* SubjectPublicKeyInfo */
    struct smki_bytes signature;              /* the signature BIT STRING's octets: DER ECDSA-Sig-Value, or RSA */
    struct smki_bytes subject_alt_name;       /* the SubjectAltName extension's value (device), to be carried over octet for octet */
    uint8_t point[SMKI_P256_POINT_SIZE];      /* the public key (device, organisation); zero for RSA */
    enum smki_key_usage key_usage;
    struct smki_device_id device_id;          /* hwSerialNum (device) */
    struct smki_bytes hardware_type;          /* hwType OID's contents octets (device) */
    struct smki_subject subject;              /* organisation, IKI */
    size_t trailer;                           /* octets that followed the request and were left alone: 0 or 4 (see smki_csr_read) */
};

/* Reads one request of `profile` in strict DER (X.690). Checks its form and everything of it that the profile fixes (IDS App. D, F, G), but not
 * the signature. Errors: the CSR_* codes, each naming what is wrong.
 * Four octets after the request are left alone and counted in csr->trailer: the requests of real meters carry such a tail, which nothing signs.
 * Any other tail is CSR_MALFORMED. Thread-safe. */
SMKI_API SMKI_MUST_USE int smki_csr_read(struct smki_csr *csr, enum smki_profile profile, struct smki_bytes der, struct smki_error *err);

/* Finds which profile a request looks like (empty subject with subjectAltName: device; uniqueIdentifier: organisation; RSA: IKI), for smki lint. */
SMKI_API SMKI_MUST_USE int smki_csr_guess_profile(enum smki_profile *profile, struct smki_bytes der, struct smki_error *err);

/* Verifies the request's own signature (proof of possession, RFC 2986 4.2). Errors: CSR_SIGNATURE, CSR_KEY, P256_POINT. Thread-safe. */
SMKI_API SMKI_MUST_USE int smki_csr_verify(const struct smki_csr *csr, struct smki_error *err);

/* The same of many at once, for less each; codes[i] is what smki_csr_verify returns for csrs[i], which has the words. Thread-safe. */
SMKI_API void smki_csr_verify_many(const struct smki_csr *const csrs[], size_t count, int codes[]);

/* What a request shall say. What its profile does not have is not looked at. */
struct smki_csr_wish {
    enum smki_profile profile;
    const char *organisation, *unit, *common_name; /* UTF-8. IKI: all three; organisation: unit, and common_name unless NULL */
    struct smki_device_id id;                      /* device: the Device ID; organisation: the EUI-64 */
    const char *hardware_type;                     /* device: hwType, dotted */
    enum smki_key_usage key_usage;
};
struct smki_key;

/* Makes a request and signs it with its own key (RSA of 2048 bits for IKI, else P-256); DER into out. What was made is read back as
 * smki_csr_read and smki_csr_verify do, so their refusals are those of the wish. Other errors: ENCODING_INVALID (hardware_type),
 * CA_KEY_UNAVAILABLE (the key did not sign), TOO_LARGE. Thread-safe. */
SMKI_API SMKI_MUST_USE int smki_csr_make(uint8_t out[SMKI_CSR_MAX_SIZE], size_t *size, const struct smki_csr_wish *wish,
                                         const struct smki_key *key, struct smki_error *err);

/* Turns an accepted text form into DER: base64 with BEGIN CERTIFICATE REQUEST or BEGIN NEW CERTIFICATE REQUEST lines or none, in one line or
 * lines of any length up to 76, LF or CRLF (IDS 2.3; interfaces.md 4). out has `capacity` octets (3/4 of text_size is always enough).
 * Errors: CSR_TEXT_INVALID, CSR_TOO_LARGE. */
SMKI_API SMKI_MUST_USE int smki_csr_text_decode(uint8_t *out, size_t capacity, size_t *size, const char *text, size_t text_size,
                                                struct smki_error *err);

/* Key usages, profiles as words: "digitalSignature", "keyAgreement"; "device", "organisation", "iki". */
SMKI_API const char *smki_key_usage_word(enum smki_key_usage usage);
SMKI_API const char *smki_profile_word(enum smki_profile profile);

#endif
