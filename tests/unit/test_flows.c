/* The flows of one request: device, organisation and IKI certificates, revocation, CRLs, and what a power cut leaves. */
#include "home_test.h"

#include "ra/ticket_i.h"
#include "registry/registry_i.h"

#include <stdlib.h>

#define DEVICE UINT64_C(0x90b3d51f30090000)

static struct request *device_requests; /* three for one device, each with a key of its own */

static int group_begin(void **state)
{
    device_requests = requests_make_of_one(3, DEVICE);
    assert_non_null(device_requests);
    return mould_make(state);
}

static int group_end(void **state)
{
    free(device_requests);
    return mould_remove(state);
}

static int issue(struct home *home, enum smki_interface interface, size_t which, struct smki_stored_certificate *out,
                 struct smki_error *err)
{
    struct smki_actor actor = home->maker;

    actor.interface = interface;
    return smki_service_issue(home->service, &actor, SMKI_PROFILE_DEVICE, BYTES(device_requests[which].der, device_requests[which].size),
                              out, err);
}

/* Runs openssl in the home's folder and reads what it left in `file`. */
static void openssl(struct home *home, struct smki_buffer *out, const char *file, const char *command)
{
    char line[8 * TEST_PATH_SIZE], path[TEST_PATH_SIZE];

    snprintf(line, sizeof(line), "cd '%s' && { %s; } >openssl.log 2>&1", home->path, command);
    assert_int_equal(system(line), 0);
    if (file != NULL)
        test_read(out, test_path(path, home->path, file));
}

/* ---- devices ---- */

static void a_device_certificate_verifies_under_the_dca(void **state)
{
    struct home home;
    static struct smki_stored_certificate out;
    struct smki_certificate certificate;
    const struct smki_ca *ca;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    ASSERT_OK(issue(&home, SMKI_INTERFACE_PORTAL_DEVICE, 0, &out, &err), err);
    ASSERT_OK(smki_certificate_read(&certificate, BYTES(out.der, out.size), &err), err);
    ASSERT_OK(smki_service_ca(home.service, SMKI_DCA, &ca, &err), err);
    ASSERT_OK(smki_certificate_verify(&certificate, smki_ca_certificate(ca), &err), err);
    assert_int_equal(out.party, home.maker.party);
    AUDIT_HOLDS(&home);
    home_clear(&home);
}

static void the_ad_hoc_service_replaces_and_does_not_begin(void **state)
{
    struct home home;
    static struct smki_stored_certificate out;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    EXPECT_REFUSED(SMKI_DEVICE_UNKNOWN, issue(&home, SMKI_INTERFACE_ADHOC, 0, &out, &err), err);
    ASSERT_OK(issue(&home, SMKI_INTERFACE_PORTAL_DEVICE, 0, &out, &err), err);
    ASSERT_OK(issue(&home, SMKI_INTERFACE_ADHOC, 1, &out, &err), err);
    home_clear(&home);
}

static void a_duplicate_is_refused_until_the_first_is_revoked(void **state)
{
    struct home home;
    static struct smki_stored_certificate out;
    struct smki_certificate certificate;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    ASSERT_OK(issue(&home, SMKI_INTERFACE_PORTAL_DEVICE, 0, &out, &err), err);
    ASSERT_OK(smki_certificate_read(&certificate, BYTES(out.der, out.size), &err), err);
    EXPECT_REFUSED(SMKI_CSR_DUPLICATE, issue(&home, SMKI_INTERFACE_PORTAL_DEVICE, 0, &out, &err), err);
    ASSERT_OK(smki_service_revoke(home.service, &home.operator, & certificate.serial, 1, &err), err);
    ASSERT_OK(issue(&home, SMKI_INTERFACE_PORTAL_DEVICE, 0, &out, &err), err);
    AUDIT_HOLDS(&home);
    home_clear(&home);
}

