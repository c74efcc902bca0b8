/* Every noun of the store: what is put is what is got, lists are in order and end, and what is not there is said so. */
#include "store/engine_i.h"
#include "store_test.h"

/* ---- numbers and serials ---- */

static int numbers(struct store_change *change, void *argument, struct smki_error *err)
{
    uint64_t *out = argument;
    int rc;

    if ((rc = store_next_number(change, STORE_COUNT_BATCH, &out[0], err)) != 0 ||
        (rc = store_next_number(change, STORE_COUNT_BATCH, &out[1], err)) != 0)
        return rc;
    return store_next_number(change, STORE_COUNT_PARTY, &out[2], err);
}

static void numbers_of_each_counter_start_at_1_and_have_no_gap(void **state)
{
    struct store_test *test = *state;
    uint64_t out[3];

    CHANGE(test, numbers, out);
    assert_int_equal(out[0], 1);
    assert_int_equal(out[1], 2);
    assert_int_equal(out[2], 1);
    CHANGE(test, numbers, out);
    assert_int_equal(out[1], 4);
}

struct reservation {
    size_t count;
    uint64_t first;
};

static int reserve(struct store_change *change, void *argument, struct smki_error *err)
{
    struct reservation *reservation = argument;

    return store_reserve_serials(change, reservation->count, &reservation->first, err);
}

static void serials_grow_even_when_the_clock_goes_back(void **state)
{
    struct store_test *test = *state;
    struct reservation one = {.count = 1000}, two = {.count = 1}, three = {.count = 1};

    CHANGE(test, reserve, &one);
    assert_int_equal(one.first, (uint64_t)AT("2026-11-23T20:00").us * 256);
    test_clock_set(&test->clock, AT("2020-01-01"));
    CHANGE(test, reserve, &two);
    assert_int_equal(two.first, one.first + 1000);
    test_clock_set(&test->clock, AT("2026-11-23T20:01"));
    CHANGE(test, reserve, &three);
    assert_true(three.first > two.first);
}

static void serials_begin_with_an_octet_that_is_neither_zero_nor_negative(void **state)
{
    struct store_test *test = *state;
    struct reservation early = {.count = 1};

    test_clock_set(&test->clock, (struct smki_time){0});
    CHANGE(test, reserve, &early);
    assert_true(early.first >> 56 != 0 && early.first >> 63 == 0);
}

static void serials_that_run_out_are_refused(void **state)
{
    struct store_test *test = *state;
    struct reservation many = {.count = SIZE_MAX}, none = {0};

    EXPECT_REFUSED(SMKI_SERIALS_EXHAUSTED, store_change(test->store, reserve, &many, &test->err), test->err);
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, store_change(test->store, reserve, &none, &test->err), test->err);
}

/* ---- documents and names ---- */

static int documents(struct store_change *change, void *argument, struct smki_error *err)
{
    int rc;

    (void)argument;
    if ((rc = store_document_put(change, STORE_PARTY, 2, BYTES("{2}", 3), err)) != 0 ||
        (rc = store_document_put(change, STORE_PARTY, 300, BYTES("{300}", 5), err)) != 0 ||
        (rc = store_document_put(change, STORE_OFFICER, 1, BYTES("{o}", 3), err)) != 0)
        return rc;
    return store_document_put(change, STORE_PARTY, 2, BYTES("{two}", 5), err);
}

static void documents_are_listed_by_kind_in_the_order_of_numbers(void **state)
{
    struct store_test *test = *state;
    struct smki_bytes json;
    uint64_t number = 0;

    CHANGE(test, documents, NULL);
    VIEW(test);
    ASSERT_OK(store_document_get(view, STORE_PARTY, 2, &json, &test->err), test->err);
    ASSERT_BYTES(json, "{two}", 5);
    EXPECT_REFUSED(SMKI_NOT_FOUND, store_document_get(view, STORE_PARTY, 3, &json, &test->err), test->err);
    assert_int_equal(store_document_next(view, STORE_PARTY, &number, &json, NULL), 0);
    assert_int_equal(number, 2);
    assert_int_equal(store_document_next(view, STORE_PARTY, &number, &json, NULL), 0);
    assert_int_equal(number, 300);
    assert_int_equal(store_document_next(view, STORE_PARTY, &number, &json, NULL), SMKI_NOT_FOUND);
    VIEW_END;
}

