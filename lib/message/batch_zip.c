/* A zip of CSRs in (interfaces.md 4), read through libzip.
 *
 * Every entry is judged by what the central directory says of it before anything is unpacked; libzip's ZIP_CHECKCONS has held that against
 * the local headers. An entry too large to be a CSR is that CSR's own fate and is not unpacked; one made to burst refuses the whole file,
 * as does one that, while unpacking, gives more than it declared.
 *
 * Names are UTF-8 throughout: where an entry does not say so and its name cannot be UTF-8, libzip takes it for CP437 (APPNOTE App. D), the
 * way Windows packs. */
#include "message/archive_i.h"
#include "message/message_i.h"
#include "message/name_set_i.h"
#include "message/text_i.h"
#include "message/versions_i.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ENTRY_MAX     ((uint64_t)16 * 1024) /* octets: SMKI_CSR_MAX_SIZE as base64 in lines of 64 with CRLF and PEM headers, and some */
#define NAME_MAX_SIZE 255                   /* octets: what file systems take (NAME_MAX) */
#define UNPACKED_MAX                                                                                                                       \
    ((uint64_t)SMKI_BATCH_MAX_CSRS * 4096) /* octets of all entries: several times what 50,000 RSA requests have as text                   \
                                            */
#define BOMB_SIZE  ((uint64_t)1024 * 1024) /* octets: up to this an entry harms nobody, however it is packed: it is not unpacked */
#define BOMB_RATIO 50                      /* one larger and packed tighter than this is no CSR that grew, but made to burst */
#define EXTENSION  ".csr"

struct zip_reading {
    int fd;
    uint64_t size; /* of the file */
    struct archive archive;
    const struct batch_limits *limits;
    struct name_set names;
    uint64_t total; /* octets that the entries so far declare */
};

/* ---- one entry, by its directory record ---- */

static bool is_dots(const char *name)
{
    return strspn(name, ".") >= strlen(name) - strlen(EXTENSION);
}

static bool is_drive(const char *name)
{
    return name[0] != '\0' && name[1] == ':' && ((name[0] | 0x20) >= 'a' && (name[0] | 0x20) <= 'z');
}

static int check_path(uint64_t number, const char *name, struct smki_error *err)
{
    size_t size = strlen(name);

    if (size != 0 && name[size - 1] == '/')
        return smki_fail(err, SMKI_ZIP_ENTRY_PATH, "entry %llu (%.100s) is a folder; the CSRs must lie in the ZIP file's root",
                         (unsigned long long)number, name);
    if (strpbrk(name, "/\\") != NULL || is_drive(name))
        return smki_fail(err, SMKI_ZIP_ENTRY_PATH, "entry %llu (%.100s) has a path; the CSRs must lie in the ZIP file's root",
                         (unsigned long long)number, name);
    return 0;
}

/* In CP437 libzip turns control characters into the signs that PCs drew for them; in the name as it came they are still there. */
static bool has_controls(const char *raw)
{
    for (const char *at = raw; *at != '\0'; at++)
        if ((uint8_t)*at < 0x80 && text_is_control((uint8_t)*at))
            return true;
    return false;
}

static int check_characters(uint64_t number, const char *raw, const char *name, struct smki_error *err)
{
    const char *end = name + strlen(name);
    bool broken = false, control = has_controls(raw);

    for (const char *at = name; at < end;) {
        uint32_t character = text_next(&at, end);
        broken = broken || character == TEXT_BROKEN;
        control = control || text_is_control(character);
    }
    if (broken || control)
        return smki_fail(err, SMKI_ZIP_ENTRY_NAME, "entry %llu (%.100s): the name has %s", (unsigned long long)number, name,
                         broken ? "octets that are not UTF-8" : "control characters");
    return 0;
}

