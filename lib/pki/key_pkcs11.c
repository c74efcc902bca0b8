/* Private keys that live in an HSM or on a token.
 *
 * A call into a module can take for ever, so no caller ever makes one. A key has a few threads of its own, each with its own session; a
 * caller leaves a job in a queue and waits for it until a deadline. The job's memory is the job's: who gives up waiting leaves it to the
 * thread, and a late answer is written where nobody looks.
 *
 * Every session, when it has found its key, proves it with a signature that is verified under the public key the caller expects; so a key
 * opens without touching the token, and a token that is away, comes back or was exchanged is all the same case: a session to be made. The
 * last signature of each job is verified too, since a session may outlive the token it was made with. */
#include "pki/key_pkcs11_i.h"

#include "pki/p256_i.h"
#include "pki/pkcs11_i.h"

#include <mbedtls/platform_util.h>

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define STUCK_MAX    8                  /* threads beyond the sessions that may be started because others hang in the module */
#define AWAY_PAUSE   (SMKI_SECOND / 10) /* us between two looks for a token that is away */
#define CLOSE_WAIT   (2 * SMKI_SECOND)  /* us that closing waits for threads that are in the module */
#define P256_RAW     64                 /* octets of r and s */
#define SESSIONS_MAX 256
#define FULL_PAUSE   (10 * SMKI_SECOND) /* us that no more sessions are asked for than a token had room for */
#define PART_LEAST   4                  /* signatures of a call that is divided among sessions */
#define PARTS_MAX    (KEY_TOGETHER / PART_LEAST)

enum job_state { JOB_WAITS, JOB_RUNS, JOB_DONE };

/* Digests to be signed, and their signatures. */
struct job {
    struct job *next;
    unsigned holders; /* the caller, the pool: the last one frees; under the pool's lock, as is `state` */
    enum job_state state;
    atomic_bool left; /* nobody waits for it any more */
    pthread_cond_t done;
    int rc;
    struct smki_error err;
    int64_t until; /* its caller waits, if nothing moves */
    int64_t moved; /* it runs: when its thread last came out of the module */
    size_t count;
    uint8_t (*digests)[SHA256_SIZE];
    uint8_t (*signatures)[SMKI_SIGNATURE_MAX_SIZE];
    size_t *sizes;
};

/* A thread and its session. */
struct signer {
    struct pool *pool;
    struct signer *next;
    int64_t moved; /* when it last came out of the module; 0: it has no job. Under the pool's lock */
    struct job *job;
    struct pkcs11_module *module;
    unsigned generation;
    bool connected;
    bool turned_away; /* the token has no room for its session */
    CK_SESSION_HANDLE session;
    struct pkcs11_kept kept; /* it, while connected */
    CK_OBJECT_HANDLE key;
};

struct pool {
    struct pkcs11_uri uri;
    char folder[PATH_MAX]; /* that a relative pin-source is below */
    unsigned sessions;
    int64_t timeout; /* us */
    enum smki_key_type type;
    uint8_t spki[SPKI_MAX_SIZE];
    size_t spki_size;
    pid_t pid;

    pthread_mutex_t lock;       /* guards all below */
    pthread_cond_t for_signers; /* a job waits, or the key closes */
    pthread_cond_t for_closer;
    unsigned holders; /* the key and the threads */
    bool closing;
    struct job *first, **last;
    unsigned waiting; /* jobs in it */
    struct signer *signers;
    unsigned signer_count, idle;
    unsigned open;      /* their sessions, also those that are only being opened */
    unsigned room;      /* sessions that there were when the token had no room for more... */
    int64_t full_until; /* ...which holds so long */
    int64_t started;    /* when the last thread was */
    int64_t moved;      /* when any came out of the module */
    int64_t look_at;    /* the token was away: not before */
    struct smki_error away;
    struct pkcs11_pin pin; /* typed; empty: by uri.pin_source */
    bool pin_is_new;       /* it was typed and not tried */
    struct key_pkcs11_counts counts;
};

struct key_on_token {
    struct smki_key key; /* first */
    struct pool *pool;
};

