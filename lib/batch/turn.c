/* One submission of a Party at a time (CoCo 3; interfaces.md 10), over all processes of the home. A turn is a lock on an octet of the file
 * `turns` (octet_hold.c); a Party has as many octets as an agreement can allow it. */
#include "batch/batch_i.h"

#include <time.h>

#define TURNS_FILE "turns"

/* A turn is given back when the peer has taken the whole answer, which is noticed some milliseconds after the peer has read it. One that
 * then posts at once on another connection has waited for its answer, as the rule wants: so a turn is waited for before it is refused. */
#define TURN_STEP  (SMKI_SECOND / 200) /* us between two tries: 5 ms */
#define TURN_STEPS 50                  /* 250 ms: far more than the notice takes, and little for a thread of the server's pool */

/* One of the Party's octets that is free: true, and it is ours. *failed gets what else than another's lock stood against it. */
static bool octet_take(struct octet_hold *turn, off_t first, uint64_t count, int *failed)
{
    int one;

    *failed = 0;
    for (uint64_t i = 0; i < count; i++) {
        if (octet_hold_try(turn, first + (off_t)i, &one))
            return true;
        if (one != 0)
            *failed = one;
    }
    return false;
}

/* The same, and for a moment waits for one. */
static bool octet_wait(struct octet_hold *turn, off_t first, uint64_t count, int *failed)
{
    const struct timespec step = {.tv_nsec = TURN_STEP * 1000};

    for (int i = 0; !octet_take(turn, first, count, failed); i++) {
        if (*failed != 0 || i == TURN_STEPS)
            return false;
        nanosleep(&step, NULL);
    }
    return true;
}

/* How many of them others hold. */
static uint64_t count_taken(const struct octet_hold *turn, off_t first, uint64_t count)
{
    uint64_t taken = 0;

    for (uint64_t i = 0; i < count; i++)
        taken += octet_is_held(turn, first + (off_t)i);
    return taken;
}

int submission_turns_taken(const struct smki_service *service, uint64_t party, uint64_t *count, struct smki_error *err)
{
    struct octet_hold look;
    int rc = octet_hold_open(&look, service, TURNS_FILE, err);

    *count = 0;
    if (rc != 0)
        return rc;
    *count = count_taken(&look, (off_t)(party * SMKI_AGREEMENT_MAX_AT_ONCE), SMKI_AGREEMENT_MAX_AT_ONCE);
    octet_hold_end(&look);
    return 0;
}

static int judge(struct octet_hold *turn, const struct smki_service *service, off_t first, uint64_t agreed, struct smki_verdict *verdict,
                 struct smki_error *err)
{
    const struct smki_demand_limits *limits = &smki_service_config(service)->limits;
    const uint64_t count = agreed > 1 ? agreed : 1;
    int failed;

    if (octet_wait(turn, first, count, &failed)) {
        smki_demand_batch_one(verdict, limits, count_taken(turn, first, count), agreed, smki_service_now(service));
        return 0;
    }
    if (failed != 0)
        return smki_fail_errno(err, failed, "%s", TURNS_FILE);
    smki_demand_batch_one(verdict, limits, count, agreed, smki_service_now(service));
    return verdict->allowed ? 0 : smki_fail(err, verdict->code, "%s", verdict->text);
}

int submission_turn_take(struct octet_hold *turn, const struct smki_service *service, uint64_t party, uint64_t agreed,
                         struct smki_verdict *verdict, struct smki_error *err)
{
    const off_t first = (off_t)(party * SMKI_AGREEMENT_MAX_AT_ONCE);
    int rc;

    *turn = (struct octet_hold){.fd = -1};
    smki_demand_batch_one(verdict, &smki_service_config(service)->limits, 0, agreed, smki_service_now(service));
    if (smki_service_config(service)->limits.mode[SMKI_RULE_BATCH_ONE] == SMKI_RULE_OFF)
        return 0;
    if ((rc = octet_hold_open(turn, service, TURNS_FILE, err)) != 0)
        return rc;
    rc = judge(turn, service, first, agreed <= SMKI_AGREEMENT_MAX_AT_ONCE ? agreed : SMKI_AGREEMENT_MAX_AT_ONCE, verdict, err);
    if (rc != 0 || turn->octet < 0)
        octet_hold_end(turn);
    return rc;
}
