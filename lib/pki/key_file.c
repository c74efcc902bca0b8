/* Private keys in PKCS#8 files, and new ones in memory. The secret parts are wiped wherever they have been. */
#include "base/mbedtls_compat_i.h"

#include "pki/key_i.h"
#include "pki/p256_i.h"
#include "pki/pkcs8_i.h"

#include <smki/certificate.h>

#include <mbedtls/ecp.h>
#include <mbedtls/pk.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/rsa.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEY_FILE_MAX_SIZE   16384 /* octets */
#define PASSPHRASE_MAX_SIZE 1024  /* octets */
#define RSA_MIN_BITS        2048
#define RSA_MAX_BITS        4096 /* what SMKI_SIGNATURE_MAX_SIZE has room for */
#define RSA_NEW_BITS        2048
#define RSA_EXPONENT        65537
#define SCALAR_SIZE         32

struct key_in_file {
    struct smki_key key; /* first: a struct smki_key * is one of these */
    uint8_t scalar[SCALAR_SIZE];
    const struct p256_provider *p256_by; /* whose key that is: another may be in force by now */
    struct p256_private *p256;
    mbedtls_pk_context rsa;
    pthread_mutex_t rsa_lock; /* mbedTLS keeps its blinding values in the key; whether it locks them itself is up to its build */
};

static const struct key_home *home_file(void);

static struct key_in_file *in_file(const struct smki_key *key)
{
    return (struct key_in_file *)(uintptr_t)key;
}

struct mbedtls_pk_context *key_file_rsa(const struct smki_key *key)
{
    return key->home == home_file() && key->type == SMKI_KEY_RSA ? &in_file(key)->rsa : NULL;
}

bool key_is_in_file(const struct smki_key *key)
{
    return key->home == home_file();
}

void key_file_scalar(const struct smki_key *key, uint8_t out[SCALAR_SIZE])
{
    memcpy(out, in_file(key)->scalar, SCALAR_SIZE);
}

/* mbedTLS's way to ask for randomness; `context` is a struct smki_random. */
static int mbedtls_random(void *context, unsigned char *out, size_t size)
{
    const struct smki_random *random = context;

    return random->fill(random->context, out, size) == 0 ? 0 : MBEDTLS_ERR_ECP_RANDOM_FAILED;
}

static void *random_context(const struct smki_random *random)
{
    return (void *)(uintptr_t)random;
}

/* ---- life and death ---- */

static struct key_in_file *key_create(void)
{
    struct key_in_file *key = calloc(1, sizeof *key);

    if (key == NULL)
        return NULL;
    key->key.home = home_file();
    mbedtls_pk_init(&key->rsa);
    pthread_mutex_init(&key->rsa_lock, NULL);
    return key;
}

static void key_close(struct smki_key *key)
{
    struct key_in_file *file = in_file(key);

    if (file->p256_by != NULL)
        file->p256_by->private_close(file->p256);
    mbedtls_pk_free(&file->rsa);
    pthread_mutex_destroy(&file->rsa_lock);
    mbedtls_platform_zeroize(file, sizeof *file);
    free(file);
}

/* ---- signing ---- */

static int sign_p256(const struct key_in_file *key, uint8_t out[SMKI_SIGNATURE_MAX_SIZE], size_t *size, const uint8_t digest[32])
{
    return key->p256_by->sign(key->p256, out, size, digest);
}

static int sign_rsa(struct key_in_file *key, uint8_t out[SMKI_SIGNATURE_MAX_SIZE], size_t *size, const uint8_t digest[32])
{
    int rc;

    pthread_mutex_lock(&key->rsa_lock);
    rc = mbedtls_pk_sign(&key->rsa, MBEDTLS_MD_SHA256, digest, 32, out, SMKI_SIGNATURE_MAX_SIZE, size, mbedtls_random,
                         random_context(&smki_random_system));
    pthread_mutex_unlock(&key->rsa_lock);
    return rc;
}

static int key_sign(const struct smki_key *key, uint8_t out[SMKI_SIGNATURE_MAX_SIZE], size_t *size, const uint8_t digest[32],
                    struct smki_error *err)
{
    struct key_in_file *file = in_file(key);
    int rc = key->type == SMKI_KEY_P256 ? sign_p256(file, out, size, digest) : sign_rsa(file, out, size, digest);

    return rc == 0 ? 0 : smki_fail(err, SMKI_CA_KEY_UNAVAILABLE, "the key did not sign (%d): out of memory or of randomness", rc);
}

