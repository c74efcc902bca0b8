/* The opened home as the rooms ra and batch see it. */
#ifndef SMKI_SERVICE_I_H
#define SMKI_SERVICE_I_H

#include "registry/registry_i.h"
#include "store/store_i.h"

#include <smki/service.h>

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>

#define PASSPHRASE_SIZE 1024 /* octets with NUL */

/* A configuration that is in force, or was: see configuration.c. */
struct configuration {
    struct smki_config config;
    struct configuration *before;
};

/* Serials reserved ahead, for what is signed before its one durable write. See serial.c. */
struct serials {
    pthread_mutex_t lock;
    uint64_t next, end; /* time-ordered halves */
    struct smki_time reserved_at;
};

struct smki_service {
    char home[PATH_MAX];
    _Atomic(struct configuration *) configuration; /* the newest; read it through smki_service_config */
    pthread_mutex_t reload_lock;
    struct smki_store *store;
    struct smki_clock clock;
    struct smki_random random;
    smki_passphrase_fn passphrase;
    void *passphrase_context;
    bool has_passphrase; /* of the configured file, or what a new home's keys are protected with */
    char passphrase_text[PASSPHRASE_SIZE];
    struct smki_key *audit_key;
    pthread_mutex_t ca_lock; /* guards the opening of ca[] and ikica */
    struct smki_ca *ca[SMKI_CA_COUNT + 1];
    uint64_t unseen[SMKI_CA_COUNT + 1], seen[SMKI_CA_COUNT + 1]; /* signature.c; under ca_lock */
    atomic_uint_fast64_t stored[SMKI_CA_COUNT + 1];              /* the same: signatures of ours that are in a stored certificate or CRL */
    struct smki_ca *ikica; /* without its key: for verifying */
    struct access *access;
    struct notices *notices;
    struct agreements agreements;
    struct serials serials;
    atomic_uint_fast64_t signatures; /* made of requests that are worked off together: every n-th is verified */
};

/* ---- configuration.c ---- */
SMKI_MUST_USE int configuration_open(struct smki_service *service, struct smki_error *err);
void configuration_close(struct smki_service *service);

/* ---- access.c: who is known by which certificate; refusals.c: how many are recorded ---- */
SMKI_MUST_USE int access_open(struct access **out, struct smki_error *err);
void access_close(struct access *access);

/* ---- maintenance.c ---- */
SMKI_MUST_USE int notices_open(struct notices **out, struct smki_error *err);
void notices_close(struct notices *notices);

/* The IKICA's certificate, whether its private key can be opened or not. Read at the first call, lives as long as the service. Thread-safe.
 */
SMKI_MUST_USE int ikica_read(struct smki_service *service, const struct smki_certificate **out, struct smki_error *err);

/* "<home>/<name>" and "<home>/<folder>/<name>". */
SMKI_MUST_USE int home_path(const struct smki_service *service, char out[PATH_MAX], const char *name, struct smki_error *err);
SMKI_MUST_USE int home_path_in(const struct smki_service *service, char out[PATH_MAX], const char *folder, const char *name,
                               struct smki_error *err);

/* ---- octet_hold.c: who is at something just now, over all threads and processes of the home ---- */

struct octet_hold {
    int fd; /* -1: nothing is held, nor looked at */
    off_t octet;
    pid_t pid; /* who took it */
};
/* Opens the file, which is made where it is not there; to be ended. */
SMKI_MUST_USE int octet_hold_open(struct octet_hold *hold, const struct smki_service *service, const char *file, struct smki_error *err);
/* True: it is ours until the end. *failed gets what else than another's hold stood against it (errno). */
bool octet_hold_try(struct octet_hold *hold, off_t octet, int *failed);
bool octet_is_held(const struct octet_hold *hold, off_t octet); /* by another than this */
void octet_hold_end(struct octet_hold *hold);

/* ---- folders and files of homes and backups ---- */

/* 0 when the folder is not there or empty; STORE_NOT_EMPTY names what it holds. */
SMKI_MUST_USE int folder_check_empty(const char *path, struct smki_error *err);
/* A folder in which one command makes a home or a backup, and no other. */
struct folder_claim {
    char path[PATH_MAX];
    bool made; /* it was not there before */
};
/* Makes the folder, or takes an empty one, with mode 0700. STORE_NOT_EMPTY: something is in it, or another's claim. */
SMKI_MUST_USE int folder_claim(struct folder_claim *claim, const char *path, struct smki_error *err);
/* What was made in it is whole and synced: ends the claim. */
SMKI_MUST_USE int folder_keep(const struct folder_claim *claim, struct smki_error *err);
/* Removes what was made, as far as that goes; a folder that was there before stays, empty. */
void folder_undo(const struct folder_claim *claim);
/* A new file with the same mode, synced. */
SMKI_MUST_USE int file_copy(const char *from, const char *to, struct smki_error *err);
/* The plain files of a folder into an existing one, which is synced; those whose names end in `but` (NULL: none) stay behind. */
SMKI_MUST_USE int folder_copy(const char *from, const char *to, const char *but, struct smki_error *err);
/* The folders in a home or a backup. */
SMKI_MUST_USE int home_folders_make(const char *home, struct smki_error *err);
/* All that was made in the home's folders, and the home itself, is on the disk. */
SMKI_MUST_USE int home_sync(const char *home, struct smki_error *err);

