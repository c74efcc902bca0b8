/* See recall_i.h. */
#include "registry/recall_i.h"

#include <stdlib.h>
#include <string.h>

struct recalled {
    uint64_t number;
    size_t size; /* of the JSON, which lies behind the value */
    uint8_t octets[];
};

static struct recalled **row_of(struct recall *recall, uint64_t number)
{
    return &recall->rows[number % RECALL_ROWS];
}

static bool is_same(const struct recall *recall, const struct recalled *row, uint64_t number, struct smki_bytes json)
{
    return row != NULL && row->number == number && row->size == json.size &&
           memcmp(row->octets + recall->value_size, json.at, json.size) == 0;
}

bool recall_find(struct recall *recall, uint64_t number, struct smki_bytes json, void *out)
{
    const struct recalled *row;
    bool same;

    pthread_mutex_lock(&recall->lock);
    row = *row_of(recall, number);
    same = is_same(recall, row, number, json);
    if (same)
        memcpy(out, row->octets, recall->value_size);
    pthread_mutex_unlock(&recall->lock);
    return same;
}

void recall_keep(struct recall *recall, uint64_t number, struct smki_bytes json, const void *value)
{
    struct recalled *row = malloc(sizeof(*row) + recall->value_size + json.size), **place = row_of(recall, number), *before;

    if (row == NULL)
        return;
    row->number = number;
    row->size = json.size;
    memcpy(row->octets, value, recall->value_size);
    memcpy(row->octets + recall->value_size, json.at, json.size);
    pthread_mutex_lock(&recall->lock);
    before = *place;
    *place = row;
    pthread_mutex_unlock(&recall->lock);
    free(before);
}
