/* The answers of the web services as a Party reads them: verdicts held against xmllint over documents and mutations of them, what
 * contradicts itself, and that everything our own service writes is read. */
#include "message_test.h"

#include "message/answer_reader_i.h"
#include "message/message_i.h"

/* ---- verbs ---- */

struct seen {
    unsigned count;
    enum smki_status last;
    char refs[512]; /* joined by commas */
    char codes[256];
    size_t certificate; /* octets of the last one */
    unsigned stop_at;
};

static int see(void *context, const struct answer_entry *entry, struct smki_error *err)
{
    struct seen *seen = context;
    size_t refs = strlen(seen->refs), codes = strlen(seen->codes);

    assert_int_equal(entry->index, ++seen->count);
    assert_true((entry->status == SMKI_STATUS_SUCCESS) == (entry->certificate.size != 0));
    snprintf(seen->refs + refs, sizeof(seen->refs) - refs, "%s%s", refs != 0 ? "," : "", entry->ref);
    snprintf(seen->codes + codes, sizeof(seen->codes) - codes, "%s%s", codes != 0 ? "," : "", entry->error_code);
    seen->last = entry->status;
    seen->certificate = entry->certificate.size;
    return seen->count == seen->stop_at ? smki_fail(err, SMKI_DISK_FULL, "no room for it") : 0;
}

static int read_steps(enum answer_kind kind, struct smki_bytes document, size_t step, struct seen *seen, struct answer *answer,
                      struct smki_error *err)
{
    struct answer_reader *reader;
    int rc = 0;

    ASSERT_OK(answer_reader_open(&reader, kind, see, seen, err), *err);
    for (size_t at = 0; rc == 0 && at < document.size; at += step) {
        size_t part = document.size - at < step ? document.size - at : step;
        uint8_t *exact = malloc(part); /* so that reading past a piece is seen */
        assert_non_null(exact);
        memcpy(exact, document.at + at, part);
        rc = answer_reader_feed(reader, BYTES(exact, part), false, err);
        free(exact);
    }
    if (rc == 0)
        rc = answer_reader_feed(reader, (struct smki_bytes){0}, true, err);
    if (answer != NULL)
        *answer = *answer_reader_told(reader);
    answer_reader_close(reader);
    return rc;
}

static int read_text(enum answer_kind kind, const char *text, struct seen *seen, struct answer *answer, struct smki_error *err)
{
    *seen = (struct seen){0};
    return read_steps(kind, BYTES(text, strlen(text)), SIZE_MAX / 2, seen, answer, err);
}

#define HEAD "<Version>1.0</Version><Build>b</Build>"
#define ADHOC(x)                                                                                                                           \
    "<DeviceCertificateSigningResponse ID=\"r\">" HEAD "<TransactionId>7</TransactionId>" x "</DeviceCertificateSigningResponse>"
#define SUBMIT(x)    "<SubmitCSRBatchStatus ID=\"r\">" HEAD x "</SubmitCSRBatchStatus>"
#define RESULT(x)    "<CSRBatchResult>" HEAD x "</CSRBatchResult>"
#define ERROR_OF(c)  "<Error><ErrorCode>" c "</ErrorCode><ErrorText>why</ErrorText></Error>"
#define ENTRY(id, x) "<DeviceCertificate ID=\"" id "\">" x "</DeviceCertificate>"

