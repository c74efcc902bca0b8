/* smki-batch: batches in, the night, results out. For operators, daemons and scripts. */
#include "batch/commands.h"

static const struct command *const tables[] = {submit_commands, plan_commands, run_commands, look_commands,
                                               result_commands, word_commands, NULL};

static const struct program batch_program = {
    .name = "smki-batch",
    .text = "Take in batches of Device CSRs, run the night that certifies them, and write out their results",
    .more = "A batch waits for its night (20:00 to 08:00 UK time), runs in turn, and its results are released at 08:00 or 22:00.\n"
            "smki-batch(1) tells the rules; 'smki-batch COMMAND --help' tells more of each command.\n",
    .tables = tables,
};

const struct command_value batch_operand[] = {{"ID", VALUE_NUMBER, REQUIRED, NULL, "the batch's number, its BatchId", NULL}, {0}};

uint64_t call_batch(const struct call *call)
{
    return value_number(call_operand(call, 0));
}

int main(int argc, char **argv)
{
    return program_run(&batch_program, argc, argv);
}
