/* Views: one consistent state, for as long as it is held. */
#include "store/engine_i.h"

#include <stdlib.h>

static struct store_view *view_of_thread(struct smki_store *store)
{
    struct store_view *view = store->views;

    while (view != NULL && !pthread_equal(view->thread, pthread_self()))
        view = view->next;
    return view;
}

bool view_is_open(struct smki_store *store)
{
    bool open;

    pthread_mutex_lock(&store->gate);
    open = view_of_thread(store) != NULL;
    pthread_mutex_unlock(&store->gate);
    return open;
}

/* A second view of a thread is the first one again: had it a transaction of its own, waiting for the map could be waiting for itself. */
static struct store_view *view_again(struct smki_store *store)
{
    struct store_view *view;

    pthread_mutex_lock(&store->gate);
    if ((view = view_of_thread(store)) != NULL)
        view->uses++;
    pthread_mutex_unlock(&store->gate);
    return view;
}

static void view_list(struct store_view *view)
{
    struct smki_store *store = view->store;

    pthread_mutex_lock(&store->gate);
    view->next = store->views;
    if (view->next != NULL)
        view->next->before = view;
    store->views = view;
    pthread_mutex_unlock(&store->gate);
}

/* Returns whether this was the last use. */
static bool view_unlist(struct store_view *view)
{
    struct smki_store *store = view->store;
    bool last;

    pthread_mutex_lock(&store->gate);
    last = --view->uses == 0;
    if (last) {
        if (view->next != NULL)
            view->next->before = view->before;
        if (view->before != NULL)
            view->before->next = view->next;
        else
            store->views = view->next;
    }
    pthread_mutex_unlock(&store->gate);
    return last;
}

int store_view_begin(struct smki_store *store, struct store_view **out, struct smki_error *err)
{
    struct store_view *view;
    int rc;

    *out = NULL;
    if ((rc = environment_check(store, err)) != 0)
        return rc;
    if (change_is_led(store))
        return smki_fail(err, SMKI_INTERNAL, "%s: a view was asked for inside a change; read through the change's own", store->folder);
    if ((*out = view_again(store)) != NULL)
        return 0;
    if ((view = calloc(1, sizeof(*view))) == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    if ((rc = transaction_begin(store, MDB_RDONLY, &view->txn, err)) != 0) {
        free(view);
        return rc;
    }
    view->store = store;
    view->thread = pthread_self();
    view->uses = 1;
    view_list(view);
    *out = view;
    return 0;
}

uint64_t store_view_version(const struct store_view *view)
{
    return mdb_txn_id(view->txn);
}

void store_view_end(struct store_view *view)
{
    struct smki_store *store;

    if (view == NULL || !view_unlist(view))
        return;
    store = view->store;
    mdb_txn_abort(view->txn);
    gate_leave(store);
    free(view);
}
