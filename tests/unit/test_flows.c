/* The flows of one request: device, organisation and IKI certificates, revocation, CRLs, and what a power cut leaves. */
#include "home_test.h"

#include "ra/ticket_i.h"
#include "registry/registry_i.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>

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

/* The maker becomes a Party of these user roles. */
static void user_roles_are(struct home *home, unsigned user_roles)
{
    struct smki_party party;
    struct smki_error err = {0};

    ASSERT_OK(smki_party_find(smki_service_store(home->service), home->maker.party, &party, &err), err);
    party.user_roles = user_roles;
    ASSERT_OK(smki_party_update(smki_service_store(home->service), &home->operator, & party, &err), err);
}

static void the_ad_hoc_service_is_for_suppliers_and_the_dcc(void **state)
{
    static const unsigned allowed[] = {SMKI_USER_IMPORT_SUPPLIER, SMKI_USER_GAS_SUPPLIER, SMKI_USER_DCC | SMKI_USER_OTHER};
    struct home home;
    static struct smki_stored_certificate out;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    ASSERT_OK(issue(&home, SMKI_INTERFACE_PORTAL_DEVICE, 0, &out, &err), err);
    EXPECT_REFUSED(SMKI_USER_ROLE, issue(&home, SMKI_INTERFACE_ADHOC, 1, &out, &err), err);
    for (size_t i = 0; i < TEST_COUNT(allowed); i++) {
        user_roles_are(&home, allowed[i]);
        EXPECT_REFUSED(SMKI_CSR_DUPLICATE, issue(&home, SMKI_INTERFACE_ADHOC, 0, &out, &err), err);
    }
    home_clear(&home);
}

static void the_ad_hoc_service_replaces_and_does_not_begin(void **state)
{
    struct home home;
    static struct smki_stored_certificate out;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    user_roles_are(&home, SMKI_USER_GAS_SUPPLIER);
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
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, smki_service_revoke(home.service, &home.operator, & certificate.serial, 8, &err), err);
    ASSERT_OK(smki_service_crl(home.service, &home.operator, SMKI_DCA, &crl, &err), err);
    test_write(test_path(path, home.path, "dca.crl"), crl.at, crl.size);
    openssl(&home, NULL, NULL,
            "openssl crl -inform der -in dca.crl -CAfile ca/dca.pem -noout -text | grep -c 'Serial Number' | grep -qx 1");
    openssl(&home, NULL, NULL, "openssl crl -inform der -in dca.crl -CAfile ca/dca.pem -noout -verify 2>&1 | grep -q 'verify OK'");
    smki_buffer_finish(&crl);
    home_clear(&home);
}

