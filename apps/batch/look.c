/* smki-batch status, list: what became of a batch, and which there are. */
#include "batch/commands.h"

#include <inttypes.h>

/* When the batch's results may be had, and what the rules say of a poll just now. */
struct availability {
    struct smki_time release, poll_from;
    struct smki_verdict poll;
};

static struct availability availability_of(struct call *call, const struct smki_batch *batch)
{
    const struct smki_demand_limits *limits = &smki_service_config(call->service)->limits;
    struct availability when = {.release = smki_night_release(limits, batch->accepted_at),
                                .poll_from = smki_night_poll_from(limits, batch->accepted_at)};

    if (batch->released_at.us != 0)
        when.release = batch->released_at;
    smki_night_poll(&when.poll, limits, batch->accepted_at, batch->last_poll_at, batch->retrieved_at.us != 0,
                    batch->state == SMKI_STATE_COMPLETED, batch->released_at, smki_service_now(call->service));
    return when;
}

static bool has_results(const struct smki_batch *batch)
{
    return batch->state != SMKI_STATE_REJECTED && batch->state != SMKI_STATE_TAMPERED && !batch->expired;
}

/* ---- status, for programs ---- */

static bool add_poll(cJSON *object, const struct availability *when, const struct smki_batch *batch)
{
    const bool never = when->poll.retry_at.us == INT64_MAX;

    return json_add_time(object, "release_at", when->release) && json_add_time(object, "poll_from", when->poll_from) &&
           json_add_time(object, "last_poll_at", batch->last_poll_at) &&
           cJSON_AddBoolToObject(object, "may_be_polled", when->poll.allowed) != NULL &&
           json_add_time(object, "next_poll_at", never ? (struct smki_time){0} : when->poll.retry_at);
}

static int print_json(struct call *call, const struct smki_batch *batch)
{
    const struct availability when = availability_of(call, batch);
    cJSON *object = smki_batch_json(batch);

    if (object != NULL && !add_poll(object, &when, batch)) {
        cJSON_Delete(object);
        object = NULL;
    }
    return json_print(call, object);
}

/* ---- status, for people ---- */

static void print_party(struct call *call, const struct smki_batch *batch)
{
    struct smki_party party;

    if (smki_party_find(smki_service_store(call->service), batch->party, &party, NULL) == 0)
        fact_print("Party", "%" PRIu64 " (%s)", batch->party, party.name);
    else
        fact_print("Party", "%" PRIu64, batch->party);
}

static void print_progress(const struct smki_batch *batch)
{
    fact_print("CSRs", "%" PRIu32, batch->csrs);
    fact_print("processed", "%" PRIu32 " (%u %%): %" PRIu32 " granted, %" PRIu32 " refused", batch->processed,
               batch->csrs > 0 ? (unsigned)((uint64_t)batch->processed * 100 / batch->csrs) : 0, batch->granted, batch->refused);
}

static void print_time(const char *name, struct smki_time time)
{
    char text[SMKI_TIME_TEXT_SIZE];

    if (time.us != 0)
        fact_print(name, "%s", time_words(time, text));
}

static void print_availability(struct call *call, const struct smki_batch *batch)
{
    const struct availability when = availability_of(call, batch);
    char text[SMKI_TIME_TEXT_SIZE];

    print_time("results from", when.release);
    if (batch->form == SMKI_BATCH_ZIP) /* polls are the web service's */
        return;
    print_time("polls from", when.poll_from);
    print_time("last poll", batch->last_poll_at);
    if (when.poll.allowed)
        fact_print("next poll", "may come now");
    else if (when.poll.retry_at.us == INT64_MAX)
        fact_print("next poll", "none: it has been retrieved");
    else
        fact_print("next poll", "%s", time_words(when.poll.retry_at, text));
}

