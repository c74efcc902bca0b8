/* The names seen so far in a batch, to find one that comes twice. 16 octets a name however long it is: a keyed SHA-256 digest cut to
 * 128 bits, so that two different names cannot be taken for one (2^-97 for 50,000 names) nor be chosen to make the search slow. */
#ifndef SMKI_MESSAGE_NAME_SET_I_H
#define SMKI_MESSAGE_NAME_SET_I_H

#include "base/base_i.h"

#define NAME_DIGEST_SIZE 16
#define NAME_KEY_SIZE    16

struct name_set {
    uint8_t (*slots)[NAME_DIGEST_SIZE]; /* all zero: free */
    size_t capacity;                    /* a power of two, at most half used */
    size_t count;
    uint8_t key[NAME_KEY_SIZE];
};

SMKI_MUST_USE int name_set_init(struct name_set *set, struct smki_error *err);
/* *added says whether the name was new. */
SMKI_MUST_USE int name_set_add(struct name_set *set, const char *name, size_t size, bool *added, struct smki_error *err);
void name_set_finish(struct name_set *set);

#endif
