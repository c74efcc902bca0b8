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

static bool same(char a, char b)
{
    return lower(a) == lower(b);
}

/* Levenshtein's distance, where two neighbours that changed places are one slip (Damerau's), row by row; upper and lower case count as
 * equal. Both words are at most WORD_MAX long. */
static size_t distance(const char *a, const char *b)
{
    size_t rows[3][WORD_MAX + 1], width = strlen(b), height = strlen(a);

    for (size_t k = 0; k <= width; k++)
        rows[0][k] = k;
    for (size_t i = 1; i <= height; i++) {
        const size_t *above = rows[(i - 1) % 3], *before = rows[(i + 1) % 3]; /* one and two rows up */
        size_t *row = rows[i % 3];

        row[0] = i;
        for (size_t k = 1; k <= width; k++) {
            row[k] = least(above[k] + 1, row[k - 1] + 1, above[k - 1] + !same(a[i - 1], b[k - 1]));
            if (i > 1 && k > 1 && same(a[i - 1], b[k - 2]) && same(a[i - 2], b[k - 1]) && before[k - 2] + 1 < row[k])
                row[k] = before[k - 2] + 1;
        }
    }
    return rows[height % 3][width];
}

/* How many slips a word of this length may have. In a short one two would leave too little: "foo" is not nearly "aro". */
static size_t slips(size_t length)
{
    if (length < 5)
        return 1;
    return length / 3 > 2 ? length / 3 : 2;
}

const char *nearest_word(const char *word, const char *const *words, size_t count)
{
    size_t length = strnlen(word, WORD_MAX + 1);
    size_t limit = slips(length);
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
