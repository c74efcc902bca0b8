/* smki-client batch pack: CSR files into one batch. */
#include "client/client.h"

#include <string.h>

static enum smki_batch_form form_of(const char *path)
{
    const size_t size = strlen(path);

    return size > 4 && strcmp(path + size - 4, ".zip") == 0 ? SMKI_BATCH_ZIP : SMKI_BATCH_XML;
}

/* IDs of XML are XML names, which must not begin with a digit. */
static void name_of(char out[PATH_SIZE], const char *path, enum smki_batch_form form)
{
    char stem[PATH_SIZE];

    stem_of(stem, path, ".csr");
    snprintf(out, PATH_SIZE, "%s%.4000s", form == SMKI_BATCH_XML && stem[0] >= '0' && stem[0] <= '9' ? "csr-" : "", stem);
}

static int pack_one(struct call *call, struct smki_pack *pack, enum smki_batch_form form, const char *path)
{
    char name[PATH_SIZE], why[SMKI_ERROR_TEXT_SIZE];
    struct smki_buffer der = {0};
    struct smki_csr csr;
    int rc;

    name_of(name, path, form);
    if ((rc = csr_take(&der, path, &call->err)) == 0 &&
        (rc = smki_csr_read(&csr, SMKI_PROFILE_DEVICE, (struct smki_bytes){der.at, der.size}, &call->err)) == 0 &&
        (rc = smki_csr_verify(&csr, &call->err)) == 0)
        rc = smki_pack_add(pack, name, (struct smki_bytes){der.at, der.size}, &call->err);
    smki_buffer_finish(&der);
    if (rc != 0 && strstr(call->err.text, path) == NULL) {
        memcpy(why, call->err.text, sizeof(why));
        return call_fail(call, rc, "%.200s: %.300s", path, why);
    }
    return rc;
}

static int pack_run(struct call *call)
{
    const char *out = call_text(call, "out"), *path, *ref = call_has(call, "id") ? call_text(call, "id") : "smki-client";
    const enum smki_batch_form form = form_of(out);
    struct smki_pack *pack;
    int rc = smki_pack_open(&pack, out, form, ref, &call->err);

    for (size_t i = 0; rc == 0 && (path = call_operand(call, i)) != NULL; i++)
        rc = pack_one(call, pack, form, path);
    if (rc == 0)
        rc = smki_pack_finish(pack, &call->err);
    smki_pack_close(pack);
    if (rc == 0)
        fact_print("written", "%s: %zu CSRs", out, call->operand_count);
    return rc;
}

static const struct command_value options[] = {
    {"out", VALUE_FILE, REQUIRED, "FILE", "NAME.xml: a SubmitCSRBatch document; NAME.zip: as the portal takes it", NULL},
    {"id", VALUE_TEXT, 0, "TEXT", "XML: the batch's ID, 1 to 256 characters", NULL},
    {0},
};

static const struct command_value operands[] = {
    {"CSR", VALUE_FILE, REQUIRED | MANY, NULL, "a Device CSR: PEM, DER or bare base64", NULL},
    {0},
};

const struct command pack_commands[] = {
    {
        .name = "batch pack",
        .text = "Pack CSR files into one batch",
        .options = options,
        .operands = operands,
        .more =
            "Each CSR is called as its file is, without .csr (in XML with csr- before it when it begins with a digit), and is checked:\n"
            "one that is wrong, or a name that comes twice, is refused, and nothing is written. A batch holds 50,000 CSRs at most.\n"
            "\n"
            "  smki-client batch pack --id delivery-7 --out delivery-7.xml meters/*.csr\n",
        .run = pack_run,
    },
    {0},
};
