/* Batches through their nights, in virtual time, on a real home. */
#include "home_test.h"

#include "store/store_i.h"

#include <sys/stat.h>

static struct request *requests; /* 40 good ones, of 40 devices */
#define REQUESTS 40

#define CHUNKS_OF_4 "{\"batch\": {\"chunk\": 4}}"

static int group_begin(void **state)
{
    requests = requests_make(REQUESTS, UINT64_C(0x90b3d51f30020000));
    assert_non_null(requests);
    return mould_make(state);
}

static int group_end(void **state)
{
    free(requests);
    return mould_remove(state);
}

/* ---- windows ---- */

static void nothing_runs_outside_the_window(void **state)
{
    struct home home;
    struct smki_error err = {0};
    uint64_t id;

    (void)state;
    home_lay(&home, "2026-11-23T14:00", CHUNKS_OF_4);
    id = SUBMIT(&home, requests, 10);
    NOW(&home, "2026-11-23T19:59:59");
    EXPECT_REFUSED(SMKI_OUTSIDE_WINDOW, run_once(&home, false, &err), err);
    EXPECT_STATE(&home, id, "QUEUED");
    assert_int_equal(BATCH(&home, id).processed, 0);
    home_clear(&home);
}

static void a_batch_runs_in_its_night(void **state)
{
    struct home home;
    uint64_t id;

    (void)state;
    home_lay(&home, "2026-11-23T14:00", CHUNKS_OF_4);
    id = SUBMIT(&home, requests, 10);
    NOW(&home, "2026-11-23T20:00");
    RUN(&home);
    EXPECT_STATE(&home, id, "COMPLETED");
    assert_int_equal(BATCH(&home, id).granted, 10);
    AUDIT_HOLDS(&home);
    home_clear(&home);
}

static void the_override_runs_by_day_and_is_audited(void **state)
{
    struct home home;
    struct smki_error err = {0};
    uint64_t id;

    (void)state;
    home_lay(&home, "2026-11-23T14:00", CHUNKS_OF_4);
    id = SUBMIT(&home, requests, 3);
    ASSERT_OK(run_once(&home, true, &err), err);
    EXPECT_STATE(&home, id, "COMPLETED");
    home_clear(&home);
}

/* No CSR was decided at or after this moment. */
static void NOTHING_DECIDED_SINCE(struct home *home, const char *at)
{
    struct smki_audit_record record = {.sequence = 0};
    struct store_view *view;
    struct smki_error err = {0};

    ASSERT_OK(store_view_begin(smki_service_store(home->service), &view, &err), err);
    while (store_record_get(view, record.sequence + 1, &record, NULL) == 0)
        assert_false(record.act == SMKI_ACT_CSR_DECIDE && record.index != 0 && record.time.us >= AT(at).us);
    store_view_end(view);
}

static void a_batch_is_paused_when_the_window_closes_and_goes_on_in_the_next(void **state)
{
    struct home home;
    const struct smki_clock clock = test_clock_of(&home.clock);
    struct jump jump = {.clock = &home.clock, .to = AT("2026-11-24T08:00"), .after = 10}; /* the window closes in the middle of the run */
    const struct smki_random random = {.fill = random_that_jumps, .context = &jump};
    const struct smki_service_options options = {.clock = &clock, .random = &random};
    struct smki_error err = {0};
    uint64_t id;

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{\"batch\": {\"chunk\": 1}}");
    id = SUBMIT(&home, requests, 20);
    smki_service_close(home.service);
    NOW(&home, "2026-11-24T07:30");
    ASSERT_OK(smki_service_open(&home.service, home.path, &options, &err), err);
    EXPECT_REFUSED(SMKI_OUTSIDE_WINDOW, run_once(&home, false, &err), err);
    EXPECT_STATE(&home, id, "PAUSED");
    assert_in_range(BATCH(&home, id).processed, 1, 19);
    NOTHING_DECIDED_SINCE(&home, "2026-11-24T08:00");
    smki_service_close(home.service);
    NOW(&home, "2026-11-24T20:00");
    home_open(&home);
    RUN(&home);
    EXPECT_STATE(&home, id, "COMPLETED");
    assert_int_equal(BATCH(&home, id).granted, 20);
    AUDIT_HOLDS(&home);
    home_clear(&home);
}

