/* Self-made certificates of TLS servers, for development, and the roots that sign them. They are outside the SMKI profiles: what a browser,
 * curl or openssl asks of a server (RFC 5280, RFC 9525). */
#ifndef SMKI_TLS_CERTIFICATE_I_H
#define SMKI_TLS_CERTIFICATE_I_H

#include "base/base_i.h"

#include <smki/certificate.h>
#include <smki/key.h>

struct tls_wish {
    const char *common_name, *issuer_name; /* CNs, without commas; each is the whole name */
    const struct smki_key *key;            /* RSA, whose certificate it is */
    const struct smki_key *signer;         /* RSA, the root's; a root's own for itself */
    const char *const *hosts;              /* DNS names and IP addresses; none: it is a root */
    size_t host_count;
    struct smki_time not_before, not_after;
};

/* RSA with SHA-256; DER into out. Serial number of 16 octets, unpredictable. Errors: RANDOM, KEY_TYPE, TOO_LARGE, NO_MEMORY, INTERNAL. */
SMKI_MUST_USE int tls_certificate_make(uint8_t out[SMKI_CERTIFICATE_MAX_SIZE], size_t *size, const struct tls_wish *wish,
                                       const struct smki_random *random, struct smki_error *err);

/* An IP address: its 4 or 16 octets into out, and how many; 0: it is none. */
size_t tls_address_read(uint8_t out[16], const char *text);
/* Can it stand in a certificate as the name of a host: an IP address, or a DNS name (letters, digits and hyphens between dots, RFC 1123
 * 2.1)? */
bool tls_host_check(const char *text);

#define TLS_CN_SIZE    256
#define TLS_HOSTS_SIZE 1024 /* of the names, joined by ", " */

/* What a server's certificate says. */
struct tls_certificate {
    char common_name[TLS_CN_SIZE]; /* "" when there is none */
    char hosts[TLS_HOSTS_SIZE];    /* subjectAltName; ends in "..." when there are more */
    struct smki_time not_before, not_after;
    uint8_t sha256[SHA256_SIZE]; /* of the DER */
    uint8_t spki[600];           /* SubjectPublicKeyInfo */
    size_t spki_size;
};

/* The first certificate of a PEM file's text, by whatever CA. CERTIFICATE_MALFORMED. */
SMKI_MUST_USE int tls_certificate_read(struct tls_certificate *out, struct smki_bytes pem, struct smki_error *err);

#endif
