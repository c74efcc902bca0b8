#include "browser.h"

#include "process.h"

#include <openssl/err.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <zlib.h>

#define TEXT_MAX     (4u << 20) /* octets of one file of a page */
#define GZIP_WINDOW  (15 + 16)
#define THINGS_MAX   100 /* files of a page */
#define PATH_SIZE    200
#define REQUEST_SIZE 4096

SSL_CTX *browser_context(const uint8_t *certificate, size_t size, const char *key)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());

    SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(context, "ECDHE-RSA-AES256-GCM-SHA384");
    SSL_CTX_set1_groups_list(context, "X25519:P-256");
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
    if (certificate == NULL || (SSL_CTX_use_certificate_ASN1(context, (int)size, certificate) == 1 &&
                                SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1))
        return context;
    SSL_CTX_free(context);
    return NULL;
}

/* ---- the connection ---- */

static int socket_open(const struct browser *browser)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)browser->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in from = {.sin_family = AF_INET};
    const int yes = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    if ((browser->from != NULL &&
         (inet_pton(AF_INET, browser->from, &from.sin_addr) != 1 || bind(fd, (const struct sockaddr *)&from, sizeof(from)) != 0)) ||
        connect(fd, (const struct sockaddr *)&to, sizeof(to)) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

bool browser_connect(struct browser *browser)
{
    const int fd = socket_open(browser);

    if (fd < 0)
        return false;
    browser->connected_at = seconds_now();
    browser->ssl = SSL_new(browser->context);
    SSL_set_fd(browser->ssl, fd);
    SSL_set_tlsext_host_name(browser->ssl, "localhost");
    if (browser->session != NULL)
        SSL_set_session(browser->ssl, browser->session);
    if (SSL_connect(browser->ssl) != 1) {
        ERR_clear_error();
        browser_hang_up(browser);
        return false;
    }
    browser->connections++;
    browser->resumed += SSL_session_reused(browser->ssl) == 1;
    SSL_SESSION_free(browser->session);
    browser->session = SSL_get1_session(browser->ssl);
    return true;
}

uint64_t browser_octets_in(const struct browser *browser)
{
    return browser->in + (browser->ssl != NULL ? BIO_number_read(SSL_get_rbio(browser->ssl)) : 0);
}

uint64_t browser_octets_out(const struct browser *browser)
{
    return browser->out + (browser->ssl != NULL ? BIO_number_written(SSL_get_wbio(browser->ssl)) : 0);
}

void browser_hang_up(struct browser *browser)
{
    int fd;

    if (browser->ssl == NULL)
        return;
    fd = SSL_get_fd(browser->ssl);
    SSL_shutdown(browser->ssl);
    browser->in = browser_octets_in(browser);
    browser->out = browser_octets_out(browser);
    SSL_free(browser->ssl);
    browser->ssl = NULL;
    close(fd);
    ERR_clear_error();
}

void browser_finish(struct browser *browser)
{
    browser_hang_up(browser);
    SSL_SESSION_free(browser->session);
    browser->session = NULL;
    free(browser->body);
    browser->body = NULL;
    browser->body_capacity = 0;
}

/* ---- one request ---- */

static size_t head_write(char out[REQUEST_SIZE], const struct browser *browser, const struct browser_request *request)
{
    const bool page = request->accept != NULL && strncmp(request->accept, "text/html", 9) == 0;
    char length[64] = "";

    if (request->body_size != 0)
        snprintf(length, sizeof(length), "Content-Length: %zu\r\n", request->body_size);
    return (size_t)snprintf(
        out, REQUEST_SIZE,
        "%s %s HTTP/1.1\r\nHost: localhost:%d\r\nConnection: keep-alive\r\n"
        "sec-ch-ua: \"Chromium\";v=\"140\", \"Not=A?Brand\";v=\"24\"\r\nsec-ch-ua-mobile: ?0\r\nsec-ch-ua-platform: \"Windows\"\r\n"
        "User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\n"
        "Accept: %s\r\n%s%sSec-Fetch-Site: %s\r\nSec-Fetch-Mode: %s\r\nSec-Fetch-Dest: %s\r\n"
        "Accept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-GB,en;q=0.9\r\n\r\n",
        request->method, request->path, browser->port, request->accept != NULL ? request->accept : "*/*", length,
        request->headers != NULL ? request->headers : "", page ? "none" : "same-origin", page ? "navigate" : "cors",
        page ? "document" : "empty");
}

static bool write_whole(struct browser *browser, const char *at, size_t size)
{
    size_t done = 0, one;

    while (done < size) {
        if (SSL_write_ex(browser->ssl, at + done, size - done, &one) != 1)
            return false;
        done += one;
    }
    return true;
}

static bool body_add(struct browser *browser, const char *at, size_t size)
{
    if (browser->body_size + size + 1 > browser->body_capacity) {
        const size_t capacity = 2 * (browser->body_size + size + 1);
        char *grown = realloc(browser->body, capacity);

        if (grown == NULL)
            return false;
        browser->body = grown;
        browser->body_capacity = capacity;
    }
    memcpy(browser->body + browser->body_size, at, size);
    browser->body_size += size;
    browser->body[browser->body_size] = '\0';
    return true;
}

/* The head, and what came of the body with it. */
static bool head_read(struct browser *browser)
{
    size_t size = 0, one;
    char *end = NULL;
    char octets[sizeof(browser->head)];

    browser->body_size = 0;
    while (end == NULL) {
        if (size + 1 == sizeof(octets) || SSL_read_ex(browser->ssl, octets + size, sizeof(octets) - 1 - size, &one) != 1)
            return false;
        size += one;
        octets[size] = '\0';
        end = strstr(octets, "\r\n\r\n");
    }
    browser->head_size = (size_t)(end + 4 - octets);
    memcpy(browser->head, octets, browser->head_size);
    browser->head[browser->head_size] = '\0';
    browser->status = atoi(browser->head + 9);
    return body_add(browser, end + 4, size - browser->head_size);
}

static bool answer_read(struct browser *browser)
{
    char octets[16384];
    const char *length;
    size_t whole, one;

    if (!head_read(browser))
        return false;
    length = strcasestr(browser->head, "\r\nContent-Length: ");
    whole = length != NULL ? strtoul(length + 18, NULL, 10) : 0;
    while (browser->body_size < whole) {
        if (SSL_read_ex(browser->ssl, octets, sizeof(octets), &one) != 1 || !body_add(browser, octets, one))
            return false;
    }
    if (strcasestr(browser->head, "\r\nConnection: close") != NULL)
        browser_hang_up(browser);
    return true;
}

static bool ask_once(struct browser *browser, const struct browser_request *request)
{
    char head[REQUEST_SIZE];
    const size_t size = head_write(head, browser, request);

    if (size < sizeof(head) && write_whole(browser, head, size) && write_whole(browser, request->body, request->body_size) &&
        answer_read(browser))
        return true;
    ERR_clear_error();
    browser_hang_up(browser);
    return false;
}

bool browser_ask(struct browser *browser, const struct browser_request *request)
{
    const bool stood = browser->ssl != NULL;

    if (!stood && !browser_connect(browser))
        return false;
    return ask_once(browser, request) || (stood && browser_connect(browser) && ask_once(browser, request));
}

bool browser_get(struct browser *browser, const char *path)
{
    return browser_ask(browser, &(struct browser_request){.method = "GET", .path = path});
}

/* ---- a page ---- */

static char *unpack(const struct browser *browser)
{
    z_stream stream = {.next_in = (Bytef *)browser->body, .avail_in = (uInt)browser->body_size};
    char *text = malloc(TEXT_MAX + 1);
    int status = Z_MEM_ERROR;

    if (text == NULL || inflateInit2(&stream, GZIP_WINDOW) != Z_OK) {
        free(text);
        return NULL;
    }
    stream.next_out = (Bytef *)text;
    stream.avail_out = TEXT_MAX;
    status = inflate(&stream, Z_FINISH);
    text[stream.total_out] = '\0';
    inflateEnd(&stream);
    if (status == Z_STREAM_END)
        return text;
    free(text);
    return NULL;
}

char *browser_text(const struct browser *browser)
{
    return strcasestr(browser->head, "\r\nContent-Encoding: gzip") != NULL ? unpack(browser) : strdup(browser->body);
}

struct things {
    char paths[THINGS_MAX][PATH_SIZE];
    size_t count;
};

static void thing_add(struct things *things, const char *at, size_t size)
{
    if (size == 0 || size >= PATH_SIZE || at[0] != '/' || things->count == THINGS_MAX)
        return;
    for (size_t i = 0; i < things->count; i++) {
        if (strlen(things->paths[i]) == size && memcmp(things->paths[i], at, size) == 0)
            return;
    }
    memcpy(things->paths[things->count], at, size);
    things->paths[things->count++][size] = '\0';
}

/* Every "<before>...<end>" in the text. */
static void things_find(struct things *things, const char *text, const char *before, char end)
{
    const size_t size = strlen(before);

    for (const char *at = strstr(text, before); at != NULL; at = strstr(at, before)) {
        const char *close = strchr(at += size, end);

        if (close != NULL)
            thing_add(things, at, (size_t)(close - at));
    }
}

/* <link href>, but for links that people follow: those are <a href>. */
static void links_find(struct things *things, const char *text)
{
    for (const char *at = strstr(text, "<link "); at != NULL; at = strstr(at + 1, "<link ")) {
        const char *href = strstr(at, "href=\""), *end = strchr(at, '>');
        const char *close = href != NULL ? strchr(href + 6, '"') : NULL;

        if (end != NULL && close != NULL && close < end)
            thing_add(things, href + 6, (size_t)(close - href - 6));
    }
}

static bool thing_load(struct browser *browser, struct things *things, const char *path, const char *accept, struct browser_page *out)
{
    char head[REQUEST_SIZE], *text;
    const struct browser_request request = {.method = "GET", .path = path, .accept = accept};

    if (!browser_ask(browser, &request) || (text = browser_text(browser)) == NULL)
        return false;
    out->answers++;
    out->failed += browser->status != 200;
    out->heads += browser->head_size;
    out->bodies += browser->body_size;
    out->requests += head_write(head, browser, &request);
    links_find(things, text);
    things_find(things, text, " src=\"", '"');
    things_find(things, text, "from '", '\'');
    things_find(things, text, "import '", '\'');
    things_find(things, text, "url(", ')');
    free(text);
    return true;
}

bool browser_load(struct browser *browser, const char *path, const char *api, struct browser_page *out)
{
    static const char page[] = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8";
    struct things *things = calloc(1, sizeof(*things));
    bool ok = things != NULL && thing_load(browser, things, path, page, out);

    for (size_t i = 0; ok && i < things->count; i++)
        ok = thing_load(browser, things, things->paths[i], NULL, out);
    if (ok && api != NULL)
        ok = thing_load(browser, things, api, NULL, out);
    free(things);
    return ok;
}
