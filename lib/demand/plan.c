/* The order of a night, and when each batch is expected to start and finish.
 *
 * The order: what is due by the end of this night, then what is due later and may run early, then over-quota work; each in turn. `due`
 * grows with `accepted`, so the first two together are simply everybody's due work, first accepted, first processed (interfaces.md 10,
 * "order").
 *
 * Over-quota work is last, behind early work too, since early work is due as well, one night on. Were it ahead, the room of tonight would
 * go to over-quota work, the batch accepted at 20:30 would wait for tomorrow, and everything behind it would finish that much later; on a
 * night that is booked full, too late. Being last, it takes only what nobody else could use: remove it, and every other batch starts and
 * finishes at the same moment. "Queued behind everybody's due work" holds whatever tomorrow brings.
 *
 * Nor does it starve. The runner never idles in a night while anything is left, and whatever runs ahead of an over-quota batch tonight does
 * not run ahead of it tomorrow. So it is done as soon as the capacity of the nights since its acceptance has reached the sum of itself, the
 * work that waited when it came, and the due work accepted since (over-quota work that comes later is behind it, being in turn). When every
 * 24 hours bring at most `capacity - room` of due work, each night moves it `room` forward, however little that is: w CSRs ahead of it are
 * done after at most w / room nights, and the early work, which can be a night's worth at most, is ahead of it once and not each night
 * anew. Only nights that are booked full, every one, keep it waiting; then there is no room, and the rule says that it waits.
 *
 * This needs `capacity` to be a promise, not a ceiling for the runner: with a ceiling, over-quota work done at 20:15 would use up what a
 * batch accepted at 21:00 could still have had. So the expectations below take no more than the capacity from any night, and the order has
 * no end. */
#include "demand/demand_i.h"

#include <stdlib.h>

#define NIGHTS_AHEAD 3660 /* ten years: past that a plan says never */

/* Where the expectation stands: in a night, from a moment on, with some of its room taken. */
struct course {
    const struct smki_demand_limits *limits;
    double rate;             /* CSRs a second; 0: the capacity spread over the night */
    struct smki_night night; /* from when to when work runs */
    struct smki_time from;
    double pace; /* CSRs a microsecond in this night */
    uint64_t room, taken;
    unsigned nights;
};

/* The hours of work around the night of `time`: the night; or, where the window is not enforced, all the time since the night before. */
static struct smki_night working_hours(const struct smki_demand_limits *limits, struct smki_time time)
{
    struct smki_night night = smki_night_at(limits, time);

    if (limits->mode[SMKI_RULE_WINDOW] == SMKI_RULE_OBSERVE || limits->mode[SMKI_RULE_WINDOW] == SMKI_RULE_OFF)
        night.opens = time_at_minute(night.closes, -1, limits->night_end);
    return night;
}

static void course_enter(struct course *course, struct smki_time time)
{
    const struct smki_demand_limits *limits = course->limits;
    double hours, left;

    course->night = working_hours(limits, time);
    course->from = time_later(time, course->night.opens);
    hours = (double)(course->night.closes.us - course->night.opens.us);
    left = (double)(course->night.closes.us - course->from.us);
    course->pace = course->rate > 0 ? course->rate / (double)SMKI_SECOND : (double)limits->night_capacity / hours;
    course->room = limits->night_capacity;
    if (!(course->rate > 0))
        course->room -= (uint64_t)((double)limits->night_capacity * (1 - left / hours));
    else if (course->pace * left < (double)course->room)
        course->room = (uint64_t)(course->pace * left);
    course->taken = 0;
}

/* Moves on to a night with room. False: none in sight. */
static bool course_find_room(struct course *course)
{
    while (course->taken == course->room) {
        if (course->nights == NIGHTS_AHEAD)
            return false;
        course->nights++;
        course_enter(course, course->night.closes);
    }
    return true;
}

static struct smki_time course_time(const struct course *course)
{
    double passed = course->taken == 0 ? 0 : (double)course->taken / course->pace + 0.5;
    int64_t left = course->night.closes.us - course->from.us;

    return time_plus(course->from, passed < (double)left ? (int64_t)passed : left);
}

static void expect(struct course *course, struct smki_plan_item *item)
{
    uint64_t left = item->remaining;

    item->starts = item->finishes = TIME_NEVER;
    if (left > 0 && !course_find_room(course))
        return;
    item->starts = course_time(course);
    while (left > 0) {
        uint64_t step;
        if (!course_find_room(course))
            return;
        step = left < course->room - course->taken ? left : course->room - course->taken;
        course->taken += step;
        left -= step;
    }
    item->finishes = course_time(course);
}

static int compare(const void *left, const void *right)
{
    const struct smki_plan_item *a = left, *b = right;

    if (a->class != b->class)
        return a->class < b->class ? -1 : 1;
    if (a->accepted.us != b->accepted.us)
        return a->accepted.us < b->accepted.us ? -1 : 1;
    return (a->batch > b->batch) - (a->batch < b->batch);
}

static enum smki_plan_class class_of(const struct smki_plan_item *item, const struct smki_night *tonight)
{
    if (item->over_quota)
        return SMKI_PLAN_OVER_QUOTA;
    return item->due.us <= tonight->closes.us ? SMKI_PLAN_DUE : SMKI_PLAN_EARLY;
}

void smki_plan_order(struct smki_plan_item *items, size_t count, const struct smki_demand_limits *limits, struct smki_time now, double rate)
{
    struct smki_night tonight = smki_night_at(limits, now);
    struct course course = {.limits = limits, .rate = rate};

    if (count == 0)
        return;
    for (size_t i = 0; i < count; i++)
        items[i].class = class_of(&items[i], &tonight);
    qsort(items, count, sizeof(*items), compare);
    course_enter(&course, now);
    for (size_t i = 0; i < count; i++) {
        expect(&course, &items[i]);
        items[i].at_risk = !items[i].over_quota && items[i].finishes.us > items[i].due.us;
    }
}
