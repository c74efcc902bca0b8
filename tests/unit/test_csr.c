/* Requests: the real meter's, the table of tests/data/csr, and the text forms. */
#include "unit/smki_test.h"

#include "base/base_i.h"

#include <smki/certificate.h>
#include <smki/csr.h>
#include <smki/key.h>

#define METER      "zaz1/device-00db1234567890a0.csr.der"
#define METER_SIZE 279 /* octets of request; the file has four more */

static struct smki_error err;

static int code_of(const char *name)
{
    size_t count;
    const struct smki_refusal *list = smki_refusal_list(&count);

    for (size_t i = 0; i < count; i++) {
        if (strcmp(list[i].name, name) == 0)
            return list[i].code;
    }
    if (strcmp(name, "VERIFIES") != 0)
        fail_msg("there is no refusal %s", name);
    return SMKI_OK;
}

static enum smki_profile profile_of(const char *word)
{
    for (enum smki_profile profile = SMKI_PROFILE_DEVICE; profile <= SMKI_PROFILE_IKI; profile++) {
        if (strcmp(smki_profile_word(profile), word) == 0)
            return profile;
    }
    fail_msg("there is no profile %s", word);
    return SMKI_PROFILE_DEVICE;
}

/* A copy of exactly its size on the heap, so that the sanitizer sees any octet read behind it. */
static int read_and_verify(struct smki_csr *csr, enum smki_profile profile, const uint8_t *at, size_t size)
{
    uint8_t *copy = malloc(size + (size == 0));
    int rc;

    assert_non_null(copy);
    if (size != 0)
        memcpy(copy, at, size);
    err = (struct smki_error){0};
    rc = smki_csr_read(csr, profile, BYTES(copy, size), &err);
    if (rc == 0)
        rc = smki_csr_verify(csr, &err);
    free(copy);
    return rc;
}

static void expect_line(char *line)
{
    char *rest = NULL;
    const char *name = strtok_r(line, " ", &rest), *profile = strtok_r(NULL, " ", &rest);
    const char *verdict = strtok_r(NULL, " ", &rest), *hex = strtok_r(NULL, " \n", &rest);
    size_t size = strlen(hex) / 2;
    uint8_t *der = malloc(size);
    struct smki_csr csr;
    int rc, expected = code_of(verdict);

    ASSERT_OK(hex_decode(der, size, hex, strlen(hex), &err), err);
    rc = read_and_verify(&csr, profile_of(profile), der, size);
    if (rc != expected || (rc != 0 && err.code != rc))
        fail_msg("%s: expected %s, got %s: %s", name, verdict, test_name_of(rc), err.text);
    free(der);
}

