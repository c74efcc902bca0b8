/* Where libzip writes a zip: into a file that the caller has open, through a buffer.
 *
 * libzip goes back after each entry to complete its header. Through the FILE of its own that is seven system calls an entry; here the
 * header is still in the buffer. */
#ifndef SMKI_MESSAGE_ARCHIVE_I_H
#define SMKI_MESSAGE_ARCHIVE_I_H

#include "base/base_i.h"

#include <time.h>
#include <zip.h>

struct archive {
    zip_t *zip;        /* NULL when closed */
    time_t entry_time; /* 1980-01-01 for zip_file_set_mtime: the same entries make the same file. Not zip_file_set_dostime: it looks at the
                          system's time zone for each entry */
    int fd;
    uint8_t *buffer;
    uint64_t start; /* of the buffer in the file: what is before it has been written */
    size_t filled;  /* octets of it */
    uint64_t at;    /* where the next octet goes */
    zip_error_t error;
};

/* Begins an archive at the start of `fd`, which is empty, seekable, open for writing and stays the caller's. Call archive_finish after a
 * failure too. */
SMKI_MUST_USE int archive_open(struct archive *archive, int fd, struct smki_error *err);
/* Writes what was added to archive->zip (libzip: entries are read now), at least one entry, and closes the zip. Nothing is synced. */
SMKI_MUST_USE int archive_write(struct archive *archive, struct smki_error *err);
/* The reason why a call on archive->zip failed. */
int archive_fail(struct archive *archive, struct smki_error *err);
/* Frees; the descriptor stays. An archive that was never opened, all zero, is fine. */
void archive_finish(struct archive *archive);

#endif
