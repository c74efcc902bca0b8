/* The values of the configuration's keys: from JSON, to JSON, and what is said of wrong ones. */
#include "config/config_i.h"
#include "config/settings_i.h"

#include "registry/text_i.h"

#include <arpa/inet.h>
#include <string.h>

/* A unit of durations or sizes; the first of its kind that fits is written. */
struct unit {
    const char *name;
    int64_t worth;
};

static const struct unit duration_units[] = {
    {"days", SMKI_DAY},   {"day", SMKI_DAY},       {"h", SMKI_HOUR},         {"hour", SMKI_HOUR},
    {"hours", SMKI_HOUR}, {"min", SMKI_MINUTE},    {"minute", SMKI_MINUTE},  {"minutes", SMKI_MINUTE},
    {"s", SMKI_SECOND},   {"second", SMKI_SECOND}, {"seconds", SMKI_SECOND}, {"ms", SMKI_SECOND / 1000},
};

static const struct unit size_units[] = {{"GiB", INT64_C(1) << 30}, {"MiB", INT64_C(1) << 20}, {"KiB", 1024}, {"octets", 1}};

static const char *const mode_words[] = {
    [SMKI_RULE_ENFORCE] = "enforce", [SMKI_RULE_OBSERVE] = "observe", [SMKI_RULE_OFF] = "off", [SMKI_RULE_SMOOTH] = "smooth"};

static const char *const eligible_words[] = {
    [SMKI_ELIGIBLE_NOBODY] = "nobody",
    [SMKI_ELIGIBLE_DCC] = "dcc",
    [SMKI_ELIGIBLE_SUBSCRIBER] = "subscriber",
    [SMKI_ELIGIBLE_IMPORT_SUPPLIER] = "import-supplier",
    [SMKI_ELIGIBLE_GAS_SUPPLIER] = "gas-supplier",
    [SMKI_ELIGIBLE_EITHER_SUPPLIER] = "either-supplier",
};

static const char *const versions_words[] = {[SMKI_TLS_1_2] = "1.2", [SMKI_TLS_1_2_AND_1_3] = "1.2 and 1.3"};

static const char *const provider_words[] = {
    [SMKI_P256_AUTO] = "auto", [SMKI_P256_MBEDTLS] = "mbedtls", [SMKI_P256_LIBCRYPTO] = "libcrypto"};

#define QUANTITY_TEXT_SIZE 48

/* ---- quantities as text: "0.8 s", "64 MiB" ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Digits with at most six after a point, in units of `worth`: exact, or false. */
static bool quantity_digits(int64_t *out, const char **text, int64_t worth)
{
    const char *at = *text;
    int64_t whole = 0, part = 0, scale = 1;

    if (!is_digit(*at))
        return false;
    for (; is_digit(*at); at++) {
        if (__builtin_mul_overflow(whole, 10, &whole) || __builtin_add_overflow(whole, *at - '0', &whole))
            return false;
    }
    if (*at == '.' && !is_digit(*++at))
        return false;
    for (; is_digit(*at) && scale < 1000000; at++, scale *= 10)
        part = part * 10 + (*at - '0');
    *text = at;
    if (part * worth % scale != 0 || __builtin_mul_overflow(whole, worth, out)) /* a day's worth times 10^6 fits */
        return false;
    return !__builtin_add_overflow(*out, part * worth / scale, out);
}

/* A number, spaces, and one of the units. */
static bool quantity_read(int64_t *out, const char *text, const struct unit *units, size_t count)
{
    const char *name = text + strspn(text, "0123456789.");

    name += strspn(name, " ");
    for (size_t i = 0; i < count; i++) {
        if (strcmp(name, units[i].name) == 0)
            return quantity_digits(out, &text, units[i].worth) && text + strspn(text, " ") == name;
    }
    return false;
}

static const char *size_text(char out[QUANTITY_TEXT_SIZE], int64_t value)
{
    size_t i = value == 0 ? ARRAY_COUNT(size_units) - 1 : 0;

    while (value % size_units[i].worth != 0)
        i++;
    snprintf(out, QUANTITY_TEXT_SIZE, "%lld %s", (long long)(value / size_units[i].worth), size_units[i].name);
    return out;
}

