/* The engine: formats, one open store a process, group commit, the map that grows, full disks, backups. */
#include "store/engine_i.h"
#include "store_test.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* ---- making and opening ---- */

static void a_store_is_made_once_in_a_folder(void **state)
{
    struct store_test *test = *state;

    test_store_close(test);
    EXPECT_REFUSED(SMKI_STORE_NOT_EMPTY, smki_store_create(test->folder, &test->err), test->err);
    test_store_open(test);
}

static void a_store_needs_a_folder_that_is_closed_to_others(void **state)
{
    struct store_test *test = *state;
    char path[TEST_PATH_SIZE];

    test_path(path, test->folder, "open");
    EXPECT_REFUSED(SMKI_NOT_FOUND, smki_store_create(path, &test->err), test->err);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(chmod(path, 0750), 0);
    EXPECT_REFUSED(SMKI_PERMISSION, smki_store_create(path, &test->err), test->err);
    EXPECT_TEXT(test->err, "chmod 700");
}

static void the_files_of_a_store_are_closed_to_others(void **state)
{
    static const char *const files[] = {"data.mdb", "lock.mdb", "processes"};
    struct store_test *test = *state;
    char path[TEST_PATH_SIZE];
    struct stat status;

    for (size_t i = 0; i < TEST_COUNT(files); i++) {
        assert_int_equal(stat(test_path(path, test->folder, files[i]), &status), 0);
        assert_int_equal(status.st_mode & 0777, 0600);
    }
}

static void a_folder_without_a_store_is_said_to_have_none(void **state)
{
    struct store_test *test = *state;
    struct smki_store *store;
    char path[TEST_PATH_SIZE];

    assert_int_equal(mkdir(test_path(path, test->folder, "empty"), 0700), 0);
    EXPECT_REFUSED(SMKI_STORE_MISSING, smki_store_open(&store, path, NULL, &test->err), test->err);
    assert_null(store);
}

static void a_file_that_is_no_store_is_refused(void **state)
{
    static const char text[8192] = "this is not a store";
    struct store_test *test = *state;
    struct smki_store *store;
    char path[TEST_PATH_SIZE], file[TEST_PATH_SIZE];

    assert_int_equal(mkdir(test_path(path, test->folder, "foreign"), 0700), 0);
    test_write(test_path(file, path, "data.mdb"), text, sizeof(text));
    EXPECT_REFUSED(SMKI_STORE_CORRUPT, smki_store_open(&store, path, NULL, &test->err), test->err);
    EXPECT_REFUSED(SMKI_STORE_NOT_EMPTY, smki_store_create(path, &test->err), test->err);
}

static void a_second_open_in_one_process_is_refused_until_the_first_is_closed(void **state)
{
    struct store_test *test = *state;
    struct smki_store *second;

    EXPECT_REFUSED(SMKI_STORE_LOCKED, smki_store_open(&second, test->folder, NULL, &test->err), test->err);
    EXPECT_TEXT(test->err, "pid namespace"); /* where the number alone is the same */
    test_store_close(test);
    test_store_open(test);
}

