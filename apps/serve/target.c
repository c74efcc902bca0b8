/* Hosts with or without a port, and the absolute form of a target. */
#include "serve/target_i.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

/* Octets of an IPv6 address in brackets, with them; 0: it is none. */
static size_t literal_size(const char *text, size_t size)
{
    const char *end = memchr(text, ']', size);
    const size_t inner = end != NULL ? (size_t)(end - text) - 1 : 0;
    char address[INET6_ADDRSTRLEN];
    struct in6_addr six;

    if (inner == 0 || inner >= sizeof(address))
        return 0;
    memcpy(address, text + 1, inner);
    address[inner] = '\0';
    return inet_pton(AF_INET6, address, &six) == 1 ? inner + 2 : 0;
}

/* Octets of the name of a host at the beginning of the text; 0: none (RFC 3986 3.2.2; escapes, which no name needs, are not taken). */
static size_t name_size(const char *text, size_t size)
{
    static const char allowed[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._~!$&'()*+,;=";
    size_t used = 0;

    if (size > 0 && text[0] == '[')
        return literal_size(text, size);
    while (used < size && text[used] != '\0' && strchr(allowed, text[used]) != NULL)
        used++;
    return used;
}

/* Nothing, or a colon and a number (RFC 3986 3.2.3). */
static bool is_port(const char *text, size_t size)
{
    unsigned long port = 0;

    for (size_t i = 1; i < size; i++) {
        if (text[i] < '0' || text[i] > '9' || (port = 10 * port + (unsigned long)(text[i] - '0')) > 65535)
            return false;
    }
    return size == 0 || text[0] == ':';
}

size_t authority_read(const char *text, size_t size)
{
    const size_t name = name_size(text, size);

    return is_port(text + name, size - name) ? name : 0;
}

size_t target_host(const char *target)
{
    return strncasecmp(target, "https://", 8) == 0 ? 8 : strncasecmp(target, "http://", 7) == 0 ? 7 : 0;
}

void target_strip(char *target)
{
    const size_t start = target_host(target);
    const char *path = target + start + strcspn(target + start, "/");

    if (start == 0)
        return;
    if (path[0] == '\0')
        path = "/";
    memmove(target, path, strlen(path) + 1);
}
