/* The program bench: a table of benches, and what their commands share. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include "command/command.h"

struct report;
struct batch_job;

extern const struct command night_commands[], batch_commands[], adhoc_commands[], handshake_commands[], growth_commands[], peers_commands[], hsm_commands[];

#define BENCH_SVG                                                                                                                          \
    {                                                                                                                                      \
        "svg", VALUE_FILE, 0, "FILE", "draw the curve", NULL                                                                               \
    }
#define BENCH_FOLDER                                                                                                                       \
    {                                                                                                                                      \
        "folder", VALUE_FOLDER, 0, NULL, "a new folder to work in, which stays; else one in /var/tmp that is removed", NULL                \
    }

unsigned bench_cores(void);
/* An option's number, when it is given, of least to most. False: it is not, which has been said; the command returns EXIT_USAGE. */
bool bench_number(const struct call *call, const char *option, uint64_t least, uint64_t most, uint64_t *out);
/* The file of --svg can be written, when there is one: asked before anything is measured. */
int bench_svg_check(struct call *call);
/* The end of a command: the report is printed when all went well (rc 0), and freed. Returns what the command returns. */
int bench_close(struct report *report, struct call *call, int rc);
/* A run's rate over its time, beside the bound. */
int batch_job_draw(const struct batch_job *job, const char *path, const char *title, double bound, struct smki_error *err);

#endif
