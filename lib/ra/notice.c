/* Notices of extra demand, of an opened home. */
#include "ra/service_i.h"

static int64_t notice_of(const struct smki_service *service)
{
    return smki_service_config(service)->limits.agreement_notice;
}

int smki_notice_add(struct smki_service *service, const struct smki_identity *identity, struct smki_demand_notice *notice,
                    struct smki_error *err)
{
    return demand_notice_add(service->store, &identity->actor, identity->officer, notice_of(service), notice, err);
}

int smki_notice_next(struct smki_service *service, uint64_t party, uint64_t number, struct smki_demand_notice *out, struct smki_error *err)
{
    struct store_view *view;
    int rc = store_view_begin(service->store, &view, err);

    if (rc != 0)
        return rc;
    rc = demand_notice_next(view, party, number, out, err);
    store_view_end(view);
    return rc;
}

int smki_notice_find(struct smki_service *service, uint64_t party, uint64_t number, struct smki_demand_notice *out, struct smki_error *err)
{
    struct store_view *view;
    int rc = store_view_begin(service->store, &view, err);

    if (rc != 0)
        return rc;
    rc = demand_notice_find(view, party, number, out, err);
    store_view_end(view);
    return rc;
}

int smki_notice_approve(struct smki_service *service, const struct smki_actor *actor, uint64_t number, uint64_t limit, bool short_notice,
                        struct smki_agreement *out, struct smki_error *err)
{
    struct smki_agreement agreement = {.limit = limit, .short_notice = short_notice};
    int rc = demand_notice_approve(service->store, actor, notice_of(service), number, &agreement, err);

    if (rc == 0 && out != NULL)
        *out = agreement;
    return rc;
}

int smki_notice_decline(struct smki_service *service, const struct smki_actor *actor, uint64_t number, const char *reason,
                        struct smki_error *err)
{
    return demand_notice_decline(service->store, actor, number, reason, err);
}
