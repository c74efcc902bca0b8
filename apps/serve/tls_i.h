/* TLS settings: one set for each worker and listener, since a shared RSA key would run on one core at a time; and resumption state, one for
 * each site and shared by the workers, since mbedTLS does not ask whether a session was made where a client certificate is required. */
#ifndef SERVE_TLS_I_H
#define SERVE_TLS_I_H

#include "serve/mbedtls_compat_i.h"

#include <smki/config.h>

struct listener;
struct site;

#define TLS_SESSION_LIFETIME  300 /* s: IDS App. G, interfaces.md 3 */
#define TLS_SESSION_NAME_SIZE 32

/* ---- random numbers ---- */

/* Where every generator's seed comes from: the system, in the form that mbedTLS asks for; `context` is not used. A pool of mbedTLS's own
 * (mbedtls_entropy_context) would cost each generator a millisecond at its start and some 40 KiB (2.28's HAVEGE), and end in the same
 * place. Thread-safe. */
int tls_entropy(void *context, unsigned char *out, size_t size);

/* ---- resumption ---- */

struct resumption;

SMKI_MUST_USE int resumption_create(struct resumption **out, struct smki_error *err);
void resumption_destroy(struct resumption *resumption);
/* The callbacks of mbedTLS, under the state's own lock. */
int resumption_ticket_write(struct resumption *resumption, const mbedtls_ssl_session *session, unsigned char *at, const unsigned char *end,
                            size_t *size, uint32_t *lifetime);
int resumption_ticket_parse(struct resumption *resumption, mbedtls_ssl_session *session, unsigned char *at, size_t size);
int resumption_cache_get(struct resumption *resumption, COMPAT_CACHE_KEY mbedtls_ssl_session *session);
int resumption_cache_set(struct resumption *resumption, COMPAT_CACHE_KEY const mbedtls_ssl_session *session);

/* ---- one handshake ---- */

/* What mbedTLS's callbacks find out about a peer. */
struct tls_peer {
    const struct site *site;   /* by the server name; NULL: not known (yet) */
    const struct site *ticket; /* whose ticket was taken */
    bool resumed, name_unknown;
    uint32_t flags;   /* of the verification, MBEDTLS_X509_BADCERT_... */
    uint8_t *refused; /* the certificate that did not verify, DER */
    size_t refused_size;
};

/* ---- settings ---- */

struct tls;

/* The names of files as the configuration has them; `home` stands before those that do not begin with a slash. */
SMKI_MUST_USE int tls_create(struct tls **out, const struct listener *listener, const struct smki_config_http *http, const char *home,
                             struct smki_error *err);
void tls_destroy(struct tls *tls);
SMKI_MUST_USE int tls_setup(struct tls *tls, mbedtls_ssl_context *ssl, struct smki_error *err);
/* Whose handshake the next calls of mbedTLS are about. */
void tls_turn(struct tls *tls, struct tls_peer *peer);
/* The same octets for all connections of a session, which only the two sides can know; false: this version has none. */
bool tls_session_name(const mbedtls_ssl_context *ssl, uint8_t out[TLS_SESSION_NAME_SIZE]);

#endif