static int print_facts(struct call *call, const struct smki_batch *batch)
{
    char size[DURATION_TEXT_SIZE];

    fact_print("batch", "%" PRIu64, batch->id);
    fact_print("status", "%s", smki_batch_state_word(batch->state));
    if (batch->reason[0] != '\0')
        fact_print("reason", "%s", batch->reason);
    print_party(call, batch);
    if (batch->form == SMKI_BATCH_ZIP)
        fact_print("submitted as", "zip, %s, %s", batch->name, size_words(batch->size, size));
    else
        fact_print("submitted as", "XML, ID \"%s\", %s", batch->ref, size_words(batch->size, size));
    print_progress(batch);
    fact_print("over quota", "%s", batch->over_quota ? "yes: runs after everybody's due work" : "no");
    print_time("accepted", batch->accepted_at);
    print_time("due", batch->due_at);
    print_time("completed", batch->completed_at);
    if (has_results(batch))
        print_availability(call, batch);
    print_time("retrieved", batch->retrieved_at);
    if (batch->expired)
        fact_print("results", "were kept for their time and are gone; the certificates stay");
    return 0;
}

static int status_run(struct call *call)
{
    struct smki_batch batch;
    int rc = smki_batch_find(call->service, call_batch(call), &batch, &call->err);

    if (rc != 0)
        return rc;
    return call->json ? print_json(call, &batch) : print_facts(call, &batch);
}

/* ---- list ---- */

static bool is_wanted(const struct call *call, const struct smki_batch *batch)
{
    if (call_has(call, "open") && smki_batch_state_is_final(batch->state))
        return false;
    return !call_has(call, "party") || batch->party == call_number(call, "party");
}

static void batch_row(struct table *table, const struct smki_batch *batch)
{
    char text[SMKI_TIME_TEXT_SIZE];

    table_add(table, "%" PRIu64, batch->id);
    table_add(table, "%" PRIu64, batch->party);
    table_add(table, "%s", smki_batch_state_word(batch->state));
    table_add(table, "%" PRIu32, batch->csrs);
    table_add(table, "%" PRIu32, batch->granted);
    table_add(table, "%" PRIu32, batch->refused);
    table_add(table, "%s", time_words(batch->accepted_at, text));
    table_add(table, "%s", time_words(batch->due_at, text));
    table_add(table, "%s", batch->form == SMKI_BATCH_ZIP ? batch->name : batch->ref);
}

/* Calls `show` with every wanted batch, in the order of their numbers. */
static int each_batch(struct call *call, int (*show)(struct call *call, void *context, const struct smki_batch *batch), void *context)
{
    struct smki_batch batch = {.id = 0};
    int rc;

    while ((rc = smki_batch_next(call->service, batch.id, &batch, &call->err)) == 0)
        if (is_wanted(call, &batch) && (rc = show(call, context, &batch)) != 0)
            return rc;
    return rc == SMKI_NOT_FOUND ? 0 : rc;
}

static int show_json(struct call *call, void *context, const struct smki_batch *batch)
{
    return json_list_add(context, call, smki_batch_json(batch));
}

static int show_row(struct call *call, void *context, const struct smki_batch *batch)
{
    (void)call;
    batch_row(context, batch);
    return 0;
}

static int list_json(struct call *call)
{
    struct json_list list;
    int rc;

    json_list_start(&list);
    rc = each_batch(call, show_json, &list);
    json_list_end(&list);
    return rc;
}

static int list_run(struct call *call)
{
    static const char *const headings[] = {">batch", ">Party", "status", ">CSRs", ">granted", ">refused", "accepted", "due", "name", NULL};
    struct table table;
    int rc;

    if (call->json)
        return list_json(call);
    table_start(&table, headings);
    if ((rc = each_batch(call, show_row, &table)) == 0)
        return table_print(&table, call, "No batches.");
    table_finish(&table);
    return rc;
}

static const struct command_value list_options[] = {
    {"open", VALUE_FLAG, 0, NULL, "only those that are not completed, rejected or tampered with", NULL},
    {"party", VALUE_NUMBER, 0, "N", "only those of this Party", NULL},
    {0},
};

const struct command look_commands[] = {
    {
        .name = "status",
        .text = "Show a batch: its state, counts and times",
        .flags = COMMAND_HOME | COMMAND_JSON,
        .operands = batch_operand,
        .more = "PENDING awaits approval, PARSING is approved, QUEUED waits its turn, PROCESSING is worked on, PAUSED waits for the next "
                "night;\n"
                "COMPLETED, REJECTED and TAMPERED are final. Times are UK civil time; with --json they are UTC.\n",
        .run = status_run,
    },
    {
        .name = "list",
        .text = "List the batches",
        .flags = COMMAND_HOME | COMMAND_JSON,
        .options = list_options,
        .run = list_run,
    },
    {0},
};
