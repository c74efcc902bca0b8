/* Modules, and what their calls return. */
#include "pki/pkcs11_i.h"

#include <p11-kit/p11-kit.h>

#include <mbedtls/platform_util.h>

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define REFUSED_MAX 32 /* PINs a module's tokens have refused: remembered in turn */
#define RENEW_PAUSE 1  /* seconds between two renewals */

/* A PIN that a token has refused, by hash. */
struct refusal {
    uint8_t hash[SHA256_SIZE];
};

struct pkcs11_module {
    struct pkcs11_module *next;
    char path[PATH_MAX];
    size_t opened; /* how often; under `modules_lock` */
    pid_t pid;
    pthread_mutex_t lock; /* guards what follows */
    CK_FUNCTION_LIST *calls;
    bool foreign; /* others of this process had initialised it: theirs to finalise */
    struct refusal refused[REFUSED_MAX];
    size_t refused_count;
    time_t renewed; /* monotonic seconds */
    atomic_int sessions;
    pthread_mutex_t kept_lock;
    struct pkcs11_kept *kept; /* under kept_lock */
    pthread_rwlock_t inside; /* held for reading by who is in the module */
    unsigned generation;     /* under `inside` */
};

/* PKCS#11 initialises a module once for the whole process, so the process has one list. An entry stays, also when nobody has it open: it
 * knows which PINs were refused. */
static pthread_mutex_t modules_lock = PTHREAD_MUTEX_INITIALIZER;
static struct pkcs11_module *modules;

/* ---- what a call returned ---- */

#define CKR_LIST(X)                                                                                                                        \
    X(CANCEL)                                                                                                                              \
    X(HOST_MEMORY)                                                                                                                         \
    X(SLOT_ID_INVALID)                                                                                                                     \
    X(GENERAL_ERROR) X(FUNCTION_FAILED) X(ARGUMENTS_BAD) X(NO_EVENT) X(NEED_TO_CREATE_THREADS) X(CANT_LOCK) X(ATTRIBUTE_READ_ONLY)         \
        X(ATTRIBUTE_SENSITIVE) X(ATTRIBUTE_TYPE_INVALID) X(ATTRIBUTE_VALUE_INVALID) X(DATA_INVALID) X(DATA_LEN_RANGE) X(DEVICE_ERROR)      \
            X(DEVICE_MEMORY) X(DEVICE_REMOVED) X(FUNCTION_CANCELED) X(FUNCTION_NOT_SUPPORTED) X(KEY_HANDLE_INVALID) X(KEY_SIZE_RANGE)      \
                X(KEY_TYPE_INCONSISTENT) X(KEY_FUNCTION_NOT_PERMITTED) X(KEY_UNEXTRACTABLE) X(MECHANISM_INVALID)                           \
                    X(MECHANISM_PARAM_INVALID) X(OBJECT_HANDLE_INVALID) X(OPERATION_ACTIVE) X(OPERATION_NOT_INITIALIZED) X(PIN_INCORRECT)  \
                        X(PIN_INVALID) X(PIN_LEN_RANGE) X(PIN_EXPIRED) X(PIN_LOCKED) X(SESSION_CLOSED) X(SESSION_COUNT)                    \
                            X(SESSION_HANDLE_INVALID) X(SESSION_READ_ONLY) X(SESSION_EXISTS) X(SESSION_READ_ONLY_EXISTS)                   \
                                X(SESSION_READ_WRITE_SO_EXISTS) X(TEMPLATE_INCOMPLETE) X(TEMPLATE_INCONSISTENT) X(TOKEN_NOT_PRESENT)       \
                                    X(TOKEN_NOT_RECOGNIZED) X(TOKEN_WRITE_PROTECTED) X(USER_ALREADY_LOGGED_IN) X(USER_NOT_LOGGED_IN)       \
                                        X(USER_PIN_NOT_INITIALIZED) X(USER_TYPE_INVALID) X(USER_ANOTHER_ALREADY_LOGGED_IN)                 \
                                            X(USER_TOO_MANY_TYPES) X(RANDOM_NO_RNG) X(DOMAIN_PARAMS_INVALID) X(BUFFER_TOO_SMALL)           \
                                                X(CRYPTOKI_NOT_INITIALIZED) X(CRYPTOKI_ALREADY_INITIALIZED) X(FUNCTION_REJECTED)

