/* Parties, their officers, IKI credentials and agreements: the registry. Every change takes who acts, is audited in the same commit, and is thread-safe. */
#ifndef SMKI_PARTY_H
#define SMKI_PARTY_H

#include <smki/base.h>
#include <smki/demand.h>
#include <smki/device.h>
#include <smki/store.h>

struct cJSON;

#define SMKI_PARTY_NAME_SIZE 129 /* octets with NUL */
#define SMKI_PARTY_MAX_EUIS 64
#define SMKI_PARTY_MAX_ROLES 16
#define SMKI_AGREEMENT_MAX_AT_ONCE 64 /* submissions of a Party under way at a time, by agreement: each takes a connection and a file */

enum smki_user_role { /* bits */
    SMKI_USER_IMPORT_SUPPLIER = 1, SMKI_USER_GAS_SUPPLIER = 2, SMKI_USER_DCC = 4, SMKI_USER_OTHER = 8,
};
enum smki_subscriber { /* bits */
    SMKI_SUBSCRIBER_DEVICE = 1, SMKI_SUBSCRIBER_ORGANISATION = 2,
};

struct smki_party {
    uint64_t number;
    char name[SMKI_PARTY_NAME_SIZE];
    struct smki_device_id euis[SMKI_PARTY_MAX_EUIS];
    size_t eui_count;
    uint8_t roles[SMKI_PARTY_MAX_ROLES]; /* Remote Party Role codes, see smki/role.h */
    size_t role_count;
    unsigned user_roles, subscriber; /* bits */
    bool barred, gateway_only;
    struct smki_time added_at;
};

/* Gives the Party its number and added_at. Errors: EUI_TAKEN, INVALID_ARGUMENT (an empty or unprintable name, an EUI-64 or role given twice, a role that is
 * not in the table of smki/role.h or is a CA's own). */
SMKI_API SMKI_MUST_USE int smki_party_add(struct smki_store *store, const struct smki_actor *actor, struct smki_party *party, struct smki_error *err);
/* Replaces what is recorded of the Party with this number (but added_at); records which of it changed, or nothing when nothing did. PARTY_UNKNOWN, and as above. */
SMKI_API SMKI_MUST_USE int smki_party_update(struct smki_store *store, const struct smki_actor *actor, const struct smki_party *party, struct smki_error *err);
SMKI_API SMKI_MUST_USE int smki_party_find(struct smki_store *store, uint64_t number, struct smki_party *out, struct smki_error *err); /* PARTY_UNKNOWN */
/* The Party that this EUI-64 is registered to; PARTY_UNKNOWN when it is nobody's. */
SMKI_API SMKI_MUST_USE int smki_party_of_eui(struct smki_store *store, const struct smki_device_id *eui, struct smki_party *out, struct smki_error *err);
/* The first Party after `number`; NOT_FOUND after the last. */
SMKI_API SMKI_MUST_USE int smki_party_next(struct smki_store *store, uint64_t number, struct smki_party *out, struct smki_error *err);
/* A new cJSON object, as `--json` prints and the store keeps it; the caller frees. NULL: no memory. */
SMKI_API struct cJSON *smki_party_json(const struct smki_party *party);

/* ---- Authorised Responsible Officers ---- */
enum smki_officer_state { SMKI_OFFICER_NOMINATED = 1, SMKI_OFFICER_VERIFIED = 2, SMKI_OFFICER_BARRED = 3 };
struct smki_officer {
    uint64_t number, party;
    char name[SMKI_PARTY_NAME_SIZE], email[SMKI_PARTY_NAME_SIZE];
    enum smki_officer_state state;
    struct smki_time nominated_at, verified_at, barred_at;
};
/* Gives number, state and nominated_at. Errors: PARTY_UNKNOWN, INVALID_ARGUMENT (name, or e-mail address without '@'). */
SMKI_API SMKI_MUST_USE int smki_officer_nominate(struct smki_store *store, const struct smki_actor *actor, struct smki_officer *officer, struct smki_error *err);
/* Only nominated -> verified, nominated or verified -> barred, barred -> nominated (a new verification): OFFICER_STATE otherwise. Barring suspends the
 * officer's active credentials in the same commit; they can be made active again once the officer is verified again. */
SMKI_API SMKI_MUST_USE int smki_officer_set_state(struct smki_store *store, const struct smki_actor *actor, uint64_t number, enum smki_officer_state state,
                                                  struct smki_error *err);
