/* IKI credentials (interfaces.md 3) and demand agreements (CoCo 3). */
#include "registry_test.h"

/* ---- credentials ---- */

static uint64_t verified_officer(struct store_test *test, uint64_t party)
{
    struct smki_officer officer = {.party = party, .name = "A", .email = "a@b"};

    ASSERT_OK(smki_officer_nominate(test->store, &anna, &officer, &test->err), test->err);
    ASSERT_OK(smki_officer_set_state(test->store, &anna, officer.number, SMKI_OFFICER_VERIFIED, &test->err), test->err);
    return officer.number;
}

/* A system's credential for the batch web service, whose certificate has this number. */
static struct smki_credential system_credential(uint64_t party, const char *common_name, uint8_t certificate)
{
    struct smki_credential credential = {.party = party, .interface = SMKI_INTERFACE_BATCH, .serial = {.size = SMKI_SERIAL_SIZE}};

    snprintf(credential.common_name, sizeof(credential.common_name), "%s", common_name);
    test_serial(credential.serial.octet, certificate);
    memset(credential.sha256, certificate, sizeof(credential.sha256));
    credential.issued_at = AT("2026-11-23T20:00");
    credential.expires_at = AT("2027-11-23T20:00");
    return credential;
}

static struct smki_credential portal_credential(uint64_t party, uint64_t officer, uint8_t certificate)
{
    struct smki_credential credential = system_credential(party, "A", certificate);

    credential.interface = SMKI_INTERFACE_PORTAL_DEVICE;
    credential.officer = officer;
    return credential;
}

/* As the issuing service does: the certificate and the credential in one change. */
static int issue(struct store_change *change, void *argument, struct smki_error *err)
{
    struct smki_credential *credential = argument;
    struct store_certificate certificate = {.ca = STORE_CA_IKICA, .der = BYTES("der", 3), .party = credential->party};
    int rc;

    memcpy(certificate.serial, credential->serial.octet, sizeof(certificate.serial));
    if ((rc = store_certificate_add(change, &certificate, err)) != 0)
        return rc;
    return credential_add(change, &anna, credential, err);
}

static void add_credential(struct store_test *test, struct smki_credential *credential)
{
    CHANGE(test, issue, credential);
}

static void refuse_credential(struct store_test *test, struct smki_credential *credential, int code, const char *text)
{
    EXPECT_REFUSED(code, store_change(test->store, issue, credential, &test->err), test->err);
    EXPECT_TEXT(test->err, text);
}

static int set_state(struct store_test *test, uint64_t number, enum smki_credential_state state)
{
    return smki_credential_set_state(test->store, &anna, number, state, &test->err);
}

static void expect_state(struct store_test *test, uint64_t number, enum smki_credential_state state)
{
    struct smki_credential credential;

    ASSERT_OK(smki_credential_find(test->store, number, &credential, &test->err), test->err);
    assert_int_equal(credential.state, state);
}

static void a_credential_is_found_by_number_and_by_certificate(void **state)
{
    struct store_test *test = *state;
    struct smki_credential credential = system_credential(add_party(test, "One", NULL), "head-end-1", 7), found;
    uint8_t other[32] = {1};

    add_credential(test, &credential);
    assert_int_equal(credential.number, 1);
    assert_int_equal(credential.state, SMKI_CREDENTIAL_ACTIVE);
    ASSERT_OK(smki_credential_find(test->store, 1, &found, &test->err), test->err);
    assert_memory_equal(&found, &credential, sizeof(found));
    ASSERT_OK(smki_credential_of_certificate(test->store, credential.sha256, &found, &test->err), test->err);
    assert_memory_equal(&found, &credential, sizeof(found));
    EXPECT_REFUSED(SMKI_NOT_FOUND, smki_credential_of_certificate(test->store, other, &found, &test->err), test->err);
    EXPECT_REFUSED(SMKI_NOT_FOUND, smki_credential_next(test->store, 1, &found, &test->err), test->err);
    expect_record(test, SMKI_ACT_CREDENTIAL_ISSUE, 1, 1, "batch, CN head-end-1");
}

