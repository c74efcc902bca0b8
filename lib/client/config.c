/* The client's configuration file, by the rules of the home's smki.json (smki/config.h). */
#include "config/settings_i.h"

#include <smki/client.h>

#include <string.h>

#define DURATION_MAX (30 * SMKI_DAY)

enum kind { KIND_TEXT, KIND_FILE, KIND_KEY, KIND_DURATION };

static const struct key {
    const char *path;
    enum kind kind;
    size_t offset;
} keys[] = {
    {"adhoc.url", KIND_TEXT, offsetof(struct smki_client_config, adhoc.url)},
    {"adhoc.certificate", KIND_FILE, offsetof(struct smki_client_config, adhoc.certificate)},
    {"adhoc.key", KIND_KEY, offsetof(struct smki_client_config, adhoc.key)},
    {"adhoc.passphrase_file", KIND_FILE, offsetof(struct smki_client_config, adhoc.passphrase_file)},
    {"adhoc.pace", KIND_DURATION, offsetof(struct smki_client_config, pace)},
    {"batch.url", KIND_TEXT, offsetof(struct smki_client_config, batch.url)},
    {"batch.certificate", KIND_FILE, offsetof(struct smki_client_config, batch.certificate)},
    {"batch.key", KIND_KEY, offsetof(struct smki_client_config, batch.key)},
    {"batch.passphrase_file", KIND_FILE, offsetof(struct smki_client_config, batch.passphrase_file)},
    {"server_ca", KIND_FILE, offsetof(struct smki_client_config, server_ca)},
    {"chain", KIND_FILE, offsetof(struct smki_client_config, chain)},
    {"state", KIND_FILE, offsetof(struct smki_client_config, state)},
    {"proxy", KIND_TEXT, offsetof(struct smki_client_config, proxy)},
    {"timeout", KIND_DURATION, offsetof(struct smki_client_config, timeout)},
    {"patience", KIND_DURATION, offsetof(struct smki_client_config, patience)},
};

struct reading {
    struct smki_client_config *config;
    const char *folder; /* "": the current one */
};

static const char *key_path(size_t index)
{
    return keys[index].path;
}

static int text_take(char out[SMKI_CLIENT_TEXT_SIZE], const struct reading *reading, enum kind kind, const char *text,
                     struct smki_error *err)
{
    const bool is_file = kind == KIND_FILE || (kind == KIND_KEY && strncmp(text, "pkcs11:", 7) != 0);
    const bool from_folder = is_file && text[0] != '/' && text[0] != '\0' && reading->folder[0] != '\0';

    if (snprintf(out, SMKI_CLIENT_TEXT_SIZE, "%s%s%s", from_folder ? reading->folder : "", from_folder ? "/" : "", text) >=
        SMKI_CLIENT_TEXT_SIZE)
        return smki_fail(err, SMKI_CONFIG_INVALID, "it is longer than %d octets", SMKI_CLIENT_TEXT_SIZE - 1);
    return 0;
}

static int key_take(void *context, size_t index, const cJSON *value, struct smki_error *err)
{
    const struct reading *reading = context;
    void *field = (char *)reading->config + keys[index].offset;
    int64_t duration;

    if (!cJSON_IsString(value))
        return smki_fail(err, SMKI_CONFIG_INVALID, "it must be text in quotes%s",
                         keys[index].kind == KIND_DURATION ? ", such as \"0.2 s\"" : "");
    if (keys[index].kind != KIND_DURATION)
        return text_take(field, reading, keys[index].kind, value->valuestring, err);
    if (!duration_read(&duration, value) || duration <= 0 || duration > DURATION_MAX)
        return smki_fail(err, SMKI_CONFIG_INVALID, "it is \"%.40s\", and must be a duration of up to 30 days with ms, s, min, h or days",
                         value->valuestring);
    *(int64_t *)field = duration;
    return 0;
}

int smki_client_config_read(struct smki_client_config *config, const char *path, struct smki_error *err)
{
    char folder[SMKI_CLIENT_TEXT_SIZE] = "";
    const char *slash = strrchr(path, '/');
    struct reading reading = {.config = config, .folder = folder};
    const struct settings settings = {
        .count = ARRAY_COUNT(keys), .path = key_path, .take = key_take, .context = &reading, .list = "smki-client(1)"};

    if (slash != NULL && (size_t)(slash - path) >= sizeof(folder))
        return smki_fail(err, SMKI_TOO_LARGE, "the path %.80s... is longer than %d octets", path, SMKI_CLIENT_TEXT_SIZE - 1);
    if (slash != NULL)
        snprintf(folder, sizeof(folder), "%.*s", slash == path ? 1 : (int)(slash - path), path);
    return settings_read(&settings, path, err);
}
