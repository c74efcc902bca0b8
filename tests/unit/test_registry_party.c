/* Parties and their officers: what is taken, what is refused, what the audit log says of it. */
#include "registry_test.h"

#include <cjson/cJSON.h>

#define EUI_A "90-B3-D5-1F-30-01-00-00"
#define EUI_B "90-B3-D5-1F-30-02-00-00"

/* ---- Parties ---- */

static void a_party_is_found_as_it_was_added(void **state)
{
    struct store_test *test = *state;
    struct smki_party party = supplier("Cymru Ynni – Caerdydd", EUI_A), found;

    party.roles[party.role_count++] = 0x7f;
    party.euis[party.eui_count++] = eui(EUI_B);
    party.gateway_only = true;
    ASSERT_OK(smki_party_add(test->store, &anna, &party, &test->err), test->err);
    assert_int_equal(party.number, 1);
    ASSERT_TIME(party.added_at, "2026-11-23T20:00");
    ASSERT_OK(smki_party_find(test->store, 1, &found, &test->err), test->err);
    assert_memory_equal(&found, &party, sizeof(party));
}

static void a_full_party_is_found_as_it_was_added(void **state)
{
    struct store_test *test = *state;
    struct smki_party party = supplier("", NULL), found;

    memset(party.name, 'x', sizeof(party.name) - 1);
    for (party.eui_count = 0; party.eui_count < SMKI_PARTY_MAX_EUIS; party.eui_count++)
        party.euis[party.eui_count] = (struct smki_device_id){{0x90, 0xb3, 0, 0, 0, 0, 1, (uint8_t)party.eui_count}};
    party.user_roles = SMKI_USER_IMPORT_SUPPLIER | SMKI_USER_GAS_SUPPLIER | SMKI_USER_DCC | SMKI_USER_OTHER;
    party.barred = true;
    ASSERT_OK(smki_party_add(test->store, &anna, &party, &test->err), test->err);
    ASSERT_OK(smki_party_of_eui(test->store, &party.euis[SMKI_PARTY_MAX_EUIS - 1], &found, &test->err), test->err);
    assert_memory_equal(&found, &party, sizeof(party));
    assert_int_equal(strlen(last_record(test).detail), SMKI_AUDIT_DETAIL_SIZE - 1);
}

static void adding_a_party_is_recorded_with_what_it_is(void **state)
{
    struct store_test *test = *state;

    add_party(test, "Brightwatt", EUI_A);
    expect_record(test, SMKI_ACT_PARTY_ADD, 1, 1,
                  "name \"Brightwatt\", subscriber +device, subscriber +organisation, user role +import-supplier, "
                  "EUI-64 +90-B3-D5-1F-30-01-00-00, role +02");
}

static void an_eui_leads_to_its_party(void **state)
{
    struct store_test *test = *state;
    struct smki_device_id id = eui(EUI_B);
    struct smki_party found;

    add_party(test, "One", EUI_A);
    add_party(test, "Two", EUI_B);
    ASSERT_OK(smki_party_of_eui(test->store, &id, &found, &test->err), test->err);
    assert_string_equal(found.name, "Two");
    id.octet[7] = 9;
    EXPECT_REFUSED(SMKI_PARTY_UNKNOWN, smki_party_of_eui(test->store, &id, &found, &test->err), test->err);
}

static void an_eui_of_another_party_is_refused_and_nothing_is_added(void **state)
{
    struct store_test *test = *state;
    struct smki_party party = supplier("Two", EUI_B), found;

    add_party(test, "One", EUI_A);
    party.euis[party.eui_count++] = eui(EUI_A);
    EXPECT_REFUSED(SMKI_EUI_TAKEN, smki_party_add(test->store, &anna, &party, &test->err), test->err);
    EXPECT_TEXT(test->err, EUI_A " belongs to Party 1");
    EXPECT_REFUSED(SMKI_PARTY_UNKNOWN, smki_party_find(test->store, 2, &found, &test->err), test->err);
    EXPECT_REFUSED(SMKI_PARTY_UNKNOWN, smki_party_of_eui(test->store, &party.euis[0], &found, &test->err), test->err);
    assert_int_equal(records(test), 1);
}

