/* Making a home: folders, configuration, store, audit key, a test PKI whose CAs come out of ca_places, and a TLS certificate. */
#include "ra/service_i.h"

#include "pki/key_pkcs11_i.h"
#include "pki/tls_certificate_i.h"

#include <smki/tls.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- folders ---- */

static int folder_make(const char *path, struct smki_error *err)
{
    return mkdir(path, 0700) != 0 && errno != EEXIST ? smki_fail_errno(err, errno, "%s", path) : 0;
}

static const char *const folders[] = {SMKI_HOME_STORE,   SMKI_HOME_CA,  SMKI_HOME_KEYS,      SMKI_HOME_BATCHES,
                                      SMKI_HOME_RUNNERS, SMKI_HOME_TLS, SMKI_HOME_DOCUMENTS, SMKI_HOME_CLIENT};

static int folders_each(const char *home, int (*act)(const char *path, struct smki_error *err), struct smki_error *err)
{
    char path[PATH_MAX];
    int rc = 0;

    for (size_t i = 0; i < ARRAY_COUNT(folders) && rc == 0; i++)
        if ((rc = path_join(path, sizeof(path), home, folders[i], err)) == 0)
            rc = act(path, err);
    return rc;
}

int home_folders_make(const char *home, struct smki_error *err)
{
    return folders_each(home, folder_make, err);
}

int home_sync(const char *home, struct smki_error *err)
{
    int rc;

    if ((rc = folders_each(home, folder_sync, err)) != 0 || (rc = folder_sync(home, err)) != 0)
        return rc;
    return parent_sync(home, err);
}

/* ---- the test PKI ---- */

static int file_key_make(struct smki_service *service, struct smki_key **key, const struct ca_place *place, const char *path,
                         struct smki_error *err)
{
    int rc = smki_key_generate(key, place->key_type, &service->random, err);

    return rc != 0 ? rc : smki_key_save(*key, path, service->has_passphrase ? service->passphrase_text : NULL, err);
}

/* On the token; the configuration in hand, which is written when all is made, gets to know where. */
static int token_key_make(struct smki_service *service, struct smki_key **key, const struct ca_place *place, const char *wanted,
                          struct smki_error *err)
{
    struct smki_config *config = &atomic_load_explicit(&service->configuration, memory_order_relaxed)->config;
    const struct smki_pkcs11 settings = smki_service_pkcs11(service);
    struct smki_buffer spki = {0};
    char uri[SMKI_KEY_URI_SIZE];
    int rc = smki_key_make_token(&spki, uri, place->key_type, wanted, &settings, &service->random, err);

    if (rc == 0 && snprintf((char *)config + place->key, SMKI_CONFIG_TEXT_SIZE, "%s", uri) >= SMKI_CONFIG_TEXT_SIZE)
        rc = smki_fail(err, SMKI_TOO_LARGE, "%s: the URI of a key has at most %d characters; take a shorter label", uri,
                       SMKI_CONFIG_TEXT_SIZE - 1);
    if (rc == 0)
        rc = smki_key_open_token(key, uri, &settings, BYTES(spki.at, spki.size), err);
    smki_buffer_finish(&spki);
    return rc;
}

static int key_make(struct smki_service *service, struct smki_key **key, const struct ca_place *place, struct smki_error *err)
{
    char path[PATH_MAX];
    int rc = ca_key_place(service, place, path, err);

    if (rc != 0)
        return rc;
    return key_is_uri(path) ? token_key_make(service, key, place, path, err) : file_key_make(service, key, place, path, err);
}

struct founding {
    struct smki_service *service;
    const struct ca_place *place;
    struct smki_actor actor;
    uint8_t serial[SMKI_SERIAL_SIZE], chance[8];
    struct smki_bytes der;
};

