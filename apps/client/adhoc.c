/* smki-client adhoc: CSRs one by one, certificates at once. */
#include "client/client.h"

#include <string.h>
#include <unistd.h>

#define REF_SIZE 33 /* the request's ID: 32 characters */

/* The ID of a request: the file's name, what of it is plain, cut to its end, where names differ. */
static void ref_of(char out[REF_SIZE], const char *stem)
{
    const size_t size = strlen(stem);

    snprintf(out, REF_SIZE, "%.32s", size < REF_SIZE ? stem : stem + size - (REF_SIZE - 1));
    for (char *at = out; *at != '\0'; at++)
        if (*at < 0x21 || *at > 0x7e)
            *at = '_';
}

/* The certificate that an earlier run got, when it is there and right. */
static bool is_here(struct session *session, const struct smki_csr *csr, const char *path)
{
    struct smki_buffer der = {0};
    const bool here = access(path, R_OK) == 0 && csr_take(&der, path, &session->call->err) == 0 &&
                      smki_client_check(session->client, csr, (struct smki_bytes){der.at, der.size}, &session->call->err) == 0;

    smki_buffer_finish(&der);
    return here;
}

/* Nothing more is worth a try. */
static bool is_lasting(int code)
{
    return code == SMKI_CLIENT_CONNECTION || code == SMKI_CLIENT_TLS || code == SMKI_CLIENT_STATE || code == SMKI_INTERRUPTED;
}

static int send_one(struct report *report, struct smki_bytes der, const char *stem, struct smki_error *err)
{
    struct session *session = report->session;
    char ref[REF_SIZE], path[PATH_SIZE];
    struct smki_csr csr;
    int rc;

    ref_of(ref, stem);
    snprintf(path, sizeof(path), "%.3000s/%.1000s.crt", report->folder, stem);
    if ((rc = smki_csr_read(&csr, SMKI_PROFILE_DEVICE, der, err)) != 0 || (rc = smki_csr_verify(&csr, err)) != 0)
        return rc;
    if (is_here(session, &csr, path))
        return report_here(report, ref, path);
    if (access(path, F_OK) == 0) {
        err->code = SMKI_ALREADY_EXISTS;
        snprintf(err->text, sizeof(err->text), "%.300s is there and is not this CSR's certificate: move it, or name another folder (--out)",
                 path);
        return err->code;
    }
    if (call_has(session->call, "dry-run")) {
        if (!session->call->json)
            printf("%s: good; would be sent as \"%s\"\n", report->csr, ref);
        return 0;
    }
    return smki_client_adhoc(session->client, der, ref, call_has(session->call, "again"), report_item, report, err);
}

/* A CSR that does not come to an answer is told of, and the others go on where that makes sense. */
static int send_file(struct report *report, const char *path)
{
    char stem[PATH_SIZE];
    struct smki_buffer der = {0};
    struct smki_error err = {0};
    int rc;

    stem_of(stem, path, ".csr");
    report->csr = path;
    report->name = stem;
    if ((rc = csr_take(&der, path, &err)) == 0)
        rc = send_one(report, (struct smki_bytes){der.at, der.size}, stem, &err);
    smki_buffer_finish(&der);
    if (rc == 0)
        return 0;
    if ((rc = report_failure(report, stem, &err)) != 0)
        return rc;
    return is_lasting(err.code) ? COMMAND_FAILED : 0;
}

static int adhoc_run(struct call *call)
{
    struct session session;
    struct report report;
    const char *path;
    int rc = session_open(&session, call, access_adhoc);

    if (rc == 0 && (rc = report_open(&report, &session, call_has(call, "out") ? call_text(call, "out") : ".", NULL)) == 0) {
        report.durable = true;
        for (size_t i = 0; rc == 0 && (path = call_operand(call, i)) != NULL; i++)
            rc = send_file(&report, path);
        rc = report_close(&report, rc);
    }
    session_close(&session);
    return rc;
}

static const struct command_value options[] = {
    CLIENT_OPTIONS("url-adhoc",
                   "of the Ad Hoc Device CSR Web Service: https://HOST[:PORT]; the path is the specification's unless one is given"),
    {"pace", VALUE_COUNT, 0, "MS", "milliseconds between two CSRs, where an agreement allows it", NULL},
    {"out", VALUE_FOLDER, 0, NULL, "where the certificates go; without it the current folder", NULL},
    {"again", VALUE_FLAG, 0, NULL, "send a CSR again that was sent and whose answer was not kept", NULL},
    {0},
};

static const struct command_value operands[] = {
    {"CSR", VALUE_FILE, REQUIRED | MANY, NULL, "a Device CSR: PEM, DER or bare base64", NULL},
    {0},
};

const struct command adhoc_commands[] = {
    {
        .name = "adhoc",
        .text = "Have Device CSRs certified one by one",
        .flags = COMMAND_JSON,
        .options = options,
        .operands = operands,
        .more =
            "One CSR in 0.8 s from 07:00 to 20:00 UK time, in 4 s outside; the pace is kept over all runs that share the state file.\n"
            "NAME.csr gets NAME.crt, checked against the CSR and the chain. What is there already is not asked for again, so that a run\n"
            "that was ended can be repeated. A CSR whose answer did not come is not sent again without --again.\n"
            "\n"
            "  smki-client adhoc --config party.json --out certificates meters/*.csr\n",
        .run = adhoc_run,
    },
    {0},
};
