/* Many chunks in hand at once: what goes wrong with one is not the others', and the order of the night is kept. */
#include "home_test.h"

#include "pki/key_i.h"
#include "ra/service_i.h"
#include "store/store_i.h"

static struct request *requests; /* 40 good ones, of 40 devices */
#define REQUESTS 40

#define CHUNKS_OF_1 "{\"batch\": {\"chunk\": 1}}"
#define CHUNKS_OF_4 "{\"batch\": {\"chunk\": 4}}"

static int group_begin(void **state)
{
    requests = requests_make(REQUESTS, UINT64_C(0x90b3d51f30040000));
    assert_non_null(requests);
    return mould_make(state);
}

static int group_end(void **state)
{
    free(requests);
    return mould_remove(state);
}

/* ---- verbs ---- */

static int run_with(struct home *home, const struct smki_run_options *options, struct smki_run_progress *summary, struct smki_error *err)
{
    return smki_batch_run(home->service, &home->operator, options, summary, err);
}

struct spoil {
    uint64_t batch;
    uint32_t chunk;
    const char *requests; /* these octets for the chunk's requests */
    uint64_t party;       /* the batch is given to this Party */
    uint32_t chunk_size;  /* another runner has begun to cut it so */
    uint32_t csrs;        /* it had so many when it was accepted */
};

static int spoil_change(struct store_change *change, void *argument, struct smki_error *err)
{
    const struct spoil *spoil = argument;
    struct smki_batch batch;
    int rc;

    if (spoil->requests != NULL)
        return store_chunk_put(change, spoil->batch, spoil->chunk, STORE_CHUNK_REQUESTS, BYTES(spoil->requests, strlen(spoil->requests)),
                               err);
    if ((rc = store_batch_get(store_change_view(change), spoil->batch, &batch, err)) != 0)
        return rc;
    if (spoil->party != 0)
        batch.party = spoil->party;
    if (spoil->chunk_size != 0)
        batch.chunk_size = spoil->chunk_size;
    if (spoil->csrs != 0)
        batch.csrs = spoil->csrs;
    return store_batch_put(change, &batch, err);
}

static void SPOIL(struct home *home, struct spoil spoil)
{
    struct smki_error err = {0};

    ASSERT_OK(store_change(smki_service_store(home->service), spoil_change, &spoil, &err), err);
}

/* Approved, parsed and cut, and nothing more: a run by day. */
static void PREPARE(struct home *home)
{
    struct smki_error err = {0};

    EXPECT_REFUSED(SMKI_OUTSIDE_WINDOW, run_once(home, false, &err), err);
}

/* The batches of the CSRs that were decided, in the order of the audit log; equal ones side by side come once. */
static size_t decided_batches(struct home *home, uint64_t *out, size_t capacity)
{
    struct smki_audit_record record = {.sequence = 0};
    struct store_view *view;
    struct smki_error err = {0};
    size_t count = 0;

    ASSERT_OK(store_view_begin(smki_service_store(home->service), &view, &err), err);
    while (store_record_get(view, record.sequence + 1, &record, NULL) == 0)
        if (record.act == SMKI_ACT_CSR_DECIDE && record.index != 0 && (count == 0 || out[count - 1] != record.subject)) {
            assert_true(count < capacity);
            out[count++] = record.subject;
        }
    store_view_end(view);
    return count;
}

/* ---- one chunk's trouble ---- */

