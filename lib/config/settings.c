#include "config/settings_i.h"

#include <string.h>

#define FILE_MAX_SIZE (1u << 20) /* octets: some hundred lines, and room for comments */
#define PATH_SIZE     128

struct reading {
    const struct settings *settings;
    bool seen[SETTINGS_MAX];
};

/* ---- names ---- */

static bool key_find(size_t *index, const struct settings *settings, const char *path)
{
    for (*index = 0; *index < settings->count; (*index)++)
        if (strcmp(settings->path(*index), path) == 0)
            return true;
    return false;
}

/* Do keys lie below this path? */
static bool is_group(const struct settings *settings, const char *path)
{
    const size_t length = strlen(path);

    for (size_t i = 0; i < settings->count; i++)
        if (strncmp(settings->path(i), path, length) == 0 && settings->path(i)[length] == '.')
            return true;
    return false;
}

/* The names that may stand in a group ("": in the file's object): those of keys, and of the groups below it. Returns how many. */
static size_t names_in(const struct settings *settings, const char *group, char names[SETTINGS_MAX][PATH_SIZE],
                       const char *words[SETTINGS_MAX])
{
    const size_t length = strlen(group);
    size_t named = 0;

    for (size_t i = 0; i < settings->count; i++) {
        const char *rest = settings->path(i);

        if (length > 0) {
            if (strncmp(rest, group, length) != 0 || rest[length] != '.')
                continue;
            rest += length + 1;
        }
        snprintf(names[named], PATH_SIZE, "%.*s", (int)strcspn(rest, "."), rest);
        words[named] = names[named];
        named++;
    }
    return named;
}

/* The name in `group` that was meant by `name`: a slip away, or the first part of it ("runner": "run"). NULL: none. */
static const char *name_meant(const struct settings *settings, char names[SETTINGS_MAX][PATH_SIZE], const char *group, const char *name)
{
    const char *words[SETTINGS_MAX], *nearest;
    size_t count = names_in(settings, group, names, words);

    if ((nearest = nearest_word(name, words, count)) != NULL)
        return nearest;
    for (size_t i = 0; i < count; i++)
        if (strncmp(name, words[i], strlen(words[i])) == 0)
            return words[i];
    return NULL;
}

/* The key of another group with this name ("workers": "run.workers"), or, when there is no such group, near this path. NULL: none. */
static const char *path_meant(const struct settings *settings, const char *path, bool grouped)
{
    const char *paths[SETTINGS_MAX], *end = strrchr(path, '.'), *last = end != NULL ? end + 1 : path;

    for (size_t i = 0; i < settings->count; i++) {
        const char *dot = strrchr(settings->path(i), '.');

        if (dot != NULL && strcmp(dot + 1, last) == 0)
            return settings->path(i);
        paths[i] = settings->path(i);
    }
    return grouped ? NULL : nearest_word(path, paths, settings->count);
}

static int unknown_key(const struct settings *settings, const char *path, struct smki_error *err)
{
    char names[SETTINGS_MAX][PATH_SIZE], group[PATH_SIZE] = "";
    const char *dot = strrchr(path, '.'), *name = dot != NULL ? dot + 1 : path, *meant = NULL;
    bool grouped;

    if (dot != NULL)
        snprintf(group, sizeof(group), "%.*s", (int)(dot - path), path);
    grouped = dot != NULL && is_group(settings, group);
    if ((dot == NULL || grouped) && (meant = name_meant(settings, names, group, name)) != NULL)
        return smki_fail(err, SMKI_CONFIG_INVALID, "\"%s\": there is no such key; did you mean %s%s%s?", path, group,
                         dot != NULL ? "." : "", meant);
    if ((meant = path_meant(settings, path, grouped)) != NULL)
        return smki_fail(err, SMKI_CONFIG_INVALID, "\"%s\": there is no such key; did you mean %s?", path, meant);
    return smki_fail(err, SMKI_CONFIG_INVALID, "\"%s\": there is no such key; %s lists them all", path, settings->list);
}

/* ---- reading ---- */

static int key_read(struct reading *reading, size_t index, const char *path, const cJSON *item, struct smki_error *err)
{
    int rc;

    if (reading->seen[index])
        return smki_fail(err, SMKI_CONFIG_INVALID, "%s: it is there twice", path);
    reading->seen[index] = true;
    if ((rc = reading->settings->take(reading->settings->context, index, item, err)) != 0)
        smki_error_prefix(err, "%s", path);
    return rc;
}

/* The members of the file's object (group ""), or of a group's. */
static int members_read(struct reading *reading, const char *group, const cJSON *object, struct smki_error *err)
{
    const cJSON *item;
    char path[PATH_SIZE];
    size_t index;
    int rc = 0;

    cJSON_ArrayForEach(item, object)
    {
        if (snprintf(path, sizeof(path), "%s%s%s", group, group[0] != '\0' ? "." : "", item->string) >= (int)sizeof(path))
            return smki_fail(err, SMKI_CONFIG_INVALID, "%.60s...: there is no such key; %s lists them all", path, reading->settings->list);
        if (key_find(&index, reading->settings, path))
            rc = key_read(reading, index, path, item, err);
        else if (!is_group(reading->settings, path))
            rc = unknown_key(reading->settings, path, err);
        else if (!cJSON_IsObject(item))
            rc = smki_fail(err, SMKI_CONFIG_INVALID, "%s: it is a group of keys, and must be an object: {...}", path);
        else
            rc = members_read(reading, path, item, err);
        if (rc != 0)
            return rc;
    }
    return 0;
}

/* cJSON stopped at `at`, or just before. */
static int not_json(const char *text, const char *at, struct smki_error *err)
{
    size_t shown;

    while (at > text && strchr(" \t\r\n", *at) != NULL) /* the NUL too */
        at--;
    if (strchr(" \t\r\n", *at) != NULL)
        return smki_fail(err, SMKI_CONFIG_INVALID, "it is empty; a configuration that sets nothing is {}");
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
    root = cJSON_ParseWithLengthOpts(text, size + 1, &end, true);
    if (root == NULL)
        return not_json(text, end, err);
    if (!cJSON_IsObject(root))
        rc = smki_fail(err, SMKI_CONFIG_INVALID, "a configuration is a JSON object: {...}");
    else
        rc = members_read(reading, "", root, err);
    cJSON_Delete(root);
    return rc;
}

static int file_parse(const struct settings *settings, struct smki_buffer *file, struct smki_error *err)
{
    struct reading reading = {.settings = settings};
    int rc;

    if (file->size != 0 && memchr(file->at, '\0', file->size) != NULL)
        return smki_fail(err, SMKI_CONFIG_INVALID, "it holds an octet of value 0; it must be text in UTF-8");
    if ((rc = smki_buffer_append(file, "", 1, err)) != 0)
        return rc;
    return root_read(&reading, (char *)file->at, file->size - 1, err);
}

int settings_read(const struct settings *settings, const char *path, struct smki_error *err)
{
    struct smki_buffer file = {0};
    int rc = settings->count > SETTINGS_MAX ? smki_fail(err, SMKI_INTERNAL, "more than %d keys", SETTINGS_MAX) : 0;

    if (rc == 0 && (rc = file_read(&file, path, FILE_MAX_SIZE, err)) == 0 && (rc = file_parse(settings, &file, err)) != 0)
        smki_error_prefix(err, "%s", path);
    smki_buffer_finish(&file);
    return rc;
}
