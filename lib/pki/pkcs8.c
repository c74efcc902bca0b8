#include "base/mbedtls_compat_i.h"

#include "pki/oid_i.h"
#include "pki/pkcs8_i.h"

#include <mbedtls/asn1.h>
#include <mbedtls/cipher.h>
#include <mbedtls/pkcs5.h>
#include <mbedtls/platform_util.h>

#include <string.h>

#define SALT_SIZE  16
#define IV_SIZE    8      /* DES */
#define ITERATIONS 100000 /* about 0.1 s with mbedTLS */

static const uint8_t pbes2_octets[] = {0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x05, 0x0D};
static const uint8_t pbkdf2_octets[] = {0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x05, 0x0C};
static const uint8_t hmac_sha256_octets[] = {0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x02, 0x09};
static const uint8_t des3_cbc_octets[] = {0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x03, 0x07};

/* ---- telling what a file holds ---- */

enum pkcs8_kind pkcs8_kind_of(struct smki_bytes der)
{
    struct der outer = der_of(der), inside;
    int version;

    if (!der_enter(&outer, DER_SEQUENCE, &inside) || !der_done(&outer))
        return PKCS8_NONE;
    if (der_next_is(&inside, DER_SEQUENCE))
        return PKCS8_ENCRYPTED;
    return der_small(&inside, &version) && version <= 1 && der_next_is(&inside, DER_SEQUENCE) ? PKCS8_PLAIN : PKCS8_NONE;
}

bool pkcs8_is_ec_or_rsa(struct smki_bytes der)
{
    struct der outer = der_of(der), inside, algorithm;
    struct smki_bytes oid;
    int version;

    return der_enter(&outer, DER_SEQUENCE, &inside) && der_small(&inside, &version) && der_enter(&inside, DER_SEQUENCE, &algorithm) &&
           der_oid(&algorithm, &oid) && (bytes_equal(oid, oid_ec_public_key) || bytes_equal(oid, oid_rsa));
}

bool pkcs8_is_des3(struct smki_bytes der)
{
    struct der outer = der_of(der), inside, algorithm, parameters, cipher;
    struct smki_bytes oid, derivation;

    return der_enter(&outer, DER_SEQUENCE, &inside) && der_enter(&inside, DER_SEQUENCE, &algorithm) && der_oid(&algorithm, &oid) &&
           bytes_equal(oid, BYTES(pbes2_octets, sizeof pbes2_octets)) && der_enter(&algorithm, DER_SEQUENCE, &parameters) &&
           der_take(&parameters, DER_SEQUENCE, &derivation) && der_enter(&parameters, DER_SEQUENCE, &cipher) && der_oid(&cipher, &oid) &&
           bytes_equal(oid, BYTES(des3_cbc_octets, sizeof des3_cbc_octets));
}

/* ---- writing, from the back ---- */

static void wrap_private_key_info(struct der_writer *writer, const uint8_t *end, struct smki_bytes algorithm, bool with_curve)
{
    const uint8_t *inside;

    der_wrap(writer, end, DER_OCTET_STRING);
    inside = writer->at;
    if (with_curve)
        der_put_element(writer, DER_OID, oid_p256);
    else
        der_put_element(writer, DER_NULL, BYTES(NULL, 0));
    der_put_element(writer, DER_OID, algorithm);
    der_wrap(writer, inside, DER_SEQUENCE);
    der_put_number(writer, DER_INTEGER, 0);
    der_wrap(writer, end, DER_SEQUENCE);
}

void pkcs8_put_p256(struct der_writer *writer, const uint8_t scalar[32], const uint8_t point[SMKI_P256_POINT_SIZE])
{
    const uint8_t *end = writer->at;

    der_put_bits(writer, BYTES(point, SMKI_P256_POINT_SIZE));
    der_wrap(writer, end, DER_CONTEXT_CONSTRUCTED | 1);
    der_put_element(writer, DER_OCTET_STRING, BYTES(scalar, 32));
    der_put_number(writer, DER_INTEGER, 1);
    der_wrap(writer, end, DER_SEQUENCE);
    wrap_private_key_info(writer, end, oid_ec_public_key, true);
}

