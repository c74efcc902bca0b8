/* The library's side of a connection: a socketpair. Opened with the first request, given up when the connection has been idle for a while:
 * what the library keeps for a connection is as much as mbedTLS does. */
#include "serve/connection_i.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int pair_remember(struct worker *worker, int fd, struct side *side, struct smki_error *err)
{
    size_t size = worker->by_pair_size;

    while (size <= (size_t)fd)
        size = size != 0 ? 2 * size : 256;
    if (size > worker->by_pair_size) {
        struct side **larger = realloc(worker->by_pair, size * sizeof(*larger));

        if (larger == NULL)
            return serve_fail(err, SMKI_NO_MEMORY, "out of memory");
        for (size_t i = worker->by_pair_size; i < size; i++)
            larger[i] = NULL;
        worker->by_pair = larger;
        worker->by_pair_size = size;
    }
    worker->by_pair[fd] = side;
    return 0;
}

int side_open(struct connection *connection, struct smki_error *err)
{
    struct worker *worker = connection->worker;
    struct sockaddr_un address = {.sun_family = AF_UNIX}; /* what it is: the library would set options of TCP on anything else */
    struct side *side = calloc(1, sizeof(*side));
    int pair[2];
    int rc = 0;

    if (side == NULL)
        return serve_fail(err, SMKI_NO_MEMORY, "out of memory");
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0) {
        free(side);
        return serve_fail_errno(err, errno, "a socketpair");
    }
    side->connection = connection;
    side->fd = pair[0];
    connection->side = side;
    if ((rc = pair_remember(worker, pair[1], side, err)) != 0) {
        close(pair[1]);
    } else if (MHD_add_connection(worker->library, pair[1], (struct sockaddr *)&address, sizeof(address)) != MHD_YES) {
        rc = serve_fail(err, SMKI_NO_MEMORY, "libmicrohttpd takes no further connection"); /* and has closed its end */
    }
    if (rc != 0) {
        close(side->fd);
        free(side);
        connection->side = NULL;
        return rc;
    }
    connection_hold(connection); /* until the library says that it has closed its end */
    worker->sides++;
    worker->library_due = true;
    return 0;
}

void side_give_up(struct connection *connection)
{
    struct side *side = connection->side;

    if (side == NULL)
        return;
    close(side->fd);
    side->fd = -1;
    connection->side = NULL;
    connection->worker->library_due = true;
    if (side->forgotten)
        free(side);
}

void side_forget(struct side *side)
{
    struct connection *connection = side->connection;

    side->ended = side->forgotten = true;
    connection->worker->sides--;
    if (connection->side == side) {
        connection->down_ready = true; /* what it wrote last */
        connection_touch(connection);
    } else {
        free(side);
    }
    connection_release(connection);
}
