/* What is looked up by its owner: a Party's certificates that came one by one, its batches, and the certificates of an organisation's
 * EUI-64. Certificates of batches have no row here: there are hundreds of thousands a night, and they are listed as their batch. */
#include "store/engine_i.h"

#include <string.h>

#define PICKUP_LAYOUT         1
#define PICKUP_SIZE           (1 + 1 + 1 + 8)
#define PICKUP_KEY_SIZE       (8 + SMKI_SERIAL_SIZE)
#define BATCH_KEY_SIZE        (8 + 8)
#define ORGANISATION_KEY_SIZE (SMKI_DEVICE_ID_SIZE + SMKI_SERIAL_SIZE)

/* ---- certificates that came one by one ---- */

static struct smki_bytes pickup_key(uint8_t key[PICKUP_KEY_SIZE], uint64_t party, const uint8_t serial[SMKI_SERIAL_SIZE])
{
    struct writer writer = writer_of(key, PICKUP_KEY_SIZE);

    write_u64(&writer, party);
    write_bytes(&writer, serial, SMKI_SERIAL_SIZE);
    return BYTES(key, PICKUP_KEY_SIZE);
}

int store_pickup_add(struct store_change *change, const struct store_pickup *pickup, struct smki_error *err)
{
    uint8_t key[PICKUP_KEY_SIZE], value[PICKUP_SIZE];
    struct writer writer = writer_of(value, sizeof(value));

    write_u8(&writer, PICKUP_LAYOUT);
    write_u8(&writer, (uint8_t)pickup->ca);
    write_u8(&writer, pickup->interface);
    write_u64(&writer, (uint64_t)pickup->issued_at.us);
    return row_put(change, DB_PICKUP, pickup_key(key, pickup->party, pickup->serial), BYTES(value, writer_size(&writer)), err);
}

int store_pickup_remove(struct store_change *change, uint64_t party, const uint8_t serial[SMKI_SERIAL_SIZE], struct smki_error *err)
{
    uint8_t key[PICKUP_KEY_SIZE];

    return row_remove(change, DB_PICKUP, pickup_key(key, party, serial), err);
}

/* The row that was found beside one of the Party's; NOT_FOUND when it is another's. */
static int pickup_read(struct store_pickup *out, uint64_t party, struct smki_bytes key, struct smki_bytes value, struct smki_error *err)
{
    struct cursor at = cursor_of(key), cursor = cursor_of(value);
    struct smki_bytes serial;
    int rc;

    *out = (struct store_pickup){.party = cursor_u64(&at)};
    serial = cursor_take(&at, SMKI_SERIAL_SIZE);
    if ((rc = cursor_close(&at, "the key of a certificate to pick up", err)) != 0)
        return rc;
    if (out->party != party)
        return SMKI_NOT_FOUND;
    memcpy(out->serial, serial.at, SMKI_SERIAL_SIZE);
    if ((rc = layout_check(&cursor, PICKUP_LAYOUT, "a certificate to pick up", err)) != 0)
        return rc;
    out->ca = (enum store_ca)cursor_u8(&cursor);
    out->interface = cursor_u8(&cursor);
    out->issued_at.us = (int64_t)cursor_u64(&cursor);
    return cursor_close(&cursor, "a certificate to pick up", err);
}

int store_pickup_next(struct store_view *view, uint64_t party, const uint8_t serial[SMKI_SERIAL_SIZE], struct store_pickup *out,
                      struct smki_error *err)
{
    uint8_t after[PICKUP_KEY_SIZE];
    struct smki_bytes key, value;
    int rc = row_after(view, DB_PICKUP, pickup_key(after, party, serial), &key, &value, err);

    return rc != 0 ? rc : pickup_read(out, party, key, value, err);
}

int store_pickup_before(struct store_view *view, uint64_t party, const uint8_t serial[SMKI_SERIAL_SIZE], struct store_pickup *out,
                        struct smki_error *err)
{
    uint8_t before[PICKUP_KEY_SIZE];
    struct smki_bytes key, value;
    int rc = row_before(view, DB_PICKUP, pickup_key(before, party, serial), &key, &value, err);

    return rc != 0 ? rc : pickup_read(out, party, key, value, err);
}

/* ---- batches of a Party ---- */

static struct smki_bytes batch_key(uint8_t key[BATCH_KEY_SIZE], uint64_t party, uint64_t id)
{
    struct writer writer = writer_of(key, BATCH_KEY_SIZE);

