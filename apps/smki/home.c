/* smki init, status, backup, restore. */
#include "smki/smki_i.h"

#include <mbedtls/platform_util.h>

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PASSPHRASE_SIZE 512 /* octets with NUL; what the terminal gives in a line */

/* Asked twice: nobody has seen what was typed, and nothing opens the keys without it. */
static int passphrase_new(struct call *call, char out[PASSPHRASE_SIZE])
{
    char again[PASSPHRASE_SIZE] = "";
    int size = passphrase_ask((char[]){"the new CA keys"}, out, PASSPHRASE_SIZE - 1), second = -1, rc = 0;

    if (size > 0)
        second = passphrase_ask((char[]){"the new CA keys, again"}, again, PASSPHRASE_SIZE - 1);
    if (size <= 0)
        rc = call_fail(call, SMKI_KEY_PASSPHRASE, "no passphrase was given; --ask-passphrase asks for one on the terminal");
    else if (size != second || memcmp(out, again, (size_t)size) != 0)
        rc = call_fail(call, SMKI_KEY_PASSPHRASE, "the two passphrases are not the same; nothing was made");
    else
        out[size] = '\0';
    mbedtls_platform_zeroize(again, sizeof(again));
    return rc;
}

/* Who has the PIN: a file by its whole path, since later commands are called from other folders, or a credential; NULL: it is asked for. */
static int pin_source(struct call *call, char out[PATH_MAX + 8], const char **source)
{
    const char *file = call_text(call, "pin-file"), *credential = call_text(call, "pin-credential");
    char whole[PATH_MAX];

    *source = out;
    if (file != NULL && realpath(file, whole) == NULL)
        return call_fail(call, SMKI_KEY_UNREADABLE, "%s: %s", file, strerror(errno));
    if (file != NULL)
        snprintf(out, PATH_MAX + 8, "file:%s", whole);
    else if (credential != NULL)
        snprintf(out, PATH_MAX + 8, "credential:%s", credential);
    else
        *source = NULL;
    return 0;
}

/* One answer for the five keys. */
struct pin_once {
    char text[PASSPHRASE_SIZE];
    int size; /* 0: not asked yet */
};

static int pin_ask_once(void *context, char *out, size_t capacity)
{
    struct pin_once *once = context;

    if (once->size == 0)
        once->size = passphrase_ask((char[]){"the token (its PIN)"}, once->text, sizeof(once->text));
    if (once->size > 0 && (size_t)once->size <= capacity)
        memcpy(out, once->text, (size_t)once->size);
    return once->size;
}

static int token_options(struct call *call, struct smki_service_options *options, struct pin_once *once, char source[PATH_MAX + 8])
{
    options->token = call_text(call, "token");
    options->pkcs11_module = call_text(call, "pkcs11");
    if ((options->token == NULL) != (options->pkcs11_module == NULL))
        return call_usage(call, "--pkcs11 MODULE and --token LABEL go together");
    if (options->token == NULL && (call_has(call, "pin-file") || call_has(call, "pin-credential")))
        return call_usage(call, "a PIN is for --pkcs11 MODULE --token LABEL");
    if (call_has(call, "pin-file") && call_has(call, "pin-credential"))
        return call_usage(call, "--pin-file and --pin-credential: give one of them");
    if (options->token != NULL && (call_has(call, "passphrase-file") || call_has(call, "ask-passphrase")))
        return call_usage(call, "keys on a token have its PIN, and no passphrase");
    if (options->token == NULL)
        return 0;
    options->passphrase = pin_ask_once;
    options->passphrase_context = once;
    return pin_source(call, source, &options->pin_source);
}

