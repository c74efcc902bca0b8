#include "registry/document_i.h"

#include <smki/role.h>

#include <string.h>

#define USER_ROLES  (SMKI_USER_IMPORT_SUPPLIER | SMKI_USER_GAS_SUPPLIER | SMKI_USER_DCC | SMKI_USER_OTHER)
#define SUBSCRIBERS (SMKI_SUBSCRIBER_DEVICE | SMKI_SUBSCRIBER_ORGANISATION)

/* ---- what a Party must be ---- */

static bool has_eui(const struct smki_party *party, size_t count, const struct smki_device_id *eui)
{
    for (size_t i = 0; i < count; i++) {
        if (memcmp(&party->euis[i], eui, sizeof(*eui)) == 0)
            return true;
    }
    return false;
}

static int euis_check(const struct smki_party *party, struct smki_error *err)
{
    char text[SMKI_DEVICE_ID_TEXT_SIZE];

    if (party->eui_count > SMKI_PARTY_MAX_EUIS)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "a Party has at most %d EUI-64s", SMKI_PARTY_MAX_EUIS);
    for (size_t i = 0; i < party->eui_count; i++) {
        if (has_eui(party, i, &party->euis[i]))
            return smki_fail(err, SMKI_INVALID_ARGUMENT, "the EUI-64 %s is given twice", smki_device_id_text(&party->euis[i], text));
    }
    return 0;
}

static int role_check(uint8_t code, struct smki_error *err)
{
    char text[SMKI_ROLE_TEXT_SIZE];

    if (smki_role_find(code) == NULL)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "there is no Remote Party Role %s (GBCS 12)", smki_role_text(code, text));
    if (code == SMKI_ROLE_ROOT || code == SMKI_ROLE_ISSUING_AUTHORITY)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "the Remote Party Role %s (%s) is a CA's own, no Party can hold it (GBCS 12)",
                         smki_role_text(code, text), smki_role_find(code)->name);
    return 0;
}

static int roles_check(const struct smki_party *party, struct smki_error *err)
{
    int rc;

    if (party->role_count > SMKI_PARTY_MAX_ROLES)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "a Party has at most %d Remote Party Roles", SMKI_PARTY_MAX_ROLES);
    for (size_t i = 0; i < party->role_count; i++) {
        if ((rc = role_check(party->roles[i], err)) != 0)
            return rc;
        if (memchr(party->roles, party->roles[i], i) != NULL)
            return smki_fail(err, SMKI_INVALID_ARGUMENT, "the Remote Party Role %s is given twice", smki_role_find(party->roles[i])->name);
    }
    return 0;
}

static int party_check(const struct smki_party *party, struct smki_error *err)
{
    int rc;

    if ((rc = text_check(party->name, sizeof(party->name), "Party's name", err)) != 0)
        return rc;
    if ((rc = euis_check(party, err)) != 0)
        return rc;
    if ((rc = roles_check(party, err)) != 0)
        return rc;
    if ((party->user_roles & ~(unsigned)USER_ROLES) != 0 || (party->subscriber & ~(unsigned)SUBSCRIBERS) != 0)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "a user role or kind of Authorised Subscriber is not one that there is");
    return 0;
}

/* ---- as a document ---- */

static bool add_item(cJSON *array, cJSON *item)
{
    if (array != NULL && item != NULL && cJSON_AddItemToArray(array, item))
        return true;
    cJSON_Delete(item);
    return false;
}

static bool add_euis(cJSON *object, const struct smki_party *party)
{
    cJSON *array = cJSON_AddArrayToObject(object, "euis");
    char text[SMKI_DEVICE_ID_TEXT_SIZE];
    bool ok = array != NULL;

    for (size_t i = 0; i < party->eui_count; i++)
        ok = ok && add_item(array, cJSON_CreateString(smki_device_id_text(&party->euis[i], text)));
    return ok;
}

