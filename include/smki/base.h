/* The small types that every other header uses: bytes, Device ID, serial, time, and where clock and chance come from. */
#ifndef SMKI_BASE_H
#define SMKI_BASE_H

#include <smki/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- bytes ---- */

/* Bytes that somebody else owns: a pointer and a size. {NULL, 0} is the empty one. */
struct smki_bytes {
    const uint8_t *at;
    size_t size;
};

/* Bytes on the heap that grow. Start with {0}; end with smki_buffer_finish. `max` 0 means no limit of its own. */
struct smki_buffer {
    uint8_t *at;
    size_t size;     /* in use */
    size_t capacity; /* allocated */
    size_t max;      /* SMKI_TOO_LARGE beyond it; 0: none */
};

/* Copies `size` octets to the end, growing by at least half. Errors: TOO_LARGE (max), NO_MEMORY; the buffer is as it was then. */
SMKI_API SMKI_MUST_USE int smki_buffer_append(struct smki_buffer *buffer, const void *at, size_t size, struct smki_error *err);
/* The same for formatted text, without its NUL. */
SMKI_API SMKI_MUST_USE int smki_buffer_printf(struct smki_buffer *buffer, struct smki_error *err, const char *format, ...) SMKI_PRINTF(3, 4);
/* Frees and empties; NULL and {0} are fine. Does not wipe: secrets have their own types. */
SMKI_API void smki_buffer_finish(struct smki_buffer *buffer);

/* ---- Device ID ---- */

#define SMKI_DEVICE_ID_SIZE 8       /* octets: an EUI-64 */
#define SMKI_DEVICE_ID_TEXT_SIZE 24 /* "90-B3-D5-1F-30-01-00-00" and NUL */

/* An EUI-64: of a device, or of an organisation's Remote Party. */
struct smki_device_id {
    uint8_t octet[SMKI_DEVICE_ID_SIZE];
};

/* Reads "90-B3-D5-1F-30-01-00-00" or "90b3d51f30010000", any case. */
SMKI_API SMKI_MUST_USE int smki_device_id_parse(struct smki_device_id *out, const char *text, struct smki_error *err);
/* Writes the form with hyphens, upper case. Returns out. */
SMKI_API const char *smki_device_id_text(const struct smki_device_id *id, char out[SMKI_DEVICE_ID_TEXT_SIZE]);

/* ---- serial number ---- */

#define SMKI_SERIAL_SIZE 16      /* octets at most (interfaces.md 7) */
#define SMKI_SERIAL_TEXT_SIZE 33 /* hexadecimal and NUL */

/* A certificate's serial number: `size` octets, big endian, positive, without leading zero octets but where DER needs one
 * (the contents octets of the INTEGER). Ours have 16: a time-ordered half and an unpredictable half. */
struct smki_serial {
    uint8_t octet[SMKI_SERIAL_SIZE + 4]; /* room to read foreign ones of up to 20 octets (RFC 5280 4.1.2.2) */
    uint8_t size;
};

/* Reads hexadecimal of up to 20 octets, any case, colons allowed ("06:60:f5"). Numbers are positive: a set top bit
 * gets the 00 before it that DER needs and other programs do not show. INVALID_ARGUMENT for zero and for a number that needs a 21st octet. */
SMKI_API SMKI_MUST_USE int smki_serial_parse(struct smki_serial *out, const char *hex, struct smki_error *err);
/* Lower-case hexadecimal. Returns out. */
SMKI_API const char *smki_serial_text(const struct smki_serial *serial, char out[2 * 20 + 1]);
/* The same number. Not in constant time: serials are no secret. */
SMKI_API bool smki_serial_equal(const struct smki_serial *a, const struct smki_serial *b);

/* ---- time ---- */

/* A moment: microseconds since 1970-01-01T00:00:00Z, without leap seconds. */
struct smki_time {
    int64_t us;
};

#define SMKI_SECOND INT64_C(1000000) /* microseconds */
#define SMKI_MINUTE (60 * SMKI_SECOND)
#define SMKI_HOUR (60 * SMKI_MINUTE)
#define SMKI_DAY (24 * SMKI_HOUR)

/* A wall clock's reading. month 1..12, day 1..31. */
struct smki_civil {
    int32_t year;
    uint8_t month, day, hour, minute, second;
    uint32_t microsecond;
};

#define SMKI_TIME_TEXT_SIZE 40

