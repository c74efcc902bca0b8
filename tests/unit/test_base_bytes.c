/* Buffers, cursors, writers; allocations that fail. */
#include "smki_test.h"

/* bytes.c asks for memory through these, so that a test can refuse it. */
static int allocations_left = -1; /* -1: as many as wanted */

static bool allocation_refused(void)
{
    if (allocations_left == 0)
        return true;
    allocations_left -= allocations_left > 0;
    return false;
}

static void *scarce_malloc(size_t size)
{
    return allocation_refused() ? NULL : malloc(size);
}

static void *scarce_realloc(void *at, size_t size)
{
    return allocation_refused() ? NULL : realloc(at, size);
}

#define malloc  scarce_malloc
#define realloc scarce_realloc
#include "base/bytes.c"
#undef malloc
#undef realloc

static void a_buffer_keeps_what_is_appended(void **state)
{
    struct smki_buffer buffer = {0};
    struct smki_error err = {0};

    (void)state;
    for (int i = 0; i < 1000; i++)
        ASSERT_OK(smki_buffer_append(&buffer, "abc", 3, &err), err);
    assert_int_equal(buffer.size, 3000);
    assert_memory_equal(buffer.at + 2997, "abc", 3);
    smki_buffer_finish(&buffer);
    assert_null(buffer.at);
}

static void a_buffer_takes_its_max_and_not_one_octet_more(void **state)
{
    struct smki_buffer buffer = {.max = 4};
    struct smki_error err = {0};

    (void)state;
    ASSERT_OK(smki_buffer_append(&buffer, "abcd", 4, &err), err);
    EXPECT_REFUSED(SMKI_TOO_LARGE, smki_buffer_append(&buffer, "e", 1, &err), err);
    EXPECT_TEXT(err, "4 octets");
    assert_int_equal(buffer.size, 4);
    smki_buffer_finish(&buffer);
}

static void a_size_that_overflows_is_refused(void **state)
{
    struct smki_buffer buffer = {0};
    struct smki_error err = {0};

    (void)state;
    ASSERT_OK(smki_buffer_append(&buffer, "a", 1, &err), err);
    EXPECT_REFUSED(SMKI_TOO_LARGE, buffer_reserve(&buffer, SIZE_MAX, &err), err);
    smki_buffer_finish(&buffer);
}

static void nothing_can_be_appended(void **state)
{
    struct smki_buffer buffer = {0};
    struct smki_error err = {0};

    (void)state;
    ASSERT_OK(smki_buffer_append(&buffer, NULL, 0, &err), err);
    assert_int_equal(buffer.size, 0);
    smki_buffer_finish(&buffer);
    smki_buffer_finish(NULL);
}

static void printf_appends_texts_short_and_long(void **state)
{
    struct smki_buffer buffer = {0};
    struct smki_error err = {0};

    (void)state;
    ASSERT_OK(smki_buffer_printf(&buffer, &err, "%s=%d;", "a", 1), err);
    ASSERT_OK(smki_buffer_printf(&buffer, &err, "%0600d", 5), err);
    assert_int_equal(buffer.size, 604);
    assert_memory_equal(buffer.at, "a=1;000", 7);
    assert_int_equal(buffer.at[603], '5');
    smki_buffer_finish(&buffer);
}

static void printf_fills_a_buffer_to_its_max(void **state)
{
    struct smki_buffer buffer = {.max = 4};
    struct smki_error err = {0};

    (void)state;
    ASSERT_OK(smki_buffer_printf(&buffer, &err, "%s", "abcd"), err);
    EXPECT_REFUSED(SMKI_TOO_LARGE, smki_buffer_printf(&buffer, &err, "%s", "e"), err);
    smki_buffer_finish(&buffer);
}

static void every_failing_allocation_is_a_refusal(void **state)
{
    (void)state;
    for (int allowed = 0; allowed < 2; allowed++) {
        struct smki_buffer buffer = {0};
        struct smki_error err = {0};
        allocations_left = allowed;
        EXPECT_REFUSED(SMKI_NO_MEMORY, smki_buffer_printf(&buffer, &err, "%0600d", 5), err);
        assert_int_equal(buffer.size, 0);
        allocations_left = -1;
        ASSERT_OK(smki_buffer_printf(&buffer, &err, "%0600d", 5), err);
        smki_buffer_finish(&buffer);
    }
}

