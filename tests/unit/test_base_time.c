/* The calendar and UK civil time, held against announced dates and against the C library's own reckoning. */
#include "smki_test.h"

#include <time.h>

/* The UK's rule as POSIX writes it: so the comparison needs no zone files, and holds to the year 9999. */
#define UK_RULE "GMT0BST,M3.5.0/1,M10.5.0/2"

static bool time_row(char *columns[TEST_COLUMNS])
{
    struct smki_time time;
    struct smki_error err = {0};
    char text[SMKI_TIME_TEXT_SIZE];
    int rc = smki_time_parse(&time, columns[0], &err);

    if (columns[1][0] == '!')
        return rc == SMKI_TIME_INVALID;
    return rc == 0 && strcmp(smki_time_text_utc(time, text), columns[1]) == 0;
}

static void times_are_read_by_their_table(void **state)
{
    (void)state;
    test_table("base/time.txt", 2, time_row);
}

static bool change_is_at(const char *year, const char *day, bool begins)
{
    struct smki_time time, before;
    struct smki_error err = {0};
    char text[64];

    snprintf(text, sizeof(text), "%s-%sT01:00:00Z", year, day);
    if (smki_time_parse(&time, text, &err) != 0)
        return false;
    before.us = time.us - 1;
    return smki_time_is_bst(time) == begins && smki_time_is_bst(before) == !begins;
}

static bool bst_row(char *columns[TEST_COLUMNS])
{
    return change_is_at(columns[0], columns[1], true) && change_is_at(columns[0], columns[2], false);
}

static void summer_time_is_as_announced(void **state)
{
    (void)state;
    test_table("base/bst.txt", 3, bst_row);
}

static void clocks_go_forward_from_one_to_two(void **state)
{
    char text[SMKI_TIME_TEXT_SIZE];
    struct smki_time change = AT("2026-03-29T01:00:00Z");

    (void)state;
    assert_string_equal(smki_time_text_uk((struct smki_time){.us = change.us - 1}, text), "2026-03-29T00:59:59+00:00");
    assert_string_equal(smki_time_text_uk(change, text), "2026-03-29T02:00:00+01:00");
}

static void clocks_go_back_from_two_to_one(void **state)
{
    char text[SMKI_TIME_TEXT_SIZE];
    struct smki_time change = AT("2026-10-25T01:00:00Z");

    (void)state;
    assert_string_equal(smki_time_text_uk((struct smki_time){.us = change.us - 1}, text), "2026-10-25T01:59:59+01:00");
    assert_string_equal(smki_time_text_uk(change, text), "2026-10-25T01:00:00+00:00");
}

static void the_skipped_hour_counts_on_from_the_change(void **state)
{
    (void)state;
    ASSERT_TIME(AT("2026-03-29T01:30"), "2026-03-29T02:30+01:00");
}

static void the_repeated_hour_is_its_first(void **state)
{
    (void)state;
    ASSERT_TIME(AT("2026-10-25T01:30"), "2026-10-25T01:30+01:00");
}

/* From 20:00 of the day to 08:00 of the next (interfaces.md 12, reading 5). */
static int64_t night_length(const char *day)
{
    struct smki_time time = AT(day);

    return smki_time_uk_at(time, 1, 8, 0).us - smki_time_uk_at(time, 0, 20, 0).us;
}

static void nights_have_11_12_or_13_hours(void **state)
{
    (void)state;
    assert_true(night_length("2026-03-27") == 12 * SMKI_HOUR);
    assert_true(night_length("2026-03-28") == 11 * SMKI_HOUR);
    assert_true(night_length("2026-03-29") == 12 * SMKI_HOUR);
    assert_true(night_length("2026-10-23") == 12 * SMKI_HOUR);
    assert_true(night_length("2026-10-24") == 13 * SMKI_HOUR);
    assert_true(night_length("2026-10-25") == 12 * SMKI_HOUR);
}

