/* Texts that others may read: UTF-8 (RFC 3629), printable, in one line. */
#include "base/base_i.h"

#include <string.h>

/* Octets of the character at `at`, which a NUL closes; 0 when it is none, or a control character of ASCII. */
static size_t character_length(const uint8_t *at)
{
    uint32_t character = 0;
    const size_t length = utf8_decode(&character, at, 4);

    return character < 0x20 || character == 0x7f ? 0 : length;
}

/* Is this the beginning of a character whose end was cut off with the rest of the text? */
static bool is_cut(const uint8_t *at)
{
    const size_t length = at[0] > 0xf4 ? 0 : at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : at[0] >= 0xc2 ? 2 : 0;
    size_t there = 1;

    while (there < length && (at[there] & 0xc0) == 0x80)
        there++;
    return there < length && at[there] == '\0';
}

size_t text_tidy(char *text)
{
    uint8_t *at = (uint8_t *)text;

    while (*at != '\0') {
        size_t length = character_length(at);

        if (length == 0 && is_cut(at)) {
            *at = '\0';
            break;
        }
        if (length == 0)
            *at = '?';
        at += length == 0 ? 1 : length;
    }
    return (size_t)(at - (uint8_t *)text);
}
