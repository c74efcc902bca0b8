/* The xs:base64Binary content of one DeviceCSR as it comes in pieces. Memory is that of one request, however long the text is. */
#ifndef SMKI_MESSAGE_CSR_FIELD_I_H
#define SMKI_MESSAGE_CSR_FIELD_I_H

#include "base/base_i.h"

#include <smki/csr.h>

#define CSR_FIELD_TEXT_SIZE ((SMKI_CSR_MAX_SIZE + 2) / 3 * 4) /* characters of base64 that the largest request takes: whole groups */
#define CSR_FIELD_DER_SIZE  (CSR_FIELD_TEXT_SIZE / 4 * 3)

struct csr_field {
    char text[CSR_FIELD_TEXT_SIZE]; /* as it came: */
    size_t size, sifted;            /* octets of it; so many of them are known to be base64 and padding, and nothing else */
    bool broken;                    /* not in the lexical space of xs:base64Binary, whatever comes */
    bool ended;                     /* padding ended an earlier piece: anything more is broken */
    bool longer;                    /* than any request; what went before is forgotten */
    bool stray;                     /* characters that are no base64 and no white space stood in it */
    uint8_t der[CSR_FIELD_DER_SIZE];
};

void csr_field_start(struct csr_field *field);
void csr_field_add(struct csr_field *field, const char *text, size_t size);
/* false when the text is not xs:base64Binary as schema validators see it. *code is 0 with the octets in *der, or CSR_TOO_LARGE or
 * CSR_TEXT_INVALID with none: the one CSR's own failure. */
SMKI_MUST_USE bool csr_field_end(struct csr_field *field, struct smki_bytes *der, int *code);

#endif
