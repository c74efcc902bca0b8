/* The main thread: opens everything, waits for signals, renews, and closes in order. */
#include "serve/admin_i.h"
#include "serve/mbedtls_compat_i.h"
#include "serve/notify_i.h"
#include "serve/request_i.h"

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

#define LAST_TIME 5 /* s, for all to end after what was in flight was cut */

struct running {
    struct serve serve;
    struct admin *admin;          /* NULL: none is wanted */
    struct smki_config_http http; /* as it was at the start */
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
    signal(SIGTSTP, SIG_IGN); /* stopped in a change, it would keep the store from everybody else */
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

/* Most of their time they wait for a durable write, which all that wait share: the more, the fewer writes. */
static unsigned pool_size(const struct smki_config_http *http)
{
    const unsigned usual = 8 * processors();

    return http->pool != 0 ? http->pool : usual < 32 ? 32 : usual;
}

/* mbedTLS finds out about the processor at its first use, which must not be in two threads at once (CVE-2025-52496). */
static int crypto_warm_up(struct smki_error *err)
{
    mbedtls_ctr_drbg_context drbg;
    int rc = compat_crypto_init();

    mbedtls_ctr_drbg_init(&drbg);
    if (rc == 0)
        rc = mbedtls_ctr_drbg_seed(&drbg, tls_entropy, NULL, NULL, 0);
    mbedtls_ctr_drbg_free(&drbg);
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

/* *out: the listener of this configuration, which may be the one that is there, or NULL. */
static int admin_renew(struct admin **out, struct running *running, const struct smki_config *config, struct smki_error *err)
{
    struct serve *serve = &running->serve;
    const char *address = serve->options->admin != NULL ? serve->options->admin(config) : config->admin_listen;

    if (serve->options->listen_admin != NULL)
        address = serve->options->listen_admin;
    *out = running->admin;
    if (running->admin != NULL && strcmp(admin_address(running->admin), address) == 0)
        return 0;
    *out = NULL;
    return address[0] != '\0' ? admin_open(out, serve, address, err) : 0;
}

static int serve_open(struct running *running, struct smki_error *err)
{
    struct serve *serve = &running->serve;
    int rc;

    if ((rc = signals_open(running, err)) != 0 || (rc = crypto_warm_up(err)) != 0 || (rc = workers_count(serve, err)) != 0 ||
        (rc = bound_create(&serve->peers, err)) != 0 || (rc = bound_create(&serve->certificates, err)) != 0 ||
        (rc = generation_create(&serve->generation, serve, smki_service_config(serve->service), NULL, err)) != 0 ||
        (rc = pool_create(&serve->pool, pool_size(&serve->generation->config->http), work_shared, err)) != 0)
        return rc;
    descriptors_raise(serve);
    gauges_add(serve);
    if (serve->options->started != NULL)
        serve->options->started(serve->options->context, serve);
    running->http = serve->generation->config->http;
    if ((rc = admin_renew(&running->admin, running, serve->generation->config, err)) != 0)
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
    if (running->admin != NULL)
        log_line(serve->program, "health and metrics are at %s", admin_address(running->admin));
    atomic_store(&serve->ready, true);
    notify_ready(status);
}

/* ---- reload ---- */

/* What is made once is as it was. */
static void restart_tell(const struct running *running, const struct smki_config_http *http)
{
    if (running->http.workers != http->workers)
        log_line(running->serve.program, "http.workers has changed: that takes a restart");
    if (running->http.pool != http->pool)
        log_line(running->serve.program, "http.pool has changed: that takes a restart");
}

/* Everything of this configuration, or nothing: the service has the last word. */
static int fresh_open(struct running *running, const struct smki_config *config, struct generation **generation, struct admin **admin,
                      struct smki_error *err)
{
    struct serve *serve = &running->serve;
    int rc;

    *admin = running->admin;
    if ((rc = generation_create(generation, serve, config, serve->generation, err)) != 0)
        return rc;
    if ((rc = admin_renew(admin, running, config, err)) == 0 && (rc = smki_service_configure(serve->service, config, err)) == 0)
        return 0;
    if (*admin != running->admin)
        admin_close(*admin);
    generation_forget(*generation);
    return rc;
}

static void fresh_take(struct running *running, struct generation *generation, struct admin *admin)
{
    struct serve *serve = &running->serve;

    generation_forget(serve->generation);
    serve->generation = generation;
    for (size_t i = 0; i < serve->worker_count; i++)
        worker_renew(serve->workers[i], generation_hold(generation));
    if (running->admin != admin)
        admin_close(running->admin);
    running->admin = admin;
}

static int config_read(struct smki_config *out, const struct serve *serve, struct smki_error *err)
{
    char path[4096];

    snprintf(path, sizeof(path), "%s/%s", smki_service_home(serve->service), SMKI_HOME_CONFIG);
    return smki_config_read(out, path, err);
}

static void reload(struct running *running)
{
    struct serve *serve = &running->serve;
    struct smki_config config;
    struct generation *generation;
    struct admin *admin;
    struct smki_error err = {0};

    notify_reloading();
    if (config_read(&config, serve, &err) != 0 || fresh_open(running, &config, &generation, &admin, &err) != 0) {
        atomic_fetch_add(&serve->metrics.reloads_failed, 1);
    } else {
        fresh_take(running, generation, admin);
        atomic_fetch_add(&serve->metrics.reloads, 1);
        log_line(serve->program, "reloaded: configuration and certificates are those of now");
        restart_tell(running, &config.http);
    }
    ready_tell(running);
    if (err.code != 0) /* the last line is what people look at */
        log_line(serve->program, "not reloaded, all stays as it was: %s: %s", smki_refusal_find(err.code)->name, err.text);
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

/* What the last resort says, made beforehand: a signal's handler may not. */
static char last_line[200];

static void on_last(int number)
{
    (void)number;
    (void)!write(STDERR_FILENO, last_line, strlen(last_line));
    _exit(EXIT_FAILURE);
}

/* A request whose work does not come back, or a connection that the library does not let go of, would be waited for without end. The store
 * can be left at any moment. 0 s: all has ended. */
static void last_resort(const struct serve *serve, unsigned seconds)
{
    struct sigaction action = {.sa_handler = on_last};

    snprintf(last_line, sizeof(last_line), "%s: stopped without waiting for what had not ended %d s after it was cut\n", serve->program,
             LAST_TIME);
    sigaction(SIGALRM, &action, NULL);
    alarm(seconds);
}

static void serve_close(struct running *running)
{
    struct serve *serve = &running->serve;

    workers_stop(serve, true);
    for (size_t i = 0; i < serve->worker_count && serve->workers != NULL; i++)
        worker_join(serve->workers[i]);
    admin_close(running->admin); /* it tells of the pool */
    pool_destroy(serve->pool);   /* a thread that has handed a worker its last request back may not have woken it yet */
    for (size_t i = 0; i < serve->worker_count && serve->workers != NULL; i++)
        worker_destroy(serve->workers[i]);
    free(serve->workers);
    generation_drop(serve->generation);
    bound_destroy(serve->peers);
    bound_destroy(serve->certificates);
    refusals_close(&serve->refusals, serve->program, ticks_now(), true);
    refusals_finish(&serve->refusals);
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
    refusals_init(&running->serve.refusals);
    if ((rc = serve_open(running, err)) == 0) {
        log_line(options->program, "mbedTLS " MBEDTLS_VERSION_STRING ", libmicrohttpd %s, %zu workers, %u threads for requests",
                 MHD_get_version(), running->serve.worker_count, pool_threads(running->serve.pool));
        ready_tell(running);
        signals_wait(running);
        notify_stopping();
        log_line(options->program, "stopping: what is in flight is finished first");
        workers_stop(&running->serve, false);
        flight_finish(running);
        last_resort(&running->serve, LAST_TIME);
    }
    serve_close(running);
    last_resort(&running->serve, 0);
    if (rc == 0)
        log_line(options->program, "stopped");
    free(running);
    return rc;
}
