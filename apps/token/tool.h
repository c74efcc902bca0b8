/* The tables of smki-token's commands, a file each, and what these files share. */
#ifndef TOKEN_TOOL_H
#define TOKEN_TOOL_H

#include "command/command.h"

#include <smki/token.h>

extern const struct command look_commands[], life_commands[], key_commands[], browser_commands[];

#define PIN_OPTION                                                                                                                         \
    {                                                                                                                                      \
        "pin-file", VALUE_TEXT, 0, "FILE", "the PIN: a file with mode 0600, or credential:NAME; without: asked for", NULL                  \
    }

/* The module and the token that the options name. */
struct reach {
    struct smki_token_module *module;
    struct smki_token_facts facts;
    struct smki_token *token; /* NULL: not opened */
};
/* Without a session. End with reach_end, also after a failure. */
SMKI_MUST_USE int reach_find(struct call *call, struct reach *reach);
/* With one. */
SMKI_MUST_USE int reach_open(struct call *call, struct reach *reach);
/* Logged in with --pin-file, or what is typed. */
SMKI_MUST_USE int reach_login(struct call *call, struct reach *reach);
void reach_end(struct reach *reach);
/* "PIN of token "Ann"". Returns out. */
#define QUESTION_SIZE 96
const char *question_of(const char *what, const struct smki_token_facts *facts, char out[QUESTION_SIZE]);

#endif
