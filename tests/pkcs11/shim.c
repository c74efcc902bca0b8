/* A PKCS#11 module for tests: everything goes on to a real module (SMKI_SHIM_MODULE, else SoftHSM2), but for what the control file
 * (SMKI_SHIM_CONTROL) says. Its lines, which are read at every call:
 *   fail C_Sign 0x30 2     the next 2 calls return that (no number: all do)
 *   delay C_Sign 200       each call takes so many ms longer
 *   hang C_Sign            calls do not return while this line is there
 *   hide                   the token is not there; who had a session hears CKR_DEVICE_REMOVED
 *   lose                   once: the same, until the module is finalised and initialised again
 *   drop                   once: all sessions are closed
 *   finalize               once: somebody else finalises the module
 *   after 100 LINE         LINE, once so many signatures were asked for since the file was changed
 *   lie 0x162              C_GetAttributeValue says true of this attribute, which is false
 *   limit 2                the token has no more than so many sessions, over all keys of the process
 *   spoil                  what C_Sign gives is of the right size and does not verify
 *   linger 300             a thread that was here ends so many ms later
 *   swell 600              C_Sign says that so many octets are a signature
 * How often things were called is counted in the file SMKI_SHIM_COUNT: see enum count in shim.h. */
#include "pkcs11/shim.h"

#include <p11-kit/pkcs11.h>

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define CONTROL_MAX 2048
#define SLOTS_MAX   16

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **out);

static CK_FUNCTION_LIST shim, *real;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t signing = PTHREAD_RWLOCK_INITIALIZER; /* SoftHSM2 frees twice when a session is closed that signs */
static char last[CONTROL_MAX];                                /* the control file when it was last looked at, as it is */
static unsigned long asked;                                   /* signatures since it was changed */
static unsigned long sessions;                                /* that are open */
static unsigned failed;                                       /* calls that the fail line has taken since */
static bool done, hidden, lost;                               /* drop, lose or finalize was done; the token is hidden, or lost */
static _Atomic uint64_t *counts, no_counts[SHIM_COUNTS];
static _Thread_local bool signs_with_watched;

/* ---- the control file ---- */

/* Lines that hold after some signatures: their beginning is taken away, or else they are. */
static void later_lines(char *text)
{
    char *at, *end;

    for (at = text; at != NULL && *at != '\0'; at = strchr(at, '\n') != NULL ? strchr(at, '\n') + 1 : NULL) {
        if (strncmp(at, "after ", 6) != 0)
            continue;
        if (asked > strtoul(at + 6, &end, 10) && *end == ' ')
            memmove(at, end + 1, strlen(end + 1) + 1);
        else
            *at = '#';
    }
}

static void control_read(char out[CONTROL_MAX])
{
    const char *path = getenv("SMKI_SHIM_CONTROL");
    int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t size = fd >= 0 ? read(fd, out, CONTROL_MAX - 1) : 0;

    if (fd >= 0)
        close(fd);
    out[size > 0 ? size : 0] = '\0';
    pthread_mutex_lock(&lock);
    if (strcmp(out, last) != 0) {
        snprintf(last, sizeof(last), "%s", out);
        failed = 0;
        asked = 0;
        done = false;
    }
    later_lines(out);
    pthread_mutex_unlock(&lock);
}

/* The rest of the line that begins with these words; NULL: there is none. */
static const char *line_find(const char *control, const char *verb, const char *function)
{
    char begin[64];
    const char *at = control;

    snprintf(begin, sizeof(begin), function != NULL ? "%s %s" : "%s", verb, function);
    while (at != NULL && *at != '\0') {
        if (strncmp(at, begin, strlen(begin)) == 0 && strchr(" \n", at[strlen(begin)]) != NULL)
            return at + strlen(begin);
        at = strchr(at, '\n');
        at = at != NULL ? at + 1 : NULL;
    }
    return NULL;
}

static void sleep_ms(unsigned ms)
{
    const struct timespec time = {ms / 1000, (long)(ms % 1000) * 1000000};

    nanosleep(&time, NULL);
}

static void sessions_close(void)
{
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG count = SLOTS_MAX;

    sessions = 0;
    pthread_rwlock_wrlock(&signing);
    if (real->C_GetSlotList(CK_TRUE, slots, &count) == CKR_OK)
        for (CK_ULONG i = 0; i < count; i++)
            real->C_CloseAllSessions(slots[i]);
    pthread_rwlock_unlock(&signing);
}

/* What happens once: the lock is held. */
static void control_apply(const char *control)
{
    if (!done && line_find(control, "drop", NULL) != NULL)
        sessions_close();
    if (!done && line_find(control, "finalize", NULL) != NULL) {
        sessions = 0;
        real->C_Finalize(NULL);
    }
    if (!done && line_find(control, "lose", NULL) != NULL) {
        sessions_close();
        lost = true;
    }
    done = done || line_find(control, "lose", NULL) != NULL || line_find(control, "drop", NULL) != NULL ||
           line_find(control, "finalize", NULL) != NULL;
    if (line_find(control, "hide", NULL) != NULL && !hidden)
        sessions_close();
    hidden = line_find(control, "hide", NULL) != NULL;
}

