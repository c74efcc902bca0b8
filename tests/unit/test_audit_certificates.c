/* The audit log of a real home against its certificates: what the service wrote verifies, and a certificate that was changed in the store
 * behind its back is found. */
#include "home_test.h"
#include "store_test.h"

#include "pki/draft_i.h"

#include <stdlib.h>

static struct request *requests; /* of 12 devices */
#define REQUESTS 12

#define CHUNKS_OF_4 "{\"batch\": {\"chunk\": 4}}"

static int group_begin(void **state)
{
    requests = requests_make(REQUESTS, UINT64_C(0x90b3d51f30020000));
    assert_non_null(requests);
    return mould_make(state);
}

static int group_end(void **state)
{
    free(requests);
    return mould_remove(state);
}

/* Which octet of which row is changed: the last one of the certificate, inside its signature. */
static void change_octet(MDB_txn *txn, MDB_dbi dbi, void *context)
{
    const unsigned which = *(const unsigned *)context;
    uint8_t row[4096];
    MDB_cursor *cursor;
    MDB_val key, value;

    assert_int_equal(mdb_cursor_open(txn, dbi, &cursor), 0);
    assert_int_equal(mdb_cursor_get(cursor, &key, &value, MDB_FIRST), 0);
    for (unsigned i = 0; i < which; i++)
        assert_int_equal(mdb_cursor_get(cursor, &key, &value, MDB_NEXT), 0);
    assert_true(value.mv_size <= sizeof(row));
    memcpy(row, value.mv_data, value.mv_size);
    row[value.mv_size - 1] ^= 1;
    value.mv_data = row;
    assert_int_equal(mdb_cursor_put(cursor, &key, &value, MDB_CURRENT), 0);
    mdb_cursor_close(cursor);
}

static void tamper(struct home *home, const char *database, unsigned which)
{
    struct store_test store = {.store = NULL};

    smki_service_close(home->service);
    test_path(store.folder, home->path, SMKI_HOME_STORE);
    test_store_tamper(&store, database, change_octet, &which);
    home_open(home);
}

/* AUDIT_BROKEN at a record of this act, with this text. */
static void expect_broken(struct home *home, enum smki_act act, const char *text)
{
    struct smki_store *store = smki_service_store(home->service);
    struct smki_audit_report report;
    struct smki_audit_record record;
    struct smki_error err = {0};

    EXPECT_REFUSED(SMKI_AUDIT_BROKEN,
                   smki_audit_verify(&report, store, smki_key_public(smki_service_audit_key(home->service)), NULL, NULL, &err), err);
    EXPECT_TEXT(err, text);
    ASSERT_OK(smki_audit_find(store, report.first_bad, &record, &err), err);
    assert_int_equal(record.act, act);
}

static void issue_one(struct home *home, size_t which)
{
    static struct smki_stored_certificate out;
    struct smki_actor actor = home->maker;
    struct smki_error err = {0};

    actor.interface = SMKI_INTERFACE_PORTAL_DEVICE;
    ASSERT_OK(smki_service_issue(home->service, &actor, SMKI_PROFILE_DEVICE, BYTES(requests[which].der, requests[which].size), &out, &err),
              err);
}

/* Certificates 0 to 10 of the DCA are its batch's, in the order of their CSRs but for the chunks' order; the last one came alone. */
static void home_of_12_certificates(struct home *home)
{
    home_lay(home, "2026-11-23T21:00", CHUNKS_OF_4);
    SUBMIT(home, requests, REQUESTS - 1);
    RUN(home);
    issue_one(home, REQUESTS - 1);
    AUDIT_HOLDS(home);
}

static void any_changed_certificate_of_a_batch_is_found_and_its_chunk_named(void **state)
{
    struct home home;

    (void)state;
    home_of_12_certificates(&home);
    for (unsigned i = 0; i < REQUESTS - 1; i++) {
        tamper(&home, "certificates-dca", i);
        expect_broken(&home, SMKI_ACT_CHUNK_ISSUE, "of batch 1 (CSRs ");
        tamper(&home, "certificates-dca", i);
    }
    AUDIT_HOLDS(&home);
    home_clear(&home);
}

static void a_changed_certificate_that_came_alone_is_found(void **state)
{
    struct home home;

    (void)state;
    home_of_12_certificates(&home);
    tamper(&home, "certificates-dca", REQUESTS - 1);
    expect_broken(&home, SMKI_ACT_CERTIFICATE_ISSUE, "in the store is not the one that was made");
    home_clear(&home);
}

