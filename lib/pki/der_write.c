#include "base/mbedtls_compat_i.h"

#include "pki/der_write_i.h"

#include <mbedtls/asn1write.h>

#include <string.h>

#define UTC_TIME_LAST_YEAR 2049 /* RFC 5280 4.1.2.5 */

struct der_writer der_writer_of(uint8_t *at, size_t size)
{
    return (struct der_writer){.start = at, .at = at + size, .end = at + size};
}

struct smki_bytes der_written(const struct der_writer *writer)
{
    return BYTES(writer->at, (size_t)(writer->end - writer->at));
}

void der_put(struct der_writer *writer, struct smki_bytes bytes)
{
    if (writer->failed || (size_t)(writer->at - writer->start) < bytes.size) {
        writer->failed = true;
        return;
    }
    writer->at -= bytes.size;
    if (bytes.size != 0)
        memcpy(writer->at, bytes.at, bytes.size);
}

void der_put_octet(struct der_writer *writer, uint8_t octet)
{
    der_put(writer, BYTES(&octet, 1));
}

void der_wrap(struct der_writer *writer, const uint8_t *end, uint8_t tag)
{
    if (writer->failed || mbedtls_asn1_write_len(&writer->at, writer->start, (size_t)(end - writer->at)) < 0)
        writer->failed = true;
    der_put_octet(writer, tag);
}

void der_put_element(struct der_writer *writer, uint8_t tag, struct smki_bytes contents)
{
    const uint8_t *end = writer->at;

    der_put(writer, contents);
    der_wrap(writer, end, tag);
}

void der_put_number(struct der_writer *writer, uint8_t tag, uint64_t value)
{
    const uint8_t *end = writer->at;

    do {
        der_put_octet(writer, (uint8_t)(value & 0xff));
        value >>= 8;
    } while (value != 0);
    if (!writer->failed && (*writer->at & 0x80) != 0)
        der_put_octet(writer, 0); /* it would read as negative */
    der_wrap(writer, end, tag);
}

void der_put_bits(struct der_writer *writer, struct smki_bytes octets)
{
    const uint8_t *end = writer->at;

    der_put(writer, octets);
    der_put_octet(writer, 0);
    der_wrap(writer, end, DER_BIT_STRING);
}

void der_put_named_bits(struct der_writer *writer, uint8_t bits)
{
    const uint8_t *end = writer->at;
    uint8_t unused = 0;

    while (bits != 0 && (bits & (1u << unused)) == 0)
        unused++;
    if (bits != 0)
        der_put_octet(writer, bits);
    der_put_octet(writer, unused);
    der_wrap(writer, end, DER_BIT_STRING);
}

static void put_two_digits(struct der_writer *writer, int value)
{
    der_put_octet(writer, (uint8_t)('0' + value % 10));
    der_put_octet(writer, (uint8_t)('0' + value / 10 % 10));
}

void der_put_time(struct der_writer *writer, struct smki_time time)
{
    const uint8_t *end = writer->at;
    const struct smki_civil utc = smki_time_to_utc(time);

    der_put_octet(writer, 'Z');
    put_two_digits(writer, utc.second);
    put_two_digits(writer, utc.minute);
    put_two_digits(writer, utc.hour);
    put_two_digits(writer, utc.day);
    put_two_digits(writer, utc.month);
    put_two_digits(writer, utc.year);
    if (utc.year > UTC_TIME_LAST_YEAR)
        put_two_digits(writer, utc.year / 100);
    der_wrap(writer, end, utc.year > UTC_TIME_LAST_YEAR ? DER_GENERALIZED_TIME : DER_UTC_TIME);
}
