/* Batches of Device CSRs: taken in, waiting for their night, run, and their results. */
#ifndef SMKI_BATCH_H
#define SMKI_BATCH_H

#include <smki/base.h>

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
    uint32_t csrs;       /* in the submission */
    uint32_t chunk_size; /* CSRs a chunk, but for the last; 0 until parsed */
    uint32_t chunks;     /* 0 until parsed */
    uint32_t chunks_done;
    uint32_t processed, granted, refused; /* CSRs with a fate, and of which kind */
    uint8_t sha256[32];                   /* of the upload as it came */
    uint64_t size;                        /* octets of the upload */
    char file[SMKI_BATCH_FILE_SIZE];      /* its name in the home's batches folder */
    char name[SMKI_BATCH_FILE_SIZE];      /* zip: the name the submitter gave the file; XML: "" */
    char ref[SMKI_BATCH_REF_SIZE];        /* XML: the client's ID; zip: "" */
    char reason[SMKI_BATCH_FILE_SIZE];    /* REJECTED, TAMPERED: why */
};

SMKI_API const char *smki_batch_state_word(enum smki_batch_state state);
SMKI_API bool smki_batch_state_is_final(enum smki_batch_state state);

#endif
