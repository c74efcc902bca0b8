/* Reading the configuration file, showing what it came to, and the file that a new home gets. */
#include "config/config_i.h"

#include <string.h>

#define CONFIG_MAX_SIZE (1u << 20) /* octets: some hundred lines, and room for comments */
#define PATH_SIZE       128
#define KEYS_MAX        128

struct config_reading {
    struct smki_config *config;
    bool seen[KEYS_MAX];
};

/* ---- names ---- */

static bool key_find(size_t *index, const char *path)
{
    size_t count;
    const struct smki_config_key *keys = smki_config_keys(&count);

    for (*index = 0; *index < count; (*index)++) {
        if (strcmp(keys[*index].path, path) == 0)
            return true;
    }
    return false;
}

/* Do keys lie below this path? */
static bool is_group(const char *path)
{
    size_t count, length = strlen(path);
    const struct smki_config_key *keys = smki_config_keys(&count);

    for (size_t i = 0; i < count; i++) {
        if (strncmp(keys[i].path, path, length) == 0 && keys[i].path[length] == '.')
            return true;
    }
    return false;
}

/* The names that may stand in a group ("": in the file's object): those of keys, and of the groups below it. Returns how many. */
static size_t names_in(const char *group, char names[KEYS_MAX][PATH_SIZE], const char *words[KEYS_MAX])
{
    size_t count, named = 0, length = strlen(group);
    const struct smki_config_key *keys = smki_config_keys(&count);

    for (size_t i = 0; i < count; i++) {
        const char *rest = keys[i].path;

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
static const char *name_meant(char names[KEYS_MAX][PATH_SIZE], const char *group, const char *name)
{
    const char *words[KEYS_MAX], *nearest;
    size_t count = names_in(group, names, words);

    if ((nearest = nearest_word(name, words, count)) != NULL)
        return nearest;
    for (size_t i = 0; i < count; i++)
        if (strncmp(name, words[i], strlen(words[i])) == 0)
            return words[i];
    return NULL;
}

/* The key of another group with this name ("workers": "run.workers"), or, when there is no such group, near this path. NULL: none. */
static const char *path_meant(const char *path, bool grouped)
{
    const char *paths[KEYS_MAX], *end = strrchr(path, '.'), *last = end != NULL ? end + 1 : path;
    size_t count;
    const struct smki_config_key *keys = smki_config_keys(&count);

    for (size_t i = 0; i < count; i++) {
        const char *dot = strrchr(keys[i].path, '.');

        if (dot != NULL && strcmp(dot + 1, last) == 0)
            return keys[i].path;
        paths[i] = keys[i].path;
    }
    return grouped ? NULL : nearest_word(path, paths, count);
}

static int unknown_key(const char *path, struct smki_error *err)
{
    char names[KEYS_MAX][PATH_SIZE], group[PATH_SIZE] = "";
    const char *dot = strrchr(path, '.'), *name = dot != NULL ? dot + 1 : path, *meant = NULL;
    bool grouped;

    if (dot != NULL)
        snprintf(group, sizeof(group), "%.*s", (int)(dot - path), path);
    grouped = dot != NULL && is_group(group);
    if ((dot == NULL || grouped) && (meant = name_meant(names, group, name)) != NULL)
        return smki_fail(err, SMKI_CONFIG_INVALID, "\"%s\": there is no such key; did you mean %s%s%s?", path, group,
                         dot != NULL ? "." : "", meant);
    if ((meant = path_meant(path, grouped)) != NULL)
        return smki_fail(err, SMKI_CONFIG_INVALID, "\"%s\": there is no such key; did you mean %s?", path, meant);
    return smki_fail(err, SMKI_CONFIG_INVALID, "\"%s\": there is no such key; 'smki config show' lists them all", path);
}

/* ---- reading ---- */

static int key_read(struct config_reading *reading, size_t index, const char *path, const cJSON *item, struct smki_error *err)
{
    int rc;

    if (reading->seen[index])
        return smki_fail(err, SMKI_CONFIG_INVALID, "%s: it is there twice", path);
    reading->seen[index] = true;
    if ((rc = value_read(reading->config, &config_keys[index], item, err)) != 0)
        smki_error_prefix(err, "%s", path);
    return rc;
}

/* The members of the file's object (group ""), or of a group's. */
static int members_read(struct config_reading *reading, const char *group, const cJSON *object, struct smki_error *err)
{
    const cJSON *item;
    char path[PATH_SIZE];
    size_t index;
    int rc = 0;

    cJSON_ArrayForEach(item, object)
    {
        if (snprintf(path, sizeof(path), "%s%s%s", group, group[0] != '\0' ? "." : "", item->string) >= (int)sizeof(path))
            return smki_fail(err, SMKI_CONFIG_INVALID, "%.60s...: there is no such key; 'smki config show' lists them all", path);
        if (key_find(&index, path))
            rc = key_read(reading, index, path, item, err);
        else if (!is_group(path))
            rc = unknown_key(path, err);
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

static int root_read(struct config_reading *reading, char *text, size_t size, struct smki_error *err)
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

static int file_parse(struct smki_config *out, struct smki_buffer *file, struct smki_error *err)
{
    struct config_reading reading = {.config = out};
    int rc;

    if (file->size != 0 && memchr(file->at, '\0', file->size) != NULL)
        return smki_fail(err, SMKI_CONFIG_INVALID, "it holds an octet of value 0; it must be text in UTF-8");
    if ((rc = smki_buffer_append(file, "", 1, err)) != 0)
        return rc;
    if ((rc = root_read(&reading, (char *)file->at, file->size - 1, err)) != 0)
        return rc;
    return config_check(out, err);
}

int smki_config_read(struct smki_config *out, const char *path, struct smki_error *err)
{
    struct smki_buffer file = {0};
    int rc;

    smki_config_defaults(out);
    rc = file_read(&file, path, CONFIG_MAX_SIZE, err);
    if (rc == SMKI_NOT_FOUND) {
        if (err != NULL)
            *err = (struct smki_error){0};
        return 0;
    }
    if (rc == 0 && (rc = file_parse(out, &file, err)) != 0)
        smki_error_prefix(err, "%s", path);
    smki_buffer_finish(&file);
    return rc;
}

/* ---- showing ---- */

static char *value_text(const struct smki_config *config, size_t index)
{
    cJSON *value = value_json(config, &config_keys[index]);
    char *text = value != NULL ? cJSON_PrintUnformatted(value) : NULL;

    cJSON_Delete(value);
    return text;
}

int smki_config_show(const struct smki_config *config, size_t index, char *out, size_t size, bool *is_default, struct smki_error *err)
{
    struct smki_config defaults;
    char *text, *usual;
    size_t count;
    int rc = 0;

    (void)smki_config_keys(&count);
    if (index >= count)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "there are %zu keys, counted from 0", count);
    smki_config_defaults(&defaults);
    text = value_text(config, index);
    usual = value_text(&defaults, index);
    if (text == NULL || usual == NULL)
        rc = smki_fail(err, SMKI_NO_MEMORY, NULL);
    else if (snprintf(out, size, "%s", text) >= (int)size)
        rc = smki_fail(err, SMKI_TOO_LARGE, "the value of %s has %zu characters, there is room for %zu", config_face(index)->path,
                       strlen(text), size);
    else
        *is_default = strcmp(text, usual) == 0;
    cJSON_free(text);
    cJSON_free(usual);
    return rc;
}

/* ---- the file of a new home ---- */

static int template_line(struct smki_buffer *out, const struct smki_config *config, size_t index, const char *before, const char *after,
                         struct smki_error *err)
{
    const struct smki_config_key *key = config_face(index);
    char *text = value_text(config, index);
    int rc;

    if (text == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    rc = smki_buffer_printf(out, err, "  // %s (%s)\n  %s\"%s\": %s%s\n\n", key->text, key->source, before, key->path, text, after);
    cJSON_free(text);
    return rc;
}

/* A key at its default is commented out. */
static int key_line(struct smki_buffer *out, const struct smki_config *config, const struct smki_config *defaults, size_t index,
                    struct smki_error *err)
{
    char *text = value_text(config, index), *usual = value_text(defaults, index);
    int rc;

    if (text == NULL || usual == NULL)
        rc = smki_fail(err, SMKI_NO_MEMORY, NULL);
    else
        rc = template_line(out, config, index, strcmp(text, usual) == 0 ? "// " : "", ",", err);
    cJSON_free(text);
    cJSON_free(usual);
    return rc;
}

/* The version, which no file needs, stands last and live: so that every other line can have its comma. */
int smki_config_write(struct smki_buffer *out, const struct smki_config *config, struct smki_error *err)
{
    struct smki_config defaults;
    size_t count;
    int rc;

    smki_config_defaults(&defaults);
    (void)smki_config_keys(&count);
    rc = smki_buffer_printf(out, err,
                            "// The configuration of this home: JSON with comments. What is commented out stands at its default;\n"
                            "// to change one, take away the strokes before its name. Check with 'smki config check'.\n{\n");
    for (size_t i = 1; rc == 0 && i < count; i++)
        rc = key_line(out, config, &defaults, i, err);
    if (rc == 0)
        rc = template_line(out, &defaults, 0, "", "", err);
    if (rc == 0)
        out->size--; /* the empty line after the last */
    return rc != 0 ? rc : smki_buffer_append(out, "}\n", 2, err);
}

int smki_config_template(struct smki_buffer *out, struct smki_error *err)
{
    struct smki_config defaults;

    smki_config_defaults(&defaults);
    return smki_config_write(out, &defaults, err);
}
