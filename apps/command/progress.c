/* How far the work is: a bar that stays in its place on a terminal, a line every few seconds elsewhere. */
#include "command/command_i.h"

#include <inttypes.h>
#include <time.h>
#include <unistd.h>

#define BAR_WIDTH      24
#define TERMINAL_EVERY 0.2 /* seconds */
#define LINES_EVERY    5.0

static double seconds_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void progress_start(struct progress *progress, const char *noun)
{
    *progress = (struct progress){.noun = noun, .terminal = isatty(STDERR_FILENO) == 1, .started = seconds_now()};
    progress->last = progress->terminal ? 0 : progress->started;
}

/* "57 %  28500 of 50000 CSRs, 8123/s, 3 s left" */
static void line_print(const struct progress *progress, double rate)
{
    char left[DURATION_TEXT_SIZE];
    uint64_t open = progress->all > progress->done ? progress->all - progress->done : 0;

    fprintf(stderr, "%3u %%  %" PRIu64 " of %" PRIu64 " %s",
            progress->all > 0 ? (unsigned)((double)(progress->all - open) * 100 / (double)progress->all) : 100, progress->done,
            progress->all, progress->noun);
    if (rate > 0)
        fprintf(stderr, ", %.0f/s", rate);
    if (rate > 0 && open > 0)
        fprintf(stderr, ", %s left", duration_words((double)open / rate, left));
}

static void bar_print(const struct progress *progress)
{
    unsigned full = progress->all > 0 ? (unsigned)((double)progress->done * BAR_WIDTH / (double)progress->all) : BAR_WIDTH;

    fputs("\r[", stderr);
    for (unsigned i = 0; i < BAR_WIDTH; i++)
        fputc(i < full ? '#' : '.', stderr);
    fputs("] ", stderr);
}

static void state_print(struct progress *progress, double rate)
{
    double run = seconds_now() - progress->started;

    if (rate < 0)
        rate = run > 0.1 ? (double)progress->done / run : 0;
    if (progress->terminal)
        bar_print(progress);
    line_print(progress, rate);
    fputs(progress->terminal ? "\033[K" : "\n", stderr); /* erase what an earlier, longer line left */
    progress->shown = true;
    progress->rate = rate;
}

void progress_show(struct progress *progress, uint64_t done, uint64_t all, double rate)
{
    double now = seconds_now();

    progress->done = done;
    progress->all = all;
    progress->rate = rate;
    if (now - progress->last < (progress->terminal ? TERMINAL_EVERY : LINES_EVERY))
        return;
    progress->last = now;
    state_print(progress, rate);
}

void progress_end(struct progress *progress)
{
    if (!progress->shown)
        return;
    if (progress->terminal) {
        state_print(progress, progress->rate);
        fputc('\n', stderr);
    }
    progress->shown = false;
}