static bool add_roles(cJSON *object, const struct smki_party *party)
{
    cJSON *array = cJSON_AddArrayToObject(object, "roles");
    char text[SMKI_ROLE_TEXT_SIZE];
    bool ok = array != NULL;

    for (size_t i = 0; i < party->role_count; i++)
        ok = ok && add_item(array, cJSON_CreateString(smki_role_text(party->roles[i], text)));
    return ok;
}

static const char *user_role_bit(unsigned bit)
{
    return smki_user_role_word((enum smki_user_role)bit);
}

static const char *subscriber_bit(unsigned bit)
{
    return smki_subscriber_word((enum smki_subscriber)bit);
}

static bool add_bits(cJSON *object, const char *name, unsigned bits, const char *(*word)(unsigned bit))
{
    cJSON *array = cJSON_AddArrayToObject(object, name);
    bool ok = array != NULL;

    for (unsigned bit = 1; bit != 0 && bit <= bits; bit <<= 1) {
        if ((bits & bit) != 0 && word(bit) != NULL)
            ok = ok && add_item(array, cJSON_CreateString(word(bit)));
    }
    return ok;
}

cJSON *smki_party_json(const struct smki_party *party)
{
    cJSON *object = cJSON_CreateObject();
    bool ok = json_number(object, "number", party->number) && json_text(object, "name", party->name) && add_euis(object, party) &&
              add_roles(object, party) && add_bits(object, "user_roles", party->user_roles, user_role_bit) &&
              add_bits(object, "subscriber", party->subscriber, subscriber_bit) && json_bool(object, "barred", party->barred) &&
              json_bool(object, "gateway_only", party->gateway_only) && json_time(object, "added_at", party->added_at);

    return json_complete(object, ok);
}

static void read_euis(struct document *document, struct smki_party *out)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, document_array(document, "euis"))
    {
        if (!cJSON_IsString(item) || out->eui_count == SMKI_PARTY_MAX_EUIS ||
            smki_device_id_parse(&out->euis[out->eui_count++], item->valuestring, NULL) != 0) {
            document_bad(document, "euis");
            return;
        }
    }
}

/* A role that has left the table since is kept: only new ones are checked against it. */
static void read_roles(struct document *document, struct smki_party *out)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, document_array(document, "roles"))
    {
        if (!cJSON_IsString(item) || out->role_count == SMKI_PARTY_MAX_ROLES ||
            hex_decode(&out->roles[out->role_count++], 1, item->valuestring, strlen(item->valuestring), NULL) != 0) {
            document_bad(document, "roles");
            return;
        }
    }
}

static unsigned read_bits(struct document *document, const char *name, unsigned all, const char *(*word)(unsigned bit))
{
    const cJSON *item;
    unsigned bits = 0;

    cJSON_ArrayForEach(item, document_array(document, name))
    {
        unsigned bit = 1;
        while (bit <= all && !(cJSON_IsString(item) && word_same(item->valuestring, word(bit))))
            bit <<= 1;
        if (bit > all)
            document_bad(document, name);
        else
            bits |= bit;
    }
    return bits;
}

/* Reads an opened document, and closes it. */
static int party_read(struct document *document, struct smki_party *out, struct smki_error *err)
{
    *out = (struct smki_party){.number = document->number};
    document_text(document, "name", out->name, sizeof(out->name));
    read_euis(document, out);
    read_roles(document, out);
    out->user_roles = read_bits(document, "user_roles", USER_ROLES, user_role_bit);
    out->subscriber = read_bits(document, "subscriber", SUBSCRIBERS, subscriber_bit);
    out->barred = document_bool(document, "barred");
    out->gateway_only = document_bool(document, "gateway_only");
    out->added_at = document_time(document, "added_at");
    return document_close(document, err);
}

static int party_put(struct store_change *change, const struct smki_party *party, struct smki_error *err)
{
    return document_put(change, STORE_PARTY, party->number, smki_party_json(party), err);
}

/* ---- finding ---- */

