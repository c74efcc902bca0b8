/* A chunk in hand: its memory, made once and used for one chunk after the other, and the steps of the work on it. Who works on which is
 * pipeline.c's to say; a step is one thread's at a time, but the pieces of reading and of signing, of which any number of threads can each
 * have one. */
#ifndef SMKI_BATCH_WORK_I_H
#define SMKI_BATCH_WORK_I_H

#include "batch/batch_i.h"

#include <stdatomic.h>

#define WORK_PIECE 32 /* CSRs: what a thread takes on at a time */

/* What all chunks of a run share. */
struct work_setup {
    struct smki_service *service;
    const struct runner *runner;
    const struct smki_actor *actor;
    bool ignore_window;
    const struct smki_ca *ca;
    atomic_uint_fast64_t signatures; /* made by this run: every n-th is verified */
};

struct piece {
    struct smki_buffer certificates; /* DER, one after the other */
    bool is_signed;
    bool used_key; /* when it was last asked for: the key has signed something of it just then */
};

struct chunk_work {
    struct work_setup *setup;
    struct claim claim;
    struct smki_party party;
    struct smki_buffer stored; /* its requests; chunk_request.der and csr spans point in here */
    size_t count, capacity;
    struct chunk_request *requests;
    struct smki_csr *csrs;
    struct store_claim *claims; /* what each asks for; the serial comes with the decision */
    bool *readable;             /* well formed, and its signature verifies */
    struct chunk_decisions outcome;
    uint8_t (*chance)[8];
    uint16_t *certificate_sizes; /* 0: none */
    struct piece *pieces;
    uint8_t certificates_digest[SHA256_SIZE];
    struct smki_buffer scratch;
    bool given_back; /* the night closed or paused before it was decided */
    struct chunk_tally tally;
};

struct range {
    size_t first, end;
};
/* The CSRs of a piece. */
struct range piece_range(const struct chunk_work *work, size_t piece);
size_t pieces_of(size_t csrs);

SMKI_MUST_USE int work_create(struct chunk_work **out, struct work_setup *setup, struct smki_error *err);
void work_destroy(struct chunk_work *work);

/* The steps, in their order. Errors of all: the store's, NO_MEMORY, STORE_CORRUPT; what is wrong with a CSR is its fate and no error. */

/* Takes on work->claim: its requests out of the store. work->outcome.stage says whether it was decided before. */
SMKI_MUST_USE int work_load(struct chunk_work *work, struct smki_error *err);
/* Reads and verifies; knows no policy. What passes (NO_MEMORY, IO...) is an error, not a fate. */
SMKI_MUST_USE int work_read(struct chunk_work *work, size_t piece, struct smki_error *err);
/* Decides and reserves, in a change that may run again from the start (store_i.h). work->given_back: the night closed or paused before, and
 * the chunk is nobody's. LEASE_LOST: another runner has it. */
SMKI_MUST_USE int work_decide(struct chunk_work *work, struct store_change *change, struct smki_error *err);
/* Signs what was granted; the change that decided it must be durable. CA_KEY_UNAVAILABLE...: the chunk stays decided, and is taken up
 * again. */
SMKI_MUST_USE int work_sign(struct chunk_work *work, size_t piece, struct smki_error *err);
/* Once all pieces are signed. */
void work_close(struct chunk_work *work);
/* Stores the certificates, in a change as above; work->tally. LEASE_LOST. */
SMKI_MUST_USE int work_store(struct chunk_work *work, struct store_change *change, struct smki_error *err);

/* ---- between its files ---- */

void decision_refuse(struct decision *decision, int code, const char *text);
/* The audit record of one CSR's fate. */
SMKI_MUST_USE int decision_record(const struct chunk_work *work, struct store_change *change, size_t i, enum smki_act act,
                                  struct smki_error *err);

#endif
