/* Certificates of the store: finding, revoking, CRLs, and the CAs' own for everybody. */
#include "ra/service_i.h"

#include "registry/registry_i.h"

#include <stdlib.h>
#include <string.h>

int certificate_copy(struct smki_stored_certificate *out, const struct store_certificate *stored, struct smki_error *err)
{
    if (stored->der.size > sizeof(out->der))
        return smki_fail(err, SMKI_STORE_CORRUPT, "a stored certificate has %zu octets", stored->der.size);
    out->ca = (enum smki_ca_name)stored->ca;
    memcpy(out->der, stored->der.at, stored->der.size);
    out->size = stored->der.size;
    out->party = stored->party;
    out->batch = stored->batch;
    out->index = stored->index;
    out->issued_at = stored->issued_at;
    out->revoked_at = stored->revoked_at;
    out->reason = stored->reason;
    return 0;
}

/* Ours have 16 octets exactly; any other serial is not ours. */
static int serial_octets(uint8_t out[SMKI_SERIAL_SIZE], const struct smki_serial *serial, struct smki_error *err)
{
    char text[2 * 20 + 1];

    if (serial->size != SMKI_SERIAL_SIZE)
        return smki_fail(err, SMKI_NOT_FOUND, "there is no certificate with the serial number %s", serial_shown(serial, text));
    memcpy(out, serial->octet, SMKI_SERIAL_SIZE);
    return 0;
}

int smki_service_certificate(struct smki_service *service, const struct smki_serial *serial, struct smki_stored_certificate *out,
                             struct smki_error *err)
{
    struct store_certificate stored;
    struct store_view *view;
    uint8_t octets[SMKI_SERIAL_SIZE];
    char text[2 * 20 + 1];
    int rc;

    if ((rc = serial_octets(octets, serial, err)) != 0 || (rc = store_view_begin(service->store, &view, err)) != 0)
        return rc;
    rc = store_certificate_find(view, octets, &stored, NULL);
    if (rc == 0)
        rc = certificate_copy(out, &stored, err);
    else if (rc == SMKI_NOT_FOUND)
        rc = smki_fail(err, rc, "there is no certificate with the serial number %s", serial_shown(serial, text));
    else
        rc = smki_fail(err, rc, NULL);
    store_view_end(view);
    return rc;
}

/* ---- of a device ---- */

/* Where a certificate stands among its device's: serials that were reserved ahead are used in no strict order (serial.c). */
struct device_place {
    struct smki_time issued_at; /* to the second, so that many may be equal */
    uint8_t serial[SMKI_SERIAL_SIZE];
};

struct device_search {
    struct store_view *view;
    bool upwards;
    bool bounded;             /* by `from`, which is not found again */
    struct device_place from; /* of which the nearest is sought */
    bool any;
    struct device_place nearest;
    int rc; /* the store failed */
};

static int place_compare(const struct device_place *a, const struct device_place *b)
{
    if (a->issued_at.us != b->issued_at.us)
        return a->issued_at.us < b->issued_at.us ? -1 : 1;
    return memcmp(a->serial, b->serial, SMKI_SERIAL_SIZE);
}

static int place_of(struct store_view *view, const uint8_t serial[SMKI_SERIAL_SIZE], struct device_place *out)
{
    struct store_certificate stored;
    int rc = store_certificate_get(view, STORE_CA_DCA, serial, &stored, NULL);

    memcpy(out->serial, serial, SMKI_SERIAL_SIZE);
    out->issued_at = rc == 0 ? stored.issued_at : (struct smki_time){0};
    return rc;
}

/* Granted ones that are not signed yet have no certificate. */
static bool device_look(void *context, const struct store_claim *claim)
{
    struct device_search *search = context;
    const int sign = search->upwards ? 1 : -1;
    struct device_place place;
    int rc = place_of(search->view, claim->serial, &place);

    if (rc != 0) {
        search->rc = rc == SMKI_NOT_FOUND ? 0 : rc;
        return search->rc == 0;
    }
    if ((search->bounded && sign * place_compare(&place, &search->from) <= 0) ||
        (search->any && sign * place_compare(&place, &search->nearest) >= 0))
        return true;
    search->nearest = place;
    search->any = true;
    return true;
}

