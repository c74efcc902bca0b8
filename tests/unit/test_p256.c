/* P-256: RFC 6979 A.2.5, and the good and bad signatures of tests/data/p256. */
#include "unit/smki_test.h"

#include "base/base_i.h"
#include "pki/p256_i.h"

#include <pthread.h>

#define providers p256_providers

static struct smki_error err;

#define HEX_AT(out, size, text) ASSERT_OK(hex_decode(out, size, text, strlen(text), &err), err)
#define HEX(out, text)          HEX_AT(out, sizeof(out), text)

static const char scalar_text[] = "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721";
static const char point_text[] =
    "0460FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB67903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299";

static const struct {
    const char *message, *signature;
} rfc6979[] = {
    {"sample", "3046022100EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716"
               "022100F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8"},
    {"test", "3045022100F1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367"
             "0220019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083"},
};

static struct p256_private *rfc_key(const struct p256_provider *provider)
{
    struct p256_private *key;
    uint8_t scalar[32];

    HEX(scalar, scalar_text);
    assert_int_equal(provider->private_open(&key, scalar), 0);
    return key;
}

static void test_signatures_are_those_of_rfc_6979(void **state)
{
    (void)state;
    for (size_t p = 0; providers[p] != NULL; p++) {
        struct p256_private *key = rfc_key(providers[p]);

        for (size_t i = 0; i < TEST_COUNT(rfc6979); i++) {
            uint8_t digest[32], signature[72];
            char text[2 * 72 + 1];
            size_t size;

            sha256(digest, rfc6979[i].message, strlen(rfc6979[i].message));
            assert_int_equal(providers[p]->sign(key, signature, &size, digest), 0);
            hex_encode(text, signature, size);
            assert_int_equal(strcasecmp(text, rfc6979[i].signature), 0);
        }
        providers[p]->private_close(key);
    }
}

static void test_the_public_point_is_that_of_rfc_6979(void **state)
{
    uint8_t scalar[32], point[SMKI_P256_POINT_SIZE], expected[SMKI_P256_POINT_SIZE];

    (void)state;
    HEX(scalar, scalar_text);
    HEX(expected, point_text);
    assert_int_equal(p256_public_of(point, scalar), 0);
    assert_memory_equal(point, expected, sizeof point);
}

static void test_scalars_out_of_range_are_refused(void **state)
{
    static const char *const scalars[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551",
        "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF",
    };

    (void)state;
    for (size_t p = 0; providers[p] != NULL; p++) {
        for (size_t i = 0; i < TEST_COUNT(scalars); i++) {
            struct p256_private *key;
            uint8_t scalar[32];

            HEX(scalar, scalars[i]);
            assert_int_equal(providers[p]->private_open(&key, scalar), SMKI_KEY_UNREADABLE);
            assert_null(key);
        }
    }
}

static int verdict_code(const char *word)
{
    if (strcmp(word, "good") == 0)
        return 0;
    return strcmp(word, "point") == 0 ? SMKI_P256_POINT : SMKI_SIGNATURE_INVALID;
}

static void expect_line(const struct p256_provider *provider, const char *line)
{
    char name[64], verdict[8], point_hex[256], digest_hex[128], signature_hex[1024];
    uint8_t point[SMKI_P256_POINT_SIZE], digest[32];
    size_t size;
    struct p256_verification together;
    uint8_t *signature;
    int rc;

    assert_int_equal(sscanf(line, "%63s %7s %255s %127s %1023s", name, verdict, point_hex, digest_hex, signature_hex), 5);
    HEX(point, point_hex);
    HEX(digest, digest_hex);
    size = strcmp(signature_hex, "-") == 0 ? 0 : strlen(signature_hex) / 2;
    signature = malloc(size + (size == 0));
    if (size != 0)
        ASSERT_OK(hex_decode(signature, size, signature_hex, 2 * size, &err), err);
    rc = provider->verify(point, digest, BYTES(signature, size));
    together = (struct p256_verification){.point = point, .signature = BYTES(signature, size)};
    memcpy(together.digest, digest, sizeof(digest));
    provider->verify_many(&together, 1);
    free(signature);
    if (rc == verdict_code(verdict))
        rc = together.code;
    if (rc != verdict_code(verdict))
        fail_msg("%s, %s: expected %s, got %s", provider->name, name, verdict, test_name_of(rc));
}

