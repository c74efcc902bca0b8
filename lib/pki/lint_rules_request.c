/* Rules about what requests alone have. */
#include "pki/lint_i.h"

#include "pki/oid_i.h"

bool lint_request_has_one_extension_request(const struct lint_view *view, char detail[256])
{
    const size_t requests = view->attributes - view->foreign_attributes;

    return requests == 1 || lint_found(detail, "there are %zu", requests);
}

bool lint_request_extensions_stand_once(const struct lint_view *view, char detail[256])
{
    char text[OID_TEXT_SIZE];

    for (size_t i = 0; i < view->extension_count; i++) {
        if (lint_extension_find(view, view->extensions[i].oid) != &view->extensions[i])
            return lint_found(detail, "%s is", oid_text(view->extensions[i].oid, text));
    }
    return true;
}

bool lint_request_asks_for_nothing_else(const struct lint_view *view, char detail[256])
{
    const bool device = view->subject == SMKI_LINT_DEVICE_CSR;
    char text[OID_TEXT_SIZE];

    if (view->foreign_attributes != 0)
        return lint_found(detail, "it has %zu other attributes", view->foreign_attributes);
    for (size_t i = 0; i < view->extension_count; i++) {
        const struct smki_bytes oid = view->extensions[i].oid;

        if (!bytes_equal(oid, oid_key_usage) && !(device && bytes_equal(oid, oid_subject_alt_name)))
            return lint_found(detail, "it asks for %s", oid_text(oid, text));
    }
    return true;
}

bool lint_request_key_usage_is_critical(const struct lint_view *view, char detail[256])
{
    const struct lint_extension *extension = lint_extension_find(view, oid_key_usage);

    return extension == NULL || extension->critical || lint_found(detail, "it is not");
}

bool lint_iki_request_key_usage_is_critical(const struct lint_view *view, char detail[256])
{
    return lint_request_key_usage_is_critical(view, detail);
}