static int home_init(struct call *call)
{
    const char *home = call_operand(call, 0) != NULL ? call_operand(call, 0) : call->home;
    struct smki_service_options options = {.passphrase_file = call_text(call, "passphrase-file")};
    char passphrase[PASSPHRASE_SIZE] = "", host[HOST_NAME_SIZE], source[PATH_MAX + 8];
    struct pin_once once = {.size = 0};
    int rc;

    if (home == NULL)
        return call_usage(call, "HOME is missing (where the home shall be)");
    if ((rc = token_options(call, &options, &once, source)) != 0)
        return rc;
    if (call_has(call, "ask-passphrase")) {
        if (options.passphrase_file != NULL)
            return call_usage(call, "--passphrase-file and --ask-passphrase: give one of them");
        options.protect_with = passphrase;
        rc = passphrase_new(call, passphrase);
    }
    options.host_name = host_name(host);
    if (rc == 0)
        rc = smki_service_create(home, &options, &call->err);
    mbedtls_platform_zeroize(passphrase, sizeof(passphrase));
    mbedtls_platform_zeroize(&once, sizeof(once));
    if (rc == 0)
        printf("%s: a home with a test PKI; next: smki --home %s party add --help\n", home, home);
    return rc;
}

static int home_backup(struct call *call)
{
    int rc = smki_service_backup(call->service, &call->actor, call_operand(call, 0), call_has(call, "without-keys"), &call->err);

    if (rc == 0)
        printf("%s: a backup of %s%s\n", call_operand(call, 0), call->home,
               call_has(call, "without-keys") ? ", without keys" : "; it holds the private keys: keep it as safe as the home");
    return rc;
}

/* Where the configuration says that the CA's key is on a token, or somewhere else, no file is missed. */
static bool key_is_elsewhere(const char *home, const char *word)
{
    char path[PATH_MAX], key[32], value[SMKI_CONFIG_TEXT_SIZE * 2];
    const struct smki_config_key *keys;
    struct smki_config config;
    size_t count;
    bool is_default = true;

    snprintf(path, sizeof(path), "%s/" SMKI_HOME_CONFIG, home);
    snprintf(key, sizeof(key), "ca.%s.key", word);
    if (smki_config_read(&config, path, NULL) != 0)
        return false;
    keys = smki_config_keys(&count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(keys[i].path, key) == 0)
            return smki_config_show(&config, i, value, sizeof(value), &is_default, NULL) == 0 && !is_default;
    return false;
}

static bool key_is_there(const char *home, const char *word)
{
    char key[PATH_MAX];

    if (key_is_elsewhere(home, word))
        return true;
    snprintf(key, sizeof(key), "%s/" SMKI_HOME_KEYS "/%s.key", home, word);
    return access(key, F_OK) == 0;
}

/* The CAs whose keys the restored home lacks: " dca.key oca.key". Returns how many. */
static unsigned keys_missing(const char *home, char *out, size_t size)
{
    unsigned missing = 0;
    size_t length = 0;

    out[0] = '\0';
    for (int ca = 1; ca <= SMKI_CA_COUNT; ca++) {
        const char *word = smki_ca_word((enum smki_ca_name)ca);

        if (key_is_there(home, word))
            continue;
        length += (size_t)snprintf(out + length, size - length, "%s%s.key", missing > 0 ? ", " : "", word);
        missing++;
    }
    return missing;
}

static int home_restore(struct call *call)
{
    const struct smki_service_options options = {.passphrase = passphrase_ask};
    const char *home = call_operand(call, 1);
    char missing[256];
    int rc = smki_service_restore(call_operand(call, 0), home, &options, &call->err);

    if (rc != 0)
        return rc;
    if (!key_is_there(home, "audit"))
        printf("%s: restored, without private keys: put them into %s/" SMKI_HOME_KEYS " (mode 0600) before it can be used\n", home, home);
    else if (keys_missing(home, missing, sizeof(missing)) > 0)
        printf("%s: restored and opened; the backup lacks %s: put what is missing into %s/" SMKI_HOME_KEYS
               " (mode 0600) before these CAs can sign\n",
               home, missing, home);
    else
        printf("%s: restored and opened\n", home);
    return 0;
}

/* ---- status ---- */

struct state {
    struct smki_store_statistics store;
    uint64_t parties, officers, credentials;
    uint64_t open_batches, due, early, over_quota, at_risk; /* due, early, over_quota: CSRs; at_risk: batches */
    struct smki_night night;
    bool night_open;
    uint32_t capacity;
};