/* ---- fates ---- */

static void one_bad_csr_never_fails_the_others(void **state)
{
    struct request mixed[3];
    struct home home;
    uint64_t id;

    (void)state;
    home_lay(&home, "2026-11-23T21:00", CHUNKS_OF_4);
    memcpy(mixed, requests, sizeof(mixed));
    mixed[1].der[mixed[1].size - 1] ^= 1;
    id = SUBMIT(&home, mixed, 3);
    RUN(&home);
    assert_string_equal(FATE(&home, id, "m1"), "success");
    assert_string_equal(FATE(&home, id, "m2"), "error CR:AA7");
    assert_string_equal(FATE(&home, id, "m3"), "success");
    home_clear(&home);
}

static void the_same_request_is_granted_once_however_often_it_comes(void **state)
{
    struct request same[12];
    struct home home;
    uint64_t first, second;

    (void)state;
    home_lay(&home, "2026-11-23T21:00", "{\"batch\": {\"chunk\": 1}}"); /* chunks that two workers decide at once */
    for (size_t i = 0; i < 12; i++)
        same[i] = requests[0];
    first = SUBMIT(&home, same, 12);
    second = SUBMIT(&home, same, 1);
    RUN(&home);
    assert_int_equal(BATCH(&home, first).granted, 1);
    assert_int_equal(BATCH(&home, second).granted, 0);
    assert_string_equal(FATE(&home, second, "m1"), "error CR:9999");
    AUDIT_HOLDS(&home);
    home_clear(&home);
}

static void a_key_of_another_device_is_an_anomaly(void **state)
{
    struct request *twin = requests_make_twins(UINT64_C(0x90b3d51f30090000));
    struct home home;
    uint64_t id;

    (void)state;
    assert_non_null(twin);
    home_lay(&home, "2026-11-23T21:00", CHUNKS_OF_4);
    id = SUBMIT(&home, twin, 2);
    RUN(&home);
    assert_string_equal(FATE(&home, id, "m1"), "success");
    assert_string_equal(FATE(&home, id, "m2"), "anomaly CA:LA2");
    free(twin);
    home_clear(&home);
}

static void a_device_has_its_limit_and_the_operator_may_raise_it(void **state)
{
    struct request *many = requests_make_of_one(3, UINT64_C(0x90b3d51f30090000));
    struct smki_device_id device = {{0x90, 0xb3, 0xd5, 0x1f, 0x30, 0x09, 0, 0}};
    struct home home;
    struct smki_error err = {0};
    uint64_t id;

    (void)state;
    assert_non_null(many);
    home_lay(&home, "2026-11-23T21:00", "{\"device\": {\"certificate_limit\": 1}, \"batch\": {\"chunk\": 4}}");
    id = SUBMIT(&home, many, 2);
    RUN(&home);
    assert_string_equal(FATE(&home, id, "m1"), "success");
    assert_string_equal(FATE(&home, id, "m2"), "anomaly CA:LA1");
    ASSERT_OK(smki_device_set_limit(smki_service_store(home.service), &home.operator, & device, 2, &err), err);
    id = SUBMIT(&home, many + 1, 2);
    RUN(&home);
    assert_string_equal(FATE(&home, id, "m1"), "success");
    assert_string_equal(FATE(&home, id, "m2"), "anomaly CA:LA1");
    free(many);
    home_clear(&home);
}

static void a_device_in_service_is_its_suppliers(void **state)
{
    struct home home;
    struct smki_import_report report;
    struct smki_error err = {0};
    char path[TEST_PATH_SIZE], csv[200];
    struct smki_actor supplier;
    uint64_t id;

    (void)state;
    home_lay(&home, "2026-11-23T21:00", CHUNKS_OF_4);
    supplier = home.operator;
    supplier.party = PARTY(&home, "Supply", SMKI_USER_IMPORT_SUPPLIER, SMKI_SUBSCRIBER_DEVICE);
    test_path(path, home.path, "inventory.csv");
    snprintf(csv, sizeof(csv), "device_id,type,status,import_supplier\n90b3d51f30020000,ESME,commissioned,%d\n", (int)supplier.party);
    test_write(path, csv, strlen(csv));
    ASSERT_OK(smki_device_import(smki_service_store(home.service), &home.operator, path, &report, &err), err);
    id = SUBMIT(&home, requests, 1);
    RUN(&home);
    assert_string_equal(FATE(&home, id, "m1"), "ineligible IN:EA2");
    id = SUBMIT_AS(&home, &supplier, SMKI_INTERFACE_BATCH, requests, 1);
    RUN(&home);
    assert_string_equal(FATE(&home, id, "m1"), "success");
    home_clear(&home);
}

