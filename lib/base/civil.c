/* The calendar and UK civil time, computed: no TZ, no tables, no state, so thread-safe and the same everywhere.
 *
 * A *reading* is what a UK wall clock shows, counted in microseconds as if it were UTC; a *moment* is struct smki_time.
 * The rule of today (GMT, and BST between the last Sundays of March and October, both at 01:00 UTC) is used for all years; it is what
 * UK law has had since 1996, and no record of SMKI is older. */
#include "base/base_i.h"

#include <string.h>

#define DAYS_TO_1970 719468 /* from 0000-03-01 to 1970-01-01 */
#define DAYS_OF_ERA  146097 /* in 400 years */

/* ---- the calendar (proleptic Gregorian, years that start in March so that the leap day is last) ---- */

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Days since 1970-01-01. */
static int64_t days_of(int64_t year, unsigned month, unsigned day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = floor_div(y, 400);
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * DAYS_OF_ERA + day_of_era - DAYS_TO_1970;
}

static struct smki_civil date_of(int64_t days)
{
    int64_t since = days + DAYS_TO_1970;
    int64_t era = floor_div(since, DAYS_OF_ERA);
    int64_t day_of_era = since - era * DAYS_OF_ERA;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t march_month = (5 * day_of_year + 2) / 153; /* 0 is March */
    int64_t month = march_month + (march_month < 10 ? 3 : -9);

    return (struct smki_civil){
        .year = (int32_t)(year_of_era + era * 400 + (month <= 2)),
        .month = (uint8_t)month,
        .day = (uint8_t)(day_of_year - (153 * march_month + 2) / 5 + 1),
    };
}

static unsigned month_length(int year, unsigned month)
{
    static const uint8_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month == 2 && leap ? 29 : lengths[month - 1];
}

struct smki_civil smki_time_to_utc(struct smki_time time)
{
    int64_t days = floor_div(time.us, SMKI_DAY);
    int64_t rest = time.us - days * SMKI_DAY;
    struct smki_civil civil = date_of(days);

    civil.hour = (uint8_t)(rest / SMKI_HOUR);
    civil.minute = (uint8_t)(rest / SMKI_MINUTE % 60);
    civil.second = (uint8_t)(rest / SMKI_SECOND % 60);
    civil.microsecond = (uint32_t)(rest % SMKI_SECOND);
    return civil;
}

struct smki_time smki_time_from_utc(const struct smki_civil *utc)
{
    return (struct smki_time){.us = days_of(utc->year, utc->month, utc->day) * SMKI_DAY + utc->hour * SMKI_HOUR +
                                    utc->minute * SMKI_MINUTE + utc->second * SMKI_SECOND + utc->microsecond};
}

/* ---- the United Kingdom ---- */

/* 01:00 UTC on the last Sunday of a month with 31 days. */
static int64_t change_of(int64_t year, unsigned month)
{
    int64_t last = days_of(year, month, 31);
    int64_t weekday = (last + 4) - floor_div(last + 4, 7) * 7; /* 0 is Sunday; 1970-01-01 was a Thursday */

    return (last - weekday) * SMKI_DAY + SMKI_HOUR;
}

bool smki_time_is_bst(struct smki_time time)
{
    int64_t year = date_of(floor_div(time.us, SMKI_DAY)).year;

    return time.us >= change_of(year, 3) && time.us < change_of(year, 10);
}

static int64_t reading_of(struct smki_time time)
{
    return time.us + (smki_time_is_bst(time) ? SMKI_HOUR : 0);
}

/* Taken as BST when that is what the clocks show then; so the repeated hour is its first, and the skipped hour (which neither way is
 * shown) counts on from the change as GMT. */
static struct smki_time moment_of(int64_t reading)
{
    struct smki_time summer = {.us = reading - SMKI_HOUR};

    return smki_time_is_bst(summer) ? summer : (struct smki_time){.us = reading};
}

struct smki_civil smki_time_to_uk(struct smki_time time)
{
    return smki_time_to_utc((struct smki_time){.us = reading_of(time)});
}

struct smki_time smki_time_from_uk(const struct smki_civil *uk)
{
    return moment_of(smki_time_from_utc(uk).us);
}

struct smki_time smki_time_uk_day(struct smki_time time, int days)
{
    return smki_time_uk_at(time, days, 0, 0);
}

struct smki_time smki_time_uk_at(struct smki_time time, int days, int hour, int minute)
{
    int64_t midnight = (floor_div(reading_of(time), SMKI_DAY) + days) * SMKI_DAY;

    return moment_of(midnight + hour * SMKI_HOUR + minute * SMKI_MINUTE);
}

/* ---- as text ---- */

static char *digits_write(char *out, uint32_t value, int width)
{
    for (int i = width - 1; i >= 0; i--, value /= 10)
        out[i] = (char)('0' + value % 10);
    return out + width;
}

/* "2026-11-23T20:00:00"; a year that has no four digits is shown as 0000. Returns the end. */
static char *civil_write(char *out, const struct smki_civil *civil)
{
    const struct {
        char before;
        uint8_t value;
    } parts[] = {{'-', civil->month}, {'-', civil->day}, {'T', civil->hour}, {':', civil->minute}, {':', civil->second}};

    out = digits_write(out, civil->year >= 0 && civil->year <= 9999 ? (uint32_t)civil->year : 0, 4);
    for (size_t i = 0; i < ARRAY_COUNT(parts); i++) {
        *out++ = parts[i].before;
        out = digits_write(out, parts[i].value, 2);
    }
    return out;
}

