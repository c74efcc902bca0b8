/* See fill.h. */
#include "fill.h"

#include <inttypes.h>
#include <string.h>

#define CHANGE_SIZE      250 /* certificates in a change: a chunk */
#define DER_SIZE         442 /* octets of a Device Certificate */
#define CERTIFICATES_MAX 2   /* a device gets digitalSignature and keyAgreement */

uint64_t fill_mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static void put_u64(uint8_t *out, uint64_t number)
{
    struct writer writer = writer_of(out, 8);

    write_u64(&writer, number);
}

struct smki_device_id fill_device(uint64_t number)
{
    uint64_t device = number / CERTIFICATES_MAX;
    struct smki_device_id id;

    put_u64(id.octet, (UINT64_C(0x90b3d5) << 40) + ((device / 5000 % 64) << 32) + (device / 320000) * 5000 + device % 5000);
    return id;
}

static bool know(void *known, const struct store_claim *claim)
{
    (void)claim;
    *(bool *)known = true;
    return false;
}

/* What is asked before a certificate is granted: the device's claims, and whether the key is known. */
static int ask(struct store_view *view, const struct store_claim *wanted, struct smki_error *err)
{
    size_t count;
    bool known = false;
    int rc = store_claims_of_device(view, &wanted->device_id, &count, NULL, NULL, err);

    if (rc != 0 || (rc = store_claims_of_key(view, wanted->key_print, know, &known, err)) != 0)
        return rc;
    return known ? smki_fail(err, SMKI_INTERNAL, "a print came twice") : 0;
}

static int add_one(struct store_change *change, struct fill *fill, uint64_t place, struct smki_error *err)
{
    static uint8_t der[DER_SIZE];
    uint64_t number = fill->done + place;
    struct store_certificate certificate = {
        .ca = STORE_CA_DCA, .der = BYTES(der, sizeof(der)), .party = 1, .batch = 1, .index = (uint32_t)number + 1};
    struct store_claim claim = {.device_id = fill_device(number), .key_usage = number % 2 == 0 ? 0x80 : 0x08};
    struct smki_audit_record record = {.act = SMKI_ACT_CSR_DECIDE,
                                       .party = 1,
                                       .subject = 1,
                                       .index = (uint32_t)number + 1,
                                       .actor = {.name = "smki-batch", .interface = SMKI_INTERFACE_RUNNER}};
    int rc;

    put_u64(certificate.serial, fill->first + place);
    put_u64(certificate.serial + 8, fill_mix(number));
    memcpy(claim.serial, certificate.serial, sizeof(claim.serial));
    put_u64(claim.key_print, fill_mix(~number));
    record.device_id = claim.device_id;
    memcpy(record.serial.octet, certificate.serial, sizeof(claim.serial));
    record.serial.size = SMKI_SERIAL_SIZE;
    snprintf(record.detail, sizeof(record.detail), "meter-%" PRIu64, number);
    if ((rc = ask(store_change_view(change), &claim, err)) != 0 || (rc = store_claim_add(change, &claim, err)) != 0 ||
        (rc = store_record(change, &record, err)) != 0)
        return rc;
    return store_certificate_add(change, &certificate, err);
}

static int add_some(struct store_change *change, struct fill *fill, uint64_t count, struct smki_error *err)
{
    int rc = store_reserve_serials(change, count, &fill->first, err);

    for (uint64_t i = 0; i < count && rc == 0; i++)
        rc = add_one(change, fill, i, err);
    return rc;
}

static int add(struct store_change *change, void *fill, struct smki_error *err)
{
    return add_some(change, fill, CHANGE_SIZE, err);
}

static int add_single(struct store_change *change, void *fill, struct smki_error *err)
{
    return add_some(change, fill, 1, err);
}

int fill_add_one(struct fill *fill, struct smki_error *err)
{
    int rc = store_change(fill->store, add_single, fill, err);

    if (rc == 0)
        fill->done++;
    return rc;
}

int fill_add(struct fill *fill, uint64_t count, struct smki_error *err)
{
    int rc = 0;

    for (uint64_t i = 0; i < count && rc == 0; i += CHANGE_SIZE, fill->done += CHANGE_SIZE)
        rc = store_change(fill->store, add, fill, err);
    return rc;
}
