/* smki tls ...: the certificate by which the servers are known. */
#include "smki/smki_i.h"

#include <smki/tls.h>

#include <string.h>
#include <unistd.h>

const char *host_name(char out[HOST_NAME_SIZE])
{
    if (gethostname(out, HOST_NAME_SIZE) != 0)
        return NULL;
    out[HOST_NAME_SIZE - 1] = '\0';
    return out;
}

static int tls_make(struct call *call)
{
    const char *hosts[SMKI_TLS_MAX_HOSTS], *host;
    struct smki_tls_request request = {.hosts = hosts, .days = (unsigned)call_number(call, "days"), .replace = call_has(call, "replace")};
    char machine[HOST_NAME_SIZE];
    int rc;

    if (call_has(call, "days") && request.days == 0)
        return call_usage(call, "--days: at least 1");
    if (!call_has(call, "host") && (host = host_name(machine)) != NULL)
        hosts[request.host_count++] = host;
    for (size_t n = 0; (host = call_text_at(call, "host", n)) != NULL; n++) {
        if (n == SMKI_TLS_MAX_HOSTS)
            return call_usage(call, "--host: at most %d", SMKI_TLS_MAX_HOSTS);
        hosts[request.host_count++] = host;
    }
    rc = smki_tls_make(call->service, &call->actor, &request, &call->err);
    if (rc == 0)
        printf("%s/" SMKI_HOME_TLS ": a certificate for development; clients trust it by " SMKI_TLS_ROOT
               "; running servers take it at SIGHUP\n",
               call->home);
    return rc;
}

/* ---- show ---- */

static const char *digest_words(const uint8_t sha256[32], char out[65])
{
    for (size_t i = 0; i < 32; i++)
        snprintf(out + 2 * i, 3, "%02x", sha256[i]);
    return out;
}

static const char *state_word(const struct call *call, const struct smki_tls *tls)
{
    const struct smki_time now = smki_service_now(call->service);

    if (now.us >= tls->not_after.us)
        return "expired";
    return now.us < tls->not_before.us ? "not yet valid" : "valid";
}

static cJSON *tls_json(const struct call *call, const struct smki_tls *tls)
{
    cJSON *json = cJSON_CreateObject();
    char digest[65];

    if (json != NULL && cJSON_AddStringToObject(json, "common_name", tls->common_name) != NULL &&
        cJSON_AddStringToObject(json, "hosts", tls->hosts) != NULL && json_add_time(json, "not_before", tls->not_before) &&
        json_add_time(json, "not_after", tls->not_after) && cJSON_AddStringToObject(json, "state", state_word(call, tls)) != NULL &&
        cJSON_AddStringToObject(json, "sha256", digest_words(tls->sha256, digest)) != NULL &&
        cJSON_AddBoolToObject(json, "development", tls->development) != NULL &&
        cJSON_AddStringToObject(json, "key", tls->key == 0 ? "OK" : smki_refusal_find(tls->key)->name) != NULL)
        return json;
    cJSON_Delete(json);
    return NULL;
}

static void tls_print(const struct call *call, const struct smki_tls *tls)
{
    char text[SMKI_TIME_TEXT_SIZE], digest[65];

    fact_print("certificate", "%s/" SMKI_HOME_TLS "/" SMKI_TLS_CERTIFICATE, smki_service_home(call->service));
    fact_print("common name", "%s", tls->common_name);
    fact_print("hosts", "%s", tls->hosts);
    fact_print("valid from", "%s", time_words(tls->not_before, text));
    fact_print("valid to", "%s (%s)", time_words(tls->not_after, text), state_word(call, tls));
    fact_print("SHA-256", "%s", digest_words(tls->sha256, digest));
    fact_print("use", "%s",
               tls->development ? "for development: clients trust it by the " SMKI_TLS_ROOT " beside it" : "of a CA outside this home");
    fact_print("private key", "%s", tls->key == 0 ? "there, and fits" : tls->key_text);
}

static int tls_show(struct call *call)
{
    struct smki_tls tls;
    int rc = smki_tls_look(call->service, &tls, &call->err);

    if (rc != 0)
        return rc;
    if (call->json)
        return json_print(call, tls_json(call, &tls));
    tls_print(call, &tls);
    return 0;
}

static const struct command_value make_options[] = {
    {"host", VALUE_TEXT, MANY, "NAME", "a DNS name or IP address that the servers are reached by; without: the machine's name", NULL},
    {"days", VALUE_COUNT, 0, NULL, "how long it is valid; without: 820", NULL},
    {"replace", VALUE_FLAG, 0, NULL, "in place of the one that is there", NULL},
    {0},
};

const struct command tls_commands[] = {
    {"tls make", "Make a TLS certificate for development: tls/ca.pem, tls/server.pem, tls/server.key", COMMAND_HOME, make_options, NULL,
     "localhost, 127.0.0.1 and ::1 are always among its names. A root is made with it, whose key is not kept: clients are\n"
     "given tls/ca.pem, and a new one with each certificate. 'smki init' makes the first. What was put there by others is\n"
     "never written over: in production the certificate is one of a public CA (IDS App. G).\n\n"
     "Example:\n"
     "  smki tls make --replace --host smki.example.org --host 192.0.2.7\n",
     tls_make},
    {"tls show", "Show the servers' TLS certificate: its names, until when, whether its key fits", COMMAND_HOME | COMMAND_JSON, NULL, NULL,
     NULL, tls_show},
    {0},
};
