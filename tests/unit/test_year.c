/* Two simulated years of nights: many Parties, both ways in, random load, portal batches over quota, nights that are booked full and more
 * than full, all four nights of clock change. A runner takes the capacity evenly over each window, always from the first batch that
 * smki_plan_order names, and asks again whenever a batch arrives or ends. What then happened is held against the promises of
 * interfaces.md 10.
 *
 * A *slot* is the time that one CSR takes: a night has `capacity` of them, whatever its length. */
#include "smki_test.h"

#include <smki/demand.h>

#define LIMITS    (&smki_demand_defaults)
#define CAPACITY  375000
#define YEAR_FROM "2026-01-01T20:00"
#define NIGHTS    730
#define PARTIES   40
#define HEAVY     2 /* the first Parties send more through the portal than they may */
#define MOST      32768

struct batch {
    struct smki_time accepted, due;
    uint32_t csrs;
    bool over_quota;
    /* what became of it */
    uint32_t remaining;
    struct smki_time started, done;
    struct smki_time expected; /* what the plan said when its night opened, {0}: not due then */
    uint64_t ahead;            /* over quota: itself, what waited when it came, and the due work accepted since */
    uint64_t came;             /* the slot count of all nights when it came, and */
    uint64_t took;             /* how many slots passed until it was done */
};

struct year {
    struct batch batch[MOST]; /* in the order of acceptance */
    size_t count;
};

/* ---- the load ---- */

static struct batch *batch_add(struct year *year, struct smki_time accepted, uint32_t csrs, bool over_quota)
{
    struct batch *batch = &year->batch[year->count++];

    assert_true(year->count < MOST);
    *batch = (struct batch){.accepted = accepted, .due = smki_night_due(LIMITS, accepted), .csrs = csrs, .over_quota = over_quota};
    return batch;
}

/* How much due work a night gets: quiet, usual, full to the last CSR, or more than full. */
static uint32_t load_of_a_night(struct test_random *random)
{
    uint32_t kind = test_random_below(random, 20);

    if (kind < 3)
        return test_random_below(random, 60000);
    if (kind < 14)
        return 150000 + test_random_below(random, 200000);
    return kind < 19 ? CAPACITY : CAPACITY + test_random_below(random, 150000);
}

static uint32_t csrs_of_a_batch(struct test_random *random)
{
    static const uint32_t most[] = {10, 500, 5000, 50000};

    return 1 + test_random_below(random, most[test_random_below(random, TEST_COUNT(most))]);
}

static int compare_times(const void *left, const void *right)
{
    const int64_t *a = left, *b = right;

    return (*a > *b) - (*a < *b);
}

/* The moments of one round: from 20:00 to 20:00, the last of them a microsecond before the end. */
static size_t moments_of_a_round(int64_t moment[64], struct smki_time from, struct smki_time to, struct test_random *random)
{
    size_t count = 12 + test_random_below(random, 24);

    for (size_t i = 0; i < count; i++)
        moment[i] = from.us + (int64_t)(test_random_next(random) % (uint64_t)(to.us - from.us));
    moment[0] = from.us; /* exactly 20:00:00.000 */
    qsort(moment, count, sizeof(*moment), compare_times);
    moment[count++] = to.us - 1;
    return count;
}

/* One batch; returns how much due work it adds, at most `room`. */
static uint32_t submission(struct year *year, struct smki_window *windows, struct smki_time now, uint32_t room, struct test_random *random)
{
    uint32_t party = test_random_below(random, 12) == 0 ? test_random_below(random, HEAVY) : test_random_below(random, PARTIES);
    bool portal = party < HEAVY || test_random_below(random, 2) == 0;
    uint32_t csrs = party < HEAVY ? 20000 + test_random_below(random, 30000) : csrs_of_a_batch(random);
    struct smki_verdict verdict = {0};
    struct smki_error err = {0};

    if (portal)
        smki_demand_portal_batch(&verdict, LIMITS, &windows[party], 0, now, csrs);
    if (!verdict.behind && csrs > room)
        csrs = room;
    if (csrs == 0)
        return 0;
    if (portal)
        ASSERT_OK(smki_window_add(&windows[party], now, csrs, &err), err);
    batch_add(year, now, csrs, verdict.behind);
    return verdict.behind ? 0 : csrs;
}