/* A key whose public part is not of its private part would sign what nobody can verify: try it once. */
static int prove(const struct key_in_file *key, struct smki_error *err)
{
    static const uint8_t digest[32] = {'p', 'r', 'o', 'o', 'f'};
    uint8_t signature[SMKI_SIGNATURE_MAX_SIZE];
    size_t size;
    int rc;

    if ((rc = key_sign(&key->key, signature, &size, digest, err)) != 0)
        return rc;
    if (spki_verify(smki_key_public(&key->key), digest, BYTES(signature, size)) != 0)
        return smki_fail(err, SMKI_KEY_UNREADABLE, "what the private key signs does not verify under its public key: the key is damaged");
    return 0;
}

/* ---- taking a key in ---- */

/* key->scalar holds the private scalar. */
static int take_p256(struct key_in_file *key, struct smki_error *err)
{
    int rc;

    key->p256_by = p256();
    if ((rc = p256_public_of(key->key.point, key->scalar)) != 0 || (rc = key->p256_by->private_open(&key->p256, key->scalar)) != 0)
        return smki_fail(err, rc, NULL);
    key->key.type = SMKI_KEY_P256;
    spki_of_point(key->key.spki, key->key.point);
    key->key.spki_size = SPKI_P256_SIZE;
    return 0;
}

/* key->rsa holds the key pair. mbedTLS writes the public key at the end of the room. */
static int take_rsa(struct key_in_file *key, struct smki_error *err)
{
    uint8_t room[SPKI_MAX_SIZE];
    size_t bits = mbedtls_pk_get_bitlen(&key->rsa);
    int size;

    if (bits < RSA_MIN_BITS || bits > RSA_MAX_BITS)
        return smki_fail(err, SMKI_KEY_TYPE, "the RSA key has %zu bits: %d to %d are taken", bits, RSA_MIN_BITS, RSA_MAX_BITS);
    size = mbedtls_pk_write_pubkey_der(&key->rsa, room, sizeof room);
    if (size <= 0)
        return smki_fail(err, SMKI_KEY_UNREADABLE, "the RSA key's public part cannot be written (mbedTLS says -0x%04X)", (unsigned)-size);
    key->key.type = SMKI_KEY_RSA;
    memcpy(key->key.spki, room + sizeof room - (size_t)size, (size_t)size);
    key->key.spki_size = (size_t)size;
    return prove(key, err);
}

/* The scalar out of mbedTLS's key. The point beside it is not used: ours is computed anew. */
static int scalar_of(uint8_t out[SCALAR_SIZE], const mbedtls_pk_context *pk, struct smki_error *err)
{
    const mbedtls_ecp_keypair *pair = mbedtls_pk_ec(*pk);

    if (pair->grp.id != MBEDTLS_ECP_DP_SECP256R1)
        return smki_fail(err, SMKI_KEY_TYPE, "the key is on another curve than P-256");
    if (mbedtls_mpi_write_binary(&pair->d, out, SCALAR_SIZE) != 0)
        return smki_fail(err, SMKI_KEY_UNREADABLE, "the private key is longer than P-256 has room for");
    return 0;
}

static int take_parsed(struct key_in_file *key, struct smki_error *err)
{
    int rc;

    if (mbedtls_pk_get_type(&key->rsa) == MBEDTLS_PK_RSA)
        return take_rsa(key, err);
    if (mbedtls_pk_get_type(&key->rsa) != MBEDTLS_PK_ECKEY)
        return smki_fail(err, SMKI_KEY_TYPE, "the key is neither P-256 nor RSA");
    rc = scalar_of(key->scalar, &key->rsa, err);
    mbedtls_pk_free(&key->rsa);
    mbedtls_pk_init(&key->rsa);
    if (rc != 0 || (rc = take_p256(key, err)) != 0)
        return rc;
    return prove(key, err);
}

/* ---- reading a file ---- */

static int refuse_form(struct smki_error *err)
{
    return smki_fail(err, SMKI_KEY_UNREADABLE,
                     "not a PKCS#8 private key; make one of it with 'openssl pkcs8 -topk8 -nocrypt -in OLD -out NEW'");
}

static int ask_passphrase(char out[PASSPHRASE_MAX_SIZE], size_t *size, smki_passphrase_fn passphrase, void *context, struct smki_error *err)
{
    int count = passphrase != NULL ? passphrase(context, out, PASSPHRASE_MAX_SIZE) : -1;

    if (count < 0 || count > PASSPHRASE_MAX_SIZE)
        return smki_fail(err, SMKI_KEY_PASSPHRASE, "the private key is encrypted and no passphrase was given");
    if (count == 0)
        return smki_fail(err, SMKI_KEY_PASSPHRASE, "the private key is encrypted and the passphrase given is empty");
    *size = (size_t)count;
    return 0;
}

