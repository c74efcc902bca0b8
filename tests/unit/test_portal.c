/* What an officer does through the portal: a pasted CSR, the quota, picking up, finding, the pictures (interfaces.md 4, 9, 10). */
#include "home_test.h"

#include "ra/ticket_i.h"

#include <smki/portal.h>

#include <cjson/cJSON.h>

#include <pthread.h>
#include <sys/wait.h>

#define WHEN     "2026-11-23T14:00"
#define REQUESTS 12
#define FIRST    UINT64_C(0x90b3d51f30090000)

static struct request *requests; /* of REQUESTS devices */

static int group_begin(void **state)
{
    requests = requests_make(REQUESTS, FIRST);
    return requests == NULL ? -1 : mould_make(state);
}

static int group_end(void **state)
{
    free(requests);
    return mould_remove(state);
}

static struct smki_identity OFFICER(struct home *home, enum smki_interface interface) {
    struct smki_identity identity = {.actor = home->maker};

    identity.actor.interface = interface;
    identity.actor.network = SMKI_NETWORK_INTERNET;
    return identity;
}

/* A request as an officer pastes it. */
static struct smki_bytes
pasted(struct smki_buffer *out, struct smki_bytes der)
{
    struct smki_error err = {0};

    out->size = 0;
    ASSERT_OK(smki_pem_encode(out, "CERTIFICATE REQUEST", der, &err), err);
    return (struct smki_bytes){out->at, out->size};
}

static struct smki_bytes DEVICE(struct smki_buffer *out, size_t number) {
    return pasted(out, (struct smki_bytes){requests[number].der, requests[number].size});
}

static const char *
said(cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

    assert_non_null(item);
    return cJSON_IsNull(item) ? "(null)" : cJSON_IsString(item) ? item->valuestring : cJSON_IsTrue(item) ? "true" : "false";
}

static double number(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

    assert_true(cJSON_IsNumber(item));
    return item->valuedouble;
}

/* ---- what a pasted CSR says ---- */

static cJSON *LOOK(struct home *home, enum smki_profile profile, struct smki_bytes text)
{
    struct smki_error err = {0};
    cJSON *out;

    ASSERT_OK(smki_portal_csr_json(&out, home->service, profile, text, &err), err);
    return out;
}

static uint64_t records(struct home *home)
{
    struct smki_store_statistics statistics;
    struct smki_error err = {0};

    ASSERT_OK(smki_store_statistics(smki_service_store(home->service), &statistics, &err), err);
    return statistics.audit_records;
}

static void a_pasted_device_csr_is_told_before_anything_is_done(void **state)
{
    struct smki_buffer text = {0};
    struct home home;
    uint64_t before;
    cJSON *said_of;

    (void)state;
    home_lay(&home, WHEN, "{}");
    before = records(&home);
    said_of = LOOK(&home, SMKI_PROFILE_DEVICE, DEVICE(&text, 0));
    assert_string_equal(said(said_of, "ok"), "true");
    assert_string_equal(said(said_of, "profile"), "device");
    assert_string_equal(said(said_of, "deviceId"), "90-B3-D5-1F-30-09-00-00");
    assert_string_equal(said(said_of, "signature"), "good");
    assert_int_equal(strlen(said(said_of, "keyPrint")), 64);
    assert_non_null(strstr(said(said_of, "hardwareType"), "1."));
    cJSON_Delete(said_of);
    assert_int_equal(records(&home), before);
    smki_buffer_finish(&text);
    home_clear(&home);
}

static void what_is_wrong_with_a_pasted_csr_is_told_as_issuing_tells_it(void **state)
{
    struct request forged = requests[0];
    static struct smki_stored_certificate out;
    struct smki_identity officer;
    struct smki_buffer text = {0};
    struct smki_error err = {0};
    struct smki_bytes paste;
    struct home home;
    cJSON *look;
    int rc;

    (void)state;
    home_lay(&home, WHEN, "{}");
    officer = OFFICER(&home, SMKI_INTERFACE_PORTAL_DEVICE);
    forged.der[forged.size - 8] ^= 1; /* inside the signature, before a trailer */
    forged.der[forged.size - 12] ^= 1;
    paste = pasted(&text, (struct smki_bytes){forged.der, forged.size});
    look = LOOK(&home, SMKI_PROFILE_DEVICE, paste);
    rc = smki_portal_device_issue(home.service, &officer, paste, &out, NULL, NULL, &err);
    assert_int_equal(rc, SMKI_CSR_SIGNATURE);
    assert_string_equal(said(look, "ok"), "false");
    assert_string_equal(said(look, "signature"), "bad");
    assert_string_equal(said(look, "name"), smki_refusal_find(rc)->name);
    assert_string_equal(said(look, "code"), smki_refusal_find(rc)->wire_code);
    assert_string_equal(said(look, "text"), err.text);
    assert_string_equal(said(look, "deviceId"), "90-B3-D5-1F-30-09-00-00"); /* what it says all the same */
    cJSON_Delete(look);
    paste = BYTES("hello", 5);
    look = LOOK(&home, SMKI_PROFILE_DEVICE, paste);
    rc = smki_portal_device_issue(home.service, &officer, paste, &out, NULL, NULL, &err);
    assert_string_equal(said(look, "name"), smki_refusal_find(rc)->name);
    assert_string_equal(said(look, "text"), err.text);
    cJSON_Delete(look);
    smki_buffer_finish(&text);
    home_clear(&home);
}

static void a_text_that_is_no_csr_is_on_record_when_it_is_submitted(void **state)
{
    static struct smki_stored_certificate out;
    struct smki_identity officer;
    struct smki_error err = {0};
    struct home home;
    uint64_t before;

    (void)state;
    home_lay(&home, WHEN, "{}");
    officer = OFFICER(&home, SMKI_INTERFACE_PORTAL_DEVICE);
    before = records(&home);
    EXPECT_REFUSED(SMKI_CSR_TEXT_INVALID, smki_portal_device_issue(home.service, &officer, BYTES("&&&&", 4), &out, NULL, NULL, &err), err);
    assert_int_equal(records(&home), before + 1);
    home_clear(&home);
}

