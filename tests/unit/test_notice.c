/* Notices of extra demand (CoCo 3): announced on the portal, approved or declined by the operator. */
#include "home_test.h"

#include "store/store_i.h"

#include <smki/notice.h>

#include <cjson/cJSON.h>

static struct smki_identity officer_of(uint64_t party)
{
    struct smki_identity identity = {.officer = 7};

    identity.actor = (struct smki_actor){
        .name = "Ann Other", .party = party, .interface = SMKI_INTERFACE_PORTAL_DEVICE, .network = SMKI_NETWORK_INTERNET};
    return identity;
}

static struct smki_demand_notice extra(const char *from, const char *to, uint64_t expected)
{
    struct smki_demand_notice notice = {.rule = SMKI_RULE_PORTAL_BATCH, .from = AT(from), .to = AT(to), .expected = expected};

    snprintf(notice.text, sizeof(notice.text), "a new factory");
    return notice;
}

static int announce(struct home *home, struct smki_demand_notice *notice, struct smki_error *err)
{
    const struct smki_identity identity = officer_of(home->maker.party);

    return smki_notice_add(home->service, &identity, notice, err);
}

static uint64_t ANNOUNCE(struct home *home, const char *from, const char *to)
{
    struct smki_demand_notice notice = extra(from, to, 150000);
    struct smki_error err = {0};

    ASSERT_OK(announce(home, &notice, &err), err);
    return notice.number;
}

static struct smki_demand_notice FIND(struct home *home, uint64_t number) {
    struct smki_demand_notice notice;
    struct smki_error err = {0};

    ASSERT_OK(smki_notice_find(home->service, 0, number, &notice, &err), err);
    return notice;
}

/* What the last record of a notice says. */
static void
expect_record(struct home *home, uint64_t number, const char *name, const char *detail)
{
    struct smki_audit_record record = {.sequence = 0}, next;

    while (smki_audit_find(smki_service_store(home->service), record.sequence + 1, &next, NULL) == 0)
        record = next;
    assert_int_equal(record.act, SMKI_ACT_DEMAND_NOTICE);
    assert_int_equal(record.subject, number);
    assert_int_equal(record.party, home->maker.party);
    assert_string_equal(record.actor.name, name);
    assert_string_equal(record.detail, detail);
}

static void a_notice_is_recorded_with_its_date_and_officer(void **state)
{
    struct home home;
    struct smki_demand_notice notice;
    uint64_t number;

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    number = ANNOUNCE(&home, "2026-12-08", "2026-12-15");
    expect_record(&home, number, "Ann Other",
                  "announced: portal-batch 150000 CSRs in 24 hours from 2026-12-08T00:00:00+00:00 to 2026-12-15T00:00:00+00:00");
    notice = FIND(&home, number);
    assert_int_equal(number, 1);
    assert_int_equal(notice.party, home.maker.party);
    assert_int_equal(notice.officer, 7);
    assert_string_equal(notice.name, "Ann Other");
    assert_string_equal(notice.text, "a new factory");
    assert_int_equal(notice.expected, 150000);
    assert_int_equal(notice.rule, SMKI_RULE_PORTAL_BATCH);
    assert_int_equal(notice.state, SMKI_NOTICE_ANNOUNCED);
    ASSERT_TIME(notice.notified_at, "2026-11-23T14:00");
    ASSERT_TIME(notice.from, "2026-12-08");
    ASSERT_TIME(notice.to, "2026-12-15");
    assert_false(notice.short_notice);
    AUDIT_HOLDS(&home);
    home_clear(&home);
}

static void seven_days_to_the_microsecond_are_no_short_notice(void **state)
{
    struct home home;

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    assert_false(FIND(&home, ANNOUNCE(&home, "2026-11-30T14:00", "2026-12-15")).short_notice);
    assert_true(FIND(&home, ANNOUNCE(&home, "2026-11-30T13:59:59.999999", "2026-12-15")).short_notice);
    home_clear(&home);
}

