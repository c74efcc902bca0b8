/* The loop of a worker. In each turn: events, what other threads left, TLS, then the library, then TLS again for what it wrote; twice a
 * second the deadlines; at the end the dead are freed, since events of the batch may still point to them. */
#include "serve/request_i.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define EVENTS_MAX      256
#define SWEEP_TIME      (SMKI_SECOND / 2)
#define TRIM_SIDES      64
#define POLL_TIME       4 /* ms until it is asked again whether a reply was acknowledged */
#define HANDSHAKES_BUSY 1 /* steps in one turn while there are open connections to serve, */
#define HANDSHAKES_IDLE 4 /* and else */

/* ---- from other threads ---- */

void worker_wake(struct worker *worker)
{
    const uint64_t one = 1;

    (void)!write(worker->wake, &one, sizeof(one));
}

void worker_renew(struct worker *worker, struct generation *generation)
{
    struct generation *unseen;

    generation_keep(generation);
    pthread_mutex_lock(&worker->lock);
    unseen = worker->next;
    worker->next = generation;
    pthread_mutex_unlock(&worker->lock);
    generation_forget(unseen);
    worker_wake(worker);
}

void worker_return(struct worker *worker, struct serve_request *list)
{
    struct serve_request *last = list;
    bool first;

    while (last->next != NULL)
        last = last->next;
    pthread_mutex_lock(&worker->lock);
    first = worker->returned == NULL;
    last->next = worker->returned;
    worker->returned = list;
    pthread_mutex_unlock(&worker->lock);
    if (first)
        worker_wake(worker);
}

void worker_hand(struct worker *worker, struct arrival *arrival)
{
    pthread_mutex_lock(&worker->lock);
    arrival->next = worker->arrivals;
    worker->arrivals = arrival;
    pthread_mutex_unlock(&worker->lock);
    worker_wake(worker);
}

static void inbox_empty(struct worker *worker)
{
    struct serve_request *returned;
    struct arrival *arrivals;
    struct generation *next;

    pthread_mutex_lock(&worker->lock);
    returned = worker->returned;
    arrivals = worker->arrivals;
    next = worker->next;
    worker->returned = NULL;
    worker->arrivals = NULL;
    worker->next = NULL;
    pthread_mutex_unlock(&worker->lock);
    if (next != NULL && !worker->closing)
        entrances_set(worker, next);
    else
        generation_forget(next);
    while (returned != NULL) {
        struct serve_request *request = returned;

        returned = request->next;
        work_returned(request);
    }
    while (arrivals != NULL) {
        struct arrival *arrival = arrivals;

        arrivals = arrival->next;
        arrival_open(worker, arrival);
    }
}

/* ---- one turn ---- */

