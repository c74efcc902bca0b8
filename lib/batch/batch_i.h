/* What the files of the room share: the states and their moves, chunks as they are stored, the claim of a runner.
 *
 * A batch's life: submission (a file in the home's batches folder, a record PENDING) -> approved, PARSING -> cut into chunks, QUEUED -> a
 * runner claims a chunk, PROCESSING -> its CSRs are verified, decided and given serials in one change, signed, and stored in another -> the
 * last chunk done, COMPLETED. What is durable after each step is enough to go on from it: a chunk whose CSRs are decided is signed again
 * under the same serials, notBefore and (RFC 6979) nonces, and so becomes the same certificates. */
#ifndef SMKI_BATCH_I_H
#define SMKI_BATCH_I_H

#include "message/message_i.h"
#include "ra/service_i.h"

#include <smki/batch.h>
#include <smki/smki.h>

#define CHUNK_MAX_CSRS     5000 /* CSRs: the configuration's bound on batch.chunk */
#define DECISION_TEXT_SIZE 256  /* octets with NUL: the refusal's words kept for a CSR */
#define RUNNER_ID_SIZE     16   /* octets */

/* ---- states ---- */

enum batch_event {
    BATCH_APPROVE,
    BATCH_REJECT,
    BATCH_PARSED,
    BATCH_FOUND_TAMPERED,
    BATCH_CLAIMED,
    BATCH_WINDOW_CLOSED,
    BATCH_LAST_CHUNK_DONE,
};
/* Moves the batch by the table; BATCH_STATE when the table has no such move. */
SMKI_MUST_USE int batch_move(struct smki_batch *batch, enum batch_event event, struct smki_error *err);
/* The same, stored and recorded in the audit log. `act` is the record's. */
SMKI_MUST_USE int batch_move_recorded(struct store_change *change, struct smki_batch *batch, enum batch_event event, enum smki_act act,
                                      const struct smki_actor *actor, struct smki_error *err);

/* ---- chunks as stored ---- */

/* One request of a chunk; spans point into the chunk's octets. */
struct chunk_request {
    uint32_t index; /* in the batch, from 1 */
    char ref[SMKI_BATCH_CSR_REF_SIZE];
    struct smki_bytes der;
    int decode_code;
};

SMKI_MUST_USE int chunk_requests_start(struct smki_buffer *out, struct smki_error *err);
SMKI_MUST_USE int chunk_requests_add(struct smki_buffer *out, const struct batch_request *request, struct smki_error *err);
/* Reads the octets of a chunk from the front; *request of the next one. NOT_FOUND (err untouched) after the last. */
struct chunk_reader {
    struct cursor cursor;
};
SMKI_MUST_USE int chunk_requests_open(struct chunk_reader *reader, struct smki_bytes stored, struct smki_error *err);
SMKI_MUST_USE int chunk_requests_next(struct chunk_reader *reader, struct chunk_request *request, struct smki_error *err);

/* What was decided on one CSR. */
struct decision {
    int code;                         /* 0: granted */
    uint8_t serial[SMKI_SERIAL_SIZE]; /* granted: reserved for it */
    char text[DECISION_TEXT_SIZE];    /* refused: the words */
};

enum chunk_stage { CHUNK_DECIDED = 1, CHUNK_DONE = 2 };

struct chunk_decisions {
    enum chunk_stage stage;
    struct smki_time not_before;
    size_t count;
    struct decision *decisions; /* room for CHUNK_MAX_CSRS or the chunk's size, the caller's */
};
SMKI_MUST_USE int chunk_decisions_write(struct smki_buffer *out, const struct chunk_decisions *decisions, struct smki_error *err);
/* `capacity` decisions at most. */
SMKI_MUST_USE int chunk_decisions_read(struct chunk_decisions *out, size_t capacity, struct smki_bytes stored, struct smki_error *err);
/* Only the stage. */
SMKI_MUST_USE int chunk_stage_read(enum chunk_stage *out, struct smki_bytes stored, struct smki_error *err);

/* ---- runners and claims ---- */

/* A runner at work: a locked file in the home's runners folder says that it lives; the kernel lets go of the lock when it dies. */
struct runner {
    uint8_t id[RUNNER_ID_SIZE];
    char path[PATH_MAX];
    int fd;
};
SMKI_MUST_USE int runner_start(struct runner *runner, struct smki_service *service, struct smki_error *err);
void runner_end(struct runner *runner);
/* Does the runner of this id live on this machine? One that has no file here is taken for dead. */
bool runner_lives(const struct smki_service *service, const uint8_t id[RUNNER_ID_SIZE]);

/* A chunk in hand. */
struct claim {
    uint64_t batch;
    uint32_t chunk;
};

