/* What the CAs' keys have signed: for holding the log against a token's own count. A certificate or CRL is a signature that the store and
 * the log know; the others (a session's proof of its key, an answer that came after its deadline, a bench) are recorded as so many. */
#include "ra/service_i.h"

#include "pki/key_pkcs11_i.h"

#include <string.h>

/* Of a key that is not one of service->ca, or is closed before they are. */
void key_use_note(struct smki_service *service, enum smki_ca_name name, const struct smki_key *key)
{
    struct key_pkcs11_counts counts;

    key_pkcs11_counts(key, &counts);
    pthread_mutex_lock(&service->ca_lock);
    service->unseen[name] += counts.made - counts.given;
    pthread_mutex_unlock(&service->ca_lock);
}

void key_use_stored(struct smki_service *service, enum smki_ca_name name, uint64_t count)
{
    atomic_fetch_add(&service->stored[name], count);
}

struct key_use {
    const struct smki_actor *actor;
    uint64_t count[SMKI_CA_COUNT + 1];
};

static int key_use_change(struct store_change *change, void *argument, struct smki_error *err)
{
    const struct key_use *use = argument;
    int rc = 0;

    for (int name = 1; name <= SMKI_CA_COUNT && rc == 0; name++) {
        struct smki_audit_record record = {
            .act = SMKI_ACT_KEY_USE, .actor = *use->actor, .subject = use->count[name], .index = (uint32_t)name};

        if (use->count[name] == 0)
            continue;
        snprintf(record.detail, sizeof(record.detail), "%s: %llu signature%s of the key on the token that no certificate or CRL has",
                 smki_ca_word((enum smki_ca_name)name), (unsigned long long)use->count[name], use->count[name] == 1 ? "" : "s");
        rc = store_record(change, &record, err);
    }
    return rc;
}

/* The lock of the CAs is held. */
static bool use_gather(struct smki_service *service, struct key_use *use)
{
    bool any = false;

    for (int name = 1; name <= SMKI_CA_COUNT; name++) {
        const struct smki_key *key = service->ca[name] != NULL ? smki_ca_key(service->ca[name]) : NULL;
        const bool on_token = key != NULL && smki_key_on_token(key);
        const uint64_t made = on_token ? smki_key_signatures(key) : 0, stored = on_token ? atomic_load(&service->stored[name]) : 0;
        const uint64_t all = service->unseen[name] + made, known = stored + service->seen[name];

        use->count[name] = all > known ? all - known : 0;
        any = any || use->count[name] != 0;
    }
    return any;
}

int key_use_record(struct smki_service *service, const struct smki_actor *actor, struct smki_error *err)
{
    struct key_use use = {.actor = actor};
    bool any;
    int rc;

    pthread_mutex_lock(&service->ca_lock);
    if ((any = use_gather(service, &use)))
        for (int name = 1; name <= SMKI_CA_COUNT; name++)
            service->seen[name] += use.count[name];
    pthread_mutex_unlock(&service->ca_lock);
    if (!any || (rc = store_change(service->store, key_use_change, &use, err)) == 0)
        return 0;
    pthread_mutex_lock(&service->ca_lock);
    for (int name = 1; name <= SMKI_CA_COUNT; name++)
        service->seen[name] -= use.count[name];
    pthread_mutex_unlock(&service->ca_lock);
    return rc;
}

int smki_service_key_used(struct smki_service *service, const struct smki_actor *actor, enum smki_ca_name name, uint64_t signatures,
                          struct smki_error *err)
{
    struct key_use use = {.actor = actor};

    if (ca_place(name) == NULL)
        return smki_fail(err, SMKI_NOT_FOUND, "there is no CA number %d", (int)name);
    use.count[name] = signatures;
    return signatures == 0 ? 0 : store_change(service->store, key_use_change, &use, err);
}

/* ---- what the log knows ---- */

static void record_count(struct smki_signatures *out, const struct ca_place *place, const struct smki_audit_record *record)
{
    const size_t length = strlen(place->word);

    if (record->act == SMKI_ACT_KEY_USE && record->index == (uint32_t)place->name)
        out->others += record->subject;
    else if (record->act == SMKI_ACT_CRL_ISSUE && record->outcome == 0 && strncmp(record->detail, place->word, length) == 0 &&
             record->detail[length] == ':')
        out->crls++;
}

int smki_service_signatures(struct smki_service *service, enum smki_ca_name name, struct smki_signatures *out, struct smki_error *err)
{
    const struct ca_place *place = ca_place(name);
    struct smki_audit_record record;
    struct store_view *view;
    int rc;

    *out = (struct smki_signatures){0};
    if (place == NULL)
        return smki_fail(err, SMKI_NOT_FOUND, "there is no CA number %d", (int)name);
    if ((rc = store_view_begin(service->store, &view, err)) != 0)
        return rc;
    rc = store_certificate_count(view, (enum store_ca)name, &out->certificates, err);
    for (uint64_t sequence = 1; rc == 0 && (rc = store_record_get(view, sequence, &record, err)) == 0; sequence++)
        record_count(out, place, &record);
    store_view_end(view);
    return rc == SMKI_NOT_FOUND ? 0 : rc;
}
