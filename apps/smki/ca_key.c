/* smki ca status, bench, import-key: where the CAs' keys are. */
#include "smki/smki_i.h"

#include <ctype.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BENCH_SECONDS  2    /* for each number of sessions */
#define BENCH_TOGETHER 32   /* digests in one call, as a run signs them */
#define BENCH_GAIN     1.05 /* more sessions must give so much to be worth their places in the HSM */

static double seconds_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool is_uri(const char *key)
{
    return strncmp(key, "pkcs11:", 7) == 0;
}

/* ---- status ---- */

struct key_state {
    char place[SMKI_KEY_URI_SIZE];
    bool on_token, looked, pass;
    struct smki_key_token token;
    double first, again; /* seconds of the first signature, with opening and logging in, and of one more */
    struct smki_error why;
};

static int key_try(struct call *call, enum smki_ca_name name, struct key_state *state)
{
    const struct smki_ca *ca;
    double start = seconds_now();
    int rc = smki_service_ca(call->service, name, &ca, &state->why);

    if (rc == 0)
        rc = smki_key_prove(smki_ca_key(ca), &state->why);
    state->first = seconds_now() - start;
    start = seconds_now();
    if (rc == 0)
        rc = smki_key_prove(smki_ca_key(ca), &state->why);
    state->again = seconds_now() - start;
    return rc;
}

/* A token is looked at without a deadline, so only one that has answered, or has said why not. */
static void key_look(struct call *call, enum smki_ca_name name, struct key_state *state)
{
    const struct smki_pkcs11 settings = smki_service_pkcs11(call->service);

    *state = (struct key_state){0};
    if (smki_service_ca_key(call->service, name, state->place, sizeof(state->place), &state->why) != 0)
        return;
    state->on_token = is_uri(state->place);
    state->pass = key_try(call, name, state) == 0;
    if (state->on_token && strstr(state->why.text, "did not answer") == NULL)
        state->looked = smki_key_token_look(&state->token, state->place, &settings, state->pass ? NULL : &state->why) == 0;
}

static const char *tries_words(const struct smki_key_token *token)
{
    return token->pin_locked          ? "locked: unblock it with the SO PIN"
           : token->pin_final_try     ? "one try left"
           : token->pin_count_low     ? "a wrong PIN was given since the last right one"
           : token->pin_to_be_changed ? "must be changed"
                                      : "all tries left";
}

static cJSON *state_json(struct call *call, enum smki_ca_name name, const struct key_state *state)
{
    const struct smki_key_token *token = &state->token;
    cJSON *json = cJSON_CreateObject(), *on = NULL;
    bool good = json != NULL && cJSON_AddStringToObject(json, "name", smki_ca_word(name)) != NULL &&
                cJSON_AddStringToObject(json, "key", state->place) != NULL &&
                cJSON_AddBoolToObject(json, "on_token", state->on_token) != NULL &&
                cJSON_AddBoolToObject(json, "signs", state->pass) != NULL;

    if (good && state->pass)
        good = cJSON_AddNumberToObject(json, "first_ms", state->first * 1e3) != NULL &&
               cJSON_AddNumberToObject(json, "signature_ms", state->again * 1e3) != NULL;
    else if (good)
        good = cJSON_AddStringToObject(json, "trouble", state->why.text) != NULL;
    if (good && state->looked)
        good = (on = cJSON_AddObjectToObject(json, "token")) != NULL && cJSON_AddStringToObject(on, "label", token->label) != NULL &&
               cJSON_AddStringToObject(on, "serial", token->serial) != NULL &&
               cJSON_AddStringToObject(on, "manufacturer", token->manufacturer) != NULL &&
               cJSON_AddStringToObject(on, "model", token->model) != NULL &&
               cJSON_AddStringToObject(on, "hardware", token->hardware) != NULL &&
               cJSON_AddStringToObject(on, "firmware", token->firmware) != NULL &&
               cJSON_AddBoolToObject(on, "logged_in", state->pass) != NULL && json_add_number(on, "sessions", token->sessions) &&
               json_add_number(on, "sessions_max", token->sessions_max) &&
               json_add_number(on, "sessions_configured", smki_service_config(call->service)->pkcs11_sessions) &&
               cJSON_AddBoolToObject(on, "pin_count_low", token->pin_count_low) != NULL &&
               cJSON_AddBoolToObject(on, "pin_final_try", token->pin_final_try) != NULL &&
               cJSON_AddBoolToObject(on, "pin_locked", token->pin_locked) != NULL &&
               cJSON_AddBoolToObject(on, "pin_to_be_changed", token->pin_to_be_changed) != NULL;
    if (good)
        return json;
    cJSON_Delete(json);
    return NULL;
}

