#include "pki/draft_i.h"

#include "pki/key_i.h"
#include "pki/oid_i.h"
#include "pki/p256_i.h"

#include <stdlib.h>

#define CRL_ENTRY_MAX_SIZE 64   /* octets: serial of 20, GeneralizedTime, reasonCode, and their tags */
#define CRL_FIXED_MAX_SIZE 1024 /* octets: everything but entries and issuer */
#define CRL_REASON_MAX     10   /* RFC 5280 5.3.1; 7 is not used, 8 (removeFromCRL) is for delta CRLs only */
#define ENUMERATED         0x0a /* the universal tag that only reasonCode has */

static void write_reason(struct der_writer *writer, uint8_t reason)
{
    const uint8_t *end = writer->at;

    if (reason == 0)
        return; /* RFC 5280 5.3.1: absent rather than unspecified */
    der_put_number(writer, ENUMERATED, reason);
    wrap_extension(writer, end, oid_crl_reason, false);
    der_wrap(writer, end, DER_SEQUENCE);
}

static void write_entries(struct der_writer *writer, const struct smki_crl_entry *entries, size_t count)
{
    const uint8_t *all_end = writer->at;

    for (size_t i = count; i > 0; i--) {
        const struct smki_crl_entry *entry = &entries[i - 1];
        const uint8_t *end = writer->at;

        write_reason(writer, entry->reason);
        der_put_time(writer, entry->revoked_at);
        der_put_element(writer, DER_INTEGER, BYTES(entry->serial.octet, entry->serial.size));
        der_wrap(writer, end, DER_SEQUENCE);
    }
    if (count != 0) /* RFC 5280 5.1.2.6: absent when nothing is revoked */
        der_wrap(writer, all_end, DER_SEQUENCE);
}

static void write_crl_extensions(struct der_writer *writer, const struct smki_ca *ca, uint64_t number)
{
    const uint8_t *all_end = writer->at, *end = writer->at;

    der_put_number(writer, DER_INTEGER, number);
    wrap_extension(writer, end, oid_crl_number, false);
    end = writer->at;
    write_authority_key_id(writer, ca->issuer.key_id);
    wrap_extension(writer, end, oid_authority_key_id, false);
    der_wrap(writer, all_end, DER_SEQUENCE);
    der_wrap(writer, all_end, DER_CONTEXT_CONSTRUCTED | 0);
}

static int check_entries(const struct smki_crl_entry *entries, size_t count, struct smki_error *err)
{
    char text[2 * 20 + 1];

    for (size_t i = 0; i < count; i++) {
        if (entries[i].serial.size == 0 || entries[i].serial.size > sizeof entries[i].serial.octet)
            return smki_fail(err, SMKI_INVALID_ARGUMENT, "CRL entry %zu has no serial number", i + 1);
        if (entries[i].reason > CRL_REASON_MAX || entries[i].reason == 7 || entries[i].reason == 8)
            return smki_fail(err, SMKI_INVALID_ARGUMENT,
                             "CRL entry %zu (serial %s): %u is not a reason that an entry can have (RFC 5280 5.3.1)", i + 1,
                             smki_serial_text(&entries[i].serial, text), entries[i].reason);
    }
    return 0;
}

/* The room that a CRL can take at most; the same again for the copy that is signed. */
static int crl_room(size_t *out, const struct smki_ca *ca, size_t count, struct smki_error *err)
{
    size_t entries, fixed;

    if (!size_mul(&entries, count, (size_t)CRL_ENTRY_MAX_SIZE) || !size_add(&fixed, ca->issuer.name.size, (size_t)CRL_FIXED_MAX_SIZE) ||
        !size_add(out, entries, fixed))
        return smki_fail(err, SMKI_TOO_LARGE, "a CRL of %zu entries is too large", count);
    return 0;
}

static int sign_crl(struct smki_buffer *out, uint8_t *room, size_t room_size, const struct smki_ca *ca, struct smki_bytes tbs,
                    struct smki_error *err)
{
    int rc;
    size_t signature_size;
    uint8_t digest[SHA256_SIZE], signature[SMKI_SIGNATURE_MAX_SIZE];
    struct der_writer writer = der_writer_of(room, room_size);

    p256()->digest(digest, tbs.at, tbs.size);
    if ((rc = smki_key_sign(ca->key, signature, &signature_size, digest, err)) != 0)
        return smki_error_prefix(err, "signing the CRL"), rc;
    if (spki_verify(ca->certificate.spki, digest, BYTES(signature, signature_size)) != 0)
        return smki_fail(err, SMKI_CA_SIGNATURE_MISMATCH, "the CRL's signature does not verify");
    write_signed(&writer, tbs, smki_key_type(ca->key), BYTES(signature, signature_size));
    if (writer.failed)
        return smki_fail(err, SMKI_TOO_LARGE, "the CRL does not fit the room reckoned for it");
    return smki_buffer_append(out, writer.at, der_written(&writer).size, err);
}

int smki_crl_make(struct smki_buffer *out, const struct smki_ca *ca, uint64_t number, struct smki_time this_update,
                  struct smki_time next_update, const struct smki_crl_entry *entries, size_t count, struct smki_error *err)
{
    int rc;
    size_t size = 0;
    uint8_t *tbs = NULL, *whole = NULL;
    struct der_writer writer;

    if (ca->key == NULL)
        return smki_fail(err, SMKI_CA_KEY_UNAVAILABLE, "this CA was opened without its private key");
    if (next_update.us <= this_update.us)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "a CRL's nextUpdate comes after its thisUpdate (RFC 5280 5.1.2.5)");
    if ((rc = check_entries(entries, count, err)) != 0 || (rc = crl_room(&size, ca, count, err)) != 0)
        return rc;
    tbs = malloc(size);
    whole = malloc(size);
    if (tbs == NULL || whole == NULL) {
        rc = smki_fail(err, SMKI_NO_MEMORY, NULL);
        goto out;
    }
    writer = der_writer_of(tbs, size);
    write_crl_extensions(&writer, ca, number);
    write_entries(&writer, entries, count);
    der_put_time(&writer, next_update);
    der_put_time(&writer, this_update);
    der_put(&writer, ca->issuer.name);
    der_put(&writer, signature_algorithm_of(ca->issuer.signing));
    der_put_number(&writer, DER_INTEGER, 1); /* v2 */
    der_wrap(&writer, writer.end, DER_SEQUENCE);
    rc = writer.failed ? smki_fail(err, SMKI_TOO_LARGE, "the CRL does not fit the room reckoned for it")
                       : sign_crl(out, whole, size, ca, der_written(&writer), err);
out:
    free(whole);
    free(tbs);
    return rc;
}