static const struct {
    enum answer_kind kind;
    const char *text;
} good[] = {
    {ANSWER_ADHOC, ADHOC("<Status>SUCCESS</Status><Certificate>MAA=</Certificate>")},
    {ANSWER_ADHOC, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- c -->" ADHOC("<Status>CSR_ERROR</Status>" ERROR_OF("CR:9999")) "\n"},
    {ANSWER_ADHOC, ADHOC("<Status>FORMAT_ERROR</Status>" ERROR_OF("FM:AA1"))},
    {ANSWER_SUBMIT, SUBMIT("<BatchStatus>PENDING</BatchStatus><BatchId> +0099 </BatchId>")},
    {ANSWER_SUBMIT, SUBMIT("<BatchStatus>WORKFLOW_ERROR</BatchStatus>" ERROR_OF("WF:BB2"))},
    {ANSWER_RESULT, RESULT("<BatchStatus>PROCESSING</BatchStatus><BatchId>99</BatchId>")},
    {ANSWER_RESULT, RESULT("<BatchStatus>PAUSED</BatchStatus>")},
    {ANSWER_RESULT, RESULT("<BatchStatus>FORMAT_ERROR</BatchStatus>" ERROR_OF("FM:AA3"))},
    {ANSWER_RESULT, RESULT("<BatchStatus>COMPLETED</BatchStatus><BatchId>99</BatchId>" ENTRY(
                        " a ", "<Status>SUCCESS</Status><Certificate> MAA\n= </Certificate>")
                               ENTRY("b", "<Status>INELIGIBLE</Status>" ERROR_OF("IN:EA1")))},
};

static const struct {
    enum answer_kind kind;
    const char *text, *words;
} bad[] = {
    {ANSWER_ADHOC, ADHOC("<Status>SUCCESS</Status><Certificate/>"), "SUCCESS without a certificate"},
    {ANSWER_ADHOC, ADHOC("<Status>SUCCESS</Status>" ERROR_OF("CA:1")), "SUCCESS without a certificate"},
    {ANSWER_ADHOC, ADHOC("<Status>CA_ERROR</Status><Certificate>MAA=</Certificate>"), "without an Error"},
    {ANSWER_ADHOC, ADHOC("<Status>INELIGIBLE</Status>" ERROR_OF("IN:1")), "none of adhoc-1.0.xsd"},
    {ANSWER_ADHOC, ADHOC("<Status>SUCCESS</Status><Certificate>M</Certificate>"), "not base64"},
    {ANSWER_ADHOC, ADHOC("<Status>CA_ERROR</Status>" ERROR_OF("CA:12345678")), "ErrorCode"},
    {ANSWER_ADHOC, ADHOC("<Status> SUCCESS</Status><Certificate>MAA=</Certificate>"), "none of"},
    {ANSWER_ADHOC, SUBMIT("<BatchStatus>PENDING</BatchStatus><BatchId>1</BatchId>"), "must be a DeviceCertificateSigningResponse"},
    {ANSWER_ADHOC, "<DeviceCertificateSigningResponse>" HEAD "<TransactionId>0</TransactionId></DeviceCertificateSigningResponse>",
     "positive"},
    {ANSWER_ADHOC, "<DeviceCertificateSigningResponse xmlns=\"u\"/>", "in a namespace"},
    {ANSWER_ADHOC, "", "ends too early"},
    {ANSWER_SUBMIT, SUBMIT("<BatchStatus>COMPLETED</BatchStatus><BatchId>1</BatchId>"), "none that a SubmitCSRBatchStatus may have"},
    {ANSWER_SUBMIT, SUBMIT("<BatchStatus>PENDING</BatchStatus>" ERROR_OF("WF:1")), "with an Error"},
    {ANSWER_SUBMIT, SUBMIT("<BatchStatus>WORKFLOW_ERROR</BatchStatus><BatchId>1</BatchId>"), "without an Error"},
    {ANSWER_SUBMIT, SUBMIT("<BatchStatus>PENDING</BatchStatus><BatchId>18446744073709551616</BatchId>"), "BatchId is"},
    {ANSWER_SUBMIT, SUBMIT("<BatchStatus>PENDING</BatchStatus>"), "ends before it is complete"},
    {ANSWER_RESULT, RESULT("<BatchStatus>COMPLETED</BatchStatus><BatchId>1</BatchId>"), "COMPLETED without results"},
    {ANSWER_RESULT,
     RESULT("<BatchStatus>QUEUED</BatchStatus><BatchId>1</BatchId>" ENTRY("a", "<Status>CA_ERROR</Status>" ERROR_OF("CA:1"))),
     "before the batch is COMPLETED"},
    {ANSWER_RESULT,
     RESULT("<BatchStatus>COMPLETED</BatchStatus><BatchId>1</BatchId>" ENTRY("a", "<Status>CA_ERROR</Status>" ERROR_OF("CA:1"))
                ENTRY("a", "<Status>CA_ERROR</Status>" ERROR_OF("CA:1"))),
     "two DeviceCertificates"},
    {ANSWER_RESULT, RESULT("<BatchStatus>COMPLETED</BatchStatus><BatchId>1</BatchId>" ENTRY("1a", "<Status>CA_ERROR</Status>")),
     "XML name"},
    {ANSWER_RESULT, RESULT("<BatchStatus>COMPLETED</BatchStatus><BatchId>1</BatchId><DeviceCertificate/>"), "no ID"},
    {ANSWER_RESULT, "<!DOCTYPE a [<!ENTITY e \"x\">]><a>&e;</a>", "DOCTYPE"},
    {ANSWER_RESULT, RESULT("<BatchStatus>PAUSED</BatchStatus>") "<more/>", "junk"},
};

/* ---- what is read ---- */

static void an_ad_hoc_answer_is_read(void **state)
{
    struct smki_error err = {0};
    struct seen seen;
    struct answer answer;

    (void)state;
    ASSERT_OK(read_text(ANSWER_ADHOC, good[0].text, &seen, &answer, &err), err);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.certificate, 2);
    assert_int_equal(answer.transaction, 7);
    assert_string_equal(answer.ref, "r");
    ASSERT_OK(read_text(ANSWER_ADHOC, good[1].text, &seen, &answer, &err), err);
    assert_int_equal(seen.last, SMKI_STATUS_CSR_ERROR);
    assert_string_equal(seen.codes, "CR:9999");
}