/* "24 h" rather than "1 days", "0.8 s" rather than "800 ms". */
static const char *duration_text(char out[QUANTITY_TEXT_SIZE], int64_t us)
{
    size_t size;

    if (us != 0 && us % SMKI_DAY == 0 && us / SMKI_DAY > 1) {
        snprintf(out, QUANTITY_TEXT_SIZE, "%lld days", (long long)(us / SMKI_DAY));
    } else if (us != 0 && us % SMKI_HOUR == 0) {
        snprintf(out, QUANTITY_TEXT_SIZE, "%lld h", (long long)(us / SMKI_HOUR));
    } else if (us != 0 && us % SMKI_MINUTE == 0) {
        snprintf(out, QUANTITY_TEXT_SIZE, "%lld min", (long long)(us / SMKI_MINUTE));
    } else {
        snprintf(out, QUANTITY_TEXT_SIZE, "%lld.%06lld", (long long)(us / SMKI_SECOND), (long long)(us % SMKI_SECOND));
        for (size = strlen(out); out[size - 1] == '0'; size--)
            ;
        size -= out[size - 1] == '.';
        snprintf(out + size, QUANTITY_TEXT_SIZE - size, " s");
    }
    return out;
}

/* ---- what is right, for refusals ---- */

static void words_append(char *out, size_t size, const char *const *words, size_t count)
{
    size_t used = strlen(out);

    for (size_t i = 0; i < count && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s\"%s\"", i == 0 ? "" : i + 1 == count ? " or " : ", ", words[i]);
}

static void right_text(const struct key *key, char *out, size_t size)
{
    char least[QUANTITY_TEXT_SIZE], most[QUANTITY_TEXT_SIZE];

    switch (key->kind) {
    case KEY_INTEGER:
    case KEY_NUMBER:
        if (key->min == key->max)
            snprintf(out, size, "%lld", (long long)key->min);
        else
            snprintf(out, size, "a whole number from %lld to %lld", (long long)key->min, (long long)key->max);
        break;
    case KEY_SIZE:
        snprintf(out, size, "a size from \"%s\" to \"%s\", as text with octets, KiB, MiB or GiB", size_text(least, key->min),
                 size_text(most, key->max));
        break;
    case KEY_DURATION:
        snprintf(out, size, "a duration from \"%s\" to \"%s\", as text with ms, s, min, h or days", duration_text(least, key->min),
                 duration_text(most, key->max));
        break;
    case KEY_DAYTIME:
        snprintf(out, size, "a time of day from \"00:00\" to \"23:59\"");
        break;
    case KEY_BOOLEAN:
        snprintf(out, size, "true or false");
        break;
    case KEY_MODE:
    case KEY_PACE:
        out[0] = '\0';
        words_append(out, size, mode_words, key->kind == KEY_PACE ? ARRAY_COUNT(mode_words) : SMKI_RULE_OFF + 1u);
        break;
    case KEY_ELIGIBLE:
        snprintf(out, size, "three words (before installation, in service, gone), each ");
        words_append(out, size, eligible_words, ARRAY_COUNT(eligible_words));
        break;
    case KEY_TEXT:
        snprintf(out, size, "printable UTF-8 text of at most %d octets", SMKI_CONFIG_TEXT_SIZE - 1);
        break;
    case KEY_KEY:
        snprintf(out, size, "the path of a file, or a pkcs11: URI (RFC 7512) without a PIN in it, of at most %d octets",
                 SMKI_CONFIG_TEXT_SIZE - 1);
        break;
    case KEY_OID:
        snprintf(out, size, "an object identifier in dotted form, such as \"1.2.826.0.1.1800000.1.2.1.4\"");
        break;
    case KEY_ADDRESS:
        snprintf(out, size, "%s, such as \"127.0.0.1:8443\" or \"[::1]:8443\", or empty",
                 key->min == 1 ? "a loopback address with a port" : "an address (no name) with a port");
        break;
    case KEY_HOST:
        snprintf(out, size, "a host name such as \"adhoc.smki.example\", without a port, or empty");
        break;
    case KEY_PATH:
        snprintf(out, size, "a path such as \"/1.0/Request\": from a /, of letters, digits and -._~/ only");
        break;
    case KEY_URL:
        snprintf(out, size, "%s, or empty",
                 key->min == 1 ? "an address such as \"https://desk.example/hook\" (http:// only for this machine)"
                               : "an address such as \"https://smki.example:8441\", without a / at its end");
        break;
    case KEY_NETWORK:
        snprintf(out, size, "\"gateway\" or \"internet\"");
        break;
    case KEY_VERSIONS:
        out[0] = '\0';
        words_append(out, size, versions_words, ARRAY_COUNT(versions_words));
        break;
    case KEY_PROVIDER:
        out[0] = '\0';
        words_append(out, size, provider_words, ARRAY_COUNT(provider_words));
        break;
    }
}