static void load_make(struct year *year, uint64_t seed)
{
    struct smki_window windows[PARTIES] = {{0}};
    struct test_random random = {.state = seed};
    struct smki_time from = AT(YEAR_FROM);

    for (int night = 0; night < NIGHTS; night++) {
        struct smki_time to = smki_time_uk_at(from, 1, 20, 0);
        uint32_t room = load_of_a_night(&random);
        int64_t moment[64];
        size_t count = moments_of_a_round(moment, from, to, &random);
        for (size_t i = 0; i < count; i++)
            room -= submission(year, windows, (struct smki_time){.us = moment[i]}, room, &random);
        for (; room != 0; room -= room < 50000 ? room : 50000) /* the web service brings the rest */
            batch_add(year, (struct smki_time){.us = to.us - 1}, room < 50000 ? room : 50000, false);
        from = to;
    }
    for (int i = 0; i < PARTIES; i++)
        smki_window_finish(&windows[i]);
}

/* ---- the runner ---- */

#define OPEN_MOST 2048

struct runner {
    struct year *year;
    size_t next;            /* the next to be accepted */
    size_t open[OPEN_MOST]; /* accepted and not done */
    size_t open_count;
    struct smki_night night;
    uint64_t slot;    /* of this night */
    uint64_t passed;  /* slots of all nights before it */
    unsigned outside; /* times that work ran when a UK clock shows neither 20:00 to 24:00 nor 00:00 to 08:00 */
};

static struct smki_time slot_time(const struct runner *runner, uint64_t slot)
{
    uint64_t hours = (uint64_t)(runner->night.closes.us - runner->night.opens.us);

    return (struct smki_time){.us = runner->night.opens.us + (int64_t)((slot * hours + CAPACITY - 1) / CAPACITY)};
}

/* The first slot of this night that begins at `time` or later. */
static uint64_t slot_from(const struct runner *runner, struct smki_time time)
{
    uint64_t hours = (uint64_t)(runner->night.closes.us - runner->night.opens.us);

    if (time.us >= runner->night.closes.us)
        return CAPACITY;
    return ((uint64_t)(time.us - runner->night.opens.us) * CAPACITY + hours - 1) / hours;
}

static void take_in(struct runner *runner, struct batch *batch)
{
    batch->remaining = batch->csrs;
    batch->ahead = batch->csrs;
    batch->came = runner->passed + runner->slot;
    for (size_t i = 0; i < runner->open_count; i++) {
        struct batch *other = &runner->year->batch[runner->open[i]];
        batch->ahead += other->remaining;
        if (other->over_quota && !batch->over_quota)
            other->ahead += batch->csrs;
    }
    assert_true(runner->open_count < OPEN_MOST);
    runner->open[runner->open_count++] = (size_t)(batch - runner->year->batch);
}

static void take_in_until(struct runner *runner, struct smki_time now)
{
    while (runner->next < runner->year->count && runner->year->batch[runner->next].accepted.us <= now.us)
        take_in(runner, &runner->year->batch[runner->next++]);
}

static struct smki_plan_item *plan(const struct runner *runner, struct smki_time now)
{
    static struct smki_plan_item items[OPEN_MOST];

    for (size_t i = 0; i < runner->open_count; i++) {
        const struct batch *batch = &runner->year->batch[runner->open[i]];
        items[i] = (struct smki_plan_item){.batch = runner->open[i],
                                           .accepted = batch->accepted,
                                           .due = batch->due,
                                           .remaining = batch->remaining,
                                           .over_quota = batch->over_quota};
    }
    smki_plan_order(items, runner->open_count, LIMITS, now, 0);
    return items;
}

static void done(struct runner *runner, size_t number, struct smki_time now)
{
    struct batch *batch = &runner->year->batch[number];
    size_t place = 0;

    batch->done = now;
    batch->took = runner->passed + runner->slot - batch->came;
    while (runner->open[place] != number)
        place++;
    runner->open[place] = runner->open[--runner->open_count];
}

static bool is_night(struct smki_time time)
{
    struct smki_civil uk = smki_time_to_uk(time);

    return uk.hour >= 20 || uk.hour < 8;
}

