/* A store filled as a night's run fills it, without the arithmetic: certificates of no content with their claims and audit records. */
#ifndef SMKI_TEST_FILL_H
#define SMKI_TEST_FILL_H

#include "store/store_i.h"

struct fill {
    struct smki_store *store;
    uint64_t first; /* serial half of the change's first certificate */
    uint64_t done;  /* certificates so far */
};

/* Adds `count` certificates, rounded up to whole changes of 250. */
SMKI_MUST_USE int fill_add(struct fill *fill, uint64_t count, struct smki_error *err);
/* One, in a change and a commit of its own. */
SMKI_MUST_USE int fill_add_one(struct fill *fill, struct smki_error *err);
/* The device of certificate `number`, from 0: runs of devices of 64 makers. */
struct smki_device_id fill_device(uint64_t number);
/* SplitMix64: prints of keys, and the unpredictable halves of serials, are spread like this. */
uint64_t fill_mix(uint64_t x);

#endif
