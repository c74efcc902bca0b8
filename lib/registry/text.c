#include "registry/text_i.h"

#include <string.h>

/* The character at *at, moving past it; false when it is not UTF-8 (RFC 3629: shortest form, no surrogates, up to U+10FFFF). */
static bool take_character(const uint8_t **at, uint32_t *out)
{
    static const struct {
        uint8_t mask, lead;
        size_t follow;
        uint32_t least;
    } forms[] = {{0x80, 0x00, 0, 0}, {0xe0, 0xc0, 1, 0x80}, {0xf0, 0xe0, 2, 0x800}, {0xf8, 0xf0, 3, 0x10000}};

    for (size_t i = 0; i < ARRAY_COUNT(forms); i++) {
        if ((**at & forms[i].mask) != forms[i].lead)
            continue;
        *out = **at & (uint8_t)~forms[i].mask;
        (*at)++;
        for (size_t k = 0; k < forms[i].follow; k++, (*at)++) {
            if ((**at & 0xc0) != 0x80)
                return false;
            *out = (*out << 6) | (**at & 0x3f);
        }
        return *out >= forms[i].least && *out <= 0x10ffff && !(*out >= 0xd800 && *out <= 0xdfff);
    }
    return false;
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