int party_get(struct store_view *view, uint64_t number, struct smki_party *out, struct smki_error *err)
{
    static struct recall known = RECALL_OF(struct smki_party);
    struct document document;
    struct smki_bytes json;
    int rc = store_document_get(view, STORE_PARTY, number, &json, err);

    if (rc == SMKI_NOT_FOUND)
        return smki_fail(err, SMKI_PARTY_UNKNOWN, "there is no Party %llu", (unsigned long long)number);
    if (rc != 0 || recall_find(&known, number, json, out))
        return rc;
    if ((rc = document_open_json(&document, json, number, "Party", err)) != 0 || (rc = party_read(&document, out, err)) != 0)
        return rc;
    recall_keep(&known, number, json, out);
    return 0;
}

int party_number_of_eui(struct store_view *view, const struct smki_device_id *eui, uint64_t *number, struct smki_error *err)
{
    char text[SMKI_DEVICE_ID_TEXT_SIZE];
    int rc = store_name_find(view, STORE_NAME_EUI, BYTES(eui->octet, sizeof(eui->octet)), number, err);

    if (rc == SMKI_NOT_FOUND)
        return smki_fail(err, SMKI_PARTY_UNKNOWN, "the EUI-64 %s is not registered to any Party", smki_device_id_text(eui, text));
    return rc;
}

int smki_party_find(struct smki_store *store, uint64_t number, struct smki_party *out, struct smki_error *err)
{
    struct store_view *view;
    int rc;

    if ((rc = store_view_begin(store, &view, err)) != 0)
        return rc;
    rc = party_get(view, number, out, err);
    store_view_end(view);
    return rc;
}

int smki_party_of_eui(struct smki_store *store, const struct smki_device_id *eui, struct smki_party *out, struct smki_error *err)
{
    struct store_view *view;
    uint64_t number;
    int rc;

    if ((rc = store_view_begin(store, &view, err)) != 0)
        return rc;
    if ((rc = party_number_of_eui(view, eui, &number, err)) == 0)
        rc = party_get(view, number, out, err);
    store_view_end(view);
    return rc;
}

int smki_party_next(struct smki_store *store, uint64_t number, struct smki_party *out, struct smki_error *err)
{
    struct store_view *view;
    struct document document;
    int rc;

    if ((rc = store_view_begin(store, &view, err)) != 0)
        return rc;
    if ((rc = document_open_next(&document, view, STORE_PARTY, &number, "Party", err)) == 0)
        rc = party_read(&document, out, err);
    store_view_end(view);
    return rc;
}

/* ---- changing ---- */

struct party_change {
    const struct smki_actor *actor;
    struct smki_party party;
};

/* Gives each EUI-64 of the Party to it. */
static int claim_euis(struct store_change *change, const struct smki_party *party, struct smki_error *err)
{
    char text[SMKI_DEVICE_ID_TEXT_SIZE];
    int rc;

    for (size_t i = 0; i < party->eui_count; i++) {
        struct smki_bytes key = BYTES(party->euis[i].octet, SMKI_DEVICE_ID_SIZE);
        uint64_t holder = party->number;
        if ((rc = store_name_find(store_change_view(change), STORE_NAME_EUI, key, &holder, err)) != 0 && rc != SMKI_NOT_FOUND)
            return rc;
        if (holder != party->number)
            return smki_fail(err, SMKI_EUI_TAKEN, "the EUI-64 %s belongs to Party %llu", smki_device_id_text(&party->euis[i], text),
                             (unsigned long long)holder);
        if (rc == SMKI_NOT_FOUND && (rc = store_name_put(change, STORE_NAME_EUI, key, party->number, err)) != 0)
            return rc;
    }
    return 0;
}

static int release_euis(struct store_change *change, const struct smki_party *old, const struct smki_party *new, struct smki_error *err)
{
    int rc;

    for (size_t i = 0; i < old->eui_count; i++) {
        if (has_eui(new, new->eui_count, &old->euis[i]))
            continue;
        if ((rc = store_name_remove(change, STORE_NAME_EUI, BYTES(old->euis[i].octet, SMKI_DEVICE_ID_SIZE), err)) != 0)
            return rc;
    }
    return 0;
}

