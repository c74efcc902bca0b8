/* The batch web service's answers: polls judged and booked, results as a stream, and what was retrieved (IDS App. E; interfaces.md 6, 10,
 * 12.1). */
#include "batch/batch_i.h"

#include <stdlib.h>
#include <string.h>

/* ---- answers without results ---- */

int smki_batch_submit_answer(struct smki_buffer *out, const char *ref, uint64_t batch_id, int code, const char *text,
                             struct smki_error *err)
{
    const int told = answer_told(code, SMKI_SUBMISSION);

    return batch_xml_submit_status(out, ref, smki_version(), batch_id, told, answer_words(told, text), err);
}

int smki_batch_poll_answer(struct smki_buffer *out, const struct smki_poll *poll, int code, const char *text, struct smki_error *err)
{
    static const struct smki_poll unknown = {.shown = SMKI_STATE_PROCESSING};
    const int told = answer_told(code, SMKI_INTERNAL);

    if (poll == NULL && code == 0)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "an answer without a failure is about a batch");
    if (poll == NULL)
        poll = &unknown;
    return batch_xml_result_status(out, poll->batch.ref, smki_version(), poll->batch.id, poll->shown, told, answer_words(told, text), err);
}

/* ---- a poll ---- */

struct polling {
    struct smki_service *service;
    const struct smki_actor *actor;
    uint64_t id;
    struct smki_poll *out;
    int refusal; /* a decision, recorded; not a failure of the store */
    struct smki_error why;
};

/* The actor's own batch; BATCH_UNKNOWN in the same words whether it is missing or another's. The same work too: what is read is the first
 * batch from this number on, so where one is missing another stands for it. */
static int own_batch(struct store_view *view, const struct smki_actor *actor, uint64_t id, struct smki_batch *out, struct smki_error *err)
{
    uint64_t number = id > 0 ? id - 1 : 0;
    int rc = store_batch_next(view, &number, out, err);

    if (rc == SMKI_NOT_FOUND) {
        number = 0;
        rc = store_batch_next(view, &number, out, err);
    }
    if (rc == 0 && number == id && (actor->party == 0 || actor->party == out->party))
        return 0;
    memset(out, 0, sizeof(*out));
    if (rc != 0 && rc != SMKI_NOT_FOUND)
        return rc;
    if (id == 0)
        return smki_fail(err, SMKI_BATCH_UNKNOWN, "a BatchId is a positive whole number, given once and in digits alone");
    return smki_fail(err, SMKI_BATCH_UNKNOWN, "there is no batch %llu", (unsigned long long)id);
}

static void ask_rule(struct smki_verdict *verdict, const struct smki_demand_limits *limits, const struct smki_batch *batch,
                     struct smki_time last_poll, struct smki_time now)
{
    smki_night_poll(verdict, limits, batch->accepted_at, last_poll, batch->retrieved_at.us != 0, batch->state == SMKI_STATE_COMPLETED,
                    batch->released_at, now);
}

/* Polls are counted in ones: the next may come at once (it delivers, or there was no batch to poll), or after so long. */
static struct smki_allowance allowance(const struct polling *polling, struct smki_time now)
{
    struct smki_demand_limits limits = smki_service_config(polling->service)->limits;
    struct smki_allowance left = {.limit = 1};
    struct smki_verdict next;

    if (limits.mode[SMKI_RULE_POLL] == SMKI_RULE_OFF)
        return (struct smki_allowance){0};
    if (polling->refusal == SMKI_BATCH_UNKNOWN) {
        left.remaining = left.limit;
        return left;
    }
    limits.mode[SMKI_RULE_POLL] = SMKI_RULE_ENFORCE;
    ask_rule(&next, &limits, &polling->out->batch, polling->out->batch.last_poll_at, now);
    left.remaining = next.allowed;
    if (!next.allowed)
        left.reset = next.retry_at.us == INT64_MAX ? INT64_MAX : next.retry_at.us - now.us;
    return left;
}

static void judge(struct polling *polling, struct smki_time now)
{
    struct smki_poll *out = polling->out;
    const struct smki_batch *batch = &out->batch;
    const bool released = batch_is_released(polling->service, batch, now), complete = batch->state == SMKI_STATE_COMPLETED;

    out->shown = complete && !released ? SMKI_STATE_PROCESSING : batch->state; /* "processed and not yet made available" */
    if (complete && batch_has_expired(polling->service, batch)) {
        polling->refusal = smki_fail(&polling->why, SMKI_RESULT_EXPIRED, NULL);
        return;
    }
    ask_rule(&out->verdict, &smki_service_config(polling->service)->limits, batch, batch->last_poll_at, now);
    if (!out->verdict.allowed)
        polling->refusal = smki_fail(&polling->why, out->verdict.code, "%s", out->verdict.text);
    out->deliver = out->verdict.allowed && complete && released;
}

static int record(const struct polling *polling, struct store_change *change, enum smki_act act, int outcome, const char *detail,
                  struct smki_error *err)
{
    struct smki_audit_record record = {
        .act = act, .actor = *polling->actor, .party = polling->out->batch.party, .subject = polling->id, .outcome = outcome};

