/* Lint: every rule has a sample that keeps it and one that breaks it (tests/data/lint, see make-samples.py), and the real certificates of
 * the public test PKI are judged as they deserve. */
#include "smki_test.h"

#include <smki/lint.h>
#include <smki/role.h>

/* A file of tests/data, decoded; end with smki_buffer_finish. */
static void load(struct smki_buffer *der, const char *name)
{
    char label[64];
    struct smki_buffer file = {0};
    struct smki_error err = {0};

    test_file(&file, name);
    ASSERT_OK(smki_pem_decode(der, label, (struct smki_bytes){file.at, file.size}, &err), err);
    smki_buffer_finish(&file);
}

/* Lints a file of tests/data under the certificate in `issuer` (NULL: none). */
static void lint_file(struct smki_lint_report *report, enum smki_lint_subject subject, const char *name, const char *issuer)
{
    struct smki_error err = {0};
    struct smki_buffer der = {0}, issuer_der = {0};
    struct smki_certificate certificate;

    load(&der, name);
    if (issuer != NULL) {
        load(&issuer_der, issuer);
        ASSERT_OK(smki_certificate_read(&certificate, (struct smki_bytes){issuer_der.at, issuer_der.size}, &err), err);
    }
    ASSERT_OK(smki_lint(report, subject, (struct smki_bytes){der.at, der.size}, issuer != NULL ? &certificate : NULL, &err), err);
    smki_buffer_finish(&issuer_der);
    smki_buffer_finish(&der);
}

static bool has(const struct smki_lint_report *report, const char *rule)
{
    for (size_t i = 0; i < report->count; i++) {
        if (strcmp(report->findings[i].rule->name, rule) == 0)
            return true;
    }
    return false;
}

static void print_findings(const char *name, const struct smki_lint_report *report)
{
    for (size_t i = 0; i < report->count; i++)
        print_error("%s: %s: %s\n", name, report->findings[i].rule->name, report->findings[i].detail);
}

/* ---- the samples ---- */

static const struct sample {
    enum smki_lint_subject subject;
    const char *word;
    const char *issuer;
} samples[] = {
    {SMKI_LINT_DEVICE_CSR, "device-csr", NULL},
    {SMKI_LINT_ORGANISATION_CSR, "org-csr", NULL},
    {SMKI_LINT_IKI_CSR, "iki-csr", NULL},
    {SMKI_LINT_DEVICE_CERTIFICATE, "device-cert", "lint/good/issuing-ca.pem"},
    {SMKI_LINT_ORGANISATION_CERTIFICATE, "org-cert", "lint/good/issuing-ca.pem"},
    {SMKI_LINT_IKI_CERTIFICATE, "iki-cert", "lint/good/iki-ca.pem"},
    {SMKI_LINT_ISSUING_CA, "issuing-ca", "lint/good/root-ca.pem"},
    {SMKI_LINT_ROOT_CA, "root-ca", "lint/good/root-ca.pem"},
    {SMKI_LINT_IKI_CA, "iki-ca", "lint/good/iki-ca.pem"},
};

static const struct sample *sample_of(const char *word)
{
    for (size_t i = 0; i < TEST_COUNT(samples); i++) {
        if (strcmp(samples[i].word, word) == 0)
            return &samples[i];
    }
    return NULL;
}

static void the_good_samples_break_no_rule(void **state)
{
    char name[TEST_PATH_SIZE];
    struct smki_lint_report report;

    (void)state;
    for (size_t i = 0; i < TEST_COUNT(samples); i++) {
        snprintf(name, sizeof name, "lint/good/%s.pem", samples[i].word);
        lint_file(&report, samples[i].subject, name, samples[i].issuer);
        print_findings(name, &report);
        assert_int_equal(report.count, 0);
    }
}

static void auto_recognises_every_kind(void **state)
{
    char name[TEST_PATH_SIZE];
    struct smki_lint_report report;

    (void)state;
    for (size_t i = 0; i < TEST_COUNT(samples); i++) {
        snprintf(name, sizeof name, "lint/good/%s.pem", samples[i].word);
        lint_file(&report, SMKI_LINT_AUTO, name, NULL);
        assert_string_equal(smki_lint_subject_word(report.subject), samples[i].word);
        assert_int_equal(report.count, 0);
    }
}

