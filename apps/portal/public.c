/* What anybody may know: whose service it is, where it is, what is announced; and the list of errors. */
#include "portal/portal_i.h"

#include <smki/bulletin.h>
#include <smki/maintenance.h>
#include <smki/smki.h>

#include <string.h>

/* ---- addresses ---- */

/* The host name of an address that people use: as configured; else that by which the portal was reached just now. */
static void host_write(char out[SMKI_CONFIG_TEXT_SIZE], const struct serve_request *request, const struct smki_config_web *web)
{
    const char *here = serve_header(request, "Host");
    const size_t size = here == NULL ? 0 : here[0] == '[' ? strcspn(here, "]") + 1 : strcspn(here, ":");

    if (web->host[0] != '\0')
        snprintf(out, SMKI_CONFIG_TEXT_SIZE, "%s", web->host);
    else if (here != NULL && size < SMKI_CONFIG_TEXT_SIZE)
        snprintf(out, SMKI_CONFIG_TEXT_SIZE, "%.*s", (int)size, here);
    else
        snprintf(out, SMKI_CONFIG_TEXT_SIZE, "localhost");
}

/* What is configured as public; else made from host and port; "" when it is not served. */
static void url_write(char out[PORTAL_URL_SIZE], const struct serve_request *request, const char *public, const struct smki_config_web *web,
                      const char *listen, const char *path)
{
    const char *port = strrchr(listen, ':');
    char host[SMKI_CONFIG_TEXT_SIZE];

    host_write(host, request, web);
    if (public[0] != '\0')
        snprintf(out, PORTAL_URL_SIZE, "%s%s", public, path);
    else if (port == NULL)
        out[0] = '\0';
    else
        snprintf(out, PORTAL_URL_SIZE, "https://%s%s%s", host, strcmp(port, ":443") == 0 ? "" : port, path);
}

void site_url(char *out, size_t size, const struct serve_request *request, size_t site)
{
    const struct smki_config *config = smki_service_config(serve_service(request));
    const char *const public[PORTAL_SITES] = {config->portal_url_landing,         config->portal_url_organisation,
                                              config->portal_url_device,          config->portal_url_organisation_internet,
                                              config->portal_url_device_internet, config->portal_url_download};
    const char *given = call_text(portal_of(request)->call, portal_sites[site].option);
    const struct smki_config_web *web = site_config(config, site);
    char url[PORTAL_URL_SIZE];

    url_write(url, request, public[site], web, given != NULL ? given : web->listen, "");
    snprintf(out, size, "%s", url);
}

static cJSON *urls_json(const struct serve_request *request)
{
    const struct smki_config *config = smki_service_config(serve_service(request));
    cJSON *urls = cJSON_CreateObject();
    char url[PORTAL_URL_SIZE];
    bool ok = true;

    for (size_t i = 0; i < PORTAL_SITES; i++) {
        site_url(url, sizeof(url), request, i);
        ok = ok && json_add_text(urls, portal_sites[i].key, url);
    }
    url_write(url, request, config->portal_url_adhoc, &config->web_adhoc, config->web_adhoc.listen, config->web_adhoc_path);
    ok = ok && json_add_text(urls, "adhoc", url);
    url_write(url, request, config->portal_url_batch, &config->web_batch, config->web_batch.listen, config->web_batch_submit_path);
    ok = ok && json_add_text(urls, "batch", url);
    url_write(url, request, config->portal_url_batch, &config->web_batch, config->web_batch.listen, config->web_batch_result_path);
    return json_whole(urls, ok && json_add_text(urls, "batchResult", url));
}

/* ---- browsers ---- */

