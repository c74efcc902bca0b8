/* Certificates, one database a CA, in the order of their serials; and which of them are revoked. */
#include "store/engine_i.h"

#include <stdlib.h>
#include <string.h>

#define CERTIFICATE_LAYOUT      1
#define CERTIFICATE_HEADER_SIZE (1 + 8 + 8 + 4 + 8 + 8 + 1) /* the DER follows, to the end of the row */
#define REVOKED_KEY_SIZE        (1 + SMKI_SERIAL_SIZE)

static int database_of_ca(enum store_ca ca, enum database *out, struct smki_error *err)
{
    *out = DB_CERTIFICATES;
    if (ca < STORE_CA_OCA || ca > STORE_CA_DCA_ROOT)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "there is no CA %d", (int)ca);
    *out = (enum database)(DB_CERTIFICATES + ((int)ca - (int)STORE_CA_OCA));
    return 0;
}

static struct smki_bytes revoked_key(uint8_t key[REVOKED_KEY_SIZE], enum store_ca ca, const uint8_t serial[SMKI_SERIAL_SIZE])
{
    key[0] = (uint8_t)ca;
    memcpy(key + 1, serial, SMKI_SERIAL_SIZE);
    return BYTES(key, REVOKED_KEY_SIZE);
}

static void header_write(struct writer *writer, const struct store_certificate *certificate)
{
    write_u8(writer, CERTIFICATE_LAYOUT);
    write_u64(writer, certificate->party);
    write_u64(writer, certificate->batch);
    write_u32(writer, certificate->index);
    write_u64(writer, (uint64_t)certificate->issued_at.us);
    write_u64(writer, (uint64_t)certificate->revoked_at.us);
    write_u8(writer, certificate->reason);
}

static int certificate_read(struct store_certificate *out, enum store_ca ca, struct smki_bytes key, struct smki_bytes value,
                            struct smki_error *err)
{
    struct cursor cursor = cursor_of(value);
    int rc;

    if (key.size != SMKI_SERIAL_SIZE)
        return smki_fail(err, SMKI_STORE_CORRUPT, "a certificate under a serial of %zu octets", key.size);
    if ((rc = layout_check(&cursor, CERTIFICATE_LAYOUT, "a certificate", err)) != 0)
        return rc;
    *out = (struct store_certificate){.ca = ca};
    memcpy(out->serial, key.at, SMKI_SERIAL_SIZE);
    out->party = cursor_u64(&cursor);
    out->batch = cursor_u64(&cursor);
    out->index = cursor_u32(&cursor);
    out->issued_at.us = (int64_t)cursor_u64(&cursor);
    out->revoked_at.us = (int64_t)cursor_u64(&cursor);
    out->reason = cursor_u8(&cursor);
    out->der = cursor_take(&cursor, cursor_left(&cursor));
    return cursor_close(&cursor, "a certificate", err);
}

int store_certificate_add(struct store_change *change, const struct store_certificate *certificate, struct smki_error *err)
{
    struct writer writer;
    enum database database;
    uint8_t *at;
    size_t size;
    int rc;

    if ((rc = database_of_ca(certificate->ca, &database, err)) != 0)
        return rc;
    if (!size_add(&size, (size_t)CERTIFICATE_HEADER_SIZE, certificate->der.size) || size > UINT32_MAX)
        return smki_fail(err, SMKI_TOO_LARGE, "a certificate of %zu octets", certificate->der.size);
    rc = row_append(change, database, BYTES(certificate->serial, SMKI_SERIAL_SIZE), size, &at, err);
    if (rc == SMKI_ALREADY_EXISTS)
        return smki_fail(err, rc, "the CA has issued a certificate with this serial already");
    if (rc != 0)
        return rc;
    writer = writer_of(at, size);
    header_write(&writer, certificate);
    write_bytes(&writer, certificate->der.at, certificate->der.size);
    return 0;
}

/* NOT_FOUND leaves err untouched. */
static int certificate_look(struct store_view *view, enum store_ca ca, const uint8_t serial[SMKI_SERIAL_SIZE],
                            struct store_certificate *out, struct smki_error *err)
{
    struct smki_bytes key = BYTES(serial, SMKI_SERIAL_SIZE), value;
    enum database database;
    int rc;

    if ((rc = database_of_ca(ca, &database, err)) != 0 || (rc = row_get(view, database, key, &value, err)) != 0)
        return rc;
    return certificate_read(out, ca, key, value, err);
}

