/* smki credential issue --generate: key, request, certificate and PKCS#12 file in one go. For development: whoever makes a key for another
 * knows it. */
#include "smki/generate_i.h"
#ifdef SMKI_PKCS12
#include "smki/pkcs12_i.h"
#endif

#include <mbedtls/platform_util.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_PEM_SIZE 16384 /* octets: more than any key's */

static const char *const names[GENERATED_FILES] = {"key.pem", "cert.pem", "chain.pem", "bundle.p12"};

/* ---- the folder ---- */

static int folder_take(struct call *call, struct generated *generated)
{
    const char *folder = call_text(call, "generate");
    struct stat status;

    generated->folder_made = mkdir(folder, 0700) == 0;
    if (!generated->folder_made && errno != EEXIST)
        return errno == ENOENT
                   ? call_fail(call, SMKI_IO, "%s: the folder that it is to lie in is not there, and only the last one is made", folder)
                   : call_fail(call, errno == EACCES ? SMKI_PERMISSION : SMKI_IO, "%s: %s", folder, strerror(errno));
    for (size_t i = 0; i < GENERATED_FILES; i++) {
        if (snprintf(generated->path[i], PATH_MAX, "%s/%s", folder, names[i]) >= PATH_MAX)
            return call_fail(call, SMKI_INVALID_ARGUMENT, "the path of --generate is too long");
        if (lstat(generated->path[i], &status) == 0)
            return call_fail(call, SMKI_ALREADY_EXISTS, "%s is there already, and nothing is written over: give another folder",
                             generated->path[i]);
    }
    return 0;
}

/* No credential was issued: nothing of it stays. */
static void folder_undo(struct call *call, const struct generated *generated)
{
    if (generated->key_saved)
        unlink(generated->path[GENERATED_KEY]);
    if (generated->folder_made)
        rmdir(call_text(call, "generate"));
}

/* ---- the request ---- */

static int role_of_party(struct call *call, const struct smki_party *party, uint8_t *code)
{
    if (party->role_count == 1) {
        *code = party->roles[0];
        return 0;
    }
    if (party->role_count == 0)
        return call_fail(call, SMKI_ROLE_NOT_OWN,
                         "Party %" PRIu64
                         " has no Remote Party Role, which its credentials state; give it one with 'smki party update %" PRIu64
                         " --role ROLE'",
                         party->number, party->number);
    return call_usage(call, "Party %" PRIu64 " has %zu Remote Party Roles: say which by --role", party->number, party->role_count);
}

int role_take(struct call *call, const struct smki_party *party, char out[SMKI_ROLE_TEXT_SIZE])
{
    const char *word = call_text(call, "role");
    const struct smki_role *role;
    uint8_t code = 0;
    int rc;

    if (word == NULL) {
        if ((rc = role_of_party(call, party, &code)) == 0)
            smki_role_text(code, out);
        return rc;
    }
    if ((role = smki_role_find_name(word)) == NULL && (role = smki_role_find_text(word)) == NULL)
        return call_usage(call, "there is no Remote Party Role '%s'; see 'smki party show %" PRIu64 "'", word, party->number);
    smki_role_text(role->code, out);
    return 0;
}

static int name_take(struct call *call, const struct smki_credential *credential, char out[SMKI_NAME_TEXT_SIZE])
{
    const char *name = call_text(call, "name");
    struct smki_officer officer;
    int rc;

    if (name == NULL && credential->officer == 0)
        return call_usage(call, "--name is missing (the CN of the new certificate: what the system is called)");
    if (name == NULL) {
        if ((rc = smki_officer_find(smki_service_store(call->service), credential->officer, &officer, &call->err)) != 0)
            return rc;
        name = officer.name;
    }
    if (snprintf(out, SMKI_NAME_TEXT_SIZE, "%s", name) >= SMKI_NAME_TEXT_SIZE)
        return call_usage(call, "--name: at most %d octets", SMKI_NAME_TEXT_SIZE - 1);
    return 0;
}

int generate_request(struct call *call, struct generated *generated, const struct smki_credential *credential, struct smki_buffer *csr)
{
    char unit[SMKI_ROLE_TEXT_SIZE];
    struct smki_csr_wish wish = {
        .profile = SMKI_PROFILE_IKI, .unit = unit, .common_name = generated->name, .key_usage = SMKI_DIGITAL_SIGNATURE};
    struct smki_key *key = NULL;
    struct smki_party party;
    uint8_t der[SMKI_CSR_MAX_SIZE];
    size_t size;
    int rc;

    if ((rc = smki_party_find(smki_service_store(call->service), credential->party, &party, &call->err)) != 0 ||
        (rc = role_take(call, &party, unit)) != 0 || (rc = name_take(call, credential, generated->name)) != 0 ||
        (rc = folder_take(call, generated)) != 0)
        goto out;
    wish.organisation = party.name;
    if ((rc = smki_key_generate(&key, SMKI_KEY_RSA, &smki_random_system, &call->err)) != 0 ||
        (rc = smki_csr_make(der, &size, &wish, key, &call->err)) != 0 || (rc = smki_buffer_append(csr, der, size, &call->err)) != 0 ||
        (rc = smki_key_save(key, generated->path[GENERATED_KEY], NULL, &call->err)) != 0)
        goto out;
    generated->key_saved = true;
out:
    smki_key_close(key);
    if (rc != 0)
        folder_undo(call, generated);
    return rc;
}

