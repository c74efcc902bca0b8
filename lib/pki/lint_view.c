#include "pki/lint_i.h"

#include "pki/oid_i.h"

/* Each reads what stands next into the view, and says NULL or what was not to be read. */

static bool read_times(struct lint_view *view, struct der *body)
{
    struct der validity;
    struct lint_time *times[] = {&view->not_before, &view->not_after};

    if (!der_enter(body, DER_SEQUENCE, &validity))
        return false;
    for (size_t i = 0; i < ARRAY_COUNT(times); i++) {
        struct smki_bytes contents;
        struct der ahead = validity;

        times[i]->good = der_time(&ahead, &times[i]->at);
        if (!der_any(&validity, &times[i]->tag, &contents) || (times[i]->tag != DER_UTC_TIME && times[i]->tag != DER_GENERALIZED_TIME))
            return false;
    }
    return der_done(&validity);
}

static bool read_extension(struct lint_view *view, struct der *extensions)
{
    struct der inside;
    struct lint_extension *extension = &view->extensions[view->extension_count];

    *extension = (struct lint_extension){0};
    if (!der_enter(extensions, DER_SEQUENCE, &inside) || !der_oid(&inside, &extension->oid))
        return false;
    if (der_next_is(&inside, DER_BOOLEAN)) {
        if (!der_boolean(&inside, &extension->critical))
            return false;
        extension->default_written = !extension->critical;
    }
    view->extension_count++;
    return der_take(&inside, DER_OCTET_STRING, &extension->value) && der_done(&inside);
}

static bool read_extensions(struct lint_view *view, struct der *outside)
{
    struct der extensions;

    if (!der_enter(outside, DER_SEQUENCE, &extensions) || der_done(&extensions))
        return false;
    while (!der_done(&extensions)) {
        if (view->extension_count == LINT_EXTENSIONS_MAX || !read_extension(view, &extensions))
            return false;
    }
    return true;
}

/* [0] version DEFAULT v1 */
static bool read_version(struct lint_view *view, struct der *body)
{
    struct der inside;

    if (!der_next_is(body, DER_CONTEXT_CONSTRUCTED | 0))
        return true;
    return der_enter(body, DER_CONTEXT_CONSTRUCTED | 0, &inside) && der_small(&inside, &view->version) && der_done(&inside);
}

/* [1] issuerUniqueID, [2] subjectUniqueID, [3] extensions */
static const char *read_optional(struct lint_view *view, struct der *body)
{
    struct der inside;
    struct smki_bytes contents;

    for (uint8_t n = 1; n <= 2; n++) {
        if (der_next_is(body, (uint8_t)(DER_CONTEXT | n))) {
            view->has_unique_ids = true;
            if (!der_take(body, (uint8_t)(DER_CONTEXT | n), &contents))
                return "issuerUniqueID or subjectUniqueID";
        }
    }
    if (der_next_is(body, DER_CONTEXT_CONSTRUCTED | 3)) {
        if (!der_enter(body, DER_CONTEXT_CONSTRUCTED | 3, &inside) || !read_extensions(view, &inside) || !der_done(&inside))
            return "the extensions";
    }
    return der_done(body) ? NULL : "what follows the extensions";
}

const char *lint_view_draft(struct lint_view *view, struct smki_bytes tbs)
{
    struct der outside = der_of(tbs), body;

    view->body = tbs;
    if (!der_enter(&outside, DER_SEQUENCE, &body) || !der_done(&outside))
        return "TBSCertificate";
    if (!read_version(view, &body))
        return "the version";
    if (!der_integer(&body, &view->serial))
        return "the serial number";
    if (!der_take_whole(&body, DER_SEQUENCE, &view->inner_algorithm))
        return "the signature algorithm inside";
    if (!der_take_whole(&body, DER_SEQUENCE, &view->issuer))
        return "the issuer";
    if (!read_times(view, &body))
        return "the validity";
    if (!der_take_whole(&body, DER_SEQUENCE, &view->name))
        return "the subject";
    if (!der_take_whole(&body, DER_SEQUENCE, &view->spki))
        return "the public key";
    return read_optional(view, &body);
}

/* What certificates and requests share: SEQUENCE { body, algorithm, signature }, and what follows it. */
static const char *read_signed(struct lint_view *view, struct smki_bytes der)
{
    struct der file = der_of(der), inside, outside;

    if (!der_take_whole(&file, DER_SEQUENCE, &view->whole))
        return "the outermost SEQUENCE";
    view->tail = der.size - view->whole.size;
    outside = der_of(view->whole);
    if (!der_enter(&outside, DER_SEQUENCE, &inside) || !der_take_whole(&inside, DER_SEQUENCE, &view->body))
        return "what is signed";
    if (!der_take_whole(&inside, DER_SEQUENCE, &view->algorithm))
        return "the signature algorithm";
    if (!der_bit_octets(&inside, &view->signature))
        return "the signature's BIT STRING";
    return der_done(&inside) ? NULL : "what follows the signature";
}

const char *lint_view_certificate(struct lint_view *view, struct smki_bytes der)
{
    const char *broken = read_signed(view, der);

    return broken != NULL ? broken : lint_view_draft(view, view->body);
}

/* Attribute ::= SEQUENCE { type, SET OF values } */
static bool read_attribute(struct lint_view *view, struct der *attributes)
{
    struct der attribute, values;
    struct smki_bytes type;

    if (!der_enter(attributes, DER_SEQUENCE, &attribute) || !der_oid(&attribute, &type) || !der_enter(&attribute, DER_SET, &values) ||
        !der_done(&attribute))
        return false;
    view->attributes++;
    if (!bytes_equal(type, oid_extension_request)) {
        view->foreign_attributes++;
        return true;
    }
    return read_extensions(view, &values) && der_done(&values);
}

const char *lint_view_request(struct lint_view *view, struct smki_bytes der)
{
    struct der outside, info, attributes;
    const char *broken = read_signed(view, der);

    if (broken != NULL)
        return broken;
    outside = der_of(view->body);
    if (!der_enter(&outside, DER_SEQUENCE, &info) || !der_small(&info, &view->version))
        return "the version";
    if (!der_take_whole(&info, DER_SEQUENCE, &view->name))
        return "the subject";
    if (!der_take_whole(&info, DER_SEQUENCE, &view->spki))
        return "the public key";
    if (!der_enter(&info, DER_CONTEXT_CONSTRUCTED | 0, &attributes) || !der_done(&info))
        return "the attributes";
    while (!der_done(&attributes)) {
        if (!read_attribute(view, &attributes))
            return "an attribute";
    }
    return NULL;
}

const struct lint_extension *lint_extension_find(const struct lint_view *view, struct smki_bytes oid)
{
    for (size_t i = 0; i < view->extension_count; i++) {
        if (bytes_equal(view->extensions[i].oid, oid))
            return &view->extensions[i];
    }
    return NULL;
}
