/* One service over HTTPS by libcurl: TLS 1.2 with a client certificate, the server verified against the given CAs and nobody else,
 * HTTP/1.1, no redirects, no proxies unless asked.
 *
 * libcurl repeats a request by itself when a connection that it had kept turns out to be dead, whether or not the server has worked on it.
 * So every POST gets a connection of its own, and TLS resumption makes that cheap: a POST that was sent is never sent again by anybody but
 * the caller. */
#include "client/client_i.h"

#include <smki/smki.h>

#include <curl/curl.h>
#include <mbedtls/platform_util.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PASSPHRASE_SIZE 1024
#define KEY_MAX_SIZE    16384
#define CERTIFICATE_MAX ((size_t)256 * 1024) /* octets of a PEM file with a chain */
#define CONNECT_SECONDS 30L
#define TIMEOUT         (2 * SMKI_MINUTE)
#define RETRY_AFTER_MAX (400 * SMKI_DAY)
#define PKCS11          "pkcs11:"
#define CURL_8_12       0x080c00

/* IDS App. G, in order. Only OpenSSL takes these names; with other TLS libraries the server chooses from theirs. */
#define CIPHER_SUITES "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-SHA384:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-SHA256"

struct http {
    struct smki_client *client;
    const char *service;
    CURL *easy;
    struct curl_slist *headers;
    char passphrase[PASSPHRASE_SIZE];
    char words[CURL_ERROR_SIZE];
};

/* The TLS library of this libcurl: Debian has it with OpenSSL and with GnuTLS. */
static bool tls_is(const char *name)
{
    const curl_version_info_data *version = curl_version_info(CURLVERSION_NOW);

    return version->ssl_version != NULL && strncmp(version->ssl_version, name, strlen(name)) == 0;
}

/* ---- certificate and key ---- */

static int passphrase_from_file(struct http *http, const char *path, struct smki_error *err)
{
    size_t size = 0;
    int rc = private_file_read((uint8_t *)http->passphrase, sizeof(http->passphrase), &size, path, "passphrase", err);

    if (rc != 0)
        return smki_error_prefix(err, "%s", path), rc;
    http->passphrase[size] = '\0';
    http->passphrase[strcspn(http->passphrase, "\r\n")] = '\0';
    return 0;
}

static int passphrase_ask(struct http *http, struct smki_error *err)
{
    const struct smki_client_options *options = &http->client->options;
    int size = -1;

    if (options->passphrase != NULL)
        size = options->passphrase(options->passphrase_context, http->passphrase, sizeof(http->passphrase) - 1);
    if (size < 0)
        return smki_fail(err, SMKI_KEY_PASSPHRASE, "the %s service's private key is encrypted, and no passphrase was given", http->service);
    http->passphrase[size] = '\0';
    return 0;
}

/* Only what libsmki reads itself (PKCS#8) can be held against the certificate here; the rest is up to the TLS library. */
static int key_matches(const struct http *http, const struct smki_client_access *access, struct smki_error *err)
{
    struct smki_buffer file = {0}, der = {0};
    struct smki_certificate certificate;
    struct smki_key *key = NULL;
    char label[64];
    int rc;

    if ((rc = file_read(&file, access->certificate, CERTIFICATE_MAX, err)) != 0 ||
        (rc = smki_pem_decode(&der, label, BYTES(file.at, file.size), err)) != 0 ||
        (rc = smki_certificate_read(&certificate, BYTES(der.at, der.size), err)) != 0) {
        smki_error_prefix(err, "the %s service's certificate %s", http->service, access->certificate);
    } else if (smki_key_open_file(&key, access->key, NULL, NULL, NULL) == 0) {
        const struct smki_bytes public = smki_key_public(key);
        if (public.size != certificate.spki.size || memcmp(public.at, certificate.spki.at, public.size) != 0)
            rc = smki_fail(err, SMKI_KEY_MISMATCH, "%s is not the private key of %s", access->key, access->certificate);
    }
    smki_key_close(key);
    smki_buffer_finish(&der);
    smki_buffer_finish(&file);
    return rc;
}

static int key_from_file(struct http *http, const struct smki_client_access *access, struct smki_error *err)
{
    uint8_t room[KEY_MAX_SIZE];
    size_t size = 0;
    int rc = private_file_read(room, sizeof(room), &size, access->key, "private key", err);
    const bool encrypted = rc == 0 && memmem(room, size, "ENCRYPTED", 9) != NULL;

    mbedtls_platform_zeroize(room, sizeof(room));
    if (rc != 0)
        return smki_error_prefix(err, "%s", access->key), rc;
    if (encrypted && http->passphrase[0] == '\0' && (rc = passphrase_ask(http, err)) != 0)
        return rc;
    curl_easy_setopt(http->easy, CURLOPT_SSLKEY, access->key);
    return encrypted ? 0 : key_matches(http, access, err);
}

