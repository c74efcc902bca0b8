/* A test PKI with fixed keys, serials and times, so that everything it issues is the same octets every time: a root "DR", an issuing CA
 * "D1" and an IKICA "IK", made in a folder of its own. */
#ifndef ISSUE_TEST_H
#define ISSUE_TEST_H

#include "smki_test.h"

#include "pki/der_i.h"
#include "pki/oid_i.h"

#include <smki/issue.h>

#include <sys/wait.h>

#define TEST_POLICY "1.2.826.0.1.8641679.1.2.1.4"

struct test_pki {
    char folder[TEST_PATH_SIZE];
    struct smki_ca *root, *issuing, *iki;
};

/* "<folder>/<name>"; good until the next call. */
static inline const char *test_pki_path(const struct test_pki *pki, const char *name)
{
    static char path[TEST_PATH_SIZE];

    return test_path(path, pki->folder, name);
}

/* A key of tests/data/golden/keys, as a file that nobody else can read: git does not keep the mode. */
static inline void test_pki_key(const struct test_pki *pki, const char *name)
{
    char source[TEST_PATH_SIZE];
    struct smki_buffer file = {0};

    snprintf(source, sizeof source, "golden/keys/%s", name);
    test_file(&file, source);
    test_write(test_pki_path(pki, name), file.at, file.size);
    assert_int_equal(chmod(test_pki_path(pki, name), 0600), 0);
    smki_buffer_finish(&file);
}

static inline struct smki_key *test_pki_open_key(const struct test_pki *pki, const char *name)
{
    struct smki_key *key;
    struct smki_error err = {0};

    ASSERT_OK(smki_key_open_file(&key, test_pki_path(pki, name), NULL, NULL, &err), err);
    return key;
}

static inline void test_pki_write_pem(const struct test_pki *pki, const char *name, const char *label, const uint8_t *der, size_t size)
{
    struct smki_error err = {0};
    struct smki_buffer pem = {0};

    ASSERT_OK(smki_pem_encode(&pem, label, (struct smki_bytes){der, size}, &err), err);
    test_write(test_pki_path(pki, name), pem.at, pem.size);
    smki_buffer_finish(&pem);
}

static inline struct smki_serial test_serial(const char *hex)
{
    struct smki_serial serial = {.size = 0};
    struct smki_error err = {0};

    ASSERT_OK(smki_serial_parse(&serial, hex, &err), err);
    return serial;
}

/* Makes <name>.crt for the key <name>.pem and opens both as a CA. */
static inline struct smki_ca *test_pki_ca(const struct test_pki *pki, const char *name, struct smki_ca_request request)
{
    struct smki_ca *ca;
    struct smki_error err = {0};
    char key_file[64], certificate_file[64], key_path[TEST_PATH_SIZE], certificate_path[TEST_PATH_SIZE];
    uint8_t der[SMKI_CERTIFICATE_MAX_SIZE];
    size_t size;
    struct smki_key *key;

    snprintf(key_file, sizeof key_file, "%s.pem", name);
    snprintf(certificate_file, sizeof certificate_file, "%s.crt", name);
    test_pki_key(pki, key_file);
    key = test_pki_open_key(pki, key_file);
    request.key = key;
    request.policy_oid = TEST_POLICY;
    request.not_before = AT("2026-01-05T10:00:00Z");
    ASSERT_OK(smki_ca_certificate_make(der, &size, &request, &err), err);
    smki_key_close(key);
    test_pki_write_pem(pki, certificate_file, "CERTIFICATE", der, size);
    test_path(key_path, pki->folder, key_file);
    test_path(certificate_path, pki->folder, certificate_file);
    ASSERT_OK(smki_ca_open(&ca, &(struct smki_ca_options){.certificate_path = certificate_path, .key_path = key_path}, &err), err);
    return ca;
}

static inline int test_pki_make(void **state)
{
    static struct test_pki pki;

    test_folder_make(pki.folder);
    pki.root = test_pki_ca(&pki, "root",
                           (struct smki_ca_request){.kind = SMKI_CA_ROOT, .common_name = "DR", .serial = test_serial("0101010101010101")});
    pki.issuing =
        test_pki_ca(&pki, "issuing",
                    (struct smki_ca_request){
                        .kind = SMKI_CA_ISSUING, .common_name = "D1", .issuer = pki.root, .serial = test_serial("0202020202020202")});
    pki.iki = test_pki_ca(&pki, "iki-ca",
                          (struct smki_ca_request){.kind = SMKI_CA_IKI, .common_name = "IK", .serial = test_serial("0303030303030303")});
    *state = &pki;
    return 0;
}