static void a_revoked_certificate_is_on_the_next_crl_once_and_openssl_agrees(void **state)
{
    struct home home;
    static struct smki_stored_certificate out;
    struct smki_certificate certificate;
    struct smki_buffer crl = {0};
    struct smki_error err = {0};
    char path[TEST_PATH_SIZE];

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    ASSERT_OK(issue(&home, SMKI_INTERFACE_PORTAL_DEVICE, 0, &out, &err), err);
    ASSERT_OK(smki_certificate_read(&certificate, BYTES(out.der, out.size), &err), err);
    ASSERT_OK(smki_service_revoke(home.service, &home.operator, & certificate.serial, 1, &err), err);
    EXPECT_REFUSED(SMKI_ALREADY_EXISTS, smki_service_revoke(home.service, &home.operator, & certificate.serial, 1, &err), err);
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, smki_service_revoke(home.service, &home.operator, & certificate.serial, 7, &err), err);
    ASSERT_OK(smki_service_crl(home.service, &home.operator, SMKI_DCA, &crl, &err), err);
    test_write(test_path(path, home.path, "dca.crl"), crl.at, crl.size);
    openssl(&home, NULL, NULL,
            "openssl crl -inform der -in dca.crl -CAfile ca/dca.pem -noout -text | grep -c 'Serial Number' | grep -qx 1");
    openssl(&home, NULL, NULL, "openssl crl -inform der -in dca.crl -CAfile ca/dca.pem -noout -verify 2>&1 | grep -q 'verify OK'");
    smki_buffer_finish(&crl);
    home_clear(&home);
}

static void a_devices_certificates_come_in_the_order_of_issue(void **state)
{
    struct home home;
    static struct smki_stored_certificate out;
    struct smki_device_id id = {{0x90, 0xb3, 0xd5, 0x1f, 0x30, 0x09, 0, 0}};
    struct smki_serial after = {.size = 0};
    struct smki_error err = {0};
    uint32_t count, limit;
    size_t seen = 0;

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    for (size_t i = 0; i < 3; i++)
        ASSERT_OK(issue(&home, SMKI_INTERFACE_PORTAL_DEVICE, i, &out, &err), err);
    while (smki_service_device_certificate(home.service, &id, &after, &out, &err) == 0)
        seen++;
    ASSERT_OK(smki_service_device_count(home.service, &id, &count, &limit, &err), err);
    assert_int_equal(seen, 3);
    assert_int_equal(count, 3);
    assert_int_equal(limit, 100);
    home_clear(&home);
}

/* ---- organisations ---- */

/* A well-formed organisation request, and what it names. */
static void organisation_request(struct smki_buffer *der, struct smki_csr *csr)
{
    struct smki_buffer file = {0};
    struct smki_error err = {0};
    char label[64];

    test_file(&file, "lint/good/org-csr.pem");
    ASSERT_OK(smki_pem_decode(der, label, (struct smki_bytes){file.at, file.size}, &err), err);
    ASSERT_OK(smki_csr_read(csr, SMKI_PROFILE_ORGANISATION, (struct smki_bytes){der->at, der->size}, &err), err);
    smki_buffer_finish(&file);
}

static void an_organisation_certificate_is_for_the_partys_own_eui_and_role(void **state)
{
    struct home home;
    static struct smki_stored_certificate out;
    struct smki_buffer der = {0};
    struct smki_party party;
    struct smki_csr csr;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    organisation_request(&der, &csr);
    EXPECT_REFUSED(SMKI_NOT_SUBSCRIBER, smki_service_issue(home.service, &home.maker, SMKI_PROFILE_ORGANISATION, csr.der, &out, &err), err);
    ASSERT_OK(smki_party_find(smki_service_store(home.service), home.maker.party, &party, &err), err);
    party.subscriber |= SMKI_SUBSCRIBER_ORGANISATION;
    party.roles[0] = 0x7f;
    ASSERT_OK(smki_party_update(smki_service_store(home.service), &home.operator, & party, &err), err);
    EXPECT_REFUSED(SMKI_EUI_NOT_OWN, smki_service_issue(home.service, &home.maker, SMKI_PROFILE_ORGANISATION, csr.der, &out, &err), err);
    party.euis[party.eui_count++] = csr.subject.eui;
    ASSERT_OK(smki_party_update(smki_service_store(home.service), &home.operator, & party, &err), err);
    EXPECT_REFUSED(SMKI_ROLE_NOT_OWN, smki_service_issue(home.service, &home.maker, SMKI_PROFILE_ORGANISATION, csr.der, &out, &err), err);
    party.roles[0] = (uint8_t)strtoul(csr.subject.unit, NULL, 16);
    ASSERT_OK(smki_party_update(smki_service_store(home.service), &home.operator, & party, &err), err);
    ASSERT_OK(smki_service_issue(home.service, &home.maker, SMKI_PROFILE_ORGANISATION, csr.der, &out, &err), err);
    assert_int_equal(out.ca, SMKI_OCA);
    AUDIT_HOLDS(&home);
    smki_buffer_finish(&der);
    home_clear(&home);
}

