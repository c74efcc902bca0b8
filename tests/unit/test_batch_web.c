/* The batch web service without HTTP: turns, polls and retrievals in virtual time, over processes, and answers that are valid by the
 * schema. */
#include "home_test.h"
#include "message_test.h"

#include "ra/service_i.h"

#include <smki/smki.h>

#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define REQUESTS 12

static struct request *requests;

static int group_begin(void **state)
{
    requests = requests_make(REQUESTS, UINT64_C(0x90b3d51f300b0000));
    assert_non_null(requests);
    return mould_make(state);
}

static int group_end(void **state)
{
    free(requests);
    return mould_remove(state);
}

/* ---- verbs ---- */

/* The maker's system at the web service. */
static struct smki_actor SYSTEM(const struct home *home) {
    struct smki_actor actor = home->maker;

    snprintf(actor.name, sizeof(actor.name), "System 1");
    actor.interface = SMKI_INTERFACE_BATCH;
    actor.network = SMKI_NETWORK_GATEWAY;
    return actor;
}

static int
POLL(struct home *home, uint64_t id, struct smki_poll *poll, struct smki_error *err)
{
    const struct smki_actor actor = SYSTEM(home);

    return smki_batch_poll(home->service, &actor, id, poll, err);
}

static void expect_valid(struct smki_buffer *document)
{
    assert_true(xmllint_accepts_document(BYTES(document->at, document->size), "batch-1.0.xsd"));
    smki_buffer_finish(document);
}

/* The whole of the results, read in pieces of `capacity`. */
static int RETRIEVE(struct home *home, const struct smki_batch *batch, size_t capacity, struct smki_buffer *out, struct smki_error *err)
{
    const struct smki_actor actor = SYSTEM(home);
    struct smki_result_stream *stream;
    uint8_t *piece = malloc(capacity);
    size_t size = capacity;
    int rc = smki_result_open(&stream, home->service, &actor, batch, err);

    assert_non_null(piece);
    while (rc == 0 && size == capacity)
        if ((rc = smki_result_read(stream, piece, capacity, &size, err)) == 0)
            rc = smki_buffer_append(out, piece, size, err);
    if (rc == 0) {
        ASSERT_OK(smki_result_read(stream, piece, capacity, &size, err), *err);
        assert_int_equal(size, 0);
    }
    smki_result_close(stream);
    free(piece);
    return rc;
}

static void RETRIEVED(struct home *home, uint64_t id)
{
    const struct smki_actor actor = SYSTEM(home);
    struct smki_error err = {0};

    ASSERT_OK(smki_batch_retrieved(home->service, &actor, id, &err), err);
}

static unsigned recorded(struct home *home, enum smki_act act, uint64_t subject, int outcome)
{
    struct smki_audit_record record = {.sequence = 0};
    struct smki_error err = {0};
    unsigned count = 0;

    while (smki_audit_find(smki_service_store(home->service), record.sequence + 1, &record, &err) == 0)
        count += record.act == act && record.subject == subject && record.outcome == outcome && record.party == home->maker.party;
    return count;
}

/* ---- polls in virtual time: a story is moments and what becomes of them ----
 *   e too early   o too often   x expired   d done: retrieved before
 *   P shown as PROCESSING   W shown as something that waits (PENDING, QUEUED)   R shown as REJECTED
 *   D the results are delivered
 * and what else happens: r the night runs, + the download is taken whole, ! the operator releases, - the operator rejects */

static char fate_of(int rc, const struct smki_poll *poll)
{
    switch (rc) {
    case 0:
        break;
    case SMKI_POLL_TOO_EARLY:
        return 'e';
    case SMKI_POLL_TOO_OFTEN:
        return 'o';
    case SMKI_POLL_DONE:
        return 'd';
    case SMKI_RESULT_EXPIRED:
        return 'x';
    default:
        return '?';
    }
    if (poll->deliver)
        return poll->shown == SMKI_STATE_COMPLETED ? 'D' : '?';
    switch (poll->shown) {
    case SMKI_STATE_PROCESSING:
        return 'P';
    case SMKI_STATE_REJECTED:
        return 'R';
    case SMKI_STATE_PENDING:
    case SMKI_STATE_QUEUED:
        return 'W';
    default:
        return '?';
    }
}

static void answer_is_valid(int rc, const struct smki_poll *poll, const struct smki_error *why)
{
    struct smki_buffer out = {0};
    struct smki_error err = {0};

    ASSERT_OK(smki_batch_poll_answer(&out, poll, rc, why->text, &err), err);
    expect_valid(&out);
}

static void other_happens(struct home *home, uint64_t id, char what)
{
    struct smki_error err = {0};

    if (what == 'r')
        RUN(home);
    else if (what == '+')
        RETRIEVED(home, id);
    else if (what == '!')
        ASSERT_OK(smki_batch_release(home->service, &home->operator, id, &err), err);
    else
        ASSERT_OK(smki_batch_reject(home->service, &home->operator, id, "not agreed", &err), err);
}

struct moment {
    const char *at;
    char what;
};