static void a_spoilt_chunk_puts_its_batch_aside_and_the_others_go_on(void **state)
{
    const struct smki_run_options options = {.workers = 3};
    struct smki_run_progress summary;
    struct smki_error err = {0};
    uint64_t first, spoilt, last;
    struct home home;

    (void)state;
    home_lay(&home, "2026-11-23T14:00", CHUNKS_OF_1);
    first = SUBMIT(&home, requests, 5);
    spoilt = SUBMIT(&home, requests + 5, 5);
    last = SUBMIT(&home, requests + 10, 5);
    PREPARE(&home);
    SPOIL(&home, (struct spoil){.batch = spoilt, .chunk = 2, .requests = "\x7fnone"});
    NOW(&home, "2026-11-23T20:00");
    EXPECT_REFUSED(SMKI_STORE_CORRUPT, run_with(&home, &options, &summary, &err), err);
    assert_non_null(strstr(err.text, "batch 2 is put aside"));
    EXPECT_STATE(&home, first, "COMPLETED");
    EXPECT_STATE(&home, last, "COMPLETED");
    EXPECT_STATE(&home, spoilt, "PROCESSING");
    assert_int_equal(summary.granted, 10 + BATCH(&home, spoilt).granted);
    AUDIT_HOLDS(&home);
    home_clear(&home);
}

/* Its decision fails inside a change that holds other chunks' decisions and certificates too. */
static void what_fails_inside_a_change_is_taken_out_of_it(void **state)
{
    const struct smki_run_options options = {.workers = 3};
    struct smki_error err = {0};
    uint64_t good[4], bad;
    struct home home;

    (void)state;
    home_lay(&home, "2026-11-23T14:00", CHUNKS_OF_1);
    good[0] = SUBMIT(&home, requests, 6);
    good[1] = SUBMIT(&home, requests + 6, 6);
    bad = SUBMIT(&home, requests + 12, 6);
    good[2] = SUBMIT(&home, requests + 18, 6);
    good[3] = SUBMIT(&home, requests + 24, 6);
    PREPARE(&home);
    SPOIL(&home, (struct spoil){.batch = bad, .party = 77});
    NOW(&home, "2026-11-23T20:00");
    EXPECT_REFUSED(SMKI_PARTY_UNKNOWN, run_with(&home, &options, NULL, &err), err);
    assert_non_null(strstr(err.text, "batch 3 is put aside"));
    for (size_t i = 0; i < 4; i++) {
        EXPECT_STATE(&home, good[i], "COMPLETED");
        assert_int_equal(BATCH(&home, good[i]).granted, 6);
    }
    assert_int_equal(BATCH(&home, bad).processed, 0);
    AUDIT_HOLDS(&home);
    home_clear(&home);
}

static void a_chunk_without_a_request_is_a_trouble_and_no_end_of_waiting(void **state)
{
    struct smki_error err = {0};
    struct home home;
    uint64_t id;

    (void)state;
    home_lay(&home, "2026-11-23T14:00", CHUNKS_OF_4);
    id = SUBMIT(&home, requests, 12);
    PREPARE(&home);
    SPOIL(&home, (struct spoil){.batch = id, .chunk = 1, .requests = "\x01"});
    NOW(&home, "2026-11-23T20:00");
    EXPECT_REFUSED(SMKI_STORE_CORRUPT, run_once(&home, false, &err), err);
    home_clear(&home);
}

/* ---- two runners that cut ---- */

static void a_batch_is_cut_as_the_first_runner_began_to_cut_it(void **state)
{
    struct home home;
    uint64_t id;

    (void)state;
    home_lay(&home, "2026-11-23T20:00", CHUNKS_OF_4);
    id = SUBMIT(&home, requests, 20);
    SPOIL(&home, (struct spoil){.batch = id, .chunk_size = 7});
    RUN(&home);
    EXPECT_STATE(&home, id, "COMPLETED");
    assert_int_equal(BATCH(&home, id).chunks, 3);
    assert_int_equal(BATCH(&home, id).granted, 20);
    home_clear(&home);
}

static void a_batch_whose_chunks_hold_less_than_was_accepted_is_never_completed(void **state)
{
    struct smki_error err = {0};
    struct home home;
    uint64_t id;

    (void)state;
    home_lay(&home, "2026-11-23T14:00", CHUNKS_OF_4);
    id = SUBMIT(&home, requests, 8);
    PREPARE(&home);
    SPOIL(&home, (struct spoil){.batch = id, .csrs = 12});
    NOW(&home, "2026-11-23T20:00");
    EXPECT_REFUSED(SMKI_STORE_CORRUPT, run_once(&home, false, &err), err);
    assert_non_null(strstr(err.text, "its chunks hold 8 CSRs of 12"));
    EXPECT_STATE(&home, id, "PROCESSING");
    home_clear(&home);
}

