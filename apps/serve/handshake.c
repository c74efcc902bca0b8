/* Handshakes: one step at a time, with the alerts that mbedTLS leaves out, and a look at what came of it. */
#include "serve/connection_i.h"

#include "serve/request_i.h"

#include <stdlib.h>
#include <string.h>

/* RFC 6066 3; mbedTLS names it MBEDTLS_SSL_ALERT_MSG_UNRECOGNIZED_NAME */
#define ALERT_UNRECOGNIZED_NAME 112

static size_t queued(const struct connection *connection)
{
    return connection->queue.size - connection->queue_start;
}

static void alert(struct connection *connection, unsigned char description)
{
    (void)!mbedtls_ssl_send_alert_message(&connection->ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL, description);
}

static enum handshake_refusal refusal_of(const struct connection *connection, int rc)
{
    const uint32_t dates = MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE;

    if (connection->peer.name_unknown)
        return HANDSHAKE_NAME;
    switch (rc) {
    case MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE:
        return HANDSHAKE_NO_CERTIFICATE;
    case MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION:
        return HANDSHAKE_VERSION;
    case MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE:
        return HANDSHAKE_SUITE;
    case MBEDTLS_ERR_SSL_CONN_EOF:
    case MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE:
    case 0:
        return HANDSHAKE_CLOSED;
    default:
        break;
    }
    if (connection->peer.flags != 0)
        return (connection->peer.flags & ~dates) == 0 ? HANDSHAKE_DATES : HANDSHAKE_FOREIGN;
    return connection->broken ? HANDSHAKE_CLOSED : HANDSHAKE_OTHER;
}

/* Refusals of access are recorded; what is no question of access is only counted. */
static void refusal_record(struct connection *connection, enum handshake_refusal refusal)
{
    static const struct {
        int code;
        const char *text;
    } access[HANDSHAKE_REFUSAL_COUNT] = {
        [HANDSHAKE_NO_CERTIFICATE] = {SMKI_IKI_MISSING, "TLS handshake without a client certificate"},
        [HANDSHAKE_FOREIGN] = {SMKI_IKI_FOREIGN, "TLS handshake with a certificate that does not verify against the IKICA"},
        [HANDSHAKE_DATES] = {SMKI_IKI_DATES, "TLS handshake with a certificate outside its dates"},
    };
    const struct smki_bytes certificate = {connection->peer.refused, connection->peer.refused_size};

    atomic_fetch_add(&connection->worker->serve->metrics.handshakes_refused[refusal], 1);
    if (access[refusal].code != 0 && connection->peer.site != NULL)
        access_record(connection->worker->serve, &connection->peer.site->face, certificate, connection->host, access[refusal].code,
                      access[refusal].text);
}

static void handshake_refuse(struct connection *connection, enum handshake_refusal refusal)
{
    refusal_record(connection, refusal);
    wire_flush(connection);
    connection->state = CONNECTION_CLOSING; /* not open: no close_notify after a fatal alert */
    connection->since = connection->worker->now;
    connection->readable = true;
    connection_touch(connection);
}

/* mbedTLS does not compare how a resumed session was authenticated with what is asked for here. */
static bool certificate_holds(struct connection *connection)
{
    const mbedtls_x509_crt *certificate = mbedtls_ssl_get_peer_cert(&connection->ssl);

    if (!connection->peer.site->face.client_certificates)
        return true;
    if (certificate == NULL || mbedtls_ssl_get_verify_result(&connection->ssl) != 0)
        return false;
    return smki_buffer_append(&connection->certificate, certificate->raw.p, certificate->raw.len, NULL) == 0;
}

static void certificate_count(struct connection *connection)
{
    struct serve *serve = connection->worker->serve;
    const struct smki_buffer *der = &connection->certificate;

    if (der->size == 0 || mbedtls_sha256(der->at, der->size, connection->certificate_key, 0) != 0)
        return;
    connection->bounded =
        bound_take(serve->certificates, connection->certificate_key, connection->generation->config->http.connections_per_certificate);
    connection->over_bound = !connection->bounded;
    if (connection->over_bound)
        atomic_fetch_add(&serve->metrics.refused_certificate, 1);
}

static void session_name(struct connection *connection)
{
    if (!tls_session_name(&connection->ssl, connection->session) &&
        smki_random_system.fill(NULL, connection->session, sizeof(connection->session)) != 0)
        connection->broken = true;
}

static void handshake_done(struct connection *connection)
{
    struct metrics *metrics = &connection->worker->serve->metrics;

    if (connection->peer.site == NULL) {
        alert(connection, ALERT_UNRECOGNIZED_NAME);
        handshake_refuse(connection, HANDSHAKE_NAME);
        return;
    }
    if (!certificate_holds(connection)) {
        alert(connection, MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE);
        handshake_refuse(connection, HANDSHAKE_NO_CERTIFICATE);
        return;
    }
    certificate_count(connection);
    session_name(connection);
    atomic_fetch_add(connection->peer.resumed ? &metrics->handshakes_resumed : &metrics->handshakes_full, 1);
    connection->state = CONNECTION_OPEN;
    connection->since = connection->progress = connection->worker->now;
    connection_touch(connection);
}

/* The flight of a step goes out in one piece; a step that failed and made no octet lacks its alert. */
void handshake_step(struct connection *connection)
{
    size_t before;
    int rc;

    connection->worker->handshakes_left--;
    tls_turn(connection->tls, &connection->peer);
    before = queued(connection);
    connection->corked = true;
    rc = mbedtls_ssl_handshake(&connection->ssl);
    connection->corked = false;
    if (rc == MBEDTLS_ERR_SSL_WANT_READ || rc == MBEDTLS_ERR_SSL_WANT_WRITE) {
        wire_flush(connection);
        if (connection->broken)
            handshake_refuse(connection, HANDSHAKE_CLOSED);
        return;
    }
    if (rc == 0) {
        handshake_done(connection);
    } else {
        const enum handshake_refusal refusal = refusal_of(connection, rc);

        if (queued(connection) == before && refusal != HANDSHAKE_CLOSED)
            alert(connection, MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE);
        handshake_refuse(connection, refusal);
    }
    wire_flush(connection);
}
