/* SubjectPublicKeyInfo (RFC 5280 4.1.2.7) and verifying under it. */
#include "base/mbedtls_compat_i.h"

#include "pki/der_i.h"
#include "pki/key_i.h"
#include "pki/oid_i.h"
#include "pki/p256_i.h"

#include <mbedtls/pk.h>
#include <mbedtls/rsa.h>

#include <string.h>

#define RSA_MIN_BITS 2048
#define RSA_MAX_BITS 4096

/* SEQUENCE { SEQUENCE { ecPublicKey, P-256 }, BIT STRING of 65 octets (RFC 5480) } */
static const uint8_t p256_prefix[SPKI_P256_SIZE - SMKI_P256_POINT_SIZE] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48,
                                                                           0xCE, 0x3D, 0x02, 0x01, 0x06, 0x08, 0x2A, 0x86, 0x48,
                                                                           0xCE, 0x3D, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00};

void spki_of_point(uint8_t out[SPKI_P256_SIZE], const uint8_t point[SMKI_P256_POINT_SIZE])
{
    memcpy(out, p256_prefix, sizeof p256_prefix);
    memcpy(out + sizeof p256_prefix, point, SMKI_P256_POINT_SIZE);
}

bool spki_point(uint8_t out[SMKI_P256_POINT_SIZE], struct smki_bytes spki)
{
    if (spki.size != SPKI_P256_SIZE || memcmp(spki.at, p256_prefix, sizeof p256_prefix) != 0 || spki.at[sizeof p256_prefix] != 0x04)
        return false;
    memcpy(out, spki.at + sizeof p256_prefix, SMKI_P256_POINT_SIZE);
    return true;
}

static int rsa_verdict(int rc)
{
    if (rc == MBEDTLS_ERR_PK_ALLOC_FAILED || rc == MBEDTLS_ERR_MPI_ALLOC_FAILED)
        return SMKI_NO_MEMORY;
    return rc == 0 ? 0 : SMKI_SIGNATURE_INVALID;
}

int rsa_verify(struct smki_bytes spki, const uint8_t digest[SHA256_SIZE], struct smki_bytes signature)
{
    unsigned char *at = (unsigned char *)(uintptr_t)spki.at;
    mbedtls_pk_context pk;
    size_t bits;
    int rc = SMKI_KEY_TYPE;

    mbedtls_pk_init(&pk);
    if (mbedtls_pk_parse_subpubkey(&at, spki.at + spki.size, &pk) != 0 || at != spki.at + spki.size ||
        !mbedtls_pk_can_do(&pk, MBEDTLS_PK_RSA))
        goto out;
    bits = mbedtls_pk_get_bitlen(&pk);
    if (bits < RSA_MIN_BITS || bits > RSA_MAX_BITS)
        goto out;
    rc = rsa_verdict(mbedtls_pk_verify(&pk, MBEDTLS_MD_SHA256, digest, SHA256_SIZE, signature.at, signature.size));
out:
    mbedtls_pk_free(&pk);
    return rc;
}

int spki_verify(struct smki_bytes spki, const uint8_t digest[SHA256_SIZE], struct smki_bytes signature)
{
    uint8_t point[SMKI_P256_POINT_SIZE];

    if (spki_point(point, spki))
        return p256()->verify(point, digest, signature);
    return rsa_verify(spki, digest, signature);
}

int smki_key_id(uint8_t out[8], struct smki_bytes spki, struct smki_error *err)
{
    struct der outer = der_of(spki), inside;
    struct smki_bytes algorithm, key;
    uint8_t hash[20];

    if (!der_enter(&outer, DER_SEQUENCE, &inside) || !der_done(&outer) || !der_take(&inside, DER_SEQUENCE, &algorithm) ||
        !der_bit_octets(&inside, &key) || !der_done(&inside))
        return smki_fail(err, SMKI_KEY_UNREADABLE, "the public key is not a SubjectPublicKeyInfo in DER (RFC 5280 4.1.2.7)");
    sha1(hash, key.at, key.size);
    memcpy(out, hash + 12, 8);
    out[0] = (uint8_t)(0x40 | (out[0] & 0x0F));
    return 0;
}
