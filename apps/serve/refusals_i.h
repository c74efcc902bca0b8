/* Lines about refusals, so many a minute: a flood does not fill the journal. */
#ifndef SERVE_REFUSALS_I_H
#define SERVE_REFUSALS_I_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct refusals {
    pthread_mutex_t lock;
    int64_t since;   /* ticks: the minute that is counted */
    unsigned told;   /* in it */
    atomic_uint out; /* and left out */
};

void refusals_init(struct refusals *refusals);
void refusals_finish(struct refusals *refusals);
/* Tells how many were left out, once their minute is over, or at once. */
void refusals_close(struct refusals *refusals, const char *program, int64_t now, bool at_once);

#endif
