/* The TLS certificate of a home's servers: made with the home, replaced when asked for, never written over when it is another's. */
#include "unit/home_test.h"

#include "pki/tls_certificate_i.h"

#include <smki/tls.h>

static const char *tls_path(struct home *home, char out[TEST_PATH_SIZE], const char *name)
{
    char folder[TEST_PATH_SIZE];

    return test_path(out, test_path(folder, home->path, SMKI_HOME_TLS), name);
}

static int make(struct home *home, const struct smki_tls_request *request, struct smki_error *err)
{
    return smki_tls_make(home->service, &home->operator, request, err);
}

static struct smki_tls LOOK(struct home *home) {
    struct smki_tls tls;
    struct smki_error err = {0};

    ASSERT_OK(smki_tls_look(home->service, &tls, &err), err);
    return tls;
}

static bool
says(const char *list, const char *name)
{
    return strstr(list, name) != NULL;
}

static void a_new_home_has_one_that_fits_its_key(void **state)
{
    struct home home;
    struct smki_tls tls;
    struct stat status;
    char path[TEST_PATH_SIZE];

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    tls = LOOK(&home);
    assert_true(tls.development);
    assert_int_equal(tls.key, 0);
    assert_string_equal(tls.hosts, "localhost, 127.0.0.1, ::1");
    assert_int_equal(stat(tls_path(&home, path, SMKI_TLS_KEY), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    home_clear(&home);
}

static void it_begins_a_day_before_it_is_made_and_lasts_as_long_as_asked(void **state)
{
    const char *const hosts[] = {"smki.example.org", "192.0.2.7", "LOCALHOST", "2001:db8::7"};
    const struct smki_tls_request request = {.hosts = hosts, .host_count = 4, .days = 3, .replace = true};
    struct home home;
    struct smki_tls before, after;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    before = LOOK(&home);
    ASSERT_OK(make(&home, &request, &err), err);
    after = LOOK(&home);
    ASSERT_TIME(after.not_before, "2026-11-22T14:00");
    ASSERT_TIME(after.not_after, "2026-11-26T14:00");
    assert_string_equal(after.hosts, "localhost, 127.0.0.1, ::1, smki.example.org, 192.0.2.7, 2001:db8::7");
    assert_memory_not_equal(before.sha256, after.sha256, sizeof after.sha256);
    assert_int_equal(after.key, 0);
    AUDIT_HOLDS(&home);
    home_clear(&home);
}

static void what_is_made_is_recorded(void **state)
{
    const struct smki_tls_request request = {.replace = true};
    struct smki_audit_record record;
    struct smki_store_statistics statistics;
    struct home home;
    struct smki_tls tls;
    struct smki_error err = {0};
    char digits[65];

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    ASSERT_OK(make(&home, &request, &err), err);
    tls = LOOK(&home);
    ASSERT_OK(smki_store_statistics(smki_service_store(home.service), &statistics, &err), err);
    ASSERT_OK(smki_audit_find(smki_service_store(home.service), statistics.audit_records, &record, &err), err);
    assert_int_equal(record.act, SMKI_ACT_CONFIGURE);
    assert_true(says(record.detail, hex_encode(digits, tls.sha256, sizeof tls.sha256)));
    home_clear(&home);
}

static void one_that_is_there_is_replaced_only_when_asked_for(void **state)
{
    const struct smki_tls_request request = {0};
    struct home home;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    EXPECT_REFUSED(SMKI_ALREADY_EXISTS, make(&home, &request, &err), err);
    EXPECT_TEXT(err, "--replace");
    home_clear(&home);
}

/* The IKICA's certificate stands for one of a public CA. */
static void one_that_was_not_made_here_is_never_written_over(void **state)
{
    const struct smki_tls_request request = {.replace = true};
    struct smki_buffer other = {0}, after = {0};
    struct home home;
    struct smki_tls tls;
    struct smki_error err = {0};
    char path[TEST_PATH_SIZE], folder[TEST_PATH_SIZE];

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    test_read(&other, test_path(path, test_path(folder, home.path, SMKI_HOME_CA), "ikica.pem"));
    test_write(tls_path(&home, path, SMKI_TLS_CERTIFICATE), other.at, other.size);
    EXPECT_REFUSED(SMKI_ALREADY_EXISTS, make(&home, &request, &err), err);
    EXPECT_TEXT(err, "move it away");
    test_read(&after, path);
    ASSERT_BYTES(after, other.at, other.size);
    tls = LOOK(&home);
    assert_false(tls.development);
    assert_int_equal(tls.key, SMKI_KEY_MISMATCH);
    assert_int_equal(unlink(path), 0);
    EXPECT_REFUSED(SMKI_ALREADY_EXISTS, make(&home, &request, &err), err);
    EXPECT_TEXT(err, SMKI_TLS_KEY);
    smki_buffer_finish(&other);
    smki_buffer_finish(&after);
    home_clear(&home);
}

/* A power cut after the certificates and before the key; a leftover of the key's first name. */
static void one_that_was_broken_off_is_made_anew(void **state)
{
    const struct smki_tls_request request = {0};
    struct home home;
    struct smki_error err = {0};
    char path[TEST_PATH_SIZE];

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    assert_int_equal(unlink(tls_path(&home, path, SMKI_TLS_KEY)), 0);
    test_write(tls_path(&home, path, "new-" SMKI_TLS_KEY), "x", 1);
    assert_int_equal(LOOK(&home).key, SMKI_KEY_UNREADABLE);
    ASSERT_OK(make(&home, &request, &err), err);
    assert_int_equal(LOOK(&home).key, 0);
    home_clear(&home);
}

static void a_home_of_before_there_were_servers_opens_and_gets_one(void **state)
{
    const struct smki_tls_request request = {0};
    struct home home;
    struct smki_tls tls;
    struct smki_error err = {0};
    char path[TEST_PATH_SIZE], backup[TEST_PATH_SIZE];

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    test_folder_remove(test_path(path, home.path, SMKI_HOME_TLS));
    smki_service_close(home.service);
    home_open(&home);
    EXPECT_REFUSED(SMKI_NOT_FOUND, smki_tls_look(home.service, &tls, &err), err);
    EXPECT_TEXT(err, "smki tls make");
    ASSERT_OK(smki_service_backup(home.service, &home.operator, test_path(backup, home.path, "backup"), false, &err), err);
    ASSERT_OK(make(&home, &request, &err), err);
    assert_int_equal(LOOK(&home).key, 0);
    home_clear(&home);
}

static void a_backup_has_it_and_one_without_keys_has_no_key(void **state)
{
    static const char *const files[] = {SMKI_TLS_ROOT, SMKI_TLS_CERTIFICATE, SMKI_TLS_KEY};
    struct home home;
    struct smki_error err = {0};
    char backup[2][TEST_PATH_SIZE], folder[TEST_PATH_SIZE], path[TEST_PATH_SIZE];

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    test_write(tls_path(&home, path, "new-" SMKI_TLS_KEY), "x", 1);
    for (int without = 0; without < 2; without++) {
        test_path(backup[without], home.path, without != 0 ? "public" : "whole");
        ASSERT_OK(smki_service_backup(home.service, &home.operator, backup[without], without != 0, &err), err);
        test_path(folder, backup[without], SMKI_HOME_TLS);
        for (size_t i = 0; i < TEST_COUNT(files); i++)
            assert_int_equal(access(test_path(path, folder, files[i]), F_OK) == 0, without == 0 || i < 2);
        assert_int_equal(access(test_path(path, folder, "new-" SMKI_TLS_KEY), F_OK) == 0, without == 0);
    }
    home_clear(&home);
}

static void hosts_are_addresses_or_names(void **state)
{
    static const struct {
        const char *text;
        bool good;
    } hosts[] = {
        {"localhost", true},  {"a", true},           {"smki-1.example.org", true},
        {"192.0.2.7", true},  {"::1", true},         {"2001:db8::7", true},
        {"", false},          {".", false},          {"a.", false},
        {".a", false},        {"a..b", false},       {"-a", false},
        {"a-", false},        {"a_b", false},        {"*.example.org", false},
        {"300.1.1.1", false}, {"1.2.3", false},      {"a b", false},
        {"a,CN=b", false},    {"b\xc3\xa4r", false}, {"::1::", false},
        {"https://a", false},
    };
    char longer[300];

    (void)state;
    for (size_t i = 0; i < TEST_COUNT(hosts); i++)
        if (tls_host_check(hosts[i].text) != hosts[i].good)
            fail_msg("\"%s\" is taken for %s", hosts[i].text, hosts[i].good ? "none" : "a host");
    memset(longer, 'a', 64);
    longer[64] = '\0';
    assert_false(tls_host_check(longer));
    longer[63] = '\0';
    assert_true(tls_host_check(longer));
    for (size_t i = 0; i < sizeof longer - 1; i++)
        longer[i] = i % 2 == 0 ? 'a' : '.';
    longer[253] = '\0';
    assert_true(tls_host_check(longer));
    longer[253] = '.';
    longer[254] = 'a';
    longer[255] = '\0';
    assert_false(tls_host_check(longer));
}

static void a_wrong_host_or_too_many_days_make_nothing(void **state)
{
    const char *const hosts[] = {"not a host"};
    const struct smki_tls_request wrong = {.hosts = hosts, .host_count = 1, .replace = true};
    const struct smki_tls_request endless = {.days = 36501, .replace = true};
    struct home home;
    struct smki_tls before, after;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    before = LOOK(&home);
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, make(&home, &wrong, &err), err);
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, make(&home, &endless, &err), err);
    after = LOOK(&home);
    assert_memory_equal(&before, &after, sizeof before);
    home_clear(&home);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_home_has_one_that_fits_its_key),
        cmocka_unit_test(it_begins_a_day_before_it_is_made_and_lasts_as_long_as_asked),
        cmocka_unit_test(what_is_made_is_recorded),
        cmocka_unit_test(one_that_is_there_is_replaced_only_when_asked_for),
        cmocka_unit_test(one_that_was_not_made_here_is_never_written_over),
        cmocka_unit_test(one_that_was_broken_off_is_made_anew),
        cmocka_unit_test(a_home_of_before_there_were_servers_opens_and_gets_one),
        cmocka_unit_test(a_backup_has_it_and_one_without_keys_has_no_key),
        cmocka_unit_test(hosts_are_addresses_or_names),
        cmocka_unit_test(a_wrong_host_or_too_many_days_make_nothing),
    };

    return cmocka_run_group_tests(tests, mould_make, mould_remove);
}
