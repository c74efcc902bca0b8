/* A retrieved result, held against the batch that was submitted: every certificate against its CSR, every CSR against the result. The
 * document is streamed; of the batch, some hundred octets a CSR are in memory: what its certificate must hold. */
#include "client/client_i.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_SIZE ((size_t)64 * 1024)
#define TELL_EVERY 16 /* CSRs */

struct wanted {
    size_t ref; /* where its ID begins in `refs` */
    struct expected expected;
    bool readable; /* the CSR could be read: else no certificate can be right */
    bool seen;
};

struct checking {
    struct smki_client *client;
    struct wanted *wanted;
    uint32_t *order; /* numbers of `wanted`, by their IDs */
    uint32_t count, capacity;
    struct smki_buffer refs; /* all IDs, each with its NUL */
    smki_client_item_fn each;
    void *context;
    struct smki_client_summary summary;
};

static const char *ref_of(const struct checking *checking, uint32_t index)
{
    return (const char *)checking->refs.at + checking->wanted[index].ref;
}

/* ---- what is wanted ---- */

static int grow(struct checking *checking, struct smki_error *err)
{
    const uint32_t capacity = checking->capacity == 0 ? 256 : checking->capacity * 2;
    struct wanted *wanted = realloc(checking->wanted, capacity * sizeof(*wanted));

    if (wanted == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    checking->wanted = wanted;
    checking->capacity = capacity;
    return 0;
}

static int want(void *context, const struct batch_request *request, struct smki_error *err)
{
    struct checking *checking = context;
    struct wanted *wanted;
    struct smki_csr csr;
    int rc;

    if (checking->count == checking->capacity && (rc = grow(checking, err)) != 0)
        return rc;
    wanted = &checking->wanted[checking->count];
    *wanted = (struct wanted){.ref = checking->refs.size};
    if ((rc = smki_buffer_append(&checking->refs, request->ref, strlen(request->ref) + 1, err)) != 0)
        return rc;
    wanted->readable = request->decode_code == 0 && smki_csr_read(&csr, SMKI_PROFILE_DEVICE, request->der, NULL) == 0;
    if (wanted->readable)
        expected_of(&wanted->expected, &csr);
    checking->count++;
    return 0;
}

static int by_ref(const void *a, const void *b, void *context)
{
    return strcmp(ref_of(context, *(const uint32_t *)a), ref_of(context, *(const uint32_t *)b));
}

static int order_make(struct checking *checking, struct smki_error *err)
{
    if ((checking->order = calloc(checking->count, sizeof(*checking->order))) == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    for (uint32_t i = 0; i < checking->count; i++)
        checking->order[i] = i;
    qsort_r(checking->order, checking->count, sizeof(*checking->order), by_ref, checking);
    return 0;
}

/* Results come in the batch's order: the one of the same number is tried first. */
static struct wanted *wanted_find(const struct checking *checking, uint32_t number, const char *ref)
{
    uint32_t low = 0, high = checking->count;

    if (number <= checking->count && strcmp(ref_of(checking, number - 1), ref) == 0)
        return &checking->wanted[number - 1];
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        const int order = strcmp(ref_of(checking, checking->order[middle]), ref);
        if (order == 0)
            return &checking->wanted[checking->order[middle]];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* ---- what came ---- */

static int give(struct checking *checking, const struct smki_client_item *item, struct smki_error *err)
{
    checking->summary.good += item->code == 0;
    checking->summary.refused += item->code == SMKI_CLIENT_REFUSED;
    checking->summary.wrong += item->code != 0 && item->code != SMKI_CLIENT_REFUSED;
    return checking->each(checking->context, item, err);
}

/* The certificate of a CSR. Out of memory and the like is no verdict. */
static int certificate_check(const struct checking *checking, const struct wanted *wanted, struct smki_bytes certificate,
                             struct smki_error *why)
{
    if (wanted == NULL)
        return smki_fail(why, SMKI_CLIENT_ANSWER, "a certificate came for an ID that is not in the batch");
    if (!wanted->readable)
        return smki_fail(why, SMKI_CLIENT_CERTIFICATE, "a certificate came for a CSR that cannot be read");
    return chain_check(&checking->client->chain, &wanted->expected, certificate, why);
}

static int on_entry(void *context, const struct answer_entry *entry, struct smki_error *err)
{
    struct checking *checking = context;
    struct wanted *wanted = wanted_find(checking, entry->index, entry->ref);
    struct smki_error why = {0};
    struct smki_client_item item = {.ref = entry->ref,
                                    .status = entry->status,
                                    .error_code = entry->error_code,
                                    .text = entry->error_text,
                                    .certificate = entry->certificate};

    if (client_stopped(checking->client))
        return smki_fail(err, SMKI_INTERRUPTED, NULL);
    if (entry->status == SMKI_STATUS_SUCCESS) {
        item.code = certificate_check(checking, wanted, entry->certificate, &why);
        item.text = why.text;
        if (item.code != 0 && item.code != SMKI_CLIENT_CERTIFICATE && item.code != SMKI_CLIENT_ANSWER)
            return smki_fail(err, item.code, "%s", why.text);
    } else if (wanted == NULL) {
        item.code = SMKI_CLIENT_ANSWER;
        item.text = "a refusal came for an ID that is not in the batch";
    } else {
        item.code = SMKI_CLIENT_REFUSED;
    }
    if (wanted != NULL)
        wanted->seen = true;
    if (entry->index % TELL_EVERY == 0)
        client_tell(checking->client, SMKI_CLIENT_CHECKING, entry->index, checking->count);
    return give(checking, &item, err);
}

static int document_check(struct checking *checking, const char *path, struct smki_error *err)
{
    struct answer_reader *reader = NULL;
    FILE *file = fopen(path, "rbe");
    uint8_t block[BLOCK_SIZE];
    size_t size;
    int rc;

    if (file == NULL)
        return smki_fail_errno(err, errno, "%s", path);
    rc = answer_reader_open(&reader, ANSWER_RESULT, on_entry, checking, err);
    while (rc == 0 && (size = fread(block, 1, sizeof(block), file)) != 0)
        rc = answer_reader_feed(reader, BYTES(block, size), false, err);
    if (rc == 0 && ferror(file))
        rc = smki_fail_errno(err, errno, "%s cannot be read", path);
    if (rc == 0)
        rc = answer_reader_feed(reader, (struct smki_bytes){0}, true, err);
    answer_reader_close(reader);
    fclose(file);
    return rc;
}

/* What the result leaves out. */
static int missing_tell(struct checking *checking, struct smki_error *err)
{
    int rc = 0;

    for (uint32_t i = 0; rc == 0 && i < checking->count; i++) {
        const struct smki_client_item item = {.ref = ref_of(checking, i),
                                              .code = SMKI_CLIENT_ANSWER,
                                              .status = SMKI_STATUS_WORKFLOW_ERROR,
                                              .error_code = "",
                                              .text = "the result says nothing of this CSR"};
        if (!checking->wanted[i].seen)
            rc = give(checking, &item, err);
    }
    return rc;
}

static int check(struct checking *checking, const char *path, const char *document, struct smki_error *err)
{
    struct smki_client_batch batch = {0};
    struct smki_error broken = {0};
    FILE *file;
    int rc, told;

    if ((rc = batch_file_open(&file, path, &batch, want, checking, err)) != 0)
        return rc;
    fclose(file);
    if ((rc = order_make(checking, err)) != 0)
        return rc;
    checking->summary.csrs = checking->count;
    rc = document_check(checking, document, &broken);
    if (rc != 0 && rc != SMKI_CLIENT_ANSWER)
        return smki_fail(err, rc, "%s", broken.text);
    if ((told = missing_tell(checking, err)) != 0)
        return told;
    client_tell(checking->client, SMKI_CLIENT_CHECKING, checking->count, checking->count);
    return rc == 0 ? 0 : smki_fail(err, rc, "%.200s: %.300s", document, broken.text);
}

int smki_client_batch_check(struct smki_client *client, const char *path, smki_client_item_fn each, void *context,
                            struct smki_client_summary *summary, struct smki_error *err)
{
    struct checking checking = {.client = client, .each = each, .context = context};
    struct smki_client_batch batch;
    int rc = batch_find(client, path, &batch, err);

    if (rc == 0 && batch.retrieved_at.us == 0)
        rc = smki_fail(err, SMKI_BATCH_NOT_COMPLETED, "batch %llu was not retrieved yet", (unsigned long long)batch.batch_id);
    if (rc == 0)
        rc = check(&checking, path, batch.document, err);
    if (summary != NULL)
        *summary = checking.summary;
    free(checking.wanted);
    free(checking.order);
    smki_buffer_finish(&checking.refs);
    return rc;
}
