/* Two queues, each first come first served. */
#include "serve/pool_i.h"

#include "serve/log_i.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

/* Threads at the second queue: one at its write, and others that get ready what goes into the next. More would leave less to be shared. */
#define SHARED_TURNS 3

struct queue {
    struct job *first, **last;
};

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct queue queue, shared;
    pool_shared_fn shared_run;
    unsigned turns; /* threads at the second queue */
    bool ends;
    atomic_uint queued, running;
    unsigned count;
    pthread_t threads[];
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

static bool shared_is_due(const struct pool *pool)
{
    return pool->shared.first != NULL && pool->turns < SHARED_TURNS;
}

/* NULL: the pool ends. */
static struct job *job_take(struct pool *pool, bool *shared)
{
    struct job *job;
    unsigned count;

    pthread_mutex_lock(&pool->lock);
    while (pool->queue.first == NULL && !shared_is_due(pool) && !pool->ends)
        pthread_cond_wait(&pool->wake, &pool->lock);
    *shared = pool->queue.first == NULL && pool->shared.first != NULL;
    job = queue_take(*shared ? &pool->shared : &pool->queue, *shared ? POOL_SHARED_MAX : 1, &count);
    pool->turns += *shared ? 1 : 0;
    atomic_fetch_sub(&pool->queued, count);
    if (job != NULL)
        atomic_fetch_add(&pool->running, 1);
    pthread_mutex_unlock(&pool->lock);
    return job;
}

static void shared_end(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->turns--;
    pthread_mutex_unlock(&pool->lock);
}

static void *pool_main(void *context)
{
    struct pool *pool = context;
    struct job *job;
    bool shared;

    while ((job = job_take(pool, &shared)) != NULL) {
        if (shared) {
            pool->shared_run(job);
            shared_end(pool);
        } else {
            job->run(job);
        }
        atomic_fetch_sub(&pool->running, 1);
    }
    return NULL;
}

int pool_create(struct pool **out, unsigned threads, pool_shared_fn shared, struct smki_error *err)
{
    struct pool *pool = calloc(1, sizeof(*pool) + threads * sizeof(pool->threads[0]));

    if (pool == NULL)
        return serve_fail(err, SMKI_NO_MEMORY, "out of memory");
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pool->queue.last = &pool->queue.first;
    pool->shared.last = &pool->shared.first;
    pool->shared_run = shared;
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
    atomic_fetch_add(&pool->queued, 1);
    pthread_mutex_lock(&pool->lock);
    queue_add(&pool->queue, job);
    pthread_mutex_unlock(&pool->lock);
    pthread_cond_signal(&pool->wake); /* once the mutex is free: who is woken wants it */
}

void pool_share(struct pool *pool, struct job *job)
{
    bool due;

    atomic_fetch_add(&pool->queued, 1);
    pthread_mutex_lock(&pool->lock);
    queue_add(&pool->shared, job);
    due = shared_is_due(pool); /* else whoever ends its turn looks */
    pthread_mutex_unlock(&pool->lock);
    if (due)
        pthread_cond_signal(&pool->wake);
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
