/* Certificates: found, picked up, fetched as PEM or DER. */
#include "portal/portal_i.h"

#include <smki/certificate.h>

#include <string.h>

#define FIND_MOST   200 /* certificates in one answer */
#define PICKUP_MOST 100

static bool links_add(cJSON *json, const char *serial)
{
    char path[128];

    snprintf(path, sizeof(path), "/api/certificates/%s.pem", serial);
    if (cJSON_AddStringToObject(json, "pem", path) == NULL)
        return false;
    snprintf(path, sizeof(path), "/api/certificates/%s.der", serial);
    return cJSON_AddStringToObject(json, "der", path) != NULL;
}

/* The certificate's own: of another Party's nothing is told of who asked for it. */
static bool own_add(cJSON *json, const struct serve_request *request, const struct smki_stored_certificate *certificate)
{
    const bool own = certificate->party == serve_identity(request)->actor.party;

    cJSON_DeleteItemFromObject(json, "party");
    return cJSON_AddBoolToObject(json, "own", own) != NULL;
}

/* A member of `json` under another name, too. */
static bool same_add(cJSON *json, const char *name, const char *as)
{
    return json_add(json, as, cJSON_Duplicate(cJSON_GetObjectItem(json, name), true));
}

/* "90-B3-D5-1F-30-01-00-00-<serial>.pem": what it is called in a folder of downloads. */
static bool file_add(cJSON *json, const char *serial)
{
    const char *device = cJSON_GetStringValue(cJSON_GetObjectItem(json, "deviceId"));
    const char *organisation = cJSON_GetStringValue(cJSON_GetObjectItem(json, "eui64"));
    char name[128];

    snprintf(name, sizeof(name), "%s-%s.pem", device != NULL ? device : organisation != NULL ? organisation : "certificate", serial);
    return cJSON_AddStringToObject(json, "file", name) != NULL;
}

cJSON *certificate_json(struct serve_request *request, const struct smki_stored_certificate *certificate)
{
    cJSON *json = NULL;
    const char *serial;

    if (smki_stored_certificate_json(&json, certificate, NULL) != 0)
        return NULL;
    serial = cJSON_GetStringValue(cJSON_GetObjectItem(json, "serial"));
    return json_whole(json, serial != NULL && links_add(json, serial) && file_add(json, serial) && own_add(json, request, certificate) &&
                                same_add(json, "kind", "profile") && same_add(json, "notAfter", "expiresAt") &&
                                same_add(json, "notAfterUk", "expiresAtUk"));
}

/* ---- finding ---- */

struct finding {
    struct serve_request *request;
    cJSON *array;
    size_t count;
    bool ok, more;
};

static bool finding_each(void *context, const struct smki_stored_certificate *certificate)
{
    struct finding *finding = context;

    finding->more = finding->count == FIND_MOST;
    if (finding->more)
        return false;
    finding->ok = json_push(finding->array, certificate_json(finding->request, certificate));
    finding->count++;
    return finding->ok;
}

int certificate_find_answer(struct serve_request *request, struct smki_error *err)
{
    const char *text = serve_query(request, "find", NULL);
    cJSON *json = cJSON_CreateObject();
    struct finding finding = {.request = request, .array = cJSON_AddArrayToObject(json, "certificates"), .ok = json != NULL};
    size_t count;
    int rc = smki_certificate_find_as(serve_service(request), serve_identity(request), text != NULL ? text : "", finding_each, &finding,
                                      &count, err);

    if (rc != 0) {
        cJSON_Delete(json);
        return rc;
    }
    return answer_json(request, 200, json_whole(json, finding.ok && cJSON_AddBoolToObject(json, "more", finding.more) != NULL));
}

/* ---- one, as a file ---- */

struct fetched {
    struct smki_stored_certificate certificate;
    bool found;
};

static bool fetched_each(void *context, const struct smki_stored_certificate *certificate)
{
    struct fetched *fetched = context;

    fetched->certificate = *certificate;
    fetched->found = true;
    return false;
}

/* "0a1b...": what stands before ".pem" or ".der"; NULL: neither is there. */
static const char *name_split(const char *name, char *serial, size_t size)
{
    const char *dot = strchr(name, '.');

    if (dot == NULL || (size_t)(dot - name) >= size || (strcmp(dot, ".pem") != 0 && strcmp(dot, ".der") != 0))
        return NULL;
    snprintf(serial, size, "%.*s", (int)(dot - name), name);
    return dot + 1;
}

