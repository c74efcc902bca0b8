/* When a batch may be polled. interfaces.md 10, "retrieval", with reading 12.1:
 *
 *   accepted            released      polls, one an hour                     after release
 *   before 20:00 on D   08:00 D+1     from 22:00 D to 08:00 D+1              one an hour while incomplete; complete: until one retrieval
 * succeeds at or after         22:00 D+1     from 22:00 D+1 to 08:00 D+2            the same
 *
 * The operator's release counts like the rule's own, when it is earlier. */
#include "demand/demand_i.h"

static void too_early(struct smki_verdict *out, const struct smki_demand_limits *limits, struct smki_time accepted, struct smki_time from)
{
    char when[SMKI_TIME_TEXT_SIZE], then[SMKI_TIME_TEXT_SIZE];

    verdict_exceed(out, limits, SMKI_RULE_POLL, SMKI_POLL_TOO_EARLY, from,
                   "a batch accepted at %s may not be polled before %s; come back then", smki_time_text_people(accepted, then),
                   come_back_text(from, when));
}

static void too_often(struct smki_verdict *out, const struct smki_demand_limits *limits, struct smki_time last, struct smki_time again)
{
    char interval[DURATION_TEXT_SIZE], when[SMKI_TIME_TEXT_SIZE], then[SMKI_TIME_TEXT_SIZE];

    verdict_exceed(out, limits, SMKI_RULE_POLL, SMKI_POLL_TOO_OFTEN, again,
                   "a batch may be polled once in %s, and this one was at %s; come back at %s",
                   duration_text(limits->poll_interval, interval), smki_time_text_people(last, then), come_back_text(again, when));
}

void smki_night_poll(struct smki_verdict *out, const struct smki_demand_limits *limits, struct smki_time accepted,
                     struct smki_time last_poll, bool retrieved, bool complete, struct smki_time released_by_operator, struct smki_time now)
{
    struct smki_time from = smki_night_poll_from(limits, accepted), release = smki_night_release(limits, accepted);
    struct smki_time again = time_plus(last_poll, limits->poll_interval);

    verdict_open(out, now);
    if (TIME_IS_SET(released_by_operator)) {
        release = time_earlier(release, released_by_operator);
        from = time_earlier(from, released_by_operator);
    }
    if (retrieved) {
        verdict_exceed(out, limits, SMKI_RULE_POLL, SMKI_POLL_DONE, TIME_NEVER,
                       "none after a successful retrieval, and this batch was retrieved; there is no time to come back at: the operator "
                       "can release it again, ask the Service Desk");
        return;
    }
    if (complete)
        again = time_earlier(again, release);
    if (now.us < from.us)
        too_early(out, limits, accepted, from);
    else if (TIME_IS_SET(last_poll) && last_poll.us <= now.us && now.us < again.us) /* a last poll ahead: the clock was set back */
        too_often(out, limits, last_poll, again);
}
