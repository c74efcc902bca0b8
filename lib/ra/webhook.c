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

#define ASK_MS 50 /* how long it may take to see that it is to end */

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

static bool is_told(const volatile int *stop)
{
    return stop != NULL && __atomic_load_n(stop, __ATOMIC_RELAXED) != 0;
}

static CURLcode multi_run(CURLM *multi, CURL *curl, const volatile int *stop)
{
    CURLMcode rc = CURLM_OK;
    CURLMsg *message;
    int running = 1;

    while (!is_told(stop) && (rc = curl_multi_perform(multi, &running)) == CURLM_OK && running > 0 &&
           (rc = curl_multi_poll(multi, NULL, 0, ASK_MS, NULL)) == CURLM_OK)
        ;
    if (rc != CURLM_OK)
        return rc == CURLM_OUT_OF_MEMORY ? CURLE_OUT_OF_MEMORY : CURLE_FAILED_INIT;
    if (running == 0 && (message = curl_multi_info_read(multi, &running)) != NULL && message->msg == CURLMSG_DONE)
        return message->data.result;
#if LIBCURL_VERSION_NUM >= 0x075700
    (void)curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L); /* a name that is being resolved is not waited for */
#else
    (void)curl;
#endif
    return CURLE_ABORTED_BY_CALLBACK;
}

/* As curl_easy_perform, and ends soon when it is told to. */
static CURLcode post_perform(CURL *curl, const volatile int *stop)
{
    CURLM *multi = curl_multi_init();
    CURLcode rc = CURLE_OUT_OF_MEMORY;

    if (multi != NULL && curl_multi_add_handle(multi, curl) == CURLM_OK) {
        rc = multi_run(multi, curl, stop);
        curl_multi_remove_handle(multi, curl);
    }
    curl_multi_cleanup(multi);
    return rc;
}

static int post_send(CURL *curl, const char *url, const char *json, int64_t time, const volatile int *stop, struct smki_error *err)
{
    struct curl_slist *fields = curl_slist_append(NULL, "Content-Type: application/json");
    CURLcode rc = CURLE_OUT_OF_MEMORY;
    long status = 0;

    if (fields != NULL && (rc = post_prepare(curl, url, json, time, fields)) == CURLE_OK && (rc = post_perform(curl, stop)) == CURLE_OK)
        rc = curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(fields);
    if (rc == CURLE_ABORTED_BY_CALLBACK)
        return smki_fail(err, SMKI_INTERRUPTED, NULL);
    if (rc == CURLE_OUT_OF_MEMORY)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    if (rc != CURLE_OK)
        return smki_fail(err, SMKI_DESK_WEBHOOK, "desk.webhook %s: %s", url, curl_easy_strerror(rc));
    if (status >= 400 && status <= 499) /* it is there, and does not want this one */
        return smki_fail(err, SMKI_DESK_REFUSED, "desk.webhook %s answered with status %ld", url, status);
    if (status < 200 || status > 299)
        return smki_fail(err, SMKI_DESK_WEBHOOK, "desk.webhook %s answered with status %ld", url, status);
    return 0;
}

int webhook_post(const char *url, const char *json, int64_t time, const volatile int *stop, struct smki_error *err)
{
    CURL *curl;
    int rc;

    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) /* counted by libcurl, and safe in threads since 7.84 */
        return smki_fail(err, SMKI_DESK_WEBHOOK, "libcurl does not start");
    curl = curl_easy_init();
    rc = curl != NULL ? post_send(curl, url, json, time, stop, err) : smki_fail(err, SMKI_NO_MEMORY, NULL);
    curl_easy_cleanup(curl);
    curl_global_cleanup();
    return rc;
}

#else

int webhook_post(const char *url, const char *json, int64_t time, const volatile int *stop, struct smki_error *err)
{
    (void)json, (void)time, (void)stop;
    return smki_fail(err, SMKI_CONFIG_INVALID, "desk.webhook %s cannot be used: this program was built without libcurl", url);
}

#endif