static void test_every_request_of_the_table_gets_its_verdict(void **state)
{
    struct smki_buffer table = {0};
    char *line, *rest = NULL;
    size_t count = 0;

    (void)state;
    test_file(&table, "csr/requests.txt");
    ASSERT_OK(smki_buffer_append(&table, "", 1, &err), err);
    for (line = strtok_r((char *)table.at, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        if (line[0] == '#')
            continue;
        expect_line(line);
        count++;
    }
    assert_true(count > 150);
    smki_buffer_finish(&table);
}

static void test_the_meters_request_verifies_and_names_its_device(void **state)
{
    struct smki_buffer file = {0};
    struct smki_csr csr;
    char text[SMKI_DEVICE_ID_TEXT_SIZE];

    (void)state;
    test_file(&file, METER);
    ASSERT_OK(smki_csr_read(&csr, SMKI_PROFILE_DEVICE, BYTES(file.at, file.size), &err), err);
    ASSERT_OK(smki_csr_verify(&csr, &err), err);
    assert_string_equal(smki_device_id_text(&csr.device_id, text), "00-DB-12-34-56-78-90-A0");
    assert_int_equal(csr.key_usage, SMKI_DIGITAL_SIGNATURE);
    assert_int_equal(csr.subject.count, 0);
    assert_int_equal(csr.trailer, 4);
    assert_int_equal(csr.der.size, METER_SIZE);
    assert_int_equal(csr.spki.size, 91);
    assert_memory_equal(csr.point, csr.spki.at + 26, SMKI_P256_POINT_SIZE);
    assert_int_equal(csr.subject_alt_name.size, 43);
    ASSERT_BYTES(csr.hardware_type, "\x2A\x86\x3A\x00\x01\x84\x8F\xB9\x0F\x01\x02\x02\x01", 13);
    smki_buffer_finish(&file);
}

static void test_the_meters_request_cut_at_any_octet_is_refused(void **state)
{
    struct smki_buffer file = {0};
    struct smki_csr csr;

    (void)state;
    test_file(&file, METER);
    for (size_t size = 0; size < METER_SIZE; size++)
        assert_int_equal(read_and_verify(&csr, SMKI_PROFILE_DEVICE, file.at, size), SMKI_CSR_MALFORMED);
    smki_buffer_finish(&file);
}

static void test_any_octet_of_the_meters_request_changed_is_refused(void **state)
{
    struct smki_buffer file = {0};
    struct smki_csr csr;

    (void)state;
    test_file(&file, METER);
    for (size_t at = 0; at < METER_SIZE; at++) {
        file.at[at] ^= 0x01;
        if (read_and_verify(&csr, SMKI_PROFILE_DEVICE, file.at, METER_SIZE) == 0)
            fail_msg("octet %zu changed, and it still verifies", at);
        file.at[at] ^= 0x01;
    }
    smki_buffer_finish(&file);
}

static void test_a_profile_that_does_not_exist_is_refused(void **state)
{
    struct smki_csr csr;

    (void)state;
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, smki_csr_read(&csr, (enum smki_profile)7, BYTES("", 0), &err), err);
}

static void test_errors_may_be_left_out(void **state)
{
    struct smki_csr csr;

    (void)state;
    assert_int_equal(smki_csr_read(&csr, SMKI_PROFILE_DEVICE, BYTES(NULL, 0), NULL), SMKI_CSR_MALFORMED);
}

/* ---- guessing ---- */

/* The first request of `name` in the table, read as the profile that is guessed. */
static void expect_guess(const char *name, enum smki_profile expected)
{
    struct smki_buffer table = {0};
    enum smki_profile guessed = SMKI_PROFILE_DEVICE;
    char *line, *hex, *rest = NULL;
    uint8_t der[2048];

    test_file(&table, "csr/requests.txt");
    ASSERT_OK(smki_buffer_append(&table, "", 1, &err), err);
    line = strstr((char *)table.at, name);
    assert_non_null(line);
    strtok_r(line, " ", &rest);
    strtok_r(NULL, " ", &rest);
    strtok_r(NULL, " ", &rest);
    hex = strtok_r(NULL, "\n", &rest);
    ASSERT_OK(hex_decode(der, strlen(hex) / 2, hex, strlen(hex), &err), err);
    ASSERT_OK(smki_csr_guess_profile(&guessed, BYTES(der, strlen(hex) / 2), &err), err);
    assert_int_equal(guessed, expected);
    smki_buffer_finish(&table);
}

static void test_the_profile_is_guessed_from_what_a_request_holds(void **state)
{
    (void)state;
    expect_guess("\ndevice_key_agreement", SMKI_PROFILE_DEVICE);
    expect_guess("\norganisation_supplier", SMKI_PROFILE_ORGANISATION);
    expect_guess("\norganisation_without_eui", SMKI_PROFILE_ORGANISATION);
    expect_guess("\niki_system", SMKI_PROFILE_IKI);
}

static void test_no_profile_is_guessed_for_what_is_no_request(void **state)
{
    enum smki_profile guessed;

    (void)state;
    EXPECT_REFUSED(SMKI_CSR_MALFORMED, smki_csr_guess_profile(&guessed, BYTES("\x30\x02\x30\x00", 4), &err), err);
}

