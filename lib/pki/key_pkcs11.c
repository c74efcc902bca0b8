/* Private keys that live in an HSM or on a token.
 *
 * A call into a module can take for ever, so no caller ever makes one. A key has a few threads of its own, each with its own session; a
 * caller leaves a job in a queue and waits for it until a deadline. The job's memory is the job's: who gives up waiting leaves it to the
 * thread, and a late answer is written where nobody looks.
 *
 * Every session, when it has found its key, proves it with a signature that is verified under the public key the caller expects; so a key
 * opens without touching the token, and a token that is away, comes back or was exchanged is all the same case: a session to be made. The
 * last signature of each job is verified too, since a session may outlive the token it was made with. */
#include "pki/key_pkcs11_pool_i.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SESSIONS_MAX 256
#define PART_LEAST   4 /* signatures of a call that is divided among sessions */
#define PARTS_MAX    (KEY_TOGETHER / PART_LEAST)

struct key_on_token {
    struct smki_key key; /* first */
    struct key_pool *pool;
};

static const struct key_home *home_token(void);

static struct key_pool *pool_of(const struct smki_key *key)
{
    return ((const struct key_on_token *)(const void *)key)->pool;
}

/* ---- many: in as many parts as there are sessions with nothing to do, so that an HSM at the end of a line is not waited for 32 times in a
 * row ---- */

static size_t parts_wanted(const struct key_pool *pool, size_t count)
{
    const unsigned wanted = key_pool_wanted(pool, key_pool_now()), fresh = pool->signer_count < wanted ? wanted - pool->signer_count : 0;
    const unsigned free = pool->idle + fresh;
    const size_t most = count / PART_LEAST, idle = free > pool->waiting ? free - pool->waiting : 0;
    const size_t parts = idle < most ? idle : most;

    return parts == 0 ? 1 : parts < PARTS_MAX ? parts : PARTS_MAX;
}

struct parts {
    struct key_job *jobs[PARTS_MAX];
    size_t first[PARTS_MAX], count;
};

static int parts_put(struct parts *parts, struct key_pool *pool, size_t count, uint8_t digests[][SHA256_SIZE], struct smki_error *err)
{
    const size_t wanted = parts_wanted(pool, count);
    int rc = 0;

    for (size_t i = 0; i < wanted && rc == 0; i++) {
        const size_t first = count * i / wanted, end = count * (i + 1) / wanted;
        struct key_job *job = key_job_create(end - first, digests + first);

        if (job == NULL)
            return smki_fail(err, SMKI_NO_MEMORY, NULL);
        if ((rc = key_job_put(pool, job, err)) != 0) {
            key_job_release(job);
        } else {
            parts->first[parts->count] = first;
            parts->jobs[parts->count++] = job;
        }
    }
    return rc;
}

/* What of it was signed, when not all was: it is given to nobody. */
static void parts_untell(const struct parts *parts, struct key_pool *pool)
{
    for (size_t i = 0; i < parts->count; i++)
        if (parts->jobs[i]->state == JOB_DONE && parts->jobs[i]->rc == 0)
            pool->counts.given -= parts->jobs[i]->count;
}

static int token_sign_many(const struct smki_key *key, size_t count, uint8_t digests[][SHA256_SIZE], uint8_t out[][SMKI_SIGNATURE_MAX_SIZE],
                           size_t sizes[], struct smki_error *err)
{
    struct key_pool *pool = pool_of(key);
    struct parts parts = {.count = 0};
    int rc;

    if (pool->pid != getpid())
        return smki_fail(err, SMKI_CA_KEY_UNAVAILABLE, "a key on a token is not used in a forked process: open it there");
    pthread_mutex_lock(&pool->lock);
    rc = parts_put(&parts, pool, count, digests, err);
    for (size_t i = 0; i < parts.count; i++) {
        struct smki_error why = {0};
        const int ended = key_job_end(pool, parts.jobs[i], &why);

        if (ended != 0 && rc == 0)
            rc = smki_fail(err, ended, "%s", why.text);
    }
    if (rc != 0)
        parts_untell(&parts, pool);
    for (size_t i = 0; i < parts.count; i++) {
        const struct key_job *job = parts.jobs[i];

        if (rc == 0) {
            memcpy(out + parts.first[i], job->signatures, job->count * sizeof(*out));
            memcpy(sizes + parts.first[i], job->sizes, job->count * sizeof(*sizes));
        }
        key_job_release(parts.jobs[i]);
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

static int pool_set(struct key_pool *pool, const char *uri, const struct smki_pkcs11 *settings, struct smki_error *err)
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
    if ((key->pool = key_pool_create(spki, key->key.type)) == NULL) {
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

void key_pkcs11_counts(const struct smki_key *key, struct key_pkcs11_counts *out)
{
    struct key_pool *pool;

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
    struct key_pool *pool;

    if (key->home != home_token())
        return;
    pool = pool_of(key);
    pthread_mutex_lock(&pool->lock);
    pool->counts.given -= count;
    pthread_mutex_unlock(&pool->lock);
}

static void token_close(struct smki_key *key)
{
    struct key_pool *pool = pool_of(key);

    free(key);
    if (pool->pid == getpid()) /* else its threads and their locks are the parent's */
        key_pool_close(pool);
}

static const struct key_home *home_token(void)
{
    static const struct key_home home = {
        .name = "token", .together = KEY_TOGETHER, .sign = token_sign, .sign_many = token_sign_many, .close = token_close};

    return &home;
}
