/* The demand rules of CoCo section 3 (interfaces.md 10, and the readings of 12) and the nights, as functions of their arguments: no clock,
 * no store, no files. Every number is a field of struct smki_demand_limits with the spec's value as default. Times are UK civil time.
 * Thread-safe: pure. */
#ifndef SMKI_DEMAND_H
#define SMKI_DEMAND_H

#include <smki/base.h>

enum smki_rule_mode {
    SMKI_RULE_ENFORCE,
    SMKI_RULE_OBSERVE, /* let in, count, flag */
    SMKI_RULE_OFF,     /* let in, never flag */
    SMKI_RULE_SMOOTH,  /* the ad hoc pace only: hold for the slot, at most one slot long, then refuse; elsewhere the same as ENFORCE */
};

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
    uint32_t night_capacity;                       /* CSRs a night over all Parties: 375,000 */
    uint32_t portal_batch_csrs;                    /* 50,000 */
    uint32_t portal_adhoc_csrs;                    /* 150 */
    int64_t portal_window;                         /* us: 24 h, sliding */
    int64_t adhoc_pace_day;                        /* us: 0.8 s from adhoc_day_from to adhoc_day_to */
    int64_t adhoc_pace_night;                      /* us: 4 s */
    int64_t poll_interval;                         /* us: 1 h */
    int64_t agreement_notice;                      /* us: 7 days */
    int64_t result_retention;                      /* us: 30 days */
    /* Minutes of the UK day, 0..1439. A night that ends no later in the day than it starts ends on the day after. */
    uint16_t night_start, night_end;       /* 20:00, 08:00 */
    uint16_t adhoc_day_from, adhoc_day_to; /* 07:00, 20:00: 07:00:00.000 is day, 20:00:00.000 is night */
    uint16_t poll_from;                    /* 22:00 */
};

/* CoCo 3, as interfaces.md 10 and 12 read it. Everything is enforced. */
SMKI_API extern const struct smki_demand_limits smki_demand_defaults;

/* ---- sliding windows ---- */

/* What one Party did lately under one rule: exact, since each acceptance is kept until it has left the window ("any 24 hour period" slides:
 * interfaces.md 12.2). Start with {0}. Stored by smki_window_write. */
struct smki_window_event {
    struct smki_time at;
    uint32_t count;
};
struct smki_window {
    struct smki_window_event *events; /* oldest first; on the heap */
    size_t count, capacity;
};

/* Frees and empties; NULL and {0} are fine. */
SMKI_API void smki_window_finish(struct smki_window *window);
/* CSRs accepted in (now - length, now]: one accepted exactly `length` ago has left. Forgets events that have left.
 * When the clock has been set back, events lie in the future: they count. One further ahead than a whole window is moved to now + length,
 * so that a clock once set years ahead locks nobody out for longer than two windows. */
SMKI_API uint64_t smki_window_sum(struct smki_window *window, struct smki_time now, int64_t length);
/* Records an acceptance; `count` 0 records nothing. */
SMKI_API SMKI_MUST_USE int smki_window_add(struct smki_window *window, struct smki_time now, uint32_t count, struct smki_error *err);
/* When `count` more would first fit under `limit`; now itself when they fit already; INT64_MAX us when they never do (count > limit). */
SMKI_API struct smki_time smki_window_free_at(const struct smki_window *window, struct smki_time now, int64_t length, uint64_t limit,
                                              uint32_t count);
/* No bytes at all are an empty window. STORE_CORRUPT: not what smki_window_write wrote. On failure *out is empty. */
SMKI_API SMKI_MUST_USE int smki_window_read(struct smki_window *out, struct smki_bytes stored, struct smki_error *err);
/* Appends the stored form to out. */
SMKI_API SMKI_MUST_USE int smki_window_write(struct smki_buffer *out, const struct smki_window *window, struct smki_error *err);

/* ---- what a rule says of one act ---- */

