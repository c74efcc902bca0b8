/* Planned Maintenance (CoCo 2; interfaces.md 2): announced, on, over; and what the night does meanwhile. */
#include "home_test.h"

#include "store/store_i.h"

#include <smki/maintenance.h>

#include <cjson/cJSON.h>
#include <pthread.h>

#define CHUNKS_OF_1 "{\"batch\": {\"chunk\": 1}}"
#define CSRS        20

static struct request *requests;

static int group_begin(void **state)
{
    requests = requests_make(CSRS, UINT64_C(0x90b3d51f300a0000));
    assert_non_null(requests);
    return mould_make(state);
}

static int group_end(void **state)
{
    free(requests);
    return mould_remove(state);
}

static struct smki_maintenance notice(const char *from, const char *to, bool pause_night)
{
    struct smki_maintenance maintenance = {.from = AT(from), .to = AT(to), .pause_night = pause_night};

    snprintf(maintenance.text, sizeof(maintenance.text), "new disks");
    return maintenance;
}

static uint64_t PLAN(struct home *home, const char *from, const char *to, bool pause_night)
{
    struct smki_maintenance maintenance = notice(from, to, pause_night);
    struct smki_error err = {0};

    ASSERT_OK(smki_maintenance_plan(home->service, &home->operator, & maintenance, &err), err);
    return maintenance.number;
}

static int start(struct home *home, uint64_t number, struct smki_error *err)
{
    struct smki_maintenance maintenance = {.number = number};

    return smki_maintenance_start(home->service, &home->operator, & maintenance, err);
}

static int end(struct home *home, uint64_t number, struct smki_error *err)
{
    return smki_maintenance_end(home->service, &home->operator, number, err);
}

/* The number of the one that is on; 0: none. */
static uint64_t on(struct home *home)
{
    struct smki_maintenance maintenance;
    struct smki_error err = {0};
    int rc = smki_maintenance_now(home->service, &maintenance, &err);

    if (rc == SMKI_NOT_FOUND)
        return 0;
    ASSERT_OK(rc, err);
    return maintenance.number;
}

static uint64_t on_at(struct home *home, const char *at)
{
    NOW(home, at);
    return on(home);
}

static void expect_record(struct home *home, uint64_t number, const char *detail)
{
    struct smki_audit_record record = {.sequence = 0}, next;

    while (smki_audit_find(smki_service_store(home->service), record.sequence + 1, &next, NULL) == 0)
        record = next;
    assert_int_equal(record.act, SMKI_ACT_MAINTENANCE);
    assert_int_equal(record.subject, number);
    assert_string_equal(record.detail, detail);
}

/* ---- notices ---- */

static void one_is_on_by_itself_from_its_begin_to_just_before_its_end(void **state)
{
    struct home home;
    uint64_t number;

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    assert_int_equal(on(&home), 0);
    number = PLAN(&home, "2026-11-29T02:00", "2026-11-29T04:00", false);
    assert_int_equal(number, 1);
    expect_record(&home, 1, "announced, from 2026-11-29T02:00:00+00:00 to 2026-11-29T04:00:00+00:00, new disks");
    assert_int_equal(on_at(&home, "2026-11-29T01:59:59.999999"), 0);
    assert_int_equal(on_at(&home, "2026-11-29T02:00"), number);
    assert_int_equal(on_at(&home, "2026-11-29T03:59:59.999999"), number);
    assert_int_equal(on_at(&home, "2026-11-29T04:00"), 0);
    AUDIT_HOLDS(&home);
    home_clear(&home);
}

static void the_one_that_is_on_is_told_whole(void **state)
{
    struct home home;
    struct smki_maintenance maintenance;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    (void)PLAN(&home, "2026-11-29T02:00", "2026-11-29T04:00", true);
    NOW(&home, "2026-11-29T02:00");
    ASSERT_OK(smki_maintenance_now(home.service, &maintenance, &err), err);
    ASSERT_TIME(maintenance.from, "2026-11-29T02:00");
    ASSERT_TIME(maintenance.to, "2026-11-29T04:00");
    assert_true(maintenance.pause_night);
    assert_string_equal(maintenance.text, "new disks");
    assert_int_equal(maintenance.started_at.us, 0);
    home_clear(&home);
}

