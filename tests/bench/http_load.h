/* Load on an HTTPS server with client certificates, by OpenSSL, from a few threads with an event loop each. */
#ifndef BENCH_HTTP_LOAD_H
#define BENCH_HTTP_LOAD_H

#include <stdbool.h>
#include <stdint.h>

enum load_kind {
    LOAD_KEEP_ALIVE, /* requests on connections that stay */
    LOAD_FULL,       /* full handshake, one request, close */
    LOAD_RESUMED,    /* the same with a resumed session */
    LOAD_IDLE,       /* connects, one request, and stays */
    LOAD_MIXED,      /* the soak: all of these, uploads and downloads */
};

struct load {
    enum load_kind kind;
    int port;
    unsigned connections, threads;
    double seconds;
    const char *certificate, *key; /* PEM files */
    void (*idle)(void *context);   /* LOAD_IDLE: called when all stand */
    void *context;
};

struct load_result {
    double seconds;
    uint64_t done, failed, resumed;
    double p50, p99; /* ms of one request, or of one connection with its request */
};

bool load_run(const struct load *load, struct load_result *out);

#endif
