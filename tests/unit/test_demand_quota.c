/* Sliding windows and the portal's quotas (interfaces.md 10, 12.2), and the default eligibility table. */
#include "test_demand_table.h"

#include "demand/demand_i.h"

#include <smki/device.h>

#define LIMITS (&smki_demand_defaults)
#define DAY    SMKI_DAY

/* A window with `count` CSRs accepted at each of the times. */
#define ACCEPT(window, count, time)                                                                                                        \
    do {                                                                                                                                   \
        struct smki_error accept_err = {0};                                                                                                \
        ASSERT_OK(smki_window_add(&(window), AT(time), (count), &accept_err), accept_err);                                                 \
    } while (0)

/* ---- windows ---- */

static void an_event_exactly_24_hours_old_has_left(void **state)
{
    struct smki_window window = {0};

    (void)state;
    ACCEPT(window, 7, "2026-11-23T12:00");
    assert_int_equal(smki_window_sum(&window, AT("2026-11-24T12:00"), DAY), 0);
    smki_window_finish(&window);
}

static void an_event_a_microsecond_younger_counts(void **state)
{
    struct smki_window window = {0};

    (void)state;
    ACCEPT(window, 7, "2026-11-23T12:00");
    assert_int_equal(smki_window_sum(&window, AT("2026-11-24T11:59:59.999999"), DAY), 7);
    smki_window_finish(&window);
}

static void the_day_in_which_the_clock_goes_back_has_24_hours_here(void **state)
{
    struct smki_window window = {0};

    (void)state;
    ACCEPT(window, 7, "2026-10-24T12:00");
    assert_int_equal(smki_window_sum(&window, AT("2026-10-25T10:59:59"), DAY), 7);
    assert_int_equal(smki_window_sum(&window, AT("2026-10-25T11:00"), DAY), 0);
    smki_window_finish(&window);
}

static void an_event_ahead_of_a_clock_set_back_counts(void **state)
{
    struct smki_window window = {0};

    (void)state;
    ACCEPT(window, 7, "2026-11-23T12:00");
    ACCEPT(window, 2, "2026-11-23T11:00");
    assert_int_equal(smki_window_sum(&window, AT("2026-11-23T11:00"), DAY), 9);
    assert_int_equal(smki_window_sum(&window, AT("2026-11-24T11:00"), DAY), 7);
    assert_int_equal(smki_window_sum(&window, AT("2026-11-24T12:00"), DAY), 0);
    smki_window_finish(&window);
}

static void a_clock_once_set_years_ahead_locks_out_for_two_windows_at_most(void **state)
{
    struct smki_window window = {0};

    (void)state;
    ACCEPT(window, 150, "2036-01-01T00:00");
    assert_int_equal(smki_window_sum(&window, AT("2026-11-23T12:00"), DAY), 150);
    assert_int_equal(smki_window_sum(&window, AT("2026-11-25T11:59:59"), DAY), 150);
    assert_int_equal(smki_window_sum(&window, AT("2026-11-25T12:00"), DAY), 0);
    smki_window_finish(&window);
}

/* Every acceptance kept in a plain list and counted one by one, against the window. The clock is set back by an hour now and then; what has
 * left by then does not come back. */
/* What was accepted came to nothing: one of it no longer counts, and nothing else does not. */
static void what_was_accepted_is_taken_back_one_by_one(void **state)
{
    struct smki_window window = {0};

    (void)state;
    ACCEPT(window, 1, "2026-11-23T11:59:59.999999");
    ACCEPT(window, 2, "2026-11-23T12:00");
    ACCEPT(window, 1, "2026-11-23T12:00:01");
    assert_true(window_take_back(&window, AT("2026-11-23T12:00"), SMKI_SECOND));
    assert_int_equal(smki_window_sum(&window, AT("2026-11-23T13:00"), DAY), 3);
    assert_true(window_take_back(&window, AT("2026-11-23T12:00"), SMKI_SECOND));
    assert_int_equal(window.count, 2);
    assert_false(window_take_back(&window, AT("2026-11-23T12:00"), SMKI_SECOND));
    assert_int_equal(smki_window_sum(&window, AT("2026-11-23T13:00"), DAY), 2);
    assert_false(window_take_back(&window, AT("2026-11-23T12:00:02"), SMKI_SECOND));
    smki_window_finish(&window);
}

