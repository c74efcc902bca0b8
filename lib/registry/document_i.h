/* The registry's nouns as JSON documents in the store, and the checks and words that its files share. Each document carries the version of
 * its layout, so that a later version of the library knows what it reads. */
#ifndef SMKI_DOCUMENT_I_H
#define SMKI_DOCUMENT_I_H

#include "registry/recall_i.h"
#include "registry/registry_i.h"
#include "registry/text_i.h"

#include <cjson/cJSON.h>

#define DOCUMENT_LAYOUT 1
#define NUMBER_MAX      UINT64_C(9007199254740992) /* 2^53: cJSON keeps numbers as doubles */

/* ---- writing: each returns false when there is no memory; `object` may be NULL then ---- */
bool json_number(cJSON *object, const char *name, uint64_t value);
bool json_known(cJSON *object, const char *name, uint64_t value); /* null for 0 */
bool json_text(cJSON *object, const char *name, const char *text);
bool json_bool(cJSON *object, const char *name, bool value);
/* ISO in UTC; null for {0}. False, too, for what is not in the years 1970 to 9999, which could not be read back: whose it is refuses it in
 * words before. */
bool json_time(cJSON *object, const char *name, struct smki_time time);
bool json_hex(cJSON *object, const char *name, struct smki_bytes bytes);
/* object when `complete`; else frees it and returns NULL. */
cJSON *json_complete(cJSON *object, bool complete);
/* Stores the object under the number; consumes it. NULL: NO_MEMORY. */
SMKI_MUST_USE int document_put(struct store_change *change, enum store_kind kind, uint64_t number, cJSON *object, struct smki_error *err);

/* ---- reading: the first member that is missing or of the wrong kind is remembered, and told by document_close ---- */
struct document {
    const char *noun;
    uint64_t number;
    cJSON *root;
    const char *bad; /* the first member that is not as it was written */
};
/* The document with this number, or NOT_FOUND "there is no <noun> <number>". End with document_close. */
SMKI_MUST_USE int document_open(struct document *out, struct store_view *view, enum store_kind kind, uint64_t number, const char *noun,
                                struct smki_error *err);
/* The same of a document that is there. */
SMKI_MUST_USE int document_open_json(struct document *out, struct smki_bytes json, uint64_t number, const char *noun, struct smki_error *err);
/* The first one after *number, which it sets. NOT_FOUND after the last. */
SMKI_MUST_USE int document_open_next(struct document *out, struct store_view *view, enum store_kind kind, uint64_t *number,
                                     const char *noun, struct smki_error *err);
/* A whole number from 0 to NUMBER_MAX; false for anything else. */
bool json_whole(const cJSON *item, uint64_t *out);
uint64_t document_number(struct document *document, const char *name);
uint64_t document_known(struct document *document, const char *name); /* 0 for null */
bool document_bool(struct document *document, const char *name);
struct smki_time document_time(struct document *document, const char *name);
void document_text(struct document *document, const char *name, char *out, size_t size);
const char *document_word(struct document *document, const char *name); /* valid until document_close; "" when bad */
void document_hex(struct document *document, const char *name, uint8_t *out, size_t size);
const cJSON *document_array(struct document *document, const char *name); /* NULL when bad */
void document_bad(struct document *document, const char *name);
/* Frees. 0, or STORE_CORRUPT naming the document and the member. */
SMKI_MUST_USE int document_close(struct document *document, struct smki_error *err);

/* ---- shared checks ---- */

/* Equal but for case, and for '_' and ' ' where the word has '-'. */
bool word_same(const char *written, const char *word);

/* ---- a short text that grows: the `detail` of audit records. What does not fit is cut at a whole character. ---- */
struct phrase {
    char text[SMKI_AUDIT_DETAIL_SIZE];
    size_t size;
};
void phrase_add(struct phrase *phrase, const char *format, ...) SMKI_PRINTF(2, 3); /* ", " before it, but for the first */

/* Writes an audit record about `party` and `subject`. */
SMKI_MUST_USE int record_act(struct store_change *change, const struct smki_actor *actor, enum smki_act act, uint64_t party,
                             uint64_t subject, const char *detail, struct smki_error *err);

/* The override record of a device's limit of certificates that is changed, by hand or by an import. */
SMKI_MUST_USE int limit_record(struct store_change *change, const struct smki_actor *actor, const struct smki_device_id *id,
                               uint32_t before, uint32_t after, struct smki_error *err);

/* ---- what the nouns need of each other ---- */
SMKI_MUST_USE int party_number_of_eui(struct store_view *view, const struct smki_device_id *eui, uint64_t *number,
                                      struct smki_error *err); /* PARTY_UNKNOWN */
/* The whole of smki_agreement_add, `notice` being how long before the Party has to tell. */
SMKI_MUST_USE int agreement_enter(struct store_change *change, const struct smki_actor *actor, int64_t notice,
                                  struct smki_agreement *agreement, struct smki_error *err);
/* Suspends the officer's active credentials. */
SMKI_MUST_USE int credentials_suspend(struct store_change *change, const struct smki_actor *actor, uint64_t officer,
                                      struct smki_error *err);

#endif
