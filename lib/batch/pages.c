/* Results page by page: the decisions of every chunk in the batch's order with their certificates. A page is one chunk, read in a view of
 * its own, so memory is that of a chunk. */
#include "batch/batch_i.h"

#include <stdlib.h>
#include <string.h>

struct page_row {
    char ref[SMKI_BATCH_CSR_REF_SIZE];
    uint32_t index;
    size_t certificate, size; /* in the pages' certificates */
};

int pages_open(struct result_pages *pages, struct smki_service *service, const struct smki_batch *batch, struct smki_error *err)
{
    *pages = (struct result_pages){.service = service, .batch = batch, .capacity = batch->chunk_size};
    pages->rows = calloc(pages->capacity, sizeof(*pages->rows));
    pages->decisions = calloc(pages->capacity, sizeof(*pages->decisions));
    return pages->rows == NULL || pages->decisions == NULL ? smki_fail(err, SMKI_NO_MEMORY, NULL) : 0;
}

void pages_close(struct result_pages *pages)
{
    free(pages->rows);
    free(pages->decisions);
    smki_buffer_finish(&pages->certificates);
}

static int read_refs(struct result_pages *pages, struct store_view *view, struct smki_error *err)
{
    struct chunk_request request;
    struct chunk_reader reader;
    struct smki_bytes stored;
    int rc = store_chunk_get(view, pages->batch->id, pages->chunk, STORE_CHUNK_REQUESTS, &stored, err);

    if (rc == 0)
        rc = chunk_requests_open(&reader, stored, err);
    for (pages->count = 0; rc == 0 && (rc = chunk_requests_next(&reader, &request, err)) == 0; pages->count++) {
        if (pages->count == pages->capacity)
            return smki_fail(err, SMKI_STORE_CORRUPT, "a chunk holds more requests than its size");
        pages->rows[pages->count].index = request.index;
        memcpy(pages->rows[pages->count].ref, request.ref, sizeof(request.ref));
    }
    return rc == SMKI_NOT_FOUND && pages->count > 0 ? 0 : rc;
}

static int read_certificates(struct result_pages *pages, struct store_view *view, struct smki_error *err)
{
    int rc = 0;

    pages->certificates.size = 0;
    for (size_t i = 0; i < pages->count && rc == 0; i++) {
        struct store_certificate stored = {0};

        pages->rows[i].size = 0;
        if (pages->decisions[i].code != 0)
            continue;
        rc = store_certificate_get(view, STORE_CA_DCA, pages->decisions[i].serial, &stored, err);
        pages->rows[i].certificate = pages->certificates.size;
        pages->rows[i].size = stored.der.size;
        if (rc == 0)
            rc = smki_buffer_append(&pages->certificates, stored.der.at, stored.der.size, err);
    }
    return rc;
}

static int read_page(struct result_pages *pages, struct store_view *view, struct smki_error *err)
{
    struct chunk_decisions decisions = {.decisions = pages->decisions};
    struct smki_bytes stored;
    int rc;

    if ((rc = read_refs(pages, view, err)) != 0 ||
        (rc = store_chunk_get(view, pages->batch->id, pages->chunk, STORE_CHUNK_DECISIONS, &stored, err)) != 0 ||
        (rc = chunk_decisions_read(&decisions, pages->capacity, stored, err)) != 0)
        return rc;
    if (decisions.count != pages->count || decisions.stage != CHUNK_DONE)
        return smki_fail(err, SMKI_STORE_CORRUPT, "chunk %u of a completed batch is not done", pages->chunk);
    return read_certificates(pages, view, err);
}

static int next_page(struct result_pages *pages, struct smki_error *err)
{
    struct store_view *view;
    int rc = store_view_begin(pages->service->store, &view, err);

    if (rc != 0)
        return rc;
    rc = read_page(pages, view, err);
    store_view_end(view);
    if (rc == SMKI_NOT_FOUND)
        rc = smki_fail(err, SMKI_STORE_CORRUPT, "batch %llu, chunk %u: a part is missing", (unsigned long long)pages->batch->id,
                       pages->chunk);
    pages->chunk++;
    pages->at = 0;
    return rc;
}

int pages_next(void *context, struct batch_result *out, struct smki_error *err)
{
    struct result_pages *pages = context;
    const struct page_row *row;
    int rc;

    while (pages->at == pages->count) {
        if (pages->chunk == pages->batch->chunks)
            return SMKI_NOT_FOUND;
        if ((rc = next_page(pages, err)) != 0)
            return rc;
    }
    row = &pages->rows[pages->at];
    *out = (struct batch_result){.index = row->index,
                                 .ref = row->ref,
                                 .code = pages->decisions[pages->at].code,
                                 .text = pages->decisions[pages->at].code != 0 ? pages->decisions[pages->at].text : NULL,
                                 .certificate = {row->size > 0 ? pages->certificates.at + row->certificate : NULL, row->size}};
    pages->at++;
    return 0;
}
