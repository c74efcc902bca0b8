/* PKCS#12 (RFC 7292) by GnuTLS: the form in which browsers and other programs take a key with its certificates. */
#include "smki/pkcs12_i.h"

#include <gnutls/gnutls.h>
#include <gnutls/pkcs12.h>
#include <gnutls/x509.h>

#define ID_SIZE 20 /* of the local key ID, which binds key and certificate */

struct bundle {
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t certificate, issuer;
    gnutls_pkcs12_bag_t key_bag, certificate_bag;
    gnutls_pkcs12_t pkcs12;
    uint8_t id[ID_SIZE];
};

static gnutls_datum_t datum(struct smki_bytes bytes)
{
    return (gnutls_datum_t){.data = (unsigned char *)(uintptr_t)bytes.at, .size = (unsigned)bytes.size};
}

static int parts_take(struct bundle *bundle, const struct pkcs12_parts *parts)
{
    const gnutls_datum_t key = datum(parts->key_pem), certificate = datum(parts->certificate), issuer = datum(parts->issuer);
    size_t size = sizeof(bundle->id);
    int rc;

    if ((rc = gnutls_x509_privkey_init(&bundle->key)) < 0 || (rc = gnutls_x509_crt_init(&bundle->certificate)) < 0 ||
        (rc = gnutls_x509_crt_init(&bundle->issuer)) < 0 || (rc = gnutls_pkcs12_bag_init(&bundle->key_bag)) < 0 ||
        (rc = gnutls_pkcs12_bag_init(&bundle->certificate_bag)) < 0 || (rc = gnutls_pkcs12_init(&bundle->pkcs12)) < 0)
        return rc;
    if ((rc = gnutls_x509_privkey_import_pkcs8(bundle->key, &key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN)) < 0 ||
        (rc = gnutls_x509_crt_import(bundle->certificate, &certificate, GNUTLS_X509_FMT_DER)) < 0 ||
        (rc = gnutls_x509_crt_import(bundle->issuer, &issuer, GNUTLS_X509_FMT_DER)) < 0)
        return rc;
    return gnutls_x509_privkey_get_key_id(bundle->key, 0, bundle->id, &size);
}

/* The bag with a name and the ID of the key; `index` is what gnutls_pkcs12_bag_set_... gave. */
static int bag_label(const struct bundle *bundle, gnutls_pkcs12_bag_t bag, int index, const char *name)
{
    const gnutls_datum_t id = {.data = (unsigned char *)(uintptr_t)bundle->id, .size = ID_SIZE};
    int rc = index;

    if (index < 0 || (rc = gnutls_pkcs12_bag_set_key_id(bag, (unsigned)index, &id)) < 0)
        return rc;
    return gnutls_pkcs12_bag_set_friendly_name(bag, (unsigned)index, name);
}

/* PKCS#8 encrypted by itself (PBES2, AES-256 in CBC mode); its bag needs no other encryption. */
static int key_put(struct bundle *bundle, const char *name, const char *password)
{
    gnutls_datum_t encrypted = {0};
    int rc = gnutls_x509_privkey_export2_pkcs8(bundle->key, GNUTLS_X509_FMT_DER, password, GNUTLS_PKCS_PBES2_AES_256, &encrypted);

    if (rc < 0)
        return rc;
    rc = gnutls_pkcs12_bag_set_data(bundle->key_bag, GNUTLS_BAG_PKCS8_ENCRYPTED_KEY, &encrypted);
    gnutls_free(encrypted.data);
    return bag_label(bundle, bundle->key_bag, rc, name);
}

static int certificates_put(struct bundle *bundle, const char *name, const char *password)
{
    int rc = gnutls_pkcs12_bag_set_crt(bundle->certificate_bag, bundle->certificate);

    if ((rc = bag_label(bundle, bundle->certificate_bag, rc, name)) < 0 ||
        (rc = gnutls_pkcs12_bag_set_crt(bundle->certificate_bag, bundle->issuer)) < 0)
        return rc;
    return gnutls_pkcs12_bag_encrypt(bundle->certificate_bag, password, GNUTLS_PKCS_PBES2_AES_256);
}

static int bundle_close(struct bundle *bundle, const char *password, gnutls_datum_t *out)
{
    int rc;

    if ((rc = gnutls_pkcs12_set_bag(bundle->pkcs12, bundle->certificate_bag)) < 0 ||
        (rc = gnutls_pkcs12_set_bag(bundle->pkcs12, bundle->key_bag)) < 0 ||
        (rc = gnutls_pkcs12_generate_mac2(bundle->pkcs12, GNUTLS_MAC_SHA256, password)) < 0)
        return rc;
    return gnutls_pkcs12_export2(bundle->pkcs12, GNUTLS_X509_FMT_DER, out);
}

static void bundle_finish(struct bundle *bundle)
{
    gnutls_pkcs12_deinit(bundle->pkcs12);
    gnutls_pkcs12_bag_deinit(bundle->certificate_bag);
    gnutls_pkcs12_bag_deinit(bundle->key_bag);
    gnutls_x509_crt_deinit(bundle->issuer);
    gnutls_x509_crt_deinit(bundle->certificate);
    gnutls_x509_privkey_deinit(bundle->key);
}

int pkcs12_make(struct smki_buffer *out, const struct pkcs12_parts *parts, const char *password, struct smki_error *err)
{
    struct bundle bundle = {0};
    gnutls_datum_t made = {0};
    int rc = parts_take(&bundle, parts), code = 0;

    if (rc >= 0 && (rc = key_put(&bundle, parts->name, password)) >= 0 && (rc = certificates_put(&bundle, parts->name, password)) >= 0 &&
        (rc = bundle_close(&bundle, password, &made)) >= 0)
        code = smki_buffer_append(out, made.data, made.size, err);
    gnutls_free(made.data);
    bundle_finish(&bundle);
    if (rc >= 0)
        return code;
    err->code = rc == GNUTLS_E_MEMORY_ERROR ? SMKI_NO_MEMORY : SMKI_INTERNAL;
    snprintf(err->text, sizeof(err->text), "GnuTLS does not make the PKCS#12 file: %s", gnutls_strerror(rc));
    return err->code;
}
