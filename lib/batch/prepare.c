/* Before the night: approval, and cutting the upload into chunks. The upload is hashed again before and after it is read; when it is not
 * what was accepted, the batch is TAMPERED. Chunks are written over what an interrupted attempt left, and count only once the batch is
 * QUEUED. */
#include "batch/batch_i.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNKS_A_CHANGE 16 /* chunks stored in one commit */
#define DIGEST_BUFFER   (256 * 1024)

int file_digest(const char *path, uint8_t out[SHA256_SIZE], uint64_t *size, struct smki_error *err)
{
    struct sha256_stream hash;
    uint8_t *buffer = malloc(DIGEST_BUFFER);
    int rc = 0, fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = 0;

    if (buffer == NULL || fd < 0) {
        rc = fd < 0 ? smki_fail_errno(err, errno, "%s", path) : smki_fail(err, SMKI_NO_MEMORY, NULL);
        goto out;
    }
    *size = 0;
    sha256_start(&hash);
    while ((n = read(fd, buffer, DIGEST_BUFFER)) > 0 || (n < 0 && errno == EINTR))
        if (n > 0) {
            sha256_add(&hash, buffer, (size_t)n);
            *size += (uint64_t)n;
        }
    if (n < 0)
        rc = smki_fail_errno(err, errno, "%s", path);
    sha256_end(&hash, out);
out:
    if (fd >= 0)
        close(fd);
    free(buffer);
    return rc;
}

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

static int store_cut_change(struct store_change *change, void *argument, struct smki_error *err)
{
    const struct cutter *cutter = argument;
    struct smki_batch batch;
    int rc = store_batch_get(store_change_view(change), cutter->batch.id, &batch, err);

    if (rc == 0 && batch.state != SMKI_STATE_PARSING)
        rc = smki_fail(err, SMKI_LEASE_LOST, "another runner has parsed batch %llu", (unsigned long long)batch.id);
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

static int read_xml(struct cutter *cutter, const char *path, const struct batch_limits *limits, struct smki_error *err)
{
    struct request_xml_reader *reader = NULL;
    uint8_t *buffer = malloc(DIGEST_BUFFER);
    int rc = 0, fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = 1;

    if (buffer == NULL || fd < 0) {
        rc = fd < 0 ? smki_fail_errno(err, errno, "%s", path) : smki_fail(err, SMKI_NO_MEMORY, NULL);
        goto out;
    }
    rc = request_xml_open(&reader, &request_form_batch, limits, cut, cutter, err);
    while (rc == 0 && n != 0) {
        n = read(fd, buffer, DIGEST_BUFFER);
        if (n >= 0)
            rc = request_xml_feed(reader, BYTES(buffer, (size_t)n), n == 0, err);
        else if (errno != EINTR)
            rc = smki_fail_errno(err, errno, "%s", path);
    }
out:
    request_xml_close(reader);
    if (fd >= 0)
        close(fd);
    free(buffer);
    return rc;
}

/* ---- parsing ---- */

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

/* Is the upload still what was accepted? A file that is gone is not. */
static int upload_is_whole(const struct cutter *cutter, const char *path, bool *whole, struct smki_error *err)
{
    uint8_t digest[SHA256_SIZE];
    uint64_t size = 0;
    int rc = file_digest(path, digest, &size, err);

    *whole = rc == 0 && size == cutter->batch.size && memcmp(digest, cutter->batch.sha256, SHA256_SIZE) == 0;
    return rc == SMKI_NOT_FOUND ? 0 : rc;
}

static int parse_upload(struct cutter *cutter, const char *path, struct smki_error *err)
{
    const struct smki_config *config = smki_service_config(cutter->service);
    /* what was accepted under earlier limits stays accepted */
    const struct batch_limits limits = {.max_csrs = cutter->batch.csrs, .max_upload = cutter->batch.size};
    int rc;

    cutter->batch.chunk_size = config->batch_chunk;
    if (cutter->batch.form == SMKI_BATCH_XML)
        rc = read_xml(cutter, path, &limits, err);
    else
        rc = batch_zip_read(path, &limits, cut, cutter, err);
    return rc != 0 ? rc : store_cut(cutter, err);
}

static int parse_batch(struct cutter *cutter, struct smki_error *err)
{
    struct smki_error reading = {0};
    char path[PATH_MAX];
    bool whole;
    int rc, read_rc = 0;

    if ((rc = home_path_in(cutter->service, path, SMKI_HOME_BATCHES, cutter->batch.file, err)) != 0 ||
        (rc = upload_is_whole(cutter, path, &whole, err)) != 0)
        return rc;
    if (whole) {
        read_rc = parse_upload(cutter, path, &reading);
        if ((rc = upload_is_whole(cutter, path, &whole, err)) != 0)
            return rc;
    }
    if (!whole) {
        if ((rc = store_change(cutter->service->store, tampered_change, cutter, err)) != 0)
            return rc;
        return smki_fail(err, SMKI_BATCH_TAMPERED,
                         "batch %llu is TAMPERED: its upload is not what was accepted; have its Party submit it again",
                         (unsigned long long)cutter->batch.id);
    }
    if (read_rc == SMKI_LEASE_LOST)
        return 0;
    if (read_rc != 0)
        return smki_fail(err, read_rc, "batch %llu, accepted before, cannot be parsed: %s", (unsigned long long)cutter->batch.id,
                         reading.text);
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

static int open_next(struct smki_service *service, uint64_t *id, struct smki_batch *batch, struct smki_error *err)
{
    struct store_view *view;
    int rc = store_view_begin(service->store, &view, err);

    if (rc != 0)
        return rc;
    rc = store_batch_open_next(view, id, batch, err);
    store_view_end(view);
    return rc;
}

/* Would every other batch meet it too? */
static bool is_everybodys(int code)
{
    return code == SMKI_DISK_FULL || code == SMKI_NO_MEMORY;
}

int batches_prepare(struct smki_service *service, const struct smki_actor *actor, struct smki_error *err)
{
    struct smki_error first = {0}, why = {0};
    struct smki_batch batch;
    uint64_t id = 0;
    unsigned troubles = 0;
    int rc;

    while ((rc = open_next(service, &id, &batch, err)) == 0) {
        if (batch.state == SMKI_STATE_PENDING && smki_service_config(service)->approve_automatically) {
            rc = smki_batch_approve(service, actor, batch.id, err);
            if (rc != 0 && rc != SMKI_BATCH_STATE)
                return rc;
            /* another runner may be at it already: what is cut twice is the same, and the first to end moves the batch on */
            if ((rc = smki_batch_find(service, batch.id, &batch, err)) != 0)
                return rc;
        }
        if (batch.state == SMKI_STATE_PARSING && (rc = prepare_one(service, actor, &batch, &why)) != 0) {
            if (troubles++ == 0)
                first = why;
            if (is_everybodys(rc))
                break;
        }
    }
    if (troubles > 1)
        return smki_fail(err, first.code, "%s (and %u more batches in trouble: see 'smki-batch list')", first.text, troubles - 1);
    if (troubles == 1)
        return smki_fail(err, first.code, "%s", first.text);
    return rc == SMKI_NOT_FOUND ? 0 : rc;
}
