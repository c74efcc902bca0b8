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

/* ---- files that nobody else may read ---- */

static int private_check(int fd, mode_t others, const char *what, struct smki_error *err)
{
    struct stat status;

    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
        return smki_fail(err, SMKI_KEY_UNREADABLE, "not a regular file");
    if (status.st_uid != geteuid() && status.st_uid != 0)
        return smki_fail(err, SMKI_KEY_PERMISSIONS, "it belongs to user %lu, who can change it or let others read it: chown it to user %lu",
                         (unsigned long)status.st_uid, (unsigned long)geteuid());
    if ((status.st_mode & others) != 0)
        return smki_fail(err, SMKI_KEY_PERMISSIONS, "mode is %04o, so others can get at the %s: chmod 600 it",
                         (unsigned)(status.st_mode & 07777), what);
    return 0;
}

/* Straight into the caller's room: any other buffer would keep a copy. */
static int private_read(int fd, uint8_t *out, size_t capacity, size_t *size, const char *what, struct smki_error *err)
{
    ssize_t got = 1;

    while (got != 0 && *size < capacity) {
        got = read(fd, out + *size, capacity - *size);
        if (got < 0 && errno != EINTR)
            return smki_fail(err, SMKI_KEY_UNREADABLE, "%s", strerror(errno));
        *size += got > 0 ? (size_t)got : 0;
    }
    return *size < capacity ? 0 : smki_fail(err, SMKI_KEY_UNREADABLE, "longer than a %s can be", what);
}

/* Owner and permissions are those of the file that was opened, not of a name that may be another by now. */
static int secret_read(uint8_t *out, size_t capacity, size_t *size, const char *path, mode_t others, const char *what,
                       struct smki_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int rc;

    *size = 0;
    if (fd < 0 && errno == ENOENT)
        return smki_fail(err, SMKI_KEY_UNREADABLE, "%s; name the file with the %s, or put it back where it was", strerror(ENOENT), what);
    if (fd < 0)
        return smki_fail(err, SMKI_KEY_UNREADABLE, "%s", strerror(errno));
    if ((rc = private_check(fd, others, what, err)) == 0)
        rc = private_read(fd, out, capacity, size, what, err);
    close(fd);
    return rc;
}

int private_file_read(uint8_t *out, size_t capacity, size_t *size, const char *path, const char *what, struct smki_error *err)
{
    return secret_read(out, capacity, size, path, 077, what, err);
}

int credential_file_read(uint8_t *out, size_t capacity, size_t *size, const char *path, const char *what, struct smki_error *err)
{
    return secret_read(out, capacity, size, path, 037, what, err);
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
int folder_sync(const char *path, struct smki_error *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = 0;

    if (fd < 0 || (fsync(fd) != 0 && errno != EINVAL))
        rc = smki_fail_errno(err, errno, "the folder %s cannot be synced", path);
    if (fd >= 0)
        close(fd);
    return rc;
}

int parent_sync(const char *path, struct smki_error *err)
{
    char folder[PATH_MAX] = ".";
    size_t size = strlen(path);

    while (size > 1 && path[size - 1] == '/') /* "home/" lies where "home" does */
        size--;
    while (size > 0 && path[size - 1] != '/')
        size--;
    if (size >= sizeof(folder))
        return smki_fail(err, SMKI_TOO_LARGE, "the path %.80s... is longer than a path can be", path);
    if (size > 0)
        snprintf(folder, sizeof(folder), "%.*s", (int)size, path);
    return folder_sync(folder, err);
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
    return parent_sync(path, err);
}

int path_join(char *out, size_t size, const char *folder, const char *name, struct smki_error *err)
{
    if ((size_t)snprintf(out, size, "%s/%s", folder, name) >= size)
        return smki_fail(err, SMKI_TOO_LARGE, "the path %.80s.../%.80s is longer than %zu characters", folder, name, size - 1);
    return 0;
}
