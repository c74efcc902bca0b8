/* The document library: what the operator puts in for officers to read, with title, version, date and SHA-256 (interfaces.md 8). The files
 * lie in the home under their SHA-256, whole or not at all; what is known of them lies in the store. Thread-safe, of several processes too;
 * putting in and taking out are recorded. */
#ifndef SMKI_DOCUMENT_H
#define SMKI_DOCUMENT_H

#include <smki/service.h>

struct cJSON;

#define SMKI_DOCUMENT_TITLE_SIZE 201        /* octets with NUL */
#define SMKI_FILE_VERSION_SIZE 33           /* of a document or an installer */
#define SMKI_FILE_NAME_SIZE 101             /* what a file is called where it is downloaded */
#define SMKI_DOCUMENT_MAX_SIZE (256u << 20) /* octets */

struct smki_document {
    uint64_t number;
    char title[SMKI_DOCUMENT_TITLE_SIZE], version[SMKI_FILE_VERSION_SIZE];
    struct smki_time date;          /* of the document: midnight UK of its day */
    char name[SMKI_FILE_NAME_SIZE]; /* for Content-Disposition: letters, digits and "._-" only; the operator's file name, tidied */
    const char *media_type;         /* by the name's end: "application/pdf" ...; "application/octet-stream" for all that is not known to be harmless.
                                     * Static storage */
    uint64_t size;                  /* octets */
    uint8_t sha256[32];
    struct smki_time added_at;
};

/* Copies the file at `path` into the home. Takes title, version and date of *document ({0}: today), and fills in the rest. Errors:
 * INVALID_ARGUMENT (title or version empty or not printable, an empty file or one that is no regular file); ALREADY_EXISTS: the same title and
 * version is there; TOO_LARGE; NOT_FOUND, PERMISSION, IO, DISK_FULL. */
SMKI_API SMKI_MUST_USE int smki_document_add(struct smki_service *service, const struct smki_actor *actor, const char *path,
                                             struct smki_document *document, struct smki_error *err);
/* The first document after `number`; NOT_FOUND after the last. Those that were removed are left out, here and below. */
SMKI_API SMKI_MUST_USE int smki_document_next(struct smki_service *service, uint64_t number, struct smki_document *out, struct smki_error *err);
SMKI_API SMKI_MUST_USE int smki_document_find(struct smki_service *service, uint64_t number, struct smki_document *out,
                                              struct smki_error *err); /* NOT_FOUND */
/* Opens its file for reading, at the beginning: *fd is the caller's to close, and good to the end also when the document is removed
 * meanwhile. *out (may be NULL) gets what is known of it. NOT_FOUND; STORE_CORRUPT: the file is gone or has another size. */
SMKI_API SMKI_MUST_USE int smki_document_open(struct smki_service *service, uint64_t number, int *fd, struct smki_document *out,
                                              struct smki_error *err);
/* Its number is never given again. NOT_FOUND. */
SMKI_API SMKI_MUST_USE int smki_document_remove(struct smki_service *service, const struct smki_actor *actor, uint64_t number,
                                                struct smki_error *err);
/* A new cJSON object: number, title, version, date ("2026-11-23"), name, media_type, size, sha256, added_at. The caller frees. NULL: no memory. */
SMKI_API struct cJSON *smki_document_json(const struct smki_document *document);

#endif
