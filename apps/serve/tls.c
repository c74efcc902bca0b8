/* mbedTLS, set up as IDS App. G asks. */
#include "serve/tls_i.h"

#include "serve/generation_i.h"
#include "serve/log_i.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PATH_SIZE 4096

struct tls {
    mbedtls_ssl_config config;
    mbedtls_x509_crt certificate, authority;
    mbedtls_pk_context key;
    mbedtls_ctr_drbg_context drbg;
    const struct listener *listener;
    struct tls_peer *peer;
};

/* IDS App. G, interfaces.md 3: these four, in this order. Then those of TLS 1.3, where it is allowed. */
static const int suites[] = {
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256,
#if MBEDTLS_VERSION_MAJOR >= 3
    MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
    MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
#endif
    0,
};

/* Client certificates: RSA of 2048 bits at least, SHA-256 at least; a CA's key may be on P-256 or P-384 too. */
static const mbedtls_x509_crt_profile profile = {
    .allowed_mds =
        MBEDTLS_X509_ID_FLAG(MBEDTLS_MD_SHA256) | MBEDTLS_X509_ID_FLAG(MBEDTLS_MD_SHA384) | MBEDTLS_X509_ID_FLAG(MBEDTLS_MD_SHA512),
    .allowed_pks = 0xFFFFFFF,
    .allowed_curves = MBEDTLS_X509_ID_FLAG(MBEDTLS_ECP_DP_SECP256R1) | MBEDTLS_X509_ID_FLAG(MBEDTLS_ECP_DP_SECP384R1),
    .rsa_min_bitlen = 2048,
};

int tls_entropy(void *context, unsigned char *out, size_t size)
{
    (void)context;
    return smki_random_system.fill(smki_random_system.context, out, size) == 0 ? 0 : MBEDTLS_ERR_ENTROPY_SOURCE_FAILED;
}

/* ---- callbacks; the peer is the one whose turn it is ---- */

static int on_name(void *context, mbedtls_ssl_context *ssl, const unsigned char *name, size_t size)
{
    struct tls *tls = context;
    struct tls_peer *peer = tls->peer;

    peer->site = listener_site(tls->listener, (const char *)name, size);
    if (peer->site == NULL || (peer->ticket != NULL && peer->ticket != peer->site)) {
        peer->name_unknown = true; /* mbedTLS sends unrecognized_name */
        return MBEDTLS_ERR_SSL_BAD_INPUT_DATA;
    }
    mbedtls_ssl_set_hs_authmode(ssl, peer->site->face.client_certificates ? MBEDTLS_SSL_VERIFY_REQUIRED : MBEDTLS_SSL_VERIFY_NONE);
    return 0;
}

static int on_verify(void *context, mbedtls_x509_crt *certificate, int depth, uint32_t *flags)
{
    struct tls_peer *peer = ((struct tls *)context)->peer;

    peer->flags |= *flags;
    if (depth == 0 && peer->flags != 0 && peer->refused == NULL && (peer->refused = malloc(certificate->raw.len)) != NULL) {
        memcpy(peer->refused, certificate->raw.p, certificate->raw.len);
        peer->refused_size = certificate->raw.len;
    }
    return 0;
}

static int on_ticket_write(void *context, const mbedtls_ssl_session *session, unsigned char *at, const unsigned char *end, size_t *size,
                           uint32_t *lifetime)
{
    const struct site *site = ((struct tls *)context)->peer->site;

    return site != NULL ? resumption_ticket_write(site->resumption, session, at, end, size, lifetime) : MBEDTLS_ERR_SSL_INTERNAL_ERROR;
}

/* A ticket may come before the server name does: where that is open, there is no resumption; where it is then another, on_name refuses. */
static int on_ticket_parse(void *context, mbedtls_ssl_session *session, unsigned char *at, size_t size)
{
    struct tls_peer *peer = ((struct tls *)context)->peer;
    int rc = MBEDTLS_ERR_SSL_INVALID_MAC;

    if (peer->site != NULL && (rc = resumption_ticket_parse(peer->site->resumption, session, at, size)) == 0) {
        peer->ticket = peer->site;
        peer->resumed = true;
    }
    return rc;
}

