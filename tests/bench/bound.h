/* The bound of everything that issues certificates: what the P-256 provider alone does, one verification and one signature for each. */
#ifndef BENCH_BOUND_H
#define BENCH_BOUND_H

#include <smki/error.h>

struct bound {
    double per_second;   /* verified and signed, all workers together */
    double processor_us; /* for one; what others on the machine do does not count */
};

/* On so many threads for so many seconds, over requests that have a key each. */
int bound_measure(struct bound *out, unsigned workers, double seconds, struct smki_error *err);
/* Measured before and after what it is held against: the clock moves. */
struct bound bound_mean(const struct bound *before, const struct bound *after);

#endif