    if (record.party == 0)
        record.party = polling->actor->party;
    snprintf(record.detail, sizeof(record.detail), "%.*s", (int)sizeof(record.detail) - 1, detail);
    text_tidy(record.detail);
    return store_record(change, &record, err);
}

static int book(const struct polling *polling, struct store_change *change, struct smki_error *err)
{
    struct smki_poll *out = polling->out;
    char detail[64];
    int rc;

    out->batch.last_poll_at = store_change_time(change);
    if ((rc = store_batch_put(change, &out->batch, err)) != 0)
        return rc;
    if (out->verdict.flagged && (rc = record(polling, change, SMKI_ACT_DEMAND_OBSERVED, out->verdict.code, out->verdict.text, err)) != 0)
        return rc;
    if (out->deliver)
        return record(polling, change, SMKI_ACT_RESULT_READ, 0, "delivery begun", err);
    snprintf(detail, sizeof(detail), "shown as %s", smki_batch_state_word(out->shown));
    return record(polling, change, SMKI_ACT_BATCH_POLL, 0, detail, err);
}

static int poll_change(struct store_change *change, void *argument, struct smki_error *err)
{
    struct polling *polling = argument;
    struct smki_poll *out = polling->out;
    int rc;

    *out = (struct smki_poll){.shown = SMKI_STATE_PROCESSING};
    polling->why = (struct smki_error){0};
    polling->refusal = own_batch(store_change_view(change), polling->actor, polling->id, &out->batch, &polling->why);
    if (polling->refusal != 0 && polling->refusal != SMKI_BATCH_UNKNOWN)
        return smki_fail(err, polling->refusal, "%s", polling->why.text);
    if (polling->refusal == 0)
        judge(polling, store_change_time(change));
    rc = polling->refusal != 0 ? record(polling, change, SMKI_ACT_BATCH_POLL, polling->refusal, polling->why.text, err)
                               : book(polling, change, err);
    if (rc == 0 && polling->refusal != SMKI_RESULT_EXPIRED)
        out->left = allowance(polling, store_change_time(change));
    return rc;
}

int smki_batch_poll(struct smki_service *service, const struct smki_actor *actor, uint64_t id, struct smki_poll *out,
                    struct smki_error *err)
{
    struct polling polling = {.service = service, .actor = actor, .id = id, .out = out};
    int rc = store_change(service->store, poll_change, &polling, err);

    if (rc != 0) {
        *out = (struct smki_poll){.shown = SMKI_STATE_PROCESSING};
        return rc;
    }
    return polling.refusal != 0 ? smki_fail(err, polling.refusal, "%s", polling.why.text) : 0;
}

/* ---- the results ---- */

struct smki_result_stream {
    struct smki_batch batch;
    struct result_pages pages;
    struct batch_xml_stream *xml;
};

int smki_result_open(struct smki_result_stream **out, struct smki_service *service, const struct smki_actor *actor,
                     const struct smki_batch *batch, struct smki_error *err)
{
    struct smki_result_stream *stream;
    int rc;

    *out = NULL;
    if (actor->party != 0 && actor->party != batch->party)
        return smki_fail(err, SMKI_BATCH_UNKNOWN, "there is no batch %llu", (unsigned long long)batch->id);
    if ((rc = result_is_there(service, batch, err)) != 0)
        return rc;
    if ((stream = calloc(1, sizeof(*stream))) == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    stream->batch = *batch;
    if ((rc = pages_open(&stream->pages, service, &stream->batch, err)) != 0 ||
        (rc = batch_xml_stream_open(&stream->xml, &stream->batch, smki_version(), pages_next, &stream->pages, err)) != 0) {
        smki_result_close(stream);
        return rc;
    }
    *out = stream;
    return 0;
}

int smki_result_read(struct smki_result_stream *stream, void *at, size_t capacity, size_t *size, struct smki_error *err)
{
    return batch_xml_stream_read(stream->xml, at, capacity, size, err);
}

void smki_result_close(struct smki_result_stream *stream)
{
    if (stream == NULL)
        return;
    batch_xml_stream_close(stream->xml);
    pages_close(&stream->pages);
    free(stream);
}

/* ---- retrieved ---- */

static int retrieved_change(struct store_change *change, void *argument, struct smki_error *err)
{
    struct polling *polling = argument;
    struct smki_batch *batch = &polling->out->batch;
    int rc = own_batch(store_change_view(change), polling->actor, polling->id, batch, err);

    if (rc != 0)
        return rc;
    if (batch->state != SMKI_STATE_COMPLETED)
        return smki_fail(err, SMKI_BATCH_NOT_COMPLETED, "batch %llu is %s and has nothing to retrieve", (unsigned long long)batch->id,
                         smki_batch_state_word(batch->state));
    batch->retrieved_at = store_change_time(change);
    if ((rc = store_batch_put(change, batch, err)) != 0)
        return rc;
    return record(polling, change, SMKI_ACT_RESULT_READ, 0, "retrieved: the peer has taken all of it", err);
}

int smki_batch_retrieved(struct smki_service *service, const struct smki_actor *actor, uint64_t id, struct smki_error *err)
{
    struct smki_poll poll;
    struct polling polling = {.service = service, .actor = actor, .id = id, .out = &poll};

    return store_change(service->store, retrieved_change, &polling, err);
}
