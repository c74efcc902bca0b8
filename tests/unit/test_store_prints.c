/* Key prints: what was added is found, what was removed is not, however the prints are spread over the tree. */
#include "store/engine_i.h"
#include "store_test.h"

#define PRINTS 150000 /* enough for the third level, where nodes are read in pieces */

struct print {
    uint8_t print[8];
    struct smki_device_id id;
};

struct prints {
    uint32_t from, to;
    struct print (*of)(uint32_t n);
};

static struct print print_of(uint64_t print, uint32_t device)
{
    struct print out = {.id = {{0x90, 0, 0, 0, (uint8_t)(device >> 24), (uint8_t)(device >> 16), (uint8_t)(device >> 8), (uint8_t)device}}};

    for (int i = 0; i < 8; i++)
        out.print[i] = (uint8_t)(print >> (56 - 8 * i));
    return out;
}

static struct print spread(uint32_t n)
{
    return print_of((n + 1) * UINT64_C(0x9e3779b97f4a7c15), n);
}

/* All in the same nodes down to the last levels. */
static struct print crowded(uint32_t n)
{
    return print_of(UINT64_C(0xabcdefabcdef0000) + n, n);
}

static struct print same(uint32_t n)
{
    return print_of(UINT64_C(0xabcdefabcdef1234), n);
}

static int add(struct store_change *change, void *argument, struct smki_error *err)
{
    const struct prints *prints = argument;
    int rc = 0;

    for (uint32_t n = prints->from; n < prints->to && rc == 0; n++) {
        struct print print = prints->of(n);
        rc = print_add(change, print.print, &print.id, err);
    }
    return rc;
}

static int take(struct store_change *change, void *argument, struct smki_error *err)
{
    const struct prints *prints = argument;
    int rc = 0;

    for (uint32_t n = prints->from; n < prints->to && rc == 0; n++) {
        struct print print = prints->of(n);
        rc = print_remove(change, print.print, &print.id, err);
    }
    return rc;
}

static int find(struct store_test *test, struct print *print)
{
    int rc;
    VIEW(test);

    rc = print_find(view, print->print, &print->id, &test->err);
    VIEW_END;
    return rc;
}

static void expect(struct store_test *test, struct print (*of)(uint32_t n), uint32_t from, uint32_t to, bool there)
{
    for (uint32_t n = from; n < to; n++) {
        struct print wanted = of(n), found = wanted;
        memset(&found.id, 0, sizeof(found.id));
        assert_int_equal(find(test, &found), there ? 0 : SMKI_NOT_FOUND);
        if (there)
            assert_memory_equal(&found.id, &wanted.id, sizeof(wanted.id));
    }
}

static void each_is_found_and_no_other(struct store_test *test, struct print (*of)(uint32_t n), uint32_t count)
{
    CHANGE(test, add, (&(struct prints){0, count, of}));
    expect(test, of, 0, count, true);
    expect(test, of, count, count + 1000, false);
    CHANGE(test, take, (&(struct prints){count / 3, count / 2, of}));
    expect(test, of, 0, count / 3, true);
    expect(test, of, count / 3, count / 2, false);
    expect(test, of, count / 2, count, true);
    CHANGE(test, add, (&(struct prints){count / 3, count / 2, of}));
    expect(test, of, 0, count, true);
}

static void prints_spread_evenly_are_found_until_removed(void **state)
{
    each_is_found_and_no_other(*state, spread, PRINTS);
}

static void prints_that_share_all_but_their_end_are_found_until_removed(void **state)
{
    each_is_found_and_no_other(*state, crowded, 20000);
}

static void a_print_added_again_is_gone_when_removed_once(void **state)
{
    struct store_test *test = *state;

    CHANGE(test, add, (&(struct prints){0, 1, spread}));
    CHANGE(test, add, (&(struct prints){0, 1, spread}));
    CHANGE(test, add, (&(struct prints){1, 1000, spread})); /* pushes it down */
    CHANGE(test, add, (&(struct prints){0, 1, spread}));
    CHANGE(test, take, (&(struct prints){0, 1, spread}));
    expect(test, spread, 0, 1, false);
    assert_int_equal(store_change(test->store, take, (&(struct prints){0, 1, spread}), NULL), SMKI_NOT_FOUND);
}

static void devices_on_one_print_are_each_removed_alone_and_are_not_without_end(void **state)
{
    const uint32_t most = 4095; /* a node */
    struct store_test *test = *state;
    struct print found = same(0), last = same(most - 1);

    CHANGE(test, add, (&(struct prints){0, most, same}));
    EXPECT_REFUSED(SMKI_TOO_LARGE, store_change(test->store, add, (&(struct prints){most, 20 * most, same}), &test->err), test->err);
    CHANGE(test, take, (&(struct prints){0, most - 1, same}));
    ASSERT_OK(find(test, &found), test->err);
    assert_memory_equal(&found.id, &last.id, sizeof(found.id));
    CHANGE(test, take, (&(struct prints){most - 1, most, same}));
    assert_int_equal(find(test, &found), SMKI_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(prints_spread_evenly_are_found_until_removed),
        STORE_TEST(prints_that_share_all_but_their_end_are_found_until_removed),
        STORE_TEST(a_print_added_again_is_gone_when_removed_once),
        STORE_TEST(devices_on_one_print_are_each_removed_alone_and_are_not_without_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
