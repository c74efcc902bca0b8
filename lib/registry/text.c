#include "registry/text_i.h"

#include <string.h>

/* The character at *at, which a NUL closes, moving past it; false when it is not UTF-8. */
static bool take_character(const uint8_t **at, uint32_t *out)
{
    const size_t length = utf8_decode(out, *at, 4);

    *at += length;
    return length > 0;
}

/* No controls (C0, DEL, C1), no line or paragraph separators, and none of the marks that turn the direction of text: a name is shown in
 * listings and logs. */
static bool is_printable(uint32_t c)
{
    return c >= 0x20 && !(c >= 0x7f && c <= 0x9f) && !(c >= 0x2028 && c <= 0x202e) && !(c >= 0x2066 && c <= 0x2069) && c != 0xfeff &&
           c != 0x200e && c != 0x200f && c != 0xfffe && c != 0xffff;
}

int text_check(const char *text, size_t size, const char *field, struct smki_error *err)
{
    size_t length = strnlen(text, size);
    const uint8_t *at = (const uint8_t *)text;
    uint32_t c;

    if (length == size)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "the %s is longer than %zu octets", field, size - 1);
    if (strspn(text, " ") == length)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "the %s is empty", field);
    if (text[0] == ' ' || text[length - 1] == ' ')
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "the %s begins or ends with a space", field);
    while (*at != '\0') {
        size_t offset = (size_t)(at - (const uint8_t *)text);
        if (!take_character(&at, &c) || !is_printable(c))
            return smki_fail(err, SMKI_INVALID_ARGUMENT, "the %s is not printable UTF-8 at octet %zu", field, offset + 1);
    }
    return 0;
}

int text_lines_check(const char *text, size_t size, const char *field, struct smki_error *err)
{
    const size_t length = strnlen(text, size);
    const uint8_t *at = (const uint8_t *)text;
    uint32_t c;

    if (length == size)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "the %s is longer than %zu octets", field, size - 1);
    if (strspn(text, " \n") == length)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "the %s is empty", field);
    while (*at != '\0') {
        size_t offset = (size_t)(at - (const uint8_t *)text);
        if (!take_character(&at, &c) || (c != '\n' && !is_printable(c)))
            return smki_fail(err, SMKI_INVALID_ARGUMENT, "the %s is not printable UTF-8 at octet %zu", field, offset + 1);
    }
    return 0;
}