static int certificate_unknown(const uint8_t serial[SMKI_SERIAL_SIZE], struct smki_error *err)
{
    char text[2 * SMKI_SERIAL_SIZE + 1];

    return smki_fail(err, SMKI_NOT_FOUND, "there is no certificate with serial %s", hex_encode(text, serial, SMKI_SERIAL_SIZE));
}

int store_certificate_get(struct store_view *view, enum store_ca ca, const uint8_t serial[SMKI_SERIAL_SIZE], struct store_certificate *out,
                          struct smki_error *err)
{
    int rc = certificate_look(view, ca, serial, out, err);

    return rc == SMKI_NOT_FOUND ? certificate_unknown(serial, err) : rc;
}

int store_certificate_find(struct store_view *view, const uint8_t serial[SMKI_SERIAL_SIZE], struct store_certificate *out,
                           struct smki_error *err)
{
    for (enum store_ca ca = STORE_CA_OCA; ca <= STORE_CA_DCA_ROOT; ca++) {
        int rc = certificate_look(view, ca, serial, out, err);
        if (rc != SMKI_NOT_FOUND)
            return rc;
    }
    return certificate_unknown(serial, err);
}

int store_certificate_next(struct store_view *view, enum store_ca ca, uint8_t serial[SMKI_SERIAL_SIZE], struct store_certificate *out,
                           struct smki_error *err)
{
    struct smki_bytes key, value;
    enum database database;
    int rc;

    if ((rc = database_of_ca(ca, &database, err)) != 0 ||
        (rc = row_after(view, database, BYTES(serial, SMKI_SERIAL_SIZE), &key, &value, err)) != 0 ||
        (rc = certificate_read(out, ca, key, value, err)) != 0)
        return rc;
    memcpy(serial, out->serial, SMKI_SERIAL_SIZE);
    return 0;
}

int store_certificate_count(struct store_view *view, enum store_ca ca, uint64_t *count, struct smki_error *err)
{
    enum database database;
    int rc = database_of_ca(ca, &database, err);

    return rc != 0 ? rc : database_count(view, database, count, err);
}

/* ---- revocation ---- */

/* The DER in `certificate` lies in the page that is about to be written, so the row is made beside it. */
static int certificate_replace(struct store_change *change, const struct store_certificate *certificate, struct smki_error *err)
{
    size_t size = CERTIFICATE_HEADER_SIZE + certificate->der.size;
    enum database database;
    struct writer writer;
    uint8_t *row;
    int rc;

    if ((rc = database_of_ca(certificate->ca, &database, err)) != 0)
        return rc;
    if ((row = malloc(size)) == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    writer = writer_of(row, size);
    header_write(&writer, certificate);
    write_bytes(&writer, certificate->der.at, certificate->der.size);
    rc = row_put(change, database, BYTES(certificate->serial, SMKI_SERIAL_SIZE), BYTES(row, size), err);
    free(row);
    return rc;
}

int store_certificate_revoke(struct store_change *change, enum store_ca ca, const uint8_t serial[SMKI_SERIAL_SIZE], struct smki_time at,
                             uint8_t reason, struct smki_error *err)
{
    struct store_certificate certificate;
    uint8_t key[REVOKED_KEY_SIZE];
    int rc;

    if ((rc = store_certificate_get(store_change_view(change), ca, serial, &certificate, err)) != 0)
        return rc;
    if (certificate.revoked_at.us != 0)
        return smki_fail(err, SMKI_ALREADY_EXISTS, "the certificate is revoked already");
    certificate.revoked_at = at;
    certificate.reason = reason;
    if ((rc = certificate_replace(change, &certificate, err)) != 0)
        return rc;
    return row_put(change, DB_REVOKED, revoked_key(key, ca, serial), (struct smki_bytes){0}, err);
}

int store_revoked_next(struct store_view *view, enum store_ca ca, uint8_t serial[SMKI_SERIAL_SIZE], struct store_certificate *out,
                       struct smki_error *err)
{
    uint8_t after[REVOKED_KEY_SIZE];
    struct smki_bytes key;
    int rc = row_after(view, DB_REVOKED, revoked_key(after, ca, serial), &key, NULL, err);

    if (rc != 0)
        return rc;
    if (key.size != REVOKED_KEY_SIZE)
        return smki_fail(err, SMKI_STORE_CORRUPT, "a revoked certificate under a key of %zu octets", key.size);
    if (key.at[0] != ca)
        return SMKI_NOT_FOUND;
    memcpy(serial, key.at + 1, SMKI_SERIAL_SIZE);
    return store_certificate_get(view, ca, serial, out, err);
}