static void a_credential_serves_one_of_the_four_interfaces(void **state)
{
    struct store_test *test = *state;
    struct smki_credential credential = system_credential(add_party(test, "One", NULL), "x", 1);

    credential.interface = SMKI_INTERFACE_OPERATOR;
    refuse_credential(test, &credential, SMKI_INVALID_ARGUMENT, "not \"operator\"");
    credential.interface = SMKI_INTERFACE_RUNNER;
    refuse_credential(test, &credential, SMKI_INVALID_ARGUMENT, "not \"runner\"");
    credential.interface = SMKI_INTERFACE_PORTAL_ORGANISATION;
    refuse_credential(test, &credential, SMKI_INVALID_ARGUMENT, "is an officer's");
    credential.interface = SMKI_INTERFACE_ADHOC;
    credential.officer = 1;
    refuse_credential(test, &credential, SMKI_INVALID_ARGUMENT, "is a system's");
    credential.officer = 0;
    add_credential(test, &credential);
}

static void an_officers_credential_needs_a_verified_officer_of_the_same_party(void **state)
{
    struct store_test *test = *state;
    uint64_t one = add_party(test, "One", NULL), two = add_party(test, "Two", NULL);
    struct smki_officer nominated = {.party = one, .name = "N", .email = "n@b"};
    struct smki_credential credential = portal_credential(two, verified_officer(test, one), 1);

    refuse_credential(test, &credential, SMKI_INVALID_ARGUMENT, "officer 1 is not one of Party 2");
    ASSERT_OK(smki_officer_nominate(test->store, &anna, &nominated, &test->err), test->err);
    credential = portal_credential(one, nominated.number, 1);
    refuse_credential(test, &credential, SMKI_OFFICER_STATE, "officer 2 is nominated");
    credential.officer = 9;
    refuse_credential(test, &credential, SMKI_NOT_FOUND, "there is no officer 9");
    credential.officer = 1;
    add_credential(test, &credential);
}

static void a_credential_needs_a_party_that_is_not_barred(void **state)
{
    struct store_test *test = *state;
    struct smki_party party = supplier("One", NULL);
    struct smki_credential credential = system_credential(9, "x", 1);

    refuse_credential(test, &credential, SMKI_PARTY_UNKNOWN, "there is no Party 9");
    party.barred = true;
    ASSERT_OK(smki_party_add(test->store, &anna, &party, &test->err), test->err);
    credential.party = party.number;
    refuse_credential(test, &credential, SMKI_PARTY_BARRED, "Party 1 is barred");
}

static void a_cn_is_unique_for_a_party_and_interface_only(void **state)
{
    struct store_test *test = *state;
    uint64_t one = add_party(test, "One", NULL), two = add_party(test, "Two", NULL);
    struct smki_credential first = system_credential(one, "x", 1), same = system_credential(one, "x", 2),
                           other = system_credential(two, "x", 3), adhoc = system_credential(one, "x", 4),
                           longer = system_credential(one, "xx", 5);

    add_credential(test, &first);
    refuse_credential(test, &same, SMKI_CREDENTIAL_NAME_TAKEN, "in use by credential 1 of Party 1 for batch");
    adhoc.interface = SMKI_INTERFACE_ADHOC;
    add_credential(test, &other);
    add_credential(test, &adhoc);
    add_credential(test, &longer);
}

static void a_suspended_credential_keeps_its_cn_and_a_revoked_one_frees_it(void **state)
{
    struct store_test *test = *state;
    uint64_t party = add_party(test, "One", NULL);
    struct smki_credential first = system_credential(party, "x", 1), second = system_credential(party, "x", 2);

    add_credential(test, &first);
    ASSERT_OK(set_state(test, 1, SMKI_CREDENTIAL_SUSPENDED), test->err);
    refuse_credential(test, &second, SMKI_CREDENTIAL_NAME_TAKEN, "in use");
    ASSERT_OK(set_state(test, 1, SMKI_CREDENTIAL_REVOKED), test->err);
    add_credential(test, &second);
}

static void an_expired_credential_frees_its_cn(void **state)
{
    struct store_test *test = *state;
    uint64_t party = add_party(test, "One", NULL);
    struct smki_credential first = system_credential(party, "x", 1), second = system_credential(party, "x", 2);

    add_credential(test, &first);
    test_clock_set(&test->clock, (struct smki_time){first.expires_at.us - 1});
    refuse_credential(test, &second, SMKI_CREDENTIAL_NAME_TAKEN, "in use");
    test_clock_set(&test->clock, first.expires_at);
    add_credential(test, &second);
}

