/* DeviceCertificateSigningRequest in and DeviceCertificateSigningResponse out: verdicts held against xmllint over a corpus and over
 * mutations of it, limits, what is handed over, and answers that are valid whatever is told. */
#include "corpus_test.h"

#include "message/message_i.h"

#define HEAD "<DeviceCertificateSigningRequest ID=\"r\"><Version>1.0</Version>"
#define TAIL "</DeviceCertificateSigningRequest>"
#define ONE  "<CertificateSigningRequest>MAA=</CertificateSigningRequest>"

/* ---- verbs ---- */

struct seen {
    char ref[SMKI_ADHOC_REF_SIZE];
    struct smki_buffer csr;
    int csr_code;
};

static int read_seen(struct seen *seen, struct smki_bytes document, struct smki_error *err)
{
    smki_buffer_finish(&seen->csr);
    return adhoc_xml_read(seen->ref, &seen->csr, &seen->csr_code, document, err);
}

static int read_text(struct seen *seen, const char *text, struct smki_error *err)
{
    return read_seen(seen, BYTES(text, strlen(text)), err);
}

/* ---- the corpus ---- */

static int read_whole(struct smki_bytes document, struct smki_error *err)
{
    struct seen seen = {0};
    uint8_t *exact = malloc(document.size + 1); /* so that reading past it is seen */
    int rc;

    assert_non_null(exact);
    if (document.size != 0)
        memcpy(exact + 1, document.at, document.size);
    rc = read_seen(&seen, BYTES(exact + 1, document.size), err);
    smki_buffer_finish(&seen.csr);
    free(exact);
    return rc;
}

static const char *const scraps[] = {
    "CertificateSigningRequest",
    "<CertificateSigningRequest>MA==</CertificateSigningRequest>",
    "<CertificateSigningRequest/>",
    "</CertificateSigningRequest>",
    "<DeviceCertificateSigningRequest>",
    "</DeviceCertificateSigningRequest>",
    "0123456789",
};

static const struct corpus corpus = {
    .name = "adhoc-xml", .schema = "adhoc-1.0.xsd", .read = read_whole, .scraps = scraps, .scrap_count = TEST_COUNT(scraps)};

/* ---- what is handed over ---- */

static void the_octets_are_those_of_the_base64(void **state)
{
    struct smki_error err = {0};
    struct seen seen = {0};

    (void)state;
    ASSERT_OK(read_text(&seen, HEAD "<CertificateSigningRequest> TUFB\n PQ== </CertificateSigningRequest>" TAIL, &err), err);
    ASSERT_BYTES(seen.csr, "MAA=", 4);
    assert_int_equal(seen.csr_code, 0);
    assert_string_equal(seen.ref, "r");
    smki_buffer_finish(&seen.csr);
}

static void characters_that_are_no_base64_are_the_csrs_own_fault(void **state)
{
    struct smki_error err = {0};
    struct seen seen = {0};

    (void)state;
    ASSERT_OK(read_text(&seen, HEAD "<CertificateSigningRequest>M!AA=</CertificateSigningRequest>" TAIL, &err), err);
    assert_int_equal(seen.csr_code, SMKI_CSR_TEXT_INVALID);
    assert_int_equal(seen.csr.size, 0);
}

static void a_csr_larger_than_any_is_its_own_fault(void **state)
{
    struct smki_buffer document = {0};
    struct smki_error err = {0};
    struct seen seen = {0};

    (void)state;
    ASSERT_OK(smki_buffer_printf(&document, &err, HEAD "<CertificateSigningRequest>"), err);
    for (unsigned i = 0; i < SMKI_CSR_MAX_SIZE / 3 + 1; i++)
        ASSERT_OK(smki_buffer_append(&document, "AAAA", 4, &err), err);
    ASSERT_OK(smki_buffer_printf(&document, &err, "</CertificateSigningRequest>" TAIL), err);
    ASSERT_OK(read_seen(&seen, BYTES(document.at, document.size), &err), err);
    assert_int_equal(seen.csr_code, SMKI_CSR_TOO_LARGE);
    smki_buffer_finish(&document);
}

static void the_id_stays_known_after_a_mistake(void **state)
{
    struct smki_error err = {0};
    struct seen seen = {0};

    (void)state;
    EXPECT_REFUSED(SMKI_XML_INVALID, read_text(&seen, HEAD ONE ONE TAIL, &err), err);
    EXPECT_TEXT(err, "line 1, column 122: a second CertificateSigningRequest; DeviceCertificateSigningRequest holds one");
    assert_string_equal(seen.ref, "r");
    EXPECT_REFUSED(SMKI_XML_VERSION,
                   read_text(&seen, "<DeviceCertificateSigningRequest ID=\"&lt;q\"><Version>1.1</Version>" ONE TAIL, &err), err);
    assert_string_equal(seen.ref, "<q");
}

