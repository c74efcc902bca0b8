/* An opened home: its configuration while it runs, and what a Party has left of the demand rules. */
#include "home_test.h"

#include "ra/service_i.h"

#include <pthread.h>

#define REQUESTS 7

static struct request *requests;

static int group_begin(void **state)
{
    requests = requests_make(REQUESTS, UINT64_C(0x90b3d51f300b0000));
    assert_non_null(requests);
    return mould_make(state);
}

static int group_end(void **state)
{
    free(requests);
    return mould_remove(state);
}

/* Writes the home's configuration file; reloads nothing. */
static void CONFIGURE(struct home *home, const char *config)
{
    char path[TEST_PATH_SIZE];

    test_write(test_path(path, home->path, SMKI_HOME_CONFIG), config, strlen(config));
}

static uint32_t capacity(struct home *home)
{
    return smki_service_config(home->service)->limits.night_capacity;
}

/* Of the configuration file: that the home has a TLS certificate is recorded as this act too. */
static unsigned configured(struct home *home, struct smki_audit_record *last)
{
    struct smki_audit_record record;
    unsigned count = 0;

    for (uint64_t sequence = 1; smki_audit_find(smki_service_store(home->service), sequence, &record, NULL) == 0; sequence++)
        if (record.act == SMKI_ACT_CONFIGURE && strncmp(record.detail, "TLS ", 4) != 0) {
            *last = record;
            count++;
        }
    return count;
}

/* ---- reload ---- */

static void a_reload_puts_the_file_in_force_and_on_record(void **state)
{
    struct home home;
    struct smki_audit_record record;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{\"night\": {\"capacity\": 5}}");
    CONFIGURE(&home, "{\"night\": {\"capacity\": 9}, \"batch.chunk\": 3}");
    assert_int_equal(capacity(&home), 5);
    ASSERT_OK(smki_service_reload(home.service, &err), err);
    assert_int_equal(capacity(&home), 9);
    assert_int_equal(smki_service_config(home.service)->batch_chunk, 3);
    assert_int_equal(configured(&home, &record), 1);
    assert_string_equal(record.detail, "night.capacity 5 to 9, batch.chunk 1000 to 3");
    assert_string_equal(record.actor.name, "reload");
    AUDIT_HOLDS(&home);
    home_clear(&home);
}

static void a_configuration_that_was_read_before_is_put_in_force_whatever_the_file_is_by_now(void **state)
{
    struct home home;
    struct smki_config config;
    struct smki_audit_record record;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{\"night\": {\"capacity\": 5}}");
    config = *smki_service_config(home.service);
    config.limits.night_capacity = 9;
    CONFIGURE(&home, "{\"night\": {\"capacity\": 7}}");
    ASSERT_OK(smki_service_configure(home.service, &config, &err), err);
    assert_int_equal(capacity(&home), 9);
    assert_int_equal(configured(&home, &record), 1);
    assert_string_equal(record.detail, "night.capacity 5 to 9");
    strcpy(config.policy_iki, "1.2.3");
    EXPECT_REFUSED(SMKI_CONFIG_INVALID, smki_service_configure(home.service, &config, &err), err);
    assert_int_equal(capacity(&home), 9);
    home_clear(&home);
}

static void a_reload_of_the_same_file_leaves_no_record(void **state)
{
    struct home home;
    struct smki_audit_record record;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{\"night\": {\"capacity\": 5}}");
    CONFIGURE(&home, "{ /* the same */ \"night.capacity\": 5 }");
    ASSERT_OK(smki_service_reload(home.service, &err), err);
    assert_int_equal(configured(&home, &record), 0);
    home_clear(&home);
}

static void a_broken_file_changes_nothing(void **state)
{
    static const char *const broken[] = {"{\"night\": {\"capacity\": 9}", "{\"night\": {\"capacity\": 9, \"colour\": 1}}",
                                         "{\"night\": {\"capacity\": 0}}", ""};
    struct home home;
    struct smki_audit_record record;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{\"night\": {\"capacity\": 5}}");
    for (size_t i = 0; i < TEST_COUNT(broken); i++) {
        CONFIGURE(&home, broken[i]);
        EXPECT_REFUSED(SMKI_CONFIG_INVALID, smki_service_reload(home.service, &err), err);
        assert_int_equal(capacity(&home), 5);
    }
    assert_int_equal(configured(&home, &record), 0);
    home_clear(&home);
}

