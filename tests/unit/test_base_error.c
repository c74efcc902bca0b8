/* The list of refusals, and how refusals are filled. */
#include "smki_test.h"

#include "base/base_i.h"

#include <ctype.h>
#include <errno.h>

static void numbers_are_unique_and_ascend(void **state)
{
    size_t count;
    const struct smki_refusal *list = smki_refusal_list(&count);

    (void)state;
    assert_true(count > 50);
    for (size_t i = 0; i < count; i++)
        assert_true(list[i].code < (i == 0 ? 0 : list[i - 1].code));
}

static bool wire_code_is_formed(const char *code)
{
    if (!isupper((unsigned char)code[0]) || !isupper((unsigned char)code[1]) || code[2] != ':' || code[3] == '\0' || strlen(code) > 10)
        return false;
    for (code += 3; *code != '\0'; code++)
        if (!isalnum((unsigned char)*code))
            return false;
    return true;
}

static void wire_codes_are_of_the_schemas_form(void **state)
{
    size_t count;
    const struct smki_refusal *list = smki_refusal_list(&count);

    (void)state;
    for (size_t i = 0; i < count; i++)
        if (!wire_code_is_formed(list[i].wire_code))
            fail_msg("%s: \"%s\"", list[i].name, list[i].wire_code);
}

static void wire_codes_are_unique(void **state)
{
    size_t count;
    const struct smki_refusal *list = smki_refusal_list(&count);

    (void)state;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < i; k++)
            if (strcmp(list[i].wire_code, list[k].wire_code) == 0)
                fail_msg("%s and %s: \"%s\"", list[i].name, list[k].name, list[i].wire_code);
}

/* interfaces.md 12, reading 7 */
static void codes_of_anomalies_and_ca_errors_never_overlap(void **state)
{
    size_t count;
    const struct smki_refusal *list = smki_refusal_list(&count);

    (void)state;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < count; k++)
            if (list[i].status == SMKI_STATUS_ISSUANCE_ANOMALY && list[k].status == SMKI_STATUS_CA_ERROR)
                assert_string_not_equal(list[i].wire_code, list[k].wire_code);
}

static void prefixes_follow_the_status(void **state)
{
    static const char *const prefixes[] = {
        [SMKI_STATUS_SUCCESS] = "",         [SMKI_STATUS_ISSUANCE_ANOMALY] = "CA:", [SMKI_STATUS_UNKNOWN_DEVICE] = "UD:",
        [SMKI_STATUS_INELIGIBLE] = "IN:",   [SMKI_STATUS_CSR_ERROR] = "CR:",        [SMKI_STATUS_CA_ERROR] = "CA:",
        [SMKI_STATUS_FORMAT_ERROR] = "FM:", [SMKI_STATUS_WORKFLOW_ERROR] = "WF:",
    };
    size_t count;
    const struct smki_refusal *list = smki_refusal_list(&count);

    (void)state;
    for (size_t i = 0; i < count; i++)
        if (strncmp(list[i].wire_code, prefixes[list[i].status], 3) != 0)
            fail_msg("%s: \"%s\" is not of %s", list[i].name, list[i].wire_code, smki_status_word(list[i].status));
}

static void every_code_is_found(void **state)
{
    size_t count;
    const struct smki_refusal *list = smki_refusal_list(&count);

    (void)state;
    for (size_t i = 0; i < count; i++)
        assert_ptr_equal(smki_refusal_find(list[i].code), &list[i]);
}

static void an_unknown_code_is_internal(void **state)
{
    (void)state;
    assert_int_equal(smki_refusal_find(-99999)->code, SMKI_INTERNAL);
    assert_int_equal(smki_refusal_find(0)->code, SMKI_INTERNAL);
    assert_int_equal(smki_refusal_find(1)->code, SMKI_INTERNAL);
}

static void status_words_are_those_of_the_wire(void **state)
{
    (void)state;
    assert_string_equal(smki_status_word(SMKI_STATUS_SUCCESS), "SUCCESS");
    assert_string_equal(smki_status_word(SMKI_STATUS_UNKNOWN_DEVICE), "UNKNOWN_DEVICE");
    assert_string_equal(smki_status_word(SMKI_STATUS_WORKFLOW_ERROR), "WORKFLOW_ERROR");
    assert_string_equal(smki_status_word((enum smki_status)77), "WORKFLOW_ERROR");
}

static void a_failure_gives_its_code_and_text(void **state)
{
    struct smki_error err = {0};

    (void)state;
    assert_int_equal(smki_fail(&err, SMKI_NOT_FOUND, "no batch %d", 7), SMKI_NOT_FOUND);
    assert_int_equal(err.code, SMKI_NOT_FOUND);
    assert_string_equal(err.text, "no batch 7");
}

static void without_a_format_the_lists_text_is_used(void **state)
{
    struct smki_error err = {0};

    (void)state;
    assert_int_equal(smki_fail(&err, SMKI_NOT_FOUND, NULL), SMKI_NOT_FOUND);
    assert_string_equal(err.text, smki_refusal_find(SMKI_NOT_FOUND)->text);
}

