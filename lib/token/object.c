/* What is on a token: entries, each what has one CKA_ID. */
#include "token/token_i.h"

#include "pki/key_i.h"

#include <cjson/cJSON.h>
#include <mbedtls/platform_util.h>
#include <string.h>

#define OBJECTS_MAX 64   /* keys and certificates that we look at: an officer's token has one or two */
#define KEY_BITS    2048 /* IDS App. G */
#define ID_SIZE     8
#define MODULUS_MAX 512 /* octets: RSA 4096 */

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

/* ---- finding and reading ---- */

int objects_find(struct smki_token_module *module, CK_SESSION_HANDLE session, CK_ATTRIBUTE *template, CK_ULONG size, CK_OBJECT_HANDLE *out,
                 CK_ULONG capacity, CK_ULONG *count, struct smki_error *err)
{
    CK_RV rv = module->call->C_FindObjectsInit(session, template, size);
    CK_ULONG found = 1;

    *count = 0;
    if (rv != CKR_OK)
        return token_fail(err, rv, "looking for what is on the token");
    for (; rv == CKR_OK && found != 0 && *count < capacity; *count += found) { /* some give fewer at a time than they have room for */
        found = 0;
        rv = module->call->C_FindObjects(session, out + *count, capacity - *count, &found);
    }
    module->call->C_FindObjectsFinal(session);
    return rv == CKR_OK ? 0 : token_fail(err, rv, "looking for what is on the token");
}

/* One attribute of at most `capacity` octets; false: it is not there, longer, or not told. */
static bool attribute(struct smki_token *token, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, void *out, size_t capacity, size_t *size)
{
    CK_ATTRIBUTE wanted = {type, out, capacity};

    if (token->module->call->C_GetAttributeValue(token->session, object, &wanted, 1) != CKR_OK ||
        wanted.ulValueLen == CK_UNAVAILABLE_INFORMATION || wanted.ulValueLen > capacity)
        return false;
    *size = wanted.ulValueLen;
    return true;
}

static bool attribute_yes(struct smki_token *token, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
    CK_BBOOL value = CK_FALSE;
    size_t size;

    return attribute(token, object, type, &value, sizeof(value), &size) && value == CK_TRUE;
}

static void label_read(struct smki_token *token, CK_OBJECT_HANDLE object, char out[SMKI_TOKEN_ENTRY_LABEL_SIZE])
{
    size_t size = 0;

    if (!attribute(token, object, CKA_LABEL, out, SMKI_TOKEN_ENTRY_LABEL_SIZE - 1, &size))
        size = 0;
    out[size] = '\0';
    text_tidy(out);
}

static int class_find(struct smki_token *token, CK_OBJECT_CLASS class, const uint8_t *id, size_t id_size, CK_OBJECT_HANDLE out[OBJECTS_MAX],
                      CK_ULONG *count, struct smki_error *err)
{
    CK_ATTRIBUTE template[] = {
        {CKA_CLASS, &class, sizeof(class)}, {CKA_TOKEN, &yes, sizeof(yes)}, {CKA_ID, (void *)(uintptr_t)id, id_size}};

    return objects_find(token->module, token->session, template, id != NULL ? 3 : 2, out, OBJECTS_MAX, count, err);
}

/* The first of this class with this ID; CK_INVALID_HANDLE: none. */
static int class_first(struct smki_token *token, CK_OBJECT_CLASS class, const struct smki_token_entry *entry, CK_OBJECT_HANDLE *out,
                       struct smki_error *err)
{
    CK_OBJECT_HANDLE handles[OBJECTS_MAX];
    CK_ULONG count;
    int rc = class_find(token, class, entry->id, entry->id_size, handles, &count, err);

    *out = rc == 0 && count != 0 ? handles[0] : CK_INVALID_HANDLE;
    return rc;
}

int entry_private(struct smki_token *token, const struct smki_token_entry *entry, CK_OBJECT_HANDLE *out, struct smki_error *err)
{
    return class_first(token, CKO_PRIVATE_KEY, entry, out, err);
}

/* ---- entries ---- */

struct id {
    uint8_t at[SMKI_TOKEN_ID_MAX_SIZE];
    size_t size;
};