/* `raw` is the name as it came, `name` the same as UTF-8. */
static int check_name(uint64_t number, const char *raw, const char *name, struct smki_error *err)
{
    size_t size = strlen(name), extension = strlen(EXTENSION);
    int rc;

    if ((rc = check_path(number, name, err)) != 0 || (rc = check_characters(number, raw, name, err)) != 0)
        return rc;
    if (size > NAME_MAX_SIZE)
        return smki_fail(err, SMKI_ZIP_ENTRY_NAME, "entry %llu (%.100s...): the name has %zu octets, it may have %d",
                         (unsigned long long)number, name, size, NAME_MAX_SIZE);
    if (size < extension || strcasecmp(name + size - extension, EXTENSION) != 0)
        return smki_fail(err, SMKI_ZIP_ENTRY_NAME, "entry %llu (%.100s) is not named *.csr", (unsigned long long)number, name);
    if (is_dots(name))
        return smki_fail(err, SMKI_ZIP_ENTRY_NAME, "entry %llu (%.100s) has no name before its .csr", (unsigned long long)number, name);
    return 0;
}

/* "Uniquely named" (interfaces.md 4): a.csr and A.csr are two names, and so are a.csr and a.CSR. */
static int check_unique(struct zip_reading *reading, uint64_t number, const char *name, struct smki_error *err)
{
    bool added;
    int rc = name_set_add(&reading->names, name, strlen(name), &added, err);

    if (rc != 0)
        return rc;
    return added ? 0
                 : smki_fail(err, SMKI_ZIP_ENTRY_DUPLICATE, "entry %llu (%.100s): an earlier entry has this name",
                             (unsigned long long)number, name);
}

/* Symbolic links, devices and folders that do not end in '/', as Unix and DOS mark them in the external attributes. */
static int check_kind(struct zip_reading *reading, uint64_t number, const char *name, struct smki_error *err)
{
    zip_uint8_t system = 0;
    zip_uint32_t attributes = 0;
    mode_t mode = 0;

    (void)zip_file_get_external_attributes(reading->archive.zip, number - 1, ZIP_FL_UNCHANGED, &system, &attributes);
    if (system == ZIP_OPSYS_UNIX || system == ZIP_OPSYS_OS_X)
        mode = (mode_t)(attributes >> 16) & S_IFMT;
    if ((mode != 0 && mode != S_IFREG) || (attributes & 0x10) != 0)
        return smki_fail(err, SMKI_ZIP_ENTRY_PATH, "entry %llu (%.100s) is a link, folder or device; put the file itself into the ZIP file",
                         (unsigned long long)number, name);
    return 0;
}

static int check_packing(const zip_stat_t *stat, uint64_t number, const char *name, struct smki_error *err)
{
    if ((stat->valid & ZIP_STAT_ENCRYPTION_METHOD) == 0 || stat->encryption_method != ZIP_EM_NONE)
        return smki_fail(err, SMKI_ZIP_ENCRYPTED, "entry %llu (%.100s) is encrypted; send it without a password",
                         (unsigned long long)number, name);
    if ((stat->valid & ZIP_STAT_COMP_METHOD) == 0 || (stat->comp_method != ZIP_CM_STORE && stat->comp_method != ZIP_CM_DEFLATE))
        return smki_fail(err, SMKI_ZIP_METHOD, "entry %llu (%.100s) is packed by method %u; only stored (0) and deflated (8) are accepted",
                         (unsigned long long)number, name, stat->comp_method);
    return 0;
}

static bool is_bomb(const zip_stat_t *stat)
{
    return stat->size > BOMB_SIZE && (stat->size - 1) / BOMB_RATIO >= stat->comp_size;
}

static int check_size(struct zip_reading *reading, const zip_stat_t *stat, uint64_t number, const char *name, struct smki_error *err)
{
    if ((stat->valid & ZIP_STAT_SIZE) == 0 || (stat->valid & ZIP_STAT_COMP_SIZE) == 0)
        return smki_fail(err, SMKI_ZIP_INVALID, "entry %llu (%.100s) does not declare its size", (unsigned long long)number, name);
    if (is_bomb(stat))
        return smki_fail(err, SMKI_ZIP_BOMB, "entry %llu (%.100s) unpacks to %llu octets, over %d times its packed size; leave it out",
                         (unsigned long long)number, name, (unsigned long long)stat->size, BOMB_RATIO);
    if (stat->size > UNPACKED_MAX - reading->total)
        return smki_fail(err, SMKI_ZIP_BOMB, "entry %llu (%.100s): the entries unpack to more than %llu octets, the most a batch can hold",
                         (unsigned long long)number, name, (unsigned long long)UNPACKED_MAX);
    reading->total += stat->size;
    return 0;
}

