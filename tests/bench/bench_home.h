/* The folder that a bench works in, and the home in it. */
#ifndef BENCH_HOME_H
#define BENCH_HOME_H

#include "command/command.h"

struct bench_home {
    char folder[200], path[220]; /* path: of the home */
    bool stays;                  /* somebody asked for the folder */
};

/* The folder that `option` of the call names (made when it is not there), or one in /var/tmp that bench_home_end removes: on the disk,
 * since commits are to be durable. */
int bench_home_begin(struct bench_home *home, struct call *call, const char *option);
void bench_home_end(struct bench_home *home);
/* A folder and all in it, where there is one. */
void bench_tree_remove(const char *path);
/* "<folder>/<name>" into out. */
void bench_home_file(const struct bench_home *home, char out[240], const char *format, ...) SMKI_PRINTF(3, 4);

/* Makes the home, with so many Parties, 1 to `parties`, of one EUI-64 each. */
int bench_home_found(const char *path, unsigned parties, struct smki_error *err);
struct smki_service_options;
int bench_home_found_with(const char *path, unsigned parties, const struct smki_service_options *options, struct smki_error *err);

#endif