static void a_window_is_exact(void **state)
{
    enum { EVENTS = 3000 };
    static struct smki_window_event all[EVENTS];
    struct smki_window window = {0};
    struct test_random random = {.state = 11};
    struct smki_time now = AT("2026-11-23T12:00"), latest = now;
    struct smki_error err = {0};

    (void)state;
    for (size_t n = 0; n < EVENTS; n++) {
        uint64_t expected = 0;
        now.us += n % 500 == 499 ? -SMKI_HOUR : (int64_t)test_random_below(&random, 200 * (uint32_t)SMKI_SECOND);
        latest.us = now.us > latest.us ? now.us : latest.us;
        for (size_t i = 0; i < n; i++)
            expected += all[i].at.us > latest.us - DAY ? all[i].count : 0;
        assert_int_equal(smki_window_sum(&window, now, DAY), expected);
        all[n] = (struct smki_window_event){.at = now, .count = 1 + test_random_below(&random, 100)};
        ASSERT_OK(smki_window_add(&window, now, all[n].count, &err), err);
    }
    smki_window_finish(&window);
}

static void a_hundred_thousand_events_are_added_and_read_at_once(void **state)
{
    struct smki_window window = {0}, again = {0};
    struct smki_buffer stored = {0};
    struct smki_time now = AT("2026-11-23T12:00");
    struct smki_error err = {0};

    (void)state;
    for (int i = 0; i < 100000; i++, now.us += SMKI_SECOND / 2)
        ASSERT_OK(smki_window_add(&window, now, 1, &err), err);
    assert_int_equal(smki_window_sum(&window, now, DAY), 100000);
    ASSERT_OK(smki_window_write(&stored, &window, &err), err);
    ASSERT_OK(smki_window_read(&again, (struct smki_bytes){stored.at, stored.size}, &err), err);
    assert_int_equal(smki_window_sum(&again, now, 1000 * SMKI_SECOND), 1999);
    assert_int_equal(again.count, 1999);
    smki_buffer_finish(&stored);
    smki_window_finish(&window);
    smki_window_finish(&again);
}

static void free_at_is_when_enough_has_left(void **state)
{
    struct smki_window window = {0};
    struct smki_time now = AT("2026-11-23T15:00");

    (void)state;
    ACCEPT(window, 9, "2026-11-22T14:00"); /* has left */
    ACCEPT(window, 4, "2026-11-23T12:00");
    ACCEPT(window, 4, "2026-11-23T13:00");
    ASSERT_TIME(smki_window_free_at(&window, now, DAY, 10, 2), "2026-11-23T15:00");
    ASSERT_TIME(smki_window_free_at(&window, now, DAY, 10, 3), "2026-11-24T12:00");
    ASSERT_TIME(smki_window_free_at(&window, now, DAY, 10, 7), "2026-11-24T13:00");
    assert_true(smki_window_free_at(&window, now, DAY, 10, 11).us == INT64_MAX);
    smki_window_finish(&window);
}

static void a_stored_window_reads_back(void **state)
{
    struct smki_window window = {0}, again = {0};
    struct smki_buffer stored = {0};
    struct smki_error err = {0};

    (void)state;
    ACCEPT(window, 50000, "2026-11-23T12:00:00.123456");
    ACCEPT(window, 1, "2026-11-23T12:00:01");
    ASSERT_OK(smki_window_write(&stored, &window, &err), err);
    ASSERT_OK(smki_window_read(&again, (struct smki_bytes){stored.at, stored.size}, &err), err);
    assert_int_equal(again.count, 2);
    assert_int_equal(again.events[0].count, 50000);
    ASSERT_TIME(again.events[0].at, "2026-11-23T12:00:00.123456");
    smki_buffer_finish(&stored);
    smki_window_finish(&window);
    smki_window_finish(&again);
}

