/* A webhook by libcurl: no redirect is followed, no other protocol spoken, no proxy variable or netrc looked at, and of the answer only the
 * status is read. */
#include "ra/webhook_i.h"

#ifdef SMKI_LIBCURL

#include <smki/smki.h>

#include <curl/curl.h>

static size_t answer_ignore(char *at, size_t size, size_t count, void *context)
{
    (void)at, (void)context;
    return size * count;
}

#define SET(option, value) ((rc = curl_easy_setopt(curl, (option), (value))) == CURLE_OK)

static CURLcode post_prepare(CURL *curl, const char *url, const char *json, int64_t time, struct curl_slist *fields)
{
    const long ms = (long)(time / (SMKI_SECOND / 1000));
    char agent[64];
    CURLcode rc;

    snprintf(agent, sizeof(agent), "libsmki/%s", smki_version());
    (void)(SET(CURLOPT_URL, url) && SET(CURLOPT_PROTOCOLS_STR, "http,https") && SET(CURLOPT_POSTFIELDS, json) &&
           SET(CURLOPT_HTTPHEADER, fields) && SET(CURLOPT_USERAGENT, agent) && SET(CURLOPT_TIMEOUT_MS, ms) && SET(CURLOPT_NOSIGNAL, 1L) &&
           SET(CURLOPT_FOLLOWLOCATION, 0L) && SET(CURLOPT_PROXY, "") && SET(CURLOPT_WRITEFUNCTION, answer_ignore));
    return rc;
}

static int post_send(CURL *curl, const char *url, const char *json, int64_t time, struct smki_error *err)
{
    struct curl_slist *fields = curl_slist_append(NULL, "Content-Type: application/json");
    CURLcode rc = CURLE_OUT_OF_MEMORY;
    long status = 0;

    if (fields != NULL && (rc = post_prepare(curl, url, json, time, fields)) == CURLE_OK && (rc = curl_easy_perform(curl)) == CURLE_OK)
        rc = curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(fields);
    if (rc == CURLE_OUT_OF_MEMORY)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    if (rc != CURLE_OK)
        return smki_fail(err, SMKI_DESK_WEBHOOK, "desk.webhook %s: %s", url, curl_easy_strerror(rc));
    if (status < 200 || status > 299)
        return smki_fail(err, SMKI_DESK_WEBHOOK, "desk.webhook %s answered with status %ld", url, status);
    return 0;
}

int webhook_post(const char *url, const char *json, int64_t time, struct smki_error *err)
{
    CURL *curl;
    int rc;

    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) /* counted by libcurl, and safe in threads since 7.84 */
        return smki_fail(err, SMKI_DESK_WEBHOOK, "libcurl does not start");
    curl = curl_easy_init();
    rc = curl != NULL ? post_send(curl, url, json, time, err) : smki_fail(err, SMKI_NO_MEMORY, NULL);
    curl_easy_cleanup(curl);
    curl_global_cleanup();
    return rc;
}

#else

int webhook_post(const char *url, const char *json, int64_t time, struct smki_error *err)
{
    (void)json, (void)time;
    return smki_fail(err, SMKI_CONFIG_INVALID, "desk.webhook %s cannot be used: this program was built without libcurl", url);
}

#endif