static const struct key_home *home_token(void);

static struct pool *pool_of(const struct smki_key *key)
{
    return ((const struct key_on_token *)(const void *)key)->pool;
}

static int64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * SMKI_SECOND + now.tv_nsec / 1000;
}

static void condition_make(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

static void wait_until(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t until)
{
    const struct timespec time = {.tv_sec = (time_t)(until / SMKI_SECOND), .tv_nsec = (long)(until % SMKI_SECOND) * 1000};

    pthread_cond_timedwait(condition, lock, &time);
}

/* ---- jobs ---- */

static struct job *job_create(size_t count, uint8_t digests[][SHA256_SIZE])
{
    struct job *job = calloc(1, sizeof(*job));

    if (job == NULL)
        return NULL;
    condition_make(&job->done);
    job->count = count;
    job->digests = calloc(count, sizeof(*job->digests));
    job->signatures = calloc(count, sizeof(*job->signatures));
    job->sizes = calloc(count, sizeof(*job->sizes));
    if (job->digests != NULL)
        memcpy(job->digests, digests, count * sizeof(*job->digests));
    job->holders = 1;
    return job;
}

/* The pool's lock is held, or nobody else knows the job. */
static void job_release(struct job *job)
{
    if (--job->holders != 0)
        return;
    pthread_cond_destroy(&job->done);
    free(job->digests);
    free(job->signatures);
    free(job->sizes);
    free(job);
}

/* ---- a session's way to its key; in the module ---- */

/* The time of the last step out of the module, by which others see that it does not hang. */
static void moved(struct signer *signer)
{
    pthread_mutex_lock(&signer->pool->lock);
    signer->moved = signer->job->moved = signer->pool->moved = now_us();
    pthread_mutex_unlock(&signer->pool->lock);
}

static int pin_take(struct pool *pool, struct pkcs11_pin *pin, bool *by_hand, struct smki_error *err)
{
    pthread_mutex_lock(&pool->lock);
    *pin = pool->pin;
    *by_hand = pool->pin_is_new;
    pool->pin_is_new = false;
    pthread_mutex_unlock(&pool->lock);
    return pin->size != 0 ? 0 : pkcs11_pin_read(pin, pool->uri.pin_source, pool->folder, err);
}

static int log_in(struct signer *signer, struct smki_error *err)
{
    struct pkcs11_pin pin;
    bool by_hand;
    int rc = pin_take(signer->pool, &pin, &by_hand, err);

    if (rc == 0)
        rc = pkcs11_login(signer->module, signer->session, CKU_USER, &pin, by_hand, err);
    pkcs11_pin_wipe(&pin);
    return rc;
}

static const uint8_t digest_info[] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                      0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};

/* RSA: PKCS#1 v1.5 of a DigestInfo (RFC 8017 9.2); P-256: the token gives r and s, PKCS#11 2.3.1. */
static CK_RV sign_rsa(CK_FUNCTION_LIST *calls, CK_SESSION_HANDLE session, const uint8_t digest[SHA256_SIZE], uint8_t *out, size_t *size)
{
    uint8_t info[sizeof(digest_info) + SHA256_SIZE];
    CK_ULONG length = SMKI_SIGNATURE_MAX_SIZE;
    CK_RV rv;

    memcpy(info, digest_info, sizeof(digest_info));
    memcpy(info + sizeof(digest_info), digest, SHA256_SIZE);
    if ((rv = calls->C_Sign(session, info, sizeof(info), out, &length)) == CKR_OK && length > SMKI_SIGNATURE_MAX_SIZE)
        rv = CKR_FUNCTION_FAILED;
    *size = rv == CKR_OK ? length : 0;
    return rv;
}

