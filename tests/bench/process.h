/* Processes that are measured: started, ended, and what they use. */
#ifndef BENCH_PROCESS_H
#define BENCH_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

/* Its standard input is empty. arguments[0] is the program. -1: it could not be started. */
pid_t process_start(char *const *arguments);
/* The same; what it says goes to the end of the file. */
pid_t process_start_told(char *const *arguments, const char *file);
/* SIGTERM, and waits; true: it ended with 0. */
bool process_end(pid_t pid);
/* Seconds of processor that the process has used, to the nanosecond. */
double process_processor(pid_t pid);
double process_mib(pid_t pid); /* resident */
/* By its name in /proc/PID/status: "VmHWM" (the most that was resident), "RssAnon", "RssFile". */
double process_status_mib(pid_t pid, const char *name);
unsigned process_descriptors(pid_t pid);
int free_port(void);
/* Somebody takes connections there within ten seconds; if not, it has been said. */
bool port_answers(int port);
/* Of a server of ours, by its metrics at the admin port: the number after `name`, which is the line's beginning; 0: there is none. */
double metric_of(int admin, const char *name);
double seconds_now(void);                       /* of the monotonic clock */
int double_order(const void *a, const void *b); /* for qsort: the least first */

#endif
