/* Ad hoc requests worked off together: each gets its own answer, one durable write serves all, and what changes between the look and the
 * write is decided by the write alone. */
#include "adhoc_test.h"

#include "pki/key_i.h"
#include "ra/ticket_i.h"

#include <signal.h>
#include <sys/resource.h>

#define KEYS 40

static struct request *keys; /* of one device, each with a key of its own */

static int group_begin(void **state)
{
    keys = requests_make_of_one(KEYS, DEVICE);
    assert_non_null(keys);
    return mould_make(state);
}

static int group_end(void **state)
{
    free(keys);
    return mould_remove(state);
}

/* ---- verbs ---- */

struct call {
    struct adhoc_home *at;
    struct smki_adhoc adhoc[KEYS];
    struct smki_adhoc_asked asked[KEYS];
    struct smki_buffer texts[KEYS];
    size_t count;
};

static void call_add(struct call *call, const struct smki_identity *identity, const struct request *request)
{
    const size_t i = call->count++;

    document(&call->texts[i], "r", BYTES(request->der, request->size));
    call->asked[i] = (struct smki_adhoc_asked){
        .adhoc = &call->adhoc[i], .identity = identity, .document = BYTES(call->texts[i].at, call->texts[i].size)};
}

/* The durable writes that it takes. */
static size_t call_make(struct call *call)
{
    const size_t before = last_transaction(call->at);

    smki_adhoc_requests(call->asked, call->count, call->at->home.service);
    return last_transaction(call->at) - before;
}

static void call_end(struct call *call)
{
    for (size_t i = 0; i < call->count; i++) {
        smki_adhoc_finish(&call->adhoc[i]);
        smki_buffer_finish(&call->texts[i]);
    }
    *call = (struct call){.at = call->at};
}

static void EXPECT_CODE(struct call *call, size_t i, int code)
{
    if (call->asked[i].code != code)
        fail_msg("request %zu: %d (%s), not %d", i, call->asked[i].code, call->asked[i].err.text, code);
    assert_int_equal(call->adhoc[i].code, code);
}

/* Records of an act with this outcome, whatever they are of. */
static unsigned records(struct adhoc_home *at, enum smki_act act, int outcome)
{
    struct smki_audit_record record = {.sequence = 0};
    unsigned count = 0;

    while (smki_audit_find(smki_service_store(at->home.service), record.sequence + 1, &record, NULL) == 0)
        count += record.act == act && record.outcome == outcome && record.actor.interface == SMKI_INTERFACE_ADHOC;
    return count;
}

static uint64_t certificates(struct adhoc_home *at)
{
    struct store_view *view;
    uint64_t count = 0;
    struct smki_error err = {0};

    ASSERT_OK(store_view_begin(smki_service_store(at->home.service), &view, &err), err);
    ASSERT_OK(store_certificate_count(view, STORE_CA_DCA, &count, &err), err);
    store_view_end(view);
    return count;
}

/* Something that happens once, between the look at a request and the change that decides it. */
struct between {
    void (*happens)(struct adhoc_home *at);
    struct adhoc_home *at;
};

static int random_between(void *context, void *out, size_t size)
{
    struct between *between = context;
    void (*happens)(struct adhoc_home * at) = between->happens;

    between->happens = NULL;
    if (happens != NULL)
        happens(between->at);
    return smki_random_system.fill(smki_random_system.context, out, size);
}

static void happens_between(struct adhoc_home *at, struct between *between, void (*happens)(struct adhoc_home *at))
{
    *between = (struct between){.happens = happens, .at = at};
    at->home.service->random = (struct smki_random){.fill = random_between, .context = between};
}

static void bar(struct adhoc_home *at, uint64_t number, bool barred)
{
    struct smki_party party;
    struct smki_error err = {0};

    ASSERT_OK(smki_party_find(smki_service_store(at->home.service), number, &party, &err), err);
    party.barred = barred;
    ASSERT_OK(smki_party_update(smki_service_store(at->home.service), &at->home.operator, & party, &err), err);
}