static void each_part_of_the_portal_is_for_its_own_officers(void **state)
{
    static struct smki_stored_certificate out;
    struct smki_identity officer;
    struct smki_buffer text = {0};
    struct smki_error err = {0};
    struct home home;

    (void)state;
    home_lay(&home, WHEN, "{}");
    officer = OFFICER(&home, SMKI_INTERFACE_PORTAL_ORGANISATION);
    EXPECT_REFUSED(SMKI_IKI_INTERFACE, smki_portal_device_issue(home.service, &officer, DEVICE(&text, 0), &out, NULL, NULL, &err), err);
    officer = OFFICER(&home, SMKI_INTERFACE_PORTAL_DEVICE);
    EXPECT_REFUSED(SMKI_IKI_INTERFACE, smki_portal_organisation_issue(home.service, &officer, DEVICE(&text, 0), &out, &err), err);
    smki_buffer_finish(&text);
    home_clear(&home);
}

/* ---- the quota ---- */

static int ISSUE(struct home *home, size_t request, struct smki_allowance *left, struct smki_error *err)
{
    static struct smki_stored_certificate out;
    const struct smki_identity officer = OFFICER(home, SMKI_INTERFACE_PORTAL_DEVICE);
    struct smki_buffer text = {0};
    int rc = smki_portal_device_issue(home->service, &officer, DEVICE(&text, request), &out, left, NULL, err);

    smki_buffer_finish(&text);
    return rc;
}

static void the_quota_slides_and_what_is_refused_does_not_count(void **state)
{
    struct smki_allowance left;
    struct smki_error err = {0};
    struct home home;

    (void)state;
    home_lay(&home, WHEN, "{\"demand.portal_adhoc_csrs\": 2}");
    ASSERT_OK(ISSUE(&home, 0, &left, &err), err);
    assert_int_equal(left.limit, 2);
    assert_int_equal(left.remaining, 1);
    EXPECT_REFUSED(SMKI_CSR_DUPLICATE, ISSUE(&home, 0, &left, &err), err);
    assert_int_equal(left.remaining, 1);
    NOW(&home, "2026-11-23T15:00");
    ASSERT_OK(ISSUE(&home, 1, &left, &err), err);
    EXPECT_REFUSED(SMKI_RATE_PORTAL_ADHOC, ISSUE(&home, 2, &left, &err), err);
    assert_non_null(strstr(err.text, "2026-11-24 14:00 GMT"));
    assert_int_equal(left.remaining, 0);
    NOW(&home, "2026-11-24T14:00"); /* the first has left */
    ASSERT_OK(ISSUE(&home, 2, &left, &err), err);
    EXPECT_REFUSED(SMKI_RATE_PORTAL_ADHOC, ISSUE(&home, 3, &left, &err), err);
    AUDIT_HOLDS(&home);
    home_clear(&home);
}

static void the_quota_outlives_a_restart(void **state)
{
    struct smki_error err = {0};
    struct home home;

    (void)state;
    home_lay(&home, WHEN, "{\"demand.portal_adhoc_csrs\": 1}");
    ASSERT_OK(ISSUE(&home, 0, NULL, &err), err);
    smki_service_close(home.service);
    home_open(&home);
    EXPECT_REFUSED(SMKI_RATE_PORTAL_ADHOC, ISSUE(&home, 1, NULL, &err), err);
    home_clear(&home);
}

static void an_agreement_lifts_the_quota_and_observing_lets_in_and_marks(void **state)
{
    struct smki_agreement agreement = {.rule = SMKI_RULE_PORTAL_ADHOC, .limit = 2, .short_notice = true};
    struct smki_allowance left;
    struct smki_error err = {0};
    struct home home;
    uint64_t before;

    (void)state;
    home_lay(&home, WHEN, "{\"demand.portal_adhoc_csrs\": 1}");
    agreement.party = home.maker.party;
    agreement.from = AT("2026-11-23T00:00");
    agreement.to = AT("2026-11-25T00:00");
    ASSERT_OK(smki_agreement_add(smki_service_store(home.service), &home.operator, & smki_demand_defaults, &agreement, &err), err);
    ASSERT_OK(ISSUE(&home, 0, &left, &err), err);
    ASSERT_OK(ISSUE(&home, 1, &left, &err), err);
    assert_int_equal(left.limit, 2);
    EXPECT_REFUSED(SMKI_RATE_PORTAL_ADHOC, ISSUE(&home, 2, &left, &err), err);
    home_clear(&home);

    home_lay(&home, WHEN, "{\"demand.portal_adhoc_csrs\": 1, \"demand.portal_adhoc_mode\": \"observe\"}");
    ASSERT_OK(ISSUE(&home, 0, &left, &err), err);
    before = records(&home);
    ASSERT_OK(ISSUE(&home, 1, &left, &err), err);
    assert_int_equal(records(&home), before + 3); /* granted, observed, issued */
    home_clear(&home);

    home_lay(&home, WHEN, "{\"demand.portal_adhoc_csrs\": 1, \"demand.portal_adhoc_mode\": \"off\"}");
    ASSERT_OK(ISSUE(&home, 0, &left, &err), err);
    ASSERT_OK(ISSUE(&home, 1, &left, &err), err);
    assert_int_equal(left.limit, 0);
    home_clear(&home);
}

static void what_cannot_be_signed_now_may_be_sent_again_and_is_not_counted(void **state)
{
    struct smki_pickup pickup = {.serial = {.size = 0}};
    struct smki_allowance left;
    struct smki_error err = {0};
    char key[TEST_PATH_SIZE];
    struct home home;

    (void)state;
    home_lay(&home, "2026-11-23T21:00", "{\"demand.portal_adhoc_csrs\": 1}");
    snprintf(key, sizeof(key), "%.*s/keys/dca.key", (int)sizeof(key) - 20, home.path);
    assert_int_equal(chmod(key, 0640), 0);
    EXPECT_REFUSED(SMKI_KEY_PERMISSIONS, ISSUE(&home, 0, &left, &err), err);
    assert_int_equal(left.remaining, 1);
    EXPECT_REFUSED(SMKI_KEY_PERMISSIONS, ISSUE(&home, 0, &left, &err), err); /* no duplicate of what nobody has */
    assert_int_equal(smki_pickup_next(home.service, home.maker.party, &pickup, NULL), SMKI_NOT_FOUND);
    assert_int_equal(chmod(key, 0600), 0);
    ASSERT_OK(ISSUE(&home, 0, &left, &err), err);
    assert_int_equal(left.remaining, 0);
    ASSERT_OK(smki_pickup_next(home.service, home.maker.party, &pickup, &err), err);
    assert_int_equal(pickup.interface, SMKI_INTERFACE_PORTAL_DEVICE);
    AUDIT_HOLDS(&home);
    home_clear(&home);
}

