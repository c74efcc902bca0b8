/* What crosses the wire: the web services' XML and zip in, answers and results as XML, zip and txt out. Nothing here knows policy or the
 * store. */
#ifndef SMKI_MESSAGE_I_H
#define SMKI_MESSAGE_I_H

#include "base/base_i.h"

#include <smki/adhoc.h>
#include <smki/batch.h>
#include <smki/csr.h>

/* The BatchStatus words of the schema, by enum smki_batch_state; [0] is NULL. */
extern const char *const message_state_words[SMKI_STATE_TAMPERED + 1];

/* ---- batch in ---- */

struct batch_limits {
    uint32_t max_csrs;   /* SMKI_BATCH_MAX_CSRS */
    uint64_t max_upload; /* octets of the document or file */
};

/* One CSR of a batch as it came. `der` may be empty or nonsense: that is the CSR's own fate later, not the batch's. */
struct batch_request {
    uint32_t index;        /* from 1, in the order of the document */
    const char *ref;       /* XML: the ID; zip: the entry's name; UTF-8 always */
    struct smki_bytes der; /* decoded; empty when it cannot be decoded */
    int decode_code;       /* 0, or CSR_TEXT_INVALID / CSR_TOO_LARGE, with an empty `der`: no base64 in an accepted form, or too large */
};
/* Called once for each, in order; what it points to is gone when it returns. Non-zero stops the reading and is returned. */
typedef int (*batch_request_fn)(void *context, const struct batch_request *request, struct smki_error *err);

/* The documents that requests come in. */
struct request_form {
    const char *schema; /* for words: "batch-1.0.xsd" */
    const char *root;   /* its element, with an ID of 1 to ref_max characters */
    const char *csr;    /* the elements in it, after the Version */
    size_t ref_max;
    bool many; /* any number of them, each with an ID of its own; else exactly one, without */
};
extern const struct request_form request_form_batch; /* SubmitCSRBatch (batch-1.0.xsd) */
extern const struct request_form request_form_adhoc; /* DeviceCertificateSigningRequest (adhoc-1.0.xsd) */

/* Push reader of such a document, on expat; memory does not grow with the document. */
struct request_xml_reader;
SMKI_MUST_USE int request_xml_open(struct request_xml_reader **out, const struct request_form *form, const struct batch_limits *limits,
                                   batch_request_fn each, void *context, struct smki_error *err);
/* Feeds `bytes`; `last` with the final call (bytes may be empty then). Errors: XML_INVALID (line and what), XML_DTD, XML_VERSION,
 * BATCH_TOO_MANY, TOO_LARGE. */
SMKI_MUST_USE int request_xml_feed(struct request_xml_reader *reader, struct smki_bytes bytes, bool last, struct smki_error *err);
const char *request_xml_ref(const struct request_xml_reader *reader); /* the root's ID; "" until it was seen, usable after an error too */
uint32_t request_xml_count(const struct request_xml_reader *reader);
void request_xml_close(struct request_xml_reader *reader);

/* A whole DeviceCertificateSigningRequest: its ID into `ref` ("" when it has none, also after a refusal), the CSR's octets appended to
 * *csr, or none and why in *csr_code. Errors as of request_xml_feed. */
SMKI_MUST_USE int adhoc_xml_read(char ref[SMKI_ADHOC_REF_SIZE], struct smki_buffer *csr, int *csr_code, struct smki_bytes document,
                                 struct smki_error *err);

/* Checks a zip's structure without unpacking it (interfaces.md 4): root entries *.csr only, unique names (capitals count; CP437 becomes
 * UTF-8 first), stored or deflated, not encrypted, at most max_csrs, no bomb: no entry of more than 1 MiB packed tighter than 50:1, all of
 * them together at most 50,000 * 4096 octets. *count gets the number of CSRs. Errors: ZIP_*, BATCH_TOO_MANY, TOO_LARGE; each names the
 * entry. */
SMKI_MUST_USE int batch_zip_check(const char *path, const struct batch_limits *limits, uint32_t *count, struct smki_error *err);
/* Reads every entry in the order of the central directory. One that is larger than a CSR's text can be is not unpacked and is handed over
 * as CSR_TOO_LARGE: it fails by itself, never the others. One that unpacks to more than it declares is a ZIP_BOMB. */
SMKI_MUST_USE int batch_zip_read(const char *path, const struct batch_limits *limits, batch_request_fn each, void *context,
                                 struct smki_error *err);

/* ---- results out ---- */

struct batch_result {
    uint32_t index;
    const char *ref;
    int code;                      /* 0: granted */
    const char *text;              /* the refusal's words; NULL: the list's */
    struct smki_bytes certificate; /* DER; empty when refused */
};
/* Gives the next result of a batch in order; 0, or NOT_FOUND after the last (err untouched). What *out points to is valid until the next
 * call. */
