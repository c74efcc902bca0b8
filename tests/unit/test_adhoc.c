/* The ad hoc web service without HTTP: every status reached and valid by the schema, the TransactionId in the log, and the pace: in virtual
 * time, over restarts, threads and processes. */
#include "adhoc_test.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>

#define KEYS   8

static struct request *keys;  /* of one device, each with a key of its own */
static struct request *twins; /* of two devices, with the same key */

static int group_begin(void **state)
{
    keys = requests_make_of_one(KEYS, DEVICE);
    twins = requests_make_twins(DEVICE + 1);
    assert_true(keys != NULL && twins != NULL);
    return mould_make(state);
}

static int group_end(void **state)
{
    free(keys);
    free(twins);
    return mould_remove(state);
}

/* ---- statuses ---- */

static void a_replacement_certificate_is_in_the_answer(void **state)
{
    static struct smki_stored_certificate stored;
    struct adhoc_home at;
    struct smki_adhoc adhoc;
    struct smki_certificate certificate;
    const struct smki_ca *ca;
    struct smki_error err = {0};
    uint8_t der[SMKI_CERTIFICATE_MAX_SIZE];
    const char *from, *to;
    size_t size;

    (void)state;
    lay(&at, "2026-11-23T14:00", "{}");
    PORTAL(&at, &keys[0]);
    ASSERT_OK(ask(&at, &adhoc, &keys[1], &err), err);
    assert_int_equal(adhoc.code, 0);
    assert_true(says(&adhoc.xml, "<DeviceCertificateSigningResponse ID=\"r-1\">"));
    assert_int_equal(recorded(&at, adhoc.transaction, SMKI_ACT_CSR_DECIDE, 0), 1);
    assert_int_equal(recorded(&at, adhoc.transaction, SMKI_ACT_CERTIFICATE_ISSUE, 0), 1);
    assert_int_equal(smki_buffer_append(&adhoc.xml, "", 1, NULL), 0);
    from = strstr((char *)adhoc.xml.at, "<Certificate>") + strlen("<Certificate>");
    to = strstr(from, "</Certificate>");
    ASSERT_OK(base64_decode(der, sizeof(der), &size, from, (size_t)(to - from), BASE64_STRICT, &err), err);
    ASSERT_OK(smki_certificate_read(&certificate, BYTES(der, size), &err), err);
    ASSERT_OK(smki_service_ca(at.home.service, SMKI_DCA, &ca, &err), err);
    ASSERT_OK(smki_certificate_verify(&certificate, smki_ca_certificate(ca), &err), err);
    ASSERT_OK(smki_service_certificate(at.home.service, &certificate.serial, &stored, &err), err);
    assert_int_equal(stored.party, at.supplier.actor.party);
    adhoc.xml.size--;
    EXPECT_ANSWER(&adhoc, "SUCCESS", NULL);
    clear(&at);
}

static void a_device_without_an_earlier_certificate_is_unknown(void **state)
{
    struct adhoc_home at;
    struct smki_adhoc adhoc;
    struct smki_error err = {0};

    (void)state;
    lay(&at, "2026-11-23T14:00", "{}");
    EXPECT_REFUSED(SMKI_DEVICE_UNKNOWN, ask(&at, &adhoc, &keys[0], &err), err);
    assert_int_equal(recorded(&at, adhoc.transaction, SMKI_ACT_CSR_DECIDE, SMKI_DEVICE_UNKNOWN), 1);
    EXPECT_ANSWER(&adhoc, "UNKNOWN_DEVICE", "UD:LA3");
    clear(&at);
}

static void the_limit_of_a_device_is_an_anomaly(void **state)
{
    struct adhoc_home at;
    struct smki_adhoc adhoc;
    struct smki_device_id id;
    struct smki_error err = {0};

    (void)state;
    lay(&at, "2026-11-23T14:00", "{}");
    PORTAL(&at, &keys[0]);
    ASSERT_OK(smki_device_id_parse(&id, "90b3d51f300a0000", &err), err);
    ASSERT_OK(smki_device_set_limit(smki_service_store(at.home.service), &at.home.operator, & id, 1, &err), err);
    EXPECT_REFUSED(SMKI_DEVICE_LIMIT, ask(&at, &adhoc, &keys[1], &err), err);
    EXPECT_ANSWER(&adhoc, "ISSUANCE_ANOMALY", "CA:LA1");
    clear(&at);
}

static void the_hundred_and_first_certificate_is_an_anomaly(void **state)
{
    struct adhoc_home at;
    struct smki_adhoc adhoc;
    struct smki_error err = {0};
    struct request *many = requests_make_of_one(SMKI_DEVICE_CERTIFICATE_LIMIT + 1, DEVICE + 7);

    (void)state;
    assert_non_null(many);
    lay(&at, "2026-11-23T14:00", "{}");
    PORTAL(&at, &many[0]);
    for (unsigned i = 1; i < SMKI_DEVICE_CERTIFICATE_LIMIT; i++) {
        ASSERT_OK(ask(&at, &adhoc, &many[i], &err), err);
        smki_adhoc_finish(&adhoc);
    }
    EXPECT_REFUSED(SMKI_DEVICE_LIMIT, ask(&at, &adhoc, &many[SMKI_DEVICE_CERTIFICATE_LIMIT], &err), err);
    EXPECT_TEXT(err, "has 100 certificates, its limit is 100");
    EXPECT_ANSWER(&adhoc, "ISSUANCE_ANOMALY", "CA:LA1");
    clear(&at);
    free(many);
}

