/* Signing the head of the log, and verifying it. */
#include "audit/audit_i.h"

#include "base/mbedtls_compat_i.h"

#include <mbedtls/pk.h>

#include <inttypes.h>
#include <stdlib.h>

void head_digest(uint8_t digest[SHA256_SIZE], uint64_t sequence, const uint8_t hash[SHA256_SIZE])
{
    char hex[2 * SHA256_SIZE + 1], text[160];
    int size = snprintf(text, sizeof(text), SMKI_AUDIT_HEAD_TEXT, sequence, hex_encode(hex, hash, SHA256_SIZE));

    sha256(digest, text, (size_t)size);
}

static int head_sign(void *context, uint64_t sequence, const uint8_t hash[32], struct smki_buffer *signature, struct smki_error *err)
{
    uint8_t digest[SHA256_SIZE], octets[SMKI_SIGNATURE_MAX_SIZE];
    const struct smki_key *key = context;
    size_t size;
    int rc;

    head_digest(digest, sequence, hash);
    if ((rc = smki_key_sign(key, octets, &size, digest, err)) != 0)
        return smki_error_prefix(err, "signing the head of the audit log"), rc;
    return smki_buffer_append(signature, octets, size, err);
}

void smki_audit_sign_with(struct smki_store *store, const struct smki_key *key, uint64_t interval)
{
    store_sign_head_with(store, key != NULL ? head_sign : NULL, (void *)(uintptr_t)key, interval);
}

/* ---- verifying: whatever kind of key the operator has ---- */

struct head_verifier {
    mbedtls_pk_context key;
};

int head_verifier_open(struct head_verifier **out, struct smki_bytes spki, struct smki_error *err)
{
    struct head_verifier *verifier = calloc(1, sizeof(*verifier));

    *out = NULL;
    if (verifier == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    mbedtls_pk_init(&verifier->key);
    if (mbedtls_pk_parse_public_key(&verifier->key, spki.at, spki.size) != 0) {
        head_verifier_close(verifier);
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "the audit key is not a SubjectPublicKeyInfo in DER");
    }
    *out = verifier;
    return 0;
}

bool head_verifies(struct head_verifier *verifier, const struct store_checkpoint *head)
{
    uint8_t digest[SHA256_SIZE];

    head_digest(digest, head->sequence, head->hash);
    return mbedtls_pk_verify(&verifier->key, MBEDTLS_MD_SHA256, digest, sizeof(digest), head->signature.at, head->signature.size) == 0;
}

void head_verifier_close(struct head_verifier *verifier)
{
    if (verifier == NULL)
        return;
    mbedtls_pk_free(&verifier->key);
    free(verifier);
}