static void twenty_hundred_is_found_on_change_nights(void **state)
{
    (void)state;
    ASSERT_TIME(smki_time_uk_at(AT("2026-03-28T23:59:59"), 0, 20, 0), "2026-03-28T20:00:00Z");
    ASSERT_TIME(smki_time_uk_at(AT("2026-03-29T00:00"), 0, 20, 0), "2026-03-29T19:00:00Z");
    ASSERT_TIME(smki_time_uk_at(AT("2026-10-24T12:00"), 0, 20, 0), "2026-10-24T19:00:00Z");
    ASSERT_TIME(smki_time_uk_at(AT("2026-10-24T12:00"), 1, 20, 0), "2026-10-25T20:00:00Z");
}

static void a_uk_day_starts_at_uk_midnight(void **state)
{
    (void)state;
    ASSERT_TIME(smki_time_uk_day(AT("2026-07-01T00:30"), 0), "2026-06-30T23:00:00Z");
    ASSERT_TIME(smki_time_uk_day(AT("2026-07-01T23:30"), 0), "2026-06-30T23:00:00Z");
    ASSERT_TIME(smki_time_uk_day(AT("2026-07-01T12:00"), -1), "2026-06-29T23:00:00Z");
    ASSERT_TIME(smki_time_uk_day(AT("2026-10-25T12:00"), 0), "2026-10-24T23:00:00Z");
    ASSERT_TIME(smki_time_uk_day(AT("2026-10-25T12:00"), 1), "2026-10-26T00:00:00Z");
    ASSERT_TIME(smki_time_uk_day(AT("2026-12-31T12:00"), 1), "2027-01-01T00:00:00Z");
}

static bool civil_equals(const struct smki_civil *civil, const struct tm *tm)
{
    return civil->year == tm->tm_year + 1900 && civil->month == tm->tm_mon + 1 && civil->day == tm->tm_mday && civil->hour == tm->tm_hour &&
           civil->minute == tm->tm_min && civil->second == tm->tm_sec;
}

/* Sets TZ for this process alone; the library does not look at it, which the other tests show by running after this one too. */
static void zone_set(const char *rule)
{
    setenv("TZ", rule, 1);
    tzset();
}

static void same_as_the_c_library(int first_year, int last_year, int64_t step)
{
    struct smki_civil civil = {.year = first_year, .month = 1, .day = 1};
    struct smki_time time = smki_time_from_utc(&civil);
    struct tm tm;

    for (civil.year = first_year; civil.year <= last_year; time.us += step) {
        time_t seconds = (time_t)(time.us / SMKI_SECOND);
        assert_non_null(localtime_r(&seconds, &tm));
        civil = smki_time_to_uk(time);
        if (!civil_equals(&civil, &tm) || smki_time_is_bst(time) != (tm.tm_isdst > 0))
            fail_msg("%lld s: %d-%02d-%02d %02d:%02d, the C library says %d-%02d-%02d %02d:%02d", (long long)seconds, civil.year,
                     civil.month, civil.day, civil.hour, civil.minute, tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min);
    }
}

static void every_half_hour_is_as_the_c_library_reckons(void **state)
{
    (void)state;
    zone_set(UK_RULE);
    same_as_the_c_library(1996, 2045, SMKI_HOUR / 2);
}

static void years_to_9999_are_as_the_c_library_reckons(void **state)
{
    (void)state;
    zone_set(UK_RULE);
    same_as_the_c_library(1970, 9999, 8 * SMKI_DAY + 7 * SMKI_HOUR + 1237 * SMKI_SECOND);
}

static void the_zone_files_agree_since_1996(void **state)
{
    (void)state;
    if (access("/usr/share/zoneinfo/Europe/London", R_OK) != 0)
        skip(); /* Debian without tzdata; the rule itself is compared above */
    zone_set("Europe/London");
    same_as_the_c_library(1996, 2037, SMKI_HOUR);
}

