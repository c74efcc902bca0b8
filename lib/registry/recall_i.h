/* What documents that are asked for with every request said: kept beside the very octets that said it, so that it holds for as long as the
 * store has these, whoever changes them. Parsing JSON costs as much as all else that is asked of a Party. */
#ifndef SMKI_RECALL_I_H
#define SMKI_RECALL_I_H

#include "base/base_i.h"

#include <pthread.h>

#define RECALL_ROWS 256 /* by number; a newer one takes the place of an older */

struct recalled;

/* One a kind of document, static. Thread-safe. */
struct recall {
    pthread_mutex_t lock;
    size_t value_size;
    struct recalled *rows[RECALL_ROWS];
};
#define RECALL_OF(type)                                                                                                                    \
    {                                                                                                                                      \
        .lock = PTHREAD_MUTEX_INITIALIZER, .value_size = sizeof(type)                                                                      \
    }

bool recall_find(struct recall *recall, uint64_t number, struct smki_bytes json, void *out);
/* Nothing is kept when there is no memory. */
void recall_keep(struct recall *recall, uint64_t number, struct smki_bytes json, const void *value);

#endif
