/* From argv to exit code. */
#include "command/command_i.h"

#include <smki/smki.h>

#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void actor_fill(struct smki_actor *actor)
{
    const struct passwd *login = getpwuid(getuid());

    *actor = (struct smki_actor){.interface = SMKI_INTERFACE_OPERATOR, .network = SMKI_NETWORK_LOCAL};
    if (login != NULL)
        snprintf(actor->name, sizeof(actor->name), "%s", login->pw_name);
    else
        snprintf(actor->name, sizeof(actor->name), "uid %lu", (unsigned long)getuid());
}

static int home_open(struct call *call)
{
    const struct smki_service_options options = {.passphrase = passphrase_ask};

    if ((call->command->flags & (COMMAND_HOME | COMMAND_FOLDER)) == 0)
        return 0;
    if (call->home == NULL || call->home[0] == '\0')
        return call_fail(call, SMKI_HOME_MISSING, NULL);
    if ((call->command->flags & COMMAND_FOLDER) != 0)
        return 0;
    return smki_service_open(&call->service, call->home, &options, &call->err);
}

/* A full disk or a closed pipe must not look like success. */
static int output_check(const struct program *program)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return EXIT_DONE;
    complain(program, "standard output: %s", strerror(errno));
    return EXIT_REFUSED;
}

static int call_run(struct call *call)
{
    int rc = home_open(call);

    if (rc == 0)
        rc = call->command->run(call);
    smki_service_close(call->service);
    if (rc < 0) {
        complain_error(call->program, &call->err);
        rc = EXIT_REFUSED;
    }
    return rc == 0 ? output_check(call->program) : rc;
}

static int command_run(struct call *call, int argc, char **argv)
{
    int rc = call_read(call, argc, argv);

    if (rc == CALL_HELP) {
        help_command(call->program, call->command);
        rc = output_check(call->program);
    } else if (rc == EXIT_DONE) {
        actor_fill(&call->actor);
        rc = call_run(call);
    }
    free(call->values);
    free(call->operands);
    return rc;
}

/* The command "help": `smki help party add` is `smki party add --help`. */
static int help_run(const struct program *program, int argc, char **argv)
{
    int words = 0;
    const struct command *command = command_find(program, argv, argc, &words);
    const struct command_group *group = argc == 1 ? group_find(program, argv[0]) : NULL;

    if (argc == 0)
        help_program(program);
    else if (command != NULL && words == argc)
        help_command(program, command);
    else if (group != NULL)
        help_group(program, group);
    else
        return command_unknown(program, argv, argc);
    return output_check(program);
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* What is left of argv after the program's own options. */
static int words_run(const struct program *program, const char *home, int argc, char **argv)
{
    struct call call = {.program = program, .home = home};
    const struct command_group *group;
    int words = 0;

    if (argc == 0) {
        complain(program, "no command given; see '%s --help'", program->name);
        return EXIT_USAGE;
    }
    if (strcmp(argv[0], "help") == 0)
        return help_run(program, argc - 1, argv + 1);
    if ((call.command = command_find(program, argv, argc, &words)) != NULL)
        return command_run(&call, argc - words + 1, argv + words - 1);
    if ((group = group_find(program, argv[0])) != NULL && argc > 1 && is_help(argv[1])) {
        help_group(program, group);
        return output_check(program);
    }
    return command_unknown(program, argv, argc);
}

/* A program that is one command: its options are the command's, and --version. */
static int only_run(const struct program *program, const char *home, int argc, char **argv)
{
    struct call call = {.program = program, .command = program->only, .home = home};

    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        printf("%s %s\n", program->name, smki_version());
        return output_check(program);
    }
    return command_run(&call, argc, argv);
}

/* All times are computed (smki/base.h); but libzip turns the date of each entry of a zip into local time, and without TZ glibc looks every
 * time whether the system's zone has changed: 100,000 system calls for a batch. */
static void zone_settle(void)
{
    (void)setenv("TZ", "UTC0", 0); /* failing it is only slower */
}

int program_run(const struct program *program, int argc, char **argv)
{
    static const struct option options[] = {
        {"home", required_argument, NULL, 'H'}, {"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'V'}, {0}};
    const char *home = getenv("SMKI_HOME");

    zone_settle();
    if (program->only != NULL)
        return only_run(program, home, argc, argv);
    optind = 0; /* glibc: start afresh */
    opterr = 0;
    for (int letter; (letter = getopt_long(argc, argv, "+:h", options, NULL)) != -1;)
        switch (letter) {
        case 'H':
            home = optarg;
            break;
        case 'h':
            help_program(program);
            return output_check(program);
        case 'V':
            printf("%s %s\n", program->name, smki_version());
            return output_check(program);
        case ':':
            complain(program, "%s needs a value; see '%s --help'", argv[optind - 1], program->name);
            return EXIT_USAGE;
        default:
            complain(program, "there is no option '%s' before the command; see '%s --help'", argv[optind - 1], program->name);
            return EXIT_USAGE;
        }
    return words_run(program, home, argc - optind, argv + optind);
}