enum claim_outcome {
    CLAIM_TAKEN,  /* *claim is ours */
    CLAIM_NONE,   /* nothing waits */
    CLAIM_OTHERS, /* what is left is in other runners' hands */
    CLAIM_CLOSED, /* something waits, but the window is closed */
    CLAIM_PAUSED, /* something waits, but Planned Maintenance pauses the night */
};
#define CLAIM_MAX_ASIDE 32 /* batches in trouble that one run puts aside; with more it ends */

struct claim_request {
    const struct smki_service *service;
    const struct runner *runner;
    const struct smki_actor *actor;
    bool ignore_window;
    bool preparing;                       /* batches are being prepared: none that comes after one of these in the order is begun */
    uint64_t unprepared[CLAIM_MAX_ASIDE]; /* of these, the ones that cannot be prepared, and are not waited for */
    size_t unprepared_count;
    uint64_t aside[CLAIM_MAX_ASIDE]; /* batches that this run leaves alone: a chunk of theirs failed */
    size_t aside_count;
};
/* Takes the next chunk of the night's order, in a change of its own or at the end of another. */
SMKI_MUST_USE int claim_next(struct store_change *change, const struct claim_request *request, struct claim *claim,
                             enum claim_outcome *outcome, struct smki_error *err);
/* May CSRs be processed now: CLAIM_TAKEN (they may), CLAIM_CLOSED or CLAIM_PAUSED. To ignore the window is not to ignore a maintenance that
 * pauses the night. */
SMKI_MUST_USE int night_look(struct store_change *change, const struct smki_service *service, bool ignore_window,
                             enum claim_outcome *outcome, struct smki_error *err);
/* Lets go of a chunk that was not decided: whoever claims next may have it. */
SMKI_MUST_USE int claim_give_back(struct store_change *change, const struct claim *claim, const struct runner *runner,
                                  struct smki_error *err);
/* LEASE_LOST unless the chunk is still ours. */
SMKI_MUST_USE int claim_check(struct store_view *view, const struct claim *claim, const struct runner *runner, struct smki_error *err);

/* ---- the plan ---- */

/* The open batches that may run, in the order of the night of `now`; *items is for free(). Batches not yet parsed count when `unparsed`. */
SMKI_MUST_USE int plan_read(struct store_view *view, const struct smki_service *service, struct smki_time now, double rate, bool unparsed,
                            struct smki_plan_item **items, size_t *count, struct smki_error *err);

/* Is it parsed, and not done? */
bool batch_may_run(const struct smki_batch *batch);

/* ---- the pipeline of a run ---- */

struct chunk_tally {
    uint32_t processed, granted, refused;
    bool batch_completed;
    struct smki_refusal_count refusals[SMKI_RUN_REFUSALS];
};
/* Counts refusals by their code; what finds no place is left out. */
void refusals_add(struct smki_refusal_count counts[SMKI_RUN_REFUSALS], int code, uint64_t count);

/* Worker threads that read, verify and sign, and one thread that does all changes: claims, decides and reserves, stores. Chunks are decided
 * in the order in which they were claimed, so that of two equal requests the first accepted is the one that is granted. */
struct pipeline;

struct pipeline_setup {
    struct smki_service *service;
    const struct runner *runner;
    const struct smki_actor *actor;
    unsigned workers;
    bool watch, ignore_window;
    const volatile int *stop; /* NULL: nobody will */
};

struct pipeline_look {
    struct smki_run_progress done; /* what it counts: processed, granted, refused, refusals, batches_completed, batch; and its trouble */
    int64_t first_claim;           /* monotonic, us; 0: none yet */
    bool ending;                   /* nothing more is begun */
    bool resting;                  /* nothing is in hand, nothing could be claimed, and it is not over */
    struct smki_error away;        /* why signing waits for the CA's key; code 0: it does not */
    bool closed, paused;           /* the last claim found the window closed, or the night paused by Planned Maintenance */
};

/* Starts the threads. */
SMKI_MUST_USE int pipeline_start(struct pipeline **out, const struct pipeline_setup *setup, struct smki_error *err);
/* Waits until it is over, at most so long; true when it is: nothing is left to do (never when watching), stop was set, or it failed, and
 * nothing is in hand. */
bool pipeline_wait(struct pipeline *pipeline, int64_t us);
void pipeline_look(struct pipeline *pipeline, struct pipeline_look *look);
/* While batches are being prepared it is not over, and keeps the order of the night: see claim_request. It begins so. */
void pipeline_preparing(struct pipeline *pipeline, bool preparing);
/* A batch has been prepared, or (code) cannot be and is not waited for. */
void pipeline_prepared(struct pipeline *pipeline, uint64_t batch, int code);
/* Begins nothing more, as if stop were set; the first such failure is what pipeline_end gives. */
void pipeline_fail(struct pipeline *pipeline, int code, const struct smki_error *why);
/* Ends it after what is in hand, and frees. 0 or the first failure. */
int pipeline_end(struct pipeline *pipeline, struct pipeline_look *last, struct smki_error *err);

