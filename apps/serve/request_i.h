/* A request, from the whole head to the end of its reply. Its worker's, but while `in_pool`: then the pool's.
 *
 *   BEGIN    the library has called for the first time
 *   OPENING  the route's `open` is at work in the pool
 *   BODY     the body comes; then, or at once where there is none:
 *   ANSWER   `answer` (or `refuse`) is at work, or waits for its time
 *   REPLY    the reply was handed to the library */
#ifndef SERVE_REQUEST_I_H
#define SERVE_REQUEST_I_H

#include "serve/connection_i.h"

enum request_stage { STAGE_BEGIN, STAGE_OPENING, STAGE_BODY, STAGE_ANSWER, STAGE_REPLY };
enum request_job { JOB_OPEN, JOB_FEED, JOB_ANSWER, JOB_REFUSE, JOB_READ, JOB_CLOSE };

#define REQUEST_WAITS     1     /* what serve_wait returns */
#define REQUEST_HEADERS   24    /* that a program may add to a reply */
#define REQUEST_FEED_SIZE 65536 /* octets of body for one call of `feed` */
#define STREAM_SIZE       65536 /* octets of a reply for one call of `read` */

struct header {
    char *name, *value;
};

/* A reply that is read piece by piece: one piece is sent while the next is read. */
struct stream {
    serve_read_fn read;
    void *context;
    int64_t size;
    uint8_t *front, *back;
    size_t front_start, front_size, back_size;
    bool ready; /* the back is full */
    bool ended; /* nothing after the back */
    bool broken;
    bool starving; /* the library waits for the back */
};

struct serve_request {
    struct job job;
    enum request_job kind;
    struct smki_error outcome;  /* of the job; work_returned takes it over, since the worker looks at `refusal` meanwhile */
    struct serve_request *next; /* among those returned, or waiting */
    struct worker *worker;
    struct connection *connection;  /* a reference */
    struct side *side;              /* only to compare */
    struct MHD_Connection *library; /* NULL: it has done with the request */
    enum request_stage stage;
    bool in_pool, suspended, over;
    bool identified; /* access was granted: whose request it is stays, also when it is refused for something else */
    bool noted;      /* in the use of the credential */
    bool granted;    /* and nothing else was wrong with the head; `close` will be called */
    bool completed;  /* the library has written the whole reply */
    bool delivered;
    bool stand_in; /* not the peer's words */
    bool bad_path; /* with %00, or an escape in its host */
    bool chunked, last;
    uint64_t declared, received;
    int64_t started;
    const struct site *site;
    const struct serve_route *route;
    char *method, *path;
    int refusal;
    char refusal_text[SMKI_ERROR_TEXT_SIZE];
    bool of_access;       /* the refusal: to be recorded */
    uint64_t transaction; /* of the refusal's answer, and on no record yet; 0: none */
    struct smki_identity identity;
    struct smki_buffer body; /* collected, or to be fed next */
    struct smki_buffer feeding;
    void *context;
    struct smki_time wait_until;
    int64_t wait_ticks; /* the latest, whatever becomes of the clock */
    /* the reply */
    bool replied;
    int status;
    char *media_type;
    struct smki_buffer reply;
    struct header headers[REQUEST_HEADERS];
    size_t header_count;
    struct stream *stream;
};

/* request.c: life, and the accessors of serve.h */
struct serve_request *request_create(struct worker *worker, struct connection *connection, const char *uri);
/* The reply is out, or will never be: `close` in the pool where it is wished, then front_next and free. */
void request_end(struct serve_request *request, bool delivered);
bool request_wants_end(const struct serve_request *request);
void request_free(struct serve_request *request);
/* Leaves to the stand-in what is known of the request that it will be refused for; and the stand-in takes it. */
void request_bequeath(const struct serve_request *request);
void request_inherit(struct serve_request *request);
void bequest_free(struct bequest *bequest);
/* Remembers the refusal; the first counts. Returns code. */
int request_refuse(struct serve_request *request, int code, const char *text);

/* head.c: what the head must be (RFC 9112), and which route it chooses */
void head_check(struct serve_request *request, const char *version);

/* stage.c: the library's calls */
enum MHD_Result stage_call(struct serve_request *request, const char *path, const char *method, const char *version, const char *octets,
                           size_t *size);
/* The library has done with it. */
void stage_over(struct serve_request *request, bool completed);

/* work.c: in the pool, and back */
void work_shared(struct job *list); /* pool_shared_fn */
void work_submit(struct serve_request *request, enum request_job kind);
void work_returned(struct serve_request *request);
/* Those whose time has come; ticks until the next one, -1: none. */
int64_t work_waiting(struct worker *worker);

/* reply.c */
SMKI_MUST_USE bool reply_queue(struct serve_request *request);
void reply_forget(struct serve_request *request);

/* stream.c */
void stream_fill(struct stream *stream); /* in the pool */
ssize_t stream_take(void *request, uint64_t position, char *at, size_t capacity);
void stream_filled(struct serve_request *request);
void stream_free(struct stream *stream);

/* access.c */
void access_check(struct serve_request *request);
/* Records a refusal, in the pool, when it comes to it. */
void access_record(struct serve *serve, const struct serve_site *site, struct smki_bytes certificate, const char *peer, int code,
                   const char *text);

#endif
