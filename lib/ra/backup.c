/* Backup while everything runs, and restore. The store's copy is one consistent state; uploads are made durable before the store knows of
 * them, so the files copied after the store are at least those that its copy asks for. */
#include "ra/kept_i.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define STORE_UNFINISHED "unfinished" /* the store's copy until all the rest is there */

struct backup_note {
    const struct smki_actor *actor;
    enum smki_act act;
    const char *folder;
};

static int backup_change(struct store_change *change, void *argument, struct smki_error *err)
{
    const struct backup_note *note = argument;
    struct smki_audit_record record = {.act = note->act, .actor = *note->actor};

    snprintf(record.detail, sizeof(record.detail), "%.*s", (int)sizeof(record.detail) - 1, note->folder);
    return store_record(change, &record, err);
}

static int copy_below(const char *from, const char *to, const char *name, struct smki_error *err)
{
    char in[PATH_MAX], out[PATH_MAX];
    int rc;

    if ((rc = path_join(in, sizeof(in), from, name, err)) != 0 || (rc = path_join(out, sizeof(out), to, name, err)) != 0)
        return rc;
    return folder_copy(in, out, NULL, err);
}

/* A folder that a home of an earlier version may not have. */
static int copy_later(const char *from, const char *to, const char *name, const char *but, struct smki_error *err)
{
    char in[PATH_MAX], out[PATH_MAX];
    struct stat status;
    int rc;

    if ((rc = path_join(in, sizeof(in), from, name, err)) != 0 || (rc = path_join(out, sizeof(out), to, name, err)) != 0)
        return rc;
    if (stat(in, &status) != 0 && errno == ENOENT)
        return 0;
    return folder_copy(in, out, but, err);
}

static int copy_config(const char *from, const char *to, struct smki_error *err)
{
    char in[PATH_MAX], out[PATH_MAX];
    struct stat status;
    int rc;

    if ((rc = path_join(in, sizeof(in), from, SMKI_HOME_CONFIG, err)) != 0 ||
        (rc = path_join(out, sizeof(out), to, SMKI_HOME_CONFIG, err)) != 0)
        return rc;
    if (stat(in, &status) != 0 && errno == ENOENT) /* every key of it is optional, and so is the file */
        return 0;
    return file_copy(in, out, err);
}

static int copy_rest(const char *from, const char *to, bool without_keys, struct smki_error *err)
{
    int rc;

    if ((rc = copy_config(from, to, err)) != 0 || (rc = copy_below(from, to, SMKI_HOME_CA, err)) != 0 ||
        (rc = copy_below(from, to, SMKI_HOME_BATCHES, err)) != 0 ||
        (rc = copy_later(from, to, SMKI_HOME_TLS, without_keys ? ".key" : NULL, err)) != 0 ||
        (rc = copy_later(from, to, SMKI_HOME_DOCUMENTS, NULL, err)) != 0 || (rc = copy_later(from, to, SMKI_HOME_CLIENT, NULL, err)) != 0)
        return rc;
    return without_keys ? 0 : copy_below(from, to, SMKI_HOME_KEYS, err);
}

static int backup_copy(struct smki_service *service, const char *folder, bool without_keys, struct smki_error *err)
{
    char store[PATH_MAX], unfinished[PATH_MAX];
    int rc;

    if ((rc = path_join(store, sizeof(store), folder, SMKI_HOME_STORE, err)) != 0 ||
        (rc = path_join(unfinished, sizeof(unfinished), folder, STORE_UNFINISHED, err)) != 0 || (rc = home_folders_make(folder, err)) != 0)
        return rc;
    if (mkdir(unfinished, 0700) != 0)
        return smki_fail_errno(err, errno, "%s", unfinished);
    if ((rc = smki_store_backup(service->store, unfinished, true, err)) != 0 ||
        (rc = copy_rest(service->home, folder, without_keys, err)) != 0)
        return rc;
    if ((rc = home_sync(folder, err)) != 0) /* all else is on the disk before the store says that this is a backup */
        return rc;
    return rename(unfinished, store) != 0 ? smki_fail_errno(err, errno, "%s", store) : 0;
}

