/* The audit log: whatever is changed in it, taken out or put in another order behind the store's back is found, and where. */
#include "store_test.h"

#include <cjson/cJSON.h>
#include <smki/audit.h>

#define RECORDS 40 /* of the log that the tests tamper with: checkpoints at 10, 20, 30, 40 */

struct audit_test {
    struct store_test store; /* first: the verbs of store_test.h take it */
    struct smki_key *key;
};

static struct smki_serial serial_of(uint64_t number)
{
    struct smki_serial serial = {.size = SMKI_SERIAL_SIZE};

    test_serial(serial.octet, number);
    return serial;
}

static int record_add(struct store_change *change, void *argument, struct smki_error *err)
{
    return store_record(change, argument, err);
}

static void add(struct store_test *test, struct smki_audit_record record)
{
    CHANGE(test, record_add, &record);
}

/* What stands for the DER of the certificate with this number. */
static struct smki_bytes der_of(uint64_t number)
{
    static char text[24];

    return BYTES(text, (size_t)snprintf(text, sizeof(text), "der %llu", (unsigned long long)number));
}

static int certificate_add(struct store_change *change, void *argument, struct smki_error *err)
{
    const uint64_t number = *(const uint64_t *)argument;
    struct store_certificate certificate = {.ca = STORE_CA_DCA, .der = der_of(number)};

    test_serial(certificate.serial, number);
    return store_certificate_add(change, &certificate, err);
}

static void add_certificate(struct store_test *test, uint64_t number)
{
    CHANGE(test, certificate_add, &number);
}

static int start(void **state)
{
    struct audit_test *test = calloc(1, sizeof(*test));
    struct store_test *made;

    assert_non_null(test);
    assert_int_equal(test_store_start((void **)&made), 0);
    test->store = *made;
    test_store_close(&test->store);
    free(made);
    test->store.store = NULL;
    test_store_open(&test->store);
    ASSERT_OK(smki_key_generate(&test->key, SMKI_KEY_P256, &smki_random_system, &test->store.err), test->store.err);
    smki_audit_sign_with(test->store.store, test->key, 10);
    for (unsigned i = 0; i < RECORDS; i++)
        add(&test->store, (struct smki_audit_record){.act = SMKI_ACT_RUN, .subject = i, .actor = {.name = "kate"}});
    *state = test;
    return 0;
}

static int end(void **state)
{
    struct audit_test *test = *state;

    smki_store_close(test->store.store);
    test_folder_remove(test->store.folder);
    smki_key_close(test->key);
    free(test);
    return 0;
}

static int verify(struct audit_test *test, struct smki_audit_report *report)
{
    test->store.err = (struct smki_error){0};
    return smki_audit_verify(report, test->store.store, smki_key_public(test->key), NULL, NULL, &test->store.err);
}

/* The log was tampered with while the store was closed: found at `sequence`. */
static void expect_broken_at(struct audit_test *test, uint64_t sequence)
{
    struct smki_audit_report report;

    if (test->store.store == NULL)
        test_store_open(&test->store);
    EXPECT_REFUSED(SMKI_AUDIT_BROKEN, verify(test, &report), test->store.err);
    assert_int_equal(report.first_bad, sequence);
    assert_true(report.text[0] != '\0');
}

static void tamper(struct audit_test *test, const char *database, void (*edit)(MDB_txn *txn, MDB_dbi dbi, void *context), uint64_t sequence)
{
    test_store_close(&test->store);
    test_store_tamper(&test->store, database, edit, &sequence);
}

/* ---- rows ---- */

struct row {
    uint8_t key[8];
    uint8_t value[1024];
    size_t size;
};

static MDB_val key_of(struct row *row, uint64_t sequence)
{
    for (int i = 0; i < 8; i++)
        row->key[7 - i] = (uint8_t)(sequence >> (8 * i));
    return (MDB_val){.mv_data = row->key, .mv_size = 8};
}

static struct row row_of(MDB_txn *txn, MDB_dbi dbi, uint64_t sequence)
{
    struct row row;
    MDB_val key = key_of(&row, sequence), value;

