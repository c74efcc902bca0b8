/* The socket's octets. Sending never fails for want of room: what the socket does not take is queued, and nothing new is made while
 * anything is queued. So alerts and close_notify are never lost, and mbedTLS never has to be called again with the same octets. */
#include "serve/connection_i.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#define DRAIN_MAX (16u << 20) /* octets that are thrown away while closing */

bool wire_waits(const struct connection *connection)
{
    return connection->queue.size > connection->queue_start;
}

/* What the socket takes of it. */
static size_t wire_try(struct connection *connection, const uint8_t *at, size_t size)
{
    size_t done = 0;

    while (done < size && connection->writable && !connection->broken) {
        ssize_t sent = send(connection->fd, at + done, size - done, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (sent > 0)
            done += (size_t)sent;
        else if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            connection->writable = false;
        else if (errno != EINTR)
            connection->broken = true;
    }
    if (done > 0)
        connection->progress = connection->worker->now;
    return done;
}

void wire_flush(struct connection *connection)
{
    if (!wire_waits(connection))
        return;
    connection->queue_start +=
        wire_try(connection, connection->queue.at + connection->queue_start, connection->queue.size - connection->queue_start);
    if (!wire_waits(connection)) {
        smki_buffer_finish(&connection->queue);
        connection->queue_start = 0;
    }
}

int wire_send(void *context, const unsigned char *at, size_t size)
{
    struct connection *connection = context;
    size_t done = connection->corked || wire_waits(connection) ? 0 : wire_try(connection, at, size);

    if (done < size && smki_buffer_append(&connection->queue, at + done, size - done, NULL) != 0) {
        connection->broken = true;
        return MBEDTLS_ERR_SSL_INTERNAL_ERROR;
    }
    return (int)size;
}

/* A short read has emptied the socket (epoll(7)), but for the end of the stream, of which there may be no further event. */
static int scratch_fill(struct connection *connection)
{
    struct worker *worker = connection->worker;
    ssize_t size;

    if (connection->peer_closed)
        return 0;
    if (!connection->readable)
        return MBEDTLS_ERR_SSL_WANT_READ;
    while ((size = recv(connection->fd, worker->scratch, sizeof(worker->scratch), MSG_DONTWAIT)) < 0 && errno == EINTR)
        ;
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        connection->readable = false;
        return MBEDTLS_ERR_SSL_WANT_READ;
    }
    if (size <= 0) {
        connection->peer_closed = true;
        connection->broken = size < 0 || connection->broken;
        return 0;
    }
    if ((size_t)size < sizeof(worker->scratch) && !connection->hung_up)
        connection->readable = false;
    worker->scratch_of = connection;
    worker->scratch_start = 0;
    worker->scratch_end = (size_t)size;
    return (int)size;
}

int wire_receive(void *context, unsigned char *at, size_t size)
{
    struct connection *connection = context;
    struct worker *worker = connection->worker;
    size_t rest = connection->rest.size - connection->rest_start;
    int rc;

    if (rest > 0) {
        size = rest < size ? rest : size;
        memcpy(at, connection->rest.at + connection->rest_start, size);
        connection->rest_start += size;
        if (connection->rest_start == connection->rest.size) {
            smki_buffer_finish(&connection->rest);
            connection->rest_start = 0;
        }
        return (int)size;
    }
    if ((worker->scratch_of != connection || worker->scratch_start == worker->scratch_end) && (rc = scratch_fill(connection)) <= 0)
        return rc;
    if (size > worker->scratch_end - worker->scratch_start)
        size = worker->scratch_end - worker->scratch_start;
    memcpy(at, worker->scratch + worker->scratch_start, size);
    worker->scratch_start += size;
    return (int)size;
}

bool wire_has(const struct connection *connection)
{
    const struct worker *worker = connection->worker;

    return connection->readable || connection->peer_closed || connection->rest.size > connection->rest_start ||
           (worker->scratch_of == connection && worker->scratch_start < worker->scratch_end) ||
           mbedtls_ssl_get_bytes_avail(&connection->ssl) > 0 || mbedtls_ssl_check_pending(&connection->ssl) != 0;
}

void wire_keep(struct connection *connection)
{
    struct worker *worker = connection->worker;

    if (worker->scratch_of != connection)
        return;
    if (worker->scratch_start < worker->scratch_end && smki_buffer_append(&connection->rest, worker->scratch + worker->scratch_start,
                                                                          worker->scratch_end - worker->scratch_start, NULL) != 0)
        connection->broken = true;
    worker->scratch_of = NULL;
}

/* What was sent and not acknowledged stays in the socket's count, also after a reset. */
bool wire_taken(const struct connection *connection)
{
    int left = 0;

    return !wire_waits(connection) && ioctl(connection->fd, SIOCOUTQ, &left) == 0 && left == 0;
}

/* Closing with octets unread would make a reset of it, and what was sent last would be lost to the peer. */
void wire_drain(struct connection *connection)
{
    struct worker *worker = connection->worker;
    ssize_t size = 1;

    while (connection->readable && size > 0 && connection->drained < DRAIN_MAX) {
        size = recv(connection->fd, worker->scratch, sizeof(worker->scratch), MSG_DONTWAIT);
        if (size > 0)
            connection->drained += (uint64_t)size;
        else if (size == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
            connection->peer_closed = true;
        else
            connection->readable = errno == EINTR;
    }
    if (connection->drained >= DRAIN_MAX)
        connection->peer_closed = true;
}
