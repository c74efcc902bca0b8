/* How fast a Party's acts may follow each other: ad hoc CSRs one by one, submissions of batches one at a time. */
#include "demand/demand_i.h"

static bool is_day(const struct smki_demand_limits *limits, struct smki_time time)
{
    struct smki_civil uk = smki_time_to_uk(time);
    int minute = uk.hour * 60 + uk.minute;

    if (limits->adhoc_day_from <= limits->adhoc_day_to)
        return minute >= limits->adhoc_day_from && minute < limits->adhoc_day_to;
    return minute >= limits->adhoc_day_from || minute < limits->adhoc_day_to;
}

int64_t pace_at(const struct smki_demand_limits *limits, struct smki_time time, int64_t agreed)
{
    int64_t own = is_day(limits, time) ? limits->adhoc_pace_day : limits->adhoc_pace_night;

    return agreed > 0 && agreed < own ? agreed : own;
}

/* The first change between day and night after `time`. */
static struct smki_time change_after(const struct smki_demand_limits *limits, struct smki_time time)
{
    struct smki_time next = TIME_NEVER;

    for (int days = 0; days <= 1; days++) {
        struct smki_time from = time_at_minute(time, days, limits->adhoc_day_from), to = time_at_minute(time, days, limits->adhoc_day_to);
        if (from.us > time.us)
            next = time_earlier(next, from);
        if (to.us > time.us)
            next = time_earlier(next, to);
    }
    return next;
}

/* The first moment, now or later, that is far enough from `last` by the pace of that very moment: 07:00 ends the slower pace early, and who
 * must wait past 20:00 waits for the slower one. */
static struct smki_time slot_after(const struct smki_demand_limits *limits, struct smki_time last, int64_t agreed, struct smki_time now)
{
    struct smki_time slot = now;

    for (int i = 0; i < 3 && slot.us - last.us < pace_at(limits, slot, agreed); i++)
        slot = time_earlier(time_plus(last, pace_at(limits, slot, agreed)), change_after(limits, slot));
    return slot;
}

struct smki_time pace_slot(const struct smki_demand_limits *limits, struct smki_time last, int64_t agreed, struct smki_time now)
{
    int64_t slowest = limits->adhoc_pace_day > limits->adhoc_pace_night ? limits->adhoc_pace_day : limits->adhoc_pace_night;

    return !TIME_IS_SET(last) || last.us > now.us + slowest ? now : slot_after(limits, last, agreed, now);
}

static void too_fast(struct smki_verdict *out, const struct smki_demand_limits *limits, struct smki_time slot, int64_t agreed,
                     struct smki_time now)
{
    char pace[DURATION_TEXT_SIZE], wait[DURATION_TEXT_SIZE], from[MINUTE_TEXT_SIZE], to[MINUTE_TEXT_SIZE], when[SMKI_TIME_TEXT_SIZE];
    bool day = is_day(limits, slot);

    minute_text(day ? limits->adhoc_day_from : limits->adhoc_day_to, from);
    minute_text(day ? limits->adhoc_day_to : limits->adhoc_day_from, to);
    verdict_exceed(out, limits, SMKI_RULE_ADHOC_PACE, day ? SMKI_RATE_ADHOC_DAY : SMKI_RATE_ADHOC_NIGHT, slot,
                   "one CSR of a Party in any %s from %s to %s; come back in %s, at %s", duration_text(pace_at(limits, slot, agreed), pace),
                   from, to, duration_text(slot.us - now.us, wait), come_back_text(slot, when));
}

void smki_demand_adhoc_pace(struct smki_verdict *out, const struct smki_demand_limits *limits, struct smki_time last, int64_t agreed_pace,
                            struct smki_time now)
{
    enum smki_rule_mode mode = limits->mode[SMKI_RULE_ADHOC_PACE];
    struct smki_time slot = pace_slot(limits, last, agreed_pace, now);

    verdict_open(out, now);
    if (slot.us == now.us)
        return;
    if (mode == SMKI_RULE_SMOOTH && slot.us - now.us <= pace_at(limits, slot, agreed_pace))
        out->retry_at = slot; /* held, and accepted then */
    else
        too_fast(out, limits, slot, agreed_pace, now);
}

uint64_t submissions_at_once(uint64_t agreed)
{
    return agreed > 1 ? agreed : 1;
}

void smki_demand_batch_one(struct smki_verdict *out, const struct smki_demand_limits *limits, uint64_t answering, uint64_t agreed,
                           struct smki_time now)
{
    char when[SMKI_TIME_TEXT_SIZE], many[64] = "one submission";
    struct smki_time soon = time_plus(now, SMKI_SECOND); /* nobody knows when an answer is out; it takes about that */

    verdict_open(out, now);
    out->limit = submissions_at_once(agreed);
    out->used = answering;
    if (answering < out->limit)
        return;
    if (out->limit > 1)
        snprintf(many, sizeof(many), "%llu submissions", (unsigned long long)out->limit);
    verdict_exceed(out, limits, SMKI_RULE_BATCH_ONE, SMKI_RATE_BATCH_BUSY, soon,
                   "%s of a Party at a time; wait for the answer to %s under way and come back after it, not before %s", many,
                   out->limit > 1 ? "one of those" : "the one", come_back_text(soon, when));
}
