/* The download area of the Authentication Client: installer files, each with SHA-256 and a detached CMS signature, and the machine-readable
 * list of them (interfaces.md 8). The files lie in the home under their SHA-256, whole or not at all. Thread-safe, of several processes too;
 * publishing and withdrawing are recorded.
 *
 * (smki/client.h is something else: a Party's side of the web services.) */
#ifndef SMKI_INSTALLER_H
#define SMKI_INSTALLER_H

#include <smki/document.h>

#define SMKI_INSTALLER_PLATFORM_SIZE 33       /* octets with NUL */
#define SMKI_INSTALLER_SIGNER_SIZE 257
#define SMKI_INSTALLER_MAX_SIZE (1024u << 20) /* octets of the file */
#define SMKI_INSTALLER_SIGNATURE_MAX (64u << 10) /* octets of the signature, with its certificates */

struct smki_installer {
    uint64_t number;
    char version[SMKI_FILE_VERSION_SIZE];        /* "1.4.2": digits, letters and ".-+_~" */
    char platform[SMKI_INSTALLER_PLATFORM_SIZE]; /* "windows", "macos" or "linux", or with a hyphen and more: "linux-amd64" */
    char name[SMKI_FILE_NAME_SIZE];              /* as that of struct smki_document */
    uint64_t size;                               /* octets */
    uint8_t sha256[32];
    char signer[SMKI_INSTALLER_SIGNER_SIZE]; /* the subject of the code-signing certificate, for people */
    uint64_t signature_size;
    uint8_t signature_sha256[32];
    struct smki_time published_at;
};

/* Where signatures come from: the program's own GnuTLS, or a file that was signed elsewhere. */
struct smki_signer {
    /* Appends the detached CMS SignedData (RFC 5652, DER) over the `size` octets of the open file `fd` (read by pread or mmap), and tells who
     * signed; or fails, and nothing is published. A signature made elsewhere is verified here. Called once, in the caller's thread. */
    int (*sign)(void *context, int fd, uint64_t size, struct smki_buffer *signature, char name[SMKI_INSTALLER_SIGNER_SIZE],
                struct smki_error *err);
    void *context;
};

/* Copies the file at `path` into the home, has the copy signed, and publishes both. Takes version and platform of *installer, and fills in the
 * rest. Errors: INVALID_ARGUMENT (version, platform, an empty file); ALREADY_EXISTS: this version is published for this platform; TOO_LARGE; those of
 * the signer; NOT_FOUND, PERMISSION, IO, DISK_FULL. */
SMKI_API SMKI_MUST_USE int smki_installer_publish(struct smki_service *service, const struct smki_actor *actor, const char *path,
                                                  const struct smki_signer *signer, struct smki_installer *installer, struct smki_error *err);
/* The first one after `number`; NOT_FOUND after the last. Those that were withdrawn are left out, here and below. */
SMKI_API SMKI_MUST_USE int smki_installer_next(struct smki_service *service, uint64_t number, struct smki_installer *out,
                                               struct smki_error *err);
/* The one with this number; NOT_FOUND, also when it was withdrawn. */
SMKI_API SMKI_MUST_USE int smki_installer_find(struct smki_service *service, uint64_t number, struct smki_installer *out,
                                               struct smki_error *err);
enum smki_installer_part { SMKI_INSTALLER_FILE, SMKI_INSTALLER_SIGNATURE };
/* As smki_document_open. */
SMKI_API SMKI_MUST_USE int smki_installer_open(struct smki_service *service, uint64_t number, enum smki_installer_part part, int *fd,
                                               struct smki_installer *out, struct smki_error *err);
/* Its number is never given again. NOT_FOUND. */
SMKI_API SMKI_MUST_USE int smki_installer_withdraw(struct smki_service *service, const struct smki_actor *actor, uint64_t number,
                                                   struct smki_error *err);

#define SMKI_SHA256_LINE_SIZE (64 + 2 + SMKI_FILE_NAME_SIZE + 1)
/* "<hexadecimal>  <name>\n": a file that `sha256sum -c` reads. Returns out. */
SMKI_API const char *smki_installer_sha256_line(const struct smki_installer *installer, char out[SMKI_SHA256_LINE_SIZE]);
/* A new cJSON object: number, version, platform, name, size, sha256, signer, published_at. The caller frees. NULL: no memory. */
SMKI_API struct cJSON *smki_installer_json(const struct smki_installer *installer);
/* What updates.json says; the caller frees *out.
 *   {"product": "SMKI Authentication Client", "format": 1, "latest": {"linux-amd64": 3, ...}, "files": [{as smki_installer_json, "url", "signature_url", "sha256_url"}, ...]}
 * `latest`: for each platform, the number of the file that was published last. `files`: newest first. The addresses are <base>/files/N, the same with .p7s and
 * .sha256; `base` is the download area's public address without a / at its end, or "": they begin with / then. */
SMKI_API SMKI_MUST_USE int smki_installer_updates(struct cJSON **out, struct smki_service *service, const char *base,
                                                  struct smki_error *err);

#endif