static int fail_entry(struct zip_reading *reading, uint64_t number, struct smki_error *err)
{
    if (zip_error_code_zip(zip_get_error(reading->archive.zip)) == ZIP_ER_MEMORY)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    return smki_fail(err, SMKI_ZIP_INVALID, "entry %llu cannot be read: %s", (unsigned long long)number,
                     zip_strerror(reading->archive.zip));
}

static int check_entry(struct zip_reading *reading, uint64_t number, struct smki_error *err)
{
    const char *raw = zip_get_name(reading->archive.zip, number - 1, ZIP_FL_UNCHANGED | ZIP_FL_ENC_RAW);
    zip_stat_t stat;
    int rc;

    if (raw == NULL || zip_stat_index(reading->archive.zip, number - 1, ZIP_FL_UNCHANGED | ZIP_FL_ENC_GUESS, &stat) != 0)
        return fail_entry(reading, number, err);
    if ((rc = check_name(number, raw, stat.name, err)) != 0 || (rc = check_unique(reading, number, stat.name, err)) != 0 ||
        (rc = check_kind(reading, number, stat.name, err)) != 0 || (rc = check_packing(&stat, number, stat.name, err)) != 0)
        return rc;
    return check_size(reading, &stat, number, stat.name, err);
}

/* ---- the file ---- */

static int fail_zip(int code, int errnum, const char *path, struct smki_error *err)
{
    zip_error_t why;

    if (code == ZIP_ER_MEMORY)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    if (code == ZIP_ER_OPEN || code == ZIP_ER_READ || code == ZIP_ER_SEEK)
        return smki_fail_errno(err, errnum != 0 ? errnum : EIO, "%s", path);
    zip_error_init_with_code(&why, code);
    smki_fail(err, SMKI_ZIP_INVALID, "not a ZIP file, or a damaged one: %s", zip_error_strerror(&why));
    zip_error_fini(&why);
    return SMKI_ZIP_INVALID;
}

static int check_size_of_file(struct zip_reading *reading, const char *path, struct smki_error *err)
{
    struct stat stat;

    if (fstat(reading->fd, &stat) != 0)
        return smki_fail_errno(err, errno, "%s", path);
    if (!S_ISREG(stat.st_mode))
        return smki_fail(err, SMKI_ZIP_INVALID, "%s is not a file", path);
    reading->size = (uint64_t)stat.st_size;
    if (reading->size > reading->limits->max_upload)
        return smki_fail(err, SMKI_TOO_LARGE, "the ZIP file has %llu octets, the limit is %llu", (unsigned long long)reading->size,
                         (unsigned long long)reading->limits->max_upload);
    return 0;
}

/* libzip holds every directory record in memory before it tells their number, some 300 octets each; a file full of them would fill it.
 * Each starts with this mark, which base64 cannot hold and packed octets hold once in four thousand million. */
static int check_records(struct zip_reading *reading, struct window *file, const char *path, struct smki_error *err)
{
    static const char mark[] = "PK\1\2";
    const size_t length = strlen(mark);
    uint64_t most = 2 * (uint64_t)reading->limits->max_csrs + 1000, records = 0;
    uint8_t block[16384];
    size_t kept = 0, got;
    int errnum;

    for (uint64_t offset = 0; (errnum = window_read(file, block + kept, sizeof(block) - kept, offset, &got)) == 0 && got != 0;
         offset += got) {
        const uint8_t *at = block, *end = block + kept + got;
        for (; (at = memmem(at, (size_t)(end - at), mark, length)) != NULL; at += length)
            if (++records > most)
                return smki_fail(err, SMKI_BATCH_TOO_MANY, "the ZIP file has more than %llu entries, a batch may hold %lu CSRs; split it",
                                 (unsigned long long)most, (unsigned long)reading->limits->max_csrs);
        kept = length - 1 < (size_t)(end - block) ? length - 1 : (size_t)(end - block);
        memmove(block, end - kept, kept);
    }
    return errnum == 0 ? 0 : smki_fail_errno(err, errnum, "%s", path);
}