static void without_an_error_the_code_is_still_returned(void **state)
{
    (void)state;
    assert_int_equal(smki_fail(NULL, SMKI_NOT_FOUND, "no batch %d", 7), SMKI_NOT_FOUND);
    assert_int_equal(smki_fail_errno(NULL, ENOSPC, "x"), SMKI_DISK_FULL);
    assert_int_equal(smki_error_prefix(NULL, "x"), SMKI_INTERNAL);
}

static void a_prefix_goes_before_the_text(void **state)
{
    struct smki_error err = {0};

    (void)state;
    (void)smki_fail(&err, SMKI_NOT_FOUND, "no key");
    assert_int_equal(smki_error_prefix(&err, "serial %s", "01"), SMKI_NOT_FOUND);
    assert_string_equal(err.text, "serial 01: no key");
}

static void a_prefix_of_no_error_is_internal(void **state)
{
    struct smki_error err = {0};

    (void)state;
    assert_int_equal(smki_error_prefix(&err, "serial %s", "01"), SMKI_INTERNAL);
}

static void a_refusal_may_quote_the_one_before(void **state)
{
    struct smki_error err = {0};

    (void)state;
    (void)smki_fail(&err, SMKI_IO, "inner");
    (void)smki_fail(&err, SMKI_STORE_CORRUPT, "outer (%s)", err.text);
    assert_string_equal(err.text, "outer (inner)");
}

static void a_text_that_is_too_long_is_cut_at_a_character(void **state)
{
    struct smki_error err = {0};
    char text[1200];

    (void)state;
    for (size_t i = 0; i + 2 < sizeof(text); i += 2)
        memcpy(text + i, "\xc3\xa9", 3);
    (void)smki_fail(&err, SMKI_IO, "%s", text);
    assert_int_equal(strlen(err.text), SMKI_ERROR_TEXT_SIZE - 2);
    assert_memory_equal(err.text + SMKI_ERROR_TEXT_SIZE - 4, "\xc3\xa9", 3);
    (void)smki_error_prefix(&err, "%s", text);
    assert_int_equal(strlen(err.text), SMKI_ERROR_TEXT_SIZE - 1);
}

static void what_is_quoted_becomes_one_line_of_utf8(void **state)
{
    static const struct {
        const char *quoted, *shown;
    } cases[] = {
        {"a\nb\tc\033[31m\x7f", "a?b?c?[31m?"},
        {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"\xff\xfe", "??"},
        {"\xc0\x80", "??"},
        {"\xed\xa0\x80", "???"},
        {"\xe2\x82", ""}, /* cut: left out */
        {"\xe2\x82x", "??x"},
        {"\xf4\x90\x80\x80", "????"},
    };
    struct smki_error err = {0};

    (void)state;
    for (size_t i = 0; i < TEST_COUNT(cases); i++) {
        (void)smki_fail(&err, SMKI_IO, "%s", cases[i].quoted);
        assert_string_equal(err.text, cases[i].shown);
    }
}

static void errno_values_have_their_refusals(void **state)
{
    static const struct {
        int errnum, code;
    } cases[] = {
        {ENOSPC, SMKI_DISK_FULL}, {EDQUOT, SMKI_DISK_FULL}, {EACCES, SMKI_PERMISSION}, {EPERM, SMKI_PERMISSION}, {ENOENT, SMKI_NOT_FOUND},
        {ENOMEM, SMKI_NO_MEMORY}, {EIO, SMKI_IO},           {EISDIR, SMKI_IO},
    };
    struct smki_error err = {0};

    (void)state;
    for (size_t i = 0; i < TEST_COUNT(cases); i++)
        EXPECT_REFUSED(cases[i].code, smki_fail_errno(&err, cases[i].errnum, "cannot open %s", "x"), err);
    assert_string_equal(err.text, "cannot open x: Is a directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_unique_and_ascend),
        cmocka_unit_test(wire_codes_are_of_the_schemas_form),
        cmocka_unit_test(wire_codes_are_unique),
        cmocka_unit_test(codes_of_anomalies_and_ca_errors_never_overlap),
        cmocka_unit_test(prefixes_follow_the_status),
        cmocka_unit_test(every_code_is_found),
        cmocka_unit_test(an_unknown_code_is_internal),
        cmocka_unit_test(status_words_are_those_of_the_wire),
        cmocka_unit_test(a_failure_gives_its_code_and_text),
        cmocka_unit_test(without_a_format_the_lists_text_is_used),
        cmocka_unit_test(without_an_error_the_code_is_still_returned),
        cmocka_unit_test(a_prefix_goes_before_the_text),
        cmocka_unit_test(a_prefix_of_no_error_is_internal),
        cmocka_unit_test(a_refusal_may_quote_the_one_before),
        cmocka_unit_test(a_text_that_is_too_long_is_cut_at_a_character),
        cmocka_unit_test(what_is_quoted_becomes_one_line_of_utf8),
        cmocka_unit_test(errno_values_have_their_refusals),
    };

    return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
