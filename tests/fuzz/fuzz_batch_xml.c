/* SubmitCSRBatch documents: whatever comes, the verdict does not hang on how the document is cut, and what is handed over keeps its
 * promises. */
#include "message/message_i.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size);

static void demand(bool it)
{
    if (!it)
        abort();
}

static int each(void *context, const struct batch_request *request, struct smki_error *err)
{
    uint32_t *count = context;

    (void)err;
    demand(request->index == ++*count && *count <= 100);
    demand(request->ref[0] != '\0' && strlen(request->ref) < SMKI_BATCH_CSR_REF_SIZE);
    demand(request->der.size <= SMKI_CSR_MAX_SIZE && (request->decode_code == 0 || request->der.size == 0));
    return 0;
}

static int read_cut(const uint8_t *at, size_t size, size_t step, uint32_t *count)
{
    static const struct batch_limits limits = {.max_csrs = 100, .max_upload = 1 << 20};
    struct smki_error err = {0};
    struct request_xml_reader *reader;
    int rc = request_xml_open(&reader, &request_form_batch, &limits, each, count, &err);

    demand(rc == 0);
    for (size_t done = 0; rc == 0 && done < size; done += step)
        rc = request_xml_feed(reader, BYTES(at + done, size - done < step ? size - done : step), false, &err);
    if (rc == 0)
        rc = request_xml_feed(reader, (struct smki_bytes){0}, true, &err);
    demand(rc == 0 || (err.code == rc && err.text[0] != '\0'));
    demand(rc != 0 || (*count > 0 && *count == request_xml_count(reader) && request_xml_ref(reader)[0] != '\0'));
    request_xml_close(reader);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    uint32_t whole = 0, cut = 0;
    int rc = read_cut(at, size, size + 1, &whole);

    demand(read_cut(at, size, size != 0 ? 1 + at[size / 2] % 13 : 1, &cut) == rc && whole == cut);
    return 0;
}
