/* A pasted CSR: what it says, and its certificate. */
#include "portal/portal_i.h"

#include <smki/certificate.h>

static bool is_device(const struct serve_request *request)
{
    return portal_site_of(request)->part == PART_DEVICE;
}

int csr_check_answer(struct serve_request *request, struct smki_error *err)
{
    cJSON *json = NULL;
    int rc = smki_portal_csr_json(&json, serve_service(request), is_device(request) ? SMKI_PROFILE_DEVICE : SMKI_PROFILE_ORGANISATION,
                                  serve_body(request), err);

    return rc != 0 ? rc : answer_json(request, 200, json);
}

static bool pem_add(cJSON *json, const struct smki_stored_certificate *certificate)
{
    struct smki_buffer pem = {0};
    bool ok = smki_pem_encode(&pem, "CERTIFICATE", (struct smki_bytes){certificate->der, certificate->size}, NULL) == 0 &&
              smki_buffer_append(&pem, "", 1, NULL) == 0 && cJSON_AddStringToObject(json, "pem", (const char *)pem.at) != NULL;

    smki_buffer_finish(&pem);
    return ok;
}

static bool left_add(cJSON *json, const struct smki_service *service, const struct smki_allowance *left)
{
    const struct smki_time now = smki_service_now(service);
    cJSON *object = cJSON_CreateObject();
    const bool comes = left->reset > 0 && left->reset != INT64_MAX;
    bool ok = json_add_number(object, "limit", left->limit) && json_add_number(object, "remaining", left->remaining) &&
              smki_json_time(object, "resetAt", (struct smki_time){comes ? now.us + left->reset : 0});

    return json_add(json, "left", json_whole(object, ok));
}

/* What was refused tells what is left, too: in its words, and when to come back. */
static int issue_refusal(struct serve_request *request, int code, const struct smki_error *why, const struct smki_allowance *left)
{
    const struct smki_time now = smki_service_now(serve_service(request));
    const bool waits = code == SMKI_RATE_PORTAL_ADHOC && left->reset > 0 && left->reset != INT64_MAX;

    return answer_refusal(request, code, why->text, (struct smki_time){waits ? now.us + left->reset : 0});
}

int csr_issue_answer(struct serve_request *request, struct smki_error *err)
{
    struct smki_service *service = serve_service(request);
    const struct smki_identity *identity = serve_identity(request);
    struct smki_stored_certificate certificate;
    struct smki_allowance left = {0};
    struct smki_verdict verdict = {.allowed = true};
    struct smki_error why = {0};
    cJSON *json;
    bool ok;
    int rc;

    (void)err;
    rc = is_device(request) ? smki_portal_device_issue(service, identity, serve_body(request), &certificate, &left, &verdict, &why)
                            : smki_portal_organisation_issue(service, identity, serve_body(request), &certificate, &why);
    if (rc != 0)
        return issue_refusal(request, rc, &why, &left);
    serve_count_observed(serve_of(request), SMKI_RULE_PORTAL_ADHOC, &verdict);
    json = cJSON_CreateObject();
    ok = json_add(json, "certificate", certificate_json(request, &certificate)) && pem_add(json, &certificate) &&
         (!is_device(request) || left_add(json, service, &left));
    return answer_json(request, 201, json_whole(json, ok));
}
