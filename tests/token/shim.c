/* A PKCS#11 module over another one (SHIM_MODULE) that does what SoftHSM2 does not: it locks the PIN, knows of a PIN that must be changed,
 * and fails where it is told to. What it remembers between programs is in the file SHIM_STATE.
 *
 *   SHIM_TRIES=3        so many wrong PINs lock it; low and final-try flags on the way
 *   SHIM_CHANGE=1       a PIN that the SO has set must be changed (CKF_USER_PIN_TO_BE_CHANGED)
 *   SHIM_FAIL=WORD      certificate: certificates are not taken (CKR_DEVICE_MEMORY)
 *                       mark: data objects are not taken
 *                       pin: the second PIN that the SO sets is refused
 *                       first-pin: the first one is
 *                       key: no key is made
 *                       extractable: keys are made that can be taken off
 *                       gone: the token is taken out when a key is made
 *                       alien: a token labelled "Alien" is not recognised
 *                       none: there is no token
 *                       slow: objects are found one at a time
 *                       kill: the program dies when it puts a certificate on the token */
#include <p11-kit/pkcs11.h>

#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static CK_FUNCTION_LIST *real;
static CK_FUNCTION_LIST mine;
static int pins_set;

struct state {
    int wrong;  /* PINs since the last right one */
    int change; /* the PIN must be changed */
};

static struct state state_read(void)
{
    const char *path = getenv("SHIM_STATE");
    FILE *stream = path != NULL ? fopen(path, "r") : NULL;
    struct state state = {0};

    if (stream == NULL)
        return state;
    if (fscanf(stream, "%d %d", &state.wrong, &state.change) != 2)
        state = (struct state){0};
    fclose(stream);
    return state;
}

static void state_write(struct state state)
{
    const char *path = getenv("SHIM_STATE");
    FILE *stream = path != NULL ? fopen(path, "w") : NULL;

    if (stream == NULL)
        return;
    fprintf(stream, "%d %d\n", state.wrong, state.change);
    fclose(stream);
}

static int tries(void)
{
    const char *text = getenv("SHIM_TRIES");

    return text != NULL ? atoi(text) : 0;
}

static int fails(const char *word)
{
    const char *text = getenv("SHIM_FAIL");

    return text != NULL && strcmp(text, word) == 0;
}

/* ---- PINs ---- */

static int is_locked(void)
{
    return tries() != 0 && state_read().wrong >= tries();
}

/* Counts what a call with the PIN returned. */
static CK_RV counted(CK_RV rv)
{
    struct state state = state_read();

    if (rv == CKR_PIN_INCORRECT)
        state.wrong++;
    else if (rv == CKR_OK)
        state.wrong = 0;
    else
        return rv;
    state_write(state);
    return rv;
}

static CK_RV shim_login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG size)
{
    if (user != CKU_USER)
        return real->C_Login(session, user, pin, size);
    return is_locked() ? CKR_PIN_LOCKED : counted(real->C_Login(session, user, pin, size));
}

static CK_RV shim_set_pin(CK_SESSION_HANDLE session, CK_UTF8CHAR *old, CK_ULONG old_size, CK_UTF8CHAR *new, CK_ULONG new_size)
{
    CK_RV rv = is_locked() ? CKR_PIN_LOCKED : counted(real->C_SetPIN(session, old, old_size, new, new_size));

    if (rv == CKR_OK)
        state_write((struct state){0});
    return rv;
}

static CK_RV shim_init_pin(CK_SESSION_HANDLE session, CK_UTF8CHAR *pin, CK_ULONG size)
{
    CK_RV rv;

    if (fails("first-pin") || (fails("pin") && pins_set++ > 0))
        return CKR_DEVICE_ERROR;
    if ((rv = real->C_InitPIN(session, pin, size)) == CKR_OK)
        state_write((struct state){.change = getenv("SHIM_CHANGE") != NULL});
    return rv;
}

