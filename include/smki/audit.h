/* The audit log: one record for every decision, chained by hash, its head signed at every commit. */
#ifndef SMKI_AUDIT_H
#define SMKI_AUDIT_H

#include <smki/base.h>
#include <smki/key.h>
#include <smki/store.h>

#include <inttypes.h>

struct cJSON;

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
    X(29, CSR_VOID, "csr-void") /* granted and not signed, or signed and then not granted: the serial is void */                                      \
    X(30, MAINTENANCE, "maintenance")                                                                                                      \
    X(31, BATCH_POLL, "batch-poll")                                                                                                        \
    X(40, DEMAND_NOTICE, "demand-notice")                                                                                                  \
    X(41, DOCUMENT, "document")                                                                                                            \
    X(42, INSTALLER, "installer")                                                                                                          \
    X(43, DESK, "desk")                                                                                                                    \
    X(44, BULLETIN, "bulletin")                                                                                                            \
    X(45, KEY_USE, "key-use") /* signatures of a CA's key on a token that are in no certificate or CRL: `subject` many, `index` the CA */  \
    X(46, TOKEN, "token")

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
    uint32_t index;   /* the CSR's place in its batch, from 1; chunk-issue: that of the chunk's first; 0: not about one CSR */
    int outcome;      /* 0 or one of enum smki_error_code */
    struct smki_device_id device_id;
    struct smki_serial serial;
    char detail[SMKI_AUDIT_DETAIL_SIZE]; /* short text; for a CSR its ID or file name; of two acts in a fixed form, see below */
    uint8_t hash[32];                    /* given by the store: SHA-256 over the previous record's hash and this record */
};

/* The details that smki_audit_verify reads, digests in lower case hexadecimal:
 *   chunk-issue        "chunk C: CSRs F to L, N certificates, sha256 S": the chunk's number (from 0), the places in the batch of its first and last CSR, how
 *                      many of them have certificates, and the SHA-256 over these certificates (DER), one after the other in the order of their CSRs
 *   certificate-issue  ends in ", sha256 S": the SHA-256 of the certificate (DER) with the record's serial */

/* "csr-decide"; "unknown" for a number that is none. */
SMKI_API const char *smki_act_word(enum smki_act act);

struct smki_audit_report {
    uint64_t records, checkpoints;
    uint64_t first_bad; /* the sequence where the log stops being what was written; 0: none */
    char text[SMKI_ERROR_TEXT_SIZE];
};

/* What is signed for a head or a checkpoint: the SHA-256 of this text, with the sequence in decimal and the hash of that record in lower case hexadecimal.
 * To hold an exported record against a signature with nothing of libsmki:
 *   printf 'libsmki audit head\n%d\n%s\n' SEQUENCE HASH | openssl dgst -sha256 -verify audit.pub.pem -signature FILE */
#define SMKI_AUDIT_HEAD_TEXT "libsmki audit head\n%" PRIu64 "\n%s\n"

/* Reads the whole log, while it may grow, and says where it stops being what was written:
 * - the records are there without a gap, in order, each with the hash of the one before and itself;
 * - every kept checkpoint, and the head, is signed over the record that stands there, and nothing stands after the head;
 * - every certificate in the store has a record that names its serial (init, credential-issue, certificate-issue, or csr-decide with outcome 0), and the
 *   certificates of such records are in the store; those of csr-decide may be missing while their batch is not completed, when a csr-void follows, or when
 *   the CSR came alone (index 0): a crash between the decision and the signature leaves that;
 * - every certificate that was granted is, octet for octet, the one that its chunk-issue or certificate-issue speaks of, and is not there before that record.
 * Not looked at: uploads, what the store keeps of a batch besides its certificates, whose a certificate is and whether it is revoked, checkpoints that were
 * exported.
 * Takes 8 octets of memory a certificate, and reads each certificate once. `public_key` is the audit key's SubjectPublicKeyInfo; empty: signatures are not looked at. AUDIT_BROKEN with the
 * report filled when something does not fit. `progress` may be NULL; it returns false to stop (INTERRUPTED).
 * It cannot know that a whole store was put back to an earlier state with its then valid head: keep exported checkpoints elsewhere. */
SMKI_API SMKI_MUST_USE int smki_audit_verify(struct smki_audit_report *report, struct smki_store *store, struct smki_bytes public_key,
                                             bool (*progress)(void *context, uint64_t done, uint64_t all), void *context, struct smki_error *err);
/* Writes the log as JSON lines, one record a line, to a file descriptor; each page is a short read transaction. Members: sequence, time (UTC), act, actor,
 * actor_party, credential, interface, network, party, subject, index, outcome ("OK" or an error's name), code (its wire code), device, serial, detail, hash;
 * those that do not apply are left out. */
SMKI_API SMKI_MUST_USE int smki_audit_export(struct smki_store *store, int fd, struct smki_error *err);
/* The record with this sequence; NOT_FOUND after the last. */
SMKI_API SMKI_MUST_USE int smki_audit_find(struct smki_store *store, uint64_t sequence, struct smki_audit_record *out, struct smki_error *err);
/* A new cJSON object with the members of an exported line; the caller frees. NULL: no memory. */
SMKI_API struct cJSON *smki_audit_json(const struct smki_audit_record *record);
/* Lets the store sign its audit head with `key` at every commit that appended records (and keep a checkpoint every `interval` records; 0: none). The key
 * must outlive the store or be taken back with NULL; until a key is given heads are not signed, which smki_audit_verify refuses. */
SMKI_API void smki_audit_sign_with(struct smki_store *store, const struct smki_key *key, uint64_t interval);

#endif
