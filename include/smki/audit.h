/* The audit log: one record for every decision, chained by hash, its head signed at every commit. */
#ifndef SMKI_AUDIT_H
#define SMKI_AUDIT_H

#include <smki/base.h>
#include <smki/key.h>
#include <smki/store.h>

#define SMKI_AUDIT_DETAIL_SIZE 256

/* What a record is about; the word of each is in audit.c. Numbers are stored. */
#define SMKI_ACT_LIST(X)                                                                                                                   \
    X(1, INIT, "init")                                                                                                                     \
    X(2, CONFIGURE, "configure")                                                                                                           \
    X(3, PARTY_ADD, "party-add")                                                                                                           \
    X(4, PARTY_UPDATE, "party-update")                                                                                                     \
    X(5, OFFICER_ADD, "officer-add")                                                                                                       \
    X(6, OFFICER_UPDATE, "officer-update")                                                                                                 \
    X(7, CREDENTIAL_ISSUE, "credential-issue")                                                                                             \
    X(8, CREDENTIAL_UPDATE, "credential-update")                                                                                           \
    X(9, DEVICE_IMPORT, "device-import")                                                                                                   \
    X(10, DEVICE_UPDATE, "device-update")                                                                                                  \
    X(11, AGREEMENT_ADD, "agreement-add")                                                                                                  \
    X(12, BATCH_SUBMIT, "batch-submit")                                                                                                    \
    X(13, BATCH_APPROVE, "batch-approve")                                                                                                  \
    X(14, BATCH_REJECT, "batch-reject")                                                                                                    \
    X(15, BATCH_PARSE, "batch-parse")                                                                                                      \
    X(16, BATCH_STATE, "batch-state")                                                                                                      \
    X(17, CSR_DECIDE, "csr-decide")   /* granted (with the serial reserved) or refused, one a CSR */                                       \
    X(18, CHUNK_ISSUE, "chunk-issue") /* the certificates of a chunk are made: how many, and the SHA-256 over them in order */            \
    X(19, CERTIFICATE_ISSUE, "certificate-issue")                                                                                          \
    X(20, CERTIFICATE_REVOKE, "certificate-revoke")                                                                                        \
    X(21, CRL_ISSUE, "crl-issue")                                                                                                          \
    X(22, RESULT_READ, "result-read")                                                                                                      \
    X(23, OVERRIDE, "override") /* --ignore-window, --ignore-release, a raised limit */                                                    \
    X(24, RUN, "run")                                                                                                                      \
    X(25, BACKUP, "backup")                                                                                                                \
    X(26, RESTORE, "restore")                                                                                                              \
    X(27, ACCESS_REFUSED, "access-refused")                                                                                                \
    X(28, DEMAND_OBSERVED, "demand-observed")                                                                                              \
    X(29, CSR_VOID, "csr-void") /* a granted CSR whose signing failed: the reserved serial is void */

enum smki_act {
#define SMKI_X(number, name, word) SMKI_ACT_##name = (number),
    SMKI_ACT_LIST(SMKI_X)
#undef SMKI_X
};

/* One decision. Zero what does not apply. */
struct smki_audit_record {
    uint64_t sequence;     /* given by the store: 1, 2, 3 ... without a gap */
    struct smki_time time; /* given by the store's clock when it is zero */
    enum smki_act act;
    struct smki_actor actor;
    uint64_t party;   /* whom it concerns */
    uint64_t subject; /* the number of the batch, officer, credential, agreement ... */
    uint32_t index;   /* the CSR's place in its batch, from 1; 0: not about one CSR */
    int outcome;      /* 0 or one of enum smki_error_code */
    struct smki_device_id device_id;
    struct smki_serial serial;
    char detail[SMKI_AUDIT_DETAIL_SIZE]; /* short text; for a CSR its ID or file name */
    uint8_t hash[32];                    /* given by the store: SHA-256 over the previous record's hash and this record */
};

SMKI_API const char *smki_act_word(enum smki_act act);

struct smki_audit_report {
    uint64_t records, checkpoints;
    uint64_t first_bad; /* the sequence where the log stops being what was written; 0: none */
    char text[SMKI_ERROR_TEXT_SIZE];
};

/* Reads the whole log: chain, gaps, order, every signed checkpoint and the signed head, each certificate in the store against its record. `public_key` is
 * the audit key's SubjectPublicKeyInfo. AUDIT_BROKEN with the report filled when something does not fit. `progress` may be NULL; it returns false to stop. */
SMKI_API SMKI_MUST_USE int smki_audit_verify(struct smki_audit_report *report, struct smki_store *store, struct smki_bytes public_key,
                                             bool (*progress)(void *context, uint64_t done, uint64_t all), void *context, struct smki_error *err);
/* Writes the log as JSON lines, one record a line, to a file descriptor; each page is a short read transaction. */
SMKI_API SMKI_MUST_USE int smki_audit_export(struct smki_store *store, int fd, struct smki_error *err);
/* Lets the store sign its audit head with `key` at every commit that appended records (and keep a checkpoint every `interval` records). */
SMKI_API void smki_audit_sign_with(struct smki_store *store, const struct smki_key *key, uint64_t interval);

#endif
