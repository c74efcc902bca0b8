/* The threads of a key on a token, and the jobs in their queue. */
#include "pki/key_pkcs11_pool_i.h"

#include <mbedtls/platform_util.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define STUCK_MAX  8                  /* threads beyond the sessions that may be started because others hang in the module */
#define AWAY_PAUSE (SMKI_SECOND / 10) /* us between two looks for a token that is away */
#define CLOSE_WAIT (2 * SMKI_SECOND)  /* us that closing waits for threads that are in the module */
#define FULL_PAUSE (10 * SMKI_SECOND) /* us that no more sessions are asked for than a token had room for */

int64_t key_pool_now(void)
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

struct key_job *key_job_create(size_t count, uint8_t digests[][SHA256_SIZE])
{
    struct key_job *job = calloc(1, sizeof(*job));

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
void key_job_release(struct key_job *job)
{
    if (--job->holders != 0)
        return;
    pthread_cond_destroy(&job->done);
    free(job->digests);
    free(job->signatures);
    free(job->sizes);
    free(job);
}

/* The pool's lock is held. */
static void job_finish(struct key_signer *signer, struct key_job *job, int rc, const struct smki_error *err)
{
    struct key_pool *pool = signer->pool;

    job->rc = rc;
    job->err = *err;
    job->state = JOB_DONE;
    if (rc == 0 && !atomic_load(&job->left))
        pool->counts.given += job->count;
    if (rc != 0 && !signer->connected && !atomic_load(&job->left)) {
        pool->look_at = key_pool_now() + AWAY_PAUSE;
        pool->away = *err;
    } else if (rc == 0) {
        pool->look_at = 0;
    }
    pthread_cond_signal(&job->done);
    key_job_release(job);
}

/* ---- threads ---- */

static void pool_release(struct key_pool *pool) /* its lock is held, and given up */
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

static struct key_job *job_take(struct key_pool *pool)
{
    struct key_job *job = pool->first;

