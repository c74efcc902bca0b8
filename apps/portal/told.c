/* Batches as they were told last. Hundreds of pages ask for their Party's batches every few seconds, of which few have changed since: what
 * was made of the same batch in the same state is not made again. Whether it is the same is asked of all that it was made of, so nothing is
 * ever told that is not so now; and who may see a batch is asked before it is looked for here. */
#include "portal/portal_i.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define PLACES 1024 /* some 2 KiB each where used; two batches of one place take turns */

struct place {
    struct telling telling;
    char *text; /* NULL: free */
};

struct told {
    pthread_mutex_t lock;
    struct place *places[PLACES];
};

int told_begin(struct portal *portal, struct smki_error *err)
{
    struct told *told = calloc(1, sizeof(*told));

    if (told == NULL) {
        snprintf(err->text, sizeof(err->text), "out of memory");
        return SMKI_NO_MEMORY;
    }
    pthread_mutex_init(&told->lock, NULL);
    portal->told = told;
    return 0;
}

static void place_free(struct place **place)
{
    if (*place != NULL)
        cJSON_free((*place)->text);
    free(*place);
    *place = NULL;
}

void told_end(struct portal *portal)
{
    struct told *told = portal->told;

    if (told == NULL)
        return;
    for (size_t i = 0; i < PLACES; i++)
        place_free(&told->places[i]);
    pthread_mutex_destroy(&told->lock);
    free(told);
}

static struct place **place_of(struct told *told, const struct telling *telling)
{
    return &told->places[telling->batch.id % PLACES];
}

cJSON *told_find(struct portal *portal, const struct telling *telling)
{
    struct told *told = portal->told;
    const struct place *place;
    cJSON *json = NULL;

    pthread_mutex_lock(&told->lock);
    place = *place_of(told, telling);
    if (place != NULL && memcmp(&place->telling, telling, sizeof(*telling)) == 0)
        json = cJSON_CreateRaw(place->text);
    pthread_mutex_unlock(&told->lock);
    return json;
}

void told_keep(struct portal *portal, const struct telling *telling, const cJSON *json)
{
    struct told *told = portal->told;
    struct place *place = calloc(1, sizeof(*place)), **at = place_of(told, telling);

    if (place == NULL || (place->text = cJSON_PrintUnformatted(json)) == NULL) { /* it is told all the same, and made again next time */
        free(place);
        return;
    }
    memcpy(&place->telling, telling, sizeof(*telling));
    pthread_mutex_lock(&told->lock);
    place_free(at);
    *at = place;
    pthread_mutex_unlock(&told->lock);
}
