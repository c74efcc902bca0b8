/* Polling and retrieving: one GET does both (interfaces.md 6), and a retrieval happens once. So what comes goes to the disk first, as
 * DOCUMENT.part, and is looked at there: a status is forgotten, a result is made durable and given its name before anything else is done.
 * What a crash leaves is found again: a whole result under either name is as good as one that has just come. */
#include "client/client_i.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define PATIENCE   (15 * SMKI_MINUTE)
#define LONG_WAIT  (24 * SMKI_HOUR)
#define JITTER     (20 * SMKI_SECOND) /* polls of several Parties must not come at the same moment */
#define SOONEST    (5 * SMKI_SECOND)  /* after a service that said: too often */
#define BLOCK_SIZE ((size_t)64 * 1024)

struct fetch {
    struct smki_client *client;
    struct smki_client_batch *batch;
    char document[SMKI_CLIENT_TEXT_SIZE]; /* with the folder's whole path */
    char part[SMKI_CLIENT_TEXT_SIZE + 8];
    FILE *file;
    int turn; /* descriptor of the batch's file, locked: one process at a time polls a batch; -1: none */
    int64_t patience;
    struct answer answer;
    bool read;
};

/* ---- documents on the disk ---- */

static int feed_file(struct answer_reader *reader, FILE *file, struct smki_error *err)
{
    uint8_t block[BLOCK_SIZE];
    size_t size;
    int rc;

    while ((size = fread(block, 1, sizeof(block), file)) != 0)
        if ((rc = answer_reader_feed(reader, BYTES(block, size), false, err)) != 0)
            return rc;
    if (ferror(file))
        return smki_fail_errno(err, errno, "it cannot be read");
    return answer_reader_feed(reader, (struct smki_bytes){0}, true, err);
}

static int document_read(struct fetch *fetch, const char *path, struct smki_error *err)
{
    struct answer_reader *reader;
    FILE *file = fopen(path, "rbe");
    int rc;

    fetch->read = false;
    if (file == NULL)
        return smki_fail_errno(err, errno, "%s", path);
    if ((rc = answer_reader_open(&reader, ANSWER_RESULT, NULL, NULL, err)) == 0) {
        rc = feed_file(reader, file, err);
        fetch->answer = *answer_reader_told(reader);
        fetch->read = rc == 0;
        answer_reader_close(reader);
    }
    fclose(file);
    return rc;
}

/* Is this a whole result of this very batch? */
static bool is_result(struct fetch *fetch, const char *path)
{
    return document_read(fetch, path, NULL) == 0 && fetch->answer.state == SMKI_STATE_COMPLETED &&
           fetch->answer.batch_id == fetch->batch->batch_id;
}

/* The folder's whole path, so that the state file's word holds from everywhere. */
static int paths_make(struct fetch *fetch, const char *document, struct smki_error *err)
{
    const char *slash = strrchr(document, '/');
    char folder[SMKI_CLIENT_TEXT_SIZE] = ".", real[PATH_MAX];

    if (slash != NULL)
        snprintf(folder, sizeof(folder), "%.*s", slash == document ? 1 : (int)(slash - document), document);
    if (realpath(folder, real) == NULL)
        return smki_fail_errno(err, errno, "the folder of %s", document);
    if (snprintf(fetch->document, sizeof(fetch->document), "%s/%s", strcmp(real, "/") == 0 ? "" : real,
                 slash != NULL ? slash + 1 : document) >= (int)sizeof(fetch->document))
        return smki_fail(err, SMKI_TOO_LARGE, "the path of %.80s is longer than %d octets", document, SMKI_CLIENT_TEXT_SIZE - 1);
    snprintf(fetch->part, sizeof(fetch->part), "%s.part", fetch->document);
    return 0;
}

/* ---- a result is here ---- */

static int result_keep(struct fetch *fetch, struct smki_error *err)
{
    struct smki_client_batch *batch = fetch->batch;

    batch->state = SMKI_STATE_COMPLETED;
    batch->retrieved_at = client_now(fetch->client);
    snprintf(batch->document, sizeof(batch->document), "%s", fetch->document);
    return batch_put(fetch->client, batch, err);
}

static int part_rename(const char *part, const char *document, struct smki_error *err)
{
    if (rename(part, document) != 0)
        return smki_fail_errno(err, errno, "cannot rename %s", part);
    return parent_sync(document, err);
}

/* What an earlier run had got before it ended: true when a result lies under the document's name now. */
static bool left_over(struct fetch *fetch)
{
    if (access(fetch->document, F_OK) == 0)
        return is_result(fetch, fetch->document);
    return access(fetch->part, F_OK) == 0 && is_result(fetch, fetch->part) && part_rename(fetch->part, fetch->document, NULL) == 0;
}

