/* From a request to a certificate: the real meter's golden pair, the shape of each profile, and the one way to a CA's key. */
#include "issue_test.h"

#include "pki/draft_i.h"

#include <smki/p256.h>

#define NIGHT "2026-11-23T20:00:00Z"

/* ---- verbs ---- */

static struct smki_bytes load(struct smki_buffer *der, const char *name)
{
    char label[64];
    struct smki_buffer file = {0};
    struct smki_error err = {0};

    test_file(&file, name);
    ASSERT_OK(smki_pem_decode(der, label, (struct smki_bytes){file.at, file.size}, &err), err);
    smki_buffer_finish(&file);
    return (struct smki_bytes){der->at, der->size};
}

static void prepare(struct smki_draft *draft, const struct smki_ca *ca, enum smki_profile profile, const char *request)
{
    struct smki_csr csr;
    struct smki_buffer der = {0};
    struct smki_error err = {0};
    const struct smki_serial serial = test_serial("112233445566778899aabbccddeeff00");

    test_csr(&csr, &der, profile, request);
    ASSERT_OK(smki_prepare(draft, ca, &csr, &serial, AT(NIGHT), &err), err);
    smki_buffer_finish(&der);
}

static struct smki_bytes issue(uint8_t out[SMKI_CERTIFICATE_MAX_SIZE], const struct smki_ca *ca, enum smki_profile profile,
                               const char *request)
{
    size_t size;
    struct smki_draft draft;
    struct smki_error err = {0};

    prepare(&draft, ca, profile, request);
    ASSERT_OK(smki_issue(out, &size, &draft, SMKI_PROOF_SIGNATURE, &err), err);
    return (struct smki_bytes){out, size};
}

static void expect_clean(enum smki_lint_subject subject, struct smki_bytes der, const struct smki_ca *issuer)
{
    struct smki_lint_report report;
    struct smki_error err = {0};

    ASSERT_OK(smki_lint(&report, subject, der, smki_ca_certificate(issuer), &err), err);
    if (report.count != 0)
        fail_msg("%s: %s", report.findings[0].rule->name, report.findings[0].detail);
}

/* ---- against the public test PKI ---- */

/* Builds what `csr` asks for from the real certificate's issuer, serial and notBefore, and compares what would be signed. */
static void expect_same_tbs(const struct smki_certificate *real, const struct smki_csr *csr)
{
    struct smki_draft draft;
    struct smki_error err = {0};
    const struct draft_issuer issuer = {
        .name = real->issuer, .key_id = real->authority_key_id, .policy = real->policy, .signing = SMKI_KEY_P256};

    ASSERT_OK(draft_build(&draft, &issuer, csr, &real->serial, real->not_before, &err), err);
    ASSERT_BYTES(real->tbs, draft.tbs, draft.tbs_size);
}

static void the_real_meters_request_gives_the_real_certificates_octets(void **state)
{
    struct smki_csr csr;
    struct smki_draft draft;
    struct smki_certificate real;
    struct smki_error err = {0};
    struct smki_buffer csr_der = {0}, real_der = {0};
    static const uint8_t key_id[] = {0x47, 0xd4, 0x0a, 0xf3, 0x41, 0x29, 0x04, 0xa0};
    static const uint8_t name[] = {0x30, 0x0f, 0x31, 0x0d, 0x30, 0x0b, 0x06, 0x03, 0x55, 0x04, 0x03, 0x13, 0x04, 'E', '3', '5', '7'};
    uint8_t policy[OID_MAX_SIZE];
    struct draft_issuer issuer = {.name = {name, sizeof name}, .key_id = {key_id, sizeof key_id}, .policy = {policy, 0}};
    const struct smki_serial serial = test_serial("30398236744d9da0e57f8d74ae041fcd");

    (void)state;
    ASSERT_OK(oid_parse(policy, &issuer.policy.size, "1.2.826.0.1.1800000.1.2.1.4", &err), err);
    test_csr(&csr, &csr_der, SMKI_PROFILE_DEVICE, "zaz1/device-00db1234567890a0.csr.der");
    ASSERT_OK(smki_certificate_read(&real, load(&real_der, "zaz1/device-00db1234567890a0-ds.cert.der"), &err), err);
    ASSERT_OK(draft_build(&draft, &issuer, &csr, &serial, AT("2016-04-06T00:00:00Z"), &err), err);
    ASSERT_BYTES(real.tbs, draft.tbs, draft.tbs_size);
    smki_buffer_finish(&real_der);
    smki_buffer_finish(&csr_der);
}

