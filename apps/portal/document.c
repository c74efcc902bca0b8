/* The document library (interfaces.md 8): on the Internet portal, for officers. */
#include "portal/portal_i.h"

#include <smki/document.h>

static cJSON *document_json(const struct smki_document *document)
{
    const struct smki_civil day = smki_time_to_uk(document->date);
    char date[40], path[64], sha256[65];
    cJSON *json = cJSON_CreateObject();
    bool ok;

    snprintf(date, sizeof(date), "%04d-%02u-%02u", (int)day.year, day.month, day.day);
    snprintf(path, sizeof(path), "/api/documents/%llu", (unsigned long long)document->number);
    for (size_t i = 0; i < sizeof(document->sha256); i++)
        snprintf(sha256 + 2 * i, 3, "%02x", document->sha256[i]);
    ok = json_add_number(json, "number", document->number) && json_add_text(json, "title", document->title) &&
         json_add_text(json, "version", document->version) && json_add_text(json, "date", date) &&
         json_add_text(json, "name", document->name) && json_add_text(json, "mediaType", document->media_type) &&
         json_add_number(json, "size", document->size) && json_add_text(json, "sha256", sha256) && json_add_text(json, "href", path) &&
         smki_json_time(json, "addedAt", document->added_at);
    return json_whole(json, ok);
}

int document_list_answer(struct serve_request *request, struct smki_error *err)
{
    struct smki_document document = {0};
    cJSON *json = cJSON_CreateObject(), *array = cJSON_AddArrayToObject(json, "documents");
    bool ok = array != NULL;
    int rc = 0;

    while (ok && (rc = smki_document_next(serve_service(request), document.number, &document, err)) == 0)
        ok = json_push(array, document_json(&document));
    if (rc != 0 && rc != SMKI_NOT_FOUND) {
        cJSON_Delete(json);
        return rc;
    }
    return answer_json(request, 200, json_whole(json, ok));
}

int document_answer(struct serve_request *request, struct smki_error *err)
{
    const uint64_t number = path_number(path_last(request), "");
    struct smki_document document;
    int fd, rc = number == 0 ? SMKI_NOT_FOUND : smki_document_open(serve_service(request), number, &fd, &document, err);

    return rc != 0 ? rc : file_reply(request, fd, document.size, document.media_type, document.name);
}