struct smki_verdict {
    bool allowed; /* may go on (observe and off: always) */
    bool
        flagged; /* beyond the limit and let in all the same (observe; a portal batch over quota): count it, flag it in audit and metrics */
    bool behind; /* portal batches, enforced: accepted, but queued behind everybody's due work (smki_batch.over_quota) */
    int code;    /* the refusal (RATE_*, POLL_*, OVER_QUOTA, OUTSIDE_WINDOW), also where it is only flagged; 0 within the limit */
    uint64_t limit, used;      /* of the window, before this act; 0 for rules without a count */
    struct smki_time retry_at; /* when to come back: never earlier than would be let in; now when allowed; smooth: when its slot begins.
                                * INT64_MAX us: never (a count above the limit, a batch that was retrieved) */
    char text[SMKI_ERROR_TEXT_SIZE]; /* names the rule, the limit and when to come back (UK civil time, rounded up to a second); "" when
                                        within */
};

/* These judge; they record nothing. The caller, when the act is accepted, adds it to the window, or keeps its time as the next `last`.
 * Refused acts do not count. */

/* `agreed`: the limit of an agreement in force: it lifts the rule's own and never lowers it; 0: none.
 * Over: allowed and flagged, with code OVER_QUOTA; and `behind` unless the rule is only observed. Every accepted CSR counts, over quota or
 * not. */
SMKI_API void smki_demand_portal_batch(struct smki_verdict *out, const struct smki_demand_limits *limits, struct smki_window *window,
                                       uint64_t agreed, struct smki_time now, uint32_t csrs);
/* One ad hoc Device CSR through the portal. Over: RATE_PORTAL_ADHOC; retry_at is when the oldest that matters has left the window. */
SMKI_API void smki_demand_portal_adhoc(struct smki_verdict *out, const struct smki_demand_limits *limits, struct smki_window *window,
                                       uint64_t agreed, struct smki_time now);
/* The time between two acceptances (interfaces.md 12.2). `last`: the Party's last acceptance over all its connections, {0} for none;
 * smooth: the slot that was given, so it may lie ahead. The pace is that of the moment of the second acceptance. `agreed_pace`: us between
 * two, 0: the rule's own. A `last` further ahead than any slot can be means that the clock was set back: it is not held against the Party.
 */
SMKI_API void smki_demand_adhoc_pace(struct smki_verdict *out, const struct smki_demand_limits *limits, struct smki_time last,
                                     int64_t agreed_pace, struct smki_time now);
/* One submission of a Party at a time: `answering` of the Party's submissions are still without their synchronous answer. `agreed`: how many
 * an agreement in force lets in at once; it lifts the rule's one and never lowers it; 0: none. */
SMKI_API void smki_demand_batch_one(struct smki_verdict *out, const struct smki_demand_limits *limits, uint64_t answering, uint64_t agreed,
                                    struct smki_time now);
/* May a batch be worked on now? OUTSIDE_WINDOW between the nights; retry_at is when the next one opens. */
SMKI_API void smki_demand_window(struct smki_verdict *out, const struct smki_demand_limits *limits, struct smki_time now);

/* ---- what a Party has left of a rule ---- */

/* As RateLimit-Limit, -Remaining and -Reset tell it. */
struct smki_allowance {
    uint64_t limit, remaining; /* acts: CSRs, or submissions. limit 0: the rule is off, and there is nothing to tell */
    int64_t reset;             /* us until more is left than now; 0: nothing is used */
};

/* What would be let in now, by the rules above and with their arguments; also where they are only observed. Nothing is recorded. */
SMKI_API void smki_allowance_portal_batch(struct smki_allowance *out, const struct smki_demand_limits *limits, struct smki_window *window,
                                          uint64_t agreed, struct smki_time now);
/* The same of ad hoc Device CSRs through the portal. */
SMKI_API void smki_allowance_portal_adhoc(struct smki_allowance *out, const struct smki_demand_limits *limits, struct smki_window *window,
                                          uint64_t agreed, struct smki_time now);
/* limit 1: the next CSR; reset: until its slot. Who is held for it (smooth) has none left either. */
SMKI_API void smki_allowance_adhoc_pace(struct smki_allowance *out, const struct smki_demand_limits *limits, struct smki_time last,
                                        int64_t agreed_pace, struct smki_time now);
/* Submissions at once: `answering` are under way. */
SMKI_API void smki_allowance_batch_one(struct smki_allowance *out, const struct smki_demand_limits *limits, uint64_t answering,
                                       uint64_t agreed);

/* ---- nights ---- */