static bool crashed; /* the grant below is a good one, and was only not signed */

/* A grant that can never become a certificate: its serial number is none. */
static int hopeless_change(struct store_change *change, void *argument, struct smki_error *err)
{
    const struct home *home = argument;
    struct ticket ticket = {.profile = SMKI_PROFILE_DEVICE,
                            .ca = SMKI_DCA,
                            .party = home->maker.party,
                            .not_before.us = store_change_time(change).us / SMKI_SECOND * SMKI_SECOND,
                            .interface = SMKI_INTERFACE_PORTAL_DEVICE,
                            .csr = {requests[1].der, requests[1].size}};
    struct smki_window window;
    struct store_claim claim;
    struct smki_csr csr;
    uint64_t half;
    int rc;

    if (crashed) {
        if ((rc = store_reserve_serials(change, 1, &half, err)) != 0)
            return rc;
        serial_compose(ticket.serial, half, (const uint8_t *)"8 octets");
    }
    if ((rc = smki_csr_read(&csr, ticket.profile, ticket.csr, err)) != 0 || (rc = ticket_put(change, &ticket, err)) != 0)
        return rc;
    claim = device_claim(&csr, ticket.serial);
    if ((rc = store_claim_add(change, &claim, err)) != 0 ||
        (rc = demand_window_get(store_change_view(change), ticket.party, SMKI_RULE_PORTAL_ADHOC, &window, err)) != 0)
        return rc;
    if ((rc = smki_window_add(&window, store_change_time(change), 1, err)) == 0)
        rc = demand_window_put(change, ticket.party, SMKI_RULE_PORTAL_ADHOC, &window, err);
    smki_window_finish(&window);
    return rc;
}

static void what_a_crash_left_unsigned_may_be_sent_again(void **state)
{
    struct smki_allowance left;
    struct smki_error err = {0};
    struct home home;

    (void)state;
    home_lay(&home, WHEN, "{\"demand.portal_adhoc_csrs\": 1}");
    crashed = true;
    ASSERT_OK(store_change(smki_service_store(home.service), hopeless_change, &home, &err), err);
    crashed = false;
    ASSERT_OK(ISSUE(&home, 1, &left, &err), err);
    assert_int_equal(left.remaining, 0);
    home_clear(&home);
}

static void what_becomes_void_no_longer_counts(void **state)
{
    struct smki_allowance left;
    struct smki_error err = {0};
    struct home home;

    (void)state;
    home_lay(&home, WHEN, "{\"demand.portal_adhoc_csrs\": 2}");
    ASSERT_OK(ISSUE(&home, 0, NULL, &err), err);
    test_clock_advance(&home.clock, SMKI_MINUTE);
    ASSERT_OK(store_change(smki_service_store(home.service), hopeless_change, &home, &err), err);
    EXPECT_REFUSED(SMKI_RATE_PORTAL_ADHOC, ISSUE(&home, 2, &left, &err), err);
    test_clock_advance(&home.clock, SMKI_HOUR);
    ASSERT_OK(smki_service_recover(home.service, &home.operator, & err), err);
    ASSERT_OK(ISSUE(&home, 2, &left, &err), err);
    assert_int_equal(left.remaining, 0);
    home_clear(&home);
}

/* ---- many at once ---- */

struct hand {
    struct home *home;
    size_t first, count;
    unsigned granted, refused, other;
};

static void *hand_run(void *argument)
{
    struct smki_stored_certificate *out = calloc(1, sizeof(*out));
    struct hand *hand = argument;
    struct smki_actor actor = hand->home->maker;
    struct smki_error err = {0};

    actor.interface = SMKI_INTERFACE_PORTAL_DEVICE;
    for (size_t i = hand->first; i < hand->first + hand->count && out != NULL; i++) {
        const struct smki_bytes der = {requests[i].der, requests[i].size};
        const int rc = smki_service_issue(hand->home->service, &actor, SMKI_PROFILE_DEVICE, der, out, &err);

        hand->granted += rc == 0;
        hand->refused += rc == SMKI_RATE_PORTAL_ADHOC;
        hand->other += rc != 0 && rc != SMKI_RATE_PORTAL_ADHOC;
    }
    free(out);
    return NULL;
}

#define HANDS 3 /* threads of a process */

/* One process: opens the home, and takes its half of the requests. Exits with how many were granted; 100: something else went wrong. */
static int process_run(struct home *home, size_t half)
{
    const size_t each = REQUESTS / 2 / HANDS;
    struct hand hands[HANDS];
    pthread_t threads[HANDS];
    unsigned granted = 0;

    home_open(home);
    for (size_t i = 0; i < HANDS; i++) {
        hands[i] = (struct hand){.home = home, .first = half * (REQUESTS / 2) + i * each, .count = each};
        if (pthread_create(&threads[i], NULL, hand_run, &hands[i]) != 0)
            return 100;
    }
    for (size_t i = 0; i < HANDS; i++) {
        pthread_join(threads[i], NULL);
        granted += hands[i].other != 0 ? 100 : hands[i].granted;
    }
    smki_service_close(home->service);
    return (int)granted;
}

