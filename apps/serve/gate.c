/* A scanner of six states over the head of a request. */
#include "serve/gate_i.h"

void gate_reset(struct gate *gate)
{
    *gate = (struct gate){.state = GATE_HEAD, .scan = GATE_FIRST};
}

/* RFC 9110 5.5: no control characters but the tab. */
static bool is_control(uint8_t c)
{
    return (c < 0x20 && c != '\t') || c == 0x7f;
}

/* An octet where a line begins or goes on; false: refused. */
static bool line_octet(struct gate *gate, uint8_t c)
{
    const bool start = gate->scan == GATE_FIRST || gate->scan == GATE_LINE_START;

    if (c == '\r') {
        gate->scan = gate->scan == GATE_FIRST ? GATE_FIRST_CR : gate->scan == GATE_LINE_START ? GATE_END_CR : GATE_LINE_CR;
        return true;
    }
    if (is_control(c) || (start && (c == ' ' || c == '\t'))) /* folded lines are obsolete, RFC 9112 5.2 */
        return false;
    gate->scan = GATE_IN_LINE;
    return true;
}

enum gate_verdict gate_head(struct gate *gate, size_t head_max, const uint8_t *at, size_t size, size_t *used)
{
    for (*used = 0; *used < size;) {
        const uint8_t c = at[(*used)++];

        if (++gate->head > head_max)
            return GATE_TOO_LARGE;
        switch (gate->scan) {
        case GATE_FIRST:
        case GATE_IN_LINE:
        case GATE_LINE_START:
            if (!line_octet(gate, c))
                return GATE_MALFORMED;
            break;
        case GATE_FIRST_CR: /* empty lines before a request, RFC 9112 2.2 */
        case GATE_LINE_CR:
            if (c != '\n')
                return GATE_MALFORMED;
            gate->scan = gate->scan == GATE_FIRST_CR ? GATE_FIRST : GATE_LINE_START;
            break;
        case GATE_END_CR:
            if (c != '\n')
                return GATE_MALFORMED;
            gate->state = GATE_WAIT;
            return GATE_WHOLE;
        }
    }
    return GATE_MORE;
}

void gate_body(struct gate *gate, uint64_t size)
{
    gate->left = size;
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
        return;
    gate->left -= size;
    if (gate->left == 0)
        gate->state = GATE_REPLY;
}