static void real_certificates_are_rebuilt_from_their_fields(void **state)
{
    static const struct {
        const char *name;
        enum smki_profile profile;
    } rows[] = {
        {"zaz1/00db123456789001-ds.pem", SMKI_PROFILE_DEVICE},       {"zaz1/00db123456789001-ka.pem", SMKI_PROFILE_DEVICE},
        {"zaz1/00db1234567890a0-ds.pem", SMKI_PROFILE_DEVICE},       {"zaz1/00db1234567890a0-ka.pem", SMKI_PROFILE_DEVICE},
        {"zaz1/90b3d51f30000001-ds.pem", SMKI_PROFILE_ORGANISATION}, {"zaz1/90b3d51f30000002-ka.pem", SMKI_PROFILE_ORGANISATION},
        {"zaz1/90b3d51f30010000-ds.pem", SMKI_PROFILE_ORGANISATION}, {"zaz1/90b3d51f30010000-ka.pem", SMKI_PROFILE_ORGANISATION},
        {"zaz1/90b3d51f30020000-ds.pem", SMKI_PROFILE_ORGANISATION},
    };

    (void)state;
    for (size_t i = 0; i < TEST_COUNT(rows); i++) {
        struct smki_certificate real;
        struct smki_error err = {0};
        struct smki_buffer der = {0};
        struct smki_csr csr = {.profile = rows[i].profile};

        ASSERT_OK(smki_certificate_read(&real, load(&der, rows[i].name), &err), err);
        csr.spki = real.spki;
        csr.key_usage = (enum smki_key_usage)real.key_usage;
        csr.subject = real.subject_fields;
        csr.subject_alt_name = real.subject_alt_name;
        expect_same_tbs(&real, &csr);
        smki_buffer_finish(&der);
    }
}

static void the_real_issuing_ca_is_rebuilt_from_its_fields(void **state)
{
    size_t size;
    uint8_t tbs[SMKI_TBS_MAX_SIZE];
    struct smki_certificate real;
    struct smki_error err = {0};
    struct smki_buffer der = {0};
    struct draft_issuer issuer = {.signing = SMKI_KEY_P256};
    struct plan plan = {.profile = profile_of(SMKI_LINT_ISSUING_CA), .issuer = &issuer, .unit = "07", .common_name = "Z1"};

    (void)state;
    ASSERT_OK(smki_certificate_read(&real, load(&der, "zaz1/issuing-z1.cert.der"), &err), err);
    issuer.name = real.issuer;
    issuer.key_id = real.authority_key_id;
    issuer.policy = real.policy;
    plan.serial = &real.serial;
    plan.spki = real.spki;
    plan.key_usage = KEY_USAGE_CERT_AND_CRL_SIGN;
    memcpy(plan.key_id, real.subject_key_id.at, sizeof plan.key_id);
    profile_validity(plan.profile, real.not_before, &plan.not_before, &plan.not_after);
    ASSERT_OK(draft_write(tbs, &size, &plan, &err), err);
    ASSERT_BYTES(real.tbs, tbs, size);
    smki_buffer_finish(&der);
}

/* ---- what is issued ---- */

static const struct {
    const char *name;
    enum smki_profile profile;
    enum smki_lint_subject subject;
    const char *request;
} issued[] = {
    {"device-cert", SMKI_PROFILE_DEVICE, SMKI_LINT_DEVICE_CERTIFICATE, "lint/good/device-csr.pem"},
    {"org-cert", SMKI_PROFILE_ORGANISATION, SMKI_LINT_ORGANISATION_CERTIFICATE, "lint/good/org-csr.pem"},
    {"iki-cert", SMKI_PROFILE_IKI, SMKI_LINT_IKI_CERTIFICATE, "lint/good/iki-csr.pem"},
};

static const struct smki_ca *ca_for(const struct test_pki *pki, enum smki_profile profile)
{
    return profile == SMKI_PROFILE_IKI ? pki->iki : pki->issuing;
}

static void each_profile_is_issued_as_its_golden_dump(void **state)
{
    const struct test_pki *pki = *state;
    uint8_t out[SMKI_CERTIFICATE_MAX_SIZE];

    for (size_t i = 0; i < TEST_COUNT(issued); i++)
        test_golden(issued[i].name, issue(out, ca_for(pki, issued[i].profile), issued[i].profile, issued[i].request));
    test_golden("root-ca", smki_ca_certificate(pki->root)->der);
    test_golden("issuing-ca", smki_ca_certificate(pki->issuing)->der);
    test_golden("iki-ca", smki_ca_certificate(pki->iki)->der);
}

static void what_is_issued_breaks_no_rule(void **state)
{
    const struct test_pki *pki = *state;
    uint8_t out[SMKI_CERTIFICATE_MAX_SIZE];

    for (size_t i = 0; i < TEST_COUNT(issued); i++) {
        const struct smki_ca *ca = ca_for(pki, issued[i].profile);
        expect_clean(issued[i].subject, issue(out, ca, issued[i].profile, issued[i].request), ca);
    }
    expect_clean(SMKI_LINT_ROOT_CA, smki_ca_certificate(pki->root)->der, pki->root);
    expect_clean(SMKI_LINT_ISSUING_CA, smki_ca_certificate(pki->issuing)->der, pki->root);
    expect_clean(SMKI_LINT_IKI_CA, smki_ca_certificate(pki->iki)->der, pki->iki);
}

