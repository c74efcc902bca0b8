/* One queue, first come first served. */
#include "serve/pool_i.h"

#include "serve/log_i.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct job *first, **last;
    bool ends;
    atomic_uint queued, running;
    unsigned count;
    pthread_t threads[];
};

static struct job *job_take(struct pool *pool)
{
    struct job *job;

    pthread_mutex_lock(&pool->lock);
    while (pool->first == NULL && !pool->ends)
        pthread_cond_wait(&pool->wake, &pool->lock);
    job = pool->first;
    if (job != NULL) {
        pool->first = job->next;
        if (pool->first == NULL)
            pool->last = &pool->first;
        atomic_fetch_sub(&pool->queued, 1);
        atomic_fetch_add(&pool->running, 1);
    }
    pthread_mutex_unlock(&pool->lock);
    return job;
}

static void *pool_main(void *context)
{
    struct pool *pool = context;
    struct job *job;

    while ((job = job_take(pool)) != NULL) {
        job->run(job);
        atomic_fetch_sub(&pool->running, 1);
    }
    return NULL;
}

int pool_create(struct pool **out, unsigned threads, struct smki_error *err)
{
    struct pool *pool = calloc(1, sizeof(*pool) + threads * sizeof(pool->threads[0]));

    if (pool == NULL)
        return serve_fail(err, SMKI_NO_MEMORY, "out of memory");
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pool->last = &pool->first;
    for (; pool->count < threads; pool->count++) {
        int errnum = pthread_create(&pool->threads[pool->count], NULL, pool_main, pool);

        if (errnum != 0) {
            pool_destroy(pool);
            return serve_fail_errno(err, errnum, "starting %u threads for requests", threads);
        }
    }
    *out = pool;
    return 0;
}

void pool_destroy(struct pool *pool)
{
    if (pool == NULL)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->ends = true;
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->count; i++)
        pthread_join(pool->threads[i], NULL);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

void pool_submit(struct pool *pool, struct job *job)
{
    job->next = NULL;
    atomic_fetch_add(&pool->queued, 1);
    pthread_mutex_lock(&pool->lock);
    *pool->last = job;
    pool->last = &job->next;
    pthread_mutex_unlock(&pool->lock);
    pthread_cond_signal(&pool->wake); /* once the mutex is free: who is woken wants it */
}

unsigned pool_queued(const struct pool *pool)
{
    return atomic_load(&pool->queued);
}

unsigned pool_running(const struct pool *pool)
{
    return atomic_load(&pool->running);
}

unsigned pool_threads(const struct pool *pool)
{
    return pool->count;
}
