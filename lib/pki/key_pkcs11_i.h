/* What the library knows of keys on tokens, whether it is built with PKCS#11 or without. */
#ifndef SMKI_KEY_PKCS11_I_H
#define SMKI_KEY_PKCS11_I_H

#include "pki/key_i.h"

#define KEY_TOGETHER 32 /* signatures asked for at once: what a batch's thread takes on (WORK_PIECE) */

/* Signatures of a key since it was opened. */
struct key_pkcs11_counts {
    uint64_t made;  /* by the token, as far as it has answered */
    uint64_t given; /* of these to who asked for them; the others proved the key, or came too late */
};
/* Zeroes for a key that lives elsewhere, or NULL. */
void key_pkcs11_counts(const struct smki_key *key, struct key_pkcs11_counts *out);

/* So many of those given are in no certificate or CRL either. */
void key_pkcs11_untold(const struct smki_key *key, uint64_t count);
/* The URI of a private key: "pkcs11:token=...;object=...;type=private". TOO_LARGE, TOKEN_MODULE (built without PKCS#11). */
SMKI_MUST_USE int key_uri_write(char *out, size_t size, const char *token, const char *object, struct smki_error *err);
/* Is it a pkcs11: URI? */
bool key_is_uri(const char *path);

#endif