static void a_renewal_keeps_the_cn_and_both_work(void **state)
{
    struct store_test *test = *state;
    uint64_t party = add_party(test, "One", NULL);
    struct smki_credential first = system_credential(party, "x", 1), second = system_credential(party, "x", 2),
                           third = system_credential(party, "x", 3);

    add_credential(test, &first);
    second.renews = 1;
    add_credential(test, &second);
    expect_record(test, SMKI_ACT_CREDENTIAL_ISSUE, 1, 2, "batch, renews 1, CN x");
    expect_state(test, 1, SMKI_CREDENTIAL_ACTIVE);
    third.renews = 1; /* renewed already */
    refuse_credential(test, &third, SMKI_CREDENTIAL_NAME_TAKEN, "in use by credential 2");
    third.renews = 2;
    add_credential(test, &third);
}

/* The name leads to the newest credential: the older ones are found through it. */
static void a_suspended_credential_is_not_renewed_into_an_active_one(void **state)
{
    struct store_test *test = *state;
    uint64_t party = add_party(test, "One", NULL);
    struct smki_credential first = system_credential(party, "x", 1), second = system_credential(party, "x", 2);

    add_credential(test, &first);
    ASSERT_OK(set_state(test, 1, SMKI_CREDENTIAL_SUSPENDED), test->err);
    second.renews = 1;
    refuse_credential(test, &second, SMKI_CREDENTIAL_STATE, "credential 1 is suspended and cannot be renewed");
    ASSERT_OK(set_state(test, 1, SMKI_CREDENTIAL_ACTIVE), test->err);
    add_credential(test, &second);
}

static void a_revoked_renewal_does_not_free_the_cn_of_the_one_it_renews(void **state)
{
    struct store_test *test = *state;
    uint64_t party = add_party(test, "One", NULL);
    struct smki_credential first = system_credential(party, "x", 1), second = system_credential(party, "x", 2),
                           third = system_credential(party, "x", 3);

    add_credential(test, &first);
    second.renews = 1;
    add_credential(test, &second);
    ASSERT_OK(set_state(test, 2, SMKI_CREDENTIAL_REVOKED), test->err);
    refuse_credential(test, &third, SMKI_CREDENTIAL_NAME_TAKEN, "in use by credential 1");
    third.renews = 2;
    refuse_credential(test, &third, SMKI_CREDENTIAL_STATE, "credential 2 is revoked and cannot be renewed");
    third.renews = 1;
    add_credential(test, &third);
}

static void a_renewal_of_something_else_is_refused(void **state)
{
    struct store_test *test = *state;
    uint64_t party = add_party(test, "One", NULL);
    struct smki_credential first = system_credential(party, "x", 1), other = system_credential(party, "y", 2);

    add_credential(test, &first);
    other.renews = 1;
    refuse_credential(test, &other, SMKI_INVALID_ARGUMENT, "a renewal keeps Party, interface, officer and CN");
    other = system_credential(party, "x", 2);
    other.interface = SMKI_INTERFACE_ADHOC;
    other.renews = 1;
    refuse_credential(test, &other, SMKI_INVALID_ARGUMENT, "a renewal keeps");
    other.renews = 9;
    refuse_credential(test, &other, SMKI_NOT_FOUND, "there is no credential 9");
}

static void one_certificate_is_one_credential(void **state)
{
    struct store_test *test = *state;
    uint64_t party = add_party(test, "One", NULL);
    struct smki_credential first = system_credential(party, "x", 1), second = system_credential(party, "y", 2);

    add_credential(test, &first);
    memcpy(second.sha256, first.sha256, sizeof(second.sha256));
    refuse_credential(test, &second, SMKI_ALREADY_EXISTS, "that of credential 1");
}

static void cns_are_text_and_serials_fit(void **state)
{
    struct store_test *test = *state;
    struct smki_credential credential = system_credential(add_party(test, "One", NULL), "", 1);

    refuse_credential(test, &credential, SMKI_INVALID_ARGUMENT, "the CN is empty");
    memset(credential.common_name, 'x', sizeof(credential.common_name));
    refuse_credential(test, &credential, SMKI_INVALID_ARGUMENT, "the CN is longer than 255");
    credential.common_name[255] = '\0';
    credential.serial.size = 17;
    refuse_credential(test, &credential, SMKI_INVALID_ARGUMENT, "1 to 16 octets");
    credential.serial.size = 16;
    add_credential(test, &credential);
}

