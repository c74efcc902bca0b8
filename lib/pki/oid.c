#include "pki/der_i.h"
#include "pki/oid_i.h"

#include <string.h>

/* X(name, the word for people, contents octets...) */
#define OID_LIST(X)                                                                                                                        \
    X(common_name, "commonName", 0x55, 0x04, 0x03)                                                                                         \
    X(organisation, "organizationName", 0x55, 0x04, 0x0A)                                                                                  \
    X(unit, "organizationalUnitName", 0x55, 0x04, 0x0B)                                                                                    \
    X(unique_identifier, "uniqueIdentifier", 0x55, 0x04, 0x2D)                                                                             \
    X(subject_key_id, "subjectKeyIdentifier", 0x55, 0x1D, 0x0E)                                                                            \
    X(key_usage, "keyUsage", 0x55, 0x1D, 0x0F)                                                                                             \
    X(subject_alt_name, "subjectAltName", 0x55, 0x1D, 0x11)                                                                                \
    X(basic_constraints, "basicConstraints", 0x55, 0x1D, 0x13)                                                                             \
    X(crl_number, "cRLNumber", 0x55, 0x1D, 0x14)                                                                                           \
    X(crl_reason, "reasonCode", 0x55, 0x1D, 0x15)                                                                                          \
    X(certificate_policies, "certificatePolicies", 0x55, 0x1D, 0x20)                                                                       \
    X(authority_key_id, "authorityKeyIdentifier", 0x55, 0x1D, 0x23)                                                                        \
    X(extended_key_usage, "extKeyUsage", 0x55, 0x1D, 0x25)                                                                                 \
    X(server_auth, "serverAuth", 0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01)                                                           \
    X(client_auth, "clientAuth", 0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02)                                                           \
    X(hardware_module_name, "hardwareModuleName", 0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x08, 0x04)                                          \
    X(extension_request, "extensionRequest", 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x0E)                                         \
    X(ec_public_key, "ecPublicKey", 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01)                                                              \
    X(p256, "P-256", 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07)                                                                       \
    X(ecdsa_sha256, "ecdsa-with-SHA256", 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02)                                                   \
    X(rsa, "rsaEncryption", 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01)                                                          \
    X(rsa_sha256, "sha256WithRSAEncryption", 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0B)

#define X(name, word, ...)                                                                                                                 \
    static const uint8_t octets_##name[] = {__VA_ARGS__};                                                                                  \
    const struct smki_bytes oid_##name = {octets_##name, sizeof octets_##name};
OID_LIST(X)
#undef X

static const struct {
    const struct smki_bytes *contents;
    const char *word;
} words[] = {
#define X(name, word, ...) {&oid_##name, word},
    OID_LIST(X)
#undef X
};

/* One arc in base 128, the high bit set on all octets but the last (X.690 8.19.2). */
static void write_arc(struct writer *writer, uint64_t arc)
{
    int shift = 63;

    while (shift > 0 && arc >> shift == 0)
        shift -= 7;
    for (; shift > 0; shift -= 7)
        write_u8(writer, (uint8_t)(0x80 | ((arc >> shift) & 0x7F)));
    write_u8(writer, (uint8_t)(arc & 0x7F));
}

/* A decimal number without leading zero, moving *text past it. */
static bool read_arc(const char **text, uint64_t *arc)
{
    const char *at = *text;

    if (*at < '0' || *at > '9' || (at[0] == '0' && at[1] >= '0' && at[1] <= '9'))
        return false;
    for (*arc = 0; *at >= '0' && *at <= '9'; at++) {
        if (*arc > UINT64_MAX / 20)
            return false;
        *arc = *arc * 10 + (uint64_t)(*at - '0');
    }
    *text = at;
    return true;
}

/* The first two arcs share an octet: 40 * first + second, first 0..2, second 0..39 under 0 and 1 (X.690 8.19.4). */
static bool read_arcs(struct writer *writer, const char *text)
{
    uint64_t first, second, arc;

    if (!read_arc(&text, &first) || *text++ != '.' || !read_arc(&text, &second) || first > 2 || (first < 2 && second > 39))
        return false;
    write_arc(writer, 40 * first + second);
    while (*text == '.') {
        text++;
        if (!read_arc(&text, &arc))
            return false;
        write_arc(writer, arc);
    }
    return *text == '\0' && !writer->failed;
}

int oid_parse(uint8_t out[OID_MAX_SIZE], size_t *size, const char *dotted, struct smki_error *err)
{
    struct writer writer = writer_of(out, OID_MAX_SIZE);

    if (!read_arcs(&writer, dotted))
        return smki_fail(err, SMKI_ENCODING_INVALID, "\"%.80s\" is not an OID in dotted form, such as 1.2.826.0.1.8641679.1.2.1.4", dotted);
    *size = writer_size(&writer);
    return 0;
}

static size_t text_arc(char *out, size_t used, uint64_t arc, const char *separator)
{
    int wrote;

    if (used >= OID_TEXT_SIZE)
        return used;
    wrote = snprintf(out + used, OID_TEXT_SIZE - used, "%s%llu", separator, (unsigned long long)arc);
    return used + (size_t)wrote;
}

const char *oid_dotted(struct smki_bytes contents, char out[OID_TEXT_SIZE])
{
    uint64_t arc = 0;
    size_t used = 0;

    out[0] = '\0';
    for (size_t i = 0; i < contents.size; i++) {
        arc = arc << 7 | (contents.at[i] & 0x7F);
        if ((contents.at[i] & 0x80) != 0)
            continue;
        if (used == 0) {
            uint64_t first = arc < 80 ? arc / 40 : 2;

            used = text_arc(out, used, first, "");
            arc -= 40 * first;
        }
        used = text_arc(out, used, arc, ".");
        arc = 0;
    }
    if (used >= OID_TEXT_SIZE)
        memcpy(out + OID_TEXT_SIZE - 4, "...", 4);
    return out;
}

const char *oid_text(struct smki_bytes contents, char out[OID_TEXT_SIZE])
{
    oid_dotted(contents, out);
    for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
        if (bytes_equal(contents, *words[i].contents)) {
            size_t used = strlen(out);

            snprintf(out + used, OID_TEXT_SIZE - used, " (%s)", words[i].word);
        }
    }
    return out;
}
