/* Device CSRs for tests and benches: the real meter's request with another key and another Device ID each, self-signed. */
#ifndef SMKI_TESTS_REQUESTS_H
#define SMKI_TESTS_REQUESTS_H

#include <stddef.h>
#include <stdint.h>

#define REQUEST_MAX 320 /* octets of DER */

struct request {
    uint16_t size;
    uint8_t der[REQUEST_MAX];
};

/* `count` requests for the devices first, first + 1 ..., made by a thread a core; for free(). NULL: it did not work, and stderr says why.
 */
struct request *requests_make(size_t count, uint64_t first);
/* The same for so many devices in turn, first to first + devices - 1: each gets count / devices of them, every one with a key of its own.
 */
struct request *requests_make_in_turn(size_t count, uint64_t first, uint64_t devices);
/* Two requests for the devices first and first + 1 with the same key. */
struct request *requests_make_twins(uint64_t first);
/* `count` requests for one device, each with a key of its own. */
struct request *requests_make_of_one(size_t count, uint64_t device);

#endif