static int name_put(struct store_change *change, void *argument, struct smki_error *err)
{
    (void)argument;
    return store_name_put(change, STORE_NAME_EUI, BYTES("\x90\xb3\xd5\x1f\x30\x01\x00\x00", 8), 7, err);
}

static int name_remove(struct store_change *change, void *argument, struct smki_error *err)
{
    (void)argument;
    return store_name_remove(change, STORE_NAME_EUI, BYTES("\x90\xb3\xd5\x1f\x30\x01\x00\x00", 8), err);
}

static void a_name_leads_to_its_number_until_it_is_removed(void **state)
{
    struct store_test *test = *state;
    struct smki_bytes eui = BYTES("\x90\xb3\xd5\x1f\x30\x01\x00\x00", 8);
    uint64_t number = 0;

    CHANGE(test, name_put, NULL);
    {
        VIEW(test);
        ASSERT_OK(store_name_find(view, STORE_NAME_EUI, eui, &number, &test->err), test->err);
        assert_int_equal(number, 7);
        assert_int_equal(store_name_find(view, STORE_NAME_CREDENTIAL, eui, &number, NULL), SMKI_NOT_FOUND);
        VIEW_END;
    }
    CHANGE(test, name_remove, NULL);
    EXPECT_REFUSED(SMKI_NOT_FOUND, store_change(test->store, name_remove, NULL, &test->err), test->err);
}

static int name_put_long(struct store_change *change, void *argument, struct smki_error *err)
{
    static const uint8_t name[600];

    return store_name_put(change, STORE_NAME_CREDENTIAL_CN, BYTES(name, *(size_t *)argument), 1, err);
}

static void a_name_too_long_for_a_key_is_refused(void **state)
{
    struct store_test *test = *state;
    size_t fits = 510, not = 511;

    CHANGE(test, name_put_long, &fits);
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, store_change(test->store, name_put_long, &not, &test->err), test->err);
}

/* ---- devices ---- */

static const struct smki_device meter = {
    .id = {{0x90, 0xb3, 0xd5, 0x1f, 0x30, 0x01, 0, 0}},
    .type = SMKI_TYPE_GPF,
    .status = SMKI_SMI_WITHDRAWN,
    .import_supplier = UINT64_C(0x0102030405060708),
    .gas_supplier = 9,
    .certificate_limit = 250,
};

static int device_put(struct store_change *change, void *argument, struct smki_error *err)
{
    (void)argument;
    return store_device_put(change, &meter, err);
}

static void a_device_is_got_as_it_was_put(void **state)
{
    struct store_test *test = *state;
    struct smki_device got;
    struct smki_device_id after = {0};

    CHANGE(test, device_put, NULL);
    VIEW(test);
    ASSERT_OK(store_device_get(view, &meter.id, &got, &test->err), test->err);
    assert_int_equal(got.type, meter.type);
    assert_int_equal(got.status, meter.status);
    assert_int_equal(got.import_supplier, meter.import_supplier);
    assert_int_equal(got.gas_supplier, meter.gas_supplier);
    assert_int_equal(got.certificate_limit, meter.certificate_limit);
    assert_int_equal(store_device_get(view, &(struct smki_device_id){{1}}, &got, NULL), SMKI_NOT_FOUND);
    ASSERT_OK(store_device_next(view, &after, &got, &test->err), test->err);
    assert_memory_equal(&got.id, &meter.id, sizeof(meter.id));
    assert_int_equal(store_device_next(view, &after, &got, NULL), SMKI_NOT_FOUND);
    VIEW_END;
}

