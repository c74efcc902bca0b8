/* DeviceCertificateSigningRequest documents: whatever comes, what is handed over keeps its promises, and the answer to it can be written.
 */
#include "message/message_i.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size);

static void demand(bool it)
{
    if (!it)
        abort();
}

/* What a client's text can do to an answer: its ID comes back, and words about it. */
static void answer(const char *ref, int code, const char *words)
{
    const struct adhoc_response response = {.ref = ref, .build = "0", .transaction = 1, .code = code, .text = words};
    struct smki_buffer out = {0};
    static const char end[] = "</DeviceCertificateSigningResponse>\n";

    demand(adhoc_xml_response(&out, &response, NULL) == 0);
    demand(out.size > strlen(end) && memcmp(out.at + out.size - strlen(end), end, strlen(end)) == 0);
    demand(memchr(out.at, '\0', out.size) == NULL);
    smki_buffer_finish(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    struct smki_buffer csr = {0};
    struct smki_error err = {0};
    char ref[SMKI_ADHOC_REF_SIZE];
    int csr_code, rc = adhoc_xml_read(ref, &csr, &csr_code, BYTES(at, size), &err);

    demand(rc == 0 || (err.code == rc && err.text[0] != '\0'));
    demand(strlen(ref) < sizeof(ref));
    demand(csr.size <= SMKI_CSR_MAX_SIZE && (csr_code == 0 || csr.size == 0));
    demand(rc != 0 || ref[0] != '\0');
    answer(ref, rc, err.text);
    smki_buffer_finish(&csr);
    return 0;
}
