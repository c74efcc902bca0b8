/* Notices of extra demand (CoCo 3): announced by a Party's officer, then approved or declined by the operator. */
#include "registry/document_i.h"

#include <string.h>

static const char *const state_words[] = {
    [SMKI_NOTICE_ANNOUNCED] = "announced", [SMKI_NOTICE_APPROVED] = "approved", [SMKI_NOTICE_DECLINED] = "declined"};

const char *smki_notice_state_word(enum smki_notice_state state)
{
    return (size_t)state < ARRAY_COUNT(state_words) ? state_words[state] : NULL;
}

bool smki_notice_state_find(const char *word, enum smki_notice_state *out)
{
    for (unsigned i = SMKI_NOTICE_ANNOUNCED; i < ARRAY_COUNT(state_words); i++)
        if (word_same(word, state_words[i])) {
            *out = (enum smki_notice_state)i;
            return true;
        }
    return false;
}

cJSON *smki_notice_json(const struct smki_demand_notice *notice)
{
    cJSON *object = cJSON_CreateObject();
    const char *rule = smki_agreement_rule_word(notice->rule), *state = smki_notice_state_word(notice->state);
    bool ok = rule != NULL && state != NULL && json_number(object, "number", notice->number) &&
              json_number(object, "party", notice->party) && json_text(object, "rule", rule) && json_time(object, "from", notice->from) &&
              json_time(object, "to", notice->to) && json_number(object, "expected", notice->expected) &&
              json_text(object, "text", notice->text) && json_time(object, "notified_at", notice->notified_at) &&
              json_bool(object, "short_notice", notice->short_notice) && json_known(object, "officer", notice->officer) &&
              json_text(object, "name", notice->name) && json_text(object, "state", state) &&
              json_time(object, "decided_at", notice->decided_at) && json_known(object, "agreement", notice->agreement) &&
              json_text(object, "reason", notice->reason);

    return json_complete(object, ok);
}

/* Reads an opened document, and closes it. */
static int notice_read(struct document *document, struct smki_demand_notice *out, struct smki_error *err)
{
    *out = (struct smki_demand_notice){.number = document->number};
    out->party = document_number(document, "party");
    if (!smki_agreement_rule_find(document_word(document, "rule"), &out->rule))
        document_bad(document, "rule");
    out->from = document_time(document, "from");
    out->to = document_time(document, "to");
    out->expected = document_number(document, "expected");
    document_text(document, "text", out->text, sizeof(out->text));
    out->notified_at = document_time(document, "notified_at");
    out->short_notice = document_bool(document, "short_notice");
    out->officer = document_known(document, "officer");
    document_text(document, "name", out->name, sizeof(out->name));
    if (!smki_notice_state_find(document_word(document, "state"), &out->state))
        document_bad(document, "state");
    out->decided_at = document_time(document, "decided_at");
    out->agreement = document_known(document, "agreement");
    document_text(document, "reason", out->reason, sizeof(out->reason));
    return document_close(document, err);
}

int demand_notice_next(struct store_view *view, uint64_t party, uint64_t number, struct smki_demand_notice *out, struct smki_error *err)
{
    struct document document;
    int rc;

    for (;;) {
        const uint64_t before = number;

        if ((rc = document_open_next(&document, view, STORE_DEMAND_NOTICE, &number, "notice", err)) == 0)
            rc = notice_read(&document, out, err);
        if (rc == SMKI_STORE_CORRUPT && number != before) /* one that cannot be read hides no other */
            continue;
        if (rc != 0 || party == 0 || out->party == party)
            return rc;
    }
}

int demand_notice_find(struct store_view *view, uint64_t party, uint64_t number, struct smki_demand_notice *out, struct smki_error *err)
{
    struct document document;
    int rc;

    if ((rc = document_open(&document, view, STORE_DEMAND_NOTICE, number, "notice", err)) != 0 ||
        (rc = notice_read(&document, out, err)) != 0)
        return rc;
    if (party != 0 && out->party != party) /* in the words of document_open: whose it is is nobody else's business */
        return smki_fail(err, SMKI_NOT_FOUND, "there is no notice %llu", (unsigned long long)number);
    return 0;
}

static int notice_put(struct store_change *change, const struct smki_demand_notice *notice, struct smki_error *err)
{
    return document_put(change, STORE_DEMAND_NOTICE, notice->number, smki_notice_json(notice), err);
}

/* ---- announcing ---- */

