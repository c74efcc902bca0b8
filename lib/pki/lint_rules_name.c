/* Rules about issuers and subjects. */
#include "pki/lint_i.h"

#include "pki/name_i.h"
#include "pki/oid_i.h"

#include <smki/role.h>

#include <string.h>

#define ATTRIBUTES_MAX 8 /* in one name; our profiles have at most 3 */

/* A name's attributes in a row. */
struct attributes {
    size_t count;
    bool good; /* well-formed, and not more than there is room for */
    struct name_attribute at[ATTRIBUTES_MAX];
};

static struct attributes attributes_of(struct smki_bytes name)
{
    struct attributes found = {.count = 0};
    struct name_attribute attribute;
    struct name_walk walk = name_walk_of(name);

    while (name_walk_next(&walk, &attribute)) {
        if (found.count == ATTRIBUTES_MAX)
            return found;
        found.at[found.count++] = attribute;
    }
    found.good = !walk.malformed;
    return found;
}

static size_t count_of(const struct attributes *attributes, struct smki_bytes type)
{
    size_t count = 0;

    for (size_t i = 0; i < attributes->count; i++)
        count += bytes_equal(attributes->at[i].type, type);
    return count;
}

static const struct name_attribute *first_of(const struct attributes *attributes, struct smki_bytes type)
{
    for (size_t i = 0; i < attributes->count; i++) {
        if (bytes_equal(attributes->at[i].type, type))
            return &attributes->at[i];
    }
    return NULL;
}

static bool text_is(const struct name_attribute *attribute, const char *text)
{
    return bytes_equal(attribute->value, BYTES(text, strlen(text)));
}

/* ---- CAs ---- */

/* OU with this code and CN, or (when `alone` is allowed) CN by itself; PrintableString, one attribute an RDN. */
static bool is_ca_name(const char *whose, struct smki_bytes name, const char *unit, bool alone, char detail[256])
{
    const struct attributes found = attributes_of(name);
    const size_t expected = alone && found.count == 1 ? 1 : 2;

    if (!found.good || found.count != expected)
        return lint_found(detail, "the %s has %zu attributes", whose, found.count);
    for (size_t i = 0; i < expected; i++) {
        const bool is_unit = expected == 2 && i == 0;

        if (!bytes_equal(found.at[i].type, is_unit ? oid_unit : oid_common_name) || found.at[i].with_previous)
            return lint_found(detail, "attribute %zu of the %s is not %s in an RDN of its own", i + 1, whose, is_unit ? "OU" : "CN");
        if (found.at[i].tag != DER_PRINTABLE_STRING)
            return lint_found(detail, "attribute %zu of the %s is not a PrintableString", i + 1, whose);
        if (is_unit && !text_is(&found.at[i], unit))
            return lint_found(detail, "OU of the %s is not %s", whose, unit);
    }
    return true;
}

bool lint_issuer_is_an_issuing_ca(const struct lint_view *view, char detail[256])
{
    return is_ca_name("issuer", view->issuer, "07", true, detail);
}

bool lint_issuer_is_a_root(const struct lint_view *view, char detail[256])
{
    return is_ca_name("issuer", view->issuer, "00", false, detail);
}

bool lint_issuer_is_the_subject(const struct lint_view *view, char detail[256])
{
    return bytes_equal(view->issuer, view->name) || lint_found(detail, "it is another name");
}

bool lint_issuer_is_the_one_given(const struct lint_view *view, char detail[256])
{
    if (view->issued_by == NULL || bytes_equal(view->issuer, view->issued_by->subject))
        return true;
    return lint_found(detail, "it is not the name of the issuer's certificate");
}

bool lint_ca_subject_is_its_role(const struct lint_view *view, char detail[256])
{
    const bool root = view->subject == SMKI_LINT_ROOT_CA;

    return is_ca_name("subject", view->name, root ? "00" : "07", !root, detail);
}

static bool has_short_name(const char *whose, struct smki_bytes name, char detail[256])
{
    const struct attributes found = attributes_of(name);
    const struct name_attribute *common_name = first_of(&found, oid_common_name);

    if (common_name == NULL || (common_name->value.size >= 1 && common_name->value.size <= CA_COMMON_NAME_SIZE))
        return true; /* issuer_is_..., ca_subject_is_its_role tell of a missing one */
    return lint_found(detail, "CN of the %s has %zu characters", whose, common_name->value.size);
}

bool lint_ca_names_are_at_most_4_characters(const struct lint_view *view, char detail[256])
{
    if (!has_short_name("issuer", view->issuer, detail))
        return false;
    return (LINT_CAS & 1u << view->subject) == 0 || has_short_name("subject", view->name, detail);
}

/* ---- devices ---- */

bool lint_device_subject_is_empty(const struct lint_view *view, char detail[256])
{
    const struct attributes found = attributes_of(view->name);

    return view->name.size == 2 || lint_found(detail, "it has %zu attributes", found.count);
}

/* ---- organisations ---- */

