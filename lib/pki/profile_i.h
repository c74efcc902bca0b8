/* The certificate profiles as tables: interfaces.md 7 (GBCS 12; IDS App. D, F, G). Draft writes by them and lint judges by them. */
#ifndef SMKI_PROFILE_I_H
#define SMKI_PROFILE_I_H

#include "pki/der_write_i.h"

#include <smki/csr.h>
#include <smki/key.h>
#include <smki/lint.h>

#define KEY_ID_SIZE         8 /* octets: RFC 5280 4.2.1.2 method 2 */
#define CA_COMMON_NAME_SIZE 4 /* characters at most (GBCS 12) */
#define IKI_VALIDITY_YEARS  3 /* no document fixes it: as long as a token's usual life */
#define PROFILE_EXTENSIONS  6 /* rows at most */

#define KEY_USAGE_CERT_AND_CRL_SIGN 0x06 /* keyCertSign, cRLSign (RFC 5280 4.2.1.3) */

/* The issuer's side of a certificate. */
struct draft_issuer {
    struct smki_bytes name;                 /* Name, DER */
    struct smki_bytes key_id;               /* its subjectKeyIdentifier's octets */
    struct smki_bytes policy;               /* OID contents: what its certificates state */
    enum smki_key_type signing;             /* decides the signature algorithm */
    const struct draft_template *templates; /* DRAFT_TEMPLATES of them; NULL: none */
};

/* Everything that one certificate will say. */
struct plan {
    const struct profile *profile;
    const struct draft_issuer *issuer; /* name is empty: the subject itself */
    const struct smki_serial *serial;
    struct smki_time not_before, not_after;
    const struct smki_csr *csr;     /* devices, organisations, IKI */
    const char *unit, *common_name; /* CAs; unit NULL: left out */
    struct smki_bytes spki;
    uint8_t key_usage;
    uint8_t key_id[KEY_ID_SIZE];
    const struct draft_template *prepared; /* NULL: nothing is, every octet is written */
};

/* A row of a profile: an extension and how its value is written. */
struct profile_extension {
    const struct smki_bytes *oid;
    bool critical;
    bool common; /* the same in all certificates of an issuer and a key usage */
    void (*write)(struct der_writer *writer, const struct plan *plan);
};

struct profile {
    enum smki_lint_subject subject;
    int years;       /* of validity; 0: no end (99991231235959Z) */
    bool whole_days; /* from 00:00:00 to 23:59:59 of the day before the anniversary; else to the second */
    void (*write_subject)(struct der_writer *writer, const struct plan *plan);
    size_t extension_count;
    struct profile_extension extensions[PROFILE_EXTENSIONS]; /* in the order of the certificate */
};

/* The profile of a kind of certificate; NULL for requests and AUTO. */
const struct profile *profile_of(enum smki_lint_subject subject);
enum smki_lint_subject profile_certificate(enum smki_profile profile);
/* When a certificate asked for at `moment` begins and ends. */
void profile_validity(const struct profile *profile, struct smki_time moment, struct smki_time *not_before, struct smki_time *not_after);

/* AlgorithmIdentifier, whole, of the signatures that such a key makes. */
struct smki_bytes signature_algorithm_of(enum smki_key_type type);
/* What every name of a CA looks like: OU (when not NULL) and CN, PrintableString each. */
void write_ca_name(struct der_writer *writer, const char *unit, const char *common_name);
/* The authorityKeyIdentifier's value, which CRLs have too. */
void write_authority_key_id(struct der_writer *writer, struct smki_bytes key_id);
/* One Extension around a value that begins at the front and ends at `end`. */
void wrap_extension(struct der_writer *writer, const uint8_t *end, struct smki_bytes oid, bool critical);

#endif
