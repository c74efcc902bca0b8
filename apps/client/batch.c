/* smki-client batch: submit, wait, fetch, and what is known. */
#include "client/client.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- what is said of a batch ---- */

static cJSON *batch_json(const char *path, const struct smki_client_batch *batch)
{
    cJSON *json = cJSON_CreateObject();

    if (json != NULL && cJSON_AddStringToObject(json, "file", path) != NULL &&
        cJSON_AddStringToObject(json, "sha256", batch->sha256) != NULL && cJSON_AddStringToObject(json, "id", batch->ref) != NULL &&
        json_add_number(json, "csrs", batch->csrs) && json_add_number_if(json, "batch", batch->batch_id) &&
        (batch->state != 0 ? cJSON_AddStringToObject(json, "state", smki_batch_state_word(batch->state))
                           : cJSON_AddNullToObject(json, "state")) != NULL &&
        json_add_time(json, "sent_at", batch->sent_at) && json_add_time(json, "accepted_at", batch->accepted_at) &&
        json_add_time(json, "poll_from", batch->poll_from) && json_add_time(json, "release_at", batch->release_at) &&
        json_add_time(json, "polled_at", batch->polled_at) && json_add_time(json, "retrieved_at", batch->retrieved_at) &&
        (batch->document[0] != '\0' ? cJSON_AddStringToObject(json, "document", batch->document)
                                    : cJSON_AddNullToObject(json, "document")) != NULL)
        return json;
    cJSON_Delete(json);
    return NULL;
}

static void batch_print(const char *path, const struct smki_client_batch *batch)
{
    char when[SMKI_TIME_TEXT_SIZE];

    fact_print("file", "%s", path);
    fact_print("sha-256", "%s", batch->sha256);
    fact_print("id", "%s", batch->ref);
    fact_print("csrs", "%" PRIu32, batch->csrs);
    if (batch->batch_id != 0)
        fact_print("batch", "%" PRIu64, batch->batch_id);
    else
        fact_print("batch", "%s", batch->sent_at.us != 0 ? "sent, and no answer came: its fate is unknown" : "not submitted from here");
    if (batch->state != 0)
        fact_print("state", "%s", smki_batch_state_word(batch->state));
    fact_print("sent", "%s", time_words(batch->sent_at, when));
    fact_print("accepted", "%s", time_words(batch->accepted_at, when));
    fact_print("polls from", "%s", time_words(batch->poll_from, when));
    fact_print("results from", "%s", time_words(batch->release_at, when));
    fact_print("polled", "%s", time_words(batch->polled_at, when));
    fact_print("retrieved", "%s", time_words(batch->retrieved_at, when));
    if (batch->document[0] != '\0')
        fact_print("document", "%s", batch->document);
}

static int batch_tell(struct call *call, const struct smki_client_batch *batch)
{
    const char *path = call_operand(call, 0);

    if (call->json)
        return json_print(call, batch_json(path, batch));
    batch_print(path, batch);
    return 0;
}

/* ---- submit ---- */

/* What is known of the batch. One with CSRs that will be refused is still a batch; whoever sends it should know. */
static int look(struct session *session, struct smki_client_batch *batch)
{
    struct call *call = session->call;
    struct smki_error first = {0};
    uint32_t wrong;
    int rc = smki_client_batch_look(session->client, call_operand(call, 0), batch, &wrong, &first, &call->err);

    session_hush(session);
    if (rc == 0 && wrong != 0)
        fprintf(stderr, "%s: note: %" PRIu32 " of %" PRIu32 " CSRs will be refused for their form; the first: %s\n", call->program->name,
                wrong, batch->csrs, first.text);
    return rc;
}

