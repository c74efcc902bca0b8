/* How answers look in HTTP. */
#include "portal/portal_i.h"

#include <smki/maintenance.h>

#include <inttypes.h>
#include <string.h>

#define RETRY_SECONDS 5 /* until a service that cannot just now is asked again */
#define UNRECORDED                                                                                                                         \
    (UINT64_C(1) << 52) /* transactions of chance begin here: exact in JavaScript's numbers, and counting does not get there */

static const struct {
    const char *name, *value;
} headers[] = {
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
     "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
    {"Referrer-Policy", "no-referrer"},
    {"Strict-Transport-Security", "max-age=31536000"},
    {"Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
};

void answer_headers(struct serve_request *request, bool store)
{
    for (size_t i = 0; i < COUNT_OF(headers); i++)
        serve_header_add(request, headers[i].name, headers[i].value);
    serve_header_add(request, "Cache-Control", store ? "no-cache" : "no-store");
}

int answer_json(struct serve_request *request, int status, cJSON *json)
{
    struct smki_buffer body = {0};
    char *text = json != NULL ? cJSON_PrintUnformatted(json) : NULL;
    int rc = text != NULL ? smki_buffer_printf(&body, NULL, "%s\n", text) : SMKI_NO_MEMORY;

    cJSON_free(text);
    cJSON_Delete(json);
    if (rc != 0) {
        smki_buffer_finish(&body);
        return rc;
    }
    answer_headers(request, false);
    return serve_reply(request, status, JSON_MEDIA_TYPE, &body);
}

/* filename for old readers, filename* for all others (RFC 6266; RFC 8187). */
void answer_file_name(struct serve_request *request, const char *name)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
    char value[64 + 4 * SMKI_BATCH_FILE_SIZE] = "attachment; filename=\"";
    size_t used = strlen(value);

    for (const char *at = name; *at != '\0' && used < SMKI_BATCH_FILE_SIZE; at++)
        value[used++] = strchr(plain, *at) != NULL ? *at : '_';
    used += (size_t)snprintf(value + used, sizeof(value) - used, "\"; filename*=UTF-8''");
    for (const char *at = name; *at != '\0' && used + 4 < sizeof(value); at++)
        used += (size_t)snprintf(value + used, sizeof(value) - used, strchr(plain, *at) != NULL ? "%c" : "%%%02X", (unsigned char)*at);
    serve_header_add(request, "Content-Disposition", value);
}

void answer_retry_after(struct serve_request *request, struct smki_time at)
{
    const int64_t wait = at.us == INT64_MAX ? 0 : at.us - smki_service_now(serve_service(request)).us;
    char text[24];

    snprintf(text, sizeof(text), "%" PRId64, wait / SMKI_SECOND + (wait % SMKI_SECOND > 0));
    if (wait > 0)
        serve_header_add(request, "Retry-After", text);
}

/* ---- refusals ---- */

/* What the outside is told: of access, nothing but that it was refused (interfaces.md 3); of what failed inside us, the list's words and a
 * number that the log has too. */
struct refusal {
    const struct smki_refusal *line;
    const char *text;
    int status;
    uint64_t transaction; /* 0: none */
};

static uint64_t transaction_make(void)
{
    uint64_t number = 0;

    if (smki_random_system.fill(smki_random_system.context, &number, sizeof(number)) != 0)
        number = 0;
    return UNRECORDED | (number & (UNRECORDED - 1));
}

static int refusal_status(const struct smki_refusal *line)
{
    switch (line->code) {
    case SMKI_INVALID_ARGUMENT: /* what officers write */
        return 400;
    case SMKI_BATCH_UNKNOWN:
        return 404;
    default:
        return line->http_status == 200 ? 422 : line->http_status; /* the list's 200 is for documents that say it themselves */
    }
}

static struct refusal refusal_of(const struct serve_request *request, int code, const char *text)
{
    struct refusal out = {.line = smki_refusal_find(code), .text = text};

    out.status = refusal_status(out.line);
    if (smki_access_is_refusal(code)) {
        out.line = smki_refusal_find(SMKI_IKI_UNREGISTERED);
        out.text = "access refused";
        out.status = 403;
    } else if (out.status == 500) {
        out.transaction = transaction_make();
        serve_refusal_tell(request, out.transaction, code, text != NULL ? text : out.line->text);
        out.text = out.line->text;
    } else if (text == NULL || text[0] == '\0') {
        out.text = out.line->text;
    }
    return out;
}

/* Not before it is worth asking again. */
static struct smki_time whole_second(struct smki_time time)
{
    const int64_t over = time.us % SMKI_SECOND;

