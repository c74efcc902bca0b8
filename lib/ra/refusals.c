/* Refusals of access in the audit log: each with its reason, and no more of them than do no harm. */
#include "ra/access_i.h"

#include <string.h>

/* ---- how many ---- */

/* Room in a ring of moments for one more within a second. When the clock was set back, what lies ahead is forgotten. */
static bool has_room(const int64_t *at, unsigned next, int64_t now)
{
    return at[next] == 0 || at[next] > now || at[next] + SMKI_SECOND <= now;
}

static void take_room(int64_t *at, unsigned *next, unsigned count, int64_t now)
{
    at[*next] = now;
    *next = (*next + 1) % count;
}

/* The peer's place; a new one takes that of whom nothing was heard for longest. */
static struct refusal_peer *peer_of(struct refusals *refusals, const char *name, int64_t now)
{
    struct refusal_peer *oldest = &refusals->peers[0];

    for (size_t i = 0; i < REFUSAL_PEERS; i++) {
        struct refusal_peer *peer = &refusals->peers[i];

        if (peer->heard != 0 && strcmp(peer->name, name) == 0) {
            peer->heard = now;
            return peer;
        }
        if (peer->heard < oldest->heard)
            oldest = peer;
    }
    *oldest = (struct refusal_peer){.heard = now};
    memcpy(oldest->name, name, strlen(name) + 1);
    return oldest;
}

struct refusal {
    char peer[REFUSAL_PEER_SIZE];
    uint64_t left_out; /* before this one */
    char left_out_peer[REFUSAL_PEER_SIZE];
    struct smki_audit_record record;
};

/* May this one be recorded? Then it also tells of those that were not; else it is one of them. */
static bool refusal_admit(struct refusals *refusals, struct refusal *refusal, int64_t now)
{
    struct refusal_peer *peer;
    bool admitted;

    pthread_mutex_lock(&refusals->lock);
    peer = peer_of(refusals, refusal->peer, now);
    admitted = has_room(refusals->at, refusals->next, now) && has_room(peer->pace.at, peer->pace.next, now);
    if (admitted) {
        take_room(refusals->at, &refusals->next, REFUSALS_OF_ALL, now);
        take_room(peer->pace.at, &peer->pace.next, REFUSALS_OF_PEER, now);
        refusal->left_out = refusals->left_out;
        memcpy(refusal->left_out_peer, refusals->left_out_peer, sizeof(refusal->left_out_peer));
        refusals->left_out = 0;
    } else {
        refusals->left_out++;
        memcpy(refusals->left_out_peer, refusal->peer, sizeof(refusal->peer));
    }
    pthread_mutex_unlock(&refusals->lock);
    return admitted;
}

/* It could not be recorded after all: what it would have told is still to be told. */
static void refusal_return(struct refusals *refusals, const struct refusal *refusal)
{
    pthread_mutex_lock(&refusals->lock);
    refusals->left_out += refusal->left_out + 1;
    memcpy(refusals->left_out_peer, refusal->peer, sizeof(refusal->peer));
    pthread_mutex_unlock(&refusals->lock);
}

/* ---- the record ---- */

static const char *shown(const char *peer)
{
    return peer[0] != '\0' ? peer : "unknown address";
}

/* "<peer>: <words>; 12 refusals before it were not recorded, the last of 192.0.2.7": the end is always there, the words may be cut. */
static void detail_write(struct refusal *refusal, const char *text)
{
    char *out = refusal->record.detail, end[160] = "";
    const size_t size = sizeof(refusal->record.detail);
    int room;

    if (refusal->left_out > 0)
        snprintf(end, sizeof(end), "; %llu refusal%s before it %s not recorded, the last of %s", (unsigned long long)refusal->left_out,
                 refusal->left_out == 1 ? "" : "s", refusal->left_out == 1 ? "was" : "were", shown(refusal->left_out_peer));
    room = (int)(size - 1 - strlen(end) - strlen(shown(refusal->peer)) - 2);
    snprintf(out, size, "%s: %.*s", shown(refusal->peer), room, text);
    memcpy(out + text_tidy(out), end, strlen(end) + 1);
}

/* Whose it is: what the certificate says of itself, and of one of the IKICA's what is known. */
static void holder_take(struct smki_service *service, struct refusal *refusal, struct smki_bytes certificate)
{
    struct smki_audit_record *record = &refusal->record;
    uint8_t digest[SHA256_SIZE];
    struct smki_certificate read;
    struct standing standing;

    if (certificate.size == 0 || certificate.size > SMKI_CERTIFICATE_MAX_SIZE || smki_certificate_read(&read, certificate, NULL) != 0)
        return;
    snprintf(record->actor.name, sizeof(record->actor.name), "%.*s", (int)sizeof(record->actor.name) - 1, read.subject_fields.common_name);
    text_tidy(record->actor.name);
    record->serial = read.serial;
    sha256(digest, certificate.at, certificate.size);
    if (!standing_recall(service->access, digest, &standing) || !standing.registered)
        return;
    record->party = record->actor.party = standing.identity.actor.party;
    record->subject = record->actor.credential = standing.identity.actor.credential;
}

static int refusal_change(struct store_change *change, void *argument, struct smki_error *err)
{
    struct refusal *refusal = argument;

    refusal->record.time.us = 0;
    return store_record(change, &refusal->record, err);
}

static void peer_take(struct refusal *refusal, const char *peer)
{
    snprintf(refusal->peer, sizeof(refusal->peer), "%.*s", (int)sizeof(refusal->peer) - 1, peer);
    text_tidy(refusal->peer);
}

/* It was admitted. */
static int refusal_write(struct smki_service *service, struct refusal *refusal, const char *text, struct smki_error *err)
{
    int rc;

    detail_write(refusal, text);
    if ((rc = store_change(service->store, refusal_change, refusal, err)) != 0)
        refusal_return(&service->access->refusals, refusal);
    return rc;
}

int smki_refused(struct smki_service *service, const struct smki_actor *actor, enum smki_act act, uint64_t subject, const char *peer,
                 int code, const char *text, struct smki_error *err)
{
    struct refusal refusal = {.record = {.act = act, .actor = *actor, .party = actor->party, .subject = subject, .outcome = code}};

    peer_take(&refusal, peer);
    if (!refusal_admit(&service->access->refusals, &refusal, smki_service_now(service).us))
        return 0;
    return refusal_write(service, &refusal, text, err);
}

int smki_access_refused_as(struct smki_service *service, struct smki_bytes certificate, enum smki_interface interface,
                           enum smki_network network, const char *peer, int code, const char *text, uint64_t transaction, bool *recorded,
                           struct smki_error *err)
{
    struct refusal refusal = {
        .record = {.act = SMKI_ACT_ACCESS_REFUSED, .actor = {.interface = interface, .network = network}, .outcome = code}};
    int rc;

    *recorded = false;
    peer_take(&refusal, peer);
    if (!refusal_admit(&service->access->refusals, &refusal, smki_service_now(service).us))
        return 0;
    holder_take(service, &refusal, certificate);
    if (transaction != 0)
        refusal.record.subject = transaction;
    rc = refusal_write(service, &refusal, text, err);
    *recorded = rc == 0;
    return rc;
}

int smki_access_refused(struct smki_service *service, struct smki_bytes certificate, enum smki_interface interface,
                        enum smki_network network, const char *peer, int code, const char *text, struct smki_error *err)
{
    bool recorded;

    return smki_access_refused_as(service, certificate, interface, network, peer, code, text, 0, &recorded, err);
}
