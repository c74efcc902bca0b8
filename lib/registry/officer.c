#include "registry/document_i.h"

#include <string.h>

static bool is_state(enum smki_officer_state state)
{
    return smki_officer_state_word(state) != NULL;
}

cJSON *smki_officer_json(const struct smki_officer *officer)
{
    cJSON *object = cJSON_CreateObject();
    bool ok = is_state(officer->state) && json_number(object, "number", officer->number) && json_number(object, "party", officer->party) &&
              json_text(object, "name", officer->name) && json_text(object, "email", officer->email) &&
              json_text(object, "state", smki_officer_state_word(officer->state)) &&
              json_time(object, "nominated_at", officer->nominated_at) && json_time(object, "verified_at", officer->verified_at) &&
              json_time(object, "barred_at", officer->barred_at);

    return json_complete(object, ok);
}

/* Reads an opened document, and closes it. */
static int officer_read(struct document *document, struct smki_officer *out, struct smki_error *err)
{
    *out = (struct smki_officer){.number = document->number};
    out->party = document_number(document, "party");
    document_text(document, "name", out->name, sizeof(out->name));
    document_text(document, "email", out->email, sizeof(out->email));
    if (!smki_officer_state_find(document_word(document, "state"), &out->state))
        document_bad(document, "state");
    out->nominated_at = document_time(document, "nominated_at");
    out->verified_at = document_time(document, "verified_at");
    out->barred_at = document_time(document, "barred_at");
    return document_close(document, err);
}

int officer_get(struct store_view *view, uint64_t number, struct smki_officer *out, struct smki_error *err)
{
    struct document document;
    int rc = document_open(&document, view, STORE_OFFICER, number, "officer", err);

    return rc != 0 ? rc : officer_read(&document, out, err);
}

static int officer_put(struct store_change *change, const struct smki_officer *officer, struct smki_error *err)
{
    return document_put(change, STORE_OFFICER, officer->number, smki_officer_json(officer), err);
}

int smki_officer_find(struct smki_store *store, uint64_t number, struct smki_officer *out, struct smki_error *err)
{
    struct store_view *view;
    int rc;

    if ((rc = store_view_begin(store, &view, err)) != 0)
        return rc;
    rc = officer_get(view, number, out, err);
    store_view_end(view);
    return rc;
}

int smki_officer_next(struct smki_store *store, uint64_t number, struct smki_officer *out, struct smki_error *err)
{
    struct store_view *view;
    struct document document;
    int rc;

    if ((rc = store_view_begin(store, &view, err)) != 0)
        return rc;
    if ((rc = document_open_next(&document, view, STORE_OFFICER, &number, "officer", err)) == 0)
        rc = officer_read(&document, out, err);
    store_view_end(view);
    return rc;
}

/* ---- nominating ---- */

struct nomination {
    const struct smki_actor *actor;
    struct smki_officer officer;
};

static int officer_check(const struct smki_officer *officer, struct smki_error *err)
{
    const char *at;
    int rc;

    if ((rc = text_check(officer->name, sizeof(officer->name), "officer's name", err)) != 0)
        return rc;
    if ((rc = text_check(officer->email, sizeof(officer->email), "officer's e-mail address", err)) != 0)
        return rc;
    at = strchr(officer->email, '@');
    if (at == NULL || at == officer->email || at[1] == '\0' || strchr(officer->email, ' ') != NULL)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "\"%s\" is not an e-mail address (name@host)", officer->email);
    return 0;
}

static int nominate(struct store_change *change, void *argument, struct smki_error *err)
{
    struct nomination *nomination = argument;
    struct smki_officer *officer = &nomination->officer;
    struct smki_party party;
    struct phrase phrase = {0};
    int rc;

    if ((rc = party_get(store_change_view(change), officer->party, &party, err)) != 0)
        return rc;
    if ((rc = store_next_number(change, STORE_COUNT_OFFICER, &officer->number, err)) != 0)
        return rc;
    officer->state = SMKI_OFFICER_NOMINATED;
    officer->nominated_at = store_change_time(change);
    officer->verified_at = officer->barred_at = (struct smki_time){0};
    if ((rc = officer_put(change, officer, err)) != 0)
        return rc;
    phrase_add(&phrase, "%s <%s> nominated", officer->name, officer->email);
    return record_act(change, nomination->actor, SMKI_ACT_OFFICER_ADD, officer->party, officer->number, phrase.text, err);
}

int smki_officer_nominate(struct smki_store *store, const struct smki_actor *actor, struct smki_officer *officer, struct smki_error *err)
{
    struct nomination nomination = {.actor = actor, .officer = *officer};
    int rc;

    if ((rc = officer_check(officer, err)) != 0)
        return rc;
    if ((rc = store_change(store, nominate, &nomination, err)) != 0)
        return rc;
    *officer = nomination.officer;
    return 0;
}

/* ---- moves ---- */

static const bool moves[][SMKI_OFFICER_BARRED + 1] = {
    /* from \ to               nominated                      verified                      barred */
    [SMKI_OFFICER_NOMINATED] = {[SMKI_OFFICER_VERIFIED] = true, [SMKI_OFFICER_BARRED] = true},
    [SMKI_OFFICER_VERIFIED] = {[SMKI_OFFICER_BARRED] = true},
    [SMKI_OFFICER_BARRED] = {[SMKI_OFFICER_NOMINATED] = true}, /* a new verification */
};

struct officer_move {
    const struct smki_actor *actor;
    uint64_t number;
    enum smki_officer_state state;
};

static void officer_enter(struct smki_officer *officer, enum smki_officer_state state, struct smki_time now)
{
    officer->state = state;
    switch (state) {
    case SMKI_OFFICER_NOMINATED:
        officer->nominated_at = now;
        officer->verified_at = officer->barred_at = (struct smki_time){0};
        break;
    case SMKI_OFFICER_VERIFIED:
        officer->verified_at = now;
        break;
    case SMKI_OFFICER_BARRED:
        officer->barred_at = now;
        break;
    }
}

static int officer_move(struct store_change *change, void *argument, struct smki_error *err)
{
    const struct officer_move *move = argument;
    struct smki_officer officer;
    struct phrase phrase = {0};
    int rc;

    if ((rc = officer_get(store_change_view(change), move->number, &officer, err)) != 0)
        return rc;
    if (!moves[officer.state][move->state])
        return smki_fail(err, SMKI_OFFICER_STATE, "officer %llu is %s and cannot become %s", (unsigned long long)officer.number,
                         smki_officer_state_word(officer.state), smki_officer_state_word(move->state));
    phrase_add(&phrase, "%s: %s -> %s", officer.name, smki_officer_state_word(officer.state), smki_officer_state_word(move->state));
    officer_enter(&officer, move->state, store_change_time(change));
    if ((rc = officer_put(change, &officer, err)) != 0)
        return rc;
    if ((rc = record_act(change, move->actor, SMKI_ACT_OFFICER_UPDATE, officer.party, officer.number, phrase.text, err)) != 0)
        return rc;
    return move->state == SMKI_OFFICER_BARRED ? credentials_suspend(change, move->actor, officer.number, err) : 0;
}

int smki_officer_set_state(struct smki_store *store, const struct smki_actor *actor, uint64_t number, enum smki_officer_state state,
                           struct smki_error *err)
{
    struct officer_move move = {.actor = actor, .number = number, .state = state};

    if (!is_state(state))
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "an officer is nominated, verified or barred; %d is none of these", (int)state);
    return store_change(store, officer_move, &move, err);
}
