/* The one table of what the portal answers, and where. */
#include "portal/portal_i.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CSR_TEXT_MAX 16384 /* octets: the largest CSR as base64 in lines, and room for what was pasted around it */

#define JSON_MAX 32768 /* octets: the longest report, each character escaped, and room */

#define O PART_ORGANISATION
#define D PART_DEVICE
#define GET(path, parts, answer)                                                                                                           \
    {                                                                                                                                      \
        "GET", path, parts, ROUTE_OWN, 0, NULL, answer, NULL, NULL, NULL, 0                                                                \
    }

static const struct portal_route table[] = {
    GET("/api/public", PARTS_ALL, public_answer),
    GET("/api/errors", PARTS_ALL, errors_answer),
    GET("/api/session", O | D, session_answer),
    {"POST", "/api/csr/check", O | D, ROUTE_OWN, CSR_TEXT_MAX, "text/plain", csr_check_answer, NULL, NULL, NULL, 0},
    {"POST", "/api/csr", O | D, ROUTE_OWN | ROUTE_PROOF, CSR_TEXT_MAX, "text/plain", csr_issue_answer, NULL, NULL, NULL, 0},
    GET("/api/certificates", O | D, certificate_find_answer),
    GET("/api/certificates/*", O | D, certificate_file_answer),
    GET("/api/pickup", O | D, pickup_answer),
    {"POST", "/api/batches", D, ROUTE_OWN | ROUTE_PROOF, UINT64_MAX, "application/zip", batch_upload_answer, batch_upload_open,
     batch_upload_feed, batch_upload_close, 0},
    GET("/api/batches", D, batch_list_answer),
    {"GET", "/api/batches/*", D, ROUTE_OWN, 0, NULL, batch_answer, NULL, NULL, NULL, SMKI_ACT_BATCH_POLL},
    {"GET", "/api/batches/*/response.zip", D, ROUTE_OWN, 0, NULL, batch_result_answer, NULL, NULL, batch_result_close,
     SMKI_ACT_RESULT_READ},
    {"GET", "/api/batches/*/report.txt", D, ROUTE_OWN, 0, NULL, batch_result_answer, NULL, NULL, batch_result_close, SMKI_ACT_RESULT_READ},
    GET("/api/forecast", D, forecast_answer),
    GET("/api/night", D, night_answer),
    GET("/api/demand", O | D, demand_answer),
    GET("/api/notices", O | D, notice_list_answer),
    {"POST", "/api/notices", O | D, ROUTE_OWN | ROUTE_PROOF, JSON_MAX, "application/json", notice_add_answer, NULL, NULL, NULL,
     SMKI_ACT_DEMAND_NOTICE},
    {"GET", "/api/documents", O | D, ROUTE_OWN | ROUTE_INTERNET, 0, NULL, document_list_answer, NULL, NULL, NULL, 0},
    {"GET", "/api/documents/*", O | D, ROUTE_OWN | ROUTE_INTERNET, 0, NULL, document_answer, NULL, NULL, file_close, 0},
    {"POST", "/api/desk", PARTS_ALL, ROUTE_OWN | ROUTE_PROOF, JSON_MAX, "application/json", desk_answer, NULL, NULL, NULL, SMKI_ACT_DESK},
    /* for programs and people alike, by links from anywhere */
    {"GET", "/updates.json", PART_DOWNLOAD, 0, 0, NULL, installer_list_answer, NULL, NULL, NULL, 0},
    {"GET", "/files/*", PART_DOWNLOAD, 0, 0, NULL, installer_answer, NULL, NULL, file_close, 0},
};

/* ---- what each of them is asked before ---- */

static const struct portal_route *row_of(const struct serve_request *request)
{
    return serve_route_of(request)->context;
}

static int row_open(struct serve_request *request, struct smki_error *err)
{
    const struct portal_route *row = row_of(request);
    int rc = (row->flags & ROUTE_OWN) != 0 ? proof_check(request, (row->flags & ROUTE_PROOF) != 0, err) : 0;

    return rc == 0 && row->open != NULL ? row->open(request, err) : rc;
}

const struct portal_route *route_row(const struct serve_request *request)
{
    const struct serve_route *route = serve_route_of(request);

    return route != NULL && route->open == row_open ? route->context : NULL;
}

/* ---- as the server wants them ---- */

static void row_route(struct serve_route *out, const struct portal_route *row, uint64_t upload_max)
{
    *out = (struct serve_route){.method = row->method,
                                .path = row->path,
                                .body_max = row->body_max < upload_max ? row->body_max : upload_max,
                                .media_type = row->media_type,
                                .open = row_open,
                                .feed = row->feed,
                                .answer = row->answer,
                                .close = row->close,
                                .context = row};
}

static void page_route(struct serve_route *out, const struct page *page, const char *path)
{
    *out = (struct serve_route){.method = "GET", .path = path, .quick = true, .head = true, .answer = page_answer, .context = page};
}

static void pages_route(struct portal *portal, struct serve_route *routes, size_t *count, const struct portal_site *site)
{
    for (size_t i = 0; i < pages_count(portal->pages); i++) {
        const struct page *page = pages_at(portal->pages, i);
        const char *path = page_path(page, site);

        if (path != NULL)
            page_route(&routes[(*count)++], page, path);
        if (path != NULL && page_is_start(page, site))
            page_route(&routes[(*count)++], page, "/");
    }
}

int routes_make(struct portal *portal, size_t site, bool internet, uint64_t upload_max, struct smki_error *err)
{
    struct serve_route *routes = calloc(COUNT_OF(table) + 2 * pages_count(portal->pages), sizeof(*routes));
    size_t count = 0;

    if (routes == NULL) {
        snprintf(err->text, sizeof(err->text), "out of memory");
        return SMKI_NO_MEMORY;
    }
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        if ((table[i].parts & portal_sites[site].part) != 0 && (internet || (table[i].flags & ROUTE_INTERNET) == 0))
            row_route(&routes[count++], &table[i], upload_max);
    }
    pages_route(portal, routes, &count, &portal_sites[site]);
    free(portal->routes[site]);
    portal->routes[site] = routes;
    portal->route_counts[site] = count;
    return 0;
}

void routes_drop(struct portal *portal)
{
    for (size_t i = 0; i < PORTAL_SITES; i++)
        free(portal->routes[i]);
}

/* ---- paths ---- */

const char *path_last(const struct serve_request *request)
{
    return strrchr(serve_path(request), '/') + 1;
}

uint64_t path_number(const char *text, const char *end)
{
    const size_t digits = strspn(text, "0123456789");
    uint64_t number;

    if (digits == 0 || text[0] == '0' || strcmp(text + digits, end) != 0)
        return 0;
    errno = 0;
    number = strtoull(text, NULL, 10);
    return errno == 0 ? number : 0;
}