static void openssl_verifies_what_is_issued(void **state)
{
    const struct test_pki *pki = *state;
    uint8_t out[SMKI_CERTIFICATE_MAX_SIZE];

    for (size_t i = 0; i < TEST_COUNT(issued); i++) {
        struct smki_bytes der = issue(out, ca_for(pki, issued[i].profile), issued[i].profile, issued[i].request);
        test_pki_write_pem(pki, "leaf.crt", "CERTIFICATE", der.at, der.size);
        test_openssl_says(pki, 0, "x509 -in leaf.crt -noout -text", "11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00");
        /* a device's subjectAltName is critical and of a kind that openssl does not look into */
        test_openssl_says(pki, 0,
                          issued[i].profile == SMKI_PROFILE_IKI
                              ? "verify -attime 1795464000 -x509_strict -purpose sslclient -CAfile iki-ca.crt leaf.crt"
                              : "verify -attime 1795464000 -CAfile root.crt -untrusted issuing.crt leaf.crt",
                          "leaf.crt: OK");
    }
}

/* What the key file of a CA signs by another provider of this build (RFC 6979: there is no chance in it). */
static void every_provider_issues_the_same_octets(void **state)
{
    const struct test_pki *pki = *state;
    static const enum smki_p256_choice choices[] = {SMKI_P256_MBEDTLS, SMKI_P256_LIBCRYPTO};
    uint8_t first[SMKI_CERTIFICATE_MAX_SIZE], out[SMKI_CERTIFICATE_MAX_SIZE];
    struct smki_bytes expected = issue(first, pki->issuing, SMKI_PROFILE_DEVICE, "lint/good/device-csr.pem"), der;
    char key_path[TEST_PATH_SIZE], certificate_path[TEST_PATH_SIZE];
    struct smki_error err = {0};

    test_path(key_path, pki->folder, "issuing.pem");
    test_path(certificate_path, pki->folder, "issuing.crt");
    for (size_t i = 0; i < TEST_COUNT(choices); i++) {
        struct smki_ca *ca;

        if (smki_p256_choose(choices[i], &err) != 0) { /* not in this build */
            EXPECT_TEXT(err, "set it to \"auto\", or build with -Dlibcrypto=enabled");
            continue;
        }
        assert_string_equal(smki_p256_name(), choices[i] == SMKI_P256_MBEDTLS ? "mbedtls" : "libcrypto");
        ASSERT_OK(smki_ca_open(&ca, &(struct smki_ca_options){.certificate_path = certificate_path, .key_path = key_path}, &err), err);
        der = issue(out, ca, SMKI_PROFILE_DEVICE, "lint/good/device-csr.pem");
        ASSERT_BYTES(der, expected.at, expected.size);
        test_pki_write_pem(pki, "leaf.crt", "CERTIFICATE", der.at, der.size);
        test_openssl_says(pki, 0, "verify -attime 1795464000 -CAfile root.crt -untrusted issuing.crt leaf.crt", "leaf.crt: OK");
        smki_ca_close(ca);
    }
    ASSERT_OK(smki_p256_choose(SMKI_P256_AUTO, &err), err);
}

static void openssl_does_not_verify_under_another_root(void **state)
{
    const struct test_pki *pki = *state;
    uint8_t out[SMKI_CERTIFICATE_MAX_SIZE];
    struct smki_bytes der = issue(out, pki->issuing, SMKI_PROFILE_DEVICE, "lint/good/device-csr.pem");

    test_pki_write_pem(pki, "leaf.crt", "CERTIFICATE", der.at, der.size);
    test_openssl_says(pki, 2, "verify -attime 1795464000 -CAfile iki-ca.crt -untrusted issuing.crt leaf.crt",
                      "unable to get local issuer certificate");
}

static void the_issued_certificate_verifies_under_its_ca(void **state)
{
    const struct test_pki *pki = *state;
    uint8_t out[SMKI_CERTIFICATE_MAX_SIZE];
    struct smki_certificate certificate;
    struct smki_error err = {0};

    ASSERT_OK(smki_certificate_read(&certificate, issue(out, pki->issuing, SMKI_PROFILE_DEVICE, "lint/good/device-csr.pem"), &err), err);
    ASSERT_OK(smki_certificate_verify(&certificate, smki_ca_certificate(pki->issuing), &err), err);
    EXPECT_REFUSED(SMKI_SIGNATURE_INVALID, smki_certificate_verify(&certificate, smki_ca_certificate(pki->root), &err), err);
}