static void of_many_threads_and_processes_the_quota_lets_in_exactly_its_number(void **state)
{
    int status, granted = 0;
    pid_t children[2];
    struct home home;

    (void)state;
    home_lay(&home, WHEN, "{\"demand.portal_adhoc_csrs\": 5}");
    smki_service_close(home.service);
    for (size_t i = 0; i < 2; i++) {
        if ((children[i] = fork()) == 0)
            _exit(process_run(&home, i));
        assert_true(children[i] > 0);
    }
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_true(WIFEXITED(status));
        granted += WEXITSTATUS(status);
    }
    assert_int_equal(granted, 5);
    home_open(&home);
    AUDIT_HOLDS(&home);
    home_clear(&home);
}

/* ---- pickup ---- */

static void PICKUP_IS(struct home *home, struct smki_pickup *pickup, const char *id, enum smki_interface interface)
{
    char text[SMKI_DEVICE_ID_TEXT_SIZE];
    struct smki_error err = {0};

    ASSERT_OK(smki_pickup_next(home->service, home->maker.party, pickup, &err), err);
    assert_string_equal(smki_device_id_text(&pickup->id, text), id);
    assert_int_equal(pickup->interface, interface);
}

/* The Party of the home is an Authorised Subscriber for organisations too, and has the EUI-64 and role of the request in tests/data. */
static struct smki_csr ORGANISATION(struct home *home, struct smki_buffer *der) {
    struct smki_buffer file = {0};
    struct smki_error err = {0};
    struct smki_party party;
    struct smki_csr csr;
    char label[64];

    test_file(&file, "lint/good/org-csr.pem");
    ASSERT_OK(smki_pem_decode(der, label, (struct smki_bytes){file.at, file.size}, &err), err);
    ASSERT_OK(smki_csr_read(&csr, SMKI_PROFILE_ORGANISATION, (struct smki_bytes){der->at, der->size}, &err), err);
    smki_buffer_finish(&file);
    ASSERT_OK(smki_party_find(smki_service_store(home->service), home->maker.party, &party, &err), err);
    party.subscriber |= SMKI_SUBSCRIBER_ORGANISATION;
    if (party.eui_count == 0 || memcmp(&party.euis[party.eui_count - 1], &csr.subject.eui, sizeof(csr.subject.eui)) != 0)
        party.euis[party.eui_count++] = csr.subject.eui;
    party.roles[0] = (uint8_t)strtoul(csr.subject.unit, NULL, 16);
    ASSERT_OK(smki_party_update(smki_service_store(home->service), &home->operator, & party, &err), err);
    return csr;
}

static void
ORGANISATION_ISSUE(struct home *home, struct smki_device_id *eui)
{
    const struct smki_identity officer = OFFICER(home, SMKI_INTERFACE_PORTAL_ORGANISATION);
    static struct smki_stored_certificate out;
    struct smki_buffer der = {0}, text = {0};
    struct smki_error err = {0};
    const struct smki_csr csr = ORGANISATION(home, &der);

    *eui = csr.subject.eui;
    ASSERT_OK(smki_portal_organisation_issue(home->service, &officer, pasted(&text, csr.der), &out, &err), err);
    smki_buffer_finish(&der);
    smki_buffer_finish(&text);
}

static void what_came_one_by_one_is_picked_up_newest_first_for_30_days(void **state)
{
    const struct smki_pickup none = {.serial = {.size = 0}};
    char eui_text[SMKI_DEVICE_ID_TEXT_SIZE];
    struct smki_device_id eui;
    struct smki_pickup pickup = none;
    struct smki_error err = {0};
    struct home home;
    uint64_t other;
    cJSON *shown;

    (void)state;
    home_lay(&home, WHEN, "{}");
    other = PARTY(&home, "Other", SMKI_USER_OTHER, SMKI_SUBSCRIBER_DEVICE);
    ASSERT_OK(ISSUE(&home, 0, NULL, &err), err);
    NOW(&home, "2026-11-24T14:00");
    ORGANISATION_ISSUE(&home, &eui);
    SUBMIT(&home, &requests[1], 2);
    NOW(&home, "2026-11-24T20:00");
    RUN(&home); /* what a batch brings is not listed one by one */
    PICKUP_IS(&home, &pickup, smki_device_id_text(&eui, eui_text), SMKI_INTERFACE_PORTAL_ORGANISATION);
    shown = smki_pickup_json(&pickup);
    assert_string_equal(said(shown, "kind"), "organisation");
    assert_string_equal(said(shown, "eui64"), eui_text);
    assert_string_equal(said(shown, "issuedAtUk"), "24 November 2026, 14:00 GMT");
    assert_string_equal(said(shown, "revokedAt"), "(null)");
    cJSON_Delete(shown);
    PICKUP_IS(&home, &pickup, "90-B3-D5-1F-30-09-00-00", SMKI_INTERFACE_PORTAL_DEVICE);
    assert_int_equal(smki_pickup_next(home.service, home.maker.party, &pickup, NULL), SMKI_NOT_FOUND);
    pickup = none;
    assert_int_equal(smki_pickup_next(home.service, other, &pickup, NULL), SMKI_NOT_FOUND);
    NOW(&home, "2026-12-23T14:00"); /* 30 days after the first */
    PICKUP_IS(&home, &pickup, smki_device_id_text(&eui, eui_text), SMKI_INTERFACE_PORTAL_ORGANISATION);
    assert_int_equal(smki_pickup_next(home.service, home.maker.party, &pickup, NULL), SMKI_NOT_FOUND);
    home_clear(&home);
}

static void each_part_picks_up_its_own(void **state)
{
    struct smki_pickup pickup = {.serial = {.size = 0}};
    struct smki_device_id eui;
    struct smki_error err = {0};
    struct home home;
    size_t devices = 0;

    (void)state;
    home_lay(&home, WHEN, "{}");
    ASSERT_OK(ISSUE(&home, 0, NULL, &err), err);
    ORGANISATION_ISSUE(&home, &eui);
    ASSERT_OK(ISSUE(&home, 1, NULL, &err), err);
    ASSERT_OK(smki_pickup_next_of(home.service, home.maker.party, SMKI_OCA, &pickup, &err), err);
    assert_int_equal(pickup.ca, SMKI_OCA);
    assert_int_equal(smki_pickup_next_of(home.service, home.maker.party, SMKI_OCA, &pickup, NULL), SMKI_NOT_FOUND);
    pickup = (struct smki_pickup){.serial = {.size = 0}};
    for (; smki_pickup_next_of(home.service, home.maker.party, SMKI_DCA, &pickup, NULL) == 0; devices++)
        assert_int_equal(pickup.ca, SMKI_DCA);
    assert_int_equal(devices, 2);
    home_clear(&home);
}

