/* What a Party may pick up, and finding certificates (interfaces.md 4). */
#include "ra/portal_i.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* ---- pickup ---- */

static int pickup_fill(struct smki_pickup *out, const struct store_pickup *row, const struct store_certificate *stored,
                       struct smki_error *err)
{
    struct smki_certificate certificate;
    int rc = smki_certificate_read(&certificate, stored->der, err);

    if (rc != 0)
        return rc;
    *out = (struct smki_pickup){.serial = serial_of(row->serial),
                                .ca = (enum smki_ca_name)row->ca,
                                .interface = (enum smki_interface)row->interface,
                                .key_usage = (enum smki_key_usage)(certificate.key_usage & 0xff),
                                .issued_at = row->issued_at,
                                .revoked_at = stored->revoked_at};
    if (row->ca == STORE_CA_DCA) {
        out->id = certificate.device_id;
        return 0;
    }
    out->id = certificate.subject_fields.eui;
    out->role = (uint8_t)strtoul(certificate.subject_fields.unit, NULL, 16);
    memcpy(out->subject, certificate.subject_fields.common_name, sizeof(out->subject));
    return 0;
}

#define ANY_CA UINT_MAX

/* The row alone tells whose CA's it is: what is passed over costs no certificate. */
static int pickup_next(struct store_view *view, uint64_t party, unsigned ca, struct smki_time since, struct smki_pickup *pickup,
                       struct smki_error *err)
{
    struct store_certificate stored;
    struct store_pickup row;
    uint8_t before[SMKI_SERIAL_SIZE];
    int rc;

    memset(before, 0xff, sizeof(before));
    if (pickup->serial.size == SMKI_SERIAL_SIZE)
        memcpy(before, pickup->serial.octet, sizeof(before));
    do {
        if ((rc = store_pickup_before(view, party, before, &row, err)) != 0)
            return rc;
        if (row.issued_at.us <= since.us)
            return SMKI_NOT_FOUND;
        memcpy(before, row.serial, sizeof(before));
    } while (ca != ANY_CA && (unsigned)row.ca != ca);
    if (store_certificate_get(view, row.ca, row.serial, &stored, NULL) != 0)
        return smki_fail(err, SMKI_STORE_CORRUPT, "a certificate that Party %llu may pick up is not there", (unsigned long long)party);
    return pickup_fill(pickup, &row, &stored, err);
}

static int pickup_look(struct smki_service *service, uint64_t party, unsigned ca, struct smki_pickup *pickup, struct smki_error *err)
{
    const struct smki_time since = {.us = smki_service_now(service).us - smki_service_config(service)->limits.result_retention};
    struct store_view *view;
    int rc = store_view_begin(service->store, &view, err);

    if (rc != 0)
        return rc;
    rc = pickup_next(view, party, ca, since, pickup, err);
    store_view_end(view);
    return rc;
}

int smki_pickup_next(struct smki_service *service, uint64_t party, struct smki_pickup *pickup, struct smki_error *err)
{
    return pickup_look(service, party, ANY_CA, pickup, err);
}

int smki_pickup_next_of(struct smki_service *service, uint64_t party, enum smki_ca_name ca, struct smki_pickup *pickup,
                        struct smki_error *err)
{
    return pickup_look(service, party, (unsigned)ca, pickup, err);
}

static const char *kind_word(enum smki_ca_name ca)
{
    return ca == SMKI_DCA ? "device" : "organisation";
}

struct cJSON *smki_pickup_json(const struct smki_pickup *pickup)
{
    struct smki_subject subject = {.eui = pickup->id};
    cJSON *object = cJSON_CreateObject();
    bool ok;

    snprintf(subject.unit, sizeof(subject.unit), "%02X", pickup->role);
    memcpy(subject.common_name, pickup->subject, sizeof(subject.common_name));
    ok = object != NULL && page_serial(object, "serial", &pickup->serial) && page_text(object, "kind", kind_word(pickup->ca)) &&
         (pickup->ca == SMKI_DCA ? page_id(object, "deviceId", &pickup->id) : page_organisation(object, &subject)) &&
         page_text(object, "keyUsage", smki_key_usage_word(pickup->key_usage)) &&
         page_text(object, "interface", smki_interface_word(pickup->interface)) && smki_json_time(object, "issuedAt", pickup->issued_at) &&
         smki_json_time(object, "revokedAt", pickup->revoked_at);
    return page_complete(&object, object, ok, NULL) == 0 ? object : NULL;
}

/* ---- finding ---- */

struct find {
    struct smki_service *service;
    uint64_t party; /* who asks; 0: the operator */
    smki_certificate_each_fn each;
    void *context;
    size_t count;
    bool stopped;
    struct smki_stored_certificate found;
};

/* What is not the asker's own is shown without whose it is and of which batch. */
static void find_show(struct find *find)
{
    if (find->party != 0 && find->found.party != find->party) {
        find->found.party = find->found.batch = 0;
        find->found.index = 0;
    }
    find->count++;
    find->stopped = !find->each(find->context, &find->found);
}

static bool is_public(const struct smki_stored_certificate *certificate)
{
    return certificate->ca == SMKI_DCA || certificate->ca == SMKI_OCA;
}

static int find_serial(struct find *find, const struct smki_serial *serial, struct smki_error *err)
{
    int rc = smki_service_certificate(find->service, serial, &find->found, err);

    if (rc == 0 && is_public(&find->found))
        find_show(find);
    return rc == SMKI_NOT_FOUND ? 0 : rc;
}