static void state_print(struct call *call, enum smki_ca_name name, const struct key_state *state)
{
    const struct smki_key_token *token = &state->token;

    fact_print(smki_ca_word(name), "%s", state->place);
    if (state->looked) {
        fact_print("  token", "%s, serial number %s, %s %s, firmware %s, hardware %s", token->label, token->serial, token->manufacturer,
                   token->model, token->firmware, token->hardware);
        fact_print("  sessions", "%" PRIu32 " configured%s", smki_service_config(call->service)->pkcs11_sessions,
                   token->sessions_max == 0 ? "" : ", fewer where the token has no more");
        fact_print("  PIN", "%s%s", state->pass ? "logged in; " : "", tries_words(token));
    }
    if (state->pass)
        fact_print("  signs", "in %.2f ms; the first one, with opening%s, %.1f ms", state->again * 1e3,
                   state->on_token ? " and logging in" : "", state->first * 1e3);
    else
        fact_print("  does not sign", "%s", state->why.text);
}

static int ca_status(struct call *call)
{
    struct json_list list;
    struct key_state state;
    unsigned troubled = 0;
    int rc = 0;

    if (call->json)
        json_list_start(&list);
    for (int name = 1; rc == 0 && name <= SMKI_CA_COUNT; name++) {
        key_look(call, (enum smki_ca_name)name, &state);
        troubled += !state.pass;
        if (call->json)
            rc = json_list_add(&list, call, state_json(call, (enum smki_ca_name)name, &state));
        else
            state_print(call, (enum smki_ca_name)name, &state);
    }
    if (call->json)
        json_list_end(&list);
    if (rc == 0 && troubled > 0)
        return call_fail(call, SMKI_CA_KEY_UNAVAILABLE, "%u of %d CAs cannot sign", troubled, SMKI_CA_COUNT);
    return rc;
}

/* ---- bench ---- */

/* One number of sessions. */
struct trial {
    const struct smki_key *key;
    double until;
    atomic_uint_fast64_t made;
    atomic_int code;
    pthread_mutex_t lock;
    struct smki_error why;
};

/* What is signed says that it is no certificate. */
static int trial_sign(struct trial *trial, struct smki_error *err)
{
    uint8_t digests[BENCH_TOGETHER][32], signatures[BENCH_TOGETHER][SMKI_SIGNATURE_MAX_SIZE];
    size_t sizes[BENCH_TOGETHER];
    int rc;

    for (size_t i = 0; i < BENCH_TOGETHER; i++) {
        memset(digests[i], 0, sizeof(digests[i]));
        memcpy(digests[i], "smki ca bench", 13);
    }
    if ((rc = smki_key_sign_many(trial->key, BENCH_TOGETHER, digests, signatures, sizes, err)) == 0)
        atomic_fetch_add(&trial->made, BENCH_TOGETHER);
    return rc;
}

static void *trial_main(void *argument)
{
    struct trial *trial = argument;
    struct smki_error err = {0};
    int rc = 0;

    while (rc == 0 && atomic_load(&trial->code) == 0 && seconds_now() < trial->until)
        rc = trial_sign(trial, &err);
    if (rc != 0) {
        pthread_mutex_lock(&trial->lock);
        atomic_store(&trial->code, rc);
        trial->why = err;
        pthread_mutex_unlock(&trial->lock);
    }
    return NULL;
}

static int trial_run(struct trial *trial, unsigned threads, double seconds, double *rate, struct smki_error *err)
{
    pthread_t thread[16];
    unsigned started = 0;
    double start;
    int rc = trial_sign(trial, err); /* the session and its login are not what is measured */

    if (rc != 0)
        return rc;
    start = seconds_now();
    trial->until = start + seconds;
    atomic_store(&trial->made, 0);
    while (started < threads && pthread_create(&thread[started], NULL, trial_main, trial) == 0)
        started++;
    for (unsigned i = 0; i < started; i++)
        pthread_join(thread[i], NULL);
    *rate = (double)atomic_load(&trial->made) / (seconds_now() - start);
    if (atomic_load(&trial->code) != 0)
        *err = trial->why;
    return atomic_load(&trial->code);
}

