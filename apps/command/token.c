/* Which token is meant, and its PINs. */
#include "command/command_i.h"

#include <smki/token.h>

#include <mbedtls/platform_util.h>

#include <stdlib.h>
#include <string.h>

int token_module_take(struct call *call, struct smki_token_module **out)
{
    const char *path = call_text(call, "module");

    if (path == NULL && (path = getenv("SMKI_TOKEN_MODULE")) != NULL && path[0] == '\0')
        path = NULL;
    return smki_token_module_open(out, path, &call->err);
}

/* The only one that is not initialised. */
static int blank_take(struct call *call, struct smki_token_module *module, struct smki_token_facts *out)
{
    struct smki_token_facts each;
    size_t found = 0;
    int rc;

    for (size_t n = 0; (rc = smki_token_at(module, n, &each, &call->err)) == 0; n++)
        if (!each.initialised) {
            *out = each;
            found++;
        }
    if (rc != SMKI_NOT_FOUND)
        return rc;
    if (found == 1)
        return 0;
    if (found == 0)
        return call_fail(call, SMKI_TOKEN_MISSING,
                         "%s: no token is in that is not initialised; one to be initialised anew is named by --token or --serial (see "
                         "'smki-token list')",
                         smki_token_module_path(module));
    return call_usage(
        call, "%zu tokens are in that are not initialised: say which by --slot, or one to be initialised anew by --token or --serial",
        found);
}

int token_take(struct call *call, struct smki_token_module *module, bool blank, struct smki_token_facts *out)
{
    const uint64_t slot = call_number(call, "slot");
    const struct smki_token_wish wish = {
        .label = call_text(call, "token"), .serial = call_text(call, "serial"), .slot = call_has(call, "slot") ? &slot : NULL};
    struct smki_token_facts each, only;
    size_t found = 0;
    int rc;

    if (wish.label != NULL || wish.serial != NULL || wish.slot != NULL)
        return smki_token_find(module, &wish, out, &call->err);
    if (blank)
        return blank_take(call, module, out);
    for (size_t n = 0; (rc = smki_token_at(module, n, &each, &call->err)) == 0; n++)
        if (each.initialised) {
            only = each;
            found++;
        }
    if (rc != SMKI_NOT_FOUND)
        return rc;
    if (found == 1)
        return *out = only, 0;
    if (found > 1)
        return call_usage(call, "%zu tokens are in: say which by --token, --serial or --slot (see 'smki-token list')", found);
    return call_fail(call, SMKI_TOKEN_MISSING, "%s: no token is in that was initialised; see 'smki-token list'",
                     smki_token_module_path(module));
}

/* ---- what would be lost ---- */

/* By its public face: "2 keys or certificates (Ann Other, SMKI)". */
static int loss_words(struct call *call, struct smki_token_module *module, uint64_t slot, char *out, size_t size)
{
    struct smki_token_entry entry;
    struct smki_token *token;
    size_t n = 0, used = 0;
    char names[160] = "";
    int rc = smki_token_open(&token, module, slot, &call->err);

    if (rc != 0)
        return rc;
    for (; (rc = smki_token_entry_at(token, n, &entry, &call->err)) == 0; n++) {
        snprintf(names + used, sizeof(names) - used, "%s%s", n != 0 ? ", " : "", entry.label);
        used = strlen(names);
    }
    smki_token_close(token); /* a token with a session is not initialised (Cryptoki 2.40 5.5) */
    if (rc != SMKI_NOT_FOUND)
        return rc;
    if (n == 0)
        snprintf(out, size, "whatever is on it that only its PIN shows");
    else
        snprintf(out, size, "%zu %s (%s)", n, n == 1 ? "key or certificate" : "keys or certificates", names);
    return 0;
}

int token_loss_allow(struct call *call, struct smki_token_module *module, const struct smki_token_facts *facts)
{
    char lost[256];
    int rc;

    if (!facts->initialised)
        return 0;
    if ((rc = loss_words(call, module, facts->slot, lost, sizeof(lost))) != 0)
        return rc;
    if (call_has(call, "dry-run")) {
        printf("token \"%s\" (serial %s) would be initialised anew; lost for good: %s\n", facts->label, facts->serial, lost);
        return 0;
    }
    if (call_has(call, "yes") || call_confirm("Token \"%s\" is initialised anew. Lost for good: %s. Go on?", facts->label, lost))
        return 0;
    return call_fail(call, SMKI_ALREADY_EXISTS, "token \"%s\" is in use; lost for good would be: %s. With --yes it is initialised anew",
                     facts->label, lost);
}

/* ---- PINs ---- */

static int asked(struct call *call, const char *option, const char *question, char *room)
{
    const int size = secret_ask(question, room, SMKI_PIN_SIZE - 1);

    if (size < 0)
        return call_usage(call, "--%s FILE is missing (there is no terminal to ask at, or nothing was typed)", option);
    room[size] = '\0';
    return 0;
}

static int asked_again(struct call *call, const char *option, const char *room)
{
    char again[SMKI_PIN_SIZE];
    int rc = asked(call, option, "The same again", again);

    if (rc == 0 && strcmp(again, room) != 0)
        rc = call_fail(call, SMKI_TOKEN_PIN, "the two are not the same; nothing was changed");
    mbedtls_platform_zeroize(again, sizeof(again));
    return rc;
}

int pin_take(struct call *call, const char *option, const char *question, bool fresh, const struct smki_token_facts *facts, char *room,
             const char **pin)
{
    const char *source = call_text(call, option);
    int rc;

    *pin = source == NULL && facts->keypad ? NULL : room;
    if (*pin == NULL)
        return 0;
    if (source != NULL)
        rc = smki_pin_read(room, source, &call->err);
    else if ((rc = asked(call, option, question, room)) == 0 && fresh)
        rc = asked_again(call, option, room);
    return rc;
}