    return (struct smki_time){over == 0 || time.us > INT64_MAX - SMKI_SECOND ? time.us : time.us - over + SMKI_SECOND};
}

static int json_refusal(struct serve_request *request, const struct refusal *refusal, struct smki_time retry_at)
{
    cJSON *json = cJSON_CreateObject(), *error = cJSON_AddObjectToObject(json, "error");
    bool ok = cJSON_AddStringToObject(error, "code", refusal->line->wire_code) != NULL &&
              cJSON_AddStringToObject(error, "name", refusal->line->name) != NULL &&
              cJSON_AddStringToObject(error, "text", refusal->text) != NULL &&
              (retry_at.us <= 0 || smki_json_time(error, "retryAt", whole_second(retry_at))) &&
              (refusal->transaction == 0 || json_add_number(error, "transaction", refusal->transaction));

    return answer_json(request, refusal->status, json_whole(json, ok));
}

static int html_text(struct smki_buffer *out, const char *text)
{
    int rc = 0;

    for (; *text != '\0' && rc == 0; text++) {
        const char *name = *text == '&' ? "&amp;" : *text == '<' ? "&lt;" : *text == '>' ? "&gt;" : *text == '"' ? "&quot;" : NULL;

        rc = name != NULL ? smki_buffer_append(out, name, strlen(name), NULL) : smki_buffer_append(out, text, 1, NULL);
    }
    return rc;
}

static const char *html_title(const struct refusal *refusal)
{
    switch (refusal->status) {
    case 403:
        return "Access refused";
    case 404:
        return "Page not found";
    case 503:
        return "The service is not available";
    default:
        return "This request was refused";
    }
}

#define HTML_HEAD                                                                                                                          \
    "<!DOCTYPE html>\n<html lang=\"en-GB\">\n<head>\n<meta charset=\"UTF-8\">\n"                                                           \
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>%s - SMKI Portal</title>\n"                          \
    "<link rel=\"icon\" href=\"/img/mark.svg\" type=\"image/svg+xml\">\n<link rel=\"stylesheet\" href=\"/css/smki.css\">\n</head>\n"       \
    "<body>\n<header class=\"top\"><div class=\"frame\"><div class=\"brand\"><img src=\"/img/mark.svg\" alt=\"\" width=\"36\" "            \
    "height=\"36\">"                                                                                                                       \
    "SMKI Portal</div></div></header>\n<div class=\"frame body alone\">\n<main id=\"main\">\n<h1>%s</h1>\n<p class=\"lead\">"

/* Whoever is not let in is told what may be done, the same whatever was wrong. */
static int html_why(struct smki_buffer *out, const struct refusal *refusal)
{
    return html_text(out, refusal->status != 403 || refusal->line->code != SMKI_IKI_UNREGISTERED
                              ? refusal->text
                              : "The portal does not let this certificate in here. If you hold another one, close all windows of the "
                                "browser, and choose that one when you come back.");
}

static int html_help(struct smki_buffer *out, struct serve_request *request, const struct refusal *refusal)
{
    const char *desk = smki_service_config(serve_service(request))->service_desk;
    char landing[PORTAL_URL_SIZE];
    int rc = smki_buffer_printf(out, NULL, "</p>\n<p>Error code %s.</p>\n<h2>Service Desk</h2>\n<p>", refusal->line->wire_code);

    if (rc == 0)
        rc = html_text(out, desk[0] != '\0' ? desk : "The landing page has a form for a report.");
    if (rc == 0)
        rc = smki_buffer_printf(out, NULL, "</p>\n<p><a href=\"");
    site_url(landing, sizeof(landing), request, 0);
    if (rc == 0)
        rc = html_text(out, landing[0] != '\0' ? landing : "/");
    return rc == 0 ? smki_buffer_printf(out, NULL, "\">Go to the landing page</a></p>\n</main>\n</div>\n</body>\n</html>\n") : rc;
}

static int html_refusal(struct serve_request *request, const struct refusal *refusal)
{
    struct smki_buffer body = {0};
    int rc = smki_buffer_printf(&body, NULL, HTML_HEAD, html_title(refusal), html_title(refusal));

    if (rc == 0)
        rc = html_why(&body, refusal);
    if (rc == 0)
        rc = html_help(&body, request, refusal);
    if (rc != 0) { /* no memory for it: no half of a page either */
        smki_buffer_finish(&body);
        return rc;
    }
    answer_headers(request, false);
    return serve_reply(request, refusal->status, "text/html;charset=UTF-8", &body);
}

