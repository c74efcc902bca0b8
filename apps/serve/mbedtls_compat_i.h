/* The differences between mbedTLS 2.28 (Debian 12) and 3.6 (Debian 13) in TLS, in one place. Whoever includes an mbedTLS header includes
 * this one first. The names are those of 3.6. */
#ifndef SERVE_MBEDTLS_COMPAT_I_H
#define SERVE_MBEDTLS_COMPAT_I_H

#define MBEDTLS_ALLOW_PRIVATE_ACCESS /* the master secret of a session: see tls_session_name */
#include <mbedtls/version.h>

#include <stdbool.h>

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/pk.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/sha256.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_cache.h>
#include <mbedtls/ssl_ciphersuites.h>
#include <mbedtls/ssl_ticket.h>
#include <mbedtls/x509_crt.h>

#if MBEDTLS_VERSION_MAJOR >= 3

#include <psa/crypto.h>

#define compat_crypto_init() ((int)psa_crypto_init())
#define COMPAT_CACHE_KEY     const unsigned char *id, size_t id_size,
#define COMPAT_CACHE_ID      id, id_size,

#else

#define compat_crypto_init() 0
#define COMPAT_CACHE_KEY
#define COMPAT_CACHE_ID
#define mbedtls_sha256                                             mbedtls_sha256_ret
#define mbedtls_pk_parse_keyfile(pk, path, password, rng, context) mbedtls_pk_parse_keyfile(pk, path, password)
#define mbedtls_pk_check_pair(public, private, rng, context)       mbedtls_pk_check_pair(public, private)
#define MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION                       MBEDTLS_ERR_SSL_BAD_HS_PROTOCOL_VERSION
#define MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE                          MBEDTLS_ERR_SSL_NO_CIPHER_CHOSEN

#endif

/* TLS 1.2 to 1.2, or to 1.3 where the library has it: false when it was wished and is not there. There is no resumption in 1.3. */
bool compat_versions(mbedtls_ssl_config *config, bool and_1_3);
/* Curves and signature hashes that are offered, best first. */
void compat_curves(mbedtls_ssl_config *config);
/* Whether a session that came out of a good ticket was made, by its full handshake, at most so many seconds ago. */
bool compat_session_lasts(const mbedtls_ssl_session *session, int seconds);

#endif
