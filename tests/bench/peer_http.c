/* See peer_http.h. */
#include "peer_http.h"
#include "process.h"

#include "base/base_i.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 64
#define WAIT_SECONDS    10

/* A whole HTTP request for each CSR, made before the time begins. */
struct letter {
    size_t size;
    char text[1024];
};

struct post {
    const struct letter *letters;
    size_t count;
    int port;
    atomic_size_t next, done;
};

/* The PEM of a request as a JSON text, in a POST. */
static bool letter_write(struct letter *letter, size_t number)
{
    char path[40], line[100], body[900];
    size_t size = (size_t)snprintf(body, sizeof(body), "{\"certificate_request\":\"");
    FILE *file;

    snprintf(path, sizeof(path), "%zu.csr", number);
    if ((file = fopen(path, "r")) == NULL)
        return false;
    while (fgets(line, sizeof(line), file) != NULL && size < sizeof(body) - 110)
        size += (size_t)snprintf(body + size, sizeof(body) - size, "%.*s\\n", (int)strcspn(line, "\n"), line);
    fclose(file);
    size += (size_t)snprintf(body + size, sizeof(body) - size, "\"}");
    letter->size = (size_t)snprintf(letter->text, sizeof(letter->text),
                                    "POST /api/v1/cfssl/sign HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                                    "Content-Length: %zu\r\n\r\n%s",
                                    size, body);
    return letter->size < sizeof(letter->text);
}

static int connection_open(int port)
{
    const struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct timeval wait = {.tv_sec = WAIT_SECONDS};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

/* Reads one answer; true: it has a certificate. */
static bool answer_read(int fd)
{
    char text[8192];
    size_t size = 0, whole = SIZE_MAX;

    while (size < whole && size < sizeof(text) - 1) {
        const ssize_t more = recv(fd, text + size, sizeof(text) - 1 - size, 0);
        const char *end, *length;

        if (more <= 0)
            return false;
        size += (size_t)more;
        text[size] = '\0';
        if (whole == SIZE_MAX && (end = strstr(text, "\r\n\r\n")) != NULL && (length = strcasestr(text, "Content-Length: ")) != NULL)
            whole = (size_t)(end + 4 - text) + strtoul(length + 16, NULL, 10);
    }
    return size >= whole && strstr(text, "BEGIN CERTIFICATE") != NULL;
}

static void *post_main(void *context)
{
    struct post *post = context;
    const int fd = connection_open(post->port);
    size_t number;
    bool stands = fd >= 0;

    while (stands && (number = atomic_fetch_add(&post->next, 1)) < post->count) {
        const struct letter *letter = &post->letters[number];

        stands = send(fd, letter->text, letter->size, MSG_NOSIGNAL) == (ssize_t)letter->size && answer_read(fd);
        if (stands)
            atomic_fetch_add(&post->done, 1);
    }
    if (fd >= 0)
        close(fd);
    return NULL;
}

static void post_run(struct post *post, unsigned connections, struct peer_result *out)
{
    const double start = seconds_now();
    pthread_t ids[CONNECTIONS_MAX];
    unsigned started = 0;

    while (started < connections && started < CONNECTIONS_MAX && pthread_create(&ids[started], NULL, post_main, post) == 0)
        started++;
    for (unsigned i = 0; i < started; i++)
        pthread_join(ids[i], NULL);
    out->seconds = seconds_now() - start;
    out->done = atomic_load(&post->done);
}

int peer_http_run(int port, unsigned connections, size_t count, struct peer_result *out, struct smki_error *err)
{
    struct letter *letters = calloc(count, sizeof(*letters));
    struct post post = {.letters = letters, .count = count, .port = port};
    int rc = letters != NULL ? 0 : smki_fail(err, SMKI_NO_MEMORY, NULL);

    for (size_t i = 0; i < count && rc == 0; i++)
        if (!letter_write(&letters[i], i + 1))
            rc = smki_fail(err, SMKI_IO, "%zu.csr cannot be read", i + 1);
    if (rc == 0)
        post_run(&post, connections, out);
    free(letters);
    return rc;
}
