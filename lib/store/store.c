/* Making, opening and closing a store, and what there is in it. */
#include "store/engine_i.h"

#include <errno.h>
#include <sys/stat.h>

static int folder_check(const char *folder, struct smki_error *err)
{
    struct stat status;

    if (stat(folder, &status) != 0)
        return smki_fail_errno(err, errno, "%s", folder);
    if (!S_ISDIR(status.st_mode))
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "%s: a store needs a folder, this is none", folder);
    if ((status.st_mode & 077) != 0)
        return smki_fail(err, SMKI_PERMISSION, "%s: others can enter this folder; chmod 700 it", folder);
    return 0;
}

int smki_store_create(const char *folder, struct smki_error *err)
{
    struct smki_store *store;
    int rc;

    if ((rc = folder_check(folder, err)) != 0 || (rc = environment_open(&store, folder, ENVIRONMENT_CREATE, err)) != 0)
        return rc;
    rc = databases_create(store, err);
    environment_close(store);
    return rc != 0 ? rc : folder_sync(folder, err);
}

int smki_store_open(struct smki_store **out, const char *folder, const struct smki_clock *clock, struct smki_error *err)
{
    struct smki_store *store;
    int rc;

    *out = NULL;
    if ((rc = environment_open(&store, folder, ENVIRONMENT_OPEN, err)) != 0)
        return rc;
    if (clock != NULL)
        store->clock = *clock;
    if ((rc = databases_open(store, &store->format, err)) == 0) {
        resident_start(store);
        rc = store_upgrade(store, err);
    }
    if (rc != 0)
        environment_close(store);
    else
        *out = store;
    return rc;
}

void smki_store_close(struct smki_store *store)
{
    if (store != NULL)
        environment_close(store);
}

static int certificates_count(struct store_view *view, uint64_t *all, struct smki_error *err)
{
    uint64_t count;
    int rc;

    *all = 0;
    for (enum store_ca ca = STORE_CA_OCA; ca <= STORE_CA_DCA_ROOT; ca++) {
        if ((rc = store_certificate_count(view, ca, &count, err)) != 0)
            return rc;
        *all += count;
    }
    return 0;
}

static int file_size_of(struct smki_store *store, uint64_t *size, struct smki_error *err)
{
    mdb_filehandle_t fd;
    struct stat status;

    if (mdb_env_get_fd(store->env, &fd) != 0 || fstat(fd, &status) != 0)
        return smki_fail_errno(err, errno, "%s", store->folder);
    *size = (uint64_t)status.st_size;
    return 0;
}

int smki_store_statistics(struct smki_store *store, struct smki_store_statistics *out, struct smki_error *err)
{
    struct store_view *view;
    int rc;

    *out = (struct smki_store_statistics){0};
    if ((rc = store_view_begin(store, &view, err)) != 0)
        return rc;
    if ((rc = certificates_count(view, &out->certificates, err)) == 0 && (rc = database_count(view, DB_DEVICES, &out->devices, err)) == 0 &&
        (rc = database_count(view, DB_BATCHES, &out->batches, err)) == 0 &&
        (rc = database_count(view, DB_RECORDS, &out->audit_records, err)) == 0 && (rc = format_get(view, &out->format, err)) == 0)
        rc = file_size_of(store, &out->file_size, err);
    store_view_end(view);
    return rc;
}