static int accepted_tell(struct session *session, const struct smki_client_batch *batch)
{
    struct call *call = session->call;
    char polls[SMKI_TIME_TEXT_SIZE], release[SMKI_TIME_TEXT_SIZE];

    session_hush(session);
    if (call->json)
        return json_print(call, batch_json(call_operand(call, 0), batch));
    printf("%" PRIu64 "\n", batch->batch_id);
    if (!call_has(call, "quiet"))
        fprintf(stderr, "%s: batch %" PRIu64 " of %" PRIu32 " CSRs is accepted; polls are allowed from %s, its results come from %s\n",
                call->program->name, batch->batch_id, batch->csrs, smki_time_text_people(batch->poll_from, polls),
                smki_time_text_people(batch->release_at, release));
    return 0;
}

static int submit_run(struct call *call)
{
    struct session session;
    struct smki_client_batch batch;
    int rc = session_open(&session, call, access_batch);

    if (rc == 0 && !call_has(call, "dry-run"))
        rc = smki_client_batch_submit(session.client, call_operand(call, 0), call_has(call, "again"), &batch, &call->err);
    if (rc == 0 && (rc = look(&session, &batch)) == 0)
        rc = call_has(call, "dry-run") ? batch_tell(call, &batch) : accepted_tell(&session, &batch);
    session_close(&session);
    return rc;
}

/* ---- wait, fetch ---- */

/* --out, or FILE-results beside FILE. */
static void folder_of(const struct call *call, char out[PATH_SIZE])
{
    const char *path = call_operand(call, 0), *slash = strrchr(path, '/');
    char stem[PATH_SIZE];

    stem_of(stem, path, ".xml");
    if (call_has(call, "out"))
        snprintf(out, PATH_SIZE, "%s", call_text(call, "out"));
    else
        snprintf(out, PATH_SIZE, "%.*s%.255s-results", slash != NULL ? (int)(slash + 1 - path) : 0, path, stem);
}

/* --batch-id: the number is known by other means. */
static int adopt(struct session *session)
{
    struct call *call = session->call;
    struct smki_client_batch batch;

    if (!call_has(call, "batch-id"))
        return 0;
    return smki_client_batch_adopt(session->client, call_operand(call, 0), call_number(call, "batch-id"), call_time(call, "accepted"),
                                   &batch, &call->err);
}

static int results_write(struct session *session, const char *folder)
{
    struct call *call = session->call;
    struct smki_client_summary summary;
    struct report report;
    int rc = report_open(&report, session, folder, "report.txt");

    if (rc != 0)
        return rc;
    rc = report_close(&report, smki_client_batch_check(session->client, call_operand(call, 0), report_item, &report, &summary, &call->err));
    if (call->json || rc < 0)
        return rc;
    fact_print("certificates", "%" PRIu32 " good, in %s", summary.good, folder);
    fact_print("refused", "%" PRIu32, summary.refused);
    fact_print("wrong", "%" PRIu32, summary.wrong);
    fact_print("report", "%s", report.text_path);
    return rc;
}

static int retrieve(struct session *session, bool wait)
{
    struct call *call = session->call;
    const char *path = call_operand(call, 0);
    char folder[PATH_SIZE], document[PATH_SIZE];
    struct smki_client_batch batch;
    int rc;

    folder_of(call, folder);
    if (snprintf(document, sizeof(document), "%s/result.xml", folder) >= (int)sizeof(document))
        return call_fail(call, SMKI_TOO_LARGE, "the path %.80s... is too long", folder);
    if ((rc = adopt(session)) != 0)
        return rc;
    if (call_has(call, "dry-run"))
        return (rc = look(session, &batch)) != 0 ? rc : batch_tell(call, &batch);
    if ((rc = folder_make(call, folder)) != 0)
        return rc;
    if (wait)
        rc = smki_client_batch_wait(session->client, path, document, &batch, &call->err);
    else
        rc = smki_client_batch_fetch(session->client, path, document, call_has(call, "again"), &batch, &call->err);
    return rc != 0 ? rc : results_write(session, folder);
}

static int wait_run(struct call *call)
{
    struct session session;
    int rc = session_open(&session, call, access_batch);

    if (rc == 0)
        rc = retrieve(&session, true);
    session_close(&session);
    return rc;
}

