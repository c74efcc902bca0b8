/* A build without PKCS#11. */
#include "pki/key_pkcs11_i.h"

static int without(const char *what, struct smki_error *err)
{
    return smki_fail(err, SMKI_TOKEN_MODULE, "%s: this libsmki is built without PKCS#11 (-Dpkcs11=enabled, with libp11-kit-dev)", what);
}

int smki_key_open_token(struct smki_key **out, const char *uri, const struct smki_pkcs11 *settings, struct smki_bytes spki,
                        struct smki_error *err)
{
    (void)settings;
    (void)spki;
    *out = NULL;
    return without(uri, err);
}

int smki_key_make_token(struct smki_buffer *spki, char uri[SMKI_KEY_URI_SIZE], enum smki_key_type type, const char *wanted,
                        const struct smki_pkcs11 *settings, const struct smki_random *random, struct smki_error *err)
{
    (void)spki;
    (void)uri;
    (void)type;
    (void)settings;
    (void)random;
    return without(wanted, err);
}

int smki_key_import_token(char uri[SMKI_KEY_URI_SIZE], const struct smki_key *key, const char *wanted, bool dry_run,
                          const struct smki_pkcs11 *settings, const struct smki_random *random, struct smki_error *err)
{
    (void)uri;
    (void)key;
    (void)dry_run;
    (void)settings;
    (void)random;
    return without(wanted, err);
}

int smki_key_destroy_token(const char *uri, const struct smki_pkcs11 *settings, struct smki_error *err)
{
    (void)settings;
    return without(uri, err);
}

int smki_key_token_look(struct smki_key_token *out, const char *uri, const struct smki_pkcs11 *settings, struct smki_error *err)
{
    (void)settings;
    *out = (struct smki_key_token){0};
    return without(uri, err);
}

void key_pkcs11_untold(const struct smki_key *key, uint64_t count)
{
    (void)key;
    (void)count;
}

int key_uri_write(char *out, size_t size, const char *token, const char *object, struct smki_error *err)
{
    (void)out;
    (void)size;
    (void)object;
    return without(token, err);
}

void key_pkcs11_counts(const struct smki_key *key, struct key_pkcs11_counts *out)
{
    (void)key;
    *out = (struct key_pkcs11_counts){0};
}
