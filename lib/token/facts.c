/* Which tokens are there, and what they say of themselves. */
#include "token/token_i.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_MAX 256 /* more readers than any machine has */

/* Fixed width, padded with blanks (Cryptoki 2.40 3.2): some modules pad with NUL. */
static void text_take(char *out, const CK_UTF8CHAR *at, size_t size)
{
    size_t length = strnlen((const char *)at, size);

    while (length > 0 && at[length - 1] == ' ')
        length--;
    memcpy(out, at, length);
    out[length] = '\0';
    text_tidy(out);
}

static uint64_t length_of(CK_ULONG length, uint64_t unknown)
{
    return length == CK_UNAVAILABLE_INFORMATION || length == CK_EFFECTIVELY_INFINITE ? unknown : length;
}

static void facts_fill(struct smki_token_facts *out, CK_SLOT_ID slot, const CK_TOKEN_INFO *info)
{
    const CK_FLAGS flags = info->flags;

    *out = (struct smki_token_facts){
        .slot = slot,
        .initialised = (flags & CKF_TOKEN_INITIALIZED) != 0,
        .pin_set = (flags & CKF_USER_PIN_INITIALIZED) != 0,
        .pin_count_low = (flags & CKF_USER_PIN_COUNT_LOW) != 0,
        .pin_final_try = (flags & CKF_USER_PIN_FINAL_TRY) != 0,
        .pin_locked = (flags & CKF_USER_PIN_LOCKED) != 0,
        .so_pin_count_low = (flags & CKF_SO_PIN_COUNT_LOW) != 0,
        .so_pin_final_try = (flags & CKF_SO_PIN_FINAL_TRY) != 0,
        .so_pin_locked = (flags & CKF_SO_PIN_LOCKED) != 0,
        .pin_to_be_changed = (flags & CKF_USER_PIN_TO_BE_CHANGED) != 0,
        .keypad = (flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0,
        .pin_min = length_of(info->ulMinPinLen, 0),
        .pin_max = length_of(info->ulMaxPinLen, SMKI_PIN_SIZE - 1),
    };
    text_take(out->label, info->label, sizeof(info->label));
    text_take(out->serial, info->serialNumber, sizeof(info->serialNumber));
    text_take(out->model, info->model, sizeof(info->model));
    text_take(out->manufacturer, info->manufacturerID, sizeof(info->manufacturerID));
}

/* The mark is a public object: no login is needed to see it. A token that opens no session has none that we could know of. */
static int mark_fill(struct smki_token_facts *out, struct smki_token_module *module, CK_SLOT_ID slot, CK_SESSION_HANDLE session,
                     struct smki_error *err)
{
    CK_SESSION_HANDLE own = CK_INVALID_HANDLE;
    int rc;

    if (session == CK_INVALID_HANDLE) {
        if (module->call->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &own) != CKR_OK)
            return 0;
        session = own;
    }
    rc = mark_look(module, session, &out->transport, err);
    if (own != CK_INVALID_HANDLE)
        module->call->C_CloseSession(own);
    return rc;
}

int facts_read(struct smki_token_facts *out, struct smki_token_module *module, CK_SLOT_ID slot, CK_SESSION_HANDLE session,
               struct smki_error *err)
{
    CK_TOKEN_INFO info;
    CK_RV rv = module->call->C_GetTokenInfo(slot, &info);

    if (rv != CKR_OK)
        return token_fail(err, rv, "the token in slot %lu", (unsigned long)slot);
    facts_fill(out, slot, &info);
    return out->initialised ? mark_fill(out, module, slot, session, err) : 0;
}

/* Not a store of trust; nor a card that the module cannot read (OpenSC has every card in its list), or that was taken out since the list
 * was made: it must not keep its owner from the token in another reader. */
static bool is_officers(struct smki_token_module *module, CK_SLOT_ID slot)
{
    CK_TOKEN_INFO info;
    CK_RV rv = module->call->C_GetTokenInfo(slot, &info);

    if (rv != CKR_OK)
        return rv != CKR_TOKEN_NOT_RECOGNIZED && rv != CKR_TOKEN_NOT_PRESENT && rv != CKR_DEVICE_REMOVED;
    return (info.flags & CKF_WRITE_PROTECTED) == 0 || (info.flags & (CKF_LOGIN_REQUIRED | CKF_USER_PIN_INITIALIZED)) != 0;
}

static int slots_read(struct smki_token_module *module, CK_SLOT_ID slots[SLOTS_MAX], CK_ULONG *count, struct smki_error *err)
{
    CK_ULONG known;
    CK_RV rv = module->call->C_GetSlotList(CK_TRUE, NULL, &known); /* without room: some look for readers only then (Cryptoki 2.40 5.5) */

    *count = SLOTS_MAX;
    if (rv == CKR_OK)
        rv = module->call->C_GetSlotList(CK_TRUE, slots, count);
    return rv == CKR_OK ? 0 : token_fail(err, rv, "%s: the list of its slots", module->path);
}

