/* Officers' tokens through SoftHSM2, from a folder of its own; left out, and said, where it is not installed. */
#include "unit/smki_test.h"

#include "pki/key_i.h"

#include <smki/token.h>

#include <cjson/cJSON.h>

#define SO_PIN "87654321"
#define PIN    "1357"

static const char *const places[] = {"/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
                                     "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so", "/usr/local/lib/softhsm/libsofthsm2.so"};
static const char *softhsm;
static char folder[TEST_PATH_SIZE];
static struct smki_error err;

static int folder_make(void **state)
{
    char path[TEST_PATH_SIZE], tokens[TEST_PATH_SIZE];
    FILE *stream;

    (void)state;
    for (size_t i = 0; i < TEST_COUNT(places) && softhsm == NULL; i++)
        if (access(places[i], R_OK) == 0)
            softhsm = places[i];
    test_folder_make(folder);
    assert_int_equal(mkdir(test_path(tokens, folder, "tokens"), 0700), 0);
    stream = fopen(test_path(path, folder, "softhsm2.conf"), "w");
    assert_non_null(stream);
    fprintf(stream, "directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n", tokens);
    assert_int_equal(fclose(stream), 0);
    assert_int_equal(setenv("SOFTHSM2_CONF", path, 1), 0);
    return 0;
}

static int folder_remove(void **state)
{
    (void)state;
    test_folder_remove(folder);
    return 0;
}

#define NEEDS_SOFTHSM                                                                                                                      \
    if (softhsm == NULL) {                                                                                                                 \
        print_message("left out: SoftHSM2 is not installed (Debian: softhsm2)\n");                                                         \
        skip();                                                                                                                            \
    }

/* A token with this label, initialised; opened, nobody logged in. */
struct world {
    struct smki_token_module *module;
    struct smki_token_facts facts;
    struct smki_token *token;
};

static void world_make(struct world *world, const char *label)
{
    struct smki_token_facts each;
    size_t n = 0;

    ASSERT_OK(smki_token_module_open(&world->module, softhsm, &err), err);
    do
        ASSERT_OK(smki_token_at(world->module, n++, &each, &err), err);
    while (each.initialised);
    ASSERT_OK(smki_token_initialise(world->module, each.slot, SO_PIN, label, PIN, &world->facts, &err), err);
    ASSERT_OK(smki_token_open(&world->token, world->module, world->facts.slot, &err), err);
}

static void world_end(struct world *world)
{
    smki_token_close(world->token);
    smki_token_module_close(world->module);
}

static void token_facts(void **state)
{
    const char *word[] = {"locked", "final try", "low", "full", "not set"};
    const struct smki_token_facts known[] = {{.pin_set = true, .pin_locked = true, .pin_count_low = true},
                                             {.pin_set = true, .pin_final_try = true, .pin_count_low = true},
                                             {.pin_set = true, .pin_count_low = true},
                                             {.pin_set = true},
                                             {.pin_locked = false}};
    struct smki_token_wish wish = {.label = "Facts"};
    struct smki_token_facts found;
    struct world world;
    cJSON *json;

    (void)state;
    for (size_t i = 0; i < TEST_COUNT(known); i++)
        assert_string_equal(smki_token_tries_word(&known[i]), word[i]);
    NEEDS_SOFTHSM;
    world_make(&world, "Facts");
    assert_true(world.facts.initialised && world.facts.pin_set);
    assert_false(world.facts.transport || world.facts.pin_locked);
    assert_string_equal(world.facts.label, "Facts");
    assert_string_equal(world.facts.manufacturer, "SoftHSM project");
    ASSERT_OK(smki_token_find(world.module, &wish, &found, &err), err);
    assert_string_equal(found.serial, world.facts.serial);
    wish.label = "Fact";
    EXPECT_REFUSED(SMKI_TOKEN_MISSING, smki_token_find(world.module, &wish, &found, &err), err);
    assert_non_null(strstr(err.text, "\"Facts\" in slot"));
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, smki_token_find(world.module, &(struct smki_token_wish){0}, &found, &err), err);
    json = smki_token_json(&world.facts);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(json, "tries")), "full");
    cJSON_Delete(json);
    world_end(&world);
}

static void token_named_by_a_uri(void **state)
{
    const struct smki_token_facts facts = {.label = "CA 1", .serial = "92cc", .model = "SoftHSM v2", .manufacturer = "SoftHSM project"};

    (void)state;
    assert_true(smki_token_is_named(&facts, "pkcs11:token=CA%201;object=dca;type=private"));
    assert_true(smki_token_is_named(&facts, "pkcs11:serial=92cc"));
    assert_true(smki_token_is_named(&facts, "pkcs11:object=dca")); /* any */
    assert_false(smki_token_is_named(&facts, "pkcs11:token=CA%201;serial=93cc"));
    assert_false(smki_token_is_named(&facts, "pkcs11:token=CA"));
    assert_false(smki_token_is_named(&facts, "keys/dca.key"));
    assert_false(smki_token_is_named(&facts, ""));
    assert_false(smki_token_is_named(&facts, "pkcs11:token=%"));
}