static void another_devices_key_is_an_anomaly(void **state)
{
    struct adhoc_home at;
    struct smki_adhoc adhoc;
    struct request *other = requests_make_of_one(1, DEVICE + 2); /* so that the second twin's device is known */
    struct smki_error err = {0};

    (void)state;
    assert_non_null(other);
    lay(&at, "2026-11-23T14:00", "{}");
    PORTAL(&at, &twins[0]);
    PORTAL(&at, other);
    EXPECT_REFUSED(SMKI_KEY_OF_ANOTHER_DEVICE, ask(&at, &adhoc, &twins[1], &err), err);
    EXPECT_ANSWER(&adhoc, "ISSUANCE_ANOMALY", "CA:LA2");
    clear(&at);
    free(other);
}

static void a_duplicate_is_cr_9999_in_the_specifications_words(void **state)
{
    struct adhoc_home at;
    struct smki_adhoc adhoc;
    struct smki_error err = {0};

    (void)state;
    lay(&at, "2026-11-23T14:00", "{}");
    PORTAL(&at, &keys[0]);
    EXPECT_REFUSED(SMKI_CSR_DUPLICATE, ask(&at, &adhoc, &keys[0], &err), err);
    assert_true(says(&adhoc.xml, "<ErrorCode>CR:9999</ErrorCode><ErrorText>Request for duplicate certificate not permitted</ErrorText>"));
    EXPECT_ANSWER(&adhoc, "CSR_ERROR", "CR:9999");
    clear(&at);
}

static void what_is_no_csr_is_a_csr_error(void **state)
{
    static const struct {
        const char *content, *code;
    } cases[] = {{"MAA=", "CR:AA1"}, {"", "CR:AA1"}, {"M!AA=", "CR:AA2"}};
    struct adhoc_home at;
    struct smki_adhoc adhoc;
    struct smki_error err = {0};

    (void)state;
    lay(&at, "2026-11-23T14:00", "{}");
    for (size_t i = 0; i < TEST_COUNT(cases); i++) {
        char text[512];
        int rc;
        test_clock_advance(&at.home.clock, SMKI_SECOND);
        snprintf(text, sizeof(text),
                 "<DeviceCertificateSigningRequest ID=\"x\"><Version>1.0</Version><CertificateSigningRequest>%s"
                 "</CertificateSigningRequest></DeviceCertificateSigningRequest>",
                 cases[i].content);
        ASSERT_OK(admit_text(&at, &adhoc, text, &err), err);
        rc = smki_adhoc_answer(&adhoc, at.home.service, &at.supplier, &err);
        assert_true(rc != 0 && rc == adhoc.code && rc == err.code);
        assert_int_equal(recorded(&at, adhoc.transaction, SMKI_ACT_CSR_DECIDE, rc), 1);
        EXPECT_ANSWER(&adhoc, "CSR_ERROR", cases[i].code);
    }
    clear(&at);
}

static void a_csr_whose_signature_is_another_is_a_csr_error(void **state)
{
    struct adhoc_home at;
    struct smki_adhoc adhoc;
    struct request bent = keys[1];
    struct smki_error err = {0};

    (void)state;
    bent.der[bent.size - 1] ^= 1;
    lay(&at, "2026-11-23T14:00", "{}");
    PORTAL(&at, &keys[0]);
    EXPECT_REFUSED(SMKI_CSR_SIGNATURE, ask(&at, &adhoc, &bent, &err), err);
    EXPECT_ANSWER(&adhoc, "CSR_ERROR", "CR:AA7");
    clear(&at);
}

static void without_the_cas_key_it_is_a_ca_error_and_resubmission_helps(void **state)
{
    struct adhoc_home at;
    struct smki_adhoc adhoc;
    char key[TEST_PATH_SIZE], away[TEST_PATH_SIZE];
    struct smki_error err = {0};
    int rc;

    (void)state;
    lay(&at, "2026-11-23T14:00", "{}");
    PORTAL(&at, &keys[0]);
    smki_service_close(at.home.service);
    home_open(&at.home); /* the key is not open yet */
    test_path(key, at.home.path, SMKI_HOME_KEYS "/dca.key");
    test_path(away, at.home.path, "away");
    assert_int_equal(rename(key, away), 0);
    rc = ask(&at, &adhoc, &keys[1], &err);
    assert_int_equal(smki_refusal_find(rc)->status, SMKI_STATUS_CA_ERROR);
    assert_int_equal(recorded(&at, adhoc.transaction, SMKI_ACT_CSR_VOID, rc), 1);
    assert_false(says(&adhoc.xml, at.home.path));                                             /* no word of our files */
    EXPECT_ANSWER(&adhoc, "CA_ERROR", smki_refusal_find(SMKI_CA_KEY_UNAVAILABLE)->wire_code); /* whatever the log has */
    assert_int_equal(rename(away, key), 0);
    ASSERT_OK(ask(&at, &adhoc, &keys[1], &err), err);
    EXPECT_ANSWER(&adhoc, "SUCCESS", NULL);
    clear(&at);
}

static void a_broken_document_is_a_format_error(void **state)
{
    struct adhoc_home at;
    struct smki_adhoc adhoc;
    struct smki_error err = {0};

    (void)state;
    lay(&at, "2026-11-23T14:00", "{}");
    EXPECT_REFUSED(SMKI_XML_INVALID, admit_text(&at, &adhoc, "<x/>", &err), err);
    assert_true(says(&adhoc.xml, "<DeviceCertificateSigningResponse>")); /* too broken to have an ID */
    assert_int_equal(recorded(&at, adhoc.transaction, SMKI_ACT_CSR_DECIDE, SMKI_XML_INVALID), 1);
    EXPECT_ANSWER(&adhoc, "FORMAT_ERROR", "FM:AA1");
    EXPECT_REFUSED(SMKI_XML_VERSION, admit_text(&at, &adhoc, "<DeviceCertificateSigningRequest ID=\"v\"><Version>2.0</Version>", &err),
                   err);
    assert_true(says(&adhoc.xml, "ID=\"v\""));
    EXPECT_ANSWER(&adhoc, "FORMAT_ERROR", "FM:AA5");
    EXPECT_REFUSED(SMKI_XML_DTD, admit_text(&at, &adhoc, "<!DOCTYPE x>", &err), err);
    EXPECT_ANSWER(&adhoc, "FORMAT_ERROR", "FM:AA4");
    clear(&at);
}

