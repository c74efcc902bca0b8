/* Replies: what a program gave, made into the library's. */
#include "serve/request_i.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BLOCK_SIZE 16384 /* octets of a stream that the library takes at once */

/* Where one of this name is, or the next free one; NULL: none left. */
static struct header *header_find(struct serve_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (request->headers[i].name != NULL && strcasecmp(request->headers[i].name, name) == 0)
            return &request->headers[i];
    }
    return request->header_count < REQUEST_HEADERS ? &request->headers[request->header_count++] : NULL;
}

void serve_header_add(struct serve_request *request, const char *name, const char *value)
{
    struct header *header = header_find(request, name);

    if (header == NULL)
        return;
    free(header->name);
    free(header->value);
    header->name = strdup(name);
    header->value = strdup(value);
}

void reply_forget(struct serve_request *request)
{
    free(request->media_type);
    request->media_type = NULL;
    smki_buffer_finish(&request->reply);
    stream_free(request->stream);
    request->stream = NULL;
    request->replied = false;
}

int serve_reply(struct serve_request *request, int status, const char *media_type, struct smki_buffer *body)
{
    reply_forget(request);
    request->replied = true;
    request->status = status;
    request->media_type = media_type != NULL ? strdup(media_type) : NULL;
    request->reply = *body;
    *body = (struct smki_buffer){0};
    return 0;
}

int serve_reply_stream(struct serve_request *request, int status, const char *media_type, int64_t size, serve_read_fn read, void *context)
{
    struct stream *stream = calloc(1, sizeof(*stream));

    reply_forget(request);
    if (stream == NULL || (stream->front = malloc(STREAM_SIZE)) == NULL || (stream->back = malloc(STREAM_SIZE)) == NULL) {
        stream_free(stream);
        return SMKI_NO_MEMORY;
    }
    stream->read = read;
    stream->context = context;
    stream->size = size;
    request->stream = stream;
    request->replied = true;
    request->status = status;
    request->media_type = media_type != NULL ? strdup(media_type) : NULL;
    return 0;
}

static struct MHD_Response *response_make(struct serve_request *request)
{
    struct smki_buffer body = request->reply;

    if (request->stream != NULL && request->stream->size != 0)
        return MHD_create_response_from_callback(request->stream->size > 0 ? (uint64_t)request->stream->size : MHD_SIZE_UNKNOWN, BLOCK_SIZE,
                                                 stream_take, request, NULL);
    if (body.size == 0)
        return MHD_create_response_from_buffer(0, (void *)(uintptr_t) "", MHD_RESPMEM_PERSISTENT);
    request->reply = (struct smki_buffer){0};
    return MHD_create_response_from_buffer_with_free_callback(body.size, body.at, free);
}

static bool is_last(const struct serve_request *request)
{
    const struct worker *worker = request->worker;

    return request->last || request->connection->last || worker->closing || request->connection->generation != worker->generation;
}

static void headers_add(const struct serve_request *request, struct MHD_Response *response)
{
    if (request->media_type != NULL)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, request->media_type);
    for (size_t i = 0; i < request->header_count; i++) {
        if (request->headers[i].name != NULL && request->headers[i].value != NULL)
            MHD_add_response_header(response, request->headers[i].name, request->headers[i].value);
    }
    if (is_last(request))
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
}

bool reply_queue(struct serve_request *request)
{
    struct connection *connection = request->connection;
    struct MHD_Response *response = response_make(request);
    enum MHD_Result queued;

    if (response == NULL)
        return false;
    headers_add(request, response);
    request->stage = STAGE_REPLY;
    queued = MHD_queue_response(request->library, (unsigned)request->status, response);
    MHD_destroy_response(response); /* the library has its own reference */
    if (connection->request == request) {
        connection->reply_expected = true;
        connection->last = connection->last || is_last(request);
        connection->body_since = connection->progress = request->worker->now;
        connection->moved = 0;
    }
    return queued == MHD_YES;
}
