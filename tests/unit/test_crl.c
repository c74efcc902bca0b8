/* CRLs, with openssl as the counterpart that reads and believes them. */
#include "issue_test.h"

#define THIS_UPDATE "2026-11-24T08:00:00Z"
#define NEXT_UPDATE "2026-12-24T08:00:00Z"

static void make(struct smki_buffer *crl, const struct smki_ca *ca, const struct smki_crl_entry *entries, size_t count)
{
    struct smki_error err = {0};

    ASSERT_OK(smki_crl_make(crl, ca, 258, AT(THIS_UPDATE), AT(NEXT_UPDATE), entries, count, &err), err);
}

static void write_crl(const struct test_pki *pki, const struct smki_ca *ca, const struct smki_crl_entry *entries, size_t count)
{
    struct smki_buffer crl = {0};

    make(&crl, ca, entries, count);
    test_pki_write_pem(pki, "list.crl", "X509 CRL", crl.at, crl.size);
    smki_buffer_finish(&crl);
}

static void two_entries(struct smki_crl_entry entries[2])
{
    entries[0] = (struct smki_crl_entry){
        .serial = test_serial("112233445566778899aabbccddeeff00"), .revoked_at = AT("2026-11-23T21:00:00Z"), .reason = 1};
    entries[1] = (struct smki_crl_entry){.serial = test_serial("0102030405060708"), .revoked_at = AT("2050-01-01T00:00:00Z")};
}

static void openssl_verifies_a_crl(void **state)
{
    const struct test_pki *pki = *state;
    struct smki_crl_entry entries[2];

    two_entries(entries);
    write_crl(pki, pki->issuing, entries, 2);
    test_openssl_says(pki, 0, "crl -in list.crl -noout -verify -CAfile issuing.crt", "verify OK");
    write_crl(pki, pki->iki, entries, 2);
    test_openssl_says(pki, 0, "crl -in list.crl -noout -verify -CAfile iki-ca.crt", "verify OK");
}

static void openssl_does_not_verify_it_under_another_ca(void **state)
{
    const struct test_pki *pki = *state;

    write_crl(pki, pki->issuing, NULL, 0);
    test_openssl_says(pki, 0, "crl -in list.crl -noout -verify -CAfile root.crt || true", "Error getting CRL issuer certificate");
}

static void a_crl_says_version_number_and_authority(void **state)
{
    const struct test_pki *pki = *state;

    write_crl(pki, pki->issuing, NULL, 0);
    test_openssl_says(pki, 0, "crl -in list.crl -noout -text", "Version 2");
    test_openssl_says(pki, 0, "crl -in list.crl -noout -text", "X509v3 Authority Key Identifier");
    test_openssl_says(pki, 0, "crl -in list.crl -noout -crlnumber", "crlNumber=0x0102");
    test_openssl_says(pki, 0, "crl -in list.crl -noout -text", "No Revoked Certificates");
}

static void an_entry_says_serial_date_and_reason(void **state)
{
    const struct test_pki *pki = *state;
    struct smki_crl_entry entries[2];

    two_entries(entries);
    write_crl(pki, pki->issuing, entries, 2);
    test_openssl_says(pki, 0, "crl -in list.crl -noout -text", "112233445566778899AABBCCDDEEFF00");
    test_openssl_says(pki, 0, "crl -in list.crl -noout -text", "Nov 23 21:00:00 2026 GMT");
    test_openssl_says(pki, 0, "crl -in list.crl -noout -text", "Key Compromise");
    test_openssl_says(pki, 0, "crl -in list.crl -noout -text", "Jan  1 00:00:00 2050 GMT");
}

static void a_revoked_certificate_no_longer_verifies(void **state)
{
    const struct test_pki *pki = *state;
    size_t size;
    struct smki_csr csr;
    struct smki_draft draft;
    struct smki_buffer der = {0};
    struct smki_error err = {0};
    struct smki_crl_entry entries[2];
    uint8_t out[SMKI_CERTIFICATE_MAX_SIZE];

    two_entries(entries);
    test_csr(&csr, &der, SMKI_PROFILE_ORGANISATION, "lint/good/org-csr.pem");
    ASSERT_OK(smki_prepare(&draft, pki->issuing, &csr, &entries[0].serial, AT("2026-11-23T20:00:00Z"), &err), err);
    ASSERT_OK(smki_issue(out, &size, &draft, SMKI_PROOF_SIGNATURE, &err), err);
    smki_buffer_finish(&der);
    test_pki_write_pem(pki, "leaf.crt", "CERTIFICATE", out, size);
#define VERIFY "verify -attime 1795550400 -crl_check -CRLfile list.crl -CAfile root.crt -untrusted issuing.crt leaf.crt"
    write_crl(pki, pki->issuing, entries + 1, 1);
    test_openssl_says(pki, 0, VERIFY, "leaf.crt: OK");
    write_crl(pki, pki->issuing, entries, 2);
    test_openssl_says(pki, 2, VERIFY, "certificate revoked");
}

