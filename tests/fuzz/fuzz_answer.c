/* Answers of the web services, all three kinds: whatever comes, the verdict does not hang on how the document is cut, and what is handed
 * over keeps its promises. The first octet of the input chooses the kind. */
#include "message/answer_reader_i.h"

#include <smki/certificate.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size);

static void demand(bool it)
{
    if (!it)
        abort();
}

static int each(void *context, const struct answer_entry *entry, struct smki_error *err)
{
    uint32_t *count = context;

    (void)err;
    demand(entry->index == ++*count);
    demand(strlen(entry->ref) < SMKI_BATCH_CSR_REF_SIZE && strlen(entry->error_code) < ANSWER_CODE_SIZE);
    demand((entry->status == SMKI_STATUS_SUCCESS) == (entry->error_code[0] == '\0'));
    demand((entry->status == SMKI_STATUS_SUCCESS) == (entry->certificate.size != 0));
    demand(entry->certificate.size <= SMKI_CERTIFICATE_MAX_SIZE + 3);
    return 0;
}

static int read_cut(enum answer_kind kind, const uint8_t *at, size_t size, size_t step, uint32_t *count)
{
    struct smki_error err = {0};
    struct answer_reader *reader;
    int rc = answer_reader_open(&reader, kind, each, count, &err);

    demand(rc == 0);
    for (size_t done = 0; rc == 0 && done < size; done += step)
        rc = answer_reader_feed(reader, BYTES(at + done, size - done < step ? size - done : step), false, &err);
    if (rc == 0)
        rc = answer_reader_feed(reader, (struct smki_bytes){0}, true, &err);
    demand(rc == 0 || (err.code == rc && err.text[0] != '\0'));
    demand(rc != 0 || answer_reader_told(reader)->entries == *count);
    answer_reader_close(reader);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    uint32_t whole = 0, cut = 0;
    enum answer_kind kind;
    int rc;

    if (size == 0)
        return 0;
    kind = (enum answer_kind)(at[0] % 3);
    rc = read_cut(kind, at + 1, size - 1, size, &whole);
    demand(read_cut(kind, at + 1, size - 1, 1 + at[size / 2] % 13, &cut) == rc && whole == cut);
    return 0;
}
