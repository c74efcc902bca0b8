/* What the head of a request must be before anything is done with it, and whom it is for. The library accepts in one version what it
 * refuses in another; here is one line for all (RFC 9112 3.2, 6.1, 6.3; RFC 9110 8.6). */
#include "serve/request_i.h"
#include "serve/target_i.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The fields that matter here, and how often each is there. */
enum field { FIELD_LENGTH, FIELD_CODING, FIELD_HOST, FIELD_TYPE, FIELD_ENCODING, FIELD_EXPECT, FIELDS };

static const char *const field_names[FIELDS] = {"Content-Length", "Transfer-Encoding", "Host",
                                                "Content-Type",   "Content-Encoding",  "Expect"};

struct fields {
    unsigned count[FIELDS];
    const char *value[FIELDS];
    bool encoded; /* with any other than identity (RFC 9110 8.4.1) */
    bool expects; /* anything other than 100-continue (RFC 9110 10.1.1) */
    bool bad_name;
};

static enum MHD_Result field_each(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct fields *fields = context;
    size_t i;

    (void)kind;
    for (const char *at = name; *at != '\0'; at++)
        fields->bad_name = fields->bad_name || (unsigned char)*at <= 0x20 || *at == 0x7f;
    fields->bad_name = fields->bad_name || name[0] == '\0';
    for (i = 0; i < FIELDS && strcasecmp(name, field_names[i]) != 0; i++)
        ;
    if (i == FIELDS)
        return MHD_YES;
    fields->count[i]++;
    fields->value[i] = value != NULL ? value : "";
    fields->encoded = fields->encoded || (i == FIELD_ENCODING && strcasecmp(fields->value[i], "identity") != 0);
    fields->expects = fields->expects || (i == FIELD_EXPECT && strcasecmp(fields->value[i], "100-continue") != 0);
    return MHD_YES;
}

static bool length_read(uint64_t *out, const char *text)
{
    const size_t digits = strspn(text, "0123456789");

    if (digits == 0 || digits > 18 || text[digits] != '\0')
        return false;
    *out = strtoull(text, NULL, 10);
    return true;
}

/* Of HTTP/1.x, 1.0 alone is less; what is above 1.1 is read as it (RFC 9110 2.5). */
static bool is_one(const char *version)
{
    return strncmp(version, "HTTP/1.", 7) == 0 && version[7] >= '0' && version[7] <= '9' && version[8] == '\0';
}

static bool is_one_one(const char *version)
{
    return is_one(version) && version[7] != '0';
}

/* What is wrong with it; NULL: nothing. */
static const char *framing_fault(struct serve_request *request, const struct fields *fields, const char *version)
{
    const bool one_one = is_one_one(version);
    const unsigned *count = fields->count;

    if (fields->bad_name)
        return "the name of a header field holds a blank or control character";
    if (count[FIELD_LENGTH] > 1 || count[FIELD_CODING] > 1 || (count[FIELD_LENGTH] != 0 && count[FIELD_CODING] != 0))
        return "the head must have one Content-Length or one Transfer-Encoding, not both";
    if (count[FIELD_CODING] != 0 && (!one_one || strcasecmp(fields->value[FIELD_CODING], "chunked") != 0))
        return "the Transfer-Encoding must be chunked";
    if (count[FIELD_LENGTH] != 0 && !length_read(&request->declared, fields->value[FIELD_LENGTH]))
        return "the Content-Length is not a number";
    if (count[FIELD_TYPE] > 1)
        return "the head must have one Content-Type";
    if (request->bad_path)
        return "the path holds %00, or the host of the target an escape";
    request->chunked = count[FIELD_CODING] != 0;
    return NULL;
}

/* ---- whom it is for ---- */

/* That of an absolute form, which Host must not gainsay: the client has to send the same (RFC 9112 3.2), and what stands between may have
 * read either. What is wrong with them, NULL: nothing. `host` has no size where there is none, which HTTP/1.0 allows. */
static const char *host_find(struct smki_bytes *host, const struct serve_request *request, const struct fields *fields, const char *version)
{
    const char *text = fields->value[FIELD_HOST], *target = request->path;
    const unsigned count = fields->count[FIELD_HOST];
    const size_t start = target_host(target);
    size_t size;

    if (count > 1)
        return "the head must have one Host, and has more";
    if (count == 0 && is_one_one(version))
        return "the head has no Host (RFC 9112 3.2)";
    if (count != 0 && (host->size = authority_read(text, strlen(text))) == 0)
        return "the Host is no name with or without a port";
    host->at = (const uint8_t *)text;
    if (start == 0)
        return NULL;
    size = authority_read(target + start, strcspn(target + start, "/"));
    if (size == 0)
        return "the target has no host, or one that is no name with or without a port";
    if (count != 0 && (size != host->size || strncasecmp(text, target + start, size) != 0))
        return "the host of the target is not that of the Host";
    *host = (struct smki_bytes){(const uint8_t *)target + start, size};
    return NULL;
}

