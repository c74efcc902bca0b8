/* Notices of extra demand: a Party tells at least seven days ahead of load beyond a limit, and the operator makes an agreement of it, or
 * declines (CoCo 3; interfaces.md 10). Thread-safe; every act is recorded in the same commit. */
#ifndef SMKI_NOTICE_H
#define SMKI_NOTICE_H

#include <smki/access.h>

struct cJSON;

#define SMKI_NOTICE_TEXT_SIZE 513 /* octets with NUL: of what the Party says, and of the operator's reason */
#define SMKI_NOTICE_MAX_OPEN 20   /* notices of a Party that wait for the operator at a time */
#define SMKI_NOTICE_AHEAD (731 * SMKI_DAY) /* the latest that announced demand may end after it is announced: two years */

enum smki_notice_state { SMKI_NOTICE_ANNOUNCED = 1, SMKI_NOTICE_APPROVED = 2, SMKI_NOTICE_DECLINED = 3 };

struct smki_demand_notice {
    uint64_t number, party;
    enum smki_rule rule;        /* PORTAL_BATCH, PORTAL_ADHOC, ADHOC_PACE, BATCH_ONE: the limit that it asks to be lifted */
    struct smki_time from, to;  /* [from, to) */
    uint64_t expected;          /* Device CSRs in any 24 hours, whatever the rule */
    char text[SMKI_NOTICE_TEXT_SIZE]; /* one line for the operator; may be empty */
    struct smki_time notified_at;     /* when it was announced: what the seven days are counted from */
    bool short_notice;                /* that was less than the seven days before `from` */
    uint64_t officer;                 /* who announced it; 0: nobody's */
    char name[SMKI_ACTOR_NAME_SIZE];  /* the same, by the credential's CN */
    enum smki_notice_state state;
    struct smki_time decided_at;        /* {0}: not yet */
    uint64_t agreement;                 /* approved: what came of it; 0: nothing */
    char reason[SMKI_NOTICE_TEXT_SIZE]; /* declined: why; else "" */
};

/* Announces, for the identity's Party: takes rule, from, to, expected and text of *notice, and fills in the rest. Short notice is recorded as
 * such and not refused: approving asks for the operator's word then. Errors: INVALID_ARGUMENT (a rule without agreements, `expected` 0, `to` not
 * after `from`, over already or more than SMKI_NOTICE_AHEAD ahead, a text that is not printable); NOTICE_MANY: SMKI_NOTICE_MAX_OPEN wait already; PARTY_UNKNOWN; PARTY_BARRED; IKI_SUSPENDED,
 * IKI_REVOKED: the credential ended meanwhile. */
SMKI_API SMKI_MUST_USE int smki_notice_add(struct smki_service *service, const struct smki_identity *identity,
                                           struct smki_demand_notice *notice, struct smki_error *err);
/* The first notice after `number` of this Party (0: of any); NOT_FOUND after the last. One that the store no longer gives whole is left out, so that
 * it hides none of the others: smki_notice_find tells what is wrong with it. */
SMKI_API SMKI_MUST_USE int smki_notice_next(struct smki_service *service, uint64_t party, uint64_t number, struct smki_demand_notice *out,
                                            struct smki_error *err);
/* NOT_FOUND, in the same words, when there is none and when it is not this Party's (0: the operator asks, of any). */
SMKI_API SMKI_MUST_USE int smki_notice_find(struct smki_service *service, uint64_t party, uint64_t number, struct smki_demand_notice *out,
                                            struct smki_error *err);
/* Makes the agreement, in the same commit: the notice's Party, rule, dates and notified_at; `limit` as smki_agreement counts it, by the operator.
 * *out (may be NULL) gets it. Errors: NOTICE_STATE (decided already); AGREEMENT_NOTICE: less than seven days' notice, and short_notice is false;
 * INVALID_ARGUMENT (the limit; it would be over already); NOT_FOUND. */
SMKI_API SMKI_MUST_USE int smki_notice_approve(struct smki_service *service, const struct smki_actor *actor, uint64_t number, uint64_t limit,
                                               bool short_notice, struct smki_agreement *out, struct smki_error *err);
/* `reason`: one line that the Party reads. Errors: NOTICE_STATE; INVALID_ARGUMENT (no or an unprintable reason); NOT_FOUND. */
SMKI_API SMKI_MUST_USE int smki_notice_decline(struct smki_service *service, const struct smki_actor *actor, uint64_t number,
                                               const char *reason, struct smki_error *err);
/* "announced", "approved", "declined"; NULL for what is not in the enum. */
SMKI_API const char *smki_notice_state_word(enum smki_notice_state state);
SMKI_API bool smki_notice_state_find(const char *word, enum smki_notice_state *out);
/* A new cJSON object, as `--json` prints and the store keeps it: number, party, rule, from, to, expected, text, notified_at, short_notice, officer
 * (null: nobody's), name, state, decided_at, agreement (null), reason; times UTC or null. The caller frees. NULL: no memory. */
SMKI_API struct cJSON *smki_notice_json(const struct smki_demand_notice *notice);

#endif
