/* What a Party has left, told before it asks for too much: the same reckoning as the verdicts'. */
#include "demand/demand_i.h"

/* A rule that is off has no limit to tell. */
static bool is_told(struct smki_allowance *out, const struct smki_demand_limits *limits, enum smki_rule rule)
{
    *out = (struct smki_allowance){0};
    return limits->mode[rule] != SMKI_RULE_OFF;
}

static void count_left(struct smki_allowance *out, uint64_t limit, uint64_t used)
{
    out->limit = limit;
    out->remaining = used < limit ? limit - used : 0;
}

static void window_left(struct smki_allowance *out, const struct smki_demand_limits *limits, struct smki_window *window, uint64_t limit,
                        struct smki_time now)
{
    count_left(out, limit, smki_window_sum(window, now, limits->portal_window)); /* forgets what has left: the first event is inside */
    if (window->count > 0)
        out->reset = window->events[0].at.us + limits->portal_window - now.us;
}

void smki_allowance_portal_batch(struct smki_allowance *out, const struct smki_demand_limits *limits, struct smki_window *window,
                                 uint64_t agreed, struct smki_time now)
{
    if (is_told(out, limits, SMKI_RULE_PORTAL_BATCH))
        window_left(out, limits, window, quota_lifted(limits->portal_batch_csrs, agreed), now);
}

void smki_allowance_portal_adhoc(struct smki_allowance *out, const struct smki_demand_limits *limits, struct smki_window *window,
                                 uint64_t agreed, struct smki_time now)
{
    if (is_told(out, limits, SMKI_RULE_PORTAL_ADHOC))
        window_left(out, limits, window, quota_lifted(limits->portal_adhoc_csrs, agreed), now);
}

void smki_allowance_adhoc_pace(struct smki_allowance *out, const struct smki_demand_limits *limits, struct smki_time last,
                               int64_t agreed_pace, struct smki_time now)
{
    if (!is_told(out, limits, SMKI_RULE_ADHOC_PACE))
        return;
    out->reset = pace_slot(limits, last, agreed_pace, now).us - now.us;
    count_left(out, 1, out->reset > 0);
}

void smki_allowance_batch_one(struct smki_allowance *out, const struct smki_demand_limits *limits, uint64_t answering, uint64_t agreed)
{
    if (!is_told(out, limits, SMKI_RULE_BATCH_ONE))
        return;
    count_left(out, submissions_at_once(agreed), answering);
    out->reset = answering > 0 ? SMKI_SECOND : 0; /* nobody knows when an answer is out; it takes about that */
}