static void id_add(struct id *ids, size_t *count, const struct id *id)
{
    for (size_t i = 0; i < *count; i++)
        if (ids[i].size == id->size && memcmp(ids[i].at, id->at, id->size) == 0)
            return;
    if (*count < OBJECTS_MAX)
        ids[(*count)++] = *id;
}

/* Objects without an ID belong to nothing. */
static int ids_read(struct smki_token *token, struct id ids[OBJECTS_MAX], size_t *count, struct smki_error *err)
{
    static const CK_OBJECT_CLASS classes[] = {CKO_PRIVATE_KEY, CKO_PUBLIC_KEY, CKO_CERTIFICATE};
    CK_OBJECT_HANDLE handles[OBJECTS_MAX];
    CK_ULONG found;
    struct id id;
    int rc;

    *count = 0;
    for (size_t c = 0; c < ARRAY_COUNT(classes); c++) {
        if ((rc = class_find(token, classes[c], NULL, 0, handles, &found, err)) != 0)
            return rc;
        for (CK_ULONG i = 0; i < found; i++)
            if (attribute(token, handles[i], CKA_ID, id.at, sizeof(id.at), &id.size) && id.size != 0)
                id_add(ids, count, &id);
    }
    return 0;
}

static uint64_t rsa_bits(struct smki_token *token, CK_OBJECT_HANDLE key)
{
    uint8_t modulus[MODULUS_MAX];
    size_t size, zeroes = 0;

    if (!attribute(token, key, CKA_MODULUS, modulus, sizeof(modulus), &size))
        return 0;
    while (zeroes < size && modulus[zeroes] == 0)
        zeroes++;
    return size == zeroes ? 0 : 8 * (uint64_t)(size - zeroes) - (uint64_t)(__builtin_clz(modulus[zeroes]) - 24);
}

static void private_fill(struct smki_token *token, CK_OBJECT_HANDLE key, struct smki_token_entry *out)
{
    out->has_private = true;
    out->sensitive = attribute_yes(token, key, CKA_SENSITIVE);
    out->extractable = attribute_yes(token, key, CKA_EXTRACTABLE);
    out->always_sensitive = attribute_yes(token, key, CKA_ALWAYS_SENSITIVE);
    out->never_extractable = attribute_yes(token, key, CKA_NEVER_EXTRACTABLE);
    out->sign = attribute_yes(token, key, CKA_SIGN);
    out->private_object = attribute_yes(token, key, CKA_PRIVATE);
    out->bits = rsa_bits(token, key);
    label_read(token, key, out->label);
}

static int entry_fill(struct smki_token *token, const struct id *id, struct smki_token_entry *out, struct smki_error *err)
{
    CK_OBJECT_HANDLE private, public, certificate;
    int rc;

    *out = (struct smki_token_entry){.id_size = id->size};
    memcpy(out->id, id->at, id->size);
    if ((rc = class_first(token, CKO_PRIVATE_KEY, out, &private, err)) != 0 ||
        (rc = class_first(token, CKO_PUBLIC_KEY, out, &public, err)) != 0 ||
        (rc = class_first(token, CKO_CERTIFICATE, out, &certificate, err)) != 0)
        return rc;
    if (certificate != CK_INVALID_HANDLE) {
        out->has_certificate = attribute(token, certificate, CKA_VALUE, out->certificate, sizeof(out->certificate), &out->certificate_size);
        label_read(token, certificate, out->label);
    }
    if (public != CK_INVALID_HANDLE) {
        out->has_public = true;
        out->bits = rsa_bits(token, public);
        label_read(token, public, out->label);
    }
    if (private != CK_INVALID_HANDLE)
        private_fill(token, private, out);
    return 0;
}

int smki_token_entry_at(struct smki_token *token, size_t n, struct smki_token_entry *out, struct smki_error *err)
{
    struct id ids[OBJECTS_MAX];
    size_t count;
    int rc = ids_read(token, ids, &count, err);

    if (rc != 0)
        return rc;
    return n < count ? entry_fill(token, &ids[n], out, err) : smki_fail(err, SMKI_NOT_FOUND, "there is no more on the token");
}

