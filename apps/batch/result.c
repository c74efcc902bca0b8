/* smki-batch result: a completed batch's results as a file. */
#include "batch/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const format_words[] = {[SMKI_RESULT_XML] = "xml", [SMKI_RESULT_ZIP] = "zip", [SMKI_RESULT_TXT] = "txt", NULL};

static enum smki_result_format format_of(const struct call *call)
{
    const char *word = call_text(call, "format");
    int format = 0;

    while (strcmp(format_words[format], word) != 0)
        format++;
    return (enum smki_result_format)format;
}

static int result_write(struct call *call, const char *path)
{
    return smki_batch_result(call->service, &call->actor, call_batch(call), format_of(call), path, call_has(call, "ignore-release"),
                             &call->err);
}

/* ---- to standard output: whole or not at all, so by way of a file that nobody else can read ---- */

static int stream_out(struct call *call, const char *path)
{
    FILE *stream = fopen(path, "rbe");
    char block[16384];
    size_t size;

    if (stream == NULL)
        return call_fail(call, SMKI_IO, "%s: %s", path, strerror(errno));
    while ((size = fread(block, 1, sizeof(block), stream)) > 0)
        fwrite(block, 1, size, stdout); /* a failure shows when the program ends */
    fclose(stream);
    return 0;
}

static int result_to_stdout(struct call *call)
{
    const char *temporary = getenv("TMPDIR");
    char folder[4096], path[sizeof(folder) + 16];
    int rc;

    if (format_of(call) == SMKI_RESULT_ZIP)
        return call_usage(call, "a zip goes to a file: give --out FILE");
    if (snprintf(folder, sizeof(folder), "%s/smki-batch-XXXXXX", temporary != NULL ? temporary : "/tmp") >= (int)sizeof(folder) ||
        mkdtemp(folder) == NULL)
        return call_fail(call, SMKI_IO, "%s: %s; TMPDIR names another folder", folder, strerror(errno));
    snprintf(path, sizeof(path), "%s/result", folder);
    if ((rc = result_write(call, path)) == 0)
        rc = stream_out(call, path);
    unlink(path);
    rmdir(folder);
    return rc;
}

/* ---- to a file ---- */

/* The default name, in the current folder. It comes from the submitter's: nothing of it may lead elsewhere. */
static int default_name(struct call *call, const struct smki_batch *batch, char out[SMKI_BATCH_FILE_SIZE])
{
    struct smki_batch plain = *batch;

    if (strchr(plain.name, '/') != NULL || plain.name[0] == '.' || plain.name[0] == '-')
        plain.name[0] = '\0';
    return smki_batch_result_name(&plain, format_of(call), out, &call->err);
}

static int result_to_file(struct call *call)
{
    const char *path = call_text(call, "out");
    char name[SMKI_BATCH_FILE_SIZE];
    struct smki_batch batch;
    int rc = smki_batch_find(call->service, call_batch(call), &batch, &call->err);

    if (rc == 0 && path == NULL && (rc = default_name(call, &batch, name)) == 0)
        path = name;
    if (rc != 0 || (rc = result_write(call, path)) != 0)
        return rc;
    fact_print("written", "%s", path);
    fact_print("batch", "%" PRIu64 ": %" PRIu32 " CSRs, %" PRIu32 " granted, %" PRIu32 " refused", batch.id, batch.csrs, batch.granted,
               batch.refused);
    return 0;
}

static int result_run(struct call *call)
{
    const char *path = call_text(call, "out");

    return path != NULL && strcmp(path, "-") == 0 ? result_to_stdout(call) : result_to_file(call);
}

static const struct command_value options[] = {
    {"format", VALUE_WORD, REQUIRED, "xml|zip|txt", "CSRBatchResult document; zip of .crt files; report with a line a CSR", format_words},
    {"out", VALUE_FILE, 0, NULL, "where to; - is standard output (not for zip). Without it: NAME-response.FORMAT in the current folder",
     NULL},
    {"ignore-release", VALUE_FLAG, 0, NULL, "the operator's override: before the results are released; audited", NULL},
    {0},
};

const struct command result_commands[] = {
    {
        .name = "result",
        .text = "Write out the results of a COMPLETED batch",
        .flags = COMMAND_HOME,
        .options = options,
        .operands = batch_operand,
        .more = "The file appears whole or not at all; one that is there is replaced.\n"
                "\n"
                "  smki-batch --home HOME result 7 --format zip --out meters-response.zip\n"
                "  smki-batch --home HOME result 7 --format txt --out - | grep -v success\n",
        .run = result_run,
    },
    {0},
};
