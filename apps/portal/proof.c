/* The proof that a request was made by the portal's own pages. A browser sends the client certificate along whoever asks, so a page of
 * another site could have an officer's browser send anything. What such a page cannot do: set Sec-Fetch-Site and Origin as it likes, or
 * read the token. */
#include "portal/portal_i.h"

#include <smki/access.h>

#include <mbedtls/md.h>
#include <mbedtls/platform_util.h>
#include <string.h>
#include <strings.h>

int proof_begin(struct portal *portal, struct smki_error *err)
{
    int rc = smki_random_system.fill(smki_random_system.context, portal->proof_key, sizeof(portal->proof_key));

    if (rc != 0 && err != NULL)
        snprintf(err->text, sizeof(err->text), "%s", smki_refusal_find(rc)->text);
    return rc;
}

const char *proof_token(const struct serve_request *request, char out[PROOF_TOKEN_SIZE])
{
    const struct portal *portal = portal_of(request);
    uint8_t mac[32];
    size_t size;
    const uint8_t *session = serve_session(request, &size);

    out[0] = '\0';
    if (mbedtls_md_hmac(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), portal->proof_key, sizeof(portal->proof_key), session, size, mac) !=
        0)
        return out;
    for (size_t i = 0; i < sizeof(mac); i++)
        snprintf(out + 2 * i, 3, "%02x", mac[i]);
    mbedtls_platform_zeroize(mac, sizeof(mac));
    return out;
}

/* How many octets are the same is not to be had from the time it takes. */
static bool token_fits(const struct serve_request *request)
{
    const char *given = serve_header(request, PROOF_HEADER);
    char token[PROOF_TOKEN_SIZE];
    unsigned difference = 0;

    if (given == NULL || strlen(given) != PROOF_TOKEN_SIZE - 1 || strlen(proof_token(request, token)) != PROOF_TOKEN_SIZE - 1)
        return false;
    for (size_t i = 0; i < PROOF_TOKEN_SIZE - 1; i++)
        difference |= (unsigned char)given[i] ^ (unsigned char)token[i];
    return difference == 0;
}

static bool origin_is_own(const char *origin, const char *host)
{
    static const char scheme[] = "https://";

    return host != NULL && strncasecmp(origin, scheme, sizeof(scheme) - 1) == 0 && strcasecmp(origin + sizeof(scheme) - 1, host) == 0;
}

/* What is wrong with where it came from; NULL: nothing. A change needs one of the two headers; a look, none: the address may have been
 * typed in. */
static const char *place_fault(const struct serve_request *request, bool change)
{
    const char *place = serve_header(request, "Sec-Fetch-Site"), *origin = serve_header(request, "Origin");
    const bool typed = place != NULL && strcmp(place, "none") == 0;

    if (place != NULL && strcmp(place, "same-origin") != 0 && (change || !typed))
        return "Sec-Fetch-Site says that another site's page asks";
    if (origin != NULL && !origin_is_own(origin, serve_header(request, "Host")))
        return "the Origin is not this site";
    if (change && place == NULL && origin == NULL)
        return "neither Sec-Fetch-Site nor Origin is there";
    return NULL;
}

int proof_check(struct serve_request *request, bool token, struct smki_error *err)
{
    const struct serve_site *site = serve_site_of(request);
    const char *fault = place_fault(request, strcmp(serve_method(request), "POST") == 0);
    char right[PROOF_TOKEN_SIZE];

    if (fault == NULL && token && !token_fits(request)) {
        fault = serve_header(request, PROOF_HEADER) == NULL ? "the token is not there" : "the token is not that of this TLS session";
        serve_header_add(request, PROOF_HEADER, proof_token(request, right)); /* only a page of this site can read it */
    }
    if (fault == NULL)
        return 0;
    (void)!smki_access_refused(serve_service(request), serve_certificate(request), site->interface, site->network, serve_peer(request),
                               SMKI_PROOF, fault, NULL);
    if (err != NULL) {
        err->code = SMKI_PROOF;
        snprintf(err->text, sizeof(err->text), "%s; load the page again", fault);
    }
    return SMKI_PROOF;
}