static void a_crl_is_made_as_its_golden_dump(void **state)
{
    const struct test_pki *pki = *state;
    struct smki_buffer crl = {0};
    struct smki_crl_entry entries[2];

    two_entries(entries);
    make(&crl, pki->issuing, entries, 2);
    test_golden("crl", (struct smki_bytes){crl.at, crl.size});
    smki_buffer_finish(&crl);
}

static void ten_thousand_entries_fit(void **state)
{
    enum { COUNT = 10000 };
    const struct test_pki *pki = *state;
    struct smki_crl_entry *entries = calloc(COUNT, sizeof *entries);

    assert_non_null(entries);
    for (size_t i = 0; i < COUNT; i++) {
        entries[i].serial.size = 20; /* the largest there are (RFC 5280 4.1.2.2) */
        entries[i].serial.octet[0] = 0x7f;
        entries[i].serial.octet[18] = (uint8_t)(i >> 8);
        entries[i].serial.octet[19] = (uint8_t)i;
        entries[i].revoked_at = AT("2050-01-01T00:00:00Z");
        entries[i].reason = 10;
    }
    write_crl(pki, pki->issuing, entries, COUNT);
    free(entries);
    test_openssl_says(pki, 0, "crl -in list.crl -noout -verify -CAfile issuing.crt", "verify OK");
}

static void wrong_entries_and_times_are_refused(void **state)
{
    const struct test_pki *pki = *state;
    struct smki_buffer crl = {0};
    struct smki_error err = {0};
    struct smki_crl_entry entry = {.serial = test_serial("01"), .reason = 7};

    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, smki_crl_make(&crl, pki->issuing, 1, AT(THIS_UPDATE), AT(NEXT_UPDATE), &entry, 1, &err), err);
    EXPECT_TEXT(err, "entry 1");
    entry.reason = 8; /* removeFromCRL: of delta CRLs only */
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, smki_crl_make(&crl, pki->issuing, 1, AT(THIS_UPDATE), AT(NEXT_UPDATE), &entry, 1, &err), err);
    entry.reason = 11;
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, smki_crl_make(&crl, pki->issuing, 1, AT(THIS_UPDATE), AT(NEXT_UPDATE), &entry, 1, &err), err);
    entry = (struct smki_crl_entry){.reason = 1};
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, smki_crl_make(&crl, pki->issuing, 1, AT(THIS_UPDATE), AT(NEXT_UPDATE), &entry, 1, &err), err);
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, smki_crl_make(&crl, pki->issuing, 1, AT(THIS_UPDATE), AT(THIS_UPDATE), NULL, 0, &err), err);
    assert_int_equal(crl.size, 0);
}

static void a_ca_without_key_makes_no_crl(void **state)
{
    const struct test_pki *pki = *state;
    struct smki_ca *ca;
    struct smki_buffer crl = {0};
    struct smki_error err = {0};

    ASSERT_OK(smki_ca_open(&ca, &(struct smki_ca_options){.certificate_path = test_pki_path(pki, "issuing.crt")}, &err), err);
    EXPECT_REFUSED(SMKI_CA_KEY_UNAVAILABLE, smki_crl_make(&crl, ca, 1, AT(THIS_UPDATE), AT(NEXT_UPDATE), NULL, 0, &err), err);
    smki_ca_close(ca);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(openssl_verifies_a_crl),
        cmocka_unit_test(openssl_does_not_verify_it_under_another_ca),
        cmocka_unit_test(a_crl_says_version_number_and_authority),
        cmocka_unit_test(an_entry_says_serial_date_and_reason),
        cmocka_unit_test(a_revoked_certificate_no_longer_verifies),
        cmocka_unit_test(a_crl_is_made_as_its_golden_dump),
        cmocka_unit_test(ten_thousand_entries_fit),
        cmocka_unit_test(wrong_entries_and_times_are_refused),
        cmocka_unit_test(a_ca_without_key_makes_no_crl),
    };

    return cmocka_run_group_tests_name("crl", tests, test_pki_make, test_pki_remove);
}