/* ---- text forms ---- */

#define LONG64    "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2"
#define LONG76    LONG64 "d3h5ejAxMjM0"
#define LONG80    LONG76 "NTY3"
#define BEGIN     "-----BEGIN CERTIFICATE REQUEST-----"
#define END       "-----END CERTIFICATE REQUEST-----"
#define BEGIN_NEW "-----BEGIN NEW CERTIFICATE REQUEST-----"
#define END_NEW   "-----END NEW CERTIFICATE REQUEST-----"

static int decode(const char *text, uint8_t out[256], size_t *size)
{
    err = (struct smki_error){0};
    return smki_csr_text_decode(out, 256, size, text, strlen(text), &err);
}

static void test_every_accepted_text_form_is_decoded(void **state)
{
    static const char *const accepted[] = {
        LONG80,
        LONG80 "\n",
        LONG80 "\r\n",
        "\n  " LONG80 "\n\n",
        LONG64 "\n"
               "d3h5ejAxMjM0NTY3",
        LONG64 "\r\n"
               "d3h5ejAxMjM0NTY3"
               "\r\n",
        LONG76 "\n"
               "NTY3"
               "\n",
        BEGIN "\n" LONG80 "\n" END,
        BEGIN "\n" LONG64 "\n"
              "d3h5ejAxMjM0NTY3"
              "\n" END "\n",
        BEGIN "\r\n" LONG64 "\r\n"
              "d3h5ejAxMjM0NTY3"
              "\r\n" END "\r\n",
        BEGIN "\r\n" LONG76 "\r\n"
              "NTY3"
              "\r\n" END "\r\n",
        BEGIN_NEW "\n" LONG80 "\n" END_NEW "\n",
        BEGIN_NEW "\n" LONG76 "\n"
                  "NTY3"
                  "\n" END_NEW "\n",
        "\n\n" BEGIN "\n" LONG80 "\n" END "\n\n \n",
    };
    static const char expected[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz01234567";
    uint8_t out[256];
    size_t size;

    (void)state;
    for (size_t i = 0; i < TEST_COUNT(accepted); i++) {
        if (decode(accepted[i], out, &size) != 0)
            fail_msg("form %zu refused: %s", i, err.text);
        ASSERT_BYTES(BYTES(out, size), expected, sizeof expected - 1);
    }
}

static void test_every_other_text_form_is_refused(void **state)
{
    static const char *const refused[] = {
        "",
        " \n",
        LONG80 "\n"
               "QUJD",
        "QUJD"
        "\n" LONG80,
        LONG76 "N\n"
               "TY3",
        "QUJD REVG",
        "QUJD\tREVG",
        "QUJD\rREVG",
        "QUJD\n REVG",
        "QUJ",
        "QUJD=",
        "QUJ*",
        "QUI=QUJD",
        "QUL=",
        BEGIN "\n" END,
        BEGIN "\n"
              "QUJD"
              "\n",
        "QUJD"
        "\n" END,
        BEGIN "\n"
              "QUJD"
              "\n" END_NEW,
        BEGIN_NEW "\n"
                  "QUJD"
                  "\n" END,
        "-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n",
        "-----BEGIN PRIVATE KEY-----\nQUJD\n-----END PRIVATE KEY-----\n",
        "-----BEGIN certificate request-----\nQUJD\n-----END certificate request-----\n",
        "-----BEGIN CERTIFICATE REQUEST----\nQUJD\n" END,
        "Subject: x\n" BEGIN "\n"
        "QUJD"
        "\n" END,
        BEGIN "\n"
              "QUJD"
              "\n" END "\nx",
        BEGIN "\n"
              "QUJD"
              "\n" END "\n" BEGIN "\n"
              "QUJD"
              "\n" END "\n",
        BEGIN "\n"
              "Proc-Type: 4,ENCRYPTED\n\n"
              "QUJD"
              "\n" END,
        BEGIN "QUJD" END,
    };
    uint8_t out[256];
    size_t size;

    (void)state;
    for (size_t i = 0; i < TEST_COUNT(refused); i++) {
        int rc = decode(refused[i], out, &size);

        if (rc != SMKI_CSR_TEXT_INVALID || err.code != rc)
            fail_msg("form %zu gave %s: %s", i, test_name_of(rc), err.text);
    }
}

static void test_text_with_a_nul_is_refused(void **state)
{
    static const char text[] = "QUJD\0QUJD";
    uint8_t out[16];
    size_t size;

    (void)state;
    EXPECT_REFUSED(SMKI_CSR_TEXT_INVALID, smki_csr_text_decode(out, sizeof out, &size, text, sizeof text - 1, &err), err);
}

static void test_a_request_larger_than_its_room_is_refused(void **state)
{
    uint8_t out[8];
    size_t size;

    (void)state;
    EXPECT_REFUSED(SMKI_CSR_TOO_LARGE, smki_csr_text_decode(out, sizeof out, &size, LONG64, strlen(LONG64), &err), err);
}

static void test_a_text_cut_anywhere_never_reads_behind_it(void **state)
{
    static const char text[] = BEGIN "\r\n" LONG64 "\r\n"
                                     "QUJD"
                                     "\r\n" END "\r\n";
    uint8_t out[256];
    size_t size;

    (void)state;
    for (size_t cut = 0; cut < sizeof text - 1 - 2 - 1; cut++) {
        char *copy = malloc(cut + 1);

        memcpy(copy, text, cut);
        copy = realloc(copy, cut + (cut == 0));
        assert_int_equal(smki_csr_text_decode(out, sizeof out, &size, copy, cut, &err), SMKI_CSR_TEXT_INVALID);
        free(copy);
    }
}

/* ---- making ---- */

static struct smki_key *new_key(enum smki_key_type type)
{
    struct smki_key *key;

    ASSERT_OK(smki_key_generate(&key, type, &smki_random_system, &err), err);
    return key;
}

static void test_a_request_that_is_made_reads_back_as_it_was_wished(void **state)
{
    struct smki_key *key = new_key(SMKI_KEY_P256);
    struct smki_csr_wish wish = {.profile = SMKI_PROFILE_DEVICE,
                                 .id = {{0x90, 0xb3, 0xd5, 0x1f, 0x30, 1, 2, 3}},
                                 .hardware_type = "1.3.6.1.4.1.37244.1",
                                 .key_usage = SMKI_KEY_AGREEMENT,
                                 .unit = "7F",
                                 .common_name = "Z\xc3\xa4hler"};
    uint8_t der[SMKI_CSR_MAX_SIZE];
    struct smki_csr csr;
    size_t size;

    (void)state;
    ASSERT_OK(smki_csr_make(der, &size, &wish, key, &err), err);
    ASSERT_OK(smki_csr_read(&csr, SMKI_PROFILE_DEVICE, (struct smki_bytes){der, size}, &err), err);
    assert_memory_equal(&csr.device_id, &wish.id, sizeof wish.id);
    assert_int_equal(csr.key_usage, SMKI_KEY_AGREEMENT);
    assert_int_equal(csr.subject.count, 0);
    ASSERT_OK(smki_csr_verify(&csr, &err), err);

    wish.profile = SMKI_PROFILE_ORGANISATION;
    ASSERT_OK(smki_csr_make(der, &size, &wish, key, &err), err);
    ASSERT_OK(smki_csr_read(&csr, SMKI_PROFILE_ORGANISATION, (struct smki_bytes){der, size}, &err), err);
    assert_memory_equal(&csr.subject.eui, &wish.id, sizeof wish.id);
    assert_string_equal(csr.subject.unit, "7F");
    assert_string_equal(csr.subject.common_name, wish.common_name);
    smki_key_close(key);
}

static void test_an_iki_request_is_made_with_its_three_names(void **state)
{
    struct smki_key *key = new_key(SMKI_KEY_RSA);
    const struct smki_csr_wish wish = {.profile = SMKI_PROFILE_IKI,
                                       .organisation = "Ex\xc3\xa4mple, Energy",
                                       .unit = "02",
                                       .common_name = "System 1",
                                       .key_usage = SMKI_DIGITAL_SIGNATURE};
    uint8_t der[SMKI_CSR_MAX_SIZE];
    struct smki_csr csr;
    size_t size;

    (void)state;
    ASSERT_OK(smki_csr_make(der, &size, &wish, key, &err), err);
    ASSERT_OK(smki_csr_read(&csr, SMKI_PROFILE_IKI, (struct smki_bytes){der, size}, &err), err);
    assert_string_equal(csr.subject.organisation, wish.organisation);
    assert_string_equal(csr.subject.unit, "02");
    assert_string_equal(csr.subject.common_name, "System 1");
    assert_int_equal(csr.subject.count, 3);
    smki_key_close(key);
}

static void test_a_wish_that_its_profile_does_not_allow_is_refused(void **state)
{
    struct smki_key *rsa = new_key(SMKI_KEY_RSA), *p256 = new_key(SMKI_KEY_P256);
    struct smki_csr_wish wish = {
        .profile = SMKI_PROFILE_IKI, .organisation = "O", .unit = "02", .common_name = "", .key_usage = SMKI_DIGITAL_SIGNATURE};
    uint8_t der[SMKI_CSR_MAX_SIZE];
    char longer[SMKI_NAME_TEXT_SIZE + 1];
    size_t size;

    (void)state;
    EXPECT_REFUSED(SMKI_CSR_SUBJECT, smki_csr_make(der, &size, &wish, rsa, &err), err);
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    wish.common_name = longer;
    EXPECT_REFUSED(SMKI_CSR_SUBJECT, smki_csr_make(der, &size, &wish, rsa, &err), err);
    wish.common_name = "System 1";
    EXPECT_REFUSED(SMKI_CSR_OID, smki_csr_make(der, &size, &wish, p256, &err), err);
    wish.key_usage = SMKI_KEY_AGREEMENT;
    EXPECT_REFUSED(SMKI_CSR_KEY_USAGE, smki_csr_make(der, &size, &wish, rsa, &err), err);
    wish.profile = SMKI_PROFILE_DEVICE;
    wish.hardware_type = "1.x";
    EXPECT_REFUSED(SMKI_ENCODING_INVALID, smki_csr_make(der, &size, &wish, p256, &err), err);
    smki_key_close(rsa);
    smki_key_close(p256);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_request_of_the_table_gets_its_verdict),
        cmocka_unit_test(test_the_meters_request_verifies_and_names_its_device),
        cmocka_unit_test(test_the_meters_request_cut_at_any_octet_is_refused),
        cmocka_unit_test(test_any_octet_of_the_meters_request_changed_is_refused),
        cmocka_unit_test(test_a_profile_that_does_not_exist_is_refused),
        cmocka_unit_test(test_errors_may_be_left_out),
        cmocka_unit_test(test_the_profile_is_guessed_from_what_a_request_holds),
        cmocka_unit_test(test_no_profile_is_guessed_for_what_is_no_request),
        cmocka_unit_test(test_every_accepted_text_form_is_decoded),
        cmocka_unit_test(test_every_other_text_form_is_refused),
        cmocka_unit_test(test_text_with_a_nul_is_refused),
        cmocka_unit_test(test_a_request_larger_than_its_room_is_refused),
        cmocka_unit_test(test_a_text_cut_anywhere_never_reads_behind_it),
        cmocka_unit_test(test_a_request_that_is_made_reads_back_as_it_was_wished),
        cmocka_unit_test(test_an_iki_request_is_made_with_its_three_names),
        cmocka_unit_test(test_a_wish_that_its_profile_does_not_allow_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