static void others_than_suppliers_and_subscribers_are_workflow_errors(void **state)
{
    struct adhoc_home at;
    struct smki_adhoc adhoc;
    struct smki_error err = {0};

    (void)state;
    lay(&at, "2026-11-23T14:00", "{}");
    identity_of(&at.supplier, at.supplier.actor.party, SMKI_USER_OTHER, SMKI_SUBSCRIBER_DEVICE);
    EXPECT_REFUSED(SMKI_USER_ROLE, admit_request(&at, &adhoc, &keys[0], &err), err);
    assert_int_equal(recorded(&at, adhoc.transaction, SMKI_ACT_CSR_DECIDE, SMKI_USER_ROLE), 1);
    EXPECT_ANSWER(&adhoc, "WORKFLOW_ERROR", "WF:PB2");
    identity_of(&at.supplier, at.supplier.actor.party, SMKI_USER_GAS_SUPPLIER, SMKI_SUBSCRIBER_ORGANISATION);
    EXPECT_REFUSED(SMKI_NOT_SUBSCRIBER, admit_request(&at, &adhoc, &keys[0], &err), err);
    EXPECT_ANSWER(&adhoc, "WORKFLOW_ERROR", "WF:PA3");
    clear(&at);
}

static void a_party_barred_meanwhile_is_a_workflow_error(void **state)
{
    struct adhoc_home at;
    struct smki_adhoc adhoc;
    struct smki_party party;
    struct smki_error err = {0};

    (void)state;
    lay(&at, "2026-11-23T14:00", "{}");
    PORTAL(&at, &keys[0]);
    ASSERT_OK(admit_request(&at, &adhoc, &keys[1], &err), err);
    ASSERT_OK(smki_party_find(smki_service_store(at.home.service), at.supplier.actor.party, &party, &err), err);
    party.barred = true;
    ASSERT_OK(smki_party_update(smki_service_store(at.home.service), &at.home.operator, & party, &err), err);
    EXPECT_REFUSED(SMKI_PARTY_BARRED, smki_adhoc_answer(&adhoc, at.home.service, &at.supplier, &err), err);
    EXPECT_ANSWER(&adhoc, "WORKFLOW_ERROR", "WF:PA2");
    clear(&at);
}

static void a_credential_suspended_or_revoked_meanwhile_is_a_workflow_error(void **state)
{
    struct adhoc_home at;
    struct smki_adhoc adhoc;
    struct smki_error err = {0};
    uint64_t credential;

    (void)state;
    lay(&at, "2026-11-23T14:00", "{}");
    PORTAL(&at, &keys[0]);
    credential = at.supplier.actor.credential = CREDENTIAL(&at.home, at.supplier.actor.party, "Supplier", SMKI_INTERFACE_ADHOC);
    ASSERT_OK(admit_request(&at, &adhoc, &keys[1], &err), err);
    CREDENTIAL_IS(&at.home, credential, SMKI_CREDENTIAL_SUSPENDED);
    EXPECT_REFUSED(SMKI_IKI_SUSPENDED, smki_adhoc_answer(&adhoc, at.home.service, &at.supplier, &err), err);
    assert_int_equal(recorded(&at, adhoc.transaction, SMKI_ACT_CSR_DECIDE, SMKI_IKI_SUSPENDED), 1);
    EXPECT_ANSWER(&adhoc, "WORKFLOW_ERROR", "WF:IA5");
    CREDENTIAL_IS(&at.home, credential, SMKI_CREDENTIAL_ACTIVE);
    ASSERT_OK(ask(&at, &adhoc, &keys[1], &err), err);
    EXPECT_ANSWER(&adhoc, "SUCCESS", NULL);
    test_clock_advance(&at.home.clock, 4 * SMKI_SECOND);
    ASSERT_OK(admit_request(&at, &adhoc, &keys[2], &err), err);
    CREDENTIAL_IS(&at.home, credential, SMKI_CREDENTIAL_REVOKED);
    EXPECT_REFUSED(SMKI_IKI_REVOKED, smki_adhoc_answer(&adhoc, at.home.service, &at.supplier, &err), err);
    assert_int_equal(recorded(&at, adhoc.transaction, SMKI_ACT_CSR_DECIDE, SMKI_IKI_REVOKED), 1);
    EXPECT_ANSWER(&adhoc, "WORKFLOW_ERROR", "WF:IA6");
    clear(&at);
}

static void maintenance_is_a_workflow_error_in_the_operators_words(void **state)
{
    struct adhoc_home at;
    struct smki_adhoc adhoc;
    struct smki_error err = {0};

    (void)state;
    lay(&at, "2026-11-23T14:00", "{}");
    ASSERT_OK(smki_adhoc_refuse(&adhoc, at.home.service, &at.supplier, SMKI_MAINTENANCE, "back at <18:00>", &err), err);
    assert_true(says(&adhoc.xml, "<ErrorText>back at &lt;18:00&gt;</ErrorText>"));
    assert_true(adhoc.code == SMKI_MAINTENANCE && recorded(&at, adhoc.transaction, SMKI_ACT_CSR_DECIDE, SMKI_MAINTENANCE) == 1);
    EXPECT_ANSWER(&adhoc, "WORKFLOW_ERROR", "WF:MA1");
    ASSERT_OK(smki_adhoc_refuse(&adhoc, at.home.service, NULL, SMKI_IKI_MISSING, NULL, &err), err);
    assert_true(adhoc.transaction >= SMKI_ADHOC_UNRECORDED); /* nobody was let in: no record, and a number of chance */
    EXPECT_ANSWER(&adhoc, "WORKFLOW_ERROR", "WF:IA1");
    clear(&at);
}

