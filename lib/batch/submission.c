/* Intake: an upload is streamed to the home's batches folder while it is hashed and, for XML, checked; then counted, recorded, and given
 * its BatchId. */
#include "batch/batch_i.h"

#include "registry/registry_i.h"
#include "registry/text_i.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INTAKE_BUFFER (256 * 1024) /* octets read from a file at a time */

struct smki_submission {
    struct smki_service *service;
    struct smki_actor actor;
    struct smki_batch batch;
    char path[PATH_MAX]; /* what the file is called once it is accepted, */
    bool named;          /* or at once, where a file system knows no files without a name */
    int fd;
    struct sha256_stream hash;
    struct request_xml_reader *xml;
    struct batch_limits limits;
    bool takes_turn;
    struct octet_hold turn;
    struct smki_verdict verdict; /* of the turn */
    bool finished;
    int failed; /* the first failure: nothing can be fed or finished after it */
};

static int actor_may_submit(struct store_view *view, const struct smki_actor *actor, struct smki_error *err)
{
    struct smki_party party;
    int rc = party_get(view, actor->party, &party, err);

    if (rc != 0)
        return rc;
    if (party.barred)
        return smki_fail(err, SMKI_PARTY_BARRED, NULL);
    if ((party.subscriber & SMKI_SUBSCRIBER_DEVICE) == 0)
        return smki_fail(err, SMKI_NOT_SUBSCRIBER, "Party %llu is not an Authorised Subscriber for Device Certificates (SEC L3.16)",
                         (unsigned long long)actor->party);
    return credential_stands(view, actor->credential, err);
}

/* Where the upload can be read meanwhile. */
static const char *upload_path(const struct smki_submission *submission, char out[PATH_MAX])
{
    if (submission->named)
        return submission->path;
    snprintf(out, PATH_MAX, "/proc/self/fd/%d", submission->fd);
    return out;
}

/* A file that has no name until it is accepted: of a process that is killed nothing is left. */
static bool nameless_create(struct smki_submission *submission, const char *folder)
{
    char path[PATH_MAX];

    submission->fd = open(folder, O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600);
    if (submission->fd >= 0 && access(upload_path(submission, path), R_OK) == 0)
        return true;
    if (submission->fd >= 0) /* without /proc there is no way to it */
        close(submission->fd);
    submission->fd = -1;
    return false;
}