static void no_bytes_are_an_empty_window(void **state)
{
    struct smki_window window;
    struct smki_error err = {0};

    (void)state;
    ASSERT_OK(smki_window_read(&window, (struct smki_bytes){NULL, 0}, &err), err);
    assert_int_equal(window.count, 0);
}

static void a_damaged_window_is_refused(void **state)
{
    static const uint8_t two[] = {1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 1};
    uint8_t other[sizeof(two) + 1];
    struct smki_window window;
    struct smki_error err = {0};

    (void)state;
    EXPECT_REFUSED(SMKI_STORE_CORRUPT, smki_window_read(&window, (struct smki_bytes){two, sizeof(two)}, &err),
                   err); /* times run backwards */
    for (size_t size = 1; size < sizeof(two); size++)
        EXPECT_REFUSED(SMKI_STORE_CORRUPT, smki_window_read(&window, (struct smki_bytes){two, size}, &err), err);
    memcpy(other, two, sizeof(two));
    other[sizeof(two)] = 0;
    EXPECT_REFUSED(SMKI_STORE_CORRUPT, smki_window_read(&window, (struct smki_bytes){other, sizeof(other)}, &err), err);
    other[0] = 2;
    EXPECT_REFUSED(SMKI_STORE_CORRUPT, smki_window_read(&window, (struct smki_bytes){other, sizeof(two)}, &err), err);
    other[0] = 1;
    other[5] = 0x7f; /* a time so far ahead that sums of times overflow */
    EXPECT_REFUSED(SMKI_STORE_CORRUPT, smki_window_read(&window, (struct smki_bytes){other, sizeof(two)}, &err), err);
    assert_null(window.events);
}

/* ---- the portal's ad hoc requests: 150 ---- */

static struct smki_verdict adhoc(uint32_t used, uint64_t agreed, enum smki_rule_mode mode)
{
    struct smki_demand_limits limits = smki_demand_defaults;
    struct smki_window window = {0};
    struct smki_verdict verdict;

    limits.mode[SMKI_RULE_PORTAL_ADHOC] = mode;
    ACCEPT(window, used, "2026-07-01T10:30:00.5");
    smki_demand_portal_adhoc(&verdict, &limits, &window, agreed, AT("2026-07-01T12:00"));
    smki_window_finish(&window);
    return verdict;
}

static void the_150th_adhoc_request_is_accepted(void **state)
{
    struct smki_verdict verdict = adhoc(149, 0, SMKI_RULE_ENFORCE);

    (void)state;
    assert_true(verdict.allowed && verdict.code == 0);
    assert_int_equal(verdict.used, 149);
    assert_int_equal(verdict.limit, 150);
}

static void the_151st_adhoc_request_is_refused(void **state)
{
    struct smki_verdict verdict = adhoc(150, 0, SMKI_RULE_ENFORCE);

    (void)state;
    assert_false(verdict.allowed);
    assert_int_equal(verdict.code, SMKI_RATE_PORTAL_ADHOC);
    ASSERT_TIME(verdict.retry_at, "2026-07-02T10:30:00.5");
    EXPECT_TEXT(verdict, "portal ad hoc requests (CoCo 3): at most 150 Device CSRs of a Party in any 24 hours, 150 used");
    EXPECT_TEXT(verdict, "come back at 2026-07-02 10:30:01 BST");
}

static void an_agreement_lifts_the_adhoc_limit(void **state)
{
    (void)state;
    assert_true(adhoc(299, 300, SMKI_RULE_ENFORCE).allowed);
    assert_false(adhoc(300, 300, SMKI_RULE_ENFORCE).allowed);
}

static void an_agreement_never_lowers_the_adhoc_limit(void **state)
{
    (void)state;
    assert_true(adhoc(149, 100, SMKI_RULE_ENFORCE).allowed);
}

static void an_observed_adhoc_limit_lets_in_and_flags(void **state)
{
    struct smki_verdict verdict = adhoc(150, 0, SMKI_RULE_OBSERVE);

    (void)state;
    assert_true(verdict.allowed && verdict.flagged);
    assert_int_equal(verdict.code, SMKI_RATE_PORTAL_ADHOC);
}