/* The nearest of *at ({0}: of either end), which becomes it. */
static int device_certificate(struct smki_service *service, const struct smki_device_id *id, bool upwards, struct smki_serial *at,
                              struct smki_stored_certificate *out, struct smki_error *err)
{
    struct device_search search = {.upwards = upwards, .bounded = at->size == SMKI_SERIAL_SIZE};
    struct store_certificate stored;
    size_t count;
    int rc = store_view_begin(service->store, &search.view, err);

    if (rc != 0)
        return rc;
    if (search.bounded)
        (void)!place_of(search.view, at->octet, &search.from);
    if ((rc = store_claims_of_device(search.view, id, &count, device_look, &search, err)) == 0 && search.rc != 0)
        rc = smki_fail(err, search.rc, NULL);
    else if (rc == 0 && !search.any)
        rc = SMKI_NOT_FOUND;
    if (rc == 0 && (rc = store_certificate_get(search.view, STORE_CA_DCA, search.nearest.serial, &stored, err)) == 0) {
        *at = serial_of(search.nearest.serial);
        rc = certificate_copy(out, &stored, err);
    }
    store_view_end(search.view);
    return rc;
}

int smki_service_device_certificate(struct smki_service *service, const struct smki_device_id *id, struct smki_serial *after,
                                    struct smki_stored_certificate *out, struct smki_error *err)
{
    return device_certificate(service, id, true, after, out, err);
}

int device_certificate_before(struct smki_service *service, const struct smki_device_id *id, struct smki_serial *before,
                              struct smki_stored_certificate *out, struct smki_error *err)
{
    return device_certificate(service, id, false, before, out, err);
}

int smki_service_device_count(struct smki_service *service, const struct smki_device_id *id, uint32_t *count, uint32_t *limit,
                              struct smki_error *err)
{
    struct smki_device device;
    struct store_view *view;
    size_t claims = 0;
    int rc;

    if ((rc = smki_device_find(service->store, id, &device, err)) != 0 || (rc = store_view_begin(service->store, &view, err)) != 0)
        return rc;
    rc = store_claims_of_device(view, id, &claims, NULL, NULL, err);
    store_view_end(view);
    *count = (uint32_t)claims;
    *limit = device.certificate_limit != 0 ? device.certificate_limit : smki_service_config(service)->device_certificate_limit;
    return rc;
}

/* ---- revoking ---- */

struct revocation {
    const struct smki_actor *actor;
    uint8_t serial[SMKI_SERIAL_SIZE];
    uint8_t reason;
};

/* A revoked certificate no longer makes a request for the same key a duplicate (interfaces.md 12.8). */
static int claim_release(struct store_change *change, const struct store_certificate *stored, struct smki_error *err)
{
    struct smki_certificate certificate;
    struct smki_csr subject = {0};
    struct store_claim claim;
    int rc = smki_certificate_read(&certificate, stored->der, err);

    if (rc != 0 || stored->ca != STORE_CA_DCA)
        return rc;
    memcpy(subject.point, certificate.point, sizeof(subject.point));
    subject.device_id = certificate.device_id;
    subject.key_usage = (enum smki_key_usage)(certificate.key_usage & 0xff);
    claim = device_claim(&subject, stored->serial);
    return store_claim_revoke(change, &claim, err);
}

/* Whoever holds an IKI credential gets in by its certificate: with that it ends too (interfaces.md 3). */
static int credential_end(struct store_change *change, const struct smki_actor *actor, const struct store_certificate *stored,
                          struct smki_error *err)
{
    uint8_t digest[SHA256_SIZE];

    if (stored->ca != STORE_CA_IKICA)
        return 0;
    sha256(digest, stored->der.at, stored->der.size);
    return credential_certificate_revoked(change, actor, digest, err);
}