static void both_proofs_give_the_same_certificate(void **state)
{
    const struct test_pki *pki = *state;
    size_t size;
    struct smki_draft draft;
    struct smki_error err = {0};
    uint8_t proven[SMKI_CERTIFICATE_MAX_SIZE], out[SMKI_CERTIFICATE_MAX_SIZE];
    struct smki_bytes expected = issue(proven, pki->issuing, SMKI_PROFILE_DEVICE, "lint/good/device-csr.pem");

    prepare(&draft, pki->issuing, SMKI_PROFILE_DEVICE, "lint/good/device-csr.pem");
    ASSERT_OK(smki_issue(out, &size, &draft, SMKI_PROOF_DIGEST, &err), err);
    ASSERT_BYTES(expected, out, size);
}

/* ---- validity ---- */

static void expect_validity(enum smki_lint_subject subject, const char *moment, const char *not_before, const char *not_after)
{
    struct smki_time begin, end;

    profile_validity(profile_of(subject), AT(moment), &begin, &end);
    ASSERT_TIME(begin, not_before);
    ASSERT_TIME(end, not_after);
}

static void a_device_certificate_begins_at_the_second_and_has_no_end(void **state)
{
    (void)state;
    expect_validity(SMKI_LINT_DEVICE_CERTIFICATE, "2026-07-01T21:15:09.75Z", "2026-07-01T21:15:09Z", "9999-12-31T23:59:59Z");
}

static void an_organisation_certificate_has_ten_years_of_whole_days(void **state)
{
    (void)state;
    expect_validity(SMKI_LINT_ORGANISATION_CERTIFICATE, "2015-10-30T17:03:04Z", "2015-10-30T00:00:00Z", "2025-10-29T23:59:59Z");
}

static void the_anniversary_of_a_leap_day_is_the_first_of_march(void **state)
{
    (void)state;
    expect_validity(SMKI_LINT_ORGANISATION_CERTIFICATE, "2028-02-29T12:00:00Z", "2028-02-29T00:00:00Z", "2038-02-28T23:59:59Z");
}

static void an_iki_certificate_has_three_years_to_the_second(void **state)
{
    (void)state;
    expect_validity(SMKI_LINT_IKI_CERTIFICATE, "2026-11-23T20:00:00Z", "2026-11-23T20:00:00Z", "2029-11-23T19:59:59Z");
}

static void cas_have_25_and_50_years(void **state)
{
    (void)state;
    expect_validity(SMKI_LINT_ISSUING_CA, "2015-10-29T08:00:00Z", "2015-10-29T00:00:00Z", "2040-10-28T23:59:59Z");
    expect_validity(SMKI_LINT_ROOT_CA, "2015-10-29T08:00:00Z", "2015-10-29T00:00:00Z", "2065-10-28T23:59:59Z");
}

/* What is prepared for an issuer says the same as what is written for each draft, whatever differs between two requests. */
static void a_prepared_template_gives_the_same_octets(void **state)
{
    static const enum smki_key_usage usages[] = {SMKI_DIGITAL_SIGNATURE, SMKI_KEY_AGREEMENT};
    static const struct {
        const char *serial, *at;
    } when[] = {{"01", NIGHT}, {"112233445566778899aabbccddeeff00", "2051-02-28T23:59:59Z"}};
    const struct test_pki *pki = *state;

    for (size_t i = 0; i < TEST_COUNT(issued) * TEST_COUNT(usages) * TEST_COUNT(when); i++) {
        const size_t row = i / 4;
        const enum smki_key_usage usage = usages[i / 2 % 2];
        const struct smki_serial serial = test_serial(when[i % 2].serial);
        const struct draft_issuer *prepared = &ca_for(pki, issued[row].profile)->issuer;
        struct draft_issuer bare = *prepared;
        struct smki_draft by_template, anew;
        struct smki_buffer der = {0};
        struct smki_error err = {0};
        struct smki_csr csr;

        bare.templates = NULL;
        test_csr(&csr, &der, issued[row].profile, issued[row].request);
        csr.key_usage = usage;
        snprintf(csr.subject.unit, sizeof csr.subject.unit, "%02d", (int)i);
        ASSERT_OK(draft_build(&by_template, prepared, &csr, &serial, AT(when[i % 2].at), &err), err);
        ASSERT_OK(draft_build(&anew, &bare, &csr, &serial, AT(when[i % 2].at), &err), err);
        assert_non_null(draft_template_find(prepared, profile_of(issued[row].subject),
                                            issued[row].profile == SMKI_PROFILE_IKI ? SMKI_DIGITAL_SIGNATURE : (uint8_t)usage));
        ASSERT_BYTES(((struct smki_bytes){anew.tbs, anew.tbs_size}), by_template.tbs, by_template.tbs_size);
        smki_buffer_finish(&der);
    }
}

