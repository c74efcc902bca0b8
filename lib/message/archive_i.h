/* The file of a zip, as libzip reads or writes it: one that the caller has open, through a window.
 *
 * libzip goes back after each entry that it writes to complete its header, and to and fro between headers when it reads. With the FILE of
 * its own each step is a system call: seven an entry written, four an entry read. */
#ifndef SMKI_MESSAGE_ARCHIVE_I_H
#define SMKI_MESSAGE_ARCHIVE_I_H

#include "message/window_i.h"

#include <time.h>
#include <zip.h>

struct archive {
    zip_t *zip; /* NULL when closed */
    struct window file;
    bool writing;
    uint64_t at, end;  /* where the next octet goes or comes from; the file's size */
    time_t entry_time; /* 1980-01-01 for zip_file_set_mtime: the same entries make the same file. Not zip_file_set_dostime: it looks at the
                          system's time zone for each entry */
    zip_error_t error;
};

/* Begins an archive in `fd`, which is empty, open for writing and stays the caller's. archive_finish frees, after a failure too. */
SMKI_MUST_USE int archive_create(struct archive *archive, int fd, struct smki_error *err);
/* Writes what was added to archive->zip, at least one entry; libzip reads the entries now. The zip is closed, nothing is synced. */
SMKI_MUST_USE int archive_write(struct archive *archive, struct smki_error *err);

/* Opens the archive in `fd`, a plain file of `size` octets, for reading; `flags`: ZIP_CHECKCONS or 0. Returns 0 or libzip's error code,
 * with *errnum where the system has failed. archive_finish frees, after a failure too. */
SMKI_MUST_USE int archive_open(struct archive *archive, int fd, uint64_t size, int flags, int *errnum);

/* The reason why a call on archive->zip failed. */
int archive_fail(struct archive *archive, struct smki_error *err);
/* Frees; the descriptor stays. An archive that is all zero is fine. */
void archive_finish(struct archive *archive);

#endif
