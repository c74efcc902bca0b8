#include "base/base_i.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_BLOCK 16384 /* octets a read(2) */

static int too_large(const char *path, size_t max, struct smki_error *err)
{
    return smki_fail(err, SMKI_TOO_LARGE, "%s is larger than %zu octets, which is the limit here", path, max);
}

static int descriptor_read(struct smki_buffer *out, int fd, const char *path, size_t max, struct smki_error *err)
{
    uint8_t block[READ_BLOCK];
    size_t total = 0;
    int rc;

    for (;;) {
        ssize_t got = read(fd, block, sizeof(block));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return smki_fail_errno(err, errno, "cannot read %s", path);
        if (got == 0)
            return 0;
        if ((size_t)got > max - total)
            return too_large(path, max, err);
        if ((rc = smki_buffer_append(out, block, (size_t)got, err)) != 0)
            return smki_error_prefix(err, "reading %s", path), rc;
        total += (size_t)got;
    }
}

int file_read(struct smki_buffer *out, const char *path, size_t max, struct smki_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    int rc = 0;

    if (fd < 0)
        return smki_fail_errno(err, errno, "cannot open %s", path);
    if (fstat(fd, &status) != 0)
        rc = smki_fail_errno(err, errno, "cannot read %s", path);
    else if (S_ISREG(status.st_mode) && (uintmax_t)status.st_size > max)
        rc = too_large(path, max, err);
    else
        rc = descriptor_read(out, fd, path, max, err);
    close(fd);
    return rc;
}

/* ---- writing whole or not at all ---- */

static int descriptor_write(int fd, struct smki_bytes bytes)
{
    while (bytes.size != 0) {
        ssize_t done = write(fd, bytes.at, bytes.size);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return -1;
        bytes.at += done;
        bytes.size -= (size_t)done;
    }
    return 0;
}

/* A rename is on the disk when its folder is. Some file systems cannot sync a folder and say EINVAL; there is no more to do then. */
static int folder_sync(const char *path)
{
    char folder[PATH_MAX] = ".";
    const char *slash = strrchr(path, '/');
    int fd, rc;

    if (slash != NULL)
        snprintf(folder, sizeof(folder), "%.*s", slash == path ? 1 : (int)(slash - path), path);
    if ((fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        return -1;
    rc = fsync(fd) != 0 && errno != EINVAL ? -1 : 0;
    close(fd);
    return rc;
}

/* Fills and closes the new file. The mode is set on the open file, so umask does not change it. */
static int temporary_fill(int fd, struct smki_bytes bytes, unsigned mode)
{
    int errnum = 0;

    if (fchmod(fd, (mode_t)mode) != 0 || descriptor_write(fd, bytes) != 0 || fsync(fd) != 0)
        errnum = errno;
    if (close(fd) != 0 && errnum == 0)
        errnum = errno;
    return errnum;
}

int file_write(const char *path, struct smki_bytes bytes, unsigned mode, struct smki_error *err)
{
    char temporary[PATH_MAX];
    int fd, errnum;

    if ((size_t)snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path) >= sizeof(temporary))
        return smki_fail(err, SMKI_TOO_LARGE, "the path %.80s... is longer than a path can be", path);
    if ((fd = mkostemp(temporary, O_CLOEXEC)) < 0)
        return smki_fail_errno(err, errno, "cannot create a file beside %s", path);
    errnum = temporary_fill(fd, bytes, mode);
    if (errnum == 0 && rename(temporary, path) != 0)
        errnum = errno;
    if (errnum != 0) {
        unlink(temporary);
        return smki_fail_errno(err, errnum, "cannot write %s", path);
    }
    if (folder_sync(path) != 0)
        return smki_fail_errno(err, errno, "%s is written, but its folder cannot be synced", path);
    return 0;
}

int path_join(char *out, size_t size, const char *folder, const char *name, struct smki_error *err)
{
    if ((size_t)snprintf(out, size, "%s/%s", folder, name) >= size)
        return smki_fail(err, SMKI_TOO_LARGE, "the path %.80s.../%.80s is longer than %zu characters", folder, name, size - 1);
    return 0;
}