    assert_int_equal(mdb_get(txn, dbi, &key, &value), 0);
    assert_true(value.mv_size <= sizeof(row.value));
    memcpy(row.value, value.mv_data, value.mv_size);
    row.size = value.mv_size;
    return row;
}

static void row_set(MDB_txn *txn, MDB_dbi dbi, uint64_t sequence, struct row row)
{
    MDB_val key = key_of(&row, sequence), value = {.mv_data = row.value, .mv_size = row.size};

    assert_int_equal(mdb_put(txn, dbi, &key, &value, 0), 0);
}

static void remove_row(MDB_txn *txn, MDB_dbi dbi, void *context)
{
    struct row row;
    MDB_val key = key_of(&row, *(uint64_t *)context);

    assert_int_equal(mdb_del(txn, dbi, &key, NULL), 0);
}

static void swap_rows(MDB_txn *txn, MDB_dbi dbi, void *context)
{
    uint64_t sequence = *(uint64_t *)context;
    struct row one = row_of(txn, dbi, sequence), two = row_of(txn, dbi, sequence + 1);

    row_set(txn, dbi, sequence, two);
    row_set(txn, dbi, sequence + 1, one);
}

static void repeat_row(MDB_txn *txn, MDB_dbi dbi, void *context)
{
    uint64_t sequence = *(uint64_t *)context;

    row_set(txn, dbi, sequence + 1, row_of(txn, dbi, sequence));
}

/* ---- what is whole ---- */

static void a_log_as_it_was_written_verifies(void **state)
{
    struct audit_test *test = *state;
    struct smki_audit_report report;

    ASSERT_OK(verify(test, &report), test->store.err);
    assert_int_equal(report.records, RECORDS);
    assert_int_equal(report.checkpoints, 4);
    assert_int_equal(report.first_bad, 0);
}

static void an_empty_log_verifies(void **state)
{
    struct audit_test *test = *state;
    struct smki_audit_report report;

    test_store_close(&test->store);
    test_folder_remove(test->store.folder);
    assert_int_equal(mkdir(test->store.folder, 0700), 0);
    ASSERT_OK(smki_store_create(test->store.folder, &test->store.err), test->store.err);
    test_store_open(&test->store);
    ASSERT_OK(verify(test, &report), test->store.err);
    assert_int_equal(report.records, 0);
}

static void a_log_of_many_pages_verifies_and_tells_how_far_it_is(void **state)
{
    struct audit_test *test = *state;
    struct smki_audit_report report;

    for (unsigned i = 0; i < 2100; i++)
        add(&test->store, (struct smki_audit_record){.act = SMKI_ACT_RUN});
    ASSERT_OK(verify(test, &report), test->store.err);
    assert_int_equal(report.records, RECORDS + 2100);
}

static bool stop(void *context, uint64_t done, uint64_t all)
{
    (void)context;
    assert_int_equal(done, RECORDS);
    assert_int_equal(all, RECORDS);
    return false;
}

static void verification_stops_when_it_is_told_to(void **state)
{
    struct audit_test *test = *state;
    struct smki_audit_report report;

    EXPECT_REFUSED(SMKI_INTERRUPTED,
                   smki_audit_verify(&report, test->store.store, smki_key_public(test->key), stop, NULL, &test->store.err),
                   test->store.err);
}

/* ---- what is not ---- */

struct octet {
    uint64_t sequence;
    size_t at;
};

static void flip(MDB_txn *txn, MDB_dbi dbi, void *context)
{
    const struct octet *octet = context;
    struct row row = row_of(txn, dbi, octet->sequence);

    row.value[octet->at % row.size] ^= 1;
    row_set(txn, dbi, octet->sequence, row);
}

