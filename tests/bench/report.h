/* What a bench tells: figures and bars, in the order in which they were measured. As text a line each, at once; with --json one object at
 * the end. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "command/command.h"

struct report;

/* "bench batch: 50000 CSRs"; then the version, the provider, the cores and the machine's load. NULL: no memory. */
struct report *report_open(const struct call *call, const char *format, ...) SMKI_PRINTF(2, 3);

/* `key` is the name in JSON, `text` the words for people; unit "" for a ratio. */
void report_figure(struct report *report, const char *key, double value, const char *unit, const char *text);
void report_word(struct report *report, const char *key, const char *value, const char *text);

enum report_sense { AT_LEAST, BELOW };
/* A figure that a bar is held against: "met" or "MISSED". */
void report_bar(struct report *report, const char *key, double value, const char *unit, enum report_sense sense, double bar,
                const char *text);
/* A line for people, which JSON does not have. */
void report_note(struct report *report, const char *format, ...) SMKI_PRINTF(2, 3);

/* What follows until report_row_end is one element of the list `key`, and one line. */
void report_row(struct report *report, const char *key, const char *title);
void report_row_end(struct report *report);

/* Prints what is left to print, and frees. Returns what a command returns. */
int report_close(struct report *report, struct call *call);
/* Frees without another word. NULL is fine. */
void report_drop(struct report *report);

#endif
