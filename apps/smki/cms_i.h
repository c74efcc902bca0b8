/* Detached CMS signatures (RFC 5652) of the Authentication Client's files. Only in builds with GnuTLS (SMKI_CMS). */
#ifndef SMKI_CMS_I_H
#define SMKI_CMS_I_H

#include "smki/smki_i.h"

#include <smki/installer.h>

/* Files: a key and its certificate (with those above it, if any), or a signature that was made elsewhere. */
struct cms_source {
    const char *key, *certificate; /* PEM; NULL when there is a signature */
    const char *signature;         /* DER or PEM */
};

/* The sign function of a struct smki_signer, whose context is a struct cms_source. KEY_MISMATCH, KEY_PERMISSIONS, KEY_PASSPHRASE,
 * KEY_UNREADABLE, CERTIFICATE_MALFORMED; SIGNATURE_INVALID: one that does not verify, is not detached, or whose certificate is not in it or
 * is no code-signing one. */
int cms_sign(void *context, int fd, uint64_t size, struct smki_buffer *signature, char name[SMKI_INSTALLER_SIGNER_SIZE],
             struct smki_error *err);

#endif