/* Every move from every state. */
static void credentials_move_only_as_the_table_says(void **state)
{
    static const bool allowed[4][4] = {
        [SMKI_CREDENTIAL_ACTIVE] = {[SMKI_CREDENTIAL_SUSPENDED] = true, [SMKI_CREDENTIAL_REVOKED] = true},
        [SMKI_CREDENTIAL_SUSPENDED] = {[SMKI_CREDENTIAL_ACTIVE] = true, [SMKI_CREDENTIAL_REVOKED] = true},
    };
    struct store_test *test = *state;
    uint64_t party = add_party(test, "One", NULL);
    uint8_t certificate = 1;

    for (enum smki_credential_state from = 1; from <= 3; from++) {
        for (enum smki_credential_state to = 1; to <= 3; to++, certificate++) {
            char name[16];
            struct smki_credential credential;
            snprintf(name, sizeof(name), "%u to %u", from, to);
            credential = system_credential(party, name, certificate);
            add_credential(test, &credential);
            if (from != SMKI_CREDENTIAL_ACTIVE)
                ASSERT_OK(set_state(test, credential.number, from), test->err);
            if (allowed[from][to])
                ASSERT_OK(set_state(test, credential.number, to), test->err);
            else
                EXPECT_REFUSED(SMKI_CREDENTIAL_STATE, set_state(test, credential.number, to), test->err);
            expect_state(test, credential.number, allowed[from][to] ? to : from);
        }
    }
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, set_state(test, 1, (enum smki_credential_state)4), test->err);
    EXPECT_REFUSED(SMKI_NOT_FOUND, set_state(test, 99, SMKI_CREDENTIAL_REVOKED), test->err);
}

static struct smki_time revoked_at(struct store_test *test, const struct smki_credential *credential)
{
    struct store_certificate certificate = {0};

    VIEW(test);
    ASSERT_OK(store_certificate_get(view, STORE_CA_IKICA, credential->serial.octet, &certificate, &test->err), test->err);
    VIEW_END;
    return certificate.revoked_at;
}

static void revoking_a_credential_revokes_its_certificate(void **state)
{
    struct store_test *test = *state;
    struct smki_credential credential = system_credential(add_party(test, "One", NULL), "x", 1);

    add_credential(test, &credential);
    ASSERT_OK(set_state(test, 1, SMKI_CREDENTIAL_SUSPENDED), test->err);
    assert_int_equal(revoked_at(test, &credential).us, 0);
    test_clock_set(&test->clock, AT("2026-12-01"));
    ASSERT_OK(set_state(test, 1, SMKI_CREDENTIAL_REVOKED), test->err);
    ASSERT_TIME(revoked_at(test, &credential), "2026-12-01");
    expect_record(test, SMKI_ACT_CREDENTIAL_UPDATE, 1, 1, "suspended -> revoked, CN x");
    assert_memory_equal(last_record(test).serial.octet, credential.serial.octet, SMKI_SERIAL_SIZE);
    assert_int_equal(records(test), 5); /* Party, issue, suspend, the certificate, the credential */
}

static int revoke_certificate(struct store_change *change, void *argument, struct smki_error *err)
{
    const struct smki_credential *credential = argument;

    return store_certificate_revoke(change, STORE_CA_IKICA, credential->serial.octet, store_change_time(change), 1, err);
}

static void a_credential_whose_certificate_is_revoked_already_can_be_revoked(void **state)
{
    struct store_test *test = *state;
    struct smki_credential credential = system_credential(add_party(test, "One", NULL), "x", 1);

    add_credential(test, &credential);
    CHANGE(test, revoke_certificate, &credential);
    ASSERT_OK(set_state(test, 1, SMKI_CREDENTIAL_REVOKED), test->err);
    expect_state(test, 1, SMKI_CREDENTIAL_REVOKED);
}

