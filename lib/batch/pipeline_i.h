/* The state of a pipeline, and what its threads share: pipeline.c (its life), pipeline_work.c (the workers), pipeline_commit.c (the
 * committing thread). */
#ifndef SMKI_BATCH_PIPELINE_I_H
#define SMKI_BATCH_PIPELINE_I_H

#include "batch/work_i.h"

#include <pthread.h>

#define SLOTS_MAX 64

enum slot_state {
    SLOT_FREE,
    SLOT_CLAIMED, /* to be loaded */
    SLOT_LOADING,
    SLOT_READING, /* pieces are given to workers */
    SLOT_READ,    /* to be decided */
    SLOT_SIGNING, /* pieces are given to workers */
    SLOT_CLOSING,
    SLOT_SIGNED, /* to be stored */
    SLOT_GIVEN,  /* being given back */
};

struct slot {
    enum slot_state state;
    struct chunk_work *work;
    uint64_t turn;         /* in the order of the claims */
    int64_t leased;        /* monotonic: when its lease began */
    size_t pieces, handed; /* of the step in hand: in all, given to workers */
    unsigned out;          /* pieces that workers have now */
    int code;              /* the first failure of a piece */
    struct smki_error error;
};

struct pipeline {
    struct pipeline_setup setup;
    struct work_setup work;
    struct claim_request request; /* the committing thread's */
    unsigned slot_count;
    pthread_t committer, *workers;
    unsigned worker_count;

    pthread_mutex_t lock;       /* guards all below, and the slots; a work is its step's */
    pthread_cond_t for_workers; /* a piece may be there */
    pthread_cond_t for_committer;
    pthread_cond_t for_caller;
    struct slot slots[SLOTS_MAX];
    uint64_t turns;
    enum claim_outcome outcome; /* of the last claim */
    int64_t claim_again;        /* monotonic: not before, unless something else is committed */
    uint64_t kicks;             /* how often something has happened that a claim may not have seen */
    bool preparing, ending, over;
    uint64_t unprepared[CLAIM_MAX_ASIDE];
    size_t unprepared_count;
    uint64_t aside[CLAIM_MAX_ASIDE]; /* batches in trouble that this run leaves alone */
    size_t aside_count;
    struct smki_run_progress done;
    int64_t first_claim;
    int64_t away_since; /* the CA's key cannot be used: its chunks stay decided, and wait; 0: it can */
    int64_t key_again;  /* not before is it tried again */
    struct smki_error away;
    int code; /* the first failure */
    struct smki_error error;
};

/* ---- pipeline.c; the lock is held but where something else is said ---- */
void pipeline_sleep(struct pipeline *pipeline, pthread_cond_t *condition, int64_t until);
/* Ends the run. */
void pipeline_fail_locked(struct pipeline *pipeline, int code, const struct smki_error *why);
/* What has happened may change what can be claimed. */
void pipeline_kick(struct pipeline *pipeline);
bool pipeline_is_ending(struct pipeline *pipeline);
unsigned slots_in_hand(const struct pipeline *pipeline);
void slot_step(struct pipeline *pipeline, struct slot *slot, enum slot_state state, size_t pieces);
/* It comes to nothing: either it took longer than the lease, and somebody else has it, or the night closed or paused before it was decided,
 * or it failed. Nothing of it was stored. */
void slot_drop(struct pipeline *pipeline, struct slot *slot, int code, struct smki_error *why);

/* ---- threads; the argument is the pipeline ---- */
void *pipeline_worker(void *argument);
void *pipeline_committer(void *argument);

#endif
