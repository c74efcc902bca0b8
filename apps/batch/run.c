/* smki-batch run: one run, with its progress and its summary. */
#include "batch/run.h"
#include "batch/commands.h"
#include "batch/stop.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* SMKI_INTERFACE_RUNNER tells a night's work from what the operator does by hand. */
struct smki_actor run_actor(const struct call *call)
{
    struct smki_actor actor = call->actor;

    actor.interface = SMKI_INTERFACE_RUNNER;
    return actor;
}

/* ---- the run ---- */

struct shown {
    struct call *call;
    struct progress bar;
    bool quiet, away; /* away: it is told that the CA's key is */
};

/* A run that waits for the CA's key says so, also when it is quiet. */
static void tell_key(struct shown *shown, const struct smki_error *trouble)
{
    const bool away = trouble->code == SMKI_CA_KEY_UNAVAILABLE;

    if (away && !shown->away)
        call_note(shown->call, "%s", trouble->text);
    else if (!away && shown->away)
        call_note(shown->call, "the CA's key can be used again: the night goes on");
    shown->away = away;
}

static void show_progress(void *context, const struct smki_run_progress *progress)
{
    struct shown *shown = context;

    tell_key(shown, &progress->trouble);
    if (!shown->quiet && progress->waiting > 0)
        progress_show(&shown->bar, progress->processed, progress->waiting, progress->rate);
}

/* What the run left: batches that nobody has approved, and the CSRs of all that wait. */
struct leftover {
    uint64_t pending, pending_csrs, csrs;
};

static int leftover_count(struct call *call, struct leftover *left)
{
    struct smki_plan_item *items;
    struct smki_batch batch;
    size_t count;
    double rate;
    int rc = smki_batch_plan(call->service, smki_service_now(call->service), &items, &count, &rate, &call->err);

    *left = (struct leftover){0};
    for (size_t i = 0; rc == 0 && i < count; i++) {
        left->csrs += items[i].remaining;
        if ((rc = smki_batch_find(call->service, items[i].batch, &batch, &call->err)) == 0 && batch.state == SMKI_STATE_PENDING) {
            left->pending++;
            left->pending_csrs += batch.csrs;
        }
    }
    if (count > 0)
        free(items);
    return rc;
}

/* ---- the summary ---- */

/* "refused 12" and below it "  CR:9999  10  Request for duplicate ..." */
static void print_refused(const struct smki_run_progress *done)
{
    fact_print("refused", "%" PRIu64, done->refused);
    for (size_t i = 0; i < SMKI_RUN_REFUSALS && done->refusals[i].code != 0; i++) {
        const struct smki_refusal *refusal = smki_refusal_find(done->refusals[i].code);
        char code[32];

        snprintf(code, sizeof(code), "  %s", refusal->wire_code);
        fact_print(code, "%" PRIu64 ": %s", done->refusals[i].count, refusal->text);
    }
}

static bool add_refused(cJSON *object, const struct smki_run_progress *done)
{
    cJSON *codes;
    bool whole = json_add_number(object, "refused", done->refused) && (codes = cJSON_AddObjectToObject(object, "refused_by_code")) != NULL;

    for (size_t i = 0; whole && i < SMKI_RUN_REFUSALS && done->refusals[i].code != 0; i++)
        whole = json_add_number(codes, smki_refusal_find(done->refusals[i].code)->wire_code, done->refusals[i].count);
    return whole;
}

static void print_summary(const struct smki_run_progress *done, const struct leftover *left)
{
    char time[DURATION_TEXT_SIZE];

    if (done->processed == 0) {
        printf("Nothing was done%s.\n", left->csrs == 0 ? ": nothing waits" : "");
    } else {
        fact_print("CSRs", "%" PRIu64, done->processed);
        fact_print("granted", "%" PRIu64, done->granted);
        print_refused(done);
        fact_print("batches completed", "%" PRIu64, done->batches_completed);
        fact_print("time", "%s", duration_words(done->seconds, time));
        fact_print("rate", "%.0f CSRs a second", done->rate);
        fact_print("P-256", "by %s", smki_p256_name());
    }
    if (left->csrs > left->pending_csrs)
        fact_print("still waiting", "%" PRIu64 " CSRs", left->csrs - left->pending_csrs);
    if (left->pending > 0)
        fact_print("await approval", "%" PRIu64 " %s, %" PRIu64 " CSRs; see 'smki-batch list --open'", left->pending,
                   left->pending == 1 ? "batch" : "batches", left->pending_csrs);
}