/* No file takes an octet until disk_back. */
static void disk_away(struct rlimit *limit)
{
    struct rlimit none;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, limit), 0);
    none = (struct rlimit){.rlim_cur = 1, .rlim_max = limit->rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
}

static void disk_back(const struct rlimit *limit)
{
    assert_int_equal(setrlimit(RLIMIT_FSIZE, limit), 0);
    signal(SIGXFSZ, SIG_DFL);
}

static void without_a_disk_the_answer_is_still_valid(void **state)
{
    struct adhoc_home at;
    struct smki_adhoc adhoc;
    struct rlimit limit;
    struct smki_error err = {0};
    int rc;

    (void)state;
    lay(&at, "2026-11-23T14:00", "{}");
    PORTAL(&at, &keys[0]);
    disk_away(&limit);
    rc = admit_request(&at, &adhoc, &keys[1], &err);
    disk_back(&limit);
    assert_true(rc != 0 && rc == adhoc.code && adhoc.transaction >= SMKI_ADHOC_UNRECORDED);
    assert_false(says(&adhoc.xml, at.home.path));
    EXPECT_ANSWER(&adhoc, "WORKFLOW_ERROR", smki_refusal_find(SMKI_DISK_FULL)->wire_code);
    ASSERT_OK(admit_request(&at, &adhoc, &keys[1], &err), err); /* and it took no slot */
    smki_adhoc_finish(&adhoc);
    clear(&at);
}

/* A number that counting gave leads into the audit log: where nothing of the decision could be written, it is one of chance. */
static void a_disk_that_fills_between_the_steps_leaves_no_number_without_a_record(void **state)
{
    static const char *const configs[] = {"{\"demand.adhoc_pace_mode\": \"off\"}", "{\"demand.adhoc_pace_mode\": \"observe\"}"};
    struct adhoc_home at;
    struct smki_adhoc adhoc;
    struct rlimit limit;
    struct smki_error err = {0};

    (void)state;
    for (size_t i = 0; i < TEST_COUNT(configs); i++) {
        lay(&at, "2026-11-23T14:00", configs[i]);
        PORTAL(&at, &keys[0]);
        ASSERT_OK(admit_request(&at, &adhoc, &keys[1], &err), err);
        smki_adhoc_finish(&adhoc);
        ASSERT_OK(admit_request(&at, &adhoc, &keys[1], &err), err); /* observed: too early, and on record as that */
        disk_away(&limit);
        assert_int_equal(smki_adhoc_answer(&adhoc, at.home.service, &at.supplier, &err), SMKI_DISK_FULL);
        disk_back(&limit);
        assert_int_equal(adhoc.transaction >= SMKI_ADHOC_UNRECORDED, i == 0);
        assert_int_equal(recorded(&at, adhoc.transaction, SMKI_ACT_DEMAND_OBSERVED, SMKI_RATE_ADHOC_DAY), i == 1);
        EXPECT_ANSWER(&adhoc, "WORKFLOW_ERROR", smki_refusal_find(SMKI_DISK_FULL)->wire_code);
        clear(&at);
    }
}

static void transactions_are_never_given_twice(void **state)
{
    struct adhoc_home at;
    struct smki_adhoc adhoc;
    struct smki_error err = {0};
    uint64_t last = 0;

    (void)state;
    lay(&at, "2026-11-23T14:00", "{}");
    PORTAL(&at, &keys[0]);
    for (unsigned i = 0; i < 6; i++) {
        if (i % 2 == 0)
            assert_int_equal(admit_text(&at, &adhoc, "<x/>", &err), SMKI_XML_INVALID);
        else
            ASSERT_OK(ask(&at, &adhoc, &keys[i], &err), err);
        assert_true(adhoc.transaction > last);
        last = adhoc.transaction;
        smki_adhoc_finish(&adhoc);
    }
    clear(&at);
}

/* ---- the pace, in virtual time ---- */

/* One request now: the refusal, or 0. */
static int PACE(struct adhoc_home *at, struct smki_adhoc *adhoc)
{
    struct smki_error err = {0};
    const int rc = admit_request(at, adhoc, &keys[0], &err);

    if (rc != 0)
        EXPECT_TEXT(err, "ad hoc web service (CoCo 3): one CSR of a Party in any ");
    return rc;
}

/* Requests at these moments: 'A' accepted, 'd' refused by the day's pace, 'n' by the night's. */
static void EXPECT_PACES(const char *config, const char *const moments[], const char *fates)
{
    struct adhoc_home at;
    struct smki_adhoc adhoc;

    lay(&at, "2026-01-01T00:00", config);
    for (size_t i = 0; fates[i] != '\0'; i++) {
        const int wanted = fates[i] == 'A' ? 0 : fates[i] == 'd' ? SMKI_RATE_ADHOC_DAY : SMKI_RATE_ADHOC_NIGHT;
        int rc;
        NOW(&at.home, moments[i]);
        if ((rc = PACE(&at, &adhoc)) != wanted)
            fail_msg("at %s: %s, expected %s", moments[i], test_name_of(rc), test_name_of(wanted));
        smki_adhoc_finish(&adhoc);
    }
    clear(&at);
}

static void one_csr_in_any_0_8_seconds_by_day_and_refused_ones_do_not_count(void **state)
{
    static const char *const moments[] = {"2026-11-23T12:00:00",   "2026-11-23T12:00:00.5",      "2026-11-23T12:00:00.799999",
                                          "2026-11-23T12:00:00.8", "2026-11-23T12:00:01.599999", "2026-11-23T12:00:01.6"};

    (void)state;
    EXPECT_PACES("{}", moments, "AddAdA");
}

