/* Files that are sent as they are: results of batches, documents, installers. */
#include "portal/portal_i.h"

#include <stdlib.h>
#include <unistd.h>

static int64_t file_read(void *context, void *at, size_t capacity)
{
    struct file *file = context;
    const ssize_t size = pread(file->fd, at, capacity, file->offset);

    if (size > 0)
        file->offset += size;
    return size;
}

int file_send(struct serve_request *request, struct file *file, uint64_t size, const char *media_type, const char *name)
{
    int rc = serve_reply_stream(request, 200, media_type, (int64_t)size, file_read, file);

    if (rc != 0)
        return rc;
    answer_headers(request, false);
    answer_file_name(request, name);
    return 0;
}

int file_reply(struct serve_request *request, int fd, uint64_t size, const char *media_type, const char *name)
{
    struct file *file = malloc(sizeof(*file));

    if (file == NULL) {
        close(fd);
        return SMKI_NO_MEMORY;
    }
    *file = (struct file){.fd = fd};
    serve_context_set(request, file);
    return file_send(request, file, size, media_type, name);
}

void file_close(struct serve_request *request, bool delivered)
{
    struct file *file = serve_context(request);

    (void)delivered; /* what was picked up may be picked up again */
    if (file != NULL)
        close(file->fd);
    free(file);
}
