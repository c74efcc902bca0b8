/* Planned Maintenance told in the client's format (interfaces.md 2). The XML is the service's own document; these are the others. */
#include "webservice/web_i.h"

#include <smki/maintenance.h>

#include <cjson/cJSON.h>
#include <string.h>

static int html_text(struct smki_buffer *out, const char *text)
{
    int rc = 0;

    for (; *text != '\0' && rc == 0; text++) {
        const char *name = *text == '&' ? "&amp;" : *text == '<' ? "&lt;" : *text == '>' ? "&gt;" : *text == '"' ? "&quot;" : NULL;

        rc = name != NULL ? smki_buffer_append(out, name, strlen(name), NULL) : smki_buffer_append(out, text, 1, NULL);
    }
    return rc;
}

static int html_write(struct smki_buffer *out, const struct smki_maintenance *maintenance, const struct smki_refusal *refusal)
{
    char until[SMKI_TIME_TEXT_SIZE];
    int rc = smki_buffer_printf(out, NULL,
                                "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"UTF-8\"><title>%s</title></head>\n"
                                "<body>\n<h1>%s</h1>\n<p>",
                                refusal->text, refusal->text);

    if (rc != 0 || (rc = html_text(out, maintenance->text)) != 0)
        return rc;
    return smki_buffer_printf(out, NULL, "</p>\n<p>The service is expected back at %s.</p>\n<p>%s</p>\n</body>\n</html>\n",
                              smki_time_text_people(maintenance->to, until), refusal->wire_code);
}

static int json_write(struct smki_buffer *out, const struct smki_maintenance *maintenance, const struct smki_refusal *refusal)
{
    char until[SMKI_TIME_TEXT_SIZE];
    cJSON *json = cJSON_CreateObject();
    char *text = NULL;
    int rc = SMKI_NO_MEMORY;

    if (cJSON_AddStringToObject(json, "status", smki_status_word(refusal->status)) != NULL &&
        cJSON_AddStringToObject(json, "code", refusal->wire_code) != NULL &&
        cJSON_AddStringToObject(json, "text", maintenance->text) != NULL &&
        cJSON_AddStringToObject(json, "until", smki_time_text_utc(maintenance->to, until)) != NULL &&
        (text = cJSON_PrintUnformatted(json)) != NULL)
        rc = smki_buffer_printf(out, NULL, "%s\n", text);
    cJSON_free(text);
    cJSON_Delete(json);
    return rc;
}

const char *notice_write(struct smki_buffer *out, const struct serve_request *request)
{
    const enum answer_format format = accept_format(serve_header(request, "Accept"));
    const struct smki_refusal *refusal = smki_refusal_find(SMKI_MAINTENANCE);
    struct smki_maintenance maintenance;
    struct smki_buffer body = {0};

    if (format == ANSWER_XML || smki_maintenance_now(serve_service(request), &maintenance, NULL) != 0)
        return XML_MEDIA_TYPE;
    if ((format == ANSWER_HTML ? html_write : json_write)(&body, &maintenance, refusal) != 0) {
        smki_buffer_finish(&body);
        return XML_MEDIA_TYPE;
    }
    smki_buffer_finish(out);
    *out = body;
    return format == ANSWER_HTML ? "text/html;charset=UTF-8" : "application/json";
}
