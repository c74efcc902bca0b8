/* The store's two faces. A view reads one consistent state; a change reads and writes, and is durable when store_change returns 0.
 *
 * Changes are functions: store_change queues yours; one of the waiting threads becomes the leader, runs all that wait in one LMDB transaction (each in a
 * nested one, so that a failing one undoes only itself) and commits once: group commit. A change function may run again from the start when the map has to
 * grow or another process grew it, so it must depend only on its argument and on what it reads, and overwrite its outputs.
 * It may run in another thread than the one that asked (the leader's), so it holds no locks that the asking thread holds.
 * Views must be short: page through long lists with `after` keys. Bytes got from a view or change are valid until it ends (in a change: until the next write).
 *
 * A thread holds one view at a time (a second one it begins is the first again, and ends with it), and none when it asks for a change; inside a change it
 * reads through store_change_view only. What breaks this is refused with INTERNAL: it could otherwise wait for itself when the map grows. */
#ifndef SMKI_STORE_I_H
#define SMKI_STORE_I_H

#include "base/base_i.h"

#include <smki/audit.h>
#include <smki/batch.h>
#include <smki/device.h>
#include <smki/store.h>

struct store_view;   /* the read-only face */
struct store_change; /* the read-write face */

SMKI_MUST_USE int store_view_begin(struct smki_store *store, struct store_view **out, struct smki_error *err);
void store_view_end(struct store_view *view);
/* Which state of the store is the newest, of all processes: it changes with every commit that wrote something, and never comes back. Costs no
 * transaction. What was read in a view is still so as long as this is the view's own version. Thread-safe, also for a thread that holds a view. */
SMKI_MUST_USE int store_version(struct smki_store *store, uint64_t *out, struct smki_error *err);
uint64_t store_view_version(const struct store_view *view); /* of a view of its own, not of a change's */
/* How many octets of the store's file this process may keep mapped in memory before all are given back; STORE_RESIDENT unless it was said.
 * Who works off a night is faster with more. Thread-safe. */
#define STORE_RESIDENT     ((size_t)24 << 20)
#define STORE_RESIDENT_RUN ((size_t)40 << 20)
void store_resident_let(struct smki_store *store, size_t octets);
/* A change is also a view: for reading what it has written. */
struct store_view *store_change_view(struct store_change *change);
struct smki_time store_change_time(struct store_change *change); /* now, by the store's clock; one value for the whole change */

typedef int (*store_change_fn)(struct store_change *change, void *argument, struct smki_error *err);
/* Runs `function` in a change and commits. Returns what the function returned when that is not 0 (nothing of it was written then), or the commit's error. */
SMKI_MUST_USE int store_change(struct smki_store *store, store_change_fn function, void *argument, struct smki_error *err);

/* ---- numbers: 1, 2, 3 ... without a gap but for aborted changes ---- */
enum store_counter {
    STORE_COUNT_PARTY, STORE_COUNT_OFFICER, STORE_COUNT_CREDENTIAL, STORE_COUNT_AGREEMENT, STORE_COUNT_BATCH, STORE_COUNT_TRANSACTION,
    STORE_COUNT_CRL_OCA, STORE_COUNT_CRL_DCA, STORE_COUNT_CRL_IKICA, STORE_COUNT_CRL_OCA_ROOT, STORE_COUNT_CRL_DCA_ROOT,
    STORE_COUNT_NOTICE,
    /* the portal's; the gap is left for what comes with it */
    STORE_COUNT_DEMAND_NOTICE = 32, STORE_COUNT_LIBRARY, STORE_COUNT_INSTALLER, STORE_COUNT_DESK,
    STORE_COUNT_BULLETIN,
};
SMKI_MUST_USE int store_next_number(struct store_change *change, enum store_counter counter, uint64_t *out, struct smki_error *err);

/* Hands out `count` serial halves, time-ordered: *first, *first + 1 ... are greater than every one handed out before, whatever the clock does, and their
 * first octet is not zero and has no top bit (microseconds since the epoch times 256, or the last one plus one when that is greater). */
SMKI_MUST_USE int store_reserve_serials(struct store_change *change, size_t count, uint64_t *first, struct smki_error *err);

