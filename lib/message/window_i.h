/* A file read or written at any place through a window that goes forward over it: where places follow each other closely, as in an archive
 * of many small entries, there is a system call for each window and not for each place. */
#ifndef SMKI_MESSAGE_WINDOW_I_H
#define SMKI_MESSAGE_WINDOW_I_H

#include "base/base_i.h"

struct window {
    int fd; /* the caller's */
    uint8_t *room;
    uint64_t start; /* in the file, of what the room holds: octets last read, or not written yet */
    size_t size;
};

SMKI_MUST_USE int window_open(struct window *window, int fd, struct smki_error *err);
/* Frees the room; what was not flushed is dropped. A window that is all zero is fine. */
void window_close(struct window *window);

/* These give 0 or an errno value. What is written is flushed before anything is read. */
SMKI_MUST_USE int window_write(struct window *window, const void *at, size_t size, uint64_t offset);
SMKI_MUST_USE int window_flush(struct window *window);
/* Up to `size` octets; *got is less at the end of the file only. */
SMKI_MUST_USE int window_read(struct window *window, void *out, size_t size, uint64_t offset, size_t *got);

#endif
