/* Questions on the terminal. */
#include "command/command_i.h"

#include <mbedtls/platform_util.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
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

/* ---- who ends the program while it asks finds the terminal as it was ---- */

static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
static volatile sig_atomic_t ended;
static int wake[2]; /* a pipe: a signal that comes just before the read, or to another thread, ends the wait too */

static void end_note(int number)
{
    const int kept = errno;

    ended = number;
    (void)!write(wake[1], "", 1); /* where the pipe is full, it has been told */
    errno = kept;
}

static int ends_catch(struct sigaction before[COUNT_OF(ends)])
{
    const struct sigaction own = {.sa_handler = end_note};

    ended = 0;
    if (pipe2(wake, O_CLOEXEC | O_NONBLOCK) != 0)
        return -1;
    for (size_t i = 0; i < COUNT_OF(ends); i++)
        if (sigaction(ends[i], NULL, &before[i]) == 0 && before[i].sa_handler != SIG_IGN)
            sigaction(ends[i], &own, NULL);
    return 0;
}

static void ends_let(const struct sigaction before[COUNT_OF(ends)])
{
    for (size_t i = 0; i < COUNT_OF(ends); i++)
        sigaction(ends[i], &before[i], NULL);
    close(wake[0]);
    close(wake[1]);
    if (ended != 0)
        raise(ended);
}

/* Whether a line was typed; not when a signal came. */
static bool line_wait(int terminal)
{
    struct pollfd both[] = {{.fd = terminal, .events = POLLIN}, {.fd = wake[0], .events = POLLIN}};

    while (poll(both, COUNT_OF(both), -1) < 0)
        if (errno != EINTR)
            return false;
    return both[1].revents == 0;
}

static int line_take(FILE *terminal, char *out, size_t capacity)
{
    char line[ANSWER_SIZE];
    size_t size;
    int taken = -1;

    if (line_wait(fileno(terminal)) && fgets(line, sizeof(line), terminal) != NULL) {
        size = strcspn(line, "\r\n");
        if (size > 0 && size <= capacity && size < sizeof(line) - 1) { /* a longer one was cut */
            memcpy(out, line, size);
            taken = (int)size;
        }
    }
    mbedtls_platform_zeroize(line, sizeof(line));
    return taken;
}

static int silently_ask(FILE *terminal, const char *question, char *out, size_t capacity)
{
    struct sigaction actions[COUNT_OF(ends)];
    struct termios before, silent;
    int taken = -1;

    if (tcgetattr(fileno(terminal), &before) != 0 || ends_catch(actions) != 0)
        return -1;
    silent = before;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    if (tcsetattr(fileno(terminal), TCSAFLUSH, &silent) == 0) { /* before the question: what is typed after it counts, and is never shown */
        fprintf(terminal, "%s: ", question);
        taken = line_take(terminal, out, capacity);
        tcsetattr(fileno(terminal), TCSAFLUSH, &before);
        if (ended == 0) /* a terminal that is held by ^S would hold the program */
            fputc('\n', terminal);
    }
    ends_let(actions);
    return taken;
}

/* The terminal itself, so that a passphrase can be given while standard input is a file. */
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
