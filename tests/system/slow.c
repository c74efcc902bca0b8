/* A disk that takes its time: each fdatasync of a program that this is loaded into (LD_PRELOAD) waits SLOW_COMMIT milliseconds first, which leaves a test the time
 * to come into the middle of something. */
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int fdatasync(int fd) {
    static int (*next)(int);
    if (next == NULL) *(void **)&next = dlsym(RTLD_NEXT, "fdatasync");
    const char *told = getenv("SLOW_COMMIT");
    long ms = told != NULL ? atol(told) : 0;
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
    return next(fd);
}