/* A batch accepted at moments[0].at. */
static void STORY(const char *config, const struct moment *moments, size_t count)
{
    struct home home;
    uint64_t id;

    home_lay(&home, moments[0].at, config);
    id = SUBMIT(&home, requests, 3);
    for (size_t i = 1; i < count; i++) {
        struct smki_poll poll;
        struct smki_error err = {0};
        char fate = moments[i].what;
        int rc;
        NOW(&home, moments[i].at);
        if (strchr("r+!-", fate) != NULL) {
            other_happens(&home, id, fate);
            continue;
        }
        rc = POLL(&home, id, &poll, &err);
        if ((fate = fate_of(rc, &poll)) != moments[i].what)
            fail_msg("at %s: '%c' (%s, %s), expected '%c'", moments[i].at, fate, test_name_of(rc), err.text, moments[i].what);
        if (rc != 0 && rc != SMKI_POLL_DONE && rc != SMKI_RESULT_EXPIRED)
            assert_true(poll.verdict.retry_at.us > AT(moments[i].at).us); /* for Retry-After */
        answer_is_valid(rc, &poll, &err);
    }
    AUDIT_HOLDS(&home);
    home_clear(&home);
}
#define TELL(config, ...)                                                                                                                  \
    do {                                                                                                                                   \
        static const struct moment moments[] = {__VA_ARGS__};                                                                              \
        STORY(config, moments, TEST_COUNT(moments));                                                                                       \
    } while (0)

static void accepted_before_20_00_it_is_polled_from_22_00_and_released_at_08_00(void **state)
{
    (void)state;
    TELL("{}", {"2026-11-23T19:59:59.999999", 0}, {"2026-11-23T20:00", 'r'}, {"2026-11-23T21:59:59.999999", 'e'}, {"2026-11-23T22:00", 'P'},
         {"2026-11-23T22:59:59.999999", 'o'}, {"2026-11-23T23:00", 'P'}, {"2026-11-24T07:30", 'P'}, {"2026-11-24T07:59:59.999999", 'o'},
         {"2026-11-24T08:00", 'D'});
}

static void accepted_at_20_00_it_is_polled_and_released_at_22_00_of_the_next_day(void **state)
{
    (void)state;
    TELL("{}", {"2026-11-23T20:00", 0}, {"2026-11-23T20:00:01", 'r'}, {"2026-11-23T22:00", 'e'}, {"2026-11-24T08:00", 'e'},
         {"2026-11-24T21:59:59.999999", 'e'}, {"2026-11-24T22:00", 'D'});
}

static void in_march_the_night_has_eleven_hours(void **state)
{
    (void)state;
    TELL("{}", {"2026-03-28T14:00", 0}, {"2026-03-28T20:00", 'r'}, {"2026-03-28T21:59:59Z", 'e'}, {"2026-03-28T22:00:00Z", 'P'},
         {"2026-03-29T06:30:00Z", 'P'}, {"2026-03-29T06:59:59Z", 'o'}, {"2026-03-29T07:00:00Z", 'D'});
    TELL("{}", {"2026-03-28T20:00", 0}, {"2026-03-28T20:00:01", 'r'}, {"2026-03-29T20:59:59Z", 'e'}, {"2026-03-29T21:00:00Z", 'D'});
}

static void in_october_the_night_has_thirteen(void **state)
{
    (void)state;
    TELL("{}", {"2026-10-24T14:00", 0}, {"2026-10-24T20:00", 'r'}, {"2026-10-24T20:59:59Z", 'e'}, {"2026-10-24T21:00:00Z", 'P'},
         {"2026-10-25T07:00:00Z", 'P'}, {"2026-10-25T07:59:59Z", 'o'}, {"2026-10-25T08:00:00Z", 'D'});
    TELL("{}", {"2026-10-24T20:00", 0}, {"2026-10-24T20:00:01", 'r'}, {"2026-10-25T21:59:59Z", 'e'}, {"2026-10-25T22:00:00Z", 'D'});
}

static void while_incomplete_it_is_polled_once_an_hour_after_the_release(void **state)
{
    (void)state;
    TELL("{}", {"2026-11-23T14:00", 0}, {"2026-11-23T22:00", 'W'}, {"2026-11-24T08:00", 'W'}, {"2026-11-24T08:59:59", 'o'},
         {"2026-11-24T09:00", 'W'}, {"2026-11-24T20:00", 'r'}, {"2026-11-24T20:00:01", 'D'});
}

static void a_broken_download_may_be_repeated_and_a_finished_one_not(void **state)
{
    (void)state;
    TELL("{}", {"2026-11-23T14:00", 0}, {"2026-11-23T20:00", 'r'}, {"2026-11-24T08:00", 'D'}, {"2026-11-24T08:00:01", 'D'},
         {"2026-11-24T08:00:02", 'D'}, {"2026-11-24T08:01", '+'}, {"2026-11-24T08:02", 'd'}, {"2026-11-25T08:02", 'd'});
}

static void the_operator_releases_before_time_and_again(void **state)
{
    (void)state;
    TELL("{}", {"2026-11-23T14:00", 0}, {"2026-11-23T20:00", 'r'}, {"2026-11-23T20:30", 'e'}, {"2026-11-23T21:00", '!'},
         {"2026-11-23T21:00:01", 'D'}, {"2026-11-23T21:01", '+'}, {"2026-11-23T21:02", 'd'}, {"2026-11-23T21:03", '!'},
         {"2026-11-23T21:04", 'D'}, {"2026-11-23T21:05", '+'}, {"2026-11-24T08:00", 'd'});
}

static void results_stay_for_thirty_days(void **state)
{
    (void)state;
    TELL("{}", {"2026-11-23T14:00", 0}, {"2026-11-23T20:00", 'r'}, {"2026-12-24T07:59:59", 'D'}, {"2026-12-24T08:00", 'x'});
}

static void a_rejection_shows_in_the_first_poll_and_stays(void **state)
{
    (void)state;
    TELL("{\"batch.approve_automatically\": false}", {"2026-11-23T14:00", 0}, {"2026-11-23T14:01", '-'}, {"2026-11-23T22:00", 'R'},
         {"2026-11-24T08:00", 'R'}, {"2026-11-24T08:30", 'o'}, {"2026-11-24T09:00", 'R'});
}

