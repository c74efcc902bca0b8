/* A key with its certificates in one file under a password. Only in builds with GnuTLS (SMKI_PKCS12). */
#ifndef SMKI_PKCS12_I_H
#define SMKI_PKCS12_I_H

#include "command/command.h"

struct pkcs12_parts {
    struct smki_bytes key_pem;             /* PKCS#8, not encrypted */
    struct smki_bytes certificate, issuer; /* DER */
    const char *name;                      /* what programs show */
};

/* Appends the file to out: PBES2 with AES-256 in CBC mode, HMAC-SHA256 over all of it. */
SMKI_MUST_USE int pkcs12_make(struct smki_buffer *out, const struct pkcs12_parts *parts, const char *password, struct smki_error *err);

#endif