static int serial_change(struct store_change *change, void *argument, struct smki_error *err)
{
    struct founding *founding = argument;
    struct smki_audit_record record = {.act = SMKI_ACT_CSR_DECIDE, .actor = founding->actor};
    uint64_t half;
    int rc = store_reserve_serials(change, 1, &half, err);

    if (rc != 0)
        return rc;
    serial_compose(founding->serial, half, founding->chance);
    record.serial = serial_of(founding->serial);
    snprintf(record.detail, sizeof(record.detail), "%s: the CA's own certificate", founding->place->word);
    return store_record(change, &record, err);
}

static int found_change(struct store_change *change, void *argument, struct smki_error *err)
{
    const struct founding *founding = argument;
    struct store_certificate certificate = {
        .ca = (enum store_ca)founding->place->issuer, .der = founding->der, .issued_at = store_change_time(change)};
    struct smki_audit_record record = {.act = SMKI_ACT_CERTIFICATE_ISSUE, .actor = founding->actor, .serial = serial_of(founding->serial)};
    uint8_t digest[SHA256_SIZE];
    char hex[2 * SHA256_SIZE + 1];
    int rc;

    memcpy(certificate.serial, founding->serial, SMKI_SERIAL_SIZE);
    if ((rc = store_certificate_add(change, &certificate, err)) != 0)
        return rc;
    sha256(digest, founding->der.at, founding->der.size);
    snprintf(record.detail, sizeof(record.detail), "%s: the CA's own certificate, sha256 %s", founding->place->word,
             hex_encode(hex, digest, sizeof(digest)));
    return store_record(change, &record, err);
}

static int certificate_save(struct smki_service *service, const char *word, struct smki_bytes der, struct smki_error *err)
{
    struct smki_buffer pem = {0};
    char name[32], path[PATH_MAX];
    int rc;

    snprintf(name, sizeof(name), "%s.pem", word);
    if ((rc = smki_pem_encode(&pem, "CERTIFICATE", der, err)) == 0 && (rc = home_path_in(service, path, SMKI_HOME_CA, name, err)) == 0)
        rc = file_write(path, (struct smki_bytes){pem.at, pem.size}, 0644, err);
    smki_buffer_finish(&pem);
    return rc;
}

static int ca_found(struct smki_service *service, const struct ca_place *place, const struct smki_actor *actor, struct smki_error *err)
{
    struct founding founding = {.service = service, .place = place, .actor = *actor};
    struct smki_ca_request request = {.kind = place->kind,
                                      .common_name = place->common_name,
                                      .policy_oid = (const char *)smki_service_config(service) + place->policy,
                                      .not_before = smki_service_now(service)};
    uint8_t der[SMKI_CERTIFICATE_MAX_SIZE];
    struct smki_key *key = NULL;
    size_t size;
    int rc;

    if ((rc = service->random.fill(service->random.context, founding.chance, sizeof(founding.chance))) != 0)
        return smki_fail(err, rc, NULL);
    if (place->issuer != place->name && (rc = smki_service_ca(service, place->issuer, &request.issuer, err)) != 0)
        return rc;
    if ((rc = key_make(service, &key, place, err)) != 0 || (rc = store_change(service->store, serial_change, &founding, err)) != 0)
        goto out;
    request.key = key;
    request.serial = serial_of(founding.serial);
    if ((rc = smki_ca_certificate_make(der, &size, &request, err)) != 0)
        goto out;
    founding.der = BYTES(der, size);
    if ((rc = certificate_save(service, place->word, founding.der, err)) == 0)
        rc = store_change(service->store, found_change, &founding, err);
out:
    key_use_note(service, place->name, key);
    smki_key_close(key);
    return rc;
}

/* ---- the home ---- */

/* The passphrase file is named by its whole path: later commands are called from other folders. */
static int passphrase_place(struct smki_config *config, const char *path, struct smki_error *err)
{
    char whole[PATH_MAX];

    if (realpath(path, whole) == NULL)
        return smki_fail_errno(err, errno, "%s", path);
    if (strlen(whole) >= sizeof(config->passphrase_file))
        return smki_fail(err, SMKI_TOO_LARGE, "%s: the path of a passphrase file has at most %zu characters", whole,
                         sizeof(config->passphrase_file) - 1);
    memcpy(config->passphrase_file, whole, strlen(whole) + 1);
    return 0;
}