static void a_token_is_recorded_with_its_officers_credential(void **state)
{
    struct store_test *test = *state;
    uint64_t party = add_party(test, "One", NULL);
    struct smki_credential mine = portal_credential(party, verified_officer(test, party), 1), system = system_credential(party, "x", 2);

    add_credential(test, &mine);
    add_credential(test, &system);
    ASSERT_OK(smki_credential_on_token(test->store, &anna, mine.number, "92cc0233e4d6992b", "Ann", &test->err), test->err);
    expect_record(test, SMKI_ACT_TOKEN, party, mine.number, "token serial 92cc0233e4d6992b, label Ann, officer 1, CN A");
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, smki_credential_on_token(test->store, &anna, system.number, "1", "Ann", &test->err), test->err);
    EXPECT_REFUSED(SMKI_NOT_FOUND, smki_credential_on_token(test->store, &anna, 9, "1", "Ann", &test->err), test->err);
}

static void barring_an_officer_suspends_his_credentials_until_he_is_verified_again(void **state)
{
    struct store_test *test = *state;
    uint64_t party = add_party(test, "One", NULL), officer = verified_officer(test, party), other = verified_officer(test, party);
    struct smki_credential mine = portal_credential(party, officer, 1), theirs = portal_credential(party, other, 2),
                           system = system_credential(party, "x", 3);

    snprintf(theirs.common_name, sizeof(theirs.common_name), "B");
    add_credential(test, &mine);
    add_credential(test, &theirs);
    add_credential(test, &system);
    ASSERT_OK(smki_officer_set_state(test->store, &anna, officer, SMKI_OFFICER_BARRED, &test->err), test->err);
    expect_state(test, mine.number, SMKI_CREDENTIAL_SUSPENDED);
    expect_state(test, theirs.number, SMKI_CREDENTIAL_ACTIVE);
    expect_state(test, system.number, SMKI_CREDENTIAL_ACTIVE);
    expect_record(test, SMKI_ACT_CREDENTIAL_UPDATE, party, mine.number, "active -> suspended (the officer is barred), CN A");
    EXPECT_REFUSED(SMKI_OFFICER_STATE, set_state(test, mine.number, SMKI_CREDENTIAL_ACTIVE), test->err);
    ASSERT_OK(smki_officer_set_state(test->store, &anna, officer, SMKI_OFFICER_NOMINATED, &test->err), test->err);
    ASSERT_OK(smki_officer_set_state(test->store, &anna, officer, SMKI_OFFICER_VERIFIED, &test->err), test->err);
    ASSERT_OK(set_state(test, mine.number, SMKI_CREDENTIAL_ACTIVE), test->err);
}

/* ---- agreements ---- */

static struct smki_agreement agreement_of(uint64_t party, enum smki_rule rule, uint64_t limit, const char *from, const char *to)
{
    return (struct smki_agreement){.party = party, .rule = rule, .limit = limit, .from = AT(from), .to = AT(to)};
}

static int add_agreement(struct store_test *test, struct smki_agreement *agreement)
{
    return smki_agreement_add(test->store, &anna, &smki_demand_defaults, agreement, &test->err);
}

static uint64_t limit_at(struct store_test *test, uint64_t party, enum smki_rule rule, const char *at)
{
    uint64_t limit = 77;

    ASSERT_OK(smki_agreement_limit(test->store, party, rule, AT(at), &limit, &test->err), test->err);
    return limit;
}

static void an_agreement_is_listed_as_it_was_added(void **state)
{
    struct store_test *test = *state;
    struct smki_agreement agreement = agreement_of(add_party(test, "One", NULL), SMKI_RULE_PORTAL_BATCH, 80000, "2026-12-01", "2026-12-31"),
                          found;

    ASSERT_OK(add_agreement(test, &agreement), test->err);
    ASSERT_TIME(agreement.notified_at, "2026-11-23T20:00");
    ASSERT_OK(smki_agreement_next(test->store, 0, &found, &test->err), test->err);
    assert_int_equal(found.number, agreement.number);
    assert_int_equal(found.party, agreement.party);
    assert_int_equal(found.rule, agreement.rule);
    assert_int_equal(found.limit, agreement.limit);
    assert_int_equal(found.from.us, agreement.from.us);
    assert_int_equal(found.to.us, agreement.to.us);
    assert_int_equal(found.notified_at.us, agreement.notified_at.us);
    assert_int_equal(found.short_notice, agreement.short_notice);
    EXPECT_REFUSED(SMKI_NOT_FOUND, smki_agreement_next(test->store, 1, &found, &test->err), test->err);
    expect_record(test, SMKI_ACT_AGREEMENT_ADD, 1, 1,
                  "portal-batch 80000 from 2026-12-01T00:00:00+00:00 to 2026-12-31T00:00:00+00:00, notified 2026-11-23T20:00:00+00:00");
}

