/* The pool: threads that do what may block. */
#ifndef SERVE_POOL_I_H
#define SERVE_POOL_I_H

#include <smki/base.h>

struct pool;

/* Lies in what it is about; must live until `run` has been called. */
struct job {
    void (*run)(struct job *job); /* in a pool thread; the job is the callee's again */
    struct job *next;
};

SMKI_MUST_USE int pool_create(struct pool **out, unsigned threads, struct smki_error *err);
/* Works off what is queued, then ends. */
void pool_destroy(struct pool *pool);
void pool_submit(struct pool *pool, struct job *job);
/* Jobs that wait for a thread; jobs being run; threads. */
unsigned pool_queued(const struct pool *pool);
unsigned pool_running(const struct pool *pool);
unsigned pool_threads(const struct pool *pool);

#endif
