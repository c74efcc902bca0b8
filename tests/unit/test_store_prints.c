/* Key prints: what was added is found, what was removed is not, however the prints are spread over the tree. */
#include "store/engine_i.h"
#include "store_test.h"

#include <sys/wait.h>
#include <unistd.h>

#define PRINTS 80000 /* enough for the third level, where nodes are read in pieces */

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

/* In a few of a subtree's nodes whose places are kept together, the first and the last among them: what they hand down lies together too.
 */
static struct print in_subtree(const unsigned nodes[3], uint32_t n)
{
    return print_of(UINT64_C(0x2b) << 58 | (uint64_t)nodes[n % 3] << 54 | (n + 1) * UINT64_C(0x9e3779b97f4a7c15) >> 10, n);
}

static struct print family(uint32_t n)
{
    return in_subtree((const unsigned[]){0, 7, 15}, n);
}

static struct print strangers(uint32_t n)
{
    return in_subtree((const unsigned[]){1, 8, 14}, n);
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

static int add_one(struct store_change *change, void *argument, struct smki_error *err)
{
    const struct print *print = argument;

    return print_add(change, print->print, &print->id, err);
}

/* A walk over some prints: each is added or removed by chance; at the end all of it may be undone. */
struct walk {
    uint32_t from, to;
    bool *there, undo;
    struct test_random *random;
};

static int walk_change(struct store_change *change, void *argument, struct smki_error *err)
{
    const struct walk *walk = argument;
    int rc = 0;

    for (uint32_t n = walk->from; n < walk->to && rc == 0; n++) {
        struct print print = crowded(n);
        bool add = test_random_below(walk->random, 3) != 0;
        if (add)
            rc = print_add(change, print.print, &print.id, err);
        else if ((rc = print_remove(change, print.print, &print.id, err)) == SMKI_NOT_FOUND)
            rc = walk->there[n] ? SMKI_INTERNAL : 0;
        walk->there[n] = add;
    }
    return rc == 0 && walk->undo ? SMKI_INTERRUPTED : rc;
}

/* The first device of the print behind that of *print. */
static int find(struct store_test *test, struct print *print)
{
    int rc;
    VIEW(test);

    rc = print_next(view, print->print, &print->id, &test->err);
    VIEW_END;
    return rc;
}

/* Of very many it looks for each fifth, beginning with another one each time: prints are lost by the node, not one by one. */
static void expect(struct store_test *test, struct print (*of)(uint32_t n), uint32_t from, uint32_t to, bool there)
{
    static uint32_t times;
    const uint32_t step = to - from > 5000 ? 5 : 1;

    for (uint32_t n = from + times++ % step; n < to; n += step) {
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
    each_is_found_and_no_other(*state, crowded, 60000);
}

static void prints_of_one_subtree_are_found_by_who_opens_the_store_anew(void **state)
{
    struct store_test *test = *state;

    each_is_found_and_no_other(test, family, PRINTS);
    test_store_close(test);
    test_store_open(test);
    expect(test, strangers, 0, 1000, false);
    expect(test, family, PRINTS, PRINTS + 1000, false);
    expect(test, family, 0, PRINTS, true);
    CHANGE(test, add, (&(struct prints){0, 30000, strangers}));
    expect(test, strangers, 0, 30000, true);
    expect(test, family, 0, PRINTS, true);
}

/* The node of `family` with that number, which has no whole number of prints then. */
static int node_damage(struct store_change *change, void *argument, struct smki_error *err)
{
    static const uint8_t none[2051];
    const unsigned path = 0x2b << 4 | *(const unsigned *)argument;
    const uint8_t key[] = {0x24, (uint8_t)(path >> 2), (uint8_t)(path << 6)};

    return row_put(change, DB_KEY_PRINTS, (struct smki_bytes){key, sizeof(key)}, (struct smki_bytes){none, sizeof(none)}, err);
}

static void a_damaged_node_is_told_each_time_and_stops_no_other(void **state)
{
    static const unsigned damaged[] = {0, 7};
    struct store_test *test = *state;

    CHANGE(test, add, (&(struct prints){0, 60000, family}));
    for (size_t i = 0; i < TEST_COUNT(damaged); i++) { /* the first in the subtree, then one that another leads to */
        CHANGE(test, node_damage, (void *)(uintptr_t)&damaged[i]);
        test_store_close(test);
        test_store_open(test);
        for (uint32_t n = 0; n < 3000; n++) {
            struct print found = family(n);

            memset(&found.id, 0, sizeof(found.id));
            assert_int_equal(find(test, &found), n % 3 <= i ? SMKI_STORE_CORRUPT : 0);
        }
    }
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

static void all_devices_on_a_print_are_found_in_their_order(void **state)
{
    struct store_test *test = *state;
    struct print found = same(0);

    CHANGE(test, add, (&(struct prints){1, 6000, same}));
    memset(&found.id, 0, sizeof(found.id));
    for (uint32_t n = 1; n < 4000; n++) {
        struct print expected = same(n);
        ASSERT_OK(find(test, &found), test->err);
        assert_memory_equal(&found.id, &expected.id, sizeof(found.id));
    }
    CHANGE(test, take, (&(struct prints){1, 6000, same}));
    memset(&found.id, 0, sizeof(found.id));
    assert_int_equal(find(test, &found), SMKI_NOT_FOUND);
}

/* Far more than a path of the tree can hold: what leads to some of them is left out, and nobody else is held up. */
static void a_print_of_very_many_devices_stops_no_other(void **state)
{
    const uint32_t most = 250000;
    struct store_test *test = *state;
    struct print found = same(0);

    CHANGE(test, add, (&(struct prints){1, most, same}));
    memset(&found.id, 0, sizeof(found.id));
    ASSERT_OK(find(test, &found), test->err);
    each_is_found_and_no_other(test, spread, 3000);
}

static void the_print_of_all_ones_is_no_padding(void **state)
{
    struct store_test *test = *state;
    struct print ones = print_of(UINT64_MAX, 7), found = print_of(UINT64_MAX, 0);

    CHANGE(test, add, (&(struct prints){0, 300, spread}));
    memset(&found.id, 0, sizeof(found.id));
    assert_int_equal(find(test, &found), SMKI_NOT_FOUND);
    CHANGE(test, add_one, &ones);
    ASSERT_OK(find(test, &found), test->err);
    assert_memory_equal(&found.id, &ones.id, sizeof(found.id));
    assert_int_equal(find(test, &found), SMKI_NOT_FOUND);
}

/* Random adds and removes, some of them undone, against what must then be there; the store is opened again now and then. */

static int add_and_fail(struct store_change *change, void *argument, struct smki_error *err)
{
    int rc = add(change, argument, err);

    return rc == 0 ? SMKI_INTERRUPTED : rc;
}

/* Begins a process that adds the prints to the store once there is an octet in the pipe. */
static pid_t adder_start(struct store_test *test, struct prints prints, int pipe_end)
{
    const pid_t child = fork();
    char octet;

    if (child != 0)
        return child;
    if (read(pipe_end, &octet, 1) != 1)
        _exit(1);
    test_store_open(test);
    _exit(store_change(test->store, add, &prints, NULL) == 0 ? 0 : 1);
}

/* Where nodes lie is kept in memory: what another process writes meanwhile is found all the same, and a change that is undone leaves what
 * was there. */
static void what_another_process_adds_is_found_and_what_is_undone_is_not(void **state)
{
    const uint32_t own = 40000, all = 60000;
    struct store_test *test = *state;
    int ends[2], status;
    pid_t child;

    test_store_close(test);
    assert_int_equal(pipe(ends), 0);
    child = adder_start(test, (struct prints){own, all, crowded}, ends[0]);
    test_store_open(test);
    CHANGE(test, add, (&(struct prints){0, own, crowded}));
    expect(test, crowded, 0, own, true);
    expect(test, crowded, own, all, false);
    assert_int_equal(write(ends[1], "g", 1), 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    expect(test, crowded, 0, all, true);
    assert_int_equal(store_change(test->store, add_and_fail, (&(struct prints){all, all + 20000, crowded}), NULL), SMKI_INTERRUPTED);
    expect(test, crowded, 0, all, true);
    expect(test, crowded, all, all + 20000, false);
    close(ends[0]);
    close(ends[1]);
}

static void what_changes_leave_is_what_a_plain_list_says(void **state)
{
    static bool there[5000], before[5000];
    struct store_test *test = *state;
    struct test_random random = {.state = 3};

    memset(there, 0, sizeof(there));
    for (int round = 0; round < 400; round++) {
        const uint32_t from = (uint32_t)test_random_below(&random, 4500), to = from + (uint32_t)test_random_below(&random, 500);
        struct walk walk = {.from = from, .to = to, .there = there, .undo = test_random_below(&random, 5) == 0, .random = &random};
        memcpy(before, there, sizeof(there));
        if (store_change(test->store, walk_change, &walk, NULL) != 0)
            memcpy(there, before, sizeof(there));
        if (round % 100 == 99) {
            test_store_close(test);
            test_store_open(test);
        }
    }
    for (uint32_t n = 0; n < 5000; n++)
        expect(test, crowded, n, n + 1, there[n]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(prints_spread_evenly_are_found_until_removed),
        STORE_TEST(prints_that_share_all_but_their_end_are_found_until_removed),
        STORE_TEST(prints_of_one_subtree_are_found_by_who_opens_the_store_anew),
        STORE_TEST(a_damaged_node_is_told_each_time_and_stops_no_other),
        STORE_TEST(a_print_added_again_is_gone_when_removed_once),
        STORE_TEST(all_devices_on_a_print_are_found_in_their_order),
        STORE_TEST(a_print_of_very_many_devices_stops_no_other),
        STORE_TEST(the_print_of_all_ones_is_no_padding),
        STORE_TEST(what_another_process_adds_is_found_and_what_is_undone_is_not),
        STORE_TEST(what_changes_leave_is_what_a_plain_list_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