/* <rule>.<subject>[.<variant>].pem must break that rule; *broken counts the samples of each rule. */
static bool bad_sample_breaks_its_rule(const char *file, size_t *broken)
{
    char name[TEST_PATH_SIZE], stem[TEST_PATH_SIZE];
    char *rule = stem, *word, *end;
    size_t count;
    const struct smki_lint_rule *rules = smki_lint_rules(&count);
    struct smki_lint_report report;

    snprintf(stem, sizeof stem, "%s", file);
    word = strchr(stem, '.');
    *word++ = '\0';
    end = strchr(word, '.');
    *end = '\0';
    snprintf(name, sizeof name, "lint/bad/%s", file);
    assert_non_null(sample_of(word));
    lint_file(&report, sample_of(word)->subject, name, sample_of(word)->issuer);
    for (size_t i = 0; i < count; i++)
        broken[i] += strcmp(rules[i].name, rule) == 0;
    if (!has(&report, rule)) {
        print_error("%s does not break %s\n", name, rule);
        print_findings(name, &report);
        return false;
    }
    return true;
}

static void every_rule_has_a_sample_that_breaks_it(void **state)
{
    size_t count, failures = 0, broken[SMKI_LINT_MAX_FINDINGS] = {0};
    const struct smki_lint_rule *rules = smki_lint_rules(&count);
    DIR *folder = opendir(TEST_DATA "/lint/bad");

    (void)state;
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] != '.')
            failures += !bad_sample_breaks_its_rule(entry->d_name, broken);
    }
    closedir(folder);
    for (size_t i = 0; i < count; i++) {
        if (broken[i] == 0)
            print_error("%s has no bad sample\n", rules[i].name);
        failures += broken[i] == 0;
    }
    assert_int_equal(failures, 0);
}

static void every_rule_says_its_name_source_and_subjects(void **state)
{
    size_t count;
    const struct smki_lint_rule *rules = smki_lint_rules(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        assert_true(rules[i].name[0] != '\0' && rules[i].citation[0] != '\0' && rules[i].text[0] != '\0');
        assert_true(rules[i].subjects != 0 && rules[i].subjects < 1u << SMKI_LINT_AUTO);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(rules[i].name, rules[j].name);
    }
}

static void a_notice_is_counted_but_is_no_error(void **state)
{
    struct smki_lint_report report;

    (void)state;
    lint_file(&report, SMKI_LINT_DEVICE_CERTIFICATE, "lint/bad/serial_has_room_for_64_bits.device-cert.pem", NULL);
    assert_int_equal(report.count, 1);
    assert_int_equal(report.errors, 0);
}

static void bytes_that_cannot_be_read_are_a_finding(void **state)
{
    static const uint8_t noise[] = {0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0x00};
    struct smki_lint_report report;
    struct smki_error err = {0};

    (void)state;
    for (size_t size = 0; size <= sizeof noise; size++) {
        ASSERT_OK(smki_lint(&report, SMKI_LINT_AUTO, (struct smki_bytes){noise, size}, NULL, &err), err);
        assert_true(has(&report, "is_strict_der"));
        assert_int_equal(report.errors, 1);
        assert_true(report.subject == SMKI_LINT_AUTO); /* neither a request nor a certificate */
        assert_false(report.signature_judged);
    }
}

static void a_certificate_cut_anywhere_is_a_finding(void **state)
{
    struct smki_buffer der = {0};
    struct smki_lint_report report;
    struct smki_error err = {0};

    (void)state;
    load(&der, "lint/good/device-cert.pem");
    for (size_t size = 0; size < der.size; size++) {
        ASSERT_OK(smki_lint(&report, SMKI_LINT_DEVICE_CERTIFICATE, (struct smki_bytes){der.at, size}, NULL, &err), err);
        assert_true(report.errors > 0);
    }
    smki_buffer_finish(&der);
}

static void an_unknown_profile_is_refused(void **state)
{
    struct smki_lint_report report;
    struct smki_error err = {0};

    (void)state;
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, smki_lint(&report, (enum smki_lint_subject)77, (struct smki_bytes){0}, NULL, &err), err);
}

/* ---- the public test PKI ---- */

