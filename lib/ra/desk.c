/* Reports to the Service Desk, of an opened home, and the webhook that tells of them. */
#include "ra/service_i.h"
#include "ra/webhook_i.h"

#include <cjson/cJSON.h>
#include <string.h>

/* CR LF and CR become \n, a tab a space: what browsers send of a text field. */
static void lines_tidy(char *text)
{
    char *to = text;

    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '\r' && at[1] == '\n')
            continue;
        *to++ = *at == '\r' ? '\n' : *at == '\t' ? ' ' : *at;
    }
    *to = '\0';
}

static struct smki_actor sign_entry(struct smki_desk_entry *entry, const struct smki_identity *identity, enum smki_interface interface,
                                    enum smki_network network, const char *peer)
{
    struct smki_actor actor = {.name = "", .interface = interface, .network = network};

    entry->peer[0] = '\0';
    if (identity != NULL)
        actor = identity->actor;
    else if (peer != NULL)
        snprintf(entry->peer, sizeof(entry->peer), "%s", peer);
    text_tidy(entry->peer);
    entry->party = actor.party;
    entry->officer = identity != NULL ? identity->officer : 0;
    entry->credential = actor.credential;
    entry->interface = identity != NULL ? actor.interface : SMKI_INTERFACE_OPERATOR;
    entry->network = actor.network;
    return actor;
}

int smki_desk_report(struct smki_service *service, const struct smki_identity *identity, enum smki_interface interface,
                     enum smki_network network, const char *peer, struct smki_desk_entry *entry, struct smki_time *retry_at,
                     struct smki_error *err)
{
    const struct smki_actor actor = sign_entry(entry, identity, interface, network, peer);
    struct smki_time unasked;

    if (strnlen(entry->text, sizeof(entry->text)) < sizeof(entry->text))
        lines_tidy(entry->text);
    entry->closed_at.us = entry->sent_at.us = 0;
    entry->attempts = 0;
    entry->failure[0] = '\0';
    return desk_add(service->store, &actor, entry, retry_at != NULL ? retry_at : &unasked, err);
}

int smki_desk_find(struct smki_service *service, uint64_t number, struct smki_desk_entry *out, struct smki_error *err)
{
    struct store_view *view;
    int rc = store_view_begin(service->store, &view, err);

    if (rc != 0)
        return rc;
    rc = desk_get(view, number, out, err);
    store_view_end(view);
    return rc;
}

int smki_desk_next(struct smki_service *service, uint64_t number, struct smki_desk_entry *out, struct smki_error *err)
{
    struct store_view *view;
    int rc = store_view_begin(service->store, &view, err);

    if (rc != 0)
        return rc;
    rc = desk_next(view, number, out, err);
    store_view_end(view);
    return rc;
}

int smki_desk_close(struct smki_service *service, const struct smki_actor *actor, uint64_t number, struct smki_error *err)
{
    return desk_close(service->store, actor, number, err);
}

int smki_desk_forget(struct smki_service *service, const struct smki_actor *actor, uint64_t *count, struct smki_error *err)
{
    uint64_t unasked;

    return desk_forget(service->store, actor, count != NULL ? count : &unasked, err);
}

/* ---- the webhook ---- */

static int entry_post(const char *url, const struct smki_desk_entry *entry, const volatile int *stop, struct smki_error *err)
{
    cJSON *object = smki_desk_json(entry);
    char *text = NULL;
    int rc;

    if (object != NULL && cJSON_AddStringToObject(object, "event", "desk-report") != NULL)
        text = cJSON_PrintUnformatted(object);
    cJSON_Delete(object);
    if (text == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    rc = webhook_post(url, text, SMKI_DESK_SEND_TIME, stop, err);
    cJSON_free(text);
    return rc;
}

/* Nothing of the store is held while the answer is waited for. */
static int entry_send(struct smki_service *service, const char *url, const struct smki_desk_entry *entry, const volatile int *stop,
                      struct smki_error *err)
{
    struct smki_error why = {0};
    int rc = entry_post(url, entry, stop, &why), noted;

    if (rc != 0 && rc != SMKI_DESK_WEBHOOK && rc != SMKI_DESK_REFUSED) /* the report was not even sent off, or it was broken off here */
        return smki_fail(err, rc, "%s", why.text);
    if ((noted = desk_note(service->store, entry->number, rc != 0 ? why.text : NULL, err)) != 0)
        return noted;
    return rc != 0 ? smki_fail(err, rc, "report %llu: %s", (unsigned long long)entry->number, why.text) : 0;
}

static int webhook_of(const struct smki_service *service, const char **url, struct smki_error *err)
{
    *url = smki_service_config(service)->desk_webhook;
    return (*url)[0] != '\0' ? 0 : smki_fail(err, SMKI_CONFIG_INVALID, "desk.webhook is not set, so there is nowhere to send reports");
}

int smki_desk_send(struct smki_service *service, uint64_t number, const volatile int *stop, struct smki_error *err)
{
    struct smki_desk_entry entry;
    const char *url;
    int rc;

    if ((rc = webhook_of(service, &url, err)) != 0 || (rc = smki_desk_find(service, number, &entry, err)) != 0)
        return rc;
    return entry.sent_at.us != 0 ? 0 : entry_send(service, url, &entry, stop, err);
}

int smki_desk_send_due(struct smki_service *service, uint64_t *sent, struct smki_error *err)
{
    struct smki_desk_entry entry = {.number = 0};
    struct smki_error why = {0};
    int rc, refused = 0;
    uint64_t count = 0;
    const char *url;

    if (sent != NULL)
        *sent = 0;
    if ((rc = webhook_of(service, &url, err)) != 0)
        return rc;
    while ((rc = smki_desk_next(service, entry.number, &entry, &why)) == 0) {
        if (entry.sent_at.us != 0 || entry.closed_at.us != 0)
            continue;
        if ((rc = entry_send(service, url, &entry, NULL, &why)) == SMKI_DESK_REFUSED && refused == 0)
            refused = smki_fail(err, rc, "%s", why.text);
        if (rc != 0 && rc != SMKI_DESK_REFUSED)
            return smki_fail(err, rc, "%s", why.text);
        count += rc == 0;
        if (sent != NULL)
            *sent = count;
    }
    return rc == SMKI_NOT_FOUND ? refused : smki_fail(err, rc, "%s", why.text);
}
