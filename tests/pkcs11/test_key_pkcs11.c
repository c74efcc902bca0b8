/* Keys on tokens: SoftHSM2 behind a module that fails as it is told to (shim.c). */
#include "unit/smki_test.h"

#include "pkcs11/shim.h"
#include "pki/key_i.h"
#include "pki/key_pkcs11_i.h"
#include "pki/pkcs11_i.h"

#include <smki/key.h>

#include <dirent.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#define SHORT (1500 * 1000) /* us that keys wait for a signature where that is what is tested */
#define WHOLE 32

static struct smki_error err;
static char folder[TEST_PATH_SIZE], pin_source[TEST_PATH_SIZE + 16];
static const volatile uint64_t *counts;
static const struct smki_random *chance = &smki_random_system;
static int64_t timeout; /* of the keys that are opened */
static char uri[SMKI_KEY_URI_SIZE];
static struct smki_buffer spki;

/* ---- short verbs ---- */

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void file_make(const char *name, const char *text)
{
    char path[TEST_PATH_SIZE + 32], fresh[TEST_PATH_SIZE + 40];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    snprintf(fresh, sizeof(fresh), "%s.new", path);
    umask(077);
    assert_non_null(file = fopen(fresh, "w"));
    fputs(text, file);
    fclose(file);
    assert_int_equal(rename(fresh, path), 0);
}

/* What the module does from now on. */
static void TELL(const char *text)
{
    char line[256];

    snprintf(line, sizeof(line), "%s%s", text, text[0] != '\0' ? "\n" : "");
    file_make("control", line);
}

static struct smki_pkcs11 settings_of(unsigned sessions)
{
    return (struct smki_pkcs11){.module = SHIM, .pin_source = pin_source, .sessions = sessions, .timeout = timeout};
}

static struct smki_key *OPEN(unsigned sessions)
{
    const struct smki_pkcs11 settings = settings_of(sessions);
    struct smki_key *key;

    ASSERT_OK(smki_key_open_token(&key, uri, &settings, (struct smki_bytes){spki.at, spki.size}, &err), err);
    return key;
}

static struct smki_key *OPEN_SHORT(unsigned sessions)
{
    timeout = SHORT;
    return OPEN(sessions);
}

static int sign(const struct smki_key *key, struct smki_error *why)
{
    static const uint8_t digest[32] = {7};
    uint8_t signature[SMKI_SIGNATURE_MAX_SIZE];
    size_t size;
    int rc = smki_key_sign(key, signature, &size, digest, why);

    return rc != 0 ? rc : spki_verify(smki_key_public(key), digest, (struct smki_bytes){signature, size});
}

/* It signs, and the signature verifies. */
#define SIGNS(key) ASSERT_OK(sign((key), &err), err)
#define DOES_NOT_SIGN(key, text)                                                                                                           \
    do {                                                                                                                                   \
        EXPECT_REFUSED(SMKI_CA_KEY_UNAVAILABLE, sign((key), &err), err);                                                                   \
        EXPECT_TEXT(err, text);                                                                                                            \
    } while (0)

/* How soon is what tests/bench measures. */
static void signs_again(const struct smki_key *key)
{
    const double start = now();

    while (sign(key, &err) != 0) {
        if (now() - start > 20)
            fail_msg("it does not sign again: %s", err.text);
        usleep(20000);
    }
}

/* ---- a token, and a key on it ---- */

