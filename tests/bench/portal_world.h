/* What bench_portal measures: a home with Parties, officers and batches, and smki-portal on it. */
#ifndef BENCH_PORTAL_WORLD_H
#define BENCH_PORTAL_WORLD_H

#include "browser.h"

#include <sys/types.h>

#define WORLD_PARTIES 8

struct portal_officer {
    unsigned party; /* from 0 */
    char from[24];  /* the address that its browser has */
    SSL_CTX *context;
};

struct portal_world {
    char folder[100], home[120], zip[120], log[120];
    unsigned officer_count;
    struct portal_officer *officers; /* turn about of the Parties */
    SSL_CTX *nobody;
    int landing, device, admin;
    pid_t portal;
};

/* Makes the home: eight Parties, and officers with a credential for the Device part each; each Party with some batches that were done in
 * an earlier night and some that wait; a zip of `csrs` requests. Says what is wrong. */
bool portal_world_make(struct portal_world *world, unsigned officers, unsigned csrs);
/* Starts the portal and returns when it is ready; `accepts`: its listener does, and no more is waited for. */
bool portal_world_start(struct portal_world *world);
bool portal_world_launch(struct portal_world *world);
bool portal_world_stop(struct portal_world *world);
void portal_world_remove(struct portal_world *world);
/* Works off what waits, as a night does, in a process of its own; -1: it was not started. */
pid_t portal_world_night(struct portal_world *world);
/* Seconds that the bare minimum of an upload takes: writing the zip's octets durably, and checking and unpacking it as intake does. */
double portal_world_bare_upload(const struct portal_world *world, double *processor);
/* The zip's octets; freed by the caller. NULL: no. */
char *portal_world_zip(const struct portal_world *world, size_t *size);

#endif