static void results_end_30_days_after_the_latest_of_release_and_run(void **state)
{
    struct smki_error err = {0};
    struct smki_batch batch;
    struct home home;
    uint64_t id;

    (void)state;
    home_lay(&home, WHEN, "{}");
    id = SUBMIT(&home, &requests[0], 1);
    ASSERT_OK(smki_batch_find(home.service, id, &batch, &err), err);
    assert_int_equal(smki_batch_expires(home.service, &batch).us, 0);
    NOW(&home, "2026-12-03T20:40"); /* ten days late */
    RUN(&home);
    ASSERT_OK(smki_batch_find(home.service, id, &batch, &err), err);
    ASSERT_TIME(smki_batch_expires(home.service, &batch), "2027-01-02T20:40");
    NOW(&home, "2026-12-10T09:00");
    ASSERT_OK(smki_batch_release(home.service, &home.operator, id, &err), err);
    ASSERT_OK(smki_batch_find(home.service, id, &batch, &err), err);
    ASSERT_TIME(smki_batch_expires(home.service, &batch), "2027-01-09T09:00");
    home_clear(&home);
}

static void a_result_without_a_name_leaves_nothing_behind_and_is_on_record(void **state)
{
    struct smki_actor stranger;
    struct smki_error err = {0};
    char folder[2 * TEST_PATH_SIZE], command[3 * TEST_PATH_SIZE];
    uint64_t id, size, before;
    struct home home;
    uint8_t start[2];
    int fd = -1;

    (void)state;
    home_lay(&home, WHEN, "{}");
    stranger = home.operator;
    stranger.party = PARTY(&home, "Other", SMKI_USER_OTHER, SMKI_SUBSCRIBER_DEVICE);
    id = SUBMIT(&home, &requests[0], 1);
    EXPECT_REFUSED(SMKI_BATCH_NOT_COMPLETED, smki_batch_result_open(home.service, &home.maker, id, SMKI_RESULT_ZIP, &fd, &size, &err), err);
    NOW(&home, "2026-11-23T20:40");
    RUN(&home);
    EXPECT_REFUSED(SMKI_NOT_RELEASED, smki_batch_result_open(home.service, &home.maker, id, SMKI_RESULT_ZIP, &fd, &size, &err), err);
    EXPECT_REFUSED(SMKI_BATCH_UNKNOWN, smki_batch_result_open(home.service, &stranger, id, SMKI_RESULT_ZIP, &fd, &size, &err), err);
    assert_int_equal(fd, -1);
    NOW(&home, "2026-11-24T08:00");
    before = records(&home);
    ASSERT_OK(smki_batch_result_open(home.service, &home.maker, id, SMKI_RESULT_ZIP, &fd, &size, &err), err);
    assert_int_equal(read(fd, start, 2), 2);
    assert_memory_equal(start, "PK", 2);
    assert_int_equal(lseek(fd, 0, SEEK_END), size);
    close(fd);
    ASSERT_OK(smki_batch_result_taken(home.service, &home.maker, id, &err), err);
    assert_int_equal(records(&home), before + 2);
    ASSERT_OK(smki_batch_result_open(home.service, &home.maker, id, SMKI_RESULT_TXT, &fd, &size, &err), err);
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
    assert_true(size > 0);
    close(fd);
    test_path(folder, home.path, "batches");
    snprintf(command, sizeof(command), "test -z \"$(find '%.*s' -name 'result*')\"", (int)sizeof(folder), folder);
    assert_int_equal(system(command), 0);
    AUDIT_HOLDS(&home);
    home_clear(&home);
}

static void a_batchs_name_is_printable(void **state)
{
    static const char *const bad[] = {"a\xff.zip",
                                      "a\xc2\x9b;31m.zip",
                                      "a\xe2\x80\xae.zip",
                                      "a\033.zip",
                                      " a.zip",
                                      "a/b.zip",
                                      "a\\b.zip"};
    struct smki_submission *submission;
    struct smki_actor actor;
    struct smki_error err = {0};
    struct home home;

    (void)state;
    home_lay(&home, WHEN, "{}");
    actor = home.maker;
    actor.interface = SMKI_INTERFACE_PORTAL_DEVICE;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, smki_submission_open(&submission, home.service, &actor, SMKI_BATCH_ZIP, bad[i], &err), err);
    ASSERT_OK(smki_submission_open(&submission, home.service, &actor, SMKI_BATCH_ZIP, "Z\xc3\xa4hler 7.zip", &err), err);
    smki_submission_close(submission);
    home_clear(&home);
}

static void batches_of_a_party_come_newest_first_and_no_others(void **state)
{
    struct smki_error err = {0};
    struct smki_actor stranger;
    struct smki_batch batch;
    struct home home;
    uint64_t first, second, foreign;

    (void)state;
    home_lay(&home, WHEN, "{}");
    stranger = home.operator;
    stranger.party = PARTY(&home, "Other", SMKI_USER_OTHER, SMKI_SUBSCRIBER_DEVICE);
    first = SUBMIT(&home, &requests[0], 1);
    foreign = SUBMIT_AS(&home, &stranger, SMKI_INTERFACE_BATCH, &requests[1], 1);
    second = SUBMIT(&home, &requests[2], 1);
    ASSERT_OK(smki_batch_of_party_before(home.service, home.maker.party, 0, &batch, &err), err);
    assert_int_equal(batch.id, second);
    ASSERT_OK(smki_batch_of_party_before(home.service, home.maker.party, second, &batch, &err), err);
    assert_int_equal(batch.id, first);
    assert_int_equal(smki_batch_of_party_before(home.service, home.maker.party, first, &batch, NULL), SMKI_NOT_FOUND);
    ASSERT_OK(smki_batch_of_party_before(home.service, stranger.party, 0, &batch, &err), err);
    assert_int_equal(batch.id, foreign);
    home_clear(&home);
}

