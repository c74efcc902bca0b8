/* What the files of this room share: a module, a token with its session, and how both fail. */
#ifndef SMKI_TOKEN_I_H
#define SMKI_TOKEN_I_H

#include "base/base_i.h"
#include "pki/pkcs11_i.h"

#include <smki/token.h>

#include <pthread.h>

struct smki_token_module {
    struct pkcs11_module *shared; /* NULL: the proxy */
    void *proxy;
    bool is_proxy;
    CK_FUNCTION_LIST *call;
    char *path;
};

struct smki_token {
    struct smki_token_module *module;
    CK_SLOT_ID slot;
    CK_SESSION_HANDLE session; /* read and write */
    pthread_mutex_t lock;      /* a session signs once at a time: see key.c */
    bool logged_in;
};

/* What the module answered, as one of the codes of smki/token.h. Returns the code. */
#define token_fail(err, rv, ...) pkcs11_fail((err), 0, (rv), __VA_ARGS__)

/* What the token in this slot says of itself. With `session` CK_INVALID_HANDLE one is opened to look for the mark. */
SMKI_MUST_USE int facts_read(struct smki_token_facts *out, struct smki_token_module *module, CK_SLOT_ID slot, CK_SESSION_HANDLE session,
                             struct smki_error *err);

/* A PIN as Cryptoki takes it; NULL stays NULL. */
CK_UTF8CHAR *pin_octets(const char *pin);
CK_ULONG pin_size(const char *pin);

/* The first objects that fit the template, at most `capacity`; *count of them. */
SMKI_MUST_USE int objects_find(struct smki_token_module *module, CK_SESSION_HANDLE session, CK_ATTRIBUTE *template, CK_ULONG size,
                               CK_OBJECT_HANDLE *out, CK_ULONG capacity, CK_ULONG *count, struct smki_error *err);

/* The mark of the transport PIN. */
SMKI_MUST_USE int mark_look(struct smki_token_module *module, CK_SESSION_HANDLE session, bool *is_there, struct smki_error *err);
SMKI_MUST_USE int mark_put(struct smki_token *token, struct smki_error *err);
SMKI_MUST_USE int mark_remove(struct smki_token *token, struct smki_error *err);

/* Can a token or a key be called so, and be found by it? Tokens are padded with blanks, and what is shown of a label is tidied. */
bool is_label(const char *label);

/* The public key of an entry as a SubjectPublicKeyInfo, by its public half or, where a token keeps none, its private one. 0: it has no RSA
 * key. */
size_t entry_spki(struct smki_token *token, const struct smki_token_entry *entry, uint8_t *out, size_t capacity);
/* The handle of an entry's private key; CK_INVALID_HANDLE: it has none, or nobody is logged in. */
SMKI_MUST_USE int entry_private(struct smki_token *token, const struct smki_token_entry *entry, CK_OBJECT_HANDLE *out,
                                struct smki_error *err);

/* RSA PKCS#1: SubjectPublicKeyInfo of modulus and exponent, big endian; 0 when it does not fit. */
size_t spki_of_rsa(uint8_t *out, size_t capacity, struct smki_bytes modulus, struct smki_bytes exponent);

#endif
