/* The files of the www folder: read when the program starts, kept in memory as they are and, where that is smaller, by gzip. A page is
 * hashed and packed when it is asked for the first time: the first that anybody sees does not wait for all the others. */
#include "portal/portal_i.h"

#include <dirent.h>
#include <errno.h>
#include <mbedtls/md.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <zlib.h>

#define PAGE_MAX    (4u << 20) /* octets of one file */
#define PAGES_MAX   1000
#define DEPTH_MAX   6
#define ETAG_SIZE   40
#define GZIP_WINDOW (15 + 16) /* zlib: the largest window, in the form of gzip (RFC 1952) */
#define GZIP_MEMORY 9

struct page {
    char *path; /* "/device/batches.html": below www */
    const char *media_type;
    bool asset;
    struct smki_buffer plain;
    bool ready;              /* the rest is there; under the lock until then, and never changed again */
    struct smki_buffer gzip; /* empty when it is no smaller */
    char etag[ETAG_SIZE], gzip_etag[ETAG_SIZE];
};

struct pages {
    struct page *all;
    size_t count;
    pthread_mutex_t lock;
    z_stream packer; /* one for all: its quarter of a megabyte is made ready once; under the lock */
};

static const struct {
    const char *extension, *media_type;
    bool asset;
} kinds[] = {
    {"html", "text/html;charset=UTF-8", false},
    {"css", "text/css;charset=UTF-8", true},
    {"js", "text/javascript;charset=UTF-8", true},
    {"svg", "image/svg+xml", true},
    {"png", "image/png", true},
    {"ico", "image/x-icon", true},
    {"woff2", "font/woff2", true},
    {"txt", "text/plain;charset=UTF-8", false},
};

/* ---- reading ---- */

static bool kind_find(struct page *page, const char *name)
{
    const char *dot = strrchr(name, '.');

    for (size_t i = 0; dot != NULL && i < COUNT_OF(kinds); i++) {
        if (strcmp(dot + 1, kinds[i].extension) == 0) {
            page->media_type = kinds[i].media_type;
            page->asset = kinds[i].asset;
            return true;
        }
    }
    return false;
}

static int page_read(struct pages *pages, const char *file, const char *path, struct smki_error *err)
{
    struct page page = {0}, *more;
    int rc;

    if (!kind_find(&page, path)) /* a note of an editor, say */
        return 0;
    if (pages->count == PAGES_MAX || (more = realloc(pages->all, (pages->count + 1) * sizeof(*more))) == NULL) {
        snprintf(err->text, sizeof(err->text), "%.300s: more files than the %d that the portal keeps in memory", file, PAGES_MAX);
        return SMKI_TOO_LARGE;
    }
    pages->all = more;
    if ((rc = file_take(&page.plain, file, PAGE_MAX, err)) == 0 && (page.path = strdup(path)) == NULL)
        rc = SMKI_NO_MEMORY;
    if (rc == 0) {
        pages->all[pages->count++] = page;
        return 0;
    }
    smki_buffer_finish(&page.plain);
    return rc;
}

static int folder_read(struct pages *pages, const char *folder, const char *below, unsigned depth, struct smki_error *err);

static int entry_read(struct pages *pages, const char *folder, const char *below, const char *name, unsigned depth, struct smki_error *err)
{
    char file[4096], path[1024];
    struct stat about;

    if (snprintf(file, sizeof(file), "%s/%s", folder, name) >= (int)sizeof(file) ||
        snprintf(path, sizeof(path), "%s/%s", below, name) >= (int)sizeof(path) || stat(file, &about) != 0) {
        snprintf(err->text, sizeof(err->text), "%.200s/%.200s: cannot be read", folder, name);
        return err->code = SMKI_IO;
    }
    if (S_ISDIR(about.st_mode))
        return depth < DEPTH_MAX ? folder_read(pages, file, path, depth + 1, err) : 0;
    return S_ISREG(about.st_mode) ? page_read(pages, file, path, err) : 0;
}

