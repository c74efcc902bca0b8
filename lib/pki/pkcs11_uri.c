/* URIs (RFC 7512), tokens that fit them, and PINs. */
#include "pki/pkcs11_i.h"

#include <p11-kit/uri.h>

#include <mbedtls/platform_util.h>

#include <stdlib.h>
#include <string.h>

#define SLOTS_MAX 256

/* ---- texts that are filled up with spaces ---- */

const char *pkcs11_text(char *out, const CK_UTF8CHAR *text, size_t size)
{
    while (size > 0 && (text[size - 1] == ' ' || text[size - 1] == '\0'))
        size--;
    memcpy(out, text, size);
    out[size] = '\0';
    text_tidy(out);
    return out;
}

/* False: it does not fit. */
static bool text_fill(CK_UTF8CHAR *out, size_t size, const char *text)
{
    const size_t length = strlen(text);

    if (length > size)
        return false;
    memset(out, ' ', size);
    memcpy(out, text, length);
    return true;
}

/* ---- URIs ---- */

bool pkcs11_is_uri(const char *text)
{
    return text != NULL && strncmp(text, PKCS11_PREFIX, sizeof(PKCS11_PREFIX) - 1) == 0;
}

/* p11-kit keeps an attribute that the URI does not have as zeroes. */
static void text_take(char *out, const CK_UTF8CHAR *text, size_t size)
{
    if (text[0] == '\0')
        out[0] = '\0';
    else
        pkcs11_text(out, text, size);
}

static bool path_take(char out[PATH_MAX], const char *text)
{
    return snprintf(out, PATH_MAX, "%s", text != NULL ? text : "") < PATH_MAX;
}

static int object_take(struct pkcs11_uri *out, P11KitUri *uri, struct smki_error *err)
{
    const CK_ATTRIBUTE *label = p11_kit_uri_get_attribute(uri, CKA_LABEL), *id = p11_kit_uri_get_attribute(uri, CKA_ID),
                       *type = p11_kit_uri_get_attribute(uri, CKA_CLASS);

    if ((label != NULL && label->ulValueLen >= sizeof(out->object)) || (id != NULL && id->ulValueLen > sizeof(out->id)))
        return smki_fail(err, SMKI_TOKEN_URI, "object has at most %d octets, id at most %d", PKCS11_LABEL_MAX - 1, PKCS11_ID_MAX);
    if (label != NULL)
        memcpy(out->object, label->pValue, label->ulValueLen);
    if (id != NULL) {
        memcpy(out->id, id->pValue, id->ulValueLen);
        out->id_size = id->ulValueLen;
    }
    if (type != NULL && type->ulValueLen == sizeof(out->type)) {
        memcpy(&out->type, type->pValue, sizeof(out->type));
        out->has_type = true;
    }
    return 0;
}

static int uri_take(struct pkcs11_uri *out, P11KitUri *uri, struct smki_error *err)
{
    const CK_TOKEN_INFO *token = p11_kit_uri_get_token_info(uri);

    if (p11_kit_uri_get_pin_value(uri) != NULL)
        return smki_fail(err, SMKI_TOKEN_URI,
                         "a PIN is never part of a URI (pin-value), where others can read it: use pin-source, a PIN file or "
                         "a credential");
    if (p11_kit_uri_any_unrecognized(uri))
        return smki_fail(err, SMKI_TOKEN_URI, "it has an attribute that RFC 7512 does not know");
    text_take(out->token, token->label, sizeof(token->label));
    text_take(out->serial, token->serialNumber, sizeof(token->serialNumber));
    text_take(out->manufacturer, token->manufacturerID, sizeof(token->manufacturerID));
    text_take(out->model, token->model, sizeof(token->model));
    if (!path_take(out->module, p11_kit_uri_get_module_path(uri)) || !path_take(out->pin_source, p11_kit_uri_get_pin_source(uri)))
        return smki_fail(err, SMKI_TOKEN_URI, "its module-path or pin-source is too long");
    return object_take(out, uri, err);
}

