/* smki-batch run --watch: stays, works through every night, and writes a line for each event. */
#include "batch/run.h"
#include "batch/stop.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_EVERY    SMKI_SECOND /* us between two looks at the batches */
#define RETRY_FIRST   5.0         /* seconds to the next try after a trouble; twice as long each time */
#define RETRY_LONGEST 300.0

/* What the watch has seen: each batch is told of when it ends, whoever did the work. */
struct watch {
    struct call *call;
    uint64_t *open; /* batches that had not ended at the last look */
    size_t open_count, open_capacity;
    uint64_t newest; /* the highest number seen */
    struct smki_time looked;
    bool begun;                         /* the first look is over: what had ended before it is no news */
    bool was_open;                      /* the window, at the last look */
    uint64_t csrs;                      /* processed in this watch, by its earlier runs */
    double retry;                       /* seconds */
    bool away;                          /* the last one was the CA's key */
    char trouble[SMKI_ERROR_TEXT_SIZE]; /* the last one told of; "": none lasts */
};

/* ---- events ---- */

static void event_json(const struct watch *watch, const char *event, uint64_t batch, const char *text)
{
    cJSON *object = cJSON_CreateObject();
    char *line = NULL;

    if (json_add_time(object, "at", smki_service_now(watch->call->service)) && cJSON_AddStringToObject(object, "event", event) != NULL &&
        (batch == 0 || json_add_number(object, "batch", batch)) && cJSON_AddStringToObject(object, "text", text) != NULL)
        line = cJSON_PrintUnformatted(object);
    if (line != NULL)
        puts(line);
    cJSON_free(line);
    cJSON_Delete(object);
}

/* One line: the UK time and what happened. `batch` 0: none in particular. */
static void event(const struct watch *watch, const char *name, uint64_t batch, const char *format, ...) SMKI_PRINTF(4, 5);

static void event(const struct watch *watch, const char *name, uint64_t batch, const char *format, ...)
{
    char text[1024], time[SMKI_TIME_TEXT_SIZE];
    va_list values;

    va_start(values, format);
    vsnprintf(text, sizeof(text), format, values);
    va_end(values);
    if (watch->call->json)
        event_json(watch, name, batch, text);
    else
        printf("%s  %s\n", time_words(smki_service_now(watch->call->service), time), text);
    fflush(stdout);
}

/* ---- the window ---- */

static const struct smki_demand_limits *limits_of(const struct watch *watch)
{
    return &smki_service_config(watch->call->service)->limits;
}

static void tell_window(struct watch *watch, bool first)
{
    const struct smki_time now = smki_service_now(watch->call->service);
    const struct smki_night night = smki_night_at(limits_of(watch), now);
    const bool is_open = smki_night_is_open(limits_of(watch), now);
    char time[SMKI_TIME_TEXT_SIZE];

    if (!first && is_open == watch->was_open)
        return;
    watch->was_open = is_open;
    if (limits_of(watch)->mode[SMKI_RULE_WINDOW] != SMKI_RULE_ENFORCE) {
        if (first)
            event(watch, "window-off", 0, "the window is not enforced: work runs at any time");
    } else if (is_open) {
        event(watch, "window-opens", 0, "the window is open until %s", time_words(night.closes, time));
    } else {
        event(watch, "window-closes", 0, "the window is closed until %s", time_words(night.opens, time));
    }
}

/* ---- the batches ---- */

static void tell_end(const struct watch *watch, const struct smki_batch *batch)
{
    if (batch->state == SMKI_STATE_COMPLETED)
        event(watch, "batch-completed", batch->id,
              "batch %" PRIu64 " of Party %" PRIu64 " completed: %" PRIu32 " CSRs, %" PRIu32 " granted, %" PRIu32 " refused%s", batch->id,
              batch->party, batch->csrs, batch->granted, batch->refused,
              batch->completed_at.us > batch->due_at.us && !batch->over_quota ? "; it was due before" : "");
    else if (batch->state == SMKI_STATE_TAMPERED)
        event(watch, "batch-tampered", batch->id, "batch %" PRIu64 " of Party %" PRIu64 " is TAMPERED: %s", batch->id, batch->party,
              batch->reason);
    else
        event(watch, "batch-rejected", batch->id, "batch %" PRIu64 " of Party %" PRIu64 " is REJECTED: %s", batch->id, batch->party,
              batch->reason);
}

static void open_add(struct watch *watch, uint64_t id)
{
    if (watch->open_count == watch->open_capacity) {
        const size_t capacity = watch->open_capacity == 0 ? 64 : 2 * watch->open_capacity;
        uint64_t *grown = reallocarray(watch->open, capacity, sizeof(*grown));

        if (grown == NULL)
            return; /* its end will not be told of; its work is done all the same */
        watch->open = grown;
        watch->open_capacity = capacity;
    }
    watch->open[watch->open_count++] = id;
}

static void look_at_open(struct watch *watch)
{
    struct smki_batch batch;
    size_t kept = 0;

    for (size_t i = 0; i < watch->open_count; i++) {
        if (smki_batch_find(watch->call->service, watch->open[i], &batch, NULL) == 0 && smki_batch_state_is_final(batch.state))
            tell_end(watch, &batch);
        else
            watch->open[kept++] = watch->open[i];
    }
    watch->open_count = kept;
}

