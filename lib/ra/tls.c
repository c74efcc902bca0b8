/* The home's TLS certificate for development: a root, a server's certificate that it signs, and the server's key. The root's key lives as
 * long as the function that makes it, so nobody can make another certificate that those who trust the root would take. */
#include "ra/service_i.h"

#include "pki/key_i.h"
#include "pki/tls_certificate_i.h"

#include <smki/tls.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define SERVER_NAME "libsmki development server"
#define ROOT_NAME   "libsmki development TLS root " /* and hexadecimal digits: two roots of one name would be taken for each other */
#define ROOT_DIGITS 8
#define KEY_NEW     "new-" SMKI_TLS_KEY /* ends as a key does, so that a backup without keys leaves it out */
#define MAX_DAYS    36500
#define MAX_PEM     (64u << 10) /* octets of a file with a chain */

static const char *const always[] = {"localhost", "127.0.0.1", "::1"};

struct making {
    struct smki_service *service;
    const struct smki_actor *actor;
    const char *hosts[ARRAY_COUNT(always) + SMKI_TLS_MAX_HOSTS];
    size_t host_count;
    struct smki_time not_before, not_after;
    char root_name[sizeof(ROOT_NAME) + ROOT_DIGITS];
    struct smki_key *root_key, *server_key;
    uint8_t root[SMKI_CERTIFICATE_MAX_SIZE], server[SMKI_CERTIFICATE_MAX_SIZE];
    size_t root_size, server_size;
};

/* ---- what is there ---- */

static int file_path(struct smki_service *service, char out[PATH_MAX], const char *name, struct smki_error *err)
{
    return home_path_in(service, out, SMKI_HOME_TLS, name, err);
}

static int certificate_look(struct tls_certificate *out, const char *path, struct smki_error *err)
{
    struct smki_buffer pem = {0};
    int rc = file_read(&pem, path, MAX_PEM, err);

    if (rc == 0 && (rc = tls_certificate_read(out, (struct smki_bytes){pem.at, pem.size}, err)) != 0)
        smki_error_prefix(err, "%s", path);
    smki_buffer_finish(&pem);
    return rc;
}

static bool is_development(const struct tls_certificate *certificate)
{
    return strcmp(certificate->common_name, SERVER_NAME) == 0;
}

static int key_look(struct smki_service *service, const struct tls_certificate *certificate, struct smki_error *err)
{
    struct smki_key *key = NULL;
    struct smki_bytes spki;
    char path[PATH_MAX];
    int rc;

    if ((rc = file_path(service, path, SMKI_TLS_KEY, err)) != 0 || (rc = smki_key_open_file(&key, path, NULL, NULL, err)) != 0)
        return rc;
    spki = smki_key_public(key);
    if (spki.size != certificate->spki_size || memcmp(spki.at, certificate->spki, spki.size) != 0)
        rc = smki_fail(err, SMKI_KEY_MISMATCH, "%s: the private key does not belong to the certificate beside it", path);
    smki_key_close(key);
    return rc;
}

int smki_tls_look(struct smki_service *service, struct smki_tls *out, struct smki_error *err)
{
    struct tls_certificate certificate;
    struct smki_error why = {0};
    char path[PATH_MAX];
    int rc;

    *out = (struct smki_tls){0};
    if ((rc = file_path(service, path, SMKI_TLS_CERTIFICATE, err)) != 0)
        return rc;
    if ((rc = certificate_look(&certificate, path, err)) == SMKI_NOT_FOUND)
        return smki_fail(err, rc, "%s: there is no TLS certificate; make one for development with 'smki tls make'", path);
    if (rc != 0)
        return rc;
    _Static_assert(sizeof(out->common_name) == TLS_CN_SIZE && sizeof(out->hosts) == TLS_HOSTS_SIZE, "the same room here and there");
    memcpy(out->common_name, certificate.common_name, sizeof(out->common_name));
    memcpy(out->hosts, certificate.hosts, sizeof(out->hosts));
    memcpy(out->sha256, certificate.sha256, sizeof(out->sha256));
    out->not_before = certificate.not_before;
    out->not_after = certificate.not_after;
    out->development = is_development(&certificate);
    out->key = key_look(service, &certificate, &why);
    memcpy(out->key_text, why.text, sizeof(out->key_text));
    return 0;
}