bool lint_organisation_subject_is_in_order(const struct lint_view *view, char detail[256])
{
    const struct smki_bytes order[] = {oid_common_name, oid_unit, oid_unique_identifier};
    const struct attributes found = attributes_of(view->name);
    const size_t skipped = found.count == 2 ? 1 : 0; /* CN is optional */

    if (!found.good || found.count + skipped != ARRAY_COUNT(order))
        return lint_found(detail, "it has %zu attributes", found.count);
    for (size_t i = 0; i < found.count; i++) {
        char text[OID_TEXT_SIZE];

        if (!bytes_equal(found.at[i].type, order[i + skipped]))
            return lint_found(detail, "attribute %zu is %s", i + 1, oid_text(found.at[i].type, text));
        if (found.at[i].with_previous)
            return lint_found(detail, "attribute %zu shares an RDN with the one before it", i + 1);
    }
    return true;
}

bool lint_organisation_subject_is_utf8(const struct lint_view *view, char detail[256])
{
    const struct attributes found = attributes_of(view->name);

    for (size_t i = 0; i < found.count; i++) {
        const bool text = bytes_equal(found.at[i].type, oid_common_name) || bytes_equal(found.at[i].type, oid_unit);

        if (text && found.at[i].tag != DER_UTF8_STRING)
            return lint_found(detail, "attribute %zu has the tag %02X, UTF8String has 0C", i + 1, found.at[i].tag);
    }
    return true;
}

bool lint_organisation_request_names_itself(const struct lint_view *view, char detail[256])
{
    const struct attributes found = attributes_of(view->name);
    const size_t names = count_of(&found, oid_common_name);
    const size_t units = count_of(&found, oid_unit);
    const size_t ids = count_of(&found, oid_unique_identifier);

    if (!found.good)
        return lint_found(detail, "it is not a well-formed Name");
    if (names > 1 || units != 1 || ids != 1)
        return lint_found(detail, "it has %zu CN, %zu OU and %zu uniqueIdentifier", names, units, ids);
    return names + units + ids == found.count ||
           lint_found(detail, "it has %zu attributes beside these", found.count - names - units - ids);
}

static bool is_digit(uint8_t octet, bool lower_too)
{
    return (octet >= '0' && octet <= '9') || (octet >= 'A' && octet <= 'F') || (lower_too && octet >= 'a' && octet <= 'f');
}

bool lint_organisation_role_is_two_digits(const struct lint_view *view, char detail[256])
{
    const struct attributes found = attributes_of(view->name);
    const struct name_attribute *unit = first_of(&found, oid_unit);
    const bool lower_too = lint_is_request(view->subject); /* prepare writes it in upper case */

    if (unit == NULL)
        return lint_found(detail, "there is no OU");
    if (unit->value.size != 2 || !is_digit(unit->value.at[0], lower_too) || !is_digit(unit->value.at[1], lower_too))
        return lint_found(detail, "it has %zu characters, or others than hexadecimal digits", unit->value.size);
    return true;
}

static uint8_t digit_value(uint8_t octet)
{
    return (uint8_t)(octet <= '9' ? octet - '0' : (octet & ~0x20) - 'A' + 10);
}

/* A notice only: the operator may extend the table. */
bool lint_organisation_role_is_in_the_table(const struct lint_view *view, char detail[256])
{
    const struct attributes found = attributes_of(view->name);
    const struct name_attribute *unit = first_of(&found, oid_unit);
    uint8_t code;

    if (unit == NULL || unit->value.size != 2 || !is_digit(unit->value.at[0], true) || !is_digit(unit->value.at[1], true))
        return true; /* organisation_role_is_two_digits tells */
    code = (uint8_t)(digit_value(unit->value.at[0]) << 4 | digit_value(unit->value.at[1]));
    return smki_role_find(code) != NULL || lint_found(detail, "%02X is not in it", code);
}

bool lint_organisation_eui_has_64_bits(const struct lint_view *view, char detail[256])
{
    const struct attributes found = attributes_of(view->name);
    const struct name_attribute *eui = first_of(&found, oid_unique_identifier);

    if (eui == NULL)
        return lint_found(detail, "there is no uniqueIdentifier");
    if (eui->tag != DER_BIT_STRING || eui->value.size != 1 + SMKI_DEVICE_ID_SIZE || eui->value.at[0] != 0)
        return lint_found(detail, "it has the tag %02X and %zu octets of contents, 03 and 9 are asked for", eui->tag, eui->value.size);
    return true;
}

/* ---- IKI ---- */

bool lint_iki_subject_names_a_system(const struct lint_view *view, char detail[256])
{
    const struct attributes found = attributes_of(view->name);
    const size_t organisations = count_of(&found, oid_organisation);
    const size_t units = count_of(&found, oid_unit);
    const size_t names = count_of(&found, oid_common_name);

    if (!found.good || found.count != 3 || organisations != 1 || units != 1 || names != 1)
        return lint_found(detail, "it has %zu O, %zu OU, %zu CN and %zu attributes in all", organisations, units, names, found.count);
    return true;
}