int smki_token_entry_find(struct smki_token *token, const char *label, struct smki_token_entry *out, struct smki_error *err)
{
    struct smki_token_entry each;
    size_t found = 0;
    int rc;

    for (size_t n = 0; (rc = smki_token_entry_at(token, n, &each, err)) == 0; n++)
        if (each.has_private && (label == NULL || strcmp(label, each.label) == 0)) {
            *out = each;
            found++;
        }
    if (rc != SMKI_NOT_FOUND)
        return rc;
    if (found > 1)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "there are %zu keys%s%s%s on the token: say which by its label", found,
                         label != NULL ? " labelled \"" : "", label != NULL ? label : "", label != NULL ? "\"" : "");
    if (found == 0 && label != NULL)
        return smki_fail(err, SMKI_NOT_FOUND, "there is no key labelled \"%s\" on the token", label);
    return found == 1 ? 0 : smki_fail(err, SMKI_NOT_FOUND, "there is no key on the token; 'smki-token key' makes one");
}

int smki_token_entry_remove(struct smki_token *token, const struct smki_token_entry *entry, struct smki_error *err)
{
    static const CK_OBJECT_CLASS classes[] = {CKO_CERTIFICATE, CKO_PUBLIC_KEY, CKO_PRIVATE_KEY};
    CK_OBJECT_HANDLE handles[OBJECTS_MAX];
    CK_ULONG count;
    CK_RV rv;
    int rc;

    for (size_t c = 0; c < ARRAY_COUNT(classes); c++) {
        if ((rc = class_find(token, classes[c], entry->id, entry->id_size, handles, &count, err)) != 0)
            return rc;
        for (CK_ULONG i = 0; i < count; i++)
            if ((rv = token->module->call->C_DestroyObject(token->session, handles[i])) != CKR_OK)
                return token_fail(err, rv, "removing \"%s\" from the token", entry->label);
    }
    return 0;
}

/* ---- a key made on the token ---- */

static int generate(struct smki_token *token, const struct id *id, const char *label, struct smki_error *err)
{
    static CK_MECHANISM mechanism = {.mechanism = CKM_RSA_PKCS_KEY_PAIR_GEN};
    static const CK_ULONG bits = KEY_BITS;
    static const CK_BYTE exponent[] = {0x01, 0x00, 0x01};
    struct pkcs11_template public_half, private_half;
    CK_OBJECT_HANDLE public, private;
    CK_RV rv;

    pkcs11_private_half(&private_half, label, BYTES(id->at, id->size));
    pkcs11_public_half(&public_half, label, BYTES(id->at, id->size));
    pkcs11_add(&public_half, CKA_MODULUS_BITS, &bits, sizeof(bits));
    pkcs11_add(&public_half, CKA_PUBLIC_EXPONENT, exponent, sizeof(exponent));
    rv = token->module->call->C_GenerateKeyPair(token->session, &mechanism, public_half.at, public_half.count, private_half.at,
                                                private_half.count, &public, &private);
    return rv == CKR_OK ? 0 : token_fail(err, rv, "making an RSA key of %d bits on the token", KEY_BITS);
}

/* Whatever the attributes say: does the token give it out? */
static bool is_given_out(struct smki_token *token, const struct smki_token_entry *entry)
{
    CK_OBJECT_HANDLE key;
    uint8_t room[MODULUS_MAX];
    size_t size;
    bool given;

    if (class_first(token, CKO_PRIVATE_KEY, entry, &key, NULL) != 0 || key == CK_INVALID_HANDLE)
        return true;
    given = attribute(token, key, CKA_PRIVATE_EXPONENT, room, sizeof(room), &size) ||
            attribute(token, key, CKA_VALUE, room, sizeof(room), &size);
    mbedtls_platform_zeroize(room, sizeof(room));
    return given;
}

static int made_check(struct smki_token *token, const struct smki_token_entry *entry, struct smki_error *err)
{
    const char *wrong = !entry->has_private || !entry->has_public ? "is not there whole"
                        : entry->bits != KEY_BITS                 ? "has another size"
                        : entry->extractable || !entry->sensitive ? "can be taken off it"
                        : !entry->never_extractable               ? "was once to be taken off it"
                        : !entry->always_sensitive                ? "was not always secret"
                        : !entry->private_object                  ? "is used without a PIN"
                        : !entry->sign                            ? "does not sign"
                        : is_given_out(token, entry)              ? "is given out"
                                                                  : NULL;

    if (wrong == NULL)
        return 0;
    return smki_fail(err, SMKI_KEY_TYPE,
                     "the key that the token made %s, whatever it was asked for, and is removed again: do not use this token", wrong);
}

