/* The Ad Hoc Device CSR Web Service as a Party uses it (IDS App. B; interfaces.md 5).
 *
 * Before a CSR is sent it is written down as a flight; the flight is taken away when nothing was done for certain, or when the answer has
 * been kept. What is left of a crash, or of a connection that broke, is a flight: the CSR is not sent again unless somebody says so. */
#include "client/client_i.h"

#include "message/text_i.h"
#include "message/xml_writer_i.h"

#include <string.h>

#define REF_MAX  32 /* characters: ClientRef */
#define PATIENCE (15 * SMKI_MINUTE)

/* One CSR on its way. */
struct adhoc {
    struct smki_client *client;
    struct smki_csr csr;
    const char *ref;
    char sha256[65];
    struct smki_buffer request, answer;
    /* of the answer */
    bool read;
    uint32_t entries;
    enum smki_status status;
    uint8_t certificate[SMKI_CERTIFICATE_MAX_SIZE];
    size_t certificate_size;
    uint64_t transaction;
    char error_code[ANSWER_CODE_SIZE], text[SMKI_ERROR_TEXT_SIZE];
};

/* ---- before ---- */

static int request_write(struct adhoc *adhoc, struct smki_error *err)
{
    struct xml_writer writer;
    int rc = xml_open(&writer, sink_to_buffer, &adhoc->request, err);

    if (rc != 0)
        return rc;
    xml_raw(&writer, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<DeviceCertificateSigningRequest ID=\"");
    xml_text(&writer, adhoc->ref);
    xml_raw(&writer, "\"><Version>1.0</Version><CertificateSigningRequest>");
    xml_base64(&writer, adhoc->csr.der);
    xml_raw(&writer, "</CertificateSigningRequest></DeviceCertificateSigningRequest>\n");
    return xml_close(&writer);
}

static int prepare(struct adhoc *adhoc, struct smki_bytes csr, struct smki_error *err)
{
    const size_t length = text_length(adhoc->ref, strlen(adhoc->ref));
    uint8_t digest[SHA256_SIZE];
    int rc;

    if (adhoc->client->adhoc == NULL)
        return smki_fail(err, SMKI_CONFIG_INVALID, "the URL of the ad hoc service was not given (--url-adhoc)");
    if (length < 1 || length > REF_MAX)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "the ID \"%.60s\" of an ad hoc request must have 1 to %d characters", adhoc->ref,
                         REF_MAX);
    if ((rc = smki_csr_read(&adhoc->csr, SMKI_PROFILE_DEVICE, csr, err)) != 0 || (rc = smki_csr_verify(&adhoc->csr, err)) != 0)
        return rc;
    sha256(digest, adhoc->csr.der.at, adhoc->csr.der.size);
    hex_encode(adhoc->sha256, digest, sizeof(digest));
    adhoc->answer.max = ANSWER_MAX_SIZE;
    return request_write(adhoc, err);
}

/* ---- the state file ---- */

static int flight_check(struct adhoc *adhoc, bool again, struct smki_error *err)
{
    struct state state;
    struct smki_time sent_at;
    char when[SMKI_TIME_TEXT_SIZE];
    int rc = state_begin(&state, adhoc->client->config.state, err);

    if (rc != 0)
        return rc;
    if (!again && state_flight(&state, adhoc->sha256, &sent_at))
        rc = smki_fail(err, SMKI_CLIENT_TWICE,
                       "this CSR was sent at %s and its answer was not kept: it may have its certificate. Ask the Service Desk or the "
                       "repository; to send it again say --again (a CR:9999 then tells that it was issued)",
                       smki_time_text_people(sent_at, when));
    return state_end(&state, rc, err);
}

/* Takes the next slot of the pace, over all processes that share the file, and writes the flight down. *until is when to come when it is
 * not this one's turn yet, else 0. */
static int slot_try(struct adhoc *adhoc, struct smki_time *until, struct smki_error *err)
{
    struct smki_client *client = adhoc->client;
    const struct smki_time now = client_now(client);
    struct smki_verdict verdict;
    struct state state;
    int rc = state_begin(&state, client->config.state, err);

    if (rc != 0)
        return rc;
    smki_demand_adhoc_pace(&verdict, &client->limits, state_last_adhoc(&state), client->config.pace, now);
    *until = verdict.retry_at.us > now.us ? verdict.retry_at : (struct smki_time){0};
    if (until->us == 0 && (rc = state_last_adhoc_set(&state, now, err)) == 0)
        rc = state_flight_add(&state, adhoc->sha256, adhoc->ref, now, err);
    return state_end(&state, rc, err);
}