static int make_token(void **state)
{
    char text[2 * TEST_PATH_SIZE], path[TEST_PATH_SIZE + 32];
    int fd;

    (void)state;
    test_folder_make(folder);
    snprintf(text, sizeof(text), "%s/tokens", folder);
    mkdir(text, 0700);
    snprintf(text, sizeof(text), "directories.tokendir = %s/tokens\nobjectstore.backend = file\nlog.level = ERROR\n", folder);
    file_make("softhsm2.conf", text);
    snprintf(path, sizeof(path), "%s/softhsm2.conf", folder);
    setenv("SOFTHSM2_CONF", path, 1);
    snprintf(path, sizeof(path), "%s/control", folder);
    setenv("SMKI_SHIM_CONTROL", path, 1);
    snprintf(path, sizeof(path), "%s/count", folder);
    setenv("SMKI_SHIM_COUNT", path, 1);
    fd = open(path, O_RDWR | O_CREAT, 0600);
    assert_int_equal(ftruncate(fd, SHIM_COUNTS * sizeof(uint64_t)), 0);
    counts = mmap(NULL, SHIM_COUNTS * sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(counts != MAP_FAILED);
    close(fd);
    file_make("pin", "4321\n");
    snprintf(pin_source, sizeof(pin_source), "file:%s/pin", folder);
    TELL("");
    return system("softhsm2-util --init-token --free --label SMKI --so-pin 12345678 --pin 4321 >/dev/null 2>&1");
}

static int remove_token(void **state)
{
    (void)state;
    test_folder_remove(folder);
    return 0;
}

static unsigned made;

static void key_make(enum smki_key_type type)
{
    const struct smki_pkcs11 settings = settings_of(1);
    char wanted[64];

    TELL("");
    timeout = 20 * SMKI_SECOND; /* others may have the machine */
    file_make("pin", "4321\n");
    snprintf(wanted, sizeof(wanted), "pkcs11:token=SMKI;object=key-%u", made++);
    smki_buffer_finish(&spki);
    ASSERT_OK(smki_key_make_token(&spki, uri, type, wanted, &settings, chance, &err), err);
}

static int p256_key(void **state)
{
    (void)state;
    key_make(SMKI_KEY_P256);
    return 0;
}

static int rsa_key(void **state)
{
    (void)state;
    key_make(SMKI_KEY_RSA);
    return 0;
}

static int quiet(void **state)
{
    (void)state;
    TELL("");
    smki_buffer_finish(&spki);
    return 0;
}

/* ---- tests ---- */

static void a_key_signs(void **state)
{
    struct smki_key *key = OPEN(2);

    (void)state;
    for (int i = 0; i < 20; i++)
        SIGNS(key);
    smki_key_close(key);
}

static void many_are_signed_in_their_order(void **state)
{
    uint8_t digests[WHOLE][32] = {{0}}, signatures[WHOLE][SMKI_SIGNATURE_MAX_SIZE];
    struct smki_key *key = OPEN(2);
    size_t sizes[WHOLE];

    (void)state;
    for (size_t i = 0; i < WHOLE; i++)
        digests[i][0] = (uint8_t)i;
    ASSERT_OK(smki_key_sign_many(key, WHOLE, digests, signatures, sizes, &err), err);
    for (size_t i = 0; i < WHOLE; i++)
        assert_int_equal(spki_verify(smki_key_public(key), digests[i], (struct smki_bytes){signatures[i], sizes[i]}), 0);
    smki_key_close(key);
}

static void many_are_divided_among_sessions_that_have_nothing_to_do(void **state)
{
    uint8_t digests[WHOLE][32] = {{0}}, signatures[WHOLE][SMKI_SIGNATURE_MAX_SIZE];
    struct smki_key *key = OPEN(4);
    size_t sizes[WHOLE];

    (void)state;
    for (size_t i = 0; i < WHOLE; i++)
        digests[i][0] = (uint8_t)i;
    TELL("delay C_Sign 40");
    ((volatile uint64_t *)(uintptr_t)counts)[SHIM_SIGNING_MOST] = 0;
    ASSERT_OK(smki_key_sign_many(key, WHOLE, digests, signatures, sizes, &err), err);
    TELL("");
    assert_int_equal(counts[SHIM_SIGNING_MOST], 4);
    for (size_t i = 0; i < WHOLE; i++)
        assert_int_equal(spki_verify(smki_key_public(key), digests[i], (struct smki_bytes){signatures[i], sizes[i]}), 0);
    smki_key_close(key);
}

/* One part of a call fails: nothing of it is given, and what the other parts signed is counted as that. */
static void what_other_parts_have_signed_is_given_to_nobody(void **state)
{
    uint8_t digests[WHOLE][32] = {{0}}, signatures[WHOLE][SMKI_SIGNATURE_MAX_SIZE];
    struct key_pkcs11_counts count;
    struct smki_key *key = OPEN(4);
    const uint64_t before = counts[SHIM_SIGNED];
    size_t sizes[WHOLE];

    (void)state;
    TELL("after 20 fail C_Sign 0x5"); /* CKR_GENERAL_ERROR */
    EXPECT_REFUSED(SMKI_CA_KEY_UNAVAILABLE, smki_key_sign_many(key, WHOLE, digests, signatures, sizes, &err), err);
    TELL("");
    key_pkcs11_counts(key, &count);
    assert_int_equal(count.given, 0);
    assert_int_equal(count.made, counts[SHIM_SIGNED] - before);
    smki_key_close(key);
}

static void many_outlast_sessions_that_die(void **state)
{
    uint8_t digests[WHOLE][32] = {{0}}, signatures[WHOLE][SMKI_SIGNATURE_MAX_SIZE];
    struct smki_key *key = OPEN(1);
    size_t sizes[WHOLE];

    (void)state;
    SIGNS(key);
    TELL("fail C_Sign 0xB3 1");
    ASSERT_OK(smki_key_sign_many(key, WHOLE, digests, signatures, sizes, &err), err);
    for (size_t i = 0; i < WHOLE; i++)
        assert_int_equal(spki_verify(smki_key_public(key), digests[i], (struct smki_bytes){signatures[i], sizes[i]}), 0);
    smki_key_close(key);
}

/* The key itself, and its secret parts, cannot be had. */
static void a_key_cannot_be_taken_off(void **state)
{
    static const CK_ATTRIBUTE_TYPE secrets[] = {CKA_VALUE, CKA_PRIVATE_EXPONENT, CKA_PRIME_1};
    struct pkcs11_module *module;
    struct pkcs11_uri named;
    struct pkcs11_pin pin;
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE key;
    CK_SLOT_ID slot;

    (void)state;
    ASSERT_OK(pkcs11_module_open(&module, SHIM, &err), err);
    ASSERT_OK(pkcs11_uri_read(&named, uri, &err), err);
    ASSERT_OK(pkcs11_token_find(module, &named, &slot, NULL, &err), err);
    assert_int_equal(pkcs11_calls(module)->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session), CKR_OK);
    ASSERT_OK(pkcs11_pin_read(&pin, pin_source, NULL, &err), err);
    ASSERT_OK(pkcs11_login(module, session, CKU_USER, &pin, false, &err), err);
    ASSERT_OK(pkcs11_object_find(module, session, CKO_PRIVATE_KEY, &named, &key, &err), err);
    for (size_t i = 0; i < TEST_COUNT(secrets); i++) {
        uint8_t room[512];
        CK_ATTRIBUTE attribute = {secrets[i], room, sizeof(room)};

        assert_int_not_equal(pkcs11_calls(module)->C_GetAttributeValue(session, key, &attribute, 1), CKR_OK);
    }
    {
        CK_BBOOL yes = CK_TRUE;
        CK_ATTRIBUTE attribute = {CKA_EXTRACTABLE, &yes, sizeof(yes)};

        assert_int_not_equal(pkcs11_calls(module)->C_SetAttributeValue(session, key, &attribute, 1), CKR_OK);
    }
    pkcs11_calls(module)->C_CloseSession(session);
    pkcs11_module_close(module);
}

