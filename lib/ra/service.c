/* Opening a home. */
#include "ra/service_i.h"

#include "pki/key_pkcs11_i.h"

#include <smki/access.h>

#include <mbedtls/platform_util.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int configured_passphrase(void *context, char *out, size_t capacity)
{
    const struct smki_service *service = context;
    size_t size;

    if (!service->has_passphrase)
        return service->passphrase != NULL ? service->passphrase(service->passphrase_context, out, capacity) : -1;
    size = strlen(service->passphrase_text);
    if (size > capacity)
        return -1;
    memcpy(out, service->passphrase_text, size);
    return (int)size;
}

/* The configured passphrase file: as private as a key, its first line is the passphrase. It is read into its place, and nowhere else. */
static int passphrase_read(struct smki_service *service, struct smki_error *err)
{
    const char *file = smki_service_config(service)->passphrase_file;
    uint8_t *room = (uint8_t *)service->passphrase_text;
    char path[PATH_MAX];
    size_t size;
    int rc;

    if (file[0] == '\0')
        return 0;
    rc = file[0] == '/' ? path_join(path, sizeof(path), "", file + 1, err) : home_path(service, path, file, err);
    if (rc != 0)
        return rc;
    if ((rc = private_file_read(room, sizeof(service->passphrase_text), &size, path, "passphrase", err)) != 0)
        return smki_error_prefix(err, "%s", path), rc;
    service->passphrase_text[size] = '\0';
    size = strcspn(service->passphrase_text, "\r\n");
    mbedtls_platform_zeroize(room + size, sizeof(service->passphrase_text) - size);
    service->has_passphrase = true;
    return 0;
}

/* Where the keys are there was a home: another 'smki init' is not what it needs. */
static int store_open(struct smki_service *service, const char *audit_key, struct smki_error *err)
{
    char path[PATH_MAX];
    struct stat status;
    int rc;

    if ((rc = home_path(service, path, SMKI_HOME_STORE, err)) != 0)
        return rc;
    rc = smki_store_open(&service->store, path, &service->clock, err);
    if (rc == SMKI_STORE_MISSING && stat(audit_key, &status) == 0)
        return smki_fail(
            err, rc,
            "%s: the store of this home is gone, its keys are there: restore a backup with 'smki restore'; only if 'smki init' "
            "was broken off here, remove the home and repeat it",
            path);
    return rc;
}

static int service_parts_open(struct smki_service *service, struct smki_error *err)
{
    char path[PATH_MAX];
    struct stat status;
    int rc;

    if (stat(service->home, &status) != 0 || !S_ISDIR(status.st_mode))
        return smki_fail(err, SMKI_HOME_MISSING, "%s: no home here; make one with 'smki init %s'", service->home, service->home);
    if ((rc = configuration_open(service, err)) != 0 || (rc = passphrase_read(service, err)) != 0)
        return rc;
    if ((rc = home_path_in(service, path, SMKI_HOME_KEYS, "audit.key", err)) != 0 || (rc = store_open(service, path, err)) != 0 ||
        (rc = smki_key_open_file(&service->audit_key, path, configured_passphrase, service, err)) != 0)
        return rc;
    smki_audit_sign_with(service->store, service->audit_key, smki_service_config(service)->audit_checkpoint);
    return 0;
}