static int on_cache_get(void *context, COMPAT_CACHE_KEY mbedtls_ssl_session *session)
{
    struct tls_peer *peer = ((struct tls *)context)->peer;

    if (peer->site == NULL || resumption_cache_get(peer->site->resumption, COMPAT_CACHE_ID session) != 0)
        return 1;
    peer->resumed = true;
    return 0;
}

static int on_cache_set(void *context, COMPAT_CACHE_KEY const mbedtls_ssl_session *session)
{
    const struct site *site = ((struct tls *)context)->peer->site;

    return site != NULL ? resumption_cache_set(site->resumption, COMPAT_CACHE_ID session) : 1;
}

/* ---- settings ---- */

static int file_fail(struct smki_error *err, int code, const char *what, const char *path, int rc)
{
    char words[120];

    mbedtls_strerror(rc, words, sizeof(words));
    return serve_fail(err, code, "%s %s: %s", what, path, words);
}

static int path_below(char out[PATH_SIZE], const char *home, const char *name, struct smki_error *err)
{
    if (snprintf(out, PATH_SIZE, "%s%s%s", name[0] == '/' ? "" : home, name[0] == '/' ? "" : "/", name) >= PATH_SIZE)
        return serve_fail(err, SMKI_CONFIG_INVALID, "the path of %s is too long", name);
    return 0;
}

static int certificates_read(mbedtls_x509_crt *out, const char *what, const char *path, struct smki_error *err)
{
    int rc = mbedtls_x509_crt_parse_file(out, path);

    if (rc > 0)
        return serve_fail(err, SMKI_CERTIFICATE_MALFORMED, "%s %s: %d of its certificates cannot be read", what, path, rc);
    return rc == 0 ? 0 : file_fail(err, SMKI_IO, what, path, rc);
}

static int key_read(struct tls *tls, const char *path, struct smki_error *err)
{
    struct stat status;
    int rc;

    if (stat(path, &status) != 0)
        return serve_fail(err, SMKI_KEY_UNREADABLE, "the servers' private key %s: %s", path, strerror(errno));
    if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return serve_fail(err, SMKI_KEY_PERMISSIONS, "the servers' private key %s can be read by others; chmod 600 it", path);
    if ((rc = mbedtls_pk_parse_keyfile(&tls->key, path, NULL, mbedtls_ctr_drbg_random, &tls->drbg)) != 0)
        return file_fail(err, SMKI_KEY_UNREADABLE, "the servers' private key", path, rc);
    if (mbedtls_pk_check_pair(&tls->certificate.pk, &tls->key, mbedtls_ctr_drbg_random, &tls->drbg) != 0)
        return serve_fail(err, SMKI_KEY_MISMATCH, "the servers' private key %s does not belong to their certificate", path);
    return 0;
}

static int files_read(struct tls *tls, const struct smki_config_http *http, const char *home, struct smki_error *err)
{
    char path[PATH_SIZE];
    int rc;

    if ((rc = path_below(path, home, SMKI_HOME_CA "/ikica.pem", err)) != 0 ||
        (rc = certificates_read(&tls->authority, "the IKICA's certificate", path, err)) != 0 ||
        (rc = path_below(path, home, http->certificate, err)) != 0 ||
        (rc = certificates_read(&tls->certificate, "the servers' certificate", path, err)) != 0)
        return rc;
    if (mbedtls_pk_get_type(&tls->certificate.pk) != MBEDTLS_PK_RSA || mbedtls_pk_get_bitlen(&tls->certificate.pk) < 2048)
        return serve_fail(err, SMKI_KEY_TYPE, "the servers' certificate %s must have an RSA key of 2048 bits at least (IDS App. G)", path);
    return (rc = path_below(path, home, http->key, err)) != 0 ? rc : key_read(tls, path, err);
}

