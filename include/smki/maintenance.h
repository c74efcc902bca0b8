/* Planned Maintenance: the only excuse for an interface being away (CoCo 2; interfaces.md 2). */
#ifndef SMKI_MAINTENANCE_H
#define SMKI_MAINTENANCE_H

#include <smki/service.h>

struct cJSON;

#define SMKI_MAINTENANCE_TEXT_SIZE 512

struct smki_maintenance {
    uint64_t number;
    struct smki_time from, to;             /* as announced */
    struct smki_time started_at, ended_at; /* by the operator's word, {0}: not; `ended_at` ends it early, `started_at` begins it early */
    bool pause_night;                      /* batch runners stop at the next chunk until it ends; else the night goes on */
    char text[SMKI_MAINTENANCE_TEXT_SIZE]; /* for people */
};

/* Announces: gives the number. INVALID_ARGUMENT (to <= from, over already, no or unprintable text). */
SMKI_API SMKI_MUST_USE int smki_maintenance_plan(struct smki_service *service, const struct smki_actor *actor,
                                                 struct smki_maintenance *maintenance, struct smki_error *err);
/* Begins one now (number 0: one that nobody announced, from `maintenance->to` and its text). MAINTENANCE_STATE: it has begun, or is over. */
SMKI_API SMKI_MUST_USE int smki_maintenance_start(struct smki_service *service, const struct smki_actor *actor,
                                                  struct smki_maintenance *maintenance, struct smki_error *err);
/* Ends it; one that has not begun is called off. `number` 0: all that are on. MAINTENANCE_STATE when there is nothing to end. */
SMKI_API SMKI_MUST_USE int smki_maintenance_end(struct smki_service *service, const struct smki_actor *actor, uint64_t number,
                                                struct smki_error *err);
/* The first one after `number`; NOT_FOUND after the last. */
SMKI_API SMKI_MUST_USE int smki_maintenance_next(struct smki_service *service, uint64_t number, struct smki_maintenance *out,
                                                 struct smki_error *err);
/* The one that is on now, or NOT_FOUND (err untouched). By itself from its `from` to its `to`. Cheap: asked on every request. Thread-safe.
 */
SMKI_API SMKI_MUST_USE int smki_maintenance_now(struct smki_service *service, struct smki_maintenance *out, struct smki_error *err);
/* A new cJSON object, as `--json` prints and the store keeps it; the caller frees. NULL: no memory. */
SMKI_API struct cJSON *smki_maintenance_json(const struct smki_maintenance *maintenance);

#endif
