/* Batches of Device CSRs: taken in, waiting for their night, run, and their results. */
#ifndef SMKI_BATCH_H
#define SMKI_BATCH_H

#include <smki/demand.h>

#define SMKI_BATCH_MAX_CSRS 50000     /* CSRs in one submission (IDS 2.3.1.7, SEC L8.2) */
#define SMKI_BATCH_REF_SIZE 1025      /* the client's ID: 256 characters of up to 4 octets, and NUL (IDS App. E) */
#define SMKI_BATCH_CSR_REF_SIZE 401   /* a CSR's ID: 100 characters of up to 4 octets, or a file name in a zip, and NUL */
#define SMKI_BATCH_FILE_SIZE 300      /* names of files */

/* IDS App. E; interfaces.md 6. Numbers are stored. */
enum smki_batch_state {
    SMKI_STATE_PENDING = 1, SMKI_STATE_REJECTED = 2, SMKI_STATE_PARSING = 3, SMKI_STATE_QUEUED = 4, SMKI_STATE_PROCESSING = 5,
    SMKI_STATE_PAUSED = 6, SMKI_STATE_COMPLETED = 7, SMKI_STATE_TAMPERED = 8,
};

enum smki_batch_form { SMKI_BATCH_XML = 1, SMKI_BATCH_ZIP = 2 };

struct smki_batch {
    uint64_t id;
    uint64_t party;
    enum smki_batch_state state;
    enum smki_batch_form form;
    enum smki_interface interface; /* BATCH: the web service's rules; PORTAL_DEVICE: the portal's */
    struct smki_time accepted_at, due_at, completed_at, released_at /* 0: by the rule */, retrieved_at, last_poll_at;
    bool over_quota; /* queued behind everybody's due work (interfaces.md 10) */
    bool approved;
    bool expired; /* the results were kept for their time and are gone */
    uint32_t csrs;       /* in the submission */
    uint32_t chunk_size; /* CSRs a chunk, but for the last; 0 until parsed */
    uint32_t chunks;     /* 0 until parsed */
    uint32_t next_chunk; /* chunks handed out so far, in order; lower ones are done or under a lease */
    uint32_t chunks_done;
    uint32_t processed, granted, refused; /* CSRs with a fate, and of which kind */
    uint8_t sha256[32];                   /* of the upload as it came */
    uint64_t size;                        /* octets of the upload */
    char file[SMKI_BATCH_FILE_SIZE];      /* its name in the home's batches folder */
    char name[SMKI_BATCH_FILE_SIZE];      /* zip: the name the submitter gave the file; XML: "" */
    char ref[SMKI_BATCH_REF_SIZE];        /* XML: the client's ID; zip: "" */
    char reason[SMKI_BATCH_FILE_SIZE];    /* REJECTED, TAMPERED: why */
};

/* "PENDING" ...: the word of the wire (IDS App. E). Static storage. */
SMKI_API const char *smki_batch_state_word(enum smki_batch_state state);
/* REJECTED, COMPLETED, TAMPERED. */
SMKI_API bool smki_batch_state_is_final(enum smki_batch_state state);

struct cJSON;
struct smki_service;

/* ---- submission: a stream in, a BatchId out ---- */

/* A batch on its way in. One thread at a time. */
struct smki_submission;

/* Begins. Checks at once that the actor's Party may submit at all (PARTY_UNKNOWN, PARTY_BARRED, NOT_SUBSCRIBER, and IKI_SUSPENDED or IKI_REVOKED
 * of actor->credential), as smki_submission_finish does again. `name` is the file's name for a zip, NULL for XML. What comes in goes to the home's batches folder.
 * An actor of the batch web service takes the Party's turn: one submission of a Party at a time (CoCo 3; RATE_BATCH_BUSY, see
 * smki_submission_open_turn), until smki_submission_close, which is called when the answer is out. The turn holds over all processes of the home and
 * goes with its process however that ends. An agreement for BATCH_ONE lifts it to as many at once as it says. When the turn is taken, this waits a quarter of
 * a second for it before it refuses: the answer to the one before may have come just now. */
SMKI_API SMKI_MUST_USE int smki_submission_open(struct smki_submission **out, struct smki_service *service, const struct smki_actor *actor,
                                                enum smki_batch_form form, const char *name, struct smki_error *err);