static void wrong_module(void **state)
{
    struct smki_token_module *module;

    (void)state;
    EXPECT_REFUSED(SMKI_TOKEN_MODULE, smki_token_module_open(&module, "/nowhere/module.so", &err), err);
    assert_null(module);
}

static void label_of_a_token(void **state)
{
    struct smki_token_module *module;

    (void)state;
    NEEDS_SOFTHSM;
    ASSERT_OK(smki_token_module_open(&module, softhsm, &err), err);
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, smki_token_initialise(module, 0, SO_PIN, "", PIN, NULL, &err), err);
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, smki_token_initialise(module, 0, SO_PIN, "123456789012345678901234567890123", PIN, NULL, &err),
                   err);
    smki_token_module_close(module);
}

static void key_made(void **state)
{
    struct smki_token_entry entry, again;
    struct world world;

    (void)state;
    NEEDS_SOFTHSM;
    world_make(&world, "Key");
    EXPECT_REFUSED(SMKI_NOT_FOUND, smki_token_entry_find(world.token, NULL, &entry, &err), err);
    assert_int_not_equal(smki_token_key_make(world.token, "SMKI", &entry, &err), 0); /* nobody is logged in */
    EXPECT_REFUSED(SMKI_TOKEN_PIN, smki_token_login(world.token, "9999", &err), err);
    ASSERT_OK(smki_token_login(world.token, PIN, &err), err);
    ASSERT_OK(smki_token_key_make(world.token, "SMKI", &entry, &err), err);
    assert_true(entry.has_private && entry.has_public && !entry.has_certificate);
    assert_true(entry.sensitive && entry.always_sensitive && entry.never_extractable && entry.sign && entry.private_object);
    assert_false(entry.extractable);
    assert_int_equal(entry.bits, 2048);
    assert_int_equal(entry.id_size, 8);
    ASSERT_OK(smki_token_entry_find(world.token, "SMKI", &again, &err), err);
    assert_memory_equal(again.id, entry.id, 8);
    EXPECT_REFUSED(SMKI_NOT_FOUND, smki_token_entry_find(world.token, "smki", &again, &err), err);
    ASSERT_OK(smki_token_entry_remove(world.token, &entry, &err), err);
    EXPECT_REFUSED(SMKI_NOT_FOUND, smki_token_entry_at(world.token, 0, &again, &err), err);
    world_end(&world);
}

static const struct smki_csr_wish wish_of_ann = {.profile = SMKI_PROFILE_IKI,
                                                 .organisation = "Example Energy",
                                                 .unit = "02",
                                                 .common_name = "Ann Other",
                                                 .key_usage = SMKI_DIGITAL_SIGNATURE};

static void request_signed_on_the_token(void **state)
{
    struct smki_token_entry entry;
    uint8_t der[SMKI_CSR_MAX_SIZE], digest[32] = {1}, signature[SMKI_SIGNATURE_MAX_SIZE];
    struct smki_key *key;
    struct smki_csr csr;
    struct world world;
    size_t size;

    (void)state;
    NEEDS_SOFTHSM;
    world_make(&world, "Request");
    ASSERT_OK(smki_token_login(world.token, PIN, &err), err);
    ASSERT_OK(smki_token_key_make(world.token, "SMKI", &entry, &err), err);
    ASSERT_OK(smki_token_key_open(&key, world.token, &entry, &err), err);
    assert_int_equal(smki_key_type(key), SMKI_KEY_RSA);
    ASSERT_OK(smki_csr_make(der, &size, &wish_of_ann, key, &err), err);
    ASSERT_OK(smki_csr_read(&csr, SMKI_PROFILE_IKI, (struct smki_bytes){der, size}, &err), err);
    ASSERT_OK(smki_csr_verify(&csr, &err), err);
    ASSERT_OK(smki_key_sign(key, signature, &size, digest, &err), err);
    assert_int_equal(spki_verify(smki_key_public(key), digest, (struct smki_bytes){signature, size}), 0);
    digest[0] = 2;
    assert_int_equal(spki_verify(smki_key_public(key), digest, (struct smki_bytes){signature, size}), SMKI_SIGNATURE_INVALID);
    EXPECT_REFUSED(SMKI_KEY_TYPE, smki_key_save(key, "/nowhere", NULL, &err), err);
    smki_key_close(key);
    ASSERT_OK(smki_token_unblock(world.token, SO_PIN, PIN, false, &err), err); /* nobody is logged in any more */
    EXPECT_REFUSED(SMKI_NOT_FOUND, smki_token_key_open(&key, world.token, &entry, &err), err);
    world_end(&world);
}