static int folder_read(struct pages *pages, const char *folder, const char *below, unsigned depth, struct smki_error *err)
{
    DIR *open = opendir(folder);
    const struct dirent *entry;
    int rc = 0;

    if (open == NULL) {
        snprintf(err->text, sizeof(err->text), "%.200s: the folder of the pages cannot be read: %s; see portal.www and --www", folder,
                 strerror(errno));
        return err->code = SMKI_IO;
    }
    while (rc == 0 && (entry = readdir(open)) != NULL) {
        if (entry->d_name[0] != '.')
            rc = entry_read(pages, folder, below, entry->d_name, depth, err);
    }
    closedir(open);
    return rc;
}

static struct pages *pages_make(void)
{
    struct pages *pages = calloc(1, sizeof(*pages));

    if (pages == NULL ||
        deflateInit2(&pages->packer, Z_BEST_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY, Z_DEFAULT_STRATEGY) != Z_OK) {
        free(pages);
        return NULL;
    }
    pthread_mutex_init(&pages->lock, NULL);
    return pages;
}

int pages_read(struct pages **out, const char *folder, struct smki_error *err)
{
    struct pages *pages = pages_make();
    int rc = pages != NULL ? folder_read(pages, folder, "", 0, err) : SMKI_NO_MEMORY;

    if (rc == 0 && pages->count == 0) {
        snprintf(err->text, sizeof(err->text), "%.300s: there are no pages in this folder; see portal.www and --www", folder);
        rc = SMKI_NOT_FOUND;
    }
    if (rc != 0) {
        pages_free(pages);
        return rc;
    }
    *out = pages;
    return 0;
}

void pages_free(struct pages *pages)
{
    if (pages == NULL)
        return;
    for (size_t i = 0; i < pages->count; i++) {
        free(pages->all[i].path);
        smki_buffer_finish(&pages->all[i].plain);
        smki_buffer_finish(&pages->all[i].gzip);
    }
    free(pages->all);
    pthread_mutex_destroy(&pages->lock);
    deflateEnd(&pages->packer);
    free(pages);
}

size_t pages_count(const struct pages *pages)
{
    return pages->count;
}

const struct page *pages_at(const struct pages *pages, size_t index)
{
    return &pages->all[index];
}

/* ---- which site has which ---- */

/* The part of a path after "/<folder>", or NULL. */
static const char *after_folder(const char *path, const char *folder)
{
    const size_t size = strlen(folder);

    return strncmp(path + 1, folder, size) == 0 && path[1 + size] == '/' ? path + 1 + size : NULL;
}

const char *page_path(const struct page *page, const struct portal_site *site)
{
    const char *own = after_folder(page->path, site->folder);

    if (own != NULL)
        return own;
    for (size_t i = 0; i < PORTAL_SITES; i++) {
        if (after_folder(page->path, portal_sites[i].folder) != NULL)
            return NULL; /* another site's */
    }
    return strcmp(page->path, "/index.html") == 0 && site->part != PART_LANDING ? NULL : page->path;
}

bool page_is_start(const struct page *page, const struct portal_site *site)
{
    return strcmp(page->path + 1, site->start) == 0;
}

const struct page *page_find(const struct pages *pages, const struct portal_site *site, const char *path)
{
    for (size_t i = 0; i < pages->count; i++) {
        const char *here = page_path(&pages->all[i], site);

        if (here != NULL && strcmp(here, path) == 0)
            return &pages->all[i];
    }
    return NULL;
}

bool page_is_asset(const struct page *page)
{
    return page->asset;
}

/* ---- at the first request ---- */

