#include "message/text_i.h"

#include <string.h>

uint32_t text_next(const char **at, const char *end)
{
    const uint8_t *octet = (const uint8_t *)*at;
    uint32_t character;
    size_t length;

    if (*at < end && *octet < 0x80) { /* the short way of nearly all */
        ++*at;
        return *octet;
    }
    length = utf8_decode(&character, octet, (size_t)(end - *at));
    *at += length > 0 ? length : 1;
    return length > 0 ? character : TEXT_BROKEN;
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