static void a_barred_partys_waiting_batch_is_refused(void **state)
{
    struct home home;
    struct smki_party party;
    struct smki_error err = {0};
    uint64_t id;

    (void)state;
    home_lay(&home, "2026-11-23T21:00", CHUNKS_OF_4);
    id = SUBMIT(&home, requests, 3);
    ASSERT_OK(smki_party_find(smki_service_store(home.service), home.maker.party, &party, &err), err);
    party.barred = true;
    ASSERT_OK(smki_party_update(smki_service_store(home.service), &home.operator, & party, &err), err);
    RUN(&home);
    assert_int_equal(BATCH(&home, id).granted, 0);
    assert_string_equal(FATE(&home, id, "m1"), "error WF:PA2");
    AUDIT_HOLDS(&home);
    home_clear(&home);
}

static void the_record_of_an_unreadable_csr_names_no_device(void **state)
{
    struct request mixed[2];
    struct home home;
    struct smki_audit_record record = {.sequence = 0};
    struct store_view *view;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T21:00", "{\"batch\": {\"chunk\": 1}}");
    memcpy(mixed, requests, sizeof(mixed));
    mixed[1].size = 3; /* not a request at all */
    SUBMIT(&home, mixed, 2);
    ASSERT_OK(run_once(&home, false, &err), err);
    ASSERT_OK(store_view_begin(smki_service_store(home.service), &view, &err), err);
    do
        ASSERT_OK(store_record_get(view, record.sequence + 1, &record, &err), err);
    while (record.act != SMKI_ACT_CSR_DECIDE || record.index != 2);
    assert_memory_equal(record.device_id.octet, "\0\0\0\0\0\0\0", 8);
    store_view_end(view);
    home_clear(&home);
}

/* ---- order ---- */

static void over_quota_work_runs_behind_due_work(void **state)
{
    struct home home;
    struct smki_plan_item *plan;
    size_t count;
    double rate;
    struct smki_error err = {0};
    uint64_t over, due;

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{\"demand\": {\"portal_batch_csrs\": 5}}");
    over = SUBMIT_AS(&home, &home.maker, SMKI_INTERFACE_PORTAL_DEVICE, requests, 6);
    due = SUBMIT(&home, requests + 6, 4);
    assert_true(BATCH(&home, over).over_quota);
    assert_false(BATCH(&home, due).over_quota);
    ASSERT_OK(smki_batch_plan(home.service, AT("2026-11-23T20:00"), &plan, &count, &rate, &err), err);
    assert_int_equal(count, 2);
    assert_int_equal(plan[0].batch, due);
    assert_int_equal(plan[1].batch, over);
    free(plan);
    home_clear(&home);
}

static void the_first_accepted_is_the_one_granted_whichever_thread_is_faster(void **state)
{
    struct home home;
    uint64_t first, second;

    (void)state;
    home_lay(&home, "2026-11-23T21:00", "{\"batch\": {\"chunk\": 10}}");
    for (int round = 0; round < 4; round++) { /* chunks of the two are worked on at the same time */
        first = SUBMIT(&home, requests + 10 * round, 10);
        second = SUBMIT(&home, requests + 10 * round, 10);
        RUN(&home);
        assert_int_equal(BATCH(&home, first).granted, 10);
        assert_int_equal(BATCH(&home, second).granted, 0);
    }
    AUDIT_HOLDS(&home);
    home_clear(&home);
}

static void the_quota_is_the_portals_not_the_web_services(void **state)
{
    struct home home;
    uint64_t id;

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{\"demand\": {\"portal_batch_csrs\": 5}}");
    id = SUBMIT(&home, requests, 6);
    assert_false(BATCH(&home, id).over_quota);
    home_clear(&home);
}

/* ---- approval, tampering ---- */

