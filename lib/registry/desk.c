/* Reports to the Service Desk. How much may come is counted from the reports themselves, newest first: what is bounded never grows beyond
 * what a look back has to read. */
#include "registry/document_i.h"

#include <arpa/inet.h>
#include <string.h>

static bool is_anonymous(const struct smki_desk_entry *entry)
{
    return entry->credential == 0;
}

cJSON *smki_desk_json(const struct smki_desk_entry *entry)
{
    cJSON *object = cJSON_CreateObject();
    bool ok = json_number(object, "number", entry->number) && json_text(object, "name", entry->name) &&
              json_text(object, "contact", entry->contact) && json_text(object, "text", entry->text) &&
              json_known(object, "party", entry->party) && json_known(object, "officer", entry->officer) &&
              json_known(object, "credential", entry->credential) &&
              (is_anonymous(entry) ? cJSON_AddNullToObject(object, "interface") != NULL
                                   : json_text(object, "interface", smki_interface_word(entry->interface))) &&
              json_text(object, "network", smki_network_word(entry->network)) && json_text(object, "peer", entry->peer) &&
              json_time(object, "received_at", entry->received_at) && json_time(object, "closed_at", entry->closed_at) &&
              json_time(object, "sent_at", entry->sent_at) && json_number(object, "attempts", entry->attempts) &&
              json_text(object, "failure", entry->failure);

    return json_complete(object, ok);
}

static void network_read(struct document *row, enum smki_network *out)
{
    const char *word = document_word(row, "network");

    for (unsigned network = SMKI_NETWORK_LOCAL; network <= SMKI_NETWORK_INTERNET; network++) {
        *out = (enum smki_network)network;
        if (strcmp(word, smki_network_word(*out)) == 0)
            return;
    }
    document_bad(row, "network");
}

/* Reads an opened document, and closes it. */
static int desk_read(struct document *row, struct smki_desk_entry *out, struct smki_error *err)
{
    *out = (struct smki_desk_entry){.number = row->number};
    document_text(row, "name", out->name, sizeof(out->name));
    document_text(row, "contact", out->contact, sizeof(out->contact));
    document_text(row, "text", out->text, sizeof(out->text));
    out->party = document_known(row, "party");
    out->officer = document_known(row, "officer");
    out->credential = document_known(row, "credential");
    if (!is_anonymous(out) && !smki_credential_interface_find(document_word(row, "interface"), &out->interface))
        document_bad(row, "interface");
    network_read(row, &out->network);
    document_text(row, "peer", out->peer, sizeof(out->peer));
    out->received_at = document_time(row, "received_at");
    out->closed_at = document_time(row, "closed_at");
    out->sent_at = document_time(row, "sent_at");
    out->attempts = document_number(row, "attempts");
    document_text(row, "failure", out->failure, sizeof(out->failure));
    return document_close(row, err);
}

int desk_get(struct store_view *view, uint64_t number, struct smki_desk_entry *out, struct smki_error *err)
{
    struct document row;
    int rc = document_open(&row, view, STORE_DESK, number, "report", err);

    return rc != 0 ? rc : desk_read(&row, out, err);
}

int desk_next(struct store_view *view, uint64_t number, struct smki_desk_entry *out, struct smki_error *err)
{
    struct document row;
    int rc = document_open_next(&row, view, STORE_DESK, &number, "report", err);

    return rc != 0 ? rc : desk_read(&row, out, err);
}

static int desk_put(struct store_change *change, const struct smki_desk_entry *entry, struct smki_error *err)
{
    return document_put(change, STORE_DESK, entry->number, smki_desk_json(entry), err);
}

/* ---- how much may come ---- */

struct bound {
    const char *whose;
    unsigned max;
    int64_t length; /* us */
    bool (*counts)(const struct smki_desk_entry *entry, const struct smki_desk_entry *next);
};

static bool of_the_party(const struct smki_desk_entry *entry, const struct smki_desk_entry *next)
{
    return !is_anonymous(next) && !is_anonymous(entry) && entry->party == next->party;
}

