/* A client as fast as OpenSSL is, so that what is measured is the server. */
#include "http_load.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define SAMPLES_MAX   200000
#define UPLOAD_SIZE   200000
#define STAND_SECONDS 30 /* for connections to stand */

struct client {
    struct thread *thread;
    SSL *ssl;
    SSL_SESSION *session;
    int fd;
    enum { CLIENT_HANDSHAKE, CLIENT_WRITE, CLIENT_READ, CLIENT_STAYS } state;
    unsigned number, requests;
    const char *request;
    size_t request_size, sent, body_left;
    char head[1024];
    size_t head_size;
    bool in_body, wrong; /* wrong: the answer is not the one that was hoped for */
    double since;
    char own[LOAD_REQUEST_MAX], body[4096]; /* with load->next */
    size_t body_size;
};

struct thread {
    const struct load *load;
    SSL_CTX *contexts[LOAD_IDENTITIES_MAX];
    pthread_barrier_t *ready; /* all connections of all threads stand */
    int epoll;
    unsigned count, standing;
    unsigned turn; /* by rate: whose it is next, among those that stand by */
    struct client *clients;
    double until, last;       /* last: when the latest answer came */
    double due;               /* by rate: when the next request is */
    unsigned short chance[3]; /* by rate: for the moments */
    bool began, over;         /* with load->next: the time has begun; there are no more requests */
    struct load_result result;
    float *samples;
    size_t sample_count;
    pthread_t id;
};

static char get_target[300], get_target_close[300];
static const char get_download[] = "GET /download?mb=1 HTTP/1.1\r\nHost: localhost\r\n\r\n";
static char post_upload[UPLOAD_SIZE + 200];
static size_t post_upload_size;

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* ---- one connection ---- */

static void request_begin(struct client *client)
{
    client->sent = client->head_size = client->body_size = 0;
    client->in_body = client->wrong = false;
    client->state = CLIENT_WRITE;
}

/* Of load->next; the connection stands by when there is none, or none is due. */
static void own_choose(struct client *client)
{
    struct thread *thread = client->thread;

    client->state = CLIENT_STAYS;
    if (!thread->began || thread->over || (thread->load->rate > 0 && now() < thread->due))
        return;
    client->since = now();
    if (thread->load->rate > 0) {
        client->since = thread->due;
        thread->due += -log(1 - erand48(thread->chance)) * thread->load->threads / thread->load->rate;
    }
    client->request = client->own;
    client->request_size = thread->load->next(thread->load->context, client->own, sizeof(client->own));
    thread->over = client->request_size == 0;
    if (!thread->over)
        request_begin(client);
}

static void request_choose(struct client *client)
{
    const enum load_kind kind = client->thread->load->kind;

    client->request = kind == LOAD_FULL || kind == LOAD_RESUMED ? get_target_close : get_target;
    if (kind == LOAD_MIXED && client->number % 4 == 1)
        client->request = get_download;
    client->request_size = strlen(client->request);
    if (kind == LOAD_MIXED && client->number % 4 == 2) {
        client->request = post_upload;
        client->request_size = post_upload_size;
    }
    request_begin(client);
}

static bool client_open(struct client *client)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)client->thread->load->port)};
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = client};
    const int yes = 1;

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    client->since = now();
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client->fd < 0 || connect(client->fd, (struct sockaddr *)&to, sizeof(to)) != 0)
        return false;
    fcntl(client->fd, F_SETFL, O_NONBLOCK);
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    client->ssl = SSL_new(client->thread->contexts[client->number % client->thread->load->identity_count]);
    SSL_set_fd(client->ssl, client->fd);
    SSL_set_connect_state(client->ssl);
    if (client->session != NULL)
        SSL_set_session(client->ssl, client->session);
    client->state = CLIENT_HANDSHAKE;
    client->requests = 0;
    return epoll_ctl(client->thread->epoll, EPOLL_CTL_ADD, client->fd, &event) == 0;
}

static void client_close(struct client *client)
{
    if (client->ssl != NULL) {
        if (client->thread->load->kind == LOAD_RESUMED && client->session == NULL)
            client->session = SSL_get1_session(client->ssl);
        SSL_shutdown(client->ssl);
        SSL_free(client->ssl);
    }
    if (client->fd >= 0)
        close(client->fd);
    client->ssl = NULL;
    client->fd = -1;
}