/* ---- the order of the night ---- */

static void batches_are_decided_one_after_the_other_while_they_are_still_being_prepared(void **state)
{
    const struct smki_run_options options = {.workers = 4};
    uint64_t batches[8], seen[REQUESTS];
    struct smki_error err = {0};
    struct home home;
    size_t count;

    (void)state;
    home_lay(&home, "2026-11-23T14:00", CHUNKS_OF_1);
    for (size_t i = 0; i < 8; i++)
        batches[i] = SUBMIT(&home, requests + 5 * i, 5);
    NOW(&home, "2026-11-23T20:00");
    ASSERT_OK(run_with(&home, &options, NULL, &err), err);
    count = decided_batches(&home, seen, REQUESTS);
    assert_int_equal(count, 8);
    assert_memory_equal(seen, batches, sizeof(batches));
    home_clear(&home);
}

/* One that was accepted before, and approved last, comes first all the same. */
static void what_is_parsed_already_waits_for_what_comes_before_it(void **state)
{
    uint64_t first, second, seen[2];
    struct smki_error err = {0};
    struct home home;

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{\"batch\": {\"chunk\": 4, \"approve_automatically\": false}}");
    first = SUBMIT(&home, requests, 20);
    second = SUBMIT(&home, requests + 20, 20);
    ASSERT_OK(smki_batch_approve(home.service, &home.operator, second, &err), err);
    PREPARE(&home);
    EXPECT_STATE(&home, second, "QUEUED");
    ASSERT_OK(smki_batch_approve(home.service, &home.operator, first, &err), err);
    NOW(&home, "2026-11-23T20:00");
    RUN(&home);
    assert_int_equal(decided_batches(&home, seen, 2), 2);
    assert_int_equal(seen[0], first);
    assert_int_equal(seen[1], second);
    home_clear(&home);
}

static void a_batch_that_is_not_approved_keeps_nobody_waiting(void **state)
{
    uint64_t waits, approved;
    struct smki_error err = {0};
    struct home home;

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{\"batch\": {\"chunk\": 4, \"approve_automatically\": false}}");
    waits = SUBMIT(&home, requests, 8);
    approved = SUBMIT(&home, requests + 8, 8);
    ASSERT_OK(smki_batch_approve(home.service, &home.operator, approved, &err), err);
    NOW(&home, "2026-11-23T20:00");
    RUN(&home);
    EXPECT_STATE(&home, waits, "PENDING");
    EXPECT_STATE(&home, approved, "COMPLETED");
    home_clear(&home);
}

/* By day nothing waits for the night but what is approved. */
static void a_run_by_day_with_nothing_approved_has_nothing_to_wait_for(void **state)
{
    struct home home;

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{\"batch\": {\"chunk\": 4, \"approve_automatically\": false}}");
    (void)SUBMIT(&home, requests, 8);
    for (int i = 0; i < 20; i++)
        RUN(&home);
    home_clear(&home);
}

/* ---- its end ---- */

struct stopper {
    volatile int stop;
    uint64_t after; /* CSRs */
};

static void stop_after(void *context, const struct smki_run_progress *progress)
{
    struct stopper *stopper = context;

    stopper->stop = progress->processed >= stopper->after;
}

