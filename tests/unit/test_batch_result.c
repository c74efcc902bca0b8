/* Results out: XML that xmllint finds valid, a zip that unzip and openssl read, a report with one line a CSR. */
#include "message_test.h"

#include "message/message_i.h"

/* ---- verbs ---- */

static const uint8_t certificate[] = {0x30, 0x03, 0x02, 0x01, 0x2a};

/* The results of a test, in order; `fail_at` > 0: the one of that number cannot be had. */
struct results {
    const struct batch_result *all;
    size_t count, next, fail_at;
};

static int next_result(void *context, struct batch_result *out, struct smki_error *err)
{
    struct results *results = context;

    if (results->next == results->count)
        return SMKI_NOT_FOUND;
    if (results->next + 1 == results->fail_at)
        return smki_fail(err, SMKI_STORE_CORRUPT, "a result cannot be read");
    *out = results->all[results->next++];
    return 0;
}

static struct smki_batch xml_batch = {.id = 99, .form = SMKI_BATCH_XML, .state = SMKI_STATE_COMPLETED, .ref = "batch 7"};
static struct smki_batch zip_batch = {.id = 7, .form = SMKI_BATCH_ZIP, .state = SMKI_STATE_COMPLETED, .name = "night.zip"};

static int to_buffer(void *context, struct smki_bytes bytes, struct smki_error *err)
{
    return smki_buffer_append(context, bytes.at, bytes.size, err);
}

static void write_xml(struct smki_buffer *out, const struct smki_batch *batch, const struct batch_result *all, size_t count)
{
    struct results results = {.all = all, .count = count};
    struct smki_error err = {0};

    ASSERT_OK(batch_xml_result(batch, "0.1.0", next_result, &results, to_buffer, out, &err), err);
}

static void expect_valid(struct smki_buffer *document)
{
    assert_true(xmllint_accepts_document(BYTES(document->at, document->size), "batch-1.0.xsd"));
    smki_buffer_finish(document);
}

static void expect_whole(struct smki_buffer *document, const char *text)
{
    assert_int_equal(smki_buffer_append(document, "", 1, NULL), 0);
    assert_string_equal((const char *)document->at, text);
    smki_buffer_finish(document);
}

#define GRANTED(number, name)                                                                                                              \
    {                                                                                                                                      \
        .index = (number), .ref = (name), .certificate = { certificate, sizeof(certificate) }                                              \
    }
#define REFUSED(number, name, why)                                                                                                         \
    {                                                                                                                                      \
        .index = (number), .ref = (name), .code = (why)                                                                                    \
    }

/* ---- CSRBatchResult ---- */

static void a_granted_csr_shows_its_certificate(void **state)
{
    const struct batch_result all[] = {GRANTED(1, "meter-1")};
    struct smki_buffer out = {0};

    (void)state;
    write_xml(&out, &xml_batch, all, 1);
    expect_whole(&out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<CSRBatchResult ID=\"batch 7\">\n"
                       "<Version>1.0</Version><Build>0.1.0</Build><BatchStatus>COMPLETED</BatchStatus>\n<BatchId>99</BatchId>\n"
                       "<DeviceCertificate ID=\"meter-1\"><Status>SUCCESS</Status><Certificate>MAMCASo=</Certificate></DeviceCertificate>\n"
                       "</CSRBatchResult>\n");
}

static void a_refused_csr_shows_its_error(void **state)
{
    struct batch_result all[] = {REFUSED(1, "a", SMKI_CSR_SIGNATURE), REFUSED(2, "b", SMKI_DEVICE_LIMIT)};
    struct smki_buffer out = {0};

    (void)state;
    all[1].text = "100 certificates & more";
    write_xml(&out, &xml_batch, all, 2);
    expect_part(&out, "<DeviceCertificate ID=\"a\"><Status>CSR_ERROR</Status><Error><ErrorCode>CR:AA7</ErrorCode>"
                      "<ErrorText>the request's own signature does not verify</ErrorText></Error></DeviceCertificate>");
    expect_part(&out,
                "<Status>ISSUANCE_ANOMALY</Status><Error><ErrorCode>CA:LA1</ErrorCode><ErrorText>100 certificates &amp; more</ErrorText>");
    expect_valid(&out);
}

