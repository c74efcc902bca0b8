/* A small server on apps/serve, for tests and benches: routes that echo, wait, stream and swallow, and refusals that say their code's name.
 *
 *   serve_test HOME [NAME]
 *
 * Sites: "adhoc" and "batch" at their addresses and hosts of the configuration, with client certificates; and, when NAME is given, "open"
 * under this host name at the address of "adhoc", without. */
#include "serve/serve.h"

#include <smki/smki.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MIB (INT64_C(1) << 20)

static int text_reply(struct serve_request *request, int status, const char *format, ...) SMKI_PRINTF(3, 4);

static int text_reply(struct serve_request *request, int status, const char *format, ...)
{
    struct smki_buffer body = {0};
    char text[1000];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (smki_buffer_append(&body, text, strlen(text), NULL) != 0)
        return SMKI_NO_MEMORY;
    return serve_reply(request, status, "text/plain", &body);
}

static long argument(struct serve_request *request, const char *name, long usual)
{
    const char *text = serve_query(request, name, NULL);

    return text != NULL ? atol(text) : usual;
}

/* ---- quick, echo, who ---- */

static int quick_answer(struct serve_request *request, struct smki_error *err)
{
    static const char kilobyte[1024] = "quick";
    struct smki_buffer body = {0};
    int rc = smki_buffer_append(&body, kilobyte, sizeof(kilobyte), err);

    return rc != 0 ? rc : serve_reply(request, 200, "application/octet-stream", &body);
}

static int echo_answer(struct serve_request *request, struct smki_error *err)
{
    const struct smki_bytes sent = serve_body(request);
    struct smki_buffer body = {0};
    int rc = sent.size != 0 ? smki_buffer_append(&body, sent.at, sent.size, err) : 0;

    return rc != 0 ? rc : serve_reply(request, 200, "text/plain", &body);
}

static int who_answer(struct serve_request *request, struct smki_error *err)
{
    const struct smki_identity *identity = serve_identity(request);
    char session[17] = "";
    size_t size;
    const uint8_t *name = serve_session(request, &size);

    (void)err;
    for (size_t i = 0; i < 8; i++)
        snprintf(session + 2 * i, 3, "%02x", name[i]);
    return text_reply(request, 200, "site=%s name=%s peer=%s session=%s certificate=%zu\n", serve_site_of(request)->name,
                      identity != NULL ? identity->actor.name : "-", serve_peer(request), session, serve_certificate(request).size);
}

/* ---- slow, wait ---- */

static int slow_answer(struct serve_request *request, struct smki_error *err)
{
    (void)err;
    usleep((useconds_t)argument(request, "ms", 500) * 1000);
    return text_reply(request, 200, "slow\n");
}

static int wait_answer(struct serve_request *request, struct smki_error *err)
{
    struct smki_time now = smki_service_now(serve_service(request));

    (void)err;
    if (serve_context(request) != NULL)
        return text_reply(request, 200, "waited\n");
    serve_context_set(request, request);
    now.us += argument(request, "ms", 500) * 1000;
    return serve_wait(request, now);
}

static int fail_answer(struct serve_request *request, struct smki_error *err)
{
    (void)request;
    (void)err;
    return SMKI_INTERNAL;
}

/* ---- download ---- */

struct download {
    int64_t left;
    bool breaks;
};

static int64_t download_read(void *context, void *at, size_t capacity)
{
    struct download *download = context;
    int64_t size = download->left < (int64_t)capacity ? download->left : (int64_t)capacity;

    if (download->breaks && download->left < MIB)
        return -1;
    memset(at, 'd', (size_t)size);
    download->left -= size;
    return size;
}

static int download_answer(struct serve_request *request, struct smki_error *err)
{
    struct download *download = calloc(1, sizeof(*download));
    const bool chunked = serve_query(request, "chunked", NULL) != NULL;

    (void)err;
    if (download == NULL)
        return SMKI_NO_MEMORY;
    download->left = argument(request, "mb", 60) * MIB;
    download->breaks = serve_query(request, "breaks", NULL) != NULL;
    serve_context_set(request, download);
    return serve_reply_stream(request, 200, "application/octet-stream", chunked ? -1 : download->left, download_read, download);
}

static void download_close(struct serve_request *request, bool delivered)
{
    free(serve_context(request));
    serve_count(serve_of(request), "smki_test_downloads_total", delivered ? "delivered=\"yes\"" : "delivered=\"no\"", 1);
}

/* ---- upload ---- */

struct upload {
    uint64_t size, sum;
};

