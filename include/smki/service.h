/* An opened home: configuration, store, CAs and audit key together, and the flows that join them. What programs open first. */
#ifndef SMKI_SERVICE_H
#define SMKI_SERVICE_H

#include <smki/audit.h>
#include <smki/batch.h>
#include <smki/config.h>
#include <smki/device.h>
#include <smki/issue.h>
#include <smki/party.h>
#include <smki/store.h>

struct smki_service;

struct smki_service_options {
    const struct smki_clock *clock;   /* NULL: the system's */
    const struct smki_random *random; /* NULL: the system's */
    smki_passphrase_fn passphrase;    /* asked for encrypted keys when the configuration names no file; NULL: none */
    void *passphrase_context;
    const char *protect_with; /* smki_service_create only: the passphrase that the CAs' keys are encrypted with; NULL: they are not. The audit key never is,
                               * since every command that records something needs it */
    const char *passphrase_file; /* smki_service_create only, instead of protect_with: a file as private as a key whose first line is that passphrase; its
                                  * whole path goes into the configuration (ca.passphrase_file), so that later the keys open with it. NULL: none */
    const char *token; /* smki_service_create only: the label of an initialised token on which the CAs' keys are made; NULL: they are made in files */
    const char *pkcs11_module, *pin_source; /* with `token`: the PKCS#11 module, and who has the PIN (smki/key.h); they go into the configuration. Without a
                                             * source `passphrase` is asked, then and whenever a CA's key is needed */
    const char *host_name; /* smki_service_create only: one more name in the servers' TLS certificate (see smki/tls.h); left out when it is none that
                            * can stand there, or NULL */
};

/* What a home holds, below its folder. */
#define SMKI_HOME_CONFIG "smki.json" /* see smki/config.h */
#define SMKI_HOME_STORE "store"      /* the database */
#define SMKI_HOME_CA "ca"            /* the CAs' certificates, PEM */
#define SMKI_HOME_KEYS "keys"        /* private keys, mode 0600 in a folder of 0700 */
#define SMKI_HOME_BATCHES "batches"  /* uploads as they came */
#define SMKI_HOME_RUNNERS "runners"  /* one locked file a runner at work */
#define SMKI_HOME_DOCUMENTS "documents" /* the document library: files under their SHA-256, see smki/document.h */
#define SMKI_HOME_CLIENT "client"    /* the Authentication Client and its signatures: the same, see smki/installer.h */
#define SMKI_HOME_TLS "tls"          /* the servers' TLS certificate and key, see smki/tls.h */

/* Makes a home: a test PKI (root and issuing OCA, root and issuing DCA, IKICA), audit key, store, configuration, and a TLS certificate for
 * development (smki/tls.h). The folder must be empty or not there;
 * when something fails, what was made is removed. Two at once on one folder: one makes the home, the other is refused (STORE_NOT_EMPTY), as is every later
 * one where one was killed; the text says so. The same holds for backups and restored homes. */
SMKI_API SMKI_MUST_USE int smki_service_create(const char *home, const struct smki_service_options *options, struct smki_error *err);
/* Opens it. HOME_MISSING, STORE_MISSING, CONFIG_INVALID, KEY_* for the audit key; a CA's key is opened when it is first needed. */
SMKI_API SMKI_MUST_USE int smki_service_open(struct smki_service **out, const char *home, const struct smki_service_options *options, struct smki_error *err);
SMKI_API void smki_service_close(struct smki_service *service);

SMKI_API struct smki_store *smki_service_store(struct smki_service *service);
/* The configuration in force. It stays readable until the service is closed, also when a reload has put another in force meanwhile: take it once for what
 * belongs together. Thread-safe. */
SMKI_API const struct smki_config *smki_service_config(const struct smki_service *service);
/* Reads the configuration file again and puts it in force for all threads at once; what changed is recorded (act configure). CONFIG_INVALID (and nothing
 * changes): the file is wrong, or a key differs that cannot change while a program runs: ca.passphrase_file, policy.device, policy.organisation, policy.iki.
 * NOT_FOUND: the file is gone, and was not all defaults. A batch run takes run.workers when it begins, a submission its limits when it is opened.
 * Thread-safe. */