static void a_notice_without_sense_is_refused(void **state)
{
    struct home home;
    struct smki_demand_notice notice;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    notice = extra("2026-12-15", "2026-12-08", 1);
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, announce(&home, &notice, &err), err);
    EXPECT_TEXT(err, "ends after it begins");
    notice = extra("2026-11-01", "2026-11-23T14:00", 1);
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, announce(&home, &notice, &err), err);
    EXPECT_TEXT(err, "over already");
    notice = extra("2026-12-08", "2026-12-15", 0);
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, announce(&home, &notice, &err), err);
    notice = extra("2026-12-08", "2026-12-15", 1);
    notice.rule = SMKI_RULE_POLL;
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, announce(&home, &notice, &err), err);
    notice = extra("2026-12-08", "2026-12-15", 1);
    snprintf(notice.text, sizeof(notice.text), "two\nlines");
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, announce(&home, &notice, &err), err);
    EXPECT_TEXT(err, "text");
    EXPECT_REFUSED(SMKI_NOT_FOUND, smki_notice_find(home.service, 0, 1, &notice, &err), err);
    home_clear(&home);
}

static void extra_demand_ends_two_years_ahead_at_most(void **state)
{
    struct home home;
    struct smki_demand_notice notice;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    (void)ANNOUNCE(&home, "2028-11-01", "2028-11-23T14:00");
    notice = extra("2028-11-01", "2028-11-23T14:00:00.000001", 1);
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, announce(&home, &notice, &err), err);
    EXPECT_TEXT(err, "two years ahead, by 2028-11-23 14:00 GMT");
    notice = extra("2031-01-01", "9999-12-31", 1);
    notice.to = smki_time_uk_day(notice.to, 1); /* the form's last day is included: a year that no row can be read back with */
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, announce(&home, &notice, &err), err);
    EXPECT_REFUSED(SMKI_NOT_FOUND, smki_notice_find(home.service, 0, 2, &notice, &err), err);
    home_clear(&home);
}

static int bad_change(struct store_change *change, void *argument, struct smki_error *err)
{
    static const char *const rows[] = {"{\"layout\":1}", "no JSON"};

    for (unsigned i = 0; i < 2; i++) {
        int rc = store_document_put(change, STORE_DEMAND_NOTICE, 2 + i, BYTES(rows[i], strlen(rows[i])), err);

        if (rc != 0)
            return rc;
    }
    (void)argument;
    return 0;
}

static void a_row_that_cannot_be_read_hides_no_other(void **state)
{
    struct home home;
    struct smki_demand_notice notice;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    (void)ANNOUNCE(&home, "2026-12-08", "2026-12-15");
    (void)ANNOUNCE(&home, "2026-12-08", "2026-12-15");
    (void)ANNOUNCE(&home, "2026-12-08", "2026-12-15");
    (void)ANNOUNCE(&home, "2026-12-08", "2026-12-15");
    ASSERT_OK(store_change(smki_service_store(home.service), bad_change, NULL, &err), err);
    EXPECT_REFUSED(SMKI_STORE_CORRUPT, smki_notice_find(home.service, 0, 2, &notice, &err), err);
    ASSERT_OK(smki_notice_next(home.service, home.maker.party, 1, &notice, &err), err);
    assert_int_equal(notice.number, 4);
    EXPECT_REFUSED(SMKI_NOT_FOUND, smki_notice_next(home.service, home.maker.party, 4, &notice, &err), err);
    assert_int_equal(ANNOUNCE(&home, "2026-12-08", "2026-12-15"), 5);
    home_clear(&home);
}

static void a_barred_party_announces_nothing(void **state)
{
    struct home home;
    struct smki_demand_notice notice = extra("2026-12-08", "2026-12-15", 1);
    struct smki_party party;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    ASSERT_OK(smki_party_find(smki_service_store(home.service), home.maker.party, &party, &err), err);
    party.barred = true;
    ASSERT_OK(smki_party_update(smki_service_store(home.service), &home.operator, & party, &err), err);
    EXPECT_REFUSED(SMKI_PARTY_BARRED, announce(&home, &notice, &err), err);
    home_clear(&home);
}