static void a_second_key_of_the_name_is_refused(void **state)
{
    const struct smki_pkcs11 settings = settings_of(1);
    char other[SMKI_KEY_URI_SIZE], wanted[64];
    struct smki_buffer out = {0};

    (void)state;
    snprintf(wanted, sizeof(wanted), "pkcs11:token=SMKI;object=key-%u", made - 1);
    EXPECT_REFUSED(SMKI_ALREADY_EXISTS, smki_key_make_token(&out, other, SMKI_KEY_P256, wanted, &settings, chance, &err), err);
}

static void a_key_that_came_out_extractable_is_destroyed(void **state)
{
    const struct smki_pkcs11 settings = settings_of(1);
    char other[SMKI_KEY_URI_SIZE];
    struct smki_buffer out = {0};

    (void)state;
    TELL("lie 0x162");
    EXPECT_REFUSED(SMKI_TOKEN_FAILED,
                   smki_key_make_token(&out, other, SMKI_KEY_P256, "pkcs11:token=SMKI;object=loose", &settings, chance, &err), err);
    EXPECT_TEXT(err, "CKA_EXTRACTABLE is true");
    TELL("");
    EXPECT_REFUSED(SMKI_TOKEN_OBJECT, smki_key_destroy_token("pkcs11:token=SMKI;object=loose", &settings, &err), err);
}

static void a_destroyed_key_is_gone(void **state)
{
    const struct smki_pkcs11 settings = settings_of(1);
    struct smki_key *key;

    (void)state;
    ASSERT_OK(smki_key_destroy_token(uri, &settings, &err), err);
    key = OPEN(1);
    DOES_NOT_SIGN(key, "has no such object");
    smki_key_close(key);
}

static void a_key_in_a_file_comes_to_the_token(void **state)
{
    const enum smki_key_type types[] = {SMKI_KEY_P256, SMKI_KEY_RSA};
    const struct smki_pkcs11 settings = settings_of(1);

    (void)state;
    for (size_t i = 0; i < TEST_COUNT(types); i++) {
        const char *wanted = i == 0 ? "pkcs11:token=SMKI;object=from-file-p256" : "pkcs11:token=SMKI;object=from-file-rsa";
        struct smki_key *file, *key;

        ASSERT_OK(smki_key_generate(&file, types[i], chance, &err), err);
        ASSERT_OK(smki_key_import_token(uri, file, wanted, true, &settings, chance, &err), err); /* dry: nothing is there yet */
        ASSERT_OK(smki_key_import_token(uri, file, wanted, false, &settings, chance, &err), err);
        ASSERT_OK(smki_key_open_token(&key, uri, &settings, smki_key_public(file), &err), err);
        SIGNS(key);
        EXPECT_REFUSED(SMKI_KEY_TYPE, smki_key_import_token(uri, key, "pkcs11:token=SMKI;object=x", false, &settings, chance, &err), err);
        smki_key_close(key);
        smki_key_close(file);
    }
}