/* A CA's certificate may be anybody's: a name that leaves no room takes the template, not the CA. */
static void an_issuer_of_a_long_name_has_no_template(void **state)
{
    static uint8_t name[4 + DRAFT_TEMPLATE_SIZE] = {0x30, 0x82, DRAFT_TEMPLATE_SIZE >> 8, DRAFT_TEMPLATE_SIZE & 0xff};
    const struct test_pki *pki = *state;
    struct draft_template templates[DRAFT_TEMPLATES];
    struct draft_issuer issuer = pki->issuing->issuer;
    struct smki_draft draft;
    struct smki_buffer der = {0};
    struct smki_error err = {0};
    struct smki_csr csr;
    const struct smki_serial serial = test_serial("0102030405060708");

    issuer.name = (struct smki_bytes){name, sizeof name};
    issuer.templates = templates;
    draft_templates_prepare(templates, &issuer);
    assert_null(draft_template_find(&issuer, profile_of(SMKI_LINT_DEVICE_CERTIFICATE), SMKI_DIGITAL_SIGNATURE));
    test_csr(&csr, &der, SMKI_PROFILE_DEVICE, "lint/good/device-csr.pem");
    ASSERT_OK(draft_build(&draft, &issuer, &csr, &serial, AT(NIGHT), &err), err);
    assert_non_null(memmem(draft.tbs, draft.tbs_size, name, sizeof name));
    smki_buffer_finish(&der);
}

static void an_organisations_role_is_written_in_upper_case(void **state)
{
    const struct test_pki *pki = *state;
    struct smki_csr csr;
    struct smki_draft draft;
    struct smki_buffer der = {0};
    struct smki_certificate certificate;
    struct smki_error err = {0};
    uint8_t out[SMKI_CERTIFICATE_MAX_SIZE];
    size_t size;
    const struct smki_serial serial = test_serial("112233445566778899aabbccddeeff00");

    test_csr(&csr, &der, SMKI_PROFILE_ORGANISATION, "lint/good/org-csr.pem");
    snprintf(csr.subject.unit, sizeof csr.subject.unit, "7f");
    ASSERT_OK(smki_prepare(&draft, pki->issuing, &csr, &serial, AT(NIGHT), &err), err);
    ASSERT_OK(smki_issue(out, &size, &draft, SMKI_PROOF_DIGEST, &err), err);
    ASSERT_OK(smki_certificate_read(&certificate, (struct smki_bytes){out, size}, &err), err);
    assert_string_equal(certificate.subject_fields.unit, "7F");
    smki_buffer_finish(&der);
}

/* ---- the one way to the key ---- */

static void a_draft_signs_once(void **state)
{
    const struct test_pki *pki = *state;
    size_t size;
    struct smki_draft draft;
    struct smki_error err = {0};
    uint8_t out[SMKI_CERTIFICATE_MAX_SIZE];

    prepare(&draft, pki->issuing, SMKI_PROFILE_DEVICE, "lint/good/device-csr.pem");
    ASSERT_OK(smki_issue(out, &size, &draft, SMKI_PROOF_DIGEST, &err), err);
    EXPECT_REFUSED(SMKI_DRAFT_NOT_LINTED, smki_issue(out, &size, &draft, SMKI_PROOF_DIGEST, &err), err);
}

static void a_draft_that_was_only_built_is_not_signed(void **state)
{
    const struct test_pki *pki = *state;
    size_t size;
    struct smki_csr csr;
    struct smki_draft draft;
    struct smki_buffer der = {0};
    struct smki_error err = {0};
    uint8_t out[SMKI_CERTIFICATE_MAX_SIZE];
    const struct smki_serial serial = test_serial("0102030405060708");

    test_csr(&csr, &der, SMKI_PROFILE_DEVICE, "lint/good/device-csr.pem");
    ASSERT_OK(draft_build(&draft, &pki->issuing->issuer, &csr, &serial, AT(NIGHT), &err), err);
    draft.ca = pki->issuing;
    EXPECT_REFUSED(SMKI_DRAFT_NOT_LINTED, smki_issue(out, &size, &draft, SMKI_PROOF_DIGEST, &err), err);
    smki_buffer_finish(&der);
}

