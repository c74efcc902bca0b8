/* The demand rules of CoCo section 3 (interfaces.md 10) and the nights, as functions of their arguments: no clock, no store, no files.
 * Every number is a field of struct smki_demand_limits with the spec's value as default. Thread-safe: pure. */
#ifndef SMKI_DEMAND_H
#define SMKI_DEMAND_H

#include <smki/base.h>

enum smki_rule_mode { SMKI_RULE_ENFORCE, SMKI_RULE_OBSERVE, SMKI_RULE_OFF, SMKI_RULE_SMOOTH /* the ad hoc pace only */ };

/* The rules, numbered: the store keeps counters under these numbers. */
enum smki_rule {
    SMKI_RULE_PORTAL_BATCH = 1, /* 50,000 CSRs in any 24 h: over it, queued behind due work */
    SMKI_RULE_PORTAL_ADHOC = 2, /* 150 in any 24 h */
    SMKI_RULE_ADHOC_PACE = 3,   /* one in any 0.8 s by day, 4 s by night */
    SMKI_RULE_BATCH_ONE = 4,    /* one submission of a Party at a time */
    SMKI_RULE_POLL = 5,         /* when results may be asked for */
    SMKI_RULE_WINDOW = 6,       /* batches run between 20:00 and 08:00 only */
};
#define SMKI_RULE_COUNT 6

struct smki_demand_limits {
    enum smki_rule_mode mode[SMKI_RULE_COUNT + 1]; /* by enum smki_rule; [0] is not used */
    uint32_t night_capacity;       /* CSRs a night over all Parties: 375,000 */
    uint32_t portal_batch_csrs;    /* 50,000 */
    uint32_t portal_adhoc_csrs;    /* 150 */
    int64_t portal_window;         /* us: 24 h, sliding */
    int64_t adhoc_pace_day;        /* us: 0.8 s from adhoc_day_from to adhoc_day_to */
    int64_t adhoc_pace_night;      /* us: 4 s */
    int64_t poll_interval;         /* us: 1 h */
    int64_t agreement_notice;      /* us: 7 days */
    int64_t result_retention;      /* us: 30 days */
    uint16_t night_start, night_end;            /* minutes of the UK day: 20:00, 08:00 */
    uint16_t adhoc_day_from, adhoc_day_to;      /* 07:00, 20:00 */
    uint16_t poll_from;                         /* 22:00 */
};

SMKI_API extern const struct smki_demand_limits smki_demand_defaults;

/* ---- sliding windows ---- */

/* What one Party did lately under one rule: exact, since each acceptance is kept until it has left the window. Serialised by smki_window_write. */
struct smki_window_event {
    struct smki_time at;
    uint32_t count;
};
struct smki_window {
    struct smki_window_event *events; /* oldest first; on the heap */
    size_t count, capacity;
};

SMKI_API void smki_window_finish(struct smki_window *window);
/* CSRs accepted in (now - length, now]. An event in the future (the clock was set back) counts. Forgets events that have left. */
SMKI_API uint64_t smki_window_sum(struct smki_window *window, struct smki_time now, int64_t length);
SMKI_API SMKI_MUST_USE int smki_window_add(struct smki_window *window, struct smki_time now, uint32_t count, struct smki_error *err);
/* When `count` more would first fit under `limit`; now itself when they fit already; INT64_MAX us when they never do (count > limit). */
SMKI_API struct smki_time smki_window_free_at(const struct smki_window *window, struct smki_time now, int64_t length, uint64_t limit, uint32_t count);
SMKI_API SMKI_MUST_USE int smki_window_read(struct smki_window *out, struct smki_bytes stored, struct smki_error *err);
SMKI_API SMKI_MUST_USE int smki_window_write(struct smki_buffer *out, const struct smki_window *window, struct smki_error *err);

/* What a rule says of one act. */
struct smki_verdict {
    bool allowed;             /* may go on (observe and off: always) */
    bool flagged;             /* the limit was exceeded and the mode is observe */
    int code;                 /* the refusal (RATE_*, POLL_*, NOT_RELEASED, OVER_QUOTA), or 0 when within the limit */
    uint64_t limit, used;     /* of the window, before this act */
    struct smki_time retry_at;/* when to come back; smooth: when its slot begins */
    char text[SMKI_ERROR_TEXT_SIZE]; /* names the rule, the limit and when to come back; "" when within */
};

