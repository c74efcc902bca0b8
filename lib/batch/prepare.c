/* Before the night: approval, and cutting the upload into chunks. The upload is hashed again, XML while it is read, a zip after it; when it
 * is not what was accepted, the batch is TAMPERED. Chunks are written over what an interrupted attempt left, and count only once the batch
 * is QUEUED. */
#include "batch/batch_i.h"

#include <stdlib.h>
#include <string.h>

#define CHUNKS_A_CHANGE 16 /* chunks stored in one commit */

/* ---- approving ---- */

struct word_of_ra {
    uint64_t id;
    const struct smki_actor *actor;
    enum batch_event event;
    const char *reason;
};

static int word_change(struct store_change *change, void *argument, struct smki_error *err)
{
    const struct word_of_ra *word = argument;
    struct smki_batch batch;
    int rc = store_batch_get(store_change_view(change), word->id, &batch, err);

    if (rc != 0)
        return rc;
    batch.approved = word->event == BATCH_APPROVE;
    snprintf(batch.reason, sizeof(batch.reason), "%.*s", (int)sizeof(batch.reason) - 1, word->reason);
    return batch_move_recorded(change, &batch, word->event, word->event == BATCH_APPROVE ? SMKI_ACT_BATCH_APPROVE : SMKI_ACT_BATCH_REJECT,
                               word->actor, err);
}

int smki_batch_approve(struct smki_service *service, const struct smki_actor *actor, uint64_t id, struct smki_error *err)
{
    struct word_of_ra word = {.id = id, .actor = actor, .event = BATCH_APPROVE, .reason = ""};

    return store_change(service->store, word_change, &word, err);
}

int smki_batch_reject(struct smki_service *service, const struct smki_actor *actor, uint64_t id, const char *reason, struct smki_error *err)
{
    struct word_of_ra word = {.id = id, .actor = actor, .event = BATCH_REJECT, .reason = reason};

    return store_change(service->store, word_change, &word, err);
}

/* ---- cutting ---- */

struct cut_chunk {
    uint32_t number;
    struct smki_buffer octets;
};

struct cutter {
    struct smki_service *service;
    const struct smki_actor *actor;
    struct smki_batch batch;
    struct cut_chunk waiting[CHUNKS_A_CHANGE]; /* cut, not yet stored */
    size_t waiting_count;
    uint32_t in_chunk, chunks, csrs;
};

static int chunk_size_settle(struct store_change *change, struct smki_batch *batch, uint32_t size, struct smki_error *err)
{
    batch->chunk_size = size;
    return store_batch_put(change, batch, err);
}

static int store_cut_change(struct store_change *change, void *argument, struct smki_error *err)
{
    const struct cutter *cutter = argument;
    struct smki_batch batch;
    int rc = store_batch_get(store_change_view(change), cutter->batch.id, &batch, err);

    if (rc == 0 && batch.state != SMKI_STATE_PARSING)
        rc = smki_fail(err, SMKI_LEASE_LOST, "another runner has parsed batch %llu", (unsigned long long)batch.id);
    else if (rc == 0 && batch.chunk_size == 0) /* the first to cut it says how; who cuts it again keeps to that */
        rc = chunk_size_settle(change, &batch, cutter->batch.chunk_size, err);
    else if (rc == 0 && batch.chunk_size != cutter->batch.chunk_size)
        rc = smki_fail(err, SMKI_LEASE_LOST, "another runner cuts batch %llu into other chunks", (unsigned long long)batch.id);
    for (size_t i = 0; i < cutter->waiting_count && rc == 0; i++) {
        const struct cut_chunk *cut = &cutter->waiting[i];

        rc = store_chunk_put(change, batch.id, cut->number, STORE_CHUNK_REQUESTS, (struct smki_bytes){cut->octets.at, cut->octets.size},
                             err);
    }
    return rc;
}

static int store_cut(struct cutter *cutter, struct smki_error *err)
{
    int rc = cutter->waiting_count == 0 ? 0 : store_change(cutter->service->store, store_cut_change, cutter, err);

    cutter->waiting_count = 0;
    return rc;
}

static int cut(void *context, const struct batch_request *request, struct smki_error *err)
{
    struct cutter *cutter = context;
    int rc;

    if (cutter->in_chunk == 0) {
        struct cut_chunk *fresh;

        if (cutter->waiting_count == CHUNKS_A_CHANGE && (rc = store_cut(cutter, err)) != 0)
            return rc;
        fresh = &cutter->waiting[cutter->waiting_count++];
        fresh->number = cutter->chunks++;
        if ((rc = chunk_requests_start(&fresh->octets, err)) != 0)
            return rc;
    }
    if ((rc = chunk_requests_add(&cutter->waiting[cutter->waiting_count - 1].octets, request, err)) != 0)
        return rc;
    cutter->csrs++;
    cutter->in_chunk = (cutter->in_chunk + 1) % cutter->batch.chunk_size;
    return 0;
}