/* ---- may it be made? ---- */

static bool is_there(struct smki_service *service, const char *name)
{
    char path[PATH_MAX];
    struct stat status;

    return file_path(service, path, name, NULL) == 0 && lstat(path, &status) == 0;
}

/* A certificate that somebody paid for, or its key, is never written over. */
static int place_check(struct smki_service *service, bool replace, struct smki_error *err)
{
    const bool has_certificate = is_there(service, SMKI_TLS_CERTIFICATE), has_key = is_there(service, SMKI_TLS_KEY);
    struct tls_certificate certificate;
    char path[PATH_MAX];
    int rc;

    if (!has_certificate && !has_key)
        return 0;
    if ((rc = file_path(service, path, has_certificate ? SMKI_TLS_CERTIFICATE : SMKI_TLS_KEY, err)) != 0)
        return rc;
    if (!has_certificate || certificate_look(&certificate, path, NULL) != 0 || !is_development(&certificate))
        return smki_fail(err, SMKI_ALREADY_EXISTS, "%s is there and was not made by 'smki tls make': move it away first", path);
    if (has_key && !replace)
        return smki_fail(err, SMKI_ALREADY_EXISTS,
                         "%s is there already; with --replace a new one is made, and clients need the new " SMKI_TLS_ROOT " then", path);
    return 0;
}

/* ---- making ---- */

static void host_add(struct making *making, const char *host)
{
    for (size_t i = 0; i < making->host_count; i++)
        if (strcasecmp(making->hosts[i], host) == 0)
            return;
    making->hosts[making->host_count++] = host;
}

static int hosts_take(struct making *making, const struct smki_tls_request *request, struct smki_error *err)
{
    if (request->host_count > SMKI_TLS_MAX_HOSTS)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "a TLS certificate here has at most %d hosts", SMKI_TLS_MAX_HOSTS);
    for (size_t i = 0; i < ARRAY_COUNT(always); i++)
        host_add(making, always[i]);
    for (size_t i = 0; i < request->host_count; i++) {
        if (!tls_host_check(request->hosts[i]))
            return smki_fail(err, SMKI_INVALID_ARGUMENT,
                             "\"%.80s\" is neither an IP address nor the name of a host (letters, digits and hyphens between dots)",
                             request->hosts[i]);
        host_add(making, request->hosts[i]);
    }
    return 0;
}

static int validity_take(struct making *making, const struct smki_tls_request *request, struct smki_error *err)
{
    const unsigned days = request->days != 0 ? request->days : SMKI_TLS_DAYS;
    const struct smki_time now = smki_service_now(making->service);

    if (days > MAX_DAYS)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "a TLS certificate here is valid for at most %d days", MAX_DAYS);
    making->not_before.us = now.us - SMKI_DAY;
    making->not_after.us = now.us + (int64_t)days * SMKI_DAY;
    return 0;
}

static int root_name(struct making *making, struct smki_error *err)
{
    const struct smki_random *random = &making->service->random;
    uint8_t chance[ROOT_DIGITS / 2];
    char digits[ROOT_DIGITS + 1];
    int rc = random->fill(random->context, chance, sizeof(chance));

    if (rc != 0)
        return smki_fail(err, rc, NULL);
    snprintf(making->root_name, sizeof(making->root_name), ROOT_NAME "%s", hex_encode(digits, chance, sizeof(chance)));
    return 0;
}

static int certificates_make(struct making *making, struct smki_error *err)
{
    const struct smki_random *random = &making->service->random;
    struct tls_wish wish = {.not_before = making->not_before, .not_after = making->not_after};
    int rc;

    if ((rc = root_name(making, err)) != 0 || (rc = smki_key_generate(&making->root_key, SMKI_KEY_RSA, random, err)) != 0 ||
        (rc = smki_key_generate(&making->server_key, SMKI_KEY_RSA, random, err)) != 0)
        return rc;
    wish.common_name = wish.issuer_name = making->root_name;
    wish.key = wish.signer = making->root_key;
    if ((rc = tls_certificate_make(making->root, &making->root_size, &wish, random, err)) != 0)
        return rc;
    wish.common_name = SERVER_NAME;
    wish.key = making->server_key;
    wish.hosts = making->hosts;
    wish.host_count = making->host_count;
    return tls_certificate_make(making->server, &making->server_size, &wish, random, err);
}