static int revocation_change(struct store_change *change, void *argument, struct smki_error *err)
{
    const struct revocation *revocation = argument;
    struct smki_audit_record record = {
        .act = SMKI_ACT_CERTIFICATE_REVOKE, .actor = *revocation->actor, .serial = serial_of(revocation->serial)};
    struct store_certificate stored;
    int rc = store_certificate_find(store_change_view(change), revocation->serial, &stored, err);

    if (rc != 0)
        return rc == SMKI_NOT_FOUND ? smki_fail(err, rc, "there is no certificate with this serial number") : rc;
    if (stored.revoked_at.us != 0)
        return smki_fail(err, SMKI_ALREADY_EXISTS, "the certificate is revoked already");
    record.party = stored.party;
    record.subject = stored.batch;
    record.index = stored.index;
    snprintf(record.detail, sizeof(record.detail), "%s, reason %u", smki_ca_word((enum smki_ca_name)stored.ca), revocation->reason);
    if ((rc = claim_release(change, &stored, err)) != 0 || (rc = credential_end(change, revocation->actor, &stored, err)) != 0 ||
        (rc = store_certificate_revoke(change, stored.ca, revocation->serial, store_change_time(change), revocation->reason, err)) != 0)
        return rc;
    return store_record(change, &record, err);
}

int smki_service_revoke(struct smki_service *service, const struct smki_actor *actor, const struct smki_serial *serial, uint8_t reason,
                        struct smki_error *err)
{
    struct revocation revocation = {.actor = actor, .reason = reason};
    int rc;

    if (reason == 7 || reason == 8 || reason > 10) /* 8, removeFromCRL, takes one back, and is of delta CRLs */
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "%u is not a reason for a revocation (RFC 5280 5.3.1)", reason);
    if ((rc = serial_octets(revocation.serial, serial, err)) != 0)
        return rc;
    return store_change(service->store, revocation_change, &revocation, err);
}

/* ---- CRLs ---- */

static int revoked_list(struct store_view *view, enum store_ca ca, struct smki_buffer *entries, struct smki_error *err)
{
    uint8_t serial[SMKI_SERIAL_SIZE] = {0};
    struct store_certificate stored;
    int rc;

    while ((rc = store_revoked_next(view, ca, serial, &stored, err)) == 0) {
        const struct smki_crl_entry entry = {.serial = serial_of(stored.serial), .revoked_at = stored.revoked_at, .reason = stored.reason};

        if ((rc = smki_buffer_append(entries, &entry, sizeof(entry), err)) != 0)
            return rc;
    }
    return rc == SMKI_NOT_FOUND ? 0 : rc;
}

struct crl_job {
    struct smki_service *service;
    const struct smki_actor *actor;
    const struct ca_place *place;
    const struct smki_ca *ca;
    struct smki_buffer *out;
    size_t start;
};

/* Under which the store keeps a CA's newest CRL. */
static const char *crl_value(char out[32], const struct ca_place *place)
{
    snprintf(out, 32, "crl/%s", place->word);
    return out;
}

/* Signed inside its change: the list is that of one state, and its number is used once. */
static int crl_change(struct store_change *change, void *argument, struct smki_error *err)
{
    struct crl_job *job = argument;
    struct smki_audit_record record = {.act = SMKI_ACT_CRL_ISSUE, .actor = *job->actor};
    const struct smki_time now = store_change_time(change), next = {now.us + smki_service_config(job->service)->crl_validity};
    struct smki_buffer entries = {0};
    char name[32];
    size_t count;
    int rc;

    job->out->size = job->start;
    if ((rc = store_next_number(change, job->place->crl_counter, &record.subject, err)) != 0 ||
        (rc = revoked_list(store_change_view(change), (enum store_ca)job->place->name, &entries, err)) != 0)
        goto out;
    count = entries.size / sizeof(struct smki_crl_entry);
    snprintf(record.detail, sizeof(record.detail), "%s: CRL %llu with %zu entries", job->place->word, (unsigned long long)record.subject,
             count);
    if ((rc = smki_crl_make(job->out, job->ca, record.subject, now, next, (const struct smki_crl_entry *)(const void *)entries.at, count,
                            err)) == 0 &&
        (rc = store_value_put(change, crl_value(name, job->place), BYTES(job->out->at + job->start, job->out->size - job->start), err)) ==
            0)
        rc = store_record(change, &record, err);
out:
    smki_buffer_finish(&entries);
    return rc;
}

