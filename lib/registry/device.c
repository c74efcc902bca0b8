#include "registry/document_i.h"

#include <string.h>

cJSON *smki_device_json(const struct smki_device *device)
{
    cJSON *object = cJSON_CreateObject();
    const char *type = smki_device_type_word(device->type), *status = smki_smi_status_word(device->status);
    char id[SMKI_DEVICE_ID_TEXT_SIZE];
    bool ok = type != NULL && status != NULL && json_text(object, "device_id", smki_device_id_text(&device->id, id)) &&
              json_text(object, "type", type) && json_text(object, "status", status) &&
              json_known(object, "import_supplier", device->import_supplier) && json_known(object, "gas_supplier", device->gas_supplier) &&
              json_known(object, "certificate_limit", device->certificate_limit);

    return json_complete(object, ok);
}

int device_get(struct store_view *view, const struct smki_device_id *id, struct smki_device *out, struct smki_error *err)
{
    int rc = store_device_get(view, id, out, err);

    if (rc != SMKI_NOT_FOUND)
        return rc;
    *out = (struct smki_device){.id = *id}; /* eligibility.md: what is not in the inventory counts as unknown */
    return 0;
}

int smki_device_find(struct smki_store *store, const struct smki_device_id *id, struct smki_device *out, struct smki_error *err)
{
    struct store_view *view;
    int rc;

    if ((rc = store_view_begin(store, &view, err)) != 0)
        return rc;
    rc = device_get(view, id, out, err);
    store_view_end(view);
    return rc;
}

/* ---- the limit of certificates ---- */

struct limit_change {
    const struct smki_actor *actor;
    struct smki_device_id id;
    uint32_t limit;
};

static const char *limit_text(uint32_t limit, char out[16])
{
    if (limit == 0)
        return "the default";
    snprintf(out, 16, "%u", limit);
    return out;
}

int limit_record(struct store_change *change, const struct smki_actor *actor, const struct smki_device_id *id, uint32_t before,
                 uint32_t after, struct smki_error *err)
{
    struct smki_audit_record record = {.act = SMKI_ACT_OVERRIDE, .actor = *actor, .device_id = *id};
    char from[16], to[16];

    snprintf(record.detail, sizeof(record.detail), "certificate limit %s -> %s", limit_text(before, from), limit_text(after, to));
    return store_record(change, &record, err);
}

static int limit_set(struct store_change *change, void *argument, struct smki_error *err)
{
    const struct limit_change *set = argument;
    struct smki_device device;
    uint32_t before;
    int rc;

    if ((rc = device_get(store_change_view(change), &set->id, &device, err)) != 0)
        return rc;
    if (device.certificate_limit == set->limit)
        return 0;
    before = device.certificate_limit;
    device.certificate_limit = set->limit;
    if ((rc = store_device_put(change, &device, err)) != 0)
        return rc;
    return limit_record(change, set->actor, &set->id, before, set->limit, err);
}

int smki_device_set_limit(struct smki_store *store, const struct smki_actor *actor, const struct smki_device_id *id, uint32_t limit,
                          struct smki_error *err)
{
    struct limit_change set = {.actor = actor, .id = *id, .limit = limit};

    return store_change(store, limit_set, &set, err);
}
