/* The order of a night and its expectations (interfaces.md 10: capacity, deadline, order, portal batches). */
#include "smki_test.h"

#include <smki/demand.h>

#include <time.h>

#define LIMITS (&smki_demand_defaults)

static struct smki_plan_item item(uint64_t number, const char *accepted, uint32_t csrs)
{
    return (struct smki_plan_item){
        .batch = number, .party = 1, .accepted = AT(accepted), .due = smki_night_due(LIMITS, AT(accepted)), .remaining = csrs};
}

static struct smki_plan_item over(uint64_t number, const char *accepted, uint32_t csrs)
{
    struct smki_plan_item made = item(number, accepted, csrs);

    made.over_quota = true;
    return made;
}

#define PLAN(items, now) smki_plan_order((items), TEST_COUNT(items), LIMITS, AT(now), 0)

static void first_accepted_is_first_processed(void **state)
{
    struct smki_plan_item items[] = {item(3, "2026-11-23T12:00", 1), item(2, "2026-11-23T12:00", 1), item(9, "2026-11-23T09:00", 1)};

    (void)state;
    PLAN(items, "2026-11-23T20:00");
    assert_int_equal(items[0].batch, 9);
    assert_int_equal(items[1].batch, 2);
    assert_int_equal(items[2].batch, 3);
}

static void due_work_goes_before_early_before_over_quota_work(void **state)
{
    struct smki_plan_item items[] = {over(1, "2026-11-23T09:00", 1), item(2, "2026-11-23T20:00", 1), item(3, "2026-11-23T12:00", 1)};

    (void)state;
    PLAN(items, "2026-11-23T21:00");
    assert_int_equal(items[0].batch, 3);
    assert_int_equal(items[0].class, SMKI_PLAN_DUE);
    assert_int_equal(items[1].batch, 2);
    assert_int_equal(items[1].class, SMKI_PLAN_EARLY);
    assert_int_equal(items[2].batch, 1);
    assert_int_equal(items[2].class, SMKI_PLAN_OVER_QUOTA);
}

static void what_is_overdue_is_due(void **state)
{
    struct smki_plan_item items[] = {item(1, "2026-11-20T09:00", 1)};

    (void)state;
    PLAN(items, "2026-11-23T21:00");
    assert_int_equal(items[0].class, SMKI_PLAN_DUE);
    assert_true(items[0].at_risk);
}

static void a_full_night_ends_exactly_at_its_close(void **state)
{
    struct smki_plan_item items[] = {item(1, "2026-11-23T09:00", 125000), item(2, "2026-11-23T10:00", 250000)};

    (void)state;
    PLAN(items, "2026-11-23T12:00");
    ASSERT_TIME(items[0].starts, "2026-11-23T20:00");
    ASSERT_TIME(items[0].finishes, "2026-11-24T00:00");
    ASSERT_TIME(items[1].starts, "2026-11-24T00:00");
    ASSERT_TIME(items[1].finishes, "2026-11-24T08:00");
    assert_false(items[1].at_risk);
}

static void one_csr_more_goes_on_in_the_next_night_and_is_at_risk(void **state)
{
    struct smki_plan_item items[] = {item(1, "2026-11-23T09:00", 375000), item(2, "2026-11-23T10:00", 1)};

    (void)state;
    PLAN(items, "2026-11-23T12:00");
    assert_false(items[0].at_risk);
    ASSERT_TIME(items[1].starts, "2026-11-24T20:00");
    assert_true(items[1].at_risk);
}

static void a_batch_may_span_nights(void **state)
{
    struct smki_plan_item items[] = {item(1, "2026-11-23T20:30", 500000)};

    (void)state;
    PLAN(items, "2026-11-24T02:00");
    ASSERT_TIME(items[0].starts, "2026-11-24T02:00");
    ASSERT_TIME(items[0].finishes, "2026-11-25T06:00");
    assert_false(items[0].at_risk);
}

static void a_night_of_11_hours_takes_as_much(void **state)
{
    struct smki_plan_item items[] = {item(1, "2026-03-28T12:00", 375000)};

    (void)state;
    PLAN(items, "2026-03-28T12:00");
    ASSERT_TIME(items[0].finishes, "2026-03-29T07:00Z");
    assert_false(items[0].at_risk);
}

static void a_night_of_13_hours_takes_no_more(void **state)
{
    struct smki_plan_item items[] = {item(1, "2026-10-24T12:00", 375000)};

    (void)state;
    PLAN(items, "2026-10-24T12:00");
    ASSERT_TIME(items[0].finishes, "2026-10-25T08:00Z");
}

static void a_fast_runner_is_expected_to_be_done_early(void **state)
{
    struct smki_plan_item items[] = {item(1, "2026-11-23T09:00", 36000), item(2, "2026-11-23T10:00", 36000)};

    (void)state;
    smki_plan_order(items, 2, LIMITS, AT("2026-11-23T12:00"), 10);
    ASSERT_TIME(items[0].finishes, "2026-11-23T21:00");
    ASSERT_TIME(items[1].finishes, "2026-11-23T22:00");
}

