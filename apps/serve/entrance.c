/* Listening sockets: all workers wait at each, and who accepts hands over to the worker that has the least. */
#include "serve/connection_i.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define ACCEPTS_MAX 16   /* in one turn of the loop */
#define PAUSE_TIME  1000 /* us, when the system has no descriptor left: it would tell at once again that somebody waits */

static void entrance_leave(struct worker *worker, struct entrance *entrance)
{
    epoll_ctl(worker->epoll, EPOLL_CTL_DEL, entrance->listener->door->fd, NULL);
    door_leave(entrance->listener->door);
}

void entrances_set(struct worker *worker, struct generation *generation)
{
    for (size_t i = 0; i < worker->entrance_count; i++)
        entrance_leave(worker, &worker->entrances[i]);
    worker->entrance_count = 0;
    for (size_t i = 0; generation != NULL && i < generation->listener_count; i++) {
        struct entrance *entrance = &worker->entrances[i];
        struct epoll_event event = {.events = EPOLLIN | EPOLLEXCLUSIVE, .data.ptr = entrance};

        *entrance = (struct entrance){.source.kind = SOURCE_ENTRANCE, .listener = &generation->listeners[i]};
        if (epoll_ctl(worker->epoll, EPOLL_CTL_ADD, entrance->listener->door->fd, &event) != 0)
            log_line(worker->serve->program, "worker %zu cannot wait at %s: %s", worker->number, entrance->listener->door->address,
                     strerror(errno));
        worker->entrance_count++;
    }
    if (generation != NULL) {
        generation_drop(worker->generation);
        worker->generation = generation;
    }
}

/* A bound that is reached is told once, and again when it was not for a while. */
static void full_tell(struct worker *worker, const char *why)
{
    static atomic_int_fast64_t told;
    int64_t before = atomic_load(&told);

    if (before != 0 && worker->now - before < SMKI_MINUTE)
        return;
    if (atomic_compare_exchange_strong(&told, &before, worker->now))
        log_line(worker->serve->program, "%u connections are open and no more are let in: %s", atomic_load(&worker->serve->metrics.open),
                 why);
}

static bool may_enter(struct worker *worker, struct arrival *arrival)
{
    struct serve *serve = worker->serve;
    const struct smki_config_http *http = &arrival->listener->generation->config->http;
    uint8_t key[BOUND_KEY_SIZE] = {0};

    if (atomic_load(&serve->metrics.open) >= http->connections) {
        atomic_fetch_add(&serve->metrics.refused_total, 1);
        full_tell(worker, "http.connections");
        return false;
    }
    address_key(&arrival->address, key);
    if (!bound_take(serve->peers, key, http->connections_per_peer)) {
        atomic_fetch_add(&serve->metrics.refused_peer, 1);
        return false;
    }
    atomic_fetch_add(&serve->metrics.accepted, 1);
    return true;
}

void arrival_drop(struct worker *worker, struct arrival *arrival)
{
    uint8_t key[BOUND_KEY_SIZE] = {0};

    address_key(&arrival->address, key);
    bound_give(worker->serve->peers, key);
    close(arrival->fd);
    generation_drop(arrival->listener->generation);
    free(arrival);
}

void arrival_open(struct worker *worker, struct arrival *arrival)
{
    if (worker->closing || connection_open(worker, arrival, NULL) != 0) {
        arrival_drop(worker, arrival);
        return;
    }
    generation_drop(arrival->listener->generation); /* the connection has its own reference */
    free(arrival);
}

static struct worker *least_loaded(struct worker *worker)
{
    const struct serve *serve = worker->serve;
    struct worker *least = worker;

    for (size_t i = 0; i < serve->worker_count; i++) {
        if (atomic_load(&serve->workers[i]->count) + 1 < atomic_load(&least->count))
            least = serve->workers[i];
    }
    return least;
}

static void arrival_place(struct worker *worker, const struct arrival *here)
{
    struct worker *least = least_loaded(worker);
    struct arrival *arrival = malloc(sizeof(*arrival));

    if (arrival == NULL) {
        close(here->fd);
        return;
    }
    *arrival = *here;
    if (!may_enter(worker, arrival)) {
        close(arrival->fd);
        free(arrival);
        return;
    }
    generation_hold(arrival->listener->generation);
    if (least == worker)
        arrival_open(worker, arrival);
    else
        worker_hand(least, arrival);
}

void entrance_accept(struct worker *worker, struct entrance *entrance)
{
    for (int i = 0; i < ACCEPTS_MAX; i++) {
        struct arrival arrival = {.listener = entrance->listener, .address_size = sizeof(arrival.address)};

        arrival.fd =
            accept4(entrance->listener->door->fd, (struct sockaddr *)&arrival.address, &arrival.address_size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (arrival.fd >= 0)
            arrival_place(worker, &arrival);
        else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            full_tell(worker, strerror(errno));
            usleep(PAUSE_TIME);
            return;
        } else if (errno != ECONNABORTED && errno != EINTR)
            return;
    }
}