/* As long as no document or installer is removed between the store's copy and that of the files, each row has its file. */
static int backup_write(struct smki_service *service, const char *folder, bool without_keys, struct smki_error *err)
{
    int documents, client = -1, rc = kept_hold_shared(service, SMKI_HOME_DOCUMENTS, &documents, err);

    if (rc == 0 && (rc = kept_hold_shared(service, SMKI_HOME_CLIENT, &client, err)) == 0)
        rc = backup_copy(service, folder, without_keys, err);
    kept_release(client);
    kept_release(documents);
    return rc;
}

int smki_service_backup(struct smki_service *service, const struct smki_actor *actor, const char *folder, bool without_keys,
                        struct smki_error *err)
{
    struct backup_note note = {.actor = actor, .act = SMKI_ACT_BACKUP, .folder = folder};
    struct folder_claim claim;
    int rc;

    if ((rc = folder_claim(&claim, folder, err)) != 0)
        return rc;
    if ((rc = store_change(service->store, backup_change, &note, err)) != 0 ||
        (rc = backup_write(service, folder, without_keys, err)) != 0) {
        folder_undo(&claim);
        return rc;
    }
    return folder_keep(&claim, err);
}

/* A restored home proves itself by opening, and says in its log where it came from. */
static int restored_check(const char *folder, const char *home, const struct smki_service_options *options, struct smki_error *err)
{
    struct smki_actor actor = {.name = "restore", .interface = SMKI_INTERFACE_OPERATOR};
    struct backup_note note = {.actor = &actor, .act = SMKI_ACT_RESTORE, .folder = folder};
    struct smki_service *service;
    char key[PATH_MAX], keys[PATH_MAX];
    struct stat status;
    int rc;

    if ((rc = path_join(keys, sizeof(keys), home, SMKI_HOME_KEYS, err)) != 0 ||
        (rc = path_join(key, sizeof(key), keys, "audit.key", err)) != 0)
        return rc;
    if (stat(key, &status) != 0) /* a backup without keys: they are to be put in place before the home can be opened */
        return 0;
    if ((rc = smki_service_open(&service, home, options, err)) != 0)
        return rc;
    rc = store_change(service->store, backup_change, &note, err);
    smki_service_close(service);
    return rc;
}

/* Is it one, and was it ended? */
static int backup_check(const char *folder, struct smki_error *err)
{
    char store[PATH_MAX];
    struct stat status;
    int rc;

    if ((rc = path_join(store, sizeof(store), folder, SMKI_HOME_STORE, err)) != 0)
        return rc;
    if (stat(store, &status) != 0 || !S_ISDIR(status.st_mode))
        return smki_fail(err, SMKI_STORE_MISSING, "%s: this is not a backup; one is made with 'smki backup'", folder);
    if (folder_check_empty(store, NULL) == 0)
        return smki_fail(err, SMKI_STORE_MISSING, "%s: this backup was broken off before its end; make another with 'smki backup'", folder);
    return 0;
}

int smki_service_restore(const char *folder, const char *home, const struct smki_service_options *options, struct smki_error *err)
{
    struct folder_claim claim;
    int rc;

    if ((rc = backup_check(folder, err)) != 0 || (rc = folder_claim(&claim, home, err)) != 0)
        return rc;
    if ((rc = home_folders_make(home, err)) != 0 || (rc = copy_below(folder, home, SMKI_HOME_STORE, err)) != 0 ||
        (rc = copy_rest(folder, home, false, err)) != 0 || (rc = home_sync(home, err)) != 0 ||
        (rc = restored_check(folder, home, options, err)) != 0) {
        folder_undo(&claim);
        return rc;
    }
    return folder_keep(&claim, err);
}
