/* What is written as text: base64, hexadecimal, Device IDs, serial numbers, the nearest word. */
#include "smki_test.h"

#include "base/base_i.h"

static bool base64_row(char *columns[TEST_COLUMNS])
{
    enum base64_spaces spaces = strcmp(columns[1], "spaces") == 0 ? BASE64_SPACES : BASE64_STRICT;
    size_t text_size = strlen(columns[0]), size;
    uint8_t *octets = malloc(text_size / 4 * 3 + 3);
    struct smki_error err = {0};
    char hex[128];
    int rc;
    bool so;

    rc = base64_decode(octets, text_size / 4 * 3 + 3, &size, columns[0], text_size, spaces, &err);
    if (columns[2][0] == '!')
        so = rc == SMKI_ENCODING_INVALID && strstr(err.text, columns[2] + 1) != NULL;
    else
        so = rc == 0 && strcmp(hex_encode(hex, octets, size), columns[2]) == 0;
    if (!so)
        print_error("    gave %d, \"%s\"\n", rc, err.text);
    free(octets);
    return so;
}

static void base64_is_read_by_its_table(void **state)
{
    (void)state;
    test_table("base/base64.txt", 3, base64_row);
}

static void base64_of_every_size_comes_back(void **state)
{
    struct test_random random = {.state = 1};
    uint8_t octets[200], again[200];
    char text[280];
    size_t size;
    struct smki_error err = {0};

    (void)state;
    for (size_t i = 0; i <= sizeof(octets); i++) {
        test_random_fill(&random, octets, i);
        base64_encode(text, octets, i);
        ASSERT_OK(base64_decode(again, sizeof(again), &size, text, base64_encoded_size(i), BASE64_STRICT, &err), err);
        ASSERT_BYTES(BYTES(again, size), octets, i);
    }
}

static void base64_fits_three_quarters_of_its_text(void **state)
{
    uint8_t octets[6];
    size_t size;
    struct smki_error err = {0};

    (void)state;
    ASSERT_OK(base64_decode(octets, 6, &size, "Zm9vYmFy", 8, BASE64_STRICT, &err), err);
    ASSERT_OK(base64_decode(octets, 5, &size, "Zm9vYmE=", 8, BASE64_STRICT, &err), err);
    ASSERT_OK(base64_decode(octets, 4, &size, "Zm9vYg==", 8, BASE64_STRICT, &err), err);
    assert_int_equal(size, 4);
}

static void base64_beyond_the_capacity_is_too_large(void **state)
{
    uint8_t *octets = malloc(5); /* on the heap, so that the sanitizer sees a sixth octet written */
    size_t size;
    struct smki_error err = {0};

    (void)state;
    EXPECT_REFUSED(SMKI_TOO_LARGE, base64_decode(octets, 5, &size, "Zm9vYmFy", 8, BASE64_STRICT, &err), err);
    EXPECT_REFUSED(SMKI_TOO_LARGE, base64_decode(octets, 4, &size, "Zm9vYmE=", 8, BASE64_STRICT, &err), err);
    EXPECT_REFUSED(SMKI_TOO_LARGE, base64_decode(octets, 0, &size, "Zg==", 4, BASE64_STRICT, &err), err);
    free(octets);
}

static void base64_with_a_nul_is_refused(void **state)
{
    uint8_t octets[8];
    size_t size;
    struct smki_error err = {0};

    (void)state;
    EXPECT_REFUSED(SMKI_ENCODING_INVALID, base64_decode(octets, 8, &size, "Zm9v\0mFy", 8, BASE64_SPACES, &err), err);
}

static void every_octet_outside_base64_is_refused(void **state)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t octets[6];
    size_t size;

    (void)state;
    for (int c = 0; c < 256; c++) {
        char text[8] = {'Z', 'm', (char)c, 'v', 'Y', 'm', 'F', 'y'};
        bool member = c != 0 && strchr(alphabet, c) != NULL;
        assert_int_equal(base64_decode(octets, 6, &size, text, 8, BASE64_STRICT, NULL), member ? 0 : SMKI_ENCODING_INVALID);
    }
}

static void hex_comes_back(void **state)
{
    static const uint8_t octets[] = {0x00, 0x7f, 0x80, 0xab, 0xff};
    uint8_t again[sizeof(octets)];
    char text[2 * sizeof(octets) + 1];
    struct smki_error err = {0};

    (void)state;
    assert_string_equal(hex_encode(text, octets, sizeof(octets)), "007f80abff");
    ASSERT_OK(hex_decode(again, sizeof(again), "007F80aBFf", 10, &err), err);
    assert_memory_equal(again, octets, sizeof(octets));
}

static void hex_of_another_size_is_refused(void **state)
{
    uint8_t octets[4];
    struct smki_error err = {0};

    (void)state;
    EXPECT_REFUSED(SMKI_ENCODING_INVALID, hex_decode(octets, 2, "abc", 3, &err), err);
    EXPECT_REFUSED(SMKI_ENCODING_INVALID, hex_decode(octets, 2, "abcde", 5, &err), err);
    EXPECT_REFUSED(SMKI_ENCODING_INVALID, hex_decode(octets, 2, "abcdef", 6, &err), err);
    EXPECT_REFUSED(SMKI_ENCODING_INVALID, hex_decode(octets, 2, "", 0, &err), err);
}