static void refused_polls_do_not_count(void **state)
{
    (void)state;
    TELL("{}", {"2026-11-23T14:00", 0}, {"2026-11-23T21:30", 'e'}, {"2026-11-23T22:00", 'W'}, {"2026-11-23T22:30", 'o'},
         {"2026-11-23T23:00", 'W'});
}

static void off_polls_are_not_limited_but_nothing_is_released_early(void **state)
{
    (void)state;
    TELL("{\"demand.poll_mode\": \"off\"}", {"2026-11-23T14:00", 0}, {"2026-11-23T20:00", 'r'}, {"2026-11-23T20:01", 'P'},
         {"2026-11-23T20:01", 'P'}, {"2026-11-24T08:00", 'D'}, {"2026-11-24T08:01", '+'}, {"2026-11-24T08:01", 'D'});
}

static void observed_polls_are_let_in_and_recorded(void **state)
{
    struct home home;
    struct smki_poll poll;
    struct smki_error err = {0};
    uint64_t id;

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{\"demand.poll_mode\": \"observe\"}");
    id = SUBMIT(&home, requests, 3);
    ASSERT_OK(POLL(&home, id, &poll, &err), err);
    assert_true(poll.verdict.flagged && poll.shown == SMKI_STATE_PENDING);
    assert_int_equal(recorded(&home, SMKI_ACT_DEMAND_OBSERVED, id, SMKI_POLL_TOO_EARLY), 1);
    assert_int_equal(recorded(&home, SMKI_ACT_BATCH_POLL, id, 0), 1);
    home_clear(&home);
}

static void every_poll_and_every_delivery_is_recorded(void **state)
{
    struct home home;
    struct smki_poll poll;
    struct smki_error err = {0};
    uint64_t id;

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    id = SUBMIT(&home, requests, 3);
    EXPECT_REFUSED(SMKI_POLL_TOO_EARLY, POLL(&home, id, &poll, &err), err);
    assert_int_equal(recorded(&home, SMKI_ACT_BATCH_POLL, id, SMKI_POLL_TOO_EARLY), 1);
    NOW(&home, "2026-11-23T22:00");
    ASSERT_OK(POLL(&home, id, &poll, &err), err);
    assert_int_equal(recorded(&home, SMKI_ACT_BATCH_POLL, id, 0), 1);
    RUN(&home);
    NOW(&home, "2026-11-24T08:00");
    ASSERT_OK(POLL(&home, id, &poll, &err), err);
    assert_int_equal(recorded(&home, SMKI_ACT_RESULT_READ, id, 0), 1);
    RETRIEVED(&home, id);
    assert_int_equal(recorded(&home, SMKI_ACT_RESULT_READ, id, 0), 2);
    ASSERT_TIME(BATCH(&home, id).retrieved_at, "2026-11-24T08:00");
    AUDIT_HOLDS(&home);
    home_clear(&home);
}

static void what_is_left_is_told(void **state)
{
    struct home home;
    struct smki_poll poll;
    struct smki_error err = {0};
    uint64_t id;

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    id = SUBMIT(&home, requests, 3);
    NOW(&home, "2026-11-23T21:00");
    EXPECT_REFUSED(SMKI_POLL_TOO_EARLY, POLL(&home, id, &poll, &err), err);
    assert_true(poll.left.limit == 1 && poll.left.remaining == 0 && poll.left.reset == SMKI_HOUR);
    ASSERT_TIME(poll.verdict.retry_at, "2026-11-23T22:00");
    RUN(&home);
    NOW(&home, "2026-11-24T07:15");
    ASSERT_OK(POLL(&home, id, &poll, &err), err);
    assert_true(poll.left.limit == 1 && poll.left.remaining == 0 &&
                poll.left.reset == 45 * SMKI_MINUTE); /* the release is before the hour */
    NOW(&home, "2026-11-24T08:00");
    ASSERT_OK(POLL(&home, id, &poll, &err), err);
    assert_true(poll.left.limit == 1 && poll.left.remaining == 1 && poll.left.reset == 0);
    RETRIEVED(&home, id);
    EXPECT_REFUSED(SMKI_POLL_DONE, POLL(&home, id, &poll, &err), err);
    assert_true(poll.left.remaining == 0 && poll.left.reset == INT64_MAX);
    home_clear(&home);
}

/* ---- another Party's ---- */

/* The answer to a poll of `id`, with its number made one length. */
static void answer_of(struct home *home, const struct smki_actor *actor, uint64_t id, struct smki_buffer *out)
{
    struct smki_poll poll;
    struct smki_error err = {0}, why = {0};

    EXPECT_REFUSED(SMKI_BATCH_UNKNOWN, smki_batch_poll(home->service, actor, id, &poll, &why), why);
    assert_true(poll.batch.id == 0 && poll.batch.party == 0 && poll.batch.ref[0] == '\0');
    assert_true(poll.left.limit == 1 && poll.left.remaining == 1 && poll.left.reset == 0); /* for both alike */
    ASSERT_OK(smki_batch_poll_answer(out, &poll, why.code, why.text, &err), err);
}