static CK_RV shim_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
    CK_RV rv = real->C_GetTokenInfo(slot, info);
    const struct state state = state_read();
    const int left = tries() - state.wrong;

    if (rv == CKR_OK && fails("alien") && memcmp(info->label, "Alien ", 6) == 0)
        return CKR_TOKEN_NOT_RECOGNIZED;
    if (rv != CKR_OK || (info->flags & CKF_TOKEN_INITIALIZED) == 0)
        return rv;
    if (state.change)
        info->flags |= CKF_USER_PIN_TO_BE_CHANGED;
    if (tries() != 0) {
        info->flags &= ~(CK_FLAGS)CKF_USER_PIN_COUNT_LOW;
        info->flags |= left <= 0 ? CKF_USER_PIN_LOCKED : left == 1 ? CKF_USER_PIN_FINAL_TRY : state.wrong > 0 ? CKF_USER_PIN_COUNT_LOW : 0;
    }
    return rv;
}

static CK_RV shim_slots(CK_BBOOL with_token, CK_SLOT_ID *slots, CK_ULONG *count)
{
    if (!fails("none"))
        return real->C_GetSlotList(with_token, slots, count);
    *count = 0;
    return CKR_OK;
}

/* ---- objects ---- */

static CK_OBJECT_CLASS class_of(const CK_ATTRIBUTE *template, CK_ULONG count)
{
    CK_OBJECT_CLASS class = CKO_VENDOR_DEFINED;

    for (CK_ULONG i = 0; i < count; i++)
        if (template[i].type == CKA_CLASS)
            memcpy(&class, template[i].pValue, sizeof(class));
    return class;
}

static CK_RV shim_find(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *out, CK_ULONG capacity, CK_ULONG *count)
{
    return real->C_FindObjects(session, out, fails("slow") && capacity > 1 ? 1 : capacity, count);
}

static CK_RV shim_create(CK_SESSION_HANDLE session, CK_ATTRIBUTE *template, CK_ULONG count, CK_OBJECT_HANDLE *out)
{
    const CK_OBJECT_CLASS class = class_of(template, count);

    if (class == CKO_CERTIFICATE && fails("kill"))
        raise(SIGKILL);
    if ((class == CKO_CERTIFICATE && fails("certificate")) || (class == CKO_DATA && fails("mark")))
        return CKR_DEVICE_MEMORY;
    return real->C_CreateObject(session, template, count, out);
}

static CK_RV shim_key_pair(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_ATTRIBUTE *public_template, CK_ULONG public_count,
                           CK_ATTRIBUTE *private_template, CK_ULONG private_count, CK_OBJECT_HANDLE *public_key,
                           CK_OBJECT_HANDLE *private_key)
{
    static CK_BBOOL yes = CK_TRUE;

    if (fails("key"))
        return CKR_DEVICE_ERROR;
    if (fails("gone"))
        return CKR_DEVICE_REMOVED;
    for (CK_ULONG i = 0; fails("extractable") && i < private_count; i++)
        if (private_template[i].type == CKA_EXTRACTABLE)
            private_template[i].pValue = &yes;
    return real->C_GenerateKeyPair(session, mechanism, public_template, public_count, private_template, private_count, public_key,
                                   private_key);
}

__attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST **out)
{
    CK_RV (*list)(CK_FUNCTION_LIST **) = NULL;
    const char *path = getenv("SHIM_MODULE");
    void *module = path != NULL ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL,
         *symbol = module != NULL ? dlsym(module, "C_GetFunctionList") : NULL;

    if (symbol == NULL)
        return CKR_GENERAL_ERROR;
    memcpy(&list, &symbol, sizeof(list));
    if (list(&real) != CKR_OK)
        return CKR_GENERAL_ERROR;
    mine = *real;
    mine.C_GetFunctionList = C_GetFunctionList;
    mine.C_GetSlotList = shim_slots;
    mine.C_Login = shim_login;
    mine.C_SetPIN = shim_set_pin;
    mine.C_InitPIN = shim_init_pin;
    mine.C_GetTokenInfo = shim_token_info;
    mine.C_FindObjects = shim_find;
    mine.C_CreateObject = shim_create;
    mine.C_GenerateKeyPair = shim_key_pair;
    *out = &mine;
    return CKR_OK;
}
