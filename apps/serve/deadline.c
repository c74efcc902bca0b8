/* Deadlines: looked at twice a second. Those who send or take too slowly are answered where they can be, and cut. */
#include "serve/connection_i.h"

#include "serve/request_i.h"

#define CLOSING_TIME (2 * SMKI_SECOND)
#define SIDE_TIME    SMKI_SECOND /* an idle connection keeps its side of the library so long */

static void count(struct connection *connection, enum deadline deadline)
{
    atomic_fetch_add(&connection->worker->serve->metrics.cut[deadline], 1);
}

static void idle_check(struct connection *connection, const struct smki_config_http *http, int64_t waited)
{
    if (connection->gate.head > 0) {
        if (waited <= http->head_time)
            return;
        count(connection, DEADLINE_HEAD);
        front_refuse(connection, SMKI_HTTP_SLOW, NULL);
    } else if (waited > http->idle_time) {
        count(connection, DEADLINE_IDLE);
        connection_close(connection);
    } else if (waited > SIDE_TIME && connection->side != NULL) {
        side_give_up(connection);
        connection->worker->given_up++;
    }
}

/* Of a body or reply: no progress, or too little, or the whole has taken too long. */
static bool is_slow(const struct connection *connection, const struct smki_config_http *http)
{
    const int64_t now = connection->worker->now, lasted = now - connection->body_since;

    if (now - connection->progress > http->stall_time || now - connection->request_since > http->request_time)
        return true;
    return lasted > http->stall_time && connection->moved < http->min_rate * (uint64_t)(lasted / SMKI_SECOND);
}

static void request_check(struct connection *connection, const struct smki_config_http *http)
{
    const bool sending = wire_waits(connection);
    const bool receiving = connection->gate.state == GATE_BODY && connection->held.size == 0 && !connection->reply_expected;

    if (connection->finished != NULL && !sending) { /* sent, and not acknowledged */
        if (connection->worker->now - connection->progress > http->stall_time)
            connection_cut(connection);
        return;
    }
    if (connection->gate.state == GATE_WAIT) { /* the library makes nothing of the head */
        if (connection->worker->now - connection->request_since > http->head_time)
            front_refuse(connection, SMKI_HTTP_MALFORMED, NULL);
        return;
    }
    if (!sending && !receiving) { /* the service is at work */
        connection->progress = connection->worker->now;
        return;
    }
    if (!is_slow(connection, http))
        return;
    count(connection, sending ? DEADLINE_REPLY : DEADLINE_BODY);
    if (sending)
        connection_cut(connection);
    else
        front_refuse(connection, SMKI_HTTP_SLOW, NULL);
}

void deadline_check(struct connection *connection)
{
    const struct smki_config_http *http = &connection->generation->config->http;
    const int64_t waited = connection->worker->now - connection->since;

    switch (connection->state) {
    case CONNECTION_HANDSHAKE:
        if (waited > http->handshake_time) {
            atomic_fetch_add(&connection->worker->serve->metrics.handshakes_refused[HANDSHAKE_SLOW], 1);
            connection_cut(connection);
        }
        break;
    case CONNECTION_OPEN:
        if (connection->request_since == 0)
            idle_check(connection, http, waited);
        else
            request_check(connection, http);
        break;
    case CONNECTION_CLOSING:
        if (waited > CLOSING_TIME && (!wire_waits(connection) || connection->worker->now - connection->progress > CLOSING_TIME))
            connection_cut(connection);
        break;
    case CONNECTION_CLOSED:
        break;
    }
}