static uint64_t party_count(struct smki_store *store)
{
    struct smki_party party = {0};
    uint64_t count = 0;

    while (smki_party_next(store, party.number, &party, NULL) == 0)
        count++;
    return count;
}

static uint64_t officer_count(struct smki_store *store)
{
    struct smki_officer officer = {0};
    uint64_t count = 0;

    while (smki_officer_next(store, officer.number, &officer, NULL) == 0)
        count++;
    return count;
}

static uint64_t credential_count(struct smki_store *store)
{
    struct smki_credential credential = {0};
    uint64_t count = 0;

    while (smki_credential_next(store, credential.number, &credential, NULL) == 0)
        count += credential.state == SMKI_CREDENTIAL_ACTIVE;
    return count;
}

static int load_take(struct call *call, struct state *state, struct smki_time now)
{
    struct smki_plan_item *items = NULL;
    size_t count = 0;
    double rate;
    int rc = smki_batch_plan(call->service, now, &items, &count, &rate, &call->err);

    for (size_t i = 0; rc == 0 && i < count; i++) {
        uint64_t *load = items[i].class == SMKI_PLAN_DUE     ? &state->due
                         : items[i].class == SMKI_PLAN_EARLY ? &state->early
                                                             : &state->over_quota;
        *load += items[i].remaining;
        state->at_risk += items[i].at_risk;
    }
    state->open_batches = count;
    free(items);
    return rc;
}

static int state_take(struct call *call, struct state *state)
{
    const struct smki_demand_limits *limits = &smki_service_config(call->service)->limits;
    struct smki_store *store = smki_service_store(call->service);
    struct smki_time now = smki_service_now(call->service);
    int rc = smki_store_statistics(store, &state->store, &call->err);

    state->night = smki_night_at(limits, now);
    state->night_open = smki_night_is_open(limits, now);
    state->capacity = limits->night_capacity;
    state->parties = party_count(store);
    state->officers = officer_count(store);
    state->credentials = credential_count(store);
    return rc == 0 ? load_take(call, state, now) : rc;
}

static cJSON *state_json(const struct call *call, const struct state *state)
{
    cJSON *json = cJSON_CreateObject();

    if (json != NULL && cJSON_AddStringToObject(json, "home", smki_service_home(call->service)) != NULL &&
        json_add_number(json, "parties", state->parties) && json_add_number(json, "officers", state->officers) &&
        json_add_number(json, "credentials_active", state->credentials) && json_add_number(json, "devices", state->store.devices) &&
        json_add_number(json, "certificates", state->store.certificates) && json_add_number(json, "batches", state->store.batches) &&
        json_add_number(json, "batches_open", state->open_batches) && json_add_number(json, "audit_records", state->store.audit_records) &&
        json_add_number(json, "store_octets", state->store.file_size) && json_add_number(json, "store_format", state->store.format) &&
        json_add_time(json, "night_opens", state->night.opens) && json_add_time(json, "night_closes", state->night.closes) &&
        cJSON_AddBoolToObject(json, "night_open", state->night_open) != NULL && json_add_number(json, "night_capacity", state->capacity) &&
        json_add_number(json, "csrs_due", state->due) && json_add_number(json, "csrs_early", state->early) &&
        json_add_number(json, "csrs_over_quota", state->over_quota) && json_add_number(json, "batches_at_risk", state->at_risk))
        return json;
    cJSON_Delete(json);
    return NULL;
}

