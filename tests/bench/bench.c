/* bench: what the service can do, beside what is possible. One file a command; see README.md. */
#include "bench.h"
#include "report.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

unsigned bench_cores(void)
{
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);

    return cores > 0 ? (unsigned)cores : 1;
}

bool bench_number(const struct call *call, const char *option, uint64_t least, uint64_t most, uint64_t *out)
{
    const uint64_t number = call_number(call, option);

    if (!call_has(call, option))
        return true;
    if (number < least || number > most) {
        (void)call_usage(call, "--%s must be %" PRIu64 " to %" PRIu64 ", and is %" PRIu64, option, least, most, number);
        return false;
    }
    *out = number;
    return true;
}

int bench_svg_check(struct call *call)
{
    const char *path = call_text(call, "svg");
    FILE *file = path != NULL ? fopen(path, "a") : NULL;

    if (path != NULL && file == NULL)
        return call_fail(call, SMKI_IO, "%s: %s", path, strerror(errno));
    if (file != NULL)
        fclose(file);
    return 0;
}

int bench_close(struct report *report, struct call *call, int rc)
{
    if (rc == 0)
        return report_close(report, call);
    report_drop(report);
    return call->err.code != 0 ? rc : call_fail(call, rc, NULL);
}

static const struct command *const tables[] = {night_commands,  batch_commands,
#ifdef BENCH_WEB
                                               adhoc_commands,  handshake_commands,
#endif
#ifdef BENCH_HSM
                                               hsm_commands,
#endif
                                               growth_commands, peers_commands,     NULL};

static const struct program bench_program = {
    .name = "bench",
    .text = "Measure what the service does, beside the bound of the same machine",
    .more = "Every bench measures its bound in the same run and prints the ratio to it, and says of each bar whether it is met.\n"
            "Clocks move and machines differ: read the ratios, on a machine with nothing else to do. See tests/bench/README.md.\n",
    .tables = tables,
};

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    return program_run(&bench_program, argc, argv);
}