static void a_draft_changed_after_lint_is_not_signed(void **state)
{
    const struct test_pki *pki = *state;
    size_t size, whole;
    struct smki_draft draft;
    struct smki_error err = {0};
    uint8_t out[SMKI_CERTIFICATE_MAX_SIZE];

    prepare(&draft, pki->issuing, SMKI_PROFILE_DEVICE, "lint/good/device-csr.pem");
    whole = draft.tbs_size;
    for (size_t at = 0; at < whole; at++) {
        prepare(&draft, pki->issuing, SMKI_PROFILE_DEVICE, "lint/good/device-csr.pem");
        draft.tbs[at] ^= 0x01;
        EXPECT_REFUSED(SMKI_CA_SIGNATURE_MISMATCH, smki_issue(out, &size, &draft, SMKI_PROOF_DIGEST, &err), err);
        at += 40; /* each takes a verified request: a sample is enough */
    }
    draft.tbs[0] ^= 0x01;
    EXPECT_REFUSED(SMKI_DRAFT_NOT_LINTED, smki_issue(out, &size, &draft, SMKI_PROOF_DIGEST, &err), err);
}

/* Of many that are issued together each has its own fate, and the octets that it has alone. */
static void many_are_issued_together_each_by_itself(void **state)
{
    enum { MANY = 5, CHANGED = 1, SPENT = 3 };
    const struct test_pki *pki = *state;
    static uint8_t out[MANY][SMKI_CERTIFICATE_MAX_SIZE], alone[SMKI_CERTIFICATE_MAX_SIZE];
    static struct smki_draft drafts[MANY];
    struct smki_issuing issuings[MANY];
    struct smki_error err = {0};
    struct smki_draft draft;
    size_t size;

    for (size_t i = 0; i < MANY; i++) {
        prepare(&drafts[i], pki->issuing, SMKI_PROFILE_DEVICE, "lint/good/device-csr.pem");
        issuings[i] = (struct smki_issuing){.draft = &drafts[i], .proof = SMKI_PROOF_SIGNATURE, .out = out[i]};
    }
    draft = drafts[0];
    ASSERT_OK(smki_issue(alone, &size, &draft, SMKI_PROOF_SIGNATURE, &err), err);
    drafts[CHANGED].tbs[20] ^= 0x01;
    drafts[SPENT] = draft;
    ASSERT_OK(smki_issue_many(issuings, MANY, &err), err);
    for (size_t i = 0; i < MANY; i++) {
        const int expected = i == CHANGED ? SMKI_CA_SIGNATURE_MISMATCH : i == SPENT ? SMKI_DRAFT_NOT_LINTED : 0;

        assert_int_equal(issuings[i].error.code, expected);
        if (expected != 0)
            continue;
        assert_int_equal(issuings[i].size, size);
        assert_memory_equal(out[i], alone, size);
        EXPECT_REFUSED(SMKI_DRAFT_NOT_LINTED, smki_issue(alone, &size, &drafts[i], SMKI_PROOF_DIGEST, &err), err);
    }
    ASSERT_OK(smki_issue_many(issuings, 0, &err), err);
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, smki_issue_many(issuings, SMKI_ISSUE_TOGETHER + 1, &err), err);
}

static void a_draft_that_breaks_a_rule_is_refused_by_the_rules_name(void **state)
{
    const struct test_pki *pki = *state;
    size_t size;
    struct smki_csr csr;
    struct smki_draft draft;
    struct smki_buffer der = {0};
    struct smki_error err = {0};
    uint8_t out[SMKI_CERTIFICATE_MAX_SIZE];
    const struct smki_serial too_long = test_serial("0102030405060708090a0b0c0d0e0f1011");

    test_csr(&csr, &der, SMKI_PROFILE_DEVICE, "lint/good/device-csr.pem");
    EXPECT_REFUSED(SMKI_LINT_FAILED, smki_prepare(&draft, pki->issuing, &csr, &too_long, AT(NIGHT), &err), err);
    EXPECT_TEXT(err, "serial_is_at_most_16_octets");
    EXPECT_REFUSED(SMKI_DRAFT_NOT_LINTED, smki_issue(out, &size, &draft, SMKI_PROOF_DIGEST, &err), err);
    smki_buffer_finish(&der);
}

static void a_device_certificate_is_not_prepared_under_a_root_or_the_ikica(void **state)
{
    const struct test_pki *pki = *state;
    struct smki_csr csr;
    struct smki_draft draft;
    struct smki_buffer der = {0};
    struct smki_error err = {0};
    const struct smki_serial serial = test_serial("0102030405060708");

    test_csr(&csr, &der, SMKI_PROFILE_DEVICE, "lint/good/device-csr.pem");
    EXPECT_REFUSED(SMKI_LINT_FAILED, smki_prepare(&draft, pki->root, &csr, &serial, AT(NIGHT), &err), err);
    EXPECT_TEXT(err, "issuer_is_an_issuing_ca");
    EXPECT_REFUSED(SMKI_LINT_FAILED, smki_prepare(&draft, pki->iki, &csr, &serial, AT(NIGHT), &err), err);
    EXPECT_TEXT(err, "signature_algorithm_is_ecdsa_sha256");
    smki_buffer_finish(&der);
}

/* ---- opening a CA ---- */

