#include "base/base_i.h"

#include <string.h>

#define SERIAL_READ_MAX 20 /* octets (RFC 5280 4.1.2.2) */

/* Collects the digits of "01:ab:..." or "01ab..."; false when there are too many, or colons elsewhere than between all pairs. */
static bool digits_collect(char out[2 * SERIAL_READ_MAX], size_t *count, const char *text)
{
    size_t pair = strnlen(text, 3) == 3 && text[2] == ':' ? 3 : 2; /* characters from one pair to the next */
    size_t length = strnlen(text, 3 * SERIAL_READ_MAX);
    size_t octets = (length + pair - 2) / pair;

    if (octets == 0 || octets > SERIAL_READ_MAX || length != octets * pair - (pair - 2))
        return false;
    for (size_t i = 0; i < octets; i++) {
        if (pair == 3 && i > 0 && text[3 * i - 1] != ':')
            return false;
        memcpy(out + 2 * i, text + pair * i, 2);
    }
    *count = 2 * octets;
    return true;
}

/* X.690 8.3.2: no leading zero octet but the one that keeps a high first bit from meaning "negative". */
static void serial_shorten(struct smki_serial *serial)
{
    while (serial->size > 1 && serial->octet[0] == 0 && serial->octet[1] < 0x80) {
        serial->size--;
        memmove(serial->octet, serial->octet + 1, serial->size);
        serial->octet[serial->size] = 0;
    }
}

/* A number whose first bit is set gets the octet 0 that DER writes before it: it is positive, and others (openssl) show it without. */
static bool serial_widen(struct smki_serial *serial)
{
    if (serial->size >= SERIAL_READ_MAX)
        return false;
    memmove(serial->octet + 1, serial->octet, serial->size);
    serial->octet[0] = 0;
    serial->size++;
    return true;
}

int smki_serial_parse(struct smki_serial *out, const char *hex, struct smki_error *err)
{
    struct smki_serial serial = {0};
    char digits[2 * SERIAL_READ_MAX];
    size_t count;

    if (!digits_collect(digits, &count, hex) || hex_decode(serial.octet, count / 2, digits, count, NULL) != 0)
        return smki_fail(
            err, SMKI_ENCODING_INVALID,
            "\"%.64s\" is not a serial number: write 1 to %d octets in hexadecimal, with or without colons between all of them", hex,
            SERIAL_READ_MAX);
    serial.size = (uint8_t)(count / 2);
    serial_shorten(&serial);
    if (serial.octet[0] >= 0x80 && !serial_widen(&serial))
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "serial number %.64s is larger than %d octets can hold (RFC 5280 4.1.2.2)", hex,
                         SERIAL_READ_MAX);
    if (serial.size == 1 && serial.octet[0] == 0)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "a serial number is not zero (RFC 5280 4.1.2.2)");
    *out = serial;
    return 0;
}

const char *smki_serial_text(const struct smki_serial *serial, char out[2 * 20 + 1])
{
    return hex_encode(out, serial->octet, serial->size <= SERIAL_READ_MAX ? serial->size : SERIAL_READ_MAX);
}

const char *serial_shown(const struct smki_serial *serial, char out[2 * 20 + 1])
{
    return smki_serial_text(serial, out) + (serial->size > 1 && serial->octet[0] == 0 ? 2 : 0);
}

bool smki_serial_equal(const struct smki_serial *a, const struct smki_serial *b)
{
    return a->size == b->size && memcmp(a->octet, b->octet, a->size) == 0;
}