static void the_newest_crl_is_kept(void **state)
{
    struct home home;
    struct smki_buffer made = {0}, kept = {0};
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    EXPECT_REFUSED(SMKI_NOT_FOUND, smki_service_crl_current(home.service, SMKI_DCA, &kept, &err), err);
    for (int i = 0; i < 2; i++) {
        made.size = kept.size = 0;
        ASSERT_OK(smki_buffer_append(&made, "before", 6, &err), err); /* both append */
        ASSERT_OK(smki_buffer_append(&kept, "before", 6, &err), err);
        ASSERT_OK(smki_service_crl(home.service, &home.operator, SMKI_DCA, &made, &err), err);
        ASSERT_OK(smki_service_crl_current(home.service, SMKI_DCA, &kept, &err), err);
        ASSERT_BYTES(made, kept.at, kept.size);
    }
    EXPECT_REFUSED(SMKI_NOT_FOUND, smki_service_crl_current(home.service, SMKI_OCA, &kept, &err), err);
    smki_buffer_finish(&made);
    smki_buffer_finish(&kept);
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

static void iki_request_of(struct home *home, struct smki_buffer *out, const char *organisation, const char *role, const char *name)
{
    char command[2000];

    snprintf(command, sizeof(command),
             "printf '[req]\\ndistinguished_name=dn\\nprompt=no\\nreq_extensions=v3\\n[dn]\\nO=%s\\nOU=%s\\nCN=%s\\n"
             "[v3]\\nkeyUsage=critical,digitalSignature\\n' >iki.cnf; "
             "openssl req -new -newkey rsa:2048 -nodes -keyout iki.key -config iki.cnf -sha256 -outform der -out iki.csr",
             organisation, role, name);
    openssl(home, out, "iki.csr", command);
}

static void iki_request(struct home *home, struct smki_buffer *out, const char *name)
{
    iki_request_of(home, out, "Maker", "02", name);
}

static int credential_issue(struct home *home, const struct smki_buffer *csr, struct smki_credential *credential,
                            struct smki_stored_certificate *out, struct smki_error *err)
{
    *credential = (struct smki_credential){.party = home->maker.party, .interface = SMKI_INTERFACE_BATCH};
    return smki_service_credential_issue(home->service, &home->operator,(struct smki_bytes){csr->at, csr->size}, credential, out, err);
}

static void a_credential_names_the_party_and_a_role_of_it(void **state)
{
    static const struct {
        const char *organisation, *role;
        int refusal;
    } requests[] = {{"Other", "02", SMKI_ORGANISATION_NOT_OWN},
                    {"maker", "02", SMKI_ORGANISATION_NOT_OWN},
                    {"Makers", "02", SMKI_ORGANISATION_NOT_OWN},
                    {"Maker", "03", SMKI_ROLE_NOT_OWN}};
    struct home home;
    static struct smki_stored_certificate out;
    struct smki_credential credential;
    struct smki_buffer csr = {0};
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    for (size_t i = 0; i < TEST_COUNT(requests); i++) {
        csr.size = 0;
        iki_request_of(&home, &csr, requests[i].organisation, requests[i].role, "plant-7");
        EXPECT_REFUSED(requests[i].refusal, credential_issue(&home, &csr, &credential, &out, &err), err);
        if (i == 0)
            EXPECT_TEXT(err, "\"Other\", the name of Party 1 is \"Maker\"");
    }
    smki_buffer_finish(&csr);
    home_clear(&home);
}

static void revoking_an_iki_certificate_ends_its_credential(void **state)
{
    struct home home;
    static struct smki_stored_certificate out;
    struct smki_certificate certificate;
    struct smki_credential credential, found;
    struct smki_buffer csr = {0};
    const struct smki_ca *dca;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    iki_request(&home, &csr, "plant-7");
    ASSERT_OK(credential_issue(&home, &csr, &credential, &out, &err), err);
    ASSERT_OK(smki_service_ca(home.service, SMKI_DCA, &dca, &err), err);
    EXPECT_REFUSED(SMKI_NOT_FOUND,
                   smki_credential_of_serial(smki_service_store(home.service), &smki_ca_certificate(dca)->serial, &found, &err), err);
    EXPECT_TEXT(err, "not that of a credential");
    EXPECT_REFUSED(SMKI_NOT_FOUND,
                   smki_credential_of_serial(smki_service_store(home.service), &(struct smki_serial){{1, 2, 3}, 3}, &found, &err), err);
    EXPECT_TEXT(err, "no certificate with the serial number 010203");
    ASSERT_OK(smki_certificate_read(&certificate, BYTES(out.der, out.size), &err), err);
    ASSERT_OK(smki_service_revoke(home.service, &home.operator, & certificate.serial, 1, &err), err);
    ASSERT_OK(smki_credential_find(smki_service_store(home.service), credential.number, &found, &err), err);
    assert_int_equal(found.state, SMKI_CREDENTIAL_REVOKED);
    AUDIT_HOLDS(&home);
    smki_buffer_finish(&csr);
    home_clear(&home);
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
    found = (struct smki_credential){0};
    ASSERT_OK(smki_credential_of_serial(smki_service_store(home.service), &credential.serial, &found, &err), err);
    assert_int_equal(found.number, credential.number);
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
    const char *granted; /* NULL: at 14:00 */
    enum smki_interface interface;
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
    cut.ticket.interface = cut.interface;
    cut.ticket.not_before = AT(cut.granted != NULL ? cut.granted : "2026-11-23T14:00");
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
    cut.granted = NULL;
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

static void dca_key_is(struct home *home, unsigned mode)
{
    char path[2 * TEST_PATH_SIZE];

    snprintf(path, sizeof(path), "%s/keys/dca.key", home->path);
    assert_int_equal(chmod(path, mode), 0);
}

static int first_certificate(struct home *home)
{
    static struct smki_stored_certificate out;
    struct smki_device_id id = {{0x90, 0xb3, 0xd5, 0x1f, 0x30, 0x09, 0, 0}};
    struct smki_serial after = {.size = 0};

    return smki_service_device_certificate(home->service, &id, &after, &out, NULL);
}

static void a_request_whose_ca_key_cannot_be_opened_stays_granted(void **state)
{
    static const struct smki_stored_certificate empty;
    struct home home;
    static struct smki_stored_certificate out;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T21:00", "{}");
    dca_key_is(&home, 0640);
    memset(&out, 'x', sizeof(out));
    EXPECT_REFUSED(SMKI_KEY_PERMISSIONS, issue(&home, SMKI_INTERFACE_OPERATOR, 0, &out, &err), err);
    assert_memory_equal(&out, &empty, sizeof(out));
    EXPECT_REFUSED(SMKI_CSR_DUPLICATE, issue(&home, SMKI_INTERFACE_OPERATOR, 0, &out, &err), err); /* it will be there */
    NOW(&home, "2026-11-23T21:10");
    ASSERT_OK(smki_service_recover(home.service, &home.operator, & err), err); /* the key cannot be opened yet */
    assert_int_equal(first_certificate(&home), SMKI_NOT_FOUND);
    dca_key_is(&home, 0600);
    RUN(&home);
    assert_int_equal(first_certificate(&home), 0);
    AUDIT_HOLDS(&home);
    home_clear(&home);
}

static void a_request_that_is_being_signed_is_left_to_its_owner(void **state)
{
    struct home home;
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T21:00", "{}");
    cut.request = &device_requests[0];
    cut.home = &home;
    cut.granted = "2026-11-23T21:00";
    ASSERT_OK(store_change(smki_service_store(home.service), cut_change, NULL, &err), err);
    NOW(&home, "2026-11-23T21:01:59");
    RUN(&home);
    assert_int_equal(first_certificate(&home), SMKI_NOT_FOUND);
    NOW(&home, "2026-11-23T21:02");
    RUN(&home);
    assert_int_equal(first_certificate(&home), 0);
    home_clear(&home);
}

/* A supplier's device has a certificate; its request for another, by the ad hoc web service, was cut off before it was signed. */
static void AD_HOC_CUT_OFF(struct home *home, const char *now, const char *granted)
{
    static struct smki_stored_certificate out;
    struct smki_error err = {0};

    home_lay(home, now, "{}");
    user_roles_are(home, SMKI_USER_GAS_SUPPLIER);
    ASSERT_OK(issue(home, SMKI_INTERFACE_PORTAL_DEVICE, 1, &out, &err), err);
    cut.request = &device_requests[0];
    cut.home = home;
    cut.granted = granted;
    cut.interface = SMKI_INTERFACE_ADHOC;
    ASSERT_OK(store_change(smki_service_store(home->service), cut_change, NULL, &err), err);
    cut.interface = 0;
    smki_service_close(home->service);
    home_open(home); /* the CA's key is not open yet */
}

static int RECOVER(struct home *home)
{
    return smki_service_recover(home->service, &home->operator, NULL);
}

static unsigned device_certificates(struct home *home)
{
    static struct smki_stored_certificate out;
    struct smki_device_id id = {{0x90, 0xb3, 0xd5, 0x1f, 0x30, 0x09, 0, 0}};
    struct smki_serial after = {.size = 0};
    unsigned count = 0;

    while (smki_service_device_certificate(home->service, &id, &after, &out, NULL) == 0)
        count++;
    return count;
}

static unsigned count_void(struct home *home)
{
    struct smki_audit_record record = {.sequence = 0};
    unsigned count = 0;

    while (smki_audit_find(smki_service_store(home->service), record.sequence + 1, &record, NULL) == 0)
        count += record.act == SMKI_ACT_CSR_VOID;
    return count;
}

static int cut_certificate(struct home *home)
{
    static struct smki_stored_certificate out;
    const struct smki_serial serial = serial_of(cut.ticket.serial);

    return smki_service_certificate(home->service, &serial, &out, NULL);
}

static void an_ad_hoc_request_that_was_cut_off_is_void_after_the_next_start(void **state)
{
    struct home home;
    static struct smki_stored_certificate out;
    struct smki_error err = {0};

    (void)state;
    AD_HOC_CUT_OFF(&home, "2026-11-23T14:00:01", "2026-11-23T14:00");
    assert_int_equal(RECOVER(&home), 0);
    assert_int_equal(count_void(&home), 1);
    assert_int_equal(RECOVER(&home), 0); /* and only once */
    assert_int_equal(count_void(&home), 1);
    assert_int_equal(cut_certificate(&home), SMKI_NOT_FOUND);
    ASSERT_OK(issue(&home, SMKI_INTERFACE_ADHOC, 0, &out, &err), err);
    EXPECT_REFUSED(SMKI_CSR_DUPLICATE, issue(&home, SMKI_INTERFACE_ADHOC, 0, &out, &err), err);
    assert_int_equal(device_certificates(&home), 2);
    AUDIT_HOLDS(&home);
    home_clear(&home);
}

static void an_ad_hoc_request_that_was_cut_off_is_void_when_it_cannot_be_signed(void **state)
{
    struct home home;
    static struct smki_stored_certificate out;
    struct smki_error err = {0};

    (void)state;
    AD_HOC_CUT_OFF(&home, "2026-11-23T14:02", "2026-11-23T14:00");
    dca_key_is(&home, 0640);
    assert_int_equal(RECOVER(&home), 0);
    assert_int_equal(count_void(&home), 1);
    dca_key_is(&home, 0600);
    ASSERT_OK(issue(&home, SMKI_INTERFACE_ADHOC, 0, &out, &err), err);
    assert_int_equal(cut_certificate(&home), SMKI_NOT_FOUND);
    assert_int_equal(device_certificates(&home), 2);
    AUDIT_HOLDS(&home);
    home_clear(&home);
}

static void an_ad_hoc_request_sent_again_after_it_was_cut_off_gets_its_certificate(void **state)
{
    struct home home;
    static struct smki_stored_certificate out;
    struct smki_error err = {0};

    (void)state;
    AD_HOC_CUT_OFF(&home, "2026-11-23T14:00:01", "2026-11-23T14:00");
    ASSERT_OK(issue(&home, SMKI_INTERFACE_ADHOC, 0, &out, &err), err);
    assert_int_equal(count_void(&home), 1);
    assert_int_equal(cut_certificate(&home), SMKI_NOT_FOUND);
    EXPECT_REFUSED(SMKI_CSR_DUPLICATE, issue(&home, SMKI_INTERFACE_ADHOC, 0, &out, &err), err);
    assert_int_equal(device_certificates(&home), 2);
    AUDIT_HOLDS(&home);
    home_clear(&home);
}

static void what_somebody_is_at_is_not_made_void(void **state)
{
    struct home home;
    static struct smki_stored_certificate out;
    struct octet_hold hold;
    struct smki_error err = {0};
    int failed;

    (void)state;
    AD_HOC_CUT_OFF(&home, "2026-11-23T14:00:01", "2026-11-23T14:00");
    ASSERT_OK(octet_hold_open(&hold, home.service, "tickets", &err), err);
    assert_true(octet_hold_try(&hold, (off_t)cut.ticket.number, &failed));
    assert_int_equal(RECOVER(&home), 0);
    EXPECT_REFUSED(SMKI_CSR_DUPLICATE, issue(&home, SMKI_INTERFACE_ADHOC, 0, &out, &err), err);
    assert_int_equal(count_void(&home), 0);
    assert_int_equal(cut_certificate(&home), 0); /* finished for it */
    octet_hold_end(&hold);
    AUDIT_HOLDS(&home);
    home_clear(&home);
}

static void an_ad_hoc_request_sent_again_is_no_duplicate_of_what_cannot_be_signed(void **state)
{
    struct home home;
    static struct smki_stored_certificate out;
    struct smki_error err = {0};

    (void)state;
    AD_HOC_CUT_OFF(&home, "2026-11-23T14:00:01", "2026-11-23T14:00");
    dca_key_is(&home, 0640);
    EXPECT_REFUSED(SMKI_KEY_PERMISSIONS, issue(&home, SMKI_INTERFACE_ADHOC, 0, &out, &err), err);
    assert_int_equal(count_void(&home), 2); /* what was left, and this one */
    dca_key_is(&home, 0600);
    ASSERT_OK(issue(&home, SMKI_INTERFACE_ADHOC, 0, &out, &err), err);
    assert_int_equal(cut_certificate(&home), SMKI_NOT_FOUND);
    assert_int_equal(device_certificates(&home), 2);
    AUDIT_HOLDS(&home);
    home_clear(&home);
}

/* It is for the ad hoc web service, and was not asked for there. */
static void a_credential_whose_ca_key_cannot_be_opened_is_void_and_comes_into_being_only_when_asked_for_again(void **state)
{
    struct home home;
    static struct smki_stored_certificate out;
    struct smki_credential credential;
    struct smki_buffer csr = {0};
    struct smki_error err = {0};
    char path[2 * TEST_PATH_SIZE];

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    iki_request(&home, &csr, "plant-7");
    snprintf(path, sizeof(path), "%s/keys/ikica.key", home.path);
    assert_int_equal(chmod(path, 0640), 0);
    credential = (struct smki_credential){.party = home.maker.party, .interface = SMKI_INTERFACE_ADHOC};
    EXPECT_REFUSED(
        SMKI_KEY_PERMISSIONS,
        smki_service_credential_issue(home.service, &home.operator,(struct smki_bytes){csr.at, csr.size}, &credential, &out, &err), err);
    assert_int_equal(count_void(&home), 1);
    NOW(&home, "2026-11-23T14:10");
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(RECOVER(&home), 0);
    assert_int_equal(smki_credential_find(smki_service_store(home.service), 1, &credential, NULL), SMKI_NOT_FOUND);
    credential = (struct smki_credential){.party = home.maker.party, .interface = SMKI_INTERFACE_ADHOC};
    ASSERT_OK(smki_service_credential_issue(home.service, &home.operator,(struct smki_bytes){csr.at, csr.size}, &credential, &out, &err),
              err);
    assert_string_equal(credential.common_name, "plant-7");
    AUDIT_HOLDS(&home);
    smki_buffer_finish(&csr);
    home_clear(&home);
}

/* Gives the CA key's passphrase, and meanwhile makes the ticket void: as another would, between the grant and the signature. */
static int void_everything(struct store_change *change, void *argument, struct smki_error *err)
{
    struct smki_buffer open = {0};
    uint64_t number;
    int rc = tickets_open(store_change_view(change), &open, err);

    (void)argument;
    for (size_t at = 0; at < open.size && rc == 0; at += sizeof(number)) {
        memcpy(&number, open.at + at, sizeof(number));
        rc = ticket_remove(change, number, err);
    }
    smki_buffer_finish(&open);
    return rc;
}

static int word_and_void(void *context, char *out, size_t capacity)
{
    struct home *home = context;

    (void)capacity;
    if (store_change(smki_service_store(home->service), void_everything, NULL, NULL) != 0)
        return -1;
    memcpy(out, "horse", 5);
    return 5;
}

static void what_was_made_void_elsewhere_is_not_given_out(void **state)
{
    char folder[TEST_PATH_SIZE];
    struct home home = {.operator= {.name = "test", .interface = SMKI_INTERFACE_OPERATOR} };
    struct smki_service_options options = {.protect_with = "horse", .passphrase = word_and_void, .passphrase_context = &home};
    static struct smki_stored_certificate out;
    struct smki_error err = {0};

    (void)state;
    test_folder_make(folder);
    test_path(home.path, folder, "home");
    ASSERT_OK(smki_service_create(home.path, &options, &err), err);
    ASSERT_OK(smki_service_open(&home.service, home.path, &options, &err), err);
    home.maker = home.operator;
    home.maker.party = PARTY(&home, "Maker", SMKI_USER_OTHER, SMKI_SUBSCRIBER_DEVICE);
    EXPECT_REFUSED(SMKI_LEASE_LOST, issue(&home, SMKI_INTERFACE_PORTAL_DEVICE, 0, &out, &err), err);
    EXPECT_TEXT(err, "submit it again");
    assert_int_equal(out.size, 0);
    assert_int_equal(first_certificate(&home), SMKI_NOT_FOUND);
    smki_service_close(home.service);
    test_folder_remove(folder);
}

/* ---- homes ---- */

/* What each folder held when it was last synced: a sum over its names. */
static struct {
    ino_t inode;
    uint64_t names;
} synced[1024];
static size_t synced_count;

static uint64_t names_in(DIR *folder)
{
    const struct dirent *entry;
    uint64_t sum = 0;

    while ((entry = readdir(folder)) != NULL) {
        uint64_t hash = UINT64_C(14695981039346656037);

        for (const char *c = entry->d_name; *c != '\0'; c++)
            hash = (hash ^ (uint8_t)*c) * UINT64_C(1099511628211);
        sum += hash;
    }
    closedir(folder);
    return sum;
}

/* Stands in the place of the C library's. */
int fsync(int fd)
{
    struct stat status;
    DIR *folder;

    if (fstat(fd, &status) == 0 && S_ISDIR(status.st_mode) && (folder = fdopendir(openat(fd, ".", O_RDONLY | O_DIRECTORY))) != NULL) {
        synced[synced_count % TEST_COUNT(synced)].inode = status.st_ino;
        synced[synced_count++ % TEST_COUNT(synced)].names = names_in(folder);
    }
    return (int)syscall(SYS_fsync, fd);
}

static void expect_synced(const char *parent, const char *name)
{
    char path[2 * TEST_PATH_SIZE];
    struct stat status;
    uint64_t names = 0;

    snprintf(path, sizeof(path), "%s/%s", parent, name);
    assert_int_equal(stat(path, &status), 0);
    for (size_t i = 0; i < synced_count; i++)
        if (synced[i].inode == status.st_ino)
            names = synced[i].names;
    if (names != names_in(opendir(path)))
        fail_msg("%s was not synced as it is", path);
}

/* The store's own folder is left out: its lock file comes and goes with those who open it. */
static void expect_home_synced(const char *parent, const char *name)
{
    static const char *const folders[] = {"", "/ca", "/keys", "/batches"};
    char path[TEST_PATH_SIZE];

    expect_synced(parent, "");
    for (size_t i = 0; i < TEST_COUNT(folders); i++) {
        snprintf(path, sizeof(path), "%.200s%s", name, folders[i]);
        expect_synced(parent, path);
    }
}

static void the_folders_of_homes_and_backups_are_on_the_disk_when_they_are_made(void **state)
{
    char folder[3][TEST_PATH_SIZE], made[3][TEST_PATH_SIZE];
    struct smki_actor actor = {.name = "test"};
    struct smki_service *service;
    struct smki_error err = {0};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        test_folder_make(folder[i]);
        test_path(made[i], folder[i], "made");
    }
    synced_count = 0;
    ASSERT_OK(smki_service_create(made[0], NULL, &err), err);
    expect_home_synced(folder[0], "made");
    ASSERT_OK(smki_service_open(&service, made[0], NULL, &err), err);
    synced_count = 0;
    ASSERT_OK(smki_service_backup(service, &actor, made[1], false, &err), err);
    smki_service_close(service);
    expect_home_synced(folder[1], "made");
    expect_synced(made[1], "store");
    synced_count = 0;
    ASSERT_OK(smki_service_restore(made[1], made[2], NULL, &err), err);
    expect_home_synced(folder[2], "made");
    assert_true(synced_count <= TEST_COUNT(synced));
    for (size_t i = 0; i < 3; i++)
        test_folder_remove(folder[i]);
}

struct creator {
    pthread_t thread;
    pthread_barrier_t *barrier;
    const char *path;
    int rc;
    struct smki_error err;
};

static void *create_at_once(void *context)
{
    struct creator *creator = context;

    pthread_barrier_wait(creator->barrier);
    creator->rc = smki_service_create(creator->path, NULL, &creator->err);
    return NULL;
}

static void of_two_commands_that_make_the_same_home_one_does(void **state)
{
    char folder[TEST_PATH_SIZE], path[TEST_PATH_SIZE];
    struct creator creators[2] = {0};
    struct smki_service *service;
    const struct smki_ca *ca;
    pthread_barrier_t barrier;
    struct smki_error err = {0};

    (void)state;
    for (int there = 0; there < 2; there++) { /* a new folder, then an empty one */
        test_folder_make(folder);
        test_path(path, folder, "home");
        if (there == 1)
            assert_int_equal(mkdir(path, 0755), 0);
        pthread_barrier_init(&barrier, NULL, 2);
        for (size_t i = 0; i < 2; i++) {
            creators[i] = (struct creator){.barrier = &barrier, .path = path};
            assert_int_equal(pthread_create(&creators[i].thread, NULL, create_at_once, &creators[i]), 0);
        }
        for (size_t i = 0; i < 2; i++)
            pthread_join(creators[i].thread, NULL);
        pthread_barrier_destroy(&barrier);
        assert_true((creators[0].rc == 0) != (creators[1].rc == 0));
        assert_int_equal(creators[0].rc + creators[1].rc, SMKI_STORE_NOT_EMPTY);
        ASSERT_OK(smki_service_open(&service, path, NULL, &err), err);
        for (enum smki_ca_name name = SMKI_OCA; name <= SMKI_DCA_ROOT; name++)
            ASSERT_OK(smki_service_ca(service, name, &ca, &err), err);
        smki_service_close(service);
        test_folder_remove(folder);
    }
}

static void *claim_at_once(void *context)
{
    struct creator *creator = context;
    struct folder_claim claim;
    char path[2 * TEST_PATH_SIZE];
    int fd;

    pthread_barrier_wait(creator->barrier);
    if ((creator->rc = folder_claim(&claim, creator->path, &creator->err)) != 0)
        return NULL;
    snprintf(path, sizeof(path), "%s/made", creator->path);
    if ((fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600)) >= 0)
        close(fd);
    creator->rc = fd < 0 ? SMKI_INTERNAL : folder_keep(&claim, &creator->err);
    return NULL;
}