static void the_key_of_another_certificate_is_found_out(void **state)
{
    const struct smki_pkcs11 settings = settings_of(1);
    struct smki_key *other, *key;

    (void)state;
    ASSERT_OK(smki_key_generate(&other, SMKI_KEY_P256, chance, &err), err);
    ASSERT_OK(smki_key_open_token(&key, uri, &settings, smki_key_public(other), &err), err);
    DOES_NOT_SIGN(key, "does not belong to the CA's certificate");
    smki_key_close(key);
    smki_key_close(other);
}

static void a_session_that_signs_otherwise_is_found_out(void **state)
{
    uint8_t digests[WHOLE][32] = {{0}}, signatures[WHOLE][SMKI_SIGNATURE_MAX_SIZE];
    struct smki_key *key = OPEN(1);
    size_t sizes[WHOLE];

    (void)state;
    SIGNS(key);
    TELL("after 10 spoil");
    EXPECT_REFUSED(SMKI_CA_KEY_UNAVAILABLE, smki_key_sign_many(key, WHOLE, digests, signatures, sizes, &err), err);
    TELL("spoil");
    DOES_NOT_SIGN(key, "does not belong to the CA's certificate");
    TELL("");
    signs_again(key);
    smki_key_close(key);
}

/* 600 octets are more than there is room for, and what is past it is not read. */
static void a_signature_of_a_wrong_size_is_none(void **state)
{
    static const char *const sizes[] = {"swell 600", "swell 63", "swell 0"};
    struct smki_key *key = OPEN(1);

    (void)state;
    SIGNS(key);
    for (size_t i = 0; i < TEST_COUNT(sizes); i++) {
        TELL(sizes[i]);
        DOES_NOT_SIGN(key, i == 0 ? "CKR_FUNCTION_FAILED" : "");
        TELL("");
        signs_again(key);
    }
    smki_key_close(key);
}

/* What a call can return once, and the key signs all the same; and always, and it does not, until it is over. */
static const struct {
    const char *function;
    unsigned long rv;
    const char *name;
} failures[] = {
    {"C_Sign", 0xB3, "CKR_SESSION_HANDLE_INVALID"},
    {"C_Sign", 0xB0, "CKR_SESSION_CLOSED"},
    {"C_SignInit", 0xB3, "CKR_SESSION_HANDLE_INVALID"},
    {"C_SignInit", 0x101, "CKR_USER_NOT_LOGGED_IN"},
    {"C_SignInit", 0x60, "CKR_KEY_HANDLE_INVALID"},
    {"C_SignInit", 0x90, "CKR_OPERATION_ACTIVE"},
    {"C_Sign", 0x91, "CKR_OPERATION_NOT_INITIALIZED"},
    {"C_Sign", 0x32, "CKR_DEVICE_REMOVED"},
    {"C_Sign", 0xE0, "CKR_TOKEN_NOT_PRESENT"},
    {"C_Sign", 0x30, "CKR_DEVICE_ERROR"},
    {"C_Sign", 0x31, "CKR_DEVICE_MEMORY"},
    {"C_Sign", 0x05, "CKR_GENERAL_ERROR"},
    {"C_Sign", 0x06, "CKR_FUNCTION_FAILED"},
    {"C_Sign", 0x80001234, "CKR_0x80001234"},
};

static void a_failure_that_passes_is_not_seen(void **state)
{
    struct smki_key *key = OPEN(1);
    char text[64];

    (void)state;
    SIGNS(key);
    for (size_t i = 0; i < TEST_COUNT(failures); i++) {
        snprintf(text, sizeof(text), "fail %s %#lx 1", failures[i].function, failures[i].rv);
        TELL(text);
        SIGNS(key);
    }
    smki_key_close(key);
}

static void a_failure_that_stays_is_told_and_outlived(void **state)
{
    struct smki_key *key = OPEN(1);
    char text[64];

    (void)state;
    SIGNS(key);
    for (size_t i = 0; i < TEST_COUNT(failures); i++) {
        snprintf(text, sizeof(text), "fail %s %#lx", failures[i].function, failures[i].rv);
        TELL(text);
        DOES_NOT_SIGN(key, failures[i].name);
        TELL("");
        signs_again(key);
    }
    smki_key_close(key);
}

/* The same on the way to the key. */
static void a_failure_on_the_way_is_told_and_outlived(void **state)
{
    static const char *const functions[] = {"C_GetSlotList",     "C_OpenSession", "C_Login",
                                            "C_FindObjectsInit", "C_FindObjects", "C_SignInit"};
    struct smki_key *key;
    char text[64];

    (void)state;
    for (size_t i = 0; i < TEST_COUNT(functions); i++) {
        key = OPEN(1);
        snprintf(text, sizeof(text), "fail %s 0x30", functions[i]);
        TELL(text);
        DOES_NOT_SIGN(key, "CKR_DEVICE_ERROR");
        TELL("");
        signs_again(key);
        smki_key_close(key);
    }
}