/* ---- documents: the registry's low-volume nouns, kept as JSON text under a number, with unique names beside them ---- */
enum store_kind {
    STORE_PARTY, STORE_OFFICER, STORE_CREDENTIAL, STORE_AGREEMENT, STORE_NOTICE,
    STORE_DEMAND_NOTICE = 32, STORE_LIBRARY, STORE_INSTALLER, STORE_DESK, STORE_BULLETIN, /* numbered as their counters */
};
SMKI_MUST_USE int store_document_get(struct store_view *view, enum store_kind kind, uint64_t number, struct smki_bytes *out, struct smki_error *err); /* NOT_FOUND */
SMKI_MUST_USE int store_document_remove(struct store_change *change, enum store_kind kind, uint64_t number,
                                        struct smki_error *err); /* NOT_FOUND, err untouched */
SMKI_MUST_USE int store_document_put(struct store_change *change, enum store_kind kind, uint64_t number, struct smki_bytes json, struct smki_error *err);
/* The first document with a number greater than *number; sets *number. NOT_FOUND (err untouched) after the last. */
SMKI_MUST_USE int store_document_next(struct store_view *view, enum store_kind kind, uint64_t *number, struct smki_bytes *out, struct smki_error *err);
enum store_name { STORE_NAME_EUI /* 8 octets -> Party */, STORE_NAME_CREDENTIAL /* SHA-256 of a certificate -> credential */, STORE_NAME_CREDENTIAL_CN /* party u64, interface u8, CN */ };
SMKI_MUST_USE int store_name_find(struct store_view *view, enum store_name name, struct smki_bytes key, uint64_t *number, struct smki_error *err); /* NOT_FOUND, err untouched */
SMKI_MUST_USE int store_name_put(struct store_change *change, enum store_name name, struct smki_bytes key, uint64_t number, struct smki_error *err);
SMKI_MUST_USE int store_name_remove(struct store_change *change, enum store_name name, struct smki_bytes key, struct smki_error *err);

/* ---- devices: the inventory (struct smki_device of smki/device.h) ---- */
SMKI_MUST_USE int store_device_get(struct store_view *view, const struct smki_device_id *id, struct smki_device *out, struct smki_error *err); /* NOT_FOUND, err untouched */
SMKI_MUST_USE int store_device_put(struct store_change *change, const struct smki_device *device, struct smki_error *err);
SMKI_MUST_USE int store_device_next(struct store_view *view, struct smki_device_id *after, struct smki_device *out, struct smki_error *err);

/* ---- claims: which key a device has been granted a certificate for. Made when a CSR is granted (before it is signed), so that two runners cannot grant the same
 * twice; taken back when signing fails, marked when the certificate is revoked. ---- */
struct store_claim {
    struct smki_device_id device_id;
    uint8_t key_usage;  /* 0x80, 0x08 */
    uint8_t key_print[8]; /* first octets of SHA-256 of the public point */
    uint8_t revoked;
    uint8_t serial[SMKI_SERIAL_SIZE];
};
SMKI_MUST_USE int store_claim_add(struct store_change *change, const struct store_claim *claim, struct smki_error *err);
SMKI_MUST_USE int store_claim_remove(struct store_change *change, const struct store_claim *claim, struct smki_error *err);
SMKI_MUST_USE int store_claim_revoke(struct store_change *change, const struct store_claim *claim, struct smki_error *err);
/* The claims of a device in the order of their serials: `each` returns false to stop. *count gets how many there are in all. */
SMKI_MUST_USE int store_claims_of_device(struct store_view *view, const struct smki_device_id *id, size_t *count,
                                         bool (*each)(void *context, const struct store_claim *claim), void *context, struct smki_error *err);
/* The claims on this key print, one of each device: `each` returns false to stop. The print is truncated: compare the whole key in the certificate
 * before refusing. */
SMKI_MUST_USE int store_claims_of_key(struct store_view *view, const uint8_t key_print[8], bool (*each)(void *context, const struct store_claim *claim),
                                      void *context, struct smki_error *err);

