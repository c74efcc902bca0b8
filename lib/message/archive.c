#include "message/archive_i.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFER_SIZE ((size_t)256 * 1024) /* octets written at once */

/* ---- the file ---- */

static bool put(struct archive *archive, const uint8_t *at, size_t size, uint64_t offset)
{
    while (size != 0) {
        const ssize_t n = pwrite(archive->fd, at, size, (off_t)offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            zip_error_set(&archive->error, ZIP_ER_WRITE, errno);
            return false;
        }
        at += n;
        size -= (size_t)n;
        offset += (size_t)n;
    }
    return true;
}

static bool flush(struct archive *archive)
{
    if (!put(archive, archive->buffer, archive->filled, archive->start))
        return false;
    archive->start += archive->filled;
    archive->filled = 0;
    return true;
}

/* Of a header whose beginning has left the buffer. */
static size_t write_before(struct archive *archive, const uint8_t *at, size_t size)
{
    const uint64_t before = archive->start - archive->at;
    const size_t part = size < before ? size : (size_t)before;

    return put(archive, at, part, archive->at) ? part : 0;
}

static size_t write_buffered(struct archive *archive, const uint8_t *at, size_t size)
{
    size_t offset, part;

    if (archive->at == archive->start + BUFFER_SIZE && !flush(archive))
        return 0;
    offset = (size_t)(archive->at - archive->start);
    part = size < BUFFER_SIZE - offset ? size : BUFFER_SIZE - offset;
    memcpy(archive->buffer + offset, at, part);
    if (archive->filled < offset + part)
        archive->filled = offset + part;
    return part;
}

static zip_int64_t write_all(struct archive *archive, const uint8_t *at, size_t size)
{
    size_t done = 0;

    while (done < size) {
        const size_t part =
            archive->at < archive->start ? write_before(archive, at + done, size - done) : write_buffered(archive, at + done, size - done);
        if (part == 0)
            return -1;
        archive->at += part;
        done += part;
    }
    return (zip_int64_t)size;
}

/* libzip goes back to what it wrote and forth to its end, never beyond. */
static zip_int64_t move_to(struct archive *archive, void *from, uint64_t size)
{
    const zip_int64_t to = zip_source_seek_compute_offset(archive->at, archive->start + archive->filled, from, size, &archive->error);

    if (to < 0)
        return -1;
    archive->at = (uint64_t)to;
    return 0;
}

/* ---- libzip's view of it (zip_source_function(3)) ---- */

/* There is nothing to read in what is only written. */
static zip_int64_t say_absent(struct archive *archive)
{
    zip_error_set(&archive->error, ZIP_ER_READ, ENOENT);
    return -1;
}

static zip_int64_t on_file(void *context, void *at, zip_uint64_t size, zip_source_cmd_t command)
{
    struct archive *archive = context;

    switch (command) {
    case ZIP_SOURCE_SUPPORTS:
        return ZIP_SOURCE_SUPPORTS_WRITABLE;
    case ZIP_SOURCE_STAT:
        return say_absent(archive);
    case ZIP_SOURCE_ERROR:
        return zip_error_to_data(&archive->error, at, size);
    case ZIP_SOURCE_WRITE:
        return write_all(archive, at, (size_t)size);
    case ZIP_SOURCE_SEEK_WRITE:
        return move_to(archive, at, size);
    case ZIP_SOURCE_TELL_WRITE:
        return (zip_int64_t)archive->at;
    case ZIP_SOURCE_COMMIT_WRITE:
        return flush(archive) ? 0 : -1;
    case ZIP_SOURCE_BEGIN_WRITE:
    case ZIP_SOURCE_ROLLBACK_WRITE:
    case ZIP_SOURCE_REMOVE:
    case ZIP_SOURCE_FREE:
        return 0;
    default:
        zip_error_set(&archive->error, ZIP_ER_OPNOTSUPP, 0);
        return -1;
    }
}

static int fail_error(zip_error_t *why, struct smki_error *err)
{
    if (zip_error_code_zip(why) == ZIP_ER_MEMORY)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    if (zip_error_system_type(why) == ZIP_ET_SYS && zip_error_code_system(why) != 0)
        return smki_fail_errno(err, zip_error_code_system(why), "writing the zip");
    return smki_fail(err, SMKI_IO, "writing the zip: %s", zip_error_strerror(why));
}

int archive_fail(struct archive *archive, struct smki_error *err)
{
    return fail_error(zip_get_error(archive->zip), err);
}

/* libzip counts back by the same time zone. */
static time_t dos_epoch(void)
{
    struct tm tm = {.tm_year = 80, .tm_mday = 1, .tm_isdst = -1};

    return mktime(&tm);
}

int archive_open(struct archive *archive, int fd, struct smki_error *err)
{
    zip_source_t *source;
    zip_error_t why;
    int rc = 0;

    *archive = (struct archive){.fd = fd, .buffer = malloc(BUFFER_SIZE), .entry_time = dos_epoch()};
    zip_error_init(&archive->error);
    if (archive->buffer == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    zip_error_init(&why);
    if ((source = zip_source_function_create(on_file, archive, &why)) == NULL ||
        (archive->zip = zip_open_from_source(source, ZIP_CREATE | ZIP_TRUNCATE, &why)) == NULL) {
        rc = fail_error(&why, err);
        zip_source_free(source);
    }
    zip_error_fini(&why);
    return rc;
}

int archive_write(struct archive *archive, struct smki_error *err)
{
    if (zip_close(archive->zip) != 0)
        return archive_fail(archive, err);
    archive->zip = NULL;
    return 0;
}

void archive_finish(struct archive *archive)
{
    if (archive->zip != NULL)
        zip_discard(archive->zip);
    archive->zip = NULL;
    free(archive->buffer);
    archive->buffer = NULL;
    zip_error_fini(&archive->error);
}