/* The same, and gives what the rule of one submission at a time said, also when it refuses: `limit` at once, `used` before this one, retry_at. */
SMKI_API SMKI_MUST_USE int smki_submission_open_turn(struct smki_submission **out, struct smki_service *service, const struct smki_actor *actor,
                                                     enum smki_batch_form form, const char *name, struct smki_verdict *verdict, struct smki_error *err);
/* Takes the next bytes. An XML document is checked while it comes: the first fault is the answer, and nothing further need be sent. */
SMKI_API SMKI_MUST_USE int smki_submission_feed(struct smki_submission *submission, struct smki_bytes bytes, struct smki_error *err);
/* Ends: the whole is checked, made durable, counted against the demand rules, given its BatchId and recorded. *out is the batch as stored;
 * `verdict` (may be NULL) says how the portal's quota saw it. */
SMKI_API SMKI_MUST_USE int smki_submission_finish(struct smki_submission *submission, struct smki_batch *out, struct smki_verdict *verdict,
                                                  struct smki_error *err);
/* The document's own ID, as far as it was read: for the answer to a refused one. */
SMKI_API const char *smki_submission_ref(const struct smki_submission *submission);
/* Frees; what was not finished leaves nothing behind. NULL is fine. */
SMKI_API void smki_submission_close(struct smki_submission *submission);
/* All of it for a file: XML or zip by its first octets. */
SMKI_API SMKI_MUST_USE int smki_batch_submit_file(struct smki_service *service, const struct smki_actor *actor, const char *path, struct smki_batch *out,
                                                  struct smki_verdict *verdict, struct smki_error *err);

/* ---- looking, approving ---- */

SMKI_API SMKI_MUST_USE int smki_batch_find(struct smki_service *service, uint64_t id, struct smki_batch *out, struct smki_error *err); /* BATCH_UNKNOWN */
/* As a Party asks: another Party's batch is answered exactly as one that does not exist (interfaces.md 6). An actor without a Party is the operator. */
SMKI_API SMKI_MUST_USE int smki_batch_find_as(struct smki_service *service, const struct smki_actor *actor, uint64_t id, struct smki_batch *out,
                                              struct smki_error *err);
/* The first batch after `id`; NOT_FOUND after the last. */
SMKI_API SMKI_MUST_USE int smki_batch_next(struct smki_service *service, uint64_t id, struct smki_batch *out, struct smki_error *err);
/* From when on its results are no longer kept: 30 days (demand.result_retention) after the latest of its release by the rules, a release by the operator and
 * its completion; {0}: it is not final. Who asks for a result from then on is told RESULT_EXPIRED. */
SMKI_API struct smki_time smki_batch_expires(const struct smki_service *service, const struct smki_batch *batch);
/* The newest batch of the Party that is older than `id` (0: the newest of all); NOT_FOUND (err untouched) after the last. Other Parties' batches are not
 * read, however many there are. */
SMKI_API SMKI_MUST_USE int smki_batch_of_party_before(struct smki_service *service, uint64_t party, uint64_t id, struct smki_batch *out,
                                                      struct smki_error *err);
/* A new cJSON object; the caller frees. NULL: no memory. */
SMKI_API struct cJSON *smki_batch_json(const struct smki_batch *batch);
/* The RA's word on a PENDING batch. BATCH_STATE when it is not pending. */
SMKI_API SMKI_MUST_USE int smki_batch_approve(struct smki_service *service, const struct smki_actor *actor, uint64_t id, struct smki_error *err);
SMKI_API SMKI_MUST_USE int smki_batch_reject(struct smki_service *service, const struct smki_actor *actor, uint64_t id, const char *reason,
                                             struct smki_error *err);
/* The operator lets a batch be retrieved now (before its time, or again). */
SMKI_API SMKI_MUST_USE int smki_batch_release(struct smki_service *service, const struct smki_actor *actor, uint64_t id, struct smki_error *err);

/* ---- the night ---- */

/* What the night of `at` would take, in its order; *items is for free(), *count of them. *rate gets the CSRs a second that was reckoned with: that of the
 * last run of some size, or the capacity spread over the night. */
SMKI_API SMKI_MUST_USE int smki_batch_plan(struct smki_service *service, struct smki_time at, struct smki_plan_item **items, size_t *count, double *rate,
                                           struct smki_error *err);

