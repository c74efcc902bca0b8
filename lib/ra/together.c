/* Requests worked off together. Their serials are reserved ahead by a write of before (serial.c). Policy is asked in a view, what it grants
 * is signed, and then one change asks policy again, which alone counts, and stores. What it does not grant after all is not given out, and
 * its serial is void on record. Only with keys whose signatures leave no trace (key_is_traceless): a power cut before the change is durable
 * then leaves nothing of the requests at all, and whoever sent them sends them again.
 *
 * What does not go smoothly is left to issue.c, one by one: a failure of the store, a key that cannot be had, a request that is the
 * duplicate of one with an open ticket, or that was refused when it was looked at and would be granted a moment later. */
#include "ra/together_i.h"

#include "pki/key_i.h"

#include <stdlib.h>
#include <string.h>

struct group {
    struct smki_service *service;
    struct together *const *requests;
    size_t count;
    struct serials more; /* reserved by the change */
};

static int known_refusal(struct together *request, int code, const struct smki_error *why)
{
    request->known = code;
    request->known_why = *why;
    request->unfit = code != 0 && is_store_failure(code); /* want of memory is no fault of the CSR */
    return code;
}

/* ---- read and verify: knows no policy ---- */

static bool is_open(const struct together *request)
{
    return !request->unfit && request->known == 0 && !request->admission_alone;
}

static void requests_read(struct group *group)
{
    const struct smki_csr *csrs[TOGETHER_MAX];
    struct together *of[TOGETHER_MAX];
    int codes[TOGETHER_MAX];
    size_t count = 0;

    for (size_t i = 0; i < group->count; i++) {
        struct together *request = group->requests[i];
        struct smki_error why = {0};

        if (!is_open(request) ||
            known_refusal(request, request_read(&request->issuing.csr, group->service, request->issuing.ticket.profile, request->der, &why),
                          &why) != 0)
            continue;
        csrs[count] = &request->issuing.csr;
        of[count++] = request;
    }
    smki_csr_verify_many(csrs, count, codes);
    for (size_t i = 0; i < count; i++) {
        struct smki_error why = {0};

        if (codes[i] != 0) /* once more and by itself: that decides, and has the words */
            known_refusal(of[i], smki_csr_verify(&of[i]->issuing.csr, &why), &why);
    }
}

/* ---- sign what policy would grant ---- */

/* Those that it would grant now. */
static int requests_look(struct group *group, struct together *granted[TOGETHER_MAX], size_t *count)
{
    struct store_view *view;
    int rc = store_view_begin(group->service->store, &view, NULL);

    *count = 0;
    if (rc != 0)
        return rc;
    for (size_t i = 0; i < group->count; i++) {
        struct together *request = group->requests[i];

        if (!is_open(request))
            continue;
        rc = device_request_decide(&request->issuing, view, NULL);
        request->unfit = rc != 0 && is_store_failure(rc);
        if (rc == 0)
            granted[(*count)++] = request;
    }
    store_view_end(view);
    return 0;
}

static int request_sign(struct together *request, const struct smki_ca *ca, struct smki_draft *draft)
{
    struct smki_service *service = request->issuing.service;
    const struct smki_serial serial = serial_of(request->issuing.ticket.serial);
    const bool proven = atomic_fetch_add(&service->signatures, 1) % smki_service_config(service)->proof_every == 0;
    int rc = smki_prepare(draft, ca, &request->issuing.csr, &serial, request->issuing.ticket.not_before, NULL);

    return rc != 0 ? rc
                   : smki_issue(request->certificate.der, &request->certificate.size, draft,
                                proven ? SMKI_PROOF_SIGNATURE : SMKI_PROOF_DIGEST, NULL);
}

static int granted_sign(struct smki_service *service, struct together *granted[TOGETHER_MAX], size_t count)
{
    const struct smki_time now = {.us = smki_service_now(service).us / SMKI_SECOND * SMKI_SECOND};
    uint8_t chance[TOGETHER_MAX][8];
    const struct smki_ca *ca;
    struct smki_draft draft;
    uint64_t half;
    int rc;

    if ((rc = smki_service_ca(service, SMKI_DCA, &ca, NULL)) != 0)
        return rc;
    if (smki_ca_key(ca) == NULL || !key_is_traceless(smki_ca_key(ca)))
        return SMKI_CA_KEY_UNAVAILABLE;
    if ((rc = serials_take(service, count, &half, NULL)) != 0 ||
        (rc = service->random.fill(service->random.context, chance, count * sizeof(chance[0]))) != 0)
        return rc;
    for (size_t i = 0; i < count; i++) {
        struct ticket *ticket = &granted[i]->issuing.ticket;

        serial_compose(ticket->serial, half + i, chance[i]);
        ticket->not_before = now;
        ticket->ca = SMKI_DCA;
        granted[i]->issuing.out = &granted[i]->certificate;
        granted[i]->is_signed = request_sign(granted[i], ca, &draft) == 0;
        granted[i]->unfit = !granted[i]->is_signed;
    }
    return 0;
}

/* ---- the one change ---- */