static void another_partys_batch_is_as_unknown_as_a_missing_one(void **state)
{
    struct home home;
    struct smki_actor other;
    struct smki_buffer missing = {0}, others = {0};
    struct smki_result_stream *stream;
    struct smki_batch batch;
    struct smki_error err = {0};
    uint64_t id;

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    id = SUBMIT(&home, requests, 3);
    other = SYSTEM(&home);
    other.party = PARTY(&home, "Stranger", SMKI_USER_OTHER, SMKI_SUBSCRIBER_DEVICE);
    answer_of(&home, &other, id, &others);
    answer_of(&home, &other, id + 1, &missing);
    assert_int_equal(id, 1);
    assert_int_equal(others.size, missing.size);
    for (size_t i = 0; i < others.size; i++)
        assert_true(others.at[i] == missing.at[i] || (others.at[i] == '1' && missing.at[i] == '2'));
    expect_part(&others, "<BatchStatus>FORMAT_ERROR</BatchStatus>\n<Error><ErrorCode>FM:AA3</ErrorCode>");
    expect_valid(&others);
    expect_valid(&missing);
    batch = BATCH(&home, id);
    EXPECT_REFUSED(SMKI_BATCH_UNKNOWN, smki_result_open(&stream, home.service, &other, &batch, &err), err);
    EXPECT_REFUSED(SMKI_BATCH_UNKNOWN, smki_batch_retrieved(home.service, &other, id, &err), err);
    assert_int_equal(BATCH(&home, id).last_poll_at.us, 0); /* it is as if nobody had asked */
    AUDIT_HOLDS(&home);
    home_clear(&home);
}

static void numbers_that_no_batch_has_are_unknown(void **state)
{
    static const uint64_t numbers[] = {0, 2, UINT64_MAX};
    struct home home;
    struct smki_poll poll;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    EXPECT_REFUSED(SMKI_BATCH_UNKNOWN, POLL(&home, 1, &poll, &err), err); /* there is none at all */
    SUBMIT(&home, requests, 3);
    for (size_t i = 0; i < TEST_COUNT(numbers); i++)
        EXPECT_REFUSED(SMKI_BATCH_UNKNOWN, POLL(&home, numbers[i], &poll, &err), err);
    home_clear(&home);
}

/* ---- the results ---- */

static void the_stream_is_the_file_octet_for_octet(void **state)
{
    static const size_t capacities[] = {1, 7, 4096, 1 << 20};
    struct home home;
    struct smki_batch batch;
    struct smki_buffer file = {0};
    struct smki_error err = {0};
    char path[TEST_PATH_SIZE];
    uint64_t id;

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{\"batch\": {\"chunk\": 5}}");
    id = SUBMIT(&home, requests, REQUESTS);
    NOW(&home, "2026-11-23T20:00");
    RUN(&home);
    batch = BATCH(&home, id);
    test_path(path, home.path, "result.xml");
    ASSERT_OK(smki_batch_result(home.service, &home.operator, id, SMKI_RESULT_XML, path, true, &err), err);
    test_read(&file, path);
    for (size_t i = 0; i < TEST_COUNT(capacities); i++) {
        struct smki_buffer read = {0};
        ASSERT_OK(RETRIEVE(&home, &batch, capacities[i], &read, &err), err);
        ASSERT_BYTES(read, file.at, file.size);
        smki_buffer_finish(&read);
    }
    expect_part(&file, "<BatchStatus>COMPLETED</BatchStatus>");
    expect_valid(&file);
    home_clear(&home);
}

static void results_that_are_not_there_cannot_be_opened(void **state)
{
    struct home home;
    struct smki_result_stream *stream;
    struct smki_actor actor;
    struct smki_batch batch;
    struct smki_error err = {0};
    uint64_t id;

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    actor = SYSTEM(&home);
    id = SUBMIT(&home, requests, 3);
    batch = BATCH(&home, id);
    EXPECT_REFUSED(SMKI_BATCH_NOT_COMPLETED, smki_result_open(&stream, home.service, &actor, &batch, &err), err);
    EXPECT_REFUSED(SMKI_BATCH_NOT_COMPLETED, smki_batch_retrieved(home.service, &actor, id, &err), err);
    NOW(&home, "2026-11-23T20:00");
    RUN(&home);
    batch = BATCH(&home, id);
    NOW(&home, "2026-12-24T08:00");
    EXPECT_REFUSED(SMKI_RESULT_EXPIRED, smki_result_open(&stream, home.service, &actor, &batch, &err), err);
    home_clear(&home);
}

/* 50,000 CSRs that are none: their night costs little. */
static uint64_t SUBMIT_MANY(struct home *home)
{
    const struct smki_actor actor = SYSTEM(home);
    struct smki_submission *submission;
    struct smki_buffer text = {0};
    struct smki_batch batch;
    struct smki_error err = {0};

    ASSERT_OK(smki_buffer_printf(&text, &err, "<SubmitCSRBatch ID=\"many\"><Version>1.0</Version>"), err);
    for (unsigned i = 0; i < SMKI_BATCH_MAX_CSRS; i++)
        ASSERT_OK(smki_buffer_printf(&text, &err, "<DeviceCSR ID=\"m%u\">MAA=</DeviceCSR>", i), err);
    ASSERT_OK(smki_buffer_printf(&text, &err, "</SubmitCSRBatch>"), err);
    ASSERT_OK(smki_submission_open(&submission, home->service, &actor, SMKI_BATCH_XML, NULL, &err), err);
    ASSERT_OK(smki_submission_feed(submission, BYTES(text.at, text.size), &err), err);
    ASSERT_OK(smki_submission_finish(submission, &batch, NULL, &err), err);
    smki_submission_close(submission);
    smki_buffer_finish(&text);
    return batch.id;
}