const char *smki_time_text_uk(struct smki_time time, char out[SMKI_TIME_TEXT_SIZE])
{
    struct smki_civil civil = smki_time_to_uk(time);

    strcpy(civil_write(out, &civil), smki_time_is_bst(time) ? "+01:00" : "+00:00");
    return out;
}

const char *smki_time_text_people(struct smki_time time, char out[SMKI_TIME_TEXT_SIZE])
{
    struct smki_civil civil = smki_time_to_uk(time);
    char *end;

    if (time.us == 0)
        return strcpy(out, "-");
    end = civil_write(out, &civil);
    out[10] = ' ';         /* for the T */
    if (civil.second == 0) /* ":00" goes */
        end -= 3;
    strcpy(end, smki_time_is_bst(time) ? " BST" : " GMT");
    return out;
}

const char *smki_time_text_utc(struct smki_time time, char out[SMKI_TIME_TEXT_SIZE])
{
    struct smki_civil civil = smki_time_to_utc(time);
    char *at = civil_write(out, &civil);

    *at++ = '.';
    strcpy(digits_write(at, civil.microsecond, 6), "Z");
    return out;
}

/* ---- from text ---- */

bool time_is_writable(struct smki_time time)
{
    const int32_t year = smki_time_to_utc(time).year;

    return time.us >= 0 && year >= 1970 && year <= 9999;
}

/* Reads exactly `width` digits with a value from `least` to `most`. */
static bool digits_read(const char **at, int width, unsigned least, unsigned most, unsigned *value)
{
    *value = 0;
    for (int i = 0; i < width; i++, (*at)++) {
        if (**at < '0' || **at > '9')
            return false;
        *value = *value * 10 + (unsigned)(**at - '0');
    }
    return *value >= least && *value <= most;
}

static bool mark_read(const char **at, char mark)
{
    if (**at != mark)
        return false;
    (*at)++;
    return true;
}

static bool date_read(const char **at, struct smki_civil *out)
{
    unsigned year, month, day;

    if (!digits_read(at, 4, 1970, 9999, &year) || !mark_read(at, '-') || !digits_read(at, 2, 1, 12, &month) || !mark_read(at, '-') ||
        !digits_read(at, 2, 1, month_length((int)year, month), &day))
        return false;
    out->year = (int32_t)year;
    out->month = (uint8_t)month;
    out->day = (uint8_t)day;
    return true;
}

/* ".25": digits beyond the sixth are below a microsecond and dropped. */
static bool fraction_read(const char **at, uint32_t *microsecond)
{
    uint32_t worth = 100000;
    const char *start = *at;

    for (; **at >= '0' && **at <= '9'; (*at)++, worth /= 10)
        *microsecond += (uint32_t)(**at - '0') * worth;
    return *at != start;
}

/* "20:00", "20:00:00", "20:00:00.25" */
static bool clock_read(const char **at, struct smki_civil *out)
{
    unsigned hour, minute, second = 0;

    if (!digits_read(at, 2, 0, 23, &hour) || !mark_read(at, ':') || !digits_read(at, 2, 0, 59, &minute))
        return false;
    if (mark_read(at, ':')) {
        if (!digits_read(at, 2, 0, 59, &second))
            return false;
        if (mark_read(at, '.') && !fraction_read(at, &out->microsecond))
            return false;
    }
    out->hour = (uint8_t)hour;
    out->minute = (uint8_t)minute;
    out->second = (uint8_t)second;
    return true;
}

/* Nothing (UK), "Z", "+01:00" or "-01:00", and then the text's end. */
static bool zone_read(const char *at, const struct smki_civil *civil, struct smki_time *out)
{
    unsigned hours = 0, minutes = 0;
    char sign = *at;

    if (sign == '\0') {
        *out = smki_time_from_uk(civil);
        return true;
    }
    at++;
    if (sign == '+' || sign == '-') {
        if (!digits_read(&at, 2, 0, 14, &hours) || !mark_read(&at, ':') || !digits_read(&at, 2, 0, hours == 14 ? 0 : 59, &minutes))
            return false;
    } else if (sign != 'Z') {
        return false;
    }
    *out = smki_time_from_utc(civil);
    out->us -= (sign == '-' ? -1 : 1) * (hours * SMKI_HOUR + minutes * SMKI_MINUTE);
    return *at == '\0';
}

int smki_time_parse(struct smki_time *out, const char *text, struct smki_error *err)
{
    struct smki_civil civil = {0};
    struct smki_time time;
    const char *at = text;

    if (!date_read(&at, &civil) || (mark_read(&at, 'T') && !clock_read(&at, &civil)) || !zone_read(at, &civil, &time) ||
        !time_is_writable(time))
        return smki_fail(err, SMKI_TIME_INVALID,
                         "\"%.40s\" is not a date or time: write 2026-11-23, 2026-11-23T20:00 or 2026-11-23T20:00:00 (UK time), "
                         "or with Z or +01:00 at the end",
                         text);
    *out = time;
    return 0;
}