/* GnuTLS takes such URIs by itself; OpenSSL needs its engine, or a provider from libcurl 8.12 on. */
static int key_from_token(struct http *http, const struct smki_client_access *access, struct smki_error *err)
{
    const curl_version_info_data *version = curl_version_info(CURLVERSION_NOW);
    const char *tls = version->ssl_version != NULL ? version->ssl_version : "no TLS";

    curl_easy_setopt(http->easy, CURLOPT_SSLKEY, access->key);
    if (tls_is("GnuTLS"))
        return 0;
    if (tls_is("OpenSSL") && curl_easy_setopt(http->easy, CURLOPT_SSLENGINE, "pkcs11") == CURLE_OK &&
        curl_easy_setopt(http->easy, CURLOPT_SSLKEYTYPE, "ENG") == CURLE_OK)
        return 0;
    if (tls_is("OpenSSL") && version->version_num >= CURL_8_12 && curl_easy_setopt(http->easy, CURLOPT_SSLKEYTYPE, "PROV") == CURLE_OK)
        return 0;
    return smki_fail(err, SMKI_KEY_UNREADABLE,
                     "a key by pkcs11: URI needs OpenSSL's engine or provider for it, which libcurl (%s) does not find here: install "
                     "libengine-pkcs11-openssl, or pkcs11-provider with libcurl 8.12 and newer",
                     tls);
}

static int credentials(struct http *http, const struct smki_client_access *access, struct smki_error *err)
{
    int rc;

    if (access->certificate[0] == '\0' || access->key[0] == '\0')
        return smki_fail(err, SMKI_CONFIG_INVALID, "the %s service wants a client certificate: name it and its key (--cert, --key)",
                         http->service);
    curl_easy_setopt(http->easy, CURLOPT_SSLCERT, access->certificate);
    if (access->passphrase_file[0] != '\0' && (rc = passphrase_from_file(http, access->passphrase_file, err)) != 0)
        return rc;
    rc = strncmp(access->key, PKCS11, strlen(PKCS11)) == 0 ? key_from_token(http, access, err) : key_from_file(http, access, err);
    /* OpenSSL would ask on the terminal where none is set; GnuTLS takes a key with an empty one for an encrypted key. */
    if (rc == 0 && (http->passphrase[0] != '\0' || tls_is("OpenSSL")))
        curl_easy_setopt(http->easy, CURLOPT_KEYPASSWD, http->passphrase);
    return rc;
}

/* ---- the handle ---- */

static size_t on_write(char *at, size_t size, size_t count, void *context);
static size_t on_read(char *at, size_t size, size_t count, void *context);
static int on_progress(void *context, curl_off_t down_all, curl_off_t down, curl_off_t up_all, curl_off_t up);

