/* The policy of a Device CSR that has been read and verified: who may ask, how often, and for which key (interfaces.md 4, 5, 9, 12.8). */
#include "ra/service_i.h"

#include "registry/registry_i.h"

#include <string.h>

struct store_claim device_claim(const struct smki_csr *csr, const uint8_t serial[SMKI_SERIAL_SIZE])
{
    struct store_claim claim = {.device_id = csr->device_id, .key_usage = (uint8_t)csr->key_usage};
    uint8_t digest[SHA256_SIZE];

    sha256(digest, csr->point, sizeof(csr->point));
    memcpy(claim.key_print, digest, sizeof(claim.key_print));
    memcpy(claim.serial, serial, SMKI_SERIAL_SIZE);
    return claim;
}

bool device_is_refusal(int code)
{
    switch (smki_refusal_find(code)->status) {
    case SMKI_STATUS_INELIGIBLE:
    case SMKI_STATUS_CSR_ERROR:
    case SMKI_STATUS_UNKNOWN_DEVICE:
    case SMKI_STATUS_ISSUANCE_ANOMALY:
        return true;
    default:
        return false;
    }
}

struct duplicate_search {
    const struct store_claim *wanted;
    bool found;
};

static bool is_duplicate(void *context, const struct store_claim *claim)
{
    struct duplicate_search *search = context;

    search->found = !claim->revoked && claim->key_usage == search->wanted->key_usage &&
                    memcmp(claim->key_print, search->wanted->key_print, sizeof(claim->key_print)) == 0;
    return !search->found;
}

/* Key prints are truncated: before a refusal the whole key in the earlier certificate is looked at. One that is granted but not yet signed
 * has no certificate to look at; 64 equal bits are then taken for the same key. */
static int same_key(struct store_view *view, const struct store_claim *claim, const struct smki_csr *csr, bool *same,
                    struct smki_error *err)
{
    struct store_certificate stored;
    struct smki_certificate certificate;
    int rc = store_certificate_get(view, STORE_CA_DCA, claim->serial, &stored, NULL);

    *same = true;
    if (rc == SMKI_NOT_FOUND)
        return 0;
    if (rc != 0)
        return smki_fail(err, rc, NULL);
    if ((rc = smki_certificate_read(&certificate, stored.der, err)) != 0)
        return rc;
    *same = memcmp(certificate.point, csr->point, sizeof(csr->point)) == 0;
    return 0;
}

struct key_search {
    struct store_view *view;
    const struct smki_csr *csr;
    struct smki_error *err;
    int rc;
    bool found; /* another device has the key */
};

static bool is_of_another(void *context, const struct store_claim *claim)
{
    struct key_search *search = context;

    if (memcmp(&claim->device_id, &search->csr->device_id, sizeof(claim->device_id)) == 0)
        return true;
    search->rc = same_key(search->view, claim, search->csr, &search->found, search->err);
    return search->rc == 0 && !search->found;
}

static int key_check(struct store_view *view, const struct store_claim *wanted, const struct smki_csr *csr, struct smki_error *err)
{
    struct key_search search = {.view = view, .csr = csr, .err = err};
    int rc = store_claims_of_key(view, wanted->key_print, is_of_another, &search, err);

    if (rc != 0 || (rc = search.rc) != 0)
        return rc;
    return search.found ? smki_fail(err, SMKI_KEY_OF_ANOTHER_DEVICE, NULL) : 0;
}

static int claims_check(struct store_view *view, const struct device_question *question, const struct smki_device *device,
                        struct smki_error *err)
{
    struct duplicate_search search = {.wanted = question->claim};
    const uint32_t limit = device->certificate_limit != 0 ? device->certificate_limit : question->config->device_certificate_limit;
    size_t count;
    int rc;

    if ((rc = store_claims_of_device(view, &question->csr->device_id, &count, is_duplicate, &search, err)) != 0)
        return rc;
    if (question->replaces_only && count == 0)
        return smki_fail(err, SMKI_DEVICE_UNKNOWN, NULL);
    if (search.found)
        return smki_fail(err, SMKI_CSR_DUPLICATE, NULL);
    if (count >= limit)
        return smki_fail(err, SMKI_DEVICE_LIMIT, "the device has %zu certificates, its limit is %u: ask the Service Desk to raise it",
                         count, limit);
    return key_check(view, question->claim, question->csr, err);
}

int device_decide(struct store_view *view, const struct device_question *question, struct smki_error *err)
{
    struct smki_device device;
    int rc;

    if ((rc = device_get(view, &question->csr->device_id, &device, err)) != 0)
        return rc;
    if (question->eligibility && (rc = smki_eligibility_check(&question->config->eligibility, question->party, &device, err)) != 0)
        return rc;
    return claims_check(view, question, &device, err);
}
