/* The home's one configuration file: JSON with comments (the two forms that cJSON_Minify takes), every key optional, unknown keys and wrong values refused with
 * their path. A key can be written inside its group, {"night": {"capacity": 1}}, or by its path, {"night.capacity": 1}; twice is refused. Thread-safe. */
#ifndef SMKI_CONFIG_H
#define SMKI_CONFIG_H

#include <smki/demand.h>
#include <smki/p256.h>

#define SMKI_CONFIG_TEXT_SIZE 256

/* Where a web service answers. */
struct smki_config_web {
    char listen[SMKI_CONFIG_TEXT_SIZE]; /* "127.0.0.1:8443", "[::1]:8443"; "": not at all */
    char host[SMKI_CONFIG_TEXT_SIZE];   /* the server name asked for; "": any */
    enum smki_network network;          /* GATEWAY or INTERNET */
};

enum smki_tls_versions { SMKI_TLS_1_2, SMKI_TLS_1_2_AND_1_3 };

/* What the servers share. Times in us, sizes in octets. */
struct smki_config_http {
    char certificate[SMKI_CONFIG_TEXT_SIZE], key[SMKI_CONFIG_TEXT_SIZE]; /* files, below the home unless they begin with / */
    enum smki_tls_versions versions;
    uint32_t workers;                     /* threads that own connections; 0: one a core */
    uint32_t pool;                        /* threads for requests; 0: four a core, at least 8 */
    uint32_t connections, connections_per_peer, connections_per_certificate;
    int64_t handshake_time, idle_time, head_time, stall_time, request_time, stop_time;
    uint64_t min_rate;                    /* octets a second */
    uint64_t head_max;
};

struct smki_config {
    uint32_t version;                   /* of the file's format: 1 */
    struct smki_demand_limits limits;   /* demand.*, night.* */
    struct smki_eligibility eligibility;/* eligibility.<type>: [before, in service, gone] */
    char policy_device[SMKI_CONFIG_TEXT_SIZE], policy_organisation[SMKI_CONFIG_TEXT_SIZE], policy_iki[SMKI_CONFIG_TEXT_SIZE]; /* dotted OIDs */
    uint32_t device_certificate_limit;  /* 100 */
    uint32_t batch_max_csrs;            /* 50,000 */
    uint64_t batch_max_upload;          /* octets of one upload */
    uint32_t batch_chunk;               /* CSRs a chunk */
    uint32_t runner_workers;            /* 0: one a core */
    enum smki_p256_choice p256_provider;
    int64_t runner_lease;               /* us a claim on a chunk holds */
    uint32_t proof_every;               /* every n-th signature of a run, and of ad hoc requests, is verified; 1: each */
    bool approve_automatically;
    bool csr_trailer;                   /* four octets after a request are tolerated */
    bool http_status_compat;
    uint64_t audit_checkpoint;          /* records between two kept checkpoints */
    int64_t crl_validity;               /* us */
    char passphrase_file[SMKI_CONFIG_TEXT_SIZE]; /* of the CA keys; "": none */
    char key_oca[SMKI_CONFIG_TEXT_SIZE], key_dca[SMKI_CONFIG_TEXT_SIZE], key_ikica[SMKI_CONFIG_TEXT_SIZE], key_oca_root[SMKI_CONFIG_TEXT_SIZE],
        key_dca_root[SMKI_CONFIG_TEXT_SIZE]; /* ca.<name>.key: a file below the home, or a pkcs11: URI; "": keys/<name>.key */
    char pkcs11_module[SMKI_CONFIG_TEXT_SIZE];     /* pkcs11.module: path, where a URI names none */
    char pkcs11_pin_source[SMKI_CONFIG_TEXT_SIZE]; /* pkcs11.pin_source: as in smki/key.h */
    uint32_t pkcs11_sessions;                      /* of a key: signatures under way at once */
    int64_t pkcs11_timeout;                        /* us a signature may take */
    int64_t pkcs11_patience;                       /* us a run waits for a token that is away; watching, it waits as long as it takes */
    char service_desk[SMKI_CONFIG_TEXT_SIZE];    /* how to reach it, for texts */
    struct smki_config_web web_adhoc;            /* web.adhoc.* */
    char web_adhoc_path[SMKI_CONFIG_TEXT_SIZE];
    struct smki_config_web web_batch;            /* web.batch.* */
    char web_batch_submit_path[SMKI_CONFIG_TEXT_SIZE], web_batch_result_path[SMKI_CONFIG_TEXT_SIZE];
    char admin_listen[SMKI_CONFIG_TEXT_SIZE];    /* admin.listen: /healthz, /readyz, /metrics; loopback */
    struct smki_config_http http;                /* tls.*, http.* */
    struct smki_config_web portal_landing, portal_download;          /* portal.landing.*, portal.download.*: one-way TLS */
    struct smki_config_web portal_organisation, portal_device;       /* portal.organisation.*, portal.device.*: their network is GATEWAY */
    struct smki_config_web portal_organisation_internet, portal_device_internet; /* the same by the Internet: their network is INTERNET */
    char portal_admin_listen[SMKI_CONFIG_TEXT_SIZE];                 /* portal.admin_listen: as admin_listen */
    char portal_www[SMKI_CONFIG_TEXT_SIZE];                          /* portal.www: folder of the pages; "": the installed one */
    char portal_url_landing[SMKI_CONFIG_TEXT_SIZE], portal_url_organisation[SMKI_CONFIG_TEXT_SIZE], portal_url_device[SMKI_CONFIG_TEXT_SIZE],
        portal_url_organisation_internet[SMKI_CONFIG_TEXT_SIZE], portal_url_device_internet[SMKI_CONFIG_TEXT_SIZE],
        portal_url_download[SMKI_CONFIG_TEXT_SIZE], portal_url_adhoc[SMKI_CONFIG_TEXT_SIZE],
        portal_url_batch[SMKI_CONFIG_TEXT_SIZE]; /* portal.url_*: told on the pages, without a / at the end; "": made from host and port */
    char portal_operator[SMKI_CONFIG_TEXT_SIZE]; /* portal.operator: whose service it is */
    char portal_desk[SMKI_CONFIG_TEXT_SIZE];     /* portal.desk: how to reach the Service Desk, on the pages; "": service_desk */
    char desk_webhook[SMKI_CONFIG_TEXT_SIZE];    /* desk.webhook: where reports are POSTed; "": nowhere */
};

