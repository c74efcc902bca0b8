/* A credential whose key is made here, and the files that it is given out as. */
#ifndef SMKI_GENERATE_I_H
#define SMKI_GENERATE_I_H

#include "smki/smki_i.h"

#include <smki/role.h>

#include <limits.h>

#define PASSWORD_SIZE 24 /* "xxxxx-xxxxx-xxxxx-xxxxx" and NUL */

enum { GENERATED_KEY, GENERATED_CERTIFICATE, GENERATED_CHAIN, GENERATED_BUNDLE, GENERATED_FILES };

/* Start with {0}; wipe `password`. */
struct generated {
    char path[GENERATED_FILES][PATH_MAX];
    char name[SMKI_NAME_TEXT_SIZE]; /* the CN */
    char password[PASSWORD_SIZE];   /* "": no bundle was made */
    bool folder_made, key_saved;
};

/* The OU of a request: --role by name or code, or the Party's only role. Whether it is one of the Party's is looked at when the credential is issued. */
SMKI_MUST_USE int role_take(struct call *call, const struct smki_party *party, char out[SMKI_ROLE_TEXT_SIZE]);
/* Makes the folder of --generate, the key in it, and its request (O: the Party, OU: --role or its only role, CN: --name or the officer's);
 * appended to csr as DER. */
SMKI_MUST_USE int generate_request(struct call *call, struct generated *generated, const struct smki_credential *credential,
                                   struct smki_buffer *csr);
/* Removes them again: the credential was refused. */
void generate_undo(struct call *call, const struct generated *generated);
/* Certificate, chain and PKCS#12 file. */
SMKI_MUST_USE int generate_files(struct call *call, struct generated *generated, const struct smki_stored_certificate *issued);
/* What people must know of it, the password too, on standard error. */
void generate_tell(struct call *call, const struct generated *generated);
/* The same as members of a JSON object. False: no memory. */
bool generate_fill(cJSON *json, const struct generated *generated);

#endif