/* ---- certificates, in the order of their serials ---- */
enum store_ca { STORE_CA_OCA = 1, STORE_CA_DCA = 2, STORE_CA_IKICA = 3, STORE_CA_OCA_ROOT = 4, STORE_CA_DCA_ROOT = 5 };
struct store_certificate {
    enum store_ca ca;
    uint8_t serial[SMKI_SERIAL_SIZE];
    struct smki_bytes der; /* valid as long as the view */
    uint64_t party;
    uint64_t batch;      /* 0: not of a batch */
    uint32_t index;      /* place in the batch, from 1 */
    struct smki_time issued_at;
    struct smki_time revoked_at; /* 0: not revoked */
    uint8_t reason;              /* RFC 5280 5.3.1 */
};
SMKI_MUST_USE int store_certificate_add(struct store_change *change, const struct store_certificate *certificate, struct smki_error *err); /* ALREADY_EXISTS: never overwrites */
SMKI_MUST_USE int store_certificate_get(struct store_view *view, enum store_ca ca, const uint8_t serial[SMKI_SERIAL_SIZE], struct store_certificate *out,
                                        struct smki_error *err); /* NOT_FOUND */
/* The same, whichever CA issued it. */
SMKI_MUST_USE int store_certificate_find(struct store_view *view, const uint8_t serial[SMKI_SERIAL_SIZE], struct store_certificate *out, struct smki_error *err);
/* ALREADY_EXISTS when it is revoked already. */
SMKI_MUST_USE int store_certificate_revoke(struct store_change *change, enum store_ca ca, const uint8_t serial[SMKI_SERIAL_SIZE], struct smki_time at,
                                           uint8_t reason, struct smki_error *err);
/* The revoked certificates of a CA after *serial (all zero: from the first), one a call; NOT_FOUND after the last. */
SMKI_MUST_USE int store_revoked_next(struct store_view *view, enum store_ca ca, uint8_t serial[SMKI_SERIAL_SIZE], struct store_certificate *out,
                                     struct smki_error *err);
/* All certificates of a CA, likewise. */
SMKI_MUST_USE int store_certificate_next(struct store_view *view, enum store_ca ca, uint8_t serial[SMKI_SERIAL_SIZE], struct store_certificate *out,
                                         struct smki_error *err);
/* How many certificates a CA has issued; costs the same however many there are. */
SMKI_MUST_USE int store_certificate_count(struct store_view *view, enum store_ca ca, uint64_t *count, struct smki_error *err);

/* ---- batches (struct smki_batch of smki/batch.h), their chunks, and what became of these ---- */
SMKI_MUST_USE int store_batch_get(struct store_view *view, uint64_t id, struct smki_batch *out, struct smki_error *err); /* BATCH_UNKNOWN */
/* Adds or replaces. A batch whose state is final leaves the list of open ones. */
SMKI_MUST_USE int store_batch_put(struct store_change *change, const struct smki_batch *batch, struct smki_error *err);
SMKI_MUST_USE int store_batch_next(struct store_view *view, uint64_t *id, struct smki_batch *out, struct smki_error *err);      /* every batch */
SMKI_MUST_USE int store_batch_open_next(struct store_view *view, uint64_t *id, struct smki_batch *out, struct smki_error *err); /* those not final */
/* The newest of the Party's that is older than `id` (0: the newest). NOT_FOUND (err untouched) after the last. */
SMKI_MUST_USE int store_batch_of_party_before(struct store_view *view, uint64_t party, uint64_t id, struct smki_batch *out, struct smki_error *err);

/* ---- pickup: a Party's certificates that came one by one, in the order of their serials ---- */
struct store_pickup {
    uint64_t party;
    uint8_t serial[SMKI_SERIAL_SIZE];
    enum store_ca ca;
    uint8_t interface; /* enum smki_interface */
    struct smki_time issued_at;
};
SMKI_MUST_USE int store_pickup_add(struct store_change *change, const struct store_pickup *pickup, struct smki_error *err);
SMKI_MUST_USE int store_pickup_remove(struct store_change *change, uint64_t party, const uint8_t serial[SMKI_SERIAL_SIZE],
                                      struct smki_error *err); /* NOT_FOUND, err untouched; and so the next two */
/* The Party's first after this serial, and its last before it. */
SMKI_MUST_USE int store_pickup_next(struct store_view *view, uint64_t party, const uint8_t serial[SMKI_SERIAL_SIZE], struct store_pickup *out,
                                    struct smki_error *err);
SMKI_MUST_USE int store_pickup_before(struct store_view *view, uint64_t party, const uint8_t serial[SMKI_SERIAL_SIZE], struct store_pickup *out,
                                      struct smki_error *err);

