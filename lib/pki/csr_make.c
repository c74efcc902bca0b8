/* Writing a Device CSR (IDS App. F), the mirror of what csr.c reads. DER is written from the back: what stands last comes first. */
#include "pki/draft_i.h"
#include "pki/key_i.h"
#include "pki/oid_i.h"

#include <string.h>

#define INFO_SIZE 512 /* octets: about 200 are used */

/* GeneralNames { otherName [0] { id-on-hardwareModuleName, [0] HardwareModuleName { hwType, hwSerialNum } } } (RFC 4108 5). */
static void put_alt_name(struct der_writer *writer, const struct smki_device_id *device, struct smki_bytes hardware_type)
{
    const uint8_t *end = writer->at;

    der_put_element(writer, DER_OCTET_STRING, BYTES(device->octet, sizeof(device->octet)));
    der_put_element(writer, DER_OID, hardware_type);
    der_wrap(writer, end, DER_SEQUENCE);
    der_wrap(writer, end, DER_CONTEXT_CONSTRUCTED | 0);
    der_put_element(writer, DER_OID, oid_hardware_module_name);
    der_wrap(writer, end, DER_CONTEXT_CONSTRUCTED | 0);
    der_wrap(writer, end, DER_SEQUENCE);
    wrap_extension(writer, end, oid_subject_alt_name, true);
}

static void put_key_usage(struct der_writer *writer, enum smki_key_usage usage)
{
    const uint8_t *end = writer->at;

    der_put_named_bits(writer, (uint8_t)usage);
    wrap_extension(writer, end, oid_key_usage, true);
}

/* attributes [0] { extensionRequest, SET { Extensions } } (RFC 2985 5.4.2). */
static void put_attributes(struct der_writer *writer, const struct smki_device_id *device, struct smki_bytes hardware_type,
                           enum smki_key_usage usage)
{
    const uint8_t *end = writer->at;

    put_alt_name(writer, device, hardware_type);
    put_key_usage(writer, usage);
    der_wrap(writer, end, DER_SEQUENCE);
    der_wrap(writer, end, DER_SET);
    der_put_element(writer, DER_OID, oid_extension_request);
    der_wrap(writer, end, DER_SEQUENCE);
    der_wrap(writer, end, DER_CONTEXT_CONSTRUCTED | 0);
}

static int sign(uint8_t out[SMKI_CSR_MAX_SIZE], size_t *size, const struct smki_key *key, struct smki_bytes info, struct smki_error *err)
{
    struct der_writer writer = der_writer_of(out, SMKI_CSR_MAX_SIZE);
    uint8_t digest[SHA256_SIZE], signature[SMKI_SIGNATURE_MAX_SIZE];
    size_t signature_size;
    int rc;

    sha256(digest, info.at, info.size);
    if ((rc = smki_key_sign(key, signature, &signature_size, digest, err)) != 0)
        return rc;
    write_signed(&writer, info, SMKI_KEY_P256, BYTES(signature, signature_size));
    *size = der_written(&writer).size;
    memmove(out, writer.at, *size);
    return 0;
}

int smki_csr_make_device(uint8_t out[SMKI_CSR_MAX_SIZE], size_t *size, const struct smki_key *key, const struct smki_device_id *device,
                         const char *hardware_type, enum smki_key_usage usage, struct smki_error *err)
{
    uint8_t info[INFO_SIZE], type[OID_MAX_SIZE];
    struct der_writer writer = der_writer_of(info, sizeof(info));
    size_t type_size;
    int rc;

    if (smki_key_type(key) != SMKI_KEY_P256)
        return smki_fail(err, SMKI_KEY_TYPE, "a device's key is a P-256 key (IDS App. F)");
    if (usage != SMKI_DIGITAL_SIGNATURE && usage != SMKI_KEY_AGREEMENT)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "keyUsage is exactly one of digitalSignature, keyAgreement (IDS App. F)");
    if ((rc = oid_parse(type, &type_size, hardware_type, err)) != 0)
        return rc;
    put_attributes(&writer, device, BYTES(type, type_size), usage);
    der_put(&writer, smki_key_public(key));
    der_put_element(&writer, DER_SEQUENCE, BYTES(NULL, 0)); /* the empty subject */
    der_put_number(&writer, DER_INTEGER, 0);
    der_wrap(&writer, writer.end, DER_SEQUENCE);
    if (writer.failed)
        return smki_fail(err, SMKI_TOO_LARGE, "the request would take more than %d octets", INFO_SIZE);
    return sign(out, size, key, der_written(&writer), err);
}