static void sessions_that_vanish_are_replaced(void **state)
{
    struct smki_key *key = OPEN(3);

    (void)state;
    SIGNS(key);
    for (int i = 0; i < 3; i++) {
        TELL(i % 2 == 0 ? "drop" : "drop\n");
        SIGNS(key);
    }
    smki_key_close(key);
}

static void a_module_that_others_finalise_is_initialised_again(void **state)
{
    struct smki_key *key = OPEN(2);

    (void)state;
    SIGNS(key);
    TELL("finalize");
    SIGNS(key);
    TELL("finalize\n");
    SIGNS(key);
    smki_key_close(key);
}

static void a_token_that_goes_away_comes_back(void **state)
{
    struct smki_key *key = OPEN(2);
    double start;

    (void)state;
    SIGNS(key);
    for (int i = 0; i < 2; i++) {
        TELL("hide");
        DOES_NOT_SIGN(key, "");
        start = now();
        while (now() - start < 1.3) {
            assert_int_equal(sign(key, &err), SMKI_CA_KEY_UNAVAILABLE);
            usleep(50000);
        }
        EXPECT_TEXT(err, "has no token with the label 'SMKI' just now");
        TELL("");
        signs_again(key);
    }
    smki_key_close(key);
}

static void a_token_that_was_not_there_when_the_key_was_opened(void **state)
{
    struct smki_key *key;

    (void)state;
    TELL("hide");
    key = OPEN(2);
    DOES_NOT_SIGN(key, "has no token");
    TELL("");
    signs_again(key);
    smki_key_close(key);
}

/* The other key's session is dead, and as nobody signs with it nobody has seen that. */
static void an_idle_key_keeps_no_other_from_a_token_that_is_back(void **state)
{
    struct smki_key *key = OPEN(1), *idle = OPEN(1);

    (void)state;
    SIGNS(key);
    SIGNS(idle);
    sleep(2); /* a module is initialised anew once in a second */
    TELL("lose");
    signs_again(key);
    SIGNS(idle);
    smki_key_close(key);
    smki_key_close(idle);
}

static void *sign_and_tell(void *argument)
{
    struct smki_error why = {0};

    return (void *)(intptr_t)sign(argument, &why);
}

static void a_module_that_hangs_hangs_nobody(void **state)
{
    static const char *const functions[] = {"C_Sign", "C_SignInit", "C_GetSlotList", "C_OpenSession", "C_Login", "C_FindObjects"};
    struct smki_key *key;
    pthread_t thread[16];
    char text[64];
    double start;

    (void)state;
    for (size_t i = 0; i < TEST_COUNT(functions); i++) {
        key = OPEN_SHORT(2);
        if (i < 2)
            SIGNS(key);
        snprintf(text, sizeof(text), "hang %s", functions[i]);
        TELL(text);
        start = now();
        for (size_t n = 0; n < TEST_COUNT(thread); n++)
            assert_int_equal(pthread_create(&thread[n], NULL, sign_and_tell, key), 0);
        for (size_t n = 0; n < TEST_COUNT(thread); n++) {
            void *rc;

            pthread_join(thread[n], &rc);
            assert_int_equal((int)(intptr_t)rc, SMKI_CA_KEY_UNAVAILABLE);
        }
        assert_true(now() - start < 10); /* one after the other on two sessions they would take 12 s */
        start = now();
        DOES_NOT_SIGN(key, "did not answer in 1.5 s");
        assert_true(now() - start < 8);
        TELL("");
        signs_again(key);
        smki_key_close(key);
    }
}

static void *sign_often(void *argument)
{
    struct smki_error why = {0};
    int rc = 0;

    for (int i = 0; i < 50 && rc == 0; i++)
        rc = sign(argument, &why);
    if (rc != 0)
        print_message("%s\n", why.text);
    return (void *)(intptr_t)rc;
}

static void a_token_with_few_sessions_is_worked_with_those(void **state)
{
    struct smki_key *key = OPEN(8), *other;
    pthread_t thread[8];
    void *rc;

    (void)state;
    TELL("limit 2");
    for (size_t n = 0; n < TEST_COUNT(thread); n++)
        assert_int_equal(pthread_create(&thread[n], NULL, sign_often, key), 0);
    for (size_t n = 0; n < TEST_COUNT(thread); n++) {
        pthread_join(thread[n], &rc);
        assert_int_equal((int)(intptr_t)rc, 0);
    }
    other = OPEN(1);
    DOES_NOT_SIGN(other, "has no room for another session (CKR_SESSION_COUNT)");
    smki_key_close(key);
    signs_again(other);
    smki_key_close(other);
}