static void a_run_that_is_stopped_finishes_what_it_has_in_hand_and_nothing_is_done_twice(void **state)
{
    struct stopper stopper = {.after = 1};
    struct smki_run_options options = {.workers = 2, .context = &stopper, .stop = &stopper.stop};
    struct smki_run_progress summary;
    struct smki_error err = {0};
    struct home home;
    uint64_t id, done;

    (void)state;
    home_lay(&home, "2026-11-23T20:00", CHUNKS_OF_1);
    id = SUBMIT(&home, requests, REQUESTS);
    stopper.stop = 1; /* before it begins: nothing is claimed */
    EXPECT_REFUSED(SMKI_INTERRUPTED, run_with(&home, &options, &summary, &err), err);
    assert_int_equal(summary.processed, 0);
    stopper.stop = 0;
    options.progress = stop_after;
    (void)run_with(&home, &options, &summary, &err); /* 0 when it was faster than its first report */
    done = summary.processed;
    assert_int_equal(BATCH(&home, id).processed, done);
    RUN(&home);
    EXPECT_STATE(&home, id, "COMPLETED");
    assert_int_equal(BATCH(&home, id).granted, REQUESTS);
    AUDIT_HOLDS(&home);
    home_clear(&home);
}

static void more_workers_than_work_do_no_harm(void **state)
{
    const struct smki_run_options options = {.workers = 64};
    struct smki_run_progress summary;
    struct smki_error err = {0};
    struct home home;
    uint64_t id;

    (void)state;
    home_lay(&home, "2026-11-23T20:00", CHUNKS_OF_4);
    id = SUBMIT(&home, requests, REQUESTS);
    ASSERT_OK(run_with(&home, &options, &summary, &err), err);
    EXPECT_STATE(&home, id, "COMPLETED");
    assert_int_equal(summary.granted, REQUESTS);
    assert_true(summary.working > 0 && summary.working <= summary.seconds);
    AUDIT_HOLDS(&home);
    home_clear(&home);
}

/* A key that takes its time, which passes by the test's clock too; it looks at the lease of the chunk that it signs for. */
#define SIGNATURE_TIME (20 * 1000)  /* us */
#define SHORT_LEASE    (300 * 1000) /* us: a chunk of 40 takes longer */

static struct {
    struct home *home;
    const struct key_home *file;
    uint64_t batch;
    atomic_uint signatures, expired;
} slow;

static int64_t lease_of(uint64_t batch)
{
    struct smki_error err = {0};
    struct store_view *view;
    struct smki_bytes lease;
    struct cursor cursor;
    int64_t until;

    ASSERT_OK(store_view_begin(smki_service_store(slow.home->service), &view, &err), err);
    ASSERT_OK(store_chunk_get(view, batch, 0, STORE_CHUNK_LEASE, &lease, &err), err);
    cursor = cursor_of(lease);
    (void)cursor_u8(&cursor);
    until = (int64_t)cursor_u64(&cursor);
    store_view_end(view);
    return until;
}

static int slow_sign(const struct smki_key *key, uint8_t out[SMKI_SIGNATURE_MAX_SIZE], size_t *size, const uint8_t digest[32],
                     struct smki_error *err)
{
    usleep(SIGNATURE_TIME);
    test_clock_advance(&slow.home->clock, SIGNATURE_TIME);
    atomic_fetch_add(&slow.expired, lease_of(slow.batch) <= slow.home->clock.us);
    atomic_fetch_add(&slow.signatures, 1);
    return slow.file->sign(key, out, size, digest, err);
}

static void a_chunk_that_takes_longer_than_its_lease_stays_its_runners(void **state)
{
    const struct smki_run_options options = {.workers = 1};
    struct smki_run_progress summary;
    struct key_home slow_home;
    const struct smki_ca *ca;
    struct smki_key *key;
    struct home home;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T21:00", "{}");
    slow.home = &home;
    slow.batch = SUBMIT(&home, requests, REQUESTS);
    ASSERT_OK(smki_service_ca(home.service, SMKI_DCA, &ca, &err), err);
    key = (struct smki_key *)(uintptr_t)smki_ca_key(ca);
    slow.file = key->home;
    slow_home = *slow.file;
    slow_home.sign = slow_sign;
    key->home = &slow_home;
    ((struct smki_config *)(uintptr_t)smki_service_config(home.service))->runner_lease = SHORT_LEASE;
    ASSERT_OK(run_with(&home, &options, &summary, &err), err);
    key->home = slow.file;
    assert_int_equal(summary.granted, REQUESTS);
    assert_int_equal(atomic_load(&slow.signatures), REQUESTS);
    assert_int_equal(atomic_load(&slow.expired), 0);
    AUDIT_HOLDS(&home);
    home_clear(&home);
}