/* A name of its own for the upload: nothing of the submitter's file name reaches the file system. */
static int upload_create(struct smki_submission *submission, struct smki_error *err)
{
    const struct smki_random *random = &submission->service->random;
    uint8_t chance[12];
    char hex[2 * sizeof(chance) + 1], folder[PATH_MAX];
    int rc = random->fill(random->context, chance, sizeof(chance));

    if (rc != 0)
        return smki_fail(err, rc, NULL);
    snprintf(submission->batch.file, sizeof(submission->batch.file), "%s.%s", hex_encode(hex, chance, sizeof(chance)),
             submission->batch.form == SMKI_BATCH_XML ? "xml" : "zip");
    if ((rc = home_path(submission->service, folder, SMKI_HOME_BATCHES, err)) != 0 ||
        (rc = home_path_in(submission->service, submission->path, SMKI_HOME_BATCHES, submission->batch.file, err)) != 0)
        return rc;
    if (nameless_create(submission, folder))
        return 0;
    submission->fd = open(submission->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    submission->named = submission->fd >= 0;
    if (submission->fd < 0 && errno == ENOENT)
        return smki_fail(err, SMKI_NOT_FOUND, "%s: the home's folder for uploads is gone; restore a backup with 'smki restore'",
                         submission->path);
    return submission->fd < 0 ? smki_fail_errno(err, errno, "%s", submission->path) : 0;
}

/* It is to be accepted. */
static int upload_name(struct smki_submission *submission, struct smki_error *err)
{
    char path[PATH_MAX];

    if (submission->named)
        return 0;
    if (linkat(AT_FDCWD, upload_path(submission, path), AT_FDCWD, submission->path, AT_SYMLINK_FOLLOW) != 0)
        return smki_fail_errno(err, errno, "%s", submission->path);
    submission->named = true;
    return 0;
}

static int ignore_request(void *context, const struct batch_request *request, struct smki_error *err)
{
    (void)context, (void)request, (void)err;
    return 0;
}

static int count_request(void *context, const struct batch_request *request, struct smki_error *err)
{
    (void)request, (void)err;
    ++*(uint32_t *)context;
    return 0;
}

/* May the actor submit, and how many at once has the Party agreed? */
static int ask_registry(const struct smki_submission *submission, uint64_t *agreed, struct smki_error *err)
{
    const struct smki_actor *actor = &submission->actor;
    struct store_view *view;
    int rc = store_view_begin(submission->service->store, &view, err);

    if (rc != 0)
        return rc;
    *agreed = 0;
    if ((rc = actor_may_submit(view, actor, err)) == 0 && submission->takes_turn)
        rc = agreements_limit(&submission->service->agreements, view, actor->party, SMKI_RULE_BATCH_ONE,
                              smki_service_now(submission->service), agreed, err);
    store_view_end(view);
    return rc;
}

static int submission_begin(struct smki_submission *submission, struct smki_error *err)
{
    uint64_t agreed;
    int rc = ask_registry(submission, &agreed, err);

    if (rc != 0)
        return rc;
    if (submission->takes_turn && (rc = submission_turn_take(&submission->turn, submission->service, submission->actor.party, agreed,
                                                             &submission->verdict, err)) != 0)
        return rc;
    if (submission->batch.form == SMKI_BATCH_XML &&
        (rc = request_xml_open(&submission->xml, &request_form_batch, &submission->limits, ignore_request, NULL, err)) != 0)
        return rc;
    sha256_start(&submission->hash);
    return upload_create(submission, err);
}

/* A refusal is a decision like any other: recorded with its code. */
struct refusal_note {
    const struct smki_submission *submission;
    const struct smki_error *why;
};

static int refusal_change(struct store_change *change, void *argument, struct smki_error *err)
{
    const struct refusal_note *note = argument;
    struct smki_audit_record record = {
        .act = SMKI_ACT_BATCH_SUBMIT, .actor = note->submission->actor, .party = note->submission->actor.party, .outcome = note->why->code};

    snprintf(record.detail, sizeof(record.detail), "%.*s", (int)sizeof(record.detail) - 1, note->why->text);
    return store_record(change, &record, err);
}

static int refused(struct smki_submission *submission, int code, struct smki_error *err)
{
    struct smki_error local = {.code = code};
    struct refusal_note note = {.submission = submission, .why = err != NULL ? err : &local};
    struct smki_error recording = {0};
    int rc = store_change(submission->service->store, refusal_change, &note, &recording);

    if (rc != 0) /* without its record the refusal cannot be given as one */
        return smki_fail(err, rc, "%s", recording.text);
    return code;
}

/* A rule that is only observed leaves its mark in the log. */
static int observed_change(struct store_change *change, void *argument, struct smki_error *err)
{
    const struct smki_submission *submission = argument;
    struct smki_audit_record record = {
        .act = SMKI_ACT_DEMAND_OBSERVED, .actor = submission->actor, .party = submission->actor.party, .outcome = submission->verdict.code};

    snprintf(record.detail, sizeof(record.detail), "%.*s", (int)sizeof(record.detail) - 1, submission->verdict.text);
    return store_record(change, &record, err);
}

static int turn_observed(struct smki_submission *submission, struct smki_error *err)
{
    return submission->verdict.flagged ? store_change(submission->service->store, observed_change, submission, err) : 0;
}

#define NAME_MAX_SIZE (255 - 9) /* octets: a file's name, and room for the "-response" of its result's */

/* The submitter's name for a zip goes into the result's name, so it is a plain file name; and it is shown in listings, so it is printable
 * text like other names. */
static int name_take(struct smki_submission *submission, const char *name, struct smki_error *err)
{
    int rc;

    if (name == NULL)
        return 0;
    if (strlen(name) > NAME_MAX_SIZE)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "the file's name has %zu octets, %d are allowed; give it a shorter one", strlen(name),
                         NAME_MAX_SIZE);
    if (name[strcspn(name, "/\\")] != '\0')
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "the file's name holds a slash or a backslash; give it a plain one");
    if (name[0] != '\0' && (rc = text_check(name, NAME_MAX_SIZE + 1, "file's name", err)) != 0)
        return rc;
    snprintf(submission->batch.name, sizeof(submission->batch.name), "%s", name);
    return 0;
}

