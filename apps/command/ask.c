/* Questions on the terminal. */
#include "command/command_i.h"

#include <mbedtls/platform_util.h>

#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define ANSWER_SIZE 512

bool call_confirm(const char *format, ...)
{
    char answer[16];
    va_list values;

    if (isatty(STDIN_FILENO) != 1)
        return false;
    fflush(stdout);
    va_start(values, format);
    vfprintf(stderr, format, values);
    va_end(values);
    fputs(" [y/N] ", stderr);
    if (fgets(answer, sizeof(answer), stdin) == NULL)
        return false;
    answer[strcspn(answer, "\r\n")] = '\0';
    return strcmp(answer, "y") == 0 || strcmp(answer, "Y") == 0 || strcmp(answer, "yes") == 0;
}

/* The terminal itself, so that a passphrase can be given while standard input is a file. */
static int line_take(FILE *terminal, char *out, size_t capacity)
{
    char line[ANSWER_SIZE];
    size_t size;
    int taken = -1;

    if (fgets(line, sizeof(line), terminal) != NULL) {
        size = strcspn(line, "\r\n");
        if (size > 0 && size <= capacity) {
            memcpy(out, line, size);
            taken = (int)size;
        }
    }
    mbedtls_platform_zeroize(line, sizeof(line));
    return taken;
}

/* ---- who ends the program while it asks finds the terminal as it was ---- */

static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
static volatile sig_atomic_t ended;

static void end_note(int number)
{
    ended = number;
}

static void ends_catch(struct sigaction before[COUNT_OF(ends)])
{
    const struct sigaction own = {.sa_handler = end_note}; /* no SA_RESTART: what is read is given up */

    ended = 0;
    for (size_t i = 0; i < COUNT_OF(ends); i++)
        if (sigaction(ends[i], NULL, &before[i]) == 0 && before[i].sa_handler != SIG_IGN)
            sigaction(ends[i], &own, NULL);
}

static void ends_let(const struct sigaction before[COUNT_OF(ends)])
{
    for (size_t i = 0; i < COUNT_OF(ends); i++)
        sigaction(ends[i], &before[i], NULL);
    if (ended != 0)
        raise(ended);
}

static int silently_ask(FILE *terminal, const char *question, char *out, size_t capacity)
{
    struct sigaction actions[COUNT_OF(ends)];
    struct termios before, silent;
    int taken;

    if (tcgetattr(fileno(terminal), &before) != 0)
        return -1;
    silent = before;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    ends_catch(actions);
    tcsetattr(fileno(terminal), TCSAFLUSH, &silent); /* before the question: what is typed after it counts, and is never shown */
    fprintf(terminal, "%s: ", question);
    taken = line_take(terminal, out, capacity);
    tcsetattr(fileno(terminal), TCSAFLUSH, &before);
    fputc('\n', terminal);
    ends_let(actions);
    return taken;
}

int secret_ask(const char *question, char *out, size_t capacity)
{
    FILE *terminal = fopen("/dev/tty", "r+e");
    int taken;

    if (terminal == NULL)
        return -1;
    setvbuf(terminal, NULL, _IONBF, 0); /* no copy of the secret is left in a buffer */
    taken = silently_ask(terminal, question, out, capacity);
    fclose(terminal);
    return taken;
}

int passphrase_ask(void *context, char *out, size_t capacity)
{
    char question[ANSWER_SIZE];

    snprintf(question, sizeof(question), "Passphrase of %s", context != NULL ? (const char *)context : "the private key");
    return secret_ask(question, out, capacity);
}