/* ---- claims ---- */

static void each_gets_its_own_answer_and_all_one_write(void **state)
{
    static const struct request none = {.size = 2, .der = {0x30, 0}};
    struct request bent = keys[3], *stranger = requests_make_of_one(1, DEVICE + 5);
    struct adhoc_home at;
    struct call call = {.at = &at};

    (void)state;
    bent.der[bent.size - 1] ^= 1;
    lay(&at, "2026-11-23T14:00", "{\"demand.adhoc_pace_mode\": \"off\"}");
    PORTAL(&at, &keys[0]);
    call_add(&call, &at.supplier, &keys[1]);
    call_make(&call); /* serials are reserved now */
    call_end(&call);
    call_add(&call, &at.supplier, &keys[2]);
    call_add(&call, &at.supplier, &bent);
    call_add(&call, &at.supplier, &none);
    call_add(&call, &at.supplier, stranger);
    call_add(&call, &at.supplier, &keys[1]);
    call_add(&call, &at.supplier, &keys[4]);
    call_add(&call, &at.supplier, &keys[5]);
    call.asked[6].document.size -= 10; /* cut off */
    assert_int_equal(call_make(&call), 1);
    EXPECT_CODE(&call, 0, 0);
    EXPECT_CODE(&call, 1, SMKI_CSR_SIGNATURE);
    EXPECT_CODE(&call, 2, SMKI_CSR_MALFORMED);
    EXPECT_CODE(&call, 3, SMKI_DEVICE_UNKNOWN);
    EXPECT_CODE(&call, 4, SMKI_CSR_DUPLICATE);
    EXPECT_CODE(&call, 5, 0);
    EXPECT_CODE(&call, 6, SMKI_XML_INVALID);
    for (size_t i = 0; i < call.count; i++) {
        assert_true(call.adhoc[i].transaction != 0 && call.adhoc[i].transaction < SMKI_ADHOC_UNRECORDED);
        assert_int_equal(recorded(&at, call.adhoc[i].transaction, SMKI_ACT_CSR_DECIDE, call.asked[i].code), 1);
        assert_int_equal(recorded(&at, call.adhoc[i].transaction, SMKI_ACT_CERTIFICATE_ISSUE, 0), call.asked[i].code == 0);
        for (size_t j = 0; j < i; j++)
            assert_true(call.adhoc[i].transaction != call.adhoc[j].transaction);
    }
    EXPECT_ANSWER(&call.adhoc[0], "SUCCESS", NULL);
    EXPECT_ANSWER(&call.adhoc[1], "CSR_ERROR", "CR:AA7");
    EXPECT_ANSWER(&call.adhoc[6], "FORMAT_ERROR", NULL);
    assert_int_equal(certificates(&at), 4);
    call_end(&call);
    clear(&at);
    free(stranger);
}

static void of_two_that_are_the_same_one_is_granted(void **state)
{
    struct adhoc_home at;
    struct call call = {.at = &at};

    (void)state;
    lay(&at, "2026-11-23T14:00", "{\"demand.adhoc_pace_mode\": \"off\"}");
    PORTAL(&at, &keys[0]);
    for (size_t i = 0; i < 5; i++)
        call_add(&call, &at.supplier, &keys[1]);
    call_make(&call);
    EXPECT_CODE(&call, 0, 0);
    for (size_t i = 1; i < 5; i++)
        EXPECT_CODE(&call, i, SMKI_CSR_DUPLICATE);
    assert_int_equal(certificates(&at), 2);
    assert_int_equal(records(&at, SMKI_ACT_CSR_VOID, SMKI_CSR_DUPLICATE), 4); /* they were signed, and nobody was given that */
    call_end(&call);
    clear(&at);
}