static void a_submission_s_answer_is_read(void **state)
{
    struct smki_error err = {0};
    struct seen seen;
    struct answer answer;

    (void)state;
    ASSERT_OK(read_text(ANSWER_SUBMIT, good[3].text, &seen, &answer, &err), err);
    assert_int_equal(answer.batch_id, 99);
    assert_int_equal(answer.state, SMKI_STATE_PENDING);
    ASSERT_OK(read_text(ANSWER_SUBMIT, good[4].text, &seen, &answer, &err), err);
    assert_int_equal(answer.failure, ANSWER_WORKFLOW_ERROR);
    assert_string_equal(answer.error_code, "WF:BB2");
    assert_string_equal(answer.error_text, "why");
}

static void a_result_is_read(void **state)
{
    struct smki_error err = {0};
    struct seen seen;
    struct answer answer;

    (void)state;
    ASSERT_OK(read_text(ANSWER_RESULT, good[8].text, &seen, &answer, &err), err);
    assert_int_equal(answer.state, SMKI_STATE_COMPLETED);
    assert_string_equal(seen.refs, "a,b");
    assert_string_equal(seen.codes, "IN:EA1");
}

static void what_does_not_fit_is_refused_in_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < TEST_COUNT(bad); i++) {
        struct smki_error err = {0};
        struct seen seen;
        EXPECT_REFUSED(SMKI_CLIENT_ANSWER, read_text(bad[i].kind, bad[i].text, &seen, NULL, &err), err);
        EXPECT_TEXT(err, bad[i].words);
    }
}

static void same_in_steps(enum answer_kind kind, const char *text)
{
    struct smki_error whole_err = {0}, err = {0};
    struct seen whole, seen = {0};
    int rc = read_text(kind, text, &whole, NULL, &whole_err);

    assert_int_equal(read_steps(kind, BYTES(text, strlen(text)), 1, &seen, NULL, &err), rc);
    assert_memory_equal(&whole, &seen, sizeof(seen));
    assert_string_equal(whole_err.text, err.text);
}

static void how_a_document_is_cut_makes_no_difference(void **state)
{
    (void)state;
    for (size_t i = 0; i < TEST_COUNT(good); i++)
        same_in_steps(good[i].kind, good[i].text);
    for (size_t i = 0; i < TEST_COUNT(bad); i++)
        same_in_steps(bad[i].kind, bad[i].text);
}

