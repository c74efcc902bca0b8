/* The text forms of a request (IDS 2.3, interfaces.md 4): base64 with BEGIN [NEW ]CERTIFICATE REQUEST lines or none, one line or lines of
 * up to 76 characters, LF or CRLF. Nothing but white space stands around it, and none inside a line. */
#include "pki/pem_i.h"

#include <smki/csr.h>

#include <string.h>

#define LINE_MAX_SIZE 76 /* characters (RFC 2045 6.8); a single line may be of any length */

static bool is_word(struct smki_bytes bytes, const char *word)
{
    return bytes.size == strlen(word) && memcmp(bytes.at, word, bytes.size) == 0;
}

static int check_frame(const struct pem_text *text, struct smki_error *err)
{
    if (text->bare)
        return 0;
    if (!is_word(text->label, "CERTIFICATE REQUEST") && !is_word(text->label, "NEW CERTIFICATE REQUEST"))
        return smki_fail(err, SMKI_CSR_TEXT_INVALID,
                         "the BEGIN line says \"%.*s\", it must say CERTIFICATE REQUEST or NEW CERTIFICATE REQUEST",
                         (int)(text->label.size & 0x3F), (const char *)text->label.at);
    if (!pem_is_blank(text->before))
        return smki_fail(err, SMKI_CSR_TEXT_INVALID, "text stands before the BEGIN line: take it away");
    if (!pem_is_blank(text->after))
        return smki_fail(err, SMKI_CSR_TEXT_INVALID, "text follows the END line: one request, and nothing else");
    return 0;
}

static int check_line(const uint8_t *at, size_t size, size_t number, bool single, struct smki_error *err)
{
    if (size > LINE_MAX_SIZE && !single)
        return smki_fail(err, SMKI_CSR_TEXT_INVALID, "line %zu of the base64 has %zu characters: use one line, or lines of at most %d",
                         number, size, LINE_MAX_SIZE);
    for (size_t i = 0; i < size; i++) {
        if (at[i] == ' ' || at[i] == '\t' || at[i] == '\r')
            return smki_fail(err, SMKI_CSR_TEXT_INVALID, "white space inside line %zu of the base64 (character %zu)", number, i + 1);
    }
    return 0;
}

/* body: trimmed. */
static int check_lines(struct smki_bytes body, struct smki_error *err)
{
    bool single = memchr(body.at, '\n', body.size) == NULL;
    size_t start = 0, number = 1;
    int rc;

    while (start < body.size) {
        const uint8_t *end = memchr(body.at + start, '\n', body.size - start);
        size_t size = end != NULL ? (size_t)(end - body.at) - start : body.size - start;
        size_t next = start + size + 1;

        if (end != NULL && size != 0 && body.at[start + size - 1] == '\r')
            size--;
        if ((rc = check_line(body.at + start, size, number++, single, err)) != 0)
            return rc;
        start = next;
    }
    return 0;
}

static int decode_failed(int rc, size_t capacity, struct smki_error *err)
{
    struct smki_error cause = err != NULL ? *err : (struct smki_error){0};

    if (rc == SMKI_TOO_LARGE)
        return smki_fail(err, SMKI_CSR_TOO_LARGE, "the base64 holds more than %zu octets, the most a request may have", capacity);
    return smki_fail(err, SMKI_CSR_TEXT_INVALID, "%.300s", cause.text);
}

int smki_csr_text_decode(uint8_t *out, size_t capacity, size_t *size, const char *text, size_t text_size, struct smki_error *err)
{
    struct pem_text parts;
    struct smki_bytes body;
    int rc;

    if (pem_cut(&parts, BYTES(text, text_size), err) != 0)
        return decode_failed(SMKI_CSR_TEXT_INVALID, capacity, err);
    if ((rc = check_frame(&parts, err)) != 0)
        return rc;
    body = pem_trim(parts.body);
    if (body.size == 0)
        return smki_fail(err, SMKI_CSR_TEXT_INVALID, "there is no base64 in it");
    if ((rc = check_lines(body, err)) != 0)
        return rc;
    rc = base64_decode(out, capacity, size, (const char *)body.at, body.size, BASE64_SPACES, err);
    return rc == 0 ? 0 : decode_failed(rc, capacity, err);
}