static CK_RV sign_p256(CK_FUNCTION_LIST *calls, CK_SESSION_HANDLE session, const uint8_t digest[SHA256_SIZE], uint8_t *out, size_t *size)
{
    struct p256_signature signature;
    uint8_t octets[SHA256_SIZE], raw[P256_RAW];
    CK_ULONG length = sizeof(raw);
    CK_RV rv;

    memcpy(octets, digest, sizeof(octets));
    if ((rv = calls->C_Sign(session, octets, sizeof(octets), raw, &length)) != CKR_OK)
        return rv;
    if (length != sizeof(raw))
        return CKR_FUNCTION_FAILED;
    memcpy(signature.r, raw, sizeof(signature.r));
    memcpy(signature.s, raw + sizeof(signature.r), sizeof(signature.s));
    p256_signature_write(out, size, &signature);
    return CKR_OK;
}

static CK_RV sign_once(struct signer *signer, const uint8_t digest[SHA256_SIZE], uint8_t *out, size_t *size)
{
    CK_FUNCTION_LIST *calls = pkcs11_calls(signer->module);
    const bool rsa = signer->pool->type == SMKI_KEY_RSA;
    CK_MECHANISM mechanism = {.mechanism = rsa ? CKM_RSA_PKCS : CKM_ECDSA};
    CK_RV rv = calls->C_SignInit(signer->session, &mechanism, signer->key);

    if (rv == CKR_OK)
        rv = rsa ? sign_rsa(calls, signer->session, digest, out, size) : sign_p256(calls, signer->session, digest, out, size);
    moved(signer);
    if (rv == CKR_OK) {
        pthread_mutex_lock(&signer->pool->lock);
        signer->pool->counts.made++;
        pthread_mutex_unlock(&signer->pool->lock);
    }
    return rv;
}

static int prove(struct signer *signer, struct smki_error *err)
{
    static const char message[] = "libsmki: does this key belong to this certificate?";
    const struct pool *pool = signer->pool;
    uint8_t digest[SHA256_SIZE], signature[SMKI_SIGNATURE_MAX_SIZE];
    size_t size;
    CK_RV rv;

    sha256(digest, message, sizeof(message));
    if ((rv = sign_once(signer, digest, signature, &size)) != CKR_OK)
        return pkcs11_fail(err, 0, rv, "a first signature");
    if (spki_verify(BYTES(pool->spki, pool->spki_size), digest, BYTES(signature, size)) != 0)
        return smki_fail(err, SMKI_KEY_MISMATCH, "the key '%s' on the token does not belong to the CA's certificate", pool->uri.object);
    return 0;
}

static void open_count(struct pool *pool, bool more)
{
    pthread_mutex_lock(&pool->lock);
    pool->open += more ? 1U : -1U;
    pthread_mutex_unlock(&pool->lock);
}

static void disconnect(struct signer *signer)
{
    unsigned generation;

    if (!signer->connected)
        return;
    signer->connected = false;
    open_count(signer->pool, false);
    pkcs11_enter(signer->module, &generation);
    if (generation == signer->generation)
        pkcs11_calls(signer->module)->C_CloseSession(signer->session);
    pkcs11_leave(signer->module);
    pkcs11_session_drop(signer->module, &signer->kept);
}

/* Between enter and leave, and signer->generation is the present one. */
static int connect_inside(struct signer *signer, struct smki_error *err)
{
    CK_FUNCTION_LIST *calls = pkcs11_calls(signer->module);
    CK_SLOT_ID slot;
    CK_RV rv;
    int rc;

    if ((rc = pkcs11_token_find(signer->module, &signer->pool->uri, &slot, NULL, err)) != 0)
        return rc;
    moved(signer);
    open_count(signer->pool, true);
    if ((rv = calls->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &signer->session)) != CKR_OK)
        open_count(signer->pool, false);
    if ((signer->turned_away = rv == CKR_SESSION_COUNT))
        return smki_fail(err, SMKI_TOKEN_FAILED,
                         "the token '%s' has no room for another session (CKR_SESSION_COUNT): all its programs and keys together ask for "
                         "too many; lower pkcs11.sessions",
                         signer->pool->uri.token);
    if (rv != CKR_OK)
        return pkcs11_fail(err, 0, rv, "opening a session with the token");
    moved(signer);
    if ((rc = log_in(signer, err)) == 0 &&
        (rc = pkcs11_object_find(signer->module, signer->session, CKO_PRIVATE_KEY, &signer->pool->uri, &signer->key, err)) == 0)
        rc = prove(signer, err);
    if (rc != 0) {
        calls->C_CloseSession(signer->session);
        open_count(signer->pool, false);
    }
    moved(signer);
    return rc;
}