int pkcs11_uri_read(struct pkcs11_uri *out, const char *text, struct smki_error *err)
{
    P11KitUri *uri = p11_kit_uri_new();
    int rc;

    memset(out, 0, sizeof(*out));
    if (uri == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    if ((rc = p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, uri)) != P11_KIT_URI_OK)
        rc = smki_fail(err, SMKI_TOKEN_URI, "not a pkcs11: URI (RFC 7512), such as pkcs11:token=SMKI;object=dca: %s",
                       p11_kit_uri_message(rc));
    else
        rc = uri_take(out, uri, err);
    p11_kit_uri_free(uri);
    return rc;
}

int pkcs11_uri_complete(struct pkcs11_uri *out, const char *text, const struct smki_pkcs11 *settings, struct smki_error *err)
{
    int rc = pkcs11_uri_read(out, text, err);

    if (rc != 0) /* a PIN in it is not repeated in a log */
        return strstr(text, "pin-value") != NULL ? rc : (smki_error_prefix(err, "%s", text), rc);
    if (out->token[0] == '\0' && out->serial[0] == '\0')
        return smki_fail(err, SMKI_TOKEN_URI, "%s: it names no token (token= or serial=)", text);
    if ((out->object[0] == '\0' && out->id_size == 0) || (out->has_type && out->type != CKO_PRIVATE_KEY))
        return smki_fail(err, SMKI_TOKEN_URI, "%s: it names no private key (object= or id=; type=private)", text);
    if (out->module[0] == '\0' && settings->module != NULL && !path_take(out->module, settings->module))
        return smki_fail(err, SMKI_TOO_LARGE, "the path of the PKCS#11 module is too long");
    if (out->pin_source[0] == '\0' && settings->pin_source != NULL && !path_take(out->pin_source, settings->pin_source))
        return smki_fail(err, SMKI_TOO_LARGE, "the path of the PIN file is too long");
    return 0;
}

static bool attribute_put(P11KitUri *uri, CK_ATTRIBUTE_TYPE type, const void *at, size_t size)
{
    CK_ATTRIBUTE attribute = {type, (void *)(uintptr_t)at, size};

    return size == 0 || p11_kit_uri_set_attribute(uri, &attribute) == P11_KIT_URI_OK;
}

static bool uri_put(P11KitUri *out, const struct pkcs11_uri *uri)
{
    CK_TOKEN_INFO *token = p11_kit_uri_get_token_info(out);

    if (uri->module[0] != '\0')
        p11_kit_uri_set_module_path(out, uri->module);
    if (uri->pin_source[0] != '\0')
        p11_kit_uri_set_pin_source(out, uri->pin_source);
    return (uri->token[0] == '\0' || text_fill(token->label, sizeof(token->label), uri->token)) &&
           (uri->serial[0] == '\0' || text_fill(token->serialNumber, sizeof(token->serialNumber), uri->serial)) &&
           (uri->manufacturer[0] == '\0' || text_fill(token->manufacturerID, sizeof(token->manufacturerID), uri->manufacturer)) &&
           (uri->model[0] == '\0' || text_fill(token->model, sizeof(token->model), uri->model)) &&
           attribute_put(out, CKA_LABEL, uri->object, strlen(uri->object)) && attribute_put(out, CKA_ID, uri->id, uri->id_size) &&
           attribute_put(out, CKA_CLASS, &uri->type, uri->has_type ? sizeof(uri->type) : 0);
}

int pkcs11_uri_write(char *out, size_t size, const struct pkcs11_uri *uri, struct smki_error *err)
{
    P11KitUri *kit = p11_kit_uri_new();
    char *text = NULL;
    int rc = 0;

    if (kit == NULL || !uri_put(kit, uri) || p11_kit_uri_format(kit, P11_KIT_URI_FOR_ANY, &text) != P11_KIT_URI_OK)
        rc = smki_fail(err, SMKI_NO_MEMORY, NULL);
    else if (snprintf(out, size, "%s", text) >= (int)size)
        rc = smki_fail(err, SMKI_TOO_LARGE, "the pkcs11: URI takes more than %zu characters", size - 1);
    free(text);
    p11_kit_uri_free(kit);
    return rc;
}

/* ---- tokens ---- */

static bool text_fits(const char *wanted, const CK_UTF8CHAR *text, size_t size)
{
    char room[64 + 1];

    return wanted[0] == '\0' || strcmp(pkcs11_text(room, text, size), wanted) == 0;
}