static void of_many_claims_to_a_folder_one_is_granted(void **state)
{
    char folder[TEST_PATH_SIZE], path[TEST_PATH_SIZE], made[TEST_PATH_SIZE];
    struct creator creators[4];
    pthread_barrier_t barrier;

    (void)state;
    test_folder_make(folder);
    for (int round = 0; round < 200; round++) {
        int granted = 0;

        snprintf(path, sizeof(path), "%.200s/%d", folder, round);
        if (round % 2 == 1)
            assert_int_equal(mkdir(path, 0700), 0);
        pthread_barrier_init(&barrier, NULL, TEST_COUNT(creators));
        for (size_t i = 0; i < TEST_COUNT(creators); i++) {
            creators[i] = (struct creator){.barrier = &barrier, .path = path};
            assert_int_equal(pthread_create(&creators[i].thread, NULL, claim_at_once, &creators[i]), 0);
        }
        for (size_t i = 0; i < TEST_COUNT(creators); i++) {
            pthread_join(creators[i].thread, NULL);
            granted += creators[i].rc == 0;
            assert_true(creators[i].rc == 0 || creators[i].rc == SMKI_STORE_NOT_EMPTY);
        }
        pthread_barrier_destroy(&barrier);
        assert_int_equal(granted, 1);
        assert_int_equal(access(test_path(made, path, "made"), F_OK), 0);
        assert_int_equal(access(test_path(made, path, ".claim"), F_OK), -1);
    }
    test_folder_remove(folder);
}

