/* smki-token init, pin, unblock. */
#include "token/tool.h"

#include <mbedtls/platform_util.h>

/* ---- init ---- */

static int pins_and_initialise(struct call *call, struct reach *reach)
{
    char so_room[SMKI_PIN_SIZE] = "", room[SMKI_PIN_SIZE] = "", question[QUESTION_SIZE];
    const char *so_pin, *pin;
    int rc;

    rc = pin_take(call, "so-pin-file", question_of(reach->facts.initialised ? "SO PIN" : "New SO PIN", &reach->facts, question),
                  !reach->facts.initialised, &reach->facts, so_room, &so_pin);
    if (rc == 0)
        rc = pin_take(call, "pin-file", question_of("New PIN", &reach->facts, question), true, &reach->facts, room, &pin);
    if (rc == 0)
        rc = smki_token_initialise(reach->module, reach->facts.slot, so_pin, call_text(call, "label"), pin, &reach->facts, &call->err);
    mbedtls_platform_zeroize(so_room, sizeof(so_room));
    mbedtls_platform_zeroize(room, sizeof(room));
    return rc;
}

static int init_run(struct call *call)
{
    struct reach reach = {0};
    int rc;

    if (call->json && call_has(call, "dry-run"))
        return call_usage(call, "--dry-run prints words, no JSON");
    if ((rc = token_module_take(call, &reach.module)) == 0 && (rc = token_take(call, reach.module, true, &reach.facts)) == 0)
        rc = token_loss_allow(call, reach.module, &reach.facts);
    if (rc == 0 && call_has(call, "dry-run")) {
        if (!reach.facts.initialised)
            printf("the token in slot %llu would be initialised; it holds nothing\n", (unsigned long long)reach.facts.slot);
    } else if (rc == 0 && (rc = pins_and_initialise(call, &reach)) == 0)
        rc = call->json ? json_print(call, smki_token_json(&reach.facts)) : (printf("%s\n", reach.facts.serial), 0);
    reach_end(&reach);
    return rc;
}

/* ---- pin, unblock ---- */

static int pin_run(struct call *call)
{
    char room[SMKI_PIN_SIZE] = "", new_room[SMKI_PIN_SIZE] = "", question[QUESTION_SIZE];
    const char *pin, *new_pin;
    struct reach reach;
    int rc = reach_open(call, &reach);

    if (rc == 0)
        rc = pin_take(call, "pin-file", question_of("PIN", &reach.facts, question), false, &reach.facts, room, &pin);
    if (rc == 0)
        rc = pin_take(call, "new-pin-file", question_of("New PIN", &reach.facts, question), true, &reach.facts, new_room, &new_pin);
    if (rc == 0)
        rc = smki_token_change_pin(reach.token, pin, new_pin, &call->err);
    mbedtls_platform_zeroize(room, sizeof(room));
    mbedtls_platform_zeroize(new_room, sizeof(new_room));
    reach_end(&reach);
    return rc;
}

static int unblock_run(struct call *call)
{
    char room[SMKI_PIN_SIZE] = "", new_room[SMKI_PIN_SIZE] = "", question[QUESTION_SIZE];
    const char *so_pin, *new_pin;
    struct reach reach;
    int rc = reach_open(call, &reach);

    if (rc == 0)
        rc = pin_take(call, "so-pin-file", question_of("SO PIN", &reach.facts, question), false, &reach.facts, room, &so_pin);
    if (rc == 0)
        rc = pin_take(call, "new-pin-file", question_of("New PIN", &reach.facts, question), true, &reach.facts, new_room, &new_pin);
    if (rc == 0)
        rc = smki_token_unblock(reach.token, so_pin, new_pin, call_has(call, "transport"), &call->err);
    mbedtls_platform_zeroize(room, sizeof(room));
    mbedtls_platform_zeroize(new_room, sizeof(new_room));
    reach_end(&reach);
    return rc;
}

#define SO_PIN_OPTION                                                                                                                      \
    {                                                                                                                                      \
        "so-pin-file", VALUE_TEXT, 0, "FILE", "the security officer's PIN: a file with mode 0600, or credential:NAME; without: asked for", \
            NULL                                                                                                                           \
    }
#define NEW_PIN_OPTION                                                                                                                     \
    {                                                                                                                                      \
        "new-pin-file", VALUE_TEXT, 0, "FILE", "the new PIN: a file with mode 0600, or credential:NAME; without: asked for", NULL          \
    }

static const struct command_value init_options[] = {
    TOKEN_OPTIONS,
    {"label", VALUE_TEXT, REQUIRED, "LABEL", "what the token is called from now on: at most 32 octets", NULL},
    SO_PIN_OPTION,
    {"pin-file", VALUE_TEXT, 0, "FILE", "the PIN that it gets: a file with mode 0600, or credential:NAME; without: asked for", NULL},
    {"yes", VALUE_FLAG, 0, NULL, "do not ask whether what is on the token may be lost", NULL},
    {"dry-run", VALUE_FLAG, 0, NULL, "say what would be done and lost, and do nothing", NULL},
    {0},
};
static const struct command_value pin_options[] = {TOKEN_OPTIONS, PIN_OPTION, NEW_PIN_OPTION, {0}};
static const struct command_value unblock_options[] = {
    TOKEN_OPTIONS,
    SO_PIN_OPTION,
    NEW_PIN_OPTION,
    {"transport", VALUE_FLAG, 0, NULL, "the new PIN must be changed before the token is used", NULL},
    {0}};

const struct command life_commands[] = {
    {"init", "Initialise a token; everything on it is lost; prints its serial number", COMMAND_JSON, init_options, NULL,
     "Without --token, --serial or --slot: the only one that is not initialised. A new token takes the SO PIN as its own, one that was\n"
     "initialised before wants the one it has.\n",
     init_run},
    {"pin", "Change the PIN", 0, pin_options, NULL, "Also while it must be changed (a transport PIN): that is over then.\n", pin_run},
    {"unblock", "Set the PIN anew with the SO PIN, after too many wrong ones", 0, unblock_options, NULL, NULL, unblock_run},
    {0},
};
