/* Key pairs made on a token, or brought there out of a file: never to be taken off it, for signing only. What the token made of that is
 * read back, and a key that is not as it should be is destroyed at once. */
#include "base/mbedtls_compat_i.h"

#include "pki/der_write_i.h"
#include "pki/key_pkcs11_i.h"
#include "pki/oid_i.h"
#include "pki/pkcs11_i.h"
#include "pki/pkcs8_i.h"

#include <mbedtls/platform_util.h>
#include <mbedtls/rsa.h>

#include <stdlib.h>
#include <string.h>

#define RSA_BITS    2048
#define RSA_MAX     512 /* octets of a modulus */
#define ID_SIZE     8
#define SCALAR_SIZE 32

static const uint8_t exponent[] = {0x01, 0x00, 0x01};
static const uint8_t prime256v1[] = {0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07};

/* A token with a session that may write, logged in to. */
struct bench {
    struct pkcs11_module *module;
    CK_FUNCTION_LIST *calls;
    CK_SESSION_HANDLE session;
    bool open;
    struct pkcs11_uri uri;
};

/* ---- reaching the token ---- */

static int bench_log_in(struct bench *bench, const struct smki_pkcs11 *settings, struct smki_error *err)
{
    struct pkcs11_pin pin;
    int rc = pkcs11_pin_get(&pin, &bench->uri, settings, err);

    if (rc == 0)
        rc = pkcs11_login(bench->module, bench->session, CKU_USER, &pin, bench->uri.pin_source[0] == '\0', err);
    pkcs11_pin_wipe(&pin);
    return rc;
}

static int bench_open(struct bench *bench, const char *uri, const struct smki_pkcs11 *settings, struct smki_error *err)
{
    CK_SLOT_ID slot;
    CK_RV rv;
    int rc;

    *bench = (struct bench){0};
    if ((rc = pkcs11_uri_complete(&bench->uri, uri, settings, err)) != 0 ||
        (rc = pkcs11_module_open(&bench->module, bench->uri.module, err)) != 0)
        return rc;
    bench->calls = pkcs11_calls(bench->module);
    if ((rc = pkcs11_token_find(bench->module, &bench->uri, &slot, NULL, err)) != 0)
        return rc;
    if ((rv = bench->calls->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &bench->session)) != CKR_OK)
        return pkcs11_fail(err, 0, rv, "opening a session with the token");
    bench->open = true;
    return bench_log_in(bench, settings, err);
}

static void bench_close(struct bench *bench)
{
    if (bench->open)
        bench->calls->C_CloseSession(bench->session);
    pkcs11_module_close(bench->module);
}

static int refuse_second(struct bench *bench, struct smki_error *err)
{
    struct pkcs11_uri named = bench->uri;
    CK_OBJECT_HANDLE found;
    struct smki_error why = {0};
    int rc;

    named.id_size = 0;
    rc = pkcs11_object_find(bench->module, bench->session, CKO_PRIVATE_KEY, &named, &found, &why);
    if (rc == 0 || (rc == SMKI_TOKEN_OBJECT && strstr(why.text, "several") != NULL))
        return smki_fail(err, SMKI_ALREADY_EXISTS, "the token '%s' has a private key '%s' already, which is never written over",
                         bench->uri.token, bench->uri.object);
    return rc == SMKI_TOKEN_OBJECT ? 0 : smki_fail(err, rc, "%s", why.text);
}

/* ---- what the token made ---- */

static int flag_check(struct bench *bench, CK_OBJECT_HANDLE key, CK_ATTRIBUTE_TYPE type, bool wanted, const char *name,
                      struct smki_error *err)
{
    CK_BBOOL value = wanted ? CK_FALSE : CK_TRUE;
    CK_ATTRIBUTE attribute = {type, &value, sizeof(value)};
    CK_RV rv = bench->calls->C_GetAttributeValue(bench->session, key, &attribute, 1);

    if (rv != CKR_OK)
        return pkcs11_fail(err, SMKI_TOKEN_FAILED, rv, "reading %s of the new key back", name);
    if ((value != CK_FALSE) != wanted)
        return smki_fail(err, SMKI_TOKEN_FAILED, "the token made a key whose %s is %s; it was destroyed", name, wanted ? "false" : "true");
    return 0;
}

