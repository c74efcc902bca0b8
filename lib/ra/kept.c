/* Files that are kept in a folder of the home under their SHA-256, so that no name that anybody gave ever becomes a path. A file is there
 * whole or not at all: it is written beside, synced, and then renamed. Whoever adds or removes holds the folder; a backup holds it with
 * others, so that what the store's copy speaks of is still there when the files are copied. */
#include "ra/kept_i.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define UNFINISHED ".new." /* how the names of files begin that are being written; backups leave them out */
#define BLOCK_SIZE (64u << 10)

static int kept_path(const struct smki_service *service, char out[PATH_MAX], const char *folder, const uint8_t sha256[SHA256_SIZE],
                     struct smki_error *err)
{
    char hex[2 * SHA256_SIZE + 1];

    return home_path_in(service, out, folder, hex_encode(hex, sha256, SHA256_SIZE), err);
}

/* ---- holding the folder ---- */

/* What a process that was killed has left. Nobody else writes: the folder is held. */
static void unfinished_remove(const char *path)
{
    DIR *folder = opendir(path);
    const struct dirent *entry;

    if (folder == NULL)
        return;
    while ((entry = readdir(folder)) != NULL)
        if (strncmp(entry->d_name, UNFINISHED, strlen(UNFINISHED)) == 0)
            unlinkat(dirfd(folder), entry->d_name, 0);
    closedir(folder);
}

