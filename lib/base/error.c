#include "base/base_i.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

static const struct smki_refusal refusals[] = {
#define REFUSAL(number, name_, status_, code_, http, text_)                                                                                \
    {.code = SMKI_##name_, .name = #name_, .status = SMKI_STATUS_##status_, .wire_code = code_, .http_status = http, .text = text_},
    SMKI_ERROR_LIST(REFUSAL)
#undef REFUSAL
};

const struct smki_refusal *smki_refusal_list(size_t *count)
{
    *count = ARRAY_COUNT(refusals);
    return refusals;
}

static const struct smki_refusal *refusal_with(int code)
{
    for (size_t i = 0; i < ARRAY_COUNT(refusals); i++)
        if (refusals[i].code == code)
            return &refusals[i];
    return NULL;
}

const struct smki_refusal *smki_refusal_find(int code)
{
    const struct smki_refusal *found = refusal_with(code);

    return found != NULL ? found : refusal_with(SMKI_INTERNAL);
}

const char *smki_status_word(enum smki_status status)
{
    static const char *const words[] = {
        [SMKI_STATUS_SUCCESS] = "SUCCESS",
        [SMKI_STATUS_ISSUANCE_ANOMALY] = "ISSUANCE_ANOMALY",
        [SMKI_STATUS_UNKNOWN_DEVICE] = "UNKNOWN_DEVICE",
        [SMKI_STATUS_INELIGIBLE] = "INELIGIBLE",
        [SMKI_STATUS_CSR_ERROR] = "CSR_ERROR",
        [SMKI_STATUS_CA_ERROR] = "CA_ERROR",
        [SMKI_STATUS_FORMAT_ERROR] = "FORMAT_ERROR",
        [SMKI_STATUS_WORKFLOW_ERROR] = "WORKFLOW_ERROR",
    };

    return (size_t)status < ARRAY_COUNT(words) ? words[status] : words[SMKI_STATUS_WORKFLOW_ERROR];
}

/* ---- texts ---- */

/* The new text may quote the old one, so it is made beside it. */
SMKI_PRINTF(3, 0)
static void text_set(struct smki_error *err, int code, const char *format, va_list arguments)
{
    char text[sizeof(err->text)];

    vsnprintf(text, sizeof(text), format, arguments);
    text_tidy(text);
    memcpy(err->text, text, strlen(text) + 1);
    err->code = code;
}

/* Puts `more` after the text that is there, as far as it fits. */
static void text_add(char text[SMKI_ERROR_TEXT_SIZE], const char *more)
{
    size_t size = strlen(text);
    size_t more_size = strnlen(more, SMKI_ERROR_TEXT_SIZE - 1 - size);

    memcpy(text + size, more, more_size);
    text[size + more_size] = '\0';
    text_tidy(text);
}

int smki_fail(struct smki_error *err, int code, const char *format, ...)
{
    va_list arguments;

    if (err == NULL)
        return code;
    if (format == NULL) {
        snprintf(err->text, sizeof(err->text), "%s", smki_refusal_find(code)->text);
        err->code = code;
        return code;
    }
    va_start(arguments, format);
    text_set(err, code, format, arguments);
    va_end(arguments);
    return code;
}

int smki_error_prefix(struct smki_error *err, const char *format, ...)
{
    struct smki_error before;
    va_list arguments;

    if (err == NULL || err->code == SMKI_OK)
        return SMKI_INTERNAL;
    before = *err;
    va_start(arguments, format);
    text_set(err, before.code, format, arguments);
    va_end(arguments);
    text_add(err->text, ": ");
    text_add(err->text, before.text);
    return err->code;
}

static int code_of_errno(int errnum)
{
    switch (errnum) {
    case ENOSPC:
    case EDQUOT:
        return SMKI_DISK_FULL;
    case EACCES:
    case EPERM:
        return SMKI_PERMISSION;
    case ENOENT:
        return SMKI_NOT_FOUND;
    case ENOMEM:
        return SMKI_NO_MEMORY;
    default:
        return SMKI_IO;
    }
}

int smki_fail_errno(struct smki_error *err, int errnum, const char *format, ...)
{
    int code = code_of_errno(errnum);
    char reason[128];
    va_list arguments;

    if (err == NULL)
        return code;
    va_start(arguments, format);
    text_set(err, code, format, arguments);
    va_end(arguments);
    text_add(err->text, ": ");
    text_add(err->text, strerror_r(errnum, reason, sizeof(reason)));
    return code;
}