static void fifty_thousand_results_take_the_memory_of_a_few(void **state)
{
    struct home home;
    struct smki_batch batch;
    struct smki_actor actor;
    struct smki_result_stream *stream;
    struct smki_error err = {0};
    uint8_t piece[16384];
    size_t size = sizeof(piece), all = 0, early = 0, most = 0;

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    actor = SYSTEM(&home);
    batch.id = SUBMIT_MANY(&home);
    NOW(&home, "2026-11-23T20:00");
    RUN(&home);
    batch = BATCH(&home, batch.id);
    ASSERT_OK(smki_result_open(&stream, home.service, &actor, &batch, &err), err);
    while (size == sizeof(piece)) {
        size_t now;
        ASSERT_OK(smki_result_read(stream, piece, sizeof(piece), &size, &err), err);
        now = mallinfo2().uordblks;
        early = early != 0 ? early : now;
        most = most > now ? most : now;
        all += size;
    }
    smki_result_close(stream);
    print_message("%zu octets of results; heap in use %zu KiB at the first piece, at most %zu KiB\n", all, early / 1024, most / 1024);
    assert_true(all > SMKI_BATCH_MAX_CSRS * 100UL);
    assert_true(most < early + 65536);
    home_clear(&home);
}

/* ---- answers ---- */

static void every_answer_is_valid(void **state)
{
    char folder[TEST_PATH_SIZE], path[TEST_PATH_SIZE], file[48];
    struct smki_poll poll = {.batch = {.id = 7, .ref = "<&\"\t>"}};
    struct smki_buffer out = {0}, said = {0};
    struct smki_error err = {0};
    size_t count, made = 0;
    const struct smki_refusal *list = smki_refusal_list(&count);

    (void)state;
    test_folder_make(folder);
    for (size_t i = 0; i < count; i++) {
        out.size = 0;
        ASSERT_OK(smki_batch_submit_answer(&out, poll.batch.ref, 0, list[i].code, "]]> & <\x01\xff", &err), err);
        snprintf(file, sizeof(file), "%zu.xml", made++);
        test_write(test_path(path, folder, file), out.at, out.size);
        out.size = 0;
        ASSERT_OK(smki_batch_poll_answer(&out, i % 2 != 0 ? &poll : NULL, list[i].code, NULL, &err), err);
        snprintf(file, sizeof(file), "%zu.xml", made++);
        test_write(test_path(path, folder, file), out.at, out.size);
    }
    for (int state_of = SMKI_STATE_PENDING; state_of <= SMKI_STATE_TAMPERED; state_of++) {
        out.size = 0;
        poll.shown = (enum smki_batch_state)state_of;
        ASSERT_OK(smki_batch_poll_answer(&out, &poll, 0, NULL, &err), err);
        expect_part(&out, smki_batch_state_word(poll.shown));
        snprintf(file, sizeof(file), "%zu.xml", made++);
        test_write(test_path(path, folder, file), out.at, out.size);
    }
    xmllint_folder(&said, folder, "batch-1.0.xsd");
    for (size_t i = 0; i < made; i++) {
        snprintf(file, sizeof(file), "%zu.xml", i);
        if (!xmllint_accepts(&said, file))
            fail_msg("%s: %s", file, (const char *)said.at);
    }
    smki_buffer_finish(&said);
    smki_buffer_finish(&out);
    test_folder_remove(folder);
}

static void a_submission_is_answered_with_its_number(void **state)
{
    struct smki_buffer out = {0};
    struct smki_error err = {0};

    (void)state;
    ASSERT_OK(smki_batch_submit_answer(&out, "mine", 99, 0, NULL, &err), err);
    expect_part(&out, "<SubmitCSRBatchStatus ID=\"mine\">");
    expect_part(&out, "<BatchStatus>PENDING</BatchStatus>\n<BatchId>99</BatchId>");
    expect_valid(&out);
}

static void what_failed_inside_us_has_the_specifications_codes_or_that_of_a_full_disk_and_no_details(void **state)
{
    struct smki_buffer out = {0};
    struct smki_error err = {0};

    (void)state;
    ASSERT_OK(smki_batch_submit_answer(&out, NULL, 0, SMKI_DISK_FULL, "/home/smki: no space", &err), err);
    expect_part(&out, "<ErrorCode>WF:GD1</ErrorCode><ErrorText>the disk is full; nothing was lost");
    expect_valid(&out);
    ASSERT_OK(smki_batch_poll_answer(&out, NULL, SMKI_DISK_FULL, "/home/smki: no space", &err), err);
    expect_part(&out, "<ErrorCode>WF:GD1</ErrorCode><ErrorText>the disk is full; nothing was lost");
    expect_valid(&out);
    ASSERT_OK(smki_batch_submit_answer(&out, NULL, 0, SMKI_IO, "/home/smki: input/output error", &err), err);
    expect_part(&out, "<ErrorCode>WF:BB2</ErrorCode><ErrorText>internal error at submission");
    expect_valid(&out);
    ASSERT_OK(smki_batch_poll_answer(&out, NULL, SMKI_STORE_CORRUPT, "/home/smki: page 7", &err), err);
    expect_part(&out, "<ErrorCode>WF:BB1</ErrorCode><ErrorText>internal error; give");
    expect_valid(&out);
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, smki_batch_poll_answer(&out, NULL, 0, NULL, &err), err);
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, smki_batch_submit_answer(&out, NULL, 0, 0, NULL, &err), err);
}

/* ---- a credential that ends while the upload is under way ---- */

/* How the submission ends when the credential enters this state after its last octet. */
static int SUBMIT_WHILE(struct home *home, uint64_t credential, enum smki_credential_state state, struct smki_error *err)
{
    struct smki_actor actor = SYSTEM(home);
    struct smki_submission *submission;
    struct smki_buffer text = {0};
    struct smki_batch batch;
    int rc;

    actor.credential = credential;
    document_of(&text, requests, 2);
    ASSERT_OK(smki_submission_open(&submission, home->service, &actor, SMKI_BATCH_XML, NULL, err), *err);
    ASSERT_OK(smki_submission_feed(submission, BYTES(text.at, text.size), err), *err);
    CREDENTIAL_IS(home, credential, state);
    rc = smki_submission_finish(submission, &batch, NULL, err);
    smki_submission_close(submission);
    smki_buffer_finish(&text);
    return rc;
}

