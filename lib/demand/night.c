/* The nights: 20:00 on D to 08:00 on D+1, UK civil time. All follows from the UK day D of a moment; the clock change makes a night an hour
 * shorter or longer and changes nothing else (interfaces.md 12.5). */
#include "demand/demand_i.h"

/* The night of D, where D is the UK day of `time` moved by `days`. */
static struct smki_night night_of(const struct smki_demand_limits *limits, struct smki_time time, int days)
{
    int over_midnight = limits->night_end <= limits->night_start;

    return (struct smki_night){
        .opens = time_at_minute(time, days, limits->night_start),
        .closes = time_at_minute(time, days + over_midnight, limits->night_end),
    };
}

struct smki_night smki_night_at(const struct smki_demand_limits *limits, struct smki_time time)
{
    for (int days = -1; days < 1; days++) {
        struct smki_night night = night_of(limits, time, days);
        if (time.us < night.closes.us)
            return night;
    }
    return night_of(limits, time, 1);
}

bool smki_night_is_open(const struct smki_demand_limits *limits, struct smki_time time)
{
    return time.us >= smki_night_at(limits, time).opens.us;
}

/* Exactly 20:00:00.000 is after (interfaces.md 12.4). 1: the night of D+1 is the one that counts; 0: that of D. */
static int days_late(const struct smki_demand_limits *limits, struct smki_time accepted)
{
    return accepted.us >= night_of(limits, accepted, 0).opens.us;
}

struct smki_time smki_night_due(const struct smki_demand_limits *limits, struct smki_time accepted)
{
    return night_of(limits, accepted, days_late(limits, accepted)).closes;
}

struct smki_time smki_night_poll_from(const struct smki_demand_limits *limits, struct smki_time accepted)
{
    return time_at_minute(accepted, days_late(limits, accepted), limits->poll_from);
}

/* What was accepted in time is released when its night is over; what was not is released when it may first be polled. */
struct smki_time smki_night_release(const struct smki_demand_limits *limits, struct smki_time accepted)
{
    return days_late(limits, accepted) ? smki_night_poll_from(limits, accepted) : smki_night_due(limits, accepted);
}

void smki_demand_window(struct smki_verdict *out, const struct smki_demand_limits *limits, struct smki_time now)
{
    struct smki_night night = smki_night_at(limits, now);
    char from[MINUTE_TEXT_SIZE], to[MINUTE_TEXT_SIZE], when[SMKI_TIME_TEXT_SIZE];

    verdict_open(out, now);
    if (now.us >= night.opens.us)
        return;
    verdict_exceed(out, limits, SMKI_RULE_WINDOW, SMKI_OUTSIDE_WINDOW, night.opens,
                   "batches are processed from %s to %s; the next night opens at %s", minute_text(limits->night_start, from),
                   minute_text(limits->night_end, to), come_back_text(night.opens, when));
}
