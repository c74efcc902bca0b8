/* smki client ...: the download area of the Authentication Client (interfaces.md 8). */
#include "smki/cms_i.h"

#include <string.h>

#ifdef SMKI_CMS

/* By --sign-key and --sign-cert, or --signature. */
static int source_take(const struct call *call, struct cms_source *source)
{
    *source = (struct cms_source){
        .key = call_text(call, "sign-key"), .certificate = call_text(call, "sign-cert"), .signature = call_text(call, "signature")};
    if ((source->key == NULL) != (source->certificate == NULL))
        return call_usage(call, "--sign-key and --sign-cert belong together");
    if ((source->key == NULL) == (source->signature == NULL))
        return call_usage(call, "how it is signed: give --sign-key and --sign-cert, or --signature");
    return 0;
}

static int client_publish(struct call *call)
{
    struct cms_source source;
    const struct smki_signer signer = {.sign = cms_sign, .context = &source};
    struct smki_installer installer = {.number = 0};
    int rc;

    if ((rc = source_take(call, &source)) != 0 || (rc = text_take(call, "version", installer.version, sizeof(installer.version))) != 0 ||
        (rc = text_take(call, "platform", installer.platform, sizeof(installer.platform))) != 0)
        return rc;
    if ((rc = smki_installer_publish(call->service, &call->actor, call_operand(call, 0), &signer, &installer, &call->err)) == 0)
        printf("%" PRIu64 "\n", installer.number);
    return rc;
}

#else

static int client_publish(struct call *call)
{
    return call_fail(call, SMKI_INVALID_ARGUMENT, "this smki was built without GnuTLS, and cannot make or verify signatures");
}

#endif

static int client_withdraw(struct call *call)
{
    return smki_installer_withdraw(call->service, &call->actor, value_number(call_operand(call, 0)), &call->err);
}

static void installer_row(struct table *table, const struct smki_installer *installer)
{
    char text[SMKI_TIME_TEXT_SIZE], size[DURATION_TEXT_SIZE];

    table_add(table, "%" PRIu64, installer->number);
    table_add(table, "%s", installer->version);
    table_add(table, "%s", installer->platform);
    table_add(table, "%s", size_words(installer->size, size));
    table_add(table, "%s", time_words(installer->published_at, text));
    table_add(table, "%s", installer->name);
    table_add(table, "%s", installer->signer);
}

static int installers_walk(struct call *call, struct table *table, struct json_list *list)
{
    struct smki_installer installer = {.number = 0};
    int rc;

    while ((rc = smki_installer_next(call->service, installer.number, &installer, &call->err)) == 0) {
        if (!call->json)
            installer_row(table, &installer);
        else if ((rc = json_list_add(list, call, smki_installer_json(&installer))) != 0)
            break;
    }
    return rc == SMKI_NOT_FOUND ? 0 : rc;
}

static int client_list(struct call *call)
{
    static const char *const headings[] = {">N", "VERSION", "PLATFORM", ">SIZE", "PUBLISHED", "FILE", "SIGNED BY", NULL};

    return table_list(call, headings, installers_walk, "nothing is published; 'smki client publish' does it");
}

static const struct command_value publish_options[] = {
    {"version", VALUE_TEXT, REQUIRED, "VERSION", "of the Authentication Client: 1.4.2", NULL},
    {"platform", VALUE_TEXT, REQUIRED, "WORD", "windows, macos or linux, or with more after a hyphen: linux-amd64", NULL},
    {"sign-key", VALUE_FILE, 0, NULL, "the code-signing key, PEM, mode 0600; asked for its passphrase when it is encrypted", NULL},
    {"sign-cert", VALUE_FILE, 0, NULL, "its certificate, PEM, with those above it after it", NULL},
    {"signature", VALUE_FILE, 0, NULL, "instead: a detached CMS signature over FILE that was made elsewhere, DER or PEM", NULL},
    {0},
};
static const struct command_value file_operand[] = {{"FILE", VALUE_FILE, REQUIRED, NULL, "the installer", NULL}, {0}};

const struct command installer_commands[] = {
    {"client publish", "Sign and publish a file of the Authentication Client; prints its number alone on a line", COMMAND_HOME,
     publish_options, file_operand,
     "Whoever has fetched FILE and its signature can verify the two:\n"
     "  openssl cms -verify -binary -inform DER -in FILE.p7s -content FILE -CAfile ROOT -purpose any -out /dev/null\n\n"
     "Example:\n"
     "  smki client publish client-1.4.2.deb --version 1.4.2 --platform linux-amd64 --sign-key sign.key --sign-cert sign.pem\n",
     client_publish},
    {"client list", "List what is published", COMMAND_HOME | COMMAND_JSON, NULL, NULL, NULL, client_list},
    {"client withdraw", "Take a file out of the download area", COMMAND_HOME, NULL, number_operand, NULL, client_withdraw},
    {0},
};