static void refused_party(struct store_test *test, struct smki_party *party, const char *text)
{
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, smki_party_add(test->store, &anna, party, &test->err), test->err);
    EXPECT_TEXT(test->err, text);
}

static void names_are_printable_utf8_and_not_empty(void **state)
{
    static const struct {
        const char *name, *text;
    } cases[] = {
        {"", "is empty"},
        {"   ", "is empty"},
        {" One", "begins or ends with a space"},
        {"One ", "begins or ends with a space"},
        {"a\tb", "not printable UTF-8 at octet 2"},
        {"a\nb", "not printable UTF-8 at octet 2"},
        {"ab\x7f", "not printable UTF-8 at octet 3"},
        {"caf\xe9", "not printable UTF-8 at octet 4"},       /* Latin-1 */
        {"a\xc0\xaf", "not printable UTF-8 at octet 2"},     /* overlong */
        {"a\xed\xa0\x80", "not printable UTF-8 at octet 2"}, /* a surrogate */
        {"a\xf4\x90\x80\x80", "not printable UTF-8"},        /* beyond U+10FFFF */
        {"a\xc2\x85", "not printable UTF-8"},                /* a C1 control */
        {"a\xe2\x80\xae"
         "b",
         "not printable UTF-8"},              /* right-to-left override */
        {"a\xf0\x9f", "not printable UTF-8"}, /* cut */
    };

    for (size_t i = 0; i < TEST_COUNT(cases); i++) {
        struct smki_party party = supplier(cases[i].name, NULL);
        refused_party(*state, &party, cases[i].text);
    }
}

static void a_name_without_end_is_refused(void **state)
{
    struct smki_party party = supplier("", NULL);

    memset(party.name, 'x', sizeof(party.name));
    refused_party(*state, &party, "longer than 128 octets");
}

static void roles_are_in_the_table_and_given_once(void **state)
{
    struct smki_party party = supplier("One", NULL);

    party.roles[0] = 0x33;
    refused_party(*state, &party, "there is no Remote Party Role 33");
    party.roles[0] = 0x00;
    refused_party(*state, &party, "root) is a CA's own");
    party.roles[0] = 0x07;
    refused_party(*state, &party, "issuingAuthority) is a CA's own");
    party.roles[0] = party.roles[1] = 0x02;
    party.role_count = 2;
    refused_party(*state, &party, "supplier is given twice");
    party.role_count = SMKI_PARTY_MAX_ROLES + 1;
    refused_party(*state, &party, "at most 16");
}

static void euis_are_given_once_and_are_not_too_many(void **state)
{
    struct smki_party party = supplier("One", EUI_A);

    party.euis[party.eui_count++] = eui(EUI_A);
    refused_party(*state, &party, EUI_A " is given twice");
    party.eui_count = SMKI_PARTY_MAX_EUIS + 1;
    refused_party(*state, &party, "at most 64");
}

static void bits_that_mean_nothing_are_refused(void **state)
{
    struct smki_party party = supplier("One", NULL);

    party.user_roles = 16;
    refused_party(*state, &party, "not one that there is");
    party.user_roles = 0;
    party.subscriber = 4;
    refused_party(*state, &party, "not one that there is");
}

static void an_update_changes_the_party_and_moves_its_euis(void **state)
{
    struct store_test *test = *state;
    struct smki_device_id old = eui(EUI_A), new = eui(EUI_B);
    struct smki_party party, found;

    add_party(test, "One", EUI_A);
    ASSERT_OK(smki_party_find(test->store, 1, &party, &test->err), test->err);
    test_clock_advance(&test->clock, SMKI_DAY);
    snprintf(party.name, sizeof(party.name), "Uno");
    party.euis[0] = new;
    party.barred = true;
    party.subscriber = SMKI_SUBSCRIBER_DEVICE;
    party.added_at = (struct smki_time){1};
    ASSERT_OK(smki_party_update(test->store, &anna, &party, &test->err), test->err);
    ASSERT_OK(smki_party_of_eui(test->store, &new, &found, &test->err), test->err);
    assert_true(found.barred);
    ASSERT_TIME(found.added_at, "2026-11-23T20:00");
    EXPECT_REFUSED(SMKI_PARTY_UNKNOWN, smki_party_of_eui(test->store, &old, &found, &test->err), test->err);
    expect_record(test, SMKI_ACT_PARTY_UPDATE, 1, 1,
                  "barred, name \"Uno\", subscriber -organisation, EUI-64 -90-B3-D5-1F-30-01-00-00, EUI-64 +90-B3-D5-1F-30-02-00-00");
    assert_int_equal(add_party(test, "Two", EUI_A), 2); /* it is free again */
}

