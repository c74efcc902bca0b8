/* What the operator tells everybody on the portal. */
#include "home_test.h"

#include <smki/bulletin.h>

static int add(struct home *home, struct smki_bulletin *bulletin, const char *text, struct smki_error *err)
{
    snprintf(bulletin->text, sizeof(bulletin->text), "%s", text);
    return smki_bulletin_add(home->service, &home->operator, bulletin, err);
}

/* The numbers of those that are shown, as "1 3 ". */
static const char *SHOWN(struct home *home, char out[64])
{
    struct smki_bulletin one = {.number = 0};
    size_t used = 0;

    out[0] = '\0';
    while (smki_bulletin_next(home->service, one.number, &one, NULL) == 0)
        if (smki_bulletin_is_shown(&one, smki_service_now(home->service)))
            used += (size_t)snprintf(out + used, 64 - used, "%llu ", (unsigned long long)one.number);
    return out;
}

static void a_bulletin_is_shown_from_its_beginning_to_its_end(void **state)
{
    struct smki_bulletin now = {0}, later = {.from = AT("2026-12-01T09:00"), .to = AT("2026-12-02T09:00")};
    struct smki_error err = {0};
    struct home home;
    char shown[64];

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    ASSERT_OK(add(&home, &now, "The new policy is in the library", &err), err);
    ASSERT_OK(add(&home, &later, "Two days\nof works", &err), err);
    assert_int_equal(now.from.us, AT("2026-11-23T14:00").us);
    assert_string_equal(SHOWN(&home, shown), "1 ");
    test_clock_set(&home.clock, AT("2026-12-01T09:00"));
    assert_string_equal(SHOWN(&home, shown), "1 2 ");
    test_clock_set(&home.clock, AT("2026-12-02T09:00"));
    assert_string_equal(SHOWN(&home, shown), "1 ");
    home_clear(&home);
}

static void one_that_is_taken_down_is_shown_no_more_and_keeps_its_number(void **state)
{
    struct smki_bulletin first = {0}, second = {0};
    struct smki_error err = {0};
    struct home home;
    char shown[64];

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    ASSERT_OK(add(&home, &first, "one", &err), err);
    ASSERT_OK(smki_bulletin_remove(home.service, &home.operator, first.number, &err), err);
    EXPECT_REFUSED(SMKI_NOT_FOUND, smki_bulletin_remove(home.service, &home.operator, first.number, &err), err);
    EXPECT_REFUSED(SMKI_NOT_FOUND, smki_bulletin_remove(home.service, &home.operator, 9, &err), err);
    ASSERT_OK(add(&home, &second, "two", &err), err);
    assert_int_equal(second.number, 2);
    assert_string_equal(SHOWN(&home, shown), "2 ");
    home_clear(&home);
}

static void what_nobody_could_see_or_read_is_refused(void **state)
{
    struct smki_bulletin over = {.from = AT("2026-11-01"), .to = AT("2026-11-02")},
                         turned = {.from = AT("2026-12-02"), .to = AT("2026-12-01")}, plain = {0};
    struct smki_error err = {0};
    struct home home;

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, add(&home, &over, "over", &err), err);
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, add(&home, &turned, "turned", &err), err);
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, add(&home, &plain, "", &err), err);
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, add(&home, &plain, "\x1b[2J", &err), err);
    home_clear(&home);
}

static void putting_up_and_taking_down_are_recorded(void **state)
{
    struct smki_audit_record record = {.sequence = 0}, next;
    struct smki_bulletin bulletin = {0};
    struct smki_error err = {0};
    struct home home;

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    ASSERT_OK(add(&home, &bulletin, "read this", &err), err);
    ASSERT_OK(smki_bulletin_remove(home.service, &home.operator, 1, &err), err);
    while (smki_audit_find(smki_service_store(home.service), record.sequence + 1, &next, NULL) == 0)
        record = next;
    assert_int_equal(record.act, SMKI_ACT_BULLETIN);
    assert_int_equal(record.subject, 1);
    assert_string_equal(record.detail, "taken down, read this");
    ASSERT_OK(smki_audit_find(smki_service_store(home.service), record.sequence - 1, &next, &err), err);
    assert_string_equal(next.detail, "put up, read this");
    home_clear(&home);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bulletin_is_shown_from_its_beginning_to_its_end),
        cmocka_unit_test(one_that_is_taken_down_is_shown_no_more_and_keeps_its_number),
        cmocka_unit_test(what_nobody_could_see_or_read_is_refused),
        cmocka_unit_test(putting_up_and_taking_down_are_recorded),
    };

    return cmocka_run_group_tests_name("bulletin", tests, mould_make, mould_remove);
}
