/* Verbs of the store's tests: a store in a folder of its own, and changes that are a function and an argument. */
#ifndef STORE_TEST_H
#define STORE_TEST_H

#include "smki_test.h"

#include "store/store_i.h"

#include <lmdb.h>

struct store_test {
    char folder[TEST_PATH_SIZE];
    struct smki_store *store;
    struct test_clock clock;
    struct smki_error err;
};

static inline void test_store_open(struct store_test *test)
{
    struct smki_clock clock = test_clock_of(&test->clock);

    ASSERT_OK(smki_store_open(&test->store, test->folder, &clock, &test->err), test->err);
}

static inline void test_store_close(struct store_test *test)
{
    smki_store_close(test->store);
    test->store = NULL;
}

static inline int test_store_start(void **state)
{
    struct store_test *test = calloc(1, sizeof(*test));

    assert_non_null(test);
    atomic_store(&test->clock.us, AT("2026-11-23T20:00").us);
    test_folder_make(test->folder);
    ASSERT_OK(smki_store_create(test->folder, &test->err), test->err);
    test_store_open(test);
    *state = test;
    return 0;
}

static inline int test_store_end(void **state)
{
    struct store_test *test = *state;

    smki_store_close(test->store);
    test_folder_remove(test->folder);
    free(test);
    return 0;
}

#define STORE_TEST(function) cmocka_unit_test_setup_teardown(function, test_store_start, test_store_end)

/* In a change that must succeed. */
#define CHANGE(test, function, argument) ASSERT_OK(store_change((test)->store, (function), (argument), &(test)->err), (test)->err)

/* Between these two, `view` is one. */
#define VIEW(test)                                                                                                                         \
    struct store_view *view;                                                                                                               \
    ASSERT_OK(store_view_begin((test)->store, &view, &(test)->err), (test)->err)
#define VIEW_END store_view_end(view)

static inline bool test_claim_keep(void *context, const struct store_claim *claim)
{
    *(struct store_claim *)context = *claim;
    return false;
}

/* The first claim on a key print; its device and the rest are all zero when there is none. */
static inline struct store_claim test_claim_of_key(struct store_test *test, const uint8_t key_print[8])
{
    struct store_claim claim = {.device_id = {{0}}};
    VIEW(test);

    ASSERT_OK(store_claims_of_key(view, key_print, test_claim_keep, &claim, &test->err), test->err);
    VIEW_END;
    return claim;
}

/* A certificate's serial: its number in both halves, and the octet that ours begin with. */
static inline void test_serial(uint8_t out[SMKI_SERIAL_SIZE], uint64_t number)
{
    memset(out, 0, SMKI_SERIAL_SIZE);
    out[0] = 6;
    for (int i = 0; i < 6; i++)
        out[7 - i] = out[15 - i] = (uint8_t)(number >> (8 * i));
}

/* One row of a database as LMDB has it, for tests that tamper: the store must be closed. `edit` gets the transaction. */
static inline void test_store_tamper(const struct store_test *test, const char *database,
                                     void (*edit)(MDB_txn *txn, MDB_dbi dbi, void *context), void *context)
{
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;

    assert_null(test->store);
    assert_int_equal(mdb_env_create(&env), 0);
    mdb_env_set_maxdbs(env, 32);
    assert_int_equal(mdb_env_open(env, test->folder, 0, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, database, 0, &dbi), 0);
    edit(txn, dbi, context);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

#endif
