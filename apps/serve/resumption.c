/* Tickets and session cache of one site. The lock does not rely on mbedTLS being built with threads. */
#include "serve/tls_i.h"

#include "serve/log_i.h"

#include <pthread.h>
#include <stdlib.h>

#define CACHE_ENTRIES 1000 /* a list that is searched under the lock: clients are to use tickets */

struct resumption {
    pthread_mutex_t lock;
    mbedtls_ssl_ticket_context tickets;
    mbedtls_ssl_cache_context cache;
    mbedtls_ctr_drbg_context drbg;
};

int resumption_create(struct resumption **out, struct smki_error *err)
{
    struct resumption *resumption = calloc(1, sizeof(*resumption));

    if (resumption == NULL)
        return serve_fail(err, SMKI_NO_MEMORY, "out of memory");
    pthread_mutex_init(&resumption->lock, NULL);
    mbedtls_ssl_ticket_init(&resumption->tickets);
    mbedtls_ssl_cache_init(&resumption->cache);
    mbedtls_ctr_drbg_init(&resumption->drbg);
    mbedtls_ssl_cache_set_timeout(&resumption->cache, TLS_SESSION_LIFETIME);
    mbedtls_ssl_cache_set_max_entries(&resumption->cache, CACHE_ENTRIES);
    if (mbedtls_ctr_drbg_seed(&resumption->drbg, tls_entropy, NULL, NULL, 0) != 0 ||
        mbedtls_ssl_ticket_setup(&resumption->tickets, mbedtls_ctr_drbg_random, &resumption->drbg, MBEDTLS_CIPHER_AES_256_GCM,
                                 TLS_SESSION_LIFETIME) != 0) {
        resumption_destroy(resumption);
        return serve_fail(err, SMKI_RANDOM, "no random numbers for session tickets");
    }
    *out = resumption;
    return 0;
}

void resumption_destroy(struct resumption *resumption)
{
    if (resumption == NULL)
        return;
    mbedtls_ssl_ticket_free(&resumption->tickets);
    mbedtls_ssl_cache_free(&resumption->cache);
    mbedtls_ctr_drbg_free(&resumption->drbg);
    pthread_mutex_destroy(&resumption->lock);
    free(resumption);
}

int resumption_ticket_write(struct resumption *resumption, const mbedtls_ssl_session *session, unsigned char *at, const unsigned char *end,
                            size_t *size, uint32_t *lifetime)
{
    int rc;

    pthread_mutex_lock(&resumption->lock);
    rc = mbedtls_ssl_ticket_write(&resumption->tickets, session, at, end, size, lifetime);
    pthread_mutex_unlock(&resumption->lock);
    return rc;
}

int resumption_ticket_parse(struct resumption *resumption, mbedtls_ssl_session *session, unsigned char *at, size_t size)
{
    int rc;

    pthread_mutex_lock(&resumption->lock);
    rc = mbedtls_ssl_ticket_parse(&resumption->tickets, session, at, size);
    pthread_mutex_unlock(&resumption->lock);
    return rc == 0 && !compat_session_lasts(session, TLS_SESSION_LIFETIME) ? MBEDTLS_ERR_SSL_SESSION_TICKET_EXPIRED : rc;
}

int resumption_cache_get(struct resumption *resumption, COMPAT_CACHE_KEY mbedtls_ssl_session *session)
{
    int rc;

    pthread_mutex_lock(&resumption->lock);
    rc = mbedtls_ssl_cache_get(&resumption->cache, COMPAT_CACHE_ID session);
    pthread_mutex_unlock(&resumption->lock);
    return rc;
}

int resumption_cache_set(struct resumption *resumption, COMPAT_CACHE_KEY const mbedtls_ssl_session *session)
{
    int rc;

    pthread_mutex_lock(&resumption->lock);
    rc = mbedtls_ssl_cache_set(&resumption->cache, COMPAT_CACHE_ID session);
    pthread_mutex_unlock(&resumption->lock);
    return rc;
}
