/* What the files of smki-portal share: its sites, the one table of routes, and how answers look.
 *
 * Words. A site is what answers under one address and host name: landing, Organisation part, Device part (each of the two by the Gateway
 * and by the Internet), download area. An officer is who came with an IKI credential. The proof is what shows that a request was made by
 * the portal's own pages: the client certificate is sent by the browser whoever asks, so it alone shows nothing. A page is any file of the
 * www folder. */
#ifndef PORTAL_PORTAL_I_H
#define PORTAL_PORTAL_I_H

#include "command/command.h"
#include "serve/serve.h"

#include <smki/batch.h>
#include <smki/portal.h>

#define PART_LANDING      1u
#define PART_ORGANISATION 2u
#define PART_DEVICE       4u
#define PART_DOWNLOAD     8u
#define PARTS_OFFICER     (PART_ORGANISATION | PART_DEVICE)
#define PARTS_ALL         (PART_LANDING | PARTS_OFFICER | PART_DOWNLOAD)

struct portal;

/* ---- sites.c ---- */

struct portal_site {
    const char *name;   /* of the site in logs and metrics */
    const char *key;    /* in addresses that the pages are told: "organisationInternet" */
    const char *option; /* of the command line: "listen-organisation" */
    unsigned part;
    bool internet; /* this site is for the Internet; landing and download say so in the configuration */
    enum smki_interface interface;
    const char *folder; /* its own pages, below www */
    const char *start;  /* the page that "/" is */
};
#define PORTAL_SITES 6
extern const struct portal_site portal_sites[PORTAL_SITES];

struct portal {
    const struct call *call;
    struct pages *pages;
    char www[SMKI_CONFIG_TEXT_SIZE]; /* portal.www, as it was at the start */
    uint8_t proof_key[32];
    struct serve_route *routes[PORTAL_SITES];
    size_t route_counts[PORTAL_SITES];
    struct turns *turns; /* demand.c */
    struct told *told;   /* told.c */
    struct makers *makers; /* maker.c */
    struct bell *bell;   /* bell.c */
};

/* Fills the sites from the configuration; the command line has the last word on addresses. A site without an address is not there. */
int sites_fill(void *context, const struct smki_config *config, struct serve_site *sites, size_t capacity, size_t *count,
               struct smki_error *err);
const struct smki_config_web *site_config(const struct smki_config *config, size_t site);
struct portal *portal_of(const struct serve_request *request);
const struct portal_site *portal_site_of(const struct serve_request *request);

/* ---- routes.c: the one table ---- */

enum {
    ROUTE_OWN = 1,      /* other sites' pages may not ask; each route of /api has it */
    ROUTE_PROOF = 2,    /* changes something: the token too */
    ROUTE_INTERNET = 4, /* on sites for the Internet only */
};

struct portal_route {
    const char *method, *path;
    unsigned parts, flags;
    uint64_t body_max;
    const char *media_type;
    int (*answer)(struct serve_request *request, struct smki_error *err);
    int (*open)(struct serve_request *request, struct smki_error *err);
    int (*feed)(struct serve_request *request, struct smki_bytes bytes, struct smki_error *err);
    void (*close)(struct serve_request *request, bool delivered);
    enum smki_act refused; /* what a refusal is recorded as that is no decision of the library's; 0: nothing is recorded */
};
/* The row of a request to the API; NULL: it is of none. */
const struct portal_route *route_row(const struct serve_request *request);

/* The routes of a site: of the table, and its pages. `upload_max`: octets of a batch. */
int routes_make(struct portal *portal, size_t site, bool internet, uint64_t upload_max, struct smki_error *err);
void routes_drop(struct portal *portal);
/* The last segment of the path, and the one before it: "/api/batches/7/report.txt". */
const char *path_last(const struct serve_request *request);
/* A number as we write it: digits alone, the first of them not 0; anything else is 0. `end`: what must follow it. */
uint64_t path_number(const char *text, const char *end);

/* ---- page.c: the files of the www folder, in memory ---- */

