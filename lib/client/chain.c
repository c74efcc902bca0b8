/* The CAs that may issue Device Certificates, and what a certificate of theirs is held against before it is accepted. */
#include "client/client_i.h"

#include "pki/der_i.h"
#include "pki/pem_i.h"

#include <smki/lint.h>

#include <stdlib.h>
#include <string.h>

#define CHAIN_FILE_MAX ((size_t)256 * 1024)

/* ---- reading ---- */

static int add(struct chain *chain, struct smki_bytes text, struct smki_error *err)
{
    struct smki_buffer *der = &chain->der[chain->count];
    struct smki_certificate *certificate = &chain->certificates[chain->count];
    char label[64];
    int rc;

    if (chain->count == CHAIN_MAX)
        return smki_fail(err, SMKI_TOO_LARGE, "more than %d certificates", CHAIN_MAX);
    chain->count++;
    if ((rc = smki_pem_decode(der, label, text, err)) != 0 ||
        (rc = smki_certificate_read(certificate, BYTES(der->at, der->size), err)) != 0)
        return smki_error_prefix(err, "certificate %zu", chain->count), rc;
    if (!certificate->is_ca)
        return smki_fail(err, SMKI_CERTIFICATE_MALFORMED, "certificate %zu is not a CA's", chain->count);
    return 0;
}

static int add_all(struct chain *chain, struct smki_bytes text, struct smki_error *err)
{
    struct pem_text block;
    int rc;

    do {
        if ((rc = pem_cut(&block, text, err)) != 0)
            return rc;
        if (block.bare && chain->count != 0)
            return 0; /* what follows the last one */
        if ((rc = add(chain, block.bare ? text : BYTES(text.at + block.before.size, text.size - block.before.size - block.after.size),
                      err)) != 0)
            return rc;
        text = block.after;
    } while (!block.bare && !pem_is_blank(text));
    return 0;
}

static bool is_issuer(const struct smki_certificate *issuer, const struct smki_certificate *certificate)
{
    if (!bytes_equal(issuer->subject, certificate->issuer))
        return false;
    /* a CA may have had several keys under its name */
    return certificate->authority_key_id.size == 0 || bytes_equal(issuer->subject_key_id, certificate->authority_key_id);
}

/* NULL: it is not in the chain. A root is its own. */
static const struct smki_certificate *issuer_of(const struct chain *chain, const struct smki_certificate *certificate)
{
    if (certificate->is_ca && is_issuer(certificate, certificate))
        return certificate;
    for (size_t i = 0; i < chain->count; i++)
        if (is_issuer(&chain->certificates[i], certificate))
            return &chain->certificates[i];
    return NULL;
}

static int verify(const struct chain *chain, struct smki_error *err)
{
    int rc;

    for (size_t i = 0; i < chain->count; i++) {
        const struct smki_certificate *issuer = issuer_of(chain, &chain->certificates[i]);
        if (issuer != NULL && (rc = smki_certificate_verify(&chain->certificates[i], issuer, err)) != 0)
            return smki_error_prefix(err, "certificate %zu", i + 1), rc;
    }
    return 0;
}

int chain_read(struct chain *chain, const char *path, struct smki_error *err)
{
    struct smki_buffer file = {0};
    int rc = file_read(&file, path, CHAIN_FILE_MAX, err);

    if (rc == 0 && ((rc = add_all(chain, BYTES(file.at, file.size), err)) != 0 || (rc = verify(chain, err)) != 0))
        smki_error_prefix(err, "the CAs' chain %s", path);
    smki_buffer_finish(&file);
    return rc;
}

void chain_finish(struct chain *chain)
{
    for (size_t i = 0; i < chain->count; i++)
        smki_buffer_finish(&chain->der[i]);
    chain->count = 0;
}

/* ---- holding against ---- */

void expected_of(struct expected *out, const struct smki_csr *csr)
{
    memcpy(out->point, csr->point, sizeof(out->point));
    out->device = csr->device_id;
    out->key_usage = (uint8_t)csr->key_usage;
}

static int wrong(struct smki_error *err, const char *what)
{
    return smki_fail(err, SMKI_CLIENT_CERTIFICATE, "%s", what);
}

static int matches(const struct expected *expected, const struct smki_certificate *certificate, struct smki_error *err)
{
    char asked[SMKI_DEVICE_ID_TEXT_SIZE], got[SMKI_DEVICE_ID_TEXT_SIZE];

    if (!certificate->is_p256 || memcmp(certificate->point, expected->point, sizeof(expected->point)) != 0)
        return wrong(err, "the certificate is of another public key than the CSR");
    if (!certificate->has_device_id || memcmp(certificate->device_id.octet, expected->device.octet, SMKI_DEVICE_ID_SIZE) != 0)
        return smki_fail(err, SMKI_CLIENT_CERTIFICATE, "the certificate is of device %s, the CSR of %s",
                         certificate->has_device_id ? smki_device_id_text(&certificate->device_id, got) : "none",
                         smki_device_id_text(&expected->device, asked));
    if ((certificate->key_usage & 0xff) != expected->key_usage)
        return smki_fail(err, SMKI_CLIENT_CERTIFICATE, "the certificate's keyUsage is not %s alone, which the CSR asks for",
                         smki_key_usage_word((enum smki_key_usage)expected->key_usage));
    return 0;
}

/* The profile and the issuer's signature. */
static int judge(struct smki_bytes der, const struct smki_certificate *issuer, struct smki_error *err)
{
    struct smki_lint_report *report = malloc(sizeof(*report));
    int rc;

    if (report == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    if ((rc = smki_lint(report, SMKI_LINT_DEVICE_CERTIFICATE, der, issuer, err)) == 0 && report->errors > 0) {
        const struct smki_lint_finding *finding = report->findings;
        while (finding->rule->severity != SMKI_LINT_ERROR)
            finding++;
        rc = smki_fail(err, SMKI_CLIENT_CERTIFICATE, "the certificate breaks its profile: %s: %s (%s)", finding->rule->name,
                       finding->detail[0] != '\0' ? finding->detail : finding->rule->text, finding->rule->citation);
    } else if (rc == 0 && !report->signature_judged) {
        rc = wrong(err, "the certificate's signature cannot be verified");
    }
    free(report);
    return rc;
}

int chain_check(const struct chain *chain, const struct expected *expected, struct smki_bytes certificate, struct smki_error *err)
{
    const struct smki_certificate *issuer;
    struct smki_certificate read;
    struct smki_error why = {0};
    int rc;

    if (smki_certificate_read(&read, certificate, &why) != 0)
        return smki_fail(err, SMKI_CLIENT_CERTIFICATE, "what came is no certificate: %s", why.text);
    if ((rc = matches(expected, &read, err)) != 0)
        return rc;
    if ((issuer = issuer_of(chain, &read)) == NULL)
        return wrong(err, "the certificate was issued by a CA that is not in the chain given");
    return judge(certificate, issuer, err);
}
