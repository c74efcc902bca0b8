/* What is known of the files of the Authentication Client. One that was withdrawn keeps its row, so that its number stays its own. */
#include "registry/document_i.h"

#include <string.h>

cJSON *smki_installer_json(const struct smki_installer *installer)
{
    cJSON *object = cJSON_CreateObject();
    bool ok = json_number(object, "number", installer->number) && json_text(object, "version", installer->version) &&
              json_text(object, "platform", installer->platform) && json_text(object, "name", installer->name) &&
              json_number(object, "size", installer->size) && json_hex(object, "sha256", BYTES(installer->sha256, SHA256_SIZE)) &&
              json_text(object, "signer", installer->signer) && json_time(object, "published_at", installer->published_at);

    return json_complete(object, ok);
}

const char *smki_installer_sha256_line(const struct smki_installer *installer, char out[SMKI_SHA256_LINE_SIZE])
{
    char hex[2 * SHA256_SIZE + 1];

    snprintf(out, SMKI_SHA256_LINE_SIZE, "%s  %s\n", hex_encode(hex, installer->sha256, SHA256_SIZE), installer->name);
    return out;
}

/* Reads an opened document, and closes it. */
static int installer_read(struct document *row, struct smki_installer *out, bool *withdrawn, struct smki_error *err)
{
    *out = (struct smki_installer){.number = row->number};
    document_text(row, "version", out->version, sizeof(out->version));
    document_text(row, "platform", out->platform, sizeof(out->platform));
    document_text(row, "name", out->name, sizeof(out->name));
    out->size = document_number(row, "size");
    document_hex(row, "sha256", out->sha256, sizeof(out->sha256));
    document_text(row, "signer", out->signer, sizeof(out->signer));
    out->published_at = document_time(row, "published_at");
    out->signature_size = document_number(row, "signature_size");
    document_hex(row, "signature_sha256", out->signature_sha256, sizeof(out->signature_sha256));
    *withdrawn = document_time(row, "withdrawn_at").us != 0;
    return document_close(row, err);
}

static int installer_put(struct store_change *change, const struct smki_installer *installer, struct smki_time withdrawn_at,
                         struct smki_error *err)
{
    cJSON *object = smki_installer_json(installer);
    bool ok = object != NULL && json_number(object, "signature_size", installer->signature_size) &&
              json_hex(object, "signature_sha256", BYTES(installer->signature_sha256, SHA256_SIZE)) &&
              json_time(object, "withdrawn_at", withdrawn_at);

    return document_put(change, STORE_INSTALLER, installer->number, json_complete(object, ok), err);
}

int installer_get(struct store_view *view, uint64_t number, struct smki_installer *out, struct smki_error *err)
{
    struct document row;
    bool withdrawn;
    int rc;

    if ((rc = document_open(&row, view, STORE_INSTALLER, number, "file of the Authentication Client", err)) != 0 ||
        (rc = installer_read(&row, out, &withdrawn, err)) != 0)
        return rc;
    return withdrawn ? smki_fail(err, SMKI_NOT_FOUND, "file %llu of the Authentication Client was withdrawn", (unsigned long long)number)
                     : 0;
}

int installer_next(struct store_view *view, uint64_t number, struct smki_installer *out, struct smki_error *err)
{
    struct document row;
    bool withdrawn;
    int rc;

    while ((rc = document_open_next(&row, view, STORE_INSTALLER, &number, "file of the Authentication Client", err)) == 0 &&
           (rc = installer_read(&row, out, &withdrawn, err)) == 0)
        if (!withdrawn)
            return 0;
    return rc;
}

/* ---- publishing ---- */

/* "linux-amd64": a system that there are instructions for, alone or with a hyphen and more. */
static bool is_platform(const char *text)
{
    static const char *const systems[] = {"windows", "macos", "linux"};
    static const char more[] = "abcdefghijklmnopqrstuvwxyz0123456789_-";

    for (size_t i = 0; i < ARRAY_COUNT(systems); i++) {
        size_t size = strlen(systems[i]);
        if (strncmp(text, systems[i], size) == 0 && (text[size] == '\0' || (text[size] == '-' && text[size + 1] != '\0')))
            return text[size + strspn(text + size, more)] == '\0';
    }
    return false;
}

int installer_check(const struct smki_installer *installer, struct smki_error *err)
{
    static const char version[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-+_~";
    const size_t size = strnlen(installer->version, sizeof(installer->version));

    if (size == 0 || size == sizeof(installer->version) || strspn(installer->version, version) != size)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "a version is 1 to %zu letters, digits and .-+_~, such as 1.4.2",
                         sizeof(installer->version) - 1);
    if (strnlen(installer->platform, sizeof(installer->platform)) == sizeof(installer->platform) || !is_platform(installer->platform))
        return smki_fail(err, SMKI_INVALID_ARGUMENT,
                         "a platform is windows, macos or linux, or one of these with more after a hyphen, such as linux-amd64");
    return 0;
}

static int is_new(struct store_view *view, const struct smki_installer *installer, struct smki_error *err)
{
    struct smki_installer one = {.number = 0};
    struct smki_error why = {0};
    int rc;

    while ((rc = installer_next(view, one.number, &one, &why)) == 0)
        if (strcmp(one.version, installer->version) == 0 && strcmp(one.platform, installer->platform) == 0)
            return smki_fail(err, SMKI_ALREADY_EXISTS,
                             "version %s for %s is published as file %llu; withdraw that, or give another version", one.version,
                             one.platform, (unsigned long long)one.number);
    return rc == SMKI_NOT_FOUND ? 0 : smki_fail(err, rc, "%s", why.text);
}

static int installer_record(struct store_change *change, const struct smki_actor *actor, const char *what,
                            const struct smki_installer *installer, struct smki_error *err)
{
    struct phrase phrase = {0};
    char hex[2 * SHA256_SIZE + 1];

    phrase_add(&phrase, "%s, sha256 %s", what, hex_encode(hex, installer->sha256, SHA256_SIZE));
    phrase_add(&phrase, "version %s for %s", installer->version, installer->platform);
    phrase_add(&phrase, "signed by %s", installer->signer);
    return record_act(change, actor, SMKI_ACT_INSTALLER, 0, installer->number, phrase.text, err);
}

int installer_add(struct store_change *change, const struct smki_actor *actor, struct smki_installer *installer, struct smki_error *err)
{
    const struct smki_time never = {0};
    int rc;

    if ((rc = is_new(store_change_view(change), installer, err)) != 0 ||
        (rc = store_next_number(change, STORE_COUNT_INSTALLER, &installer->number, err)) != 0)
        return rc;
    installer->published_at = store_change_time(change);
    if ((rc = installer_put(change, installer, never, err)) != 0)
        return rc;
    return installer_record(change, actor, "published", installer, err);
}

int installer_withdraw(struct store_change *change, const struct smki_actor *actor, uint64_t number, struct smki_error *err)
{
    struct smki_installer installer;
    int rc;

    if ((rc = installer_get(store_change_view(change), number, &installer, err)) != 0 ||
        (rc = installer_put(change, &installer, store_change_time(change), err)) != 0)
        return rc;
    return installer_record(change, actor, "withdrawn", &installer, err);
}