static const struct {
    CK_RV rv;
    const char *name;
} ckr_names[] = {
#define SMKI_X(name) {CKR_##name, "CKR_" #name},
    CKR_LIST(SMKI_X)
#undef SMKI_X
};

const char *pkcs11_name(CK_RV rv, char out[PKCS11_NAME_SIZE])
{
    snprintf(out, PKCS11_NAME_SIZE, "CKR_0x%lX", rv);
    for (size_t i = 0; i < ARRAY_COUNT(ckr_names); i++)
        if (ckr_names[i].rv == rv)
            snprintf(out, PKCS11_NAME_SIZE, "%s", ckr_names[i].name);
    return out;
}

int pkcs11_code(CK_RV rv)
{
    switch (rv) {
    case CKR_PIN_INCORRECT:
    case CKR_PIN_INVALID:
    case CKR_PIN_LEN_RANGE:
    case CKR_USER_PIN_NOT_INITIALIZED:
        return SMKI_TOKEN_PIN;
    case CKR_PIN_LOCKED:
        return SMKI_TOKEN_PIN_LOCKED;
    case CKR_PIN_EXPIRED:
        return SMKI_TOKEN_PIN_EXPIRED;
    case CKR_TOKEN_NOT_PRESENT:
    case CKR_TOKEN_NOT_RECOGNIZED:
    case CKR_DEVICE_REMOVED:
    case CKR_SLOT_ID_INVALID:
        return SMKI_TOKEN_MISSING;
    case CKR_SESSION_HANDLE_INVALID:
    case CKR_SESSION_CLOSED:
    case CKR_USER_NOT_LOGGED_IN:
    case CKR_CRYPTOKI_NOT_INITIALIZED:
        return SMKI_TOKEN_SESSION;
    case CKR_HOST_MEMORY:
        return SMKI_NO_MEMORY;
    default:
        return SMKI_TOKEN_FAILED;
    }
}

int pkcs11_fail(struct smki_error *err, int code, CK_RV rv, const char *format, ...)
{
    char what[SMKI_ERROR_TEXT_SIZE], name[PKCS11_NAME_SIZE];
    const int by_value = pkcs11_code(rv);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(what, sizeof(what), format, arguments);
    va_end(arguments);
    return smki_fail(err, code != 0 ? code : by_value, "%s: %s: %s", what, pkcs11_name(rv, name), smki_refusal_find(by_value)->text);
}

/* ---- modules ---- */

static time_t seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

static struct pkcs11_module *module_new(const char *path)
{
    struct pkcs11_module *module = calloc(1, sizeof(*module));

    if (module == NULL)
        return NULL;
    snprintf(module->path, sizeof(module->path), "%s", path);
    module->pid = getpid();
    pthread_mutex_init(&module->lock, NULL);
    pthread_mutex_init(&module->kept_lock, NULL);
    pthread_rwlock_init(&module->inside, NULL);
    module->next = modules;
    modules = module;
    return module;
}

/* The list's entry, counted as opened. A forked child takes none of its parent's: they are not initialised there. NULL: no memory. */
static struct pkcs11_module *module_take(const char *path)
{
    struct pkcs11_module *module;

    pthread_mutex_lock(&modules_lock);
    for (module = modules; module != NULL; module = module->next)
        if (module->pid == getpid() && strcmp(module->path, path) == 0)
            break;
    if (module == NULL)
        module = module_new(path);
    if (module != NULL)
        module->opened++;
    pthread_mutex_unlock(&modules_lock);
    return module;
}

static CK_RV initialise(struct pkcs11_module *module)
{
    CK_C_INITIALIZE_ARGS arguments = {.flags = CKF_OS_LOCKING_OK};
    CK_RV rv = module->calls->C_Initialize(&arguments);

    module->foreign = rv == CKR_CRYPTOKI_ALREADY_INITIALIZED;
    return module->foreign ? CKR_OK : rv;
}

static int load(struct pkcs11_module *module, struct smki_error *err)
{
    CK_RV rv;

    if ((module->calls = p11_kit_module_load(module->path, P11_KIT_MODULE_UNMANAGED | P11_KIT_MODULE_CRITICAL)) == NULL)
        return smki_fail(err, SMKI_TOKEN_MODULE, "%s: the PKCS#11 module cannot be loaded: %s", module->path,
                         p11_kit_message() != NULL ? p11_kit_message() : "it is no PKCS#11 module");
    if ((rv = initialise(module)) == CKR_OK)
        return 0;
    p11_kit_module_release(module->calls);
    module->calls = NULL;
    return pkcs11_fail(err, SMKI_TOKEN_MODULE, rv, "%s: the PKCS#11 module cannot be initialised", module->path);
}

