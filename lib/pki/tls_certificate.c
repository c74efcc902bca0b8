#include "base/mbedtls_compat_i.h"

#include "pki/tls_certificate_i.h"

#include "pki/der_write_i.h"
#include "pki/key_i.h"
#include "pki/oid_i.h"

#include <mbedtls/asn1.h>
#include <mbedtls/x509_crt.h>

#include <arpa/inet.h>
#include <string.h>

#define SERIAL_SIZE     16
#define HOST_MAX_SIZE   253 /* of a DNS name (RFC 1035 2.3.4, in text) */
#define LABEL_MAX_SIZE  63
#define USAGE_SIGNATURE 0x80 /* digitalSignature: all that ECDHE asks of a server's key (RFC 5246 7.4.2) */
#define USAGE_CA        0x06 /* keyCertSign, cRLSign */
#define VALUE_MAX_SIZE  4096 /* of an extension */

/* ---- names of hosts ---- */

size_t tls_address_read(uint8_t out[16], const char *text)
{
    if (inet_pton(AF_INET, text, out) == 1)
        return 4;
    return inet_pton(AF_INET6, text, out) == 1 ? 16 : 0;
}

static bool is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool label_check(const char *label, size_t size)
{
    if (size == 0 || size > LABEL_MAX_SIZE || label[0] == '-' || label[size - 1] == '-')
        return false;
    for (size_t i = 0; i < size; i++)
        if (!is_letter_or_digit(label[i]) && label[i] != '-')
            return false;
    return true;
}

bool tls_host_check(const char *text)
{
    uint8_t address[16];

    if (tls_address_read(address, text) != 0)
        return true;
    if (strlen(text) > HOST_MAX_SIZE || text[strspn(text, "0123456789.")] == '\0') /* 300.1.1.1 is no name either */
        return false;
    for (;; text++) {
        size_t size = strcspn(text, ".");

        if (!label_check(text, size))
            return false;
        text += size;
        if (*text == '\0')
            return true;
    }
}

/* ---- making ---- */

static int trouble(int rc, struct smki_error *err)
{
    if (rc == MBEDTLS_ERR_X509_ALLOC_FAILED || rc == MBEDTLS_ERR_ASN1_ALLOC_FAILED)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    if (rc == MBEDTLS_ERR_ASN1_BUF_TOO_SMALL || rc == MBEDTLS_ERR_X509_BUFFER_TOO_SMALL)
        return smki_fail(err, SMKI_TOO_LARGE, "the names of hosts are more than a certificate has room for");
    return smki_fail(err, SMKI_INTERNAL, "mbedTLS does not write the TLS certificate (-0x%04X)", (unsigned)-rc);
}

static int extension_set(mbedtls_x509write_cert *context, struct smki_bytes oid, bool critical, const struct der_writer *writer)
{
    struct smki_bytes value = der_written(writer);

    if (writer->failed)
        return MBEDTLS_ERR_ASN1_BUF_TOO_SMALL;
    return mbedtls_x509write_crt_set_extension(context, (const char *)oid.at, oid.size, critical, value.at, value.size);
}

static int constraints_set(mbedtls_x509write_cert *context, bool is_root)
{
    static const uint8_t yes = 0xff, zero = 0;
    uint8_t room[16];
    struct der_writer writer = der_writer_of(room, sizeof room);
    const uint8_t *end = writer.at;

    if (is_root) {
        der_put_element(&writer, DER_INTEGER, BYTES(&zero, 1)); /* pathLenConstraint: it signs servers' certificates only */
        der_put_element(&writer, DER_BOOLEAN, BYTES(&yes, 1));
    }
    der_wrap(&writer, end, DER_SEQUENCE);
    return extension_set(context, oid_basic_constraints, true, &writer);
}

static int usage_set(mbedtls_x509write_cert *context, bool is_root)
{
    uint8_t room[16];
    struct der_writer writer = der_writer_of(room, sizeof room), purpose = der_writer_of(room, sizeof room);
    const uint8_t *end = purpose.at;
    int rc;

    der_put_named_bits(&writer, is_root ? USAGE_CA : USAGE_SIGNATURE);
    if ((rc = extension_set(context, oid_key_usage, true, &writer)) != 0 || is_root)
        return rc;
    der_put_element(&purpose, DER_OID, oid_server_auth);
    der_wrap(&purpose, end, DER_SEQUENCE);
    return extension_set(context, oid_extended_key_usage, false, &purpose);
}