/* Octets 29 to 37 of the first row: when it was revoked, and why. */
static void clear_revocation(MDB_txn *txn, MDB_dbi dbi, void *context)
{
    uint8_t row[4096];
    MDB_cursor *cursor;
    MDB_val key, value;

    (void)context;
    assert_int_equal(mdb_cursor_open(txn, dbi, &cursor), 0);
    assert_int_equal(mdb_cursor_get(cursor, &key, &value, MDB_FIRST), 0);
    memcpy(row, value.mv_data, value.mv_size);
    memset(row + 29, 0, 9);
    value.mv_data = row;
    assert_int_equal(mdb_cursor_put(cursor, &key, &value, MDB_CURRENT), 0);
    mdb_cursor_close(cursor);
}

static void a_revocation_that_was_erased_is_found(void **state)
{
    struct store_test store = {.store = NULL};
    struct home home;
    struct store_certificate first;
    struct smki_serial serial;
    struct store_view *view;
    uint8_t after[SMKI_SERIAL_SIZE] = {0};
    struct smki_error err = {0};

    (void)state;
    home_of_12_certificates(&home);
    ASSERT_OK(store_view_begin(smki_service_store(home.service), &view, &err), err);
    ASSERT_OK(store_certificate_next(view, STORE_CA_DCA, after, &first, &err), err);
    store_view_end(view);
    serial = (struct smki_serial){.size = SMKI_SERIAL_SIZE};
    memcpy(serial.octet, first.serial, SMKI_SERIAL_SIZE);
    ASSERT_OK(smki_service_revoke(home.service, &home.operator, & serial, 1, &err), err);
    AUDIT_HOLDS(&home);
    smki_service_close(home.service);
    test_path(store.folder, home.path, SMKI_HOME_STORE);
    test_store_tamper(&store, "certificates-dca", clear_revocation, NULL);
    home_open(&home);
    expect_broken(&home, SMKI_ACT_CERTIFICATE_REVOKE, "is revoked by the log, and not in the store");
    home_clear(&home);
}

static void a_changed_certificate_of_a_ca_is_found(void **state)
{
    struct home home;

    (void)state;
    home_lay(&home, "2026-11-23T21:00", "{}");
    tamper(&home, "certificates-dca-root", 0);
    expect_broken(&home, SMKI_ACT_CERTIFICATE_ISSUE, "in the store is not the one that was made");
    home_clear(&home);
}

static void a_batch_with_refused_csrs_and_chunks_without_certificates_verifies(void **state)
{
    struct request mixed[REQUESTS];
    struct home home;
    uint64_t id;

    (void)state;
    home_lay(&home, "2026-11-23T21:00", CHUNKS_OF_4);
    memcpy(mixed, requests, sizeof(mixed));
    for (size_t i = 4; i < 8; i++)
        mixed[i] = requests[0]; /* a chunk of duplicates */
    mixed[9].der[mixed[9].size - 1] ^= 1;
    mixed[11].size = 3;
    id = SUBMIT(&home, mixed, REQUESTS);
    RUN(&home);
    EXPECT_STATE(&home, id, "COMPLETED");
    assert_int_equal(BATCH(&home, id).granted, 6);
    AUDIT_HOLDS(&home);
    home_clear(&home);
}

/* From now on the DCA drafts certificates with an issuer that is not its name: lint stops each before it is signed. */
static void dca_loses_its_name(struct home *home)
{
    static uint8_t name[1024];
    const struct smki_ca *ca;
    struct draft_issuer *issuer;
    struct smki_error err = {0};

    ASSERT_OK(smki_service_ca(home->service, SMKI_DCA, &ca, &err), err);
    issuer = (struct draft_issuer *)(uintptr_t)&ca->issuer;
    assert_in_range(issuer->name.size, 1, sizeof(name));
    memcpy(name, issuer->name.at, issuer->name.size);
    name[issuer->name.size - 1] ^= 1;
    issuer->name.at = name;
    issuer->templates = NULL; /* they say the old one */
}

static void a_batch_whose_csrs_go_void_verifies(void **state)
{
    struct home home;
    uint64_t id;

    (void)state;
    home_lay(&home, "2026-11-23T21:00", CHUNKS_OF_4);
    dca_loses_its_name(&home);
    id = SUBMIT(&home, requests, 5);
    RUN(&home);
    EXPECT_STATE(&home, id, "COMPLETED");
    assert_int_equal(BATCH(&home, id).refused, 5);
    AUDIT_HOLDS(&home);
    home_clear(&home);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_changed_certificate_of_a_batch_is_found_and_its_chunk_named),
        cmocka_unit_test(a_changed_certificate_that_came_alone_is_found),
        cmocka_unit_test(a_revocation_that_was_erased_is_found),
        cmocka_unit_test(a_changed_certificate_of_a_ca_is_found),
        cmocka_unit_test(a_batch_with_refused_csrs_and_chunks_without_certificates_verifies),
        cmocka_unit_test(a_batch_whose_csrs_go_void_verifies),
    };

    return cmocka_run_group_tests(tests, group_begin, group_end);
}