#define SMKI_RUN_REFUSALS 32 /* codes: more than there are for one CSR */

struct smki_refusal_count {
    int code; /* 0: not used */
    uint64_t count;
};

struct smki_run_progress {
    uint64_t waiting;                     /* CSRs without a fate when the run began or was last looked at, and those of this run */
    uint64_t processed, granted, refused; /* CSRs by this run */
    uint64_t batches_completed;
    uint64_t batch;                       /* the one worked on */
    double seconds, working, rate;        /* since the start; since the first chunk was claimed (0: none yet); CSRs a second of the latter */
    struct smki_refusal_count refusals[SMKI_RUN_REFUSALS]; /* `refused` by code, in the order in which they were met */
    struct smki_error trouble; /* code 0: none; else a batch could not be prepared, which is tried again at each look; the others go on. CA_KEY_UNAVAILABLE:
                                * the DCA's key is on a token that is away; what was granted waits for it, and is signed when it is back */
    bool paused;                          /* outside the window, in a maintenance that pauses the night, or nothing to do (watch) */
};

struct smki_run_options {
    bool watch;         /* stay, and keep the windows */
    bool ignore_window; /* the operator's override, audited */
    unsigned workers;   /* 0: as configured */
    /* Called about four times a second by the thread that called smki_batch_run; may be NULL. */
    void (*progress)(void *context, const struct smki_run_progress *progress);
    void *context;
    const volatile int *stop; /* set it (a signal handler may) to end after the chunks in hand; may be NULL */
};

/* Approves (when automatic), parses and works off what waits: without `watch` until nothing is left to do or the window closes. Several runners may work on
 * one home. OUTSIDE_WINDOW when the window is closed, `watch` and `ignore_window` are not set, and something waits. While Planned Maintenance pauses the
 * night (smki/maintenance.h) no chunk is begun: `watch` waits for its end; else MAINTENANCE when something waits. While the DCA's key is on a token that is
 * away (smki/key.h) what was granted waits for it, and is signed when it is back, so long as `pkcs11.patience` (`watch`: as long as it takes); then
 * CA_KEY_UNAVAILABLE, as at once for a key in a file. */
SMKI_API SMKI_MUST_USE int smki_batch_run(struct smki_service *service, const struct smki_actor *actor, const struct smki_run_options *options,
                                          struct smki_run_progress *summary, struct smki_error *err);

/* ---- results ---- */

enum smki_result_format { SMKI_RESULT_XML, SMKI_RESULT_ZIP, SMKI_RESULT_TXT };

/* Writes a completed batch's result to `path`, whole or not at all. BATCH_NOT_COMPLETED, NOT_RELEASED (unless ignore_release, which is audited as an
 * override), RESULT_EXPIRED. */
SMKI_API SMKI_MUST_USE int smki_batch_result(struct smki_service *service, const struct smki_actor *actor, uint64_t id, enum smki_result_format format,
                                             const char *path, bool ignore_release, struct smki_error *err);
/* The same as a file without a name, in the home's folder of batches, open for reading at its start; it is gone when it is closed, so nothing is left of
 * what is broken off, and nothing of it waits for the disk. *fd is the caller's to close, *size its octets. Never before its release. The reading is
 * recorded; a refusal is the caller's to record: see smki_refused. */
SMKI_API SMKI_MUST_USE int smki_batch_result_open(struct smki_service *service, const struct smki_actor *actor, uint64_t id,
                                                  enum smki_result_format format, int *fd, uint64_t *size, struct smki_error *err);
/* Records that who asked has taken all of it. The batch web service's rules for polls do not count it: see smki_batch_retrieved. */
SMKI_API SMKI_MUST_USE int smki_batch_result_taken(struct smki_service *service, const struct smki_actor *actor, uint64_t id, struct smki_error *err);
/* ---- the batch web service (IDS App. E; interfaces.md 6, 10, 12.1) ---- */

/* The answers below are appended to *out and valid by the schema whatever is asked for. `text` may be NULL: the list's words. What failed inside us
 * is told as WF:BB2 (submission) or WF:BB1 (result) in the list's words only. */

/* The answer to a submission: SubmitCSRBatchStatus. code 0: PENDING with batch_id. `ref`: smki_submission_ref, "" or NULL: not known. */
SMKI_API SMKI_MUST_USE int smki_batch_submit_answer(struct smki_buffer *out, const char *ref, uint64_t batch_id, int code, const char *text,
                                                    struct smki_error *err);