SMKI_API SMKI_MUST_USE int smki_service_reload(struct smki_service *service, struct smki_error *err);
/* The same with what the caller has read of the home's file (smki_config_read) and made its own things of first: so that both have the same, or neither. */
SMKI_API SMKI_MUST_USE int smki_service_configure(struct smki_service *service, const struct smki_config *config, struct smki_error *err);
SMKI_API const char *smki_service_home(const struct smki_service *service);
SMKI_API struct smki_time smki_service_now(const struct smki_service *service);
SMKI_API const struct smki_key *smki_service_audit_key(const struct smki_service *service);

/* What the Party has left now of PORTAL_BATCH, PORTAL_ADHOC or ADHOC_PACE, by the counters in the store and the agreements in force. INVALID_ARGUMENT: of
 * another rule; how many submissions of a Party are under way (BATCH_ONE) is not in the store: see smki_allowance_batch_one. Records nothing. Thread-safe. */
SMKI_API SMKI_MUST_USE int smki_service_allowance(struct smki_service *service, uint64_t party, enum smki_rule rule, struct smki_allowance *out,
                                                  struct smki_error *err);

/* The CAs of a home. */
enum smki_ca_name { SMKI_OCA = 1, SMKI_DCA = 2, SMKI_IKICA = 3, SMKI_OCA_ROOT = 4, SMKI_DCA_ROOT = 5 };
#define SMKI_CA_COUNT 5
/* The CA's name for files and options; static storage. */
SMKI_API const char *smki_ca_word(enum smki_ca_name name); /* "oca", "dca", "ikica", "oca-root", "dca-root" */
/* Back from the word; false when it is none of them. */
SMKI_API bool smki_ca_find(const char *word, enum smki_ca_name *out);

/* With its key, opened at the first call; lives as long as the service. Thread-safe. */
SMKI_API SMKI_MUST_USE int smki_service_ca(struct smki_service *service, enum smki_ca_name name, const struct smki_ca **out, struct smki_error *err);
/* Writes each CA's certificate as <name>.pem, and dca-chain.pem, oca-chain.pem, ikica-chain.pem (issuing first, then root), into an existing folder. */
SMKI_API SMKI_MUST_USE int smki_service_ca_export(struct smki_service *service, const char *folder, struct smki_error *err);
/* Makes the CA's next CRL and keeps it in the store; appended to out as DER. */
SMKI_API SMKI_MUST_USE int smki_service_crl(struct smki_service *service, const struct smki_actor *actor, enum smki_ca_name name, struct smki_buffer *out,
                                            struct smki_error *err);
/* The CRL that was made last, appended to out as DER; needs no key. NOT_FOUND when none was made yet. */
SMKI_API SMKI_MUST_USE int smki_service_crl_current(struct smki_service *service, enum smki_ca_name name, struct smki_buffer *out, struct smki_error *err);

/* Where a CA's private key is, as configured: the path of a file, or a pkcs11: URI; out has `size` octets. TOO_LARGE. */
SMKI_API SMKI_MUST_USE int smki_service_ca_key(const struct smki_service *service, enum smki_ca_name name, char *out, size_t size, struct smki_error *err);
/* How the home reaches keys on tokens (pkcs11.*); points into the service and its present configuration. */
SMKI_API struct smki_pkcs11 smki_service_pkcs11(struct smki_service *service);

/* What the store and the log know of a CA's signatures, to be held against the count of its token. A key in a file makes some that are in neither. */
struct smki_signatures {
    uint64_t certificates; /* in the store, revoked ones too */
    uint64_t crls;         /* records crl-issue */
    uint64_t others;       /* records key-use: proofs of the key, answers after their deadline, what was signed and not stored, benches */
};
/* Counts them, through the whole store and log. Errors: STORE_*, IO... */
SMKI_API SMKI_MUST_USE int smki_service_signatures(struct smki_service *service, enum smki_ca_name name, struct smki_signatures *out, struct smki_error *err);
/* Records that the CA's key on its token has made signatures which are in no certificate or CRL. What the service itself makes of those is recorded when a
 * run ends, and when the service is closed. */
SMKI_API SMKI_MUST_USE int smki_service_key_used(struct smki_service *service, const struct smki_actor *actor, enum smki_ca_name name, uint64_t signatures,
                                                 struct smki_error *err);

/* ---- backup ---- */