struct notice_change {
    const struct smki_actor *actor;
    uint64_t officer, number;
    int64_t notice; /* us: how long before the Party has to tell */
    const struct smki_demand_notice *asked;
    const char *reason;
    struct smki_demand_notice made;
    struct smki_agreement agreed, agreement;
};

static int notice_check(const struct smki_demand_notice *notice, struct smki_time now, struct smki_error *err)
{
    char from[SMKI_TIME_TEXT_SIZE], to[SMKI_TIME_TEXT_SIZE];

    if (smki_agreement_rule_word(notice->rule) == NULL)
        return smki_fail(err, SMKI_INVALID_ARGUMENT,
                         "extra demand is announced for portal-batch, portal-adhoc, adhoc-pace or batch-one (CoCo 3)");
    if (notice->expected == 0 || notice->expected > NUMBER_MAX)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "how many Device CSRs are expected in 24 hours: at least 1");
    if (notice->from.us <= 0 || notice->to.us <= notice->from.us)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "extra demand ends after it begins; this is from %s to %s",
                         smki_time_text_people(notice->from, from), smki_time_text_people(notice->to, to));
    if (notice->to.us <= now.us)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "extra demand that ends at %s would be over already",
                         smki_time_text_people(notice->to, to));
    if (notice->from.us < now.us && now.us - notice->from.us >= SMKI_DAY)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "the first day is past: extra demand is announced from today or later on");
    if (notice->to.us - now.us > SMKI_NOTICE_AHEAD)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "extra demand ends at most two years ahead, by %s",
                         smki_time_text_people((struct smki_time){now.us + SMKI_NOTICE_AHEAD}, to));
    return notice->text[0] == '\0' ? 0 : text_check(notice->text, sizeof(notice->text), "text", err);
}

static int room_check(struct store_view *view, uint64_t party, struct smki_error *err)
{
    struct smki_demand_notice one = {.number = 0};
    struct smki_error why = {0};
    unsigned waiting = 0;
    int rc;

    while ((rc = demand_notice_next(view, party, one.number, &one, &why)) == 0)
        waiting += one.state == SMKI_NOTICE_ANNOUNCED;
    if (rc != SMKI_NOT_FOUND)
        return smki_fail(err, rc, "%s", why.text);
    if (waiting < SMKI_NOTICE_MAX_OPEN)
        return 0;
    return smki_fail(err, SMKI_NOTICE_MANY,
                     "%u notices of this Party wait for the operator, and that is as many as may; speak to the Service Desk", waiting);
}

static int may_announce(struct store_view *view, const struct smki_actor *actor, struct smki_error *err)
{
    struct smki_party party;
    int rc;

    if ((rc = credential_stands(view, actor->credential, err)) != 0 || (rc = party_get(view, actor->party, &party, err)) != 0)
        return rc;
    return party.barred ? smki_fail(err, SMKI_PARTY_BARRED, NULL) : room_check(view, actor->party, err);
}

static void tell(struct phrase *phrase, const char *what, const struct smki_demand_notice *notice)
{
    char from[SMKI_TIME_TEXT_SIZE], to[SMKI_TIME_TEXT_SIZE];

    phrase_add(phrase, "%s: %s %llu CSRs in 24 hours from %s to %s", what, smki_agreement_rule_word(notice->rule),
               (unsigned long long)notice->expected, smki_time_text_uk(notice->from, from), smki_time_text_uk(notice->to, to));
    if (notice->short_notice)
        phrase_add(phrase, "short notice");
}

static int add_change(struct store_change *change, void *argument, struct smki_error *err)
{
    struct notice_change *add = argument;
    struct smki_demand_notice *made = &add->made;
    const struct smki_time now = store_change_time(change);
    struct phrase phrase = {0};
    int rc;

    *made = *add->asked;
    if ((rc = notice_check(made, now, err)) != 0 || (rc = may_announce(store_change_view(change), add->actor, err)) != 0 ||
        (rc = store_next_number(change, STORE_COUNT_DEMAND_NOTICE, &made->number, err)) != 0)
        return rc;
    made->party = add->actor->party;
    made->officer = add->officer;
    memcpy(made->name, add->actor->name, sizeof(made->name));
    made->notified_at = now;
    made->short_notice = made->from.us - now.us < add->notice;
    made->state = SMKI_NOTICE_ANNOUNCED;
    made->decided_at.us = 0;
    made->agreement = 0;
    made->reason[0] = '\0';
    if ((rc = notice_put(change, made, err)) != 0)
        return rc;
    tell(&phrase, "announced", made);
    return record_act(change, add->actor, SMKI_ACT_DEMAND_NOTICE, made->party, made->number, phrase.text, err);
}

