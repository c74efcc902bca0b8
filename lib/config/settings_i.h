/* A file of settings: JSON with comments. A key is a dotted path, and may be spelled whole ("night.start") or in groups ({"night":
 * {"start":
 * ...}}). The keys and their values are the owner's: the home's smki.json, a Party's client. */
#ifndef SMKI_SETTINGS_I_H
#define SMKI_SETTINGS_I_H

#include "base/base_i.h"

#include <cjson/cJSON.h>

#define SETTINGS_MAX 160 /* keys */

struct settings {
    size_t count;
    const char *(*path)(size_t index);
    /* Takes the value of a key. CONFIG_INVALID "it is ...; it must be ...": the path is put before it. */
    int (*take)(void *context, size_t index, const cJSON *value, struct smki_error *err);
    void *context;
    const char *list; /* where the keys are listed: "'smki config show'" */
};

/* CONFIG_INVALID with the file, the line or the key, and what was meant; NOT_FOUND: there is no such file. */
SMKI_MUST_USE int settings_read(const struct settings *settings, const char *path, struct smki_error *err);

/* "0.8 s", "24 h", "7 days": exact in us, or false. */
bool duration_read(int64_t *out, const cJSON *value);

#endif