/* GeneralNames: dNSName [2], iPAddress [7] (RFC 5280 4.2.1.6). */
static int hosts_set(mbedtls_x509write_cert *context, const char *const *hosts, size_t count)
{
    uint8_t room[VALUE_MAX_SIZE], address[16];
    struct der_writer writer = der_writer_of(room, sizeof room);
    const uint8_t *end = writer.at;

    for (size_t i = count; i-- > 0;) {
        size_t size = tls_address_read(address, hosts[i]);

        if (size != 0)
            der_put_element(&writer, DER_CONTEXT | 7, BYTES(address, size));
        else
            der_put_element(&writer, DER_CONTEXT | 2, BYTES(hosts[i], strlen(hosts[i])));
    }
    der_wrap(&writer, end, DER_SEQUENCE);
    return count == 0 ? 0 : extension_set(context, oid_subject_alt_name, false, &writer);
}

static void time_text(char out[15], struct smki_time time)
{
    const struct smki_civil utc = smki_time_to_utc(time);

    snprintf(out, 15, "%04u%02u%02u%02u%02u%02u", (unsigned)utc.year % 10000, utc.month % 100u, utc.day % 100u, utc.hour % 100u,
             utc.minute % 100u, utc.second % 100u);
}

static int fields_set(mbedtls_x509write_cert *context, const struct tls_wish *wish, const uint8_t serial[SERIAL_SIZE])
{
    char subject[TLS_CN_SIZE + 4], issuer[TLS_CN_SIZE + 4], not_before[15], not_after[15];
    int rc;

    snprintf(subject, sizeof(subject), "CN=%s", wish->common_name);
    snprintf(issuer, sizeof(issuer), "CN=%s", wish->issuer_name);
    time_text(not_before, wish->not_before);
    time_text(not_after, wish->not_after);
    mbedtls_x509write_crt_set_version(context, MBEDTLS_X509_CRT_VERSION_3);
    mbedtls_x509write_crt_set_md_alg(context, MBEDTLS_MD_SHA256);
    if ((rc = mbedtls_x509write_crt_set_serial_octets(context, serial, SERIAL_SIZE)) != 0 ||
        (rc = mbedtls_x509write_crt_set_subject_name(context, subject)) != 0 ||
        (rc = mbedtls_x509write_crt_set_issuer_name(context, issuer)) != 0 ||
        (rc = mbedtls_x509write_crt_set_validity(context, not_before, not_after)) != 0)
        return rc;
    if ((rc = constraints_set(context, wish->host_count == 0)) != 0 || (rc = usage_set(context, wish->host_count == 0)) != 0 ||
        (rc = hosts_set(context, wish->hosts, wish->host_count)) != 0)
        return rc;
    if ((rc = mbedtls_x509write_crt_set_subject_key_identifier(context)) != 0)
        return rc;
    return mbedtls_x509write_crt_set_authority_key_identifier(context);
}

static int random_fill(void *context, unsigned char *out, size_t size)
{
    const struct smki_random *random = context;

    return random->fill(random->context, out, size) == 0 ? 0 : MBEDTLS_ERR_X509_FATAL_ERROR;
}

/* mbedTLS writes it at the end of the room. */
static int certificate_write(uint8_t out[SMKI_CERTIFICATE_MAX_SIZE], size_t *size, mbedtls_x509write_cert *context,
                             const struct smki_random *random)
{
    int written = mbedtls_x509write_crt_der(context, out, SMKI_CERTIFICATE_MAX_SIZE, random_fill, (void *)(uintptr_t)random);

    if (written <= 0)
        return written == 0 ? MBEDTLS_ERR_X509_FATAL_ERROR : written;
    *size = (size_t)written;
    memmove(out, out + SMKI_CERTIFICATE_MAX_SIZE - *size, *size);
    return 0;
}

int tls_certificate_make(uint8_t out[SMKI_CERTIFICATE_MAX_SIZE], size_t *size, const struct tls_wish *wish,
                         const struct smki_random *random, struct smki_error *err)
{
    struct mbedtls_pk_context *key = key_file_rsa(wish->key), *signer = key_file_rsa(wish->signer);
    mbedtls_x509write_cert context;
    uint8_t serial[SERIAL_SIZE];
    int rc;

    if (key == NULL || signer == NULL)
        return smki_fail(err, SMKI_KEY_TYPE, "a TLS certificate here is of an RSA key that has just been made");
    if ((rc = random->fill(random->context, serial, sizeof serial)) != 0)
        return smki_fail(err, rc, NULL);
    serial[0] = (uint8_t)((serial[0] & 0x7f) | 0x40); /* positive, and 16 octets always */
    mbedtls_x509write_crt_init(&context);
    mbedtls_x509write_crt_set_subject_key(&context, key);
    mbedtls_x509write_crt_set_issuer_key(&context, signer);
    if ((rc = fields_set(&context, wish, serial)) == 0)
        rc = certificate_write(out, size, &context, random);
    mbedtls_x509write_crt_free(&context);
    return rc == 0 ? 0 : trouble(rc, err);
}

