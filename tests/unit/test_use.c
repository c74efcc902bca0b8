/* What a credential did lately: last use by network, counts by day, and what is unusual. */
#include "home_test.h"

#include "store/store_i.h"

#include <smki/access.h>
#include <smki/portal.h>

#include <cjson/cJSON.h>

#define WHEN "2026-11-23T14:00"

static void USE(struct home *home, enum smki_network network, uint64_t officer, const char *peer)
{
    const struct smki_identity identity = {.actor = {.credential = 5, .network = network}, .officer = officer};
    struct smki_error err = {0};

    ASSERT_OK(smki_credential_use(home->service, &identity, peer, &err), err);
}

static struct smki_credential_use USES(struct home *home) {
    struct smki_credential_use use;
    struct smki_error err = {0};

    ASSERT_OK(smki_credential_use_find(home->service, 5, &use, &err), err);
    return use;
}

static uint64_t
version(struct home *home)
{
    struct smki_error err = {0};
    uint64_t out;

    ASSERT_OK(store_version(smki_service_store(home->service), &out, &err), err);
    return out;
}

static void uses_are_counted_by_day_and_network_and_written_every_ten_minutes(void **state)
{
    struct smki_credential_use use;
    struct home home;
    uint64_t first;

    (void)state;
    home_lay(&home, WHEN, "{}");
    first = version(&home);
    USE(&home, SMKI_NETWORK_GATEWAY, 0, "192.0.2.1");
    assert_true(version(&home) != first); /* the first is written at once */
    first = version(&home);
    for (int i = 0; i < 100; i++)
        USE(&home, SMKI_NETWORK_GATEWAY, 0, "192.0.2.2");
    test_clock_advance(&home.clock, 10 * SMKI_MINUTE - 1);
    USE(&home, SMKI_NETWORK_GATEWAY, 0, "192.0.2.3");
    assert_int_equal(version(&home), first);
    use = USES(&home); /* what is not written is told all the same */
    assert_int_equal(use.days[0].uses[SMKI_NETWORK_GATEWAY], 102);
    assert_string_equal(use.network[SMKI_NETWORK_GATEWAY].peer, "192.0.2.3");
    test_clock_advance(&home.clock, 1);
    USE(&home, SMKI_NETWORK_GATEWAY, 0, "192.0.2.4");
    assert_true(version(&home) != first);
    USE(&home, SMKI_NETWORK_GATEWAY, 0, "192.0.2.5");
    smki_service_close(home.service); /* writes the rest */
    home_open(&home);
    use = USES(&home);
    assert_int_equal(use.days[0].uses[SMKI_NETWORK_GATEWAY], 104);
    assert_int_equal(use.days[0].day.us, AT("2026-11-23T00:00").us);
    assert_int_equal(use.days[1].day.us, 0);
    assert_int_equal(use.network[SMKI_NETWORK_GATEWAY].first.us, AT(WHEN).us);
    assert_int_equal(use.unusual[0].time.us, 0);
    home_clear(&home);
}

static void each_day_has_its_own_count_for_30_days(void **state)
{
    struct smki_credential_use use;
    struct home home;

    (void)state;
    home_lay(&home, "2026-11-01T14:00", "{}");
    for (int i = 0; i < 35; i++) {
        USE(&home, SMKI_NETWORK_INTERNET, 1, "");
        USE(&home, SMKI_NETWORK_INTERNET, 1, "");
        test_clock_advance(&home.clock, SMKI_DAY);
    }
    use = USES(&home);
    assert_int_equal(use.days[0].day.us, AT("2026-12-05T00:00").us);
    assert_int_equal(use.days[SMKI_USE_DAYS - 1].day.us, AT("2026-11-06T00:00").us);
    for (int i = 0; i < SMKI_USE_DAYS; i++)
        assert_int_equal(use.days[i].uses[SMKI_NETWORK_INTERNET], 2);
    home_clear(&home);
}

