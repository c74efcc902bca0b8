/* UTF-8 (RFC 3629): the shortest form, no surrogates, up to U+10FFFF. */
#include "base/base_i.h"

size_t utf8_decode(uint32_t *character, const uint8_t *at, size_t left)
{
    static const struct {
        uint8_t mask, lead;
        size_t length;
        uint32_t least; /* that this many octets may carry */
    } forms[] = {{0x80, 0x00, 1, 0}, {0xe0, 0xc0, 2, 0x80}, {0xf0, 0xe0, 3, 0x800}, {0xf8, 0xf0, 4, 0x10000}};
    size_t form = 0;
    uint32_t point;

    if (left == 0)
        return 0;
    while (form < ARRAY_COUNT(forms) && (at[0] & forms[form].mask) != forms[form].lead)
        form++;
    if (form == ARRAY_COUNT(forms) || forms[form].length > left)
        return 0;
    point = at[0] & (uint32_t)(uint8_t)~forms[form].mask;
    for (size_t i = 1; i < forms[form].length; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        point = point << 6 | (at[i] & 0x3f);
    }
    if (point < forms[form].least || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
        return 0;
    *character = point;
    return forms[form].length;
}
