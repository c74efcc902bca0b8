/* A token's life: initialised, its PIN set, changed, locked and unblocked; and the mark of a PIN that must be changed. */
#include "token/token_i.h"

#include <stdlib.h>
#include <string.h>

#define LABEL_SIZE (SMKI_TOKEN_LABEL_SIZE - 1)

CK_UTF8CHAR *pin_octets(const char *pin)
{
    return (CK_UTF8CHAR *)(uintptr_t)pin; /* Cryptoki knows no const */
}

CK_ULONG pin_size(const char *pin)
{
    return pin != NULL ? strlen(pin) : 0;
}

/* ---- the mark ---- */

static CK_OBJECT_CLASS data_class = CKO_DATA;
static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
static char mark_label[] = SMKI_TOKEN_TRANSPORT_MARK, mark_application[] = "libsmki",
            mark_value[] = "The PIN is the Registration Authority's. Change it with 'smki-token pin' first.";

#define MARK_TEMPLATE                                                                                                                      \
    {CKA_CLASS, &data_class, sizeof(data_class)}, {CKA_TOKEN, &yes, sizeof(yes)},                                                          \
    {                                                                                                                                      \
        CKA_LABEL, mark_label, sizeof(mark_label) - 1                                                                                      \
    }

static int mark_handle(struct smki_token_module *module, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *out, CK_ULONG *count,
                       struct smki_error *err)
{
    CK_ATTRIBUTE template[] = {MARK_TEMPLATE};

    return objects_find(module, session, template, ARRAY_COUNT(template), out, 1, count, err);
}

int mark_look(struct smki_token_module *module, CK_SESSION_HANDLE session, bool *is_there, struct smki_error *err)
{
    CK_OBJECT_HANDLE handle;
    CK_ULONG count = 0;
    int rc = mark_handle(module, session, &handle, &count, err);

    *is_there = rc == 0 && count != 0;
    return rc;
}

int mark_put(struct smki_token *token, struct smki_error *err)
{
    CK_ATTRIBUTE template[] = {MARK_TEMPLATE,
                               {CKA_PRIVATE, &no, sizeof(no)},
                               {CKA_APPLICATION, mark_application, sizeof(mark_application) - 1},
                               {CKA_VALUE, mark_value, sizeof(mark_value) - 1}};
    CK_OBJECT_HANDLE handle;
    bool is_there;
    CK_RV rv;
    int rc;

    if ((rc = mark_look(token->module, token->session, &is_there, err)) != 0 || is_there)
        return rc;
    rv = token->module->call->C_CreateObject(token->session, template, ARRAY_COUNT(template), &handle);
    return rv == CKR_OK ? 0 : token_fail(err, rv, "the mark of the transport PIN cannot be put on the token");
}

int mark_remove(struct smki_token *token, struct smki_error *err)
{
    CK_OBJECT_HANDLE handle;
    CK_ULONG count = 0;
    CK_RV rv;
    int rc;

    while ((rc = mark_handle(token->module, token->session, &handle, &count, err)) == 0 && count != 0)
        if ((rv = token->module->call->C_DestroyObject(token->session, handle)) != CKR_OK)
            return token_fail(err, rv, "the mark of the transport PIN cannot be taken off the token");
    return rc;
}

/* ---- initialising ---- */

bool is_label(const char *label)
{
    char tidy[SMKI_TOKEN_ENTRY_LABEL_SIZE];
    const size_t size = strlen(label);

    if (size == 0 || size >= sizeof(tidy) || label[size - 1] == ' ')
        return false;
    memcpy(tidy, label, size + 1);
    text_tidy(tidy);
    return strcmp(tidy, label) == 0;
}

static int label_pad(CK_UTF8CHAR out[LABEL_SIZE], const char *label, struct smki_error *err)
{
    const size_t size = strlen(label);

    if (size == 0 || size > LABEL_SIZE)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "a token's label has 1 to %d octets", LABEL_SIZE);
    if (!is_label(label))
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "a token's label is printable text in UTF-8 that ends with no blank");
    memset(out, ' ', LABEL_SIZE);
    memcpy(out, label, size);
    return 0;
}

static int so_fail(struct smki_error *err, CK_RV rv, const char *what)
{
    if (rv == CKR_PIN_INCORRECT)
        return smki_fail(err, SMKI_TOKEN_PIN,
                         "the SO PIN (the security officer's) is wrong; after too many wrong ones the token is locked for good");
    if (rv == CKR_PIN_LOCKED)
        return smki_fail(err, SMKI_TOKEN_PIN_LOCKED, "the SO PIN (the security officer's) is locked: this token can only be replaced");
    return token_fail(err, rv, "%s", what);
}

