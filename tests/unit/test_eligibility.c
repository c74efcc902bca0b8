/* Eligibility (eligibility.md), walked in full from tests/data/eligibility/matrix.txt. */
#include "smki_test.h"

#include <smki/party.h>

#define IMPORT 11 /* Party numbers that no other word of a refusal contains */
#define GAS    22
#define KINDS  6

/* The kinds of Party, in the order of the columns. */
static const struct smki_party kinds[KINDS] = {
    {.number = 77, .user_roles = SMKI_USER_DCC, .subscriber = SMKI_SUBSCRIBER_DEVICE},
    {.number = IMPORT, .user_roles = SMKI_USER_IMPORT_SUPPLIER, .subscriber = SMKI_SUBSCRIBER_DEVICE},
    {.number = GAS, .user_roles = SMKI_USER_GAS_SUPPLIER, .subscriber = SMKI_SUBSCRIBER_DEVICE | SMKI_SUBSCRIBER_ORGANISATION},
    {.number = 33, .user_roles = SMKI_USER_IMPORT_SUPPLIER | SMKI_USER_GAS_SUPPLIER, .subscriber = SMKI_SUBSCRIBER_DEVICE},
    {.number = 44, .user_roles = SMKI_USER_OTHER, .subscriber = SMKI_SUBSCRIBER_DEVICE},
    {.number = IMPORT, .user_roles = SMKI_USER_IMPORT_SUPPLIER | SMKI_USER_GAS_SUPPLIER, .subscriber = SMKI_SUBSCRIBER_ORGANISATION},
};

static const struct {
    const char *word;
    int code;
} outcomes[] = {
    {"yes", SMKI_OK},
    {"dcc", SMKI_INELIGIBLE_DCC_ONLY},
    {"supplier", SMKI_INELIGIBLE_SUPPLIER},
    {"gone", SMKI_INELIGIBLE_WITHDRAWN},
    {"no", SMKI_INELIGIBLE_SUBSCRIBER},
};

static int outcome_of(const char *word)
{
    for (size_t i = 0; i < TEST_COUNT(outcomes); i++) {
        if (strcmp(outcomes[i].word, word) == 0)
            return outcomes[i].code;
    }
    fail_msg("\"%s\" is no outcome", word);
    return 0;
}

static void check_line(const char *line, bool seen[SMKI_DEVICE_TYPES][SMKI_SMI_WITHDRAWN + 1])
{
    char type[16], status[32], words[KINDS][16];
    struct smki_device device = {.import_supplier = IMPORT, .gas_supplier = GAS};
    struct smki_error err;

    assert_int_equal(
        sscanf(line, "%15s %31s %15s %15s %15s %15s %15s %15s", type, status, words[0], words[1], words[2], words[3], words[4], words[5]),
        2 + KINDS);
    assert_true(smki_device_type_find(type, &device.type) && smki_smi_status_find(status, &device.status));
    assert_false(seen[device.type][device.status]);
    seen[device.type][device.status] = true;
    for (size_t i = 0; i < KINDS; i++) {
        int expected = outcome_of(words[i]), rc;
        err = (struct smki_error){0};
        if ((rc = smki_eligibility_check(&smki_eligibility_default, &kinds[i], &device, &err)) != expected)
            fail_msg("%s %s, Party kind %zu: %s instead of %s (%s)", type, status, i + 1, test_name_of(rc), words[i], err.text);
        if (rc != 0 && (err.text[0] == '\0' || strstr(err.text, "11") != NULL || strstr(err.text, "22") != NULL))
            fail_msg("%s %s: the refusal \"%s\" says nothing, or names a Party", type, status, err.text);
    }
}