static int settings_make(struct tls *tls, const struct smki_config_http *http, struct smki_error *err)
{
    mbedtls_ssl_config *config = &tls->config;
    const struct site *fallback = tls->listener->fallback;
    const bool one_way = fallback != NULL && !fallback->face.client_certificates;

    if (mbedtls_ssl_config_defaults(config, MBEDTLS_SSL_IS_SERVER, MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT) != 0 ||
        mbedtls_ssl_conf_own_cert(config, &tls->certificate, &tls->key) != 0)
        return serve_fail(err, SMKI_NO_MEMORY, "out of memory");
    if (!compat_versions(config, http->versions == SMKI_TLS_1_2_AND_1_3))
        return serve_fail(err, SMKI_CONFIG_INVALID, "tls.versions: mbedTLS " MBEDTLS_VERSION_STRING " has no TLS 1.3; it must be \"1.2\"");
    compat_curves(config);
    mbedtls_ssl_conf_ciphersuites(config, suites);
    mbedtls_ssl_conf_cert_profile(config, &profile);
    mbedtls_ssl_conf_rng(config, mbedtls_ctr_drbg_random, &tls->drbg);
    mbedtls_ssl_conf_ca_chain(config, &tls->authority, NULL);
    mbedtls_ssl_conf_authmode(config, one_way ? MBEDTLS_SSL_VERIFY_NONE : MBEDTLS_SSL_VERIFY_REQUIRED);
    mbedtls_ssl_conf_renegotiation(config, MBEDTLS_SSL_RENEGOTIATION_DISABLED);
    mbedtls_ssl_conf_sni(config, on_name, tls);
    mbedtls_ssl_conf_verify(config, on_verify, tls);
    mbedtls_ssl_conf_session_tickets_cb(config, on_ticket_write, on_ticket_parse, tls);
    mbedtls_ssl_conf_session_cache(config, tls, on_cache_get, on_cache_set);
    return 0;
}

int tls_create(struct tls **out, const struct listener *listener, const struct smki_config_http *http, const char *home,
               struct smki_error *err)
{
    struct tls *tls = calloc(1, sizeof(*tls));
    int rc = 0;

    if (tls == NULL)
        return serve_fail(err, SMKI_NO_MEMORY, "out of memory");
    tls->listener = listener;
    mbedtls_ssl_config_init(&tls->config);
    mbedtls_x509_crt_init(&tls->certificate);
    mbedtls_x509_crt_init(&tls->authority);
    mbedtls_pk_init(&tls->key);
    mbedtls_ctr_drbg_init(&tls->drbg);
    if (mbedtls_ctr_drbg_seed(&tls->drbg, tls_entropy, NULL, NULL, 0) != 0)
        rc = serve_fail(err, SMKI_RANDOM, "no random numbers to be had from the system");
    if (rc != 0 || (rc = files_read(tls, http, home, err)) != 0 || (rc = settings_make(tls, http, err)) != 0) {
        tls_destroy(tls);
        return rc;
    }
    *out = tls;
    return 0;
}

void tls_destroy(struct tls *tls)
{
    if (tls == NULL)
        return;
    mbedtls_ssl_config_free(&tls->config);
    mbedtls_x509_crt_free(&tls->certificate);
    mbedtls_x509_crt_free(&tls->authority);
    mbedtls_pk_free(&tls->key);
    mbedtls_ctr_drbg_free(&tls->drbg);
    free(tls);
}

int tls_setup(struct tls *tls, mbedtls_ssl_context *ssl, struct smki_error *err)
{
    if (mbedtls_ssl_setup(ssl, &tls->config) != 0)
        return serve_fail(err, SMKI_NO_MEMORY, "out of memory");
    return 0;
}

void tls_turn(struct tls *tls, struct tls_peer *peer)
{
    tls->peer = peer;
}

/* The master secret is that of the first handshake on all resumed ones (RFC 5246 7.3); its hash gives nothing of it away. */
bool tls_session_name(const mbedtls_ssl_context *ssl, uint8_t out[TLS_SESSION_NAME_SIZE])
{
    static const char label[] = "smki session name";
    const mbedtls_ssl_session *session = ssl->session;
    uint8_t input[sizeof(label) + sizeof(session->master)], zeros[sizeof(session->master)] = {0};
    bool known;

    if (session == NULL)
        return false;
    memcpy(input, label, sizeof(label));
    memcpy(input + sizeof(label), session->master, sizeof(session->master));
    known = memcmp(session->master, zeros, sizeof(zeros)) != 0 && mbedtls_sha256(input, sizeof(input), out, 0) == 0; /* zeros: TLS 1.3 */
    mbedtls_platform_zeroize(input, sizeof(input));
    return known;
}