static int made_change(struct store_change *change, void *argument, struct smki_error *err)
{
    const struct making *making = argument;
    struct smki_audit_record record = {.act = SMKI_ACT_CONFIGURE, .actor = *making->actor};
    char digits[2 * SHA256_SIZE + 1], until[SMKI_TIME_TEXT_SIZE];
    uint8_t digest[SHA256_SIZE];

    sha256(digest, making->server, making->server_size);
    snprintf(record.detail, sizeof(record.detail), "TLS certificate for development, until %s, sha256 %s",
             smki_time_text_uk(making->not_after, until), hex_encode(digits, digest, sizeof(digest)));
    return store_record(change, &record, err);
}

static int pem_write(struct smki_service *service, const char *name, struct smki_bytes der, struct smki_error *err)
{
    struct smki_buffer pem = {0};
    char path[PATH_MAX];
    int rc;

    if ((rc = smki_pem_encode(&pem, "CERTIFICATE", der, err)) == 0 && (rc = file_path(service, path, name, err)) == 0)
        rc = file_write(path, (struct smki_bytes){pem.at, pem.size}, 0644, err);
    smki_buffer_finish(&pem);
    return rc;
}

/* Written under another name first: a key is saved where there is none. What such a name still holds is of a command that was killed. */
static int key_write(struct smki_service *service, const struct smki_key *key, struct smki_error *err)
{
    char fresh[PATH_MAX], path[PATH_MAX];
    int rc;

    if ((rc = file_path(service, fresh, KEY_NEW, err)) != 0 || (rc = file_path(service, path, SMKI_TLS_KEY, err)) != 0)
        return rc;
    if (unlink(fresh) != 0 && errno != ENOENT)
        return smki_fail_errno(err, errno, "%s", fresh);
    if ((rc = smki_key_save(key, fresh, NULL, err)) != 0)
        return rc;
    return rename(fresh, path) != 0 ? smki_fail_errno(err, errno, "%s", path) : parent_sync(path, err);
}

/* A home of before there were servers has no such folder. */
static int folder_make(struct smki_service *service, struct smki_error *err)
{
    char path[PATH_MAX];
    int rc = home_path(service, path, SMKI_HOME_TLS, err);

    if (rc == 0 && mkdir(path, 0700) != 0 && errno != EEXIST)
        rc = smki_fail_errno(err, errno, "%s", path);
    return rc;
}

/* The record comes first: nothing is in the home that the log does not know of. */
static int making_keep(struct making *making, struct smki_error *err)
{
    struct smki_service *service = making->service;
    int rc;

    if ((rc = store_change(service->store, made_change, making, err)) != 0 || (rc = folder_make(service, err)) != 0 ||
        (rc = pem_write(service, SMKI_TLS_ROOT, BYTES(making->root, making->root_size), err)) != 0 ||
        (rc = pem_write(service, SMKI_TLS_CERTIFICATE, BYTES(making->server, making->server_size), err)) != 0)
        return rc;
    return key_write(service, making->server_key, err);
}

int smki_tls_make(struct smki_service *service, const struct smki_actor *actor, const struct smki_tls_request *request,
                  struct smki_error *err)
{
    struct making *making = calloc(1, sizeof(*making));
    int rc;

    if (making == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    making->service = service;
    making->actor = actor;
    if ((rc = hosts_take(making, request, err)) == 0 && (rc = validity_take(making, request, err)) == 0 &&
        (rc = place_check(service, request->replace, err)) == 0 && (rc = certificates_make(making, err)) == 0)
        rc = making_keep(making, err);
    smki_key_close(making->root_key);
    smki_key_close(making->server_key);
    free(making);
    return rc;
}