static void a_changed_upload_is_found_tampered(void **state)
{
    struct home home;
    char path[2 * TEST_PATH_SIZE];
    struct smki_error err = {0};
    struct smki_buffer upload = {0};
    uint64_t id;

    (void)state;
    home_lay(&home, "2026-11-23T21:00", CHUNKS_OF_4);
    id = SUBMIT(&home, requests, 5);
    snprintf(path, sizeof(path), "%s/batches/%s", home.path, BATCH(&home, id).file);
    test_read(&upload, path);
    *(char *)memmem(upload.at, upload.size, "m5", 2) = 'n'; /* still a valid document */
    test_write(path, upload.at, upload.size);
    EXPECT_REFUSED(SMKI_BATCH_TAMPERED, run_once(&home, false, &err), err);
    EXPECT_STATE(&home, id, "TAMPERED");
    EXPECT_REFUSED(SMKI_BATCH_TAMPERED, smki_batch_result(home.service, &home.operator, id, SMKI_RESULT_XML, "/nonexistent/x", true, &err),
                   err);
    smki_buffer_finish(&upload);
    home_clear(&home);
}

static void a_lost_upload_is_found_tampered(void **state)
{
    struct home home;
    char path[2 * TEST_PATH_SIZE];
    struct smki_error err = {0};
    uint64_t id, other;

    (void)state;
    home_lay(&home, "2026-11-23T21:00", CHUNKS_OF_4);
    id = SUBMIT(&home, requests, 5);
    other = SUBMIT(&home, requests, 5);
    snprintf(path, sizeof(path), "%s/batches/%s", home.path, BATCH(&home, id).file);
    assert_int_equal(remove(path), 0);
    EXPECT_REFUSED(SMKI_BATCH_TAMPERED, run_once(&home, false, &err), err);
    EXPECT_STATE(&home, id, "TAMPERED");
    assert_int_equal(BATCH(&home, other).granted, 5); /* the others go on */
    home_clear(&home);
}

static void without_automatic_approval_the_ra_decides(void **state)
{
    struct home home;
    struct smki_error err = {0};
    uint64_t good, bad;

    (void)state;
    home_lay(&home, "2026-11-23T21:00", "{\"batch\": {\"approve_automatically\": false}}");
    good = SUBMIT(&home, requests, 2);
    bad = SUBMIT(&home, requests + 2, 2);
    RUN(&home);
    EXPECT_STATE(&home, good, "PENDING");
    ASSERT_OK(smki_batch_approve(home.service, &home.operator, good, &err), err);
    ASSERT_OK(smki_batch_reject(home.service, &home.operator, bad, "not announced", &err), err);
    EXPECT_REFUSED(SMKI_BATCH_STATE, smki_batch_approve(home.service, &home.operator, bad, &err), err);
    RUN(&home);
    EXPECT_STATE(&home, good, "COMPLETED");
    EXPECT_STATE(&home, bad, "REJECTED");
    home_clear(&home);
}

static void an_approved_batch_can_be_rejected_until_it_is_parsed(void **state)
{
    struct home home;
    struct smki_error err = {0};
    uint64_t id;

    (void)state;
    home_lay(&home, "2026-11-23T21:00", "{\"batch\": {\"approve_automatically\": false}}");
    id = SUBMIT(&home, requests, 2);
    ASSERT_OK(smki_batch_approve(home.service, &home.operator, id, &err), err);
    ASSERT_OK(smki_batch_reject(home.service, &home.operator, id, "wrong file", &err), err);
    RUN(&home);
    EXPECT_STATE(&home, id, "REJECTED");
    home_clear(&home);
}

/* ---- results ---- */

static void results_are_released_at_eight_and_not_before(void **state)
{
    struct home home;
    struct smki_error err = {0};
    char path[TEST_PATH_SIZE];
    uint64_t id;

    (void)state;
    home_lay(&home, "2026-11-23T19:59:59", CHUNKS_OF_4);
    id = SUBMIT(&home, requests, 2);
    NOW(&home, "2026-11-23T20:30");
    RUN(&home);
    test_path(path, home.path, "r.xml");
    NOW(&home, "2026-11-24T07:59:59");
    EXPECT_REFUSED(SMKI_NOT_RELEASED, smki_batch_result(home.service, &home.operator, id, SMKI_RESULT_XML, path, false, &err), err);
    NOW(&home, "2026-11-24T08:00");
    ASSERT_OK(smki_batch_result(home.service, &home.operator, id, SMKI_RESULT_XML, path, false, &err), err);
    home_clear(&home);
}

