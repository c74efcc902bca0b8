/* Private keys in files, held against the files that openssl makes. */
#include "unit/smki_test.h"

#include "base/base_i.h"
#include "pki/key_i.h"

#include <smki/key.h>

#include <sys/wait.h>

static struct smki_error err;
static char folder[TEST_PATH_SIZE];

static int make_folder(void **state)
{
    (void)state;
    test_folder_make(folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    test_folder_remove(folder);
    return 0;
}

static bool have_openssl(void)
{
    return system("openssl version >/dev/null 2>&1") == 0;
}

/* Runs openssl in the folder; its exit status. */
static int openssl(const char *arguments)
{
    char command[2048];

    assert_true(snprintf(command, sizeof command, "cd '%s' && umask 077 && openssl %s >openssl.out 2>&1", folder, arguments) <
                (int)sizeof command);
    return WEXITSTATUS(system(command));
}

static int give(void *context, char *out, size_t capacity)
{
    const char *word = context;

    assert_true(strlen(word) <= capacity);
    memcpy(out, word, strlen(word));
    return (int)strlen(word);
}

static int open_key(struct smki_key **out, const char *name, const char *passphrase)
{
    char path[TEST_PATH_SIZE];

    err = (struct smki_error){0};
    return smki_key_open_file(out, test_path(path, folder, name), passphrase != NULL ? give : NULL, (void *)(uintptr_t)passphrase, &err);
}

static void expect_signs(const struct smki_key *key)
{
    uint8_t digest[32], signature[SMKI_SIGNATURE_MAX_SIZE];
    size_t size;

    sha256(digest, "abc", 3);
    ASSERT_OK(smki_key_sign(key, signature, &size, digest, &err), err);
    assert_int_equal(spki_verify(smki_key_public(key), digest, BYTES(signature, size)), 0);
    digest[5] ^= 1;
    assert_int_equal(spki_verify(smki_key_public(key), digest, BYTES(signature, size)), SMKI_SIGNATURE_INVALID);
}

static void expect_opens(const char *name, const char *passphrase, enum smki_key_type type)
{
    struct smki_key *key;

    ASSERT_OK(open_key(&key, name, passphrase), err);
    assert_int_equal(smki_key_type(key), type);
    expect_signs(key);
    smki_key_close(key);
}

static void expect_refused(int code, const char *name, const char *passphrase, const char *says)
{
    struct smki_key *key;

    EXPECT_REFUSED(code, open_key(&key, name, passphrase), err);
    assert_null(key);
    EXPECT_TEXT(err, name);
    EXPECT_TEXT(err, says);
}

static void save_and_open(enum smki_key_type type, const char *passphrase)
{
    struct smki_key *key, *again;
    struct stat status;
    char path[TEST_PATH_SIZE];

    ASSERT_OK(smki_key_generate(&key, type, &smki_random_system, &err), err);
    ASSERT_OK(smki_key_save(key, test_path(path, folder, "saved.pem"), passphrase, &err), err);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    ASSERT_OK(open_key(&again, "saved.pem", passphrase), err);
    ASSERT_BYTES(smki_key_public(again), smki_key_public(key).at, smki_key_public(key).size);
    expect_signs(again);
    smki_key_close(again);
    smki_key_close(key);
}

static void test_a_saved_p256_key_opens_again(void **state)
{
    (void)state;
    save_and_open(SMKI_KEY_P256, NULL);
}

static void test_a_saved_rsa_key_opens_again(void **state)
{
    (void)state;
    save_and_open(SMKI_KEY_RSA, NULL);
}

static void test_a_p256_key_saved_with_a_passphrase_opens_with_it_only(void **state)
{
    (void)state;
    save_and_open(SMKI_KEY_P256, "open sesame");
    expect_refused(SMKI_KEY_PASSPHRASE, "saved.pem", "open sesam", "wrong");
    expect_refused(SMKI_KEY_PASSPHRASE, "saved.pem", NULL, "no passphrase");
    expect_refused(SMKI_KEY_PASSPHRASE, "saved.pem", "", "empty");
}

static void test_an_rsa_key_saved_with_a_passphrase_opens_again(void **state)
{
    (void)state;
    save_and_open(SMKI_KEY_RSA, "open sesame");
}

static void test_a_key_is_never_written_over_a_file(void **state)
{
    struct smki_key *key;
    char path[TEST_PATH_SIZE];

    (void)state;
    test_write(test_path(path, folder, "there.pem"), "x", 1);
    ASSERT_OK(smki_key_generate(&key, SMKI_KEY_P256, &smki_random_system, &err), err);
    EXPECT_REFUSED(SMKI_ALREADY_EXISTS, smki_key_save(key, path, NULL, &err), err);
    smki_key_close(key);
}

static void test_no_key_without_randomness(void **state)
{
    struct test_random random = {.fail_after = 1};
    struct smki_random broken = test_random_of(&random);
    struct smki_key *key;

    (void)state;
    EXPECT_REFUSED(SMKI_RANDOM, smki_key_generate(&key, SMKI_KEY_P256, &broken, &err), err);
    EXPECT_REFUSED(SMKI_RANDOM, smki_key_generate(&key, SMKI_KEY_RSA, &broken, &err), err);
}

static void test_a_key_that_others_can_read_is_refused(void **state)
{
    static const unsigned modes[] = {0640, 0604, 0620, 0602, 0610, 0601};
    struct smki_key *key;
    char path[TEST_PATH_SIZE];

    (void)state;
    ASSERT_OK(smki_key_generate(&key, SMKI_KEY_P256, &smki_random_system, &err), err);
    ASSERT_OK(smki_key_save(key, test_path(path, folder, "open.pem"), NULL, &err), err);
    smki_key_close(key);
    for (size_t i = 0; i < TEST_COUNT(modes); i++) {
        assert_int_equal(chmod(path, modes[i]), 0);
        expect_refused(SMKI_KEY_PERMISSIONS, "open.pem", NULL, "chmod 600");
    }
    assert_int_equal(chmod(path, 0400), 0);
    expect_opens("open.pem", NULL, SMKI_KEY_P256);
}

static void test_a_key_of_another_user_is_refused(void **state)
{
    struct smki_key *key;
    char path[TEST_PATH_SIZE];

    (void)state;
    if (geteuid() != 0)
        skip(); /* nobody else can give files away */
    ASSERT_OK(smki_key_generate(&key, SMKI_KEY_P256, &smki_random_system, &err), err);
    ASSERT_OK(smki_key_save(key, test_path(path, folder, "foreign.pem"), NULL, &err), err);
    smki_key_close(key);
    assert_int_equal(chown(path, 12345, 12345), 0);
    expect_refused(SMKI_KEY_PERMISSIONS, "foreign.pem", NULL, "it belongs to user 12345");
    assert_int_equal(chown(path, 0, 12345), 0);
    expect_opens("foreign.pem", NULL, SMKI_KEY_P256);
}

static void test_what_is_no_private_key_is_refused(void **state)
{
    char path[TEST_PATH_SIZE];
    static const struct {
        const char *name, *content;
    } files[] = {
        {"empty", ""},
        {"text", "hello\n"},
        {"certificate", "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"},
        {"cut", "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIB\n-----END PRIVATE KEY-----\n"},
    };

    (void)state;
    for (size_t i = 0; i < TEST_COUNT(files); i++) {
        test_write(test_path(path, folder, files[i].name), files[i].content, strlen(files[i].content));
        assert_int_equal(chmod(path, 0600), 0);
        expect_refused(SMKI_KEY_UNREADABLE, files[i].name, NULL, "PKCS#8");
    }
    expect_refused(SMKI_KEY_UNREADABLE, "nowhere", NULL, "No such file");
    assert_int_equal(mkdir(test_path(path, folder, "folder"), 0700), 0);
    expect_refused(SMKI_KEY_UNREADABLE, "folder", NULL, "regular file");
}

static void test_a_scalar_of_zero_is_refused(void **state)
{
    static const char pem[] = "-----BEGIN PRIVATE KEY-----\n"
                              "MEECAQAwEwYHKoZIzj0CAQYIKoZIzj0DAQcEJzAlAgEBBCAAAAAAAAAAAAAAAAAA\n"
                              "AAAAAAAAAAAAAAAAAAAAAAAAAA==\n"
                              "-----END PRIVATE KEY-----\n";
    char path[TEST_PATH_SIZE];

    (void)state;
    test_write(test_path(path, folder, "zero.pem"), pem, strlen(pem));
    assert_int_equal(chmod(path, 0600), 0);
    expect_refused(SMKI_KEY_UNREADABLE, "zero.pem", NULL, "damaged");
}

static void test_openssl_reads_what_is_saved(void **state)
{
    static const struct {
        enum smki_key_type type;
        const char *passphrase, *command;
    } cases[] = {
        {SMKI_KEY_P256, NULL, "pkey -in k.pem -pubout -outform DER -out public.der"},
        {SMKI_KEY_RSA, NULL, "pkey -in k.pem -pubout -outform DER -out public.der"},
        {SMKI_KEY_P256, "word", "pkey -in k.pem -passin pass:word -pubout -outform DER -out public.der"},
        {SMKI_KEY_RSA, "word", "pkey -in k.pem -passin pass:word -pubout -outform DER -out public.der"},
    };

    (void)state;
    if (!have_openssl())
        skip();
    for (size_t i = 0; i < TEST_COUNT(cases); i++) {
        char path[TEST_PATH_SIZE];
        struct smki_buffer public_key = {0};
        struct smki_key *key;

        ASSERT_OK(smki_key_generate(&key, cases[i].type, &smki_random_system, &err), err);
        ASSERT_OK(smki_key_save(key, test_path(path, folder, "k.pem"), cases[i].passphrase, &err), err);
        assert_int_equal(openssl(cases[i].command), 0);
        assert_int_equal(unlink(path), 0);
        test_read(&public_key, test_path(path, folder, "public.der"));
        ASSERT_BYTES(smki_key_public(key), public_key.at, public_key.size);
        smki_buffer_finish(&public_key);
        smki_key_close(key);
    }
}

static void test_keys_that_openssl_makes_open(void **state)
{
    (void)state;
    if (!have_openssl())
        skip();
    assert_int_equal(openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ec.pem"), 0);
    assert_int_equal(openssl("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.pem"), 0);
    assert_int_equal(openssl("pkcs8 -topk8 -nocrypt -in ec.pem -outform DER -out ec.der"), 0);
    assert_int_equal(openssl("pkcs8 -topk8 -v2 des3 -passout pass:word -in ec.pem -out ec-des3.pem"), 0);
    assert_int_equal(openssl("pkcs8 -topk8 -v2 des3 -passout pass:word -in rsa.pem -outform DER -out rsa-des3.der"), 0);
    expect_opens("ec.pem", NULL, SMKI_KEY_P256);
    expect_opens("rsa.pem", NULL, SMKI_KEY_RSA);
    expect_opens("ec.der", NULL, SMKI_KEY_P256);
    expect_opens("ec-des3.pem", "word", SMKI_KEY_P256);
    expect_opens("rsa-des3.der", "word", SMKI_KEY_RSA);
    expect_refused(SMKI_KEY_PASSPHRASE, "ec-des3.pem", "Word", "wrong");
}

/* mbedTLS 2.28 does not read PBES2 with AES, 3.x does. */
static void test_a_key_encrypted_with_aes_opens_or_the_refusal_says_how_to_mend_it(void **state)
{
    struct smki_key *key;
    int rc;

    (void)state;
    if (!have_openssl())
        skip();
    assert_int_equal(openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -aes256 -pass pass:word -out aes.pem"), 0);
    rc = open_key(&key, "aes.pem", "word");
    if (rc == 0) {
        smki_key_close(key);
        return;
    }
    assert_int_equal(rc, SMKI_KEY_TYPE);
    EXPECT_TEXT(err, "openssl pkcs8 -topk8 -v2 des3");
}

static void test_other_kinds_and_forms_of_keys_are_refused(void **state)
{
    (void)state;
    if (!have_openssl())
        skip();
    assert_int_equal(openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out p384.pem"), 0);
    assert_int_equal(openssl("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out rsa1024.pem"), 0);
    assert_int_equal(openssl("genpkey -algorithm ED25519 -out ed25519.pem"), 0);
    assert_int_equal(openssl("ecparam -name prime256v1 -genkey -noout -out sec1.pem"), 0);
    expect_refused(SMKI_KEY_TYPE, "p384.pem", NULL, "curve");
    expect_refused(SMKI_KEY_TYPE, "rsa1024.pem", NULL, "1024 bits");
    expect_refused(SMKI_KEY_TYPE, "ed25519.pem", NULL, "neither");
    expect_refused(SMKI_KEY_UNREADABLE, "sec1.pem", NULL, "openssl pkcs8 -topk8");
}

static void test_key_identifier_is_method_2(void **state)
{
    struct smki_key *key;
    uint8_t id[8], hash[20];

    (void)state;
    ASSERT_OK(smki_key_generate(&key, SMKI_KEY_P256, &smki_random_system, &err), err);
    ASSERT_OK(smki_key_id(id, smki_key_public(key), &err), err);
    sha1(hash, key->point, sizeof key->point);
    assert_int_equal(id[0], 0x40 | (hash[12] & 0x0F));
    assert_memory_equal(id + 1, hash + 13, 7);
    EXPECT_REFUSED(SMKI_KEY_UNREADABLE, smki_key_id(id, BYTES("\x30\x00", 2), &err), err);
    smki_key_close(key);
}

static void test_close_takes_null(void **state)
{
    (void)state;
    smki_key_close(NULL);
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
    static const struct CMUnitTest tests[] = {
        IN_FOLDER(test_a_saved_p256_key_opens_again),
        IN_FOLDER(test_a_saved_rsa_key_opens_again),
        IN_FOLDER(test_a_p256_key_saved_with_a_passphrase_opens_with_it_only),
        IN_FOLDER(test_an_rsa_key_saved_with_a_passphrase_opens_again),
        IN_FOLDER(test_a_key_is_never_written_over_a_file),
        IN_FOLDER(test_no_key_without_randomness),
        IN_FOLDER(test_a_key_that_others_can_read_is_refused),
        IN_FOLDER(test_a_key_of_another_user_is_refused),
        IN_FOLDER(test_what_is_no_private_key_is_refused),
        IN_FOLDER(test_a_scalar_of_zero_is_refused),
        IN_FOLDER(test_openssl_reads_what_is_saved),
        IN_FOLDER(test_keys_that_openssl_makes_open),
        IN_FOLDER(test_a_key_encrypted_with_aes_opens_or_the_refusal_says_how_to_mend_it),
        IN_FOLDER(test_other_kinds_and_forms_of_keys_are_refused),
        IN_FOLDER(test_key_identifier_is_method_2),
        cmocka_unit_test(test_close_takes_null),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