static void more_than_go_into_one_write_are_all_answered(void **state)
{
    struct adhoc_home at;
    struct call call = {.at = &at};

    (void)state;
    lay(&at, "2026-11-23T14:00", "{\"demand.adhoc_pace_mode\": \"off\"}");
    PORTAL(&at, &keys[0]);
    for (size_t i = 1; i < KEYS; i++)
        call_add(&call, &at.supplier, &keys[i]);
    assert_int_equal(call_make(&call), 3); /* serials, 32, 7 */
    for (size_t i = 0; i < call.count; i++)
        EXPECT_CODE(&call, i, 0);
    assert_int_equal(certificates(&at), KEYS);
    call_end(&call);
    clear(&at);
}

/* A Party has one slot; another's request is its own affair. */
static void a_partys_pace_holds_within_one_call(void **state)
{
    struct adhoc_home at;
    struct call call = {.at = &at};
    struct smki_identity other;

    (void)state;
    lay(&at, "2026-11-23T14:00", "{}");
    PORTAL(&at, &keys[0]);
    identity_of(&other, PARTY(&at.home, "Another", SMKI_USER_GAS_SUPPLIER, SMKI_SUBSCRIBER_DEVICE), SMKI_USER_GAS_SUPPLIER,
                SMKI_SUBSCRIBER_DEVICE);
    call_add(&call, &at.supplier, &keys[1]);
    call_add(&call, &at.supplier, &keys[2]);
    call_add(&call, &other, &keys[3]);
    call_add(&call, &at.supplier, &keys[4]);
    assert_int_equal(call_make(&call), 2);
    EXPECT_CODE(&call, 0, 0);
    EXPECT_CODE(&call, 1, SMKI_RATE_ADHOC_DAY);
    EXPECT_CODE(&call, 2, 0);
    EXPECT_CODE(&call, 3, SMKI_RATE_ADHOC_DAY);
    assert_int_equal(records(&at, SMKI_ACT_CSR_VOID, SMKI_LEASE_LOST), 0);
    call_end(&call);
    clear(&at);
}

static void what_waits_for_its_slot_waits_and_is_answered_with_others(void **state)
{
    struct adhoc_home at;
    struct call call = {.at = &at}, later = {.at = &at};

    (void)state;
    lay(&at, "2026-11-23T14:00", "{\"demand.adhoc_pace_mode\": \"smooth\"}");
    PORTAL(&at, &keys[0]);
    call_add(&call, &at.supplier, &keys[1]);
    call_add(&call, &at.supplier, &keys[2]);
    call_make(&call);
    EXPECT_CODE(&call, 0, 0);
    assert_int_equal(call.asked[1].code, 0);
    assert_true(call.adhoc[1].xml.size == 0 && call.adhoc[1].not_before.us == at.home.clock.us + 800000);
    test_clock_set(&at.home.clock, call.adhoc[1].not_before);
    later.asked[later.count++] = (struct smki_adhoc_asked){.adhoc = &call.adhoc[1], .identity = &at.supplier, .waited = true};
    assert_int_equal(call_make(&later), 1);
    assert_int_equal(later.asked[0].code, 0);
    assert_int_equal(recorded(&at, call.adhoc[1].transaction, SMKI_ACT_CERTIFICATE_ISSUE, 0), 1);
    EXPECT_ANSWER(&call.adhoc[1], "SUCCESS", NULL);
    call_end(&call);
    clear(&at);
}

static void bar_supplier(struct adhoc_home *at)
{
    bar(at, at->supplier.actor.party, true);
}