static void an_announcement_without_sense_is_refused(void **state)
{
    struct home home;
    struct smki_maintenance maintenance = notice("2026-11-29T04:00", "2026-11-29T04:00", false);
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, smki_maintenance_plan(home.service, &home.operator, & maintenance, &err), err);
    EXPECT_TEXT(err, "ends after it begins");
    maintenance = notice("2026-11-23T12:00", "2026-11-23T14:00", false);
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, smki_maintenance_plan(home.service, &home.operator, & maintenance, &err), err);
    EXPECT_TEXT(err, "over already");
    maintenance = notice("2026-11-29T02:00", "2026-11-29T04:00", false);
    maintenance.text[0] = '\0';
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, smki_maintenance_plan(home.service, &home.operator, & maintenance, &err), err);
    EXPECT_TEXT(err, "the text is empty");
    maintenance.text[0] = '\n';
    maintenance.text[1] = 'x';
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, smki_maintenance_plan(home.service, &home.operator, & maintenance, &err), err);
    memset(maintenance.text, 'x', sizeof(maintenance.text));
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, smki_maintenance_plan(home.service, &home.operator, & maintenance, &err), err);
    EXPECT_REFUSED(SMKI_NOT_FOUND, smki_maintenance_next(home.service, 0, &maintenance, &err), err);
    home_clear(&home);
}

static void the_operator_begins_one_early_and_ends_it_early(void **state)
{
    struct home home;
    uint64_t number;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    number = PLAN(&home, "2026-11-23T18:00", "2026-11-23T19:00", false);
    ASSERT_OK(start(&home, number, &err), err);
    expect_record(&home, number, "begun early, from 2026-11-23T18:00:00+00:00 to 2026-11-23T19:00:00+00:00, new disks");
    assert_int_equal(on(&home), number);
    EXPECT_REFUSED(SMKI_MAINTENANCE_STATE, start(&home, number, &err), err);
    EXPECT_TEXT(err, "maintenance 1 is on, until 2026-11-23 19:00 GMT");
    assert_int_equal(on_at(&home, "2026-11-23T18:30"), number);
    ASSERT_OK(end(&home, number, &err), err);
    assert_int_equal(on(&home), 0);
    EXPECT_REFUSED(SMKI_MAINTENANCE_STATE, end(&home, number, &err), err);
    EXPECT_TEXT(err, "maintenance 1 is over since 2026-11-23 18:30 GMT");
    EXPECT_REFUSED(SMKI_MAINTENANCE_STATE, start(&home, number, &err), err);
    home_clear(&home);
}

static void one_begun_early_ends_by_itself(void **state)
{
    struct home home;
    uint64_t number;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    number = PLAN(&home, "2026-11-23T18:00", "2026-11-23T19:00", false);
    ASSERT_OK(start(&home, number, &err), err);
    assert_int_equal(on_at(&home, "2026-11-23T19:00"), 0);
    EXPECT_REFUSED(SMKI_MAINTENANCE_STATE, end(&home, number, &err), err);
    home_clear(&home);
}

static void one_that_nobody_announced_begins_now(void **state)
{
    struct home home;
    struct smki_maintenance maintenance = notice("2026-01-01", "2026-11-23T15:00", false), found;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    ASSERT_OK(smki_maintenance_start(home.service, &home.operator, & maintenance, &err), err);
    assert_int_equal(maintenance.number, 1);
    ASSERT_TIME(maintenance.from, "2026-11-23T14:00");
    ASSERT_TIME(maintenance.started_at, "2026-11-23T14:00");
    ASSERT_OK(smki_maintenance_next(home.service, 0, &found, &err), err);
    assert_int_equal(found.from.us, maintenance.from.us);
    assert_int_equal(on(&home), 1);
    maintenance.number = 0;
    EXPECT_REFUSED(SMKI_MAINTENANCE_STATE, smki_maintenance_start(home.service, &home.operator, & maintenance, &err), err);
    ASSERT_OK(end(&home, 0, &err), err);
    assert_int_equal(on(&home), 0);
    EXPECT_REFUSED(SMKI_MAINTENANCE_STATE, end(&home, 0, &err), err);
    EXPECT_TEXT(err, "no maintenance is on");
    maintenance = notice("2026-01-01", "2026-11-23T14:00", false);
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, smki_maintenance_start(home.service, &home.operator, & maintenance, &err), err);
    home_clear(&home);
}

