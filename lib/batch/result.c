/* Results into a file, as XML, zip or txt. */
#include "batch/batch_i.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the file ---- */

struct result_file {
    mode_t mode;         /* that of the file it replaces */
    char path[PATH_MAX]; /* beside the one wanted, until it is whole */
    int fd;
};

static int file_sink(void *context, struct smki_bytes bytes, struct smki_error *err)
{
    const struct result_file *file = context;

    while (bytes.size > 0) {
        const ssize_t n = write(file->fd, bytes.at, bytes.size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return smki_fail_errno(err, errno, "%s", file->path);
        bytes.at += n;
        bytes.size -= (size_t)n;
    }
    return 0;
}

/* A result takes the place of a file, never that of a device, a pipe or a link. */
static int result_file_create(struct result_file *file, const char *path, struct smki_error *err)
{
    struct stat there;

    file->mode = 0644;
    if (lstat(path, &there) == 0) {
        if (!S_ISREG(there.st_mode))
            return smki_fail(err, SMKI_INVALID_ARGUMENT, "%s is there and is no plain file; name a file, or - for standard output", path);
        file->mode = there.st_mode & 0777;
    }
    if (snprintf(file->path, sizeof(file->path), "%s.XXXXXX", path) >= (int)sizeof(file->path))
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "%s: the path is too long", path);
    file->fd = mkostemp(file->path, O_CLOEXEC);
    return file->fd < 0 ? smki_fail_errno(err, errno, "%s", path) : 0;
}

/* The contents are on the disk before the name is. */
static int result_file_publish(struct result_file *file, const char *path, struct smki_error *err)
{
    char folder[PATH_MAX];
    char *slash;

    if (fchmod(file->fd, file->mode) != 0 || fsync(file->fd) != 0 || rename(file->path, path) != 0)
        return smki_fail_errno(err, errno, "%s", path);
    snprintf(folder, sizeof(folder), "%s", path);
    if ((slash = strrchr(folder, '/')) == NULL)
        return folder_sync(".", err);
    slash[slash == folder ? 1 : 0] = '\0';
    return folder_sync(folder, err);
}

static int content_write(struct result_pages *pages, enum smki_result_format format, struct result_file *file, struct smki_error *err)
{
    switch (format) {
    case SMKI_RESULT_XML:
        return batch_xml_result(pages->batch, smki_version(), pages_next, pages, file_sink, file, err);
    case SMKI_RESULT_TXT:
        return batch_txt_result(pages->batch, pages_next, pages, file_sink, file, err);
    default:
        return batch_zip_result(file->fd, file->path, pages_next, pages, err);
    }
}

static int result_write(struct result_pages *pages, enum smki_result_format format, const char *path, struct smki_error *err)
{
    struct result_file file = {.fd = -1};
    int rc = result_file_create(&file, path, err);

    if (rc != 0)
        return rc;
    rc = content_write(pages, format, &file, err);
    if (rc == 0)
        rc = result_file_publish(&file, path, err);
    if (file.fd >= 0)
        close(file.fd);
    if (rc != 0)
        unlink(file.path);
    return rc;
}

/* What a process that is killed in the middle leaves is cleared away with uploads that were broken off. */
static int nameless_write(struct result_pages *pages, enum smki_result_format format, int *fd, uint64_t *size, struct smki_error *err)
{
    struct result_file file = {.fd = -1};
    char path[PATH_MAX];
    struct stat about;
    int rc;

    if ((rc = home_path_in(pages->service, path, SMKI_HOME_BATCHES, "result", err)) != 0 ||
        (rc = result_file_create(&file, path, err)) != 0)
        return rc;
    rc = content_write(pages, format, &file, err);
    unlink(file.path);
    if (rc == 0 && (fstat(file.fd, &about) != 0 || lseek(file.fd, 0, SEEK_SET) != 0))
        rc = smki_fail_errno(err, errno, "%s", file.path);
    if (rc != 0) {
        if (file.fd >= 0)
            close(file.fd);
        return rc;
    }
    *fd = file.fd;
    *size = (uint64_t)about.st_size;
    return 0;
}

/* ---- may it be read? ---- */

int result_is_there(const struct smki_service *service, const struct smki_batch *batch, struct smki_error *err)
{
    if (batch->state == SMKI_STATE_REJECTED || batch->state == SMKI_STATE_TAMPERED)
        return smki_fail(err, batch->state == SMKI_STATE_REJECTED ? SMKI_BATCH_REJECTED : SMKI_BATCH_TAMPERED, "batch %llu is %s: %s",
                         (unsigned long long)batch->id, smki_batch_state_word(batch->state), batch->reason);
    if (batch->state != SMKI_STATE_COMPLETED)
        return smki_fail(err, SMKI_BATCH_NOT_COMPLETED, "batch %llu is %s, %u of its %u CSRs are processed; run the night first",
                         (unsigned long long)batch->id, smki_batch_state_word(batch->state), batch->processed, batch->csrs);
    if (batch_has_expired(service, batch))
        return smki_fail(err, SMKI_RESULT_EXPIRED, NULL);
    return 0;
}

