/* Who is having results made, and has some that are being sent. */
#include "portal/portal_i.h"

#include <pthread.h>
#include <stdlib.h>

#define PLACES 64 /* Parties at a time: far more than the pool has threads, so results that are being sent fill it, if anything */

struct maker {
    uint64_t party;
    unsigned open; /* made or being made, and not sent; 0: the place is free */
    bool making;
};

struct makers {
    pthread_mutex_t lock;
    struct maker makers[PLACES];
};

int makers_begin(struct portal *portal, struct smki_error *err)
{
    struct makers *makers = calloc(1, sizeof(*makers));

    if (makers == NULL) {
        snprintf(err->text, sizeof(err->text), "out of memory");
        return SMKI_NO_MEMORY;
    }
    pthread_mutex_init(&makers->lock, NULL);
    portal->makers = makers;
    return 0;
}

void makers_end(struct portal *portal)
{
    struct makers *makers = portal->makers;

    if (makers == NULL)
        return;
    pthread_mutex_destroy(&makers->lock);
    free(makers);
    portal->makers = NULL;
}

/* The Party's place, or a free one; NULL: there is neither. The lock is held. */
static struct maker *maker_of(struct makers *makers, uint64_t party)
{
    struct maker *free_one = NULL;

    for (size_t i = 0; i < PLACES; i++) {
        struct maker *maker = &makers->makers[i];

        if (maker->open > 0 && maker->party == party)
            return maker;
        if (maker->open == 0)
            free_one = maker;
    }
    return free_one;
}

bool maker_enter(struct portal *portal, uint64_t party)
{
    struct makers *makers = portal->makers;
    struct maker *maker;
    bool entered;

    pthread_mutex_lock(&makers->lock);
    maker = maker_of(makers, party);
    entered = maker != NULL && !maker->making && maker->open < MAKER_OPEN;
    if (entered)
        *maker = (struct maker){.party = party, .open = maker->open + 1, .making = true};
    pthread_mutex_unlock(&makers->lock);
    return entered;
}

void maker_made(struct portal *portal, uint64_t party)
{
    struct makers *makers = portal->makers;

    pthread_mutex_lock(&makers->lock);
    maker_of(makers, party)->making = false;
    pthread_mutex_unlock(&makers->lock);
}

void maker_leave(struct portal *portal, uint64_t party)
{
    struct makers *makers = portal->makers;

    pthread_mutex_lock(&makers->lock);
    maker_of(makers, party)->open--;
    pthread_mutex_unlock(&makers->lock);
}
