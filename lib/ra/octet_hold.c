/* Who is at something just now: a lock on one octet of a file of the home. The locks are those of open files: they keep threads of one
 * process apart too, and end with the process, so what is left of a crash is nobody's. */
#include "ra/service_i.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static struct flock lock_of(off_t octet, short type)
{
    return (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = octet, .l_len = 1};
}

int octet_hold_open(struct octet_hold *hold, const struct smki_service *service, const char *file, struct smki_error *err)
{
    char path[PATH_MAX];
    int rc;

    *hold = (struct octet_hold){.fd = -1, .octet = -1, .pid = getpid()};
    if ((rc = home_path(service, path, file, err)) != 0)
        return rc;
    hold->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    return hold->fd < 0 ? smki_fail_errno(err, errno, "%s", path) : 0;
}

bool octet_hold_try(struct octet_hold *hold, off_t octet, int *failed)
{
    struct flock lock = lock_of(octet, F_WRLCK);

    *failed = 0;
    if (fcntl(hold->fd, F_OFD_SETLK, &lock) == 0) {
        hold->octet = octet;
        return true;
    }
    if (errno != EAGAIN && errno != EACCES)
        *failed = errno;
    return false;
}

bool octet_is_held(const struct octet_hold *hold, off_t octet)
{
    struct flock lock = lock_of(octet, F_WRLCK);

    return fcntl(hold->fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

void octet_hold_end(struct octet_hold *hold)
{
    struct flock lock = lock_of(hold->octet, F_UNLCK);

    if (hold->fd < 0)
        return;
    if (hold->octet >= 0 && hold->pid == getpid()) /* children of a fork share the lock: closing alone would leave it to them */
        fcntl(hold->fd, F_OFD_SETLK, &lock);
    close(hold->fd);
    hold->fd = -1;
}
