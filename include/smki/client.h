/* A Party's side of the two web services: submits, waits, retrieves, and checks what comes (libcurl). There when the library was built with
 * the option `client`.
 *
 * It keeps the rules of demand by itself (CoCo 3; interfaces.md 10): the pace of ad hoc CSRs, one submission at a time, polls not before
 * their time and once an hour, one retrieval. It obeys Retry-After. It tries again, after a while that grows and varies, what may be tried
 * again: a connection that was never made, answers 429 and 503, a GET that broke. It never does again what may have been done: a request to
 * submit or to issue of which no answer came is CLIENT_FATE_UNKNOWN, and says how to find out.
 *
 * What it does is written into a state file before and after, so that a program that was killed goes on where it stopped; several processes
 * may share the file. One thread at a time for a client; as many clients as you like. A program should ignore SIGPIPE. */
#ifndef SMKI_CLIENT_H
#define SMKI_CLIENT_H

#include <smki/batch.h>
#include <smki/demand.h>
#include <smki/key.h>

/* ---- configuration ---- */

#define SMKI_CLIENT_TEXT_SIZE 1024 /* octets of a path or URL, with NUL */

/* How one of the two services is reached: each has credentials of its own (interfaces.md 3). "" means: not given. */
struct smki_client_access {
    char url[SMKI_CLIENT_TEXT_SIZE];         /* https://HOST[:PORT]; a path is the specification's when there is none. Ad hoc: of the
                                                request; batch: of the folder that SubmitCSRBatch and CSRBatchResult are in */
    char certificate[SMKI_CLIENT_TEXT_SIZE]; /* the IKI Certificate, PEM; its chain may follow in the file */
    char key[SMKI_CLIENT_TEXT_SIZE];         /* its private key: a PEM file, or a pkcs11: URI (RFC 7512) */
    char passphrase_file[SMKI_CLIENT_TEXT_SIZE]; /* its first line opens the key; not for others to read */
};

struct smki_client_config {
    struct smki_client_access adhoc, batch;
    char server_ca[SMKI_CLIENT_TEXT_SIZE]; /* PEM: who may certify the server; nobody else is trusted */
    char chain[SMKI_CLIENT_TEXT_SIZE];     /* PEM: the CAs that issue Device Certificates, and their roots */
    char state[SMKI_CLIENT_TEXT_SIZE];     /* the state file; it and what lies beside it under its name are made when needed */
    char proxy[SMKI_CLIENT_TEXT_SIZE];     /* "": none, whatever the environment says; "system": what the environment says; else its URL */
    int64_t pace;     /* us between two ad hoc CSRs, by an agreement; 0: the rule's */
    int64_t timeout;  /* us without an octet after which a transfer is given up; 0: 2 min */
    int64_t patience; /* us that troubles which may pass are waited out; 0: 15 min, waiting for results 24 h */
};

/* Reads a file by the rules of smki/config.h: JSON with comments, every key optional, keys in their groups or by their paths, unknown ones
 * and wrong values refused: adhoc.url, adhoc.certificate, adhoc.key, adhoc.passphrase_file, adhoc.pace, batch.url, batch.certificate,
 * batch.key, batch.passphrase_file, server_ca, chain, state, proxy, timeout, patience. Durations are as there ("0.2 s"). Paths are taken from
 * the folder of the file. Values that are not in it stay as they are in *config. CONFIG_INVALID. */
SMKI_API SMKI_MUST_USE int smki_client_config_read(struct smki_client_config *config, const char *path, struct smki_error *err);

/* ---- a client ---- */

struct smki_client;

enum smki_client_phase {
    SMKI_CLIENT_WAITING,     /* until `until`, for `why` */
    SMKI_CLIENT_UPLOADING,   /* done of all octets */
    SMKI_CLIENT_DOWNLOADING, /* done of all octets; all 0: not known */
    SMKI_CLIENT_CHECKING,    /* done of all CSRs */
};