/* A night that closes while chunks wait to be decided, all of them due for another lease, and opens again. */
static struct {
    struct home *home;
    const struct key_home *file;
    atomic_uint signatures;
    bool reopened;
    int looks;
    volatile int stop;
} closing;

#define LOOKS_MAX 60 /* of progress */

static int sign_and_close(const struct smki_key *key, uint8_t out[SMKI_SIGNATURE_MAX_SIZE], size_t *size, const uint8_t digest[32],
                          struct smki_error *err)
{
    usleep(SIGNATURE_TIME);
    if (atomic_fetch_add(&closing.signatures, 1) == 8)
        NOW(closing.home, "2026-11-24T08:30");
    return closing.file->sign(key, out, size, digest, err);
}

static void reopen_when_it_rests(void *context, const struct smki_run_progress *progress)
{
    (void)context;
    if (!closing.reopened && progress->paused && atomic_load(&closing.signatures) > 8) {
        closing.reopened = true;
        NOW(closing.home, "2026-11-24T21:00");
    }
    if (progress->processed == REQUESTS || ++closing.looks == LOOKS_MAX)
        closing.stop = 1;
}

static void what_is_given_back_when_the_night_closes_is_taken_up_when_it_opens(void **state)
{
    const struct smki_run_options options = {.workers = 1, .watch = true, .stop = &closing.stop, .progress = reopen_when_it_rests};
    struct smki_run_progress summary;
    struct key_home slow_home;
    const struct smki_ca *ca;
    struct smki_key *key;
    struct home home;
    uint64_t batch;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T21:00", CHUNKS_OF_4);
    closing.home = &home;
    batch = SUBMIT(&home, requests, REQUESTS);
    ASSERT_OK(smki_service_ca(home.service, SMKI_DCA, &ca, &err), err);
    key = (struct smki_key *)(uintptr_t)smki_ca_key(ca);
    closing.file = key->home;
    slow_home = *closing.file;
    slow_home.sign = sign_and_close;
    key->home = &slow_home;
    ((struct smki_config *)(uintptr_t)smki_service_config(home.service))->runner_lease = 300; /* us */
    (void)!run_with(&home, &options, &summary, &err);
    key->home = closing.file;
    assert_true(closing.reopened);
    assert_int_equal(summary.processed, REQUESTS);
    assert_int_equal(BATCH(&home, batch).state, SMKI_STATE_COMPLETED);
    AUDIT_HOLDS(&home);
    home_clear(&home);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_spoilt_chunk_puts_its_batch_aside_and_the_others_go_on),
        cmocka_unit_test(what_fails_inside_a_change_is_taken_out_of_it),
        cmocka_unit_test(batches_are_decided_one_after_the_other_while_they_are_still_being_prepared),
        cmocka_unit_test(a_chunk_without_a_request_is_a_trouble_and_no_end_of_waiting),
        cmocka_unit_test(a_batch_is_cut_as_the_first_runner_began_to_cut_it),
        cmocka_unit_test(a_batch_whose_chunks_hold_less_than_was_accepted_is_never_completed),
        cmocka_unit_test(a_run_by_day_with_nothing_approved_has_nothing_to_wait_for),
        cmocka_unit_test(what_is_parsed_already_waits_for_what_comes_before_it),
        cmocka_unit_test(a_batch_that_is_not_approved_keeps_nobody_waiting),
        cmocka_unit_test(a_run_that_is_stopped_finishes_what_it_has_in_hand_and_nothing_is_done_twice),
        cmocka_unit_test(more_workers_than_work_do_no_harm),
        cmocka_unit_test(a_chunk_that_takes_longer_than_its_lease_stays_its_runners),
        cmocka_unit_test(what_is_given_back_when_the_night_closes_is_taken_up_when_it_opens),
    };

    return cmocka_run_group_tests(tests, group_begin, group_end);
}
