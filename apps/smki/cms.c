/* CMS by GnuTLS. What is made here and what was made elsewhere pass the same gate: detached, by one signer whose certificate is in it, is
 * within its dates and may sign code, and good over the very octets that will be published. */
#include "smki/cms_i.h"

#include <errno.h>
#include <gnutls/abstract.h>
#include <gnutls/pkcs7.h>
#include <gnutls/x509.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#define KEY_FILE_MAX    65536 /* octets */
#define PASSPHRASE_SIZE 1024
#define CHAIN_MAX       16 /* certificates */
#define PURPOSE_SIZE    64

static int fail(struct smki_error *err, int code, const char *format, ...) SMKI_PRINTF(3, 4);

static int fail(struct smki_error *err, int code, const char *format, ...)
{
    va_list values;

    err->code = code;
    va_start(values, format);
    vsnprintf(err->text, sizeof(err->text), format, values);
    va_end(values);
    return code;
}

/* GnuTLS's refusal `rc` as ours. */
static int fail_gnutls(struct smki_error *err, int code, const char *what, int rc)
{
    return fail(err, rc == GNUTLS_E_MEMORY_ERROR ? SMKI_NO_MEMORY : code, "%s: %s", what, gnutls_strerror(rc));
}

static gnutls_datum_t datum_of(const struct smki_buffer *buffer)
{
    return (gnutls_datum_t){.data = buffer->at, .size = (unsigned)buffer->size};
}

/* ---- the signer's key and certificates ---- */

struct cms {
    gnutls_pkcs7_t pkcs7;
    gnutls_privkey_t key;
    gnutls_x509_crt_t chain[CHAIN_MAX];
    unsigned count;
    gnutls_datum_t content; /* the file, mapped */
};

/* The key is of the one who asks, and of nobody else. */
static int key_private(const char *path, struct smki_error *err)
{
    struct stat status;

    if (stat(path, &status) != 0)
        return fail(err, errno == ENOENT ? SMKI_NOT_FOUND : SMKI_KEY_UNREADABLE, "%s: %s", path, strerror(errno));
    if ((status.st_mode & 077) != 0)
        return fail(err, SMKI_KEY_PERMISSIONS, "%s: mode is %04o, so others can get at the private key: chmod 600 it", path,
                    (unsigned)(status.st_mode & 07777));
    return 0;
}

static void buffer_wipe(struct smki_buffer *buffer)
{
    if (buffer->at != NULL)
        explicit_bzero(buffer->at, buffer->capacity);
    smki_buffer_finish(buffer);
}

static int key_import(struct cms *cms, const gnutls_datum_t *pem, const char *path, struct smki_error *err)
{
    char passphrase[PASSPHRASE_SIZE];
    int code, rc = gnutls_privkey_import_x509_raw(cms->key, pem, GNUTLS_X509_FMT_PEM, NULL, 0);

    if (rc != GNUTLS_E_DECRYPTION_FAILED)
        return rc < 0 ? fail_gnutls(err, SMKI_KEY_UNREADABLE, path, rc) : 0;
    if ((code = passphrase_ask((void *)(uintptr_t)path, passphrase, sizeof(passphrase))) != 0)
        code = fail(err, SMKI_KEY_PASSPHRASE, "%s is encrypted, and there is no terminal to ask for its passphrase", path);
    else if ((rc = gnutls_privkey_import_x509_raw(cms->key, pem, GNUTLS_X509_FMT_PEM, passphrase, 0)) < 0)
        code = fail_gnutls(err, SMKI_KEY_PASSPHRASE, path, rc);
    explicit_bzero(passphrase, sizeof(passphrase));
    return code;
}

static int key_read(struct cms *cms, const char *path, struct smki_error *err)
{
    struct smki_buffer file = {0};
    gnutls_datum_t pem;
    int code = key_private(path, err);

    if (code == 0 && (code = file_take(&file, path, KEY_FILE_MAX, err)) == 0) {
        pem = datum_of(&file);
        code = gnutls_privkey_init(&cms->key) < 0 ? fail(err, SMKI_NO_MEMORY, "out of memory") : key_import(cms, &pem, path, err);
    }
    buffer_wipe(&file);
    return code;
}