/* NOT_FOUND when there is no officer of this number. */
SMKI_API SMKI_MUST_USE int smki_officer_find(struct smki_store *store, uint64_t number, struct smki_officer *out, struct smki_error *err);
/* The first officer after `number`; NOT_FOUND after the last. */
SMKI_API SMKI_MUST_USE int smki_officer_next(struct smki_store *store, uint64_t number, struct smki_officer *out, struct smki_error *err);
/* A new cJSON object; the caller frees. NULL: no memory. */
SMKI_API struct cJSON *smki_officer_json(const struct smki_officer *officer);

/* ---- IKI credentials (RAPP; interfaces.md 3): bound to one interface; the certificate is made by smki_service_credential_issue ---- */
enum smki_credential_state { SMKI_CREDENTIAL_ACTIVE = 1, SMKI_CREDENTIAL_SUSPENDED = 2, SMKI_CREDENTIAL_REVOKED = 3 };
struct smki_credential {
    uint64_t number, party;
    uint64_t officer; /* 0: a system's */
    enum smki_interface interface;
    enum smki_credential_state state;
    char common_name[256];
    struct smki_serial serial;
    uint8_t sha256[32]; /* of the certificate's DER */
    struct smki_time issued_at, expires_at, changed_at;
    uint64_t renews; /* the credential that this one replaces; 0: none */
};
struct store_change;
/* NOT_FOUND when there is no credential of this number. */
SMKI_API SMKI_MUST_USE int smki_credential_find(struct smki_store *store, uint64_t number, struct smki_credential *out, struct smki_error *err);
/* By the SHA-256 of its certificate: NOT_FOUND when it was not registered here. */
SMKI_API SMKI_MUST_USE int smki_credential_of_certificate(struct smki_store *store, const uint8_t sha256[32], struct smki_credential *out, struct smki_error *err);
/* By the serial number of its certificate: NOT_FOUND when there is no such certificate, or it is not that of a credential. */
SMKI_API SMKI_MUST_USE int smki_credential_of_serial(struct smki_store *store, const struct smki_serial *serial, struct smki_credential *out,
                                                     struct smki_error *err);
/* The first credential after `number`; NOT_FOUND after the last. */
SMKI_API SMKI_MUST_USE int smki_credential_next(struct smki_store *store, uint64_t number, struct smki_credential *out, struct smki_error *err);
/* active <-> suspended, either -> revoked (final; the certificate is revoked in the store too and will be on the next CRL): CREDENTIAL_STATE otherwise.
 * An officer's credential becomes active only while the officer is verified: OFFICER_STATE. */
SMKI_API SMKI_MUST_USE int smki_credential_set_state(struct smki_store *store, const struct smki_actor *actor, uint64_t number, enum smki_credential_state state,
                                                     struct smki_error *err);
/* Records that the credential's key and certificate are on this token (smki/token.h), by the token's serial number and label. NOT_FOUND; INVALID_ARGUMENT: it is
 * no officer's. */
SMKI_API SMKI_MUST_USE int smki_credential_on_token(struct smki_store *store, const struct smki_actor *actor, uint64_t number, const char *serial,
                                                    const char *label, struct smki_error *err);
/* A new cJSON object; the caller frees. NULL: no memory. */
SMKI_API struct cJSON *smki_credential_json(const struct smki_credential *credential);

/* ---- demand agreements (CoCo 3) ---- */
struct smki_agreement {
    uint64_t number, party;
    enum smki_rule rule;       /* PORTAL_BATCH, PORTAL_ADHOC: `limit` CSRs in 24 h; ADHOC_PACE: `limit` ms between two; BATCH_ONE: `limit` submissions at once */
    uint64_t limit;
    struct smki_time from, to, notified_at;
    bool short_notice; /* recorded although notified less than seven days ahead, by the operator's decision */
};
/* Gives the number; notified_at {0} becomes now. In force in [from, to). Errors: PARTY_UNKNOWN, INVALID_ARGUMENT (another rule, limit 0, to not after from,
 * notified in the future); AGREEMENT_NOTICE when notified_at is less than the notice before from and short_notice is not set. */
SMKI_API SMKI_MUST_USE int smki_agreement_add(struct smki_store *store, const struct smki_actor *actor, const struct smki_demand_limits *limits,
                                              struct smki_agreement *agreement, struct smki_error *err);
/* The first agreement after `number`; NOT_FOUND after the last. */
SMKI_API SMKI_MUST_USE int smki_agreement_next(struct smki_store *store, uint64_t number, struct smki_agreement *out, struct smki_error *err);
/* The highest limit (pace: the lowest) of the agreements in force for this Party and rule; 0: none. */
SMKI_API SMKI_MUST_USE int smki_agreement_limit(struct smki_store *store, uint64_t party, enum smki_rule rule, struct smki_time now, uint64_t *limit,
                                                struct smki_error *err);
/* A new cJSON object; the caller frees. NULL: no memory. */
SMKI_API struct cJSON *smki_agreement_json(const struct smki_agreement *agreement);