static int find_device(struct find *find, const struct smki_device_id *id, struct smki_error *err)
{
    struct smki_serial before = {.size = 0};
    int rc;

    while (!find->stopped && (rc = device_certificate_before(find->service, id, &before, &find->found, err)) != SMKI_NOT_FOUND) {
        if (rc != 0)
            return rc;
        find_show(find);
    }
    return 0;
}

static int organisation_before(struct find *find, const struct smki_device_id *eui, uint8_t serial[SMKI_SERIAL_SIZE],
                               struct smki_error *err)
{
    struct store_certificate stored;
    struct store_view *view;
    int rc = store_view_begin(find->service->store, &view, err);

    if (rc != 0)
        return rc;
    if ((rc = store_organisation_before(view, eui, serial, &stored, err)) == 0)
        rc = certificate_copy(&find->found, &stored, err);
    store_view_end(view);
    return rc;
}

static int find_organisation(struct find *find, const struct smki_device_id *eui, struct smki_error *err)
{
    uint8_t serial[SMKI_SERIAL_SIZE];
    int rc;

    memset(serial, 0xff, sizeof(serial));
    while (!find->stopped && (rc = organisation_before(find, eui, serial, err)) != SMKI_NOT_FOUND) {
        if (rc != 0)
            return rc;
        find_show(find);
    }
    return 0;
}

static int find_text(struct find *find, const char *text, struct smki_error *err)
{
    struct smki_device_id id;
    struct smki_serial serial;
    int rc;

    if (smki_device_id_parse(&id, text, NULL) == 0) {
        rc = find_device(find, &id, err);
        return rc != 0 || find->stopped ? rc : find_organisation(find, &id, err);
    }
    if (smki_serial_parse(&serial, text, NULL) == 0 && serial.size == SMKI_SERIAL_SIZE)
        return find_serial(find, &serial, err);
    return smki_fail(
        err, SMKI_INVALID_ARGUMENT,
        "what to look for must be a Device ID or EUI-64, written 90-B3-D5-1F-30-01-00-00 or 90b3d51f30010000, or a serial number "
        "of 32 hexadecimal digits");
}

#define FIND_TEXT_SIZE 80 /* octets with NUL: a serial with colons and room for white space */

/* Without the white space at either end. False: too long to be any of them. */
static bool trimmed(char out[FIND_TEXT_SIZE], const char *text)
{
    size_t size;

    while (isspace((unsigned char)*text))
        text++;
    for (size = strlen(text); size > 0 && isspace((unsigned char)text[size - 1]);)
        size--;
    if (size >= FIND_TEXT_SIZE)
        return false;
    memcpy(out, text, size);
    out[size] = '\0';
    return true;
}

int smki_certificate_find_as(struct smki_service *service, const struct smki_identity *identity, const char *text,
                             smki_certificate_each_fn each, void *context, size_t *count, struct smki_error *err)
{
    struct find *find;
    char wanted[FIND_TEXT_SIZE];
    int rc;

    *count = 0;
    if (!trimmed(wanted, text))
        wanted[0] = '\0';
    if ((find = calloc(1, sizeof(*find))) == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    *find = (struct find){.service = service, .party = identity->actor.party, .each = each, .context = context};
    rc = find_text(find, wanted, err);
    *count = find->count;
    free(find);
    return rc;
}

/* ---- one, for a page ---- */

#define NO_END_YEAR 9999 /* 99991231235959Z: a Device Certificate does not end (interfaces.md 7) */

static bool life_tell(cJSON *object, const struct smki_stored_certificate *stored, const struct smki_certificate *certificate)
{
    const bool ends = smki_time_to_utc(certificate->not_after).year < NO_END_YEAR;

    return smki_json_time(object, "notBefore", certificate->not_before) &&
           smki_json_time(object, "notAfter", ends ? certificate->not_after : (struct smki_time){0}) &&
           smki_json_time(object, "issuedAt", stored->issued_at) && smki_json_time(object, "revokedAt", stored->revoked_at) &&
           page_number(object, "reason", stored->reason);
}

static bool number_or_null(cJSON *object, const char *name, uint64_t value)
{
    return value != 0 ? page_number(object, name, value) : page_text(object, name, NULL);
}

static bool certificate_tell(cJSON *object, const struct smki_stored_certificate *stored, const struct smki_certificate *certificate)
{
    return page_serial(object, "serial", &certificate->serial) && page_text(object, "kind", kind_word(stored->ca)) &&
           (stored->ca == SMKI_DCA ? page_id(object, "deviceId", &certificate->device_id)
                                   : page_organisation(object, &certificate->subject_fields)) &&
           page_text(object, "keyUsage", smki_key_usage_word((enum smki_key_usage)(certificate->key_usage & 0xff))) &&
           life_tell(object, stored, certificate) && number_or_null(object, "party", stored->party) &&
           number_or_null(object, "batch", stored->batch) && page_sha256(object, "keyPrint", certificate->spki) &&
           page_sha256(object, "sha256", BYTES(stored->der, stored->size));
}

int smki_stored_certificate_json(struct cJSON **out, const struct smki_stored_certificate *certificate, struct smki_error *err)
{
    struct smki_certificate read;
    cJSON *object;
    int rc;

    *out = NULL;
    if ((rc = smki_certificate_read(&read, BYTES(certificate->der, certificate->size), err)) != 0)
        return rc;
    object = cJSON_CreateObject();
    return page_complete(out, object, object != NULL && certificate_tell(object, certificate, &read), err);
}
