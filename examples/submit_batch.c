/* A Party's batch, from the file to the certificates, with the client library: submitted once, waited for by the rules, retrieved once, and
 * every certificate checked.
 *
 *   cc submit_batch.c $(pkg-config --cflags --libs libsmki) -o submit_batch
 *   ./submit_batch CONFIG FILE DOCUMENT
 *
 * CONFIG is as smki-client(1) tells, FILE a SubmitCSRBatch document; what is retrieved is kept as DOCUMENT. The program may be ended and
 * run again at any time: the state file knows how far it was. Prints a line for each CSR. */
#include <smki/client.h>

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static void on_progress(void *context, const struct smki_client_progress *progress)
{
    char when[SMKI_TIME_TEXT_SIZE];
    struct smki_time *told = context;

    if (progress->phase != SMKI_CLIENT_WAITING || progress->until.us == told->us)
        return;
    fprintf(stderr, "waits until %s: %s\n", smki_time_text_people(progress->until, when), progress->why);
    *told = progress->until;
}

/* A real program would store the certificate here: it is DER in item->certificate, and it is right when item->code is 0. */
static int on_item(void *context, const struct smki_client_item *item, struct smki_error *err)
{
    (void)context;
    (void)err;
    printf("%s: %s %s%s%s\n", item->ref, item->code == 0 ? "good" : smki_refusal_find(item->code)->name, item->error_code,
           item->error_code[0] != '\0' ? " " : "", item->text);
    return 0;
}

static int run(struct smki_client *client, const char *file, const char *document, struct smki_client_summary *summary,
               struct smki_error *err)
{
    struct smki_client_batch batch;
    int rc = smki_client_batch_submit(client, file, false, &batch, err);

    if (rc != 0 && rc != SMKI_CLIENT_TWICE) /* an earlier run has submitted it: go on from there */
        return rc;
    fprintf(stderr, "batch %" PRIu64 " of %" PRIu32 " CSRs\n", batch.batch_id, batch.csrs);
    if ((rc = smki_client_batch_wait(client, file, document, &batch, err)) != 0)
        return rc;
    return smki_client_batch_check(client, file, on_item, NULL, summary, err);
}

int main(int argc, char **argv)
{
    struct smki_time told = {0};
    struct smki_client_config config = {0};
    const struct smki_client_options options = {.config = &config, .progress = on_progress, .progress_context = &told};
    struct smki_client_summary summary = {0};
    struct smki_client *client = NULL;
    struct smki_error err = {0};
    int rc;

    if (argc != 4) {
        fprintf(stderr, "usage: submit_batch CONFIG FILE DOCUMENT\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    if ((rc = smki_client_config_read(&config, argv[1], &err)) == 0 && (rc = smki_client_open(&client, &options, &err)) == 0)
        rc = run(client, argv[2], argv[3], &summary, &err);
    if (rc != 0)
        fprintf(stderr, "%s: %s\n", smki_refusal_find(rc)->name, err.text[0] != '\0' ? err.text : smki_refusal_find(rc)->text);
    else
        fprintf(stderr, "%" PRIu32 " good, %" PRIu32 " refused, %" PRIu32 " wrong\n", summary.good, summary.refused, summary.wrong);
    smki_client_close(client);
    return rc == 0 && summary.refused + summary.wrong == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