/* Copies the home (store, configuration, CA and TLS certificates, uploads; keys unless `without_keys`) into a new or empty folder while everything runs. */
SMKI_API SMKI_MUST_USE int smki_service_backup(struct smki_service *service, const struct smki_actor *actor, const char *folder, bool without_keys,
                                               struct smki_error *err);
/* A backup into a new or empty home; checked by opening it. */
SMKI_API SMKI_MUST_USE int smki_service_restore(const char *folder, const char *home, const struct smki_service_options *options, struct smki_error *err);

/* ---- certificates ---- */

/* A certificate of the store with what is known of it. */
struct smki_stored_certificate {
    enum smki_ca_name ca;
    uint8_t der[SMKI_CERTIFICATE_MAX_SIZE];
    size_t size;
    uint64_t party, batch;
    uint32_t index;
    struct smki_time issued_at, revoked_at; /* {0}: not revoked */
    uint8_t reason;
};

/* By its serial number, whichever CA issued it. NOT_FOUND. */
SMKI_API SMKI_MUST_USE int smki_service_certificate(struct smki_service *service, const struct smki_serial *serial, struct smki_stored_certificate *out,
                                                    struct smki_error *err);
/* The certificates of a device in the order of issue: the one after that with the serial *after ({0}: the first of all), which becomes its own; NOT_FOUND
 * after the last. Those of one second come in the order of their serials. */
SMKI_API SMKI_MUST_USE int smki_service_device_certificate(struct smki_service *service, const struct smki_device_id *id, struct smki_serial *after,
                                                           struct smki_stored_certificate *out, struct smki_error *err);
/* How many count for the limit, and what the limit is. */
SMKI_API SMKI_MUST_USE int smki_service_device_count(struct smki_service *service, const struct smki_device_id *id, uint32_t *count, uint32_t *limit,
                                                     struct smki_error *err);
/* For good, with a reason code of RFC 5280 5.3.1 (not 7, 8); it is on its CA's next CRL, and its key may be certified anew. The credential
 * of an IKI Certificate is revoked with it. NOT_FOUND, ALREADY_EXISTS
 * (revoked before), INVALID_ARGUMENT (the reason). */
SMKI_API SMKI_MUST_USE int smki_service_revoke(struct smki_service *service, const struct smki_actor *actor, const struct smki_serial *serial, uint8_t reason,
                                               struct smki_error *err);

/* ---- one request, one certificate ---- */

/* Issues a Device, Organisation or IKI certificate for a request (DER): read, verified, decided by policy, reserved, signed, stored, recorded. `party` is the
 * Party it is for. Refusals are the codes of the list. For IKI use smki_service_credential_issue.
 * When the CA's key cannot be used just now, or the disk is full, the request stays granted: the next run signs it (but one of the ad hoc web service
 * is void, so that it can be sent again), and *out is empty like after every failure. An actor of the ad hoc web service acts for a Party whose user role is import supplier, gas supplier or DCC: USER_ROLE. */
SMKI_API SMKI_MUST_USE int smki_service_issue(struct smki_service *service, const struct smki_actor *actor, enum smki_profile profile, struct smki_bytes csr,
                                              struct smki_stored_certificate *out, struct smki_error *err);
/* An IKI credential for a Party (`credential->party`, interface, officer or 0, renews or 0) from its CSR; the certificate into *out. The request's O is the
 * Party's name (ORGANISATION_NOT_OWN), its OU one of the Party's roles (ROLE_NOT_OWN). */
SMKI_API SMKI_MUST_USE int smki_service_credential_issue(struct smki_service *service, const struct smki_actor *actor, struct smki_bytes csr,
                                                         struct smki_credential *credential, struct smki_stored_certificate *out, struct smki_error *err);
/* Finishes the requests of the functions above that were granted some minutes ago and, after a crash or while the CA's key could not be used, not signed:
 * under the same serial number, so harmless beside a living owner, who makes the same certificate. What cannot be signed now is left for the next time. What
 * the ad hoc web service left, which nobody could fetch, is void, and its key free again. For programs that begin, and now and then: smki_batch_run calls it
 * itself. A request that is sent again to the ad hoc web service makes void what is left of itself first, and gets its certificate. Thread-safe. */
SMKI_API SMKI_MUST_USE int smki_service_recover(struct smki_service *service, const struct smki_actor *actor, struct smki_error *err);

#endif
