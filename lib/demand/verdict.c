#include "demand/demand_i.h"

#include <stdarg.h>

/* How a refusal names its rule to the Party. */
static const struct {
    const char *name, *source;
} rules[SMKI_RULE_COUNT + 1] = {
    [SMKI_RULE_PORTAL_BATCH] = {"portal batches", "CoCo 3"},           [SMKI_RULE_PORTAL_ADHOC] = {"portal ad hoc requests", "CoCo 3"},
    [SMKI_RULE_ADHOC_PACE] = {"ad hoc web service", "CoCo 3"},         [SMKI_RULE_BATCH_ONE] = {"batch web service, submission", "CoCo 3"},
    [SMKI_RULE_POLL] = {"batch web service, retrieval", "CoCo 3.1.3"}, [SMKI_RULE_WINDOW] = {"processing window", "CoCo 3"},
};

struct smki_time time_at_minute(struct smki_time time, int days, uint16_t minute)
{
    return smki_time_uk_at(time, days, minute / 60, minute % 60);
}

const char *duration_text(int64_t us, char out[DURATION_TEXT_SIZE])
{
    if (us % SMKI_HOUR == 0)
        snprintf(out, DURATION_TEXT_SIZE, "%lld hour%s", (long long)(us / SMKI_HOUR), us == SMKI_HOUR ? "" : "s");
    else if (us % SMKI_MINUTE == 0)
        snprintf(out, DURATION_TEXT_SIZE, "%lld min", (long long)(us / SMKI_MINUTE));
    else if (us >= 10 * SMKI_SECOND) /* rounded up: who comes then is not too early */
        snprintf(out, DURATION_TEXT_SIZE, "%lld s", (long long)((us + SMKI_SECOND - 1) / SMKI_SECOND));
    else
        snprintf(out, DURATION_TEXT_SIZE, "%.9g s", (double)us / (double)SMKI_SECOND);
    return out;
}

const char *minute_text(uint16_t minute, char out[MINUTE_TEXT_SIZE])
{
    snprintf(out, MINUTE_TEXT_SIZE, "%02u:%02u", minute / 60 % 24U, minute % 60U);
    return out;
}

const char *come_back_text(struct smki_time at, char out[SMKI_TIME_TEXT_SIZE])
{
    int64_t past = at.us % SMKI_SECOND;

    return smki_time_text_people(past > 0 ? time_plus(at, SMKI_SECOND - past) : at, out);
}

void verdict_open(struct smki_verdict *out, struct smki_time now)
{
    *out = (struct smki_verdict){.allowed = true, .retry_at = now};
}

void verdict_exceed(struct smki_verdict *out, const struct smki_demand_limits *limits, enum smki_rule rule, int code,
                    struct smki_time retry_at, const char *format, ...)
{
    enum smki_rule_mode mode = limits->mode[rule];
    va_list args;
    int start;

    if (mode == SMKI_RULE_OFF)
        return;
    out->allowed = mode == SMKI_RULE_OBSERVE;
    out->flagged = mode == SMKI_RULE_OBSERVE;
    out->code = code;
    out->retry_at = retry_at;
    start = snprintf(out->text, sizeof(out->text), "%s (%s): ", rules[rule].name, rules[rule].source);
    va_start(args, format);
    vsnprintf(out->text + start, sizeof(out->text) - (size_t)start, format, args);
    va_end(args);
}
