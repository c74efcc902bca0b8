/* The download area of the Authentication Client: file and signature come before their row and go after it. */
#include "ra/kept_i.h"

#include <cjson/cJSON.h>
#include <string.h>
#include <unistd.h>

#define ADDRESS_SIZE (SMKI_CONFIG_TEXT_SIZE + 64)

static struct kept_file part_of(const struct smki_installer *installer, enum smki_installer_part part)
{
    const bool signature = part == SMKI_INSTALLER_SIGNATURE;
    struct kept_file file = {.size = signature ? installer->signature_size : installer->size};

    memcpy(file.sha256, signature ? installer->signature_sha256 : installer->sha256, sizeof(file.sha256));
    return file;
}

/* The folder is held. Removes the file unless it is needed by an installer that is left. */
static int file_drop(struct smki_service *service, const uint8_t sha256[SHA256_SIZE], struct smki_error *err)
{
    struct smki_installer one = {.number = 0};
    struct smki_error why = {0};
    int rc;

    while ((rc = smki_installer_next(service, one.number, &one, &why)) == 0)
        if (memcmp(one.sha256, sha256, SHA256_SIZE) == 0 || memcmp(one.signature_sha256, sha256, SHA256_SIZE) == 0)
            return 0;
    if (rc != SMKI_NOT_FOUND)
        return smki_fail(err, rc, "%s", why.text);
    return kept_remove(service, SMKI_HOME_CLIENT, sha256, err);
}

static int both_drop(struct smki_service *service, const struct smki_installer *installer, struct smki_error *err)
{
    int rc = file_drop(service, installer->sha256, err);

    return rc != 0 ? rc : file_drop(service, installer->signature_sha256, err);
}

/* ---- publishing ---- */

struct installer_change {
    const struct smki_actor *actor;
    const struct smki_installer *asked;
    struct smki_installer made;
    uint64_t number;
};

static int add_change(struct store_change *change, void *argument, struct smki_error *err)
{
    struct installer_change *add = argument;

    add->made = *add->asked;
    return installer_add(change, add->actor, &add->made, err);
}

/* Over the copy that is kept, so that what is signed is what is published. */
static int copy_sign(struct smki_service *service, const struct smki_signer *signer, struct smki_installer *installer,
                     struct smki_error *err)
{
    const struct kept_file copy = part_of(installer, SMKI_INSTALLER_FILE);
    struct smki_buffer signature = {.max = SMKI_INSTALLER_SIGNATURE_MAX};
    struct kept_file kept;
    int fd, rc = kept_open(service, SMKI_HOME_CLIENT, &copy, &fd, err);

    if (rc != 0)
        return rc;
    rc = signer->sign(signer->context, fd, installer->size, &signature, installer->signer, err);
    close(fd);
    if (rc == 0 && signature.size == 0)
        rc = smki_fail(err, SMKI_INTERNAL, "the signer gave no signature");
    if (rc == 0 && (rc = kept_put(service, SMKI_HOME_CLIENT, BYTES(signature.at, signature.size), &kept, err)) == 0) {
        installer->signature_size = kept.size;
        memcpy(installer->signature_sha256, kept.sha256, sizeof(installer->signature_sha256));
    }
    smki_buffer_finish(&signature);
    return rc;
}

static int installer_take(struct smki_service *service, const struct smki_actor *actor, const char *path, const struct smki_signer *signer,
                          struct smki_installer *installer, struct smki_error *err)
{
    struct installer_change add = {.actor = actor, .asked = installer};
    struct kept_file file;
    int rc = kept_take(service, SMKI_HOME_CLIENT, path, SMKI_INSTALLER_MAX_SIZE, &file, err);

    if (rc != 0)
        return rc;
    installer->size = file.size;
    memcpy(installer->sha256, file.sha256, sizeof(installer->sha256));
    installer->signature_size = 0;
    if ((rc = copy_sign(service, signer, installer, err)) == 0 && (rc = store_change(service->store, add_change, &add, err)) == 0) {
        *installer = add.made;
        return 0;
    }
    if (installer->signature_size == 0)
        (void)file_drop(service, installer->sha256, NULL); /* what is left is found by nobody */
    else
        (void)both_drop(service, installer, NULL);
    return rc;
}

int smki_installer_publish(struct smki_service *service, const struct smki_actor *actor, const char *path, const struct smki_signer *signer,
                           struct smki_installer *installer, struct smki_error *err)
{
    int held, rc;

    if ((rc = installer_check(installer, err)) != 0 || (rc = kept_hold(service, SMKI_HOME_CLIENT, &held, err)) != 0)
        return rc;
    file_name_tidy(installer->name, path);
    rc = installer_take(service, actor, path, signer, installer, err);
    kept_release(held);
    return rc;
}