static void a_failed_append_keeps_what_was_there(void **state)
{
    struct smki_buffer buffer = {0};
    struct smki_error err = {0};

    (void)state;
    ASSERT_OK(smki_buffer_append(&buffer, "abc", 3, &err), err);
    allocations_left = 0;
    EXPECT_REFUSED(SMKI_NO_MEMORY, buffer_reserve(&buffer, 100000, &err), err);
    allocations_left = -1;
    assert_int_equal(buffer.size, 3);
    assert_memory_equal(buffer.at, "abc", 3);
    smki_buffer_finish(&buffer);
}

/* ---- cursor ---- */

static void a_cursor_reads_big_endian(void **state)
{
    static const uint8_t octets[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    struct cursor cursor = cursor_of(BYTES(octets, sizeof(octets)));
    struct smki_error err = {0};

    (void)state;
    assert_int_equal(cursor_u8(&cursor), 1);
    assert_int_equal(cursor_u16(&cursor), 0x0203);
    assert_int_equal(cursor_u32(&cursor), 0x04050607);
    assert_true(cursor_u64(&cursor) == UINT64_C(0x08090a0b0c0d0e0f));
    ASSERT_OK(cursor_close(&cursor, "it", &err), err);
}

static void a_cursor_never_reads_past_its_end(void **state)
{
    uint8_t *octets = calloc(1, 3); /* on the heap, so that the sanitizer sees a fourth octet read */
    struct cursor cursor = cursor_of(BYTES(octets, 3));
    struct smki_error err = {0};

    (void)state;
    assert_non_null(octets);
    octets[0] = 9;
    assert_int_equal(cursor_u32(&cursor), 0);
    assert_true(cursor.failed);
    free(octets);
    EXPECT_REFUSED(SMKI_STORE_CORRUPT, cursor_close(&cursor, "batch 7", &err), err);
    EXPECT_TEXT(err, "batch 7");
}

static void after_a_failure_a_cursor_gives_zeroes(void **state)
{
    static const uint8_t octets[] = {1, 2, 3};
    struct cursor cursor = cursor_of(BYTES(octets, sizeof(octets)));

    (void)state;
    (void)cursor_take(&cursor, 4);
    assert_int_equal(cursor_u8(&cursor), 0);
    assert_int_equal(cursor_left(&cursor), 0);
    assert_null(cursor_take(&cursor, 0).at);
}

static void what_is_left_over_is_corrupt(void **state)
{
    static const uint8_t octets[] = {1, 2};
    struct cursor cursor = cursor_of(BYTES(octets, sizeof(octets)));
    struct smki_error err = {0};

    (void)state;
    (void)cursor_u8(&cursor);
    EXPECT_REFUSED(SMKI_STORE_CORRUPT, cursor_close(&cursor, "it", &err), err);
    EXPECT_TEXT(err, "1 octet");
}

static void an_empty_cursor_has_nothing(void **state)
{
    struct cursor cursor = cursor_of((struct smki_bytes){0});
    struct smki_error err = {0};

    (void)state;
    assert_int_equal(cursor_left(&cursor), 0);
    ASSERT_OK(cursor_close(&cursor, "it", &err), err);
    assert_int_equal(cursor_u8(&cursor), 0);
    assert_true(cursor.failed);
}

static void a_sized_run_longer_than_the_rest_fails(void **state)
{
    static const uint8_t octets[] = {0, 3, 'a', 'b'};
    struct cursor cursor = cursor_of(BYTES(octets, sizeof(octets)));

    (void)state;
    assert_int_equal(cursor_sized16(&cursor).size, 0);
    assert_true(cursor.failed);
}

static void a_text_is_closed_and_fits(void **state)
{
    static const uint8_t octets[] = {0, 3, 'a', 'b', 'c'};
    struct cursor cursor = cursor_of(BYTES(octets, sizeof(octets)));
    char text[4];

    (void)state;
    cursor_text(&cursor, text, sizeof(text));
    assert_false(cursor.failed);
    assert_string_equal(text, "abc");
}

static void a_text_too_long_or_with_nul_fails(void **state)
{
    static const uint8_t octets[] = {0, 3, 'a', 'b', 'c'}, nul[] = {0, 2, 'a', 0};
    struct cursor cursor = cursor_of(BYTES(octets, sizeof(octets)));
    char text[3];

    (void)state;
    cursor_text(&cursor, text, sizeof(text));
    assert_true(cursor.failed);
    assert_string_equal(text, "");
    cursor = cursor_of(BYTES(nul, sizeof(nul)));
    cursor_text(&cursor, text, sizeof(text));
    assert_true(cursor.failed);
}

/* ---- writer ---- */

static void what_a_writer_writes_a_cursor_reads(void **state)
{
    uint8_t octets[64];
    char text[8];
    struct writer writer = writer_of(octets, sizeof(octets));
    struct cursor cursor;
    struct smki_error err = {0};

    (void)state;
    write_u8(&writer, 0xab);
    write_u16(&writer, 0xabcd);
    write_u32(&writer, 0xabcdef01);
    write_u64(&writer, UINT64_C(0xfedcba9876543210));
    write_sized16(&writer, BYTES("hello", 5));
    assert_false(writer.failed);
    assert_int_equal(writer_size(&writer), 1 + 2 + 4 + 8 + 2 + 5);
    cursor = cursor_of(BYTES(octets, writer_size(&writer)));
    assert_int_equal(cursor_u8(&cursor), 0xab);
    assert_int_equal(cursor_u16(&cursor), 0xabcd);
    assert_true(cursor_u32(&cursor) == 0xabcdef01);
    assert_true(cursor_u64(&cursor) == UINT64_C(0xfedcba9876543210));
    cursor_text(&cursor, text, sizeof(text));
    assert_string_equal(text, "hello");
    ASSERT_OK(cursor_close(&cursor, "it", &err), err);
}

static void a_writer_never_writes_past_its_end(void **state)
{
    uint8_t octets[4] = {0, 0, 0, 0x55};
    struct writer writer = writer_of(octets, 3);

    (void)state;
    write_u16(&writer, 0x0102);
    write_u16(&writer, 0x0304);
    assert_true(writer.failed);
    write_u8(&writer, 9); /* would fit, but comes after a failure */
    assert_int_equal(writer_size(&writer), 2);
    assert_int_equal(octets[2], 0);
    assert_int_equal(octets[3], 0x55);
}

static void a_run_too_long_for_its_size_fails(void **state)
{
    static uint8_t from[UINT16_MAX + 1], to[UINT16_MAX + 16];
    struct writer writer = writer_of(to, sizeof(to));

    (void)state;
    write_sized16(&writer, BYTES(from, UINT16_MAX));
    assert_false(writer.failed);
    writer = writer_of(to, sizeof(to));
    write_sized16(&writer, BYTES(from, UINT16_MAX + 1));
    assert_true(writer.failed);
}

static void a_writer_without_room_fails(void **state)
{
    struct writer writer = writer_of(NULL, 0);

    (void)state;
    write_bytes(&writer, NULL, 0);
    assert_false(writer.failed);
    write_u8(&writer, 1);
    assert_true(writer.failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_buffer_keeps_what_is_appended),
        cmocka_unit_test(a_buffer_takes_its_max_and_not_one_octet_more),
        cmocka_unit_test(a_size_that_overflows_is_refused),
        cmocka_unit_test(nothing_can_be_appended),
        cmocka_unit_test(printf_appends_texts_short_and_long),
        cmocka_unit_test(printf_fills_a_buffer_to_its_max),
        cmocka_unit_test(every_failing_allocation_is_a_refusal),
        cmocka_unit_test(a_failed_append_keeps_what_was_there),
        cmocka_unit_test(a_cursor_reads_big_endian),
        cmocka_unit_test(a_cursor_never_reads_past_its_end),
        cmocka_unit_test(after_a_failure_a_cursor_gives_zeroes),
        cmocka_unit_test(what_is_left_over_is_corrupt),
        cmocka_unit_test(an_empty_cursor_has_nothing),
        cmocka_unit_test(a_sized_run_longer_than_the_rest_fails),
        cmocka_unit_test(a_text_is_closed_and_fits),
        cmocka_unit_test(a_text_too_long_or_with_nul_fails),
        cmocka_unit_test(what_a_writer_writes_a_cursor_reads),
        cmocka_unit_test(a_writer_never_writes_past_its_end),
        cmocka_unit_test(a_run_too_long_for_its_size_fails),
        cmocka_unit_test(a_writer_without_room_fails),
    };

    return cmocka_run_group_tests_name("bytes", tests, NULL, NULL);
}
