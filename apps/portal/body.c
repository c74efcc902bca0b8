/* What the pages' forms send: one flat object. */
#include "portal/portal_i.h"

#include <stddef.h>
#include <string.h>

/* A NUL, written out or as \\u0000, would end a text where its writer did not. */
static bool has_nul(struct smki_bytes body)
{
    static const char escape[] = "\\u0000";
    const uint8_t *at = body.at, *end = body.at + body.size;

    if (memchr(at, '\0', body.size) != NULL)
        return true;
    while ((at = memmem(at, (size_t)(end - at), escape, sizeof(escape) - 1)) != NULL) {
        size_t before = 0;

        while (at - before > body.at && at[-(ptrdiff_t)before - 1] == '\\')
            before++;
        if (before % 2 == 0)
            return true;
        at += 2;
    }
    return false;
}

cJSON *body_read(const struct serve_request *request, struct smki_error *err)
{
    const struct smki_bytes body = serve_body(request);
    cJSON *json = body.size != 0 && !has_nul(body) ? cJSON_ParseWithLength((const char *)body.at, body.size) : NULL;

    if (cJSON_IsObject(json))
        return json;
    cJSON_Delete(json);
    snprintf(err->text, sizeof(err->text), "the body is not a JSON object, or has U+0000 in it");
    return NULL;
}

int body_text(const cJSON *json, const char *name, char *out, size_t size, struct smki_error *err)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(json, name));

    out[0] = '\0';
    if (text == NULL)
        return 0;
    if (snprintf(out, size, "%s", text) < (int)size)
        return 0;
    snprintf(err->text, sizeof(err->text), "%s: longer than the %zu octets that there is room for", name, size - 1);
    return SMKI_INVALID_ARGUMENT;
}

int body_count(const cJSON *json, const char *name, uint64_t *out, struct smki_error *err)
{
    const cJSON *item = cJSON_GetObjectItem(json, name);
    const double value = cJSON_IsNumber(item) ? item->valuedouble : -1;

    if (value >= 0 && value <= 9007199254740991.0 && value == (double)(uint64_t)value) { /* what a double tells exactly */
        *out = (uint64_t)value;
        return 0;
    }
    snprintf(err->text, sizeof(err->text), "%s: not a whole number", name);
    return SMKI_INVALID_ARGUMENT;
}