/* ---- finding ---- */

static struct smki_stored_certificate found;

static bool keep(void *context, const struct smki_stored_certificate *certificate)
{
    (void)context;
    found = *certificate;
    return true;
}

static size_t FIND(struct home *home, uint64_t party, const char *text)
{
    struct smki_identity identity = {.actor = {.party = party}};
    struct smki_error err = {0};
    size_t count;

    ASSERT_OK(smki_certificate_find_as(home->service, &identity, text, keep, NULL, &count, &err), err);
    return count;
}

static void certificates_are_found_by_what_an_officer_types(void **state)
{
    char eui_text[SMKI_DEVICE_ID_TEXT_SIZE], serial[2 * 20 + 1];
    struct smki_pickup pickup = {.serial = {.size = 0}};
    struct smki_identity identity = {.actor = {.party = 1}};
    struct smki_device_id eui;
    struct smki_error err = {0};
    struct home home;
    uint64_t other;
    size_t count;
    cJSON *shown;

    (void)state;
    home_lay(&home, WHEN, "{}");
    other = PARTY(&home, "Other", SMKI_USER_OTHER, SMKI_SUBSCRIBER_DEVICE);
    ASSERT_OK(ISSUE(&home, 0, NULL, &err), err);
    ASSERT_OK(smki_pickup_next(home.service, home.maker.party, &pickup, &err), err);
    ORGANISATION_ISSUE(&home, &eui);
    assert_int_equal(FIND(&home, home.maker.party, " 90-B3-D5-1F-30-09-00-00\n"), 1);
    assert_int_equal(found.party, home.maker.party);
    assert_int_equal(FIND(&home, home.maker.party, "90b3d51f30090000"), 1);
    assert_int_equal(FIND(&home, home.maker.party, "90b3d51f30090001"), 0);
    assert_int_equal(FIND(&home, home.maker.party, smki_device_id_text(&eui, eui_text)), 1);
    assert_int_equal(found.ca, SMKI_OCA);
    assert_int_equal(FIND(&home, other, smki_serial_text(&pickup.serial, serial)), 1);
    assert_int_equal(found.ca, SMKI_DCA);
    assert_int_equal(found.party, 0); /* a stranger is not told whose it is */
    ASSERT_OK(smki_stored_certificate_json(&shown, &found, &err), err);
    assert_string_equal(said(shown, "deviceId"), "90-B3-D5-1F-30-09-00-00");
    assert_string_equal(said(shown, "party"), "(null)");
    assert_string_equal(said(shown, "notAfter"), "(null)");
    cJSON_Delete(shown);
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, smki_certificate_find_as(home.service, &identity, "meter 7", keep, NULL, &count, &err), err);
    home_clear(&home);
}

static struct smki_serial seen[4];
static size_t seen_count;

static bool note_serial(void *context, const struct smki_stored_certificate *certificate)
{
    struct smki_certificate read;

    (void)context;
    assert_int_equal(smki_certificate_read(&read, (struct smki_bytes){certificate->der, certificate->size}, NULL), 0);
    seen[seen_count++ % 4] = read.serial;
    return true;
}

static void EXPECT_NEWEST_FIRST(struct home *home, const char *text, size_t wanted)
{
    struct smki_identity identity = {.actor = {.party = 1}};
    struct smki_error err = {0};
    size_t count;

    seen_count = 0;
    ASSERT_OK(smki_certificate_find_as(home->service, &identity, text, note_serial, NULL, &count, &err), err);
    assert_int_equal(seen_count, wanted);
    for (size_t i = 1; i < wanted; i++)
        assert_true(memcmp(seen[i - 1].octet, seen[i].octet, seen[i].size) > 0);
}

static void certificates_are_found_newest_first(void **state)
{
    char text[SMKI_DEVICE_ID_TEXT_SIZE];
    struct smki_device_id eui;
    struct home home;

    (void)state;
    home_lay(&home, WHEN, "{}");
    for (size_t i = 0; i < 3; i++)
        ORGANISATION_ISSUE(&home, &eui);
    EXPECT_NEWEST_FIRST(&home, smki_device_id_text(&eui, text), 3);
    home_clear(&home);
}

static void a_credentials_certificate_is_not_found_by_officers(void **state)
{
    struct smki_credential credential;
    struct smki_error err = {0};
    char serial[2 * 20 + 1];
    struct home home;
    uint64_t number_of;

    (void)state;
    home_lay(&home, WHEN, "{}");
    number_of = CREDENTIAL(&home, home.maker.party, "Maker", SMKI_INTERFACE_BATCH);
    ASSERT_OK(smki_credential_find(smki_service_store(home.service), number_of, &credential, &err), err);
    assert_int_equal(FIND(&home, home.maker.party, smki_serial_text(&credential.serial, serial)), 0);
    home_clear(&home);
}

/* ---- the night ---- */

static cJSON *NIGHT(struct home *home, uint64_t party, const char *at)
{
    struct smki_error err = {0};
    cJSON *night;

    ASSERT_OK(smki_night_json(&night, home->service, party, AT(at), &err), err);
    return night;
}

static double sum_of(const cJSON *object, const char *array, const char *name)
{
    const cJSON *item;
    double sum = 0;

    cJSON_ArrayForEach(item, cJSON_GetObjectItem(object, array)) sum += number(item, name);
    return sum;
}

