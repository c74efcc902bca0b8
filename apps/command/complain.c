/* What goes wrong, in one line on standard error. */
#include "command/command_i.h"

#include <stdarg.h>
#include <string.h>

#define LINE_SIZE 1024

/* Where to look next, for refusals whose text cannot know the programs. */
static const struct {
    int code;
    const char *hint;
} hints[] = {
    {SMKI_PARTY_UNKNOWN, "see 'smki party list'"},
    {SMKI_BATCH_UNKNOWN, "see 'smki-batch list'"},
    {SMKI_DEVICE_LIMIT, "raise it with 'smki device limit'"},
    {SMKI_OFFICER_STATE, "see 'smki aro list'"},
    {SMKI_CREDENTIAL_STATE, "see 'smki credential list'"},
    {SMKI_CREDENTIAL_NAME_TAKEN, "see 'smki credential list'"},
    {SMKI_AGREEMENT_NOTICE, "that is --short-notice"},
    {SMKI_MAINTENANCE_STATE, "see 'smki maintenance list'"},
    {SMKI_NOTICE_STATE, "see 'smki agreement notices --all'"},
    {SMKI_DESK_STATE, "see 'smki desk list --all'"},
    {SMKI_DESK_REFUSED, "it stays in the list until it is closed: 'smki desk close'"},
    {SMKI_DESK_WEBHOOK, "it stays in the list; 'smki desk list --retry' sends it again"},
    {SMKI_CONFIG_INVALID, "see 'smki config show'"},
    {SMKI_DISK_FULL, "free space and repeat; nothing was lost"},
    {SMKI_STORE_CORRUPT, "restore a backup with 'smki restore', and report it"},
    {SMKI_AUDIT_BROKEN, "keep the home as it is and see 'smki audit verify'"},
};

static const char *hint_for(const struct smki_error *err)
{
    for (size_t i = 0; i < COUNT_OF(hints); i++)
        if (hints[i].code == err->code && err->text[0] != '\0' && strstr(err->text, "'smki") == NULL &&
            strstr(err->text, "free space") == NULL)
            return hints[i].hint;
    return NULL;
}

static void line_write(const struct program *program, char *line)
{
    fflush(stdout);
    fprintf(stderr, "%s: %s\n", program->name, text_tame(line));
}

void complain(const struct program *program, const char *format, ...)
{
    char line[LINE_SIZE];
    va_list values;

    va_start(values, format);
    vsnprintf(line, sizeof(line), format, values);
    va_end(values);
    line_write(program, line);
}

void complain_error(const struct program *program, const struct smki_error *err)
{
    const struct smki_refusal *refusal = smki_refusal_find(err->code);
    const char *hint = hint_for(err);

    complain(program, "%s: %s%s%s", refusal->name, err->text[0] != '\0' ? err->text : refusal->text, hint != NULL ? "; " : "",
             hint != NULL ? hint : "");
}

int call_complain(const struct call *call, const struct smki_error *err)
{
    complain_error(call->program, err);
    return COMMAND_FAILED;
}

int complain_usage(const struct call *call, const char *line)
{
    if (call->program->only != NULL)
        complain(call->program, "%s; see '%s --help'", line, call->program->name);
    else
        complain(call->program, "%s: %s; see '%s %s --help'", call->command->name, line, call->program->name, call->command->name);
    return EXIT_USAGE;
}

int call_usage(const struct call *call, const char *format, ...)
{
    char line[LINE_SIZE];
    va_list values;

    va_start(values, format);
    vsnprintf(line, sizeof(line), format, values);
    va_end(values);
    return complain_usage(call, line);
}

void call_note(const struct call *call, const char *format, ...)
{
    char line[LINE_SIZE];
    va_list values;

    va_start(values, format);
    vsnprintf(line, sizeof(line), format, values);
    va_end(values);
    line_write(call->program, line);
}

int call_unknown(const struct call *call, const char *what, const char *word, const char *const *words, size_t count)
{
    const char *near = smki_nearest_word(word, words, count);
    char list[512] = "";

    if (near != NULL)
        return call_usage(call, "there is no %s '%s', did you mean '%s'", what, word, near);
    for (size_t i = 0; i < count; i++)
        snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s", i > 0 ? ", " : "", words[i]);
    return call_usage(call, "there is no %s '%s'; it is one of %s", what, word, list);
}

int call_fail(struct call *call, int code, const char *format, ...)
{
    va_list values;

    call->err.code = code;
    call->err.text[0] = '\0';
    if (format == NULL)
        return code;
    va_start(values, format);
    vsnprintf(call->err.text, sizeof(call->err.text), format, values);
    va_end(values);
    return code;
}
