/* Certificates of the public test PKI, and the PEM they come in. */
#include "unit/smki_test.h"

#include "base/base_i.h"
#include "pki/key_i.h"

#include <smki/certificate.h>
#include <smki/key.h>

static struct smki_error err;

/* A certificate with the octets it points into. */
struct loaded {
    struct smki_buffer der;
    struct smki_certificate certificate;
};

static void load(struct loaded *out, const char *name)
{
    struct smki_buffer file = {0};
    char path[TEST_PATH_SIZE], label[64];

    *out = (struct loaded){0};
    test_file(&file, test_path(path, "zaz1", name));
    ASSERT_OK(smki_pem_decode(&out->der, label, BYTES(file.at, file.size), &err), err);
    ASSERT_OK(smki_certificate_read(&out->certificate, BYTES(out->der.at, out->der.size), &err), err);
    smki_buffer_finish(&file);
}

static const char *hex_of(char out[128], struct smki_bytes bytes)
{
    if (bytes.size == 0)
        return "-";
    return hex_encode(out, bytes.at, bytes.size);
}

static const char *or_none(const char *text)
{
    return text[0] != '\0' ? text : "-";
}

static const char *eui_of(char out[128], const struct smki_certificate *certificate)
{
    if (certificate->has_device_id)
        return hex_encode(out, certificate->device_id.octet, SMKI_DEVICE_ID_SIZE);
    return certificate->subject_fields.has_eui ? hex_encode(out, certificate->subject_fields.eui.octet, SMKI_DEVICE_ID_SIZE) : "-";
}

static void expect_fields(const char *line)
{
    char name[64], serial[64], eui[64], cn[64], ou[64], subject_id[64], authority_id[64], text[128];
    unsigned usage;
    struct loaded loaded;
    const struct smki_certificate *found = &loaded.certificate;

    assert_int_equal(sscanf(line, "%63s %63s %x %63s %63s %63s %63s %63s", name, serial, &usage, eui, cn, ou, subject_id, authority_id), 8);
    load(&loaded, name);
    assert_string_equal(smki_serial_text(&found->serial, text), serial);
    assert_int_equal(found->key_usage, usage);
    assert_string_equal(eui_of(text, found), eui);
    assert_string_equal(or_none(found->subject_fields.common_name), cn);
    assert_string_equal(or_none(found->subject_fields.unit), ou);
    assert_string_equal(hex_of(text, found->subject_key_id), subject_id);
    assert_string_equal(hex_of(text, found->authority_key_id), authority_id);
    assert_true(found->is_p256);
    smki_buffer_finish(&loaded.der);
}