static void options_of_tls(struct http *http)
{
    curl_easy_setopt(http->easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2 | (long)CURL_SSLVERSION_MAX_TLSv1_2);
    if (tls_is("OpenSSL"))
        curl_easy_setopt(http->easy, CURLOPT_SSL_CIPHER_LIST, CIPHER_SUITES);
    curl_easy_setopt(http->easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(http->easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(http->easy, CURLOPT_CAINFO, http->client->config.server_ca);
    curl_easy_setopt(http->easy, CURLOPT_CAPATH, NULL); /* else the system's CAs would do as well */
}

static void options_of_http(struct http *http)
{
    const struct smki_client_config *config = &http->client->config;
    const int64_t timeout = config->timeout > 0 ? config->timeout : TIMEOUT;
    char agent[64];

    snprintf(agent, sizeof(agent), "libsmki/%s", smki_version());
    curl_easy_setopt(http->easy, CURLOPT_USERAGENT, agent);
    curl_easy_setopt(http->easy, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(http->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(http->easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(http->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(http->easy, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
    curl_easy_setopt(http->easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(http->easy, CURLOPT_LOW_SPEED_TIME, (long)((timeout + SMKI_SECOND - 1) / SMKI_SECOND));
    if (strcmp(config->proxy, "system") != 0)
        curl_easy_setopt(http->easy, CURLOPT_PROXY, config->proxy); /* "": none, whatever the environment says */
    curl_easy_setopt(http->easy, CURLOPT_ERRORBUFFER, http->words);
    curl_easy_setopt(http->easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(http->easy, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(http->easy, CURLOPT_WRITEFUNCTION, on_write);
    curl_easy_setopt(http->easy, CURLOPT_READFUNCTION, on_read);
}

int http_open(struct http **out, struct smki_client *client, const struct smki_client_access *access, const char *service,
              struct smki_error *err)
{
    struct http *http = calloc(1, sizeof(*http));
    int rc;

    *out = NULL;
    if (http == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    http->client = client;
    http->service = service;
    if ((http->easy = curl_easy_init()) == NULL || (http->headers = curl_slist_append(NULL, "Content-Type: application/xml")) == NULL) {
        http_close(http);
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    }
    options_of_tls(http);
    options_of_http(http);
    if ((rc = credentials(http, access, err)) != 0) {
        http_close(http);
        return rc;
    }
    *out = http;
    return 0;
}

void http_close(struct http *http)
{
    if (http == NULL)
        return;
    curl_easy_cleanup(http->easy);
    curl_slist_free_all(http->headers);
    mbedtls_platform_zeroize(http->passphrase, sizeof(http->passphrase));
    free(http);
}

int http_url(char out[SMKI_CLIENT_TEXT_SIZE], const char *url, const char *path, struct smki_error *err)
{
    size_t size = strlen(url), host;

    if (strncmp(url, "https://", 8) != 0 || url[8] == '\0' || url[8] == '/' || strpbrk(url, " \t\r\n?#") != NULL)
        return smki_fail(err, SMKI_CONFIG_INVALID, "the URL \"%.100s\" must be https://HOST, and may have a port and a path", url);
    while (size > 8 && url[size - 1] == '/')
        size--;
    host = 8 + strcspn(url + 8, "/");
    if (snprintf(out, SMKI_CLIENT_TEXT_SIZE, "%.*s%s", (int)size, url, host >= size ? path : "") >= SMKI_CLIENT_TEXT_SIZE)
        return smki_fail(err, SMKI_CONFIG_INVALID, "the URL \"%.100s\" is too long", url);
    return 0;
}

/* ---- one request ---- */

struct exchange {
    struct http *http;
    const struct http_request *request;
    uint64_t given; /* octets of the body handed to libcurl */
    int rc;         /* what the sink failed with */
    struct smki_error error;
};

static size_t on_write(char *at, size_t size, size_t count, void *context)
{
    struct exchange *exchange = context;

    exchange->rc = exchange->request->sink(exchange->request->context, BYTES(at, size * count), &exchange->error);
    return exchange->rc == 0 ? size * count : 0;
}

static size_t on_read(char *at, size_t size, size_t count, void *context)
{
    struct exchange *exchange = context;
    const struct http_request *request = exchange->request;
    size_t room = size * count;

    if (request->file != NULL) {
        room = fread(at, 1, room, request->file);
        if (ferror(request->file)) {
            exchange->rc = smki_fail_errno(&exchange->error, errno, "the file that is being sent cannot be read");
            return CURL_READFUNC_ABORT;
        }
    } else {
        room = request->body.size - exchange->given < room ? request->body.size - (size_t)exchange->given : room;
        memcpy(at, request->body.at + exchange->given, room);
    }
    exchange->given += room;
    return room;
}

/* A POST that is under way is not broken off: its fate would not be known. */
static int on_progress(void *context, curl_off_t down_all, curl_off_t down, curl_off_t up_all, curl_off_t up)
{
    const struct exchange *exchange = context;
    const struct smki_client *client = exchange->http->client;

    if (exchange->request->file != NULL && up_all > 0 && down == 0)
        client_tell(client, SMKI_CLIENT_UPLOADING, (uint64_t)up, (uint64_t)up_all);
    else if (!exchange->request->post)
        client_tell(client, SMKI_CLIENT_DOWNLOADING, (uint64_t)down, (uint64_t)down_all);
    return !exchange->request->post && client_stopped(client);
}

static void prepare(struct http *http, struct exchange *exchange)
{
    const struct http_request *request = exchange->request;
    const uint64_t size = request->file != NULL ? request->size : request->body.size;

    curl_easy_setopt(http->easy, CURLOPT_URL, request->url);
    curl_easy_setopt(http->easy, CURLOPT_WRITEDATA, exchange);
    curl_easy_setopt(http->easy, CURLOPT_READDATA, exchange);
    curl_easy_setopt(http->easy, CURLOPT_XFERINFODATA, exchange);
    curl_easy_setopt(http->easy, CURLOPT_FRESH_CONNECT, request->post ? 1L : 0L);
    curl_easy_setopt(http->easy, CURLOPT_FORBID_REUSE, request->post ? 1L : 0L);
    if (request->post) {
        curl_easy_setopt(http->easy, CURLOPT_POST, 1L);
        curl_easy_setopt(http->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)size);
        curl_easy_setopt(http->easy, CURLOPT_HTTPHEADER, http->headers);
    } else {
        curl_easy_setopt(http->easy, CURLOPT_HTTPGET, 1L);
        curl_easy_setopt(http->easy, CURLOPT_HTTPHEADER, NULL);
    }
    http->words[0] = '\0';
}

/* Seconds, or a date (RFC 9110 10.2.3). libcurl's own reading cuts it to six hours. */
static int64_t retry_after(const struct http *http)
{
    struct curl_header *header;
    const char *value;
    int64_t wait = 0;
    size_t digits;

    if (curl_easy_header(http->easy, "Retry-After", 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
        return -1;
    value = header->value;
    digits = strspn(value, "0123456789");
    if (digits != 0 && digits <= 9 && value[digits] == '\0') {
        wait = strtoll(value, NULL, 10) * SMKI_SECOND;
    } else {
        time_t date = curl_getdate(value, NULL);
        if (date == (time_t)-1)
            return -1;
        wait = (int64_t)date * SMKI_SECOND - client_now(http->client).us;
    }
    return wait < 0 ? 0 : wait < RETRY_AFTER_MAX ? wait : RETRY_AFTER_MAX;
}

/* The TLS session stood: from then on something may have reached the service. */
static bool was_sent(const struct http *http)
{
    curl_off_t handshake = 0;

    curl_easy_getinfo(http->easy, CURLINFO_APPCONNECT_TIME_T, &handshake);
    return handshake != 0;
}

/* A handshake that ended because the connection did, in the words of OpenSSL and GnuTLS: that may pass. All else is one side's refusal, or
 * a certificate or key that cannot be used. */
static bool is_lost(const char *words)
{
    static const char *const lost[] = {"SYSCALL",       "reset",         "unexpected eof", "non-properly terminated",
                                       "pull function", "push function", "timed out"};

    for (size_t i = 0; i < ARRAY_COUNT(lost); i++)
        if (strcasestr(words, lost[i]) != NULL)
            return true;
    return false;
}

static int tls_failed(const struct http *http, CURLcode code, const char *words, struct smki_error *err)
{
    if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_ISSUER_ERROR)
        return smki_fail(err, SMKI_CLIENT_TLS, "the %s service's server is not certified by %s for this name: %s", http->service,
                         http->client->config.server_ca, words);
    if (code == CURLE_SSL_CACERT_BADFILE)
        return smki_fail(err, SMKI_CLIENT_TLS, "the CAs of the server cannot be read from %s: %s", http->client->config.server_ca, words);
    if (code == CURLE_SSL_CERTPROBLEM || code == CURLE_SSL_ENGINE_NOTFOUND || code == CURLE_SSL_ENGINE_SETFAILED ||
        code == CURLE_SSL_ENGINE_INITFAILED)
        return smki_fail(err, SMKI_CLIENT_TLS, "certificate or key of the %s service cannot be used: %s", http->service, words);
    return smki_fail(err, SMKI_CLIENT_TLS,
                     "the %s service does not accept this certificate: it may be expired, suspended, revoked or for another interface: %s",
                     http->service, words);
}

static bool is_trust(CURLcode code, const char *words)
{
    switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_ENGINE_SETFAILED:
    case CURLE_SSL_ENGINE_INITFAILED:
        return true;
    case CURLE_SSL_CONNECT_ERROR:
        return !is_lost(words);
    default:
        return false;
    }
}

/* No whole answer came. */
static int failed(struct http *http, const struct exchange *exchange, CURLcode code, struct smki_error *err)
{
    const char *words = http->words[0] != '\0' ? http->words : curl_easy_strerror(code);

    if (code == CURLE_OUT_OF_MEMORY)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    if (!was_sent(http) && is_trust(code, words))
        return tls_failed(http, code, words, err);
    if (exchange->request->post && was_sent(http))
        return smki_fail(err, SMKI_CLIENT_FATE_UNKNOWN, "the request was sent to the %s service and no whole answer came: %s",
                         http->service, exchange->rc != 0 ? exchange->error.text : words);
    if (exchange->rc != 0)
        return smki_fail(err, exchange->rc, "%s", exchange->error.text);
    if (code == CURLE_ABORTED_BY_CALLBACK)
        return smki_fail(err, SMKI_INTERRUPTED, NULL);
    return smki_fail(err, SMKI_CLIENT_CONNECTION, "%s: %s", exchange->request->url, words);
}

int http_do(struct http *http, const struct http_request *request, struct http_reply *reply, struct smki_error *err)
{
    struct exchange exchange = {.http = http, .request = request};
    CURLcode code;

    *reply = (struct http_reply){.retry_after = -1};
    if (client_stopped(http->client))
        return smki_fail(err, SMKI_INTERRUPTED, NULL);
    prepare(http, &exchange);
    if ((code = curl_easy_perform(http->easy)) != CURLE_OK)
        return failed(http, &exchange, code, err);
    curl_easy_getinfo(http->easy, CURLINFO_RESPONSE_CODE, &reply->status);
    reply->retry_after = retry_after(http);
    return 0;
}
