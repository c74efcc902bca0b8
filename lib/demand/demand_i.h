/* What the files of this room share. Vocabulary: D is a UK calendar day, the night of D runs from 20:00 on D to 08:00 on D+1. */
#ifndef SMKI_DEMAND_I_H
#define SMKI_DEMAND_I_H

#include "base/base_i.h"

#include <smki/demand.h>

/* ---- times ---- */
#define TIME_NEVER     ((struct smki_time){.us = INT64_MAX})
#define TIME_IS_SET(t) ((t).us != 0)

static inline struct smki_time time_plus(struct smki_time time, int64_t us)
{
    return (struct smki_time){.us = time.us + us};
}

static inline struct smki_time time_later(struct smki_time a, struct smki_time b)
{
    return a.us > b.us ? a : b;
}

static inline struct smki_time time_earlier(struct smki_time a, struct smki_time b)
{
    return a.us < b.us ? a : b;
}

/* `minute` of the UK day of `time`, moved by `days`. */
struct smki_time time_at_minute(struct smki_time time, int days, uint16_t minute);

/* ---- verdicts ---- */

/* "24 hours", "1 hour", "20 min", "75 s", "0.8 s". Returns out. */
#define DURATION_TEXT_SIZE 32
const char *duration_text(int64_t us, char out[DURATION_TEXT_SIZE]);
/* "07:00". Returns out. */
#define MINUTE_TEXT_SIZE 8
const char *minute_text(uint16_t minute, char out[MINUTE_TEXT_SIZE]);
/* UK civil time, rounded up to the next whole second: who comes then is not too early. Returns out. */
const char *come_back_text(struct smki_time at, char out[SMKI_TIME_TEXT_SIZE]);

/* Within the limit, so far. */
void verdict_open(struct smki_verdict *out, struct smki_time now);
/* The limit is exceeded: what that means depends on the rule's mode; nothing at all when it is off. The text gets the rule's name and
 * source in front. */
void verdict_exceed(struct smki_verdict *out, const struct smki_demand_limits *limits, enum smki_rule rule, int code,
                    struct smki_time retry_at, const char *format, ...) SMKI_PRINTF(6, 7);

/* ---- what verdicts and allowances reckon with ---- */

/* The first moment, now or later, at which a CSR keeps the ad hoc pace. */
struct smki_time pace_slot(const struct smki_demand_limits *limits, struct smki_time last, int64_t agreed, struct smki_time now);
/* The pace of a moment, us between two; `agreed` 0: none. */
int64_t pace_at(const struct smki_demand_limits *limits, struct smki_time time, int64_t agreed);
/* Submissions of a Party under way at once. */
uint64_t submissions_at_once(uint64_t agreed);
/* Takes back one of the acceptances in [from, from + length): what was accepted came to nothing. False: there is none. */
bool window_take_back(struct smki_window *window, struct smki_time from, int64_t length);
/* CSRs in the portal's window. */
uint64_t quota_lifted(uint32_t own, uint64_t agreed);

#endif