static CK_RV fails(const char *control, const char *function)
{
    const char *line = line_find(control, "fail", function);
    char *end;
    CK_RV rv;
    unsigned long times;

    if (line == NULL)
        return CKR_OK;
    rv = strtoul(line, &end, 0);
    times = *end == ' ' ? strtoul(end, NULL, 10) : 0;
    return times == 0 || failed++ < times ? rv : CKR_OK;
}

static void thread_ends(void *argument)
{
    char text[CONTROL_MAX];
    const char *line;

    (void)argument;
    control_read(text);
    if ((line = line_find(text, "linger", NULL)) != NULL)
        sleep_ms((unsigned)strtoul(line, NULL, 10));
}

static pthread_key_t threads;

static void threads_watch(void)
{
    pthread_key_create(&threads, thread_ends);
}

/* CKR_OK: go on to the real one. */
static CK_RV control(const char *function)
{
    char text[CONTROL_MAX];
    static pthread_once_t watched = PTHREAD_ONCE_INIT;
    const char *line;
    CK_RV rv;

    pthread_once(&watched, threads_watch);
    pthread_setspecific(threads, &threads);
    control_read(text);
    pthread_mutex_lock(&lock);
    control_apply(text);
    rv = (hidden || lost) && strcmp(function, "C_GetSlotList") != 0 && strcmp(function, "C_Initialize") != 0 ? CKR_DEVICE_REMOVED
                                                                                                             : fails(text, function);
    pthread_mutex_unlock(&lock);
    if ((line = line_find(text, "delay", function)) != NULL)
        sleep_ms((unsigned)strtoul(line, NULL, 10));
    while (line_find(text, "hang", function) != NULL) {
        sleep_ms(10);
        control_read(text);
    }
    return rv;
}

#define PASS(function, ...)                                                                                                                \
    CK_RV rv = control(#function);                                                                                                         \
    return rv != CKR_OK ? rv : real->function(__VA_ARGS__)

/* ---- the functions ---- */

static CK_RV shim_initialize(void *arguments)
{
    atomic_fetch_add(&counts[SHIM_INITIALIZED], 1);
    PASS(C_Initialize, arguments);
}

static CK_RV shim_get_slot_list(CK_BBOOL present, CK_SLOT_ID *slots, CK_ULONG *count)
{
    CK_RV rv = control("C_GetSlotList");

    if (rv != CKR_OK)
        return rv;
    if (!hidden && !lost)
        return real->C_GetSlotList(present, slots, count);
    *count = 0;
    return CKR_OK;
}

static CK_RV shim_get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
    PASS(C_GetTokenInfo, slot, info);
}

static CK_RV shim_open_session(CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify, CK_SESSION_HANDLE *session)
{
    char text[CONTROL_MAX];
    const char *line;
    CK_RV rv = control("C_OpenSession");

    if (rv != CKR_OK)
        return rv;
    control_read(text);
    pthread_mutex_lock(&lock);
    if ((line = line_find(text, "limit", NULL)) != NULL && sessions >= strtoul(line, NULL, 10))
        rv = CKR_SESSION_COUNT;
    else if ((rv = real->C_OpenSession(slot, flags, application, notify, session)) == CKR_OK)
        sessions++;
    pthread_mutex_unlock(&lock);
    return rv;
}

static CK_RV shim_close_session(CK_SESSION_HANDLE session)
{
    CK_RV rv;

    pthread_mutex_lock(&lock);
    if ((rv = real->C_CloseSession(session)) == CKR_OK)
        sessions--;
    pthread_mutex_unlock(&lock);
    return rv;
}

static CK_RV shim_finalize(void *reserved)
{
    pthread_mutex_lock(&lock);
    sessions = 0;
    lost = false;
    pthread_mutex_unlock(&lock);
    return real->C_Finalize(reserved);
}

static CK_RV shim_login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG size)
{
    atomic_fetch_add(&counts[SHIM_LOGINS], 1);
    PASS(C_Login, session, user, pin, size);
}

static CK_RV shim_find_objects_init(CK_SESSION_HANDLE session, CK_ATTRIBUTE *wanted, CK_ULONG count)
{
    PASS(C_FindObjectsInit, session, wanted, count);
}

static CK_RV shim_find_objects(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *found, CK_ULONG max, CK_ULONG *count)
{
    PASS(C_FindObjects, session, found, max, count);
}

static CK_RV shim_generate(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_ATTRIBUTE *a, CK_ULONG a_count, CK_ATTRIBUTE *b,
                           CK_ULONG b_count, CK_OBJECT_HANDLE *one, CK_OBJECT_HANDLE *other)
{
    PASS(C_GenerateKeyPair, session, mechanism, a, a_count, b, b_count, one, other);
}