static void who_takes_the_entries_can_stop(void **state)
{
    struct smki_error err = {0};
    struct seen seen = {.stop_at = 1};

    (void)state;
    EXPECT_REFUSED(SMKI_DISK_FULL, read_steps(ANSWER_RESULT, BYTES(good[8].text, strlen(good[8].text)), SIZE_MAX / 2, &seen, NULL, &err),
                   err);
    assert_int_equal(seen.count, 1);
}

static void an_answer_without_results_has_a_limit(void **state)
{
    struct smki_buffer long_text = {0};
    struct smki_error err = {0};
    struct seen seen = {0};

    (void)state;
    for (size_t i = 0; i < 5000; i++)
        ASSERT_OK(smki_buffer_printf(&long_text, &err, "<!-- filler -->"), err);
    EXPECT_REFUSED(SMKI_CLIENT_ANSWER, read_steps(ANSWER_SUBMIT, BYTES(long_text.at, long_text.size), 4096, &seen, NULL, &err), err);
    EXPECT_TEXT(err, "larger than");
    smki_buffer_finish(&long_text);
}

/* ---- our own service ---- */

static void every_state_that_we_write_is_read(void **state)
{
    struct smki_error err = {0};
    struct answer answer;

    (void)state;
    for (int it = SMKI_STATE_PENDING; it <= SMKI_STATE_TAMPERED; it++) {
        struct smki_buffer out = {0};
        struct seen seen = {0};
        if (it == SMKI_STATE_COMPLETED)
            continue; /* has results */
        ASSERT_OK(batch_xml_result_status(&out, "r", "b", 9, (enum smki_batch_state)it, 0, NULL, &err), err);
        ASSERT_OK(read_steps(ANSWER_RESULT, BYTES(out.at, out.size), SIZE_MAX / 2, &seen, &answer, &err), err);
        assert_int_equal(answer.state, it);
        smki_buffer_finish(&out);
    }
}

static void every_refusal_that_we_write_is_read(void **state)
{
    size_t count;
    const struct smki_refusal *list = smki_refusal_list(&count);
    struct smki_error err = {0};

    (void)state;
    for (size_t i = 0; i < count; i++) {
        struct smki_buffer submit = {0}, adhoc = {0};
        const struct adhoc_response response = {.ref = "r", .build = "b", .transaction = 1, .code = list[i].code};
        struct seen seen = {0};
        ASSERT_OK(batch_xml_submit_status(&submit, "r", "b", 0, list[i].code, NULL, &err), err);
        ASSERT_OK(read_steps(ANSWER_SUBMIT, BYTES(submit.at, submit.size), SIZE_MAX / 2, &seen, NULL, &err), err);
        ASSERT_OK(adhoc_xml_response(&adhoc, &response, &err), err);
        ASSERT_OK(read_steps(ANSWER_ADHOC, BYTES(adhoc.at, adhoc.size), SIZE_MAX / 2, &seen, NULL, &err), err);
        smki_buffer_finish(&submit);
        smki_buffer_finish(&adhoc);
    }
}

/* ---- xmllint ---- */

#define MUTATIONS 700 /* of each kind */

static const char *const scraps[] = {
    "<",
    ">",
    "\"",
    " ",
    "\n",
    "&lt;",
    "&#32;",
    "A",
    "0",
    "==",
    "<?p?>",
    "ID",
    "1.0",
    " ID=\"x\"",
    "<!-- c -->",
    "]]>",
    "<![CDATA[",
    "<![CDATA[QQ==]]>",
    "<Error>",
    "+",
    "-",
    "\t",
    "</Error>",
    "<BatchId/>",
    "\xc3\xa9",
    "\xff",
    "<Status>SUCCESS</Status>",
    "</Status>",
    ":",
    "q:",
    "_",
    " xmlns=\"u\"",
    " xmlns:q=\"u\"",
    "\x01",
    "SUCCESS",
    "<BatchId>1</BatchId>",
    " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:nil=\"true\"",
};

