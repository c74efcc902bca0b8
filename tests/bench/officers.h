/* Officers who have the batches page open, each in a browser of its own: the page, and then what js/live.js asks for, at its pace. */
#ifndef BENCH_OFFICERS_H
#define BENCH_OFFICERS_H

#include "portal_world.h"

struct officers;

struct officers_result {
    double seconds, processor;              /* of the portal */
    double pace;                            /* s between two looks of a page where something moves */
    uint64_t asked, failed, changed, known; /* changed: another answer than the officer's one before; known: 304 */
    double octets;                          /* of an answer's body, on average */
    double p50, p99;                        /* ms from asking to the whole answer */
    unsigned connections, resumed;
};

/* Opens the page in each browser: TLS with the officer's certificate, the page with all it names, who is here, the batches. */
bool officers_open(struct officers **out, struct portal_world *world, struct officers_result *result);
/* Lets them look for `seconds`; `path`: NULL: as js/live.js does; else this one, always at the pace of movement. */
bool officers_look(struct officers *officers, double seconds, const char *path, struct officers_result *result);
unsigned officers_standing(const struct officers *officers);
void officers_close(struct officers *officers);

#endif