/* IPv6 addresses are given out by the /64: who has one has all of them. */
static bool is_same_peer(const char *a, const char *b)
{
    struct in6_addr x, y;

    if (inet_pton(AF_INET6, a, &x) != 1 || inet_pton(AF_INET6, b, &y) != 1 || IN6_IS_ADDR_V4MAPPED(&x) || IN6_IS_ADDR_V4MAPPED(&y))
        return strcmp(a, b) == 0;
    return memcmp(&x, &y, 8) == 0;
}

static bool of_the_peer(const struct smki_desk_entry *entry, const struct smki_desk_entry *next)
{
    return is_anonymous(next) && is_anonymous(entry) && is_same_peer(entry->peer, next->peer);
}

static bool of_anybody(const struct smki_desk_entry *entry, const struct smki_desk_entry *next)
{
    return is_anonymous(next) && is_anonymous(entry);
}

static const struct bound bounds[] = {
    {"of this Party in any 24 hours", SMKI_DESK_PARTY_MAX, SMKI_DAY, of_the_party},
    {"of this address in any hour", SMKI_DESK_PEER_MAX, SMKI_HOUR, of_the_peer},
    {"without a credential in any hour", SMKI_DESK_ANONYMOUS_MAX, SMKI_HOUR, of_anybody},
};

static int too_many(const struct bound *bound, struct smki_time received, struct smki_time *retry_at, struct smki_error *err)
{
    char text[SMKI_TIME_TEXT_SIZE];

    retry_at->us = received.us + bound->length;
    return smki_fail(err, SMKI_DESK_BUSY, "at most %u reports %s; the next can come at %s; telephone the Service Desk if it is urgent",
                     bound->max, bound->whose,
                     smki_time_text_people((struct smki_time){(retry_at->us + SMKI_SECOND - 1) / SMKI_SECOND * SMKI_SECOND}, text));
}

/* From the newest backwards to those of more than a day (or, without a credential, an hour) ago. What lies ahead since the clock was set
 * back counts. */
static int bounds_check(struct store_view *view, const struct smki_desk_entry *next, struct smki_time now, struct smki_time *retry_at,
                        struct smki_error *err)
{
    const int64_t back = is_anonymous(next) ? SMKI_HOUR : SMKI_DAY;
    unsigned counted[ARRAY_COUNT(bounds)] = {0};
    struct smki_desk_entry entry;
    int rc;

    for (uint64_t number = next->number - 1; number > 0; number--) {
        if ((rc = desk_get(view, number, &entry, err)) != 0)
            return rc == SMKI_NOT_FOUND ? 0 : rc; /* long ago enough to be forgotten */
        if (entry.received_at.us <= now.us - back)
            return 0;
        for (size_t i = 0; i < ARRAY_COUNT(bounds); i++) {
            if (!bounds[i].counts(&entry, next) || entry.received_at.us <= now.us - bounds[i].length)
                continue;
            if (++counted[i] == bounds[i].max)
                return too_many(&bounds[i], entry.received_at, retry_at, err);
        }
    }
    return 0;
}

/* ---- taking one ---- */

struct desk_change {
    const struct smki_actor *actor;
    const struct smki_desk_entry *asked;
    struct smki_desk_entry made;
    struct smki_time retry_at;
    uint64_t number;
    const char *failure;
};

static int desk_check(const struct smki_desk_entry *entry, struct smki_error *err)
{
    int rc;

    if ((rc = text_check(entry->name, sizeof(entry->name), "name", err)) != 0 ||
        (rc = text_check(entry->contact, sizeof(entry->contact), "contact", err)) != 0)
        return rc;
    return text_lines_check(entry->text, sizeof(entry->text), "text", err);
}

/* The log tells that there was one and from where; what it says is for the Service Desk. */
static int add_record(struct store_change *change, const struct smki_actor *actor, const struct smki_desk_entry *entry,
                      struct smki_error *err)
{
    struct phrase phrase = {0};

    phrase_add(&phrase, "reported");
    if (entry->peer[0] != '\0')
        phrase_add(&phrase, "from %s", entry->peer);
    return record_act(change, actor, SMKI_ACT_DESK, entry->party, entry->number, phrase.text, err);
}