static void what_is_barred_while_it_is_signed_is_refused_and_void(void **state)
{
    struct between between;
    struct adhoc_home at;
    struct call call = {.at = &at};

    (void)state;
    lay(&at, "2026-11-23T14:00", "{\"demand.adhoc_pace_mode\": \"off\"}");
    PORTAL(&at, &keys[0]);
    happens_between(&at, &between, bar_supplier);
    call_add(&call, &at.supplier, &keys[1]);
    call_make(&call);
    assert_true(between.happens == NULL);
    EXPECT_CODE(&call, 0, SMKI_PARTY_BARRED);
    assert_int_equal(recorded(&at, call.adhoc[0].transaction, SMKI_ACT_CSR_VOID, SMKI_PARTY_BARRED), 1);
    assert_int_equal(certificates(&at), 1);
    EXPECT_ANSWER(&call.adhoc[0], "WORKFLOW_ERROR", "WF:PA2");
    bar(&at, at.supplier.actor.party, false);
    call_end(&call);
    call_add(&call, &at.supplier, &keys[1]);
    call_make(&call);
    EXPECT_CODE(&call, 0, 0); /* and it is no duplicate of what was void */
    call_end(&call);
    clear(&at);
}

static uint64_t second_party;

static void let_second_in(struct adhoc_home *at)
{
    bar(at, second_party, false);
}

static void what_is_let_in_while_others_are_signed_gets_its_certificate(void **state)
{
    struct between between;
    struct adhoc_home at;
    struct smki_identity other;
    struct call call = {.at = &at};

    (void)state;
    lay(&at, "2026-11-23T14:00", "{\"demand.adhoc_pace_mode\": \"off\"}");
    PORTAL(&at, &keys[0]);
    second_party = PARTY(&at.home, "Another", SMKI_USER_GAS_SUPPLIER, SMKI_SUBSCRIBER_DEVICE);
    identity_of(&other, second_party, SMKI_USER_GAS_SUPPLIER, SMKI_SUBSCRIBER_DEVICE);
    bar(&at, second_party, true);
    happens_between(&at, &between, let_second_in);
    call_add(&call, &at.supplier, &keys[1]);
    call_add(&call, &other, &keys[2]);
    call_make(&call);
    assert_true(between.happens == NULL);
    EXPECT_CODE(&call, 0, 0);
    EXPECT_CODE(&call, 1, 0);
    assert_int_equal(certificates(&at), 3);
    assert_int_equal(records(&at, SMKI_ACT_CSR_DECIDE, SMKI_PARTY_BARRED), 0);
    call_end(&call);
    clear(&at);
}

/* The same request comes in by the portal while the first is signed. */
static void portal_first(struct adhoc_home *at)
{
    PORTAL(at, &keys[1]);
}

static void what_another_was_given_meanwhile_is_a_duplicate(void **state)
{
    struct between between;
    struct adhoc_home at;
    struct call call = {.at = &at};

    (void)state;
    lay(&at, "2026-11-23T14:00", "{\"demand.adhoc_pace_mode\": \"off\"}");
    PORTAL(&at, &keys[0]);
    happens_between(&at, &between, portal_first);
    call_add(&call, &at.supplier, &keys[1]);
    call_make(&call);
    assert_true(between.happens == NULL);
    EXPECT_CODE(&call, 0, SMKI_CSR_DUPLICATE);
    assert_int_equal(certificates(&at), 2);
    call_end(&call);
    clear(&at);
}

static int take_slot(struct store_change *change, void *argument, struct smki_error *err)
{
    struct adhoc_home *at = argument;

    return demand_last_put(change, at->supplier.actor.party, SMKI_RULE_ADHOC_PACE, (struct smki_time){at->home.clock.us}, err);
}

static void slot_is_taken(struct adhoc_home *at)
{
    struct smki_error err = {0};

    ASSERT_OK(store_change(smki_service_store(at->home.service), take_slot, at, &err), err);
}

static void whose_slot_another_process_takes_meanwhile_is_refused_for_its_pace(void **state)
{
    struct between between;
    struct adhoc_home at;
    struct call call = {.at = &at};

    (void)state;
    lay(&at, "2026-11-23T14:00", "{}");
    PORTAL(&at, &keys[0]);
    happens_between(&at, &between, slot_is_taken);
    call_add(&call, &at.supplier, &keys[1]);
    call_make(&call);
    EXPECT_CODE(&call, 0, SMKI_RATE_ADHOC_DAY);
    assert_int_equal(certificates(&at), 1);
    assert_int_equal(records(&at, SMKI_ACT_CSR_VOID, SMKI_LEASE_LOST), 1);
    call_end(&call);
    clear(&at);
}

