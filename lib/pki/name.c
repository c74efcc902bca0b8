#include "pki/name_i.h"
#include "pki/oid_i.h"

#include <string.h>

struct name_walk name_walk_contents(struct smki_bytes contents)
{
    return (struct name_walk){.rdns = der_of(contents), .rdn = der_of(BYTES(NULL, 0))};
}

struct name_walk name_walk_of(struct smki_bytes name)
{
    struct der der = der_of(name);
    struct smki_bytes contents = {0};
    bool whole = der_take(&der, DER_SEQUENCE, &contents) && der_done(&der);
    struct name_walk walk = name_walk_contents(whole ? contents : BYTES(NULL, 0));

    walk.malformed = !whole;
    return walk;
}

/* AttributeTypeAndValue. The values of one RDN stand in the order of a SET OF and differ (X.690 11.6, X.501 8.5). */
static bool read_attribute(struct name_walk *walk, struct name_attribute *attribute)
{
    struct smki_bytes whole;
    struct der reader = walk->rdn, value;

    if (!der_take_whole(&walk->rdn, DER_SEQUENCE, &whole) || !der_enter(&reader, DER_SEQUENCE, &value))
        return false;
    if (attribute->with_previous && der_set_order(walk->previous, whole) >= 0)
        return false;
    walk->previous = whole;
    if (!der_oid(&value, &attribute->type))
        return false;
    if (!der_well_formed(BYTES(value.at, (size_t)(value.end - value.at))))
        return false;
    return der_any(&value, &attribute->tag, &attribute->value) && der_done(&value);
}

bool name_walk_next(struct name_walk *walk, struct name_attribute *attribute)
{
    attribute->with_previous = !der_done(&walk->rdn);
    if (walk->malformed || (!attribute->with_previous && der_done(&walk->rdns)))
        return false;
    if (!attribute->with_previous && !der_enter(&walk->rdns, DER_SET, &walk->rdn))
        walk->malformed = true;
    else if (!read_attribute(walk, attribute))
        walk->malformed = true;
    return !walk->malformed;
}

/* ---- text ---- */

static bool printable(uint8_t octet)
{
    return (octet >= 'A' && octet <= 'Z') || (octet >= 'a' && octet <= 'z') || (octet >= '0' && octet <= '9') ||
           (octet != '\0' && strchr(" '()+,-./:=?", octet) != NULL);
}

static bool is_printable_string(struct smki_bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (!printable(text.at[i]))
            return false;
    }
    return true;
}

/* One UTF-8 character that is no control character; its size, or 0. */
static size_t utf8_character(const uint8_t *at, size_t left)
{
    uint32_t point;
    const size_t length = utf8_decode(&point, at, left);

    return length == 0 || point < 0x20 || (point >= 0x7F && point < 0xA0) ? 0 : length;
}

static bool is_utf8(struct smki_bytes text)
{
    for (size_t at = 0; at < text.size;) {
        size_t length = utf8_character(text.at + at, text.size - at);

        if (length == 0)
            return false;
        at += length;
    }
    return true;
}

static size_t utf8_of_unit(uint8_t out[3], unsigned unit)
{
    if (unit < 0x80) {
        out[0] = (uint8_t)unit;
        return 1;
    }
    if (unit < 0x800) {
        out[0] = (uint8_t)(0xC0 | unit >> 6);
        out[1] = (uint8_t)(0x80 | (unit & 0x3F));
        return 2;
    }
    out[0] = (uint8_t)(0xE0 | unit >> 12);
    out[1] = (uint8_t)(0x80 | ((unit >> 6) & 0x3F));
    out[2] = (uint8_t)(0x80 | (unit & 0x3F));
    return 3;
}

/* BMPString: UTF-16 big endian without surrogates. */
static bool text_of_bmp(char out[SMKI_NAME_TEXT_SIZE], struct smki_bytes value)
{
    struct writer writer = writer_of(out, SMKI_NAME_TEXT_SIZE - 1);
    uint8_t utf8[3];

    if (value.size % 2 != 0)
        return false;
    for (size_t i = 0; i < value.size; i += 2) {
        unsigned unit = (unsigned)value.at[i] << 8 | value.at[i + 1];
        size_t size = utf8_of_unit(utf8, unit);

        if (utf8_character(utf8, size) == 0)
            return false;
        write_bytes(&writer, utf8, size);
    }
    out[writer_size(&writer)] = '\0';
    return !writer.failed;
}

/* The attribute's text as UTF-8; false and "" when it has none that we read. */
static bool attribute_text(char out[SMKI_NAME_TEXT_SIZE], const struct name_attribute *attribute)
{
    struct smki_bytes value = attribute->value;
    bool good = false;

    if (attribute->tag == DER_PRINTABLE_STRING)
        good = is_printable_string(value);
    else if (attribute->tag == DER_UTF8_STRING)
        good = is_utf8(value);
    else if (attribute->tag == DER_BMP_STRING)
        good = text_of_bmp(out, value);
    if (good && attribute->tag != DER_BMP_STRING) {
        good = value.size < SMKI_NAME_TEXT_SIZE;
        if (good) {
            memcpy(out, value.at, value.size);
            out[value.size] = '\0';
        }
    }
    if (!good)
        out[0] = '\0';
    return good && out[0] != '\0';
}