/* One call of many hangs for ever: the others go on. */
static void a_key_whose_module_hangs_can_be_closed(void **state)
{
    struct smki_key *key = OPEN_SHORT(2);
    double start;

    (void)state;
    SIGNS(key);
    TELL("hang C_Sign");
    DOES_NOT_SIGN(key, "did not answer");
    start = now();
    smki_key_close(key);
    assert_true(now() - start < 20);
    TELL("");
    usleep(100000); /* what hung comes back, and finds that nobody waits */
}

static unsigned threads_count(void)
{
    DIR *tasks = opendir("/proc/self/task");
    unsigned count = 0;

    assert_non_null(tasks);
    while (readdir(tasks) != NULL)
        count++;
    closedir(tasks);
    return count;
}

/* What a module keeps for a thread is freed as the thread ends: not while the process does. */
static void a_closed_key_has_no_threads(void **state)
{
    struct smki_key *other = OPEN(1), *key = OPEN(1); /* the other keeps the module */
    unsigned before;

    (void)state;
    SIGNS(other);
    before = threads_count();
    SIGNS(key);
    assert_int_equal(threads_count(), before + 1);
    TELL("linger 300");
    smki_key_close(key);
    assert_int_equal(threads_count(), before);
    TELL("");
    smki_key_close(other);
}

static void a_late_answer_is_written_nowhere(void **state)
{
    uint8_t signature[SMKI_SIGNATURE_MAX_SIZE], before[SMKI_SIGNATURE_MAX_SIZE];
    const uint8_t digest[32] = {1};
    struct smki_key *key = OPEN_SHORT(1);
    size_t size = 0;

    (void)state;
    SIGNS(key);
    memset(signature, 0x5A, sizeof(signature));
    memset(before, 0x5A, sizeof(before));
    TELL("delay C_Sign 5000");
    EXPECT_REFUSED(SMKI_CA_KEY_UNAVAILABLE, smki_key_sign(key, signature, &size, digest, &err), err);
    usleep(2200000);
    assert_memory_equal(signature, before, sizeof(before));
    TELL("");
    SIGNS(key);
    smki_key_close(key);
}

/* Each within its time, though all together take longer than one may. */
static void many_may_take_longer_than_one(void **state)
{
    uint8_t digests[4][32] = {{0}}, signatures[4][SMKI_SIGNATURE_MAX_SIZE];
    struct smki_key *key = OPEN_SHORT(1);
    size_t sizes[4];

    (void)state;
    SIGNS(key);
    TELL("delay C_Sign 500");
    ASSERT_OK(smki_key_sign_many(key, 4, digests, signatures, sizes, &err), err);
    smki_key_close(key);
}

static void a_refused_pin_is_tried_once(void **state)
{
    struct smki_key *key, *other;
    uint64_t tries;

    (void)state;
    TELL("drop"); /* whoever is logged in no longer is */
    file_make("pin", "9999\n");
    key = OPEN(2);
    other = OPEN(2);
    tries = counts[SHIM_LOGINS];
    for (int i = 0; i < 5; i++) {
        DOES_NOT_SIGN(key, "PIN");
        DOES_NOT_SIGN(other, "PIN");
        usleep(150000);
    }
    assert_int_equal(counts[SHIM_LOGINS] - tries, 1);
    EXPECT_TEXT(err, "has refused this PIN and it is not tried again");
    file_make("pin", "4321\n");
    signs_again(key);
    signs_again(other);
    smki_key_close(key);
    smki_key_close(other);
}

static void a_pin_that_is_locked_or_expired_is_told(void **state)
{
    static const struct {
        const char *control, *text;
    } cases[] = {{"fail C_Login 0xA4", "CKR_PIN_LOCKED: the token's PIN is locked; unblock it with the SO PIN"},
                 {"fail C_Login 0xA3", "CKR_PIN_EXPIRED: the token's PIN must be changed"}};

    (void)state;
    for (size_t i = 0; i < TEST_COUNT(cases); i++) {
        struct smki_key *key = OPEN(1);
        uint64_t tries = counts[SHIM_LOGINS];

        TELL(cases[i].control);
        DOES_NOT_SIGN(key, cases[i].text);
        assert_int_equal(counts[SHIM_LOGINS] - tries, 1);
        smki_key_close(key);
    }
}

static void a_pin_file_that_others_can_read_is_refused(void **state)
{
    char path[TEST_PATH_SIZE + 8];
    struct smki_key *key = OPEN(1);

    (void)state;
    snprintf(path, sizeof(path), "%s/pin", folder);
    assert_int_equal(chmod(path, 0644), 0);
    DOES_NOT_SIGN(key, "chmod 600 it");
    assert_int_equal(chmod(path, 0600), 0);
    signs_again(key);
    smki_key_close(key);
}

