/* What the certificates of one CA have in common, written once: a draft puts a request's own octets between it. */
#ifndef SMKI_DRAFT_TEMPLATE_I_H
#define SMKI_DRAFT_TEMPLATE_I_H

#include "pki/profile_i.h"

#define DRAFT_TEMPLATE_SIZE 384 /* octets; ours take some 100 */
#define DRAFT_TEMPLATES     5   /* devices and organisations sign or agree on keys, IKI certificates sign */

/* For one profile and key usage. */
struct draft_template {
    const struct profile *profile; /* NULL: it did not fit */
    uint8_t key_usage;
    struct smki_bytes issuer;                         /* signature algorithm and issuer */
    struct smki_bytes extensions[PROFILE_EXTENSIONS]; /* whole, by the profile's rows; empty where they are the request's own */
    uint8_t octets[DRAFT_TEMPLATE_SIZE];              /* where they lie */
};

/* Writes an issuer's templates, by the functions that write drafts. Where its name leaves no room there is none, and every octet is written
 * for each draft. */
void draft_templates_prepare(struct draft_template templates[DRAFT_TEMPLATES], const struct draft_issuer *issuer);
/* The issuer's template, or NULL. */
const struct draft_template *draft_template_find(const struct draft_issuer *issuer, const struct profile *profile, uint8_t key_usage);

#endif
