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
