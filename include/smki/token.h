/* Officers' Cryptographic Credential Tokens: smart cards and the like, by any PKCS#11 module (Cryptoki 2.40). The Authentication Client's library
 * face: what smki-token and 'smki aro issue-token' do.
 *
 * An officer's private key is made on the token and never leaves it: RSA of 2048 bits (IDS App. G), CKA_SENSITIVE, not CKA_EXTRACTABLE, for
 * signing alone, used after the PIN was given. Beside it lies its IKI Certificate; an entry is what has one CKA_ID: a key, its public half, its
 * certificate.
 *
 * The transport PIN. A token that the RA has issued has a PIN that the officer must change before anything else. Modules that know of this
 * say so by CKF_USER_PIN_TO_BE_CHANGED; for all others (SoftHSM2, and most cards) the RA leaves a mark on the token, a public data object that is labelled
 * SMKI_TOKEN_TRANSPORT_MARK, and smki_token_login refuses (TOKEN_PIN_EXPIRED) while either is there. The mark binds whoever uses this library. It does not bind other
 * programs (a browser does not look for it), nor does it protect anything: whoever has the token can remove it, but has no use of the token without the PIN.
 *
 * PINs are UTF-8 text closed by NUL, of at most SMKI_PIN_SIZE - 1 octets; the functions keep no copy. NULL: the token asks for it itself (a
 * reader with a keypad, CKF_PROTECTED_AUTHENTICATION_PATH).
 *
 * Threads: a module may be used by several threads at once, a token by one at a time, and the keys of a token sign while nobody else uses it.
 * Logging in is a matter of the whole process in PKCS#11: two struct smki_token of one slot share it.
 *
 * Errors of all functions here: TOKEN_MODULE (no such file, no PKCS#11 module, or it refuses to start), TOKEN_MISSING (no such token, or it was taken
 * out), TOKEN_SESSION (it was, and is back), TOKEN_PIN (wrong, or of a length or characters that the token does not take), TOKEN_PIN_LOCKED, TOKEN_PIN_EXPIRED
 * (it must be changed first), TOKEN_FAILED (anything else that the module says, by its name CKR_...). Only where libsmki was built with p11-kit. */
#ifndef SMKI_TOKEN_H
#define SMKI_TOKEN_H

#include <smki/certificate.h>
#include <smki/key.h>

struct cJSON;

#define SMKI_PIN_SIZE 256              /* octets with NUL: what Cryptoki 2.40 5.5 lets a PIN have */
#define SMKI_TOKEN_LABEL_SIZE 33       /* octets with NUL: CK_TOKEN_INFO has 32, padded with blanks */
#define SMKI_TOKEN_ENTRY_LABEL_SIZE 129 /* octets with NUL of a CKA_LABEL that we show; longer ones are cut */
#define SMKI_TOKEN_ID_MAX_SIZE 64      /* octets of a CKA_ID that we work with; ours have 8 */
#define SMKI_TOKEN_TRANSPORT_MARK "smki transport PIN"

/* ---- the module ---- */

/* A loaded PKCS#11 module. One that is opened twice is loaded once. */
struct smki_token_module;

/* `path`: of the module's shared object. NULL: p11-kit's proxy, which stands for all modules that this machine is configured with. */
SMKI_API SMKI_MUST_USE int smki_token_module_open(struct smki_token_module **out, const char *path, struct smki_error *err);
/* After every token of it has been closed. */
SMKI_API void smki_token_module_close(struct smki_token_module *module);
/* As it was opened; the proxy's path for NULL. Lives as long as the module. */
SMKI_API const char *smki_token_module_path(const struct smki_token_module *module);

/* ---- which tokens are there ---- */

