/* Heads of requests and chunked bodies: the verdict does not hang on the pieces, and what passes is free of what parsers disagree on. */
#include "serve/gate_i.h"

#include <stdlib.h>
#include <string.h>

#define HEAD_MAX 1024

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size);

static void demand(bool it)
{
    if (!it)
        abort();
}

static enum gate_verdict judge(const uint8_t *at, size_t size, size_t step, size_t *total)
{
    enum gate_verdict verdict = GATE_MORE;
    struct gate gate;
    size_t used = 0;

    gate_reset(&gate);
    for (*total = 0; verdict == GATE_MORE && *total < size; *total += used) {
        const size_t piece = size - *total < step ? size - *total : step;
        verdict = gate_head(&gate, HEAD_MAX, at + *total, piece, &used);
        demand(used <= piece && (verdict != GATE_MORE || used == piece));
    }
    demand(*total <= HEAD_MAX + 1);
    return verdict;
}

/* A whole head, said in another way than the gate's. */
static void look(const uint8_t *at, size_t size)
{
    size_t start = 0;

    demand(size >= 4 && size <= HEAD_MAX && memcmp(at + size - 4, "\r\n\r\n", 4) == 0);
    while (at[start] == '\r')
        start += 2;
    for (size_t i = 0; i < size; i++) {
        demand(at[i] != '\0' && at[i] != 0x7f && (at[i] >= 0x20 || at[i] == '\t' || at[i] == '\r' || at[i] == '\n'));
        demand(at[i] != '\n' || (i > 0 && at[i - 1] == '\r'));
        demand(at[i] != '\r' || (i + 1 < size && at[i + 1] == '\n'));
        demand(i == 0 || at[i - 1] != '\n' || (at[i] != ' ' && at[i] != '\t'));
        demand(i < start || i + 4 >= size || memcmp(at + i, "\r\n\r\n", 4) != 0); /* the first end is the end */
    }
}

/* The octets of a chunked body that pass, SIZE_MAX where they are refused. Of each piece all but `back` octets pass at once. */
static size_t chunks(const uint8_t *at, size_t size, size_t step, size_t back)
{
    struct gate gate;
    size_t total = 0;

    gate_reset(&gate);
    gate_body(&gate, GATE_ENDLESS);
    for (size_t shown = 0; shown < size && gate.state == GATE_BODY;) {
        size_t used;

        shown = size - shown < step ? size : shown + step;
        used = gate_may_pass(&gate, shown - total);
        demand(used == shown - total);
        if (!gate_look(&gate, at + total, &used))
            return SIZE_MAX;
        demand(used <= shown - total);
        used -= shown < size && used > back ? back : 0;
        gate_passed(&gate, used);
        total += used;
    }
    demand(gate.state == GATE_REPLY || total == size);
    demand(gate.state != GATE_REPLY || (total >= 5 && memcmp(at + total - 2, "\r\n", 2) == 0));
    return total;
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    size_t whole, cut;
    const enum gate_verdict verdict = judge(at, size, size + 1, &whole);

    demand(judge(at, size, size != 0 ? 1 + at[size / 2] % 7 : 1, &cut) == verdict && cut == whole);
    if (verdict == GATE_WHOLE)
        look(at, whole);
    demand(chunks(at, size, size + 1, 0) == chunks(at, size, size != 0 ? 1 + at[size / 2] % 7 : 1, size != 0 ? at[0] % 3 : 0));
    return 0;
}
