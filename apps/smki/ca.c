/* smki ca ... */
#include "smki/smki_i.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

int ca_look(struct smki_ca **out, const struct smki_service *service, enum smki_ca_name name, struct smki_error *err)
{
    char path[PATH_MAX];
    const struct smki_ca_options options = {.certificate_path = path};

    *out = NULL;
    if (snprintf(path, sizeof(path), "%s/" SMKI_HOME_CA "/%s.pem", smki_service_home(service), smki_ca_word(name)) >= (int)sizeof(path))
        return SMKI_INVALID_ARGUMENT;
    return smki_ca_open(out, &options, err);
}

/* ---- list ---- */

static void ca_row(struct table *table, enum smki_ca_name name, const struct smki_certificate *certificate)
{
    char text[SMKI_TIME_TEXT_SIZE], words[SUBJECT_TEXT_SIZE], serial[2 * 20 + 1];

    table_add(table, "%s", smki_ca_word(name));
    table_add(table, "%s", subject_words(&certificate->subject_fields, words));
    table_add(table, "%s", certificate->is_p256 ? "P-256" : "RSA");
    table_add(table, "%s", smki_serial_text(&certificate->serial, serial));
    table_add(table, "%s", time_words(certificate->not_before, text));
    table_add(table, "%s", time_words(certificate->not_after, text));
}

static cJSON *ca_json(enum smki_ca_name name, const struct smki_certificate *certificate)
{
    cJSON *json = cJSON_CreateObject();
    char words[SUBJECT_TEXT_SIZE], serial[2 * 20 + 1];

    if (json != NULL && cJSON_AddStringToObject(json, "name", smki_ca_word(name)) != NULL &&
        cJSON_AddStringToObject(json, "subject", subject_words(&certificate->subject_fields, words)) != NULL &&
        cJSON_AddStringToObject(json, "key", certificate->is_p256 ? "P-256" : "RSA") != NULL &&
        cJSON_AddStringToObject(json, "serial", smki_serial_text(&certificate->serial, serial)) != NULL &&
        json_add_time(json, "not_before", certificate->not_before) && json_add_time(json, "not_after", certificate->not_after))
        return json;
    cJSON_Delete(json);
    return NULL;
}

static int ca_list(struct call *call)
{
    static const char *const headings[] = {"NAME", "SUBJECT", "KEY", "SERIAL", "VALID FROM", "VALID TO", NULL};
    struct json_list list;
    struct table table;
    int rc = 0;

    table_start(&table, headings);
    if (call->json)
        json_list_start(&list);
    for (int name = 1; rc == 0 && name <= SMKI_CA_COUNT; name++) {
        struct smki_ca *ca;
        if ((rc = ca_look(&ca, call->service, (enum smki_ca_name)name, &call->err)) != 0)
            break;
        if (call->json)
            rc = json_list_add(&list, call, ca_json((enum smki_ca_name)name, smki_ca_certificate(ca)));
        else
            ca_row(&table, (enum smki_ca_name)name, smki_ca_certificate(ca));
        smki_ca_close(ca);
    }
    if (call->json)
        json_list_end(&list);
    else if (rc == 0)
        return table_print(&table, call, "no CAs");
    table_finish(&table);
    return rc;
}

/* ---- export, crl ---- */

static int ca_export(struct call *call)
{
    const char *folder = call_operand(call, 0);

    if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        return call_fail(call, SMKI_IO, "%s: %s", folder, strerror(errno));
    return smki_service_ca_export(call->service, folder, &call->err);
}

static int ca_crl(struct call *call)
{
    struct smki_buffer der = {0};
    enum smki_ca_name name;
    int rc;

    if (!smki_ca_find(call_operand(call, 0), &name))
        return call_usage(call, "there is no CA '%s'", call_operand(call, 0));
    if ((rc = smki_service_crl(call->service, &call->actor, name, &der, &call->err)) == 0) {
        struct smki_bytes bytes = {der.at, der.size};
        rc = call_has(call, "der") ? file_put(call_text(call, "out"), bytes, &call->err)
                                   : pem_put(call_text(call, "out"), "X509 CRL", bytes, &call->err);
    }
    smki_buffer_finish(&der);
    return rc;
}

static const char *const ca_words[] = {"oca", "dca", "ikica", "oca-root", "dca-root", NULL};
static const struct command_value export_operands[] = {{"DIR", VALUE_FOLDER, REQUIRED, NULL, "where to; made when it is not there", NULL},
                                                       {0}};
static const struct command_value crl_operands[] = {{"NAME", VALUE_WORD, REQUIRED, NULL, "oca, dca, ikica, oca-root or dca-root", ca_words},
                                                    {0}};
static const struct command_value crl_options[] = {
    {"out", VALUE_FILE, 0, NULL, "where it goes; without: standard output", NULL},
    {"der", VALUE_FLAG, 0, NULL, "DER instead of PEM", NULL},
    {0},
};

const struct command ca_commands[] = {
    {"ca list", "List the CAs of the home", COMMAND_HOME | COMMAND_JSON, NULL, NULL, NULL, ca_list},
    {"ca export", "Write the CA certificates and their chains", COMMAND_HOME, NULL, export_operands,
     "Writes oca.pem, oca-root.pem, dca.pem, dca-root.pem, ikica.pem, and oca-chain.pem, dca-chain.pem, ikica-chain.pem\n"
     "(the issuing CA, then its root).\n\n"
     "Example:\n"
     "  smki ca export ca && openssl verify -CAfile ca/dca-chain.pem device.pem\n",
     ca_export},
    {"ca crl", "Make the next CRL of a CA", COMMAND_HOME, crl_options, crl_operands, NULL, ca_crl},
    {0},
};