static int connect_token(struct signer *signer, struct smki_error *err)
{
    int rc = signer->module == NULL ? pkcs11_module_open(&signer->module, signer->pool->uri.module, err) : 0;

    if (rc != 0)
        return rc;
    moved(signer);
    pkcs11_enter(signer->module, &signer->generation);
    rc = connect_inside(signer, err);
    pkcs11_leave(signer->module);
    signer->connected = rc == 0;
    signer->kept.session = signer->session;
    if (rc == 0)
        pkcs11_session_keep(signer->module, &signer->kept);
    return rc;
}

/* ---- a job ---- */

/* A session was proven when it was made; that it still signs with this key is seen by the last of what it signed. */
static bool last_holds(const struct signer *signer, const struct job *job, size_t done)
{
    const struct pool *pool = signer->pool;

    return spki_verify(BYTES(pool->spki, pool->spki_size), job->digests[done - 1],
                       BYTES(job->signatures[done - 1], job->sizes[done - 1])) == 0;
}

static int sign_inside(struct signer *signer, struct job *job, size_t *done, struct smki_error *err)
{
    const size_t before = *done;
    CK_RV rv = CKR_OK;

    for (; *done < job->count && rv == CKR_OK; *done += rv == CKR_OK) {
        if (atomic_load(&job->left))
            return smki_fail(err, SMKI_INTERRUPTED, NULL);
        rv = sign_once(signer, job->digests[*done], job->signatures[*done], &job->sizes[*done]);
    }
    if (*done > before && !last_holds(signer, job, *done)) {
        *done = before;
        return smki_fail(err, SMKI_CA_SIGNATURE_MISMATCH, "what the token signs with the key '%s' does not verify",
                         signer->pool->uri.object);
    }
    return rv == CKR_OK ? 0 : pkcs11_fail(err, 0, rv, "signing with the key '%s' on the token", signer->pool->uri.object);
}

/* With the session that is there. What went wrong with it is known when it is made anew. */
static int sign_all(struct signer *signer, struct job *job, size_t *done, struct smki_error *err)
{
    unsigned generation;
    int rc;

    pkcs11_enter(signer->module, &generation);
    if (generation == signer->generation)
        rc = sign_inside(signer, job, done, err);
    else
        rc = pkcs11_fail(err, 0, CKR_SESSION_HANDLE_INVALID, "the session");
    pkcs11_leave(signer->module);
    return rc;
}

/* What a new session would not change. */
static bool is_lasting(int code)
{
    return code == SMKI_TOKEN_PIN || code == SMKI_TOKEN_PIN_LOCKED || code == SMKI_TOKEN_PIN_EXPIRED || code == SMKI_KEY_MISMATCH ||
           code == SMKI_KEY_UNREADABLE || code == SMKI_KEY_PERMISSIONS || code == SMKI_NO_MEMORY;
}

/* A session that failed is made anew, once, or as often as it has signed something before; a module that others have finalised, or that no
 * longer sees the token, is initialised anew. */
static int job_serve(struct signer *signer, struct job *job, struct smki_error *err)
{
    size_t done = 0;
    int rc = 0;

    for (int attempt = 0; attempt < 2; attempt++) {
        const size_t before = done;

        if ((signer->connected || (rc = connect_token(signer, err)) == 0) && (rc = sign_all(signer, job, &done, err)) == 0)
            return 0;
        if (atomic_load(&job->left))
            return rc;
        disconnect(signer);
        if (is_lasting(rc) || signer->turned_away || signer->module == NULL)
            return rc;
        pkcs11_module_renew(signer->module);
        if (done > before)
            attempt = 0;
    }
    return rc;
}

