/* Bulletins, of an opened home. */
#include "ra/service_i.h"

#include "registry/registry_i.h"

struct bulletin_change {
    const struct smki_actor *actor;
    const struct smki_bulletin *asked;
    struct smki_bulletin made;
    uint64_t number;
};

/* May run again from the start: what was asked for stays as it is. */
static int add_change(struct store_change *change, void *argument, struct smki_error *err)
{
    struct bulletin_change *add = argument;

    add->made = *add->asked;
    return bulletin_add(change, add->actor, &add->made, err);
}

int smki_bulletin_add(struct smki_service *service, const struct smki_actor *actor, struct smki_bulletin *bulletin, struct smki_error *err)
{
    struct bulletin_change add = {.actor = actor, .asked = bulletin};
    int rc = store_change(service->store, add_change, &add, err);

    if (rc == 0)
        *bulletin = add.made;
    return rc;
}

int smki_bulletin_next(struct smki_service *service, uint64_t number, struct smki_bulletin *out, struct smki_error *err)
{
    struct store_view *view;
    int rc = store_view_begin(service->store, &view, err);

    if (rc != 0)
        return rc;
    rc = bulletin_next(view, number, out, err);
    store_view_end(view);
    return rc;
}

static int remove_change(struct store_change *change, void *argument, struct smki_error *err)
{
    const struct bulletin_change *removal = argument;

    return bulletin_remove(change, removal->actor, removal->number, err);
}

int smki_bulletin_remove(struct smki_service *service, const struct smki_actor *actor, uint64_t number, struct smki_error *err)
{
    struct bulletin_change removal = {.actor = actor, .number = number};

    return store_change(service->store, remove_change, &removal, err);
}