/* As much of a body as is looked at. */
static void body_take(struct client *client, const char *at, size_t size)
{
    const size_t room = sizeof(client->body) - 1 - client->body_size;

    if (client->thread->load->expected == NULL)
        return;
    size = size < room ? size : room;
    memcpy(client->body + client->body_size, at, size);
    client->body_size += size;
    client->body[client->body_size] = '\0';
}

/* Takes octets of the reply; true: it is whole. */
static bool reply_take(struct client *client, const char *at, size_t size)
{
    const char *end, *length, *status = client->thread->load->status;
    size_t more;

    client->thread->result.octets += size;
    if (!client->in_body) {
        more = size < sizeof(client->head) - 1 - client->head_size ? size : sizeof(client->head) - 1 - client->head_size;
        memcpy(client->head + client->head_size, at, more);
        client->head_size += more;
        client->head[client->head_size] = '\0';
        end = strstr(client->head, "\r\n\r\n");
        if (end == NULL)
            return false;
        length = strcasestr(client->head, "Content-Length: ");
        client->body_left = length != NULL && length < end ? strtoul(length + 16, NULL, 10) : 0;
        client->in_body = true;
        at += (size_t)(end + 4 - client->head) - (client->head_size - more);
        size -= (size_t)(end + 4 - client->head) - (client->head_size - more);
        client->wrong = strncmp(client->head + 9, status != NULL ? status : "200", 3) != 0;
    }
    body_take(client, at, size);
    client->body_left -= size < client->body_left ? size : client->body_left;
    return client->body_left == 0;
}

static void sample(struct client *client)
{
    struct thread *thread = client->thread;

    if (thread->load->expected != NULL && strstr(client->body, thread->load->expected) == NULL)
        client->wrong = true;
    thread->last = now();
    thread->result.done += !client->wrong || thread->load->next == NULL;
    thread->result.failed += client->wrong;
    if (thread->sample_count < SAMPLES_MAX)
        thread->samples[thread->sample_count++] = (float)(thread->last - client->since);
}

/* A reply is whole: what next? false: the connection is done with. */
static bool reply_done(struct client *client)
{
    const enum load_kind kind = client->thread->load->kind;

    sample(client);
    client->requests++;
    if (kind == LOAD_FULL || kind == LOAD_RESUMED || (kind == LOAD_MIXED && client->number % 4 == 3) ||
        strcasestr(client->head, "Connection: close") != NULL)
        return false;
    if (kind == LOAD_IDLE) {
        client->state = CLIENT_STAYS;
        client->thread->standing++;
        return true;
    }
    if (client->thread->load->next != NULL) {
        own_choose(client);
        return true;
    }
    client->since = now();
    request_choose(client);
    return true;
}

/* false: it has ended. */
static bool client_step(struct client *client, bool *blocked)
{
    static __thread char octets[16384];
    size_t size = 0;
    int rc = 1;

    *blocked = false;
    switch (client->state) {
    case CLIENT_HANDSHAKE:
        if ((rc = SSL_do_handshake(client->ssl)) == 1) {
            client->thread->result.resumed += SSL_session_reused(client->ssl) == 1;
            client->thread->standing += client->thread->load->next != NULL;
            if (client->thread->load->next != NULL)
                own_choose(client);
            else
                request_choose(client);
        }
        break;
    case CLIENT_WRITE:
        if ((rc = SSL_write_ex(client->ssl, client->request + client->sent, client->request_size - client->sent, &size)) == 1)
            client->sent += size;
        if (client->sent == client->request_size)
            client->state = CLIENT_READ;
        break;
    case CLIENT_READ:
        if ((rc = SSL_read_ex(client->ssl, octets, sizeof(octets), &size)) == 1 && reply_take(client, octets, size))
            return reply_done(client);
        break;
    case CLIENT_STAYS:
        *blocked = true;
        return true;
    }
    if (rc == 1)
        return true;
    rc = SSL_get_error(client->ssl, rc);
    *blocked = rc == SSL_ERROR_WANT_READ || rc == SSL_ERROR_WANT_WRITE;
    if (!*blocked)
        client->thread->result.failed++;
    ERR_clear_error();
    return *blocked;
}