static int bench_one(struct call *call, enum smki_ca_name name, const struct smki_ca *ca, const char *uri, unsigned sessions, double *rate)
{
    struct smki_pkcs11 settings = smki_service_pkcs11(call->service);
    struct trial trial = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct smki_key *key = NULL;
    double seconds = call_has(call, "seconds") ? (double)call_number(call, "seconds") : BENCH_SECONDS;
    int rc;

    settings.sessions = sessions;
    if ((rc = smki_key_open_token(&key, uri, &settings, smki_key_public(smki_ca_key(ca)), &call->err)) != 0)
        return rc;
    trial.key = key;
    rc = trial_run(&trial, sessions, seconds, rate, &call->err);
    if (rc == 0) /* what was signed in vain is in the log, so that it can be held against the token's count */
        rc = smki_service_key_used(call->service, &call->actor, name, smki_key_signatures(key), &call->err);
    smki_key_close(key);
    return rc;
}

static const unsigned bench_sessions[] = {1, 2, 4, 8, 16};
#define BENCHES (sizeof(bench_sessions) / sizeof(bench_sessions[0]))

static unsigned bench_best(const double rates[BENCHES])
{
    size_t best = 0;

    for (size_t i = 1; i < BENCHES; i++)
        if (rates[i] > rates[best] * BENCH_GAIN)
            best = i;
    return bench_sessions[best];
}

static int bench_tell(struct call *call, const char *word, const double rates[BENCHES])
{
    const unsigned best = bench_best(rates), configured = smki_service_config(call->service)->pkcs11_sessions;
    cJSON *json, *list;

    if (!call->json) {
        for (size_t i = 0; i < BENCHES; i++)
            printf("%2u session%s  %10.1f signatures a second\n", bench_sessions[i], bench_sessions[i] == 1 ? " " : "s", rates[i]);
        printf("pkcs11.sessions: %u serves%s\n", best, best == configured ? ", as configured" : "; set it in smki.json");
        return 0;
    }
    if ((json = cJSON_CreateObject()) == NULL || cJSON_AddStringToObject(json, "name", word) == NULL ||
        !json_add_number(json, "sessions", best) || !json_add_number(json, "sessions_configured", configured) ||
        (list = cJSON_AddArrayToObject(json, "trials")) == NULL) {
        cJSON_Delete(json);
        return json_print(call, NULL);
    }
    for (size_t i = 0; i < BENCHES; i++) {
        cJSON *trial = cJSON_CreateObject();

        cJSON_AddItemToArray(list, trial);
        json_add_number(trial, "sessions", bench_sessions[i]);
        cJSON_AddNumberToObject(trial, "signatures_per_second", rates[i]);
    }
    return json_print(call, json);
}

static int ca_bench(struct call *call)
{
    const char *word = call_operand(call, 0) != NULL ? call_operand(call, 0) : "dca";
    char uri[SMKI_KEY_URI_SIZE];
    const struct smki_ca *ca;
    double rates[BENCHES] = {0};
    enum smki_ca_name name;
    int rc = 0;

    if (!smki_ca_find(word, &name))
        return call_usage(call, "there is no CA '%s'", word);
    if ((rc = smki_service_ca_key(call->service, name, uri, sizeof(uri), &call->err)) != 0 ||
        (rc = smki_service_ca(call->service, name, &ca, &call->err)) != 0)
        return rc;
    if (!is_uri(uri))
        return call_fail(call, SMKI_KEY_TYPE, "%s: the key is in a file, which needs no sessions; 'smki-batch' uses run.workers threads",
                         uri);
    for (size_t i = 0; i < BENCHES && rc == 0; i++)
        rc = bench_one(call, name, ca, uri, bench_sessions[i], &rates[i]);
    return rc != 0 ? rc : bench_tell(call, word, rates);
}

/* ---- import-key ---- */

/* The line of the template, as 'smki init' writes it: put in force with the new value. False: it is not there so. */
static bool line_set(struct smki_buffer *out, struct smki_bytes text, const char *key, const char *value, struct smki_error *err)
{
    char off[96], live[96];
    const char *start = (const char *)text.at, *at;
    size_t line;

    snprintf(off, sizeof(off), "\n  // \"%s\": ", key);
    snprintf(live, sizeof(live), "\n  \"%s\": ", key);
    at = memmem(start, text.size, off, strlen(off));
    if (at == NULL)
        at = memmem(start, text.size, live, strlen(live));
    if (at == NULL)
        return false;
    line = strcspn(at + 1, "\n");
    return smki_buffer_append(out, start, (size_t)(at - start), err) == 0 && smki_buffer_printf(out, err, "%s\"%s\",", live, value) == 0 &&
           smki_buffer_append(out, at + 1 + line, text.size - (size_t)(at + 1 + line - start), err) == 0;
}

