/* The options and operands of a command, read by getopt_long and held against the command's tables. */
#include "command/command_i.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#define MAX_OPTIONS 24 /* of one command, its own and those that all have */

/* What getopt_long returns for the options that all commands have; a command's own are OPTION_OWN and up. */
enum { OPTION_HELP = 'h', OPTION_HOME = 256, OPTION_JSON, OPTION_OWN };

static size_t long_options(const struct command *command, struct option out[MAX_OPTIONS])
{
    size_t count = 0;

    out[count++] = (struct option){"help", no_argument, NULL, OPTION_HELP};
    out[count++] = (struct option){"home", required_argument, NULL, OPTION_HOME};
    if ((command->flags & COMMAND_JSON) != 0)
        out[count++] = (struct option){"json", no_argument, NULL, OPTION_JSON};
    for (int i = 0; command->options != NULL && command->options[i].name != NULL && count < MAX_OPTIONS - 1; i++)
        out[count++] = (struct option){command->options[i].name, command->options[i].kind == VALUE_FLAG ? no_argument : required_argument,
                                       NULL, OPTION_OWN + i};
    out[count] = (struct option){0};
    return count;
}

/* After getopt_long has said '?': optopt is the letter of an unknown short option, or what a flag that was given a value returns, or 0. */
static int option_unknown(const struct call *call, const char *word, const struct option *options, size_t count)
{
    const char *names[MAX_OPTIONS], *near = NULL;
    char name[64];

    if (optopt >= OPTION_HOME || (optopt == OPTION_HELP && word[1] == '-'))
        return call_usage(call, "%s: this option takes no value", word);
    if (optopt != 0)
        return call_usage(call, "there is no option '-%c'", optopt);
    for (size_t i = 0; i < count; i++)
        names[i] = options[i].name;
    if (strncmp(word, "--", 2) == 0) {
        snprintf(name, sizeof(name), "%.*s", (int)strcspn(word + 2, "="), word + 2);
        near = smki_nearest_word(name, names, count);
    }
    if (near == NULL)
        return call_usage(call, "there is no option '%s'", word);
    complain(call->program, "%s%sthere is no option '%s'; did you mean '--%s'?", call->command->name,
             call->command->name[0] != '\0' ? ": " : "", word, near);
    return EXIT_USAGE;
}

static int value_keep(struct call *call, const struct command_value *is, const char *text)
{
    struct smki_error why;

    if (is->kind != VALUE_FLAG && !value_check(is, text, &why))
        return call_usage(call, "--%s: %s", is->name, why.text);
    if (is->kind != VALUE_FLAG && (is->flags & MANY) == 0 && call_has(call, is->name))
        return call_usage(call, "--%s is given twice", is->name);
    if (call->value_count == CALL_MAX_VALUES)
        return call_usage(call, "more than %d values", CALL_MAX_VALUES);
    call->values[call->value_count++] = (struct call_value){.is = is, .text = text};
    return EXIT_DONE;
}

/* "a,b" of an option with COMMAS is cut in place, in argv: values live as long as the call. */
static int values_keep(struct call *call, const struct command_value *is, char *text)
{
    int rc = EXIT_DONE;

    if ((is->flags & COMMAS) == 0)
        return value_keep(call, is, text);
    for (char *comma; rc == EXIT_DONE && text != NULL; text = comma) {
        if ((comma = strchr(text, ',')) != NULL)
            *comma++ = '\0';
        rc = value_keep(call, is, text);
    }
    return rc;
}

