/* Bulletins: what the operator tells everybody on the portal, such as a new version of a document or a change of address, from a day to a day.
 * (Planned Maintenance has words of its own: maintenance.h.) Thread-safe, of several processes too; putting up and taking down are recorded. */
#ifndef SMKI_BULLETIN_H
#define SMKI_BULLETIN_H

#include <smki/service.h>

struct cJSON;

#define SMKI_BULLETIN_TEXT_SIZE 1001 /* octets with NUL */

struct smki_bulletin {
    uint64_t number;
    struct smki_time from;          /* shown from then on; {0} when it is added: now */
    struct smki_time to;            /* until then; {0}: until it is taken down */
    struct smki_time taken_down_at; /* {0}: it was not */
    char text[SMKI_BULLETIN_TEXT_SIZE]; /* printable, of one line or several */
};

/* Gives the number, and `from` where it was {0}. INVALID_ARGUMENT (to <= from, over already, no or unprintable text). */
SMKI_API SMKI_MUST_USE int smki_bulletin_add(struct smki_service *service, const struct smki_actor *actor, struct smki_bulletin *bulletin,
                                             struct smki_error *err);
/* The first one after `number`, taken down or not; NOT_FOUND after the last. */
SMKI_API SMKI_MUST_USE int smki_bulletin_next(struct smki_service *service, uint64_t number, struct smki_bulletin *out,
                                              struct smki_error *err);
/* Takes it down for good. NOT_FOUND: there is none, or it was taken down before. */
SMKI_API SMKI_MUST_USE int smki_bulletin_remove(struct smki_service *service, const struct smki_actor *actor, uint64_t number,
                                                struct smki_error *err);
/* Is it to be shown at this moment? */
SMKI_API bool smki_bulletin_is_shown(const struct smki_bulletin *bulletin, struct smki_time at);
/* A new cJSON object: number, from, to, taken_down_at, text. The caller frees. NULL: no memory. */
SMKI_API struct cJSON *smki_bulletin_json(const struct smki_bulletin *bulletin);

#endif