static cJSON *browsers_json(void)
{
    static const char *const browsers[][2] = {
        {"Google Chrome and Chromium", "the current version"},
        {"Microsoft Edge", "the current version"},
        {"Mozilla Firefox", "the current version and the current Extended Support Release"},
    };
    cJSON *array = cJSON_CreateArray();
    bool ok = array != NULL;

    for (size_t i = 0; i < COUNT_OF(browsers) && ok; i++) {
        cJSON *browser = cJSON_CreateObject();

        ok = cJSON_AddStringToObject(browser, "name", browsers[i][0]) != NULL &&
             cJSON_AddStringToObject(browser, "versions", browsers[i][1]) != NULL;
        ok = json_push(array, json_whole(browser, ok));
    }
    return json_whole(array, ok);
}

/* ---- Planned Maintenance ---- */

static cJSON *maintenance_json(const struct smki_maintenance *maintenance)
{
    cJSON *object = cJSON_CreateObject();
    bool ok = json_add_number(object, "number", maintenance->number) && smki_json_time(object, "from", maintenance->from) &&
              smki_json_time(object, "to", maintenance->to) && cJSON_AddStringToObject(object, "text", maintenance->text) != NULL &&
              cJSON_AddBoolToObject(object, "pauseNight", maintenance->pause_night) != NULL;

    return json_whole(object, ok);
}

static bool is_planned(const struct smki_maintenance *maintenance, struct smki_time now)
{
    return maintenance->started_at.us == 0 && maintenance->ended_at.us == 0 && maintenance->from.us > now.us;
}

static cJSON *planned_json(struct smki_service *service)
{
    const struct smki_time now = smki_service_now(service);
    struct smki_maintenance maintenance = {0};
    cJSON *array = cJSON_CreateArray();
    bool ok = array != NULL;

    while (ok && smki_maintenance_next(service, maintenance.number, &maintenance, NULL) == 0) {
        if (is_planned(&maintenance, now))
            ok = json_push(array, maintenance_json(&maintenance));
    }
    return json_whole(array, ok);
}

static bool maintenance_add(cJSON *object, struct smki_service *service)
{
    struct smki_maintenance maintenance;

    if (smki_maintenance_now(service, &maintenance, NULL) != 0)
        return cJSON_AddNullToObject(object, "maintenance") != NULL;
    return json_add(object, "maintenance", maintenance_json(&maintenance));
}

static cJSON *bulletin_json(const struct smki_bulletin *bulletin)
{
    cJSON *object = cJSON_CreateObject();
    bool ok = json_add_number(object, "number", bulletin->number) && smki_json_time(object, "from", bulletin->from) &&
              smki_json_time(object, "to", bulletin->to) && json_add_text(object, "text", bulletin->text);

    return json_whole(object, ok);
}

/* Those that are shown now. */
static cJSON *bulletins_json(struct smki_service *service)
{
    const struct smki_time now = smki_service_now(service);
    struct smki_bulletin bulletin = {.number = 0};
    cJSON *array = cJSON_CreateArray();
    bool ok = array != NULL;

    while (ok && smki_bulletin_next(service, bulletin.number, &bulletin, NULL) == 0) {
        if (smki_bulletin_is_shown(&bulletin, now))
            ok = json_push(array, bulletin_json(&bulletin));
    }
    return json_whole(array, ok);
}

/* ---- limits that the pages tell of ---- */

static bool daytime_add(cJSON *object, const char *name, unsigned minutes)
{
    char text[16];

    snprintf(text, sizeof(text), "%02u:%02u", minutes / 60 % 24, minutes % 60);
    return cJSON_AddStringToObject(object, name, text) != NULL;
}

static bool seconds_add(cJSON *object, const char *name, int64_t us)
{
    return cJSON_AddNumberToObject(object, name, (double)us / (double)SMKI_SECOND) != NULL;
}

/* When, and how often. */
static bool hours_add(cJSON *object, const struct smki_demand_limits *limits)
{
    return daytime_add(object, "nightStart", limits->night_start) && daytime_add(object, "nightEnd", limits->night_end) &&
           daytime_add(object, "adhocDayFrom", limits->adhoc_day_from) && daytime_add(object, "adhocDayTo", limits->adhoc_day_to) &&
           daytime_add(object, "pollFrom", limits->poll_from) && seconds_add(object, "adhocPaceDay", limits->adhoc_pace_day) &&
           seconds_add(object, "adhocPaceNight", limits->adhoc_pace_night) && seconds_add(object, "pollInterval", limits->poll_interval);
}

