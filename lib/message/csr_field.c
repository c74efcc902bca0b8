/* libxml2 skips characters that are no base64 (RFC 2045 6.8, to which XML Schema's first edition referred); the second edition's grammar
 * has none. Such a document is taken, as the validators that clients use take it, but a CSR with such characters is refused by itself. */
#include "message/csr_field_i.h"

#include <string.h>

enum kind { STRAY, SPACE, SYMBOL };

static enum kind kind_of(uint8_t octet)
{
    static const uint8_t kinds[256] = {
        [' '] = SPACE,  ['\t'] = SPACE, ['\n'] = SPACE, ['\r'] = SPACE, ['+'] = SYMBOL, ['/'] = SYMBOL, ['='] = SYMBOL, ['0'] = SYMBOL,
        ['1'] = SYMBOL, ['2'] = SYMBOL, ['3'] = SYMBOL, ['4'] = SYMBOL, ['5'] = SYMBOL, ['6'] = SYMBOL, ['7'] = SYMBOL, ['8'] = SYMBOL,
        ['9'] = SYMBOL, ['A'] = SYMBOL, ['B'] = SYMBOL, ['C'] = SYMBOL, ['D'] = SYMBOL, ['E'] = SYMBOL, ['F'] = SYMBOL, ['G'] = SYMBOL,
        ['H'] = SYMBOL, ['I'] = SYMBOL, ['J'] = SYMBOL, ['K'] = SYMBOL, ['L'] = SYMBOL, ['M'] = SYMBOL, ['N'] = SYMBOL, ['O'] = SYMBOL,
        ['P'] = SYMBOL, ['Q'] = SYMBOL, ['R'] = SYMBOL, ['S'] = SYMBOL, ['T'] = SYMBOL, ['U'] = SYMBOL, ['V'] = SYMBOL, ['W'] = SYMBOL,
        ['X'] = SYMBOL, ['Y'] = SYMBOL, ['Z'] = SYMBOL, ['a'] = SYMBOL, ['b'] = SYMBOL, ['c'] = SYMBOL, ['d'] = SYMBOL, ['e'] = SYMBOL,
        ['f'] = SYMBOL, ['g'] = SYMBOL, ['h'] = SYMBOL, ['i'] = SYMBOL, ['j'] = SYMBOL, ['k'] = SYMBOL, ['l'] = SYMBOL, ['m'] = SYMBOL,
        ['n'] = SYMBOL, ['o'] = SYMBOL, ['p'] = SYMBOL, ['q'] = SYMBOL, ['r'] = SYMBOL, ['s'] = SYMBOL, ['t'] = SYMBOL, ['u'] = SYMBOL,
        ['v'] = SYMBOL, ['w'] = SYMBOL, ['x'] = SYMBOL, ['y'] = SYMBOL, ['z'] = SYMBOL,
    };

    return kinds[octet];
}

void csr_field_start(struct csr_field *field)
{
    field->size = field->sifted = 0;
    field->broken = field->ended = field->longer = field->stray = false;
}

/* Leaves nothing but symbols in field->text. */
static void field_sift(struct csr_field *field)
{
    size_t kept = field->sifted;

    for (size_t i = field->sifted; i < field->size; i++) {
        const enum kind kind = kind_of((uint8_t)field->text[i]);

        if (kind == SYMBOL)
            field->text[kept++] = field->text[i];
        field->stray = field->stray || kind == STRAY;
    }
    field->size = field->sifted = kept;
}

/* Judges what is in field->text; *size gets the octets it stands for. */
static bool field_decode(struct csr_field *field, size_t *size)
{
    return base64_decode(field->der, sizeof(field->der), size, field->text, field->size, BASE64_STRICT, NULL) == 0;
}

/* The text is full of symbols and more come: judge it and forget it. */
static void field_forget(struct csr_field *field)
{
    size_t size;

    if (!field_decode(field, &size))
        field->broken = true;
    field->ended = field->ended || size != sizeof(field->der);
    field->longer = true;
    field->size = field->sifted = 0;
}

/* False: nothing but white space and strays is left of the text. */
static bool skip_to_symbol(struct csr_field *field, const char **text, const char *end)
{
    for (; *text < end && kind_of((uint8_t) * *text) != SYMBOL; ++*text)
        field->stray = field->stray || kind_of((uint8_t) * *text) == STRAY;
    return *text < end;
}

/* Taken as it comes: most texts are base64 through and through, which the decoder sees by itself. */
void csr_field_add(struct csr_field *field, const char *text, size_t size)
{
    const char *end = text + size;

    while (text < end) {
        size_t part;

        if (field->size == sizeof(field->text))
            field_sift(field);
        if (field->size == sizeof(field->text)) {
            if (!skip_to_symbol(field, &text, end))
                return;
            field_forget(field);
        }
        part = (size_t)(end - text) < sizeof(field->text) - field->size ? (size_t)(end - text) : sizeof(field->text) - field->size;
        memcpy(field->text + field->size, text, part);
        field->size += part;
        text += part;
    }
}

bool csr_field_end(struct csr_field *field, struct smki_bytes *der, int *code)
{
    size_t size = 0;

    *der = (struct smki_bytes){0};
    if (field->ended || !field_decode(field, &size)) {
        field_sift(field);
        if ((field->ended && field->size != 0) || !field_decode(field, &size))
            field->broken = true;
    }
    *code = field->longer || size > SMKI_CSR_MAX_SIZE ? SMKI_CSR_TOO_LARGE : field->stray ? SMKI_CSR_TEXT_INVALID : 0;
    if (*code == 0 && !field->broken)
        *der = BYTES(field->der, size);
    return !field->broken;
}
