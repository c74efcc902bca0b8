/* What the files of smki-webservice share: its two sites, and how their answers look in HTTP. */
#ifndef WEBSERVICE_WEB_I_H
#define WEBSERVICE_WEB_I_H

#include "serve/serve.h"

#include <smki/demand.h>

#define XML_MEDIA_TYPE "application/xml;charset=UTF-8"

/* ---- answer.c ---- */

/* The HTTP status of an answer. IDS shows every answer as 200: so is whatever the document itself says. What a client's HTTP library should
 * understand without reading it keeps its status: 429 (200 with http.status_compat), 503, 403, and those of HTTP itself
 * (interfaces.md 12.3). */
int answer_status(const struct serve_request *request, int code);
/* Retry-After: whole seconds until `at`, at least one; nothing when that is never, or now. */
void answer_retry_after(struct serve_request *request, struct smki_time at);
/* The same for a service that cannot just now and tells no time itself (Planned Maintenance has said its own). */
void answer_retry_of(struct serve_request *request, int code);
/* RateLimit-Limit, -Remaining, -Reset (seconds, left out when that is never); nothing when there is no limit. */
void answer_allowance(struct serve_request *request, const struct smki_allowance *left);
/* What the outside may read of a refusal: of access, nothing but that it was refused, whatever the log has (interfaces.md 3). */
int answer_code(int code);
const char *answer_text(int code, const char *text);
/* Replies with the document and its status, and counts it by its Status word; in Planned Maintenance with the notice that the client can
 * read. */
int answer_xml(struct serve_request *request, struct smki_buffer *xml, int code);

/* ---- accept.c ---- */

enum answer_format { ANSWER_XML, ANSWER_JSON, ANSWER_HTML };
/* The format that the header's value wants most; XML when it wants none of ours, none more than that, or is not there (NULL). */
enum answer_format accept_format(const char *accept);

/* ---- notice.c ---- */

/* Puts the notice of the maintenance that is on, as HTML or JSON, in the place of *out when the client wants that rather than XML. Returns
 * the media type of what *out then holds. */
const char *notice_write(struct smki_buffer *out, const struct serve_request *request);

/* ---- adhoc.c, batch.c: a site each. `routes` are the caller's, filled in ---- */
#define ADHOC_ROUTES 1
#define BATCH_ROUTES 2
void adhoc_site(struct serve_site *site, struct serve_route routes[ADHOC_ROUTES], const struct smki_config *config);
void batch_site(struct serve_site *site, struct serve_route routes[BATCH_ROUTES], const struct smki_config *config);

#endif
