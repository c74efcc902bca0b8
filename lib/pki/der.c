#include "base/mbedtls_compat_i.h"

#include "pki/der_i.h"

#include <mbedtls/asn1.h>

#include <string.h>

#define DER_MAX_DEPTH 16 /* levels: real requests have 10 at most */

struct der der_of(struct smki_bytes bytes)
{
    if (bytes.at == NULL) {
        static const uint8_t nothing;
        return (struct der){.at = &nothing, .end = &nothing};
    }
    return (struct der){.at = bytes.at, .end = bytes.at + bytes.size};
}

bool der_done(const struct der *der)
{
    return der->at == der->end;
}

bool der_next_is(const struct der *der, uint8_t tag)
{
    return der->at < der->end && *der->at == tag;
}

bool bytes_equal(struct smki_bytes a, struct smki_bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.at, b.at, a.size) == 0);
}

/* Octets that DER writes a length in (X.690 10.1: the fewest). */
static size_t length_octets(size_t length)
{
    size_t octets = 1;

    if (length < 0x80)
        return 1;
    for (; length != 0; length >>= 8)
        octets++;
    return octets;
}

/* mbedtls_asn1_get_len bounds the length and refuses the indefinite form, but takes BER's leading zeroes. Only one-octet tags are in use
 * here. */
bool der_any(struct der *der, uint8_t *tag, struct smki_bytes *contents)
{
    unsigned char *at = (unsigned char *)der->at, *length_at;
    size_t size;

    if (at >= der->end || (*at & 0x1F) == 0x1F)
        return false;
    *tag = *at++;
    length_at = at;
    if (mbedtls_asn1_get_len(&at, der->end, &size) != 0 || (size_t)(at - length_at) != length_octets(size))
        return false;
    *contents = BYTES(at, size);
    der->at = at + size;
    return true;
}

bool der_take(struct der *der, uint8_t tag, struct smki_bytes *contents)
{
    uint8_t found;

    return der_next_is(der, tag) && der_any(der, &found, contents);
}

bool der_take_whole(struct der *der, uint8_t tag, struct smki_bytes *element)
{
    const uint8_t *start = der->at;
    struct smki_bytes contents;

    if (!der_take(der, tag, &contents))
        return false;
    *element = BYTES(start, (size_t)(der->at - start));
    return true;
}

bool der_enter(struct der *der, uint8_t tag, struct der *inside)
{
    struct smki_bytes contents;

    if (!der_take(der, tag, &contents))
        return false;
    *inside = der_of(contents);
    return true;
}

bool der_boolean(struct der *der, bool *value)
{
    struct smki_bytes contents;

    if (!der_take(der, DER_BOOLEAN, &contents) || contents.size != 1 || (contents.at[0] != 0x00 && contents.at[0] != 0xFF))
        return false;
    *value = contents.at[0] == 0xFF;
    return true;
}

bool der_integer(struct der *der, struct smki_bytes *contents)
{
    if (!der_take(der, DER_INTEGER, contents) || contents->size == 0)
        return false;
    if (contents->size == 1)
        return true;
    return !(contents->at[0] == 0x00 && (contents->at[1] & 0x80) == 0) && !(contents->at[0] == 0xFF && (contents->at[1] & 0x80) != 0);
}

bool der_small(struct der *der, int *value)
{
    struct smki_bytes contents;

    if (!der_integer(der, &contents) || contents.size > 4 || (contents.at[0] & 0x80) != 0)
        return false;
    *value = 0;
    for (size_t i = 0; i < contents.size; i++)
        *value = (int)((unsigned)*value << 8 | contents.at[i]);
    return true;
}

bool der_positive(struct der *der, struct smki_bytes *magnitude)
{
    if (!der_integer(der, magnitude) || (magnitude->at[0] & 0x80) != 0)
        return false;
    if (magnitude->at[0] == 0)
        *magnitude = BYTES(magnitude->at + 1, magnitude->size - 1);
    return magnitude->size != 0;
}

/* X.690 8.19: each arc in the fewest octets, the last one complete. */
static bool oid_well_formed(struct smki_bytes oid)
{
    bool first_of_arc = true;

    for (size_t i = 0; i < oid.size; i++) {
        if (first_of_arc && oid.at[i] == 0x80)
            return false;
        first_of_arc = (oid.at[i] & 0x80) == 0;
    }
    return oid.size != 0 && first_of_arc;
}

