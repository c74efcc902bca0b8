/* Files that are kept in a folder of the home under their SHA-256: see kept.c. */
#ifndef SMKI_KEPT_I_H
#define SMKI_KEPT_I_H

#include "ra/service_i.h"

struct kept_file {
    uint8_t sha256[SHA256_SIZE];
    uint64_t size;
};

/* Holds the folder against every other thread and process that adds or removes, for kept_release; makes it where it is not there. Waits. */
SMKI_MUST_USE int kept_hold(const struct smki_service *service, const char *folder, int *held, struct smki_error *err);
/* The same beside others that read. No folder: 0, and nothing is held. */
SMKI_MUST_USE int kept_hold_shared(const struct smki_service *service, const char *folder, int *held, struct smki_error *err);
void kept_release(int held); /* -1: nothing */
/* Copies a file of 1 to `max` octets into the folder, which is held. */
SMKI_MUST_USE int kept_take(const struct smki_service *service, const char *folder, const char *path, uint64_t max, struct kept_file *out,
                            struct smki_error *err);
/* The same of octets. */
SMKI_MUST_USE int kept_put(const struct smki_service *service, const char *folder, struct smki_bytes bytes, struct kept_file *out,
                           struct smki_error *err);
/* For reading. STORE_CORRUPT when it is gone or of another size. */
SMKI_MUST_USE int kept_open(const struct smki_service *service, const char *folder, const struct kept_file *file, int *fd,
                            struct smki_error *err);
/* The folder is held. Whoever has it open reads on. */
SMKI_MUST_USE int kept_remove(const struct smki_service *service, const char *folder, const uint8_t sha256[SHA256_SIZE],
                              struct smki_error *err);

#endif
