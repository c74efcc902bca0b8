/* The Batched Device CSR Web Service as a Party uses it (IDS App. E; interfaces.md 6 and 10): submission, and what is known of a batch.
 *
 * A record is in the state file before the batch is sent. One without a BatchId is all that is left of a crash, or of a connection that
 * broke while the batch was under way: it may have been accepted, and is not sent again unless somebody says so. */
#include "client/client_i.h"

#include "message/xml_writer_i.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define PATIENCE (15 * SMKI_MINUTE)

/* ---- records ---- */

void batch_times(const struct smki_client *client, struct smki_client_batch *batch)
{
    batch->poll_from = batch->release_at = (struct smki_time){0};
    if (batch->accepted_at.us == 0)
        return;
    batch->poll_from = smki_night_poll_from(&client->limits, batch->accepted_at);
    batch->release_at = smki_night_release(&client->limits, batch->accepted_at);
}

/* What the state file has of the octets that out->sha256 names; NOT_FOUND leaves *out alone. */
static int record_take(struct smki_client *client, struct smki_client_batch *out, struct smki_error *err)
{
    struct smki_client_batch record;
    struct state state;
    int rc = state_begin(&state, client->config.state, err), found;

    if (rc != 0)
        return rc;
    found = state_batch(&state, out->sha256, &record, err);
    if ((rc = state_end(&state, 0, err)) != 0)
        return rc;
    if (found != 0)
        return found;
    batch_times(client, &record);
    *out = record;
    return 0;
}

int batch_put(struct smki_client *client, const struct smki_client_batch *batch, struct smki_error *err)
{
    struct state state;
    int rc = state_begin(&state, client->config.state, err);

    return rc != 0 ? rc : state_end(&state, state_batch_put(&state, batch, err), err);
}

static int batch_remove(struct smki_client *client, const struct smki_client_batch *batch, struct smki_error *err)
{
    struct state state;
    int rc = state_begin(&state, client->config.state, err);

    if (rc != 0)
        return rc;
    state_batch_remove(&state, batch);
    return state_end(&state, 0, err);
}

int batch_find(struct smki_client *client, const char *path, struct smki_client_batch *out, struct smki_error *err)
{
    FILE *file;
    int rc;

    *out = (struct smki_client_batch){0};
    if ((rc = batch_file_open(&file, path, out, NULL, NULL, err)) != 0)
        return rc;
    fclose(file);
    if ((rc = record_take(client, out, err)) == SMKI_NOT_FOUND)
        return smki_fail(err, rc,
                         "%s was not submitted from here (state file %s); submit it, or say its number with --batch-id when it was "
                         "submitted by other means",
                         path, client->config.state);
    return rc;
}

/* ---- looking ---- */

struct look {
    uint32_t wrong;
    struct smki_error first;
};

static int look_at(void *context, const struct batch_request *request, struct smki_error *err)
{
    struct look *look = context;
    struct smki_error why = {0};
    struct smki_csr csr;
    int rc = request->decode_code;

    (void)err;
    if (rc != 0)
        (void)smki_fail(&why, rc, NULL);
    else
        rc = smki_csr_read(&csr, SMKI_PROFILE_DEVICE, request->der, &why);
    if (rc == 0)
        return 0;
    if (look->wrong++ == 0)
        (void)smki_fail(&look->first, rc, "CSR %lu (ID \"%.100s\"): %.350s", (unsigned long)request->index, request->ref, why.text);
    return 0;
}

int smki_client_batch_look(struct smki_client *client, const char *path, struct smki_client_batch *out, uint32_t *wrong,
                           struct smki_error *text, struct smki_error *err)
{
    struct look look = {0};
    FILE *file;
    int rc;

    *out = (struct smki_client_batch){0};
    if ((rc = batch_file_open(&file, path, out, look_at, &look, err)) != 0)
        return rc;
    fclose(file);
    *wrong = look.wrong;
    if (text != NULL)
        *text = look.first;
    rc = client->config.state[0] != '\0' ? record_take(client, out, err) : SMKI_NOT_FOUND;
    return rc == SMKI_NOT_FOUND ? 0 : rc;
}

/* ---- one submission at a time ---- */

/* Over all processes that share the state file, until the synchronous answer is there (CoCo 3). */
static int turn_take(struct smki_client *client, int *lock, struct smki_error *err)
{
    char path[SMKI_CLIENT_TEXT_SIZE + 16];
    int rc = 0;

    snprintf(path, sizeof(path), "%s.submitting", client->config.state);
    if ((*lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600)) < 0)
        return smki_fail_errno(err, errno, "the state file needs %s beside it, which cannot be made", path);
    while (rc == 0 && flock(*lock, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK) {
            const struct smki_time soon = {.us = client_now(client).us + SMKI_SECOND};
            rc = client_wait(client, soon, "another submission, of which there may be one at a time", err);
        } else if (errno != EINTR) {
            rc = smki_fail_errno(err, errno, "%s cannot be locked", path);
        }
    }
    if (rc != 0) {
        close(*lock);
        *lock = -1;
    }
    return rc;
}