int demand_notice_add(struct smki_store *store, const struct smki_actor *actor, uint64_t officer, int64_t notice,
                      struct smki_demand_notice *out, struct smki_error *err)
{
    struct notice_change add = {.actor = actor, .officer = officer, .notice = notice, .asked = out};
    int rc = store_change(store, add_change, &add, err);

    if (rc == 0)
        *out = add.made;
    return rc;
}

/* ---- deciding ---- */

static int notice_to_decide(struct store_change *change, uint64_t number, struct smki_demand_notice *out, struct smki_error *err)
{
    char at[SMKI_TIME_TEXT_SIZE];
    int rc = demand_notice_find(store_change_view(change), 0, number, out, err);

    if (rc != 0)
        return rc;
    if (out->state != SMKI_NOTICE_ANNOUNCED)
        return smki_fail(err, SMKI_NOTICE_STATE, "notice %llu was %s at %s", (unsigned long long)number, smki_notice_state_word(out->state),
                         smki_time_text_people(out->decided_at, at));
    out->decided_at = store_change_time(change);
    return 0;
}

/* An agreement that is over is one that nobody can use. */
static int still_ahead(const struct smki_demand_notice *notice, struct smki_time now, struct smki_error *err)
{
    char to[SMKI_TIME_TEXT_SIZE];

    if (notice->to.us > now.us)
        return 0;
    return smki_fail(err, SMKI_INVALID_ARGUMENT, "notice %llu is of extra demand until %s, which is over; decline it",
                     (unsigned long long)notice->number, smki_time_text_people(notice->to, to));
}

static int approve_change(struct store_change *change, void *argument, struct smki_error *err)
{
    struct notice_change *approve = argument;
    struct smki_demand_notice *notice = &approve->made;
    struct smki_agreement *agreement = &approve->agreement;
    struct phrase phrase = {0};
    int rc;

    *agreement = approve->agreed;
    if ((rc = notice_to_decide(change, approve->number, notice, err)) != 0 ||
        (rc = still_ahead(notice, store_change_time(change), err)) != 0)
        return rc;
    agreement->party = notice->party;
    agreement->rule = notice->rule;
    agreement->from = notice->from;
    agreement->to = notice->to;
    agreement->notified_at = notice->notified_at;
    if ((rc = agreement_enter(change, approve->actor, approve->notice, agreement, err)) != 0)
        return rc;
    notice->state = SMKI_NOTICE_APPROVED;
    notice->agreement = agreement->number;
    if ((rc = notice_put(change, notice, err)) != 0)
        return rc;
    phrase_add(&phrase, "approved: agreement %llu", (unsigned long long)agreement->number);
    return record_act(change, approve->actor, SMKI_ACT_DEMAND_NOTICE, notice->party, notice->number, phrase.text, err);
}

int demand_notice_approve(struct smki_store *store, const struct smki_actor *actor, int64_t notice, uint64_t number,
                          struct smki_agreement *agreement, struct smki_error *err)
{
    struct notice_change approve = {
        .actor = actor,
        .number = number,
        .notice = notice,
        .agreed = {.limit = agreement->limit, .short_notice = agreement->short_notice},
    };
    int rc = store_change(store, approve_change, &approve, err);

    if (rc == 0)
        *agreement = approve.agreement;
    return rc;
}

static int decline_change(struct store_change *change, void *argument, struct smki_error *err)
{
    struct notice_change *decline = argument;
    struct smki_demand_notice *notice = &decline->made;
    struct phrase phrase = {0};
    int rc = notice_to_decide(change, decline->number, notice, err);

    if (rc != 0)
        return rc;
    notice->state = SMKI_NOTICE_DECLINED;
    snprintf(notice->reason, sizeof(notice->reason), "%s", decline->reason);
    if ((rc = notice_put(change, notice, err)) != 0)
        return rc;
    phrase_add(&phrase, "declined: %s", notice->reason);
    return record_act(change, decline->actor, SMKI_ACT_DEMAND_NOTICE, notice->party, notice->number, phrase.text, err);
}

int demand_notice_decline(struct smki_store *store, const struct smki_actor *actor, uint64_t number, const char *reason,
                          struct smki_error *err)
{
    struct notice_change decline = {.actor = actor, .number = number, .reason = reason};
    int rc = text_check(reason, SMKI_NOTICE_TEXT_SIZE, "reason", err);

    return rc != 0 ? rc : store_change(store, decline_change, &decline, err);
}