/* The pool's lock is held. */
static void job_finish(struct signer *signer, struct job *job, int rc, const struct smki_error *err)
{
    struct pool *pool = signer->pool;

    job->rc = rc;
    job->err = *err;
    job->state = JOB_DONE;
    if (rc == 0 && !atomic_load(&job->left))
        pool->counts.given += job->count;
    if (rc != 0 && !signer->connected && !atomic_load(&job->left)) {
        pool->look_at = now_us() + AWAY_PAUSE;
        pool->away = *err;
    } else if (rc == 0) {
        pool->look_at = 0;
    }
    pthread_cond_signal(&job->done);
    job_release(job);
}

/* ---- threads ---- */

static void pool_release(struct pool *pool) /* its lock is held, and given up */
{
    const bool last = --pool->holders == 0;

    pthread_mutex_unlock(&pool->lock);
    if (!last)
        return;
    pthread_cond_destroy(&pool->for_signers);
    pthread_cond_destroy(&pool->for_closer);
    pthread_mutex_destroy(&pool->lock);
    mbedtls_platform_zeroize(pool, sizeof(*pool));
    free(pool);
}

static struct job *job_take(struct pool *pool)
{
    struct job *job = pool->first;

    if (job == NULL)
        return NULL;
    if ((pool->first = job->next) == NULL)
        pool->last = &pool->first;
    pool->waiting--;
    job->state = JOB_RUNS;
    return job;
}

/* It waits again, before all others. */
static void job_put_back(struct pool *pool, struct job *job)
{
    if ((job->next = pool->first) == NULL)
        pool->last = &job->next;
    pool->first = job;
    pool->waiting++;
    job->state = JOB_WAITS;
}

/* A token that has room for fewer sessions is worked with those that there are. */
static bool leaves_it_to_others(struct signer *signer, const struct job *job, int rc)
{
    struct pool *pool = signer->pool;

    if (rc == 0 || !signer->turned_away || pool->open == 0 || atomic_load(&job->left))
        return false;
    pool->room = pool->open;
    pool->full_until = now_us() + FULL_PAUSE;
    return true;
}

static void signer_work(struct signer *signer, struct job *job)
{
    struct pool *pool = signer->pool;
    struct smki_error err = {0};
    int rc;

    signer->job = job;
    signer->moved = job->moved = now_us();
    pthread_mutex_unlock(&pool->lock);
    rc = job_serve(signer, job, &err);
    pthread_mutex_lock(&pool->lock);
    signer->moved = 0;
    signer->job = NULL;
    if (leaves_it_to_others(signer, job, rc)) {
        job_put_back(pool, job);
    } else {
        signer->turned_away = false;
        job_finish(signer, job, rc, &err);
    }
}

static unsigned signers_stuck(const struct pool *pool, int64_t now)
{
    unsigned stuck = 0;

    for (const struct signer *signer = pool->signers; signer != NULL; signer = signer->next)
        stuck += signer->moved != 0 && now - signer->moved > pool->timeout;
    return stuck;
}

static void signer_leave(struct signer *signer)
{
    struct pool *pool = signer->pool;
    struct signer **at = &pool->signers;

    while (*at != signer)
        at = &(*at)->next;
    *at = signer->next;
    pool->signer_count--;
    pthread_cond_signal(&pool->for_closer);
    pool_release(pool);
    free(signer);
}

static void *signer_main(void *argument)
{
    struct signer *signer = argument;
    struct pool *pool = signer->pool;
    struct job *job;

    pthread_mutex_lock(&pool->lock);
    while (!pool->closing && !signer->turned_away && pool->signer_count - signers_stuck(pool, now_us()) <= pool->sessions) {
        if ((job = job_take(pool)) != NULL) {
            signer_work(signer, job);
        } else {
            pool->idle++;
            pthread_cond_wait(&pool->for_signers, &pool->lock);
            pool->idle--;
        }
    }
    if (pool->first != NULL) /* what it may have been woken for */
        pthread_cond_signal(&pool->for_signers);
    pthread_mutex_unlock(&pool->lock);
    disconnect(signer);
    pkcs11_module_close(signer->module);
    pthread_mutex_lock(&pool->lock);
    signer_leave(signer);
    return NULL;
}

