/* The bell: a thread that tells the operator's webhook of reports, so that no request waits for it (interfaces.md 1). What cannot be sent
 * is on record with the reason, and is sent again: after a while, with the next report, when the program starts, and by 'smki desk list
 * --retry'. */
#include "portal/portal_i.h"

#include <smki/desk.h>

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define RETRY_FIRST 2   /* s, doubled at each failure in a row */
#define RETRY_LAST  300 /* s */

struct bell {
    pthread_t thread;
    const struct call *call;
    int rings; /* an eventfd */
    volatile int stop;
    unsigned wait;        /* s, until it is tried again; 0: nothing is owed */
    atomic_uint failures; /* in a row */
    uint64_t last;        /* the report that failed: the others have their turn before it */
    uint64_t settled;     /* up to this one nothing is owed, nor ever will be: it need not be read again */
    bool owed;            /* of this part of the round */
    bool refused;         /* by the receiver, in this round */
};

static bool is_stopped(const struct bell *bell)
{
    return __atomic_load_n(&bell->stop, __ATOMIC_RELAXED) != 0;
}

/* ---- one round ---- */

static bool is_owed(const struct smki_desk_entry *entry)
{
    return entry->sent_at.us == 0 && entry->closed_at.us == 0;
}

/* One report. DESK_REFUSED keeps no other from the receiver: it is owed still, and told of at the end of the round. */
static int one_send(struct bell *bell, uint64_t number, struct smki_error *err)
{
    struct smki_error why = {0};
    const int rc = smki_desk_send(bell->call->service, number, &bell->stop, &why);

    if (rc != 0)
        bell->owed = true;
    if (rc == 0 || (rc == SMKI_DESK_REFUSED && bell->refused))
        return 0;
    *err = why;
    bell->refused = bell->refused || rc == SMKI_DESK_REFUSED;
    return rc == SMKI_DESK_REFUSED ? 0 : rc;
}

/* What is owed after `from` and not after `to`, oldest first, up to the first that cannot be sent. */
static int part_send(struct bell *bell, uint64_t from, uint64_t to, struct smki_error *err)
{
    const bool first = from == bell->settled;
    struct smki_desk_entry entry = {.number = from};
    struct smki_error why = {0};
    int rc = 0;

    bell->owed = false;
    while (!is_stopped(bell) && (rc = smki_desk_next(bell->call->service, entry.number, &entry, &why)) == 0 && entry.number <= to) {
        if (is_owed(&entry) && (rc = one_send(bell, entry.number, err)) != 0) {
            bell->last = entry.number;
            return rc;
        }
        if (first && !bell->owed)
            bell->settled = entry.number;
    }
    if (rc != 0 && rc != SMKI_NOT_FOUND)
        *err = why;
    return rc == SMKI_NOT_FOUND ? 0 : rc;
}

/* One that the receiver does not answer must not keep the others from it, either. */
static int round_send(struct bell *bell, struct smki_error *err)
{
    const uint64_t middle = bell->last > bell->settled ? bell->last : bell->settled;
    int rc;

    bell->refused = false;
    rc = part_send(bell, middle, UINT64_MAX, err);
    if (rc == 0 && middle > bell->settled)
        rc = part_send(bell, bell->settled, middle, err);
    if (rc == 0)
        bell->last = 0;
    return rc == 0 && bell->refused ? SMKI_DESK_REFUSED : rc;
}

static void bell_round(struct bell *bell)
{
    struct smki_error err = {0};
    int rc;

    if (smki_service_config(bell->call->service)->desk_webhook[0] == '\0') {
        bell->wait = 0;
        atomic_store(&bell->failures, 0);
        return;
    }
    rc = round_send(bell, &err);
    if (is_stopped(bell))
        return;
    if (rc == 0 && bell->wait != 0)
        call_note(bell->call, "the Service Desk's webhook takes reports again");
    else if (rc != 0 && bell->wait == 0)
        call_note(bell->call, "the Service Desk's webhook was not told, and will be: %s", err.text);
    atomic_store(&bell->failures, rc == 0 ? 0 : atomic_load(&bell->failures) + 1);
    bell->wait = rc == 0 ? 0 : bell->wait == 0 ? RETRY_FIRST : bell->wait < RETRY_LAST / 2 ? 2 * bell->wait : RETRY_LAST;
}

/* ---- the thread ---- */

/* Until it is rung or, when something is owed, the time to try again has come. False: the program ends. */
static bool bell_wait(const struct bell *bell)
{
    struct pollfd wait = {.fd = bell->rings, .events = POLLIN};
    uint64_t rings;

    if (poll(&wait, 1, bell->wait == 0 ? -1 : (int)bell->wait * 1000) > 0)
        (void)!read(bell->rings, &rings, sizeof(rings));
    return !is_stopped(bell);
}

static void *bell_run(void *context)
{
    struct bell *bell = context;

    while (bell_wait(bell))
        bell_round(bell);
    return NULL;
}

void bell_ring(struct portal *portal)
{
    (void)!write(portal->bell->rings, &(uint64_t){1}, sizeof(uint64_t));
}

/* ---- its life ---- */

/* Signals are the main thread's. */
static int thread_start(struct bell *bell)
{
    sigset_t all, before;
    int status;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    status = pthread_create(&bell->thread, NULL, bell_run, bell);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return status;
}

int bell_begin(struct portal *portal, struct smki_error *err)
{
    struct bell *bell = calloc(1, sizeof(*bell));

    if (bell != NULL) {
        bell->call = portal->call;
        bell->rings = eventfd(0, EFD_CLOEXEC);
        if (bell->rings >= 0 && thread_start(bell) == 0) {
            portal->bell = bell;
            return 0;
        }
        if (bell->rings >= 0)
            close(bell->rings);
        free(bell);
    }
    snprintf(err->text, sizeof(err->text), "no thread can be started");
    return SMKI_NO_MEMORY;
}

static double failures(void *context)
{
    return atomic_load(&((struct bell *)context)->failures);
}

void bell_serve(struct portal *portal, struct serve *serve)
{
    serve_gauge(serve, "smki_desk_webhook_failures",
                "Attempts in a row that the Service Desk's webhook was not told by; 0: nothing is owed.", failures, portal->bell);
    bell_ring(portal);
}

void bell_end(struct portal *portal)
{
    struct bell *bell = portal->bell;

    if (bell == NULL)
        return;
    __atomic_store_n(&bell->stop, 1, __ATOMIC_RELAXED);
    bell_ring(portal);
    pthread_join(bell->thread, NULL);
    close(bell->rings);
    free(bell);
    portal->bell = NULL;
}
