/* What one request leaves in the store: its records, the claim on its device's key, its certificate and where that is found. */
#include "ra/issue_i.h"

#include "registry/registry_i.h"

#include <string.h>

/* ---- record ---- */

int issue_record(const struct issuing *issuing, struct store_change *change, enum smki_act act, int outcome, const char *detail,
                 struct smki_error *err)
{
    struct smki_audit_record record = {.act = act,
                                       .actor = *issuing->actor,
                                       .party = issuing->ticket.party,
                                       .subject = issuing->ticket.number,
                                       .outcome = outcome,
                                       .device_id = issuing->csr.device_id};

    if (outcome == 0 || act == SMKI_ACT_CSR_VOID)
        record.serial = serial_of(issuing->ticket.serial);
    snprintf(record.detail, sizeof(record.detail), "%s: %.*s", smki_profile_word(issuing->ticket.profile), 200, detail);
    return store_record(change, &record, err);
}

int issue_claim(const struct issuing *issuing, struct store_change *change, struct smki_error *err)
{
    struct store_claim claim;

    if (issuing->ticket.profile != SMKI_PROFILE_DEVICE)
        return 0;
    claim = device_claim(&issuing->csr, issuing->ticket.serial);
    return store_claim_add(change, &claim, err);
}

/* ---- the certificate ---- */

static int credential_register(struct issuing *issuing, struct store_change *change, struct smki_error *err)
{
    struct smki_credential *credential = issuing->credential;
    struct smki_certificate certificate;
    int rc = smki_certificate_read(&certificate, BYTES(issuing->out->der, issuing->out->size), err);

    if (rc != 0)
        return rc;
    credential->serial = certificate.serial;
    credential->issued_at = certificate.not_before;
    credential->expires_at = certificate.not_after;
    sha256(credential->sha256, certificate.der.at, certificate.der.size);
    return credential_add(change, issuing->actor, credential, err);
}

/* What the audit log's verifier holds the certificate against (smki/audit.h). */
static int record_issued(const struct issuing *issuing, struct store_change *change, struct smki_error *err)
{
    uint8_t digest[SHA256_SIZE];
    char hex[2 * SHA256_SIZE + 1], detail[sizeof("issued, sha256 ") + sizeof(hex)];

    sha256(digest, issuing->out->der, issuing->out->size);
    snprintf(detail, sizeof(detail), "issued, sha256 %s", hex_encode(hex, digest, sizeof(digest)));
    return issue_record(issuing, change, SMKI_ACT_CERTIFICATE_ISSUE, 0, detail, err);
}

/* How many rows that nobody is shown any more go when one comes: two, so that the list never grows for good. */
#define PICKUP_FORGET 2

static int pickup_forget(struct issuing *issuing, struct store_change *change, struct smki_error *err)
{
    const int64_t since = store_change_time(change).us - smki_service_config(issuing->service)->limits.result_retention;
    static const uint8_t first[SMKI_SERIAL_SIZE];
    struct store_pickup oldest;
    int rc = 0;

    for (int i = 0; i < PICKUP_FORGET && rc == 0; i++) {
        rc = store_pickup_next(store_change_view(change), issuing->ticket.party, first, &oldest, err);
        if (rc != 0 || oldest.issued_at.us > since)
            return rc == SMKI_NOT_FOUND ? 0 : rc;
        rc = store_pickup_remove(change, oldest.party, oldest.serial, err);
    }
    return rc;
}

/* So that it is found by whom it is for (interfaces.md 4: the pickup page), and an organisation's by its EUI-64. */
static int list(struct issuing *issuing, struct store_change *change, const struct store_certificate *certificate, struct smki_error *err)
{
    const struct ticket *ticket = &issuing->ticket;
    struct store_pickup pickup = {
        .party = ticket->party, .ca = certificate->ca, .interface = (uint8_t)ticket->interface, .issued_at = certificate->issued_at};
    int rc = 0;

    if (ticket->profile == SMKI_PROFILE_IKI)
        return 0;
    memcpy(pickup.serial, ticket->serial, SMKI_SERIAL_SIZE);
    if (ticket->party != 0 && ((rc = store_pickup_add(change, &pickup, err)) != 0 || (rc = pickup_forget(issuing, change, err)) != 0))
        return rc;
    return ticket->profile == SMKI_PROFILE_ORGANISATION ? store_organisation_add(change, &issuing->csr.subject.eui, ticket->serial, err)
                                                        : 0;
}

int issue_store(struct issuing *issuing, struct store_change *change, struct smki_error *err)
{
    struct store_certificate certificate = {.ca = (enum store_ca)issuing->ticket.ca,
                                            .der = BYTES(issuing->out->der, issuing->out->size),
                                            .party = issuing->ticket.party,
                                            .issued_at = issuing->ticket.not_before};
    int rc;

    memcpy(certificate.serial, issuing->ticket.serial, SMKI_SERIAL_SIZE);
    if ((rc = store_certificate_add(change, &certificate, err)) != 0 || (rc = list(issuing, change, &certificate, err)) != 0)
        return rc;
    if (issuing->ticket.profile == SMKI_PROFILE_IKI && (rc = credential_register(issuing, change, err)) != 0)
        return rc;
    return record_issued(issuing, change, err);
}
