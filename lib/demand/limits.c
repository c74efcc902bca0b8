#include "demand/demand_i.h"

const struct smki_demand_limits smki_demand_defaults = {
    .mode = {SMKI_RULE_ENFORCE}, /* 0: all of them */
    /* interfaces.md 10, "batch capacity" (CoCo 3: 375,000 Batched CSRs in a night) */
    .night_capacity = 375000,
    /* "batch deadline": the night of D is 20:00 on D to 08:00 on D+1 */
    .night_start = 20 * 60,
    .night_end = 8 * 60,
    /* "portal batches": 50,000 Device CSRs of one Party in any 24 hours */
    .portal_batch_csrs = 50000,
    /* "portal ad hoc": 150 a Party in any 24 hours */
    .portal_adhoc_csrs = 150,
    .portal_window = 24 * SMKI_HOUR, /* sliding: 12.2 */
    /* "ad hoc web service": one CSR in any 0.8 s from 07:00 to 20:00, one in any 4 s outside */
    .adhoc_pace_day = 8 * SMKI_SECOND / 10,
    .adhoc_pace_night = 4 * SMKI_SECOND,
    .adhoc_day_from = 7 * 60,
    .adhoc_day_to = 20 * 60,
    /* "retrieval": once an hour from 22:00 */
    .poll_interval = SMKI_HOUR,
    .poll_from = 22 * 60,
    /* "notice": at least seven days */
    .agreement_notice = 7 * SMKI_DAY,
    /* interfaces.md 4, 6: results stay available for 30 days */
    .result_retention = 30 * SMKI_DAY,
};