/* ---- claims ---- */

static struct store_claim claim_of(uint8_t device, uint64_t serial, uint8_t print)
{
    struct store_claim claim = {.device_id = {{0x90, device}}, .key_usage = 0x80, .key_print = {print, 1, 2, 3}};

    test_serial(claim.serial, serial);
    return claim;
}

static int claim_add(struct store_change *change, void *argument, struct smki_error *err)
{
    return store_claim_add(change, argument, err);
}

static int claim_remove(struct store_change *change, void *argument, struct smki_error *err)
{
    return store_claim_remove(change, argument, err);
}

static int claim_revoke(struct store_change *change, void *argument, struct smki_error *err)
{
    return store_claim_revoke(change, argument, err);
}

struct seen {
    size_t count, stop_at;
    struct store_claim claim[8];
};

static bool see(void *context, const struct store_claim *claim)
{
    struct seen *seen = context;

    seen->claim[seen->count++] = *claim;
    return seen->count != seen->stop_at;
}

static struct seen claims_of(struct store_test *test, uint8_t device, size_t stop_at, size_t *count)
{
    struct seen seen = {.stop_at = stop_at};
    VIEW(test);

    ASSERT_OK(store_claims_of_device(view, &(struct smki_device_id){{0x90, device}}, count, see, &seen, &test->err), test->err);
    VIEW_END;
    return seen;
}

/* 0, or NOT_FOUND: no claim on this key print. */
static int claim_of_key(struct store_test *test, uint8_t print, struct store_claim *out)
{
    *out = test_claim_of_key(test, (const uint8_t[8]){print, 1, 2, 3});
    return out->key_usage != 0 ? 0 : SMKI_NOT_FOUND;
}

static void claims_of_a_device_come_in_the_order_of_serials_and_are_all_counted(void **state)
{
    struct store_test *test = *state;
    struct store_claim a = claim_of(1, 20, 0xa), b = claim_of(1, 10, 0xb), other = claim_of(2, 15, 0xc);
    struct seen seen;
    size_t count;

    CHANGE(test, claim_add, &a);
    CHANGE(test, claim_add, &b);
    CHANGE(test, claim_add, &other);
    seen = claims_of(test, 1, 0, &count);
    assert_int_equal(count, 2);
    assert_int_equal(seen.count, 2);
    assert_memory_equal(seen.claim[0].serial, b.serial, sizeof(b.serial));
    assert_int_equal(seen.claim[0].key_usage, 0x80);
    assert_memory_equal(seen.claim[1].key_print, a.key_print, sizeof(a.key_print));
    seen = claims_of(test, 1, 1, &count);
    assert_int_equal(count, 2);
    assert_int_equal(seen.count, 1);
    claims_of(test, 3, 0, &count);
    assert_int_equal(count, 0);
}

static void a_key_print_leads_to_a_claim_until_its_last_one_is_removed(void **state)
{
    struct store_test *test = *state;
    struct store_claim first = claim_of(1, 10, 0xa), second = claim_of(1, 11, 0xa), found;

    CHANGE(test, claim_add, &first);
    CHANGE(test, claim_add, &second);
    ASSERT_OK(claim_of_key(test, 0xa, &found), test->err);
    assert_memory_equal(&found.device_id, &first.device_id, sizeof(found.device_id));
    CHANGE(test, claim_remove, &first);
    ASSERT_OK(claim_of_key(test, 0xa, &found), test->err);
    assert_memory_equal(found.serial, second.serial, sizeof(found.serial));
    CHANGE(test, claim_remove, &second);
    assert_int_equal(claim_of_key(test, 0xa, &found), SMKI_NOT_FOUND);
    assert_int_equal(claim_of_key(test, 0xb, &found), SMKI_NOT_FOUND);
}

