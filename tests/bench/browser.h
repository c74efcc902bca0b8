/* What a browser does, as far as a server can tell: a TLS 1.2 connection by OpenSSL that stays and is resumed, requests with the heads that
 * browsers send, and a page with all that it asks for. One thread a browser; blocking. */
#ifndef BENCH_BROWSER_H
#define BENCH_BROWSER_H

#include <openssl/ssl.h>

#include <stdbool.h>
#include <stdint.h>

struct browser {
    SSL_CTX *context; /* of the officer: certificate and key */
    int port;
    const char *from; /* the address it comes from, "127.0.0.2"; NULL: any */
    SSL *ssl;
    SSL_SESSION *session; /* to be resumed */
    uint64_t in, out;     /* octets of closed connections */
    unsigned connections, resumed;
    double connected_at; /* seconds_now: when the last connection was taken, before its handshake */
    char head[4096];
    char *body; /* of the last answer, with a NUL behind it */
    size_t body_size, body_capacity, head_size;
    int status;
};

struct browser_request {
    const char *method, *path, *accept; /* accept: NULL: what fetch() sends */
    const char *headers;                /* more of them, each with its CRLF; NULL: none */
    const char *body;
    size_t body_size;
};

/* The context of one who comes with this certificate (DER) and the key of this file; NULL, 0, NULL: with none. NULL: they do not fit. */
SSL_CTX *browser_context(const uint8_t *certificate, size_t size, const char *key);
/* Connects and shakes hands, with the session of before. false: nobody there, or refused; nothing is said. */
bool browser_connect(struct browser *browser);
/* One request and its whole answer; connects where there is no connection, and once more where the server has closed it meanwhile. */
bool browser_ask(struct browser *browser, const struct browser_request *request);
bool browser_get(struct browser *browser, const char *path);
void browser_hang_up(struct browser *browser);
void browser_finish(struct browser *browser);
/* Octets of TLS so far, records and handshakes with them, both ways. */
uint64_t browser_octets_in(const struct browser *browser);
uint64_t browser_octets_out(const struct browser *browser);

struct browser_page {
    unsigned answers, failed;
    uint64_t heads, bodies, requests; /* octets of HTTP: answers' heads and bodies as sent, requests */
};
/* The page at `path`, what it names (styles, scripts, pictures) and what those name, each once; then `api`, which its script asks for. */
bool browser_load(struct browser *browser, const char *path, const char *api, struct browser_page *out);
/* The answer's body as text, unpacked; NULL: it cannot be. Freed by the caller. */
char *browser_text(const struct browser *browser);

#endif