static size_t size_of_row(struct audit_test *test, const char *database, uint64_t sequence)
{
    struct store_checkpoint checkpoint;
    struct smki_bytes octets = {0};
    uint64_t before = sequence - 1;
    VIEW(&test->store);

    if (strcmp(database, "records") == 0)
        ASSERT_OK(store_record_raw(view, sequence, &octets, &test->store.err), test->store.err);
    else
        ASSERT_OK(store_checkpoint_next(view, &before, &checkpoint, &test->store.err), test->store.err);
    VIEW_END;
    return octets.size != 0 ? octets.size + 32 : 1 + 8 + 8 + 32 + 2 + checkpoint.signature.size;
}

static void any_changed_octet_of_a_row_is_found(struct audit_test *test, const char *database, uint64_t sequence)
{
    size_t size = size_of_row(test, database, sequence);

    for (size_t i = 0; i < size; i++) {
        struct octet octet = {.sequence = sequence, .at = i};
        test_store_close(&test->store);
        test_store_tamper(&test->store, database, flip, &octet);
        expect_broken_at(test, sequence);
        test_store_close(&test->store);
        test_store_tamper(&test->store, database, flip, &octet);
    }
    test_store_open(&test->store);
}

static void any_changed_octet_of_a_record_is_found(void **state)
{
    any_changed_octet_of_a_row_is_found(*state, "records", 17);
}

static void any_changed_octet_of_a_checkpoint_is_found(void **state)
{
    any_changed_octet_of_a_row_is_found(*state, "checkpoints", 20);
}

static void a_record_taken_out_of_the_middle_is_found(void **state)
{
    tamper(*state, "records", remove_row, 23);
    expect_broken_at(*state, 23);
}

static void the_newest_record_taken_away_is_found(void **state)
{
    tamper(*state, "records", remove_row, RECORDS);
    expect_broken_at(*state, RECORDS);
}

static void two_records_in_each_others_place_are_found(void **state)
{
    tamper(*state, "records", swap_rows, 12);
    expect_broken_at(*state, 12);
}

static void a_record_added_after_the_head_is_found(void **state)
{
    tamper(*state, "records", repeat_row, RECORDS);
    expect_broken_at(*state, RECORDS + 1);
}

/* With the newest records gone, an earlier checkpoint is signed and would do for a head. */
static void checkpoint_as_head(MDB_txn *txn, MDB_dbi dbi, void *context)
{
    MDB_dbi checkpoints;
    struct row row;
    MDB_val key = {.mv_data = "head", .mv_size = 4}, value;

    (void)context;
    assert_int_equal(mdb_dbi_open(txn, "checkpoints", 0, &checkpoints), 0);
    row = row_of(txn, checkpoints, 30);
    value = (MDB_val){.mv_data = row.value, .mv_size = row.size};
    assert_int_equal(mdb_put(txn, dbi, &key, &value, 0), 0);
}

static void a_log_cut_back_to_a_checkpoint_is_found_by_the_later_one(void **state)
{
    struct audit_test *test = *state;

    for (uint64_t sequence = RECORDS; sequence > 30; sequence--)
        tamper(test, "records", remove_row, sequence);
    tamper(test, "meta", checkpoint_as_head, 0);
    expect_broken_at(test, 31);
}

static void a_log_signed_by_another_key_is_refused(void **state)
{
    struct audit_test *test = *state;
    struct smki_audit_report report;
    struct smki_key *other;

    ASSERT_OK(smki_key_generate(&other, SMKI_KEY_P256, &smki_random_system, &test->store.err), test->store.err);
    EXPECT_REFUSED(SMKI_AUDIT_BROKEN, smki_audit_verify(&report, test->store.store, smki_key_public(other), NULL, NULL, &test->store.err),
                   test->store.err);
    assert_int_equal(report.first_bad, 10);
    smki_key_close(other);
}

static void a_head_that_is_not_signed_is_refused(void **state)
{
    struct audit_test *test = *state;

    smki_audit_sign_with(test->store.store, NULL, 0);
    add(&test->store, (struct smki_audit_record){.act = SMKI_ACT_RUN});
    expect_broken_at(test, RECORDS + 1);
}

static void a_key_that_is_none_is_refused(void **state)
{
    struct audit_test *test = *state;
    struct smki_audit_report report;

    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, smki_audit_verify(&report, test->store.store, BYTES("key", 3), NULL, NULL, &test->store.err),
                   test->store.err);
}

