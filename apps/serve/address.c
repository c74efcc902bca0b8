/* Addresses, from the configuration's text and to the text of logs. */
#include "serve/address_i.h"

#include "serve/log_i.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BACKLOG 1024

static bool parse_six(struct sockaddr_storage *out, socklen_t *size, const char *host, uint16_t port)
{
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)out;

    *size = sizeof(*six);
    six->sin6_family = AF_INET6;
    six->sin6_port = htons(port);
    return inet_pton(AF_INET6, host, &six->sin6_addr) == 1;
}

static bool parse_four(struct sockaddr_storage *out, socklen_t *size, const char *host, uint16_t port)
{
    struct sockaddr_in *four = (struct sockaddr_in *)out;

    *size = sizeof(*four);
    four->sin_family = AF_INET;
    four->sin_port = htons(port);
    return inet_pton(AF_INET, host, &four->sin_addr) == 1;
}

int address_parse(struct sockaddr_storage *out, socklen_t *size, const char *text, struct smki_error *err)
{
    char host[ADDRESS_TEXT_SIZE];
    const bool six = text[0] == '[';
    const char *start = text + six, *end = six ? strchr(text, ']') : strchr(text, ':');
    const char *port = end != NULL ? end + six : NULL;
    long number;

    memset(out, 0, sizeof(*out));
    if (port == NULL || *port != ':' || (size_t)(end - start) >= sizeof(host))
        return serve_fail(err, SMKI_CONFIG_INVALID, "\"%s\" is not an address with a port, such as \"127.0.0.1:8443\" or \"[::1]:8443\"",
                          text);
    memcpy(host, start, (size_t)(end - start));
    host[end - start] = '\0';
    number = port[1] != '\0' && strspn(port + 1, "0123456789") == strlen(port + 1) ? strtol(port + 1, NULL, 10) : 0;
    if (number < 1 || number > 65535 ||
        !(six ? parse_six(out, size, host, (uint16_t)number) : parse_four(out, size, host, (uint16_t)number)))
        return serve_fail(err, SMKI_CONFIG_INVALID, "\"%s\" is not an address with a port, such as \"127.0.0.1:8443\" or \"[::1]:8443\"",
                          text);
    return 0;
}

void address_key(const struct sockaddr_storage *address, uint8_t out[16])
{
    memset(out, 0, 16);
    if (address->ss_family == AF_INET6) {
        memcpy(out, &((const struct sockaddr_in6 *)address)->sin6_addr, 16);
    } else {
        out[10] = out[11] = 0xff; /* as ::ffff:a.b.c.d, RFC 4291 2.5.5.2 */
        memcpy(out + 12, &((const struct sockaddr_in *)address)->sin_addr, 4);
    }
}

const char *address_host(const struct sockaddr_storage *address, char out[ADDRESS_TEXT_SIZE])
{
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)address;
    const void *at = &((const struct sockaddr_in *)address)->sin_addr;
    int family = AF_INET;

    if (address->ss_family == AF_INET6) {
        family = IN6_IS_ADDR_V4MAPPED(&six->sin6_addr) ? AF_INET : AF_INET6;
        at = family == AF_INET ? (const void *)(six->sin6_addr.s6_addr + 12) : (const void *)&six->sin6_addr;
    }
    if (inet_ntop(family, at, out, ADDRESS_TEXT_SIZE) == NULL)
        out[0] = '\0';
    return out;
}

bool address_is_loopback(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)address)->sin6_addr);
    return ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr) >> 24 == 127;
}

int address_listen(int *out, const char *text, struct smki_error *err)
{
    struct sockaddr_storage address;
    socklen_t size;
    const int yes = 1;
    int fd, rc;

    if ((rc = address_parse(&address, &size, text, err)) != 0)
        return rc;
    fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return serve_fail_errno(err, errno, "a socket for %s", text);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)); /* what is accepted inherits it */
    if (bind(fd, (struct sockaddr *)&address, size) != 0 || listen(fd, BACKLOG) != 0) {
        rc = serve_fail_errno(err, errno, "listening on %s", text);
        close(fd);
        return rc;
    }
    *out = fd;
    return 0;
}
