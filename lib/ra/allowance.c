/* What a Party has left of a demand rule, from the counters in the store. */
#include "ra/service_i.h"

#include "registry/registry_i.h"

#define LAST_LAYOUT 1
#define LAST_SIZE   (1 + 8)

int demand_last_get(struct store_view *view, uint64_t party, enum smki_rule rule, struct smki_time *out, struct smki_error *err)
{
    struct smki_bytes stored;
    struct cursor cursor;
    int rc = store_demand_get(view, party, rule, &stored, err);

    out->us = 0;
    if (rc != 0)
        return rc == SMKI_NOT_FOUND ? 0 : rc;
    cursor = cursor_of(stored);
    if (cursor_u8(&cursor) != LAST_LAYOUT)
        cursor.failed = true;
    out->us = (int64_t)cursor_u64(&cursor);
    return cursor_close(&cursor, "the last act of a Party under a demand rule", err);
}

int demand_last_put(struct store_change *change, uint64_t party, enum smki_rule rule, struct smki_time last, struct smki_error *err)
{
    uint8_t octets[LAST_SIZE];
    struct writer writer = writer_of(octets, sizeof(octets));

    write_u8(&writer, LAST_LAYOUT);
    write_u64(&writer, (uint64_t)last.us);
    return store_demand_put(change, party, rule, BYTES(octets, sizeof(octets)), err);
}

int demand_window_get(struct store_view *view, uint64_t party, enum smki_rule rule, struct smki_window *out, struct smki_error *err)
{
    struct smki_bytes stored = {0};
    int rc = store_demand_get(view, party, rule, &stored, err);

    *out = (struct smki_window){0};
    if (rc == SMKI_NOT_FOUND)
        return 0;
    return rc != 0 ? rc : smki_window_read(out, stored, err);
}

int demand_window_put(struct store_change *change, uint64_t party, enum smki_rule rule, const struct smki_window *window,
                      struct smki_error *err)
{
    struct smki_buffer text = {0};
    int rc = smki_window_write(&text, window, err);

    if (rc == 0)
        rc = store_demand_put(change, party, rule, BYTES(text.at, text.size), err);
    smki_buffer_finish(&text);
    return rc;
}

struct allowance_question {
    struct agreements *agreements;
    const struct smki_demand_limits *limits;
    uint64_t party;
    enum smki_rule rule;
    struct smki_time now;
    uint64_t agreed;
};

static int window_left(struct store_view *view, const struct allowance_question *question, struct smki_allowance *out,
                       struct smki_error *err)
{
    struct smki_window window;
    int rc = demand_window_get(view, question->party, question->rule, &window, err);

    if (rc != 0)
        return rc;
    if (question->rule == SMKI_RULE_PORTAL_BATCH)
        smki_allowance_portal_batch(out, question->limits, &window, question->agreed, question->now);
    else
        smki_allowance_portal_adhoc(out, question->limits, &window, question->agreed, question->now);
    smki_window_finish(&window);
    return 0;
}

static int pace_left(struct store_view *view, const struct allowance_question *question, struct smki_allowance *out, struct smki_error *err)
{
    const uint64_t ms = SMKI_SECOND / 1000, most = SMKI_DAY / SMKI_SECOND * 1000; /* a slower pace than any rule's */
    const uint64_t agreed = question->agreed < most ? question->agreed : most;
    struct smki_time last;
    int rc = demand_last_get(view, question->party, question->rule, &last, err);

    if (rc == 0)
        smki_allowance_adhoc_pace(out, question->limits, last, (int64_t)(agreed * ms), question->now);
    return rc;
}

static int allowance_read(struct store_view *view, struct allowance_question *question, struct smki_allowance *out, struct smki_error *err)
{
    int rc = agreements_limit(question->agreements, view, question->party, question->rule, question->now, &question->agreed, err);

    if (rc != 0)
        return rc;
    return question->rule == SMKI_RULE_ADHOC_PACE ? pace_left(view, question, out, err) : window_left(view, question, out, err);
}

int smki_service_allowance(struct smki_service *service, uint64_t party, enum smki_rule rule, struct smki_allowance *out,
                           struct smki_error *err)
{
    struct allowance_question question = {.agreements = &service->agreements,
                                          .limits = &smki_service_config(service)->limits,
                                          .party = party,
                                          .rule = rule,
                                          .now = smki_service_now(service)};
    struct store_view *view;
    int rc;

    if (rule != SMKI_RULE_PORTAL_BATCH && rule != SMKI_RULE_PORTAL_ADHOC && rule != SMKI_RULE_ADHOC_PACE)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "no counter in the store is kept of demand rule %d", (int)rule);
    if ((rc = store_view_begin(service->store, &view, err)) != 0)
        return rc;
    rc = allowance_read(view, &question, out, err);
    store_view_end(view);
    return rc;
}
