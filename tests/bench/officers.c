#include "officers.h"

#include "process.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOOK        "/api/batches"
#define SAMPLES_MAX 20000
#define LIVE_SCRIPT PORTAL_PAGES "/js/live.js"

struct viewer {
    struct browser browser;
    double due, pause;
    uint64_t print; /* of the last answer */
    char etag[100];
};

struct group { /* the officers of one thread */
    struct officers *officers;
    struct viewer *viewers;
    unsigned count;
    double until;
    const char *path;
    pthread_t id;
    struct officers_result result;
    double octets, samples[SAMPLES_MAX];
    size_t sample_count;
};

struct officers {
    struct portal_world *world;
    struct group groups[WORLD_PARTIES];
    struct viewer *viewers;
    double moving, waiting; /* s, as the script has it */
};

/* ---- the script's pace ---- */

static bool pace_read(struct officers *officers)
{
    FILE *file = fopen(LIVE_SCRIPT, "r");
    char line[500];
    double ms;

    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (sscanf(line, "const SEEN = %lf", &ms) == 1)
            officers->moving = ms / 1000;
        if (sscanf(line, "const WAITING = %lf", &ms) == 1)
            officers->waiting = ms / 1000;
    }
    if (file != NULL)
        fclose(file);
    return officers->moving > 0 && officers->waiting > 0;
}

/* As js/batches.js has it: is any batch on its way, but those that only wait? */
static bool is_moving(const char *text)
{
    for (const char *at = strstr(text, "\"status\":\""); at != NULL; at = strstr(at + 1, "\"status\":\"")) {
        const char *completed = strstr(at, "\"completedAt\":"), *word = at + 10;

        if (strncmp(word, "PENDING", 7) == 0 || strncmp(word, "PARSING", 7) == 0 ||
            (strncmp(word, "PROCESSING", 10) == 0 && completed != NULL && strncmp(completed + 14, "null", 4) == 0))
            return true;
    }
    return false;
}

/* ---- one look ---- */

static uint64_t print_of(const char *at, size_t size)
{
    uint64_t print = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < size; i++)
        print = (print ^ (uint8_t)at[i]) * UINT64_C(0x100000001b3);
    return print;
}

static void etag_keep(struct viewer *viewer)
{
    const char *at = strcasestr(viewer->browser.head, "\r\nETag: "), *end = at != NULL ? strstr(at + 8, "\r\n") : NULL;

    viewer->etag[0] = '\0';
    if (end != NULL)
        snprintf(viewer->etag, sizeof(viewer->etag), "%.*s", (int)(end - at - 8), at + 8);
}

/* Of the batches: the time of the answer is behind them. */
static uint64_t print_of_batches(const struct browser *browser)
{
    const char *end = strstr(browser->body, "\"more\":");

    return print_of(browser->body, end != NULL ? (size_t)(end - browser->body) : browser->body_size);
}

static void look_count(struct group *group, struct viewer *viewer, double took)
{
    const struct browser *browser = &viewer->browser;
    const uint64_t print = print_of_batches(browser);

    group->result.asked++;
    group->octets += (double)browser->body_size;
    if (group->sample_count < SAMPLES_MAX)
        group->samples[group->sample_count++] = took * 1e3;
    if (browser->status == 304) {
        group->result.known++;
        return;
    }
    group->result.failed += browser->status != 200;
    group->result.changed += print != viewer->print;
    viewer->print = print;
    etag_keep(viewer);
}

/* An answer that is known already leaves it as it was. */
static void pause_choose(const struct group *group, struct viewer *viewer)
{
    const struct officers *officers = group->officers;
    char *text;

    if (group->path != NULL) {
        viewer->pause = officers->moving;
    } else if (viewer->browser.status == 200 && (text = browser_text(&viewer->browser)) != NULL) {
        viewer->pause = is_moving(text) ? officers->moving : officers->waiting;
        free(text);
    }
}

static void look(struct group *group, struct viewer *viewer)
{
    const double began = seconds_now();
    char known[128] = "";

    if (group->path == NULL && viewer->etag[0] != '\0')
        snprintf(known, sizeof(known), "If-None-Match: %s\r\n", viewer->etag);
    if (browser_ask(&viewer->browser,
                    &(struct browser_request){.method = "GET", .path = group->path != NULL ? group->path : LOOK, .headers = known})) {
        look_count(group, viewer, seconds_now() - began);
    } else {
        group->result.asked++;
        group->result.failed++;
    }
    pause_choose(group, viewer);
    viewer->due = seconds_now() + viewer->pause;
}

/* ---- a thread ---- */

static void sleep_until(double at)
{
    const double left = at - seconds_now();
    const struct timespec wait = {.tv_sec = (time_t)left, .tv_nsec = (long)((left - (double)(time_t)left) * 1e9)};

    if (left > 0)
        nanosleep(&wait, NULL);
}