static void an_id_that_is_none_is_not_known(void **state)
{
    struct smki_error err = {0};
    struct seen seen = {0};

    (void)state;
    EXPECT_REFUSED(
        SMKI_XML_INVALID,
        read_text(&seen, "<DeviceCertificateSigningRequest ID=\"0123456789abcdef0123456789abcdefg\"><Version>1.0</Version>" ONE TAIL, &err),
        err);
    EXPECT_TEXT(err, "has 33 characters, it must have 1 to 32");
    assert_string_equal(seen.ref, "");
    EXPECT_REFUSED(SMKI_XML_INVALID, read_text(&seen, "<x>", &err), err);
    assert_string_equal(seen.ref, "");
}

/* ---- limits ---- */

static int read_filled(size_t size, struct smki_error *err)
{
    struct smki_buffer document = {0};
    struct seen seen = {0};
    int rc;

    ASSERT_OK(smki_buffer_printf(&document, err, "%s", HEAD ONE TAIL), *err);
    while (document.size < size)
        ASSERT_OK(smki_buffer_append(&document, " ", 1, err), *err);
    rc = read_seen(&seen, BYTES(document.at, document.size), err);
    smki_buffer_finish(&seen.csr);
    smki_buffer_finish(&document);
    return rc;
}

static void a_document_may_have_64_kib_and_no_more(void **state)
{
    struct smki_error err = {0};

    (void)state;
    ASSERT_OK(read_filled(SMKI_ADHOC_MAX_DOCUMENT, &err), err);
    EXPECT_REFUSED(SMKI_TOO_LARGE, read_filled(SMKI_ADHOC_MAX_DOCUMENT + 1, &err), err);
}

static void an_entity_bomb_is_refused_at_its_doctype(void **state)
{
    struct smki_error err = {0};
    struct seen seen = {0};

    (void)state;
    EXPECT_REFUSED(
        SMKI_XML_DTD,
        read_text(&seen, "<!DOCTYPE l [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;\">]><DeviceCertificateSigningRequest ID=\"&b;\"/>", &err),
        err);
    EXPECT_REFUSED(SMKI_XML_DTD, read_text(&seen, "<!DOCTYPE l SYSTEM \"file:///etc/passwd\">" HEAD ONE TAIL, &err), err);
}

/* ---- answers ---- */

static const uint8_t certificate[] = {0x30, 0x03, 0x02, 0x01, 0x2a};

static void write_response(struct smki_buffer *out, const struct adhoc_response *response)
{
    struct smki_error err = {0};

    out->size = 0;
    ASSERT_OK(adhoc_xml_response(out, response, &err), err);
}

static void a_certificate_goes_out_whole(void **state)
{
    struct smki_buffer out = {0};

    (void)state;
    write_response(&out, &(struct adhoc_response){.ref = "r 1", .build = "0.1.0", .transaction = 17, .certificate = BYTES(certificate, 5)});
    assert_int_equal(smki_buffer_append(&out, "", 1, NULL), 0);
    assert_string_equal((const char *)out.at,
                        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<DeviceCertificateSigningResponse ID=\"r 1\">\n"
                        "<Version>1.0</Version><Build>0.1.0</Build><TransactionId>17</TransactionId><Status>SUCCESS</Status>"
                        "<Certificate>MAMCASo=</Certificate>\n</DeviceCertificateSigningResponse>\n");
    smki_buffer_finish(&out);
}

static void an_id_that_cannot_stand_is_left_out(void **state)
{
    static const char *const refs[] = {NULL, "", "0123456789abcdef0123456789abcdefg", "\xff"};
    struct smki_buffer out = {0};

    (void)state;
    for (size_t i = 0; i < TEST_COUNT(refs); i++) {
        write_response(&out, &(struct adhoc_response){.ref = refs[i], .build = "b", .transaction = UINT64_MAX, .code = SMKI_XML_INVALID});
        expect_part(&out, "<DeviceCertificateSigningResponse>");
        assert_true(xmllint_accepts_document(BYTES(out.at, out.size), "adhoc-1.0.xsd"));
    }
    smki_buffer_finish(&out);
}

static void an_answer_has_a_transaction(void **state)
{
    struct smki_buffer out = {0};
    struct smki_error err = {0};

    (void)state;
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, adhoc_xml_response(&out, &(struct adhoc_response){.build = "b"}, &err), err);
}