static void a_request_that_is_refused_unread_is_on_record_too(void **state)
{
    struct home home;
    static struct smki_stored_certificate out;
    struct smki_store_statistics before, after;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    ASSERT_OK(smki_store_statistics(smki_service_store(home.service), &before, &err), err);
    EXPECT_REFUSED(SMKI_CSR_MALFORMED, smki_service_issue(home.service, &home.maker, SMKI_PROFILE_DEVICE, BYTES("0", 1), &out, &err), err);
    ASSERT_OK(smki_store_statistics(smki_service_store(home.service), &after, &err), err);
    assert_int_equal(after.audit_records, before.audit_records + 1);
    home_clear(&home);
}

/* ---- credentials ---- */

static void iki_request(struct home *home, struct smki_buffer *out, const char *name)
{
    char command[2000];

    snprintf(command, sizeof(command),
             "printf '[req]\\ndistinguished_name=dn\\nprompt=no\\nreq_extensions=v3\\n[dn]\\nO=Maker\\nOU=02\\nCN=%s\\n"
             "[v3]\\nkeyUsage=critical,digitalSignature\\n' >iki.cnf; "
             "openssl req -new -newkey rsa:2048 -nodes -keyout iki.key -config iki.cnf -sha256 -outform der -out iki.csr",
             name);
    openssl(home, out, "iki.csr", command);
}

static void a_credential_is_issued_bound_suspended_and_revoked(void **state)
{
    struct home home;
    static struct smki_stored_certificate out;
    struct smki_credential credential, found;
    struct smki_buffer csr = {0}, crl = {0};
    struct smki_error err = {0};
    uint8_t digest[SHA256_SIZE];
    char path[TEST_PATH_SIZE];

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    iki_request(&home, &csr, "plant-7");
    credential = (struct smki_credential){.party = home.maker.party, .interface = SMKI_INTERFACE_BATCH};
    ASSERT_OK(smki_service_credential_issue(home.service, &home.operator,(struct smki_bytes){csr.at, csr.size}, &credential, &out, &err),
              err);
    assert_string_equal(credential.common_name, "plant-7");
    sha256(digest, out.der, out.size);
    ASSERT_OK(smki_credential_of_certificate(smki_service_store(home.service), digest, &found, &err), err);
    assert_int_equal(found.number, credential.number);
    assert_int_equal(found.interface, SMKI_INTERFACE_BATCH);
    test_write(test_path(path, home.path, "iki.der"), out.der, out.size);
    openssl(&home, NULL, NULL,
            "openssl x509 -inform der -in iki.der -out iki.pem && openssl verify -purpose sslclient -CAfile ca/ikica.pem iki.pem");

    credential = (struct smki_credential){.party = home.maker.party, .interface = SMKI_INTERFACE_BATCH};
    EXPECT_REFUSED(
        SMKI_CREDENTIAL_NAME_TAKEN,
        smki_service_credential_issue(home.service, &home.operator,(struct smki_bytes){csr.at, csr.size}, &credential, &out, &err), err);
    ASSERT_OK(smki_credential_set_state(smki_service_store(home.service), &home.operator, found.number, SMKI_CREDENTIAL_SUSPENDED, &err),
              err);
    ASSERT_OK(smki_credential_set_state(smki_service_store(home.service), &home.operator, found.number, SMKI_CREDENTIAL_REVOKED, &err),
              err);
    EXPECT_REFUSED(SMKI_CREDENTIAL_STATE,
                   smki_credential_set_state(smki_service_store(home.service), &home.operator, found.number, SMKI_CREDENTIAL_ACTIVE, &err),
                   err);
    ASSERT_OK(smki_service_crl(home.service, &home.operator, SMKI_IKICA, &crl, &err), err);
    test_write(test_path(path, home.path, "ikica.crl"), crl.at, crl.size);
    openssl(&home, NULL, NULL,
            "openssl crl -inform der -in ikica.crl -out ikica.crl.pem && "
            "! openssl verify -crl_check -CRLfile ikica.crl.pem -CAfile ca/ikica.pem iki.pem");
    AUDIT_HOLDS(&home);
    smki_buffer_finish(&csr);
    smki_buffer_finish(&crl);
    home_clear(&home);
}