/* Signals are for the threads of the program. */
static int thread_start(struct signer *signer)
{
    sigset_t all, before;
    pthread_attr_t attributes;
    pthread_t thread;
    int rc;

    sigfillset(&all);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&thread, &attributes, signer_main, signer);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return rc;
}

/* The pool's lock is held, as in what follows. */
static void signer_start(struct pool *pool)
{
    struct signer *signer = calloc(1, sizeof(*signer));

    if (signer == NULL)
        return;
    signer->pool = pool;
    pool->started = now_us();
    if (thread_start(signer) != 0) {
        free(signer);
        return;
    }
    signer->next = pool->signers;
    pool->signers = signer;
    pool->signer_count++;
    pool->holders++;
}

/* ---- callers ---- */

static int no_answer(const struct pool *pool, struct smki_error *err)
{
    return smki_fail(err, SMKI_CA_KEY_UNAVAILABLE, "the token '%s' did not answer in %.3g s: its module hangs, or its HSM is not reached",
                     pool->uri.token, (double)pool->timeout / (double)SMKI_SECOND);
}

static unsigned sessions_wanted(const struct pool *pool, int64_t now)
{
    return now < pool->full_until && pool->room < pool->sessions ? pool->room : pool->sessions;
}

/* A thread for the job; when all hang in the module another now and then, since a hang can be one connection's. */
static int signer_provide(struct pool *pool, struct smki_error *err)
{
    const int64_t now = now_us();
    const unsigned stuck = signers_stuck(pool, now), good = pool->signer_count - stuck;

    if (now < pool->look_at)
        return smki_fail(err, SMKI_CA_KEY_UNAVAILABLE, "%s", pool->away.text);
    if (pool->waiting >= pool->idle && good < sessions_wanted(pool, now) && stuck < STUCK_MAX &&
        (stuck == 0 || now - pool->started > pool->timeout))
        signer_start(pool);
    if (pool->signer_count == 0)
        return smki_fail(err, SMKI_CA_KEY_UNAVAILABLE, "no thread can be started for the token: out of memory");
    return pool->signer_count > stuck ? 0 : no_answer(pool, err);
}

static void job_unlink(struct pool *pool, struct job *job)
{
    struct job **at = &pool->first;

    while (*at != job)
        at = &(*at)->next;
    if ((*at = job->next) == NULL)
        pool->last = at;
    pool->waiting--;
    job_release(job);
}

/* Many signatures may take longer than one answer may: as long as the token goes on answering. */
static bool job_wait(struct pool *pool, struct job *job)
{
    int64_t until = job->until;

    while (job->state != JOB_DONE) {
        const int64_t now = now_us(), later = (job->state == JOB_RUNS ? job->moved : pool->moved) + pool->timeout;

        if (now < until)
            wait_until(&job->done, &pool->lock, until);
        else if (job->count > 1 && later > now)
            until = later;
        else
            return false;
    }
    return true;
}

/* The pool's lock is held, as in what follows. */
static int job_put(struct pool *pool, struct job *job, struct smki_error *err)
{
    int rc = job->digests == NULL || job->signatures == NULL || job->sizes == NULL ? smki_fail(err, SMKI_NO_MEMORY, NULL)
                                                                                   : signer_provide(pool, err);

    if (rc != 0)
        return rc;
    job->holders++;
    job->until = now_us() + pool->timeout;
    *pool->last = job;
    pool->last = &job->next;
    pool->waiting++;
    pthread_cond_signal(&pool->for_signers);
    return 0;
}

static int job_end(struct pool *pool, struct job *job, struct smki_error *err)
{
    if (job_wait(pool, job))
        return job->rc == 0 ? 0 : smki_fail(err, job->rc == SMKI_NO_MEMORY ? job->rc : SMKI_CA_KEY_UNAVAILABLE, "%s", job->err.text);
    atomic_store(&job->left, true);
    if (job->state == JOB_WAITS)
        job_unlink(pool, job);
    return no_answer(pool, err);
}

