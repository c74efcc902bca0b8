#include "message/name_set_i.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 64

static const uint8_t free_slot[NAME_DIGEST_SIZE];

/* The key is one for the process: what it keeps from somebody who chooses names is where these go. */
static int key_get(uint8_t key[NAME_KEY_SIZE])
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static uint8_t drawn[NAME_KEY_SIZE];
    static bool is_drawn;
    bool have;

    pthread_mutex_lock(&lock);
    if (!is_drawn)
        is_drawn = smki_random_system.fill(smki_random_system.context, drawn, sizeof(drawn)) == 0;
    memcpy(key, drawn, sizeof(drawn));
    have = is_drawn;
    pthread_mutex_unlock(&lock);
    return have ? 0 : SMKI_RANDOM;
}

int name_set_init(struct name_set *set, struct smki_error *err)
{
    *set = (struct name_set){0};
    return key_get(set->key) == 0 ? 0 : smki_fail(err, SMKI_RANDOM, "no random numbers to be had from the system");
}

/* The slot that holds the digest, or the free one where it belongs. */
static uint8_t *slot_of(const struct name_set *set, const uint8_t digest[NAME_DIGEST_SIZE])
{
    size_t at;

    memcpy(&at, digest, sizeof(at));
    for (;; at++) {
        uint8_t *slot = set->slots[at & (set->capacity - 1)];
        if (memcmp(slot, digest, NAME_DIGEST_SIZE) == 0 || memcmp(slot, free_slot, NAME_DIGEST_SIZE) == 0)
            return slot;
    }
}

static int set_grow(struct name_set *set, struct smki_error *err)
{
    struct name_set larger = *set;

    larger.capacity = set->capacity == 0 ? FIRST_CAPACITY : set->capacity * 2;
    if ((larger.slots = calloc(larger.capacity, NAME_DIGEST_SIZE)) == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    for (size_t i = 0; i < set->capacity; i++)
        if (memcmp(set->slots[i], free_slot, NAME_DIGEST_SIZE) != 0)
            memcpy(slot_of(&larger, set->slots[i]), set->slots[i], NAME_DIGEST_SIZE);
    free(set->slots);
    *set = larger;
    return 0;
}

static void name_digest(uint8_t out[SHA256_SIZE], const struct name_set *set, const char *name, size_t size)
{
    struct sha256_stream stream;

    sha256_start(&stream);
    sha256_add(&stream, set->key, sizeof(set->key));
    sha256_add(&stream, name, size);
    sha256_end(&stream, out);
}

int name_set_add(struct name_set *set, const char *name, size_t size, bool *added, struct smki_error *err)
{
    uint8_t digest[SHA256_SIZE], *slot;
    int rc;

    if (2 * set->count >= set->capacity && (rc = set_grow(set, err)) != 0)
        return rc;
    name_digest(digest, set, name, size);
    slot = slot_of(set, digest);
    *added = memcmp(slot, free_slot, NAME_DIGEST_SIZE) == 0;
    memcpy(slot, digest, NAME_DIGEST_SIZE);
    set->count += *added;
    return 0;
}

void name_set_finish(struct name_set *set)
{
    free(set->slots);
    set->slots = NULL;
    set->capacity = set->count = 0;
}
