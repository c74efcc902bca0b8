/* Between TLS and the library: what may pass up, what comes down. */
#include "serve/connection_i.h"

#include "serve/request_i.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define ROUNDS_MAX 8 /* of one connection in one turn of the loop: others want to be served too */

/* Handed to the library when a request cannot be: so that the refusal has a request to be written for. */
static const char stand_in[] = "GET / HTTP/1.1\r\nHost: refused\r\nConnection: close\r\n\r\n";

/* ---- up: from TLS to the library ---- */

static bool held_add(struct connection *connection, const uint8_t *at, size_t size)
{
    if (size > 0 && smki_buffer_append(&connection->held, at, size, NULL) != 0)
        connection->broken = true;
    return !connection->broken;
}

/* Octets for the library; what its end does not take now is held. */
static size_t side_write(struct connection *connection, const uint8_t *at, size_t size)
{
    ssize_t sent = send(connection->side->fd, at, size, MSG_NOSIGNAL | MSG_DONTWAIT);

    connection->worker->library_due = true;
    if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
        connection->side->ended = true;
    return sent > 0 ? (size_t)sent : 0;
}

/* A whole head, never more than the pair's room; the library may have closed a side that was idle. */
static bool head_write(struct connection *connection, const uint8_t *at, size_t size)
{
    for (int tries = 0; tries < 2; tries++) {
        if (connection->side != NULL && connection->side->ended)
            side_give_up(connection);
        if (connection->side == NULL && side_open(connection, NULL) != 0)
            break;
        if (side_write(connection, at, size) == size)
            return true;
        connection->side->ended = true;
    }
    connection->broken = true;
    return false;
}

static void request_starts(struct connection *connection)
{
    connection->request_since = connection->body_since = connection->progress = connection->worker->now;
    connection->moved = 0;
    connection->reply_expected = false;
    connection_busy(connection, true);
}

static void head_pass(struct connection *connection, const uint8_t *at, size_t size)
{
    struct smki_buffer head = connection->head;

    request_starts(connection);
    connection->head = (struct smki_buffer){0};
    if (head.size == 0 && !connection->gate.trims) {
        head_write(connection, at, size);
        return;
    }
    if (smki_buffer_append(&head, at, size, NULL) != 0)
        connection->broken = true;
    else
        head_write(connection, head.at, connection->gate.trims ? gate_trim(head.at, head.size) : head.size);
    smki_buffer_finish(&head);
}

static size_t head_take(struct connection *connection, const uint8_t *at, size_t size)
{
    const size_t head_max = (size_t)connection->generation->config->http.head_max;
    size_t used = 0;

    if (connection->gate.head == 0)
        connection->since = connection->worker->now; /* the head's time runs from its first octet */
    switch (gate_head(&connection->gate, head_max, at, size, &used)) {
    case GATE_MORE:
        if (smki_buffer_append(&connection->head, at, used, NULL) != 0)
            connection->broken = true;
        break;
    case GATE_WHOLE:
        head_pass(connection, at, used);
        break;
    case GATE_MALFORMED:
        front_refuse(connection, SMKI_HTTP_MALFORMED,
                     "the head of the request is not well-formed: bare CR or LF, NUL, a folded line, or a method or the name of a field "
                     "that is none");
        break;
    case GATE_TOO_LARGE:
        front_refuse(connection, SMKI_HTTP_HEAD_SIZE, NULL);
        break;
    case GATE_TARGET_TOO_LONG:
        front_refuse(connection, SMKI_HTTP_TARGET_SIZE, NULL);
        break;
    }
    return used;
}

/* Passes what may pass; the rest is the caller's to hold. Returns the octets used. */
static size_t octets_take(struct connection *connection, const uint8_t *at, size_t size)
{
    size_t used;

    if (connection->gate.state == GATE_HEAD)
        return head_take(connection, at, size);
    used = gate_may_pass(&connection->gate, size);
    if (used == 0 || connection->side == NULL)
        return 0;
    if (!gate_look(&connection->gate, at, &used)) {
        front_refuse(
            connection, SMKI_HTTP_MALFORMED,
            "the chunks of the body are not well-formed: a size is no number, an extension is too long, or a line does not end with CR LF");
        return size;
    }
    used = side_write(connection, at, used);
    gate_passed(&connection->gate, used);
    connection->moved += used;
    if (used > 0)
        connection->progress = connection->worker->now;
    return used;
}

