/* A table of counters by key; an entry lives while its count is not 0. */
#include "serve/bound_i.h"

#include "serve/log_i.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 1024u

struct entry {
    struct entry *next;
    uint8_t key[BOUND_KEY_SIZE];
    uint32_t count;
};

struct bound {
    pthread_mutex_t lock;
    struct entry *buckets[BUCKETS];
};

int bound_create(struct bound **out, struct smki_error *err)
{
    struct bound *bound = calloc(1, sizeof(*bound));

    if (bound == NULL)
        return serve_fail(err, SMKI_NO_MEMORY, "out of memory");
    pthread_mutex_init(&bound->lock, NULL);
    *out = bound;
    return 0;
}

void bound_destroy(struct bound *bound)
{
    if (bound == NULL)
        return;
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct entry *entry = bound->buckets[i], *next; entry != NULL; entry = next) {
            next = entry->next;
            free(entry);
        }
    }
    pthread_mutex_destroy(&bound->lock);
    free(bound);
}

static struct entry **entry_find(struct bound *bound, const uint8_t key[BOUND_KEY_SIZE])
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    struct entry **at;

    for (size_t i = 0; i < BOUND_KEY_SIZE; i++)
        hash = (hash ^ key[i]) * 16777619u;
    for (at = &bound->buckets[hash % BUCKETS]; *at != NULL && memcmp((*at)->key, key, BOUND_KEY_SIZE) != 0;)
        at = &(*at)->next;
    return at;
}

bool bound_take(struct bound *bound, const uint8_t key[BOUND_KEY_SIZE], uint32_t max)
{
    struct entry **at;
    bool taken = false;

    pthread_mutex_lock(&bound->lock);
    at = entry_find(bound, key);
    if (*at == NULL && (*at = calloc(1, sizeof(**at))) != NULL)
        memcpy((*at)->key, key, BOUND_KEY_SIZE);
    if (*at != NULL && (*at)->count < max) {
        (*at)->count++;
        taken = true;
    }
    pthread_mutex_unlock(&bound->lock);
    return taken;
}

void bound_give(struct bound *bound, const uint8_t key[BOUND_KEY_SIZE])
{
    struct entry **at, *entry;

    pthread_mutex_lock(&bound->lock);
    at = entry_find(bound, key);
    entry = *at;
    if (entry != NULL && --entry->count == 0) {
        *at = entry->next;
        free(entry);
    }
    pthread_mutex_unlock(&bound->lock);
}