static int so_login(struct smki_token *token, const char *so_pin, struct smki_error *err)
{
    CK_RV rv = token->module->call->C_Login(token->session, CKU_SO, pin_octets(so_pin), pin_size(so_pin));

    return rv == CKR_OK ? 0 : so_fail(err, rv, "logging in as the security officer");
}

static void logout(struct smki_token *token)
{
    token->module->call->C_Logout(token->session);
    token->logged_in = false;
}

/* Before anything is lost: the token would refuse the PIN when it is blank already. */
static int first_pin_check(struct smki_token_module *module, CK_SLOT_ID slot, const char *pin, struct smki_error *err)
{
    struct smki_token_facts facts;
    int rc;

    if (pin == NULL || (rc = facts_read(&facts, module, slot, CK_INVALID_HANDLE, err)) != 0)
        return pin == NULL ? 0 : rc;
    if (strlen(pin) >= facts.pin_min && (facts.pin_max == 0 || strlen(pin) <= facts.pin_max))
        return 0;
    return smki_fail(err, SMKI_TOKEN_PIN, "the token takes PINs of %llu to %llu characters; nothing was changed",
                     (unsigned long long)facts.pin_min, (unsigned long long)facts.pin_max);
}

static int first_pin(struct smki_token_module *module, CK_SLOT_ID slot, const char *so_pin, const char *pin, struct smki_error *err)
{
    struct smki_token *token;
    int rc = smki_token_open(&token, module, slot, err);

    if (rc != 0)
        return rc;
    rc = smki_token_unblock(token, so_pin, pin, false, err);
    smki_token_close(token);
    return rc;
}

int smki_token_initialise(struct smki_token_module *module, uint64_t slot, const char *so_pin, const char *label, const char *pin,
                          struct smki_token_facts *out, struct smki_error *err)
{
    CK_UTF8CHAR padded[LABEL_SIZE];
    struct smki_token_facts facts;
    CK_RV rv;
    int rc;

    if ((rc = label_pad(padded, label, err)) != 0 || (rc = first_pin_check(module, slot, pin, err)) != 0)
        return rc;
    if ((rv = module->call->C_InitToken(slot, pin_octets(so_pin), pin_size(so_pin), padded)) != CKR_OK)
        return so_fail(err, rv, "initialising the token");
    if ((rc = first_pin(module, slot, so_pin, pin, err)) != 0)
        return smki_error_prefix(err, "the token is initialised, its PIN is not set"), rc;
    return facts_read(out != NULL ? out : &facts, module, slot, CK_INVALID_HANDLE, err);
}

/* ---- one token ---- */

int smki_token_open(struct smki_token **out, struct smki_token_module *module, uint64_t slot, struct smki_error *err)
{
    struct smki_token *token = calloc(1, sizeof(*token));
    CK_RV rv;

    *out = NULL;
    if (token == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    rv = module->call->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &token->session);
    if (rv != CKR_OK) {
        free(token);
        return token_fail(err, rv, "a session with the token in slot %llu", (unsigned long long)slot);
    }
    token->module = module;
    token->slot = slot;
    pthread_mutex_init(&token->lock, NULL);
    if (module->shared != NULL) /* while it is open the module is not initialised anew under it */
        pkcs11_session_count(module->shared, 1);
    *out = token;
    return 0;
}

void smki_token_close(struct smki_token *token)
{
    if (token == NULL)
        return;
    if (token->logged_in)
        logout(token);
    token->module->call->C_CloseSession(token->session);
    if (token->module->shared != NULL)
        pkcs11_session_count(token->module->shared, -1);
    pthread_mutex_destroy(&token->lock);
    free(token);
}

int smki_token_look(struct smki_token *token, struct smki_token_facts *out, struct smki_error *err)
{
    return facts_read(out, token->module, token->slot, token->session, err);
}

/* ---- the PIN ---- */

/* Which step of the tries a wrong one has come to. */
static int wrong_pin(struct smki_token *token, CK_RV rv, struct smki_error *err)
{
    struct smki_token_facts facts;

    if (rv == CKR_PIN_INCORRECT && facts_read(&facts, token->module, token->slot, token->session, NULL) == 0) {
        if (facts.pin_locked)
            return smki_fail(err, SMKI_TOKEN_PIN_LOCKED,
                             "the PIN was wrong, and the token is locked now; 'smki-token unblock' with the SO PIN opens it");
        if (facts.pin_final_try)
            return smki_fail(err, SMKI_TOKEN_PIN, "the PIN is wrong: ONE TRY IS LEFT, after another wrong one the token is locked");
        return smki_fail(err, SMKI_TOKEN_PIN, "the PIN is wrong%s",
                         facts.pin_count_low ? "; the token counts wrong ones, and is locked after a few" : "");
    }
    if (rv == CKR_PIN_LOCKED)
        return smki_fail(err, SMKI_TOKEN_PIN_LOCKED,
                         "the PIN is locked after too many wrong ones; 'smki-token unblock' with the SO PIN opens it");
    if (rv == CKR_USER_PIN_NOT_INITIALIZED)
        return smki_fail(err, SMKI_TOKEN_PIN, "the token has no PIN yet; 'smki-token unblock' with the SO PIN sets one");
    return token_fail(err, rv, "the PIN");
}