static cJSON *limits_json(const struct smki_config *config)
{
    cJSON *object = cJSON_CreateObject();
    bool ok =
        json_add_number(object, "batchCsrs", config->batch_max_csrs) && json_add_number(object, "batchBytes", config->batch_max_upload) &&
        json_add_number(object, "portalBatchCsrs", config->limits.portal_batch_csrs) &&
        json_add_number(object, "portalAdhocCsrs", config->limits.portal_adhoc_csrs) &&
        json_add_number(object, "nightCapacity", config->limits.night_capacity) &&
        json_add_number(object, "deviceCertificates", config->device_certificate_limit) &&
        json_add_number(object, "noticeDays", (uint64_t)(config->limits.agreement_notice / SMKI_DAY)) &&
        json_add_number(object, "keptDays", (uint64_t)(config->limits.result_retention / SMKI_DAY)) && hours_add(object, &config->limits);

    return json_whole(object, ok);
}

/* ---- the whole ---- */

static const char *part_word(unsigned part)
{
    return part == PART_ORGANISATION ? "organisation" : part == PART_DEVICE ? "device" : part == PART_DOWNLOAD ? "download" : "landing";
}

static bool service_add(cJSON *object, struct serve_request *request, const struct smki_config *config)
{
    char token[PROOF_TOKEN_SIZE];

    return cJSON_AddStringToObject(object, "site", part_word(portal_site_of(request)->part)) != NULL &&
           cJSON_AddStringToObject(object, "network", smki_network_word(serve_site_of(request)->network)) != NULL &&
           json_add_text(object, "operator", config->portal_operator) &&
           json_add_text(object, "desk", config->portal_desk[0] != '\0' ? config->portal_desk : config->service_desk) &&
           cJSON_AddStringToObject(object, "version", smki_version()) != NULL &&
           cJSON_AddStringToObject(object, "token", proof_token(request, token)) != NULL;
}

bool public_add(cJSON *object, struct serve_request *request)
{
    struct smki_service *service = serve_service(request);
    const struct smki_config *config = smki_service_config(service);

    return service_add(object, request, config) && json_add(object, "urls", urls_json(request)) &&
           json_add(object, "browsers", browsers_json()) && maintenance_add(object, service) &&
           json_add(object, "planned", planned_json(service)) && json_add(object, "notices", bulletins_json(service)) &&
           json_add(object, "limits", limits_json(config)) && smki_json_time(object, "now", smki_service_now(service));
}

int public_answer(struct serve_request *request, struct smki_error *err)
{
    cJSON *object = cJSON_CreateObject();

    (void)err;
    return answer_json(request, 200, json_whole(object, public_add(object, request)));
}

/* ---- errors ---- */

static cJSON *error_json(const struct smki_refusal *line)
{
    cJSON *object = cJSON_CreateObject();
    bool ok = cJSON_AddStringToObject(object, "code", line->wire_code) != NULL &&
              cJSON_AddStringToObject(object, "name", line->name) != NULL &&
              cJSON_AddStringToObject(object, "status", smki_status_word(line->status)) != NULL &&
              cJSON_AddStringToObject(object, "text", line->text) != NULL;

    return json_whole(object, ok);
}

int errors_answer(struct serve_request *request, struct smki_error *err)
{
    size_t count;
    const struct smki_refusal *list = smki_refusal_list(&count);
    cJSON *object = cJSON_CreateObject(), *array = cJSON_AddArrayToObject(object, "errors");
    bool ok = array != NULL;

    (void)err;
    for (size_t i = 0; i < count && ok; i++)
        ok = json_push(array, error_json(&list[i]));
    return answer_json(request, 200, json_whole(object, ok));
}
