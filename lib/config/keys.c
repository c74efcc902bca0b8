/* The keys of the configuration: one line each, read beside interfaces.md 10. */
#include "config/config_i.h"

#include <smki/device.h>

#define US_MS     (SMKI_SECOND / 1000)
#define MIB       (INT64_C(1) << 20)
#define KIB       INT64_C(1024)
#define COUNT_MAX 100000000 /* CSRs: more than all meters of Great Britain */

/* X(path, kind, field, least, most, source, what it is) */
#define CONFIG_KEYS(X)                                                                                                                     \
    X("version", KEY_INTEGER, version, 1, 1, "this file", "the version of this file's format")                                             \
    X("night.start", KEY_DAYTIME, limits.night_start, 0, 0, "CoCo 3; interfaces.md 10", "when the processing window opens, UK time")       \
    X("night.end", KEY_DAYTIME, limits.night_end, 0, 0, "CoCo 3; interfaces.md 10", "when it closes on the next day")                      \
    X("night.capacity", KEY_INTEGER, limits.night_capacity, 1, COUNT_MAX, "CoCo 3; interfaces.md 10",                                      \
      "CSRs of batches in one night, over all Parties")                                                                                    \
    X("night.mode", KEY_MODE, limits.mode[SMKI_RULE_WINDOW], 0, 0, "CoCo 3; interfaces.md 10",                                             \
      "batches run inside the window only: enforce, observe or off")                                                                       \
    X("demand.portal_batch_csrs", KEY_INTEGER, limits.portal_batch_csrs, 1, COUNT_MAX, "CoCo 3; interfaces.md 10",                         \
      "batched Device CSRs of a Party by the portal in portal_window; more wait behind due work")                                          \
    X("demand.portal_batch_mode", KEY_MODE, limits.mode[SMKI_RULE_PORTAL_BATCH], 0, 0, "interfaces.md 10", "enforce, observe or off")      \
    X("demand.portal_adhoc_csrs", KEY_INTEGER, limits.portal_adhoc_csrs, 1, COUNT_MAX, "CoCo 3; interfaces.md 10",                         \
      "ad hoc Device CSRs of a Party by the portal in portal_window")                                                                      \
    X("demand.portal_adhoc_mode", KEY_MODE, limits.mode[SMKI_RULE_PORTAL_ADHOC], 0, 0, "interfaces.md 10", "enforce, observe or off")      \
    X("demand.portal_window", KEY_DURATION, limits.portal_window, SMKI_MINUTE, 31 * SMKI_DAY, "CoCo 3; interfaces.md 10, 12.2",            \
      "the sliding window of the two portal limits")                                                                                       \
    X("demand.adhoc_pace_day", KEY_DURATION, limits.adhoc_pace_day, US_MS, SMKI_HOUR, "CoCo 3; interfaces.md 10, 12.2",                    \
      "ad hoc web service: least time between two CSRs of a Party by day")                                                                 \
    X("demand.adhoc_pace_night", KEY_DURATION, limits.adhoc_pace_night, US_MS, SMKI_HOUR, "CoCo 3; interfaces.md 10, 12.2",                \
      "the same outside the day")                                                                                                          \
    X("demand.adhoc_day_from", KEY_DAYTIME, limits.adhoc_day_from, 0, 0, "CoCo 3; interfaces.md 10", "when that day begins, UK time")      \
    X("demand.adhoc_day_to", KEY_DAYTIME, limits.adhoc_day_to, 0, 0, "CoCo 3; interfaces.md 10", "when it ends")                           \
    X("demand.adhoc_pace_mode", KEY_PACE, limits.mode[SMKI_RULE_ADHOC_PACE], 0, 0, "interfaces.md 10",                                     \
      "enforce, observe, off, or smooth (hold a request until its slot)")                                                                  \
    X("demand.batch_one_mode", KEY_MODE, limits.mode[SMKI_RULE_BATCH_ONE], 0, 0, "CoCo 3; interfaces.md 10",                               \
      "batch web service, one submission of a Party at a time: enforce, observe or off")                                                   \
    X("demand.poll_from", KEY_DAYTIME, limits.poll_from, 0, 0, "CoCo 3; interfaces.md 10, 12.1",                                           \
      "when a night's batches may first be polled, UK time")                                                                               \
    X("demand.poll_interval", KEY_DURATION, limits.poll_interval, SMKI_SECOND, SMKI_DAY, "CoCo 3; interfaces.md 10",                       \
      "least time between two polls of a batch")                                                                                           \
    X("demand.poll_mode", KEY_MODE, limits.mode[SMKI_RULE_POLL], 0, 0, "interfaces.md 10", "enforce, observe or off")                      \
    X("demand.agreement_notice", KEY_DURATION, limits.agreement_notice, 0, 365 * SMKI_DAY, "CoCo 3; interfaces.md 10",                     \
      "how long before extra load a Party gives notice")                                                                                   \
    X("demand.result_retention", KEY_DURATION, limits.result_retention, SMKI_DAY, 3650 * SMKI_DAY, "IDS 2.3; interfaces.md 4, 6",          \
      "how long results can be fetched")                                                                                                   \
    X("batch.max_csrs", KEY_INTEGER, batch_max_csrs, 1, 50000, "IDS 2.3.1.7, SEC L8.2", "CSRs in one submission")                          \
    X("batch.max_upload", KEY_SIZE, batch_max_upload, MIB, 4096 * MIB, "50,000 CSRs with the longest IDs, and room",                       \
      "octets of one submission")                                                                                                          \
    X("batch.chunk", KEY_INTEGER, batch_chunk, 1, 5000, "the project's choice", "CSRs claimed, worked and committed together")             \
    X("batch.approve_automatically", KEY_BOOLEAN, approve_automatically, 0, 0, "interfaces.md 11",                                         \
      "batches are approved as they come; false: each waits for the operator")                                                             \
    X("run.workers", KEY_INTEGER, runner_workers, 0, 256, "the project's choice", "threads of a runner; 0: one for each processor")        \
    X("p256.provider", KEY_PROVIDER, p256_provider, 0, 0, "the project's choice",                                                          \
      "who does the arithmetic on P-256: mbedtls, libcrypto where it is built in, auto: the fastest")                                      \
    X("run.lease", KEY_DURATION, runner_lease, 10 * SMKI_SECOND, SMKI_DAY, "the project's choice",                                         \
      "how long a claim on a chunk holds; then another runner may take it")                                                                \
    X("run.proof_every", KEY_INTEGER, proof_every, 1, 1000000, "the project's choice",                                                     \
      "every n-th signature made in a run, or for ad hoc requests, is verified at once; 1: each")                                          \
    X("ca.passphrase_file", KEY_TEXT, passphrase_file, 0, 0, "the project's choice",                                                       \
      "file with the passphrase of the CA keys, below the home unless it begins with /; empty: none")                                      \
    X("ca.oca.key", KEY_KEY, key_oca, 0, 0, "RFC 7512; the project's choice",                                                              \
      "private key of the OCA (Organisation Certificates): a file, or a pkcs11: URI; empty: keys/oca.key")                                 \
    X("ca.dca.key", KEY_KEY, key_dca, 0, 0, "RFC 7512; the project's choice",                                                              \
      "private key of the DCA (Device Certificates): a file, or a pkcs11: URI; empty: keys/dca.key")                                       \
    X("ca.ikica.key", KEY_KEY, key_ikica, 0, 0, "RFC 7512; the project's choice",                                                          \
      "private key of the IKICA (IKI Certificates): a file, or a pkcs11: URI; empty: keys/ikica.key")                                      \
    X("ca.oca-root.key", KEY_KEY, key_oca_root, 0, 0, "RFC 7512; the project's choice",                                                    \
      "private key of the OCA's root: a file, or a pkcs11: URI; empty: keys/oca-root.key")                                                 \
    X("ca.dca-root.key", KEY_KEY, key_dca_root, 0, 0, "RFC 7512; the project's choice",                                                    \
      "private key of the DCA's root: a file, or a pkcs11: URI; empty: keys/dca-root.key")                                                 \
    X("pkcs11.module", KEY_TEXT, pkcs11_module, 0, 0, "PKCS#11 2.40",                                                                      \
      "path of the PKCS#11 module of the HSM, for URIs without module-path")                                                               \
    X("pkcs11.pin_source", KEY_TEXT, pkcs11_pin_source, 0, 0, "RFC 7512 2.4",                                                              \
      "who has the PIN: a private file, or credential:NAME of the service manager; empty: it is asked for")                                \
    X("pkcs11.sessions", KEY_INTEGER, pkcs11_sessions, 1, 256, "the project's choice",                                                     \
      "sessions of a key in an HSM: signatures under way at once; 'smki ca bench' tells how many serve")                                   \
    X("pkcs11.timeout", KEY_DURATION, pkcs11_timeout, 100 * US_MS, 10 * SMKI_MINUTE, "the project's choice",                               \
      "how long an HSM may take for a signature; then the CA's key is not available")                                                      \
    X("pkcs11.patience", KEY_DURATION, pkcs11_patience, 0, 7 * SMKI_DAY, "the project's choice",                                           \
      "how long a run waits for an HSM that is away; with --watch as long as it takes")                                                    \
    X("ca.crl_validity", KEY_DURATION, crl_validity, SMKI_HOUR, 400 * SMKI_DAY, "RFC 5280 5.1.2.5; the operator's policy",                 \
      "from a CRL's issue to its nextUpdate: one a month, and some days")                                                                  \
    X("policy.device", KEY_OID, policy_device, 0, 0, "CP (Appendix A); interfaces.md 7: the test environment's",                           \
      "certificate policy of Device Certificates")                                                                                         \
    X("policy.organisation", KEY_OID, policy_organisation, 0, 0, "CP (Appendix B); interfaces.md 7: the test environment's",               \
      "certificate policy of Organisation Certificates")                                                                                   \
    X("policy.iki", KEY_OID, policy_iki, 0, 0, "CP (Appendix Q); no public value: one of the test environment's arc",                      \
      "certificate policy of IKI Certificates")                                                                                            \
    X("audit.checkpoint", KEY_NUMBER, audit_checkpoint, 1, 1000000, "the project's choice", "records between two kept checkpoints")        \
    X("device.certificate_limit", KEY_INTEGER, device_certificate_limit, 1, 1000000, "IDS 2.3; interfaces.md 4, 5",                        \
      "certificates for one Device ID")                                                                                                    \
    X("device.csr_trailer", KEY_BOOLEAN, csr_trailer, 0, 0, "the real meter's CSR (data/zaz1)",                                            \
      "four octets after a Device CSR are tolerated")                                                                                      \
    X("eligibility.esme", KEY_ELIGIBLE, eligibility.who[SMKI_TYPE_ESME], 0, 0, "SEC L3.16; eligibility.md", "electricity meters")          \
    X("eligibility.gsme", KEY_ELIGIBLE, eligibility.who[SMKI_TYPE_GSME], 0, 0, "SEC L3.16; eligibility.md", "gas meters")                  \
    X("eligibility.chf", KEY_ELIGIBLE, eligibility.who[SMKI_TYPE_CHF], 0, 0, "SEC L3.16; eligibility.md", "communications hub functions")  \
    X("eligibility.gpf", KEY_ELIGIBLE, eligibility.who[SMKI_TYPE_GPF], 0, 0, "SEC L3.16; eligibility.md", "gas proxy functions")           \
    X("eligibility.hcalcs", KEY_ELIGIBLE, eligibility.who[SMKI_TYPE_HCALCS], 0, 0, "SEC L3.16; eligibility.md",                            \
      "auxiliary load control switches")                                                                                                   \
    X("eligibility.ppmid", KEY_ELIGIBLE, eligibility.who[SMKI_TYPE_PPMID], 0, 0, "SEC L3.16; eligibility.md",                              \
      "prepayment interface devices")                                                                                                      \
    X("eligibility.type2", KEY_ELIGIBLE, eligibility.who[SMKI_TYPE_TYPE2], 0, 0, "SEC L3.16; eligibility.md", "type 2 devices")            \
    X("eligibility.unknown", KEY_ELIGIBLE, eligibility.who[SMKI_TYPE_UNKNOWN], 0, 0, "SEC L3.16; eligibility.md",                          \
      "devices whose type is not known")                                                                                                   \
    X("service_desk", KEY_TEXT, service_desk, 0, 0, "interfaces.md 1", "how Parties reach the Service Desk, for texts")                    \
    X("http.status_compat", KEY_BOOLEAN, http_status_compat, 0, 0, "interfaces.md 12.3",                                                   \
      "rate refusals of the web services are HTTP 200 instead of 429")                                                                     \
    X("web.adhoc.listen", KEY_ADDRESS, web_adhoc.listen, 0, 0, "interfaces.md 2, 5",                                                       \
      "address and port of the ad hoc web service; empty: none")                                                                           \
    X("web.adhoc.host", KEY_HOST, web_adhoc.host, 0, 0, "interfaces.md 2", "its host name (TLS server name and Host); empty: any")         \
    X("web.adhoc.network", KEY_NETWORK, web_adhoc.network, 0, 0, "interfaces.md 2", "the network it serves: gateway or internet")          \
    X("web.adhoc.path", KEY_PATH, web_adhoc_path, 0, 0, "IDS App. B; interfaces.md 5", "the path that takes requests")                     \
    X("web.batch.listen", KEY_ADDRESS, web_batch.listen, 0, 0, "interfaces.md 2, 6",                                                       \
      "address and port of the batch web service; empty: none")                                                                            \
    X("web.batch.host", KEY_HOST, web_batch.host, 0, 0, "interfaces.md 2", "its host name (TLS server name and Host); empty: any")         \
    X("web.batch.network", KEY_NETWORK, web_batch.network, 0, 0, "interfaces.md 2", "the network it serves: gateway or internet")          \
    X("web.batch.submit_path", KEY_PATH, web_batch_submit_path, 0, 0, "IDS App. E; interfaces.md 6", "the path that takes batches")        \
    X("web.batch.result_path", KEY_PATH, web_batch_result_path, 0, 0, "IDS App. E; interfaces.md 6", "the path that gives results")        \
    X("admin.listen", KEY_ADDRESS, admin_listen, 1, 0, "the project's choice",                                                             \
      "loopback address and port of /healthz, /readyz and /metrics; empty: none")                                                          \
    X("portal.landing.listen", KEY_ADDRESS, portal_landing.listen, 0, 0, "interfaces.md 2, 4",                                             \
      "address and port of the portal's landing page; empty: none")                                                                        \
    X("portal.landing.host", KEY_HOST, portal_landing.host, 0, 0, "interfaces.md 2",                                                       \
      "its host name (TLS server name and Host); empty: any")                                                                              \
    X("portal.landing.network", KEY_NETWORK, portal_landing.network, 0, 0, "interfaces.md 2",                                              \
      "the network it serves: gateway or internet")                                                                                        \
    X("portal.organisation.listen", KEY_ADDRESS, portal_organisation.listen, 0, 0, "interfaces.md 2, 4",                                   \
      "address and port of the portal's Organisation part by the Gateway; empty: none")                                                    \
    X("portal.organisation.host", KEY_HOST, portal_organisation.host, 0, 0, "interfaces.md 2",                                             \
      "its host name (TLS server name and Host); empty: any")                                                                              \
    X("portal.device.listen", KEY_ADDRESS, portal_device.listen, 0, 0, "interfaces.md 2, 4",                                               \
      "address and port of the portal's Device part by the Gateway; empty: none")                                                          \
    X("portal.device.host", KEY_HOST, portal_device.host, 0, 0, "interfaces.md 2", "its host name (TLS server name and Host); empty: any") \
    X("portal.organisation_internet.listen", KEY_ADDRESS, portal_organisation_internet.listen, 0, 0, "interfaces.md 2, 4",                 \
      "address and port of the portal's Organisation part by the Internet; empty: none")                                                   \
    X("portal.organisation_internet.host", KEY_HOST, portal_organisation_internet.host, 0, 0, "interfaces.md 2",                           \
      "its host name (TLS server name and Host); empty: any")                                                                              \
    X("portal.device_internet.listen", KEY_ADDRESS, portal_device_internet.listen, 0, 0, "interfaces.md 2, 4",                             \
      "address and port of the portal's Device part by the Internet; empty: none")                                                         \
    X("portal.device_internet.host", KEY_HOST, portal_device_internet.host, 0, 0, "interfaces.md 2",                                       \
      "its host name (TLS server name and Host); empty: any")                                                                              \
    X("portal.download.listen", KEY_ADDRESS, portal_download.listen, 0, 0, "interfaces.md 2, 4",                                           \
      "address and port of the Authentication Client's download area; empty: none")                                                        \
    X("portal.download.host", KEY_HOST, portal_download.host, 0, 0, "interfaces.md 2",                                                     \
      "its host name (TLS server name and Host); empty: any")                                                                              \
    X("portal.download.network", KEY_NETWORK, portal_download.network, 0, 0, "interfaces.md 2",                                            \
      "the network it serves: gateway or internet")                                                                                        \
    X("portal.www", KEY_TEXT, portal_www, 0, 0, "the project's choice", "folder of the pages; empty: the installed one")                   \
    X("portal.url_landing", KEY_URL, portal_url_landing, 0, 0, "interfaces.md 2, 4",                                                       \
      "public address of the landing page, for the pages; empty: made from host and port")                                                 \
    X("portal.url_organisation", KEY_URL, portal_url_organisation, 0, 0, "interfaces.md 2, 4",                                             \
      "public address of the Organisation part by the Gateway, for the pages; empty: made from host and port")                             \
    X("portal.url_device", KEY_URL, portal_url_device, 0, 0, "interfaces.md 2, 4",                                                         \
      "public address of the Device part by the Gateway, for the pages; empty: made from host and port")                                   \
    X("portal.url_organisation_internet", KEY_URL, portal_url_organisation_internet, 0, 0, "interfaces.md 2, 4",                           \
      "public address of the Organisation part by the Internet, for the pages; empty: made from host and port")                            \
    X("portal.url_device_internet", KEY_URL, portal_url_device_internet, 0, 0, "interfaces.md 2, 4",                                       \
      "public address of the Device part by the Internet, for the pages; empty: made from host and port")                                  \
    X("portal.url_download", KEY_URL, portal_url_download, 0, 0, "interfaces.md 2, 4",                                                     \
      "public address of the download area, for the pages; empty: made from host and port")                                                \
    X("portal.url_adhoc", KEY_URL, portal_url_adhoc, 0, 0, "interfaces.md 2, 4",                                                           \
      "public address of the ad hoc web service, for the pages; empty: made from host and port")                                           \
    X("portal.url_batch", KEY_URL, portal_url_batch, 0, 0, "interfaces.md 2, 4",                                                           \
      "public address of the batch web service, for the pages; empty: made from host and port")                                            \
    X("portal.operator", KEY_TEXT, portal_operator, 0, 0, "interfaces.md 1", "whose service it is, for the pages")                         \
    X("portal.desk", KEY_TEXT, portal_desk, 0, 0, "interfaces.md 1", "how to reach the Service Desk, for the pages; empty: service_desk")  \
    X("portal.admin_listen", KEY_ADDRESS, portal_admin_listen, 1, 0, "the project's choice", "as admin.listen, of the portal")             \
    X("desk.webhook", KEY_URL, desk_webhook, 1, 0, "interfaces.md 1",                                                                      \
      "address that the portal's Service Desk reports are POSTed to as JSON; empty: none")                                                 \
    X("tls.certificate", KEY_TEXT, http.certificate, 0, 0, "IDS App. G; interfaces.md 3",                                                  \
      "the servers' certificate and chain, PEM; below the home unless it begins with /")                                                   \
    X("tls.key", KEY_TEXT, http.key, 0, 0, "IDS App. G; interfaces.md 3", "its private key, PEM, mode 0600; the same")                     \
    X("tls.versions", KEY_VERSIONS, http.versions, 0, 0, "IDS App. G; interfaces.md 3",                                                    \
      "1.2, or 1.2 and 1.3 where the TLS library has it")                                                                                  \
    X("http.workers", KEY_INTEGER, http.workers, 0, 256, "the project's choice",                                                           \
      "threads that own connections; 0: one for each processor")                                                                           \
    X("http.pool", KEY_INTEGER, http.pool, 0, 1024, "the project's choice",                                                                \
      "threads that work on requests; 0: eight for each processor, at least 32")                                                           \
    X("http.connections", KEY_INTEGER, http.connections, 1, 100000, "the project's choice", "connections at once, of all")                 \
    X("http.connections_per_peer", KEY_INTEGER, http.connections_per_peer, 1, 100000, "the project's choice",                              \
      "connections at once of one address")                                                                                                \
    X("http.connections_per_certificate", KEY_INTEGER, http.connections_per_certificate, 1, 100000, "the project's choice",                \
      "connections at once of one client certificate")                                                                                     \
    X("http.handshake_time", KEY_DURATION, http.handshake_time, SMKI_SECOND, SMKI_HOUR, "the project's choice", "for the TLS handshake")   \
    X("http.idle_time", KEY_DURATION, http.idle_time, SMKI_SECOND, SMKI_HOUR, "the project's choice", "between two requests")              \
    X("http.head_time", KEY_DURATION, http.head_time, SMKI_SECOND, SMKI_HOUR, "the project's choice",                                      \
      "for the head of a request, from its first octet")                                                                                   \
    X("http.stall_time", KEY_DURATION, http.stall_time, SMKI_SECOND, SMKI_HOUR, "the project's choice",                                    \
      "without progress of a body or reply, and before min_rate counts")                                                                   \
    X("http.min_rate", KEY_SIZE, http.min_rate, 0, 1024 * KIB, "the project's choice", "a second, on average, of a body or reply")         \
    X("http.request_time", KEY_DURATION, http.request_time, SMKI_SECOND, SMKI_DAY, "the project's choice",                                 \
      "for a whole request with its reply, the service's own work apart")                                                                  \
    X("http.stop_time", KEY_DURATION, http.stop_time, SMKI_SECOND, SMKI_DAY, "the project's choice",                                       \
      "for what is in flight when the server is stopped")                                                                                  \
    X("http.head_max", KEY_SIZE, http.head_max, KIB, 14 * KIB, "less than half of what the HTTP library has for a connection",             \
      "octets of a request's head")

