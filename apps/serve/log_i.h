/* What an operator acts on, one line an event, on standard error. No secrets: what peers sent is quoted in short and made printable. */
#ifndef SERVE_LOG_I_H
#define SERVE_LOG_I_H

#include <smki/base.h>

#include <stdarg.h>

/* "<program>: <formatted>". Thread-safe. */
void log_line(const char *program, const char *format, ...) SMKI_PRINTF(2, 3);
/* For libmicrohttpd, which tells of TCP options that a socketpair does not have, and of peers that have gone: nothing an operator acts on.
 */
void log_nothing(void *context, const char *format, va_list arguments) SMKI_PRINTF(2, 0);
/* Microseconds of a clock that nobody sets. */
int64_t ticks_now(void);

/* Fills *err; returns the code. */
int serve_fail(struct smki_error *err, int code, const char *format, ...) SMKI_PRINTF(3, 4);
/* "<formatted>: <strerror>", as SMKI_IO. */
int serve_fail_errno(struct smki_error *err, int errnum, const char *format, ...) SMKI_PRINTF(3, 4);

#endif
