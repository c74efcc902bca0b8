/* smki config ... */
#include "smki/smki_i.h"

#include <limits.h>
#include <string.h>

#define VALUE_SIZE 1024

static int config_take(struct call *call, struct smki_config *config, char path[PATH_MAX])
{
    const char *file = call_operand(call, 0);
    int rc;

    if (file != NULL)
        snprintf(path, PATH_MAX, "%s", file);
    else if (snprintf(path, PATH_MAX, "%s/" SMKI_HOME_CONFIG, call->home) >= PATH_MAX)
        return call_fail(call, SMKI_INVALID_ARGUMENT, "the home's path is too long");
    rc = smki_config_read(config, path, &call->err);
    return rc == 0 ? smki_p256_choose(config->p256_provider, &call->err) : rc;
}

static int config_check(struct call *call)
{
    char path[PATH_MAX];
    struct smki_config config;
    int rc = config_take(call, &config, path);

    if (rc == 0)
        printf("%s: right\n", path);
    return rc;
}

/* What a value comes to on this machine; NULL: nothing but itself. */
static const char *key_means(const struct smki_config_key *key)
{
    return strcmp(key->path, "p256.provider") == 0 ? smki_p256_name() : NULL;
}

static cJSON *key_json(const struct smki_config_key *key, const char *value, bool is_default)
{
    const char *means = key_means(key);
    cJSON *json = cJSON_CreateObject();

    if (json != NULL && (means == NULL || cJSON_AddStringToObject(json, "here", means) != NULL) &&
        cJSON_AddStringToObject(json, "path", key->path) != NULL && cJSON_AddRawToObject(json, "value", value) != NULL &&
        cJSON_AddBoolToObject(json, "default", is_default) != NULL && cJSON_AddStringToObject(json, "type", key->type) != NULL &&
        cJSON_AddStringToObject(json, "source", key->source) != NULL && cJSON_AddStringToObject(json, "text", key->text) != NULL)
        return json;
    cJSON_Delete(json);
    return NULL;
}

static void key_print(const struct smki_config_key *key, const char *value, bool is_default)
{
    const char *means = key_means(key);

    printf("%s: %s (%s%s%s)\n    %s [%s]\n", key->path, value, is_default ? "default" : "set", means != NULL ? "; here: " : "",
           means != NULL ? means : "", key->text, key->source);
}

static int keys_walk(struct call *call, const struct smki_config *config, struct json_list *list)
{
    size_t count;
    const struct smki_config_key *keys = smki_config_keys(&count);
    char value[VALUE_SIZE];
    bool is_default;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < count; i++) {
        if ((rc = smki_config_show(config, i, value, sizeof(value), &is_default, &call->err)) != 0)
            break;
        if (call->json)
            rc = json_list_add(list, call, key_json(&keys[i], value, is_default));
        else
            key_print(&keys[i], value, is_default);
    }
    return rc;
}

static int config_show(struct call *call)
{
    struct smki_config config;
    struct json_list list;
    char path[PATH_MAX];
    int rc = config_take(call, &config, path);

    if (rc != 0)
        return rc;
    if (call->json)
        json_list_start(&list);
    rc = keys_walk(call, &config, &list);
    if (call->json)
        json_list_end(&list);
    return rc;
}

static const struct command_value file_operands[] = {{"FILE", VALUE_FILE, 0, NULL, "another file than the home's " SMKI_HOME_CONFIG, NULL},
                                                     {0}};

const struct command config_commands[] = {
    {"config check", "Check the configuration", COMMAND_FOLDER, NULL, file_operands,
     "Unknown keys and wrong values are refused with their path and the nearest right name.\n", config_check},
    {"config show", "Show every key: its value, whether it was set, its source in the specification", COMMAND_FOLDER | COMMAND_JSON, NULL,
     file_operands, NULL, config_show},
    {0},
};