static bool held_pass(struct connection *connection)
{
    size_t used = octets_take(connection, connection->held.at + connection->held_start, connection->held.size - connection->held_start);

    connection->held_start += used;
    if (connection->held_start >= connection->held.size) {
        smki_buffer_finish(&connection->held);
        connection->held_start = 0;
    }
    return used > 0;
}

static void peer_ended(struct connection *connection)
{
    connection->peer_closed = true;
    if (connection->gate.state == GATE_BODY) /* it will never be whole */
        connection_cut(connection);
    else
        connection_close(connection);
}

static bool pump_up(struct connection *connection)
{
    struct worker *worker = connection->worker;
    size_t used;
    int size;

    if (connection->held.size > 0)
        return held_pass(connection);
    if ((connection->gate.state != GATE_HEAD && connection->gate.state != GATE_BODY) || !wire_has(connection))
        return false;
    tls_turn(connection->tls, &connection->peer);
    size = mbedtls_ssl_read(&connection->ssl, worker->plain, sizeof(worker->plain));
    if (size == MBEDTLS_ERR_SSL_WANT_READ || size == MBEDTLS_ERR_SSL_WANT_WRITE)
        return false;
    if (size <= 0) {
        peer_ended(connection);
        return false;
    }
    atomic_fetch_add_explicit(&worker->serve->metrics.octets_in, (unsigned)size, memory_order_relaxed);
    used = octets_take(connection, worker->plain, (size_t)size);
    return connection->state == CONNECTION_OPEN && held_add(connection, worker->plain + used, (size_t)size - used);
}

/* ---- down: from the library to TLS ---- */

static void tls_write(struct connection *connection, const uint8_t *at, size_t size)
{
    size_t done = 0;

    while (done < size && !connection->broken) {
        int rc = mbedtls_ssl_write(&connection->ssl, at + done, size - done);

        if (rc > 0)
            done += (size_t)rc;
        else if (rc != MBEDTLS_ERR_SSL_WANT_WRITE)
            connection->broken = true;
    }
    connection->moved += done;
    atomic_fetch_add_explicit(&connection->worker->serve->metrics.octets_out, done, memory_order_relaxed);
}

/* What the library writes before our reply is "100 Continue", or its own opinion of the request, in HTML. */
static bool is_continue(const uint8_t *at, size_t size)
{
    static const char start[] = "HTTP/1.1 100 ";

    return size >= sizeof(start) - 1 && memcmp(at, start, sizeof(start) - 1) == 0;
}

/* In the library's place, which cannot read what came. */
static void refuse_unread(struct connection *connection, const uint8_t *at, size_t size)
{
    static const char version[] = " 505 "; /* after HTTP/1.1 */

    if (size >= 8 + sizeof(version) - 1 && memcmp(at + 8, version, sizeof(version) - 1) == 0)
        front_refuse(connection, SMKI_HTTP_VERSION, NULL);
    else
        front_refuse(connection, SMKI_HTTP_MALFORMED,
                     connection->gate.hosts == 0 ? "not a well-formed HTTP request: it has no Host (RFC 9112 3.2)"
                                                 : "not a well-formed HTTP request");
}

static bool pump_down(struct connection *connection)
{
    struct worker *worker = connection->worker;
    ssize_t size;

    if (connection->side == NULL || !connection->down_ready || wire_waits(connection))
        return false;
    size = recv(connection->side->fd, worker->plain, sizeof(worker->plain), MSG_DONTWAIT);
    if (size <= 0) {
        connection->down_ready = false;
        connection->side->ended = size == 0 || (errno != EAGAIN && errno != EWOULDBLOCK) || connection->side->ended;
        return false;
    }
    if (!connection->reply_expected && !is_continue(worker->plain, (size_t)size)) {
        refuse_unread(connection, worker->plain, (size_t)size);
        return false;
    }
    if ((size_t)size == sizeof(worker->plain))
        worker->library_due = true; /* there is room in the pair again */
    else
        connection->down_ready = false;
    tls_write(connection, worker->plain, (size_t)size);
    return true;
}

