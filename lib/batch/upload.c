/* Reading an accepted upload, and its digest in the same pass. */
#include "batch/batch_i.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define UPLOAD_BUFFER (256 * 1024)

int upload_open(struct upload *upload, const char *path, struct smki_error *err)
{
    *upload = (struct upload){.path = path, .fd = open(path, O_RDONLY | O_CLOEXEC)};
    sha256_start(&upload->hash);
    if (upload->fd < 0)
        return smki_fail_errno(err, errno, "%s", path);
    upload->buffer = malloc(UPLOAD_BUFFER);
    return upload->buffer != NULL ? 0 : smki_fail(err, SMKI_NO_MEMORY, NULL);
}

int upload_next(struct upload *upload, struct smki_bytes *octets, struct smki_error *err)
{
    ssize_t n;

    do
        n = read(upload->fd, upload->buffer, UPLOAD_BUFFER);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return smki_fail_errno(err, errno, "%s", upload->path);
    *octets = BYTES(upload->buffer, (size_t)n);
    sha256_add(&upload->hash, octets->at, octets->size);
    upload->size += octets->size;
    upload->whole = n == 0;
    return 0;
}

void upload_close(struct upload *upload, struct upload_digest *out)
{
    sha256_end(&upload->hash, out->sha256);
    out->size = upload->size;
    out->whole = upload->whole;
    if (upload->fd >= 0)
        close(upload->fd);
    free(upload->buffer);
}

int upload_hash(const char *path, struct upload_digest *out, struct smki_error *err)
{
    struct upload upload;
    struct smki_bytes octets;
    int rc = upload_open(&upload, path, err);

    while (rc == 0 && !upload.whole)
        rc = upload_next(&upload, &octets, err);
    upload_close(&upload, out);
    return rc;
}