static void an_agreement_needs_seven_days_notice(void **state)
{
    struct store_test *test = *state;
    struct smki_agreement agreement =
        agreement_of(add_party(test, "One", NULL), SMKI_RULE_PORTAL_ADHOC, 500, "2026-11-30T19:59", "2026-12-31");

    EXPECT_REFUSED(SMKI_AGREEMENT_NOTICE, add_agreement(test, &agreement), test->err);
    EXPECT_TEXT(test->err, "can begin on 2026-11-30 20:00 GMT at the earliest (7 days' notice, CoCo 3)");
    agreement.from = AT("2026-11-30T20:00");
    ASSERT_OK(add_agreement(test, &agreement), test->err);
}

static void an_earlier_notice_counts_and_a_future_one_does_not(void **state)
{
    struct store_test *test = *state;
    struct smki_agreement agreement = agreement_of(add_party(test, "One", NULL), SMKI_RULE_PORTAL_ADHOC, 500, "2026-11-24", "2026-12-31");

    agreement.notified_at = AT("2026-11-17");
    ASSERT_OK(add_agreement(test, &agreement), test->err);
    agreement.notified_at = AT("2026-11-17T00:01");
    EXPECT_REFUSED(SMKI_AGREEMENT_NOTICE, add_agreement(test, &agreement), test->err);
    agreement.notified_at = AT("2026-11-23T20:01");
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, add_agreement(test, &agreement), test->err);
}

static void short_notice_is_taken_when_the_operator_says_so(void **state)
{
    struct store_test *test = *state;
    struct smki_agreement agreement = agreement_of(add_party(test, "One", NULL), SMKI_RULE_PORTAL_ADHOC, 500, "2026-11-24", "2026-12-31");

    agreement.short_notice = true;
    ASSERT_OK(add_agreement(test, &agreement), test->err);
    assert_non_null(strstr(last_record(test).detail, "(short notice)"));
}

static void an_agreement_without_sense_is_refused(void **state)
{
    struct store_test *test = *state;
    uint64_t party = add_party(test, "One", NULL);
    struct smki_agreement agreement = agreement_of(9, SMKI_RULE_PORTAL_BATCH, 1, "2026-12-01", "2026-12-31");

    EXPECT_REFUSED(SMKI_PARTY_UNKNOWN, add_agreement(test, &agreement), test->err);
    agreement = agreement_of(party, SMKI_RULE_POLL, 1, "2026-12-01", "2026-12-31");
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, add_agreement(test, &agreement), test->err);
    agreement = agreement_of(party, SMKI_RULE_PORTAL_BATCH, 0, "2026-12-01", "2026-12-31");
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, add_agreement(test, &agreement), test->err);
    agreement = agreement_of(party, SMKI_RULE_PORTAL_BATCH, 1, "2026-12-01", "2026-12-01");
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, add_agreement(test, &agreement), test->err);
}

static void an_agreement_of_the_batch_web_service_counts_submissions_at_once(void **state)
{
    struct store_test *test = *state;
    uint64_t party = add_party(test, "One", NULL);
    struct smki_agreement agreement = agreement_of(party, SMKI_RULE_BATCH_ONE, 0, "2026-12-01", "2026-12-31");
    enum smki_rule rule = 0;

    assert_string_equal(smki_agreement_rule_word(SMKI_RULE_BATCH_ONE), "batch-one");
    assert_true(smki_agreement_rule_find("Batch_One", &rule));
    assert_int_equal(rule, SMKI_RULE_BATCH_ONE);
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, add_agreement(test, &agreement), test->err);
    EXPECT_TEXT(test->err, "submissions at once");
    agreement.limit = 2;
    ASSERT_OK(add_agreement(test, &agreement), test->err);
    agreement.limit = 4;
    ASSERT_OK(add_agreement(test, &agreement), test->err);
    assert_int_equal(limit_at(test, party, SMKI_RULE_BATCH_ONE, "2026-12-15"), 4);
    assert_int_equal(limit_at(test, party, SMKI_RULE_BATCH_ONE, "2026-11-30"), 0);
}

