/* The main thread: opens everything, waits for signals, renews, and closes in order. */
#include "serve/admin_i.h"
#include "serve/mbedtls_compat_i.h"
#include "serve/notify_i.h"
#include "serve/worker_i.h"

#include <errno.h>
#include <microhttpd.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define DESCRIPTORS_ELSE 100 /* store, epoll, listening sockets */

struct running {
    struct serve serve;
    struct admin *admin;
    int signals;
};

/* ---- opening ---- */

static void signals_block(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, set, NULL); /* threads made from here on inherit it */
    signal(SIGPIPE, SIG_IGN);
}

static int signals_open(struct running *running, struct smki_error *err)
{
    sigset_t set;

    signals_block(&set);
    running->signals = signalfd(-1, &set, SFD_CLOEXEC);
    return running->signals < 0 ? serve_fail_errno(err, errno, "signalfd") : 0;
}

/* As many descriptors as we may have; a connection takes three. */
static void descriptors_raise(const struct serve *serve)
{
    const uint64_t wanted = 3 * (uint64_t)serve->generation->config->http.connections + DESCRIPTORS_ELSE;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max < wanted)
        log_line(serve->program,
                 "http.connections needs %llu descriptors and there may be %llu: raise the limit (LimitNOFILE) or lower the key",
                 (unsigned long long)wanted, (unsigned long long)limit.rlim_max);
}

static unsigned processors(void)
{
    const long count = sysconf(_SC_NPROCESSORS_ONLN);

    return count > 0 ? (unsigned)count : 1;
}

static unsigned pool_size(const struct smki_config_http *http)
{
    const unsigned usual = 4 * processors();

    return http->pool != 0 ? http->pool : usual < 8 ? 8 : usual;
}

/* mbedTLS finds out about the processor at its first use, which must not be in two threads at once (CVE-2025-52496). */
static int crypto_warm_up(struct smki_error *err)
{
    mbedtls_ctr_drbg_context drbg;
    mbedtls_entropy_context entropy;
    int rc = compat_crypto_init();

    mbedtls_ctr_drbg_init(&drbg);
    mbedtls_entropy_init(&entropy);
    if (rc == 0)
        rc = mbedtls_ctr_drbg_seed(&drbg, mbedtls_entropy_func, &entropy, NULL, 0);
    mbedtls_ctr_drbg_free(&drbg);
    mbedtls_entropy_free(&entropy);
    return rc == 0 ? 0 : serve_fail(err, SMKI_RANDOM, "no random numbers to be had from the system");
}

static int workers_start(struct serve *serve, struct smki_error *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < serve->worker_count; i++)
        rc = worker_create(&serve->workers[i], serve, i, err);
    for (size_t i = 0; rc == 0 && i < serve->worker_count; i++)
        rc = worker_start(serve->workers[i], err);
    return rc;
}

static double gauge_queued(void *context)
{
    return pool_queued(context);
}

static double gauge_running(void *context)
{
    return pool_running(context);
}

static double gauge_threads(void *context)
{
    return pool_threads(context);
}

static void gauges_add(struct serve *serve)
{
    serve_gauge(serve, "smki_pool_queued", "Jobs that wait for a thread of the pool.", gauge_queued, serve->pool);
    serve_gauge(serve, "smki_pool_running", "Jobs that threads of the pool are at work on.", gauge_running, serve->pool);
    serve_gauge(serve, "smki_pool_threads", "Threads of the pool.", gauge_threads, serve->pool);
}

/* What must be known before there is a generation: how many workers. A later change of it takes a restart. */
static int workers_count(struct serve *serve, struct smki_error *err)
{
    const struct smki_config *config = smki_service_config(serve->service);

    serve->worker_count = config->http.workers != 0 ? config->http.workers : processors();
    serve->workers = calloc(serve->worker_count, sizeof(*serve->workers));
    return serve->workers != NULL ? 0 : serve_fail(err, SMKI_NO_MEMORY, "out of memory");
}

static int serve_open(struct running *running, struct smki_error *err)
{
    struct serve *serve = &running->serve;
    int rc;

    if ((rc = signals_open(running, err)) != 0 || (rc = crypto_warm_up(err)) != 0 || (rc = workers_count(serve, err)) != 0 ||
        (rc = bound_create(&serve->peers, err)) != 0 || (rc = bound_create(&serve->certificates, err)) != 0 ||
        (rc = generation_create(&serve->generation, serve, NULL, err)) != 0 ||
        (rc = pool_create(&serve->pool, pool_size(&serve->generation->config->http), err)) != 0)
        return rc;
    descriptors_raise(serve);
    gauges_add(serve);
    if (serve->options->started != NULL)
        serve->options->started(serve->options->context, serve);
    if (serve->generation->config->admin_listen[0] != '\0' &&
        (rc = admin_open(&running->admin, serve, serve->generation->config->admin_listen, err)) != 0)
        return rc;
    return workers_start(serve, err);
}

