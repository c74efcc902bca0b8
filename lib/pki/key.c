/* What all private keys share, wherever they live. */
#include "pki/key_i.h"

enum smki_key_type smki_key_type(const struct smki_key *key)
{
    return key->type;
}

struct smki_bytes smki_key_public(const struct smki_key *key)
{
    return BYTES(key->spki, key->spki_size);
}

bool key_is_traceless(const struct smki_key *key)
{
    return key->home->traceless;
}

int smki_key_sign(const struct smki_key *key, uint8_t out[SMKI_SIGNATURE_MAX_SIZE], size_t *size, const uint8_t digest[32],
                  struct smki_error *err)
{
    return key->home->sign(key, out, size, digest, err);
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
