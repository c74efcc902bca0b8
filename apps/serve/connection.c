/* Connections: made, held, closed, freed. */
#include "serve/connection_i.h"

#include "serve/request_i.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

static void connection_link(struct connection *connection)
{
    struct worker *worker = connection->worker;

    connection->next = worker->connections;
    if (worker->connections != NULL)
        worker->connections->previous = connection;
    worker->connections = connection;
    atomic_fetch_add(&worker->count, 1);
    atomic_fetch_add(&worker->serve->metrics.open, 1);
}

int connection_open(struct worker *worker, const struct arrival *arrival, struct smki_error *err)
{
    struct connection *connection = calloc(1, sizeof(*connection));
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = connection};
    int rc;

    if (connection == NULL)
        return serve_fail(err, SMKI_NO_MEMORY, "out of memory");
    *connection = (struct connection){
        .source.kind = SOURCE_CONNECTION,
        .worker = worker,
        .references = 1,
        .listener = arrival->listener,
        .tls = arrival->listener->tls[worker->number],
        .peer.site = arrival->listener->fallback,
        .fd = arrival->fd,
        .writable = true,
        .since = worker->now,
        .progress = worker->now,
    };
    address_host(&arrival->address, connection->host);
    address_key(&arrival->address, connection->host_key);
    mbedtls_ssl_init(&connection->ssl);
    if ((rc = tls_setup(connection->tls, &connection->ssl, err)) == 0 &&
        epoll_ctl(worker->epoll, EPOLL_CTL_ADD, connection->fd, &event) != 0)
        rc = serve_fail(err, SMKI_IO, "epoll takes no further socket");
    if (rc != 0) {
        mbedtls_ssl_free(&connection->ssl);
        free(connection);
        return rc;
    }
    mbedtls_ssl_set_bio(&connection->ssl, connection, wire_send, wire_receive, NULL);
    connection->generation = generation_hold(arrival->listener->generation);
    gate_reset(&connection->gate);
    connection_link(connection);
    return 0;
}

void connection_hold(struct connection *connection)
{
    connection->references++;
}

/* The last reference: kept to the end of the turn, since events of it may still lie in the batch. */
void connection_release(struct connection *connection)
{
    if (--connection->references > 0)
        return;
    connection->next = connection->worker->dead;
    connection->worker->dead = connection;
}

static void connection_free(struct connection *connection)
{
    smki_buffer_finish(&connection->queue);
    smki_buffer_finish(&connection->rest);
    smki_buffer_finish(&connection->head);
    smki_buffer_finish(&connection->held);
    smki_buffer_finish(&connection->certificate);
    free(connection->peer.refused);
    bequest_free(connection->bequest);
    generation_drop(connection->generation);
    free(connection);
}

void connections_free(struct worker *worker)
{
    while (worker->dead != NULL) {
        struct connection *connection = worker->dead;

        worker->dead = connection->next;
        connection_free(connection);
    }
}

void connection_touch(struct connection *connection)
{
    if (connection->touched || connection->state == CONNECTION_CLOSED)
        return;
    connection->touched = true;
    connection_hold(connection);
    connection->touched_next = connection->worker->touched;
    connection->worker->touched = connection;
}

void connection_busy(struct connection *connection, bool busy)
{
    struct worker *worker = connection->worker;

    if (connection->busy == busy)
        return;
    connection->busy = busy;
    if (busy) {
        connection->busy_previous = NULL;
        connection->busy_next = worker->busy;
        if (worker->busy != NULL)
            worker->busy->busy_previous = connection;
        worker->busy = connection;
        return;
    }
    if (connection->busy_previous != NULL)
        connection->busy_previous->busy_next = connection->busy_next;
    else
        worker->busy = connection->busy_next;
    if (connection->busy_next != NULL)
        connection->busy_next->busy_previous = connection->busy_previous;
}

/* What the request under way learns of the end. */
static void request_leave(struct connection *connection)
{
    struct serve_request *finished = connection->finished;

    connection->request = NULL;
    connection->finished = NULL;
    if (finished != NULL)
        request_end(finished, wire_taken(connection));
}

void connection_close(struct connection *connection)
{
    if (connection->state >= CONNECTION_CLOSING)
        return;
    if (connection->state == CONNECTION_OPEN && !connection->broken)
        (void)!mbedtls_ssl_close_notify(&connection->ssl);
    side_give_up(connection);
    connection->state = CONNECTION_CLOSING;
    connection->since = connection->worker->now;
    connection->readable = true;
    connection_touch(connection);
}

void connection_cut(struct connection *connection)
{
    struct worker *worker = connection->worker;

    if (connection->state == CONNECTION_CLOSED)
        return;
    side_give_up(connection);
    request_leave(connection);
    connection_busy(connection, false);
    connection->state = CONNECTION_CLOSED;
    close(connection->fd); /* and with it its place in epoll */
    connection->fd = -1;
    mbedtls_ssl_free(&connection->ssl);
    mbedtls_ssl_init(&connection->ssl);
    if (worker->scratch_of == connection)
        worker->scratch_of = NULL;
    bound_give(worker->serve->peers, connection->host_key);
    if (connection->bounded)
        bound_give(worker->serve->certificates, connection->certificate_key);
    if (connection->previous != NULL)
        connection->previous->next = connection->next;
    else
        worker->connections = connection->next;
    if (connection->next != NULL)
        connection->next->previous = connection->previous;
    atomic_fetch_sub(&worker->count, 1);
    atomic_fetch_sub(&worker->serve->metrics.open, 1);
    connection_release(connection);
}