struct smki_client_progress {
    enum smki_client_phase phase;
    uint64_t done, all;
    struct smki_time until;
    const char *why; /* "the pace of ad hoc CSRs", in words for people; "" but for WAITING */
};

struct smki_client_options {
    const struct smki_client_config *config; /* copied */
    smki_passphrase_fn passphrase;           /* for a key without a passphrase file; NULL: none */
    void *passphrase_context;
    const struct smki_clock *clock;         /* NULL: the system's; copied, as the next ones */
    const struct smki_random *random;       /* NULL: the system's */
    const struct smki_demand_limits *limits; /* NULL: smki_demand_defaults */
    /* Returns at `until` by the clock, with 0, or earlier with what the caller shall return, as INTERRUPTED. NULL: sleeps. */
    int (*wait)(void *context, struct smki_time until);
    void *wait_context;
    /* Called now and then; may be NULL. */
    void (*progress)(void *context, const struct smki_client_progress *progress);
    void *progress_context;
    const volatile int *stop; /* set it (a signal handler may) to end with INTERRUPTED; a request to submit that is under way gets its
                                 answer first. May be NULL */
};

/* Opens: reads and checks the chain and, of each service that has a URL, certificate and key. Nothing is sent. Errors: CONFIG_INVALID,
 * NOT_FOUND, KEY_UNREADABLE, KEY_PERMISSIONS, KEY_PASSPHRASE, KEY_MISMATCH, CERTIFICATE_MALFORMED, SIGNATURE_INVALID (the chain's) ... */
SMKI_API SMKI_MUST_USE int smki_client_open(struct smki_client **out, const struct smki_client_options *options, struct smki_error *err);
/* Frees and wipes. NULL is fine. */
SMKI_API void smki_client_close(struct smki_client *client);

/* ---- what became of a CSR ---- */

struct smki_client_item {
    const char *ref;               /* its ID */
    int code;                      /* 0: here is its certificate, and it is right; CLIENT_REFUSED: the service's word; CLIENT_CERTIFICATE: what
                                      came is not what was asked for; CLIENT_ANSWER: nothing came, or it came unasked */
    enum smki_status status;       /* the service's word */
    const char *error_code;        /* of the wire: "CR:AA1"; "": none */
    const char *text;              /* one line for people; "" with code 0 */
    struct smki_bytes certificate; /* DER, as it came, also when it is not right: nothing is thrown away */
    uint64_t transaction;          /* ad hoc: TransactionId */
};
/* Keeps one. What it points to is gone when it returns; non-zero stops and is returned. */
typedef int (*smki_client_item_fn)(void *context, const struct smki_client_item *item, struct smki_error *err);

/* Is this the certificate that the CSR asks for: its key, Device ID and key usage; signed by a CA of the chain; by the profile (smki_lint)?
 * CLIENT_CERTIFICATE names what is not so. This is what is asked of all that comes (IDS: subscribers check before they accept). */
SMKI_API SMKI_MUST_USE int smki_client_check(struct smki_client *client, const struct smki_csr *csr, struct smki_bytes certificate,
                                             struct smki_error *err);

/* ---- ad hoc ---- */

/* Waits for its slot, sends one Device CSR (DER) with the ID `ref` (1 to 32 characters), and gives the answer to `keep`, which should make it
 * durable: after it the client forgets that the CSR was under way. `again`: though one of these octets is, with its fate unknown.
 * Returns 0 when an answer came, whatever it says, or what `keep` returned. Errors: what smki_csr_read says (nothing is sent); CLIENT_TWICE;
 * CLIENT_CONNECTION, CLIENT_TLS, CLIENT_REFUSED (nothing was done); CLIENT_ANSWER, CLIENT_FATE_UNKNOWN (it may have been); CLIENT_STATE,
 * INTERRUPTED. */
SMKI_API SMKI_MUST_USE int smki_client_adhoc(struct smki_client *client, struct smki_bytes csr, const char *ref, bool again,
                                             smki_client_item_fn keep, void *context, struct smki_error *err);