static void what_the_keys_and_cas_were_opened_with_does_not_change(void **state)
{
    static const char *const fixed[] = {
        "{\"night.capacity\": 9, \"policy.device\": \"1.2.3\"}", "{\"night.capacity\": 9, \"policy.organisation\": \"1.2.3\"}",
        "{\"night.capacity\": 9, \"policy.iki\": \"1.2.3\"}", "{\"night.capacity\": 9, \"ca.passphrase_file\": \"secret\"}"};
    struct home home;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{\"night\": {\"capacity\": 5}}");
    for (size_t i = 0; i < TEST_COUNT(fixed); i++) {
        CONFIGURE(&home, fixed[i]);
        EXPECT_REFUSED(SMKI_CONFIG_INVALID, smki_service_reload(home.service, &err), err);
        EXPECT_TEXT(err, "cannot change while a program runs");
        assert_int_equal(capacity(&home), 5);
    }
    home_clear(&home);
}

static void a_file_that_is_gone_is_not_every_key_at_its_default(void **state)
{
    struct home home;
    char path[TEST_PATH_SIZE];
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{\"night\": {\"capacity\": 5}}");
    assert_int_equal(unlink(test_path(path, home.path, SMKI_HOME_CONFIG)), 0);
    EXPECT_REFUSED(SMKI_NOT_FOUND, smki_service_reload(home.service, &err), err);
    assert_int_equal(capacity(&home), 5);
    home_clear(&home);
}

static void a_configuration_stays_readable_after_a_reload(void **state)
{
    const struct smki_config *first;
    struct home home;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{\"night\": {\"capacity\": 5}}");
    first = smki_service_config(home.service);
    CONFIGURE(&home, "{\"night\": {\"capacity\": 9}}");
    ASSERT_OK(smki_service_reload(home.service, &err), err);
    CONFIGURE(&home, "{\"night\": {\"capacity\": 11}}");
    ASSERT_OK(smki_service_reload(home.service, &err), err);
    assert_int_equal(first->limits.night_capacity, 5);
    assert_int_equal(capacity(&home), 11);
    home_clear(&home);
}

/* The flows go by it, not by what was in force when the home was opened. */
static void the_flows_go_by_the_new_configuration(void **state)
{
    struct home home;
    struct smki_error err = {0};
    uint64_t id;

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    id = SUBMIT(&home, requests, REQUESTS);
    EXPECT_REFUSED(SMKI_OUTSIDE_WINDOW, run_once(&home, false, &err), err);
    CONFIGURE(&home, "{\"night\": {\"start\": \"13:00\"}, \"batch\": {\"max_csrs\": 2}}");
    ASSERT_OK(smki_service_reload(home.service, &err), err);
    RUN(&home);
    EXPECT_STATE(&home, id, "COMPLETED");
    {
        struct smki_submission *submission;
        struct smki_buffer document = {0};

        document_of(&document, requests, 3);
        ASSERT_OK(smki_submission_open(&submission, home.service, &home.maker, SMKI_BATCH_XML, NULL, &err), err);
        EXPECT_REFUSED(SMKI_BATCH_TOO_MANY, smki_submission_feed(submission, (struct smki_bytes){document.at, document.size}, &err), err);
        smki_submission_close(submission);
        smki_buffer_finish(&document);
    }
    home_clear(&home);
}

#define PAIR "{\"night.capacity\": %d, \"demand.portal_batch_csrs\": %d}"

struct reader {
    struct home *home;
    _Atomic int stop;
    uint64_t torn, read;
};

static void *reader_main(void *argument)
{
    struct reader *reader = argument;

    while (!atomic_load(&reader->stop)) {
        const struct smki_config *config = smki_service_config(reader->home->service);

        reader->torn += config->limits.night_capacity != config->limits.portal_batch_csrs;
        reader->read++;
    }
    return NULL;
}

static void no_reader_sees_half_a_configuration(void **state)
{
    struct reader readers[3];
    pthread_t threads[3];
    struct home home;
    char config[128];
    struct smki_error err = {0};

    (void)state;
    snprintf(config, sizeof(config), PAIR, 1000, 1000);
    home_lay(&home, "2026-11-23T14:00", config);
    for (size_t i = 0; i < TEST_COUNT(threads); i++) {
        readers[i] = (struct reader){.home = &home};
        assert_int_equal(pthread_create(&threads[i], NULL, reader_main, &readers[i]), 0);
    }
    for (int i = 1; i <= 50; i++) {
        snprintf(config, sizeof(config), PAIR, i, i);
        CONFIGURE(&home, config);
        ASSERT_OK(smki_service_reload(home.service, &err), err);
    }
    for (size_t i = 0; i < TEST_COUNT(threads); i++) {
        atomic_store(&readers[i].stop, 1);
        pthread_join(threads[i], NULL);
        assert_int_equal(readers[i].torn, 0);
        assert_true(readers[i].read > 0);
    }
    home_clear(&home);
}

/* ---- what is left ---- */

static void AGREE(struct home *home, enum smki_rule rule, uint64_t limit)
{
    struct smki_agreement agreement = {
        .party = home->maker.party, .rule = rule, .limit = limit, .from = AT("2026-11-01"), .to = AT("2026-12-01"), .short_notice = true};
    struct smki_error err = {0};

    ASSERT_OK(smki_agreement_add(smki_service_store(home->service), &home->operator, & smki_demand_defaults, &agreement, &err), err);
}