/* uniqueIdentifier: 0 unused bits, then the EUI-64 (GBCS 12). */
static bool attribute_eui(struct smki_device_id *out, const struct name_attribute *attribute)
{
    if (attribute->tag != DER_BIT_STRING || attribute->value.size != 1 + SMKI_DEVICE_ID_SIZE || attribute->value.at[0] != 0)
        return false;
    memcpy(out->octet, attribute->value.at + 1, SMKI_DEVICE_ID_SIZE);
    return true;
}

/* ---- subjects ---- */

/* Where the attribute's text belongs in a subject; NULL for those that have none there. */
static char *text_field(struct smki_subject *subject, struct smki_bytes type)
{
    if (bytes_equal(type, oid_common_name))
        return subject->common_name;
    if (bytes_equal(type, oid_organisation))
        return subject->organisation;
    return bytes_equal(type, oid_unit) ? subject->unit : NULL;
}

int name_read(struct smki_subject *out, struct smki_bytes name, struct smki_error *err)
{
    struct name_walk walk = name_walk_of(name);
    struct name_attribute attribute;

    *out = (struct smki_subject){0};
    while (name_walk_next(&walk, &attribute)) {
        char *field = text_field(out, attribute.type);

        if (field != NULL && field[0] == '\0')
            (void)attribute_text(field, &attribute);
        else if (!out->has_eui && bytes_equal(attribute.type, oid_unique_identifier))
            out->has_eui = attribute_eui(&out->eui, &attribute);
        if (out->count < UINT8_MAX)
            out->count++;
    }
    return walk.malformed ? smki_fail(err, SMKI_CERTIFICATE_MALFORMED, "a Name is not well-formed DER (RFC 5280 4.1.2.4)") : 0;
}

static int refuse_text(const struct name_attribute *attribute, struct smki_error *err)
{
    char oid[OID_TEXT_SIZE];

    return smki_fail(
        err, SMKI_CSR_SUBJECT,
        "subject attribute %s is not text that is accepted (tag %02X, %zu octets): use PrintableString or UTF8String with 1 to %d "
        "octets and no control characters (RFC 5280 4.1.2.4)",
        oid_text(attribute->type, oid), attribute->tag, attribute->value.size, SMKI_NAME_TEXT_SIZE - 1);
}

static int take_text(char *field, const struct name_attribute *attribute, struct smki_error *err)
{
    char oid[OID_TEXT_SIZE];

    if (field[0] != '\0')
        return smki_fail(err, SMKI_CSR_SUBJECT, "subject attribute %s stands there twice, each is allowed once (GBCS 12)",
                         oid_text(attribute->type, oid));
    return attribute_text(field, attribute) ? 0 : refuse_text(attribute, err);
}

static int take_eui(struct smki_subject *subject, const struct name_attribute *attribute, struct smki_error *err)
{
    if (subject->has_eui)
        return smki_fail(err, SMKI_CSR_SUBJECT, "uniqueIdentifier stands in the subject twice, it is allowed once (GBCS 12)");
    if (!attribute_eui(&subject->eui, attribute))
        return smki_fail(
            err, SMKI_CSR_SUBJECT,
            "uniqueIdentifier (tag %02X, %zu octets) is not a BIT STRING of the 64 bits of an EUI-64 with no unused bits (GBCS 12)",
            attribute->tag, attribute->value.size);
    subject->has_eui = true;
    return 0;
}

static int take_attribute(struct smki_subject *subject, const struct name_attribute *attribute, struct smki_error *err)
{
    char *field = text_field(subject, attribute->type);
    char oid[OID_TEXT_SIZE];

    if (field != NULL)
        return take_text(field, attribute, err);
    if (bytes_equal(attribute->type, oid_unique_identifier))
        return take_eui(subject, attribute, err);
    return smki_fail(err, SMKI_CSR_SUBJECT, "subject attribute %s is not one that the profile knows (GBCS 12, IDS App. D and G)",
                     oid_text(attribute->type, oid));
}

int name_read_request(struct smki_subject *out, struct smki_bytes name, struct smki_error *err)
{
    struct name_walk walk = name_walk_of(name);
    struct name_attribute attribute;
    int rc;

    *out = (struct smki_subject){0};
    while (name_walk_next(&walk, &attribute)) {
        if ((rc = take_attribute(out, &attribute, err)) != 0)
            return rc;
        out->count++;
    }
    return walk.malformed ? smki_fail(err, SMKI_CSR_MALFORMED, "the subject is not a well-formed Name in DER (RFC 5280 4.1.2.4)") : 0;
}