/* ---- many: in as many parts as there are sessions with nothing to do, so that an HSM at the end of a line is not waited for 32 times in a
 * row ---- */

static size_t parts_wanted(const struct pool *pool, size_t count)
{
    const unsigned wanted = sessions_wanted(pool, now_us()), fresh = pool->signer_count < wanted ? wanted - pool->signer_count : 0;
    const unsigned free = pool->idle + fresh;
    const size_t most = count / PART_LEAST, idle = free > pool->waiting ? free - pool->waiting : 0;
    const size_t parts = idle < most ? idle : most;

    return parts == 0 ? 1 : parts < PARTS_MAX ? parts : PARTS_MAX;
}

struct parts {
    struct job *jobs[PARTS_MAX];
    size_t first[PARTS_MAX], count;
};

static int parts_put(struct parts *parts, struct pool *pool, size_t count, uint8_t digests[][SHA256_SIZE], struct smki_error *err)
{
    const size_t wanted = parts_wanted(pool, count);
    int rc = 0;

    for (size_t i = 0; i < wanted && rc == 0; i++) {
        const size_t first = count * i / wanted, end = count * (i + 1) / wanted;
        struct job *job = job_create(end - first, digests + first);

        if (job == NULL)
            return smki_fail(err, SMKI_NO_MEMORY, NULL);
        if ((rc = job_put(pool, job, err)) != 0) {
            job_release(job);
        } else {
            parts->first[parts->count] = first;
            parts->jobs[parts->count++] = job;
        }
    }
    return rc;
}

/* What of it was signed, when not all was: it is given to nobody. */
static void parts_untell(const struct parts *parts, struct pool *pool)
{
    for (size_t i = 0; i < parts->count; i++)
        if (parts->jobs[i]->state == JOB_DONE && parts->jobs[i]->rc == 0)
            pool->counts.given -= parts->jobs[i]->count;
}

static int token_sign_many(const struct smki_key *key, size_t count, uint8_t digests[][SHA256_SIZE], uint8_t out[][SMKI_SIGNATURE_MAX_SIZE],
                           size_t sizes[], struct smki_error *err)
{
    struct pool *pool = pool_of(key);
    struct parts parts = {.count = 0};
    int rc;

    if (pool->pid != getpid())
        return smki_fail(err, SMKI_CA_KEY_UNAVAILABLE, "a key on a token is not used in a forked process: open it there");
    pthread_mutex_lock(&pool->lock);
    rc = parts_put(&parts, pool, count, digests, err);
    for (size_t i = 0; i < parts.count; i++) {
        struct smki_error why = {0};
        const int ended = job_end(pool, parts.jobs[i], &why);

        if (ended != 0 && rc == 0)
            rc = smki_fail(err, ended, "%s", why.text);
    }
    if (rc != 0)
        parts_untell(&parts, pool);
    for (size_t i = 0; i < parts.count; i++) {
        const struct job *job = parts.jobs[i];

        if (rc == 0) {
            memcpy(out + parts.first[i], job->signatures, job->count * sizeof(*out));
            memcpy(sizes + parts.first[i], job->sizes, job->count * sizeof(*sizes));
        }
        job_release(parts.jobs[i]);
    }
    pthread_mutex_unlock(&pool->lock);
    return rc;
}

static int token_sign(const struct smki_key *key, uint8_t out[SMKI_SIGNATURE_MAX_SIZE], size_t *size, const uint8_t digest[SHA256_SIZE],
                      struct smki_error *err)
{
    uint8_t digests[1][SHA256_SIZE], signatures[1][SMKI_SIGNATURE_MAX_SIZE];
    int rc;

    memcpy(digests[0], digest, SHA256_SIZE);
    if ((rc = token_sign_many(key, 1, digests, signatures, size, err)) == 0)
        memcpy(out, signatures[0], *size);
    return rc;
}

/* ---- life and death ---- */