static int refuse(const struct key *key, const cJSON *value, struct smki_error *err)
{
    char right[300], *shown = cJSON_PrintUnformatted(value);
    int rc;

    right_text(key, right, sizeof(right));
    rc = smki_fail(err, SMKI_CONFIG_INVALID, "it is %.60s, and must be %s", shown != NULL ? shown : "wrong", right);
    cJSON_free(shown);
    return rc;
}

/* ---- reading ---- */

static bool number_read(int64_t *out, const cJSON *value)
{
    if (!cJSON_IsNumber(value) || !(value->valuedouble >= 0 && value->valuedouble <= 9007199254740992.0 /* 2^53 */))
        return false;
    *out = (int64_t)value->valuedouble;
    return (double)*out == value->valuedouble;
}

static bool size_read(int64_t *out, const cJSON *value)
{
    return cJSON_IsString(value) ? quantity_read(out, value->valuestring, size_units, ARRAY_COUNT(size_units)) : number_read(out, value);
}

bool duration_read(int64_t *out, const cJSON *value)
{
    return cJSON_IsString(value) && quantity_read(out, value->valuestring, duration_units, ARRAY_COUNT(duration_units));
}

/* "20:00": two digits each. */
static bool daytime_read(int64_t *out, const cJSON *value)
{
    const char *text = cJSON_IsString(value) ? value->valuestring : "";
    int hour, minute;

    if (strlen(text) != 5 || !is_digit(text[0]) || !is_digit(text[1]) || text[2] != ':' || !is_digit(text[3]) || !is_digit(text[4]))
        return false;
    hour = (text[0] - '0') * 10 + text[1] - '0';
    minute = (text[3] - '0') * 10 + text[4] - '0';
    *out = hour * 60 + minute;
    return hour < 24 && minute < 60;
}

static bool word_read(unsigned *out, const cJSON *value, const char *const *words, size_t count)
{
    for (size_t i = 0; cJSON_IsString(value) && i < count; i++) {
        *out = (unsigned)i;
        if (strcmp(value->valuestring, words[i]) == 0)
            return true;
    }
    return false;
}

static bool eligible_read(enum smki_eligible out[3], const cJSON *value)
{
    const cJSON *item;
    unsigned word;
    size_t i = 0;

    if (!cJSON_IsArray(value) || cJSON_GetArraySize(value) != 3)
        return false;
    cJSON_ArrayForEach(item, value)
    {
        if (!word_read(&word, item, eligible_words, ARRAY_COUNT(eligible_words)))
            return false;
        out[i++] = (enum smki_eligible)word;
    }
    return true;
}

/* X.660: at least two arcs; the first is 0, 1 or 2, and the second below 40 unless that is 2; no leading zeros. */
static bool is_oid(const char *text)
{
    unsigned long arcs = 0, first = 0;

    for (const char *at = text;; at++, arcs++) {
        size_t digits = strspn(at, "0123456789");
        if (digits == 0 || digits > 10 || (digits > 1 && *at == '0'))
            return false;
        if (arcs == 0 && (digits > 1 || (first = (unsigned long)(*at - '0')) > 2))
            return false;
        if (arcs == 1 && first < 2 && (digits > 2 || (digits == 2 && *at > '3')))
            return false;
        at += digits;
        if (*at == '\0')
            return arcs >= 1;
        if (*at != '.')
            return false;
    }
}

/* A port from 1 to 65535, and nothing after it. */
static bool is_port(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    unsigned port = 0;

    if (digits == 0 || digits > 5 || text[digits] != '\0' || *text == '0')
        return false;
    for (size_t i = 0; i < digits; i++)
        port = port * 10 + (unsigned)(text[i] - '0');
    return port <= 65535;
}

