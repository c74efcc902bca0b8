/* Changes: group commit. Whoever asks for a change queues it; when nobody leads, the thread leads: it takes all that wait, runs them in one
 * transaction, commits once for all, and wakes the others. What is queued meanwhile is the next group, led by one of those who wait. Each
 * waits at a semaphore of its own: at a condition all that are woken would queue again, for its mutex. */
#include "store/engine_i.h"

#include <errno.h>
#include <semaphore.h>
#include <stdatomic.h>

struct waiting {
    store_change_fn function;
    void *argument;
    struct smki_error *err;
    int rc;
    sem_t woken;       /* it is done, or its thread is asked to lead */
    atomic_bool asked; /* to lead */
    bool done;         /* guarded by the queue's mutex */
    struct waiting *next;
};

struct store_view *store_change_view(struct store_change *change)
{
    return &change->view;
}

struct smki_time store_change_time(struct store_change *change)
{
    return change->now;
}

/* ---- one change ---- */

static int change_call(struct store_change *change, struct waiting *waiting)
{
    int rc;

    change->view.change = change;
    rc = waiting->function(change, waiting->argument, waiting->err);
    return rc == 0 && change->failed != 0 ? change->failed : rc;
}

/* In a transaction of its own inside the group's, so that it can be undone alone. */
static void change_run_nested(struct store_change *group, struct waiting *waiting)
{
    struct store_change change = *group;
    int rc = mdb_txn_begin(group->view.store->env, group->view.txn, 0, &change.view.txn);

    if (rc == 0) {
        waiting->rc = change_call(&change, waiting);
        group->full = change.full;
        if (waiting->rc != 0 || change.full) {
            mdb_txn_abort(change.view.txn);
            return;
        }
        rc = mdb_txn_commit(change.view.txn);
    }
    if (rc != 0) {
        waiting->rc = lmdb_fail(group->view.store, waiting->err, rc, "changing");
        group->full = rc == MDB_MAP_FULL;
        return;
    }
    group->head = change.head;
    group->head_read = change.head_read;
    group->recorded = change.recorded;
}

/* ---- a group ---- */

static void group_fail(struct waiting *group, int rc, const struct smki_error *err)
{
    for (; group != NULL; group = group->next) {
        if (group->rc != 0)
            continue;
        group->rc = rc;
        if (group->err != NULL)
            *group->err = *err;
    }
}

static bool group_has_success(const struct waiting *group)
{
    while (group != NULL && group->rc != 0)
        group = group->next;
    return group != NULL;
}

static void group_reset(struct waiting *group)
{
    for (; group != NULL; group = group->next) {
        group->rc = 0;
        if (group->err != NULL)
            *group->err = (struct smki_error){0};
    }
}

/* Another process may have been upgraded, and the store with it, since this one opened it. */
static int group_start(struct store_change *change, struct smki_store *store, struct smki_error *err)
{
    uint32_t format;
    int rc;

    *change = (struct store_change){.view = {.store = store, .thread = pthread_self()}};
    if ((rc = transaction_begin(store, 0, &change->view.txn, err)) != 0)
        return rc;
    change->now =
        store->clock.now(store->clock.context); /* once it is our turn: changes of all processes are in the order of their times */
    if ((rc = format_get(&change->view, &format, err)) != 0) {
        mdb_txn_abort(change->view.txn);
        gate_leave(store);
    }
    return rc;
}

static void group_run(struct store_change *change, struct waiting *group)
{
    if (group->next == NULL) { /* nobody else would be undone: no need of a transaction inside the transaction */
        group->rc = change_call(change, group);
        return;
    }
    for (; group != NULL && !change->full; group = group->next)
        change_run_nested(change, group);
}

static int group_sign(struct store_change *change, struct smki_error *err)
{
    struct smki_store *store = change->view.store;
    store_sign_fn sign;
    void *context;
    uint64_t interval;

    pthread_mutex_lock(&store->queue);
    sign = store->sign;
    context = store->sign_context;
    interval = store->sign_interval;
    pthread_mutex_unlock(&store->queue);
    return head_close(change, sign, context, interval, err);
}