/* The secret itself must be refused, whatever the flags say. */
static int secret_check(struct bench *bench, CK_OBJECT_HANDLE key, enum smki_key_type type, struct smki_error *err)
{
    uint8_t room[RSA_MAX];
    CK_ATTRIBUTE attribute = {type == SMKI_KEY_P256 ? CKA_VALUE : CKA_PRIVATE_EXPONENT, room, sizeof(room)};
    CK_RV rv = bench->calls->C_GetAttributeValue(bench->session, key, &attribute, 1);

    mbedtls_platform_zeroize(room, sizeof(room));
    return rv != CKR_OK ? 0 : smki_fail(err, SMKI_TOKEN_FAILED, "the token gives the private key out; it was destroyed");
}

static const struct {
    CK_ATTRIBUTE_TYPE type;
    bool wanted, made_here; /* made_here: only of a key that the token made */
    const char *name;
} flags[] = {
    {CKA_TOKEN, true, false, "CKA_TOKEN"},
    {CKA_PRIVATE, true, false, "CKA_PRIVATE"},
    {CKA_SENSITIVE, true, false, "CKA_SENSITIVE"},
    {CKA_EXTRACTABLE, false, false, "CKA_EXTRACTABLE"},
    {CKA_SIGN, true, false, "CKA_SIGN"},
    {CKA_DECRYPT, false, false, "CKA_DECRYPT"},
    {CKA_UNWRAP, false, false, "CKA_UNWRAP"},
    {CKA_DERIVE, false, false, "CKA_DERIVE"},
    {CKA_LOCAL, true, true, "CKA_LOCAL"},
    {CKA_ALWAYS_SENSITIVE, true, true, "CKA_ALWAYS_SENSITIVE"},
    {CKA_NEVER_EXTRACTABLE, true, true, "CKA_NEVER_EXTRACTABLE"},
};

static int key_check(struct bench *bench, CK_OBJECT_HANDLE key, enum smki_key_type type, bool made_here, struct smki_error *err)
{
    int rc = 0;

    for (size_t i = 0; i < ARRAY_COUNT(flags) && rc == 0; i++)
        if (made_here || !flags[i].made_here)
            rc = flag_check(bench, key, flags[i].type, flags[i].wanted, flags[i].name, err);
    return rc != 0 ? rc : secret_check(bench, key, type, err);
}

/* ---- the public half ---- */

/* CKA_EC_POINT is an OCTET STRING around the point (PKCS#11 2.40 2.3.3); some modules leave that out. */
static int point_read(struct bench *bench, CK_OBJECT_HANDLE key, struct smki_buffer *spki, struct smki_error *err)
{
    uint8_t octets[2 + SMKI_P256_POINT_SIZE], out[SPKI_P256_SIZE];
    CK_ATTRIBUTE attribute = {CKA_EC_POINT, octets, sizeof(octets)};
    CK_RV rv = bench->calls->C_GetAttributeValue(bench->session, key, &attribute, 1);
    const size_t skip = attribute.ulValueLen == sizeof(octets) ? 2 : 0;

    if (rv != CKR_OK)
        return pkcs11_fail(err, SMKI_TOKEN_FAILED, rv, "reading the public key");
    if (attribute.ulValueLen != skip + SMKI_P256_POINT_SIZE || octets[skip] != 0x04)
        return smki_fail(err, SMKI_TOKEN_FAILED, "the token's public key is no uncompressed point of P-256");
    spki_of_point(out, octets + skip);
    return smki_buffer_append(spki, out, sizeof(out), err);
}

static void put_integer(struct der_writer *writer, const uint8_t *octets, size_t size)
{
    uint8_t room[1 + RSA_MAX] = {0};

    while (size > 1 && octets[0] == 0) {
        octets++;
        size--;
    }
    memcpy(room + 1, octets, size);
    der_put_element(writer, DER_INTEGER, (octets[0] & 0x80) != 0 ? BYTES(room, size + 1) : BYTES(room + 1, size));
}