static int text_set(char out[SMKI_CONFIG_TEXT_SIZE], const char *text, const char *what, struct smki_error *err)
{
    if (snprintf(out, SMKI_CONFIG_TEXT_SIZE, "%s", text != NULL ? text : "") < SMKI_CONFIG_TEXT_SIZE)
        return 0;
    return smki_fail(err, SMKI_TOO_LARGE, "%s has at most %d characters", what, SMKI_CONFIG_TEXT_SIZE - 1);
}

/* Where the CAs' keys shall be made: each URI gets its id when the key has one. */
static int token_place(struct smki_config *config, const struct smki_service_options *options, struct smki_error *err)
{
    const struct ca_place *places;
    size_t count;
    int rc;

    if (options->pkcs11_module == NULL)
        return smki_fail(err, SMKI_TOKEN_MODULE, "keys on a token need the path of its PKCS#11 module");
    if ((rc = text_set(config->pkcs11_module, options->pkcs11_module, "the path of the PKCS#11 module", err)) != 0 ||
        (rc = text_set(config->pkcs11_pin_source, options->pin_source, "the source of the PIN", err)) != 0)
        return rc;
    places = ca_places(&count);
    for (size_t i = 0; i < count && rc == 0; i++) {
        char object[32];

        snprintf(object, sizeof(object), "smki-%s", places[i].word);
        rc = key_uri_write((char *)config + places[i].key, SMKI_CONFIG_TEXT_SIZE, options->token, object, err);
    }
    return rc;
}

static int config_write(const char *home, const struct smki_config *config, struct smki_error *err)
{
    struct smki_buffer text = {0};
    char path[PATH_MAX];
    int rc;

    if ((rc = smki_config_write(&text, config, err)) == 0 && (rc = path_join(path, sizeof(path), home, SMKI_HOME_CONFIG, err)) == 0)
        rc = file_write(path, (struct smki_bytes){text.at, text.size}, 0600, err);
    smki_buffer_finish(&text);
    return rc;
}

static int config_save(const char *home, const struct smki_service_options *options, struct smki_error *err)
{
    struct smki_config config;
    int rc = 0;

    smki_config_defaults(&config);
    if (options != NULL && options->passphrase_file != NULL)
        rc = passphrase_place(&config, options->passphrase_file, err);
    if (rc == 0 && options != NULL && options->token != NULL)
        rc = token_place(&config, options, err);
    return rc != 0 ? rc : config_write(home, &config, err);
}

/* A home that comes to nothing leaves no keys on the token; those that cannot be destroyed now are named. */
static void token_keys_undo(struct smki_service *service, struct smki_error *err)
{
    const struct smki_config *config = smki_service_config(service);
    const struct smki_pkcs11 settings = smki_service_pkcs11(service);
    const struct ca_place *places;
    size_t count;

    places = ca_places(&count);
    for (size_t i = 0; i < count; i++) {
        const char *uri = (const char *)config + places[i].key;

        if (strstr(uri, "id=") != NULL && smki_key_destroy_token(uri, &settings, NULL) != 0 && err != NULL)
            smki_error_prefix(err, "%s stays on the token", uri);
    }
}

static int audit_key_save(const char *home, const struct smki_random *random, struct smki_error *err)
{
    struct smki_key *key = NULL;
    char folder[PATH_MAX], path[PATH_MAX];
    int rc;

    if ((rc = path_join(folder, sizeof(folder), home, SMKI_HOME_KEYS, err)) == 0 &&
        (rc = path_join(path, sizeof(path), folder, "audit.key", err)) == 0 &&
        (rc = smki_key_generate(&key, SMKI_KEY_P256, random, err)) == 0)
        rc = smki_key_save(key, path, NULL, err);
    smki_key_close(key);
    return rc;
}