static int add_change(struct store_change *change, void *argument, struct smki_error *err)
{
    struct desk_change *add = argument;
    struct smki_desk_entry *made = &add->made;
    int rc;

    *made = *add->asked;
    made->received_at = store_change_time(change);
    if ((rc = credential_stands(store_change_view(change), made->credential, err)) != 0 ||
        (rc = store_next_number(change, STORE_COUNT_DESK, &made->number, err)) != 0 ||
        (rc = bounds_check(store_change_view(change), made, made->received_at, &add->retry_at, err)) != 0 ||
        (rc = desk_put(change, made, err)) != 0)
        return rc;
    return add_record(change, add->actor, made, err);
}

int desk_add(struct smki_store *store, const struct smki_actor *actor, struct smki_desk_entry *entry, struct smki_time *retry_at,
             struct smki_error *err)
{
    struct desk_change add = {.actor = actor, .asked = entry};
    int rc;

    retry_at->us = 0;
    if ((rc = desk_check(entry, err)) != 0)
        return rc;
    if ((rc = store_change(store, add_change, &add, err)) == 0)
        *entry = add.made;
    *retry_at = add.retry_at;
    return rc;
}

/* ---- what became of it ---- */

static int close_change(struct store_change *change, void *argument, struct smki_error *err)
{
    struct desk_change *closing = argument;
    struct smki_desk_entry *entry = &closing->made;
    char at[SMKI_TIME_TEXT_SIZE];
    int rc = desk_get(store_change_view(change), closing->number, entry, err);

    if (rc != 0)
        return rc;
    if (entry->closed_at.us != 0)
        return smki_fail(err, SMKI_DESK_STATE, "report %llu was closed at %s", (unsigned long long)entry->number,
                         smki_time_text_people(entry->closed_at, at));
    entry->closed_at = store_change_time(change);
    if ((rc = desk_put(change, entry, err)) != 0)
        return rc;
    return record_act(change, closing->actor, SMKI_ACT_DESK, entry->party, entry->number, "closed", err);
}

int desk_close(struct smki_store *store, const struct smki_actor *actor, uint64_t number, struct smki_error *err)
{
    struct desk_change closing = {.actor = actor, .number = number};

    return store_change(store, close_change, &closing, err);
}

static int forget_change(struct store_change *change, void *argument, struct smki_error *err)
{
    struct desk_change *forgetting = argument;
    struct smki_desk_entry *entry = &forgetting->made;
    const int64_t before = store_change_time(change).us - SMKI_DESK_KEPT;
    struct phrase phrase = {0};
    struct smki_error why = {0};
    uint64_t number = 0;
    int rc;

    forgetting->number = 0;
    while ((rc = desk_next(store_change_view(change), number, entry, &why)) == 0) {
        number = entry->number;
        if (entry->closed_at.us == 0 || entry->closed_at.us > before)
            continue;
        if ((rc = store_document_remove(change, STORE_DESK, number, err)) != 0)
            return rc;
        forgetting->number++;
    }
    if (rc != SMKI_NOT_FOUND)
        return smki_fail(err, rc, "%s", why.text);
    if (forgetting->number == 0)
        return 0;
    phrase_add(&phrase, "removed %llu that were closed a year ago", (unsigned long long)forgetting->number);
    return record_act(change, forgetting->actor, SMKI_ACT_DESK, 0, 0, phrase.text, err);
}

int desk_forget(struct smki_store *store, const struct smki_actor *actor, uint64_t *count, struct smki_error *err)
{
    struct desk_change forgetting = {.actor = actor};
    int rc = store_change(store, forget_change, &forgetting, err);

    *count = rc == 0 ? forgetting.number : 0;
    return rc;
}

static int note_change(struct store_change *change, void *argument, struct smki_error *err)
{
    struct desk_change *note = argument;
    struct smki_desk_entry *entry = &note->made;
    int rc = desk_get(store_change_view(change), note->number, entry, err);

    if (rc != 0)
        return rc;
    if (note->failure == NULL) {
        entry->sent_at = store_change_time(change);
        entry->failure[0] = '\0';
    } else {
        entry->attempts++;
        snprintf(entry->failure, sizeof(entry->failure), "%.*s", (int)sizeof(entry->failure) - 1, note->failure);
        text_tidy(entry->failure);
    }
    return desk_put(change, entry, err);
}

int desk_note(struct smki_store *store, uint64_t number, const char *failure, struct smki_error *err)
{
    struct desk_change note = {.number = number, .failure = failure};

    return store_change(store, note_change, &note, err);
}