static void one_is_called_off_before_it_begins(void **state)
{
    struct home home;
    uint64_t number;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    number = PLAN(&home, "2026-11-29T02:00", "2026-11-29T04:00", true);
    ASSERT_OK(end(&home, number, &err), err);
    expect_record(&home, number, "called off, from 2026-11-29T02:00:00+00:00 to 2026-11-29T04:00:00+00:00, batches pause, new disks");
    assert_int_equal(on_at(&home, "2026-11-29T03:00"), 0);
    EXPECT_REFUSED(SMKI_NOT_FOUND, end(&home, 7, &err), err);
    EXPECT_REFUSED(SMKI_NOT_FOUND, start(&home, 7, &err), err);
    home_clear(&home);
}

static void of_two_that_overlap_the_one_that_ends_last_is_told_and_both_end(void **state)
{
    struct home home;
    struct smki_maintenance maintenance;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    (void)PLAN(&home, "2026-11-29T02:00", "2026-11-29T04:00", true);
    (void)PLAN(&home, "2026-11-29T03:00", "2026-11-29T05:00", false);
    NOW(&home, "2026-11-29T03:30");
    ASSERT_OK(smki_maintenance_now(home.service, &maintenance, &err), err);
    assert_int_equal(maintenance.number, 2);
    assert_true(maintenance.pause_night); /* the other says so */
    ASSERT_OK(end(&home, 0, &err), err);
    assert_int_equal(on(&home), 0);
    home_clear(&home);
}

static void notices_are_listed_and_told_as_json(void **state)
{
    struct home home;
    struct smki_maintenance maintenance;
    struct smki_error err = {0};
    struct cJSON *json;
    char *text;

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    (void)PLAN(&home, "2026-11-29T02:00", "2026-11-29T04:00", true);
    (void)PLAN(&home, "2026-12-29T02:00", "2026-12-29T04:00", false);
    ASSERT_OK(smki_maintenance_next(home.service, 1, &maintenance, &err), err);
    assert_int_equal(maintenance.number, 2);
    EXPECT_REFUSED(SMKI_NOT_FOUND, smki_maintenance_next(home.service, 2, &maintenance, &err), err);
    ASSERT_OK(smki_maintenance_next(home.service, 0, &maintenance, &err), err);
    json = smki_maintenance_json(&maintenance);
    text = cJSON_PrintUnformatted(json);
    assert_string_equal(text, "{\"number\":1,\"from\":\"2026-11-29T02:00:00.000000Z\",\"to\":\"2026-11-29T04:00:00.000000Z\","
                              "\"started_at\":null,\"ended_at\":null,\"pause_night\":true,\"text\":\"new disks\"}");
    cJSON_free(text);
    cJSON_Delete(json);
    home_clear(&home);
}

/* Whatever was asked before, and whatever else was committed meanwhile. */
static void what_is_on_is_known_after_every_commit(void **state)
{
    struct home home;
    uint64_t number;
    char name[32];
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    for (int i = 0; i < 20; i++) {
        assert_int_equal(on(&home), 0);
        snprintf(name, sizeof(name), "P%d", i);
        (void)PARTY(&home, name, SMKI_USER_OTHER, SMKI_SUBSCRIBER_DEVICE);
        assert_int_equal(on(&home), 0);
        number = PLAN(&home, "2026-11-23T13:00", "2026-11-23T19:00", false);
        assert_int_equal(on(&home), number);
        ASSERT_OK(end(&home, number, &err), err);
    }
    home_clear(&home);
}

/* ---- the night ---- */

static void a_maintenance_leaves_the_night_alone_unless_it_pauses_it(void **state)
{
    struct home home;
    uint64_t id;

    (void)state;
    home_lay(&home, "2026-11-23T14:00", CHUNKS_OF_1);
    id = SUBMIT(&home, requests, CSRS);
    (void)PLAN(&home, "2026-11-23T20:00", "2026-11-24T08:00", false);
    NOW(&home, "2026-11-23T21:00");
    RUN(&home);
    EXPECT_STATE(&home, id, "COMPLETED");
    home_clear(&home);
}