static void test_every_certificate_is_read_with_its_fields(void **state)
{
    struct smki_buffer table = {0};
    char *line, *rest = NULL;

    (void)state;
    test_file(&table, "zaz1/fields.txt");
    ASSERT_OK(smki_buffer_append(&table, "", 1, &err), err);
    for (line = strtok_r((char *)table.at, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        if (line[0] != '#')
            expect_fields(line);
    }
    smki_buffer_finish(&table);
}

static void test_validity_and_constraints_of_the_issuing_ca(void **state)
{
    struct loaded loaded;

    (void)state;
    load(&loaded, "issuing-z1.cert.der");
    ASSERT_TIME(loaded.certificate.not_before, "2015-10-29T00:00:00Z");
    ASSERT_TIME(loaded.certificate.not_after, "2040-10-28T23:59:59Z");
    assert_true(loaded.certificate.is_ca);
    assert_int_equal(loaded.certificate.path_length, 0);
    ASSERT_BYTES(loaded.certificate.policy, "\x2A\x86\x3A\x00\x01\x84\x8F\xB9\x0F\x01\x02\x01\x04", 13);
    smki_buffer_finish(&loaded.der);
}

static void test_a_device_certificate_never_ends_and_is_no_ca(void **state)
{
    struct loaded loaded;

    (void)state;
    load(&loaded, "device-00db1234567890a0-ds.cert.der");
    ASSERT_TIME(loaded.certificate.not_after, "9999-12-31T23:59:59Z");
    assert_false(loaded.certificate.is_ca);
    assert_int_equal(loaded.certificate.path_length, -1);
    assert_int_equal(loaded.certificate.subject_fields.count, 0);
    smki_buffer_finish(&loaded.der);
}

/* The root's public key stands in no file: a certificate of it is made up of the issuing CA's own, with the root's name and key. */
static void root_of(struct smki_certificate *out, uint8_t spki[SPKI_P256_SIZE], const struct smki_certificate *issued)
{
    struct smki_buffer hex = {0};

    test_file(&hex, "zaz1/root-za.point.hex");
    *out = (struct smki_certificate){.subject = issued->issuer, .is_p256 = true, .spki = {spki, SPKI_P256_SIZE}};
    ASSERT_OK(hex_decode(out->point, sizeof out->point, (const char *)hex.at, 2 * sizeof out->point, &err), err);
    spki_of_point(spki, out->point);
    smki_buffer_finish(&hex);
}

static void test_the_issuing_ca_verifies_under_the_root(void **state)
{
    struct loaded issuing;
    struct smki_certificate root;
    uint8_t spki[SPKI_P256_SIZE], id[8];

    (void)state;
    load(&issuing, "issuing-z1.cert.der");
    root_of(&root, spki, &issuing.certificate);
    ASSERT_OK(smki_key_id(id, root.spki, &err), err);
    ASSERT_BYTES(issuing.certificate.authority_key_id, id, sizeof id);
    ASSERT_OK(smki_certificate_verify(&issuing.certificate, &root, &err), err);
    smki_buffer_finish(&issuing.der);
}

static void test_the_issuing_ca_with_its_last_octet_changed_does_not_verify(void **state)
{
    struct loaded issuing;
    struct smki_certificate root;
    uint8_t spki[SPKI_P256_SIZE];

    (void)state;
    load(&issuing, "issuing-z1-bad-signature.cert.der");
    root_of(&root, spki, &issuing.certificate);
    EXPECT_REFUSED(SMKI_SIGNATURE_INVALID, smki_certificate_verify(&issuing.certificate, &root, &err), err);
    smki_buffer_finish(&issuing.der);
}

static void test_organisation_certificates_verify_under_the_issuing_ca(void **state)
{
    static const char *const names[] = {"90b3d51f30000001-ds.pem", "90b3d51f30000002-ka.pem", "90b3d51f30010000-ds.pem",
                                        "90b3d51f30010000-ka.pem", "90b3d51f30020000-ds.pem"};
    struct loaded issuing, organisation;

    (void)state;
    load(&issuing, "issuing-z1.cert.der");
    for (size_t i = 0; i < TEST_COUNT(names); i++) {
        load(&organisation, names[i]);
        ASSERT_OK(smki_certificate_verify(&organisation.certificate, &issuing.certificate, &err), err);
        organisation.der.at[organisation.der.size - 1] ^= 1;
        EXPECT_REFUSED(SMKI_SIGNATURE_INVALID, smki_certificate_verify(&organisation.certificate, &issuing.certificate, &err), err);
        smki_buffer_finish(&organisation.der);
    }
    smki_buffer_finish(&issuing.der);
}

static void test_another_issuer_name_does_not_verify(void **state)
{
    struct loaded issuing, device;

    (void)state;
    load(&issuing, "issuing-z1.cert.der");
    load(&device, "device-00db1234567890a0-ds.cert.der");
    EXPECT_REFUSED(SMKI_SIGNATURE_INVALID, smki_certificate_verify(&device.certificate, &issuing.certificate, &err), err);
    EXPECT_TEXT(err, "issuer name");
    smki_buffer_finish(&device.der);
    smki_buffer_finish(&issuing.der);
}

static void test_a_certificate_cut_at_any_octet_is_refused(void **state)
{
    struct loaded loaded;
    struct smki_certificate certificate;

    (void)state;
    load(&loaded, "90b3d51f30010000-ds.pem");
    for (size_t size = 0; size < loaded.der.size; size++) {
        uint8_t *copy = malloc(size + (size == 0));

        memcpy(copy, loaded.der.at, size);
        EXPECT_REFUSED(SMKI_CERTIFICATE_MALFORMED, smki_certificate_read(&certificate, BYTES(copy, size), &err), err);
        free(copy);
    }
    smki_buffer_finish(&loaded.der);
}

static void test_octets_behind_a_certificate_are_refused(void **state)
{
    struct loaded loaded;
    struct smki_certificate certificate;

    (void)state;
    load(&loaded, "issuing-z1.cert.der");
    ASSERT_OK(smki_buffer_append(&loaded.der, "\0\0\0", 4, &err), err);
    EXPECT_REFUSED(SMKI_CERTIFICATE_MALFORMED, smki_certificate_read(&certificate, BYTES(loaded.der.at, loaded.der.size), &err), err);
    smki_buffer_finish(&loaded.der);
}

/* Replaces the first run of `from` by `to`, of the same size. */
static void replace(struct loaded *loaded, const void *from, const void *to, size_t size)
{
    uint8_t *at = memmem(loaded->der.at, loaded->der.size, from, size);

    assert_non_null(at);
    memcpy(at, to, size);
}

static void test_certificates_that_break_der_or_rfc_5280_are_refused(void **state)
{
    static const struct {
        const char *from, *to;
        size_t size;
        const char *says;
    } changes[] = {
        {"\x02\x01\x02", "\x02\x01\x01", 3, "version 3"},
        {"151030000000Z", "151330000000Z", 13, "validity"},
        {"151030000000Z", "150229000000Z", 13, "validity"},
        {"151030000000Z", "1510300000+00", 13, "validity"},
        {"151030000000Z", "151030240000Z", 13, "validity"},
        {"\x03\x02\x07\x80", "\x03\x02\x07\x81", 4, "keyUsage"},
        {"\x06\x03\x55\x1D\x0E", "\x06\x03\x55\x1D\x0F", 5, "keyUsage"},
        {"\x06\x03\x55\x1D\x0E\x04\x0A\x04\x08", "\x06\x03\x55\x1D\x0E\x04\x0A\x04\x07", 9, "subjectKeyIdentifier"},
        {"\x01\x01\xFF", "\x01\x01\x01", 3, "extension"},
        {"\x04\x03\x02\x30", "\x04\x03\x03\x30", 4, "differs"},
    };
    struct smki_certificate certificate;

    (void)state;
    for (size_t i = 0; i < TEST_COUNT(changes); i++) {
        struct loaded loaded;

        load(&loaded, "90b3d51f30010000-ds.pem");
        replace(&loaded, changes[i].from, changes[i].to, changes[i].size);
        EXPECT_REFUSED(SMKI_CERTIFICATE_MALFORMED, smki_certificate_read(&certificate, BYTES(loaded.der.at, loaded.der.size), &err), err);
        EXPECT_TEXT(err, changes[i].says);
        smki_buffer_finish(&loaded.der);
    }
}

static void test_an_extension_twice_is_refused(void **state)
{
    struct loaded loaded;
    struct smki_certificate certificate;

    (void)state;
    load(&loaded, "device-00db1234567890a0-ds.cert.der");
    replace(&loaded, "\x06\x03\x55\x1D\x0E", "\x06\x03\x55\x1D\x63", 5);
    replace(&loaded, "\x06\x03\x55\x1D\x23", "\x06\x03\x55\x1D\x63", 5);
    EXPECT_REFUSED(SMKI_CERTIFICATE_MALFORMED, smki_certificate_read(&certificate, BYTES(loaded.der.at, loaded.der.size), &err), err);
    EXPECT_TEXT(err, "twice");
    smki_buffer_finish(&loaded.der);
}

/* ---- PEM ---- */

static void test_pem_is_written_as_openssl_writes_it(void **state)
{
    struct smki_buffer file = {0}, written = {0};
    struct loaded loaded;

    (void)state;
    test_file(&file, "zaz1/90b3d51f30010000-ds.pem");
    load(&loaded, "90b3d51f30010000-ds.pem");
    ASSERT_OK(smki_pem_encode(&written, "CERTIFICATE", loaded.certificate.der, &err), err);
    ASSERT_BYTES(BYTES(written.at, written.size), file.at, file.size);
    smki_buffer_finish(&written);
    smki_buffer_finish(&loaded.der);
    smki_buffer_finish(&file);
}

static int decode(struct smki_buffer *out, char label[64], const char *text)
{
    smki_buffer_finish(out);
    err = (struct smki_error){0};
    return smki_pem_decode(out, label, BYTES(text, strlen(text)), &err);
}

static void test_pem_bare_base64_and_der_are_told_apart(void **state)
{
    struct smki_buffer out = {0};
    char label[64];

    (void)state;
    ASSERT_OK(decode(&out, label, "Subject: x\n-----BEGIN X509 CRL-----\r\nQUJD\r\n-----END X509 CRL-----\r\n"), err);
    assert_string_equal(label, "X509 CRL");
    ASSERT_BYTES(BYTES(out.at, out.size), "ABC", 3);
    ASSERT_OK(decode(&out, label, " QUJD\n"), err);
    assert_string_equal(label, "");
    ASSERT_BYTES(BYTES(out.at, out.size), "ABC", 3);
    ASSERT_OK(decode(&out, label, "\x30\x03\x02\x01\x05"), err);
    ASSERT_BYTES(BYTES(out.at, out.size), "\x30\x03\x02\x01\x05", 5);
    smki_buffer_finish(&out);
}

static void test_broken_pem_is_refused(void **state)
{
    static const char *const refused[] = {
        "",
        "\n",
        "hello world",
        "-----BEGIN A-----\nQUJD\n",
        "-----BEGIN A-----\nQUJD\n-----END B-----\n",
        "-----BEGIN A-----\n-----END A-----\n",
        "-----BEGIN A-----\nQU\n-----END A-----\n",
        "-----BEGIN A-----\nQUJD\n-----END A-----\n-----BEGIN A-----\nQUJD\n-----END A-----\n",
        ("-----BEGIN AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA-----\nQUJD\n"
         "-----END AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA-----\n"),
    };
    struct smki_buffer out = {0};
    char label[64];

    (void)state;
    for (size_t i = 0; i < TEST_COUNT(refused); i++)
        EXPECT_REFUSED(SMKI_ENCODING_INVALID, decode(&out, label, refused[i]), err);
    smki_buffer_finish(&out);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_certificate_is_read_with_its_fields),
        cmocka_unit_test(test_validity_and_constraints_of_the_issuing_ca),
        cmocka_unit_test(test_a_device_certificate_never_ends_and_is_no_ca),
        cmocka_unit_test(test_the_issuing_ca_verifies_under_the_root),
        cmocka_unit_test(test_the_issuing_ca_with_its_last_octet_changed_does_not_verify),
        cmocka_unit_test(test_organisation_certificates_verify_under_the_issuing_ca),
        cmocka_unit_test(test_another_issuer_name_does_not_verify),
        cmocka_unit_test(test_a_certificate_cut_at_any_octet_is_refused),
        cmocka_unit_test(test_octets_behind_a_certificate_are_refused),
        cmocka_unit_test(test_certificates_that_break_der_or_rfc_5280_are_refused),
        cmocka_unit_test(test_an_extension_twice_is_refused),
        cmocka_unit_test(test_pem_is_written_as_openssl_writes_it),
        cmocka_unit_test(test_pem_bare_base64_and_der_are_told_apart),
        cmocka_unit_test(test_broken_pem_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