/* Asked for by programs, and answered in their form. */
static bool is_api(const struct serve_request *request)
{
    return strncmp(serve_path(request), "/api/", 5) == 0 || strcmp(serve_path(request), "/updates.json") == 0;
}

/* Another's batch, too early, too much: nothing that the library decides and records itself. */
static bool is_for_record(int code)
{
    switch (code) {
    case SMKI_BATCH_UNKNOWN:
    case SMKI_BATCH_NOT_COMPLETED:
    case SMKI_NOT_RELEASED:
    case SMKI_RESULT_EXPIRED:
    case SMKI_NOTICE_MANY:
    case SMKI_DESK_BUSY:
        return true;
    default:
        return false;
    }
}

static void refusal_record(struct serve_request *request, int code, const char *text)
{
    const struct portal_route *row = route_row(request);
    const struct serve_site *site = serve_site_of(request);
    const struct smki_identity *identity = serve_identity(request);
    const struct smki_actor visitor = {.interface = site->interface, .network = site->network};

    if (row != NULL && row->refused != 0 && is_for_record(code)) /* what cannot be recorded is refused all the same */
        (void)!smki_refused(serve_service(request), identity != NULL ? &identity->actor : &visitor, row->refused, batch_of_path(request),
                            serve_peer(request), code, text, NULL);
}

int answer_refusal(struct serve_request *request, int code, const char *text, struct smki_time retry_at)
{
    const struct refusal refusal = refusal_of(request, code, text);
    char label[128];

    refusal_record(request, code, refusal.text);

    snprintf(label, sizeof(label), "service=\"%s\",code=\"%s\"", serve_site_of(request)->name, refusal.line->wire_code);
    serve_count(serve_of(request), "smki_answers_total", label, 1);
    if (retry_at.us > 0)
        answer_retry_after(request, retry_at);
    else if (refusal.status == 503 && code != SMKI_MAINTENANCE && code != SMKI_HTTP_BUSY) /* the server layer has told its own */
        answer_retry_after(request, (struct smki_time){smki_service_now(serve_service(request)).us + RETRY_SECONDS * SMKI_SECOND});
    return is_api(request) ? json_refusal(request, &refusal, retry_at) : html_refusal(request, &refusal);
}

/* In Planned Maintenance a page that people can read, with its pictures, and what it asks for (interfaces.md 2). False: nothing of that. */
static bool maintenance_reply(struct serve_request *request)
{
    const struct pages *pages = portal_of(request)->pages;
    const struct portal_site *site = portal_site_of(request);
    const char *method = serve_method(request), *path = serve_path(request);
    const struct page *page;

    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        return false;
    if (strcmp(path, "/api/public") == 0)
        return public_answer(request, NULL) == 0;
    if (is_api(request))
        return false;
    page = page_find(pages, site, path);
    if (page != NULL && page_is_asset(page))
        return page_reply(request, page, 200) == 0;
    page = page_find(pages, site, "/maintenance.html");
    return page != NULL && page_reply(request, page, 503) == 0;
}

/* The look of the page that tells of a refusal, which is that of the landing page, is for whoever is refused too. */
static bool looks_reply(struct serve_request *request)
{
    const char *path = serve_path(request);
    const struct page *page = page_find(portal_of(request)->pages, portal_site_of(request), path);

    return strcmp(serve_method(request), "GET") == 0 && (strncmp(path, "/css/", 5) == 0 || strncmp(path, "/img/", 5) == 0) &&
           page != NULL && page_reply(request, page, 200) == 0;
}

/* For people who followed a wrong address. False: it was no person, or there is no such page. */
static bool missing_reply(struct serve_request *request)
{
    const char *accept = serve_header(request, "Accept");
    const struct page *page = page_find(portal_of(request)->pages, portal_site_of(request), "/missing.html");

    return !is_api(request) && accept != NULL && strstr(accept, "text/html") != NULL && page != NULL && page_reply(request, page, 404) == 0;
}

void answer_refuse(struct serve_request *request, int code, const char *text)
{
    struct smki_maintenance maintenance;
    struct smki_time retry_at = {0};

    if (code == SMKI_HTTP_PATH && missing_reply(request))
        return;
    if (code == SMKI_MAINTENANCE && maintenance_reply(request))
        return;
    if (smki_access_is_refusal(code) && looks_reply(request))
        return;
    if (code == SMKI_MAINTENANCE && smki_maintenance_now(serve_service(request), &maintenance, NULL) == 0)
        retry_at = maintenance.to;
    (void)answer_refusal(request, code, text, retry_at); /* without memory for it, an empty one with its status goes out */
}