/* In one pass with its digest, so that what is hashed is what was parsed; to the end also when it cannot be parsed. */
static int read_xml(struct cutter *cutter, const struct batch_limits *limits, struct upload *upload, struct smki_error *err)
{
    struct request_xml_reader *reader = NULL;
    struct smki_bytes octets;
    int rc = request_xml_open(&reader, &request_form_batch, limits, cut, cutter, err), read_rc;

    do {
        read_rc = upload_next(upload, &octets, rc == 0 ? err : NULL);
        if (read_rc == 0 && rc == 0)
            rc = request_xml_feed(reader, octets, octets.size == 0, err);
    } while (read_rc == 0 && octets.size != 0);
    request_xml_close(reader);
    return rc != 0 ? rc : read_rc;
}

/* ---- parsing ---- */

/* Would every other batch meet it too? */
static bool is_everybodys(int code)
{
    return code == SMKI_DISK_FULL || code == SMKI_NO_MEMORY;
}

static int parsed_change(struct store_change *change, void *argument, struct smki_error *err)
{
    struct cutter *cutter = argument;
    struct smki_batch batch;
    int rc = store_batch_get(store_change_view(change), cutter->batch.id, &batch, err);

    if (rc != 0 || batch.state != SMKI_STATE_PARSING)
        return rc;
    batch.chunks = cutter->chunks;
    batch.chunk_size = cutter->batch.chunk_size;
    return batch_move_recorded(change, &batch, BATCH_PARSED, SMKI_ACT_BATCH_PARSE, cutter->actor, err);
}

static int tampered_change(struct store_change *change, void *argument, struct smki_error *err)
{
    const struct cutter *cutter = argument;
    struct smki_batch batch;
    int rc = store_batch_get(store_change_view(change), cutter->batch.id, &batch, err);

    if (rc != 0 || batch.state != SMKI_STATE_PARSING)
        return rc;
    rc = chunks_remove(change, &batch, err);
    snprintf(batch.reason, sizeof(batch.reason), "the upload is not what was accepted: its size or SHA-256 has changed");
    return rc != 0 ? rc : batch_move_recorded(change, &batch, BATCH_FOUND_TAMPERED, SMKI_ACT_BATCH_PARSE, cutter->actor, err);
}

static int parse_xml(struct cutter *cutter, const char *path, const struct batch_limits *limits, struct upload_digest *seen,
                     struct smki_error *err)
{
    struct upload *upload;
    int rc = upload_open(&upload, path, err);

    if (rc == 0)
        rc = read_xml(cutter, limits, upload, err);
    upload_close(upload, seen);
    return rc;
}

/* Is the upload still what was accepted? One that is gone is not. */
static bool is_whole(const struct smki_batch *batch, const struct upload_digest *seen)
{
    return seen->size == batch->size && memcmp(seen->sha256, batch->sha256, SHA256_SIZE) == 0;
}

/* libzip reads where it wants, so the digest is taken before it and after it. */
static int parse_zip(struct cutter *cutter, const char *path, const struct batch_limits *limits, struct upload_digest *seen,
                     struct smki_error *err)
{
    int rc = upload_hash(path, seen, err), after;

    if (rc != 0 || !is_whole(&cutter->batch, seen))
        return rc;
    rc = batch_zip_read(path, limits, cut, cutter, err);
    after = upload_hash(path, seen, rc == 0 ? err : NULL);
    return rc != 0 && after != SMKI_NOT_FOUND ? rc : after;
}

static int parse_upload(struct cutter *cutter, const char *path, struct upload_digest *seen, struct smki_error *err)
{
    /* what was accepted under earlier limits stays accepted */
    const struct batch_limits limits = {.max_csrs = cutter->batch.csrs, .max_upload = cutter->batch.size};
    int rc;

    if (cutter->batch.chunk_size == 0)
        cutter->batch.chunk_size = smki_service_config(cutter->service)->batch_chunk;
    rc = (cutter->batch.form == SMKI_BATCH_XML ? parse_xml : parse_zip)(cutter, path, &limits, seen, err);
    return rc != 0 ? rc : store_cut(cutter, err);
}

