/* What every room of the library shares. See include/smki/base.h and error.h for the types. */
#ifndef SMKI_BASE_I_H
#define SMKI_BASE_I_H

#include <smki/base.h>

#include <stdio.h>

#define ARRAY_COUNT(a)        (sizeof(a) / sizeof((a)[0]))
#define BYTES(pointer, count) ((struct smki_bytes){.at = (const uint8_t *)(pointer), .size = (count)})

/* Fills *err (when there is one) with the code and a formatted line; the code's own text when format is NULL. Returns code. */
int smki_fail(struct smki_error *err, int code, const char *format, ...) SMKI_PRINTF(3, 4);
/* Puts "<formatted>: " before the text that is there. Returns err's code (SMKI_INTERNAL when err is NULL or empty: use the
 * function's own rc then, `return smki_error_prefix(err, ...), rc;`). */
int smki_error_prefix(struct smki_error *err, const char *format, ...) SMKI_PRINTF(2, 3);
/* The refusal for an errno value: DISK_FULL, PERMISSION, NOT_FOUND, NO_MEMORY or IO, "<what>: <strerror>". Returns the code. */
int smki_fail_errno(struct smki_error *err, int errnum, const char *format, ...) SMKI_PRINTF(3, 4);

/* ---- checked sizes: false when the result does not fit ---- */
#define size_add(out, a, b) (!__builtin_add_overflow((a), (b), (out)))
#define size_mul(out, a, b) (!__builtin_mul_overflow((a), (b), (out)))

/* Makes room for `more` octets after buffer->size, for writing into the buffer directly. Errors: TOO_LARGE, NO_MEMORY. */
SMKI_MUST_USE int buffer_reserve(struct smki_buffer *buffer, size_t more, struct smki_error *err);

/* ---- cursor: reads a run of bytes from the front and never past its end ---- */
struct cursor {
    const uint8_t *at;
    const uint8_t *end;
    bool failed; /* set by the first read that did not fit; later reads give zeroes */
};

struct cursor cursor_of(struct smki_bytes bytes);
size_t cursor_left(const struct cursor *cursor);
struct smki_bytes cursor_take(struct cursor *cursor, size_t size);
uint8_t cursor_u8(struct cursor *cursor);
uint16_t cursor_u16(struct cursor *cursor); /* all big endian */
uint32_t cursor_u32(struct cursor *cursor);
uint64_t cursor_u64(struct cursor *cursor);
/* A u16 size and that many bytes. */
struct smki_bytes cursor_sized16(struct cursor *cursor);
/* A u16 size and that many bytes into a char array of `size`, closed by NUL; too long sets failed. */
void cursor_text(struct cursor *cursor, char *out, size_t size);
/* 0 when nothing failed and nothing is left; else STORE_CORRUPT naming `what`. */
SMKI_MUST_USE int cursor_close(const struct cursor *cursor, const char *what, struct smki_error *err);

/* The writing twin: into a fixed run of bytes. */
struct writer {
    uint8_t *start, *at, *end;
    bool failed; /* set by the first write that did not fit */
};

struct writer writer_of(void *at, size_t size);
size_t writer_size(const struct writer *writer);
void write_bytes(struct writer *writer, const void *at, size_t size);
void write_u8(struct writer *writer, uint8_t value);
void write_u16(struct writer *writer, uint16_t value);
void write_u32(struct writer *writer, uint32_t value);
void write_u64(struct writer *writer, uint64_t value);
void write_sized16(struct writer *writer, struct smki_bytes bytes);

/* ---- base64 (RFC 4648) and hexadecimal ---- */

/* Octets that `size` octets take as base64, without NUL. */
size_t base64_encoded_size(size_t size);
/* Writes base64 without line breaks and without NUL; out has base64_encoded_size(size) octets. */
void base64_encode(char *out, const uint8_t *at, size_t size);
enum base64_spaces {
    BASE64_STRICT, /* one line, nothing but the alphabet and padding */
    BASE64_SPACES, /* space, tab, CR, LF anywhere are skipped (xs:base64Binary after whitespace collapse; MIME bodies) */
};
/* Decodes `text` into out (capacity octets; 3/4 of text_size is always enough). Refuses wrong characters, missing or misplaced padding and
 * non-zero padding bits, naming the octet's offset: ENCODING_INVALID; more than capacity: TOO_LARGE. */
