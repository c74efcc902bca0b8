/* A TLS connection, from accept to close. All of it belongs to its worker's thread.
 *
 *   HANDSHAKE  mbedTLS is at work
 *   OPEN       requests and replies, see gate_i.h
 *   CLOSING    nothing is read any more but to be thrown away, so that what was sent last arrives; then
 *   CLOSED     freed at the end of the turn, unless a request still has it */
#ifndef SERVE_CONNECTION_I_H
#define SERVE_CONNECTION_I_H

#include "serve/address_i.h"
#include "serve/gate_i.h"
#include "serve/worker_i.h"

enum connection_state { CONNECTION_HANDSHAKE, CONNECTION_OPEN, CONNECTION_CLOSING, CONNECTION_CLOSED };

/* Our side of a connection of libmicrohttpd; the library may outlive the TLS side, and the reverse. */
struct side {
    struct connection *connection; /* a reference */
    int fd;                        /* our end; -1: given up */
    bool ended;                    /* the library has closed its end, or is about to */
    bool forgotten;                /* the library has told so: no reference any more */
};

/* Of a request that came whole with its head and is refused by a stand-in: what is known of it. */
struct bequest {
    char *method, *path;
    bool identified;
    struct smki_identity identity;
};

struct connection {
    struct source source;
    struct worker *worker;
    struct connection *previous, *next;
    struct connection *touched_next;
    struct connection *busy_previous, *busy_next;
    bool touched, busy;
    unsigned references;
    struct generation *generation;
    struct listener *listener;
    struct tls *tls;
    enum connection_state state;

    int fd;
    bool readable, writable, hung_up; /* as the last event said, and nothing since said otherwise */
    bool peer_closed, shut, broken, corked;
    bool bounded;    /* counted for its certificate */
    bool over_bound; /* beyond the bound of its certificate: requests are refused */
    mbedtls_ssl_context ssl;
    struct tls_peer peer;
    struct smki_buffer queue; /* octets for the socket */
    size_t queue_start;
    struct smki_buffer rest; /* octets of the socket that mbedTLS has not read */
    size_t rest_start;

    struct gate gate;
    struct smki_buffer head; /* of a request, not whole yet */
    struct smki_buffer held; /* what came and may not pass yet */
    size_t held_start;
    struct side *side;
    bool down_ready;     /* the library may have written */
    bool reply_expected; /* and what it writes is our reply */
    bool last;           /* no request after this one */
    int refusal;         /* of what could not be handed to the library, and its words */
    const char *refusal_text;
    struct bequest *bequest;        /* NULL: there was no such request */
    int refuse_next;                /* to be refused once the library has returned */
    struct serve_request *request;  /* under way */
    struct serve_request *finished; /* its reply was written; is it out? */

    int64_t since, progress, body_since; /* ticks: of the phase, of the last octet that moved, of the body or reply */
    int64_t request_since;               /* 0: none under way */
    uint64_t moved;                      /* octets, since body_since */
    uint64_t drained;
    int untaken; /* octets that the peer had not acknowledged when it was last asked */

    char host[ADDRESS_TEXT_SIZE];
    uint8_t host_key[BOUND_KEY_SIZE], certificate_key[BOUND_KEY_SIZE];
    struct smki_buffer certificate; /* DER */
    uint8_t session[TLS_SESSION_NAME_SIZE];
};

/* connection.c: life and death */
SMKI_MUST_USE int connection_open(struct worker *worker, const struct arrival *arrival, struct smki_error *err);
void connection_hold(struct connection *connection);
void connection_release(struct connection *connection);
void connection_touch(struct connection *connection);
void connection_busy(struct connection *connection, bool busy);
/* Orderly: close_notify, then CLOSING. */
void connection_close(struct connection *connection);
/* At once: the peer gets a reset, or what was sent. */
void connection_cut(struct connection *connection);
void connections_free(struct worker *worker);

/* wire.c: octets of the socket */
int wire_send(void *connection, const unsigned char *at, size_t size);
int wire_receive(void *connection, unsigned char *at, size_t size);
void wire_flush(struct connection *connection);
bool wire_waits(const struct connection *connection); /* octets wait for the socket */
bool wire_has(const struct connection *connection);   /* mbedTLS may have something to read */
void wire_keep(struct connection *connection);        /* before another connection's turn */
/* Everything sent was acknowledged. */
bool wire_taken(struct connection *connection);
void wire_drain(struct connection *connection);

/* handshake.c */
void handshake_step(struct connection *connection);

/* front.c: between TLS and the library */
void front_pump(struct connection *connection);
/* Answers in place of the library, by the site's `refuse`, and closes. */
void front_refuse(struct connection *connection, int code, const char *text);
/* The reply is out, and its request has gone. */
void front_next(struct connection *connection);

/* side.c */
SMKI_MUST_USE int side_open(struct connection *connection, struct smki_error *err);
void side_give_up(struct connection *connection);
void side_forget(struct side *side); /* the library has closed its end */

/* deadline.c */
void deadline_check(struct connection *connection);

#endif
