/* How fast a Party's acts may follow each other (interfaces.md 10 "ad hoc web service", "batch web service"). */
#include "test_demand_table.h"

static enum smki_rule_mode mode_of(const char *word)
{
    static const char *const words[] = {"enforce", "observe", "off", "smooth"};
    enum smki_rule_mode mode = SMKI_RULE_ENFORCE;

    while (mode < SMKI_RULE_SMOOTH && strcmp(words[mode], word) != 0)
        mode++;
    return mode;
}

static void pace_case(const struct table_case *row)
{
    struct smki_demand_limits limits = smki_demand_defaults;
    int64_t agreed = strcmp(row->field[1], "-") == 0 ? 0 : atoll(row->field[1]) * SMKI_SECOND / 1000;
    struct smki_verdict verdict;

    limits.mode[SMKI_RULE_ADHOC_PACE] = mode_of(row->field[3]);
    smki_demand_adhoc_pace(&verdict, &limits, table_time(row, 0), agreed, table_time(row, 2));
    table_expect_verdict(row, 4, &verdict);
    table_expect_time(row, 5, verdict.retry_at);
    assert_int_equal(verdict.allowed, verdict.code == 0 || limits.mode[SMKI_RULE_ADHOC_PACE] == SMKI_RULE_OBSERVE);
    assert_int_equal(verdict.flagged, verdict.code != 0 && limits.mode[SMKI_RULE_ADHOC_PACE] == SMKI_RULE_OBSERVE);
}

static void paces_are_as_in_the_table(void **state)
{
    (void)state;
    assert_true(table_run("demand/paces.txt", 6, pace_case) >= 28);
}

/* Whoever comes back when told is let in, and a microsecond sooner would not have been. */
static void retry_at_is_the_first_moment_that_is_let_in(void **state)
{
    struct smki_time boundaries[] = {AT("2026-11-23T07:00"), AT("2026-11-23T20:00"), AT("2026-07-01T07:00"), AT("2026-07-01T20:00")};
    struct test_random random = {.state = 20};
    struct smki_verdict first, then, sooner;

    (void)state;
    for (size_t i = 0; i < 20000; i++) {
        struct smki_time around = boundaries[i % TEST_COUNT(boundaries)];
        struct smki_time last = {.us = around.us - 6 * SMKI_SECOND + test_random_below(&random, 12 * SMKI_SECOND)};
        struct smki_time now = {.us = last.us + test_random_below(&random, 5 * SMKI_SECOND)};
        smki_demand_adhoc_pace(&first, &smki_demand_defaults, last, 0, now);
        if (first.allowed)
            continue;
        smki_demand_adhoc_pace(&then, &smki_demand_defaults, last, 0, first.retry_at);
        smki_demand_adhoc_pace(&sooner, &smki_demand_defaults, last, 0, (struct smki_time){.us = first.retry_at.us - 1});
        assert_true(then.allowed);
        assert_false(sooner.allowed);
    }
}

/* A client that jitters by milliseconds around 0.8 s is never refused, and what it is given is never closer than 0.8 s. */
static void smooth_lets_a_jittering_client_through(void **state)
{
    struct smki_demand_limits limits = smki_demand_defaults;
    struct test_random random = {.state = 4};
    struct smki_time last = {0}, start = AT("2026-11-23T12:00");
    struct smki_verdict verdict;

    (void)state;
    limits.mode[SMKI_RULE_ADHOC_PACE] = SMKI_RULE_SMOOTH;
    for (int i = 0; i < 1000; i++) {
        struct smki_time now = {.us = start.us + i * limits.adhoc_pace_day + test_random_below(&random, 20000)};
        smki_demand_adhoc_pace(&verdict, &limits, last, 0, now);
        assert_true(verdict.allowed && !verdict.flagged);
        assert_true(i == 0 || verdict.retry_at.us - last.us >= limits.adhoc_pace_day);
        last = verdict.retry_at;
    }
}

static void smooth_refuses_the_third_of_three_at_once(void **state)
{
    struct smki_demand_limits limits = smki_demand_defaults;
    struct smki_time now = AT("2026-11-23T12:00");
    struct smki_verdict verdict;

    (void)state;
    limits.mode[SMKI_RULE_ADHOC_PACE] = SMKI_RULE_SMOOTH;
    smki_demand_adhoc_pace(&verdict, &limits, now, 0, now);
    assert_true(verdict.allowed);
    smki_demand_adhoc_pace(&verdict, &limits, verdict.retry_at, 0, now);
    assert_false(verdict.allowed);
    assert_int_equal(verdict.code, SMKI_RATE_ADHOC_DAY);
}

static void a_refusal_says_the_pace_its_hours_and_when_to_come_back(void **state)
{
    struct smki_verdict verdict;

    (void)state;
    smki_demand_adhoc_pace(&verdict, &smki_demand_defaults, AT("2026-07-01T12:00"), 0, AT("2026-07-01T12:00:00.55"));
    EXPECT_TEXT(verdict, "ad hoc web service (CoCo 3): one CSR of a Party in any 0.8 s from 07:00 to 20:00");
    EXPECT_TEXT(verdict, "come back in 0.25 s, at 2026-07-01 12:00:01 BST");
}