static inline int test_pki_remove(void **state)
{
    struct test_pki *pki = *state;

    smki_ca_close(pki->iki);
    smki_ca_close(pki->issuing);
    smki_ca_close(pki->root);
    test_folder_remove(pki->folder);
    return 0;
}

/* Reads a request of tests/data; `der` must outlive it. */
static inline void test_csr(struct smki_csr *csr, struct smki_buffer *der, enum smki_profile profile, const char *name)
{
    char label[64];
    struct smki_buffer file = {0};
    struct smki_error err = {0};

    test_file(&file, name);
    ASSERT_OK(smki_pem_decode(der, label, (struct smki_bytes){file.at, file.size}, &err), err);
    smki_buffer_finish(&file);
    ASSERT_OK(smki_csr_read(csr, profile, (struct smki_bytes){der->at, der->size}, &err), err);
    ASSERT_OK(smki_csr_verify(csr, &err), err);
}

/* ---- openssl as the counterpart ---- */

/* Runs a command in the PKI's folder; its output, both streams, into `output`. Returns its exit status. */
static inline int test_openssl(const struct test_pki *pki, struct smki_buffer *output, const char *arguments)
{
    char command[2 * TEST_PATH_SIZE], block[4096];
    struct smki_error err = {0};
    FILE *pipe;
    size_t size;
    int status;

    snprintf(command, sizeof command, "(cd '%s' && openssl %s) 2>&1", pki->folder, arguments);
    pipe = popen(command, "r");
    assert_non_null(pipe);
    while ((size = fread(block, 1, sizeof block, pipe)) > 0)
        ASSERT_OK(smki_buffer_append(output, block, size, &err), err);
    ASSERT_OK(smki_buffer_append(output, "", 1, &err), err);
    status = pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* openssl does this, and says `expected`. */
static inline void test_openssl_says(const struct test_pki *pki, int expected_status, const char *arguments, const char *expected)
{
    struct smki_buffer output = {0};
    int status = test_openssl(pki, &output, arguments);
    bool said = strstr((const char *)output.at, expected) != NULL;

    if (status != expected_status || !said)
        print_error("openssl %s: exit %d\n%s\n", arguments, status, (const char *)output.at);
    smki_buffer_finish(&output);
    assert_int_equal(status, expected_status);
    assert_true(said);
}

/* ---- golden dumps ---- */

static inline void test_dump_value(FILE *out, uint8_t tag, struct smki_bytes contents)
{
    char text[OID_TEXT_SIZE];

    if (tag == DER_OID) {
        fprintf(out, "OBJECT %s", oid_text(contents, text));
        return;
    }
    fprintf(out, "%02x ", tag);
    for (size_t i = 0; i < contents.size; i++) {
        const bool is_text = tag == DER_PRINTABLE_STRING || tag == DER_UTF8_STRING || tag == DER_UTC_TIME || tag == DER_GENERALIZED_TIME;
        fprintf(out, is_text ? "%c" : "%02X", contents.at[i]);
    }
}

/* One element a line: indented by depth, sizes of contents in octets. */
static inline void test_dump(FILE *out, struct smki_bytes der, int depth)
{
    uint8_t tag;
    struct smki_bytes contents;
    struct der reader = der_of(der);

    while (!der_done(&reader)) {
        assert_true(der_any(&reader, &tag, &contents));
        fprintf(out, "%4zu %*s", contents.size, 2 * depth, "");
        if ((tag & 0x20) != 0) {
            fprintf(out, "%s\n", tag == DER_SEQUENCE ? "SEQUENCE" : tag == DER_SET ? "SET" : "[context]");
            test_dump(out, contents, depth + 1);
        } else {
            test_dump_value(out, tag, contents);
            fputc('\n', out);
        }
    }
}

/* Holds the dump of `der` against tests/data/golden/<name>.txt; with SMKI_GOLDEN_WRITE set, writes that file instead. */
static inline void test_golden(const char *name, struct smki_bytes der)
{
    char path[TEST_PATH_SIZE];
    char *text = NULL;
    size_t size = 0;
    struct smki_buffer expected = {0};
    FILE *out = open_memstream(&text, &size);

    test_dump(out, der, 0);
    fclose(out);
    snprintf(path, sizeof path, "%s/golden/%s.txt", TEST_DATA, name);
    if (getenv("SMKI_GOLDEN_WRITE") != NULL)
        test_write(path, text, size);
    test_read(&expected, path);
    if (expected.size != size || memcmp(expected.at, text, size) != 0)
        fail_msg("%s is not what is issued now:\n%s", path, text);
    smki_buffer_finish(&expected);
    free(text);
}

#endif