static int check_file(struct zip_reading *reading, const char *path, struct smki_error *err)
{
    struct window file;
    int rc;

    if ((reading->fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
        return smki_fail_errno(err, errno, "%s", path);
    if ((rc = check_size_of_file(reading, path, err)) != 0 || (rc = window_open(&file, reading->fd, err)) != 0)
        return rc;
    rc = check_records(reading, &file, path, err);
    window_close(&file);
    return rc;
}

/* General purpose bit 3 (APPNOTE 4.4.4): written to a pipe, with sizes and CRC after the data. */
static bool is_streamed(zip_t *zip, uint64_t index)
{
    zip_file_attributes_t attributes;
    zip_source_t *source = libzip_entry_source(zip, index);
    bool streamed = false;

    zip_file_attributes_init(&attributes);
    if (source != NULL && zip_source_get_file_attributes(source, &attributes) == 0)
        streamed =
            (attributes.valid & ZIP_FILE_ATTRIBUTES_GENERAL_PURPOSE_BIT_FLAGS) != 0 && (attributes.general_purpose_bit_flags & 8) != 0;
    zip_source_free(source);
    return streamed;
}

static bool are_streamed(zip_t *zip)
{
    zip_int64_t count = zip_get_num_entries(zip, ZIP_FL_UNCHANGED);

    for (zip_int64_t i = 0; i < count; i++)
        if (!is_streamed(zip, (uint64_t)i))
            return false;
    return count > 0;
}

/* ZIP_CHECKCONS asks for more than real archives keep, and says less than we want, in two cases where the archive is opened without it:
 * - a name that comes twice (EXISTS): check_unique tells which;
 * - Info-ZIP's `zip -` leaves a size without CRC in the local headers of what it streams (INCONS). */
static int open_zip(struct zip_reading *reading, const char *path, struct smki_error *err)
{
    int strict, code, errnum, rc;

    if ((rc = check_file(reading, path, err)) != 0)
        return rc;
    if ((strict = archive_open(&reading->archive, reading->fd, reading->size, ZIP_CHECKCONS, &errnum)) == 0)
        return 0;
    archive_finish(&reading->archive);
    if (strict != ZIP_ER_EXISTS && strict != ZIP_ER_INCONS)
        return fail_zip(strict, errnum, path, err);
    if ((code = archive_open(&reading->archive, reading->fd, reading->size, 0, &errnum)) != 0)
        return fail_zip(code, errnum, path, err);
    return strict == ZIP_ER_EXISTS || are_streamed(reading->archive.zip) ? 0 : fail_zip(strict, 0, path, err);
}

static int check_count(struct zip_reading *reading, uint64_t *count, struct smki_error *err)
{
    zip_int64_t entries = zip_get_num_entries(reading->archive.zip, ZIP_FL_UNCHANGED);

    if (entries <= 0)
        return smki_fail(err, SMKI_ZIP_EMPTY, "the ZIP file is empty; put 1 to %lu files *.csr into it",
                         (unsigned long)reading->limits->max_csrs);
    if ((uint64_t)entries > reading->limits->max_csrs)
        return smki_fail(err, SMKI_BATCH_TOO_MANY, "the ZIP file has %lld entries, a batch may hold %lu CSRs; split it", (long long)entries,
                         (unsigned long)reading->limits->max_csrs);
    *count = (uint64_t)entries;
    return 0;
}

static int reading_open(struct zip_reading *reading, const char *path, const struct batch_limits *limits, uint64_t *count,
                        struct smki_error *err)
{
    int rc;

    *reading = (struct zip_reading){.fd = -1, .limits = limits};
    if ((rc = name_set_init(&reading->names, err)) != 0 || (rc = open_zip(reading, path, err)) != 0 ||
        (rc = check_count(reading, count, err)) != 0)
        return rc;
    for (uint64_t number = 1; number <= *count; number++)
        if ((rc = check_entry(reading, number, err)) != 0)
            return rc;
    return 0;
}

static void reading_close(struct zip_reading *reading)
{
    archive_finish(&reading->archive);
    if (reading->fd >= 0)
        close(reading->fd);
    name_set_finish(&reading->names);
}

int batch_zip_check(const char *path, const struct batch_limits *limits, uint32_t *count, struct smki_error *err)
{
    struct zip_reading reading;
    uint64_t entries = 0;
    int rc = reading_open(&reading, path, limits, &entries, err);

    *count = rc == 0 ? (uint32_t)entries : 0;
    reading_close(&reading);
    return rc;
}

/* ---- contents ---- */

struct unpacked {
    char text[ENTRY_MAX + 1]; /* one octet more than what is unpacked may declare, to see that it stops */
    size_t size;
    uint8_t der[ENTRY_MAX];
};

static int fail_unpacking(uint64_t number, const char *name, zip_error_t *why, struct smki_error *err)
{
    if (zip_error_code_zip(why) == ZIP_ER_MEMORY)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    return smki_fail(err, SMKI_ZIP_INVALID, "entry %llu (%.100s) is damaged: %s", (unsigned long long)number, name,
                     zip_error_strerror(why));
}

/* Reads to the end of the entry, so that libzip compares the CRC. */
static int unpack(struct unpacked *unpacked, zip_file_t *file, const zip_stat_t *stat, struct smki_error *err)
{
    zip_int64_t got;

    unpacked->size = 0;
    while ((got = zip_fread(file, unpacked->text + unpacked->size, sizeof(unpacked->text) - unpacked->size)) > 0) {
        unpacked->size += (size_t)got;
        if (unpacked->size > stat->size)
            return smki_fail(err, SMKI_ZIP_BOMB, "entry %llu (%.100s) unpacks to more than the %llu octets it declares",
                             (unsigned long long)stat->index + 1, stat->name, (unsigned long long)stat->size);
    }
    if (got < 0)
        return fail_unpacking(stat->index + 1, stat->name, zip_file_get_error(file), err);
    if (unpacked->size != stat->size)
        return smki_fail(err, SMKI_ZIP_INVALID, "entry %llu (%.100s) unpacks to less than it declares", (unsigned long long)stat->index + 1,
                         stat->name);
    return 0;
}

static int hand_over(struct unpacked *unpacked, const zip_stat_t *stat, batch_request_fn each, void *context, struct smki_error *err)
{
    struct batch_request request = {.index = (uint32_t)stat->index + 1, .ref = stat->name};
    size_t size = 0;

    request.decode_code = smki_csr_text_decode(unpacked->der, SMKI_CSR_MAX_SIZE, &size, unpacked->text, unpacked->size, NULL);
    if (request.decode_code == SMKI_NO_MEMORY)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    if (request.decode_code == 0)
        request.der = BYTES(unpacked->der, size);
    return each(context, &request, err);
}

static int hand_over_oversized(const zip_stat_t *stat, batch_request_fn each, void *context, struct smki_error *err)
{
    const struct batch_request request = {.index = (uint32_t)stat->index + 1, .ref = stat->name, .decode_code = SMKI_CSR_TOO_LARGE};

    return each(context, &request, err);
}

static int read_entry(struct zip_reading *reading, uint64_t number, struct unpacked *unpacked, batch_request_fn each, void *context,
                      struct smki_error *err)
{
    zip_file_t *file;
    zip_stat_t stat;
    int rc;

    if (zip_stat_index(reading->archive.zip, number - 1, ZIP_FL_UNCHANGED | ZIP_FL_ENC_GUESS, &stat) != 0)
        return fail_entry(reading, number, err);
    if (stat.size > ENTRY_MAX)
        return hand_over_oversized(&stat, each, context, err);
    if ((file = zip_fopen_index(reading->archive.zip, number - 1, ZIP_FL_UNCHANGED)) == NULL)
        return fail_unpacking(number, stat.name, zip_get_error(reading->archive.zip), err);
    rc = unpack(unpacked, file, &stat, err);
    (void)zip_fclose(file);
    return rc != 0 ? rc : hand_over(unpacked, &stat, each, context, err);
}

int batch_zip_read(const char *path, const struct batch_limits *limits, batch_request_fn each, void *context, struct smki_error *err)
{
    struct unpacked *unpacked = malloc(sizeof(*unpacked));
    struct zip_reading reading;
    uint64_t count = 0;
    int rc;

    if (unpacked == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    rc = reading_open(&reading, path, limits, &count, err);
    for (uint64_t number = 1; rc == 0 && number <= count; number++)
        rc = read_entry(&reading, number, unpacked, each, context, err);
    reading_close(&reading);
    free(unpacked);
    return rc;
}
