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
    field->size = 0;
    field->broken = field->ended = field->longer = field->stray = false;
}

/* Judges what is in field->text; *size gets the octets it stands for. */
static void field_decode(struct csr_field *field, size_t *size)
{
    if (base64_decode(field->der, sizeof(field->der), size, field->text, field->size, BASE64_STRICT, NULL) != 0)
        field->broken = true;
}

/* The text is full and more comes: judge it and forget it. */
static void field_forget(struct csr_field *field)
{
    size_t size;

    field_decode(field, &size);
    field->ended = field->ended || size != sizeof(field->der);
    field->longer = true;
    field->size = 0;
}

static void add_symbols(struct csr_field *field, const char *text, size_t size)
{
    while (size != 0) {
        size_t part;
        if (field->size == sizeof(field->text))
            field_forget(field);
        part = size < sizeof(field->text) - field->size ? size : sizeof(field->text) - field->size;
        memcpy(field->text + field->size, text, part);
        field->size += part;
        text += part;
        size -= part;
    }
}

void csr_field_add(struct csr_field *field, const char *text, size_t size)
{
    const char *end = text + size;

    while (text < end) {
        const char *start = text;
        while (text < end && kind_of((uint8_t)*text) == SYMBOL)
            text++;
        add_symbols(field, start, (size_t)(text - start));
        for (; text < end && kind_of((uint8_t)*text) != SYMBOL; text++)
            field->stray = field->stray || kind_of((uint8_t)*text) == STRAY;
    }
}

bool csr_field_end(struct csr_field *field, struct smki_bytes *der, int *code)
{
    size_t size = 0;

    *der = (struct smki_bytes){0};
    if (field->ended && field->size != 0)
        field->broken = true;
    field_decode(field, &size);
    *code = field->longer || size > SMKI_CSR_MAX_SIZE ? SMKI_CSR_TOO_LARGE : field->stray ? SMKI_CSR_TEXT_INVALID : 0;
    if (*code == 0 && !field->broken)
        *der = BYTES(field->der, size);
    return !field->broken;
}
