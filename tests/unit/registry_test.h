/* Verbs of the registry's tests: on a store of their own, at 20:00 on 23 November 2026. */
#ifndef REGISTRY_TEST_H
#define REGISTRY_TEST_H

#include "store_test.h"

#include "registry/registry_i.h"

static const struct smki_actor anna = {.name = "anna", .interface = SMKI_INTERFACE_OPERATOR};

static inline struct smki_device_id eui(const char *text)
{
    struct smki_device_id id = {{0}};
    struct smki_error err = {0};

    ASSERT_OK(smki_device_id_parse(&id, text, &err), err);
    return id;
}

/* A supplier with one EUI-64, as it would be given to smki_party_add. */
static inline struct smki_party supplier(const char *name, const char *eui_text)
{
    struct smki_party party = {.role_count = 1,
                               .roles = {0x02},
                               .user_roles = SMKI_USER_IMPORT_SUPPLIER,
                               .subscriber = SMKI_SUBSCRIBER_DEVICE | SMKI_SUBSCRIBER_ORGANISATION};

    snprintf(party.name, sizeof(party.name), "%s", name);
    if (eui_text != NULL)
        party.euis[party.eui_count++] = eui(eui_text);
    return party;
}

/* Adds it; its number. */
static inline uint64_t add_party(struct store_test *test, const char *name, const char *eui_text)
{
    struct smki_party party = supplier(name, eui_text);

    ASSERT_OK(smki_party_add(test->store, &anna, &party, &test->err), test->err);
    return party.number;
}

/* The newest audit record. */
static inline struct smki_audit_record last_record(struct store_test *test)
{
    struct smki_audit_record record = {0};
    struct store_checkpoint head = {0};

    VIEW(test);
    ASSERT_OK(store_head(view, &head, &test->err), test->err);
    ASSERT_OK(store_record_get(view, head.sequence, &record, &test->err), test->err);
    VIEW_END;
    return record;
}

static inline uint64_t records(struct store_test *test)
{
    struct store_checkpoint head = {0};
    int rc;

    VIEW(test);
    rc = store_head(view, &head, &test->err);
    VIEW_END;
    return rc == 0 ? head.sequence : 0;
}

/* The newest record is this act about this Party and subject, in these words. */
static inline void expect_record(struct store_test *test, enum smki_act act, uint64_t party, uint64_t subject, const char *detail)
{
    struct smki_audit_record record = last_record(test);

    assert_int_equal(record.act, act);
    assert_int_equal(record.party, party);
    assert_int_equal(record.subject, subject);
    assert_string_equal(record.actor.name, "anna");
    assert_string_equal(record.detail, detail);
}

#endif
