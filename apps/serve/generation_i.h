/* A generation: configuration, sites, listeners and their TLS settings, as they were read together. A reload makes a new one; whoever uses
 * one holds a reference, so that connections end under what they began with. */
#ifndef SERVE_GENERATION_I_H
#define SERVE_GENERATION_I_H

#include "serve/metrics_i.h"
#include "serve/serve.h"
#include "serve/tls_i.h"

struct generation;

struct site {
    struct serve_site face; /* with copies of all texts and routes */
    struct serve_route *routes;
    struct resumption *resumption;
    struct metrics_site *metrics;
};

/* A listening socket, which may outlive a generation, and is closed before it where nothing new is to come in: when the newest generation
 * does not name its address any more, or the server stops, and all workers have let go of it. */
struct door {
    atomic_uint references;
    atomic_uint keepers; /* the newest generation, and each worker that waits at it */
    int fd;
    char address[64];
};

struct listener {
    struct generation *generation;
    struct door *door;
    struct site *sites[SERVE_SITES_MAX];
    size_t site_count;
    struct site *fallback; /* when no server name is asked for; NULL: then nothing is answered */
    struct tls **tls;      /* one for each worker */
};

struct generation {
    atomic_uint references;
    struct serve *serve;
    struct smki_config *config;
    size_t workers;
    struct site sites[SERVE_SITES_MAX];
    size_t site_count;
    struct listener listeners[SERVE_SITES_MAX];
    size_t listener_count;
};

/* Takes a copy of `config`, reads the certificates, opens the listening sockets that `before` (may be NULL) does not have. On failure
 * nothing has changed. */
SMKI_MUST_USE int generation_create(struct generation **out, struct serve *serve, const struct smki_config *config,
                                    const struct generation *before, struct smki_error *err);
struct generation *generation_hold(struct generation *generation);
void generation_drop(struct generation *generation);
/* A generation is made as the newest, and its doors are open until it is left; for each worker that is to wait at them they are kept once
 * more, by the main thread while it is the newest. NULL: nothing. */
void generation_keep(const struct generation *generation);
void generation_leave(const struct generation *generation);
/* Both: its doors and the reference. */
void generation_forget(struct generation *generation);
void door_leave(struct door *door);
/* The site that the server name (`size` octets) chooses; NULL: none. */
struct site *listener_site(const struct listener *listener, const char *name, size_t size);

#endif
