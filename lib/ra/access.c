/* IKI authentication (IDS App. G; interfaces.md 3). A certificate's signature is verified once; what the store says of it is read again
 * whenever the store has changed; the dates are looked at each time. */
#include "ra/access_i.h"

#include "registry/registry_i.h"

#include <stdlib.h>
#include <string.h>

/* ---- what is known ---- */

int access_open(struct access **out, struct smki_error *err)
{
    struct access *access = calloc(1, sizeof(*access));

    *out = access;
    if (access == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    for (size_t i = 0; i < ACCESS_SETS; i++)
        pthread_mutex_init(&access->locks[i], NULL);
    pthread_mutex_init(&access->refusals.lock, NULL);
    pthread_mutex_init(&access->uses.lock, NULL);
    return 0;
}

void access_close(struct access *access)
{
    if (access == NULL)
        return;
    for (size_t i = 0; i < ACCESS_SETS; i++)
        pthread_mutex_destroy(&access->locks[i]);
    pthread_mutex_destroy(&access->refusals.lock);
    pthread_mutex_destroy(&access->uses.lock);
    free(access);
}

static size_t set_of(const uint8_t sha256[SHA256_SIZE])
{
    return sha256[0] % ACCESS_SETS;
}

/* Its place in its set, or else the place to put it. The set's lock is held. */
static struct standing *place_of(struct access *access, const uint8_t sha256[SHA256_SIZE])
{
    struct standing *set = access->standings[set_of(sha256)], *oldest = &set[0];

    for (size_t i = 0; i < ACCESS_WAYS; i++) {
        if (set[i].used != 0 && memcmp(set[i].sha256, sha256, SHA256_SIZE) == 0)
            return &set[i];
        if (set[i].used < oldest->used)
            oldest = &set[i];
    }
    return oldest;
}

bool standing_recall(struct access *access, const uint8_t sha256[SHA256_SIZE], struct standing *out)
{
    const size_t set = set_of(sha256);
    struct standing *place;
    bool known;

    pthread_mutex_lock(&access->locks[set]);
    place = place_of(access, sha256);
    known = place->used != 0 && memcmp(place->sha256, sha256, SHA256_SIZE) == 0;
    if (known) {
        place->used = ++access->turns[set];
        *out = *place;
    }
    pthread_mutex_unlock(&access->locks[set]);
    return known;
}

static void standing_keep(struct access *access, const struct standing *standing)
{
    const size_t set = set_of(standing->sha256);
    struct standing *place;

    pthread_mutex_lock(&access->locks[set]);
    place = place_of(access, standing->sha256);
    *place = *standing;
    place->used = ++access->turns[set];
    pthread_mutex_unlock(&access->locks[set]);
}

/* ---- by the certificate ---- */

static void name_take(char out[SMKI_ACTOR_NAME_SIZE], const struct smki_certificate *certificate)
{
    snprintf(out, SMKI_ACTOR_NAME_SIZE, "%.*s", SMKI_ACTOR_NAME_SIZE - 1, certificate->subject_fields.common_name);
    text_tidy(out);
}

/* Is it one of the IKICA's? */
static int certificate_check(struct smki_service *service, struct smki_bytes der, struct standing *out, struct smki_error *err)
{
    const struct smki_certificate *ikica;
    struct smki_certificate certificate;
    struct smki_error why = {0};
    int rc = ikica_read(service, &ikica, err);

    if (rc != 0)
        return rc;
    if (smki_certificate_read(&certificate, der, &why) != 0)
        return smki_fail(err, SMKI_IKI_FOREIGN, "what was given for an IKI Certificate is none: %s", why.text);
    name_take(out->identity.actor.name, &certificate);
    if ((rc = smki_certificate_verify(&certificate, ikica, &why)) == SMKI_NO_MEMORY)
        return smki_fail(err, rc, NULL);
    if (rc != 0)
        return smki_fail(err, SMKI_IKI_FOREIGN, "the certificate of \"%s\" was not issued by this service's IKICA: %s",
                         out->identity.actor.name, why.text);
    out->not_before = certificate.not_before;
    out->not_after = certificate.not_after;
    out->identity.expires_at = certificate.not_after;
    return 0;
}

/* ---- by the store ---- */

static int party_take(struct store_view *view, struct standing *out, struct smki_error *err)
{
    struct smki_party party;
    int rc = party_get(view, out->identity.actor.party, &party, err);

    if (rc != 0)
        return rc;
    out->barred = party.barred;
    out->gateway_only = party.gateway_only;
    out->identity.user_roles = party.user_roles;
    out->identity.subscriber = party.subscriber;
    memcpy(out->identity.party_name, party.name, sizeof(out->identity.party_name));
    return 0;
}

static int officer_take(struct store_view *view, struct standing *out, struct smki_error *err)
{
    struct smki_officer officer;
    int rc;

    out->officer = 0;
    if (out->identity.officer == 0)
        return 0;
    if ((rc = officer_get(view, out->identity.officer, &officer, err)) == 0)
        out->officer = officer.state;
    return rc;
}

static int credential_take(struct store_view *view, struct standing *out, struct smki_error *err)
{
    struct smki_credential credential;
    int rc = credential_of_certificate(view, out->sha256, &credential, err);

    out->registered = rc == 0;
    if (rc != 0)
        return rc == SMKI_NOT_FOUND ? 0 : rc;
    out->credential = credential.state;
    out->identity.officer = credential.officer;
    out->identity.actor.party = credential.party;
    out->identity.actor.credential = credential.number;
    out->identity.actor.interface = credential.interface;
    if ((rc = officer_take(view, out, err)) != 0)
        return rc;
    return party_take(view, out, err);
}

/* All of it from one state of the store, whose version it then carries. */
static int store_look(struct smki_service *service, struct standing *out, struct smki_error *err)
{
    struct store_view *view;
    int rc = store_view_begin(service->store, &view, err);

    if (rc != 0)
        return rc;
    rc = credential_take(view, out, err);
    out->version = store_view_version(view);
    store_view_end(view);
    return rc;
}

static int standing_read(struct smki_service *service, struct smki_bytes certificate, struct standing *out, struct smki_error *err)
{
    uint64_t version;
    int rc;

    sha256(out->sha256, certificate.at, certificate.size);
    if ((rc = store_version(service->store, &version, err)) != 0)
        return rc;
    if (standing_recall(service->access, out->sha256, out)) {
        if (out->version == version)
            return 0;
    } else if ((rc = certificate_check(service, certificate, out, err)) != 0) {
        return rc;
    }
    if ((rc = store_look(service, out, err)) == 0)
        standing_keep(service->access, out);
    return rc;
}

/* ---- the decision: a function of what is known, the way in, and the time ---- */

static int dates_judge(const struct standing *standing, struct smki_time now, struct smki_error *err)
{
    const bool early = now.us < standing->not_before.us;
    char when[SMKI_TIME_TEXT_SIZE];

    if (!early && now.us <= standing->not_after.us)
        return 0;
    return smki_fail(err, SMKI_IKI_DATES, "the IKI Certificate of \"%s\" %s %s", standing->identity.actor.name,
                     early ? "is not valid before" : "expired at",
                     smki_time_text_people(early ? standing->not_before : standing->not_after, when));
}

/* Barring an officer suspends his credentials too: the reason that is told is the officer's. */
static int credential_judge(const struct standing *standing, struct smki_error *err)
{
    const struct smki_actor *actor = &standing->identity.actor;
    const unsigned long long number = actor->credential;

    if (!standing->registered)
        return smki_fail(err, SMKI_IKI_UNREGISTERED,
                         "the IKICA issued the certificate of \"%s\", but no credential here is registered with it", actor->name);
    if (standing->credential == SMKI_CREDENTIAL_REVOKED)
        return smki_fail(err, SMKI_IKI_REVOKED, "credential %llu (\"%s\") of Party %llu is revoked", number, actor->name,
                         (unsigned long long)actor->party);
    if (standing->identity.officer != 0 && standing->officer != SMKI_OFFICER_VERIFIED)
        return smki_fail(err, SMKI_OFFICER_STATE, "officer %llu, who holds credential %llu (\"%s\"), is %s; only verified officers get in",
                         (unsigned long long)standing->identity.officer, number, actor->name, smki_officer_state_word(standing->officer));
    if (standing->credential != SMKI_CREDENTIAL_ACTIVE)
        return smki_fail(err, SMKI_IKI_SUSPENDED, "credential %llu (\"%s\") of Party %llu is suspended; 'smki credential resume' ends that",
                         number, actor->name, (unsigned long long)actor->party);
    return 0;
}

static int way_in_judge(const struct standing *standing, enum smki_interface interface, enum smki_network network, struct smki_error *err)
{
    const struct smki_identity *identity = &standing->identity;
    const struct smki_actor *actor = &identity->actor;

    if (actor->interface != interface)
        return smki_fail(err, SMKI_IKI_INTERFACE, "credential %llu (\"%s\") of Party %llu is for %s, not for %s",
                         (unsigned long long)actor->credential, actor->name, (unsigned long long)actor->party,
                         smki_interface_word(actor->interface), smki_interface_word(interface));
    if (standing->barred)
        return smki_fail(err, SMKI_PARTY_BARRED, "Party %llu (%s) is barred", (unsigned long long)actor->party, identity->party_name);
    if (standing->gateway_only && network == SMKI_NETWORK_INTERNET)
        return smki_fail(err, SMKI_IKI_NETWORK, "Party %llu (%s) may come by the Gateway Connection only, and came by the internet",
                         (unsigned long long)actor->party, identity->party_name);
    return 0;
}

int smki_iki_authenticate(struct smki_service *service, struct smki_bytes certificate, enum smki_interface interface,
                          enum smki_network network, struct smki_identity *out, struct smki_error *err)
{
    struct standing standing = {.version = 0};
    int rc;

    if (certificate.size == 0)
        return smki_fail(err, SMKI_IKI_MISSING, NULL);
    if (certificate.size > SMKI_CERTIFICATE_MAX_SIZE)
        return smki_fail(err, SMKI_IKI_FOREIGN, "a certificate of %zu octets is none of this service's IKICA", certificate.size);
    if ((rc = standing_read(service, certificate, &standing, err)) != 0 ||
        (rc = dates_judge(&standing, smki_service_now(service), err)) != 0 || (rc = credential_judge(&standing, err)) != 0 ||
        (rc = way_in_judge(&standing, interface, network, err)) != 0)
        return rc;
    *out = standing.identity;
    out->actor.network = network;
    return 0;
}

bool smki_access_is_refusal(int code)
{
    return (code <= SMKI_IKI_MISSING && code >= SMKI_IKI_NETWORK) || code == SMKI_PARTY_BARRED || code == SMKI_OFFICER_STATE;
}