/* ---- submitting ---- */

struct submission {
    struct smki_client *client;
    const char *path;
    FILE *file;
    struct smki_client_batch *batch;
    struct smki_buffer body; /* of the answer */
    struct answer answer;
    bool read;
};

/* *out is what the state file has: may it be sent? */
static int first_time(const struct smki_client_batch *batch, const char *path, struct smki_error *err)
{
    char when[SMKI_TIME_TEXT_SIZE];

    if (batch->sent_at.us == 0 && batch->batch_id == 0)
        return 0;
    if (batch->batch_id != 0)
        return smki_fail(err, SMKI_CLIENT_TWICE, "%.200s was accepted as batch %" PRIu64 " at %s; to submit it once more say --again", path,
                         batch->batch_id, smki_time_text_people(batch->accepted_at, when));
    return smki_fail(
        err, SMKI_CLIENT_FATE_UNKNOWN,
        "%.200s was sent at %s and no answer came: look for it on the portal's pickup page or ask the Service Desk; then say its "
        "number with --batch-id, or submit it with --again when the service does not have it",
        path, smki_time_text_people(batch->sent_at, when));
}

static int answer_read(struct submission *submission, struct smki_error *err)
{
    struct answer_reader *reader;
    int rc = answer_reader_open(&reader, ANSWER_SUBMIT, NULL, NULL, err);

    submission->read = false;
    if (rc != 0)
        return rc;
    if ((rc = answer_reader_feed(reader, BYTES(submission->body.at, submission->body.size), true, err)) == 0) {
        submission->answer = *answer_reader_told(reader);
        submission->read = true;
        if (submission->answer.ref[0] != '\0' && strcmp(submission->answer.ref, submission->batch->ref) != 0)
            rc = smki_fail(err, SMKI_CLIENT_ANSWER, "the answer is to the batch \"%.80s\", not to \"%.80s\"", submission->answer.ref,
                           submission->batch->ref);
    }
    answer_reader_close(reader);
    return rc;
}

enum taken { TAKEN_AGAIN, TAKEN_ACCEPTED, TAKEN_REFUSED, TAKEN_UNKNOWN };

static enum taken take(const struct submission *submission, const struct http_reply *reply)
{
    const bool refused = submission->read && submission->answer.failure != ANSWER_NO_FAILURE;

    if (reply->status == 429 || reply->status == 503)
        return TAKEN_AGAIN;
    if (refused && submission->answer.failure == ANSWER_WORKFLOW_ERROR && reply->retry_after >= 0)
        return TAKEN_AGAIN; /* a service that tells its refusals under HTTP 200 (interfaces.md 12.3) */
    if (refused)
        return TAKEN_REFUSED;
    if (reply->status == 200)
        return submission->read ? TAKEN_ACCEPTED : TAKEN_UNKNOWN;
    return reply->status < 500 ? TAKEN_REFUSED : TAKEN_UNKNOWN;
}

static void refusal_words(const struct submission *submission, const struct http_reply *reply, struct smki_error *err)
{
    if (submission->read && submission->answer.error_code[0] != '\0')
        (void)smki_fail(err, SMKI_CLIENT_REFUSED, "%s: %.450s", submission->answer.error_code, submission->answer.error_text);
    else
        (void)smki_fail(err, SMKI_CLIENT_REFUSED, "the batch service answers with HTTP %ld", reply->status);
}

static int send_once(struct submission *submission, enum taken *taken, struct http_reply *reply, struct smki_error *why)
{
    const struct http_request request = {.url = submission->client->submit_url,
                                         .post = true,
                                         .file = submission->file,
                                         .size = submission->batch->size,
                                         .sink = sink_to_buffer,
                                         .context = &submission->body};
    struct smki_error unread = {0};
    int rc, read;

    *taken = TAKEN_AGAIN;
    submission->body.size = 0;
    rewind(submission->file);
    if ((rc = http_do(submission->client->batch, &request, reply, why)) != 0)
        return rc;
    read = answer_read(submission, &unread);
    *taken = take(submission, reply);
    if (*taken == TAKEN_UNKNOWN || (*taken == TAKEN_ACCEPTED && read != 0))
        return smki_fail(why, SMKI_CLIENT_FATE_UNKNOWN, "the batch was sent and the answer (HTTP %ld) cannot be read: %.350s",
                         reply->status, unread.text);
    if (*taken != TAKEN_ACCEPTED)
        refusal_words(submission, reply, why);
    return 0;
}