/* SEQUENCE { SEQUENCE { rsaEncryption, NULL }, BIT STRING { SEQUENCE { n, e } } } (RFC 3279 2.3.1). */
static int rsa_read(struct bench *bench, CK_OBJECT_HANDLE key, struct smki_buffer *spki, struct smki_error *err)
{
    uint8_t n[RSA_MAX], e[8], out[SPKI_MAX_SIZE], inner[SPKI_MAX_SIZE];
    CK_ATTRIBUTE attributes[] = {{CKA_MODULUS, n, sizeof(n)}, {CKA_PUBLIC_EXPONENT, e, sizeof(e)}};
    CK_RV rv = bench->calls->C_GetAttributeValue(bench->session, key, attributes, ARRAY_COUNT(attributes));
    struct der_writer numbers = der_writer_of(inner, sizeof(inner)), writer = der_writer_of(out, sizeof(out));
    const uint8_t *end = numbers.at;

    if (rv != CKR_OK)
        return pkcs11_fail(err, SMKI_TOKEN_FAILED, rv, "reading the public key");
    if (attributes[0].ulValueLen - 1 >= sizeof(n) || attributes[1].ulValueLen - 1 >= sizeof(e))
        return smki_fail(err, SMKI_TOKEN_FAILED, "the token's public key has numbers of no size, or larger than was asked for");
    put_integer(&numbers, e, attributes[1].ulValueLen);
    put_integer(&numbers, n, attributes[0].ulValueLen);
    der_wrap(&numbers, end, DER_SEQUENCE);
    end = writer.at;
    der_put_bits(&writer, der_written(&numbers));
    {
        const uint8_t *algorithm_end = writer.at;

        der_put_element(&writer, DER_NULL, BYTES(NULL, 0));
        der_put_element(&writer, DER_OID, oid_rsa);
        der_wrap(&writer, algorithm_end, DER_SEQUENCE);
    }
    der_wrap(&writer, end, DER_SEQUENCE);
    if (writer.failed || numbers.failed)
        return smki_fail(err, SMKI_KEY_TYPE, "the token's RSA key is larger than 4096 bits");
    return smki_buffer_append(spki, der_written(&writer).at, der_written(&writer).size, err);
}

/* ---- making ---- */

/* Both halves, by the name in the URI. CKA_DERIVE: an EC key would else do for key agreement. */
static void halves_of(const struct bench *bench, struct pkcs11_template *private_half, struct pkcs11_template *public_half)
{
    const struct smki_bytes id = BYTES(bench->uri.id, bench->uri.id_size);

    pkcs11_private_half(private_half, bench->uri.object, id);
    pkcs11_add_flag(private_half, CKA_DERIVE, false);
    pkcs11_public_half(public_half, bench->uri.object, id);
}

static CK_RV generate(struct bench *bench, enum smki_key_type type, CK_OBJECT_HANDLE *public_key, CK_OBJECT_HANDLE *private_key)
{
    CK_MECHANISM mechanism = {.mechanism = type == SMKI_KEY_P256 ? CKM_EC_KEY_PAIR_GEN : CKM_RSA_PKCS_KEY_PAIR_GEN};
    const CK_ULONG bits = RSA_BITS;
    struct pkcs11_template public_half, private_half;

    halves_of(bench, &private_half, &public_half);
    if (type == SMKI_KEY_RSA) {
        pkcs11_add(&public_half, CKA_MODULUS_BITS, &bits, sizeof(bits));
        pkcs11_add(&public_half, CKA_PUBLIC_EXPONENT, exponent, sizeof(exponent));
    } else {
        pkcs11_add(&public_half, CKA_EC_PARAMS, prime256v1, sizeof(prime256v1));
    }
    return bench->calls->C_GenerateKeyPair(bench->session, &mechanism, public_half.at, public_half.count, private_half.at,
                                           private_half.count, public_key, private_key);
}

static int uri_of(struct bench *bench, char uri[SMKI_KEY_URI_SIZE], struct smki_error *err)
{
    struct pkcs11_uri named = bench->uri;

    named.pin_source[0] = '\0';
    named.module[0] = '\0';
    named.has_type = true;
    named.type = CKO_PRIVATE_KEY;
    return pkcs11_uri_write(uri, SMKI_KEY_URI_SIZE, &named, err);
}

