/* Planned Maintenance as a service asks for it: on every request, so the notices are kept and read again only when one has changed. */
#include "ra/service_i.h"

#include "registry/registry_i.h"

#include <stdlib.h>

struct notices {
    pthread_mutex_t lock;
    uint64_t version;         /* the newest state of the store that the rest is known to hold for; 0: nothing was read */
    uint64_t stamp;           /* of the notices */
    struct smki_buffer items; /* struct smki_maintenance: those not ended by the operator's word */
};

int notices_open(struct notices **out, struct smki_error *err)
{
    struct notices *notices = calloc(1, sizeof(*notices));

    *out = notices;
    if (notices == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    pthread_mutex_init(&notices->lock, NULL);
    return 0;
}

void notices_close(struct notices *notices)
{
    if (notices == NULL)
        return;
    smki_buffer_finish(&notices->items);
    pthread_mutex_destroy(&notices->lock);
    free(notices);
}

/* By what is known; false: that is not of this version. */
static bool notices_recall(struct notices *notices, uint64_t version, struct smki_time now, struct smki_maintenance *out)
{
    const struct smki_maintenance *items;
    bool known;

    *out = (struct smki_maintenance){.number = 0};
    pthread_mutex_lock(&notices->lock);
    known = notices->version != 0 && notices->version >= version;
    items = (const struct smki_maintenance *)(const void *)notices->items.at;
    for (size_t i = 0; known && i < notices->items.size / sizeof(*items); i++)
        maintenance_pick(out, &items[i], now);
    pthread_mutex_unlock(&notices->lock);
    return known;
}

/* Takes over what a view showed, unless a newer one was taken over meanwhile. The items, or the old ones, are left in *items. */
static void notices_keep(struct notices *notices, uint64_t version, uint64_t stamp, struct smki_buffer *items)
{
    const struct smki_buffer old = notices->items;

    if (version < notices->version)
        return;
    notices->items = *items;
    *items = old;
    notices->stamp = stamp;
    notices->version = version;
}

static bool is_same(struct notices *notices, uint64_t version, uint64_t stamp)
{
    bool same;

    pthread_mutex_lock(&notices->lock);
    same = notices->version != 0 && notices->stamp == stamp;
    if (same && version > notices->version)
        notices->version = version;
    pthread_mutex_unlock(&notices->lock);
    return same;
}

static int items_read(struct store_view *view, struct smki_buffer *items, struct smki_error *err)
{
    struct smki_maintenance one = {.number = 0};
    struct smki_error why = {0};
    int rc;

    while ((rc = maintenance_next(view, one.number, &one, &why)) == 0)
        if (one.ended_at.us == 0 && (rc = smki_buffer_append(items, &one, sizeof(one), err)) != 0)
            return rc;
    return rc == SMKI_NOT_FOUND ? 0 : smki_fail(err, rc, "%s", why.text);
}

static int notices_look(struct notices *notices, struct store_view *view, struct smki_error *err)
{
    struct smki_buffer items = {0};
    uint64_t stamp;
    int rc = maintenance_stamp(view, &stamp, err);

    if (rc != 0 || is_same(notices, store_view_version(view), stamp))
        return rc;
    if ((rc = items_read(view, &items, err)) == 0) {
        pthread_mutex_lock(&notices->lock);
        notices_keep(notices, store_view_version(view), stamp, &items);
        pthread_mutex_unlock(&notices->lock);
    }
    smki_buffer_finish(&items);
    return rc;
}

int smki_maintenance_now(struct smki_service *service, struct smki_maintenance *out, struct smki_error *err)
{
    const struct smki_time now = smki_service_now(service);
    struct store_view *view;
    uint64_t version;
    int rc;

    if ((rc = store_version(service->store, &version, err)) != 0)
        return rc;
    if (!notices_recall(service->notices, version, now, out)) {
        if ((rc = store_view_begin(service->store, &view, err)) != 0)
            return rc;
        rc = notices_look(service->notices, view, err);
        store_view_end(view);
        if (rc != 0)
            return rc;
        notices_recall(service->notices, 0, now, out);
    }
    return out->number != 0 ? 0 : SMKI_NOT_FOUND;
}

int smki_maintenance_plan(struct smki_service *service, const struct smki_actor *actor, struct smki_maintenance *maintenance,
                          struct smki_error *err)
{
    return maintenance_plan(service->store, actor, maintenance, err);
}

int smki_maintenance_start(struct smki_service *service, const struct smki_actor *actor, struct smki_maintenance *maintenance,
                           struct smki_error *err)
{
    return maintenance_start(service->store, actor, maintenance, err);
}

int smki_maintenance_end(struct smki_service *service, const struct smki_actor *actor, uint64_t number, struct smki_error *err)
{
    return maintenance_end(service->store, actor, number, err);
}

int smki_maintenance_next(struct smki_service *service, uint64_t number, struct smki_maintenance *out, struct smki_error *err)
{
    struct store_view *view;
    int rc = store_view_begin(service->store, &view, err);

    if (rc != 0)
        return rc;
    rc = maintenance_next(view, number, out, err);
    store_view_end(view);
    return rc;
}