int smki_token_key_make(struct smki_token *token, const char *label, struct smki_token_entry *out, struct smki_error *err)
{
    struct id id = {.size = ID_SIZE};
    int rc;

    if (label[0] == '\0' || strlen(label) >= SMKI_TOKEN_ENTRY_LABEL_SIZE)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "a key's label has 1 to %d octets", SMKI_TOKEN_ENTRY_LABEL_SIZE - 1);
    if (!is_label(label))
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "a key's label is printable text in UTF-8 that ends with no blank");
    if ((rc = smki_random_system.fill(smki_random_system.context, id.at, id.size)) != 0)
        return smki_fail(err, rc, NULL);
    if ((rc = generate(token, &id, label, err)) != 0 || (rc = entry_fill(token, &id, out, err)) != 0)
        return rc;
    if ((rc = made_check(token, out, err)) != 0)
        (void)!smki_token_entry_remove(token, out, NULL);
    return rc;
}

/* ---- certificates ---- */

size_t entry_spki(struct smki_token *token, const struct smki_token_entry *entry, uint8_t *out, size_t capacity)
{
    static const CK_OBJECT_CLASS classes[] = {CKO_PUBLIC_KEY, CKO_PRIVATE_KEY};
    uint8_t modulus[MODULUS_MAX], exponent[MODULUS_MAX];
    size_t modulus_size, exponent_size;
    CK_OBJECT_HANDLE key;

    for (size_t c = 0; c < ARRAY_COUNT(classes); c++)
        if (class_first(token, classes[c], entry, &key, NULL) == 0 && key != CK_INVALID_HANDLE &&
            attribute(token, key, CKA_MODULUS, modulus, sizeof(modulus), &modulus_size) &&
            attribute(token, key, CKA_PUBLIC_EXPONENT, exponent, sizeof(exponent), &exponent_size))
            return spki_of_rsa(out, capacity, BYTES(modulus, modulus_size), BYTES(exponent, exponent_size));
    return 0;
}

static int key_of(struct smki_token *token, const struct smki_certificate *certificate, struct smki_token_entry *out,
                  struct smki_error *err)
{
    uint8_t spki[SPKI_MAX_SIZE];
    size_t keys = 0;
    int rc;

    for (size_t n = 0; (rc = smki_token_entry_at(token, n, out, err)) == 0; n++) {
        if (!out->has_private)
            continue;
        keys++;
        if (entry_spki(token, out, spki, sizeof(spki)) == certificate->spki.size &&
            memcmp(spki, certificate->spki.at, certificate->spki.size) == 0)
            return 0;
    }
    if (rc != SMKI_NOT_FOUND)
        return rc;
    return smki_fail(err, SMKI_KEY_MISMATCH,
                     "the certificate of \"%s\" is not put on the token: its private key is not there (%zu other %s)",
                     certificate->subject_fields.common_name, keys, keys == 1 ? "is" : "are");
}

/* Issuer and serial number are found by in NSS: CKA_SERIAL_NUMBER is the INTEGER with its tag (Cryptoki 2.40 4.6.3). */
static CK_RV certificate_create(struct smki_token *token, const struct smki_token_entry *entry, const struct smki_certificate *certificate)
{
    CK_OBJECT_CLASS class = CKO_CERTIFICATE;
    CK_CERTIFICATE_TYPE type = CKC_X_509;
    uint8_t serial[2 + sizeof(certificate->serial.octet)] = {0x02, certificate->serial.size};
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof(class)},
                               {CKA_CERTIFICATE_TYPE, &type, sizeof(type)},
                               {CKA_TOKEN, &yes, sizeof(yes)},
                               {CKA_PRIVATE, &no, sizeof(no)},
                               {CKA_LABEL, (void *)(uintptr_t)entry->label, strlen(entry->label)},
                               {CKA_ID, (void *)(uintptr_t)entry->id, entry->id_size},
                               {CKA_SUBJECT, (void *)(uintptr_t)certificate->subject.at, certificate->subject.size},
                               {CKA_ISSUER, (void *)(uintptr_t)certificate->issuer.at, certificate->issuer.size},
                               {CKA_SERIAL_NUMBER, serial, 2 + (size_t)certificate->serial.size},
                               {CKA_VALUE, (void *)(uintptr_t)certificate->der.at, certificate->der.size}};
    CK_OBJECT_HANDLE handle;

    memcpy(serial + 2, certificate->serial.octet, certificate->serial.size);
    return token->module->call->C_CreateObject(token->session, template, ARRAY_COUNT(template), &handle);
}