static void a_folder_where_a_command_was_killed_is_refused_with_what_to_do(void **state)
{
    struct home home;
    char path[TEST_PATH_SIZE], claim[TEST_PATH_SIZE];
    struct smki_error err = {0};

    (void)state;
    home_lay(&home, "2026-11-23T14:00", "{}");
    assert_int_equal(mkdir(test_path(path, home.path, "killed"), 0700), 0);
    test_write(test_path(claim, path, ".claim"), "", 0);
    EXPECT_REFUSED(SMKI_STORE_NOT_EMPTY, smki_service_create(path, NULL, &err), err);
    EXPECT_TEXT(err, "remove the folder");
    EXPECT_REFUSED(SMKI_STORE_NOT_EMPTY, smki_service_backup(home.service, &home.operator, path, false, &err), err);
    EXPECT_TEXT(err, "remove the folder");
    EXPECT_REFUSED(SMKI_STORE_NOT_EMPTY, smki_service_restore(mould_home, path, NULL, &err), err);
    assert_int_equal(access(claim, F_OK), 0);
    home_clear(&home);
}

static void a_folder_that_was_there_before_a_failure_is_left_empty(void **state)
{
    struct test_random random = {.state = 7, .fail_after = 3};
    const struct smki_random failing = test_random_of(&random);
    struct smki_service_options options = {.random = &failing};
    char folder[TEST_PATH_SIZE], path[TEST_PATH_SIZE];
    struct smki_error err = {0};

    (void)state;
    test_folder_make(folder);
    EXPECT_REFUSED(SMKI_RANDOM, smki_service_create(folder, &options, &err), err);
    assert_int_equal(rmdir(folder), 0); /* there, and empty */
    test_folder_make(folder);
    EXPECT_REFUSED(SMKI_RANDOM, smki_service_create(test_path(path, folder, "home"), &options, &err), err);
    assert_int_equal(rmdir(folder), 0); /* what was made is gone */
}

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