static int gzip_make(z_stream *packer, struct page *page)
{
    const size_t capacity = deflateBound(packer, (uLong)page->plain.size);

    if (deflateReset(packer) != Z_OK || (page->gzip.at = malloc(capacity)) == NULL)
        return SMKI_NO_MEMORY;
    packer->next_in = page->plain.at;
    packer->avail_in = (uInt)page->plain.size;
    packer->next_out = page->gzip.at;
    packer->avail_out = (uInt)capacity;
    page->gzip.size = deflate(packer, Z_FINISH) == Z_STREAM_END ? (size_t)packer->total_out : 0;
    if (page->gzip.size == 0 || page->gzip.size >= page->plain.size)
        smki_buffer_finish(&page->gzip);
    return 0;
}

/* By what it holds: the same file has the same one on every machine. */
static int etag_make(struct page *page)
{
    uint8_t sha256[32];
    char hex[25];

    if (mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), page->plain.at, page->plain.size, sha256) != 0)
        return SMKI_INTERNAL;
    for (size_t i = 0; i < 12; i++)
        snprintf(hex + 2 * i, 3, "%02x", sha256[i]);
    snprintf(page->etag, sizeof(page->etag), "\"%s\"", hex);
    snprintf(page->gzip_etag, sizeof(page->gzip_etag), "\"%s-gzip\"", hex); /* another representation (RFC 9110 8.8.3.3) */
    return 0;
}

/* What a page is sent as: made once. */
static int page_ready(struct pages *pages, size_t index)
{
    struct page *page = &pages->all[index];
    int rc = 0;

    pthread_mutex_lock(&pages->lock);
    if (!page->ready && (rc = etag_make(page)) == 0 && (rc = gzip_make(&pages->packer, page)) == 0)
        page->ready = true;
    pthread_mutex_unlock(&pages->lock);
    return rc;
}

/* ---- answering ---- */

/* Does a list of "token;q=0.5, token" name this one, with a weight above nothing? (RFC 9110 12.5.3) */
static bool accepts_gzip(const char *list)
{
    for (const char *at = list; at != NULL && *at != '\0';) {
        const char *const item = at + strspn(at, " \t,");
        const size_t size = strcspn(item, ","), name = strcspn(item, "; \t,");
        const char *weight = strstr(item, "q=");

        if (name == 4 && strncasecmp(item, "gzip", 4) == 0) {
            const bool weighed = weight != NULL && weight < item + size;

            return !weighed || strspn(weight + 2, "0.") != (size_t)strcspn(weight + 2, ", \t;");
        }
        at = item + size;
    }
    return false;
}

/* If-None-Match by the weak comparison (RFC 9110 13.1.2). */
static bool is_known(const char *list, const char *etag)
{
    return list != NULL && (strcmp(list, "*") == 0 || strstr(list, etag) != NULL);
}

static int ready_reply(struct serve_request *request, const struct page *page, int status)
{
    const bool zipped = page->gzip.size > 0 && accepts_gzip(serve_header(request, "Accept-Encoding"));
    const struct smki_buffer *whole = zipped ? &page->gzip : &page->plain;
    const char *etag = zipped ? page->gzip_etag : page->etag;
    const bool known = status == 200 && is_known(serve_header(request, "If-None-Match"), etag);
    struct smki_buffer body = {0};
    int rc = known ? 0 : smki_buffer_append(&body, whole->at, whole->size, NULL);

    if (rc != 0)
        return rc;
    answer_headers(request, status == 200);
    serve_header_add(request, "Vary", "Accept-Encoding");
    if (status == 200)
        serve_header_add(request, "ETag", etag);
    if (zipped && !known)
        serve_header_add(request, "Content-Encoding", "gzip");
    return serve_reply(request, known ? 304 : status, known ? NULL : page->media_type, &body);
}

int page_reply(struct serve_request *request, const struct page *page, int status)
{
    struct pages *pages = portal_of(request)->pages;
    int rc = page_ready(pages, (size_t)(page - pages->all));

    return rc != 0 ? rc : ready_reply(request, page, status);
}

int page_answer(struct serve_request *request, struct smki_error *err)
{
    (void)err;
    return page_reply(request, serve_route_of(request)->context, 200);
}