static void no_more_than_the_capacity_is_promised_of_a_fast_runner(void **state)
{
    struct smki_plan_item items[] = {item(1, "2026-11-23T09:00", 375000), item(2, "2026-11-23T10:00", 1000)};

    (void)state;
    smki_plan_order(items, 2, LIMITS, AT("2026-11-23T12:00"), 1000);
    ASSERT_TIME(items[0].finishes, "2026-11-23T20:06:15");
    ASSERT_TIME(items[1].starts, "2026-11-24T20:00");
    assert_true(items[1].at_risk);
}

static void a_slow_runner_puts_due_work_at_risk(void **state)
{
    struct smki_plan_item items[] = {item(1, "2026-11-23T09:00", 12 * 3600 + 1)};

    (void)state;
    smki_plan_order(items, 1, LIMITS, AT("2026-11-23T12:00"), 1);
    ASSERT_TIME(items[0].finishes, "2026-11-24T20:00:01");
    assert_true(items[0].at_risk);
}

static void over_quota_work_is_never_at_risk(void **state)
{
    struct smki_plan_item items[] = {over(1, "2026-11-20T09:00", 1)};

    (void)state;
    PLAN(items, "2026-11-23T21:00");
    assert_false(items[0].at_risk);
}

static void a_window_that_is_not_enforced_lets_work_run_by_day(void **state)
{
    struct smki_demand_limits limits = smki_demand_defaults;
    struct smki_plan_item items[] = {item(1, "2026-11-23T09:00", 36000)};

    (void)state;
    limits.mode[SMKI_RULE_WINDOW] = SMKI_RULE_OFF;
    smki_plan_order(items, 1, &limits, AT("2026-11-23T12:00"), 10);
    ASSERT_TIME(items[0].starts, "2026-11-23T12:00");
    ASSERT_TIME(items[0].finishes, "2026-11-23T13:00");
}

static void without_capacity_or_rate_it_is_never(void **state)
{
    struct smki_demand_limits limits = smki_demand_defaults;
    struct smki_plan_item items[] = {item(1, "2026-11-23T09:00", 1)};

    (void)state;
    smki_plan_order(items, 1, LIMITS, AT("2026-11-23T12:00"), 1e-12);
    assert_true(items[0].finishes.us == INT64_MAX && items[0].at_risk);
    limits.night_capacity = 0;
    smki_plan_order(items, 1, &limits, AT("2026-11-23T12:00"), 0);
    assert_true(items[0].starts.us == INT64_MAX && items[0].at_risk);
}

static void an_empty_plan_is_fine(void **state)
{
    (void)state;
    smki_plan_order(NULL, 0, LIMITS, AT("2026-11-23T12:00"), 0);
}

static void ten_thousand_batches_are_ordered_at_once(void **state)
{
    enum { MANY = 10000 };
    static struct smki_plan_item items[MANY];
    struct test_random random = {.state = 3};
    struct smki_time first = AT("2026-11-23T00:00"), now = AT("2026-11-23T20:00");
    clock_t began;

    (void)state;
    for (size_t i = 0; i < MANY; i++) {
        struct smki_time at = {.us = first.us + (int64_t)test_random_below(&random, 72000) * SMKI_SECOND};
        items[i] = (struct smki_plan_item){
            .batch = i + 1, .accepted = at, .due = smki_night_due(LIMITS, at), .remaining = 50000, .over_quota = i % 5 == 0};
    }
    began = clock();
    smki_plan_order(items, MANY, LIMITS, now, 0);
    assert_true((double)(clock() - began) / CLOCKS_PER_SEC < 1.0); /* some milliseconds; a second is no longer n log n */
    for (size_t i = 1; i < MANY; i++)
        assert_true(items[i - 1].class < items[i].class || items[i - 1].accepted.us <= items[i].accepted.us);
    for (size_t i = 1; i < MANY; i++)
        assert_true(items[i - 1].finishes.us <= items[i].starts.us);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_accepted_is_first_processed),
        cmocka_unit_test(due_work_goes_before_early_before_over_quota_work),
        cmocka_unit_test(what_is_overdue_is_due),
        cmocka_unit_test(a_full_night_ends_exactly_at_its_close),
        cmocka_unit_test(one_csr_more_goes_on_in_the_next_night_and_is_at_risk),
        cmocka_unit_test(a_batch_may_span_nights),
        cmocka_unit_test(a_night_of_11_hours_takes_as_much),
        cmocka_unit_test(a_night_of_13_hours_takes_no_more),
        cmocka_unit_test(a_fast_runner_is_expected_to_be_done_early),
        cmocka_unit_test(no_more_than_the_capacity_is_promised_of_a_fast_runner),
        cmocka_unit_test(a_slow_runner_puts_due_work_at_risk),
        cmocka_unit_test(over_quota_work_is_never_at_risk),
        cmocka_unit_test(a_window_that_is_not_enforced_lets_work_run_by_day),
        cmocka_unit_test(without_capacity_or_rate_it_is_never),
        cmocka_unit_test(an_empty_plan_is_fine),
        cmocka_unit_test(ten_thousand_batches_are_ordered_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
