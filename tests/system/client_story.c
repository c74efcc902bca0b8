/* A client in virtual time, for system tests: waiting takes no time, and every wait is told.
 *
 *   client_story CONFIG START adhoc CSR...
 *   client_story CONFIG START submit|submit-again FILE
 *   client_story CONFIG START wait|fetch|fetch-again FILE DOCUMENT
 *   client_story CONFIG START adopt FILE BATCHID
 *
 * Prints what happens, each line with the time of the virtual clock; the last line is the outcome's name, and its words stand on stderr.
 * Chance is all zeroes. Ends with 0, or 1 when the outcome is a failure. */
#include <smki/certificate.h>
#include <smki/client.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct smki_time now;

static struct smki_time clock_now(void *context)
{
    (void)context;
    return now;
}

static int no_chance(void *context, void *out, size_t size)
{
    (void)context;
    memset(out, 0, size);
    return 0;
}

static void tell(const char *what, const char *more)
{
    const struct smki_civil uk = smki_time_to_uk(now);

    printf("%04d-%02d-%02d %02d:%02d:%04.1f %s%s%s\n", uk.year, uk.month, uk.day, uk.hour, uk.minute,
           (double)uk.second + (double)uk.microsecond / 1e6, what, more[0] != '\0' ? " " : "", more);
}

static char why[SMKI_ERROR_TEXT_SIZE];

static void on_progress(void *context, const struct smki_client_progress *progress)
{
    (void)context;
    if (progress->phase == SMKI_CLIENT_WAITING)
        snprintf(why, sizeof(why), "%s", progress->why);
}

static int wait_no_time(void *context, struct smki_time until)
{
    (void)context;
    if (until.us > now.us)
        now = until;
    tell("waited:", why);
    return 0;
}

static int on_item(void *context, const struct smki_client_item *item, struct smki_error *err)
{
    char line[SMKI_ERROR_TEXT_SIZE + 128];

    (void)context;
    (void)err;
    snprintf(line, sizeof(line), "%s %s%s%s", item->ref, item->code == 0 ? "OK" : smki_refusal_find(item->code)->name,
             item->error_code[0] != '\0' ? " " : "", item->error_code);
    tell("item", line);
    return 0;
}

static int take(struct smki_buffer *der, const char *path, struct smki_error *err)
{
    struct smki_buffer file = {0};
    char block[16384], label[64];
    FILE *stream = fopen(path, "rb");
    size_t size = 0;
    int rc = SMKI_IO;

    if (stream == NULL)
        return rc;
    if ((size = fread(block, 1, sizeof(block), stream)) != 0 && (rc = smki_buffer_append(&file, block, size, err)) == 0)
        rc = smki_pem_decode(der, label, (struct smki_bytes){file.at, file.size}, err);
    fclose(stream);
    smki_buffer_finish(&file);
    return rc;
}

static int adhoc(struct smki_client *client, char **paths, struct smki_error *err)
{
    int rc = 0;

    for (; rc == 0 && *paths != NULL; paths++) {
        const char *slash = strrchr(*paths, '/');
        struct smki_buffer der = {0};
        char ref[33];
        snprintf(ref, sizeof(ref), "%.32s", slash != NULL ? slash + 1 : *paths);
        if ((rc = take(&der, *paths, err)) == 0)
            rc = smki_client_adhoc(client, (struct smki_bytes){der.at, der.size}, ref, false, on_item, NULL, err);
        smki_buffer_finish(&der);
    }
    return rc;
}

static int run(struct smki_client *client, const char *verb, char **words, struct smki_error *err)
{
    struct smki_client_batch batch = {0};
    struct smki_client_summary summary;
    char line[128];
    int rc;

    if (strcmp(verb, "adhoc") == 0)
        return adhoc(client, words, err);
    if (strncmp(verb, "submit", 6) == 0)
        rc = smki_client_batch_submit(client, words[0], strcmp(verb, "submit-again") == 0, &batch, err);
    else if (strcmp(verb, "adopt") == 0)
        rc = smki_client_batch_adopt(client, words[0], strtoull(words[1], NULL, 10), (struct smki_time){0}, &batch, err);
    else if (strcmp(verb, "wait") == 0)
        rc = smki_client_batch_wait(client, words[0], words[1], &batch, err);
    else
        rc = smki_client_batch_fetch(client, words[0], words[1], strcmp(verb, "fetch-again") == 0, &batch, err);
    if (rc != 0)
        return rc;
    snprintf(line, sizeof(line), "%" PRIu64 " %s", batch.batch_id, smki_batch_state_word(batch.state));
    tell("batch", line);
    if (strncmp(verb, "submit", 6) == 0 || strcmp(verb, "adopt") == 0)
        return 0;
    if ((rc = smki_client_batch_check(client, words[0], on_item, NULL, &summary, err)) == 0) {
        snprintf(line, sizeof(line), "%" PRIu32 " csrs, %" PRIu32 " good, %" PRIu32 " refused, %" PRIu32 " wrong", summary.csrs,
                 summary.good, summary.refused, summary.wrong);
        tell("checked", line);
    }
    return rc;
}

int main(int argc, char **argv)
{
    const struct smki_clock clock = {.now = clock_now};
    const struct smki_random random = {.fill = no_chance};
    struct smki_client_config config = {0};
    const struct smki_client_options options = {
        .config = &config, .clock = &clock, .random = &random, .wait = wait_no_time, .progress = on_progress};
    struct smki_client *client = NULL;
    struct smki_error err = {0};
    int rc;

    if (argc < 5)
        return 2;
    if ((rc = smki_client_config_read(&config, argv[1], &err)) == 0 && (rc = smki_time_parse(&now, argv[2], &err)) == 0 &&
        (rc = smki_client_open(&client, &options, &err)) == 0)
        rc = run(client, argv[3], argv + 4, &err);
    smki_client_close(client);
    printf("%s\n", rc == 0 ? "OK" : smki_refusal_find(rc)->name);
    if (rc != 0)
        fprintf(stderr, "%s\n", err.text);
    return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