static void results_are_kept_thirty_days_and_the_certificates_for_ever(void **state)
{
    struct home home;
    struct smki_store_statistics statistics;
    struct smki_error err = {0};
    char path[TEST_PATH_SIZE];
    uint64_t id;

    (void)state;
    home_lay(&home, "2026-11-23T14:00", CHUNKS_OF_4);
    id = SUBMIT(&home, requests, 2);
    NOW(&home, "2026-11-23T20:30");
    RUN(&home);
    NOW(&home, "2026-12-24T07:59:59");
    RUN(&home);
    test_path(path, home.path, "r.xml");
    ASSERT_OK(smki_batch_result(home.service, &home.operator, id, SMKI_RESULT_XML, path, false, &err), err);
    NOW(&home, "2026-12-24T20:00");
    EXPECT_REFUSED(SMKI_RESULT_EXPIRED, smki_batch_result(home.service, &home.operator, id, SMKI_RESULT_XML, path, false, &err), err);
    RUN(&home);
    assert_true(BATCH(&home, id).expired);
    EXPECT_REFUSED(SMKI_RESULT_EXPIRED, smki_batch_result(home.service, &home.operator, id, SMKI_RESULT_XML, path, false, &err), err);
    ASSERT_OK(smki_store_statistics(smki_service_store(home.service), &statistics, &err), err);
    assert_int_equal(statistics.certificates, 2 + SMKI_CA_COUNT);
    AUDIT_HOLDS(&home);
    home_clear(&home);
}

static void another_partys_batch_is_one_that_does_not_exist(void **state)
{
    struct home home;
    struct smki_actor other;
    struct smki_batch batch;
    struct smki_error err = {0}, unknown = {0};
    char path[TEST_PATH_SIZE], words[64];
    uint64_t id;

    (void)state;
    home_lay(&home, "2026-11-23T20:30", CHUNKS_OF_4);
    id = SUBMIT(&home, requests, 2);
    RUN(&home);
    other = home.operator;
    other.party = PARTY(&home, "Other", SMKI_USER_OTHER, SMKI_SUBSCRIBER_DEVICE);
    test_path(path, home.path, "r.xml");
    EXPECT_REFUSED(SMKI_BATCH_UNKNOWN, smki_batch_result(home.service, &other, id, SMKI_RESULT_XML, path, true, &err), err);
    EXPECT_REFUSED(SMKI_BATCH_UNKNOWN, smki_batch_find_as(home.service, &other, id + 7, &batch, &unknown), unknown);
    snprintf(words, sizeof(words), "there is no batch %d", (int)id);
    assert_string_equal(err.text, words);
    ASSERT_OK(smki_batch_result(home.service, &home.maker, id, SMKI_RESULT_XML, path, true, &err), err);
    home_clear(&home);
}