void pkcs8_put_rsa(struct der_writer *writer, struct smki_bytes rsa_private_key)
{
    const uint8_t *end = writer->at;

    der_put(writer, rsa_private_key);
    wrap_private_key_info(writer, end, oid_rsa, false);
}

/* PBKDF2-params { salt, iterationCount, prf } under its OID (RFC 8018 A.2). */
static void put_derivation(struct der_writer *writer, const uint8_t salt[SALT_SIZE])
{
    const uint8_t *end = writer->at;

    der_put_element(writer, DER_NULL, BYTES(NULL, 0));
    der_put_element(writer, DER_OID, BYTES(hmac_sha256_octets, sizeof hmac_sha256_octets));
    der_wrap(writer, end, DER_SEQUENCE);
    der_put_number(writer, DER_INTEGER, ITERATIONS);
    der_put_element(writer, DER_OCTET_STRING, BYTES(salt, SALT_SIZE));
    der_wrap(writer, end, DER_SEQUENCE);
    der_put_element(writer, DER_OID, BYTES(pbkdf2_octets, sizeof pbkdf2_octets));
    der_wrap(writer, end, DER_SEQUENCE);
}

/* PBES2-params { keyDerivationFunc, encryptionScheme } (RFC 8018 A.4). */
static void put_parameters(struct der_writer *writer, const uint8_t salt[SALT_SIZE], const uint8_t iv[IV_SIZE])
{
    const uint8_t *end = writer->at;

    der_put_element(writer, DER_OCTET_STRING, BYTES(iv, IV_SIZE));
    der_put_element(writer, DER_OID, BYTES(des3_cbc_octets, sizeof des3_cbc_octets));
    der_wrap(writer, end, DER_SEQUENCE);
    put_derivation(writer, salt);
    der_wrap(writer, end, DER_SEQUENCE);
}

/* `parameters`: PBES2-params as an element. mbedTLS wants it as an mbedtls_asn1_buf, tag and contents apart. */
static int encrypt(uint8_t *out, size_t capacity, size_t *size, struct smki_bytes parameters, struct smki_bytes plain,
                   const char *passphrase)
{
    struct der reader = der_of(parameters);
    struct smki_bytes contents;
    mbedtls_asn1_buf buffer = {.tag = DER_SEQUENCE};

    if (!der_take(&reader, DER_SEQUENCE, &contents) || capacity < plain.size + IV_SIZE)
        return -1;
    buffer.p = (unsigned char *)(uintptr_t)contents.at;
    buffer.len = contents.size;
    *size = plain.size + IV_SIZE - plain.size % IV_SIZE; /* PKCS#7 padding; 3.x says it too, 2.28 does not */
    return mbedtls_pkcs5_pbes2_ext(&buffer, MBEDTLS_PKCS5_ENCRYPT, (const unsigned char *)passphrase, strlen(passphrase), plain.at,
                                   plain.size, out, capacity, size);
}

int pkcs8_put_encrypted(struct der_writer *writer, struct smki_bytes plain, const char *passphrase, struct smki_error *err)
{
    uint8_t salt_iv[SALT_SIZE + IV_SIZE], room[256], cipher_text[PKCS8_MAX_SIZE];
    struct der_writer parameters = der_writer_of(room, sizeof room);
    const uint8_t *end = writer->at, *algorithm_end;
    size_t size;

    if (smki_random_system.fill(smki_random_system.context, salt_iv, sizeof salt_iv) != 0)
        return smki_fail(err, SMKI_RANDOM, NULL);
    put_parameters(&parameters, salt_iv, salt_iv + SALT_SIZE);
    if (encrypt(cipher_text, sizeof cipher_text, &size, der_written(&parameters), plain, passphrase) != 0)
        return smki_fail(err, SMKI_KEY_TYPE,
                         "mbedTLS cannot encrypt a private key here: save it without a passphrase and use 'openssl pkcs8 -topk8 -v2 des3'");
    der_put_element(writer, DER_OCTET_STRING, BYTES(cipher_text, size));
    algorithm_end = writer->at;
    der_put(writer, der_written(&parameters));
    der_put_element(writer, DER_OID, BYTES(pbes2_octets, sizeof pbes2_octets));
    der_wrap(writer, algorithm_end, DER_SEQUENCE);
    der_wrap(writer, end, DER_SEQUENCE);
    return 0;
}