static void every_refusal_of_the_list_is_valid_for_a_csr(void **state)
{
    struct batch_result all[256];
    char refs[256][32];
    struct smki_buffer out = {0};
    size_t count;
    const struct smki_refusal *list = smki_refusal_list(&count);

    (void)state;
    assert_true(count > 90 && count < 256);
    for (size_t i = 0; i < count; i++) {
        snprintf(refs[i], sizeof(refs[i]), "csr-%zu", i);
        all[i] = (struct batch_result)REFUSED((uint32_t)i + 1, refs[i], list[i].code);
    }
    write_xml(&out, &xml_batch, all, count);
    expect_valid(&out);
}

static void a_status_that_the_schema_lacks_becomes_the_nearest(void **state)
{
    const struct batch_result all[] = {REFUSED(1, "a", SMKI_TRUNCATED), REFUSED(2, "b", SMKI_DEVICE_UNKNOWN)};
    struct smki_buffer out = {0};

    (void)state;
    write_xml(&out, &xml_batch, all, 2);
    expect_part(&out, "ID=\"a\"><Status>CSR_ERROR</Status><Error><ErrorCode>CR:AA2</ErrorCode>");
    expect_part(&out, "ID=\"b\"><Status>WORKFLOW_ERROR</Status><Error><ErrorCode>WF:BB1</ErrorCode>");
    expect_valid(&out);
}

static void nothing_in_a_text_breaks_the_document(void **state)
{
    struct batch_result all[] = {REFUSED(1, "a", SMKI_CSR_KEY)};
    struct smki_batch batch = xml_batch;
    struct smki_buffer out = {0};

    (void)state;
    all[0].text = "\x01\x1b[31m \xff\xc3 \xef\xbf\xbe \xed\xa0\x80 ]]> </ErrorText> \"'<&>\t\n\r \x7f \xf0\x9f\x98\x80";
    snprintf(batch.ref, sizeof(batch.ref), "\" <&>\t\n '");
    write_xml(&out, &batch, all, 1);
    expect_part(&out, "<CSRBatchResult ID=\"&quot; &lt;&amp;&gt;&#9;&#10; '\">");
    expect_part(&out, "<ErrorText>??[31m ?? ? ??? ]]&gt; &lt;/ErrorText&gt; &quot;'&lt;&amp;&gt;&#9;&#10;&#13; ");
    expect_valid(&out);
}

static void file_names_that_are_no_xml_names_give_ids_of_their_own(void **state)
{
    const struct batch_result all[] = {GRANTED(1, "90-B3.csr"), GRANTED(2, "meter 2.csr"), GRANTED(3, "meter-3.csr")};
    struct smki_buffer out = {0};

    (void)state;
    write_xml(&out, &zip_batch, all, 3);
    expect_part(&out, "<CSRBatchResult>");
    expect_part(&out, "ID=\"entry-1\"");
    expect_part(&out, "ID=\"entry-2\"");
    expect_part(&out, "ID=\"meter-3.csr\"");
    expect_valid(&out);
}

static void a_batch_without_results_is_valid(void **state)
{
    struct smki_buffer out = {0};

    (void)state;
    write_xml(&out, &xml_batch, NULL, 0);
    expect_valid(&out);
}

struct pieces {
    size_t count, largest, total;
    size_t refuse_at;
};

static int count_piece(void *context, struct smki_bytes bytes, struct smki_error *err)
{
    struct pieces *pieces = context;

    pieces->count++;
    pieces->largest = bytes.size > pieces->largest ? bytes.size : pieces->largest;
    pieces->total += bytes.size;
    return pieces->count == pieces->refuse_at ? smki_fail(err, SMKI_IO, "the peer is gone") : 0;
}

