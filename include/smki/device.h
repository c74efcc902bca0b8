/* Devices: the inventory (what the operator knows of a device), and the certificates they hold. */
#ifndef SMKI_DEVICE_H
#define SMKI_DEVICE_H

#include <smki/base.h>

#define SMKI_DEVICE_CERTIFICATE_LIMIT 100 /* certificates for one Device ID (IDS 2.3; interfaces.md 4, 5) */

enum smki_device_type {
    SMKI_TYPE_UNKNOWN, SMKI_TYPE_ESME, SMKI_TYPE_GSME, SMKI_TYPE_CHF, SMKI_TYPE_GPF, SMKI_TYPE_HCALCS, SMKI_TYPE_PPMID, SMKI_TYPE_TYPE2,
};
enum smki_smi_status {
    SMKI_SMI_UNKNOWN, SMKI_SMI_PENDING, SMKI_SMI_WHITELISTED, SMKI_SMI_INSTALLED_NOT_COMMISSIONED, SMKI_SMI_COMMISSIONED, SMKI_SMI_SUSPENDED,
    SMKI_SMI_RECOVERY, SMKI_SMI_RECOVERED, SMKI_SMI_DECOMMISSIONED, SMKI_SMI_WITHDRAWN,
};

struct smki_device {
    struct smki_device_id id;
    enum smki_device_type type;
    enum smki_smi_status status;
    uint64_t import_supplier, gas_supplier; /* Party numbers; 0: nobody known */
    uint32_t certificate_limit;             /* 0: the default */
};

#endif
