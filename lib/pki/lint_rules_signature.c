/* Rules about signature algorithms and signatures. */
#include "pki/lint_i.h"

#include "pki/key_i.h"
#include "pki/oid_i.h"
#include "pki/p256_i.h"

#include <string.h>

/* The algorithm outside, or where there is no outside yet the one inside. */
static bool algorithm_is(const struct lint_view *view, enum smki_key_type type, char detail[256])
{
    const struct smki_bytes algorithm = view->is_draft ? view->inner_algorithm : view->algorithm;
    struct der outside = der_of(algorithm), inside;
    struct smki_bytes oid = {0};
    char text[OID_TEXT_SIZE];

    if (bytes_equal(algorithm, signature_algorithm_of(type)))
        return true;
    if (!der_enter(&outside, DER_SEQUENCE, &inside) || !der_oid(&inside, &oid))
        return lint_found(detail, "it is not well-formed");
    return lint_found(detail, "it is %s, or has other parameters", oid_text(oid, text));
}

bool lint_signature_algorithm_is_ecdsa_sha256(const struct lint_view *view, char detail[256])
{
    return algorithm_is(view, SMKI_KEY_P256, detail);
}

bool lint_signature_algorithm_is_rsa_sha256(const struct lint_view *view, char detail[256])
{
    return algorithm_is(view, SMKI_KEY_RSA, detail);
}

bool lint_signature_algorithms_agree(const struct lint_view *view, char detail[256])
{
    return bytes_equal(view->inner_algorithm, view->algorithm) || lint_found(detail, "they differ");
}

/* Is 1 <= magnitude < n, the order of P-256 (SEC 2 2.4.2)? der_positive has seen to 1. */
static bool below_order(struct smki_bytes magnitude)
{
    static const uint8_t order[32] = {0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                      0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};

    return magnitude.size < sizeof order || (magnitude.size == sizeof order && memcmp(magnitude.at, order, sizeof order) < 0);
}

bool lint_signature_is_two_numbers(const struct lint_view *view, char detail[256])
{
    struct der outside = der_of(view->signature), inside;
    struct smki_bytes r, s;

    if (!der_enter(&outside, DER_SEQUENCE, &inside) || !der_done(&outside) || !der_positive(&inside, &r) || !der_positive(&inside, &s) ||
        !der_done(&inside))
        return lint_found(detail, "it is not SEQUENCE { r INTEGER, s INTEGER } of positive numbers in DER");
    return (below_order(r) && below_order(s)) || lint_found(detail, "r or s is not below the order of the curve");
}

static bool verifies(const struct lint_view *view, struct smki_bytes spki, const char *whose, char detail[256])
{
    uint8_t digest[SHA256_SIZE];

    p256()->digest(digest, view->body.at, view->body.size);
    return spki_verify(spki, digest, view->signature) == 0 || lint_found(detail, "the signature does not verify with %s public key", whose);
}

bool lint_is_self_signed(enum smki_lint_subject subject)
{
    return subject == SMKI_LINT_ROOT_CA || subject == SMKI_LINT_IKI_CA;
}

bool lint_signature_is_the_issuers(const struct lint_view *view, char detail[256])
{
    if (lint_is_self_signed(view->subject))
        return verifies(view, view->spki, "the certificate's own", detail);
    return view->issued_by == NULL || verifies(view, view->issued_by->spki, "the issuer's", detail);
}

bool lint_request_is_signed_by_its_key(const struct lint_view *view, char detail[256])
{
    return verifies(view, view->spki, "the request's own", detail);
}
