/* Requests and certificates in files. */
#include "smki/smki_i.h"

#define LABEL_SIZE 64

int der_take(struct smki_buffer *out, const char *path, struct smki_error *err)
{
    struct smki_buffer file = {0};
    char label[LABEL_SIZE], why[SMKI_ERROR_TEXT_SIZE];
    int rc = file_take(&file, path, FILE_MAX, err);

    if (rc == 0 && (rc = smki_pem_decode(out, label, (struct smki_bytes){file.at, file.size}, err)) != 0) {
        snprintf(why, sizeof(why), "%s", err->text);
        snprintf(err->text, sizeof(err->text), "%.200s: %.300s", path, why);
    }
    smki_buffer_finish(&file);
    return rc;
}

int pem_put(const char *path, const char *label, struct smki_bytes der, struct smki_error *err)
{
    struct smki_buffer pem = {0};
    int rc = smki_pem_encode(&pem, label, der, err);

    if (rc == 0)
        rc = file_put(path, (struct smki_bytes){pem.at, pem.size}, err);
    smki_buffer_finish(&pem);
    return rc;
}