static void open_ca(struct smki_ca **ca, const struct test_pki *pki, const char *certificate, const char *key, const char *policy,
                    int expected)
{
    char certificate_path[TEST_PATH_SIZE], key_path[TEST_PATH_SIZE];
    struct smki_error err = {0};
    struct smki_ca_options options = {.certificate_path = certificate_path, .policy_oid = policy};

    test_path(certificate_path, pki->folder, certificate);
    if (key != NULL) {
        test_path(key_path, pki->folder, key);
        options.key_path = key_path;
    }
    test_verdict(expected, smki_ca_open(ca, &options, &err), &err, certificate, __FILE__, __LINE__);
    if (expected != 0) {
        assert_null(*ca);
        EXPECT_TEXT(err, expected == SMKI_KEY_MISMATCH ? key : expected == SMKI_ENCODING_INVALID ? "policy OID" : certificate);
    }
}

static void a_key_that_does_not_belong_to_the_certificate_is_refused(void **state)
{
    struct smki_ca *ca;

    open_ca(&ca, *state, "issuing.crt", "root.pem", NULL, SMKI_KEY_MISMATCH);
    open_ca(&ca, *state, "issuing.crt", "iki-ca.pem", NULL, SMKI_KEY_MISMATCH);
}

static void a_ca_needs_a_cas_certificate(void **state)
{
    const struct test_pki *pki = *state;
    struct smki_ca *ca;
    uint8_t out[SMKI_CERTIFICATE_MAX_SIZE];
    struct smki_bytes der = issue(out, pki->issuing, SMKI_PROFILE_DEVICE, "lint/good/device-csr.pem");

    test_pki_write_pem(pki, "leaf.crt", "CERTIFICATE", der.at, der.size);
    open_ca(&ca, pki, "leaf.crt", NULL, NULL, SMKI_INVALID_ARGUMENT);
    open_ca(&ca, pki, "nowhere.crt", NULL, NULL, SMKI_NOT_FOUND);
    open_ca(&ca, pki, "issuing.crt", "issuing.pem", "1.2.banana", SMKI_ENCODING_INVALID);
}

static void a_ca_without_key_prepares_and_does_not_issue(void **state)
{
    const struct test_pki *pki = *state;
    size_t size;
    struct smki_ca *ca;
    struct smki_draft draft;
    struct smki_error err = {0};
    uint8_t out[SMKI_CERTIFICATE_MAX_SIZE];

    open_ca(&ca, pki, "issuing.crt", NULL, NULL, 0);
    assert_null(smki_ca_key(ca));
    prepare(&draft, ca, SMKI_PROFILE_DEVICE, "lint/good/device-csr.pem");
    EXPECT_REFUSED(SMKI_CA_KEY_UNAVAILABLE, smki_issue(out, &size, &draft, SMKI_PROOF_DIGEST, &err), err);
    smki_ca_close(ca);
}

static void the_policy_of_the_options_goes_before_the_certificates(void **state)
{
    const struct test_pki *pki = *state;
    struct smki_ca *ca;
    struct smki_certificate certificate;
    struct smki_error err = {0};
    uint8_t out[SMKI_CERTIFICATE_MAX_SIZE];
    char text[OID_TEXT_SIZE];

    open_ca(&ca, pki, "issuing.crt", "issuing.pem", "1.2.826.0.1.1800000.1.2.1.4", 0);
    ASSERT_OK(smki_certificate_read(&certificate, issue(out, ca, SMKI_PROFILE_DEVICE, "lint/good/device-csr.pem"), &err), err);
    assert_string_equal(oid_dotted(certificate.policy, text), "1.2.826.0.1.1800000.1.2.1.4");
    smki_ca_close(ca);
}

/* ---- making CAs ---- */