static void one_csr_in_any_4_seconds_by_night(void **state)
{
    static const char *const moments[] = {"2026-11-23T23:00:00", "2026-11-23T23:00:03.999999", "2026-11-23T23:00:04"};

    (void)state;
    EXPECT_PACES("{}", moments, "AnA");
}

static void at_20_00_the_slower_pace_begins(void **state)
{
    static const char *const moments[] = {"2026-11-23T19:59:58.9", "2026-11-23T19:59:59.7", "2026-11-23T20:00:00.5",
                                          "2026-11-23T20:00:03.6", "2026-11-23T20:00:03.7"};

    (void)state;
    EXPECT_PACES("{}", moments, "AAnnA");
}

static void at_07_00_the_faster_pace_begins(void **state)
{
    static const char *const moments[] = {"2026-11-23T06:59:58", "2026-11-23T06:59:59.9", "2026-11-23T07:00:00", "2026-11-23T07:00:00.8"};

    (void)state;
    EXPECT_PACES("{}", moments, "AdAA"); /* refused by the pace of the moment it may come back at */
}

static void the_paces_follow_uk_time_over_both_clock_changes(void **state)
{
    /* 06:00Z is 06:00 GMT on 28 March 2026 and 07:00 BST on the 29th; on 25 October it is 06:00 GMT again */
    static const char *const moments[] = {"2026-03-28T06:00:00Z", "2026-03-28T06:00:01Z", "2026-03-29T06:00:00Z", "2026-03-29T06:00:01Z",
                                          "2026-10-24T06:00:00Z", "2026-10-24T06:00:01Z", "2026-10-25T06:00:00Z", "2026-10-25T06:00:01Z",
                                          "2026-10-25T19:59:59Z", "2026-10-25T20:00:00Z"};

    (void)state;
    EXPECT_PACES("{}", moments, "AnAAAAAnAn");
}

static void a_partys_pace_is_its_own(void **state)
{
    struct adhoc_home at;
    struct smki_adhoc adhoc;

    (void)state;
    lay(&at, "2026-11-23T12:00", "{}");
    assert_int_equal(PACE(&at, &adhoc), 0);
    smki_adhoc_finish(&adhoc);
    identity_of(&at.supplier, PARTY(&at.home, "Another", SMKI_USER_DCC, SMKI_SUBSCRIBER_DEVICE), SMKI_USER_DCC, SMKI_SUBSCRIBER_DEVICE);
    assert_int_equal(PACE(&at, &adhoc), 0);
    smki_adhoc_finish(&adhoc);
    clear(&at);
}

static void the_pace_is_kept_over_a_restart(void **state)
{
    struct adhoc_home at;
    struct smki_adhoc adhoc;

    (void)state;
    lay(&at, "2026-11-23T23:00", "{}");
    assert_int_equal(PACE(&at, &adhoc), 0);
    smki_adhoc_finish(&adhoc);
    smki_service_close(at.home.service);
    test_clock_advance(&at.home.clock, 3 * SMKI_SECOND);
    home_open(&at.home);
    assert_int_equal(PACE(&at, &adhoc), SMKI_RATE_ADHOC_NIGHT);
    EXPECT_ANSWER(&adhoc, "WORKFLOW_ERROR", "WF:RA2");
    clear(&at);
}

static void broken_documents_take_no_slot(void **state)
{
    struct adhoc_home at;
    struct smki_adhoc adhoc;
    struct smki_error err = {0};

    (void)state;
    lay(&at, "2026-11-23T12:00", "{}");
    assert_int_equal(admit_text(&at, &adhoc, "<x/>", &err), SMKI_XML_INVALID);
    smki_adhoc_finish(&adhoc);
    assert_int_equal(PACE(&at, &adhoc), 0);
    smki_adhoc_finish(&adhoc);
    clear(&at);
}

static void a_refusal_says_when_to_come_back_and_what_is_left(void **state)
{
    struct adhoc_home at;
    struct smki_adhoc adhoc;

    (void)state;
    lay(&at, "2026-11-23T12:00", "{}");
    assert_int_equal(PACE(&at, &adhoc), 0);
    assert_true(adhoc.left.limit == 1 && adhoc.left.remaining == 0 && adhoc.left.reset == 800000);
    smki_adhoc_finish(&adhoc);
    NOW(&at.home, "2026-11-23T12:00:00.3");
    assert_int_equal(PACE(&at, &adhoc), SMKI_RATE_ADHOC_DAY);
    ASSERT_TIME(adhoc.verdict.retry_at, "2026-11-23T12:00:00.8");
    assert_true(adhoc.left.limit == 1 && adhoc.left.remaining == 0 && adhoc.left.reset == 500000);
    assert_int_equal(recorded(&at, adhoc.transaction, SMKI_ACT_CSR_DECIDE, SMKI_RATE_ADHOC_DAY), 1);
    assert_true(says(&adhoc.xml, "one CSR of a Party in any 0.8 s from 07:00 to 20:00; come back in 0.5 s"));
    EXPECT_ANSWER(&adhoc, "WORKFLOW_ERROR", "WF:RA1");
    clear(&at);
}

