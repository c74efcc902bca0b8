/* The gate: lets the HTTP library see one well-formed request at a time. Not an HTTP parser: it looks for the end of the head, refuses what
 * parsers disagree on (RFC 9112 2.2, 11.2), and counts.
 *
 *   HEAD   what comes is scanned, and held until the head is whole
 *   WAIT   the head was handed over; nothing goes through until it is said how large the body is
 *   BODY   so many octets go through; of a chunked one, to the end of its last chunk and trailer
 *   REPLY  nothing goes through until the reply has gone out */
#ifndef SERVE_GATE_I_H
#define SERVE_GATE_I_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum gate_state { GATE_HEAD, GATE_WAIT, GATE_BODY, GATE_REPLY };
enum gate_scan { GATE_FIRST, GATE_FIRST_CR, GATE_TARGET, GATE_LINE_CR, GATE_LINE_START, GATE_NAME, GATE_VALUE, GATE_END_CR };
enum gate_verdict { GATE_MORE, GATE_WHOLE, GATE_MALFORMED, GATE_TOO_LARGE, GATE_TARGET_TOO_LONG };
enum gate_chunk {
    GATE_CHUNK_START,
    GATE_CHUNK_SIZE,
    GATE_CHUNK_EXTENSION,
    GATE_CHUNK_LF,
    GATE_CHUNK_DATA,
    GATE_DATA_LF,
    GATE_TRAILER_START,
    GATE_TRAILER,
    GATE_TRAILER_LF,
    GATE_CHUNKS_LF,
    GATE_CHUNKS_END
};

#define GATE_PARTS_MAX     100 /* fields and arguments: for each the library takes 64 octets beside the head, of the 32 KiB of a connection */
#define GATE_ENDLESS       UINT64_MAX          /* a chunked body: its chunks say how long it is */
#define GATE_EXTENSION_MAX 4096                /* octets of what may stand beside the size of a chunk, which nobody here reads */
#define GATE_CHUNK_MAX     (UINT64_C(1) << 48) /* octets of a chunk: less, so that no parser's number overflows */

struct gate {
    enum gate_state state;
    enum gate_scan scan;
    size_t head;  /* octets of the head so far, */
    size_t parts; /* and its fields and arguments */
    size_t name;  /* octets of the name of the field so far */
    size_t alike; /* and how many of them are those of Host */
    size_t hosts; /* fields of that name */
    bool method;  /* the method is behind */
    bool blank;   /* the last octet of the value is a space or a tab, */
    bool trims;   /* as is the end of one at least */
    uint64_t left;
    enum gate_chunk chunk;
    uint64_t chunk_left; /* octets of its data */
    size_t extension;    /* and of its extension */
    size_t looked;       /* octets of chunks that were looked at and have not passed yet */
};

/* Ready for the next request. */
void gate_reset(struct gate *gate);
/* Looks at octets of a head of at most `head_max`: *used of them belong to it (all, unless WHOLE). WHOLE leads to WAIT. */
enum gate_verdict gate_head(struct gate *gate, size_t head_max, const uint8_t *at, size_t size, size_t *used);
/* Takes the blanks from the ends of the fields of a whole head (RFC 9110 5.5), so that all who read it read the same. Returns its new size.
 */
size_t gate_trim(uint8_t *head, size_t size);
/* The head was understood: `size` octets of body follow (0: on to REPLY). */
void gate_body(struct gate *gate, uint64_t size);
/* How many of `size` octets may go through now; they count as gone through when gate_passed says so. */
size_t gate_may_pass(const struct gate *gate, size_t size);
void gate_passed(struct gate *gate, size_t size);
/* Looks at the octets that may go through next, where they are of a chunked body; *size becomes how many belong to it. false: the lines
 * about its chunks are not what all parsers take alike. Called again with octets that have not passed, it goes on after them. */
bool gate_look(struct gate *gate, const uint8_t *at, size_t *size);

#endif