static void an_adhoc_limit_that_is_off_never_flags(void **state)
{
    struct smki_verdict verdict = adhoc(5000, 0, SMKI_RULE_OFF);

    (void)state;
    assert_true(verdict.allowed && !verdict.flagged && verdict.code == 0 && verdict.text[0] == '\0');
}

/* ---- the portal's batches: 50,000 ---- */

static struct smki_verdict batch(uint32_t used, uint64_t agreed, enum smki_rule_mode mode, uint32_t csrs)
{
    struct smki_demand_limits limits = smki_demand_defaults;
    struct smki_window window = {0};
    struct smki_verdict verdict;

    limits.mode[SMKI_RULE_PORTAL_BATCH] = mode;
    ACCEPT(window, used, "2026-11-23T10:00");
    smki_demand_portal_batch(&verdict, &limits, &window, agreed, AT("2026-11-23T12:00"), csrs);
    smki_window_finish(&window);
    return verdict;
}

static void fifty_thousand_in_a_day_are_within_the_quota(void **state)
{
    struct smki_verdict verdict = batch(20000, 0, SMKI_RULE_ENFORCE, 30000);

    (void)state;
    assert_true(verdict.allowed && !verdict.behind && !verdict.flagged && verdict.code == 0);
}

static void one_more_is_accepted_and_queued_behind(void **state)
{
    struct smki_verdict verdict = batch(20000, 0, SMKI_RULE_ENFORCE, 30001);

    (void)state;
    assert_true(verdict.allowed && verdict.behind && verdict.flagged);
    assert_int_equal(verdict.code, SMKI_OVER_QUOTA);
    ASSERT_TIME(verdict.retry_at, "2026-11-24T10:00");
    EXPECT_TEXT(verdict, "portal batches (CoCo 3): at most 50000 Device CSRs of a Party in any 24 hours");
    EXPECT_TEXT(verdict, "within it at 2026-11-24 10:00 GMT");
}

static void an_observed_quota_flags_and_queues_in_turn(void **state)
{
    struct smki_verdict verdict = batch(20000, 0, SMKI_RULE_OBSERVE, 30001);

    (void)state;
    assert_true(verdict.allowed && !verdict.behind && verdict.flagged);
}

static void a_quota_that_is_off_never_flags(void **state)
{
    struct smki_verdict verdict = batch(50000, 0, SMKI_RULE_OFF, 50000);

    (void)state;
    assert_true(verdict.allowed && !verdict.behind && !verdict.flagged && verdict.code == 0);
}

static void an_agreement_lifts_the_quota(void **state)
{
    (void)state;
    assert_false(batch(50000, 100000, SMKI_RULE_ENFORCE, 50000).behind);
    assert_true(batch(50000, 100000, SMKI_RULE_ENFORCE, 50001).behind);
}

static void a_batch_that_can_never_fit_is_told_to_agree_it_ahead(void **state)
{
    struct smki_verdict verdict = batch(0, 0, SMKI_RULE_ENFORCE, 50001);

    (void)state;
    assert_true(verdict.behind && verdict.retry_at.us == INT64_MAX);
    EXPECT_TEXT(verdict, "Service Desk 7 days ahead");
}

/* ---- what is left ---- */

static void what_is_left_of_a_window_is_the_limit_without_what_is_in_it(void **state)
{
    struct smki_time then = AT("2026-11-23T12:00"), later = AT("2026-11-23T13:00");
    struct smki_window window = {0};
    struct smki_allowance left;
    struct smki_error err = {0};

    (void)state;
    smki_allowance_portal_adhoc(&left, &smki_demand_defaults, &window, 0, then);
    assert_true(left.limit == 150 && left.remaining == 150 && left.reset == 0);
    ASSERT_OK(smki_window_add(&window, then, 40, &err), err);
    ASSERT_OK(smki_window_add(&window, later, 110, &err), err);
    smki_allowance_portal_adhoc(&left, &smki_demand_defaults, &window, 0, later);
    assert_true(left.limit == 150 && left.remaining == 0 && left.reset == 23 * SMKI_HOUR);
    smki_allowance_portal_adhoc(&left, &smki_demand_defaults, &window, 500, later);
    assert_true(left.limit == 500 && left.remaining == 350 && left.reset == 23 * SMKI_HOUR);
    smki_allowance_portal_adhoc(&left, &smki_demand_defaults, &window, 0, AT("2026-11-24T12:00"));
    assert_true(left.remaining == 40 && left.reset == SMKI_HOUR);
    smki_window_finish(&window);
}

