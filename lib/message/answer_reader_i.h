/* The answers of the two web services, read as a Party reads them (adhoc-1.0.xsd, batch-1.0.xsd; IDS App. B and E). */
#ifndef SMKI_MESSAGE_ANSWER_READER_I_H
#define SMKI_MESSAGE_ANSWER_READER_I_H

#include "base/base_i.h"

#include <smki/batch.h>

#define ANSWER_MAX_SIZE   ((uint64_t)64 * 1024)         /* octets of an answer without results; ours have under 2,000 */
#define RESULT_MAX_SIZE   ((uint64_t)512 * 1024 * 1024) /* octets of one with: 50,000 certificates of any size there is */
#define ANSWER_CODE_SIZE  11                            /* "CR:AA1": 10 characters and NUL */
#define ANSWER_BUILD_SIZE 64

enum answer_kind {
    ANSWER_ADHOC,  /* DeviceCertificateSigningResponse */
    ANSWER_SUBMIT, /* SubmitCSRBatchStatus */
    ANSWER_RESULT, /* CSRBatchResult */
};

/* What BatchStatus says: a state, or one of the two words for a query that failed. */
enum answer_failure { ANSWER_NO_FAILURE, ANSWER_FORMAT_ERROR, ANSWER_WORKFLOW_ERROR };

/* One CSR's fate. */
struct answer_entry {
    uint32_t index;  /* from 1, in the order of the document; ad hoc: 1 */
    const char *ref; /* its ID; ad hoc: "" */
    enum smki_status status;
    struct smki_bytes certificate; /* DER; SUCCESS only */
    const char *error_code;        /* "" with SUCCESS */
    const char *error_text;        /* one line of UTF-8, cut to SMKI_ERROR_TEXT_SIZE; "" with SUCCESS */
};
/* Called for each in order; what it points to is gone when it returns. Non-zero stops the reading and is returned. */
typedef int (*answer_entry_fn)(void *context, const struct answer_entry *entry, struct smki_error *err);

/* The rest of the document. */
struct answer {
    char ref[SMKI_BATCH_REF_SIZE]; /* "": none */
    char build[ANSWER_BUILD_SIZE];
    uint64_t transaction;        /* ad hoc */
    enum smki_batch_state state; /* batch; 0: see failure */
    enum answer_failure failure;
    uint64_t batch_id; /* 0: none */
    uint32_t entries;
    char error_code[ANSWER_CODE_SIZE]; /* of the whole answer; "": none */
    char error_text[SMKI_ERROR_TEXT_SIZE];
};

/* Push reader on expat; memory does not grow with the document but for 16 octets an ID. `each` is called for the certificates or errors of
 * single CSRs (ad hoc: the answer's own). */
struct answer_reader;
SMKI_MUST_USE int answer_reader_open(struct answer_reader **out, enum answer_kind kind, answer_entry_fn each, void *context,
                                     struct smki_error *err);
/* Feeds `bytes`; `last` with the final call (bytes may be empty then). CLIENT_ANSWER with line and words: what the schema does not let
 * stand, or what contradicts itself (SUCCESS without a certificate, COMPLETED without results ...). The first mistake stays. */
SMKI_MUST_USE int answer_reader_feed(struct answer_reader *reader, struct smki_bytes bytes, bool last, struct smki_error *err);
/* What has been read so far; all of it after a good last feed. */
const struct answer *answer_reader_told(const struct answer_reader *reader);
void answer_reader_close(struct answer_reader *reader);

#endif