static int chain_read(struct cms *cms, const char *path, struct smki_error *err)
{
    struct smki_buffer file = {0};
    gnutls_datum_t pem;
    int rc, code = file_take(&file, path, FILE_MAX, err);

    if (code == 0) {
        pem = datum_of(&file);
        cms->count = CHAIN_MAX;
        if ((rc = gnutls_x509_crt_list_import(cms->chain, &cms->count, &pem, GNUTLS_X509_FMT_PEM, 0)) < 0) {
            cms->count = 0;
            code = fail_gnutls(err, SMKI_CERTIFICATE_MALFORMED, path, rc);
        }
    }
    smki_buffer_finish(&file);
    return code;
}

/* A certificate without extendedKeyUsage may do anything (RFC 5280 4.2.1.12). */
static bool may_sign_code(gnutls_x509_crt_t certificate)
{
    char purpose[PURPOSE_SIZE];
    unsigned critical;
    int rc = 0;

    for (unsigned i = 0;; i++) {
        size_t size = sizeof(purpose);
        if ((rc = gnutls_x509_crt_get_key_purpose_oid(certificate, i, purpose, &size, &critical)) == GNUTLS_E_SHORT_MEMORY_BUFFER)
            continue; /* longer than those that are looked for */
        if (rc < 0)
            return i == 0 && rc == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE;
        if (strcmp(purpose, GNUTLS_KP_CODE_SIGNING) == 0 || strcmp(purpose, GNUTLS_KP_ANY) == 0)
            return true;
    }
}

static int signer_check(gnutls_x509_crt_t certificate, char name[SMKI_INSTALLER_SIGNER_SIZE], struct smki_error *err)
{
    const time_t now = time(NULL);
    gnutls_datum_t dn = {0};

    if (gnutls_x509_crt_get_dn3(certificate, &dn, 0) < 0)
        return fail(err, SMKI_CERTIFICATE_MALFORMED, "the signer's certificate has no subject that can be read");
    snprintf(name, SMKI_INSTALLER_SIGNER_SIZE, "%.*s",
             (int)(dn.size < SMKI_INSTALLER_SIGNER_SIZE ? dn.size : SMKI_INSTALLER_SIGNER_SIZE - 1), (const char *)dn.data);
    gnutls_free(dn.data);
    if (now < gnutls_x509_crt_get_activation_time(certificate) || now > gnutls_x509_crt_get_expiration_time(certificate))
        return fail(err, SMKI_SIGNATURE_INVALID, "the certificate of %s has expired, or is not yet valid", name);
    if (!may_sign_code(certificate))
        return fail(err, SMKI_SIGNATURE_INVALID, "the certificate of %s is not for signing code (extendedKeyUsage)", name);
    return 0;
}

#define KEY_ID_SIZE 32 /* octets: a SHA-256 */

static int key_fits(const struct cms *cms, struct smki_error *err)
{
    uint8_t of_key[KEY_ID_SIZE], of_certificate[KEY_ID_SIZE];
    size_t key_size = sizeof(of_key), certificate_size = sizeof(of_certificate);
    gnutls_pubkey_t public_key = NULL;
    int rc = gnutls_pubkey_init(&public_key);

    if (rc >= 0)
        rc = gnutls_pubkey_import_privkey(public_key, cms->key, 0, 0);
    if (rc >= 0)
        rc = gnutls_pubkey_get_key_id(public_key, GNUTLS_KEYID_USE_SHA256, of_key, &key_size);
    if (rc >= 0)
        rc = gnutls_x509_crt_get_key_id(cms->chain[0], GNUTLS_KEYID_USE_SHA256, of_certificate, &certificate_size);
    if (public_key != NULL)
        gnutls_pubkey_deinit(public_key);
    if (rc < 0)
        return fail_gnutls(err, SMKI_KEY_TYPE, "the private key and the certificate cannot be compared", rc);
    if (key_size == certificate_size && memcmp(of_key, of_certificate, key_size) == 0)
        return 0;
    return fail(err, SMKI_KEY_MISMATCH, "the private key does not belong to the certificate (the first, if there are several)");
}