struct smki_night {
    struct smki_time opens, closes; /* 20:00 of D, 08:00 of D+1: 11, 12 or 13 hours */
};
/* The night that `time` lies in ([opens, closes)), or the next one. */
SMKI_API struct smki_night smki_night_at(const struct smki_demand_limits *limits, struct smki_time time);
/* By the clock alone, whatever the mode of SMKI_RULE_WINDOW (see smki_demand_window). */
SMKI_API bool smki_night_is_open(const struct smki_demand_limits *limits, struct smki_time time);
/* When a batch accepted at this time must be processed (interfaces.md 10: before 20:00 on D: 08:00 D+1; at or after: 08:00 D+2). D is the
 * UK day of acceptance, so a batch accepted at 03:00 is due by 08:00 of the day after. */
SMKI_API struct smki_time smki_night_due(const struct smki_demand_limits *limits, struct smki_time accepted);
/* When its results are released (08:00 D+1; 22:00 D+1), and from when it may be polled (22:00 D; 22:00 D+1). */
SMKI_API struct smki_time smki_night_release(const struct smki_demand_limits *limits, struct smki_time accepted);
SMKI_API struct smki_time smki_night_poll_from(const struct smki_demand_limits *limits, struct smki_time accepted);
/* May this batch be polled (its status asked, or its results fetched: one GET does both) now? `last_poll`: the last one that was let in,
 * {0}: not yet; `retrieved`: a retrieval succeeded and was not released again; `released_by_operator`: {0} not. Once an hour from
 * poll_from, and while incomplete; a complete batch that is released is never refused, so a broken download may be repeated at once. */
SMKI_API void smki_night_poll(struct smki_verdict *out, const struct smki_demand_limits *limits, struct smki_time accepted,
                              struct smki_time last_poll, bool retrieved, bool complete, struct smki_time released_by_operator,
                              struct smki_time now);

/* ---- the order of a night ---- */

enum smki_plan_class {
    SMKI_PLAN_DUE,        /* due by the end of this night, or overdue */
    SMKI_PLAN_EARLY,      /* due later: runs in the room that is left */
    SMKI_PLAN_OVER_QUOTA, /* behind everybody's due work, tonight's and tomorrow's */
};

struct smki_plan_item {
    /* in */
    uint64_t batch, party;
    struct smki_time accepted, due;
    uint32_t remaining; /* CSRs without a fate */
    bool over_quota;
    /* out */
    enum smki_plan_class class;
    struct smki_time starts, finishes; /* expected, at `rate`, in this night and the following ones; INT64_MAX us: not within ten years */
    bool at_risk;                      /* not over quota, and expected to finish after it is due */
};

/* Sorts the items into the order in which the night of `now` takes them: by class, each class in turn (accepted, then number). Why
 * over-quota work is last, and why it does not starve there, is told in lib/demand/plan.c. Fills the outs for `rate` CSRs a second (0:
 * capacity spread over each night).
 *
 * A runner that always works on the first item with anything left, within the night, and asks again when a batch arrives or ends, keeps the
 * promises of interfaces.md 10. The expectation takes at most the capacity from each night, since no more is promised; a faster runner need
 * not stop there. Nothing is expected to run outside a night, unless SMKI_RULE_WINDOW is not enforced. O(n log n). */
SMKI_API void smki_plan_order(struct smki_plan_item *items, size_t count, const struct smki_demand_limits *limits, struct smki_time now,
                              double rate);

/* ---- eligibility (eligibility.md) ---- */

enum smki_eligible {
    SMKI_ELIGIBLE_NOBODY,
    SMKI_ELIGIBLE_DCC,
    SMKI_ELIGIBLE_SUBSCRIBER, /* any Authorised Subscriber for Device Certificates */
    SMKI_ELIGIBLE_IMPORT_SUPPLIER,
    SMKI_ELIGIBLE_GAS_SUPPLIER,
    SMKI_ELIGIBLE_EITHER_SUPPLIER,
};
enum smki_smi_phase { SMKI_PHASE_BEFORE, SMKI_PHASE_IN_SERVICE, SMKI_PHASE_GONE }; /* the table's columns */
#define SMKI_DEVICE_TYPES 8                                                        /* as enum smki_device_type */

struct smki_eligibility {
    enum smki_eligible who[SMKI_DEVICE_TYPES][3]; /* by device type and phase; the DCC is always let in where a supplier is */
};
/* The table of eligibility.md. */
SMKI_API extern const struct smki_eligibility smki_eligibility_default;

#endif
