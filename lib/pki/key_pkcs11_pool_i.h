/* A key's threads, their sessions, and the jobs that wait for them; key_pkcs11.c says why. */
#ifndef SMKI_KEY_PKCS11_POOL_I_H
#define SMKI_KEY_PKCS11_POOL_I_H

#include "pki/key_pkcs11_i.h"
#include "pki/pkcs11_i.h"

#include <pthread.h>
#include <stdatomic.h>

enum key_job_state { JOB_WAITS, JOB_RUNS, JOB_DONE };

/* Digests to be signed, and their signatures. */
struct key_job {
    struct key_job *next;
    unsigned holders; /* the caller, the pool: the last one frees; under the pool's lock, as is `state` */
    enum key_job_state state;
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
struct key_signer {
    struct key_pool *pool;
    struct key_signer *next;
    pthread_t thread;
    int64_t moved; /* when it last came out of the module; 0: it has no job. Under the pool's lock */
    struct key_job *job;
    struct pkcs11_module *module;
    unsigned generation;
    bool connected;
    bool turned_away; /* the token has no room for its session */
    CK_SESSION_HANDLE session;
    struct pkcs11_kept kept; /* it, while connected */
    CK_OBJECT_HANDLE key;
};

struct key_pool {
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
    unsigned holders;        /* the key and the threads */
    bool closing, closed;    /* closed: nobody waits for threads any more */
    struct key_signer *gone; /* threads that have ended since it closes */
    struct key_job *first, **last;
    unsigned waiting; /* jobs in it */
    struct key_signer *signers;
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

/* us, of a clock that nobody sets */
int64_t key_pool_now(void);

/* ---- key_pkcs11_pool.c ---- */

/* NULL: no memory. Its uri, folder, sessions, timeout and pin are still to be set. */
struct key_pool *key_pool_create(struct smki_bytes spki, enum smki_key_type type);
/* Waits a while for the threads, until they are no more: what a module keeps for a thread must not be freed while the process ends. Those
 * that hang in the module are left to themselves: they hold the pool. */
void key_pool_close(struct key_pool *pool);
/* How many sessions it makes sense to ask the token for. The pool's lock is held, as in what follows. */
unsigned key_pool_wanted(const struct key_pool *pool, int64_t now);

/* NULL: no memory. */
struct key_job *key_job_create(size_t count, uint8_t digests[][SHA256_SIZE]);
void key_job_release(struct key_job *job);
/* Leaves it to the threads. CA_KEY_UNAVAILABLE, NO_MEMORY. */
SMKI_MUST_USE int key_job_put(struct key_pool *pool, struct key_job *job, struct smki_error *err);
/* Waits until it is done, or no longer. CA_KEY_UNAVAILABLE, NO_MEMORY. */
SMKI_MUST_USE int key_job_end(struct key_pool *pool, struct key_job *job, struct smki_error *err);

/* ---- key_pkcs11_session.c: by the signer's thread, the lock is not held ---- */

/* Signs what the job asks for; what of it was signed is in the job. What went wrong with the token is the caller's to judge. */
SMKI_MUST_USE int key_session_serve(struct key_signer *signer, struct key_job *job, struct smki_error *err);
/* Gives up the session and the module. */
void key_session_end(struct key_signer *signer);

#endif