static int folder_hold(const char *path, int how, int *held, struct smki_error *err)
{
    if ((*held = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        return smki_fail_errno(err, errno, "%s", path);
    while (flock(*held, how) != 0)
        if (errno != EINTR) {
            int errnum = errno;
            kept_release(*held);
            *held = -1;
            return smki_fail_errno(err, errnum, "%s cannot be locked", path);
        }
    return 0;
}

int kept_hold(const struct smki_service *service, const char *folder, int *held, struct smki_error *err)
{
    char path[PATH_MAX];
    int rc = home_path(service, path, folder, err);

    *held = -1;
    if (rc != 0)
        return rc;
    if (mkdir(path, 0700) == 0)
        rc = parent_sync(path, err);
    else if (errno != EEXIST)
        rc = smki_fail_errno(err, errno, "%s", path);
    if (rc == 0 && (rc = folder_hold(path, LOCK_EX, held, err)) == 0)
        unfinished_remove(path);
    return rc;
}

int kept_hold_shared(const struct smki_service *service, const char *folder, int *held, struct smki_error *err)
{
    char path[PATH_MAX];
    struct stat status;
    int rc = home_path(service, path, folder, err);

    *held = -1;
    if (rc != 0 || (stat(path, &status) != 0 && errno == ENOENT)) /* a home of before there was a portal */
        return rc;
    return folder_hold(path, LOCK_SH, held, err);
}

void kept_release(int held)
{
    if (held >= 0)
        close(held);
}

/* ---- adding ---- */

struct adding {
    char path[PATH_MAX]; /* of the unfinished file */
    int fd;
    struct sha256_stream stream;
    struct kept_file *file;
};

static int adding_begin(struct adding *adding, const struct smki_service *service, const char *folder, struct kept_file *file,
                        struct smki_error *err)
{
    int rc;

    *file = (struct kept_file){.size = 0};
    adding->file = file;
    adding->fd = -1;
    if ((rc = home_path_in(service, adding->path, folder, UNFINISHED "XXXXXX", err)) != 0)
        return rc;
    if ((adding->fd = mkostemp(adding->path, O_CLOEXEC)) < 0)
        return smki_fail_errno(err, errno, "a file in %s/%s", service->home, folder);
    sha256_start(&adding->stream);
    return 0;
}

static int adding_write(struct adding *adding, struct smki_bytes bytes, struct smki_error *err)
{
    sha256_add(&adding->stream, bytes.at, bytes.size);
    adding->file->size += bytes.size;
    while (bytes.size != 0) {
        ssize_t done = write(adding->fd, bytes.at, bytes.size);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return smki_fail_errno(err, errno, "%s", adding->path);
        bytes.at += done;
        bytes.size -= (size_t)done;
    }
    return 0;
}

/* `rc` is what came before. The file is there under its name, or not at all. */
static int adding_end(struct adding *adding, const struct smki_service *service, const char *folder, int rc, struct smki_error *err)
{
    char path[PATH_MAX];

    if (adding->fd < 0)
        return rc;
    sha256_end(&adding->stream, adding->file->sha256);
    if (rc == 0 && fsync(adding->fd) != 0)
        rc = smki_fail_errno(err, errno, "%s", adding->path);
    if (close(adding->fd) != 0 && rc == 0)
        rc = smki_fail_errno(err, errno, "%s", adding->path);
    if (rc == 0)
        rc = kept_path(service, path, folder, adding->file->sha256, err);
    if (rc == 0 && rename(adding->path, path) != 0)
        rc = smki_fail_errno(err, errno, "%s", path);
    if (rc != 0) {
        unlink(adding->path);
        return rc;
    }
    return parent_sync(path, err);
}

int kept_put(const struct smki_service *service, const char *folder, struct smki_bytes bytes, struct kept_file *out, struct smki_error *err)
{
    struct adding adding;
    int rc = adding_begin(&adding, service, folder, out, err);

    if (rc == 0)
        rc = adding_write(&adding, bytes, err);
    return adding_end(&adding, service, folder, rc, err);
}

static int source_copy(struct adding *adding, int from, const char *path, uint64_t max, struct smki_error *err)
{
    uint8_t *block = malloc(BLOCK_SIZE);
    ssize_t got = 1;
    int rc = 0;

    if (block == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    while (rc == 0 && got != 0) {
        if ((got = read(from, block, BLOCK_SIZE)) < 0) {
            rc = errno == EINTR ? 0 : smki_fail_errno(err, errno, "%s", path);
            continue;
        }
        if ((uint64_t)got > max - adding->file->size)
            rc = smki_fail(err, SMKI_TOO_LARGE, "%s is larger than %llu MiB, which is the limit here", path,
                           (unsigned long long)(max >> 20));
        else
            rc = adding_write(adding, BYTES(block, (size_t)got), err);
    }
    free(block);
    if (rc == 0 && adding->file->size == 0)
        rc = smki_fail(err, SMKI_INVALID_ARGUMENT, "%s is empty", path);
    return rc;
}

/* Not blocking, so that a pipe is refused and not waited for. */
static int source_open(int *fd, const char *path, struct smki_error *err)
{
    struct stat status;
    int rc = 0;

    if ((*fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) < 0)
        return smki_fail_errno(err, errno, "%s", path);
    if (fstat(*fd, &status) != 0)
        rc = smki_fail_errno(err, errno, "%s", path);
    else if (!S_ISREG(status.st_mode))
        rc = smki_fail(err, SMKI_INVALID_ARGUMENT, "%s is not a regular file", path);
    if (rc != 0)
        close(*fd);
    return rc;
}

int kept_take(const struct smki_service *service, const char *folder, const char *path, uint64_t max, struct kept_file *out,
              struct smki_error *err)
{
    struct adding adding;
    int from, rc = source_open(&from, path, err);

    if (rc != 0)
        return rc;
    if ((rc = adding_begin(&adding, service, folder, out, err)) == 0)
        rc = source_copy(&adding, from, path, max, err);
    rc = adding_end(&adding, service, folder, rc, err);
    close(from);
    return rc;
}

/* ---- reading, removing ---- */

int kept_open(const struct smki_service *service, const char *folder, const struct kept_file *file, int *fd, struct smki_error *err)
{
    char path[PATH_MAX];
    struct stat status;
    int rc = kept_path(service, path, folder, file->sha256, err);

    if (rc != 0)
        return rc;
    if ((*fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
        return errno == ENOENT ? smki_fail(err, SMKI_STORE_CORRUPT, "%s is gone; put it back from a backup of the home", path)
                               : smki_fail_errno(err, errno, "%s", path);
    if (fstat(*fd, &status) == 0 && (uint64_t)status.st_size == file->size)
        return 0;
    close(*fd);
    *fd = -1;
    return smki_fail(err, SMKI_STORE_CORRUPT, "%s has another size than it had; put it back from a backup of the home", path);
}

int kept_remove(const struct smki_service *service, const char *folder, const uint8_t sha256[SHA256_SIZE], struct smki_error *err)
{
    char path[PATH_MAX];
    int rc = kept_path(service, path, folder, sha256, err);

    if (rc != 0)
        return rc;
    if (unlink(path) != 0 && errno != ENOENT)
        return smki_fail_errno(err, errno, "%s", path);
    return parent_sync(path, err);
}
