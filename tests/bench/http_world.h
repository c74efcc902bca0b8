/* What bench_http measures: a home, serve_test on it and nginx beside it. */
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

#endif