static void as_many_wait_as_may_and_a_decision_makes_room(void **state)
{
    struct home home;
    struct smki_demand_notice notice = extra("2026-12-08", "2026-12-15", 1);
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    for (int i = 0; i < SMKI_NOTICE_MAX_OPEN; i++)
        (void)ANNOUNCE(&home, "2026-12-08", "2026-12-15");
    EXPECT_REFUSED(SMKI_NOTICE_MANY, announce(&home, &notice, &err), err);
    ASSERT_OK(smki_notice_decline(home.service, &home.operator, 3, "no", &err), err);
    ASSERT_OK(announce(&home, &notice, &err), err);
    home_clear(&home);
}

static void a_party_sees_its_own_notices_only(void **state)
{
    struct home home;
    struct smki_demand_notice notice = extra("2026-12-08", "2026-12-15", 9);
    struct smki_identity other;
    struct smki_error err = {0};
    uint64_t own;

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    other = officer_of(PARTY(&home, "Another", SMKI_USER_OTHER, SMKI_SUBSCRIBER_DEVICE));
    ASSERT_OK(smki_notice_add(home.service, &other, &notice, &err), err);
    own = ANNOUNCE(&home, "2026-12-08", "2026-12-15");
    ASSERT_OK(smki_notice_next(home.service, home.maker.party, 0, &notice, &err), err);
    assert_int_equal(notice.number, own);
    EXPECT_REFUSED(SMKI_NOT_FOUND, smki_notice_next(home.service, home.maker.party, own, &notice, &err), err);
    EXPECT_REFUSED(SMKI_NOT_FOUND, smki_notice_find(home.service, home.maker.party, 1, &notice, &err), err);
    assert_string_equal(err.text, "there is no notice 1");
    EXPECT_REFUSED(SMKI_NOT_FOUND, smki_notice_find(home.service, home.maker.party, 3, &notice, &err), err);
    assert_string_equal(err.text, "there is no notice 3");
    home_clear(&home);
}

static void approving_makes_the_agreement_of_the_notice(void **state)
{
    struct home home;
    struct smki_agreement agreement, stored;
    struct smki_error err = {0};
    uint64_t number, limit;

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    number = ANNOUNCE(&home, "2026-12-08", "2026-12-15");
    NOW(&home, "2026-12-05T10:00"); /* the operator takes their time: the seven days are the Party's */
    ASSERT_OK(smki_notice_approve(home.service, &home.operator, number, 120000, false, &agreement, &err), err);
    expect_record(&home, number, "test", "approved: agreement 1");
    assert_int_equal(FIND(&home, number).state, SMKI_NOTICE_APPROVED);
    assert_int_equal(FIND(&home, number).agreement, agreement.number);
    ASSERT_TIME(FIND(&home, number).decided_at, "2026-12-05T10:00");
    ASSERT_OK(smki_agreement_next(smki_service_store(home.service), 0, &stored, &err), err);
    assert_int_equal(stored.party, home.maker.party);
    assert_int_equal(stored.limit, 120000);
    ASSERT_TIME(stored.notified_at, "2026-11-23T14:00");
    ASSERT_TIME(stored.from, "2026-12-08");
    ASSERT_OK(
        smki_agreement_limit(smki_service_store(home.service), home.maker.party, SMKI_RULE_PORTAL_BATCH, AT("2026-12-08"), &limit, &err),
        err);
    assert_int_equal(limit, 120000);
    AUDIT_HOLDS(&home);
    home_clear(&home);
}

static void short_notice_needs_the_operators_word(void **state)
{
    struct home home;
    struct smki_agreement agreement;
    struct smki_error err = {0};
    uint64_t number;

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    number = ANNOUNCE(&home, "2026-11-25", "2026-12-15");
    EXPECT_REFUSED(SMKI_AGREEMENT_NOTICE, smki_notice_approve(home.service, &home.operator, number, 9, false, NULL, &err), err);
    assert_int_equal(FIND(&home, number).state, SMKI_NOTICE_ANNOUNCED);
    EXPECT_REFUSED(SMKI_NOT_FOUND, smki_agreement_next(smki_service_store(home.service), 0, &agreement, &err), err);
    ASSERT_OK(smki_notice_approve(home.service, &home.operator, number, 9, true, &agreement, &err), err);
    assert_true(agreement.short_notice);
    home_clear(&home);
}