static void LEFT(struct home *home, enum smki_rule rule, uint64_t limit, uint64_t remaining, int64_t reset)
{
    struct smki_allowance left;
    struct smki_error err = {0};

    ASSERT_OK(smki_service_allowance(home->service, home->maker.party, rule, &left, &err), err);
    assert_int_equal(left.limit, limit);
    assert_int_equal(left.remaining, remaining);
    assert_int_equal(left.reset, reset);
}

static void what_is_left_of_portal_batches_goes_down_with_each(void **state)
{
    struct home home;

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    LEFT(&home, SMKI_RULE_PORTAL_BATCH, 50000, 50000, 0);
    (void)SUBMIT_AS(&home, &home.maker, SMKI_INTERFACE_PORTAL_DEVICE, requests, 5);
    LEFT(&home, SMKI_RULE_PORTAL_BATCH, 50000, 49995, SMKI_DAY);
    NOW(&home, "2026-11-24T13:00");
    LEFT(&home, SMKI_RULE_PORTAL_BATCH, 50000, 49995, SMKI_HOUR);
    AGREE(&home, SMKI_RULE_PORTAL_BATCH, 80000);
    LEFT(&home, SMKI_RULE_PORTAL_BATCH, 80000, 79995, SMKI_HOUR);
    NOW(&home, "2026-11-24T14:00");
    LEFT(&home, SMKI_RULE_PORTAL_BATCH, 80000, 80000, 0);
    LEFT(&home, SMKI_RULE_PORTAL_ADHOC, 150, 150, 0);
    home_clear(&home);
}

static int slot_change(struct store_change *change, void *argument, struct smki_error *err)
{
    const struct home *home = argument;

    return demand_last_put(change, home->maker.party, SMKI_RULE_ADHOC_PACE, store_change_time(change), err);
}

static void what_is_left_of_the_pace_is_told_across_openings(void **state)
{
    struct home home;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    LEFT(&home, SMKI_RULE_ADHOC_PACE, 1, 1, 0);
    ASSERT_OK(store_change(smki_service_store(home.service), slot_change, &home, &err), err);
    smki_service_close(home.service);
    home_open(&home);
    LEFT(&home, SMKI_RULE_ADHOC_PACE, 1, 0, 800000);
    test_clock_advance(&home.clock, 300000);
    LEFT(&home, SMKI_RULE_ADHOC_PACE, 1, 0, 500000);
    AGREE(&home, SMKI_RULE_ADHOC_PACE, 400);
    LEFT(&home, SMKI_RULE_ADHOC_PACE, 1, 0, 100000);
    AGREE(&home, SMKI_RULE_ADHOC_PACE, 300);
    LEFT(&home, SMKI_RULE_ADHOC_PACE, 1, 1, 0);
    home_clear(&home);
}

static void an_agreement_of_any_size_is_reckoned_with(void **state)
{
    struct home home;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    ASSERT_OK(store_change(smki_service_store(home.service), slot_change, &home, &err), err);
    AGREE(&home, SMKI_RULE_ADHOC_PACE, UINT64_C(1) << 53);
    LEFT(&home, SMKI_RULE_ADHOC_PACE, 1, 0, 800000);
    home_clear(&home);
}

static void rules_without_a_counter_are_refused(void **state)
{
    struct smki_allowance left;
    struct home home;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, smki_service_allowance(home.service, 1, SMKI_RULE_BATCH_ONE, &left, &err), err);
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, smki_service_allowance(home.service, 1, SMKI_RULE_POLL, &left, &err), err);
    home_clear(&home);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reload_puts_the_file_in_force_and_on_record),
        cmocka_unit_test(a_configuration_that_was_read_before_is_put_in_force_whatever_the_file_is_by_now),
        cmocka_unit_test(a_reload_of_the_same_file_leaves_no_record),
        cmocka_unit_test(a_broken_file_changes_nothing),
        cmocka_unit_test(what_the_keys_and_cas_were_opened_with_does_not_change),
        cmocka_unit_test(a_file_that_is_gone_is_not_every_key_at_its_default),
        cmocka_unit_test(a_configuration_stays_readable_after_a_reload),
        cmocka_unit_test(the_flows_go_by_the_new_configuration),
        cmocka_unit_test(no_reader_sees_half_a_configuration),
        cmocka_unit_test(what_is_left_of_portal_batches_goes_down_with_each),
        cmocka_unit_test(what_is_left_of_the_pace_is_told_across_openings),
        cmocka_unit_test(an_agreement_of_any_size_is_reckoned_with),
        cmocka_unit_test(rules_without_a_counter_are_refused),
    };

    return cmocka_run_group_tests_name("service", tests, group_begin, group_end);
}
