/* The rules of the profiles (GBCS 12, RFC 5280, IDS App. D, F, G), one function each, with name and citation. They run on every draft
 * before it is signed, and on any file by `smki lint`. On a draft there is no signature to judge, and that its key is a point of the curve
 * has been shown by the request's verified signature. */
#ifndef SMKI_LINT_H
#define SMKI_LINT_H

#include <smki/certificate.h>

enum smki_lint_subject {
    SMKI_LINT_DEVICE_CSR,
    SMKI_LINT_DEVICE_CERTIFICATE,
    SMKI_LINT_ORGANISATION_CSR,
    SMKI_LINT_ORGANISATION_CERTIFICATE,
    SMKI_LINT_IKI_CSR,
    SMKI_LINT_IKI_CERTIFICATE,
    SMKI_LINT_ISSUING_CA,
    SMKI_LINT_ROOT_CA,
    SMKI_LINT_IKI_CA, /* RSA, self-signed: the issuer of IKI certificates */
    SMKI_LINT_AUTO,   /* by what the file holds */
};

enum smki_lint_severity { SMKI_LINT_ERROR, SMKI_LINT_NOTICE };

struct smki_lint_rule {
    const char *name;     /* "device_certificate_key_usage_is_critical" */
    const char *citation; /* "GBCS 12.4.1; RFC 5280 4.2.1.3" */
    const char *text;     /* the rule in one line */
    enum smki_lint_severity severity;
    uint32_t subjects; /* bit (1 << enum smki_lint_subject) for each it applies to */
};

struct smki_lint_finding {
    const struct smki_lint_rule *rule;
    char detail[256]; /* what was found */
};

#define SMKI_LINT_MAX_FINDINGS 64

struct smki_lint_report {
    enum smki_lint_subject subject; /* what it was judged as; AUTO when that was asked for and it is neither request nor certificate */
    bool signature_judged;          /* false for a certificate of another issuer, which was not given, and for what cannot be read */
    size_t count, errors;           /* findings in all, and those of severity ERROR */
    struct smki_lint_finding findings[SMKI_LINT_MAX_FINDINGS];
};

/* Runs every rule for `subject` over DER. `issuer` may be NULL (then its signature is not judged). Returns 0 when the rules ran, whatever
 * they found; bytes that cannot be read at all are a finding too. */
SMKI_API SMKI_MUST_USE int smki_lint(struct smki_lint_report *report, enum smki_lint_subject subject, struct smki_bytes der,
                                     const struct smki_certificate *issuer, struct smki_error *err);
/* Every rule in the order in which they run; *count of them. Static storage. */
SMKI_API const struct smki_lint_rule *smki_lint_rules(size_t *count);
/* The word by which `smki lint --profile` knows it. Static storage. */
SMKI_API const char *smki_lint_subject_word(enum smki_lint_subject subject); /* "device-csr", "device-cert", "org-csr", "org-cert" ... */

#endif