    if (job == NULL)
        return NULL;
    if ((pool->first = job->next) == NULL)
        pool->last = &pool->first;
    pool->waiting--;
    job->state = JOB_RUNS;
    return job;
}

/* It waits again, before all others. */
static void job_put_back(struct key_pool *pool, struct key_job *job)
{
    if ((job->next = pool->first) == NULL)
        pool->last = &job->next;
    pool->first = job;
    pool->waiting++;
    job->state = JOB_WAITS;
}

/* A token that has room for fewer sessions is worked with those that there are. */
static bool leaves_it_to_others(struct key_signer *signer, const struct key_job *job, int rc)
{
    struct key_pool *pool = signer->pool;

    if (rc == 0 || !signer->turned_away || pool->open == 0 || atomic_load(&job->left))
        return false;
    pool->room = pool->open;
    pool->full_until = key_pool_now() + FULL_PAUSE;
    return true;
}

static void signer_work(struct key_signer *signer, struct key_job *job)
{
    struct key_pool *pool = signer->pool;
    struct smki_error err = {0};
    int rc;

    signer->job = job;
    signer->moved = job->moved = key_pool_now();
    pthread_mutex_unlock(&pool->lock);
    rc = key_session_serve(signer, job, &err);
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

static unsigned signers_stuck(const struct key_pool *pool, int64_t now)
{
    unsigned stuck = 0;

    for (const struct key_signer *signer = pool->signers; signer != NULL; signer = signer->next)
        stuck += signer->moved != 0 && now - signer->moved > pool->timeout;
    return stuck;
}

static void signer_leave(struct key_signer *signer)
{
    struct key_pool *pool = signer->pool;
    struct key_signer **at = &pool->signers;

    while (*at != signer)
        at = &(*at)->next;
    *at = signer->next;
    pool->signer_count--;
    if (pool->closing && !pool->closed) {
        signer->next = pool->gone;
        pool->gone = signer;
        pthread_cond_signal(&pool->for_closer);
    } else {
        pthread_detach(signer->thread);
        free(signer);
    }
    pool_release(pool);
}

/* Waits for the ends of threads, at most until `until`. Their last steps are the libraries', which free what they kept for a thread. */
static void signers_join(struct key_signer *signer, int64_t until)
{
    struct key_signer *next;
    struct timespec end;

    clock_gettime(CLOCK_REALTIME, &end); /* the join's clock */
    until = until - key_pool_now() + (int64_t)end.tv_sec * SMKI_SECOND + end.tv_nsec / 1000;
    end = (struct timespec){.tv_sec = (time_t)(until / SMKI_SECOND), .tv_nsec = (long)(until % SMKI_SECOND) * 1000};
    for (; signer != NULL; signer = next) {
        next = signer->next;
        if (pthread_timedjoin_np(signer->thread, NULL, &end) != 0)
            pthread_detach(signer->thread);
        free(signer);
    }
}

static void *signer_main(void *argument)
{
    struct key_signer *signer = argument;
    struct key_pool *pool = signer->pool;
    struct key_job *job;

    pthread_mutex_lock(&pool->lock);
    while (!pool->closing && !signer->turned_away && pool->signer_count - signers_stuck(pool, key_pool_now()) <= pool->sessions) {
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
    key_session_end(signer);
    pthread_mutex_lock(&pool->lock);
    signer_leave(signer);
    return NULL;
}

/* Signals are for the threads of the program. */
static int thread_start(struct key_signer *signer)
{
    sigset_t all, before;
    int rc;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&signer->thread, NULL, signer_main, signer); /* it waits for the lock, which the caller has */
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

/* The pool's lock is held, as in what follows. */
static void signer_start(struct key_pool *pool)
{
    struct key_signer *signer = calloc(1, sizeof(*signer));

    if (signer == NULL)
        return;
    signer->pool = pool;
    pool->started = key_pool_now();
    if (thread_start(signer) != 0) {
        free(signer);
        return;
    }
    signer->next = pool->signers;
    pool->signers = signer;
    pool->signer_count++;
    pool->holders++;
}

/* ---- those who wait ---- */

static int no_answer(const struct key_pool *pool, struct smki_error *err)
{
    return smki_fail(err, SMKI_CA_KEY_UNAVAILABLE, "the token '%s' did not answer in %.3g s: its module hangs, or its HSM is not reached",
                     pool->uri.token, (double)pool->timeout / (double)SMKI_SECOND);
}

unsigned key_pool_wanted(const struct key_pool *pool, int64_t now)
{
    return now < pool->full_until && pool->room < pool->sessions ? pool->room : pool->sessions;
}

/* A thread for the job; when all hang in the module another now and then, since a hang can be one connection's. */
static int signer_provide(struct key_pool *pool, struct smki_error *err)
{
    const int64_t now = key_pool_now();
    const unsigned stuck = signers_stuck(pool, now), good = pool->signer_count - stuck;

    if (now < pool->look_at)
        return smki_fail(err, SMKI_CA_KEY_UNAVAILABLE, "%s", pool->away.text);
    if (pool->waiting >= pool->idle && good < key_pool_wanted(pool, now) && stuck < STUCK_MAX &&
        (stuck == 0 || now - pool->started > pool->timeout))
        signer_start(pool);
    if (pool->signer_count == 0)
        return smki_fail(err, SMKI_CA_KEY_UNAVAILABLE, "no thread can be started for the token: out of memory");
    return pool->signer_count > stuck ? 0 : no_answer(pool, err);
}

static void job_unlink(struct key_pool *pool, struct key_job *job)
{
    struct key_job **at = &pool->first;

    while (*at != job)
        at = &(*at)->next;
    if ((*at = job->next) == NULL)
        pool->last = at;
    pool->waiting--;
    key_job_release(job);
}

/* Many signatures may take longer than one answer may: as long as the token goes on answering. */
static bool job_wait(struct key_pool *pool, struct key_job *job)
{
    int64_t until = job->until;

    while (job->state != JOB_DONE) {
        const int64_t now = key_pool_now(), later = (job->state == JOB_RUNS ? job->moved : pool->moved) + pool->timeout;

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
int key_job_put(struct key_pool *pool, struct key_job *job, struct smki_error *err)
{
    int rc = job->digests == NULL || job->signatures == NULL || job->sizes == NULL ? smki_fail(err, SMKI_NO_MEMORY, NULL)
                                                                                   : signer_provide(pool, err);

    if (rc != 0)
        return rc;
    job->holders++;
    job->until = key_pool_now() + pool->timeout;
    *pool->last = job;
    pool->last = &job->next;
    pool->waiting++;
    pthread_cond_signal(&pool->for_signers);
    return 0;
}

int key_job_end(struct key_pool *pool, struct key_job *job, struct smki_error *err)
{
    if (job_wait(pool, job))
        return job->rc == 0 ? 0 : smki_fail(err, job->rc == SMKI_NO_MEMORY ? job->rc : SMKI_CA_KEY_UNAVAILABLE, "%s", job->err.text);
    atomic_store(&job->left, true);
    if (job->state == JOB_WAITS)
        job_unlink(pool, job);
    return no_answer(pool, err);
}

/* ---- life and death ---- */

struct key_pool *key_pool_create(struct smki_bytes spki, enum smki_key_type type)
{
    struct key_pool *pool = calloc(1, sizeof(*pool));

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

void key_pool_close(struct key_pool *pool)
{
    const int64_t until = key_pool_now() + CLOSE_WAIT;
    struct key_signer *gone;

    pthread_mutex_lock(&pool->lock);
    pool->closing = true;
    pthread_cond_broadcast(&pool->for_signers);
    while (pool->signer_count > signers_stuck(pool, key_pool_now()) && key_pool_now() < until)
        wait_until(&pool->for_closer, &pool->lock, until < key_pool_now() + AWAY_PAUSE ? until : key_pool_now() + AWAY_PAUSE);
    pkcs11_pin_wipe(&pool->pin);
    pool->closed = true;
    gone = pool->gone;
    pool_release(pool);
    signers_join(gone, until);
}
