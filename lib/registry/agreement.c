#include "registry/document_i.h"

#include <stdlib.h>

cJSON *smki_agreement_json(const struct smki_agreement *agreement)
{
    cJSON *object = cJSON_CreateObject();
    const char *rule = smki_agreement_rule_word(agreement->rule);
    bool ok = rule != NULL && json_number(object, "number", agreement->number) && json_number(object, "party", agreement->party) &&
              json_text(object, "rule", rule) && json_number(object, "limit", agreement->limit) &&
              json_time(object, "from", agreement->from) && json_time(object, "to", agreement->to) &&
              json_time(object, "notified_at", agreement->notified_at) && json_bool(object, "short_notice", agreement->short_notice);

    return json_complete(object, ok);
}

static int agreement_next(struct store_view *view, uint64_t number, struct smki_agreement *out, struct smki_error *err)
{
    struct document document;
    int rc = document_open_next(&document, view, STORE_AGREEMENT, &number, "agreement", err);

    if (rc != 0)
        return rc;
    *out = (struct smki_agreement){.number = number};
    out->party = document_number(&document, "party");
    if (!smki_agreement_rule_find(document_word(&document, "rule"), &out->rule))
        document_bad(&document, "rule");
    out->limit = document_number(&document, "limit");
    out->from = document_time(&document, "from");
    out->to = document_time(&document, "to");
    out->notified_at = document_time(&document, "notified_at");
    out->short_notice = document_bool(&document, "short_notice");
    return document_close(&document, err);
}

int smki_agreement_next(struct smki_store *store, uint64_t number, struct smki_agreement *out, struct smki_error *err)
{
    struct store_view *view;
    int rc;

    if ((rc = store_view_begin(store, &view, err)) != 0)
        return rc;
    rc = agreement_next(view, number, out, err);
    store_view_end(view);
    return rc;
}

/* ---- adding ---- */

struct agreement_change {
    const struct smki_actor *actor;
    int64_t notice; /* us */
    const struct smki_agreement *asked;
    struct smki_agreement agreement;
};

/* What the limit of an agreement counts. */
static const char *limit_noun(enum smki_rule rule)
{
    switch (rule) {
    case SMKI_RULE_ADHOC_PACE:
        return "milliseconds between two CSRs";
    case SMKI_RULE_BATCH_ONE:
        return "submissions at once";
    default:
        return "CSRs in 24 hours";
    }
}

static int agreement_check(const struct smki_agreement *agreement, struct smki_error *err)
{
    char from[SMKI_TIME_TEXT_SIZE], to[SMKI_TIME_TEXT_SIZE];

    if (smki_agreement_rule_word(agreement->rule) == NULL)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "an agreement is about portal-batch, portal-adhoc, adhoc-pace or batch-one (CoCo 3)");
    if (agreement->limit == 0 || agreement->limit > NUMBER_MAX)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "an agreement needs a limit of at least 1 (%s)", limit_noun(agreement->rule));
    if (agreement->rule == SMKI_RULE_BATCH_ONE && agreement->limit > SMKI_AGREEMENT_MAX_AT_ONCE)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "at most %d submissions of a Party can come in at once", SMKI_AGREEMENT_MAX_AT_ONCE);
    if (agreement->from.us <= 0 || agreement->to.us <= agreement->from.us)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "an agreement ends after it begins; this is from %s to %s",
                         smki_time_text_people(agreement->from, from), smki_time_text_people(agreement->to, to));
    return 0;
}

static int notice_check(const struct smki_agreement *agreement, int64_t notice, struct smki_time now, struct smki_error *err)
{
    char notified[SMKI_TIME_TEXT_SIZE], from[SMKI_TIME_TEXT_SIZE], earliest[SMKI_TIME_TEXT_SIZE];
    struct smki_time first = {.us = agreement->notified_at.us + notice};

    smki_time_text_people(agreement->notified_at, notified);
    if (agreement->notified_at.us > now.us)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "the notice of %s lies in the future", notified);
    if (agreement->short_notice || agreement->from.us >= first.us)
        return 0;
    return smki_fail(
        err, SMKI_AGREEMENT_NOTICE,
        "extra load notified on %s can begin on %s at the earliest (%lld days' notice, CoCo 3), not on %s; record it as short notice "
        "if the operator agrees",
        notified, smki_time_text_people(first, earliest), (long long)(notice / SMKI_DAY), smki_time_text_people(agreement->from, from));
}

static void tell(struct phrase *phrase, const struct smki_agreement *agreement)
{
    char from[SMKI_TIME_TEXT_SIZE], to[SMKI_TIME_TEXT_SIZE];

    phrase_add(phrase, "%s %llu%s from %s to %s", smki_agreement_rule_word(agreement->rule), (unsigned long long)agreement->limit,
               agreement->rule == SMKI_RULE_ADHOC_PACE ? " ms" : "", smki_time_text_uk(agreement->from, from),
               smki_time_text_uk(agreement->to, to));
    phrase_add(phrase, "notified %s%s", smki_time_text_uk(agreement->notified_at, from), agreement->short_notice ? " (short notice)" : "");
}

int agreement_enter(struct store_change *change, const struct smki_actor *actor, int64_t notice, struct smki_agreement *agreement,
                    struct smki_error *err)
{
    struct smki_time now = store_change_time(change);
    struct smki_party party;
    struct phrase phrase = {0};
    int rc;