static void a_claim_is_marked_revoked_and_stays(void **state)
{
    struct store_test *test = *state;
    struct store_claim claim = claim_of(1, 10, 0xa), found;

    CHANGE(test, claim_add, &claim);
    CHANGE(test, claim_revoke, &claim);
    ASSERT_OK(claim_of_key(test, 0xa, &found), test->err);
    assert_int_equal(found.revoked, 1);
}

static void a_claim_is_made_once_and_taken_back_once(void **state)
{
    struct store_test *test = *state;
    struct store_claim claim = claim_of(1, 10, 0xa);

    CHANGE(test, claim_add, &claim);
    EXPECT_REFUSED(SMKI_ALREADY_EXISTS, store_change(test->store, claim_add, &claim, &test->err), test->err);
    CHANGE(test, claim_remove, &claim);
    EXPECT_REFUSED(SMKI_NOT_FOUND, store_change(test->store, claim_remove, &claim, &test->err), test->err);
    EXPECT_REFUSED(SMKI_NOT_FOUND, store_change(test->store, claim_revoke, &claim, &test->err), test->err);
}

/* ---- certificates ---- */

static struct store_certificate certificate_of(enum store_ca ca, uint64_t number)
{
    struct store_certificate certificate = {.ca = ca, .der = BYTES("certificate", 11), .party = 3, .batch = 4, .index = 5};

    certificate.issued_at = AT("2026-11-23T21:00");
    test_serial(certificate.serial, number);
    return certificate;
}

static int certificate_add(struct store_change *change, void *argument, struct smki_error *err)
{
    return store_certificate_add(change, argument, err);
}

static int certificate_revoke(struct store_change *change, void *argument, struct smki_error *err)
{
    const struct store_certificate *certificate = argument;

    return store_certificate_revoke(change, certificate->ca, certificate->serial, (struct smki_time){.us = 77}, 4, err);
}

static void a_certificate_is_got_as_it_was_added(void **state)
{
    struct store_test *test = *state;
    struct store_certificate added = certificate_of(STORE_CA_DCA, 1), got;

    CHANGE(test, certificate_add, &added);
    VIEW(test);
    ASSERT_OK(store_certificate_get(view, STORE_CA_DCA, added.serial, &got, &test->err), test->err);
    ASSERT_BYTES(got.der, "certificate", 11);
    assert_int_equal(got.party, 3);
    assert_int_equal(got.batch, 4);
    assert_int_equal(got.index, 5);
    assert_int_equal(got.issued_at.us, added.issued_at.us);
    assert_int_equal(got.revoked_at.us, 0);
    ASSERT_OK(store_certificate_find(view, added.serial, &got, &test->err), test->err);
    assert_int_equal(got.ca, STORE_CA_DCA);
    EXPECT_REFUSED(SMKI_NOT_FOUND, store_certificate_get(view, STORE_CA_OCA, added.serial, &got, &test->err), test->err);
    VIEW_END;
}

static void a_certificate_is_never_overwritten(void **state)
{
    struct store_test *test = *state;
    struct store_certificate added = certificate_of(STORE_CA_DCA, 1), again = added;

    again.der = BYTES("forgery", 7);
    CHANGE(test, certificate_add, &added);
    EXPECT_REFUSED(SMKI_ALREADY_EXISTS, store_change(test->store, certificate_add, &again, &test->err), test->err);
}

static void certificates_are_listed_in_the_order_of_serials_however_they_came(void **state)
{
    static const uint64_t order[] = {5, 3, 9, 1, 7};
    struct store_test *test = *state;
    uint8_t serial[SMKI_SERIAL_SIZE] = {0}, expected[SMKI_SERIAL_SIZE];
    struct store_certificate certificate;
    uint64_t count;

    for (size_t i = 0; i < TEST_COUNT(order); i++) {
        certificate = certificate_of(STORE_CA_DCA, order[i]);
        CHANGE(test, certificate_add, &certificate);
    }
    VIEW(test);
    for (uint64_t number = 1; number <= 9; number += 2) {
        ASSERT_OK(store_certificate_next(view, STORE_CA_DCA, serial, &certificate, &test->err), test->err);
        test_serial(expected, number);
        assert_memory_equal(certificate.serial, expected, sizeof(expected));
    }
    assert_int_equal(store_certificate_next(view, STORE_CA_DCA, serial, &certificate, NULL), SMKI_NOT_FOUND);
    ASSERT_OK(store_certificate_count(view, STORE_CA_DCA, &count, &test->err), test->err);
    assert_int_equal(count, 5);
    VIEW_END;
}

