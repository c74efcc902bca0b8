/* The SubmitCSRBatch file of a Party, read as the service would read it: what it would refuse is refused here, before anything is sent. */
#include "client/client_i.h"

#include <errno.h>
#include <string.h>

#define UPLOAD_MAX (UINT64_C(1) << 30) /* octets; the service has a limit of its own */
#define BLOCK_SIZE ((size_t)64 * 1024)

static int none(void *context, const struct batch_request *request, struct smki_error *err)
{
    (void)context;
    (void)request;
    (void)err;
    return 0;
}

static int read_all(FILE *file, struct request_xml_reader *reader, struct sha256_stream *hash, uint64_t *total, struct smki_error *err)
{
    uint8_t block[BLOCK_SIZE];
    size_t size;
    int rc;

    while ((size = fread(block, 1, sizeof(block), file)) != 0) {
        sha256_add(hash, block, size);
        *total += size;
        if ((rc = request_xml_feed(reader, BYTES(block, size), false, err)) != 0)
            return rc;
    }
    if (ferror(file))
        return smki_fail_errno(err, errno, "it cannot be read");
    return request_xml_feed(reader, (struct smki_bytes){0}, true, err);
}

static bool is_zip(FILE *file)
{
    char magic[4] = "";
    const size_t size = fread(magic, 1, sizeof(magic), file);

    rewind(file);
    return size == sizeof(magic) && memcmp(magic, "PK\3\4", sizeof(magic)) == 0;
}

int batch_file_read(FILE *file, const char *path, struct smki_client_batch *out, batch_request_fn each, void *context,
                    struct smki_error *err)
{
    static const struct batch_limits limits = {.max_csrs = SMKI_BATCH_MAX_CSRS, .max_upload = UPLOAD_MAX};
    struct request_xml_reader *reader = NULL;
    uint8_t digest[SHA256_SIZE];
    struct sha256_stream hash;
    int rc;

    out->size = 0;
    if (is_zip(file))
        return smki_fail(
            err, SMKI_XML_INVALID,
            "%s is a zip, which the portal takes; the batch web service takes a SubmitCSRBatch document (see 'smki-client batch "
            "pack')",
            path);
    if ((rc = request_xml_open(&reader, &request_form_batch, &limits, each != NULL ? each : none, context, err)) != 0)
        return rc;
    sha256_start(&hash);
    rc = read_all(file, reader, &hash, &out->size, err);
    sha256_end(&hash, digest);
    if (rc == 0) {
        hex_encode(out->sha256, digest, sizeof(digest));
        snprintf(out->ref, sizeof(out->ref), "%s", request_xml_ref(reader));
        out->csrs = request_xml_count(reader);
    } else {
        smki_error_prefix(err, "%s", path);
    }
    request_xml_close(reader);
    rewind(file);
    return rc;
}

int batch_file_open(FILE **file, const char *path, struct smki_client_batch *out, batch_request_fn each, void *context,
                    struct smki_error *err)
{
    int rc;

    if ((*file = fopen(path, "rbe")) == NULL)
        return smki_fail_errno(err, errno, "%s", path);
    if ((rc = batch_file_read(*file, path, out, each, context, err)) != 0) {
        fclose(*file);
        *file = NULL;
    }
    return rc;
}
