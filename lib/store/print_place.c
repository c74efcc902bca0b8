/* Where nodes of key prints lie in the file, kept in memory: see print.c for what a node is.
 *
 * LMDB would find each by its key; with thousands of nodes that touches pages all over the map, which have to be given back again. What is
 * kept here stays true as long as the *stamp* of the node's subtree is the same: the store holds one for each subtree, and whoever writes
 * or removes a node in it draws a new one, which no other change ever had, whether it was committed or not. */
#include "store/engine_i.h"

#include <stdlib.h>
#include <string.h>

#define SETS_BITS 14
#define WAYS      4 /* slots of a set, in which what hashes to it may be */

struct slot {
    uint64_t path, stamp;
    size_t offset;  /* in the file */
    uint32_t size;  /* octets; 0: there is no such node */
    uint32_t depth; /* 0: nothing is kept */
};

struct print_places {
    pthread_mutex_t lock;
    struct slot set[1u << SETS_BITS][WAYS];
};

int print_places_open(struct smki_store *store, struct smki_error *err)
{
    struct print_places *places = calloc(1, sizeof(*places));

    if (places == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    pthread_mutex_init(&places->lock, NULL);
    store->print_places = places;
    return 0;
}

void print_places_close(struct smki_store *store)
{
    if (store->print_places == NULL)
        return;
    pthread_mutex_destroy(&store->print_places->lock);
    free(store->print_places);
}

static struct slot *set_of(struct print_places *places, unsigned depth, uint64_t path)
{
    return places->set[(path + depth) * UINT64_C(0x9e3779b97f4a7c15) >> (64 - SETS_BITS)]; /* Fibonacci hashing */
}

/* The node's slot; NULL: it has none. */
static struct slot *slot_find(struct slot set[WAYS], unsigned depth, uint64_t path)
{
    for (size_t way = 0; way < WAYS; way++)
        if (set[way].depth == depth && set[way].path == path)
            return &set[way];
    return NULL;
}

/* The slot that is to be the node's: its own, or that of the one which came first. */
static struct slot *slot_take(struct slot set[WAYS], unsigned depth, uint64_t path)
{
    struct slot *own = slot_find(set, depth, path);

    if (own != NULL)
        return own;
    memmove(&set[0], &set[1], (WAYS - 1) * sizeof(set[0]));
    return &set[WAYS - 1];
}

bool print_place_find(struct smki_store *store, unsigned depth, uint64_t path, uint64_t stamp, struct smki_bytes *row)
{
    struct print_places *places = store->print_places;
    struct slot *found, slot = {0};

    pthread_mutex_lock(&places->lock);
    if ((found = slot_find(set_of(places, depth, path), depth, path)) != NULL)
        slot = *found;
    pthread_mutex_unlock(&places->lock);
    if (store->map == NULL || slot.depth != depth || slot.stamp != stamp)
        return false;
    *row = slot.size == 0 ? BYTES(NULL, 0) : BYTES(store->map + slot.offset, slot.size);
    return true;
}

void print_place_keep(struct smki_store *store, unsigned depth, uint64_t path, uint64_t stamp, struct smki_bytes row)
{
    struct print_places *places = store->print_places;
    const uintptr_t start = (uintptr_t)store->map, at = (uintptr_t)row.at;

    if (store->map == NULL || (row.size > 0 && (at < start || at - start >= store->map_size)))
        return; /* what a change wrote is not in the file yet */
    pthread_mutex_lock(&places->lock);
    *slot_take(set_of(places, depth, path), depth, path) =
        (struct slot){.path = path, .stamp = stamp, .offset = row.size > 0 ? at - start : 0, .size = (uint32_t)row.size, .depth = depth};
    pthread_mutex_unlock(&places->lock);
}