/* Ends the transaction whatever happens. */
static int group_commit(struct store_change *change, struct waiting *group, struct smki_error *err)
{
    struct smki_store *store = change->view.store;
    int rc = 0;

    if (change->full || !group_has_success(group) || (rc = group_sign(change, err)) != 0) {
        mdb_txn_abort(change->view.txn);
    } else if ((rc = mdb_txn_commit(change->view.txn)) != 0) {
        change->full = rc == MDB_MAP_FULL;
        rc = lmdb_fail(store, err, rc, "committing; nothing of this change was written");
    }
    resident_keep(store);
    gate_leave(store);
    return rc;
}

static void group_lead(struct smki_store *store, struct waiting *group)
{
    struct smki_error err = {0};
    struct store_change change;
    int rc;

    for (;;) {
        if ((rc = group_start(&change, store, &err)) != 0)
            break;
        group_run(&change, group);
        rc = group_commit(&change, group, &err);
        if (!change.full)
            break;
        if ((rc = map_grow(store, &err)) != 0) {
            group_reset(group);
            break;
        }
        group_reset(group);
    }
    if (rc != 0)
        group_fail(group, rc, &err);
}

/* ---- the queue ---- */

bool change_is_led(struct smki_store *store)
{
    bool led;

    pthread_mutex_lock(&store->queue);
    led = store->leading && pthread_equal(store->leader, pthread_self());
    pthread_mutex_unlock(&store->queue);
    return led;
}

static int change_check(struct smki_store *store, struct smki_error *err)
{
    int rc;

    if ((rc = environment_check(store, err)) != 0)
        return rc;
    if (view_is_open(store))
        return smki_fail(err, SMKI_INTERNAL, "%s: a change was asked for by a thread that holds a view; end the view first", store->folder);
    if (change_is_led(store))
        return smki_fail(err, SMKI_INTERNAL, "%s: a change was asked for inside a change", store->folder);
    return 0;
}

static void queue_append(struct smki_store *store, struct waiting *waiting)
{
    if (store->last != NULL)
        store->last->next = waiting;
    else
        store->first = waiting;
    store->last = waiting;
}

/* Called with the queue's mutex held, which is given up while the group runs. */
static void queue_lead(struct smki_store *store)
{
    struct waiting *group = store->first, *next;

    store->first = store->last = NULL;
    store->leading = true;
    store->leader = pthread_self();
    pthread_mutex_unlock(&store->queue);
    group_lead(store, group);
    pthread_mutex_lock(&store->queue);
    for (; group != NULL; group = next) {
        next = group->next; /* once done, its thread may be gone */
        group->done = true;
        sem_post(&group->woken);
    }
    store->leading = false;
    if (store->first != NULL) {
        store->first->asked = true;
        sem_post(&store->first->woken);
    }
}

/* True: it is done, and nobody touches it any more. Else its thread was asked to lead. */
static bool wait_for_done(struct waiting *waiting)
{
    while (sem_wait(&waiting->woken) != 0 && errno == EINTR)
        ;
    return !waiting->asked;
}

int store_change(struct smki_store *store, store_change_fn function, void *argument, struct smki_error *err)
{
    struct waiting waiting = {.function = function, .argument = argument, .err = err};
    bool done = false;
    int rc;

    if ((rc = change_check(store, err)) != 0)
        return rc;
    sem_init(&waiting.woken, 0, 0);
    pthread_mutex_lock(&store->queue);
    queue_append(store, &waiting);
    while (!done && !waiting.done) {
        if (!store->leading) {
            queue_lead(store);
            continue;
        }
        pthread_mutex_unlock(&store->queue);
        done = wait_for_done(&waiting);
        if (!done)
            pthread_mutex_lock(&store->queue); /* somebody who came may lead already: then this waits on */
    }
    if (!done)
        pthread_mutex_unlock(&store->queue);
    sem_destroy(&waiting.woken);
    return waiting.rc;
}