int smki_service_crl(struct smki_service *service, const struct smki_actor *actor, enum smki_ca_name name, struct smki_buffer *out,
                     struct smki_error *err)
{
    struct crl_job job = {.service = service, .actor = actor, .place = ca_place(name), .out = out, .start = out->size};
    int rc = smki_service_ca(service, name, &job.ca, err);

    /* while it is signed nobody else changes the store: not with a token that is away, or hangs */
    if (rc != 0 || (smki_key_on_token(smki_ca_key(job.ca)) && (rc = smki_key_prove(smki_ca_key(job.ca), err)) != 0))
        return rc;
    if ((rc = store_change(service->store, crl_change, &job, err)) == 0)
        key_use_stored(service, name, 1);
    return rc;
}

int smki_service_crl_current(struct smki_service *service, enum smki_ca_name name, struct smki_buffer *out, struct smki_error *err)
{
    const struct ca_place *place = ca_place(name);
    struct store_view *view;
    struct smki_bytes crl;
    char value[32];
    int rc;

    if (place == NULL)
        return smki_fail(err, SMKI_NOT_FOUND, "there is no CA number %d", (int)name);
    if ((rc = store_view_begin(service->store, &view, err)) != 0)
        return rc;
    if ((rc = store_value_get(view, crl_value(value, place), &crl, err)) == 0)
        rc = smki_buffer_append(out, crl.at, crl.size, err);
    else if (rc == SMKI_NOT_FOUND)
        rc = smki_fail(err, rc, "no CRL of %s was made yet; make one with 'smki ca crl %s'", place->word, place->word);
    store_view_end(view);
    return rc;
}

/* ---- the CAs' own ---- */

static int pem_of(struct smki_service *service, const struct ca_place *place, struct smki_buffer *out, struct smki_error *err)
{
    char name[32], path[PATH_MAX];
    int rc;

    snprintf(name, sizeof(name), "%s.pem", place->word);
    rc = home_path_in(service, path, SMKI_HOME_CA, name, err);
    return rc != 0 ? rc : file_read(out, path, SMKI_CERTIFICATE_MAX_SIZE, err);
}

static int export_one(struct smki_service *service, const struct ca_place *place, const char *folder, struct smki_error *err)
{
    struct smki_buffer pem = {0};
    char name[48], path[PATH_MAX];
    int rc;

    snprintf(name, sizeof(name), "%s.pem", place->word);
    if ((rc = pem_of(service, place, &pem, err)) != 0 || (rc = path_join(path, sizeof(path), folder, name, err)) != 0 ||
        (rc = file_write(path, (struct smki_bytes){pem.at, pem.size}, 0644, err)) != 0)
        goto out;
    if (place->kind == SMKI_CA_ROOT)
        goto out;
    if (place->issuer != place->name && (rc = pem_of(service, ca_place(place->issuer), &pem, err)) != 0)
        goto out;
    snprintf(name, sizeof(name), "%s-chain.pem", place->word);
    if ((rc = path_join(path, sizeof(path), folder, name, err)) == 0)
        rc = file_write(path, (struct smki_bytes){pem.at, pem.size}, 0644, err);
out:
    smki_buffer_finish(&pem);
    return rc;
}

int smki_service_ca_export(struct smki_service *service, const char *folder, struct smki_error *err)
{
    const struct ca_place *places;
    size_t count;
    int rc = 0;

    places = ca_places(&count);
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = export_one(service, &places[i], folder, err);
    return rc;
}