static void a_result_takes_no_place_but_a_files(void **state)
{
    struct home home;
    struct stat status;
    struct smki_error err = {0};
    char pipe[TEST_PATH_SIZE], file[TEST_PATH_SIZE];
    uint64_t id;

    (void)state;
    home_lay(&home, "2026-11-23T20:30", CHUNKS_OF_4);
    id = SUBMIT(&home, requests, 2);
    RUN(&home);
    assert_int_equal(mkfifo(test_path(pipe, home.path, "pipe"), 0600), 0);
    test_write(test_path(file, home.path, "file"), "old", 3);
    assert_int_equal(chmod(file, 0600), 0);
    for (int format = SMKI_RESULT_XML; format <= SMKI_RESULT_TXT; format++) {
        EXPECT_REFUSED(SMKI_INVALID_ARGUMENT,
                       smki_batch_result(home.service, &home.operator, id, (enum smki_result_format)format, pipe, true, &err), err);
        ASSERT_OK(smki_batch_result(home.service, &home.operator, id, (enum smki_result_format)format, file, true, &err), err);
    }
    assert_int_equal(lstat(pipe, &status), 0);
    assert_true(S_ISFIFO(status.st_mode));
    assert_int_equal(lstat(file, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    home_clear(&home);
}

static void a_result_is_never_half_a_file(void **state)
{
    struct home home;
    struct smki_error err = {0};
    uint64_t id;

    (void)state;
    home_lay(&home, "2026-11-23T20:30", CHUNKS_OF_4);
    id = SUBMIT(&home, requests, 2);
    RUN(&home);
    for (int format = SMKI_RESULT_XML; format <= SMKI_RESULT_TXT; format++)
        EXPECT_REFUSED(SMKI_NOT_FOUND,
                       smki_batch_result(home.service, &home.operator, id, (enum smki_result_format)format, "/nonexistent/r", true, &err),
                       err);
    home_clear(&home);
}

/* ---- who may submit ---- */

static void a_party_that_is_no_subscriber_submits_nothing(void **state)
{
    struct home home;
    struct smki_submission *submission;
    struct smki_actor other;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T14:00", CHUNKS_OF_4);
    other = home.operator;
    other.party = PARTY(&home, "Organi", SMKI_USER_OTHER, SMKI_SUBSCRIBER_ORGANISATION);
    EXPECT_REFUSED(SMKI_NOT_SUBSCRIBER, smki_submission_open(&submission, home.service, &other, SMKI_BATCH_XML, NULL, &err), err);
    other.party = 99;
    EXPECT_REFUSED(SMKI_PARTY_UNKNOWN, smki_submission_open(&submission, home.service, &other, SMKI_BATCH_XML, NULL, &err), err);
    home_clear(&home);
}

static void a_refused_submission_leaves_no_file(void **state)
{
    struct home home;
    struct smki_submission *submission;
    struct smki_batch batch;
    struct smki_error err = {0};
    char path[TEST_PATH_SIZE];

    (void)state;
    home_lay(&home, "2026-11-23T14:00", CHUNKS_OF_4);
    ASSERT_OK(smki_submission_open(&submission, home.service, &home.maker, SMKI_BATCH_XML, NULL, &err), err);
    ASSERT_OK(smki_submission_feed(submission, BYTES("<SubmitCSRBatch ID=\"a\">", 23), &err), err);
    EXPECT_REFUSED(SMKI_XML_INVALID, smki_submission_finish(submission, &batch, NULL, &err), err);
    smki_submission_close(submission);
    test_path(path, home.path, "batches");
    assert_int_equal(rmdir(path), 0);
    home_clear(&home);
}

static void a_submission_is_finished_once(void **state)
{
    struct home home;
    struct smki_submission *submission;
    struct smki_buffer document = {0};
    struct smki_batch batch;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T14:00", CHUNKS_OF_4);
    document_of(&document, requests, 1);
    ASSERT_OK(smki_submission_open(&submission, home.service, &home.maker, SMKI_BATCH_XML, NULL, &err), err);
    ASSERT_OK(smki_submission_feed(submission, (struct smki_bytes){document.at, document.size}, &err), err);
    ASSERT_OK(smki_submission_finish(submission, &batch, NULL, &err), err);
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, smki_submission_finish(submission, &batch, NULL, &err), err);
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, smki_submission_feed(submission, BYTES(" ", 1), &err), err);
    assert_int_equal(smki_batch_next(home.service, batch.id, &batch, NULL), SMKI_NOT_FOUND);
    smki_submission_close(submission);
    smki_buffer_finish(&document);
    home_clear(&home);
}

static void what_failed_once_takes_nothing_more(void **state)
{
    struct home home;
    struct smki_submission *submission;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T14:00", CHUNKS_OF_4);
    ASSERT_OK(smki_submission_open(&submission, home.service, &home.maker, SMKI_BATCH_XML, NULL, &err), err);
    EXPECT_REFUSED(SMKI_XML_INVALID, smki_submission_feed(submission, BYTES("<a/>", 4), &err), err);
    EXPECT_REFUSED(SMKI_XML_INVALID, smki_submission_feed(submission, BYTES(" ", 1), &err), err);
    smki_submission_close(submission);
    home_clear(&home);
}

