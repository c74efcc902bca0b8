/* A copy of the store while everything runs: LMDB copies one consistent state, and writers go on meanwhile. */
#include "store/engine_i.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

static int folder_is_empty(const char *folder, struct smki_error *err)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    bool empty = true;

    if (dir == NULL)
        return smki_fail_errno(err, errno, "%s", folder);
    while (empty && (entry = readdir(dir)) != NULL)
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    closedir(dir);
    return empty ? 0 : smki_fail(err, SMKI_STORE_NOT_EMPTY, "%s: a backup goes into an empty folder, this one is not", folder);
}

/* In the gate like a view, so that the map stays where it is: LMDB reads the copy through it. */
static int copy(struct smki_store *store, int fd, bool compact, const char *path, struct smki_error *err)
{
    struct store_view *view;
    int rc;

    if ((rc = store_view_begin(store, &view, err)) != 0)
        return rc;
    rc = mdb_env_copyfd2(store->env, fd, compact ? MDB_CP_COMPACT : 0);
    store_view_end(view);
    if (rc > 0)
        return smki_fail_errno(err, rc, "%s: copying the store", path);
    return rc != 0 ? lmdb_fail(store, err, rc, "copying the store") : 0;
}

/* Under another name until it is whole. */
static int copy_whole(struct smki_store *store, const char *folder, const char *part, const char *path, bool compact,
                      struct smki_error *err)
{
    int fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int rc;

    if (fd < 0)
        return smki_fail_errno(err, errno, "%s", part);
    if ((rc = copy(store, fd, compact, part, err)) == 0 && fsync(fd) != 0)
        rc = smki_fail_errno(err, errno, "%s", part);
    if (close(fd) != 0 && rc == 0)
        rc = smki_fail_errno(err, errno, "%s", part);
    if (rc == 0 && rename(part, path) != 0)
        rc = smki_fail_errno(err, errno, "%s", path);
    if (rc != 0) {
        unlink(part);
        return rc;
    }
    return folder_sync(folder, err);
}

int smki_store_backup(struct smki_store *store, const char *folder, bool compact, struct smki_error *err)
{
    char part[PATH_MAX], path[PATH_MAX];
    int rc;

    if ((rc = folder_is_empty(folder, err)) != 0 || (rc = path_join(part, sizeof(part), folder, "data.mdb.part", err)) != 0 ||
        (rc = path_join(path, sizeof(path), folder, "data.mdb", err)) != 0)
        return rc;
    return copy_whole(store, folder, part, path, compact, err);
}
