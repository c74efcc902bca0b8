/* What run --once and run --watch share. */
#ifndef BATCH_RUN_H
#define BATCH_RUN_H

#include "command/command.h"

/* Who a run is, in the audit log. */
struct smki_actor run_actor(const struct call *call);
/* run --watch. */
int watch_run(struct call *call);

#endif
