/* SubmitCSRBatch in: verdicts held against xmllint over a corpus and over mutations of it, limits, and what the reader hands over. */
#include "corpus_test.h"

#include "message/message_i.h"
#include "message/name_set_i.h"

#define CORPUS   TEST_DATA "/batch-xml/"
#define MEGABYTE ((size_t)1024 * 1024)

/* ---- verbs ---- */

struct seen {
    unsigned count, too_large, no_text;
    uint8_t sha256[SHA256_SIZE]; /* over all that was handed over */
    char refs[512];              /* joined by commas, the first ones */
    size_t last_size;
    unsigned stop_at; /* refuse the CSR of this number */
};

static int see(void *context, const struct batch_request *request, struct smki_error *err)
{
    struct seen *seen = context;
    struct sha256_stream stream;
    size_t used = strlen(seen->refs);

    seen->count++;
    assert_int_equal(request->index, seen->count);
    seen->too_large += request->decode_code == SMKI_CSR_TOO_LARGE;
    seen->no_text += request->decode_code == SMKI_CSR_TEXT_INVALID;
    if (request->decode_code != 0)
        assert_int_equal(request->der.size, 0);
    seen->last_size = request->der.size;
    snprintf(seen->refs + used, sizeof(seen->refs) - used, "%s%s", used != 0 ? "," : "", request->ref);
    sha256_start(&stream);
    sha256_add(&stream, seen->sha256, sizeof(seen->sha256));
    sha256_add(&stream, request->ref, strlen(request->ref));
    sha256_add(&stream, request->der.at, request->der.size);
    sha256_end(&stream, seen->sha256);
    return seen->count == seen->stop_at ? smki_fail(err, SMKI_DISK_FULL, "no room for it") : 0;
}

static const struct batch_limits wide = {.max_csrs = SMKI_BATCH_MAX_CSRS, .max_upload = UINT64_C(1) << 30};

static int feed_in_steps(struct request_xml_reader *reader, struct smki_bytes document, size_t step, struct smki_error *err)
{
    int rc = 0;

    for (size_t at = 0; rc == 0 && at < document.size; at += step) {
        size_t part = document.size - at < step ? document.size - at : step;
        uint8_t *exact = malloc(part); /* so that reading past a piece is seen */
        assert_non_null(exact);
        memcpy(exact, document.at + at, part);
        rc = request_xml_feed(reader, BYTES(exact, part), false, err);
        free(exact);
    }
    return rc != 0 ? rc : request_xml_feed(reader, (struct smki_bytes){0}, true, err);
}

static int read_document(struct smki_bytes document, const struct batch_limits *limits, size_t step, struct seen *seen,
                         struct smki_error *err)
{
    struct request_xml_reader *reader;
    int rc;

    ASSERT_OK(request_xml_open(&reader, &request_form_batch, limits, see, seen, err), *err);
    rc = feed_in_steps(reader, document, step, err);
    if (rc == 0)
        assert_int_equal(request_xml_count(reader), seen->count);
    request_xml_close(reader);
    return rc;
}

static int read_text(const char *text, struct seen *seen, struct smki_error *err)
{
    return read_document(BYTES(text, strlen(text)), &wide, SIZE_MAX / 2, seen, err);
}

static int read_corpus(const char *name, struct seen *seen, struct smki_error *err)
{
    struct smki_buffer document = {0};
    char path[TEST_PATH_SIZE];
    int rc;

    snprintf(path, sizeof(path), "batch-xml/%s", name);
    test_file(&document, path);
    rc = read_document(BYTES(document.at, document.size), &wide, SIZE_MAX / 2, seen, err);
    smki_buffer_finish(&document);
    return rc;
}

#define HEAD "<SubmitCSRBatch ID=\"b\"><Version>1.0</Version>"
#define TAIL "</SubmitCSRBatch>"
#define ONE  "<DeviceCSR ID=\"x\">MA==</DeviceCSR>"

static void append(struct smki_buffer *buffer, const char *text)
{
    struct smki_error err = {0};

    ASSERT_OK(smki_buffer_append(buffer, text, strlen(text), &err), err);
}