static void real_certificates_of_the_profile_give_no_error(void **state)
{
    static const struct {
        const char *name;
        enum smki_lint_subject subject;
        const char *issuer;
    } real[] = {
        {"zaz1/device-00db1234567890a0-ds.cert.der", SMKI_LINT_DEVICE_CERTIFICATE, NULL},
        {"zaz1/00db123456789001-ds.pem", SMKI_LINT_DEVICE_CERTIFICATE, NULL},
        {"zaz1/00db123456789001-ka.pem", SMKI_LINT_DEVICE_CERTIFICATE, NULL},
        {"zaz1/00db1234567890a0-ds.pem", SMKI_LINT_DEVICE_CERTIFICATE, NULL},
        {"zaz1/00db1234567890a0-ka.pem", SMKI_LINT_DEVICE_CERTIFICATE, NULL},
        {"zaz1/90b3d51f30000001-ds.pem", SMKI_LINT_ORGANISATION_CERTIFICATE, "zaz1/issuing-z1.cert.der"},
        {"zaz1/90b3d51f30000002-ka.pem", SMKI_LINT_ORGANISATION_CERTIFICATE, "zaz1/issuing-z1.cert.der"},
        {"zaz1/90b3d51f30010000-ds.pem", SMKI_LINT_ORGANISATION_CERTIFICATE, "zaz1/issuing-z1.cert.der"},
        {"zaz1/90b3d51f30010000-ka.pem", SMKI_LINT_ORGANISATION_CERTIFICATE, "zaz1/issuing-z1.cert.der"},
        {"zaz1/90b3d51f30020000-ds.pem", SMKI_LINT_ORGANISATION_CERTIFICATE, "zaz1/issuing-z1.cert.der"},
        {"zaz1/issuing-z1.cert.der", SMKI_LINT_ISSUING_CA, NULL},
    };
    struct smki_lint_report report;
    size_t errors = 0;

    (void)state;
    for (size_t i = 0; i < TEST_COUNT(real); i++) {
        lint_file(&report, SMKI_LINT_AUTO, real[i].name, real[i].issuer);
        print_findings(real[i].name, &report);
        assert_int_equal(report.subject, real[i].subject);
        errors += report.errors;
    }
    assert_int_equal(errors, 0);
}

static void the_certificate_without_key_id_breaks_the_rules_of_key_id_and_issuer(void **state)
{
    struct smki_lint_report report;

    (void)state;
    lint_file(&report, SMKI_LINT_AUTO, "zaz1/device-88738457002f966c-no-ski.cert.der", NULL);
    assert_int_equal(report.subject, SMKI_LINT_DEVICE_CERTIFICATE);
    assert_true(has(&report, "subject_key_id_is_the_keys"));
    assert_true(has(&report, "extensions_are_the_profiles"));
    assert_true(has(&report, "issuer_is_an_issuing_ca"));
    assert_int_equal(report.errors, 3);
}

static void the_real_meters_request_has_a_tail_and_no_error(void **state)
{
    struct smki_lint_report report;

    (void)state;
    lint_file(&report, SMKI_LINT_AUTO, "zaz1/device-00db1234567890a0.csr.der", NULL);
    assert_int_equal(report.subject, SMKI_LINT_DEVICE_CSR);
    assert_int_equal(report.errors, 0);
    assert_int_equal(report.count, 1);
    assert_true(has(&report, "request_has_no_tail"));
}

/* ---- roles ---- */

static void roles_are_found_by_code_name_and_text(void **state)
{
    (void)state;
    assert_string_equal(smki_role_find(0x02)->name, "supplier");
    assert_int_equal(smki_role_find_name("network-operator")->code, 0x03);
    assert_int_equal(smki_role_find_name("NetworkOperator")->code, 0x03);
    assert_int_equal(smki_role_find_name("dspXmlSign")->code, 0x89);
    assert_int_equal(smki_role_find_text("7F")->code, 0x7F);
}

static void roles_that_are_not_in_the_table_are_not_found(void **state)
{
    (void)state;
    assert_null(smki_role_find(0x09));
    assert_null(smki_role_find_name("suppliers"));
    assert_null(smki_role_find_name(""));
    assert_null(smki_role_find_text("7f"));
    assert_null(smki_role_find_text("2"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_good_samples_break_no_rule),
        cmocka_unit_test(auto_recognises_every_kind),
        cmocka_unit_test(every_rule_has_a_sample_that_breaks_it),
        cmocka_unit_test(every_rule_says_its_name_source_and_subjects),
        cmocka_unit_test(a_notice_is_counted_but_is_no_error),
        cmocka_unit_test(bytes_that_cannot_be_read_are_a_finding),
        cmocka_unit_test(a_certificate_cut_anywhere_is_a_finding),
        cmocka_unit_test(an_unknown_profile_is_refused),
        cmocka_unit_test(real_certificates_of_the_profile_give_no_error),
        cmocka_unit_test(the_certificate_without_key_id_breaks_the_rules_of_key_id_and_issuer),
        cmocka_unit_test(the_real_meters_request_has_a_tail_and_no_error),
        cmocka_unit_test(roles_are_found_by_code_name_and_text),
        cmocka_unit_test(roles_that_are_not_in_the_table_are_not_found),
    };

    return cmocka_run_group_tests_name("lint", tests, NULL, NULL);
}
