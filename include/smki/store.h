/* The store: everything durable but keys and uploaded files. Embedded (LMDB), in a folder; safe for any number of threads and processes of one machine. */
#ifndef SMKI_STORE_H
#define SMKI_STORE_H

#include <smki/base.h>

struct smki_store;

/* Makes an empty store in `folder` (which must exist, mode 0700, and hold no store). Errors: STORE_NOT_EMPTY, IO, PERMISSION, DISK_FULL. */
SMKI_API SMKI_MUST_USE int smki_store_create(const char *folder, struct smki_error *err);
/* Opens it; upgrades an older format in place, refuses a newer one (STORE_VERSION). The clock is used for audit records; NULL: the system's.
 * Once a process: STORE_LOCKED for a second time. Processes are told apart by their numbers, so two of different pid namespaces (containers that share
 * the folder) that happen to have the same number refuse each other likewise: give them one pid namespace, or start one of them again. */
SMKI_API SMKI_MUST_USE int smki_store_open(struct smki_store **out, const char *folder, const struct smki_clock *clock, struct smki_error *err);
SMKI_API void smki_store_close(struct smki_store *store);
/* A consistent copy into an existing empty folder, while everything runs. `compact` leaves free pages out (slower). */
SMKI_API SMKI_MUST_USE int smki_store_backup(struct smki_store *store, const char *folder, bool compact, struct smki_error *err);

struct smki_store_statistics {
    uint64_t certificates, devices, batches, audit_records;
    uint64_t file_size; /* octets */
    uint32_t format;
};
/* Counted by the store itself, in a short view. */
SMKI_API SMKI_MUST_USE int smki_store_statistics(struct smki_store *store, struct smki_store_statistics *out, struct smki_error *err);

#endif
