/* Settings that each version of mbedTLS has a way of its own for. */
#include "serve/mbedtls_compat_i.h"

#if MBEDTLS_VERSION_MAJOR >= 3

/* Of 3.6's curves P-256 is the cheapest. */
static const uint16_t groups[] = {MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1, MBEDTLS_SSL_IANA_TLS_GROUP_X25519,
                                  MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1, MBEDTLS_SSL_IANA_TLS_GROUP_SECP521R1,
                                  MBEDTLS_SSL_IANA_TLS_GROUP_NONE};
static const uint16_t signatures[] = {MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA256,
                                      MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA384,
                                      MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA512,
                                      MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA256,
                                      MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA384,
                                      MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA512,
                                      MBEDTLS_TLS1_3_SIG_NONE};

bool compat_versions(mbedtls_ssl_config *config, bool and_1_3)
{
    mbedtls_ssl_conf_min_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_2);
#if defined(MBEDTLS_SSL_PROTO_TLS1_3)
    mbedtls_ssl_conf_max_tls_version(config, and_1_3 ? MBEDTLS_SSL_VERSION_TLS1_3 : MBEDTLS_SSL_VERSION_TLS1_2);
    /* 3.6's tickets of 1.3 keep neither the client's certificate nor the time of the full handshake. */
    mbedtls_ssl_conf_tls13_key_exchange_modes(config, MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL);
#if defined(MBEDTLS_SSL_SESSION_TICKETS)
    mbedtls_ssl_conf_new_session_tickets(config, 0);
#endif
    return true;
#else
    mbedtls_ssl_conf_max_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_2);
    return !and_1_3;
#endif
}

void compat_curves(mbedtls_ssl_config *config)
{
    mbedtls_ssl_conf_groups(config, groups);
    mbedtls_ssl_conf_sig_algs(config, signatures);
}

/* 3.6 counts from when the ticket was written, which may be at a resumption by session id. */
bool compat_session_lasts(const mbedtls_ssl_session *session, int seconds)
{
    const mbedtls_time_t now = mbedtls_time(NULL);

    return now >= session->start && now - session->start <= seconds;
}

#else

/* 2.28 would take the largest curve a client offers; X25519 is the cheapest. */
static const mbedtls_ecp_group_id curves[] = {MBEDTLS_ECP_DP_CURVE25519, MBEDTLS_ECP_DP_SECP256R1, MBEDTLS_ECP_DP_SECP384R1,
                                              MBEDTLS_ECP_DP_SECP521R1, MBEDTLS_ECP_DP_NONE};
static const int hashes[] = {MBEDTLS_MD_SHA256, MBEDTLS_MD_SHA384, MBEDTLS_MD_SHA512, MBEDTLS_MD_NONE};

bool compat_versions(mbedtls_ssl_config *config, bool and_1_3)
{
    mbedtls_ssl_conf_min_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_max_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    return !and_1_3;
}

void compat_curves(mbedtls_ssl_config *config)
{
    mbedtls_ssl_conf_curves(config, curves);
    mbedtls_ssl_conf_sig_hashes(config, hashes);
}

/* The ticket would not have been good. */
bool compat_session_lasts(const mbedtls_ssl_session *session, int seconds)
{
    (void)session;
    (void)seconds;
    return true;
}

#endif
