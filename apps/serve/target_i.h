/* What a request is for, as text: Host, and the target where it is of the absolute form, "https://host:port/path" (RFC 9112 3.2.2). */
#ifndef SERVE_TARGET_I_H
#define SERVE_TARGET_I_H

#include <stdbool.h>
#include <stddef.h>

/* Of "name", "name:port" the octets of the name; 0: it is neither. */
size_t authority_read(const char *text, size_t size);
/* Where the host of an absolute form begins; 0: the target is of another form. */
size_t target_host(const char *target);
/* Leaves the path of an absolute form. */
void target_strip(char *target);

#endif