/* ---- the whole ---- */

/* The reply was written and has left: on to the next request, once the request's own end is done with. */
static void reply_check(struct connection *connection)
{
    struct serve_request *request = connection->finished;

    if (request == NULL || connection->down_ready || wire_waits(connection))
        return;
    if (request_wants_end(request) && !wire_taken(connection)) {
        connection->worker->polls = true;
        return;
    }
    connection->finished = NULL;
    request_end(request, true); /* front_next follows */
}

void front_next(struct connection *connection)
{
    connection->request = NULL;
    connection->request_since = 0;
    connection->since = connection->worker->now;
    connection_busy(connection, false);
    if (connection->state != CONNECTION_OPEN)
        return;
    gate_reset(&connection->gate);
    if (connection->last || connection->worker->closing || (connection->side != NULL && connection->side->ended))
        connection_close(connection);
    connection_touch(connection);
}

void front_refuse(struct connection *connection, int code, const char *text)
{
    if (connection->refusal != 0) { /* no second time */
        connection_close(connection);
        return;
    }
    side_give_up(connection);
    smki_buffer_finish(&connection->head);
    smki_buffer_finish(&connection->held);
    connection->held_start = 0;
    if (connection->request != NULL)
        request_bequeath(connection->request);
    connection->request = NULL; /* a request under way ends with its side */
    connection->refusal = code;
    connection->refusal_text = text;
    connection->last = true;
    connection->gate.state = GATE_REPLY;
    request_starts(connection);
    if (!head_write(connection, (const uint8_t *)stand_in, sizeof(stand_in) - 1))
        connection_cut(connection);
}

static bool side_has_ended(const struct connection *connection)
{
    return connection->side != NULL && connection->side->ended && !connection->down_ready && !wire_waits(connection) &&
           connection->finished == NULL && connection->request == NULL;
}

/* The library has closed: after its last reply, or because it cannot read what came. */
static void side_end(struct connection *connection)
{
    if (connection->request_since != 0 && !connection->reply_expected)
        front_refuse(connection, SMKI_HTTP_MALFORMED, NULL);
    else
        connection_close(connection);
}

static void pump_open(struct connection *connection)
{
    bool moved = true;

    if (connection->refuse_next != 0)
        front_refuse(connection, connection->refuse_next, NULL);
    connection->refuse_next = 0;
    for (int round = 0; moved && connection->state == CONNECTION_OPEN && !connection->broken; round++) {
        if (round == ROUNDS_MAX) {
            connection_touch(connection);
            break;
        }
        moved = pump_down(connection);
        if (connection->state == CONNECTION_OPEN)
            moved = pump_up(connection) || moved;
    }
    if (connection->state != CONNECTION_OPEN)
        return;
    if (connection->broken) {
        connection_cut(connection);
        return;
    }
    reply_check(connection);
    if (connection->state == CONNECTION_OPEN && side_has_ended(connection))
        side_end(connection);
}

/* FIN after ours, or nothing left to say to a peer that has gone. */
static void pump_closing(struct connection *connection)
{
    if (!wire_waits(connection) && !connection->shut && !connection->broken) {
        shutdown(connection->fd, SHUT_WR);
        connection->shut = true;
    }
    wire_drain(connection);
    if (connection->broken || (connection->peer_closed && !wire_waits(connection)))
        connection_cut(connection);
}

void front_pump(struct connection *connection)
{
    wire_flush(connection);
    if (connection->state == CONNECTION_HANDSHAKE && connection->worker->handshakes_left == 0)
        connection_touch(connection); /* in the next turn */
    else if (connection->state == CONNECTION_HANDSHAKE)
        handshake_step(connection);
    if (connection->state == CONNECTION_OPEN)
        pump_open(connection);
    if (connection->state == CONNECTION_CLOSING)
        pump_closing(connection);
    wire_keep(connection);
}
