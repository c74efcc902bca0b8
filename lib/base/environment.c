/* The world outside: the system's clock and its randomness, and the words for where a request came from. */
#include "base/base_i.h"

#include <smki/smki.h>

#include <errno.h>
#include <sys/random.h>
#include <time.h>

static struct smki_time system_now(void *context)
{
    struct timespec now = {0};

    (void)context;
    (void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail for this clock and a valid pointer */
    return (struct smki_time){.us = (int64_t)now.tv_sec * SMKI_SECOND + now.tv_nsec / 1000};
}

static int system_fill(void *context, void *out, size_t size)
{
    uint8_t *at = out;

    (void)context;
    while (size != 0) {
        ssize_t got = getrandom(at, size, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return SMKI_RANDOM;
        at += got;
        size -= (size_t)got;
    }
    return 0;
}

const struct smki_clock smki_clock_system = {.now = system_now};
const struct smki_random smki_random_system = {.fill = system_fill};

const char *smki_network_word(enum smki_network network)
{
    static const char *const words[] = {
        [SMKI_NETWORK_LOCAL] = "local",
        [SMKI_NETWORK_GATEWAY] = "gateway",
        [SMKI_NETWORK_INTERNET] = "internet",
    };

    return (size_t)network < ARRAY_COUNT(words) ? words[network] : "unknown";
}

const char *smki_interface_word(enum smki_interface interface)
{
    static const char *const words[] = {
        [SMKI_INTERFACE_OPERATOR] = "operator",
        [SMKI_INTERFACE_PORTAL_ORGANISATION] = "portal-organisation",
        [SMKI_INTERFACE_PORTAL_DEVICE] = "portal-device",
        [SMKI_INTERFACE_ADHOC] = "adhoc",
        [SMKI_INTERFACE_BATCH] = "batch",
        [SMKI_INTERFACE_RUNNER] = "runner",
        [SMKI_INTERFACE_PORTAL_LANDING] = "portal-landing",
        [SMKI_INTERFACE_PORTAL_DOWNLOAD] = "portal-download",
    };

    return (size_t)interface < ARRAY_COUNT(words) ? words[interface] : "unknown";
}

const char *smki_version(void)
{
    return SMKI_VERSION;
}