/* What is fixed for each CA of a home. */
struct ca_place {
    enum smki_ca_name name;
    const char *word;        /* "dca": <word>.pem, <word>.key */
    const char *common_name; /* of the test PKI, at most 4 characters (GBCS 12) */
    enum smki_ca_kind kind;
    enum smki_key_type key_type;
    enum smki_ca_name issuer; /* itself: self-signed */
    enum store_counter crl_counter;
    size_t policy; /* offset of its policy OID in struct smki_config */
    size_t key;    /* and of where its key is */
};
const struct ca_place *ca_place(enum smki_ca_name name);
SMKI_MUST_USE int ca_key_place(const struct smki_service *service, const struct ca_place *place, char out[PATH_MAX], struct smki_error *err);
/* ---- signature.c: signatures of a key on a token that are in no certificate or CRL ---- */
/* A change with so many certificates or CRLs of the CA, which this service has signed, is durable. All else that its key has signed on a
 * token is recorded as that: what was signed and not stored, too. */
void key_use_stored(struct smki_service *service, enum smki_ca_name name, uint64_t count);
/* Those of a key that is none of the service's CAs', before it is closed. */
void key_use_note(struct smki_service *service, enum smki_ca_name name, const struct smki_key *key);
/* Records all that are new. */
SMKI_MUST_USE int key_use_record(struct smki_service *service, const struct smki_actor *actor, struct smki_error *err);
/* The places in an order in which every issuer comes before what it issues. */
const struct ca_place *ca_places(size_t *count);

/* A serial number: its time-ordered half as reserved in the store, then 64 unpredictable bits (design: reserve, record, sign, record). */
void serial_compose(uint8_t out[SMKI_SERIAL_SIZE], uint64_t half, const uint8_t chance[8]);

/* Takes `count` of the halves that are reserved ahead, and reserves some, by a durable write, when there are none or they are a
 * quarter of an hour old. */
SMKI_MUST_USE int serials_take(struct smki_service *service, size_t count, uint64_t *first, struct smki_error *err);
/* Reserves more in a change that is made anyway, when they are half gone or half as old; serials_put once it is durable. */
SMKI_MUST_USE int serials_more(struct smki_service *service, struct store_change *change, struct serials *more, struct smki_error *err);
void serials_put(struct smki_service *service, const struct serials *more);

struct smki_serial serial_of(const uint8_t octets[SMKI_SERIAL_SIZE]);

/* What the store has, for the caller to keep. */
/* As smki_service_device_certificate downwards: the last before *before ({0}: the last of all). */
SMKI_MUST_USE int device_certificate_before(struct smki_service *service, const struct smki_device_id *id, struct smki_serial *before,
                                            struct smki_stored_certificate *out, struct smki_error *err);
SMKI_MUST_USE int certificate_copy(struct smki_stored_certificate *out, const struct store_certificate *stored, struct smki_error *err);

/* ---- policy of one Device CSR, inside a change ---- */

struct device_question {
    const struct smki_party *party;
    const struct smki_csr *csr;
    const struct store_claim *claim; /* what the CSR asks for (device_claim); its serial is not looked at */
    const struct smki_config *config;
    bool replaces_only; /* the ad hoc web service: the device must have had a certificate (interfaces.md 5) */
    bool eligibility;   /* not asked by the ad hoc web service (eligibility.md) */
};
/* 0 or the refusal: INELIGIBLE_*, DEVICE_UNKNOWN, CSR_DUPLICATE, KEY_OF_ANOTHER_DEVICE, DEVICE_LIMIT; other codes mean that the store
 * failed: device_is_refusal tells the two apart. */
SMKI_MUST_USE int device_decide(struct store_view *view, const struct device_question *question, struct smki_error *err);
bool device_is_refusal(int code);
struct store_claim device_claim(const struct smki_csr *csr, const uint8_t serial[SMKI_SERIAL_SIZE]);

/* ---- allowance.c: a Party's window under PORTAL_BATCH or PORTAL_ADHOC. Read into {0}; finished by the caller, also after a failure ----
 */
SMKI_MUST_USE int demand_window_get(struct store_view *view, uint64_t party, enum smki_rule rule, struct smki_window *out,
                                    struct smki_error *err);
SMKI_MUST_USE int demand_window_put(struct store_change *change, uint64_t party, enum smki_rule rule, const struct smki_window *window,
                                    struct smki_error *err);

/* ---- allowance.c: when a Party last did what a demand rule paces (ADHOC_PACE: the slot that it was given); {0}: never ---- */
SMKI_MUST_USE int demand_last_get(struct store_view *view, uint64_t party, enum smki_rule rule, struct smki_time *out,
                                  struct smki_error *err);
SMKI_MUST_USE int demand_last_put(struct store_change *change, uint64_t party, enum smki_rule rule, struct smki_time last,
                                  struct smki_error *err);

#endif