/* The UTC wall clock's reading of a moment of the years 1970 to 9999. */
SMKI_API struct smki_civil smki_time_to_utc(struct smki_time time);
/* And back. The fields must be those of the calendar. */
SMKI_API struct smki_time smki_time_from_utc(const struct smki_civil *utc);
/* UK civil time (GMT, or BST from 01:00 UTC on the last Sunday of March to 01:00 UTC on the last Sunday of October), by rule. */
SMKI_API struct smki_civil smki_time_to_uk(struct smki_time time);
SMKI_API bool smki_time_is_bst(struct smki_time time);
/* The moment of a UK wall clock reading. In the hour that October repeats, the first (BST) one; in the hour that March skips,
 * as much after the change as the reading is past 01:00 (01:30 becomes 02:30 BST). */
SMKI_API struct smki_time smki_time_from_uk(const struct smki_civil *uk);
/* Midnight (00:00 UK) of the UK day of `time`, moved by `days`. */
SMKI_API struct smki_time smki_time_uk_day(struct smki_time time, int days);
/* The moment `hour`:`minute` UK of the UK day of `time` moved by `days`. */
SMKI_API struct smki_time smki_time_uk_at(struct smki_time time, int days, int hour, int minute);
/* "2026-11-23T20:00:00+00:00": UK civil time with its offset, whole seconds. Returns out. */
SMKI_API const char *smki_time_text_uk(struct smki_time time, char out[SMKI_TIME_TEXT_SIZE]);
/* For people: "2026-11-23 20:00 GMT", or "... 20:00:30 BST" where it is not a whole minute; "-" for 0. Returns out. */
SMKI_API const char *smki_time_text_people(struct smki_time time, char out[SMKI_TIME_TEXT_SIZE]);
/* "2026-11-23T20:00:00.000000Z". Returns out. */
SMKI_API const char *smki_time_text_utc(struct smki_time time, char out[SMKI_TIME_TEXT_SIZE]);
/* Reads "2026-11-23", "2026-11-23T20:00", "...T20:00:00", "...T20:00:00.25", each UK civil time, or with Z or +01:00 at the end. */
SMKI_API SMKI_MUST_USE int smki_time_parse(struct smki_time *out, const char *text, struct smki_error *err);

/* ---- where time and chance come from ---- */

/* The clock that a service is opened with. */
struct smki_clock {
    struct smki_time (*now)(void *context);
    void *context;
};

/* The randomness that a service is opened with: fills `out`, or fails with SMKI_RANDOM. Called from several threads at once. */
struct smki_random {
    int (*fill)(void *context, void *out, size_t size);
    void *context;
};

SMKI_API extern const struct smki_clock smki_clock_system;
SMKI_API extern const struct smki_random smki_random_system; /* getrandom(2) */

/* ---- words ---- */

/* The word nearest to `word` among `count`, any case, or NULL when none is near: for "did you mean". Words of more than 64 characters are near to none. */
SMKI_API const char *smki_nearest_word(const char *word, const char *const *words, size_t count);

/* ---- who acts ---- */

enum smki_network { SMKI_NETWORK_LOCAL, SMKI_NETWORK_GATEWAY, SMKI_NETWORK_INTERNET };
enum smki_interface {
    SMKI_INTERFACE_OPERATOR,
    SMKI_INTERFACE_PORTAL_ORGANISATION,
    SMKI_INTERFACE_PORTAL_DEVICE,
    SMKI_INTERFACE_ADHOC,
    SMKI_INTERFACE_BATCH,
    SMKI_INTERFACE_RUNNER,
    SMKI_INTERFACE_PORTAL_LANDING,  /* the landing page, where nobody has a credential */
    SMKI_INTERFACE_PORTAL_DOWNLOAD, /* the Authentication Client's download area, likewise */
};

#define SMKI_ACTOR_NAME_SIZE 64

/* Who does something, for the audit log and for policy. */
struct smki_actor {
    char name[SMKI_ACTOR_NAME_SIZE]; /* login or system name; "" when there is none */
    uint64_t party;                  /* the Party it acts for; 0: the operator */
    uint64_t credential;             /* the IKI credential used; 0: none */
    enum smki_interface interface;
    enum smki_network network;
};

/* "local", "gateway", "internet": static storage; "unknown" for what is not in the enum. */
SMKI_API const char *smki_network_word(enum smki_network network);
/* "operator", "portal-organisation", "portal-device", "adhoc", "batch", "runner". */
SMKI_API const char *smki_interface_word(enum smki_interface interface);

#endif