static void an_agreement_makes_the_pace_faster_while_it_is_in_force(void **state)
{
    struct adhoc_home at;
    struct smki_adhoc adhoc;
    struct smki_agreement agreement = {.rule = SMKI_RULE_ADHOC_PACE, .limit = 100, .short_notice = true};
    struct smki_error err = {0};

    (void)state;
    lay(&at, "2026-11-23T12:00", "{}");
    agreement.party = at.supplier.actor.party;
    agreement.from = AT("2026-11-23T13:00");
    agreement.to = AT("2026-11-23T14:00");
    ASSERT_OK(smki_agreement_add(smki_service_store(at.home.service), &at.home.operator, & smki_service_config(at.home.service)->limits,
                                 &agreement, &err),
              err);
    for (unsigned i = 0; i < 2; i++) {
        NOW(&at.home, i == 0 ? "2026-11-23T13:00:00" : "2026-11-23T13:00:00.1");
        assert_int_equal(PACE(&at, &adhoc), 0);
        assert_int_equal(adhoc.left.reset, 100000);
        smki_adhoc_finish(&adhoc);
    }
    NOW(&at.home, "2026-11-23T13:00:00.15");
    assert_int_equal(PACE(&at, &adhoc), SMKI_RATE_ADHOC_DAY);
    smki_adhoc_finish(&adhoc);
    NOW(&at.home, "2026-11-23T14:00");
    assert_int_equal(PACE(&at, &adhoc), 0);
    smki_adhoc_finish(&adhoc);
    NOW(&at.home, "2026-11-23T14:00:00.1");
    assert_int_equal(PACE(&at, &adhoc), SMKI_RATE_ADHOC_DAY);
    smki_adhoc_finish(&adhoc);
    clear(&at);
}

static void observed_it_is_let_in_and_recorded(void **state)
{
    struct adhoc_home at;
    struct smki_adhoc adhoc;

    (void)state;
    lay(&at, "2026-11-23T12:00", "{\"demand.adhoc_pace_mode\": \"observe\"}");
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(PACE(&at, &adhoc), 0);
        assert_int_equal(adhoc.verdict.flagged, i > 0);
        assert_int_equal(adhoc.not_before.us, 0);
        assert_int_equal(recorded(&at, adhoc.transaction, SMKI_ACT_DEMAND_OBSERVED, SMKI_RATE_ADHOC_DAY), i > 0);
        smki_adhoc_finish(&adhoc);
    }
    clear(&at);
}

static void off_nothing_is_asked_or_kept(void **state)
{
    struct adhoc_home at;
    struct smki_adhoc adhoc;

    (void)state;
    lay(&at, "2026-11-23T12:00", "{\"demand.adhoc_pace_mode\": \"off\"}");
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(PACE(&at, &adhoc), 0);
        assert_true(!adhoc.verdict.flagged && adhoc.left.limit == 0);
        assert_int_equal(recorded(&at, adhoc.transaction, SMKI_ACT_DEMAND_OBSERVED, SMKI_RATE_ADHOC_DAY), 0);
        smki_adhoc_finish(&adhoc);
    }
    clear(&at);
}

static void smooth_holds_one_for_its_slot_and_refuses_the_next(void **state)
{
    struct adhoc_home at;
    struct smki_adhoc adhoc;

    (void)state;
    lay(&at, "2026-11-23T12:00", "{\"demand.adhoc_pace_mode\": \"smooth\"}");
    assert_int_equal(PACE(&at, &adhoc), 0);
    assert_int_equal(adhoc.not_before.us, 0);
    smki_adhoc_finish(&adhoc);
    NOW(&at.home, "2026-11-23T12:00:00.79");
    assert_int_equal(PACE(&at, &adhoc), 0);
    ASSERT_TIME(adhoc.not_before, "2026-11-23T12:00:00.8");
    smki_adhoc_finish(&adhoc);
    assert_int_equal(PACE(&at, &adhoc), SMKI_RATE_ADHOC_DAY); /* its slot would be two away */
    ASSERT_TIME(adhoc.verdict.retry_at, "2026-11-23T12:00:01.6");
    smki_adhoc_finish(&adhoc);
    NOW(&at.home, "2026-11-23T12:00:00.8");
    assert_int_equal(PACE(&at, &adhoc), 0);
    ASSERT_TIME(adhoc.not_before, "2026-11-23T12:00:01.6");
    smki_adhoc_finish(&adhoc);
    clear(&at);
}

/* ---- the pace, by threads and processes ---- */

#define SLOTS_MAX     4096
#define PROCESSES     2
#define THREADS       4
#define HAMMER_TIME   (1500 * INT64_C(1000)) /* us */
#define HAMMERED_PACE (20 * INT64_C(1000))   /* us */

/* What all processes share. */
struct hammered {
    char home[TEST_PATH_SIZE];
    struct smki_identity identity;
    _Atomic uint32_t count, refused, wrong;
    _Atomic uint64_t transactions; /* their sum */
    int64_t slots[SLOTS_MAX];
};

struct hammer {
    struct hammered *hammered;
    struct smki_service *service;
    struct smki_buffer document;
};

static void *hammer(void *context)
{
    struct hammer *hammer = context;
    struct hammered *hammered = hammer->hammered;
    const int64_t end = smki_clock_system.now(NULL).us + HAMMER_TIME;

    while (smki_clock_system.now(NULL).us < end) {
        struct smki_adhoc adhoc;
        struct smki_error err = {0};
        const int rc =
            smki_adhoc_admit(&adhoc, hammer->service, &hammered->identity, BYTES(hammer->document.at, hammer->document.size), &err);
        if (rc == 0)
            hammered->slots[atomic_fetch_add(&hammered->count, 1) % SLOTS_MAX] = adhoc.verdict.retry_at.us;
        else if (rc == SMKI_RATE_ADHOC_DAY || rc == SMKI_RATE_ADHOC_NIGHT)
            atomic_fetch_add(&hammered->refused, 1);
        else
            atomic_fetch_add(&hammered->wrong, 1);
        smki_adhoc_finish(&adhoc);
    }
    return NULL;
}