static int discard(const struct together *request, struct store_change *change, int code, const char *why, struct smki_error *err)
{
    return request->is_signed ? issue_record(&request->issuing, change, SMKI_ACT_CSR_VOID, code, why, err) : 0;
}

/* Policy's word now. request->again: it is not the one by which the request was signed, or left unsigned. */
static int decide_again(struct together *request, struct store_change *change, struct smki_error *err)
{
    struct issuing *issuing = &request->issuing;
    int rc = 0;

    request->again = false;
    issuing->refusal = request->known;
    issuing->why = request->known_why;
    if (!is_open(request))
        return 0;
    issuing->why = (struct smki_error){0};
    issuing->refusal = device_request_decide(issuing, store_change_view(change), &issuing->why);
    if (issuing->refusal != 0 && is_store_failure(issuing->refusal))
        return smki_fail(err, issuing->refusal, "%s", issuing->why.text);
    if (issuing->refusal == 0)
        request->again = !request->is_signed;
    if (issuing->refusal == SMKI_CSR_DUPLICATE)
        rc = twin_is_open(issuing, store_change_view(change), &request->again, err);
    return rc;
}

static int grant(struct together *request, struct store_change *change, struct smki_error *err)
{
    struct issuing *issuing = &request->issuing;
    int rc = issue_claim(issuing, change, err);

    if (rc == 0)
        rc = issue_record(issuing, change, SMKI_ACT_CSR_DECIDE, 0, "granted", err);
    return rc != 0 ? rc : issue_store(issuing, change, err);
}

static int refuse(struct together *request, struct store_change *change, struct smki_error *err)
{
    struct issuing *issuing = &request->issuing;
    int rc = issue_record(issuing, change, SMKI_ACT_CSR_DECIDE, issuing->refusal, issuing->why.text, err);

    return rc != 0 ? rc : discard(request, change, issuing->refusal, issuing->why.text, err);
}

static int request_store(struct together *request, struct store_change *change, struct smki_error *err)
{
    struct issuing *issuing = &request->issuing;
    int rc;

    if (issuing->admission != NULL) /* the number of a change that was undone is not its own any more */
        issuing->transaction = 0;
    issuing->ended = false;
    if ((rc = decide_again(request, change, err)) != 0)
        return rc;
    if (request->again) {
        issuing->ticket.number = issuing->transaction; /* 0: none yet; it gets one when it is asked for alone */
        return discard(request, change, SMKI_LEASE_LOST, "what was asked for changed while it was signed; it is decided again", err);
    }
    if ((rc = admission_ask(issuing, change, err)) != 0)
        return rc;
    if (issuing->ended)
        return discard(request, change, SMKI_LEASE_LOST, "its slot of the pace was taken while it was signed", err);
    return issuing->refusal != 0 ? refuse(request, change, err) : grant(request, change, err);
}

static int store_change_together(struct store_change *change, void *argument, struct smki_error *err)
{
    struct group *group = argument;
    int rc = 0;

    for (size_t i = 0; i < group->count && rc == 0; i++) {
        if (!group->requests[i]->unfit)
            rc = request_store(group->requests[i], change, err);
    }
    return rc != 0 ? rc : serials_more(group->service, change, &group->more, err);
}

/* ---- all together ---- */

static void begin(struct together *request)
{
    const struct issuing *issuing = &request->issuing;

    request->known = 0;
    request->is_signed = request->unfit = request->again = false;
    if (issuing->refusal != 0)
        known_refusal(request, issuing->refusal, &issuing->why);
    request->code = 0;
    request->certificate.size = 0;
}

static void end(struct together *request)
{
    struct issuing *issuing = &request->issuing;

    issuing->recorded = !request->apart;
    issuing->out = &request->certificate;
    if (request->apart || issuing->ended || issuing->refusal != 0)
        request->certificate.size = 0;
    if (!request->apart && !issuing->ended && issuing->refusal != 0)
        request->code = smki_fail(&request->err, issuing->refusal, "%s", issuing->why.text);
}

bool together_can(struct smki_service *service)
{
    const struct smki_ca *ca;

    return smki_service_ca(service, SMKI_DCA, &ca, NULL) != 0 || smki_ca_key(ca) == NULL || key_is_traceless(smki_ca_key(ca));
}

void issue_together(struct smki_service *service, struct together *const requests[], size_t count)
{
    struct group group = {.service = service, .requests = requests, .count = count};
    struct together *granted[TOGETHER_MAX];
    size_t grants = 0;
    int rc;

    if (count == 0)
        return;
    for (size_t i = 0; i < count; i++)
        begin(requests[i]);
    requests_read(&group);
    rc = requests_look(&group, granted, &grants);
    if (rc == 0 && grants > 0 && granted_sign(service, granted, grants) != 0)
        for (size_t i = 0; i < grants; i++)
            granted[i]->unfit = true;
    if (rc == 0)
        rc = store_change(service->store, store_change_together, &group, NULL);
    if (rc == 0)
        serials_put(service, &group.more);
    for (size_t i = 0; i < count; i++) {
        requests[i]->apart = rc != 0 || requests[i]->unfit || requests[i]->again;
        end(requests[i]);
    }
}