/* "127.0.0.1:8443" or "[::1]:8443". */
static bool is_address(const char *text, bool loopback)
{
    char host[INET6_ADDRSTRLEN];
    struct in6_addr six;
    struct in_addr four;
    const char *start = text + (*text == '['), *end = *text == '[' ? strchr(text, ']') : strchr(text, ':');

    if (end == NULL || (size_t)(end - start) >= sizeof(host))
        return false;
    memcpy(host, start, (size_t)(end - start));
    host[end - start] = '\0';
    if (*text == '[')
        return end[1] == ':' && is_port(end + 2) && inet_pton(AF_INET6, host, &six) == 1 && (!loopback || IN6_IS_ADDR_LOOPBACK(&six));
    return is_port(end + 1) && inet_pton(AF_INET, host, &four) == 1 && (!loopback || ntohl(four.s_addr) >> 24 == 127);
}

/* Labels of letters, digits and hyphens (RFC 1123 2.1). */
static bool is_host(const char *text)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.";
    size_t size = strlen(text);

    return text[0] != '.' && text[0] != '-' && text[size - 1] != '.' && strspn(text, allowed) == size && strstr(text, "..") == NULL;
}

static bool is_path(const char *text)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/";

    return text[0] == '/' && strspn(text, allowed) == strlen(text);
}

/* "https://" and what RFC 3986 lets follow, from a host on. Where reports are sent, http too, as long as they do not leave the machine. */
static bool is_url(const char *text, bool target)
{
    static const char *const local[] = {"http://127.0.0.1", "http://localhost", "http://[::1]"};
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~:/?#[]@!$&()*+,;=%";
    const size_t size = strlen(text), https = strlen("https://");

    if (strspn(text, allowed) != size || strchr(text, '@') != NULL || (!target && (text[size - 1] == '/' || strpbrk(text, "?#") != NULL)))
        return false;
    for (size_t i = 0; target && i < ARRAY_COUNT(local); i++) {
        size_t length = strlen(local[i]);
        if (strncmp(text, local[i], length) == 0 && strchr(":/", text[length]) != NULL)
            return true;
    }
    return strncmp(text, "https://", https) == 0 && strchr("-._~:/?#!$&()*+,;=%]", text[https]) == NULL;
}

/* What the kind asks of a text. */
static bool text_fits(const struct key *key, const char *text)
{
    switch (key->kind) {
    case KEY_OID:
        return is_oid(text);
    case KEY_KEY:
        return strncmp(text, "pkcs11:", 7) != 0 || strstr(text, "pin-value") == NULL;
    case KEY_ADDRESS:
        return text[0] == '\0' || is_address(text, key->min == 1);
    case KEY_HOST:
        return text[0] == '\0' || is_host(text);
    case KEY_PATH:
        return is_path(text);
    case KEY_URL:
        return text[0] == '\0' || is_url(text, key->min == 1);
    default:
        return true;
    }
}

static bool network_read(enum smki_network *out, const cJSON *value)
{
    for (unsigned network = SMKI_NETWORK_GATEWAY; cJSON_IsString(value) && network <= SMKI_NETWORK_INTERNET; network++) {
        *out = (enum smki_network)network;
        if (strcmp(value->valuestring, smki_network_word(*out)) == 0)
            return true;
    }
    return false;
}

static bool text_read(char out[SMKI_CONFIG_TEXT_SIZE], const struct key *key, const cJSON *value)
{
    if (!cJSON_IsString(value) || !text_fits(key, value->valuestring))
        return false;
    if (value->valuestring[0] != '\0' && text_check(value->valuestring, SMKI_CONFIG_TEXT_SIZE, "text", NULL) != 0)
        return false;
    memset(out, 0, SMKI_CONFIG_TEXT_SIZE);
    memcpy(out, value->valuestring, strlen(value->valuestring));
    return true;
}

static bool in_range(const struct key *key, int64_t number)
{
    return number >= key->min && number <= key->max;
}

/* A PIN that stands where it should not is not repeated in a log as well. */
static bool has_pin(const struct key *key, const cJSON *value)
{
    return key->kind == KEY_KEY && cJSON_IsString(value) && strstr(value->valuestring, "pin-value") != NULL;
}