/* ---- certificates of an organisation, by the EUI-64 in them ---- */
SMKI_MUST_USE int store_organisation_add(struct store_change *change, const struct smki_device_id *eui, const uint8_t serial[SMKI_SERIAL_SIZE],
                                         struct smki_error *err);
/* The first after *serial (all zero: the first), which becomes its own. NOT_FOUND (err untouched) after the last. */
SMKI_MUST_USE int store_organisation_next(struct store_view *view, const struct smki_device_id *eui, uint8_t serial[SMKI_SERIAL_SIZE],
                                          struct store_certificate *out, struct smki_error *err);
/* The same downwards: the last before *serial (all 0xff: the last). */
SMKI_MUST_USE int store_organisation_before(struct store_view *view, const struct smki_device_id *eui, uint8_t serial[SMKI_SERIAL_SIZE],
                                            struct store_certificate *out, struct smki_error *err);

enum store_chunk_part {
    STORE_CHUNK_REQUESTS,  /* the IDs and CSRs, as cut by intake */
    STORE_CHUNK_LEASE,     /* who works on it */
    STORE_CHUNK_DECISIONS, /* granted serials and refusals; the result once `done` */
};
SMKI_MUST_USE int store_chunk_get(struct store_view *view, uint64_t batch, uint32_t chunk, enum store_chunk_part part, struct smki_bytes *out,
                                  struct smki_error *err); /* NOT_FOUND, err untouched */
SMKI_MUST_USE int store_chunk_put(struct store_change *change, uint64_t batch, uint32_t chunk, enum store_chunk_part part, struct smki_bytes value,
                                  struct smki_error *err);
SMKI_MUST_USE int store_chunk_remove(struct store_change *change, uint64_t batch, uint32_t chunk, enum store_chunk_part part, struct smki_error *err);

/* ---- counters of the demand rules: a blob per Party and rule ---- */
SMKI_MUST_USE int store_demand_get(struct store_view *view, uint64_t party, uint32_t rule, struct smki_bytes *out, struct smki_error *err); /* NOT_FOUND, err untouched */
SMKI_MUST_USE int store_demand_put(struct store_change *change, uint64_t party, uint32_t rule, struct smki_bytes value, struct smki_error *err);

/* ---- values of the home: small things under a name ---- */
SMKI_MUST_USE int store_value_get(struct store_view *view, const char *name, struct smki_bytes *out, struct smki_error *err); /* NOT_FOUND, err untouched */
SMKI_MUST_USE int store_value_put(struct store_change *change, const char *name, struct smki_bytes value, struct smki_error *err);
SMKI_MUST_USE int store_value_remove(struct store_change *change, const char *name, struct smki_error *err); /* NOT_FOUND, err untouched */

/* ---- audit: append only. The record's sequence, hash and (when zero) time are filled in. ---- */
SMKI_MUST_USE int store_record(struct store_change *change, struct smki_audit_record *record, struct smki_error *err);
SMKI_MUST_USE int store_record_get(struct store_view *view, uint64_t sequence, struct smki_audit_record *out, struct smki_error *err); /* NOT_FOUND */
/* The record's octets as stored and hashed, for the verifier. */
SMKI_MUST_USE int store_record_raw(struct store_view *view, uint64_t sequence, struct smki_bytes *out, struct smki_error *err);
/* Runs before each commit that appended records: signs the head (see smki_audit_sign_with). */
typedef int (*store_sign_fn)(void *context, uint64_t sequence, const uint8_t hash[32], struct smki_buffer *signature, struct smki_error *err);
void store_sign_head_with(struct smki_store *store, store_sign_fn sign, void *context, uint64_t interval);
struct store_checkpoint {
    uint64_t sequence;
    struct smki_time time;
    uint8_t hash[32];
    struct smki_bytes signature;
};
/* The first checkpoint after *sequence, which is set even when the checkpoint cannot be read. NOT_FOUND after the last. */
SMKI_MUST_USE int store_checkpoint_next(struct store_view *view, uint64_t *sequence, struct store_checkpoint *out, struct smki_error *err);
SMKI_MUST_USE int store_head(struct store_view *view, struct store_checkpoint *out, struct smki_error *err); /* NOT_FOUND: no record yet */

#endif