static void an_update_cannot_take_another_partys_eui(void **state)
{
    struct store_test *test = *state;
    struct smki_party party, found;

    add_party(test, "One", EUI_A);
    add_party(test, "Two", EUI_B);
    ASSERT_OK(smki_party_find(test->store, 2, &party, &test->err), test->err);
    party.euis[0] = eui(EUI_A);
    EXPECT_REFUSED(SMKI_EUI_TAKEN, smki_party_update(test->store, &anna, &party, &test->err), test->err);
    party.euis[0] = eui(EUI_B);
    ASSERT_OK(smki_party_of_eui(test->store, &party.euis[0], &found, &test->err), test->err);
    assert_int_equal(found.number, 2);
}

static void an_update_that_changes_nothing_writes_nothing(void **state)
{
    struct store_test *test = *state;
    struct smki_party party;

    add_party(test, "One", EUI_A);
    ASSERT_OK(smki_party_find(test->store, 1, &party, &test->err), test->err);
    ASSERT_OK(smki_party_update(test->store, &anna, &party, &test->err), test->err);
    assert_int_equal(records(test), 1);
}

static void an_update_of_nobody_is_refused(void **state)
{
    struct store_test *test = *state;
    struct smki_party party = supplier("One", EUI_A);

    party.number = 5;
    EXPECT_REFUSED(SMKI_PARTY_UNKNOWN, smki_party_update(test->store, &anna, &party, &test->err), test->err);
    EXPECT_TEXT(test->err, "there is no Party 5");
}

static void parties_are_listed_in_order_and_the_list_ends(void **state)
{
    struct store_test *test = *state;
    struct smki_party party = {0};

    for (int i = 0; i < 3; i++)
        add_party(test, "One", NULL);
    for (uint64_t number = 1; number <= 3; number++) {
        ASSERT_OK(smki_party_next(test->store, party.number, &party, &test->err), test->err);
        assert_int_equal(party.number, number);
    }
    EXPECT_REFUSED(SMKI_NOT_FOUND, smki_party_next(test->store, party.number, &party, &test->err), test->err);
}

static void a_party_as_json_has_its_words(void **state)
{
    struct store_test *test = *state;
    struct smki_party party;
    cJSON *json;
    char *text;

    add_party(test, "One", EUI_A);
    ASSERT_OK(smki_party_find(test->store, 1, &party, &test->err), test->err);
    json = smki_party_json(&party);
    text = cJSON_PrintUnformatted(json);
    assert_string_equal(text, "{\"number\":1,\"name\":\"One\",\"euis\":[\"90-B3-D5-1F-30-01-00-00\"],\"roles\":[\"02\"],"
                              "\"user_roles\":[\"import-supplier\"],\"subscriber\":[\"device\",\"organisation\"],\"barred\":false,"
                              "\"gateway_only\":false,\"added_at\":\"2026-11-23T20:00:00.000000Z\"}");
    cJSON_free(text);
    cJSON_Delete(json);
}

/* ---- documents that are not as they were written ---- */

static int put_document(struct store_change *change, void *argument, struct smki_error *err)
{
    const char *json = argument;

    return store_document_put(change, STORE_PARTY, 1, BYTES(json, strlen(json)), err);
}