/* Any case: the server name of the site. */
static bool host_fits(const char *site, struct smki_bytes host)
{
    return site == NULL || (strlen(site) == host.size && strncasecmp(site, (const char *)host.at, host.size) == 0);
}

/* ---- which route it chooses ---- */

static bool method_fits(const struct serve_route *route, const char *method)
{
    return strcmp(route->method, method) == 0 || (route->head && strcmp(method, "HEAD") == 0);
}

/* A segment of the route's that is "*" stands for any one that is not empty. */
static bool path_fits(const char *route, const char *path)
{
    const char *any = strstr(route, "/*");
    size_t size;

    while (any != NULL && any[2] != '\0' && any[2] != '/')
        any = strstr(any + 1, "/*");
    if (any == NULL)
        return strcmp(route, path) == 0;
    if (strncmp(route, path, (size_t)(any - route) + 1) != 0)
        return false;
    path += any - route + 1;
    size = strcspn(path, "/");
    return size > 0 && path_fits(any + 2, path + size);
}

/* The methods of a path, for Allow. */
static void allow_add(char *allow, size_t size, const char *method)
{
    const size_t used = strlen(allow);

    if (strstr(allow, method) == NULL)
        strncat(allow, used != 0 ? ", " : "", size - used - 1);
    if (strstr(allow, method) == NULL)
        strncat(allow, method, size - strlen(allow) - 1);
}

static void route_choose(struct serve_request *request)
{
    const struct serve_site *site = &request->site->face;
    char allow[100] = "";

    for (size_t i = 0; i < site->route_count && request->route == NULL; i++) {
        const struct serve_route *route = &site->routes[i];

        if (!path_fits(route->path, request->path))
            continue;
        if (method_fits(route, request->method))
            request->route = route;
        allow_add(allow, sizeof(allow), route->method);
        if (route->head)
            allow_add(allow, sizeof(allow), "HEAD");
    }
    if (request->route != NULL)
        return;
    if (allow[0] == '\0') {
        request_refuse(request, SMKI_HTTP_PATH, NULL);
    } else {
        serve_header_add(request, "Allow", allow);
        request_refuse(request, SMKI_HTTP_METHOD, NULL);
    }
}

static bool media_type_fits(const char *wanted, const char *given)
{
    size_t size = given != NULL ? strcspn(given, ";") : 0;

    while (size > 0 && (given[size - 1] == ' ' || given[size - 1] == '\t'))
        size--;
    return strlen(wanted) == size && strncasecmp(wanted, given, size) == 0;
}

static void body_check(struct serve_request *request, const struct fields *fields)
{
    const struct serve_route *route = request->route;

    if (fields->expects) {
        request_refuse(request, SMKI_HTTP_EXPECT, NULL);
    } else if (fields->encoded) {
        serve_header_add(request, "Accept-Encoding", "identity"); /* RFC 9110 12.5.3 */
        request_refuse(request, SMKI_HTTP_MEDIA_TYPE, "a Content-Encoding is not taken: send the body as it is");
    } else if (route->body_max == 0 && (request->chunked || request->declared != 0)) {
        request_refuse(request, SMKI_HTTP_MALFORMED, "this address takes no body: send the request without one");
    } else if (request->declared > route->body_max) {
        request_refuse(request, SMKI_TOO_LARGE, NULL);
    } else if (route->media_type != NULL && !media_type_fits(route->media_type, fields->value[FIELD_TYPE])) {
        request_refuse(request, SMKI_HTTP_MEDIA_TYPE, NULL);
    }
}

void head_check(struct serve_request *request, const char *version)
{
    struct fields fields = {0};
    struct smki_bytes host = {0};
    const char *fault;
    bool fits;

    if (!is_one(version)) {
        request->last = true;
        request_refuse(request, SMKI_HTTP_VERSION, NULL);
        return;
    }
    MHD_get_connection_values(request->library, MHD_HEADER_KIND, field_each, &fields);
    if ((fault = framing_fault(request, &fields, version)) != NULL || (fault = host_find(&host, request, &fields, version)) != NULL) {
        request->last = true; /* nobody knows where the next request would begin */
        request->declared = 0;
        request_refuse(request, SMKI_HTTP_MALFORMED, fault);
        return;
    }
    fits = host_fits(request->site->face.host, host);
    target_strip(request->path);
    if (!fits) {
        request_refuse(request, SMKI_HTTP_HOST, NULL);
        return;
    }
    access_check(request); /* before the outside learns which paths there are */
    if (request->refusal == 0)
        route_choose(request);
    if (request->refusal == 0)
        body_check(request, &fields);
    request->granted = request->refusal == 0;
}