int value_read(struct smki_config *config, const struct key *key, const cJSON *value, struct smki_error *err)
{
    void *field = (char *)config + key->offset;
    int64_t number = 0;
    unsigned word = 0;
    bool right = false;

    switch (key->kind) {
    case KEY_INTEGER:
        if ((right = number_read(&number, value) && in_range(key, number)))
            *(uint32_t *)field = (uint32_t)number;
        break;
    case KEY_NUMBER:
    case KEY_SIZE:
        if ((right = (key->kind == KEY_SIZE ? size_read(&number, value) : number_read(&number, value)) && in_range(key, number)))
            *(uint64_t *)field = (uint64_t)number;
        break;
    case KEY_DURATION:
        if ((right = duration_read(&number, value) && in_range(key, number)))
            *(int64_t *)field = number;
        break;
    case KEY_DAYTIME:
        if ((right = daytime_read(&number, value)))
            *(uint16_t *)field = (uint16_t)number;
        break;
    case KEY_BOOLEAN:
        if ((right = cJSON_IsBool(value)))
            *(bool *)field = cJSON_IsTrue(value) != 0;
        break;
    case KEY_MODE:
    case KEY_PACE:
        if ((right = word_read(&word, value, mode_words, key->kind == KEY_PACE ? ARRAY_COUNT(mode_words) : SMKI_RULE_OFF + 1u)))
            *(enum smki_rule_mode *)field = (enum smki_rule_mode)word;
        break;
    case KEY_ELIGIBLE:
        right = eligible_read(field, value);
        break;
    case KEY_TEXT:
    case KEY_KEY:
    case KEY_OID:
    case KEY_ADDRESS:
    case KEY_HOST:
    case KEY_PATH:
    case KEY_URL:
        right = text_read(field, key, value);
        break;
    case KEY_NETWORK: {
        enum smki_network network;
        if ((right = network_read(&network, value)))
            *(enum smki_network *)field = network;
        break;
    }
    case KEY_VERSIONS:
        if ((right = word_read(&word, value, versions_words, ARRAY_COUNT(versions_words))))
            *(enum smki_tls_versions *)field = (enum smki_tls_versions)word;
        break;
    case KEY_PROVIDER:
        if ((right = word_read(&word, value, provider_words, ARRAY_COUNT(provider_words))))
            *(enum smki_p256_choice *)field = (enum smki_p256_choice)word;
        break;
    }
    if (!right && has_pin(key, value))
        return smki_fail(err, SMKI_CONFIG_INVALID,
                         "it has a PIN in it (pin-value), where others can read it; name who has the PIN in pkcs11.pin_source");
    return right ? 0 : refuse(key, value, err);
}

/* ---- writing ---- */

static cJSON *daytime_json(uint16_t minutes)
{
    char text[16];

    snprintf(text, sizeof(text), "%02u:%02u", minutes / 60u, minutes % 60u);
    return cJSON_CreateString(text);
}

static cJSON *eligible_json(const enum smki_eligible who[3])
{
    const char *words[] = {eligible_words[who[0]], eligible_words[who[1]], eligible_words[who[2]]};

    return cJSON_CreateStringArray(words, 3);
}

cJSON *value_json(const struct smki_config *config, const struct key *key)
{
    const void *field = (const char *)config + key->offset;
    char text[QUANTITY_TEXT_SIZE];

    switch (key->kind) {
    case KEY_INTEGER:
        return cJSON_CreateNumber(*(const uint32_t *)field);
    case KEY_NUMBER:
        return cJSON_CreateNumber((double)*(const uint64_t *)field);
    case KEY_SIZE:
        return cJSON_CreateString(size_text(text, (int64_t) * (const uint64_t *)field));
    case KEY_DURATION:
        return cJSON_CreateString(duration_text(text, *(const int64_t *)field));
    case KEY_DAYTIME:
        return daytime_json(*(const uint16_t *)field);
    case KEY_BOOLEAN:
        return cJSON_CreateBool(*(const bool *)field);
    case KEY_MODE:
    case KEY_PACE:
        return cJSON_CreateString(mode_words[*(const enum smki_rule_mode *)field]);
    case KEY_ELIGIBLE:
        return eligible_json(field);
    case KEY_TEXT:
    case KEY_KEY:
    case KEY_OID:
    case KEY_ADDRESS:
    case KEY_HOST:
    case KEY_PATH:
    case KEY_URL:
        return cJSON_CreateString(field);
    case KEY_NETWORK:
        return cJSON_CreateString(smki_network_word(*(const enum smki_network *)field));
    case KEY_VERSIONS:
        return cJSON_CreateString(versions_words[*(const enum smki_tls_versions *)field]);
    case KEY_PROVIDER:
        return cJSON_CreateString(provider_words[*(const enum smki_p256_choice *)field]);
    }
    return NULL;
}