static bool token_fits(const struct pkcs11_uri *uri, const CK_TOKEN_INFO *token)
{
    return text_fits(uri->token, token->label, sizeof(token->label)) &&
           text_fits(uri->serial, token->serialNumber, sizeof(token->serialNumber)) &&
           text_fits(uri->manufacturer, token->manufacturerID, sizeof(token->manufacturerID)) &&
           text_fits(uri->model, token->model, sizeof(token->model));
}

static int refuse_tokens(const struct pkcs11_module *module, const struct pkcs11_uri *uri, size_t fitting, struct smki_error *err)
{
    const char *what = uri->serial[0] != '\0' ? "with the serial number" : "with the label",
               *word = uri->serial[0] != '\0' ? uri->serial : uri->token;

    if (fitting > 1)
        return smki_fail(err, SMKI_TOKEN_MISSING, "%s has %zu tokens %s '%s': name one by its serial number", pkcs11_module_path(module),
                         fitting, what, word);
    return smki_fail(err, SMKI_TOKEN_MISSING, "%s has no token %s '%s' just now", pkcs11_module_path(module), what, word);
}

int pkcs11_token_find(struct pkcs11_module *module, const struct pkcs11_uri *uri, CK_SLOT_ID *slot, CK_TOKEN_INFO *info,
                      struct smki_error *err)
{
    CK_FUNCTION_LIST *calls = pkcs11_calls(module);
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG count = SLOTS_MAX, refresh = 0;
    size_t fitting = 0;
    CK_RV rv;

    (void)calls->C_GetSlotList(CK_TRUE, NULL, &refresh); /* PKCS#11 2.40 C_GetSlotList: only so does a module look for new slots */
    if ((rv = calls->C_GetSlotList(CK_TRUE, slots, &count)) != CKR_OK)
        return pkcs11_fail(err, 0, rv, "%s: listing the tokens", pkcs11_module_path(module));
    for (CK_ULONG i = 0; i < count && i < SLOTS_MAX; i++) {
        CK_TOKEN_INFO token;

        if (calls->C_GetTokenInfo(slots[i], &token) != CKR_OK || (token.flags & CKF_TOKEN_INITIALIZED) == 0 || !token_fits(uri, &token))
            continue;
        fitting++;
        *slot = slots[i];
        if (info != NULL)
            *info = token;
    }
    return fitting == 1 ? 0 : refuse_tokens(module, uri, fitting, err);
}

/* ---- objects ---- */

int pkcs11_object_find(struct pkcs11_module *module, CK_SESSION_HANDLE session, CK_OBJECT_CLASS type, const struct pkcs11_uri *uri,
                       CK_OBJECT_HANDLE *out, struct smki_error *err)
{
    CK_FUNCTION_LIST *calls = pkcs11_calls(module);
    CK_ATTRIBUTE wanted[3] = {{CKA_CLASS, &type, sizeof(type)}};
    CK_OBJECT_HANDLE found[2];
    CK_ULONG count = 1, number = 0;
    CK_RV rv;

    if (uri->object[0] != '\0')
        wanted[count++] = (CK_ATTRIBUTE){CKA_LABEL, (void *)(uintptr_t)uri->object, strlen(uri->object)};
    if (uri->id_size != 0)
        wanted[count++] = (CK_ATTRIBUTE){CKA_ID, (void *)(uintptr_t)uri->id, uri->id_size};
    if ((rv = calls->C_FindObjectsInit(session, wanted, count)) == CKR_OK) {
        rv = calls->C_FindObjects(session, found, ARRAY_COUNT(found), &number);
        calls->C_FindObjectsFinal(session);
    }
    if (rv != CKR_OK)
        return pkcs11_fail(err, 0, rv, "looking for '%s' on the token", uri->object);
    if (number != 1)
        return smki_fail(err, SMKI_TOKEN_OBJECT,
                         number == 0 ? "the token '%s' has no such object: '%s'"
                                     : "the token '%s' has several objects '%s': name it by its id",
                         uri->token, uri->object);
    *out = found[0];
    return 0;
}

/* ---- PINs ---- */

static bool is_credential(const char *source)
{
    return strncmp(source, "credential:", 11) == 0;
}

