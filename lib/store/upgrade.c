/* Stores of older formats are brought up to date when they are opened: one step a format, each a change of its own, so that a step is done
 * or is not. */
#include "store/engine_i.h"

#include <stdlib.h>
#include <string.h>

/* Format 1 had no list of open batches: every batch was read to find the work. */
static int upgrade_1(struct store_change *change, struct smki_error *err)
{
    struct store_view *view = store_change_view(change);
    struct smki_batch batch;
    uint64_t id = 0;
    int rc;

    while ((rc = store_batch_next(view, &id, &batch, err)) == 0)
        if ((rc = store_batch_put(change, &batch, err)) != 0)
            return rc;
    return rc == SMKI_NOT_FOUND ? 0 : rc;
}

/* Format 2 had a row for each key print, with print and Device ID as its key: longer than the keys of runs, among which they lie. */
static int upgrade_2(struct store_change *change, struct smki_error *err)
{
    uint8_t after[STORE_KEY_MAX];
    const size_t print_size = 8;
    struct smki_bytes key = {0};
    struct smki_device_id id;
    int rc;

    while ((rc = row_after(store_change_view(change), DB_KEY_PRINTS, BYTES(after, key.size), &key, NULL, err)) == 0) {
        memcpy(after, key.at, key.size); /* LMDB's keys are never longer */
        if (key.size != print_size + sizeof(id.octet))
            continue;
        memcpy(id.octet, after + print_size, sizeof(id.octet));
        if ((rc = row_remove(change, DB_KEY_PRINTS, BYTES(after, key.size), err)) != 0 || (rc = print_add(change, after, &id, err)) != 0)
            return rc;
    }
    return rc == SMKI_NOT_FOUND ? 0 : rc;
}

/* Format 3 had smaller nodes of key prints and one level fewer; the keys of its rows sort before those of now. */
#define FORMAT_3_KEY_LAST 0x1f        /* first octet */
#define FORMAT_3_RUN_MAX  (4095 * 16) /* octets: entries of a print and a Device ID */

static int run_move(struct store_change *change, struct smki_bytes key, struct smki_bytes run, uint8_t room[FORMAT_3_RUN_MAX],
                    struct smki_error *err)
{
    const size_t print_size = 8, entry_size = print_size + SMKI_DEVICE_ID_SIZE;
    uint8_t padding[8 + SMKI_DEVICE_ID_SIZE];
    struct smki_device_id id;
    int rc;

    memset(padding, 0xff, sizeof(padding));
    if (run.size > FORMAT_3_RUN_MAX || run.size % entry_size != 0)
        return smki_fail(err, SMKI_STORE_CORRUPT, "a run of key prints with %zu octets", run.size);
    memcpy(room, run.at, run.size);
    if ((rc = row_remove(change, DB_KEY_PRINTS, key, err)) != 0)
        return rc;
    for (const uint8_t *entry = room; entry < room + run.size && rc == 0; entry += entry_size) {
        memcpy(id.octet, entry + print_size, sizeof(id.octet));
        if (memcmp(entry, padding, entry_size) != 0)
            rc = print_add(change, entry, &id, err);
    }
    return rc;
}

static int upgrade_3(struct store_change *change, struct smki_error *err)
{
    uint8_t *room = malloc(FORMAT_3_RUN_MAX), octets[STORE_KEY_MAX];
    struct smki_bytes key, run;
    int rc = room == NULL ? smki_fail(err, SMKI_NO_MEMORY, NULL) : 0;

    while (rc == 0 && (rc = row_after(store_change_view(change), DB_KEY_PRINTS, BYTES(NULL, 0), &key, &run, err)) == 0) {
        if (key.at[0] > FORMAT_3_KEY_LAST)
            break;
        memcpy(octets, key.at, key.size); /* LMDB's keys are never longer */
        rc = run_move(change, BYTES(octets, key.size), run, room, err);
    }
    free(room);
    return rc == SMKI_NOT_FOUND ? 0 : rc;
}

/* Format 4 had no lists by owner: of a Party's batches, of an organisation's certificates, of what a Party may pick up. */
static int upgrade_4_batches(struct store_change *change, struct smki_error *err)
{
    struct store_view *view = store_change_view(change);
    struct smki_batch batch;
    uint64_t id = 0;
    int rc;

    while ((rc = store_batch_next(view, &id, &batch, err)) == 0)
        if ((rc = party_batch_note(change, batch.party, id, err)) != 0)
            return rc;
    return rc == SMKI_NOT_FOUND ? 0 : rc;
}

/* This room reads no certificates. But all of the OCA's were written by this library, as interfaces.md 7 says: uniqueIdentifier, a BIT
 * STRING of 8 octets without unused bits, stands in the subject, and nowhere before it. */
