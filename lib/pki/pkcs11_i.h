/* PKCS#11 (OASIS, 2.40): modules, URIs (RFC 7512), tokens and PINs, for everything that reaches into a token. The loader and the URI parser
 * are p11-kit's; a module is called as it is, without p11-kit between.
 *
 * A call into a module can take for ever. Whoever must not wait for ever calls from a thread of its own (key_pkcs11_pool.c). */
#ifndef SMKI_PKCS11_I_H
#define SMKI_PKCS11_I_H

#include "base/base_i.h"

#include <smki/key.h>

#include <p11-kit/pkcs11.h>

#include <limits.h>

/* ---- modules ---- */

/* A loaded and initialised module. One a path in the process, however often it is opened. */
struct pkcs11_module;

/* Loads and initialises (OS locking: any thread may call), or takes what is loaded already. Thread-safe. TOKEN_MODULE names the path and
 * what is wrong. In a forked child every call fails: open anew there. */
SMKI_MUST_USE int pkcs11_module_open(struct pkcs11_module **out, const char *path, struct smki_error *err);
/* The last one finalises the module. Takes NULL. */
void pkcs11_module_close(struct pkcs11_module *module);
const char *pkcs11_module_path(const struct pkcs11_module *module);
/* The module's functions. */
CK_FUNCTION_LIST *pkcs11_calls(const struct pkcs11_module *module);

/* Who keeps sessions over a long time stands between these two while it calls: then the module can be initialised anew while nobody is in
 * it. *generation differs from the last time: all sessions and handles from before are gone. */
void pkcs11_enter(struct pkcs11_module *module, unsigned *generation);
void pkcs11_leave(struct pkcs11_module *module);
/* Sessions of those who do not, over all of them: `change` more. While there is one the module is not initialised anew. */
void pkcs11_session_count(struct pkcs11_module *module, int change);
/* A session of who does, from its opening until it is given up; the memory is the caller's. An idle one may be dead without anybody having
 * seen it: the module is asked. */
struct pkcs11_kept {
    struct pkcs11_kept *next;
    CK_SESSION_HANDLE session;
};
void pkcs11_session_keep(struct pkcs11_module *module, struct pkcs11_kept *kept);
void pkcs11_session_drop(struct pkcs11_module *module, struct pkcs11_kept *kept);
/* Initialises the module when somebody else has finalised it. When nobody has a session that works, C_Finalize and C_Initialize, at most
 * once in a second: some modules only so come to see a token again. Does nothing while somebody is between enter and leave, who may hang
 * there, or when the process shares the module with others. Not to be called between enter and leave. */
void pkcs11_module_renew(struct pkcs11_module *module);

/* ---- what a call returned ---- */

/* "CKR_PIN_INCORRECT"; "CKR_0x80000123" for what the standard does not name. Returns out. */
#define PKCS11_NAME_SIZE 48
const char *pkcs11_name(CK_RV rv, char out[PKCS11_NAME_SIZE]);
/* Our code for a CKR_ value other than CKR_OK: TOKEN_PIN, TOKEN_PIN_LOCKED, TOKEN_PIN_EXPIRED, TOKEN_MISSING, TOKEN_SESSION, else
 * TOKEN_FAILED. */
int pkcs11_code(CK_RV rv);
/* "<formatted>: CKR_...: <what to do>". Code 0: by the value. Returns the code. */
int pkcs11_fail(struct smki_error *err, int code, CK_RV rv, const char *format, ...) SMKI_PRINTF(4, 5);

/* ---- URIs ---- */

#define PKCS11_PREFIX    "pkcs11:"
#define PKCS11_ID_MAX    64
#define PKCS11_LABEL_MAX 128
#define PKCS11_URI_SIZE  1024

/* What a URI names; an empty text or size 0: it does not say. */
struct pkcs11_uri {
    char module[PATH_MAX];     /* module-path */
    char pin_source[PATH_MAX]; /* pin-source */
    char token[32 + 1], serial[16 + 1], manufacturer[32 + 1], model[16 + 1];
    char object[PKCS11_LABEL_MAX];
    uint8_t id[PKCS11_ID_MAX];
    size_t id_size;
    bool has_type;
    CK_OBJECT_CLASS type; /* CKO_PRIVATE_KEY... */
};

/* Does the text begin as one? */
bool pkcs11_is_uri(const char *text);
/* TOKEN_URI: not RFC 7512, or with a pin-value, which is never taken: a PIN in a configuration or on a command line can be read by others.
 */
