/* Refusals that are in no record, since nobody had been let in: what of them is told on standard error. */
#include "serve/request_i.h"

#define TOLD_MAX 60 /* lines a minute */

void refusals_init(struct refusals *refusals)
{
    pthread_mutex_init(&refusals->lock, NULL);
}

void refusals_finish(struct refusals *refusals)
{
    pthread_mutex_destroy(&refusals->lock);
}

/* A new minute where the one before is over. The lock is held. */
static void minute_turn(struct refusals *refusals, const char *program, int64_t now)
{
    const unsigned out = atomic_exchange(&refusals->out, 0);

    if (out != 0)
        log_line(program, "%u further refusals were not told of, of more than %d in a minute", out, TOLD_MAX);
    refusals->since = now;
    refusals->told = 0;
}

static bool may_tell(struct refusals *refusals, const char *program, int64_t now)
{
    bool may;

    pthread_mutex_lock(&refusals->lock);
    if (now - refusals->since >= SMKI_MINUTE)
        minute_turn(refusals, program, now);
    may = refusals->told < TOLD_MAX;
    if (may)
        refusals->told++;
    else
        atomic_fetch_add(&refusals->out, 1);
    pthread_mutex_unlock(&refusals->lock);
    return may;
}

void refusals_close(struct refusals *refusals, const char *program, int64_t now, bool at_once)
{
    if (atomic_load_explicit(&refusals->out, memory_order_relaxed) == 0)
        return;
    pthread_mutex_lock(&refusals->lock);
    if (at_once || now - refusals->since >= SMKI_MINUTE)
        minute_turn(refusals, program, now);
    pthread_mutex_unlock(&refusals->lock);
}

void serve_refusal_tell(const struct serve_request *request, uint64_t transaction, int code, const char *text)
{
    struct serve *serve = request->worker->serve;

    if (may_tell(&serve->refusals, serve->program, ticks_now()))
        log_line(serve->program, "TransactionId %llu is on no record: %s from %s was refused: %s: %s", (unsigned long long)transaction,
                 request->site->face.name, serve_peer(request), smki_refusal_find(code)->name, text);
}