static int print_summary_json(struct call *call, const struct smki_run_progress *done, const struct leftover *left, int outcome)
{
    cJSON *object = cJSON_CreateObject();

    if (!json_add_number(object, "csrs", done->processed) || !json_add_number(object, "granted", done->granted) ||
        !add_refused(object, done) || !json_add_number(object, "batches_completed", done->batches_completed) ||
        cJSON_AddStringToObject(object, "p256", smki_p256_name()) == NULL ||
        cJSON_AddNumberToObject(object, "seconds", done->seconds) == NULL || cJSON_AddNumberToObject(object, "rate", done->rate) == NULL ||
        !json_add_number(object, "csrs_waiting", left->csrs - left->pending_csrs) ||
        !json_add_number(object, "csrs_pending", left->pending_csrs) || !json_add_number(object, "batches_pending", left->pending) ||
        cJSON_AddStringToObject(object, "outcome", outcome == 0 ? "DONE" : smki_refusal_find(outcome)->name) == NULL) {
        cJSON_Delete(object);
        object = NULL;
    }
    return json_print(call, object);
}

/* ---- run --once ---- */

static int run_once(struct call *call)
{
    const struct smki_actor actor = run_actor(call);
    struct smki_run_progress done = {0};
    struct shown shown = {.call = call, .quiet = call_has(call, "quiet")};
    const struct smki_run_options options = {
        .ignore_window = call_has(call, "ignore-window"),
        .workers = (unsigned)call_number(call, "workers"),
        .progress = show_progress,
        .context = &shown,
        .stop = &stop_wished,
    };
    struct smki_error why = {0};
    struct leftover left;
    int rc, rc_left;

    stop_catch();
    progress_start(&shown.bar, "CSRs");
    rc = smki_batch_run(call->service, &actor, &options, &done, &why);
    progress_end(&shown.bar);
    if ((rc_left = leftover_count(call, &left)) == 0) {
        if (call->json)
            rc_left = print_summary_json(call, &done, &left, rc);
        else if (rc == 0 || done.processed > 0)
            print_summary(&done, &left);
    }
    if (rc == SMKI_INTERRUPTED)
        return call_fail(call, rc, "stopped by a signal; everything done is kept, and 'smki-batch run' again continues");
    if (rc == 0)
        return rc_left;
    call->err = why;
    return rc;
}

static int run_run(struct call *call)
{
    const bool once = call_has(call, "once"), watch = call_has(call, "watch");

    if (once == watch)
        return call_usage(call, "choose one of --once (work until nothing is due, then exit) and --watch (stay, and keep the windows)");
    if (watch && call_has(call, "ignore-window"))
        return call_usage(call, "--ignore-window goes with --once; --watch keeps the windows");
    return once ? run_once(call) : watch_run(call);
}

static const struct command_value options[] = {
    {"once", VALUE_FLAG, 0, NULL, "work until nothing is due or the window closes, then exit", NULL},
    {"watch", VALUE_FLAG, 0, NULL, "stay, work through every night, rest by day; ends with a signal", NULL},
    {"ignore-window", VALUE_FLAG, 0, NULL, "with --once: the operator's override, outside the night too; audited", NULL},
    {"workers", VALUE_COUNT, 0, "N", "threads; 0 and by default: as configured (run.workers)", NULL},
    {"quiet", VALUE_FLAG, 0, NULL, "no progress on standard error", NULL},
    {0},
};

const struct command run_commands[] = {
    {
        .name = "run",
        .text = "Run the night: approve, parse, verify, sign, record",
        .flags = COMMAND_HOME | COMMAND_JSON,
        .options = options,
        .more =
            "Several runners may work on one home. SIGINT, SIGTERM and SIGHUP end a run after the chunks in hand, a second one at once;\n"
            "a run that was ended or killed loses nothing, and run again continues.\n"
            "--watch writes a line for each event (with --json: an object), and goes on after troubles that pass, like a full disk.\n"
            "\n"
            "  smki-batch --home HOME run --once\n"
            "  smki-batch --home HOME run --once --ignore-window --json\n"
            "  smki-batch --home HOME run --watch\n",
        .run = run_run,
    },
    {0},
};