static void append_many(struct smki_buffer *buffer, char octet, size_t count)
{
    struct smki_error err = {0};
    char block[4096];

    memset(block, octet, sizeof(block));
    for (size_t part; count != 0; count -= part) {
        part = count < sizeof(block) ? count : sizeof(block);
        ASSERT_OK(smki_buffer_append(buffer, block, part, &err), err);
    }
}

/* ---- the corpus ---- */

static int read_whole(struct smki_bytes document, struct smki_error *err)
{
    struct seen seen = {0};

    return read_document(document, &wide, SIZE_MAX / 2, &seen, err);
}

/* What mutations put in besides what is XML: names of this document. */
static const char *const scraps[] = {
    "DeviceCSR", "<DeviceCSR ID=\"q\">MA==</DeviceCSR>", "<DeviceCSR ID=\"q\"/>", "</DeviceCSR>", "<SubmitCSRBatch>", "</SubmitCSRBatch>",
};

static const struct corpus corpus = {
    .name = "batch-xml", .schema = "batch-1.0.xsd", .read = read_whole, .scraps = scraps, .scrap_count = TEST_COUNT(scraps)};

static void same_in_steps(void *context, const char *name, struct smki_bytes document)
{
    struct smki_error whole_err = {0}, err = {0};
    struct seen whole = {0}, seen = {0};
    int rc = read_document(document, &wide, SIZE_MAX / 2, &whole, &whole_err);

    (void)context;
    if (read_document(document, &wide, 1, &seen, &err) != rc || memcmp(&whole, &seen, sizeof(seen)) != 0 ||
        strcmp(err.text, whole_err.text) != 0)
        fail_msg("%s: read by single octets: \"%s\", whole: \"%s\"", name, err.text, whole_err.text);
}

static void how_a_document_is_cut_makes_no_difference(void **state)
{
    (void)state;
    each_document(CORPUS "valid", same_in_steps, NULL);
    each_document(CORPUS "broken", same_in_steps, NULL);
    each_document(CORPUS "differ", same_in_steps, NULL);
}

/* ---- what is handed over ---- */

static void every_csr_comes_once_in_order(void **state)
{
    struct smki_error err = {0};
    struct seen seen = {0};

    (void)state;
    ASSERT_OK(read_corpus("valid/plain.xml", &seen, &err), err);
    assert_string_equal(seen.refs, "meter-1,meter-2,_3");
}

static void an_id_comes_without_the_space_around_it(void **state)
{
    struct smki_error err = {0};
    struct seen seen = {0};

    (void)state;
    ASSERT_OK(read_text(HEAD "<DeviceCSR ID=\" \n x \t\">MA==</DeviceCSR>" TAIL, &seen, &err), err);
    assert_string_equal(seen.refs, "x");
}

static void the_octets_are_those_of_the_base64(void **state)
{
    struct smki_error err = {0};
    struct seen seen = {0};

    (void)state;
    ASSERT_OK(read_text(HEAD "<DeviceCSR ID=\"x\"> c2<!-- -->1r\n<![CDATA[aQ=]]>=</DeviceCSR>" TAIL, &seen, &err), err);
    assert_int_equal(seen.last_size, strlen("smki"));
}

static void the_batchs_id_stays_known_after_a_mistake(void **state)
{
    struct request_xml_reader *reader;
    struct smki_error err = {0};
    struct seen seen = {0};
    static const char text[] = "<SubmitCSRBatch ID=\"my &amp; batch\"><Version>2.0</Version>";

    (void)state;
    ASSERT_OK(request_xml_open(&reader, &request_form_batch, &wide, see, &seen, &err), err);
    assert_string_equal(request_xml_ref(reader), "");
    EXPECT_REFUSED(SMKI_XML_VERSION, request_xml_feed(reader, BYTES(text, strlen(text)), false, &err), err);
    assert_string_equal(request_xml_ref(reader), "my & batch");
    request_xml_close(reader);
}

