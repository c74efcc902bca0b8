/* Signals. A run that is killed loses nothing (see lib/batch/batch_i.h), so the second signal need not be gentle. */
#include "batch/stop.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

volatile int stop_wished;

/* Only what is safe in a signal handler. On a terminal the line must not run into the progress bar: its first octet ends that. */
static void say(const char *line, size_t size, bool terminal)
{
    const ssize_t ignored = terminal ? write(STDERR_FILENO, line, size) : write(STDERR_FILENO, line + 1, size - 1);

    (void)ignored;
}

static void on_signal(int number)
{
    static const char first[] = "\nsmki-batch: ends after the chunks in hand; the next signal ends it at once\n";
    static const char second[] = "\nsmki-batch: ended at once; everything recorded is kept, and run again continues\n";
    const int errnum = errno;
    const bool terminal = isatty(STDERR_FILENO) == 1;

    (void)number;
    if (stop_wished != 0) {
        say(second, sizeof(second) - 1, terminal);
        _exit(1);
    }
    stop_wished = 1;
    if (terminal)
        say(first, sizeof(first) - 1, terminal);
    errno = errnum;
}

void stop_catch(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        sigaction(signals[i], &action, NULL);
    signal(SIGTSTP, SIG_IGN); /* stopped in a change, it would keep the store from everybody else */
}

bool stop_wait(double seconds)
{
    const struct timespec slice = {.tv_nsec = 100000000}; /* a signal between the check and the sleep costs this much at most */

    for (double left = seconds; left > 0 && stop_wished == 0; left -= 0.1)
        nanosleep(&slice, NULL);
    return stop_wished != 0;
}
