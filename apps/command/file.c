/* Whole files, in and out. */
#include "command/command_i.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int trouble(struct smki_error *err, const char *path, int errnum)
{
    int code = errnum == ENOENT                      ? SMKI_NOT_FOUND
               : errnum == EACCES || errnum == EPERM ? SMKI_PERMISSION
               : errnum == ENOSPC                    ? SMKI_DISK_FULL
               : errnum == EEXIST                    ? SMKI_ALREADY_EXISTS
                                                     : SMKI_IO;

    err->code = code;
    snprintf(err->text, sizeof(err->text), "%s: %s", path, strerror(errnum));
    return code;
}

static int stream_take(struct smki_buffer *out, FILE *stream, const char *path, size_t max, struct smki_error *err)
{
    uint8_t block[16384];
    size_t size;
    int rc;

    while ((size = fread(block, 1, sizeof(block), stream)) > 0) {
        if (out->size + size > max) {
            err->code = SMKI_TOO_LARGE;
            snprintf(err->text, sizeof(err->text), "%s: larger than %zu octets", path, max);
            return err->code;
        }
        if ((rc = smki_buffer_append(out, block, size, err)) != 0)
            return rc;
    }
    return ferror(stream) ? trouble(err, path, errno) : 0;
}

int file_take(struct smki_buffer *out, const char *path, size_t max, struct smki_error *err)
{
    FILE *stream;
    int rc;

    if (strcmp(path, "-") == 0)
        return stream_take(out, stdin, "standard input", max, err);
    if ((stream = fopen(path, "rbe")) == NULL)
        return trouble(err, path, errno);
    rc = stream_take(out, stream, path, max, err);
    fclose(stream);
    return rc;
}

int file_put(const char *path, struct smki_bytes bytes, struct smki_error *err)
{
    FILE *stream;
    bool written;

    if (path == NULL || strcmp(path, "-") == 0) {
        fwrite(bytes.at, 1, bytes.size, stdout); /* a failure shows when the program ends */
        return 0;
    }
    if ((stream = fopen(path, "wbe")) == NULL)
        return trouble(err, path, errno);
    written = fwrite(bytes.at, 1, bytes.size, stream) == bytes.size;
    written = fclose(stream) == 0 && written;
    return written ? 0 : trouble(err, path, errno);
}

static bool all_write(int fd, struct smki_bytes bytes)
{
    while (bytes.size > 0) {
        ssize_t done = write(fd, bytes.at, bytes.size);

        if (done < 0 && errno != EINTR)
            return false;
        bytes.at += done > 0 ? done : 0;
        bytes.size -= done > 0 ? (size_t)done : 0;
    }
    return fsync(fd) == 0;
}

int file_put_new(const char *path, struct smki_bytes bytes, unsigned mode, struct smki_error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, (mode_t)mode), errnum = 0;

    if (fd < 0)
        return trouble(err, path, errno);
    if (!all_write(fd, bytes))
        errnum = errno;
    if (close(fd) != 0 && errnum == 0)
        errnum = errno;
    if (errnum == 0)
        return 0;
    unlink(path);
    return trouble(err, path, errnum);
}