static void make_many(struct batch_result *all, size_t count)
{
    for (size_t i = 0; i < count; i++)
        all[i] = (struct batch_result)GRANTED((uint32_t)i + 1, "meter");
}

static void results_are_streamed_in_pieces_of_64_kib(void **state)
{
    static struct batch_result all[5000];
    struct results results = {.all = all, .count = 5000};
    struct pieces pieces = {0};
    struct smki_error err = {0};

    (void)state;
    make_many(all, 5000);
    ASSERT_OK(batch_xml_result(&xml_batch, "0", next_result, &results, count_piece, &pieces, &err), err);
    assert_int_equal(pieces.largest, 65536);
    assert_int_equal(pieces.count, pieces.total / 65536 + 1);
}

static void a_sink_that_fails_ends_the_writing(void **state)
{
    static struct batch_result all[5000];
    struct results results = {.all = all, .count = 5000};
    struct pieces pieces = {.refuse_at = 2};
    struct smki_error err = {0};

    (void)state;
    make_many(all, 5000);
    EXPECT_REFUSED(SMKI_IO, batch_xml_result(&xml_batch, "0", next_result, &results, count_piece, &pieces, &err), err);
    assert_int_equal(pieces.count, 2);
    assert_true(results.next < 5000);
}

/* Opens what is to hold a zip, and writes it as it is asked for. */
static int zip_result(const char *path, struct results *results, struct smki_error *err)
{
    const int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int rc;

    assert_true(fd >= 0);
    rc = batch_zip_result(fd, path, next_result, results, err);
    close(fd);
    return rc;
}

static void a_result_that_cannot_be_had_ends_every_form(void **state)
{
    const struct batch_result all[] = {GRANTED(1, "a"), GRANTED(2, "b")};
    char folder[TEST_PATH_SIZE], path[TEST_PATH_SIZE];
    struct pieces pieces = {0};
    struct smki_error err = {0};
    struct stat about;

    (void)state;
    test_folder_make(folder);
    test_path(path, folder, "r.zip");
    for (unsigned form = 0; form < 3; form++) {
        struct results results = {.all = all, .count = 2, .fail_at = 2};
        int rc = form == 0   ? batch_xml_result(&xml_batch, "0", next_result, &results, count_piece, &pieces, &err)
                 : form == 1 ? batch_txt_result(&xml_batch, next_result, &results, count_piece, &pieces, &err)
                             : zip_result(path, &results, &err);
        EXPECT_REFUSED(SMKI_STORE_CORRUPT, rc, err);
    }
    assert_int_equal(pieces.total, 0);
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_size, 0);
    test_folder_remove(folder);
}

/* ---- status documents ---- */

static void every_state_is_a_valid_result(void **state)
{
    (void)state;
    for (int at = SMKI_STATE_PENDING; at <= SMKI_STATE_TAMPERED; at++) {
        struct smki_buffer out = {0};
        struct smki_error err = {0};
        ASSERT_OK(batch_xml_result_status(&out, "b", "0.1.0", 5, (enum smki_batch_state)at, 0, NULL, &err), err);
        expect_part(&out, "<BatchId>5</BatchId>");
        expect_valid(&out);
    }
}

static void what_is_no_state_is_refused(void **state)
{
    struct smki_buffer out = {0};
    struct smki_error err = {0};

    (void)state;
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, batch_xml_result_status(&out, "b", "0", 5, (enum smki_batch_state)9, 0, NULL, &err), err);
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, batch_xml_result_status(&out, "b", "0", 5, (enum smki_batch_state)0, 0, NULL, &err), err);
    assert_int_equal(out.size, 0);
}

