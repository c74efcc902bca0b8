/* Lines for the operator, and errors with their words. */
#include "serve/log_i.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_SIZE 1024

void log_line(const char *program, const char *format, ...)
{
    char line[LINE_SIZE];
    size_t size = (size_t)snprintf(line, sizeof(line) / 2, "%s: ", program);
    va_list arguments;
    int more;

    va_start(arguments, format);
    more = vsnprintf(line + size, sizeof(line) - size - 1, format, arguments);
    va_end(arguments);
    if (more > 0)
        size += (size_t)more < sizeof(line) - size - 1 ? (size_t)more : sizeof(line) - size - 2;
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = '?';
    }
    line[size++] = '\n';
    if (write(STDERR_FILENO, line, size) < 0) /* one write: lines of threads do not mix */
        return;                               /* there is nobody to tell */
}

void log_nothing(void *context, const char *format, va_list arguments)
{
    (void)context;
    (void)format;
    (void)arguments;
}

int64_t ticks_now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * SMKI_SECOND + time.tv_nsec / 1000;
}

int serve_fail(struct smki_error *err, int code, const char *format, ...)
{
    va_list arguments;

    if (err == NULL)
        return code;
    err->code = code;
    va_start(arguments, format);
    vsnprintf(err->text, sizeof(err->text), format, arguments);
    va_end(arguments);
    return code;
}

int serve_fail_errno(struct smki_error *err, int errnum, const char *format, ...)
{
    char what[SMKI_ERROR_TEXT_SIZE / 2];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(what, sizeof(what), format, arguments);
    va_end(arguments);
    return serve_fail(err, SMKI_IO, "%s: %s", what, strerror(errnum));
}