static void mutate(struct smki_buffer *out, const char *text, struct test_random *random)
{
    struct smki_error err = {0};
    const size_t size = strlen(text), at = test_random_below(random, (uint32_t)size);
    size_t gone = test_random_below(random, 3) != 0 ? 0 : test_random_below(random, 12);
    const char *scrap = scraps[test_random_below(random, TEST_COUNT(scraps))];

    gone = gone < size - at ? gone : size - at;
    ASSERT_OK(smki_buffer_append(out, text, at, &err), err);
    if (gone == 0 || test_random_below(random, 2) != 0)
        ASSERT_OK(smki_buffer_append(out, scrap, strlen(scrap), &err), err);
    ASSERT_OK(smki_buffer_append(out, text + at + gone, size - at - gone, &err), err);
}

/* Where we refuse what the schema lets stand: what contradicts itself, and what is said in differences.txt of tests/data/batch-xml. */
static bool is_meant(const char *words)
{
    static const char *const meant[] = {
        "SUCCESS without",       "without an Error",  "with an Error", "COMPLETED without",         "before the batch is COMPLETED",
        "BatchId in the answer", "without a BatchId", "reserved",      "must not undeclare prefix", "DOCTYPE",
        "unknown encoding",      "is not base64" /* libxml2 skips what is none */};

    for (size_t i = 0; i < TEST_COUNT(meant); i++)
        if (strstr(words, meant[i]) != NULL)
            return true;
    return false;
}

struct verdicts {
    enum answer_kind kind;
    const struct smki_buffer *said;
    unsigned accepted, differing;
};

static void compare(void *context, const char *name, struct smki_bytes document)
{
    struct verdicts *verdicts = context;
    struct smki_error err = {0};
    struct seen seen = {0};
    const bool ours = read_steps(verdicts->kind, document, SIZE_MAX / 2, &seen, NULL, &err) == 0;

    verdicts->accepted += ours;
    if (ours == xmllint_accepts(verdicts->said, name) || (!ours && is_meant(err.text)))
        return;
    verdicts->differing++;
    print_error("%s: xmllint %s it, we %s:\n%.*s\n", name, ours ? "refuses" : "accepts", ours ? "accept" : err.text, (int)document.size,
                (const char *)document.at);
}

static void mutations_of(enum answer_kind kind)
{
    char folder[TEST_PATH_SIZE], path[TEST_PATH_SIZE], name[32];
    struct test_random random = {.state = 11 + (uint64_t)kind};
    struct smki_buffer said = {0};
    struct verdicts verdicts = {.kind = kind, .said = &said};

    test_folder_make(folder);
    for (unsigned i = 0; i < MUTATIONS; i++) {
        struct smki_buffer document = {0};
        size_t which;
        do
            which = test_random_below(&random, TEST_COUNT(good));
        while (good[which].kind != kind);
        mutate(&document, good[which].text, &random);
        snprintf(name, sizeof(name), "%04u.xml", i);
        test_write(test_path(path, folder, name), document.at, document.size);
        smki_buffer_finish(&document);
    }
    xmllint_folder(&said, folder, kind == ANSWER_ADHOC ? "adhoc-1.0.xsd" : "batch-1.0.xsd");
    assert_int_equal(each_document(folder, compare, &verdicts), MUTATIONS);
    smki_buffer_finish(&said);
    test_folder_remove(folder);
    assert_int_equal(verdicts.differing, 0);
    assert_true(verdicts.accepted > MUTATIONS / 50);
}

static void xmllint_agrees_over_mutations(void **state)
{
    (void)state;
    mutations_of(ANSWER_ADHOC);
    mutations_of(ANSWER_SUBMIT);
    mutations_of(ANSWER_RESULT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ad_hoc_answer_is_read),
        cmocka_unit_test(a_submission_s_answer_is_read),
        cmocka_unit_test(a_result_is_read),
        cmocka_unit_test(what_does_not_fit_is_refused_in_words),
        cmocka_unit_test(how_a_document_is_cut_makes_no_difference),
        cmocka_unit_test(who_takes_the_entries_can_stop),
        cmocka_unit_test(an_answer_without_results_has_a_limit),
        cmocka_unit_test(every_state_that_we_write_is_read),
        cmocka_unit_test(every_refusal_that_we_write_is_read),
        cmocka_unit_test(xmllint_agrees_over_mutations),
    };

    return cmocka_run_group_tests_name("answer_reader", tests, NULL, NULL);
}
