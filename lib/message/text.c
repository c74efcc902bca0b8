#include "message/text_i.h"

#include <string.h>

/* The lead octets of UTF-8 and the least character that each length may carry (RFC 3629 3). */
static const struct {
    uint8_t mask, lead;
    size_t length;
    uint32_t least;
} forms[] = {{0x80, 0x00, 1, 0}, {0xe0, 0xc0, 2, 0x80}, {0xf0, 0xe0, 3, 0x800}, {0xf8, 0xf0, 4, 0x10000}};

static uint32_t decode(const uint8_t *at, size_t left, size_t *length)
{
    uint32_t character;
    size_t form = 0;

    *length = 1;
    while (form < ARRAY_COUNT(forms) && (at[0] & forms[form].mask) != forms[form].lead)
        form++;
    if (form == ARRAY_COUNT(forms) || forms[form].length > left)
        return TEXT_BROKEN;
    character = at[0] & (uint32_t)(uint8_t)~forms[form].mask;
    for (size_t i = 1; i < forms[form].length; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return TEXT_BROKEN;
        character = character << 6 | (at[i] & 0x3f);
    }
    if (character < forms[form].least || character > 0x10ffff || (character >= 0xd800 && character <= 0xdfff))
        return TEXT_BROKEN;
    *length = forms[form].length;
    return character;
}

uint32_t text_next(const char **at, const char *end)
{
    size_t length;
    uint32_t character = decode((const uint8_t *)*at, (size_t)(end - *at), &length);

    *at += length;
    return character;
}

size_t text_length(const char *at, size_t size)
{
    const char *end = at + size;
    size_t length = 0;

    for (; at < end; length++)
        if (text_next(&at, end) == TEXT_BROKEN)
            return SIZE_MAX;
    return length;
}

bool text_is_xml_char(uint32_t character)
{
    if (character < 0x20)
        return character == '\t' || character == '\n' || character == '\r';
    return character <= 0x10ffff && character != 0xfffe && character != 0xffff && (character < 0xd800 || character > 0xdfff);
}

bool text_is_control(uint32_t character)
{
    return character < 0x20 || (character >= 0x7f && character < 0xa0);
}
