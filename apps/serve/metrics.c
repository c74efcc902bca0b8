/* Counting: atomic where it is done for every request, under a lock where the program names what it counts. */
#include "serve/metrics_i.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct named_count { /* in the order of name and label */
    struct named_count *next;
    char *name, *label, *help;
    uint64_t value;
};

struct named_gauge {
    struct named_gauge *next;
    char *name, *help;
    double (*value)(void *context);
    void *context;
};

const double metrics_bounds[METRICS_BUCKETS] = {.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60};

void metrics_init(struct metrics *metrics)
{
    pthread_mutex_init(&metrics->lock, NULL);
    metrics->started = (int64_t)time(NULL);
}

void metrics_finish(struct metrics *metrics)
{
    for (struct named_count *count = metrics->counts, *next; count != NULL; count = next) {
        next = count->next;
        free(count->name);
        free(count->label);
        free(count->help);
        free(count);
    }
    for (struct named_gauge *gauge = metrics->gauges, *next; gauge != NULL; gauge = next) {
        next = gauge->next;
        free(gauge->name);
        free(gauge->help);
        free(gauge);
    }
    pthread_mutex_destroy(&metrics->lock);
}

struct metrics_site *metrics_site(struct metrics *metrics, const char *name)
{
    const unsigned sites = atomic_load(&metrics->sites);
    struct metrics_site *site = &metrics->site[METRICS_SITES - 1];

    for (unsigned i = 0; i < sites; i++) {
        if (strcmp(metrics->site[i].name, name) == 0)
            return &metrics->site[i];
    }
    if (sites < METRICS_SITES) { /* only the main thread adds sites */
        site = &metrics->site[sites];
        snprintf(site->name, sizeof(site->name), "%s", name);
        atomic_store(&metrics->sites, sites + 1);
    }
    return site;
}

void metrics_request(struct metrics_site *site, unsigned status, int64_t duration)
{
    size_t bucket = 0;

    while (bucket < METRICS_BUCKETS && (double)duration > metrics_bounds[bucket] * 1e6)
        bucket++;
    if (status >= 100 && status < 600)
        atomic_fetch_add_explicit(&site->status[status - 100], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&site->bucket[bucket], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&site->duration, (uint64_t)(duration > 0 ? duration : 0), memory_order_relaxed);
}

/* The counter's place, made when it is not there; NULL: no memory, and then it is not counted. */
static struct named_count *count_find(struct metrics *metrics, const char *name, const char *label)
{
    struct named_count **at = &metrics->counts, *count;
    int order = 1;

    for (; *at != NULL; at = &(*at)->next) {
        order = strcmp((*at)->name, name);
        if (order == 0)
            order = strcmp((*at)->label, label);
        if (order >= 0)
            break;
    }
    if (*at != NULL && order == 0)
        return *at;
    count = calloc(1, sizeof(*count));
    if (count == NULL || (count->name = strdup(name)) == NULL || (count->label = strdup(label)) == NULL) {
        if (count != NULL)
            free(count->name);
        free(count);
        return NULL;
    }
    count->next = *at;
    *at = count;
    return count;
}

void metrics_count(struct metrics *metrics, const char *name, const char *label, uint64_t more)
{
    struct named_count *count;

    pthread_mutex_lock(&metrics->lock);
    if ((count = count_find(metrics, name, label != NULL ? label : "")) != NULL)
        count->value += more;
    pthread_mutex_unlock(&metrics->lock);
}

/* The help lies with the counter without label, which is only shown when it was counted. */
void metrics_count_help(struct metrics *metrics, const char *name, const char *help)
{
    struct named_count *count;

    pthread_mutex_lock(&metrics->lock);
    if ((count = count_find(metrics, name, "")) != NULL && count->help == NULL)
        count->help = strdup(help);
    pthread_mutex_unlock(&metrics->lock);
}

void metrics_gauge(struct metrics *metrics, const char *name, const char *help, double (*value)(void *context), void *context)
{
    struct named_gauge *gauge = calloc(1, sizeof(*gauge));

    if (gauge == NULL || (gauge->name = strdup(name)) == NULL || (gauge->help = strdup(help)) == NULL) {
        if (gauge != NULL)
            free(gauge->name);
        free(gauge);
        return;
    }
    gauge->value = value;
    gauge->context = context;
    pthread_mutex_lock(&metrics->lock);
    gauge->next = metrics->gauges;
    metrics->gauges = gauge;
    pthread_mutex_unlock(&metrics->lock);
}

static int counts_text(const struct metrics *metrics, struct smki_buffer *out, struct smki_error *err)
{
    const char *last = "";
    int rc = 0;

    for (const struct named_count *count = metrics->counts; rc == 0 && count != NULL; count = count->next) {
        const bool alone = count->label[0] == '\0';

        if (strcmp(count->name, last) != 0)
            rc = smki_buffer_printf(out, err, "# HELP %s %s\n# TYPE %s counter\n", count->name,
                                    count->help != NULL ? count->help : "Counted by the program.", count->name);
        last = count->name;
        if (rc == 0 && alone && (count->value != 0 || count->next == NULL || strcmp(count->next->name, last) != 0))
            rc = smki_buffer_printf(out, err, "%s %llu\n", last, (unsigned long long)count->value);
        else if (rc == 0 && !alone)
            rc = smki_buffer_printf(out, err, "%s{%s} %llu\n", last, count->label, (unsigned long long)count->value);
    }
    return rc;
}

int metrics_named_text(struct metrics *metrics, struct smki_buffer *out, struct smki_error *err)
{
    int rc;

    pthread_mutex_lock(&metrics->lock);
    rc = counts_text(metrics, out, err);
    for (const struct named_gauge *gauge = metrics->gauges; rc == 0 && gauge != NULL; gauge = gauge->next)
        rc = smki_buffer_printf(out, err, "# HELP %s %s\n# TYPE %s gauge\n%s %g\n", gauge->name, gauge->help, gauge->name, gauge->name,
                                gauge->value(gauge->context));
    pthread_mutex_unlock(&metrics->lock);
    return rc;
}
