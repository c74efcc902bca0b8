/* What the files behind smki/portal.h share: members of JSON objects for pages. Each returns false when there is no memory. */
#ifndef SMKI_PORTAL_I_H
#define SMKI_PORTAL_I_H

#include "ra/service_i.h"

#include <smki/portal.h>

#include <cjson/cJSON.h>

#define NEVER_US INT64_MAX

bool page_text(cJSON *object, const char *name, const char *text);  /* null for NULL */
bool page_known(cJSON *object, const char *name, const char *text); /* null for NULL and "" */
bool page_number(cJSON *object, const char *name, uint64_t value);
bool page_bool(cJSON *object, const char *name, bool value);
bool page_id(cJSON *object, const char *name, const struct smki_device_id *id);
bool page_serial(cJSON *object, const char *name, const struct smki_serial *serial);
bool page_sha256(cJSON *object, const char *name, struct smki_bytes of);
/* "commonName", "role", "roleName", "eui64" of an organisation. */
bool page_organisation(cJSON *object, const struct smki_subject *subject);
/* Adds it, or deletes it. False also for a NULL. */
bool page_item(cJSON *object, const char *name, cJSON *item);
/* The object itself when it is complete; else deletes it and fails with NO_MEMORY. */
SMKI_MUST_USE int page_complete(cJSON **out, cJSON *object, bool complete, struct smki_error *err);

#endif