static void a_new_network_a_long_silence_and_the_night_are_unusual_once(void **state)
{
    struct smki_credential_use use;
    struct home home;

    (void)state;
    home_lay(&home, WHEN, "{}");
    USE(&home, SMKI_NETWORK_GATEWAY, 1, "");
    USE(&home, SMKI_NETWORK_INTERNET, 1, "198.51.100.7");
    USE(&home, SMKI_NETWORK_INTERNET, 1, "198.51.100.7");
    use = USES(&home);
    assert_int_equal(use.unusual[0].reasons, SMKI_UNUSUAL_NETWORK);
    assert_string_equal(use.unusual[0].peer, "198.51.100.7");
    assert_int_equal(use.unusual[1].time.us, 0);
    NOW(&home, "2026-11-24T04:59:59");
    USE(&home, SMKI_NETWORK_GATEWAY, 1, "");
    test_clock_advance(&home.clock, -SMKI_HOUR);
    USE(&home, SMKI_NETWORK_GATEWAY, 1, "");
    use = USES(&home);
    assert_int_equal(use.unusual[0].reasons, SMKI_UNUSUAL_NIGHT);
    assert_int_equal(use.unusual[1].reasons, SMKI_UNUSUAL_NETWORK);
    NOW(&home, "2026-11-25T05:00"); /* morning */
    USE(&home, SMKI_NETWORK_GATEWAY, 1, "");
    NOW(&home, "2027-01-24T05:00"); /* 60 days later */
    USE(&home, SMKI_NETWORK_INTERNET, 1, "");
    USE(&home, SMKI_NETWORK_GATEWAY, 1, "");
    use = USES(&home);
    assert_int_equal(use.unusual[0].reasons, SMKI_UNUSUAL_SILENCE);
    assert_int_equal(use.unusual[0].network, SMKI_NETWORK_INTERNET);
    assert_int_equal(use.unusual[1].reasons, SMKI_UNUSUAL_NIGHT);
    home_clear(&home);
}

static void PREVIOUS_IS(struct home *home, const char *when, enum smki_network network, const char *peer)
{
    const struct smki_credential_use use = USES(home);

    ASSERT_TIME(use.previous.time, when);
    assert_int_equal(use.previous.network, network);
    assert_string_equal(use.previous.peer, peer);
}

static void the_last_use_before_this_visit_is_known(void **state)
{
    struct home home;

    (void)state;
    home_lay(&home, WHEN, "{}");
    USE(&home, SMKI_NETWORK_GATEWAY, 1, "192.0.2.1");
    NOW(&home, "2026-11-23T14:05");
    USE(&home, SMKI_NETWORK_GATEWAY, 1, "192.0.2.2"); /* gathered */
    assert_int_equal(USES(&home).previous.time.us, 0);
    NOW(&home, "2026-11-23T14:35");
    USE(&home, SMKI_NETWORK_GATEWAY, 1, "192.0.2.3");
    PREVIOUS_IS(&home, "2026-11-23T14:05", SMKI_NETWORK_GATEWAY, "192.0.2.2");
    NOW(&home, "2026-11-23T15:04:59");
    USE(&home, SMKI_NETWORK_GATEWAY, 1, "192.0.2.3"); /* the same visit */
    USE(&home, SMKI_NETWORK_INTERNET, 1, "198.51.100.7");
    PREVIOUS_IS(&home, "2026-11-23T14:05", SMKI_NETWORK_GATEWAY, "192.0.2.2");
    smki_service_close(home.service);
    home_open(&home);
    PREVIOUS_IS(&home, "2026-11-23T14:05", SMKI_NETWORK_GATEWAY, "192.0.2.2");
    NOW(&home, "2026-11-23T20:00");
    USE(&home, SMKI_NETWORK_INTERNET, 1, "198.51.100.7");
    USE(&home, SMKI_NETWORK_GATEWAY, 1, "192.0.2.3");
    NOW(&home, "2026-11-23T20:05");
    USE(&home, SMKI_NETWORK_GATEWAY, 1, "192.0.2.4"); /* gathered */
    NOW(&home, "2026-11-23T20:40");
    USE(&home, SMKI_NETWORK_INTERNET, 1, "198.51.100.7");
    PREVIOUS_IS(&home, "2026-11-23T20:05", SMKI_NETWORK_GATEWAY, "192.0.2.4");
    NOW(&home, "2026-11-24T09:00");
    USE(&home, SMKI_NETWORK_GATEWAY, 1, "192.0.2.3");
    PREVIOUS_IS(&home, "2026-11-23T20:40", SMKI_NETWORK_INTERNET, "198.51.100.7");
    home_clear(&home);
}