/* Works on the batch that is first in order until it is done, another arrives, or the night is over. */
static void work(struct runner *runner, struct smki_time now, uint64_t until)
{
    size_t number = (size_t)plan(runner, now)[0].batch;
    struct batch *batch = &runner->year->batch[number];
    uint64_t slots = until - runner->slot < batch->remaining ? until - runner->slot : batch->remaining;
    struct smki_time end = slot_time(runner, runner->slot + slots);

    if (batch->started.us == 0)
        batch->started = now;
    runner->outside += !is_night(now) || !is_night((struct smki_time){.us = end.us - 1});
    batch->remaining -= (uint32_t)slots;
    runner->slot += slots;
    if (batch->remaining == 0)
        done(runner, number, end);
}

static void expectations_keep(struct runner *runner)
{
    const struct smki_plan_item *items = plan(runner, runner->night.opens);

    for (size_t i = 0; i < runner->open_count; i++) {
        if (items[i].class == SMKI_PLAN_DUE)
            runner->year->batch[items[i].batch].expected = items[i].finishes;
    }
}

static void night_run(struct runner *runner)
{
    take_in_until(runner, runner->night.opens);
    expectations_keep(runner);
    while (runner->slot < CAPACITY) {
        struct smki_time now = slot_time(runner, runner->slot);
        uint64_t until = CAPACITY;
        take_in_until(runner, now);
        if (runner->next < runner->year->count)
            until = slot_from(runner, runner->year->batch[runner->next].accepted);
        if (runner->open_count != 0)
            work(runner, now, until);
        else
            runner->slot = until;
    }
    runner->passed += runner->slot;
    runner->slot = 0;
}

/* Runs night after night until all is done; returns how many there were. */
static unsigned year_run(struct year *year, unsigned *outside)
{
    static struct runner runner;
    struct smki_time now = AT(YEAR_FROM);
    unsigned nights = 0;

    runner = (struct runner){.year = year};
    for (; runner.next < year->count || runner.open_count != 0; now = runner.night.closes, nights++) {
        runner.night = smki_night_at(LIMITS, now);
        night_run(&runner);
        assert_true(nights < 2 * NIGHTS);
    }
    *outside = runner.outside;
    return nights;
}

/* ---- the story ---- */

static struct year with, without; /* over-quota work */
static unsigned nights_run, outside_window;

static int years_run(void **state)
{
    unsigned ignored;

    (void)state;
    load_make(&with, 2026);
    for (size_t i = 0; i < with.count; i++) {
        if (!with.batch[i].over_quota)
            without.batch[without.count++] = with.batch[i];
    }
    nights_run = year_run(&with, &outside_window);
    year_run(&without, &ignored);
    return 0;
}

static void the_load_is_what_it_should_be(void **state)
{
    uint64_t due = 0, over = 0;

    (void)state;
    for (size_t i = 0; i < with.count; i++)
        *(with.batch[i].over_quota ? &over : &due) += with.batch[i].csrs;
    print_message("%zu batches, %u nights; due work %.1f %%, over-quota work %.1f %% of %d nights\n", with.count, nights_run,
                  100.0 * (double)due / (double)CAPACITY / NIGHTS, 100.0 * (double)over / (double)CAPACITY / NIGHTS, NIGHTS);
    assert_true(nights_run >= NIGHTS && nights_run < NIGHTS + 30);
    assert_true(without.count < with.count - 1000);
    assert_true(over > (uint64_t)CAPACITY * NIGHTS / 20);
}

/* Whether a night's due work fits is worked out from the submissions alone: its own, and what earlier nights could not take. */
static void what_was_accepted_in_time_is_done_by_its_due_time_whenever_the_night_fits(void **state)
{
    uint64_t left_over = 0;
    unsigned fitting = 0, full = 0, more_than_full = 0;

    (void)state;
    for (size_t i = 0, end; i < without.count; i = end) {
        uint64_t load = left_over;
        for (end = i; end < without.count && without.batch[end].due.us == without.batch[i].due.us; end++)
            load += without.batch[end].csrs;
        left_over = load > CAPACITY ? load - CAPACITY : 0;
        fitting += load <= CAPACITY;
        full += load == CAPACITY;
        more_than_full += load > CAPACITY;
        for (size_t k = 0; load <= CAPACITY && k < with.count; k++) {
            if (with.batch[k].due.us == without.batch[i].due.us && !with.batch[k].over_quota)
                assert_true(with.batch[k].done.us <= with.batch[k].due.us);
        }
    }
    print_message("%u nights fit, %u of them to the last CSR; %u did not\n", fitting, full, more_than_full);
    assert_true(fitting > NIGHTS / 2 && full > 30 && more_than_full > 20);
}

