/* Members of JSON objects for pages. */
#include "ra/portal_i.h"

#include <smki/role.h>

#include <stdlib.h>
#include <string.h>

bool page_text(cJSON *object, const char *name, const char *text)
{
    return (text != NULL ? cJSON_AddStringToObject(object, name, text) : cJSON_AddNullToObject(object, name)) != NULL;
}

bool page_known(cJSON *object, const char *name, const char *text)
{
    return page_text(object, name, text != NULL && text[0] != '\0' ? text : NULL);
}

bool page_number(cJSON *object, const char *name, uint64_t value)
{
    return cJSON_AddNumberToObject(object, name, (double)value) != NULL;
}

bool page_bool(cJSON *object, const char *name, bool value)
{
    return cJSON_AddBoolToObject(object, name, value) != NULL;
}

bool page_id(cJSON *object, const char *name, const struct smki_device_id *id)
{
    char text[SMKI_DEVICE_ID_TEXT_SIZE];

    return page_text(object, name, smki_device_id_text(id, text));
}

bool page_serial(cJSON *object, const char *name, const struct smki_serial *serial)
{
    char text[2 * 20 + 1];

    return page_text(object, name, smki_serial_text(serial, text));
}

bool page_sha256(cJSON *object, const char *name, struct smki_bytes of)
{
    uint8_t digest[SHA256_SIZE];
    char hex[2 * SHA256_SIZE + 1];

    sha256(digest, of.at, of.size);
    return page_text(object, name, hex_encode(hex, digest, sizeof(digest)));
}

bool page_organisation(cJSON *object, const struct smki_subject *subject)
{
    const struct smki_role *role = smki_role_find((uint8_t)strtoul(subject->unit, NULL, 16));

    return page_known(object, "commonName", subject->common_name) && page_text(object, "role", subject->unit) &&
           page_text(object, "roleName", role != NULL ? role->name : NULL) && page_id(object, "eui64", &subject->eui);
}

bool page_item(cJSON *object, const char *name, cJSON *item)
{
    if (item != NULL && cJSON_AddItemToObject(object, name, item))
        return true;
    cJSON_Delete(item);
    return false;
}

int page_complete(cJSON **out, cJSON *object, bool complete, struct smki_error *err)
{
    *out = object;
    if (object != NULL && complete)
        return 0;
    cJSON_Delete(object);
    *out = NULL;
    return smki_fail(err, SMKI_NO_MEMORY, NULL);
}

/* ---- times ---- */

const char *smki_time_text_page(struct smki_time time, char out[SMKI_TIME_TEXT_PAGE_SIZE])
{
    static const char *const months[] = {"January", "February", "March",     "April",   "May",      "June",
                                         "July",    "August",   "September", "October", "November", "December"};
    const struct smki_civil uk = smki_time_to_uk(time);
    const char *zone = smki_time_is_bst(time) ? "BST" : "GMT";

    out[0] = '\0';
    if (time.us == 0)
        return out;
    if (uk.second != 0)
        snprintf(out, SMKI_TIME_TEXT_PAGE_SIZE, "%u %s %d, %02u:%02u:%02u %s", uk.day, months[(uk.month - 1) % 12], (int)uk.year, uk.hour,
                 uk.minute, uk.second, zone);
    else
        snprintf(out, SMKI_TIME_TEXT_PAGE_SIZE, "%u %s %d, %02u:%02u %s", uk.day, months[(uk.month - 1) % 12], (int)uk.year, uk.hour,
                 uk.minute, zone);
    return out;
}

bool smki_json_time(struct cJSON *object, const char *name, struct smki_time time)
{
    const bool known = time.us != 0 && time.us != NEVER_US;
    const struct smki_civil utc = smki_time_to_utc(known ? time : (struct smki_time){0});
    char text[SMKI_TIME_TEXT_SIZE], page[SMKI_TIME_TEXT_PAGE_SIZE], beside[64];

    snprintf(text, sizeof(text), "%04d-%02u-%02uT%02u:%02u:%02uZ", (int)utc.year, utc.month, utc.day, utc.hour, utc.minute, utc.second);
    snprintf(beside, sizeof(beside), "%sUk", name);
    return page_text(object, name, known ? text : NULL) && page_text(object, beside, known ? smki_time_text_page(time, page) : NULL);
}
