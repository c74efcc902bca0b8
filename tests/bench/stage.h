/* Stages of a bench: each in a process of its own, so that what it uses can be told. */
#ifndef BENCH_STAGE_H
#define BENCH_STAGE_H

#include <smki/error.h>

#include <stddef.h>

struct stage {
    double seconds, processor; /* of the whole process; the stage itself may know better what to time */
    double resident_mib;       /* the most */
};

/* What a stage does. It sees a copy of all memory; only what it leaves in stage_memory outlives it. */
typedef int (*stage_fn)(void *context, struct smki_error *err);

/* Runs it and waits. *out (may be NULL) is what it used. Returns what the stage returned, with its words. */
int stage_run(struct stage *out, stage_fn run, void *context, struct smki_error *err);
/* Memory that stages share with the program, all zero, for as long as the program runs. NULL: none is left. */
void *stage_memory(size_t size);

#endif
