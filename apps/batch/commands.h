/* The commands of smki-batch: a table a file, in the order of the help. */
#ifndef BATCH_COMMANDS_H
#define BATCH_COMMANDS_H

#include "command/command.h"

extern const struct command submit_commands[];
extern const struct command plan_commands[];
extern const struct command run_commands[];
extern const struct command look_commands[];
extern const struct command result_commands[];
extern const struct command word_commands[];

/* The operand of every command on one batch; ended. */
extern const struct command_value batch_operand[];
/* The number it was given. */
uint64_t call_batch(const struct call *call);

#endif