static int parse_plain(mbedtls_pk_context *pk, struct smki_bytes der, struct smki_error *err)
{
    int rc;

    if (!pkcs8_is_ec_or_rsa(der))
        return smki_fail(err, SMKI_KEY_TYPE, "the key is neither P-256 nor RSA");
    rc = mbedtls_pk_parse_key(pk, der.at, der.size, NULL, 0, mbedtls_random, random_context(&smki_random_system));
    if (rc == MBEDTLS_ERR_PK_UNKNOWN_NAMED_CURVE)
        return smki_fail(err, SMKI_KEY_TYPE, "the key is on another curve than P-256");
    return rc == 0 ? 0 : smki_fail(err, SMKI_KEY_UNREADABLE, "the private key in it is damaged (mbedTLS says -0x%04X)", (unsigned)-rc);
}

static int parse_encrypted(mbedtls_pk_context *pk, struct smki_bytes der, smki_passphrase_fn passphrase, void *context,
                           struct smki_error *err)
{
    char word[PASSPHRASE_MAX_SIZE];
    size_t size = 0;
    int rc;

    if ((rc = ask_passphrase(word, &size, passphrase, context, err)) == 0) {
        rc = mbedtls_pk_parse_key(pk, der.at, der.size, (const unsigned char *)word, size, mbedtls_random,
                                  random_context(&smki_random_system));
        if (rc == MBEDTLS_ERR_PK_PASSWORD_MISMATCH || (rc != 0 && pkcs8_is_des3(der)))
            rc = smki_fail(err, SMKI_KEY_PASSPHRASE, "the passphrase is wrong");
        else if (rc != 0)
            rc = smki_fail(err, SMKI_KEY_TYPE,
                           "encrypted with a cipher that this mbedTLS (" MBEDTLS_VERSION_STRING
                           ") does not read here; make a readable one with 'openssl pkcs8 -topk8 -v2 des3 -in OLD -out NEW'");
    }
    mbedtls_platform_zeroize(word, sizeof word);
    return rc;
}

static int parse(struct key_in_file *key, const char *label, struct smki_bytes der, smki_passphrase_fn passphrase, void *context,
                 struct smki_error *err)
{
    enum pkcs8_kind kind = pkcs8_kind_of(der);
    bool label_fits = label[0] == '\0' || strcmp(label, kind == PKCS8_ENCRYPTED ? "ENCRYPTED PRIVATE KEY" : "PRIVATE KEY") == 0;
    int rc;

    if (kind == PKCS8_NONE || !label_fits)
        return refuse_form(err);
    if (kind == PKCS8_PLAIN)
        rc = parse_plain(&key->rsa, der, err);
    else
        rc = parse_encrypted(&key->rsa, der, passphrase, context, err);
    return rc != 0 ? rc : take_parsed(key, err);
}

static int decode_file(struct smki_buffer *der, char label[64], const char *path, struct smki_error *err)
{
    uint8_t file[KEY_FILE_MAX_SIZE];
    size_t size = 0;
    int rc = private_file_read(file, sizeof file, &size, path, "private key", err);

    if (rc == 0 && smki_pem_decode(der, label, BYTES(file, size), NULL) != 0)
        rc = refuse_form(err);
    mbedtls_platform_zeroize(file, sizeof file);
    return rc;
}

