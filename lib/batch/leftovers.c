/* What killed processes leave in a home: uploads that never became a batch, signs of life of runners that are dead. Only old ones go: an
 * upload may still be coming in, and a runner has its file a moment before the lock on it. */
#include "batch/batch_i.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* seconds since the last write */
#define UPLOAD_AGE 86400
#define RUNNER_AGE 60 /* enough for the step from the file to its lock; it says nothing of how long a runner lives */

/* Names of files, sorted, each in SMKI_BATCH_FILE_SIZE octets. */
struct names {
    struct smki_buffer text;
};

static int compare_names(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* The uploads that batches still need. */
static int names_read(struct names *names, struct smki_service *service, struct smki_error *err)
{
    struct smki_batch batch = {.id = 0};
    int rc;

    while ((rc = smki_batch_next(service, batch.id, &batch, err)) == 0)
        if (!batch.expired && (rc = smki_buffer_append(&names->text, batch.file, sizeof(batch.file), err)) != 0)
            return rc;
    if (rc == SMKI_NOT_FOUND && names->text.size > 0)
        qsort(names->text.at, names->text.size / SMKI_BATCH_FILE_SIZE, SMKI_BATCH_FILE_SIZE, compare_names);
    return rc == SMKI_NOT_FOUND ? 0 : rc;
}

static bool names_have(const struct names *names, const char *name)
{
    return names->text.size > 0 &&
           bsearch(name, names->text.at, names->text.size / SMKI_BATCH_FILE_SIZE, SMKI_BATCH_FILE_SIZE, compare_names) != NULL;
}

typedef void (*leftover_fn)(struct smki_service *service, int folder, const char *name, const void *context);

static void drop_upload(struct smki_service *service, int folder, const char *name, const void *context)
{
    (void)service;
    if (!names_have(context, name))
        unlinkat(folder, name, 0); /* what cannot be removed is tried again by the next run */
}

static void drop_runner(struct smki_service *service, int folder, const char *name, const void *context)
{
    uint8_t id[RUNNER_ID_SIZE];

    (void)folder, (void)context;
    if (hex_decode(id, sizeof(id), name, strlen(name), NULL) == 0)
        runner_lives(service, id); /* removes the file of a dead one */
}

/* Calls `drop` for the files of a folder of the home that are `age` seconds old. */
static int folder_look(struct smki_service *service, const char *name, int64_t age, leftover_fn drop, const void *context,
                       struct smki_error *err)
{
    const int64_t now = smki_clock_system.now(NULL).us / SMKI_SECOND; /* files are dated by the system's clock */
    const struct dirent *entry;
    char path[PATH_MAX];
    struct stat status;
    DIR *folder;
    int rc = home_path(service, path, name, err);

    if (rc != 0)
        return rc;
    if ((folder = opendir(path)) == NULL && errno == ENOENT)
        return smki_fail(err, SMKI_NOT_FOUND, "%s: this folder of the home is gone; restore a backup with 'smki restore'", path);
    if (folder == NULL)
        return smki_fail_errno(err, errno, "%s", path);
    while ((entry = readdir(folder)) != NULL)
        if (fstatat(dirfd(folder), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode) &&
            now - status.st_mtime >= age)
            drop(service, dirfd(folder), entry->d_name, context);
    closedir(folder);
    return 0;
}

int leftovers_remove(struct smki_service *service, struct smki_error *err)
{
    struct names names = {0};
    int rc = names_read(&names, service, err);

    if (rc == 0 && (rc = folder_look(service, SMKI_HOME_BATCHES, UPLOAD_AGE, drop_upload, &names, err)) == 0)
        rc = folder_look(service, SMKI_HOME_RUNNERS, RUNNER_AGE, drop_runner, NULL, err);
    smki_buffer_finish(&names.text);
    return rc;
}