struct page;
int pages_read(struct pages **out, const char *folder, struct smki_error *err);
void pages_free(struct pages *pages);
size_t pages_count(const struct pages *pages);
const struct page *pages_at(const struct pages *pages, size_t index);
/* Under which path the site has it; NULL: not at all. `path` (of the answer) lives as long as the pages. */
const char *page_path(const struct page *page, const struct portal_site *site);
bool page_is_start(const struct page *page, const struct portal_site *site);
/* The page that the site has under this path; NULL: none. */
const struct page *page_find(const struct pages *pages, const struct portal_site *site, const char *path);
/* Style, script, picture: what a page needs to be seen. */
bool page_is_asset(const struct page *page);
int page_reply(struct serve_request *request, const struct page *page, int status);
int page_answer(struct serve_request *request, struct smki_error *err); /* of the route's own page */

/* ---- proof.c ---- */

#define PROOF_TOKEN_SIZE 65 /* hexadecimal and NUL */
#define PROOF_HEADER     "X-SMKI-Token"
int proof_begin(struct portal *portal, struct smki_error *err);
/* The token of the TLS session that the request came by. Returns out. */
const char *proof_token(const struct serve_request *request, char out[PROOF_TOKEN_SIZE]);
/* 0, or PROOF. `token`: it must be there, and right. */
int proof_check(struct serve_request *request, bool token, struct smki_error *err);

/* ---- answer.c ---- */

#define JSON_MEDIA_TYPE "application/json"

/* The headers that every answer has. */
void answer_headers(struct serve_request *request, bool store);
/* Frees `json`; NULL is out of memory. */
int answer_json(struct serve_request *request, int status, cJSON *json);
/* An attachment of this name (any UTF-8; RFC 6266). */
void answer_file_name(struct serve_request *request, const char *name);
void answer_retry_after(struct serve_request *request, struct smki_time at);
/* The site's `refuse`. */
void answer_refuse(struct serve_request *request, int code, const char *text);
/* The same from inside a route, with when to come back ({0}: not known): returns 0. */
int answer_refusal(struct serve_request *request, int code, const char *text, struct smki_time retry_at);
/* What a step of a route returns that has replied itself. */
#define ANSWERED 100

/* ---- file.c ---- */

struct file {
    int fd;
    int64_t offset;
};
/* Sends an open file, which is closed by file_close: the `close` of the route. */
int file_reply(struct serve_request *request, int fd, uint64_t size, const char *media_type, const char *name);
void file_close(struct serve_request *request, bool delivered);
/* The same of a place that is the caller's and lives until the route's `close`; the caller closes. */
int file_send(struct serve_request *request, struct file *file, uint64_t size, const char *media_type, const char *name);

/* ---- json.c ---- */

/* A member of this name; frees `item` on failure; false for NULL. */
bool json_add(cJSON *object, const char *name, cJSON *item);
bool json_push(cJSON *array, cJSON *item);
/* null for "" and NULL. */
bool json_add_text(cJSON *object, const char *name, const char *text);
/* The object, or NULL and freed when it was not made whole. */
cJSON *json_whole(cJSON *object, bool ok);

/* ---- body.c: what the forms send ---- */

/* The body's object, for the caller to free; NULL: it is none (err tells). */
cJSON *body_read(const struct serve_request *request, struct smki_error *err);
/* A text ("" when it is not there); a whole number. INVALID_ARGUMENT names the field. */
int body_text(const cJSON *json, const char *name, char *out, size_t size, struct smki_error *err);
int body_count(const cJSON *json, const char *name, uint64_t *out, struct smki_error *err);

/* ---- a file a noun: what the routes answer ---- */

int session_answer(struct serve_request *request, struct smki_error *err);
int public_answer(struct serve_request *request, struct smki_error *err);
bool public_add(cJSON *object, struct serve_request *request);
/* The public address of a site, without a / at the end; "": it is not served. */
#define PORTAL_URL_SIZE 1024
void site_url(char *out, size_t size, const struct serve_request *request, size_t site);
int errors_answer(struct serve_request *request, struct smki_error *err);

int csr_check_answer(struct serve_request *request, struct smki_error *err);
int csr_issue_answer(struct serve_request *request, struct smki_error *err);