static void revoked_certificates_are_listed_by_ca_and_keep_their_octets(void **state)
{
    struct store_test *test = *state;
    struct store_certificate one = certificate_of(STORE_CA_DCA, 1), two = certificate_of(STORE_CA_DCA, 2),
                             other = certificate_of(STORE_CA_IKICA, 3), got;
    uint8_t serial[SMKI_SERIAL_SIZE] = {0};

    CHANGE(test, certificate_add, &one);
    CHANGE(test, certificate_add, &two);
    CHANGE(test, certificate_add, &other);
    CHANGE(test, certificate_revoke, &two);
    CHANGE(test, certificate_revoke, &other);
    EXPECT_REFUSED(SMKI_ALREADY_EXISTS, store_change(test->store, certificate_revoke, &two, &test->err), test->err);
    VIEW(test);
    ASSERT_OK(store_revoked_next(view, STORE_CA_DCA, serial, &got, &test->err), test->err);
    assert_memory_equal(got.serial, two.serial, sizeof(two.serial));
    assert_int_equal(got.revoked_at.us, 77);
    assert_int_equal(got.reason, 4);
    ASSERT_BYTES(got.der, "certificate", 11);
    assert_int_equal(store_revoked_next(view, STORE_CA_DCA, serial, &got, NULL), SMKI_NOT_FOUND);
    VIEW_END;
}

/* ---- batches and chunks ---- */

static struct smki_batch batch_full(uint64_t id, enum smki_batch_state state)
{
    struct smki_batch batch;

    memset(&batch, 0x5a, sizeof(batch)); /* every octet that is not set below is of a number or a hash */
    batch.id = id;
    batch.state = state;
    batch.form = SMKI_BATCH_ZIP;
    batch.interface = SMKI_INTERFACE_BATCH;
    batch.over_quota = batch.approved = batch.expired = true;
    memset(batch.file, 'f', sizeof(batch.file) - 1);
    memset(batch.ref, 'r', sizeof(batch.ref) - 1);
    batch.file[sizeof(batch.file) - 1] = batch.ref[sizeof(batch.ref) - 1] = '\0';
    snprintf(batch.name, sizeof(batch.name), "name");
    batch.reason[0] = '\0';
    return batch;
}

#define SAME(member) assert_memory_equal(&got.member, &put.member, sizeof(put.member))

static int batch_put(struct store_change *change, void *argument, struct smki_error *err)
{
    return store_batch_put(change, argument, err);
}

static void a_batch_is_got_as_it_was_put(void **state)
{
    struct store_test *test = *state;
    struct smki_batch put = batch_full(8, SMKI_STATE_QUEUED), got;

    CHANGE(test, batch_put, &put);
    VIEW(test);
    ASSERT_OK(store_batch_get(view, 8, &got, &test->err), test->err);
    SAME(id), SAME(party), SAME(state), SAME(form), SAME(interface), SAME(accepted_at), SAME(due_at), SAME(completed_at), SAME(released_at);
    SAME(retrieved_at), SAME(last_poll_at), SAME(over_quota), SAME(approved), SAME(expired), SAME(csrs), SAME(chunk_size), SAME(chunks);
    SAME(next_chunk), SAME(chunks_done), SAME(processed), SAME(granted), SAME(refused), SAME(sha256), SAME(size), SAME(file), SAME(ref);
    assert_string_equal(got.name, "name");
    assert_string_equal(got.reason, "");
    EXPECT_REFUSED(SMKI_BATCH_UNKNOWN, store_batch_get(view, 9, &got, &test->err), test->err);
    VIEW_END;
}