static void the_first_mistake_is_said_again_and_no_more_csrs_come(void **state)
{
    struct request_xml_reader *reader;
    struct smki_error first = {0}, again = {0};
    struct seen seen = {0};
    static const char text[] = HEAD "\n  <Oops/>" ONE TAIL;

    (void)state;
    ASSERT_OK(request_xml_open(&reader, &request_form_batch, &wide, see, &seen, &first), first);
    EXPECT_REFUSED(SMKI_XML_INVALID, request_xml_feed(reader, BYTES(text, strlen(text)), false, &first), first);
    EXPECT_TEXT(first, "line 2, column 3: \"Oops\" stands where a DeviceCSR must stand");
    EXPECT_REFUSED(SMKI_XML_INVALID, request_xml_feed(reader, BYTES(ONE, strlen(ONE)), true, &again), again);
    assert_string_equal(first.text, again.text);
    assert_int_equal(seen.count, 0);
    request_xml_close(reader);
}

static void a_refusal_by_the_taker_stops_the_reading(void **state)
{
    struct smki_error err = {0};
    struct seen seen = {.stop_at = 2};

    (void)state;
    EXPECT_REFUSED(SMKI_DISK_FULL, read_corpus("valid/plain.xml", &seen, &err), err);
    EXPECT_TEXT(err, "no room for it");
    assert_int_equal(seen.count, 2);
}

static void a_document_ends_once(void **state)
{
    struct request_xml_reader *reader;
    struct smki_error err = {0};
    struct seen seen = {0};
    static const char text[] = HEAD ONE TAIL;

    (void)state;
    ASSERT_OK(request_xml_open(&reader, &request_form_batch, &wide, see, &seen, &err), err);
    ASSERT_OK(request_xml_feed(reader, BYTES(text, strlen(text)), true, &err), err);
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, request_xml_feed(reader, BYTES(" ", 1), true, &err), err);
    request_xml_close(reader);
}

/* ---- one bad CSR never fails the others ---- */

static void characters_that_are_no_base64_fail_their_csr_only(void **state)
{
    struct smki_error err = {0};
    struct seen seen = {0};

    (void)state;
    ASSERT_OK(read_text(HEAD "<DeviceCSR ID=\"w\">MA!A=</DeviceCSR>" ONE TAIL, &seen, &err), err);
    assert_int_equal(seen.no_text, 1);
    assert_int_equal(seen.count, 2);
}

static int read_csr_of(size_t octets, struct seen *seen, struct smki_error *err)
{
    struct smki_buffer document = {0};
    int rc;

    append(&document, HEAD "<DeviceCSR ID=\"w\">");
    append_many(&document, 'A', base64_encoded_size(octets) - (octets % 3 != 0 ? 3 - octets % 3 : 0));
    append_many(&document, '=', octets % 3 != 0 ? 3 - octets % 3 : 0);
    append(&document, "</DeviceCSR>" ONE TAIL);
    rc = read_document(BYTES(document.at, document.size), &wide, 50000, seen, err);
    smki_buffer_finish(&document);
    return rc;
}

static void a_csr_of_the_largest_size_comes_whole(void **state)
{
    struct smki_error err = {0};
    struct seen seen = {0};

    (void)state;
    ASSERT_OK(read_csr_of(SMKI_CSR_MAX_SIZE, &seen, &err), err);
    assert_int_equal(seen.too_large, 0);
    assert_int_equal(seen.count, 2);
}

static void a_larger_csr_fails_by_itself(void **state)
{
    static const size_t sizes[] = {SMKI_CSR_MAX_SIZE + 1, SMKI_CSR_MAX_SIZE + 2, 10 * SMKI_CSR_MAX_SIZE, 30 * MEGABYTE};

    (void)state;
    for (size_t i = 0; i < TEST_COUNT(sizes); i++) {
        struct smki_error err = {0};
        struct seen seen = {0};
        ASSERT_OK(read_csr_of(sizes[i], &seen, &err), err);
        assert_int_equal(seen.too_large, 1);
        assert_int_equal(seen.count, 2);
    }
}

/* ---- limits ---- */

/* `count` CSRs, and one more with the ID `last` when it is not NULL. */
static void many_csrs(struct smki_buffer *document, unsigned count, const char *last)
{
    struct smki_error err = {0};

    append(document, HEAD);
    for (unsigned i = 0; i < count; i++)
        ASSERT_OK(smki_buffer_printf(document, &err, "<DeviceCSR ID=\"meter-%u\">MA==</DeviceCSR>", i), err);
    if (last != NULL)
        ASSERT_OK(smki_buffer_printf(document, &err, "<DeviceCSR ID=\"%s\">MA==</DeviceCSR>", last), err);
    append(document, TAIL);
}