static int pool_set(struct pool *pool, const char *uri, const struct smki_pkcs11 *settings, struct smki_error *err)
{
    int rc = pkcs11_uri_complete(&pool->uri, uri, settings, err);

    if (rc != 0)
        return rc;
    pool->sessions = settings->sessions == 0 ? 1 : settings->sessions > SESSIONS_MAX ? SESSIONS_MAX : settings->sessions;
    pool->timeout = settings->timeout > 0 ? settings->timeout : SMKI_PKCS11_TIMEOUT;
    if (snprintf(pool->folder, sizeof(pool->folder), "%s", settings->folder != NULL ? settings->folder : ".") >= (int)sizeof(pool->folder))
        return smki_fail(err, SMKI_TOO_LARGE, "the home's path is too long");
    if (pool->uri.pin_source[0] != '\0')
        return 0;
    pool->pin_is_new = true;
    return pkcs11_pin_ask(&pool->pin, &pool->uri, settings, err);
}

static struct pool *pool_create(struct smki_bytes spki, enum smki_key_type type)
{
    struct pool *pool = calloc(1, sizeof(*pool));

    if (pool == NULL)
        return NULL;
    pool->pid = getpid();
    pool->type = type;
    pool->spki_size = spki.size;
    memcpy(pool->spki, spki.at, spki.size);
    pthread_mutex_init(&pool->lock, NULL);
    condition_make(&pool->for_signers);
    condition_make(&pool->for_closer);
    pool->last = &pool->first;
    pool->holders = 1;
    return pool;
}

int smki_key_open_token(struct smki_key **out, const char *uri, const struct smki_pkcs11 *settings, struct smki_bytes spki,
                        struct smki_error *err)
{
    struct key_on_token *key = calloc(1, sizeof(*key));
    int rc;

    *out = NULL;
    if (key == NULL || spki.size > sizeof(key->key.spki)) {
        free(key);
        return smki_fail(err, key == NULL ? SMKI_NO_MEMORY : SMKI_KEY_TYPE, NULL);
    }
    key->key.home = home_token();
    key->key.type = spki_point(key->key.point, spki) ? SMKI_KEY_P256 : SMKI_KEY_RSA;
    memcpy(key->key.spki, spki.at, spki.size);
    key->key.spki_size = spki.size;
    if ((key->pool = pool_create(spki, key->key.type)) == NULL) {
        free(key);
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    }
    if ((rc = pool_set(key->pool, uri, settings, err)) != 0) {
        smki_key_close(&key->key);
        return rc;
    }
    *out = &key->key;
    return 0;
}

/* Threads that hang in the module are left to themselves: they hold the pool. */
static void token_close(struct smki_key *key)
{
    struct pool *pool = pool_of(key);
    const int64_t until = now_us() + CLOSE_WAIT;

    free(key);
    if (pool->pid != getpid())
        return; /* its threads and their locks are the parent's */
    pthread_mutex_lock(&pool->lock);
    pool->closing = true;
    pthread_cond_broadcast(&pool->for_signers);
    while (pool->signer_count > signers_stuck(pool, now_us()) && now_us() < until)
        wait_until(&pool->for_closer, &pool->lock, until < now_us() + AWAY_PAUSE ? until : now_us() + AWAY_PAUSE);
    pkcs11_pin_wipe(&pool->pin);
    pool_release(pool);
}

void key_pkcs11_counts(const struct smki_key *key, struct key_pkcs11_counts *out)
{
    struct pool *pool;

    *out = (struct key_pkcs11_counts){0};
    if (key == NULL || key->home != home_token())
        return;
    pool = pool_of(key);
    pthread_mutex_lock(&pool->lock);
    *out = pool->counts;
    pthread_mutex_unlock(&pool->lock);
}

void key_pkcs11_untold(const struct smki_key *key, uint64_t count)
{
    struct pool *pool;

    if (key->home != home_token())
        return;
    pool = pool_of(key);
    pthread_mutex_lock(&pool->lock);
    pool->counts.given -= count;
    pthread_mutex_unlock(&pool->lock);
}

static const struct key_home *home_token(void)
{
    static const struct key_home home = {
        .name = "token", .together = KEY_TOGETHER, .sign = token_sign, .sign_many = token_sign_many, .close = token_close};

    return &home;
}