static int signature_put(gnutls_pkcs7_t pkcs7, struct smki_buffer *signature, struct smki_error *err)
{
    gnutls_datum_t der = {0};
    int code, rc = gnutls_pkcs7_export2(pkcs7, GNUTLS_X509_FMT_DER, &der);

    if (rc < 0)
        return fail_gnutls(err, SMKI_INTERNAL, "GnuTLS does not write the signature", rc);
    code = smki_buffer_append(signature, der.data, der.size, err);
    gnutls_free(der.data);
    return code;
}

static int content_sign(const struct cms *cms, struct smki_buffer *signature, struct smki_error *err)
{
    gnutls_pkcs7_t made = NULL;
    int code = 0, rc = gnutls_pkcs7_init(&made);

    if (rc < 0)
        return fail_gnutls(err, SMKI_NO_MEMORY, "GnuTLS", rc);
    rc = gnutls_pkcs7_sign(made, cms->chain[0], cms->key, &cms->content, NULL, NULL, GNUTLS_DIG_SHA256,
                           GNUTLS_PKCS7_INCLUDE_CERT | GNUTLS_PKCS7_INCLUDE_TIME);
    for (unsigned i = 1; i < cms->count && rc >= 0; i++)
        rc = gnutls_pkcs7_set_crt(made, cms->chain[i]);
    code = rc < 0 ? fail_gnutls(err, SMKI_KEY_TYPE, "GnuTLS does not sign with this key", rc) : signature_put(made, signature, err);
    gnutls_pkcs7_deinit(made);
    return code;
}

/* What was made is read again: it is judged as what others will read. */
static int signature_make(struct cms *cms, const struct cms_source *source, char name[SMKI_INSTALLER_SIGNER_SIZE], struct smki_error *err)
{
    struct smki_buffer made = {0};
    gnutls_datum_t der;
    int code, rc;

    if ((code = key_read(cms, source->key, err)) != 0 || (code = chain_read(cms, source->certificate, err)) != 0 ||
        (code = key_fits(cms, err)) != 0 || (code = signer_check(cms->chain[0], name, err)) != 0)
        return code;
    if ((code = content_sign(cms, &made, err)) == 0) {
        der = datum_of(&made);
        if ((rc = gnutls_pkcs7_import(cms->pkcs7, &der, GNUTLS_X509_FMT_DER)) < 0)
            code = fail_gnutls(err, SMKI_INTERNAL, "GnuTLS does not read the signature that it made", rc);
    }
    smki_buffer_finish(&made);
    return code;
}

/* ---- one that was made elsewhere ---- */

static int signature_read(struct cms *cms, const char *path, struct smki_error *err)
{
    struct smki_buffer file = {0};
    gnutls_datum_t octets;
    int rc, code = file_take(&file, path, SMKI_INSTALLER_SIGNATURE_MAX, err);

    if (code == 0) {
        octets = datum_of(&file);
        rc = gnutls_pkcs7_import(cms->pkcs7, &octets, file.size > 0 && file.at[0] == '-' ? GNUTLS_X509_FMT_PEM : GNUTLS_X509_FMT_DER);
        if (rc < 0)
            code = fail_gnutls(err, SMKI_SIGNATURE_INVALID, path, rc);
    }
    smki_buffer_finish(&file);
    return code;
}

/* ---- the gate ---- */

/* The certificate in it with whose key it verifies over the content, for gnutls_x509_crt_deinit; NULL: there is none, and *rc is why the
 * last one was not. */