int key_uri_write(char *out, size_t size, const char *token, const char *object, struct smki_error *err)
{
    struct pkcs11_uri uri = {.has_type = true, .type = CKO_PRIVATE_KEY};

    if (snprintf(uri.token, sizeof(uri.token), "%s", token) >= (int)sizeof(uri.token) || token[0] == '\0')
        return smki_fail(err, SMKI_TOKEN_URI, "'%s': a token's label has 1 to 32 octets", token);
    snprintf(uri.object, sizeof(uri.object), "%s", object);
    return pkcs11_uri_write(out, size, &uri, err);
}

static int id_choose(struct bench *bench, const struct smki_random *random, struct smki_error *err)
{
    bench->uri.id_size = ID_SIZE;
    return random->fill(random->context, bench->uri.id, ID_SIZE) == 0 ? 0 : smki_fail(err, SMKI_RANDOM, NULL);
}

static int generate_on(struct bench *bench, enum smki_key_type type, struct smki_buffer *spki, struct smki_error *err)
{
    CK_OBJECT_HANDLE public_key, private_key;
    CK_RV rv = generate(bench, type, &public_key, &private_key);
    int rc;

    if (rv != CKR_OK)
        return pkcs11_fail(err, SMKI_TOKEN_FAILED, rv, "making the key '%s' on the token '%s'", bench->uri.object, bench->uri.token);
    if ((rc = key_check(bench, private_key, type, true, err)) == 0)
        rc = type == SMKI_KEY_P256 ? point_read(bench, public_key, spki, err) : rsa_read(bench, public_key, spki, err);
    if (rc != 0) {
        bench->calls->C_DestroyObject(bench->session, private_key);
        bench->calls->C_DestroyObject(bench->session, public_key);
    }
    return rc;
}

int smki_key_make_token(struct smki_buffer *spki, char uri[SMKI_KEY_URI_SIZE], enum smki_key_type type, const char *wanted,
                        const struct smki_pkcs11 *settings, const struct smki_random *random, struct smki_error *err)
{
    struct bench bench;
    int rc;

    if ((rc = bench_open(&bench, wanted, settings, err)) == 0 && (rc = refuse_second(&bench, err)) == 0 &&
        (rc = id_choose(&bench, random, err)) == 0 && (rc = uri_of(&bench, uri, err)) == 0)
        rc = generate_on(&bench, type, spki, err);
    bench_close(&bench);
    return rc;
}

/* ---- bringing one out of a file ---- */

static CK_RV create(struct bench *bench, CK_KEY_TYPE type, struct pkcs11_template *private_half, struct pkcs11_template *public_half,
                    CK_OBJECT_HANDLE *private_key, CK_OBJECT_HANDLE *public_key)
{
    static const CK_OBJECT_CLASS private_class = CKO_PRIVATE_KEY, public_class = CKO_PUBLIC_KEY;
    CK_RV rv;

    pkcs11_add(private_half, CKA_CLASS, &private_class, sizeof(private_class));
    pkcs11_add(private_half, CKA_KEY_TYPE, &type, sizeof(type));
    pkcs11_add(public_half, CKA_CLASS, &public_class, sizeof(public_class));
    pkcs11_add(public_half, CKA_KEY_TYPE, &type, sizeof(type));
    rv = bench->calls->C_CreateObject(bench->session, private_half->at, private_half->count, private_key);
    return rv != CKR_OK ? rv : bench->calls->C_CreateObject(bench->session, public_half->at, public_half->count, public_key);
}

static CK_RV create_p256(struct bench *bench, const struct smki_key *key, CK_OBJECT_HANDLE *private_key, CK_OBJECT_HANDLE *public_key)
{
    uint8_t scalar[SCALAR_SIZE], point[2 + SMKI_P256_POINT_SIZE] = {0x04, SMKI_P256_POINT_SIZE};
    struct pkcs11_template public_half, private_half;
    CK_RV rv;

    memcpy(point + 2, key->point, SMKI_P256_POINT_SIZE);
    key_file_scalar(key, scalar);
    halves_of(bench, &private_half, &public_half);
    pkcs11_add(&private_half, CKA_EC_PARAMS, prime256v1, sizeof(prime256v1));
    pkcs11_add(&private_half, CKA_VALUE, scalar, sizeof(scalar));
    pkcs11_add(&public_half, CKA_EC_PARAMS, prime256v1, sizeof(prime256v1));
    pkcs11_add(&public_half, CKA_EC_POINT, point, sizeof(point));
    rv = create(bench, CKK_EC, &private_half, &public_half, private_key, public_key);
    mbedtls_platform_zeroize(scalar, sizeof(scalar));
    return rv;
}

