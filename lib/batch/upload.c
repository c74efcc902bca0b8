/* Reading an accepted upload, and its digest in the same pass: a thread hashes what was read while the caller parses it. */
#include "batch/batch_i.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define UPLOAD_BUFFER (256 * 1024)
#define BUFFERS       2

/* Buffers go round: filled by the caller, hashed by the thread, filled again. */
struct upload {
    const char *path;
    int fd;
    pthread_t hasher;
    bool threaded;
    pthread_mutex_t lock; /* guards what follows, but the hash and octets that are handed over */
    pthread_cond_t moved;
    uint64_t filled, hashed; /* buffers, from the start */
    bool whole, ending;
    struct sha256_stream hash;
    uint64_t size;
    size_t sizes[BUFFERS];
    uint8_t buffers[BUFFERS][UPLOAD_BUFFER];
};

static void *hasher_main(void *argument)
{
    struct upload *upload = argument;

    pthread_mutex_lock(&upload->lock);
    for (;;) {
        const size_t at = upload->hashed % BUFFERS;

        while (upload->hashed == upload->filled && !upload->ending)
            pthread_cond_wait(&upload->moved, &upload->lock);
        if (upload->hashed == upload->filled)
            break;
        pthread_mutex_unlock(&upload->lock);
        sha256_add(&upload->hash, upload->buffers[at], upload->sizes[at]);
        pthread_mutex_lock(&upload->lock);
        upload->hashed++;
        pthread_cond_signal(&upload->moved);
    }
    pthread_mutex_unlock(&upload->lock);
    return NULL;
}

int upload_open(struct upload **out, const char *path, struct smki_error *err)
{
    struct upload *upload = malloc(sizeof(*upload)); /* not cleared: its buffers are large */
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    *out = NULL;
    if (fd < 0 || upload == NULL) {
        int rc = fd < 0 ? smki_fail_errno(err, errno, "%s", path) : smki_fail(err, SMKI_NO_MEMORY, NULL);
        if (fd >= 0)
            close(fd);
        free(upload);
        return rc;
    }
    upload->path = path;
    upload->fd = fd;
    upload->filled = upload->hashed = upload->size = 0;
    upload->whole = upload->ending = false;
    sha256_start(&upload->hash);
    pthread_mutex_init(&upload->lock, NULL);
    pthread_cond_init(&upload->moved, NULL);
    upload->threaded = pthread_create(&upload->hasher, NULL, hasher_main, upload) == 0;
    *out = upload;
    return 0;
}

/* The next buffer, once the thread is done with it. */
static size_t buffer_take(struct upload *upload)
{
    pthread_mutex_lock(&upload->lock);
    while (upload->threaded && upload->filled - upload->hashed == BUFFERS)
        pthread_cond_wait(&upload->moved, &upload->lock);
    pthread_mutex_unlock(&upload->lock);
    return upload->filled % BUFFERS;
}

static void buffer_hand_over(struct upload *upload, size_t at, size_t size)
{
    upload->sizes[at] = size;
    if (!upload->threaded)
        sha256_add(&upload->hash, upload->buffers[at], size);
    pthread_mutex_lock(&upload->lock);
    upload->filled++;
    upload->size += size;
    upload->whole = size == 0;
    pthread_cond_signal(&upload->moved);
    pthread_mutex_unlock(&upload->lock);
}

int upload_next(struct upload *upload, struct smki_bytes *octets, struct smki_error *err)
{
    const size_t at = buffer_take(upload);
    ssize_t n;

    do
        n = read(upload->fd, upload->buffers[at], UPLOAD_BUFFER);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return smki_fail_errno(err, errno, "%s", upload->path);
    buffer_hand_over(upload, at, (size_t)n);
    *octets = BYTES(upload->buffers[at], (size_t)n);
    return 0;
}

void upload_close(struct upload *upload, struct upload_digest *out)
{
    if (upload == NULL)
        return;
    pthread_mutex_lock(&upload->lock);
    upload->ending = true;
    pthread_cond_signal(&upload->moved);
    pthread_mutex_unlock(&upload->lock);
    if (upload->threaded)
        pthread_join(upload->hasher, NULL);
    sha256_end(&upload->hash, out->sha256);
    out->size = upload->size;
    out->whole = upload->whole;
    pthread_cond_destroy(&upload->moved);
    pthread_mutex_destroy(&upload->lock);
    close(upload->fd);
    free(upload);
}

int upload_hash(const char *path, struct upload_digest *out, struct smki_error *err)
{
    struct upload *upload;
    struct smki_bytes octets = {.size = 1};
    int rc = upload_open(&upload, path, err);

    while (rc == 0 && octets.size != 0)
        rc = upload_next(upload, &octets, err);
    upload_close(upload, out);
    return rc;
}