void generate_undo(struct call *call, const struct generated *generated)
{
    folder_undo(call, generated);
}

/* ---- the files ---- */

static int pem_put_new(const char *path, struct smki_bytes der, struct smki_error *err)
{
    struct smki_buffer pem = {0};
    int rc = smki_pem_encode(&pem, "CERTIFICATE", der, err);

    if (rc == 0)
        rc = file_put_new(path, (struct smki_bytes){pem.at, pem.size}, 0644, err);
    smki_buffer_finish(&pem);
    return rc;
}

#ifdef SMKI_PKCS12
/* 20 characters of 32 that are not taken for each other: 100 bits. */
static int password_make(char out[PASSWORD_SIZE], struct smki_error *err)
{
    static const char letters[] = "abcdefghijkmnpqrstuvwxyz23456789";
    uint8_t chance[PASSWORD_SIZE];
    int rc = smki_random_system.fill(smki_random_system.context, chance, sizeof(chance));

    if (rc != 0) {
        err->code = rc;
        err->text[0] = '\0';
        return rc;
    }
    for (size_t i = 0; i < PASSWORD_SIZE - 1; i++)
        out[i] = i % 6 == 5 ? '-' : letters[chance[i] % (sizeof(letters) - 1)];
    out[PASSWORD_SIZE - 1] = '\0';
    mbedtls_platform_zeroize(chance, sizeof(chance));
    return 0;
}

static int key_read(uint8_t out[KEY_PEM_SIZE], size_t *size, const char *path, struct smki_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read(fd, out, KEY_PEM_SIZE) : -1;

    if (fd >= 0)
        close(fd);
    *size = got > 0 ? (size_t)got : 0;
    if (got > 0)
        return 0;
    err->code = SMKI_KEY_UNREADABLE;
    snprintf(err->text, sizeof(err->text), "%.400s: %s", path, strerror(errno));
    return err->code;
}

static int bundle_put(struct generated *generated, struct smki_bytes certificate, struct smki_bytes issuer, struct smki_error *err)
{
    uint8_t key[KEY_PEM_SIZE];
    struct pkcs12_parts parts = {.certificate = certificate, .issuer = issuer, .name = generated->name};
    struct smki_buffer pkcs12 = {0};
    int rc;

    if ((rc = key_read(key, &parts.key_pem.size, generated->path[GENERATED_KEY], err)) == 0 &&
        (rc = password_make(generated->password, err)) == 0) {
        parts.key_pem.at = key;
        rc = pkcs12_make(&pkcs12, &parts, generated->password, err);
    }
    if (rc == 0)
        rc = file_put_new(generated->path[GENERATED_BUNDLE], (struct smki_bytes){pkcs12.at, pkcs12.size}, 0600, err);
    mbedtls_platform_zeroize(key, sizeof(key));
    smki_buffer_finish(&pkcs12);
    return rc;
}
#else
static int bundle_put(struct generated *generated, struct smki_bytes certificate, struct smki_bytes issuer, struct smki_error *err)
{
    (void)generated, (void)certificate, (void)issuer, (void)err;
    return 0;
}
#endif

int generate_files(struct call *call, struct generated *generated, const struct smki_stored_certificate *issued)
{
    const struct smki_bytes certificate = {issued->der, issued->size};
    struct smki_error why = {0};
    struct smki_ca *ca = NULL;
    int rc;

    if ((rc = pem_put_new(generated->path[GENERATED_CERTIFICATE], certificate, &why)) == 0 &&
        (rc = ca_look(&ca, call->service, issued->ca, &why)) == 0 &&
        (rc = pem_put_new(generated->path[GENERATED_CHAIN], smki_ca_certificate(ca)->der, &why)) == 0)
        rc = bundle_put(generated, certificate, smki_ca_certificate(ca)->der, &why);
    smki_ca_close(ca);
    return rc == 0 ? 0 : issued_unwritten(issued, &why, &call->err);
}

void generate_tell(struct call *call, const struct generated *generated)
{
    if (generated->password[0] != '\0')
        call_note(call, "for development, since the key was made here; password of %s, shown this once: %s",
                  generated->path[GENERATED_BUNDLE], generated->password);
    else
        call_note(call, "for development, since the key was made here; this smki was built without GnuTLS and makes no bundle.p12, but "
                        "'openssl pkcs12 -export -inkey key.pem -in cert.pem -certfile chain.pem' does");
}

bool generate_fill(cJSON *json, const struct generated *generated)
{
    static const char *const members[GENERATED_FILES] = {"key", "certificate", "chain", "bundle"};
    const bool bundled = generated->password[0] != '\0';

    for (size_t i = 0; i < GENERATED_FILES; i++)
        if ((i != GENERATED_BUNDLE || bundled) && cJSON_AddStringToObject(json, members[i], generated->path[i]) == NULL)
            return false;
    if (cJSON_AddBoolToObject(json, "development", true) == NULL)
        return false;
    return !bundled || cJSON_AddStringToObject(json, "password", generated->password) != NULL;
}
