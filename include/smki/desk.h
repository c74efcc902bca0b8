/* What is reported to the Service Desk by the form on the portal, and the webhook that tells the operator of it. Thread-safe; reports and their
 * closing are recorded. */
#ifndef SMKI_DESK_H
#define SMKI_DESK_H

#include <smki/access.h>

struct cJSON;

#define SMKI_DESK_NAME_SIZE 129 /* octets with NUL */
#define SMKI_DESK_CONTACT_SIZE 257
#define SMKI_DESK_TEXT_SIZE 4001
#define SMKI_DESK_PEER_SIZE 64

/* How much may be reported, so that nobody fills the store: */
#define SMKI_DESK_PARTY_MAX 20     /* of a Party in any 24 hours */
#define SMKI_DESK_PEER_MAX 5       /* without a credential: of one address (IPv6: one /64) in any hour */
#define SMKI_DESK_ANONYMOUS_MAX 60 /* without a credential: of all in any hour */

struct smki_desk_entry {
    uint64_t number;
    char name[SMKI_DESK_NAME_SIZE];       /* who reports, in their own words */
    char contact[SMKI_DESK_CONTACT_SIZE]; /* how to reach them: an e-mail address, a telephone number */
    char text[SMKI_DESK_TEXT_SIZE];       /* lines ended by \n, but for the last */
    uint64_t party, officer, credential;  /* 0: came without a credential */
    enum smki_interface interface;        /* OPERATOR: came without a credential */
    enum smki_network network;
    char peer[SMKI_DESK_PEER_SIZE]; /* the address it came from; "" when not known, and for those with a credential */
    struct smki_time received_at, closed_at; /* {0}: open */
    struct smki_time sent_at;                /* by the webhook; {0}: not */
    uint64_t attempts;                       /* of the webhook that failed */
    char failure[SMKI_DESK_CONTACT_SIZE];    /* what the last one failed with; "" when there is none */
};

/* Takes a report: name, contact and text of *entry; fills in the rest. `identity` NULL: it came without a credential, by `interface` (which the
 * record tells: PORTAL_LANDING, PORTAL_DOWNLOAD) and `network` from `peer` (which may be NULL). CR LF and CR in the text become \n. Sends nothing: see smki_desk_send. Errors: INVALID_ARGUMENT naming the field (empty, too long,
 * not printable); DESK_BUSY: more than one of the limits above; *retry_at (may be NULL) is when to come back then, and the text says so too;
 * IKI_SUSPENDED, IKI_REVOKED: the credential ended meanwhile. */
SMKI_API SMKI_MUST_USE int smki_desk_report(struct smki_service *service, const struct smki_identity *identity, enum smki_interface interface,
                                            enum smki_network network, const char *peer, struct smki_desk_entry *entry, struct smki_time *retry_at,
                                            struct smki_error *err);
/* The first report after `number`; NOT_FOUND after the last. */
SMKI_API SMKI_MUST_USE int smki_desk_next(struct smki_service *service, uint64_t number, struct smki_desk_entry *out, struct smki_error *err);
SMKI_API SMKI_MUST_USE int smki_desk_find(struct smki_service *service, uint64_t number, struct smki_desk_entry *out,
                                          struct smki_error *err); /* NOT_FOUND */
/* It is dealt with. DESK_STATE: it is closed already; NOT_FOUND. */
SMKI_API SMKI_MUST_USE int smki_desk_close(struct smki_service *service, const struct smki_actor *actor, uint64_t number,
                                           struct smki_error *err);

#define SMKI_DESK_KEPT (366 * SMKI_DAY)
/* Removes what was closed a year ago or earlier: *count (may be NULL) gets how many. Part of the house keeping of 'smki-batch run'. */
SMKI_API SMKI_MUST_USE int smki_desk_forget(struct smki_service *service, const struct smki_actor *actor, uint64_t *count, struct smki_error *err);

#define SMKI_DESK_SEND_TIME (5 * SMKI_SECOND) /* for one POST, from the resolving of the name to the answer */

/* POSTs a report to desk.webhook as JSON (smki_desk_json, "event": "desk-report") and notes whether that came through (2xx); blocks up to
 * SMKI_DESK_SEND_TIME, so not in a thread that answers requests. Nothing is followed, of the answer only the status is read. Sent already: 0, and nothing is sent. Two that
 * send the same report at once may send it twice: its number tells. *stop (may be NULL) may be set by another thread to end it soon. Errors: INTERRUPTED: it was, and nothing is noted; CONFIG_INVALID: desk.webhook is not set, or the library was built without libcurl;
 * DESK_REFUSED: the receiver is there and refuses this one (4xx); DESK_WEBHOOK with what else went wrong; NOT_FOUND. */
SMKI_API SMKI_MUST_USE int smki_desk_send(struct smki_service *service, uint64_t number, const volatile int *stop,
                                          struct smki_error *err);
/* The same of every open report that was not sent, oldest first; goes on after one that is refused, which is told at the end, and ends at the first that fails otherwise. *sent (may be NULL) counts. */
SMKI_API SMKI_MUST_USE int smki_desk_send_due(struct smki_service *service, uint64_t *sent, struct smki_error *err);
/* A new cJSON object: number, name, contact, text, party, officer, credential (null: none), interface (null: none), network, peer, received_at, closed_at, sent_at,
 * attempts, failure. The caller frees. NULL: no memory. */
SMKI_API struct cJSON *smki_desk_json(const struct smki_desk_entry *entry);

#endif
