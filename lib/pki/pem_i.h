/* The text around base64: BEGIN and END lines (RFC 7468). */
#ifndef SMKI_PEM_I_H
#define SMKI_PEM_I_H

#include "base/base_i.h"

/* A text cut into its parts. Without a BEGIN line all of it is body, and label is empty. */
struct pem_text {
    struct smki_bytes before; /* ahead of the BEGIN line */
    struct smki_bytes label;  /* between "-----BEGIN " and "-----" */
    struct smki_bytes body;   /* between the lines */
    struct smki_bytes after;  /* behind the END line */
    bool bare;                /* no BEGIN line, and so no END line */
};

/* Cuts `text` at its first BEGIN line and the END line that belongs to it. Errors: ENCODING_INVALID. */
SMKI_MUST_USE int pem_cut(struct pem_text *out, struct smki_bytes text, struct smki_error *err);
/* Spaces, tabs, CR and LF only? */
bool pem_is_blank(struct smki_bytes text);
struct smki_bytes pem_trim(struct smki_bytes text);

#endif