static void the_pin_can_be_a_credential_of_the_service_manager(void **state)
{
    struct smki_pkcs11 settings = settings_of(1);
    char path[TEST_PATH_SIZE + 8];
    struct smki_key *key;

    (void)state;
    snprintf(path, sizeof(path), "%s/pin", folder);
    settings.pin_source = "credential:pin";
    unsetenv("CREDENTIALS_DIRECTORY");
    ASSERT_OK(smki_key_open_token(&key, uri, &settings, (struct smki_bytes){spki.at, spki.size}, &err), err);
    DOES_NOT_SIGN(key, "LoadCredential=pin:FILE");
    smki_key_close(key);
    setenv("CREDENTIALS_DIRECTORY", folder, 1);
    ASSERT_OK(smki_key_open_token(&key, uri, &settings, (struct smki_bytes){spki.at, spki.size}, &err), err);
    SIGNS(key);
    smki_key_close(key);
    chmod(path, 0440); /* as systemd makes it: the mask of an ACL */
    ASSERT_OK(smki_key_open_token(&key, uri, &settings, (struct smki_bytes){spki.at, spki.size}, &err), err);
    SIGNS(key);
    smki_key_close(key);
    chmod(path, 0444);
    ASSERT_OK(smki_key_open_token(&key, uri, &settings, (struct smki_bytes){spki.at, spki.size}, &err), err);
    DOES_NOT_SIGN(key, "so others can get at the PIN");
    smki_key_close(key);
    unsetenv("CREDENTIALS_DIRECTORY");
}

static int typed(void *context, char *out, size_t capacity)
{
    (void)capacity;
    memcpy(out, context, strlen(context));
    return (int)strlen(context);
}

static void the_pin_can_be_typed(void **state)
{
    struct smki_pkcs11 settings = settings_of(1);
    struct smki_key *key;

    (void)state;
    settings.pin_source = NULL;
    EXPECT_REFUSED(SMKI_TOKEN_PIN, smki_key_open_token(&key, uri, &settings, (struct smki_bytes){spki.at, spki.size}, &err), err);
    settings.pin = typed;
    settings.pin_context = (char[]){"4321"};
    ASSERT_OK(smki_key_open_token(&key, uri, &settings, (struct smki_bytes){spki.at, spki.size}, &err), err);
    SIGNS(key);
    smki_key_close(key);
}

