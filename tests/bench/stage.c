/* See stage.h. */
#include "stage.h"
#include "process.h"

#include "base/base_i.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

void *stage_memory(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    return memory != MAP_FAILED ? memory : NULL;
}

static double seconds_of(const struct timeval *time)
{
    return (double)time->tv_sec + (double)time->tv_usec / 1e6;
}

int stage_run(struct stage *out, stage_fn run, void *context, struct smki_error *err)
{
    static struct smki_error *told; /* between the two processes */
    const double start = seconds_now();
    struct rusage usage;
    int status;
    pid_t child;

    if (told == NULL && (told = stage_memory(sizeof(*told))) == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    *told = (struct smki_error){0};
    fflush(NULL);
    if ((child = fork()) == 0)
        _exit(run(context, told) == 0 ? 0 : 1);
    if (child < 0 || wait4(child, &status, 0, &usage) != child)
        return smki_fail_errno(err, errno, "a stage could not be run");
    if (out != NULL)
        *out = (struct stage){.seconds = seconds_now() - start,
                              .processor = seconds_of(&usage.ru_utime) + seconds_of(&usage.ru_stime),
                              .resident_mib = (double)usage.ru_maxrss / 1024};
    if (status == 0)
        return 0;
    if (told->code == 0)
        return smki_fail(err, SMKI_INTERNAL, "a stage ended with status %d", status);
    return smki_fail(err, told->code, "%s", told->text);
}