SMKI_MUST_USE int base64_decode(uint8_t *out, size_t capacity, size_t *size, const char *text, size_t text_size, enum base64_spaces spaces,
                                struct smki_error *err);
/* Lower case, closed by NUL; out has 2 * size + 1 octets. Returns out. */
const char *hex_encode(char *out, const uint8_t *at, size_t size);
/* Any case, exactly `size` octets: 2 * size digits. */
SMKI_MUST_USE int hex_decode(uint8_t *out, size_t size, const char *text, size_t text_size, struct smki_error *err);

/* ---- text ---- */

/* Makes one line of printable UTF-8 of a text that quotes what came from outside, or was cut to its room: what is none becomes '?', a
 * character that was cut at the end is left out. Returns its size. */
size_t text_tidy(char *text);
/* For messages: as whoever looked for it wrote it, without the octet 0 that only keeps it positive. Points into out. */
const char *serial_shown(const struct smki_serial *serial, char out[2 * 20 + 1]);

/* Is it in the years 1970 to 9999, so that smki_time_parse reads what smki_time_text_utc writes? */
bool time_is_writable(struct smki_time time);

/* The UTF-8 character at `at` (RFC 3629) of which `left` octets are there: its size, or 0 when it is none. Reads no octet after one that
 * does not continue it, so before a closing NUL any `left` of at least 4 will do. */
size_t utf8_decode(uint32_t *character, const uint8_t *at, size_t left);

/* ---- hashes ---- */
#define SHA256_SIZE 32
void sha256(uint8_t out[SHA256_SIZE], const void *at, size_t size);
void sha1(uint8_t out[20], const void *at, size_t size);

struct sha256_stream {
    uint64_t state[16]; /* holds an mbedtls_sha256_context; asserted in hash.c */
};
void sha256_start(struct sha256_stream *stream);
void sha256_add(struct sha256_stream *stream, const void *at, size_t size);
void sha256_end(struct sha256_stream *stream, uint8_t out[SHA256_SIZE]);

/* ---- files ---- */

/* Reads a whole file of at most `max` octets. Errors: NOT_FOUND, PERMISSION, IO, TOO_LARGE; each names the path. */
SMKI_MUST_USE int file_read(struct smki_buffer *out, const char *path, size_t max, struct smki_error *err);
/* Writes a file whole or not at all: temporary name beside it, fsync, rename, fsync of the folder. */
SMKI_MUST_USE int file_write(const char *path, struct smki_bytes bytes, unsigned mode, struct smki_error *err);
/* Reads a file with a secret of less than `capacity` octets and leaves no copy of it anywhere else; the caller wipes `out`, also after a
 * failure. KEY_UNREADABLE; KEY_PERMISSIONS when group or others can read it, or when it belongs to neither the effective user nor root. The
 * path is not in the text. `what`: "private key". */
SMKI_MUST_USE int private_file_read(uint8_t *out, size_t capacity, size_t *size, const char *path, const char *what,
                                    struct smki_error *err);
/* The same of a credential of the service manager, which the group may read: systemd (since 254) lets a service's user in by an ACL, whose
 * mask stands where the group's permissions are. */
SMKI_MUST_USE int credential_file_read(uint8_t *out, size_t capacity, size_t *size, const char *path, const char *what,
                                       struct smki_error *err);
/* What was made, renamed or removed in the folder `path` is on the disk. */
SMKI_MUST_USE int folder_sync(const char *path, struct smki_error *err);
/* The same of the folder that `path` lies in. */
SMKI_MUST_USE int parent_sync(const char *path, struct smki_error *err);
/* "<folder>/<name>" into out. */
SMKI_MUST_USE int path_join(char *out, size_t size, const char *folder, const char *name, struct smki_error *err);

/* ---- JSON with comments: the files that people write ---- */

/* Turns comments (// to the end of the line, and slash-star to star-slash) into spaces, line ends kept. CONFIG_INVALID: one is not closed.
 */
SMKI_MUST_USE int comments_blank(char *text, struct smki_error *err);
/* The number of the line that `at` stands on. */
size_t line_of(const char *text, const char *at);

/* The word nearest to `word` among `count` (at most as many slips as 1/3 of its length, or 2; one when it is shorter than 5), or NULL: for
 * "did you mean". */
const char *nearest_word(const char *word, const char *const *words, size_t count);

#endif