static void a_forked_child_is_refused(void **state)
{
    struct smki_key *key = OPEN(1);
    int status;
    pid_t child;

    (void)state;
    SIGNS(key);
    if ((child = fork()) == 0) {
        int rc = sign(key, &err);

        smki_key_close(key);
        _exit(rc == SMKI_CA_KEY_UNAVAILABLE ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    SIGNS(key);
    smki_key_close(key);
}

static void signatures_that_nobody_got_are_counted(void **state)
{
    struct key_pkcs11_counts count;
    struct smki_key *key = OPEN_SHORT(1);
    const uint64_t before = counts[SHIM_SIGNED];

    (void)state;
    SIGNS(key);
    TELL("delay C_Sign 5000");
    DOES_NOT_SIGN(key, "did not answer");
    usleep(2200000);
    TELL("");
    SIGNS(key);
    key_pkcs11_counts(key, &count);
    assert_int_equal(count.made, counts[SHIM_SIGNED] - before);
    assert_int_equal(count.given, 2);
    smki_key_close(key);
}

static void uris_that_are_none_are_refused(void **state)
{
    static const struct {
        const char *uri, *text;
    } cases[] = {
        {"pkcs11:token=SMKI;object=a?pin-value=4321", "a PIN is never part of a URI"},
        {"pkcs11:object=a", "names no token"},
        {"pkcs11:token=SMKI", "names no private key"},
        {"pkcs11:token=SMKI;object=a;type=cert", "names no private key"},
        {"pkcs11:token=%ZZ;object=a", "not a pkcs11: URI"},
        {"pkcs11:token=SMKI;object=a;colour=red", "does not know"},
        {"http:token", "not a pkcs11: URI"},
    };
    const struct smki_pkcs11 settings = settings_of(1);
    struct smki_key *key;

    (void)state;
    for (size_t i = 0; i < TEST_COUNT(cases); i++) {
        EXPECT_REFUSED(SMKI_TOKEN_URI, smki_key_open_token(&key, cases[i].uri, &settings, (struct smki_bytes){spki.at, spki.size}, &err),
                       err);
        EXPECT_TEXT(err, cases[i].text);
    }
}

static void a_uri_is_written_as_it_is_read(void **state)
{
    static const char text[] = "pkcs11:token=My%20HSM;serial=0042;id=%01%FF;object=smki-dca;type=private?module-path=/usr/lib/x.so";
    struct pkcs11_uri read, again;
    char out[PKCS11_URI_SIZE];

    (void)state;
    ASSERT_OK(pkcs11_uri_read(&read, text, &err), err);
    assert_string_equal(read.token, "My HSM");
    assert_string_equal(read.serial, "0042");
    assert_string_equal(read.object, "smki-dca");
    assert_string_equal(read.module, "/usr/lib/x.so");
    assert_int_equal(read.id_size, 2);
    ASSERT_OK(pkcs11_uri_write(out, sizeof(out), &read, &err), err);
    ASSERT_OK(pkcs11_uri_read(&again, out, &err), err);
    assert_memory_equal(&read, &again, sizeof(read));
}

static void a_module_that_is_none_is_told(void **state)
{
    struct smki_pkcs11 settings = settings_of(1);
    struct smki_key *key;

    (void)state;
    settings.module = "/no/such/module.so";
    ASSERT_OK(smki_key_open_token(&key, uri, &settings, (struct smki_bytes){spki.at, spki.size}, &err), err);
    DOES_NOT_SIGN(key, "/no/such/module.so: the PKCS#11 module cannot be loaded");
    smki_key_close(key);
    settings.module = NULL;
    ASSERT_OK(smki_key_open_token(&key, uri, &settings, (struct smki_bytes){spki.at, spki.size}, &err), err);
    DOES_NOT_SIGN(key, "no PKCS#11 module is named");
    smki_key_close(key);
}

static void a_token_says_what_it_is(void **state)
{
    const struct smki_pkcs11 settings = settings_of(1);
    struct smki_key_token token;

    (void)state;
    ASSERT_OK(smki_key_token_look(&token, uri, &settings, &err), err);
    assert_string_equal(token.label, "SMKI");
    assert_int_not_equal(strlen(token.serial), 0);
    assert_false(token.pin_locked);
}

#define P256(test) cmocka_unit_test_setup_teardown(test, p256_key, quiet)
#define RSA(test)  cmocka_unit_test_setup_teardown(test, rsa_key, quiet)

int main(void)
{
    const struct CMUnitTest tests[] = {
        P256(a_key_signs),
        RSA(a_key_signs),
        P256(many_are_signed_in_their_order),
        RSA(many_are_signed_in_their_order),
        P256(many_are_divided_among_sessions_that_have_nothing_to_do),
        P256(what_other_parts_have_signed_is_given_to_nobody),
        P256(many_outlast_sessions_that_die),
        P256(a_key_cannot_be_taken_off),
        RSA(a_key_cannot_be_taken_off),
        P256(a_second_key_of_the_name_is_refused),
        P256(a_key_that_came_out_extractable_is_destroyed),
        P256(a_destroyed_key_is_gone),
        P256(a_key_in_a_file_comes_to_the_token),
        P256(the_key_of_another_certificate_is_found_out),
        P256(a_session_that_signs_otherwise_is_found_out),
        RSA(a_session_that_signs_otherwise_is_found_out),
        P256(a_signature_of_a_wrong_size_is_none),
        RSA(a_signature_of_a_wrong_size_is_none),
        P256(a_failure_that_passes_is_not_seen),
        P256(a_failure_that_stays_is_told_and_outlived),
        P256(a_failure_on_the_way_is_told_and_outlived),
        P256(sessions_that_vanish_are_replaced),
        P256(a_module_that_others_finalise_is_initialised_again),
        P256(a_token_that_goes_away_comes_back),
        P256(a_token_that_was_not_there_when_the_key_was_opened),
        P256(an_idle_key_keeps_no_other_from_a_token_that_is_back),
        P256(a_module_that_hangs_hangs_nobody),
        P256(a_token_with_few_sessions_is_worked_with_those),
        P256(a_key_whose_module_hangs_can_be_closed),
        P256(a_closed_key_has_no_threads),
        P256(a_late_answer_is_written_nowhere),
        P256(many_may_take_longer_than_one),
        P256(a_refused_pin_is_tried_once),
        P256(a_pin_that_is_locked_or_expired_is_told),
        P256(a_pin_file_that_others_can_read_is_refused),
        P256(the_pin_can_be_a_credential_of_the_service_manager),
        P256(the_pin_can_be_typed),
        P256(a_forked_child_is_refused),
        P256(signatures_that_nobody_got_are_counted),
        P256(uris_that_are_none_are_refused),
        P256(a_uri_is_written_as_it_is_read),
        P256(a_module_that_is_none_is_told),
        P256(a_token_says_what_it_is),
    };

    if (system("softhsm2-util --version >/dev/null 2>&1") != 0) {
        print_message("softhsm2 is not installed: keys on tokens are not tested\n");
        return 77;
    }
    return cmocka_run_group_tests_name("key_pkcs11", tests, make_token, remove_token);
}
