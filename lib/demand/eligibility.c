#include "demand/demand_i.h"

#include <smki/device.h>

_Static_assert(SMKI_DEVICE_TYPES == SMKI_TYPE_TYPE2 + 1, "one line for each device type");

/* The rows and columns of eligibility.md. */
const struct smki_eligibility smki_eligibility_default = {
    .who =
        {
            /*                      before installation       installed or in service        decommissioned, withdrawn */
            [SMKI_TYPE_CHF] = {SMKI_ELIGIBLE_DCC, SMKI_ELIGIBLE_DCC, SMKI_ELIGIBLE_NOBODY},
            [SMKI_TYPE_GPF] = {SMKI_ELIGIBLE_DCC, SMKI_ELIGIBLE_DCC, SMKI_ELIGIBLE_NOBODY},
            [SMKI_TYPE_ESME] = {SMKI_ELIGIBLE_SUBSCRIBER, SMKI_ELIGIBLE_IMPORT_SUPPLIER, SMKI_ELIGIBLE_NOBODY},
            [SMKI_TYPE_HCALCS] = {SMKI_ELIGIBLE_SUBSCRIBER, SMKI_ELIGIBLE_IMPORT_SUPPLIER, SMKI_ELIGIBLE_NOBODY},
            [SMKI_TYPE_PPMID] = {SMKI_ELIGIBLE_SUBSCRIBER, SMKI_ELIGIBLE_IMPORT_SUPPLIER, SMKI_ELIGIBLE_NOBODY},
            [SMKI_TYPE_GSME] = {SMKI_ELIGIBLE_SUBSCRIBER, SMKI_ELIGIBLE_GAS_SUPPLIER, SMKI_ELIGIBLE_NOBODY},
            [SMKI_TYPE_TYPE2] = {SMKI_ELIGIBLE_SUBSCRIBER, SMKI_ELIGIBLE_EITHER_SUPPLIER, SMKI_ELIGIBLE_NOBODY},
            [SMKI_TYPE_UNKNOWN] = {SMKI_ELIGIBLE_SUBSCRIBER, SMKI_ELIGIBLE_EITHER_SUPPLIER, SMKI_ELIGIBLE_NOBODY},
        },
};
