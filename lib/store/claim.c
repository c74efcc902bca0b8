/* Claims: by device, in the order of their serials; and by the print of the key, which leads to the device (print.c). */
#include "store/engine_i.h"

#include <string.h>

#define CLAIM_LAYOUT   1
#define PRINT_SIZE     8
#define CLAIM_KEY_SIZE (SMKI_DEVICE_ID_SIZE + SMKI_SERIAL_SIZE)
#define CLAIM_SIZE     (1 + 1 + PRINT_SIZE + 1)

static struct smki_bytes claim_key(uint8_t key[CLAIM_KEY_SIZE], const struct store_claim *claim)
{
    memcpy(key, claim->device_id.octet, SMKI_DEVICE_ID_SIZE);
    memcpy(key + SMKI_DEVICE_ID_SIZE, claim->serial, SMKI_SERIAL_SIZE);
    return BYTES(key, CLAIM_KEY_SIZE);
}

static struct smki_bytes claim_value(uint8_t value[CLAIM_SIZE], const struct store_claim *claim)
{
    struct writer writer = writer_of(value, CLAIM_SIZE);

    write_u8(&writer, CLAIM_LAYOUT);
    write_u8(&writer, claim->key_usage);
    write_bytes(&writer, claim->key_print, PRINT_SIZE);
    write_u8(&writer, claim->revoked);
    return BYTES(value, writer_size(&writer));
}

static int claim_read(struct store_claim *out, struct smki_bytes key, struct smki_bytes value, struct smki_error *err)
{
    struct cursor cursor = cursor_of(value);
    struct smki_bytes print;
    int rc;

    if (key.size != CLAIM_KEY_SIZE)
        return smki_fail(err, SMKI_STORE_CORRUPT, "a claim with a key of %zu octets", key.size);
    if ((rc = layout_check(&cursor, CLAIM_LAYOUT, "a claim", err)) != 0)
        return rc;
    memcpy(out->device_id.octet, key.at, SMKI_DEVICE_ID_SIZE);
    memcpy(out->serial, key.at + SMKI_DEVICE_ID_SIZE, SMKI_SERIAL_SIZE);
    out->key_usage = cursor_u8(&cursor);
    print = cursor_take(&cursor, PRINT_SIZE);
    out->revoked = cursor_u8(&cursor);
    if ((rc = cursor_close(&cursor, "a claim", err)) == 0)
        memcpy(out->key_print, print.at, PRINT_SIZE);
    return rc;
}

/* ---- reading ---- */

/* The claim of claim's device with the least serial after claim's; NOT_FOUND after the last. */
static int claim_next(struct store_view *view, struct store_claim *claim, struct smki_error *err)
{
    struct smki_device_id id = claim->device_id;
    struct smki_bytes key, value;
    uint8_t after[CLAIM_KEY_SIZE];
    int rc = row_after(view, DB_CLAIMS, claim_key(after, claim), &key, &value, err);

    if (rc != 0)
        return rc;
    if ((rc = claim_read(claim, key, value, err)) != 0)
        return rc;
    return memcmp(&claim->device_id, &id, sizeof(id)) == 0 ? 0 : SMKI_NOT_FOUND;
}

int store_claims_of_device(struct store_view *view, const struct smki_device_id *id, size_t *count,
                           bool (*each)(void *context, const struct store_claim *claim), void *context, struct smki_error *err)
{
    struct store_claim claim = {.device_id = *id};
    int rc;

    for (*count = 0; (rc = claim_next(view, &claim, err)) == 0; *count += 1)
        if (each != NULL && !each(context, &claim))
            each = NULL;
    return rc == SMKI_NOT_FOUND ? 0 : rc;
}

/* The claim of this device on this key print with the least serial, or NOT_FOUND. */
static int claim_of_print(struct store_view *view, const struct smki_device_id *id, const uint8_t print[PRINT_SIZE],
                          struct store_claim *out, struct smki_error *err)
{
    int rc;

    *out = (struct store_claim){.device_id = *id};
    while ((rc = claim_next(view, out, err)) == 0)
        if (memcmp(out->key_print, print, PRINT_SIZE) == 0)
            return 0;
    return rc;
}

int store_claims_of_key(struct store_view *view, const uint8_t key_print[8], bool (*each)(void *context, const struct store_claim *claim),
                        void *context, struct smki_error *err)
{
    struct smki_device_id id = {{0}};
    struct store_claim claim;
    int rc;

    while ((rc = print_next(view, key_print, &id, err)) == 0) {
        if ((rc = claim_of_print(view, &id, key_print, &claim, err)) == SMKI_NOT_FOUND)
            return smki_fail(err, SMKI_STORE_CORRUPT, "a key print leads to a device without a claim on it");
        if (rc != 0 || !each(context, &claim))
            return rc;
    }
    return rc == SMKI_NOT_FOUND ? 0 : rc;
}

/* ---- writing ---- */

int store_claim_add(struct store_change *change, const struct store_claim *claim, struct smki_error *err)
{
    uint8_t key[CLAIM_KEY_SIZE], value[CLAIM_SIZE], *at;
    struct smki_bytes row = claim_value(value, claim);
    int rc = row_append(change, DB_CLAIMS, claim_key(key, claim), row.size, &at, err);

    if (rc == SMKI_ALREADY_EXISTS)
        return smki_fail(err, rc, "the device has a claim with this serial already");
    if (rc != 0)
        return rc;
    memcpy(at, row.at, row.size);
    return print_add(change, claim->key_print, &claim->device_id, err);
}

int store_claim_remove(struct store_change *change, const struct store_claim *claim, struct smki_error *err)
{
    uint8_t key[CLAIM_KEY_SIZE];
    struct store_claim other;
    int rc = row_remove(change, DB_CLAIMS, claim_key(key, claim), err);

    if (rc == SMKI_NOT_FOUND)
        return smki_fail(err, rc, "the device has no claim with this serial");
    if (rc != 0)
        return rc;
    rc = claim_of_print(store_change_view(change), &claim->device_id, claim->key_print, &other, err);
    if (rc != SMKI_NOT_FOUND)
        return rc; /* 0: the device claims the key under another serial too */
    rc = print_remove(change, claim->key_print, &claim->device_id, err);
    return rc == SMKI_NOT_FOUND ? 0 : rc; /* of thousands of devices on one print not all are kept */
}

int store_claim_revoke(struct store_change *change, const struct store_claim *claim, struct smki_error *err)
{
    uint8_t key[CLAIM_KEY_SIZE], value[CLAIM_SIZE];
    struct smki_bytes row = claim_key(key, claim), old;
    struct store_claim now;
    int rc = row_get(store_change_view(change), DB_CLAIMS, row, &old, err);

    if (rc == SMKI_NOT_FOUND)
        return smki_fail(err, rc, "the device has no claim with this serial");
    if (rc != 0 || (rc = claim_read(&now, row, old, err)) != 0)
        return rc;
    now.revoked = 1;
    return row_put(change, DB_CLAIMS, row, claim_value(value, &now), err);
}