/* ---- what a power cut leaves ---- */

static struct {
    const struct request *request;
    struct home *home;
    struct ticket ticket;
} cut;

/* What the flow has made durable when the power goes just before it signs. */
static int cut_change(struct store_change *change, void *argument, struct smki_error *err)
{
    struct smki_audit_record record = {.act = SMKI_ACT_CSR_DECIDE, .actor = cut.home->maker, .party = cut.home->maker.party};
    struct store_claim claim;
    struct smki_csr csr;
    uint64_t half;
    int rc;

    (void)argument;
    if ((rc = smki_csr_read(&csr, SMKI_PROFILE_DEVICE, BYTES(cut.request->der, cut.request->size), err)) != 0 ||
        (rc = store_reserve_serials(change, 1, &half, err)) != 0)
        return rc;
    cut.ticket = (struct ticket){.profile = SMKI_PROFILE_DEVICE, .ca = SMKI_DCA, .party = cut.home->maker.party, .csr = csr.der};
    cut.ticket.not_before = AT("2026-11-23T14:00");
    serial_compose(cut.ticket.serial, half, (const uint8_t *)"8 octets");
    claim = device_claim(&csr, cut.ticket.serial);
    record.serial = serial_of(cut.ticket.serial);
    if ((rc = ticket_put(change, &cut.ticket, err)) != 0 || (rc = store_claim_add(change, &claim, err)) != 0)
        return rc;
    return store_record(change, &record, err);
}

static void a_request_cut_off_before_it_was_signed_is_finished_by_the_next_run(void **state)
{
    struct home home;
    static struct smki_stored_certificate out;
    struct smki_serial serial;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T21:00", "{}");
    cut.request = &device_requests[0];
    cut.home = &home;
    ASSERT_OK(store_change(smki_service_store(home.service), cut_change, NULL, &err), err);
    serial = serial_of(cut.ticket.serial);
    EXPECT_REFUSED(SMKI_NOT_FOUND, smki_service_certificate(home.service, &serial, &out, &err), err);
    RUN(&home);
    ASSERT_OK(smki_service_certificate(home.service, &serial, &out, &err), err);
    EXPECT_REFUSED(SMKI_CSR_DUPLICATE, issue(&home, SMKI_INTERFACE_PORTAL_DEVICE, 0, &out, &err), err);
    RUN(&home); /* and only once */
    AUDIT_HOLDS(&home);
    home_clear(&home);
}

/* ---- homes ---- */

static void a_home_is_not_made_where_something_is(void **state)
{
    struct home home;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    EXPECT_REFUSED(SMKI_STORE_NOT_EMPTY, smki_service_create(home.path, NULL, &err), err);
    EXPECT_REFUSED(SMKI_STORE_NOT_EMPTY, smki_service_backup(home.service, &home.operator, home.path, false, &err), err);
    EXPECT_REFUSED(SMKI_STORE_NOT_EMPTY, smki_service_restore(mould_home, home.path, NULL, &err), err);
    home_clear(&home);
}

