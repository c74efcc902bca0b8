/* Folders that a home or a backup is made in: new or empty, and nobody else's business. */
#include "ra/service_i.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int folder_check_empty(const char *path, struct smki_error *err)
{
    DIR *folder = opendir(path);
    const struct dirent *entry;
    int rc = 0;

    if (folder == NULL)
        return errno == ENOENT ? 0 : smki_fail_errno(err, errno, "%s", path);
    while (rc == 0 && (entry = readdir(folder)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            rc = smki_fail(err, SMKI_STORE_NOT_EMPTY, "%s is not empty (it holds %s); give a new or empty folder", path, entry->d_name);
    closedir(folder);
    return rc;
}

int folder_claim(const char *path, struct smki_error *err)
{
    int rc = folder_check_empty(path, err);

    if (rc != 0)
        return rc;
    if (mkdir(path, 0700) != 0 && (errno != EEXIST || chmod(path, 0700) != 0))
        return smki_fail_errno(err, errno, "%s", path);
    return 0;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status, (void)kind, (void)walk;
    return remove(path);
}

void folder_remove(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int copy_octets(int from, int to, const char *path, struct smki_error *err)
{
    uint8_t *buffer = malloc(256 * 1024);
    ssize_t n = 0;
    int rc = 0;

    if (buffer == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    while (rc == 0 && (n = read(from, buffer, 256 * 1024)) > 0)
        for (ssize_t done = 0, m; done < n && rc == 0; done += m > 0 ? m : 0)
            if ((m = write(to, buffer + done, (size_t)(n - done))) < 0 && errno != EINTR)
                rc = smki_fail_errno(err, errno, "%s", path);
    if (rc == 0 && (n < 0 || fsync(to) != 0))
        rc = smki_fail_errno(err, errno, "%s", path);
    free(buffer);
    return rc;
}

int file_copy(const char *from, const char *to, struct smki_error *err)
{
    struct stat status;
    int rc = 0, in = open(from, O_RDONLY | O_CLOEXEC), out = -1;

    if (in < 0 || fstat(in, &status) != 0)
        rc = smki_fail_errno(err, errno, "%s", from);
    else if ((out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, status.st_mode & 0777)) < 0)
        rc = smki_fail_errno(err, errno, "%s", to);
    else
        rc = copy_octets(in, out, to, err);
    if (out >= 0 && close(out) != 0 && rc == 0)
        rc = smki_fail_errno(err, errno, "%s", to);
    if (in >= 0)
        close(in);
    return rc;
}

int folder_copy(const char *from, const char *to, struct smki_error *err)
{
    DIR *folder = opendir(from);
    const struct dirent *entry;
    char in[PATH_MAX], out[PATH_MAX];
    int rc = 0;

    if (folder == NULL)
        return smki_fail_errno(err, errno, "%s", from);
    while (rc == 0 && (entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        if ((rc = path_join(in, sizeof(in), from, entry->d_name, err)) == 0 &&
            (rc = path_join(out, sizeof(out), to, entry->d_name, err)) == 0)
            rc = file_copy(in, out, err);
        if (rc == SMKI_NOT_FOUND) /* an upload whose time was over went away in between: nothing in the copied store asks for it */
            rc = 0;
    }
    closedir(folder);
    return rc;
}
