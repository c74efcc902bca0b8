#include "base/mbedtls_compat_i.h"

#include "pki/draft_i.h"

#include "pki/key_i.h"
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

int smki_issue(uint8_t out[SMKI_CERTIFICATE_MAX_SIZE], size_t *size, struct smki_draft *draft, enum smki_proof proof,
               struct smki_error *err)
{
    int rc;
    char text[2 * 20 + 1];
    size_t signature_size;
    uint8_t digest[SHA256_SIZE], signature[SMKI_SIGNATURE_MAX_SIZE];

    if ((rc = draft_spend(draft, err)) != 0)
        return rc;
    smki_serial_text(&draft->serial, text);
    p256()->digest(digest, draft->tbs, draft->tbs_size);
    if (mbedtls_ct_memcmp(digest, draft->linted_digest, sizeof digest) != 0)
        return smki_fail(err, SMKI_CA_SIGNATURE_MISMATCH, "serial %s: the draft is no longer what lint passed", text);
    if ((rc = smki_key_sign(draft->ca->key, signature, &signature_size, digest, err)) != 0)
        return smki_error_prefix(err, "signing serial %s", text), rc;
    if (proof == SMKI_PROOF_SIGNATURE && spki_verify(draft->ca->certificate.spki, digest, BYTES(signature, signature_size)) != 0)
        return smki_fail(err, SMKI_CA_SIGNATURE_MISMATCH, "GBCS 12: the signature over serial %s does not verify", text);
    return certificate_close(out, size, BYTES(draft->tbs, draft->tbs_size), smki_key_type(draft->ca->key), BYTES(signature, signature_size),
                             err);
}
