/* Texts that others may read: UTF-8 (RFC 3629), printable, in one line. */
#include "base/base_i.h"

#include <string.h>

/* Octets of the UTF-8 character at `at` (RFC 3629 4), 0 when it is none. Reads at most to the closing NUL. */
static size_t utf8_length(const uint8_t *at)
{
    static const struct {
        uint8_t first, last, second_from, second_to, length;
    } forms[] = {
        {0x20, 0x7e, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };

    for (size_t i = 0; i < ARRAY_COUNT(forms); i++) {
        if (at[0] < forms[i].first || at[0] > forms[i].last)
            continue;
        if (forms[i].length > 1 && (at[1] < forms[i].second_from || at[1] > forms[i].second_to))
            return 0;
        for (size_t k = 2; k < forms[i].length; k++)
            if ((at[k] & 0xc0) != 0x80)
                return 0;
        return forms[i].length;
    }
    return 0;
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
        size_t length = utf8_length(at);

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