static int options_read(struct call *call, int argc, char **argv)
{
    struct option options[MAX_OPTIONS];
    size_t count = long_options(call->command, options);
    int rc = EXIT_DONE, letter;

    optind = 0; /* glibc: start afresh */
    opterr = 0;
    while (rc == EXIT_DONE && (letter = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
        if (letter == OPTION_HELP)
            return CALL_HELP;
        if (letter == OPTION_HOME)
            call->home = optarg;
        else if (letter == OPTION_JSON)
            call->json = true;
        else if (letter == ':')
            rc = call_usage(call, "%s needs a value", argv[optind - 1]);
        else if (letter >= OPTION_OWN)
            rc = values_keep(call, &call->command->options[letter - OPTION_OWN], optarg);
        else
            rc = option_unknown(call, argv[optind - 1], options, count);
    }
    return rc;
}

/* ---- operands ---- */

static int operands_read(struct call *call)
{
    static const struct command_value none[] = {{0}};
    const struct command_value *is = call->command->operands != NULL ? call->command->operands : none;
    struct smki_error why;

    for (size_t i = 0; i < call->operand_count; i++) {
        if (is->name == NULL)
            return call_usage(call, "'%s' is one word too many", call->operands[i]);
        if (!value_check(is, call->operands[i], &why))
            return call_usage(call, "%s: %s", is->name, why.text);
        if ((is->flags & MANY) == 0)
            is++;
    }
    if (is->name != NULL && (is->flags & REQUIRED) != 0 && ((is->flags & MANY) == 0 || call->operand_count == 0))
        return call_usage(call, "%s is missing (%s)", is->name, is->text);
    return EXIT_DONE;
}

static int required_check(const struct call *call)
{
    for (const struct command_value *is = call->command->options; is != NULL && is->name != NULL; is++)
        if ((is->flags & REQUIRED) != 0 && !call_has(call, is->name))
            return call_usage(call, "--%s is missing (%s)", is->name, is->text);
    return EXIT_DONE;
}

static bool is_pin(const char *word)
{
    static const char *const names[] = {"--pin", "--so-pin", "--new-pin"};

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const size_t size = strlen(names[i]);

        if (strncmp(word, names[i], size) == 0 && (word[size] == '\0' || word[size] == '='))
            return true;
    }
    return false;
}

/* --pin 1234 would be taken for the beginning of --pin-file, and its value be repeated as the name of a file. */
static int pins_check(const struct call *call, int argc, char **argv)
{
    bool takes = false;

    for (const struct command_value *is = call->command->options; is != NULL && is->name != NULL; is++)
        takes = takes || strstr(is->name, "pin-file") != NULL;
    for (int i = 1; takes && i < argc && strcmp(argv[i], "--") != 0; i++)
        if (is_pin(argv[i]))
            return call_usage(call, "a PIN on the command line is read by others (change it now): give %.*s-file a file with mode 0600",
                              (int)strcspn(argv[i], "="), argv[i]);
    return EXIT_DONE;
}

int call_read(struct call *call, int argc, char **argv)
{
    int rc;

    call->values = calloc(CALL_MAX_VALUES, sizeof(*call->values));
    call->operands = calloc((size_t)argc + 1, sizeof(*call->operands));
    if (call->values == NULL || call->operands == NULL) {
        complain(call->program, "out of memory");
        return EXIT_REFUSED;
    }
    if ((rc = pins_check(call, argc, argv)) != EXIT_DONE || (rc = options_read(call, argc, argv)) != EXIT_DONE)
        return rc;
    while (optind < argc)
        call->operands[call->operand_count++] = argv[optind++];
    if ((rc = operands_read(call)) != EXIT_DONE)
        return rc;
    return required_check(call);
}

/* ---- what commands ask ---- */

const char *call_text_at(const struct call *call, const char *option, size_t n)
{
    for (size_t i = 0; i < call->value_count; i++)
        if (strcmp(call->values[i].is->name, option) == 0 && n-- == 0)
            return call->values[i].text;
    return NULL;
}

const char *call_text(const struct call *call, const char *option)
{
    return call_text_at(call, option, 0);
}

bool call_has(const struct call *call, const char *option)
{
    for (size_t i = 0; i < call->value_count; i++)
        if (strcmp(call->values[i].is->name, option) == 0)
            return true;
    return false;
}

const char *call_operand(const struct call *call, size_t n)
{
    return n < call->operand_count ? call->operands[n] : NULL;
}
