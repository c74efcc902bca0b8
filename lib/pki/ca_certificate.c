#include "pki/draft_i.h"

#include "pki/key_i.h"
#include "pki/lint_i.h"
#include "pki/oid_i.h"
#include "pki/p256_i.h"

#include <string.h>

/* What each kind of CA is (interfaces.md 7). */
static const struct ca_kind {
    enum smki_lint_subject subject;
    const char *unit; /* OU: a Remote Party Role code */
    enum smki_key_type key;
    bool self_signed;
} kinds[] = {
    [SMKI_CA_ROOT] = {SMKI_LINT_ROOT_CA, "00", SMKI_KEY_P256, true},
    [SMKI_CA_ISSUING] = {SMKI_LINT_ISSUING_CA, "07", SMKI_KEY_P256, false},
    [SMKI_CA_IKI] = {SMKI_LINT_IKI_CA, "07", SMKI_KEY_RSA, true},
};

static int check_request(const struct smki_ca_request *request, struct smki_error *err)
{
    const struct ca_kind *kind;

    if ((unsigned)request->kind >= ARRAY_COUNT(kinds))
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "there is no such kind of CA");
    kind = &kinds[request->kind];
    if (request->common_name[0] == '\0' || strlen(request->common_name) > CA_COMMON_NAME_SIZE)
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "a CA's common name has 1 to %d characters (GBCS 12), \"%.32s\" has not",
                         CA_COMMON_NAME_SIZE, request->common_name);
    if (smki_key_type(request->key) != kind->key)
        return smki_fail(err, SMKI_KEY_TYPE, "CA \"%s\" needs a key of the other kind: P-256 for roots and issuing CAs, RSA for IKI",
                         request->common_name);
    if (kind->self_signed != (request->issuer == NULL))
        return smki_fail(err, SMKI_INVALID_ARGUMENT, "CA \"%s\": %s", request->common_name,
                         kind->self_signed ? "roots and the IKICA sign themselves" : "an issuing CA needs the root that signs it");
    if (request->issuer != NULL && request->issuer->key == NULL)
        return smki_fail(err, SMKI_CA_KEY_UNAVAILABLE, "the root was opened without its private key");
    return 0;
}

static int sign_and_close(uint8_t out[SMKI_CERTIFICATE_MAX_SIZE], size_t *size, const struct smki_key *key, struct smki_bytes spki,
                          struct smki_bytes tbs, struct smki_error *err)
{
    int rc;
    size_t signature_size;
    uint8_t digest[SHA256_SIZE], signature[SMKI_SIGNATURE_MAX_SIZE];

    p256()->digest(digest, tbs.at, tbs.size);
    if ((rc = smki_key_sign(key, signature, &signature_size, digest, err)) != 0)
        return rc;
    if (spki_verify(spki, digest, BYTES(signature, signature_size)) != 0)
        return smki_fail(err, SMKI_CA_SIGNATURE_MISMATCH, NULL);
    return certificate_close(out, size, tbs, smki_key_type(key), BYTES(signature, signature_size), err);
}

int smki_ca_certificate_make(uint8_t out[SMKI_CERTIFICATE_MAX_SIZE], size_t *size, const struct smki_ca_request *request,
                             struct smki_error *err)
{
    int rc;
    size_t tbs_size;
    uint8_t tbs[SMKI_TBS_MAX_SIZE], policy[OID_MAX_SIZE];
    const struct smki_ca *ca = request->issuer;
    const struct smki_key *signer = ca != NULL ? ca->key : request->key;
    struct draft_issuer issuer = {.signing = request->kind == SMKI_CA_IKI ? SMKI_KEY_RSA : SMKI_KEY_P256};
    struct plan plan = {.issuer = &issuer, .serial = &request->serial, .common_name = request->common_name};

    if ((rc = check_request(request, err)) != 0)
        return rc;
    if ((rc = oid_parse(policy, &issuer.policy.size, request->policy_oid, err)) != 0)
        return smki_error_prefix(err, "policy OID"), rc;
    issuer.policy.at = policy;
    issuer.name = ca != NULL ? ca->issuer.name : BYTES(NULL, 0);
    issuer.key_id = ca != NULL ? ca->issuer.key_id : BYTES(NULL, 0);
    plan.profile = profile_of(kinds[request->kind].subject);
    plan.unit = request->common_name_alone ? NULL : kinds[request->kind].unit;
    plan.spki = smki_key_public(request->key);
    plan.key_usage = KEY_USAGE_CERT_AND_CRL_SIGN;
    profile_validity(plan.profile, request->not_before, &plan.not_before, &plan.not_after);
    if ((rc = smki_key_id(plan.key_id, plan.spki, err)) != 0 || (rc = draft_write(tbs, &tbs_size, &plan, err)) != 0)
        return rc;
    if ((rc = lint_draft(plan.profile->subject, BYTES(tbs, tbs_size), ca != NULL ? &ca->certificate : NULL, err)) != 0)
        return smki_error_prefix(err, "CA \"%s\"", request->common_name), rc;
    return sign_and_close(out, size, signer, smki_key_public(signer), BYTES(tbs, tbs_size), err);
}