/* What a token says of itself; PKCS#11 knows no count of tries, only these three steps of it. */
struct smki_token_facts {
    uint64_t slot; /* CK_SLOT_ID: may be another after the token was put in again, or initialised */
    char label[SMKI_TOKEN_LABEL_SIZE], serial[17], model[17], manufacturer[33]; /* without the blanks at their ends; what is no text in UTF-8 is '?' */
    bool initialised, pin_set;
    bool pin_count_low, pin_final_try, pin_locked; /* of the PIN: a wrong one was given since the last right one; one more wrong one locks it; it is locked */
    bool so_pin_count_low, so_pin_final_try, so_pin_locked;
    bool pin_to_be_changed; /* CKF_USER_PIN_TO_BE_CHANGED */
    bool transport;         /* the mark of this library is on it */
    bool keypad;            /* the PIN is given on the reader */
    uint64_t pin_min, pin_max; /* octets */
};

/* The token of place n (from 0) of those that are in; NOT_FOUND after the last. Those that nothing can be written to and that know no PIN (such as a store
 * of trusted certificates), and cards that the module does not recognise, are left out. */
SMKI_API SMKI_MUST_USE int smki_token_at(struct smki_token_module *module, size_t n, struct smki_token_facts *out, struct smki_error *err);

/* Which one: what is NULL is not looked at. */
struct smki_token_wish {
    const char *label, *serial;
    const uint64_t *slot;
};
/* The only token that is as wished. TOKEN_MISSING, whose text says which are there; INVALID_ARGUMENT: more than one is. */
SMKI_API SMKI_MUST_USE int smki_token_find(struct smki_token_module *module, const struct smki_token_wish *wish, struct smki_token_facts *out,
                                           struct smki_error *err);
/* Does this pkcs11: URI (RFC 7512) name the token? What it does not say it leaves open; a path, or another text that is no such URI, names none. */
SMKI_API bool smki_token_is_named(const struct smki_token_facts *facts, const char *uri);
/* "locked", "final try", "low", "full": what is known of the tries left for the PIN; "not set". Static storage. */
SMKI_API const char *smki_token_tries_word(const struct smki_token_facts *facts);
/* A new object: every member of the struct by its name, and "tries". The caller frees; NULL: no memory. */
SMKI_API struct cJSON *smki_token_json(const struct smki_token_facts *facts);

/* ---- its life ---- */

/* Initialises the token in this slot: EVERYTHING ON IT IS LOST. A token that was initialised before wants its SO PIN; a new one takes it as its own. Then
 * the PIN is set. *out (may be NULL) becomes what it is afterwards, its slot too. INVALID_ARGUMENT: the label is empty, has more than 32 octets, is not printable
 * UTF-8, or ends with a blank. TOKEN_PIN: of a length that the token does not take; nothing is lost then. */
SMKI_API SMKI_MUST_USE int smki_token_initialise(struct smki_token_module *module, uint64_t slot, const char *so_pin, const char *label, const char *pin,
                                                 struct smki_token_facts *out, struct smki_error *err);

/* One token, with a session. */
struct smki_token;
/* Opens a session with the token in this slot; nobody is logged in. The module must stay open as long. Errors: TOKEN_*, NO_MEMORY. */
SMKI_API SMKI_MUST_USE int smki_token_open(struct smki_token **out, struct smki_token_module *module, uint64_t slot, struct smki_error *err);
/* Logs out. */
SMKI_API void smki_token_close(struct smki_token *token);
/* What it says of itself now. */
SMKI_API SMKI_MUST_USE int smki_token_look(struct smki_token *token, struct smki_token_facts *out, struct smki_error *err);
/* TOKEN_PIN_EXPIRED while the PIN is one that must be changed; then nobody is logged in. A wrong PIN says which step of the tries it has come to. */
SMKI_API SMKI_MUST_USE int smki_token_login(struct smki_token *token, const char *pin, struct smki_error *err);
/* From the old PIN to another one, also while it must be changed: that is over then. INVALID_ARGUMENT: the new one is the old one. Nobody is logged in afterwards. */
SMKI_API SMKI_MUST_USE int smki_token_change_pin(struct smki_token *token, const char *pin, const char *new_pin, struct smki_error *err);
/* Sets the PIN as the SO, whatever it was and however often a wrong one was given. `transport`: it is one that must be changed, and the mark is put on the
 * token; else the mark is taken off. Nobody is logged in afterwards. */