/* interfaces.md 5, the table of statuses: which letters an ErrorCode begins with. */
static const char *prefix_of(const char *status)
{
    static const char *const table[][2] = {{"UNKNOWN_DEVICE", "UD:"}, {"ISSUANCE_ANOMALY", "CA:"}, {"CSR_ERROR", "CR:"},
                                           {"CA_ERROR", "CA:"},       {"FORMAT_ERROR", "FM:"},     {"WORKFLOW_ERROR", "WF:"}};

    for (size_t i = 0; i < TEST_COUNT(table); i++)
        if (strncmp(status, table[i][0], strlen(table[i][0])) == 0)
            return table[i][1];
    return "(no such status)";
}

static void every_refusal_of_the_list_is_a_valid_answer_with_the_prefix_of_its_status(void **state)
{
    char folder[TEST_PATH_SIZE], path[TEST_PATH_SIZE], file[32];
    struct smki_buffer out = {0}, said = {0};
    size_t count;
    const struct smki_refusal *list = smki_refusal_list(&count);

    (void)state;
    test_folder_make(folder);
    for (size_t i = 0; i < count; i++) {
        const char *status, *code;
        write_response(&out,
                       &(struct adhoc_response){
                           .ref = "<&\"\t>", .build = "0.1.0", .transaction = i + 1, .code = list[i].code, .text = "]]> & <\x01\xff"});
        assert_int_equal(smki_buffer_append(&out, "", 1, NULL), 0);
        status = strstr((char *)out.at, "<Status>");
        code = strstr((char *)out.at, "<ErrorCode>");
        assert_true(status != NULL && code != NULL);
        if (strncmp(code + strlen("<ErrorCode>"), prefix_of(status + strlen("<Status>")), 3) != 0)
            fail_msg("%s: %s", list[i].name, status);
        snprintf(file, sizeof(file), "%zu.xml", i);
        test_write(test_path(path, folder, file), out.at, out.size - 1);
    }
    xmllint_folder(&said, folder, "adhoc-1.0.xsd");
    for (size_t i = 0; i < count; i++) {
        snprintf(file, sizeof(file), "%zu.xml", i);
        if (!xmllint_accepts(&said, file))
            fail_msg("%s: %s", list[i].name, (const char *)said.at);
    }
    smki_buffer_finish(&said);
    smki_buffer_finish(&out);
    test_folder_remove(folder);
}

static void what_is_our_own_business_is_told_in_the_lists_words(void **state)
{
    (void)state;
    assert_string_equal(answer_words(SMKI_DISK_FULL, "/var/lib/smki/store: no space"), smki_refusal_find(SMKI_DISK_FULL)->text);
    assert_string_equal(answer_words(SMKI_CA_KEY_UNAVAILABLE, "pkcs11 slot 3"), smki_refusal_find(SMKI_CA_KEY_UNAVAILABLE)->text);
    assert_string_equal(answer_words(SMKI_XML_INVALID, "line 3: a second one"), "line 3: a second one");
    assert_string_equal(answer_words(SMKI_RATE_ADHOC_DAY, "come back at 10:00"), "come back at 10:00");
    assert_string_equal(answer_words(SMKI_MAINTENANCE, "back at 10:00"), "back at 10:00");
    assert_string_equal(answer_words(SMKI_CSR_DUPLICATE, NULL), "Request for duplicate certificate not permitted");
    assert_true(answer_is_inner(SMKI_STORE_CORRUPT) && answer_is_inner(SMKI_NO_MEMORY) && answer_is_inner(SMKI_LEASE_LOST));
    assert_false(answer_is_inner(0) || answer_is_inner(SMKI_MAINTENANCE) || answer_is_inner(SMKI_POLL_DONE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CORPUS_TESTS(corpus),
        cmocka_unit_test(the_octets_are_those_of_the_base64),
        cmocka_unit_test(characters_that_are_no_base64_are_the_csrs_own_fault),
        cmocka_unit_test(a_csr_larger_than_any_is_its_own_fault),
        cmocka_unit_test(the_id_stays_known_after_a_mistake),
        cmocka_unit_test(an_id_that_is_none_is_not_known),
        cmocka_unit_test(a_document_may_have_64_kib_and_no_more),
        cmocka_unit_test(an_entity_bomb_is_refused_at_its_doctype),
        cmocka_unit_test(a_certificate_goes_out_whole),
        cmocka_unit_test(an_id_that_cannot_stand_is_left_out),
        cmocka_unit_test(an_answer_has_a_transaction),
        cmocka_unit_test(every_refusal_of_the_list_is_a_valid_answer_with_the_prefix_of_its_status),
        cmocka_unit_test(what_is_our_own_business_is_told_in_the_lists_words),
    };

    return cmocka_run_group_tests_name("adhoc_xml", tests, NULL, NULL);
}