static void a_batch_leaves_the_open_ones_when_its_state_is_final(void **state)
{
    struct store_test *test = *state;
    struct smki_batch queued = batch_full(1, SMKI_STATE_QUEUED), done = batch_full(2, SMKI_STATE_PROCESSING), got;
    uint64_t id = 0;

    CHANGE(test, batch_put, &queued);
    CHANGE(test, batch_put, &done);
    done.state = SMKI_STATE_COMPLETED;
    CHANGE(test, batch_put, &done);
    VIEW(test);
    ASSERT_OK(store_batch_open_next(view, &id, &got, &test->err), test->err);
    assert_int_equal(got.id, 1);
    assert_int_equal(store_batch_open_next(view, &id, &got, NULL), SMKI_NOT_FOUND);
    id = 1;
    ASSERT_OK(store_batch_next(view, &id, &got, &test->err), test->err);
    assert_int_equal(got.id, 2);
    assert_int_equal(store_batch_next(view, &id, &got, NULL), SMKI_NOT_FOUND);
    VIEW_END;
}

static int chunk_put(struct store_change *change, void *argument, struct smki_error *err)
{
    static uint8_t requests[200000];

    (void)argument;
    memset(requests, 'q', sizeof(requests));
    return store_chunk_put(change, 1, 2, STORE_CHUNK_REQUESTS, BYTES(requests, sizeof(requests)), err);
}

static int chunk_remove(struct store_change *change, void *argument, struct smki_error *err)
{
    (void)argument;
    return store_chunk_remove(change, 1, 2, STORE_CHUNK_REQUESTS, err);
}

static void a_part_of_a_chunk_is_kept_whole_until_it_is_removed(void **state)
{
    struct store_test *test = *state;
    struct smki_bytes part;

    CHANGE(test, chunk_put, NULL);
    {
        VIEW(test);
        ASSERT_OK(store_chunk_get(view, 1, 2, STORE_CHUNK_REQUESTS, &part, &test->err), test->err);
        assert_int_equal(part.size, 200000);
        assert_int_equal(part.at[199999], 'q');
        assert_int_equal(store_chunk_get(view, 1, 2, STORE_CHUNK_LEASE, &part, NULL), SMKI_NOT_FOUND);
        VIEW_END;
    }
    CHANGE(test, chunk_remove, NULL);
    EXPECT_REFUSED(SMKI_NOT_FOUND, store_change(test->store, chunk_remove, NULL, &test->err), test->err);
}

/* ---- demand and values ---- */

static int small_put(struct store_change *change, void *argument, struct smki_error *err)
{
    int rc = store_demand_put(change, 1, 2, BYTES("counter", 7), err);

    (void)argument;
    return rc != 0 ? rc : store_value_put(change, "policy", BYTES("value", 5), err);
}

static void demand_and_values_are_kept_under_their_keys(void **state)
{
    struct store_test *test = *state;
    struct smki_bytes got;

    CHANGE(test, small_put, NULL);
    VIEW(test);
    ASSERT_OK(store_demand_get(view, 1, 2, &got, &test->err), test->err);
    ASSERT_BYTES(got, "counter", 7);
    assert_int_equal(store_demand_get(view, 2, 1, &got, NULL), SMKI_NOT_FOUND);
    ASSERT_OK(store_value_get(view, "policy", &got, &test->err), test->err);
    ASSERT_BYTES(got, "value", 5);
    assert_int_equal(store_value_get(view, "polic", &got, NULL), SMKI_NOT_FOUND);
    VIEW_END;
}

/* ---- records ---- */

static int record_add(struct store_change *change, void *argument, struct smki_error *err)
{
    return store_record(change, argument, err);
}