bool der_oid(struct der *der, struct smki_bytes *contents)
{
    return der_take(der, DER_OID, contents) && oid_well_formed(*contents);
}

bool der_bits(struct der *der, struct smki_bytes *octets, uint8_t *unused)
{
    struct smki_bytes contents;

    if (!der_take(der, DER_BIT_STRING, &contents) || contents.size == 0)
        return false;
    *unused = contents.at[0];
    *octets = BYTES(contents.at + 1, contents.size - 1);
    if (octets->size == 0)
        return *unused == 0;
    return *unused <= 7 && (octets->at[octets->size - 1] & ((1U << *unused) - 1)) == 0;
}

bool der_bit_octets(struct der *der, struct smki_bytes *octets)
{
    uint8_t unused;

    return der_bits(der, octets, &unused) && unused == 0;
}

static bool digits(const uint8_t *at, size_t count, int *value)
{
    *value = 0;
    for (size_t i = 0; i < count; i++) {
        if (at[i] < '0' || at[i] > '9')
            return false;
        *value = *value * 10 + (at[i] - '0');
    }
    return true;
}

static int month_days(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month == 2 && leap ? 29 : days[month - 1];
}

/* "MMDDHHMMSSZ" of a year, when it is a moment of the calendar. */
static bool time_in_year(int year, const uint8_t *at, struct smki_time *out)
{
    int field[5];
    struct smki_civil utc = {.year = year};

    for (size_t i = 0; i < ARRAY_COUNT(field); i++) {
        if (!digits(at + 2 * i, 2, &field[i]))
            return false;
    }
    if (at[10] != 'Z' || field[0] < 1 || field[0] > 12 || field[1] < 1 || field[1] > month_days(year, field[0]) || field[2] > 23 ||
        field[3] > 59 || field[4] > 59)
        return false;
    utc.month = (uint8_t)field[0];
    utc.day = (uint8_t)field[1];
    utc.hour = (uint8_t)field[2];
    utc.minute = (uint8_t)field[3];
    utc.second = (uint8_t)field[4];
    *out = smki_time_from_utc(&utc);
    return true;
}

bool der_time(struct der *der, struct smki_time *out)
{
    struct smki_bytes text;
    int year;

    if (der_next_is(der, DER_UTC_TIME)) {
        if (!der_take(der, DER_UTC_TIME, &text) || text.size != 13 || !digits(text.at, 2, &year))
            return false;
        return time_in_year(year < 50 ? 2000 + year : 1900 + year, text.at + 2, out); /* RFC 5280 4.1.2.5.1 */
    }
    if (!der_take(der, DER_GENERALIZED_TIME, &text) || text.size != 15 || !digits(text.at, 4, &year))
        return false;
    return time_in_year(year, text.at + 4, out);
}

/* Primitive types whose contents have a form of their own are held to it; the others are opaque. */
static bool primitive_well_formed(struct der element, uint8_t tag, struct smki_bytes contents)
{
    struct smki_bytes bytes;
    uint8_t unused;
    bool value;

    switch (tag) {
    case DER_BOOLEAN:
        return der_boolean(&element, &value);
    case DER_INTEGER:
        return der_integer(&element, &bytes);
    case DER_BIT_STRING:
        return der_bits(&element, &bytes, &unused);
    case DER_OID:
        return der_oid(&element, &bytes);
    case DER_NULL:
        return contents.size == 0;
    default:
        return true;
    }
}

static bool well_formed(struct smki_bytes bytes, int depth)
{
    struct der der = der_of(bytes);
    struct smki_bytes contents;
    uint8_t tag;

    if (depth > DER_MAX_DEPTH)
        return false;
    while (!der_done(&der)) {
        struct der element = der;

        if (!der_any(&der, &tag, &contents))
            return false;
        if ((tag & 0x20) != 0 ? !well_formed(contents, depth + 1) : !primitive_well_formed(element, tag, contents))
            return false;
    }
    return true;
}

bool der_well_formed(struct smki_bytes bytes)
{
    return bytes.size != 0 && well_formed(bytes, 0);
}

int der_set_order(struct smki_bytes a, struct smki_bytes b)
{
    size_t longest = a.size > b.size ? a.size : b.size;

    for (size_t i = 0; i < longest; i++) {
        int difference = (i < a.size ? a.at[i] : 0) - (i < b.size ? b.at[i] : 0);

        if (difference != 0)
            return difference;
    }
    return 0;
}
