#include "message/window_i.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROOM_SIZE ((size_t)256 * 1024) /* octets read or written at once */

int window_open(struct window *window, int fd, struct smki_error *err)
{
    *window = (struct window){.fd = fd, .room = malloc(ROOM_SIZE)};
    return window->room == NULL ? smki_fail(err, SMKI_NO_MEMORY, NULL) : 0;
}

void window_close(struct window *window)
{
    free(window->room);
    window->room = NULL;
    window->size = 0;
}

/* ---- writing ---- */

static int put(int fd, const uint8_t *at, size_t size, uint64_t offset)
{
    while (size != 0) {
        const ssize_t n = pwrite(fd, at, size, (off_t)offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        at += n;
        size -= (size_t)n;
        offset += (size_t)n;
    }
    return 0;
}

int window_flush(struct window *window)
{
    int errnum = put(window->fd, window->room, window->size, window->start);

    if (errnum == 0) {
        window->start += window->size;
        window->size = 0;
    }
    return errnum;
}

/* The window moves on where it is full, or left behind. */
static int room_for(struct window *window, uint64_t offset)
{
    int errnum;

    if (offset - window->start <= window->size && offset - window->start < ROOM_SIZE)
        return 0;
    if ((errnum = window_flush(window)) == 0)
        window->start = offset;
    return errnum;
}

static size_t put_in_room(struct window *window, const uint8_t *at, size_t size, uint64_t offset)
{
    const size_t place = (size_t)(offset - window->start);
    const size_t part = size < ROOM_SIZE - place ? size : ROOM_SIZE - place;

    memcpy(window->room + place, at, part);
    if (window->size < place + part)
        window->size = place + part;
    return part;
}

int window_write(struct window *window, const void *at, size_t size, uint64_t offset)
{
    const uint8_t *from = at;
    int errnum;

    if (size != 0 && offset < window->start) { /* has left the room already */
        const size_t part = size < window->start - offset ? size : (size_t)(window->start - offset);

        if ((errnum = put(window->fd, from, part, offset)) != 0)
            return errnum;
        from += part;
        size -= part;
        offset += part;
    }
    while (size != 0) {
        size_t part;

        if ((errnum = room_for(window, offset)) != 0)
            return errnum;
        part = put_in_room(window, from, size, offset);
        from += part;
        size -= part;
        offset += part;
    }
    return 0;
}

/* ---- reading ---- */

static int move_to(struct window *window, uint64_t offset)
{
    ssize_t got;

    do
        got = pread(window->fd, window->room, ROOM_SIZE, (off_t)offset);
    while (got < 0 && errno == EINTR);
    window->start = offset;
    window->size = got < 0 ? 0 : (size_t)got;
    return got < 0 ? errno : 0;
}

int window_read(struct window *window, void *out, size_t size, uint64_t offset, size_t *got)
{
    int errnum;

    *got = 0;
    while (*got < size) {
        const uint64_t at = offset + *got;
        size_t part;

        if (at < window->start || at - window->start >= window->size) {
            if ((errnum = move_to(window, at)) != 0)
                return errnum;
            if (window->size == 0) /* the end of the file */
                return 0;
        }
        part = window->size - (size_t)(at - window->start);
        part = part < size - *got ? part : size - *got;
        memcpy((uint8_t *)out + *got, window->room + (at - window->start), part);
        *got += part;
    }
    return 0;
}
