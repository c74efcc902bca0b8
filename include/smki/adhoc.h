/* The Ad Hoc Device CSR Web Service (IDS App. B; interfaces.md 5): one XML document in, one out. No HTTP in here. */
#ifndef SMKI_ADHOC_H
#define SMKI_ADHOC_H

#include <smki/access.h>
#include <smki/demand.h>

#define SMKI_ADHOC_MAX_DOCUMENT (64u << 10)  /* octets: the largest CSR takes 11 KiB of it, the rest is for line breaks and comments */
#define SMKI_ADHOC_REF_SIZE     (32 * 4 + 1) /* the client's ID: 32 characters of up to 4 octets, and NUL (IDS App. B) */
#define SMKI_ADHOC_UNRECORDED   (UINT64_C(1) << 62) /* counting does not get there */

/* One request and its answer; end with smki_adhoc_finish. One thread at a time. */
struct smki_adhoc {
    int code;                      /* 0: SUCCESS (after smki_adhoc_answer), or granted so far */
    struct smki_buffer xml;        /* the answer: a valid DeviceCertificateSigningResponse */
    uint64_t transaction;          /* its TransactionId */
    struct smki_time not_before;   /* smooth: the answer to this request is held until then; {0}: no need to wait */
    struct smki_verdict verdict;   /* of the pace; all zero when it was not asked */
    struct smki_allowance left;    /* of the pace; limit 0: there is none (the rule is off, or was not asked) */
    char ref[SMKI_ADHOC_REF_SIZE]; /* the request's ID, "" when it was too broken to have one */
    /* what waits between the two steps */
    struct smki_buffer csr; /* DER */
    int csr_code;           /* 0, or why its text could not be decoded: CSR_TEXT_INVALID, CSR_TOO_LARGE */
};

/* Every answer has a TransactionId, positive and never given twice, and every decision on a request is in the audit log with it as the
 * record's subject: `smki audit find --transaction 17`. The acts are csr-decide (granted; or refused, and why), certificate-issue (with the
 * certificate's serial), csr-void (granted, and could not be signed; or signed, and refused after
 * all when it was to be stored), demand-observed (faster than the pace, which is only observed).
 *
 * Where nothing can be recorded (the disk is full, say), or nobody was let in, the TransactionId is one of chance, from
 * SMKI_ADHOC_UNRECORDED on, and not in the audit log by this: whoever sends the answer puts it there (smki_access_refused_as), or keeps it
 * elsewhere.
 *
 * The answer's Status and ErrorCode are by the one list of refusals. INELIGIBLE, which this schema has no word for, becomes WORKFLOW_ERROR
 * with the code of NOT_SUBSCRIBER. What failed inside us is told by its code and the list's words only; the log has the details.
 *
 * The answer stands in out->xml whatever smki_adhoc_admit returns but 0 and NO_MEMORY, and whatever the others return but NO_MEMORY. */

/* In two steps, so that nobody sleeps in here. First: reads the document, checks it against the schema, gives it its TransactionId, and
 * takes the Party's next slot of the pace (exact over all connections and processes, kept over restarts; an agreement for ADHOC_PACE makes
 * it faster). Returns 0: go on, once `not_before` has come; or the refusal: USER_ROLE, NOT_SUBSCRIBER, XML_INVALID, XML_VERSION, XML_DTD,
 * TOO_LARGE, RATE_ADHOC_DAY, RATE_ADHOC_NIGHT (verdict.retry_at: when to come back). Refused requests take no slot. */
SMKI_API SMKI_MUST_USE int smki_adhoc_admit(struct smki_adhoc *out, struct smki_service *service, const struct smki_identity *identity,
                                            struct smki_bytes document, struct smki_error *err);
/* Second: CSR, device, limits, issue; durable before it returns. Returns 0 with the certificate in the answer, or why there is none. When
 * the CA's key cannot be used just now (CA_ERROR), or the disk is full, the request is void, and may be sent again. */
SMKI_API SMKI_MUST_USE int smki_adhoc_answer(struct smki_adhoc *out, struct smki_service *service, const struct smki_identity *identity,
                                             struct smki_error *err);
/* Both steps at once, where the Party's slot is there: one durable write for the certificate, or the refusal. Returns 0 with the
 * certificate in the answer; 0 with `not_before` set and no answer in out->xml: the slot is yet to come, then call smki_adhoc_answer; or
 * the refusal. */
SMKI_API SMKI_MUST_USE int smki_adhoc_request(struct smki_adhoc *out, struct smki_service *service, const struct smki_identity *identity,
                                              struct smki_bytes document, struct smki_error *err);

/* One of many that are answered in one call. */
struct smki_adhoc_asked {
    struct smki_adhoc *adhoc; /* as `out` of the above */
    const struct smki_identity *identity;
    struct smki_bytes document;
    bool waited;           /* smki_adhoc_answer, for one that its slot was waited for; else smki_adhoc_request */
    int code;              /* what these return, */
    struct smki_error err; /* with the words */
};
/* smki_adhoc_request (and smki_adhoc_answer) for all of them: one durable write, shared by all, and less arithmetic for each. While the
 * DCA's key is where each signature is counted (a token), they go one by one and take two each, since its serial is on record before it is
 * signed: smki_adhoc_shares tells. Any number; thread-safe. */
SMKI_API void smki_adhoc_requests(struct smki_adhoc_asked *asked, size_t count, struct smki_service *service);
/* By the configuration. Then they are best asked for in one thread or a few; else in many, which share writes as they come. */
SMKI_API bool smki_adhoc_shares(const struct smki_config *config);
/* An answer made without reading the document (maintenance, wrong path, too large ...): code, and words (NULL: the list's). Recorded when
 * there is an identity, which waits for the disk; NULL: nobody was let in, nothing is recorded (see smki_access_refused) and the store is
 * not asked. Returns 0: the answer stands in out->xml and out->code is `code`. */
SMKI_API SMKI_MUST_USE int smki_adhoc_refuse(struct smki_adhoc *out, struct smki_service *service, const struct smki_identity *identity,
                                             int code, const char *text, struct smki_error *err);
/* Frees and empties; NULL and {0} are fine. */
SMKI_API void smki_adhoc_finish(struct smki_adhoc *adhoc);

#endif