/* Sends until it is accepted, refused for good, or patience ends. */
static int send_until(struct submission *submission, struct smki_error *why)
{
    struct smki_client *client = submission->client;
    const int64_t patience = client->config.patience > 0 ? client->config.patience : PATIENCE;
    struct trouble trouble = {0};
    struct http_reply reply;
    enum taken taken;
    int rc;

    do {
        rc = send_once(submission, &taken, &reply, why);
        if (rc == 0 && taken == TAKEN_ACCEPTED)
            return 0;
        if (rc == 0)
            rc = SMKI_CLIENT_REFUSED;
        if (taken != TAKEN_AGAIN || (rc != SMKI_CLIENT_CONNECTION && rc != SMKI_CLIENT_REFUSED))
            return rc;
        rc = trouble_wait(client, &trouble, reply.retry_after, patience, rc, why);
    } while (rc == 0);
    return rc;
}

static int submit(struct submission *submission, struct smki_error *err)
{
    struct smki_client_batch *batch = submission->batch;
    struct smki_error why = {0};
    int rc;

    batch->sent_at = client_now(submission->client);
    snprintf(batch->url, sizeof(batch->url), "%s", submission->client->submit_url);
    if ((rc = batch_put(submission->client, batch, err)) != 0)
        return rc;
    if ((rc = send_until(submission, &why)) == 0) {
        batch->batch_id = submission->answer.batch_id;
        batch->state = SMKI_STATE_PENDING;
        batch->accepted_at = client_now(submission->client);
        batch_times(submission->client, batch);
        if ((rc = batch_put(submission->client, batch, err)) != 0)
            smki_error_prefix(err, "the batch was accepted as %" PRIu64 ", which could not be written down", batch->batch_id);
        return rc;
    }
    if (rc == SMKI_CLIENT_FATE_UNKNOWN)
        return smki_fail(err, rc,
                         "%.250s; it may have been accepted: look for it on the portal's pickup page or ask the Service Desk, then say its "
                         "number with --batch-id, or --again",
                         why.text);
    (void)batch_remove(submission->client, batch, NULL); /* nothing was done; what is left of it would only ask to be looked at */
    return smki_fail(err, rc, "%s", why.text);
}

int smki_client_batch_submit(struct smki_client *client, const char *path, bool again, struct smki_client_batch *out,
                             struct smki_error *err)
{
    struct submission submission = {.client = client, .path = path, .batch = out, .body = {.max = ANSWER_MAX_SIZE}};
    struct smki_client_batch known;
    int rc, lock = -1;

    *out = (struct smki_client_batch){0};
    if (client->batch == NULL)
        return smki_fail(err, SMKI_CONFIG_INVALID, "the URL of the batch service was not given (--url-batch)");
    if ((rc = batch_file_open(&submission.file, path, out, NULL, NULL, err)) != 0)
        return rc;
    if ((rc = turn_take(client, &lock, err)) == 0) {
        memcpy(known.sha256, out->sha256, sizeof(known.sha256));
        rc = record_take(client, &known, err);
        if (rc == 0 && !again && (rc = first_time(&known, path, err)) != 0)
            *out = known;
        else if (rc == 0 || rc == SMKI_NOT_FOUND)
            rc = submit(&submission, err);
        close(lock);
    }
    fclose(submission.file);
    smki_buffer_finish(&submission.body);
    return rc;
}

int smki_client_batch_adopt(struct smki_client *client, const char *path, uint64_t batch_id, struct smki_time accepted,
                            struct smki_client_batch *out, struct smki_error *err)
{
    struct smki_client_batch from_file = {0};
    FILE *file;
    int rc;

    *out = (struct smki_client_batch){0};
    if ((rc = batch_file_open(&file, path, &from_file, NULL, NULL, err)) != 0)
        return rc;
    fclose(file);
    *out = from_file;
    if ((rc = record_take(client, out, err)) != 0 && rc != SMKI_NOT_FOUND)
        return rc;
    if (out->batch_id == batch_id && accepted.us == 0)
        return 0;
    if (out->batch_id != 0 && out->batch_id != batch_id)
        *out = from_file; /* another submission of the same octets */
    out->batch_id = batch_id;
    out->state = out->state != 0 ? out->state : SMKI_STATE_PENDING;
    if (out->sent_at.us == 0)
        out->sent_at = accepted.us != 0 ? accepted : client_now(client);
    out->accepted_at = accepted.us != 0 ? accepted : out->sent_at;
    batch_times(client, out);
    return batch_put(client, out, err);
}
