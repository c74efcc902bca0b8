/* The document library: a file comes before its row and goes after it, so that every row has its file. */
#include "ra/kept_i.h"

#include <string.h>

static struct kept_file file_of(const struct smki_document *document)
{
    struct kept_file file = {.size = document->size};

    memcpy(file.sha256, document->sha256, sizeof(file.sha256));
    return file;
}

/* The folder is held. Removes the file unless a document is left that needs it: the same octets may have two titles. */
static int file_drop(struct smki_service *service, const uint8_t sha256[SHA256_SIZE], struct smki_error *err)
{
    struct smki_document one = {.number = 0};
    struct smki_error why = {0};
    int rc;

    while ((rc = smki_document_next(service, one.number, &one, &why)) == 0)
        if (memcmp(one.sha256, sha256, SHA256_SIZE) == 0)
            return 0;
    if (rc != SMKI_NOT_FOUND)
        return smki_fail(err, rc, "%s", why.text);
    return kept_remove(service, SMKI_HOME_DOCUMENTS, sha256, err);
}

struct library_change {
    const struct smki_actor *actor;
    const struct smki_document *asked;
    struct smki_document made;
    uint64_t number;
};

static int add_change(struct store_change *change, void *argument, struct smki_error *err)
{
    struct library_change *add = argument;

    add->made = *add->asked;
    return library_add(change, add->actor, &add->made, err);
}

static int document_take(struct smki_service *service, const struct smki_actor *actor, const char *path, struct smki_document *document,
                         struct smki_error *err)
{
    struct library_change add = {.actor = actor, .asked = document};
    struct kept_file file;
    int rc = kept_take(service, SMKI_HOME_DOCUMENTS, path, SMKI_DOCUMENT_MAX_SIZE, &file, err);

    if (rc != 0)
        return rc;
    document->size = file.size;
    memcpy(document->sha256, file.sha256, sizeof(document->sha256));
    if ((rc = store_change(service->store, add_change, &add, err)) == 0)
        *document = add.made;
    else
        (void)file_drop(service, file.sha256, NULL); /* what is left is found by nobody */
    return rc;
}

int smki_document_add(struct smki_service *service, const struct smki_actor *actor, const char *path, struct smki_document *document,
                      struct smki_error *err)
{
    int held, rc;

    if ((rc = library_check(document, err)) != 0 || (rc = kept_hold(service, SMKI_HOME_DOCUMENTS, &held, err)) != 0)
        return rc;
    file_name_tidy(document->name, path);
    rc = document_take(service, actor, path, document, err);
    kept_release(held);
    return rc;
}

int smki_document_find(struct smki_service *service, uint64_t number, struct smki_document *out, struct smki_error *err)
{
    struct store_view *view;
    int rc = store_view_begin(service->store, &view, err);

    if (rc != 0)
        return rc;
    rc = library_get(view, number, out, err);
    store_view_end(view);
    return rc;
}

int smki_document_next(struct smki_service *service, uint64_t number, struct smki_document *out, struct smki_error *err)
{
    struct store_view *view;
    int rc = store_view_begin(service->store, &view, err);

    if (rc != 0)
        return rc;
    rc = library_next(view, number, out, err);
    store_view_end(view);
    return rc;
}

/* The row and its file may go between the two looks: it was removed then, and the second look says so. */
int smki_document_open(struct smki_service *service, uint64_t number, int *fd, struct smki_document *out, struct smki_error *err)
{
    struct smki_document document;
    struct kept_file file;
    int rc = smki_document_find(service, number, &document, err);

    if (rc != 0)
        return rc;
    file = file_of(&document);
    if ((rc = kept_open(service, SMKI_HOME_DOCUMENTS, &file, fd, err)) != 0) {
        struct smki_error gone = {0};
        if (rc == SMKI_STORE_CORRUPT && smki_document_find(service, number, &document, &gone) == SMKI_NOT_FOUND)
            return smki_fail(err, SMKI_NOT_FOUND, "%s", gone.text);
        return rc;
    }
    if (out != NULL)
        *out = document;
    return 0;
}

static int remove_change(struct store_change *change, void *argument, struct smki_error *err)
{
    struct library_change *removal = argument;
    int rc = library_get(store_change_view(change), removal->number, &removal->made, err);

    return rc != 0 ? rc : library_remove(change, removal->actor, removal->number, err);
}

int smki_document_remove(struct smki_service *service, const struct smki_actor *actor, uint64_t number, struct smki_error *err)
{
    struct library_change removal = {.actor = actor, .number = number};
    int held, rc = kept_hold(service, SMKI_HOME_DOCUMENTS, &held, err);

    if (rc != 0)
        return rc;
    if ((rc = store_change(service->store, remove_change, &removal, err)) == 0)
        rc = file_drop(service, removal.made.sha256, err);
    kept_release(held);
    return rc;
}