static struct smki_submission *submission_make(struct smki_service *service, const struct smki_actor *actor, enum smki_batch_form form)
{
    const struct smki_config *config = smki_service_config(service);
    struct smki_submission *submission = calloc(1, sizeof(*submission));

    if (submission == NULL)
        return NULL;
    submission->service = service;
    submission->actor = *actor;
    submission->fd = submission->turn.fd = -1;
    submission->limits = (struct batch_limits){.max_csrs = config->batch_max_csrs, .max_upload = config->batch_max_upload};
    submission->batch =
        (struct smki_batch){.party = actor->party, .state = SMKI_STATE_PENDING, .form = form, .interface = actor->interface};
    submission->verdict = (struct smki_verdict){.allowed = true, .retry_at = smki_service_now(service)};
    return submission;
}

static int submission_open(struct smki_submission **out, struct smki_submission *submission, const char *name, struct smki_verdict *verdict,
                           struct smki_error *err)
{
    int rc;

    *out = NULL;
    if (submission == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    if ((rc = name_take(submission, name, err)) != 0 || (rc = submission_begin(submission, err)) != 0)
        rc = refused(submission, rc, err);
    else
        rc = turn_observed(submission, err);
    if (verdict != NULL)
        *verdict = submission->verdict;
    if (rc != 0)
        smki_submission_close(submission);
    else
        *out = submission;
    return rc;
}

int smki_submission_open_turn(struct smki_submission **out, struct smki_service *service, const struct smki_actor *actor,
                              enum smki_batch_form form, const char *name, struct smki_verdict *verdict, struct smki_error *err)
{
    struct smki_submission *submission = submission_make(service, actor, form);