static void ready_tell(struct running *running)
{
    struct serve *serve = &running->serve;
    char status[200] = "";

    for (size_t i = 0; i < serve->generation->site_count; i++) {
        const struct serve_site *site = &serve->generation->sites[i].face;

        log_line(serve->program, "%s answers at %s%s%s (%s, %s)", site->name, site->address, site->host != NULL ? " as " : "",
                 site->host != NULL ? site->host : "", smki_network_word(site->network),
                 site->client_certificates ? "client certificates" : "one-way TLS");
        snprintf(status + strlen(status), sizeof(status) - strlen(status), "%s%s at %s", i != 0 ? ", " : "", site->name, site->address);
    }
    atomic_store(&serve->ready, true);
    notify_ready(status);
}

/* ---- reload ---- */

/* What is made once is as it was. */
static void restart_tell(const struct serve *serve, const struct smki_config *old, const struct smki_config *new)
{
    if (strcmp(old->admin_listen, new->admin_listen) != 0 || old->http.workers != new->http.workers || old->http.pool != new->http.pool)
        log_line(serve->program, "admin.listen, http.workers and http.pool have changed: that takes a restart");
}

static void reload(struct running *running)
{
    struct serve *serve = &running->serve;
    struct generation *generation = NULL;
    struct smki_error err = {0};

    notify_reloading();
    if (generation_create(&generation, serve, serve->generation, &err) == 0 && smki_service_reload(serve->service, &err) != 0) {
        generation_leave(generation);
        generation_drop(generation);
        generation = NULL;
    }
    if (generation == NULL) {
        atomic_fetch_add(&serve->metrics.reloads_failed, 1);
        log_line(serve->program, "not reloaded, all stays as it was: %s: %s", smki_refusal_find(err.code)->name, err.text);
    } else {
        restart_tell(serve, serve->generation->config, generation->config);
        generation_leave(serve->generation);
        generation_drop(serve->generation);
        serve->generation = generation;
        for (size_t i = 0; i < serve->worker_count; i++)
            worker_renew(serve->workers[i], generation_hold(generation));
        atomic_fetch_add(&serve->metrics.reloads, 1);
        log_line(serve->program, "reloaded: configuration and certificates are those of now");
    }
    ready_tell(running);
}

/* ---- closing ---- */

static void workers_stop(struct serve *serve, bool at_once)
{
    if (!atomic_exchange(&serve->stopping, true))
        generation_leave(serve->generation); /* who comes now is refused, once the workers have left it too */
    if (at_once)
        atomic_store(&serve->ending, true);
    for (size_t i = 0; i < serve->worker_count; i++) {
        if (serve->workers[i] != NULL)
            worker_wake(serve->workers[i]);
    }
}

static bool all_idle(const struct serve *serve)
{
    return atomic_load(&serve->metrics.open) == 0;
}

/* In flight is finished, until the time has run out or a second signal comes. */
static void flight_finish(struct running *running)
{
    struct serve *serve = &running->serve;
    struct pollfd wait = {.fd = running->signals, .events = POLLIN};
    const int64_t until = ticks_now() + serve->generation->config->http.stop_time;
    struct signalfd_siginfo info;
    bool again = false;

    while (!all_idle(serve) && ticks_now() < until && !again) {
        if (poll(&wait, 1, 100) > 0 && read(running->signals, &info, sizeof(info)) == sizeof(info))
            again = info.ssi_signo != SIGHUP;
    }
    if (!all_idle(serve))
        log_line(serve->program, "%u connections were cut", atomic_load(&serve->metrics.open));
}

static void serve_close(struct running *running)
{
    struct serve *serve = &running->serve;

    workers_stop(serve, true);
    for (size_t i = 0; i < serve->worker_count && serve->workers != NULL; i++)
        worker_join(serve->workers[i]);
    for (size_t i = 0; i < serve->worker_count && serve->workers != NULL; i++)
        worker_destroy(serve->workers[i]);
    free(serve->workers);
    admin_close(running->admin);
    pool_destroy(serve->pool);
    generation_drop(serve->generation);
    bound_destroy(serve->peers);
    bound_destroy(serve->certificates);
    metrics_finish(&serve->metrics);
    if (running->signals >= 0)
        close(running->signals);
}

static void signals_wait(struct running *running)
{
    struct signalfd_siginfo info;

    while (read(running->signals, &info, sizeof(info)) == sizeof(info)) {
        if (info.ssi_signo != SIGHUP)
            break;
        reload(running);
    }
}

int serve_run(const struct serve_options *options, struct smki_error *err)
{
    struct running *running = calloc(1, sizeof(*running));
    int rc;

    if (running == NULL)
        return serve_fail(err, SMKI_NO_MEMORY, "out of memory");
    running->signals = -1;
    running->serve.options = options;
    running->serve.program = options->program;
    running->serve.service = options->service;
    metrics_init(&running->serve.metrics);
    if ((rc = serve_open(running, err)) == 0) {
        log_line(options->program, "mbedTLS " MBEDTLS_VERSION_STRING ", libmicrohttpd %s, %zu workers, %u threads for requests",
                 MHD_get_version(), running->serve.worker_count, pool_threads(running->serve.pool));
        ready_tell(running);
        signals_wait(running);
        notify_stopping();
        log_line(options->program, "stopping: what is in flight is finished first");
        workers_stop(&running->serve, false);
        flight_finish(running);
    }
    serve_close(running);
    if (rc == 0)
        log_line(options->program, "stopped");
    free(running);
    return rc;
}
