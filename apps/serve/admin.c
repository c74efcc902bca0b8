/* Health, readiness and metrics, by a small daemon of libmicrohttpd with a thread of its own. */
#include "serve/admin_i.h"

#include "serve/address_i.h"

#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONNECTIONS_MAX 16
#define TIMEOUT         10 /* s */
#define PROBE_SIZE      4096

struct admin {
    struct serve *serve;
    struct MHD_Daemon *library;
    char address[ADDRESS_TEXT_SIZE];
    /* of the admin's thread */
    int64_t probed; /* ticks, 0: never */
    char fault[200];
};

struct page {
    unsigned status;
    struct smki_buffer text;
};

static void health(struct admin *admin, struct page *page)
{
    (void)admin;
    (void)!smki_buffer_printf(&page->text, NULL, "alive\n");
}

/* ---- can the store be written? ---- */

/* errno of what fails; 0: the octets are on the disk. */
static int file_write(const char *path)
{
    static const uint8_t octets[PROBE_SIZE];
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    int errnum = fd < 0 ? errno : 0;
    ssize_t size;

    if (fd < 0)
        return errnum;
    if ((size = write(fd, octets, sizeof(octets))) < 0)
        errnum = errno;
    else if (size < (ssize_t)sizeof(octets))
        errnum = ENOSPC;
    else if (fsync(fd) != 0)
        errnum = errno;
    close(fd);
    unlink(path);
    return errnum;
}

/* A file beside the store's own, since a full disk shows only in writing; once a second at most, however often it is asked. "": it can. */
static const char *write_fault(struct admin *admin)
{
    const char *home = smki_service_home(admin->serve->service);
    const int64_t now = ticks_now();
    char path[4096];
    int errnum;

    if (admin->probed != 0 && now - admin->probed < SMKI_SECOND)
        return admin->fault;
    snprintf(path, sizeof(path), "%s/" SMKI_HOME_STORE "/.writable-%ld", home, (long)getpid());
    errnum = file_write(path);
    admin->fault[0] = '\0';
    if (errnum != 0)
        snprintf(admin->fault, sizeof(admin->fault), "the store cannot be written: %s", strerror(errnum));
    admin->probed = ticks_now();
    return admin->fault;
}

/* ---- pages ---- */

/* Ready: it answers, and the store can be read and written. */
static void readiness(struct admin *admin, struct page *page)
{
    struct serve *serve = admin->serve;
    struct smki_store_statistics statistics;
    struct smki_error err = {0};
    const char *why = NULL;

    if (atomic_load(&serve->stopping))
        why = "stopping";
    else if (!atomic_load(&serve->ready))
        why = "starting";
    else if (smki_store_statistics(smki_service_store(serve->service), &statistics, &err) != 0)
        why = err.text;
    else if (write_fault(admin)[0] != '\0')
        why = admin->fault;
    page->status = why != NULL ? MHD_HTTP_SERVICE_UNAVAILABLE : MHD_HTTP_OK;
    (void)!smki_buffer_printf(&page->text, NULL, "%s\n", why != NULL ? why : "ready");
}

static void metrics(struct admin *admin, struct page *page)
{
    if (metrics_text(&admin->serve->metrics, &page->text, NULL) != 0)
        page->status = MHD_HTTP_INTERNAL_SERVER_ERROR;
}

static const struct {
    const char *path, *media_type;
    void (*write)(struct admin *admin, struct page *page);
} pages[] = {
    {"/healthz", "text/plain; charset=utf-8", health},
    {"/readyz", "text/plain; charset=utf-8", readiness},
    {"/metrics", "text/plain; version=0.0.4; charset=utf-8", metrics},
};

static enum MHD_Result page_send(struct MHD_Connection *library, struct page *page, const char *media_type)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(page->text.size, page->text.at, MHD_RESPMEM_MUST_COPY);
    enum MHD_Result queued = MHD_NO;

    smki_buffer_finish(&page->text);
    if (response == NULL)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, media_type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    if (page->status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    queued = MHD_queue_response(library, page->status, response);
    MHD_destroy_response(response);
    return queued;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *library, const char *path, const char *method, const char *version,
                                  const char *octets, size_t *size, void **state)
{
    struct admin *admin = context;
    struct page page = {.status = MHD_HTTP_NOT_FOUND};
    const char *media_type = "text/plain; charset=utf-8";

    (void)version;
    (void)octets;
    if (*state == NULL) { /* the head only */
        *state = admin;
        return MHD_YES;
    }
    if (*size > 0) { /* a body is of no use to anybody */
        *size = 0;
        return MHD_YES;
    }
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        if (strcmp(path, pages[i].path) != 0)
            continue;
        page.status = MHD_HTTP_METHOD_NOT_ALLOWED;
        if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
            continue;
        page.status = MHD_HTTP_OK;
        media_type = pages[i].media_type;
        pages[i].write(admin, &page);
    }
    return page_send(library, &page, media_type);
}

/* A loopback address: nobody who comes there is asked who he is. */
static int listener_open(int *fd, const char *address, struct smki_error *err)
{
    struct sockaddr_storage parsed;
    socklen_t size;
    int rc = address_parse(&parsed, &size, address, err);

    if (rc == 0 && !address_is_loopback(&parsed))
        rc = serve_fail(err, SMKI_CONFIG_INVALID, "%s is not a loopback address: health and metrics are for this machine only", address);
    return rc != 0 ? rc : address_listen(fd, address, err);
}

int admin_open(struct admin **out, struct serve *serve, const char *address, struct smki_error *err)
{
    struct admin *admin = calloc(1, sizeof(*admin));
    int fd, rc;

    if (admin == NULL)
        return serve_fail(err, SMKI_NO_MEMORY, "out of memory");
    admin->serve = serve;
    snprintf(admin->address, sizeof(admin->address), "%s", address);
    if ((rc = listener_open(&fd, address, err)) != 0) {
        free(admin);
        return rc;
    }
    admin->library =
        MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request, admin, MHD_OPTION_EXTERNAL_LOGGER,
                         log_nothing, NULL, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_CONNECTION_LIMIT,
                         CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, TIMEOUT, MHD_OPTION_END);
    if (admin->library == NULL) {
        close(fd);
        free(admin);
        return serve_fail(err, SMKI_INTERNAL, "libmicrohttpd %s does not start", MHD_get_version());
    }
    *out = admin;
    return 0;
}

void admin_close(struct admin *admin)
{
    if (admin == NULL)
        return;
    MHD_stop_daemon(admin->library);
    free(admin);
}

const char *admin_address(const struct admin *admin)
{
    return admin->address;
}
