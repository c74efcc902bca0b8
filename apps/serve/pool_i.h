/* The pool: threads that do what may block; one job at a time, or those of its second queue as many as are there. */
#ifndef SERVE_POOL_I_H
#define SERVE_POOL_I_H

#include <smki/base.h>

struct pool;

/* Lies in what it is about; must live until `run` has been called. */
struct job {
    void (*run)(struct job *job); /* in a pool thread; the job is the callee's again */
    struct job *next;
};

/* Does several jobs, at most POOL_SHARED_MAX, as one; they are the callee's again. */
typedef void (*pool_shared_fn)(struct job *list);
#define POOL_SHARED_MAX 32

SMKI_MUST_USE int pool_create(struct pool **out, unsigned threads, pool_shared_fn shared, struct smki_error *err);
/* Works off what is queued, then ends. */
void pool_destroy(struct pool *pool);
void pool_submit(struct pool *pool, struct job *job);
/* Into the second queue, which has a few threads of its own: while they are at work (at a durable write, say) more comes together. job->run
 * is not called. */
void pool_share(struct pool *pool, struct job *job);
/* Jobs that wait for a thread, in both queues; jobs being run, several as one; threads. */
unsigned pool_queued(const struct pool *pool);
unsigned pool_running(const struct pool *pool);
unsigned pool_threads(const struct pool *pool);

#endif