int64_t monotonic(void); /* us */

/* ---- preparing ---- */

/* Approves (when automatic) and parses every batch that waits for it, in the order of the night, and tells after each how it went; goes on
 * while that returns true. One that cannot be parsed does not keep the others from it: its failure is returned once all have been tried. */
struct prepare_told {
    bool (*each)(void *context, uint64_t batch, int code);
    void *context;
};
SMKI_MUST_USE int batches_prepare(struct smki_service *service, const struct smki_actor *actor, const struct prepare_told *told,
                                  struct smki_error *err);
/* Drops the uploads and results of batches whose retention is over. */
SMKI_MUST_USE int batches_expire(struct smki_service *service, const struct smki_actor *actor, struct smki_error *err);
/* Removes what killed processes left in the home and nobody will ask for: see leftovers.c. */
SMKI_MUST_USE int leftovers_remove(struct smki_service *service, struct smki_error *err);

/* ---- turns ---- */

/* A Party's turn to submit: a locked octet of the home's file `turns`, which the kernel lets go when the process dies, however it dies. */
/* Takes one for the Party, of which it may hold `agreed` at once (0: one); when all are taken, waits a quarter of a second for one.
 * *verdict says what the rule makes of it; when it lets in although all are taken (observe, off), none is held. RATE_BATCH_BUSY. */
SMKI_MUST_USE int submission_turn_take(struct octet_hold *turn, const struct smki_service *service, uint64_t party, uint64_t agreed,
                                       struct smki_verdict *verdict, struct smki_error *err);

/* How many of the Party are under way, over all programs of the home. */
SMKI_MUST_USE int submission_turns_taken(const struct smki_service *service, uint64_t party, uint64_t *count, struct smki_error *err);

/* ---- the night's picture ---- */

/* So many CSRs got their fate in this change: counted for the night that is open, if one is. */
SMKI_MUST_USE int night_done_add(struct store_change *change, const struct smki_service *service, uint32_t csrs, struct smki_error *err);

/* ---- results ---- */

/* The results of a completed batch in its order; see pages.c. */
struct result_pages {
    struct smki_service *service;
    const struct smki_batch *batch;
    uint32_t chunk; /* the next to be read */
    size_t at, count, capacity;
    struct smki_buffer certificates;
    struct page_row *rows;
    struct decision *decisions;
};
/* pages_close also after a failure. */
SMKI_MUST_USE int pages_open(struct result_pages *pages, struct smki_service *service, const struct smki_batch *batch,
                             struct smki_error *err);
/* A batch_result_fn over pages. */
SMKI_MUST_USE int pages_next(void *pages, struct batch_result *out, struct smki_error *err);
void pages_close(struct result_pages *pages);

/* 0, or why the batch has no results to give: BATCH_REJECTED, BATCH_TAMPERED, BATCH_NOT_COMPLETED, RESULT_EXPIRED. */
SMKI_MUST_USE int result_is_there(const struct smki_service *service, const struct smki_batch *batch, struct smki_error *err);
/* By the rule, or by the operator (interfaces.md 10). */
bool batch_is_released(const struct smki_service *service, const struct smki_batch *batch, struct smki_time now);

/* ---- what lies about ---- */

/* Removes what is stored of a batch's chunks, also of an attempt at parsing that was broken off. */
SMKI_MUST_USE int chunks_remove(struct store_change *change, const struct smki_batch *batch, struct smki_error *err);
/* Are its results past their time (interfaces.md 4, 6: 30 days)? */
bool batch_has_expired(const struct smki_service *service, const struct smki_batch *batch);
/* Is a failure that of one batch, so that the others can go on? A full disk or a key that cannot be used just now is everybody's. */
bool is_of_one_batch(int code);

/* ---- an accepted upload ---- */

struct upload;
struct upload_digest {
    uint8_t sha256[SHA256_SIZE];
    uint64_t size; /* octets that were read */
    bool whole;    /* to the end */
};
/* NOT_FOUND, IO... */
SMKI_MUST_USE int upload_open(struct upload **out, const char *path, struct smki_error *err);
/* The next octets, the upload's until the next call; none after the last. One thread's. */
SMKI_MUST_USE int upload_next(struct upload *upload, struct smki_bytes *octets, struct smki_error *err);
/* *out is left alone when the upload was not opened. */
void upload_close(struct upload *upload, struct upload_digest *out);
/* Reads all of it. */
SMKI_MUST_USE int upload_hash(const char *path, struct upload_digest *out, struct smki_error *err);

#endif
