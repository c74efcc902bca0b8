/* The client's configuration file, by the rules of the home's smki.json (smki/config.h). */
#include "base/base_i.h"

#include <smki/client.h>

#include <cjson/cJSON.h>
#include <string.h>

#define CONFIG_MAX_SIZE (1u << 20)
#define KEYS_MAX        32
#define PATH_SIZE       128

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

_Static_assert(ARRAY_COUNT(keys) <= KEYS_MAX, "reading.seen has room for every key");

struct reading {
    struct smki_client_config *config;
    const char *folder; /* "": the current one */
    bool seen[KEYS_MAX];
};

/* ---- values ---- */

/* "0.2 s": digits, at most six after a point, a unit. Above 0 and at most 30 days. */
static bool duration_read(int64_t *out, const char *text)
{
    static const struct {
        const char *name;
        int64_t worth;
    } units[] = {{"ms", SMKI_SECOND / 1000}, {"s", SMKI_SECOND}, {"min", SMKI_MINUTE}, {"h", SMKI_HOUR}, {"days", SMKI_DAY}};
    size_t whole = strspn(text, "0123456789"), part = text[whole] == '.' ? strspn(text + whole + 1, "0123456789") : 0;
    int64_t number = 0, scale = 1;
    const char *unit = text + whole + (part != 0 ? part + 1 : 0);

    if (whole == 0 || whole > 9 || part > 6)
        return false;
    for (const char *at = text; at < unit; at++) {
        if (*at == '.')
            continue;
        number = number * 10 + (*at - '0');
        scale *= at >= text + whole ? 10 : 1;
    }
    unit += strspn(unit, " ");
    for (size_t i = 0; i < ARRAY_COUNT(units); i++)
        if (strcmp(unit, units[i].name) == 0 && !__builtin_mul_overflow(number, units[i].worth, out)) {
            *out /= scale;
            return *out > 0 && *out <= 30 * SMKI_DAY;
        }
    return false;
}

static int text_read(char out[SMKI_CLIENT_TEXT_SIZE], const struct reading *reading, const struct key *key, const char *text,
                     struct smki_error *err)
{
    const bool is_file = key->kind == KIND_FILE || (key->kind == KIND_KEY && strncmp(text, "pkcs11:", 7) != 0);
    const bool from_folder = is_file && text[0] != '/' && text[0] != '\0' && reading->folder[0] != '\0';

    if (snprintf(out, SMKI_CLIENT_TEXT_SIZE, "%s%s%s", from_folder ? reading->folder : "", from_folder ? "/" : "", text) >=
        SMKI_CLIENT_TEXT_SIZE)
        return smki_fail(err, SMKI_CONFIG_INVALID, "%s: it is longer than %d octets", key->path, SMKI_CLIENT_TEXT_SIZE - 1);
    return 0;
}

static int value_read(struct reading *reading, size_t index, const cJSON *value, struct smki_error *err)
{
    const struct key *key = &keys[index];
    void *field = (char *)reading->config + key->offset;

    if (reading->seen[index])
        return smki_fail(err, SMKI_CONFIG_INVALID, "%s: it is there twice", key->path);
    reading->seen[index] = true;
    if (!cJSON_IsString(value))
        return smki_fail(err, SMKI_CONFIG_INVALID, "%s: it must be text in quotes%s", key->path,
                         key->kind == KIND_DURATION ? ", such as \"0.2 s\"" : "");
    if (key->kind != KIND_DURATION)
        return text_read(field, reading, key, value->valuestring, err);
    if (!duration_read(field, value->valuestring))
        return smki_fail(err, SMKI_CONFIG_INVALID,
                         "%s: it is \"%.40s\", and must be a duration of up to 30 days with ms, s, min, h or days", key->path,
                         value->valuestring);
    return 0;
}

/* ---- names ---- */

static bool is_group(const char *path)
{
    return strcmp(path, "adhoc") == 0 || strcmp(path, "batch") == 0;
}