static void a_store_does_not_go_through_a_fork(void **state)
{
    struct store_test *test = *state;
    struct store_view *view;
    int status;
    pid_t child = fork();

    if (child == 0)
        _exit(store_view_begin(test->store, &view, NULL) == SMKI_STORE_LOCKED ? 0 : 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* ---- formats ---- */

static void set_format(MDB_txn *txn, MDB_dbi dbi, void *context)
{
    uint8_t format[4] = {0, 0, 0, *(const uint8_t *)context};
    MDB_val key = {.mv_data = "format", .mv_size = 6}, value = {.mv_data = format, .mv_size = 4};

    assert_int_equal(mdb_put(txn, dbi, &key, &value, 0), 0);
}

static void drop(MDB_txn *txn, MDB_dbi dbi, void *context)
{
    (void)context;
    assert_int_equal(mdb_drop(txn, dbi, 1), 0);
}

static int batches_put(struct store_change *change, void *argument, struct smki_error *err)
{
    struct smki_batch queued = {.id = 1, .state = SMKI_STATE_QUEUED}, done = {.id = 2, .state = SMKI_STATE_COMPLETED};
    int rc = store_batch_put(change, &queued, err);

    (void)argument;
    return rc != 0 ? rc : store_batch_put(change, &done, err);
}

/* Format 1 had no database "batches-open". */
static void a_store_of_format_1_is_upgraded_when_it_is_opened(void **state)
{
    struct store_test *test = *state;
    struct smki_store_statistics statistics;
    struct smki_batch batch;
    uint64_t id = 0;

    CHANGE(test, batches_put, NULL);
    test_store_close(test);
    test_store_tamper(test, "batches-open", drop, NULL);
    test_store_tamper(test, "meta", set_format, &(uint8_t){1});
    test_store_open(test);
    ASSERT_OK(smki_store_statistics(test->store, &statistics, &test->err), test->err);
    assert_int_equal(statistics.format, STORE_FORMAT);
    VIEW(test);
    ASSERT_OK(store_batch_open_next(view, &id, &batch, &test->err), test->err);
    assert_int_equal(id, 1);
    assert_int_equal(store_batch_open_next(view, &id, &batch, NULL), SMKI_NOT_FOUND);
    VIEW_END;
}

#define OLD_PRINTS 2000

/* The claim of number n: a device and a key of its own. */
static struct store_claim claim_numbered(uint32_t n)
{
    const uint32_t spread = n * UINT32_C(2654435761); /* a bijection: every print differs */
    struct store_claim claim = {.device_id = {{0x90, 0, 0, 0, (uint8_t)(n >> 8), (uint8_t)n}}, .key_usage = 0x80};

    for (int i = 0; i < 4; i++)
        claim.key_print[i] = (uint8_t)(spread >> (24 - 8 * i));
    test_serial(claim.serial, n + 1);
    return claim;
}

static int claims_add(struct store_change *change, void *argument, struct smki_error *err)
{
    int rc = 0;

    (void)argument;
    for (uint32_t n = 0; n < OLD_PRINTS && rc == 0; n++) {
        struct store_claim claim = claim_numbered(n);
        rc = store_claim_add(change, &claim, err);
    }
    return rc;
}

/* Format 2: a row of print and Device ID for each. */
static void prints_of_format_2(MDB_txn *txn, MDB_dbi dbi, void *context)
{
    (void)context;
    assert_int_equal(mdb_drop(txn, dbi, 0), 0);
    for (uint32_t n = 0; n < OLD_PRINTS; n++) {
        struct store_claim claim = claim_numbered(n);
        uint8_t row[8 + SMKI_DEVICE_ID_SIZE];
        MDB_val key = {.mv_data = row, .mv_size = sizeof(row)}, value = {.mv_data = row, .mv_size = 0};
        memcpy(row, claim.key_print, 8);
        memcpy(row + 8, claim.device_id.octet, SMKI_DEVICE_ID_SIZE);
        assert_int_equal(mdb_put(txn, dbi, &key, &value, 0), 0);
    }
}

static int entry_order(const void *a, const void *b)
{
    return memcmp(a, b, 8 + SMKI_DEVICE_ID_SIZE);
}

/* Format 3: runs in their order, a buffer under one octet and nodes under their number and path, padded with ones. Here half of the prints
 * are in the buffer's row and half in that of the first node. */
static void prints_of_format_3(MDB_txn *txn, MDB_dbi dbi, void *context)
{
    enum { HALF = OLD_PRINTS / 2, ENTRY = 8 + SMKI_DEVICE_ID_SIZE, SPARE = 3 };
    static uint8_t run[(HALF + SPARE) * ENTRY];
    uint8_t first[] = {0}, node[] = {1};
    MDB_val keys[] = {{sizeof(first), first}, {sizeof(node), node}}, value = {.mv_data = run, .mv_size = sizeof(run)};

    (void)context;
    assert_int_equal(mdb_drop(txn, dbi, 0), 0);
    for (uint32_t half = 0; half < 2; half++) {
        memset(run, 0xff, sizeof(run));
        for (uint32_t n = 0; n < HALF; n++) {
            struct store_claim claim = claim_numbered(half * HALF + n);
            memcpy(run + n * ENTRY, claim.key_print, 8);
            memcpy(run + n * ENTRY + 8, claim.device_id.octet, SMKI_DEVICE_ID_SIZE);
        }
        qsort(run, HALF, ENTRY, entry_order);
        assert_int_equal(mdb_put(txn, dbi, &keys[half], &value, 0), 0);
    }
}

static void upgraded_and_knows_every_key_again(struct store_test *test, uint8_t format, void (*prints)(MDB_txn *, MDB_dbi, void *))
{
    struct smki_store_statistics statistics;

    CHANGE(test, claims_add, NULL);
    test_store_close(test);
    test_store_tamper(test, "key-prints", prints, NULL);
    test_store_tamper(test, "meta", set_format, &format);
    test_store_open(test);
    ASSERT_OK(smki_store_statistics(test->store, &statistics, &test->err), test->err);
    assert_int_equal(statistics.format, STORE_FORMAT);
    for (uint32_t n = 0; n < OLD_PRINTS; n++) {
        struct store_claim claim = claim_numbered(n), found = test_claim_of_key(test, claim.key_print);
        assert_memory_equal(found.serial, claim.serial, sizeof(claim.serial));
    }
}

static void a_store_of_format_2_is_upgraded_and_knows_every_key_again(void **state)
{
    upgraded_and_knows_every_key_again(*state, 2, prints_of_format_2);
}

static void a_store_of_format_3_is_upgraded_and_knows_every_key_again(void **state)
{
    upgraded_and_knows_every_key_again(*state, 3, prints_of_format_3);
}

/* An organisation's certificate as far as the upgrade looks: the EUI-64 70..70 in its subject. */
static const uint8_t organisation_der[] = {0x30, 0x12, 0x06, 0x03, 0x55, 0x04, 0x2d, 0x03, 0x09, 0x00,
                                           0x70, 0x70, 0x70, 0x70, 0x70, 0x70, 0x70, 0x70, 0x30, 0x00};

static int alone(struct store_change *change, uint64_t number, enum store_ca ca, enum smki_interface interface, uint32_t index,
                 struct smki_error *err)
{
    struct store_certificate certificate = {.ca = ca,
                                            .der = {organisation_der, sizeof(organisation_der)},
                                            .party = 7,
                                            .batch = index != 0 ? 1 : 0,
                                            .index = index,
                                            .issued_at = store_change_time(change)};
    struct smki_audit_record record = {.act = SMKI_ACT_CSR_DECIDE,
                                       .actor = {.party = 7, .interface = interface},
                                       .party = 7,
                                       .index = index,
                                       .serial = {.size = SMKI_SERIAL_SIZE}};
    int rc;

    test_serial(certificate.serial, number);
    memcpy(record.serial.octet, certificate.serial, SMKI_SERIAL_SIZE);
    rc = store_certificate_add(change, &certificate, err);
    return rc != 0 ? rc : store_record(change, &record, err);
}

static int old_ones(struct store_change *change, void *argument, struct smki_error *err)
{
    (void)argument;
    return alone(change, 1, STORE_CA_DCA, SMKI_INTERFACE_ADHOC, 0, err);
}

static int newer_ones(struct store_change *change, void *argument, struct smki_error *err)
{
    const struct smki_batch other = {.id = 1, .party = 8, .state = SMKI_STATE_QUEUED},
                            own = {.id = 2, .party = 7, .state = SMKI_STATE_QUEUED};
    int rc;

    (void)argument;
    if ((rc = alone(change, 2, STORE_CA_OCA, SMKI_INTERFACE_PORTAL_ORGANISATION, 0, err)) != 0 ||
        (rc = alone(change, 3, STORE_CA_DCA, SMKI_INTERFACE_ADHOC, 0, err)) != 0 ||
        (rc = alone(change, 4, STORE_CA_DCA, SMKI_INTERFACE_RUNNER, 1, err)) != 0 || (rc = store_batch_put(change, &other, err)) != 0)
        return rc;
    return store_batch_put(change, &own, err);
}

static void PICKUP_BEFORE(struct store_test *test, struct store_view *view, uint64_t number, uint64_t expected,
                          enum smki_interface interface)
{
    uint8_t before[SMKI_SERIAL_SIZE], serial[SMKI_SERIAL_SIZE];
    struct store_pickup pickup;

    test_serial(before, number);
    test_serial(serial, expected);
    ASSERT_OK(store_pickup_before(view, 7, before, &pickup, &test->err), test->err);
    assert_memory_equal(pickup.serial, serial, SMKI_SERIAL_SIZE);
    assert_int_equal(pickup.interface, interface);
}

/* Format 4 had no lists by owner. What came alone is found in the audit log, with the way it came by; what is 31 days old nobody is shown.
 */
static void a_store_of_format_4_is_upgraded_and_lists_by_owner(void **state)
{
    static const char *const lists[] = {"pickup", "batches-party", "organisations"};
    const struct smki_device_id eui = {{0x70, 0x70, 0x70, 0x70, 0x70, 0x70, 0x70, 0x70}};
    uint8_t serial[SMKI_SERIAL_SIZE] = {0}, expected[SMKI_SERIAL_SIZE];
    struct store_test *test = *state;
    struct store_certificate certificate;
    struct store_pickup pickup;
    struct smki_batch batch;

    test_clock_set(&test->clock, AT("2026-10-20T20:00"));
    CHANGE(test, old_ones, NULL);
    test_clock_set(&test->clock, AT("2026-11-23T20:00"));
    CHANGE(test, newer_ones, NULL);
    test_store_close(test);
    for (size_t i = 0; i < 3; i++)
        test_store_tamper(test, lists[i], drop, NULL);
    test_store_tamper(test, "meta", set_format, &(uint8_t){4});
    test_store_open(test);
    VIEW(test);
    PICKUP_BEFORE(test, view, 9, 3, SMKI_INTERFACE_ADHOC); /* not 4, which is of a batch */
    PICKUP_BEFORE(test, view, 3, 2, SMKI_INTERFACE_PORTAL_ORGANISATION);
    test_serial(expected, 2);
    assert_int_equal(store_pickup_before(view, 7, expected, &pickup, NULL), SMKI_NOT_FOUND);
    ASSERT_OK(store_batch_of_party_before(view, 7, 0, &batch, &test->err), test->err);
    assert_int_equal(batch.id, 2);
    assert_int_equal(store_batch_of_party_before(view, 7, 2, &batch, NULL), SMKI_NOT_FOUND);
    ASSERT_OK(store_organisation_next(view, &eui, serial, &certificate, &test->err), test->err);
    assert_memory_equal(certificate.serial, expected, SMKI_SERIAL_SIZE);
    assert_int_equal(store_organisation_next(view, &eui, serial, &certificate, NULL), SMKI_NOT_FOUND);
    VIEW_END;
}

static void a_store_of_a_newer_format_is_refused(void **state)
{
    struct store_test *test = *state;

    test_store_close(test);
    test_store_tamper(test, "meta", set_format, &(uint8_t){STORE_FORMAT + 1});
    EXPECT_REFUSED(SMKI_STORE_VERSION, smki_store_open(&test->store, test->folder, NULL, &test->err), test->err);
    EXPECT_TEXT(test->err, "use the version that wrote it");
}

static void a_format_that_never_was_is_refused(void **state)
{
    struct store_test *test = *state;

    test_store_close(test);
    test_store_tamper(test, "meta", set_format, &(uint8_t){0});
    EXPECT_REFUSED(SMKI_STORE_CORRUPT, smki_store_open(&test->store, test->folder, NULL, &test->err), test->err);
}

/* ---- views and changes ---- */

static int value_put(struct store_change *change, void *argument, struct smki_error *err)
{
    return store_value_put(change, argument, BYTES("x", 1), err);
}

static int value_there(struct store_test *test, const char *name)
{
    struct smki_bytes value;
    int rc;
    VIEW(test);

    rc = store_value_get(view, name, &value, &test->err);
    VIEW_END;
    return rc;
}

static int put_and_refuse(struct store_change *change, void *argument, struct smki_error *err)
{
    int rc = store_value_put(change, argument, BYTES("x", 1), err);

    return rc != 0 ? rc : smki_fail(err, SMKI_CSR_DUPLICATE, "no");
}

static void a_change_that_fails_leaves_nothing(void **state)
{
    struct store_test *test = *state;

    EXPECT_REFUSED(SMKI_CSR_DUPLICATE, store_change(test->store, put_and_refuse, "gone", &test->err), test->err);
    assert_int_equal(value_there(test, "gone"), SMKI_NOT_FOUND);
}

static void *put_later(void *context)
{
    struct store_test *test = context;

    return store_change(test->store, value_put, "later", &test->err) == 0 ? context : NULL;
}

static void a_view_does_not_see_what_comes_after_it(void **state)
{
    struct store_test *test = *state;
    struct smki_bytes value;
    pthread_t thread;
    void *done;
    VIEW(test);

    assert_int_equal(pthread_create(&thread, NULL, put_later, test), 0);
    assert_int_equal(pthread_join(thread, &done), 0);
    assert_non_null(done);
    assert_int_equal(store_value_get(view, "later", &value, NULL), SMKI_NOT_FOUND);
    VIEW_END;
    assert_int_equal(value_there(test, "later"), 0);
}

static void a_change_asked_for_under_a_view_of_the_same_thread_is_refused(void **state)
{
    struct store_test *test = *state;
    VIEW(test);

    EXPECT_REFUSED(SMKI_INTERNAL, store_change(test->store, value_put, "a", &test->err), test->err);
    VIEW_END;
    CHANGE(test, value_put, "a");
}

static int view_within(struct store_change *change, void *argument, struct smki_error *err)
{
    struct store_view *view;

    (void)change;
    return store_view_begin(argument, &view, err);
}

static int change_within(struct store_change *change, void *argument, struct smki_error *err)
{
    (void)change;
    return store_change(argument, value_put, "a", err);
}

static void inside_a_change_neither_a_view_nor_a_change_begins(void **state)
{
    struct store_test *test = *state;

    EXPECT_REFUSED(SMKI_INTERNAL, store_change(test->store, view_within, test->store, &test->err), test->err);
    EXPECT_REFUSED(SMKI_INTERNAL, store_change(test->store, change_within, test->store, &test->err), test->err);
}

static void a_second_view_of_a_thread_is_the_first_again(void **state)
{
    struct store_test *test = *state;
    struct store_view *second;
    VIEW(test);

    ASSERT_OK(store_view_begin(test->store, &second, &test->err), test->err);
    assert_ptr_equal(second, view);
    store_view_end(second);
    VIEW_END;
    CHANGE(test, value_put, "a");
}

/* ---- group commit: threads that wait together are committed together, and one that fails undoes only itself ---- */

#define THREADS 8

struct worker {
    struct store_test *test;
    pthread_barrier_t *start;
    unsigned number;
    unsigned rounds;
    int failures; /* what went otherwise than it should */
};

static int add_or_refuse(struct store_change *change, void *argument, struct smki_error *err)
{
    const unsigned *numbers = argument;
    char name[32];
    uint64_t number;
    int rc;

    snprintf(name, sizeof(name), "w%u-%u", numbers[0], numbers[1]);
    if ((rc = store_value_put(change, name, BYTES("x", 1), err)) != 0 ||
        (rc = store_next_number(change, STORE_COUNT_TRANSACTION, &number, err)) != 0)
        return rc;
    return numbers[1] % 3 == 0 ? smki_fail(err, SMKI_CSR_DUPLICATE, "every third is refused") : 0;
}

static void *work(void *context)
{
    struct worker *worker = context;
    struct smki_error err;

    pthread_barrier_wait(worker->start);
    for (unsigned i = 0; i < worker->rounds; i++) {
        unsigned numbers[2] = {worker->number, i};
        int rc = store_change(worker->test->store, add_or_refuse, numbers, &err);
        worker->failures += rc != (i % 3 == 0 ? SMKI_CSR_DUPLICATE : 0);
    }
    return NULL;
}

static void workers_run(struct store_test *test, void *(*function)(void *), unsigned rounds)
{
    struct worker workers[THREADS];
    pthread_t threads[THREADS];
    pthread_barrier_t start;

    pthread_barrier_init(&start, NULL, THREADS);
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.test = test, .start = &start, .number = i, .rounds = rounds};
        assert_int_equal(pthread_create(&threads[i], NULL, function, &workers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(workers[i].failures, 0);
    }
    pthread_barrier_destroy(&start);
}

static int next_number(struct store_change *change, void *argument, struct smki_error *err)
{
    return store_next_number(change, STORE_COUNT_TRANSACTION, argument, err);
}

static void a_change_that_fails_in_a_group_undoes_only_itself(void **state)
{
    struct store_test *test = *state;
    const unsigned rounds = 60;
    uint64_t number;
    char name[32];

    workers_run(test, work, rounds);
    for (unsigned i = 0; i < THREADS; i++)
        for (unsigned k = 0; k < rounds; k++) {
            snprintf(name, sizeof(name), "w%u-%u", i, k);
            assert_int_equal(value_there(test, name), k % 3 == 0 ? SMKI_NOT_FOUND : 0);
        }
    CHANGE(test, next_number, &number);
    assert_int_equal(number, THREADS * rounds / 3 * 2 + 1);
}

/* ---- the map grows ---- */

static int chunk_put(struct store_change *change, void *argument, struct smki_error *err)
{
    static const uint8_t requests[1 << 20];
    const unsigned *numbers = argument;

    return store_chunk_put(change, numbers[0] + 1, numbers[1], STORE_CHUNK_REQUESTS, BYTES(requests, sizeof(requests)), err);
}

static void *fill(void *context)
{
    struct worker *worker = context;
    struct smki_error err;
    struct store_view *view;
    struct smki_bytes part;

    pthread_barrier_wait(worker->start);
    for (unsigned i = 0; i < worker->rounds; i++) {
        unsigned numbers[2] = {worker->number, i};
        worker->failures += store_change(worker->test->store, chunk_put, numbers, &err) != 0;
        worker->failures += store_view_begin(worker->test->store, &view, &err) != 0;
        worker->failures +=
            store_chunk_get(view, worker->number + 1, i, STORE_CHUNK_REQUESTS, &part, &err) != 0 || part.at[part.size - 1] != 0;
        store_view_end(view);
    }
    return NULL;
}

static void the_map_grows_under_writers_and_readers(void **state)
{
    struct store_test *test = *state;
    struct smki_store_statistics statistics;

    workers_run(test, fill, 20); /* 160 MiB into a map of 64 */
    ASSERT_OK(smki_store_statistics(test->store, &statistics, &test->err), test->err);
    assert_true(statistics.file_size > (uint64_t)160 << 20);
}

struct grower {
    struct store_test *test;
    _Atomic unsigned done;
    struct smki_error err;
    int rc;
};

static void *grow(void *context)
{
    struct grower *grower = context;

    for (unsigned i = 0; i < 80 && grower->rc == 0; i++, grower->done++)
        grower->rc = store_change(grower->test->store, chunk_put, (unsigned[2]){0, i}, &grower->err);
    return NULL;
}

/* Returns when the grower has not come on for a while. */
static unsigned stands_still(struct grower *grower)
{
    unsigned before;

    do {
        before = grower->done;
        usleep(500000);
    } while (grower->done != before || before == 0);
    return before;
}

static void the_map_is_not_replaced_under_a_view(void **state)
{
    struct store_test *test = *state;
    struct grower grower = {.test = test};
    struct smki_bytes value;
    pthread_t thread;

    CHANGE(test, value_put, "here");
    VIEW(test);
    ASSERT_OK(store_value_get(view, "here", &value, &test->err), test->err);
    assert_int_equal(pthread_create(&thread, NULL, grow, &grower), 0);
    assert_in_range(stands_still(&grower), 30, 79); /* 80 MiB do not fit the map of 64 */
    ASSERT_BYTES(value, "x", 1);
    VIEW_END;
    assert_int_equal(pthread_join(thread, NULL), 0);
    ASSERT_OK(grower.rc, grower.err);
}

/* The child opens for itself and makes the file larger than the parent's map. */
static void a_map_that_another_process_grew_is_taken_over(void **state)
{
    struct store_test *test = *state;
    unsigned after[2] = {1, 0};
    struct smki_bytes part;
    int status;
    pid_t child;

    fflush(NULL);
    if ((child = fork()) == 0) {
        struct smki_store *store;
        int rc = smki_store_open(&store, test->folder, NULL, NULL);
        for (unsigned i = 0; i < 80 && rc == 0; i++)
            rc = store_change(store, chunk_put, (unsigned[2]){0, i}, NULL);
        _exit(rc == 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    {
        VIEW(test);
        ASSERT_OK(store_chunk_get(view, 1, 79, STORE_CHUNK_REQUESTS, &part, &test->err), test->err);
        assert_int_equal(part.at[part.size - 1], 0);
        VIEW_END;
    }
    CHANGE(test, chunk_put, after);
}

/* ---- several processes ---- */

static int transaction_number(struct store_change *change, void *argument, struct smki_error *err)
{
    struct smki_audit_record record = {.act = SMKI_ACT_RUN};
    uint64_t number;
    int rc = store_next_number(change, STORE_COUNT_TRANSACTION, &number, err);

    (void)argument;
    record.subject = number;
    return rc != 0 ? rc : store_record(change, &record, err);
}

static pid_t writer_start(const struct store_test *test, unsigned changes)
{
    pid_t child;

    fflush(NULL);
    if ((child = fork()) == 0) {
        struct smki_store *store;
        int rc = smki_store_open(&store, test->folder, NULL, NULL);
        for (unsigned i = 0; i < changes && rc == 0; i++)
            rc = store_change(store, transaction_number, NULL, NULL);
        if (rc == 0)
            smki_store_close(store);
        _exit(rc == 0 ? 0 : 1);
    }
    return child;
}

static void two_processes_write_at_once_and_no_number_is_given_twice(void **state)
{
    struct store_test *test = *state;
    struct smki_audit_record record;
    pid_t children[2];
    int status;

    test_store_close(test);
    for (size_t i = 0; i < TEST_COUNT(children); i++)
        children[i] = writer_start(test, 200);
    for (size_t i = 0; i < TEST_COUNT(children); i++) {
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    test_store_open(test);
    VIEW(test);
    for (uint64_t i = 1; i <= 400; i++) {
        ASSERT_OK(store_record_get(view, i, &record, &test->err), test->err);
        assert_int_equal(record.subject, i);
    }
    VIEW_END;
}

/* ---- full disks ---- */

static int fill_until_refused(struct store_test *test, unsigned *done)
{
    int rc = 0;

    for (*done = 0; rc == 0 && *done < 1000; *done += 1)
        rc = store_change(test->store, chunk_put, (unsigned[2]){7, *done}, &test->err);
    *done -= 1;
    return rc;
}

static void expect_intact(struct store_test *test, unsigned done)
{
    struct smki_bytes part;
    VIEW(test);

    assert_int_equal(store_chunk_get(view, 8, done - 1, STORE_CHUNK_REQUESTS, &part, NULL), 0);
    assert_int_equal(store_chunk_get(view, 8, done, STORE_CHUNK_REQUESTS, &part, NULL), SMKI_NOT_FOUND);
    VIEW_END;
}

static void a_file_that_may_not_grow_is_a_full_disk_and_nothing_is_lost(void **state)
{
    struct store_test *test = *state;
    struct rlimit before, limit;
    unsigned done;

    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = (rlim_t)10500000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(fill_until_refused(test, &done), SMKI_DISK_FULL);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_true(done > 5);
    expect_intact(test, done);
    CHANGE(test, chunk_put, ((unsigned[2]){7, done}));
}

static void a_full_disk_refuses_the_change_and_keeps_what_was_there(void **state)
{
    struct store_test *test = *state;
    char disk[TEST_PATH_SIZE];
    struct store_test small;
    unsigned done;

    assert_int_equal(mkdir(test_path(disk, test->folder, "disk"), 0700), 0);
    if (mount("tmpfs", disk, "tmpfs", 0, "size=9m,mode=0700") != 0)
        skip(); /* only root may mount */
    small = *test;
    snprintf(small.folder, sizeof(small.folder), "%s", disk);
    ASSERT_OK(smki_store_create(small.folder, &small.err), small.err);
    test_store_open(&small);
    assert_int_equal(fill_until_refused(&small, &done), SMKI_DISK_FULL);
    EXPECT_TEXT(small.err, "nothing of this change was written");
    expect_intact(&small, done);
    CHANGE(&small, value_put, "small things still fit, or are refused as well");
    test_store_close(&small);
    assert_int_equal(umount(disk), 0);
}

/* A copy that broke off: pages are missing at the end of the file. */
static void a_store_cut_short_is_corrupt_and_not_a_crash(void **state)
{
    struct store_test *test = *state;
    unsigned numbers[2] = {0, 0};
    char path[TEST_PATH_SIZE];
    struct store_view *view;
    struct smki_bytes part;
    int rc;

    for (; numbers[1] < 4; numbers[1]++)
        CHANGE(test, chunk_put, numbers);
    test_store_close(test);
    assert_int_equal(truncate(test_path(path, test->folder, "data.mdb"), 3 * 4096), 0);
    rc = smki_store_open(&test->store, test->folder, NULL, &test->err);
    if (rc == 0) {
        ASSERT_OK(store_view_begin(test->store, &view, &test->err), test->err);
        rc = store_chunk_get(view, 1, 3, STORE_CHUNK_REQUESTS, &part, &test->err);
        store_view_end(view);
    }
    assert_int_equal(rc, SMKI_STORE_CORRUPT);
}

/* ---- backups ---- */

static void backup_while_a_writer_runs(struct store_test *test, bool compact)
{
    struct smki_store *copy;
    struct smki_store_statistics statistics;
    struct store_checkpoint head;
    struct store_view *view;
    char folder[TEST_PATH_SIZE];
    int status;
    pid_t child = writer_start(test, 300);

    assert_int_equal(mkdir(test_path(folder, test->folder, "copy"), 0700), 0);
    usleep(20000);
    ASSERT_OK(smki_store_backup(test->store, folder, compact, &test->err), test->err);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    ASSERT_OK(smki_store_open(&copy, folder, NULL, &test->err), test->err);
    ASSERT_OK(smki_store_statistics(copy, &statistics, &test->err), test->err);
    ASSERT_OK(store_view_begin(copy, &view, &test->err), test->err);
    if (statistics.audit_records != 0) {
        assert_int_equal(store_head(view, &head, NULL), 0);
        assert_int_equal(head.sequence, statistics.audit_records);
    }
    store_view_end(view);
    smki_store_close(copy);
}

static void a_backup_under_load_opens_and_agrees_with_itself(void **state)
{
    backup_while_a_writer_runs(*state, false);
}

static void a_compact_backup_under_load_opens_and_agrees_with_itself(void **state)
{
    backup_while_a_writer_runs(*state, true);
}

static void a_backup_goes_only_into_an_empty_folder(void **state)
{
    struct store_test *test = *state;
    char folder[TEST_PATH_SIZE];

    EXPECT_REFUSED(SMKI_STORE_NOT_EMPTY, smki_store_backup(test->store, test->folder, false, &test->err), test->err);
    EXPECT_REFUSED(SMKI_NOT_FOUND, smki_store_backup(test->store, test_path(folder, test->folder, "none"), false, &test->err), test->err);
}

/* ---- versions ---- */

static int put_value(struct store_change *change, void *argument, struct smki_error *err)
{
    return store_value_put(change, "value", BYTES(argument, 1), err);
}

static int put_and_take_back(struct store_change *change, void *argument, struct smki_error *err)
{
    int rc = put_value(change, argument, err);

    return rc != 0 ? rc : smki_fail(err, SMKI_INVALID_ARGUMENT, NULL);
}

static int change_nothing(struct store_change *change, void *argument, struct smki_error *err)
{
    (void)change;
    (void)argument;
    (void)err;
    return 0;
}

static uint64_t version_of(struct store_test *test)
{
    uint64_t version = 0;

    ASSERT_OK(store_version(test->store, &version, &test->err), test->err);
    return version;
}

static void the_version_is_that_of_a_view_and_changes_with_what_is_written(void **state)
{
    struct store_test *test = *state;
    uint64_t first = version_of(test), second;
    char octet = 'a';

    CHANGE(test, change_nothing, NULL);
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, store_change(test->store, put_and_take_back, &octet, &test->err), test->err);
    assert_int_equal(version_of(test), first);
    CHANGE(test, put_value, &octet);
    second = version_of(test);
    assert_true(second > first);
    CHANGE(test, put_value, &octet); /* the same value is a change too */
    assert_true(version_of(test) > second);
    VIEW(test);
    assert_int_equal(store_view_version(view), version_of(test));
    VIEW_END;
}

static void a_views_version_is_its_own(void **state)
{
    struct store_test *test = *state;
    uint64_t before;
    char octet = 'a';
    int status;
    pid_t child;

    test_store_close(test);
    if ((child = fork()) == 0) { /* another process, which waits to be let on */
        raise(SIGSTOP);
        if (smki_store_open(&test->store, test->folder, NULL, &test->err) != 0 ||
            store_change(test->store, put_value, &octet, &test->err) != 0)
            _exit(1);
        smki_store_close(test->store);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, WUNTRACED), child);
    test_store_open(test);
    VIEW(test);
    before = store_view_version(view);
    assert_int_equal(version_of(test), before);
    assert_int_equal(kill(child, SIGCONT), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(store_view_version(view), before);
    assert_true(version_of(test) > before);
    VIEW_END;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_store_is_made_once_in_a_folder),
        STORE_TEST(a_store_needs_a_folder_that_is_closed_to_others),
        STORE_TEST(the_files_of_a_store_are_closed_to_others),
        STORE_TEST(a_folder_without_a_store_is_said_to_have_none),
        STORE_TEST(a_file_that_is_no_store_is_refused),
        STORE_TEST(a_second_open_in_one_process_is_refused_until_the_first_is_closed),
        STORE_TEST(a_store_does_not_go_through_a_fork),
        STORE_TEST(a_store_of_format_1_is_upgraded_when_it_is_opened),
        STORE_TEST(a_store_of_format_2_is_upgraded_and_knows_every_key_again),
        STORE_TEST(a_store_of_format_3_is_upgraded_and_knows_every_key_again),
        STORE_TEST(a_store_of_format_4_is_upgraded_and_lists_by_owner),
        STORE_TEST(a_store_of_a_newer_format_is_refused),
        STORE_TEST(a_format_that_never_was_is_refused),
        STORE_TEST(a_change_that_fails_leaves_nothing),
        STORE_TEST(a_view_does_not_see_what_comes_after_it),
        STORE_TEST(a_change_asked_for_under_a_view_of_the_same_thread_is_refused),
        STORE_TEST(inside_a_change_neither_a_view_nor_a_change_begins),
        STORE_TEST(a_second_view_of_a_thread_is_the_first_again),
        STORE_TEST(a_change_that_fails_in_a_group_undoes_only_itself),
        STORE_TEST(the_map_grows_under_writers_and_readers),
        STORE_TEST(the_map_is_not_replaced_under_a_view),
        STORE_TEST(a_map_that_another_process_grew_is_taken_over),
        STORE_TEST(two_processes_write_at_once_and_no_number_is_given_twice),
        STORE_TEST(a_file_that_may_not_grow_is_a_full_disk_and_nothing_is_lost),
        STORE_TEST(a_full_disk_refuses_the_change_and_keeps_what_was_there),
        STORE_TEST(a_store_cut_short_is_corrupt_and_not_a_crash),
        STORE_TEST(a_backup_under_load_opens_and_agrees_with_itself),
        STORE_TEST(a_compact_backup_under_load_opens_and_agrees_with_itself),
        STORE_TEST(a_backup_goes_only_into_an_empty_folder),
        STORE_TEST(the_version_is_that_of_a_view_and_changes_with_what_is_written),
        STORE_TEST(a_views_version_is_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