static int slot_take(struct adhoc *adhoc, struct smki_error *err)
{
    struct smki_time until;
    int rc;

    while ((rc = slot_try(adhoc, &until, err)) == 0 && until.us != 0)
        if ((rc = client_wait(adhoc->client, until, "the pace of ad hoc CSRs", err)) != 0)
            return rc;
    return rc;
}

/* The pace is reckoned from the answer: the service took the CSR before that, so the next one cannot be too early. */
static int slot_end(struct adhoc *adhoc, bool landed, struct smki_error *err)
{
    struct state state;
    int rc = state_begin(&state, adhoc->client->config.state, err);

    if (rc != 0)
        return rc;
    rc = state_last_adhoc_set(&state, client_now(adhoc->client), err);
    if (landed)
        state_flight_remove(&state, adhoc->sha256);
    return state_end(&state, rc, err);
}

/* The answer was kept. */
static int flight_end(struct adhoc *adhoc, struct smki_error *err)
{
    struct state state;
    int rc = state_begin(&state, adhoc->client->config.state, err);

    if (rc != 0)
        return rc;
    state_flight_remove(&state, adhoc->sha256);
    return state_end(&state, 0, err);
}

/* ---- the answer ---- */

static int on_entry(void *context, const struct answer_entry *entry, struct smki_error *err)
{
    struct adhoc *adhoc = context;

    if (entry->certificate.size > sizeof(adhoc->certificate))
        return smki_fail(err, SMKI_CLIENT_ANSWER, "the certificate is larger than %d octets", SMKI_CERTIFICATE_MAX_SIZE);
    adhoc->status = entry->status;
    adhoc->certificate_size = entry->certificate.size;
    if (entry->certificate.size != 0)
        memcpy(adhoc->certificate, entry->certificate.at, entry->certificate.size);
    snprintf(adhoc->error_code, sizeof(adhoc->error_code), "%s", entry->error_code);
    snprintf(adhoc->text, sizeof(adhoc->text), "%s", entry->error_text);
    return 0;
}

static int answer_read(struct adhoc *adhoc, struct smki_error *err)
{
    struct answer_reader *reader;
    int rc = answer_reader_open(&reader, ANSWER_ADHOC, on_entry, adhoc, err);

    adhoc->read = false;
    if (rc != 0)
        return rc;
    if ((rc = answer_reader_feed(reader, BYTES(adhoc->answer.at, adhoc->answer.size), true, err)) == 0) {
        const struct answer *answer = answer_reader_told(reader);
        adhoc->read = true;
        adhoc->transaction = answer->transaction;
        if (strcmp(answer->ref, adhoc->ref) != 0 && (answer->ref[0] != '\0' || adhoc->status == SMKI_STATUS_SUCCESS))
            rc = smki_fail(err, SMKI_CLIENT_ANSWER, "the answer is to \"%.60s\", not to \"%.60s\"", answer->ref, adhoc->ref);
    }
    answer_reader_close(reader);
    return rc;
}

/* Nothing that came is thrown away: an answer that cannot be read may hold a certificate. */
static int unreadable(const struct adhoc *adhoc, const struct smki_error *why, struct smki_error *err)
{
    char path[SMKI_CLIENT_TEXT_SIZE + 32];

    snprintf(path, sizeof(path), "%s.answer-%.12s", adhoc->client->config.state, adhoc->sha256);
    if (file_write(path, BYTES(adhoc->answer.at, adhoc->answer.size), 0600, NULL) != 0)
        return smki_fail(err, SMKI_CLIENT_ANSWER, "%.480s", why->text);
    return smki_fail(err, SMKI_CLIENT_ANSWER, "%.300s; the certificate may have been issued; what came is kept in %.150s", why->text, path);
}

/* Whatever the answer says goes to `keep`. */
static int hand_over(struct adhoc *adhoc, smki_client_item_fn keep, void *context, struct smki_error *err)
{
    struct smki_error why = {0};
    struct smki_client_item item = {
        .ref = adhoc->ref,
        .status = adhoc->status,
        .error_code = adhoc->error_code,
        .text = adhoc->text,
        .certificate = BYTES(adhoc->certificate, adhoc->certificate_size),
        .transaction = adhoc->transaction,
    };

    if (adhoc->status != SMKI_STATUS_SUCCESS) {
        item.code = SMKI_CLIENT_REFUSED;
    } else {
        item.code = smki_client_check(adhoc->client, &adhoc->csr, item.certificate, &why);
        item.text = why.text;
    }
    return keep(context, &item, err);
}

/* ---- sending ---- */

/* How the answer of an HTTP status is to be taken. */
enum taken { TAKEN_AGAIN, TAKEN_ANSWER, TAKEN_REFUSED, TAKEN_UNKNOWN };

static enum taken take(struct adhoc *adhoc, const struct http_reply *reply)
{
    const bool refused = adhoc->read && adhoc->status != SMKI_STATUS_SUCCESS;

