/* smki-batch approve, reject, release: the operator's word on a batch. */
#include "batch/commands.h"

#include <inttypes.h>
#include <unistd.h>

static int approve_run(struct call *call)
{
    int rc = smki_batch_approve(call->service, &call->actor, call_batch(call), &call->err);

    if (rc == 0)
        printf("Batch %" PRIu64 " is approved and waits its turn.\n", call_batch(call));
    return rc;
}

/* Rejecting cannot be undone: a person is asked, a script says --yes. */
static int reject_confirm(struct call *call)
{
    struct smki_batch batch;
    int rc = smki_batch_find(call->service, call_batch(call), &batch, &call->err);

    if (rc != 0 || call_has(call, "yes"))
        return rc;
    if (isatty(STDIN_FILENO) != 1)
        return call_usage(call, "rejecting is final and nobody is here to be asked; give --yes");
    if (call_confirm("Reject batch %" PRIu64 " of Party %" PRIu64 " (%" PRIu32 " CSRs) for good?", batch.id, batch.party, batch.csrs))
        return 0;
    return call_fail(call, SMKI_INTERRUPTED, "batch %" PRIu64 " stays as it is", batch.id);
}

static int reject_run(struct call *call)
{
    int rc = reject_confirm(call);

    if (rc != 0)
        return rc;
    if ((rc = smki_batch_reject(call->service, &call->actor, call_batch(call), call_text(call, "reason"), &call->err)) == 0)
        printf("Batch %" PRIu64 " is rejected.\n", call_batch(call));
    return rc;
}

static int release_run(struct call *call)
{
    int rc = smki_batch_release(call->service, &call->actor, call_batch(call), &call->err);

    if (rc == 0)
        printf("Batch %" PRIu64 " can be retrieved now.\n", call_batch(call));
    return rc;
}

static const struct command_value reject_options[] = {
    {"reason", VALUE_TEXT, REQUIRED, "TEXT", "why; kept with the batch and told to the Party", NULL},
    {"yes", VALUE_FLAG, 0, NULL, "do not ask", NULL},
    {0},
};

const struct command word_commands[] = {
    {
        .name = "approve",
        .text = "Approve a PENDING batch",
        .flags = COMMAND_HOME,
        .operands = batch_operand,
        .more =
            "Needed where the configuration sets batch.approve_automatically to false; else every batch is approved as the night begins.\n",
        .run = approve_run,
    },
    {
        .name = "reject",
        .text = "Reject a PENDING batch, for good",
        .flags = COMMAND_HOME,
        .options = reject_options,
        .operands = batch_operand,
        .run = reject_run,
    },
    {
        .name = "release",
        .text = "Let a COMPLETED batch be retrieved now: before its time, or once more",
        .flags = COMMAND_HOME,
        .operands = batch_operand,
        .more = "The release is an override of the release times and is audited as one.\n",
        .run = release_run,
    },
    {0},
};