/* The numbers of an RSA key, big endian. */
struct rsa_numbers {
    uint8_t n[RSA_MAX], e[8], d[RSA_MAX], p[RSA_MAX], q[RSA_MAX], dp[RSA_MAX], dq[RSA_MAX], qp[RSA_MAX];
    size_t size;
};

static bool rsa_numbers_take(struct rsa_numbers *out, const struct smki_key *key)
{
    mbedtls_rsa_context *rsa = mbedtls_pk_rsa(*key_file_rsa(key));
    mbedtls_mpi dp, dq, qp;
    size_t half;
    bool good;

    mbedtls_mpi_init(&dp);
    mbedtls_mpi_init(&dq);
    mbedtls_mpi_init(&qp);
    out->size = mbedtls_rsa_get_len(rsa);
    half = out->size / 2;
    good = out->size <= RSA_MAX &&
           mbedtls_rsa_export_raw(rsa, out->n, out->size, out->p, half, out->q, half, out->d, out->size, out->e, sizeof(out->e)) == 0 &&
           mbedtls_rsa_export_crt(rsa, &dp, &dq, &qp) == 0 && mbedtls_mpi_write_binary(&dp, out->dp, half) == 0 &&
           mbedtls_mpi_write_binary(&dq, out->dq, half) == 0 && mbedtls_mpi_write_binary(&qp, out->qp, half) == 0;
    mbedtls_mpi_free(&dp);
    mbedtls_mpi_free(&dq);
    mbedtls_mpi_free(&qp);
    return good;
}

static CK_RV create_rsa(struct bench *bench, const struct smki_key *key, CK_OBJECT_HANDLE *private_key, CK_OBJECT_HANDLE *public_key)
{
    struct pkcs11_template public_half, private_half;
    struct rsa_numbers numbers;
    CK_RV rv = CKR_FUNCTION_FAILED;

    if (rsa_numbers_take(&numbers, key)) {
        const size_t size = numbers.size, half = size / 2;

        halves_of(bench, &private_half, &public_half);
        pkcs11_add(&private_half, CKA_MODULUS, numbers.n, size);
        pkcs11_add(&private_half, CKA_PUBLIC_EXPONENT, exponent, sizeof(exponent));
        pkcs11_add(&private_half, CKA_PRIVATE_EXPONENT, numbers.d, size);
        pkcs11_add(&private_half, CKA_PRIME_1, numbers.p, half);
        pkcs11_add(&private_half, CKA_PRIME_2, numbers.q, half);
        pkcs11_add(&private_half, CKA_EXPONENT_1, numbers.dp, half);
        pkcs11_add(&private_half, CKA_EXPONENT_2, numbers.dq, half);
        pkcs11_add(&private_half, CKA_COEFFICIENT, numbers.qp, half);
        pkcs11_add(&public_half, CKA_MODULUS, numbers.n, size);
        pkcs11_add(&public_half, CKA_PUBLIC_EXPONENT, exponent, sizeof(exponent));
        rv = create(bench, CKK_RSA, &private_half, &public_half, private_key, public_key);
    }
    mbedtls_platform_zeroize(&numbers, sizeof(numbers));
    return rv;
}

static int import_on(struct bench *bench, const struct smki_key *key, struct smki_error *err)
{
    CK_OBJECT_HANDLE private_key = CK_INVALID_HANDLE, public_key = CK_INVALID_HANDLE;
    CK_RV rv =
        key->type == SMKI_KEY_P256 ? create_p256(bench, key, &private_key, &public_key) : create_rsa(bench, key, &private_key, &public_key);
    int rc = rv == CKR_OK
                 ? key_check(bench, private_key, key->type, false, err)
                 : pkcs11_fail(err, SMKI_TOKEN_FAILED, rv, "writing the key '%s' to the token '%s'", bench->uri.object, bench->uri.token);

    if (rc != 0 && private_key != CK_INVALID_HANDLE)
        bench->calls->C_DestroyObject(bench->session, private_key);
    if (rc != 0 && public_key != CK_INVALID_HANDLE)
        bench->calls->C_DestroyObject(bench->session, public_key);
    return rc;
}