static void every_refusal_of_the_list_is_valid_for_a_query_and_a_submission(void **state)
{
    char folder[TEST_PATH_SIZE], path[TEST_PATH_SIZE], name[32];
    struct smki_buffer said = {0};
    size_t count;
    const struct smki_refusal *list = smki_refusal_list(&count);

    (void)state;
    test_folder_make(folder);
    for (size_t i = 0; i < 2 * count; i++) {
        struct smki_buffer out = {0};
        struct smki_error err = {0};
        int code = list[i / 2].code;
        ASSERT_OK(i % 2 == 0 ? batch_xml_result_status(&out, "", "0.1.0", 5, SMKI_STATE_QUEUED, code, NULL, &err)
                             : batch_xml_submit_status(&out, "b", "0.1.0", 0, code, "its own words", &err),
                  err);
        snprintf(name, sizeof(name), "%03zu.xml", i);
        test_path(path, folder, name);
        test_write(path, out.at, out.size);
        smki_buffer_finish(&out);
    }
    xmllint_folder(&said, folder, "batch-1.0.xsd");
    for (size_t i = 0; i < 2 * count; i++) {
        snprintf(name, sizeof(name), "%03zu.xml", i);
        if (!xmllint_accepts(&said, name))
            fail_msg("%s is not valid as a %s", list[i / 2].name, i % 2 == 0 ? "result" : "submission's answer");
    }
    smki_buffer_finish(&said);
    test_folder_remove(folder);
}

static void an_accepted_submission_is_pending_with_its_number(void **state)
{
    struct smki_buffer out = {0};
    struct smki_error err = {0};

    (void)state;
    ASSERT_OK(batch_xml_submit_status(&out, "b", "0.1.0", 42, 0, NULL, &err), err);
    expect_part(&out, "<SubmitCSRBatchStatus ID=\"b\">");
    expect_part(&out, "<BatchStatus>PENDING</BatchStatus>\n<BatchId>42</BatchId>");
    expect_valid(&out);
}

static void an_accepted_submission_has_a_number(void **state)
{
    struct smki_buffer out = {0};
    struct smki_error err = {0};

    (void)state;
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, batch_xml_submit_status(&out, "b", "0", 0, 0, NULL, &err), err);
}

static void a_refused_submission_is_a_format_or_workflow_error(void **state)
{
    static const struct {
        int code;
        const char *status, *wire;
    } cases[] = {{SMKI_XML_INVALID, "FORMAT_ERROR", "FM:AA1"},
                 {SMKI_BATCH_TOO_MANY, "FORMAT_ERROR", "FM:AA2"},
                 {SMKI_SUBMISSION, "WORKFLOW_ERROR", "WF:BB2"},
                 {SMKI_RATE_BATCH_BUSY, "WORKFLOW_ERROR", "WF:RA4"}};

    (void)state;
    for (size_t i = 0; i < TEST_COUNT(cases); i++) {
        struct smki_buffer out = {0};
        struct smki_error err = {0};
        char part[128];
        ASSERT_OK(batch_xml_submit_status(&out, "", "0.1.0", 0, cases[i].code, NULL, &err), err);
        snprintf(part, sizeof(part), "<BatchStatus>%s</BatchStatus>\n<Error><ErrorCode>%s</ErrorCode>", cases[i].status, cases[i].wire);
        expect_part(&out, part);
        smki_buffer_finish(&out);
    }
}

static void a_batchs_id_that_the_schema_forbids_is_left_out(void **state)
{
    struct smki_buffer out = {0};
    struct smki_error err = {0};
    char ref[300];

    (void)state;
    memset(ref, 'a', sizeof(ref));
    ref[257] = '\0';
    ASSERT_OK(batch_xml_submit_status(&out, ref, "0.1.0", 42, 0, NULL, &err), err);
    expect_part(&out, "<SubmitCSRBatchStatus>");
    expect_valid(&out);
}

/* ---- the response zip ---- */

struct place {
    char folder[TEST_PATH_SIZE], path[TEST_PATH_SIZE];
};

static int place_make(void **state)
{
    struct place *place = calloc(1, sizeof(*place));

    assert_non_null(place);
    test_folder_make(place->folder);
    test_path(place->path, place->folder, "r.zip");
    *state = place;
    return 0;
}

static int place_remove(void **state)
{
    struct place *place = *state;

    test_folder_remove(place->folder);
    free(place);
    return 0;
}