/* The wall clock's reading of every hour leads back to it, but for the second of October's repeated hours, which leads to the first. */
static void every_hour_comes_back_from_its_reading(void **state)
{
    struct smki_time time = AT("1996-01-01"), end = AT("2040-01-01");
    int repeated = 0;

    (void)state;
    for (; time.us < end.us; time.us += SMKI_HOUR) {
        struct smki_civil civil = smki_time_to_uk(time);
        int64_t back = smki_time_from_uk(&civil).us;
        if (back == time.us)
            continue;
        assert_true(back == time.us - SMKI_HOUR && !smki_time_is_bst(time) && smki_time_is_bst((struct smki_time){.us = back}));
        repeated++;
    }
    assert_int_equal(repeated, 2040 - 1996);
}

static void every_moment_comes_back_from_utc(void **state)
{
    struct test_random random = {.state = 3};
    int64_t end = AT("9999-12-31T23:59:59Z").us;

    (void)state;
    for (int i = 0; i < 20000; i++) {
        struct smki_time time = {.us = (int64_t)(test_random_next(&random) % (uint64_t)end)};
        struct smki_civil civil = smki_time_to_utc(time);
        assert_true(smki_time_from_utc(&civil).us == time.us);
    }
}

static void moments_before_1970_are_reckoned_too(void **state)
{
    char text[SMKI_TIME_TEXT_SIZE];

    (void)state;
    assert_string_equal(smki_time_text_utc((struct smki_time){.us = -1}, text), "1969-12-31T23:59:59.999999Z");
    assert_string_equal(smki_time_text_utc((struct smki_time){.us = -SMKI_DAY}, text), "1969-12-31T00:00:00.000000Z");
}

static void written_uk_times_are_read_again(void **state)
{
    struct smki_time time = AT("2026-10-24T20:00"), end = AT("2026-10-25T12:00");
    char text[SMKI_TIME_TEXT_SIZE];

    (void)state;
    for (; time.us < end.us; time.us += 7 * SMKI_MINUTE)
        assert_true(AT(smki_time_text_uk(time, text)).us == time.us);
}

static void the_system_clock_is_that_of_the_c_library(void **state)
{
    time_t before = time(NULL);
    int64_t now = smki_clock_system.now(smki_clock_system.context).us;

    (void)state;
    assert_true(now >= before * SMKI_SECOND - SMKI_SECOND && now <= (time(NULL) + 1) * SMKI_SECOND);
}

static void people_read_the_wall_clock_and_its_name(void **state)
{
    char text[SMKI_TIME_TEXT_SIZE];

    (void)state;
    assert_string_equal(smki_time_text_people(AT("2026-11-24T08:00:00Z"), text), "2026-11-24 08:00 GMT");
    assert_string_equal(smki_time_text_people(AT("2026-07-01T19:00:30Z"), text), "2026-07-01 20:00:30 BST");
    assert_string_equal(smki_time_text_people((struct smki_time){.us = 0}, text), "-");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_read_by_their_table),
        cmocka_unit_test(summer_time_is_as_announced),
        cmocka_unit_test(clocks_go_forward_from_one_to_two),
        cmocka_unit_test(clocks_go_back_from_two_to_one),
        cmocka_unit_test(the_skipped_hour_counts_on_from_the_change),
        cmocka_unit_test(the_repeated_hour_is_its_first),
        cmocka_unit_test(every_half_hour_is_as_the_c_library_reckons),
        cmocka_unit_test(years_to_9999_are_as_the_c_library_reckons),
        cmocka_unit_test(the_zone_files_agree_since_1996),
        cmocka_unit_test(nights_have_11_12_or_13_hours),
        cmocka_unit_test(twenty_hundred_is_found_on_change_nights),
        cmocka_unit_test(a_uk_day_starts_at_uk_midnight),
        cmocka_unit_test(every_hour_comes_back_from_its_reading),
        cmocka_unit_test(every_moment_comes_back_from_utc),
        cmocka_unit_test(moments_before_1970_are_reckoned_too),
        cmocka_unit_test(written_uk_times_are_read_again),
        cmocka_unit_test(the_system_clock_is_that_of_the_c_library),
        cmocka_unit_test(people_read_the_wall_clock_and_its_name),
    };

    return cmocka_run_group_tests_name("time", tests, NULL, NULL);
}
