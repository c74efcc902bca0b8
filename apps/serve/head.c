/* What the head of a request must be before anything is done with it, and whom it is for. The library accepts in one version what it
 * refuses in another; here is one line for all (RFC 9112 3.2, 6.1, 6.3; RFC 9110 8.6). */
#include "serve/request_i.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct fields {
    unsigned lengths, codings, hosts;
    const char *length, *coding, *host;
    bool bad_name;
};

static enum MHD_Result field_each(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct fields *fields = context;

    (void)kind;
    for (const char *at = name; *at != '\0'; at++)
        fields->bad_name = fields->bad_name || (unsigned char)*at <= 0x20 || *at == 0x7f;
    fields->bad_name = fields->bad_name || name[0] == '\0';
    if (value == NULL)
        value = "";
    if (strcasecmp(name, "Content-Length") == 0) {
        fields->lengths++;
        fields->length = value;
    } else if (strcasecmp(name, "Transfer-Encoding") == 0) {
        fields->codings++;
        fields->coding = value;
    } else if (strcasecmp(name, "Host") == 0) {
        fields->hosts++;
        fields->host = value;
    }
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

/* What is wrong with it; NULL: nothing. */
static const char *framing_fault(struct serve_request *request, const struct fields *fields, const char *version)
{
    const bool one_one = strcmp(version, "HTTP/1.1") == 0;

    if (!one_one && strcmp(version, "HTTP/1.0") != 0)
        return "the version of HTTP is neither 1.1 nor 1.0";
    if (fields->bad_name)
        return "the name of a header field holds a blank or control character";
    if (fields->hosts > 1 || (one_one && fields->hosts == 0))
        return "the head must have one Host";
    if (fields->lengths > 1 || fields->codings > 1 || (fields->lengths != 0 && fields->codings != 0))
        return "the head must have one Content-Length or one Transfer-Encoding, not both";
    if (fields->codings != 0 && (!one_one || strcasecmp(fields->coding, "chunked") != 0))
        return "the Transfer-Encoding must be chunked";
    if (fields->lengths != 0 && !length_read(&request->declared, fields->length))
        return "the Content-Length is not a number";
    if (request->bad_path)
        return "the path holds %00";
    request->chunked = fields->codings != 0;
    return NULL;
}

/* Host without its port, any case: the server name of the site. */
static bool host_fits(const char *site, const char *host)
{
    const size_t size = host != NULL ? strcspn(host, ":") : 0;

    return site == NULL || (host != NULL && strlen(site) == size && strncasecmp(site, host, size) == 0);
}

static bool method_fits(const struct serve_route *route, const char *method)
{
    return strcmp(route->method, method) == 0 || (route->head && strcmp(method, "HEAD") == 0);
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

        if (strcmp(route->path, request->path) != 0)
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

static void body_check(struct serve_request *request)
{
    const struct serve_route *route = request->route;

    if (request->declared > route->body_max || (request->chunked && route->body_max == 0))
        request_refuse(request, SMKI_TOO_LARGE, NULL);
    else if (route->media_type != NULL && !media_type_fits(route->media_type, serve_header(request, "Content-Type")))
        request_refuse(request, SMKI_HTTP_MEDIA_TYPE, NULL);
}

void head_check(struct serve_request *request, const char *version)
{
    struct fields fields = {0};
    const char *fault;

    MHD_get_connection_values(request->library, MHD_HEADER_KIND, field_each, &fields);
    if ((fault = framing_fault(request, &fields, version)) != NULL) {
        request->last = true; /* nobody knows where the next request would begin */
        request->declared = 0;
        request_refuse(request, SMKI_HTTP_MALFORMED, fault);
        return;
    }
    if (!host_fits(request->site->face.host, fields.host)) {
        request_refuse(request, SMKI_HTTP_HOST, NULL);
        return;
    }
    access_check(request); /* before the outside learns which paths there are */
    if (request->refusal == 0)
        route_choose(request);
    if (request->refusal == 0)
        body_check(request);
    request->granted = request->refusal == 0;
}