/* A process of its own, with the store opened for itself. */
static int hammer_process(struct hammered *hammered, const struct request *request)
{
    struct hammer hammer_of = {.hammered = hammered};
    pthread_t threads[THREADS];
    struct smki_error err = {0};

    document(&hammer_of.document, "r", BYTES(request->der, request->size));
    if (smki_service_open(&hammer_of.service, hammered->home, NULL, &err) != 0)
        return 1;
    for (unsigned i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, hammer, &hammer_of) != 0)
            return 2;
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    smki_service_close(hammer_of.service);
    smki_buffer_finish(&hammer_of.document);
    return 0;
}

static int compare_times(const void *a, const void *b)
{
    const int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

    return (left > right) - (left < right);
}

/* Gives how many were accepted; no two of them are closer than the pace. */
static unsigned hammer_with(const char *config)
{
    struct hammered *hammered = mmap(NULL, sizeof(*hammered), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct adhoc_home at;
    unsigned count, failed = 0;

    assert_true(hammered != MAP_FAILED);
    lay(&at, "2026-11-23T12:00", config);
    memcpy(hammered->home, at.home.path, sizeof(hammered->home));
    hammered->identity = at.supplier;
    smki_service_close(at.home.service);
    for (unsigned i = 0; i < PROCESSES; i++) {
        const pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            _exit(hammer_process(hammered, &keys[0]));
    }
    for (unsigned i = 0; i < PROCESSES; i++) {
        int status = 0;
        assert_true(wait(&status) > 0);
        failed += status != 0;
    }
    home_open(&at.home);
    assert_int_equal(failed, 0);
    assert_int_equal(hammered->wrong, 0);
    count = hammered->count;
    print_message("%u accepted, %u refused\n", count, hammered->refused);
    assert_in_range(count, 2, SLOTS_MAX);
    qsort(hammered->slots, count, sizeof(hammered->slots[0]), compare_times);
    for (unsigned i = 1; i < count; i++)
        if (hammered->slots[i] - hammered->slots[i - 1] < HAMMERED_PACE)
            fail_msg("%lld us between two acceptances", (long long)(hammered->slots[i] - hammered->slots[i - 1]));
    munmap(hammered, sizeof(*hammered));
    clear(&at);
    return count;
}

static void threads_and_processes_together_keep_the_pace(void **state)
{
    unsigned count;

    (void)state;
    count = hammer_with("{\"demand\": {\"adhoc_pace_day\": \"20 ms\", \"adhoc_pace_night\": \"20 ms\"}}");
    assert_true(count <= (unsigned)(2 * HAMMER_TIME / HAMMERED_PACE)); /* the processes need not begin at once */
}

static void smoothed_they_keep_it_too(void **state)
{
    (void)state;
    hammer_with("{\"demand\": {\"adhoc_pace_day\": \"20 ms\", \"adhoc_pace_night\": \"20 ms\", \"adhoc_pace_mode\": \"smooth\"}}");
}

/* ---- durable writes ---- */

static void EXPECT_WRITES(struct adhoc_home *at, size_t writes, int code, const struct request *request)
{
    const size_t before = last_transaction(at);
    struct smki_adhoc adhoc;
    struct smki_error err = {0};

    if (code == 0)
        ASSERT_OK(request_whole(at, &adhoc, request, &err), err);
    else
        EXPECT_REFUSED(code, request_whole(at, &adhoc, request, &err), err);
    assert_int_equal(last_transaction(at) - before, writes);
    smki_adhoc_finish(&adhoc);
}

static void a_certificate_is_one_durable_write_and_so_is_a_refusal(void **state)
{
    static const struct request none = {.size = 2, .der = {0x30, 0}};
    struct request bent = keys[2];
    struct adhoc_home at;

    (void)state;
    bent.der[bent.size - 1] ^= 1;
    lay(&at, "2026-11-23T14:00", "{}");
    PORTAL(&at, &keys[0]);
    EXPECT_WRITES(&at, 2, 0, &keys[1]); /* the first reserves serials for those after it */
    EXPECT_WRITES(&at, 1, SMKI_RATE_ADHOC_DAY, &keys[2]);
    for (unsigned i = 3; i < KEYS; i++) { /* what becomes old is made good by the way */
        test_clock_advance(&at.home.clock, 10 * SMKI_MINUTE);
        EXPECT_WRITES(&at, 1, 0, &keys[i]);
    }
    test_clock_advance(&at.home.clock, 20 * SMKI_MINUTE);
    EXPECT_WRITES(&at, 2, 0, &keys[2]);
    test_clock_advance(&at.home.clock, SMKI_SECOND);
    EXPECT_WRITES(&at, 1, SMKI_CSR_DUPLICATE, &keys[1]);
    test_clock_advance(&at.home.clock, SMKI_SECOND);
    EXPECT_WRITES(&at, 1, SMKI_CSR_SIGNATURE, &bent);
    test_clock_advance(&at.home.clock, SMKI_SECOND);
    EXPECT_WRITES(&at, 1, SMKI_CSR_MALFORMED, &none);
    clear(&at);
}

static void what_must_wait_for_its_slot_is_answered_in_the_second_step(void **state)
{
    struct adhoc_home at;
    struct smki_adhoc adhoc;
    struct smki_error err = {0};

    (void)state;
    lay(&at, "2026-11-23T14:00", "{\"demand.adhoc_pace_mode\": \"smooth\"}");
    PORTAL(&at, &keys[0]);
    ASSERT_OK(request_whole(&at, &adhoc, &keys[1], &err), err);
    assert_int_equal(adhoc.not_before.us, 0);
    EXPECT_ANSWER(&adhoc, "SUCCESS", NULL);
    ASSERT_OK(request_whole(&at, &adhoc, &keys[2], &err), err);
    assert_int_equal(adhoc.not_before.us, at.home.clock.us + 800000);
    assert_int_equal(adhoc.xml.size, 0);
    test_clock_set(&at.home.clock, adhoc.not_before);
    ASSERT_OK(smki_adhoc_answer(&adhoc, at.home.service, &at.supplier, &err), err);
    EXPECT_ANSWER(&adhoc, "SUCCESS", NULL);
    clear(&at);
}

#define IN_FLIGHT 64

struct flight {
    struct adhoc_home *at;
    const struct request *request;
    int rc;
};

static void *fly(void *argument)
{
    struct flight *flight = argument;
    struct smki_adhoc adhoc;
    struct smki_error err = {0};

    flight->rc = request_whole(flight->at, &adhoc, flight->request, &err);
    smki_adhoc_finish(&adhoc);
    return NULL;
}

/* A disk on which a write takes a tenth of a second. */
struct slow_disk {
    struct smki_store *store;
    atomic_bool ends;
};

static int dawdle(struct store_change *change, void *argument, struct smki_error *err)
{
    (void)change, (void)argument, (void)err;
    usleep(100 * 1000);
    return 0;
}

static void *slow_disk_main(void *argument)
{
    struct slow_disk *disk = argument;

    while (!atomic_load(&disk->ends))
        if (store_change(disk->store, dawdle, NULL, NULL) != 0)
            return disk;
    return NULL;
}

static void sixty_four_requests_in_flight_share_their_writes(void **state)
{
    struct request *many = requests_make_of_one(IN_FLIGHT + 1, DEVICE + 9);
    struct flight flights[IN_FLIGHT];
    pthread_t threads[IN_FLIGHT], disk_thread;
    struct adhoc_home at;
    struct slow_disk disk = {0};
    size_t before;
    void *failed;

    (void)state;
    assert_non_null(many);
    lay(&at, "2026-11-23T14:00", "{\"demand.adhoc_pace_mode\": \"off\"}");
    PORTAL(&at, &many[IN_FLIGHT]);
    disk.store = smki_service_store(at.home.service);
    before = last_transaction(&at);
    assert_int_equal(pthread_create(&disk_thread, NULL, slow_disk_main, &disk), 0);
    for (unsigned i = 0; i < IN_FLIGHT; i++) {
        flights[i] = (struct flight){.at = &at, .request = &many[i]};
        assert_int_equal(pthread_create(&threads[i], NULL, fly, &flights[i]), 0);
    }
    for (unsigned i = 0; i < IN_FLIGHT; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(flights[i].rc, 0);
    }
    atomic_store(&disk.ends, true);
    pthread_join(disk_thread, &failed);
    assert_null(failed);
    assert_in_range(last_transaction(&at) - before, 2, IN_FLIGHT / 2); /* alone they would take 128 */
    clear(&at);
    free(many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_replacement_certificate_is_in_the_answer),
        cmocka_unit_test(a_device_without_an_earlier_certificate_is_unknown),
        cmocka_unit_test(the_limit_of_a_device_is_an_anomaly),
        cmocka_unit_test(the_hundred_and_first_certificate_is_an_anomaly),
        cmocka_unit_test(another_devices_key_is_an_anomaly),
        cmocka_unit_test(a_duplicate_is_cr_9999_in_the_specifications_words),
        cmocka_unit_test(what_is_no_csr_is_a_csr_error),
        cmocka_unit_test(a_csr_whose_signature_is_another_is_a_csr_error),
        cmocka_unit_test(without_the_cas_key_it_is_a_ca_error_and_resubmission_helps),
        cmocka_unit_test(a_broken_document_is_a_format_error),
        cmocka_unit_test(others_than_suppliers_and_subscribers_are_workflow_errors),
        cmocka_unit_test(a_party_barred_meanwhile_is_a_workflow_error),
        cmocka_unit_test(a_credential_suspended_or_revoked_meanwhile_is_a_workflow_error),
        cmocka_unit_test(maintenance_is_a_workflow_error_in_the_operators_words),
        cmocka_unit_test(without_a_disk_the_answer_is_still_valid),
        cmocka_unit_test(a_disk_that_fills_between_the_steps_leaves_no_number_without_a_record),
        cmocka_unit_test(transactions_are_never_given_twice),
        cmocka_unit_test(one_csr_in_any_0_8_seconds_by_day_and_refused_ones_do_not_count),
        cmocka_unit_test(one_csr_in_any_4_seconds_by_night),
        cmocka_unit_test(at_20_00_the_slower_pace_begins),
        cmocka_unit_test(at_07_00_the_faster_pace_begins),
        cmocka_unit_test(the_paces_follow_uk_time_over_both_clock_changes),
        cmocka_unit_test(a_partys_pace_is_its_own),
        cmocka_unit_test(the_pace_is_kept_over_a_restart),
        cmocka_unit_test(broken_documents_take_no_slot),
        cmocka_unit_test(a_refusal_says_when_to_come_back_and_what_is_left),
        cmocka_unit_test(an_agreement_makes_the_pace_faster_while_it_is_in_force),
        cmocka_unit_test(observed_it_is_let_in_and_recorded),
        cmocka_unit_test(off_nothing_is_asked_or_kept),
        cmocka_unit_test(smooth_holds_one_for_its_slot_and_refuses_the_next),
        cmocka_unit_test(threads_and_processes_together_keep_the_pace),
        cmocka_unit_test(smoothed_they_keep_it_too),
        cmocka_unit_test(a_certificate_is_one_durable_write_and_so_is_a_refusal),
        cmocka_unit_test(what_must_wait_for_its_slot_is_answered_in_the_second_step),
        cmocka_unit_test(sixty_four_requests_in_flight_share_their_writes),
    };

    return cmocka_run_group_tests_name("adhoc", tests, group_begin, group_end);
}
