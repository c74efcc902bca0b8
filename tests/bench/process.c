#include "process.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

pid_t process_start_told(char *const *arguments, const char *file)
{
    const pid_t pid = fork();

    if (pid == 0) {
        if (freopen("/dev/null", "r", stdin) != NULL && (file == NULL || (freopen(file, "a", stderr) != NULL && dup2(2, 1) == 1)))
            execvp(arguments[0], arguments);
        _exit(127);
    }
    return pid;
}

pid_t process_start(char *const *arguments)
{
    return process_start_told(arguments, NULL);
}

bool process_end(pid_t pid)
{
    int status = 1;

    kill(pid, SIGTERM);
    waitpid(pid, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

double process_processor(pid_t pid)
{
    struct timespec used = {0};
    clockid_t clock;

    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0)
        return 0;
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

double process_status_mib(pid_t pid, const char *name)
{
    char path[100], line[200];
    const size_t size = strlen(name);
    double kib = 0;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, name, size) == 0 && line[size] == ':')
            kib = strtod(line + size + 1, NULL);
    }
    if (file != NULL)
        fclose(file);
    return kib / 1024;
}

double process_mib(pid_t pid)
{
    return process_status_mib(pid, "VmRSS");
}

unsigned process_descriptors(pid_t pid)
{
    char path[100];
    unsigned count = 0;
    DIR *folder;

    snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    folder = opendir(path);
    while (folder != NULL && readdir(folder) != NULL)
        count++;
    if (folder != NULL)
        closedir(folder);
    return count - 2;
}

int free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0), port = 0;

    if (bind(fd, (struct sockaddr *)&address, size) == 0 && getsockname(fd, (struct sockaddr *)&address, &size) == 0)
        port = ntohs(address.sin_port);
    close(fd);
    return port;
}

bool port_answers(int port)
{
    for (int i = 0; i < 100; i++) {
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int fd = socket(AF_INET, SOCK_STREAM, 0), rc = connect(fd, (struct sockaddr *)&to, sizeof(to));

        close(fd);
        if (rc == 0)
            return true;
        usleep(100000);
    }
    fprintf(stderr, "nobody answers at port %d\n", port);
    return false;
}

double seconds_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

double metric_of(int admin, const char *name)
{
    char command[100], line[300];
    double value = 0;
    FILE *pipe;

    snprintf(command, sizeof(command), "curl -s http://127.0.0.1:%d/metrics", admin);
    if ((pipe = popen(command, "r")) == NULL)
        return 0;
    while (fgets(line, sizeof(line), pipe) != NULL)
        if (strncmp(line, name, strlen(name)) == 0)
            value = strtod(line + strlen(name), NULL);
    pclose(pipe);
    return value;
}

int double_order(const void *a, const void *b)
{
    const double left = *(const double *)a, right = *(const double *)b;

    return (left > right) - (left < right);
}
