#include "pki/lint_i.h"

#include "pki/name_i.h"
#include "pki/oid_i.h"

#include <stdarg.h>
#include <string.h>

/* Two arrays from one table: what everybody may see of the rules, and their functions. */
static const struct smki_lint_rule rules[] = {
#define RULE(rule_name, rule_severity, rule_when, rule_subjects, rule_citation, rule_text)                                                 \
    {.name = #rule_name, .citation = rule_citation, .text = rule_text, .severity = SMKI_LINT_##rule_severity, .subjects = rule_subjects},
    LINT_RULES(RULE)
#undef RULE
};

static const struct {
    lint_check *check;
    enum lint_when when;
} checks[] = {
#define CHECK(rule_name, rule_severity, rule_when, rule_subjects, rule_citation, rule_text) {lint_##rule_name, rule_when},
    LINT_RULES(CHECK)
#undef CHECK
};

static const struct {
    const char *word;
    bool request;
} subjects[] = {
    [SMKI_LINT_DEVICE_CSR] = {"device-csr", true},    [SMKI_LINT_DEVICE_CERTIFICATE] = {"device-cert", false},
    [SMKI_LINT_ORGANISATION_CSR] = {"org-csr", true}, [SMKI_LINT_ORGANISATION_CERTIFICATE] = {"org-cert", false},
    [SMKI_LINT_IKI_CSR] = {"iki-csr", true},          [SMKI_LINT_IKI_CERTIFICATE] = {"iki-cert", false},
    [SMKI_LINT_ISSUING_CA] = {"issuing-ca", false},   [SMKI_LINT_ROOT_CA] = {"root-ca", false},
    [SMKI_LINT_IKI_CA] = {"iki-ca", false},           [SMKI_LINT_AUTO] = {"auto", false},
};

const struct smki_lint_rule *smki_lint_rules(size_t *count)
{
    *count = ARRAY_COUNT(rules);
    return rules;
}

const char *smki_lint_subject_word(enum smki_lint_subject subject)
{
    return (size_t)subject < ARRAY_COUNT(subjects) ? subjects[subject].word : "unknown";
}

bool lint_is_request(enum smki_lint_subject subject)
{
    return subjects[subject].request;
}

bool lint_found(char detail[256], const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(detail, 256, format, arguments);
    va_end(arguments);
    return false;
}

bool lint_is_strict_der(const struct lint_view *view, char detail[256])
{
    const struct smki_bytes bytes = view->is_draft ? view->body : view->whole;

    if (!der_well_formed(bytes))
        return lint_found(detail, "an element's tag, length or contents is not as DER has it (X.690 8.1, 10.1, 11)");
    for (size_t i = 0; i < view->extension_count; i++) {
        if (!der_well_formed(view->extensions[i].value)) {
            char text[OID_TEXT_SIZE];
            return lint_found(detail, "the value of extension %s is not DER", oid_text(view->extensions[i].oid, text));
        }
    }
    return true;
}

/* ---- what a file holds ---- */

static bool is_rsa(struct smki_bytes spki)
{
    struct der outside = der_of(spki), inside, algorithm;
    struct smki_bytes oid;

    return der_enter(&outside, DER_SEQUENCE, &inside) && der_enter(&inside, DER_SEQUENCE, &algorithm) && der_oid(&algorithm, &oid) &&
           bytes_equal(oid, oid_rsa);
}

static bool says_ca(const struct lint_view *view)
{
    const struct lint_extension *extension = lint_extension_find(view, oid_basic_constraints);
    struct der outside, inside;
    bool ca = false;

    if (extension == NULL)
        return false;
    outside = der_of(extension->value);
    return der_enter(&outside, DER_SEQUENCE, &inside) && der_boolean(&inside, &ca) && ca;
}

static enum smki_lint_subject guess_certificate(const struct lint_view *view)
{
    const bool rsa = is_rsa(view->spki);

    if (says_ca(view) && rsa)
        return SMKI_LINT_IKI_CA;
    if (says_ca(view))
        return bytes_equal(view->issuer, view->name) ? SMKI_LINT_ROOT_CA : SMKI_LINT_ISSUING_CA;
    if (rsa)
        return SMKI_LINT_IKI_CERTIFICATE;
    return view->name.size == 2 || lint_extension_find(view, oid_subject_alt_name) != NULL ? SMKI_LINT_DEVICE_CERTIFICATE
                                                                                           : SMKI_LINT_ORGANISATION_CERTIFICATE;
}

static enum smki_lint_subject guess_request(const struct lint_view *view)
{
    if (is_rsa(view->spki))
        return SMKI_LINT_IKI_CSR;
    return view->name.size == 2 || lint_extension_find(view, oid_subject_alt_name) != NULL ? SMKI_LINT_DEVICE_CSR
                                                                                           : SMKI_LINT_ORGANISATION_CSR;
}

/* A request begins with its version, an INTEGER 0 or so, and a Name; a certificate with [0], or when it is v1 with a longer INTEGER and an
 * AlgorithmIdentifier: SEQUENCE { OID ... }, which no Name is. */
static bool looks_like_request(struct smki_bytes der)
{
    struct der file = der_of(der), whole, body, third;
    struct smki_bytes version;

    return der_enter(&file, DER_SEQUENCE, &whole) && der_enter(&whole, DER_SEQUENCE, &body) && der_integer(&body, &version) &&
           der_enter(&body, DER_SEQUENCE, &third) && !der_next_is(&third, DER_OID);
}

static const char *take_apart(struct lint_view *view, struct smki_bytes der)
{
    const bool automatic = view->subject == SMKI_LINT_AUTO;
    const bool request = automatic ? looks_like_request(der) : lint_is_request(view->subject);
    const char *broken = request ? lint_view_request(view, der) : lint_view_certificate(view, der);

    if (automatic && view->body.size > 0)
        view->subject = request ? guess_request(view) : guess_certificate(view);
    return broken;
}

/* What keeps these octets from being judged: the part that is `broken`, or that they are something else altogether. */
static void say_broken(const struct lint_view *view, struct smki_bytes der, const char *broken, char detail[256])
{
    struct lint_view other = {.subject = view->subject};
    const bool automatic = view->subject == SMKI_LINT_AUTO, request = !automatic && lint_is_request(view->subject);

    if (view->body.size == 0)
        lint_found(detail, "it is neither a request nor a certificate: %s cannot be read as strict DER", broken);
    else if (request && lint_view_certificate(&other, der) == NULL)
        lint_found(detail, "it is a certificate, not a request");
    else if (!request && lint_view_request(&other, der) == NULL)
        lint_found(detail, "it is a request, not a certificate");
    else
        lint_found(detail, "%s cannot be read as strict DER", broken);
}

static bool judges_signature(const struct lint_view *view)
{
    return lint_is_request(view->subject) || lint_is_self_signed(view->subject) || view->issued_by != NULL;
}

/* ---- running ---- */

static void report_finding(struct smki_lint_report *report, const struct smki_lint_rule *rule, const char *detail)
{
    struct smki_lint_finding *finding;

    _Static_assert(ARRAY_COUNT(rules) <= SMKI_LINT_MAX_FINDINGS, "a report has room for every rule");
    finding = &report->findings[report->count++];
    finding->rule = rule;
    memcpy(finding->detail, detail, sizeof finding->detail);
    if (rule->severity == SMKI_LINT_ERROR)
        report->errors++;
}

int smki_lint(struct smki_lint_report *report, enum smki_lint_subject subject, struct smki_bytes der, const struct smki_certificate *issuer,
              struct smki_error *err)
{
    char detail[256] = "";
    struct lint_view view = {.subject = subject, .issued_by = issuer};
    const char *broken;

    if ((unsigned)subject > SMKI_LINT_AUTO)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "lint knows no such profile");
    broken = take_apart(&view, der);
    report->count = report->errors = 0;
    report->subject = view.subject;
    report->signature_judged = broken == NULL && judges_signature(&view);
    if (broken != NULL) { /* the first rule is is_strict_der; the others need what could not be read */
        say_broken(&view, der, broken, detail);
        report_finding(report, &rules[0], detail);
        return 0;
    }
    for (size_t i = 0; i < ARRAY_COUNT(rules); i++) {
        if ((rules[i].subjects & 1u << view.subject) != 0 && !checks[i].check(&view, detail))
            report_finding(report, &rules[i], detail);
    }
    return 0;
}

int lint_draft(enum smki_lint_subject subject, struct smki_bytes tbs, const struct smki_certificate *issued_by, struct smki_error *err)
{
    char detail[256];
    struct lint_view view = {.subject = subject, .issued_by = issued_by, .is_draft = true};
    const char *broken = lint_view_draft(&view, tbs);

    if (broken != NULL)
        return smki_fail(err, SMKI_LINT_FAILED, "%s: %s cannot be read", rules[0].name, broken);
    for (size_t i = 0; i < ARRAY_COUNT(rules); i++) {
        if ((rules[i].subjects & 1u << subject) == 0 || rules[i].severity != SMKI_LINT_ERROR || checks[i].when == ON_FILES)
            continue;
        if (!checks[i].check(&view, detail))
            return smki_fail(err, SMKI_LINT_FAILED, "%s: %s (%s)", rules[i].name, detail, rules[i].citation);
    }
    return 0;
}