/* ---- certificates against their records ---- */

static struct smki_audit_record decision(uint64_t number, uint32_t index, int outcome)
{
    return (struct smki_audit_record){
        .act = SMKI_ACT_CSR_DECIDE, .subject = 1, .index = index, .outcome = outcome, .serial = serial_of(number)};
}

/* The certificate of one request was made: this one. */
static struct smki_audit_record issue(uint64_t number)
{
    struct smki_audit_record record = {.act = SMKI_ACT_CERTIFICATE_ISSUE, .serial = serial_of(number)};
    struct smki_bytes der = der_of(number);
    uint8_t digest[SHA256_SIZE];
    char hex[2 * SHA256_SIZE + 1];

    sha256(digest, der.at, der.size);
    snprintf(record.detail, sizeof(record.detail), "device: issued, sha256 %s", hex_encode(hex, digest, sizeof(digest)));
    return record;
}

/* The certificates of a chunk of batch 1 were made: these, up to a 0. */
static struct smki_audit_record chunk_issue(uint32_t first, uint32_t last, const uint64_t *numbers)
{
    struct smki_audit_record record = {.act = SMKI_ACT_CHUNK_ISSUE, .subject = 1, .index = first};
    struct sha256_stream stream;
    uint8_t digest[SHA256_SIZE];
    char hex[2 * SHA256_SIZE + 1];
    unsigned count = 0;

    sha256_start(&stream);
    for (; numbers[count] != 0; count++)
        sha256_add(&stream, der_of(numbers[count]).at, der_of(numbers[count]).size);
    sha256_end(&stream, digest);
    snprintf(record.detail, sizeof(record.detail), "chunk 0: CSRs %u to %u, %u certificates, sha256 %s", first, last, count,
             hex_encode(hex, digest, sizeof(digest)));
    return record;
}

#define CHUNK(first, last, ...) chunk_issue((first), (last), (const uint64_t[]){__VA_ARGS__, 0})

static int batch_put(struct store_change *change, void *argument, struct smki_error *err)
{
    struct smki_batch batch = {.id = 1, .state = *(const enum smki_batch_state *)argument};

    return store_batch_put(change, &batch, err);
}

static void batch_is(struct store_test *test, enum smki_batch_state state)
{
    CHANGE(test, batch_put, &state);
}

static void a_certificate_without_a_record_is_found(void **state)
{
    struct audit_test *test = *state;

    add(&test->store, decision(1, 0, 0));
    add_certificate(&test->store, 1);
    add(&test->store, issue(1));
    add_certificate(&test->store, 2);
    expect_broken_at(test, RECORDS + 3);
    EXPECT_TEXT(test->store.err, "2 certificates");
}

static void a_certificate_named_twice_does_not_stand_for_another(void **state)
{
    struct audit_test *test = *state;

    add(&test->store, decision(1, 0, 0));
    add_certificate(&test->store, 1);
    add(&test->store, issue(1));
    add(&test->store, issue(1));
    add_certificate(&test->store, 2);
    expect_broken_at(test, RECORDS + 4);
}

static void a_refusal_does_not_stand_for_a_certificate(void **state)
{
    struct audit_test *test = *state;

    add(&test->store, decision(1, 0, SMKI_CSR_DUPLICATE));
    add_certificate(&test->store, 1);
    expect_broken_at(test, RECORDS + 2);
}

static void an_issued_certificate_that_is_gone_is_found_at_its_record(void **state)
{
    struct audit_test *test = *state;

    add(&test->store, issue(1));
    expect_broken_at(test, RECORDS + 1);
    EXPECT_TEXT(test->store.err, "is not in the store");
}