static void more_than_the_quota_leaves_nothing_and_not_less(void **state)
{
    struct smki_time now = AT("2026-11-23T12:00");
    struct smki_window window = {0};
    struct smki_allowance left;
    struct smki_error err = {0};

    (void)state;
    ASSERT_OK(smki_window_add(&window, now, 60000, &err), err);
    smki_allowance_portal_batch(&left, &smki_demand_defaults, &window, 0, now);
    assert_true(left.limit == 50000 && left.remaining == 0 && left.reset == SMKI_DAY);
    smki_window_finish(&window);
}

/* ---- eligibility ---- */

static int word_place(const char *word, const char *const *words, int count)
{
    for (int i = 0; i < count; i++)
        if (strcmp(words[i], word) == 0)
            return i;
    fail_msg("\"%s\" is not a word of this table", word);
    return 0;
}

static void eligibility_case(const struct table_case *row)
{
    static const char *const types[] = {"unknown", "ESME", "GSME", "CHF", "GPF", "HCALCS", "PPMID", "type2"};
    static const char *const who[] = {"nobody", "dcc", "subscriber", "import-supplier", "gas-supplier", "either-supplier"};
    int type = word_place(row->field[0], types, SMKI_DEVICE_TYPES);

    for (int phase = 0; phase < 3; phase++)
        assert_int_equal(smki_eligibility_default.who[type][phase], word_place(row->field[phase + 1], who, TEST_COUNT(who)));
}

static void the_default_eligibility_is_the_table_of_the_spec(void **state)
{
    (void)state;
    assert_int_equal(table_run("demand/eligibility.txt", 4, eligibility_case), SMKI_DEVICE_TYPES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_exactly_24_hours_old_has_left),
        cmocka_unit_test(an_event_a_microsecond_younger_counts),
        cmocka_unit_test(the_day_in_which_the_clock_goes_back_has_24_hours_here),
        cmocka_unit_test(an_event_ahead_of_a_clock_set_back_counts),
        cmocka_unit_test(a_clock_once_set_years_ahead_locks_out_for_two_windows_at_most),
        cmocka_unit_test(what_was_accepted_is_taken_back_one_by_one),
        cmocka_unit_test(a_window_is_exact),
        cmocka_unit_test(a_hundred_thousand_events_are_added_and_read_at_once),
        cmocka_unit_test(free_at_is_when_enough_has_left),
        cmocka_unit_test(a_stored_window_reads_back),
        cmocka_unit_test(no_bytes_are_an_empty_window),
        cmocka_unit_test(a_damaged_window_is_refused),
        cmocka_unit_test(the_150th_adhoc_request_is_accepted),
        cmocka_unit_test(the_151st_adhoc_request_is_refused),
        cmocka_unit_test(an_agreement_lifts_the_adhoc_limit),
        cmocka_unit_test(an_agreement_never_lowers_the_adhoc_limit),
        cmocka_unit_test(an_observed_adhoc_limit_lets_in_and_flags),
        cmocka_unit_test(an_adhoc_limit_that_is_off_never_flags),
        cmocka_unit_test(fifty_thousand_in_a_day_are_within_the_quota),
        cmocka_unit_test(one_more_is_accepted_and_queued_behind),
        cmocka_unit_test(an_observed_quota_flags_and_queues_in_turn),
        cmocka_unit_test(a_quota_that_is_off_never_flags),
        cmocka_unit_test(an_agreement_lifts_the_quota),
        cmocka_unit_test(a_batch_that_can_never_fit_is_told_to_agree_it_ahead),
        cmocka_unit_test(what_is_left_of_a_window_is_the_limit_without_what_is_in_it),
        cmocka_unit_test(more_than_the_quota_leaves_nothing_and_not_less),
        cmocka_unit_test(the_default_eligibility_is_the_table_of_the_spec),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
