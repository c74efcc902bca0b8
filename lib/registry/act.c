/* What the registry tells the audit log of its acts. */
#include "registry/document_i.h"

#include <stdarg.h>
#include <string.h>

void phrase_add(struct phrase *phrase, const char *format, ...)
{
    char part[2 * SMKI_AUDIT_DETAIL_SIZE];
    size_t left = sizeof(phrase->text) - phrase->size, size;
    va_list values;
    int written;

    written = snprintf(part, sizeof(part), "%s", phrase->size != 0 ? ", " : "");
    va_start(values, format);
    written = vsnprintf(part + written, sizeof(part) - (size_t)written, format, values);
    va_end(values);
    size = written < 0 ? 0 : strlen(part);
    if (size >= left)
        size = left - 1;
    memcpy(phrase->text + phrase->size, part, size);
    phrase->text[phrase->size + size] = '\0';
    phrase->size = text_tidy(phrase->text);
}

int record_act(struct store_change *change, const struct smki_actor *actor, enum smki_act act, uint64_t party, uint64_t subject,
               const char *detail, struct smki_error *err)
{
    struct smki_audit_record record = {.act = act, .actor = *actor, .party = party, .subject = subject};
    size_t length = strnlen(detail, sizeof(record.detail) - 1);

    memcpy(record.detail, detail, length);
    return store_record(change, &record, err);
}