static void *group_look(void *context)
{
    struct group *group = context;

    for (;;) {
        struct viewer *next = &group->viewers[0];

        for (unsigned i = 1; i < group->count; i++) {
            if (group->viewers[i].due < next->due)
                next = &group->viewers[i];
        }
        if (next->due >= group->until)
            return NULL;
        sleep_until(next->due);
        look(group, next);
    }
}

static void *group_open(void *context)
{
    struct group *group = context;
    struct browser_page page = {0};

    for (unsigned i = 0; i < group->count; i++) {
        struct viewer *viewer = &group->viewers[i];
        const double began = seconds_now();

        if (!browser_load(&viewer->browser, "/batches.html", "/api/session", &page) || !browser_get(&viewer->browser, LOOK))
            group->result.failed++;
        else
            look_count(group, viewer, seconds_now() - began);
        pause_choose(group, viewer);
    }
    group->result.failed += page.failed;
    return NULL;
}

/* ---- all ---- */

static int sample_order(const void *a, const void *b)
{
    const double left = *(const double *)a, right = *(const double *)b;

    return (left > right) - (left < right);
}

static void result_join(struct officers *officers, struct officers_result *out)
{
    static double all[WORLD_PARTIES * SAMPLES_MAX];
    double octets = 0;
    size_t count = 0;

    for (unsigned i = 0; i < WORLD_PARTIES; i++) {
        const struct group *group = &officers->groups[i];

        out->asked += group->result.asked;
        out->failed += group->result.failed;
        out->changed += group->result.changed;
        out->known += group->result.known;
        octets += group->octets;
        memcpy(all + count, group->samples, group->sample_count * sizeof(*all));
        count += group->sample_count;
    }
    for (unsigned i = 0; i < officers->world->officer_count; i++) {
        out->connections += officers->viewers[i].browser.connections;
        out->resumed += officers->viewers[i].browser.resumed;
    }
    qsort(all, count, sizeof(*all), sample_order);
    out->octets = out->asked > 0 ? octets / (double)out->asked : 0;
    out->p50 = count > 0 ? all[count / 2] : 0;
    out->p99 = count > 0 ? all[count - 1 - count / 100] : 0;
    out->pace = officers->moving;
}

static void groups_run(struct officers *officers, void *(*run)(void *), double seconds, const char *path, struct officers_result *out)
{
    const double began = seconds_now(), used = process_processor(officers->world->portal);

    *out = (struct officers_result){0};
    for (unsigned i = 0; i < officers->world->officer_count; i++) /* people do not look at the same moment */
        officers->viewers[i].due = began + officers->moving * i / officers->world->officer_count;
    for (unsigned i = 0; i < WORLD_PARTIES; i++) {
        struct group *group = &officers->groups[i];

        group->result = (struct officers_result){0};
        group->octets = 0;
        group->sample_count = 0;
        group->until = began + seconds;
        group->path = path;
        pthread_create(&group->id, NULL, run, group);
    }
    for (unsigned i = 0; i < WORLD_PARTIES; i++)
        pthread_join(officers->groups[i].id, NULL);
    if (seconds > 0)
        sleep_until(began + seconds);
    out->seconds = seconds_now() - began;
    out->processor = process_processor(officers->world->portal) - used;
    result_join(officers, out);
}

bool officers_open(struct officers **out, struct portal_world *world, struct officers_result *result)
{
    struct officers *officers = calloc(1, sizeof(*officers));
    const unsigned share = world->officer_count / WORLD_PARTIES;

    *out = officers;
    if (officers == NULL || !pace_read(officers) || (officers->viewers = calloc(world->officer_count, sizeof(struct viewer))) == NULL)
        return false;
    officers->world = world;
    for (unsigned i = 0; i < world->officer_count; i++)
        officers->viewers[i].browser =
            (struct browser){.context = world->officers[i].context, .port = world->device, .from = world->officers[i].from};
    for (unsigned i = 0; i < WORLD_PARTIES; i++)
        officers->groups[i] = (struct group){.officers = officers,
                                             .viewers = officers->viewers + i * share,
                                             .count = i + 1 < WORLD_PARTIES ? share : world->officer_count - i * share};
    groups_run(officers, group_open, 0, NULL, result);
    return result->failed == 0;
}

bool officers_look(struct officers *officers, double seconds, const char *path, struct officers_result *result)
{
    groups_run(officers, group_look, seconds, path, result);
    return result->failed == 0;
}

unsigned officers_standing(const struct officers *officers)
{
    unsigned count = 0;

    for (unsigned i = 0; i < officers->world->officer_count; i++)
        count += officers->viewers[i].browser.ssl != NULL;
    return count;
}

void officers_close(struct officers *officers)
{
    if (officers == NULL)
        return;
    for (unsigned i = 0; officers->viewers != NULL && i < officers->world->officer_count; i++)
        browser_finish(&officers->viewers[i].browser);
    free(officers->viewers);
    free(officers);
}
