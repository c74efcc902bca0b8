/* Can a token's private keys be taken off it? taken MODULE LABEL PIN-FILE: logs in and asks for every part of every private key
 * (C_GetAttributeValue), and for the key wrapped under another (C_WrapKey); prints a line for each: "CKA_PRIVATE_EXPONENT: refused,
 * CKR_ATTRIBUTE_SENSITIVE". Ends with 0 when there is a key and nothing was given, 1 when something was. With nothing of libsmki. */
#include <p11-kit/p11-kit.h>
#include <p11-kit/pkcs11.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

static CK_FUNCTION_LIST *call;

static const struct {
    CK_ATTRIBUTE_TYPE type;
    const char *name;
} secrets[] = {
    {CKA_VALUE, "CKA_VALUE"},
    {CKA_PRIVATE_EXPONENT, "CKA_PRIVATE_EXPONENT"},
    {CKA_PRIME_1, "CKA_PRIME_1"},
    {CKA_PRIME_2, "CKA_PRIME_2"},
    {CKA_EXPONENT_1, "CKA_EXPONENT_1"},
    {CKA_EXPONENT_2, "CKA_EXPONENT_2"},
    {CKA_COEFFICIENT, "CKA_COEFFICIENT"},
};

static const char *word(CK_RV rv)
{
    static char text[32];

    if (rv == CKR_ATTRIBUTE_SENSITIVE)
        return "CKR_ATTRIBUTE_SENSITIVE";
    if (rv == CKR_ATTRIBUTE_TYPE_INVALID)
        return "CKR_ATTRIBUTE_TYPE_INVALID";
    if (rv == CKR_KEY_UNEXTRACTABLE)
        return "CKR_KEY_UNEXTRACTABLE";
    snprintf(text, sizeof(text), "0x%lX", rv);
    return text;
}

static void fail(const char *what, CK_RV rv)
{
    fprintf(stderr, "taken: %s: %s\n", what, word(rv));
    exit(2);
}

static bool is_given(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
    bool given = false;

    for (size_t i = 0; i < COUNT_OF(secrets); i++) {
        CK_BYTE room[1024] = {0};
        CK_ATTRIBUTE wanted = {secrets[i].type, room, sizeof(room)};
        CK_RV rv = call->C_GetAttributeValue(session, key, &wanted, 1);
        bool told = rv == CKR_OK && wanted.ulValueLen != CK_UNAVAILABLE_INFORMATION;

        printf("%s: %s, %s\n", secrets[i].name, told ? "GIVEN" : "refused", told ? "CKR_OK" : word(rv));
        given = given || told;
    }
    return given;
}

/* Under a session's own AES key, which its maker knows. */
static bool is_wrapped(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
    CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
    CK_ULONG length = 32, size = 4096;
    CK_ATTRIBUTE template[] = {{CKA_TOKEN, &no, sizeof(no)}, {CKA_WRAP, &yes, sizeof(yes)}, {CKA_VALUE_LEN, &length, sizeof(length)}};
    CK_MECHANISM make = {.mechanism = CKM_AES_KEY_GEN}, wrap = {.mechanism = CKM_AES_KEY_WRAP_PAD};
    CK_OBJECT_HANDLE wrapping;
    CK_BYTE room[4096];
    CK_RV rv;

    if ((rv = call->C_GenerateKey(session, &make, template, COUNT_OF(template), &wrapping)) != CKR_OK)
        fail("C_GenerateKey", rv);
    rv = call->C_WrapKey(session, &wrap, wrapping, key, room, &size);
    printf("C_WrapKey: %s, %s\n", rv == CKR_OK ? "GIVEN" : "refused", rv == CKR_OK ? "CKR_OK" : word(rv));
    return rv == CKR_OK;
}

static CK_SLOT_ID slot_of(const char *label)
{
    CK_SLOT_ID slots[64];
    CK_ULONG count = COUNT_OF(slots);
    CK_TOKEN_INFO info;
    CK_RV rv = call->C_GetSlotList(CK_TRUE, slots, &count);

    for (CK_ULONG i = 0; rv == CKR_OK && i < count; i++)
        if (call->C_GetTokenInfo(slots[i], &info) == CKR_OK && strncmp((const char *)info.label, label, strlen(label)) == 0)
            return slots[i];
    fail("no such token", rv);
    return 0;
}

static void log_in(CK_SESSION_HANDLE session, const char *path)
{
    char pin[256] = "";
    FILE *stream = fopen(path, "r");
    CK_RV rv;

    if (stream == NULL || fgets(pin, sizeof(pin), stream) == NULL)
        fail("no PIN", CKR_PIN_INVALID);
    fclose(stream);
    pin[strcspn(pin, "\n")] = '\0';
    if ((rv = call->C_Login(session, CKU_USER, (CK_UTF8CHAR *)pin, strlen(pin))) != CKR_OK)
        fail("C_Login", rv);
}

int main(int argc, char **argv)
{
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_ATTRIBUTE template = {CKA_CLASS, &class, sizeof(class)};
    CK_OBJECT_HANDLE keys[16];
    CK_SESSION_HANDLE session;
    CK_ULONG count = 0;
    bool given = false;
    CK_RV rv;

    if (argc != 4 || (call = p11_kit_module_load(argv[1], 0)) == NULL || p11_kit_module_initialize(call) != CKR_OK)
        fail("usage: taken MODULE LABEL PIN-FILE", CKR_ARGUMENTS_BAD);
    if ((rv = call->C_OpenSession(slot_of(argv[2]), CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session)) != CKR_OK)
        fail("C_OpenSession", rv);
    log_in(session, argv[3]);
    if ((rv = call->C_FindObjectsInit(session, &template, 1)) != CKR_OK ||
        (rv = call->C_FindObjects(session, keys, COUNT_OF(keys), &count)) != CKR_OK)
        fail("C_FindObjects", rv);
    call->C_FindObjectsFinal(session);
    for (CK_ULONG i = 0; i < count; i++) {
        given = is_given(session, keys[i]) || given;
        given = is_wrapped(session, keys[i]) || given;
    }
    printf("%lu private keys\n", count);
    p11_kit_module_finalize(call);
    p11_kit_module_release(call);
    return given || count == 0 ? 1 : 0;
}
