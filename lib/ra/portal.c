/* A pasted CSR: what it says, and what an officer gets for it (interfaces.md 4). */
#include "pki/oid_i.h"
#include "ra/portal_i.h"
#include "ra/ticket_i.h"

#include <string.h>

/* ---- the text ---- */

/* The DER of a pasted text; `der` is the octets' place. */
static int text_decode(uint8_t der[SMKI_CSR_MAX_SIZE], struct smki_bytes *out, struct smki_bytes text, struct smki_error *err)
{
    size_t size = 0;
    int rc;

    *out = (struct smki_bytes){0};
    if (text.size > SMKI_PORTAL_TEXT_MAX)
        return smki_fail(err, SMKI_CSR_TOO_LARGE, "a text of %zu octets is no CSR; one has a few hundred, and %d at most", text.size,
                         SMKI_PORTAL_TEXT_MAX);
    if ((rc = smki_csr_text_decode(der, SMKI_CSR_MAX_SIZE, &size, (const char *)text.at, text.size, err)) == 0)
        *out = BYTES(der, size);
    return rc;
}

/* ---- what it says ---- */

struct look {
    struct smki_csr csr;
    struct smki_bytes der;
    bool read; /* csr is what the text says */
    int rc;    /* of the checker */
    struct smki_error why;
};

static void look_at(struct look *look, uint8_t der[SMKI_CSR_MAX_SIZE], const struct smki_service *service, enum smki_profile profile,
                    struct smki_bytes text)
{
    if ((look->rc = text_decode(der, &look->der, text, &look->why)) != 0 ||
        (look->rc = request_read(&look->csr, service, profile, look->der, &look->why)) != 0)
        return;
    look->read = true;
    look->rc = smki_csr_verify(&look->csr, &look->why);
}

static bool refusal_tell(cJSON *object, const struct look *look)
{
    const struct smki_refusal *refusal = smki_refusal_find(look->rc);

    return look->rc == 0 || (page_text(object, "name", refusal->name) && page_text(object, "code", refusal->wire_code) &&
                             page_text(object, "text", look->why.text));
}

static const char *signature_word(const struct look *look)
{
    if (look->rc == 0)
        return "good";
    return look->read && look->rc == SMKI_CSR_SIGNATURE ? "bad" : NULL;
}

static bool request_tell(cJSON *object, const struct smki_csr *csr)
{
    char hardware[OID_TEXT_SIZE];

    if (!page_text(object, "keyUsage", smki_key_usage_word(csr->key_usage)) || !page_sha256(object, "keyPrint", csr->spki) ||
        !page_number(object, "size", csr->der.size))
        return false;
    if (csr->profile == SMKI_PROFILE_ORGANISATION)
        return page_organisation(object, &csr->subject);
    return page_id(object, "deviceId", &csr->device_id) && page_text(object, "hardwareType", oid_dotted(csr->hardware_type, hardware));
}

static bool notices_tell(cJSON *object, const struct look *look)
{
    cJSON *notices = cJSON_AddArrayToObject(object, "notices"), *one;
    char text[128];

    if (notices == NULL || !look->read || look->csr.trailer == 0)
        return notices != NULL;
    snprintf(text, sizeof(text), "%zu octets follow the request; nothing signs them, and they are left out.", look->csr.trailer);
    one = cJSON_CreateString(text);
    if (one != NULL && cJSON_AddItemToArray(notices, one))
        return true;
    cJSON_Delete(one);
    return false;
}

int smki_portal_csr_json(struct cJSON **out, struct smki_service *service, enum smki_profile profile, struct smki_bytes text,
                         struct smki_error *err)
{
    uint8_t der[SMKI_CSR_MAX_SIZE];
    struct look look = {.rc = 0};
    cJSON *object;
    bool ok;

    *out = NULL;
    if (profile != SMKI_PROFILE_DEVICE && profile != SMKI_PROFILE_ORGANISATION)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "the portal takes Device and Organisation CSRs");
    look_at(&look, der, service, profile, text);
    if (look.rc == SMKI_NO_MEMORY || (object = cJSON_CreateObject()) == NULL)
        return smki_fail(err, SMKI_NO_MEMORY, NULL);
    ok = page_bool(object, "ok", look.rc == 0) && page_text(object, "profile", smki_profile_word(profile)) && refusal_tell(object, &look) &&
         (!look.read || request_tell(object, &look.csr)) && page_text(object, "signature", signature_word(&look)) &&
         notices_tell(object, &look);
    return page_complete(out, object, ok, err);
}

/* ---- what an officer gets for it ---- */

static int text_issue(struct smki_service *service, const struct smki_identity *identity, enum smki_interface part,
                      enum smki_profile profile, struct smki_bytes text, struct smki_stored_certificate *out, struct smki_verdict *verdict,
                      struct smki_error *err)
{
    const struct smki_actor *actor = &identity->actor;
    uint8_t octets[SMKI_CSR_MAX_SIZE];
    struct smki_error why = {0};
    struct smki_bytes der;
    int rc;

    *out = (struct smki_stored_certificate){.size = 0};
    if (actor->interface != part)
        return smki_fail(err, SMKI_IKI_INTERFACE, "credential %llu (\"%s\") is for %s, not for %s", (unsigned long long)actor->credential,
                         actor->name, smki_interface_word(actor->interface), smki_interface_word(part));
    if ((rc = text_decode(octets, &der, text, &why)) != 0)
        return refused_unread(service, actor, profile, rc, why.text, err);
    return profile == SMKI_PROFILE_DEVICE ? quota_issue(service, actor, der, out, verdict, err)
                                          : smki_service_issue(service, actor, profile, der, out, err);
}

int smki_portal_device_issue(struct smki_service *service, const struct smki_identity *identity, struct smki_bytes text,
                             struct smki_stored_certificate *out, struct smki_allowance *left, struct smki_verdict *verdict,
                             struct smki_error *err)
{
    struct smki_verdict seen = {.allowed = true};
    int rc = text_issue(service, identity, SMKI_INTERFACE_PORTAL_DEVICE, SMKI_PROFILE_DEVICE, text, out, &seen, err);

    if (verdict != NULL)
        *verdict = seen;
    /* what was issued stays issued when its count cannot be told */
    if (left != NULL && smki_service_allowance(service, identity->actor.party, SMKI_RULE_PORTAL_ADHOC, left, NULL) != 0)
        *left = (struct smki_allowance){0};
    return rc;
}

int smki_portal_organisation_issue(struct smki_service *service, const struct smki_identity *identity, struct smki_bytes text,
                                   struct smki_stored_certificate *out, struct smki_error *err)
{
    return text_issue(service, identity, SMKI_INTERFACE_PORTAL_ORGANISATION, SMKI_PROFILE_ORGANISATION, text, out, NULL, err);
}