static void connection_event(struct connection *connection, uint32_t events)
{
    if (connection->state == CONNECTION_CLOSED)
        return;
    connection->readable = connection->readable || (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    connection->writable = connection->writable || (events & EPOLLOUT) != 0;
    connection->hung_up = connection->hung_up || (events & (EPOLLRDHUP | EPOLLHUP)) != 0;
    if ((events & EPOLLERR) != 0)
        connection->broken = true;
    if ((events & EPOLLHUP) != 0 && connection->state == CONNECTION_CLOSING)
        connection->peer_closed = true;
    connection_touch(connection);
}

static void event_take(struct worker *worker, const struct epoll_event *event)
{
    struct source *source = event->data.ptr;
    uint64_t ignored;

    switch (source->kind) {
    case SOURCE_WAKE:
        (void)!read(worker->wake, &ignored, sizeof(ignored));
        break;
    case SOURCE_LIBRARY:
        worker->library_due = true;
        break;
    case SOURCE_ENTRANCE:
        entrance_accept(worker, (struct entrance *)source);
        break;
    case SOURCE_CONNECTION:
        connection_event((struct connection *)source, event->events);
        break;
    }
}

/* Open connections first, then handshakes, as many as there may be in a turn. */
static void touched_pump(struct worker *worker)
{
    struct connection *list = worker->touched, *handshakes = NULL, *next;
    bool open = false;

    worker->touched = NULL;
    for (; list != NULL; list = next) {
        next = list->touched_next;
        list->touched = false;
        if (list->state == CONNECTION_HANDSHAKE) {
            list->touched_next = handshakes;
            handshakes = list;
            continue;
        }
        open = true;
        if (list->state != CONNECTION_CLOSED)
            front_pump(list);
        connection_release(list);
    }
    if (!open && worker->handshakes_left > 0)
        worker->handshakes_left = HANDSHAKES_IDLE;
    for (; handshakes != NULL; handshakes = next) {
        next = handshakes->touched_next;
        if (handshakes->state != CONNECTION_CLOSED)
            front_pump(handshakes);
        connection_release(handshakes);
    }
}

/* The library may have written for any connection with a request under way that is not suspended. */
static void busy_pump(struct worker *worker)
{
    struct connection *next;

    for (struct connection *connection = worker->busy; connection != NULL; connection = next) {
        next = connection->busy_next;
        if (connection->gate.state == GATE_WAIT) /* the library may have an answer of its own ready and wait for an event that has been */
            worker->polls = true;
        if (connection->request != NULL && connection->request->suspended && connection->held.size == 0)
            continue;
        connection->down_ready = true;
        connection_touch(connection);
    }
    touched_pump(worker);
}

/* What the library held for connections that are idle now lies between what mbedTLS holds: the allocator does not give it back by itself.
 */
static void memory_give_back(struct worker *worker)
{
    if (worker->given_up < TRIM_SIDES)
        return;
    worker->given_up = 0;
    malloc_trim(0);
}

static void sweep(struct worker *worker)
{
    struct connection *next;

    if (worker->now - worker->swept < SWEEP_TIME)
        return;
    worker->swept = worker->now;
    refusals_close(&worker->serve->refusals, worker->serve->program, worker->now, false);
    memory_give_back(worker); /* the library has freed what was given up in the sweep before */
    for (struct connection *connection = worker->connections; connection != NULL; connection = next) {
        next = connection->next;
        deadline_check(connection);
    }
}

/* Stops accepting and closes what is idle; then, when the time for it has run out, everything. */
static void closing_check(struct worker *worker)
{
    const bool ending = atomic_load(&worker->serve->ending);
    struct connection *next;

    if (!atomic_load(&worker->serve->stopping))
        return;
    if (!worker->closing) {
        worker->closing = true;
        entrances_set(worker, NULL);
    }
    for (struct connection *connection = worker->connections; connection != NULL; connection = next) {
        next = connection->next;
        if (ending)
            connection_cut(connection);
        else if (connection->state == CONNECTION_OPEN && connection->request_since == 0 && connection->gate.head == 0)
            connection_close(connection);
    }
}

static int turn_timeout(struct worker *worker, int64_t waiting)
{
    int timeout = (int)(SWEEP_TIME / 1000);

    if (worker->touched != NULL || worker->library_due)
        return 0;
    if (waiting >= 0 && waiting / 1000 + 1 < timeout)
        timeout = (int)(waiting / 1000) + 1;
    if ((worker->polls || worker->closing) && timeout > POLL_TIME)
        timeout = POLL_TIME;
    return timeout;
}

static void turn(struct worker *worker)
{
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(worker->epoll, events, EVENTS_MAX, turn_timeout(worker, work_waiting(worker)));
    const bool polled = worker->polls || worker->closing;

    worker->now = ticks_now();
    worker->handshakes_left = HANDSHAKES_BUSY;
    worker->polls = false;
    for (int i = 0; i < count; i++)
        event_take(worker, &events[i]);
    inbox_empty(worker);
    touched_pump(worker);
    if (worker->library_due || polled) {
        library_run(worker);
        busy_pump(worker);
    }
    sweep(worker);
    closing_check(worker);
    connections_free(worker);
}

static bool is_done(struct worker *worker)
{
    return worker->closing && worker->connections == NULL && worker->sides == 0 && worker->requests == 0;
}

static void *worker_main(void *context)
{
    struct worker *worker = context;

    while (!is_done(worker))
        turn(worker);
    return NULL;
}

/* ---- life ---- */

static int loop_open(struct worker *worker, struct smki_error *err)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &worker->wake_source};

    worker->epoll = epoll_create1(EPOLL_CLOEXEC);
    worker->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (worker->epoll < 0 || worker->wake < 0 || epoll_ctl(worker->epoll, EPOLL_CTL_ADD, worker->wake, &event) != 0)
        return serve_fail_errno(err, errno, "an event loop");
    return 0;
}

int worker_create(struct worker **out, struct serve *serve, size_t number, struct smki_error *err)
{
    struct worker *worker = calloc(1, sizeof(*worker));
    int rc;

    if (worker == NULL)
        return serve_fail(err, SMKI_NO_MEMORY, "out of memory");
    worker->serve = serve;
    worker->number = number;
    worker->wake_source.kind = SOURCE_WAKE;
    worker->library_source.kind = SOURCE_LIBRARY;
    worker->epoll = worker->wake = -1;
    worker->now = ticks_now();
    pthread_mutex_init(&worker->lock, NULL);
    if ((rc = loop_open(worker, err)) != 0) {
        worker_destroy(worker);
        return rc;
    }
    *out = worker;
    return 0;
}

int worker_start(struct worker *worker, struct smki_error *err)
{
    int rc, errnum;

    worker->generation = generation_hold(worker->serve->generation);
    if ((rc = library_open(worker, err)) != 0)
        return rc;
    generation_keep(worker->generation);
    entrances_set(worker, generation_hold(worker->generation));
    if ((errnum = pthread_create(&worker->thread, NULL, worker_main, worker)) != 0)
        return serve_fail_errno(err, errnum, "starting a worker");
    worker->started = true;
    return 0;
}

void worker_join(struct worker *worker)
{
    if (worker != NULL && worker->started)
        pthread_join(worker->thread, NULL);
}

void worker_destroy(struct worker *worker)
{
    if (worker == NULL)
        return;
    while (worker->arrivals != NULL) { /* handed over when it had ended */
        struct arrival *arrival = worker->arrivals;

        worker->arrivals = arrival->next;
        arrival_drop(worker, arrival);
    }
    entrances_set(worker, NULL);
    library_close(worker);
    generation_forget(worker->next);
    generation_drop(worker->generation);
    if (worker->epoll >= 0)
        close(worker->epoll);
    if (worker->wake >= 0)
        close(worker->wake);
    pthread_mutex_destroy(&worker->lock);
    free(worker->by_pair);
    free(worker);
}