static void the_night_shows_ones_own_batches_in_turn_and_only_the_sum_of_others(void **state)
{
    const cJSON *own, *slot;
    struct smki_actor stranger;
    struct home home;
    uint64_t id;
    cJSON *night;

    (void)state;
    home_lay(&home, WHEN, "{}");
    stranger = home.operator;
    stranger.party = PARTY(&home, "Other", SMKI_USER_OTHER, SMKI_SUBSCRIBER_DEVICE);
    SUBMIT_AS(&home, &stranger, SMKI_INTERFACE_BATCH, &requests[0], 3);
    NOW(&home, "2026-11-23T14:01");
    id = SUBMIT(&home, &requests[3], 2);
    night = NIGHT(&home, home.maker.party, "2026-11-23T14:02");
    assert_string_equal(said(night, "opensUk"), "23 November 2026, 20:00 GMT");
    assert_string_equal(said(night, "closes"), "2026-11-24T08:00:00Z");
    assert_string_equal(said(night, "open"), "false");
    assert_int_equal(number(night, "capacity"), 375000);
    assert_int_equal(number(night, "waiting"), 5);
    assert_int_equal(number(night, "accepted"), 5);
    assert_int_equal(number(night, "room"), 374995);
    assert_int_equal(number(night, "batchesInAll"), 2);
    assert_int_equal(sum_of(night, "slots", "planned"), 5);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(night, "batches")), 1);
    own = cJSON_GetArrayItem(cJSON_GetObjectItem(night, "batches"), 0);
    assert_int_equal(number(own, "id"), id);
    assert_int_equal(number(own, "place"), 2);
    assert_int_equal(number(own, "ahead"), 3);
    assert_string_equal(cJSON_GetObjectItem(own, "class")->valuestring, "due");
    assert_string_equal(cJSON_GetObjectItem(own, "dueAt")->valuestring, "2026-11-24T08:00:00Z");
    cJSON_Delete(night);
    NOW(&home, "2026-11-23T20:40");
    RUN(&home);
    night = NIGHT(&home, home.maker.party, "2026-11-23T20:45");
    assert_int_equal(number(night, "done"), 5);
    assert_int_equal(number(night, "waiting"), 0);
    slot = cJSON_GetArrayItem(cJSON_GetObjectItem(night, "slots"), 1);
    assert_string_equal(cJSON_GetObjectItem(slot, "fromUk")->valuestring, "23 November 2026, 20:30 GMT");
    assert_int_equal(number(slot, "done"), 5);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(night, "batches")), 0);
    cJSON_Delete(night);
    night = NIGHT(&home, home.maker.party, "2026-11-24T20:45"); /* the next one has done nothing yet */
    assert_int_equal(number(night, "done"), 0);
    cJSON_Delete(night);
    home_clear(&home);
}

/* A runner that was fast the last time: a thousand CSRs a second. */
static int fast_change(struct store_change *change, void *argument, struct smki_error *err)
{
    const double rate = 1000;

    (void)argument;
    return store_value_put(change, "run.rate", (struct smki_bytes){(const uint8_t *)&rate, sizeof(rate)}, err);
}

static void a_night_takes_no_more_than_its_capacity(void **state)
{
    struct smki_error err = {0};
    struct home home;
    const cJSON *own;
    cJSON *night;

    (void)state;
    home_lay(&home, WHEN, "{\"night.capacity\": 4}");
    SUBMIT(&home, &requests[0], 6);
    ASSERT_OK(store_change(smki_service_store(home.service), fast_change, NULL, &err), err);
    night = NIGHT(&home, home.maker.party, WHEN);
    assert_int_equal(number(night, "waiting"), 6);
    assert_int_equal(number(night, "accepted"), 4);
    assert_int_equal(sum_of(night, "slots", "planned"), 4);
    assert_int_equal(number(night, "room"), 0);
    own = cJSON_GetArrayItem(cJSON_GetObjectItem(night, "batches"), 0);
    assert_true(cJSON_IsTrue(cJSON_GetObjectItem(own, "atRisk")));
    cJSON_Delete(night);
    home_clear(&home);
}

static void the_nights_of_the_clock_changes_have_11_and_13_hours(void **state)
{
    static const struct {
        const char *at;
        int minutes;
    } nights[] = {{"2026-03-28T21:00", 660}, {"2026-10-24T21:00", 780}, {"2026-11-23T21:00", 720}};
    struct home home;

    (void)state;
    home_lay(&home, WHEN, "{}");
    for (size_t i = 0; i < 3; i++) {
        cJSON *night = NIGHT(&home, home.maker.party, nights[i].at);

        assert_int_equal(number(night, "minutes"), nights[i].minutes);
        assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(night, "slots")), nights[i].minutes / 30);
        assert_string_equal(said(night, "open"), "true");
        cJSON_Delete(night);
    }
    home_clear(&home);
}

static cJSON *FORECAST(struct home *home, uint32_t csrs, const char *at)
{
    struct smki_error err = {0};
    cJSON *out;

    ASSERT_OK(smki_forecast_json(&out, home->service, home->maker.party, csrs, AT(at), &err), err);
    return out;
}

static void a_batch_is_told_before_its_upload_whether_it_will_fit(void **state)
{
    struct home home;
    cJSON *forecast;

    (void)state;
    home_lay(&home, WHEN, "{\"demand.portal_batch_csrs\": 10}");
    SUBMIT_AS(&home, &home.maker, SMKI_INTERFACE_PORTAL_DEVICE, &requests[0], 4);
    forecast = FORECAST(&home, 6, "2026-11-23T19:59:59");
    assert_string_equal(said(forecast, "dueAt"), "2026-11-24T08:00:00Z");
    assert_string_equal(said(forecast, "tonight"), "true");
    assert_string_equal(said(forecast, "overQuota"), "false");
    assert_int_equal(number(forecast, "left"), 6);
    assert_int_equal(number(forecast, "leftAfter"), 0);
    assert_string_equal(said(forecast, "resetAt"), "2026-11-24T14:00:00Z");
    cJSON_Delete(forecast);
    forecast = FORECAST(&home, 6, "2026-11-23T20:00");
    assert_string_equal(said(forecast, "dueAt"), "2026-11-25T08:00:00Z");
    cJSON_Delete(forecast);
    forecast = FORECAST(&home, 7, "2026-11-23T20:00");
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(forecast, "dueAt"))); /* behind all due work nothing is promised */
    assert_string_equal(said(forecast, "overQuota"), "true");
    cJSON_Delete(forecast);
    forecast = FORECAST(&home, 50001, WHEN);
    assert_string_equal(said(forecast, "tooMany"), "true");
    cJSON_Delete(forecast);
    home_clear(&home);
}

/* ---- demand ---- */