/* An agreement that applies lifts the limit; 0: the rule's own. */
SMKI_API void smki_demand_portal_batch(struct smki_verdict *out, const struct smki_demand_limits *limits, struct smki_window *window, uint64_t agreed,
                                       struct smki_time now, uint32_t csrs); /* over: allowed, flagged, code OVER_QUOTA */
SMKI_API void smki_demand_portal_adhoc(struct smki_verdict *out, const struct smki_demand_limits *limits, struct smki_window *window, uint64_t agreed,
                                       struct smki_time now);
/* `last`: the Party's last acceptance, {0} for none. `agreed_pace`: us between two, 0: the rule's own. */
SMKI_API void smki_demand_adhoc_pace(struct smki_verdict *out, const struct smki_demand_limits *limits, struct smki_time last, int64_t agreed_pace,
                                     struct smki_time now);

/* ---- nights ---- */

struct smki_night {
    struct smki_time opens, closes; /* 20:00 of D, 08:00 of D+1: 11, 12 or 13 hours */
};
/* The night that `time` lies in ([opens, closes)), or the next one. */
SMKI_API struct smki_night smki_night_at(const struct smki_demand_limits *limits, struct smki_time time);
SMKI_API bool smki_night_is_open(const struct smki_demand_limits *limits, struct smki_time time);
/* When a batch accepted at this time must be processed (interfaces.md 10: before 20:00 on D: 08:00 D+1; at or after: 08:00 D+2). */
SMKI_API struct smki_time smki_night_due(const struct smki_demand_limits *limits, struct smki_time accepted);
/* When its results are released, and from when it may be polled. */
SMKI_API struct smki_time smki_night_release(const struct smki_demand_limits *limits, struct smki_time accepted);
SMKI_API struct smki_time smki_night_poll_from(const struct smki_demand_limits *limits, struct smki_time accepted);
/* May this batch be polled (its status asked, or its results fetched) now? `last_poll` {0}: not yet; `retrieved`: a retrieval succeeded and was not released again;
 * `released_by_operator`: at {0} not. */
SMKI_API void smki_night_poll(struct smki_verdict *out, const struct smki_demand_limits *limits, struct smki_time accepted, struct smki_time last_poll,
                              bool retrieved, bool complete, struct smki_time released_by_operator, struct smki_time now);

/* ---- the order of a night ---- */

enum smki_plan_class { SMKI_PLAN_DUE, SMKI_PLAN_OVER_QUOTA, SMKI_PLAN_EARLY };

struct smki_plan_item {
    /* in */
    uint64_t batch, party;
    struct smki_time accepted, due;
    uint32_t remaining; /* CSRs without a fate */
    bool over_quota;
    /* out */
    enum smki_plan_class class;
    struct smki_time starts, finishes; /* expected, at `rate`, in this night and the following ones */
    bool at_risk;                      /* due work that is expected to finish after it is due */
};

/* Sorts the items into the order in which the night of `now` takes them: work due by this night's end first, then over-quota work, then work that may run
 * early; each in turn (accepted, then number). Fills the outs for `rate` CSRs a second (0: capacity spread over the night). Nothing runs outside a night;
 * each night takes at most the capacity. */
SMKI_API void smki_plan_order(struct smki_plan_item *items, size_t count, const struct smki_demand_limits *limits, struct smki_time now, double rate);

/* ---- eligibility (eligibility.md) ---- */

enum smki_eligible { SMKI_ELIGIBLE_NOBODY, SMKI_ELIGIBLE_DCC, SMKI_ELIGIBLE_SUBSCRIBER, SMKI_ELIGIBLE_IMPORT_SUPPLIER, SMKI_ELIGIBLE_GAS_SUPPLIER, SMKI_ELIGIBLE_EITHER_SUPPLIER };
enum smki_smi_phase { SMKI_PHASE_BEFORE, SMKI_PHASE_IN_SERVICE, SMKI_PHASE_GONE };
#define SMKI_DEVICE_TYPES 8 /* as enum smki_device_type */

struct smki_eligibility {
    enum smki_eligible who[SMKI_DEVICE_TYPES][3]; /* by device type and phase; the DCC is always let in where a supplier is */
};
SMKI_API extern const struct smki_eligibility smki_eligibility_default;

#endif