static void state_print(const struct call *call, const struct state *state)
{
    char size[DURATION_TEXT_SIZE], opens[SMKI_TIME_TEXT_SIZE], closes[SMKI_TIME_TEXT_SIZE];

    fact_print("home", "%s", smki_service_home(call->service));
    fact_print("Parties", "%" PRIu64 ", %" PRIu64 " officers, %" PRIu64 " active credentials", state->parties, state->officers,
               state->credentials);
    fact_print("devices", "%" PRIu64, state->store.devices);
    fact_print("certificates", "%" PRIu64, state->store.certificates);
    fact_print("batches", "%" PRIu64 ", %" PRIu64 " of them open", state->store.batches, state->open_batches);
    fact_print("audit records", "%" PRIu64, state->store.audit_records);
    fact_print("store", "%s, format %" PRIu32, size_words(state->store.file_size, size), state->store.format);
    fact_print("night", "%s to %s%s", time_words(state->night.opens, opens), time_words(state->night.closes, closes),
               state->night_open ? " (open now)" : "");
    fact_print("its load", "%" PRIu64 " CSRs due of %" PRIu32 " (%.1f %%)", state->due, state->capacity,
               100.0 * (double)state->due / state->capacity);
    fact_print("behind it", "%" PRIu64 " CSRs due later, %" PRIu64 " over quota", state->early, state->over_quota);
    fact_print("deadlines at risk", "%" PRIu64 "%s", state->at_risk, state->at_risk > 0 ? "; see 'smki-batch plan'" : "");
}

static int home_status(struct call *call)
{
    struct state state = {0};
    int rc = state_take(call, &state);

    if (rc != 0)
        return rc;
    if (call->json)
        return json_print(call, state_json(call, &state));
    state_print(call, &state);
    return 0;
}

static const struct command_value init_operands[] = {
    {"HOME", VALUE_FOLDER, 0, NULL, "a new or empty folder; without: --home or SMKI_HOME", NULL}, {0}};
static const struct command_value init_options[] = {
    {"passphrase-file", VALUE_FILE, 0, NULL, "encrypt the CAs' keys with this file's first line (its path goes into smki.json)", NULL},
    {"pkcs11", VALUE_FILE, 0, "MODULE", "make the CAs' keys on a token (an HSM): path of its PKCS#11 module", NULL},
    {"token", VALUE_TEXT, 0, "LABEL", "with --pkcs11: the token's label; it is initialised and has a user PIN", NULL},
    {"pin-file", VALUE_FILE, 0, NULL, "its PIN is this private file's first line (its path goes into smki.json)", NULL},
    {"pin-credential", VALUE_TEXT, 0, "NAME", "its PIN is this credential of the service manager; without either it is asked for", NULL},
    {"ask-passphrase", VALUE_FLAG, 0, NULL, "encrypt them with a passphrase that is asked for now, and whenever they are needed", NULL},
    {0},
};
static const struct command_value backup_operands[] = {{"DIR", VALUE_FOLDER, REQUIRED, NULL, "a new or empty folder", NULL}, {0}};
static const struct command_value backup_options[] = {{"without-keys", VALUE_FLAG, 0, NULL, "leave the private keys out", NULL}, {0}};
static const struct command_value restore_operands[] = {
    {"DIR", VALUE_FOLDER, REQUIRED, NULL, "the backup", NULL},
    {"HOME", VALUE_FOLDER, REQUIRED, NULL, "a new or empty folder", NULL},
    {0},
};

const struct command home_commands[] = {
    {"init", "Make a home: test PKI, store, configuration", 0, init_options, init_operands,
     "A home is one folder: smki.json (configuration), store/ (database), ca/ (CA certificates), keys/ (private keys,\n"
     "mode 0600), batches/ (uploads), tls/ (the servers' TLS certificate, see 'smki tls --help'). The test PKI has roots and issuing CAs "
     "for devices (dca) and organisations (oca),\n"
     "and an IKICA. Its keys are trusted by nobody. The CAs' keys can be encrypted; a passphrase file must be private\n"
     "(chmod 600). With --pkcs11 they are made on a token and cannot be taken off it (see CA KEYS in smki(1)). The audit key never is "
     "encrypted, since every command that records something needs it.\n",
     home_init},
    {"status", "Show counts, the store's size, tonight's load", COMMAND_HOME | COMMAND_JSON, NULL, NULL, NULL, home_status},
    {"backup", "Copy the home into a folder, while everything runs", COMMAND_HOME, backup_options, backup_operands, NULL, home_backup},
    {"restore", "Make a home from a backup", 0, NULL, restore_operands,
     "The restored home is opened and checked before the command ends.\n", home_restore},
    {0},
};
