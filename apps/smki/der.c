/* Requests and certificates in files. */
#include "smki/smki_i.h"

#include <string.h>

#define LABEL_SIZE 64
#define BEGIN_MARK "-----BEGIN "
#define END_MARK   "-----END "

/* The next such mark at the start of a line, from `from` on; the end when there is none. */
static size_t mark_find(struct smki_bytes text, const char *word, size_t from)
{
    const uint8_t *mark;

    for (; from < text.size && (mark = memmem(text.at + from, text.size - from, word, strlen(word))) != NULL; from++) {
        from = (size_t)(mark - text.at);
        if (from == 0 || mark[-1] == '\n' || mark[-1] == '\r')
            return from;
    }
    return text.size;
}

/* Where the line of the END mark ends; the words that tools write between blocks come after it. */
static size_t block_end(struct smki_bytes text)
{
    size_t end = mark_find(text, END_MARK, 0);
    const uint8_t *newline = end < text.size ? memchr(text.at + end, '\n', text.size - end) : NULL;

    return newline != NULL ? (size_t)(newline - text.at) + 1 : text.size;
}

struct smki_bytes pem_block_next(struct smki_bytes *rest)
{
    size_t first = mark_find(*rest, BEGIN_MARK, 0), second = first < rest->size ? mark_find(*rest, BEGIN_MARK, first + 1) : rest->size;
    struct smki_bytes block = {rest->at, second};

    if (second < rest->size)
        block.size = block_end(block);
    *rest = (struct smki_bytes){second < rest->size ? rest->at + second : NULL, rest->size - second};
    return block;
}

/* `first`: of several PEM blocks the first; else more than one is refused. */
static int file_decode(struct smki_buffer *out, const char *path, bool first, struct smki_error *err)
{
    struct smki_buffer file = {0};
    struct smki_bytes text;
    char label[LABEL_SIZE], why[SMKI_ERROR_TEXT_SIZE];
    int rc = file_take(&file, path, FILE_MAX, err);

    text = (struct smki_bytes){file.at, file.size};
    if (rc == 0 && (rc = smki_pem_decode(out, label, first ? pem_block_next(&text) : text, err)) != 0) {
        snprintf(why, sizeof(why), "%s", err->text);
        snprintf(err->text, sizeof(err->text), "%.200s: %.300s", path, why);
    }
    smki_buffer_finish(&file);
    return rc;
}

int der_take(struct smki_buffer *out, const char *path, struct smki_error *err)
{
    return file_decode(out, path, false, err);
}

int der_take_first(struct smki_buffer *out, const char *path, struct smki_error *err)
{
    return file_decode(out, path, true, err);
}

int pem_put(const char *path, const char *label, struct smki_bytes der, struct smki_error *err)
{
    struct smki_buffer pem = {0};
    int rc = smki_pem_encode(&pem, label, der, err);

    if (rc == 0)
        rc = file_put(path, (struct smki_bytes){pem.at, pem.size}, err);
    smki_buffer_finish(&pem);
    return rc;
}