static void unload(struct pkcs11_module *module)
{
    if (!module->foreign)
        module->calls->C_Finalize(NULL);
    p11_kit_module_release(module->calls);
    module->calls = NULL;
    module->generation++;
}

int pkcs11_module_open(struct pkcs11_module **out, const char *path, struct smki_error *err)
{
    struct pkcs11_module *module;
    int rc = 0;

    *out = NULL;
    if (path == NULL || path[0] == '\0')
        return smki_fail(err, SMKI_TOKEN_MODULE, "no PKCS#11 module is named: set pkcs11.module, or module-path in the URI");
    if (strlen(path) >= sizeof(module->path))
        return smki_fail(err, SMKI_TOKEN_MODULE, "the path of the PKCS#11 module is too long");
    if ((module = module_take(path)) == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    pthread_mutex_lock(&module->lock);
    if (module->calls == NULL)
        rc = load(module, err);
    pthread_mutex_unlock(&module->lock);
    if (rc == 0)
        *out = module;
    else
        pkcs11_module_close(module);
    return rc;
}

void pkcs11_module_close(struct pkcs11_module *module)
{
    bool last;

    if (module == NULL || module->pid != getpid())
        return;
    pthread_mutex_lock(&module->lock); /* before the list's: who opens it now waits here, and loads it again */
    pthread_mutex_lock(&modules_lock);
    last = --module->opened == 0;
    pthread_mutex_unlock(&modules_lock);
    if (last && module->calls != NULL)
        unload(module);
    pthread_mutex_unlock(&module->lock);
}

const char *pkcs11_module_path(const struct pkcs11_module *module)
{
    return module->path;
}

CK_FUNCTION_LIST *pkcs11_calls(const struct pkcs11_module *module)
{
    return module->calls;
}

void pkcs11_enter(struct pkcs11_module *module, unsigned *generation)
{
    pthread_rwlock_rdlock(&module->inside);
    *generation = module->generation;
}

void pkcs11_leave(struct pkcs11_module *module)
{
    pthread_rwlock_unlock(&module->inside);
}

void pkcs11_session_count(struct pkcs11_module *module, int change)
{
    atomic_fetch_add(&module->sessions, change);
}

void pkcs11_session_keep(struct pkcs11_module *module, struct pkcs11_kept *kept)
{
    pthread_mutex_lock(&module->kept_lock);
    kept->next = module->kept;
    module->kept = kept;
    pthread_mutex_unlock(&module->kept_lock);
}

void pkcs11_session_drop(struct pkcs11_module *module, struct pkcs11_kept *kept)
{
    struct pkcs11_kept **at = &module->kept;

    pthread_mutex_lock(&module->kept_lock);
    while (*at != kept)
        at = &(*at)->next;
    *at = kept->next;
    pthread_mutex_unlock(&module->kept_lock);
}

/* Those of a key that nobody signs with would seem to work for ever, and keep all others from a token that is back. */
static bool any_kept_works(struct pkcs11_module *module)
{
    CK_SESSION_INFO info;
    bool works = false;

    pthread_mutex_lock(&module->kept_lock);
    for (const struct pkcs11_kept *kept = module->kept; kept != NULL && !works; kept = kept->next)
        works = module->calls->C_GetSessionInfo(kept->session, &info) == CKR_OK;
    pthread_mutex_unlock(&module->kept_lock);
    return works;
}

/* Who is inside may be on the way out. */
static bool have_alone(struct pkcs11_module *module)
{
    static const struct timespec pause = {.tv_nsec = 5000000};

    for (int i = 0; i < 10; i++) {
        if (pthread_rwlock_trywrlock(&module->inside) == 0)
            return true;
        nanosleep(&pause, NULL);
    }
    return false;
}

void pkcs11_module_renew(struct pkcs11_module *module)
{
    CK_INFO info;
    bool finalised;

    if (!have_alone(module))
        return;
    finalised = module->calls->C_GetInfo(&info) == CKR_CRYPTOKI_NOT_INITIALIZED;
    if (finalised || (!module->foreign && atomic_load(&module->sessions) == 0 && seconds() - module->renewed > RENEW_PAUSE &&
                      !any_kept_works(module))) {
        if (!finalised)
            module->calls->C_Finalize(NULL);
        (void)initialise(module); /* who calls it next hears what is wrong */
        module->renewed = seconds();
        module->generation++;
    }
    pthread_rwlock_unlock(&module->inside);
}

/* ---- logging in ---- */

static void refusal_of(struct refusal *out, const CK_TOKEN_INFO *token, CK_USER_TYPE user, const struct pkcs11_pin *pin)
{
    struct sha256_stream stream;

    sha256_start(&stream);
    sha256_add(&stream, token->serialNumber, sizeof(token->serialNumber));
    sha256_add(&stream, token->label, sizeof(token->label));
    sha256_add(&stream, &user, sizeof(user));
    sha256_add(&stream, pin->at, pin->size);
    sha256_end(&stream, out->hash);
}

/* Under the module's lock. */
static bool was_refused(const struct pkcs11_module *module, const struct refusal *refusal)
{
    const size_t known = module->refused_count < REFUSED_MAX ? module->refused_count : REFUSED_MAX;

    for (size_t i = 0; i < known; i++)
        if (memcmp(&module->refused[i], refusal, sizeof(*refusal)) == 0)
            return true;
    return false;
}

static int caution(const struct pkcs11_module *module, const CK_TOKEN_INFO *token, CK_USER_TYPE user, const struct refusal *refusal,
                   struct smki_error *err)
{
    const CK_FLAGS locked = user == CKU_SO ? CKF_SO_PIN_LOCKED : CKF_USER_PIN_LOCKED;
    const CK_FLAGS last = user == CKU_SO ? CKF_SO_PIN_FINAL_TRY : CKF_USER_PIN_FINAL_TRY;

    if ((token->flags & locked) != 0)
        return smki_fail(err, SMKI_TOKEN_PIN_LOCKED, NULL);
    if (was_refused(module, refusal))
        return smki_fail(err, SMKI_TOKEN_PIN,
                         "the token has refused this PIN and it is not tried again, which would lock the token: put the "
                         "right PIN in its place");
    if ((token->flags & last) != 0)
        return smki_fail(err, SMKI_TOKEN_PIN,
                         "the token has one try left for its PIN, which is not taken by itself: log in by hand once with "
                         "the right PIN");
    return 0;
}

int pkcs11_login(struct pkcs11_module *module, CK_SESSION_HANDLE session, CK_USER_TYPE user, const struct pkcs11_pin *pin, bool by_hand,
                 struct smki_error *err)
{
    CK_FUNCTION_LIST *calls = module->calls;
    CK_SESSION_INFO state;
    CK_TOKEN_INFO token;
    struct refusal refusal;
    CK_RV rv;
    int rc = 0;

    if ((rv = calls->C_GetSessionInfo(session, &state)) != CKR_OK || (rv = calls->C_GetTokenInfo(state.slotID, &token)) != CKR_OK)
        return pkcs11_fail(err, 0, rv, "looking at the token before logging in");
    refusal_of(&refusal, &token, user, pin);
    pthread_mutex_lock(&module->lock); /* one try at a time: two would be two of the token's three */
    if (!by_hand && (state.state == CKS_RO_PUBLIC_SESSION || state.state == CKS_RW_PUBLIC_SESSION))
        rc = caution(module, &token, user, &refusal, err);
    if (rc == 0) {
        CK_UTF8CHAR room[PKCS11_PIN_MAX + 1]; /* the standard's prototype is not const */

        memcpy(room, pin->at, sizeof(room));
        rv = calls->C_Login(session, user, room, pin->size);
        mbedtls_platform_zeroize(room, sizeof(room));
        if (rv == CKR_PIN_INCORRECT || rv == CKR_PIN_INVALID || rv == CKR_PIN_LEN_RANGE)
            module->refused[module->refused_count++ % REFUSED_MAX] = refusal;
        if (rv != CKR_OK && rv != CKR_USER_ALREADY_LOGGED_IN)
            rc = pkcs11_fail(err, 0, rv, "logging in to the token");
    }
    pthread_mutex_unlock(&module->lock);
    return rc;
}
