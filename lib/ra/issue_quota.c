/* The portal's quota of Device CSRs (interfaces.md 10): counted with the grant. */
#include "ra/issue_i.h"

#include "demand/demand_i.h"
#include "registry/registry_i.h"

#include <string.h>

static bool has_quota(const struct ticket *ticket)
{
    return ticket->profile == SMKI_PROFILE_DEVICE && ticket->interface == SMKI_INTERFACE_PORTAL_DEVICE;
}

/* Read outside the change: agreements are documents, of which there may be many. */
int quota_ask(struct issuing *issuing, struct smki_error *err)
{
    struct store_view *view;
    int rc;

    if (!has_quota(&issuing->ticket))
        return 0;
    if ((rc = store_view_begin(issuing->service->store, &view, err)) != 0)
        return rc;
    rc = agreements_limit(&issuing->service->agreements, view, issuing->ticket.party, SMKI_RULE_PORTAL_ADHOC,
                          smki_service_now(issuing->service), &issuing->agreed, err);
    store_view_end(view);
    return rc;
}

/* A rule that is only observed leaves its mark in the log. */
static int record_observed(const struct issuing *issuing, struct store_change *change, const struct smki_verdict *verdict,
                           struct smki_error *err)
{
    struct smki_audit_record record = {
        .act = SMKI_ACT_DEMAND_OBSERVED, .actor = *issuing->actor, .party = issuing->ticket.party, .outcome = verdict->code};

    if (!verdict->flagged)
        return 0;
    snprintf(record.detail, sizeof(record.detail), "%.*s", (int)sizeof(record.detail) - 1, verdict->text);
    return store_record(change, &record, err);
}

static int quota_count(struct issuing *issuing, struct store_change *change, struct smki_window *window, struct smki_error *err)
{
    const struct smki_time now = store_change_time(change);
    struct smki_verdict *verdict = &issuing->verdict;
    int rc;

    smki_demand_portal_adhoc(verdict, &smki_service_config(issuing->service)->limits, window, issuing->agreed, now);
    if (!verdict->allowed) {
        issuing->refusal = smki_fail(&issuing->why, verdict->code, "%s", verdict->text);
        return 0;
    }
    if ((rc = smki_window_add(window, now, 1, err)) != 0 ||
        (rc = demand_window_put(change, issuing->ticket.party, SMKI_RULE_PORTAL_ADHOC, window, err)) != 0)
        return rc;
    return record_observed(issuing, change, verdict, err);
}

/* issuing->refusal, when the request would be granted but for the Party's quota. */
int quota_take(struct issuing *issuing, struct store_change *change, struct smki_error *err)
{
    struct smki_window window;
    int rc;

    if (!has_quota(&issuing->ticket) || smki_service_config(issuing->service)->limits.mode[SMKI_RULE_PORTAL_ADHOC] == SMKI_RULE_OFF)
        return 0;
    if ((rc = demand_window_get(store_change_view(change), issuing->ticket.party, SMKI_RULE_PORTAL_ADHOC, &window, err)) != 0)
        return rc;
    rc = quota_count(issuing, change, &window, err);
    smki_window_finish(&window);
    return rc;
}

/* What was granted came to nothing. Its not_before is the second in which it was counted. */
int quota_give_back(const struct ticket *ticket, struct store_change *change, struct smki_error *err)
{
    struct smki_window window;
    int rc;

    if (!has_quota(ticket))
        return 0;
    if ((rc = demand_window_get(store_change_view(change), ticket->party, SMKI_RULE_PORTAL_ADHOC, &window, err)) != 0)
        return rc;
    if (window_take_back(&window, ticket->not_before, SMKI_SECOND))
        rc = demand_window_put(change, ticket->party, SMKI_RULE_PORTAL_ADHOC, &window, err);
    smki_window_finish(&window);
    return rc;
}