static bool eui_of(const struct store_certificate *certificate, struct smki_device_id *eui)
{
    static const uint8_t before[] = {0x06, 0x03, 0x55, 0x04, 0x2d, 0x03, 0x09, 0x00};
    const uint8_t *at = memmem(certificate->der.at, certificate->der.size, before, sizeof(before));

    if (at == NULL || (size_t)(certificate->der.at + certificate->der.size - at) < sizeof(before) + sizeof(eui->octet))
        return false;
    memcpy(eui->octet, at + sizeof(before), sizeof(eui->octet));
    return true;
}

static int upgrade_4_organisations(struct store_change *change, struct smki_error *err)
{
    struct store_view *view = store_change_view(change);
    uint8_t serial[SMKI_SERIAL_SIZE] = {0};
    struct store_certificate certificate;
    struct smki_device_id eui;
    int rc;

    while ((rc = store_certificate_next(view, STORE_CA_OCA, serial, &certificate, err)) == 0)
        if (eui_of(&certificate, &eui) && (rc = store_organisation_add(change, &eui, serial, err)) != 0)
            return rc;
    return rc == SMKI_NOT_FOUND ? 0 : rc;
}

/* The record that a request was granted says by which way it came; one that came alone has no place in a batch. */
static int pickup_of_record(struct store_change *change, const struct smki_audit_record *record, struct smki_error *err)
{
    struct store_pickup pickup = {.interface = (uint8_t)record->actor.interface};
    struct store_certificate certificate;
    int rc;

    if (record->act != SMKI_ACT_CSR_DECIDE || record->outcome != 0 || record->index != 0 || record->serial.size != SMKI_SERIAL_SIZE)
        return 0;
    memcpy(pickup.serial, record->serial.octet, SMKI_SERIAL_SIZE);
    rc = store_certificate_find(store_change_view(change), pickup.serial, &certificate, NULL);
    if (rc == SMKI_NOT_FOUND) /* not signed yet, or void */
        return 0;
    if (rc != 0)
        return smki_fail(err, rc, "reading the certificate of audit record %llu", (unsigned long long)record->sequence);
    if ((certificate.ca != STORE_CA_DCA && certificate.ca != STORE_CA_OCA) || certificate.party == 0)
        return 0;
    pickup.party = certificate.party;
    pickup.ca = certificate.ca;
    pickup.issued_at = certificate.issued_at;
    return store_pickup_add(change, &pickup, err);
}

#define FORMAT_4_PICKUP (30 * SMKI_DAY) /* interfaces.md 4: older ones nobody is shown */

static int upgrade_4_pickup(struct store_change *change, struct smki_error *err)
{
    struct store_view *view = store_change_view(change);
    const int64_t since = store_change_time(change).us - FORMAT_4_PICKUP;
    struct store_checkpoint head;
    struct smki_audit_record record;
    int rc = store_head(view, &head, err);

    if (rc != 0)
        return rc == SMKI_NOT_FOUND ? 0 : rc;
    for (uint64_t sequence = head.sequence; sequence > 0; sequence--) {
        if ((rc = store_record_get(view, sequence, &record, err)) != 0)
            return rc;
        if (record.time.us < since)
            return 0;
        if ((rc = pickup_of_record(change, &record, err)) != 0)
            return rc;
    }
    return 0;
}

static int upgrade_4(struct store_change *change, struct smki_error *err)
{
    int rc = upgrade_4_batches(change, err);

    if (rc == 0)
        rc = upgrade_4_organisations(change, err);
    return rc == 0 ? upgrade_4_pickup(change, err) : rc;
}

static const struct {
    uint32_t from;
    int (*run)(struct store_change *change, struct smki_error *err);
} steps[] = {
    {1, upgrade_1},
    {2, upgrade_2},
    {3, upgrade_3},
    {4, upgrade_4},
};

/* Several processes may open the store at once: the step is chosen by what the format is inside the change. */
static int upgrade_step(struct store_change *change, void *argument, struct smki_error *err)
{
    uint32_t *format = argument;
    int rc;

    if ((rc = format_get(store_change_view(change), format, err)) != 0 || *format == STORE_FORMAT)
        return rc;
    for (size_t i = 0; i < ARRAY_COUNT(steps); i++) {
        if (steps[i].from != *format)
            continue;
        if ((rc = steps[i].run(change, err)) != 0 || (rc = format_put(change, *format + 1, err)) != 0)
            return rc;
        *format += 1;
        return 0;
    }
    return smki_fail(err, SMKI_STORE_CORRUPT, "the store says that it has format %u, which never was", *format);
}

int store_upgrade(struct smki_store *store, struct smki_error *err)
{
    uint32_t from = store->format;
    int rc;

    while (store->format != STORE_FORMAT)
        if ((rc = store_change(store, upgrade_step, &store->format, err)) != 0)
            return smki_error_prefix(err, "%s: upgrading from format %u", store->folder, from), rc;
    return 0;
}