static int fetch_run(struct call *call)
{
    struct session session;
    int rc = session_open(&session, call, access_batch);

    if (rc == 0)
        rc = retrieve(&session, false);
    session_close(&session);
    return rc;
}

/* ---- status ---- */

static int status_run(struct call *call)
{
    struct session session;
    struct smki_client_batch batch;
    int rc = session_open(&session, call, access_batch);

    if (rc == 0 && (rc = look(&session, &batch)) == 0)
        rc = batch_tell(call, &batch);
    session_close(&session);
    return rc;
}

#define URL_TEXT "of the Batched Device CSR Web Service: https://HOST[:PORT]; the path is the specification's unless one is given"

static const struct command_value submit_options[] = {
    CLIENT_OPTIONS("url-batch", URL_TEXT),
    {"again", VALUE_FLAG, 0, NULL, "submit the same octets once more", NULL},
    {0},
};

#define RESULT_OPTIONS                                                                                                                     \
    {"out", VALUE_FOLDER, 0, NULL, "where the results go; without it FILE-results, beside FILE", NULL},                                    \
        {"batch-id", VALUE_NUMBER, 0, NULL, "the batch's number, when it was submitted by other means or its answer was lost", NULL},      \
    {                                                                                                                                      \
        "accepted", VALUE_TIME, 0, NULL, "with --batch-id: when it was accepted", NULL                                                     \
    }

static const struct command_value wait_options[] = {
    CLIENT_OPTIONS("url-batch", URL_TEXT),
    RESULT_OPTIONS,
    {0},
};

static const struct command_value fetch_options[] = {
    CLIENT_OPTIONS("url-batch", URL_TEXT),
    RESULT_OPTIONS,
    {"again", VALUE_FLAG, 0, NULL, "the operator has released it: before its time, or again", NULL},
    {0},
};

static const struct command_value status_options[] = {
    CLIENT_OPTIONS("url-batch", URL_TEXT),
    {0},
};

static const struct command_value file_operand[] = {
    {"FILE", VALUE_FILE, REQUIRED, NULL, "the SubmitCSRBatch document", NULL},
    {0},
};

const struct command batch_commands[] = {
    {
        .name = "batch submit",
        .text = "Submit a batch and print its BatchId",
        .flags = COMMAND_JSON,
        .options = submit_options,
        .operands = file_operand,
        .more = "One submission at a time, over all runs that share the state file. The same octets are submitted once, unless --again.\n"
                "When no answer comes, the batch may have been accepted: it is not sent again by itself.\n"
                "\n"
                "  smki-client batch submit --config party.json meters.xml\n",
        .run = submit_run,
    },
    {
        .name = "batch wait",
        .text = "Wait for a batch's results, retrieve and check them",
        .flags = COMMAND_JSON,
        .options = wait_options,
        .operands = file_operand,
        .more =
            "Polls once an hour from 22:00 of the day of acceptance (accepted at 20:00 or later: from 22:00 of the day after), until the\n"
            "results are there (08:00 of the day after; 22:00). They are retrieved once. A run that was ended can be repeated.\n"
            "Into the folder come result.xml as it was received, a .crt for each CSR, and report.txt.\n",
        .run = wait_run,
    },
    {
        .name = "batch fetch",
        .text = "Ask once, now, and retrieve the results when they are there",
        .flags = COMMAND_JSON,
        .options = fetch_options,
        .operands = file_operand,
        .more = "When asking is not allowed now, nothing is sent, and the time when it will be is told. What was retrieved before is not "
                "asked\n"
                "for again: its files are written once more.\n",
        .run = fetch_run,
    },
    {
        .name = "batch status",
        .text = "Show what the state file has of a batch; asks nobody",
        .flags = COMMAND_JSON,
        .options = status_options,
        .operands = file_operand,
        .run = status_run,
    },
    {0},
};