SMKI_API SMKI_MUST_USE int smki_token_unblock(struct smki_token *token, const char *so_pin, const char *new_pin, bool transport, struct smki_error *err);

/* ---- what is on it ---- */

struct smki_token_entry {
    uint8_t id[SMKI_TOKEN_ID_MAX_SIZE]; /* CKA_ID */
    size_t id_size;
    char label[SMKI_TOKEN_ENTRY_LABEL_SIZE]; /* of the key, or of the certificate */
    bool has_private, has_public, has_certificate;
    /* Of the private key, as the token says: */
    bool sensitive, extractable, always_sensitive, never_extractable, sign, private_object;
    uint64_t bits;                         /* of an RSA key; 0: of another kind, or there is no key */
    uint8_t certificate[SMKI_CERTIFICATE_MAX_SIZE]; /* DER */
    size_t certificate_size;
};
/* The entry of place n (from 0); NOT_FOUND after the last. Private keys are seen by who is logged in alone. */
SMKI_API SMKI_MUST_USE int smki_token_entry_at(struct smki_token *token, size_t n, struct smki_token_entry *out, struct smki_error *err);
/* The only entry with a private key and this label (NULL: any). NOT_FOUND; INVALID_ARGUMENT: there are more. */
SMKI_API SMKI_MUST_USE int smki_token_entry_find(struct smki_token *token, const char *label, struct smki_token_entry *out, struct smki_error *err);
/* Makes an RSA key of 2048 bits on the token, under this label: its attributes are read back, and so is its value asked for; a key that is not what it must be
 * is removed again, KEY_TYPE. Needs a login. */
SMKI_API SMKI_MUST_USE int smki_token_key_make(struct smki_token *token, const char *label, struct smki_token_entry *out, struct smki_error *err);
/* The private key of an entry, for smki_csr_make: signs on the token. To be closed before the token. Needs a login. KEY_TYPE: it is no RSA key. */
SMKI_API SMKI_MUST_USE int smki_token_key_open(struct smki_key **out, struct smki_token *token, const struct smki_token_entry *entry,
                                               struct smki_error *err);
/* Puts a certificate (DER) beside its key, instead of the one that is there. *out (may be NULL) becomes the entry. KEY_MISMATCH: its key is not on the token
 * (compared by their public halves); CERTIFICATE_MALFORMED. Needs a login. */
SMKI_API SMKI_MUST_USE int smki_token_certificate_put(struct smki_token *token, struct smki_bytes der, struct smki_token_entry *out,
                                                      struct smki_error *err);
/* Removes all of an entry. Needs a login. */
SMKI_API SMKI_MUST_USE int smki_token_entry_remove(struct smki_token *token, const struct smki_token_entry *entry, struct smki_error *err);
/* A new object: "id" (hexadecimal), "label", "key" and "certificate" (each false or true), the attributes, "bits"; of a certificate that can be read "commonName", "serial", "notAfter". The
 * caller frees; NULL: no memory. */
SMKI_API struct cJSON *smki_token_entry_json(const struct smki_token_entry *entry);

/* ---- PINs ---- */

/* Reads a PIN: the first line of a file that is as private as a key (KEY_PERMISSIONS, KEY_UNREADABLE), or "credential:NAME": of a credential of the
 * service manager ($CREDENTIALS_DIRECTORY/NAME, systemd.exec(5)). TOKEN_PIN: it is empty, or too long. The caller wipes out, also after a failure. */
SMKI_API SMKI_MUST_USE int smki_pin_read(char out[SMKI_PIN_SIZE], const char *source, struct smki_error *err);
#define SMKI_TRANSPORT_PIN_DIGITS 8
/* A PIN of so many random digits, closed by NUL; the caller wipes it. */
SMKI_API SMKI_MUST_USE int smki_pin_make(char out[SMKI_TRANSPORT_PIN_DIGITS + 1], const struct smki_random *random, struct smki_error *err);

#endif
