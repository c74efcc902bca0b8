/* The portal's response zip (interfaces.md 4), written through libzip.
 *
 * libzip wants the contents of all entries when it writes the archive, and results come once, in order. So they are spooled to an unlinked
 * file beside the target, name and PEM after each other, and each entry's source reads its stretch of the spool: memory is a few hundred
 * octets an entry, whatever the certificates have. Entries carry 1980-01-01 as their time, so the same results make the same file. */
#include "message/archive_i.h"
#include "message/message_i.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PEM_BEGIN "-----BEGIN CERTIFICATE-----\n"
#define PEM_END   "-----END CERTIFICATE-----\n"
#define PEM_LINE  64 /* characters (RFC 7468 2) */
#define PATH_SIZE 4096
#define NAME_SIZE (SMKI_BATCH_CSR_REF_SIZE + 32)

struct spool;

/* One certificate's stretch of the spool. */
struct stretch {
    struct spool *spool;
    uint64_t offset; /* of the name, which the PEM follows */
    uint32_t name_size, pem_size;
    uint32_t done; /* octets of the PEM that libzip has read */
    uint32_t index;
};

struct spool {
    int fd;
    struct window file;
    uint64_t size;
    struct stretch *stretches;
    size_t count, capacity;
    int errnum; /* of the last reading that failed */
};

/* ---- the spool ---- */

static int spool_open(struct spool *spool, const char *path, struct smki_error *err)
{
    char name[PATH_SIZE];

    *spool = (struct spool){.fd = -1};
    if ((size_t)snprintf(name, sizeof(name), "%s.XXXXXX", path) >= sizeof(name))
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "the path of the response is too long");
    if ((spool->fd = mkostemp(name, O_CLOEXEC)) < 0)
        return smki_fail_errno(err, errno, "%s", name);
    (void)unlink(name);
    return window_open(&spool->file, spool->fd, err);
}

static void spool_close(struct spool *spool)
{
    window_close(&spool->file);
    if (spool->fd >= 0)
        close(spool->fd);
    free(spool->stretches);
}