static int entry_again(struct smki_token *token, struct smki_token_entry *entry, struct smki_error *err)
{
    struct id id = {.size = entry->id_size};

    memcpy(id.at, entry->id, entry->id_size);
    return entry_fill(token, &id, entry, err);
}

/* The new one first: a token that is full keeps the old one. */
int smki_token_certificate_put(struct smki_token *token, struct smki_bytes der, struct smki_token_entry *out, struct smki_error *err)
{
    CK_OBJECT_HANDLE old[OBJECTS_MAX];
    struct smki_certificate certificate;
    struct smki_token_entry entry;
    CK_ULONG count;
    CK_RV rv;
    int rc;

    if (out == NULL)
        out = &entry;
    if ((rc = smki_certificate_read(&certificate, der, err)) != 0 || (rc = key_of(token, &certificate, out, err)) != 0 ||
        (rc = class_find(token, CKO_CERTIFICATE, out->id, out->id_size, old, &count, err)) != 0)
        return rc;
    if ((rv = certificate_create(token, out, &certificate)) != CKR_OK)
        return token_fail(err, rv, "putting the certificate on the token");
    for (CK_ULONG i = 0; i < count; i++)
        if ((rv = token->module->call->C_DestroyObject(token->session, old[i])) != CKR_OK)
            return token_fail(err, rv, "the certificate is on the token, the one it replaces cannot be removed");
    return entry_again(token, out, err);
}

/* ---- as JSON ---- */

static bool certificate_members(cJSON *object, const struct smki_token_entry *entry)
{
    char serial[2 * 20 + 1], until[SMKI_TIME_TEXT_SIZE];
    struct smki_certificate certificate;

    if (!entry->has_certificate || smki_certificate_read(&certificate, BYTES(entry->certificate, entry->certificate_size), NULL) != 0)
        return true;
    return cJSON_AddStringToObject(object, "commonName", certificate.subject_fields.common_name) != NULL &&
           cJSON_AddStringToObject(object, "serial", smki_serial_text(&certificate.serial, serial)) != NULL &&
           cJSON_AddStringToObject(object, "notAfter", smki_time_text_utc(certificate.not_after, until)) != NULL;
}

cJSON *smki_token_entry_json(const struct smki_token_entry *entry)
{
    char id[2 * SMKI_TOKEN_ID_MAX_SIZE + 1];
    cJSON *object = cJSON_CreateObject();
    const bool whole = object != NULL && cJSON_AddStringToObject(object, "id", hex_encode(id, entry->id, entry->id_size)) != NULL &&
                       cJSON_AddStringToObject(object, "label", entry->label) != NULL &&
                       cJSON_AddBoolToObject(object, "key", entry->has_private) != NULL &&
                       cJSON_AddBoolToObject(object, "certificate", entry->has_certificate) != NULL &&
                       cJSON_AddNumberToObject(object, "bits", (double)entry->bits) != NULL &&
                       cJSON_AddBoolToObject(object, "sensitive", entry->sensitive) != NULL &&
                       cJSON_AddBoolToObject(object, "extractable", entry->extractable) != NULL &&
                       cJSON_AddBoolToObject(object, "always_sensitive", entry->always_sensitive) != NULL &&
                       cJSON_AddBoolToObject(object, "never_extractable", entry->never_extractable) != NULL &&
                       cJSON_AddBoolToObject(object, "sign", entry->sign) != NULL &&
                       cJSON_AddBoolToObject(object, "private", entry->private_object) != NULL && certificate_members(object, entry);

    if (whole)
        return object;
    cJSON_Delete(object);
    return NULL;
}
