/* smki-token: an officer's Cryptographic Credential Token, from the command line. */
#include "token/tool.h"

#include <mbedtls/platform_util.h>

const char *question_of(const char *what, const struct smki_token_facts *facts, char out[QUESTION_SIZE])
{
    if (facts->initialised)
        snprintf(out, QUESTION_SIZE, "%s of token \"%s\"", what, facts->label);
    else
        snprintf(out, QUESTION_SIZE, "%s of the token in slot %llu", what, (unsigned long long)facts->slot);
    return out;
}

int reach_find(struct call *call, struct reach *reach)
{
    int rc;

    *reach = (struct reach){0};
    if ((rc = token_module_take(call, &reach->module)) != 0)
        return rc;
    return token_take(call, reach->module, false, &reach->facts);
}

int reach_open(struct call *call, struct reach *reach)
{
    int rc = reach_find(call, reach);

    if (rc != 0)
        return rc;
    if (!reach->facts.initialised)
        return call_fail(call, SMKI_TOKEN_MISSING, "the token in slot %llu is not initialised; 'smki-token init' does it",
                         (unsigned long long)reach->facts.slot);
    return smki_token_open(&reach->token, reach->module, reach->facts.slot, &call->err);
}

int reach_login(struct call *call, struct reach *reach)
{
    char room[SMKI_PIN_SIZE], question[QUESTION_SIZE];
    const char *pin;
    int rc;

    if ((rc = reach_open(call, reach)) != 0)
        return rc;
    if ((rc = pin_take(call, "pin-file", question_of("PIN", &reach->facts, question), false, &reach->facts, room, &pin)) == 0)
        rc = smki_token_login(reach->token, pin, &call->err);
    mbedtls_platform_zeroize(room, sizeof(room));
    return rc;
}

void reach_end(struct reach *reach)
{
    smki_token_close(reach->token);
    smki_token_module_close(reach->module);
}

static const struct command *const tables[] = {look_commands, life_commands, key_commands, browser_commands, NULL};

static const struct command_group groups[] = {
    {"certificate", "The certificate on the token: put, show"},
    {0},
};

static const struct program token_program = {
    .name = "smki-token",
    .text = "An officer's Cryptographic Credential Token: its key, its certificate, its PIN; and the browsers that use it",
    .more =
        "PINs are typed, or read from files (--pin-file), and never stand on a command line. smki-token(1) tells the way from a new token\n"
        "to the portal; 'smki-token COMMAND --help' tells more of each command.\n",
    .tables = tables,
    .groups = groups,
};

int main(int argc, char **argv)
{
    return program_run(&token_program, argc, argv);
}