static int tampered(struct cutter *cutter, struct smki_error *err)
{
    int rc = store_change(cutter->service->store, tampered_change, cutter, err);

    return rc != 0 ? rc
                   : smki_fail(err, SMKI_BATCH_TAMPERED,
                               "batch %llu is TAMPERED: its upload is not what was accepted; have its Party submit it again",
                               (unsigned long long)cutter->batch.id);
}

static int parse_batch(struct cutter *cutter, struct smki_error *err)
{
    struct upload_digest seen = {.size = 0};
    struct smki_error reading = {0};
    char path[PATH_MAX];
    int rc = home_path_in(cutter->service, path, SMKI_HOME_BATCHES, cutter->batch.file, err);

    if (rc != 0)
        return rc;
    rc = parse_upload(cutter, path, &seen, &reading);
    if (is_everybodys(rc))
        return smki_fail(err, rc, "%s", reading.text);
    if (!seen.whole && rc != SMKI_NOT_FOUND) /* nothing can be said of it: it could not be read */
        return smki_fail(err, rc, "%s", reading.text);
    if (!is_whole(&cutter->batch, &seen))
        return tampered(cutter, err);
    if (rc == SMKI_LEASE_LOST)
        return 0;
    if (rc != 0)
        return smki_fail(err, rc, "batch %llu, accepted before, cannot be parsed: %s", (unsigned long long)cutter->batch.id, reading.text);
    if (cutter->csrs != cutter->batch.csrs)
        return smki_fail(err, SMKI_INTERNAL, "batch %llu has %u CSRs, at its acceptance it had %u", (unsigned long long)cutter->batch.id,
                         cutter->csrs, cutter->batch.csrs);
    return store_change(cutter->service->store, parsed_change, cutter, err);
}

static int prepare_one(struct smki_service *service, const struct smki_actor *actor, const struct smki_batch *batch, struct smki_error *err)
{
    struct cutter *cutter = calloc(1, sizeof(*cutter));
    int rc;

    if (cutter == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    cutter->service = service;
    cutter->actor = actor;
    cutter->batch = *batch;
    rc = parse_batch(cutter, err);
    for (size_t i = 0; i < CHUNKS_A_CHANGE; i++)
        smki_buffer_finish(&cutter->waiting[i].octets);
    free(cutter);
    return rc;
}

/* ---- all of them ---- */

/* The open batches in the order of the night; *items is for free(). */
static int prepare_order(struct smki_service *service, struct smki_plan_item **items, size_t *count, struct smki_error *err)
{
    struct store_view *view;
    int rc = store_view_begin(service->store, &view, err);

    if (rc != 0)
        return rc;
    rc = plan_read(view, service, smki_service_now(service), 0, true, items, count, err);
    store_view_end(view);
    return rc;
}

/* Another runner may be at it already: what is cut twice is the same, and the first to end moves the batch on. *parsed says that there was
 * something to do. */
static int prepare_batch(struct smki_service *service, const struct smki_actor *actor, uint64_t id, bool *parsed, struct smki_error *err)
{
    struct smki_batch batch;
    int rc = smki_batch_find(service, id, &batch, err);

    *parsed = false;
    if (rc == 0 && batch.state == SMKI_STATE_PENDING && smki_service_config(service)->approve_automatically) {
        rc = smki_batch_approve(service, actor, id, err);
        if (rc == 0 || rc == SMKI_BATCH_STATE)
            rc = smki_batch_find(service, id, &batch, err);
    }
    if (rc != 0 || batch.state != SMKI_STATE_PARSING)
        return rc;
    *parsed = true;
    return prepare_one(service, actor, &batch, err);
}

int batches_prepare(struct smki_service *service, const struct smki_actor *actor, const struct prepare_told *told, struct smki_error *err)
{
    struct smki_error first = {0}, why = {0};
    struct smki_plan_item *items;
    unsigned troubles = 0;
    bool go_on = true;
    size_t count;
    int rc = prepare_order(service, &items, &count, err);

    if (rc != 0)
        return rc;
    for (size_t i = 0; i < count && go_on && !is_everybodys(rc); i++) {
        bool parsed;

        rc = prepare_batch(service, actor, items[i].batch, &parsed, &why);
        if (rc != 0 && troubles++ == 0)
            first = why;
        if (parsed || rc != 0)
            go_on = told->each(told->context, items[i].batch, rc);
    }
    free(items);
    if (troubles > 1)
        return smki_fail(err, first.code, "%s (and %u more batches in trouble: see 'smki-batch list')", first.text, troubles - 1);
    return troubles == 1 ? smki_fail(err, first.code, "%s", first.text) : 0;
}
