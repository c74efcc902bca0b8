/* Load on an HTTPS server with client certificates, by OpenSSL, from a few threads with an event loop each. */
#ifndef BENCH_HTTP_LOAD_H
#define BENCH_HTTP_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum load_kind {
    LOAD_KEEP_ALIVE, /* requests on connections that stay */
    LOAD_FULL,       /* full handshake, one request, close */
    LOAD_RESUMED,    /* the same with a resumed session */
    LOAD_IDLE,       /* connects, one request, and stays */
    LOAD_MIXED,      /* the soak: all of these, uploads and downloads */
};

struct load_identity {
    const char *certificate, *key; /* files: PEM, or DER when the certificate's name ends in .der */
};

struct load {
    enum load_kind kind;
    int port;
    unsigned connections, threads;
    double seconds;
    const struct load_identity *identities; /* connection i has number i modulo their count, at most LOAD_IDENTITIES_MAX */
    unsigned identity_count;
    const char *target; /* of a GET; NULL: /quick */
    const char *status; /* of a right answer; NULL: 200 */
    /* Requests of one's own on connections that stand before the time begins: writes the next into `out`, 0 octets: there is none any more.
     * Called by all threads. NULL: GETs. */
    size_t (*next)(void *context, char *out, size_t capacity);
    const char *expected;        /* in the body of a right answer to such a request */
    double rate;                 /* with `next`: so many a second, at random moments, whether or not answers come; 0: one after another */
    void (*idle)(void *context); /* LOAD_IDLE: called when all stand */
    void *context;
};

#define LOAD_IDENTITIES_MAX 256
#define LOAD_REQUEST_MAX    2048 /* octets of a request of one's own */

struct load_result {
    double seconds, processor; /* processor: seconds of this process, the client */
    uint64_t done, failed, resumed;
    uint64_t octets;      /* of answers */
    double p50, p99, max; /* ms of one request, or of one connection with its request; by `rate`: from the moment it was due */
};

bool load_run(const struct load *load, struct load_result *out);
/* The same; says so when nothing was done, which is false then, or when some failed. */
bool load_run_told(const struct load *load, const char *server, struct load_result *out);
double load_rate(const struct load_result *result); /* a second */

#endif