static void a_zips_name_is_a_plain_one(void **state)
{
    static const char *const names[] = {"../../evil.zip", "a/b.zip", "a\\b.zip", "a\nb.zip"};
    struct home home;
    struct smki_submission *submission;
    struct smki_error err = {0};
    char name[300];

    (void)state;
    home_lay(&home, "2026-11-23T14:00", CHUNKS_OF_4);
    for (size_t i = 0; i < TEST_COUNT(names); i++)
        EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, smki_submission_open(&submission, home.service, &home.maker, SMKI_BATCH_ZIP, names[i], &err),
                       err);
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, smki_submission_open(&submission, home.service, &home.maker, SMKI_BATCH_ZIP, name, &err), err);
    home_clear(&home);
}

/* One stored entry, made by zip(1) of its text, with an octet of the content changed. */
static void a_zip_that_cannot_be_unpacked_is_refused_at_once(void **state)
{
    struct home home;
    struct smki_batch batch;
    struct smki_buffer file = {0};
    struct smki_error err = {0};
    char command[3 * TEST_PATH_SIZE], path[TEST_PATH_SIZE], csr[TEST_PATH_SIZE];
    uint8_t *content;

    (void)state;
    home_lay(&home, "2026-11-23T14:00", CHUNKS_OF_4);
    test_write(test_path(csr, home.path, "m1.csr"), "QUFBQUFBQUFB", 12);
    test_path(path, home.path, "batch.zip");
    snprintf(command, sizeof(command), "zip -q -j -0 '%s' '%s'", path, csr);
    assert_int_equal(system(command), 0);
    ASSERT_OK(smki_batch_submit_file(home.service, &home.maker, path, &batch, NULL, &err), err);
    test_read(&file, path);
    content = memmem(file.at, file.size, "QUFB", 4);
    assert_non_null(content);
    content[1] ^= 1;
    test_write(path, file.at, file.size);
    EXPECT_REFUSED(SMKI_ZIP_INVALID, smki_batch_submit_file(home.service, &home.maker, path, &batch, NULL, &err), err);
    smki_buffer_finish(&file);
    home_clear(&home);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_runs_outside_the_window),
        cmocka_unit_test(a_batch_runs_in_its_night),
        cmocka_unit_test(the_override_runs_by_day_and_is_audited),
        cmocka_unit_test(a_batch_is_paused_when_the_window_closes_and_goes_on_in_the_next),
        cmocka_unit_test(one_bad_csr_never_fails_the_others),
        cmocka_unit_test(the_same_request_is_granted_once_however_often_it_comes),
        cmocka_unit_test(a_key_of_another_device_is_an_anomaly),
        cmocka_unit_test(a_device_has_its_limit_and_the_operator_may_raise_it),
        cmocka_unit_test(a_device_in_service_is_its_suppliers),
        cmocka_unit_test(over_quota_work_runs_behind_due_work),
        cmocka_unit_test(the_first_accepted_is_the_one_granted_whichever_thread_is_faster),
        cmocka_unit_test(the_quota_is_the_portals_not_the_web_services),
        cmocka_unit_test(a_changed_upload_is_found_tampered),
        cmocka_unit_test(a_lost_upload_is_found_tampered),
        cmocka_unit_test(without_automatic_approval_the_ra_decides),
        cmocka_unit_test(results_are_released_at_eight_and_not_before),
        cmocka_unit_test(results_are_kept_thirty_days_and_the_certificates_for_ever),
        cmocka_unit_test(a_result_takes_no_place_but_a_files),
        cmocka_unit_test(a_result_is_never_half_a_file),
        cmocka_unit_test(a_party_that_is_no_subscriber_submits_nothing),
        cmocka_unit_test(a_refused_submission_leaves_no_file),
        cmocka_unit_test(a_barred_partys_waiting_batch_is_refused),
        cmocka_unit_test(the_record_of_an_unreadable_csr_names_no_device),
        cmocka_unit_test(an_approved_batch_can_be_rejected_until_it_is_parsed),
        cmocka_unit_test(another_partys_batch_is_one_that_does_not_exist),
        cmocka_unit_test(a_submission_is_finished_once),
        cmocka_unit_test(what_failed_once_takes_nothing_more),
        cmocka_unit_test(a_zips_name_is_a_plain_one),
        cmocka_unit_test(a_zip_that_cannot_be_unpacked_is_refused_at_once),
    };

    return cmocka_run_group_tests(tests, group_begin, group_end);
}