static void an_agreement_is_in_force_from_its_begin_to_just_before_its_end(void **state)
{
    struct store_test *test = *state;
    uint64_t party = add_party(test, "One", NULL), other = add_party(test, "Two", NULL);
    struct smki_agreement agreement = agreement_of(party, SMKI_RULE_PORTAL_BATCH, 80000, "2026-12-01", "2026-12-31");

    ASSERT_OK(add_agreement(test, &agreement), test->err);
    assert_int_equal(limit_at(test, party, SMKI_RULE_PORTAL_BATCH, "2026-11-30T23:59:59"), 0);
    assert_int_equal(limit_at(test, party, SMKI_RULE_PORTAL_BATCH, "2026-12-01"), 80000);
    assert_int_equal(limit_at(test, party, SMKI_RULE_PORTAL_BATCH, "2026-12-30T23:59:59"), 80000);
    assert_int_equal(limit_at(test, party, SMKI_RULE_PORTAL_BATCH, "2026-12-31"), 0);
    assert_int_equal(limit_at(test, party, SMKI_RULE_PORTAL_ADHOC, "2026-12-15"), 0);
    assert_int_equal(limit_at(test, other, SMKI_RULE_PORTAL_BATCH, "2026-12-15"), 0);
}

static void of_overlapping_agreements_the_best_counts(void **state)
{
    static const uint64_t limits[] = {200, 500, 300};
    struct store_test *test = *state;
    uint64_t party = add_party(test, "One", NULL);

    for (size_t i = 0; i < TEST_COUNT(limits); i++) {
        struct smki_agreement csrs = agreement_of(party, SMKI_RULE_PORTAL_ADHOC, limits[i], "2026-12-01", "2026-12-31");
        struct smki_agreement pace = agreement_of(party, SMKI_RULE_ADHOC_PACE, limits[i], "2026-12-01", "2026-12-31");
        ASSERT_OK(add_agreement(test, &csrs), test->err);
        ASSERT_OK(add_agreement(test, &pace), test->err);
    }
    assert_int_equal(limit_at(test, party, SMKI_RULE_PORTAL_ADHOC, "2026-12-15"), 500);
    assert_int_equal(limit_at(test, party, SMKI_RULE_ADHOC_PACE, "2026-12-15"), 200); /* milliseconds between two: fewer are better */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_credential_is_found_by_number_and_by_certificate),
        STORE_TEST(a_credential_serves_one_of_the_four_interfaces),
        STORE_TEST(an_officers_credential_needs_a_verified_officer_of_the_same_party),
        STORE_TEST(a_credential_needs_a_party_that_is_not_barred),
        STORE_TEST(a_cn_is_unique_for_a_party_and_interface_only),
        STORE_TEST(a_suspended_credential_keeps_its_cn_and_a_revoked_one_frees_it),
        STORE_TEST(an_expired_credential_frees_its_cn),
        STORE_TEST(a_renewal_keeps_the_cn_and_both_work),
        STORE_TEST(a_suspended_credential_is_not_renewed_into_an_active_one),
        STORE_TEST(a_revoked_renewal_does_not_free_the_cn_of_the_one_it_renews),
        STORE_TEST(a_renewal_of_something_else_is_refused),
        STORE_TEST(one_certificate_is_one_credential),
        STORE_TEST(cns_are_text_and_serials_fit),
        STORE_TEST(credentials_move_only_as_the_table_says),
        STORE_TEST(revoking_a_credential_revokes_its_certificate),
        STORE_TEST(a_credential_whose_certificate_is_revoked_already_can_be_revoked),
        STORE_TEST(a_token_is_recorded_with_its_officers_credential),
        STORE_TEST(barring_an_officer_suspends_his_credentials_until_he_is_verified_again),
        STORE_TEST(an_agreement_is_listed_as_it_was_added),
        STORE_TEST(an_agreement_needs_seven_days_notice),
        STORE_TEST(an_earlier_notice_counts_and_a_future_one_does_not),
        STORE_TEST(short_notice_is_taken_when_the_operator_says_so),
        STORE_TEST(an_agreement_without_sense_is_refused),
        STORE_TEST(an_agreement_of_the_batch_web_service_counts_submissions_at_once),
        STORE_TEST(an_agreement_is_in_force_from_its_begin_to_just_before_its_end),
        STORE_TEST(of_overlapping_agreements_the_best_counts),
    };

    return cmocka_run_group_tests_name("registry_credential", tests, NULL, NULL);
}