/* Runs a command in the folder; its output, one line after the other, into said. */
static int run(const struct place *place, const char *command, char *said, size_t size)
{
    char whole[2 * TEST_PATH_SIZE];
    FILE *pipe;
    size_t got;

    snprintf(whole, sizeof(whole), "cd '%s' && { %s; } 2>&1", place->folder, command);
    assert_non_null(pipe = popen(whole, "r"));
    got = fread(said, 1, size - 1, pipe);
    said[got] = '\0';
    return pclose(pipe);
}

static void expect_run(const struct place *place, const char *command, const char *output)
{
    char said[4096];

    if (run(place, command, said, sizeof(said)) != 0)
        fail_msg("%s: %s", command, said);
    if (output != NULL)
        assert_string_equal(said, output);
}

static void write_zip(const struct place *place, const struct batch_result *all, size_t count)
{
    struct results results = {.all = all, .count = count};
    struct smki_error err = {0};

    ASSERT_OK(zip_result(place->path, &results, &err), err);
}

static void the_zip_holds_the_granted_in_order_under_their_names(void **state)
{
    const struct batch_result all[] = {GRANTED(1, "b.csr"), REFUSED(2, "refused.csr", SMKI_CSR_KEY), GRANTED(3, "a.CSR"),
                                       GRANTED(4, "meter-4")};
    const struct place *place = *state;

    write_zip(place, all, 4);
    expect_run(place, "unzip -tq r.zip", "No errors detected in compressed data of r.zip.\n");
    expect_run(place, "unzip -Z1 r.zip", "b.crt\na.crt\nmeter-4.crt\n");
    expect_run(place, "unzip -p r.zip a.crt", "-----BEGIN CERTIFICATE-----\nMAMCASo=\n-----END CERTIFICATE-----\n");
    expect_run(place, "ls", "r.zip\n");
}

static void two_names_that_would_be_one_stay_two(void **state)
{
    const struct batch_result all[] = {GRANTED(1, "a"), GRANTED(2, "a.csr")};
    const struct place *place = *state;

    write_zip(place, all, 2);
    expect_run(place, "unzip -Z1 r.zip", "a.crt\na.2.crt\n");
}

static void entries_that_differ_in_the_capitals_of_csr_stay_two(void **state)
{
    const struct batch_result all[] = {GRANTED(1, "a.csr"), GRANTED(2, "a.CSR"), GRANTED(3, "A.csr")};
    const struct place *place = *state;

    write_zip(place, all, 3);
    expect_run(place, "unzip -Z1 r.zip", "a.crt\na.2.crt\nA.crt\n");
}

static void a_name_given_for_want_of_another_takes_no_ones_own(void **state)
{
    const struct batch_result all[] = {GRANTED(1, "a.csr"), GRANTED(2, "a.3.csr"), GRANTED(3, "a.CSR")};
    const struct place *place = *state;

    write_zip(place, all, 3);
    expect_run(place, "unzip -Z1 r.zip", "a.crt\na.3.crt\na.3.2.crt\n");
}

static void a_zip_without_certificates_is_an_empty_zip(void **state)
{
    const struct batch_result all[] = {REFUSED(1, "a.csr", SMKI_CSR_KEY)};
    const struct place *place = *state;
    char said[4096];

    write_zip(place, all, 1);
    (void)run(place, "unzip -l r.zip", said, sizeof(said));
    assert_non_null(strstr(said, "zipfile is empty"));
}

static void the_same_results_make_the_same_zip(void **state)
{
    const struct batch_result all[] = {GRANTED(1, "a.csr"), GRANTED(2, "b.csr")};
    const struct place *place = *state;
    struct smki_buffer first = {0}, second = {0};

    write_zip(place, all, 2);
    test_read(&first, place->path);
    sleep(2); /* the step of a zip's times */
    write_zip(place, all, 2);
    test_read(&second, place->path);
    ASSERT_BYTES(BYTES(second.at, second.size), first.at, first.size);
    smki_buffer_finish(&first);
    smki_buffer_finish(&second);
}

