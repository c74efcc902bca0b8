/* X.501 Names: the subjects and issuers of requests and certificates, attribute by attribute. */
#ifndef SMKI_NAME_I_H
#define SMKI_NAME_I_H

#include "pki/der_i.h"

#include <smki/csr.h>

struct name_attribute {
    struct smki_bytes type;  /* OID contents */
    uint8_t tag;             /* of the value: enum der_tag */
    struct smki_bytes value; /* the value's contents */
    bool with_previous;      /* stands in the same RelativeDistinguishedName as the attribute before it */
};

/* Walks a Name. */
struct name_walk {
    struct der rdns, rdn;
    struct smki_bytes previous;
    bool malformed;
};

/* `name`: the whole Name, or (name_walk_contents) what is inside its SEQUENCE. */
struct name_walk name_walk_of(struct smki_bytes name);
struct name_walk name_walk_contents(struct smki_bytes contents);
/* The next attribute. False at the end, or when the rest is not well-formed: then walk->malformed is set. */
bool name_walk_next(struct name_walk *walk, struct name_attribute *attribute);

/* Reads the known attributes of a certificate's Name; others are only counted. Text that is not to be had as UTF-8 is left "".
 * The first one counts when an attribute stands there twice. Errors: CERTIFICATE_MALFORMED. */
SMKI_MUST_USE int name_read(struct smki_subject *out, struct smki_bytes name, struct smki_error *err);
/* Reads a request's subject: only CN, O, OU and uniqueIdentifier, none twice, in any order; text as PrintableString, UTF8String or
 * BMPString, without control characters; uniqueIdentifier a BIT STRING of 64 bits. Errors: CSR_MALFORMED, CSR_SUBJECT. */
SMKI_MUST_USE int name_read_request(struct smki_subject *out, struct smki_bytes name, struct smki_error *err);

#endif
