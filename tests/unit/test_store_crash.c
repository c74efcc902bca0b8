/* kill -9 of a process at any moment leaves the store usable by the others, with every change there that was said to be committed, and none
 * by half. */
#include "store_test.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define KILLS 200

static int act(struct store_change *change, void *argument, struct smki_error *err)
{
    static const uint8_t der[420];
    struct smki_audit_record record = {.act = SMKI_ACT_CERTIFICATE_ISSUE};
    struct store_certificate certificate = {.ca = STORE_CA_DCA, .der = BYTES(der, sizeof(der))};
    struct store_claim claim = {.device_id = {{0x90}}};
    uint64_t number;
    int rc;

    (void)argument;
    if ((rc = store_next_number(change, STORE_COUNT_TRANSACTION, &number, err)) != 0)
        return rc;
    test_serial(certificate.serial, number);
    memcpy(claim.serial, certificate.serial, sizeof(claim.serial));
    memcpy(claim.device_id.octet, certificate.serial + 8, sizeof(claim.device_id.octet));
    memcpy(claim.key_print, certificate.serial + 8, sizeof(claim.key_print));
    if ((rc = store_record(change, &record, err)) != 0 || (rc = store_claim_add(change, &claim, err)) != 0)
        return rc;
    return store_certificate_add(change, &certificate, err);
}

/* Opens, then changes and reads until it is killed. *committed counts what it was told is durable. */
static void victim(const struct store_test *test, _Atomic uint64_t *committed)
{
    struct smki_store *store;
    struct store_view *view;
    struct store_checkpoint head;

    if (smki_store_open(&store, test->folder, NULL, NULL) != 0)
        _exit(1);
    for (;;) {
        if (store_change(store, act, NULL, NULL) != 0)
            _exit(2);
        atomic_fetch_add(committed, 1);
        if (store_view_begin(store, &view, NULL) != 0 || store_head(view, &head, NULL) != 0)
            _exit(3);
        store_view_end(view);
    }
}

static void expect_whole(struct store_test *test, uint64_t committed)
{
    struct smki_store_statistics statistics;
    struct store_checkpoint head;

    ASSERT_OK(smki_store_statistics(test->store, &statistics, &test->err), test->err);
    assert_true(statistics.certificates >= committed);
    assert_int_equal(statistics.audit_records, statistics.certificates);
    VIEW(test);
    if (statistics.audit_records != 0) {
        ASSERT_OK(store_head(view, &head, &test->err), test->err);
        assert_int_equal(head.sequence, statistics.audit_records);
    }
    VIEW_END;
}

static void kill_after(pid_t child, unsigned microseconds)
{
    int status;

    usleep(microseconds);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status)); /* it ended by nothing of its own */
}

static void a_writer_killed_at_any_moment_leaves_the_store_usable(void **state)
{
    struct store_test *test = *state;
    struct test_random random = {.state = 20261123};
    _Atomic uint64_t *committed = mmap(NULL, sizeof(*committed), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert_true(committed != MAP_FAILED);
    for (unsigned i = 0; i < KILLS || (atomic_load(committed) <= 2 * KILLS && i < 20 * KILLS); i++) { /* a slow machine: more of them */
        pid_t child;
        fflush(NULL);
        if ((child = fork()) == 0)
            victim(test, committed);
        kill_after(child, test_random_below(&random, 40000));
        expect_whole(test, atomic_load(committed));
        CHANGE(test, act, NULL);
        atomic_fetch_add(committed, 1);
    }
    assert_true(atomic_load(committed) > 2 * KILLS); /* the victims did write */
    test_store_close(test);
    test_store_open(test);
    expect_whole(test, atomic_load(committed));
    munmap((void *)committed, sizeof(*committed));
}

static void making_a_store_that_is_killed_can_be_done_again(void **state)
{
    struct store_test *test = *state;
    struct test_random random = {.state = 7};

    for (unsigned i = 0; i < 20; i++) {
        struct smki_store *store;
        char folder[TEST_PATH_SIZE], name[16];
        pid_t child;
        int rc, status;
        snprintf(name, sizeof(name), "new-%u", i);
        assert_int_equal(mkdir(test_path(folder, test->folder, name), 0700), 0);
        if ((child = fork()) == 0)
            _exit(smki_store_create(folder, NULL) != 0);
        usleep(test_random_below(&random, 6000));
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &status, 0), child);
        rc = smki_store_create(folder, &test->err);
        assert_true(rc == 0 || rc == SMKI_STORE_NOT_EMPTY);
        ASSERT_OK(smki_store_open(&store, folder, NULL, &test->err), test->err);
        smki_store_close(store);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_writer_killed_at_any_moment_leaves_the_store_usable),
        STORE_TEST(making_a_store_that_is_killed_can_be_done_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