SMKI_MUST_USE int pkcs11_uri_read(struct pkcs11_uri *out, const char *text, struct smki_error *err);
/* Writes what is not empty. TOO_LARGE. */
/* The same of a private key, with the module and the source of the PIN out of the settings where it names none. */
SMKI_MUST_USE int pkcs11_uri_complete(struct pkcs11_uri *out, const char *text, const struct smki_pkcs11 *settings, struct smki_error *err);
SMKI_MUST_USE int pkcs11_uri_write(char *out, size_t size, const struct pkcs11_uri *uri, struct smki_error *err);

/* ---- tokens ---- */

/* A token's text without the spaces that fill it; out has size + 1 octets. Returns out. */
const char *pkcs11_text(char *out, const CK_UTF8CHAR *text, size_t size);
/* The slot of the one token that fits uri->token, serial, manufacturer and model. TOKEN_MISSING: none, or several. `info` may be NULL. */
SMKI_MUST_USE int pkcs11_token_find(struct pkcs11_module *module, const struct pkcs11_uri *uri, CK_SLOT_ID *slot, CK_TOKEN_INFO *info,
                                    struct smki_error *err);

/* The one object of this class that the URI's object and id name, as far as the session may see it. TOKEN_OBJECT: none, or several. */
SMKI_MUST_USE int pkcs11_object_find(struct pkcs11_module *module, CK_SESSION_HANDLE session, CK_OBJECT_CLASS type,
                                     const struct pkcs11_uri *uri, CK_OBJECT_HANDLE *out, struct smki_error *err);

/* ---- what keys are asked to be ---- */

#define PKCS11_TEMPLATE_MAX 24
struct pkcs11_template {
    CK_ATTRIBUTE at[PKCS11_TEMPLATE_MAX]; /* their values are the caller's, and live as long */
    CK_ULONG count;
};
/* On the token, behind the PIN, never to be taken off it, for signing only. */
void pkcs11_private_half(struct pkcs11_template *out, const char *label, struct smki_bytes id);
void pkcs11_public_half(struct pkcs11_template *out, const char *label, struct smki_bytes id);
void pkcs11_add(struct pkcs11_template *template, CK_ATTRIBUTE_TYPE type, const void *value, size_t size);
void pkcs11_add_flag(struct pkcs11_template *template, CK_ATTRIBUTE_TYPE type, bool value);

/* ---- PINs ---- */

#define PKCS11_PIN_MAX 255 /* octets */
struct pkcs11_pin {
    uint8_t at[PKCS11_PIN_MAX + 1]; /* closed by NUL */
    size_t size;
};
/* The first line of what `source` names: a path or "file:PATH" (as private as a key file), or "credential:NAME", which the service manager
 * put into $CREDENTIALS_DIRECTORY (systemd LoadCredential=). A relative path is below `folder` (NULL: the current one). TOKEN_PIN when
 * there is none or it is empty; KEY_UNREADABLE, KEY_PERMISSIONS. The caller wipes. */
SMKI_MUST_USE int pkcs11_pin_read(struct pkcs11_pin *out, const char *source, const char *folder, struct smki_error *err);
/* By the URI's source, or asked for. The caller wipes. TOKEN_PIN. */
SMKI_MUST_USE int pkcs11_pin_get(struct pkcs11_pin *out, const struct pkcs11_uri *uri, const struct smki_pkcs11 *settings,
                                 struct smki_error *err);
/* Asked for. */
SMKI_MUST_USE int pkcs11_pin_ask(struct pkcs11_pin *out, const struct pkcs11_uri *uri, const struct smki_pkcs11 *settings,
                                 struct smki_error *err);
void pkcs11_pin_wipe(struct pkcs11_pin *pin);

/* C_Login of a user (CKU_USER, CKU_SO); being logged in already is success. A PIN that this token has refused is not tried again while the
 * process lives, nor any when the token says that it is the last try: wrong tries lock a token. With `by_hand` (somebody typed it) both are
 * tried. TOKEN_PIN, TOKEN_PIN_LOCKED, TOKEN_PIN_EXPIRED, or what the token says. */
SMKI_MUST_USE int pkcs11_login(struct pkcs11_module *module, CK_SESSION_HANDLE session, CK_USER_TYPE user, const struct pkcs11_pin *pin,
                               bool by_hand, struct smki_error *err);

#endif
