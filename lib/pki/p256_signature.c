/* ECDSA-Sig-Value ::= SEQUENCE { r INTEGER, s INTEGER } (RFC 3279 2.2.3), read and written alike for every provider. */
#include "pki/der_write_i.h"
#include "pki/p256_i.h"

#include <string.h>

static bool read_scalar(uint8_t out[P256_SCALAR_SIZE], struct der *der)
{
    struct smki_bytes octets;

    if (!der_positive(der, &octets) || octets.size > P256_SCALAR_SIZE)
        return false;
    memset(out, 0, P256_SCALAR_SIZE - octets.size);
    memcpy(out + P256_SCALAR_SIZE - octets.size, octets.at, octets.size);
    return true;
}

bool p256_signature_read(struct p256_signature *out, struct smki_bytes signature)
{
    struct der outer = der_of(signature), inside;

    return der_enter(&outer, DER_SEQUENCE, &inside) && der_done(&outer) && read_scalar(out->r, &inside) && read_scalar(out->s, &inside) &&
           der_done(&inside);
}

/* INTEGER of 1..n-1: no leading zero octets but the one that keeps it positive. */
static void put_scalar(struct der_writer *writer, const uint8_t scalar[P256_SCALAR_SIZE])
{
    uint8_t octets[1 + P256_SCALAR_SIZE] = {0};
    size_t first = 0;

    memcpy(octets + 1, scalar, P256_SCALAR_SIZE);
    while (first < P256_SCALAR_SIZE && octets[first] == 0 && (octets[first + 1] & 0x80) == 0)
        first++;
    der_put_element(writer, DER_INTEGER, BYTES(octets + first, sizeof octets - first));
}

void p256_signature_write(uint8_t out[P256_SIGNATURE_MAX_SIZE], size_t *size, const struct p256_signature *signature)
{
    uint8_t room[P256_SIGNATURE_MAX_SIZE];
    struct der_writer writer = der_writer_of(room, sizeof room);
    const uint8_t *end = writer.at;
    struct smki_bytes written;

    put_scalar(&writer, signature->s);
    put_scalar(&writer, signature->r);
    der_wrap(&writer, end, DER_SEQUENCE);
    written = der_written(&writer);
    memcpy(out, written.at, written.size);
    *size = written.size;
}
