/* The TLS certificate by which a home's servers are known. In production it is one of a public CA (IDS App. G), put where the configuration
 * says; for development a home has a self-made one, signed by a root that is made with it and whose key is not kept. */
#ifndef SMKI_TLS_H
#define SMKI_TLS_H

#include <smki/service.h>

/* In the home's folder SMKI_HOME_TLS. */
#define SMKI_TLS_ROOT "ca.pem"            /* what clients are given to trust */
#define SMKI_TLS_CERTIFICATE "server.pem" /* the server's, and those between it and its root, if any */
#define SMKI_TLS_KEY "server.key"         /* PKCS#8, mode 0600, RSA 2048 */

#define SMKI_TLS_MAX_HOSTS 32
#define SMKI_TLS_DAYS 820 /* no browser takes one of more than 825 days */

struct smki_tls_request {
    const char *const *hosts; /* DNS names and IP addresses besides localhost, 127.0.0.1 and ::1; twice is once */
    size_t host_count;        /* at most SMKI_TLS_MAX_HOSTS */
    unsigned days;            /* until it expires; 0: SMKI_TLS_DAYS. It begins a day before now, so that clocks may differ */
    bool replace;             /* write over those that are there */
};

/* Makes root, server certificate and key in the home, for development; recorded. RSA 2048 with SHA-256, for serverAuth. Files are written
 * whole, one after the other, the key last: who reads them in between finds a key that does not fit (smki_tls_look), not half a file.
 * Errors: ALREADY_EXISTS (without `replace`; or what is there was not made by this function, which is never written over),
 * INVALID_ARGUMENT (a host, the days), RANDOM, those of writing. */
SMKI_API SMKI_MUST_USE int smki_tls_make(struct smki_service *service, const struct smki_actor *actor,
                                         const struct smki_tls_request *request, struct smki_error *err);

/* What is there. */
struct smki_tls {
    char common_name[256];
    char hosts[1024]; /* "localhost, 127.0.0.1, ::1" */
    struct smki_time not_before, not_after;
    uint8_t sha256[32]; /* of the certificate's DER */
    bool development;   /* made by smki_tls_make: by its name */
    int key;            /* 0: the key is there and fits; or KEY_UNREADABLE, KEY_PERMISSIONS, KEY_MISMATCH ... */
    char key_text[SMKI_ERROR_TEXT_SIZE]; /* what is wrong with it */
};

/* Reads the server's certificate and looks whether its key fits. NOT_FOUND: there is none; CERTIFICATE_MALFORMED. */
SMKI_API SMKI_MUST_USE int smki_tls_look(struct smki_service *service, struct smki_tls *out, struct smki_error *err);

#endif
