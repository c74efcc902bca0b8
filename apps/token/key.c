/* smki-token key, csr, certificate put, certificate show. */
#include "token/tool.h"

#include <smki/role.h>

#include <string.h>

#define KEY_LABEL "SMKI"
#define FILE_MAX  (64u << 10) /* octets: more than any certificate's file */

static const char *hex_text(const struct smki_token_entry *entry, char out[2 * SMKI_TOKEN_ID_MAX_SIZE + 1])
{
    out[0] = '\0';
    for (size_t i = 0; i < entry->id_size; i++)
        snprintf(out + 2 * i, 3, "%02x", entry->id[i]);
    return out;
}

static int entry_print(struct call *call, const struct smki_token_entry *entry)
{
    char id[2 * SMKI_TOKEN_ID_MAX_SIZE + 1];

    if (call->json)
        return json_print(call, smki_token_entry_json(entry));
    printf("%s\n", hex_text(entry, id));
    return 0;
}

/* ---- key ---- */

static int key_run(struct call *call)
{
    const char *label = call_has(call, "label") ? call_text(call, "label") : KEY_LABEL;
    struct smki_token_entry entry;
    struct reach reach;
    int rc = reach_login(call, &reach);

    if (rc == 0 && (rc = smki_token_entry_find(reach.token, label, &entry, &call->err)) != SMKI_NOT_FOUND)
        rc = rc == 0 || rc == SMKI_INVALID_ARGUMENT
                 ? call_fail(call, SMKI_ALREADY_EXISTS, "there is a key labelled \"%s\" on the token already: give another --label", label)
                 : rc;
    else if (rc == SMKI_NOT_FOUND && (rc = smki_token_key_make(reach.token, label, &entry, &call->err)) == 0)
        rc = entry_print(call, &entry);
    reach_end(&reach);
    return rc;
}

/* ---- csr ---- */

static int role_take(struct call *call, char out[SMKI_ROLE_TEXT_SIZE])
{
    const char *word = call_text(call, "role");
    const struct smki_role *role = smki_role_find_name(word);

    if (role == NULL && (role = smki_role_find_text(word)) == NULL)
        return call_usage(call, "there is no Remote Party Role '%s'; give a name such as supplier, or two hexadecimal digits", word);
    smki_role_text(role->code, out);
    return 0;
}

static int pem_print(struct call *call, const char *path, const char *label, struct smki_bytes der)
{
    struct smki_buffer pem = {0};
    int rc = smki_pem_encode(&pem, label, der, &call->err);

    if (rc == 0)
        rc = file_put(path, (struct smki_bytes){pem.at, pem.size}, &call->err);
    smki_buffer_finish(&pem);
    return rc;
}

static int request_make(struct call *call, struct reach *reach, const char *unit)
{
    const struct smki_csr_wish wish = {.profile = SMKI_PROFILE_IKI,
                                       .organisation = call_text(call, "organisation"),
                                       .unit = unit,
                                       .common_name = call_text(call, "name"),
                                       .key_usage = SMKI_DIGITAL_SIGNATURE};
    struct smki_token_entry entry;
    struct smki_key *key = NULL;
    uint8_t der[SMKI_CSR_MAX_SIZE];
    size_t size;
    int rc;

    if ((rc = smki_token_entry_find(reach->token, call_text(call, "key"), &entry, &call->err)) == 0 &&
        (rc = smki_token_key_open(&key, reach->token, &entry, &call->err)) == 0 &&
        (rc = smki_csr_make(der, &size, &wish, key, &call->err)) == 0)
        rc = pem_print(call, call_text(call, "out"), "CERTIFICATE REQUEST", (struct smki_bytes){der, size});
    smki_key_close(key);
    return rc;
}

static int csr_run(struct call *call)
{
    char unit[SMKI_ROLE_TEXT_SIZE];
    struct reach reach = {0};
    int rc = role_take(call, unit);

    if (rc == 0 && (rc = reach_login(call, &reach)) == 0)
        rc = request_make(call, &reach, unit);
    reach_end(&reach);
    return rc;
}

/* ---- certificate ---- */

static int certificate_read(struct call *call, struct smki_buffer *der)
{
    struct smki_buffer file = {0};
    char label[64];
    int rc = file_take(&file, call_operand(call, 0), FILE_MAX, &call->err);

    if (rc == 0)
        rc = smki_pem_decode(der, label, (struct smki_bytes){file.at, file.size}, &call->err);
    smki_buffer_finish(&file);
    return rc;
}

static int put_run(struct call *call)
{
    struct smki_token_entry entry;
    struct smki_buffer der = {0};
    struct reach reach = {0};
    int rc = certificate_read(call, &der);

    if (rc == 0 && (rc = reach_login(call, &reach)) == 0 &&
        (rc = smki_token_certificate_put(reach.token, (struct smki_bytes){der.at, der.size}, &entry, &call->err)) == 0)
        rc = entry_print(call, &entry);
    reach_end(&reach);
    smki_buffer_finish(&der);
    return rc;
}

