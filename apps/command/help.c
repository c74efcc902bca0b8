/* --help, made from the tables. */
#include "command/command_i.h"

#include <string.h>

#define NAME_WIDTH 26 /* of the column before the texts */

static void line_print(const char *name, const char *text)
{
    if (strlen(name) < NAME_WIDTH)
        printf("  %-*s %s\n", NAME_WIDTH, name, text);
    else
        printf("  %s\n  %-*s %s\n", name, NAME_WIDTH, "", text);
}

static void option_print(const struct command_value *value)
{
    char name[128], text[256];

    snprintf(name, sizeof(name), value->kind == VALUE_FLAG ? "--%s" : "--%s %s", value->name,
             value->kind == VALUE_FLAG ? "" : value_shown(value));
    snprintf(text, sizeof(text), "%s%s%s", value->text, (value->flags & REQUIRED) != 0 ? " (required)" : "",
             (value->flags & COMMAS) != 0 ? "; repeat it, or join with commas"
             : (value->flags & MANY) != 0 ? "; may be repeated"
                                          : "");
    line_print(name, text);
}

static void home_print(void)
{
    line_print("--home DIR", "the home to work on; SMKI_HOME may stand for it");
}

/* Does any of its commands work on a home? */
static bool has_home(const struct program *program)
{
    const struct command *at;

    for (size_t n = 0; (at = command_at(program, n)) != NULL; n++)
        if ((at->flags & (COMMAND_HOME | COMMAND_FOLDER)) != 0)
            return true;
    return false;
}

/* "FILE...", "[N]". */
static void operand_name(const struct command_value *operand, char *out, size_t size)
{
    bool required = (operand->flags & REQUIRED) != 0;

    snprintf(out, size, "%s%s%s%s", required ? "" : "[", operand->name, (operand->flags & MANY) != 0 ? "..." : "", required ? "" : "]");
}

static void usage_print(const struct program *program, const struct command *command)
{
    bool optional = (command->flags & COMMAND_JSON) != 0;
    char name[64];

    printf("usage: %s%s%s%s", program->name, (command->flags & (COMMAND_HOME | COMMAND_FOLDER)) != 0 ? " [--home DIR]" : "",
           command->name[0] != '\0' ? " " : "", command->name);
    for (const struct command_value *option = command->options; option != NULL && option->name != NULL; option++) {
        if ((option->flags & REQUIRED) != 0)
            printf(" --%s %s", option->name, value_shown(option));
        else
            optional = true;
    }
    if (optional)
        printf(" [options]");
    for (const struct command_value *operand = command->operands; operand != NULL && operand->name != NULL; operand++) {
        operand_name(operand, name, sizeof(name));
        printf(" %s", name);
    }
    printf("\n\n%s.\n", command->text);
}

void help_command(const struct program *program, const struct command *command)
{
    usage_print(program, command);
    printf("\n");
    for (const struct command_value *operand = command->operands; operand != NULL && operand->name != NULL; operand++)
        line_print(operand->name, operand->text);
    for (const struct command_value *option = command->options; option != NULL && option->name != NULL; option++)
        option_print(option);
    if ((command->flags & COMMAND_JSON) != 0)
        line_print("--json", "print JSON");
    if ((command->flags & (COMMAND_HOME | COMMAND_FOLDER)) != 0)
        home_print();
    line_print("-h, --help", "this text");
    if (program->only != NULL)
        line_print("--version", "the version");
    if (command->more != NULL)
        printf("\n%s", command->more);
}

void help_group(const struct program *program, const struct command_group *group)
{
    const struct command *at;

    printf("usage: %s %s%s COMMAND ...\n\n%s.\n\n", program->name, has_home(program) ? "[--home DIR] " : "", group->name, group->text);
    for (size_t n = 0; (at = command_at(program, n)) != NULL; n++)
        if (command_in_group(at, group))
            line_print(at->name, at->text);
    printf("\n'%s %s COMMAND --help' tells more of each.\n", program->name, group->name);
}

/* A line a command; the commands of a group as one line, at the first of them. */
static void command_lines(const struct program *program)
{
    const struct command_group *told = NULL;
    const struct command *at;

    for (size_t n = 0; (at = command_at(program, n)) != NULL; n++) {
        const struct command_group *group = program->groups;
        while (group != NULL && group->name != NULL && !command_in_group(at, group))
            group++;
        if (group == NULL || group->name == NULL)
            line_print(at->name, at->text);
        else if (group != told)
            line_print(group->name, group->text);
        told = group;
    }
}

void help_program(const struct program *program)
{
    printf("usage: %s %sCOMMAND ...\n\n%s.\n\n", program->name, has_home(program) ? "[--home DIR] " : "", program->text);
    command_lines(program);
    printf("\n");
    if (has_home(program))
        home_print();
    line_print("-h, --help", "this text; after a command: that command's");
    line_print("--version", "the version");
    if (program->more != NULL)
        printf("\n%s", program->more);
    printf("\nExit status: 0 done, 1 refused or failed, 2 not understood.\n");
}