int smki_service_open(struct smki_service **out, const char *home, const struct smki_service_options *options, struct smki_error *err)
{
    static const struct smki_service_options none;
    struct smki_service *service;
    int rc;

    *out = NULL;
    if (home == NULL || home[0] == '\0')
        return smki_fail(err, SMKI_HOME_MISSING, NULL);
    if (options == NULL)
        options = &none;
    if ((service = calloc(1, sizeof(*service))) == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    pthread_mutex_init(&service->ca_lock, NULL);
    agreements_init(&service->agreements);
    pthread_mutex_init(&service->reload_lock, NULL);
    service->clock = options->clock != NULL ? *options->clock : smki_clock_system;
    service->random = options->random != NULL ? *options->random : smki_random_system;
    service->passphrase = options->passphrase;
    service->passphrase_context = options->passphrase_context;
    if (strlen(home) >= sizeof(service->home))
        rc = smki_fail(err, SMKI_INVALID_ARGUMENT, "the home's path is too long");
    else {
        memcpy(service->home, home, strlen(home) + 1);
        if ((rc = access_open(&service->access, err)) == 0 && (rc = notices_open(&service->notices, err)) == 0)
            rc = service_parts_open(service, err);
    }
    if (rc != 0) {
        smki_service_close(service);
        return rc;
    }
    *out = service;
    return 0;
}

void smki_service_close(struct smki_service *service)
{
    static const struct smki_actor closing = {.name = "close", .interface = SMKI_INTERFACE_OPERATOR};

    if (service == NULL)
        return;
    if (service->store != NULL && service->access != NULL) /* what cannot be written is lost, as in a crash */
        (void)!smki_credential_use_flush(service, NULL);
    if (service->store != NULL)
        (void)!key_use_record(service, &closing, NULL);
    smki_store_close(service->store);
    for (size_t i = 0; i < ARRAY_COUNT(service->ca); i++)
        smki_ca_close(service->ca[i]);
    smki_ca_close(service->ikica);
    smki_key_close(service->audit_key);
    agreements_finish(&service->agreements);
    notices_close(service->notices);
    access_close(service->access);
    configuration_close(service);
    mbedtls_platform_zeroize(service->passphrase_text, sizeof(service->passphrase_text));
    pthread_mutex_destroy(&service->reload_lock);
    pthread_mutex_destroy(&service->ca_lock);
    free(service);
}

struct smki_store *smki_service_store(struct smki_service *service)
{
    return service->store;
}

const char *smki_service_home(const struct smki_service *service)
{
    return service->home;
}

struct smki_time smki_service_now(const struct smki_service *service)
{
    return service->clock.now(service->clock.context);
}

const struct smki_key *smki_service_audit_key(const struct smki_service *service)
{
    return service->audit_key;
}

struct smki_pkcs11 smki_service_pkcs11(struct smki_service *service)
{
    const struct smki_config *config = smki_service_config(service);

    return (struct smki_pkcs11){.module = config->pkcs11_module,
                                .pin_source = config->pkcs11_pin_source,
                                .folder = service->home,
                                .sessions = config->pkcs11_sessions,
                                .timeout = config->pkcs11_timeout,
                                .pin = service->passphrase,
                                .pin_context = service->passphrase_context};
}

/* Without its key when `key` is NULL. */
static int ca_open(struct smki_service *service, const struct ca_place *place, const char *key, struct smki_ca **out,
                   struct smki_error *err)
{
    char certificate[PATH_MAX], name[32];
    const struct smki_pkcs11 pkcs11 = smki_service_pkcs11(service);
    struct smki_ca_options options = {.pkcs11 = &pkcs11,
                                      .certificate_path = certificate,
                                      .key_path = key,
                                      .policy_oid = (const char *)smki_service_config(service) + place->policy,
                                      .passphrase = configured_passphrase,
                                      .passphrase_context = service};
    int rc;

    snprintf(name, sizeof(name), "%s.pem", place->word);
    if ((rc = home_path_in(service, certificate, SMKI_HOME_CA, name, err)) != 0)
        return rc;
    rc = smki_ca_open(out, &options, err);
    return rc == SMKI_NOT_FOUND ? smki_fail(err, rc, "%s: the CA's certificate is gone; put it back from a backup of the home", certificate)
                                : rc;
}

/* Where a CA's key is: a file's path, or a pkcs11: URI. */
int ca_key_place(const struct smki_service *service, const struct ca_place *place, char out[PATH_MAX], struct smki_error *err)
{
    const char *key = (const char *)smki_service_config(service) + place->key;
    char name[32];

    if (key_is_uri(key) || key[0] == '/')
        return snprintf(out, PATH_MAX, "%s", key) < PATH_MAX ? 0 : smki_fail(err, SMKI_TOO_LARGE, NULL);
    if (key[0] != '\0')
        return home_path(service, out, key, err);
    snprintf(name, sizeof(name), "%s.key", place->word);
    return home_path_in(service, out, SMKI_HOME_KEYS, name, err);
}

int smki_service_ca_key(const struct smki_service *service, enum smki_ca_name name, char *out, size_t size, struct smki_error *err)
{
    const struct ca_place *place = ca_place(name);
    char key[PATH_MAX];
    int rc;

    if (place == NULL)
        return smki_fail(err, SMKI_NOT_FOUND, "there is no CA number %d", (int)name);
    if ((rc = ca_key_place(service, place, key, err)) != 0)
        return rc;
    return snprintf(out, size, "%s", key) < (int)size ? 0 : smki_fail(err, SMKI_TOO_LARGE, NULL);
}

static int ca_open_with_key(struct smki_service *service, const struct ca_place *place, struct smki_error *err)
{
    char key[PATH_MAX];
    int rc;

    if ((rc = ca_key_place(service, place, key, err)) != 0)
        return rc;
    return ca_open(service, place, key, &service->ca[place->name], err);
}

int smki_service_ca(struct smki_service *service, enum smki_ca_name name, const struct smki_ca **out, struct smki_error *err)
{
    const struct ca_place *place = ca_place(name);
    int rc = 0;

    if (place == NULL)
        return smki_fail(err, SMKI_NOT_FOUND, "there is no CA number %d", (int)name);
    pthread_mutex_lock(&service->ca_lock);
    if (service->ca[name] == NULL)
        rc = ca_open_with_key(service, place, err);
    *out = service->ca[name];
    pthread_mutex_unlock(&service->ca_lock);
    return rc;
}

int ikica_read(struct smki_service *service, const struct smki_certificate **out, struct smki_error *err)
{
    int rc = 0;

    pthread_mutex_lock(&service->ca_lock);
    if (service->ikica == NULL)
        rc = ca_open(service, ca_place(SMKI_IKICA), NULL, &service->ikica, err);
    if (rc == 0)
        *out = smki_ca_certificate(service->ikica);
    pthread_mutex_unlock(&service->ca_lock);
    return rc;
}
