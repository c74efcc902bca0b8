/* The gate, by a table: each head whole or refused, whatever its pieces. */
#include "smki_test.h"

#include "serve/gate_i.h"

#include <string.h>

#define HEAD_MAX 200

static const struct gate_case {
    const char *octets;
    size_t size; /* 0: that of the text */
    enum gate_verdict verdict;
    size_t used; /* octets of the head, or up to what is refused */
} cases[] = {
    {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 0, GATE_WHOLE, 27},
    {"GET / HTTP/1.1\r\n\r\n", 0, GATE_WHOLE, 18},
    {"GET / HTTP/1.1\r\nHost: a\r\n\r\nPOST / HTTP/1.1\r\n\r\n", 0, GATE_WHOLE, 27},
    {"GET / HTTP/1.1\r\nHost: a\r\n\r\n\n\r\r\0body", 35, GATE_WHOLE, 27},
    {"\r\nGET / HTTP/1.1\r\n\r\n", 0, GATE_WHOLE, 20},
    {"\r\n\r\n\r\nGET /\r\n\r\n", 0, GATE_WHOLE, 15},
    {"GET / x\r\nA:\tb c\xff\xfe\r\n\r\n", 0, GATE_WHOLE, 21},
    {"G(T / HTTP/1.1\r\n\r\n", 0, GATE_MALFORMED, 2},
    {"GET\t/ HTTP/1.1\r\n\r\n", 0, GATE_MALFORMED, 4},
    {"\r\nG\xc3\x89T / HTTP/1.1\r\n\r\n", 0, GATE_MALFORMED, 4},
    {"GET / HTTP/1.1\r\nA: \t\r\nB: c \t \r\n\r\n", 0, GATE_WHOLE, 33},
    {"", 0, GATE_MORE, 0},
    {"GET / HTTP/1.1\r\nHost: a\r\n", 0, GATE_MORE, 25},
    {"GET / HTTP/1.1\r\nHost: a\r\n\r", 0, GATE_MORE, 26},
    {"\r\n\r\n\r\n", 0, GATE_MORE, 6},
    {"GET / HTTP/1.1\nHost: a\r\n\r\n", 0, GATE_MALFORMED, 15},
    {"GET / HTTP/1.1\r\nHost: a\n\n", 0, GATE_MALFORMED, 24},
    {"GET / HTTP/1.1\r\nHost: a\r\n\n", 0, GATE_MALFORMED, 26},
    {"GET / HTTP/1.1\rHost: a\r\n\r\n", 0, GATE_MALFORMED, 16},
    {"GET / HTTP/1.1\r\r\n\r\n", 0, GATE_MALFORMED, 16},
    {"GET / HTTP/1.1\r\nHost: a\r\n\rX", 0, GATE_MALFORMED, 27},
    {"\rGET", 0, GATE_MALFORMED, 2},
    {"\nGET", 0, GATE_MALFORMED, 1},
    {" GET / HTTP/1.1\r\n\r\n", 0, GATE_MALFORMED, 1},
    {"GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", 0, GATE_MALFORMED, 23},
    {"GET / HTTP/1.1\r\nA: b\r\n\tc\r\n\r\n", 0, GATE_MALFORMED, 23},
    {"GET / HTTP/1.1\r\n: y\r\n\r\n", 0, GATE_MALFORMED, 17},
    {"GET / HTTP/1.1\r\nA b: y\r\n\r\n", 0, GATE_MALFORMED, 18},
    {"GET / HTTP/1.1\r\nX(y): 1\r\n\r\n", 0, GATE_MALFORMED, 18},
    {"GET / HTTP/1.1\r\nA\r\n\r\n", 0, GATE_MALFORMED, 18},
    {"GET / HTTP/1.1\r\nA :b\r\n\r\n", 0, GATE_MALFORMED, 18},
    {"GET / HTTP/1.1\r\nA:\r\nb!#$%&'*+-.^_`|~9Z::\r\n\r\n", 0, GATE_WHOLE, 44},
    {"GET /\0x HTTP/1.1\r\n\r\n", 20, GATE_MALFORMED, 6},
    {"\0", 1, GATE_MALFORMED, 1},
    {"GET /\x01 HTTP/1.1\r\n\r\n", 0, GATE_MALFORMED, 6},
    {"GET /\x7f HTTP/1.1\r\n\r\n", 0, GATE_MALFORMED, 6},
};