/* The whole file or nothing; what it comes to is read before it is put in place. */
static int config_put(struct call *call, const char *path, const struct smki_buffer *text)
{
    char fresh[PATH_MAX];
    struct smki_config config;
    int rc;

    if (snprintf(fresh, sizeof(fresh), "%s.new", path) >= (int)sizeof(fresh))
        return call_fail(call, SMKI_TOO_LARGE, "the home's path is too long");
    if ((rc = file_put_new(fresh, (struct smki_bytes){text->at, text->size}, 0600, &call->err)) != 0)
        return rc;
    if ((rc = smki_config_read(&config, fresh, &call->err)) == 0 && rename(fresh, path) != 0)
        rc = call_fail(call, SMKI_IO, "%s: cannot be put in place", path);
    if (rc != 0)
        unlink(fresh);
    return rc;
}

/* Puts ca.<name>.key into smki.json, or says what to put there. */
static int config_set(struct call *call, const char *word, const char *uri)
{
    struct smki_buffer text = {0}, changed = {0};
    char path[PATH_MAX], key[32];
    bool set = false;
    int rc;

    snprintf(path, sizeof(path), "%s/" SMKI_HOME_CONFIG, smki_service_home(call->service));
    snprintf(key, sizeof(key), "ca.%s.key", word);
    rc = file_take(&text, path, FILE_MAX, &call->err);
    if (rc == 0 && line_set(&changed, (struct smki_bytes){text.at, text.size}, key, uri, &call->err))
        set = (rc = config_put(call, path, &changed)) == 0;
    if (set)
        printf("%s: %s is set; start the services again\n", path, key);
    else /* the key is on the token, whatever became of the file */
        printf("Put into %s, and start the services again:\n  \"%s\": \"%s\"\n", path, key, uri);
    smki_buffer_finish(&text);
    smki_buffer_finish(&changed);
    return rc;
}

static int token_uri(struct call *call, const char *word, char out[SMKI_KEY_URI_SIZE])
{
    const char *token = call_text(call, "token");
    size_t size = (size_t)snprintf(out, SMKI_KEY_URI_SIZE, "pkcs11:token=");

    for (; *token != '\0'; token++) {
        if (size + 64 > SMKI_KEY_URI_SIZE)
            return call_usage(call, "--token: a token's label has at most 32 octets");
        size += (size_t)snprintf(out + size, SMKI_KEY_URI_SIZE - size, "%%%02X", (unsigned char)*token);
    }
    snprintf(out + size, SMKI_KEY_URI_SIZE - size, ";object=smki-%s;type=private", word);
    return 0;
}

/* A module that the configuration does not have is named in the key's own URI. */
static int module_name(struct call *call, char uri[SMKI_KEY_URI_SIZE])
{
    const char *module = call_has(call, "pkcs11") ? call_text(call, "pkcs11") : "";
    size_t size = strlen(uri);

    if (module[0] == '\0' || strcmp(module, smki_service_config(call->service)->pkcs11_module) == 0)
        return 0;
    size += (size_t)snprintf(uri + size, SMKI_KEY_URI_SIZE - size, "?module-path=");
    for (; *module != '\0'; module++) {
        const bool plain = isalnum((unsigned char)*module) || strchr("/._-", *module) != NULL;

        if (size + 4 > SMKI_KEY_URI_SIZE)
            return call_usage(call, "--pkcs11: the path is too long; set pkcs11.module in smki.json");
        size += (size_t)snprintf(uri + size, SMKI_KEY_URI_SIZE - size, plain ? "%c" : "%%%02X", (unsigned char)*module);
    }
    return 0;
}

static int key_fits(struct call *call, const struct smki_key *key, enum smki_ca_name name, const char *path)
{
    struct smki_ca *ca = NULL;
    int rc = ca_look(&ca, call->service, name, &call->err);

    if (rc != 0)
        return rc;
    if (smki_key_public(key).size != smki_ca_certificate(ca)->spki.size ||
        memcmp(smki_key_public(key).at, smki_ca_certificate(ca)->spki.at, smki_key_public(key).size) != 0)
        rc = call_fail(call, SMKI_KEY_MISMATCH, "%s: the private key does not belong to the certificate of %s; nothing was written", path,
                       smki_ca_word(name));
    smki_ca_close(ca);
    return rc;
}