static void a_home_of_a_passphrase_file_opens_with_it(void **state)
{
    char folder[TEST_PATH_SIZE], path[TEST_PATH_SIZE], file[TEST_PATH_SIZE], whole[PATH_MAX];
    struct smki_service_options options = {.passphrase_file = file};
    struct smki_service *service;
    const struct smki_ca *ca;
    struct smki_error err = {0};

    (void)state;
    test_folder_make(folder);
    test_path(path, folder, "home");
    test_write(test_path(file, folder, "word"), "correct horse\nnot this\n", 23);
    assert_int_equal(chmod(file, 0644), 0);
    EXPECT_REFUSED(SMKI_KEY_PERMISSIONS, smki_service_create(path, &options, &err), err);
    EXPECT_TEXT(err, file);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(chmod(file, 0600), 0);
    ASSERT_OK(smki_service_create(path, &options, &err), err);
    ASSERT_OK(smki_service_open(&service, path, NULL, &err), err);
    assert_string_equal(smki_service_config(service)->passphrase_file, realpath(file, whole));
    ASSERT_OK(smki_service_ca(service, SMKI_DCA, &ca, &err), err);
    smki_service_close(service);
    test_write(file, "wrong horse\n", 12);
    ASSERT_OK(smki_service_open(&service, path, NULL, &err), err);
    EXPECT_REFUSED(SMKI_KEY_PASSPHRASE, smki_service_ca(service, SMKI_DCA, &ca, &err), err);
    smki_service_close(service);
    if (geteuid() == 0) {
        assert_int_equal(chown(file, 12345, 12345), 0);
        EXPECT_REFUSED(SMKI_KEY_PERMISSIONS, smki_service_open(&service, path, NULL, &err), err);
    }
    test_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_device_certificate_verifies_under_the_dca),
        cmocka_unit_test(the_ad_hoc_service_is_for_suppliers_and_the_dcc),
        cmocka_unit_test(the_ad_hoc_service_replaces_and_does_not_begin),
        cmocka_unit_test(a_duplicate_is_refused_until_the_first_is_revoked),
        cmocka_unit_test(a_revoked_certificate_is_on_the_next_crl_once_and_openssl_agrees),
        cmocka_unit_test(the_newest_crl_is_kept),
        cmocka_unit_test(a_devices_certificates_come_in_the_order_of_issue),
        cmocka_unit_test(an_organisation_certificate_is_for_the_partys_own_eui_and_role),
        cmocka_unit_test(a_request_that_is_refused_unread_is_on_record_too),
        cmocka_unit_test(a_credential_is_issued_bound_suspended_and_revoked),
        cmocka_unit_test(a_credential_names_the_party_and_a_role_of_it),
        cmocka_unit_test(revoking_an_iki_certificate_ends_its_credential),
        cmocka_unit_test(a_request_cut_off_before_it_was_signed_is_finished_by_the_next_run),
        cmocka_unit_test(a_request_whose_ca_key_cannot_be_opened_stays_granted),
        cmocka_unit_test(a_request_that_is_being_signed_is_left_to_its_owner),
        cmocka_unit_test(an_ad_hoc_request_that_was_cut_off_is_void_after_the_next_start),
        cmocka_unit_test(an_ad_hoc_request_that_was_cut_off_is_void_when_it_cannot_be_signed),
        cmocka_unit_test(an_ad_hoc_request_sent_again_after_it_was_cut_off_gets_its_certificate),
        cmocka_unit_test(what_somebody_is_at_is_not_made_void),
        cmocka_unit_test(an_ad_hoc_request_sent_again_is_no_duplicate_of_what_cannot_be_signed),
        cmocka_unit_test(a_credential_whose_ca_key_cannot_be_opened_is_void_and_comes_into_being_only_when_asked_for_again),
        cmocka_unit_test(what_was_made_void_elsewhere_is_not_given_out),
        cmocka_unit_test(the_folders_of_homes_and_backups_are_on_the_disk_when_they_are_made),
        cmocka_unit_test(of_two_commands_that_make_the_same_home_one_does),
        cmocka_unit_test(of_many_claims_to_a_folder_one_is_granted),
        cmocka_unit_test(a_folder_where_a_command_was_killed_is_refused_with_what_to_do),
        cmocka_unit_test(a_folder_that_was_there_before_a_failure_is_left_empty),
        cmocka_unit_test(a_home_is_not_made_where_something_is),
        cmocka_unit_test(a_backup_holds_everything_up_to_it),
        cmocka_unit_test(a_key_that_others_can_read_is_refused),
        cmocka_unit_test(protected_keys_open_with_their_passphrase_only),
        cmocka_unit_test(a_home_of_a_passphrase_file_opens_with_it),
    };

    return cmocka_run_group_tests(tests, group_begin, group_end);
}