static void look_for_new(struct watch *watch)
{
    struct smki_batch batch;

    while (smki_batch_next(watch->call->service, watch->newest, &batch, NULL) == 0) {
        watch->newest = batch.id;
        if (watch->begun)
            event(watch, "batch-accepted", batch.id, "batch %" PRIu64 " of Party %" PRIu64 " came in: %" PRIu32 " CSRs%s", batch.id,
                  batch.party, batch.csrs, batch.over_quota ? ", over quota" : "");
        if (!smki_batch_state_is_final(batch.state))
            open_add(watch, batch.id);
        else if (watch->begun)
            tell_end(watch, &batch);
    }
}

static void look(struct watch *watch)
{
    look_at_open(watch);
    look_for_new(watch);
    watch->begun = true;
    watch->looked = smki_service_now(watch->call->service);
}

/* Once while it lasts, though it is met again at every look. */
static void tell_trouble(struct watch *watch, const struct smki_error *trouble)
{
    if (trouble->code != 0 && strcmp(watch->trouble, trouble->text) != 0)
        event(watch, "trouble", 0, "%s: %s%s", smki_refusal_find(trouble->code)->name, trouble->text,
              trouble->code != SMKI_CA_KEY_UNAVAILABLE ? "; the others go on" : "");
    if (trouble->code == 0 && watch->away)
        event(watch, "resumed", 0, "the CA's key can be used again");
    watch->away = trouble->code == SMKI_CA_KEY_UNAVAILABLE;
    snprintf(watch->trouble, sizeof(watch->trouble), "%s", trouble->code != 0 ? trouble->text : "");
}

/* Called about four times a second by smki_batch_run. */
static void on_progress(void *context, const struct smki_run_progress *progress)
{
    struct watch *watch = context;
    const int64_t since = smki_service_now(watch->call->service).us - watch->looked.us;

    if (progress->processed > 0)
        watch->retry = RETRY_FIRST;
    if (since >= 0 && since < LOOK_EVERY) /* a clock that was set back makes no pause */
        return;
    tell_window(watch, false);
    tell_trouble(watch, &progress->trouble);
    look(watch);
}

/* ---- troubles ---- */

/* Those that do not pass by waiting: somebody must act, and a supervisor should see the process end. */
static bool is_lasting(int code)
{
    static const int lasting[] = {SMKI_STORE_CORRUPT,  SMKI_STORE_VERSION, SMKI_STORE_MISSING,  SMKI_AUDIT_BROKEN,
                                  SMKI_CONFIG_INVALID, SMKI_HOME_MISSING,  SMKI_KEY_MISMATCH,   SMKI_KEY_PERMISSIONS,
                                  SMKI_KEY_PASSPHRASE, SMKI_KEY_TYPE,      SMKI_KEY_UNREADABLE, SMKI_SERIALS_EXHAUSTED};

    for (size_t i = 0; i < COUNT_OF(lasting); i++)
        if (lasting[i] == code)
            return true;
    return false;
}

/* False: a signal has come. */
static bool wait_out(struct watch *watch, const struct smki_error *err)
{
    const struct smki_refusal *refusal = smki_refusal_find(err->code);
    char pause[DURATION_TEXT_SIZE];

    event(watch, "trouble", 0, "%s: %s; tries again in %s", refusal->name, err->text[0] != '\0' ? err->text : refusal->text,
          duration_words(watch->retry, pause));
    if (stop_wait(watch->retry))
        return false;
    watch->retry = watch->retry * 2 < RETRY_LONGEST ? watch->retry * 2 : RETRY_LONGEST;
    return true;
}

static int watch_nights(struct watch *watch)
{
    struct call *call = watch->call;
    const struct smki_actor actor = run_actor(call);
    const struct smki_run_options options = {
        .watch = true, .workers = (unsigned)call_number(call, "workers"), .progress = on_progress, .context = watch, .stop = &stop_wished};
    int rc;

    do {
        struct smki_run_progress done = {0};

        call->err = (struct smki_error){0};
        rc = smki_batch_run(call->service, &actor, &options, &done, &call->err);
        watch->csrs += done.processed;
        look(watch);
    } while (rc != 0 && rc != SMKI_INTERRUPTED && !is_lasting(rc) && wait_out(watch, &call->err));
    return is_lasting(rc) ? rc : 0;
}

int watch_run(struct call *call)
{
    struct watch watch = {.call = call, .retry = RETRY_FIRST};
    int rc;

    stop_catch();
    look(&watch);
    event(&watch, "starts", 0, "watches %s; %zu %s open", smki_service_home(call->service), watch.open_count,
          watch.open_count == 1 ? "batch is" : "batches are");
    tell_window(&watch, true);
    rc = watch_nights(&watch);
    event(&watch, "ends", 0, "ends%s; %" PRIu64 " CSRs were processed", rc == 0 ? " on a signal" : "", watch.csrs);
    free(watch.open);
    return rc;
}