static void a_folder_that_is_not_there_is_said(void **state)
{
    const struct batch_result all[] = {GRANTED(1, "a.csr")};
    struct results results = {.all = all, .count = 1};
    struct smki_error err = {0};

    (void)state;
    EXPECT_REFUSED(SMKI_NOT_FOUND, batch_zip_result(-1, "/nowhere/at/all/r.zip", next_result, &results, &err), err);
}

static void a_full_disk_is_said(void **state)
{
    const struct batch_result all[] = {GRANTED(1, "a.csr")};
    const struct place *place = *state;
    const int fd = open("/dev/full", O_RDWR | O_CLOEXEC);
    struct smki_error err = {0};

    assert_true(fd >= 0);
    for (size_t count = 0; count <= 1; count++) {
        struct results results = {.all = all, .count = count};
        EXPECT_REFUSED(SMKI_DISK_FULL, batch_zip_result(fd, place->path, next_result, &results, &err), err);
    }
    close(fd);
    expect_run(place, "ls", "");
}

/* A certificate made by openssl, through each form, is read by openssl again. */
static void openssl_reads_the_certificates(void **state)
{
    const struct place *place = *state;
    struct smki_buffer der = {0}, document = {0};
    struct batch_result all[] = {REFUSED(1, "meter.csr", 0)};
    char path[TEST_PATH_SIZE];

    expect_run(place, "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k -subj /CN=x -outform DER -out c.der",
               NULL);
    test_path(path, place->folder, "c.der");
    test_read(&der, path);
    all[0].certificate = BYTES(der.at, der.size);
    write_zip(place, all, 1);
    write_xml(&document, &xml_batch, all, 1);
    test_path(path, place->folder, "r.xml");
    test_write(path, document.at, document.size);
    expect_run(place, "unzip -q r.zip && openssl x509 -in meter.crt -outform DER | cmp - c.der", "");
    expect_run(place, "xmllint --xpath 'string(//Certificate)' r.xml | openssl base64 -d -A | cmp - c.der", "");
    smki_buffer_finish(&der);
    smki_buffer_finish(&document);
}

static void fifty_thousand_certificates_fit_a_zip_by_few_calls(void **state)
{
    const struct place *place = *state;
    unsigned long calls;
    struct batch_result *all = calloc(50000, sizeof(*all));
    char(*refs)[16] = calloc(50000, sizeof(*refs));

    assert_non_null(all);
    assert_non_null(refs);
    for (uint32_t i = 0; i < 50000; i++) {
        snprintf(refs[i], sizeof(refs[i]), "m%u.csr", (unsigned)i);
        all[i] = (struct batch_result)GRANTED(i + 1, refs[i]);
    }
    calls = test_file_calls();
    write_zip(place, all, 50000);
    assert_in_range(test_file_calls() - calls, 1, 1000);
    expect_run(place, "unzip -Z1 r.zip | wc -l", "50000\n");
    expect_run(place, "unzip -tq r.zip", NULL);
    free(all);
    free(refs);
}

/* ---- the report ---- */

static void report(struct smki_buffer *out, const struct smki_batch *batch, const struct batch_result *all, size_t count)
{
    struct results results = {.all = all, .count = count};
    struct smki_error err = {0};

    ASSERT_OK(batch_txt_result(batch, next_result, &results, to_buffer, out, &err), err);
}

static void the_report_of_a_zip_has_numbers_and_file_names(void **state)
{
    struct batch_result all[] = {GRANTED(1, "a.csr"), REFUSED(2, "b.csr", SMKI_CSR_SIGNATURE), REFUSED(3, "c.csr", SMKI_DEVICE_LIMIT),
                                 REFUSED(4, "d.csr", SMKI_INELIGIBLE_SUPPLIER)};
    struct smki_buffer out = {0};

    (void)state;
    all[2].text = "limit reached";
    all[3].text = "another Party's";
    report(&out, &zip_batch, all, 4);
    expect_whole(&out, "1,a.csr,success,,\r\n2,b.csr,error,CR:AA7,the request's own signature does not verify\r\n"
                       "3,c.csr,anomaly,CA:LA1,limit reached\r\n4,d.csr,ineligible,IN:EA2,another Party's\r\n");
}