static void a_credential_suspended_or_revoked_meanwhile_submits_nothing(void **state)
{
    struct home home;
    struct smki_batch batch;
    struct smki_error err = {0};
    uint64_t credential;

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    credential = CREDENTIAL(&home, home.maker.party, "Maker", SMKI_INTERFACE_BATCH);
    EXPECT_REFUSED(SMKI_IKI_SUSPENDED, SUBMIT_WHILE(&home, credential, SMKI_CREDENTIAL_SUSPENDED, &err), err);
    assert_int_equal(recorded(&home, SMKI_ACT_BATCH_SUBMIT, 0, SMKI_IKI_SUSPENDED), 1);
    CREDENTIAL_IS(&home, credential, SMKI_CREDENTIAL_ACTIVE);
    EXPECT_REFUSED(SMKI_IKI_REVOKED, SUBMIT_WHILE(&home, credential, SMKI_CREDENTIAL_REVOKED, &err), err);
    assert_int_equal(recorded(&home, SMKI_ACT_BATCH_SUBMIT, 0, SMKI_IKI_REVOKED), 1);
    assert_int_equal(smki_batch_next(home.service, 0, &batch, &err), SMKI_NOT_FOUND);
    AUDIT_HOLDS(&home);
    home_clear(&home);
}

static void a_good_credential_submits(void **state)
{
    struct home home;
    struct smki_actor actor;
    uint64_t id;

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    actor = SYSTEM(&home);
    actor.credential = CREDENTIAL(&home, home.maker.party, "Maker", SMKI_INTERFACE_BATCH);
    id = SUBMIT_AS(&home, &actor, SMKI_INTERFACE_BATCH, requests, 2);
    assert_int_equal(recorded(&home, SMKI_ACT_BATCH_SUBMIT, id, 0), 1);
    home_clear(&home);
}

/* ---- turns ---- */

static int OPEN_TURN(struct home *home, uint64_t party, struct smki_submission **out, struct smki_verdict *verdict, struct smki_error *err)
{
    struct smki_actor actor = SYSTEM(home);

    actor.party = party != 0 ? party : actor.party;
    return smki_submission_open_turn(out, home->service, &actor, SMKI_BATCH_XML, NULL, verdict, err);
}

static void a_second_submission_waits_for_the_answer_to_the_first(void **state)
{
    struct home home;
    struct smki_submission *first, *second, *others;
    struct smki_verdict verdict;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    ASSERT_OK(OPEN_TURN(&home, 0, &first, &verdict, &err), err);
    assert_true(verdict.allowed && verdict.limit == 1 && verdict.used == 0);
    EXPECT_REFUSED(SMKI_RATE_BATCH_BUSY, OPEN_TURN(&home, 0, &second, &verdict, &err), err);
    assert_true(!verdict.allowed && verdict.limit == 1 && verdict.used == 1);
    ASSERT_TIME(verdict.retry_at, "2026-11-23T14:00:01");
    EXPECT_TEXT(err, "one submission of a Party at a time");
    assert_int_equal(recorded(&home, SMKI_ACT_BATCH_SUBMIT, 0, SMKI_RATE_BATCH_BUSY), 1);
    ASSERT_OK(OPEN_TURN(&home, PARTY(&home, "Another", SMKI_USER_OTHER, SMKI_SUBSCRIBER_DEVICE), &others, &verdict, &err), err);
    smki_submission_close(others);
    smki_submission_close(first);
    ASSERT_OK(OPEN_TURN(&home, 0, &second, NULL, &err), err);
    smki_submission_close(second);
    AUDIT_HOLDS(&home);
    home_clear(&home);
}

/* Ends a submission some time after it was begun. */
static void *close_later(void *submission)
{
    usleep(50 * 1000);
    smki_submission_close(submission);
    return NULL;
}

static int64_t real_time(void)
{
    struct timespec now;

    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return (int64_t)now.tv_sec * SMKI_SECOND + now.tv_nsec / 1000;
}

static void a_turn_that_comes_back_in_a_moment_is_waited_for(void **state)
{
    struct home home;
    struct smki_submission *first, *second;
    struct smki_verdict verdict;
    struct smki_error err = {0};
    pthread_t closer;
    int64_t began;

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    ASSERT_OK(OPEN_TURN(&home, 0, &first, NULL, &err), err);
    assert_int_equal(pthread_create(&closer, NULL, close_later, first), 0);
    ASSERT_OK(OPEN_TURN(&home, 0, &second, &verdict, &err), err);
    assert_true(verdict.allowed && verdict.limit == 1 && verdict.used == 0);
    pthread_join(closer, NULL);
    began = real_time();
    EXPECT_REFUSED(SMKI_RATE_BATCH_BUSY, OPEN_TURN(&home, 0, &first, NULL, &err), err);
    assert_in_range(real_time() - began, 250 * 1000, 10 * SMKI_SECOND); /* loaded machines are slow, but it ends */
    smki_submission_close(second);
    home_clear(&home);
}

static void the_turn_lasts_until_the_answer_is_out(void **state)
{
    struct home home;
    struct smki_submission *first, *second;
    struct smki_buffer text = {0};
    struct smki_batch batch;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    document_of(&text, requests, 2);
    ASSERT_OK(OPEN_TURN(&home, 0, &first, NULL, &err), err);
    ASSERT_OK(smki_submission_feed(first, BYTES(text.at, text.size), &err), err);
    ASSERT_OK(smki_submission_finish(first, &batch, NULL, &err), err);
    EXPECT_REFUSED(SMKI_RATE_BATCH_BUSY, OPEN_TURN(&home, 0, &second, NULL, &err), err);
    smki_submission_close(first);
    ASSERT_OK(OPEN_TURN(&home, 0, &second, NULL, &err), err);
    smki_submission_close(second);
    smki_buffer_finish(&text);
    home_clear(&home);
}