/* What a program without the previous use wrote. */
static int old_change(struct store_change *change, void *argument, struct smki_error *err)
{
    const struct smki_bytes *row = argument;

    return store_value_put(change, "use/5", *row, err);
}

static void uses_of_an_older_layout_are_read(void **state)
{
    uint8_t octets[4096] = {1};
    struct smki_bytes row = {.at = octets,
                             .size = 1 + SMKI_NETWORKS * 18 + SMKI_USE_DAYS * (8 + 4 * SMKI_NETWORKS) + SMKI_USE_UNUSUAL * 12};
    struct smki_error err = {0};
    struct home home;

    (void)state;
    home_lay(&home, WHEN, "{}");
    ASSERT_OK(store_change(smki_service_store(home.service), old_change, &row, &err), err);
    assert_int_equal(USES(&home).previous.time.us, 0);
    USE(&home, SMKI_NETWORK_GATEWAY, 1, "192.0.2.1");
    ASSERT_TIME(USES(&home).network[SMKI_NETWORK_GATEWAY].last, WHEN);
    home_clear(&home);
}

static void a_system_may_work_at_night(void **state)
{
    struct home home;

    (void)state;
    home_lay(&home, "2026-11-24T03:00", "{}");
    USE(&home, SMKI_NETWORK_GATEWAY, 0, "");
    assert_int_equal(USES(&home).unusual[0].time.us, 0);
    home_clear(&home);
}

static void a_use_is_told_for_a_page(void **state)
{
    struct smki_credential_use use;
    const cJSON *days, *unusual;
    struct home home;
    cJSON *object;

    (void)state;
    home_lay(&home, "2026-11-23T02:30", "{}");
    USE(&home, SMKI_NETWORK_INTERNET, 1, "198.51.100.7");
    use = USES(&home);
    object = smki_credential_use_json(&use, AT("2026-11-24T12:00"));
    assert_non_null(object);
    assert_string_equal(cJSON_GetObjectItem(cJSON_GetObjectItem(object, "last"), "timeUk")->valuestring, "23 November 2026, 02:30 GMT");
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(object, "previous")));
    days = cJSON_GetObjectItem(object, "days");
    assert_int_equal(cJSON_GetArraySize(days), SMKI_USE_DAYS);
    assert_string_equal(cJSON_GetObjectItem(cJSON_GetArrayItem(days, 28), "day")->valuestring, "2026-11-23");
    assert_int_equal(cJSON_GetObjectItem(cJSON_GetArrayItem(days, 28), "internet")->valueint, 1);
    assert_int_equal(cJSON_GetObjectItem(cJSON_GetArrayItem(days, 29), "internet")->valueint, 0);
    unusual = cJSON_GetArrayItem(cJSON_GetObjectItem(object, "unusual"), 0);
    assert_string_equal(cJSON_GetArrayItem(cJSON_GetObjectItem(unusual, "reasons"), 0)->valuestring, "night");
    cJSON_Delete(object);
    home_clear(&home);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uses_are_counted_by_day_and_network_and_written_every_ten_minutes),
        cmocka_unit_test(each_day_has_its_own_count_for_30_days),
        cmocka_unit_test(a_new_network_a_long_silence_and_the_night_are_unusual_once),
        cmocka_unit_test(the_last_use_before_this_visit_is_known),
        cmocka_unit_test(uses_of_an_older_layout_are_read),
        cmocka_unit_test(a_system_may_work_at_night),
        cmocka_unit_test(a_use_is_told_for_a_page),
    };

    return cmocka_run_group_tests(tests, mould_make, mould_remove);
}
