/* What all private keys share, wherever they live. */
#include "pki/key_pkcs11_i.h"

#include <string.h>

enum smki_key_type smki_key_type(const struct smki_key *key)
{
    return key->type;
}

struct smki_bytes smki_key_public(const struct smki_key *key)
{
    return BYTES(key->spki, key->spki_size);
}

int smki_key_sign(const struct smki_key *key, uint8_t out[SMKI_SIGNATURE_MAX_SIZE], size_t *size, const uint8_t digest[32],
                  struct smki_error *err)
{
    return key->home->sign(key, out, size, digest, err);
}

static int sign_each(const struct smki_key *key, size_t count, uint8_t digests[][32], uint8_t out[][SMKI_SIGNATURE_MAX_SIZE],
                     size_t sizes[], struct smki_error *err)
{
    int rc = 0;

    for (size_t i = 0; i < count && rc == 0; i++)
        rc = key->home->sign(key, out[i], &sizes[i], digests[i], err);
    return rc;
}

int smki_key_sign_many(const struct smki_key *key, size_t count, uint8_t digests[][32], uint8_t out[][SMKI_SIGNATURE_MAX_SIZE],
                       size_t sizes[], struct smki_error *err)
{
    if (count == 0)
        return 0;
    return (key->home->sign_many != NULL ? key->home->sign_many : sign_each)(key, count, digests, out, sizes, err);
}

int smki_key_prove(const struct smki_key *key, struct smki_error *err)
{
    static const char message[] = "libsmki: can this key be used?";
    uint8_t digest[SHA256_SIZE], signature[SMKI_SIGNATURE_MAX_SIZE];
    size_t size;
    int rc;

    sha256(digest, message, sizeof(message));
    if ((rc = smki_key_sign(key, signature, &size, digest, err)) != 0)
        return rc;
    key_pkcs11_untold(key, 1);
    if (spki_verify(smki_key_public(key), digest, BYTES(signature, size)) != 0)
        return smki_fail(err, SMKI_KEY_MISMATCH, "what the key signs does not verify under its public half");
    return 0;
}

uint64_t smki_key_signatures(const struct smki_key *key)
{
    struct key_pkcs11_counts counts;

    key_pkcs11_counts(key, &counts);
    return counts.made;
}

bool smki_key_on_token(const struct smki_key *key)
{
    return !key_is_in_file(key);
}

size_t smki_key_together(const struct smki_key *key)
{
    return key->home->together != 0 ? key->home->together : 1;
}

int smki_key_save(const struct smki_key *key, const char *path, const char *passphrase, struct smki_error *err)
{
    if (key->home->save == NULL)
        return smki_fail(err, SMKI_KEY_TYPE, "%s: a key that lives in a %s cannot be written to a file", path, key->home->name);
    return key->home->save(key, path, passphrase, err);
}

void smki_key_close(struct smki_key *key)
{
    if (key != NULL)
        key->home->close(key);
}

bool key_is_uri(const char *path)
{
    return strncmp(path, "pkcs11:", 7) == 0;
}
