/* Signals. The first ends the work where that is safe: a request to submit that is under way gets its answer first. The second ends at
 * once; the state file has what was sent, so nothing is sent twice. */
#include "client/client.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

volatile int stop_wished;

static void on_signal(int number)
{
    static const char line[] = "\nsmki-client: ends as soon as no answer is awaited; the next signal ends it at once\n";
    const int errnum = errno;

    (void)number;
    if (stop_wished != 0)
        _exit(EXIT_REFUSED);
    stop_wished = 1;
    if (isatty(STDERR_FILENO) == 1) {
        const ssize_t ignored = write(STDERR_FILENO, line, sizeof(line) - 1);
        (void)ignored;
    }
    errno = errnum;
}

void stop_catch(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART}, ignore = {.sa_handler = SIG_IGN};

    sigemptyset(&action.sa_mask);
    sigemptyset(&ignore.sa_mask);
    for (size_t i = 0; i < COUNT_OF(signals); i++)
        sigaction(signals[i], &action, NULL);
    sigaction(SIGPIPE, &ignore, NULL); /* a connection that the other side has closed */
}
