#include "base/mbedtls_compat_i.h"

#include "pki/draft_i.h"

#include "pki/key_i.h"
#include "pki/key_pkcs11_i.h"
#include "pki/p256_i.h"

#include <mbedtls/constant_time.h>

#include <string.h>

void write_signed(struct der_writer *writer, struct smki_bytes tbs, enum smki_key_type type, struct smki_bytes signature)
{
    const uint8_t *end = writer->at;

    der_put_bits(writer, signature);
    der_put(writer, signature_algorithm_of(type));
    der_put(writer, tbs);
    der_wrap(writer, end, DER_SEQUENCE);
}

static bool holds(struct smki_bytes certificate, struct smki_bytes tbs)
{
    struct der outside = der_of(certificate), inside;
    struct smki_bytes found;

    return der_enter(&outside, DER_SEQUENCE, &inside) && der_take_whole(&inside, DER_SEQUENCE, &found) && bytes_equal(found, tbs);
}

int certificate_close(uint8_t out[SMKI_CERTIFICATE_MAX_SIZE], size_t *size, struct smki_bytes tbs, enum smki_key_type type,
                      struct smki_bytes signature, struct smki_error *err)
{
    struct der_writer writer = der_writer_of(out, SMKI_CERTIFICATE_MAX_SIZE);

    write_signed(&writer, tbs, type, signature);
    if (writer.failed)
        return smki_fail(err, SMKI_TOO_LARGE, "the certificate would take more than %d octets", SMKI_CERTIFICATE_MAX_SIZE);
    *size = der_written(&writer).size;
    memmove(out, writer.at, *size);
    if (!holds(BYTES(out, *size), tbs))
        return smki_fail(err, SMKI_CA_SIGNATURE_MISMATCH, "the finished certificate does not hold the octets that were signed");
    return 0;
}

/* A draft signs once, whatever comes of it. */
static int draft_spend(struct smki_draft *draft, struct smki_error *err)
{
    const bool linted = draft->state == DRAFT_LINTED && draft->ca != NULL;

    draft->state = DRAFT_SPENT;
    if (!linted)
        return smki_fail(err, SMKI_DRAFT_NOT_LINTED, NULL);
    if (draft->ca->key == NULL)
        return smki_fail(err, SMKI_CA_KEY_UNAVAILABLE, "this CA was opened without its private key");
    return 0;
}

/* What is signed is what lint has passed. */
static int draft_digest(uint8_t digest[SHA256_SIZE], struct smki_draft *draft, struct smki_error *err)
{
    char text[2 * 20 + 1];
    int rc;

    if ((rc = draft_spend(draft, err)) != 0)
        return rc;
    p256()->digest(digest, draft->tbs, draft->tbs_size);
    if (mbedtls_ct_memcmp(digest, draft->linted_digest, SHA256_SIZE) != 0)
        return smki_fail(err, SMKI_CA_SIGNATURE_MISMATCH, "serial %s: the draft is no longer what lint passed",
                         smki_serial_text(&draft->serial, text));
    return 0;
}

static int draft_close(uint8_t out[SMKI_CERTIFICATE_MAX_SIZE], size_t *size, const struct smki_draft *draft, enum smki_proof proof,
                       const uint8_t digest[SHA256_SIZE], struct smki_bytes signature, struct smki_error *err)
{
    char text[2 * 20 + 1];

    if (proof == SMKI_PROOF_SIGNATURE && spki_verify(draft->ca->certificate.spki, digest, signature) != 0)
        return smki_fail(err, SMKI_CA_SIGNATURE_MISMATCH, "GBCS 12: the signature over serial %s does not verify",
                         smki_serial_text(&draft->serial, text));
    return certificate_close(out, size, BYTES(draft->tbs, draft->tbs_size), smki_key_type(draft->ca->key), signature, err);
}

int smki_issue(uint8_t out[SMKI_CERTIFICATE_MAX_SIZE], size_t *size, struct smki_draft *draft, enum smki_proof proof,
               struct smki_error *err)
{
    int rc;
    char text[2 * 20 + 1];
    size_t signature_size;
    uint8_t digest[SHA256_SIZE], signature[SMKI_SIGNATURE_MAX_SIZE];

    if ((rc = draft_digest(digest, draft, err)) != 0)
        return rc;
    if ((rc = smki_key_sign(draft->ca->key, signature, &signature_size, digest, err)) != 0)
        return smki_error_prefix(err, "signing serial %s", smki_serial_text(&draft->serial, text)), rc;
    return draft_close(out, size, draft, proof, digest, BYTES(signature, signature_size), err);
}

/* ---- many with one call of the key ---- */

/* What a token made that does not verify is its fault and no CSR's, and what it made beside it, unproven, is none the better. */
static int token_fault(const struct smki_key *key, const struct smki_issuing *issuing, size_t count, struct smki_error *err)
{
    if (issuing->error.code != SMKI_CA_SIGNATURE_MISMATCH || !smki_key_on_token(key))
        return 0;
    key_pkcs11_untold(key, count);
    return smki_fail(err, SMKI_CA_KEY_UNAVAILABLE, "%s", issuing->error.text);
}

int smki_issue_many(struct smki_issuing issuings[], size_t count, struct smki_error *err)
{
    uint8_t digests[SMKI_ISSUE_TOGETHER][SHA256_SIZE], signatures[SMKI_ISSUE_TOGETHER][SMKI_SIGNATURE_MAX_SIZE];
    size_t sizes[SMKI_ISSUE_TOGETHER], at[SMKI_ISSUE_TOGETHER], good = 0;
    const struct smki_key *key = NULL;
    int rc;

    if (count > SMKI_ISSUE_TOGETHER)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "at most %d certificates are issued together", SMKI_ISSUE_TOGETHER);
    for (size_t i = 0; i < count; i++) {
        struct smki_issuing *issuing = &issuings[i];

        issuing->error = (struct smki_error){0};
        if ((issuing->error.code = draft_digest(digests[good], issuing->draft, &issuing->error)) != 0)
            continue;
        if (key != NULL && key != issuing->draft->ca->key)
            return smki_fail(err, SMKI_INVALID_ARGUMENT, "certificates that are issued together are of one CA");
        key = issuing->draft->ca->key;
        at[good++] = i;
    }
    if (good != 0 && (rc = smki_key_sign_many(key, good, digests, signatures, sizes, err)) != 0)
        return smki_error_prefix(err, "signing %zu certificates", good), rc;
    for (size_t i = 0; i < good; i++) {
        struct smki_issuing *issuing = &issuings[at[i]];

        issuing->error.code = draft_close(issuing->out, &issuing->size, issuing->draft, issuing->proof, digests[i],
                                          BYTES(signatures[i], sizes[i]), &issuing->error);
        if ((rc = token_fault(key, issuing, good, err)) != 0)
            return rc;
    }
    return 0;
}