typedef int (*batch_result_fn)(void *context, struct batch_result *out, struct smki_error *err);
/* Takes bytes of the answer. */
typedef int (*message_sink_fn)(void *context, struct smki_bytes bytes, struct smki_error *err);

/* The words on a refusal that may leave the house: `text`, or the list's when there is none, or when what failed is our own business
 * (files, store, keys), whose details are for the log. */
const char *answer_words(int code, const char *text);
bool answer_is_inner(int code); /* such a failure; not 0 */
/* The code that the outside reads: of our own business the `general` one, unless it passes by itself (503: a full disk, a store in use),
 * which the Service Desk should hear as it is. */
int answer_told(int code, int general);

/* A DeviceCertificateSigningResponse (adhoc-1.0.xsd), appended. */
struct adhoc_response {
    const char *ref; /* "" or NULL: left out, as is one that the schema would not let stand */
    const char *build;
    uint64_t transaction; /* above 0 */
    int code;             /* 0: SUCCESS */
    const char *text;     /* the refusal's words, as they go out; NULL: the list's */
    struct smki_bytes certificate;
};
SMKI_MUST_USE int adhoc_xml_response(struct smki_buffer *out, const struct adhoc_response *response, struct smki_error *err);

/* A CSRBatchResult document (batch-1.0.xsd) of a completed batch, pulled piece by piece. The batch's own ID is left out when it is "". A
 * zip's entry whose name is no XML name gets the ID "entry-<index>". A refusal that the schema has no Status for becomes CSR_ERROR
 * (FORMAT_ERROR) or WORKFLOW_ERROR (UNKNOWN_DEVICE). */
struct batch_xml_stream;
/* `batch`, `build` and `next` outlive it. */
SMKI_MUST_USE int batch_xml_stream_open(struct batch_xml_stream **out, const struct smki_batch *batch, const char *build,
                                        batch_result_fn next, void *next_context, struct smki_error *err);
/* *size is less than capacity only at the end, and 0 after it. A failure stays. */
SMKI_MUST_USE int batch_xml_stream_read(struct batch_xml_stream *stream, void *at, size_t capacity, size_t *size, struct smki_error *err);
void batch_xml_stream_close(struct batch_xml_stream *stream);
/* The same document pushed in pieces of at most 64 KiB. Nothing more reaches the sink after a failure, what reached it before is cut short.
 */
SMKI_MUST_USE int batch_xml_result(const struct smki_batch *batch, const char *build, batch_result_fn next, void *next_context,
                                   message_sink_fn sink, void *sink_context, struct smki_error *err);
/* The same element for a batch that is not completed, or with an error (code != 0: FORMAT_ERROR or WORKFLOW_ERROR by the list). */
SMKI_MUST_USE int batch_xml_result_status(struct smki_buffer *out, const char *ref, const char *build, uint64_t batch_id,
                                          enum smki_batch_state state, int code, const char *text, struct smki_error *err);
/* SubmitCSRBatchStatus: PENDING with the BatchId, or an error. */
SMKI_MUST_USE int batch_xml_submit_status(struct smki_buffer *out, const char *ref, const char *build, uint64_t batch_id, int code,
                                          const char *text, struct smki_error *err);
/* The response zip: one <name without .csr>.crt for each granted CSR, in order, stored, holding the certificate as PEM (base64 X.509 with
 * BEGIN and END CERTIFICATE lines, LF). Where two names would become one (IDs "a" and "a.csr", entries a.csr and a.CSR), the later is
 * <name>.<index>.crt, and where that one is taken too <name>.<index>.2.crt, and so on. The same results make the same file. Written
 * into `fd`, which is empty and open for writing at `path`, by way of an unlinked file beside it; nothing is synced. */
SMKI_MUST_USE int batch_zip_result(int fd, const char *path, batch_result_fn next, void *next_context, struct smki_error *err);
/* The .txt report: exactly one line a CSR, no header, UTF-8, ended by CR LF, its fields joined by commas:
 *   identifier   XML: the CSR's ID; zip: its number in the archive, from 1
 *   file name    zip: the entry's name; XML: empty
 *   status       success, error, anomaly or ineligible
 *   error code   "CR:AA7"; empty on success
 *   text         the refusal's words; empty on success
 * A field with a comma or a quote stands in quotes, quotes in it doubled (RFC 4180). */
SMKI_MUST_USE int batch_txt_result(const struct smki_batch *batch, batch_result_fn next, void *next_context, message_sink_fn sink,
                                   void *sink_context, struct smki_error *err);

#endif