static void wrong_ca_requests_are_refused(void **state)
{
    const struct test_pki *pki = *state;
    struct smki_key *p256_key = test_pki_open_key(pki, "root.pem"), *rsa_key = test_pki_open_key(pki, "iki-ca.pem");
    const struct smki_serial serial = test_serial("0404040404040404");
    const struct {
        int expected;
        struct smki_ca_request request;
    } rows[] = {
        {SMKI_INVALID_ARGUMENT, {.kind = SMKI_CA_ROOT, .common_name = "ROOT5", .key = p256_key}},
        {SMKI_INVALID_ARGUMENT, {.kind = SMKI_CA_ROOT, .common_name = "", .key = p256_key}},
        {SMKI_INVALID_ARGUMENT, {.kind = SMKI_CA_ROOT, .common_name = "DR", .key = p256_key, .issuer = pki->root}},
        {SMKI_INVALID_ARGUMENT, {.kind = SMKI_CA_ISSUING, .common_name = "D1", .key = p256_key}},
        {SMKI_INVALID_ARGUMENT, {.kind = (enum smki_ca_kind)9, .common_name = "D1", .key = p256_key}},
        {SMKI_KEY_TYPE, {.kind = SMKI_CA_ROOT, .common_name = "DR", .key = rsa_key}},
        {SMKI_KEY_TYPE, {.kind = SMKI_CA_IKI, .common_name = "IK", .key = p256_key}},
        {SMKI_LINT_FAILED, {.kind = SMKI_CA_ROOT, .common_name = "DR", .common_name_alone = true, .key = p256_key}},
        {SMKI_LINT_FAILED, {.kind = SMKI_CA_ISSUING, .common_name = "D2", .key = p256_key, .issuer = pki->issuing}},
    };

    for (size_t i = 0; i < TEST_COUNT(rows); i++) {
        size_t size;
        struct smki_error err = {0};
        uint8_t out[SMKI_CERTIFICATE_MAX_SIZE];
        struct smki_ca_request request = rows[i].request;

        request.policy_oid = TEST_POLICY;
        request.serial = serial;
        request.not_before = AT(NIGHT);
        EXPECT_REFUSED(rows[i].expected, smki_ca_certificate_make(out, &size, &request, &err), err);
    }
    smki_key_close(rsa_key);
    smki_key_close(p256_key);
}

static void an_issuing_ca_may_have_its_common_name_alone(void **state)
{
    const struct test_pki *pki = *state;
    size_t size;
    struct smki_error err = {0};
    struct smki_certificate certificate;
    uint8_t out[SMKI_CERTIFICATE_MAX_SIZE];
    struct smki_key *key = test_pki_open_key(pki, "issuing.pem");
    const struct smki_ca_request request = {.kind = SMKI_CA_ISSUING,
                                            .common_name = "E357",
                                            .common_name_alone = true,
                                            .policy_oid = TEST_POLICY,
                                            .key = key,
                                            .issuer = pki->root,
                                            .serial = test_serial("0505050505050505"),
                                            .not_before = AT(NIGHT)};

    ASSERT_OK(smki_ca_certificate_make(out, &size, &request, &err), err);
    ASSERT_OK(smki_certificate_read(&certificate, (struct smki_bytes){out, size}, &err), err);
    assert_int_equal(certificate.subject_fields.count, 1);
    assert_string_equal(certificate.subject_fields.common_name, "E357");
    smki_key_close(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_real_meters_request_gives_the_real_certificates_octets),
        cmocka_unit_test(real_certificates_are_rebuilt_from_their_fields),
        cmocka_unit_test(the_real_issuing_ca_is_rebuilt_from_its_fields),
        cmocka_unit_test(each_profile_is_issued_as_its_golden_dump),
        cmocka_unit_test(what_is_issued_breaks_no_rule),
        cmocka_unit_test(openssl_verifies_what_is_issued),
        cmocka_unit_test(every_provider_issues_the_same_octets),
        cmocka_unit_test(openssl_does_not_verify_under_another_root),
        cmocka_unit_test(the_issued_certificate_verifies_under_its_ca),
        cmocka_unit_test(both_proofs_give_the_same_certificate),
        cmocka_unit_test(a_device_certificate_begins_at_the_second_and_has_no_end),
        cmocka_unit_test(an_organisation_certificate_has_ten_years_of_whole_days),
        cmocka_unit_test(the_anniversary_of_a_leap_day_is_the_first_of_march),
        cmocka_unit_test(an_iki_certificate_has_three_years_to_the_second),
        cmocka_unit_test(cas_have_25_and_50_years),
        cmocka_unit_test(a_prepared_template_gives_the_same_octets),
        cmocka_unit_test(an_issuer_of_a_long_name_has_no_template),
        cmocka_unit_test(an_organisations_role_is_written_in_upper_case),
        cmocka_unit_test(a_draft_signs_once),
        cmocka_unit_test(a_draft_that_was_only_built_is_not_signed),
        cmocka_unit_test(a_draft_changed_after_lint_is_not_signed),
        cmocka_unit_test(a_draft_that_breaks_a_rule_is_refused_by_the_rules_name),
        cmocka_unit_test(a_device_certificate_is_not_prepared_under_a_root_or_the_ikica),
        cmocka_unit_test(a_key_that_does_not_belong_to_the_certificate_is_refused),
        cmocka_unit_test(many_are_issued_together_each_by_itself),
        cmocka_unit_test(a_ca_needs_a_cas_certificate),
        cmocka_unit_test(a_ca_without_key_prepares_and_does_not_issue),
        cmocka_unit_test(the_policy_of_the_options_goes_before_the_certificates),
        cmocka_unit_test(wrong_ca_requests_are_refused),
        cmocka_unit_test(an_issuing_ca_may_have_its_common_name_alone),
    };

    return cmocka_run_group_tests_name("issue", tests, test_pki_make, test_pki_remove);
}