    if (submission != NULL)
        submission->takes_turn = actor->interface == SMKI_INTERFACE_BATCH;
    return submission_open(out, submission, name, verdict, err);
}

int smki_submission_open(struct smki_submission **out, struct smki_service *service, const struct smki_actor *actor,
                         enum smki_batch_form form, const char *name, struct smki_error *err)
{
    return smki_submission_open_turn(out, service, actor, form, name, NULL, err);
}

static int write_whole(int fd, struct smki_bytes bytes)
{
    while (bytes.size > 0) {
        const ssize_t n = write(fd, bytes.at, bytes.size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        bytes.at += n;
        bytes.size -= (size_t)n;
    }
    return 0;
}

static int feed(struct smki_submission *submission, struct smki_bytes bytes, struct smki_error *err)
{
    struct smki_batch *batch = &submission->batch;
    int rc, errnum;

    if (bytes.size > submission->limits.max_upload - batch->size)
        return refused(submission,
                       smki_fail(err, SMKI_TOO_LARGE, "the upload is larger than the limit of %llu octets (batch.max_upload)",
                                 (unsigned long long)submission->limits.max_upload),
                       err);
    if (submission->xml != NULL && (rc = request_xml_feed(submission->xml, bytes, false, err)) != 0)
        return refused(submission, rc, err);
    if ((errnum = write_whole(submission->fd, bytes)) != 0)
        return smki_fail_errno(err, errnum, "%s", submission->path);
    sha256_add(&submission->hash, bytes.at, bytes.size);
    batch->size += bytes.size;
    return 0;
}

/* A submission that has ended, well or badly, takes nothing more. */
static int still_open(const struct smki_submission *submission, struct smki_error *err)
{
    if (submission->finished)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "the submission is finished; open another");
    return submission->failed == 0 ? 0 : smki_fail(err, submission->failed, "the submission has failed before; open another");
}

int smki_submission_feed(struct smki_submission *submission, struct smki_bytes bytes, struct smki_error *err)
{
    int rc = still_open(submission, err);

    return rc != 0 ? rc : (submission->failed = feed(submission, bytes, err));
}

/* ---- finish ---- */

static int content_check(struct smki_submission *submission, struct smki_error *err)
{
    struct smki_batch *batch = &submission->batch;
    char path[PATH_MAX];
    int rc;

    if (submission->xml == NULL) /* every entry is unpacked once: what cannot be read is refused now, and not in its night */
        return batch_zip_read(upload_path(submission, path), &submission->limits, count_request, &batch->csrs, err);
    if ((rc = request_xml_feed(submission->xml, BYTES("", 0), true, err)) != 0)
        return rc;
    batch->csrs = request_xml_count(submission->xml);
    snprintf(batch->ref, sizeof(batch->ref), "%s", request_xml_ref(submission->xml));
    return 0;
}

static int make_durable(struct smki_submission *submission, struct smki_error *err)
{
    char folder[PATH_MAX];
    int rc;

    if (fsync(submission->fd) != 0)
        return smki_fail_errno(err, errno, "%s", submission->path);
    if ((rc = upload_name(submission, err)) != 0)
        return rc;
    rc = home_path(submission->service, folder, SMKI_HOME_BATCHES, err);
    return rc != 0 ? rc : folder_sync(folder, err);
}

struct acceptance {
    struct smki_submission *submission;
    struct smki_verdict verdict;
};

/* The portal's quota: more than 50,000 in any 24 hours is accepted all the same, and queued behind everybody's due work (CoCo 3). */
static int count_quota(struct store_change *change, struct acceptance *acceptance, struct smki_error *err)
{
    struct smki_submission *submission = acceptance->submission;
    struct smki_batch *batch = &submission->batch;
    const struct smki_demand_limits *limits = &smki_service_config(submission->service)->limits;
    struct smki_window window;
    uint64_t agreed;
    int rc;

    if ((rc = agreement_limit(store_change_view(change), batch->party, SMKI_RULE_PORTAL_BATCH, batch->accepted_at, &agreed, err)) != 0)
        return rc;
    if ((rc = demand_window_get(store_change_view(change), batch->party, SMKI_RULE_PORTAL_BATCH, &window, err)) != 0)
        return rc;
    smki_demand_portal_batch(&acceptance->verdict, limits, &window, agreed, batch->accepted_at, batch->csrs);
    batch->over_quota = acceptance->verdict.behind;
    if ((rc = smki_window_add(&window, batch->accepted_at, batch->csrs, err)) == 0)
        rc = demand_window_put(change, batch->party, SMKI_RULE_PORTAL_BATCH, &window, err);
    smki_window_finish(&window);
    return rc;
}

/* A rule that is only observed leaves its mark in the log. */
static int record_observed(struct store_change *change, const struct acceptance *acceptance, struct smki_error *err)
{
    struct smki_audit_record record = {.act = SMKI_ACT_DEMAND_OBSERVED,
                                       .actor = acceptance->submission->actor,
                                       .party = acceptance->submission->batch.party,
                                       .outcome = acceptance->verdict.code};

    if (!acceptance->verdict.flagged || acceptance->verdict.behind)
        return 0;
    snprintf(record.detail, sizeof(record.detail), "%.*s", (int)sizeof(record.detail) - 1, acceptance->verdict.text);
    return store_record(change, &record, err);
}

static int acceptance_change(struct store_change *change, void *argument, struct smki_error *err)
{
    struct acceptance *acceptance = argument;
    struct smki_submission *submission = acceptance->submission;
    struct smki_batch *batch = &submission->batch;
    struct smki_audit_record record = {.act = SMKI_ACT_BATCH_SUBMIT, .actor = submission->actor, .party = batch->party};
    char hex[2 * SHA256_SIZE + 1];
    int rc;

    acceptance->verdict = (struct smki_verdict){.allowed = true};
    batch->accepted_at = store_change_time(change);
    batch->due_at = smki_night_due(&smki_service_config(submission->service)->limits, batch->accepted_at);
    if ((rc = actor_may_submit(store_change_view(change), &submission->actor, err)) != 0)
        return rc;
    if (batch->interface != SMKI_INTERFACE_BATCH && (rc = count_quota(change, acceptance, err)) != 0)
        return rc;
    if ((rc = record_observed(change, acceptance, err)) != 0)
        return rc;
    if ((rc = store_next_number(change, STORE_COUNT_BATCH, &batch->id, err)) != 0 || (rc = store_batch_put(change, batch, err)) != 0)
        return rc;
    record.subject = batch->id;
    snprintf(record.detail, sizeof(record.detail), "%u CSRs, %llu octets, sha256 %s%s", batch->csrs, (unsigned long long)batch->size,
             hex_encode(hex, batch->sha256, SHA256_SIZE), acceptance->verdict.code != 0 ? ", over the portal's quota" : "");
    return store_record(change, &record, err);
}

static int finish(struct smki_submission *submission, struct acceptance *acceptance, struct smki_error *err)
{
    int rc;

    if ((rc = content_check(submission, err)) != 0)
        return refused(submission, rc, err);
    sha256_end(&submission->hash, submission->batch.sha256);
    if ((rc = make_durable(submission, err)) != 0)
        return rc;
    if ((rc = store_change(submission->service->store, acceptance_change, acceptance, err)) != 0)
        return refused(submission, rc, err);
    return 0;
}

int smki_submission_finish(struct smki_submission *submission, struct smki_batch *out, struct smki_verdict *verdict, struct smki_error *err)
{
    struct acceptance acceptance = {.submission = submission};
    int rc = still_open(submission, err);

    if (rc != 0 || (rc = submission->failed = finish(submission, &acceptance, err)) != 0)
        return rc;
    submission->finished = true;
    *out = submission->batch;
    if (verdict != NULL)
        *verdict = acceptance.verdict;
    return 0;
}

const char *smki_submission_ref(const struct smki_submission *submission)
{
    return submission->xml != NULL ? request_xml_ref(submission->xml) : "";
}

void smki_submission_close(struct smki_submission *submission)
{
    if (submission == NULL)
        return;
    request_xml_close(submission->xml);
    if (submission->fd >= 0) {
        close(submission->fd);
        if (!submission->finished && submission->named)
            unlink(submission->path);
    }
    octet_hold_end(&submission->turn);
    free(submission);
}

/* ---- from a file ---- */

static int feed_file(struct smki_submission *submission, int fd, const char *path, struct smki_error *err)
{
    uint8_t *buffer = malloc(INTAKE_BUFFER);
    ssize_t n;
    int rc = 0;

    if (buffer == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    while (rc == 0 && (n = read(fd, buffer, INTAKE_BUFFER)) != 0) {
        if (n > 0)
            rc = smki_submission_feed(submission, BYTES(buffer, (size_t)n), err);
        else if (errno != EINTR)
            rc = smki_fail_errno(err, errno, "%s", path);
    }
    free(buffer);
    return rc;
}

/* A zip begins with "PK" (a local header, or the end of an empty one); whatever else there is has to prove itself as XML. */
static enum smki_batch_form form_of(int fd)
{
    char head[2];

    return pread(fd, head, sizeof(head), 0) == sizeof(head) && memcmp(head, "PK", 2) == 0 ? SMKI_BATCH_ZIP : SMKI_BATCH_XML;
}

int smki_batch_submit_file(struct smki_service *service, const struct smki_actor *actor, const char *path, struct smki_batch *out,
                           struct smki_verdict *verdict, struct smki_error *err)
{
    const char *slash = strrchr(path, '/'), *dot = strrchr(path, '.');
    struct smki_submission *submission = NULL;
    struct smki_actor as = *actor;
    enum smki_batch_form form;
    int rc, fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return smki_fail_errno(err, errno, "%s", path);
    form = dot != NULL && strcasecmp(dot, ".zip") == 0 ? SMKI_BATCH_ZIP : form_of(fd);
    as.interface = form == SMKI_BATCH_ZIP ? SMKI_INTERFACE_PORTAL_DEVICE : SMKI_INTERFACE_BATCH;
    /* no turn: nobody waits on the other side for a synchronous answer */
    rc = submission_open(&submission, submission_make(service, &as, form),
                         form == SMKI_BATCH_ZIP ? (slash != NULL ? slash + 1 : path) : NULL, NULL, err);
    if (rc == 0 && (rc = feed_file(submission, fd, path, err)) == 0)
        rc = smki_submission_finish(submission, out, verdict, err);
    smki_submission_close(submission);
    close(fd);
    return rc;
}