static void hex_with_another_character_names_it(void **state)
{
    uint8_t octets[2];
    struct smki_error err = {0};

    (void)state;
    EXPECT_REFUSED(SMKI_ENCODING_INVALID, hex_decode(octets, 2, "ab:d", 4, &err), err);
    EXPECT_TEXT(err, "character 3");
    EXPECT_REFUSED(SMKI_ENCODING_INVALID, hex_decode(octets, 2, "abcg", 4, &err), err);
    EXPECT_TEXT(err, "character 4");
}

static bool device_id_row(char *columns[TEST_COLUMNS])
{
    struct smki_device_id id = {.octet = {1, 2, 3}};
    struct smki_error err = {0};
    char text[SMKI_DEVICE_ID_TEXT_SIZE];
    int rc = smki_device_id_parse(&id, columns[0], &err);

    if (columns[1][0] == '!')
        return rc == SMKI_DEVICE_ID_INVALID && id.octet[1] == 2;
    return rc == 0 && strcmp(smki_device_id_text(&id, text), columns[1]) == 0;
}

static void device_ids_are_read_by_their_table(void **state)
{
    (void)state;
    test_table("base/device_id.txt", 2, device_id_row);
}

static bool serial_row(char *columns[TEST_COLUMNS])
{
    struct smki_serial serial = {0};
    struct smki_error err = {0};
    char text[2 * 20 + 1];
    int rc = smki_serial_parse(&serial, columns[0], &err);

    if (columns[1][0] == '!')
        return rc != 0 && strcmp(smki_refusal_find(rc)->name, columns[1] + 1) == 0;
    return rc == 0 && strcmp(smki_serial_text(&serial, text), columns[1]) == 0 && strlen(columns[1]) == 2 * (size_t)serial.size;
}

static void serials_are_read_by_their_table(void **state)
{
    (void)state;
    test_table("base/serial.txt", 2, serial_row);
}

static void serials_are_equal_when_their_octets_are(void **state)
{
    struct smki_serial a, b, c;
    struct smki_error err = {0};

    (void)state;
    ASSERT_OK(smki_serial_parse(&a, "00:01:ab", &err), err);
    ASSERT_OK(smki_serial_parse(&b, "01AB", &err), err);
    ASSERT_OK(smki_serial_parse(&c, "01ab00", &err), err);
    assert_true(smki_serial_equal(&a, &b));
    assert_false(smki_serial_equal(&a, &c));
}

static void the_nearest_word_is_found(void **state)
{
    static const char *const words[] = {"batch", "party", "device", "demand.adhoc_day_interval", "audit", "aro"};
    static const struct {
        const char *word, *nearest;
    } cases[] = {
        {"bacth", "batch"}, {"devise", "device"},  {"BATCH", "batch"}, {"demand.adhocDayIntervall", "demand.adhoc_day_interval"},
        {"parties", NULL},  {"certificate", NULL}, {"", NULL},         {"x", NULL},
        {"ab", NULL},       {"audi", "audit"},     {"foo", NULL},     {"aor", "aro"},
        {"aduit", "audit"},
    };

    (void)state;
    for (size_t i = 0; i < TEST_COUNT(cases); i++) {
        const char *nearest = nearest_word(cases[i].word, words, TEST_COUNT(words));
        assert_string_equal(nearest != NULL ? nearest : "none", cases[i].nearest != NULL ? cases[i].nearest : "none");
    }
}

static void of_two_words_the_nearer_is_found(void **state)
{
    static const char *const words[] = {"limits", "limit", "lemit"};

    (void)state;
    assert_string_equal(nearest_word("limit", words, TEST_COUNT(words)), "limit");
    assert_string_equal(nearest_word("limi", words, TEST_COUNT(words)), "limit");
}

static void of_equally_near_words_the_first_is_found(void **state)
{
    static const char *const words[] = {"limit", "lemit"};

    (void)state;
    assert_string_equal(nearest_word("lamit", words, TEST_COUNT(words)), "limit");
}

static void an_endless_word_has_no_nearest(void **state)
{
    static char endless[5000];
    const char *words[] = {"limit", endless};

    (void)state;
    memset(endless, 'a', sizeof(endless) - 1);
    assert_null(nearest_word(endless, words, TEST_COUNT(words)));
    assert_string_equal(nearest_word("limt", words, TEST_COUNT(words)), "limit");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64_is_read_by_its_table),
        cmocka_unit_test(base64_of_every_size_comes_back),
        cmocka_unit_test(base64_fits_three_quarters_of_its_text),
        cmocka_unit_test(base64_beyond_the_capacity_is_too_large),
        cmocka_unit_test(base64_with_a_nul_is_refused),
        cmocka_unit_test(every_octet_outside_base64_is_refused),
        cmocka_unit_test(hex_comes_back),
        cmocka_unit_test(hex_of_another_size_is_refused),
        cmocka_unit_test(hex_with_another_character_names_it),
        cmocka_unit_test(device_ids_are_read_by_their_table),
        cmocka_unit_test(serials_are_read_by_their_table),
        cmocka_unit_test(serials_are_equal_when_their_octets_are),
        cmocka_unit_test(the_nearest_word_is_found),
        cmocka_unit_test(of_two_words_the_nearer_is_found),
        cmocka_unit_test(of_equally_near_words_the_first_is_found),
        cmocka_unit_test(an_endless_word_has_no_nearest),
    };

    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