static const cJSON *RULE(const cJSON *demand, int place, const char *word)
{
    const cJSON *rule = cJSON_GetArrayItem(cJSON_GetObjectItem(demand, "rules"), place);

    assert_string_equal(cJSON_GetObjectItem(rule, "rule")->valuestring, word);
    return rule;
}

static void the_demand_of_24_hours_is_told_against_its_limits(void **state)
{
    struct smki_agreement agreement = {.rule = SMKI_RULE_PORTAL_BATCH, .limit = 80000, .short_notice = true};
    struct smki_submission *submission;
    struct smki_actor system;
    struct smki_error err = {0};
    const cJSON *rule, *hours;
    struct home home;
    cJSON *demand;

    (void)state;
    home_lay(&home, WHEN, "{}");
    agreement.party = home.maker.party;
    agreement.from = AT("2026-11-23T00:00");
    agreement.to = AT("2026-11-25T00:00");
    ASSERT_OK(smki_agreement_add(smki_service_store(home.service), &home.operator, & smki_demand_defaults, &agreement, &err), err);
    ASSERT_OK(ISSUE(&home, 0, NULL, &err), err);
    SUBMIT_AS(&home, &home.maker, SMKI_INTERFACE_PORTAL_DEVICE, &requests[4], 3);
    NOW(&home, "2026-11-23T15:30");
    ASSERT_OK(ISSUE(&home, 1, NULL, &err), err);
    ASSERT_OK(ISSUE(&home, 2, NULL, &err), err);
    system = home.maker;
    system.interface = SMKI_INTERFACE_BATCH;
    ASSERT_OK(smki_submission_open(&submission, home.service, &system, SMKI_BATCH_XML, NULL, &err), err);
    ASSERT_OK(smki_demand_json(&demand, home.service, home.maker.party, AT("2026-11-23T16:00"), &err), err);
    rule = RULE(demand, 0, "portal-batch");
    assert_int_equal(number(rule, "used"), 3);
    assert_int_equal(number(rule, "limit"), 80000);
    assert_int_equal(number(rule, "ownLimit"), 50000);
    assert_int_equal(number(cJSON_GetObjectItem(rule, "agreement"), "number"), agreement.number);
    rule = RULE(demand, 1, "portal-adhoc");
    assert_int_equal(number(rule, "used"), 3);
    assert_int_equal(number(rule, "remaining"), 147);
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(rule, "agreement")));
    assert_string_equal(cJSON_GetObjectItem(rule, "roomAt")->valuestring, "2026-11-24T15:30:00Z");
    assert_string_equal(cJSON_GetObjectItem(rule, "resetAt")->valuestring, "2026-11-24T14:00:00Z");
    hours = cJSON_GetObjectItem(rule, "hours");
    assert_int_equal(cJSON_GetArraySize(hours), 24);
    assert_int_equal(number(cJSON_GetArrayItem(hours, 23), "count"), 2);
    assert_int_equal(number(cJSON_GetArrayItem(hours, 21), "count"), 1); /* 14:00 ends the hour that began at 13:00 */
    assert_string_equal(cJSON_GetObjectItem(cJSON_GetArrayItem(hours, 23), "fromUk")->valuestring, "23 November 2026, 15:00 GMT");
    rule = RULE(demand, 2, "adhoc-pace");
    assert_int_equal(number(rule, "limit"), 800);
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(rule, "lastAt")));
    rule = RULE(demand, 3, "batch-one");
    assert_int_equal(number(rule, "used"), 1);
    assert_int_equal(number(rule, "limit"), 1);
    cJSON_Delete(demand);
    smki_submission_close(submission);
    ASSERT_OK(smki_demand_json(&demand, home.service, home.maker.party, AT("2026-11-23T22:00"), &err), err);
    assert_int_equal(number(RULE(demand, 2, "adhoc-pace"), "limit"), 4000);
    assert_int_equal(number(RULE(demand, 3, "batch-one"), "used"), 0);
    cJSON_Delete(demand);
    home_clear(&home);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pasted_device_csr_is_told_before_anything_is_done),
        cmocka_unit_test(what_is_wrong_with_a_pasted_csr_is_told_as_issuing_tells_it),
        cmocka_unit_test(a_text_that_is_no_csr_is_on_record_when_it_is_submitted),
        cmocka_unit_test(each_part_of_the_portal_is_for_its_own_officers),
        cmocka_unit_test(the_quota_slides_and_what_is_refused_does_not_count),
        cmocka_unit_test(the_quota_outlives_a_restart),
        cmocka_unit_test(an_agreement_lifts_the_quota_and_observing_lets_in_and_marks),
        cmocka_unit_test(what_cannot_be_signed_now_may_be_sent_again_and_is_not_counted),
        cmocka_unit_test(what_a_crash_left_unsigned_may_be_sent_again),
        cmocka_unit_test(what_becomes_void_no_longer_counts),
        cmocka_unit_test(of_many_threads_and_processes_the_quota_lets_in_exactly_its_number),
        cmocka_unit_test(what_came_one_by_one_is_picked_up_newest_first_for_30_days),
        cmocka_unit_test(each_part_picks_up_its_own),
        cmocka_unit_test(results_end_30_days_after_the_latest_of_release_and_run),
        cmocka_unit_test(a_result_without_a_name_leaves_nothing_behind_and_is_on_record),
        cmocka_unit_test(a_batchs_name_is_printable),
        cmocka_unit_test(batches_of_a_party_come_newest_first_and_no_others),
        cmocka_unit_test(certificates_are_found_by_what_an_officer_types),
        cmocka_unit_test(certificates_are_found_newest_first),
        cmocka_unit_test(a_credentials_certificate_is_not_found_by_officers),
        cmocka_unit_test(the_night_shows_ones_own_batches_in_turn_and_only_the_sum_of_others),
        cmocka_unit_test(a_night_takes_no_more_than_its_capacity),
        cmocka_unit_test(the_nights_of_the_clock_changes_have_11_and_13_hours),
        cmocka_unit_test(a_batch_is_told_before_its_upload_whether_it_will_fit),
        cmocka_unit_test(the_demand_of_24_hours_is_told_against_its_limits),
    };

    return cmocka_run_group_tests(tests, group_begin, group_end);
}