static int init_change(struct store_change *change, void *argument, struct smki_error *err)
{
    struct smki_audit_record record = {
        .act = SMKI_ACT_INIT, .actor = *(const struct smki_actor *)argument, .detail = "a home with a test PKI"};

    return store_record(change, &record, err);
}

/* What the CAs' keys are encrypted with: the passphrase that was given, or that of the file, which opening the home has read. */
static int protection_set(struct smki_service *service, const struct smki_service_options *options, struct smki_error *err)
{
    if (options == NULL || (options->protect_with == NULL && options->passphrase_file == NULL))
        return 0;
    if (options->protect_with != NULL) {
        if (strlen(options->protect_with) >= sizeof(service->passphrase_text))
            return smki_fail(err, SMKI_INVALID_ARGUMENT, "a passphrase has at most %zu octets", sizeof(service->passphrase_text) - 1);
        memcpy(service->passphrase_text, options->protect_with, strlen(options->protect_with) + 1);
        service->has_passphrase = true;
    }
    return service->passphrase_text[0] == '\0' ? smki_fail(err, SMKI_KEY_PASSPHRASE, "the passphrase is empty; the keys need one") : 0;
}

/* What a machine is called need not be a name that can stand in a certificate. */
static int tls_found(struct smki_service *service, const struct smki_actor *actor, const struct smki_service_options *options,
                     struct smki_error *err)
{
    const char *host = options != NULL ? options->host_name : NULL;
    const struct smki_tls_request request = {.hosts = &host, .host_count = host != NULL && tls_host_check(host)};

    return smki_tls_make(service, actor, &request, err);
}

static int home_found(const char *home, const struct smki_service_options *options, struct smki_error *err)
{
    struct smki_actor actor = {.name = "init", .interface = SMKI_INTERFACE_OPERATOR};
    struct smki_service *service = NULL;
    const struct ca_place *places;
    size_t count;
    int rc;

    if ((rc = smki_service_open(&service, home, options, err)) != 0)
        return rc;
    if ((rc = protection_set(service, options, err)) == 0)
        rc = store_change(service->store, init_change, &actor, err);
    places = ca_places(&count);
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = ca_found(service, &places[i], &actor, err);
    if (rc == 0)
        rc = tls_found(service, &actor, options, err);
    if (rc == 0 && options != NULL && options->token != NULL)
        rc = config_write(home, smki_service_config(service), err);
    if (rc != 0 && options != NULL && options->token != NULL)
        token_keys_undo(service, err);
    smki_service_close(service);
    return rc;
}

static int home_make(const char *home, const struct smki_service_options *options, struct smki_error *err)
{
    const struct smki_random *random = options != NULL && options->random != NULL ? options->random : &smki_random_system;
    char path[PATH_MAX];
    int rc;

    if ((rc = home_folders_make(home, err)) != 0 || (rc = config_save(home, options, err)) != 0 ||
        (rc = audit_key_save(home, random, err)) != 0 || (rc = path_join(path, sizeof(path), home, SMKI_HOME_STORE, err)) != 0 ||
        (rc = smki_store_create(path, err)) != 0 || (rc = home_found(home, options, err)) != 0)
        return rc;
    return home_sync(home, err);
}

int smki_service_create(const char *home, const struct smki_service_options *options, struct smki_error *err)
{
    struct folder_claim claim;
    int rc;

    if (home == NULL || home[0] == '\0')
        return smki_fail(err, SMKI_HOME_MISSING, NULL);
    if (options != NULL && options->protect_with != NULL && options->passphrase_file != NULL)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "the keys are protected with one passphrase: give it, or the file that has it");
    if ((rc = folder_claim(&claim, home, err)) != 0)
        return rc;
    if ((rc = home_make(home, options, err)) != 0) {
        folder_undo(&claim);
        return rc;
    }
    return folder_keep(&claim, err);
}