static int read_many(unsigned count, const char *last, const struct batch_limits *limits, struct smki_error *err)
{
    struct smki_buffer document = {0};
    struct seen seen = {0};
    int rc;

    many_csrs(&document, count, last);
    rc = read_document(BYTES(document.at, document.size), limits, MEGABYTE, &seen, err);
    smki_buffer_finish(&document);
    return rc;
}

static void a_batch_of_50000_is_accepted(void **state)
{
    struct smki_error err = {0};

    (void)state;
    ASSERT_OK(read_many(SMKI_BATCH_MAX_CSRS, NULL, &wide, &err), err);
}

static void a_batch_of_50001_is_refused(void **state)
{
    struct smki_error err = {0};

    (void)state;
    EXPECT_REFUSED(SMKI_BATCH_TOO_MANY, read_many(SMKI_BATCH_MAX_CSRS, "x", &wide, &err), err);
}

static void an_id_used_49999_csrs_ago_is_refused(void **state)
{
    struct smki_error err = {0};

    (void)state;
    EXPECT_REFUSED(SMKI_XML_INVALID, read_many(SMKI_BATCH_MAX_CSRS - 1, "meter-0", &wide, &err), err);
    EXPECT_TEXT(err, "DeviceCSR 50000: the ID \"meter-0\" was used before");
}

static void a_document_may_have_max_upload_octets_and_no_more(void **state)
{
    static const char text[] = HEAD ONE TAIL;
    struct batch_limits limits = {.max_csrs = 10, .max_upload = sizeof(text) - 1};
    struct smki_error err = {0};
    struct seen seen = {0}, none = {0};

    (void)state;
    ASSERT_OK(read_document(BYTES(text, sizeof(text) - 1), &limits, 7, &seen, &err), err);
    limits.max_upload--;
    EXPECT_REFUSED(SMKI_TOO_LARGE, read_document(BYTES(text, sizeof(text) - 1), &limits, 7, &none, &err), err);
}

static int read_with_filler(const char *before, size_t size, const char *after, struct smki_error *err)
{
    struct smki_buffer document = {0};
    struct seen seen = {0};
    int rc;

    append(&document, before);
    append_many(&document, 'a', size);
    append(&document, after);
    rc = read_document(BYTES(document.at, document.size), &wide, MEGABYTE, &seen, err);
    smki_buffer_finish(&document);
    return rc;
}

static void comments_of_a_megabyte_are_accepted(void **state)
{
    struct smki_buffer document = {0};
    struct smki_error err = {0};
    struct seen seen = {0};

    (void)state;
    append(&document, HEAD);
    for (unsigned i = 0; i < 20; i++) {
        append(&document, "<!--");
        append_many(&document, 'c', MEGABYTE - 7);
        append(&document, "-->");
    }
    append(&document, ONE TAIL);
    ASSERT_OK(read_document(BYTES(document.at, document.size), &wide, 100000, &seen, &err), err);
    smki_buffer_finish(&document);
}

static void endless_tokens_are_refused_before_they_fill_memory(void **state)
{
    static const char *const starts[] = {HEAD "<!--", HEAD "<?", HEAD "<DeviceCSR ID=\"", HEAD "<", "<SubmitCSRBatch ID=\"",
                                         "<!--",      "<?xml "};

    (void)state;
    for (size_t i = 0; i < TEST_COUNT(starts); i++) {
        struct smki_error err = {0};
        EXPECT_REFUSED(SMKI_XML_INVALID, read_with_filler(starts[i], 4 * MEGABYTE, "", &err), err);
        if (i != 6) /* which is no XML from its first letter on */
            EXPECT_TEXT(err, "of more than 1048576 octets");
    }
}