static int unknown_key(const char *path, struct smki_error *err)
{
    const char *paths[KEYS_MAX], *meant;

    for (size_t i = 0; i < ARRAY_COUNT(keys); i++)
        paths[i] = keys[i].path;
    meant = nearest_word(path, paths, ARRAY_COUNT(keys));
    return smki_fail(err, SMKI_CONFIG_INVALID, "\"%s\": there is no such key%s%s%s", path, meant != NULL ? "; did you mean " : "",
                     meant != NULL ? meant : "", meant != NULL ? "?" : "; smki-client(1) lists them");
}

static int member_read(struct reading *reading, const char *group, const cJSON *item, struct smki_error *err);

static int members_read(struct reading *reading, const char *group, const cJSON *object, struct smki_error *err)
{
    const cJSON *item;
    int rc = 0;

    cJSON_ArrayForEach(item, object)
    {
        if ((rc = member_read(reading, group, item, err)) != 0)
            break;
    }
    return rc;
}

static int member_read(struct reading *reading, const char *group, const cJSON *item, struct smki_error *err)
{
    char path[PATH_SIZE];

    if (snprintf(path, sizeof(path), "%s%s%s", group, group[0] != '\0' ? "." : "", item->string) >= (int)sizeof(path))
        return smki_fail(err, SMKI_CONFIG_INVALID, "%.60s...: there is no such key", path);
    for (size_t i = 0; i < ARRAY_COUNT(keys); i++)
        if (strcmp(keys[i].path, path) == 0)
            return value_read(reading, i, item, err);
    if (!is_group(path))
        return unknown_key(path, err);
    if (!cJSON_IsObject(item))
        return smki_fail(err, SMKI_CONFIG_INVALID, "%s: it is a group of keys, and must be an object: {...}", path);
    return members_read(reading, path, item, err);
}

/* ---- the file ---- */

/* cJSON stopped at `at`, or just before. */
static int not_json(const char *text, const char *at, struct smki_error *err)
{
    size_t shown;

    while (at > text && strchr(" \t\r\n", *at) != NULL) /* the NUL too */
        at--;
    shown = strcspn(at, "\r\n");
    return smki_fail(err, SMKI_CONFIG_INVALID, "line %zu: not JSON near '%.*s'; a comma missing or too many, or something not closed?",
                     line_of(text, at), shown < 20 ? (int)shown : 20, at);
}

static int root_read(struct reading *reading, char *text, size_t size, struct smki_error *err)
{
    const char *end = text;
    cJSON *root;
    int rc;

    if ((rc = comments_blank(text, err)) != 0)
        return rc;
    if ((root = cJSON_ParseWithLengthOpts(text, size + 1, &end, true)) == NULL)
        return not_json(text, end, err);
    if (!cJSON_IsObject(root))
        rc = smki_fail(err, SMKI_CONFIG_INVALID, "a configuration is a JSON object: {...}");
    else
        rc = members_read(reading, "", root, err);
    cJSON_Delete(root);
    return rc;
}

static int file_parse(struct smki_client_config *config, struct smki_buffer *file, const char *folder, struct smki_error *err)
{
    struct reading reading = {.config = config, .folder = folder};
    int rc;

    if (file->size != 0 && memchr(file->at, '\0', file->size) != NULL)
        return smki_fail(err, SMKI_CONFIG_INVALID, "it holds an octet of value 0; it must be text in UTF-8");
    if ((rc = smki_buffer_append(file, "", 1, err)) != 0)
        return rc;
    return root_read(&reading, (char *)file->at, file->size - 1, err);
}

int smki_client_config_read(struct smki_client_config *config, const char *path, struct smki_error *err)
{
    char folder[SMKI_CLIENT_TEXT_SIZE] = "";
    const char *slash = strrchr(path, '/');
    struct smki_buffer file = {0};
    int rc;

    if (slash != NULL && (size_t)(slash - path) >= sizeof(folder))
        return smki_fail(err, SMKI_TOO_LARGE, "the path %.80s... is longer than %d octets", path, SMKI_CLIENT_TEXT_SIZE - 1);
    if (slash != NULL)
        snprintf(folder, sizeof(folder), "%.*s", slash == path ? 1 : (int)(slash - path), path);
    if ((rc = file_read(&file, path, CONFIG_MAX_SIZE, err)) == 0 && (rc = file_parse(config, &file, folder, err)) != 0)
        smki_error_prefix(err, "%s", path);
    smki_buffer_finish(&file);
    return rc;
}