static void a_granted_csr_waits_for_its_certificate_until_its_batch_is_completed(void **state)
{
    struct audit_test *test = *state;
    struct smki_audit_report report;

    batch_is(&test->store, SMKI_STATE_PROCESSING);
    add(&test->store, decision(1, 1, 0));
    ASSERT_OK(verify(test, &report), test->store.err);
    batch_is(&test->store, SMKI_STATE_COMPLETED);
    expect_broken_at(test, RECORDS + 1);
    add_certificate(&test->store, 1);
    add(&test->store, CHUNK(1, 1, 1));
    ASSERT_OK(verify(test, &report), test->store.err);
}

static void a_voided_csr_has_no_certificate(void **state)
{
    struct audit_test *test = *state;
    struct smki_audit_report report;

    batch_is(&test->store, SMKI_STATE_COMPLETED);
    add(&test->store, decision(1, 1, 0));
    add(&test->store, (struct smki_audit_record){.act = SMKI_ACT_CSR_VOID, .outcome = SMKI_CA_KEY_UNAVAILABLE, .serial = serial_of(1)});
    ASSERT_OK(verify(test, &report), test->store.err);
    add_certificate(&test->store, 1);
    expect_broken_at(test, RECORDS + 2);
}

static struct smki_audit_record voided(uint64_t number, uint32_t index)
{
    struct smki_audit_record record = {.act = SMKI_ACT_CSR_VOID, .subject = 1, .index = index, .outcome = SMKI_LINT_FAILED};

    if (number != 0)
        record.serial = serial_of(number);
    return record;
}

static void chunks_completed_in_any_order_with_refused_and_void_csrs_verify(void **state)
{
    struct audit_test *test = *state;
    struct smki_audit_report report;
    struct smki_audit_record refused = decision(0, 2, SMKI_CSR_DUPLICATE);

    refused.serial.size = 0;
    batch_is(&test->store, SMKI_STATE_PROCESSING);
    add(&test->store, decision(1, 1, 0));
    add(&test->store, refused);
    add(&test->store, decision(3, 3, 0));
    add(&test->store, decision(5, 4, 0)); /* the next chunk: 4 to 6 */
    add(&test->store, decision(6, 5, 0));
    add(&test->store, decision(7, 6, 0));
    add(&test->store, decision(8, 7, 0)); /* a chunk that is in flight: 7 */
    add_certificate(&test->store, 5);
    add_certificate(&test->store, 7);
    add(&test->store, voided(6, 5));
    add(&test->store, CHUNK(4, 6, 5, 7));
    ASSERT_OK(verify(test, &report), test->store.err);
    add_certificate(&test->store, 1);
    add(&test->store, voided(0, 3)); /* named by batch and place alone */
    add(&test->store, CHUNK(1, 3, 1));
    ASSERT_OK(verify(test, &report), test->store.err);
    add(&test->store, voided(0, 7));
    add(&test->store, chunk_issue(7, 7, (const uint64_t[]){0}));
    batch_is(&test->store, SMKI_STATE_COMPLETED);
    ASSERT_OK(verify(test, &report), test->store.err);
}

static void a_chunk_with_another_certificate_is_found_and_named(void **state)
{
    struct audit_test *test = *state;

    batch_is(&test->store, SMKI_STATE_PROCESSING);
    add(&test->store, decision(1, 1, 0));
    add(&test->store, decision(2, 2, 0));
    add_certificate(&test->store, 1);
    add_certificate(&test->store, 2);
    add(&test->store, CHUNK(1, 2, 2, 1)); /* the right ones in the wrong order */
    expect_broken_at(test, RECORDS + 3);
    EXPECT_TEXT(test->store.err, "chunk 0 of batch 1 (CSRs 1 to 2, 2 certificates)");
}

static void a_certificate_of_a_chunk_that_is_gone_is_found_at_the_chunks_record(void **state)
{
    struct audit_test *test = *state;

    batch_is(&test->store, SMKI_STATE_PROCESSING);
    add(&test->store, decision(1, 1, 0));
    add(&test->store, CHUNK(1, 1, 1));
    expect_broken_at(test, RECORDS + 2);
    EXPECT_TEXT(test->store.err, "of CSR 1 is not in the store");
}