static int spool_grow(struct spool *spool, struct smki_error *err)
{
    size_t capacity = spool->capacity == 0 ? 1024 : spool->capacity * 2;
    struct stretch *stretches = realloc(spool->stretches, capacity * sizeof(*stretches));

    if (stretches == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    spool->stretches = stretches;
    spool->capacity = capacity;
    return 0;
}

static int fail_spooling(int errnum, struct smki_error *err)
{
    return errnum == 0 ? 0 : smki_fail_errno(err, errnum, "writing the response beside its path");
}

static int spool_write(struct spool *spool, const void *at, size_t size, struct smki_error *err)
{
    int errnum = window_write(&spool->file, at, size, spool->size);

    spool->size += size;
    return fail_spooling(errnum, err);
}

static int spool_pem(struct spool *spool, struct smki_bytes der, struct smki_error *err)
{
    char line[PEM_LINE + 1];
    int rc = spool_write(spool, PEM_BEGIN, strlen(PEM_BEGIN), err);

    while (rc == 0 && der.size != 0) {
        size_t part = der.size < PEM_LINE / 4 * 3 ? der.size : PEM_LINE / 4 * 3;
        size_t length = base64_encoded_size(part);
        base64_encode(line, der.at, part);
        line[length] = '\n';
        rc = spool_write(spool, line, length + 1, err);
        der.at += part;
        der.size -= part;
    }
    return rc != 0 ? rc : spool_write(spool, PEM_END, strlen(PEM_END), err);
}

/* "meter-1.CSR" and "meter-1" both become "meter-1". */
static size_t stem_size(const char *ref)
{
    size_t size = strlen(ref);

    return size > 4 && strcasecmp(ref + size - 4, ".csr") == 0 ? size - 4 : size;
}

static int spool_add(struct spool *spool, const struct batch_result *result, struct smki_error *err)
{
    struct stretch *stretch;
    int rc;

    if (spool->count == spool->capacity && (rc = spool_grow(spool, err)) != 0)
        return rc;
    stretch = &spool->stretches[spool->count++];
    *stretch = (struct stretch){.spool = spool, .offset = spool->size, .index = result->index};
    stretch->name_size = (uint32_t)stem_size(result->ref);
    if ((rc = spool_write(spool, result->ref, stretch->name_size, err)) != 0 || (rc = spool_pem(spool, result->certificate, err)) != 0)
        return rc;
    stretch->pem_size = (uint32_t)(spool->size - stretch->offset - stretch->name_size);
    return 0;
}

static int spool_fill(struct spool *spool, batch_result_fn next, void *context, struct smki_error *err)
{
    struct batch_result result;
    int rc;

    while ((rc = next(context, &result, err)) == 0)
        if (result.code == 0 && (rc = spool_add(spool, &result, err)) != 0)
            return rc;
    return rc != SMKI_NOT_FOUND ? rc : fail_spooling(window_flush(&spool->file), err);
}

static bool spool_read(struct spool *spool, void *out, size_t size, uint64_t offset)
{
    size_t got;

    spool->errnum = window_read(&spool->file, out, size, offset, &got);
    if (spool->errnum == 0 && got != size)
        spool->errnum = EIO;
    return spool->errnum == 0;
}

/* ---- entries ---- */

static zip_int64_t read_stretch(struct stretch *stretch, void *out, uint64_t size)
{
    uint64_t left = stretch->pem_size - stretch->done;
    uint32_t part = (uint32_t)(size < left ? size : left);

    if (!spool_read(stretch->spool, out, part, stretch->offset + stretch->name_size + stretch->done))
        return -1;
    stretch->done += part;
    return part;
}

static zip_int64_t say_failure(const struct stretch *stretch, void *out, uint64_t size)
{
    zip_error_t error;
    zip_int64_t written;

    zip_error_init(&error);
    zip_error_set(&error, ZIP_ER_READ, stretch->spool->errnum);
    written = zip_error_to_data(&error, out, size);
    zip_error_fini(&error);
    return written;
}

/* A libzip source over a stretch (zip_source_function(3)). */
static zip_int64_t on_source(void *context, void *out, zip_uint64_t size, zip_source_cmd_t command)
{
    struct stretch *stretch = context;

    switch (command) {
    case ZIP_SOURCE_OPEN:
        stretch->done = 0;
        return 0;
    case ZIP_SOURCE_READ:
        return read_stretch(stretch, out, size);
    case ZIP_SOURCE_STAT: {
        zip_stat_t *stat = out;
        zip_stat_init(stat);
        stat->size = stretch->pem_size;
        stat->valid = ZIP_STAT_SIZE;
        return sizeof(*stat);
    }
    case ZIP_SOURCE_ERROR:
        return say_failure(stretch, out, size);
    case ZIP_SOURCE_SUPPORTS:
        return ZIP_SOURCE_SUPPORTS_READABLE;
    case ZIP_SOURCE_CLOSE:
    case ZIP_SOURCE_FREE:
        return 0;
    default:
        return -1;
    }
}

/* IDs "a" and "a.csr" of an XML batch, or entries a.csr and a.CSR of a zip, would both become "a.crt": the later one gets its index. That
 * name may be another's own ("a.3.csr"), so it goes on counting until one is free. */
static zip_int64_t add_named(zip_t *zip, const char *stem, const struct stretch *stretch, zip_source_t *source)
{
    char name[NAME_SIZE];
    zip_int64_t at;
    unsigned copy = 0;

    do {
        if (copy == 0)
            snprintf(name, sizeof(name), "%s.crt", stem);
        else if (copy == 1)
            snprintf(name, sizeof(name), "%s.%u.crt", stem, (unsigned)stretch->index);
        else
            snprintf(name, sizeof(name), "%s.%u.%u.crt", stem, (unsigned)stretch->index, copy);
        at = zip_file_add(zip, name, source, ZIP_FL_ENC_UTF_8);
        copy++;
    } while (at < 0 && zip_error_code_zip(zip_get_error(zip)) == ZIP_ER_EXISTS);
    return at;
}

static int add_entry(struct archive *archive, struct stretch *stretch, struct smki_error *err)
{
    char stem[SMKI_BATCH_CSR_REF_SIZE];
    zip_source_t *source;
    zip_int64_t at;

    if (stretch->name_size >= sizeof(stem))
        return smki_fail(err, SMKI_INTERNAL, "a CSR's name has %u octets", (unsigned)stretch->name_size);
    if (!spool_read(stretch->spool, stem, stretch->name_size, stretch->offset))
        return smki_fail_errno(err, stretch->spool->errnum, "reading the response's spool");
    stem[stretch->name_size] = '\0';
    if ((source = zip_source_function(archive->zip, on_source, stretch)) == NULL)
        return archive_fail(archive, err);
    if ((at = add_named(archive->zip, stem, stretch, source)) < 0) {
        zip_source_free(source);
        return archive_fail(archive, err);
    }
    if (zip_set_file_compression(archive->zip, (zip_uint64_t)at, ZIP_CM_STORE, 0) != 0 ||
        zip_file_set_mtime(archive->zip, (zip_uint64_t)at, archive->entry_time, 0) != 0)
        return archive_fail(archive, err);
    return 0;
}

/* ---- the file ---- */

/* libzip makes no file for an archive without entries; this is one (APPNOTE 4.3.16). */
static int write_empty(int fd, struct smki_error *err)
{
    static const uint8_t end_of_directory[22] = {'P', 'K', 5, 6};

    if (pwrite(fd, end_of_directory, sizeof(end_of_directory), 0) != (ssize_t)sizeof(end_of_directory))
        return smki_fail_errno(err, errno, "writing the zip");
    return 0;
}

static int write_zip(int fd, struct spool *spool, struct smki_error *err)
{
    struct archive archive;
    int rc = archive_create(&archive, fd, err);

    for (size_t i = 0; rc == 0 && i < spool->count; i++)
        rc = add_entry(&archive, &spool->stretches[i], err);
    if (rc == 0)
        rc = archive_write(&archive, err);
    archive_finish(&archive);
    return rc;
}

int batch_zip_result(int fd, const char *path, batch_result_fn next, void *next_context, struct smki_error *err)
{
    struct spool spool;
    int rc;

    if ((rc = spool_open(&spool, path, err)) == 0 && (rc = spool_fill(&spool, next, next_context, err)) == 0)
        rc = spool.count == 0 ? write_empty(fd, err) : write_zip(fd, &spool, err);
    spool_close(&spool);
    return rc;
}
