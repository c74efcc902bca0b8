/* Stores of older formats are brought up to date when they are opened: one step a format, each a change of its own, so that a step is done
 * or is not. */
#include "store/engine_i.h"

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

static const struct {
    uint32_t from;
    int (*run)(struct store_change *change, struct smki_error *err);
} steps[] = {
    {1, upgrade_1},
    {2, upgrade_2},
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
