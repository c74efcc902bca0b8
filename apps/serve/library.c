/* libmicrohttpd: one daemon for each worker, driven from the worker's loop. */
#include "serve/request_i.h"

#include <sys/epoll.h>

#define MEMORY_LIMIT    32768 /* octets a connection: more makes the library map memory for each; a head may have less than half of it */
#define CONNECTIONS_MAX 200000
#define RUNS_MAX        4   /* in one turn of the loop */
#define TIMEOUT_LEAST   120 /* s; the library's own, which begins anew with every octet, is no more than a backstop */

static struct side *side_of(struct MHD_Connection *library)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(library, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info != NULL ? info->socket_context : NULL;
}

static void on_connection(void *context, struct MHD_Connection *library, void **socket_context, enum MHD_ConnectionNotificationCode code)
{
    struct worker *worker = context;
    const union MHD_ConnectionInfo *info;

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        info = MHD_get_connection_info(library, MHD_CONNECTION_INFO_CONNECTION_FD);
        *socket_context = worker->by_pair[info->connect_fd];
    } else if (*socket_context != NULL) {
        side_forget(*socket_context);
        *socket_context = NULL;
    }
}

/* The request line has come. What this returns is the handler's state. */
static void *on_uri(void *context, const char *uri, struct MHD_Connection *library)
{
    struct side *side = side_of(library);

    if (side == NULL || side->connection->side != side)
        return NULL;
    return request_create(context, side->connection, uri);
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *library, const char *path, const char *method, const char *version,
                                  const char *octets, size_t *size, void **state)
{
    struct serve_request *request = *state;

    (void)context;
    if (request == NULL)
        return MHD_NO;
    request->library = library;
    return stage_call(request, path, method, version, octets, size);
}

static void on_completed(void *context, struct MHD_Connection *library, void **state, enum MHD_RequestTerminationCode code)
{
    struct serve_request *request = *state;

    (void)context;
    *state = NULL;
    if (request == NULL)
        return;
    request->library = library;
    stage_over(request, code == MHD_REQUEST_TERMINATED_COMPLETED_OK);
}

int library_open(struct worker *worker, struct smki_error *err)
{
    const int64_t stall = worker->generation->config->http.stall_time / SMKI_SECOND;
    const unsigned timeout = stall > TIMEOUT_LEAST / 2 ? 2 * (unsigned)stall : TIMEOUT_LEAST;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &worker->library_source};
    const union MHD_DaemonInfo *info;

    worker->library =
        MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL,
                         NULL, on_request, worker, MHD_OPTION_EXTERNAL_LOGGER, log_nothing, NULL, MHD_OPTION_STRICT_FOR_CLIENT, 1,
                         MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_LIMIT, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
                         MHD_OPTION_CONNECTION_TIMEOUT, timeout, MHD_OPTION_NOTIFY_CONNECTION, on_connection, worker,
                         MHD_OPTION_NOTIFY_COMPLETED, on_completed, worker, MHD_OPTION_URI_LOG_CALLBACK, on_uri, worker, MHD_OPTION_END);
    if (worker->library == NULL)
        return serve_fail(err, SMKI_INTERNAL, "libmicrohttpd %s does not start", MHD_get_version());
    info = MHD_get_daemon_info(worker->library, MHD_DAEMON_INFO_EPOLL_FD);
    if (info == NULL || epoll_ctl(worker->epoll, EPOLL_CTL_ADD, info->epoll_fd, &event) != 0)
        return serve_fail(err, SMKI_INTERNAL, "libmicrohttpd %s has no epoll", MHD_get_version());
    return 0;
}

/* A run is one bounded step; while more is due the library wants to be run again. */
void library_run(struct worker *worker)
{
    worker->library_due = false;
    for (int run = 0; run < RUNS_MAX; run++) {
        MHD_UNSIGNED_LONG_LONG left = 1;

        MHD_run(worker->library);
        if (MHD_get_timeout(worker->library, &left) != MHD_YES || left != 0)
            return;
    }
    worker->library_due = true;
}

void library_close(struct worker *worker)
{
    if (worker->library != NULL)
        MHD_stop_daemon(worker->library);
    worker->library = NULL;
}
