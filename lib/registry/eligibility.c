/* Who may hold certificates of which device: eligibility.md (SEC L3.16), as a table and a walk over it. */
#include "registry/document_i.h"

#include <string.h>

/* eligibility.md: the columns of its table. */
static const enum smki_smi_phase phases[] = {
    [SMKI_SMI_UNKNOWN] = SMKI_PHASE_BEFORE,          [SMKI_SMI_PENDING] = SMKI_PHASE_BEFORE,
    [SMKI_SMI_WHITELISTED] = SMKI_PHASE_BEFORE,      [SMKI_SMI_INSTALLED_NOT_COMMISSIONED] = SMKI_PHASE_IN_SERVICE,
    [SMKI_SMI_COMMISSIONED] = SMKI_PHASE_IN_SERVICE, [SMKI_SMI_SUSPENDED] = SMKI_PHASE_IN_SERVICE,
    [SMKI_SMI_RECOVERY] = SMKI_PHASE_IN_SERVICE,     [SMKI_SMI_RECOVERED] = SMKI_PHASE_IN_SERVICE,
    [SMKI_SMI_DECOMMISSIONED] = SMKI_PHASE_GONE,     [SMKI_SMI_WITHDRAWN] = SMKI_PHASE_GONE,
};

/* What the refusals say of a status: "the device is ...". */
static const char *const conditions[] = {
    [SMKI_SMI_UNKNOWN] = "not in the inventory, or of unknown status",
    [SMKI_SMI_PENDING] = "pending",
    [SMKI_SMI_WHITELISTED] = "whitelisted",
    [SMKI_SMI_INSTALLED_NOT_COMMISSIONED] = "installed, not commissioned",
    [SMKI_SMI_COMMISSIONED] = "commissioned",
    [SMKI_SMI_SUSPENDED] = "suspended",
    [SMKI_SMI_RECOVERY] = "in recovery",
    [SMKI_SMI_RECOVERED] = "recovered",
    [SMKI_SMI_DECOMMISSIONED] = "decommissioned",
    [SMKI_SMI_WITHDRAWN] = "withdrawn",
};

static bool is_supplier(const struct smki_party *party, uint64_t number)
{
    return number != 0 && party->number == number;
}

static bool is_in(enum smki_eligible who, const struct smki_party *party, const struct smki_device *device)
{
    bool import = is_supplier(party, device->import_supplier), gas = is_supplier(party, device->gas_supplier);
    bool dcc = (party->user_roles & SMKI_USER_DCC) != 0;

    switch (who) {
    case SMKI_ELIGIBLE_NOBODY:
        return false;
    case SMKI_ELIGIBLE_DCC:
        return dcc;
    case SMKI_ELIGIBLE_SUBSCRIBER:
        return true;
    case SMKI_ELIGIBLE_IMPORT_SUPPLIER:
        return dcc || import;
    case SMKI_ELIGIBLE_GAS_SUPPLIER:
        return dcc || gas;
    case SMKI_ELIGIBLE_EITHER_SUPPLIER:
        return dcc || import || gas;
    }
    return false;
}

/* "another Party" or "not known", never which Party. */
static int refuse_supplier(enum smki_eligible who, const struct smki_device *device, struct smki_error *err)
{
    const char *supplier = "Import Supplier";
    uint64_t known = device->import_supplier;

    if (who == SMKI_ELIGIBLE_GAS_SUPPLIER) {
        supplier = "Gas Supplier";
        known = device->gas_supplier;
    } else if (who == SMKI_ELIGIBLE_EITHER_SUPPLIER) {
        supplier = "Import or Gas Supplier";
        known |= device->gas_supplier;
    }
    return smki_fail(err, SMKI_INELIGIBLE_SUPPLIER, "the device is %s and its %s is %s", conditions[device->status], supplier,
                     known != 0 ? "another Party" : "not known: only the DCC is eligible");
}

static int refuse(enum smki_eligible who, const struct smki_device *device, struct smki_error *err)
{
    if (who == SMKI_ELIGIBLE_NOBODY)
        return smki_fail(err, SMKI_INELIGIBLE_WITHDRAWN, "the device is %s: nobody is eligible", conditions[device->status]);
    if (who == SMKI_ELIGIBLE_DCC)
        return smki_fail(err, SMKI_INELIGIBLE_DCC_ONLY, "the device is a %s and %s: only the DCC is eligible",
                         smki_device_type_word(device->type), conditions[device->status]);
    return refuse_supplier(who, device, err);
}

int smki_eligibility_check(const struct smki_eligibility *table, const struct smki_party *party, const struct smki_device *device,
                           struct smki_error *err)
{
    enum smki_eligible who;

    if ((size_t)device->type >= SMKI_DEVICE_TYPES || (size_t)device->status >= ARRAY_COUNT(phases))
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "device type %d or SMI status %d is not one that there is", (int)device->type,
                         (int)device->status);
    if ((party->subscriber & SMKI_SUBSCRIBER_DEVICE) == 0)
        return smki_fail(err, SMKI_INELIGIBLE_SUBSCRIBER, NULL);
    who = table->who[device->type][phases[device->status]];
    return is_in(who, party, device) ? 0 : refuse(who, device, err);
}