static void no_chunk_is_begun_while_the_night_pauses(void **state)
{
    struct home home;
    struct smki_error err = {0};
    uint64_t id;

    (void)state;
    home_lay(&home, "2026-11-23T14:00", CHUNKS_OF_1);
    id = SUBMIT(&home, requests, CSRS);
    (void)PLAN(&home, "2026-11-23T20:00", "2026-11-23T23:00", true);
    NOW(&home, "2026-11-23T21:00");
    EXPECT_REFUSED(SMKI_MAINTENANCE, run_once(&home, false, &err), err);
    EXPECT_TEXT(err, "Planned Maintenance pauses the night");
    EXPECT_REFUSED(SMKI_MAINTENANCE, run_once(&home, true, &err), err);
    EXPECT_STATE(&home, id, "QUEUED");
    assert_int_equal(BATCH(&home, id).processed, 0);
    ASSERT_OK(end(&home, 0, &err), err);
    RUN(&home);
    EXPECT_STATE(&home, id, "COMPLETED");
    AUDIT_HOLDS(&home);
    home_clear(&home);
}

/* A clock that moves on by a minute each time somebody looks. */
static struct smki_time clock_that_runs(void *context)
{
    struct test_clock *clock = context;

    test_clock_advance(clock, SMKI_MINUTE);
    return test_clock_now(clock);
}

/* Opens the home anew with that clock, which comes to `jumps` at the latest in the middle of the next run. */
static void home_runs(struct home *home, const char *at, struct jump *jump, const char *jumps)
{
    const struct smki_clock running = {.now = clock_that_runs, .context = &home->clock};
    const struct smki_random random = {.fill = random_that_jumps, .context = jump};
    const struct smki_service_options options = {.clock = &running, .random = &random};
    struct smki_error err = {0};

    *jump = (struct jump){.clock = &home->clock, .to = AT(jumps), .after = CSRS / 2};
    smki_service_close(home->service);
    NOW(home, at);
    ASSERT_OK(smki_service_open(&home->service, home->path, &options, &err), err);
}

/* How many CSRs were decided in [from, to), and how many records say that a batch was paused. */
static void story(struct home *home, const char *from, const char *to, unsigned *decided, unsigned *paused)
{
    struct smki_audit_record record = {.sequence = 0};

    *decided = *paused = 0;
    while (smki_audit_find(smki_service_store(home->service), record.sequence + 1, &record, NULL) == 0) {
        *decided += record.act == SMKI_ACT_CSR_DECIDE && record.index != 0 && record.time.us >= AT(from).us && record.time.us < AT(to).us;
        *paused += record.act == SMKI_ACT_BATCH_STATE && strcmp(record.detail, "PROCESSING to PAUSED") == 0;
    }
}

static void a_run_in_progress_pauses_at_the_next_chunk(void **state)
{
    struct home home;
    struct smki_error err = {0};
    unsigned decided, paused;
    struct jump jump;
    uint64_t id;

    (void)state;
    home_lay(&home, "2026-11-23T14:00", CHUNKS_OF_1);
    id = SUBMIT(&home, requests, CSRS);
    (void)PLAN(&home, "2026-11-23T20:30", "2026-11-24T02:00", true);
    home_runs(&home, "2026-11-23T20:00", &jump, "2026-11-23T20:30");
    EXPECT_REFUSED(SMKI_MAINTENANCE, run_once(&home, false, &err), err);
    EXPECT_STATE(&home, id, "PAUSED");
    assert_in_range(BATCH(&home, id).processed, 1, CSRS - 1);
    story(&home, "2026-11-23T20:30", "2026-11-24T02:00", &decided, &paused);
    assert_int_equal(decided, 0);
    assert_int_equal(paused, 1);
    home_clear(&home);
}

struct watching {
    volatile int stop;
};

static void stop_when_done(void *context, const struct smki_run_progress *progress)
{
    struct watching *watching = context;

    watching->stop = progress->batches_completed > 0;
}

