/* DER written from the back to the front, without the heap: what is inside comes first, then its length and tag are put before it. */
#ifndef SMKI_DER_WRITE_I_H
#define SMKI_DER_WRITE_I_H

#include "pki/der_i.h"

struct der_writer {
    uint8_t *start;
    uint8_t *at;  /* the first octet written so far */
    uint8_t *end; /* behind the last octet of the run */
    bool failed;  /* set by the first write that did not fit; later ones do nothing */
};

struct der_writer der_writer_of(uint8_t *at, size_t size);
/* What has been written. */
struct smki_bytes der_written(const struct der_writer *writer);

/* Puts octets before what is there. */
void der_put(struct der_writer *writer, struct smki_bytes bytes);
void der_put_octet(struct der_writer *writer, uint8_t octet);
/* Puts length and tag before everything from the front to `end`, which is writer->at as it was before the contents were put. */
void der_wrap(struct der_writer *writer, const uint8_t *end, uint8_t tag);
/* A whole element. */
void der_put_element(struct der_writer *writer, uint8_t tag, struct smki_bytes contents);
/* INTEGER or ENUMERATED of a number that is not negative. */
void der_put_number(struct der_writer *writer, uint8_t tag, uint64_t value);
/* BIT STRING of whole octets. */
void der_put_bits(struct der_writer *writer, struct smki_bytes octets);
/* BIT STRING of named bits in one octet, trailing zero bits left out (X.690 11.2.2). */
void der_put_named_bits(struct der_writer *writer, uint8_t bits);
/* UTCTime through 2049, GeneralizedTime after (RFC 5280 4.1.2.5); whole seconds. */
void der_put_time(struct der_writer *writer, struct smki_time time);

#endif