static void client_go(struct client *client)
{
    bool blocked = false;

    while (!blocked && client->fd >= 0) {
        if (client_step(client, &blocked))
            continue;
        client_close(client);
        if (now() < client->thread->until && !client_open(client))
            client->thread->result.failed++;
    }
}

/* ---- a thread ---- */

static void events_take(struct thread *thread, double seconds)
{
    const struct timespec wait = {.tv_sec = (time_t)seconds, .tv_nsec = (long)((seconds - floor(seconds)) * 1e9)};
    struct epoll_event events[128];
    const int count = epoll_pwait2(thread->epoll, events, 128, &wait, NULL);

    for (int i = 0; i < count; i++)
        client_go(events[i].data.ptr);
}

/* Those that stand by and have something to ask, ask. */
static void standing_go(struct thread *thread)
{
    const unsigned first = thread->turn;

    for (unsigned i = 0; i < thread->count && !thread->over; i++) {
        struct client *client = &thread->clients[(first + i) % thread->count];

        if (client->state != CLIENT_STAYS || client->fd < 0)
            continue;
        if (thread->load->rate > 0 && now() < thread->due)
            return;
        own_choose(client);
        client_go(client);
        if (thread->load->rate > 0)
            thread->turn = client->number / thread->load->threads + 1;
    }
}

static bool all_stand_by(const struct thread *thread)
{
    for (unsigned i = 0; i < thread->count; i++)
        if (thread->clients[i].state != CLIENT_STAYS && thread->clients[i].fd >= 0)
            return false;
    return true;
}

/* Requests of one's own: first all connections stand, then the time begins for all threads at once. */
static void own_main(struct thread *thread)
{
    while (thread->standing < thread->count && now() < thread->until)
        events_take(thread, 0.1);
    pthread_barrier_wait(thread->ready);
    thread->due = now();
    thread->until = thread->due + thread->load->seconds;
    thread->began = true;
    while (now() < thread->until && !(thread->over && all_stand_by(thread))) {
        const double wait = thread->load->rate > 0 ? thread->due - now() : 0.1;

        standing_go(thread);
        events_take(thread, wait <= 0 ? 0.001 : wait < 0.1 ? wait : 0.1);
    }
}

static void *thread_main(void *context)
{
    struct thread *thread = context;

    for (unsigned i = 0; i < thread->count; i++) {
        if (!client_open(&thread->clients[i]))
            thread->result.failed++;
    }
    if (thread->load->next != NULL) {
        own_main(thread);
        return NULL;
    }
    while (now() < thread->until && !(thread->load->kind == LOAD_IDLE && thread->standing == thread->count))
        events_take(thread, 0.1);
    return NULL;
}

static int sample_order(const void *a, const void *b)
{
    const float left = *(const float *)a, right = *(const float *)b;

    return (left > right) - (left < right);
}

static SSL_CTX *context_make(const struct load_identity *identity)
{
    const char *dot = strrchr(identity->certificate, '.');
    const int type = dot != NULL && strcmp(dot, ".der") == 0 ? SSL_FILETYPE_ASN1 : SSL_FILETYPE_PEM;
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());

    SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(context, "ECDHE-RSA-AES256-GCM-SHA384");
    SSL_CTX_set1_groups_list(context, "X25519:P-256");
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE);
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
    if (SSL_CTX_use_certificate_file(context, identity->certificate, type) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, identity->key, SSL_FILETYPE_PEM) != 1) {
        SSL_CTX_free(context);
        return NULL;
    }
    return context;
}

static bool thread_open(struct thread *thread, const struct load *load, unsigned first, unsigned count)
{
    bool right = true;

    *thread = (struct thread){.load = load, .count = count, .until = now() + (load->next != NULL ? STAND_SECONDS : load->seconds)};
    thread->chance[0] = (unsigned short)first;
    for (unsigned i = 0; i < load->identity_count; i++)
        right = (thread->contexts[i] = context_make(&load->identities[i])) != NULL && right;
    thread->epoll = epoll_create1(EPOLL_CLOEXEC);
    thread->clients = calloc(count, sizeof(*thread->clients));
    thread->samples = malloc(SAMPLES_MAX * sizeof(*thread->samples));
    if (!right || thread->epoll < 0 || thread->clients == NULL || thread->samples == NULL)
        return false;
    for (unsigned i = 0; i < count; i++)
        thread->clients[i] = (struct client){.thread = thread, .fd = -1, .number = first + i * load->threads};
    return true;
}

