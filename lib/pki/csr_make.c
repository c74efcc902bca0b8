/* Making requests (RFC 2986), written from the back to the front; what was made is read back by the profile's own reader before it is
 * given out, so that it is never one that we would refuse. */
#include "pki/key_i.h"
#include "pki/oid_i.h"
#include "pki/profile_i.h"
#include "pki/p256_i.h"

#include <string.h>

#define INFO_MAX_SIZE 4096 /* octets: what is not the signature */

static bool is_printable(const char *text)
{
    return text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 '()+,-./:=?")] == '\0';
}

/* PrintableString where its letters do (X.680 41.4), else UTF8String. */
static void put_text(struct der_writer *writer, struct smki_bytes type, const char *text)
{
    const uint8_t *end = writer->at;

    if (text == NULL || text[0] == '\0')
        return;
    der_put_element(writer, is_printable(text) ? DER_PRINTABLE_STRING : DER_UTF8_STRING, BYTES(text, strlen(text)));
    der_put_element(writer, DER_OID, type);
    der_wrap(writer, end, DER_SEQUENCE);
    der_wrap(writer, end, DER_SET);
}

static void put_eui(struct der_writer *writer, const struct smki_device_id *eui)
{
    const uint8_t *end = writer->at;

    der_put_bits(writer, BYTES(eui->octet, SMKI_DEVICE_ID_SIZE));
    der_put_element(writer, DER_OID, oid_unique_identifier);
    der_wrap(writer, end, DER_SEQUENCE);
    der_wrap(writer, end, DER_SET);
}

/* Device: empty. Organisation: CN, OU, uniqueIdentifier. IKI: O, OU, CN (interfaces.md 3, 7). */
static void put_subject(struct der_writer *writer, const struct smki_csr_wish *wish)
{
    const uint8_t *end = writer->at;

    if (wish->profile == SMKI_PROFILE_ORGANISATION) {
        put_eui(writer, &wish->id);
        put_text(writer, oid_unit, wish->unit);
        put_text(writer, oid_common_name, wish->common_name);
    } else if (wish->profile == SMKI_PROFILE_IKI) {
        put_text(writer, oid_common_name, wish->common_name);
        put_text(writer, oid_unit, wish->unit);
        put_text(writer, oid_organisation, wish->organisation);
    }
    der_wrap(writer, end, DER_SEQUENCE);
}

/* One otherName hardwareModuleName { hwType, hwSerialNum } (IDS App. F, RFC 4108 5). */
static void put_hardware_name(struct der_writer *writer, const struct smki_csr_wish *wish, struct smki_bytes hardware_type)
{
    const uint8_t *end = writer->at;

    der_put_element(writer, DER_OCTET_STRING, BYTES(wish->id.octet, SMKI_DEVICE_ID_SIZE));
    der_put_element(writer, DER_OID, hardware_type);
    der_wrap(writer, end, DER_SEQUENCE);
    der_wrap(writer, end, DER_CONTEXT_CONSTRUCTED | 0);
    der_put_element(writer, DER_OID, oid_hardware_module_name);
    der_wrap(writer, end, DER_CONTEXT_CONSTRUCTED | 0);
    der_wrap(writer, end, DER_SEQUENCE);
    wrap_extension(writer, end, oid_subject_alt_name, true);
}

/* attributes [0] { extensionRequest { Extensions } } (RFC 2985 5.4.2). */
static void put_attributes(struct der_writer *writer, const struct smki_csr_wish *wish, struct smki_bytes hardware_type)
{
    const uint8_t *end = writer->at, *usage_end;

    if (wish->profile == SMKI_PROFILE_DEVICE)
        put_hardware_name(writer, wish, hardware_type);
    usage_end = writer->at;
    der_put_named_bits(writer, (uint8_t)wish->key_usage);
    wrap_extension(writer, usage_end, oid_key_usage, true);
    der_wrap(writer, end, DER_SEQUENCE);
    der_wrap(writer, end, DER_SET);
    der_put_element(writer, DER_OID, oid_extension_request);
    der_wrap(writer, end, DER_SEQUENCE);
    der_wrap(writer, end, DER_CONTEXT_CONSTRUCTED | 0);
}

static void put_info(struct der_writer *writer, const struct smki_csr_wish *wish, struct smki_bytes hardware_type,
                     const struct smki_key *key)
{
    const uint8_t *end = writer->at;

    put_attributes(writer, wish, hardware_type);
    der_put(writer, smki_key_public(key));
    put_subject(writer, wish);
    der_put_number(writer, DER_INTEGER, 0); /* version 0 */
    der_wrap(writer, end, DER_SEQUENCE);
}

static int sign(struct der_writer *writer, struct smki_bytes info, const struct smki_key *key, struct smki_error *err)
{
    const uint8_t *end = writer->at;
    uint8_t digest[SHA256_SIZE], signature[SMKI_SIGNATURE_MAX_SIZE];
    size_t size;
    int rc;

    p256()->digest(digest, info.at, info.size);
    if ((rc = smki_key_sign(key, signature, &size, digest, err)) != 0)
        return rc;
    der_put_bits(writer, BYTES(signature, size));
    der_put(writer, signature_algorithm_of(smki_key_type(key)));
    der_put(writer, info);
    der_wrap(writer, end, DER_SEQUENCE);
    return 0;
}

static int read_back(enum smki_profile profile, struct smki_bytes der, struct smki_error *err)
{
    struct smki_csr csr;
    int rc = smki_csr_read(&csr, profile, der, err);

    return rc != 0 ? rc : smki_csr_verify(&csr, err);
}

int smki_csr_make(uint8_t out[SMKI_CSR_MAX_SIZE], size_t *size, const struct smki_csr_wish *wish, const struct smki_key *key,
                  struct smki_error *err)
{
    uint8_t room[INFO_MAX_SIZE], hardware_type[OID_MAX_SIZE];
    struct der_writer info = der_writer_of(room, sizeof room), whole = der_writer_of(out, SMKI_CSR_MAX_SIZE);
    size_t type_size = 0;
    int rc;

    if (wish->profile == SMKI_PROFILE_DEVICE && (rc = oid_parse(hardware_type, &type_size, wish->hardware_type, err)) != 0)
        return smki_error_prefix(err, "hwType"), rc;
    put_info(&info, wish, BYTES(hardware_type, type_size), key);
    if ((rc = sign(&whole, der_written(&info), key, err)) != 0)
        return rc;
    if (info.failed || whole.failed)
        return smki_fail(err, SMKI_TOO_LARGE, "the names in the request are longer than it has room for");
    *size = der_written(&whole).size;
    memmove(out, whole.at, *size);
    return read_back(wish->profile, BYTES(out, *size), err);
}
