/* DER (X.690) read strictly, over a bounded run of bytes, without the heap.
 *
 * Lengths are definite and in the fewest octets, BOOLEANs are 00 or FF, INTEGERs and OIDs are minimal, the unused bits of a BIT STRING are
 * zero. Every function returns false when what stands next is not what was asked for; the reader is then of no further use. */
#ifndef SMKI_DER_I_H
#define SMKI_DER_I_H

#include "base/base_i.h"

enum der_tag {
    DER_BOOLEAN = 0x01,
    DER_INTEGER = 0x02,
    DER_BIT_STRING = 0x03,
    DER_OCTET_STRING = 0x04,
    DER_NULL = 0x05,
    DER_OID = 0x06,
    DER_UTF8_STRING = 0x0C,
    DER_PRINTABLE_STRING = 0x13,
    DER_T61_STRING = 0x14,
    DER_IA5_STRING = 0x16,
    DER_UTC_TIME = 0x17,
    DER_GENERALIZED_TIME = 0x18,
    DER_BMP_STRING = 0x1E,
    DER_SEQUENCE = 0x30,
    DER_SET = 0x31,
    DER_CONTEXT = 0x80,             /* [n] IMPLICIT primitive: DER_CONTEXT | n */
    DER_CONTEXT_CONSTRUCTED = 0xA0, /* [n] EXPLICIT, or IMPLICIT constructed: DER_CONTEXT_CONSTRUCTED | n */
};

/* What is left to read of one run of elements. */
struct der {
    const uint8_t *at, *end;
};

struct der der_of(struct smki_bytes bytes);
bool der_done(const struct der *der);
/* Is the next element's tag `tag`? False at the end. */
bool der_next_is(const struct der *der, uint8_t tag);

/* The next element whatever it is; contents without tag and length. */
bool der_any(struct der *der, uint8_t *tag, struct smki_bytes *contents);
/* The next element, which must have this tag: its contents. */
bool der_take(struct der *der, uint8_t tag, struct smki_bytes *contents);
/* The same, with its tag and length octets. */
bool der_take_whole(struct der *der, uint8_t tag, struct smki_bytes *element);
/* The same, as a reader of what is inside. */
bool der_enter(struct der *der, uint8_t tag, struct der *inside);

bool der_boolean(struct der *der, bool *value);
/* INTEGER: contents octets, minimal; may be negative (first bit set). */
bool der_integer(struct der *der, struct smki_bytes *contents);
/* INTEGER from 0 to 2^31 - 1. */
bool der_small(struct der *der, int *value);
/* INTEGER that is positive: its magnitude without the leading zero octet. */
bool der_positive(struct der *der, struct smki_bytes *magnitude);
bool der_oid(struct der *der, struct smki_bytes *contents);
/* BIT STRING: its octets and how many bits of the last are unused (0..7, all zero). */
bool der_bits(struct der *der, struct smki_bytes *octets, uint8_t *unused);
/* BIT STRING of whole octets. */
bool der_bit_octets(struct der *der, struct smki_bytes *octets);
/* UTCTime or GeneralizedTime in RFC 5280's forms (4.1.2.5: seconds, Z, no fraction). */
bool der_time(struct der *der, struct smki_time *out);

/* Is it one or more complete elements all the way down (to 16 levels), nothing left over? */
bool der_well_formed(struct smki_bytes bytes);
/* The order of a SET OF in DER (X.690 11.6): negative, 0, positive as memcmp, the shorter padded with zero octets. */
int der_set_order(struct smki_bytes a, struct smki_bytes b);

bool bytes_equal(struct smki_bytes a, struct smki_bytes b);

#endif
