/* Two queues, each first come first served. */
#include "serve/pool_i.h"

#include "serve/log_i.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

/* Threads of the second queue: one at its write, and others that get ready what goes into the next. More would leave less to be shared. */
#define SHARED_THREADS 3

struct queue {
    struct job *first, **last;
};

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t wake, wake_shared;
    struct queue queue, shared;
    pool_shared_fn shared_run;
    bool ends;
    atomic_uint queued, running;
    unsigned count, started;
    pthread_t threads[]; /* `count`, then SHARED_THREADS */
};

static void queue_add(struct queue *queue, struct job *job)
{
    job->next = NULL;
    *queue->last = job;
    queue->last = &job->next;
}

/* The first `most` of them, as a list. */
static struct job *queue_take(struct queue *queue, unsigned most, unsigned *count)
{
    struct job *first = queue->first, **end = &queue->first;

    for (*count = 0; *count < most && *end != NULL; ++*count)
        end = &(*end)->next;
    queue->first = *end;
    *end = NULL;
    if (queue->first == NULL)
        queue->last = &queue->first;
    return first;
}

/* NULL: the pool ends. */
static struct job *job_take(struct pool *pool, struct queue *queue, pthread_cond_t *wake, unsigned most)
{
    struct job *job;
    unsigned count;

    pthread_mutex_lock(&pool->lock);
    while (queue->first == NULL && !pool->ends)
        pthread_cond_wait(wake, &pool->lock);
    job = queue_take(queue, most, &count);
    pthread_mutex_unlock(&pool->lock);
    if (job != NULL) {
        atomic_fetch_sub(&pool->queued, count);
        atomic_fetch_add(&pool->running, 1);
    }
    return job;
}

static void *pool_main(void *context)
{
    struct pool *pool = context;
    struct job *job;

    while ((job = job_take(pool, &pool->queue, &pool->wake, 1)) != NULL) {
        job->run(job);
        atomic_fetch_sub(&pool->running, 1);
    }
    return NULL;
}

static void *shared_main(void *context)
{
    struct pool *pool = context;
    struct job *list;

    while ((list = job_take(pool, &pool->shared, &pool->wake_shared, POOL_SHARED_MAX)) != NULL) {
        pool->shared_run(list);
        atomic_fetch_sub(&pool->running, 1);
    }
    return NULL;
}

int pool_create(struct pool **out, unsigned threads, pool_shared_fn shared, struct smki_error *err)
{
    struct pool *pool = calloc(1, sizeof(*pool) + (threads + SHARED_THREADS) * sizeof(pool->threads[0]));

    if (pool == NULL)
        return serve_fail(err, SMKI_NO_MEMORY, "out of memory");
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pthread_cond_init(&pool->wake_shared, NULL);
    pool->queue.last = &pool->queue.first;
    pool->shared.last = &pool->shared.first;
    pool->shared_run = shared;
    pool->count = threads;
    for (; pool->started < threads + SHARED_THREADS; pool->started++) {
        int errnum = pthread_create(&pool->threads[pool->started], NULL, pool->started < threads ? pool_main : shared_main, pool);

        if (errnum != 0) {
            pool_destroy(pool);
            return serve_fail_errno(err, errnum, "starting %u threads for requests", threads + SHARED_THREADS);
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
    pthread_cond_broadcast(&pool->wake_shared);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->started; i++)
        pthread_join(pool->threads[i], NULL);
    pthread_cond_destroy(&pool->wake_shared);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

static void add(struct pool *pool, struct queue *queue, pthread_cond_t *wake, struct job *job)
{
    atomic_fetch_add(&pool->queued, 1);
    pthread_mutex_lock(&pool->lock);
    queue_add(queue, job);
    pthread_mutex_unlock(&pool->lock);
    pthread_cond_signal(wake); /* once the mutex is free: who is woken wants it */
}

void pool_submit(struct pool *pool, struct job *job)
{
    add(pool, &pool->queue, &pool->wake, job);
}

void pool_share(struct pool *pool, struct job *job)
{
    add(pool, &pool->shared, &pool->wake_shared, job);
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