/* ---- looking ---- */

int smki_installer_find(struct smki_service *service, uint64_t number, struct smki_installer *out, struct smki_error *err)
{
    struct store_view *view;
    int rc = store_view_begin(service->store, &view, err);

    if (rc != 0)
        return rc;
    rc = installer_get(view, number, out, err);
    store_view_end(view);
    return rc;
}

int smki_installer_next(struct smki_service *service, uint64_t number, struct smki_installer *out, struct smki_error *err)
{
    struct store_view *view;
    int rc = store_view_begin(service->store, &view, err);

    if (rc != 0)
        return rc;
    rc = installer_next(view, number, out, err);
    store_view_end(view);
    return rc;
}

int smki_installer_open(struct smki_service *service, uint64_t number, enum smki_installer_part part, int *fd, struct smki_installer *out,
                        struct smki_error *err)
{
    struct smki_installer installer;
    struct kept_file file;
    int rc = smki_installer_find(service, number, &installer, err);

    if (rc != 0)
        return rc;
    file = part_of(&installer, part);
    if ((rc = kept_open(service, SMKI_HOME_CLIENT, &file, fd, err)) != 0) {
        struct smki_error gone = {0};
        if (rc == SMKI_STORE_CORRUPT && smki_installer_find(service, number, &installer, &gone) == SMKI_NOT_FOUND)
            return smki_fail(err, SMKI_NOT_FOUND, "%s", gone.text); /* withdrawn between the two looks */
        return rc;
    }
    if (out != NULL)
        *out = installer;
    return 0;
}

static int withdraw_change(struct store_change *change, void *argument, struct smki_error *err)
{
    struct installer_change *withdrawal = argument;
    int rc = installer_get(store_change_view(change), withdrawal->number, &withdrawal->made, err);

    return rc != 0 ? rc : installer_withdraw(change, withdrawal->actor, withdrawal->number, err);
}

int smki_installer_withdraw(struct smki_service *service, const struct smki_actor *actor, uint64_t number, struct smki_error *err)
{
    struct installer_change withdrawal = {.actor = actor, .number = number};
    int held, rc = kept_hold(service, SMKI_HOME_CLIENT, &held, err);

    if (rc != 0)
        return rc;
    if ((rc = store_change(service->store, withdraw_change, &withdrawal, err)) == 0)
        rc = both_drop(service, &withdrawal.made, err);
    kept_release(held);
    return rc;
}

/* ---- updates.json ---- */

static bool address_add(cJSON *file, const char *name, const char *base, uint64_t number, const char *ending)
{
    char address[ADDRESS_SIZE];

    snprintf(address, sizeof(address), "%.*s/files/%llu%s", SMKI_CONFIG_TEXT_SIZE - 1, base, (unsigned long long)number, ending);
    return cJSON_AddStringToObject(file, name, address) != NULL;
}

/* Into the front of `files`; and it is the latest of its platform, since it was published later than all before. */
static bool update_add(cJSON *latest, cJSON *files, const struct smki_installer *installer, const char *base)
{
    cJSON *file = smki_installer_json(installer);

    if (file == NULL || !cJSON_InsertItemInArray(files, 0, file)) {
        cJSON_Delete(file);
        return false;
    }
    cJSON_DeleteItemFromObjectCaseSensitive(latest, installer->platform);
    return cJSON_AddNumberToObject(latest, installer->platform, (double)installer->number) != NULL &&
           address_add(file, "url", base, installer->number, "") && address_add(file, "signature_url", base, installer->number, ".p7s") &&
           address_add(file, "sha256_url", base, installer->number, ".sha256");
}

int smki_installer_updates(struct cJSON **out, struct smki_service *service, const char *base, struct smki_error *err)
{
    cJSON *root = cJSON_CreateObject(), *latest, *files;
    bool ok = cJSON_AddStringToObject(root, "product", "SMKI Authentication Client") != NULL &&
              cJSON_AddNumberToObject(root, "format", 1) != NULL;
    struct smki_installer one = {.number = 0};
    struct smki_error why = {0};
    int rc = 0;

    latest = cJSON_AddObjectToObject(root, "latest");
    files = cJSON_AddArrayToObject(root, "files");
    ok = ok && latest != NULL && files != NULL;
    while (ok && (rc = smki_installer_next(service, one.number, &one, &why)) == 0)
        ok = update_add(latest, files, &one, base);
    if (ok && rc == SMKI_NOT_FOUND) {
        *out = root;
        return 0;
    }
    cJSON_Delete(root);
    return ok ? smki_fail(err, rc, "%s", why.text) : smki_fail(err, SMKI_NO_MEMORY, NULL);
}
