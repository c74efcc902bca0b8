/* Bulletins in the store. One that was taken down keeps its row, so that its number stays its own. */
#include "registry/document_i.h"

cJSON *smki_bulletin_json(const struct smki_bulletin *bulletin)
{
    cJSON *object = cJSON_CreateObject();
    bool ok = json_number(object, "number", bulletin->number) && json_time(object, "from", bulletin->from) &&
              json_time(object, "to", bulletin->to) && json_time(object, "taken_down_at", bulletin->taken_down_at) &&
              json_text(object, "text", bulletin->text);

    return json_complete(object, ok);
}

bool smki_bulletin_is_shown(const struct smki_bulletin *bulletin, struct smki_time at)
{
    return bulletin->taken_down_at.us == 0 && bulletin->from.us <= at.us && (bulletin->to.us == 0 || at.us < bulletin->to.us);
}

/* Reads an opened document, and closes it. */
static int bulletin_read(struct document *row, struct smki_bulletin *out, struct smki_error *err)
{
    *out = (struct smki_bulletin){.number = row->number};
    out->from = document_time(row, "from");
    out->to = document_time(row, "to");
    out->taken_down_at = document_time(row, "taken_down_at");
    document_text(row, "text", out->text, sizeof(out->text));
    return document_close(row, err);
}

int bulletin_next(struct store_view *view, uint64_t number, struct smki_bulletin *out, struct smki_error *err)
{
    struct document row;
    int rc = document_open_next(&row, view, STORE_BULLETIN, &number, "bulletin", err);

    return rc != 0 ? rc : bulletin_read(&row, out, err);
}

static int bulletin_get(struct store_view *view, uint64_t number, struct smki_bulletin *out, struct smki_error *err)
{
    struct document row;
    int rc = document_open(&row, view, STORE_BULLETIN, number, "bulletin", err);

    if (rc != 0 || (rc = bulletin_read(&row, out, err)) != 0)
        return rc;
    if (out->taken_down_at.us != 0)
        return smki_fail(err, SMKI_NOT_FOUND, "bulletin %llu was taken down before", (unsigned long long)number);
    return 0;
}

static int bulletin_check(const struct smki_bulletin *bulletin, struct smki_time now, struct smki_error *err)
{
    int rc = text_lines_check(bulletin->text, sizeof(bulletin->text), "text", err);

    if (rc != 0)
        return rc;
    if (bulletin->to.us != 0 && bulletin->to.us <= bulletin->from.us)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "a bulletin ends after it begins");
    if (bulletin->to.us != 0 && bulletin->to.us <= now.us)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "that is over already: nobody would see it");
    return 0;
}

static int bulletin_write(struct store_change *change, const struct smki_actor *actor, const struct smki_bulletin *bulletin,
                          const char *what, struct smki_error *err)
{
    struct phrase phrase = {0};
    int rc = document_put(change, STORE_BULLETIN, bulletin->number, smki_bulletin_json(bulletin), err);

    if (rc != 0)
        return rc;
    phrase_add(&phrase, "%s", what);
    phrase_add(&phrase, "%s", bulletin->text);
    return record_act(change, actor, SMKI_ACT_BULLETIN, 0, bulletin->number, phrase.text, err);
}

int bulletin_add(struct store_change *change, const struct smki_actor *actor, struct smki_bulletin *bulletin, struct smki_error *err)
{
    const struct smki_time now = store_change_time(change);
    int rc;

    if (bulletin->from.us == 0)
        bulletin->from = now;
    bulletin->taken_down_at.us = 0;
    if ((rc = bulletin_check(bulletin, now, err)) != 0 ||
        (rc = store_next_number(change, STORE_COUNT_BULLETIN, &bulletin->number, err)) != 0)
        return rc;
    return bulletin_write(change, actor, bulletin, "put up", err);
}

int bulletin_remove(struct store_change *change, const struct smki_actor *actor, uint64_t number, struct smki_error *err)
{
    struct smki_bulletin bulletin;
    int rc = bulletin_get(store_change_view(change), number, &bulletin, err);

    if (rc != 0)
        return rc;
    bulletin.taken_down_at = store_change_time(change);
    return bulletin_write(change, actor, &bulletin, "taken down", err);
}