int certificate_file_answer(struct serve_request *request, struct smki_error *err)
{
    const char *name = path_last(request);
    char text[2 * 20 + 1];
    const char *form = name_split(name, text, sizeof(text));
    struct fetched fetched = {0};
    struct smki_serial serial;
    struct smki_buffer body = {0};
    struct smki_bytes der;
    size_t count;
    int rc;

    if (form == NULL || smki_serial_parse(&serial, text, NULL) != 0 || serial.size != SMKI_SERIAL_SIZE) /* not the number of a device */
        return SMKI_NOT_FOUND;
    rc = smki_certificate_find_as(serve_service(request), serve_identity(request), text, fetched_each, &fetched, &count, err);
    if (rc != 0 && rc != SMKI_INVALID_ARGUMENT)
        return rc;
    if (!fetched.found)
        return SMKI_NOT_FOUND;
    der = (struct smki_bytes){fetched.certificate.der, fetched.certificate.size};
    rc = strcmp(form, "pem") == 0 ? smki_pem_encode(&body, "CERTIFICATE", der, err) : smki_buffer_append(&body, der.at, der.size, err);
    if (rc != 0) {
        smki_buffer_finish(&body);
        return rc;
    }
    answer_headers(request, false);
    answer_file_name(request, name);
    return serve_reply(request, 200, strcmp(form, "pem") == 0 ? "application/x-pem-file" : "application/pkix-cert", &body);
}

/* ---- pickup: of the last 30 days ---- */

/* By which way the request came is the pickup's to tell; the rest is the certificate's. */
static cJSON *pickup_json(struct serve_request *request, const struct smki_pickup *pickup, struct smki_error *err)
{
    struct smki_stored_certificate certificate;
    cJSON *json;

    if (smki_service_certificate(serve_service(request), &pickup->serial, &certificate, err) != 0)
        return NULL;
    json = certificate_json(request, &certificate);
    return json_whole(json, json != NULL && json_add_text(json, "interface", smki_interface_word(pickup->interface)));
}

/* From before the serial given: "next" is where the rest begins, if there is more. The Organisation part shows Organisation Certificates,
 * the Device part those of devices (interfaces.md 4). */
static int pickups_add(struct serve_request *request, cJSON *json, struct smki_pickup *pickup, struct smki_error *err)
{
    const enum smki_ca_name ca = portal_site_of(request)->part == PART_DEVICE ? SMKI_DCA : SMKI_OCA;
    const uint64_t party = serve_identity(request)->actor.party;
    cJSON *array = cJSON_AddArrayToObject(json, "certificates");
    char next[2 * 20 + 1] = "";
    size_t count = 0;
    bool ok = array != NULL;
    int rc = 0;

    while (ok && (rc = smki_pickup_next_of(serve_service(request), party, ca, pickup, err)) == 0 && count < PICKUP_MOST) {
        ok = json_push(array, pickup_json(request, pickup, err)) && smki_serial_text(&pickup->serial, next) != NULL;
        count++;
    }
    if (rc != 0 && rc != SMKI_NOT_FOUND)
        return rc;
    ok = ok && cJSON_AddBoolToObject(json, "more", rc == 0) != NULL && json_add_text(json, "next", rc == 0 ? next : NULL);
    return ok ? 0 : SMKI_NO_MEMORY;
}

/* The one that was seen last. */
static int before_read(const struct serve_request *request, struct smki_pickup *out, struct smki_error *err)
{
    const char *text = serve_query(request, "before", NULL);

    if (text == NULL || (smki_serial_parse(&out->serial, text, NULL) == 0 && out->serial.size == SMKI_SERIAL_SIZE))
        return 0;
    snprintf(err->text, sizeof(err->text), "before: a serial number of 32 hexadecimal digits");
    return SMKI_INVALID_ARGUMENT;
}

static int pickup_batches_add(struct serve_request *request, cJSON *json, struct smki_error *err)
{
    bool more = false;
    int rc = 0;

    if (portal_site_of(request)->part == PART_DEVICE)
        rc = batch_list(request, json, 0, true, PICKUP_MOST, &more, err);
    else if (cJSON_AddArrayToObject(json, "batches") == NULL)
        rc = SMKI_NO_MEMORY;
    return rc == 0 && cJSON_AddBoolToObject(json, "moreBatches", more) == NULL ? SMKI_NO_MEMORY : rc;
}

int pickup_answer(struct serve_request *request, struct smki_error *err)
{
    const int64_t kept = smki_service_config(serve_service(request))->limits.result_retention;
    struct smki_pickup pickup = {.serial = {.size = 0}};
    cJSON *json;
    int rc = before_read(request, &pickup, err);

    if (rc != 0)
        return rc;
    json = cJSON_CreateObject();
    if ((rc = pickups_add(request, json, &pickup, err)) != 0 || (rc = pickup_batches_add(request, json, err)) != 0) {
        cJSON_Delete(json);
        return rc;
    }
    return answer_json(request, 200, json_whole(json, json_add_number(json, "days", (uint64_t)(kept / SMKI_DAY))));
}
