/* The nights, due times, releases and polls (interfaces.md 10, 12). */
#include "test_demand_table.h"

#define LIMITS (&smki_demand_defaults)

static void night_case(const struct table_case *row)
{
    struct smki_time accepted = table_time(row, 0);

    table_expect_time(row, 1, smki_night_due(LIMITS, accepted));
    table_expect_time(row, 2, smki_night_release(LIMITS, accepted));
    table_expect_time(row, 3, smki_night_poll_from(LIMITS, accepted));
}

static void due_release_and_first_poll_are_as_in_the_table(void **state)
{
    (void)state;
    assert_true(table_run("demand/nights.txt", 4, night_case) >= 28);
}

static void window_case(const struct table_case *row)
{
    struct smki_time moment = table_time(row, 0);
    struct smki_night night = smki_night_at(LIMITS, moment);

    table_expect_time(row, 1, night.opens);
    table_expect_time(row, 2, night.closes);
    assert_int_equal((night.closes.us - night.opens.us) / SMKI_HOUR, atoi(row->field[3]));
    if (smki_night_is_open(LIMITS, moment) != (strcmp(row->field[4], "open") == 0))
        fail_msg("%s:%d: not %s", row->file, row->line, row->field[4]);
}

static void windows_are_as_in_the_table(void **state)
{
    (void)state;
    assert_true(table_run("demand/windows.txt", 5, window_case) >= 25);
}

static void poll_case(const struct table_case *row)
{
    bool complete = strchr(row->field[2], 'c') != NULL, retrieved = strchr(row->field[2], 'r') != NULL;
    struct smki_verdict verdict;

    smki_night_poll(&verdict, LIMITS, table_time(row, 0), table_time(row, 1), retrieved, complete, table_time(row, 3), table_time(row, 4));
    table_expect_verdict(row, 5, &verdict);
    table_expect_time(row, 6, verdict.retry_at);
    assert_int_equal(verdict.allowed, verdict.code == 0);
    assert_false(verdict.flagged);
}

static void polls_are_let_in_as_in_the_table(void **state)
{
    (void)state;
    assert_true(table_run("demand/polls.txt", 7, poll_case) >= 30);
}

/* Every hour of two years: a night is never shorter than 11 hours nor longer than 13, and the clock changes on two nights a year. */
static void each_year_has_one_night_of_11_hours_and_one_of_13(void **state)
{
    int64_t before = 0;
    unsigned nights[14] = {0};

    (void)state;
    for (struct smki_time t = AT("2026-01-01T12:00"); t.us < AT("2028-01-01T08:00").us; t.us += SMKI_HOUR) {
        struct smki_night night = smki_night_at(LIMITS, t);
        int64_t hours = (night.closes.us - night.opens.us) / SMKI_HOUR;
        assert_in_range(hours, 11, 13);
        nights[hours] += night.opens.us != before;
        before = night.opens.us;
    }
    assert_int_equal(nights[11], 2);
    assert_int_equal(nights[13], 2);
    assert_int_equal(nights[12], 2 * 365 - 4);
}

static struct smki_verdict poll(enum smki_rule_mode mode, const char *last, bool complete, const char *now)
{
    struct smki_demand_limits limits = smki_demand_defaults;
    struct smki_verdict verdict;

    limits.mode[SMKI_RULE_POLL] = mode;
    smki_night_poll(&verdict, &limits, AT("2026-11-23T12:00"), AT(last), false, complete, (struct smki_time){0}, AT(now));
    return verdict;
}

static void an_observed_poll_is_let_in_and_flagged(void **state)
{
    struct smki_verdict verdict = poll(SMKI_RULE_OBSERVE, "2026-11-23T22:00", false, "2026-11-23T22:30");

    (void)state;
    assert_true(verdict.allowed && verdict.flagged);
    assert_int_equal(verdict.code, SMKI_POLL_TOO_OFTEN);
}

static void a_poll_is_never_flagged_when_the_rule_is_off(void **state)
{
    struct smki_verdict verdict = poll(SMKI_RULE_OFF, "2026-11-23T22:00", false, "2026-11-23T22:30");

    (void)state;
    assert_true(verdict.allowed && !verdict.flagged && verdict.code == 0 && verdict.text[0] == '\0');
}

static void a_refused_poll_says_the_rule_the_limit_and_when_to_come_back(void **state)
{
    struct smki_verdict verdict = poll(SMKI_RULE_ENFORCE, "2026-11-23T22:00", false, "2026-11-23T22:30");

    (void)state;
    EXPECT_TEXT(verdict, "batch web service, retrieval (CoCo 3.1.3)");
    EXPECT_TEXT(verdict, "once in 1 hour");
    EXPECT_TEXT(verdict, "come back at 2026-11-23 23:00 GMT");
}

static void outside_the_window_the_next_night_is_named(void **state)
{
    struct smki_verdict verdict;

    (void)state;
    smki_demand_window(&verdict, LIMITS, AT("2026-07-01T12:00"));
    assert_false(verdict.allowed);
    assert_int_equal(verdict.code, SMKI_OUTSIDE_WINDOW);
    ASSERT_TIME(verdict.retry_at, "2026-07-01T20:00");
    EXPECT_TEXT(verdict, "from 20:00 to 08:00; the next night opens at 2026-07-01 20:00 BST");
}

static void inside_the_window_work_is_let_in(void **state)
{
    struct smki_verdict verdict;

    (void)state;
    smki_demand_window(&verdict, LIMITS, AT("2026-07-01T20:00"));
    assert_true(verdict.allowed && verdict.code == 0);
}

static void a_night_within_one_day_can_be_configured(void **state)
{
    struct smki_demand_limits limits = smki_demand_defaults;
    struct smki_night night;

    (void)state;
    limits.night_start = 1 * 60;
    limits.night_end = 5 * 60;
    night = smki_night_at(&limits, AT("2026-11-23T05:00"));
    ASSERT_TIME(night.opens, "2026-11-24T01:00");
    ASSERT_TIME(night.closes, "2026-11-24T05:00");
    ASSERT_TIME(smki_night_due(&limits, AT("2026-11-23T00:59")), "2026-11-23T05:00");
    ASSERT_TIME(smki_night_due(&limits, AT("2026-11-23T01:00")), "2026-11-24T05:00");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(due_release_and_first_poll_are_as_in_the_table),
        cmocka_unit_test(windows_are_as_in_the_table),
        cmocka_unit_test(polls_are_let_in_as_in_the_table),
        cmocka_unit_test(each_year_has_one_night_of_11_hours_and_one_of_13),
        cmocka_unit_test(an_observed_poll_is_let_in_and_flagged),
        cmocka_unit_test(a_poll_is_never_flagged_when_the_rule_is_off),
        cmocka_unit_test(a_refused_poll_says_the_rule_the_limit_and_when_to_come_back),
        cmocka_unit_test(outside_the_window_the_next_night_is_named),
        cmocka_unit_test(inside_the_window_work_is_let_in),
        cmocka_unit_test(a_night_within_one_day_can_be_configured),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