static void the_report_of_xml_has_ids(void **state)
{
    const struct batch_result all[] = {GRANTED(1, "meter-1")};
    struct smki_buffer out = {0};

    (void)state;
    report(&out, &xml_batch, all, 1);
    expect_whole(&out, "meter-1,,success,,\r\n");
}

static void commas_quotes_and_line_ends_keep_one_record_a_line(void **state)
{
    struct batch_result all[] = {REFUSED(1, "a, \"b\".csr", SMKI_CSR_KEY)};
    struct smki_buffer out = {0};

    (void)state;
    all[0].text = "two\r\nlines";
    report(&out, &zip_batch, all, 1);
    expect_whole(&out, "1,\"a, \"\"b\"\".csr\",error,CR:AA5,two  lines\r\n");
}

static void the_report_has_as_many_lines_as_csrs(void **state)
{
    static struct batch_result all[5000];
    struct smki_buffer out = {0};
    size_t lines = 0;

    (void)state;
    make_many(all, 5000);
    report(&out, &zip_batch, all, 5000);
    for (size_t i = 0; i < out.size; i++)
        lines += out.at[i] == '\n';
    assert_int_equal(lines, 5000);
    smki_buffer_finish(&out);
}

#define WITH_PLACE(test) cmocka_unit_test_setup_teardown(test, place_make, place_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_granted_csr_shows_its_certificate),
        cmocka_unit_test(a_refused_csr_shows_its_error),
        cmocka_unit_test(every_refusal_of_the_list_is_valid_for_a_csr),
        cmocka_unit_test(a_status_that_the_schema_lacks_becomes_the_nearest),
        cmocka_unit_test(nothing_in_a_text_breaks_the_document),
        cmocka_unit_test(file_names_that_are_no_xml_names_give_ids_of_their_own),
        cmocka_unit_test(a_batch_without_results_is_valid),
        cmocka_unit_test(results_are_streamed_in_pieces_of_64_kib),
        cmocka_unit_test(a_sink_that_fails_ends_the_writing),
        cmocka_unit_test(a_result_that_cannot_be_had_ends_every_form),
        cmocka_unit_test(every_state_is_a_valid_result),
        cmocka_unit_test(what_is_no_state_is_refused),
        cmocka_unit_test(every_refusal_of_the_list_is_valid_for_a_query_and_a_submission),
        cmocka_unit_test(an_accepted_submission_is_pending_with_its_number),
        cmocka_unit_test(an_accepted_submission_has_a_number),
        cmocka_unit_test(a_refused_submission_is_a_format_or_workflow_error),
        cmocka_unit_test(a_batchs_id_that_the_schema_forbids_is_left_out),
        WITH_PLACE(the_zip_holds_the_granted_in_order_under_their_names),
        WITH_PLACE(two_names_that_would_be_one_stay_two),
        WITH_PLACE(entries_that_differ_in_the_capitals_of_csr_stay_two),
        WITH_PLACE(a_name_given_for_want_of_another_takes_no_ones_own),
        WITH_PLACE(a_zip_without_certificates_is_an_empty_zip),
        WITH_PLACE(the_same_results_make_the_same_zip),
        cmocka_unit_test(a_folder_that_is_not_there_is_said),
        WITH_PLACE(a_full_disk_is_said),
        WITH_PLACE(openssl_reads_the_certificates),
        WITH_PLACE(fifty_thousand_certificates_fit_a_zip_by_few_calls),
        cmocka_unit_test(the_report_of_a_zip_has_numbers_and_file_names),
        cmocka_unit_test(the_report_of_xml_has_ids),
        cmocka_unit_test(commas_quotes_and_line_ends_keep_one_record_a_line),
        cmocka_unit_test(the_report_has_as_many_lines_as_csrs),
    };

    return cmocka_run_group_tests_name("batch_result", tests, NULL, NULL);
}