/* ---- words of the enums, for options, JSON and CSV: NULL / false for what is not in the table. Reading takes any case, and '_' or ' ' for '-'. ---- */
SMKI_API const char *smki_user_role_word(enum smki_user_role role); /* "import-supplier", "gas-supplier", "dcc", "other" */
SMKI_API bool smki_user_role_find(const char *word, enum smki_user_role *out);
SMKI_API const char *smki_device_type_word(enum smki_device_type type); /* "ESME" ... "type2", "unknown" */
SMKI_API bool smki_device_type_find(const char *word, enum smki_device_type *out);
SMKI_API const char *smki_smi_status_word(enum smki_smi_status status); /* "installed-not-commissioned" ... */
SMKI_API bool smki_smi_status_find(const char *word, enum smki_smi_status *out);

SMKI_API const char *smki_subscriber_word(enum smki_subscriber subscriber); /* "device", "organisation" */
SMKI_API bool smki_subscriber_find(const char *word, enum smki_subscriber *out);
SMKI_API const char *smki_officer_state_word(enum smki_officer_state state); /* "nominated", "verified", "barred" */
SMKI_API bool smki_officer_state_find(const char *word, enum smki_officer_state *out);
SMKI_API const char *smki_credential_state_word(enum smki_credential_state state); /* "active", "suspended", "revoked" */
SMKI_API bool smki_credential_state_find(const char *word, enum smki_credential_state *out);
/* The interfaces that a credential can be bound to: "portal-organisation", "portal-device", "adhoc", "batch". */
SMKI_API const char *smki_credential_interface_word(enum smki_interface interface);
SMKI_API bool smki_credential_interface_find(const char *word, enum smki_interface *out);
SMKI_API const char *smki_agreement_rule_word(enum smki_rule rule); /* "portal-batch", "portal-adhoc", "adhoc-pace", "batch-one" */
SMKI_API bool smki_agreement_rule_find(const char *word, enum smki_rule *out);

/* ---- devices ---- */
struct smki_import_report {
    uint64_t added, changed, same;
    uint64_t lines; /* CSV rows or JSON elements read */
};
/* Imports an inventory, recorded under the device's ID: CSV with a header line, or (a name that ends in .json) a JSON array of objects. Columns or names:
 * device_id, type, status, import_supplier, gas_supplier, certificate_limit, in any order and case; only device_id is required. Suppliers are a Party's number
 * or one of its EUI-64s. An empty cell (JSON: null) says "not known", for the limit "the default"; a column that is not there leaves what is recorded.
 * A device listed twice: the later row counts. Every row is checked before the first is stored, errors name line and column; rows are then stored in
 * commits of SMKI_IMPORT_CHUNK, each with its audit record, so an import that was cut off can simply be repeated. Importing the same file again changes nothing.
 * CSV streams: memory does not grow with the file. JSON: the file's text (at most SMKI_IMPORT_MAX_JSON) is in memory, its elements one at a time.
 * A limit that the import changes has an override record of its own, as smki_device_set_limit makes one.
 * Errors: INVENTORY_INVALID; PARTY_UNKNOWN; DEVICE_ID_INVALID; TOO_LARGE; those of reading. */
#define SMKI_IMPORT_CHUNK 1000
#define SMKI_IMPORT_MAX_JSON (256u << 20) /* octets */
SMKI_API SMKI_MUST_USE int smki_device_import(struct smki_store *store, const struct smki_actor *actor, const char *path, struct smki_import_report *report,
                                              struct smki_error *err);
/* What the inventory knows; {type UNKNOWN, status UNKNOWN} when it does not know the device (returns 0). */
SMKI_API SMKI_MUST_USE int smki_device_find(struct smki_store *store, const struct smki_device_id *id, struct smki_device *out, struct smki_error *err);
/* How many certificates the device may have (0: the configured default). A device that the inventory does not know is added as unknown. Audited as an override. */
SMKI_API SMKI_MUST_USE int smki_device_set_limit(struct smki_store *store, const struct smki_actor *actor, const struct smki_device_id *id, uint32_t limit,
                                                 struct smki_error *err);
/* A new cJSON object; the caller frees. NULL: no memory. */
SMKI_API struct cJSON *smki_device_json(const struct smki_device *device);

/* May `party` subscribe for certificates of this device (eligibility.md)? 0 or an INELIGIBLE_* code, whose text says which rule and never names
 * another Party. Pure. */
SMKI_API SMKI_MUST_USE int smki_eligibility_check(const struct smki_eligibility *table, const struct smki_party *party, const struct smki_device *device,
                                                  struct smki_error *err);

#endif