const struct key config_keys[] = {
#define SMKI_X(path, kind, field, min, max, source, text) {kind, offsetof(struct smki_config, field), min, max},
    CONFIG_KEYS(SMKI_X)
#undef SMKI_X
};

#define TYPE_KEY_INTEGER  "integer"
#define TYPE_KEY_NUMBER   "integer"
#define TYPE_KEY_SIZE     "size"
#define TYPE_KEY_DURATION "duration"
#define TYPE_KEY_DAYTIME  "time of day"
#define TYPE_KEY_BOOLEAN  "boolean"
#define TYPE_KEY_MODE     "mode"
#define TYPE_KEY_PACE     "mode or smooth"
#define TYPE_KEY_ELIGIBLE "eligible"
#define TYPE_KEY_TEXT     "text"
#define TYPE_KEY_KEY      "file or pkcs11: URI"
#define TYPE_KEY_OID      "OID"
#define TYPE_KEY_ADDRESS  "address"
#define TYPE_KEY_HOST     "host name"
#define TYPE_KEY_PATH     "path"
#define TYPE_KEY_NETWORK  "network"
#define TYPE_KEY_URL      "URL"
#define TYPE_KEY_VERSIONS "TLS versions"
#define TYPE_KEY_PROVIDER "P-256 provider"

