/* What the files of this room share.
 *
 * Vocabulary: a record is what the state file has of one batch; a flight is an ad hoc CSR that was sent and whose answer is not yet kept;
 * trouble is what may pass by itself (a connection that cannot be made, 429, 503), and patience how long it is waited out. */
#ifndef SMKI_CLIENT_I_H
#define SMKI_CLIENT_I_H

#include "base/base_i.h"
#include "message/answer_reader_i.h"
#include "message/message_i.h"

#include <smki/certificate.h>
#include <smki/client.h>

#include <cjson/cJSON.h>

/* ---- http.c: one service, by libcurl ---- */

struct http;

struct http_request {
    const char *url;
    bool post;
    struct smki_bytes body; /* a POST's, unless `file` has it */
    FILE *file;             /* from its beginning */
    uint64_t size;          /* of the file */
    message_sink_fn sink;   /* takes the answer's body, of whatever status */
    void *context;
};

struct http_reply {
    long status;         /* 0: none came */
    int64_t retry_after; /* us from now; -1: not given */
};

/* Reads certificate and key and checks that they belong together. `service`: "ad hoc", "batch", for words. */
SMKI_MUST_USE int http_open(struct http **out, struct smki_client *client, const struct smki_client_access *access, const char *service,
                            struct smki_error *err);
/* Returns 0 when a whole answer came, whatever its status. CLIENT_TLS: one side does not trust the other, nothing was sent.
 * CLIENT_CONNECTION: a POST was not sent; or a GET broke. CLIENT_FATE_UNKNOWN: a POST was sent, in whole or in part, and no whole answer
 * came. INTERRUPTED; or what the sink failed with. Never does anything twice. */
SMKI_MUST_USE int http_do(struct http *http, const struct http_request *request, struct http_reply *reply, struct smki_error *err);
/* "https://HOST" and the specification's path when it has none, without a slash at the end. */
SMKI_MUST_USE int http_url(char out[SMKI_CLIENT_TEXT_SIZE], const char *url, const char *path, struct smki_error *err);
void http_close(struct http *http);

/* ---- chain.c: the CAs that may issue ---- */

#define CHAIN_MAX 16

struct chain {
    struct smki_buffer der[CHAIN_MAX];
    struct smki_certificate certificates[CHAIN_MAX]; /* spans point into der */
    size_t count;
};

/* Every certificate is a CA's; one whose issuer is in the file too is signed by it, and so is one that signs itself. */
SMKI_MUST_USE int chain_read(struct chain *chain, const char *path, struct smki_error *err);
void chain_finish(struct chain *chain);

/* What a certificate must hold. */
struct expected {
    uint8_t point[SMKI_P256_POINT_SIZE];
    struct smki_device_id device;
    uint8_t key_usage;
};
void expected_of(struct expected *out, const struct smki_csr *csr);
/* CLIENT_CERTIFICATE names what is not so. */
SMKI_MUST_USE int chain_check(const struct chain *chain, const struct expected *expected, struct smki_bytes certificate,
                              struct smki_error *err);

/* ---- state.c: the state file ---- */

/* What of it one process has locked and read, between state_begin and state_end. */
struct state {
    char path[SMKI_CLIENT_TEXT_SIZE];
    int lock;
    cJSON *json;
    bool changed;
};

/* Locks and reads. CLIENT_STATE: it is damaged, or of a newer version. */
SMKI_MUST_USE int state_begin(struct state *state, const char *path, struct smki_error *err);
/* Writes what changed, durably, unlocks and frees. To be called after each successful state_begin; `rc` not 0: nothing is written and it is
 * returned. */
SMKI_MUST_USE int state_end(struct state *state, int rc, struct smki_error *err);

struct smki_time state_last_adhoc(const struct state *state);
SMKI_MUST_USE int state_last_adhoc_set(struct state *state, struct smki_time time, struct smki_error *err);
/* Flights, by the digest of the CSR. False: there is none. */
bool state_flight(const struct state *state, const char sha256[65], struct smki_time *sent_at);
SMKI_MUST_USE int state_flight_add(struct state *state, const char sha256[65], const char *ref, struct smki_time sent_at,
                                   struct smki_error *err);
void state_flight_remove(struct state *state, const char sha256[65]);
/* The newest record of these octets. NOT_FOUND (err untouched). */
SMKI_MUST_USE int state_batch(const struct state *state, const char sha256[65], struct smki_client_batch *out, struct smki_error *err);
/* Replaces the record with this digest and sent_at, or adds it. */
SMKI_MUST_USE int state_batch_put(struct state *state, const struct smki_client_batch *batch, struct smki_error *err);
void state_batch_remove(struct state *state, const struct smki_client_batch *batch);

/* ---- client.c ---- */

struct smki_client {
    struct smki_client_config config;
    struct smki_client_options options; /* its pointers to copied things point below */
    struct smki_clock clock;
    struct smki_random random;
    struct smki_demand_limits limits;
    char adhoc_url[SMKI_CLIENT_TEXT_SIZE], submit_url[SMKI_CLIENT_TEXT_SIZE], result_url[SMKI_CLIENT_TEXT_SIZE];
    struct http *adhoc, *batch; /* NULL: no URL was given */
    struct chain chain;
};

struct smki_time client_now(const struct smki_client *client);
bool client_stopped(const struct smki_client *client);
void client_tell(const struct smki_client *client, enum smki_client_phase phase, uint64_t done, uint64_t all);
/* Waits, telling why. INTERRUPTED. */
SMKI_MUST_USE int client_wait(struct smki_client *client, struct smki_time until, const char *why, struct smki_error *err);
/* A number from 0 to limit - 1: so that not everybody comes at the same moment. */
int64_t client_chance(const struct smki_client *client, int64_t limit);

/* Waiting out a trouble. */
struct trouble {
    struct smki_time since; /* 0: there is none */
    int64_t pause;
};
/* Waits before another try: as long as the service asked (us; -1: it did not), else longer each time. Returns 0: try again; or, when
 * patience would not last, `rc`, with that added to *why; or INTERRUPTED. *why is what is tried again because of; it may be changed. */
SMKI_MUST_USE int trouble_wait(struct smki_client *client, struct trouble *trouble, int64_t asked, int64_t patience, int rc,
                               struct smki_error *why);

/* ---- batch_file.c: the SubmitCSRBatch file ---- */

/* Reads the file from its beginning to its end as the service would, and leaves it at its beginning. Fills what of *out comes from the
 * file: digest, ID, size, CSRs. `each` (may be NULL) gets every CSR. Errors: XML_*, BATCH_TOO_MANY, with the path; or what `each` returned.
 */
SMKI_MUST_USE int batch_file_read(FILE *file, const char *path, struct smki_client_batch *out, batch_request_fn each, void *context,
                                  struct smki_error *err);
/* Opens and reads. On failure *file is NULL. */
SMKI_MUST_USE int batch_file_open(FILE **file, const char *path, struct smki_client_batch *out, batch_request_fn each, void *context,
                                  struct smki_error *err);

/* ---- batch.c ---- */

/* Fills the digest and the rest from the file, and what the state file has. NOT_FOUND: it has nothing, err says what to do. */
SMKI_MUST_USE int batch_find(struct smki_client *client, const char *path, struct smki_client_batch *out, struct smki_error *err);
/* Reckons poll_from and release_at. */
void batch_times(const struct smki_client *client, struct smki_client_batch *batch);
SMKI_MUST_USE int batch_put(struct smki_client *client, const struct smki_client_batch *batch, struct smki_error *err);

#endif
