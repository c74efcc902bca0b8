/* Reading the home's configuration file, showing what it came to, and the file that a new home gets. */
#include "config/config_i.h"
#include "config/settings_i.h"

#include <string.h>

/* ---- reading ---- */

static const char *key_path(size_t index)
{
    return config_face(index)->path;
}

static int key_take(void *context, size_t index, const cJSON *value, struct smki_error *err)
{
    return value_read(context, &config_keys[index], value, err);
}

int smki_config_read(struct smki_config *out, const char *path, struct smki_error *err)
{
    struct settings settings = {.path = key_path, .take = key_take, .context = out, .list = "'smki config show'"};
    int rc;

    smki_config_defaults(out);
    (void)smki_config_keys(&settings.count);
    rc = settings_read(&settings, path, err);
    if (rc == SMKI_NOT_FOUND) {
        if (err != NULL)
            *err = (struct smki_error){0};
        return 0;
    }
    if (rc == 0 && (rc = config_check(out, err)) != 0)
        smki_error_prefix(err, "%s", path);
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