static void without_a_store_all_are_told_and_may_ask_again(void **state)
{
    struct adhoc_home at;
    struct call call = {.at = &at};
    struct rlimit limit, none;

    (void)state;
    lay(&at, "2026-11-23T14:00", "{\"demand.adhoc_pace_mode\": \"off\"}");
    PORTAL(&at, &keys[0]);
    for (size_t i = 1; i < 6; i++)
        call_add(&call, &at.supplier, &keys[i]);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    none = (struct rlimit){.rlim_cur = 1, .rlim_max = limit.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    smki_adhoc_requests(call.asked, call.count, at.home.service);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    for (size_t i = 0; i < call.count; i++) {
        assert_true(call.asked[i].code != 0 && call.adhoc[i].transaction >= SMKI_ADHOC_UNRECORDED);
        EXPECT_ANSWER(&call.adhoc[i], "WORKFLOW_ERROR", smki_refusal_find(SMKI_DISK_FULL)->wire_code);
    }
    assert_int_equal(certificates(&at), 1);
    call_make(&call);
    for (size_t i = 0; i < call.count; i++)
        EXPECT_CODE(&call, i, 0);
    call_end(&call);
    clear(&at);
}

/* A key that is counted where it lives signs nothing that is not on record before. */
static void a_key_that_is_counted_takes_two_writes(void **state)
{
    struct key_home counted;
    const struct key_home *file;
    struct smki_key *key;
    const struct smki_ca *ca;
    struct adhoc_home at;
    struct call call = {.at = &at};
    struct smki_error err = {0};

    (void)state;
    lay(&at, "2026-11-23T14:00", "{\"demand.adhoc_pace_mode\": \"off\"}");
    PORTAL(&at, &keys[0]);
    call_add(&call, &at.supplier, &keys[1]);
    ASSERT_OK(smki_service_ca(at.home.service, SMKI_DCA, &ca, &err), err);
    key = (struct smki_key *)(uintptr_t)smki_ca_key(ca);
    file = key->home;
    counted = *file;
    counted.traceless = false;
    key->home = &counted;
    assert_int_equal(call_make(&call), 2);
    EXPECT_CODE(&call, 0, 0);
    key->home = file;
    call_end(&call);
    clear(&at);
}

static int open_ticket(struct store_change *change, void *argument, struct smki_error *err)
{
    struct ticket ticket = {.profile = SMKI_PROFILE_IKI, .ca = SMKI_IKICA, .csr = BYTES(keys[0].der, keys[0].size)};

    (void)argument;
    return ticket_put(change, &ticket, err);
}

static void a_ticket_of_something_else_takes_no_duplicate_apart(void **state)
{
    struct adhoc_home at;
    struct call call = {.at = &at};
    struct smki_error err = {0};

    (void)state;
    lay(&at, "2026-11-23T14:00", "{\"demand.adhoc_pace_mode\": \"off\"}");
    PORTAL(&at, &keys[0]);
    ASSERT_OK(store_change(smki_service_store(at.home.service), open_ticket, NULL, &err), err);
    for (size_t i = 0; i < 8; i++)
        call_add(&call, &at.supplier, &keys[0]);
    assert_int_equal(call_make(&call), 1);
    for (size_t i = 0; i < 8; i++)
        EXPECT_CODE(&call, i, SMKI_CSR_DUPLICATE);
    call_end(&call);
    clear(&at);
}

/* Serials that were reserved ahead are older than the portal's of the same moment. */
static void a_devices_certificates_come_in_the_order_of_their_issue(void **state)
{
    static struct smki_stored_certificate out;
    struct adhoc_home at;
    struct call call = {.at = &at};
    struct smki_serial upwards = {0}, downwards = {0};
    int64_t issued[4];
    struct smki_device_id id;
    struct smki_error err = {0};

    (void)state;
    lay(&at, "2026-11-23T14:00", "{\"demand.adhoc_pace_mode\": \"off\"}");
    ASSERT_OK(smki_device_id_parse(&id, "90b3d51f300a0000", &err), err);
    for (size_t i = 0; i < 4; i++, test_clock_advance(&at.home.clock, 10 * SMKI_SECOND)) {
        issued[i] = at.home.clock.us;
        if (i % 2 == 0) {
            PORTAL(&at, &keys[i]);
            continue;
        }
        call_add(&call, &at.supplier, &keys[i]);
        call_make(&call);
        call_end(&call);
    }
    for (size_t i = 0; i < 4; i++) {
        ASSERT_OK(smki_service_device_certificate(at.home.service, &id, &upwards, &out, &err), err);
        assert_int_equal(out.issued_at.us, issued[i]);
        ASSERT_OK(device_certificate_before(at.home.service, &id, &downwards, &out, &err), err);
        assert_int_equal(out.issued_at.us, issued[3 - i]);
    }
    assert_int_equal(smki_service_device_certificate(at.home.service, &id, &upwards, &out, &err), SMKI_NOT_FOUND);
    assert_int_equal(device_certificate_before(at.home.service, &id, &downwards, &out, &err), SMKI_NOT_FOUND);
    clear(&at);
}

static void reserved_serials_are_never_given_twice(void **state)
{
    struct adhoc_home at;
    uint64_t first, second;
    struct smki_service *service;
    struct smki_error err = {0};

    (void)state;
    lay(&at, "2026-11-23T14:00", "{}");
    service = at.home.service;
    ASSERT_OK(serials_take(service, 3, &first, &err), err);
    ASSERT_OK(serials_take(service, 2, &second, &err), err);
    assert_int_equal(second, first + 3);
    test_clock_advance(&at.home.clock, -2 * SMKI_HOUR); /* set back */
    ASSERT_OK(serials_take(service, 1, &first, &err), err);
    assert_true(first > second + 1000); /* of a block of its own */
    smki_service_close(at.home.service);
    home_open(&at.home);
    ASSERT_OK(serials_take(at.home.service, 1, &second, &err), err);
    assert_true(second > first);
    ASSERT_OK(serials_take(at.home.service, 1000, &first, &err), err);
    ASSERT_OK(serials_take(at.home.service, 1000, &second, &err), err); /* fewer are left */
    assert_true(second >= first + 1000);
    assert_int_equal(serials_take(at.home.service, 5000, &second, &err), SMKI_INTERNAL);
    clear(&at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_gets_its_own_answer_and_all_one_write),
        cmocka_unit_test(of_two_that_are_the_same_one_is_granted),
        cmocka_unit_test(more_than_go_into_one_write_are_all_answered),
        cmocka_unit_test(a_partys_pace_holds_within_one_call),
        cmocka_unit_test(what_waits_for_its_slot_waits_and_is_answered_with_others),
        cmocka_unit_test(what_is_barred_while_it_is_signed_is_refused_and_void),
        cmocka_unit_test(what_is_let_in_while_others_are_signed_gets_its_certificate),
        cmocka_unit_test(what_another_was_given_meanwhile_is_a_duplicate),
        cmocka_unit_test(whose_slot_another_process_takes_meanwhile_is_refused_for_its_pace),
        cmocka_unit_test(without_a_store_all_are_told_and_may_ask_again),
        cmocka_unit_test(a_key_that_is_counted_takes_two_writes),
        cmocka_unit_test(a_ticket_of_something_else_takes_no_duplicate_apart),
        cmocka_unit_test(a_devices_certificates_come_in_the_order_of_their_issue),
        cmocka_unit_test(reserved_serials_are_never_given_twice),
    };

    return cmocka_run_group_tests(tests, group_begin, group_end);
}
