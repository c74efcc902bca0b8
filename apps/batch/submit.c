/* smki-batch submit: files in, BatchIds out. */
#include "batch/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* The refusal of one file; the line names the file. */
static int complain_of(struct call *call, const char *path)
{
    const struct smki_refusal *refusal = smki_refusal_find(call->err.code);
    struct smki_error named = {.code = call->err.code};

    if (strstr(call->err.text, path) != NULL)
        return call_complain(call, &call->err);
    snprintf(named.text, sizeof(named.text), "%.200s: %.300s", path, call->err.text[0] != '\0' ? call->err.text : refusal->text);
    return call_complain(call, &named);
}

/* Accepted all the same, but the submitter should know why it will take longer. */
static void tell_quota(const struct call *call, const struct smki_batch *batch, const struct smki_verdict *verdict)
{
    if (verdict->flagged)
        fprintf(stderr, "%s: note: batch %" PRIu64 " is over the quota: %s\n", call->program->name, batch->id, verdict->text);
}

static int print_id(struct call *call, struct json_list *list, const char *path, const struct smki_batch *batch)
{
    cJSON *object;

    if (!call->json) {
        printf("%" PRIu64 "\n", batch->id);
        return 0;
    }
    if ((object = smki_batch_json(batch)) != NULL && cJSON_AddStringToObject(object, "file", path) == NULL) {
        cJSON_Delete(object);
        object = NULL;
    }
    return json_list_add(list, call, object);
}

/* The batch is in, whatever becomes of the line: who loses it must hear its number, or would submit again. */
static int print_accepted(struct call *call, struct json_list *list, const char *path, const struct smki_batch *batch)
{
    struct smki_error lost;
    int rc = print_id(call, list, path, batch);

    if (rc == 0 && fflush(stdout) == 0)
        return 0;
    lost.code = rc == 0 ? SMKI_IO : rc;
    snprintf(lost.text, sizeof(lost.text),
             "batch %" PRIu64 " was accepted, but its number could not be written to standard output: %s; do not submit %.150s again",
             batch->id, rc == 0 ? strerror(errno) : smki_refusal_find(rc)->text, path);
    return call_complain(call, &lost);
}

static int submit_one(struct call *call, struct json_list *list, const char *path)
{
    struct smki_actor submitter = call->actor;
    struct smki_verdict verdict = {0};
    struct smki_batch batch;

    submitter.party = call_number(call, "party");
    if (smki_batch_submit_file(call->service, &submitter, path, &batch, &verdict, &call->err) != 0)
        return complain_of(call, path);
    tell_quota(call, &batch, &verdict);
    return print_accepted(call, list, path, &batch);
}

/* A refused file does not keep the others out: each is a submission of its own. */
static int submit_run(struct call *call)
{
    struct json_list list;
    const char *path;
    int rc = 0, one;

    if (call->json)
        json_list_start(&list);
    for (size_t i = 0; rc >= 0 && (path = call_operand(call, i)) != NULL; i++)
        if ((one = submit_one(call, &list, path)) != 0)
            rc = one;
    if (call->json)
        json_list_end(&list);
    return rc;
}

static const struct command_value options[] = {
    {"party", VALUE_NUMBER, REQUIRED, "N", "the Party that submits", NULL},
    {0},
};

static const struct command_value operands[] = {
    {"FILE", VALUE_FILE, REQUIRED | MANY, NULL, "a SubmitCSRBatch document (XML), or a zip of .csr files", NULL},
    {0},
};

const struct command submit_commands[] = {
    {
        .name = "submit",
        .text = "Take in a batch and print its BatchId",
        .flags = COMMAND_HOME | COMMAND_JSON,
        .options = options,
        .operands = operands,
        .more = "Several FILEs are several batches: one BatchId a line, in their order; a refused one does not stop the others.\n"
                "A zip counts against the Party's portal quota: over it, it is accepted, and runs after everybody's due work.\n"
                "\n"
                "  smki-batch --home HOME submit --party 1 batch.xml\n"
                "  id=$(smki-batch --home HOME submit --party 2 meters.zip) && smki-batch --home HOME status \"$id\"\n",
        .run = submit_run,
    },
    {0},
};