static void each_class_is_processed_in_turn(void **state)
{
    const struct batch *before[2] = {NULL, NULL};

    (void)state;
    for (size_t i = 0; i < with.count; i++) {
        const struct batch *batch = &with.batch[i], **last = &before[batch->over_quota];
        if (*last != NULL)
            assert_true((*last)->done.us <= batch->started.us);
        *last = batch;
    }
}

static void over_quota_work_never_delays_due_work(void **state)
{
    size_t k = 0;

    (void)state;
    for (size_t i = 0; i < with.count; i++) {
        if (with.batch[i].over_quota)
            continue;
        assert_int_equal(with.batch[i].started.us, without.batch[k].started.us);
        assert_int_equal(with.batch[i].done.us, without.batch[k].done.us);
        k++;
    }
    assert_int_equal(k, without.count);
}

/* As soon as the slots since it came are as many as itself, what waited when it came, and the due work accepted since. */
static void over_quota_work_is_done_as_soon_as_the_room_allows(void **state)
{
    int64_t longest = 0;

    (void)state;
    for (size_t i = 0; i < with.count; i++) {
        const struct batch *batch = &with.batch[i];
        if (!batch->over_quota)
            continue;
        assert_true(batch->done.us != 0);
        assert_true(batch->took <= batch->ahead);
        longest = batch->done.us - batch->accepted.us > longest ? batch->done.us - batch->accepted.us : longest;
    }
    print_message("the longest wait of an over-quota batch: %.1f days\n", (double)longest / (double)SMKI_DAY);
    assert_true(longest < 30 * SMKI_DAY);
}

static void nothing_runs_outside_the_window(void **state)
{
    (void)state;
    assert_int_equal(outside_window, 0);
}

/* The plan of 20:00 is what happens to due work, whatever comes later. */
static void what_the_plan_expects_of_due_work_comes_true(void **state)
{
    unsigned expected = 0;

    (void)state;
    for (size_t i = 0; i < with.count; i++) {
        int64_t off = with.batch[i].done.us - with.batch[i].expected.us;
        if (with.batch[i].expected.us == 0)
            continue;
        assert_true(off >= -1 && off <= 1);
        expected++;
    }
    assert_true(expected > 1000);
}

/* Every night is booked but for 5,000 CSRs, most of it in the evening before, so that there is always early work: what is over quota waits
 * until the early work has been worked off once, and is then 5,000 further each night. */
static void over_quota_work_does_not_starve_when_every_night_is_nearly_full(void **state)
{
    enum { ROOM = 5000, OVER = 50000 };
    static struct year year;
    struct smki_time from = AT(YEAR_FROM);
    struct batch *over = NULL;
    unsigned ignored;

    (void)state;
    year.count = 0;
    for (int night = 0; night < 120; night++, from = smki_time_uk_at(from, 1, 20, 0)) {
        for (int i = 0; i < 37; i++)
            batch_add(&year, (struct smki_time){.us = from.us + i * SMKI_MINUTE}, (CAPACITY - ROOM) / 37, false);
        if (night == 0)
            over = batch_add(&year, (struct smki_time){.us = from.us + SMKI_HOUR}, OVER, true);
    }
    year_run(&year, &ignored);
    assert_true(over->done.us - over->accepted.us <= ((CAPACITY + OVER) / ROOM + 2) * SMKI_DAY);
    for (size_t i = 0; i < year.count; i++)
        assert_true(year.batch[i].over_quota || year.batch[i].done.us <= year.batch[i].due.us);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_load_is_what_it_should_be),
        cmocka_unit_test(what_was_accepted_in_time_is_done_by_its_due_time_whenever_the_night_fits),
        cmocka_unit_test(each_class_is_processed_in_turn),
        cmocka_unit_test(over_quota_work_never_delays_due_work),
        cmocka_unit_test(over_quota_work_is_done_as_soon_as_the_room_allows),
        cmocka_unit_test(nothing_runs_outside_the_window),
        cmocka_unit_test(what_the_plan_expects_of_due_work_comes_true),
        cmocka_unit_test(over_quota_work_does_not_starve_when_every_night_is_nearly_full),
    };

    return cmocka_run_group_tests(tests, years_run, NULL);
}
