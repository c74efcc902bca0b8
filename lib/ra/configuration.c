/* The configuration of an opened home. A reload puts a new one in force for all threads; those before it are kept until the home is closed,
 * since somebody may still be reading them. */
#include "ra/service_i.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define VALUE_SIZE (6 * SMKI_CONFIG_TEXT_SIZE + 3) /* octets of a value as JSON: every octet of a text may be an escape */

const struct smki_config *smki_service_config(const struct smki_service *service)
{
    const struct configuration *newest = atomic_load_explicit(&service->configuration, memory_order_acquire);

    return &newest->config;
}

static int configuration_read(struct smki_service *service, struct configuration **out, struct smki_error *err)
{
    struct configuration *fresh = calloc(1, sizeof(*fresh));
    char path[PATH_MAX];
    int rc;

    *out = fresh;
    if (fresh == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    if ((rc = home_path(service, path, SMKI_HOME_CONFIG, err)) != 0)
        return rc;
    return smki_config_read(&fresh->config, path, err);
}

/* The lock of reloads is held, or nobody else knows the service yet. */
static void configuration_enter(struct smki_service *service, struct configuration *fresh)
{
    fresh->before = atomic_load_explicit(&service->configuration, memory_order_relaxed);
    atomic_store_explicit(&service->configuration, fresh, memory_order_release);
}

int configuration_open(struct smki_service *service, struct smki_error *err)
{
    struct configuration *fresh;
    int rc = configuration_read(service, &fresh, err);

    if (rc == 0)
        rc = smki_p256_choose(fresh->config.p256_provider, err);
    if (rc == 0)
        configuration_enter(service, fresh);
    else
        free(fresh);
    return rc;
}

void configuration_close(struct smki_service *service)
{
    struct configuration *before, *one = atomic_load_explicit(&service->configuration, memory_order_relaxed);

    for (; one != NULL; one = before) {
        before = one->before;
        free(one);
    }
}

/* ---- reload ---- */

/* What a running program cannot take over, and why. */
static const struct {
    const char *path, *why;
} fixed[] = {
    {"ca.passphrase_file", "the keys are opened with it"},
    {"policy.device", "the CAs were opened with it"},
    {"policy.organisation", "the CAs were opened with it"},
    {"policy.iki", "the CAs were opened with it"},
    {"p256.provider", "the keys were opened with it"},
    {"ca.oca.key", "the key was opened there"},
    {"ca.dca.key", "the key was opened there"},
    {"ca.ikica.key", "the key was opened there"},
    {"ca.oca-root.key", "the key was opened there"},
    {"ca.dca-root.key", "the key was opened there"},
    {"pkcs11.module", "the keys were opened with it"},
    {"pkcs11.pin_source", "the keys were opened with it"},
    {"pkcs11.sessions", "the keys were opened with it"},
    {"pkcs11.timeout", "the keys were opened with it"},
};

static int fixed_check(const char *path, struct smki_error *err)
{
    for (size_t i = 0; i < ARRAY_COUNT(fixed); i++)
        if (strcmp(fixed[i].path, path) == 0)
            return smki_fail(err, SMKI_CONFIG_INVALID,
                             "%s cannot change while a program runs, since %s; nothing of the file was taken over: put it back, or start "
                             "the program again",
                             path, fixed[i].why);
    return 0;
}

/* Adds "<path> <old> to <new>" for each key that differs. */
static int changes_tell(struct smki_buffer *changes, const struct smki_config *now, const struct smki_config *next, struct smki_error *err)
{
    char before[VALUE_SIZE], after[VALUE_SIZE];
    const struct smki_config_key *keys;
    size_t count;
    bool is_default;
    int rc = 0;

    keys = smki_config_keys(&count);
    for (size_t i = 0; i < count && rc == 0; i++) {
        if ((rc = smki_config_show(now, i, before, sizeof(before), &is_default, err)) != 0 ||
            (rc = smki_config_show(next, i, after, sizeof(after), &is_default, err)) != 0)
            return rc;
        if (strcmp(before, after) == 0)
            continue;
        if ((rc = fixed_check(keys[i].path, err)) == 0)
            rc = smki_buffer_printf(changes, err, "%s%s %s to %s", changes->size > 0 ? ", " : "", keys[i].path, before, after);
    }
    return rc;
}

/* At an opening no file is every key at its default; here it may be one that is being replaced at this moment. */
static int file_is_there(const struct smki_service *service, struct smki_error *err)
{
    char path[PATH_MAX];
    struct stat status;
    int rc = home_path(service, path, SMKI_HOME_CONFIG, err);

    if (rc != 0 || stat(path, &status) == 0)
        return rc;
    return smki_fail(err, SMKI_NOT_FOUND, "%s: the file is gone; put it back, or start the program again to have every key at its default",
                     path);
}

static int reload_change(struct store_change *change, void *argument, struct smki_error *err)
{
    const struct smki_buffer *changes = argument;
    struct smki_audit_record record = {.act = SMKI_ACT_CONFIGURE, .actor = {.name = "reload", .interface = SMKI_INTERFACE_OPERATOR}};

    snprintf(record.detail, sizeof(record.detail), "%.*s", (int)changes->size, (const char *)changes->at);
    text_tidy(record.detail);
    return store_record(change, &record, err);
}

static int configuration_replace(struct smki_service *service, struct configuration *fresh, bool *taken, struct smki_error *err)
{
    struct smki_buffer changes = {0};
    int rc = changes_tell(&changes, smki_service_config(service), &fresh->config, err);

    *taken = rc == 0 && changes.size > 0;
    if (*taken && (rc = file_is_there(service, err)) == 0)
        rc = store_change(service->store, reload_change, &changes, err);
    smki_buffer_finish(&changes);
    if (rc != 0 || !*taken) {
        *taken = false;
        return rc;
    }
    smki_audit_sign_with(service->store, service->audit_key, fresh->config.audit_checkpoint);
    configuration_enter(service, fresh);
    return 0;
}

/* With this one, or else what is in the file. */
static int configuration_renew(struct smki_service *service, const struct smki_config *config, struct smki_error *err)
{
    struct configuration *fresh = NULL;
    bool taken = false;
    int rc = 0;

    pthread_mutex_lock(&service->reload_lock);
    if (config == NULL)
        rc = configuration_read(service, &fresh, err);
    else if ((fresh = calloc(1, sizeof(*fresh))) != NULL)
        fresh->config = *config;
    else
        rc = smki_fail(err, SMKI_NO_MEMORY, NULL);
    if (rc == 0)
        rc = configuration_replace(service, fresh, &taken, err);
    pthread_mutex_unlock(&service->reload_lock);
    if (!taken)
        free(fresh);
    return rc;
}

int smki_service_reload(struct smki_service *service, struct smki_error *err)
{
    return configuration_renew(service, NULL, err);
}

int smki_service_configure(struct smki_service *service, const struct smki_config *config, struct smki_error *err)
{
    return configuration_renew(service, config, err);
}
