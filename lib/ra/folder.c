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

#define CLAIM ".claim" /* lies in a folder as long as a home or a backup is being made there */

static int claimed_by_another(const char *path, struct smki_error *err)
{
    return smki_fail(err, SMKI_STORE_NOT_EMPTY,
                     "%s: another command is making a home or a backup here, or was killed while it did; if none is at work, remove the "
                     "folder and repeat",
                     path);
}

/* Is there anything but, when it is ours, the claim? */
static int folder_look(const char *path, bool ours, struct smki_error *err)
{
    DIR *folder = opendir(path);
    const struct dirent *entry;
    int rc = 0;

    if (folder == NULL)
        return errno == ENOENT ? 0 : smki_fail_errno(err, errno, "%s", path);
    while (rc == 0 && (entry = readdir(folder)) != NULL) {
        if (strcmp(entry->d_name, CLAIM) == 0)
            rc = ours ? 0 : claimed_by_another(path, err);
        else if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            rc = smki_fail(err, SMKI_STORE_NOT_EMPTY, "%s is not empty (it holds %s); give a new or empty folder", path, entry->d_name);
    }
    closedir(folder);
    return rc;
}

int folder_check_empty(const char *path, struct smki_error *err)
{
    return folder_look(path, false, err);
}

static int claim_file_make(const char *path, struct smki_error *err)
{
    char file[PATH_MAX];
    int fd, rc = path_join(file, sizeof(file), path, CLAIM, err);

    if (rc != 0)
        return rc;
    if ((fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) < 0)
        return errno == EEXIST ? claimed_by_another(path, err) : smki_fail_errno(err, errno, "%s", file);
    close(fd);
    return 0;
}

static int claim_file_remove(const char *path, struct smki_error *err)
{
    char file[PATH_MAX];
    int rc = path_join(file, sizeof(file), path, CLAIM, err);

    if (rc != 0)
        return rc;
    return unlink(file) != 0 ? smki_fail_errno(err, errno, "%s", file) : 0;
}

/* Whoever makes the claim file is the only one, also where mkdir was another's; then what else is there is nobody's who is still at work.
 */
int folder_claim(struct folder_claim *claim, const char *path, struct smki_error *err)
{
    int rc;

    *claim = (struct folder_claim){.made = false};
    if ((size_t)snprintf(claim->path, sizeof(claim->path), "%s", path) >= sizeof(claim->path))
        return smki_fail(err, SMKI_TOO_LARGE, "the path %.80s... is longer than a path can be", path);
    if ((rc = folder_check_empty(path, err)) != 0) /* so that no claim is laid, not for a moment, into what is finished */
        return rc;
    claim->made = mkdir(path, 0700) == 0;
    if (!claim->made && errno != EEXIST)
        return smki_fail_errno(err, errno, "%s", path);
    if ((rc = claim_file_make(path, err)) == 0) {
        if ((rc = folder_look(path, true, err)) == 0 && chmod(path, 0700) != 0)
            rc = smki_fail_errno(err, errno, "%s", path);
        if (rc != 0 && claim_file_remove(path, NULL) != 0)
            return rc; /* it stays, and the next refusal says what to do */
    }
    if (rc != 0 && claim->made)
        rmdir(path); /* not when another has begun in it */
    return rc;
}

int folder_keep(const struct folder_claim *claim, struct smki_error *err)
{
    int rc = claim_file_remove(claim->path, err);

    return rc != 0 ? rc : folder_sync(claim->path, err);
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status, (void)kind, (void)walk;
    return remove(path);
}

/* The claim goes last: until then nobody else begins here. */
void folder_undo(const struct folder_claim *claim)
{
    DIR *folder = opendir(claim->path);
    const struct dirent *entry;
    char path[PATH_MAX];

    if (folder == NULL)
        return;
    while ((entry = readdir(folder)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 && strcmp(entry->d_name, CLAIM) != 0 &&
            path_join(path, sizeof(path), claim->path, entry->d_name, NULL) == 0)
            nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    closedir(folder);
    if (claim_file_remove(claim->path, NULL) == 0 && claim->made)
        rmdir(claim->path);
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

static bool ends_in(const char *name, const char *ending)
{
    size_t size = strlen(name), end = strlen(ending);

    return size >= end && strcmp(name + size - end, ending) == 0;
}

int folder_copy(const char *from, const char *to, const char *but, struct smki_error *err)
{
    DIR *folder = opendir(from);
    const struct dirent *entry;
    char in[PATH_MAX], out[PATH_MAX];
    int rc = 0;

    if (folder == NULL)
        return smki_fail_errno(err, errno, "%s", from);
    while (rc == 0 && (entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] == '.' || (but != NULL && ends_in(entry->d_name, but)))
            continue;
        if ((rc = path_join(in, sizeof(in), from, entry->d_name, err)) == 0 &&
            (rc = path_join(out, sizeof(out), to, entry->d_name, err)) == 0)
            rc = file_copy(in, out, err);
        if (rc == SMKI_NOT_FOUND) /* an upload whose time was over went away in between: nothing in the copied store asks for it */
            rc = 0;
    }
    closedir(folder);
    return rc != 0 ? rc : folder_sync(to, err);
}