int smki_key_open_file(struct smki_key **out, const char *path, smki_passphrase_fn passphrase, void *context, struct smki_error *err)
{
    struct key_in_file *key = key_create();
    struct smki_buffer der = {0};
    char label[64];
    int rc;

    *out = NULL;
    if (key == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    if ((rc = decode_file(&der, label, path, err)) == 0)
        rc = parse(key, label, BYTES(der.at, der.size), passphrase, context, err);
    if (der.at != NULL)
        mbedtls_platform_zeroize(der.at, der.capacity);
    smki_buffer_finish(&der);
    if (rc != 0) {
        key_close(&key->key);
        return smki_error_prefix(err, "%s", path), rc;
    }
    *out = &key->key;
    return 0;
}

/* ---- a new key ---- */

/* Not proved: whatever the key is made for begins with a signature that is verified. */
static int generate_p256(struct key_in_file *key, const struct smki_random *random, struct smki_error *err)
{
    int rc = p256_scalar_generate(key->scalar, random);

    return rc == 0 ? take_p256(key, err) : smki_fail(err, rc, NULL);
}

static int generate_rsa(struct key_in_file *key, const struct smki_random *random, struct smki_error *err)
{
    if (mbedtls_pk_setup(&key->rsa, mbedtls_pk_info_from_type(MBEDTLS_PK_RSA)) != 0)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    if (mbedtls_rsa_gen_key(mbedtls_pk_rsa(key->rsa), mbedtls_random, random_context(random), RSA_NEW_BITS, RSA_EXPONENT) != 0)
        return smki_fail(err, SMKI_RANDOM, "no RSA key could be made: out of randomness or of memory");
    return take_rsa(key, err);
}

int smki_key_generate(struct smki_key **out, enum smki_key_type type, const struct smki_random *random, struct smki_error *err)
{
    struct key_in_file *key = key_create();
    int rc;

    *out = NULL;
    if (key == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    rc = type == SMKI_KEY_P256 ? generate_p256(key, random, err) : generate_rsa(key, random, err);
    if (rc != 0) {
        key_close(&key->key);
        return rc;
    }
    *out = &key->key;
    return 0;
}

/* ---- writing a file ---- */

static int put_key(struct der_writer *writer, struct key_in_file *key, struct smki_error *err)
{
    uint8_t room[PKCS8_MAX_SIZE];
    int size;

    if (key->key.type == SMKI_KEY_P256) {
        pkcs8_put_p256(writer, key->scalar, key->key.point);
        return 0;
    }
    pthread_mutex_lock(&key->rsa_lock);
    size = mbedtls_pk_write_key_der(&key->rsa, room, sizeof room);
    pthread_mutex_unlock(&key->rsa_lock);
    if (size > 0)
        pkcs8_put_rsa(writer, BYTES(room + sizeof room - (size_t)size, (size_t)size));
    mbedtls_platform_zeroize(room, sizeof room);
    return size > 0 ? 0 : smki_fail(err, SMKI_KEY_TYPE, "mbedTLS cannot write this RSA key (-0x%04X)", (unsigned)-size);
}

/* PEM of the key, encrypted when there is a passphrase. */
static int encode_key(struct smki_buffer *out, struct key_in_file *key, const char *passphrase, struct smki_error *err)
{
    uint8_t plain[PKCS8_MAX_SIZE], encrypted[PKCS8_MAX_SIZE];
    struct der_writer writer = der_writer_of(plain, sizeof plain), outer = der_writer_of(encrypted, sizeof encrypted);
    int rc = put_key(&writer, key, err);

    if (rc == 0 && passphrase != NULL)
        rc = pkcs8_put_encrypted(&outer, der_written(&writer), passphrase, err);
    if (rc == 0 && (writer.failed || outer.failed))
        rc = smki_fail(err, SMKI_KEY_TYPE, "the key is too large to be written");
    if (rc == 0)
        rc = passphrase != NULL ? smki_pem_encode(out, "ENCRYPTED PRIVATE KEY", der_written(&outer), err)
                                : smki_pem_encode(out, "PRIVATE KEY", der_written(&writer), err);
    mbedtls_platform_zeroize(plain, sizeof plain);
    return rc;
}

static int write_all(int fd, struct smki_bytes bytes)
{
    while (bytes.size != 0) {
        ssize_t wrote = write(fd, bytes.at, bytes.size);

        if (wrote < 0 && errno != EINTR)
            return -1;
        if (wrote > 0)
            bytes = BYTES(bytes.at + wrote, bytes.size - (size_t)wrote);
    }
    return fsync(fd);
}

static int write_new(const char *path, struct smki_bytes bytes, struct smki_error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int rc = 0;

    if (fd < 0 && errno == EEXIST)
        return smki_fail(err, SMKI_ALREADY_EXISTS, "%s is there already, and a private key is never written over", path);
    if (fd < 0)
        return smki_fail_errno(err, errno, "%s", path);
    if (write_all(fd, bytes) != 0)
        rc = smki_fail_errno(err, errno, "%s", path);
    if (close(fd) != 0 && rc == 0)
        rc = smki_fail_errno(err, errno, "%s", path);
    if (rc != 0)
        unlink(path);
    return rc;
}

/* The buffer is as large as any key's PEM from the start: growing would leave a copy of the key behind. */
static int key_save(const struct smki_key *key, const char *path, const char *passphrase, struct smki_error *err)
{
    struct smki_buffer pem = {.at = calloc(1, KEY_FILE_MAX_SIZE), .capacity = KEY_FILE_MAX_SIZE};
    int rc;

    if (pem.at == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    if ((rc = encode_key(&pem, in_file(key), passphrase, err)) == 0)
        rc = write_new(path, BYTES(pem.at, pem.size), err);
    mbedtls_platform_zeroize(pem.at, pem.capacity);
    smki_buffer_finish(&pem);
    return rc;
}

static const struct key_home *home_file(void)
{
    static const struct key_home home = {.name = "file", .sign = key_sign, .save = key_save, .close = key_close};

    return &home;
}