int certificate_find_answer(struct serve_request *request, struct smki_error *err);
int certificate_file_answer(struct serve_request *request, struct smki_error *err);
cJSON *certificate_json(struct serve_request *request, const struct smki_stored_certificate *certificate);
int pickup_answer(struct serve_request *request, struct smki_error *err);

int batch_upload_open(struct serve_request *request, struct smki_error *err);
int batch_upload_feed(struct serve_request *request, struct smki_bytes bytes, struct smki_error *err);
int batch_upload_answer(struct serve_request *request, struct smki_error *err);
void batch_upload_close(struct serve_request *request, bool delivered);
int batch_list_answer(struct serve_request *request, struct smki_error *err);
int batch_answer(struct serve_request *request, struct smki_error *err);
int batch_result_answer(struct serve_request *request, struct smki_error *err);
void batch_result_close(struct serve_request *request, bool delivered);
/* The number of the batch that the path names; 0: none. */
uint64_t batch_of_path(const struct serve_request *request);
/* The batches of the Party that asks, newest first, from before `before` (0: all); `kept`: without those whose results are no longer kept. */
int batch_list(struct serve_request *request, cJSON *object, uint64_t before, bool kept, size_t most, bool *more, struct smki_error *err);

/* Where a batch stands in the night, as the whole queue was planned a moment ago. */
struct turn {
    uint64_t place;  /* 1: the next; 0: it does not wait */
    uint64_t before; /* CSRs of other batches before it */
    struct smki_time starts, finishes;
    bool at_risk;
};
int turns_begin(struct portal *portal, struct smki_error *err);
void turns_end(struct portal *portal);
/* Something has changed that the next one who asks is to see. */
void turns_stale(struct portal *portal);
int turn_of(struct serve_request *request, uint64_t batch, struct turn *out, struct smki_error *err);
/* ---- maker.c: how many results are made and sent at a time ---- */

/* Results are made anew for each request, which takes a thread of the pool a while and room on the disk until it is sent. So a Party has one
 * made at a time, and MAKER_OPEN made and not taken yet; the other Parties have theirs meanwhile. */
#define MAKER_OPEN 4
int makers_begin(struct portal *portal, struct smki_error *err);
void makers_end(struct portal *portal);
/* False: the Party has as many as it may. Else maker_made follows, made or not, and then maker_leave. */
bool maker_enter(struct portal *portal, uint64_t party);
void maker_made(struct portal *portal, uint64_t party);
void maker_leave(struct portal *portal, uint64_t party);

/* ---- told.c: batches as they were told last ---- */

int told_begin(struct portal *portal, struct smki_error *err);
void told_end(struct portal *portal);
/* All that a batch's object is made of; nothing of it is of who asks. Cleared before it is filled. */
struct telling {
    struct smki_batch batch;
    struct turn turn;
    enum smki_batch_state shown;
    bool released;
    struct smki_time releases, expires; /* as the configuration has it now; expires {0}: there is no result (yet) */
};
/* The object that was made of the same telling before; NULL: none is known. */
cJSON *told_find(struct portal *portal, const struct telling *telling);
void told_keep(struct portal *portal, const struct telling *telling, const cJSON *json);

int forecast_answer(struct serve_request *request, struct smki_error *err);
int night_answer(struct serve_request *request, struct smki_error *err);
int demand_answer(struct serve_request *request, struct smki_error *err);

int notice_list_answer(struct serve_request *request, struct smki_error *err);
int notice_add_answer(struct serve_request *request, struct smki_error *err);

int document_list_answer(struct serve_request *request, struct smki_error *err);
int document_answer(struct serve_request *request, struct smki_error *err);

int installer_list_answer(struct serve_request *request, struct smki_error *err);
int installer_answer(struct serve_request *request, struct smki_error *err);

int desk_answer(struct serve_request *request, struct smki_error *err);

/* ---- bell.c: the thread that tells the Service Desk's webhook of reports ---- */

int bell_begin(struct portal *portal, struct smki_error *err);
/* For `started`: what was left before the start is sent now. */
void bell_serve(struct portal *portal, struct serve *serve);
/* There is a report. Waits for nothing. */
void bell_ring(struct portal *portal);
/* Waits for no receiver. */
void bell_end(struct portal *portal);

#endif