int smki_key_import_token(char uri[SMKI_KEY_URI_SIZE], const struct smki_key *key, const char *wanted, bool dry_run,
                          const struct smki_pkcs11 *settings, const struct smki_random *random, struct smki_error *err)
{
    struct bench bench;
    int rc;

    if (!key_is_in_file(key))
        return smki_fail(err, SMKI_KEY_TYPE, "the key is on a token already, and cannot leave it");
    if ((rc = bench_open(&bench, wanted, settings, err)) == 0 && (rc = refuse_second(&bench, err)) == 0 &&
        (rc = id_choose(&bench, random, err)) == 0 && (rc = uri_of(&bench, uri, err)) == 0 && !dry_run)
        rc = import_on(&bench, key, err);
    bench_close(&bench);
    return rc;
}

/* ---- and taking one away ---- */

int smki_key_destroy_token(const char *uri, const struct smki_pkcs11 *settings, struct smki_error *err)
{
    static const CK_OBJECT_CLASS classes[] = {CKO_PRIVATE_KEY, CKO_PUBLIC_KEY};
    struct bench bench;
    CK_OBJECT_HANDLE found;
    CK_RV rv;
    int rc = bench_open(&bench, uri, settings, err);

    for (size_t i = 0; i < ARRAY_COUNT(classes) && rc == 0; i++)
        if ((rc = pkcs11_object_find(bench.module, bench.session, classes[i], &bench.uri, &found, err)) == 0 &&
            (rv = bench.calls->C_DestroyObject(bench.session, found)) != CKR_OK)
            rc = pkcs11_fail(err, 0, rv, "destroying the key '%s' on the token", bench.uri.object);
    bench_close(&bench);
    return rc;
}

/* ---- looking ---- */

static void state_take(struct smki_key_token *out, const CK_TOKEN_INFO *token)
{
    pkcs11_text(out->label, token->label, sizeof(token->label));
    pkcs11_text(out->serial, token->serialNumber, sizeof(token->serialNumber));
    pkcs11_text(out->manufacturer, token->manufacturerID, sizeof(token->manufacturerID));
    pkcs11_text(out->model, token->model, sizeof(token->model));
    snprintf(out->hardware, sizeof(out->hardware), "%u.%u", token->hardwareVersion.major, token->hardwareVersion.minor);
    snprintf(out->firmware, sizeof(out->firmware), "%u.%u", token->firmwareVersion.major, token->firmwareVersion.minor);
    out->sessions = token->ulSessionCount == CK_UNAVAILABLE_INFORMATION ? 0 : token->ulSessionCount;
    out->sessions_max = token->ulMaxSessionCount == CK_UNAVAILABLE_INFORMATION ? 0 : token->ulMaxSessionCount;
    out->pin_count_low = (token->flags & CKF_USER_PIN_COUNT_LOW) != 0;
    out->pin_final_try = (token->flags & CKF_USER_PIN_FINAL_TRY) != 0;
    out->pin_locked = (token->flags & CKF_USER_PIN_LOCKED) != 0;
    out->pin_to_be_changed = (token->flags & CKF_USER_PIN_TO_BE_CHANGED) != 0;
}

int smki_key_token_look(struct smki_key_token *out, const char *uri, const struct smki_pkcs11 *settings, struct smki_error *err)
{
    struct pkcs11_module *module = NULL;
    struct pkcs11_uri named;
    CK_TOKEN_INFO token;
    CK_SLOT_ID slot;
    int rc;

    *out = (struct smki_key_token){0};
    if ((rc = pkcs11_uri_complete(&named, uri, settings, err)) == 0 && (rc = pkcs11_module_open(&module, named.module, err)) == 0 &&
        (rc = pkcs11_token_find(module, &named, &slot, &token, err)) == 0)
        state_take(out, &token);
    pkcs11_module_close(module);
    return rc;
}