static int new_pin_fail(struct smki_token *token, CK_RV rv, struct smki_error *err)
{
    struct smki_token_facts facts;

    if ((rv != CKR_PIN_LEN_RANGE && rv != CKR_PIN_INVALID) || facts_read(&facts, token->module, token->slot, token->session, NULL) != 0)
        return token_fail(err, rv, "the new PIN");
    return smki_fail(err, SMKI_TOKEN_PIN, "the token does not take the new PIN: it has %llu to %llu characters%s",
                     (unsigned long long)facts.pin_min, (unsigned long long)facts.pin_max,
                     rv == CKR_PIN_INVALID ? ", and not all of them are to its liking" : "");
}

static int user_login(struct smki_token *token, const char *pin, struct smki_error *err)
{
    CK_RV rv = token->module->call->C_Login(token->session, CKU_USER, pin_octets(pin), pin_size(pin));

    if (rv != CKR_OK && rv != CKR_USER_ALREADY_LOGGED_IN) /* by another struct smki_token of this slot */
        return wrong_pin(token, rv, err);
    token->logged_in = true;
    return 0;
}

int smki_token_login(struct smki_token *token, const char *pin, struct smki_error *err)
{
    struct smki_token_facts facts;
    int rc;

    if ((rc = user_login(token, pin, err)) != 0)
        return rc;
    if ((rc = smki_token_look(token, &facts, err)) == 0 && (facts.transport || facts.pin_to_be_changed))
        rc = smki_fail(err, SMKI_TOKEN_PIN_EXPIRED,
                       "the PIN is the Registration Authority's, and must be changed before the token is used: 'smki-token pin'");
    if (rc != 0)
        logout(token);
    return rc;
}

static bool is_same(const char *pin, const char *other)
{
    return pin != NULL && other != NULL && strcmp(pin, other) == 0;
}

/* The PIN is the officer's own now. Logged in: not every token lets others remove even public objects. */
static int transport_end(struct smki_token *token, const char *pin, struct smki_error *err)
{
    bool is_there = false;
    int rc = mark_look(token->module, token->session, &is_there, err);

    if (rc == 0 && is_there && (rc = user_login(token, pin, err)) == 0) {
        rc = mark_remove(token, err);
        logout(token);
    }
    if (rc != 0)
        smki_error_prefix(err, "the PIN is changed");
    return rc;
}

int smki_token_change_pin(struct smki_token *token, const char *pin, const char *new_pin, struct smki_error *err)
{
    CK_RV rv;

    if (is_same(pin, new_pin))
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "the new PIN is the old one; take another");
    if (token->logged_in)
        logout(token);
    /* Public session: the user's PIN is the one that is changed (Cryptoki 2.40 5.5). */
    rv = token->module->call->C_SetPIN(token->session, pin_octets(pin), pin_size(pin), pin_octets(new_pin), pin_size(new_pin));
    if (rv == CKR_PIN_INCORRECT || rv == CKR_PIN_LOCKED)
        return wrong_pin(token, rv, err);
    if (rv != CKR_OK)
        return new_pin_fail(token, rv, err);
    return transport_end(token, new_pin, err);
}

/* As the SO, who may write public objects. The mark before the PIN: there is never a transport PIN without it. */
static int so_set_pin(struct smki_token *token, const char *new_pin, bool transport, struct smki_error *err)
{
    bool was_there;
    CK_RV rv;
    int rc;

    if ((rc = mark_look(token->module, token->session, &was_there, err)) != 0 || (transport && (rc = mark_put(token, err)) != 0))
        return rc;
    if ((rv = token->module->call->C_InitPIN(token->session, pin_octets(new_pin), pin_size(new_pin))) == CKR_OK)
        return transport ? 0 : mark_remove(token, err);
    if (transport && !was_there)
        (void)!mark_remove(token, NULL);
    return new_pin_fail(token, rv, err);
}

int smki_token_unblock(struct smki_token *token, const char *so_pin, const char *new_pin, bool transport, struct smki_error *err)
{
    int rc;

    if (token->logged_in)
        logout(token);
    if ((rc = so_login(token, so_pin, err)) != 0)
        return rc;
    rc = so_set_pin(token, new_pin, transport, err);
    logout(token);
    return rc;
}
