/* The server as its parts see it: what all workers share. */
#ifndef SERVE_SERVE_I_H
#define SERVE_SERVE_I_H

#include "serve/bound_i.h"
#include "serve/generation_i.h"
#include "serve/log_i.h"
#include "serve/metrics_i.h"
#include "serve/pool_i.h"
#include "serve/refusals_i.h"
#include "serve/serve.h"

struct worker;

struct serve {
    const struct serve_options *options;
    const char *program;
    struct smki_service *service;
    struct metrics metrics;
    struct refusals refusals;
    struct pool *pool;
    struct bound *peers, *certificates;
    struct worker **workers;
    size_t worker_count;
    struct generation *generation; /* the newest; of the main thread */
    atomic_bool ready, stopping;   /* stopping: what is in flight is finished */
    atomic_bool ending;            /* and now it is not any more */
};

#endif