static void a_notice_is_decided_once(void **state)
{
    struct home home;
    struct smki_error err = {0};
    uint64_t first, second;

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    first = ANNOUNCE(&home, "2026-12-08", "2026-12-15");
    second = ANNOUNCE(&home, "2026-12-08", "2026-12-15");
    ASSERT_OK(smki_notice_decline(home.service, &home.operator, first, "the nights are full", &err), err);
    expect_record(&home, first, "test", "declined: the nights are full");
    assert_string_equal(FIND(&home, first).reason, "the nights are full");
    EXPECT_REFUSED(SMKI_NOTICE_STATE, smki_notice_decline(home.service, &home.operator, first, "again", &err), err);
    EXPECT_REFUSED(SMKI_NOTICE_STATE, smki_notice_approve(home.service, &home.operator, first, 9, false, NULL, &err), err);
    EXPECT_TEXT(err, "was declined at 2026-11-23 14:00 GMT");
    ASSERT_OK(smki_notice_approve(home.service, &home.operator, second, 9, false, NULL, &err), err);
    EXPECT_REFUSED(SMKI_NOTICE_STATE, smki_notice_decline(home.service, &home.operator, second, "no", &err), err);
    home_clear(&home);
}

static void what_is_over_cannot_be_approved_and_a_reason_is_wanted(void **state)
{
    struct home home;
    struct smki_error err = {0};
    uint64_t number;

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    number = ANNOUNCE(&home, "2026-12-08", "2026-12-15");
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, smki_notice_decline(home.service, &home.operator, number, "", &err), err);
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, smki_notice_approve(home.service, &home.operator, number, 0, false, NULL, &err), err);
    EXPECT_REFUSED(SMKI_NOT_FOUND, smki_notice_approve(home.service, &home.operator, 77, 1, false, NULL, &err), err);
    NOW(&home, "2026-12-15");
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, smki_notice_approve(home.service, &home.operator, number, 9, false, NULL, &err), err);
    EXPECT_TEXT(err, "which is over");
    home_clear(&home);
}

static void a_notice_is_told_as_json(void **state)
{
    struct home home;
    struct smki_demand_notice notice;
    cJSON *json;
    char *text;

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    notice = FIND(&home, ANNOUNCE(&home, "2026-12-08", "2026-12-15"));
    json = smki_notice_json(&notice);
    text = cJSON_PrintUnformatted(json);
    assert_string_equal(text, "{\"number\":1,\"party\":1,\"rule\":\"portal-batch\",\"from\":\"2026-12-08T00:00:00.000000Z\","
                              "\"to\":\"2026-12-15T00:00:00.000000Z\",\"expected\":150000,\"text\":\"a new factory\","
                              "\"notified_at\":\"2026-11-23T14:00:00.000000Z\",\"short_notice\":false,\"officer\":7,"
                              "\"name\":\"Ann Other\",\"state\":\"announced\",\"decided_at\":null,\"agreement\":null,\"reason\":\"\"}");
    cJSON_free(text);
    cJSON_Delete(json);
    home_clear(&home);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_notice_is_recorded_with_its_date_and_officer),
        cmocka_unit_test(seven_days_to_the_microsecond_are_no_short_notice),
        cmocka_unit_test(a_notice_without_sense_is_refused),
        cmocka_unit_test(extra_demand_ends_two_years_ahead_at_most),
        cmocka_unit_test(a_row_that_cannot_be_read_hides_no_other),
        cmocka_unit_test(a_barred_party_announces_nothing),
        cmocka_unit_test(as_many_wait_as_may_and_a_decision_makes_room),
        cmocka_unit_test(a_party_sees_its_own_notices_only),
        cmocka_unit_test(approving_makes_the_agreement_of_the_notice),
        cmocka_unit_test(short_notice_needs_the_operators_word),
        cmocka_unit_test(a_notice_is_decided_once),
        cmocka_unit_test(what_is_over_cannot_be_approved_and_a_reason_is_wanted),
        cmocka_unit_test(a_notice_is_told_as_json),
    };

    return cmocka_run_group_tests_name("notice", tests, mould_make, mould_remove);
}