static int read_prefixes(unsigned count, bool distinct, struct smki_error *err)
{
    struct smki_buffer document = {0};
    struct seen seen = {0};
    int rc;

    append(&document, HEAD);
    for (unsigned i = 0; i < count; i++)
        ASSERT_OK(smki_buffer_printf(&document, err, "<DeviceCSR xmlns:p%u=\"u\" ID=\"x%u\"/>", distinct ? i : 0, i), *err);
    append(&document, TAIL);
    rc = read_document(BYTES(document.at, document.size), &wide, MEGABYTE, &seen, err);
    smki_buffer_finish(&document);
    return rc;
}

static void a_namespace_prefix_may_be_declared_on_every_csr(void **state)
{
    struct smki_error err = {0};

    (void)state;
    ASSERT_OK(read_prefixes(20000, false, &err), err);
}

static void ever_new_namespace_prefixes_are_refused(void **state)
{
    struct smki_error err = {0};

    (void)state;
    EXPECT_REFUSED(SMKI_XML_INVALID, read_prefixes(20000, true, &err), err);
    EXPECT_TEXT(err, "namespace prefixes");
}

/* ---- DTDs ---- */

static void a_billion_laughs_are_refused_at_their_doctype(void **state)
{
    struct smki_error err = {0};
    struct seen seen = {0};

    (void)state;
    EXPECT_REFUSED(SMKI_XML_DTD,
                   read_text("<!DOCTYPE lolz [<!ENTITY l \"ha\"><!ENTITY m \"&l;&l;&l;\">]><SubmitCSRBatch ID=\"&m;\"/>", &seen, &err),
                   err);
}

static void an_external_dtd_is_refused_and_not_fetched(void **state)
{
    struct smki_error err = {0};
    struct seen seen = {0};

    (void)state;
    EXPECT_REFUSED(SMKI_XML_DTD, read_text("<!DOCTYPE SubmitCSRBatch SYSTEM \"file:///etc/passwd\">" HEAD ONE TAIL, &seen, &err), err);
}

/* ---- names seen ---- */

static void a_name_is_new_once(void **state)
{
    struct smki_error err = {0};
    struct name_set set;
    bool added;

    (void)state;
    ASSERT_OK(name_set_init(&set, &err), err);
    for (unsigned round = 0; round < 2; round++)
        for (unsigned i = 0; i < 5000; i++) {
            ASSERT_OK(name_set_add(&set, (const char *)&i, sizeof(i), &added, &err), err);
            assert_int_equal(added, round == 0);
        }
    assert_int_equal(set.count, 5000);
    name_set_finish(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CORPUS_TESTS(corpus),
        cmocka_unit_test(how_a_document_is_cut_makes_no_difference),
        cmocka_unit_test(every_csr_comes_once_in_order),
        cmocka_unit_test(an_id_comes_without_the_space_around_it),
        cmocka_unit_test(the_octets_are_those_of_the_base64),
        cmocka_unit_test(the_batchs_id_stays_known_after_a_mistake),
        cmocka_unit_test(the_first_mistake_is_said_again_and_no_more_csrs_come),
        cmocka_unit_test(a_refusal_by_the_taker_stops_the_reading),
        cmocka_unit_test(a_document_ends_once),
        cmocka_unit_test(characters_that_are_no_base64_fail_their_csr_only),
        cmocka_unit_test(a_csr_of_the_largest_size_comes_whole),
        cmocka_unit_test(a_larger_csr_fails_by_itself),
        cmocka_unit_test(a_batch_of_50000_is_accepted),
        cmocka_unit_test(a_batch_of_50001_is_refused),
        cmocka_unit_test(an_id_used_49999_csrs_ago_is_refused),
        cmocka_unit_test(a_document_may_have_max_upload_octets_and_no_more),
        cmocka_unit_test(comments_of_a_megabyte_are_accepted),
        cmocka_unit_test(endless_tokens_are_refused_before_they_fill_memory),
        cmocka_unit_test(a_namespace_prefix_may_be_declared_on_every_csr),
        cmocka_unit_test(ever_new_namespace_prefixes_are_refused),
        cmocka_unit_test(a_billion_laughs_are_refused_at_their_doctype),
        cmocka_unit_test(an_external_dtd_is_refused_and_not_fetched),
        cmocka_unit_test(a_name_is_new_once),
    };

    return cmocka_run_group_tests_name("batch_xml", tests, NULL, NULL);
}
