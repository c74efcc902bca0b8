#include "message/archive_i.h"

#include <errno.h>

/* ---- libzip's view of the file (zip_source_function(3)) ---- */

static zip_int64_t failed(struct archive *archive, int code, int errnum)
{
    zip_error_set(&archive->error, code, errnum);
    return -1;
}

/* Of an archive that is to be written there is nothing yet. */
static zip_int64_t say_stat(struct archive *archive, zip_stat_t *stat)
{
    if (archive->writing)
        return failed(archive, ZIP_ER_READ, ENOENT);
    zip_stat_init(stat);
    stat->size = archive->end;
    stat->valid = ZIP_STAT_SIZE;
    return sizeof(*stat);
}

static zip_int64_t read_on(struct archive *archive, void *at, uint64_t size)
{
    size_t got;
    int errnum = window_read(&archive->file, at, (size_t)size, archive->at, &got);

    if (errnum != 0)
        return failed(archive, ZIP_ER_READ, errnum);
    archive->at += got;
    return (zip_int64_t)got;
}

static zip_int64_t write_on(struct archive *archive, const void *at, uint64_t size)
{
    int errnum = window_write(&archive->file, at, (size_t)size, archive->at);

    if (errnum != 0)
        return failed(archive, ZIP_ER_WRITE, errnum);
    archive->at += size;
    if (archive->end < archive->at)
        archive->end = archive->at;
    return (zip_int64_t)size;
}

static zip_int64_t seek(struct archive *archive, void *to, uint64_t size)
{
    const zip_int64_t offset = zip_source_seek_compute_offset(archive->at, archive->end, to, size, &archive->error);

    if (offset < 0)
        return -1;
    archive->at = (uint64_t)offset;
    return 0;
}

static zip_int64_t commit(struct archive *archive)
{
    int errnum = window_flush(&archive->file);

    return errnum != 0 ? failed(archive, ZIP_ER_WRITE, errnum) : 0;
}

static zip_int64_t on_file(void *context, void *at, zip_uint64_t size, zip_source_cmd_t command)
{
    struct archive *archive = context;

    switch (command) {
    case ZIP_SOURCE_SUPPORTS:
        return archive->writing ? ZIP_SOURCE_SUPPORTS_WRITABLE : ZIP_SOURCE_SUPPORTS_SEEKABLE;
    case ZIP_SOURCE_STAT:
        return say_stat(archive, at);
    case ZIP_SOURCE_ERROR:
        return zip_error_to_data(&archive->error, at, size);
    case ZIP_SOURCE_OPEN:
        archive->at = 0;
        return 0;
    case ZIP_SOURCE_READ:
        return read_on(archive, at, size);
    case ZIP_SOURCE_WRITE:
        return write_on(archive, at, size);
    case ZIP_SOURCE_SEEK:
    case ZIP_SOURCE_SEEK_WRITE:
        return seek(archive, at, size);
    case ZIP_SOURCE_TELL:
    case ZIP_SOURCE_TELL_WRITE:
        return (zip_int64_t)archive->at;
    case ZIP_SOURCE_COMMIT_WRITE:
        return commit(archive);
    case ZIP_SOURCE_BEGIN_WRITE:
    case ZIP_SOURCE_ROLLBACK_WRITE:
    case ZIP_SOURCE_REMOVE:
    case ZIP_SOURCE_CLOSE:
    case ZIP_SOURCE_FREE:
        return 0;
    default:
        return failed(archive, ZIP_ER_OPNOTSUPP, 0);
    }
}

static bool attach(struct archive *archive, int flags, zip_error_t *why)
{
    zip_source_t *source = zip_source_function_create(on_file, archive, why);

    if (source != NULL && (archive->zip = zip_open_from_source(source, flags, why)) == NULL)
        zip_source_free(source);
    return archive->zip != NULL;
}

/* ---- writing ---- */

/* libzip counts back by the same time zone. */
static time_t dos_epoch(void)
{
    struct tm tm = {.tm_year = 80, .tm_mday = 1, .tm_isdst = -1};

    return mktime(&tm);
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

int archive_create(struct archive *archive, int fd, struct smki_error *err)
{
    zip_error_t why;
    int rc;

    *archive = (struct archive){.writing = true, .entry_time = dos_epoch()};
    zip_error_init(&archive->error);
    if ((rc = window_open(&archive->file, fd, err)) != 0)
        return rc;
    zip_error_init(&why);
    if (!attach(archive, ZIP_CREATE | ZIP_TRUNCATE, &why))
        rc = fail_error(&why, err);
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

/* ---- reading ---- */

int archive_open(struct archive *archive, int fd, uint64_t size, int flags, int *errnum)
{
    zip_error_t why;
    int code = 0;

    *archive = (struct archive){.end = size};
    *errnum = 0;
    zip_error_init(&archive->error);
    if (size == 0) /* libzip would take it for an archive without entries */
        return ZIP_ER_NOZIP;
    if (window_open(&archive->file, fd, NULL) != 0)
        return ZIP_ER_MEMORY;
    zip_error_init(&why);
    if (!attach(archive, ZIP_RDONLY | flags, &why)) {
        code = zip_error_code_zip(&why);
        *errnum = zip_error_system_type(&why) == ZIP_ET_SYS ? zip_error_code_system(&why) : 0;
    }
    zip_error_fini(&why);
    return code;
}

void archive_finish(struct archive *archive)
{
    if (archive->zip != NULL)
        zip_discard(archive->zip);
    archive->zip = NULL;
    window_close(&archive->file);
    zip_error_fini(&archive->error);
}
