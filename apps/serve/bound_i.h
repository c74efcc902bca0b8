/* How many connections there are of each peer (address, or certificate), over all workers. Thread-safe. */
#ifndef SERVE_BOUND_I_H
#define SERVE_BOUND_I_H

#include <smki/base.h>

#define BOUND_KEY_SIZE 32

struct bound;

SMKI_MUST_USE int bound_create(struct bound **out, struct smki_error *err);
void bound_destroy(struct bound *bound);
/* Counts one more for the key, unless there are `max` already or memory is out: false. */
bool bound_take(struct bound *bound, const uint8_t key[BOUND_KEY_SIZE], uint32_t max);
void bound_give(struct bound *bound, const uint8_t key[BOUND_KEY_SIZE]);

#endif