static void a_damaged_document_is_refused_and_named(void **state)
{
    static const struct {
        const char *json, *text;
        int code;
    } cases[] = {
        {"", "cannot be read", SMKI_STORE_CORRUPT},
        {"[1]", "cannot be read", SMKI_STORE_CORRUPT},
        {"{\"number\":1}", "cannot be read", SMKI_STORE_CORRUPT},
        {"{\"layout\":1}", "\"name\" is missing", SMKI_STORE_CORRUPT},
        {"{\"layout\":1,\"name\":\"x\",\"euis\":[7],\"roles\":[],\"user_roles\":[],\"subscriber\":[]}", "\"euis\"", SMKI_STORE_CORRUPT},
        {"{\"layout\":1,\"name\":\"x\",\"euis\":[],\"roles\":[\"2\"],\"user_roles\":[],\"subscriber\":[]}", "\"roles\"",
         SMKI_STORE_CORRUPT},
        {"{\"layout\":1,\"name\":\"x\",\"euis\":[],\"roles\":[],\"user_roles\":[\"king\"],\"subscriber\":[]}", "\"user_roles\"",
         SMKI_STORE_CORRUPT},
        {"{\"layout\":2,\"name\":\"x\"}", "newer version", SMKI_STORE_VERSION},
    };
    struct store_test *test = *state;
    struct smki_party party;

    for (size_t i = 0; i < TEST_COUNT(cases); i++) {
        CHANGE(test, put_document, (void *)(uintptr_t)cases[i].json);
        EXPECT_REFUSED(cases[i].code, smki_party_find(test->store, 1, &party, &test->err), test->err);
        EXPECT_TEXT(test->err, cases[i].text);
        EXPECT_TEXT(test->err, "Party 1");
    }
}

/* ---- officers ---- */

static struct smki_officer officer_of(uint64_t party, const char *name, const char *email)
{
    struct smki_officer officer = {.party = party};

    snprintf(officer.name, sizeof(officer.name), "%s", name);
    snprintf(officer.email, sizeof(officer.email), "%s", email);
    return officer;
}

static void an_officer_is_found_as_nominated(void **state)
{
    struct store_test *test = *state;
    struct smki_officer officer = officer_of(add_party(test, "One", NULL), "Siân Rees", "sian@one.example"), found;

    ASSERT_OK(smki_officer_nominate(test->store, &anna, &officer, &test->err), test->err);
    ASSERT_OK(smki_officer_find(test->store, 1, &found, &test->err), test->err);
    assert_memory_equal(&found, &officer, sizeof(found));
    assert_int_equal(found.state, SMKI_OFFICER_NOMINATED);
    expect_record(test, SMKI_ACT_OFFICER_ADD, 1, 1, "Siân Rees <sian@one.example> nominated");
}

static void an_officer_needs_a_party_a_name_and_an_address(void **state)
{
    struct store_test *test = *state;
    struct smki_officer stranger = officer_of(9, "A", "a@b"), nameless, bad;

    EXPECT_REFUSED(SMKI_PARTY_UNKNOWN, smki_officer_nominate(test->store, &anna, &stranger, &test->err), test->err);
    nameless = officer_of(add_party(test, "One", NULL), "", "a@b");
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, smki_officer_nominate(test->store, &anna, &nameless, &test->err), test->err);
    for (size_t i = 0; i < 5; i++) {
        bad = officer_of(1, "A", ((const char *[]){"", "a", "@b", "a@", "a b@c"})[i]);
        EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, smki_officer_nominate(test->store, &anna, &bad, &test->err), test->err);
    }
}

/* Every move from every state: the three that the states allow, and barring. */
static void officers_move_only_as_the_table_says(void **state)
{
    static const enum smki_officer_state ways[][3] = {
        [SMKI_OFFICER_NOMINATED] = {0},
        [SMKI_OFFICER_VERIFIED] = {SMKI_OFFICER_VERIFIED},
        [SMKI_OFFICER_BARRED] = {SMKI_OFFICER_BARRED},
    };
    static const bool allowed[4][4] = {
        [SMKI_OFFICER_NOMINATED] = {[SMKI_OFFICER_VERIFIED] = true, [SMKI_OFFICER_BARRED] = true},
        [SMKI_OFFICER_VERIFIED] = {[SMKI_OFFICER_BARRED] = true},
        [SMKI_OFFICER_BARRED] = {[SMKI_OFFICER_NOMINATED] = true},
    };
    struct store_test *test = *state;
    uint64_t party = add_party(test, "One", NULL);

    for (enum smki_officer_state from = 1; from <= 3; from++) {
        for (enum smki_officer_state to = 1; to <= 3; to++) {
            struct smki_officer officer = officer_of(party, "A", "a@b");
            ASSERT_OK(smki_officer_nominate(test->store, &anna, &officer, &test->err), test->err);
            if (ways[from][0] != 0)
                ASSERT_OK(smki_officer_set_state(test->store, &anna, officer.number, ways[from][0], &test->err), test->err);
            if (allowed[from][to])
                ASSERT_OK(smki_officer_set_state(test->store, &anna, officer.number, to, &test->err), test->err);
            else
                EXPECT_REFUSED(SMKI_OFFICER_STATE, smki_officer_set_state(test->store, &anna, officer.number, to, &test->err), test->err);
            ASSERT_OK(smki_officer_find(test->store, officer.number, &officer, &test->err), test->err);
            assert_int_equal(officer.state, allowed[from][to] ? to : from);
        }
    }
}