static void tell_bits(struct phrase *phrase, const char *noun, unsigned old, unsigned new, const char *(*word)(unsigned bit))
{
    for (unsigned bit = 1; bit <= (old | new); bit <<= 1) {
        if (((old ^ new) & bit) != 0)
            phrase_add(phrase, "%s %s%s", noun, (new &bit) != 0 ? "+" : "-", word(bit));
    }
}

/* The EUI-64s and roles that `all` has and `other` has not, each behind `sign`. */
static void tell_lists(struct phrase *phrase, char sign, const struct smki_party *all, const struct smki_party *other)
{
    char text[SMKI_DEVICE_ID_TEXT_SIZE];

    for (size_t i = 0; i < all->eui_count; i++) {
        if (!has_eui(other, other->eui_count, &all->euis[i]))
            phrase_add(phrase, "EUI-64 %c%s", sign, smki_device_id_text(&all->euis[i], text));
    }
    for (size_t i = 0; i < all->role_count; i++) {
        if (memchr(other->roles, all->roles[i], other->role_count) == NULL)
            phrase_add(phrase, "role %c%s", sign, smki_role_text(all->roles[i], text));
    }
}

/* What changed, in words. What matters most comes first: a long list is cut at its end. */
static void tell_change(struct phrase *phrase, const struct smki_party *old, const struct smki_party *new)
{
    if (old->barred != new->barred)
        phrase_add(phrase, "%s", new->barred ? "barred" : "no longer barred");
    if (old->gateway_only != new->gateway_only)
        phrase_add(phrase, "%s", new->gateway_only ? "gateway only" : "gateway and Internet");
    if (strcmp(old->name, new->name) != 0)
        phrase_add(phrase, "name \"%s\"", new->name);
    tell_bits(phrase, "subscriber", old->subscriber, new->subscriber, subscriber_bit);
    tell_bits(phrase, "user role", old->user_roles, new->user_roles, user_role_bit);
    tell_lists(phrase, '-', old, new);
    tell_lists(phrase, '+', new, old);
}

static int add(struct store_change *change, void *argument, struct smki_error *err)
{
    struct party_change *add = argument;
    struct smki_party *party = &add->party, nothing = {0};
    struct phrase phrase = {0};
    int rc;

    if ((rc = store_next_number(change, STORE_COUNT_PARTY, &party->number, err)) != 0)
        return rc;
    party->added_at = store_change_time(change);
    if ((rc = claim_euis(change, party, err)) != 0)
        return rc;
    if ((rc = party_put(change, party, err)) != 0)
        return rc;
    tell_change(&phrase, &nothing, party);
    return record_act(change, add->actor, SMKI_ACT_PARTY_ADD, party->number, party->number, phrase.text, err);
}

int smki_party_add(struct smki_store *store, const struct smki_actor *actor, struct smki_party *party, struct smki_error *err)
{
    struct party_change arguments = {.actor = actor, .party = *party};
    int rc;

    if ((rc = party_check(party, err)) != 0)
        return rc;
    if ((rc = store_change(store, add, &arguments, err)) != 0)
        return rc;
    *party = arguments.party;
    return 0;
}

static int update(struct store_change *change, void *argument, struct smki_error *err)
{
    struct party_change *update = argument;
    struct smki_party *party = &update->party, old;
    struct phrase phrase = {0};
    int rc;

    if ((rc = party_get(store_change_view(change), party->number, &old, err)) != 0)
        return rc;
    tell_change(&phrase, &old, party);
    if (phrase.size == 0)
        return 0;
    party->added_at = old.added_at;
    if ((rc = release_euis(change, &old, party, err)) != 0)
        return rc;
    if ((rc = claim_euis(change, party, err)) != 0)
        return rc;
    if ((rc = party_put(change, party, err)) != 0)
        return rc;
    return record_act(change, update->actor, SMKI_ACT_PARTY_UPDATE, party->number, party->number, phrase.text, err);
}

int smki_party_update(struct smki_store *store, const struct smki_actor *actor, const struct smki_party *party, struct smki_error *err)
{
    struct party_change arguments = {.actor = actor, .party = *party};
    int rc;

    if ((rc = party_check(party, err)) != 0)
        return rc;
    return store_change(store, update, &arguments, err);
}