/* ---- one GET ---- */

static int sink_to_part(void *context, struct smki_bytes bytes, struct smki_error *err)
{
    struct fetch *fetch = context;

    if (fwrite(bytes.at, 1, bytes.size, fetch->file) != bytes.size)
        return smki_fail_errno(err, errno, "cannot write %s", fetch->part);
    return 0;
}

static int part_close(struct fetch *fetch, struct smki_error *err)
{
    int errnum = 0;

    if (fflush(fetch->file) != 0 || fsync(fileno(fetch->file)) != 0)
        errnum = errno;
    if (fclose(fetch->file) != 0 && errnum == 0)
        errnum = errno;
    fetch->file = NULL;
    return errnum == 0 ? 0 : smki_fail_errno(err, errnum, "cannot write %s", fetch->part);
}

static int get(struct fetch *fetch, struct http_reply *reply, struct smki_error *err)
{
    char url[SMKI_CLIENT_TEXT_SIZE + 48];
    const struct http_request request = {.url = url, .sink = sink_to_part, .context = fetch};
    int rc, closed;

    snprintf(url, sizeof(url), "%s?BatchId=%" PRIu64, fetch->client->result_url, fetch->batch->batch_id);
    if ((fetch->file = fopen(fetch->part, "wbe")) == NULL)
        return smki_fail_errno(err, errno, "%s", fetch->part);
    rc = http_do(fetch->client->batch, &request, reply, err);
    closed = part_close(fetch, rc == 0 ? err : NULL);
    return rc != 0 ? rc : closed;
}

/* ---- what it says ---- */

/* The service's refusal: has it been retrieved before, is it unknown, or what? */
static int refused(const struct fetch *fetch, const struct http_reply *reply, struct smki_error *err)
{
    const struct answer *answer = &fetch->answer;
    int code = SMKI_CLIENT_REFUSED;

    if (!fetch->read || answer->error_code[0] == '\0')
        return smki_fail(err, code, "the batch service answers with HTTP %ld", reply->status);
    if (strcmp(answer->error_code, smki_refusal_find(SMKI_BATCH_UNKNOWN)->wire_code) == 0)
        code = SMKI_BATCH_UNKNOWN;
    else if (strcmp(answer->error_code, smki_refusal_find(SMKI_POLL_DONE)->wire_code) == 0)
        code = SMKI_POLL_DONE;
    return smki_fail(err, code, "batch %" PRIu64 ": %s: %.400s", fetch->batch->batch_id, answer->error_code, answer->error_text);
}

static bool is_too_early(const struct fetch *fetch, const struct http_reply *reply)
{
    if (reply->retry_after < 0)
        return false;
    return reply->status == 429 || (reply->status == 200 && fetch->read && fetch->answer.failure == ANSWER_WORKFLOW_ERROR);
}

static int too_early(struct fetch *fetch, const struct http_reply *reply, struct smki_error *err)
{
    struct smki_client_batch *batch = fetch->batch;
    char when[SMKI_TIME_TEXT_SIZE];
    int rc;

    batch->not_before.us = client_now(fetch->client).us + (reply->retry_after > SOONEST ? reply->retry_after : SOONEST);
    if ((rc = batch_put(fetch->client, batch, err)) != 0)
        return rc;
    return smki_fail(err, SMKI_POLL_TOO_OFTEN, "the service asks not to poll batch %" PRIu64 " before %s", batch->batch_id,
                     smki_time_text_people(batch->not_before, when));
}

static int state_told(struct fetch *fetch, struct smki_error *err)
{
    struct smki_client_batch *batch = fetch->batch;
    const uint64_t id = batch->batch_id;
    int rc;

    batch->state = fetch->answer.state;
    batch->polled_at = client_now(fetch->client);
    batch->not_before = (struct smki_time){0};
    if ((rc = batch_put(fetch->client, batch, err)) != 0)
        return rc;
    if (batch->state == SMKI_STATE_REJECTED)
        return smki_fail(err, SMKI_BATCH_REJECTED, "batch %" PRIu64 " was rejected by the RA; that is final, ask the Service Desk why", id);
    if (batch->state == SMKI_STATE_TAMPERED)
        return smki_fail(err, SMKI_BATCH_TAMPERED, "batch %" PRIu64 " changed between upload and parsing; that is final, submit it again",
                         id);
    return smki_fail(err, SMKI_BATCH_NOT_COMPLETED, "batch %" PRIu64 " is %s", id, message_state_words[batch->state]);
}