static void a_chunk_of_more_certificates_than_were_granted_is_found(void **state)
{
    struct audit_test *test = *state;

    batch_is(&test->store, SMKI_STATE_PROCESSING);
    add(&test->store, decision(1, 1, 0));
    add_certificate(&test->store, 1);
    add(&test->store, CHUNK(1, 2, 1, 2));
    expect_broken_at(test, RECORDS + 2);
}

static void a_certificate_that_is_there_before_the_record_of_it_is_found(void **state)
{
    struct audit_test *test = *state;
    struct smki_audit_report report;

    add(&test->store, decision(1, 0, 0)); /* a request cut off before it was signed */
    ASSERT_OK(verify(test, &report), test->store.err);
    add_certificate(&test->store, 1);
    expect_broken_at(test, RECORDS + 1);
    add(&test->store, issue(1));
    ASSERT_OK(verify(test, &report), test->store.err);
}

static void a_single_certificate_that_is_another_is_found(void **state)
{
    struct audit_test *test = *state;
    struct smki_audit_record other = issue(2);

    other.serial = serial_of(1);
    add(&test->store, decision(1, 0, 0));
    add_certificate(&test->store, 1);
    add(&test->store, other);
    expect_broken_at(test, RECORDS + 2);
    EXPECT_TEXT(test->store.err, "is not the one that was made");
}

/* How a record of a chunk is spoiled: `from` in its detail becomes `to`. */
static const struct {
    const char *from, *to;
} spoilt_chunks[] = {
    {"CSRs 1", "CSRs 0"},
    {"CSRs 1", "CSRs 2"},
    {"CSRs 1", "CSRs  1"},
    {"CSRs 1", "CSRs 01"},
    {"to 1", "to 0"},
    {"chunk 0", "Chunk 0"},
    {"chunk 0", "chunk 00"},
    {"chunk 0", "chunk -0"},
    {"sha256 ", "sha256  "},
    {"sha256 ", "sha256 0"},
    {", sha256", ""},
    {"1 certificates", "2 certificates"},
    {"1 certificates", "99999999999 certificates"},
};

static void a_chunks_record_in_any_other_form_is_found(void **state)
{
    struct audit_test *test = *state;

    for (size_t i = 0; i < TEST_COUNT(spoilt_chunks); i++) {
        struct smki_audit_record record = CHUNK(1, 1, 1);
        char detail[2 * SMKI_AUDIT_DETAIL_SIZE], *at = strstr(record.detail, spoilt_chunks[i].from);
        struct store_test *store = &test->store;

        assert_non_null(at);
        snprintf(detail, sizeof(detail), "%.*s%s%s", (int)(at - record.detail), record.detail, spoilt_chunks[i].to,
                 at + strlen(spoilt_chunks[i].from));
        snprintf(record.detail, sizeof(record.detail), "%.255s", detail);
        batch_is(store, SMKI_STATE_PROCESSING);
        add(store, decision(1, 1, 0));
        add_certificate(store, 1);
        add(store, record);
        expect_broken_at(test, RECORDS + 2);
        end(state);
        start(state);
        test = *state;
    }
}

static void a_single_certificates_record_without_its_digest_is_found(void **state)
{
    static const char *const details[] = {"", "device: issued", "device: issued, sha256 00", ", sha256 "};
    struct audit_test *test = *state;

    for (size_t i = 0; i < TEST_COUNT(details); i++) {
        struct smki_audit_record record = issue(1);

        snprintf(record.detail, sizeof(record.detail), "%s", details[i]);
        add(&test->store, decision(1, 0, 0));
        add_certificate(&test->store, 1);
        add(&test->store, record);
        expect_broken_at(test, RECORDS + 2);
        EXPECT_TEXT(test->store.err, "no digest");
        end(state);
        start(state);
        test = *state;
    }
}

/* ---- what others can check ---- */

