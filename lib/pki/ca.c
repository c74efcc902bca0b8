#include "pki/draft_i.h"

#include "pki/key_pkcs11_i.h"
#include "pki/oid_i.h"
#include "pki/p256_i.h"

#include <stdlib.h>
#include <string.h>

static int read_certificate(struct smki_ca *ca, const char *path, struct smki_error *err)
{
    int rc;
    char label[64];
    struct smki_buffer file = {.max = 4 * SMKI_CERTIFICATE_MAX_SIZE};

    if ((rc = file_read(&file, path, file.max, err)) != 0)
        goto out;
    if ((rc = smki_pem_decode(&ca->der, label, BYTES(file.at, file.size), err)) != 0)
        goto out;
    if ((rc = smki_certificate_read(&ca->certificate, BYTES(ca->der.at, ca->der.size), err)) != 0)
        goto out;
    if (!ca->certificate.is_ca)
        rc = smki_fail(err, SMKI_INVALID_ARGUMENT, "not a CA's certificate: basicConstraints does not say cA (RFC 5280 4.2.1.9)");
    else if (ca->certificate.subject_key_id.size == 0)
        rc = smki_fail(err, SMKI_CERTIFICATE_MALFORMED, "has no subjectKeyIdentifier, which its certificates must refer to");
out:
    if (rc != 0 && err != NULL && strstr(err->text, path) == NULL)
        smki_error_prefix(err, "%s", path);
    smki_buffer_finish(&file);
    return rc;
}

static int choose_policy(struct smki_ca *ca, const char *dotted, struct smki_error *err)
{
    int rc;
    size_t size = ca->certificate.policy.size;

    _Static_assert(sizeof ca->policy == OID_MAX_SIZE, "a policy is any OID that oid_parse makes");
    if (dotted != NULL) {
        if ((rc = oid_parse(ca->policy, &size, dotted, err)) != 0)
            return smki_error_prefix(err, "policy OID"), rc;
    } else if (size == 0 || size > sizeof ca->policy) {
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "the CA's certificate has no policy; name one in the configuration");
    } else {
        memcpy(ca->policy, ca->certificate.policy.at, size);
    }
    ca->issuer.policy = BYTES(ca->policy, size);
    return 0;
}

/* By a signature made and verified: equal public halves would not show a damaged private one. */
static int prove_key(const struct smki_ca *ca, const char *key_path, struct smki_error *err)
{
    static const char message[] = "libsmki: does this key belong to this certificate?";
    int rc;
    size_t size;
    uint8_t digest[SHA256_SIZE], signature[SMKI_SIGNATURE_MAX_SIZE];

    p256()->digest(digest, message, sizeof message);
    if ((rc = smki_key_sign(ca->key, signature, &size, digest, err)) != 0)
        return rc;
    if (spki_verify(ca->certificate.spki, digest, BYTES(signature, size)) != 0)
        return smki_fail(err, SMKI_KEY_MISMATCH, "%s: the private key does not belong to the CA's certificate", key_path);
    return 0;
}

static int open_key(struct smki_ca *ca, const struct smki_ca_options *options, struct smki_error *err)
{
    static const struct smki_pkcs11 none;
    int rc;

    if (key_is_uri(options->key_path))
        return smki_key_open_token(&ca->key, options->key_path, options->pkcs11 != NULL ? options->pkcs11 : &none, ca->certificate.spki,
                                   err);
    if ((rc = smki_key_open_file(&ca->key, options->key_path, options->passphrase, options->passphrase_context, err)) != 0)
        return rc;
    return prove_key(ca, options->key_path, err);
}

int smki_ca_open(struct smki_ca **out, const struct smki_ca_options *options, struct smki_error *err)
{
    int rc;
    struct smki_ca *ca = calloc(1, sizeof *ca);

    *out = NULL;
    if (ca == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    if ((rc = read_certificate(ca, options->certificate_path, err)) != 0)
        goto out;
    ca->issuer.name = ca->certificate.subject;
    ca->issuer.key_id = ca->certificate.subject_key_id;
    ca->issuer.signing = ca->certificate.is_rsa ? SMKI_KEY_RSA : SMKI_KEY_P256;
    if ((rc = choose_policy(ca, options->policy_oid, err)) != 0)
        goto out;
    draft_templates_prepare(ca->templates, &ca->issuer);
    ca->issuer.templates = ca->templates;
    if (options->key_path != NULL && (rc = open_key(ca, options, err)) != 0)
        goto out;
    *out = ca;
    ca = NULL;
out:
    smki_ca_close(ca);
    return rc;
}

void smki_ca_close(struct smki_ca *ca)
{
    if (ca == NULL)
        return;
    smki_key_close(ca->key);
    smki_buffer_finish(&ca->der);
    free(ca);
}

const struct smki_certificate *smki_ca_certificate(const struct smki_ca *ca)
{
    return &ca->certificate;
}

const struct smki_key *smki_ca_key(const struct smki_ca *ca)
{
    return ca->key;
}
