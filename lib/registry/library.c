/* What is known of the files of the document library. A document that was removed keeps its row, so that its number stays its own. */
#include "registry/document_i.h"

#include <string.h>

#define DATE_SIZE 16

/* What is not in this list is offered as octets to be saved: HTML and SVG can act, and an officer's session is what they would act with. */
static const struct {
    const char *ending, *media_type;
} media_types[] = {
    {".pdf", "application/pdf"},
    {".txt", "text/plain;charset=UTF-8"},
    {".csv", "text/csv;charset=UTF-8"},
    {".zip", "application/zip"},
    {".pem", "application/x-pem-file"},
    {".crt", "application/pkix-cert"},
    {".cer", "application/pkix-cert"},
    {".crl", "application/pkix-crl"},
    {".docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    {".xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    {".odt", "application/vnd.oasis.opendocument.text"},
};

static const char *media_type_of(const char *name)
{
    const char *ending = strrchr(name, '.');

    for (size_t i = 0; ending != NULL && i < ARRAY_COUNT(media_types); i++)
        if (word_same(ending, media_types[i].ending))
            return media_types[i].media_type;
    return "application/octet-stream";
}

const char *file_name_tidy(char out[SMKI_FILE_NAME_SIZE], const char *path)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path, *ending;
    size_t size, end;

    name += strspn(name, ".-");
    ending = strrchr(name, '.');
    end = ending != NULL && strlen(ending) < SMKI_FILE_NAME_SIZE / 2 ? strlen(ending) : 0;
    size = strlen(name) - end;
    if (size > SMKI_FILE_NAME_SIZE - 1 - end)
        size = SMKI_FILE_NAME_SIZE - 1 - end;
    memcpy(out, name, size);
    memcpy(out + size, name + strlen(name) - end, end);
    out[size + end] = '\0';
    for (char *at = out; *at != '\0'; at++)
        if (strchr(allowed, *at) == NULL)
            *at = '-';
    if (out[0] == '\0')
        memcpy(out, "file", 5);
    return out;
}

cJSON *smki_document_json(const struct smki_document *document)
{
    const struct smki_civil day = smki_time_to_uk(document->date);
    cJSON *object = cJSON_CreateObject();
    char date[DATE_SIZE];
    bool ok;

    snprintf(date, sizeof(date), "%04d-%02u-%02u", (int)day.year % 10000, day.month % 100u, day.day % 100u);
    ok = json_number(object, "number", document->number) && json_text(object, "title", document->title) &&
         json_text(object, "version", document->version) && json_text(object, "date", date) && json_text(object, "name", document->name) &&
         json_text(object, "media_type", media_type_of(document->name)) && json_number(object, "size", document->size) &&
         json_hex(object, "sha256", BYTES(document->sha256, SHA256_SIZE)) && json_time(object, "added_at", document->added_at);
    return json_complete(object, ok);
}

/* Reads an opened document, and closes it. */
static int library_read(struct document *row, struct smki_document *out, bool *removed, struct smki_error *err)
{
    *out = (struct smki_document){.number = row->number};
    document_text(row, "title", out->title, sizeof(out->title));
    document_text(row, "version", out->version, sizeof(out->version));
    out->date = document_time(row, "date");
    document_text(row, "name", out->name, sizeof(out->name));
    out->media_type = media_type_of(out->name);
    out->size = document_number(row, "size");
    document_hex(row, "sha256", out->sha256, sizeof(out->sha256));
    out->added_at = document_time(row, "added_at");
    *removed = document_time(row, "removed_at").us != 0;
    return document_close(row, err);
}

static int library_put(struct store_change *change, const struct smki_document *document, struct smki_time removed_at,
                       struct smki_error *err)
{
    cJSON *object = smki_document_json(document);

    object = json_complete(object, object != NULL && json_time(object, "removed_at", removed_at));
    return document_put(change, STORE_LIBRARY, document->number, object, err);
}

int library_get(struct store_view *view, uint64_t number, struct smki_document *out, struct smki_error *err)
{
    struct document row;
    bool removed;
    int rc;

    if ((rc = document_open(&row, view, STORE_LIBRARY, number, "document", err)) != 0 || (rc = library_read(&row, out, &removed, err)) != 0)
        return rc;
    return removed ? smki_fail(err, SMKI_NOT_FOUND, "document %llu was removed", (unsigned long long)number) : 0;
}

int library_next(struct store_view *view, uint64_t number, struct smki_document *out, struct smki_error *err)
{
    struct document row;
    bool removed;
    int rc;

    while ((rc = document_open_next(&row, view, STORE_LIBRARY, &number, "document", err)) == 0 &&
           (rc = library_read(&row, out, &removed, err)) == 0)
        if (!removed)
            return 0;
    return rc;
}

int library_check(const struct smki_document *document, struct smki_error *err)
{
    int rc = text_check(document->title, sizeof(document->title), "title", err);

    return rc != 0 ? rc : text_check(document->version, sizeof(document->version), "version", err);
}

static int is_new(struct store_view *view, const struct smki_document *document, struct smki_error *err)
{
    struct smki_document one = {.number = 0};
    struct smki_error why = {0};
    int rc;

    while ((rc = library_next(view, one.number, &one, &why)) == 0)
        if (strcmp(one.title, document->title) == 0 && strcmp(one.version, document->version) == 0)
            return smki_fail(err, SMKI_ALREADY_EXISTS, "\"%s\" version %s is there as document %llu; remove that, or give another version",
                             one.title, one.version, (unsigned long long)one.number);
    return rc == SMKI_NOT_FOUND ? 0 : smki_fail(err, rc, "%s", why.text);
}

static int library_record(struct store_change *change, const struct smki_actor *actor, const char *what,
                          const struct smki_document *document, struct smki_error *err)
{
    struct phrase phrase = {0};
    char hex[2 * SHA256_SIZE + 1];

    phrase_add(&phrase, "%s, sha256 %s", what, hex_encode(hex, document->sha256, SHA256_SIZE));
    phrase_add(&phrase, "version %s", document->version);
    phrase_add(&phrase, "%s", document->title);
    return record_act(change, actor, SMKI_ACT_DOCUMENT, 0, document->number, phrase.text, err);
}

int library_add(struct store_change *change, const struct smki_actor *actor, struct smki_document *document, struct smki_error *err)
{
    const struct smki_time never = {0};
    int rc;

    if ((rc = library_check(document, err)) != 0 || (rc = is_new(store_change_view(change), document, err)) != 0 ||
        (rc = store_next_number(change, STORE_COUNT_LIBRARY, &document->number, err)) != 0)
        return rc;
    document->added_at = store_change_time(change);
    document->date = smki_time_uk_day(document->date.us != 0 ? document->date : document->added_at, 0);
    document->media_type = media_type_of(document->name);
    if ((rc = library_put(change, document, never, err)) != 0)
        return rc;
    return library_record(change, actor, "added", document, err);
}

int library_remove(struct store_change *change, const struct smki_actor *actor, uint64_t number, struct smki_error *err)
{
    struct smki_document document;
    int rc;

    if ((rc = library_get(store_change_view(change), number, &document, err)) != 0 ||
        (rc = library_put(change, &document, store_change_time(change), err)) != 0)
        return rc;
    return library_record(change, actor, "removed", &document, err);
}
