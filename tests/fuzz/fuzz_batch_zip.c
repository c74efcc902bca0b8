/* Zip files: whatever comes, what passes the check is read within its limits, and a refusal says why. */
#include "message/message_i.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

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
    demand(request->index == ++*count);
    demand(strpbrk(request->ref, "/\\\n") == NULL && strlen(request->ref) > strlen(".csr") &&
           strlen(request->ref) < SMKI_BATCH_CSR_REF_SIZE);
    demand(request->der.size <= SMKI_CSR_MAX_SIZE && (request->decode_code == 0 || request->der.size == 0));
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    static const struct batch_limits limits = {.max_csrs = 100, .max_upload = 1 << 20};
    struct smki_error err = {0};
    uint32_t checked = 0, seen = 0;
    char path[64];
    int rc, file = memfd_create("batch.zip", MFD_CLOEXEC);

    demand(file >= 0 && write(file, at, size) == (ssize_t)size);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
    rc = batch_zip_check(path, &limits, &checked, &err);
    demand(rc == 0 ? checked > 0 && checked <= limits.max_csrs : err.code == rc && err.text[0] != '\0');
    if (rc == 0) {
        rc = batch_zip_read(path, &limits, each, &seen, &err);
        demand(rc == 0 ? seen == checked : err.code == rc);
    }
    close(file);
    return 0;
}