static void a_record_is_got_as_it_was_written(void **state)
{
    struct store_test *test = *state;
    struct smki_audit_record
        put = {.act = SMKI_ACT_CSR_DECIDE,
               .party = 1,
               .subject = 2,
               .index = 3,
               .outcome = SMKI_CSR_DUPLICATE,
               .device_id = meter.id,
               .serial = {.octet = {6, 1}, .size = 16},
               .detail = "meter-9",
               .actor = {.name = "kate", .party = 4, .credential = 5, .interface = SMKI_INTERFACE_BATCH, .network = SMKI_NETWORK_GATEWAY}},
        got;

    CHANGE(test, record_add, &put);
    VIEW(test);
    ASSERT_OK(store_record_get(view, 1, &got, &test->err), test->err);
    ASSERT_TIME(got.time, "2026-11-23T20:00");
    SAME(sequence), SAME(act), SAME(party), SAME(subject), SAME(index), SAME(outcome), SAME(device_id), SAME(serial), SAME(hash);
    assert_string_equal(got.detail, "meter-9");
    assert_string_equal(got.actor.name, "kate");
    SAME(actor.party), SAME(actor.credential), SAME(actor.interface), SAME(actor.network);
    EXPECT_REFUSED(SMKI_NOT_FOUND, store_record_get(view, 2, &got, &test->err), test->err);
    VIEW_END;
}

static int records_add_two(struct store_change *change, void *argument, struct smki_error *err)
{
    struct store_checkpoint head;
    int rc;

    if ((rc = store_record(change, argument, err)) != 0 || (rc = store_record(change, argument, err)) != 0)
        return rc;
    assert_int_equal(store_head(store_change_view(change), &head, err), 0);
    assert_int_equal(head.sequence, 2);
    return 0;
}

static void the_head_is_the_last_record_also_inside_its_change(void **state)
{
    struct store_test *test = *state;
    struct smki_audit_record record = {.act = SMKI_ACT_RUN};
    struct store_checkpoint head;

    {
        VIEW(test);
        assert_int_equal(store_head(view, &head, NULL), SMKI_NOT_FOUND);
        VIEW_END;
    }
    CHANGE(test, records_add_two, &record);
    VIEW(test);
    ASSERT_OK(store_head(view, &head, &test->err), test->err);
    assert_int_equal(head.sequence, 2);
    assert_memory_equal(head.hash, record.hash, sizeof(head.hash));
    VIEW_END;
}

static int sign_or_fail(void *context, uint64_t sequence, const uint8_t hash[32], struct smki_buffer *signature, struct smki_error *err)
{
    (void)sequence;
    if (*(const bool *)context)
        return smki_fail(err, SMKI_CA_KEY_UNAVAILABLE, "the token is gone");
    return smki_buffer_append(signature, hash, 32, err);
}

static int act_with_record(struct store_change *change, void *argument, struct smki_error *err)
{
    int rc = store_value_put(change, "act", BYTES("done", 4), err);

    return rc != 0 ? rc : store_record(change, argument, err);
}

static void an_act_whose_record_cannot_be_signed_does_not_happen(void **state)
{
    struct store_test *test = *state;
    struct smki_audit_record record = {.act = SMKI_ACT_CONFIGURE};
    struct store_checkpoint head;
    struct smki_bytes value;
    bool fails = true;

    store_sign_head_with(test->store, sign_or_fail, &fails, 10);
    EXPECT_REFUSED(SMKI_CA_KEY_UNAVAILABLE, store_change(test->store, act_with_record, &record, &test->err), test->err);
    {
        VIEW(test);
        assert_int_equal(store_value_get(view, "act", &value, NULL), SMKI_NOT_FOUND);
        assert_int_equal(store_head(view, &head, NULL), SMKI_NOT_FOUND);
        VIEW_END;
    }
    fails = false;
    CHANGE(test, act_with_record, &record);
    VIEW(test);
    ASSERT_OK(store_head(view, &head, &test->err), test->err);
    ASSERT_BYTES(head.signature, record.hash, 32);
    VIEW_END;
}