static void pin_changed(void **state)
{
    struct world world;

    (void)state;
    NEEDS_SOFTHSM;
    world_make(&world, "Change");
    EXPECT_REFUSED(SMKI_INVALID_ARGUMENT, smki_token_change_pin(world.token, PIN, PIN, &err), err);
    EXPECT_REFUSED(SMKI_TOKEN_PIN, smki_token_change_pin(world.token, "9999", "2468", &err), err);
    EXPECT_REFUSED(SMKI_TOKEN_PIN, smki_token_change_pin(world.token, PIN, "1", &err), err); /* too short */
    assert_non_null(strstr(err.text, "4 to 255 characters"));
    ASSERT_OK(smki_token_change_pin(world.token, PIN, "2468", &err), err);
    EXPECT_REFUSED(SMKI_TOKEN_PIN, smki_token_login(world.token, PIN, &err), err);
    ASSERT_OK(smki_token_login(world.token, "2468", &err), err);
    world_end(&world);
}

static void transport_pin(void **state)
{
    struct smki_token_facts facts;
    struct smki_token_entry entry;
    struct world world;

    (void)state;
    NEEDS_SOFTHSM;
    world_make(&world, "Transport");
    EXPECT_REFUSED(SMKI_TOKEN_PIN, smki_token_unblock(world.token, "00000000", "2468", true, &err), err);
    EXPECT_REFUSED(SMKI_TOKEN_PIN, smki_token_unblock(world.token, SO_PIN, "1", true, &err), err); /* too short */
    ASSERT_OK(smki_token_look(world.token, &facts, &err), err);
    assert_false(facts.transport); /* the PIN is what it was, and nobody's but the officer's */
    ASSERT_OK(smki_token_login(world.token, PIN, &err), err);
    ASSERT_OK(smki_token_unblock(world.token, SO_PIN, "2468", true, &err), err);
    ASSERT_OK(smki_token_look(world.token, &facts, &err), err);
    assert_true(facts.transport);
    EXPECT_REFUSED(SMKI_TOKEN_PIN_EXPIRED, smki_token_login(world.token, "2468", &err), err);
    assert_int_not_equal(smki_token_key_make(world.token, "SMKI", &entry, &err), 0); /* nor is anybody logged in */
    ASSERT_OK(smki_token_change_pin(world.token, "2468", "1928", &err), err);
    ASSERT_OK(smki_token_look(world.token, &facts, &err), err);
    assert_false(facts.transport);
    ASSERT_OK(smki_token_login(world.token, "1928", &err), err);
    world_end(&world);
}

static void pins_from_files(void **state)
{
    char path[TEST_PATH_SIZE], pin[SMKI_PIN_SIZE], made[SMKI_TRANSPORT_PIN_DIGITS + 1], other[SMKI_TRANSPORT_PIN_DIGITS + 1];
    FILE *stream = fopen(test_path(path, folder, "pin"), "w");

    (void)state;
    assert_non_null(stream);
    fputs("1357\nanother line\n", stream);
    assert_int_equal(fclose(stream), 0);
    assert_int_equal(chmod(path, 0644), 0);
    EXPECT_REFUSED(SMKI_KEY_PERMISSIONS, smki_pin_read(pin, path, &err), err);
    assert_int_equal(chmod(path, 0600), 0);
    ASSERT_OK(smki_pin_read(pin, path, &err), err);
    assert_string_equal(pin, "1357");
    assert_int_equal(setenv("CREDENTIALS_DIRECTORY", folder, 1), 0);
    ASSERT_OK(smki_pin_read(pin, "credential:pin", &err), err);
    assert_string_equal(pin, "1357");
    assert_int_not_equal(smki_pin_read(pin, "credential:other", &err), 0);
    unsetenv("CREDENTIALS_DIRECTORY");
    ASSERT_OK(smki_pin_make(made, &smki_random_system, &err), err);
    ASSERT_OK(smki_pin_make(other, &smki_random_system, &err), err);
    assert_int_equal(strspn(made, "0123456789"), SMKI_TRANSPORT_PIN_DIGITS);
    assert_int_equal(strlen(made), SMKI_TRANSPORT_PIN_DIGITS);
    assert_string_not_equal(made, other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(token_facts),     cmocka_unit_test(token_named_by_a_uri),
        cmocka_unit_test(wrong_module),    cmocka_unit_test(label_of_a_token),
        cmocka_unit_test(key_made),        cmocka_unit_test(request_signed_on_the_token),
        cmocka_unit_test(pin_changed),     cmocka_unit_test(transport_pin),
        cmocka_unit_test(pins_from_files),
    };

    return cmocka_run_group_tests_name("token", tests, folder_make, folder_remove);
}
