/* How many CSRs a Party may send through the portal in any 24 hours. */
#include "demand/demand_i.h"

/* An agreement is about extra load (interfaces.md 10, "notice"): it lifts the limit and never lowers it. */
uint64_t quota_lifted(uint32_t own, uint64_t agreed)
{
    return agreed > own ? agreed : own;
}

static void quota_open(struct smki_verdict *out, const struct smki_demand_limits *limits, struct smki_window *window, uint64_t limit,
                       struct smki_time now)
{
    verdict_open(out, now);
    out->limit = limit;
    out->used = smki_window_sum(window, now, limits->portal_window);
}

static void over_quota(struct smki_verdict *out, const struct smki_demand_limits *limits, struct smki_time fits_at, uint32_t csrs)
{
    char period[DURATION_TEXT_SIZE], when[SMKI_TIME_TEXT_SIZE], advice[128];

    if (fits_at.us == TIME_NEVER.us)
        snprintf(advice, sizeof(advice), "announce such load to the Service Desk %lld days ahead",
                 (long long)(limits->agreement_notice / SMKI_DAY));
    else
        snprintf(advice, sizeof(advice), "they would have been within it at %s", come_back_text(fits_at, when));
    verdict_exceed(
        out, limits, SMKI_RULE_PORTAL_BATCH, SMKI_OVER_QUOTA, fits_at,
        "at most %llu Device CSRs of a Party in any %s without a further agreement, %llu used and %u more submitted: accepted, but queued "
        "behind all due work; %s",
        (unsigned long long)out->limit, duration_text(limits->portal_window, period), (unsigned long long)out->used, csrs, advice);
    out->behind = out->code != 0 && !out->allowed;
    out->flagged = out->code != 0;
    out->allowed = true; /* "still accepted" */
}

void smki_demand_portal_batch(struct smki_verdict *out, const struct smki_demand_limits *limits, struct smki_window *window,
                              uint64_t agreed, struct smki_time now, uint32_t csrs)
{
    quota_open(out, limits, window, quota_lifted(limits->portal_batch_csrs, agreed), now);
    if (out->used + csrs > out->limit)
        over_quota(out, limits, smki_window_free_at(window, now, limits->portal_window, out->limit, csrs), csrs);
}

void smki_demand_portal_adhoc(struct smki_verdict *out, const struct smki_demand_limits *limits, struct smki_window *window,
                              uint64_t agreed, struct smki_time now)
{
    char period[DURATION_TEXT_SIZE], when[SMKI_TIME_TEXT_SIZE] = "no time, since none are allowed";
    struct smki_time free_at;

    quota_open(out, limits, window, quota_lifted(limits->portal_adhoc_csrs, agreed), now);
    if (out->used + 1 <= out->limit)
        return;
    free_at = smki_window_free_at(window, now, limits->portal_window, out->limit, 1);
    if (free_at.us != TIME_NEVER.us)
        come_back_text(free_at, when);
    verdict_exceed(out, limits, SMKI_RULE_PORTAL_ADHOC, SMKI_RATE_PORTAL_ADHOC, free_at,
                   "at most %llu Device CSRs of a Party in any %s, %llu used; come back at %s", (unsigned long long)out->limit,
                   duration_text(limits->portal_window, period), (unsigned long long)out->used, when);
}
