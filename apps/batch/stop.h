/* The wish of the outside that a run ends: SIGINT, SIGTERM, SIGHUP. */
#ifndef BATCH_STOP_H
#define BATCH_STOP_H

#include <stdbool.h>

/* Set by the first signal; the second ends the process at once. For smki_run_options.stop. */
extern volatile int stop_wished;

void stop_catch(void);
/* Sleeps, or until a signal has come. True: one has. */
bool stop_wait(double seconds);

#endif