/* ---- batches ---- */

/* A batch as the state file has it. It is known by the octets of its file: `path` may change. */
struct smki_client_batch {
    char sha256[65]; /* of the file, hexadecimal */
    char ref[SMKI_BATCH_REF_SIZE];
    char url[SMKI_CLIENT_TEXT_SIZE];
    uint64_t size;
    uint32_t csrs;
    uint64_t batch_id;           /* 0: no answer came: its fate is unknown */
    enum smki_batch_state state; /* the last one told; 0: none */
    struct smki_time sent_at, accepted_at, polled_at, retrieved_at; /* 0: not yet */
    struct smki_time not_before;                                    /* the service asked not to poll before; 0: it did not */
    struct smki_time poll_from, release_at;                         /* reckoned from accepted_at; 0: it has none */
    char document[SMKI_CLIENT_TEXT_SIZE];                           /* where the retrieved CSRBatchResult lies; "" not yet */
};

/* Reads a SubmitCSRBatch file as the service would, and sends nothing: how many CSRs, and how many of them the service would refuse for their
 * form (the first one's fault in text; signatures are not judged). `text` may be NULL. What the state file knows of it is in *out too. */
SMKI_API SMKI_MUST_USE int smki_client_batch_look(struct smki_client *client, const char *path, struct smki_client_batch *out,
                                                  uint32_t *wrong, struct smki_error *text, struct smki_error *err);
/* Submits it. CLIENT_TWICE: these very octets were submitted, unless `again`. CLIENT_FATE_UNKNOWN: sent, and no answer came. */
SMKI_API SMKI_MUST_USE int smki_client_batch_submit(struct smki_client *client, const char *path, bool again, struct smki_client_batch *out,
                                                    struct smki_error *err);
/* Records that the service has it under this number: found out after a CLIENT_FATE_UNKNOWN, or submitted by other means. `accepted` may be
 * {0}: when it was sent, or now. */
SMKI_API SMKI_MUST_USE int smki_client_batch_adopt(struct smki_client *client, const char *path, uint64_t batch_id,
                                                   struct smki_time accepted, struct smki_client_batch *out, struct smki_error *err);
/* Polls once, if that is allowed now: POLL_TOO_EARLY or POLL_TOO_OFTEN say when it will be, and nothing is sent then. When the batch is
 * COMPLETED and released, the answer is its one retrieval: the CSRBatchResult is written to `document`, whole and durable, and 0 is returned;
 * so too, without asking, when it was retrieved before. `again`: though it was, because the operator has released it again.
 * BATCH_NOT_COMPLETED: not yet; out->state tells. BATCH_REJECTED, BATCH_TAMPERED, BATCH_UNKNOWN: never. STORE_LOCKED: another process is at it. */
SMKI_API SMKI_MUST_USE int smki_client_batch_fetch(struct smki_client *client, const char *path, const char *document, bool again,
                                                   struct smki_client_batch *out, struct smki_error *err);
/* Waits for the times of the rules, and polls until it has the results or knows that there will be none. */
SMKI_API SMKI_MUST_USE int smki_client_batch_wait(struct smki_client *client, const char *path, const char *document,
                                                  struct smki_client_batch *out, struct smki_error *err);

struct smki_client_summary {
    uint32_t csrs, good, refused, wrong; /* wrong: CLIENT_CERTIFICATE and CLIENT_ANSWER */
};
/* Reads the retrieved document, streamed, checks each certificate against its CSR in the batch's file, and calls `each` for every one; CSRs
 * that the document leaves out come last, with CLIENT_ANSWER. Returns 0 when the document was read to its end, whatever it says, or what
 * `each` returned. CLIENT_ANSWER: the document is broken; what stood before the break was given, and it stays where it is. */
SMKI_API SMKI_MUST_USE int smki_client_batch_check(struct smki_client *client, const char *path, smki_client_item_fn each, void *context,
                                                   struct smki_client_summary *summary, struct smki_error *err);

#endif
