/* The parts of the configuration's reader: the table of keys, and their values. */
#ifndef SMKI_CONFIG_I_H
#define SMKI_CONFIG_I_H

#include "base/base_i.h"

#include <smki/config.h>

#include <cjson/cJSON.h>

enum key_kind {
    KEY_INTEGER,  /* uint32_t */
    KEY_NUMBER,   /* uint64_t */
    KEY_SIZE,     /* uint64_t, octets: "64 MiB" */
    KEY_DURATION, /* int64_t, us: "0.8 s", "24 h", "7 days" */
    KEY_DAYTIME,  /* uint16_t, minutes of the UK day: "20:00" */
    KEY_BOOLEAN,  /* bool */
    KEY_MODE,     /* enum smki_rule_mode: "enforce", "observe", "off" */
    KEY_PACE,     /* the same, and "smooth" */
    KEY_ELIGIBLE, /* enum smki_eligible[3]: before, in service, gone */
    KEY_TEXT,     /* char[SMKI_CONFIG_TEXT_SIZE], may be empty */
    KEY_KEY,      /* char[SMKI_CONFIG_TEXT_SIZE]: a file or a pkcs11: URI, or empty; never with a PIN in it */
    KEY_OID,      /* char[SMKI_CONFIG_TEXT_SIZE], dotted */
    KEY_ADDRESS,  /* char[SMKI_CONFIG_TEXT_SIZE]: "127.0.0.1:8443", "[::1]:8443" or empty; min 1: of this machine only */
    KEY_HOST,     /* char[SMKI_CONFIG_TEXT_SIZE]: a host name or empty */
    KEY_PATH,     /* char[SMKI_CONFIG_TEXT_SIZE]: of a URL */
    KEY_NETWORK,  /* enum smki_network: "gateway", "internet" */
    KEY_URL, /* char[SMKI_CONFIG_TEXT_SIZE]: an address of a web server without a / at its end, or empty; min 1: one to send things to */
    KEY_VERSIONS, /* enum smki_tls_versions: "1.2", "1.2 and 1.3" */
    KEY_PROVIDER, /* enum smki_p256_choice: "auto", "mbedtls", "libcrypto" */
};

/* One key. Its face for the outside stands at the same index of smki_config_keys. */
struct key {
    enum key_kind kind;
    size_t offset;    /* of its field in struct smki_config */
    int64_t min, max; /* of the number; texts: not used */
};

extern const struct key config_keys[];
const struct smki_config_key *config_face(size_t index);

/* Reads the JSON value into the key's field. CONFIG_INVALID "is ...; it must be ..."; the caller adds the path. */
SMKI_MUST_USE int value_read(struct smki_config *config, const struct key *key, const cJSON *value, struct smki_error *err);
/* The field's value as JSON; NULL: no memory. */
cJSON *value_json(const struct smki_config *config, const struct key *key);

/* Checks what no key can say alone. */
SMKI_MUST_USE int config_check(const struct smki_config *config, struct smki_error *err);

#endif