int smki_token_at(struct smki_token_module *module, size_t n, struct smki_token_facts *out, struct smki_error *err)
{
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG count;
    int rc;

    if ((rc = slots_read(module, slots, &count, err)) != 0)
        return rc;
    for (CK_ULONG i = 0; i < count; i++)
        if (is_officers(module, slots[i]) && n-- == 0)
            return facts_read(out, module, slots[i], CK_INVALID_HANDLE, err);
    return smki_fail(err, SMKI_NOT_FOUND, "there are no more tokens");
}

/* ---- the one that is meant ---- */

static bool is_wished(const struct smki_token_facts *facts, const struct smki_token_wish *wish)
{
    return (wish->label == NULL || strcmp(wish->label, facts->label) == 0) &&
           (wish->serial == NULL || strcmp(wish->serial, facts->serial) == 0) && (wish->slot == NULL || *wish->slot == facts->slot);
}

static void names_add(char *names, size_t size, const struct smki_token_facts *facts)
{
    size_t used = strlen(names);

    snprintf(names + used, size - used, "%s%s%s%s", used != 0 ? ", " : "", facts->initialised ? "\"" : "",
             facts->initialised ? facts->label : "one that is not initialised", facts->initialised ? "\"" : "");
    used = strlen(names);
    snprintf(names + used, size - used, " in slot %llu", (unsigned long long)facts->slot);
}

int smki_token_find(struct smki_token_module *module, const struct smki_token_wish *wish, struct smki_token_facts *out,
                    struct smki_error *err)
{
    char names[SMKI_ERROR_TEXT_SIZE / 2] = "", wished[SMKI_ERROR_TEXT_SIZE / 2] = "";
    struct smki_token_facts each;
    size_t found = 0;
    int rc;

    for (size_t n = 0; (rc = smki_token_at(module, n, &each, err)) == 0; n++) {
        names_add(names, sizeof(names), &each);
        if (!is_wished(&each, wish))
            continue;
        names_add(wished, sizeof(wished), &each);
        *out = each;
        found++;
    }
    if (rc != SMKI_NOT_FOUND || found == 1)
        return rc == SMKI_NOT_FOUND ? 0 : rc;
    if (found > 1)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "more than one token is meant: %s; say which by its serial number or slot", wished);
    if (names[0] == '\0')
        return smki_fail(err, SMKI_TOKEN_MISSING, "%s: no token is in", module->path);
    return smki_fail(err, SMKI_TOKEN_MISSING, "%s has no such token; it has: %s", module->path, names);
}

static bool says(const char *named, const char *is)
{
    return named[0] == '\0' || strcmp(named, is) == 0;
}

bool smki_token_is_named(const struct smki_token_facts *facts, const char *uri)
{
    struct pkcs11_uri named;

    return pkcs11_is_uri(uri) && pkcs11_uri_read(&named, uri, NULL) == 0 && says(named.token, facts->label) &&
           says(named.serial, facts->serial) && says(named.manufacturer, facts->manufacturer) && says(named.model, facts->model);
}

/* ---- as words ---- */

const char *smki_token_tries_word(const struct smki_token_facts *facts)
{
    return !facts->pin_set        ? "not set"
           : facts->pin_locked    ? "locked"
           : facts->pin_final_try ? "final try"
           : facts->pin_count_low ? "low"
                                  : "full";
}

static bool flag_add(cJSON *object, const char *name, bool value)
{
    return cJSON_AddBoolToObject(object, name, value) != NULL;
}

cJSON *smki_token_json(const struct smki_token_facts *facts)
{
    cJSON *object = cJSON_CreateObject();
    const bool whole =
        object != NULL && cJSON_AddNumberToObject(object, "slot", (double)facts->slot) != NULL &&
        cJSON_AddStringToObject(object, "label", facts->label) != NULL &&
        cJSON_AddStringToObject(object, "serial", facts->serial) != NULL &&
        cJSON_AddStringToObject(object, "model", facts->model) != NULL &&
        cJSON_AddStringToObject(object, "manufacturer", facts->manufacturer) != NULL &&
        flag_add(object, "initialised", facts->initialised) && flag_add(object, "pin_set", facts->pin_set) &&
        flag_add(object, "pin_count_low", facts->pin_count_low) && flag_add(object, "pin_final_try", facts->pin_final_try) &&
        flag_add(object, "pin_locked", facts->pin_locked) && flag_add(object, "so_pin_count_low", facts->so_pin_count_low) &&
        flag_add(object, "so_pin_final_try", facts->so_pin_final_try) && flag_add(object, "so_pin_locked", facts->so_pin_locked) &&
        flag_add(object, "pin_to_be_changed", facts->pin_to_be_changed) && flag_add(object, "transport", facts->transport) &&
        flag_add(object, "keypad", facts->keypad) && cJSON_AddNumberToObject(object, "pin_min", (double)facts->pin_min) != NULL &&
        cJSON_AddNumberToObject(object, "pin_max", (double)facts->pin_max) != NULL &&
        cJSON_AddStringToObject(object, "tries", smki_token_tries_word(facts)) != NULL;

    if (whole)
        return object;
    cJSON_Delete(object);
    return NULL;
}