static void the_portal_and_the_operator_take_no_turn(void **state)
{
    struct home home;
    struct smki_submission *first, *portal;
    struct smki_buffer text = {0};
    struct smki_batch batch;
    struct smki_error err = {0};
    char path[TEST_PATH_SIZE];

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    document_of(&text, requests, 2);
    test_write(test_path(path, home.path, "b.xml"), text.at, text.size);
    ASSERT_OK(OPEN_TURN(&home, 0, &first, NULL, &err), err);
    ASSERT_OK(smki_submission_open(&portal, home.service, &home.maker, SMKI_BATCH_ZIP, "a.zip", &err), err);
    ASSERT_OK(smki_batch_submit_file(home.service, &home.maker, path, &batch, NULL, &err), err);
    smki_submission_close(portal);
    smki_submission_close(first);
    smki_buffer_finish(&text);
    home_clear(&home);
}

static void an_agreement_lets_several_in_at_once(void **state)
{
    struct home home;
    struct smki_submission *open[3], *more;
    struct smki_verdict verdict;
    struct smki_agreement agreement = {.rule = SMKI_RULE_BATCH_ONE, .limit = 3, .short_notice = true};
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    agreement.party = home.maker.party;
    agreement.from = AT("2026-11-23T14:00");
    agreement.to = AT("2026-11-23T15:00");
    ASSERT_OK(
        smki_agreement_add(smki_service_store(home.service), &home.operator, & smki_service_config(home.service)->limits, &agreement, &err),
        err);
    for (unsigned i = 0; i < 3; i++) {
        ASSERT_OK(OPEN_TURN(&home, 0, &open[i], &verdict, &err), err);
        assert_true(verdict.limit == 3 && verdict.used == i);
    }
    EXPECT_REFUSED(SMKI_RATE_BATCH_BUSY, OPEN_TURN(&home, 0, &more, &verdict, &err), err);
    assert_true(verdict.limit == 3 && verdict.used == 3);
    smki_submission_close(open[1]);
    ASSERT_OK(OPEN_TURN(&home, 0, &open[1], &verdict, &err), err);
    for (unsigned i = 0; i < 3; i++)
        smki_submission_close(open[i]);
    NOW(&home, "2026-11-23T15:00");
    ASSERT_OK(OPEN_TURN(&home, 0, &open[0], &verdict, &err), err);
    EXPECT_REFUSED(SMKI_RATE_BATCH_BUSY, OPEN_TURN(&home, 0, &more, &verdict, &err), err);
    smki_submission_close(open[0]);
    agreement.limit = SMKI_AGREEMENT_MAX_AT_ONCE + 1;
    EXPECT_REFUSED(
        SMKI_INVALID_ARGUMENT,
        smki_agreement_add(smki_service_store(home.service), &home.operator, & smki_service_config(home.service)->limits, &agreement, &err),
        err);
    home_clear(&home);
}

static void observed_turns_are_let_in_and_recorded_and_off_they_are_not_asked(void **state)
{
    static const char *const modes[] = {"observe", "off"};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct home home;
        struct smki_submission *first, *second;
        struct smki_verdict verdict;
        struct smki_error err = {0};
        char config[64];
        snprintf(config, sizeof(config), "{\"demand.batch_one_mode\": \"%s\"}", modes[i]);
        home_lay(&home, "2026-11-23T14:00", config);
        ASSERT_OK(OPEN_TURN(&home, 0, &first, &verdict, &err), err);
        ASSERT_OK(OPEN_TURN(&home, 0, &second, &verdict, &err), err);
        assert_int_equal(verdict.flagged, i == 0);
        assert_int_equal(recorded(&home, SMKI_ACT_DEMAND_OBSERVED, 0, SMKI_RATE_BATCH_BUSY), i == 0);
        smki_submission_close(second);
        smki_submission_close(first);
        home_clear(&home);
    }
}

/* ---- turns over processes ---- */

/* A process that opens the home for itself and takes the maker's turn; says so through the pipe, and sleeps. */
static pid_t turn_holder(struct home *home)
{
    struct smki_submission *submission;
    struct smki_error err = {0};
    int ends[2];
    char word = 'n';
    pid_t child;

    smki_service_close(home->service); /* a store is opened once a process, and not carried over a fork */
    assert_int_equal(pipe(ends), 0);
    assert_true((child = fork()) >= 0);
    if (child == 0) {
        home->random.state = 99; /* names of its own for its uploads */
        home_open(home);
        word = OPEN_TURN(home, 0, &submission, NULL, &err) == 0 ? 'y' : 'n';
        if (write(ends[1], &word, 1) == 1)
            sleep(60);
        _exit(1);
    }
    assert_int_equal(read(ends[0], &word, 1), 1);
    close(ends[0]);
    close(ends[1]);
    home_open(home);
    assert_int_equal(word, 'y');
    return child;
}

static void a_turn_holds_over_processes_and_ends_with_its_own(void **state)
{
    struct home home;
    struct smki_submission *submission;
    struct smki_error err = {0};
    pid_t child;

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    child = turn_holder(&home);
    EXPECT_REFUSED(SMKI_RATE_BATCH_BUSY, OPEN_TURN(&home, 0, &submission, NULL, &err), err);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    ASSERT_OK(OPEN_TURN(&home, 0, &submission, NULL, &err), err);
    smki_submission_close(submission);
    home_clear(&home);
}

