/* The Service Desk's form. */
#include "portal/portal_i.h"

#include <smki/desk.h>

static int entry_read(struct smki_desk_entry *out, const struct serve_request *request, struct smki_error *err)
{
    cJSON *body = body_read(request, err);
    int rc = body != NULL ? body_text(body, "name", out->name, sizeof(out->name), err) : SMKI_INVALID_ARGUMENT;

    if (rc == 0)
        rc = body_text(body, "contact", out->contact, sizeof(out->contact), err);
    if (rc == 0)
        rc = body_text(body, "text", out->text, sizeof(out->text), err);
    cJSON_Delete(body);
    return rc;
}

int desk_answer(struct serve_request *request, struct smki_error *err)
{
    const struct serve_site *site = serve_site_of(request);
    struct smki_desk_entry entry = {0};
    struct smki_time retry_at = {0};
    cJSON *json;
    int rc = entry_read(&entry, request, err);

    if (rc == 0)
        rc = smki_desk_report(serve_service(request), serve_identity(request), site->interface, site->network, serve_peer(request), &entry,
                              &retry_at, err);
    if (rc == SMKI_DESK_BUSY)
        return answer_refusal(request, rc, err->text, retry_at);
    if (rc != 0)
        return rc;
    bell_ring(portal_of(request));
    json = cJSON_CreateObject();
    return answer_json(request, 201, json_whole(json, json_add_number(json, "number", entry.number)));
}