    if (reply->status == 429 || reply->status == 503)
        return TAKEN_AGAIN;
    if (refused && adhoc->status == SMKI_STATUS_WORKFLOW_ERROR && reply->retry_after >= 0)
        return TAKEN_AGAIN; /* a service that tells its refusals under HTTP 200 (interfaces.md 12.3) */
    if (reply->status == 200 || refused)
        return TAKEN_ANSWER;
    return reply->status < 500 ? TAKEN_REFUSED : TAKEN_UNKNOWN;
}

static void refusal_words(const struct adhoc *adhoc, const struct http_reply *reply, struct smki_error *err)
{
    if (adhoc->read && adhoc->error_code[0] != '\0')
        (void)smki_fail(err, SMKI_CLIENT_REFUSED, "%s: %.450s", adhoc->error_code, adhoc->text);
    else
        (void)smki_fail(err, SMKI_CLIENT_REFUSED, "the ad hoc service answers with HTTP %ld", reply->status);
}

static int send_once(struct adhoc *adhoc, struct http_reply *reply, struct smki_error *err)
{
    const struct http_request request = {.url = adhoc->client->adhoc_url,
                                         .post = true,
                                         .body = BYTES(adhoc->request.at, adhoc->request.size),
                                         .sink = sink_to_buffer,
                                         .context = &adhoc->answer};

    adhoc->answer.size = 0;
    return http_do(adhoc->client->adhoc, &request, reply, err);
}

/* One try: 0 with how it is to be taken and, if it is a refusal, *why; or what failed. The flight stays when something may have been done.
 */
static int attempt(struct adhoc *adhoc, enum taken *taken, struct http_reply *reply, struct smki_error *why)
{
    struct smki_error unread = {0};
    int rc, ended;

    *taken = TAKEN_AGAIN;
    if ((rc = slot_take(adhoc, why)) != 0)
        return rc;
    rc = send_once(adhoc, reply, why);
    if (rc == 0) {
        const int read = answer_read(adhoc, &unread);
        *taken = take(adhoc, reply);
        if (*taken == TAKEN_ANSWER && read != 0)
            rc = unreadable(adhoc, &unread, why);
        else if (*taken == TAKEN_UNKNOWN)
            rc = smki_fail(why, SMKI_CLIENT_FATE_UNKNOWN, "the ad hoc service answers with HTTP %ld", reply->status);
        else if (*taken != TAKEN_ANSWER)
            refusal_words(adhoc, reply, why);
    }
    ended = slot_end(adhoc, rc != SMKI_CLIENT_FATE_UNKNOWN && rc != SMKI_CLIENT_ANSWER && *taken != TAKEN_ANSWER, rc == 0 ? why : NULL);
    return rc != 0 ? rc : ended;
}

static int send_until(struct adhoc *adhoc, struct smki_error *err)
{
    struct smki_client *client = adhoc->client;
    const int64_t patience = client->config.patience > 0 ? client->config.patience : PATIENCE;
    struct trouble trouble = {0};
    struct http_reply reply = {.retry_after = -1};
    struct smki_error why = {0};
    enum taken taken;
    int rc;

    for (;;) {
        rc = attempt(adhoc, &taken, &reply, &why);
        if (rc == 0 && taken == TAKEN_ANSWER)
            return 0;
        if (rc == 0)
            rc = SMKI_CLIENT_REFUSED;
        if (rc == SMKI_CLIENT_CONNECTION)
            reply.retry_after = -1;
        if ((rc != SMKI_CLIENT_CONNECTION && !(rc == SMKI_CLIENT_REFUSED && taken == TAKEN_AGAIN)) ||
            (rc = trouble_wait(client, &trouble, reply.retry_after, patience, rc, &why)) != 0)
            break;
    }
    if (rc == SMKI_CLIENT_FATE_UNKNOWN)
        return smki_fail(err, rc,
                         "%.300s; the certificate may have been issued: ask the Service Desk or the repository before sending it again",
                         why.text);
    return smki_fail(err, rc, "%s", why.text);
}

int smki_client_adhoc(struct smki_client *client, struct smki_bytes csr, const char *ref, bool again, smki_client_item_fn keep,
                      void *context, struct smki_error *err)
{
    struct adhoc adhoc = {.client = client, .ref = ref};
    int rc;

    if ((rc = prepare(&adhoc, csr, err)) == 0 && (rc = flight_check(&adhoc, again, err)) == 0 && (rc = send_until(&adhoc, err)) == 0 &&
        (rc = hand_over(&adhoc, keep, context, err)) == 0)
        rc = flight_end(&adhoc, err);
    smki_buffer_finish(&adhoc.request);
    smki_buffer_finish(&adhoc.answer);
    return rc;
}
