/* PKCS#8 (RFC 5958, RFC 8018): the form of private keys in files. */
#ifndef SMKI_PKCS8_I_H
#define SMKI_PKCS8_I_H

#include "pki/der_write_i.h"

#include <smki/csr.h>

#define PKCS8_MAX_SIZE 8192 /* octets; RSA 4096 takes 2,400 */

enum pkcs8_kind {
    PKCS8_NONE,      /* something else */
    PKCS8_PLAIN,     /* PrivateKeyInfo */
    PKCS8_ENCRYPTED, /* EncryptedPrivateKeyInfo */
};

enum pkcs8_kind pkcs8_kind_of(struct smki_bytes der);
/* Does a plain one hold an EC or RSA key? */
bool pkcs8_is_ec_or_rsa(struct smki_bytes der);
/* Is the encryption PBES2 with 3DES, which every mbedTLS reads? */
bool pkcs8_is_des3(struct smki_bytes der);

/* Puts PrivateKeyInfo of a P-256 scalar (with ECPrivateKey inside, RFC 5915), or of an RSAPrivateKey. */
void pkcs8_put_p256(struct der_writer *writer, const uint8_t scalar[32], const uint8_t point[SMKI_P256_POINT_SIZE]);
void pkcs8_put_rsa(struct der_writer *writer, struct smki_bytes rsa_private_key);
/* Puts EncryptedPrivateKeyInfo around `plain`: PBES2, PBKDF2 with HMAC-SHA256, 3DES in CBC mode: mbedTLS 2.28 reads no other cipher.
 * Errors: KEY_TYPE, RANDOM. */
SMKI_MUST_USE int pkcs8_put_encrypted(struct der_writer *writer, struct smki_bytes plain, const char *passphrase, struct smki_error *err);

#endif