static void a_move_is_dated_and_recorded(void **state)
{
    struct store_test *test = *state;
    struct smki_officer officer = officer_of(add_party(test, "One", NULL), "A", "a@b");

    ASSERT_OK(smki_officer_nominate(test->store, &anna, &officer, &test->err), test->err);
    test_clock_set(&test->clock, AT("2026-12-01"));
    ASSERT_OK(smki_officer_set_state(test->store, &anna, 1, SMKI_OFFICER_VERIFIED, &test->err), test->err);
    ASSERT_OK(smki_officer_find(test->store, 1, &officer, &test->err), test->err);
    ASSERT_TIME(officer.nominated_at, "2026-11-23T20:00");
    ASSERT_TIME(officer.verified_at, "2026-12-01");
    assert_int_equal(officer.barred_at.us, 0);
    expect_record(test, SMKI_ACT_OFFICER_UPDATE, 1, 1, "A: nominated -> verified");
}

static void officers_that_are_not_there_or_states_that_are_none_are_refused(void **state)
{
    struct store_test *test = *state;
    struct smki_officer officer;

    EXPECT_REFUSED(SMKI_NOT_FOUND, smki_officer_find(test->store, 1, &officer, &test->err), test->err);
    EXPECT_TEXT(test->err, "there is no officer 1");
    EXPECT_REFUSED(SMKI_NOT_FOUND, smki_officer_set_state(test->store, &anna, 1, SMKI_OFFICER_BARRED, &test->err), test->err);
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, smki_officer_set_state(test->store, &anna, 1, (enum smki_officer_state)4, &test->err), test->err);
    EXPECT_REFUSED(SMKI_NOT_FOUND, smki_officer_next(test->store, 0, &officer, &test->err), test->err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_party_is_found_as_it_was_added),
        STORE_TEST(a_full_party_is_found_as_it_was_added),
        STORE_TEST(adding_a_party_is_recorded_with_what_it_is),
        STORE_TEST(an_eui_leads_to_its_party),
        STORE_TEST(an_eui_of_another_party_is_refused_and_nothing_is_added),
        STORE_TEST(names_are_printable_utf8_and_not_empty),
        STORE_TEST(a_name_without_end_is_refused),
        STORE_TEST(roles_are_in_the_table_and_given_once),
        STORE_TEST(euis_are_given_once_and_are_not_too_many),
        STORE_TEST(bits_that_mean_nothing_are_refused),
        STORE_TEST(an_update_changes_the_party_and_moves_its_euis),
        STORE_TEST(an_update_cannot_take_another_partys_eui),
        STORE_TEST(an_update_that_changes_nothing_writes_nothing),
        STORE_TEST(an_update_of_nobody_is_refused),
        STORE_TEST(parties_are_listed_in_order_and_the_list_ends),
        STORE_TEST(a_party_as_json_has_its_words),
        STORE_TEST(a_damaged_document_is_refused_and_named),
        STORE_TEST(an_officer_is_found_as_nominated),
        STORE_TEST(an_officer_needs_a_party_a_name_and_an_address),
        STORE_TEST(officers_move_only_as_the_table_says),
        STORE_TEST(a_move_is_dated_and_recorded),
        STORE_TEST(officers_that_are_not_there_or_states_that_are_none_are_refused),
    };

    return cmocka_run_group_tests_name("registry_party", tests, NULL, NULL);
}
