/* Which command the first words of the command line name. */
#include "command/command_i.h"

#include <string.h>

#define MAX_NAMES 128 /* commands of a program */

const struct command *command_at(const struct program *program, size_t n)
{
    for (const struct command *const *table = program->tables; *table != NULL; table++)
        for (const struct command *at = *table; at->name != NULL; at++)
            if (n-- == 0)
                return at;
    return NULL;
}

/* How many of argv's words the name takes when they are it; 0: they are not. */
static int words_match(const char *name, char *const *argv, int argc)
{
    int words = 0;

    for (; *name != '\0'; words++) {
        size_t length = strcspn(name, " ");
        if (words == argc || strlen(argv[words]) != length || memcmp(argv[words], name, length) != 0)
            return 0;
        name += length + (name[length] == ' ');
    }
    return words;
}

const struct command *command_find(const struct program *program, char *const *argv, int argc, int *words)
{
    const struct command *at;

    for (size_t n = 0; (at = command_at(program, n)) != NULL; n++)
        if ((*words = words_match(at->name, argv, argc)) > 0)
            return at;
    return NULL;
}

const struct command_group *group_find(const struct program *program, const char *name)
{
    for (const struct command_group *group = program->groups; group != NULL && group->name != NULL; group++)
        if (strcmp(group->name, name) == 0)
            return group;
    return NULL;
}

bool command_in_group(const struct command *command, const struct command_group *group)
{
    size_t length = strlen(group->name);

    return strncmp(command->name, group->name, length) == 0 && command->name[length] == ' ';
}

/* ---- what to say when there is none ---- */

static int unknown_in_group(const struct program *program, const struct command_group *group, const char *word)
{
    const char *names[MAX_NAMES], *near;
    const struct command *at;
    size_t count = 0;

    for (size_t n = 0; (at = command_at(program, n)) != NULL && count < MAX_NAMES; n++)
        if (command_in_group(at, group))
            names[count++] = at->name + strlen(group->name) + 1;
    if (word == NULL || word[0] == '-')
        complain(program, "'%s' needs a command of its own after it; see '%s %s --help'", group->name, program->name, group->name);
    else if ((near = smki_nearest_word(word, names, count)) != NULL)
        complain(program, "there is no command '%s %s'; did you mean '%s %s'?", group->name, word, group->name, near);
    else
        complain(program, "there is no command '%s %s'; see '%s %s --help'", group->name, word, program->name, group->name);
    return EXIT_USAGE;
}

static int unknown_at_top(const struct program *program, const char *word)
{
    const char *names[MAX_NAMES], *near;
    const struct command *at;
    size_t count = 0;

    for (const struct command_group *group = program->groups; group != NULL && group->name != NULL && count < MAX_NAMES; group++)
        names[count++] = group->name;
    for (size_t n = 0; (at = command_at(program, n)) != NULL && count < MAX_NAMES; n++)
        if (strchr(at->name, ' ') == NULL)
            names[count++] = at->name;
    if ((near = smki_nearest_word(word, names, count)) != NULL)
        complain(program, "there is no command '%s'; did you mean '%s'?", word, near);
    else
        complain(program, "there is no command '%s'; see '%s --help'", word, program->name);
    return EXIT_USAGE;
}

int command_unknown(const struct program *program, char *const *argv, int argc)
{
    const struct command_group *group = group_find(program, argv[0]);

    if (group != NULL)
        return unknown_in_group(program, group, argc > 1 ? argv[1] : NULL);
    return unknown_at_top(program, argv[0]);
}