static int upload_open(struct serve_request *request, struct smki_error *err)
{
    (void)err;
    serve_context_set(request, calloc(1, sizeof(struct upload)));
    return serve_query(request, "refused", NULL) != NULL ? SMKI_NOT_SUBSCRIBER : 0;
}

static int upload_feed(struct serve_request *request, struct smki_bytes bytes, struct smki_error *err)
{
    struct upload *upload = serve_context(request);

    (void)err;
    for (size_t i = 0; i < bytes.size; i++)
        upload->sum += bytes.at[i];
    upload->size += bytes.size;
    if (serve_query(request, "slow", NULL) != NULL)
        usleep(20000);
    return serve_query(request, "broken", NULL) != NULL && upload->size > 100000 ? SMKI_XML_INVALID : 0;
}

static int upload_answer(struct serve_request *request, struct smki_error *err)
{
    const struct upload *upload = serve_context(request);

    (void)err;
    return text_reply(request, 200, "%llu octets, sum %llu\n", (unsigned long long)upload->size, (unsigned long long)upload->sum);
}

static void upload_close(struct serve_request *request, bool delivered)
{
    (void)delivered;
    free(serve_context(request));
}

/* ---- sites ---- */

static void refuse(struct serve_request *request, int code, const char *text)
{
    const struct smki_identity *identity = serve_identity(request);

    if (smki_refusal_find(code)->http_status == 503)
        serve_header_add(request, "retry-after", "7");
    (void)text_reply(request, smki_refusal_find(code)->http_status, "%s: %s (%s %s of %s)\n", smki_refusal_find(code)->name, text,
                     serve_method(request), serve_path(request), identity != NULL ? identity->actor.name : "nobody");
}

static const struct serve_route routes[] = {
    {.method = "GET", .path = "/quick", .quick = true, .answer = quick_answer},
    {.method = "POST", .path = "/quick", .quick = true, .body_max = 65536, .answer = quick_answer},
    {.method = "GET", .path = "/who", .quick = true, .answer = who_answer},
    {.method = "POST", .path = "/echo", .body_max = 1 << 20, .media_type = "text/plain", .answer = echo_answer},
    {.method = "GET", .path = "/slow", .answer = slow_answer},
    {.method = "POST", .path = "/slow", .body_max = 65536, .answer = slow_answer},
    {.method = "GET", .path = "/wait", .answer = wait_answer},
    {.method = "GET", .path = "/fail", .answer = fail_answer},
    {.method = "GET", .path = "/download", .head = true, .answer = download_answer, .close = download_close},
    {.method = "POST",
     .path = "/upload",
     .body_max = 100 << 20,
     .open = upload_open,
     .feed = upload_feed,
     .answer = upload_answer,
     .close = upload_close},
};

static void site_fill(struct serve_site *site, const char *name, const struct smki_config_web *web, enum smki_interface interface)
{
    *site = (struct serve_site){.name = name,
                                .address = web->listen,
                                .host = web->host,
                                .interface = interface,
                                .network = web->network,
                                .client_certificates = true,
                                .routes = routes,
                                .route_count = sizeof(routes) / sizeof(routes[0]),
                                .refuse = refuse};
}

static int sites(void *context, const struct smki_config *config, struct serve_site *out, size_t capacity, size_t *count,
                 struct smki_error *err)
{
    const char *open = context;

    (void)capacity;
    (void)err;
    site_fill(&out[(*count)++], "adhoc", &config->web_adhoc, SMKI_INTERFACE_ADHOC);
    if (config->web_batch.listen[0] != '\0')
        site_fill(&out[(*count)++], "batch", &config->web_batch, SMKI_INTERFACE_BATCH);
    if (open == NULL)
        return 0;
    site_fill(&out[*count], "open", &config->web_adhoc, SMKI_INTERFACE_PORTAL_DEVICE);
    out[*count].host = open;
    out[(*count)++].client_certificates = false;
    return 0;
}

static void started(void *context, struct serve *serve)
{
    (void)context;
    serve_count_help(serve, "smki_test_downloads_total", "Downloads, by whether they were delivered.");
}

int main(int argc, char **argv)
{
    struct serve_options options = {.program = "serve_test", .sites = sites, .started = started};
    struct smki_error err = {0};
    int rc;

    if (argc < 2) {
        fprintf(stderr, "usage: serve_test HOME [NAME]\n");
        return 2;
    }
    options.context = argc > 2 ? argv[2] : NULL;
    if ((rc = smki_service_open(&options.service, argv[1], NULL, &err)) == 0) {
        rc = serve_run(&options, &err);
        smki_service_close(options.service);
    }
    if (rc != 0)
        fprintf(stderr, "serve_test: %s: %s\n", smki_refusal_find(rc)->name, err.text);
    return rc != 0;
}
