/* Extra demand: announced by an officer, decided by the operator. */
#include "portal/portal_i.h"

#include <smki/notice.h>

#include <string.h>

/* The UK day of a moment: "2026-12-08". */
static bool day_add(cJSON *json, const char *name, struct smki_time time)
{
    const struct smki_civil uk = smki_time_to_uk(time);
    char text[40];

    snprintf(text, sizeof(text), "%04d-%02u-%02u", (int)uk.year, uk.month, uk.day);
    return cJSON_AddStringToObject(json, name, text) != NULL;
}

static bool when_add(cJSON *json, const struct smki_demand_notice *notice)
{
    return smki_json_time(json, "from", notice->from) && smki_json_time(json, "to", notice->to) &&
           day_add(json, "firstDay", notice->from) && day_add(json, "lastDay", (struct smki_time){notice->to.us - 1}) &&
           smki_json_time(json, "notifiedAt", notice->notified_at) && smki_json_time(json, "decidedAt", notice->decided_at) &&
           cJSON_AddBoolToObject(json, "shortNotice", notice->short_notice) != NULL;
}

static cJSON *notice_json(const struct smki_demand_notice *notice)
{
    cJSON *json = cJSON_CreateObject();
    bool ok = json_add_number(json, "number", notice->number) && json_add_text(json, "rule", smki_agreement_rule_word(notice->rule)) &&
              when_add(json, notice) && json_add_number(json, "expected", notice->expected) && json_add_text(json, "text", notice->text) &&
              json_add_text(json, "name", notice->name) && json_add_text(json, "state", smki_notice_state_word(notice->state)) &&
              json_add_number_if(json, "agreement", notice->agreement) && json_add_text(json, "reason", notice->reason);

    return json_whole(json, ok);
}

int notice_list_answer(struct serve_request *request, struct smki_error *err)
{
    const uint64_t party = serve_identity(request)->actor.party;
    struct smki_demand_notice notice = {0};
    cJSON *json = cJSON_CreateObject(), *array = cJSON_AddArrayToObject(json, "notices");
    bool ok = array != NULL;
    int rc = 0;

    while (ok && (rc = smki_notice_next(serve_service(request), party, notice.number, &notice, err)) == 0) {
        cJSON *item = notice_json(&notice);

        ok = item != NULL && cJSON_InsertItemInArray(array, 0, item); /* the newest first */
    }
    if (rc != 0 && rc != SMKI_NOT_FOUND) {
        cJSON_Delete(json);
        return rc;
    }
    return answer_json(request, 200, json_whole(json, ok));
}

/* A form's days are UK days, the last one included. */
static int day_read(struct smki_time *out, const cJSON *body, const char *name, int days, struct smki_error *err)
{
    char text[64];
    int rc = body_text(body, name, text, sizeof(text), err);

    if (rc == 0 && (strlen(text) != 10 || smki_time_parse(out, text, NULL) != 0)) {
        snprintf(err->text, sizeof(err->text), "%s: not a date such as 2026-12-08", name);
        rc = SMKI_TIME_INVALID;
    }
    if (rc == 0)
        *out = smki_time_uk_day(*out, days);
    return rc;
}

static int rule_read(enum smki_rule *out, const cJSON *body, struct smki_error *err)
{
    char word[64];
    int rc = body_text(body, "rule", word, sizeof(word), err);

    if (rc == 0 && !smki_agreement_rule_find(word, out)) {
        snprintf(err->text, sizeof(err->text), "rule: portal-batch, portal-adhoc, adhoc-pace or batch-one");
        rc = SMKI_INVALID_ARGUMENT;
    }
    return rc;
}

static int notice_read(struct smki_demand_notice *out, const cJSON *body, struct smki_error *err)
{
    int rc;

    if ((rc = rule_read(&out->rule, body, err)) != 0 || (rc = day_read(&out->from, body, "firstDay", 0, err)) != 0 ||
        (rc = day_read(&out->to, body, "lastDay", 1, err)) != 0 || (rc = body_count(body, "expected", &out->expected, err)) != 0)
        return rc;
    return body_text(body, "text", out->text, sizeof(out->text), err);
}

int notice_add_answer(struct serve_request *request, struct smki_error *err)
{
    struct smki_demand_notice notice = {0};
    cJSON *body = body_read(request, err), *json;
    int rc = body != NULL ? notice_read(&notice, body, err) : SMKI_INVALID_ARGUMENT;

    cJSON_Delete(body);
    if (rc == 0)
        rc = smki_notice_add(serve_service(request), serve_identity(request), &notice, err);
    if (rc != 0)
        return rc;
    json = cJSON_CreateObject();
    return answer_json(request, 201, json_whole(json, json_add(json, "notice", notice_json(&notice))));
}
