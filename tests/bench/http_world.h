/* What bench_http measures: a home, serve_test on it, nginx beside it, and what mbedTLS's arithmetic costs. */
#ifndef BENCH_HTTP_WORLD_H
#define BENCH_HTTP_WORLD_H

#include <stdbool.h>
#include <sys/types.h>

struct world {
    char folder[100], certificate[200], key[200], server_key[200];
    int port, admin, nginx_port;
    pid_t server, nginx;
};

/* Says what is wrong; world_close must not be called then. */
bool world_open(struct world *world, bool with_nginx);
/* Ends what was started; true: the server ended with 0. */
bool world_close(struct world *world);
/* Seconds of processor that the process and its children have used. */
double world_processor(pid_t pid);
double world_connections(const struct world *world); /* by the server's own count */

struct arithmetic {
    double rsa_private, rsa_public, ecdhe; /* us */
    double handshake; /* of a full handshake with a client certificate: one private operation, two public ones (the client's certificate and
                       * its CertificateVerify), one key pair and one secret */
};
void arithmetic_measure(struct arithmetic *out, const char *key_file);

#endif
