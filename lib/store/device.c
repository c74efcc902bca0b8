/* The inventory of devices. */
#include "store/engine_i.h"

#include <string.h>

#define DEVICE_LAYOUT 1
#define DEVICE_SIZE   (1 + 1 + 1 + 8 + 8 + 4)

static int device_read(struct smki_device *out, const struct smki_device_id *id, struct smki_bytes value, struct smki_error *err)
{
    struct cursor cursor = cursor_of(value);
    int rc;

    if ((rc = layout_check(&cursor, DEVICE_LAYOUT, "a device", err)) != 0)
        return rc;
    *out = (struct smki_device){.id = *id};
    out->type = cursor_u8(&cursor);
    out->status = cursor_u8(&cursor);
    out->import_supplier = cursor_u64(&cursor);
    out->gas_supplier = cursor_u64(&cursor);
    out->certificate_limit = cursor_u32(&cursor);
    return cursor_close(&cursor, "a device", err);
}

int store_device_get(struct store_view *view, const struct smki_device_id *id, struct smki_device *out, struct smki_error *err)
{
    struct smki_bytes value;
    int rc = row_get(view, DB_DEVICES, BYTES(id->octet, sizeof(id->octet)), &value, err);

    return rc != 0 ? rc : device_read(out, id, value, err);
}

int store_device_put(struct store_change *change, const struct smki_device *device, struct smki_error *err)
{
    uint8_t octets[DEVICE_SIZE];
    struct writer writer = writer_of(octets, sizeof(octets));

    write_u8(&writer, DEVICE_LAYOUT);
    write_u8(&writer, (uint8_t)device->type);
    write_u8(&writer, (uint8_t)device->status);
    write_u64(&writer, device->import_supplier);
    write_u64(&writer, device->gas_supplier);
    write_u32(&writer, device->certificate_limit);
    return row_put(change, DB_DEVICES, BYTES(device->id.octet, sizeof(device->id.octet)), BYTES(octets, writer_size(&writer)), err);
}

/* An ID of all zeroes is no device's: it stands before the first. */
int store_device_next(struct store_view *view, struct smki_device_id *after, struct smki_device *out, struct smki_error *err)
{
    struct smki_bytes key, value;
    int rc = row_after(view, DB_DEVICES, BYTES(after->octet, sizeof(after->octet)), &key, &value, err);

    if (rc != 0)
        return rc;
    if (key.size != sizeof(after->octet))
        return smki_fail(err, SMKI_STORE_CORRUPT, "a device with an ID of %zu octets", key.size);
    memcpy(after->octet, key.at, sizeof(after->octet));
    return device_read(out, after, value, err);
}
