/* base64 (RFC 4648 4) and hexadecimal. A batch is tens of megabytes of base64, so whole groups of four take a short way and only line
 * breaks, padding and mistakes take the long one. mbedTLS's decoder lets non-zero padding bits pass (RFC 4648 3.5), so it is not used. */
#include "base/base_i.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* What an octet of the text is: 0 to 63, or one of these, which have the top bit set. */
enum { XX = 0xff, /* no part of base64 */ SP = 0xfe, /* space, tab, CR, LF */ PD = 0xfd /* padding */ };

/* clang-format off */
static const uint8_t meaning[256] = {
    XX, XX, XX, XX, XX, XX, XX, XX, XX, SP, SP, XX, XX, SP, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    SP, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, 62, XX, XX, XX, 63,
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61, XX, XX, XX, PD, XX, XX,
    XX, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
    15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, XX, XX, XX, XX, XX,
    XX, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
    41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
};
/* clang-format on */

size_t base64_encoded_size(size_t size)
{
    return (size / 3 + (size % 3 != 0)) * 4;
}

void base64_encode(char *out, const uint8_t *at, size_t size)
{
    for (; size >= 3; size -= 3, at += 3, out += 4) {
        uint32_t group = (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2];
        out[0] = alphabet[group >> 18];
        out[1] = alphabet[group >> 12 & 63];
        out[2] = alphabet[group >> 6 & 63];
        out[3] = alphabet[group & 63];
    }
    if (size != 0) {
        uint32_t group = (uint32_t)at[0] << 16 | (size == 2 ? (uint32_t)at[1] << 8 : 0);
        out[0] = alphabet[group >> 18];
        out[1] = alphabet[group >> 12 & 63];
        out[2] = '=';
        if (size == 2)
            out[2] = alphabet[group >> 6 & 63];
        out[3] = '=';
    }
}

/* The text on its way. */
struct text {
    const char *start;
    size_t size, at;
    enum base64_spaces spaces;
};

/* A group of four symbols: 24 bits, less 8 for each padding. */
struct group {
    uint32_t bits;
    unsigned symbols, padding;
};

static bool text_next(struct text *text, uint8_t *symbol)
{
    while (text->at < text->size) {
        *symbol = meaning[(uint8_t)text->start[text->at++]];
        if (*symbol != SP || text->spaces != BASE64_SPACES)
            return true;
    }
    return false;
}

static int text_wrong(const struct text *text, const char *what, struct smki_error *err)
{
    return smki_fail(err, SMKI_ENCODING_INVALID, "base64, octet %zu: %s (RFC 4648 4)", text->at, what);
}

static int group_add(struct group *group, const struct text *text, uint8_t symbol, struct smki_error *err)
{
    if (symbol == PD && group->symbols < 2)
        return text_wrong(text, "padding where a character must stand", err);
    if (symbol == PD)
        group->padding++;
    else if ((symbol & 0x80) != 0)
        return text_wrong(text, symbol == SP ? "a space or line break, which is not accepted here" : "not a character of base64", err);
    else if (group->padding != 0)
        return text_wrong(text, "a character after the padding", err);
    group->bits = group->bits << 6 | (symbol == PD ? 0 : symbol);
    group->symbols++;
    return 0;
}

/* The long way: one group, symbol by symbol. Leaves symbols 0 at the end of the text. */
static int group_read(struct group *group, struct text *text, struct smki_error *err)
{
    uint8_t symbol;
    int rc;

    *group = (struct group){0};
    while (group->symbols < 4 && text_next(text, &symbol))
        if ((rc = group_add(group, text, symbol, err)) != 0)
            return rc;
    if (group->symbols != 0 && group->symbols != 4)
        return text_wrong(text, "ends inside a group of four; characters or padding are missing", err);
    if ((group->bits & ((UINT32_C(1) << 8 * group->padding) - 1)) != 0)
        return text_wrong(text, "the bits under the padding are not zero", err);
    if (group->padding != 0 && text_next(text, &symbol))
        return text_wrong(text, "goes on after its padding", err);
    return 0;
}

/* The short way: whole groups while nothing but the 64 characters comes and there is room. Returns the octets written. */
static size_t groups_read(uint8_t *out, size_t capacity, struct text *text)
{
    const uint8_t *at = (const uint8_t *)text->start + text->at;
    const uint8_t *start = at, *end = at + (text->size - text->at);
    size_t size = 0;

    for (; end - at >= 4 && capacity - size >= 3; at += 4, size += 3) {
        uint32_t a = meaning[at[0]], b = meaning[at[1]], c = meaning[at[2]], d = meaning[at[3]];
        uint32_t bits = a << 18 | b << 12 | c << 6 | d;
        if (((a | b | c | d) & 0x80) != 0)
            break;
        out[size] = (uint8_t)(bits >> 16);
        out[size + 1] = (uint8_t)(bits >> 8);
        out[size + 2] = (uint8_t)bits;
    }
    text->at += (size_t)(at - start);
    return size;
}

int base64_decode(uint8_t *out, size_t capacity, size_t *size, const char *text, size_t text_size, enum base64_spaces spaces,
                  struct smki_error *err)
{
    struct text reading = {.start = text, .size = text_size, .spaces = spaces};
    struct group group = {0};
    size_t done = 0;
    int rc;

    *size = 0;
    while (reading.at < reading.size && group.padding == 0) {
        done += groups_read(out + done, capacity - done, &reading);
        if ((rc = group_read(&group, &reading, err)) != 0)
            return rc;
        if (group.symbols == 0)
            break;
        if (capacity - done < 3 - group.padding)
            return smki_fail(err, SMKI_TOO_LARGE, "base64 of more than %zu octets, which is the limit here", capacity);
        for (unsigned i = 0; i < 3 - group.padding; i++)
            out[done++] = (uint8_t)(group.bits >> (16 - 8 * i));
    }
    *size = done;
    return 0;
}

/* ---- hexadecimal ---- */

const char *hex_encode(char *out, const uint8_t *at, size_t size)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < size; i++) {
        out[2 * i] = digits[at[i] >> 4];
        out[2 * i + 1] = digits[at[i] & 15];
    }
    out[2 * size] = '\0';
    return out;
}

/* Without ctype.h, whose answer depends on the locale. */
static int digit_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

int hex_decode(uint8_t *out, size_t size, const char *text, size_t text_size, struct smki_error *err)
{
    if (text_size % 2 != 0 || text_size / 2 != size)
        return smki_fail(err, SMKI_ENCODING_INVALID, "%zu hexadecimal digits are wanted, not %zu characters", 2 * size, text_size);
    for (size_t i = 0; i < size; i++) {
        int high = digit_value(text[2 * i]), low = digit_value(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return smki_fail(err, SMKI_ENCODING_INVALID, "character %zu is not a hexadecimal digit", 2 * i + (high < 0 ? 1 : 2));
        out[i] = (uint8_t)(high << 4 | low);
    }
    return 0;
}