    if ((rc = agreement_check(agreement, err)) != 0 || (rc = party_get(store_change_view(change), agreement->party, &party, err)) != 0)
        return rc;
    if (agreement->notified_at.us == 0)
        agreement->notified_at = now;
    if ((rc = notice_check(agreement, notice, now, err)) != 0)
        return rc;
    if ((rc = store_next_number(change, STORE_COUNT_AGREEMENT, &agreement->number, err)) != 0)
        return rc;
    if ((rc = document_put(change, STORE_AGREEMENT, agreement->number, smki_agreement_json(agreement), err)) != 0)
        return rc;
    tell(&phrase, agreement);
    return record_act(change, actor, SMKI_ACT_AGREEMENT_ADD, agreement->party, agreement->number, phrase.text, err);
}

static int agreement_add(struct store_change *change, void *argument, struct smki_error *err)
{
    struct agreement_change *add = argument;

    add->agreement = *add->asked;
    return agreement_enter(change, add->actor, add->notice, &add->agreement, err);
}

int smki_agreement_add(struct smki_store *store, const struct smki_actor *actor, const struct smki_demand_limits *limits,
                       struct smki_agreement *agreement, struct smki_error *err)
{
    struct agreement_change arguments = {.actor = actor, .notice = limits->agreement_notice, .asked = agreement};
    int rc;

    if ((rc = store_change(store, agreement_add, &arguments, err)) != 0)
        return rc;
    *agreement = arguments.agreement;
    return 0;
}

/* ---- in force ---- */

static bool in_force(const struct smki_agreement *agreement, uint64_t party, enum smki_rule rule, struct smki_time now)
{
    return agreement->party == party && agreement->rule == rule && agreement->from.us <= now.us && now.us < agreement->to.us;
}

/* More CSRs are better, and so are fewer milliseconds between two. */
static bool is_better(enum smki_rule rule, uint64_t limit, uint64_t than)
{
    if (than == 0)
        return true;
    return rule == SMKI_RULE_ADHOC_PACE ? limit < than : limit > than;
}

int agreement_limit(struct store_view *view, uint64_t party, enum smki_rule rule, struct smki_time now, uint64_t *limit,
                    struct smki_error *err)
{
    struct smki_agreement agreement = {0};
    int rc;

    *limit = 0;
    while ((rc = agreement_next(view, agreement.number, &agreement, err)) == 0) {
        if (in_force(&agreement, party, rule, now) && is_better(rule, agreement.limit, *limit))
            *limit = agreement.limit;
    }
    return rc == SMKI_NOT_FOUND ? 0 : rc;
}

/* ---- kept ---- */

void agreements_init(struct agreements *agreements)
{
    *agreements = (struct agreements){0};
    pthread_mutex_init(&agreements->lock, NULL);
}

void agreements_finish(struct agreements *agreements)
{
    pthread_mutex_destroy(&agreements->lock);
    free(agreements->known);
}

static int agreements_grow(struct agreements *agreements, struct smki_error *err)
{
    const size_t capacity = agreements->capacity != 0 ? 2 * agreements->capacity : 16;
    struct smki_agreement *known = realloc(agreements->known, capacity * sizeof(*known));

    if (known == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    agreements->known = known;
    agreements->capacity = capacity;
    return 0;
}

/* Those that were added since. */
static int agreements_follow(struct agreements *agreements, struct store_view *view, struct smki_error *err)
{
    struct smki_agreement agreement;
    int rc;

    while ((rc = agreement_next(view, agreements->last, &agreement, err)) == 0) {
        if (agreements->count == agreements->capacity && (rc = agreements_grow(agreements, err)) != 0)
            return rc;
        agreements->known[agreements->count++] = agreement;
        agreements->last = agreement.number;
    }
    return rc == SMKI_NOT_FOUND ? 0 : rc;
}

int agreements_in_force(struct agreements *agreements, struct store_view *view, uint64_t party, enum smki_rule rule, struct smki_time now,
                        struct smki_agreement *out, struct smki_error *err)
{
    int rc;

    *out = (struct smki_agreement){0};
    pthread_mutex_lock(&agreements->lock);
    rc = agreements_follow(agreements, view, err);
    for (size_t i = 0; rc == 0 && i < agreements->count; i++) {
        const struct smki_agreement *agreement = &agreements->known[i];
        if (in_force(agreement, party, rule, now) && is_better(rule, agreement->limit, out->limit))
            *out = *agreement;
    }
    pthread_mutex_unlock(&agreements->lock);
    return rc;
}

int agreements_limit(struct agreements *agreements, struct store_view *view, uint64_t party, enum smki_rule rule, struct smki_time now,
                     uint64_t *limit, struct smki_error *err)
{
    struct smki_agreement best;
    int rc = agreements_in_force(agreements, view, party, rule, now, &best, err);

    *limit = best.limit;
    return rc;
}

int smki_agreement_limit(struct smki_store *store, uint64_t party, enum smki_rule rule, struct smki_time now, uint64_t *limit,
                         struct smki_error *err)
{
    struct store_view *view;
    int rc;

    if ((rc = store_view_begin(store, &view, err)) != 0)
        return rc;
    rc = agreement_limit(view, party, rule, now, limit, err);
    store_view_end(view);
    return rc;
}