static void test_every_signature_of_the_table_gets_its_verdict(void **state)
{
    struct smki_buffer table = {0};
    char *line, *rest = NULL;
    size_t count = 0;

    (void)state;
    test_file(&table, "p256/signatures.txt");
    ASSERT_OK(smki_buffer_append(&table, "", 1, &err), err);
    for (line = strtok_r((char *)table.at, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        for (size_t p = 0; line[0] != '#' && providers[p] != NULL; p++)
            expect_line(providers[p], line);
        count++;
    }
    assert_true(count > 140);
    smki_buffer_finish(&table);
}

static void test_generated_scalars_differ_and_are_usable(void **state)
{
    uint8_t a[32], b[32], point[SMKI_P256_POINT_SIZE];

    (void)state;
    assert_int_equal(p256_scalar_generate(a, &smki_random_system), 0);
    assert_int_equal(p256_scalar_generate(b, &smki_random_system), 0);
    assert_memory_not_equal(a, b, sizeof a);
    assert_int_equal(p256_public_of(point, a), 0);
}

static void test_no_scalar_without_randomness(void **state)
{
    struct test_random random = {.fail_after = 1};
    struct smki_random broken = test_random_of(&random);
    uint8_t scalar[32];

    (void)state;
    assert_int_equal(p256_scalar_generate(scalar, &broken), SMKI_RANDOM);
}

struct worker {
    const struct p256_provider *provider;
    struct p256_private *key;
    bool good;
};

static void *sign_and_verify(void *context)
{
    struct worker *worker = context;
    uint8_t point[SMKI_P256_POINT_SIZE], digest[32], signature[72];
    size_t size;

    worker->good = hex_decode(point, sizeof point, point_text, strlen(point_text), NULL) == 0;
    for (uint32_t i = 0; worker->good && i < 20; i++) {
        sha256(digest, &i, sizeof i);
        worker->good = worker->provider->sign(worker->key, signature, &size, digest) == 0 &&
                       worker->provider->verify(point, digest, BYTES(signature, size)) == 0;
        digest[0] ^= 1;
        worker->good = worker->good && worker->provider->verify(point, digest, BYTES(signature, size)) == SMKI_SIGNATURE_INVALID;
    }
    return NULL;
}

static void test_threads_sign_with_one_key_at_once(void **state)
{
    (void)state;
    for (size_t p = 0; providers[p] != NULL; p++) {
        struct worker workers[4];
        pthread_t threads[TEST_COUNT(workers)];
        struct p256_private *key = rfc_key(providers[p]);

        for (size_t i = 0; i < TEST_COUNT(workers); i++) {
            workers[i] = (struct worker){.provider = providers[p], .key = key};
            assert_int_equal(pthread_create(&threads[i], NULL, sign_and_verify, &workers[i]), 0);
        }
        for (size_t i = 0; i < TEST_COUNT(workers); i++) {
            pthread_join(threads[i], NULL);
            assert_true(workers[i].good);
        }
        providers[p]->private_close(key);
    }
}

/* ---- one against the other ---- */

static struct test_random source;

static uint64_t chance(uint64_t below)
{
    return test_random_next(&source) % below;
}

static uint64_t number_from(const char *variable, uint64_t otherwise)
{
    const char *text = getenv(variable);

    return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

struct input {
    uint8_t scalar[32], point[SMKI_P256_POINT_SIZE], digest[32], signature[72 + 8];
    size_t size;
};

/* Octets that stand at the edges of what is right: 0, the prime, the order, and one beside each. */
static const char *const edges[] = {
    "0000000000000000000000000000000000000000000000000000000000000000", "0000000000000000000000000000000000000000000000000000000000000001",
    "FFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF", "FFFFFFFF00000001000000000000000000000001000000000000000000000000",
    "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551", "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632550",
    "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632552", "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF",
};

static void edge_put(uint8_t out[32])
{
    HEX_AT(out, 32, edges[chance(TEST_COUNT(edges))]);
}

static void octet_change(uint8_t *at, size_t size)
{
    at[chance(size)] ^= (uint8_t)(1 + chance(255));
}

/* A signature's number set to an edge, the DER around it kept right. */
static void number_edge(struct input *input)
{
    struct p256_signature numbers;

    if (!p256_signature_read(&numbers, BYTES(input->signature, input->size)))
        return;
    edge_put(chance(2) == 0 ? numbers.r : numbers.s);
    p256_signature_write(input->signature, &input->size, &numbers);
}

static void input_mutate(struct input *input)
{
    switch (chance(8)) {
    case 0: /* as it is */
        break;
    case 1:
        octet_change(input->point, sizeof(input->point));
        break;
    case 2:
        edge_put(input->point + 1 + 32 * chance(2));
        break;
    case 3:
        octet_change(input->digest, sizeof(input->digest));
        break;
    case 4:
        octet_change(input->signature, input->size);
        break;
    case 5:
        input->size = chance(input->size + 8);
        break;
    case 6:
        number_edge(input);
        break;
    default: /* another's key */
        input->scalar[31] ^= 1;
        assert_int_equal(p256_public_of(input->point, input->scalar), 0);
        break;
    }
}

static void input_make(struct input *input)
{
    *input = (struct input){0};
    do
        for (size_t i = 0; i < sizeof(input->scalar); i++)
            input->scalar[i] = (uint8_t)chance(256);
    while (p256_public_of(input->point, input->scalar) != 0);
    for (size_t i = 0; i < sizeof(input->digest); i++)
        input->digest[i] = (uint8_t)chance(256);
    if (chance(16) == 0)
        edge_put(input->digest); /* also more than the order: bits2octets */
    for (size_t p = 0; providers[p] != NULL; p++) {
        struct p256_private *key;
        uint8_t signature[72];
        size_t size;

        assert_int_equal(providers[p]->private_open(&key, input->scalar), 0);
        assert_int_equal(providers[p]->sign(key, signature, &size, input->digest), 0);
        providers[p]->private_close(key);
        if (p > 0 && (size != input->size || memcmp(signature, input->signature, size) != 0))
            fail_msg("%s and %s sign differently", providers[0]->name, providers[p]->name);
        memcpy(input->signature, signature, size);
        input->size = size;
    }
}

/* Many together get the verdicts that each got alone: 37 are more than any provider takes at once. */
#define MANY 37

static void same_together(const struct p256_provider *provider, const struct input *inputs, const int *verdicts, size_t count)
{
    struct p256_verification together[MANY];

    for (size_t i = 0; i < count; i++) {
        together[i] = (struct p256_verification){
            .point = inputs[i].point, .signature = BYTES(inputs[i].signature, inputs[i].size), .code = SMKI_INTERNAL};
        memcpy(together[i].digest, inputs[i].digest, sizeof(together[i].digest));
    }
    provider->verify_many(together, count);
    for (size_t i = 0; i < count; i++)
        if (together[i].code != verdicts[i])
            fail_msg("%s says %s of lane %zu of %zu, and %s of it alone", provider->name, test_name_of(together[i].code), i, count,
                     test_name_of(verdicts[i]));
}

/* What is wrong with one is its own: each edge as each number, in each place between good ones. */
static void test_a_bad_one_among_many_spoils_no_other(void **state)
{
    struct input inputs[MANY], good;
    int verdicts[MANY];

    (void)state;
    if (providers[0] == &p256_mbedtls) /* which shares nothing between them */
        skip();
    source.state = 1;
    for (size_t lane = 0; lane < MANY; lane++) {
        input_make(&inputs[lane]);
        verdicts[lane] = 0;
    }
    for (size_t lane = 0; lane < MANY; lane++) {
        good = inputs[lane];
        for (size_t edge = 0; edge < 4 * TEST_COUNT(edges); edge++) {
            struct p256_signature numbers;
            uint8_t *const places[] = {numbers.r, numbers.s, inputs[lane].point + 1, inputs[lane].point + 33};

            assert_true(p256_signature_read(&numbers, BYTES(good.signature, good.size)));
            HEX_AT(places[edge % 4], 32, edges[edge / 4]);
            p256_signature_write(inputs[lane].signature, &inputs[lane].size, &numbers);
            verdicts[lane] = p256_mbedtls.verify(inputs[lane].point, inputs[lane].digest, BYTES(inputs[lane].signature, inputs[lane].size));
            assert_int_not_equal(verdicts[lane], 0);
            same_together(providers[0], inputs, verdicts, MANY);
            inputs[lane] = good;
        }
        verdicts[lane] = 0;
    }
}

/* SMKI_P256_INPUTS: how many; SMKI_P256_SEED: other ones. */
static void test_providers_agree_on_random_and_mutated_inputs(void **state)
{
    const uint64_t count = number_from("SMKI_P256_INPUTS", 400);
    uint64_t good = 0, points = 0;
    struct input inputs[MANY];
    int verdicts[MANY];

    (void)state;
    source.state = number_from("SMKI_P256_SEED", 20261126);
    for (uint64_t i = 0; i < count; i++) {
        struct input *const input = &inputs[i % MANY];
        int verdict = 0;

        input_make(input);
        input_mutate(input);
        for (size_t p = 0; providers[p] != NULL; p++) {
            const int rc = providers[p]->verify(input->point, input->digest, BYTES(input->signature, input->size));

            if (p > 0 && rc != verdict)
                fail_msg("input %llu: %s says %s, %s says %s", (unsigned long long)i, providers[0]->name, test_name_of(verdict),
                         providers[p]->name, test_name_of(rc));
            verdict = rc;
        }
        good += verdict == 0;
        points += verdict == SMKI_P256_POINT;
        verdicts[i % MANY] = verdict;
        if (i % MANY == MANY - 1 || i + 1 == count)
            for (size_t p = 0; providers[p] != NULL && (providers[p] != &p256_mbedtls || i < 400); p++) /* it shares nothing */
                same_together(providers[p], inputs, verdicts, (size_t)(i % MANY) + 1);
    }
    assert_true(good > count / 16 && points > count / 16 && good < count / 2);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads_sign_with_one_key_at_once),
        cmocka_unit_test(test_signatures_are_those_of_rfc_6979),
        cmocka_unit_test(test_the_public_point_is_that_of_rfc_6979),
        cmocka_unit_test(test_scalars_out_of_range_are_refused),
        cmocka_unit_test(test_every_signature_of_the_table_gets_its_verdict),
        cmocka_unit_test(test_generated_scalars_differ_and_are_usable),
        cmocka_unit_test(test_no_scalar_without_randomness),
        cmocka_unit_test(test_a_bad_one_among_many_spoils_no_other),
        cmocka_unit_test(test_providers_agree_on_random_and_mutated_inputs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