/* One key of the file: what it is, for `smki config show` and the manual. */
struct smki_config_key {
    const char *path;    /* "night.capacity" */
    const char *type;    /* "integer", "size", "duration", "time of day", "boolean", "mode", "mode or smooth", "eligible", "text", "file or pkcs11: URI", "OID", "address", "host name", "path", "network", "TLS versions",
                          * "URL", "P-256 provider" */
    const char *source;  /* "CoCo 3; interfaces.md 10" */
    const char *text;    /* one line */
};

/* Every key at its default. */
SMKI_API void smki_config_defaults(struct smki_config *out);
/* Defaults, then the file (a missing file is the defaults). CONFIG_INVALID names the path, what is wrong, and the nearest right name. */
SMKI_API SMKI_MUST_USE int smki_config_read(struct smki_config *out, const char *path, struct smki_error *err);
SMKI_API const struct smki_config_key *smki_config_keys(size_t *count);
/* The value of key `index` as JSON text, and whether it is the default. INVALID_ARGUMENT: no such key; TOO_LARGE: does not fit. */
SMKI_API SMKI_MUST_USE int smki_config_show(const struct smki_config *config, size_t index, char *out, size_t size, bool *is_default, struct smki_error *err);
/* A commented configuration file with every key at its default, commented out: what `smki init` writes. Taking away the two strokes before any of the lines gives
 * a file that smki_config_read takes. */
SMKI_API SMKI_MUST_USE int smki_config_template(struct smki_buffer *out, struct smki_error *err);
/* The same with the keys of `config` that are not at their defaults set to what they are there. */
SMKI_API SMKI_MUST_USE int smki_config_write(struct smki_buffer *out, const struct smki_config *config, struct smki_error *err);

#endif