static const struct smki_config_key faces[] = {
#define SMKI_X(path, kind, field, min, max, source, text) {path, TYPE_##kind, source, text},
    CONFIG_KEYS(SMKI_X)
#undef SMKI_X
};

const struct smki_config_key *config_face(size_t index)
{
    return &faces[index];
}

const struct smki_config_key *smki_config_keys(size_t *count)
{
    *count = ARRAY_COUNT(faces);
    return faces;
}

/* The spec's numbers are defaults of the rooms that follow them; here are the rest. */
void smki_config_defaults(struct smki_config *out)
{
    *out = (struct smki_config){
        .version = 1,
        .limits = smki_demand_defaults,
        .eligibility = smki_eligibility_default,
        .policy_device = "1.2.826.0.1.1800000.1.2.1.4",
        .policy_organisation = "1.2.826.0.1.8641679.1.2.1.4",
        .policy_iki = "1.2.826.0.1.8641679.1.2.1.5",
        .device_certificate_limit = SMKI_DEVICE_CERTIFICATE_LIMIT,
        .batch_max_csrs = 50000,
        .batch_max_upload = (uint64_t)(100 * MIB),
        .batch_chunk = 1000,
        .runner_lease = 10 * SMKI_MINUTE,
        .proof_every = 64,
        .approve_automatically = true,
        .csr_trailer = true,
        .audit_checkpoint = 1000,
        .crl_validity = 35 * SMKI_DAY,
        .pkcs11_sessions = 4,
        .pkcs11_timeout = 5 * SMKI_SECOND,
        .pkcs11_patience = 10 * SMKI_MINUTE,
        .web_adhoc = {.listen = "127.0.0.1:8443", .network = SMKI_NETWORK_GATEWAY},
        .web_adhoc_path = "/1.0/PortalCSR/DeviceCertificateSigningRequest",
        .web_batch = {.listen = "127.0.0.1:8444", .network = SMKI_NETWORK_GATEWAY},
        .web_batch_submit_path = "/1.0/PortalCSRBatch/SubmitCSRBatch",
        .web_batch_result_path = "/1.0/PortalCSRBatch/CSRBatchResult",
        .admin_listen = "127.0.0.1:9180",
        .portal_landing = {.listen = "127.0.0.1:8440", .network = SMKI_NETWORK_INTERNET},
        .portal_organisation = {.listen = "127.0.0.1:8441", .network = SMKI_NETWORK_GATEWAY},
        .portal_device = {.listen = "127.0.0.1:8442", .network = SMKI_NETWORK_GATEWAY},
        .portal_organisation_internet = {.listen = "127.0.0.1:8445", .network = SMKI_NETWORK_INTERNET},
        .portal_device_internet = {.listen = "127.0.0.1:8446", .network = SMKI_NETWORK_INTERNET},
        .portal_download = {.listen = "127.0.0.1:8447", .network = SMKI_NETWORK_INTERNET},
        .portal_admin_listen = "127.0.0.1:9181",
        .http =
            {
                .certificate = "tls/server.pem",
                .key = "tls/server.key",
                .connections = 2000,
                .connections_per_peer = 256,
                .connections_per_certificate = 64,
                .handshake_time = 10 * SMKI_SECOND,
                .idle_time = SMKI_MINUTE,
                .head_time = 15 * SMKI_SECOND,
                .stall_time = 30 * SMKI_SECOND,
                .min_rate = 1024,
                .request_time = SMKI_HOUR,
                .stop_time = SMKI_MINUTE,
                .head_max = 12 * 1024,
            },
    };
}
