/* Replies that are read piece by piece in the pool, while the worker sends the piece before. */
#include "serve/request_i.h"

#include <stdlib.h>
#include <string.h>

/* In the pool: the back, as full as it gets. */
void stream_fill(struct stream *stream)
{
    stream->back_size = 0;
    while (!stream->ended && stream->back_size < STREAM_SIZE) {
        int64_t size = stream->read(stream->context, stream->back + stream->back_size, STREAM_SIZE - stream->back_size);

        if (size > 0)
            stream->back_size += (size_t)size;
        stream->ended = size <= 0;
        stream->broken = size < 0;
    }
}

void stream_filled(struct serve_request *request)
{
    request->stream->ready = request->stream->back_size > 0;
    request->stream->starving = false;
}

static void stream_turn(struct serve_request *request)
{
    struct stream *stream = request->stream;
    uint8_t *front = stream->front;

    stream->front = stream->back;
    stream->front_size = stream->back_size;
    stream->front_start = 0;
    stream->back = front;
    stream->ready = false;
    if (!stream->ended)
        work_submit(request, JOB_READ);
}

ssize_t stream_take(void *context, uint64_t position, char *at, size_t capacity)
{
    struct serve_request *request = context;
    struct stream *stream = request->stream;
    size_t size;

    (void)position;
    if (stream->front_start == stream->front_size) {
        if (request->in_pool) {
            stream->starving = request->suspended = true;
            MHD_suspend_connection(request->library);
            return 0;
        }
        if (!stream->ready)
            return stream->broken ? MHD_CONTENT_READER_END_WITH_ERROR : MHD_CONTENT_READER_END_OF_STREAM;
        stream_turn(request);
    }
    size = stream->front_size - stream->front_start;
    size = size < capacity ? size : capacity;
    memcpy(at, stream->front + stream->front_start, size);
    stream->front_start += size;
    return (ssize_t)size;
}

void stream_free(struct stream *stream)
{
    if (stream == NULL)
        return;
    free(stream->front);
    free(stream->back);
    free(stream);
}
