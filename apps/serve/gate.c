/* Two scanners: of eight states over the head of a request, of nine over the lines between the chunks of its body. */
#include "serve/gate_i.h"

#include <string.h>

void gate_reset(struct gate *gate)
{
    *gate = (struct gate){.state = GATE_HEAD, .scan = GATE_FIRST};
}

/* RFC 9110 5.5: no control characters but the tab. */
static bool is_control(uint8_t c)
{
    return (c < 0x20 && c != '\t') || c == 0x7f;
}

/* RFC 9110 5.6.2: what the name of a field is made of. */
static bool is_token(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

/* An octet of the request line, which begins with a token (RFC 9112 3.1); false: refused. */
static bool target_octet(struct gate *gate, uint8_t c)
{
    const bool start = gate->scan == GATE_FIRST;

    if (c == '\r') {
        gate->scan = start ? GATE_FIRST_CR : GATE_LINE_CR;
        return true;
    }
    if (is_control(c) || (start && is_blank(c)))
        return false;
    gate->method = gate->method || c == ' ';
    if (!gate->method && !is_token(c))
        return false;
    gate->parts += c == '&';
    gate->scan = GATE_TARGET;
    return true;
}

/* Of the names only Host is known here: the library says in its own words only that it is not there. */
static void name_look(struct gate *gate, uint8_t c)
{
    static const char host[] = "host";

    if (gate->name == gate->alike && gate->alike < sizeof(host) - 1 && (c | 0x20) == host[gate->alike])
        gate->alike++;
    gate->name++;
}

/* An octet of a field's name, which has at least one; so no line is folded either (obsolete, RFC 9112 5.2). */
static bool name_octet(struct gate *gate, uint8_t c)
{
    if (c == '\r' && gate->scan == GATE_LINE_START) {
        gate->scan = GATE_END_CR;
        return true;
    }
    if (c == ':' && gate->scan == GATE_NAME) {
        gate->scan = GATE_VALUE;
        gate->hosts += gate->name == 4 && gate->alike == 4;
        gate->blank = false;
        return true;
    }
    if (gate->scan == GATE_LINE_START) {
        gate->parts++;
        gate->name = gate->alike = 0;
    }
    gate->scan = GATE_NAME;
    name_look(gate, c);
    return is_token(c);
}

static bool value_octet(struct gate *gate, uint8_t c)
{
    if (c == '\r') {
        gate->scan = GATE_LINE_CR;
        gate->trims = gate->trims || gate->blank;
    }
    gate->blank = is_blank(c);
    return c == '\r' || !is_control(c);
}

/* The LF after a CR. */
static bool line_end(struct gate *gate, uint8_t c)
{
    gate->scan = gate->scan == GATE_FIRST_CR ? GATE_FIRST : GATE_LINE_START; /* empty lines before a request: RFC 9112 2.2 */
    return c == '\n';
}

static bool octet_take(struct gate *gate, uint8_t c)
{
    switch (gate->scan) {
    case GATE_FIRST:
    case GATE_TARGET:
        return target_octet(gate, c);
    case GATE_LINE_START:
    case GATE_NAME:
        return name_octet(gate, c);
    case GATE_VALUE:
        return value_octet(gate, c);
    case GATE_FIRST_CR:
    case GATE_LINE_CR:
        return line_end(gate, c);
    case GATE_END_CR:
        gate->state = c == '\n' ? GATE_WAIT : GATE_HEAD;
        return c == '\n';
    }
    return false;
}

static enum gate_verdict too_large(const struct gate *gate)
{
    return gate->scan == GATE_TARGET ? GATE_TARGET_TOO_LONG : GATE_TOO_LARGE;
}

enum gate_verdict gate_head(struct gate *gate, size_t head_max, const uint8_t *at, size_t size, size_t *used)
{
    for (*used = 0; *used < size;) {
        const uint8_t c = at[(*used)++];

        if (++gate->head > head_max)
            return too_large(gate);
        if (!octet_take(gate, c))
            return GATE_MALFORMED;
        if (gate->parts > GATE_PARTS_MAX)
            return too_large(gate);
        if (gate->state == GATE_WAIT)
            return GATE_WHOLE;
    }
    return GATE_MORE;
}

/* The head is whole: each CR is the first half of the end of a line. */
size_t gate_trim(uint8_t *head, size_t size)
{
    size_t out = 0, line = 0; /* where the line begins in what is written, once a field can */
    bool first = true;        /* the request line, which is not touched */

    for (size_t i = 0; i < size; i++) {
        while (head[i] == '\r' && !first && out > line && is_blank(head[out - 1]))
            out--;
        head[out++] = head[i];
        if (head[i] == '\n') {
            first = first && out - line == 2; /* an empty line before it */
            line = out;
        }
    }
    return out;
}

void gate_body(struct gate *gate, uint64_t size)
{
    gate->left = size;
    gate->chunk = GATE_CHUNK_START;
    gate->state = size != 0 ? GATE_BODY : GATE_REPLY;
}

size_t gate_may_pass(const struct gate *gate, size_t size)
{
    if (gate->state != GATE_BODY)
        return 0;
    return gate->left < size ? (size_t)gate->left : size;
}

void gate_passed(struct gate *gate, size_t size)
{
    if (gate->left == GATE_ENDLESS)
        gate->looked -= size;
    else
        gate->left -= size;
    if (gate->left == 0 || (gate->chunk == GATE_CHUNKS_END && gate->looked == 0))
        gate->state = GATE_REPLY;
}

/* ---- chunks (RFC 9112 7.1) ---- */

static int hex_digit(uint8_t c)
{
    const char *digits = "0123456789abcdef", *at = c != 0 ? strchr(digits, c >= 'A' && c <= 'F' ? c + ('a' - 'A') : c) : NULL;

    return at != NULL ? (int)(at - digits) : -1;
}

/* An octet of the size of a chunk, or what ends it: the line, or an extension. */
static bool size_octet(struct gate *gate, uint8_t c)
{
    const int digit = hex_digit(c);

    if (digit < 0) {
        if (gate->chunk == GATE_CHUNK_START)
            return false;
        gate->chunk = c == '\r' ? GATE_CHUNK_LF : GATE_CHUNK_EXTENSION;
        return c == '\r' || c == ';';
    }
    if (gate->chunk == GATE_CHUNK_START)
        gate->chunk_left = gate->extension = 0;
    gate->chunk = GATE_CHUNK_SIZE;
    gate->chunk_left = gate->chunk_left * 16 + (unsigned)digit;
    return gate->chunk_left < GATE_CHUNK_MAX;
}

/* To `next` at a CR, and there on by its LF. */
static bool text_octet(struct gate *gate, uint8_t c, enum gate_chunk now, enum gate_chunk next)
{
    gate->chunk = c == '\r' ? next : now;
    gate->extension = now == GATE_CHUNK_EXTENSION ? gate->extension + 1 : 0;
    return gate->extension <= GATE_EXTENSION_MAX && (c == '\r' || !is_control(c));
}

static bool chunk_octet(struct gate *gate, uint8_t c)
{
    switch (gate->chunk) {
    case GATE_CHUNK_START:
    case GATE_CHUNK_SIZE:
        return size_octet(gate, c);
    case GATE_CHUNK_EXTENSION:
        return text_octet(gate, c, GATE_CHUNK_EXTENSION, GATE_CHUNK_LF);
    case GATE_CHUNK_LF:
        gate->chunk = gate->chunk_left != 0 ? GATE_CHUNK_DATA : GATE_TRAILER_START;
        return c == '\n';
    case GATE_CHUNK_DATA: /* its end */
        gate->chunk = GATE_DATA_LF;
        return c == '\r';
    case GATE_DATA_LF:
        gate->chunk = GATE_CHUNK_START;
        return c == '\n';
    case GATE_TRAILER_START:
        return text_octet(gate, c, GATE_TRAILER, GATE_CHUNKS_LF);
    case GATE_TRAILER:
        return text_octet(gate, c, GATE_TRAILER, GATE_TRAILER_LF);
    case GATE_TRAILER_LF:
        gate->chunk = GATE_TRAILER_START;
        return c == '\n';
    case GATE_CHUNKS_LF:
        gate->chunk = GATE_CHUNKS_END;
        return c == '\n';
    case GATE_CHUNKS_END:
        break;
    }
    return false;
}

static size_t data_skip(struct gate *gate, size_t size)
{
    const size_t skipped = gate->chunk_left < size ? (size_t)gate->chunk_left : size;

    gate->chunk_left -= skipped;
    return skipped;
}

bool gate_look(struct gate *gate, const uint8_t *at, size_t *size)
{
    if (gate->left != GATE_ENDLESS)
        return true;
    while (gate->looked < *size && gate->chunk != GATE_CHUNKS_END) {
        if (gate->chunk == GATE_CHUNK_DATA && gate->chunk_left != 0)
            gate->looked += data_skip(gate, *size - gate->looked);
        else if (!chunk_octet(gate, at[gate->looked++]))
            return false;
    }
    if (gate->looked < *size)
        *size = gate->looked;
    return true;
}