static gnutls_x509_crt_t signer_find(const struct cms *cms, int *rc)
{
    const int count = gnutls_pkcs7_get_crt_count(cms->pkcs7);

    *rc = GNUTLS_E_NO_CERTIFICATE_FOUND;
    for (int i = 0; i < count; i++) {
        gnutls_x509_crt_t certificate = NULL;
        gnutls_datum_t der = {0};

        if ((*rc = gnutls_pkcs7_get_crt_raw2(cms->pkcs7, (unsigned)i, &der)) >= 0 && (*rc = gnutls_x509_crt_init(&certificate)) >= 0 &&
            (*rc = gnutls_x509_crt_import(certificate, &der, GNUTLS_X509_FMT_DER)) >= 0)
            *rc = gnutls_pkcs7_verify_direct(cms->pkcs7, certificate, 0, &cms->content, GNUTLS_VERIFY_DISABLE_TIME_CHECKS);
        gnutls_free(der.data);
        if (*rc >= 0)
            return certificate;
        if (certificate != NULL)
            gnutls_x509_crt_deinit(certificate);
    }
    return NULL;
}

static bool is_detached(const struct cms *cms)
{
    gnutls_datum_t embedded = {0};
    const int rc = gnutls_pkcs7_get_embedded_data(cms->pkcs7, 0, &embedded);

    gnutls_free(embedded.data);
    return rc < 0 || embedded.size == 0;
}

static int signature_check(const struct cms *cms, char name[SMKI_INSTALLER_SIGNER_SIZE], struct smki_error *err)
{
    gnutls_x509_crt_t signer;
    int code, rc;

    if (gnutls_pkcs7_get_signature_count(cms->pkcs7) != 1)
        return fail(err, SMKI_SIGNATURE_INVALID, "the signature is of %d signers, and must be of one",
                    gnutls_pkcs7_get_signature_count(cms->pkcs7));
    if (!is_detached(cms))
        return fail(err, SMKI_SIGNATURE_INVALID, "the signature is not detached: it holds what it signs");
    if ((signer = signer_find(cms, &rc)) == NULL)
        return fail_gnutls(err, SMKI_SIGNATURE_INVALID, "the signature does not verify over the file with a certificate that is in it", rc);
    code = signer_check(signer, name, err);
    gnutls_x509_crt_deinit(signer);
    return code;
}

/* ---- all of it ---- */

static int content_map(struct cms *cms, int fd, uint64_t size, struct smki_error *err)
{
    void *at = MAP_FAILED;

    if (size > 0 && size <= SMKI_INSTALLER_MAX_SIZE)
        at = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (at == MAP_FAILED)
        return fail(err, SMKI_IO, "the file cannot be read: %s", strerror(errno));
    cms->content = (gnutls_datum_t){.data = at, .size = (unsigned)size};
    return 0;
}

static void cms_finish(struct cms *cms)
{
    for (unsigned i = 0; i < cms->count; i++)
        gnutls_x509_crt_deinit(cms->chain[i]);
    if (cms->key != NULL)
        gnutls_privkey_deinit(cms->key);
    if (cms->pkcs7 != NULL)
        gnutls_pkcs7_deinit(cms->pkcs7);
    if (cms->content.data != NULL)
        munmap(cms->content.data, cms->content.size);
}

int cms_sign(void *context, int fd, uint64_t size, struct smki_buffer *signature, char name[SMKI_INSTALLER_SIGNER_SIZE],
             struct smki_error *err)
{
    const struct cms_source *source = context;
    struct cms cms = {0};
    int code = content_map(&cms, fd, size, err);

    if (code == 0 && gnutls_pkcs7_init(&cms.pkcs7) < 0)
        code = fail(err, SMKI_NO_MEMORY, "out of memory");
    if (code == 0)
        code = source->signature == NULL ? signature_make(&cms, source, name, err) : signature_read(&cms, source->signature, err);
    if (code == 0 && (code = signature_check(&cms, name, err)) == 0)
        code = signature_put(cms.pkcs7, signature, err);
    cms_finish(&cms);
    return code;
}