static void a_second_submission_at_once_is_refused(void **state)
{
    struct smki_verdict verdict;

    (void)state;
    smki_demand_batch_one(&verdict, &smki_demand_defaults, 1, 0, AT("2026-11-23T12:00"));
    assert_false(verdict.allowed);
    assert_int_equal(verdict.code, SMKI_RATE_BATCH_BUSY);
    EXPECT_TEXT(verdict, "one submission of a Party at a time");
}

static void a_first_submission_is_let_in(void **state)
{
    struct smki_verdict verdict;

    (void)state;
    smki_demand_batch_one(&verdict, &smki_demand_defaults, 0, 0, AT("2026-11-23T12:00"));
    assert_true(verdict.allowed && verdict.code == 0);
}

static void an_agreement_lets_more_submissions_in_at_once(void **state)
{
    struct smki_verdict verdict;

    (void)state;
    smki_demand_batch_one(&verdict, &smki_demand_defaults, 2, 3, AT("2026-11-23T12:00"));
    assert_true(verdict.allowed && verdict.code == 0);
    smki_demand_batch_one(&verdict, &smki_demand_defaults, 3, 3, AT("2026-11-23T12:00"));
    assert_false(verdict.allowed);
    assert_int_equal(verdict.limit, 3);
    EXPECT_TEXT(verdict, "3 submissions of a Party at a time");
}

/* ---- what is left ---- */

static void expect_left(const struct smki_allowance *left, uint64_t limit, uint64_t remaining, int64_t reset)
{
    assert_int_equal(left->limit, limit);
    assert_int_equal(left->remaining, remaining);
    assert_int_equal(left->reset, reset);
}

static void what_is_left_of_the_pace_is_the_next_slot(void **state)
{
    struct smki_time last = AT("2026-11-23T12:00");
    struct smki_allowance left;

    (void)state;
    smki_allowance_adhoc_pace(&left, &smki_demand_defaults, (struct smki_time){0}, 0, last);
    expect_left(&left, 1, 1, 0);
    smki_allowance_adhoc_pace(&left, &smki_demand_defaults, last, 0, last);
    expect_left(&left, 1, 0, 800000);
    smki_allowance_adhoc_pace(&left, &smki_demand_defaults, last, 0, AT("2026-11-23T12:00:00.55"));
    expect_left(&left, 1, 0, 250000);
    smki_allowance_adhoc_pace(&left, &smki_demand_defaults, last, 500000, AT("2026-11-23T12:00:00.55"));
    expect_left(&left, 1, 1, 0);
}

static void what_is_left_of_the_turns_is_what_nobody_took(void **state)
{
    struct smki_allowance left;

    (void)state;
    smki_allowance_batch_one(&left, &smki_demand_defaults, 0, 0);
    expect_left(&left, 1, 1, 0);
    smki_allowance_batch_one(&left, &smki_demand_defaults, 1, 0);
    expect_left(&left, 1, 0, SMKI_SECOND);
    smki_allowance_batch_one(&left, &smki_demand_defaults, 1, 3);
    expect_left(&left, 3, 2, SMKI_SECOND);
    smki_allowance_batch_one(&left, &smki_demand_defaults, 5, 3);
    expect_left(&left, 3, 0, SMKI_SECOND);
}

static void what_is_left_of_a_rule_that_is_off_is_not_told(void **state)
{
    struct smki_demand_limits limits = smki_demand_defaults;
    struct smki_allowance left = {.limit = 7};

    (void)state;
    limits.mode[SMKI_RULE_ADHOC_PACE] = SMKI_RULE_OFF;
    smki_allowance_adhoc_pace(&left, &limits, AT("2026-11-23T12:00"), 0, AT("2026-11-23T12:00"));
    expect_left(&left, 0, 0, 0);
}

/* What an allowance promises is what the verdict then says, whatever happened before. */
static void what_is_left_is_what_the_verdict_lets_in(void **state)
{
    struct test_random random = {.state = 11};

    (void)state;
    for (size_t i = 0; i < 20000; i++) {
        struct smki_time last = {.us = AT("2026-11-23T19:59:50").us + test_random_below(&random, 20 * SMKI_SECOND)};
        struct smki_time now = {.us = last.us + test_random_below(&random, 5 * SMKI_SECOND)};
        struct smki_allowance left;
        struct smki_verdict verdict;

        smki_allowance_adhoc_pace(&left, &smki_demand_defaults, last, 0, now);
        smki_demand_adhoc_pace(&verdict, &smki_demand_defaults, last, 0, now);
        assert_int_equal(left.remaining, verdict.allowed);
        assert_int_equal(left.reset, verdict.retry_at.us - now.us);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paces_are_as_in_the_table),
        cmocka_unit_test(retry_at_is_the_first_moment_that_is_let_in),
        cmocka_unit_test(smooth_lets_a_jittering_client_through),
        cmocka_unit_test(smooth_refuses_the_third_of_three_at_once),
        cmocka_unit_test(a_refusal_says_the_pace_its_hours_and_when_to_come_back),
        cmocka_unit_test(a_second_submission_at_once_is_refused),
        cmocka_unit_test(a_first_submission_is_let_in),
        cmocka_unit_test(an_agreement_lets_more_submissions_in_at_once),
        cmocka_unit_test(what_is_left_of_the_pace_is_the_next_slot),
        cmocka_unit_test(what_is_left_of_the_turns_is_what_nobody_took),
        cmocka_unit_test(what_is_left_of_a_rule_that_is_off_is_not_told),
        cmocka_unit_test(what_is_left_is_what_the_verdict_lets_in),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