static void run(const struct gate_case *it, size_t first, size_t step)
{
    const size_t size = it->size != 0 ? it->size : strlen(it->octets);
    struct gate gate;
    enum gate_verdict verdict = GATE_MORE;
    size_t total = 0, used = 0;

    gate_reset(&gate);
    for (size_t piece = first; verdict == GATE_MORE && total < size; piece = step) {
        if (piece > size - total)
            piece = size - total;
        verdict = gate_head(&gate, HEAD_MAX, (const uint8_t *)it->octets + total, piece, &used);
        assert_true(used <= piece && (verdict != GATE_MORE || used == piece));
        total += used;
    }
    if (verdict != it->verdict || total != it->used)
        fail_msg("\"%s\" in pieces of %zu and %zu: verdict %d after %zu octets", it->octets, first, step, (int)verdict, total);
    assert_int_equal(gate.state, verdict == GATE_WHOLE ? GATE_WAIT : GATE_HEAD);
}

static void every_head_is_judged_alike_however_it_is_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const size_t size = cases[i].size != 0 ? cases[i].size : strlen(cases[i].octets);
        for (size_t first = 1; first <= size + 1; first++) {
            run(&cases[i], first, size + 1);
            run(&cases[i], first, 1);
            run(&cases[i], first, 3);
        }
    }
}

static void blanks_at_the_ends_of_fields_are_taken_from_a_head_and_nothing_else(void **state)
{
    static const char *const heads[][2] = {
        {"GET / HTTP/1.1\r\nLength: 3 \r\nHost: a\t\r\n\r\n", "GET / HTTP/1.1\r\nLength: 3\r\nHost: a\r\n\r\n"},
        {"GET / HTTP/1.1 \r\nA: b\r\n\r\n", "GET / HTTP/1.1 \r\nA: b\r\n\r\n"},
        {"\r\n\r\nGET / HTTP/1.1 \r\nA: b c \t \r\n\r\n", "\r\n\r\nGET / HTTP/1.1 \r\nA: b c\r\n\r\n"},
        {"GET / x\r\nA: \t \r\nB:\r\n\r\n", "GET / x\r\nA:\r\nB:\r\n\r\n"},
    };
    char head[HEAD_MAX];
    struct gate gate;
    size_t used, size;

    (void)state;
    for (size_t i = 0; i < TEST_COUNT(heads); i++) {
        snprintf(head, sizeof(head), "%s", heads[i][0]);
        gate_reset(&gate);
        assert_int_equal(gate_head(&gate, HEAD_MAX, (const uint8_t *)head, strlen(head), &used), GATE_WHOLE);
        assert_int_equal(gate.trims, i != 1);
        size = gate_trim((uint8_t *)head, strlen(head));
        assert_int_equal(size, strlen(heads[i][1]));
        assert_memory_equal(head, heads[i][1], size);
        assert_int_equal(gate.hosts, i == 0);
    }
}

static void a_head_may_have_as_many_octets_as_its_limit_and_no_more(void **state)
{
    uint8_t head[HEAD_MAX + 1];
    struct gate gate;
    size_t used;

    (void)state;
    memset(head, 'a', sizeof(head));
    memcpy(head + HEAD_MAX - 4, "\r\n\r\n", 4);
    gate_reset(&gate);
    assert_int_equal(gate_head(&gate, HEAD_MAX, head, HEAD_MAX, &used), GATE_WHOLE);
    memset(head, 'a', sizeof(head));
    memcpy(head + HEAD_MAX - 3, "\r\n\r\n", 4);
    gate_reset(&gate);
    assert_int_equal(gate_head(&gate, HEAD_MAX, head, sizeof(head), &used), GATE_TOO_LARGE);
    memset(head, 'a', sizeof(head));
    gate_reset(&gate);
    assert_int_equal(gate_head(&gate, HEAD_MAX, head, sizeof(head), &used), GATE_TARGET_TOO_LONG);
    gate_reset(&gate);
    assert_int_equal(gate_head(&gate, HEAD_MAX, (const uint8_t *)"\r\n", 2, &used), GATE_MORE); /* empty lines count */
    assert_int_equal(gate.head, 2);
}

/* Fields and arguments, `arguments` of the latter. */
static enum gate_verdict of_parts(size_t arguments, size_t fields)
{
    char head[4096] = "GET /x?";
    struct gate gate;
    size_t used;

    for (size_t i = 0; i < arguments; i++)
        strcat(head, "a&");
    strcat(head, " HTTP/1.1\r\n");
    for (size_t i = 0; i < fields; i++)
        strcat(head, "a:&\r\n");
    strcat(head, "\r\n");
    gate_reset(&gate);
    return gate_head(&gate, sizeof(head), (const uint8_t *)head, strlen(head), &used);
}

static void fields_and_arguments_are_no_more_than_the_library_has_room_for(void **state)
{
    (void)state;
    assert_int_equal(of_parts(0, GATE_PARTS_MAX), GATE_WHOLE);
    assert_int_equal(of_parts(0, GATE_PARTS_MAX + 1), GATE_TOO_LARGE);
    assert_int_equal(of_parts(GATE_PARTS_MAX, 0), GATE_WHOLE);
    assert_int_equal(of_parts(GATE_PARTS_MAX - 1, 2), GATE_TOO_LARGE);
    assert_int_equal(of_parts(GATE_PARTS_MAX + 1, 0), GATE_TARGET_TOO_LONG);
}

