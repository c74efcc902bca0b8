/* Policy of one request: may this Party have this certificate? Asked inside the change that grants it. */
#include "ra/issue_i.h"

#include <stdlib.h>
#include <string.h>

static int role_check(const struct smki_party *party, const struct smki_csr *csr, struct smki_error *err)
{
    const unsigned role = (unsigned)strtoul(csr->subject.unit, NULL, 16);

    for (size_t i = 0; i < party->role_count; i++)
        if (party->roles[i] == role)
            return 0;
    return smki_fail(err, SMKI_ROLE_NOT_OWN, "Party %llu does not hold the Remote Party Role %s that the request names",
                     (unsigned long long)party->number, csr->subject.unit);
}

/* The EUI-64 in an organisation's request is one of the Party's, and so is the role (interfaces.md 4). */
static int organisation_decide(const struct smki_party *party, const struct smki_csr *csr, struct smki_error *err)
{
    bool own = false;

    if ((party->subscriber & SMKI_SUBSCRIBER_ORGANISATION) == 0)
        return smki_fail(err, SMKI_NOT_SUBSCRIBER, "Party %llu is not an Authorised Subscriber for Organisation Certificates",
                         (unsigned long long)party->number);
    for (size_t i = 0; i < party->eui_count && !own; i++)
        own = memcmp(&party->euis[i], &csr->subject.eui, sizeof(csr->subject.eui)) == 0;
    if (!own)
        return smki_fail(err, SMKI_EUI_NOT_OWN, NULL);
    return role_check(party, csr, err);
}

/* Without the spaces at either end. */
static struct smki_bytes trimmed(const char *text)
{
    size_t size;

    text += strspn(text, " ");
    for (size = strlen(text); size > 0 && text[size - 1] == ' ';)
        size--;
    return BYTES(text, size);
}

/* An IKI Certificate says whose it is: O is the Party's name, OU one of its roles (IDS App. G; interfaces.md 3). */
static int credential_decide(struct issuing *issuing, struct store_change *change, const struct smki_party *party, struct smki_error *err)
{
    const struct smki_bytes asked = trimmed(issuing->csr.subject.organisation), name = trimmed(party->name);
    int rc;

    if (asked.size != name.size || memcmp(asked.at, name.at, name.size) != 0)
        return smki_fail(err, SMKI_ORGANISATION_NOT_OWN,
                         "the request's O is \"%s\", the name of Party %llu is \"%s\"; they must be the same",
                         issuing->csr.subject.organisation, (unsigned long long)party->number, party->name);
    if ((rc = role_check(party, &issuing->csr, err)) != 0)
        return rc;
    issuing->credential->serial = serial_of(issuing->ticket.serial);
    return credential_admit(change, issuing->credential, err);
}

/* interfaces.md 2: the ad hoc web service is for suppliers and the DCC. */
static int adhoc_check(const struct smki_party *party, struct smki_error *err)
{
    if ((party->user_roles & (SMKI_USER_IMPORT_SUPPLIER | SMKI_USER_GAS_SUPPLIER | SMKI_USER_DCC)) != 0)
        return 0;
    return smki_fail(err, SMKI_USER_ROLE,
                     "the ad hoc web service is for import suppliers, gas suppliers and the DCC; Party %llu is none of these",
                     (unsigned long long)party->number);
}

static int device_question_ask(const struct issuing *issuing, struct store_view *view, const struct smki_party *party,
                               struct smki_error *err)
{
    const bool replaces = issuing->actor->interface == SMKI_INTERFACE_ADHOC;
    const struct store_claim claim = device_claim(&issuing->csr, issuing->ticket.serial);
    const struct device_question question = {.party = party,
                                             .csr = &issuing->csr,
                                             .claim = &claim,
                                             .config = smki_service_config(issuing->service),
                                             .replaces_only = replaces,
                                             .eligibility = !replaces};
    int rc;

    if ((party->subscriber & SMKI_SUBSCRIBER_DEVICE) == 0)
        return smki_fail(err, SMKI_NOT_SUBSCRIBER, NULL);
    if (replaces && (rc = adhoc_check(party, err)) != 0)
        return rc;
    return device_decide(view, &question, err);
}

/* Who asks may ask just now. */
static int asker_check(const struct issuing *issuing, struct store_view *view, struct smki_party *party, struct smki_error *err)
{
    int rc = party_get(view, issuing->ticket.party, party, err);

    if (rc != 0)
        return rc;
    if (party->barred)
        return smki_fail(err, SMKI_PARTY_BARRED, NULL);
    return credential_stands(view, issuing->actor->credential, err);
}

int device_request_decide(const struct issuing *issuing, struct store_view *view, struct smki_error *err)
{
    struct smki_party party;
    int rc = asker_check(issuing, view, &party, err);

    return rc != 0 ? rc : device_question_ask(issuing, view, &party, err);
}

int request_decide(struct issuing *issuing, struct store_change *change, struct smki_error *err)
{
    struct smki_party party;
    int rc;

    if (issuing->ticket.profile == SMKI_PROFILE_DEVICE)
        return device_request_decide(issuing, store_change_view(change), err);
    if ((rc = asker_check(issuing, store_change_view(change), &party, err)) != 0)
        return rc;
    return issuing->ticket.profile == SMKI_PROFILE_ORGANISATION ? organisation_decide(&party, &issuing->csr, err)
                                                                : credential_decide(issuing, change, &party, err);
}

bool is_store_failure(int code)
{
    const enum smki_status status = smki_refusal_find(code)->status;

    return status == SMKI_STATUS_CA_ERROR || smki_refusal_find(code)->http_status == 500 || code == SMKI_DISK_FULL;
}

int admission_ask(struct issuing *issuing, struct store_change *change, struct smki_error *err)
{
    const struct admission *admission = issuing->admission;
    bool goes_on = true;
    int rc = 0;

    if (admission != NULL)
        rc = admission->function(change, admission->argument, &issuing->transaction, &goes_on, err);
    issuing->ticket.number = issuing->transaction;
    issuing->ended = !goes_on;
    return rc;
}