/* ---- reading ---- */

static struct smki_time time_of(const mbedtls_x509_time *time)
{
    const struct smki_civil utc = {.year = time->year,
                                   .month = (uint8_t)time->mon,
                                   .day = (uint8_t)time->day,
                                   .hour = (uint8_t)time->hour,
                                   .minute = (uint8_t)time->min,
                                   .second = (uint8_t)time->sec};

    return smki_time_from_utc(&utc);
}

static void common_name_take(char out[TLS_CN_SIZE], const mbedtls_x509_name *name)
{
    for (; name != NULL; name = name->next)
        if (name->oid.len == oid_common_name.size && memcmp(name->oid.p, oid_common_name.at, name->oid.len) == 0) {
            snprintf(out, TLS_CN_SIZE, "%.*s", (int)name->val.len, (const char *)name->val.p);
            text_tidy(out);
            return;
        }
}

static void host_append(char out[TLS_HOSTS_SIZE], const char *host, size_t size)
{
    size_t length = strlen(out);

    if (length + size + 2 + sizeof("...") < TLS_HOSTS_SIZE)
        snprintf(out + length, TLS_HOSTS_SIZE - length, "%s%.*s", length > 0 ? ", " : "", (int)size, host);
    else if (length < 3 || strcmp(out + length - 3, "...") != 0)
        snprintf(out + length, TLS_HOSTS_SIZE - length, "...");
}

static void hosts_take(char out[TLS_HOSTS_SIZE], const mbedtls_x509_sequence *names)
{
    char address[INET6_ADDRSTRLEN];

    for (; names != NULL && names->buf.p != NULL; names = names->next) {
        const mbedtls_x509_buf *name = &names->buf;
        int kind = name->tag & MBEDTLS_ASN1_TAG_VALUE_MASK;

        if (kind == 2)
            host_append(out, (const char *)name->p, name->len);
        else if (kind == 7 && (name->len == 4 || name->len == 16) &&
                 inet_ntop(name->len == 4 ? AF_INET : AF_INET6, name->p, address, sizeof address) != NULL)
            host_append(out, address, strlen(address));
    }
    text_tidy(out);
}

static int parsed_take(struct tls_certificate *out, mbedtls_x509_crt *parsed, struct smki_error *err)
{
    uint8_t room[sizeof out->spki];
    int size = mbedtls_pk_write_pubkey_der(&parsed->pk, room, sizeof room);

    if (size <= 0)
        return smki_fail(err, SMKI_CERTIFICATE_MALFORMED, "the certificate's public key is larger than those of TLS servers are");
    memcpy(out->spki, room + sizeof room - (size_t)size, (size_t)size);
    out->spki_size = (size_t)size;
    common_name_take(out->common_name, &parsed->subject);
    hosts_take(out->hosts, &parsed->subject_alt_names);
    out->not_before = time_of(&parsed->valid_from);
    out->not_after = time_of(&parsed->valid_to);
    sha256(out->sha256, parsed->raw.p, parsed->raw.len);
    return 0;
}

/* mbedTLS wants the text with a NUL after it, and counts that. */
int tls_certificate_read(struct tls_certificate *out, struct smki_bytes pem, struct smki_error *err)
{
    struct smki_buffer text = {0};
    mbedtls_x509_crt parsed;
    int rc;

    *out = (struct tls_certificate){0};
    mbedtls_x509_crt_init(&parsed);
    if ((rc = smki_buffer_append(&text, pem.at, pem.size, err)) != 0 || (rc = smki_buffer_append(&text, "", 1, err)) != 0)
        goto out;
    if (mbedtls_x509_crt_parse(&parsed, text.at, text.size) != 0)
        rc = smki_fail(err, SMKI_CERTIFICATE_MALFORMED, "not a certificate, or a chain of them, in PEM");
    else
        rc = parsed_take(out, &parsed, err);
out:
    mbedtls_x509_crt_free(&parsed);
    smki_buffer_finish(&text);
    return rc;
}