static void every_cell_of_the_matrix_is_as_the_table_says(void **state)
{
    bool seen[SMKI_DEVICE_TYPES][SMKI_SMI_WITHDRAWN + 1] = {{false}};
    struct smki_buffer matrix = {0};
    struct smki_error err = {0};
    char *rest = NULL;
    size_t lines = 0;

    (void)state;
    test_file(&matrix, "eligibility/matrix.txt");
    ASSERT_OK(smki_buffer_append(&matrix, "", 1, &err), err);
    for (char *line = strtok_r((char *)matrix.at, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        if (line[0] == '#' || strncmp(line, "kinds", 5) == 0)
            continue;
        check_line(line, seen);
        lines++;
    }
    assert_int_equal(lines, SMKI_DEVICE_TYPES * (SMKI_SMI_WITHDRAWN + 1));
    smki_buffer_finish(&matrix);
}

static int check(enum smki_device_type type, enum smki_smi_status status, uint64_t import, uint64_t gas, struct smki_error *err)
{
    struct smki_device device = {.type = type, .status = status, .import_supplier = import, .gas_supplier = gas};

    return smki_eligibility_check(&smki_eligibility_default, &kinds[3], &device, err);
}

static void a_refusal_says_the_column_and_the_rule(void **state)
{
    struct smki_error err = {0};

    (void)state;
    EXPECT_REFUSED(SMKI_INELIGIBLE_SUPPLIER, check(SMKI_TYPE_ESME, SMKI_SMI_COMMISSIONED, IMPORT, GAS, &err), err);
    assert_string_equal(err.text, "the device is commissioned and its Import Supplier is another Party");
    EXPECT_REFUSED(SMKI_INELIGIBLE_SUPPLIER, check(SMKI_TYPE_GSME, SMKI_SMI_SUSPENDED, IMPORT, GAS, &err), err);
    assert_string_equal(err.text, "the device is suspended and its Gas Supplier is another Party");
    EXPECT_REFUSED(SMKI_INELIGIBLE_SUPPLIER, check(SMKI_TYPE_UNKNOWN, SMKI_SMI_RECOVERED, IMPORT, 0, &err), err);
    assert_string_equal(err.text, "the device is recovered and its Import or Gas Supplier is another Party");
    EXPECT_REFUSED(SMKI_INELIGIBLE_DCC_ONLY, check(SMKI_TYPE_CHF, SMKI_SMI_PENDING, 0, 0, &err), err);
    assert_string_equal(err.text, "the device is a CHF and pending: only the DCC is eligible");
    EXPECT_REFUSED(SMKI_INELIGIBLE_WITHDRAWN, check(SMKI_TYPE_GPF, SMKI_SMI_WITHDRAWN, 0, 0, &err), err);
    assert_string_equal(err.text, "the device is withdrawn: nobody is eligible");
}

static void a_device_in_service_without_known_supplier_is_the_dccs_alone(void **state)
{
    struct smki_device device = {.type = SMKI_TYPE_ESME, .status = SMKI_SMI_COMMISSIONED, .gas_supplier = GAS};
    struct smki_error err = {0};

    (void)state;
    EXPECT_REFUSED(SMKI_INELIGIBLE_SUPPLIER, smki_eligibility_check(&smki_eligibility_default, &kinds[1], &device, &err), err);
    EXPECT_TEXT(err, "is not known");
    ASSERT_OK(smki_eligibility_check(&smki_eligibility_default, &kinds[0], &device, &err), err);
}

/* A Party without number is no device's supplier, though 0 also says "not known". */
static void nobody_is_not_a_supplier(void **state)
{
    struct smki_party nobody = {.subscriber = SMKI_SUBSCRIBER_DEVICE};
    struct smki_device device = {.type = SMKI_TYPE_ESME, .status = SMKI_SMI_COMMISSIONED};
    struct smki_error err = {0};

    (void)state;
    EXPECT_REFUSED(SMKI_INELIGIBLE_SUPPLIER, smki_eligibility_check(&smki_eligibility_default, &nobody, &device, &err), err);
}

static void another_table_decides_otherwise(void **state)
{
    struct smki_eligibility table = smki_eligibility_default;
    struct smki_device device = {.type = SMKI_TYPE_ESME, .status = SMKI_SMI_PENDING};
    struct smki_error err = {0};

    (void)state;
    table.who[SMKI_TYPE_ESME][SMKI_PHASE_BEFORE] = SMKI_ELIGIBLE_NOBODY;
    EXPECT_REFUSED(SMKI_INELIGIBLE_WITHDRAWN, smki_eligibility_check(&table, &kinds[0], &device, &err), err);
    EXPECT_TEXT(err, "the device is pending: nobody is eligible");
    table.who[SMKI_TYPE_ESME][SMKI_PHASE_BEFORE] = SMKI_ELIGIBLE_SUBSCRIBER;
    ASSERT_OK(smki_eligibility_check(&table, &kinds[4], &device, &err), err);
}

static void types_and_statuses_outside_the_table_are_refused(void **state)
{
    struct smki_error err = {0};

    (void)state;
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, check((enum smki_device_type)8, SMKI_SMI_PENDING, 0, 0, &err), err);
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, check(SMKI_TYPE_ESME, (enum smki_smi_status)10, 0, 0, &err), err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cell_of_the_matrix_is_as_the_table_says),
        cmocka_unit_test(a_refusal_says_the_column_and_the_rule),
        cmocka_unit_test(a_device_in_service_without_known_supplier_is_the_dccs_alone),
        cmocka_unit_test(nobody_is_not_a_supplier),
        cmocka_unit_test(another_table_decides_otherwise),
        cmocka_unit_test(types_and_statuses_outside_the_table_are_refused),
    };

    return cmocka_run_group_tests_name("eligibility", tests, NULL, NULL);
}
