/* The night, the Party's demand, and whose turn it is when. */
#include "portal/portal_i.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FRESH_SECONDS                                                                                                                      \
    2 /* a plan of the whole queue serves everybody for as long: pages ask every few seconds, and there are hundreds of them */

#define NIGHTS 64 /* Parties whose picture of the night is kept; two of one place take turns */

struct night {
    uint64_t party;
    char *text; /* NULL: none */
    double at;
};

struct turns {
    pthread_mutex_t lock;
    struct night nights[NIGHTS];
    struct smki_plan_item *items; /* in the order of the night */
    uint64_t *before;             /* of each: CSRs of those before it */
    size_t count;
    bool there;
    double at;       /* seconds of the monotonic clock */
    double stale_at; /* what was begun before is stale */
};

int turns_begin(struct portal *portal, struct smki_error *err)
{
    struct turns *turns = calloc(1, sizeof(*turns));

    if (turns == NULL) {
        snprintf(err->text, sizeof(err->text), "out of memory");
        return SMKI_NO_MEMORY;
    }
    pthread_mutex_init(&turns->lock, NULL);
    portal->turns = turns;
    return 0;
}

void turns_end(struct portal *portal)
{
    struct turns *turns = portal->turns;

    if (turns == NULL)
        return;
    pthread_mutex_destroy(&turns->lock);
    for (size_t i = 0; i < NIGHTS; i++)
        cJSON_free(turns->nights[i].text);
    free(turns->items);
    free(turns->before);
    free(turns);
}

static double seconds_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void turns_stale(struct portal *portal)
{
    pthread_mutex_lock(&portal->turns->lock);
    portal->turns->there = false;
    portal->turns->stale_at = seconds_now();
    pthread_mutex_unlock(&portal->turns->lock);
}

/* The lock is held. */
static int turns_read(struct turns *turns, struct smki_service *service, struct smki_error *err)
{
    struct smki_plan_item *items;
    uint64_t *before, sum = 0;
    double rate;
    size_t count;
    int rc = smki_batch_plan(service, smki_service_now(service), &items, &count, &rate, err);

    if (rc != 0)
        return rc;
    if ((before = calloc(count + 1, sizeof(*before))) == NULL) {
        free(items);
        return SMKI_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        before[i] = sum;
        sum += items[i].remaining;
    }
    free(turns->items);
    free(turns->before);
    turns->items = items;
    turns->before = before;
    turns->count = count;
    turns->there = true;
    turns->at = seconds_now();
    return 0;
}

static void turn_find(const struct turns *turns, uint64_t batch, struct turn *out)
{
    for (size_t i = 0; i < turns->count; i++) {
        const struct smki_plan_item *item = &turns->items[i];

        if (item->batch != batch)
            continue;
        *out = (struct turn){
            .place = i + 1, .before = turns->before[i], .starts = item->starts, .finishes = item->finishes, .at_risk = item->at_risk};
        return;
    }
}

int turn_of(struct serve_request *request, uint64_t batch, struct turn *out, struct smki_error *err)
{
    struct turns *turns = portal_of(request)->turns;
    int rc = 0;

    *out = (struct turn){0};
    pthread_mutex_lock(&turns->lock);
    if (!turns->there || seconds_now() - turns->at > FRESH_SECONDS)
        rc = turns_read(turns, serve_service(request), err);
    if (rc == 0)
        turn_find(turns, batch, out);
    pthread_mutex_unlock(&turns->lock);
    return rc;
}

/* ---- as the library tells them ---- */

static uint64_t party_of(const struct serve_request *request)
{
    return serve_identity(request)->actor.party;
}

/* What the Party was shown a moment ago; NULL: nothing. */
static cJSON *night_find(struct turns *turns, uint64_t party)
{
    const struct night *night = &turns->nights[party % NIGHTS];
    cJSON *json = NULL;

    pthread_mutex_lock(&turns->lock);
    if (night->text != NULL && night->party == party && night->at > turns->stale_at && seconds_now() - night->at <= FRESH_SECONDS)
        json = cJSON_CreateRaw(night->text);
    pthread_mutex_unlock(&turns->lock);
    return json;
}

/* `at`: when it was begun, so that what has changed meanwhile makes it stale. */
static void night_keep(struct turns *turns, uint64_t party, const cJSON *json, double at)
{
    struct night *night = &turns->nights[party % NIGHTS];
    char *text = cJSON_PrintUnformatted(json);

    pthread_mutex_lock(&turns->lock);
    cJSON_free(night->text);
    *night = (struct night){.party = party, .text = text, .at = at};
    pthread_mutex_unlock(&turns->lock);
}

int night_answer(struct serve_request *request, struct smki_error *err)
{
    struct turns *turns = portal_of(request)->turns;
    struct smki_service *service = serve_service(request);
    const double begun = seconds_now();
    cJSON *json = night_find(turns, party_of(request));
    int rc;

    if (json == NULL) {
        if ((rc = smki_night_json(&json, service, party_of(request), smki_service_now(service), err)) != 0)
            return rc;
        night_keep(turns, party_of(request), json, begun);
    }
    return answer_json(request, 200, json);
}

int demand_answer(struct serve_request *request, struct smki_error *err)
{
    struct smki_service *service = serve_service(request);
    cJSON *json = NULL;
    int rc = smki_demand_json(&json, service, party_of(request), smki_service_now(service), err);

    return rc != 0 ? rc : answer_json(request, 200, json);
}

/* "0" is a number here, and so is what is left out: then only what is left is asked for. */
static int csrs_read(uint32_t *out, const char *text, struct smki_error *err)
{
    const uint64_t csrs = text != NULL ? path_number(text, "") : 0;

    *out = (uint32_t)csrs;
    if (csrs <= UINT32_MAX && (csrs > 0 || text == NULL || strcmp(text, "0") == 0))
        return 0;
    snprintf(err->text, sizeof(err->text), "csrs: a whole number of CSRs, 0 or more, in digits alone");
    return SMKI_INVALID_ARGUMENT;
}

int forecast_answer(struct serve_request *request, struct smki_error *err)
{
    struct smki_service *service = serve_service(request);
    cJSON *json = NULL;
    uint32_t csrs;
    int rc = csrs_read(&csrs, serve_query(request, "csrs", NULL), err);

    if (rc == 0)
        rc = smki_forecast_json(&json, service, party_of(request), csrs, smki_service_now(service), err);

    return rc != 0 ? rc : answer_json(request, 200, json);
}