    write_u64(&writer, party);
    write_u64(&writer, id);
    return BYTES(key, BATCH_KEY_SIZE);
}

/* A batch is put many times in its life: only the first writes. */
int party_batch_note(struct store_change *change, uint64_t party, uint64_t id, struct smki_error *err)
{
    uint8_t octets[BATCH_KEY_SIZE];
    struct smki_bytes key = batch_key(octets, party, id), value;
    int rc = row_get(store_change_view(change), DB_PARTY_BATCHES, key, &value, err);

    return rc == SMKI_NOT_FOUND ? row_put(change, DB_PARTY_BATCHES, key, (struct smki_bytes){0}, err) : rc;
}

int store_batch_of_party_before(struct store_view *view, uint64_t party, uint64_t id, struct smki_batch *out, struct smki_error *err)
{
    uint8_t before[BATCH_KEY_SIZE];
    struct smki_bytes key;
    struct cursor cursor;
    uint64_t found, whose;
    int rc = row_before(view, DB_PARTY_BATCHES, batch_key(before, party, id != 0 ? id : UINT64_MAX), &key, NULL, err);

    if (rc != 0)
        return rc;
    cursor = cursor_of(key);
    whose = cursor_u64(&cursor);
    found = cursor_u64(&cursor);
    if ((rc = cursor_close(&cursor, "the key of a Party's batch", err)) != 0)
        return rc;
    return whose == party ? store_batch_get(view, found, out, err) : SMKI_NOT_FOUND;
}

/* ---- certificates of an organisation ---- */

static struct smki_bytes organisation_key(uint8_t key[ORGANISATION_KEY_SIZE], const struct smki_device_id *eui,
                                          const uint8_t serial[SMKI_SERIAL_SIZE])
{
    memcpy(key, eui->octet, SMKI_DEVICE_ID_SIZE);
    memcpy(key + SMKI_DEVICE_ID_SIZE, serial, SMKI_SERIAL_SIZE);
    return BYTES(key, ORGANISATION_KEY_SIZE);
}

int store_organisation_add(struct store_change *change, const struct smki_device_id *eui, const uint8_t serial[SMKI_SERIAL_SIZE],
                           struct smki_error *err)
{
    uint8_t key[ORGANISATION_KEY_SIZE];

    return row_put(change, DB_ORGANISATIONS, organisation_key(key, eui, serial), (struct smki_bytes){0}, err);
}

/* The row that was found beside one of the organisation's; NOT_FOUND when it is another's. */
static int organisation_read(struct store_view *view, const struct smki_device_id *eui, struct smki_bytes key,
                             uint8_t serial[SMKI_SERIAL_SIZE], struct store_certificate *out, struct smki_error *err)
{
    if (key.size != ORGANISATION_KEY_SIZE)
        return smki_fail(err, SMKI_STORE_CORRUPT, "an organisation's certificate under a key of %zu octets", key.size);
    if (memcmp(key.at, eui->octet, SMKI_DEVICE_ID_SIZE) != 0)
        return SMKI_NOT_FOUND;
    memcpy(serial, key.at + SMKI_DEVICE_ID_SIZE, SMKI_SERIAL_SIZE);
    return store_certificate_get(view, STORE_CA_OCA, serial, out, err);
}

int store_organisation_next(struct store_view *view, const struct smki_device_id *eui, uint8_t serial[SMKI_SERIAL_SIZE],
                            struct store_certificate *out, struct smki_error *err)
{
    uint8_t after[ORGANISATION_KEY_SIZE];
    struct smki_bytes key;
    int rc = row_after(view, DB_ORGANISATIONS, organisation_key(after, eui, serial), &key, NULL, err);

    return rc != 0 ? rc : organisation_read(view, eui, key, serial, out, err);
}

int store_organisation_before(struct store_view *view, const struct smki_device_id *eui, uint8_t serial[SMKI_SERIAL_SIZE],
                              struct store_certificate *out, struct smki_error *err)
{
    uint8_t before[ORGANISATION_KEY_SIZE];
    struct smki_bytes key;
    int rc = row_before(view, DB_ORGANISATIONS, organisation_key(before, eui, serial), &key, NULL, err);

    return rc != 0 ? rc : organisation_read(view, eui, key, serial, out, err);
}