/* The next one, from place *n on; NOT_FOUND after the last. */
static int certificate_next(struct call *call, struct reach *reach, size_t *n, struct smki_token_entry *out)
{
    const char *label = call_text(call, "key");
    int rc;

    while ((rc = smki_token_entry_at(reach->token, (*n)++, out, &call->err)) == 0)
        if (out->has_certificate && (label == NULL || strcmp(label, out->label) == 0))
            return 0;
    return rc;
}

static int certificates_none(struct call *call)
{
    return call_fail(call, SMKI_NOT_FOUND, "there is no %scertificate on the token", call_has(call, "key") ? "such " : "");
}

static int certificates_json(struct call *call, struct reach *reach)
{
    struct smki_token_entry entry;
    struct json_list list;
    size_t n = 0;
    int rc = certificate_next(call, reach, &n, &entry);

    if (rc != 0)
        return rc == SMKI_NOT_FOUND ? certificates_none(call) : rc;
    json_list_start(&list);
    while (rc == 0)
        if ((rc = json_list_add(&list, call, smki_token_entry_json(&entry))) == 0)
            rc = certificate_next(call, reach, &n, &entry);
    json_list_end(&list);
    return rc == SMKI_NOT_FOUND ? 0 : rc;
}

static int certificates_pem(struct call *call, struct reach *reach)
{
    struct smki_buffer all = {0};
    struct smki_token_entry entry;
    size_t n = 0;
    int rc = 0;

    while (rc == 0)
        if ((rc = certificate_next(call, reach, &n, &entry)) == 0)
            rc = smki_pem_encode(&all, "CERTIFICATE", (struct smki_bytes){entry.certificate, entry.certificate_size}, &call->err);
    if (rc == SMKI_NOT_FOUND)
        rc = all.size == 0 ? certificates_none(call) : file_put(call_text(call, "out"), (struct smki_bytes){all.at, all.size}, &call->err);
    smki_buffer_finish(&all);
    return rc;
}

/* Certificates are public: no PIN is asked for. */
static int show_run(struct call *call)
{
    struct reach reach;
    int rc;

    if (call->json && call_has(call, "out"))
        return call_usage(call, "--out is for PEM; --json goes to standard output");
    if ((rc = reach_open(call, &reach)) == 0)
        rc = call->json ? certificates_json(call, &reach) : certificates_pem(call, &reach);
    reach_end(&reach);
    return rc;
}

static const struct command_value key_options[] = {
    TOKEN_OPTIONS, PIN_OPTION, {"label", VALUE_TEXT, 0, "LABEL", "what the key is called; without: " KEY_LABEL, NULL}, {0}};
static const struct command_value csr_options[] = {
    TOKEN_OPTIONS,
    PIN_OPTION,
    {"organisation", VALUE_TEXT, REQUIRED, "NAME", "O: the Party's name, as it is registered", NULL},
    {"role", VALUE_TEXT, REQUIRED, "ROLE", "OU: one of the Party's Remote Party Roles, such as supplier", NULL},
    {"name", VALUE_TEXT, REQUIRED, "NAME", "CN: the officer's name", NULL},
    {"key", VALUE_TEXT, 0, "LABEL", "the key with this label; without: the only one", NULL},
    {"out", VALUE_FILE, 0, NULL, "where it goes, as PEM; without: standard output", NULL},
    {0},
};
static const struct command_value put_options[] = {TOKEN_OPTIONS, PIN_OPTION, {0}};
static const struct command_value show_options[] = {
    TOKEN_OPTIONS,
    {"key", VALUE_TEXT, 0, "LABEL", "the certificate of the key with this label; without: all", NULL},
    {"out", VALUE_FILE, 0, NULL, "where it goes, as PEM; without: standard output", NULL},
    {0},
};
static const struct command_value file_operand[] = {
    {"FILE", VALUE_FILE, REQUIRED, NULL, "the certificate: PEM, DER or bare base64; - is standard input", NULL}, {0}};

const struct command key_commands[] = {
    {"key", "Make an RSA 2048 key on the token, where it stays; prints its ID", COMMAND_JSON, key_options, NULL,
     "The token is asked to make a key that is never given out and signs only, then what it made is looked at; a key that is not so\n"
     "is removed again.\n",
     key_run},
    {"csr", "Write the request for an IKI Certificate, signed on the token", 0, csr_options, NULL,
     "Example:\n  smki-token csr --organisation 'Example Energy' --role supplier --name 'Ann Other' --out ann.csr\n", csr_run},
    {"certificate put", "Put the issued certificate beside its key; prints its ID", COMMAND_JSON, put_options, file_operand,
     "It is refused where its key is not on the token. One that is there already for this key is replaced.\n", put_run},
    {"certificate show", "Print the certificates on the token as PEM", COMMAND_JSON, show_options, NULL, NULL, show_run},
    {0},
};
