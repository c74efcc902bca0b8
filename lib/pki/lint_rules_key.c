/* Rules about public keys. */
#include "pki/lint_i.h"

#include "pki/key_i.h"
#include "pki/oid_i.h"
#include "pki/p256_i.h"

/* A SubjectPublicKeyInfo taken apart. */
struct public_key {
    struct smki_bytes algorithm;
    struct der parameters; /* what follows the algorithm's OID */
    struct smki_bytes key; /* the BIT STRING's octets */
    bool good;
};

static struct public_key public_key_of(struct smki_bytes spki)
{
    struct public_key key = {.good = false};
    struct der outside = der_of(spki), inside;

    key.good = der_enter(&outside, DER_SEQUENCE, &inside) && der_enter(&inside, DER_SEQUENCE, &key.parameters) &&
               der_oid(&key.parameters, &key.algorithm) && der_bit_octets(&inside, &key.key) && der_done(&inside);
    return key;
}

bool lint_key_is_on_p256(const struct lint_view *view, char detail[256])
{
    struct public_key key = public_key_of(view->spki);
    struct smki_bytes curve;
    char text[OID_TEXT_SIZE];

    if (!key.good)
        return lint_found(detail, "the SubjectPublicKeyInfo is not well-formed");
    if (!bytes_equal(key.algorithm, oid_ec_public_key))
        return lint_found(detail, "the algorithm is %s", oid_text(key.algorithm, text));
    if (!der_oid(&key.parameters, &curve) || !der_done(&key.parameters))
        return lint_found(detail, "the curve is not given by its name");
    return bytes_equal(curve, oid_p256) || lint_found(detail, "the curve is %s", oid_text(curve, text));
}

bool lint_key_is_uncompressed(const struct lint_view *view, char detail[256])
{
    const struct public_key key = public_key_of(view->spki);

    if (!key.good || (key.key.size == SMKI_P256_POINT_SIZE && key.key.at[0] == 0x04))
        return true;
    return lint_found(detail, "it has %zu octets and begins with %02X", key.key.size, key.key.size != 0 ? key.key.at[0] : 0u);
}

/* The provider looks at the point before it looks at the signature, so any well-formed signature will do. */
bool lint_key_is_a_point_of_the_curve(const struct lint_view *view, char detail[256])
{
    static const uint8_t ones[] = {0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01}; /* r = s = 1 */
    static const uint8_t digest[SHA256_SIZE] = {0};
    uint8_t point[SMKI_P256_POINT_SIZE];

    if (!spki_point(point, view->spki) || p256()->verify(point, digest, BYTES(ones, sizeof ones)) != SMKI_P256_POINT)
        return true; /* key_is_on_p256 and key_is_uncompressed tell of other forms */
    return lint_found(detail, "it is not");
}

static size_t bits_of(struct smki_bytes magnitude)
{
    size_t bits = 8 * magnitude.size;

    for (uint8_t mask = 0x80; magnitude.size != 0 && mask != 0 && (magnitude.at[0] & mask) == 0; mask >>= 1)
        bits--;
    return bits;
}

static bool is_rsa_exponent(struct smki_bytes exponent)
{
    return (exponent.at[exponent.size - 1] & 1) != 0 && (exponent.size > 1 || exponent.at[0] >= 3);
}

bool lint_key_is_rsa_2048(const struct lint_view *view, char detail[256])
{
    struct public_key key = public_key_of(view->spki);
    struct smki_bytes null, modulus, exponent;
    struct der outside, inside;
    char text[OID_TEXT_SIZE];
    size_t bits;

    if (!key.good)
        return lint_found(detail, "the SubjectPublicKeyInfo is not well-formed");
    if (!bytes_equal(key.algorithm, oid_rsa))
        return lint_found(detail, "the algorithm is %s", oid_text(key.algorithm, text));
    if (!der_take(&key.parameters, DER_NULL, &null) || !der_done(&key.parameters))
        return lint_found(detail, "the algorithm's parameters are not NULL");
    outside = der_of(key.key);
    if (!der_enter(&outside, DER_SEQUENCE, &inside) || !der_positive(&inside, &modulus) || !der_positive(&inside, &exponent) ||
        !der_done(&inside))
        return lint_found(detail, "it is not modulus and exponent");
    bits = bits_of(modulus);
    if (bits < 2048 || (bits > 2048 && view->subject != SMKI_LINT_IKI_CA))
        return lint_found(detail, "the modulus has %zu bits", bits);
    return is_rsa_exponent(exponent) || lint_found(detail, "the exponent is even or less than 3");
}
