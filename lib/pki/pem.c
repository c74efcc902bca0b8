#include "pki/der_i.h"
#include "pki/pem_i.h"

#include <smki/certificate.h>

#include <stdlib.h>
#include <string.h>

#define BEGIN_MARK "-----BEGIN "
#define END_MARK   "-----END "
#define CLOSE_MARK "-----"
#define LINE_SIZE  64 /* characters (RFC 7468 2) */
#define LABEL_SIZE 64

static bool is_blank(uint8_t octet)
{
    return octet == ' ' || octet == '\t' || octet == '\r' || octet == '\n';
}

bool pem_is_blank(struct smki_bytes text)
{
    return pem_trim(text).size == 0;
}

struct smki_bytes pem_trim(struct smki_bytes text)
{
    while (text.size != 0 && is_blank(text.at[0]))
        text = BYTES(text.at + 1, text.size - 1);
    while (text.size != 0 && is_blank(text.at[text.size - 1]))
        text.size--;
    return text;
}

/* The next line of *rest without its end, moving *rest past it. False when nothing is left. */
static bool next_line(struct smki_bytes *rest, struct smki_bytes *line)
{
    const uint8_t *end;

    if (rest->size == 0)
        return false;
    end = memchr(rest->at, '\n', rest->size);
    *line = BYTES(rest->at, end != NULL ? (size_t)(end - rest->at) : rest->size);
    *rest = BYTES(line->at + line->size + (end != NULL), rest->size - line->size - (end != NULL));
    return true;
}

/* "-----<mark> <label>-----", white space around it allowed. */
static bool line_label(struct smki_bytes line, const char *mark, struct smki_bytes *label)
{
    size_t mark_size = strlen(mark), close_size = strlen(CLOSE_MARK);

    line = pem_trim(line);
    if (line.size < mark_size + close_size || memcmp(line.at, mark, mark_size) != 0 ||
        memcmp(line.at + line.size - close_size, CLOSE_MARK, close_size) != 0)
        return false;
    *label = BYTES(line.at + mark_size, line.size - mark_size - close_size);
    return true;
}

static int cut_end(struct pem_text *out, struct smki_bytes rest, struct smki_error *err)
{
    const uint8_t *start = rest.at;
    struct smki_bytes line, label;

    while (next_line(&rest, &line)) {
        if (!line_label(line, END_MARK, &label))
            continue;
        if (!bytes_equal(label, out->label))
            return smki_fail(err, SMKI_ENCODING_INVALID, "the END line says \"%.*s\" and the BEGIN line \"%.*s\"", (int)(label.size & 0x3F),
                             (const char *)label.at, (int)(out->label.size & 0x3F), (const char *)out->label.at);
        out->body = BYTES(start, (size_t)(line.at - start));
        out->after = rest;
        return 0;
    }
    return smki_fail(err, SMKI_ENCODING_INVALID, "the line \"-----END %.*s-----\" is missing", (int)(out->label.size & 0x3F),
                     (const char *)out->label.at);
}

int pem_cut(struct pem_text *out, struct smki_bytes text, struct smki_error *err)
{
    struct smki_bytes rest = text, line;

    *out = (struct pem_text){.body = text, .bare = true};
    while (next_line(&rest, &line)) {
        if (!line_label(line, BEGIN_MARK, &out->label))
            continue;
        out->bare = false;
        out->before = BYTES(text.at, (size_t)(line.at - text.at));
        return cut_end(out, rest, err);
    }
    return 0;
}

/* DER is told from text by the octets that no text has. */
static bool is_binary(struct smki_bytes file)
{
    for (size_t i = 0; i < file.size; i++) {
        if ((file.at[i] < 0x20 && !is_blank(file.at[i])) || file.at[i] == 0x7F)
            return true;
    }
    return false;
}

static int take_label(char out[LABEL_SIZE], struct smki_bytes label, struct smki_error *err)
{
    if (label.size >= LABEL_SIZE)
        return smki_fail(err, SMKI_ENCODING_INVALID, "the label in the BEGIN line has %zu octets, %d are the most", label.size,
                         LABEL_SIZE - 1);
    if (label.size != 0)
        memcpy(out, label.at, label.size);
    out[label.size] = '\0';
    return 0;
}

/* Appends what the base64 holds; the intermediate copy may be a private key and is wiped by its overwriting with zeroes. */
static int append_base64(struct smki_buffer *out, struct smki_bytes body, struct smki_error *err)
{
    size_t size = 0, start = out->size, capacity = body.size / 4 * 3 + 3;
    uint8_t *room = calloc(1, capacity);
    int rc;

    if (room == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    if ((rc = base64_decode(room, capacity, &size, (const char *)body.at, body.size, BASE64_SPACES, err)) == 0)
        rc = smki_buffer_append(out, room, size, err);
    explicit_bzero(room, capacity);
    free(room);
    if (rc == 0 && out->size == start)
        return smki_fail(err, SMKI_ENCODING_INVALID, "there is no base64 in it");
    return rc;
}

int smki_pem_decode(struct smki_buffer *out, char label[LABEL_SIZE], struct smki_bytes file, struct smki_error *err)
{
    struct pem_text text;
    int rc;

    label[0] = '\0';
    if (is_binary(file))
        return smki_buffer_append(out, file.at, file.size, err);
    if ((rc = pem_cut(&text, file, err)) != 0 || (rc = take_label(label, text.label, err)) != 0)
        return rc;
    if (!pem_is_blank(text.after))
        return smki_fail(err, SMKI_ENCODING_INVALID, "something follows the END line: put one object into a file");
    return append_base64(out, text.body, err);
}

int smki_pem_encode(struct smki_buffer *out, const char *label, struct smki_bytes der, struct smki_error *err)
{
    size_t size = base64_encoded_size(der.size);
    char *text = malloc(size + 1);
    int rc;

    if (text == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    base64_encode(text, der.at, der.size);
    rc = smki_buffer_printf(out, err, "-----BEGIN %s-----\n", label);
    for (size_t at = 0; rc == 0 && at < size; at += LINE_SIZE)
        rc = smki_buffer_printf(out, err, "%.*s\n", (int)(size - at < LINE_SIZE ? size - at : LINE_SIZE), text + at);
    if (rc == 0)
        rc = smki_buffer_printf(out, err, "-----END %s-----\n", label);
    explicit_bzero(text, size);
    free(text);
    return rc;
}