static void a_body_passes_to_its_last_octet_and_nothing_after_it(void **state)
{
    struct gate gate;

    (void)state;
    gate_reset(&gate);
    assert_int_equal(gate_may_pass(&gate, 10), 0);
    gate_body(&gate, 15);
    assert_int_equal(gate_may_pass(&gate, 10), 10);
    gate_passed(&gate, 10);
    assert_int_equal(gate_may_pass(&gate, 10), 5);
    gate_passed(&gate, 4);
    assert_int_equal(gate.state, GATE_BODY);
    gate_passed(&gate, 1);
    assert_int_equal(gate.state, GATE_REPLY);
    assert_int_equal(gate_may_pass(&gate, 1), 0);
}

static void no_body_passes_nothing(void **state)
{
    struct gate gate;

    (void)state;
    gate_reset(&gate);
    gate_body(&gate, 0);
    assert_int_equal(gate.state, GATE_REPLY);
}

static const struct chunks_case {
    const char *octets;
    size_t size; /* octets that belong to the body; 0: refused */
    bool ends;
} chunk_cases[] = {
    {"0\r\n\r\n", 5, true},
    {"3\r\nabc\r\n0\r\n\r\n", 13, true},
    {"3\r\n\r\n\n\r\n0\r\n\r\nGET /", 13, true},
    {"00a;x=\"y\"\r\n0123456789\r\n1;\r\nX\r\n000\r\nA: b\r\nC: d\r\n\r\n0\r\n", 49, true},
    {"3\r\nabc\r\n", 8, false},
    {"A0\r\nabc", 7, false},
    {"3\nabc\r\n0\r\n\r\n", 0, false},
    {"3\r\nabc\n0\r\n\r\n", 0, false},
    {"3\r\nabcd\r\n0\r\n\r\n", 0, false},
    {"3\rabc", 0, false},
    {"3 \r\nabc\r\n", 0, false},
    {"3;\x01\r\nabc\r\n", 0, false},
    {"3;a\nabc\r\n", 0, false},
    {"\r\n", 0, false},
    {"-1\r\n", 0, false},
    {"0x1\r\n", 0, false},
    {"1000000000000\r\n", 0, false},
    {"0\n\r\n", 0, false},
    {"0\r\n\n", 0, false},
    {"0\r\nA: b\n\r\n", 0, false},
};

/* In pieces, of each of which all but `back` octets pass at once. */
static void chunks_run(const struct chunks_case *it, size_t piece, size_t back)
{
    const size_t size = strlen(it->octets);
    struct gate gate;
    size_t total = 0, shown = 0;

    gate_reset(&gate);
    gate_body(&gate, GATE_ENDLESS);
    while (shown < size && gate.state == GATE_BODY) {
        size_t used = 0;

        shown = shown + piece < size ? shown + piece : size;
        used = gate_may_pass(&gate, shown - total);
        if (!gate_look(&gate, (const uint8_t *)it->octets + total, &used)) {
            assert_int_equal(it->size, 0);
            return;
        }
        used -= shown < size && used > back ? back : 0;
        gate_passed(&gate, used);
        total += used;
    }
    if (total != it->size || (gate.state == GATE_REPLY) != it->ends)
        fail_msg("\"%s\" in pieces of %zu, %zu left: %zu octets, state %d", it->octets, piece, back, total, (int)gate.state);
}

static void a_chunked_body_passes_to_its_end_where_its_lines_are_clean(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(chunk_cases) / sizeof(chunk_cases[0]); i++) {
        for (size_t piece = 1; piece <= strlen(chunk_cases[i].octets); piece++) {
            chunks_run(&chunk_cases[i], piece, 0);
            chunks_run(&chunk_cases[i], piece, 1);
            chunks_run(&chunk_cases[i], piece, 3);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_head_is_judged_alike_however_it_is_cut),
        cmocka_unit_test(blanks_at_the_ends_of_fields_are_taken_from_a_head_and_nothing_else),
        cmocka_unit_test(a_head_may_have_as_many_octets_as_its_limit_and_no_more),
        cmocka_unit_test(fields_and_arguments_are_no_more_than_the_library_has_room_for),
        cmocka_unit_test(a_body_passes_to_its_last_octet_and_nothing_after_it),
        cmocka_unit_test(no_body_passes_nothing),
        cmocka_unit_test(a_chunked_body_passes_to_its_end_where_its_lines_are_clean),
    };

    return cmocka_run_group_tests_name("gate", tests, NULL, NULL);
}