static void a_backup_holds_everything_up_to_it(void **state)
{
    struct home home, second;
    static struct smki_stored_certificate out;
    struct smki_certificate certificate;
    struct smki_error err = {0};
    char backup[TEST_PATH_SIZE];

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    ASSERT_OK(issue(&home, SMKI_INTERFACE_PORTAL_DEVICE, 0, &out, &err), err);
    ASSERT_OK(smki_certificate_read(&certificate, BYTES(out.der, out.size), &err), err);
    test_path(backup, home.path, "backup");
    ASSERT_OK(smki_service_backup(home.service, &home.operator, backup, false, &err), err);
    second = home;
    test_path(second.path, home.path, "second");
    ASSERT_OK(smki_service_restore(backup, second.path, NULL, &err), err);
    home_open(&second);
    ASSERT_OK(smki_service_certificate(second.service, &certificate.serial, &out, &err), err);
    AUDIT_HOLDS(&second);
    smki_service_close(second.service);
    home_clear(&home);
}

static void a_key_that_others_can_read_is_refused(void **state)
{
    struct home home;
    struct smki_service *service;
    const struct smki_ca *ca;
    struct smki_error err = {0};
    char path[2 * TEST_PATH_SIZE];

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    snprintf(path, sizeof(path), "%s/keys/dca.key", home.path);
    assert_int_equal(chmod(path, 0640), 0);
    EXPECT_REFUSED(SMKI_KEY_PERMISSIONS, smki_service_ca(home.service, SMKI_DCA, &ca, &err), err);
    snprintf(path, sizeof(path), "%s/keys/audit.key", home.path);
    assert_int_equal(chmod(path, 0604), 0);
    smki_service_close(home.service);
    EXPECT_REFUSED(SMKI_KEY_PERMISSIONS, smki_service_open(&service, home.path, NULL, &err), err);
    home.service = NULL;
    home_clear(&home);
}

static int word_of_three(void *context, char *out, size_t capacity)
{
    (void)capacity;
    memcpy(out, context, strlen(context));
    return (int)strlen(context);
}

static void protected_keys_open_with_their_passphrase_only(void **state)
{
    char folder[TEST_PATH_SIZE], path[TEST_PATH_SIZE];
    struct smki_service_options options = {.protect_with = "correct horse", .passphrase = word_of_three};
    struct smki_service *service;
    const struct smki_ca *ca;
    struct smki_error err = {0};

    (void)state;
    test_folder_make(folder);
    test_path(path, folder, "home");
    ASSERT_OK(smki_service_create(path, &options, &err), err);
    options.passphrase_context = (char[]){"wrong horse"};
    ASSERT_OK(smki_service_open(&service, path, &options, &err), err);
    EXPECT_REFUSED(SMKI_KEY_PASSPHRASE, smki_service_ca(service, SMKI_DCA, &ca, &err), err);
    smki_service_close(service);
    options.passphrase_context = (char[]){"correct horse"};
    ASSERT_OK(smki_service_open(&service, path, &options, &err), err);
    ASSERT_OK(smki_service_ca(service, SMKI_DCA, &ca, &err), err);
    ASSERT_OK(smki_service_ca(service, SMKI_IKICA, &ca, &err), err);
    smki_service_close(service);
    test_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_device_certificate_verifies_under_the_dca),
        cmocka_unit_test(the_ad_hoc_service_replaces_and_does_not_begin),
        cmocka_unit_test(a_duplicate_is_refused_until_the_first_is_revoked),
        cmocka_unit_test(a_revoked_certificate_is_on_the_next_crl_once_and_openssl_agrees),
        cmocka_unit_test(a_devices_certificates_come_in_the_order_of_issue),
        cmocka_unit_test(an_organisation_certificate_is_for_the_partys_own_eui_and_role),
        cmocka_unit_test(a_request_that_is_refused_unread_is_on_record_too),
        cmocka_unit_test(a_credential_is_issued_bound_suspended_and_revoked),
        cmocka_unit_test(a_request_cut_off_before_it_was_signed_is_finished_by_the_next_run),
        cmocka_unit_test(a_home_is_not_made_where_something_is),
        cmocka_unit_test(a_backup_holds_everything_up_to_it),
        cmocka_unit_test(a_key_that_others_can_read_is_refused),
        cmocka_unit_test(protected_keys_open_with_their_passphrase_only),
    };

    return cmocka_run_group_tests(tests, group_begin, group_end);
}