static void a_checkpoint_is_kept_every_interval(void **state)
{
    struct store_test *test = *state;
    struct smki_audit_record record = {.act = SMKI_ACT_RUN};
    struct store_checkpoint checkpoint;
    uint64_t sequence = 0;
    bool fails = false;

    store_sign_head_with(test->store, sign_or_fail, &fails, 4);
    for (int i = 0; i < 10; i++)
        CHANGE(test, record_add, &record);
    VIEW(test);
    ASSERT_OK(store_checkpoint_next(view, &sequence, &checkpoint, &test->err), test->err);
    assert_int_equal(checkpoint.sequence, 4);
    assert_int_equal(checkpoint.signature.size, 32);
    ASSERT_OK(store_checkpoint_next(view, &sequence, &checkpoint, &test->err), test->err);
    assert_int_equal(sequence, 8);
    assert_int_equal(store_checkpoint_next(view, &sequence, &checkpoint, NULL), SMKI_NOT_FOUND);
    VIEW_END;
}

static void statistics_count_what_there_is(void **state)
{
    struct store_test *test = *state;
    struct store_certificate one = certificate_of(STORE_CA_DCA, 1), two = certificate_of(STORE_CA_OCA, 1);
    struct smki_batch batch = batch_full(1, SMKI_STATE_QUEUED);
    struct smki_audit_record record = {.act = SMKI_ACT_RUN};
    struct smki_store_statistics statistics;

    CHANGE(test, certificate_add, &one);
    CHANGE(test, certificate_add, &two);
    CHANGE(test, batch_put, &batch);
    CHANGE(test, device_put, NULL);
    CHANGE(test, record_add, &record);
    ASSERT_OK(smki_store_statistics(test->store, &statistics, &test->err), test->err);
    assert_int_equal(statistics.certificates, 2);
    assert_int_equal(statistics.batches, 1);
    assert_int_equal(statistics.devices, 1);
    assert_int_equal(statistics.audit_records, 1);
    assert_int_equal(statistics.format, STORE_FORMAT);
    assert_true(statistics.file_size > 4096);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(numbers_of_each_counter_start_at_1_and_have_no_gap),
        STORE_TEST(serials_grow_even_when_the_clock_goes_back),
        STORE_TEST(serials_begin_with_an_octet_that_is_neither_zero_nor_negative),
        STORE_TEST(serials_that_run_out_are_refused),
        STORE_TEST(documents_are_listed_by_kind_in_the_order_of_numbers),
        STORE_TEST(a_name_leads_to_its_number_until_it_is_removed),
        STORE_TEST(a_name_too_long_for_a_key_is_refused),
        STORE_TEST(a_device_is_got_as_it_was_put),
        STORE_TEST(claims_of_a_device_come_in_the_order_of_serials_and_are_all_counted),
        STORE_TEST(a_key_print_leads_to_a_claim_until_its_last_one_is_removed),
        STORE_TEST(a_claim_is_marked_revoked_and_stays),
        STORE_TEST(a_claim_is_made_once_and_taken_back_once),
        STORE_TEST(a_certificate_is_got_as_it_was_added),
        STORE_TEST(a_certificate_is_never_overwritten),
        STORE_TEST(certificates_are_listed_in_the_order_of_serials_however_they_came),
        STORE_TEST(revoked_certificates_are_listed_by_ca_and_keep_their_octets),
        STORE_TEST(a_batch_is_got_as_it_was_put),
        STORE_TEST(a_batch_leaves_the_open_ones_when_its_state_is_final),
        STORE_TEST(a_part_of_a_chunk_is_kept_whole_until_it_is_removed),
        STORE_TEST(demand_and_values_are_kept_under_their_keys),
        STORE_TEST(a_record_is_got_as_it_was_written),
        STORE_TEST(the_head_is_the_last_record_also_inside_its_change),
        STORE_TEST(an_act_whose_record_cannot_be_signed_does_not_happen),
        STORE_TEST(a_checkpoint_is_kept_every_interval),
        STORE_TEST(statistics_count_what_there_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