static void the_head_is_signed_over_a_text_that_openssl_can_make(void **state)
{
    struct audit_test *test = *state;
    char path[4][TEST_PATH_SIZE], command[4 * TEST_PATH_SIZE], hex[65], text[160];
    struct store_checkpoint head;
    int size;
    VIEW(&test->store);

    ASSERT_OK(store_head(view, &head, &test->store.err), test->store.err);
    for (int i = 0; i < 32; i++)
        snprintf(hex + 2 * i, 3, "%02x", head.hash[i]);
    size = snprintf(text, sizeof(text), "libsmki audit head\n%d\n%s\n", RECORDS, hex);
    test_write(test_path(path[0], test->store.folder, "text"), text, (size_t)size);
    test_write(test_path(path[1], test->store.folder, "signature"), head.signature.at, head.signature.size);
    test_write(test_path(path[2], test->store.folder, "key"), smki_key_public(test->key).at, smki_key_public(test->key).size);
    VIEW_END;
    if (system("openssl version >/dev/null 2>&1") != 0)
        skip();
    snprintf(command, sizeof(command), "openssl dgst -sha256 -keyform DER -verify %s -signature %s %s >/dev/null", path[2], path[1],
             path[0]);
    assert_int_equal(system(command), 0);
}

static void the_export_has_a_line_of_json_for_each_record(void **state)
{
    static const char *const members[][2] = {
        {"time", "2026-11-23T20:00:00.000000Z"},
        {"act", "csr-decide"},
        {"actor", "kate"},
        {"interface", "batch"},
        {"network", "gateway"},
        {"outcome", "CSR_DUPLICATE"},
        {"code", "CR:9999"},
        {"detail", "meter \"9\""},
        {"device", "90-B3-D5-1F-30-01-00-00"},
        {"serial", "06000000000000010000000000000001"},
    };
    struct audit_test *test = *state;
    struct smki_buffer text = {0};
    char path[TEST_PATH_SIZE], *line;
    size_t lines = 0;
    cJSON *json;
    int fd;

    add(&test->store,
        (struct smki_audit_record){.act = SMKI_ACT_CSR_DECIDE,
                                   .outcome = SMKI_CSR_DUPLICATE,
                                   .detail = "meter \"9\"",
                                   .serial = serial_of(1),
                                   .device_id = {{0x90, 0xb3, 0xd5, 0x1f, 0x30, 0x01, 0, 0}},
                                   .actor = {.name = "kate", .interface = SMKI_INTERFACE_BATCH, .network = SMKI_NETWORK_GATEWAY}});
    assert_true((fd = open(test_path(path, test->store.folder, "export"), O_WRONLY | O_CREAT, 0600)) >= 0);
    ASSERT_OK(smki_audit_export(test->store.store, fd, &test->store.err), test->store.err);
    close(fd);
    test_read(&text, path);
    ASSERT_OK(smki_buffer_append(&text, "", 1, &test->store.err), test->store.err);
    for (line = strtok((char *)text.at, "\n"); line != NULL && ++lines <= RECORDS; line = strtok(NULL, "\n"))
        ;
    assert_int_equal(lines, RECORDS + 1);
    assert_non_null(json = cJSON_Parse(line));
    assert_int_equal(cJSON_GetObjectItem(json, "sequence")->valuedouble, RECORDS + 1);
    for (size_t i = 0; i < TEST_COUNT(members); i++)
        assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(json, members[i][0])), members[i][1]);
    assert_int_equal(strlen(cJSON_GetStringValue(cJSON_GetObjectItem(json, "hash"))), 64);
    cJSON_Delete(json);
    smki_buffer_finish(&text);
}

