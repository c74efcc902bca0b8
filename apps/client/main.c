/* smki-client: a Party's side of the SMKI web services. */
#include "client/client.h"

static const struct command *const tables[] = {adhoc_commands, batch_commands, pack_commands, make_commands, NULL};

static const struct command_group groups[] = {
    {"batch", "Batches: pack, submit, wait, fetch, look"},
    {0},
};

static const struct program client_program = {
    .name = "smki-client",
    .text = "Have Device CSRs certified by the SMKI web services, keeping their rules",
    .more =
        "It waits for its turn and for the times of the rules, tries again what may be tried again, never sends twice what may have been\n"
        "accepted, and checks every certificate. smki-client(1) tells the rules; 'smki-client COMMAND --help' tells more of each "
        "command.\n",
    .tables = tables,
    .groups = groups,
};

int main(int argc, char **argv)
{
    return program_run(&client_program, argc, argv);
}
