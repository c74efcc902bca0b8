/* See document.h. */
#include "document.h"
#include "requests.h"

#include "base/base_i.h"

int document_make(const char *path, enum smki_batch_form form, const struct request *requests, size_t count, struct smki_error *err)
{
    struct smki_pack *pack;
    char name[32];
    int rc = smki_pack_open(&pack, path, form, "bench", err);

    if (rc != 0)
        return rc;
    for (size_t i = 0; i < count && rc == 0; i++) {
        snprintf(name, sizeof(name), "meter-%06zu", i + 1);
        rc = smki_pack_add(pack, name, BYTES(requests[i].der, requests[i].size), err);
    }
    if (rc == 0)
        rc = smki_pack_finish(pack, err);
    smki_pack_close(pack);
    return rc;
}
