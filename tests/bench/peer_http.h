/* The requests to cfssl serve, over plain HTTP with keep-alive. */
#ifndef BENCH_PEER_HTTP_H
#define BENCH_PEER_HTTP_H

#include "peer.h"

/* Asks for 1.csr to `count`.csr on so many connections at once. */
int peer_http_run(int port, unsigned connections, size_t count, struct peer_result *out, struct smki_error *err);

#endif