bool batch_is_released(const struct smki_service *service, const struct smki_batch *batch, struct smki_time now)
{
    return batch->released_at.us != 0 || now.us >= smki_night_release(&smki_service_config(service)->limits, batch->accepted_at).us;
}

static int is_released(const struct smki_service *service, const struct smki_batch *batch, struct smki_error *err)
{
    const struct smki_time release = smki_night_release(&smki_service_config(service)->limits, batch->accepted_at);
    char text[SMKI_TIME_TEXT_SIZE];

    if (batch_is_released(service, batch, smki_service_now(service)))
        return 0;
    return smki_fail(err, SMKI_NOT_RELEASED,
                     "the results of batch %llu are released at %s (CoCo 3.1.3); the operator may use --ignore-release",
                     (unsigned long long)batch->id, smki_time_text_people(release, text));
}

struct reading {
    const struct smki_actor *actor;
    const struct smki_batch *batch;
    bool override;
    const char *detail; /* NULL: none */
};

static int reading_change(struct store_change *change, void *argument, struct smki_error *err)
{
    const struct reading *reading = argument;
    struct smki_audit_record record = {.act = reading->override ? SMKI_ACT_OVERRIDE : SMKI_ACT_RESULT_READ,
                                       .actor = *reading->actor,
                                       .party = reading->batch->party,
                                       .subject = reading->batch->id};

    if (reading->override)
        snprintf(record.detail, sizeof(record.detail), "--ignore-release: the result read before its release");
    else if (reading->detail != NULL)
        snprintf(record.detail, sizeof(record.detail), "%s", reading->detail);
    return store_record(change, &record, err);
}

int smki_batch_result(struct smki_service *service, const struct smki_actor *actor, uint64_t id, enum smki_result_format format,
                      const char *path, bool ignore_release, struct smki_error *err)
{
    struct result_pages pages;
    struct smki_batch batch;
    struct reading reading = {.actor = actor, .batch = &batch};
    int rc;

    if ((rc = smki_batch_find_as(service, actor, id, &batch, err)) != 0 || (rc = result_is_there(service, &batch, err)) != 0)
        return rc;
    if ((rc = is_released(service, &batch, err)) != 0) {
        if (!ignore_release)
            return rc;
        reading.override = true;
    }
    if ((rc = store_change(service->store, reading_change, &reading, err)) != 0)
        return rc;
    if ((rc = pages_open(&pages, service, &batch, err)) == 0)
        rc = result_write(&pages, format, path, err);
    pages_close(&pages);
    return rc;
}

int smki_batch_result_open(struct smki_service *service, const struct smki_actor *actor, uint64_t id, enum smki_result_format format,
                           int *fd, uint64_t *size, struct smki_error *err)
{
    struct result_pages pages;
    struct smki_batch batch;
    struct reading reading = {.actor = actor, .batch = &batch, .detail = "delivery begun"};
    int rc;

    if ((rc = smki_batch_find_as(service, actor, id, &batch, err)) != 0 || (rc = result_is_there(service, &batch, err)) != 0 ||
        (rc = is_released(service, &batch, err)) != 0 || (rc = store_change(service->store, reading_change, &reading, err)) != 0)
        return rc;
    if ((rc = pages_open(&pages, service, &batch, err)) == 0)
        rc = nameless_write(&pages, format, fd, size, err);
    pages_close(&pages);
    return rc;
}

int smki_batch_result_taken(struct smki_service *service, const struct smki_actor *actor, uint64_t id, struct smki_error *err)
{
    struct smki_batch batch;
    struct reading reading = {.actor = actor, .batch = &batch, .detail = "the peer has taken all of it"};
    int rc = smki_batch_find_as(service, actor, id, &batch, err);

    return rc != 0 ? rc : store_change(service->store, reading_change, &reading, err);
}

int smki_batch_result_name(const struct smki_batch *batch, enum smki_result_format format, char out[SMKI_BATCH_FILE_SIZE],
                           struct smki_error *err)
{
    static const char *const extensions[] = {[SMKI_RESULT_XML] = "xml", [SMKI_RESULT_ZIP] = "zip", [SMKI_RESULT_TXT] = "txt"};
    const char *dot = strrchr(batch->name, '.');
    const int stem = dot != NULL ? (int)(dot - batch->name) : (int)strlen(batch->name);
    int size;

    if (stem > 0)
        size = snprintf(out, SMKI_BATCH_FILE_SIZE, "%.*s-response.%s", stem, batch->name, extensions[format]);
    else
        size = snprintf(out, SMKI_BATCH_FILE_SIZE, "batch-%llu-response.%s", (unsigned long long)batch->id, extensions[format]);
    return size >= SMKI_BATCH_FILE_SIZE
               ? smki_fail(err, SMKI_TOO_LARGE, "the name of batch %llu is too long", (unsigned long long)batch->id)
               : 0;
}
