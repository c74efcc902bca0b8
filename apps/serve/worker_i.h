/* A worker: one thread that owns its connections, with one event loop and one daemon of libmicrohttpd. Nothing in here is locked but what
 * comes from other threads: requests that the pool has done with, connections that another worker took in, a new generation.
 *
 * Way of a request: socket -> mbedTLS -> gate -> socketpair -> libmicrohttpd -> handler; the reply back the same way. The library's end of
 * the socketpair is written by the library only while MHD_run runs, so after each run the connections with a request under way are looked
 * at, and the pair needs no events of its own. */
#ifndef SERVE_WORKER_I_H
#define SERVE_WORKER_I_H

#include "serve/serve_i.h"

#include <microhttpd.h>
#include <pthread.h>
#include <sys/socket.h>

#define WORKER_PLAIN_SIZE   16384 /* the most that a TLS record carries */
#define WORKER_SCRATCH_SIZE 32768

enum source_kind { SOURCE_WAKE, SOURCE_LIBRARY, SOURCE_ENTRANCE, SOURCE_CONNECTION };

/* What an event of the loop is about: first member of it. */
struct source {
    enum source_kind kind;
};

struct entrance {
    struct source source;
    struct listener *listener;
};

/* A connection that was accepted, on its way to the worker that has the least. */
struct arrival {
    struct arrival *next;
    int fd;
    struct sockaddr_storage address;
    socklen_t address_size;
    struct listener *listener; /* holds a reference to its generation */
};

struct connection;
struct serve_request;
struct side;

struct worker {
    struct serve *serve;
    size_t number;
    pthread_t thread;
    bool started;
    int epoll, wake;
    struct source wake_source, library_source;
    struct MHD_Daemon *library;
    bool library_due;
    struct generation *generation;
    struct entrance entrances[SERVE_SITES_MAX];
    size_t entrance_count;
    struct connection *connections; /* all of them */
    atomic_uint count;
    struct connection *touched; /* to be looked at in this turn */
    struct connection *busy;    /* with a request under way */
    struct connection *dead;    /* to be freed at the end of the turn */
    struct side **by_pair;      /* by the library's end of the socketpair */
    size_t by_pair_size;
    struct serve_request *waiting; /* until their time has come */
    unsigned sides, requests;      /* that live */
    unsigned given_up;             /* sides, since memory was last given back */
    unsigned handshakes_left;      /* in this turn */
    int64_t now, swept;
    bool closing, polls; /* polls: a reply is out and not acknowledged */
    uint8_t plain[WORKER_PLAIN_SIZE];
    uint8_t scratch[WORKER_SCRATCH_SIZE]; /* what was received for `scratch_of` and not read yet */
    struct connection *scratch_of;
    size_t scratch_start, scratch_end;
    /* from other threads */
    pthread_mutex_t lock;
    struct serve_request *returned;
    struct arrival *arrivals;
    struct generation *next;
};

SMKI_MUST_USE int worker_create(struct worker **out, struct serve *serve, size_t number, struct smki_error *err);
SMKI_MUST_USE int worker_start(struct worker *worker, struct smki_error *err);
/* Waits for its end, which `stopping` brings. */
void worker_join(struct worker *worker);
/* Once all have ended: until then another one may hand it a connection. */
void worker_destroy(struct worker *worker);
/* From any thread. worker_renew takes over a reference. */
void worker_wake(struct worker *worker);
void worker_renew(struct worker *worker, struct generation *generation);
void worker_return(struct worker *worker, struct serve_request *list); /* by next */
void worker_hand(struct worker *worker, struct arrival *arrival);

/* entrance.c */
void entrance_accept(struct worker *worker, struct entrance *entrance);
/* Waits at the doors of this generation, which were kept for it, and leaves those of the one before. Takes over the reference. NULL: no
 * entrance any more. */
void entrances_set(struct worker *worker, struct generation *generation);
void arrival_open(struct worker *worker, struct arrival *arrival);
void arrival_drop(struct worker *worker, struct arrival *arrival);

/* library.c: libmicrohttpd */
SMKI_MUST_USE int library_open(struct worker *worker, struct smki_error *err);
void library_run(struct worker *worker);
void library_close(struct worker *worker);

#endif