static int source_path(char out[PATH_MAX], const char *source, const char *folder, struct smki_error *err)
{
    const char *name;

    if (is_credential(source)) {
        const char *credentials = getenv("CREDENTIALS_DIRECTORY");

        name = source + 11;
        if (name[0] == '\0' || strchr(name, '/') != NULL || name[0] == '.')
            return smki_fail(err, SMKI_TOKEN_PIN, "'%s': a credential is named by its name alone", source);
        if (credentials == NULL)
            return smki_fail(err, SMKI_TOKEN_PIN,
                             "the PIN is the credential '%s', and the service manager gave none (LoadCredential=%s:FILE)", name, name);
        return path_join(out, PATH_MAX, credentials, name, err);
    }
    name = strncmp(source, "file:", 5) == 0 ? source + 5 : source;
    if (name[0] == '/' && name[1] == '/' && name[2] == '/') /* file:///run/pin */
        name += 2;
    if (name[0] == '|')
        return smki_fail(err, SMKI_TOKEN_PIN, "'%s': a PIN is not taken from a command", source);
    if (name[0] == '/' || folder == NULL)
        return snprintf(out, PATH_MAX, "%s", name) < PATH_MAX ? 0 : smki_fail(err, SMKI_TOO_LARGE, "the path of the PIN file is too long");
    return path_join(out, PATH_MAX, folder, name, err);
}

int pkcs11_pin_read(struct pkcs11_pin *out, const char *source, const char *folder, struct smki_error *err)
{
    char path[PATH_MAX];
    size_t line;
    bool nul;
    int rc;

    memset(out, 0, sizeof(*out));
    if (source == NULL || source[0] == '\0')
        return smki_fail(err, SMKI_TOKEN_PIN, "no PIN was given, and no file or credential that has it");
    if ((rc = source_path(path, source, folder, err)) != 0)
        return rc;
    if ((rc = (is_credential(source) ? credential_file_read : private_file_read)(out->at, sizeof(out->at), &out->size, path, "PIN", err)) !=
        0) {
        pkcs11_pin_wipe(out);
        return smki_error_prefix(err, "%s", path), rc;
    }
    out->at[out->size] = '\0';
    line = strcspn((const char *)out->at, "\r\n");
    nul = line < out->size && out->at[line] == '\0'; /* what is behind it would be left out without a word */
    out->size = nul ? 0 : line;
    mbedtls_platform_zeroize(out->at + out->size, sizeof(out->at) - out->size);
    if (nul)
        return smki_fail(err, SMKI_TOKEN_PIN, "%s: octet %zu of its first line, which is the PIN, is NUL", path, line + 1);
    return out->size != 0 ? 0 : smki_fail(err, SMKI_TOKEN_PIN, "%s: its first line, which is the PIN, is empty", path);
}

int pkcs11_pin_ask(struct pkcs11_pin *out, const struct pkcs11_uri *uri, const struct smki_pkcs11 *settings, struct smki_error *err)
{
    const char *token = uri->token[0] != '\0' ? uri->token : uri->serial;
    char name[64];
    int size = -1;

    memset(out, 0, sizeof(*out));
    snprintf(name, sizeof(name), "the token '%s' (PIN)", token);
    if (settings->pin != NULL)
        size = settings->pin(settings->pin_context != NULL ? settings->pin_context : name, (char *)out->at, PKCS11_PIN_MAX);
    if (size <= 0 || size > PKCS11_PIN_MAX)
        return smki_fail(err, SMKI_TOKEN_PIN, "no PIN for the token '%s': name a file or a credential in pkcs11.pin_source", token);
    out->size = (size_t)size;
    return 0;
}

int pkcs11_pin_get(struct pkcs11_pin *out, const struct pkcs11_uri *uri, const struct smki_pkcs11 *settings, struct smki_error *err)
{
    if (uri->pin_source[0] == '\0')
        return pkcs11_pin_ask(out, uri, settings, err);
    return pkcs11_pin_read(out, uri->pin_source, settings->folder, err);
}

void pkcs11_pin_wipe(struct pkcs11_pin *pin)
{
    mbedtls_platform_zeroize(pin, sizeof(*pin));
}