static CK_RV shim_get_attribute(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *attributes, CK_ULONG count)
{
    CK_RV rv = control("C_GetAttributeValue");
    char text[CONTROL_MAX];
    const char *line;

    if (rv != CKR_OK || (rv = real->C_GetAttributeValue(session, object, attributes, count)) != CKR_OK)
        return rv;
    control_read(text);
    if ((line = line_find(text, "lie", NULL)) != NULL)
        for (CK_ULONG i = 0; i < count; i++)
            if (attributes[i].type == strtoul(line, NULL, 0))
                *(CK_BBOOL *)attributes[i].pValue = CK_TRUE;
    return CKR_OK;
}

/* Is it the key whose signatures are counted by themselves? */
static bool is_watched(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
    const char *watched = getenv("SMKI_SHIM_KEY");
    char label[64] = "";
    CK_ATTRIBUTE attribute = {CKA_LABEL, label, sizeof(label) - 1};

    return watched != NULL && real->C_GetAttributeValue(session, key, &attribute, 1) == CKR_OK && strcmp(label, watched) == 0;
}

static CK_RV shim_sign_init(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    CK_RV rv = control("C_SignInit");

    if (rv != CKR_OK)
        return rv;
    signs_with_watched = is_watched(session, key);
    pthread_rwlock_rdlock(&signing);
    rv = real->C_SignInit(session, mechanism, key);
    pthread_rwlock_unlock(&signing);
    return rv;
}

static void signing_begins(void)
{
    const uint64_t inside = atomic_fetch_add(&counts[SHIM_SIGNING], 1) + 1;

    pthread_mutex_lock(&lock);
    asked++;
    if (inside > atomic_load(&counts[SHIM_SIGNING_MOST]))
        atomic_store(&counts[SHIM_SIGNING_MOST], inside);
    pthread_mutex_unlock(&lock);
}

static CK_RV shim_sign(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG size, CK_BYTE *signature, CK_ULONG *signature_size)
{
    char text[CONTROL_MAX];
    const char *line;
    CK_RV rv;

    signing_begins();
    if ((rv = control("C_Sign")) == CKR_OK) {
        pthread_rwlock_rdlock(&signing);
        rv = real->C_Sign(session, data, size, signature, signature_size);
        pthread_rwlock_unlock(&signing);
    }
    atomic_fetch_sub(&counts[SHIM_SIGNING], 1);
    if (rv != CKR_OK)
        return rv;
    atomic_fetch_add(&counts[SHIM_SIGNED], 1);
    if (signs_with_watched)
        atomic_fetch_add(&counts[SHIM_SIGNED_WATCHED], 1);
    control_read(text);
    if (line_find(text, "spoil", NULL) != NULL)
        signature[*signature_size / 2 - 1] ^= 1;
    if ((line = line_find(text, "swell", NULL)) != NULL)
        *signature_size = strtoul(line, NULL, 10);
    return CKR_OK;
}

/* ---- the module ---- */

static void counts_open(void)
{
    const char *path = getenv("SMKI_SHIM_COUNT");
    int fd = path != NULL ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    void *map = MAP_FAILED;

    if (fd >= 0 && ftruncate(fd, sizeof(no_counts)) == 0)
        map = mmap(NULL, sizeof(no_counts), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd >= 0)
        close(fd);
    counts = map != MAP_FAILED ? map : no_counts;
}

static bool real_open(void)
{
    static const char *const places[] = {"/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so",
                                         "/usr/local/lib/softhsm/libsofthsm2.so"};
    const char *named = getenv("SMKI_SHIM_MODULE");
    void *library = named != NULL ? dlopen(named, RTLD_NOW | RTLD_LOCAL) : NULL;
    CK_C_GetFunctionList list;

    for (size_t i = 0; library == NULL && i < sizeof(places) / sizeof(places[0]); i++)
        library = dlopen(places[i], RTLD_NOW | RTLD_LOCAL);
    if (library == NULL)
        return false;
    *(void **)&list = dlsym(library, "C_GetFunctionList");
    return list != NULL && list(&real) == CKR_OK;
}

__attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST **out)
{
    pthread_mutex_lock(&lock);
    if (real == NULL && real_open()) {
        counts_open();
        shim = *real;
        shim.C_GetFunctionList = C_GetFunctionList;
        shim.C_Initialize = shim_initialize;
        shim.C_GetSlotList = shim_get_slot_list;
        shim.C_GetTokenInfo = shim_get_token_info;
        shim.C_OpenSession = shim_open_session;
        shim.C_CloseSession = shim_close_session;
        shim.C_Finalize = shim_finalize;
        shim.C_Login = shim_login;
        shim.C_FindObjectsInit = shim_find_objects_init;
        shim.C_FindObjects = shim_find_objects;
        shim.C_GenerateKeyPair = shim_generate;
        shim.C_GetAttributeValue = shim_get_attribute;
        shim.C_SignInit = shim_sign_init;
        shim.C_Sign = shim_sign;
    }
    pthread_mutex_unlock(&lock);
    *out = &shim;
    return real != NULL ? CKR_OK : CKR_GENERAL_ERROR;
}