/* It may be the one retrieval there is, so it is put aside whatever it is. */
static int unreadable(const struct fetch *fetch, const struct smki_error *why, struct smki_error *err)
{
    char aside[sizeof(fetch->document) + 16];

    snprintf(aside, sizeof(aside), "%s.unreadable", fetch->document);
    if (rename(fetch->part, aside) != 0)
        snprintf(aside, sizeof(aside), "%s", fetch->part);
    return smki_fail(err, SMKI_CLIENT_ANSWER, "%.300s; what came is kept in %.150s", why->text, aside);
}

static int result_here(struct fetch *fetch, struct smki_error *err)
{
    int rc;

    if (fetch->answer.batch_id != fetch->batch->batch_id) {
        struct smki_error why;
        (void)smki_fail(&why, SMKI_CLIENT_ANSWER, "the answer is of batch %" PRIu64 ", batch %" PRIu64 " was asked for",
                        fetch->answer.batch_id, fetch->batch->batch_id);
        return unreadable(fetch, &why, err);
    }
    fetch->batch->polled_at = client_now(fetch->client);
    if ((rc = part_rename(fetch->part, fetch->document, err)) != 0)
        return rc;
    return result_keep(fetch, err);
}

static int look(struct fetch *fetch, const struct http_reply *reply, struct smki_error *err)
{
    struct smki_error why = {0};
    const int rc = document_read(fetch, fetch->part, &why);

    if (is_too_early(fetch, reply))
        return too_early(fetch, reply, err);
    if (reply->status == 200 && rc != 0)
        return unreadable(fetch, &why, err);
    if (reply->status != 200 || fetch->answer.failure != ANSWER_NO_FAILURE)
        return refused(fetch, reply, err);
    return fetch->answer.state == SMKI_STATE_COMPLETED ? result_here(fetch, err) : state_told(fetch, err);
}

/* ---- polls ---- */

/* May it be polled now? Else *when it may. */
static int poll_allowed(const struct fetch *fetch, bool again, struct smki_time *when, struct smki_error *err)
{
    const struct smki_client *client = fetch->client;
    const struct smki_client_batch *batch = fetch->batch;
    const struct smki_time now = client_now(client), released = again ? now : (struct smki_time){0};
    struct smki_verdict verdict;
    char text[SMKI_TIME_TEXT_SIZE];

    smki_night_poll(&verdict, &client->limits, batch->accepted_at, batch->polled_at, false, again, released, now);
    *when = verdict.retry_at;
    if (!verdict.allowed && batch->not_before.us <= verdict.retry_at.us)
        return smki_fail(err, verdict.code, "%s", verdict.text);
    if (batch->not_before.us <= now.us)
        return 0;
    *when = batch->not_before;
    return smki_fail(err, SMKI_POLL_TOO_OFTEN, "the service asked not to poll batch %" PRIu64 " before %s", batch->batch_id,
                     smki_time_text_people(batch->not_before, text));
}

/* One poll, with what of it may be tried again. */
static int poll_once(struct fetch *fetch, struct smki_error *err)
{
    struct trouble trouble = {0};
    struct http_reply reply;
    struct smki_error why = {0};
    int rc;

    do {
        rc = get(fetch, &reply, &why);
        if (rc == 0 && reply.status != 503 && reply.status != 502 && reply.status != 504)
            return look(fetch, &reply, err);
        if (rc == 0) {
            fetch->read = document_read(fetch, fetch->part, NULL) == 0;
            rc = refused(fetch, &reply, &why);
        } else if (rc != SMKI_CLIENT_CONNECTION) {
            break;
        } else {
            reply.retry_after = -1;
        }
        rc = trouble_wait(fetch->client, &trouble, reply.retry_after, fetch->patience, rc, &why);
    } while (rc == 0);
    return smki_fail(err, rc, "%s", why.text);
}

/* ---- both ways ---- */