static int key_import(struct call *call, const struct smki_key *key, const char *word, const char *path)
{
    struct smki_pkcs11 settings = smki_service_pkcs11(call->service);
    char wanted[SMKI_KEY_URI_SIZE], uri[SMKI_KEY_URI_SIZE];
    const bool dry_run = call_has(call, "dry-run");
    int rc;

    if (call_has(call, "pkcs11"))
        settings.module = call_text(call, "pkcs11");
    if ((rc = token_uri(call, word, wanted)) != 0 ||
        (rc = smki_key_import_token(uri, key, wanted, dry_run, &settings, &smki_random_system, &call->err)) != 0)
        return rc;
    if (dry_run) {
        printf("%s would go to the token '%s' as smki-%s; nothing was written\n", path, call_text(call, "token"), word);
        return 0;
    }
    printf("%s is on the token '%s' as smki-%s and cannot be taken off it\n", path, call_text(call, "token"), word);
    call_note(call,
              "a key that was in a file was in a file: whoever copied it, or a backup of the home, can still sign. Destroy every copy you "
              "know of once the token's signs (smki ca status); a key that never was anywhere else is made by 'smki init --pkcs11'");
    if (smki_service_config(call->service)->pkcs11_pin_source[0] == '\0')
        call_note(call, "pkcs11.pin_source is not set: no service can log in to the token before it says who has the PIN");
    return (rc = module_name(call, uri)) != 0 ? rc : config_set(call, word, uri);
}

static int ca_import_key(struct call *call)
{
    const char *word = call_operand(call, 0);
    char path[SMKI_KEY_URI_SIZE];
    struct smki_key *key = NULL;
    enum smki_ca_name name;
    int rc;

    if (!smki_ca_find(word, &name))
        return call_usage(call, "there is no CA '%s'", word);
    if (call_operand(call, 1) != NULL)
        snprintf(path, sizeof(path), "%s", call_operand(call, 1));
    else if ((rc = smki_service_ca_key(call->service, name, path, sizeof(path), &call->err)) != 0)
        return rc;
    if (is_uri(path))
        return call_fail(call, SMKI_ALREADY_EXISTS, "%s: the key of %s is on a token already", path, word);
    if ((rc = smki_key_open_file(&key, path, passphrase_ask, path, &call->err)) != 0)
        return rc;
    if ((rc = key_fits(call, key, name, path)) == 0)
        rc = key_import(call, key, word, path);
    smki_key_close(key);
    return rc;
}

static const char *const ca_words[] = {"oca", "dca", "ikica", "oca-root", "dca-root", NULL};
static const struct command_value bench_operands[] = {{"NAME", VALUE_WORD, 0, NULL, "the CA; without: dca", ca_words}, {0}};
static const struct command_value bench_options[] = {{"seconds", VALUE_COUNT, 0, "N", "for each number of sessions; without: 2", NULL},
                                                     {0}};
static const struct command_value import_operands[] = {
    {"NAME", VALUE_WORD, REQUIRED, NULL, "oca, dca, ikica, oca-root or dca-root", ca_words},
    {"FILE", VALUE_FILE, 0, NULL, "its private key, PKCS#8; without: the one in the home", NULL},
    {0},
};
static const struct command_value import_options[] = {
    {"token", VALUE_TEXT, REQUIRED, "LABEL", "the label of the token", NULL},
    {"pkcs11", VALUE_FILE, 0, "MODULE", "path of its PKCS#11 module; without: pkcs11.module", NULL},
    {"dry-run", VALUE_FLAG, 0, NULL, "check everything, write nothing", NULL},
    {0},
};

const struct command ca_key_commands[] = {
    {"ca status", "Show where each CA's key is, and whether it signs", COMMAND_HOME | COMMAND_JSON, NULL, NULL,
     "Makes two signatures with each key. Exit status 1 when a CA cannot sign.\n", ca_status},
    {"ca bench", "Measure an HSM by its number of sessions, for pkcs11.sessions", COMMAND_HOME | COMMAND_JSON, bench_options,
     bench_operands, "Signs, with 1, 2, 4, 8 and 16 sessions, a digest that is of no certificate.\n", ca_bench},
    {"ca import-key", "Bring a CA's key out of its file onto a token", COMMAND_HOME, import_options, import_operands,
     "The key must be that of the CA's certificate. It is written so that it cannot be taken off the token, and for signing\n"
     "only; the file stays where it is, and with it whoever may have copied it. The PIN comes from pkcs11.pin_source, or is\n"
     "asked for.\n\n"
     "Example:\n"
     "  smki ca import-key dca --token SMKI --pkcs11 /usr/lib/softhsm/libsofthsm2.so --dry-run\n",
     ca_import_key},
    {0},
};