/* A poll: what for, and what may be answered. */
struct smki_poll {
    struct smki_batch batch;     /* as stored after this poll; all zero when it is unknown to who asks */
    enum smki_batch_state shown; /* the state; of a COMPLETED batch PROCESSING until its release (interfaces.md 6, 12.1) */
    bool deliver;                /* COMPLETED and released: the results go with the answer */
    struct smki_verdict verdict; /* retry_at, also when refused */
    struct smki_allowance left;  /* polls of this batch; limit 0: there is no limit */
};
/* Judges and books the poll in one change, and records it: 0, or BATCH_UNKNOWN (missing or another Party's: same words, same work), POLL_TOO_EARLY,
 * POLL_TOO_OFTEN, POLL_DONE, RESULT_EXPIRED. Refused polls do not count. *out is filled also when it refuses. */
SMKI_API SMKI_MUST_USE int smki_batch_poll(struct smki_service *service, const struct smki_actor *actor, uint64_t id, struct smki_poll *out,
                                           struct smki_error *err);
/* The answer to a poll that carries no results, or to one that failed (code != 0): CSRBatchResult. `poll` may be NULL when it failed. */
SMKI_API SMKI_MUST_USE int smki_batch_poll_answer(struct smki_buffer *out, const struct smki_poll *poll, int code, const char *text,
                                                  struct smki_error *err);

/* The whole answer with the results of a completed batch, pulled piece by piece: memory does not grow with the batch. One thread at a time. */
struct smki_result_stream;
/* BATCH_UNKNOWN, BATCH_NOT_COMPLETED, RESULT_EXPIRED. Whether it is released smki_batch_poll has judged (`deliver`). */
SMKI_API SMKI_MUST_USE int smki_result_open(struct smki_result_stream **out, struct smki_service *service, const struct smki_actor *actor,
                                            const struct smki_batch *batch, struct smki_error *err);
/* Up to `capacity` octets into `at`; *size less than capacity only at the end, 0: all has been given. A failure stays. */
SMKI_API SMKI_MUST_USE int smki_result_read(struct smki_result_stream *stream, void *at, size_t capacity, size_t *size, struct smki_error *err);
/* NULL is fine. */
SMKI_API void smki_result_close(struct smki_result_stream *stream);
/* The peer has taken all of it: no more retrievals until the operator releases it again. Recorded. BATCH_UNKNOWN, BATCH_NOT_COMPLETED. */
SMKI_API SMKI_MUST_USE int smki_batch_retrieved(struct smki_service *service, const struct smki_actor *actor, uint64_t id, struct smki_error *err);

/* The name of a zip's result: the request's with -response before the extension (interfaces.md 4); without a name, batch-<id>. */
SMKI_API SMKI_MUST_USE int smki_batch_result_name(const struct smki_batch *batch, enum smki_result_format format, char out[SMKI_BATCH_FILE_SIZE],
                                                  struct smki_error *err);

/* ---- making a batch: for a Party, and for tests ---- */

/* A batch on its way into a file. One thread at a time. */
struct smki_pack;

/* Begins a SubmitCSRBatch document with the ID `ref` (1 to 256 characters), or a zip (`ref` is not used). */
SMKI_API SMKI_MUST_USE int smki_pack_open(struct smki_pack **out, const char *path, enum smki_batch_form form, const char *ref,
                                          struct smki_error *err);
/* Adds a CSR. `name`: XML: its ID, an XML name of at most 100 characters; zip: its file name without .csr. After a failure nothing more
 * goes in. INVALID_ARGUMENT: the name; ALREADY_EXISTS: it was there before; BATCH_TOO_MANY. */
SMKI_API SMKI_MUST_USE int smki_pack_add(struct smki_pack *pack, const char *name, struct smki_bytes der, struct smki_error *err);
/* Ends it: the file appears under its path, whole, and replaces one that is there. */
SMKI_API SMKI_MUST_USE int smki_pack_finish(struct smki_pack *pack, struct smki_error *err);
/* Frees; what was not finished leaves nothing behind. NULL is fine. */
SMKI_API void smki_pack_close(struct smki_pack *pack);

#endif
