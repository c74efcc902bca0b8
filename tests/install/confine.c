/* Runs a program as its unit confines it, where there is no service manager to do it: confine CALLS FAMILIES PROGRAM ARGUMENT...
 *
 *   CALLS      a file with the names of the system calls that the unit allows, one a line; any other one kills the program
 *   FAMILIES   the address families that it may have sockets of, by number, such as 1,2,10; "none"
 *
 * and without memory that is both written and executed (MemoryDenyWriteExecute), new privileges, core files. The names' numbers come from
 * calls.h: CALL(name) for each that the compiler knows. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#endif

static const struct {
    const char *name;
    long number;
} known[] = {
#define CALL(name) {#name, SYS_##name},
#include "calls.h"
};

static struct sock_filter code[2048];
static unsigned short size;

static void add(uint16_t op, uint8_t yes, uint8_t no, uint32_t value)
{
    code[size++] = (struct sock_filter){op, yes, no, value};
}

static void allow(const char *name)
{
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(known[i].name, name) == 0) {
            add(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, (uint32_t)known[i].number);
            add(BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW);
        }
    }
}

/* socket(2) of a family that is not of these ends with EAFNOSUPPORT. */
static void families(char *list)
{
    unsigned short first;

    add(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, SYS_socket); /* else: behind all this, when it is known where that is */
    first = size;
    add(BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, args[0]));
    for (char *one = strtok(list, ","); one != NULL; one = strtok(NULL, ",")) {
        if (strcmp(one, "none") == 0)
            continue;
        add(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, (uint32_t)atoi(one));
        add(BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW);
    }
    add(BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | EAFNOSUPPORT);
    code[first - 1].jf = (uint8_t)(size - first);
}

int main(int argc, char **argv)
{
    struct sock_fprog program = {.filter = code};
    char name[64];
    FILE *calls;

    if (argc < 4 || (calls = fopen(argv[1], "r")) == NULL)
        return 2;
    add(BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr));
    families(argv[2]);
    while (fscanf(calls, "%63s", name) == 1)
        allow(name);
    fclose(calls);
    add(BPF_RET | BPF_K, 0, 0, SECCOMP_RET_KILL_PROCESS);
    program.len = size;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || (prctl(PR_SET_MDWE, 1, 0, 0, 0) != 0 && errno != EINVAL) ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
        perror("confine");
        return 77;
    }
    execvp(argv[3], argv + 3);
    perror(argv[3]);
    return 2;
}
