/* What the files of apps/command share among themselves. */
#ifndef COMMAND_COMMAND_I_H
#define COMMAND_COMMAND_I_H

#include "command/command.h"

/* ---- help.c ---- */
void help_program(const struct program *program);
void help_group(const struct program *program, const struct command_group *group);
void help_command(const struct program *program, const struct command *command);

/* ---- find.c ---- */
/* The n-th command of all tables, or NULL after the last. */
const struct command *command_at(const struct program *program, size_t n);
/* The command that argv's first words name; *words of them. NULL: none. */
const struct command *command_find(const struct program *program, char *const *argv, int argc, int *words);
const struct command_group *group_find(const struct program *program, const char *name);
bool command_in_group(const struct command *command, const struct command_group *group);
/* "there is no command 'x'; did you mean 'y'?" and the like, on standard error. Returns EXIT_USAGE. */
int command_unknown(const struct program *program, char *const *argv, int argc);

/* ---- option.c ---- */
/* Reads a command's options and operands. EXIT_DONE, EXIT_USAGE (said), or CALL_HELP. */
enum { CALL_HELP = -1 };
int call_read(struct call *call, int argc, char **argv);

/* ---- value.c ---- */
/* Is the text of this kind? Else *why says what is wrong. */
bool value_check(const struct command_value *value, const char *text, struct smki_error *why);
/* What stands for the value in help: "N", "DIR". */
const char *value_shown(const struct command_value *value);

/* ---- complain.c ---- */
/* "<program>: <formatted>" on standard error. */
void complain(const struct program *program, const char *format, ...) SMKI_PRINTF(2, 3);
/* "<command>: <line>; see '<program> <command> --help'". Returns EXIT_USAGE. */
int complain_usage(const struct call *call, const char *line);
void complain_error(const struct program *program, const struct smki_error *err);

/* ---- text.c ---- */
/* Replaces control characters, which could move a terminal's cursor, by '?'. Returns text. */
char *text_tame(char *text);
/* Characters of UTF-8 text. */
size_t text_width(const char *text);

#endif