static void a_text_that_was_cut_inside_a_character_is_utf8_in_the_export(void **state)
{
    struct audit_test *test = *state;
    struct smki_audit_record record = {.act = SMKI_ACT_BACKUP, .actor = {.name = "kate\xc3"}}, found;
    char path[TEST_PATH_SIZE], text[400] = "x", command[2 * TEST_PATH_SIZE];
    int fd;

    while (strlen(text) < sizeof(text) - 3)
        strcat(text, "\xc3\xa9");
    snprintf(record.detail, sizeof(record.detail), "%.*s", 254, text); /* ends with the first octet of the last character */
    add(&test->store, record);
    snprintf(record.detail, sizeof(record.detail), "a \xe9 b"); /* Latin-1 */
    add(&test->store, record);
    ASSERT_OK(smki_audit_find(test->store.store, RECORDS + 1, &found, &test->store.err), test->store.err);
    assert_int_equal(strlen(found.detail), 253);
    assert_string_equal(found.actor.name, "kate");
    ASSERT_OK(smki_audit_find(test->store.store, RECORDS + 2, &found, &test->store.err), test->store.err);
    assert_string_equal(found.detail, "a ? b");
    assert_true((fd = open(test_path(path, test->store.folder, "export"), O_WRONLY | O_CREAT, 0600)) >= 0);
    ASSERT_OK(smki_audit_export(test->store.store, fd, &test->store.err), test->store.err);
    close(fd);
    snprintf(command, sizeof(command), "iconv -f UTF-8 -t UTF-8 '%s' >/dev/null", path);
    assert_int_equal(system(command), 0);
}

static void an_export_that_cannot_be_written_says_so(void **state)
{
    struct audit_test *test = *state;
    int fd = open("/dev/full", O_WRONLY);

    assert_true(fd >= 0);
    EXPECT_REFUSED(SMKI_DISK_FULL, smki_audit_export(test->store.store, fd, &test->store.err), test->store.err);
    close(fd);
}

#define AUDIT_TEST(function) cmocka_unit_test_setup_teardown(function, start, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        AUDIT_TEST(a_log_as_it_was_written_verifies),
        AUDIT_TEST(an_empty_log_verifies),
        AUDIT_TEST(a_log_of_many_pages_verifies_and_tells_how_far_it_is),
        AUDIT_TEST(verification_stops_when_it_is_told_to),
        AUDIT_TEST(any_changed_octet_of_a_record_is_found),
        AUDIT_TEST(any_changed_octet_of_a_checkpoint_is_found),
        AUDIT_TEST(a_record_taken_out_of_the_middle_is_found),
        AUDIT_TEST(the_newest_record_taken_away_is_found),
        AUDIT_TEST(two_records_in_each_others_place_are_found),
        AUDIT_TEST(a_record_added_after_the_head_is_found),
        AUDIT_TEST(a_log_cut_back_to_a_checkpoint_is_found_by_the_later_one),
        AUDIT_TEST(a_log_signed_by_another_key_is_refused),
        AUDIT_TEST(a_head_that_is_not_signed_is_refused),
        AUDIT_TEST(a_key_that_is_none_is_refused),
        AUDIT_TEST(a_certificate_without_a_record_is_found),
        AUDIT_TEST(a_certificate_named_twice_does_not_stand_for_another),
        AUDIT_TEST(a_refusal_does_not_stand_for_a_certificate),
        AUDIT_TEST(an_issued_certificate_that_is_gone_is_found_at_its_record),
        AUDIT_TEST(a_granted_csr_waits_for_its_certificate_until_its_batch_is_completed),
        AUDIT_TEST(a_voided_csr_has_no_certificate),
        AUDIT_TEST(chunks_completed_in_any_order_with_refused_and_void_csrs_verify),
        AUDIT_TEST(a_chunk_with_another_certificate_is_found_and_named),
        AUDIT_TEST(a_certificate_of_a_chunk_that_is_gone_is_found_at_the_chunks_record),
        AUDIT_TEST(a_chunk_of_more_certificates_than_were_granted_is_found),
        AUDIT_TEST(a_certificate_that_is_there_before_the_record_of_it_is_found),
        AUDIT_TEST(a_single_certificate_that_is_another_is_found),
        AUDIT_TEST(a_chunks_record_in_any_other_form_is_found),
        AUDIT_TEST(a_single_certificates_record_without_its_digest_is_found),
        AUDIT_TEST(the_head_is_signed_over_a_text_that_openssl_can_make),
        AUDIT_TEST(the_export_has_a_line_of_json_for_each_record),
        AUDIT_TEST(a_text_that_was_cut_inside_a_character_is_utf8_in_the_export),
        AUDIT_TEST(an_export_that_cannot_be_written_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