#define PROCESSES 2
#define THREADS   4
#define ROUNDS    60 /* each thread asks so often */

struct hammered {
    char home[TEST_PATH_SIZE];
    struct smki_actor actor;
    _Atomic int inside, most, taken, refused, wrong;
};

struct hammer {
    struct hammered *hammered;
    struct smki_service *service;
};

static void *hammer(void *context)
{
    struct hammer *hammer = context;
    struct hammered *hammered = hammer->hammered;

    for (unsigned i = 0; i < ROUNDS; i++) {
        struct smki_submission *submission;
        struct smki_error err = {0};
        const int rc = smki_submission_open(&submission, hammer->service, &hammered->actor, SMKI_BATCH_XML, NULL, &err);
        if (rc == 0) {
            const int inside = atomic_fetch_add(&hammered->inside, 1) + 1;
            if (inside > atomic_load(&hammered->most))
                atomic_store(&hammered->most, inside);
            usleep(300);
            atomic_fetch_sub(&hammered->inside, 1);
            smki_submission_close(submission);
            atomic_fetch_add(&hammered->taken, 1);
        } else {
            atomic_fetch_add(rc == SMKI_RATE_BATCH_BUSY ? &hammered->refused : &hammered->wrong, 1);
        }
    }
    return NULL;
}

static int hammer_process(struct hammered *hammered)
{
    struct hammer hammer_of = {.hammered = hammered};
    pthread_t threads[THREADS];
    struct smki_error err = {0};

    if (smki_service_open(&hammer_of.service, hammered->home, NULL, &err) != 0)
        return 1;
    for (unsigned i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, hammer, &hammer_of) != 0)
            return 2;
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    smki_service_close(hammer_of.service);
    return 0;
}

static void never_are_two_of_a_party_inside(void **state)
{
    struct hammered *hammered = mmap(NULL, sizeof(*hammered), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct home home;

    (void)state;
    assert_true(hammered != MAP_FAILED);
    home_lay(&home, "2026-11-23T14:00", "{}");
    memcpy(hammered->home, home.path, sizeof(hammered->home));
    hammered->actor = SYSTEM(&home);
    smki_service_close(home.service);
    for (unsigned i = 0; i < PROCESSES; i++) {
        const pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            _exit(hammer_process(hammered));
    }
    for (unsigned i = 0; i < PROCESSES; i++) {
        int status = 0;
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    home_open(&home);
    print_message("%d turns taken, %d refused\n", hammered->taken, hammered->refused);
    assert_int_equal(hammered->most, 1);
    assert_int_equal(hammered->wrong, 0);
    assert_int_equal(hammered->taken + hammered->refused, PROCESSES * THREADS * ROUNDS);
    assert_true(hammered->taken > 0);
    munmap(hammered, sizeof(*hammered));
    home_clear(&home);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepted_before_20_00_it_is_polled_from_22_00_and_released_at_08_00),
        cmocka_unit_test(accepted_at_20_00_it_is_polled_and_released_at_22_00_of_the_next_day),
        cmocka_unit_test(in_march_the_night_has_eleven_hours),
        cmocka_unit_test(in_october_the_night_has_thirteen),
        cmocka_unit_test(while_incomplete_it_is_polled_once_an_hour_after_the_release),
        cmocka_unit_test(a_broken_download_may_be_repeated_and_a_finished_one_not),
        cmocka_unit_test(the_operator_releases_before_time_and_again),
        cmocka_unit_test(results_stay_for_thirty_days),
        cmocka_unit_test(a_rejection_shows_in_the_first_poll_and_stays),
        cmocka_unit_test(refused_polls_do_not_count),
        cmocka_unit_test(off_polls_are_not_limited_but_nothing_is_released_early),
        cmocka_unit_test(observed_polls_are_let_in_and_recorded),
        cmocka_unit_test(every_poll_and_every_delivery_is_recorded),
        cmocka_unit_test(what_is_left_is_told),
        cmocka_unit_test(another_partys_batch_is_as_unknown_as_a_missing_one),
        cmocka_unit_test(numbers_that_no_batch_has_are_unknown),
        cmocka_unit_test(the_stream_is_the_file_octet_for_octet),
        cmocka_unit_test(results_that_are_not_there_cannot_be_opened),
        cmocka_unit_test(fifty_thousand_results_take_the_memory_of_a_few),
        cmocka_unit_test(every_answer_is_valid),
        cmocka_unit_test(a_submission_is_answered_with_its_number),
        cmocka_unit_test(what_failed_inside_us_has_the_specifications_codes_or_that_of_a_full_disk_and_no_details),
        cmocka_unit_test(a_credential_suspended_or_revoked_meanwhile_submits_nothing),
        cmocka_unit_test(a_good_credential_submits),
        cmocka_unit_test(a_second_submission_waits_for_the_answer_to_the_first),
        cmocka_unit_test(a_turn_that_comes_back_in_a_moment_is_waited_for),
        cmocka_unit_test(the_turn_lasts_until_the_answer_is_out),
        cmocka_unit_test(the_portal_and_the_operator_take_no_turn),
        cmocka_unit_test(an_agreement_lets_several_in_at_once),
        cmocka_unit_test(observed_turns_are_let_in_and_recorded_and_off_they_are_not_asked),
        cmocka_unit_test(a_turn_holds_over_processes_and_ends_with_its_own),
        cmocka_unit_test(never_are_two_of_a_party_inside),
    };

    return cmocka_run_group_tests_name("batch_web", tests, group_begin, group_end);
}
