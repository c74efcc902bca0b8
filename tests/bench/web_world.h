/* A home with Parties that have a credential of the ad hoc web service each, devices that have a certificate, and smki-webservice on it. */
#ifndef BENCH_WEB_WORLD_H
#define BENCH_WEB_WORLD_H

#include "bench_home.h"
#include "http_load.h"

#include <sys/types.h>

#define WEB_PARTIES_MAX 64

struct web_world {
    struct bench_home home;
    char key[240], certificates[WEB_PARTIES_MAX][240], server_key[240];
    struct load_identity identities[WEB_PARTIES_MAX];
    unsigned parties;
    size_t devices;
    uint64_t first_device;
    int port, admin;
    pid_t server;
};

/* Parties and devices as set in *world. The demand rules are on: the pace is observed at one request a Party in a millisecond, the least
 * that can be set; more is counted, recorded and not refused. */
int web_world_open(struct web_world *world, struct call *call);
/* Also after a failure. */
void web_world_close(struct web_world *world);
/* What has been committed to the store so far, by LMDB's own count of transactions. */
uint64_t web_world_commits(const struct web_world *world);

#endif