/* The lock is on the batch's own file, so that nothing is left behind. Where files cannot be locked there is none. */
static int turn_take(struct fetch *fetch, const char *path, struct smki_error *err)
{
    if ((fetch->turn = open(path, O_RDONLY | O_CLOEXEC)) < 0)
        return smki_fail_errno(err, errno, "%s", path);
    if (flock(fetch->turn, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return smki_fail(err, SMKI_STORE_LOCKED, "another process waits for the results of %.300s or fetches them just now", path);
    return 0;
}

static void turn_end(struct fetch *fetch)
{
    if (fetch->turn >= 0)
        close(fetch->turn);
    fetch->turn = -1;
}

static int fetch_open(struct fetch *fetch, const char *path, const char *document, struct smki_error *err)
{
    struct smki_client *client = fetch->client;
    struct smki_client_batch *batch = fetch->batch;
    int rc;

    if (client->batch == NULL)
        return smki_fail(err, SMKI_CONFIG_INVALID, "the URL of the batch service was not given (--url-batch)");
    if ((rc = turn_take(fetch, path, err)) != 0 || (rc = batch_find(client, path, batch, err)) != 0 ||
        (rc = paths_make(fetch, document, err)) != 0)
        return rc;
    if (batch->batch_id == 0)
        return smki_fail(
            err, SMKI_CLIENT_FATE_UNKNOWN,
            "%.200s was sent and no answer came: look for it on the portal's pickup page or ask the Service Desk, then say its number "
            "with --batch-id",
            path);
    if (batch->url[0] != '\0' && strcmp(batch->url, client->submit_url) != 0)
        return smki_fail(err, SMKI_CLIENT_STATE, "batch %" PRIu64 " was submitted to %.150s, not to %.150s", batch->batch_id, batch->url,
                         client->submit_url);
    return 0;
}

/* Is there nothing to ask for? 0: the document is here; NOT_FOUND: ask. */
static int have_it(struct fetch *fetch, struct smki_error *err)
{
    const struct smki_client_batch *batch = fetch->batch;
    char when[SMKI_TIME_TEXT_SIZE];

    if (batch->retrieved_at.us != 0 && access(batch->document, R_OK) == 0)
        return 0;
    if (left_over(fetch))
        return result_keep(fetch, err);
    if (batch->retrieved_at.us == 0)
        return SMKI_NOT_FOUND;
    return smki_fail(err, SMKI_POLL_DONE,
                     "batch %" PRIu64
                     " was retrieved at %s into %.150s, which is gone: ask the Service Desk to release it again, then fetch it "
                     "with --again",
                     batch->batch_id, smki_time_text_people(batch->retrieved_at, when), batch->document);
}

/* A file that is no result of this batch is not ours to replace. */
static int place_is_free(const struct fetch *fetch, bool again, struct smki_error *err)
{
    if (again || access(fetch->document, F_OK) != 0)
        return 0;
    return smki_fail(err, SMKI_ALREADY_EXISTS,
                     "%.300s is there and is not the result of batch %" PRIu64 ": move it, or name another folder", fetch->document,
                     fetch->batch->batch_id);
}

static int fetch_now(struct fetch *fetch, bool again, struct smki_error *err)
{
    struct smki_time when;
    int rc;

    if (!again && (rc = have_it(fetch, err)) != SMKI_NOT_FOUND)
        return rc;
    if ((rc = place_is_free(fetch, again, err)) != 0 || (rc = poll_allowed(fetch, again, &when, err)) != 0)
        return rc;
    return poll_once(fetch, err);
}

int smki_client_batch_fetch(struct smki_client *client, const char *path, const char *document, bool again, struct smki_client_batch *out,
                            struct smki_error *err)
{
    struct fetch fetch = {.client = client, .batch = out, .turn = -1};
    int rc = fetch_open(&fetch, path, document, err);

    fetch.patience = client->config.patience > 0 ? client->config.patience : PATIENCE;
    if (rc == 0)
        rc = fetch_now(&fetch, again, err);
    turn_end(&fetch);
    return rc;
}

static int wait_until(struct fetch *fetch, struct smki_time when, const struct smki_error *why, struct smki_error *err)
{
    char words[SMKI_ERROR_TEXT_SIZE];

    if (when.us == INT64_MAX)
        return smki_fail(err, why->code, "%s", why->text);
    when.us += SMKI_SECOND + client_chance(fetch->client, JITTER);
    snprintf(words, sizeof(words), "%s%s, for its time to be asked for", "batch ",
             fetch->batch->state != 0 ? message_state_words[fetch->batch->state] : "sent");
    return client_wait(fetch->client, when, words, err);
}

static int fetch_in_time(struct fetch *fetch, struct smki_error *err)
{
    struct smki_error why = {0};
    struct smki_time when;
    int rc;

    if ((rc = have_it(fetch, err)) != SMKI_NOT_FOUND || (rc = place_is_free(fetch, false, err)) != 0)
        return rc;
    for (;;) {
        while (poll_allowed(fetch, false, &when, &why) != 0)
            if ((rc = wait_until(fetch, when, &why, err)) != 0)
                return rc;
        rc = poll_once(fetch, &why);
        if (rc != SMKI_BATCH_NOT_COMPLETED && rc != SMKI_POLL_TOO_OFTEN)
            return rc == 0 ? 0 : smki_fail(err, rc, "%s", why.text);
    }
}

int smki_client_batch_wait(struct smki_client *client, const char *path, const char *document, struct smki_client_batch *out,
                           struct smki_error *err)
{
    struct fetch fetch = {.client = client, .batch = out, .turn = -1};
    int rc = fetch_open(&fetch, path, document, err);

    fetch.patience = client->config.patience > 0 ? client->config.patience : LONG_WAIT;
    if (rc == 0)
        rc = fetch_in_time(&fetch, err);
    turn_end(&fetch);
    return rc;
}