static void thread_close(struct thread *thread)
{
    for (unsigned i = 0; i < thread->count; i++) {
        client_close(&thread->clients[i]);
        SSL_SESSION_free(thread->clients[i].session);
    }
    free(thread->clients);
    free(thread->samples);
    for (unsigned i = 0; i < thread->load->identity_count; i++)
        SSL_CTX_free(thread->contexts[i]);
    close(thread->epoll);
}

static void result_join(struct load_result *out, struct thread *threads, unsigned count)
{
    float *all = malloc(count * SAMPLES_MAX * sizeof(*all));
    size_t size = 0;

    for (unsigned i = 0; i < count; i++) {
        out->done += threads[i].result.done;
        out->failed += threads[i].result.failed;
        out->resumed += threads[i].result.resumed;
        out->octets += threads[i].result.octets;
        for (size_t k = 0; all != NULL && k < threads[i].sample_count; k++)
            all[size++] = threads[i].samples[k];
    }
    if (all != NULL && size > 0) {
        qsort(all, size, sizeof(*all), sample_order);
        out->p50 = all[size / 2] * 1e3;
        out->p99 = all[size - 1 - size / 100] * 1e3;
        out->max = all[size - 1] * 1e3;
    }
    free(all);
}

static void requests_write(const struct load *load)
{
    const char *target = load->target != NULL ? load->target : "/quick";

    snprintf(get_target, sizeof(get_target), "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", target);
    snprintf(get_target_close, sizeof(get_target_close), "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", target);
    post_upload_size = (size_t)snprintf(post_upload, sizeof(post_upload),
                                        "POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n", UPLOAD_SIZE) +
                       UPLOAD_SIZE;
}

static double processor_now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* With requests of one's own the time is from when all stood to the last answer. */
static double own_seconds(const struct thread *threads, unsigned count)
{
    double began = 0, last = 0;

    for (unsigned i = 0; i < count; i++) {
        began = i == 0 ? threads[i].until : fmin(began, threads[i].until);
        last = fmax(last, threads[i].last);
    }
    began -= threads[0].load->seconds;
    return last > began ? last - began : 0;
}

/* Connections over the threads; the first ones get what does not divide. */
static bool threads_open(struct thread *threads, const struct load *load, pthread_barrier_t *ready)
{
    bool right = true;

    for (unsigned i = 0; i < load->threads; i++) {
        const unsigned count = load->connections / load->threads + (i < load->connections % load->threads);

        right = thread_open(&threads[i], load, i, count) && right;
        threads[i].ready = ready;
    }
    return right;
}

bool load_run(const struct load *load, struct load_result *out)
{
    struct thread threads[16];
    pthread_barrier_t ready;
    const double started = now(), used = processor_now();
    bool right;

    requests_write(load);
    *out = (struct load_result){0};
    pthread_barrier_init(&ready, NULL, load->threads);
    right = threads_open(threads, load, &ready);
    for (unsigned i = 0; right && i < load->threads; i++)
        pthread_create(&threads[i].id, NULL, thread_main, &threads[i]);
    for (unsigned i = 0; right && i < load->threads; i++)
        pthread_join(threads[i].id, NULL);
    out->seconds = load->next != NULL ? own_seconds(threads, load->threads) : now() - started;
    out->processor = processor_now() - used;
    if (right && load->idle != NULL)
        load->idle(load->context);
    result_join(out, threads, load->threads);
    for (unsigned i = 0; i < load->threads; i++)
        thread_close(&threads[i]);
    pthread_barrier_destroy(&ready);
    return right;
}

bool load_run_told(const struct load *load, const char *server, struct load_result *out)
{
    if (!load_run(load, out) || out->done == 0) {
        fprintf(stderr, "no load on %s: %llu failed\n", server, (unsigned long long)out->failed);
        return false;
    }
    if (out->failed != 0)
        fprintf(stderr, "%s: %llu failed of %llu\n", server, (unsigned long long)out->failed, (unsigned long long)out->done);
    return true;
}

double load_rate(const struct load_result *result)
{
    return result->seconds > 0 ? (double)result->done / result->seconds : 0;
}