static void a_runner_that_stays_goes_on_when_the_maintenance_ends(void **state)
{
    struct watching watching = {0};
    const struct smki_run_options options = {
        .watch = true, .workers = 2, .progress = stop_when_done, .context = &watching, .stop = &watching.stop};
    struct home home;
    struct smki_error err = {0};
    unsigned decided, paused;
    struct jump jump;
    uint64_t id;

    (void)state;
    home_lay(&home, "2026-11-23T14:00", CHUNKS_OF_1);
    id = SUBMIT(&home, requests, CSRS);
    (void)PLAN(&home, "2026-11-23T20:30", "2026-11-23T22:00", true);
    home_runs(&home, "2026-11-23T20:00", &jump, "2026-11-23T20:30");
    EXPECT_REFUSED(SMKI_INTERRUPTED, smki_batch_run(home.service, &home.operator, & options, NULL, &err), err);
    EXPECT_STATE(&home, id, "COMPLETED");
    assert_int_equal(BATCH(&home, id).granted, CSRS);
    story(&home, "2026-11-23T20:30", "2026-11-23T22:00", &decided, &paused);
    assert_int_equal(decided, 0);
    assert_int_equal(paused, 1);
    AUDIT_HOLDS(&home);
    home_clear(&home);
}

/* ---- many threads ---- */

struct asking {
    struct home *home;
    _Atomic int stop;
    uint64_t asked, failed;
};

static void *asking_main(void *argument)
{
    struct asking *asking = argument;
    struct smki_maintenance maintenance;

    while (!atomic_load(&asking->stop) && asking->asked < 200000) {
        int rc = smki_maintenance_now(asking->home->service, &maintenance, NULL);

        asking->failed += rc != 0 && rc != SMKI_NOT_FOUND;
        asking->failed += rc == 0 && strcmp(maintenance.text, "new disks") != 0;
        asking->asked++;
    }
    return NULL;
}

static void many_threads_ask_while_notices_change(void **state)
{
    struct asking asking[3];
    pthread_t threads[3];
    struct home home;
    uint64_t number;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    for (size_t i = 0; i < TEST_COUNT(threads); i++) {
        asking[i] = (struct asking){.home = &home};
        assert_int_equal(pthread_create(&threads[i], NULL, asking_main, &asking[i]), 0);
    }
    for (int i = 0; i < 20; i++) {
        number = PLAN(&home, "2026-11-23T13:00", "2026-11-23T19:00", false);
        assert_int_equal(on(&home), number);
        ASSERT_OK(end(&home, number, &err), err);
        assert_int_equal(on(&home), 0);
    }
    for (size_t i = 0; i < TEST_COUNT(threads); i++) {
        atomic_store(&asking[i].stop, 1);
        pthread_join(threads[i], NULL);
        assert_int_equal(asking[i].failed, 0);
    }
    home_clear(&home);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_is_on_by_itself_from_its_begin_to_just_before_its_end),
        cmocka_unit_test(the_one_that_is_on_is_told_whole),
        cmocka_unit_test(an_announcement_without_sense_is_refused),
        cmocka_unit_test(the_operator_begins_one_early_and_ends_it_early),
        cmocka_unit_test(one_begun_early_ends_by_itself),
        cmocka_unit_test(one_that_nobody_announced_begins_now),
        cmocka_unit_test(one_is_called_off_before_it_begins),
        cmocka_unit_test(of_two_that_overlap_the_one_that_ends_last_is_told_and_both_end),
        cmocka_unit_test(notices_are_listed_and_told_as_json),
        cmocka_unit_test(what_is_on_is_known_after_every_commit),
        cmocka_unit_test(a_maintenance_leaves_the_night_alone_unless_it_pauses_it),
        cmocka_unit_test(no_chunk_is_begun_while_the_night_pauses),
        cmocka_unit_test(a_run_in_progress_pauses_at_the_next_chunk),
        cmocka_unit_test(a_runner_that_stays_goes_on_when_the_maintenance_ends),
        cmocka_unit_test(many_threads_ask_while_notices_change),
    };

    return cmocka_run_group_tests_name("maintenance", tests, group_begin, group_end);
}
