#include "base/base_i.h"

#include <string.h>

#define WORD_MAX 64 /* characters: longer than any key or command */

static size_t least(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;

    return ab < c ? ab : c;
}

/* In the ASCII way, whatever the locale. */
static char lower(char letter)
{
    return letter >= 'A' && letter <= 'Z' ? (char)(letter - 'A' + 'a') : letter;
}

/* Levenshtein's distance, row by row; upper and lower case count as equal. Both words are at most WORD_MAX long. */
static size_t distance(const char *a, const char *b)
{
    size_t row[WORD_MAX + 1], width = strlen(b);

    for (size_t k = 0; k <= width; k++)
        row[k] = k;
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t k = 1; k <= width; k++) {
            size_t above = row[k];
            row[k] = least(above + 1, row[k - 1] + 1, diagonal + (lower(a[i - 1]) != lower(b[k - 1])));
            diagonal = above;
        }
    }
    return row[width];
}

const char *nearest_word(const char *word, const char *const *words, size_t count)
{
    size_t length = strnlen(word, WORD_MAX + 1);
    size_t limit = length / 3 > 2 ? length / 3 : 2;
    const char *nearest = NULL;

    if (length > WORD_MAX)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        size_t apart = strnlen(words[i], WORD_MAX + 1) <= WORD_MAX ? distance(word, words[i]) : SIZE_MAX;
        if (apart > limit || apart >= length)
            continue;
        nearest = words[i];
        if (apart == 0)
            break;
        limit = apart - 1; /* the next must be nearer still */
    }
    return nearest;
}

const char *smki_nearest_word(const char *word, const char *const *words, size_t count)
{
    return nearest_word(word, words, count);
}
