/* A private key whose home is a token: the seam of lib/pki/key_i.h over a session of smki/token.h. */
#include "token/token_i.h"

#include "pki/der_write_i.h"
#include "pki/key_i.h"
#include "pki/oid_i.h"

#include <stdlib.h>
#include <string.h>

/* DigestInfo of SHA-256 (RFC 8017 9.2, note 1): CKM_RSA_PKCS pads it and signs. */
static const uint8_t digest_info[] = {0x30, 0x31, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                      0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};

struct token_key {
    struct smki_key key;
    struct smki_token *token;
    CK_OBJECT_HANDLE handle;
};

/* A positive INTEGER of octets: none of the zeroes before it but the one that keeps it positive (X.690 8.3). */
static void put_integer(struct der_writer *writer, struct smki_bytes octets)
{
    const uint8_t *end = writer->at;

    while (octets.size > 1 && octets.at[0] == 0) {
        octets.at++;
        octets.size--;
    }
    der_put(writer, octets);
    if (octets.size == 0 || (octets.at[0] & 0x80) != 0)
        der_put_octet(writer, 0);
    der_wrap(writer, end, DER_INTEGER);
}

size_t spki_of_rsa(uint8_t *out, size_t capacity, struct smki_bytes modulus, struct smki_bytes exponent)
{
    uint8_t key_room[SPKI_MAX_SIZE], room[SPKI_MAX_SIZE];
    struct der_writer key = der_writer_of(key_room, sizeof(key_room)), whole = der_writer_of(room, sizeof(room));
    const uint8_t *key_end = key.at, *end = whole.at, *algorithm_end;
    struct smki_bytes written;

    put_integer(&key, exponent);
    put_integer(&key, modulus);
    der_wrap(&key, key_end, DER_SEQUENCE);
    der_put_bits(&whole, der_written(&key));
    algorithm_end = whole.at;
    der_put_element(&whole, DER_NULL, BYTES(NULL, 0));
    der_put_element(&whole, DER_OID, oid_rsa);
    der_wrap(&whole, algorithm_end, DER_SEQUENCE);
    der_wrap(&whole, end, DER_SEQUENCE);
    written = der_written(&whole);
    if (key.failed || whole.failed || written.size > capacity)
        return 0;
    memcpy(out, written.at, written.size);
    return written.size;
}

static CK_RV sign_with(struct smki_token *token, CK_OBJECT_HANDLE key, const uint8_t digest[SHA256_SIZE], uint8_t *out, CK_ULONG *size)
{
    static CK_MECHANISM mechanism = {.mechanism = CKM_RSA_PKCS};
    uint8_t info[sizeof(digest_info) + SHA256_SIZE];
    CK_RV rv;

    memcpy(info, digest_info, sizeof(digest_info));
    memcpy(info + sizeof(digest_info), digest, SHA256_SIZE);
    pthread_mutex_lock(&token->lock);
    if ((rv = token->module->call->C_SignInit(token->session, &mechanism, key)) == CKR_OK)
        rv = token->module->call->C_Sign(token->session, info, sizeof(info), out, size);
    pthread_mutex_unlock(&token->lock);
    return rv;
}

static int token_key_sign(const struct smki_key *key, uint8_t out[SMKI_SIGNATURE_MAX_SIZE], size_t *size, const uint8_t digest[32],
                          struct smki_error *err)
{
    const struct token_key *own = (const struct token_key *)(const void *)key;
    CK_ULONG written = SMKI_SIGNATURE_MAX_SIZE;
    CK_RV rv = sign_with(own->token, own->handle, digest, out, &written);

    if (rv != CKR_OK)
        return pkcs11_fail(err, SMKI_CA_KEY_UNAVAILABLE, rv, "signing on the token");
    *size = written;
    return 0;
}

static void token_key_close(struct smki_key *key)
{
    free(key);
}

static const struct key_home token_home = {.name = "token", .sign = token_key_sign, .close = token_key_close};

int smki_token_key_open(struct smki_key **out, struct smki_token *token, const struct smki_token_entry *entry, struct smki_error *err)
{
    struct token_key *own = calloc(1, sizeof(*own));
    int rc;

    *out = NULL;
    if (own == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    own->key.home = &token_home;
    own->key.type = SMKI_KEY_RSA;
    own->token = token;
    if ((rc = entry_private(token, entry, &own->handle, err)) == 0 && own->handle == CK_INVALID_HANDLE)
        rc = smki_fail(err, SMKI_NOT_FOUND, "the private key \"%s\" is not on the token, or nobody is logged in", entry->label);
    if (rc == 0 && (own->key.spki_size = entry_spki(token, entry, own->key.spki, sizeof(own->key.spki))) == 0)
        rc = smki_fail(err, SMKI_KEY_TYPE, "the key \"%s\" on the token is no RSA key of at most 4096 bits", entry->label);
    if (rc == 0)
        *out = &own->key;
    else
        free(own);
    return rc;
}
